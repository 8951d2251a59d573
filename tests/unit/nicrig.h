/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine around a NIC for tests: memory, IOMMU, interrupts, a wire whose both directions are
 * arrays, a sorter that the test writes. Guests are raw rings (rings.h). After every pass frames
 * are conserved, or the test fails.
 */
#pragma once

#include "rings.h"
#include "unit.h"

#define RIG_POOLS   9u
#define RIG_FRAMES  512u
#define RIG_MEMBERS 64u

struct rig_frame {
        uint32_t n;
        uint8_t bytes[FRAME_MAX + 4];
};

struct rig_wire {
        struct rig_frame *in, *out; /* RIG_FRAMES each */
        uint32_t n_in, given;       /* to come; of these the NIC has */
        uint32_t n_out, room;       /* room: what it takes still; UINT32_MAX: all */
};

struct rig {
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        struct nic *nic;
        struct sorter_config c;
        struct sorter_pool pools[RIG_POOLS];
        struct sorter_filter filters[2 * RIG_POOLS];
        struct sorter_member members[RIG_MEMBERS];
        struct rings guest[RIG_POOLS];
        bool open[RIG_POOLS];
        struct rig_wire wire;
        uint64_t now;
};

static inline uint64_t rig_mac(uint32_t pool)
{
        return 0x0002u | (uint64_t) pool << 40;
}

static inline uint32_t rig_wire_receive(void *port, struct port_frame *frames, uint32_t n)
{
        struct rig_wire *w = port;
        uint32_t k = 0;

        for (; k < n && w->given < w->n_in; k++, w->given++)
                frames[k] = (struct port_frame){w->in[w->given].bytes, w->in[w->given].n};
        return k;
}

static inline uint32_t rig_wire_transmit(void *port, const struct port_frame *frames, uint32_t n)
{
        struct rig_wire *w = port;
        uint32_t k = 0;

        for (; k < n && w->room > 0; k++) {
                if (w->room != UINT32_MAX)
                        w->room--;
                assert_true(w->n_out < RIG_FRAMES);
                w->out[w->n_out].n = frames[k].length;
                memcpy(w->out[w->n_out++].bytes, frames[k].bytes, frames[k].length);
        }
        return k;
}

static const struct port_ops rig_wire_ops = {rig_wire_receive, rig_wire_transmit};

/* What r->c says becomes the NIC's. */
static inline void rig_publish(struct rig *r)
{
        struct sorter *s = NULL;

        assert_int_equal(sorter_new(&r->c, &s), 0);
        nic_publish(r->nic, s);
}

static inline void rig_member(struct rig *r, uint16_t vlan, uint32_t pool)
{
        assert_true(r->c.n_members < RIG_MEMBERS);
        r->members[r->c.n_members++] = (struct sorter_member){vlan, pool};
}

/* Every pool with its MAC, broadcast, anti-spoof of both kinds, the VLAN filter on, VEB. */
static inline void rig_new(struct rig *r, const struct nic_config *config)
{
        struct nic_config c = *config;

        memset(r, 0, sizeof(*r));
        assert_int_equal(memory_new(UINT64_C(256) << 20, &r->memory), 0);
        assert_int_equal(iommu_new(r->memory, true, &r->iommu), 0);
        assert_int_equal(irq_new(r->iommu, true, &r->irq), 0);
        c.memory = r->memory;
        c.iommu = r->iommu;
        c.irq = r->irq;
        c.pf_rid = 0x100;
        c.vf_offset = 0x10;
        c.vf_stride = 2;
        c.max_vfs = RIG_POOLS - 1;
        c.queues = c.queues ?: 1;
        c.pf_vectors = c.vf_vectors = 3;
        assert_int_equal(nic_new(&c, &r->nic), 0);
        iommu_on_invalidate(r->iommu, nic_quiesce, r->nic);
        assert_int_equal(nic_enable_vfs(r->nic, RIG_POOLS - 1), 0);
        r->c = (struct sorter_config){
                .n_pools = RIG_POOLS,
                .pools = r->pools,
                .filters = r->filters,
                .n_filters = RIG_POOLS,
                .members = r->members,
                .vlan_filter = true,
                .switching = true,
                .default_pool = POOL_NONE,
        };
        for (uint32_t i = 0; i < RIG_POOLS; i++) {
                r->pools[i] = (struct sorter_pool){
                        .rx_enable = true,
                        .tx_enable = true,
                        .broadcast = true,
                        .untagged = true,
                        .mac_antispoof = true,
                        .vlan_antispoof = true,
                        .max_frame = FRAME_MAX,
                };
                r->filters[i] = (struct sorter_filter){rig_mac(i), i};
        }
        rig_publish(r);
        r->wire.in = calloc(RIG_FRAMES, sizeof(*r->wire.in));
        r->wire.out = calloc(RIG_FRAMES, sizeof(*r->wire.out));
        r->wire.room = UINT32_MAX;
        assert_true(r->wire.in && r->wire.out);
        nic_set_port(r->nic, &rig_wire_ops, &r->wire);
        r->now = 1000000;
}

