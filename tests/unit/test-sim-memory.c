/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated physical memory against a list of who has which page. */
#include <sys/mman.h>

#include "sim/host/memory.h"
#include "unit.h"

#define PAGES   4096u /* 16 MiB */
#define NOBODYS 0xc5  /* what the test writes into pages that are not taken */

static uint64_t rnd(uint64_t *seed, uint64_t n)
{
        *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (*seed >> 33) % n;
}

static bool all_are(const struct memory *m, uint64_t page, uint64_t n, uint8_t byte)
{
        const uint8_t *p = memory_at(m, page * PAGE_SIZE_4K);

        return p[0] == byte && memcmp(p, p + 1, n * PAGE_SIZE_4K - 1) == 0;
}

static void fill(const struct memory *m, uint64_t page, uint64_t n, uint8_t byte)
{
        memset(memory_at(m, page * PAGE_SIZE_4K), byte, n * PAGE_SIZE_4K);
}

/* ---- against the list --------------------------------------------------------------------------
 */

struct model {
        struct memory *m;
        uint8_t owner[PAGES]; /* 0: nobody */
        uint64_t taken, refused, seed;
        uint8_t next; /* owner */
};

/* Page 0 is nobody's for ever. */
static bool model_has_room(const struct model *o, uint64_t n, uint64_t align)
{
        for (uint64_t at = align; at + n <= PAGES; at += align) {
                uint64_t i = 0;

                while (i < n && o->owner[at + i] == 0)
                        i++;
                if (i == n)
                        return true;
        }
        return false;
}

static void take_some(struct model *o)
{
        uint64_t n = rnd(&o->seed, 8) == 0 ? 512 + rnd(&o->seed, 1000) : 1 + rnd(&o->seed, 40);
        uint64_t align = UINT64_C(1) << rnd(&o->seed, 10), address = 0;
        int r = memory_take(o->m, n * PAGE_SIZE_4K, align * PAGE_SIZE_4K, &address);

        assert_int_equal(r, model_has_room(o, n, align) ? 0 : -ENOMEM);
        if (r < 0) {
                o->refused++;
                return;
        }
        assert_int_equal(address % (align * PAGE_SIZE_4K), 0);
        address /= PAGE_SIZE_4K;
        assert_true(address > 0 && address + n <= PAGES);
        for (uint64_t i = 0; i < n; i++)
                assert_int_equal(o->owner[address + i], 0);
        assert_true(all_are(o->m, address, n, 0)); /* over what its last owner and the test wrote */
        o->next = o->next % 100 + 1;
        memset(&o->owner[address], o->next, n);
        fill(o->m, address, n, o->next);
        o->taken += n;
}

/* All of somebody's pages, or the later ones. */
static void give_some(struct model *o)
{
        uint64_t at = rnd(&o->seed, PAGES), n = 1;

        if (o->owner[at] == 0)
                return;
        while (rnd(&o->seed, 4) != 0 && at > 1 && o->owner[at - 1] == o->owner[at])
                at--;
        while (at + n < PAGES && o->owner[at + n] == o->owner[at])
                n++;
        assert_true(all_are(o->m, at, n, o->owner[at]));
        memory_give(o->m, at * PAGE_SIZE_4K, n * PAGE_SIZE_4K);
        memset(&o->owner[at], 0, n);
        fill(o->m, at, n, NOBODYS);
        o->taken -= n;
}

static void pages_have_one_owner(void **state)
{
        _cleanup_(freep) struct model *o = calloc(1, sizeof(*o));
        _cleanup_(memory_freep) struct memory *m = NULL;

        (void) state;
        assert_non_null(o);
        assert_int_equal(memory_new(PAGES * PAGE_SIZE_4K, &m), 0);
        o->m = m;
        o->seed = 1;
        fill(m, 0, PAGES, NOBODYS);
        for (unsigned round = 0; round < 10000; round++) {
                unsigned eager = round / 500 % 2 ? 4 : 10; /* of 16: filling up, running dry */

                if (rnd(&o->seed, 16) < eager)
                        take_some(o);
                else
                        give_some(o);
                assert_int_equal(memory_taken(m), o->taken * PAGE_SIZE_4K);
        }
        assert_in_range(o->refused, 100, 5000); /* it was full, and not always */
        for (uint64_t at = 0; at < PAGES; at++)
                assert_true(all_are(m, at, 1, o->owner[at] ?: NOBODYS));
}

/* ---- single facts ------------------------------------------------------------------------------
 */

