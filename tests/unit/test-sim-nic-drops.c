/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every reason for which the NIC drops a frame: how one gets there, and that it is counted once, in
 * the place where it belongs. nicrig.h sees after each pass that no frame was lost on the way.
 */
#include "nicrig.h"

#define TEST_VLAN 100u
#define STRANGER  0xee0000000002ull /* nobody's MAC */

/* Who has it in his drops: a pool, or the wire. */
#define AT_WIRE UINT32_MAX

/* A tagged one if tci is not 0. */
static void send(struct rig *r, uint32_t from, uint64_t dst, uint64_t src, uint32_t tci, uint32_t n)
{
        uint8_t f[FRAME_MAX];

        rig_build(f, n, dst, src, tci, 0x88b5);
        rings_send(&r->guest[from], f, n);
        rings_ring(&r->guest[from]);
        rig_poll(r);
}

static void arrive(struct rig *r, uint64_t dst, uint32_t tci, uint16_t ethertype, uint32_t n)
{
        uint8_t f[FRAME_MAX + 4];

        rig_build(f, n, dst, STRANGER, tci, ethertype);
        rig_arrive(r, f, n);
        rig_poll(r);
}

static void link_down_in(struct rig *r)
{
        nic_set_link(r->nic, false);
        arrive(r, rig_mac(1), 0, 0x88b5, 60);
}

static void link_down_out(struct rig *r)
{
        nic_set_link(r->nic, false);
        send(r, 1, STRANGER, rig_mac(1), 0, 60);
}

static void pool_link_in(struct rig *r)
{
        nic_set_pool_link(r->nic, 2, false);
        send(r, 1, rig_mac(2), rig_mac(1), 0, 60);
}

static void pool_link_out(struct rig *r)
{
        nic_set_pool_link(r->nic, 1, false);
        send(r, 1, rig_mac(2), rig_mac(1), 0, 60);
}

static void short_in(struct rig *r)
{
        uint8_t f[13] = {};

        rig_arrive(r, f, 13);
        rig_poll(r);
}

static void short_out(struct rig *r)
{
        uint8_t f[13] = {};

        rings_send(&r->guest[1], f, 13);
        rings_ring(&r->guest[1]);
        rig_poll(r);
        assert_int_equal(nic_mdd(r->nic, 1).cause, MDD_NONE); /* not held against it */
}

static void long_in(struct rig *r)
{
        arrive(r, rig_mac(1), 0, 0x88b5, FRAME_MAX + 1);
}

static void long_for_pool(struct rig *r)
{
        r->pools[1].max_frame = 1518;
        rig_publish(r);
        arrive(r, rig_mac(1), 0, 0x88b5, 1519);
}

/* More than all descriptors together: it would wait for ever. */
static void long_for_ring(struct rig *r)
{
        send(r, 1, rig_mac(3), rig_mac(1), 0, 7 * 1024 + 1);
}

static void memory(struct rig *r)
{
        /* Of 16 cells a jumbo that waits has 5, and another would leave too little to the wire. */
        for (int i = 0; i < 3; i++) {
                uint8_t f[FRAME_MAX];

                rig_build(f, FRAME_MAX, rig_mac(4), rig_mac(1), 0, 0x88b5);
                rings_send(&r->guest[1], f, FRAME_MAX);
                rings_ring(&r->guest[1]);
        }
        rig_poll(r);
        for (int i = 0; i < 40; i++) {
                uint8_t f[60];

                rig_build(f, 60, rig_mac(2), STRANGER, 0, 0x88b5);
                rig_arrive(r, f, 60);
        }
        rig_poll(r);
}

static void storm(struct rig *r)
{
        nic_set_storm(r->nic, 59, 0, 1000000);
        arrive(r, MAC_BROADCAST, 0, 0x88b5, 60);
}

static void reserved(struct rig *r)
{
        r->pools[0].rx_enable = false;
        rig_publish(r);
        arrive(r, 0x0e0000c28001ull, 0, 0x88cc, 60);
}

static void vlan(struct rig *r)
{
        arrive(r, rig_mac(1), TEST_VLAN, 0x88b5, 64);
}

static void no_pool(struct rig *r)
{
        arrive(r, STRANGER, 0, 0x88b5, 60);
}

static void ethertype(struct rig *r)
{
        r->c.ethertypes[0] = (struct sorter_ethertype){0x88b6, POOL_NONE};
        r->c.n_ethertypes = 1;
        rig_publish(r);
        arrive(r, rig_mac(1), 0, 0x88b6, 60);
}

