/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PF driver's policy, seen in what happens to frames between guests and at the wire, and in
 * what VFs are told. Profiles differ: tables.
 */
#include "sim/nic/mailbox.h"
#include "sim/nic/registers.h"
#include "simguests.h"

#define VF(n) (1u << ((n) + 1)) /* in the masks of world_send() */
#define PF    1u
#define A     1u /* pools of the first VFs */
#define B     2u
#define C     3u

static const char *const profiles[] = {"igb", "ixgbe", "i40e", "ice", "mlx5", "scale"};

/* ---- without any setting ---- */

static void fresh_vfs(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(profiles); i++) {
                struct world *w = world_new(profiles[i], 3);
                bool checked = w->profile->spoofchk;

                /* Each has a MAC of its own that nobody set, and the driver knows it. */
                assert_int_equal(vf_mac(w, A) & 3, 2);
                assert_int_not_equal(vf_mac(w, A), vf_mac(w, B));
                assert_int_equal(vfdrv_mac(w->guest[A]), vf_mac(w, A));
                assert_true(vfdrv_link(w->guest[A]));

                assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1));
                assert_int_equal(world_send(w, A, OUTSIDE, vf_mac(w, A), NO_VLAN), WIRE_MASK);
                assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, C), OUTSIDE, NO_VLAN), VF(2));
                assert_int_equal(world_send(w, A, BROADCAST, vf_mac(w, A), NO_VLAN),
                        PF | VF(1) | VF(2) | WIRE_MASK);
                /* Nobody wants it: an unknown unicast, a multicast, a VLAN that nobody is in. */
                assert_int_equal(
                        world_send(w, FROM_OUT, mac_of_text("02:00:00:00:99:99"), OUTSIDE, NO_VLAN),
                        0);
                assert_int_equal(
                        world_send(w, FROM_OUT, mac_of_text("33:33:00:00:00:01"), OUTSIDE, NO_VLAN),
                        0);
                assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, A), OUTSIDE, 100), 0);
                /* A priority tag is no VLAN. */
                assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, A), OUTSIDE, 5 << 13), VF(0));
                /* Somebody else's source. */
                assert_int_equal(
                        world_send(w, A, vf_mac(w, B), vf_mac(w, C), NO_VLAN), checked ? 0 : VF(1));
                assert_int_equal(world_drops(w, A, DROP_SPOOF_MAC), checked);
                /* A tag of a VLAN it is not in. */
                world_send(w, A, OUTSIDE, vf_mac(w, A), 100);
                assert_int_equal(world_drops(w, A, DROP_SPOOF_VLAN), checked);
                world_free(w);
        }
}

static void numvfs(void **state)
{
        struct world *w = world_empty("ixgbe", 4, 1);

        (void) state;
        assert_int_equal(pfdrv_set_numvfs(w->pf, 3, w->now), -EBUSY);
        assert_int_equal(pfdrv_set_numvfs(w->pf, 4, w->now), 0);
        assert_int_equal(set_text(w, A, VF_SETTING_TRUST, "trust=on"), 0);
        assert_int_equal(set_text(w, A, VF_SETTING_MAC, "mac=02:00:00:00:00:0a"), 0);
        assert_int_equal(set_text(w, 5, VF_SETTING_TRUST, "trust=on"), -EINVAL);
        assert_int_equal(pfdrv_set_numvfs(w->pf, 0, w->now), 0);
        assert_int_equal(pfdrv_vf_mac(w->pf, 0), 0);
        assert_int_equal(nic_n_pools(w->nic), 1);
        assert_int_equal(set_text(w, A, VF_SETTING_TRUST, "trust=on"), -EINVAL);
        assert_int_equal(pfdrv_set_numvfs(w->pf, 5, w->now), -EINVAL);
        /* New ones know nothing of the old. */
        assert_int_equal(pfdrv_set_numvfs(w->pf, 2, w->now), 0);
        assert_int_not_equal(vf_mac(w, A), mac_of_text("02:00:00:00:00:0a"));
        world_open(w, A, NULL);
        world_open(w, B, NULL);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1));
        world_free(w);
}

/* ---- MAC ---- */

static void admin_mac(void **state)
{
        const uint64_t a = mac_of_text("02:00:00:00:00:0a"), x = mac_of_text("02:00:00:00:00:0b");
        const struct vf_attrs group = {.present = BIT(VF_ATTR_MAC), .mac = {{1}}};
        struct world *w = world_new("ixgbe", 2);
        uint64_t made = vf_mac(w, A);

        (void) state;
        /* Nobody has said what its MAC is: it says so itself. */
        assert_int_equal(vfdrv_set_mac(w->guest[A], x), 0);
        assert_int_equal(vf_mac(w, A), x);
        assert_int_equal(world_send(w, B, x, vf_mac(w, B), NO_VLAN), VF(0));
        assert_int_equal(world_send(w, B, made, vf_mac(w, B), NO_VLAN), WIRE_MASK);
        assert_int_equal(world_send(w, A, vf_mac(w, B), x, NO_VLAN), VF(1));
        assert_int_equal(world_send(w, A, vf_mac(w, B), made, NO_VLAN), 0);
        assert_int_equal(vfdrv_set_mac(w->guest[A], mac_of_text("01:00:00:00:00:0a")), -EPERM);
        assert_int_equal(vfdrv_set_mac(w->guest[A], 0), -EPERM);
        assert_int_equal(vfdrv_set_mac(w->guest[A], BROADCAST), -EPERM);

        /* The administrator does. */
        assert_int_equal(pfdrv_set_vf(w->pf, 0, VF_SETTING_MAC, &group, w->now), -EINVAL);
        assert_int_equal(vf_mac(w, A), x);
        assert_int_equal(set_text(w, A, VF_SETTING_MAC, "mac=02:00:00:00:00:0a"), 0);
        assert_int_equal(vf_mac(w, A), a);
        assert_int_equal(world_send(w, B, a, vf_mac(w, B), NO_VLAN), VF(0));
        assert_int_equal(world_send(w, B, x, vf_mac(w, B), NO_VLAN), WIRE_MASK);
        assert_int_equal(world_send(w, A, vf_mac(w, B), x, NO_VLAN), 0);
        assert_int_equal(vfdrv_set_mac(w->guest[A], x), -EPERM);
        assert_int_equal(vfdrv_set_mac(w->guest[A], a), 0);
        /* Its driver starts anew and is told. */
        world_close(w, A);
        world_open(w, A, NULL);
        assert_int_equal(vfdrv_mac(w->guest[A]), a);

        /* Trusted, it may; no longer, and the administrator's is back. */
        assert_int_equal(set_text(w, A, VF_SETTING_TRUST, "trust=on"), 0);
        assert_int_equal(vfdrv_set_mac(w->guest[A], x), 0);
        assert_int_equal(world_send(w, B, x, vf_mac(w, B), NO_VLAN), VF(0));
        assert_int_equal(set_text(w, A, VF_SETTING_TRUST, "trust=off"), 0);
        assert_int_equal(vf_mac(w, A), a);
        assert_int_equal(world_send(w, B, x, vf_mac(w, B), NO_VLAN), WIRE_MASK);

        /* None any more: the one that was made. */
        assert_int_equal(set_text(w, A, VF_SETTING_MAC, "mac=00:00:00:00:00:00"), 0);
        assert_int_equal(vf_mac(w, A), made);
        world_free(w);
}

