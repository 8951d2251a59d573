/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of one job. Loop thread.
 *
 *   submit -> waiting -> [observe -> holders -> groups -> plan] -> run -> verify -> groups -> done
 *                ^            |                                     |        |         |
 *                +-- numvfs --+                                     +-- undo-+         +-> failed
 *                    taken
 *
 * Each arrow that crosses to the backend is one asynchronous call; a job has at most one in flight,
 * and is freed only in job_finish().
 */
#include <stdio.h>

#include "base/log.h"
#include "daemon/job.h"

#define RUN_USEC   (60 * 60 * 1000000ull)
#define ROUNDS_MAX 2 /* create, then bind what was created */

void job_free(struct job *job)
{
        pf_facts_done(&job->before);
        pf_facts_done(&job->now);
        pf_facts_done(&job->base);
        plan_done(&job->plan);
        free(job->holders);
        order_done(&job->order);
        problems_done(&job->problems);
        free(job);
}

void job_changed(struct job *job)
{
        const struct job_view *a = &job->view, *b = &job->said;

        if (a->state == b->state && a->done == b->done && a->total == b->total &&
                streq(a->step, b->step))
                return;
        job->said = job->view;
        job->jobs->events->changed(job->jobs->userdata, &job->view);
}

void job_activity(struct job *job, enum pf_activity what)
{
        job->jobs->events->activity(job->jobs->userdata, &job->view.pf, what);
}

void job_set_state(struct job *job, enum job_state state, const char *step)
{
        if (job->view.state == state && streq(job->view.step, step))
                return;
        job->view.state = state;
        if (!streq(job->view.step, step)) /* it may be this very buffer */
                snprintf(job->view.step, sizeof(job->view.step), "%s", step);
        job_changed(job);
}

void jobs_wake(struct jobs *jobs)
{
        sd_event_source_set_enabled(jobs->kick, SD_EVENT_ONESHOT);
}

/* What can not be read here is read when the next event comes: each of these steps makes some. */
static void on_last_groups(void *userdata, struct groups *groups, const struct fault *f)
{
        struct job *job = userdata;

        if (f->code == FAULT_NONE)
                job->jobs->events->groups(job->jobs->userdata, groups);
        job_finish(job, &job->fault);
}

/*
 * The end of every job: its facts and signals go up, those of the groups last, and then the others
 * hear of it.
 */
void job_finish(struct job *job, const struct fault *f)
{
        struct jobs *jobs = job->jobs;
        const struct fault none = FAULT_NULL;
        size_t at = 0;

        if (!f)
                f = &none;
        if (job->groups_stale) {
                job->groups_stale = false;
                job->fault = *f;
                if (backend_client_groups(jobs->backend, on_last_groups, job) >= 0)
                        return;
        }
        if (job->started)
                job_close_intent(job, f);
        if (job->order.recovery)
                crash_at(ledger_crash(jobs->ledger), CRASH_RECOVERY_ENDED);
        while (jobs->list[at] != job)
                at++;
        memmove(jobs->list + at, jobs->list + at + 1, (jobs->n - at - 1) * sizeof(*jobs->list));
        jobs->n--;
        if (jobs->numvfs == job)
                jobs->numvfs = NULL;
        if (job->started)
                job_activity(job, PF_IDLE);
        jobs->events->removed(jobs->userdata, &job->view, f);
        if (job->fn)
                job->fn(job->userdata, f);
        job_free(job);
        jobs_wake(jobs);
}

void job_fail(struct job *job, enum fault_code code, int error, const char *text)
{
        struct fault f;

        fault_set(&f, code, error, "%s", text);
        job_finish(job, &f);
}

int job_take_facts(struct job *job, struct pf_facts *facts)
{
        struct pf_facts copy;
        int r;

        r = pf_facts_copy(facts, &copy);
        if (r < 0)
                return r;
        pf_facts_done(&job->now);
        job->now = copy;
        job->jobs->events->facts(job->jobs->userdata, facts);
        facts->vfs = NULL;
        facts->n_vfs = 0;
        return 0;
}

static void learn(struct job *job, uint32_t done, const struct fault *f)
{
        for (uint32_t i = 0; i < job->plan.n && i <= done; i++) {
                const struct step *s = &job->plan.steps[i];

                if (s->kind == STEP_SET_VF && (i < done || caps_told_by(s->setting, &s->attrs)))
                        job->jobs->events->learned(job->jobs->userdata, &job->view.pf, s->setting,
                                i < done ? FAULT_NONE : f->code);
        }
}

