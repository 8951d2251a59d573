/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds a sorter from what the PF driver wrote. Any thread; the result never changes. */
#include "sim/nic/sorter_tables.h"

#define CACHE_LINE 64u
#define SLOTS_MIN  16u

/* ---- is the configuration one ---- */

static bool pool_or_none(const struct sorter_config *c, uint32_t pool)
{
        return pool < c->n_pools || pool == POOL_NONE;
}

static bool vlan_valid(uint32_t key)
{
        return key < VLAN_KEYS && (key & VLAN_KEY_VID) != 4095;
}

static bool pools_valid(const struct sorter_config *c)
{
        for (uint32_t i = 0; i < c->n_pools; i++) {
                const struct sorter_pool *p = &c->pools[i];

                if (p->port_vlan && (!vlan_valid(p->port_vlan) || !(p->port_vlan & VLAN_KEY_VID)))
                        return false;
                if (p->port_qos > 7)
                        return false;
        }
        return true;
}

static bool mirror_valid(const struct sorter_config *c, const struct sorter_mirror *m)
{
        if (m->to >= c->n_pools)
                return false;
        switch (m->kind) {
        case MIRROR_POOL:
                return m->source < c->n_pools;
        case MIRROR_VLAN:
                return vlan_valid(m->vlan);
        case MIRROR_UPLINK:
        case MIRROR_DOWNLINK:
                return true;
        }
        return false;
}

static bool config_valid(const struct sorter_config *c)
{
        if (c->n_pools < 1 || c->n_pools > POOLS_MAX || !pool_or_none(c, c->default_pool) ||
                c->n_ethertypes > ETHERTYPE_RULES_MAX || c->n_mirrors > MIRROR_RULES_MAX ||
                c->n_filters > UINT32_MAX / 16 || !pools_valid(c))
                return false;
        for (size_t i = 0; i < c->n_filters; i++)
                if (c->filters[i].pool >= c->n_pools || c->filters[i].mac & ~MAC_MASK)
                        return false;
        for (size_t i = 0; i < c->n_members; i++)
                if (!pool_or_none(c, c->members[i].pool) || !vlan_valid(c->members[i].vlan))
                        return false;
        for (uint32_t i = 0; i < c->n_ethertypes; i++)
                if (!pool_or_none(c, c->ethertypes[i].pool))
                        return false;
        for (uint32_t i = 0; i < c->n_mirrors; i++)
                if (!mirror_valid(c, &c->mirrors[i]))
                        return false;
        return true;
}

/* ---- the tables ---- */

static void pool_set_bit(uint64_t *set, uint32_t pool)
{
        set[pool / 64] |= UINT64_C(1) << pool % 64;
}

static const struct {
        enum pool_property property;
        size_t at;
} properties[] = {
        {ACCEPT_BROADCAST, offsetof(struct sorter_pool, broadcast)},
        {ACCEPT_UNTAGGED, offsetof(struct sorter_pool, untagged)},
        {ACCEPT_UNICAST_HASH, offsetof(struct sorter_pool, unicast_hash)},
        {ACCEPT_MULTICAST_HASH, offsetof(struct sorter_pool, multicast_hash)},
        {PROMISC_UNICAST, offsetof(struct sorter_pool, unicast_promisc)},
        {PROMISC_MULTICAST, offsetof(struct sorter_pool, multicast_promisc)},
        {PROMISC_VLAN, offsetof(struct sorter_pool, vlan_promisc)},
        {RX_ENABLED, offsetof(struct sorter_pool, rx_enable)},
};

_Static_assert(ELEMENTSOF(properties) == PROPERTY_MAX, "a set for each");

static int build_pools(struct sorter *s, const struct sorter_config *c)
{
        s->n_words = (s->n_pools + 63) / 64;
        s->pools = calloc(s->n_pools, sizeof(*s->pools));
        s->properties = calloc((size_t) PROPERTY_MAX * s->n_words, sizeof(*s->properties));
        if (!s->pools || !s->properties)
                return -ENOMEM;
        memcpy(s->pools, c->pools, s->n_pools * sizeof(*s->pools));
        for (size_t i = 0; i < ELEMENTSOF(properties); i++) {
                uint64_t *set = s->properties + (size_t) properties[i].property * s->n_words;

                for (uint32_t pool = 0; pool < s->n_pools; pool++)
                        if (*((const bool *) &s->pools[pool] + properties[i].at))
                                pool_set_bit(set, pool);
        }
        return 0;
}