/* What a VF gets that asks for a second MAC: by profile, when the administrator set one, trusted.
 */
static void further_macs(void **state)
{
        static const struct {
                const char *profile;
                uint32_t most; /* of one untrusted VF */
                bool ends_spoofchk;
        } cases[] = {
                {"igb", 13, false},
                {"ixgbe", 49, true},
                {"i40e", 16, false},
                {"ice", 16, false},
                {"mlx5", 127, false},
                {"scale", 16, false},
        };
        const uint64_t second = mac_of_text("02:00:00:00:02:00");

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct world *w = world_new(cases[i].profile, 2);
                bool checked = w->profile->spoofchk;
                uint32_t n = 0;

                while (vfdrv_add_macvlan(w->guest[A], second + ((uint64_t) n << 40)) == 0)
                        n++;
                assert_int_equal(n, cases[i].most);
                assert_int_equal(world_send(w, B, second, vf_mac(w, B), NO_VLAN), VF(0));
                assert_int_equal(world_send(w, A, vf_mac(w, B), second, NO_VLAN), VF(1));
                assert_int_equal(
                        world_send(w, A, vf_mac(w, B), mac_of_text("02:00:00:00:77:77"), NO_VLAN),
                        checked && !cases[i].ends_spoofchk ? 0 : VF(1));
                /* Multicast is no MAC of a VF. */
                assert_int_equal(
                        vfdrv_add_macvlan(w->guest[A], mac_of_text("01:00:00:00:00:01")), -EPERM);
                assert_int_equal(vfdrv_add_macvlan(w->guest[A], 0), 0);
                assert_int_equal(world_send(w, B, second, vf_mac(w, B), NO_VLAN), WIRE_MASK);
                assert_int_equal(vfdrv_add_macvlan(w->guest[A], second), 0);
                /* A reset of the function takes all of it away, and the check is back. */
                nic_reset_function(w->nic, A);
                world_close(w, A);
                world_open(w, A, NULL);
                assert_int_equal(world_send(w, B, second, vf_mac(w, B), NO_VLAN), WIRE_MASK);
                assert_int_equal(
                        world_send(w, A, vf_mac(w, B), second, NO_VLAN), checked ? 0 : VF(1));

                assert_int_equal(set_text(w, A, VF_SETTING_MAC, "mac=02:00:00:00:00:0a"), 0);
                assert_int_equal(vfdrv_add_macvlan(w->guest[A], second), -EPERM);
                assert_int_equal(set_text(w, A, VF_SETTING_TRUST, "trust=on"), 0);
                assert_int_equal(vfdrv_add_macvlan(w->guest[A], second), 0);
                assert_int_equal(world_send(w, B, second, vf_mac(w, B), NO_VLAN), VF(0));
                assert_int_equal(set_text(w, A, VF_SETTING_TRUST, "trust=off"), 0);
                assert_int_equal(world_send(w, B, second, vf_mac(w, B), NO_VLAN), WIRE_MASK);
                assert_int_equal(
                        world_send(w, A, vf_mac(w, B), second, NO_VLAN), checked ? 0 : VF(1));
                world_free(w);
        }
}

static void spoofchk(void **state)
{
        struct world *w = world_new("ixgbe", 2);
        const uint64_t other = mac_of_text("02:00:00:00:77:77");

        (void) state;
        assert_int_equal(world_send(w, A, vf_mac(w, B), other, NO_VLAN), 0);
        assert_int_equal(set_text(w, A, VF_SETTING_SPOOFCHK, "spoofchk=off"), 0);
        assert_int_equal(world_send(w, A, vf_mac(w, B), other, NO_VLAN), VF(1));
        assert_int_equal(world_send(w, A, OUTSIDE, vf_mac(w, A), 7), WIRE_MASK);
        assert_int_equal(set_text(w, A, VF_SETTING_SPOOFCHK, "spoofchk=on"), 0);
        assert_int_equal(world_send(w, A, vf_mac(w, B), other, NO_VLAN), 0);
        assert_int_equal(world_send(w, A, OUTSIDE, vf_mac(w, A), 7), 0);
        /* Setting it again is also how it comes back after a granted filter ended it. */
        assert_int_equal(vfdrv_add_macvlan(w->guest[A], mac_of_text("02:00:00:00:00:99")), 0);
        assert_int_equal(world_send(w, A, vf_mac(w, B), other, NO_VLAN), VF(1));
        assert_int_equal(set_text(w, A, VF_SETTING_SPOOFCHK, "spoofchk=on"), 0);
        assert_int_equal(world_send(w, A, vf_mac(w, B), other, NO_VLAN), 0);
        world_free(w);
}

/* ---- VLANs ---- */

static void guest_vlans(void **state)
{
        static const struct {
                const char *profile;
                uint32_t untrusted, trusted; /* how many VLANs one VF gets */
        } cases[] = {
                {"igb", 31, 31},
                {"ixgbe", 63, 63},
                {"i40e", 16, 100},
                {"ice", 8, 100},
                {"mlx5", 100, 100},
                {"scale", 64, 100},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct world *w = world_new(cases[i].profile, 2);
                uint32_t n = 0;

                assert_int_equal(vfdrv_set_vlan(w->guest[A], 100, true), 0);
                assert_int_equal(vfdrv_set_vlan(w->guest[A], 100, true), 0); /* once */
                assert_int_equal(vfdrv_set_vlan(w->guest[B], 100, true), 0);
                assert_int_equal(world_talk(w, A, B, 3 << 13 | 100), VF(1));
                assert_int_equal(w->seen[B].tci, 3 << 13 | 100);
                assert_true(w->seen[B].flags & VFDRV_VLAN);
                assert_int_equal(w->seen[B].length, 60);
                assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1));
                assert_false(w->seen[B].flags & VFDRV_VLAN);
                assert_int_equal(vfdrv_set_vlan(w->guest[B], 100, false), 0);
                assert_int_equal(world_talk(w, A, B, 100), 0);
                assert_int_equal(vfdrv_set_vlan(w->guest[B], 100, false), 0);
                /* VLAN 0 is nothing to add, and stays. */
                assert_int_equal(vfdrv_set_vlan(w->guest[B], 0, true), 0);
                assert_int_equal(vfdrv_set_vlan(w->guest[B], 0, false), 0);
                assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1));
                assert_int_equal(vfdrv_set_vlan(w->guest[B], 4095, true), -EINVAL);

                for (n = 1;
                        n < 100 && vfdrv_set_vlan(w->guest[A], (uint16_t) (n + 200), true) == 0;)
                        n++;
                assert_int_equal(n, cases[i].untrusted);
                assert_int_equal(set_text(w, A, VF_SETTING_TRUST, "trust=on"), 0);
                for (; n < 100 && vfdrv_set_vlan(w->guest[A], (uint16_t) (n + 200), true) == 0;)
                        n++;
                assert_int_equal(n, cases[i].trusted);
                /* A VLAN that is in the hardware's table has room for another VF. */
                assert_int_equal(vfdrv_set_vlan(w->guest[B], 205, true), 0);
                assert_int_equal(world_talk(w, A, B, 205), VF(1));
                /* A new start of the driver: it asks again for what it had. */
                world_close(w, A);
                world_open(w, A, NULL);
                assert_int_equal(world_talk(w, A, B, 205), w->profile->spoofchk ? 0 : VF(1));
                assert_int_equal(world_talk(w, B, A, 205), 0);
                world_free(w);
        }
}

