/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A NIC begins and ends; what the PF driver sets.
 *
 * Holding. A pass says `passing` and looks whether somebody wants the NIC; who wants it says so and
 * looks whether a pass is on: with sequential consistency one of them sees the other. Only then is
 * the lock taken. Unless said otherwise: whoever holds the NIC.
 */
#include "sim/nic/nic_private.h"

#include <stdio.h>

static int make_pool(struct nic *nic, uint32_t number)
{
        const struct nic_config *c = &nic->config;
        struct nic_pool *p = aligned_alloc(64, (sizeof(*p) + 63) & ~(size_t) 63);
        size_t size = c->queues * sizeof(struct nic_queue);

        if (!p)
                return -ENOMEM;
        memset(p, 0, sizeof(*p));
        p->rx = aligned_alloc(64, size);
        p->tx = aligned_alloc(64, size);
        if (!p->rx || !p->tx) {
                free(p->rx);
                free(p->tx);
                free(p);
                return -ENOMEM;
        }
        p->number = number;
        p->rid = number == POOL_PF
                         ? c->pf_rid
                         : (uint16_t) (c->pf_rid + c->vf_offset + (number - 1) * c->vf_stride);
        for (uint32_t i = 0; i < c->queues; i++) {
                queue_init(&p->rx[i], p, i, false);
                queue_init(&p->tx[i], p, i, true);
        }
        p->link = true;
        msix_init(&p->msix, c->irq, p->rid, number == POOL_PF ? c->pf_vectors : c->vf_vectors);
        pool_reset(nic, p);
        nic->pools[number] = p;
        return 0;
}

static int make_memory(struct nic *nic)
{
        const struct nic_config *c = &nic->config;
        uint32_t pools = c->max_vfs + 1, cells;
        int r = pktmem_new(c->packet_memory ? c->packet_memory : PKTMEM_DEFAULT, &nic->mem);

        if (r < 0)
                return r;
        cells = nic->mem.n;
        /* A frame of the largest size fits into what is reserved, and into what is not. */
        nic->reserve = cells / 4 > 5 ? cells / 4 : 5;
        nic->pool_words = (pools + 63) / 64;
        nic->queue_words = nic->pool_words * c->queues;
        nic->frames = aligned_alloc(64, cells * sizeof(*nic->frames));
        nic->sets = calloc(cells, sizeof(*nic->sets));
        nic->wire_queue = calloc(cells, sizeof(*nic->wire_queue));
        nic->pools = calloc(pools, sizeof(struct nic_pool *));
        nic->pending = calloc(nic->queue_words, sizeof(*nic->pending));
        nic->active = calloc(nic->queue_words, sizeof(*nic->active));
        nic->timed = calloc(nic->queue_words, sizeof(*nic->timed));
        nic->owed = calloc(nic->pool_words, sizeof(*nic->owed));
        nic->wanting = calloc(nic->pool_words, sizeof(*nic->wanting));
        if (!nic->frames || !nic->sets || !nic->wire_queue || !nic->pools || !nic->pending ||
                !nic->active || !nic->timed || !nic->owed || !nic->wanting)
                return -ENOMEM;
        memset(nic->frames, 0, cells * sizeof(*nic->frames));
        for (uint32_t i = 0; i < cells; i++) {
                nic->frames[i].cell = i;
                nic->frames[i].memory = pktmem_at(&nic->mem, i);
        }
        return schedule_new(pools, &nic->schedule);
}

/* So long may the datapath's thread be away, and the rate holds: 100 us. */
static uint64_t burst_of(uint64_t rate)
{
        return SHAPER_BURST + rate * 100 / 8;
}

static bool config_valid(const struct nic_config *c)
{
        return c->max_vfs < POOLS_MAX && c->queues >= 1 && c->queues <= NIC_QUEUES_MAX &&
               (c->queues & (c->queues - 1)) == 0 && c->pf_vectors <= MSIX_VECTORS_MAX &&
               c->vf_vectors <= MSIX_VECTORS_MAX;
}

int nic_new(const struct nic_config *config, struct nic **ret)
{
        _cleanup_(nic_freep) struct nic *nic = NULL;
        int r;

        if (!config_valid(config))
                return -EINVAL;
        nic = aligned_alloc(64, (sizeof(*nic) + 63) & ~(size_t) 63);
        if (!nic)
                return -ENOMEM;
        memset(nic, 0, sizeof(*nic));
        nic->config = *config;
        nic->memory = config->memory;
        nic->iommu = config->iommu;
        nic->link = true;
        nic->round = nic->stamp = 1;
        pthread_mutex_init(&nic->lock, NULL);
        pthread_cond_init(&nic->stopped, NULL);
        pthread_cond_init(&nic->go, NULL);
        r = make_memory(nic);
        if (r < 0)
                return r;
        r = make_pool(nic, POOL_PF);
        if (r < 0)
                return r;
        nic->n_pools = nic->n_made = 1;
        bucket_set(&nic->wire, config->speed, burst_of(config->speed), 0);
        *ret = TAKE_PTR(nic);
        return 0;
}

