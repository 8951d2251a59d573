/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of a topology file that are about frames: ports, guests, the NIC. Any thread. */
#include "config/json.h"
#include "sim/topology.h"

/* 1: key is there, and *ret the index of its word. */
static int read_word(const struct json_value *v, const char *key, const char *const *words,
        const char *expected, unsigned *ret, struct fault *f)
{
        const char *word;
        int r;

        r = json_opt_string(v, key, &word, f);
        if (r <= 0)
                return r;
        for (unsigned i = 0; words[i]; i++)
                if (streq(words[i], word)) {
                        *ret = i;
                        return 1;
                }
        return json_refuse(json_member(v, key), f, "%s \"%s\"; expected %s", key, word, expected);
}

/* 1: it is there. */
static int read_text(
        const struct json_value *v, const char *key, char *to, size_t size, struct fault *f)
{
        const char *text;
        int r;

        r = json_opt_string(v, key, &text, f);
        if (r > 0 && (text[0] == '\0' || str_copy(to, size, text) < 0))
                return json_refuse(json_member(v, key), f, "%s \"%s\"; expected 1 to %zu bytes",
                        key, text, size - 1);
        return r;
}

/* ---- ports -------------------------------------------------------------------------------------
 */

struct port_key {
        const char *name;
        unsigned kinds; /* BIT(enum port_kind) that know it */
};

static const struct port_key port_keys[] = {
        {"in", BIT(PORT_PCAP)},
        {"out", BIT(PORT_PCAP)},
        {"original_times", BIT(PORT_PCAP)},
        {"netdev", BIT(PORT_TAP) | BIT(PORT_PACKET)},
        {"netns", BIT(PORT_TAP)},
        {"address", BIT(PORT_TAP)},
        {"dst", BIT(PORT_GENERATOR)},
        {"size", BIT(PORT_GENERATOR)},
        {"vlan", BIT(PORT_GENERATOR)},
        {"rate", BIT(PORT_GENERATOR)},
        {"count", BIT(PORT_GENERATOR)},
        {"seed", BIT(PORT_GENERATOR)},
};

static int read_kind(const struct json_value *v, struct port_config *ret, struct fault *f)
{
        static const char *const keys[] = {"kind", "in", "out", "original_times", "netdev", "netns",
                "address", "dst", "size", "vlan", "rate", "count", "seed", NULL};
        const char *words[PORT_KIND_MAX + 1] = {0};
        const struct json_value *required;
        unsigned kind = PORT_NONE;
        int r;

        for (unsigned i = 0; i < PORT_KIND_MAX; i++)
                words[i] = port_kind_name(i);
        r = json_check_keys(v, keys, f);
        if (r == 0)
                r = json_require(v, "kind", &required, f);
        if (r == 0)
                r = read_word(v, "kind", words, "none, loopback, pcap, tap, packet or generator",
                        &kind, f);
        if (r < 0)
                return r;
        ret->kind = kind;
        for (size_t i = 0; i < ELEMENTSOF(port_keys); i++)
                if (json_member(v, port_keys[i].name) && !(port_keys[i].kinds & BIT(kind)))
                        return json_refuse(json_member(v, port_keys[i].name), f,
                                "a port of kind %s has no %s; expected another kind or no such key",
                                words[kind], port_keys[i].name);
        return 0;
}

static int read_generator(const struct json_value *v, struct port_config *ret, struct fault *f)
{
        uint32_t rate = 0, count = 0, seed = 1;
        const char *dst;
        int r;

        ret->size = FRAME_PADDED;
        memset(ret->dst.b, 0xff, sizeof(ret->dst.b));
        r = json_opt_string(v, "dst", &dst, f);
        if (r > 0 && parse_mac(dst, &ret->dst) < 0)
                return json_refuse(json_member(v, "dst"), f,
                        "\"%s\" is not a MAC address; expected the form 02:00:00:00:00:01", dst);
        if (r >= 0)
                r = json_opt_u32(v, "size", FRAME_PADDED, FRAME_MAX, &ret->size, f);
        if (r >= 0)
                r = json_opt_u32(v, "vlan", 0, VLAN_ID_MAX, &ret->vlan, f);
        if (r >= 0)
                r = json_opt_u32(v, "rate", 0, UINT32_MAX, &rate, f);
        if (r >= 0)
                r = json_opt_u32(v, "count", 0, UINT32_MAX, &count, f);
        if (r >= 0)
                r = json_opt_u32(v, "seed", 0, UINT32_MAX, &seed, f);
        ret->rate = rate;
        ret->count = count;
        ret->seed = seed;
        return r < 0 ? r : 0;
}

