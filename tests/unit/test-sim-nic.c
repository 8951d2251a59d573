/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both walks through the NIC, by raw rings, against the bytes that are to come out. */
#include "nicrig.h"

#define TEST_VLAN 100u

static const struct nic_config standard = {};

/* Pools 1 and 2 with buffers given. */
static void two_guests(struct rig *r, const struct nic_config *config, const struct rings_config *c)
{
        rig_new(r, config);
        rings_give(rig_open(r, 1, c), 32);
        rings_give(rig_open(r, 2, c), 32);
}

/* ---- wire to guest ---- */

static void wire_to_guest(void **state)
{
        const struct rings_config c = {.interrupts = true};
        uint8_t f[FRAME_MAX];
        struct rx_done d;
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        rig_arrive(&r, f, rig_build(f, 60, rig_mac(2), rig_mac(7), 0, 0x88b5));
        assert_int_equal(rig_poll(&r), 1);
        d = rig_expect(&r, 2, f, 60);
        assert_int_equal(d.status, RX_DD | RX_EOP);
        assert_int_equal(d.info, 0);
        assert_int_equal(d.hash, 0);
        assert_int_equal(d.vlan, 0);
        assert_int_equal(rig_stats(&r, 2).rx_packets, 1);
        assert_int_equal(rig_stats(&r, 2).rx_bytes, 60);
        assert_int_equal(rig_stats(&r, 2).rx_loopback, 0);
        assert_int_equal(rig_stats(&r, 2).interrupts, 1);
        assert_int_equal(r.guest[2].target->count, 1);
        rig_expect_none(&r, 1);
        assert_int_equal(nic_read(r.nic, 2, 0, REG_RX(0) + REG_RING_HEAD), 1);
        rig_free(&r);
}

/* A burst is one interrupt, and in order. */
static void burst_in(void **state)
{
        const struct rings_config c = {.interrupts = true};
        uint8_t f[FRAME_MAX];
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        for (uint32_t i = 0; i < 24; i++)
                rig_arrive(&r, f, rig_build(f, 60 + i, rig_mac(1 + i % 2), rig_mac(7), 0, 0x88b5));
        rig_poll(&r);
        for (uint32_t i = 0; i < 24; i++) {
                rig_build(f, 60 + i, rig_mac(1 + i % 2), rig_mac(7), 0, 0x88b5);
                rig_expect(&r, 1 + i % 2, f, 60 + i);
        }
        assert_int_equal(rig_stats(&r, 1).interrupts, 1);
        assert_int_equal(rig_stats(&r, 2).interrupts, 1);
        rig_free(&r);
}

static void broadcast_in(void **state)
{
        const struct rings_config c = {};
        uint8_t f[FRAME_MAX];
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        rig_arrive(&r, f, rig_build(f, 1514, MAC_BROADCAST, rig_mac(7), 0, 0x88b5));
        rig_poll(&r);
        rig_expect(&r, 1, f, 1514);
        rig_expect(&r, 2, f, 1514);
        assert_int_equal(rig_nic_stats(&r).copies, RIG_POOLS - 1);
        assert_int_equal(rig_stats(&r, 1).rx_broadcast, 1);
        assert_int_equal(rig_stats(&r, 1).rx_multicast, 0);
        assert_int_equal(rig_stats(&r, 3).drops[DROP_NO_QUEUE], 1);
        rig_free(&r);
}

/* Strip: into the descriptor; port VLAN: gone without a word; neither: stays. */
static void vlan_in(void **state)
{
        const struct rings_config c = {};
        const uint32_t tci = 3u << 13 | TEST_VLAN;
        uint8_t tagged[FRAME_MAX], plain[FRAME_MAX];
        struct rx_done d;
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        rings_give(rig_open(&r, 3, &c), 8);
        r.pools[1].strip = true;
        r.pools[2].port_vlan = TEST_VLAN;
        for (uint32_t i = 1; i <= 3; i++)
                rig_member(&r, TEST_VLAN, i);
        rig_publish(&r);
        for (uint32_t n = 64; n < 300; n += 83)
                for (uint32_t i = 1; i <= 3; i++) {
                        rig_build(tagged, n, rig_mac(i), rig_mac(7), tci, 0x88b5);
                        memcpy(plain, tagged, 12);
                        memcpy(plain + 12, tagged + 16, n - 16);
                        rig_arrive(&r, tagged, n);
                        rig_poll(&r);
                        d = rig_expect(&r, i, i == 3 ? tagged : plain, i == 3 ? n : n - 4);
                        assert_int_equal(d.status, RX_DD | RX_EOP | (i == 1 ? RX_VP : 0));
                        assert_int_equal(d.vlan, i == 1 ? tci : 0);
                        nic_reset_function(r.nic, i);
                        rings_enable(&r.guest[i]);
                        rings_give(&r.guest[i], 8);
                        r.wire.n_in = r.wire.given = 0;
                }
        rig_free(&r);
}

