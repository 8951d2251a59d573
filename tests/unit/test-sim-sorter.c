/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the sorter sends frames, rule by rule and by both roads: sorter_lab.h and what is
 * otherwise. */
#include "sorter_lab.h"

/* ---- where frames go ---- */

struct sort_case {
        const char *name;
        uint32_t from; /* FROM_WIRE or a pool */
        uint64_t dst, src;
        uint32_t tag, inner, type;
        struct setup setup;
        enum drop_reason reason;
        uint64_t pools;
        bool wire, mirrored;
};

#define WIRE FROM_WIRE

static const struct sort_case wire_cases[] = {
        {"exact unicast", WIRE, MAC_0, .pools = VF0},
        {"unknown unicast", WIRE, STRANGER, .reason = DROP_NO_POOL},
        {"two pools with one MAC", WIRE, MAC_0, .setup.filters = {{MAC_0, 3}}, .pools = VF0 | VF2},
        {"exact multicast", WIRE, GROUP, .setup.filters = {{GROUP, 2}}, .pools = VF1},
        {"broadcast", WIRE, BROADCAST, .pools = PF | VF0 | VF1 | VF2},
        {"broadcast, not for who does not accept it", WIRE, BROADCAST,
                .setup.off = {AT(2, broadcast)}, .pools = PF | VF0 | VF2},
        {"broadcast is not multicast", WIRE, BROADCAST,
                .setup = {.on = {AT(1, multicast_promisc), AT(1, multicast_hash)},
                        .hash = BROADCAST,
                        .off = {AT(0, broadcast), AT(1, broadcast), AT(2, broadcast),
                                AT(3, broadcast)}},
                .reason = DROP_NO_POOL},
        {"unicast hash", WIRE, STRANGER, .setup = {.hash = STRANGER, .on = {AT(2, unicast_hash)}},
                .pools = VF1},
        {"unicast hash only if no exact match", WIRE, MAC_0,
                .setup = {.hash = MAC_0, .on = {AT(2, unicast_hash)}}, .pools = VF0},
        {"unicast hash not after a match that does not receive", WIRE, MAC_0,
                .setup = {.hash = MAC_0, .on = {AT(2, unicast_hash)}, .off = {AT(1, rx_enable)}},
                .reason = DROP_RX_DISABLED},
        {"unicast hash is not for multicast", WIRE, GROUP,
                .setup = {.hash = GROUP, .on = {AT(2, unicast_hash)}}, .reason = DROP_NO_POOL},
        {"multicast hash", WIRE, GROUP, .setup = {.hash = GROUP, .on = {AT(2, multicast_hash)}},
                .pools = VF1},
        {"multicast hash of another address with these bits", WIRE, 0x01005eff0001,
                .setup = {.hash = GROUP, .on = {AT(2, multicast_hash)}}, .pools = VF1},
        {"multicast hash only if no exact match", WIRE, GROUP,
                .setup = {.hash = GROUP, .on = {AT(2, multicast_hash)}, .filters = {{GROUP, 1}}},
                .pools = VF0},
        {"multicast promiscuous joins", WIRE, GROUP,
                .setup = {.filters = {{GROUP, 1}}, .on = {AT(3, multicast_promisc)}},
                .pools = VF0 | VF2},
        {"multicast promiscuous does not join unicast", WIRE, MAC_0,
                .setup.on = {AT(3, multicast_promisc)}, .pools = VF0},
        {"unicast promiscuous joins", WIRE, MAC_0, .setup.on = {AT(0, unicast_promisc)},
                .pools = PF | VF0},
        {"unicast promiscuous takes the unknown", WIRE, STRANGER,
                .setup.on = {AT(0, unicast_promisc)}, .pools = PF},
        {"unicast promiscuous does not join multicast", WIRE, GROUP,
                .setup.on = {AT(0, unicast_promisc)}, .reason = DROP_NO_POOL},
        /* VLAN */
        {"member", WIRE, MAC_0, .tag = TAG | 100, .pools = VF0},
        {"no member", WIRE, MAC_2, .tag = TAG | 100, .reason = DROP_VLAN},
        {"broadcast to members", WIRE, BROADCAST, .tag = TAG | 200, .pools = VF1 | VF2},
        {"VID in the table, nobody's", WIRE, BROADCAST, .tag = TAG | 300, .reason = DROP_VLAN},
        {"VID not in the table", WIRE, MAC_0, .tag = TAG | 400, .reason = DROP_VLAN},
        {"VID not in the table, MAC unknown", WIRE, STRANGER, .tag = TAG | 400,
                .reason = DROP_VLAN},
        {"VID not in the table: no default pool", WIRE, MAC_0, .tag = TAG | 400,
                .setup.default_vf = 1, .reason = DROP_VLAN},
        {"VID not in the table: no VLAN-promiscuous pool", WIRE, MAC_0, .tag = TAG | 400,
                .setup.on = {AT(1, vlan_promisc)}, .reason = DROP_VLAN},
        {"VLAN promiscuous, VID in the table", WIRE, MAC_0, .tag = TAG | 300,
                .setup.on = {AT(1, vlan_promisc)}, .pools = VF0},
        {"VLAN promiscuous wants no other MAC for it", WIRE, MAC_0, .tag = TAG | 100,
                .setup.on = {AT(3, vlan_promisc)}, .pools = VF0},
        {"VLAN filter off", WIRE, MAC_2, .tag = TAG | 400, .setup.no_vlan_filter = true,
                .pools = VF2},
        {"VLAN filter off, untagged not accepted", WIRE, MAC_2,
                .setup = {.no_vlan_filter = true, .off = {AT(3, untagged)}}, .pools = VF2},
        {"untagged not accepted", WIRE, MAC_0, .setup.off = {AT(1, untagged)}, .reason = DROP_VLAN},
        {"VLAN promiscuous does not mean untagged", WIRE, MAC_0,
                .setup = {.off = {AT(1, untagged)}, .on = {AT(1, vlan_promisc)}},
                .reason = DROP_VLAN},
        {"VID 0 with a priority is untagged", WIRE, MAC_0, .tag = TAG | 0xe000, .pools = VF0},
        {"VID 0 not accepted", WIRE, MAC_0, .tag = TAG | 0xe000, .setup.off = {AT(1, untagged)},
                .reason = DROP_VLAN},
        {"priority and DEI do not matter", WIRE, MAC_0, .tag = TAG | 0xf000 | 100, .pools = VF0},
        {"VID 4095", WIRE, MAC_0, .tag = TAG | 4095, .reason = DROP_VLAN},
        {"VID 4095, no filter", WIRE, MAC_0, .tag = TAG | 4095, .setup.no_vlan_filter = true,
                .pools = VF0},
        {"QinQ: the first tag decides", WIRE, BROADCAST, .tag = TAG | 100, .inner = TAG | 200,
                .pools = VF0 | VF1},
        {"QinQ of 802.1ad not recognised: untagged", WIRE, BROADCAST, .tag = S_TAG | 500,
                .inner = TAG | 100, .pools = PF | VF0 | VF1 | VF2},
        {"service tag decides", WIRE, BROADCAST, .tag = S_TAG | 500, .inner = TAG | 100,
                .setup = {.format.service_tags = true, .members = {{VLAN_KEY_S | 500, 3}}},
                .pools = VF2},
        {"service VLAN is not the customer's", WIRE, BROADCAST, .tag = S_TAG | 100,
                .setup.format.service_tags = true, .reason = DROP_VLAN},
        {"service tag of VID 0 is untagged", WIRE, MAC_0, .tag = S_TAG,
                .setup.format.service_tags = true, .pools = VF0},
        {"double VLAN: the inner tag decides", WIRE, BROADCAST, .tag = S_TAG | 500,
                .inner = TAG | 200, .setup.format = {.double_vlan = true, .outer_tpid = ETH_QINQ},
                .pools = VF1 | VF2},
        {"double VLAN: outer alone is untagged", WIRE, MAC_0, .tag = S_TAG | 500,
                .setup.format = {.double_vlan = true, .outer_tpid = ETH_QINQ}, .pools = VF0},
        {"double VLAN: inner alone decides", WIRE, BROADCAST, .tag = TAG | 200,
                .setup.format = {.double_vlan = true, .outer_tpid = ETH_QINQ}, .pools = VF1 | VF2},
        /* default pool */
        {"default pool", WIRE, STRANGER, .setup.default_vf = 2, .pools = VF1},
        {"default pool for multicast", WIRE, GROUP, .setup.default_vf = 2, .pools = VF1},
        {"default pool for no member", WIRE, MAC_2, .tag = TAG | 100, .setup.default_vf = 1,
                .pools = VF0},
        {"default pool for untagged nobody accepts", WIRE, MAC_2,
                .setup = {.default_vf = 1, .off = {AT(3, untagged)}}, .pools = VF0},
        {"default pool not for a match", WIRE, MAC_2, .setup.default_vf = 1, .pools = VF2},
        {"default pool not for a match without receive", WIRE, MAC_2,
                .setup = {.default_vf = 1, .off = {AT(3, rx_enable)}}, .reason = DROP_RX_DISABLED},
        {"default pool without receive", WIRE, STRANGER,
                .setup = {.default_vf = 1, .off = {AT(1, rx_enable)}}, .reason = DROP_RX_DISABLED},
        /* Ethertype */
        {"Ethertype replaces the set", WIRE, BROADCAST, .type = 0x88f7,
                .setup = {.ethertypes = {{0x88f7, 3}}, .n_ethertypes = 1}, .pools = VF2},
        {"Ethertype behind a tag", WIRE, MAC_0, .tag = TAG | 100, .type = 0x88f7,
                .setup = {.ethertypes = {{0x88f7, 3}}, .n_ethertypes = 1}, .pools = VF2},
        {"Ethertype for what nobody wants", WIRE, STRANGER, .type = 0x88f7,
                .setup = {.ethertypes = {{0x88f7, 3}}, .n_ethertypes = 1}, .pools = VF2},
        {"Ethertype drops", WIRE, MAC_0, .type = 0x88f7,
                .setup = {.ethertypes = {{0x88f7, POOL_NONE}}, .n_ethertypes = 1},
                .reason = DROP_ETHERTYPE},
        {"Ethertype: the first rule", WIRE, MAC_0, .type = 0x88f7,
                .setup = {.ethertypes = {{0x88f7, 2}, {0x88f7, 3}}, .n_ethertypes = 2},
                .pools = VF1},
        {"Ethertype of no rule", WIRE, MAC_0, .type = 0x88f7,
                .setup = {.ethertypes = {{0x88f8, 2}}, .n_ethertypes = 1}, .pools = VF0},
        {"Ethertype does not save a VID that is in no filter", WIRE, MAC_0, .tag = TAG | 400,
                .type = 0x88f7, .setup = {.ethertypes = {{0x88f7, 3}}, .n_ethertypes = 1},
                .reason = DROP_VLAN},
        {"Ethertype rule's pool does not receive", WIRE, MAC_0, .type = 0x88f7,
                .setup = {.ethertypes = {{0x88f7, 3}},
                        .n_ethertypes = 1,
                        .off = {AT(3, rx_enable)}},
                .reason = DROP_RX_DISABLED},
        /* source pruning */
        {"source pruning", WIRE, BROADCAST, MAC_0, .setup.on = {AT(1, source_prune)},
                .pools = PF | VF1 | VF2},
        {"source pruning, not asked for", WIRE, BROADCAST, MAC_0, .setup.on = {AT(2, source_prune)},
                .pools = PF | VF0 | VF1 | VF2},
        {"source pruning of the only receiver", WIRE, MAC_0, MAC_0,
                .setup.on = {AT(1, source_prune)}, .reason = DROP_SELF},
        {"source pruning is not for local frames", 2, MAC_0, MAC_0,
                .setup.on = {AT(1, source_prune)}, .pools = VF0},
        /* receive enabled */
        {"receive disabled", WIRE, MAC_0, .setup.off = {AT(1, rx_enable)},
                .reason = DROP_RX_DISABLED},
        {"receive disabled for one of all", WIRE, BROADCAST, .setup.off = {AT(1, rx_enable)},
                .pools = PF | VF1 | VF2},
        /* reserved group addresses */
        {"reserved: the PF's alone", WIRE, LLDP,
                .setup = {.filters = {{LLDP, 1}}, .on = {AT(2, multicast_promisc)}}, .pools = PF},
        {"reserved: 0", WIRE, 0x0180c2000000, .pools = PF},
        {"reserved: up to 0f", WIRE, 0x0180c2000010, .setup.on = {AT(2, multicast_promisc)},
                .pools = VF1},
        {"reserved: the PF does not receive", WIRE, LLDP,
                .setup = {.default_vf = 1, .off = {AT(0, rx_enable)}}, .reason = DROP_RESERVED},
        {"reserved: the PF is no member", WIRE, LLDP, .tag = TAG | 100, .reason = DROP_RESERVED},
        {"reserved: the PF is a member", WIRE, LLDP, .tag = TAG | 100, .setup.members = {{100, 0}},
                .pools = PF},
        {"reserved: no Ethertype rule", WIRE, LLDP, .type = 0x88cc,
                .setup = {.ethertypes = {{0x88cc, 3}}, .n_ethertypes = 1}, .pools = PF},
        {"reserved: no mirror", WIRE, LLDP,
                .setup = {.mirrors = {{.kind = MIRROR_UPLINK, .to = 1}}, .n_mirrors = 1},
                .pools = PF},
        /* mirrors */
        {"mirror of a pool", WIRE, MAC_0,
                .setup = {.mirrors = {{.kind = MIRROR_POOL, .source = 1, .to = 3}}, .n_mirrors = 1},
                .pools = VF0 | VF2, .mirrored = true},
        {"mirror of another pool", WIRE, MAC_1,
                .setup = {.mirrors = {{.kind = MIRROR_POOL, .source = 1, .to = 3}}, .n_mirrors = 1},
                .pools = VF1},
        {"mirror to who has it anyway", WIRE, BROADCAST,
                .setup = {.mirrors = {{.kind = MIRROR_POOL, .source = 1, .to = 3}}, .n_mirrors = 1},
                .pools = PF | VF0 | VF1 | VF2},
        {"no mirror of a mirror", WIRE, MAC_0,
                .setup = {.mirrors = {{.kind = MIRROR_POOL, .source = 1, .to = 2},
                                  {.kind = MIRROR_POOL, .source = 2, .to = 3}},
                        .n_mirrors = 2},
                .pools = VF0 | VF1, .mirrored = true},
        {"mirror to who does not receive", WIRE, MAC_0,
                .setup = {.mirrors = {{.kind = MIRROR_POOL, .source = 1, .to = 3}},
                        .n_mirrors = 1,
                        .off = {AT(3, rx_enable)}},
                .pools = VF0},
        {"mirror of a VLAN", WIRE, MAC_0, .tag = TAG | 100,
                .setup = {.mirrors = {{.kind = MIRROR_VLAN, .vlan = 100, .to = 3}}, .n_mirrors = 1},
                .pools = VF0 | VF2, .mirrored = true},
        {"mirror of another VLAN", WIRE, MAC_1, .tag = TAG | 200,
                .setup = {.mirrors = {{.kind = MIRROR_VLAN, .vlan = 100, .to = 3}}, .n_mirrors = 1},
                .pools = VF1},
        {"mirror of the uplink", WIRE, MAC_0,
                .setup = {.mirrors = {{.kind = MIRROR_UPLINK, .to = 3}}, .n_mirrors = 1},
                .pools = VF0 | VF2, .mirrored = true},
        {"mirror of the uplink: not what nobody gets", WIRE, STRANGER,
                .setup = {.mirrors = {{.kind = MIRROR_UPLINK, .to = 3}}, .n_mirrors = 1},
                .reason = DROP_NO_POOL},
        {"mirror of the downlink: not from the wire", WIRE, MAC_0,
                .setup = {.mirrors = {{.kind = MIRROR_DOWNLINK, .to = 3}}, .n_mirrors = 1},
                .pools = VF0},
};

