/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is made of a PF on which a job died half-way, and what a wish endangers. */
#include "model/desired_recover.h"
#include "model/plan_desired.h"
#include "randomwish.h"
#include "readwishes.h"
#include "unit.h"

/* The PF before the job: 3 VFs, VF 1 with an override of an administrator. */
struct bench {
        struct pf_facts pf;
        struct desired old, wish, got;
};

static struct bench *bench_new(void)
{
        struct bench *b = calloc(1, sizeof(*b));

        assert_non_null(b);
        b->pf = igb_facts(3);
        b->pf.mtu = 1500;
        snprintf(b->pf.vfs[1].driver_override, DRIVER_MAX, "vfio-pci");
        assert_int_equal(desired_of_facts(&b->pf, &b->old), 0);
        b->wish.pf = b->pf.id;
        snprintf(b->wish.where, WHERE_MAX, "10.json:4:3");
        return b;
}

static void bench_free(struct bench *b)
{
        pf_facts_done(&b->pf);
        desired_done(&b->old);
        desired_done(&b->wish);
        desired_done(&b->got);
        free(b);
}

DEFINE_CLEANUP(struct bench *, bench_free)

static void count(struct bench *b, uint32_t n)
{
        b->wish.wants |= BIT(WISH_NUM_VFS);
        b->wish.num_vfs = n;
}

static void forward(struct bench *b)
{
        assert_int_equal(desired_recover(&b->old, &b->wish, &b->got), 0);
}

/* The plan for what is to be made of the PF as it is found, "" when nothing is to be done. */
static void planned(struct bench *b, char *buf, size_t size)
{
        const struct plan_world world = {.facts = &b->pf};
        struct problems problems = {0};
        struct fault f = FAULT_NULL;
        struct plan plan = {0};
        size_t at = 0;

        assert_int_equal(plan_preview(&b->got, &world, &problems, &plan, NULL, &f), 0);
        assert_int_equal(problems.n, 0);
        buf[0] = '\0';
        for (size_t i = 0; i < plan.n; i++) {
                char text[256];

                step_describe(&plan.steps[i], text, sizeof(text));
                at += (size_t) snprintf(buf + at, size - at, "%s%s", i > 0 ? "; " : "", text);
                assert_true(at < size);
        }
        plan_done(&plan);
        problems_done(&problems);
}

static void plans_as(struct bench *b, const char *steps)
{
        char text[1024];

        planned(b, text, sizeof(text));
        assert_string_equal(text, steps);
}

/* The dead job has moved autoprobe and overrides for a moment: back they go. */
static void forward_takes_leftovers_away(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();

        (void) state;
        count(b, 3);
        assert_non_null(desired_vf_add(&b->wish, 2));
        forward(b);
        assert_true(b->got.wants & BIT(WISH_AUTOPROBE));
        assert_true(b->got.autoprobe);
        assert_false(b->got.wants & (BIT(WISH_MTU) | BIT(WISH_ESWITCH)));
        assert_false(b->got.replace);
        assert_string_equal(b->got.where, "10.json:4:3");
        assert_int_equal(b->got.n_vfs, 3);
        for (uint32_t i = 0; i < 3; i++) {
                assert_int_equal(b->got.vfs[i].wants, BIT(WISH_OVERRIDE));
                assert_string_equal(b->got.vfs[i].override, i == 1 ? "vfio-pci" : "");
        }
        plans_as(b, "");

        b->pf.autoprobe = 0;
        snprintf(b->pf.vfs[0].driver_override, DRIVER_MAX, "vfio-pci");
        b->pf.vfs[1].driver_override[0] = '\0';
        plans_as(b, "set_autoprobe 1; VF 0: clear_override; VF 1: set_override vfio-pci");
}

static void forward_takes_what_the_wish_names(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();
        struct desired_vf *vf;

        (void) state;
        b->wish.wants |= BIT(WISH_AUTOPROBE);
        vf = desired_vf_add(&b->wish, 1);
        vf->wants = BIT(WISH_OVERRIDE);
        snprintf(vf->override, DRIVER_MAX, "igbvf");
        vf = desired_vf_add(&b->wish, 0);
        vf->wants = BIT(WISH_OVERRIDE);
        forward(b);
        assert_false(b->got.autoprobe);
        assert_int_equal(b->got.n_vfs, 3); /* the count is not wanted: as many as there were */
        assert_string_equal(b->got.vfs[0].override, "");
        assert_string_equal(b->got.vfs[1].override, "igbvf");
        assert_false(b->got.wants & BIT(WISH_NUM_VFS));
}

/* New VFs have no override, whatever the old ones had; and destroying was allowed. */
static void forward_to_another_count(void **state)
{
        static const uint32_t counts[] = {0, 2, 5};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                _cleanup_(bench_freep) struct bench *b = bench_new();

                count(b, counts[i]);
                forward(b);
                assert_true(b->got.replace);
                assert_false(b->wish.replace);
                assert_int_equal(b->got.num_vfs, counts[i]);
                assert_int_equal(b->got.n_vfs, counts[i]);
                for (uint32_t k = 0; k < b->got.n_vfs; k++) {
                        assert_int_equal(b->got.vfs[k].index, k);
                        assert_int_equal(b->got.vfs[k].wants, BIT(WISH_OVERRIDE));
                        assert_string_equal(b->got.vfs[k].override, "");
                }
        }
}

