/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one road. Loop thread.
 *
 *   submit -> waiting -> [observe -> holders -> groups -> plan] -> run -> verify -> done
 *                ^            |                                     |        |
 *                +-- numvfs --+                                     +-- undo-+-> failed
 *                    taken
 *
 * Each arrow that crosses to the backend is one asynchronous call; a job has at most one in flight,
 * and is freed only in finish().
 */
#include <stdio.h>

#include "daemon/jobs.h"

#define STUCK_USEC                                                                                 \
        3000000ull /* nothing moved for so long: shown as stuck (within 5 s, the promise) */
#define TICK_USEC  250000ull
#define RUN_USEC   (60 * 60 * 1000000ull)
#define ROUNDS_MAX 2 /* create, then bind what was created */

struct job {
        struct job_view view;
        struct jobs *jobs;
        job_done_fn fn;
        void *userdata;
        bool started; /* owns its lane */
        unsigned round;
        uint64_t moved_usec;    /* when something last moved */
        struct pf_facts before; /* what undoing goes back to */
        bool has_before;
        struct pf_facts now; /* latest readings */
        struct plan plan;
        struct holder *holders;
        size_t n_holders;
        struct fault fault; /* why it failed, while undoing */
};

struct jobs {
        sd_event *event;
        struct backend_client *backend;
        const struct state *state;
        const struct jobs_events *events;
        void *userdata;
        struct job **list; /* in order of submission */
        size_t n, capacity;
        uint32_t last_id;
        struct job *numvfs; /* who is inside a plan that writes sriov_numvfs */
        sd_event_source *kick;
        sd_event_source *tick;
};

const char *job_state_name(enum job_state state)
{
        static const char *const names[JOB_STATE_MAX] = {"waiting", "running", "stuck", "undoing"};

        return (unsigned) state < JOB_STATE_MAX ? names[state] : "?";
}

static void job_free(struct job *job)
{
        pf_facts_done(&job->before);
        pf_facts_done(&job->now);
        plan_done(&job->plan);
        free(job->holders);
        free(job);
}

static void changed(struct job *job)
{
        job->jobs->events->changed(job->jobs->userdata, &job->view);
}

static void activity(struct job *job, enum pf_activity what)
{
        job->jobs->events->activity(job->jobs->userdata, &job->view.pf, what);
}

static void set_state(struct job *job, enum job_state state, const char *step)
{
        if (job->view.state == state && streq(job->view.step, step))
                return;
        job->view.state = state;
        snprintf(job->view.step, sizeof(job->view.step), "%s", step);
        changed(job);
}

static void wake(struct jobs *jobs)
{
        sd_event_source_set_enabled(jobs->kick, SD_EVENT_ONESHOT);
}

/* The end of every job: facts and signals have gone up already, now the others hear of it. */
static void finish(struct job *job, const struct fault *f)
{
        struct jobs *jobs = job->jobs;
        const struct fault none = FAULT_NULL;
        size_t at = 0;

        if (!f)
                f = &none;
        while (jobs->list[at] != job)
                at++;
        memmove(jobs->list + at, jobs->list + at + 1, (jobs->n - at - 1) * sizeof(*jobs->list));
        jobs->n--;
        if (jobs->numvfs == job)
                jobs->numvfs = NULL;
        if (job->started)
                activity(job, PF_IDLE);
        jobs->events->removed(jobs->userdata, &job->view, f);
        if (job->fn)
                job->fn(job->userdata, f);
        job_free(job);
        wake(jobs);
}

static void fail(struct job *job, enum fault_code code, int error, const char *text)
{
        struct fault f;

        fault_set(&f, code, error, "%s", text);
        finish(job, &f);
}

/* Readings go to the state first; the job keeps a copy of its own. */
static int take_facts(struct job *job, struct pf_facts *facts)
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

                if (s->kind == STEP_SET_VF)
                        job->jobs->events->learned(job->jobs->userdata, &job->view.pf, s->setting,
                                i < done ? FAULT_NONE : f->code);
        }
}

