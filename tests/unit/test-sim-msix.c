/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSI-X with the platform's interrupt remapping behind it: the table, masks of vectors and of the
 * function, pending bits, moderation in virtual time, and what the platform blocks.
 */
#include "sim/nic/msix.h"
#include "unit.h"

#define RID     0x0110u
#define VECTORS 3u
#define US      UINT64_C(1000) /* ns */

struct platform {
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        struct irq_target *target;
        uint32_t index[VECTORS]; /* vector i of the device is vector 0x40 + i of the target */
        struct msix msix;
};

static uint32_t entry(uint32_t vector, uint32_t field)
{
        return MSIX_TABLE_AT + 16 * vector + field;
}

static void mask(struct platform *p, uint32_t vector, bool on, uint64_t now)
{
        msix_write(&p->msix, entry(vector, 12), on, now);
}

static void begin(struct platform *p)
{
        *p = (struct platform){};
        assert_int_equal(memory_new(PAGE_SIZE_2M, &p->memory), 0);
        assert_int_equal(iommu_new(p->memory, true, &p->iommu), 0);
        assert_int_equal(irq_new(p->iommu, true, &p->irq), 0);
        assert_int_equal(irq_target_new(true, false, &p->target), 0);
        msix_init(&p->msix, p->irq, RID, VECTORS);
        for (uint32_t i = 0; i < VECTORS; i++) {
                uint64_t address;

                assert_int_equal(
                        irq_allocate(p->irq, RID, p->target, (uint8_t) (0x40 + i), &p->index[i]),
                        0);
                address = msix_message(p->index[i]);
                msix_write(&p->msix, entry(i, 0), (uint32_t) address, 0);
                msix_write(&p->msix, entry(i, 4), (uint32_t) (address >> 32), 0);
                mask(p, i, false, 0);
        }
        msix_control(&p->msix, true, false, 0);
}

static void end(struct platform *p)
{
        irq_free(p->irq);
        irq_target_free(p->target);
        iommu_free(p->iommu);
        memory_free(p->memory);
}

/* The vectors of the device that arrived since, as bits. */
static uint32_t arrived(struct platform *p)
{
        uint64_t bits[IRQ_VECTORS / 64];

        irq_take(p->target, bits);
        assert_true(bits[0] == 0 && bits[2] == 0 && bits[3] == 0);
        return (uint32_t) bits[1];
}

static uint32_t pending(const struct platform *p)
{
        assert_int_equal(msix_read(&p->msix, MSIX_PBA_AT + 4), 0);
        return msix_read(&p->msix, MSIX_PBA_AT);
}

static void table(void **state)
{
        struct platform p;
        struct msix *m = &p.msix;

        (void) state;
        begin(&p);
        msix_init(m, p.irq, RID, VECTORS);
        assert_false(m->enabled);
        for (uint32_t i = 0; i < VECTORS; i++) {
                for (uint32_t field = 0; field < 12; field += 4)
                        assert_int_equal(msix_read(m, entry(i, field)), 0);
                assert_int_equal(msix_read(m, entry(i, 12)), 1);
        }
        for (uint32_t i = 0; i < VECTORS; i++)
                for (uint32_t field = 0; field < 16; field += 4)
                        msix_write(m, entry(i, field), 0xa5a5a50fu + i * 16 + field, 0);
        for (uint32_t i = 0; i < VECTORS; i++) {
                assert_int_equal(msix_read(m, entry(i, 0)), 0xa5a5a50cu + i * 16);
                assert_int_equal(msix_read(m, entry(i, 4)), 0xa5a5a513u + i * 16);
                assert_int_equal(msix_read(m, entry(i, 8)), 0xa5a5a517u + i * 16);
                assert_int_equal(msix_read(m, entry(i, 12)), 1);
        }
        /* What is not there, and what is only for reading. */
        for (uint32_t offset = entry(VECTORS, 0); offset < 0x4000; offset += 4) {
                struct msix before = *m;

                msix_write(m, offset, UINT32_MAX, 0);
                assert_memory_equal(m, &before, sizeof(before));
                assert_int_equal(msix_read(m, offset), 0);
        }
        end(&p);
}

