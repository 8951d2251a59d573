/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What jobs.c (the queue) and job_run.c (the walk of one job) share; nobody else includes it. Loop
 * thread. */
#pragma once

#include "daemon/jobs.h"

#define JOBS_TICK_USEC 250000ull /* how often a running job is looked at */

struct job {
        struct job_view view;
        struct job_view said; /* what others were told last */
        struct jobs *jobs;
        job_done_fn fn;
        void *userdata;
        bool started;      /* owns its lane */
        bool wants_numvfs; /* waits for whoever is in sriov_numvfs */
        bool groups_stale; /* a plan has run that may change them */
        unsigned round;
        uint64_t moved_usec;    /* when something last moved */
        struct pf_facts before; /* what undoing goes back to */
        bool has_before;
        struct pf_facts now;  /* latest readings */
        struct pf_facts base; /* those that the plan of a wish was made from */
        struct plan plan;
        struct holder *holders;
        size_t n_holders;
        struct fault fault; /* why it failed, while undoing */
        bool intent;        /* written, and not closed */
        bool busy;          /* waits until the kernel is done with what somebody else began */

        /* REQUEST_APPLY */
        struct order order;
        struct problems problems;
        bool undoing;    /* order.wish is the PF as it was */
        bool has_undone; /* and there was something to undo */
};

struct jobs {
        sd_event *event;
        struct backend_client *backend;
        const struct state *state;
        struct ledger *ledger;
        const struct jobs_events *events;
        void *userdata;
        struct job **list; /* in order of submission */
        size_t n, capacity;
        uint32_t last_id;
        struct job *numvfs; /* who is inside a plan that writes sriov_numvfs */
        sd_event_source *kick;
        sd_event_source *tick;
};

/* Begins the walk: the job owns its lane from here on. */
void job_start(struct job *job);

/* The end of every job: tells everybody and frees it. f: NULL when it went well. */
void job_finish(struct job *job, const struct fault *f);
void job_fail(struct job *job, enum fault_code code, int error, const char *text);
void job_free(struct job *job);

/* --- job_run.c, for job_order.c ----------------------------------------------------------------
 */

/* Hands job->plan to the backend. Negative: fn will not be called. */
int job_run(struct job *job, backend_run_fn fn);

/* Who holds the VFs, what the groups are, then plans and runs: the rest of a round, from job->now.
 */
void job_look_further(struct job *job);

/* Readings go to the state first; the job keeps a copy of its own. */
int job_take_facts(struct job *job, struct pf_facts *facts);

/* --- job_intent.c: the journal ------------------------------------------------------------------
 */

/* Before the first write of a job; later calls do nothing. FAULT_NOT_DURABLE. */
int job_write_intent(struct job *job, struct fault *f);
void job_close_intent(struct job *job, const struct fault *f);

/* --- job_order.c: the rounds of a wish ----------------------------------------------------------
 */

/* Plans for job->order. */
int job_order_plan(struct job *job, const struct plan_world *world, struct fault *f);

/* Remembers job->now as what the plan was made from. -ENOMEM. */
int job_order_keep(struct job *job);

/* Nothing is left to plan. */
void job_order_end(struct job *job);

/* The plan ran as far as `done`; job->now are the readings after it. */
void job_order_ran(struct job *job, uint32_t done, const struct fault *f);

/* Planning or running failed for the PF as a whole. */
void job_order_failed(struct job *job, const struct fault *f);

/* Does it hand a VF to a driver, so that IOMMU groups matter. */
bool job_order_binds(const struct job *job);

/* What others see of it; emits when something is different. */
void job_set_state(struct job *job, enum job_state state, const char *step);
void job_show_step(struct job *job, uint32_t done);
void job_changed(struct job *job);
void job_activity(struct job *job, enum pf_activity what);

/* Looks for jobs to begin, from the loop. */
void jobs_wake(struct jobs *jobs);
