/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pools may send, what a trace tells, which configurations are refused, and large ones. */
#include "sorter_lab.h"

/* ---- what a pool may send: VF 0 sends ---- */

static const struct {
        const char *name;
        uint64_t src; /* 0: its own */
        uint32_t tag;
        struct setup setup;
        enum drop_reason reason;
        uint32_t inserted;
} sender_cases[] = {
        {"its own", .src = 0},
        {"anything, without anti-spoof", .src = STRANGER, .tag = TAG | 200},
        {"transmit disabled", .setup.off = {AT(1, tx_enable)}, .reason = DROP_TX_DISABLED},
        {"own MAC", .setup.on = {AT(1, mac_antispoof)}},
        {"another MAC", STRANGER, .setup.on = {AT(1, mac_antispoof)}, .reason = DROP_SPOOF_MAC},
        {"another pool's MAC", MAC_1, .setup.on = {AT(1, mac_antispoof)}, .reason = DROP_SPOOF_MAC},
        {"second own MAC", 0x020000000055,
                .setup = {.on = {AT(1, mac_antispoof)}, .filters = {{0x020000000055, 1}}}},
        {"a MAC it shares", MAC_1,
                .setup = {.on = {AT(1, mac_antispoof)}, .filters = {{MAC_1, 1}}}},
        {"own VLAN", .tag = TAG | 100, .setup.on = {AT(1, mac_antispoof), AT(1, vlan_antispoof)}},
        {"another VLAN", .tag = TAG | 200,
                .setup.on = {AT(1, mac_antispoof), AT(1, vlan_antispoof)},
                .reason = DROP_SPOOF_VLAN},
        {"VLAN in the table, nobody's", .tag = TAG | 300,
                .setup.on = {AT(1, mac_antispoof), AT(1, vlan_antispoof)},
                .reason = DROP_SPOOF_VLAN},
        {"VID 4095", .tag = TAG | 4095, .setup.on = {AT(1, mac_antispoof), AT(1, vlan_antispoof)},
                .reason = DROP_SPOOF_VLAN},
        {"untagged is exempt", .setup.on = {AT(1, mac_antispoof), AT(1, vlan_antispoof)}},
        {"a priority tag is exempt", .tag = TAG | 0xe000,
                .setup.on = {AT(1, mac_antispoof), AT(1, vlan_antispoof)}},
        {"VLAN anti-spoof needs MAC anti-spoof", .tag = TAG | 200,
                .setup.on = {AT(1, vlan_antispoof)}},
        {"VLAN anti-spoof without the VLAN filter", .tag = TAG | 200,
                .setup = {.no_vlan_filter = true,
                        .on = {AT(1, mac_antispoof), AT(1, vlan_antispoof)}},
                .reason = DROP_SPOOF_VLAN},
        {"MAC first", STRANGER, TAG | 200,
                .setup.on = {AT(1, mac_antispoof), AT(1, vlan_antispoof)},
                .reason = DROP_SPOOF_MAC},
        {"port VLAN", .setup.port_vlan = 100, .inserted = TAG | 0xa000 | 100},
        {"port VLAN, a service tag", .setup.port_vlan = VLAN_KEY_S | 100,
                .inserted = S_TAG | 0xa000 | 100},
        {"own tag under a port VLAN", .tag = TAG | 100, .setup.port_vlan = 100,
                .reason = DROP_PORT_VLAN},
        {"priority tag under a port VLAN", .tag = TAG | 0xe000, .setup.port_vlan = 100,
                .reason = DROP_PORT_VLAN},
        {"another VLAN's tag under a port VLAN", .tag = TAG | 200,
                .setup = {.port_vlan = 100, .on = {AT(1, mac_antispoof), AT(1, vlan_antispoof)}},
                .reason = DROP_SPOOF_VLAN},
};

static void senders(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(sender_cases); i++) {
                enum drop_reason want = sender_cases[i].reason, got, burst[2];
                uint32_t tag = 0xdead, burst_tag = 0;
                struct frame_head heads[2];
                struct lab l;

                lab_init(&l, &sender_cases[i].setup);
                heads[0] = heads[1] =
                        head_of(&l, STRANGER, sender_cases[i].src ? sender_cases[i].src : mac_of(1),
                                sender_cases[i].tag, 0, 0);
                got = sorter_check_sender(l.sorter, 1, &heads[0], &tag);
                if (got != want || tag != (want == DROP_NONE ? sender_cases[i].inserted : 0xdead))
                        fail_msg("%s: %s, tag %#x", sender_cases[i].name, drop_reason_name(got),
                                tag);
                assert_int_equal(sorter_check_burst(l.sorter, 1, heads, 2, burst, &burst_tag),
                        want == DROP_NONE ? 2 : 0);
                if (burst[0] != want || burst[1] != want || (want == DROP_NONE && burst_tag != tag))
                        fail_msg("%s: by the fast road %s, tag %#x", sender_cases[i].name,
                                drop_reason_name(burst[0]), burst_tag);
                sorter_free(l.sorter);
        }
}