static void port_vlan(void **state)
{
        struct world *w = world_new("ixgbe", 3);

        (void) state;
        assert_int_equal(vfdrv_set_vlan(w->guest[A], 7, true), 0);
        assert_int_equal(set_text(w, A, VF_SETTING_VLAN, "vlan=100 qos=5"), 0);
        assert_int_equal(set_text(w, B, VF_SETTING_VLAN, "vlan=100"), 0);
        /* Inside: untagged, with those in the same VLAN and nobody else. */
        assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1));
        assert_int_equal(w->seen[B].length, 60);
        assert_int_equal(world_talk(w, A, C, NO_VLAN), 0);
        assert_int_equal(world_talk(w, C, A, NO_VLAN), 0);
        assert_int_equal(world_send(w, C, BROADCAST, vf_mac(w, C), NO_VLAN), PF | WIRE_MASK);
        assert_int_equal(world_send(w, A, BROADCAST, vf_mac(w, A), NO_VLAN), VF(1) | WIRE_MASK);
        /* On the wire: tagged, with the priority. */
        assert_int_equal(w->out_length, 64);
        assert_memory_equal(w->out + 12, ((uint8_t[]){0x81, 0x00, 0xa0, 100}), 4);
        assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, A), OUTSIDE, 100), VF(0));
        assert_int_equal(w->seen[A].length, 60);
        assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, A), OUTSIDE, NO_VLAN), 0);
        assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, A), OUTSIDE, 7), 0);
        /* The guest's own tags, and its wishes. */
        assert_int_equal(world_talk(w, A, B, 100), 0);
        assert_int_equal(world_drops(w, A, DROP_PORT_VLAN), 1);
        assert_int_equal(vfdrv_set_vlan(w->guest[A], 100, true), -EPERM);
        assert_int_equal(vfdrv_set_vlan(w->guest[A], 7, false), -EPERM);
        /* Neither a reset nor a new driver changes any of it. */
        nic_reset_function(w->nic, A);
        world_close(w, A);
        world_open(w, A, NULL);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1));
        assert_int_equal(world_talk(w, A, C, NO_VLAN), 0);

        /* The priority alone changes; the VLAN moves; and it ends. */
        assert_int_equal(set_text(w, A, VF_SETTING_VLAN, "qos=1"), 0);
        world_send(w, A, OUTSIDE, vf_mac(w, A), NO_VLAN);
        assert_memory_equal(w->out + 12, ((uint8_t[]){0x81, 0x00, 0x20, 100}), 4);
        assert_int_equal(set_text(w, A, VF_SETTING_VLAN, "vlan=200"), 0);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), 0);
        assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, A), OUTSIDE, 200), VF(0));
        assert_int_equal(set_text(w, A, VF_SETTING_VLAN, "vlan=0 qos=0"), 0);
        assert_int_equal(world_talk(w, A, C, NO_VLAN), VF(2));
        assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, A), OUTSIDE, 200), 0);
        assert_int_equal(vfdrv_set_vlan(w->guest[A], 100, true), 0);
        /* What it had before, it has to ask for again. */
        assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, A), OUTSIDE, 7), 0);
        world_free(w);
}

static void port_vlan_refusals(void **state)
{
        static const struct vf_attrs range[] = {
                {.present = BIT(VF_ATTR_VLAN), .vlan = 4095},
                {.present = BIT(VF_ATTR_VLAN) | BIT(VF_ATTR_QOS), .vlan = 5, .qos = 8},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(profiles); i++) {
                struct world *w = world_new(profiles[i], 2);
                bool qinq = w->profile->qinq;

                for (size_t k = 0; k < ELEMENTSOF(range); k++)
                        assert_int_equal(pfdrv_set_vf(w->pf, 0, VF_SETTING_VLAN, &range[k], w->now),
                                -EINVAL);
                assert_int_equal(set_text(w, A, VF_SETTING_VLAN, "vlan=9 vlan_proto=802.1ad"),
                        qinq ? 0 : -EPROTONOSUPPORT);
                world_send(w, A, OUTSIDE, vf_mac(w, A), NO_VLAN);
                if (qinq)
                        assert_memory_equal(w->out + 12, ((uint8_t[]){0x88, 0xa8, 0, 9}), 4);
                else
                        assert_int_equal(w->out_length, 60);
                world_free(w);
        }
}

/* VFs took all places in the VLAN table: the administrator is told. */
static void port_vlan_no_place(void **state)
{
        struct world *w = world_new("igb", 2);

        (void) state;
        for (uint16_t vid = 1; vid <= 31; vid++)
                assert_int_equal(vfdrv_set_vlan(w->guest[A], vid, true), 0);
        assert_int_equal(vfdrv_set_vlan(w->guest[A], 32, true), -EPERM);
        assert_int_equal(set_text(w, B, VF_SETTING_VLAN, "vlan=100"), -ENOSPC);
        assert_int_equal(world_talk(w, B, A, NO_VLAN), VF(0));
        assert_int_equal(set_text(w, B, VF_SETTING_VLAN, "vlan=31"), 0);
        assert_int_equal(world_talk(w, B, A, NO_VLAN), VF(0));
        assert_int_equal(w->seen[A].tci, 31);
        /* One place goes from VLAN to VLAN. */
        assert_int_equal(vfdrv_set_vlan(w->guest[A], 30, false), 0);
        for (uint32_t i = 100; i < 150; i++) {
                char text[16];

                snprintf(text, sizeof(text), "vlan=%u", i);
                assert_int_equal(set_text(w, B, VF_SETTING_VLAN, text), 0);
        }
        assert_int_equal(set_text(w, B, VF_SETTING_VLAN, "vlan=0"), 0);
        assert_int_equal(vfdrv_set_vlan(w->guest[A], 30, true), 0);
        world_free(w);
}