static int read_port(const struct json_value *v, struct port_config *ret, struct fault *f)
{
        int r, named = 0;

        r = read_kind(v, ret, f);
        if (r == 0)
                r = read_text(v, "in", ret->in, sizeof(ret->in), f);
        if (r >= 0)
                r = read_text(v, "out", ret->out, sizeof(ret->out), f);
        if (r >= 0)
                r = json_opt_bool(v, "original_times", &ret->original_times, f);
        if (r >= 0)
                r = named = read_text(v, "netdev", ret->ifname, sizeof(ret->ifname), f);
        if (r >= 0)
                r = read_text(v, "netns", ret->netns, sizeof(ret->netns), f);
        if (r >= 0)
                r = read_text(v, "address", ret->address, sizeof(ret->address), f);
        if (r >= 0)
                r = read_generator(v, ret, f);
        if (r < 0)
                return r;
        if ((ret->kind == PORT_TAP || ret->kind == PORT_PACKET) &&
                (!named || !ifname_valid(ret->ifname)))
                return json_refuse(v, f,
                        "a port of kind %s without a good netdev; expected its name, 1 to 15 bytes "
                        "without blanks and slashes",
                        port_kind_name(ret->kind));
        if (ret->kind == PORT_PCAP && ret->in[0] == '\0' && ret->out[0] == '\0')
                return json_refuse(v, f, "a port of kind pcap without a file; expected in or out");
        return 0;
}

/* ---- guests ------------------------------------------------------------------------------------
 */

const char *const topology_guest_keys[] = {
        "vf", "name", "kind", "port", "ring", "buffer", "drop", "scatter", "vlans", NULL};

static int read_vlans(const struct json_value *v, struct topo_guest *ret, struct fault *f)
{
        const struct json_value *list;
        size_t n;
        int r;

        r = json_opt_array(v, "vlans", &list, &n, f);
        if (r < 0)
                return r;
        if (n > TOPOLOGY_GUEST_VLANS_MAX)
                return json_refuse(
                        list, f, "%zu VLANs; expected at most %u", n, TOPOLOGY_GUEST_VLANS_MAX);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = json_as_u32(
                        json_element(list, i), 1, VLAN_ID_MAX, &ret->vlans[ret->n_vlans++], f);
        return r < 0 ? r : 0;
}

static int check_sizes(
        const struct json_value *v, const struct traffic_guest_config *c, struct fault *f)
{
        if (c->ring % 8 != 0)
                return json_refuse(json_member(v, "ring"), f,
                        "ring %u; expected a multiple of 8 from %u to %u", c->ring, RING_MIN,
                        RING_MAX);
        if (c->buffer % 1024 != 0)
                return json_refuse(json_member(v, "buffer"), f,
                        "buffer %u; expected a multiple of 1024 from %u to %u", c->buffer,
                        RX_BUFFER_MIN, RX_BUFFER_MAX);
        return 0;
}

int topology_read_guest(const struct json_value *v, struct topo_guest *ret, struct fault *f)
{
        static const char *const kinds[] = {"vm", "container", NULL};
        struct traffic_guest_config *c = &ret->config;
        const struct json_value *name, *port;
        unsigned kind = 0;
        int r;

        r = json_require(v, "name", &name, f);
        if (r == 0)
                r = read_text(v, "name", c->name, sizeof(c->name), f);
        if (r >= 0)
                r = read_word(v, "kind", kinds, "vm or container", &kind, f);
        if (r >= 0)
                r = json_opt_u32(v, "ring", RING_MIN, RING_MAX, &c->ring, f);
        if (r >= 0)
                r = json_opt_u32(v, "buffer", RX_BUFFER_MIN, RX_BUFFER_MAX, &c->buffer, f);
        if (r >= 0)
                r = json_opt_bool(v, "drop", &c->drop, f);
        if (r >= 0)
                r = json_opt_bool(v, "scatter", &c->scatter, f);
        if (r >= 0)
                r = check_sizes(v, c, f);
        if (r >= 0)
                r = read_vlans(v, ret, f);
        if (r < 0)
                return r;
        c->vm = kind == 0;
        port = json_member(v, "port");
        if (!port)
                return 0;
        c->declared_port = true;
        return read_port(port, &c->port, f);
}

/* ---- the NIC -----------------------------------------------------------------------------------
 */

/* "wire" is not a pool here; "pf" or a VF's index. */
static int read_pool(const struct json_value *v, const char *key, uint32_t max_vfs, uint32_t *ret,
        struct fault *f)
{
        const struct json_value *value;
        const char *word;
        uint32_t vf;
        int r;

        r = json_require(v, key, &value, f);
        if (r < 0)
                return r;
        if (json_kind(value) == JSON_STRING) {
                r = json_as_string(value, &word, f);
                if (r < 0 || !streq(word, "pf"))
                        return json_refuse(value, f, "%s; expected \"pf\" or a VF's index", key);
                *ret = POOL_PF;
                return 0;
        }
        r = json_as_u32(value, 0, max_vfs - 1, &vf, f);
        if (r == 0)
                *ret = pool_of_vf(vf);
        return r;
}

