/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt remapping and posting. Threads: test-sim-host-threads.c. */
#include <sys/eventfd.h>

#include "sim/host/irq.h"
#include "unit.h"

#define RID 0x0110

struct world {
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        struct irq_target *vm, *host;
        unsigned waited;
};

static void wait_for_devices(void *userdata)
{
        struct world *w = userdata;

        w->waited++;
}

static int setup_with(void **state, bool remapping)
{
        struct world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(memory_new(PAGE_SIZE_2M, &w->memory), 0);
        assert_int_equal(iommu_new(w->memory, true, &w->iommu), 0);
        iommu_on_invalidate(w->iommu, wait_for_devices, w);
        assert_int_equal(irq_new(w->iommu, remapping, &w->irq), 0);
        assert_int_equal(irq_target_new(true, true, &w->vm), 0);
        assert_int_equal(irq_target_new(false, false, &w->host), 0);
        *state = w;
        return 0;
}

static int setup(void **state)
{
        return setup_with(state, true);
}

static int setup_without_remapping(void **state)
{
        return setup_with(state, false);
}

static int teardown(void **state)
{
        struct world *w = *state;

        irq_target_free(w->vm);
        irq_target_free(w->host);
        irq_free(w->irq);
        iommu_free(w->iommu);
        memory_free(w->memory);
        free(w);
        return 0;
}

/* Takes what is pending: exactly this vector; -1: nothing. */
static void expect_vector(struct irq_target *t, int vector)
{
        uint64_t got[IRQ_VECTORS / 64], expected[IRQ_VECTORS / 64] = {0};

        if (vector >= 0)
                expected[vector / 64] = UINT64_C(1) << vector % 64;
        assert_int_equal(irq_take(t, got), vector >= 0);
        assert_memory_equal(got, expected, sizeof(got));
}

/* Times it was notified since the last call. */
static uint64_t notifications(const struct irq_target *t)
{
        eventfd_t n;

        return eventfd_read(t->event_fd, &n) == 0 ? n : 0;
}

/* Blocked, and the log says why. */
static void expect_blocked(struct world *w, uint16_t rid, uint32_t index, enum iommu_reason reason)
{
        struct iommu_fault fault;

        assert_false(irq_raise(w->irq, rid, index));
        assert_true(iommu_next_fault(w->iommu, &fault));
        assert_int_equal(fault.rid, rid);
        assert_true(fault.interrupt);
        assert_int_equal(fault.reason, reason);
        assert_int_equal(fault.address, index);
        assert_int_equal(fault.count, 0);
        assert_false(iommu_next_fault(w->iommu, &fault));
        expect_vector(w->vm, -1);
        expect_vector(w->host, -1);
}

static void reaches_its_target(void **state)
{
        struct world *w = *state;
        struct iommu_fault fault;
        uint32_t vm, host;

        assert_int_equal(irq_allocate(w->irq, RID, w->vm, 255, &vm), 0);
        assert_int_equal(irq_allocate(w->irq, RID + 1, w->host, 0, &host), 0);
        assert_int_not_equal(vm, host);
        expect_vector(w->vm, -1);
        assert_true(irq_raise(w->irq, RID, vm));
        expect_vector(w->host, -1);
        expect_vector(w->vm, 255);
        expect_vector(w->vm, -1);
        assert_true(irq_raise(w->irq, RID + 1, host));
        expect_vector(w->vm, -1);
        expect_vector(w->host, 0);
        assert_int_equal(w->vm->count, 1);
        assert_int_equal(w->vm->host_handled, 0);
        assert_int_equal(w->host->count, 1);
        assert_int_equal(w->host->host_handled, 1);
        assert_int_equal(w->host->event_fd, -1);
        assert_int_equal(w->host->notified, 1);
        assert_false(iommu_next_fault(w->iommu, &fault));
        assert_int_equal(w->waited, 0);
}