/* ---- what is not for one ---- */

static void multicast(void **state)
{
        const uint64_t group = mac_of_text("33:33:00:00:00:fb");
        struct world *w = world_new("ixgbe", 3);
        uint64_t groups[31];

        (void) state;
        for (uint32_t i = 0; i < 31; i++)
                groups[i] = group + ((uint64_t) (i + 1) << 36);
        groups[29] = group;
        assert_int_equal(vfdrv_set_multicast(w->guest[A], groups, 31), -EINVAL);
        assert_int_equal(vfdrv_set_multicast(w->guest[A], groups, 30), 0);
        assert_int_equal(world_send(w, B, group, vf_mac(w, B), NO_VLAN), VF(0) | WIRE_MASK);
        assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), VF(0));
        assert_int_equal(world_send(w, FROM_OUT, groups[3], OUTSIDE, NO_VLAN), VF(0));
        /* One in the table is in it for all that listen to hashes. */
        assert_int_equal(vfdrv_set_multicast(w->guest[B], groups, 1), 0);
        assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), VF(0) | VF(1));
        /* The list replaces the one before. */
        assert_int_equal(vfdrv_set_multicast(w->guest[A], NULL, 0), 0);
        assert_int_equal(vfdrv_set_multicast(w->guest[B], NULL, 0), 0);
        assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), 0);
        assert_int_equal(vfdrv_set_multicast(w->guest[A], &group, 1), 0);
        assert_int_equal(vfdrv_set_xcast(w->guest[A], XCAST_NONE), 0);
        assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), 0);
        assert_int_equal(vfdrv_set_xcast(w->guest[A], XCAST_MULTI), 0);
        assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), VF(0));
        nic_reset_function(w->nic, A);
        world_close(w, A);
        world_open(w, A, NULL);
        assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), 0);
        /* The PF has groups of its own. */
        pfdrv_set_multicast(w->pf, &group, 1);
        assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), PF);
        assert_int_equal(world_send(w, A, group, vf_mac(w, A), NO_VLAN), PF | WIRE_MASK);
        pfdrv_set_multicast(w->pf, NULL, 0);
        assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), 0);
        world_free(w);
}

static void promiscuous(void **state)
{
        static const struct {
                const char *profile;
                int multi, all, promisc; /* what is said to an untrusted VF */
                int trusted_all, trusted_promisc;
        } cases[] = {
                {"igb", -EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP},
                {"ixgbe", 0, -EPERM, -EPERM, 0, -EPERM},
                {"i40e", 0, -EPERM, -EPERM, 0, 0},
                {"ice", 0, -EPERM, -EPERM, 0, 0},
                {"mlx5", 0, -EPERM, -EPERM, 0, 0},
                {"scale", 0, -EPERM, -EPERM, 0, 0},
        };
        const uint64_t group = mac_of_text("33:33:00:00:00:fb");

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct world *w = world_new(cases[i].profile, 3);
                struct vfdrv *a = w->guest[A];
                uint32_t all = cases[i].trusted_all ? 0 : VF(0);
                uint32_t promisc = cases[i].trusted_promisc ? 0 : VF(0);

                assert_int_equal(vfdrv_set_xcast(a, XCAST_MULTI), cases[i].multi);
                assert_int_equal(vfdrv_set_xcast(a, XCAST_ALLMULTI), cases[i].all);
                assert_int_equal(vfdrv_set_xcast(a, XCAST_PROMISC), cases[i].promisc);
                assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), 0);
                assert_int_equal(world_talk(w, B, C, NO_VLAN), VF(2));

                assert_int_equal(set_text(w, A, VF_SETTING_TRUST, "trust=on"), 0);
                assert_int_equal(vfdrv_set_xcast(a, XCAST_ALLMULTI), cases[i].trusted_all);
                assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), all);
                assert_int_equal(vfdrv_set_xcast(a, XCAST_PROMISC), cases[i].trusted_promisc);
                assert_int_equal(world_talk(w, B, C, NO_VLAN), VF(2) | promisc);
                /* VLANs are another matter. */
                assert_int_equal(vfdrv_set_vlan(w->guest[B], 9, true), 0);
                assert_int_equal(vfdrv_set_vlan(w->guest[C], 9, true), 0);
                assert_int_equal(world_talk(w, B, C, 9), VF(2));

                /* At once, whatever the VF does about it. */
                assert_int_equal(set_text(w, A, VF_SETTING_TRUST, "trust=off"), 0);
                assert_int_equal(world_talk(w, B, C, NO_VLAN), VF(2));
                assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), 0);
                world_free(w);
        }
}

static void promiscuous_pf(void **state)
{
        const uint64_t unknown = mac_of_text("02:00:00:00:99:99");

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(profiles); i++) {
                struct world *w = world_new(profiles[i], 2);
                bool sees_all = w->profile->unicast_promisc;

                assert_int_equal(world_send(w, FROM_OUT, unknown, OUTSIDE, NO_VLAN), 0);
                pfdrv_set_promisc(w->pf, true);
                assert_int_equal(world_send(w, FROM_OUT, unknown, OUTSIDE, NO_VLAN), PF);
                assert_int_equal(world_send(w, FROM_OUT, unknown, OUTSIDE, 1234), PF);
                assert_int_equal(
                        world_send(w, FROM_OUT, mac_of_text("33:33:00:00:00:01"), OUTSIDE, NO_VLAN),
                        PF);
                assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1) | (sees_all ? PF : 0));
                /* To a VF, in a VLAN it is not in: to nobody but the default pool. */
                assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, A), OUTSIDE, 1234), PF);
                pfdrv_set_promisc(w->pf, false);
                assert_int_equal(world_send(w, FROM_OUT, unknown, OUTSIDE, NO_VLAN), 0);
                world_free(w);
        }
}

static void veb_and_mirror(void **state)
{
        const struct sorter_mirror mirrors[] = {
                {.kind = MIRROR_POOL, .source = B, .to = C},
                {.kind = MIRROR_POOL, .source = A, .to = 77}, /* a VF that is not there */
        };
        struct sorter_mirror wrong = {.kind = MIRROR_VLAN, .vlan = 4095, .to = A};
        struct world *w = world_new("ixgbe", 3);

        (void) state;
        pfdrv_set_veb(w->pf, false);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), WIRE_MASK);
        assert_int_equal(world_send(w, FROM_OUT, vf_mac(w, B), vf_mac(w, A), NO_VLAN), VF(1));
        pfdrv_set_veb(w->pf, true);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1));

        assert_int_equal(pfdrv_set_mirror(w->pf, mirrors, 2), 0);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1) | VF(2));
        assert_int_equal(pfdrv_set_mirror(w->pf, &wrong, 1), -EINVAL);
        assert_int_equal(pfdrv_set_mirror(w->pf, mirrors, MIRROR_RULES_MAX + 1), -EINVAL);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1) | VF(2));
        assert_int_equal(pfdrv_set_mirror(w->pf, NULL, 0), 0);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1));
        world_free(w);

        /* In VEPA its own multicast comes back to a VF, but where the hardware prunes it. */
        for (size_t i = 0; i < ELEMENTSOF(profiles); i++) {
                w = world_new(profiles[i], 2);
                pfdrv_set_veb(w->pf, false);
                assert_int_equal(world_send(w, FROM_OUT, BROADCAST, vf_mac(w, A), NO_VLAN),
                        PF | VF(1) | (w->profile->source_prune ? 0 : VF(0)));
                world_free(w);
        }
}

