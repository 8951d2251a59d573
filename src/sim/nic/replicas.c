/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who gets a replica of a frame, and who waits. Frames are grouped by the queue that receives them;
 * what finds no descriptor waits in packet memory, on its sender's list, and its sender fetches
 * nothing more meanwhile. Frames of one sender to one receiver keep their order. Datapath thread.
 */
#include "sim/nic/nic_private.h"

const uint8_t *frame_linear(struct nic *nic, const struct nic_frame *f)
{
        if (likely(frame_one_cell(f)))
                return frame_bytes(f);
        pktmem_read(&nic->mem, f->cell, f->start, nic->linear, frame_stored(f));
        return nic->linear;
}

/* ---- the end of a replica ---- */

void replica_done(struct nic *nic, struct nic_frame *f)
{
        if (!f->counted)
                return;
        f->counted--;
        stat_add(f->counted ? &nic->stats.pending_replicas : &nic->stats.in_flight, UINT64_MAX);
}

void replica_drop(struct nic *nic, struct nic_frame *f, uint32_t pool, enum drop_reason why)
{
        struct nic_pool *p = pool == FROM_WIRE ? NULL : nic_pool_at(nic, pool);

        if (pool == FROM_WIRE)
                stat_add(&nic->stats.wire_drops[why], 1);
        else
                stat_add(p ? &p->stats.drops[why] : &nic->gone.drops[why], 1);
        if (unlikely(nic->tracer))
                tell_drop(nic, pool, f->from, f->length, frame_bytes(f), why);
        replica_done(nic, f);
}

/* ---- what the sorter said ---- */

void burst_sort(struct nic *nic, uint32_t from, struct nic_burst *b)
{
        if (likely(!nic->tracer)) {
                sorter_burst(nic->sorter, from, b->head, b->n, b->verdict, b->set);
                return;
        }
        for (uint32_t i = 0; i < b->n; i++)
                tell_sorting(nic, b->frame[i], &b->head[i], &b->set[i], &b->verdict[i]);
}

bool replicas_note_any(
        struct nic *nic, struct nic_frame *f, const struct verdict *v, const struct pool_set *set)
{
        uint32_t k = v->n + v->wire;

        if (k == 0) {
                replica_drop(nic, f, f->from, v->reason);
                pktmem_give(&nic->mem, f->cell);
                return false;
        }
        stat_add(&nic->stats.copies, k - 1);
        if (v->mirrored)
                stat_add(&nic->stats.mirrored, 1);
        if (v->n > 1) {
                uint32_t words = (sorter_n_pools(nic->sorter) + 63) / 64;

                memset(nic_set(nic, f), 0, sizeof(*set));
                memcpy(nic_set(nic, f), set, words * sizeof(uint64_t));
        }
        return true;
}

/* ---- waiting ---- */

/* What the frame still waits for is in its n, pool, set and wire. */
static void hold(struct nic *nic, struct nic_queue *q, struct nic_frame *f)
{
        uint32_t cell = f->cell, left = f->n + f->wire;

        tx_store_rest(f);
        f->next = CELL_NONE;
        if (q->held_first == CELL_NONE)
                q->held_first = cell;
        else
                nic->frames[q->held_last].next = cell;
        q->held_last = cell;
        if (f->counted)
                return;
        f->counted = (uint16_t) left;
        stat_add(&nic->stats.in_flight, 1);
        stat_add(&nic->stats.pending_replicas, left - 1);
        if (unlikely(nic->tracer))
                tell_frame(nic, TRACE_HELD, f, f->n ? f->pool : FROM_WIRE);
}

/* The queue found no descriptors for these. True: they wait for some. */
static bool wait_for(struct nic *nic, struct nic_queue *tx, struct nic_queue *rx,
        struct nic_frame *const *frames, uint32_t n)
{
        if (tx && !rx->drop) {
                if (rx->blocked == nic->round)
                        return true;
                rx->blocked = nic->round;
                __atomic_store_n(&rx->wanted, true, __ATOMIC_SEQ_CST);
                tx->waits_for = rx;
                tx->waits_tail = rx->seen;
                tx->n_waits++;
                return true;
        }
        for (uint32_t i = 0; i < n; i++)
                replica_drop(nic, frames[i], rx->pool->number, DROP_NO_DESCRIPTOR);
        return false;
}

/* ---- groups ---- */

/* How many of these are over. */
static uint32_t give(struct nic *nic, struct nic_queue *tx, struct nic_queue *rx,
        struct nic_frame *const *frames, uint32_t n)
{
        uint32_t done = 0;

        if (likely(rx->blocked != nic->round))
                done = rx_deliver(nic, rx, frames, n);
        if (unlikely(rx->wanted) && done > 0)
                __atomic_store_n(&rx->wanted, false, __ATOMIC_SEQ_CST);
        if (unlikely(done < n) && !wait_for(nic, tx, rx, frames + done, n - done))
                done = n;
        return done;
}

static void flush_groups(struct nic *nic, struct nic_queue *tx)
{
        for (uint32_t i = 0; i < nic->n_groups; i++) {
                struct nic_group *g = &nic->group[i];
                uint32_t done = give(nic, tx, g->queue, g->frame, g->n);

                for (uint32_t k = 0; k < done; k++)
                        g->frame[k]->n = 0;
        }
        nic->n_groups = 0;
        nic->stamp++;
}

/* The group of a frame's only receiver. NULL: there is no such function, and the frame is dropped.
 */
static struct nic_group *group_of(struct nic *nic, struct nic_frame *f)
{
        struct nic_queue *rx = rx_queue_of(nic, f->pool, f);