static int compare_filters(const void *a, const void *b)
{
        const struct sorter_filter *x = a, *y = b;

        if (x->mac != y->mac)
                return x->mac < y->mac ? -1 : 1;
        return (x->pool > y->pool) - (x->pool < y->pool);
}

/* Sorted, each once, and the end. Returns how many. */
static int build_filters(struct sorter *s, const struct sorter_config *c, uint32_t *ret_n)
{
        uint32_t n = 0;

        s->filters = calloc(c->n_filters + 1, sizeof(*s->filters));
        if (!s->filters)
                return -ENOMEM;
        if (c->n_filters) {
                memcpy(s->filters, c->filters, c->n_filters * sizeof(*s->filters));
                qsort(s->filters, c->n_filters, sizeof(*s->filters), compare_filters);
        }
        for (size_t i = 0; i < c->n_filters; i++)
                if (n == 0 || compare_filters(&s->filters[n - 1], &s->filters[i]) != 0)
                        s->filters[n++] = s->filters[i];
        s->filters[n] = (struct sorter_filter){.mac = MAC_NEVER, .pool = POOL_NONE};
        *ret_n = n;
        return 0;
}

/* At most a quarter full, so that nearly every MAC is found where it is looked for first. */
static int build_slots(struct sorter *s, uint32_t n_filters)
{
        uint32_t size = SLOTS_MIN;

        s->slot_shift = 60;
        for (; size < 4 * n_filters; size *= 2)
                s->slot_shift--;
        s->slot_mask = size - 1;
        s->slots = aligned_alloc(CACHE_LINE, size * sizeof(*s->slots));
        s->ranges = calloc(size, sizeof(*s->ranges));
        if (!s->slots || !s->ranges)
                return -ENOMEM;
        for (uint32_t i = 0; i < size; i++) {
                s->slots[i] = SLOT_EMPTY;
                s->ranges[i] = n_filters; /* the end: no filter has that MAC */
        }
        for (uint32_t i = 0; i < n_filters; i++) {
                const struct sorter_filter *f = &s->filters[i];
                bool first = i == 0 || f[-1].mac != f->mac, only = first && f[1].mac != f->mac;
                uint64_t value = only && s->pools[f->pool].rx_enable ? f->pool : SLOT_MANY;
                uint32_t slot;

                if (!first)
                        continue;
                slot = sorter_slot(s, f->mac);
                s->slots[slot] = f->mac | value << SLOT_SHIFT;
                s->ranges[slot] = i;
        }
        return 0;
}

/* A row for each VLAN that has an entry, in the order they come. */
static int build_rows(struct sorter *s, const struct sorter_config *c)
{
        uint32_t n = 1;

        for (size_t i = 0; i < c->n_members; i++) {
                uint32_t *row = &s->row_of[c->members[i].vlan];

                if (*row == ROW_UNKNOWN && c->members[i].vlan & VLAN_KEY_VID)
                        *row = n++ * s->n_words;
        }
        s->rows = calloc((size_t) n * s->n_words, sizeof(*s->rows));
        if (!s->rows)
                return -ENOMEM;
        for (size_t i = 0; i < c->n_members; i++) {
                uint32_t row = s->row_of[c->members[i].vlan];

                if (row != ROW_UNKNOWN && c->members[i].pool != POOL_NONE)
                        pool_set_bit(s->rows + row, c->members[i].pool);
        }
        return 0;
}

static int build_senders(struct sorter *s, uint32_t n_filters)
{
        s->senders = calloc(s->n_pools, sizeof(*s->senders));
        if (!s->senders)
                return -ENOMEM;
        for (uint32_t i = 0; i < s->n_pools; i++) {
                const struct sorter_pool *p = &s->pools[i];
                uint32_t tpid = p->port_vlan & VLAN_KEY_S ? ETH_QINQ : ETH_VLAN;
                uint32_t tci = (uint32_t) p->port_qos << 13 | (p->port_vlan & VLAN_KEY_VID);

                s->senders[i] = (struct sorter_sender){
                        .mac = MAC_NEVER,
                        .tag = p->port_vlan ? tpid << 16 | tci : 0,
                        .tx_enable = p->tx_enable,
                        .any_source = !p->mac_antispoof,
                        .any_tag = !p->mac_antispoof || !p->vlan_antispoof,
                        .no_tag = p->port_vlan != 0,
                };
        }
        for (uint32_t i = n_filters; i-- > 0;)
                if (!mac_number_multicast(s->filters[i].mac))
                        s->senders[s->filters[i].pool].mac = s->filters[i].mac;
        return 0;
}

