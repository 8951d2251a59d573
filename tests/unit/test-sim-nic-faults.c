/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes wrong at a function stays there: its queue stops with a cause, others go on, and no
 * byte changes that the IOMMU does not let it change.
 */
#include "nicrig.h"

static const struct nic_config standard = {};
static const struct rings_config usual = {};

static bool enabled(struct rig *r, uint32_t pool, uint32_t base)
{
        return nic_read(r->nic, pool, 0, base + REG_RING_CTRL) & REG_RING_ENABLE;
}

/* ---- queues that are set up wrongly ---- */

static void bad_queues(void **state)
{
        static const struct {
                enum mdd_cause cause;
                uint32_t base, low, high, bytes, srrctl, tail;
        } setups[] = {
                {MDD_NONE, REG_RX(0), 0x1000, 1, 1024, 2, 0},
                {MDD_NONE, REG_TX(0), 0x1000, 1, 1024, 0, 0},
                {MDD_RING_ALIGN, REG_RX(0), 0x1040, 1, 1024, 2, 0},
                {MDD_RING_ALIGN, REG_TX(0), 0x1001, 1, 1024, 0, 0},
                {MDD_RING_LENGTH, REG_RX(0), 0x1000, 1, 0, 2, 0},
                {MDD_RING_LENGTH, REG_RX(0), 0x1000, 1, 1024 + 64, 2, 0},
                {MDD_RING_LENGTH, REG_TX(0), 0x1000, 1, 64, 0, 0},
                {MDD_RING_LENGTH, REG_TX(0), 0x1000, 1, 4104 * 16, 0, 0},
                {MDD_RING_LENGTH, REG_TX(0), 0x1000, 1, UINT32_MAX, 0, 0},
                {MDD_RING_ADDRESS, REG_TX(0), 0, 0x10000, 1024, 0, 0},
                {MDD_RING_ADDRESS, REG_RX(0), 0xffffff80, 0xffff, 1024, 2, 0},
                {MDD_BUFFER_SIZE, REG_RX(0), 0x1000, 1, 1024, 0, 0},
                {MDD_BUFFER_SIZE, REG_RX(0), 0x1000, 1, 1024, 17, 0},
                {MDD_TAIL, REG_RX(0), 0x1000, 1, 1024, 2, 64},
                {MDD_TAIL, REG_TX(0), 0x1000, 1, 1024, 0, UINT32_MAX},
        };
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        for (size_t i = 0; i < ELEMENTSOF(setups); i++) {
                uint32_t b = setups[i].base;
                bool good = setups[i].cause == MDD_NONE;

                nic_write(r.nic, 1, 0, b + REG_RING_LOW, setups[i].low, 0);
                nic_write(r.nic, 1, 0, b + REG_RING_HIGH, setups[i].high, 0);
                nic_write(r.nic, 1, 0, b + REG_RING_BYTES, setups[i].bytes, 0);
                nic_write(r.nic, 1, 0, b + REG_SRRCTL, setups[i].srrctl, 0);
                nic_write(r.nic, 1, 0, b + REG_RING_TAIL, setups[i].tail, 0);
                nic_write(r.nic, 1, 0, b + REG_RING_CTRL, REG_RING_ENABLE, 0);
                assert_int_equal(enabled(&r, 1, b), good);
                assert_int_equal(nic_mdd(r.nic, 1).cause, setups[i].cause);
                assert_int_equal(nic_mdd(r.nic, 1).transmit, !good && b == REG_TX(0));
                nic_reset_function(r.nic, 1);
                assert_int_equal(nic_mdd(r.nic, 1).cause, MDD_NONE);
        }
        rig_free(&r);
}

