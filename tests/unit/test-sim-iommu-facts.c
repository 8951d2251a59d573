/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOMMU, fact by fact: what is refused, leaves of each size, what an unmap promises, isolation,
 * the tables as the VT-d specification has them (also damaged ones), the fault log.
 */
#include <endian.h>

#include "sim/host/iommu.h"
#include "unit.h"

#define RW  (IOMMU_READ | IOMMU_WRITE)
#define TOP (UINT64_C(1) << IOVA_BITS)
#define K4  PAGE_SIZE_4K
#define M2  PAGE_SIZE_2M
#define G1  PAGE_SIZE_1G
#define RID 0x0110

struct one {
        struct memory *memory;
        struct iommu *iommu;
        struct iommu_domain *domain;
        uint64_t empty;   /* bytes taken when nothing is mapped */
        unsigned waited;  /* for devices */
        uint64_t waiting; /* bytes taken then */
};

static void wait_for_devices(void *userdata)
{
        struct one *o = userdata;

        o->waited++;
        o->waiting = memory_taken(o->memory);
}

static int setup_sized(void **state, uint64_t size)
{
        struct one *o = calloc(1, sizeof(*o));

        assert_non_null(o);
        assert_int_equal(memory_new(size, &o->memory), 0);
        assert_int_equal(iommu_new(o->memory, true, &o->iommu), 0);
        assert_int_equal(iommu_domain_new(o->iommu, &o->domain), 0);
        assert_int_equal(iommu_attach(o->iommu, RID, o->domain), 0);
        iommu_on_invalidate(o->iommu, wait_for_devices, o);
        o->empty = memory_taken(o->memory);
        *state = o;
        return 0;
}

static int setup(void **state)
{
        return setup_sized(state, 4 * M2);
}

static int setup_large(void **state)
{
        return setup_sized(state, 4 * G1);
}

static int teardown(void **state)
{
        struct one *o = *state;

        iommu_domain_free(o->domain);
        assert_int_equal(memory_taken(o->memory), o->empty - K4);
        iommu_free(o->iommu);
        memory_free(o->memory);
        free(o);
        return 0;
}

/* Translates; OK: also checks the page. */
static enum iommu_reason at(
        struct one *o, uint64_t iova, uint32_t access, uint64_t address, uint64_t size)
{
        struct iommu_page page = {0};
        enum iommu_reason reason = iommu_translate(o->iommu, RID, iova, access, &page);

        if (reason == IOMMU_OK) {
                assert_int_equal(page.size, size);
                assert_int_equal(page.iova, iova / size * size);
                assert_int_equal(page.address, address);
        }
        return reason;
}

static void what_is_refused(void **state)
{
        struct one *o = *state;
        static const struct {
                uint64_t iova, address, size, largest;
                uint32_t access;
        } maps[] = {
                {0, K4, 0, 0, RW},
                {1, K4, K4, 0, RW},
                {0, K4 + 512, K4, 0, RW},
                {0, K4, K4 + 1, 0, RW},
                {0, K4, K4, 0, 0},
                {0, K4, K4, 0, 4 | RW},
                {0, K4, K4, 1, RW},
                {0, K4, K4, 2 * K4, RW},
                {0, K4, K4, 2 * G1, RW},
                {TOP, K4, K4, 0, RW},
                {TOP - K4, K4, 2 * K4, 0, RW},
                {-K4, K4, K4, 0, RW},
                {-K4, K4, 2 * K4, 0, RW},
                {0, 4 * M2, K4, 0, RW},
                {0, 4 * M2 - K4, 2 * K4, 0, RW},
                {0, -K4, K4, 0, RW},
                {0, -K4, 2 * K4, 0, RW},
                {0, 0, TOP, 0, RW},
        };
        static const struct {
                uint64_t iova, size;
                int error;
        } unmaps[] = {
                {0, 0, -EINVAL},
                {0, 1, -EINVAL},
                {1, K4, -EINVAL},
                {TOP, K4, -EINVAL},
                {TOP - K4, 2 * K4, -EINVAL},
                {-K4, 2 * K4, -EINVAL},
                {0, TOP + K4, -EINVAL},
                {0, K4, -ENOENT},
                {0, TOP, -ENOENT},
        };

        for (size_t i = 0; i < ELEMENTSOF(maps); i++)
                assert_int_equal(iommu_map(o->domain, maps[i].iova, maps[i].address, maps[i].size,
                                         maps[i].access, maps[i].largest),
                        -EINVAL);
        for (size_t i = 0; i < ELEMENTSOF(unmaps); i++)
                assert_int_equal(
                        iommu_unmap(o->domain, unmaps[i].iova, unmaps[i].size), unmaps[i].error);
        assert_int_equal(memory_taken(o->memory), o->empty);
        assert_int_equal(o->waited, 0);
        assert_int_equal(iommu_counts(o->iommu).invalidations, 1); /* the attach of setup */
        /* the largest of everything */
        assert_int_equal(iommu_map(o->domain, TOP - 4 * M2, 0, 4 * M2, RW, 0), 0);
        assert_int_equal(at(o, TOP - 1, RW, 3 * M2, M2), IOMMU_OK);
        assert_int_equal(iommu_unmap(o->domain, 0, TOP), 0);
}

