/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The L2 sorter: which pools (and whether the wire) get a frame. The rules and their order are
 * those of the Intel X550 datasheet 7.8.3 to 7.8.5 and of IEEE 802.1Q; each rule is a function
 * named for it in sorter_rules.c.
 *
 * Two roads through the same tables: sorter_walk() goes rule by rule and can tell of each (what
 * `sriov-sim trace` prints, and everything unusual), sorter_burst() takes the common case (unicast
 * to one exact filter) without a branch per rule and hands the rest to sorter_walk(). That they
 * agree, and agree with the table in tests/oracle, is tested on millions of random pairs.
 *
 * The PF driver writes a struct sorter_config and builds from it; a struct sorter never changes.
 * It is published by a pointer swap (nic.h). Any thread.
 */
#pragma once

#include "sim/nic/frame.h"
#include "sim/nic/stats.h"

/* Pool 0 is the PF, pool n + 1 is VF n. */
#define POOL_PF    0u
#define POOLS_MAX  4097u
#define POOL_WORDS ((POOLS_MAX + 63) / 64)
#define POOL_NONE  UINT32_MAX

static inline uint32_t pool_of_vf(uint32_t vf)
{
        return vf + 1;
}

struct pool_set {
        uint64_t w[POOL_WORDS]; /* words beyond the sorter's n_words are not looked at */
};

/* ---- what the PF driver writes ---- */

struct sorter_pool {
        bool rx_enable, tx_enable;
        bool broadcast;      /* accepts it (BAM) */
        bool untagged;       /* accepts untagged and priority-tagged frames (AUPE) */
        bool unicast_hash;   /* accepts unicast that the hash table holds (ROPE) */
        bool multicast_hash; /* accepts multicast that the hash table holds (ROMPE) */
        bool unicast_promisc, multicast_promisc, vlan_promisc; /* UPE, MPE, VPE */
        bool mac_antispoof;
        bool vlan_antispoof; /* in force only together with mac_antispoof */
        bool self_loopback;  /* gets its own frames back (LLE) */
        bool source_prune;   /* gets nothing from the wire with a source MAC of its own (PFFLP) */
        bool strip;          /* tags of members' VLANs are taken off and put in the descriptor */
        uint16_t port_vlan;  /* key (frame.h), 0: none: forced on all it sends, stripped for it */
        uint8_t port_qos;    /* 0 to 7, of that VLAN */
        uint32_t max_frame;  /* longest it receives, tag included */
};

struct sorter_filter {
        uint64_t mac; /* exact unicast or multicast */
        uint32_t pool;
};

struct sorter_member {
        uint16_t vlan; /* key; VID 0 is no VLAN, an entry for it changes nothing */
        uint32_t pool; /* POOL_NONE: the VID is in the filter table, with no member by this entry */
};

struct sorter_ethertype {
        uint16_t ethertype;
        uint32_t pool; /* replaces the set; POOL_NONE: drop */
};

enum mirror_kind {
        MIRROR_POOL,     /* what goes to pool `source` */
        MIRROR_VLAN,     /* what has VLAN key `vlan` and a receiver, be it the wire */
        MIRROR_UPLINK,   /* what comes from the wire and has a receiver */
        MIRROR_DOWNLINK, /* what goes to the wire */
};

struct sorter_mirror {
        enum mirror_kind kind;
        uint32_t source;
        uint16_t vlan;
        uint32_t to;
};

#define ETHERTYPE_RULES_MAX 8u
#define MIRROR_RULES_MAX    4u
#define HASH_BITS           4096u

struct sorter_config {
        struct frame_format format;
        uint32_t n_pools; /* 1 (the PF alone) to POOLS_MAX */
        const struct sorter_pool *pools;
        const struct sorter_filter *filters; /* several pools may have one MAC */
        size_t n_filters;
        const struct sorter_member *members;
        size_t n_members;
        uint64_t unicast_hash[HASH_BITS / 64], multicast_hash[HASH_BITS / 64]; /* sorter_hash() */
        struct sorter_ethertype ethertypes[ETHERTYPE_RULES_MAX];
        uint32_t n_ethertypes;
        struct sorter_mirror mirrors[MIRROR_RULES_MAX];
        uint32_t n_mirrors;
        bool vlan_filter;      /* rule 6 is in force */
        bool switching;        /* local switching: on is VEB, off is VEPA */
        uint32_t default_pool; /* for what nobody wants from the wire; POOL_NONE */
};