void job_show_step(struct job *job, uint32_t done)
{
        char text[200] = "";

        if (done < job->plan.n)
                step_describe(&job->plan.steps[done], text, sizeof(text));
        job_set_state(job, job->view.state == JOB_UNDOING ? JOB_UNDOING : JOB_RUNNING, text);
}

int job_run(struct job *job, backend_run_fn fn)
{
        struct jobs *jobs = job->jobs;
        const struct pf_ref ref = {
                .id = job->view.pf,
                .vendor_id = job->now.vendor_id,
                .device_id = job->now.device_id,
        };
        int r;

        if (plan_sets_numvfs(&job->plan))
                jobs->numvfs = job;
        job->groups_stale = job->view.request.kind != REQUEST_SET_ATTRS;
        job->moved_usec = now_usec();
        job->view.done = 0;
        job->view.total = (uint32_t) job->plan.n;
        if (job->plan.n == 1 && job->plan.steps[0].kind == STEP_SET_NUMVFS &&
                job->plan.steps[0].value > 0)
                job->view.total = job->plan.steps[0].value;
        job_show_step(job, 0);
        job_activity(job, PF_BUSY);
        sd_event_source_set_time_relative(jobs->tick, JOBS_TICK_USEC);
        sd_event_source_set_enabled(jobs->tick, SD_EVENT_ONESHOT);
        r = backend_client_run(
                jobs->backend, &ref, job->plan.steps, job->plan.n, RUN_USEC, fn, job);
        crash_at(ledger_crash(jobs->ledger), CRASH_RUN_SENT);
        return r;
}

static void on_undone(void *userdata, const struct dev_id *pf, uint32_t done,
        struct pf_facts *facts, const struct fault *f)
{
        struct job *job = userdata;

        (void) done;
        if (facts)
                (void) job_take_facts(job, facts);
        else
                job->jobs->events->unreadable(job->jobs->userdata, pf, f);
        if (f->code == FAULT_NONE)
                fault_append(&job->fault, "; what had been done before was undone");
        else {
                fault_append(&job->fault, "; undoing what had been done failed too: ");
                fault_append(&job->fault, f->text);
        }
        job_finish(job, &job->fault);
}

static void undo(struct job *job, const struct fault *why)
{
        struct plan back = {0};
        int r;

        job->fault = *why;
        r = plan_restore(&job->plan, &job->before, &job->now, &back);
        if (r < 0)
                fault_append(&job->fault, r == -EBUSY ? "; not undone: a VF is in use"
                                                      : "; not undone: out of memory");
        if (r < 0 || back.n == 0) {
                plan_done(&back);
                job_finish(job, &job->fault);
                return;
        }
        plan_done(&job->plan);
        job->plan = back;
        job->view.state = JOB_UNDOING;
        r = job_run(job, on_undone);
        if (r < 0)
                job_finish(job, &job->fault);
}

/* The VF is given or taken: what went wrong is for the lease to deal with, by scrubbing it. */
static bool is_lease(const struct job *job)
{
        return job->view.request.kind == REQUEST_LEASE || job->view.request.kind == REQUEST_SCRUB;
}

/* A scrub that did not reset the VF is none: it only took away the access so far. */
static bool resets_if_scrub(const struct job *job)
{
        for (size_t i = 0; i < job->plan.n; i++)
                if (job->plan.steps[i].kind == STEP_RESET)
                        return true;
        return job->view.request.kind != REQUEST_SCRUB;
}

/* Made VFs are still to be bound; whoever lost access may still be in. */
static bool goes_on(struct job *job)
{
        const struct request *r = &job->view.request;
        bool first = r->kind == REQUEST_SET_NUMVFS && r->driver[0];

        if (!resets_if_scrub(job))
                first = true;
        return first && ++job->round < ROUNDS_MAX;
}

