/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wiring: backend events to looking, looking and jobs to the state, the state's changes to the
 * bus. Loop thread. */
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "daemon/bus.h"
#include "daemon/daemon.h"
#include "daemon/look.h"

#define READY_USEC 5000000ull /* a device that does not answer must not delay the boot */
#define BUSY_USEC  1000000ull
#define STUCK_USEC 3000000ull
#define QUIET_USEC 700000ull /* with the reading itself well within a second */

static void emit(struct daemon *d, struct changes *changes, int r)
{
        if (r < 0)
                log_error("state: %s", strerror(-r));
        if (d->ready) /* before, nobody knows our name */
                bus_emit(d->bus, changes);
}

static void set_activity(void *userdata, const struct dev_id *pf, enum pf_activity activity)
{
        _cleanup_(changes_done) struct changes changes = {0};
        struct daemon *d = userdata;

        emit(d, &changes, state_set_activity(&d->state, pf, activity, &changes));
}

/* A PF on which the backend works for somebody else: an earlier life of this daemon, say. */
static void judge_activity(struct daemon *d, const struct pf_facts *facts)
{
        if (jobs_run_on(d->jobs, &facts->id))
                return;
        if (!facts->busy_step[0])
                set_activity(d, &facts->id, PF_IDLE);
        else {
                set_activity(d, &facts->id, facts->busy_usec >= STUCK_USEC ? PF_STUCK : PF_BUSY);
                sd_event_source_set_time_relative(d->busy_timer, BUSY_USEC);
                sd_event_source_set_enabled(d->busy_timer, SD_EVENT_ONESHOT);
        }
}

/*
 * The kernel tells of a VF attribute that somebody else sets only while the PF's netdev is up
 * (net/core/dev.c netdev_state_change). A PF that is down and has VFs is looked at by the clock
 * instead.
 */
static bool is_quiet(const struct pf_facts *facts)
{
        return facts->n_vfs > 0 && facts->n_netdevs > 0 && !facts->admin_up;
}

static void watch_quiet(struct daemon *d, const struct pf_facts *facts)
{
        int on = SD_EVENT_OFF;

        if (!is_quiet(facts) ||
                (sd_event_source_get_enabled(d->quiet_timer, &on) >= 0 && on != SD_EVENT_OFF))
                return;
        sd_event_source_set_time_relative(d->quiet_timer, QUIET_USEC);
        sd_event_source_set_enabled(d->quiet_timer, SD_EVENT_ONESHOT);
}

void daemon_take_facts(struct daemon *d, struct pf_facts *facts)
{
        _cleanup_(changes_done) struct changes changes = {0};
        const struct dev_id pf = facts->id;
        const struct pf_entry *entry;

        emit(d, &changes, state_apply(&d->state, facts, &changes));
        entry = state_pf(&d->state, &pf);
        if (!entry)
                return;
        jobs_progress(d->jobs, &entry->facts);
        judge_activity(d, &entry->facts);
        watch_quiet(d, &entry->facts);
}

void daemon_take_groups(struct daemon *d, struct groups *groups)
{
        _cleanup_(changes_done) struct changes changes = {0};

        emit(d, &changes, state_apply_groups(&d->state, groups, &changes));
}

void daemon_take_gone(struct daemon *d, const struct dev_id *pf)
{
        _cleanup_(changes_done) struct changes changes = {0};

        emit(d, &changes, state_remove(&d->state, pf, &changes));
}

static int on_quiet_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct daemon *d = userdata;

        (void) source;
        (void) usec;
        for (size_t i = 0; i < d->state.n_pfs; i++)
                if (is_quiet(&d->state.pfs[i]->facts))
                        look_now(d->look, &d->state.pfs[i]->facts.id);
        return 0;
}

static int on_busy_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct daemon *d = userdata;

        (void) source;
        (void) usec;
        for (size_t i = 0; i < d->state.n_pfs; i++)
                if (d->state.pfs[i]->facts.busy_step[0])
                        look_at(d->look, &d->state.pfs[i]->facts.id);
        return 0;
}

/* From here on there is something to show: take the name and say that we are there. */
static void become_ready(struct daemon *d)
{
        int r;

        if (d->ready)
                return;
        d->ready = true;
        r = bus_take_name(d->bus);
        if (r < 0) {
                log_error("message bus: %s", strerror(-r));
                sd_event_exit(d->event, EXIT_FAILURE);
                return;
        }
}

void daemon_on_name(struct daemon *d)
{
        const char *backend = d->backend_name[0] ? d->backend_name : "not connected";

        sd_notifyf(0, "READY=1\nSTATUS=%zu PFs, backend %s", d->state.n_pfs, backend);
        log_info("ready: %zu PFs, backend %s", d->state.n_pfs, backend);
}

static int on_ready_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source;
        (void) usec;
        become_ready(userdata);
        return 0;
}

static void look_facts(void *userdata, struct pf_facts *facts)
{
        daemon_take_facts(userdata, facts);
}

static void take_groups(void *userdata, struct groups *groups)
{
        daemon_take_groups(userdata, groups);
}

static void look_gone(void *userdata, const struct dev_id *pf)
{
        daemon_take_gone(userdata, pf);
}

