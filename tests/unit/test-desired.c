/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wishes: made, judged, compared with what is there. */
#include "model/desired.h"
#include "unit.h"

static struct desired_vf *vf_of(struct desired *d, uint32_t index)
{
        struct desired_vf *vf = desired_vf_add(d, index);

        assert_non_null(vf);
        return vf;
}

static void want(struct desired *d, uint32_t index, const char *name, const char *value)
{
        assert_int_equal(
                vf_attrs_set_text(&vf_of(d, index)->attrs, vf_attr_from_name(name), value, NULL),
                0);
}

static void want_driver(struct desired *d, uint32_t index, const char *driver)
{
        struct desired_vf *vf = vf_of(d, index);

        vf->wants |= BIT(WISH_DRIVER);
        snprintf(vf->driver, sizeof(vf->driver), "%s", driver);
}

static void names(void **state)
{
        (void) state;
        for (unsigned key = 0; key < WISH_MAX; key++)
                assert_int_equal(wish_key_from_name(wish_key_name(key)), key);
        assert_int_equal(wish_key_from_name("vlam"), WISH_MAX);
        assert_int_equal(wish_key_from_name("eswitch_mode"), WISH_ESWITCH);
        assert_string_equal(wish_key_name(WISH_MAX), "?");
        assert_string_equal(drift_name(DRIFT_ENFORCE), "enforce");
}

static void vfs_are_sorted_and_single(void **state)
{
        static const uint32_t order[] = {5, 0, 9, 5, 3, 9, 1};
        static const uint32_t sorted[] = {0, 1, 3, 5, 9};
        struct desired d = {0}, copy;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                vf_of(&d, order[i])->msix = order[i];
        assert_int_equal(desired_copy(&d, &copy), 0);
        assert_int_equal(d.n_vfs, ELEMENTSOF(sorted));
        for (size_t i = 0; i < ELEMENTSOF(sorted); i++) {
                assert_int_equal(d.vfs[i].index, sorted[i]);
                assert_int_equal(desired_vf_at(&d, sorted[i])->msix, sorted[i]);
        }
        assert_null(desired_vf_at(&d, 2));
        assert_null(desired_vf_at(&d, 10));
        for (uint32_t i = 10; i < 40; i++) /* a copy grows by itself */
                vf_of(&copy, i);
        assert_int_equal(copy.n_vfs, 35);
        assert_int_equal(d.n_vfs, 5);
        desired_done(&copy);
        desired_done(&d);
        assert_int_equal(d.n_vfs, 0);
}

/* ---- readings as a wish ------------------------------------------------------------------------
 */

static struct pf_facts pf_in_use(void)
{
        struct pf_facts pf = igb_facts(4);

        pf.mtu = 9000;
        snprintf(pf.eswitch_mode, sizeof(pf.eswitch_mode), "legacy");
        snprintf(pf.vfs[1].driver, DRIVER_MAX, "vfio-pci");
        snprintf(pf.vfs[1].driver_override, DRIVER_MAX, "vfio-pci");
        pf.vfs[1].attrs.vlan = 7;
        pf.vfs[1].attrs.mac = (struct mac){{2, 0, 0, 0, 0, 9}};
        pf.vfs[2].driver[0] = '\0';
        pf.vfs[2].attrs_known = false;
        pf.vfs[2].attrs.present = 0;
        snprintf(pf.vfs[3].driver, DRIVER_MAX, "homemade");
        return pf;
}

static void readings_as_a_wish(void **state)
{
        struct pf_facts pf = pf_in_use();
        struct differences diff;
        struct desired d;

        (void) state;
        assert_int_equal(desired_of_facts(&pf, &d), 0);
        assert_string_equal(d.pf.str, pf.id.str);
        assert_int_equal(d.wants,
                BIT(WISH_NUM_VFS) | BIT(WISH_AUTOPROBE) | BIT(WISH_MTU) | BIT(WISH_ESWITCH));
        assert_int_equal(d.num_vfs, 4);
        assert_int_equal(d.mtu, 9000);
        assert_true(d.autoprobe && d.replace && d.clear_mac);
        assert_string_equal(d.vfs[0].driver, "igbvf");
        assert_string_equal(d.vfs[1].override, "vfio-pci");
        assert_int_equal(d.vfs[1].attrs.vlan, 7);
        assert_string_equal(d.vfs[2].driver, "none");
        assert_int_equal(d.vfs[2].attrs.present, 0);
        assert_int_equal(d.vfs[3].wants, BIT(WISH_OVERRIDE)); /* not a driver we would bind */
        assert_int_equal(desired_check(&d, &pf, NULL, NULL), 0);
        assert_int_equal(desired_diff(&d, &pf, NULL, &diff), 0);
        assert_int_equal(diff.n, 0);
        differences_done(&diff);
        desired_done(&d);

        pf.autoprobe = -1;
        pf.n_netdevs = 0;
        pf.eswitch_mode[0] = '\0';
        assert_int_equal(desired_of_facts(&pf, &d), 0);
        assert_int_equal(d.wants, BIT(WISH_NUM_VFS));
        desired_done(&d);
        pf_facts_done(&pf);
}

