/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who waits for whom: back-pressure, rates, shares of the wire, sleep and wake. */
#include "nicrig.h"

#define STRANGER 0xee0000000002ull
#define MS       1000000ull /* ns */

static const struct nic_config standard = {};
static const struct rings_config usual = {.rx_size = 128, .tx_size = 128};

static void send_n(struct rig *r, uint32_t from, uint64_t dst, uint32_t n, uint32_t length)
{
        uint8_t f[FRAME_MAX];

        rig_build(f, length, dst, rig_mac(from), 0, 0x88b5);
        for (uint32_t i = 0; i < n; i++)
                rings_send(&r->guest[from], f, length);
        rings_ring(&r->guest[from]);
}

static uint32_t receive_all(struct rig *r, uint32_t pool)
{
        uint8_t f[FRAME_MAX];
        struct rx_done d;
        uint32_t n = 0;

        while (rings_receive(&r->guest[pool], f, &d))
                n++;
        return n;
}

/* ---- back-pressure ---- */

/* No descriptors: the sender fetches one burst and no more; others go on; then all arrive. */
static void sender_is_held(void **state)
{
        uint8_t f[60];
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        for (uint32_t i = 1; i <= 4; i++)
                rig_open(&r, i, &usual);
        rings_give(&r.guest[4], 100);
        for (uint32_t i = 0; i < 100; i++) {
                rig_build(f, 60, rig_mac(2), rig_mac(1), 0, (uint16_t) (0x9000 + i));
                rings_send(&r.guest[1], f, 60);
        }
        rings_ring(&r.guest[1]);
        send_n(&r, 3, rig_mac(4), 100, 60);
        rig_poll(&r);
        assert_int_equal(nic_read(r.nic, 1, 0, REG_TX(0) + REG_RING_HEAD), 32);
        assert_int_equal(rig_nic_stats(&r).in_flight, 32);
        assert_int_equal(receive_all(&r, 4), 100);
        for (uint32_t got = 0; got < 100; got += 10) {
                rings_give(&r.guest[2], 10);
                rig_poll(&r);
                for (uint32_t i = got; i < got + 10; i++) {
                        rig_build(f, 60, rig_mac(2), rig_mac(1), 0, (uint16_t) (0x9000 + i));
                        rig_expect(&r, 2, f, 60);
                }
                rig_expect_none(&r, 2);
        }
        assert_int_equal(rig_nic_stats(&r).in_flight, 0);
        assert_int_equal(rig_stats(&r, 2).rx_packets, 100);
        rig_free(&r);
}

/* A broadcast waits for one of its receivers; the others have it at once, and once. */
static void replica_is_held(void **state)
{
        uint8_t f[60];
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        for (uint32_t i = 1; i < RIG_POOLS; i++)
                rings_give(rig_open(&r, i, &usual), i == 3 || i == 5 ? 0 : 8);
        rig_build(f, 60, MAC_BROADCAST, rig_mac(1), 0, 0x88b5);
        rings_send(&r.guest[1], f, 60);
        send_n(&r, 1, rig_mac(2), 1, 61);
        rig_poll(&r);
        for (uint32_t i = 2; i < RIG_POOLS; i++)
                if (i != 3 && i != 5)
                        rig_expect(&r, i, f, 60);
        assert_int_equal(receive_all(&r, 2), 1);
        assert_int_equal(r.wire.n_out, 1);
        assert_int_equal(rig_nic_stats(&r).in_flight, 1);
        assert_int_equal(rig_nic_stats(&r).pending_replicas, 1);
        rings_give(&r.guest[5], 1);
        rig_poll(&r);
        rig_expect(&r, 5, f, 60);
        assert_int_equal(rig_nic_stats(&r).pending_replicas, 0);
        rings_give(&r.guest[3], 1);
        rig_poll(&r);
        rig_expect(&r, 3, f, 60);
        assert_int_equal(rig_nic_stats(&r).in_flight, 0);
        rig_free(&r);
}

/* The port takes 5 frames at a time: the others wait, in order. */
static void wire_is_full(void **state)
{
        uint8_t f[60];
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        rig_open(&r, 1, &usual);
        rings_give(rig_open(&r, 2, &usual), 10);
        for (uint32_t i = 0; i < 40; i++) {
                rig_build(f, 60, STRANGER, rig_mac(1), 0, (uint16_t) (0x9000 + i));
                rings_send(&r.guest[1], f, 60);
        }
        rings_ring(&r.guest[1]);
        for (uint32_t got = 0; got < 40; got += 5) {
                r.wire.room = 5;
                rig_poll(&r);
                assert_int_equal(r.wire.n_out, got + 5);
                if (got == 0)
                        assert_true(nic_next(r.nic, r.now) > r.now);
                send_n(&r, 2, rig_mac(1), 0, 60);
                for (uint32_t i = got; i < got + 5; i++) {
                        rig_build(f, 60, STRANGER, rig_mac(1), 0, (uint16_t) (0x9000 + i));
                        assert_memory_equal(r.wire.out[i].bytes, f, 60);
                }
        }
        assert_int_equal(nic_next(r.nic, r.now), UINT64_MAX);
        rig_free(&r);
}