static void changed_while_enabled(void **state)
{
        static const struct {
                uint32_t base, reg;
        } registers[] = {
                {REG_RX(0), REG_RING_LOW},
                {REG_RX(0), REG_RING_HIGH},
                {REG_RX(0), REG_RING_BYTES},
                {REG_RX(0), REG_SRRCTL},
                {REG_TX(0), REG_RING_LOW},
                {REG_TX(0), REG_RING_BYTES},
                {REG_TX(0), REG_HEAD_WB_LOW},
        };
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        rig_open(&r, 1, &usual);
        for (size_t i = 0; i < ELEMENTSOF(registers); i++) {
                nic_write(r.nic, 1, 0, registers[i].base + registers[i].reg, 0x1000, 0);
                assert_int_equal(nic_mdd(r.nic, 1).cause, MDD_CHANGED_ENABLED);
                assert_false(enabled(&r, 1, registers[i].base));
                /* It stays so until it is reset. */
                nic_write(r.nic, 1, 0, registers[i].base + REG_RING_CTRL, REG_RING_ENABLE, 0);
                assert_false(enabled(&r, 1, registers[i].base));
                nic_reset_function(r.nic, 1);
                rings_enable(&r.guest[1]);
                assert_true(enabled(&r, 1, registers[i].base));
        }
        assert_int_equal(nic_mdd_count(r.nic), ELEMENTSOF(registers));
        rig_free(&r);
}

/* ---- while frames move ---- */

static void legacy(struct rings *g)
{
        rings_tx(g, 2)->cmd &= ~TX_DEXT;
}

static void no_end(struct rings *g)
{
        struct tx_desc *d = rings_tx(g, 4);

        d->cmd &= ~(TX_EOP | TX_IFCS);
        d->status = 61u << TX_PAYLEN_SHIFT;
}

static void too_many_pieces(struct rings *g)
{
        for (uint32_t i = 2; i < 5; i++)
                rings_tx(g, i)->status = 1000u << TX_PAYLEN_SHIFT;
        for (uint32_t i = 2; i < 5; i++)
                rings_tx(g, i)->cmd &= ~(TX_EOP | TX_IFCS);
        rings_tx(g, 3)->cmd |= 1u << 28;
}

static void bad_tail(struct rings *g)
{
        nic_tx_doorbell(g->nic, g->pool, 0, 64);
}

static void bad_buffer(struct rings *g)
{
        rings_tx(g, 2)->address = 0x7000;
}

/* Its beginning is mapped, its end is not. */
static void half_a_buffer(struct rings *g)
{
        rings_tx(g, 2)->address = rings_iova(g->size) - 30;
}

static void wide_address(struct rings *g)
{
        rings_tx(g, 2)->address |= UINT64_C(1) << 48;
}

/* The frames before the bad one arrive, one is dropped, the others stay in the ring. */
static void senders(void **state)
{
        static const struct {
                void (*spoil)(struct rings *g);
                enum mdd_cause cause;
                enum drop_reason reason;
                uint32_t good, dropped;
        } cases[] = {
                {legacy, MDD_LEGACY, DROP_MALICIOUS, 2, 1},
                {no_end, MDD_NO_EOP, DROP_MALICIOUS, 4, 1},
                {too_many_pieces, MDD_RESERVED, DROP_MALICIOUS, 2, 1},
                {bad_tail, MDD_TAIL, DROP_NONE, 0, 0},
                {bad_buffer, MDD_DMA_READ, DROP_TX_FAULT, 2, 1},
                {half_a_buffer, MDD_DMA_READ, DROP_TX_FAULT, 2, 1},
                {wide_address, MDD_ADDRESS_WIDTH, DROP_MALICIOUS, 2, 1},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t f[60];
                struct rig r;

                rig_new(&r, &standard);
                rig_open(&r, 1, &usual);
                rings_give(rig_open(&r, 2, &usual), 32);
                rig_open(&r, 3, &usual);
                rig_build(f, 60, rig_mac(2), rig_mac(1), 0, 0x88b5);
                for (uint32_t k = 0; k < 5; k++)
                        rings_send(&r.guest[1], f, 60);
                rings_ring(&r.guest[1]);
                cases[i].spoil(&r.guest[1]);
                rig_poll(&r);
                for (uint32_t k = 0; k < cases[i].good; k++)
                        rig_expect(&r, 2, f, 60);
                rig_expect_none(&r, 2);
                assert_int_equal(nic_mdd(r.nic, 1).cause, cases[i].cause);
                assert_true(nic_mdd(r.nic, 1).transmit);
                assert_int_equal(rig_stats(&r, 1).tx_packets, cases[i].good + cases[i].dropped);
                assert_int_equal(rig_stats(&r, 1).drops[cases[i].reason], cases[i].dropped);
                assert_false(enabled(&r, 1, REG_TX(0)));
                assert_true(enabled(&r, 1, REG_RX(0)));
                assert_int_equal(nic_read(r.nic, 1, 0, REG_TX(0) + REG_RING_HEAD), cases[i].good);
                rig_send(&r, 3, 2, 60);
                rig_poll(&r);
                assert_int_equal(rig_stats(&r, 2).rx_packets, cases[i].good + 1);

                nic_reset_function(r.nic, 1);
                rings_enable(&r.guest[1]);
                rings_send(&r.guest[1], f, 60);
                rings_ring(&r.guest[1]);
                rig_poll(&r);
                assert_int_equal(rig_stats(&r, 2).rx_packets, cases[i].good + 2);
                rig_free(&r);
        }
}

