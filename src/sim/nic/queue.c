/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How queues begin and end, and what a reset leaves of a function. Whoever holds the NIC; the
 * datapath only stops queues.
 */
#include "sim/nic/nic_private.h"

void queue_init(struct nic_queue *q, struct nic_pool *pool, uint32_t number, bool transmit)
{
        memset(q, 0, sizeof(*q));
        q->pool = pool;
        q->number = number;
        q->transmit = transmit;
        q->vector = VECTOR_NONE;
        q->held_first = q->held_last = CELL_NONE;
        q->ring_pages.access = IOMMU_READ | IOMMU_WRITE;
        q->buffer_pages.access = transmit ? IOMMU_READ : IOMMU_WRITE;
        q->head_pages.access = IOMMU_WRITE;
}

/* ---- what is wrong with a queue ---- */

static bool bad_align(const struct nic_queue *q)
{
        return q->ring % RING_ALIGN;
}

static bool bad_length(const struct nic_queue *q)
{
        return q->size < RING_MIN || q->size > RING_MAX || q->bytes != q->size * DESC_SIZE ||
               q->size % 8;
}

static bool bad_address(const struct nic_queue *q)
{
        return q->ring >> IOVA_BITS || (q->ring + q->bytes - 1) >> IOVA_BITS;
}

static bool bad_buffer(const struct nic_queue *q)
{
        return !q->transmit && (q->buffer < RX_BUFFER_MIN || q->buffer > RX_BUFFER_MAX);
}

static bool bad_tail(const struct nic_queue *q)
{
        return __atomic_load_n(&q->tail, __ATOMIC_RELAXED) >= q->size;
}

static const struct {
        enum mdd_cause cause;
        bool (*wrong)(const struct nic_queue *q);
} checks[] = {
        {MDD_RING_ALIGN, bad_align},
        {MDD_RING_LENGTH, bad_length},
        {MDD_RING_ADDRESS, bad_address},
        {MDD_BUFFER_SIZE, bad_buffer},
        {MDD_TAIL, bad_tail},
};

void queue_enable(struct nic *nic, struct nic_queue *q)
{
        if (q->enabled || q->stopped)
                return;
        for (size_t i = 0; i < ELEMENTSOF(checks); i++)
                if (checks[i].wrong(q)) {
                        queue_stop(nic, q, checks[i].cause);
                        return;
                }
        q->head = q->seen = 0;
        q->state = (struct tx_state){};
        q->enabled = true;
        nic->epoch++;
        if (q->transmit)
                nic_ring(nic, q->pool->number, q->number);
}

static void forget(struct nic *nic, struct nic_queue *q)
{
        if (q->transmit)
                replicas_forget_sender(nic, q, DROP_RESET);
        else
                replicas_forget_receiver(nic, q, DROP_RESET);
}

void queue_disable(struct nic *nic, struct nic_queue *q)
{
        if (!q->enabled)
                return;
        forget(nic, q);
        q->enabled = false;
        q->head = q->seen = 0;
        __atomic_store_n(&q->tail, 0, __ATOMIC_SEQ_CST);
        nic->epoch++;
}

void queue_stop(struct nic *nic, struct nic_queue *q, enum mdd_cause cause)
{
        struct nic_pool *p = q->pool;

        if (q->stopped)
                return;
        q->enabled = false;
        q->stopped = true;
        nic->epoch++;
        if (p->mdd.cause == MDD_NONE)
                p->mdd = (struct nic_mdd){cause, q->number, q->transmit};
        stat_add(&nic->mdd_count, 1);
        raise_interrupt(nic, nic->pools[POOL_PF], nic->pools[POOL_PF]->misc_vector);
}

/* ---- functions ---- */

static void reset_queue(struct nic *nic, struct nic_queue *q)
{
        forget(nic, q);
        queue_init(q, q->pool, q->number, q->transmit);
}

void pool_reset(struct nic *nic, struct nic_pool *p)
{
        for (uint32_t i = 0; i < nic->config.queues; i++) {
                bit_clear(nic->active, nic_tx_bit(nic, &p->tx[i]));
                bit_clear(nic->timed, nic_tx_bit(nic, &p->tx[i]));
                reset_queue(nic, &p->tx[i]);
                reset_queue(nic, &p->rx[i]);
        }
        bit_clear(nic->owed, p->number);
        nic->epoch++;
        p->mdd = (struct nic_mdd){};
        p->causes = 0;
        p->interrupts_enabled = ~(uint64_t) UINT32_MAX; /* EIMS has the first 32 */
        p->misc_vector = VECTOR_NONE;
        p->ivar_misc = 0;
        memset(p->ivar, 0, sizeof(p->ivar));
        memset(p->eitr, 0, sizeof(p->eitr));
        for (uint32_t v = 0; v < p->msix.n; v++)
                msix_moderate(&p->msix, v, 0);
}

void nic_reset_function(struct nic *nic, uint32_t pool)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (!p)
                return;
        pool_reset(nic, p);
        p->bus_master = false;
        msix_init(&p->msix, nic->config.irq, p->rid, p->msix.n);
        mailbox_vf_was_reset(&p->mailbox);
        if (pool != POOL_PF && nic->notify)
                nic->notify(nic->notify_userdata, pool);
}

void pool_ring(struct nic *nic, struct nic_pool *p)
{
        for (uint32_t i = 0; i < nic->config.queues; i++)
                if (p->tx[i].enabled)
                        nic_ring(nic, p->number, i);
        nic->epoch++;
}