/* 3 KiB in buffers of 1 KiB, that are on pages which are apart; with a tag taken off, too. */
static void scatter_in(void **state)
{
        const struct rings_config c = {.rx_buffer = 1024, .rx_distance = 1500, .scattered = true};
        static const uint32_t lengths[] = {1024, 1025, 2048, 2049, 3000, 9000, FRAME_MAX};
        uint8_t f[FRAME_MAX], plain[FRAME_MAX];
        struct rx_done d;
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        r.pools[2].strip = true;
        rig_member(&r, TEST_VLAN, 2);
        rig_publish(&r);
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                uint32_t n = lengths[i];

                rig_arrive(&r, f, rig_build(f, n, rig_mac(1), rig_mac(7), 0, 0x88b5));
                rig_poll(&r);
                d = rig_expect(&r, 1, f, n);
                assert_int_equal(d.status, RX_DD | RX_EOP);
                assert_int_equal(d.length, (n - 1) % 1024 + 1);
                rig_arrive(&r, f, rig_build(f, n, rig_mac(2), rig_mac(7), TEST_VLAN, 0x88b5));
                rig_poll(&r);
                memcpy(plain, f, 12);
                memcpy(plain + 12, f + 16, n - 16);
                d = rig_expect(&r, 2, plain, n - 4);
                assert_int_equal(d.status, RX_DD | RX_EOP | RX_VP);
                assert_int_equal(d.vlan, TEST_VLAN);
                for (uint32_t pool = 1; pool <= 2; pool++)
                        rings_give(&r.guest[pool],
                                (r.guest[pool].rx_next + 31 - r.guest[pool].rx_tail) % 64);
        }
        rig_free(&r);
}

/* ---- checksums and RSS ---- */

/* UDP over IPv4, right checksums; n >= 60. */
static uint32_t build_udp(uint8_t *f, uint32_t n, uint64_t dst, uint64_t src, uint16_t port)
{
        static const struct frame_format format = {};
        struct frame_head h;
        uint16_t length = (uint16_t) (n - 14);

        rig_build(f, n, dst, src, 0, 0x0800);
        memset(f + 14, 0, 28);
        f[14] = 0x45;
        f[16] = (uint8_t) (length >> 8);
        f[17] = (uint8_t) length;
        f[22] = 64;
        f[23] = 17;
        f[26] = f[30] = 10;
        f[29] = 1;
        f[33] = 2;
        f[34] = (uint8_t) (port >> 8);
        f[35] = (uint8_t) port;
        f[37] = 9;
        length = (uint16_t) (length - 20);
        f[38] = (uint8_t) (length >> 8);
        f[39] = (uint8_t) length;
        frame_parse(f, n, &format, &h);
        assert_int_equal(frame_insert_checksums(f, n, &h, true, true), 0);
        return n;
}

static void checksums_in(void **state)
{
        static const uint32_t lengths[] = {64, 200, 1514, 4000};
        const struct rings_config c = {.rx_buffer = 16384, .rx_distance = 16384, .rx_size = 64};
        uint8_t f[FRAME_MAX];
        struct rx_done d;
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                uint32_t n = build_udp(f, lengths[i], rig_mac(1), rig_mac(7), 1000);

                rig_arrive(&r, f, n);
                rig_poll(&r);
                d = rig_expect(&r, 1, f, n);
                assert_int_equal(d.status, RX_DD | RX_EOP | RX_IPCS | RX_L4CS);
                assert_int_equal(d.info, RX_TYPE_IP4 | RX_TYPE_UDP);
                f[n - 1] ^= 1;
                rig_arrive(&r, f, n);
                f[22]--;
                rig_arrive(&r, f, n);
                rig_poll(&r);
                f[22]++;
                d = rig_expect(&r, 1, f, n);
                assert_int_equal(d.status, RX_DD | RX_EOP | RX_IPCS | RX_L4CS | RX_L4E);
                f[22]--;
                d = rig_expect(&r, 1, f, n);
                assert_int_equal(d.status, RX_DD | RX_EOP | RX_IPCS | RX_L4CS | RX_L4E | RX_IPE);
        }
        rig_free(&r);
}

