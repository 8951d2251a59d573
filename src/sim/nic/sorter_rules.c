/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the sorter, one function each, and the lists that say which of them a frame has to
 * pass, in which order. Any thread.
 */
#include "sim/nic/sorter_tables.h"

struct walk {
        const struct sorter *s;
        const struct frame_head *h;
        uint32_t from;
        uint32_t vlan; /* that decides; 0: none */
        uint64_t *set;
        bool empty;
        bool refused; /* its VLAN is in no filter: nothing fills the set again */
        bool known;   /* an exact filter of a pool with receive enabled has its destination */
        bool wire, mirrored;
        enum drop_reason reason; /* what has emptied the set */
};

static bool is_multicast(const struct walk *w)
{
        return mac_number_multicast(w->h->dst) && w->h->dst != MAC_BROADCAST;
}

static void add_pool(struct walk *w, uint32_t pool)
{
        w->set[pool / 64] |= UINT64_C(1) << pool % 64;
        w->empty = false;
}

static void add_property(struct walk *w, enum pool_property p)
{
        const uint64_t *add = sorter_property(w->s, p);
        uint64_t any = 0;

        for (uint32_t i = 0; i < w->s->n_words; i++)
                any |= w->set[i] |= add[i];
        w->empty = any == 0;
}

/* Keeps who is in a or in b. */
static void keep(struct walk *w, const uint64_t *a, const uint64_t *b, enum drop_reason reason)
{
        uint64_t any = 0;

        if (w->empty)
                return;
        for (uint32_t i = 0; i < w->s->n_words; i++)
                any |= w->set[i] &= a[i] | b[i];
        w->empty = any == 0;
        if (w->empty)
                w->reason = reason;
}

static void keep_none(struct walk *w, enum drop_reason reason)
{
        memset(w->set, 0, w->s->n_words * sizeof(*w->set));
        w->empty = true;
        w->reason = reason;
}

static void remove_pool(struct walk *w, uint32_t pool)
{
        uint64_t any = 0;

        if (!pool_bit(w->set, pool))
                return;
        w->set[pool / 64] &= ~(UINT64_C(1) << pool % 64);
        for (uint32_t i = 0; i < w->s->n_words; i++)
                any |= w->set[i];
        w->empty = any == 0;
        if (w->empty)
                w->reason = DROP_SELF;
}

/* ---- the rules ---- */

/*
 * "Reserved group addresses are for the PF alone": no filter is asked, and neither default pool nor
 * Ethertype nor mirror rules make it somebody else's. Not relayed, they need no local switching, so
 * a VF's reach the PF with VEPA, too. What the PF sends to them is for its peer.
 */
static void reserved(struct walk *w)
{
        if (w->from == POOL_PF)
                w->wire = true;
        else
                add_pool(w, POOL_PF);
}

static void exact(struct walk *w)
{
        const struct sorter_filter *f = sorter_filters(w->s, w->h->dst);

        for (; f->mac == w->h->dst; f++) {
                add_pool(w, f->pool);
                w->known |= w->s->pools[f->pool].rx_enable;
        }
}

/* From here on "multicast" is without broadcast, which has a rule and a flag of its own. */
static void broadcast(struct walk *w)
{
        if (w->h->dst == MAC_BROADCAST)
                add_property(w, ACCEPT_BROADCAST);
}

/* A match counts as one here even if its pool has receive disabled; see to_wire(). */
static void unicast_hash(struct walk *w)
{
        if (w->empty && !mac_number_multicast(w->h->dst) &&
                pool_bit(w->s->unicast_hash, sorter_hash(w->h->dst)))
                add_property(w, ACCEPT_UNICAST_HASH);
}

static void multicast_hash(struct walk *w)
{
        if (w->empty && is_multicast(w) && pool_bit(w->s->multicast_hash, sorter_hash(w->h->dst)))
                add_property(w, ACCEPT_MULTICAST_HASH);
}

static void promiscuous(struct walk *w)
{
        if (is_multicast(w))
                add_property(w, PROMISC_MULTICAST);
        else if (!mac_number_multicast(w->h->dst))
                add_property(w, PROMISC_UNICAST);
}

