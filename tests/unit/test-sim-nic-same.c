/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same machine, the same seed: cut-through and store-and-forward leave the same bytes in every
 * guest's memory and on the wire, the same statistics and the same drops; and the same run twice
 * tells the same story, word for word. One seed is one random life of eight guests.
 */
#include "nicrig.h"
#include "sim/nic/trace.h"

#define LIVES 200u
#define STEPS 300u
#define STORY (8u << 20) /* characters */

struct life {
        struct rig r;
        uint64_t seed;
        bool wild; /* descriptors may be wrong */
        char *story;
        size_t told;
        struct nic_tracer tracer;
};

static uint32_t dice(struct life *l, uint32_t n)
{
        l->seed = l->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t) ((l->seed >> 33) % n);
}

static uint32_t any_guest(struct life *l)
{
        return 1 + dice(l, RIG_POOLS - 1);
}

/* ---- what guests do ---- */

static uint64_t any_destination(struct life *l)
{
        switch (dice(l, 12)) {
        case 0:
                return MAC_BROADCAST;
        case 1:
                return 0xfe0000000002ull; /* nobody here */
        case 2:
                return 0x5e0001u | (uint64_t) dice(l, 3) << 40;
        }
        return rig_mac(any_guest(l));
}

static uint32_t any_length(struct life *l)
{
        static const uint32_t most[] = {80, 80, 300, 1514, 1514, 2300, 9000};

        return 14 + dice(l, most[dice(l, ELEMENTSOF(most))] - 13);
}

/* An IP packet now and then, right or wrong. */
static uint32_t any_frame(struct life *l, uint8_t *f, uint64_t src)
{
        static const struct frame_format format = {};
        uint32_t n = any_length(l), tci = dice(l, 4) ? 0 : dice(l, 8) << 13 | (100 + dice(l, 3));
        bool ip = n > 64 && dice(l, 3) == 0;
        struct frame_head h;

        rig_build(f, n, any_destination(l), src, n < 18 ? 0 : tci, ip ? 0x0800 : 0x88b5);
        if (!ip)
                return n;
        frame_parse(f, n, &format, &h);
        memset(f + h.payload_at, 0, 28);
        f[h.payload_at] = 0x45;
        f[h.payload_at + 2] = (uint8_t) ((n - h.payload_at) >> 8);
        f[h.payload_at + 3] = (uint8_t) (n - h.payload_at);
        f[h.payload_at + 9] = 17;
        f[h.payload_at + 21] = (uint8_t) dice(l, 256);
        f[h.payload_at + 24] = (uint8_t) ((n - h.payload_at - 20) >> 8);
        f[h.payload_at + 25] = (uint8_t) (n - h.payload_at - 20);
        if (dice(l, 2))
                frame_insert_checksums(f, n, &h, dice(l, 8), dice(l, 8));
        return n;
}

/* One frame in one or more pieces, with a context before it or not. */
static void put_frame(struct life *l, struct rings *g, const uint8_t *f, uint32_t n)
{
        uint32_t pieces = dice(l, 4) ? 1 : 1 + dice(l, n < 30 ? 1 : 6), done = 0;
        uint64_t at = g->tx_buffers + dice(l, 8) * 9500ull + dice(l, 200);
        bool tag = dice(l, 9) == 0;
        const struct tx_desc context = {
                .address = (uint64_t) (100 + dice(l, 3)) << 16 | 14u << 9 | 20,
                .cmd = TX_DEXT | TX_CONTEXT,
        };

        rings_write(g, at, f, n);
        if (tag)
                rings_put(g, &context);
        for (uint32_t i = 0; i < pieces; i++) {
                uint32_t k = i == pieces - 1 ? n - done : n / pieces;
                struct tx_desc d = rings_desc(rings_iova(at + done), k);

                d.status = n << TX_PAYLEN_SHIFT;
                if (i < pieces - 1)
                        d.cmd &= ~(TX_EOP | TX_IFCS);
                if (dice(l, 3))
                        d.cmd &= ~TX_RS;
                if (tag)
                        d.cmd |= TX_VLE;
                if (l->wild && dice(l, 200) == 0)
                        d.address ^= UINT64_C(1) << (20 + dice(l, 40));
                if (l->wild && dice(l, 200) == 0)
                        d.cmd ^= 1u << dice(l, 32);
                rings_put(g, &d);
                done += k;
        }
}

static void guest_sends(struct life *l)
{
        uint32_t pool = any_guest(l), n;
        struct rings *g = &l->r.guest[pool];
        uint8_t f[FRAME_MAX];

        for (uint32_t k = dice(l, 12); k > 0; k--) {
                uint32_t head = nic_read(l->r.nic, pool, 0, REG_TX(0) + REG_RING_HEAD);

                if ((g->tx_next + g->c.tx_size - head) % g->c.tx_size > g->c.tx_size - 10)
                        break;
                n = any_frame(l, f, rig_mac(dice(l, 20) ? pool : any_guest(l)));
                put_frame(l, g, f, n);
        }
        rings_ring(g);
}

