/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the sorter as a table: what each is called, which frames it is for, and what it
 * does. The order of the table is the order of the rules. Slow on purpose. One thread.
 */
#include "sorter_reference.h"

struct state {
        const struct sorter_config *c;
        uint32_t from;
        const uint8_t *dst, *src; /* six bytes each, in the frame */
        const uint8_t *rest;      /* from where the next tag or the Ethertype is, */
        uint32_t left;            /* so many bytes */
        bool tagged;
        uint32_t tpid, tci;
        bool no_vlan;      /* the tag's VID is no VLAN's */
        bool vlan_promisc; /* counts as membership */
        bool refused;      /* by the VLAN filter: no pool any more */
        bool mirror_to[POOLS_MAX];
        struct reference_answer *answer;
};

struct rule {
        const char *name;
        bool (*is_for)(const struct state *t);
        /* one of these: pools that join, pools that stay, or something else */
        bool (*joins)(const struct state *t, uint32_t pool);
        bool (*stays)(const struct state *t, uint32_t pool);
        void (*act)(struct state *t);
        enum drop_reason reason; /* of a frame that has lost its last pool by `stays` */
};

/* ---- words the rules are written with ---- */

static const uint8_t all_ones[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t bridge_group[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

static uint32_t be16(const uint8_t *b)
{
        return b[0] * 256u + b[1];
}

static bool always(const struct state *t)
{
        return t != NULL;
}

static bool broadcast(const struct state *t)
{
        return memcmp(t->dst, all_ones, 6) == 0;
}

static bool unicast(const struct state *t)
{
        return t->dst[0] % 2 == 0;
}

static bool multicast(const struct state *t)
{
        return !unicast(t) && !broadcast(t);
}

static bool reserved(const struct state *t)
{
        return memcmp(t->dst, bridge_group, 5) == 0 && t->dst[5] < 16;
}

static bool by_wire(const struct state *t)
{
        return t->from == FROM_WIRE;
}

static bool by_pool(const struct state *t)
{
        return t->from != FROM_WIRE;
}

/* Pool selection by address is for what the sorter relays. */
static bool relayed(const struct state *t)
{
        return !reserved(t) && (by_wire(t) || t->c->switching);
}

static const struct sorter_pool *sender(const struct state *t)
{
        return &t->c->pools[t->from];
}

static bool anybody(const struct state *t)
{
        for (uint32_t i = 0; i < t->c->n_pools; i++)
                if (t->answer->pools[i])
                        return true;
        return false;
}

static bool is_mac(uint64_t number, const uint8_t *mac)
{
        for (unsigned b = 0; b < 6; b++)
                if ((number >> 8 * b) % 256 != mac[b])
                        return false;
        return true;
}

static bool has_filter(const struct state *t, uint32_t pool, const uint8_t *mac)
{
        for (size_t i = 0; i < t->c->n_filters; i++)
                if (t->c->filters[i].pool == pool && is_mac(t->c->filters[i].mac, mac))
                        return true;
        return false;
}

/* Bits 47:36 of the address: its last octet and half of the one before. */
static bool in_hash_table(const struct state *t, const uint64_t *table)
{
        uint32_t bit = t->dst[5] * 16u + t->dst[4] / 16u;

        return table[bit / 64] >> bit % 64 & 1;
}

/* Whether an entry of the VLAN filter is for the tag's VLAN (any pool: POOLS_MAX). */
static bool has_vlan(const struct state *t, uint32_t pool)
{
        for (size_t i = 0; i < t->c->n_members; i++) {
                const struct sorter_member *m = &t->c->members[i];

                if (m->vlan % 4096 == t->tci % 4096 && m->vlan / 4096 == (t->tpid == 0x88a8) &&
                        (pool == POOLS_MAX || m->pool == pool))
                        return true;
        }
        return false;
}

static bool has_a_vlan(const struct state *t)
{
        return t->tagged && !t->no_vlan;
}

/* ---- which tag decides ---- */

static bool outer_tag(const struct state *t)
{
        return t->c->format.double_vlan && t->left >= 6 && be16(t->rest) == t->c->format.outer_tpid;
}

static void pass_over(struct state *t)
{
        t->rest += 4;
        t->left -= 4;
}

static bool customer_tag(const struct state *t)
{
        return !t->tagged && t->left >= 6 && be16(t->rest) == 0x8100;
}

static bool service_tag(const struct state *t)
{
        return t->c->format.service_tags && !t->tagged && t->left >= 6 && be16(t->rest) == 0x88a8;
}

static void take_tag(struct state *t)
{
        t->tagged = true;
        t->tpid = be16(t->rest);
        t->tci = be16(t->rest + 2);
        pass_over(t);
}

static bool vid_zero(const struct state *t)
{
        return t->tagged && t->tci % 4096 == 0;
}

static void is_no_vlan(struct state *t)
{
        t->no_vlan = true;
}

/* ---- what a pool may send: the first rule that forbids it says why ---- */

static bool may_send(const struct state *t)
{
        return by_pool(t) && t->answer->sender == DROP_NONE;
}

static bool tx_disabled(const struct state *t)
{
        return may_send(t) && !sender(t)->tx_enable;
}

static void forbid_tx(struct state *t)
{
        t->answer->sender = DROP_TX_DISABLED;
}

static bool spoofs_mac(const struct state *t)
{
        return may_send(t) && sender(t)->mac_antispoof && !has_filter(t, t->from, t->src);
}

static void forbid_mac(struct state *t)
{
        t->answer->sender = DROP_SPOOF_MAC;
}

static bool spoofs_vlan(const struct state *t)
{
        return may_send(t) && sender(t)->mac_antispoof && sender(t)->vlan_antispoof &&
               has_a_vlan(t) && !has_vlan(t, t->from);
}

static void forbid_vlan(struct state *t)
{
        t->answer->sender = DROP_SPOOF_VLAN;
}

static bool tag_under_port_vlan(const struct state *t)
{
        return may_send(t) && sender(t)->port_vlan && t->tagged;
}

static void forbid_tag(struct state *t)
{
        t->answer->sender = DROP_PORT_VLAN;
}

static bool port_vlan(const struct state *t)
{
        return may_send(t) && sender(t)->port_vlan;
}

static void insert_tag(struct state *t)
{
        t->tagged = true;
        t->no_vlan = false;
        t->tpid = sender(t)->port_vlan >= 4096 ? 0x88a8 : 0x8100;
        t->tci = sender(t)->port_qos * 8192u + sender(t)->port_vlan % 4096;
        t->answer->tag = t->tpid * 65536u + t->tci;
}

/* ---- pool selection ---- */

static bool reserved_to_pf(const struct state *t)
{
        return reserved(t) && t->from != 0;
}

static bool is_pf(const struct state *t, uint32_t pool)
{
        (void) t;
        return pool == 0;
}

static bool owns_destination(const struct state *t, uint32_t pool)
{
        return has_filter(t, pool, t->dst);
}

static bool relayed_broadcast(const struct state *t)
{
        return relayed(t) && broadcast(t);
}

static bool accepts_broadcast(const struct state *t, uint32_t pool)
{
        return t->c->pools[pool].broadcast;
}

static bool hashed_unicast(const struct state *t)
{
        return relayed(t) && unicast(t) && !anybody(t) && in_hash_table(t, t->c->unicast_hash);
}

static bool accepts_unicast_hash(const struct state *t, uint32_t pool)
{
        return t->c->pools[pool].unicast_hash;
}

static bool hashed_multicast(const struct state *t)
{
        return relayed(t) && multicast(t) && !anybody(t) && in_hash_table(t, t->c->multicast_hash);
}

static bool accepts_multicast_hash(const struct state *t, uint32_t pool)
{
        return t->c->pools[pool].multicast_hash;
}

static bool relayed_multicast(const struct state *t)
{
        return relayed(t) && multicast(t);
}

static bool wants_all_multicast(const struct state *t, uint32_t pool)
{
        return t->c->pools[pool].multicast_promisc;
}

static bool relayed_unicast(const struct state *t)
{
        return relayed(t) && unicast(t);
}

static bool wants_all_unicast(const struct state *t, uint32_t pool)
{
        return t->c->pools[pool].unicast_promisc;
}

static bool vlan_in_force(const struct state *t)
{
        return t->c->vlan_filter && (relayed(t) || reserved_to_pf(t));
}

static bool vlan_unknown(const struct state *t)
{
        return vlan_in_force(t) && has_a_vlan(t) && !has_vlan(t, POOLS_MAX);
}

static void refuse(struct state *t)
{
        memset(t->answer->pools, 0, t->c->n_pools);
        t->refused = true;
        t->answer->reason = DROP_VLAN;
}

static void let_vlan_promisc_in(struct state *t)
{
        t->vlan_promisc = true;
}

static bool vlan_known(const struct state *t)
{
        return vlan_in_force(t) && has_a_vlan(t) && !t->refused;
}

static bool is_member(const struct state *t, uint32_t pool)
{
        return has_vlan(t, pool) || (t->vlan_promisc && t->c->pools[pool].vlan_promisc);
}

static bool no_vlan(const struct state *t)
{
        return vlan_in_force(t) && !has_a_vlan(t);
}

static bool accepts_untagged(const struct state *t, uint32_t pool)
{
        return t->c->pools[pool].untagged;
}

static bool nobody_wants_it(const struct state *t)
{
        return relayed(t) && by_wire(t) && !anybody(t) && !t->refused &&
               t->c->default_pool != POOL_NONE;
}

static bool is_default(const struct state *t, uint32_t pool)
{
        return pool == t->c->default_pool;
}

static const struct sorter_ethertype *ethertype_of(const struct state *t)
{
        for (uint32_t i = 0; i < t->c->n_ethertypes; i++)
                if (t->c->ethertypes[i].ethertype == be16(t->rest))
                        return &t->c->ethertypes[i];
        return NULL;
}

static bool has_ethertype_rule(const struct state *t)
{
        return relayed(t) && !t->refused && ethertype_of(t);
}

static void replace(struct state *t)
{
        const struct sorter_ethertype *e = ethertype_of(t);

        memset(t->answer->pools, 0, t->c->n_pools);
        if (e->pool == POOL_NONE)
                t->answer->reason = DROP_ETHERTYPE;
        else
                t->answer->pools[e->pool] = true;
}

static bool is_not_its_source(const struct state *t, uint32_t pool)
{
        return !t->c->pools[pool].source_prune || !has_filter(t, pool, t->src);
}

static bool is_not_its_sender(const struct state *t, uint32_t pool)
{
        return pool != t->from || t->c->pools[pool].self_loopback;
}

static bool receives(const struct state *t, uint32_t pool)
{
        return t->c->pools[pool].rx_enable;
}

/* ---- what the wire gets ---- */

static void to_wire(struct state *t)
{
        t->answer->wire = true;
}

static bool reserved_of_pf(const struct state *t)
{
        return reserved(t) && t->from == 0;
}

static bool vepa(const struct state *t)
{
        return by_pool(t) && !reserved(t) && !t->c->switching;
}

static bool switched(const struct state *t)
{
        return by_pool(t) && relayed(t);
}

static bool switched_group(const struct state *t)
{
        return switched(t) && !unicast(t);
}

static uint32_t owners(const struct state *t, bool receiving)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < t->c->n_pools; i++)
                n += has_filter(t, i, t->dst) && (!receiving || receives(t, i));
        return n;
}

