/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One pass of the datapath: whose turn it is. The wire first (it can not wait), then what was held,
 * then senders: by turns, a burst each; when the wire has a speed, by the schedule of minimum
 * rates. Datapath thread.
 */
#include "sim/nic/nic_private.h"

#define WIRE_EVERY  16u  /* visits of senders between two looks at the wire */
#define PASS_FRAMES 256u /* that make a pass worth beginning and ending it */

/* So many bursts from the wire at most. */
static uint32_t receive(struct nic *nic, uint32_t bursts)
{
        uint32_t n = NIC_BURST, sum = 0;

        for (; nic->port && bursts > 0 && n == NIC_BURST; bursts--, sum += n)
                n = rx_walk(nic);
        return sum;
}

/* ---- held senders ---- */

static void held_append(struct nic *nic, struct nic_queue *q)
{
        q->held = true;
        q->next_held = NULL;
        if (nic->held_last)
                nic->held_last->next_held = q;
        else
                nic->held_first = q;
        nic->held_last = q;
}

void held_remove(struct nic *nic, struct nic_queue *q)
{
        struct nic_queue *before = NULL;

        if (!q->held)
                return;
        if (nic->held_first == q) {
                nic->held_first = q->next_held;
        } else {
                for (before = nic->held_first; before->next_held != q;)
                        before = before->next_held;
                before->next_held = q->next_held;
        }
        if (nic->held_last == q)
                nic->held_last = before;
        q->held = false;
}

/* The one that waits longest is the first to try; who waits on goes to the end in the same order.
 */
static uint32_t retry_held(struct nic *nic)
{
        struct nic_queue *q = nic->held_first, *next;
        uint32_t moved = 0;

        nic->held_first = nic->held_last = NULL;
        for (; q; q = next) {
                next = q->next_held;
                q->held = false;
                nic->tracing_from = q->pool->number;
                if (!replicas_retry(nic, q, &moved))
                        held_append(nic, q);
                else
                        bit_set(nic->active, nic_tx_bit(nic, q));
        }
        return moved;
}

/* ---- senders ---- */

/* Who rang since. The bits of those who are known to have work stay, so that their drivers find
 * nothing to set; before one falls idle it is taken once more, and looked at after that. */
static void collect(struct nic *nic)
{
        for (uint32_t w = 0; w < nic->queue_words; w++) {
                uint64_t rang =
                        __atomic_load_n(&nic->pending[w], __ATOMIC_RELAXED) & ~nic->active[w];

                if (!rang)
                        continue;
                __atomic_fetch_and(&nic->pending[w], ~rang, __ATOMIC_SEQ_CST);
                nic->active[w] |= rang;
        }
}

/* Whose tokens have come. */
static void collect_timed(struct nic *nic)
{
        bool any = false;

        if (likely(!nic->any_timed))
                return;
        for (uint32_t w = 0; w < nic->queue_words; w++)
                for (uint64_t bits = nic->timed[w]; bits; bits &= bits - 1) {
                        uint32_t bit = w * 64 + (uint32_t) __builtin_ctzll(bits);

                        if (nic_tx_at(nic, bit)->due > nic->now) {
                                any = true;
                                continue;
                        }
                        bit_clear(nic->timed, bit);
                        bit_set(nic->active, bit);
                }
        nic->any_timed = any;
}

/* Its last burst had frames for a wire that has a speed: it sends by the schedule, not by turns. */
static bool is_scheduled(const struct nic *nic, const struct nic_pool *p)
{
        return nic->config.speed && p->uses_wire;
}

/* One queue's turn, so many bytes at most. How many frames; *full: packet memory is. */
static uint32_t visit(struct nic *nic, uint32_t bit, uint32_t bytes, bool *full)
{
        struct nic_queue *q = nic_tx_at(nic, bit);
        enum tx_outcome outcome = TX_IDLE;
        uint64_t before = q->pool->stats.tx_bytes;
        uint32_t n;

        bit_clear(nic->active, bit);
        if (q->held)
                return 0;
        n = tx_walk(nic, q, bytes, &outcome);
        switch (outcome) {
        case TX_IDLE:
                break;
        case TX_MORE:
                bit_set(nic->active, bit);
                break;
        case TX_WAITS:
                bit_set(nic->timed, bit);
                nic->any_timed = true;
                break;
        case TX_HELD:
                held_append(nic, q);
                break;
        case TX_FULL:
                bit_set(nic->active, bit);
                *full = n == 0;
                break;
        }
        if (nic->config.speed)
                schedule_sent(nic->schedule, q->pool->number,
                        (uint32_t) (q->pool->stats.tx_bytes - before), nic->now);
        return n;
}

/* By turns, a burst each: those who are not scheduled, so that they never wait for the wire. True:
 * that was not all. */
static bool take_turns(struct nic *nic, uint32_t *moved)
{
        const uint32_t first = nic->turn / 64;
        const uint64_t from = UINT64_MAX << nic->turn % 64;
        uint32_t visits = 0;
        bool full = false;

        for (uint32_t i = 0; i <= nic->queue_words; i++) {
                uint32_t w = (first + i) % nic->queue_words;
                uint64_t bits = nic->active[w];

                if (i == 0)
                        bits &= from;
                else if (i == nic->queue_words)
                        bits &= ~from;
                for (; bits; bits &= bits - 1) {
                        uint32_t bit = w * 64 + (uint32_t) __builtin_ctzll(bits);

                        if (is_scheduled(nic, nic_tx_at(nic, bit)->pool))
                                continue;
                        if (visits++ == VISITS_MAX || full) {
                                nic->turn = bit;
                                return !full;
                        }
                        *moved += visit(nic, bit, UINT32_MAX, &full);
                        if (visits % WIRE_EVERY == 0)
                                *moved += receive(nic, 1);
                }
        }
        return false;
}