static void what_is_blocked(void **state)
{
        struct world *w = *state;
        struct iommu_fault fault;
        uint32_t a, b, again;

        assert_int_equal(irq_allocate(w->irq, RID, w->vm, 1, &a), 0);
        assert_int_equal(irq_allocate(w->irq, RID + 1, w->vm, 2, &b), 0);
        expect_blocked(w, RID + 1, a, IOMMU_BAD_SOURCE);
        expect_blocked(w, RID, b, IOMMU_BAD_SOURCE);
        expect_blocked(w, RID, 1000, IOMMU_NO_IRTE);
        expect_blocked(w, RID, IRQ_ENTRIES - 1, IOMMU_NO_IRTE);
        expect_blocked(w, RID, IRQ_ENTRIES, IOMMU_BAD_IRTE_INDEX);
        expect_blocked(w, RID, IRQ_ENTRIES + a, IOMMU_BAD_IRTE_INDEX);
        expect_blocked(w, RID, UINT32_MAX, IOMMU_BAD_IRTE_INDEX);
        assert_int_equal(w->vm->count, 0);
        /* a storm is one record */
        for (unsigned i = 0; i < 1000; i++)
                assert_false(irq_raise(w->irq, RID, b));
        assert_true(iommu_next_fault(w->iommu, &fault));
        assert_int_equal(fault.count, 999);
        assert_false(iommu_next_fault(w->iommu, &fault));
        /* released: not present, after devices were waited for; then somebody else's */
        assert_int_equal(w->waited, 0);
        irq_release(w->irq, a);
        assert_int_equal(w->waited, 1);
        expect_blocked(w, RID, a, IOMMU_NO_IRTE);
        assert_int_equal(irq_allocate(w->irq, RID + 2, w->host, 3, &again), 0);
        assert_int_equal(again, a);
        expect_blocked(w, RID, a, IOMMU_BAD_SOURCE);
        assert_true(irq_raise(w->irq, RID + 2, a));
        expect_vector(w->vm, -1);
        expect_vector(w->host, 3);
}

/* No remapping: anybody reaches anybody. A message to nobody is lost; nothing records that. */
static void without_remapping(void **state)
{
        struct world *w = *state;
        struct iommu_fault fault;
        uint32_t index;

        assert_int_equal(irq_allocate(w->irq, RID, w->vm, 9, &index), 0);
        assert_true(irq_raise(w->irq, RID + 77, index));
        expect_vector(w->vm, 9);
        assert_false(irq_raise(w->irq, RID, index + 1));
        assert_false(irq_raise(w->irq, RID, IRQ_ENTRIES));
        assert_false(iommu_next_fault(w->iommu, &fault));
        assert_int_equal(w->vm->count, 1);
}

/* ON: one notification until the guest looked. SN: none at all. */
static void notified_when_due(void **state)
{
        struct world *w = *state;
        uint64_t got[IRQ_VECTORS / 64];
        uint32_t index[IRQ_VECTORS];

        for (unsigned v = 0; v < IRQ_VECTORS; v++)
                assert_int_equal(irq_allocate(w->irq, RID, w->vm, (uint8_t) v, &index[v]), 0);
        for (unsigned round = 0; round < 3; round++) {
                for (unsigned v = 0; v < IRQ_VECTORS; v++)
                        assert_true(irq_raise(w->irq, RID, index[v]));
                assert_int_equal(notifications(w->vm), 1);
                assert_true(w->vm->outstanding);
                assert_true(irq_take(w->vm, got));
                for (size_t i = 0; i < ELEMENTSOF(got); i++)
                        assert_int_equal(got[i], UINT64_MAX);
                assert_false(w->vm->outstanding);
                assert_false(irq_take(w->vm, got));
                assert_int_equal(notifications(w->vm), 0);
        }
        assert_int_equal(w->vm->notified, 3);
        assert_int_equal(w->vm->count, 3 * IRQ_VECTORS);
        w->vm->suppress = true;
        assert_true(irq_raise(w->irq, RID, index[5]));
        assert_int_equal(notifications(w->vm), 0);
        assert_false(w->vm->outstanding);
        w->vm->suppress = false;
        assert_true(irq_raise(w->irq, RID, index[64]));
        assert_int_equal(notifications(w->vm), 1);
        assert_true(irq_take(w->vm, got));
        assert_int_equal(got[0], 1 << 5);
        assert_int_equal(got[1], 1);
        assert_int_equal(w->vm->notified, 4);
        assert_int_equal(w->vm->host_handled, 0);
}

