/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who uses a VF: in words, and what a plan makes of it. */
#include "model/plan_desired.h"
#include "unit.h"

static const struct {
        struct holder holder;
        const char *says;
        const char *remedy;
} kinds[] = {
        {{3, "vfio", 4242, "qemu-system-x86", "/dev/vfio/12"},
                "VF 3 held by qemu-system-x86 (pid 4242) through /dev/vfio/12 (vfio)", "shut down"},
        {{3, "vfio", -1, "", "/dev/vfio/12"},
                "VF 3 held by a process this service may not see through /dev/vfio/12 (vfio)",
                "shut down"},
        {{3, "guest", -1, "guest web1", ""}, "VF 3 held by guest web1 (guest)", "shut down"},
        {{3, "netns", -1, "", ""}, "VF 3's interface lives in another network namespace",
                "out of use"},
        {{3, "master", -1, "br0", "enp1s0v3"}, "VF 3's enp1s0v3 is enslaved to br0", "out of use"},
        {{3, "upper", -1, "macvtap0", "enp1s0v3"}, "VF 3's enp1s0v3 carries macvtap0",
                "out of use"},
        {{3, "address", -1, "192.0.2.1/24", "enp1s0v3"},
                "VF 3's enp1s0v3 has the address 192.0.2.1/24", "out of use"},
        {{3, "route", -1, "", "enp1s0v3"}, "VF 3's enp1s0v3 carries the default route",
                "move the default route"},
        {{3, "rdma", 17, "ib_write_bw", "mlx5_2"}, "VF 3's mlx5_2 is used by ib_write_bw (pid 17)",
                "end that process"},
        {{3, "mount", -1, "/srv", "nvme1n1p1"}, "VF 3's nvme1n1p1 is mounted at /srv", "unmount"},
        {{3, "mount", -1, "dm-0", "nvme1n1"}, "VF 3's nvme1n1 is part of dm-0", "unmount"},
        {{3, "mount", -1, "swap", "nvme1n1"}, "VF 3's nvme1n1 is used as swap", "unmount"},
        {{3, "mount", -1, "", "nvme1n1"}, "VF 3's nvme1n1 is in use", "unmount"},
        {{3, "lease", -1, "uid 1000 (virtd)", ""}, "VF 3 is leased to uid 1000 (virtd)",
                "released"},
};

static const struct holder pf_route = {NO_VF, "route", -1, "", "enp1s0"};

static void test_words(_unused_ void **state)
{
        char text[400];

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                holder_describe(&kinds[i].holder, text, sizeof(text));
                assert_string_equal(text, kinds[i].says);
                assert_non_null(strstr(holder_remedy(&kinds[i].holder), kinds[i].remedy));
        }
        holder_describe(&pf_route, text, sizeof(text));
        assert_string_equal(text, "the PF's enp1s0 carries the default route");
}

static void test_list(_unused_ void **state)
{
        struct holder many[8];
        const struct holder *first = NULL;
        char text[600];

        for (uint32_t i = 0; i < ELEMENTSOF(many); i++)
                many[i] = (struct holder){i == 7 ? NO_VF : i, "netns", -1, "", ""};
        assert_int_equal(holders_of(many, 8, NO_VF, false, text, sizeof(text), &first), 7);
        assert_ptr_equal(first, &many[0]);
        assert_non_null(strstr(text, "VF 4's interface"));
        assert_non_null(strstr(text, " and 2 more"));
        assert_int_equal(holders_of(many, 8, NO_VF, true, text, sizeof(text), NULL), 8);
        assert_int_equal(holders_of(many, 8, 3, false, text, sizeof(text), &first), 1);
        assert_ptr_equal(first, &many[3]);
        assert_int_equal(holders_of(many, 8, 9, false, text, sizeof(text), NULL), 0);
        assert_string_equal(text, "");
        /* Cut, never past its end. */
        assert_int_equal(holders_of(many, 8, NO_VF, false, text, 20, NULL), 7);
        assert_int_equal(strlen(text), 19);
}

static void test_step(_unused_ void **state)
{
        const struct dev_id pf = {"pci/0000:01:00.0"};
        const struct step unbind = {.kind = STEP_UNBIND, .vf = 3};
        const struct step other = {.kind = STEP_UNBIND, .vf = 2};
        const struct step destroy = {.kind = STEP_SET_NUMVFS, .vf = NO_VF};
        struct fault f = FAULT_NULL;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                assert_true(step_refuse_held(&unbind, &pf, &kinds[i].holder, 1, &f) < 0);
                assert_int_equal(f.code, FAULT_IN_USE);
                assert_non_null(strstr(f.text, kinds[i].says));
                assert_true(step_refuse_held(&destroy, &pf, &kinds[i].holder, 1, &f) < 0);
                assert_int_equal(step_refuse_held(&other, &pf, &kinds[i].holder, 1, &f), 0);
        }
        assert_int_equal(step_refuse_held(&destroy, &pf, &pf_route, 1, &f), 0);
        assert_int_equal(step_refuse_held(&destroy, &pf, NULL, 0, &f), 0);
}

