/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What jobs and leases tell the rest of the daemon. Loop thread. */
#include "base/log.h"
#include "daemon/apply.h"
#include "daemon/bus.h"
#include "daemon/daemon_internal.h"
#include "daemon/leases.h"
#include "daemon/look.h"

/* ---- jobs --------------------------------------------------------------------------------------
 */

static void job_added(void *userdata, const struct job_view *job)
{
        struct daemon *d = userdata;

        if (d->ready && d->bus)
                bus_job_added(d->bus, job);
}

static void job_changed(void *userdata, const struct job_view *job)
{
        struct daemon *d = userdata;

        if (d->ready && d->bus)
                bus_job_changed(d->bus, job);
        if (job->state == JOB_STUCK || job->state == JOB_WAITING)
                apply_look_stuck(d->apply);
}

static void job_removed(void *userdata, const struct job_view *job, const struct fault *f)
{
        struct daemon *d = userdata;
        char what[128];

        request_describe(&job->request, what, sizeof(what));
        if (f->code == FAULT_NONE)
                log_info("job %u: %s on %s for uid %u: done", job->id, what,
                        dev_id_address(&job->pf), job->uid);
        else
                log_warning("job %u: %s on %s for uid %u: %s: %s", job->id, what,
                        dev_id_address(&job->pf), job->uid, fault_code_name(f->code), f->text);
        if (d->ready && d->bus)
                bus_job_removed(d->bus, job, f);
        reconcile_look(d->reconcile, &job->pf);
}

static void job_unreadable(void *userdata, const struct dev_id *pf, const struct fault *f)
{
        struct daemon *d = userdata;

        if (f->code == FAULT_GONE || f->code == FAULT_NOT_FOUND)
                daemon_take_gone(d, pf);
        look_at(d->look, pf);
}

static int add_leased(
        void *userdata, const struct dev_id *pf, uint32_t vf, struct holder **list, size_t *n)
{
        return leases_add_holders(((struct daemon *) userdata)->leases, pf, vf, list, n);
}

static int leasing(void *userdata, const struct pf_facts *facts, uint32_t vf, struct fault *f)
{
        return leases_note(((struct daemon *) userdata)->leases, facts, vf, f);
}

static bool is_leased(void *userdata, const struct dev_id *pf, uint32_t vf)
{
        return leases_state_of(((struct daemon *) userdata)->leases, pf, vf) != LEASE_FREE;
}

/* ---- leases ------------------------------------------------------------------------------------
 */

static void lease_added(void *userdata, const struct lease *lease)
{
        struct daemon *d = userdata;

        if (d->ready && d->bus)
                bus_lease_added(d->bus, lease);
}

static void lease_changed(void *userdata, const struct lease *lease)
{
        struct daemon *d = userdata;

        if (d->ready && d->bus)
                bus_lease_changed(d->bus, lease);
}

static void lease_removed(void *userdata, const struct lease *lease)
{
        struct daemon *d = userdata;

        if (d->ready && d->bus)
                bus_lease_removed(d->bus, lease);
        reconcile_look(d->reconcile, &lease->pf); /* which left the VF alone until now */
}

static void job_learned(
        void *userdata, const struct dev_id *pf, enum vf_setting setting, enum fault_code code)
{
        _cleanup_(changes_done) struct changes changes = {0};
        struct daemon *d = userdata;

        daemon_emit(d, &changes, state_learn(&d->state, pf, setting, code, &changes));
}

static void take_facts(void *userdata, struct pf_facts *facts)
{
        daemon_take_facts(userdata, facts);
}

static void take_groups(void *userdata, struct groups *groups)
{
        daemon_take_groups(userdata, groups);
}

const struct jobs_events daemon_jobs_events = {
        .added = job_added,
        .changed = job_changed,
        .removed = job_removed,
        .facts = take_facts,
        .unreadable = job_unreadable,
        .groups = take_groups,
        .activity = daemon_set_activity,
        .learned = job_learned,
        .leased = add_leased,
        .leasing = leasing,
        .is_leased = is_leased,
};

const struct leases_events daemon_leases_events = {
        .added = lease_added,
        .changed = lease_changed,
        .removed = lease_removed,
};