/* 1 GiB, 2 MiB and 4 KiB leaves in one mapping; none can be cut. */
static void leaves(void **state)
{
        struct one *o = *state;
        const uint64_t iova = 512 * G1 + G1 - K4, size = K4 + 2 * G1 + 2 * M2 + K4;
        const uint64_t address = G1 - K4;
        static const uint64_t limits[] = {0, G1, M2};

        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                const uint64_t large = limits[i] == M2 ? M2 : G1;

                assert_int_equal(
                        iommu_map(o->domain, iova, address, size, IOMMU_WRITE, limits[i]), 0);
                assert_int_equal(iommu_map(o->domain, 514 * G1, K4, K4, RW, 0), -EEXIST);
                for (unsigned again = 0; again < 2; again++) {
                        assert_int_equal(at(o, iova + 5, IOMMU_WRITE, address, K4), IOMMU_OK);
                        assert_int_equal(at(o, 513 * G1, IOMMU_WRITE, G1, large), IOMMU_OK);
                        assert_int_equal(
                                at(o, 515 * G1 - 1, IOMMU_WRITE, 3 * G1 - large, large), IOMMU_OK);
                        assert_int_equal(at(o, 515 * G1, IOMMU_WRITE, 3 * G1, M2), IOMMU_OK);
                        assert_int_equal(
                                at(o, iova + size - 1, IOMMU_WRITE, 3 * G1 + 2 * M2, K4), IOMMU_OK);
                        assert_int_equal(at(o, 513 * G1, IOMMU_READ, 0, 0), IOMMU_NO_READ);
                        assert_int_equal(at(o, iova - 1, IOMMU_WRITE, 0, 0), IOMMU_NO_WRITE);
                        assert_int_equal(at(o, iova + size, IOMMU_WRITE, 0, 0), IOMMU_NO_WRITE);
                }
                assert_int_equal(iommu_unmap(o->domain, 513 * G1 + K4, K4), -EINVAL);
                assert_int_equal(iommu_unmap(o->domain, 513 * G1, large - K4), -EINVAL);
                assert_int_equal(iommu_unmap(o->domain, 514 * G1 + large / 2, large), -EINVAL);
                assert_int_equal(iommu_unmap(o->domain, 0, 515 * G1 + K4), -EINVAL);
                assert_int_equal(at(o, iova, IOMMU_WRITE, address, K4), IOMMU_OK); /* unchanged */
                assert_int_equal(iommu_unmap(o->domain, 514 * G1, large), 0);
                assert_int_equal(at(o, 514 * G1, IOMMU_WRITE, 0, 0), IOMMU_NO_WRITE);
                assert_int_equal(at(o, 513 * G1, IOMMU_WRITE, G1, large), IOMMU_OK);
                assert_int_equal(iommu_unmap(o->domain, iova, size), 0);
                assert_int_equal(memory_taken(o->memory), o->empty);
        }
}

