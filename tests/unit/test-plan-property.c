/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random wishes on random PFs, planned and run on the simulated machine as a job does: the PF ends
 * as wanted, planning again is empty, and nobody who holds a VF notices. CASES says how many
 * (20000), SEED which. A case that fails is made smaller until nothing of it can go, and printed.
 */
#include <inttypes.h>

#include "plan_judge.h"

#define ROUNDS_MAX 4

/* How many cases were of what kind: a test of one kind only would prove little. */
struct tally {
        uint64_t refused, rebuilt, changed, untouched, with_problems, held, way_back, foretold;
};

static void run_done(struct run *r)
{
        desired_done(&r->wish);
        view_done(&r->before);
        view_done(&r->now);
        pf_facts_done(&r->model);
        problems_done(&r->problems);
        plan_done(&r->ran);
}

static void note(struct plan *all, const struct step *step)
{
        assert_int_equal(array_grow(&all->steps, &all->capacity, all->n, sizeof(*step)), 0);
        all->steps[all->n++] = *step;
}

/* ---- the start ---------------------------------------------------------------------------------
 */

static void begin(struct run *r)
{
        const struct plan_case *c = r->c;

        lab_choose(r->lab, c->machine);
        for (size_t i = 0; i <= c->n_starts; i++) {
                if (i == c->snapshot) {
                        lab_look(r->lab, &r->now);
                        assert_int_equal(desired_of_facts(&r->now.facts, &r->wish), 0);
                        assert_int_equal(pf_facts_copy(&r->now.facts, &r->model), 0);
                }
                if (i < c->n_starts)
                        lab_step(r->lab, &c->starts[i], NULL);
        }
        if (c->snapshot == SIZE_MAX)
                assert_int_equal(desired_copy(&c->wish, &r->wish), 0);
        r->wish.pf = r->lab->pf->id;
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(r->lab->m);
        for (uint32_t i = 0; i < CASE_VFS; i++)
                if (c->held & BIT(i))
                        kernel_guest_opens(m, r->lab->pf, i, "web");
        if (c->no_driver && lab_held(r->lab) == 0)
                kernel_detach_pf(m, r->lab->pf);
        r->held = lab_held(r->lab);
}

/* ---- the job -----------------------------------------------------------------------------------
 */

/* Does it change what is read? What is not read may always be sent, once. */
static bool changes(const struct pf_facts *pf, const struct step *s)
{
        const struct vf_facts *vf = pf_facts_vf(pf, s->vf);

        if (s->kind != STEP_SET_VF || !vf)
                return true;
        return (vf->attrs.present & s->attrs.present) != s->attrs.present ||
               vf_attrs_differ(&vf->attrs, &s->attrs) != 0;
}

/* Failures that are the device's own, and not a bad plan. */
static bool may_fail(const struct step *s, const struct fault *f)
{
        switch (s->kind) {
        case STEP_SET_VF:
                return f->code == FAULT_NOT_SUPPORTED || f->code == FAULT_INVALID_ARGS;
        case STEP_SET_MSIX:
                return f->code == FAULT_NO_RESOURCES;
        case STEP_BIND: /* a driver that does not take this device, a group that is in use */
        case STEP_PROBE:
                return f->code == FAULT_NOT_SUPPORTED || f->code == FAULT_BUSY;
        default:
                return false;
        }
}

/* The driver has no such setting, and the wish can do without: the next plan knows. */
static bool go_without(struct run *r, const struct step *s, const struct fault *f)
{
        const struct desired_vf *vf = desired_vf_at(&r->wish, s->vf);
        uint32_t wanted;

        if (f->code != FAULT_NOT_SUPPORTED || s->kind != STEP_SET_VF || !vf ||
                !caps_told_by(s->setting, &s->attrs))
                return false;
        wanted = (vf->attrs.present | vf->attrs.reset) & vf_setting_attrs(s->setting);
        if (wanted & ~r->wish.optional)
                return false;
        r->gave_up_setting = true;
        return true;
}

/* The VF goes back to how it was before this round, and out of the job. */
static bool give_up(struct run *r, const struct plan *plan, uint32_t vf, const struct fault *why)
{
        _cleanup_(plan_done) struct plan back = {0};
        _cleanup_(view_done) struct view after = {0};
        struct fault f = FAULT_NULL;

        r->failed = true;
        assert_int_equal(problems_add(&r->problems, vf, why), 0);
        lab_look(r->lab, &after);
        if (plan_restore_vf(plan, vf, &r->now.facts, &after.facts, &back) < 0)
                return WRONG(r, "no way back for VF %u", vf);
        for (size_t i = 0; i < back.n; i++) {
                if (back.steps[i].vf != vf && back.steps[i].kind != STEP_SET_AUTOPROBE)
                        return WRONG(r, "the way back of VF %u touches another", vf);
                if (lab_step(r->lab, &back.steps[i], &f) < 0)
                        return WRONG(r, "the way back of VF %u failed: %s", vf, f.text);
        }
        lab_look(r->lab, &after);
        if (!same_vf(pf_facts_vf(&r->now.facts, vf), pf_facts_vf(&after.facts, vf)))
                return WRONG(r, "the way back of VF %u leads elsewhere", vf);
        return true;
}