/* ---- what is refused ---------------------------------------------------------------------------
 */

struct refusal {
        void (*make)(struct desired *d, struct pf_facts *pf, struct caps *caps);
        enum fault_code code;
        const char *word;
};

#define MAKE(name)                                                                                 \
        static void name(struct desired *d _unused_, struct pf_facts *pf _unused_,                 \
                struct caps *caps _unused_)

MAKE(too_many)
{
        d->num_vfs = 8;
}

MAKE(beyond_count)
{
        want(d, 5, "vlan", "7");
}

MAKE(of_none)
{
        d->num_vfs = 0;
        want(d, 0, "vlan", "7");
}

MAKE(not_there)
{
        d->wants = 0;
        want(d, 4, "vlan", "7");
}

MAKE(rates)
{
        want(d, 1, "min_tx_rate", "20");
        want(d, 1, "max_tx_rate", "10");
}

MAKE(one_mac_twice)
{
        want(d, 0, "mac", "02:00:00:00:00:01");
        want(d, 1, "mac", "02:00:00:00:00:02");
        want(d, 3, "mac", "02:00:00:00:00:01");
}

MAKE(foreign_driver)
{
        want_driver(d, 2, "homemade");
}

MAKE(no_name_of_a_driver)
{
        want_driver(d, 2, "../x");
}

MAKE(foreign_override)
{
        struct desired_vf *vf = vf_of(d, 1);

        vf->wants = BIT(WISH_OVERRIDE);
        snprintf(vf->override, sizeof(vf->override), "homemade");
}

MAKE(small_mtu)
{
        d->wants |= BIT(WISH_MTU);
        d->mtu = 67;
}

MAKE(strange_mode)
{
        d->wants |= BIT(WISH_ESWITCH);
        snprintf(d->eswitch, sizeof(d->eswitch), "fast");
}

MAKE(no_vectors)
{
        vf_of(d, 0)->wants = BIT(WISH_MSIX);
}

MAKE(no_pool)
{
        vf_of(d, 0)->wants = BIT(WISH_MSIX);
        d->vfs[0].msix = 4;
        pf->vf_total_msix = 0;
}

MAKE(no_netdev)
{
        want(d, 1, "vlan", "7");
        pf->n_netdevs = 0;
}

MAKE(known_not_to_have)
{
        want(d, 1, "link_state", "enable");
        caps->of[VF_SETTING_LINK_STATE] = CAP_NO;
}

static void refuses(void **state)
{
        static const struct refusal cases[] = {
                {too_many, FAULT_INVALID_ARGS, "0 to 7"},
                {beyond_count, FAULT_INVALID_ARGS, "VF 5 refused: num_vfs is 5"},
                {of_none, FAULT_INVALID_ARGS, "num_vfs is 0"},
                {not_there, FAULT_NOT_FOUND, "VF 4: it is not there: 0000:01:00.0 has 4 VFs"},
                {rates, FAULT_INVALID_ARGS, "VF 1: min_tx_rate=20"},
                {one_mac_twice, FAULT_INVALID_ARGS, "both VF 0 and VF 3"},
                {foreign_driver, FAULT_DRIVER_NOT_ALLOWED, "VF 2: driver 'homemade'"},
                {no_name_of_a_driver, FAULT_INVALID_ARGS, "VF 2: driver '../x'"},
                {foreign_override, FAULT_DRIVER_NOT_ALLOWED, "VF 1: driver 'homemade'"},
                {small_mtu, FAULT_INVALID_ARGS, "68 to 65535"},
                {strange_mode, FAULT_INVALID_ARGS, "legacy or switchdev"},
                {no_vectors, FAULT_INVALID_ARGS, "1 to 2048"},
                {no_pool, FAULT_NOT_SUPPORTED, "no vectors to give"},
                {no_netdev, FAULT_NOT_SUPPORTED, "no network interface"},
                {known_not_to_have, FAULT_NOT_SUPPORTED, "VF 1: link_state"},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct desired d = {
                        .wants = BIT(WISH_NUM_VFS), .num_vfs = 5, .where = "10-nics.json:4:17"};
                struct pf_facts pf = igb_facts(4);
                struct caps caps = {0};
                struct fault f = FAULT_NULL;

                cases[i].make(&d, &pf, &caps);
                if (desired_check(&d, &pf, &caps, &f) == 0 || f.code != cases[i].code ||
                        !startswith(f.text, "10-nics.json:4:17: ") ||
                        !strstr(f.text, cases[i].word))
                        fail_msg("case %zu: %s: %s", i, fault_code_name(f.code), f.text);
                desired_done(&d);
                pf_facts_done(&pf);
        }
}

