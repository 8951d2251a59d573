/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The planner against a toy kernel: every plan, run on the readings it was made from, gives what
 * was asked; and after a failure at any step, the way back gives what was before.
 */
#include "model/plan.h"
#include "unit.h"

/* What the kernel does on a step, on readings: just enough to judge plans. -1 where the kernel
 * would refuse. */
static int toy_step(struct pf_facts *pf, const struct step *s)
{
        struct vf_facts *vf = s->vf < pf->n_vfs ? &pf->vfs[s->vf] : NULL;

        if (s->vf != NO_VF && !vf)
                return -1;
        switch (s->kind) {
        case STEP_SET_NUMVFS: {
                struct pf_facts fresh;

                if (s->value > pf->total_vfs ||
                        (s->value && pf->num_vfs && s->value != pf->num_vfs))
                        return -1;
                if (s->value == pf->num_vfs)
                        return 0;
                fresh = igb_facts(s->value);
                for (uint32_t i = 0; i < fresh.n_vfs && pf->autoprobe != 1; i++)
                        fresh.vfs[i].driver[0] = '\0';
                free(pf->vfs);
                pf->vfs = fresh.vfs;
                pf->n_vfs = pf->num_vfs = s->value;
                return 0;
        }
        case STEP_SET_AUTOPROBE:
                pf->autoprobe = (int32_t) s->value;
                return 0;
        case STEP_SET_VF:
                vf_attrs_copy(&vf->attrs, &s->attrs, s->attrs.present);
                return 0;
        case STEP_UNBIND:
                if (!vf->driver[0])
                        return -1;
                vf->driver[0] = '\0';
                return 0;
        case STEP_BIND:
                if (vf->driver[0] || (pf->autoprobe != 1 && !vf->driver_override[0]))
                        return -1;
                if (!streq(vf->driver_override[0] ? vf->driver_override : "igbvf", s->name))
                        return -1;
                vf->enable = !startswith(s->name, "vfio"); /* vfio enables it when it is opened */
                return str_copy(vf->driver, sizeof(vf->driver), s->name);
        case STEP_PROBE:
                if (!vf->driver[0] && pf->autoprobe != 1 && !vf->driver_override[0])
                        return -1;
                return vf->driver[0]
                               ? 0
                               : str_copy(vf->driver, sizeof(vf->driver),
                                         vf->driver_override[0] ? vf->driver_override : "igbvf");
        case STEP_SET_OVERRIDE:
                return str_copy(vf->driver_override, sizeof(vf->driver_override), s->name);
        case STEP_CLEAR_OVERRIDE:
                vf->driver_override[0] = '\0';
                return 0;
        case STEP_RESET:
                return 0;
        case STEP_SET_MSIX:
        case STEP_SET_ESWITCH:
        case STEP_SET_MTU:
        case STEP_LINK_UP:
        case STEP_SET_ACCESS:
        case STEP_MAX:
                break;
        }
        return -1;
}

static void toy_run(struct pf_facts *pf, const struct plan *plan, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(step_check(&plan->steps[i], NULL), 0);
                assert_int_equal(toy_step(pf, &plan->steps[i]), 0);
        }
}

static int plan_on(
        const struct pf_facts *pf, const struct request *r, struct plan *ret, struct fault *f)
{
        const struct plan_world w = {.facts = pf};

        return plan_request(r, &w, ret, f);
}

static void assert_same(const struct pf_facts *a, const struct pf_facts *b)
{
        assert_int_equal(a->num_vfs, b->num_vfs);
        assert_int_equal(a->autoprobe, b->autoprobe);
        for (uint32_t i = 0; i < a->n_vfs; i++) {
                assert_string_equal(a->vfs[i].driver, b->vfs[i].driver);
                assert_string_equal(a->vfs[i].driver_override, b->vfs[i].driver_override);
                assert_true(vf_attrs_equal(&a->vfs[i].attrs, &b->vfs[i].attrs));
        }
}

/* Requests of every kind on a PF with 3 VFs, one of them on vfio-pci, one with attributes, one
 * unbound. */