/* A queue of 8 descriptors, in the memory of one that has 64. */
static struct rings eighth(const struct rings *whole, uint32_t queue)
{
        struct rings g = *whole;

        g.c.queue = queue;
        g.c.rx_size = g.c.tx_size = 8;
        g.rx_ring += 8ull * queue * DESC_SIZE;
        g.tx_ring += 8ull * queue * DESC_SIZE;
        g.rx_buffers += 8ull * queue * g.c.rx_distance;
        rings_register(&g, REG_RX(queue) + REG_RING_CTRL, 0);
        rings_register(&g, REG_TX(queue) + REG_RING_CTRL, 0);
        rings_enable(&g);
        rings_give(&g, 7);
        return g;
}

/* The pool's function decides which queue, and the hash is in the descriptor. */
static void rss_in(void **state)
{
        static const struct frame_format format = {};
        const struct nic_config four = {.queues = 4};
        const struct rings_config c = {};
        uint8_t f[FRAME_MAX], got[FRAME_MAX];
        uint32_t seen = 0, hash, at;
        struct rss_config rss;
        struct rings queue[4];
        struct frame_head h;
        struct rss_key key;
        struct rig r;

        (void) state;
        rig_new(&r, &four);
        rss_default(&rss, 4);
        rss.types |= RSS_BIT(RSS_IP4_UDP);
        rss_key_init(&key, rss.key);
        nic_set_rss(r.nic, 1, &rss);
        rig_open(&r, 1, &c);
        for (uint32_t q = 0; q < 4; q++)
                queue[q] = eighth(&r.guest[1], q);
        for (uint16_t port = 1; port <= 20; port++) {
                uint32_t n = build_udp(f, 100, rig_mac(1), rig_mac(7), port);
                struct rx_done d = {};

                frame_parse(f, n, &format, &h);
                assert_int_equal(rss_frame(&key, rss.types, f, n, &h, &hash), RSS_IP4_UDP);
                at = rss_queue(&rss, hash);
                seen |= 1u << at;
                rig_arrive(&r, f, n);
                rig_poll(&r);
                assert_int_equal(rings_receive(&queue[at], got, &d), n);
                assert_memory_equal(got, f, n);
                assert_int_equal(d.hash, hash);
                assert_int_equal(d.info & 15, RSS_IP4_UDP);
                rings_give(&queue[at], 1);
        }
        assert_int_equal(seen, 15);
        rig_free(&r);
}

/* ---- guest to wire ---- */

static void guest_to_wire(void **state)
{
        static const uint32_t lengths[] = {14, 15, 59, 60, 64, 65, 128, 129, 256, 1514, 2172, 2173,
                2176, 4348, 4349, 9000, FRAME_MAX};
        const struct rings_config c = {
                .tx_distance = 9984, .tx_size = 32, .scattered = true, .interrupts = true};
        uint8_t f[FRAME_MAX];
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                rig_build(f, lengths[i], rig_mac(8) | 2, rig_mac(1), 0, 0x88b5);
                f[5] = 0xfe; /* nobody here */
                rings_send(&r.guest[1], f, lengths[i]);
                rings_ring(&r.guest[1]);
        }
        rig_poll(&r);
        assert_int_equal(r.wire.n_out, ELEMENTSOF(lengths));
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                uint32_t n = rig_build(f, lengths[i], rig_mac(8) | 2, rig_mac(1), 0, 0x88b5);

                f[5] = 0xfe;
                if (n < FRAME_PADDED) {
                        memset(f + n, 0, FRAME_PADDED - n);
                        n = FRAME_PADDED;
                }
                assert_int_equal(r.wire.out[i].n, n);
                assert_memory_equal(r.wire.out[i].bytes, f, n);
                assert_int_equal(rings_tx(&r.guest[1], (uint32_t) i)->status, TX_DD);
        }
        assert_int_equal(rig_stats(&r, 1).tx_packets, ELEMENTSOF(lengths));
        assert_int_equal(rig_stats(&r, 1).tx_loopback, 0);
        assert_true(rig_stats(&r, 1).interrupts > 0);
        rig_free(&r);
}