/* Runs a plan to its end or first failure; false: it should never have been made. */
static bool execute(struct run *r, const struct plan *plan)
{
        bool counts = false;
        char text[256];

        for (size_t i = 0; i < plan->n; i++) {
                const struct step *s = &plan->steps[i];
                bool all = s->kind == STEP_SET_ESWITCH ||
                           (s->kind == STEP_SET_NUMVFS && s->value == 0);
                struct fault f = FAULT_NULL;
                int rc;

                step_describe(s, text, sizeof(text));
                if (step_destructive(s) && !s->force &&
                        (all ? r->held != 0 : s->vf != NO_VF && (r->held & BIT(s->vf))))
                        return WRONG(r, "'%s' would harm a guest", text);
                if (step_check(s, &f) < 0 || s->force)
                        return WRONG(r, "'%s' is no good step: %s", text, f.text);
                if (!changes(&r->now.facts, s))
                        return WRONG(r, "'%s' changes nothing", text);
                if (problems_of(&r->problems, s->vf))
                        return WRONG(r, "'%s' on a VF with a problem", text);
                rc = lab_step(r->lab, s, &f);
                if (s->kind == STEP_SET_VF && (rc == 0 || caps_told_by(s->setting, &s->attrs)))
                        caps_learn_set(&r->caps, s->setting, f.code);
                if (rc < 0 && !may_fail(s, &f))
                        return WRONG(r, "'%s' failed: %s", text, f.text);
                if (rc < 0)
                        return go_without(r, s, &f) || give_up(r, plan, s->vf, &f);
                note(&r->ran, s);
                if (s->kind == STEP_SET_NUMVFS) {
                        r->recreated = counts = true;
                        r->fresh = s->value > 0;
                }
        }
        if (!counts)
                r->fresh = false;
        return true;
}

/* A whole PF may be refused before anything is written, for one of these reasons. */
static bool wants_vfio(const struct desired *d)
{
        for (uint32_t i = 0; i < d->n_vfs; i++)
                if (strstr(d->vfs[i].driver, "vfio") || strstr(d->vfs[i].override, "vfio"))
                        return true;
        return false;
}

static bool refused_rightly(const struct run *r, const struct fault *f)
{
        const struct desired *d = &r->wish;
        const struct pf_facts *pf = &r->before.facts;
        bool count = (d->wants & BIT(WISH_NUM_VFS)) && d->num_vfs != pf->num_vfs;
        bool mode = (d->wants & BIT(WISH_ESWITCH)) && !streq(d->eswitch, pf->eswitch_mode);

        switch (f->code) {
        case FAULT_VFS_EXIST:
                return pf->num_vfs > 0 && (count || mode) &&
                       (!d->replace || !(d->wants & BIT(WISH_NUM_VFS)));
        case FAULT_IN_USE:
                return r->held && d->replace && (count || mode);
        case FAULT_NO_DRIVER:
                return !pf->driver[0];
        case FAULT_NOT_SUPPORTED:
                return (pf->n_netdevs == 0 && (d->wants & ~d->optional & BIT(WISH_MTU))) ||
                       (!pf->eswitch_mode[0] && (d->wants & ~d->optional & BIT(WISH_ESWITCH)));
        case FAULT_INVALID_ARGS:
                return desired_check_pf(d, pf, NULL) < 0;
        case FAULT_NOT_ISOLATED: /* of VFs to come */
                return (!lab_machines[r->c->machine].iommu || !lab_machines[r->c->machine].acs) &&
                       (count || mode) && (d->wants & BIT(WISH_NUM_VFS)) && d->num_vfs > 0 &&
                       wants_vfio(d);
        default:
                return false;
        }
}

/* Rounds until nothing is left. -1: refused; 0: wrong; 1: done. */
static int rounds(struct run *r, struct fault *f)
{
        for (size_t round = 0;; round++) {
                _cleanup_(plan_done) struct plan plan = {0};
                struct plan_world w;

                lab_look(r->lab, &r->now);
                caps_learn_facts(&r->caps, &r->now.facts);
                w = world_of(&r->now, &r->caps, r->fresh);
                if (plan_desired(&r->wish, &w, &r->problems, &plan, f) < 0) {
                        if (round == 0 && refused_rightly(r, f))
                                return -1;
                        return WRONG(r, "refused in round %zu: %s: %s", round,
                                fault_code_name(f->code), f->text);
                }
                if (!r->fresh && !agree(r, &plan))
                        return 0;
                if (plan.n == 0)
                        return 1;
                if (round >= ROUNDS_MAX + r->problems.n + VF_SETTING_MAX)
                        return WRONG(r, "no end after %zu rounds", round);
                if (round >= ROUNDS_MAX - 1 && !r->failed && !r->gave_up_setting)
                        return WRONG(r, "not at its end after %zu rounds", round);
                if (!execute(r, &plan))
                        return 0;
        }
}