static bool switched_unknown(const struct state *t)
{
        return switched(t) && unicast(t) && owners(t, false) == 0;
}

static bool switched_to_disabled(const struct state *t)
{
        return switched(t) && unicast(t) && owners(t, false) > 0 && owners(t, true) == 0;
}

/* ---- mirrors ---- */

static void aim(struct state *t, enum mirror_kind kind, bool fits)
{
        for (uint32_t i = 0; i < t->c->n_mirrors && fits; i++) {
                const struct sorter_mirror *m = &t->c->mirrors[i];

                if (m->kind == kind && (kind != MIRROR_POOL || t->answer->pools[m->source]) &&
                        (kind != MIRROR_VLAN || (m->vlan % 4096 == t->tci % 4096 &&
                                                        m->vlan / 4096 == (t->tpid == 0x88a8))))
                        t->mirror_to[m->to] = true;
        }
}

static void mirror_pools(struct state *t)
{
        aim(t, MIRROR_POOL, true);
}

static void mirror_vlans(struct state *t)
{
        aim(t, MIRROR_VLAN, t->tagged && (anybody(t) || t->answer->wire));
}

static void mirror_uplink(struct state *t)
{
        aim(t, MIRROR_UPLINK, by_wire(t) && anybody(t));
}

static void mirror_downlink(struct state *t)
{
        aim(t, MIRROR_DOWNLINK, t->answer->wire);
}

