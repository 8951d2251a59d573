/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random attempts to take VFs away from those who use them, on the simulated machine through a
 * backend server, as a job of sriovd makes them: look, plan, run. RUNS (600) says how many. TAP.
 *
 * Somebody uses a VF (a guest, a bridge, a mount...) from before the census, from between the
 * census and the run, from between the server's look and the deed, at random moments, or not at
 * all. Each of the looks must find who is there for it to find, at its own place; nobody may ever
 * be harmed; and without anybody the attempt must succeed.
 *
 * One thread; see stage.h for the others.
 */
#include <stdio.h>

#include "base/parse.h"
#include "model/plan_desired.h"
#include "stage.h"

#define RUNS_DEFAULT 600u

enum act { DESTROY, REPLACE, UNBIND, REBIND, RESET, WISH, SCRUB, ACT_MAX };

static const char *const act_names[ACT_MAX] = {
        "destroy", "replace", "unbind", "rebind", "reset", "wish", "scrub"};

enum moment { NEVER, BEFORE_CENSUS, BEFORE_RUN, BEFORE_DEED, RANDOM, MOMENT_MAX };

static const char *const moment_titles[MOMENT_MAX] = {
        "without anybody each attempt succeeds",
        "who is there at the census is found by the plan: nothing is sent",
        "who comes before the run is found by the server: nothing is begun",
        "who comes behind the server's look is found by the deed itself",
        "who comes and goes at random is never harmed",
};

struct attempt {
        enum act act;
        enum moment moment;
        const char *pf;
        uint32_t vf, count; /* the VF that is used; how many there are */
};

struct tally {
        unsigned tried, went, refused, wrong;
};

static void plan_for(struct stage *s, const struct attempt *a, struct plan *ret, struct fault *f)
{
        const struct plan_world w = {.facts = &s->facts,
                .groups = &s->groups,
                .holders = s->holders,
                .n_holders = s->n_holders};
        struct request r = {.kind = REQUEST_SET_NUMVFS, .vf = NO_VF};
        const struct vf_facts *vf = pf_facts_vf(&s->facts, a->vf);
        struct problems problems = {0};
        struct desired wish = {.pf = s->facts.id,
                .wants = BIT(WISH_NUM_VFS),
                .num_vfs = a->count - 1,
                .replace = true};
        bool on_vfio = startswith(vf->driver, "vfio");

        if (a->act == WISH) {
                (void) plan_desired(&wish, &w, &problems, ret, f);
                problems_done(&problems);
                return;
        }
        r.replace = a->act == REPLACE;
        r.count = a->act == REPLACE ? a->count - 1 : 0;
        if (a->act >= UNBIND) {
                r.kind = a->act == UNBIND   ? REQUEST_UNBIND
                         : a->act == REBIND ? REQUEST_BIND
                         : a->act == RESET  ? REQUEST_RESET
                                            : REQUEST_SCRUB;
                r.vf = a->vf;
        }
        if (a->act == REBIND)
                snprintf(r.driver, sizeof(r.driver), "%s",
                        !on_vfio             ? "vfio-pci"
                        : streq(a->pf, NVME) ? "pci-stub"
                                             : "igbvf");
        if (a->act == SCRUB)
                snprintf(r.driver, sizeof(r.driver), "%s", vf->driver);
        (void) plan_request(&r, &w, ret, f);
}

static bool wrong(const struct attempt *a, const char *what, const struct fault *f)
{
        printf("# %s of VF %u of %s: %s: %s %s\n", act_names[a->act], a->vf, a->pf, what,
                fault_code_name(f->code), f->text);
        return false;
}

/* Was the attempt treated as its moment demands? */
static bool judge(
        struct stage *s, const struct attempt *a, const struct fault *planned, struct tally *tally)
{
        bool refused = planned->code == FAULT_IN_USE || s->fault.code == FAULT_IN_USE;
        const struct fault *f = planned->code != FAULT_NONE ? planned : &s->fault;

