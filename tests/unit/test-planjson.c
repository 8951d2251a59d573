/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan as JSON, as data/org.sriovd1.xml describes it, and the hash that Apply is held to. */
#include "config/planjson.h"
#include "unit.h"

static void add_step(struct plan *plan, struct step step)
{
        assert_int_equal(array_grow(&plan->steps, &plan->capacity, plan->n, sizeof(step)), 0);
        plan->steps[plan->n++] = step;
}

static void add_vlan(struct plan *plan, uint32_t vf, uint16_t vlan)
{
        struct step step = {.kind = STEP_SET_VF, .vf = vf, .setting = VF_SETTING_VLAN};

        step.attrs.present = BIT(VF_ATTR_VLAN);
        step.attrs.vlan = vlan;
        add_step(plan, step);
}

static void add_problem(struct planned *p, uint32_t vf, enum fault_code code, const char *text)
{
        struct fault f = FAULT_NULL;

        fault_set(&f, code, 0, "%s", text);
        assert_int_equal(problems_add(&p->problems, vf, &f), 0);
}

/* Two PFs: one with steps of each kind, one that nothing can be done to. */
static void sample(struct report *ret)
{
        struct planned *list = calloc(2, sizeof(*list));

        assert_non_null(list);
        *ret = (struct report){.list = list, .n = 2};
        snprintf(list[0].wish.pf.str, DEV_ID_MAX, "pci/0000:3b:00.0");
        snprintf(list[0].wish.where, WHERE_MAX, "10-nics.json:4:5");
        snprintf(list[0].netdev, NETDEV_MAX, "enp59s0f0");
        list[0].fault = list[1].fault = FAULT_NULL;
        add_step(&list[0].plan, (struct step){.kind = STEP_SET_NUMVFS, .vf = NO_VF, .value = 0});
        add_step(&list[0].plan, (struct step){.kind = STEP_SET_NUMVFS, .vf = NO_VF, .value = 8});
        add_vlan(&list[0].plan, 3, 100);
        list[0].plan.disruption = DISRUPT_VF_RECREATE;
        assert_int_equal(texts_add(&list[0].hurts, "VF 3: interface enp59s0f0v3 goes away"), 0);
        add_problem(&list[0], 5, FAULT_IN_USE, "VF 5: held by \"qemu\"");
        snprintf(list[1].wish.pf.str, DEV_ID_MAX, "pci/0000:3b:00.1");
        fault_set(&list[1].fault, FAULT_VFS_EXIST, 0, "there are VFs: \\ \x01");
        assert_int_equal(texts_add(&ret->absent, "10-nics.json:9:5"), 0);
        assert_int_equal(texts_add(&ret->warnings, "first"), 0);
        assert_int_equal(texts_add(&ret->warnings, "second"), 0);
}

static struct json *written(const struct report *report)
{
        _cleanup_(freep) char *text = NULL;
        struct fault f = FAULT_NULL;
        struct json *json;

        assert_int_equal(report_write(report, &text), 0);
        if (json_parse("plan", text, strlen(text), 0, &json, &f) < 0)
                fail_msg("%s\n%s", f.text, text);
        return json;
}

static const struct json_value *member(const struct json_value *o, const char *key)
{
        const struct json_value *v = json_member(o, key);

        if (!v)
                fail_msg("no \"%s\"", key);
        return v;
}

static const struct json_value *at(const struct json_value *o, const char *key, size_t n, size_t i)
{
        size_t there;

        assert_int_equal(json_as_array(member(o, key), &there, NULL), 0);
        assert_int_equal(there, n);
        return json_element(member(o, key), i);
}

static void says(const struct json_value *v, const char *text)
{
        const char *s;

        assert_int_equal(json_as_string(v, &s, NULL), 0);
        assert_string_equal(s, text);
}

static bool boolean(const struct json_value *v)
{
        bool b;

        assert_int_equal(json_as_bool(v, &b, NULL), 0);
        return b;
}

static void number(const struct json_value *v, uint32_t n)
{
        uint32_t there;

        assert_int_equal(json_as_u32(v, 0, UINT32_MAX - 1, &there, NULL), 0);
        assert_int_equal(there, n);
}