/* It could not be written down, so nobody knows how to bring it back: it is not touched. */
static void forward_leaves_unknown_overrides(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();

        (void) state;
        desired_done(&b->old);
        snprintf(b->pf.vfs[1].driver_override, DRIVER_MAX, "somebodys-own");
        assert_int_equal(desired_of_facts(&b->pf, &b->old), 0);
        assert_false(b->old.vfs[1].wants & BIT(WISH_OVERRIDE));
        count(b, 3);
        forward(b);
        plans_as(b, "");
}

static void forward_without_autoprobe(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();

        (void) state;
        b->old.wants &= ~BIT(WISH_AUTOPROBE); /* a kernel that has none */
        forward(b);
        assert_false(b->got.wants & BIT(WISH_AUTOPROBE));
}

static void back_is_as_it_was(void **state)
{
        _cleanup_(bench_freep) struct bench *b = bench_new();

        (void) state;
        assert_int_equal(desired_recover(&b->old, NULL, &b->got), 0);
        same_wish(&b->got, &b->old);
        assert_ptr_not_equal(b->got.vfs, b->old.vfs);
        plans_as(b, "");
        b->pf.vfs[2].attrs.vlan = 7;
        b->pf.autoprobe = 0;
        plans_as(b, "set_autoprobe 1; VF 2: vlan 0 qos 0 vlan_proto 802.1Q");
}

/* Whatever the wish: what it names is as it names it, and it is the caller's still. */
static void random_wishes(void **state)
{
        uint64_t seed = 5;

        (void) state;
        for (unsigned i = 0; i < 1000; i++) {
                struct desired old = {0}, wish = {0}, copy = {0}, got = {0};

                random_wish(&seed, &old);
                random_wish(&seed, &wish);
                assert_int_equal(desired_copy(&wish, &copy), 0);
                assert_int_equal(desired_recover(&old, &wish, &got), 0);
                same_wish(&wish, &copy);
                assert_int_equal(got.wants & wish.wants, wish.wants);
                assert_int_equal(got.replace, wish.replace || wish.num_vfs != old.num_vfs);
                for (uint32_t k = 0; k < wish.n_vfs; k++) {
                        const struct desired_vf *vf = &wish.vfs[k];
                        const struct desired_vf *now = desired_vf_at(&got, vf->index);

                        assert_non_null(now);
                        assert_int_equal(
                                now->wants & ~BIT(WISH_OVERRIDE), vf->wants & ~BIT(WISH_OVERRIDE));
                        assert_true(vf_attrs_equal(&now->attrs, &vf->attrs));
                        if (vf->wants & BIT(WISH_OVERRIDE))
                                assert_string_equal(now->override, vf->override);
                }
                desired_done(&old);
                desired_done(&wish);
                desired_done(&copy);
                desired_done(&got);
        }
}

static enum risk risk_of(const char *pfs)
{
        _cleanup_(freep) char *text = NULL;
        struct desired *list = NULL;
        struct fault f = FAULT_NULL;
        enum risk risk;
        size_t n;

        assert_true(asprintf(&text,
                            "{\"version\": 1, \"pfs\": [{\"match\": {\"address\": "
                            "\"0000:01:00.0\"}, %s}]}",
                            pfs) > 0);
        if (read_wishes("t", text, strlen(text), &list, &n, &f) < 0)
                fail_msg("%s", f.text);
        assert_int_equal(n, 1);
        risk = desired_risk(&list[0]);
        desired_done(&list[0]);
        free(list);
        return risk;
}

static void risks(void **state)
{
        static const struct {
                const char *text;
                enum risk risk;
        } cases[] = {
                {"\"num_vfs\": 0", RISK_CONFIGURE},
                {"\"num_vfs\": 4, \"replace\": true", RISK_CONFIGURE},
                {"\"vfs\": [{\"index\": 0, \"vlan\": 7, \"trust\": false}]", RISK_CONFIGURE},
                {"\"vfs\": [{\"index\": 0, \"trust\": \"baseline\"}]", RISK_CONFIGURE},
                {"\"vfs\": [{\"index\": 0, \"spoofchk\": \"baseline\"}]", RISK_CONFIGURE},
                {"\"vfs\": [{\"index\": 0}, {\"index\": 1, \"driver\": \"none\"}]", RISK_BIND},
                {"\"vfs\": [{\"index\": 0, \"driver_override\": \"vfio-pci\"}]", RISK_BIND},
                {"\"vfs\": [{\"index\": 5, \"trust\": true}]", RISK_RELAX},
                {"\"vfs\": [{\"index\": 5, \"shared_group\": true}]", RISK_RELAX},
                {"\"vfs\": [{\"index\": 5, \"driver\": \"vfio-pci\", \"shared_group\": false}]",
                        RISK_BIND},
                {"\"vfs\": [{\"index\": 5, \"spoofchk\": false}]", RISK_RELAX},
                {"\"vfs\": [{\"index\": 0, \"driver\": \"vfio-pci\"},"
                 " {\"index\": 1, \"trust\": true}]",
                        RISK_RELAX},
                {"\"vfs\": [{\"index\": 0, \"trust\": true},"
                 " {\"index\": 1, \"driver\": \"vfio-pci\"}]",
                        RISK_RELAX},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (risk_of(cases[i].text) != cases[i].risk)
                        fail_msg("%s: %d", cases[i].text, risk_of(cases[i].text));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(forward_takes_leftovers_away),
                cmocka_unit_test(forward_takes_what_the_wish_names),
                cmocka_unit_test(forward_to_another_count),
                cmocka_unit_test(forward_leaves_unknown_overrides),
                cmocka_unit_test(forward_without_autoprobe),
                cmocka_unit_test(back_is_as_it_was),
                cmocka_unit_test(random_wishes),
                cmocka_unit_test(risks),
        };

        return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