static void guest_receives(struct life *l)
{
        struct rings *g = &l->r.guest[any_guest(l)];
        uint32_t n = dice(l, 10),
                 room = (g->rx_next + g->c.rx_size - 1 - g->rx_tail) % g->c.rx_size;
        uint8_t f[16384 * 2];
        struct rx_done d;

        while (rings_receive(g, f, &d))
                ;
        room = (g->rx_next + g->c.rx_size - 1 - g->rx_tail) % g->c.rx_size;
        rings_give(g, n < room ? n : room);
        if (l->wild && dice(l, 60) == 0)
                rings_rx(g, dice(l, g->c.rx_size))->address ^= UINT64_C(1) << dice(l, 50);
}

static void wire_gives(struct life *l)
{
        uint8_t f[FRAME_MAX];
        uint32_t n;

        if (l->r.wire.n_in == l->r.wire.given)
                l->r.wire.n_in = l->r.wire.given = 0;
        for (uint32_t k = dice(l, 8); k > 0 && l->r.wire.n_in < RIG_FRAMES; k--) {
                n = any_frame(l, f, 0xfd0000000002ull);
                rig_arrive(&l->r, f, n);
        }
        l->r.wire.room = dice(l, 3) ? UINT32_MAX : dice(l, 6);
}

/* ---- what administrators do ---- */

static void pool_changes(struct life *l)
{
        struct sorter_pool *p = &l->r.pools[any_guest(l)];

        switch (dice(l, 8)) {
        case 0:
                p->strip = !p->strip;
                break;
        case 1:
                p->port_vlan = p->port_vlan ? 0 : 100;
                p->port_qos = (uint8_t) dice(l, 8);
                break;
        case 2:
                p->mac_antispoof = !p->mac_antispoof;
                break;
        case 3:
                p->multicast_promisc = !p->multicast_promisc;
                break;
        case 4:
                p->self_loopback = !p->self_loopback;
                break;
        case 5:
                p->rx_enable = !p->rx_enable;
                break;
        case 6:
                p->max_frame = dice(l, 2) ? FRAME_MAX : 1518;
                break;
        case 7:
                l->r.c.n_mirrors = dice(l, 2);
                l->r.c.mirrors[0] = (struct sorter_mirror){
                        .kind = MIRROR_POOL, .source = any_guest(l), .to = any_guest(l)};
                break;
        }
        rig_publish(&l->r);
}

static void function_changes(struct life *l)
{
        uint32_t pool = any_guest(l);
        struct nic *nic = l->r.nic;
        struct rss_config rss;

        switch (dice(l, 7)) {
        case 0:
                nic_reset_function(nic, pool);
                rings_enable(&l->r.guest[pool]);
                break;
        case 1:
                nic_set_rate(nic, pool, 0, dice(l, 2) ? 0 : 100 + dice(l, 900));
                break;
        case 2:
                nic_set_pool_link(nic, pool, dice(l, 4));
                break;
        case 3:
                rss_default(&rss, 1);
                rss.types = dice(l, 2) ? rss.types : 0;
                nic_set_rss(nic, pool, &rss);
                break;
        case 4:
                nic_set_link(nic, dice(l, 5));
                break;
        case 5:
                nic_set_bus_master(nic, pool, dice(l, 4));
                break;
        case 6:
                nic_set_storm(nic, dice(l, 2) * 5000, dice(l, 2) * 5000, 1000000);
                break;
        }
}

static void step(struct life *l)
{
        uint32_t what = dice(l, 40);

        if (what < 16)
                guest_sends(l);
        else if (what < 28)
                guest_receives(l);
        else if (what < 34)
                wire_gives(l);
        else if (what < 36)
                l->r.now += dice(l, 100000);
        else if (what == 36)
                pool_changes(l);
        else if (what == 37)
                function_changes(l);
        rig_poll(&l->r);
        if (l->r.wire.n_out > RIG_FRAMES / 2) {
                uint64_t sum = 0;

                for (uint32_t i = 0; i < l->r.wire.n_out; i++)
                        for (uint32_t k = 0; k < l->r.wire.out[i].n; k++)
                                sum = sum * 31 + l->r.wire.out[i].bytes[k];
                l->r.wire.out[0].n = 8;
                memcpy(l->r.wire.out[0].bytes, &sum, 8);
                l->r.wire.n_out = 1;
        }
}

static void tell(void *userdata, const struct trace_event *e)
{
        struct life *l = userdata;

        assert_true(STORY - l->told > 1000);
        trace_describe(e, RIG_POOLS, l->story + l->told, STORY - l->told);
        l->told += strlen(l->story + l->told);
        l->story[l->told++] = '\n';
}

static struct life *live(uint64_t seed, bool cut_through, bool trace)
{
        struct life *l = calloc(1, sizeof(*l));
        struct nic_config config = {.cut_through = cut_through};