/* ---- link, rates, length ---- */

static void link_state(void **state)
{
        struct world *w = world_new("ixgbe", 2);

        (void) state;
        assert_int_equal(set_text(w, B, VF_SETTING_LINK_STATE, "link_state=disable"), 0);
        assert_false(vfdrv_link(w->guest[B]));
        assert_true(vfdrv_link(w->guest[A]));
        assert_int_equal(world_talk(w, B, A, NO_VLAN), 0);
        assert_int_equal(world_talk(w, A, B, NO_VLAN) & VF(1), 0);
        assert_int_equal(set_text(w, B, VF_SETTING_LINK_STATE, "link_state=auto"), 0);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1));

        /* The PF's own goes: auto follows, enable does not. */
        assert_int_equal(set_text(w, A, VF_SETTING_LINK_STATE, "link_state=enable"), 0);
        pfdrv_set_link(w->pf, false);
        assert_true(vfdrv_link(w->guest[A]));
        assert_false(vfdrv_link(w->guest[B]));
        assert_int_equal(world_talk(w, A, B, NO_VLAN) & VF(1), 0);
        assert_int_equal(set_text(w, B, VF_SETTING_LINK_STATE, "link_state=enable"), 0);
        assert_int_equal(world_talk(w, A, B, NO_VLAN), VF(1));
        assert_int_equal(world_send(w, A, OUTSIDE, vf_mac(w, A), NO_VLAN), 0);
        pfdrv_set_link(w->pf, true);
        assert_int_equal(world_send(w, A, OUTSIDE, vf_mac(w, A), NO_VLAN), WIRE_MASK);
        world_free(w);
}

/* Bytes that get through in a second by the clock, all of them waiting from the beginning. */
static uint64_t through(struct world *w, uint32_t from, uint32_t to)
{
        uint64_t end = w->now + 1000000000, bytes = 0;
        struct vfdrv_frame f[32], send[32];
        uint8_t frame[1514] = {0};

        make_frame(frame, vf_mac(w, to), vf_mac(w, from), NO_VLAN);
        for (uint32_t i = 0; i < 32; i++)
                send[i] = (struct vfdrv_frame){.bytes = frame, .length = sizeof(frame)};
        while (w->now < end) {
                uint32_t n;

                vfdrv_send(w->guest[from], 0, send, 32);
                nic_poll(w->nic, w->now);
                while ((n = vfdrv_receive(w->guest[to], 0, f, 32)) > 0)
                        bytes += n * sizeof(frame);
                w->now += 100000;
        }
        return bytes;
}

static uint32_t send_long(struct world *w, uint32_t from, uint32_t to, uint32_t length)
{
        uint8_t bytes[FRAME_MAX] = {0};

        make_frame(bytes, vf_mac(w, to), vf_mac(w, from), NO_VLAN);
        return world_send_bytes(w, from, bytes, length);
}

static void rates(void **state)
{
        struct world *w = world_new("ice", 2);
        uint64_t bytes;

        (void) state;
        assert_int_equal(set_text(w, A, VF_SETTING_RATE, "max_tx_rate=50"), 0);
        bytes = through(w, A, B) * 8;
        assert_true(bytes > 49000000 && bytes < 51000000);
        /* A VF can not get new tokens by starting again. */
        for (uint32_t i = 0; i < 20; i++) {
                world_close(w, A);
                world_open(w, A, NULL);
        }
        assert_int_equal(send_long(w, A, B, 1514), 0);
        assert_int_equal(set_text(w, A, VF_SETTING_RATE, "max_tx_rate=50"), 0); /* as it is */
        assert_int_equal(send_long(w, A, B, 1514), 0);
        assert_int_equal(set_text(w, A, VF_SETTING_RATE, "max_tx_rate=0"), 0);
        assert_true(through(w, A, B) * 8 > 100000000);
        assert_int_equal(set_text(w, A, VF_SETTING_RATE, "min_tx_rate=20 max_tx_rate=10"), -EINVAL);
        assert_int_equal(set_text(w, A, VF_SETTING_RATE, "min_tx_rate=20"), 0);
        world_free(w);

        w = world_new("ixgbe", 1);
        assert_int_equal(set_text(w, A, VF_SETTING_RATE, "min_tx_rate=20"), -EINVAL);
        world_free(w);
}

static void long_frames(void **state)
{
        struct world *w = world_new("i40e", 2);

        (void) state;
        assert_int_equal(send_long(w, A, B, 1514), VF(1));
        assert_int_equal(send_long(w, A, B, 1519), 0);
        assert_int_equal(world_drops(w, B, DROP_TOO_LONG), 1);
        assert_int_equal(vfdrv_set_mtu(w->guest[B], 9000), 0);
        assert_int_equal(send_long(w, A, B, 9014), VF(1));
        assert_int_equal(w->seen[B].length, 9014);
        assert_int_equal(send_long(w, A, B, 9019), 0);
        assert_int_equal(vfdrv_set_mtu(w->guest[B], FRAME_MAX), -EMSGSIZE);
        assert_int_equal(vfdrv_set_mtu(w->guest[B], 30), -EPERM);
        world_free(w);

        /* An 82599 has them for all or for nobody. */
        w = world_new("ixgbe", 2);
        assert_int_equal(vfdrv_set_mtu(w->guest[B], 9000), -EPERM);
        assert_int_equal(send_long(w, A, B, 100) & VF(1), 0);
        assert_int_equal(vfdrv_set_mtu(w->guest[B], 1500), 0);
        assert_int_equal(send_long(w, A, B, 100), VF(1));
        pfdrv_set_mtu(w->pf, 9000);
        assert_int_equal(vfdrv_set_mtu(w->guest[B], 9000), 0);
        assert_int_equal(send_long(w, A, B, 9014), VF(1));
        assert_int_equal(send_long(w, B, A, 100), VF(0));
        /* One that never said it knows of them gets nothing. */
        world_close(w, A);
        world_open(w, A, &(struct vfdrv_config){.raw = true});
        assert_int_equal(send_long(w, B, A, 100) & VF(0), 0);
        world_free(w);
}