void nic_free(struct nic *nic)
{
        if (!nic)
                return;
        for (uint32_t i = 0; i < nic->n_made; i++) {
                free(nic->pools[i]->rss_key);
                free(nic->pools[i]->rx);
                free(nic->pools[i]->tx);
                free(nic->pools[i]);
        }
        sorter_free(nic->sorter);
        schedule_free(nic->schedule);
        pktmem_done(&nic->mem);
        free(nic->frames);
        free(nic->sets);
        free(nic->wire_queue);
        free(nic->pools);
        free(nic->pending);
        free(nic->active);
        free(nic->timed);
        free(nic->owed);
        free(nic->wanting);
        pthread_cond_destroy(&nic->go);
        pthread_cond_destroy(&nic->stopped);
        pthread_mutex_destroy(&nic->lock);
        free(nic);
}

const struct nic_config *nic_config(const struct nic *nic)
{
        return &nic->config;
}

/* ---- holding ---- */

void nic_pass_begin(struct nic *nic)
{
        __atomic_store_n(&nic->passing, true, __ATOMIC_SEQ_CST);
        if (likely(__atomic_load_n(&nic->wanted, __ATOMIC_SEQ_CST) == 0))
                return;
        pthread_mutex_lock(&nic->lock);
        __atomic_store_n(&nic->passing, false, __ATOMIC_SEQ_CST);
        pthread_cond_broadcast(&nic->stopped);
        while (nic->holders > 0)
                pthread_cond_wait(&nic->go, &nic->lock);
        __atomic_store_n(&nic->passing, true, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&nic->lock);
}

void nic_pass_end(struct nic *nic)
{
        __atomic_store_n(&nic->passes, nic->passes + 1, __ATOMIC_RELAXED);
        __atomic_store_n(&nic->passing, false, __ATOMIC_SEQ_CST);
        if (likely(__atomic_load_n(&nic->wanted, __ATOMIC_SEQ_CST) == 0))
                return;
        pthread_mutex_lock(&nic->lock);
        pthread_cond_broadcast(&nic->stopped);
        pthread_mutex_unlock(&nic->lock);
}

void nic_kick(struct nic *nic)
{
        if (__atomic_load_n(&nic->asleep, __ATOMIC_SEQ_CST) &&
                __atomic_exchange_n(&nic->asleep, false, __ATOMIC_SEQ_CST) && nic->wake)
                nic->wake(nic->wake_userdata);
}

struct nic *nic_hold(struct nic *nic)
{
        __atomic_fetch_add(&nic->wanted, 1, __ATOMIC_SEQ_CST);
        pthread_mutex_lock(&nic->lock);
        nic->holders++;
        while (nic->is_held || __atomic_load_n(&nic->passing, __ATOMIC_SEQ_CST))
                pthread_cond_wait(&nic->stopped, &nic->lock);
        nic->is_held = true;
        pthread_mutex_unlock(&nic->lock);
        return nic;
}

void nic_release(struct nic *nic)
{
        pthread_mutex_lock(&nic->lock);
        nic->is_held = false;
        nic->holders--;
        pthread_cond_broadcast(nic->holders > 0 ? &nic->stopped : &nic->go);
        pthread_mutex_unlock(&nic->lock);
        __atomic_fetch_sub(&nic->wanted, 1, __ATOMIC_SEQ_CST);
        /* Whatever was changed may let somebody go on. */
        __atomic_store_n(&nic->kicked, true, __ATOMIC_SEQ_CST);
        nic_kick(nic);
}

void nic_quiesce(void *userdata)
{
        struct nic *nic = userdata;
        uint64_t pass;

        __atomic_fetch_add(&nic->wanted, 1, __ATOMIC_SEQ_CST);
        pthread_mutex_lock(&nic->lock);
        pass = __atomic_load_n(&nic->passes, __ATOMIC_RELAXED);
        while (__atomic_load_n(&nic->passing, __ATOMIC_SEQ_CST) &&
                __atomic_load_n(&nic->passes, __ATOMIC_RELAXED) == pass)
                pthread_cond_wait(&nic->stopped, &nic->lock);
        pthread_mutex_unlock(&nic->lock);
        __atomic_fetch_sub(&nic->wanted, 1, __ATOMIC_SEQ_CST);
}

/* ---- doorbells: any thread ---- */