static bool has_mirrors(const struct state *t)
{
        return relayed(t) && t->c->n_mirrors > 0;
}

static void check_mirrors(struct state *t)
{
        for (uint32_t i = 0; i < t->c->n_pools; i++)
                t->mirror_to[i] = t->mirror_to[i] && receives(t, i);
}

static void add_mirrors(struct state *t)
{
        for (uint32_t i = 0; i < t->c->n_pools; i++)
                if (t->mirror_to[i] && !t->answer->pools[i])
                        t->answer->pools[i] = t->answer->mirrored = true;
}

/* ---- the table ---- */

static const struct rule rules[] = {
        /* Which tag decides. */
        {"an outer tag is passed over", outer_tag, .act = pass_over},
        {"a customer tag decides", customer_tag, .act = take_tag},
        {"a service tag decides", service_tag, .act = take_tag},
        {"VID 0 is no VLAN", vid_zero, .act = is_no_vlan},
        /* From a guest, 1 to 4. */
        {"transmit enabled", tx_disabled, .act = forbid_tx},
        {"MAC anti-spoof", spoofs_mac, .act = forbid_mac},
        {"VLAN anti-spoof", spoofs_vlan, .act = forbid_vlan},
        {"no tag under a port VLAN", tag_under_port_vlan, .act = forbid_tag},
        {"port VLAN is inserted", port_vlan, .act = insert_tag},
        /* Pool selection. */
        {"reserved addresses are the PF's", reserved_to_pf, .joins = is_pf},
        {"1 exact destination", relayed, .joins = owns_destination},
        {"2 broadcast", relayed_broadcast, .joins = accepts_broadcast},
        {"3 unicast hash", hashed_unicast, .joins = accepts_unicast_hash},
        {"4 multicast hash", hashed_multicast, .joins = accepts_multicast_hash},
        {"5 multicast promiscuous", relayed_multicast, .joins = wants_all_multicast},
        {"5 unicast promiscuous", relayed_unicast, .joins = wants_all_unicast},
        {"6 VID in no filter", vlan_unknown, .act = refuse},
        {"6 VLAN promiscuous", vlan_known, .act = let_vlan_promisc_in},
        {"6 members of the VLAN", vlan_known, .stays = is_member, .reason = DROP_VLAN},
        {"6 untagged", no_vlan, .stays = accepts_untagged, .reason = DROP_VLAN},
        {"7 default pool", nobody_wants_it, .joins = is_default},
        {"8 Ethertype", has_ethertype_rule, .act = replace},
        {"9 source pruning", by_wire, .stays = is_not_its_source, .reason = DROP_SELF},
        {"9 the sender's own pool", by_pool, .stays = is_not_its_sender, .reason = DROP_SELF},
        {"10 receive enabled", always, .stays = receives, .reason = DROP_RX_DISABLED},
        /* From a guest, 7. */
        {"the PF's to reserved addresses", reserved_of_pf, .act = to_wire},
        {"VEPA: all to the wire", vepa, .act = to_wire},
        {"groups to the wire", switched_group, .act = to_wire},
        {"unknown unicast to the wire", switched_unknown, .act = to_wire},
        {"a disabled match is none", switched_to_disabled, .act = to_wire},
        /* Rule 11. */
        {"11 mirror of a pool", has_mirrors, .act = mirror_pools},
        {"11 mirror of a VLAN", has_mirrors, .act = mirror_vlans},
        {"11 mirror of the uplink", has_mirrors, .act = mirror_uplink},
        {"11 mirror of the downlink", has_mirrors, .act = mirror_downlink},
        {"11 receive enabled once more", has_mirrors, .act = check_mirrors},
        {"11 mirrors are added", has_mirrors, .act = add_mirrors},
};

