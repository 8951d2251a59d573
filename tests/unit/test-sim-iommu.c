/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOMMU against a plain array of what is mapped: translations, DMA through them into memory
 * with canaries, faults. Single facts: test-sim-iommu-facts.c; threads: test-sim-host-threads.c.
 */
#include <inttypes.h>

#include "sim/host/iommu.h"
#include "unit.h"

#define RW  (IOMMU_READ | IOMMU_WRITE)
#define TOP (UINT64_C(1) << IOVA_BITS)
#define K4  PAGE_SIZE_4K
#define M2  PAGE_SIZE_2M
#define G1  PAGE_SIZE_1G

static uint64_t rnd(uint64_t *seed, uint64_t n)
{
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (*seed >> 33) % n;
}

/* ---- random maps, unmaps, attaches and DMA ------------------------------------------------------
 */

#define MEMORY  (4 * M2)
#define POOL    (2 * M2) /* what is mapped */
#define DOMAINS 3u
#define RIDS    6u /* the last is never attached */
#define WINDOWS 4u
#define WINDOW  2048u /* pages */

/* IOVAs that are used: from 0, over a 4 GiB and a 512 GiB boundary, up to the last one. */
static const uint64_t windows[WINDOWS] = {
        0, 4 * G1 - 2 * M2, 512 * G1 - M2, TOP - WINDOW *UINT64_C(4096)};
static const uint16_t rids[RIDS] = {0x0000, 0x0100, 0x0101, 0x3b10, 0xffff, 0x0180};

struct cell {
        uint64_t address; /* of this 4 KiB page */
        uint64_t leaf, size;
        uint32_t access; /* 0: not mapped */
};

struct world {
        struct memory *memory;
        struct iommu *iommu;
        uint64_t pool;
        struct iommu_domain *domain[DOMAINS];
        struct cell cells[DOMAINS][WINDOWS][WINDOW];
        int context[RIDS];        /* -1: none */
        uint8_t expected[MEMORY]; /* bytes of the whole memory */
        uint64_t last_iova[RIDS];
        struct iommu_page remembered[RIDS];
        uint64_t seed;
        uint64_t denied;   /* and not read in the log */
        uint64_t patience; /* accesses until it is read */
        struct {
                uint64_t maps, exists, unmaps, cuts, large, allowed, denied, reused, overflows;
        } seen;
};

static void map_some(struct world *w)
{
        static const uint64_t limits[] = {0, K4, M2, G1};
        unsigned d = rnd(&w->seed, DOMAINS), v = rnd(&w->seed, WINDOWS);
        uint64_t kind = rnd(&w->seed, 4);
        uint64_t n = kind == 0   ? 512 * (1 + rnd(&w->seed, 2))
                     : kind == 1 ? 1 + rnd(&w->seed, POOL / K4)
                                 : 1 + rnd(&w->seed, 20);
        uint64_t at = rnd(&w->seed, WINDOW - n), from = rnd(&w->seed, POOL / K4 - n + 1);
        uint64_t limit = limits[rnd(&w->seed, ELEMENTSOF(limits))];
        uint32_t access = 1 + (uint32_t) rnd(&w->seed, 3);
        bool exists = false;

        if (kind == 0) { /* 2 MiB leaves fit */
                at -= at % 512;
                from -= from % 512;
        }
        for (uint64_t i = 0; i < n; i++)
                exists |= w->cells[d][v][at + i].access != 0;
        assert_int_equal(iommu_map(w->domain[d], windows[v] + at * K4, w->pool + from * K4, n * K4,
                                 access, limit),
                exists ? -EEXIST : 0);
        w->seen.maps += !exists;
        w->seen.exists += exists;
        for (uint64_t i = 0, pages; i < n && !exists; i += pages) {
                pages = limit != K4 && (at + i) % 512 == 0 && (from + i) % 512 == 0 && n - i >= 512
                                ? 512
                                : 1;
                w->seen.large += pages > 1;
                for (uint64_t k = i; k < i + pages; k++)
                        w->cells[d][v][at + k] = (struct cell){w->pool + (from + k) * K4,
                                windows[v] + (at + i) * K4, pages * K4, access};
        }
}