        /* Somebody gave it a driver between a rebind's unbind and its bind. */
        refused |= a->moment == RANDOM && a->act == REBIND && f->code == FAULT_BUSY;
        tally->tried++;
        tally->refused += refused;
        tally->went += f->code == FAULT_NONE;
        if (stage_harmed(s) > 0)
                return wrong(a, "somebody was harmed", f);
        if (f->code != FAULT_NONE && !refused)
                return wrong(a, "another fault", f);
        switch (a->moment) {
        case NEVER:
                return !refused || wrong(a, "refused, and nobody was there", f);
        case BEFORE_CENSUS:
                return planned->code == FAULT_IN_USE || wrong(a, "the plan did not see it", f);
        case BEFORE_RUN:
                return (refused && s->handed == 0) || wrong(a, "the server did not see it", f);
        case BEFORE_DEED:
                return (refused && s->late.came && stage_is_held(s, a->pf, a->vf)) ||
                       wrong(a, "the deed did not see it", f);
        case RANDOM:
        case MOMENT_MAX:
                break;
        }
        return true;
}

static bool try_it(struct stage *s, const struct attempt *a, struct tally *tally)
{
        bool on_vf = a->act >= UNBIND && a->act != WISH;
        _cleanup_(plan_done) struct plan plan = {0};
        struct fault planned = FAULT_NULL;
        bool good;

        stage_set(s, a->pf, a->count);
        s->handed = 0;
        s->fault = FAULT_NULL;
        s->late.came = false;
        s->late.wanted = a->moment == BEFORE_DEED;
        s->late.vf = a->vf;
        snprintf(s->late.pf, sizeof(s->late.pf), "%s", a->pf);
        if (a->moment == BEFORE_CENSUS)
                stage_hold(s, a->pf, a->vf);
        if (a->moment == RANDOM)
                stage_crowd(s, true);
        stage_look(s, a->pf, on_vf ? a->vf : NO_VF);
        plan_for(s, a, &plan, &planned);
        if (a->moment == BEFORE_RUN)
                stage_hold(s, a->pf, a->vf);
        if (planned.code == FAULT_NONE)
                stage_run(s, a->pf, plan.steps, plan.n);
        good = judge(s, a, &planned, tally);
        if (a->moment == RANDOM)
                stage_crowd(s, false);
        stage_release(s);
        tally->wrong += !good;
        return good;
}

static struct attempt random_attempt(struct stage *s)
{
        struct attempt a = {.act = stage_random(&s->random, ACT_MAX),
                .moment = stage_random(&s->random, MOMENT_MAX),
                .pf = stage_random(&s->random, 4) ? IGB : NVME,
                .count = 2 + stage_random(&s->random, 3)};

        a.vf = stage_random(&s->random, a.count);
        return a;
}

int main(void)
{
        struct tally tally[MOMENT_MAX] = {0};
        uint32_t runs = RUNS_DEFAULT;
        const char *text = getenv("RUNS");
        unsigned n_wrong = 0;
        struct stage s;

        if (text && parse_u32(text, 1, 100000000, &runs) < 0)
                stage_die("RUNS", "expected a number");
        stage_open(&s);
        printf("1..%u\n", MOMENT_MAX);
        for (uint32_t i = 0; i < runs && n_wrong < 10; i++) {
                struct attempt a = random_attempt(&s);

                n_wrong += !try_it(&s, &a, &tally[a.moment]);
        }
        for (unsigned i = 0; i < MOMENT_MAX; i++) {
                struct tally *t = &tally[i];
                bool proved = t->wrong == 0 && (i == NEVER ? t->went > 0 : t->refused > 0);

                printf("%sok %u - %s # %u tried, %u went, %u refused, %u wrong\n",
                        proved ? "" : "not ", i + 1, moment_titles[i], t->tried, t->went,
                        t->refused, t->wrong);
                n_wrong += !proved;
        }
        stage_close(&s);
        return n_wrong > 0;
}