static enum fault_code plan_it(
        const struct request *r, const struct plan_world *w, const char *says)
{
        struct fault f = FAULT_NULL;
        struct plan plan = {0};

        if (plan_request(r, w, &plan, &f) == 0) {
                assert_int_not_equal(plan.n, 0);
                plan_done(&plan);
        } else if (says) {
                assert_non_null(strstr(f.text, says));
        }
        return f.code;
}

/* Each kind, against each request that takes the VF away. */
static void test_requests(_unused_ void **state)
{
        struct pf_facts pf = igb_facts(4);
        struct request requests[] = {
                {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 0},
                {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 2, .replace = true},
                {.kind = REQUEST_BIND, .vf = 3, .driver = "vfio-pci"},
                {.kind = REQUEST_UNBIND, .vf = 3},
                {.kind = REQUEST_RESET, .vf = 3},
        };
        const struct request other = {.kind = REQUEST_UNBIND, .vf = 2};

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                const struct plan_world w = {
                        .facts = &pf, .holders = &kinds[i].holder, .n_holders = 1};

                for (size_t k = 0; k < ELEMENTSOF(requests); k++) {
                        requests[k].force = false;
                        assert_int_equal(plan_it(&requests[k], &w, kinds[i].says), FAULT_IN_USE);
                        requests[k].force = true;
                        assert_int_equal(plan_it(&requests[k], &w, NULL), FAULT_NONE);
                }
                assert_int_equal(plan_it(&other, &w, NULL), FAULT_NONE);
        }
        pf_facts_done(&pf);
}

static enum fault_code wish_it(const struct desired *d, const struct pf_facts *pf, bool way_back)
{
        const struct plan_world w = {
                .facts = pf, .holders = &pf_route, .n_holders = 1, .way_back = way_back};
        struct problems problems = {0};
        struct fault f = FAULT_NULL;
        struct plan plan = {0};

        if (plan_desired(d, &w, &problems, &plan, &f) == 0)
                assert_int_not_equal(plan.n, 0);
        else if (f.code == FAULT_IN_USE)
                assert_non_null(strstr(f.text, "the PF's enp1s0 carries the default route"));
        plan_done(&plan);
        problems_done(&problems);
        return f.code;
}

/* What people ask is refused; the way back and creation from none are not. */
static void test_pf_route(_unused_ void **state)
{
        struct pf_facts some = igb_facts(4), none = igb_facts(0);
        struct plan_world w = {.facts = &some, .holders = &pf_route, .n_holders = 1};
        struct request r = {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 0};
        struct desired d = {
                .pf = some.id, .wants = BIT(WISH_NUM_VFS), .num_vfs = 2, .replace = true};

        assert_int_equal(plan_it(&r, &w, "enp1s0 carries the default route"), FAULT_IN_USE);
        r.force = true;
        assert_int_equal(plan_it(&r, &w, NULL), FAULT_NONE);
        r = (struct request){.kind = REQUEST_UNBIND, .vf = 1};
        assert_int_equal(plan_it(&r, &w, NULL), FAULT_NONE);
        r = (struct request){.kind = REQUEST_SET_NUMVFS, .vf = NO_VF, .count = 4};
        w.facts = &none;
        assert_int_equal(plan_it(&r, &w, NULL), FAULT_NONE);

        assert_int_equal(wish_it(&d, &some, false), FAULT_IN_USE);
        assert_int_equal(wish_it(&d, &some, true), FAULT_NONE);
        assert_int_equal(wish_it(&d, &none, false), FAULT_NONE);
        d.wants = BIT(WISH_ESWITCH);
        snprintf(d.eswitch, sizeof(d.eswitch), "switchdev");
        snprintf(none.eswitch_mode, sizeof(none.eswitch_mode), "legacy");
        assert_int_equal(wish_it(&d, &none, false), FAULT_IN_USE);
        assert_int_equal(wish_it(&d, &none, true), FAULT_NONE);
        pf_facts_done(&some);
        pf_facts_done(&none);
}

/* Vendors' variants open the device as vfio-pci does. */
static void test_open(_unused_ void **state)
{
        struct vf_facts vf;
        unsigned n = 0;

        vf_facts_init(&vf, 0);
        vf.enable = 1;
        for (const char *const *d = request_drivers; *d; d++) {
                bool vfio = strstr(*d, "vfio") != NULL;

                snprintf(vf.driver, sizeof(vf.driver), "%s", *d);
                assert_int_equal(vf_facts_held(&vf), vfio);
                n += vfio;
        }
        assert_true(n > 5);
        vf.enable = 0;
        snprintf(vf.driver, sizeof(vf.driver), "mlx5_vfio_pci");
        assert_false(vf_facts_held(&vf));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_list),
                cmocka_unit_test(test_step),
                cmocka_unit_test(test_requests),
                cmocka_unit_test(test_pf_route),
                cmocka_unit_test(test_open),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
