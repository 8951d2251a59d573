/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside a sorter: the tables that sorter.c builds and that sorter_rules.c and sorter_burst.c look
 * things up in. Never written after sorter_new(): any thread.
 */
#pragma once

#include "sim/nic/sorter.h"

/* The pools that have one property, a bit each. */
enum pool_property {
        ACCEPT_BROADCAST,
        ACCEPT_UNTAGGED,
        ACCEPT_UNICAST_HASH,
        ACCEPT_MULTICAST_HASH,
        PROMISC_UNICAST,
        PROMISC_MULTICAST,
        PROMISC_VLAN,
        RX_ENABLED,
        PROPERTY_MAX
};

/*
 * MAC table, open addressing: MAC in bits 47:0, above it the only pool with that filter if it has
 * receive enabled, which is all the fast road needs. ranges[] has for each slot the first of its
 * filters.
 */
#define SLOT_SHIFT 48
#define SLOT_MANY  0xfffeu /* several pools, or one that is not enabled */
#define SLOT_NONE  0xffffu
#define SLOT_EMPTY UINT64_MAX

#define MAC_NEVER UINT64_MAX /* equals no frame's */

/* What is looked at first of a frame that a pool sends; one load when most is allowed. */
struct sorter_sender {
        uint64_t mac; /* its first filter; MAC_NEVER */
        uint32_t tag; /* port VLAN, as sorter_check_sender gives it */
        bool tx_enable;
        bool any_source; /* no MAC anti-spoof */
        bool any_tag;    /* no VLAN anti-spoof */
        bool no_tag;     /* port VLAN: it must not have one */
};

/* Rows of VLAN members; row_of[] has them as offsets in rows[]. */
#define ROW_UNKNOWN 0u /* VID in no filter: nobody. Also what VID 0 has, which is no VLAN */

struct sorter {
        struct frame_format format;
        uint32_t n_pools, n_words; /* words of a pool set */
        uint32_t n_ethertypes, n_mirrors, default_pool;
        bool vlan_filter, switching;
        bool plain_unicast; /* only exact filters and VLANs decide on unicast: the fast road */
        bool plain_unknown; /* and what no filter has goes from a pool to the wire alone */
        uint32_t slot_mask, slot_shift;
        uint64_t *slots;
        uint32_t *ranges;
        struct sorter_filter *filters; /* by MAC and pool, and one with MAC_NEVER behind */
        struct sorter_pool *pools;
        struct sorter_sender *senders;
        uint64_t *properties; /* PROPERTY_MAX sets */
        uint64_t *rows;
        uint64_t unicast_hash[HASH_BITS / 64], multicast_hash[HASH_BITS / 64];
        struct sorter_ethertype ethertypes[ETHERTYPE_RULES_MAX];
        struct sorter_mirror mirrors[MIRROR_RULES_MAX];
        uint32_t row_of[VLAN_KEYS];
};

static inline const uint64_t *sorter_property(const struct sorter *s, enum pool_property p)
{
        return s->properties + (size_t) p * s->n_words;
}

static inline bool pool_bit(const uint64_t *set, uint32_t pool)
{
        return set[pool / 64] >> pool % 64 & 1;
}

/* The VLAN that decides; 0: none (untagged, or a priority tag). */
static inline uint32_t sorter_vlan(const struct frame_head *h)
{
        uint32_t key = h->tagged ? frame_vlan_key(h) : 0;

        return key & VLAN_KEY_VID ? key : 0;
}

static inline uint32_t sorter_slot_home(const struct sorter *s, uint64_t mac)
{
        return (uint32_t) (mac * UINT64_C(0x9e3779b97f4a7c15) >> s->slot_shift);
}

/* The slot of a MAC, or the empty one where it would be. */
static inline uint32_t sorter_slot(const struct sorter *s, uint64_t mac)
{
        uint32_t i = sorter_slot_home(s, mac);

        while (s->slots[i] != SLOT_EMPTY && (s->slots[i] & MAC_MASK) != mac)
                i = (i + 1) & s->slot_mask;
        return i;
}

/* The filters with a MAC: from here, as long as they have it. */
static inline const struct sorter_filter *sorter_filters(const struct sorter *s, uint64_t mac)
{
        return s->filters + s->ranges[sorter_slot(s, mac)];
}
