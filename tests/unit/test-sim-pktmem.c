/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packet memory: sizes, cells of a frame, full, and random frames against plain copies of them. */
#include "sim/nic/pktmem.h"
#include "unit.h"

#define FRAMES 40

static uint32_t random_below(uint64_t *seed, uint32_t n)
{
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t) (*seed >> 33) % n;
}

static uint32_t cells_of(const struct pktmem *m, uint32_t first)
{
        uint32_t n = 0;

        for (uint32_t cell = first; cell != CELL_NONE; cell = m->next[cell])
                n++;
        return n;
}

static void sizes(void **state)
{
        static const struct {
                uint64_t size;
                int r;
                uint32_t n;
        } cases[] = {
                {0, -EINVAL, 0},
                {16 * CELL_STRIDE - 1, -EINVAL, 0},
                {16 * CELL_STRIDE, 0, 16},
                {17 * CELL_STRIDE - 1, 0, 16},
                {PKTMEM_DEFAULT, 0, 234},
                {(uint64_t) CELL_NONE * CELL_STRIDE, -EINVAL, 0},
                {UINT64_MAX, -EINVAL, 0},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct pktmem m = {.n = 99};

                assert_int_equal(pktmem_new(cases[i].size, &m), cases[i].r);
                if (cases[i].r < 0) {
                        assert_int_equal(m.n, 99);
                        continue;
                }
                assert_int_equal(m.n, cases[i].n);
                assert_int_equal(m.n_free, cases[i].n);
                pktmem_done(&m);
                assert_null(m.bytes);
        }
        /* Two cells that follow each other do not begin in the same cache set. */
        assert_true(CELL_STRIDE % 64 == 0 && (CELL_STRIDE & (CELL_STRIDE - 1)) != 0);
        assert_true(CELL_BYTES <= CELL_STRIDE);
}

static void cells(void **state)
{
        static const struct {
                uint32_t length, cells;
        } cases[] = {
                {0, 1},
                {60, 1},
                {1518, 1},
                {CELL_BYTES - CELL_TAG, 1},
                {CELL_BYTES - CELL_TAG + 1, 2},
                {2 * CELL_BYTES - CELL_TAG, 2},
                {2 * CELL_BYTES - CELL_TAG + 1, 3},
                {FRAME_MAX, 5},
        };
        struct pktmem m;
        uint32_t first;

        (void) state;
        assert_int_equal(pktmem_new(PKTMEM_DEFAULT, &m), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                first = pktmem_take(&m, cases[i].length);
                assert_int_not_equal(first, CELL_NONE);
                assert_int_equal(cells_of(&m, first), cases[i].cells);
                assert_int_equal(m.n_free, m.n - cases[i].cells);
                pktmem_give(&m, first);
                assert_int_equal(m.n_free, m.n);
        }
        /* What was given last is taken first: it is still in the cache. */
        first = pktmem_take(&m, 60);
        pktmem_give(&m, first);
        assert_int_equal(pktmem_take(&m, 60), first);
        pktmem_done(&m);
}

static void full(void **state)
{
        bool seen[16] = {false};
        uint32_t first[16];
        struct pktmem m;

        (void) state;
        assert_int_equal(pktmem_new(16 * CELL_STRIDE, &m), 0);
        assert_int_equal(pktmem_take(&m, 17 * CELL_BYTES), CELL_NONE);
        assert_int_equal(pktmem_take(&m, UINT32_MAX), CELL_NONE);
        assert_int_equal(m.n_free, 16);
        for (unsigned i = 0; i < 16; i++) {
                /* Fewer cells than the longest frame needs: nothing is taken for it. */
                if (m.n_free < 5) {
                        assert_int_equal(pktmem_take(&m, FRAME_MAX), CELL_NONE);
                        assert_int_equal(m.n_free, 16 - i);
                }
                first[i] = pktmem_take(&m, 60);
                assert_true(first[i] < 16 && !seen[first[i]]);
                seen[first[i]] = true;
        }
        assert_int_equal(pktmem_take(&m, 60), CELL_NONE);
        for (unsigned i = 0; i < 16; i++)
                pktmem_give(&m, first[i]);
        assert_int_equal(m.n_free, 16);
        first[0] = pktmem_take(&m, 16 * CELL_BYTES - CELL_TAG);
        assert_int_equal(cells_of(&m, first[0]), 16);
        assert_int_equal(pktmem_take(&m, 0), CELL_NONE);
        pktmem_give(&m, first[0]);
        for (unsigned i = 0; i < 16; i++)
                assert_int_equal(m.next[i], CELL_NONE);
        pktmem_done(&m);
}

struct copy {
        uint32_t first, length; /* CELL_NONE: none */
        uint8_t bytes[FRAME_MAX + CELL_TAG];
};

static void write_some(struct pktmem *m, struct copy *c, uint64_t *seed)
{
        uint32_t at = random_below(seed, c->length + 1), n = random_below(seed, c->length - at + 1);

        for (uint32_t i = 0; i < n; i++)
                c->bytes[at + i] = (uint8_t) random_below(seed, 256);
        pktmem_write(m, c->first, at, c->bytes + at, n);
}

static void read_some(const struct pktmem *m, const struct copy *c, uint64_t *seed)
{
        uint32_t at = random_below(seed, c->length + 1), n = random_below(seed, c->length - at + 1);
        uint8_t bytes[FRAME_MAX + CELL_TAG + 1];

        memset(bytes, 0xa5, sizeof(bytes));
        pktmem_read(m, c->first, at, bytes, n);
        assert_memory_equal(bytes, c->bytes + at, n);
        assert_int_equal(bytes[n], 0xa5);
}

/* Frames come, are written and read at any place, and go; each keeps its bytes. */
static void copies(void **state)
{
        struct copy *copy = calloc(FRAMES, sizeof(*copy));
        uint64_t seed = 3;
        uint32_t refused = 0;
        struct pktmem m;

        (void) state;
        assert_non_null(copy);
        assert_int_equal(pktmem_new(80 * CELL_STRIDE, &m), 0);
        for (unsigned i = 0; i < FRAMES; i++)
                copy[i].first = CELL_NONE;
        for (unsigned i = 0; i < 60000; i++) {
                struct copy *c = &copy[random_below(&seed, FRAMES)];
                uint32_t length = random_below(&seed, FRAME_MAX + 1), left = m.n_free;

                if (c->first == CELL_NONE) {
                        c->first = pktmem_take(&m, length);
                        c->length = length + CELL_TAG;
                        if (c->first == CELL_NONE) {
                                assert_true(left < (length + CELL_TAG) / CELL_BYTES + 1);
                                refused++;
                                continue;
                        }
                        assert_int_equal(left - m.n_free, cells_of(&m, c->first));
                        pktmem_read(&m, c->first, 0, c->bytes, c->length);
                } else if (random_below(&seed, 8) == 0) {
                        pktmem_give(&m, c->first);
                        c->first = CELL_NONE;
                } else {
                        write_some(&m, c, &seed);
                        read_some(&m, c, &seed);
                }
        }
        assert_true(refused > 100);
        for (unsigned i = 0; i < FRAMES; i++)
                if (copy[i].first != CELL_NONE) {
                        read_some(&m, &copy[i], &seed);
                        pktmem_give(&m, copy[i].first);
                }
        assert_int_equal(m.n_free, m.n);
        pktmem_done(&m);
        free(copy);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sizes),
                cmocka_unit_test(cells),
                cmocka_unit_test(full),
                cmocka_unit_test(copies),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