static void only(const struct json_value *o, const char *const *keys)
{
        struct fault f = FAULT_NULL;

        if (json_check_keys(o, keys, &f) < 0)
                fail_msg("%s", f.text);
        for (size_t i = 0; keys[i]; i++)
                member(o, keys[i]);
}

#define KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- what is written ------------------------------------------------------------------------- */

static void whole(void **state)
{
        _cleanup_(report_done) struct report report;
        _cleanup_(json_freep) struct json *json = NULL;
        const struct json_value *root, *pf, *o;
        char hash[17];

        (void) state;
        sample(&report);
        json = written(&report);
        root = json_root(json);
        only(root, KEYS("hash", "changes", "pfs", "absent", "warnings"));
        snprintf(hash, sizeof(hash), "%016llx", (unsigned long long) report_hash(&report));
        says(member(root, "hash"), hash);
        assert_true(boolean(member(root, "changes")));
        says(at(root, "absent", 1, 0), "10-nics.json:9:5");
        says(at(root, "warnings", 2, 0), "first");
        says(at(root, "warnings", 2, 1), "second");

        pf = at(root, "pfs", 2, 0);
        only(pf, KEYS("pf", "netdev", "source", "disruption", "steps", "hurts", "problems"));
        says(member(pf, "pf"), "0000:3b:00.0");
        says(member(pf, "netdev"), "enp59s0f0");
        says(member(pf, "source"), "10-nics.json:4:5");
        says(member(pf, "disruption"), "vf-recreate");
        says(at(pf, "hurts", 1, 0), "VF 3: interface enp59s0f0v3 goes away");
        o = at(pf, "problems", 1, 0);
        only(o, KEYS("vf", "error", "text"));
        number(member(o, "vf"), 5);
        says(member(o, "error"), "InUse");
        says(member(o, "text"), "VF 5: held by \"qemu\"");
        for (size_t i = 0; i < 2; i++) {
                o = at(pf, "steps", 3, i);
                only(o, KEYS("text", "disruption")); /* on the PF itself */
        }
        says(member(at(pf, "steps", 3, 0), "disruption"), "vf-recreate");
        o = at(pf, "steps", 3, 2);
        only(o, KEYS("text", "vf", "disruption"));
        says(member(o, "text"), "VF 3: vlan 100");
        number(member(o, "vf"), 3);
        says(member(o, "disruption"), "none");

        pf = at(root, "pfs", 2, 1);
        only(pf, KEYS("pf", "disruption", "steps", "hurts", "problems", "error", "text"));
        says(member(pf, "disruption"), "none");
        says(member(pf, "error"), "VfsExist");
        says(member(pf, "text"), report.list[1].fault.text);
}

static void nothing(void **state)
{
        _cleanup_(report_done) struct report report = {0};
        _cleanup_(json_freep) struct json *json = written(&report);
        const struct json_value *root = json_root(json);

        (void) state;
        only(root, KEYS("hash", "changes", "pfs", "absent", "warnings"));
        assert_false(boolean(member(root, "changes")));
        at(root, "pfs", 0, 0);
        at(root, "absent", 0, 0);
        at(root, "warnings", 0, 0);
}

/* After it was applied: what came of it, in place of what was expected. */
static void results(void **state)
{
        _cleanup_(report_done) struct report report;
        _cleanup_(json_freep) struct json *json = NULL;
        const struct json_value *pf;

        (void) state;
        sample(&report);
        report.list[0].ended = report.list[1].ended = true;
        report.list[0].result = FAULT_NULL;
        fault_set(&report.list[1].result, FAULT_GONE, 0, "0000:3b:00.1 has gone");
        json = written(&report);
        pf = at(json_root(json), "pfs", 2, 0);
        says(member(pf, "result"), "done");
        assert_null(json_member(pf, "error"));
        pf = at(json_root(json), "pfs", 2, 1);
        says(member(pf, "result"), "failed");
        says(member(pf, "error"), "Gone");
        says(member(pf, "text"), "0000:3b:00.1 has gone");
}

/* ---- the hash -------------------------------------------------------------------------------- */

enum twist {
        AS_IT_IS,
        STEP_VALUE,
        STEP_VF,
        STEP_LESS,
        STEP_ORDER,
        PF_OTHER,
        PF_LESS,
        PF_REFUSED,
        PF_REFUSED_OTHERWISE,
        PROBLEM_VF,
        PROBLEM_CODE,
        PROBLEM_LESS,
        TWISTS,
};