static const struct request requests[] = {
        {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 0},
        {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 5, .replace = true},
        {.kind = REQUEST_SET_NUMVFS,
                .vf = NO_VF,
                .count = 5,
                .replace = true,
                .driver = "vfio-pci"},
        {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 3, .driver = "vfio-pci"},
        {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 3, .driver = "none"},
        {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 3},
        {.kind = REQUEST_SET_AUTOPROBE, .vf = NO_VF, .count = 0},
        {.kind = REQUEST_SET_ATTRS,
                .vf = 0,
                .attrs = {.present =
                                  BIT(VF_ATTR_VLAN) | BIT(VF_ATTR_MAX_TX_RATE) | BIT(VF_ATTR_TRUST),
                        .vlan = 100,
                        .max_tx_rate = 50,
                        .trust = true}},
        {.kind = REQUEST_SET_ATTRS,
                .vf = 1,
                .attrs = {.reset = BIT(VF_ATTR_VLAN) | BIT(VF_ATTR_MAC)}},
        {.kind = REQUEST_BIND, .vf = 0, .driver = "vfio-pci"},
        {.kind = REQUEST_BIND, .vf = 1, .driver = "igbvf"},
        {.kind = REQUEST_BIND, .vf = 2, .driver = "igbvf"},
        {.kind = REQUEST_BIND, .vf = 2, .driver = "vfio-pci"},
        {.kind = REQUEST_UNBIND, .vf = 0},
        {.kind = REQUEST_UNBIND, .vf = 1},
        {.kind = REQUEST_RESET, .vf = 1},
};

static struct pf_facts busy_pf(int32_t autoprobe)
{
        struct pf_facts pf = igb_facts(3);

        pf.autoprobe = autoprobe;
        snprintf(pf.vfs[1].driver, DRIVER_MAX, "vfio-pci");
        pf.vfs[1].enable = 0;
        pf.vfs[1].attrs.vlan = 7;
        pf.vfs[1].attrs.qos = 3;
        pf.vfs[1].attrs.mac = (struct mac){{2, 0, 0, 0, 0, 9}};
        pf.vfs[1].attrs.spoofchk = false;
        pf.vfs[2].driver[0] = '\0';
        snprintf(pf.vfs[2].driver_override, DRIVER_MAX,
                "vfio-pci"); /* somebody else's: to be given back */
        return pf;
}

static void reaches_what_was_asked(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(requests); i++)
                for (int32_t autoprobe = 0; autoprobe <= 1; autoprobe++) {
                        struct pf_facts pf = busy_pf(autoprobe);
                        const struct request *r = &requests[i];
                        struct fault f = FAULT_NULL;
                        struct plan plan;

                        for (unsigned round = 0; round < 2; round++) {
                                assert_int_equal(plan_on(&pf, r, &plan, &f), 0);
                                toy_run(&pf, &plan, plan.n);
                                plan_done(&plan);
                        }
                        assert_int_equal(plan_verify(r, &pf, &f), 0);
                        if (r->kind != REQUEST_RESET) { /* so already: nothing is written */
                                assert_int_equal(plan_on(&pf, r, &plan, &f), 0);
                                assert_int_equal(plan.n, 0);
                                plan_done(&plan);
                        }
                        for (uint32_t k = 0;
                                r->driver[0] && k < pf.n_vfs && r->kind == REQUEST_SET_NUMVFS; k++)
                                assert_string_equal(pf.vfs[k].driver,
                                        streq(r->driver, "none") ? "" : r->driver);
                        if (r->kind != REQUEST_SET_AUTOPROBE)
                                assert_int_equal(pf.autoprobe, autoprobe);
                        if (pf.n_vfs == 3 && r->kind != REQUEST_SET_NUMVFS)
                                assert_string_equal(pf.vfs[2].driver_override, "vfio-pci");
                        pf_facts_done(&pf);
                }
}