static void on_run(void *userdata, const struct dev_id *pf, uint32_t done, struct pf_facts *facts,
        const struct fault *f)
{
        struct job *job = userdata;
        struct fault why = *f;

        learn(job, done, f);
        if (!facts) {
                job->jobs->events->unreadable(job->jobs->userdata, pf, f);
                job_finish(job, f);
                return;
        }
        if (job_take_facts(job, facts) < 0) {
                job_fail(job, FAULT_INTERNAL, ENOMEM, "out of memory");
                return;
        }
        crash_at(ledger_crash(job->jobs->ledger), CRASH_RUN_ENDED);
        if (job->view.request.kind == REQUEST_APPLY) {
                job_order_ran(job, done, f);
                return;
        }
        if (why.code == FAULT_NONE && is_lease(job) && goes_on(job)) {
                plan_done(&job->plan);
                job_start(job);
                return;
        }
        if (why.code == FAULT_NONE)
                plan_verify(&job->view.request, &job->now, &why);
        if (why.code == FAULT_NONE && !resets_if_scrub(job))
                fault_set(&why, FAULT_NOT_APPLIED, 0,
                        "VF %u was not reset: the access to it could be taken away at the second "
                        "attempt only",
                        job->view.request.vf);
        if (why.code != FAULT_NONE && is_lease(job)) {
                job_finish(job, &why);
                return;
        }
        if (why.code != FAULT_NONE) {
                undo(job, &why);
                return;
        }
        if (!is_lease(job) && goes_on(job)) {
                plan_done(&job->plan);
                job_start(job); /* once more from the top */
                return;
        }
        job_finish(job, NULL);
}

static void wait_for_numvfs(struct job *job)
{
        char text[256];

        snprintf(text, sizeof(text),
                "waits for job %u on %s: one sriov_numvfs write at a time on this host",
                job->jobs->numvfs->view.id, dev_id_address(&job->jobs->numvfs->view.pf));
        plan_done(&job->plan);
        job_activity(job, PF_IDLE);
        job->started = false;
        job->wants_numvfs = true;
        job_set_state(job, JOB_WAITING, text);
}

/* Somebody was allowed to harm them: it shall be known afterwards who they were. */
static void log_forced(const struct job *job)
{
        const struct request *r = &job->view.request;
        char who[512];

        if (r->force && job->plan.n > 0 &&
                holders_of(job->holders, job->n_holders, r->vf, r->vf == NO_VF, who, sizeof(who),
                        NULL) > 0)
                log_warning("%s: job %u of uid %u is forced, although %s", job->view.pf.str,
                        job->view.id, job->view.uid, who);
}

/* What the VF goes back to is what it is now, and on the disk before it changes. */
static int note_lease(struct job *job, struct fault *f)
{
        struct jobs *jobs = job->jobs;
        const struct request *r = &job->view.request;

        if (r->kind != REQUEST_LEASE || !jobs->events->leasing)
                return 0;
        return jobs->events->leasing(jobs->userdata, &job->now, r->vf, f);
}

static void plan_and_run(struct job *job)
{
        struct jobs *jobs = job->jobs;
        bool wish = job->view.request.kind == REQUEST_APPLY;
        const struct pf_entry *entry = state_pf(jobs->state, &job->view.pf);
        const struct plan_world world = {
                .facts = &job->now,
                .caps = entry ? &entry->caps : NULL,
                .groups = &jobs->state->groups,
                .holders = job->holders,
                .n_holders = job->n_holders,
                .fresh = job->order.fresh,
                .way_back = job->undoing || job->order.no_undo,
        };
        struct fault f = FAULT_NULL;
        int r;

        plan_done(&job->plan);
        r = wish ? job_order_plan(job, &world, &f)
                 : plan_request(&job->view.request, &world, &job->plan, &f);
        crash_at(ledger_crash(jobs->ledger), CRASH_JOB_PLANNED);
        if (r == 0)
                r = note_lease(job, &f);
        if (r == 0 && !wish)
                log_forced(job);
        if (r < 0 && wish)
                job_order_failed(job, &f);
        else if (r < 0 && job->round > 0 && !is_lease(job))
                undo(job, &f);
        else if (r < 0)
                job_finish(job, &f);
        else if (job->plan.n == 0 && wish)
                job_order_end(job);
        else if (job->plan.n == 0)
                job_finish(job, NULL);
        else if (plan_sets_numvfs(&job->plan) && jobs->numvfs && jobs->numvfs != job)
                wait_for_numvfs(job);
        else if (wish && job_order_keep(job) < 0)
                job_fail(job, FAULT_INTERNAL, ENOMEM, "out of memory");
        else if (job_write_intent(job, &f) < 0)
                job_finish(job, &f);
        else if (job_run(job, on_run) < 0)
                job_fail(job, FAULT_BACKEND_LOST, 0, "the backend did not take the plan");
}