static void show_step(struct job *job, uint32_t done)
{
        char text[200] = "";

        if (done < job->plan.n)
                step_describe(&job->plan.steps[done], text, sizeof(text));
        set_state(job, job->view.state == JOB_UNDOING ? JOB_UNDOING : JOB_RUNNING, text);
}

static int run(struct job *job, backend_run_fn fn)
{
        struct jobs *jobs = job->jobs;
        const struct pf_ref ref = {
                .id = job->view.pf,
                .vendor_id = job->now.vendor_id,
                .device_id = job->now.device_id,
        };

        if (plan_sets_numvfs(&job->plan))
                jobs->numvfs = job;
        job->moved_usec = now_usec();
        job->view.done = 0;
        job->view.total = (uint32_t) job->plan.n;
        if (job->plan.n == 1 && job->plan.steps[0].kind == STEP_SET_NUMVFS &&
                job->plan.steps[0].value > 0)
                job->view.total = job->plan.steps[0].value;
        show_step(job, 0);
        activity(job, PF_BUSY);
        sd_event_source_set_time_relative(jobs->tick, TICK_USEC);
        sd_event_source_set_enabled(jobs->tick, SD_EVENT_ONESHOT);
        return backend_client_run(
                jobs->backend, &ref, job->plan.steps, job->plan.n, RUN_USEC, fn, job);
}

static void append(struct fault *f, const char *text)
{
        size_t n = strlen(f->text);

        snprintf(f->text + n, sizeof(f->text) - n, "%s", text);
}

static void on_undone(void *userdata, const struct dev_id *pf, uint32_t done,
        struct pf_facts *facts, const struct fault *f)
{
        struct job *job = userdata;

        (void) done;
        if (facts)
                (void) take_facts(job, facts);
        else
                job->jobs->events->unreadable(job->jobs->userdata, pf, f);
        if (f->code == FAULT_NONE)
                append(&job->fault, "; what had been done before was undone");
        else {
                append(&job->fault, "; undoing what had been done failed too: ");
                append(&job->fault, f->text);
        }
        finish(job, &job->fault);
}

static void undo(struct job *job, const struct fault *why)
{
        struct plan back = {0};
        int r;

        job->fault = *why;
        r = plan_restore(&job->plan, &job->before, &job->now, &back);
        if (r < 0)
                append(&job->fault, r == -EBUSY ? "; not undone: a VF is in use"
                                                : "; not undone: out of memory");
        if (r < 0 || back.n == 0) {
                plan_done(&back);
                finish(job, &job->fault);
                return;
        }
        plan_done(&job->plan);
        job->plan = back;
        job->view.state = JOB_UNDOING;
        r = run(job, on_undone);
        if (r < 0)
                finish(job, &job->fault);
}

static void on_run(void *userdata, const struct dev_id *pf, uint32_t done, struct pf_facts *facts,
        const struct fault *f)
{
        struct job *job = userdata;
        struct fault why = *f;

        learn(job, done, f);
        if (!facts) {
                job->jobs->events->unreadable(job->jobs->userdata, pf, f);
                finish(job, f);
                return;
        }
        if (take_facts(job, facts) < 0) {
                fail(job, FAULT_INTERNAL, ENOMEM, "out of memory");
                return;
        }
        if (why.code == FAULT_NONE)
                plan_verify(&job->view.request, &job->now, &why);
        if (why.code != FAULT_NONE) {
                undo(job, &why);
                return;
        }
        if (job->view.request.kind == REQUEST_SET_NUMVFS && job->view.request.driver[0] &&
                ++job->round < ROUNDS_MAX) {
                plan_done(&job->plan);
                job->started = false; /* once more from the top, by the loop */
                wake(job->jobs);
                return;
        }
        finish(job, NULL);
}