static void undoes_a_failure_at_every_step(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(requests); i++)
                for (int32_t autoprobe = 0; autoprobe <= 1; autoprobe++)
                        for (size_t fail = 0;; fail++) {
                                struct pf_facts before = busy_pf(autoprobe),
                                                now = busy_pf(autoprobe);
                                struct plan plan, back;
                                size_t n;

                                assert_int_equal(plan_on(&before, &requests[i], &plan, NULL), 0);
                                n = plan.n;
                                if (fail <= n) {
                                        toy_run(&now, &plan, fail);
                                        assert_int_equal(
                                                plan_restore(&plan, &before, &now, &back), 0);
                                        toy_run(&now, &back, back.n);
                                        assert_same(&before, &now);
                                        plan_done(&back);
                                }
                                plan_done(&plan);
                                pf_facts_done(&before);
                                pf_facts_done(&now);
                                if (fail >= n)
                                        break;
                        }
}

struct refusal {
        struct request r;
        enum fault_code code;
        const char *word; /* must be in the text */
};

static void refuses(void **state)
{
        static const struct refusal cases[] = {
                {{.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 8}, FAULT_INVALID_ARGS,
                        "0 to 7"},
                {{.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 70000}, FAULT_INVALID_ARGS,
                        "70000"},
                {{.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 5}, FAULT_VFS_EXIST,
                        "--replace"},
                {{.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 2}, FAULT_VFS_EXIST,
                        "it has 3"},
                {{.kind = REQUEST_SET_ATTRS, .vf = 3, .attrs = {.present = BIT(VF_ATTR_TRUST)}},
                        FAULT_NOT_FOUND, "0 to 2"},
                {{.kind = REQUEST_SET_ATTRS, .vf = 0}, FAULT_INVALID_ARGS, "at least one"},
                {{.kind = REQUEST_SET_ATTRS,
                         .vf = 0,
                         .attrs = {.present = BIT(VF_ATTR_MAC), .mac = {{2, 0, 0, 0, 0, 9}}}},
                        FAULT_INVALID_ARGS, "VF 1"},
                {{.kind = REQUEST_SET_ATTRS,
                         .vf = 0,
                         .attrs = {.present = BIT(VF_ATTR_MAC), .mac = {{3}}}},
                        FAULT_INVALID_ARGS, "unicast"},
                {{.kind = REQUEST_BIND, .vf = 0, .driver = "rm"}, FAULT_DRIVER_NOT_ALLOWED,
                        "vfio-pci"},
                {{.kind = REQUEST_BIND, .vf = 0, .driver = "../x"}, FAULT_INVALID_ARGS, "../x"},
                {{.kind = REQUEST_SET_AUTOPROBE, .vf = NO_VF, .count = 2}, FAULT_INVALID_ARGS,
                        "on or off"},
        };
        struct pf_facts pf = busy_pf(1);

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct fault f = FAULT_NULL;
                struct plan plan;

                assert_true(plan_on(&pf, &cases[i].r, &plan, &f) < 0);
                assert_string_equal(fault_code_name(f.code), fault_code_name(cases[i].code));
                assert_non_null(strstr(f.text, cases[i].word));
        }
        pf_facts_done(&pf);
}

static void minimum_above_present_maximum(void **state)
{
        const struct request r = {.kind = REQUEST_SET_ATTRS,
                .vf = 0,
                .attrs = {.present = BIT(VF_ATTR_MIN_TX_RATE), .min_tx_rate = 100}};
        struct pf_facts pf = igb_facts(1);
        struct fault f = FAULT_NULL;
        struct plan plan;

        (void) state;
        pf.vfs[0].attrs.max_tx_rate = 99;
        assert_int_equal(plan_on(&pf, &r, &plan, &f), -EINVAL);
        assert_non_null(strstr(f.text, "max_tx_rate=99"));
        pf_facts_done(&pf);
}