static int read_mirror(
        const struct json_value *v, uint32_t max_vfs, struct sorter_mirror *ret, struct fault *f)
{
        static const char *const keys[] = {"kind", "source", "vlan", "to", NULL};
        static const char *const kinds[] = {[MIRROR_POOL] = "pool",
                [MIRROR_VLAN] = "vlan",
                [MIRROR_UPLINK] = "uplink",
                [MIRROR_DOWNLINK] = "downlink",
                NULL};
        const struct json_value *required;
        unsigned kind = 0;
        uint32_t vlan = 0;
        int r;

        r = json_check_keys(v, keys, f);
        if (r == 0)
                r = json_require(v, "kind", &required, f);
        if (r == 0)
                r = read_word(v, "kind", kinds, "pool, vlan, uplink or downlink", &kind, f);
        if (r >= 0)
                r = read_pool(v, "to", max_vfs, &ret->to, f);
        if (r >= 0 && kind == MIRROR_POOL)
                r = read_pool(v, "source", max_vfs, &ret->source, f);
        if (r >= 0 && kind == MIRROR_VLAN)
                r = json_require(v, "vlan", &required, f);
        if (r >= 0 && kind == MIRROR_VLAN)
                r = json_as_u32(required, 1, VLAN_ID_MAX, &vlan, f);
        ret->kind = kind;
        ret->vlan = (uint16_t) vlan;
        return r < 0 ? r : 0;
}

static int read_mirrors(const struct json_value *v, uint32_t max_vfs,
        struct traffic_nic_config *ret, struct fault *f)
{
        const struct json_value *list;
        size_t n;
        int r;

        r = json_opt_array(v, "mirrors", &list, &n, f);
        if (r < 0)
                return r;
        if (n > MIRROR_RULES_MAX)
                return json_refuse(
                        list, f, "%zu mirror rules; expected at most %u", n, MIRROR_RULES_MAX);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = read_mirror(json_element(list, i), max_vfs, &ret->mirrors[ret->n_mirrors++], f);
        return r < 0 ? r : 0;
}

static int read_storm(const struct json_value *v, struct traffic_nic_config *ret, struct fault *f)
{
        static const char *const keys[] = {"broadcast", "multicast", "interval_us", NULL};
        uint32_t broadcast = 0, multicast = 0, interval = 0;
        const struct json_value *required;
        int r;

        if (!v)
                return 0;
        r = json_check_keys(v, keys, f);
        if (r == 0)
                r = json_require(v, "interval_us", &required, f);
        if (r == 0)
                r = json_as_u32(required, 1, 1000000, &interval, f);
        if (r == 0)
                r = json_opt_u32(v, "broadcast", 0, UINT32_MAX, &broadcast, f);
        if (r >= 0)
                r = json_opt_u32(v, "multicast", 0, UINT32_MAX, &multicast, f);
        ret->storm_broadcast = broadcast;
        ret->storm_multicast = multicast;
        ret->storm_interval = (uint64_t) interval * 1000;
        return r < 0 ? r : 0;
}

static int check_queues(
        const struct json_value *v, const struct traffic_nic_config *c, struct fault *f)
{
        if (c->queues & (c->queues - 1))
                return json_refuse(
                        json_member(v, "queues"), f, "queues %u; expected 1, 2, 4 or 8", c->queues);
        return 0;
}

int topology_read_nic(const struct json_value *v, const struct sim_profile *profile,
        uint32_t max_vfs, struct traffic_nic_config *ret, struct fault *f)
{
        static const char *const ours[] = {"wire", "tap", "queues", "packet_memory_kib", "speed",
                "switching", "cut_through", "mirrors", "storm"};
        static const char *const switching[] = {"veb", "vepa", NULL};
        unsigned word = 0;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(ours) && !profile->netdev; i++)
                if (json_member(v, ours[i]))
                        return json_refuse(json_member(v, ours[i]), f,
                                "profile %s moves no frames; expected no %s", profile->name,
                                ours[i]);
        r = json_member(v, "wire") ? read_port(json_member(v, "wire"), &ret->wire, f) : 0;
        if (r == 0)
                r = json_opt_bool(v, "tap", &ret->tap, f);
        if (r >= 0)
                r = json_opt_u32(v, "queues", 1, NIC_QUEUES_MAX, &ret->queues, f);
        if (r >= 0)
                r = check_queues(v, ret, f);
        if (r >= 0)
                r = json_opt_u32(v, "packet_memory_kib", 64, 65536, &ret->packet_memory_kib, f);
        if (r >= 0)
                r = json_opt_u32(v, "speed", 10, 800000, &ret->speed, f);
        if (r >= 0)
                r = read_word(v, "switching", switching, "veb or vepa", &word, f);
        ret->vepa = word == 1;
        if (r >= 0)
                r = json_opt_bool(v, "cut_through", &ret->cut_through, f);
        if (r >= 0)
                r = read_mirrors(v, max_vfs, ret, f);
        return r < 0 ? r : read_storm(json_member(v, "storm"), ret, f);
}