static const struct sort_case pool_cases[] = {
        {"VF to VF", 1, MAC_1, .pools = VF1},
        {"VF to PF", 1, MAC_PF, .pools = PF},
        {"PF to VF", 0, MAC_0, .pools = VF0},
        {"unknown unicast to the wire", 1, STRANGER, .wire = true},
        {"unknown unicast: no default pool", 1, STRANGER, .setup.default_vf = 2, .wire = true},
        {"multicast nobody wants: no default pool", 1, GROUP, .setup.default_vf = 2, .wire = true},
        {"broadcast to all but the sender", 1, BROADCAST, .pools = PF | VF1 | VF2, .wire = true},
        {"broadcast and self-loopback", 1, BROADCAST, .setup.on = {AT(1, self_loopback)},
                .pools = PF | VF0 | VF1 | VF2, .wire = true},
        {"multicast", 1, GROUP, .setup.filters = {{GROUP, 3}}, .pools = VF2, .wire = true},
        {"to itself", 1, MAC_0, .reason = DROP_SELF},
        {"to itself with self-loopback", 1, MAC_0, .setup.on = {AT(1, self_loopback)},
                .pools = VF0},
        {"to itself and another of that MAC", 1, MAC_0, .setup.filters = {{MAC_0, 2}},
                .pools = VF1},
        {"unicast hash does not keep it off the wire", 1, STRANGER,
                .setup = {.hash = STRANGER, .on = {AT(2, unicast_hash)}}, .pools = VF1,
                .wire = true},
        {"promiscuous does not keep it off the wire", 1, STRANGER,
                .setup.on = {AT(0, unicast_promisc)}, .pools = PF, .wire = true},
        {"promiscuous sees VF to VF", 1, MAC_1, .setup.on = {AT(0, unicast_promisc)},
                .pools = PF | VF1},
        {"a match that does not receive is none for the wire", 1, MAC_1,
                .setup.off = {AT(2, rx_enable)}, .wire = true},
        {"one of two matches receives", 1, MAC_1,
                .setup = {.filters = {{MAC_1, 3}}, .off = {AT(2, rx_enable)}}, .pools = VF2},
        {"a match in another VLAN is one for the wire", 1, MAC_2, .tag = TAG | 100,
                .reason = DROP_VLAN},
        {"member to member", 1, MAC_1, .tag = TAG | 100, .pools = VF1},
        {"broadcast in a VLAN", 3, BROADCAST, .tag = TAG | 200, .pools = VF1, .wire = true},
        {"broadcast in a VLAN of no filter: the wire alone", 3, BROADCAST, .tag = TAG | 400,
                .wire = true},
        {"unknown unicast in a VLAN of no filter", 3, STRANGER, .tag = TAG | 400, .wire = true},
        {"unknown unicast, VID 4095", 3, STRANGER, .tag = TAG | 4095, .wire = true},
        {"Ethertype decides about pools, not about the wire", 1, BROADCAST, .type = 0x88f7,
                .setup = {.ethertypes = {{0x88f7, POOL_NONE}}, .n_ethertypes = 1}, .wire = true},
        {"Ethertype rule that points to the sender", 1, MAC_1, .type = 0x88f7,
                .setup = {.ethertypes = {{0x88f7, 1}}, .n_ethertypes = 1}, .reason = DROP_SELF},
        /* VEPA */
        {"VEPA: to the wire alone", 1, MAC_1, .setup.vepa = true, .wire = true},
        {"VEPA: broadcast", 1, BROADCAST, .setup.vepa = true, .wire = true},
        {"VEPA: to itself", 1, MAC_0, .setup = {.vepa = true, .on = {AT(1, self_loopback)}},
                .wire = true},
        {"VEPA: no mirror", 1, MAC_1,
                .setup = {.vepa = true,
                        .mirrors = {{.kind = MIRROR_DOWNLINK, .to = 3}},
                        .n_mirrors = 1},
                .wire = true},
        {"VEPA: from the wire as ever", WIRE, MAC_1, .setup.vepa = true, .pools = VF1},
        {"VEPA: what comes back, pruned", WIRE, BROADCAST, MAC_0,
                .setup = {.vepa = true, .on = {AT(1, source_prune)}}, .pools = PF | VF1 | VF2},
        /* reserved group addresses */
        {"reserved from a VF: the PF alone", 1, LLDP, .pools = PF},
        {"reserved from a VF with VEPA", 1, LLDP, .setup.vepa = true, .pools = PF},
        {"reserved from a VF, the PF does not receive", 1, LLDP, .setup.off = {AT(0, rx_enable)},
                .reason = DROP_RESERVED},
        {"reserved from the PF: the wire alone", 0, LLDP,
                .setup = {.filters = {{LLDP, 1}}, .on = {AT(0, self_loopback)}}, .wire = true},
        {"reserved from the PF with VEPA", 0, LLDP, .setup.vepa = true, .wire = true},
        /* mirrors */
        {"mirror of the downlink", 1, STRANGER,
                .setup = {.mirrors = {{.kind = MIRROR_DOWNLINK, .to = 3}}, .n_mirrors = 1},
                .pools = VF2, .wire = true, .mirrored = true},
        {"mirror of the downlink: not what stays", 1, MAC_1,
                .setup = {.mirrors = {{.kind = MIRROR_DOWNLINK, .to = 3}}, .n_mirrors = 1},
                .pools = VF1},
        {"mirror of the uplink: not from a pool", 1, MAC_1,
                .setup = {.mirrors = {{.kind = MIRROR_UPLINK, .to = 3}}, .n_mirrors = 1},
                .pools = VF1},
        {"mirror of a VLAN: the wire is a receiver", 1, STRANGER, .tag = TAG | 100,
                .setup = {.mirrors = {{.kind = MIRROR_VLAN, .vlan = 100, .to = 3}}, .n_mirrors = 1},
                .pools = VF2, .wire = true, .mirrored = true},
        {"mirror of a pool: VF to VF", 1, MAC_1,
                .setup = {.mirrors = {{.kind = MIRROR_POOL, .source = 2, .to = 3}}, .n_mirrors = 1},
                .pools = VF1 | VF2, .mirrored = true},
};