/* Touches no line that the datapath writes with every burst. */
void nic_ring(struct nic *nic, uint32_t pool, uint32_t queue)
{
        uint32_t bit = nic_bit(nic, pool, queue);
        uint64_t *word = &nic->pending[bit / 64], mask = UINT64_C(1) << bit % 64;

        if (!(__atomic_load_n(word, __ATOMIC_SEQ_CST) & mask))
                __atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST);
        nic_kick(nic);
}

void nic_tx_doorbell(struct nic *nic, uint32_t pool, uint32_t queue, uint32_t tail)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (!p || queue >= nic->config.queues)
                return;
        __atomic_store_n(&p->tx[queue].tail, tail, __ATOMIC_SEQ_CST);
        nic_ring(nic, pool, queue);
}

void nic_rx_doorbell(struct nic *nic, uint32_t pool, uint32_t queue, uint32_t tail)
{
        struct nic_pool *p = nic_pool_at(nic, pool);
        struct nic_queue *q;

        if (!p || queue >= nic->config.queues)
                return;
        q = &p->rx[queue];
        __atomic_store_n(&q->tail, tail, __ATOMIC_SEQ_CST);
        if (likely(!__atomic_load_n(&q->wanted, __ATOMIC_SEQ_CST)))
                return;
        __atomic_store_n(&nic->kicked, true, __ATOMIC_SEQ_CST);
        nic_kick(nic);
}

void nic_on_wake(struct nic *nic, void (*wake)(void *userdata), void *userdata)
{
        nic->wake = wake;
        nic->wake_userdata = userdata;
}

/* ---- the port ---- */

void nic_set_port(struct nic *nic, const struct port_ops *ops, void *port)
{
        nic->port = ops;
        nic->port_userdata = port;
        nic->port_full = false;
}

void nic_set_link(struct nic *nic, bool up)
{
        nic->link = up;
}

/* ---- the PF driver ---- */

void nic_publish(struct nic *nic, struct sorter *sorter)
{
        sorter_free(nic->sorter);
        nic->sorter = sorter;
}

void nic_stale(struct nic *nic)
{
        nic->stale = nic->fresh;
}

void nic_on_stale(struct nic *nic, struct sorter *(*fresh)(void *userdata), void *userdata)
{
        nic->fresh = fresh;
        nic->fresh_userdata = userdata;
        nic->stale = false;
}

void nic_freshen(struct nic *nic)
{
        struct sorter *sorter = nic->stale ? nic->fresh(nic->fresh_userdata) : NULL;

        if (!sorter)
                return;
        nic_publish(nic, sorter);
        nic->stale = false;
}

const struct sorter *nic_sorter(const struct nic *nic)
{
        return nic->sorter;
}

/* What it counted stays in the NIC's sums. */
static void end_pool(struct nic *nic, struct nic_pool *p)
{
        uint64_t *sum = (uint64_t *) &nic->gone, *own = (uint64_t *) &p->stats;

        pool_reset(nic, p);
        msix_init(&p->msix, nic->config.irq, p->rid, p->msix.n);
        p->mailbox = (struct mailbox){};
        p->bus_master = p->limited = p->uses_wire = false;
        p->link = true;
        free(TAKE_PTR(p->rss_key));
        memset(&p->rss, 0, sizeof(p->rss));
        schedule_set_minimum(nic->schedule, p->number, 0, nic->now);
        for (size_t i = 0; i < sizeof(p->stats) / sizeof(uint64_t); i++) {
                stat_add(&sum[i], own[i]);
                __atomic_store_n(&own[i], 0, __ATOMIC_RELAXED);
        }
}

int nic_enable_vfs(struct nic *nic, uint32_t n)
{
        if (n > nic->config.max_vfs || (n > 0 && nic->n_pools > 1))
                return -EINVAL;
        for (; nic->n_made < n + 1; nic->n_made++) {
                int r = make_pool(nic, nic->n_made);

                if (r < 0)
                        return r;
        }
        if (n == 0)
                for (uint32_t i = 1; i < nic->n_pools; i++)
                        end_pool(nic, nic->pools[i]);
        __atomic_store_n(&nic->n_pools, n + 1, __ATOMIC_RELEASE);
        return 0;
}

uint32_t nic_n_pools(const struct nic *nic)
{
        return nic->n_pools;
}

void nic_on_mailbox(struct nic *nic, void (*notify)(void *userdata, uint32_t pool), void *userdata)
{
        nic->notify = notify;
        nic->notify_userdata = userdata;
}

struct mailbox *nic_mailbox(struct nic *nic, uint32_t pool)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        return p ? &p->mailbox : NULL;
}

void nic_mailbox_interrupt(struct nic *nic, uint32_t pool)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (p)
                raise_interrupt(nic, p, p->misc_vector);
}