static void never_harms_who_holds_a_vf(void **state)
{
        const struct holder holder = {
                .vf = 1, .kind = "vfio", .pid = 4242, .name = "qemu", .path = "/dev/vfio/101"};
        static const struct request harmful[] = {
                {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 0},
                {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 5, .replace = true},
                {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 3, .driver = "none"},
                {.kind = REQUEST_BIND, .vf = 1, .driver = "igbvf"},
                {.kind = REQUEST_UNBIND, .vf = 1},
                {.kind = REQUEST_RESET, .vf = 1},
        };
        struct pf_facts pf = busy_pf(1);

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(harmful); i++) {
                struct plan_world w = {.facts = &pf, .holders = &holder, .n_holders = 1};
                struct request forced = harmful[i];
                struct fault f = FAULT_NULL;
                struct plan plan;

                assert_int_equal(plan_request(&harmful[i], &w, &plan, &f), -EBUSY);
                assert_int_equal(f.code, FAULT_IN_USE);
                assert_non_null(strstr(f.text, "qemu (pid 4242) through /dev/vfio/101"));
                /* nobody named, and yet the kernel says that it is open */
                w.n_holders = 0;
                pf.vfs[1].enable = 1;
                assert_int_equal(plan_request(&harmful[i], &w, &plan, &f), -EBUSY);
                assert_int_equal(f.code, FAULT_IN_USE);
                pf.vfs[1].enable = 0;
                forced.force = true;
                w.n_holders = 1;
                assert_int_equal(plan_request(&forced, &w, &plan, &f), 0);
                assert_true(plan.n > 0 && plan.disruption >= DISRUPT_VF_FLAP);
                assert_int_equal(request_risk(&forced), RISK_DISRUPT);
                plan_done(&plan);
        }
        /* the way back never goes through a VF that somebody opened meanwhile */
        {
                struct pf_facts before = igb_facts(0);
                struct plan failed = {0}, back = {0};

                pf.vfs[1].enable = 1;
                assert_int_equal(plan_restore(&failed, &before, &pf, &back), -EBUSY);
                pf_facts_done(&before);
        }
        pf_facts_done(&pf);
}

/* One world of a PF and a VF in group 100, and one of another PF's VFs. */
struct neighbours {
        struct group_device devices[3];
        struct group_facts group;
        struct bridge_facts bridge;
        struct groups groups;
        struct pf_facts pf;
};

static void neighbours_init(struct neighbours *n, const char *pf_driver, const char *vf_driver)
{
        *n = (struct neighbours){
                .devices = {{"0000:00:01.0", "pcieport", "", "", 0x060400},
                        {"0000:01:00.0", "", "0000:00:01.0", "", 0x020000},
                        {"0000:01:10.0", "", "0000:00:01.0", "0000:01:00.0", 0x020000}},
                .group = {.id = 100, .type = "DMA", .devices = n->devices, .n_devices = 3},
                .bridge = {"0000:00:01.0", "", "root-port", 100, ACS_NONE},
                .groups = {.list = &n->group,
                        .n = 1,
                        .bridges = &n->bridge,
                        .n_bridges = 1,
                        .iommu = {.present = 1, .interrupt_remap = 1}},
                .pf = igb_facts(1),
        };
        snprintf(n->devices[1].driver, DRIVER_MAX, "%s", pf_driver);
        snprintf(n->devices[2].driver, DRIVER_MAX, "%s", vf_driver);
        n->pf.iommu_group = n->pf.vfs[0].iommu_group = 100;
}