static bool verdict_is(const struct verdict *v, const struct sort_case *c, uint64_t pools)
{
        uint32_t first = c->pools ? (uint32_t) __builtin_ctzll(c->pools) : POOL_NONE;

        return v->reason == c->reason && v->wire == c->wire && v->mirrored == c->mirrored &&
               v->n == (uint32_t) __builtin_popcountll(c->pools) && pools == c->pools &&
               v->pool == first;
}

static void sort_cases(const struct sort_case *cases, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const struct sort_case *c = &cases[i];
                uint64_t src = c->src ? c->src : c->from == FROM_WIRE ? STRANGER : mac_of(c->from);
                struct pool_set set, sets[1];
                struct verdict walked, burst;
                struct frame_head head;
                struct lab l;

                lab_init(&l, &c->setup);
                head = head_of(&l, c->dst, src, c->tag, c->inner, c->type);
                sorter_walk(l.sorter, c->from, &head, &set, &walked, NULL);
                if (!verdict_is(&walked, c, set.w[0]))
                        fail_msg("%s: %s, wire %d, mirrored %d, pools %#llx", c->name,
                                drop_reason_name(walked.reason), walked.wire, walked.mirrored,
                                (unsigned long long) set.w[0]);
                sorter_burst(l.sorter, c->from, &head, 1, &burst, sets);
                if (burst.n == 0)
                        sets[0].w[0] = 0;
                if (burst.n == 1)
                        sets[0].w[0] = UINT64_C(1) << burst.pool;
                if (!verdict_is(&burst, c, sets[0].w[0]))
                        fail_msg("%s: by the fast road %s, wire %d, pools %#llx", c->name,
                                drop_reason_name(burst.reason), burst.wire,
                                (unsigned long long) sets[0].w[0]);
                sorter_free(l.sorter);
        }
}

static void from_wire(void **state)
{
        (void) state;
        sort_cases(wire_cases, ELEMENTSOF(wire_cases));
}

static void from_pools(void **state)
{
        (void) state;
        sort_cases(pool_cases, ELEMENTSOF(pool_cases));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(from_wire),
                cmocka_unit_test(from_pools),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