static void unmap_some(struct world *w)
{
        unsigned d = rnd(&w->seed, DOMAINS), v = rnd(&w->seed, WINDOWS);
        uint64_t n = 1 + rnd(&w->seed, rnd(&w->seed, 4) ? 40 : WINDOW / 2);
        uint64_t at = rnd(&w->seed, WINDOW - n), iova;
        const struct cell *first, *last;
        bool any = false, cut;
        int r;

        if (rnd(&w->seed, 2)) { /* whole 2 MiB */
                at -= at % 512;
                n = (n + 511) / 512 * 512;
                n = n < WINDOW - at ? n : WINDOW - at;
        }
        iova = windows[v] + at * K4;
        first = &w->cells[d][v][at];
        last = first + n - 1;
        cut = (first->access && first->leaf < iova) ||
              (last->access && last->leaf + last->size > iova + n * K4);
        for (uint64_t i = 0; i < n; i++)
                any |= first[i].access != 0;
        r = iommu_unmap(w->domain[d], iova, n * K4);
        assert_int_equal(r, cut ? -EINVAL : any ? 0 : -ENOENT);
        w->seen.cuts += cut;
        w->seen.unmaps += r == 0;
        if (r == 0)
                memset(&w->cells[d][v][at], 0, n * sizeof(*first));
}

static void attach_some(struct world *w)
{
        unsigned i = rnd(&w->seed, RIDS - 1);
        int d = rnd(&w->seed, 8) ? (int) rnd(&w->seed, DOMAINS) : -1;

        assert_int_equal(iommu_attach(w->iommu, rids[i], d < 0 ? NULL : w->domain[d]), 0);
        w->context[i] = d;
}

/* Often where this requester was allowed before. */
static uint64_t some_iova(struct world *w, unsigned i)
{
        uint64_t offset = rnd(&w->seed, WINDOW * K4), kind = rnd(&w->seed, 40);

        if (kind < 25)
                return w->last_iova[i] / K4 * K4 + offset % K4;
        return kind == 25   ? TOP + offset
               : kind == 26 ? UINT64_MAX - offset
                            : windows[rnd(&w->seed, WINDOWS)] + offset;
}

static const struct cell *cell_of(const struct world *w, unsigned i, uint64_t iova)
{
        for (unsigned v = 0; v < WINDOWS; v++)
                if (iova >= windows[v] && iova - windows[v] < WINDOW * K4)
                        return &w->cells[w->context[i]][v][(iova - windows[v]) / K4];
        fail_msg("no such window");
        return NULL;
}

static enum iommu_reason expected_reason(
        const struct world *w, unsigned i, uint64_t iova, uint32_t access)
{
        uint32_t lacks;

        if (w->context[i] < 0)
                return IOMMU_NO_CONTEXT;
        if (iova >= TOP)
                return IOMMU_BAD_ADDRESS;
        lacks = access & ~cell_of(w, i, iova)->access;
        return lacks & IOMMU_WRITE ? IOMMU_NO_WRITE : lacks ? IOMMU_NO_READ : IOMMU_OK;
}

static void check_page(const struct world *w, unsigned i, uint64_t iova, const struct iommu_page *p)
{
        const struct cell *c = cell_of(w, i, iova);

        assert_int_equal(p->size, c->size);
        assert_int_equal(p->iova, c->leaf);
        assert_int_equal(p->address + (iova / K4 * K4 - c->leaf), c->address);
        assert_int_equal(p->access, c->access);
        assert_int_equal(p->generation, iommu_generation(w->iommu));
}

/* Each denied access is in the log, or lost and that is said. */
static void read_log(struct world *w)
{
        struct iommu_fault fault;
        uint64_t told = 0;

        while (iommu_next_fault(w->iommu, &fault))
                told += 1 + fault.count;
        if (iommu_overflow(w->iommu)) {
                assert_true(told < w->denied);
                w->seen.overflows++;
        } else {
                assert_int_equal(told, w->denied);
        }
        w->denied = 0;
}

/* The log was empty: it says this one access, once. */
static void check_fault(
        struct world *w, uint16_t rid, uint64_t iova, uint32_t access, enum iommu_reason reason)
{
        struct iommu_fault fault;

        assert_true(iommu_next_fault(w->iommu, &fault));
        assert_int_equal(fault.rid, rid);
        assert_int_equal(fault.write, (access & IOMMU_WRITE) != 0);
        assert_false(fault.interrupt);
        assert_int_equal(fault.reason, reason);
        assert_int_equal(fault.address, iova / K4 * K4);
        assert_int_equal(fault.count, 0);
        assert_false(iommu_next_fault(w->iommu, &fault));
        w->denied = 0;
}

/* What a device does with a page: writes, not beyond its end. */
static void dma(struct world *w, unsigned i, const struct iommu_page *p, uint64_t iova)
{
        uint64_t left = p->iova + p->size - iova, n = 1 + rnd(&w->seed, left < 9000 ? left : 9000);
        uint8_t byte = (uint8_t) rnd(&w->seed, 256);

        memset(memory_at(w->memory, p->address + (iova - p->iova)), byte, n);
        for (uint64_t end = iova + n, next; iova != end; iova = next) {
                next = iova / K4 * K4 + K4;
                if (end - iova < next - iova)
                        next = end;
                memset(&w->expected[cell_of(w, i, iova)->address + iova % K4], byte, next - iova);
        }
}