/* Unmap, then: no place remembers, tables are given back only when devices are done. */
static void unmap_is_at_once(void **state)
{
        struct one *o = *state;
        struct iommu_page page;
        uint64_t with_tables;

        assert_int_equal(iommu_map(o->domain, G1, M2, 2 * K4, RW, 0), 0);
        assert_int_equal(o->waited, 0); /* to map disturbs nobody */
        with_tables = memory_taken(o->memory);
        assert_int_equal(with_tables, o->empty + 3 * K4);
        assert_int_equal(at(o, G1, RW, M2, K4), IOMMU_OK);
        assert_int_equal(iommu_translate(o->iommu, RID, G1, RW, &page), IOMMU_OK);
        assert_int_equal(page.generation, iommu_generation(o->iommu));
        assert_int_equal(iommu_unmap(o->domain, G1, K4), 0);
        assert_int_equal(o->waited, 1);
        assert_true(page.generation < iommu_generation(o->iommu));
        assert_int_equal(at(o, G1, IOMMU_READ, 0, 0), IOMMU_NO_READ);
        assert_int_equal(memory_taken(o->memory), with_tables); /* the other page's */
        assert_int_equal(at(o, G1 + K4, RW, M2 + K4, K4), IOMMU_OK);
        assert_int_equal(iommu_unmap(o->domain, G1 + K4, K4), 0);
        assert_int_equal(o->waiting, with_tables);
        assert_int_equal(memory_taken(o->memory), o->empty);
        /* another address in its place */
        assert_int_equal(iommu_map(o->domain, G1, M2 + 7 * K4, K4, IOMMU_READ, 0), 0);
        assert_int_equal(at(o, G1, IOMMU_READ, M2 + 7 * K4, K4), IOMMU_OK);
        assert_int_equal(at(o, G1, RW, 0, 0), IOMMU_NO_WRITE);
        assert_int_equal(iommu_unmap(o->domain, G1, K4), 0);
}

/* Two domains with the same IOVA; a requester goes from one to the other, and to none. */
static void isolation(void **state)
{
        struct one *o = *state;
        struct iommu_domain *other;
        struct iommu_page page;
        struct iommu_counts before, after;
        uint64_t generation;

        assert_int_equal(iommu_domain_new(o->iommu, &other), 0);
        assert_int_equal(iommu_attach(o->iommu, RID + 1, other), 0);
        assert_int_equal(iommu_map(o->domain, G1, M2, M2, RW, 0), 0);
        assert_int_equal(iommu_map(other, G1, 2 * M2, M2, RW, K4), 0);
        for (unsigned again = 0; again < 2; again++) {
                assert_int_equal(at(o, G1 + 5000, RW, M2, M2), IOMMU_OK);
                assert_int_equal(
                        iommu_translate(o->iommu, RID + 1, G1 + 5000, RW, &page), IOMMU_OK);
                assert_int_equal(page.address, 2 * M2 + K4);
                assert_int_equal(
                        iommu_translate(o->iommu, RID + 2, G1, RW, &page), IOMMU_NO_CONTEXT);
        }
        /* what the other unmaps voids no entry of ours in the IOTLB, but all remembered pages */
        generation = iommu_generation(o->iommu);
        assert_int_equal(iommu_unmap(other, G1, K4), 0);
        assert_true(iommu_generation(o->iommu) > generation);
        before = iommu_counts(o->iommu);
        assert_int_equal(at(o, G1, RW, M2, M2), IOMMU_OK);
        after = iommu_counts(o->iommu);
        assert_int_equal(after.hits, before.hits + 1);
        assert_int_equal(after.misses, before.misses);
        assert_int_equal(iommu_translate(o->iommu, RID + 1, G1 + 5000, RW, &page), IOMMU_OK);
        assert_int_equal(iommu_counts(o->iommu).misses, before.misses + 1);

        o->waited = 0;
        assert_int_equal(iommu_attach(o->iommu, RID, other), 0);
        assert_int_equal(o->waited, 1);
        assert_int_equal(at(o, G1 + 5000, RW, 2 * M2 + K4, K4), IOMMU_OK);
        assert_true(iommu_generation(o->iommu) > page.generation);
        assert_int_equal(iommu_attach(o->iommu, RID, NULL), 0);
        assert_int_equal(o->waited, 2);
        assert_int_equal(at(o, G1 + 5000, RW, 0, 0), IOMMU_NO_CONTEXT);
        generation = iommu_generation(o->iommu);
        o->waited = 0;
        assert_int_equal(iommu_attach(o->iommu, RID, NULL), 0); /* nothing new */
        assert_int_equal(iommu_generation(o->iommu), generation);
        assert_int_equal(o->waited, 0);
        iommu_domain_free(other);
        assert_int_equal(o->waited, 1);
        assert_int_equal(
                iommu_translate(o->iommu, RID + 1, G1 + 5000, RW, &page), IOMMU_NO_CONTEXT);
        assert_int_equal(iommu_attach(o->iommu, RID, o->domain), 0);
        assert_int_equal(at(o, G1, RW, M2, M2), IOMMU_OK);
}

