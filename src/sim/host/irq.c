/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interrupt remapping table and posting (VT-d specification 5.1 and 5.2). irq_raise() in the
 * datapath thread without a lock; the rest under the table's. An entry that was released is used
 * again only when no device can still be reading it.
 */
#include <sys/eventfd.h>

#include "sim/host/iommu_private.h"
#include "sim/host/irq.h"

struct irq_entry {
        struct irq_target *target; /* atomic; NULL: not present */
        uint16_t rid;              /* like vector: set before target is */
        uint8_t vector;
        bool taken; /* under the lock; from allocate until release has waited */
};

struct irq {
        struct iommu *iommu; /* for its fault log and its wait */
        bool remapping;
        pthread_mutex_t lock;
        uint32_t lowest; /* below it no entry is free */
        struct irq_entry entries[IRQ_ENTRIES];
};

/* ---- targets -----------------------------------------------------------------------------------
 */

int irq_target_new(bool posted, bool with_fd, struct irq_target **ret)
{
        _cleanup_(irq_target_freep) struct irq_target *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        t->posted = posted;
        t->event_fd = with_fd ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
        if (with_fd && t->event_fd < 0)
                return -errno;
        *ret = TAKE_PTR(t);
        return 0;
}

void irq_target_free(struct irq_target *t)
{
        if (!t)
                return;
        closep(&t->event_fd);
        free(t);
}

bool irq_take(struct irq_target *t, uint64_t ret[static IRQ_VECTORS / 64])
{
        uint64_t any = 0;

        /* In this order: who posts now either is seen below, or notifies. */
        (void) __atomic_exchange_n(&t->outstanding, false, __ATOMIC_SEQ_CST);
        for (size_t i = 0; i < ELEMENTSOF(t->pending); i++)
                any |= ret[i] = __atomic_exchange_n(&t->pending[i], 0, __ATOMIC_SEQ_CST);
        return any != 0;
}

/* ---- the table ---------------------------------------------------------------------------------
 */

int irq_new(struct iommu *iommu, bool remapping, struct irq **ret)
{
        struct irq *irq = calloc(1, sizeof(*irq));

        if (!irq)
                return -ENOMEM;
        irq->iommu = iommu;
        irq->remapping = remapping;
        pthread_mutex_init(&irq->lock, NULL);
        *ret = irq;
        return 0;
}

void irq_free(struct irq *irq)
{
        if (!irq)
                return;
        pthread_mutex_destroy(&irq->lock);
        free(irq);
}

int irq_allocate(struct irq *irq, uint16_t rid, struct irq_target *target, uint8_t vector,
        uint32_t *ret_index)
{
        struct irq_entry *e = NULL;

        pthread_mutex_lock(&irq->lock);
        while (irq->lowest < IRQ_ENTRIES && irq->entries[irq->lowest].taken)
                irq->lowest++;
        if (irq->lowest < IRQ_ENTRIES) {
                e = &irq->entries[irq->lowest];
                e->taken = true;
                e->rid = rid;
                e->vector = vector;
                __atomic_store_n(&e->target, target, __ATOMIC_RELEASE);
                *ret_index = irq->lowest++;
        }
        pthread_mutex_unlock(&irq->lock);
        return e ? 0 : -ENOSPC;
}

void irq_release(struct irq *irq, uint32_t index)
{
        struct irq_entry *e = &irq->entries[index];

        __atomic_store_n(&e->target, NULL, __ATOMIC_RELEASE);
        iommu_wait(irq->iommu);
        pthread_mutex_lock(&irq->lock);
        e->taken = false;
        if (index < irq->lowest)
                irq->lowest = index;
        pthread_mutex_unlock(&irq->lock);
}

/* ---- raising -----------------------------------------------------------------------------------
 */

/* Only the datapath counts, others may look. */
static void count(uint64_t *counter)
{
        __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* IOMMU_OK, and the target; else why not. */
static enum iommu_reason find(const struct irq *irq, uint16_t rid, uint32_t index,
        struct irq_target **ret, uint8_t *ret_vector)
{
        const struct irq_entry *e = &irq->entries[index % IRQ_ENTRIES];
        struct irq_target *t = __atomic_load_n(&e->target, __ATOMIC_ACQUIRE);

        if (index >= IRQ_ENTRIES)
                return IOMMU_BAD_IRTE_INDEX;
        if (!t)
                return IOMMU_NO_IRTE;
        if (irq->remapping && e->rid != rid)
                return IOMMU_BAD_SOURCE;
        *ret = t;
        *ret_vector = e->vector;
        return IOMMU_OK;
}

/* Seen by irq_take(), or followed by a notification. */
static void post(struct irq_target *t, uint8_t vector)
{
        __atomic_fetch_or(&t->pending[vector / 64], UINT64_C(1) << vector % 64, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&t->suppress, __ATOMIC_SEQ_CST) ||
                __atomic_load_n(&t->outstanding, __ATOMIC_SEQ_CST) ||
                __atomic_exchange_n(&t->outstanding, true, __ATOMIC_SEQ_CST))
                return;
        count(&t->notified);
        if (t->event_fd >= 0)
                eventfd_write(t->event_fd, 1);
}

bool irq_raise(struct irq *irq, uint16_t rid, uint32_t index)
{
        struct irq_target *t = NULL;
        uint8_t vector = 0;
        enum iommu_reason reason = find(irq, rid, index, &t, &vector);

        if (reason != IOMMU_OK) {
                const struct iommu_fault fault = {
                        .rid = rid,
                        .write = true, /* which is what a message is */
                        .interrupt = true,
                        .reason = reason,
                        .address = index,
                };

                if (irq->remapping) /* else nobody is there to record it */
                        iommu_record(irq->iommu, &fault);
                return false;
        }
        count(&t->count);
        if (!t->posted)
                count(&t->host_handled);
        post(t, vector);
        return true;
}