/* The tag of a context, and of a port VLAN. */
static void vlan_out(void **state)
{
        const struct rings_config c = {};
        const uint32_t tci = 5u << 13 | TEST_VLAN;
        struct tx_desc context = {
                .address = (uint64_t) tci << 16 | 14u << 9 | 20,
                .cmd = TX_DEXT | TX_CONTEXT,
        };
        uint8_t f[FRAME_MAX], plain[FRAME_MAX];
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        rig_member(&r, TEST_VLAN, 1);
        rig_member(&r, TEST_VLAN, 2);
        r.pools[2].port_vlan = TEST_VLAN;
        r.pools[2].port_qos = 5;
        rig_publish(&r);
        for (uint32_t n = 56; n < 2500; n = n * 3 / 2) {
                struct rings *g = &r.guest[1];
                struct tx_desc d = rings_desc(rings_iova(rings_tx_buffer(g, 40)), n);

                d.cmd |= TX_VLE;
                rig_build(f, n + 4, rig_mac(8) ^ 0x100, rig_mac(1), tci, 0x88b5);
                memcpy(plain, f, 12);
                memcpy(plain + 12, f + 16, n - 12);
                rings_write(g, rings_tx_buffer(g, 40), plain, n);
                rings_put(g, &context);
                rings_put(g, &d);
                rings_ring(g);
                rig_poll(&r);
                assert_int_equal(r.wire.n_out, 1);
                assert_int_equal(r.wire.out[0].n, n + 4);
                assert_memory_equal(r.wire.out[0].bytes, f, n + 4);
                assert_int_equal(rings_tx(g, (g->tx_next + 63) % 64)->status, TX_DD);

                rig_build(f, n + 4, rig_mac(8) ^ 0x100, rig_mac(2), tci, 0x88b5);
                memcpy(plain, f, 12);
                rings_send(&r.guest[2], plain, n);
                rings_ring(&r.guest[2]);
                rig_poll(&r);
                assert_int_equal(r.wire.n_out, 2);
                assert_int_equal(r.wire.out[1].n, n + 4);
                assert_memory_equal(r.wire.out[1].bytes, f, n + 4);
                r.wire.n_out = 0;
        }
        rig_free(&r);
}

static void checksums_out(void **state)
{
        static const uint32_t lengths[] = {64, 1514, 5000};
        const struct rings_config c = {.tx_distance = 8192};
        const struct tx_desc context = {
                .address = 14u << 9 | 20,
                .cmd = TX_DEXT | TX_CONTEXT | TX_CONTEXT_IP4,
        };
        uint8_t f[FRAME_MAX], broken[FRAME_MAX];
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        rings_put(&r.guest[1], &context);
        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                struct rings *g = &r.guest[1];
                uint64_t at = rings_tx_buffer(g, g->tx_next);
                uint32_t n = build_udp(f, lengths[i], rig_mac(8) ^ 0x100, rig_mac(1), 99);
                struct tx_desc d = rings_desc(rings_iova(at), n);

                d.status |= TX_IXSM | TX_TXSM;
                memcpy(broken, f, n);
                memset(broken + 24, 0, 2);
                memset(broken + 40, 0, 2);
                rings_write(g, at, broken, n);
                rings_put(g, &d);
                rings_ring(g);
                rig_poll(&r);
                assert_int_equal(r.wire.n_out, i + 1);
                assert_memory_equal(r.wire.out[i].bytes, f, n);
        }
        rig_free(&r);
}