static void messages(void **state)
{
        struct platform p;

        (void) state;
        assert_true(msix_message(0) == 0xfee00010);
        assert_true(msix_message(1) == 0xfee00030);
        assert_true(msix_message(0x7fff) == 0xfeefffF0);
        assert_true(msix_message(0x8000) == 0xfee00014);
        assert_true(msix_message(0xffff) == 0xfeeffff4);

        begin(&p);
        for (uint32_t i = 0; i < VECTORS; i++) {
                assert_int_equal(msix_raise(&p.msix, i, 0), MSIX_SENT);
                assert_int_equal(arrived(&p), 1u << i);
                assert_int_equal(p.msix.v[i].sent, 1);
        }
        assert_int_equal(msix_raise(&p.msix, VECTORS, 0), MSIX_OFF);
        assert_int_equal(msix_raise(&p.msix, UINT32_MAX, 0), MSIX_OFF);
        assert_int_equal(arrived(&p), 0);

        /* By the handle of one, and a subhandle. */
        msix_write(&p.msix, entry(0, 0), (uint32_t) msix_message(p.index[0]) | 8, 0);
        msix_write(&p.msix, entry(0, 8), p.index[2] - p.index[0], 0);
        assert_int_equal(msix_raise(&p.msix, 0, 0), MSIX_SENT);
        assert_int_equal(arrived(&p), 4);
        end(&p);
}

static void masks(void **state)
{
        struct platform p;

        (void) state;
        begin(&p);
        mask(&p, 1, true, 0);
        assert_int_equal(msix_raise(&p.msix, 1, 0), MSIX_PENDING);
        assert_int_equal(msix_raise(&p.msix, 1, 0), MSIX_PENDING);
        assert_int_equal(msix_raise(&p.msix, 0, 0), MSIX_SENT);
        assert_int_equal(arrived(&p), 1);
        assert_int_equal(pending(&p), 2);
        mask(&p, 1, true, 1); /* still */
        assert_int_equal(pending(&p), 2);
        mask(&p, 1, false, 2);
        assert_int_equal(pending(&p), 0);
        assert_int_equal(arrived(&p), 2);
        assert_int_equal(p.msix.v[1].sent, 1); /* two were raised */
        mask(&p, 1, true, 3);
        mask(&p, 1, false, 3);
        assert_int_equal(arrived(&p), 0);

        /* The function's mask, and one vector's besides. */
        msix_control(&p.msix, true, true, 4);
        mask(&p, 2, true, 4);
        for (uint32_t i = 0; i < VECTORS; i++)
                assert_int_equal(msix_raise(&p.msix, i, 4), MSIX_PENDING);
        assert_int_equal(pending(&p), 7);
        mask(&p, 0, true, 4);
        mask(&p, 0, false, 4); /* the function's is still there */
        assert_int_equal(pending(&p), 7);
        assert_int_equal(arrived(&p), 0);
        msix_control(&p.msix, true, false, 5);
        assert_int_equal(arrived(&p), 3);
        assert_int_equal(pending(&p), 4);
        mask(&p, 2, false, 6);
        assert_int_equal(arrived(&p), 4);
        assert_int_equal(pending(&p), 0);

        /* Off: nothing is remembered, and what was is forgotten. */
        msix_control(&p.msix, true, true, 7);
        assert_int_equal(msix_raise(&p.msix, 0, 7), MSIX_PENDING);
        msix_control(&p.msix, false, true, 8);
        assert_int_equal(pending(&p), 0);
        assert_int_equal(msix_raise(&p.msix, 1, 8), MSIX_OFF);
        mask(&p, 1, true, 8);
        mask(&p, 1, false, 8);
        msix_control(&p.msix, true, false, 9);
        assert_int_equal(arrived(&p), 0);
        assert_int_equal(p.target->count, 5);
        end(&p);
}