static void rx_disabled(struct rig *r)
{
        r->pools[1].rx_enable = false;
        rig_publish(r);
        arrive(r, rig_mac(1), 0, 0x88b5, 60);
}

static void no_queue(struct rig *r)
{
        send(r, 1, rig_mac(5), rig_mac(1), 0, 60);
}

static void no_bus_master(struct rig *r)
{
        nic_set_bus_master(r->nic, 2, false);
        send(r, 1, rig_mac(2), rig_mac(1), 0, 60);
}

static void no_descriptor_in(struct rig *r)
{
        arrive(r, rig_mac(4), 0, 0x88b5, 60);
}

static void no_descriptor_drop(struct rig *r)
{
        send(r, 1, rig_mac(6), rig_mac(1), 0, 60);
}

static void rx_fault(struct rig *r)
{
        rings_rx(&r->guest[2], 0)->address = 0x1000;
        send(r, 1, rig_mac(2), rig_mac(1), 0, 60);
        assert_int_equal(nic_mdd(r->nic, 2).cause, MDD_DMA_WRITE);
}

static void rx_malicious(struct rig *r)
{
        rings_rx(&r->guest[2], 0)->header = 1;
        send(r, 1, rig_mac(2), rig_mac(1), 0, 60);
        assert_int_equal(nic_mdd(r->nic, 2).cause, MDD_RX_HEADER);
}

static void self(struct rig *r)
{
        send(r, 1, rig_mac(1), rig_mac(1), 0, 60);
}

static void tx_disabled(struct rig *r)
{
        r->pools[1].tx_enable = false;
        rig_publish(r);
        send(r, 1, rig_mac(2), rig_mac(1), 0, 60);
}

static void spoof_mac(struct rig *r)
{
        send(r, 1, rig_mac(2), rig_mac(3), 0, 60);
        assert_int_equal(rig_stats(r, 1).spoofed, 1);
}

static void spoof_vlan(struct rig *r)
{
        rig_member(r, TEST_VLAN, 2);
        rig_publish(r);
        send(r, 1, rig_mac(2), rig_mac(1), TEST_VLAN, 64);
        assert_int_equal(rig_stats(r, 1).spoofed, 1);
}

static void port_vlan(struct rig *r)
{
        rig_member(r, TEST_VLAN, 1);
        r->pools[1].port_vlan = TEST_VLAN;
        rig_publish(r);
        send(r, 1, rig_mac(2), rig_mac(1), TEST_VLAN, 64);
}

static void tx_malicious(struct rig *r)
{
        struct tx_desc d = rings_desc(rings_iova(r->guest[1].tx_buffers), 60);

        d.cmd &= ~TX_DEXT;
        rings_put(&r->guest[1], &d);
        rings_ring(&r->guest[1]);
        rig_poll(r);
        assert_int_equal(nic_mdd(r->nic, 1).cause, MDD_LEGACY);
}

static void tx_fault(struct rig *r)
{
        const struct tx_desc d = rings_desc(0x1000, 60);

        rings_put(&r->guest[1], &d);
        rings_ring(&r->guest[1]);
        rig_poll(r);
        assert_int_equal(nic_mdd(r->nic, 1).cause, MDD_DMA_READ);
}

static void no_wire(struct rig *r)
{
        nic_set_port(r->nic, NULL, NULL);
        send(r, 1, STRANGER, rig_mac(1), 0, 60);
}

static void reset_receiver(struct rig *r)
{
        send(r, 1, rig_mac(4), rig_mac(1), 0, 60);
        assert_int_equal(rig_nic_stats(r).in_flight, 1);
        nic_reset_function(r->nic, 4);
}

static void reset_sender(struct rig *r)
{
        send(r, 1, rig_mac(4), rig_mac(1), 0, 60);
        nic_reset_function(r->nic, 1);
}

static void disable_receiver(struct rig *r)
{
        send(r, 1, rig_mac(4), rig_mac(1), 0, 60);
        nic_write(r->nic, 4, 0, REG_RX(0) + REG_RING_CTRL, 0, r->now);
}

static void disable_sender(struct rig *r)
{
        send(r, 1, rig_mac(4), rig_mac(1), 0, 60);
        nic_write(r->nic, 1, 0, REG_TX(0) + REG_RING_CTRL, 0, r->now);
}