static void what_is_refused(void **state)
{
        static const struct {
                uint64_t size, align;
                int error;
        } cases[] = {
                {0, PAGE_SIZE_4K, -EINVAL},
                {1, PAGE_SIZE_4K, -EINVAL},
                {PAGE_SIZE_4K + 1, PAGE_SIZE_4K, -EINVAL},
                {PAGE_SIZE_4K, 0, -EINVAL},
                {PAGE_SIZE_4K, 1, -EINVAL},
                {PAGE_SIZE_4K, 2048, -EINVAL},
                {PAGE_SIZE_4K, 3 * PAGE_SIZE_4K, -EINVAL},
                {PAGE_SIZE_2M, PAGE_SIZE_4K, -ENOMEM}, /* page 0 is missing */
                {PAGE_SIZE_2M + PAGE_SIZE_4K, PAGE_SIZE_4K, -ENOMEM},
                {UINT64_MAX - PAGE_SIZE_4K + 1, PAGE_SIZE_4K, -ENOMEM},
                {PAGE_SIZE_4K, PAGE_SIZE_2M, -ENOMEM},
                {PAGE_SIZE_4K, UINT64_C(1) << 63, -ENOMEM},
        };
        _cleanup_(memory_freep) struct memory *m = NULL;
        uint64_t address = 7;

        (void) state;
        assert_int_equal(memory_new(0, &m), -EINVAL);
        assert_int_equal(memory_new(PAGE_SIZE_4K, &m), -EINVAL);
        assert_int_equal(memory_new(PAGE_SIZE_2M + PAGE_SIZE_4K, &m), -EINVAL);
        assert_int_equal(memory_new(-PAGE_SIZE_2M, &m), -ENOMEM);
        assert_null(m);
        assert_int_equal(memory_new(PAGE_SIZE_2M, &m), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(
                        memory_take(m, cases[i].size, cases[i].align, &address), cases[i].error);
        assert_int_equal(address, 7);
        assert_int_equal(memory_taken(m), 0);
}

/* All of it but page 0, as one and page by page. */
static void to_the_last_page(void **state)
{
        _cleanup_(memory_freep) struct memory *m = NULL;
        const uint64_t all = 2 * PAGE_SIZE_2M - PAGE_SIZE_4K;
        uint64_t address;

        (void) state;
        assert_int_equal(memory_new(2 * PAGE_SIZE_2M, &m), 0);
        assert_int_equal(memory_take(m, all, PAGE_SIZE_4K, &address), 0);
        assert_int_equal(address, PAGE_SIZE_4K);
        assert_int_equal(memory_take(m, PAGE_SIZE_4K, PAGE_SIZE_4K, &address), -ENOMEM);
        memory_give(m, PAGE_SIZE_4K, all);
        for (uint64_t i = 1; i < 1024; i++) {
                assert_int_equal(memory_take(m, PAGE_SIZE_4K, PAGE_SIZE_4K, &address), 0);
                assert_int_equal(address, i * PAGE_SIZE_4K);
        }
        assert_int_equal(memory_take(m, PAGE_SIZE_4K, PAGE_SIZE_4K, &address), -ENOMEM);
        memory_give(m, 777 * PAGE_SIZE_4K, PAGE_SIZE_4K);
        assert_int_equal(memory_take(m, PAGE_SIZE_4K, PAGE_SIZE_4K, &address), 0);
        assert_int_equal(address, 777 * PAGE_SIZE_4K);
}

static uint64_t resident(const struct memory *m, uint64_t address, uint64_t size)
{
        _cleanup_(freep) uint8_t *pages = calloc(size / PAGE_SIZE_4K, 1);
        uint64_t n = 0;

        assert_non_null(pages);
        assert_int_equal(mincore(memory_at(m, address), size, pages), 0);
        for (uint64_t i = 0; i < size / PAGE_SIZE_4K; i++)
                n += pages[i] & 1;
        return n;
}

/* 4 GiB cost nothing until they are touched; large takes are zero after reuse all the same. */
static void large(void **state)
{
        _cleanup_(memory_freep) struct memory *m = NULL;
        uint64_t a, b, again;

        (void) state;
        assert_int_equal(memory_new(4 * PAGE_SIZE_1G, &m), 0);
        assert_int_equal(memory_take(m, PAGE_SIZE_1G, PAGE_SIZE_1G, &a), 0);
        assert_int_equal(memory_take(m, 2 * PAGE_SIZE_1G, PAGE_SIZE_1G, &b), 0);
        assert_int_equal(a, PAGE_SIZE_1G);
        assert_int_equal(b, 2 * PAGE_SIZE_1G);
        assert_int_equal(memory_take(m, PAGE_SIZE_1G, PAGE_SIZE_4K, &again), -ENOMEM);
        assert_int_equal(resident(m, a, 3 * PAGE_SIZE_1G), 0);
        fill(m, b / PAGE_SIZE_4K, 1536, 0xff);
        assert_true(resident(m, b, PAGE_SIZE_1G) >= 1536);
        memory_give(m, b, 2 * PAGE_SIZE_1G);
        assert_int_equal(memory_take(m, PAGE_SIZE_2M + PAGE_SIZE_4K, PAGE_SIZE_1G, &again), 0);
        assert_int_equal(again, b);
        assert_true(all_are(m, b / PAGE_SIZE_4K, 513, 0));
        assert_int_equal(*memory_at(m, b + 600 * PAGE_SIZE_4K), 0xff); /* that is nobody's now */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pages_have_one_owner),
                cmocka_unit_test(what_is_refused),
                cmocka_unit_test(to_the_last_page),
                cmocka_unit_test(large),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