/* What the port does not take has not used the wire's tokens. */
static void full_costs_nothing(void **state)
{
        const struct nic_config wire = {.speed = 1000};
        struct rig r;

        (void) state;
        rig_new(&r, &wire);
        rig_open(&r, 1, &usual);
        r.wire.room = 0;
        send_n(&r, 1, STRANGER, 30, 1500);
        rig_poll(&r);
        for (uint32_t i = 0; i < 1000; i++)
                assert_int_equal(nic_poll(r.nic, r.now), 0);
        r.wire.room = UINT32_MAX;
        rig_poll(&r);
        assert_int_equal(r.wire.n_out, (20000 + 12500) / 1500); /* a full bucket */
        r.now += 20 * MS;
        rig_poll(&r);
        assert_int_equal(r.wire.n_out, 30);
        rig_free(&r);
}

/* Packet memory of 16 cells: of 7 senders none takes all, and the wire always has some. */
static void memory_is_shared(void **state)
{
        const struct nic_config small = {.packet_memory = 16 * 2240};
        uint8_t f[60];
        struct rig r;

        (void) state;
        rig_new(&r, &small);
        for (uint32_t i = 0; i < RIG_POOLS; i++)
                rig_open(&r, i, &usual);
        rings_give(&r.guest[0], 5);
        for (uint32_t i = 2; i < RIG_POOLS; i++)
                send_n(&r, i, rig_mac(1), 20, 60);
        rig_poll(&r);
        assert_int_equal(rig_nic_stats(&r).in_flight, 11);
        for (uint32_t i = 0; i < 5; i++)
                rig_arrive(&r, f, rig_build(f, 60, rig_mac(0), STRANGER, 0, 0x88b5));
        rig_poll(&r);
        assert_int_equal(receive_all(&r, 0), 5);
        for (uint32_t i = 0; i < 7; i++) {
                rings_give(&r.guest[1], 20);
                rig_poll(&r);
                assert_int_equal(receive_all(&r, 1), 20);
        }
        assert_int_equal(rig_nic_stats(&r).in_flight, 0);
        rig_free(&r);
}

/* Everything under way when its function is reset: counted, gone, and the function works again. */
static void reset_in_the_middle(void **state)
{
        struct rig r;

        (void) state;
        for (uint32_t who = 1; who < RIG_POOLS; who++) {
                rig_new(&r, &standard);
                for (uint32_t i = 1; i < RIG_POOLS; i++)
                        rings_give(rig_open(&r, i, &usual), i % 2 ? 3 : 0);
                r.wire.room = 2;
                for (uint32_t i = 1; i < RIG_POOLS; i++) {
                        send_n(&r, i, rig_mac(i % 8 + 1), 3, 100);
                        send_n(&r, i, MAC_BROADCAST, 2, 100);
                        send_n(&r, i, STRANGER, 2, 3000);
                }
                rig_poll(&r);
                assert_true(rig_nic_stats(&r).in_flight > 0);
                nic_reset_function(r.nic, who);
                rig_check(&r);
                rig_poll(&r);
                r.wire.room = UINT32_MAX;
                rings_enable(&r.guest[who]);
                for (uint32_t i = 1; i < RIG_POOLS; i++)
                        rings_give(&r.guest[i], i == who ? 100 : 60);
                rig_poll(&r);
                assert_int_equal(rig_nic_stats(&r).in_flight, 0);
                assert_true(rig_stats(&r, who).drops[DROP_RESET] > 0);
                rig_free(&r);
        }
}

/* VFs go with frames under way, and come back. */
static void vfs_go(void **state)
{
        struct pool_stats s;
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        for (uint32_t i = 1; i < RIG_POOLS; i++)
                rig_open(&r, i, &usual);
        send_n(&r, 1, rig_mac(2), 5, 60);
        send_n(&r, 3, MAC_BROADCAST, 5, 60);
        rig_poll(&r);
        assert_int_equal(nic_enable_vfs(r.nic, 3), -EINVAL);
        assert_int_equal(nic_enable_vfs(r.nic, 0), 0);
        rig_check(&r);
        assert_int_equal(nic_n_pools(r.nic), 1);
        assert_int_equal(rig_nic_stats(&r).in_flight, 0);
        assert_int_equal(nic_read(r.nic, 1, 0, REG_TX(0) + REG_RING_CTRL), UINT32_MAX);
        rig_poll(&r);
        assert_int_equal(nic_enable_vfs(r.nic, RIG_POOLS), -EINVAL);
        assert_int_equal(nic_enable_vfs(r.nic, RIG_POOLS - 1), 0);
        nic_pool_stats(r.nic, 1, &s);
        assert_int_equal(s.tx_packets, 0);
        rings_enable(&r.guest[1]);
        nic_set_bus_master(r.nic, 1, false);
        send_n(&r, 1, rig_mac(2), 5, 60);
        rig_poll(&r);
        nic_pool_stats(r.nic, 1, &s);
        assert_int_equal(s.tx_packets, 0); /* it may not, yet */
        nic_reset_function(r.nic, 1);
        rings_enable(&r.guest[1]);
        rings_enable(&r.guest[2]);
        rings_give(&r.guest[2], 8);
        send_n(&r, 1, rig_mac(2), 5, 60);
        rig_poll(&r);
        assert_int_equal(receive_all(&r, 2), 5);
        rig_free(&r);
}

