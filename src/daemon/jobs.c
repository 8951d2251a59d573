/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The queue of jobs: who is next in which lane, what is stuck, what others may ask. Loop thread. */
#include <stdio.h>

#include "daemon/job.h"

#define STUCK_USEC                                                                                 \
        3000000ull /* nothing moved for so long: shown as stuck (within 5 s, the promise) */

const char *job_state_name(enum job_state state)
{
        static const char *const names[JOB_STATE_MAX] = {"waiting", "running", "stuck", "undoing"};

        return (unsigned) state < JOB_STATE_MAX ? names[state] : "?";
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
                if ((job->view.request.kind == REQUEST_SET_NUMVFS || job->wants_numvfs) &&
                        jobs->numvfs && jobs->numvfs != job) {
                        char text[256];

                        snprintf(text, sizeof(text),
                                "waits for job %u on %s: one sriov_numvfs write at a time on this "
                                "host",
                                jobs->numvfs->view.id, dev_id_address(&jobs->numvfs->view.pf));
                        job->wants_numvfs = true;
                        job_set_state(job, JOB_WAITING, text);
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
                job_start(job);
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

                if (!job->started || (job->plan.n == 0 && !job->busy))
                        continue;
                running = true;
                if (job->busy && !state_pf(jobs->state, &job->view.pf)) {
                        job_fail(job, FAULT_GONE, ENODEV, "the PF is gone");
                        break; /* the list is another one now */
                }
                if (job->view.state != JOB_STUCK && now - job->moved_usec >= STUCK_USEC) {
                        job_activity(job, PF_STUCK);
                        job_set_state(job, JOB_STUCK, job->view.step);
                }
        }
        sd_event_source_set_time_relative(source, JOBS_TICK_USEC);
        sd_event_source_set_enabled(source, running ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        return 0;
}

static void moved(struct job *job)
{
        job->moved_usec = now_usec();
        if (job->view.state == JOB_STUCK) {
                job->view.state = job->fault.code != FAULT_NONE ? JOB_UNDOING : JOB_RUNNING;
                job_activity(job, PF_BUSY);
        }
}

void jobs_step_done(struct jobs *jobs, const struct dev_id *pf, uint32_t done)
{
        struct job *job = lane_head(jobs, pf);

        if (!job || !job->started || job->plan.n == 0)
                return;
        moved(job);
        crash_at(ledger_crash(jobs->ledger), CRASH_STEP_DONE);
        if (job->view.total == job->plan.n)
                job->view.done = done;
        job_show_step(job, done);
        job_changed(job);
}

void jobs_progress(struct jobs *jobs, const struct pf_facts *facts)
{
        struct job *job = lane_head(jobs, &facts->id);

        if (job && job->busy && !facts->busy_step[0]) {
                moved(job);
                job_start(job);
                return;
        }
        if (!job || !job->started || job->plan.n == 0 || job->now.num_vfs == facts->num_vfs)
                return;
        job->now.num_vfs = facts->num_vfs;
        moved(job);
        if (job->view.total != job->plan.n)
                job->view.done = facts->num_vfs;
        job_changed(job);
}

bool jobs_run_on(const struct jobs *jobs, const struct dev_id *pf)
{
        const struct job *job = lane_head(jobs, pf);

        return job && job->started && job->plan.n > 0;
}

/* limited: counted against its uid. The orders of a configuration are as many as there are PFs, and
 * scrubs as many as there are leases. */
static int admit(const struct jobs *jobs, const struct dev_id *pf, uint32_t uid, bool limited,
        struct fault *f)
{
        size_t mine = 0;

        if (!backend_client_is_connected(jobs->backend))
                return fault_set(f, FAULT_BACKEND_LOST, 0,
                        "refused: no connection to the backend; is sriovd-host.socket (or "
                        "sriov-sim) running?");
        if (!state_pf(jobs->state, pf))
                return fault_set(f, FAULT_NOT_FOUND, 0, "no SR-IOV device %s", dev_id_address(pf));
        for (size_t i = 0; i < jobs->n; i++)
                mine += jobs->list[i]->view.uid == uid &&
                        jobs->list[i]->view.request.kind != REQUEST_APPLY &&
                        jobs->list[i]->view.request.kind != REQUEST_SCRUB;
        if ((limited && mine >= JOBS_PER_UID_MAX) || jobs->n >= JOBS_MAX)
                return fault_set(f, FAULT_LIMITS, 0,
                        "refused: %zu jobs of uid %u and %zu in all are waiting or running; at "
                        "most %d and %d",
                        mine, uid, jobs->n, JOBS_PER_UID_MAX, JOBS_MAX);
        return 0;
}

void order_done(struct order *order)
{
        desired_done(&order->wish);
}

const struct dev_id *jobs_stuck(const struct jobs *jobs, const struct dev_id *pf)
{
        const struct job *job = lane_head(jobs, pf);

        if (!job || job->view.state == JOB_STUCK)
                return job ? &job->view.pf : NULL;
        if (job->started || !job->wants_numvfs || !jobs->numvfs ||
                jobs->numvfs->view.state != JOB_STUCK)
                return NULL;
        return &jobs->numvfs->view.pf;
}

bool jobs_any_on(const struct jobs *jobs, const struct dev_id *pf)
{
        return lane_head(jobs, pf);
}

/* order: NULL for a request. */
static int submit(struct jobs *jobs, const struct dev_id *pf, const struct request *request,
        struct order *order, const char *client, uint32_t uid, job_done_fn fn, void *userdata,
        uint32_t *ret_id, struct fault *f)
{
        const struct job *ahead = lane_head(jobs, pf);
        struct job *job;
        int r;

        r = admit(jobs, pf, uid, !order && request->kind != REQUEST_SCRUB, f);
        if (r < 0)
                return r;
        r = array_grow(&jobs->list, &jobs->capacity, jobs->n, sizeof(*jobs->list));
        job = r < 0 ? NULL : calloc(1, sizeof(*job));
        if (!job)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        job->jobs = jobs;
        job->fn = fn;
        job->userdata = userdata;
        if (order) {
                job->order = *order;
                *order = (struct order){0};
        }
        job->view = (struct job_view){
                .id = ++jobs->last_id,
                .pf = *pf,
                .request = *request,
                .uid = uid,
                .started_usec = now_usec(),
                .state = JOB_WAITING,
        };
        snprintf(job->view.client, sizeof(job->view.client), "%s", client);
        if (ahead)
                snprintf(job->view.step, sizeof(job->view.step), "waits for job %u on %s",
                        ahead->view.id, dev_id_address(pf));
        job->said = job->view;
        jobs->list[jobs->n++] = job;
        if (ret_id)
                *ret_id = job->view.id;
        jobs->events->added(jobs->userdata, &job->view);
        jobs_wake(jobs);
        return 0;
}

int jobs_submit(struct jobs *jobs, const struct dev_id *pf, const struct request *request,
        const char *client, uint32_t uid, job_done_fn fn, void *userdata, uint32_t *ret_id,
        struct fault *f)
{
        return submit(jobs, pf, request, NULL, client, uid, fn, userdata, ret_id, f);
}

int jobs_submit_order(struct jobs *jobs, const struct dev_id *pf, struct order *order,
        const char *client, uint32_t uid, job_done_fn fn, void *userdata, uint32_t *ret_id,
        struct fault *f)
{
        const struct request request = {.kind = REQUEST_APPLY, .vf = NO_VF};
        int r;

        r = submit(jobs, pf, &request, order, client, uid, fn, userdata, ret_id, f);
        order_done(order);
        return r;
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
        job_fail(job, FAULT_CANCELLED, 0, "cancelled while it waited; nothing was changed");
        return 0;
}

bool jobs_is_leased(const struct jobs *jobs, const struct dev_id *pf, uint32_t vf)
{
        return jobs->events->is_leased && jobs->events->is_leased(jobs->userdata, pf, vf);
}

void jobs_leave_leased(const struct jobs *jobs, struct desired *wish)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < wish->n_vfs; i++)
                if (!jobs_is_leased(jobs, &wish->pf, wish->vfs[i].index))
                        wish->vfs[n++] = wish->vfs[i];
        wish->n_vfs = n;
}

int jobs_add_leased(const struct jobs *jobs, const struct dev_id *pf, uint32_t vf,
        struct holder **list, size_t *n)
{
        return jobs->events->leased ? jobs->events->leased(jobs->userdata, pf, vf, list, n) : 0;
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
        struct ledger *ledger, const struct jobs_events *events, void *userdata, struct jobs **ret)
{
        _cleanup_(jobs_freep) struct jobs *jobs = calloc(1, sizeof(*jobs));
        int r;

        if (!jobs)
                return -ENOMEM;
        *jobs = (struct jobs){.event = sd_event_ref(event),
                .backend = backend,
                .state = state,
                .ledger = ledger,
                .events = events,
                .userdata = userdata};
        r = sd_event_add_defer(event, &jobs->kick, on_kick, jobs);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(
                event, &jobs->tick, CLOCK_MONOTONIC, JOBS_TICK_USEC, 0, on_tick, jobs);
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