/* What the override helps against, and what it does not; with force, never. */
static void shared_groups(void **state)
{
        static const struct {
                const char *pf;
                bool remap, unsafe;
                bool plain, shared; /* is it planned */
                const char *says;
        } cases[] = {
                {"igb", true, false, false, false, "root-port 0000:00:01.0"},
                {"igb", false, true, false, false, "0000:01:00.0 is on the host driver igb"},
                {"vfio-pci", true, false, false, true, "--shared-group"},
                {"vfio-pci", false, true, false, true, "forge"},
                {"vfio-pci", false, false, false, false, "EPERM"},
        };

        (void) state;
        for (size_t i = 0; i < 2 * ELEMENTSOF(cases); i++) {
                bool shared = i % 2, good = shared ? cases[i / 2].shared : cases[i / 2].plain;
                struct request r = {.kind = REQUEST_BIND,
                        .driver = "vfio-pci",
                        .shared = shared,
                        .force = true};
                _cleanup_(plan_done) struct plan plan = {0};
                struct fault f = FAULT_NULL;
                struct neighbours n;
                struct plan_world w = {.facts = &n.pf, .groups = &n.groups};

                neighbours_init(&n, cases[i / 2].pf, "igbvf");
                n.groups.iommu.interrupt_remap = cases[i / 2].remap;
                n.groups.iommu.unsafe_interrupts = cases[i / 2].unsafe;
                assert_int_equal(plan_request(&r, &w, &plan, &f), good ? 0 : -EPERM);
                assert_int_equal(f.code, good ? FAULT_NONE : FAULT_NOT_ISOLATED);
                assert_true((plan.n > 0) == good);
                if (!good)
                        assert_non_null(strstr(f.text, cases[i / 2].says));
                plan_done(&plan);

                /* The same of VFs that are not there: the first step would be to destroy one. */
                r = (struct request){.kind = REQUEST_SET_NUMVFS,
                        .vf = NO_VF,
                        .count = 2,
                        .replace = true,
                        .force = true,
                        .driver = "vfio-pci",
                        .shared = shared};
                n.devices[2].driver[0] = '\0';
                f = FAULT_NULL;
                assert_int_equal(plan_request(&r, &w, &plan, &f), good ? 0 : -EPERM);
                assert_true((plan.n > 0) == good);
                if (!good)
                        assert_non_null(strstr(f.text, cases[i / 2].says));
                r.driver[0] = '\0'; /* whatever drivers of the host share is theirs */
                plan_done(&plan);
                assert_int_equal(plan_request(&r, &w, &plan, &f), 0);
                r.shared = false;
                assert_int_equal(request_risk(&r), RISK_DISRUPT);
                r.force = false;
                assert_int_equal(request_risk(&r), RISK_CONFIGURE);
                r.shared = true;
                assert_int_equal(request_risk(&r), RISK_RELAX);
                pf_facts_done(&n.pf);
        }
}

static void isolation(void **state)
{
        struct group_device devices[] = {{"0000:01:00.0", "igb", "0000:00:01.0", "", 0x020000},
                {"0000:01:10.0", "igbvf", "0000:00:01.0", "0000:01:00.0", 0x020000},
                {"0000:00:01.0", "pcieport", "", "", 0x060400}};
        struct group_facts group = {.id = 100, .type = "DMA", .devices = devices, .n_devices = 3};
        const struct groups groups = {.list = &group, .n = 1};
        const struct request r = {.kind = REQUEST_BIND, .vf = 0, .driver = "vfio-pci"};
        struct pf_facts pf = igb_facts(1);
        const struct plan_world w = {.facts = &pf, .groups = &groups};
        struct fault f = FAULT_NULL;
        struct plan plan;
        struct group_report report;

        (void) state;
        assert_int_equal(plan_request(&r, &w, &plan, &f), -EPERM);
        assert_int_equal(f.code, FAULT_NOT_ISOLATED);
        assert_non_null(strstr(f.text, "0000:01:00.0"));
        devices[0].driver[0] = '\0'; /* the PF leaves its driver: shared, but viable */
        group_judge(&groups, &group, "0000:01:10.0", &report);
        assert_int_equal(report.verdict, GROUP_SHARED);
        group_judge(&groups, &group, NULL, &report);
        assert_int_equal(report.verdict, GROUP_NOT_VIABLE);
        group.devices = devices + 1; /* a bridge does not count */
        group.n_devices = 2;
        group_judge(&groups, &group, NULL, &report);
        assert_int_equal(report.verdict, GROUP_ISOLATED);
        snprintf(group.type, sizeof(group.type), "noiommu");
        group_judge(&groups, &group, NULL, &report);
        assert_int_equal(report.verdict, GROUP_UNSAFE);
        assert_int_equal(plan_request(&r, &w, &plan, &f), -EPERM);
        pf.vfs[0].iommu_group = -1;
        assert_int_equal(plan_request(&r, &w, &plan, &f), -EPERM);
        assert_non_null(strstr(f.text, "intel_iommu=on"));
        pf_facts_done(&pf);
}

