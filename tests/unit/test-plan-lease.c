/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is planned for a VF's new owner, and to make it clean again. */
#include "model/plan.h"
#include "unit.h"

#define OWNER 1000u

static struct request lease_of(uint32_t uid, const char *driver)
{
        struct request r = {.kind = REQUEST_LEASE, .vf = 0, .uid = uid};

        snprintf(r.driver, sizeof(r.driver), "%s", driver);
        return r;
}

/* Back to igbvf and the baseline. */
static struct request scrub(void)
{
        struct request r = {.kind = REQUEST_SCRUB, .vf = 0, .attrs = vf_attrs_baseline};

        snprintf(r.driver, sizeof(r.driver), "igbvf");
        r.attrs.present &=
                ~(BIT(VF_ATTR_QUERY_RSS) | BIT(VF_ATTR_NODE_GUID) | BIT(VF_ATTR_PORT_GUID));
        return r;
}

static void to_vfio(struct vf_facts *vf, int64_t access)
{
        snprintf(vf->driver, sizeof(vf->driver), "vfio-pci");
        vf->enable = 0;
        vf->access_uid = access;
}

static void assert_kinds(
        const struct pf_facts *pf, const struct request *r, const enum step_kind *kinds, size_t n)
{
        const struct plan_world w = {.facts = pf};
        struct fault f = FAULT_NULL;
        struct plan plan = {0};

        assert_int_equal(plan_request(r, &w, &plan, &f), 0);
        assert_int_equal(plan.n, n);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(plan.steps[i].kind, kinds[i]);
                assert_int_equal(step_check(&plan.steps[i], NULL), 0);
        }
        plan_done(&plan);
}
#define ASSERT_KINDS(pf, r, ...)                                                                   \
        assert_kinds(pf, r, (const enum step_kind[]){__VA_ARGS__},                                 \
                ELEMENTSOF(((const enum step_kind[]){__VA_ARGS__})))

static void assert_refused(const struct pf_facts *pf, const struct request *r, enum fault_code code)
{
        const struct plan_world w = {.facts = pf};
        struct fault f = FAULT_NULL;
        struct plan plan = {0};

        assert_true(plan_request(r, &w, &plan, &f) < 0);
        assert_int_equal(f.code, code);
        assert_int_equal(plan.n, 0);
}

static void to_its_owner(void **state)
{
        struct pf_facts pf = igb_facts(2);
        struct request r = lease_of(OWNER, "vfio-pci");

        (void) state;
        /* The door is opened last, and only to a device that is behind it. */
        ASSERT_KINDS(&pf, &r, STEP_UNBIND, STEP_SET_OVERRIDE, STEP_BIND, STEP_CLEAR_OVERRIDE,
                STEP_SET_ACCESS);
        r = lease_of(0, "vfio-pci"); /* root needs none */
        ASSERT_KINDS(&pf, &r, STEP_UNBIND, STEP_SET_OVERRIDE, STEP_BIND, STEP_CLEAR_OVERRIDE);
        to_vfio(&pf.vfs[0], -1);
        r = lease_of(OWNER, ""); /* as it is */
        ASSERT_KINDS(&pf, &r, STEP_SET_ACCESS);
        pf.vfs[0].access_uid = 77; /* whoever that was */
        ASSERT_KINDS(&pf, &r, STEP_SET_ACCESS);
        r = lease_of(0, "");
        ASSERT_KINDS(&pf, &r, STEP_SET_ACCESS);
        pf.vfs[0].enable = 1;
        assert_refused(&pf, &r, FAULT_IN_USE);
        pf_facts_done(&pf);
}