static void moderation(void **state)
{
        struct platform p;

        (void) state;
        begin(&p);
        msix_moderate(&p.msix, 0, 10 * US);
        assert_true(msix_tick(&p.msix, 0) == UINT64_MAX);
        assert_int_equal(msix_raise(&p.msix, 0, 0), MSIX_SENT); /* also at time 0 */
        assert_int_equal(msix_raise(&p.msix, 0, 1), MSIX_OWED);
        assert_int_equal(msix_raise(&p.msix, 0, 2), MSIX_OWED);
        assert_int_equal(msix_raise(&p.msix, 1, 2), MSIX_SENT); /* each for itself */
        assert_int_equal(arrived(&p), 3);
        assert_true(msix_tick(&p.msix, 10 * US - 1) == 10 * US);
        assert_int_equal(arrived(&p), 0);
        assert_true(msix_tick(&p.msix, 10 * US) == UINT64_MAX);
        assert_int_equal(arrived(&p), 1);
        assert_int_equal(p.msix.v[0].sent, 2);
        assert_true(msix_tick(&p.msix, 100 * US) == UINT64_MAX);
        assert_int_equal(arrived(&p), 0);

        /* Raised again before anybody ticked: it is one message. */
        assert_int_equal(msix_raise(&p.msix, 0, 100 * US), MSIX_SENT);
        assert_int_equal(msix_raise(&p.msix, 0, 101 * US), MSIX_OWED);
        assert_int_equal(msix_raise(&p.msix, 0, 110 * US), MSIX_SENT);
        assert_true(msix_tick(&p.msix, 200 * US) == UINT64_MAX);
        assert_int_equal(p.msix.v[0].sent, 4);

        /* Masked while it is owed, and unmasked while the interval runs. */
        assert_int_equal(msix_raise(&p.msix, 0, 200 * US), MSIX_SENT);
        assert_int_equal(msix_raise(&p.msix, 0, 201 * US), MSIX_OWED);
        arrived(&p);
        mask(&p, 0, true, 202 * US);
        assert_true(msix_tick(&p.msix, 203 * US) == UINT64_MAX);
        assert_int_equal(pending(&p), 1);
        mask(&p, 0, false, 204 * US);
        assert_int_equal(pending(&p), 0);
        assert_int_equal(arrived(&p), 0);
        assert_true(msix_tick(&p.msix, 205 * US) == 210 * US);
        assert_true(msix_tick(&p.msix, 215 * US) == UINT64_MAX);
        assert_int_equal(arrived(&p), 1);

        /* The earliest of several; another interval; off. */
        msix_moderate(&p.msix, 1, 20 * US);
        assert_int_equal(msix_raise(&p.msix, 0, 300 * US), MSIX_SENT);
        assert_int_equal(msix_raise(&p.msix, 1, 300 * US), MSIX_SENT);
        assert_int_equal(msix_raise(&p.msix, 1, 301 * US), MSIX_OWED);
        assert_int_equal(msix_raise(&p.msix, 0, 301 * US), MSIX_OWED);
        assert_true(msix_tick(&p.msix, 302 * US) == 310 * US);
        assert_true(msix_tick(&p.msix, 311 * US) == 320 * US);
        msix_moderate(&p.msix, 1, 0);
        arrived(&p);
        assert_true(msix_tick(&p.msix, 311 * US) == UINT64_MAX);
        assert_int_equal(arrived(&p), 2);
        assert_int_equal(msix_raise(&p.msix, 0, 312 * US), MSIX_OWED);
        msix_control(&p.msix, false, false, 313 * US);
        msix_control(&p.msix, true, false, 314 * US);
        assert_true(msix_tick(&p.msix, 400 * US) == UINT64_MAX);
        assert_int_equal(arrived(&p), 0);
        end(&p);
}