static void access_some(struct world *w)
{
        unsigned i = rnd(&w->seed, RIDS);
        uint64_t iova = some_iova(w, i);
        uint32_t access = 1 + (uint32_t) rnd(&w->seed, 3);
        enum iommu_reason reason = expected_reason(w, i, iova, access);
        struct iommu_page *p = &w->remembered[i], looked;
        const struct iommu_page before = *p;
        bool empty = rnd(&w->seed, w->patience) == 0;

        if (p->generation == iommu_generation(w->iommu) && iova - p->iova < p->size) {
                check_page(w, i, iova, p); /* good without asking */
                w->seen.reused++;
        }
        if (empty)
                read_log(w);
        assert_int_equal(iommu_look(w->iommu, rids[i], iova, access, &looked), reason);
        assert_int_equal(iommu_translate(w->iommu, rids[i], iova, access, p), reason);
        if (reason == IOMMU_OK) {
                check_page(w, i, iova, p);
                check_page(w, i, iova, &looked);
                if (access & IOMMU_WRITE)
                        dma(w, i, p, iova);
                w->last_iova[i] = iova;
                w->seen.allowed++;
                return;
        }
        assert_memory_equal(p, &before, sizeof(before));
        w->denied++;
        w->seen.denied++;
        if (empty)
                check_fault(w, rids[i], iova, access, reason);
}

static void world_new(struct world *w)
{
        assert_int_equal(memory_new(MEMORY, &w->memory), 0);
        for (uint64_t i = 0; i < MEMORY; i++) /* canaries */
                *memory_at(w->memory, i) = (uint8_t) (i ^ i >> 8 ^ i >> 16);
        assert_int_equal(iommu_new(w->memory, true, &w->iommu), 0);
        assert_int_equal(memory_take(w->memory, POOL, M2, &w->pool), 0);
        for (unsigned d = 0; d < DOMAINS; d++)
                assert_int_equal(iommu_domain_new(w->iommu, &w->domain[d]), 0);
        for (unsigned i = 0; i < RIDS; i++)
                w->context[i] = -1;
        memcpy(w->expected, w->memory->bytes, MEMORY);
}

/* Maps and unmaps change their tables, never the pool; DMA changes what it should and no more. */
static void change_some(struct world *w)
{
        for (unsigned i = 0; i < 30; i++) {
                uint64_t kind = rnd(&w->seed, 8);

                if (kind == 0)
                        attach_some(w);
                else if (kind < 6)
                        map_some(w);
                else
                        unmap_some(w);
        }
        assert_memory_equal(&w->expected[w->pool], memory_at(w->memory, w->pool), POOL);
        memcpy(w->expected, w->memory->bytes, w->pool);
        memcpy(&w->expected[w->pool + POOL], memory_at(w->memory, w->pool + POOL),
                MEMORY - w->pool - POOL);
}

static void as_the_array_says(void **state)
{
        _cleanup_(freep) struct world *w = calloc(1, sizeof(*w));
        struct iommu_counts counts;

        (void) state;
        assert_non_null(w);
        w->seed = 7;
        world_new(w);
        for (unsigned round = 0; round < 400; round++) {
                change_some(w);
                w->patience = 1 + rnd(&w->seed, 300);
                for (unsigned i = 0; i < 500; i++)
                        access_some(w);
                assert_true(memcmp(w->expected, w->memory->bytes, MEMORY) == 0);
        }
        read_log(w);
        counts = iommu_counts(w->iommu);
        assert_int_equal(counts.faults, w->seen.denied);
        assert_int_equal(counts.hits + counts.misses, w->seen.allowed + w->seen.denied);
        print_message("# %" PRIu64 " maps, %" PRIu64 " unmaps, %" PRIu64 " allowed, %" PRIu64
                      " denied, log full in %" PRIu64 "\n",
                w->seen.maps, w->seen.unmaps, w->seen.allowed, w->seen.denied, w->seen.overflows);
        /* it was worth it */
        assert_true(w->seen.maps > 2000 && w->seen.exists > 1000 && w->seen.unmaps > 1000);
        assert_true(w->seen.large > 100 && w->seen.cuts > 100 && w->seen.overflows > 20);
        assert_true(w->seen.allowed > 30000 && w->seen.denied > 30000 && w->seen.reused > 10000);
        assert_true(counts.hits > 10000);
        for (unsigned d = 0; d < DOMAINS; d++)
                iommu_domain_free(w->domain[d]);
        assert_int_equal(memory_taken(w->memory), POOL); /* every table was given back */
        for (unsigned i = 0; i < RIDS; i++)
                assert_int_equal(iommu_look(w->iommu, rids[i], 0, IOMMU_READ, &w->remembered[0]),
                        IOMMU_NO_CONTEXT);
        iommu_free(w->iommu);
        memory_free(w->memory);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(as_the_array_says),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