void nic_set_rate(struct nic *nic, uint32_t pool, uint32_t minimum, uint32_t maximum)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (!p)
                return;
        p->limited = maximum > 0;
        bucket_set(&p->bucket, maximum, burst_of(maximum), nic->now);
        schedule_set_minimum(nic->schedule, pool, minimum, nic->now);
        pool_ring(nic, p);
}

void nic_set_storm(struct nic *nic, uint64_t broadcast, uint64_t multicast, uint64_t interval)
{
        nic->storm = (struct storm){
                .broadcast_bytes = broadcast,
                .multicast_bytes = multicast,
                .interval = interval,
                .began = nic->now,
        };
}

void nic_set_pool_link(struct nic *nic, uint32_t pool, bool up)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (!p)
                return;
        p->link = up;
        pool_ring(nic, p);
}

void nic_set_rss(struct nic *nic, uint32_t pool, const struct rss_config *rss)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (!p)
                return;
        free(TAKE_PTR(p->rss_key));
        p->rss = *rss;
        if (!rss->types)
                return;
        p->rss_key = malloc(sizeof(*p->rss_key));
        if (p->rss_key)
                rss_key_init(p->rss_key, rss->key);
}

void nic_set_bus_master(struct nic *nic, uint32_t pool, bool on)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (!p)
                return;
        p->bus_master = on;
        pool_ring(nic, p);
}

void nic_set_msix(struct nic *nic, uint32_t pool, bool enabled, uint64_t now)
{
        struct nic_pool *p = nic_pool_at(nic, pool);

        if (p)
                msix_control(&p->msix, enabled, false, now);
}

uint16_t nic_rid(const struct nic *nic, uint32_t pool)
{
        const struct nic_config *c = &nic->config;

        return pool == POOL_PF ? c->pf_rid
                               : (uint16_t) (c->pf_rid + c->vf_offset + (pool - 1) * c->vf_stride);
}

struct nic_mdd nic_mdd(const struct nic *nic, uint32_t pool)
{
        const struct nic_pool *p = nic_pool_at(nic, pool);

        return p ? p->mdd : (struct nic_mdd){};
}

uint64_t nic_mdd_count(const struct nic *nic)
{
        return stat_get(&nic->mdd_count);
}

void nic_trace(struct nic *nic, struct nic_tracer *tracer)
{
        nic->tracer = tracer;
}

/* ---- looking ---- */

static void add_up(struct pool_stats *sum, const struct pool_stats *s)
{
        uint64_t *to = (uint64_t *) sum;
        const uint64_t *from = (const uint64_t *) s;

        for (size_t i = 0; i < sizeof(*s) / sizeof(uint64_t); i++)
                to[i] += stat_get(&from[i]);
}

void nic_stats(const struct nic *nic, struct nic_stats *ret)
{
        uint64_t *to = (uint64_t *) ret;
        const uint64_t *from = (const uint64_t *) &nic->stats;

        for (size_t i = 0; i < sizeof(*ret) / sizeof(uint64_t); i++)
                to[i] = stat_get(&from[i]);
}

void nic_pool_stats(const struct nic *nic, uint32_t pool, struct pool_stats *ret)
{
        *ret = (struct pool_stats){};
        if (pool < __atomic_load_n(&nic->n_pools, __ATOMIC_ACQUIRE))
                add_up(ret, &nic->pools[pool]->stats);
}

bool nic_conserved(const struct nic *nic, char *why, size_t size)
{
        struct pool_stats sum = {};
        struct nic_stats s;
        uint64_t in, out, drops = 0;

        nic_stats(nic, &s);
        add_up(&sum, &nic->gone);
        for (uint32_t i = 0; i < nic->n_made; i++)
                add_up(&sum, &nic->pools[i]->stats);
        for (enum drop_reason i = 0; i < DROP_MAX; i++)
                drops += sum.drops[i] + s.wire_drops[i];
        in = sum.tx_packets + s.wire_rx_packets + s.copies;
        out = sum.rx_packets + s.wire_tx_packets + drops + s.in_flight + s.pending_replicas;
        if (in == out && (s.in_flight > 0 || nic->mem.n_free == nic->mem.n))
                return true;
        snprintf(why, size,
                "sent %llu + wire %llu + copies %llu = %llu, but received %llu + wire %llu + "
                "dropped %llu + waiting %llu and %llu replicas = %llu; %u of %u cells are free",
                (unsigned long long) sum.tx_packets, (unsigned long long) s.wire_rx_packets,
                (unsigned long long) s.copies, (unsigned long long) in,
                (unsigned long long) sum.rx_packets, (unsigned long long) s.wire_tx_packets,
                (unsigned long long) drops, (unsigned long long) s.in_flight,
                (unsigned long long) s.pending_replicas, (unsigned long long) out, nic->mem.n_free,
                nic->mem.n);
        return false;
}