/* Each message is later than the last of its vector by the interval, and none is ever lost. */
static void moderation_windows(void **state)
{
        uint64_t seed = 1, now = 0, last[VECTORS], sent[VECTORS] = {0}, messages = 0;
        bool waits[VECTORS] = {false};
        struct platform p;

        (void) state;
        begin(&p);
        for (uint32_t i = 0; i < VECTORS; i++)
                msix_moderate(&p.msix, i, i * 7 * US);
        for (unsigned step = 0; step < 200000; step++) {
                uint32_t i, what;

                seed = seed * 6364136223846793005u + 1442695040888963407u;
                i = (uint32_t) (seed >> 33) % VECTORS;
                what = (uint32_t) (seed >> 40) % 16;
                now += (seed >> 45) % (2 * US);
                if (what < 8) {
                        waits[i] = msix_raise(&p.msix, i, now) != MSIX_SENT;
                } else if (what < 12) {
                        msix_tick(&p.msix, now);
                } else if (what < 15) {
                        mask(&p, i, what == 12, now);
                } else {
                        msix_control(&p.msix, true, seed >> 60 & 1, now);
                }
                for (i = 0; i < VECTORS; i++) {
                        if (p.msix.v[i].sent == sent[i])
                                continue;
                        assert_int_equal(p.msix.v[i].sent, sent[i] + 1);
                        if (sent[i]++ > 0)
                                assert_true(now - last[i] >= i * 7 * US);
                        last[i] = now;
                        waits[i] = false;
                        messages++;
                }
                for (i = 0; i < VECTORS; i++)
                        assert_int_equal(waits[i], p.msix.v[i].pending || (p.msix.owed >> i & 1));
        }
        assert_int_equal(p.target->count, messages);
        assert_true(messages > 20000);
        end(&p);
}

/* What the remapping does not let through is gone, and on record. */
static void blocked(void **state)
{
        static const struct {
                uint64_t address; /* 0: as it was */
                uint16_t rid;
                enum iommu_reason reason;
        } cases[] = {
                {0, RID + 2, IOMMU_BAD_SOURCE}, {0xfee00010 | 100 << 5, RID, IOMMU_NO_IRTE},
                {0xfee00000, RID, IOMMU_BAD_IRTE_INDEX},               /* compatibility format */
                {0x100000000 | 0xfee00010, RID, IOMMU_BAD_IRTE_INDEX}, /* beyond 4 GiB */
                {0x12345010, RID, IOMMU_BAD_IRTE_INDEX},               /* somebody's memory */
                {0xfee00010 | 0x7fff << 5 | 4 | 8, RID, IOMMU_BAD_IRTE_INDEX}, /* 65535 + 1 */
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct iommu_fault fault;
                struct platform p;

                begin(&p);
                p.msix.rid = cases[i].rid;
                if (cases[i].address) {
                        msix_write(&p.msix, entry(0, 0), (uint32_t) cases[i].address, 0);
                        msix_write(&p.msix, entry(0, 4), (uint32_t) (cases[i].address >> 32), 0);
                        msix_write(&p.msix, entry(0, 8), 1, 0);
                }
                assert_int_equal(msix_raise(&p.msix, 0, 0), MSIX_BLOCKED);
                assert_int_equal(arrived(&p), 0);
                assert_int_equal(p.target->count, 0);
                assert_true(iommu_next_fault(p.iommu, &fault));
                assert_true(fault.interrupt);
                assert_int_equal(fault.rid, cases[i].rid);
                assert_int_equal(fault.reason, cases[i].reason);
                assert_false(iommu_next_fault(p.iommu, &fault));

                /* A blocked one is a message, too: the next waits its interval. */
                msix_moderate(&p.msix, 0, US);
                assert_int_equal(msix_raise(&p.msix, 0, 1), MSIX_OWED);
                end(&p);
        }
}

static void texts(void **state)
{
        (void) state;
        for (enum msix_result r = MSIX_SENT; r <= MSIX_OFF; r++)
                for (enum msix_result other = MSIX_SENT; other < r; other++)
                        assert_string_not_equal(msix_result_text(r), msix_result_text(other));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(table),
                cmocka_unit_test(messages),
                cmocka_unit_test(masks),
                cmocka_unit_test(moderation),
                cmocka_unit_test(moderation_windows),
                cmocka_unit_test(blocked),
                cmocka_unit_test(texts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
