/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random sorter configurations and frames. One thread. */
#include "sorter_random.h"

#include <inttypes.h>
#include <stdio.h>

/* Group addresses first; 10 is just not reserved; some have equal hashes (bits 47:36). */
static const uint8_t macs[][6] = {
        {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
        {0x01, 0x00, 0x5e, 0x00, 0x00, 0x01},
        {0x33, 0x33, 0x00, 0x00, 0x00, 0x01},
        {0x33, 0x33, 0x00, 0x00, 0x10, 0x01},
        {0x01, 0x80, 0xc2, 0x00, 0x00, 0x00},
        {0x01, 0x80, 0xc2, 0x00, 0x00, 0x0f},
        {0x01, 0x80, 0xc2, 0x00, 0x00, 0x10},
        {0x01, 0x80, 0xc2, 0x00, 0x10, 0x00},
        {0x00, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x02, 0x00, 0x00, 0x00, 0x00, 0x01},
        {0x02, 0x00, 0x00, 0x00, 0x00, 0x02},
        {0x02, 0x00, 0x00, 0x00, 0x00, 0x03},
        {0x02, 0x00, 0x00, 0x00, 0x08, 0x03},
        {0x02, 0x00, 0x00, 0x00, 0x80, 0x01},
        {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff},
};
#define FIRST_UNICAST 8u
#define FIRST_USUAL   9u

static const uint16_t vids[] = {1, 2, 3, 100, 4094};
static const uint16_t ethertypes[] = {0x0800, 0x86dd, 0x88cc, 0x8100, 0x88a8, 0x0026};
static const uint16_t tpids[] = {0x8100, 0x8100, 0x8100, 0x88a8, 0x9100};
static const uint32_t pool_counts[] = {
        1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 8, 13, 64, 65, 130};

#define PICK(state, a) ((a)[random_below(state, ELEMENTSOF(a))])

static bool one_in(uint64_t *state, uint32_t n)
{
        return random_below(state, n) == 0;
}

static uint64_t some_mac(uint64_t *state)
{
        uint32_t i = one_in(state, 3) ? random_below(state, ELEMENTSOF(macs))
                                      : FIRST_USUAL + random_below(state, 4);

        return mac_number(macs[i]);
}

static uint16_t some_vlan(uint64_t *state)
{
        return (uint16_t) (PICK(state, vids) | (one_in(state, 4) ? VLAN_KEY_S : 0));
}

static uint32_t some_pool(uint64_t *state, const struct sorter_config *c, uint32_t none_in)
{
        return none_in && one_in(state, none_in) ? POOL_NONE : random_below(state, c->n_pools);
}

/* Flags of pools, and of 8 how many have each: -1 to be chosen for each configuration. */
static const struct {
        const char *name;
        size_t at;
        int usual; /* in a plain configuration */
} flags[] = {
#define FLAG(x) #x, offsetof(struct sorter_pool, x)
        {FLAG(rx_enable), 7},
        {FLAG(tx_enable), 7},
        {FLAG(broadcast), -1},
        {FLAG(untagged), -1},
        {FLAG(unicast_hash), 0},
        {FLAG(multicast_hash), -1},
        {FLAG(unicast_promisc), 0},
        {FLAG(multicast_promisc), -1},
        {FLAG(vlan_promisc), 0},
        {FLAG(mac_antispoof), -1},
        {FLAG(vlan_antispoof), -1},
        {FLAG(self_loopback), 1},
        {FLAG(source_prune), 0},
#undef FLAG
};

static void random_pools(uint64_t *state, struct random_config *r, bool plain)
{
        static const uint32_t of_eight[] = {0, 1, 4, 7, 8};

        memset(r->pools, 0, r->c.n_pools * sizeof(r->pools[0]));
        for (size_t f = 0; f < ELEMENTSOF(flags); f++) {
                uint32_t have = plain && flags[f].usual >= 0 ? (uint32_t) flags[f].usual
                                                             : PICK(state, of_eight);

                for (uint32_t i = 0; i < r->c.n_pools; i++)
                        *((bool *) &r->pools[i] + flags[f].at) = random_below(state, 8) < have;
        }
        for (uint32_t i = 0; i < r->c.n_pools; i++) {
                if (one_in(state, 6))
                        r->pools[i].port_vlan = some_vlan(state);
                r->pools[i].port_qos = (uint8_t) random_below(state, 8);
        }
}

static void random_rules(uint64_t *state, struct sorter_config *c)
{
        if (one_in(state, 3)) {
                c->n_ethertypes = 1 + random_below(state, ETHERTYPE_RULES_MAX);
                for (uint32_t i = 0; i < c->n_ethertypes; i++)
                        c->ethertypes[i] = (struct sorter_ethertype){
                                .ethertype = PICK(state, ethertypes),
                                .pool = some_pool(state, c, 4),
                        };
        }
        if (one_in(state, 2)) {
                c->n_mirrors = 1 + random_below(state, MIRROR_RULES_MAX);
                for (uint32_t i = 0; i < c->n_mirrors; i++)
                        c->mirrors[i] = (struct sorter_mirror){
                                .kind = (enum mirror_kind) random_below(state, 4),
                                .source = some_pool(state, c, 0),
                                .vlan = one_in(state, 8) ? 0 : some_vlan(state),
                                .to = some_pool(state, c, 0),
                        };
        }
}

static void random_hash(uint64_t *state, uint64_t *table)
{
        for (size_t i = 0; i < ELEMENTSOF(macs); i++)
                if (one_in(state, 2)) {
                        uint32_t bit = sorter_hash(mac_number(macs[i]));

                        table[bit / 64] |= UINT64_C(1) << bit % 64;
                }
}

void random_config(uint64_t *state, struct random_config *ret)
{
        static const uint16_t outer[] = {0x88a8, 0x9100, 0x8100};
        struct sorter_config *c = &ret->c;
        bool plain = one_in(state, 2);

        *c = (struct sorter_config){
                .format = {.service_tags = one_in(state, 3),
                        .double_vlan = one_in(state, 4),
                        .outer_tpid = PICK(state, outer)},
                .n_pools = one_in(state, 2000) ? POOLS_MAX : PICK(state, pool_counts),
                .pools = ret->pools,
                .filters = ret->filters,
                .members = ret->members,
                .vlan_filter = !one_in(state, 4),
                .switching = !one_in(state, 6),
        };
        c->default_pool = some_pool(state, c, 2);
        random_pools(state, ret, plain);
        if (!plain)
                random_rules(state, c);
        random_hash(state, c->unicast_hash);
        random_hash(state, c->multicast_hash);
        c->n_filters = random_below(state, 3 * (c->n_pools < 16 ? c->n_pools : 16) + 1);
        for (size_t i = 0; i < c->n_filters; i++)
                ret->filters[i] = (struct sorter_filter){some_mac(state), some_pool(state, c, 0)};
        c->n_members = random_below(state, 3 * (c->n_pools < 16 ? c->n_pools : 16) + 1);
        for (size_t i = 0; i < c->n_members; i++)
                ret->members[i] = (struct sorter_member){
                        one_in(state, 20) ? 0 : some_vlan(state), some_pool(state, c, 12)};
}

static void print_pool(const struct sorter_pool *p, uint32_t pool)
{
        printf("# pool %u:", pool);
        for (size_t f = 0; f < ELEMENTSOF(flags); f++)
                if (*((const bool *) p + flags[f].at))
                        printf(" %s", flags[f].name);
        if (p->port_vlan)
                printf(" port_vlan=%04x port_qos=%u", p->port_vlan, p->port_qos);
        printf("\n");
}

void random_print(const struct random_config *r)
{
        const struct sorter_config *c = &r->c;

        printf("# format service_tags=%d double_vlan=%d outer=%04x; %u pools, vlan_filter=%d "
               "switching=%d default=%d\n",
                c->format.service_tags, c->format.double_vlan, c->format.outer_tpid, c->n_pools,
                c->vlan_filter, c->switching, (int) c->default_pool);
        for (uint32_t i = 0; i < c->n_pools; i++)
                print_pool(&r->pools[i], i);
        for (size_t i = 0; i < c->n_filters; i++)
                printf("# filter %012" PRIx64 " -> %u\n", be64toh(c->filters[i].mac << 16),
                        c->filters[i].pool);
        for (size_t i = 0; i < c->n_members; i++)
                printf("# member %04x -> %d\n", c->members[i].vlan, (int) c->members[i].pool);
        for (uint32_t i = 0; i < c->n_ethertypes; i++)
                printf("# ethertype %04x -> %d\n", c->ethertypes[i].ethertype,
                        (int) c->ethertypes[i].pool);
        for (uint32_t i = 0; i < c->n_mirrors; i++)
                printf("# mirror kind %d source %u vlan %04x -> %u\n", (int) c->mirrors[i].kind,
                        c->mirrors[i].source, c->mirrors[i].vlan, c->mirrors[i].to);
        for (uint32_t i = 0; i < HASH_BITS; i++) {
                if (c->unicast_hash[i / 64] >> i % 64 & 1)
                        printf("# unicast hash bit %u\n", i);
                if (c->multicast_hash[i / 64] >> i % 64 & 1)
                        printf("# multicast hash bit %u\n", i);
        }
}

static uint32_t put16(uint8_t *to, uint32_t value)
{
        to[0] = (uint8_t) (value >> 8);
        to[1] = (uint8_t) value;
        return 2;
}

static uint32_t put_tag(uint64_t *state, uint8_t *to)
{
        static const uint16_t odd[] = {0, 0, 4095};
        uint32_t vid = one_in(state, 5) ? PICK(state, odd) : PICK(state, vids);
        uint32_t at = put16(to, PICK(state, tpids));

        return at + put16(to + at, random_below(state, 16) << 12 | vid);
}

/* Mostly one of the sender's own addresses, so that it may. */
static uint64_t source_of(uint64_t *state, const struct sorter_config *c, uint32_t from)
{
        if (!one_in(state, 8) && from != FROM_WIRE)
                for (size_t i = 0; i < c->n_filters; i++)
                        if (c->filters[i].pool == from && !one_in(state, 3))
                                return c->filters[i].mac;
        return some_mac(state);
}

static void put_mac(uint8_t *to, uint64_t mac)
{
        for (unsigned i = 0; i < 6; i++)
                to[i] = (uint8_t) (mac >> 8 * i);
}

void random_frame(
        uint64_t *state, const struct sorter_config *c, uint32_t from, struct random_frame *ret)
{
        uint32_t at = 12, tags = random_below(state, 4);

        *ret = (struct random_frame){0};
        put_mac(ret->bytes, some_mac(state));
        put_mac(ret->bytes + 6, source_of(state, c, from));
        for (uint32_t i = 0; i + 1 < tags; i++) /* none, none, one, two */
                at += put_tag(state, ret->bytes + at);
        at += put16(ret->bytes + at, PICK(state, ethertypes));
        ret->n = one_in(state, 16) ? FRAME_MIN + random_below(state, 12) : 60;
        if (ret->n < at)
                memset(ret->bytes + ret->n, 0, at - ret->n);
}