/* A queue that was disabled begins anew: with nothing, till the doorbell. */
static void enabled_again(void **state)
{
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        rig_open(&r, 1, &usual);
        rings_give(rig_open(&r, 2, &usual), 32);
        for (uint32_t i = 0; i < 3; i++)
                rig_send(&r, 1, 2, 60);
        rig_poll(&r);
        for (uint32_t pool = 1; pool <= 2; pool++) {
                nic_write(r.nic, pool, 0, REG_TX(0) + REG_RING_CTRL, 0, 0);
                nic_write(r.nic, pool, 0, REG_RX(0) + REG_RING_CTRL, 0, 0);
                assert_int_equal(nic_read(r.nic, pool, 0, REG_RX(0) + REG_RING_TAIL), 0);
                rings_enable(&r.guest[pool]);
        }
        rig_poll(&r);
        assert_int_equal(rig_stats(&r, 1).tx_packets, 3);
        rig_send(&r, 1, 2, 60);
        rig_poll(&r);
        assert_int_equal(rig_stats(&r, 1).tx_packets, 4);
        assert_int_equal(rig_nic_stats(&r).in_flight, 1);
        rings_give(&r.guest[2], 1);
        rig_poll(&r);
        assert_int_equal(rig_stats(&r, 2).rx_packets, 4);
        rig_free(&r);
}

/* The ring's pages go while it is in use. */
static void rings_unmapped(void **state)
{
        struct iommu_fault fault;

        (void) state;
        for (uint32_t who = 1; who <= 2; who++) {
                const struct rings_config c = {.scattered = true};
                struct rig r;

                rig_new(&r, &standard);
                rig_open(&r, 1, &c);
                rings_give(rig_open(&r, 2, &c), 8);
                rig_send(&r, 1, 2, 60);
                rig_poll(&r);
                assert_int_equal(rig_stats(&r, 2).rx_packets, 1);
                assert_int_equal(iommu_unmap(r.guest[who].domain, RINGS_IOVA, PAGE_SIZE_4K), 0);
                rig_send(&r, 1, 2, 60);
                rig_poll(&r);
                assert_int_equal(rig_stats(&r, 2).rx_packets, 1);
                assert_int_equal(nic_mdd(r.nic, who).cause, MDD_DMA_RING);
                assert_true(iommu_next_fault(r.iommu, &fault));
                assert_int_equal(fault.rid, nic_rid(r.nic, who));
                assert_int_equal(fault.count, 0);
                assert_false(iommu_next_fault(r.iommu, &fault));
                assert_int_equal(rig_stats(&r, 2).drops[DROP_RX_FAULT], who == 2);
                rig_free(&r);
        }
}

/* Buffers that were good a moment ago: what the queue remembers of their page is void. */
static void buffers_unmapped(void **state)
{
        const struct rings_config c = {.scattered = true, .tx_distance = 4096};
        uint8_t f[100];
        struct rig r;

        (void) state;
        for (uint32_t who = 1; who <= 2; who++) {
                struct rings *g;
                uint64_t at;

                rig_new(&r, &standard);
                rig_open(&r, 1, &c);
                rings_give(rig_open(&r, 2, &c), 8);
                rig_build(f, 100, rig_mac(2), rig_mac(1), 0, 0x88b5);
                g = &r.guest[1];
                rings_write(g, g->tx_buffers, f, 100);
                for (int i = 0; i < 2; i++) {
                        const struct tx_desc d = rings_desc(rings_iova(g->tx_buffers), 100);

                        if (i == 1) {
                                at = who == 1 ? g->tx_buffers : r.guest[2].rx_buffers;
                                at &= -PAGE_SIZE_4K;
                                assert_int_equal(iommu_unmap(r.guest[who].domain, rings_iova(at),
                                                         PAGE_SIZE_4K),
                                        0);
                        }
                        rings_put(g, &d);
                        rings_ring(g);
                        rig_poll(&r);
                        assert_int_equal(rig_stats(&r, 2).rx_packets, 1);
                }
                assert_int_equal(
                        nic_mdd(r.nic, who).cause, who == 1 ? MDD_DMA_READ : MDD_DMA_WRITE);
                rig_free(&r);
        }
}