/* ---- rates ---- */

/* 80 Mbit/s are 10000 bytes a millisecond, whatever the burst; what may not go stays in the ring.
 */
static void maximum_rate(void **state)
{
        uint64_t began, sent = 0, first;
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        rig_open(&r, 1, &usual);
        rings_give(rig_open(&r, 2, &usual), 127);
        nic_set_rate(r.nic, 1, 0, 80);
        rig_poll(&r);
        began = r.now;
        send_n(&r, 1, rig_mac(2), 60, 1000);
        rig_poll(&r);
        first = rig_stats(&r, 1).tx_bytes;
        assert_true(first >= 20000 && first < 22000); /* the bucket was full */
        while (rig_stats(&r, 1).tx_bytes < 60000) {
                uint64_t next = nic_next(r.nic, r.now);

                assert_true(next > r.now && next - r.now <= MS / 10);
                assert_int_equal(nic_poll(r.nic, next - 1), 0);
                r.now = next;
                assert_true(rig_poll(&r) > 0);
                sent = rig_stats(&r, 1).tx_bytes - first;
                assert_true(sent <= (r.now - began) / 100 + 1000);
        }
        assert_true(r.now - began >= 3 * MS && r.now - began <= 4 * MS);
        assert_int_equal(nic_next(r.nic, r.now), UINT64_MAX);
        nic_set_rate(r.nic, 1, 0, 0);
        send_n(&r, 1, rig_mac(2), 60, 1000);
        rig_poll(&r);
        assert_int_equal(rig_stats(&r, 1).tx_packets, 120);
        rig_free(&r);
}

/* A wire of 1000 Mbit/s with 3 senders, one of which has 600 for its own. */
static void minimum_rate(void **state)
{
        const struct nic_config wire = {.speed = 1000};
        const struct rings_config big = {.tx_size = 1024};
        uint64_t bytes[4] = {}, sum = 0, began;
        struct rig r;

        (void) state;
        rig_new(&r, &wire);
        for (uint32_t i = 1; i <= 3; i++)
                rig_open(&r, i, &big);
        rings_give(rig_open(&r, 4, &usual), 127);
        rings_give(rig_open(&r, 5, &usual), 127);
        nic_set_rate(r.nic, 2, 600, 0);
        began = r.now;
        for (uint32_t i = 1; i <= 3; i++)
                send_n(&r, i, STRANGER, 1000, 1500);
        send_n(&r, 4, rig_mac(5), 100, 60);
        rig_poll(&r);
        assert_int_equal(receive_all(&r, 5), 100); /* the wire is not its business */
        while (r.now < began + 10 * MS) {
                uint64_t next = nic_next(r.nic, r.now);

                assert_true(next > r.now);
                r.now = next;
                rig_poll(&r);
                if (r.wire.n_out > RIG_FRAMES / 2)
                        r.wire.n_out = 0;
        }
        for (uint32_t i = 1; i <= 3; i++)
                sum += bytes[i] = rig_stats(&r, i).tx_bytes;
        /* 10 ms of 1000 Mbit/s, the full bucket, and what waits for the wire. */
        assert_in_range(rig_nic_stats(&r).wire_tx_bytes, 1250000, 1250000 + 40000);
        assert_in_range(bytes[2] * 100 / sum, 55, 66);
        assert_in_range(bytes[1] * 100 / sum, 17, 23);
        assert_in_range(bytes[3] * 100 / sum, 17, 23);
        rig_free(&r);
}

/* ---- sleep ---- */

static void count_wakes(void *userdata)
{
        ++*(uint32_t *) userdata;
}

