/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The planner for wishes, plan by plan: which steps, in which order, and what is left alone. That
 * they lead to what was wanted is shown by test-plan-property.c.
 */
#include "model/plan_desired.h"
#include "unit.h"

/* A wish, the PF it is for, and what came of planning. */
struct bench {
        struct desired d;
        struct pf_facts pf;
        struct plan_world w;
        struct caps caps;
        struct problems problems;
        struct plan plan;
        struct fault f;
        char text[2048];
};

static struct bench *bench_new(uint32_t vfs)
{
        struct bench *b = calloc(1, sizeof(*b));

        assert_non_null(b);
        b->pf = igb_facts(vfs);
        b->pf.mtu = 1500;
        b->w = (struct plan_world){.facts = &b->pf, .caps = &b->caps};
        b->f = FAULT_NULL;
        return b;
}

static void bench_free(struct bench *b)
{
        desired_done(&b->d);
        pf_facts_done(&b->pf);
        problems_done(&b->problems);
        plan_done(&b->plan);
        free(b);
}

DEFINE_CLEANUP(struct bench *, bench_free)

static struct desired_vf *vf_of(struct bench *b, uint32_t index)
{
        struct desired_vf *vf = desired_vf_add(&b->d, index);

        assert_non_null(vf);
        return vf;
}

static void want(struct bench *b, uint32_t index, const char *name, const char *value)
{
        assert_int_equal(
                vf_attrs_set_text(&vf_of(b, index)->attrs, vf_attr_from_name(name), value, NULL),
                0);
}

static void want_driver(struct bench *b, uint32_t index, const char *driver)
{
        struct desired_vf *vf = vf_of(b, index);

        vf->wants |= BIT(WISH_DRIVER);
        snprintf(vf->driver, sizeof(vf->driver), "%s", driver);
}

static void want_count(struct bench *b, uint32_t count)
{
        b->d.wants |= BIT(WISH_NUM_VFS);
        b->d.num_vfs = count;
}

static void put_on(struct vf_facts *vf, const char *driver)
{
        snprintf(vf->driver, sizeof(vf->driver), "%s", driver);
        vf->enable = driver[0] && !startswith(driver, "vfio");
}

/* The steps, one after the other: "set_numvfs 4; VF 0: vlan 7 ...". */
static const char *told(struct bench *b)
{
        char one[256];
        size_t at = 0;

        b->text[0] = '\0';
        for (size_t i = 0; i < b->plan.n; i++) {
                step_describe(&b->plan.steps[i], one, sizeof(one));
                at += (size_t) snprintf(
                        b->text + at, sizeof(b->text) - at, "%s%s", i > 0 ? "; " : "", one);
        }
        return b->text;
}

static void planned(struct bench *b, const char *steps, enum disruption disruption)
{
        plan_done(&b->plan);
        if (plan_desired(&b->d, &b->w, &b->problems, &b->plan, &b->f) < 0)
                fail_msg("%s", b->f.text);
        assert_string_equal(told(b), steps);
        assert_string_equal(disruption_name(b->plan.disruption), disruption_name(disruption));
        for (size_t i = 0; i < b->plan.n; i++)
                assert_int_equal(step_check(&b->plan.steps[i], NULL), 0);
}

static void refused(struct bench *b, enum fault_code code, const char *word)
{
        struct plan plan = {0};
        struct fault f = FAULT_NULL;

        assert_true(plan_desired(&b->d, &b->w, &b->problems, &plan, &f) < 0);
        if (f.code != code || !strstr(f.text, word))
                fail_msg("%s: %s", fault_code_name(f.code), f.text);
        assert_null(plan.steps);
}

static void problem(struct bench *b, uint32_t vf, enum fault_code code, const char *word)
{
        const struct problem *p = problems_of(&b->problems, vf);

        if (!p || p->fault.code != code || !strstr(p->fault.text, word))
                fail_msg("VF %u: %s", vf, p ? p->fault.text : "no problem");
}