/* The shortest frame of all, whose tag is taken off, right before the end of what is mapped. */
static void shortest_at_the_end(void **state)
{
        const struct rings_config c = {.scattered = true};
        uint8_t f[18], got[14], next[64];
        uint64_t last, stranger;
        struct rig r;

        (void) state;
        rig_new(&r, &standard);
        rig_open(&r, 1, &c);
        rig_open(&r, 2, &c);
        r.pools[2].strip = true;
        rig_member(&r, 100, 1);
        rig_member(&r, 100, 2);
        rig_publish(&r);
        last = r.guest[2].size - 14;
        stranger = r.guest[2].pages[r.guest[2].size / PAGE_SIZE_4K - 1] + PAGE_SIZE_4K;
        memcpy(next, memory_at(r.memory, stranger), sizeof(next));
        rings_give(&r.guest[2], 1);
        rings_rx(&r.guest[2], 0)->address = rings_iova(last);
        rig_build(f, 18, rig_mac(2), rig_mac(1), 100, 0x88b5);
        rings_send(&r.guest[1], f, 18);
        rings_ring(&r.guest[1]);
        rig_poll(&r);
        assert_int_equal(rig_stats(&r, 2).rx_packets, 1);
        rings_read(&r.guest[2], last, got, 14);
        assert_memory_equal(got, f, 12);
        assert_memory_equal(got + 12, f + 16, 2);
        assert_memory_equal(next, memory_at(r.memory, stranger), sizeof(next));
        rig_free(&r);
}

/* A frame that would go over four buffers, one of which is not the receiver's: none of them
 * changes, nor does one that ends where nothing is mapped. */
static void receivers(void **state)
{
        const struct rings_config c = {.rx_buffer = 1024, .rx_distance = 1024};
        uint8_t f[4000], before[4096], after[4096];
        struct iommu_fault fault;
        struct rig r;

        (void) state;
        for (uint32_t bad = 0; bad < 4; bad++)
                for (int end = 0; end < 2; end++) {
                        rig_new(&r, &standard);
                        rig_open(&r, 1, &usual);
                        rings_give(rig_open(&r, 2, &c), 8);
                        rings_rx(&r.guest[2], bad)->address =
                                end ? rings_iova(r.guest[2].size) - 100 : 0x5000;
                        rings_read(&r.guest[2], r.guest[2].rx_buffers, before, 4096);
                        rig_build(f, 4000, rig_mac(2), rig_mac(1), 0, 0x88b5);
                        rings_write(&r.guest[1], 0x8000, f, 4000);
                        rings_put(&r.guest[1], &(struct tx_desc){
                                                       .address = rings_iova(0x8000),
                                                       .cmd = rings_desc(0, 4000).cmd,
                                                       .status = 4000u << TX_PAYLEN_SHIFT,
                                               });
                        rings_ring(&r.guest[1]);
                        rig_poll(&r);
                        rings_read(&r.guest[2], r.guest[2].rx_buffers, after, 4096);
                        assert_memory_equal(before, after, 4096);
                        rings_read(&r.guest[2], r.guest[2].size - 100, after, 100);
                        for (uint32_t i = 0; i < 100; i++)
                                assert_int_equal(after[i], 0);
                        rig_expect_none(&r, 2);
                        assert_int_equal(nic_mdd(r.nic, 2).cause, MDD_DMA_WRITE);
                        assert_false(nic_mdd(r.nic, 2).transmit);
                        assert_int_equal(rig_stats(&r, 2).drops[DROP_RX_FAULT], 1);
                        assert_true(iommu_next_fault(r.iommu, &fault));
                        assert_true(fault.write);
                        assert_int_equal(fault.count, 0);
                        rig_free(&r);
                }
}