/*
 * A VID in no filter is a drop, also for VLAN-promiscuous pools (as VFTA comes before VPE: a driver
 * opens VIDs for them by members that are no pool), and ends pool selection. On the way out that is
 * about local receivers only. VLAN-promiscuous says nothing of untagged frames.
 */
static void vlan(struct walk *w)
{
        const uint64_t *untagged = sorter_property(w->s, ACCEPT_UNTAGGED);
        uint32_t row = w->s->row_of[w->vlan];

        if (!w->s->vlan_filter)
                return;
        if (!w->vlan) {
                keep(w, untagged, untagged, DROP_VLAN);
        } else if (row != ROW_UNKNOWN) {
                keep(w, w->s->rows + row, sorter_property(w->s, PROMISC_VLAN), DROP_VLAN);
        } else {
                keep_none(w, DROP_VLAN);
                w->refused = true;
        }
}

static void default_pool(struct walk *w)
{
        if (w->empty && !w->refused && w->s->default_pool != POOL_NONE)
                add_pool(w, w->s->default_pool);
}

/* The first rule that fits. From a pool it decides on local receivers, not on the wire. */
static void ethertype(struct walk *w)
{
        for (uint32_t i = 0; i < w->s->n_ethertypes && !w->refused; i++) {
                const struct sorter_ethertype *e = &w->s->ethertypes[i];

                if (e->ethertype != w->h->ethertype)
                        continue;
                keep_none(w, DROP_ETHERTYPE);
                if (e->pool != POOL_NONE)
                        add_pool(w, e->pool);
                return;
        }
}

/* From a pool: its own removal, after the Ethertype rules, so that they do not send it back. */
static void source(struct walk *w)
{
        const struct sorter_filter *f;

        if (w->from != FROM_WIRE) {
                if (!w->s->pools[w->from].self_loopback)
                        remove_pool(w, w->from);
                return;
        }
        for (f = sorter_filters(w->s, w->h->src); f->mac == w->h->src; f++)
                if (w->s->pools[f->pool].source_prune)
                        remove_pool(w, f->pool);
}

static void enabled(struct walk *w)
{
        const uint64_t *on = sorter_property(w->s, RX_ENABLED);

        keep(w, on, on, DROP_RX_DISABLED);
}

/*
 * Unicast stays off the wire for an exact filter's sake alone, even if its pool does not get the
 * frame (another VLAN, its own sender). With VEPA nobody has asked a filter: everything goes out.
 */
static void to_wire(struct walk *w)
{
        w->wire = mac_number_multicast(w->h->dst) || !w->known;
}

static bool mirror_fits(const struct walk *w, const struct sorter_mirror *m)
{
        switch (m->kind) {
        case MIRROR_POOL:
                return pool_bit(w->set, m->source);
        case MIRROR_VLAN:
                return w->h->tagged && frame_vlan_key(w->h) == m->vlan && (!w->empty || w->wire);
        case MIRROR_UPLINK:
                return w->from == FROM_WIRE && !w->empty;
        case MIRROR_DOWNLINK:
                return w->wire;
        }
        return false;
}

/* All rules look at the set as it was before: no mirror of a mirror. */
static void mirror(struct walk *w)
{
        bool fits[MIRROR_RULES_MAX];

        for (uint32_t i = 0; i < w->s->n_mirrors; i++)
                fits[i] = mirror_fits(w, &w->s->mirrors[i]);
        for (uint32_t i = 0; i < w->s->n_mirrors; i++) {
                uint32_t to = w->s->mirrors[i].to;

                if (fits[i] && w->s->pools[to].rx_enable && !pool_bit(w->set, to)) {
                        add_pool(w, to);
                        w->mirrored = true;
                }
        }
}

/* ---- the walk ---- */

struct step {
        enum sorter_rule rule;
        void (*apply)(struct walk *w);
};

static const struct step from_wire[] = {
        {RULE_EXACT, exact},
        {RULE_BROADCAST, broadcast},
        {RULE_UNICAST_HASH, unicast_hash},
        {RULE_MULTICAST_HASH, multicast_hash},
        {RULE_PROMISC, promiscuous},
        {RULE_VLAN, vlan},
        {RULE_DEFAULT, default_pool},
        {RULE_ETHERTYPE, ethertype},
        {RULE_SOURCE, source},
        {RULE_ENABLED, enabled},
        {RULE_MIRROR, mirror},
};