/* More pages than the IOTLB has entries, so that all that share a place meet there. */
static void more_than_the_iotlb(void **state)
{
        struct one *o = *state;
        const uint64_t n = G1 / K4 / 16;
        struct iommu_counts c;

        assert_int_equal(iommu_map(o->domain, G1, M2, n * K4, RW, K4), 0);
        for (uint64_t pass = 0; pass < 3; pass++)
                for (uint64_t i = 0; i < n; i++)
                        assert_int_equal(at(o, G1 + i * K4 + pass, RW, M2 + i * K4, K4), IOMMU_OK);
        c = iommu_counts(o->iommu);
        assert_int_equal(c.hits + c.misses, 3 * n);
        assert_true(c.misses > n);
        assert_int_equal(at(o, G1 + (n - 1) * K4, RW, M2 + (n - 1) * K4, K4), IOMMU_OK);
        assert_int_equal(iommu_counts(o->iommu).hits, c.hits + 1);
        /* but two have room, whichever they are, once older ones are out of their way */
        for (uint64_t distance = 1; distance < n; distance *= 2) {
                for (uint64_t i = 0; i < 10; i++) {
                        c = i == 4 ? iommu_counts(o->iommu) : c;
                        assert_int_equal(at(o, G1 + i % 2 * distance * K4, RW,
                                                 M2 + i % 2 * distance * K4, K4),
                                IOMMU_OK);
                }
                assert_int_equal(iommu_counts(o->iommu).hits, c.hits + 6);
        }
}

/* Tables that do not find room: nothing of the mapping stays. */
static void out_of_memory(void **state)
{
        struct one *o = *state;
        const uint64_t iova = 512 * G1 - K4; /* two pages that share nothing but the root */
        uint64_t first, last, full;

        assert_int_equal(iommu_map(o->domain, 0, M2, K4, RW, 0), 0);
        assert_int_equal(memory_take(o->memory, K4, K4, &first), 0);
        while (memory_take(o->memory, K4, K4, &last) == 0)
                continue;
        full = memory_taken(o->memory);
        for (unsigned n = 0; n < 5; n++) {
                assert_int_equal(iommu_map(o->domain, iova, M2, 2 * K4, RW, 0), -ENOMEM);
                assert_int_equal(memory_taken(o->memory), full - n * K4);
                assert_int_equal(at(o, iova, IOMMU_READ, 0, 0), IOMMU_NO_READ);
                assert_int_equal(at(o, iova + K4, IOMMU_READ, 0, 0), IOMMU_NO_READ);
                assert_int_equal(at(o, 0, RW, M2, K4), IOMMU_OK);
                assert_int_equal(iommu_unmap(o->domain, iova, 2 * K4), -ENOENT);
                memory_give(o->memory, last - n * K4, K4);
        }
        /* two tables more for the first page, which has one with page 0, and three for the other */
        assert_int_equal(iommu_map(o->domain, iova, M2, 2 * K4, RW, 0), 0);
        assert_int_equal(memory_taken(o->memory), full);
        assert_int_equal(iommu_domain_new(o->iommu, &(struct iommu_domain *){NULL}), -ENOMEM);
        assert_int_equal(iommu_unmap(o->domain, 0, TOP), 0);
        memory_give(o->memory, first, last - 4 * K4 - first);
}