static void the_table_is_finite(void **state)
{
        struct world *w = *state;
        uint32_t index = 0;

        for (uint32_t i = 0; i < IRQ_ENTRIES; i++) {
                assert_int_equal(irq_allocate(w->irq, (uint16_t) i, w->vm, (uint8_t) i, &index), 0);
                assert_int_equal(index, i);
        }
        assert_int_equal(irq_allocate(w->irq, RID, w->vm, 0, &index), -ENOSPC);
        assert_int_equal(index, IRQ_ENTRIES - 1);
        for (uint32_t i = 0; i < IRQ_ENTRIES; i += 997) {
                assert_true(irq_raise(w->irq, (uint16_t) i, i));
                expect_vector(w->vm, (uint8_t) i);
        }
        irq_release(w->irq, 40000);
        irq_release(w->irq, 300);
        assert_int_equal(irq_allocate(w->irq, RID, w->host, 0, &index), 0);
        assert_int_equal(index, 300);
        assert_int_equal(irq_allocate(w->irq, RID, w->host, 0, &index), 0);
        assert_int_equal(index, 40000);
        assert_int_equal(irq_allocate(w->irq, RID, w->host, 0, &index), -ENOSPC);
}

/* Random entries and messages against an array. */
static void as_the_array_says(void **state)
{
        struct world *w = *state;
        static const uint32_t n = 64;
        struct {
                bool present, host;
                uint16_t rid;
                uint8_t vector;
        } entries[64] = {0};
        uint64_t seed = 3, reached = 0, blocked = 0, told = 0;
        struct iommu_fault fault;

        for (unsigned round = 0; round < 20000; round++) {
                uint32_t i, index;
                uint16_t rid;
                bool good;

                seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
                i = (uint32_t) (seed >> 33) % n;
                rid = (uint16_t) (seed >> 40 & 3);
                if (seed >> 60 == 0 && entries[i].present) {
                        irq_release(w->irq, i);
                        entries[i].present = false;
                } else if (seed >> 60 == 1) {
                        for (i = 0; i < n && entries[i].present; i++)
                                continue;
                        if (i == n)
                                continue;
                        entries[i].present = true;
                        entries[i].host = seed >> 50 & 1;
                        entries[i].rid = rid;
                        entries[i].vector = (uint8_t) (seed >> 52);
                        assert_int_equal(
                                irq_allocate(w->irq, rid, entries[i].host ? w->host : w->vm,
                                        entries[i].vector, &index),
                                0);
                        assert_int_equal(index, i);
                }
                good = i < n && entries[i].present && entries[i].rid == rid;
                assert_int_equal(irq_raise(w->irq, rid, i), good);
                reached += good;
                blocked += !good;
                expect_vector(w->vm, good && !entries[i].host ? entries[i].vector : -1);
                expect_vector(w->host, good && entries[i].host ? entries[i].vector : -1);
                while (iommu_next_fault(w->iommu, &fault))
                        told += 1 + fault.count;
        }
        assert_int_equal(told, blocked);
        assert_int_equal(w->vm->count + w->host->count, reached);
        assert_int_equal(w->host->host_handled, w->host->count);
        assert_true(reached > 1000 && blocked > 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(reaches_its_target, setup, teardown),
                cmocka_unit_test_setup_teardown(what_is_blocked, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        without_remapping, setup_without_remapping, teardown),
                cmocka_unit_test_setup_teardown(notified_when_due, setup, teardown),
                cmocka_unit_test_setup_teardown(the_table_is_finite, setup, teardown),
                cmocka_unit_test_setup_teardown(as_the_array_says, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