static void wait_for_numvfs(struct job *job)
{
        char text[256];

        snprintf(text, sizeof(text),
                "waits for job %u on %s: one sriov_numvfs write at a time on this host",
                job->jobs->numvfs->view.id, dev_id_address(&job->jobs->numvfs->view.pf));
        plan_done(&job->plan);
        activity(job, PF_IDLE);
        job->started = false;
        set_state(job, JOB_WAITING, text);
}

static void plan_and_run(struct job *job)
{
        struct jobs *jobs = job->jobs;
        const struct pf_entry *entry = state_pf(jobs->state, &job->view.pf);
        const struct plan_world world = {
                .facts = &job->now,
                .caps = entry ? &entry->caps : NULL,
                .groups = &jobs->state->groups,
                .holders = job->holders,
                .n_holders = job->n_holders,
        };
        struct fault f = FAULT_NULL;
        int r;

        r = plan_request(&job->view.request, &world, &job->plan, &f);
        if (r < 0 && job->round > 0)
                undo(job, &f);
        else if (r < 0)
                finish(job, &f);
        else if (job->plan.n == 0)
                finish(job, NULL);
        else if (plan_sets_numvfs(&job->plan) && jobs->numvfs && jobs->numvfs != job)
                wait_for_numvfs(job);
        else {
                r = run(job, on_run);
                if (r < 0)
                        fail(job, FAULT_BACKEND_LOST, -r, "the backend did not take the plan");
        }
}

static void on_groups(void *userdata, struct groups *groups, const struct fault *f)
{
        struct job *job = userdata;

        if (f->code != FAULT_NONE) {
                finish(job, f);
                return;
        }
        job->jobs->events->groups(job->jobs->userdata, groups);
        plan_and_run(job);
}

/* A vfio driver needs the verdict on groups as they are now. */
static void ask_groups(struct job *job)
{
        int r;

        if (!job->view.request.driver[0]) {
                plan_and_run(job);
                return;
        }
        r = backend_client_groups(job->jobs->backend, on_groups, job);
        if (r < 0)
                fail(job, FAULT_BACKEND_LOST, -r, "reading the IOMMU groups failed");
}

static void on_holders(
        void *userdata, const struct holder *holders, size_t n, const struct fault *f)
{
        struct job *job = userdata;

        if (f->code != FAULT_NONE) {
                finish(job, f);
                return;
        }
        free(job->holders);
        job->holders = NULL;
        job->n_holders = 0;
        if (n > 0) {
                job->holders = reallocarray(NULL, n, sizeof(*holders));
                if (!job->holders) {
                        fail(job, FAULT_INTERNAL, ENOMEM, "out of memory");
                        return;
                }
                memcpy(job->holders, holders, n * sizeof(*holders));
                job->n_holders = n;
        }
        ask_groups(job);
}

static void on_observed(
        void *userdata, const struct dev_id *pf, struct pf_facts *facts, const struct fault *f)
{
        struct job *job = userdata;
        int r;

        if (f->code != FAULT_NONE) {
                job->jobs->events->unreadable(job->jobs->userdata, pf, f);
                finish(job, f);
                return;
        }
        r = take_facts(job, facts);
        if (r == 0 && !job->has_before) {
                r = pf_facts_copy(&job->now, &job->before);
                job->has_before = r == 0;
        }
        if (r < 0) {
                fail(job, FAULT_INTERNAL, -r, "out of memory");
                return;
        }
        if (job->view.request.kind == REQUEST_SET_ATTRS ||
                job->view.request.kind == REQUEST_SET_AUTOPROBE) {
                plan_and_run(job);
                return;
        }
        r = backend_client_holders(job->jobs->backend, pf, job->view.request.vf, on_holders, job);
        if (r < 0)
                fail(job, FAULT_BACKEND_LOST, -r, "asking who holds the VFs failed");
}

static void start(struct job *job)
{
        int r;

        job->started = true;
        if (job->round == 0) {
                job->has_before = false;
                pf_facts_done(&job->before);
        }
        set_state(job, JOB_RUNNING, "looking");
        r = backend_client_observe(job->jobs->backend, &job->view.pf, on_observed, job);
        if (r < 0)
                fail(job, FAULT_BACKEND_LOST, -r, "reading the PF failed");
}