/* What the plan leaves, as the readings of the next round. */
static void run(struct bench *b)
{
        for (size_t i = 0; i < b->plan.n; i++)
                assert_int_equal(facts_project(&b->pf, &b->plan.steps[i]), 0);
        b->w.fresh = plan_sets_numvfs(&b->plan);
}

/* All is as wanted: no difference, and nothing to plan. */
static void settled(struct bench *b)
{
        struct differences diff;

        assert_int_equal(desired_diff(&b->d, &b->pf, &b->caps, &diff), 0);
        assert_int_equal(diff.n, 0);
        differences_done(&diff);
        planned(b, "", DISRUPT_NONE);
}

/* ---- attributes --------------------------------------------------------------------------------
 */

static void a_mac_is_one_message(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(4);

        (void) state;
        want_count(b, 4);
        want_driver(b, 2, "igbvf");
        want(b, 2, "mac", "02:00:00:00:00:01");
        want(b, 2, "spoofchk", "on"); /* it is */
        planned(b, "VF 2: mac 02:00:00:00:00:01", DISRUPT_VF_FLAP);
        run(b);
        settled(b);
}

static void what_is_not_wanted_stays(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(2);

        (void) state;
        b->pf.vfs[0].attrs.vlan = 7;
        b->pf.vfs[0].attrs.qos = 3;
        want(b, 0, "vlan", "100");
        planned(b, "VF 0: vlan 100 qos 3 vlan_proto 802.1Q", DISRUPT_VF_FLAP);
        want(b, 1, "trust", "on");
        vf_of(b, 0)->attrs = (struct vf_attrs){.reset = BIT(VF_ATTR_VLAN)};
        planned(b, "VF 0: vlan 0 qos 0 vlan_proto 802.1Q; VF 1: trust on", DISRUPT_VF_FLAP);
        run(b);
        settled(b);
}

/* Whatever pools the VFs are in: nothing is different, and nothing to be done. */
static void a_pool_is_no_work(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(4);

        (void) state;
        want_count(b, 4);
        for (uint32_t i = 0; i < 4; i++)
                snprintf(vf_of(b, i)->pool, POOL_MAX, "pool-%u", i % 2);
        settled(b);
        snprintf(vf_of(b, 0)->pool, POOL_MAX, "pool-1");
        settled(b);
}

static void macs_change_places(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(3);

        (void) state;
        for (uint8_t i = 0; i < 3; i++)
                b->pf.vfs[i].attrs.mac = (struct mac){{2, 0, 0, 0, 0, i}};
        want(b, 0, "mac", "02:00:00:00:00:01");
        want(b, 1, "mac", "02:00:00:00:00:00");
        planned(b, "VF 0: mac 02:00:00:00:00:01; VF 1: mac 02:00:00:00:00:00", DISRUPT_VF_FLAP);

        /* VF 1 keeps its address after all, so VF 0 can not have it. */
        want(b, 1, "min_tx_rate", "9");
        b->pf.vfs[1].attrs.max_tx_rate = 5;
        want(b, 2, "vlan", "7");
        planned(b, "VF 2: vlan 7 qos 0 vlan_proto 802.1Q", DISRUPT_VF_FLAP);
        problem(b, 1, FAULT_INVALID_ARGS, "above max_tx_rate=5");
        problem(b, 0, FAULT_INVALID_ARGS, "VF 1 of the same PF has it");
        assert_int_equal(b->problems.n, 2);
}

/* What a driver never reports is told to new VFs, once. */
static void unreported_attributes(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(2);

        (void) state;
        want(b, 0, "query_rss", "on");
        want(b, 1, "query_rss", "baseline");
        planned(b, "", DISRUPT_NONE);
        b->w.fresh = true;
        planned(b, "VF 0: query_rss on", DISRUPT_NONE);
        b->w.fresh = false;
        settled(b);
        b->w.fresh = true; /* the driver's answer for this one was missing: it may report it */
        b->pf.vfs[1].attrs_known = false;
        planned(b, "VF 0: query_rss on; VF 1: query_rss off", DISRUPT_NONE);
}

