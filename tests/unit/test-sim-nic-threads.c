/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drivers, datapath and administrator at the same time, each in a thread of its own: frames arrive
 * whole, in order and each once; the datapath sleeps when it may, and is woken when it must be.
 */
#include <pthread.h>
#include <sched.h>

#include "nicrig.h"

#define PAIRS 2u

struct world {
        struct rig r;
        uint32_t frames; /* that each sender has */
        pthread_mutex_t lock;
        pthread_cond_t wake;
        bool rang;
        bool stop; /* atomic */
        uint32_t sleeps;
        uint32_t received[PAIRS]; /* atomic */
};

struct job {
        struct world *w;
        uint32_t pair;
};

static uint64_t clock_ns(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

static void ring_bell(void *userdata)
{
        struct world *w = userdata;

        pthread_mutex_lock(&w->lock);
        w->rang = true;
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
}

/* Sleeps till a doorbell, or till something is due. A doorbell that is lost is a test that hangs:
 * there is no other way out. */
static void sleep_till(struct world *w, uint64_t due)
{
        struct timespec ts = {
                .tv_sec = (time_t) (due / 1000000000), .tv_nsec = (long) (due % 1000000000)};

        pthread_mutex_lock(&w->lock);
        w->sleeps++;
        while (!w->rang) {
                if (due == UINT64_MAX)
                        pthread_cond_wait(&w->wake, &w->lock);
                else if (pthread_cond_clockwait(&w->wake, &w->lock, CLOCK_MONOTONIC, &ts) != 0)
                        break;
        }
        w->rang = false;
        pthread_mutex_unlock(&w->lock);
}

static void *datapath(void *userdata)
{
        struct world *w = userdata;

        while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE))
                if (nic_poll(w->r.nic, clock_ns()) == 0)
                        sleep_till(w, nic_next(w->r.nic, clock_ns()));
        return NULL;
}

static uint32_t length_of(uint32_t i)
{
        return 60 + i * 7 % 1400;
}

static void *sender(void *userdata)
{
        const struct job *j = userdata;
        uint32_t from = 1 + 2 * j->pair;
        struct rings *g = &j->w->r.guest[from];
        uint8_t f[FRAME_MAX];

        for (uint32_t i = 0; i < j->w->frames; i++) {
                struct tx_desc *d = rings_tx(g, (g->tx_next + 1) % g->c.tx_size);

                /* The place is free when the next one's frame was sent. */
                while (i >= g->c.tx_size - 1 &&
                        !(__atomic_load_n(&d->status, __ATOMIC_ACQUIRE) & TX_DD))
                        sched_yield();
                rig_build(f, length_of(i), rig_mac(from + 1), rig_mac(from), 0, 0x88b5);
                memcpy(f + 20, &i, sizeof(i));
                rings_send(g, f, length_of(i));
                if (i % 5 == 0 || i > j->w->frames - 10)
                        rings_ring(g);
        }
        rings_ring(g);
        return NULL;
}

static void *receiver(void *userdata)
{
        const struct job *j = userdata;
        struct rings *g = &j->w->r.guest[2 + 2 * j->pair];
        uint8_t f[FRAME_MAX], want[FRAME_MAX];
        struct rx_done d;
        uint32_t owed = 0;

        for (uint32_t i = 0; i < j->w->frames; i++) {
                uint32_t n;

                while ((n = rings_receive(g, f, &d)) == 0)
                        sched_yield();
                rig_build(want, length_of(i), rig_mac(g->pool), rig_mac(g->pool - 1), 0, 0x88b5);
                memcpy(want + 20, &i, sizeof(i));
                if (n != length_of(i) || memcmp(f, want, n) != 0)
                        abort();
                __atomic_store_n(&j->w->received[j->pair], i + 1, __ATOMIC_RELAXED);
                if (++owed < 20 && i < j->w->frames - 100)
                        continue;
                rings_give(g, owed);
                owed = 0;
        }
        return NULL;
}

/* All that an administrator does, while frames go. */
static void administer(struct world *w)
{
        struct pool_stats s;
        struct nic_stats all;

        for (uint32_t i = 0;; i++) {
                bool done = true;

                for (uint32_t k = 0; k < PAIRS; k++)
                        done &= __atomic_load_n(&w->received[k], __ATOMIC_RELAXED) == w->frames;
                if (done)
                        return;
                nic_stats(w->r.nic, &all);
                nic_pool_stats(w->r.nic, 1, &s);
                {
                        _cleanup_(nic_releasep) struct nic *nic = nic_hold(w->r.nic);

                        rig_check(&w->r);
                        w->r.pools[1].strip = i % 2;
                        rig_publish(&w->r);
                        nic_set_rate(nic, 1, 0, i % 3 ? 0 : 5000);
                        nic_set_rss(nic, 2, &(struct rss_config){.types = i % 2 * 2});
                        nic_reset_function(nic, 7);
                        rings_enable(&w->r.guest[7]);
                        nic_quiesce(nic);
                }
                /* Waits for the pass, as any unmap does. */
                assert_int_equal(iommu_map(w->r.guest[8].domain, 0x1000, w->r.guest[8].pages[0],
                                         PAGE_SIZE_4K, IOMMU_READ, 0),
                        0);
                assert_int_equal(iommu_unmap(w->r.guest[8].domain, 0x1000, PAGE_SIZE_4K), 0);
                sched_yield();
        }
}

static void all_at_once(void **state)
{
        const struct nic_config config = {.cut_through = true};
        const struct rings_config c = {.interrupts = true};
        pthread_t threads[2 * PAIRS], nic;
        struct world w = {.frames = 20000, .lock = PTHREAD_MUTEX_INITIALIZER};
        struct job jobs[PAIRS];

        (void) state;
        pthread_cond_init(&w.wake, NULL);
        rig_new(&w.r, &config);
        for (uint32_t i = 1; i < RIG_POOLS; i++)
                rings_give(rig_open(&w.r, i, &c), 60);
        nic_on_wake(w.r.nic, ring_bell, &w);
        assert_int_equal(pthread_create(&nic, NULL, datapath, &w), 0);
        for (uint32_t i = 0; i < PAIRS; i++) {
                jobs[i] = (struct job){&w, i};
                assert_int_equal(pthread_create(&threads[i], NULL, sender, &jobs[i]), 0);
                assert_int_equal(pthread_create(&threads[PAIRS + i], NULL, receiver, &jobs[i]), 0);
        }
        administer(&w);
        for (uint32_t i = 0; i < 2 * PAIRS; i++)
                pthread_join(threads[i], NULL);
        __atomic_store_n(&w.stop, true, __ATOMIC_RELEASE);
        ring_bell(&w);
        pthread_join(nic, NULL);
        for (uint32_t i = 0; i < PAIRS; i++) {
                assert_int_equal(rig_stats(&w.r, 1 + 2 * i).tx_packets, w.frames);
                assert_int_equal(rig_stats(&w.r, 2 + 2 * i).rx_packets, w.frames);
        }
        assert_true(w.sleeps > 0);
        rig_free(&w.r);
        pthread_cond_destroy(&w.wake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