/* Who may sleep is woken by a doorbell that brings work, once; not by another. */
static void wakes(void **state)
{
        uint32_t n = 0;
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        rig_open(&r, 1, &usual);
        rig_open(&r, 2, &usual);
        nic_on_wake(r.nic, count_wakes, &n);
        rig_poll(&r);
        assert_int_equal(nic_next(r.nic, r.now), UINT64_MAX);
        rings_give(&r.guest[2], 1);
        assert_int_equal(n, 0); /* nobody waits for that */
        send_n(&r, 1, rig_mac(2), 2, 60);
        assert_int_equal(n, 1);
        send_n(&r, 1, rig_mac(2), 2, 60);
        assert_int_equal(n, 1);
        rig_poll(&r);
        assert_int_equal(rig_nic_stats(&r).in_flight, 3);
        rings_give(&r.guest[2], 8);
        assert_int_equal(n, 2);
        rig_poll(&r);
        assert_int_equal(receive_all(&r, 2), 4);
        rings_give(&r.guest[2], 8);
        assert_int_equal(n, 2);
        rig_free(&r);
}

/* ---- interrupts ---- */

static void interrupts(void **state)
{
        const struct rings_config with = {.interrupts = true};
        struct irq_target *t;
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        rig_open(&r, 1, &usual);
        rings_give(rig_open(&r, 2, &with), 60);
        t = r.guest[2].target;
        rings_register(&r.guest[2], REG_EITR(0), 50 << 3); /* 100 us */
        send_n(&r, 1, rig_mac(2), 3, 60);
        rig_poll(&r);
        assert_int_equal(t->count, 1);
        send_n(&r, 1, rig_mac(2), 3, 60);
        rig_poll(&r);
        assert_int_equal(t->count, 1);
        assert_int_equal(nic_next(r.nic, r.now), r.now + MS / 10);
        r.now += MS / 10;
        rig_poll(&r);
        assert_int_equal(t->count, 2);
        assert_int_equal(rig_stats(&r, 2).interrupts, 2);
        assert_int_equal(nic_next(r.nic, r.now), UINT64_MAX);

        /* Masked by EIMC: the cause stays, and comes with EIMS. */
        r.now += MS;
        rings_register(&r.guest[2], REG_EIMC, 1);
        send_n(&r, 1, rig_mac(2), 1, 60);
        rig_poll(&r);
        assert_int_equal(t->count, 2);
        nic_write(r.nic, 2, 0, REG_EIMS, 1, r.now);
        assert_int_equal(t->count, 3);
        assert_int_equal(nic_read(r.nic, 2, 0, REG_EICR), 0);

        /* By software; and none without bus master or MSI-X. */
        r.now += MS;
        nic_write(r.nic, 2, 0, REG_EICS, 1, r.now);
        assert_int_equal(t->count, 4);
        r.now += MS;
        nic_set_bus_master(r.nic, 2, false);
        nic_write(r.nic, 2, 0, REG_EICS, 1, r.now);
        assert_int_equal(t->count, 4);
        assert_int_equal(nic_read(r.nic, 2, 0, REG_EICR), 1);
        nic_set_bus_master(r.nic, 2, true);
        r.now += MS;
        nic_set_msix(r.nic, 2, false, r.now);
        send_n(&r, 1, rig_mac(2), 1, 60);
        rig_poll(&r);
        assert_int_equal(t->count, 4);
        rig_free(&r);
}

/* Two that are owed, the second of them due first. */
static void moderation_of_two(void **state)
{
        const struct rings_config with = {.interrupts = true};
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        rig_open(&r, 1, &usual);
        for (uint32_t i = 2; i <= 3; i++) {
                rings_give(rig_open(&r, i, &with), 60);
                rings_register(&r.guest[i], REG_EITR(0), (i == 2 ? 500 : 50) << 3);
                send_n(&r, 1, rig_mac(i), 1, 60);
                rig_poll(&r);
                send_n(&r, 1, rig_mac(i), 1, 60);
                rig_poll(&r);
                assert_int_equal(r.guest[i].target->count, 1);
        }
        assert_int_equal(nic_next(r.nic, r.now), r.now + MS / 10);
        r.now += MS / 10;
        rig_poll(&r);
        assert_int_equal(r.guest[2].target->count, 1);
        assert_int_equal(r.guest[3].target->count, 2);
        assert_int_equal(nic_next(r.nic, r.now), r.now + 9 * MS / 10);
        r.now += 9 * MS / 10;
        rig_poll(&r);
        assert_int_equal(r.guest[2].target->count, 2);
        rig_free(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sender_is_held),
                cmocka_unit_test(replica_is_held),
                cmocka_unit_test(wire_is_full),
                cmocka_unit_test(full_costs_nothing),
                cmocka_unit_test(memory_is_shared),
                cmocka_unit_test(reset_in_the_middle),
                cmocka_unit_test(vfs_go),
                cmocka_unit_test(maximum_rate),
                cmocka_unit_test(minimum_rate),
                cmocka_unit_test(wakes),
                cmocka_unit_test(interrupts),
                cmocka_unit_test(moderation_of_two),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