static void the_driver_picks_a_mac(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(1);

        (void) state;
        b->pf.vfs[0].attrs.mac = (struct mac){{2, 0, 0, 0, 0, 9}};
        want(b, 0, "mac", "baseline");
        settled(b);
        b->d.clear_mac = true;
        planned(b, "VF 0: mac 00:00:00:00:00:00", DISRUPT_VF_FLAP);
        run(b);
        settled(b);
}

static void optional_and_required(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(2);

        (void) state;
        want(b, 0, "link_state", "enable");
        want(b, 0, "vlan", "7");
        want(b, 1, "vlan", "8");
        b->caps.of[VF_SETTING_LINK_STATE] = CAP_NO;
        planned(b, "VF 1: vlan 8 qos 0 vlan_proto 802.1Q", DISRUPT_VF_FLAP);
        problem(b, 0, FAULT_NOT_SUPPORTED, "link_state");
        problems_done(&b->problems);
        b->d.optional = BIT(VF_ATTR_LINK_STATE);
        planned(b, "VF 0: vlan 7 qos 0 vlan_proto 802.1Q; VF 1: vlan 8 qos 0 vlan_proto 802.1Q",
                DISRUPT_VF_FLAP);
        assert_int_equal(b->problems.n, 0);
        run(b);
        settled(b);
}

/* ---- counts ------------------------------------------------------------------------------------
 */

static void creates_and_configures(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(0);

        (void) state;
        want_count(b, 3);
        want_driver(b, 0, "vfio-pci");
        want(b, 0, "vlan", "7");
        vf_of(b, 0)->wants |= BIT(WISH_MSIX);
        vf_of(b, 0)->msix = 4;
        want_driver(b, 1, "none");
        b->d.wants |= BIT(WISH_MTU);
        b->d.mtu = 9000;
        planned(b, "set_mtu 9000; set_autoprobe 0; set_numvfs 3; set_autoprobe 1", DISRUPT_PF_DOWN);
        run(b);
        planned(b,
                "VF 0: set_msix 4; VF 0: vlan 7 qos 0 vlan_proto 802.1Q; "
                "VF 0: set_override vfio-pci; VF 0: bind vfio-pci; VF 0: clear_override; "
                "VF 2: probe",
                DISRUPT_VF_FLAP);
        run(b);
        settled(b);
}

/* Without a driver in the wish the kernel does as it always does. */
static void creates_and_leaves_probing(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(0);

        (void) state;
        want_count(b, 2);
        want(b, 0, "vlan", "7");
        planned(b, "set_numvfs 2", DISRUPT_NONE);
        b->d.wants |= BIT(WISH_AUTOPROBE);
        planned(b, "set_autoprobe 0; set_numvfs 2", DISRUPT_NONE);
        run(b);
        planned(b, "VF 0: vlan 7 qos 0 vlan_proto 802.1Q", DISRUPT_VF_FLAP);
        b->pf.autoprobe = -1; /* an old kernel */
        refused(b, FAULT_NOT_SUPPORTED, "autoprobe");
        b->d.optional = BIT(WISH_AUTOPROBE);
        planned(b, "VF 0: vlan 7 qos 0 vlan_proto 802.1Q", DISRUPT_VF_FLAP);
}

static void replaces_when_told(void **state)
{
        static const struct holder holder = {.vf = 1, .kind = "guest", .name = "web1", .pid = 7};
        _cleanup_(bench_freep) struct bench *b = bench_new(4);

        (void) state;
        want_count(b, 2);
        refused(b, FAULT_VFS_EXIST, "--replace");
        refused(b, FAULT_VFS_EXIST, "\"replace\": true");
        want_count(b, 0);
        refused(b, FAULT_VFS_EXIST, "it has 4");
        b->d.replace = true;
        planned(b, "set_numvfs 0", DISRUPT_VF_RECREATE);
        want_count(b, 2);
        planned(b, "set_numvfs 0; set_numvfs 2", DISRUPT_VF_RECREATE);
        b->w.holders = &holder;
        b->w.n_holders = 1;
        refused(b, FAULT_IN_USE, "web1");
        b->w.n_holders = 0;
        put_on(&b->pf.vfs[3], "vfio-pci");
        b->pf.vfs[3].enable = 1;
        refused(b, FAULT_IN_USE, "VF 3 has its vfio-pci device open");
        want_count(b, 4); /* as it is: nobody is in the way */
        settled(b);
}