        if (unlikely(!rx)) {
                replica_drop(nic, f, f->pool, DROP_NO_QUEUE);
                f->n = 0;
                return NULL;
        }
        if (rx->stamp != nic->stamp) {
                rx->stamp = nic->stamp;
                rx->slot = nic->n_groups++;
                nic->group[rx->slot].queue = rx;
                nic->group[rx->slot].n = 0;
        }
        return &nic->group[rx->slot];
}

/* A frame with several receivers, one by one; who could not take it stays in its set. */
static void each_replica(struct nic *nic, struct nic_queue *tx, struct nic_frame *f)
{
        struct pool_set *set = nic_set(nic, f);
        uint32_t pool = 0;

        tx_store_rest(f);
        for (uint32_t left = f->n; left > 0; left--, pool++) {
                struct nic_queue *rx;

                pool = pool_set_next(set, POOLS_MAX, pool);
                rx = rx_queue_of(nic, pool, f);
                if (!rx)
                        replica_drop(nic, f, pool, DROP_NO_QUEUE);
                else if (!give(nic, tx, rx, &f, 1))
                        continue;
                bit_clear(set->w, pool);
                f->n--;
        }
        if (f->n > 0)
                f->pool = pool_set_next(set, POOLS_MAX, 0);
}

/* ---- a burst, or what was left of one ---- */

/* All replicas of all frames, as far as they may go. */
static void spread(
        struct nic *nic, struct nic_queue *q, struct nic_frame *const *frames, uint32_t n)
{
        struct nic_group *g = NULL;
        uint32_t pool = POOL_NONE; /* whose group g is; a pool with RSS has several */

        for (uint32_t i = 0; i < n; i++) {
                struct nic_frame *f = frames[i];

                if (unlikely(f->wire) && !f->queued)
                        wire_push(nic, f);
                if (unlikely(f->n != 1)) {
                        if (f->n == 0)
                                continue;
                        flush_groups(nic, q);
                        each_replica(nic, q, f);
                        pool = POOL_NONE;
                        continue;
                }
                if (unlikely(f->pool != pool)) {
                        g = group_of(nic, f);
                        pool = g && !g->queue->pool->rss_key ? f->pool : POOL_NONE;
                }
                if (likely(g))
                        g->frame[g->n++] = f;
        }
        flush_groups(nic, q);
}

uint32_t replicas_spread(
        struct nic *nic, struct nic_queue *q, struct nic_frame *const *frames, uint32_t n)
{
        uint32_t waiting = 0, wire = nic->wire_n;

        nic->round++;
        if (q)
                q->n_waits = 0;
        spread(nic, q, frames, n);
        if (unlikely(nic->wire_n > wire))
                transmit_to_port(nic);
        for (uint32_t i = 0; i < n; i++) {
                struct nic_frame *f = frames[i];

                if (likely(f->n + f->wire == 0)) {
                        pktmem_give(&nic->mem, f->cell);
                        continue;
                }
                hold(nic, q, f);
                waiting++;
        }
        if (unlikely(waiting)) {
                q->waits_wire = nic->wire_moved;
                q->waits_epoch = nic->epoch;
        }
        return waiting;
}

/* Could it be otherwise now than when it was looked at? */
static bool may_go_on(const struct nic *nic, const struct nic_queue *q)
{
        if (q->waits_epoch != nic->epoch || q->waits_wire != nic->wire_moved || q->n_waits > 1)
                return true;
        return q->n_waits == 1 &&
               __atomic_load_n(&q->waits_for->tail, __ATOMIC_SEQ_CST) != q->waits_tail;
}

bool replicas_retry(struct nic *nic, struct nic_queue *q, uint32_t *moved)
{
        struct nic_frame *frames[NIC_BURST];
        uint32_t n = 0, left;

        if (!may_go_on(nic, q))
                return false;
        for (uint32_t cell = q->held_first; cell != CELL_NONE; cell = nic->frames[cell].next)
                frames[n++] = &nic->frames[cell];
        q->held_first = q->held_last = CELL_NONE;
        left = replicas_spread(nic, q, frames, n);
        *moved += n - left;
        return left == 0;
}

/* ---- when a queue ends ---- */

void replicas_forget_sender(struct nic *nic, struct nic_queue *q, enum drop_reason why)
{
        for (uint32_t cell = q->held_first, next; cell != CELL_NONE; cell = next) {
                struct nic_frame *f = &nic->frames[cell];

                next = f->next;
                for (uint32_t left = f->n + f->wire; left > 0; left--)
                        replica_drop(nic, f, q->pool->number, why);
                if (f->queued)
                        wire_forget(nic, f);
                pktmem_give(&nic->mem, cell);
        }
        q->held_first = q->held_last = CELL_NONE;
        held_remove(nic, q);
}

static void forget_receiver(
        struct nic *nic, struct nic_frame *f, const struct nic_queue *rx, enum drop_reason why)
{
        const uint32_t pool = rx->pool->number;
        struct pool_set *set = nic_set(nic, f);

        if (f->n == 0 || (f->n == 1 && f->pool != pool) ||
                (f->n > 1 && pool_set_next(set, POOLS_MAX, pool) != pool) ||
                rx_queue_of(nic, pool, f) != rx)
                return;
        replica_drop(nic, f, pool, why);
        if (f->n > 1) {
                bit_clear(set->w, pool);
                f->pool = pool_set_next(set, POOLS_MAX, 0);
        }
        f->n--;
}

void replicas_forget_receiver(struct nic *nic, struct nic_queue *rx, enum drop_reason why)
{
        for (struct nic_queue *q = nic->held_first; q; q = q->next_held)
                for (uint32_t cell = q->held_first; cell != CELL_NONE;
                        cell = nic->frames[cell].next)
                        forget_receiver(nic, &nic->frames[cell], rx, why);
}