/* No default pool: a unicast nobody has is for the wire, and so is every multicast. */
static const struct step from_pool[] = {
        {RULE_EXACT, exact},
        {RULE_BROADCAST, broadcast},
        {RULE_UNICAST_HASH, unicast_hash},
        {RULE_MULTICAST_HASH, multicast_hash},
        {RULE_PROMISC, promiscuous},
        {RULE_VLAN, vlan},
        {RULE_ETHERTYPE, ethertype},
        {RULE_SOURCE, source},
        {RULE_ENABLED, enabled},
        {RULE_WIRE, to_wire},
        {RULE_MIRROR, mirror},
};

/* No local switching, no local receivers: no mirrors either. */
static const struct step from_pool_vepa[] = {
        {RULE_WIRE, to_wire},
};

static const struct step to_reserved[] = {
        {RULE_RESERVED, reserved},
        {RULE_VLAN, vlan},
        {RULE_SOURCE, source},
        {RULE_ENABLED, enabled},
};

struct way {
        const struct step *steps;
        uint32_t n;
};

static struct way way_of(const struct walk *w, bool is_reserved)
{
#define WAY(steps) ((struct way){steps, ELEMENTSOF(steps)})
        if (is_reserved)
                return WAY(to_reserved);
        if (w->from == FROM_WIRE)
                return WAY(from_wire);
        return w->s->switching ? WAY(from_pool) : WAY(from_pool_vepa);
#undef WAY
}

void sorter_walk(const struct sorter *s, uint32_t from, const struct frame_head *h,
        struct pool_set *set, struct verdict *ret, const struct sorter_trace *trace)
{
        struct walk w = {
                .s = s,
                .h = h,
                .from = from,
                .vlan = sorter_vlan(h),
                .set = set->w,
                .empty = true,
                .reason = DROP_NO_POOL,
        };
        bool is_reserved = mac_number_reserved(h->dst);
        const struct way way = way_of(&w, is_reserved);
        uint32_t n = 0;

        memset(set->w, 0, s->n_words * sizeof(*set->w));
        for (uint32_t i = 0; i < way.n; i++) {
                way.steps[i].apply(&w);
                if (trace)
                        trace->rule(trace->userdata, way.steps[i].rule, set, s->n_pools);
        }
        for (uint32_t i = 0; i < s->n_words && !w.empty; i++)
                n += (uint32_t) __builtin_popcountll(set->w[i]);
        if (is_reserved)
                w.reason = DROP_RESERVED;
        *ret = (struct verdict){
                .reason = n || w.wire ? DROP_NONE : w.reason,
                .wire = w.wire,
                .mirrored = w.mirrored,
                .n = n,
                .pool = n ? pool_set_next(set, s->n_pools, 0) : POOL_NONE,
        };
}

/* ---- what a pool may send ---- */

static bool owns(const struct sorter *s, uint32_t pool, uint64_t mac)
{
        const struct sorter_filter *f;

        for (f = sorter_filters(s, mac); f->mac == mac; f++)
                if (f->pool == pool)
                        return true;
        return false;
}

/*
 * A priority tag is no VLAN, so VLAN anti-spoof lets it pass; under a port VLAN it is a tag, and
 * dropped. A tag of somebody else's VLAN is called spoofed, port VLAN or not.
 */
enum drop_reason sorter_check_sender(
        const struct sorter *s, uint32_t pool, const struct frame_head *h, uint32_t *ret_tag)
{
        const struct sorter_sender *own = &s->senders[pool];
        uint32_t key = sorter_vlan(h);

        if (!own->tx_enable)
                return DROP_TX_DISABLED;
        if (!own->any_source && h->src != own->mac && !owns(s, pool, h->src))
                return DROP_SPOOF_MAC;
        if (!own->any_tag && key && !pool_bit(s->rows + s->row_of[key], pool))
                return DROP_SPOOF_VLAN;
        if (own->no_tag && h->tagged)
                return DROP_PORT_VLAN;
        *ret_tag = own->tag;
        return DROP_NONE;
}