/* The 12 bits of a MAC that the hash tables are indexed by: bits 47:36 (82576 MO = 0). */
static inline uint32_t sorter_hash(uint64_t mac)
{
        return (uint32_t) (mac >> 36) & 0xfff;
}

struct sorter;

/*
 * Builds the tables. -EINVAL: n_pools or a pool out of range, VID 4095, a port VLAN of VID 0, QoS
 * above 7, a MAC of more than 48 bits, a rule too many. -ENOMEM.
 */
int sorter_new(const struct sorter_config *config, struct sorter **ret);
void sorter_free(struct sorter *s);
DEFINE_CLEANUP(struct sorter *, sorter_free)

/* ---- where a frame goes ---- */

/* Where it comes from. */
#define FROM_WIRE UINT32_MAX

struct verdict {
        enum drop_reason reason; /* why there is no receiver at all; else DROP_NONE */
        bool wire;               /* goes (also) to the wire */
        bool mirrored;           /* some receivers are there by mirror rules */
        uint32_t n;              /* local receivers, without the wire */
        uint32_t pool;           /* the first of them; POOL_NONE if n is 0 */
};

/* The rules, in their order: what sorter_walk() tells of. */
enum sorter_rule {
        RULE_RESERVED, /* instead of the next five and of DEFAULT, ETHERTYPE and MIRROR */
        RULE_EXACT,
        RULE_BROADCAST,
        RULE_UNICAST_HASH,
        RULE_MULTICAST_HASH,
        RULE_PROMISC,
        RULE_VLAN,
        RULE_DEFAULT, /* from the wire */
        RULE_ETHERTYPE,
        RULE_SOURCE, /* source pruning; from a pool: its own removal */
        RULE_ENABLED,
        RULE_WIRE, /* from a pool: does the wire get it */
        RULE_MIRROR,
        RULE_MAX
};
const char *sorter_rule_name(enum sorter_rule rule); /* "exact destination MAC", ... */

/* Called after each rule that this frame has to pass, with the set as it is then. */
struct sorter_trace {
        void (*rule)(void *userdata, enum sorter_rule rule, const struct pool_set *set,
                uint32_t n_pools);
        void *userdata;
};

/*
 * Where a frame goes, rule by rule. from: FROM_WIRE or the pool that sent it (after
 * sorter_check_sender, h with the tag it has on the wire). set is scratch memory, and says who when
 * ret->n > 0. trace may be NULL. Receivers' maximum length and descriptors are not looked at here
 * (rule 12).
 */
void sorter_walk(const struct sorter *s, uint32_t from, const struct frame_head *h,
        struct pool_set *set, struct verdict *ret, const struct sorter_trace *trace);

/* The same for frames of one origin; sets[i] says who only when ret[i].n > 1. */
void sorter_burst(const struct sorter *s, uint32_t from, const struct frame_head *heads, uint32_t n,
        struct verdict *ret, struct pool_set *sets);

/*
 * Rules 1 to 4 for what a pool sends: transmit enabled, MAC anti-spoof, VLAN anti-spoof, port VLAN.
 * DROP_NONE: it may go on. *ret_tag: 0, or TPID << 16 | TCI that the NIC inserts (port VLAN).
 * h is the frame as the guest gave it, a tag asked for in its descriptor included.
 */
enum drop_reason sorter_check_sender(
        const struct sorter *s, uint32_t pool, const struct frame_head *h, uint32_t *ret_tag);

/* The same for frames of one pool. *ret_tag is that of every frame that may go on. Returns how many
 * may. */
uint32_t sorter_check_burst(const struct sorter *s, uint32_t pool, const struct frame_head *heads,
        uint32_t n, enum drop_reason *ret, uint32_t *ret_tag);

const struct sorter_pool *sorter_pool(const struct sorter *s, uint32_t pool);
const struct frame_format *sorter_format(const struct sorter *s);
uint32_t sorter_n_pools(const struct sorter *s);

/* The next pool of the set at or after `at`; POOL_NONE at the end. */
uint32_t pool_set_next(const struct pool_set *set, uint32_t n_pools, uint32_t at);