/* ---- the rest ---- */

struct told {
        uint32_t n;
        enum sorter_rule rules[RULE_MAX];
        uint64_t sets[RULE_MAX];
};

static void tell(
        void *userdata, enum sorter_rule rule, const struct pool_set *set, uint32_t n_pools)
{
        struct told *t = userdata;

        assert_int_equal(n_pools, POOLS);
        assert_in_range(t->n, 0, RULE_MAX - 1);
        t->rules[t->n] = rule;
        t->sets[t->n++] = set->w[0];
}

/* Rules are told of in their order, each with the set that it left. */
static void trace(void **state)
{
        static const enum sorter_rule rules[] = {RULE_EXACT, RULE_BROADCAST, RULE_UNICAST_HASH,
                RULE_MULTICAST_HASH, RULE_PROMISC, RULE_VLAN, RULE_ETHERTYPE, RULE_SOURCE,
                RULE_ENABLED, RULE_WIRE, RULE_MIRROR};
        static const uint64_t sets[] = {
                VF1, VF1, VF1, VF1, PF | VF0 | VF1, VF0 | VF1, VF0 | VF1, VF1, VF1, VF1, VF1 | VF2};
        const struct setup setup = {
                .filters = {{GROUP, 2}},
                .on = {AT(0, multicast_promisc), AT(1, multicast_promisc)},
                .mirrors = {{.kind = MIRROR_DOWNLINK, .to = 3}},
                .n_mirrors = 1,
        };
        struct told told = {0};
        const struct sorter_trace tracer = {tell, &told};
        struct frame_head head;
        struct pool_set set;
        struct verdict v;
        struct lab l;

        (void) state;
        lab_init(&l, &setup);
        head = head_of(&l, GROUP, mac_of(1), TAG | 100, 0, 0);
        sorter_walk(l.sorter, 1, &head, &set, &v, &tracer);
        assert_int_equal(told.n, ELEMENTSOF(rules));
        assert_memory_equal(told.rules, rules, sizeof(rules));
        assert_memory_equal(told.sets, sets, sizeof(sets));
        told.n = 0;
        head = head_of(&l, LLDP, STRANGER, 0, 0, 0);
        sorter_walk(l.sorter, FROM_WIRE, &head, &set, &v, &tracer);
        assert_int_equal(told.n, 4);
        assert_int_equal(told.rules[0], RULE_RESERVED);
        for (uint32_t i = 0; i < RULE_MAX; i++)
                assert_non_null(sorter_rule_name(i));
        sorter_free(l.sorter);
}

static int changed(struct lab *l, void (*change)(struct lab *l))
{
        const struct setup usual = {.port_vlan = 0};
        struct sorter *s = NULL;
        int r;

        lab_init(l, &usual);
        sorter_free(l->sorter);
        change(l);
        r = sorter_new(&l->c, &s);
        sorter_free(s);
        return r;
}

#define CHANGE_FUNCTION(name, code)                                                                \
        static void name(struct lab *l)                                                            \
        {                                                                                          \
                code;                                                                              \
        }
CHANGE_FUNCTION(nothing, (void) l)
CHANGE_FUNCTION(no_pools, l->c.n_pools = 0)
CHANGE_FUNCTION(too_many_pools, l->c.n_pools = POOLS_MAX + 1)
CHANGE_FUNCTION(bad_filter_pool, l->filters[1].pool = POOLS)
CHANGE_FUNCTION(no_filter_pool, l->filters[1].pool = POOL_NONE)
CHANGE_FUNCTION(bad_mac, l->filters[1].mac = UINT64_C(1) << 48)
CHANGE_FUNCTION(bad_member_pool, l->members[0].pool = POOLS)
CHANGE_FUNCTION(vid_4095, l->members[0].vlan = 4095)
CHANGE_FUNCTION(service_vid_4095, l->members[0].vlan = VLAN_KEY_S | 4095)
CHANGE_FUNCTION(bad_key, l->members[0].vlan = VLAN_KEYS)
CHANGE_FUNCTION(bad_default, l->c.default_pool = POOLS)
CHANGE_FUNCTION(many_ethertypes, l->c.n_ethertypes = ETHERTYPE_RULES_MAX + 1)
CHANGE_FUNCTION(bad_ethertype_pool, (l->c.n_ethertypes = 1, l->c.ethertypes[0].pool = POOLS))
CHANGE_FUNCTION(many_mirrors, l->c.n_mirrors = MIRROR_RULES_MAX + 1)
CHANGE_FUNCTION(bad_mirror_to, (l->c.n_mirrors = 1, l->c.mirrors[0].to = POOLS))
CHANGE_FUNCTION(bad_mirror_source, (l->c.n_mirrors = 1, l->c.mirrors[0].source = POOLS))
CHANGE_FUNCTION(bad_mirror_kind, (l->c.n_mirrors = 1, l->c.mirrors[0].kind = 4))
CHANGE_FUNCTION(bad_mirror_vlan, (l->c.n_mirrors = 1, l->c.mirrors[0] = (struct sorter_mirror){
                                                              .kind = MIRROR_VLAN, .vlan = 4095}))