/* Without an IOMMU: whatever the device says, as far as there is memory. */
static void disabled(void **state)
{
        _cleanup_(memory_freep) struct memory *memory = NULL;
        _cleanup_(iommu_freep) struct iommu *iommu = NULL;
        struct iommu_domain *domain = NULL;
        struct iommu_page page;

        (void) state;
        assert_int_equal(memory_new(2 * M2, &memory), 0);
        assert_int_equal(iommu_new(memory, false, &iommu), 0);
        assert_false(iommu_enabled(iommu));
        assert_int_equal(iommu_domain_new(iommu, &domain), -ENODEV);
        assert_int_equal(iommu_attach(iommu, RID, NULL), -ENODEV);
        assert_int_equal(iommu_translate(iommu, RID, 2 * M2 - 1, RW, &page), IOMMU_OK);
        assert_int_equal(page.iova, M2);
        assert_int_equal(page.address, M2);
        assert_int_equal(page.size, M2);
        assert_int_equal(page.access, RW);
        assert_int_equal(page.generation, iommu_generation(iommu));
        assert_int_equal(iommu_look(iommu, RID, 5, RW, &page), IOMMU_OK);
        assert_int_equal(page.address, 0);
        assert_int_equal(iommu_translate(iommu, RID, 2 * M2, RW, &page), IOMMU_BAD_ADDRESS);
        assert_int_equal(iommu_translate(iommu, RID, UINT64_MAX, RW, &page), IOMMU_BAD_ADDRESS);
        assert_int_equal(iommu_counts(iommu).faults, 2);
        assert_int_equal(page.address, 0);
}

/* ---- the tables, read and damaged by somebody else ---------------------------------------------
 */

/* The one place in the whole memory that has this entry. */
static uint64_t *find_entry(const struct memory *m, uint64_t value)
{
        uint64_t *words = (uint64_t *) (void *) m->bytes, *found = NULL;

        for (uint64_t i = 0; i < m->size / 8; i++) {
                if (le64toh(words[i]) != value)
                        continue;
                assert_null(found);
                found = &words[i];
        }
        return found;
}

/* Entries as specified, from the leaf up to the root. */
static void tables_are_vtd(void **state)
{
        struct one *o = *state;
        static const struct {
                uint64_t iova, address, size;
                uint32_t access;
                unsigned level;
        } leaves_of[] = {
                {0x0000123456789000, 5 * K4 + M2, K4, IOMMU_READ, 1},
                {0x0000fffffffff000, 6 * K4 + M2, K4, IOMMU_WRITE, 1},
                {0x0000765432e00000, 2 * M2, M2, RW, 2},
                {0x00007ac040000000, 3 * G1, G1, RW, 3},
        };

        for (size_t i = 0; i < ELEMENTSOF(leaves_of); i++) {
                uint64_t value =
                        leaves_of[i].address | leaves_of[i].access | (leaves_of[i].level > 1) << 7;

                /* a memory of 4 GiB, tables at its beginning */
                const struct memory begin = {.bytes = o->memory->bytes, .size = M2};

                assert_int_equal(iommu_map(o->domain, leaves_of[i].iova, leaves_of[i].address,
                                         leaves_of[i].size, leaves_of[i].access, 0),
                        0);
                for (unsigned level = leaves_of[i].level; level <= 4; level++) {
                        uint64_t *entry = find_entry(&begin, value);
                        uint64_t place;

                        assert_non_null(entry);
                        place = (uint64_t) ((uint8_t *) entry - begin.bytes);
                        assert_int_equal(
                                place % K4 / 8, leaves_of[i].iova >> (12 + 9 * (level - 1)) & 511);
                        value = place / K4 * K4 | RW; /* of the table that it is in */
                }
                assert_null(find_entry(&begin, value)); /* nothing points to the root */
        }
}