static void switches_mode(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(2);

        (void) state;
        b->d.wants = BIT(WISH_ESWITCH);
        snprintf(b->d.eswitch, sizeof(b->d.eswitch), "switchdev");
        refused(b, FAULT_NOT_SUPPORTED, "eswitch_mode");
        b->d.optional = BIT(WISH_ESWITCH);
        settled(b);
        snprintf(b->pf.eswitch_mode, sizeof(b->pf.eswitch_mode), "legacy");
        refused(b, FAULT_VFS_EXIST, "say num_vfs");
        want_count(b, 2);
        refused(b, FAULT_VFS_EXIST, "made again");
        b->d.replace = true;
        planned(b, "set_numvfs 0; set_eswitch switchdev; set_numvfs 2", DISRUPT_PF_DOWN);
        run(b);
        settled(b);
}

static void whole_pf_is_refused(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(0);

        (void) state;
        want_count(b, 9);
        refused(b, FAULT_INVALID_ARGS, "0 to 7");
        want_count(b, 2);
        b->pf.driver[0] = '\0';
        refused(b, FAULT_NO_DRIVER, "load it first");
        b->pf.n_netdevs = 0;
        b->d.wants = BIT(WISH_MTU);
        b->d.mtu = 1500;
        refused(b, FAULT_NO_DRIVER, "mtu");
        snprintf(b->pf.driver, sizeof(b->pf.driver), "nvme");
        refused(b, FAULT_NOT_SUPPORTED, "mtu");
        snprintf(b->pf.busy_step, sizeof(b->pf.busy_step), "set_numvfs");
        refused(b, FAULT_BUSY, "set_numvfs");
}

/* ---- drivers -----------------------------------------------------------------------------------
 */

static void moves_vfs(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(4);

        (void) state;
        put_on(&b->pf.vfs[1], "vfio-pci");
        snprintf(b->pf.vfs[2].driver_override, DRIVER_MAX, "pci-stub"); /* somebody's */
        b->pf.autoprobe = 0;
        want_driver(b, 0, "vfio-pci");
        vf_of(b, 0)->wants |= BIT(WISH_OVERRIDE);
        snprintf(vf_of(b, 0)->override, DRIVER_MAX, "vfio-pci");
        want_driver(b, 1, "igbvf");
        want_driver(b, 2, "none");
        vf_of(b, 3)->wants |= BIT(WISH_OVERRIDE);
        snprintf(vf_of(b, 3)->override, DRIVER_MAX, "pci-stub");
        planned(b,
                "VF 0: unbind; VF 0: set_override vfio-pci; VF 0: bind vfio-pci; "
                "VF 1: unbind; set_autoprobe 1; VF 1: bind igbvf; set_autoprobe 0; "
                "VF 2: unbind; VF 3: set_override pci-stub",
                DISRUPT_VF_FLAP);
        run(b);
        settled(b);
}

/* On comes first, off last: binds in between need not move it. */
static void autoprobe_around_binds(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(2);

        (void) state;
        put_on(&b->pf.vfs[0], "");
        want_driver(b, 0, "igbvf");
        b->d.wants = BIT(WISH_AUTOPROBE);
        planned(b, "VF 0: bind igbvf; set_autoprobe 0", DISRUPT_NONE);
        b->pf.autoprobe = 0;
        b->d.autoprobe = true;
        planned(b, "set_autoprobe 1; VF 0: bind igbvf", DISRUPT_NONE);
        run(b);
        settled(b);
}

/* A job that died after the creation left autoprobe off: VFs still come to their drivers. */
static void probing_is_caught_up(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(2);

        (void) state;
        b->pf.autoprobe = 0;
        put_on(&b->pf.vfs[0], "");
        put_on(&b->pf.vfs[1], "");
        want_driver(b, 0, "none");
        b->d.wants = BIT(WISH_AUTOPROBE);
        b->d.autoprobe = true;
        b->w.fresh = true;
        planned(b, "set_autoprobe 1; VF 1: probe", DISRUPT_NONE);
        b->d.autoprobe = false;
        planned(b, "", DISRUPT_NONE);
}