static void capabilities(void **state)
{
        const struct request set = {.kind = REQUEST_SET_ATTRS,
                .vf = 0,
                .attrs = {.present = BIT(VF_ATTR_LINK_STATE), .link_state = VF_LINK_ENABLE}};
        const struct request reset = {
                .kind = REQUEST_SET_ATTRS, .vf = 0, .attrs = {.reset = BIT(VF_ATTR_LINK_STATE)}};
        struct caps caps = {0};
        struct pf_facts pf = igb_facts(1);
        const struct plan_world w = {.facts = &pf, .caps = &caps};
        struct fault f = FAULT_NULL;
        struct plan plan;

        (void) state;
        caps_learn_facts(&caps, &pf);
        assert_int_equal(caps.of[VF_SETTING_QUERY_RSS], CAP_NO); /* the driver leaves it out */
        assert_int_equal(caps.of[VF_SETTING_TRUST], CAP_UNKNOWN);
        caps_learn_set(&caps, VF_SETTING_LINK_STATE, FAULT_BUSY);
        assert_int_equal(caps.of[VF_SETTING_LINK_STATE], CAP_UNKNOWN);
        caps_learn_set(&caps, VF_SETTING_LINK_STATE, FAULT_NOT_SUPPORTED);
        assert_int_equal(plan_request(&set, &w, &plan, &f), -EOPNOTSUPP);
        assert_int_equal(f.code, FAULT_NOT_SUPPORTED);
        pf.vfs[0].attrs.link_state = VF_LINK_DISABLE;
        assert_int_equal(plan_request(&reset, &w, &plan, &f), 0);
        assert_int_equal(plan.n, 0);
        /* readings that are not to be trusted teach nothing */
        caps_forget(&caps);
        pf.vfs[0].attrs_known = false;
        caps_learn_facts(&caps, &pf);
        assert_int_equal(caps.of[VF_SETTING_QUERY_RSS], CAP_UNKNOWN);
        pf_facts_done(&pf);
}

static void verify_tells_what_the_driver_ignored(void **state)
{
        const struct request r = {.kind = REQUEST_SET_ATTRS,
                .vf = 0,
                .attrs = {.present = BIT(VF_ATTR_VLAN), .vlan = 5}};
        const struct request count = {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 4};
        const struct request bind = {.kind = REQUEST_BIND, .vf = 0, .driver = "vfio-pci"};
        struct pf_facts pf = igb_facts(3);
        struct fault f = FAULT_NULL;

        (void) state;
        assert_true(plan_verify(&r, &pf, &f) < 0);
        assert_int_equal(f.code, FAULT_NOT_APPLIED);
        pf.vfs[0].attrs.present &= ~BIT(VF_ATTR_VLAN); /* not reported: can not be compared */
        assert_int_equal(plan_verify(&r, &pf, &f), 0);
        assert_true(plan_verify(&count, &pf, &f) < 0);
        assert_int_equal(f.code, FAULT_PARTIAL_COUNT);
        assert_non_null(strstr(f.text, "3 came"));
        assert_true(plan_verify(&bind, &pf, &f) < 0);
        assert_int_equal(f.code, FAULT_NOT_APPLIED);
        pf_facts_done(&pf);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reaches_what_was_asked),
                cmocka_unit_test(undoes_a_failure_at_every_step),
                cmocka_unit_test(refuses),
                cmocka_unit_test(minimum_above_present_maximum),
                cmocka_unit_test(never_harms_who_holds_a_vf),
                cmocka_unit_test(isolation),
                cmocka_unit_test(shared_groups),
                cmocka_unit_test(capabilities),
                cmocka_unit_test(verify_tells_what_the_driver_ignored),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