/* Sets bits in an entry: what is the answer then? The next one is from the tables again. */
static enum iommu_reason with(struct one *o, uint64_t *entry, uint64_t value, uint64_t iova)
{
        uint64_t before = *entry;
        struct iommu_page page;
        enum iommu_reason reason;

        *entry = htole64(value);
        reason = iommu_translate(o->iommu, RID, iova, RW, &page);
        *entry = before;
        assert_int_equal(iommu_map(o->domain, TOP - K4, K4, K4, RW, 0), 0);
        assert_int_equal(iommu_unmap(o->domain, TOP - K4, K4), 0);
        return reason;
}

static void damaged_tables(void **state)
{
        struct one *o = *state;
        const uint64_t iova = 0x123456789000, large = 0x123480000000, address = M2 + 5 * K4;
        uint64_t *entry[5] = {0}, value[5] = {0, address | RW}, *leaf,
                 leaf_value = 2 * M2 | RW | 128;
        struct iommu_page page;

        assert_int_equal(iommu_map(o->domain, iova, address, K4, RW, 0), 0);
        assert_int_equal(iommu_map(o->domain, large, 2 * M2, M2, RW, 0), 0);
        for (unsigned level = 1; level <= 4; level++) {
                entry[level] = find_entry(o->memory, value[level]);
                assert_non_null(entry[level]);
                if (level < 4)
                        value[level + 1] =
                                (uint64_t) ((uint8_t *) entry[level] - o->memory->bytes) / K4 * K4 |
                                RW;
        }
        for (unsigned level = 1; level <= 4; level++) {
                static const unsigned ignored[] = {2, 8, 9, 10, 52, 55, 61, 63};
                static const unsigned reserved[] = {11, 23, 40, 51, 62}; /* addresses: no memory */

                for (size_t i = 0; i < ELEMENTSOF(ignored); i++)
                        assert_int_equal(with(o, entry[level],
                                                 value[level] | UINT64_C(1) << ignored[i], iova),
                                IOMMU_OK);
                for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                        assert_int_equal(with(o, entry[level],
                                                 value[level] | UINT64_C(1) << reserved[i], iova),
                                IOMMU_BAD_ENTRY);
                assert_int_equal(
                        with(o, entry[level], value[level] & ~UINT64_C(2), iova), IOMMU_NO_WRITE);
                assert_int_equal(
                        with(o, entry[level], value[level] & ~UINT64_C(1), iova), IOMMU_NO_READ);
                assert_int_equal(
                        with(o, entry[level], value[level] & ~UINT64_C(3), iova), IOMMU_NO_WRITE);
        }
        assert_int_equal(with(o, entry[4], value[4] | 128, iova), IOMMU_BAD_ENTRY);
        assert_int_equal(with(o, entry[3], 128 | RW, iova), IOMMU_BAD_ENTRY); /* 1 GiB: too large */
        assert_int_equal(with(o, entry[1], o->memory->size | RW, iova), IOMMU_BAD_ENTRY);
        leaf = find_entry(o->memory, leaf_value);
        assert_non_null(leaf);
        assert_int_equal(with(o, leaf, leaf_value, large), IOMMU_OK);
        for (unsigned bit = 12; bit < 21; bit++)
                assert_int_equal(
                        with(o, leaf, leaf_value | UINT64_C(1) << bit, large), IOMMU_BAD_ENTRY);
        /* what the levels allow together */
        *entry[3] = htole64(value[3] & ~UINT64_C(2));
        assert_int_equal(iommu_translate(o->iommu, RID, iova, IOMMU_READ, &page), IOMMU_OK);
        assert_int_equal(page.access, IOMMU_READ);
        *entry[3] = htole64(value[3]);
        assert_int_equal(at(o, iova, RW, address, K4), IOMMU_OK);
}

/* ---- the fault log -----------------------------------------------------------------------------
 */

static void record(struct one *o, uint16_t rid, enum iommu_reason reason, uint64_t address)
{
        const struct iommu_fault fault = {.rid = rid, .reason = reason, .address = address};

        iommu_record(o->iommu, &fault);
}

static void expect(
        struct one *o, uint16_t rid, enum iommu_reason reason, uint64_t address, uint64_t count)
{
        struct iommu_fault fault;