static void a_held_vf_hurts_nobody_else(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(3);

        (void) state;
        put_on(&b->pf.vfs[0], "vfio-pci");
        put_on(&b->pf.vfs[1], "vfio-pci");
        b->pf.vfs[0].enable = b->pf.vfs[1].enable = 1;
        want_driver(b, 0, "igbvf");
        want(b, 0, "vlan", "7"); /* all of it or nothing */
        want(b, 1, "vlan", "8"); /* does not need the VF to be free */
        want_driver(b, 2, "pci-stub");
        planned(b,
                "VF 1: vlan 8 qos 0 vlan_proto 802.1Q; VF 2: unbind; "
                "VF 2: set_override pci-stub; VF 2: bind pci-stub; VF 2: clear_override",
                DISRUPT_VF_FLAP);
        problem(b, 0, FAULT_IN_USE, "VF 0 has its vfio-pci device open");
        assert_null(strstr(b->problems.list[0].fault.text, "--force"));
        run(b);
        planned(b, "", DISRUPT_NONE);
        assert_int_equal(b->problems.n, 1);
}

static void vfs_that_are_not_there(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(2);

        (void) state;
        want(b, 1, "vlan", "7");
        want(b, 3, "vlan", "8");
        planned(b, "VF 1: vlan 7 qos 0 vlan_proto 802.1Q", DISRUPT_VF_FLAP);
        problem(b, 3, FAULT_NOT_FOUND, "VF 3 is not there");
}

/* All members of a group leave their drivers: none of them is in another's way. */
static void a_group_moves_together(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(2);
        struct group_device devices[2] = {{.driver = "igbvf"}, {.driver = "igbvf"}};
        struct group_facts group = {.id = 100, .type = "DMA", .devices = devices, .n_devices = 2};
        const struct groups groups = {.list = &group, .n = 1};

        (void) state;
        for (unsigned i = 0; i < 2; i++) {
                b->pf.vfs[i].iommu_group = 100;
                memcpy(devices[i].address, b->pf.vfs[i].address, sizeof(devices[i].address));
        }
        b->w.groups = &groups;
        want_driver(b, 0, "vfio-pci");
        planned(b, "", DISRUPT_NONE);
        problem(b, 0, FAULT_NOT_ISOLATED, "group 100");
        problems_done(&b->problems);
        want_driver(b, 1, "vfio-pci");
        planned(b, "", DISRUPT_NONE);
        problem(b, 0, FAULT_NOT_ISOLATED, "group 100 is shared");
        problem(b, 1, FAULT_NOT_ISOLATED, "shared_group");
        problems_done(&b->problems);

        /* That they share it is meant. */
        desired_vf_add(&b->d, 0)->shared_group = true;
        desired_vf_add(&b->d, 1)->shared_group = true;
        planned(b,
                "VF 0: unbind; VF 0: set_override vfio-pci; VF 0: bind vfio-pci; "
                "VF 0: clear_override; "
                "VF 1: unbind; VF 1: set_override vfio-pci; VF 1: bind vfio-pci; "
                "VF 1: clear_override",
                DISRUPT_VF_FLAP);
        assert_string_equal(devices[1].driver, "igbvf");

        /* One of them stays: so does the other. */
        want(b, 1, "link_state", "enable");
        b->caps.of[VF_SETTING_LINK_STATE] = CAP_NO;
        planned(b, "", DISRUPT_NONE);
        problem(b, 0, FAULT_NOT_ISOLATED, "group 100");
        problem(b, 1, FAULT_NOT_SUPPORTED, "link_state");
}

/* ---- the way back, and ahead -------------------------------------------------------------------
 */