static void twist(struct report *r, enum twist how)
{
        struct planned *first = &r->list[0];
        struct step step;

        switch (how) {
        case STEP_VALUE:
                first->plan.steps[1].value = 7;
                break;
        case STEP_VF:
                first->plan.steps[2].vf = 4;
                break;
        case STEP_LESS:
                first->plan.n--;
                break;
        case STEP_ORDER:
                step = first->plan.steps[0];
                first->plan.steps[0] = first->plan.steps[1];
                first->plan.steps[1] = step;
                break;
        case PF_OTHER:
                snprintf(first->wish.pf.str, DEV_ID_MAX, "pci/0000:3c:00.0");
                break;
        case PF_LESS:
                r->n--;
                break;
        case PF_REFUSED:
                first->fault.code = FAULT_BUSY;
                break;
        case PF_REFUSED_OTHERWISE:
                r->list[1].fault.code = FAULT_BUSY;
                break;
        case PROBLEM_VF:
                first->problems.list[0].vf = 6;
                break;
        case PROBLEM_CODE:
                first->problems.list[0].fault.code = FAULT_NOT_SUPPORTED;
                break;
        case PROBLEM_LESS:
                first->problems.n--;
                break;
        case AS_IT_IS:
        case TWISTS:
                break;
        }
}

static void hash_of_what_is_done(void **state)
{
        uint64_t hashes[TWISTS];

        (void) state;
        for (unsigned i = 0; i < TWISTS; i++) {
                struct report report;
                size_t n;

                sample(&report);
                n = report.n;
                twist(&report, i);
                hashes[i] = report_hash(&report);
                assert_true(report_hash(&report) == hashes[i]);
                for (unsigned k = 0; k < i; k++)
                        if (hashes[i] == hashes[k])
                                fail_msg("twist %u is as %u", i, k);
                report.n = n; /* all of it is freed */
                report_done(&report);
        }
}

/* Who looks on, and what came of it, changes nothing: the agreement was to the steps. */
static void hash_not_of_the_rest(void **state)
{
        _cleanup_(report_done) struct report report;
        uint64_t hash;

        (void) state;
        sample(&report);
        hash = report_hash(&report);
        report.list[0].ended = true;
        fault_set(&report.list[0].result, FAULT_IO, EIO, "no");
        assert_int_equal(texts_add(&report.list[0].hurts, "more"), 0);
        assert_int_equal(texts_add(&report.warnings, "more"), 0);
        assert_int_equal(texts_add(&report.absent, "more"), 0);
        snprintf(report.list[0].wish.where, WHERE_MAX, "20.json:1:1");
        snprintf(report.list[0].netdev, NETDEV_MAX, "eth9");
        fault_set(&report.list[1].fault, FAULT_VFS_EXIST, 0, "in other words");
        assert_true(report_hash(&report) == hash);
}

static void changes(void **state)
{
        _cleanup_(report_done) struct report report;

        (void) state;
        sample(&report);
        assert_true(report_changes(&report));
        report.list[0].plan.n = 0; /* a refusal alone is no change */
        assert_false(report_changes(&report));
        add_vlan(&report.list[1].plan, 0, 1);
        assert_true(report_changes(&report));
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void texts(void **state)
{
        char **list = NULL, text[16];

        (void) state;
        texts_free(NULL);
        for (unsigned i = 0; i < 40; i++) {
                snprintf(text, sizeof(text), "text %u", i);
                assert_int_equal(texts_add(&list, text), 0);
                assert_ptr_not_equal(list[i], text);
                assert_string_equal(list[i], text);
                assert_null(list[i + 1]);
        }
        assert_string_equal(list[0], "text 0");
        texts_free(list);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole),
                cmocka_unit_test(nothing),
                cmocka_unit_test(results),
                cmocka_unit_test(hash_of_what_is_done),
                cmocka_unit_test(hash_not_of_the_rest),
                cmocka_unit_test(changes),
                cmocka_unit_test(texts),
        };

        return cmocka_run_group_tests_name("planjson", tests, NULL, NULL);
}