/* ---- one case ---------------------------------------------------------------------------------
 */

static bool check_case(struct run *r)
{
        _cleanup_(plan_done) struct plan preview = {0};
        struct problems expected = {0};
        struct fault foretold = FAULT_NULL, f = FAULT_NULL;
        struct plan_world w;
        int done;
        bool good;

        begin(r);
        lab_look(r->lab, &r->before);
        caps_learn_facts(&r->caps, &r->before.facts);
        w = world_of(&r->before, &r->caps, false);
        plan_preview(&r->wish, &w, &expected, &preview, NULL, &foretold);
        done = rounds(r, &f);
        if (done == 0)
                good = false;
        else if (foretold.code != f.code)
                good = WRONG(r, "foretold %s, and it was %s: %s", fault_code_name(foretold.code),
                        fault_code_name(f.code), f.text);
        else if (done < 0)
                good = holders_live(r);
        else
                good = holders_live(r) && all_right(r) && no_difference(r) && nothing_again(r);
        if (r->gave_up_setting)
                r->failed = true; /* the preview could not know */
        /* Where all went well, nothing came as a surprise. */
        r->plain = done > 0 && r->problems.n == 0 && !r->failed && expected.n == 0;
        if (good && r->plain)
                good = as_foretold(r, &preview);
        problems_done(&expected);
        r->refused = done < 0;
        return good;
}

static void count(struct tally *t, const struct run *r)
{
        t->refused += r->refused;
        t->rebuilt += r->recreated;
        t->changed += r->ran.n > 0 && !r->recreated;
        t->untouched += r->ran.n == 0 && !r->refused;
        t->with_problems += r->problems.n > 0;
        t->held += r->held && r->ran.n > 0;
        t->way_back += r->c->snapshot != SIZE_MAX && r->ran.n > 0 && r->problems.n == 0;
        t->foretold += r->plain && r->ran.n > 0;
}

static bool case_holds(struct lab *lab, const struct plan_case *c, struct tally *t)
{
        _cleanup_(run_done) struct run r = {.lab = lab, .c = c};
        bool good = check_case(&r);

        if (t)
                count(t, &r);
        return good;
}

/* ---- cases -------------------------------------------------------------------------------------
 */

static struct plan_case case_of(uint64_t seed)
{
        uint64_t s = seed;
        struct plan_case c = {.seed = seed, .snapshot = SIZE_MAX};

        c.machine = below(&s, ELEMENTSOF(lab_machines));
        c.profile = sim_profile_find(lab_machines[c.machine].profile);
        assert_non_null(c.profile);
        random_starts(&c, &s);
        random_wish(&c, &s);
        return c;
}

/* Smaller as long as something can go and it still fails. */
static void make_small(struct lab *lab, struct plan_case *c)
{
        bool smaller;

        do {
                smaller = false;
                for (unsigned part = 0; part < SHRINK_PARTS; part++) {
                        struct plan_case less = case_copy(c);

                        if (shrink(&less, part) && !case_holds(lab, &less, NULL)) {
                                case_done(c);
                                *c = less;
                                smaller = true;
                        } else
                                case_done(&less);
                }
        } while (smaller);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 0) : otherwise;
}

static void tell(uint64_t n, const struct tally *t)
{
        print_message("# %" PRIu64 " cases: %" PRIu64 " refused, %" PRIu64 " rebuilt, %" PRIu64
                      " changed, %" PRIu64 " as wanted already; %" PRIu64 " with a VF given up, "
                      "%" PRIu64 " beside guests, %" PRIu64 " ways back, %" PRIu64 " foretold\n",
                n, t->refused, t->rebuilt, t->changed, t->untouched, t->with_problems, t->held,
                t->way_back, t->foretold);
}

static void wishes_come_true(void **state)
{
        uint64_t n = setting("CASES", 20000), first = setting("SEED", 1);
        struct lab *lab = lab_new();
        struct tally t = {0};

        (void) state;
        for (uint64_t i = 0; i < n; i++) {
                struct plan_case c = case_of(first + i);

                if (!case_holds(lab, &c, &t)) {
                        print_message("# case %" PRIu64 ": %s\n", first + i, lab->why);
                        make_small(lab, &c);
                        case_holds(lab, &c, NULL);
                        print_case(&c);
                        fail_msg("%s (SEED=%" PRIu64 " CASES=1)", lab->why, first + i);
                }
                case_done(&c);
        }
        lab_free(lab);
        tell(n, &t);
        if (n < 1000)
                return;
        assert_true(t.refused > n / 200 && t.refused < n / 3);
        assert_true(t.rebuilt > n / 20 && t.changed > n / 10);
        assert_true(t.untouched > n / 200 && t.with_problems > n / 50);
        assert_true(t.held > n / 200 && t.way_back > n / 50 && t.foretold > n / 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(wishes_come_true)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}
