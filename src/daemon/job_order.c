/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rounds of a wish: each plans what can be planned against the readings of the last, until
 * nothing is left. Loop thread.
 *
 *   plan -> run -> went well -------------------------> next round
 *                  failed at a VF -> that VF back ----> next round, without it
 *                  failed at the PF -> wish := as it was, all of it -> next round
 *
 * Undoing is the same walk with the PF as it was for a wish, so it goes by the same checks.
 */
#include <stdio.h>

#include "daemon/job.h"

#define ROUNDS_MAX 6 /* create, then what was created, and as much for the way back */

bool job_order_binds(const struct job *job)
{
        for (uint32_t i = 0; i < job->order.wish.n_vfs; i++)
                if (job->order.wish.vfs[i].wants & BIT(WISH_DRIVER))
                        return true;
        return false;
}

int job_order_plan(struct job *job, const struct plan_world *world, struct fault *f)
{
        _cleanup_(desired_done) struct desired wish = {0};

        if (desired_copy(&job->order.wish, &wish) < 0)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        jobs_leave_leased(job->jobs, &wish);
        return plan_desired(&wish, world, &job->problems, &job->plan, f);
}

int job_order_keep(struct job *job)
{
        pf_facts_done(&job->base);
        return pf_facts_copy(&job->now, &job->base);
}

/* Each VF that failed has cost a round of its own. */
static void next_round(struct job *job)
{
        struct fault f = FAULT_NULL;

        crash_at(ledger_crash(job->jobs->ledger), CRASH_ROUND_ENDED);
        job->round++;
        if (job->round <= ROUNDS_MAX + job->problems.n) {
                job_look_further(job);
                return;
        }
        fault_set(&f, FAULT_NOT_APPLIED, 0,
                "%s: still not as wanted after %u rounds; the driver takes what it is told and "
                "then "
                "shows something else",
                dev_id_address(&job->view.pf), job->round);
        job_order_failed(job, &f);
}

/* "VF 3: ...; VF 5: ...", with the code of the first. */
static void tell_problems(const struct problems *problems, struct fault *ret)
{
        char number[32];

        *ret = problems->list[0].fault;
        snprintf(ret->text, sizeof(ret->text),
                "%zu VF%s not as wanted, the others are: ", problems->n,
                problems->n == 1 ? " is" : "s are");
        for (size_t i = 0; i < problems->n; i++) {
                snprintf(number, sizeof(number), "%sVF %u: ", i > 0 ? "; " : "",
                        problems->list[i].vf);
                fault_append(ret, number);
                fault_append(ret, problems->list[i].fault.text);
        }
}

void job_order_end(struct job *job)
{
        struct fault f = FAULT_NULL;

        crash_at(ledger_crash(job->jobs->ledger), CRASH_VERIFIED);
        if (job->problems.n > 0)
                tell_problems(&job->problems, &f);
        if (!job->undoing) {
                job_finish(job, &f);
                return;
        }
        crash_at(ledger_crash(job->jobs->ledger), CRASH_UNDO_ENDED);
        if (f.code != FAULT_NONE)
                fault_append(&job->fault, "; undoing what had been done: ");
        else if (job->has_undone)
                fault_append(&job->fault, "; what had been done before was undone");
        fault_append(&job->fault, f.text);
        job_finish(job, &job->fault);
}

/* From here on the wish is the PF as it was. */
static int turn_back(struct job *job, const struct fault *why)
{
        struct desired old = {0};
        int r;

        r = desired_of_facts(&job->before, &old);
        if (r < 0)
                return r;
        job->fault = *why;
        job->undoing = true;
        desired_done(&job->order.wish);
        job->order.wish = old;
        problems_done(&job->problems);
        job->problems = (struct problems){0};
        plan_done(&job->plan);
        job->view.state = JOB_UNDOING;
        crash_at(ledger_crash(job->jobs->ledger), CRASH_UNDO_SENT);
        return 0;
}

void job_order_failed(struct job *job, const struct fault *f)
{
        if (job->undoing) {
                fault_append(&job->fault, "; undoing what had been done failed too: ");
                fault_append(&job->fault, f->text);
                job_finish(job, &job->fault);
        } else if (!job->intent || job->order.no_undo || turn_back(job, f) < 0)
                job_finish(job, f);
        else
                next_round(job);
}

/* Whatever came of it: the VF is out, and its fault says why. */
static void on_vf_restored(void *userdata, const struct dev_id *pf, uint32_t done,
        struct pf_facts *facts, const struct fault *f)
{
        struct job *job = userdata;
        struct problem *last = &job->problems.list[job->problems.n - 1];

        (void) done;
        if (!facts || job_take_facts(job, facts) < 0) {
                job->jobs->events->unreadable(job->jobs->userdata, pf, f);
                job_finish(job, f);
                return;
        }
        if (f->code != FAULT_NONE) {
                fault_append(&last->fault, "; putting it back failed too: ");
                fault_append(&last->fault, f->text);
        }
        next_round(job);
}

static void vf_failed(struct job *job, uint32_t vf, const struct fault *why)
{
        struct plan back = {0};
        int r;

        r = problems_add(&job->problems, vf, why);
        if (r == 0)
                r = plan_restore_vf(&job->plan, vf, &job->base, &job->now, &back);
        if (r < 0 || back.n == 0) {
                plan_done(&back);
                next_round(job);
                return;
        }
        plan_done(&job->plan);
        job->plan = back;
        if (job_run(job, on_vf_restored) < 0)
                job_fail(job, FAULT_BACKEND_LOST, 0, "the backend did not take the plan");
}

/* The driver has no such setting, and the wish can do without: the next plan knows. */
static bool is_optional(const struct job *job, const struct step *step, const struct fault *f)
{
        const struct desired_vf *vf = desired_vf_at(&job->order.wish, step->vf);
        uint32_t wanted;

        if (f->code != FAULT_NOT_SUPPORTED || step->kind != STEP_SET_VF || !vf ||
                !caps_told_by(step->setting, &step->attrs))
                return false;
        wanted = (vf->attrs.present | vf->attrs.reset) & vf_setting_attrs(step->setting);
        return (wanted & ~job->order.wish.optional) == 0;
}

void job_order_ran(struct job *job, uint32_t done, const struct fault *f)
{
        const struct step *step = done < job->plan.n ? &job->plan.steps[done] : NULL;

        job->has_undone = job->undoing;
        if (f->code == FAULT_NONE)
                job->order.fresh = false;
        for (uint32_t i = 0; i < done && i < job->plan.n; i++)
                if (job->plan.steps[i].kind == STEP_SET_NUMVFS)
                        job->order.fresh = job->plan.steps[i].value > 0;
        if (f->code == FAULT_NONE || (step && is_optional(job, step, f)))
                next_round(job);
        else if (step && step->vf != NO_VF && f->code != FAULT_GONE &&
                 f->code != FAULT_BACKEND_LOST)
                vf_failed(job, step->vf, f);
        else
                job_order_failed(job, f);
}