static bool listed(const struct dev_id *ids, size_t n, const struct dev_id *pf)
{
        for (size_t i = 0; i < n; i++)
                if (dev_id_equal(&ids[i], pf))
                        return true;
        return false;
}

static void look_listed(void *userdata, const struct dev_id *ids, size_t n)
{
        struct daemon *d = userdata;

        for (size_t i = d->state.n_pfs; i-- > 0;) {
                const struct dev_id pf = d->state.pfs[i]->facts.id;

                if (!listed(ids, n, &pf))
                        daemon_take_gone(d, &pf);
        }
}

static void look_settled(void *userdata)
{
        struct daemon *d = userdata;

        if (backend_client_is_connected(d->backend))
                become_ready(d);
}

static void job_added(void *userdata, const struct job_view *job)
{
        struct daemon *d = userdata;

        if (d->ready)
                bus_job_added(d->bus, job);
}

static void job_changed(void *userdata, const struct job_view *job)
{
        struct daemon *d = userdata;

        if (d->ready)
                bus_job_changed(d->bus, job);
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
        if (d->ready)
                bus_job_removed(d->bus, job, f);
}

static void job_unreadable(void *userdata, const struct dev_id *pf, const struct fault *f)
{
        struct daemon *d = userdata;

        if (f->code == FAULT_GONE || f->code == FAULT_NOT_FOUND)
                daemon_take_gone(d, pf);
        look_at(d->look, pf);
}

static void job_learned(
        void *userdata, const struct dev_id *pf, enum vf_setting setting, enum fault_code code)
{
        _cleanup_(changes_done) struct changes changes = {0};
        struct daemon *d = userdata;

        emit(d, &changes, state_learn(&d->state, pf, setting, code, &changes));
}

static void backend_connected(void *userdata, const char *name, const char *version)
{
        static const struct dev_id everything = {""};
        struct daemon *d = userdata;

        snprintf(d->backend_name, sizeof(d->backend_name), "%s %s", name, version);
        log_info("backend connected: %s", d->backend_name);
        if (d->ready)
                bus_emit_backend(d->bus);
        look_now(d->look, &everything);
}

static void backend_lost(void *userdata)
{
        struct daemon *d = userdata;

        log_warning("backend lost: showing what was last seen, changing nothing until it is back");
        d->backend_name[0] = '\0';
        look_reset(d->look);
        if (d->ready)
                bus_emit_backend(d->bus);
}

static void backend_touched(void *userdata, const struct dev_id *pf)
{
        struct daemon *d = userdata;

        look_at(d->look, pf);
}

static void backend_step_done(
        void *userdata, const struct dev_id *pf, uint32_t done, uint32_t total)
{
        struct daemon *d = userdata;

        (void) total;
        jobs_step_done(d->jobs, pf, done);
}

static int add_timers(struct daemon *d)
{
        int r;

        r = sd_event_add_time_relative(
                d->event, &d->ready_timer, CLOCK_MONOTONIC, READY_USEC, 0, on_ready_timer, d);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(
                d->event, &d->busy_timer, CLOCK_MONOTONIC, BUSY_USEC, 0, on_busy_timer, d);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(d->busy_timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(
                d->event, &d->quiet_timer, CLOCK_MONOTONIC, QUIET_USEC, 0, on_quiet_timer, d);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(d->quiet_timer, SD_EVENT_OFF);
}

int daemon_new(
        sd_event *event, const char *backend_address, const char *bus_address, struct daemon **ret)
{
        static const struct backend_client_events backend_events = {
                .connected = backend_connected,
                .lost = backend_lost,
                .touched = backend_touched,
                .step_done = backend_step_done,
        };
        static const struct look_events look_events = {
                .facts = look_facts,
                .groups = take_groups,
                .gone = look_gone,
                .listed = look_listed,
                .settled = look_settled,
        };
        static const struct jobs_events jobs_events = {
                .added = job_added,
                .changed = job_changed,
                .removed = job_removed,
                .facts = look_facts,
                .unreadable = job_unreadable,
                .groups = take_groups,
                .activity = set_activity,
                .learned = job_learned,
        };
        _cleanup_(daemon_freep) struct daemon *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        d->event = sd_event_ref(event);
        r = backend_client_new(event, backend_address, &backend_events, d, &d->backend);
        if (r < 0)
                return r;
        r = jobs_new(event, d->backend, &d->state, &jobs_events, d, &d->jobs);
        if (r < 0)
                return r;
        r = look_new(event, d->backend, &look_events, d, &d->look);
        if (r < 0)
                return r;
        r = bus_new(d, bus_address, &d->bus);
        if (r < 0)
                return r;
        r = add_timers(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

void daemon_free(struct daemon *d)
{
        if (d->backend)
                backend_client_free(d->backend);
        if (d->jobs)
                jobs_free(d->jobs);
        if (d->look)
                look_free(d->look);
        if (d->bus)
                bus_free(d->bus);
        sd_event_source_unref(d->ready_timer);
        sd_event_source_unref(d->busy_timer);
        sd_event_source_unref(d->quiet_timer);
        state_done(&d->state);
        sd_event_unref(d->event);
        free(d);
}