CHANGE_FUNCTION(port_vlan_4095, l->pools[2].port_vlan = 4095)
CHANGE_FUNCTION(port_vlan_s_0, l->pools[2].port_vlan = VLAN_KEY_S)
CHANGE_FUNCTION(bad_qos, l->pools[2].port_qos = 8)

static void refusals(void **state)
{
        static void (*const bad[])(struct lab *) = {no_pools, too_many_pools, bad_filter_pool,
                no_filter_pool, bad_mac, bad_member_pool, vid_4095, service_vid_4095, bad_key,
                bad_default, many_ethertypes, bad_ethertype_pool, many_mirrors, bad_mirror_to,
                bad_mirror_source, bad_mirror_kind, bad_mirror_vlan, port_vlan_4095, port_vlan_s_0,
                bad_qos};
        struct lab l;

        (void) state;
        assert_int_equal(changed(&l, nothing), 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (changed(&l, bad[i]) != -EINVAL)
                        fail_msg("bad configuration %zu was taken", i);
}

/* As many pools as there can be, each found among many MACs, and all of them at once. */
static void many(void **state)
{
        struct sorter_pool *pools = calloc(POOLS_MAX, sizeof(*pools));
        struct sorter_filter *filters = calloc(4 * POOLS_MAX, sizeof(*filters));
        struct sorter_config c = {.n_pools = POOLS_MAX,
                .pools = pools,
                .filters = filters,
                .n_filters = 4 * POOLS_MAX,
                .switching = true,
                .default_pool = POOL_NONE};
        struct frame_head head = {.dst = MAC_BROADCAST, .ethertype = 0x0800};
        _cleanup_(sorter_freep) struct sorter *s = NULL;
        struct pool_set set;
        struct verdict v;

        (void) state;
        for (uint32_t i = 0; i < POOLS_MAX; i++)
                pools[i] = (struct sorter_pool){.rx_enable = true, .broadcast = true};
        for (uint32_t i = 0; i < 4 * POOLS_MAX; i++)
                filters[i] = (struct sorter_filter){mac(MAC_PF + 7919 * i), i / 4};
        assert_int_equal(sorter_new(&c, &s), 0);
        assert_int_equal(sorter_n_pools(s), POOLS_MAX);
        sorter_walk(s, 64, &head, &set, &v, NULL);
        assert_int_equal(v.n, POOLS_MAX - 1);
        for (uint32_t i = 0, at = 0; i < POOLS_MAX; i++, at = i + (i > 64)) {
                if (i < POOLS_MAX - 1)
                        assert_int_equal(pool_set_next(&set, POOLS_MAX, at), i + (i >= 64));
        }
        assert_int_equal(pool_set_next(&set, POOLS_MAX, POOLS_MAX), POOL_NONE);
        for (uint32_t i = 0; i < 4 * POOLS_MAX; i++) {
                head.dst = filters[i].mac;
                sorter_burst(s, FROM_WIRE, &head, 1, &v, &set);
                if (v.n != 1 || v.pool != i / 4)
                        fail_msg("filter %u is not found", i);
        }
        head.dst = mac(0x0200000000ff);
        sorter_burst(s, FROM_WIRE, &head, 1, &v, &set);
        assert_int_equal(v.reason, DROP_NO_POOL);
        free(pools);
        free(filters);
}

static void sets(void **state)
{
        struct pool_set set = {.w = {[0] = 1, [2] = UINT64_C(1) << 63}};

        (void) state;
        assert_int_equal(pool_set_next(&set, 192, 0), 0);
        assert_int_equal(pool_set_next(&set, 192, 1), 191);
        assert_int_equal(pool_set_next(&set, 192, 191), 191);
        assert_int_equal(pool_set_next(&set, 192, 192), POOL_NONE);
        assert_int_equal(pool_set_next(&set, 128, 1), POOL_NONE);
        assert_int_equal(pool_set_next(&set, 1, 0), 0);
}

static void reasons(void **state)
{
        (void) state;
        for (uint32_t i = 0; i < DROP_MAX; i++) {
                assert_non_null(drop_reason_name(i));
                assert_non_null(drop_reason_text(i));
                for (uint32_t k = 0; k < i; k++)
                        assert_string_not_equal(drop_reason_name(i), drop_reason_name(k));
        }
        assert_string_equal(drop_reason_name(DROP_SPOOF_MAC), "spoof_mac");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(senders),
                cmocka_unit_test(trace),
                cmocka_unit_test(refusals),
                cmocka_unit_test(many),
                cmocka_unit_test(sets),
                cmocka_unit_test(reasons),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