static const struct {
        enum drop_reason reason;
        uint32_t at; /* pool, or AT_WIRE */
        void (*play)(struct rig *r);
        uint32_t n; /* 0: one */
} scenes[] = {
        {DROP_LINK_DOWN, AT_WIRE, link_down_in, 0},
        {DROP_LINK_DOWN, AT_WIRE, link_down_out, 0},
        {DROP_LINK_DOWN, 2, pool_link_in, 0},
        {DROP_LINK_DOWN, 1, pool_link_out, 0},
        {DROP_TOO_SHORT, AT_WIRE, short_in, 0},
        {DROP_TOO_SHORT, 1, short_out, 0},
        {DROP_TOO_LONG, AT_WIRE, long_in, 0},
        {DROP_TOO_LONG, 1, long_for_pool, 0},
        {DROP_TOO_LONG, 3, long_for_ring, 0},
        {DROP_MEMORY, AT_WIRE, memory, 21},
        {DROP_STORM, AT_WIRE, storm, 0},
        {DROP_RESERVED, AT_WIRE, reserved, 0},
        {DROP_VLAN, AT_WIRE, vlan, 0},
        {DROP_NO_POOL, AT_WIRE, no_pool, 0},
        {DROP_ETHERTYPE, AT_WIRE, ethertype, 0},
        {DROP_RX_DISABLED, AT_WIRE, rx_disabled, 0},
        {DROP_NO_QUEUE, 5, no_queue, 0},
        {DROP_NO_QUEUE, 2, no_bus_master, 0},
        {DROP_NO_DESCRIPTOR, 4, no_descriptor_in, 0},
        {DROP_NO_DESCRIPTOR, 6, no_descriptor_drop, 0},
        {DROP_RX_FAULT, 2, rx_fault, 0},
        {DROP_MALICIOUS, 2, rx_malicious, 0},
        {DROP_SELF, 1, self, 0},
        {DROP_TX_DISABLED, 1, tx_disabled, 0},
        {DROP_SPOOF_MAC, 1, spoof_mac, 0},
        {DROP_SPOOF_VLAN, 1, spoof_vlan, 0},
        {DROP_PORT_VLAN, 1, port_vlan, 0},
        {DROP_MALICIOUS, 1, tx_malicious, 0},
        {DROP_TX_FAULT, 1, tx_fault, 0},
        {DROP_NO_WIRE, AT_WIRE, no_wire, 0},
        {DROP_RESET, 4, reset_receiver, 0},
        {DROP_RESET, 1, reset_sender, 0},
        {DROP_RESET, 4, disable_receiver, 0},
        {DROP_RESET, 1, disable_sender, 0},
};

/* All drops of the machine; at: those of one place and reason. */
static uint64_t drops(const struct rig *r, enum drop_reason reason, uint32_t at, uint64_t *ret_all)
{
        const struct nic_stats wire = rig_nic_stats(r);
        uint64_t here = at == AT_WIRE ? wire.wire_drops[reason] : 0;

        *ret_all = 0;
        for (enum drop_reason i = 0; i < DROP_MAX; i++)
                *ret_all += wire.wire_drops[i];
        for (uint32_t pool = 0; pool < RIG_POOLS; pool++) {
                const struct pool_stats s = rig_stats(r, pool);

                for (enum drop_reason i = 0; i < DROP_MAX; i++)
                        *ret_all += s.drops[i];
                if (pool == at)
                        here = s.drops[reason];
        }
        return here;
}

static void every_reason(void **state)
{
        const struct nic_config small = {.packet_memory = 16 * 2240};
        const struct rings_config usual = {.tx_distance = 9984},
                                  eight = {.rx_size = 8, .rx_buffer = 1024}, drop = {.drop = true};
        uint64_t seen = 1, here, all;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(scenes); i++) {
                uint32_t n = scenes[i].n ?: 1;
                struct rig r;

                rig_new(&r, &small);
                rings_give(rig_open(&r, 1, &usual), 8);
                rings_give(rig_open(&r, 2, &usual), 32);
                rings_give(rig_open(&r, 3, &eight), 7);
                rig_open(&r, 4, &usual); /* no buffers */
                rig_open(&r, 6, &drop);  /* neither */
                scenes[i].play(&r);
                rig_poll(&r);
                here = drops(&r, scenes[i].reason, scenes[i].at, &all);
                if (here != n || all != n)
                        fail_msg("scene %zu, %s: %llu there, %llu in all, but %u are right", i,
                                drop_reason_name(scenes[i].reason), (unsigned long long) here,
                                (unsigned long long) all, n);
                seen |= UINT64_C(1) << scenes[i].reason;
                rig_free(&r);
        }
        assert_int_equal(seen, (UINT64_C(1) << DROP_MAX) - 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_reason),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