/* What a driver has not is no matter where it is optional, a reset, or reads as wanted anyway. */
static void what_is_not_needed_is_not_refused(void **state)
{
        struct caps caps = {.of = {[VF_SETTING_LINK_STATE] = CAP_NO, [VF_SETTING_TRUST] = CAP_NO}};
        struct pf_facts pf = igb_facts(2);
        struct desired d = {.optional = BIT(VF_ATTR_TRUST) | BIT(WISH_MSIX)};

        (void) state;
        want(&d, 0, "link_state", "auto"); /* what it reports */
        want(&d, 0, "trust", "on");
        want(&d, 1, "link_state", "baseline");
        d.vfs[1].wants = BIT(WISH_MSIX);
        d.vfs[1].msix = 3;
        pf.vf_total_msix = 0;
        assert_int_equal(desired_check(&d, &pf, &caps, NULL), 0);
        d.optional = BIT(WISH_MSIX);
        assert_true(desired_check(&d, &pf, &caps, NULL) < 0);
        desired_done(&d);
        pf_facts_done(&pf);
}

/* ---- what is not as wanted ---------------------------------------------------------------------
 */

/* The differences, one line each. */
static void assert_differences(
        const struct desired *d, const struct pf_facts *pf, const struct caps *caps, const char *is)
{
        char text[2048] = "", one[256];
        struct differences diff;
        size_t at = 0;

        assert_int_equal(desired_diff(d, pf, caps, &diff), 0);
        for (size_t i = 0; i < diff.n; i++) {
                difference_describe(&diff.list[i], one, sizeof(one));
                assert_int_equal(diff.list[i].drift, d->drift[diff.list[i].key]);
                at += (size_t) snprintf(text + at, sizeof(text) - at, "%s\n", one);
        }
        assert_string_equal(text, is);
        differences_done(&diff);
}

static void differences_are_told(void **state)
{
        struct pf_facts pf = igb_facts(4);
        struct desired d = {
                .wants =
                        BIT(WISH_NUM_VFS) | BIT(WISH_AUTOPROBE) | BIT(WISH_MTU) | BIT(WISH_ESWITCH),
                .num_vfs = 6,
                .mtu = 9000,
                .eswitch = "switchdev",
                .drift = {[VF_ATTR_VLAN] = DRIFT_ENFORCE, [WISH_NUM_VFS] = DRIFT_IGNORE},
        };

        (void) state;
        pf.mtu = 1500;
        snprintf(pf.eswitch_mode, sizeof(pf.eswitch_mode), "legacy");
        pf.vfs[3].attrs.vlan = 7;
        pf.vfs[3].attrs.qos = 2;
        want(&d, 3, "vlan", "100");
        want(&d, 3, "trust", "on");
        want(&d, 5, "vlan", "100"); /* not there: told by num_vfs */
        want_driver(&d, 1, "vfio-pci");
        want_driver(&d, 2, "none");
        vf_of(&d, 2)->wants |= BIT(WISH_OVERRIDE) | BIT(WISH_NAME) | BIT(WISH_MSIX);
        snprintf(vf_of(&d, 2)->override, DRIVER_MAX, "vfio-pci");
        snprintf(vf_of(&d, 2)->name, NETDEV_MAX, "blue");
        assert_differences(&d, &pf, NULL,
                "num_vfs is 4, wanted 6\n"
                "autoprobe is on, wanted off\n"
                "mtu is 1500, wanted 9000\n"
                "eswitch_mode is legacy, wanted switchdev\n"
                "VF 1: driver is igbvf, wanted vfio-pci\n"
                "VF 2: driver is igbvf, wanted none\n"
                "VF 2: driver_override is none, wanted vfio-pci\n"
                "VF 2: name is enp1s0v2, wanted blue\n"
                "VF 3: vlan is 7, wanted 100\n"
                "VF 3: trust is off, wanted on\n");
        desired_done(&d);
        pf_facts_done(&pf);
}