static void one_vf_goes_back(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(2);
        struct pf_facts before;
        struct plan failed, back;

        (void) state;
        b->pf.autoprobe = 0;
        put_on(&b->pf.vfs[0], "vfio-pci");
        want(b, 0, "vlan", "7");
        want_driver(b, 0, "igbvf");
        want(b, 1, "vlan", "8");
        assert_int_equal(pf_facts_copy(&b->pf, &before), 0);
        planned(b,
                "VF 0: vlan 7 qos 0 vlan_proto 802.1Q; VF 0: unbind; set_autoprobe 1; "
                "VF 0: bind igbvf; set_autoprobe 0; VF 1: vlan 8 qos 0 vlan_proto 802.1Q",
                DISRUPT_VF_FLAP);
        for (size_t i = 0; i < 3; i++) /* then the bind fails */
                assert_int_equal(facts_project(&b->pf, &b->plan.steps[i]), 0);
        failed = b->plan;
        assert_int_equal(plan_restore_vf(&failed, 0, &before, &b->pf, &back), 0);
        b->plan = back;
        assert_string_equal(told(b),
                "VF 0: vlan 0 qos 0 vlan_proto 802.1Q; VF 0: set_override vfio-pci; "
                "VF 0: bind vfio-pci; VF 0: clear_override; set_autoprobe 0");

        put_on(&b->pf.vfs[0], "vfio-pci"); /* held as it was: its driver is not touched */
        b->pf.vfs[0].enable = 1;
        assert_int_equal(plan_restore_vf(&failed, 0, &before, &b->pf, &back), 0);
        plan_done(&b->plan);
        b->plan = back;
        assert_string_equal(told(b), "VF 0: vlan 0 qos 0 vlan_proto 802.1Q; set_autoprobe 0");

        put_on(&before.vfs[0], "pci-stub"); /* opened on its new driver: left alone */
        assert_int_equal(plan_restore_vf(&failed, 0, &before, &b->pf, &back), 0);
        assert_int_equal(back.n, 1);
        assert_int_equal(back.steps[0].kind, STEP_SET_AUTOPROBE);
        plan_done(&failed);
        plan_done(&back);
        pf_facts_done(&before);
}

/* It may have had what would be refused now. */
static void goes_back_to_a_shared_mac(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(2);
        struct pf_facts before;
        struct plan back;

        (void) state;
        b->pf.vfs[0].attrs.mac = b->pf.vfs[1].attrs.mac = (struct mac){{2, 0, 0, 0, 0, 9}};
        want(b, 0, "mac", "02:00:00:00:00:01");
        want_driver(b, 0, "pci-stub");
        assert_int_equal(pf_facts_copy(&b->pf, &before), 0);
        assert_int_equal(plan_desired(&b->d, &b->w, &b->problems, &b->plan, NULL), 0);
        assert_int_equal(facts_project(&b->pf, &b->plan.steps[0]), 0);
        assert_int_equal(plan_restore_vf(&b->plan, 0, &before, &b->pf, &back), 0);
        plan_done(&b->plan);
        b->plan = back;
        assert_string_equal(told(b), "VF 0: mac 02:00:00:00:00:09");
        pf_facts_done(&before);
}

static void previews_to_the_end(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(4);
        struct differences diff;
        struct pf_facts after;

        (void) state;
        want_count(b, 2);
        b->d.replace = true;
        want_driver(b, 0, "vfio-pci");
        want(b, 1, "mac", "02:00:00:00:00:01");
        want(b, 1, "spoofchk", "on"); /* a new VF may have it off */
        assert_int_equal(plan_preview(&b->d, &b->w, &b->problems, &b->plan, &after, &b->f), 0);
        assert_string_equal(told(b),
                "set_numvfs 0; set_autoprobe 0; set_numvfs 2; set_autoprobe 1; "
                "VF 0: set_override vfio-pci; VF 0: bind vfio-pci; VF 0: clear_override; "
                "VF 1: mac 02:00:00:00:00:01; VF 1: spoofchk on; VF 1: probe");
        assert_int_equal(b->plan.disruption, DISRUPT_VF_RECREATE);
        assert_int_equal(b->pf.num_vfs, 4);
        assert_int_equal(after.num_vfs, 2);
        assert_int_equal(after.n_vfs, 2);
        assert_string_equal(after.vfs[0].driver, "vfio-pci");
        assert_int_equal(desired_diff(&b->d, &after, NULL, &diff), 0);
        assert_int_equal(diff.n, 0);
        differences_done(&diff);
        pf_facts_done(&after);
        b->d.replace = false;
        assert_true(plan_preview(&b->d, &b->w, &b->problems, &b->plan, NULL, &b->f) < 0);
        assert_int_equal(b->f.code, FAULT_VFS_EXIST);
}