        assert_non_null(l);
        l->seed = seed * 77777 + 1;
        l->wild = dice(l, 2);
        config.packet_memory = dice(l, 3) ? 0 : (16 + dice(l, 30)) * 2240;
        config.speed = dice(l, 2) ? 0 : 1000;
        rig_new(&l->r, &config);
        for (uint32_t i = 1; i < RIG_POOLS; i++) {
                const struct rings_config c = {
                        .rx_size = 8 + 8 * dice(l, 6),
                        .tx_size = 64,
                        .rx_buffer = 1024u << dice(l, 3),
                        .rx_distance = 4096,
                        .scattered = dice(l, 2),
                        .drop = dice(l, 3) == 0,
                        .interrupts = dice(l, 2),
                };

                rig_open(&l->r, i, &c);
                rig_member(&l->r, (uint16_t) (100 + dice(l, 3)), i);
                rig_member(&l->r, 100, i);
                l->r.pools[i].multicast_promisc = dice(l, 2);
        }
        rig_publish(&l->r);
        if (trace) {
                l->story = malloc(STORY);
                assert_non_null(l->story);
                l->tracer = (struct nic_tracer){tell, l};
                nic_trace(l->r.nic, &l->tracer);
        }
        for (uint32_t i = 0; i < STEPS; i++)
                step(l);
        return l;
}

static void end(struct life *l)
{
        rig_free(&l->r);
        free(l->story);
        free(l);
}

static void compare(const struct life *a, const struct life *b, uint64_t seed)
{
        for (uint32_t i = 0; i < RIG_POOLS; i++) {
                const struct pool_stats x = rig_stats(&a->r, i), y = rig_stats(&b->r, i);
                const struct rings *g = &a->r.guest[i], *h = &b->r.guest[i];

                if (memcmp(&x, &y, sizeof(x)) != 0)
                        fail_msg("seed %llu: statistics of pool %u", (unsigned long long) seed, i);
                for (uint64_t at = 0; i > 0 && at < g->size; at += PAGE_SIZE_4K)
                        if (memcmp(rings_at(g, at), rings_at(h, at), PAGE_SIZE_4K) != 0)
                                fail_msg("seed %llu: memory of pool %u at 0x%llx",
                                        (unsigned long long) seed, i, (unsigned long long) at);
                assert_int_equal(nic_mdd(a->r.nic, i).cause, nic_mdd(b->r.nic, i).cause);
        }
        const struct nic_stats x = rig_nic_stats(&a->r), y = rig_nic_stats(&b->r);

        assert_memory_equal(&x, &y, sizeof(x));
        assert_int_equal(a->r.wire.n_out, b->r.wire.n_out);
        for (uint32_t i = 0; i < a->r.wire.n_out; i++) {
                assert_int_equal(a->r.wire.out[i].n, b->r.wire.out[i].n);
                assert_memory_equal(
                        a->r.wire.out[i].bytes, b->r.wire.out[i].bytes, a->r.wire.out[i].n);
        }
}

static void cut_through_is_the_same(void **state)
{
        uint64_t delivered = 0, dropped[DROP_MAX] = {}, wire = 0, mdd = 0;

        (void) state;
        for (uint64_t seed = 1; seed <= LIVES; seed++) {
                struct life *a = live(seed, false, false), *b = live(seed, true, false);

                compare(a, b, seed);
                for (uint32_t i = 0; i < RIG_POOLS; i++) {
                        const struct pool_stats s = rig_stats(&a->r, i);

                        delivered += s.rx_loopback;
                        for (enum drop_reason k = 0; k < DROP_MAX; k++)
                                dropped[k] += s.drops[k];
                }
                wire += rig_nic_stats(&a->r).wire_tx_packets;
                mdd += nic_mdd_count(a->r.nic);
                end(a);
                end(b);
        }
        /* They were lives worth living. */
        assert_true(delivered > 100 * LIVES && wire > 20 * LIVES && mdd > LIVES / 10);
        assert_true(dropped[DROP_RESET] > 0 && dropped[DROP_TX_FAULT] > 0 &&
                    dropped[DROP_RX_FAULT] > 0 && dropped[DROP_MALICIOUS] > 0 &&
                    dropped[DROP_SPOOF_MAC] > 0 && dropped[DROP_NO_DESCRIPTOR] > 0);
}

/* With a tracer frames go one by one; what comes out is no less conserved, and always the same. */
static void replay_is_the_same(void **state)
{
        size_t told = 0;

        (void) state;
        for (uint64_t seed = 1; seed <= LIVES / 10; seed++) {
                struct life *a = live(seed, false, true), *b = live(seed, true, true);

                assert_int_equal(a->told, b->told);
                assert_memory_equal(a->story, b->story, a->told);
                compare(a, b, seed);
                told += a->told;
                end(a);
                end(b);
        }
        assert_true(told > LIVES * 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cut_through_is_the_same),
                cmocka_unit_test(replay_is_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