/* Pools that are scheduled and have work. */
static void find_wanting(struct nic *nic)
{
        for (uint32_t w = 0; w < nic->pool_words; w++) {
                uint64_t bits = 0;

                for (uint32_t q = 0; q < nic->config.queues; q++)
                        bits |= nic->active[q * nic->pool_words + w];
                nic->wanting[w] = bits;
                for (; bits; bits &= bits - 1) {
                        uint32_t pool = w * 64 + (uint32_t) __builtin_ctzll(bits);

                        if (!is_scheduled(nic, nic->pools[pool]))
                                bit_clear(nic->wanting, pool);
                }
        }
}

/* All queues of one pool, in one turn. */
static uint32_t visit_pool(struct nic *nic, uint32_t pool, uint32_t bytes, bool *full)
{
        const struct pool_stats *s = &nic->pools[pool]->stats;
        uint64_t before = s->tx_bytes;
        uint32_t n = 0;

        for (uint32_t q = 0; q < nic->config.queues && !*full; q++) {
                uint32_t bit = nic_bit(nic, pool, q);
                uint64_t sent = s->tx_bytes - before;

                if (nic->active[bit / 64] >> bit % 64 & 1 && sent < bytes)
                        n += visit(nic, bit, bytes - (uint32_t) sent, full);
        }
        return n;
}

/* By the schedule, while the wire takes all they have for it: so what waits there is never much
 * more than one turn, and the schedule decides who goes and not who came first. */
static bool take_scheduled(struct nic *nic, uint32_t *moved)
{
        bool full = false;

        find_wanting(nic);
        for (uint32_t visits = 0; nic->wire_n == 0 && !full; visits++) {
                uint32_t bytes = 0, n, pool;

                if (visits == VISITS_MAX)
                        return true;
                pool = schedule_next(nic->schedule, nic->wanting, nic->now, &bytes);
                if (pool == UINT32_MAX)
                        return false;
                n = visit_pool(nic, pool, bytes, &full);
                if (n == 0 || !is_scheduled(nic, nic->pools[pool]))
                        bit_clear(nic->wanting, pool);
                *moved += n;
        }
        return false;
}

/* ---- a pass ---- */

/* Nothing to do, and nobody rang before that was said: may sleep. Who is active and did not move
 * waits for others, and not for a doorbell of its own. */
static bool fall_asleep(struct nic *nic)
{
        bool rang;

        __atomic_store_n(&nic->asleep, true, __ATOMIC_SEQ_CST);
        rang = __atomic_load_n(&nic->kicked, __ATOMIC_SEQ_CST);
        for (uint32_t w = 0; w < nic->queue_words && !rang; w++)
                rang = __atomic_load_n(&nic->pending[w], __ATOMIC_SEQ_CST) & ~nic->active[w];
        if (rang)
                __atomic_store_n(&nic->asleep, false, __ATOMIC_SEQ_CST);
        return !rang;
}

/* Everybody's turn once. How many frames moved; *ret_more: not everybody had it. */
static uint32_t everybody(struct nic *nic, bool *ret_more)
{
        uint64_t wire = nic->wire_moved;
        uint32_t moved;

        collect(nic);
        moved = receive(nic, WIRE_BURSTS_MAX);
        if (unlikely(nic->wire_n))
                transmit_to_port(nic);
        if (unlikely(nic->held_first))
                moved += retry_held(nic);
        *ret_more = nic->config.speed && take_scheduled(nic, &moved);
        *ret_more |= take_turns(nic, &moved);
        return moved + (nic->wire_moved != wire);
}

uint32_t nic_poll(struct nic *nic, uint64_t now)
{
        uint32_t moved = 0, n;
        bool more;

        nic_pass_begin(nic);
        if (unlikely(nic->stale))
                nic_freshen(nic);
        if (unlikely(__atomic_load_n(&nic->asleep, __ATOMIC_RELAXED)))
                __atomic_store_n(&nic->asleep, false, __ATOMIC_RELAXED);
        if (unlikely(__atomic_load_n(&nic->kicked, __ATOMIC_RELAXED)))
                __atomic_store_n(&nic->kicked, false, __ATOMIC_SEQ_CST);
        if (now > nic->now)
                nic->now = now;
        /* Who follows a frame wants to see every translation: no page is remembered then. */
        nic->generation = nic->tracer ? UINT64_MAX : iommu_generation(nic->iommu);
        collect_timed(nic);
        interrupts_due(nic);
        do {
                n = everybody(nic, &more);
                moved += n;
        } while (n > 0 && moved < PASS_FRAMES);
        if (moved == 0 && (more || !fall_asleep(nic)))
                moved = 1;
        nic_pass_end(nic);
        return moved;
}

uint64_t nic_next(struct nic *nic, uint64_t now)
{
        uint64_t next = UINT64_MAX, due;

        for (uint32_t w = 0; w < nic->queue_words && nic->any_timed; w++)
                for (uint64_t bits = nic->timed[w]; bits; bits &= bits - 1) {
                        due = nic_tx_at(nic, w * 64 + (uint32_t) __builtin_ctzll(bits))->due;
                        next = due < next ? due : next;
                }
        if (nic->any_owed && nic->owed_due < next)
                next = nic->owed_due;
        due = wire_due(nic, now);
        next = due < next ? due : next;
        return next < now ? now : next;
}