        assert_true(iommu_next_fault(o->iommu, &fault));
        assert_int_equal(fault.rid, rid);
        assert_int_equal(fault.reason, reason);
        assert_int_equal(fault.address, address);
        assert_int_equal(fault.count, count);
}

static void fault_log(void **state)
{
        struct one *o = *state;
        struct iommu_fault fault;

        assert_false(iommu_next_fault(o->iommu, &fault));
        assert_false(iommu_overflow(o->iommu));
        /* like the last one of the requester, whoever was in between */
        record(o, 1, IOMMU_NO_READ, 0x1000);
        record(o, 2, IOMMU_NO_READ, 0x2000);
        record(o, 1, IOMMU_NO_READ, 0x3000);
        record(o, 1, IOMMU_NO_READ, 0x4000);
        record(o, 1, IOMMU_NO_WRITE, 0x5000);
        record(o, 1, IOMMU_NO_READ, 0x6000);
        record(o, 2, IOMMU_NO_READ, 0x7000);
        expect(o, 1, IOMMU_NO_READ, 0x1000, 2);
        record(o, 2, IOMMU_NO_READ, 0x8000);
        expect(o, 2, IOMMU_NO_READ, 0x2000, 2);
        record(o, 2, IOMMU_NO_READ, 0x9000); /* its last one was taken */
        expect(o, 1, IOMMU_NO_WRITE, 0x5000, 0);
        expect(o, 1, IOMMU_NO_READ, 0x6000, 0);
        expect(o, 2, IOMMU_NO_READ, 0x9000, 0);
        assert_false(iommu_next_fault(o->iommu, &fault));
        /* full: lost, and said once; like ones are still counted */
        for (unsigned i = 0; i < IOMMU_FAULTS_MAX; i++)
                record(o, (uint16_t) i, IOMMU_NO_CONTEXT, i);
        assert_false(iommu_overflow(o->iommu));
        record(o, 9, IOMMU_NO_CONTEXT, 0);
        assert_false(iommu_overflow(o->iommu));
        record(o, 9, IOMMU_NO_READ, 0);
        assert_true(iommu_overflow(o->iommu));
        assert_false(iommu_overflow(o->iommu));
        expect(o, 0, IOMMU_NO_CONTEXT, 0, 0);
        record(o, 0, IOMMU_NO_READ, 77); /* room again */
        assert_false(iommu_overflow(o->iommu));
        for (unsigned i = 1; i < IOMMU_FAULTS_MAX; i++)
                expect(o, (uint16_t) i, IOMMU_NO_CONTEXT, i, i == 9);
        expect(o, 0, IOMMU_NO_READ, 77, 0);
        assert_false(iommu_next_fault(o->iommu, &fault));
        assert_int_equal(iommu_counts(o->iommu).faults, 9 + IOMMU_FAULTS_MAX + 3);
}

static void reasons_have_texts(void **state)
{
        static const enum iommu_reason reasons[] = {IOMMU_OK, IOMMU_NO_CONTEXT, IOMMU_BAD_ADDRESS,
                IOMMU_NO_WRITE, IOMMU_NO_READ, IOMMU_BAD_ENTRY, IOMMU_BAD_IRTE_INDEX, IOMMU_NO_IRTE,
                IOMMU_BAD_SOURCE};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(
                                iommu_reason_text(reasons[i]), iommu_reason_text(reasons[k]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(leaves, setup_large, teardown),
                cmocka_unit_test_setup_teardown(unmap_is_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(isolation, setup, teardown),
                cmocka_unit_test_setup_teardown(more_than_the_iotlb, setup_large, teardown),
                cmocka_unit_test_setup_teardown(out_of_memory, setup, teardown),
                cmocka_unit_test(disabled),
                cmocka_unit_test_setup_teardown(tables_are_vtd, setup_large, teardown),
                cmocka_unit_test_setup_teardown(damaged_tables, setup, teardown),
                cmocka_unit_test_setup_teardown(fault_log, setup, teardown),
                cmocka_unit_test(reasons_have_texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
