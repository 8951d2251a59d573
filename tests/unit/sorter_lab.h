/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sorter to try rules on: four pools (the PF and three VFs) that receive, send and take broadcast
 * and untagged frames; pool n has a MAC of its own; VLAN 100 is pools 1 and 2, VLAN 200 pools 2 and
 * 3, VLAN 300 is in the filter table and nobody's. A setup says what is otherwise.
 */
#pragma once

#include "sim/nic/sorter.h"
#include "unit.h"

#define POOLS  4u
#define PF     0x1u /* pool sets */
#define VF0    0x2u
#define VF1    0x4u
#define VF2    0x8u
#define TAG    0x81000000u
#define S_TAG  0x88a80000u
#define LIST   12
#define CHANGE 4

/* A MAC as it is written, as a number as it is in a frame. */
static inline uint64_t mac(uint64_t written)
{
        return be64toh(written << 16);
}

#define BROADCAST 0xffffffffffff
#define GROUP     0x01005e000001
#define LLDP      0x0180c200000e
#define STRANGER  0x020000000099
#define MAC_PF    0x020000000000
#define MAC_0     0x020000000001 /* of VF 0 */
#define MAC_1     0x020000000002
#define MAC_2     0x020000000003

static inline uint64_t mac_of(uint64_t pool)
{
        return MAC_PF + pool;
}

struct flag {
        uint32_t pool;
        size_t at;
};
#define AT(pool, field)                                                                            \
        {                                                                                          \
                pool, offsetof(struct sorter_pool, field) + 1                                      \
        }

/* What is other than usual. */
struct setup {
        struct flag on[CHANGE], off[CHANGE];
        struct sorter_filter filters[CHANGE]; /* MACs as written */
        struct sorter_member members[CHANGE];
        struct sorter_ethertype ethertypes[2];
        struct sorter_mirror mirrors[2];
        uint32_t n_ethertypes, n_mirrors;
        uint64_t hash;       /* a MAC that both hash tables hold */
        uint32_t default_vf; /* 1: VF 0 */
        uint16_t port_vlan;  /* of VF 0, with QoS 5 */
        bool vepa, no_vlan_filter;
        struct frame_format format;
};

struct lab {
        struct sorter_config c;
        struct sorter_pool pools[POOLS];
        struct sorter_filter filters[LIST];
        struct sorter_member members[LIST];
        struct sorter *sorter;
};

static inline void add_filter(struct lab *l, uint64_t written, uint32_t pool)
{
        l->filters[l->c.n_filters++] = (struct sorter_filter){mac(written), pool};
}

static inline void add_member(struct lab *l, uint32_t vlan, uint32_t pool)
{
        l->members[l->c.n_members++] = (struct sorter_member){(uint16_t) vlan, pool};
}

static inline void set_flags(struct lab *l, const struct flag *flags, bool value)
{
        for (uint32_t i = 0; i < CHANGE && flags[i].at; i++)
                *((bool *) &l->pools[flags[i].pool] + flags[i].at - 1) = value;
}

static inline void lab_init(struct lab *l, const struct setup *s)
{
        uint32_t bit = sorter_hash(mac(s->hash));

        *l = (struct lab){.c = {.format = s->format,
                                  .n_pools = POOLS,
                                  .pools = l->pools,
                                  .filters = l->filters,
                                  .members = l->members,
                                  .n_ethertypes = s->n_ethertypes,
                                  .n_mirrors = s->n_mirrors,
                                  .vlan_filter = !s->no_vlan_filter,
                                  .switching = !s->vepa,
                                  .default_pool = s->default_vf ? s->default_vf : POOL_NONE}};
        for (uint32_t i = 0; i < POOLS; i++) {
                l->pools[i] = (struct sorter_pool){.rx_enable = true,
                        .tx_enable = true,
                        .broadcast = true,
                        .untagged = true,
                        .max_frame = 1522};
                add_filter(l, mac_of(i), i);
        }
        add_member(l, 100, 1);
        add_member(l, 100, 2);
        add_member(l, 200, 2);
        add_member(l, 200, 3);
        add_member(l, 300, POOL_NONE);
        for (uint32_t i = 0; i < CHANGE && s->filters[i].mac; i++)
                add_filter(l, s->filters[i].mac, s->filters[i].pool);
        for (uint32_t i = 0; i < CHANGE && s->members[i].vlan; i++)
                add_member(l, s->members[i].vlan, s->members[i].pool);
        memcpy(l->c.ethertypes, s->ethertypes, sizeof(s->ethertypes));
        memcpy(l->c.mirrors, s->mirrors, sizeof(s->mirrors));
        if (s->hash) {
                l->c.unicast_hash[bit / 64] = UINT64_C(1) << bit % 64;
                l->c.multicast_hash[bit / 64] = UINT64_C(1) << bit % 64;
        }
        l->pools[1].port_vlan = s->port_vlan;
        l->pools[1].port_qos = s->port_vlan ? 5 : 0;
        set_flags(l, s->on, true);
        set_flags(l, s->off, false);
        assert_int_equal(sorter_new(&l->c, &l->sorter), 0);
}

/* Addresses as written; tags TPID << 16 | TCI, 0: none. */
static inline struct frame_head head_of(const struct lab *l, uint64_t dst, uint64_t src,
        uint32_t outer, uint32_t inner, uint32_t type)
{
        const uint32_t tags[] = {outer, inner, (type ? type : 0x0800) << 16};
        uint8_t bytes[FRAME_HEADER] = {0};
        uint32_t at = 12;
        struct frame_head head;

        dst = mac(dst), src = mac(src);
        memcpy(bytes, &dst, 6);
        memcpy(bytes + 6, &src, 6);
        for (size_t i = 0; i < ELEMENTSOF(tags); i++)
                for (int b = 24; tags[i] && b >= 0; b -= 8)
                        bytes[at++] = (uint8_t) (tags[i] >> b);
        frame_parse(bytes, 60, &l->c.format, &head);
        return head;
}