static void on_groups(void *userdata, struct groups *groups, const struct fault *f)
{
        struct job *job = userdata;

        if (f->code != FAULT_NONE) {
                job_finish(job, f);
                return;
        }
        job->jobs->events->groups(job->jobs->userdata, groups);
        plan_and_run(job);
}

/* A vfio driver needs the verdict on groups as they are now. */
static void ask_groups(struct job *job)
{
        int r;

        if (!job->view.request.driver[0] && !is_lease(job) && !job_order_binds(job)) {
                plan_and_run(job);
                return;
        }
        r = backend_client_groups(job->jobs->backend, on_groups, job);
        if (r < 0)
                job_fail(job, FAULT_BACKEND_LOST, -r, "reading the IOMMU groups failed");
}

static void on_holders(
        void *userdata, const struct holder *holders, size_t n, const struct fault *f)
{
        struct job *job = userdata;

        if (f->code != FAULT_NONE) {
                job_finish(job, f);
                return;
        }
        free(job->holders);
        job->holders = NULL;
        job->n_holders = 0;
        if (n > 0) {
                job->holders = reallocarray(NULL, n, sizeof(*holders));
                if (!job->holders) {
                        job_fail(job, FAULT_INTERNAL, ENOMEM, "out of memory");
                        return;
                }
                memcpy(job->holders, holders, n * sizeof(*holders));
                job->n_holders = n;
        }
        if (!is_lease(job) && jobs_add_leased(job->jobs, &job->view.pf, job->view.request.vf,
                                      &job->holders, &job->n_holders) < 0) {
                job_fail(job, FAULT_INTERNAL, ENOMEM, "out of memory");
                return;
        }
        ask_groups(job);
}

void job_look_further(struct job *job)
{
        int r;

        if (job->view.request.kind == REQUEST_SET_ATTRS ||
                job->view.request.kind == REQUEST_SET_AUTOPROBE) {
                plan_and_run(job);
                return;
        }
        r = backend_client_holders(
                job->jobs->backend, &job->view.pf, job->view.request.vf, on_holders, job);
        if (r < 0)
                job_fail(job, FAULT_BACKEND_LOST, -r, "asking who holds the VFs failed");
}

/*
 * A step that an earlier life sent has not returned. A client is told so; what the configuration
 * wants, and above all the way back, is not given up for that.
 */
static void wait_for_kernel(struct job *job)
{
        char text[64];

        job->busy = true;
        job->moved_usec = now_usec();
        snprintf(text, sizeof(text), "waits for %s to return", job->now.busy_step);
        job_set_state(job, job->view.state, text);
        sd_event_source_set_time_relative(job->jobs->tick, JOBS_TICK_USEC);
        sd_event_source_set_enabled(job->jobs->tick, SD_EVENT_ONESHOT);
}

static void on_observed(
        void *userdata, const struct dev_id *pf, struct pf_facts *facts, const struct fault *f)
{
        struct job *job = userdata;
        int r;

        if (f->code != FAULT_NONE) {
                job->jobs->events->unreadable(job->jobs->userdata, pf, f);
                job_finish(job, f);
                return;
        }
        r = job_take_facts(job, facts);
        if (r == 0 && !job->has_before) {
                r = pf_facts_copy(&job->now, &job->before);
                job->has_before = r == 0;
        }
        if (r < 0) {
                job_fail(job, FAULT_INTERNAL, -r, "out of memory");
                return;
        }
        if (job->now.busy_step[0] && job->view.request.kind == REQUEST_APPLY)
                wait_for_kernel(job);
        else
                job_look_further(job);
}

void job_start(struct job *job)
{
        int r;

        job->started = true;
        job->wants_numvfs = false;
        job->busy = false;
        if (job->round == 0) {
                job->has_before = false;
                pf_facts_done(&job->before);
        }
        job_set_state(job, JOB_RUNNING, "looking");
        r = backend_client_observe(job->jobs->backend, &job->view.pf, on_observed, job);
        if (r < 0)
                job_fail(job, FAULT_BACKEND_LOST, -r, "reading the PF failed");
}