/* ---- the mailbox ---- */

/* One message, as a driver of no known kind would write it. Returns the answer's first word; 0:
 * none.
 */
static uint32_t say(struct world *w, uint32_t pool, uint32_t *words, uint32_t n)
{
        nic_read(w->nic, pool, 0, REG_MAILBOX);
        nic_write(w->nic, pool, 0, REG_MAILBOX, MBX_VF_VFU, w->now);
        for (uint32_t i = 0; i < n; i++)
                nic_write(w->nic, pool, 0, REG_MBMEM + 4 * i, words[i], w->now);
        nic_write(w->nic, pool, 0, REG_MAILBOX, MBX_VF_REQ, w->now);
        if (!(nic_read(w->nic, pool, 0, REG_MAILBOX) & MBX_VF_PFSTS))
                return 0;
        for (uint32_t i = 0; i < n; i++)
                words[i] = nic_read(w->nic, pool, 0, REG_MBMEM + 4 * i);
        return words[0];
}

static uint32_t say1(struct world *w, uint32_t pool, uint32_t word)
{
        return say(w, pool, &word, 1);
}

static void gate(void **state)
{
        static const uint32_t types[] = {MBX_SET_MAC, MBX_SET_MULTICAST, MBX_SET_VLAN, MBX_SET_LPE,
                MBX_SET_MACVLAN, MBX_API_NEGOTIATE, MBX_GET_QUEUES, MBX_GET_RETA, MBX_GET_RSS_KEY,
                MBX_UPDATE_XCAST, MBX_GET_LINK, MBX_CONTROL, 0x77, 0};
        struct world *w = world_empty("ixgbe", 2, 1);
        uint32_t words[MAILBOX_WORDS] = {MBX_RESET};
        uint64_t made = vf_mac(w, A);

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                uint32_t request[3] = {types[i] | 1u << MBX_INFO_SHIFT, 0x02020202, 0x0202};

                assert_int_equal(
                        say(w, A, request, 3), (types[i] | 1u << MBX_INFO_SHIFT | MBX_NACK));
        }
        assert_int_equal(say1(w, A, MBX_RESET | MBX_CTS), MBX_RESET | MBX_CTS | MBX_NACK);
        assert_int_equal(say1(w, A, MBX_RESET | 1u << MBX_INFO_SHIFT),
                MBX_RESET | 1u << MBX_INFO_SHIFT | MBX_NACK);
        assert_int_equal(say1(w, A, MBX_RESET | MBX_ACK), 0); /* an answer is no question */
        assert_int_equal(vf_mac(w, A), made);

        assert_int_equal(say(w, A, words, 4), MBX_RESET | MBX_NACK);
        assert_int_equal(words[1] | (uint64_t) words[2] << 32, made);
        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                uint32_t answer = say1(w, A, types[i]);

                assert_true(answer & MBX_CTS);
                assert_int_equal(answer & MBX_TYPE, types[i]);
        }
        assert_int_equal(say1(w, A, 0x77), 0x77 | MBX_NACK | MBX_CTS);
        words[0] = MBX_SET_VLAN | 1u << MBX_INFO_SHIFT;
        words[1] = 4095;
        assert_int_equal(say(w, A, words, 2) & (MBX_ACK | MBX_NACK), MBX_NACK);
        /* Another VF's reset is its own. */
        assert_int_equal(say1(w, B, MBX_SET_VLAN), MBX_SET_VLAN | MBX_NACK);
        /* After a reset of the function it has to begin again. */
        nic_reset_function(w->nic, A);
        assert_int_equal(say1(w, A, MBX_SET_VLAN), MBX_SET_VLAN | MBX_NACK);
        assert_int_equal(set_text(w, A, VF_SETTING_MAC, "mac=02:00:00:00:00:0a"), 0);
        words[0] = MBX_RESET;
        assert_int_equal(say(w, A, words, 4), MBX_RESET | MBX_ACK);
        assert_int_equal(words[1] | (uint64_t) words[2] << 32, vf_mac(w, A));
        pfdrv_vf_was_reset(w->pf, 0, w->now);
        assert_int_equal(say1(w, A, MBX_SET_VLAN), MBX_SET_VLAN | MBX_NACK);
        world_free(w);
}

static uint32_t answer2(struct world *w, uint32_t type, uint32_t word, uint32_t *ret_word)
{
        uint32_t words[2] = {type, word}, answer = say(w, A, words, 2);

        if (ret_word)
                *ret_word = words[1];
        return answer & (MBX_ACK | MBX_NACK);
}

static void versions(void **state)
{
        static const struct {
                const char *profile;
                enum mbx_api best;
        } cases[] = {
                {"igb", MBX_API_10},
                {"ixgbe", MBX_API_14},
                {"i40e", MBX_API_15},
                {"scale", MBX_API_15},
        };
        static const struct {
                uint32_t type;
                enum mbx_api since;
                uint32_t word;
        } requests[] = {
                {MBX_GET_QUEUES, MBX_API_11, 0},
                {MBX_GET_RETA, MBX_API_12, 0},
                {MBX_GET_RSS_KEY, MBX_API_12, 0},
                {MBX_UPDATE_XCAST, MBX_API_12, XCAST_ALLMULTI},
                {MBX_UPDATE_XCAST, MBX_API_13, XCAST_PROMISC},
                {MBX_GET_LINK, MBX_API_12, 0},
        };
        struct world *w;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                w = world_new(cases[i].profile, 1);
                assert_int_equal(vfdrv_api(w->guest[A]), cases[i].best);
                for (uint32_t api = 0; api < 40; api++)
                        assert_int_equal(answer2(w, MBX_API_NEGOTIATE, api, NULL),
                                api <= cases[i].best && api != MBX_API_20 ? MBX_ACK : MBX_NACK);
                world_free(w);
        }
        w = world_new("scale", 1);
        assert_int_equal(set_text(w, A, VF_SETTING_TRUST, "trust=on"), 0);
        assert_int_equal(set_text(w, A, VF_SETTING_QUERY_RSS, "query_rss=on"), 0);
        assert_int_equal(vfdrv_serve_mailbox(w->guest[A]), 1);
        for (size_t i = 0; i < ELEMENTSOF(requests); i++)
                for (enum mbx_api api = MBX_API_10; api < MBX_API_MAX; api++) {
                        if (api == MBX_API_20)
                                continue;
                        assert_int_equal(answer2(w, MBX_API_NEGOTIATE, api, NULL), MBX_ACK);
                        assert_int_equal(answer2(w, requests[i].type, requests[i].word, NULL),
                                api >= requests[i].since ? MBX_ACK : MBX_NACK);
                }
        assert_int_equal(answer2(w, MBX_UPDATE_XCAST, XCAST_MAX, NULL), MBX_NACK);
        /* A reset forgets the version. */
        assert_int_equal(say1(w, A, MBX_RESET), MBX_RESET | MBX_NACK);
        assert_int_equal(answer2(w, MBX_GET_QUEUES, 0, NULL), MBX_NACK);
        world_free(w);
}