/* ---- a guest that points anywhere ---- */

static uint64_t next_random(uint64_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        return *seed;
}

/* Pages of nobody, and of a guest that takes no part. */
struct canary {
        uint64_t at;
        uint8_t bytes[PAGE_SIZE_4K];
};

static void look_at(struct rig *r, const struct canary *c, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                assert_memory_equal(memory_at(r->memory, c[i].at), c[i].bytes, PAGE_SIZE_4K);
}

/* Descriptors with random addresses near and beyond what the two have, some of it read-only. */
static void anywhere(void **state)
{
        enum { CANARIES = 200 };
        const struct rings_config c = {.scattered = true, .rx_size = 64, .rx_buffer = 2048};
        struct canary *canary = calloc(CANARIES, sizeof(*canary));
        uint64_t seed = 0x1234567, at;
        uint8_t f[3000];
        struct rig r;

        (void) state;
        assert_non_null(canary);
        rig_new(&r, &standard);
        for (uint32_t i = 0; i < CANARIES; i++) {
                if (i == CANARIES / 2)
                        rig_open(&r, 1, &c);
                if (i == CANARIES / 2 + 1)
                        rig_open(&r, 2, &c);
                assert_int_equal(
                        memory_take(r.memory, PAGE_SIZE_4K, PAGE_SIZE_4K, &canary[i].at), 0);
                for (uint32_t k = 0; k < PAGE_SIZE_4K; k++)
                        canary[i].bytes[k] = (uint8_t) next_random(&seed);
                memcpy(memory_at(r.memory, canary[i].at), canary[i].bytes, PAGE_SIZE_4K);
        }
        /* The last canaries are guest 2's, to be read only. */
        for (uint32_t i = 0; i < 16; i++)
                assert_int_equal(
                        iommu_map(r.guest[2].domain, rings_iova(r.guest[2].size + i * PAGE_SIZE_4K),
                                canary[CANARIES - 1 - i].at, PAGE_SIZE_4K, IOMMU_READ, 0),
                        0);
        rig_build(f, 3000, rig_mac(2), rig_mac(1), 0, 0x88b5);
        rings_write(&r.guest[1], r.guest[1].tx_buffers, f, 3000);
        for (uint32_t i = 0; i < 20000; i++) {
                uint32_t n = 60 + (uint32_t) (next_random(&seed) % 2900);
                const struct tx_desc d = rings_desc(rings_iova(r.guest[1].tx_buffers), n);

                at = next_random(&seed) % (r.guest[2].size + 24 * PAGE_SIZE_4K);
                /* Not on its own ring: that is allowed, and another story. */
                if (at < r.guest[2].rx_buffers)
                        at += r.guest[2].rx_buffers;
                for (uint32_t k = 0; k < 2; k++)
                        rings_give(&r.guest[2], 1);
                rings_rx(&r.guest[2], (r.guest[2].rx_tail + 62) % 64)->address = rings_iova(at);
                rings_put(&r.guest[1], &d);
                rings_ring(&r.guest[1]);
                rig_poll(&r);
                if (i % 512 == 0)
                        look_at(&r, canary, CANARIES);
                if (nic_mdd(r.nic, 2).cause || i % 16 == 0) {
                        nic_reset_function(r.nic, 2);
                        rings_enable(&r.guest[2]);
                }
                while (rings_receive(&r.guest[2], f, &(struct rx_done){}))
                        ;
        }
        look_at(&r, canary, CANARIES);
        assert_true(nic_mdd_count(r.nic) > 100);
        assert_true(rig_stats(&r, 2).rx_packets > 1000);
        rig_free(&r);
        free(canary);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bad_queues),
                cmocka_unit_test(changed_while_enabled),
                cmocka_unit_test(senders),
                cmocka_unit_test(enabled_again),
                cmocka_unit_test(rings_unmapped),
                cmocka_unit_test(buffers_unmapped),
                cmocka_unit_test(shortest_at_the_end),
                cmocka_unit_test(receivers),
                cmocka_unit_test(anywhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