/* One frame in many pieces that begin and end anywhere. */
static void pieces_out(void **state)
{
        const struct rings_config c = {.tx_size = 256, .scattered = true};
        uint8_t f[FRAME_MAX];
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        for (uint32_t pieces = 2; pieces <= TX_SEGMENTS; pieces += 31) {
                struct rings *g = &r.guest[1];
                uint32_t n = 6000, at = 0;

                /* So that a burst of descriptors ends within the frame. */
                rig_build(f, 60, rig_mac(2), rig_mac(1), 0, 0x88b5);
                for (uint32_t i = 0; i < 20; i++)
                        rings_send(g, f, 60);
                rings_give(&r.guest[2], 20);
                rig_build(f, n, rig_mac(8) ^ 0x100, rig_mac(1), 0, 0x88b5);
                for (uint32_t i = 0; i < pieces; i++) {
                        uint32_t k = i == pieces - 1 ? n - at : n / pieces - i % 7;
                        uint64_t place = rings_tx_buffer(g, 0) + i * 5000ull + 4000;
                        struct tx_desc d = {
                                .address = rings_iova(place),
                                .cmd = TX_DATA | TX_DEXT | k,
                                .status = n << TX_PAYLEN_SHIFT,
                        };

                        if (i == pieces - 1)
                                d.cmd |= TX_EOP | TX_IFCS | TX_RS;
                        rings_write(g, place, f + at, k);
                        rings_put(g, &d);
                        at += k;
                }
                rings_ring(g);
                rig_poll(&r);
                assert_int_equal(r.wire.n_out, 1);
                assert_int_equal(r.wire.out[0].n, n);
                assert_memory_equal(r.wire.out[0].bytes, f, n);
                r.wire.n_out = 0;
        }
        assert_int_equal(nic_mdd(r.nic, 1).cause, MDD_NONE);
        rig_free(&r);
}

static void head_write_back(void **state)
{
        const struct rings_config c = {};
        struct rings *g;
        uint64_t at;
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        g = &r.guest[1];
        nic_write(r.nic, 1, 0, REG_TX(0) + REG_RING_CTRL, 0, 0);
        at = rings_tx_buffer(g, 63) + 100;
        rings_register(g, REG_TX(0) + REG_HEAD_WB_HIGH, (uint32_t) (rings_iova(at) >> 32));
        rings_register(g, REG_TX(0) + REG_HEAD_WB_LOW, (uint32_t) rings_iova(at) | 1);
        nic_write(r.nic, 1, 0, REG_TX(0) + REG_RING_CTRL, REG_RING_ENABLE, 0);
        for (uint32_t i = 0; i < 5; i++)
                rig_send(&r, 1, 2, 60);
        rig_poll(&r);
        assert_int_equal(*(uint32_t *) (void *) rings_at(g, at), 5);
        assert_int_equal(rings_tx(g, 4)->status, 60u << TX_PAYLEN_SHIFT);
        rig_free(&r);
}

/* ---- guest to guest ---- */

static void guest_to_guest(void **state)
{
        static const uint32_t lengths[] = {14, 60, 64, 65, 200, 1514, 2048};
        const struct rings_config c = {};
        uint8_t f[FRAME_MAX];
        struct rx_done d;
        struct rig r;

        for (int cut = 0; cut < 2; cut++) {
                const struct nic_config config = {.cut_through = cut};

                (void) state;
                two_guests(&r, &config, &c);
                for (size_t i = 0; i < ELEMENTSOF(lengths); i++)
                        rig_send(&r, 1, 2, lengths[i]);
                rig_poll(&r);
                for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                        rig_build(f, lengths[i], rig_mac(2), rig_mac(1), 0, 0x88b5);
                        d = rig_expect(&r, 2, f, lengths[i]);
                        assert_int_equal(d.status, RX_DD | RX_EOP | RX_LB);
                }
                assert_int_equal(r.wire.n_out, 0);
                assert_int_equal(rig_stats(&r, 1).tx_loopback, ELEMENTSOF(lengths));
                assert_int_equal(rig_stats(&r, 2).rx_loopback, ELEMENTSOF(lengths));
                rig_free(&r);
        }
}

/* Through a port VLAN: the tag is inserted and taken off again, and nobody learns of it; checksums
 * and RSS are those of the packet. Who is no member of the sender's kind sees the tag. */
