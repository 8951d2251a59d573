/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one road: every change is a job in its PF's lane. When its turn comes it is planned against
 * fresh facts, run, read back, verified, and on failure undone. Loop thread.
 *
 * One job per PF runs at a time, in the order of submission; jobs of different PFs run side by
 * side, but only one job on the host may be inside a plan that writes sriov_numvfs.
 */
#pragma once

#include <systemd/sd-event.h>

#include "backend/client.h"
#include "daemon/ledger.h"
#include "model/plan_desired.h"
#include "model/state.h"

#define JOBS_MAX         512 /* in all */
#define JOBS_PER_UID_MAX 64

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_STUCK, JOB_UNDOING, JOB_STATE_MAX };

/* "waiting". */
const char *job_state_name(enum job_state state);

struct jobs;

/* What others may read of a job. */
struct job_view {
        uint32_t id;
        struct dev_id pf;
        struct request request;
        char client[64]; /* unique bus name */
        uint32_t uid;
        uint64_t started_usec;
        enum job_state state;
        char step[256];
        uint32_t done, total;
};

struct jobs_events {
        void (*added)(void *userdata, const struct job_view *job);
        void (*changed)(void *userdata, const struct job_view *job);
        /* f->code is FAULT_NONE when it went well. The submitter's callback comes after this one.
         */
        void (*removed)(void *userdata, const struct job_view *job, const struct fault *f);
        /* New readings of a PF; ownership moves. */
        void (*facts)(void *userdata, struct pf_facts *facts);
        /* The PF could not be read after a run: it is gone or the backend is lost. */
        void (*unreadable)(void *userdata, const struct dev_id *pf, const struct fault *f);
        void (*groups)(void *userdata, struct groups *groups);
        void (*activity)(void *userdata, const struct dev_id *pf, enum pf_activity activity);
        void (*learned)(void *userdata, const struct dev_id *pf, enum vf_setting setting,
                enum fault_code code);
        /* Adds those who have leased a VF of this PF to the list (NO_VF: any VF). -ENOMEM. NULL:
         * nobody leases. */
        int (*leased)(void *userdata, const struct dev_id *pf, uint32_t vf, struct holder **list,
                size_t *n);
        /* A job is about to make a VF ready for its lease; facts: as it is before anything is
         * written. A failure is the job's. NULL: nobody leases. */
        int (*leasing)(void *userdata, const struct pf_facts *facts, uint32_t vf, struct fault *f);
        /* Is the VF a lease's, from its reservation until it is clean. NULL: none is. */
        bool (*is_leased)(void *userdata, const struct dev_id *pf, uint32_t vf);
};

/* state is read, never written: what a job learns goes up through the events. */
int jobs_new(sd_event *event, struct backend_client *backend, const struct state *state,
        struct ledger *ledger, const struct jobs_events *events, void *userdata, struct jobs **ret);
void jobs_free(struct jobs *jobs);
DEFINE_CLEANUP(struct jobs *, jobs_free)

typedef void (*job_done_fn)(void *userdata, const struct fault *f);

/*
 * Takes a request that has been checked and authorised. fn is called exactly once, never from
 * inside, unless the call itself fails: FAULT_NOT_FOUND (PF gone), FAULT_LIMITS,
 * FAULT_BACKEND_LOST. A NULL fn is fine.
 */
int jobs_submit(struct jobs *jobs, const struct dev_id *pf, const struct request *request,
        const char *client, uint32_t uid, job_done_fn fn, void *userdata, uint32_t *ret_id,
        struct fault *f);

/* A wish and how to treat it. */
struct order {
        struct desired wish; /* moves with the order */
        uint64_t applied;    /* what its COMMIT says; see keep_applied */
        bool keep_applied;   /* a correction: the COMMIT says what the last one said */
        bool forward;        /* what a crash half-way leads to: the wish; else back */
        bool recovery;       /* of the open intent, which stays: a crash leads here again */
        bool no_undo;        /* a failure leaves what could be done: there is no better "before" */
        bool fresh;          /* the VFs that are there may be half-made */
};

void order_done(struct order *order);

/*
 * Makes a PF what the order says, by the same road. A VF that can not be made so does not keep the
 * others from it: the fault at the end (NotApplied, or the one VF's own) names them all. Ownership
 * of the wish moves, also on failure.
 */
int jobs_submit_order(struct jobs *jobs, const struct dev_id *pf, struct order *order,
        const char *client, uint32_t uid, job_done_fn fn, void *userdata, uint32_t *ret_id,
        struct fault *f);

/* The PF whose kernel call keeps this PF's jobs from going on, and has not moved for a while:
 * itself, or the one that is in sriov_numvfs. NULL: none. */
const struct dev_id *jobs_stuck(const struct jobs *jobs, const struct dev_id *pf);

/* Is there any job for this PF, waiting or running. */
bool jobs_any_on(const struct jobs *jobs, const struct dev_id *pf);

/* Is the VF a lease's, from its reservation until it is clean. */
bool jobs_is_leased(const struct jobs *jobs, const struct dev_id *pf, uint32_t vf);

/* A VF that is leased is its lease's until it is clean: what is wanted of it leaves the wish, and
 * comes with the scrub. */
void jobs_leave_leased(const struct jobs *jobs, struct desired *wish);

/* Those who have leased VFs of this PF, added to holders that the caller owns. -ENOMEM. */
int jobs_add_leased(const struct jobs *jobs, const struct dev_id *pf, uint32_t vf,
        struct holder **list, size_t *n);

/* The submitter is no longer interested: the job goes on, nobody is told. */
void jobs_forget(struct jobs *jobs, uint32_t id);

/* Only a waiting job: FAULT_NOT_FOUND, FAULT_BUSY. */
int jobs_cancel(struct jobs *jobs, uint32_t id, struct fault *f);

/* NULL when there is none. */
const struct job_view *jobs_view(const struct jobs *jobs, uint32_t id);

/* In the order of submission; NULL at the end. */
const struct job_view *jobs_nth(const struct jobs *jobs, size_t n);

/*
 * New facts came by an event while a job may be running on this PF: VFs that appear or vanish are
 * its progress, and what moves is not stuck.
 */
void jobs_progress(struct jobs *jobs, const struct pf_facts *facts);

/* Is a plan running on this PF right now. */
bool jobs_run_on(const struct jobs *jobs, const struct dev_id *pf);

/* The backend said how many steps of the PF's run are through. */
void jobs_step_done(struct jobs *jobs, const struct dev_id *pf, uint32_t done);