static inline struct rings *rig_open(struct rig *r, uint32_t pool, const struct rings_config *c)
{
        rings_open(&r->guest[pool], r->nic, pool, c);
        r->open[pool] = true;
        return &r->guest[pool];
}

static inline void rig_check(struct rig *r)
{
        char why[320];

        if (!nic_conserved(r->nic, why, sizeof(why)))
                fail_msg("%s", why);
}

/* Passes until nothing moves any more, at one time. Returns how many frames moved. */
static inline uint32_t rig_poll(struct rig *r)
{
        uint32_t sum = 0, n, passes = 0;

        while ((n = nic_poll(r->nic, r->now)) > 0) {
                sum += n;
                rig_check(r);
                assert_true(++passes < 100000);
        }
        rig_check(r);
        return sum;
}

/* The end: every frame is somewhere, and nobody wrote where nobody may. */
static inline void rig_free(struct rig *r)
{
        rig_check(r);
        for (uint32_t i = 0; i < RIG_POOLS; i++)
                if (r->open[i])
                        rings_close(&r->guest[i]);
        rig_check(r);
        nic_free(r->nic);
        irq_free(r->irq);
        iommu_free(r->iommu);
        memory_free(r->memory);
        free(r->wire.in);
        free(r->wire.out);
}

/* ---- frames ---- */

/* An Ethernet header, a tag if tci is not 0, and bytes that count up. Returns n. */
static inline uint32_t rig_build(
        uint8_t *f, uint32_t n, uint64_t dst, uint64_t src, uint32_t tci, uint16_t ethertype)
{
        uint32_t at = 12;

        memcpy(f, &dst, 6);
        memcpy(f + 6, &src, 6);
        if (tci) {
                f[at++] = 0x81;
                f[at++] = 0;
                f[at++] = (uint8_t) (tci >> 8);
                f[at++] = (uint8_t) tci;
        }
        f[at++] = (uint8_t) (ethertype >> 8);
        f[at++] = (uint8_t) ethertype;
        for (; at < n; at++)
                f[at] = (uint8_t) (at * 7 + n);
        return n;
}

/* To be sent by one pool to another; n bytes. */
static inline void rig_send(struct rig *r, uint32_t from, uint32_t to, uint32_t n)
{
        uint8_t f[FRAME_MAX];

        rig_build(f, n, rig_mac(to), rig_mac(from), 0, 0x88b5);
        rings_send(&r->guest[from], f, n);
        rings_ring(&r->guest[from]);
}

/* To come by the wire. */
static inline void rig_arrive(struct rig *r, const uint8_t *f, uint32_t n)
{
        assert_true(r->wire.n_in < RIG_FRAMES && n <= sizeof(r->wire.in->bytes));
        r->wire.in[r->wire.n_in].n = n;
        memcpy(r->wire.in[r->wire.n_in++].bytes, f, n);
}

/* The next frame that a pool has is this one. */
static inline struct rx_done rig_expect(struct rig *r, uint32_t pool, const uint8_t *f, uint32_t n)
{
        uint8_t got[FRAME_MAX + 4];
        struct rx_done d = {};

        assert_int_equal(rings_receive(&r->guest[pool], got, &d), n);
        assert_memory_equal(got, f, n);
        return d;
}

static inline void rig_expect_none(struct rig *r, uint32_t pool)
{
        uint8_t got[FRAME_MAX + 4];
        struct rx_done d;

        assert_int_equal(rings_receive(&r->guest[pool], got, &d), 0);
}

static inline struct pool_stats rig_stats(const struct rig *r, uint32_t pool)
{
        struct pool_stats s;

        nic_pool_stats(r->nic, pool, &s);
        return s;
}

static inline struct nic_stats rig_nic_stats(const struct rig *r)
{
        struct nic_stats s;

        nic_stats(r->nic, &s);
        return s;
}