static bool anybody(const struct sorter *s, enum pool_property p)
{
        const uint64_t *set = sorter_property(s, p);

        for (uint32_t i = 0; i < s->n_words; i++)
                if (set[i])
                        return true;
        return false;
}

/* VLAN-promiscuous pools keep what they have by other rules: for them decide() says "walk". */
static void choose_road(struct sorter *s)
{
        s->plain_unicast =
                s->n_ethertypes == 0 && s->n_mirrors == 0 && !anybody(s, PROMISC_UNICAST);
        for (uint32_t i = 0; i < s->n_pools; i++)
                s->plain_unicast &= !s->pools[i].source_prune;
        s->plain_unknown = s->plain_unicast && !anybody(s, ACCEPT_UNICAST_HASH);
}

int sorter_new(const struct sorter_config *config, struct sorter **ret)
{
        _cleanup_(sorter_freep) struct sorter *s = NULL;
        uint32_t n_filters = 0;
        int r;

        if (!config_valid(config))
                return -EINVAL;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->format = config->format;
        s->n_pools = config->n_pools;
        s->n_ethertypes = config->n_ethertypes;
        s->n_mirrors = config->n_mirrors;
        s->default_pool = config->default_pool;
        s->vlan_filter = config->vlan_filter;
        s->switching = config->switching;
        memcpy(s->unicast_hash, config->unicast_hash, sizeof(s->unicast_hash));
        memcpy(s->multicast_hash, config->multicast_hash, sizeof(s->multicast_hash));
        memcpy(s->ethertypes, config->ethertypes, sizeof(s->ethertypes));
        memcpy(s->mirrors, config->mirrors, sizeof(s->mirrors));
        r = build_pools(s, config);
        if (r == 0)
                r = build_filters(s, config, &n_filters);
        if (r == 0)
                r = build_slots(s, n_filters);
        if (r == 0)
                r = build_rows(s, config);
        if (r == 0)
                r = build_senders(s, n_filters);
        if (r < 0)
                return r;
        choose_road(s);
        *ret = TAKE_PTR(s);
        return 0;
}

void sorter_free(struct sorter *s)
{
        if (!s)
                return;
        free(s->slots);
        free(s->ranges);
        free(s->filters);
        free(s->pools);
        free(s->senders);
        free(s->properties);
        free(s->rows);
        free(s);
}

/* ---- looking ---- */

const struct sorter_pool *sorter_pool(const struct sorter *s, uint32_t pool)
{
        return &s->pools[pool];
}

const struct frame_format *sorter_format(const struct sorter *s)
{
        return &s->format;
}

uint32_t sorter_n_pools(const struct sorter *s)
{
        return s->n_pools;
}

uint32_t pool_set_next(const struct pool_set *set, uint32_t n_pools, uint32_t at)
{
        uint32_t i = at / 64;
        uint64_t w;

        if (at >= n_pools)
                return POOL_NONE;
        for (w = set->w[i] & UINT64_MAX << at % 64; !w; w = set->w[i])
                if (++i * 64 >= n_pools)
                        return POOL_NONE;
        return i * 64 + (uint32_t) __builtin_ctzll(w);
}

const char *sorter_rule_name(enum sorter_rule rule)
{
        static const char *const names[] = {
                [RULE_RESERVED] = "reserved group address",
                [RULE_EXACT] = "exact destination MAC",
                [RULE_BROADCAST] = "broadcast",
                [RULE_UNICAST_HASH] = "unicast hash",
                [RULE_MULTICAST_HASH] = "multicast hash",
                [RULE_PROMISC] = "promiscuous",
                [RULE_VLAN] = "VLAN",
                [RULE_DEFAULT] = "default pool",
                [RULE_ETHERTYPE] = "Ethertype",
                [RULE_SOURCE] = "source",
                [RULE_ENABLED] = "receive enabled",
                [RULE_WIRE] = "wire",
                [RULE_MIRROR] = "mirror",
        };

        _Static_assert(ELEMENTSOF(names) == RULE_MAX, "a name for each");
        return names[rule];
}