static void answers(void **state)
{
        struct world *w = world_empty("ixgbe", 1, 4);
        uint8_t key[40] = {0}, expected[40];
        struct rss_config rss;
        uint32_t words[MAILBOX_WORDS] = {MBX_GET_QUEUES}, word;

        (void) state;
        world_open(w, A, NULL);
        assert_int_equal(say(w, A, words, 5), MBX_GET_QUEUES | MBX_ACK | MBX_CTS);
        assert_memory_equal(&words[1], ((uint32_t[]){4, 4, 0, 0}), 16);
        assert_int_equal(set_text(w, A, VF_SETTING_VLAN, "vlan=5"), 0);
        words[0] = MBX_GET_QUEUES;
        say(w, A, words, 5);
        assert_int_equal(words[3], 1);
        /* Untrusted, it gets less than it asks for, and is told what. */
        assert_int_equal(answer2(w, MBX_UPDATE_XCAST, XCAST_PROMISC, &word), MBX_ACK);
        assert_int_equal(word, XCAST_MULTI);
        assert_int_equal(answer2(w, MBX_GET_LINK, 0, &word), MBX_ACK);
        assert_int_equal(word, 1);

        assert_int_equal(vfdrv_get_rss(w->guest[A], key), -EPERM);
        words[0] = MBX_GET_RETA;
        assert_int_equal(say(w, A, words, 9), MBX_GET_RETA | MBX_NACK | MBX_CTS);
        assert_int_equal(set_text(w, A, VF_SETTING_QUERY_RSS, "query_rss=on"), 0);
        assert_int_equal(vfdrv_get_rss(w->guest[A], key), 0);
        rss_default(&rss, 4);
        memcpy(expected, rss.key, sizeof(expected));
        assert_memory_equal(key, expected, sizeof(key));
        words[0] = MBX_GET_RETA;
        assert_int_equal(say(w, A, words, 9), MBX_GET_RETA | MBX_ACK | MBX_CTS);
        for (uint32_t i = 0; i < RSS_ENTRIES; i++)
                assert_int_equal(words[1 + i / 16] >> (i % 16 * 2) & 3, rss.queues[i]);
        world_free(w);
}

/* Which settings make a VF start again, and that it then has what it had before. */
static void restarts(void **state)
{
        static const struct {
                const char *profile;
                enum vf_setting setting;
                const char *text;
                int starts;
        } cases[] = {
                {"igb", VF_SETTING_TRUST, "trust=on", 0},
                {"igb", VF_SETTING_MAC, "mac=02:00:00:00:00:0a", 0},
                {"ixgbe", VF_SETTING_TRUST, "trust=on", 1},
                {"ixgbe", VF_SETTING_TRUST, "trust=off", 0}, /* it is so already */
                {"ixgbe", VF_SETTING_LINK_STATE, "link_state=enable", 1},
                {"ixgbe", VF_SETTING_MAC, "mac=02:00:00:00:00:0a", 0},
                {"ixgbe", VF_SETTING_SPOOFCHK, "spoofchk=off", 0},
                {"ixgbe", VF_SETTING_RATE, "max_tx_rate=100", 0},
                {"i40e", VF_SETTING_TRUST, "trust=on", 1},
                {"i40e", VF_SETTING_MAC, "mac=02:00:00:00:00:0a", 1},
                {"i40e", VF_SETTING_LINK_STATE, "link_state=enable", 0},
                {"ice", VF_SETTING_MAC, "mac=02:00:00:00:00:0a", 1},
                {"scale", VF_SETTING_LINK_STATE, "link_state=enable", 1},
        };
        const uint64_t group = mac_of_text("33:33:00:00:00:fb");

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct world *w = world_new(cases[i].profile, 2);
                struct vfdrv *a = w->guest[A];
                uint64_t own = mac_of_text("02:00:00:00:00:33"), before;

                assert_int_equal(vfdrv_set_vlan(a, 100, true), 0);
                assert_int_equal(vfdrv_set_vlan(w->guest[B], 100, true), 0);
                assert_int_equal(vfdrv_set_multicast(a, &group, 1), 0);
                assert_int_equal(vfdrv_set_mac(a, own), 0);
                before = irq_target_count(w, A);
                assert_int_equal(set_text(w, A, cases[i].setting, cases[i].text), 0);
                assert_int_equal(irq_target_count(w, A) - before, cases[i].starts);
                assert_int_equal(vfdrv_serve_mailbox(a), cases[i].starts);
                assert_int_equal(vfdrv_serve_mailbox(a), 0);
                assert_int_equal(world_talk(w, B, A, 100), VF(0));
                assert_int_equal(world_send(w, FROM_OUT, group, OUTSIDE, NO_VLAN), VF(0));
                if (cases[i].setting != VF_SETTING_MAC || cases[i].starts)
                        assert_int_equal(vfdrv_mac(a), vf_mac(w, A));
                if (cases[i].setting != VF_SETTING_MAC)
                        assert_int_equal(vfdrv_mac(a), own);
                world_free(w);
        }
}

/* Is receive on for the first VF. */
static bool receives(struct world *w)
{
        char *text, *line;
        bool on;

        assert_int_equal(pfdrv_describe(w->pf, &text), 0);
        line = strstr(text, "\npool 1 ");
        on = memmem(line, strcspn(line + 1, "\n"), " rx ", 4);
        free(text);
        return on;
}

/* On an 82599 whose PF has long frames: who knows of them (API 1.1) and says so receives. */
static void long_frames_and_versions(void **state)
{
        struct world *w = world_empty("ixgbe", 2, 1);

        (void) state;
        assert_true(receives(w));
        pfdrv_set_mtu(w->pf, 9000);
        assert_int_equal(say1(w, A, MBX_RESET), MBX_RESET | MBX_NACK);
        assert_false(receives(w));
        assert_int_equal(answer2(w, MBX_SET_LPE, 1518, NULL), MBX_NACK);
        assert_false(receives(w));
        assert_int_equal(answer2(w, MBX_API_NEGOTIATE, MBX_API_11, NULL), MBX_ACK);
        assert_int_equal(say1(w, A, MBX_RESET), MBX_RESET | MBX_NACK);
        assert_int_equal(answer2(w, MBX_API_NEGOTIATE, MBX_API_11, NULL), MBX_ACK);
        assert_false(receives(w));
        assert_int_equal(answer2(w, MBX_SET_LPE, 63, NULL), MBX_NACK);
        assert_int_equal(answer2(w, MBX_SET_LPE, FRAME_MAX + 1, NULL), MBX_NACK);
        assert_false(receives(w));
        assert_int_equal(answer2(w, MBX_SET_LPE, 1518, NULL), MBX_ACK);
        assert_true(receives(w));
        assert_int_equal(answer2(w, MBX_SET_LPE, 9018, NULL), MBX_ACK);
        pfdrv_set_mtu(w->pf, 1500);
        assert_false(receives(w));
        world_free(w);
}