/* Without an IOMMU new VFs will be in no group either, and it is said before they are made. */
static void previews_what_will_not_work(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new(0);

        (void) state;
        want_count(b, 2);
        want_driver(b, 0, "vfio-pci");
        b->pf.iommu_group = -1;
        assert_int_equal(plan_preview(&b->d, &b->w, &b->problems, &b->plan, NULL, &b->f), -EPERM);
        assert_int_equal(b->f.code, FAULT_NOT_ISOLATED);
        assert_non_null(strstr(b->f.text, "no IOMMU group"));
        assert_int_equal(b->plan.n, 0);

        /* On the way back as much as can be comes back. */
        b->w.way_back = true;
        assert_int_equal(plan_preview(&b->d, &b->w, &b->problems, &b->plan, NULL, &b->f), 0);
        assert_string_equal(told(b), "set_autoprobe 0; set_numvfs 2; set_autoprobe 1; VF 1: probe");
        problem(b, 0, FAULT_NOT_ISOLATED, "no IOMMU group");
}

static void disruption_of_steps(void **state)
{
        static const struct {
                struct step step;
                enum disruption is;
        } cases[] = {
                {{.kind = STEP_SET_NUMVFS, .value = 0}, DISRUPT_VF_RECREATE},
                {{.kind = STEP_SET_NUMVFS, .value = 4}, DISRUPT_NONE},
                {{.kind = STEP_SET_VF, .setting = VF_SETTING_MAC}, DISRUPT_VF_FLAP},
                {{.kind = STEP_SET_VF, .setting = VF_SETTING_VLAN}, DISRUPT_VF_FLAP},
                {{.kind = STEP_SET_VF, .setting = VF_SETTING_TRUST}, DISRUPT_NONE},
                {{.kind = STEP_UNBIND}, DISRUPT_VF_FLAP},
                {{.kind = STEP_RESET}, DISRUPT_VF_FLAP},
                {{.kind = STEP_BIND}, DISRUPT_NONE},
                {{.kind = STEP_PROBE}, DISRUPT_NONE},
                {{.kind = STEP_SET_MSIX}, DISRUPT_NONE},
                {{.kind = STEP_SET_ESWITCH}, DISRUPT_PF_DOWN},
                {{.kind = STEP_SET_MTU}, DISRUPT_PF_DOWN},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(step_disruption(&cases[i].step), cases[i].is);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mac_is_one_message),
                cmocka_unit_test(what_is_not_wanted_stays),
                cmocka_unit_test(a_pool_is_no_work),
                cmocka_unit_test(macs_change_places),
                cmocka_unit_test(unreported_attributes),
                cmocka_unit_test(the_driver_picks_a_mac),
                cmocka_unit_test(optional_and_required),
                cmocka_unit_test(creates_and_configures),
                cmocka_unit_test(creates_and_leaves_probing),
                cmocka_unit_test(replaces_when_told),
                cmocka_unit_test(switches_mode),
                cmocka_unit_test(whole_pf_is_refused),
                cmocka_unit_test(moves_vfs),
                cmocka_unit_test(autoprobe_around_binds),
                cmocka_unit_test(probing_is_caught_up),
                cmocka_unit_test(a_held_vf_hurts_nobody_else),
                cmocka_unit_test(vfs_that_are_not_there),
                cmocka_unit_test(a_group_moves_together),
                cmocka_unit_test(one_vf_goes_back),
                cmocka_unit_test(goes_back_to_a_shared_mac),
                cmocka_unit_test(previews_to_the_end),
                cmocka_unit_test(previews_what_will_not_work),
                cmocka_unit_test(disruption_of_steps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