static void port_vlan_between(void **state)
{
        static const uint32_t lengths[] = {64, 300, 1514};
        static const struct frame_format format = {};
        const struct rings_config c = {};
        uint8_t f[FRAME_MAX], tagged[FRAME_MAX];
        struct rss_config rss;
        struct frame_head h;
        struct rss_key key;
        struct rx_done d;
        uint32_t hash;
        struct rig r;

        (void) state;
        rss_default(&rss, 1);
        rss.types |= RSS_BIT(RSS_IP4_UDP);
        rss_key_init(&key, rss.key);
        for (int cut = 0; cut < 2; cut++) {
                const struct nic_config config = {.cut_through = cut};

                two_guests(&r, &config, &c);
                rings_give(rig_open(&r, 3, &c), 8);
                for (uint32_t i = 1; i <= 3; i++) {
                        rig_member(&r, TEST_VLAN, i);
                        r.pools[i].port_vlan = i < 3 ? TEST_VLAN : 0;
                }
                rig_publish(&r);
                nic_set_rss(r.nic, 2, &rss);
                for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                        uint32_t n = build_udp(f, lengths[i], rig_mac(2), rig_mac(1), 7);

                        rings_send(&r.guest[1], f, n);
                        rings_ring(&r.guest[1]);
                        rig_poll(&r);
                        d = rig_expect(&r, 2, f, n);
                        assert_int_equal(d.status, RX_DD | RX_EOP | RX_LB | RX_IPCS | RX_L4CS);
                        assert_int_equal(d.vlan, 0);
                        frame_parse(f, n, &format, &h);
                        rss_frame(&key, rss.types, f, n, &h, &hash);
                        assert_int_equal(d.hash, hash);
                        assert_int_equal(
                                d.info, RX_TYPE_IP4 | RX_TYPE_UDP | (uint32_t) RSS_IP4_UDP);

                        build_udp(f, n, rig_mac(3), rig_mac(1), 7);
                        memcpy(tagged, f, 12);
                        memcpy(tagged + 12, (uint8_t[]){0x81, 0, 0, TEST_VLAN}, 4);
                        memcpy(tagged + 16, f + 12, n - 12);
                        rings_send(&r.guest[1], f, n);
                        rings_ring(&r.guest[1]);
                        rig_poll(&r);
                        d = rig_expect(&r, 3, tagged, n + 4);
                        assert_int_equal(d.status, RX_DD | RX_EOP | RX_LB | RX_IPCS | RX_L4CS);
                }
                rig_free(&r);
        }
}

/* Everybody but the sender, and the wire. */
static void broadcast_out(void **state)
{
        const struct rings_config c = {};
        uint8_t f[FRAME_MAX];
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        rings_give(rig_open(&r, 3, &c), 8);
        rig_build(f, 60, MAC_BROADCAST, rig_mac(1), 0, 0x88b5);
        rings_send(&r.guest[1], f, 60);
        rings_ring(&r.guest[1]);
        rig_poll(&r);
        rig_expect(&r, 2, f, 60);
        rig_expect(&r, 3, f, 60);
        rig_expect_none(&r, 1);
        assert_int_equal(r.wire.n_out, 1);
        assert_int_equal(rig_nic_stats(&r).copies, RIG_POOLS - 1);
        rig_free(&r);
}

/* Within the same VLAN only, and in the order sent although receivers take turns. */
static void order_is_kept(void **state)
{
        const struct rings_config c = {.tx_size = 128, .rx_size = 128};
        uint8_t f[FRAME_MAX];
        struct rig r;

        (void) state;
        two_guests(&r, &standard, &c);
        rings_give(rig_open(&r, 3, &c), 90);
        rings_give(&r.guest[2], 58);
        for (uint32_t i = 0; i < 90; i++) {
                uint64_t to = i % 9 == 4 ? MAC_BROADCAST : rig_mac(2 + i % 2);

                rig_build(f, 60 + i, to, rig_mac(1), 0, 0x88b5);
                rings_send(&r.guest[1], f, 60 + i);
        }
        rings_ring(&r.guest[1]);
        rig_poll(&r);
        for (uint32_t i = 0; i < 90; i++) {
                uint64_t to = i % 9 == 4 ? MAC_BROADCAST : rig_mac(2 + i % 2);

                rig_build(f, 60 + i, to, rig_mac(1), 0, 0x88b5);
                for (uint32_t pool = 2; pool <= 3; pool++)
                        if (to == MAC_BROADCAST || to == rig_mac(pool))
                                rig_expect(&r, pool, f, 60 + i);
        }
        rig_free(&r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(wire_to_guest),
                cmocka_unit_test(burst_in),
                cmocka_unit_test(broadcast_in),
                cmocka_unit_test(vlan_in),
                cmocka_unit_test(scatter_in),
                cmocka_unit_test(checksums_in),
                cmocka_unit_test(rss_in),
                cmocka_unit_test(guest_to_wire),
                cmocka_unit_test(vlan_out),
                cmocka_unit_test(checksums_out),
                cmocka_unit_test(pieces_out),
                cmocka_unit_test(head_write_back),
                cmocka_unit_test(guest_to_guest),
                cmocka_unit_test(port_vlan_between),
                cmocka_unit_test(broadcast_out),
                cmocka_unit_test(order_is_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