/* The job that owns the lane of this PF, or the first that waits for it. */
static struct job *lane_head(const struct jobs *jobs, const struct dev_id *pf)
{
        for (size_t i = 0; i < jobs->n; i++)
                if (dev_id_equal(&jobs->list[i]->view.pf, pf))
                        return jobs->list[i];
        return NULL;
}

static struct job *next_to_start(struct jobs *jobs)
{
        for (size_t i = 0; i < jobs->n; i++) {
                struct job *job = jobs->list[i];

                if (job->started || lane_head(jobs, &job->view.pf) != job)
                        continue;
                if (job->view.request.kind == REQUEST_SET_NUMVFS && jobs->numvfs &&
                        jobs->numvfs != job) {
                        char text[256];

                        snprintf(text, sizeof(text),
                                "waits for job %u on %s: one sriov_numvfs write at a time on this "
                                "host",
                                jobs->numvfs->view.id, dev_id_address(&jobs->numvfs->view.pf));
                        set_state(job, JOB_WAITING, text);
                        continue;
                }
                return job;
        }
        return NULL;
}

static int on_kick(sd_event_source *source, void *userdata)
{
        struct jobs *jobs = userdata;
        struct job *job;

        (void) source;
        while ((job = next_to_start(jobs)))
                start(job);
        return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct jobs *jobs = userdata;
        uint64_t now = now_usec();
        bool running = false;

        (void) usec;
        for (size_t i = 0; i < jobs->n; i++) {
                struct job *job = jobs->list[i];

                if (!job->started || job->plan.n == 0)
                        continue;
                running = true;
                if (job->view.state != JOB_STUCK && now - job->moved_usec >= STUCK_USEC) {
                        activity(job, PF_STUCK);
                        set_state(job, JOB_STUCK, job->view.step);
                }
        }
        sd_event_source_set_time_relative(source, TICK_USEC);
        sd_event_source_set_enabled(source, running ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        return 0;
}

static void moved(struct job *job)
{
        job->moved_usec = now_usec();
        if (job->view.state == JOB_STUCK) {
                job->view.state = JOB_RUNNING;
                activity(job, PF_BUSY);
        }
}

void jobs_step_done(struct jobs *jobs, const struct dev_id *pf, uint32_t done)
{
        struct job *job = lane_head(jobs, pf);

        if (!job || !job->started || job->plan.n == 0)
                return;
        moved(job);
        if (job->view.total == job->plan.n)
                job->view.done = done;
        show_step(job, done);
        changed(job);
}

void jobs_progress(struct jobs *jobs, const struct pf_facts *facts)
{
        struct job *job = lane_head(jobs, &facts->id);

        if (!job || !job->started || job->plan.n == 0 || job->now.num_vfs == facts->num_vfs)
                return;
        job->now.num_vfs = facts->num_vfs;
        moved(job);
        if (job->view.total != job->plan.n)
                job->view.done = facts->num_vfs;
        changed(job);
}

bool jobs_run_on(const struct jobs *jobs, const struct dev_id *pf)
{
        const struct job *job = lane_head(jobs, pf);

        return job && job->started && job->plan.n > 0;
}

static int admit(const struct jobs *jobs, const struct dev_id *pf, uint32_t uid, struct fault *f)
{
        size_t mine = 0;

        if (!backend_client_is_connected(jobs->backend))
                return fault_set(f, FAULT_BACKEND_LOST, 0,
                        "refused: no connection to the backend; is sriovd-host.socket (or "
                        "sriov-sim) running?");
        if (!state_pf(jobs->state, pf))
                return fault_set(f, FAULT_NOT_FOUND, 0, "no SR-IOV device %s", dev_id_address(pf));
        for (size_t i = 0; i < jobs->n; i++)
                mine += jobs->list[i]->view.uid == uid;
        if (mine >= JOBS_PER_UID_MAX || jobs->n >= JOBS_MAX)
                return fault_set(f, FAULT_LIMITS, 0,
                        "refused: %zu jobs of uid %u and %zu in all are waiting or running; at "
                        "most %d and %d",
                        mine, uid, jobs->n, JOBS_PER_UID_MAX, JOBS_MAX);
        return 0;
}

int jobs_submit(struct jobs *jobs, const struct dev_id *pf, const struct request *request,
        const char *client, uint32_t uid, job_done_fn fn, void *userdata, uint32_t *ret_id,
        struct fault *f)
{
        struct job *job;
        int r;

        r = admit(jobs, pf, uid, f);
        if (r < 0)
                return r;
        r = array_grow(&jobs->list, &jobs->capacity, jobs->n, sizeof(*jobs->list));
        job = r < 0 ? NULL : calloc(1, sizeof(*job));
        if (!job)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        job->jobs = jobs;
        job->fn = fn;
        job->userdata = userdata;
        job->view = (struct job_view){
                .id = ++jobs->last_id,
                .pf = *pf,
                .request = *request,
                .uid = uid,
                .started_usec = now_usec(),
                .state = JOB_WAITING,
        };
        snprintf(job->view.client, sizeof(job->view.client), "%s", client);
        jobs->list[jobs->n++] = job;
        if (ret_id)
                *ret_id = job->view.id;
        jobs->events->added(jobs->userdata, &job->view);
        wake(jobs);
        return 0;
}

static struct job *find(const struct jobs *jobs, uint32_t id)
{
        for (size_t i = 0; i < jobs->n; i++)
                if (jobs->list[i]->view.id == id)
                        return jobs->list[i];
        return NULL;
}

void jobs_forget(struct jobs *jobs, uint32_t id)
{
        struct job *job = find(jobs, id);

        if (job)
                job->fn = NULL;
}

int jobs_cancel(struct jobs *jobs, uint32_t id, struct fault *f)
{
        struct job *job = find(jobs, id);

        if (!job)
                return fault_set(f, FAULT_NOT_FOUND, 0, "no job %u", id);
        if (job->started)
                return fault_set(f, FAULT_BUSY, 0,
                        "job %u refused: it has begun, and a kernel call can not be taken back; "
                        "only a waiting job can be "
                        "cancelled",
                        id);
        fail(job, FAULT_CANCELLED, 0, "cancelled while it waited; nothing was changed");
        return 0;
}

const struct job_view *jobs_view(const struct jobs *jobs, uint32_t id)
{
        const struct job *job = find(jobs, id);

        return job ? &job->view : NULL;
}

const struct job_view *jobs_nth(const struct jobs *jobs, size_t n)
{
        return n < jobs->n ? &jobs->list[n]->view : NULL;
}

int jobs_new(sd_event *event, struct backend_client *backend, const struct state *state,
        const struct jobs_events *events, void *userdata, struct jobs **ret)
{
        _cleanup_(jobs_freep) struct jobs *jobs = calloc(1, sizeof(*jobs));
        int r;

        if (!jobs)
                return -ENOMEM;
        *jobs = (struct jobs){.event = sd_event_ref(event),
                .backend = backend,
                .state = state,
                .events = events,
                .userdata = userdata};
        r = sd_event_add_defer(event, &jobs->kick, on_kick, jobs);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(
                event, &jobs->tick, CLOCK_MONOTONIC, TICK_USEC, 0, on_tick, jobs);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(jobs->tick, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(jobs);
        return 0;
}

void jobs_free(struct jobs *jobs)
{
        for (size_t i = 0; i < jobs->n; i++)
                job_free(jobs->list[i]);
        free(jobs->list);
        sd_event_source_unref(jobs->kick);
        sd_event_source_unref(jobs->tick);
        sd_event_unref(jobs->event);
        free(jobs);
}