/* The first of a new list drops the list before. */
static void mac_lists(void **state)
{
        static const struct {
                uint32_t index, last_octet, expected;
        } steps[] = {{1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {1, 4, 1}, {7, 5, 2}, {0, 0, 0}, {1, 6, 1}};
        struct world *w = world_empty("ixgbe", 1, 1);

        (void) state;
        assert_int_equal(say1(w, A, MBX_RESET), MBX_RESET | MBX_NACK);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                uint32_t words[3] = {MBX_SET_MACVLAN | steps[i].index << MBX_INFO_SHIFT, 0x0a000002,
                        steps[i].last_octet << 8};
                uint32_t n = 0;
                char *text;

                assert_int_equal(say(w, A, words, 3) & (MBX_ACK | MBX_NACK), MBX_ACK);
                assert_int_equal(pfdrv_describe(w->pf, &text), 0);
                for (const char *at = text; (at = strstr(at, "filter 1 02:00:00:0a:00:")); at++)
                        n++;
                assert_int_equal(n, steps[i].expected);
                free(text);
        }
        world_free(w);
}

static void deaf(void **state)
{
        struct world *w = world_empty("ixgbe", 3, 1);
        struct vfdrv *d;
        char why[128];

        (void) state;
        world_open(w, B, NULL);
        world_open(w, C, NULL);
        pfdrv_set_deaf(w->pf, true);
        assert_int_equal(
                vfdrv_open(w->nic, A, &(struct vfdrv_config){0}, w->now, &d, why, sizeof(why)),
                -ETIMEDOUT);
        assert_non_null(strstr(why, "VF 0"));
        assert_int_equal(vfdrv_set_vlan(w->guest[B], 5, true), -ETIMEDOUT);
        assert_true(vfdrv_link(w->guest[B]));
        /* Set while it is deaf: the ping is lost, the setting is not. */
        assert_int_equal(set_text(w, B, VF_SETTING_TRUST, "trust=on"), 0);
        assert_int_equal(set_text(w, C, VF_SETTING_TRUST, "trust=on"), 0);
        pfdrv_set_deaf(w->pf, false);
        assert_int_equal(vfdrv_set_vlan(w->guest[C], 6, true), 0); /* learns it by the refusal */
        world_open(w, A, NULL);
        assert_int_equal(vfdrv_set_vlan(w->guest[B], 6, true), 0);
        assert_int_equal(vfdrv_set_vlan(w->guest[A], 6, true), 0);
        assert_int_equal(world_talk(w, A, B, 6), VF(1));
        world_free(w);
}

/* ---- the rest ---- */

static void description(void **state)
{
        struct world *w = world_empty("ice", 2, 1);
        char *text;

        (void) state;
        assert_int_equal(set_text(w, B, VF_SETTING_VLAN, "vlan=7 qos=3 vlan_proto=802.1ad"), 0);
        assert_int_equal(set_text(w, B, VF_SETTING_MAC, "mac=02:00:00:00:00:0b"), 0);
        assert_int_equal(pfdrv_describe(w->pf, &text), 0);
        assert_non_null(strstr(text, "filter 0 02:51:00:00:01:00\n"));
        assert_non_null(strstr(text, "filter 2 02:00:00:00:00:0b\n"));
        assert_non_null(strstr(text, "member 2 7 802.1ad\n"));
        assert_non_null(strstr(text, "port_vlan 2 qos 3 vlan 7 802.1ad\n"));
        assert_non_null(strstr(text, "pool 1 max_frame 1518 rx tx broadcast untagged mac_antispoof "
                                     "vlan_antispoof strip\n"));
        assert_non_null(strstr(text, "default_pool none\n"));
        free(text);
        world_free(w);
}

/* Every VF there can be, set one by one, then a frame from the last to the first. */
static void many(void **state)
{
        struct world *w = world_empty("scale", 4096, 1);
        struct vf_attrs a = {.present = BIT(VF_ATTR_MAC) | BIT(VF_ATTR_VLAN)};
        struct vfdrv_frame f, got[4];
        struct vfdrv *first, *last;
        uint8_t bytes[64];

        (void) state;
        for (uint32_t vf = 0; vf < 4096; vf++) {
                a.mac = mac_bytes(mac_of_text("02:00:00:00:00:00") | (uint64_t) vf << 32);
                a.vlan = 1 + vf % 4000;
                assert_int_equal(pfdrv_set_vf(w->pf, vf, VF_SETTING_MAC, &a, w->now), 0);
                assert_int_equal(pfdrv_set_vf(w->pf, vf, VF_SETTING_VLAN, &a, w->now), 0);
        }
        a.vlan = 1;
        assert_int_equal(pfdrv_set_vf(w->pf, 4095, VF_SETTING_VLAN, &a, w->now), 0);
        assert_int_equal(
                vfdrv_open(w->nic, 1, &(struct vfdrv_config){0}, w->now, &first, NULL, 0), 0);
        assert_int_equal(
                vfdrv_open(w->nic, 4096, &(struct vfdrv_config){0}, w->now, &last, NULL, 0), 0);
        f = (struct vfdrv_frame){.bytes = bytes,
                .length = make_frame(bytes, vf_mac(w, 1), vf_mac(w, 4096), NO_VLAN)};
        assert_int_equal(vfdrv_send(last, 0, &f, 1), 1);
        world_run(w);
        assert_int_equal(vfdrv_receive(first, 0, got, 4), 1);
        assert_memory_equal(got[0].bytes, bytes, 60);
        vfdrv_close(first);
        vfdrv_close(last);
        world_free(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fresh_vfs),
                cmocka_unit_test(numvfs),
                cmocka_unit_test(admin_mac),
                cmocka_unit_test(further_macs),
                cmocka_unit_test(spoofchk),
                cmocka_unit_test(guest_vlans),
                cmocka_unit_test(port_vlan),
                cmocka_unit_test(port_vlan_refusals),
                cmocka_unit_test(port_vlan_no_place),
                cmocka_unit_test(multicast),
                cmocka_unit_test(promiscuous),
                cmocka_unit_test(promiscuous_pf),
                cmocka_unit_test(veb_and_mirror),
                cmocka_unit_test(link_state),
                cmocka_unit_test(rates),
                cmocka_unit_test(long_frames),
                cmocka_unit_test(gate),
                cmocka_unit_test(versions),
                cmocka_unit_test(answers),
                cmocka_unit_test(restarts),
                cmocka_unit_test(long_frames_and_versions),
                cmocka_unit_test(mac_lists),
                cmocka_unit_test(deaf),
                cmocka_unit_test(description),
                cmocka_unit_test(many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