static void clean_again(void **state)
{
        struct pf_facts pf = igb_facts(2);
        struct request r = scrub();

        (void) state;
        ASSERT_KINDS(&pf, &r, STEP_RESET);
        to_vfio(&pf.vfs[0], OWNER);
        pf.vfs[0].attrs.vlan = 77;
        /* Nobody can come in any more; who is in may stay until he leaves. */
        pf.vfs[0].enable = 1;
        ASSERT_KINDS(&pf, &r, STEP_SET_ACCESS);
        pf.vfs[0].access_uid = -1;
        assert_refused(&pf, &r, FAULT_IN_USE);
        pf.vfs[0].enable = 0;
        ASSERT_KINDS(&pf, &r, STEP_RESET, STEP_SET_VF, STEP_UNBIND, STEP_BIND);
        /* A scrub that was cut behind the bind has left the override of the one before. */
        snprintf(pf.vfs[0].driver, DRIVER_MAX, "igbvf");
        snprintf(pf.vfs[0].driver_override, DRIVER_MAX, "vfio-pci");
        ASSERT_KINDS(&pf, &r, STEP_RESET, STEP_SET_VF, STEP_CLEAR_OVERRIDE);
        pf.vfs[0].driver_override[0] = '\0';
        pf.vfs[0].reset_methods[0] = '\0';
        assert_refused(&pf, &r, FAULT_NOT_SUPPORTED);
        pf_facts_done(&pf);
}

/* igb forgets at a reset what the VF's driver told it, and keeps what was set: both look alike. */
static void a_mac_after_the_reset(void **state)
{
        struct pf_facts pf = igb_facts(2);
        struct request r = scrub();
        struct caps caps = {0};
        const struct plan_world w = {.facts = &pf, .caps = &caps};
        struct fault f = FAULT_NULL;
        struct plan plan = {0};

        (void) state;
        r.attrs.mac = pf.vfs[0].attrs.mac = (struct mac){{0x02, 0, 0, 0, 0, 0x42}};
        assert_int_equal(plan_request(&r, &w, &plan, &f), 0);
        assert_int_equal(plan.n, 2);
        assert_int_equal(plan.steps[0].kind, STEP_RESET);
        assert_int_equal(plan.steps[1].kind, STEP_SET_VF);
        assert_int_equal(plan.steps[1].setting, VF_SETTING_MAC);
        assert_memory_equal(&plan.steps[1].attrs.mac, &r.attrs.mac, sizeof(r.attrs.mac));
        plan_done(&plan);
        caps.of[VF_SETTING_MAC] = CAP_NO; /* whatever it is, it can not be set */
        assert_int_equal(plan_request(&r, &w, &plan, &f), 0);
        assert_int_equal(plan.n, 1);
        plan_done(&plan);
        pf_facts_done(&pf);
}

static void what_is_read_back(void **state)
{
        struct pf_facts pf = igb_facts(2);
        struct request give = lease_of(OWNER, "vfio-pci"), take = scrub();
        struct fault f = FAULT_NULL;

        (void) state;
        assert_int_equal(plan_verify(&take, &pf, &f), 0);
        assert_true(plan_verify(&give, &pf, &f) < 0);
        assert_int_equal(f.code, FAULT_NOT_APPLIED); /* the driver */
        to_vfio(&pf.vfs[0], OWNER);
        assert_int_equal(plan_verify(&give, &pf, &f), 0);
        pf.vfs[0].access_uid = -1;
        assert_true(plan_verify(&give, &pf, &f) < 0);
        give.uid = 0;
        assert_int_equal(plan_verify(&give, &pf, &f), 0);
        pf.vfs[0].access_uid = OWNER;
        assert_true(plan_verify(&give, &pf, &f) < 0);
        snprintf(pf.vfs[0].driver, sizeof(pf.vfs[0].driver), "igbvf");
        assert_true(plan_verify(&take, &pf, &f) < 0); /* somebody has access */
        pf.vfs[0].access_uid = -1;
        pf.vfs[0].attrs.trust = true;
        assert_true(plan_verify(&take, &pf, &f) < 0);
        assert_non_null(strstr(f.text, "trust"));
        pf_facts_done(&pf);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(to_its_owner),
                cmocka_unit_test(clean_again),
                cmocka_unit_test(a_mac_after_the_reset),
                cmocka_unit_test(what_is_read_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