/* A VLAN that goes takes its priority along: the plan does so, and this says so. */
static void a_vlan_goes_as_a_whole(void **state)
{
        struct pf_facts pf = igb_facts(2);
        struct desired d = {0};

        (void) state;
        pf.vfs[0].attrs.vlan = pf.vfs[1].attrs.vlan = 7;
        pf.vfs[0].attrs.qos = 3;
        pf.vfs[1].attrs.vlan_proto = VLAN_PROTO_8021AD;
        want(&d, 0, "vlan", "0");
        want(&d, 1, "vlan", "baseline");
        assert_differences(&d, &pf, NULL,
                "VF 0: vlan is 7, wanted 0\nVF 0: qos is 3, wanted 0\n"
                "VF 1: vlan is 7, wanted 0\n"); /* without a VLAN its protocol is nothing */
        desired_done(&d);
        pf_facts_done(&pf);
}

static void what_can_not_be_seen_is_no_difference(void **state)
{
        struct caps caps = {.of = {[VF_SETTING_TRUST] = CAP_NO}};
        struct pf_facts pf = igb_facts(2);
        struct desired d = {
                .wants = BIT(WISH_AUTOPROBE) | BIT(WISH_MTU) | BIT(WISH_ESWITCH),
                .mtu = 9000,
                .optional = BIT(VF_ATTR_TRUST),
        };

        (void) state;
        pf.autoprobe = -1;
        pf.vfs[0].netdev[0] = '\0';
        pf.vfs[0].attrs.mac = (struct mac){{2, 0, 0, 0, 0, 9}};
        vf_of(&d, 0)->wants = BIT(WISH_MSIX) | BIT(WISH_NAME);
        want(&d, 0, "query_rss", "on"); /* not reported */
        want(&d, 0, "trust", "on");     /* optional, and it has none */
        want(&d, 0, "mac", "00:00:00:00:00:00");
        assert_differences(&d, &pf, &caps, "");
        d.clear_mac = true;
        assert_differences(
                &d, &pf, &caps, "VF 0: mac is 02:00:00:00:00:09, wanted 00:00:00:00:00:00\n");
        desired_done(&d);
        pf_facts_done(&pf);
}

/* Without num_vfs too somebody may have destroyed VFs. */
static void vfs_that_are_missing(void **state)
{
        struct pf_facts pf = igb_facts(2);
        struct desired d = {0};

        (void) state;
        want(&d, 1, "vlan", "0");
        assert_differences(&d, &pf, NULL, "");
        want(&d, 4, "vlan", "0");
        assert_differences(&d, &pf, NULL, "num_vfs is 2, wanted 5\n");
        desired_done(&d);
        pf_facts_done(&pf);
}

static void enforced_alone(void **state)
{
        struct desired d = {
                .wants = BIT(WISH_NUM_VFS) | BIT(WISH_MTU),
                .drift = {[VF_ATTR_VLAN] = DRIFT_ENFORCE,
                        [VF_ATTR_MAC] = DRIFT_ENFORCE,
                        [WISH_MTU] = DRIFT_ENFORCE,
                        [WISH_DRIVER] = DRIFT_IGNORE},
        };
        struct desired kept;

        (void) state;
        want(&d, 0, "vlan", "7");
        want(&d, 0, "trust", "on");
        want(&d, 1, "trust", "on");
        want(&d, 2, "mac", "baseline");
        want_driver(&d, 2, "vfio-pci");
        assert_int_equal(desired_enforced(&d, &kept), 0);
        assert_int_equal(kept.wants, BIT(WISH_MTU));
        assert_int_equal(kept.n_vfs, 2);
        assert_int_equal(desired_vf_at(&kept, 0)->attrs.present, BIT(VF_ATTR_VLAN));
        assert_int_equal(desired_vf_at(&kept, 2)->attrs.reset, BIT(VF_ATTR_MAC));
        assert_int_equal(desired_vf_at(&kept, 2)->wants, 0);
        assert_int_equal(d.n_vfs, 3);
        desired_done(&kept);
        desired_done(&d);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names),
                cmocka_unit_test(vfs_are_sorted_and_single),
                cmocka_unit_test(readings_as_a_wish),
                cmocka_unit_test(refuses),
                cmocka_unit_test(what_is_not_needed_is_not_refused),
                cmocka_unit_test(differences_are_told),
                cmocka_unit_test(a_vlan_goes_as_a_whole),
                cmocka_unit_test(what_can_not_be_seen_is_no_difference),
                cmocka_unit_test(vfs_that_are_missing),
                cmocka_unit_test(enforced_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