static void apply(const struct rule *rule, struct state *t)
{
        bool before = rule->stays && anybody(t);

        if (rule->act)
                rule->act(t);
        for (uint32_t i = 0; i < t->c->n_pools && rule->joins; i++)
                t->answer->pools[i] = t->answer->pools[i] || rule->joins(t, i);
        for (uint32_t i = 0; i < t->c->n_pools && rule->stays; i++)
                if (t->answer->pools[i])
                        t->answer->pools[i] = rule->stays(t, i);
        if (before && !anybody(t))
                t->answer->reason = rule->reason;
}

void reference_sort(const struct sorter_config *config, uint32_t from, const uint8_t *bytes,
        uint32_t n, uint32_t without, struct reference_answer *ret)
{
        struct state t = {
                .c = config,
                .from = from,
                .dst = bytes,
                .src = bytes + 6,
                .rest = bytes + 12,
                .left = n - 12,
                .answer = ret,
        };

        *ret = (struct reference_answer){.reason = DROP_NO_POOL};
        for (uint32_t i = 0; i < ELEMENTSOF(rules); i++)
                if (i != without && rules[i].is_for(&t))
                        apply(&rules[i], &t);
        for (uint32_t i = 0; i < config->n_pools; i++)
                ret->n += ret->pools[i];
        if (reserved(&t))
                ret->reason = DROP_RESERVED;
        if (ret->n || ret->wire)
                ret->reason = DROP_NONE;
}

uint32_t reference_n_rules(void)
{
        return ELEMENTSOF(rules);
}

const char *reference_rule_name(uint32_t rule)
{
        return rules[rule].name;
}
