/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wiring: backend events to looking, looking and jobs to the state, the state's changes to the
 * bus. Loop thread. */
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "daemon/apply.h"
#include "daemon/bus.h"
#include "daemon/daemon_internal.h"
#include "daemon/leases.h"
#include "daemon/look.h"
#include "daemon/rivals_look.h"
#include "daemon/vfdir.h"

#define READY_USEC 5000000ull /* a device that does not answer must not delay the boot */
#define BUSY_USEC  1000000ull
#define STUCK_USEC 3000000ull
#define QUIET_USEC 700000ull /* with the reading itself well within a second */

void daemon_emit(struct daemon *d, struct changes *changes, int r)
{
        if (r < 0)
                log_error("state: %s", strerror(-r));
        if (d->ready && d->bus) /* before, nobody knows our name */
                bus_emit(d->bus, changes);
}

/* A card that was plugged in, or whose driver was loaded: without VFs, whatever it had. */
static bool has_come(const struct changes *changes, const struct pf_facts *facts)
{
        for (size_t i = 0; i < changes->n; i++)
                if (changes->list[i].kind == CHANGE_PF_ADDED ||
                        (changes->list[i].kind == CHANGE_PF && facts->driver[0] &&
                                (changes->list[i].fields & BIT(PF_FIELD_DRIVER))))
                        return true;
        return false;
}

/* Is there a PF that was not there, or that an entry may now match otherwise? */
static bool may_match_anew(const struct changes *changes)
{
        for (size_t i = 0; i < changes->n; i++) {
                const struct change *c = &changes->list[i];

                if (c->kind == CHANGE_PF_ADDED || c->kind == CHANGE_PF_REMOVED ||
                        (c->kind == CHANGE_PF &&
                                (c->fields & (BIT(PF_FIELD_DRIVER) | BIT(PF_FIELD_NETDEVS)))))
                        return true;
        }
        return false;
}

void daemon_set_activity(void *userdata, const struct dev_id *pf, enum pf_activity activity)
{
        _cleanup_(changes_done) struct changes changes = {0};
        struct daemon *d = userdata;

        daemon_emit(d, &changes, state_set_activity(&d->state, pf, activity, &changes));
}

/* A PF on which the backend works for somebody else: an earlier life of this daemon, say. */
static void judge_activity(struct daemon *d, const struct pf_facts *facts)
{
        if (jobs_run_on(d->jobs, &facts->id))
                return;
        if (!facts->busy_step[0])
                daemon_set_activity(d, &facts->id, PF_IDLE);
        else {
                daemon_set_activity(
                        d, &facts->id, facts->busy_usec >= STUCK_USEC ? PF_STUCK : PF_BUSY);
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

        daemon_emit(d, &changes, state_apply(&d->state, facts, &changes));
        leases_look(d->leases, &changes);
        entry = state_pf(&d->state, &pf);
        if (!entry)
                return;
        jobs_progress(d->jobs, &entry->facts);
        judge_activity(d, &entry->facts);
        watch_quiet(d, &entry->facts);
        if (has_come(&changes, &entry->facts))
                reconcile_came(d->reconcile, &pf);
        if (d->begun && may_match_anew(&changes))
                apply_resolve(d->apply);
        reconcile_look(d->reconcile, &pf);
}

void daemon_take_groups(struct daemon *d, struct groups *groups)
{
        _cleanup_(changes_done) struct changes changes = {0};

        daemon_emit(d, &changes, state_apply_groups(&d->state, groups, &changes));
}

void daemon_take_gone(struct daemon *d, const struct dev_id *pf)
{
        _cleanup_(changes_done) struct changes changes = {0};

        daemon_emit(d, &changes, state_remove(&d->state, pf, &changes));
        leases_look(d->leases, &changes);
        reconcile_gone(d->reconcile, pf);
        if (d->begun)
                apply_resolve(d->apply);
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

/* The hardware was looked at: from here on it is brought to the configuration. */
static void begin(struct daemon *d)
{
        if (d->begun)
                return;
        d->begun = true;
        if (d->root && rivals_look(d->root, &d->state, &d->rivals) < 0)
                log_warning("who else manages VFs can not be looked for below %s", d->root);
        apply_set_rivals(d->apply, &d->rivals);
        apply_start(d->apply);
        leases_start(d->leases); /* which ask the configuration what a VF goes back to */
        if (d->bus)
                bus_lease_check_owners(d->bus);
        reconcile_start(d->reconcile);
}

/* From here on there is something to show: take the name and say that we are there. */
static void become_ready(struct daemon *d)
{
        int r;

        if (d->ready)
                return;
        d->ready = true;
        if (!d->bus)
                return;
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
        struct daemon *d = userdata;

        (void) source;
        (void) usec;
        if (backend_client_is_connected(d->backend))
                begin(d);
        become_ready(d);
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

        if (!backend_client_is_connected(d->backend))
                return;
        begin(d);
        become_ready(d);
}

static void config_changed(void *userdata)
{
        struct daemon *d = userdata;

        if (d->vfdir && d->apply)
                vfdir_sync(d->vfdir, apply_conf(d->apply), &d->state);
        if (d->ready && d->bus)
                bus_emit_config(d->bus);
}

static void pf_config_changed(void *userdata, const struct dev_id *pf)
{
        struct daemon *d = userdata;

        if (d->ready && d->bus)
                bus_emit_pf_config(d->bus, pf);
}

static void backend_connected(void *userdata, const char *name, const char *version)
{
        static const struct dev_id everything = {""};
        struct daemon *d = userdata;

        snprintf(d->backend_name, sizeof(d->backend_name), "%s %s", name, version);
        log_info("backend connected: %s", d->backend_name);
        if (d->ready && d->bus)
                bus_emit_backend(d->bus);
        if (!d->begun) { /* as long again for what it has to show */
                (void) sd_event_source_set_time_relative(d->ready_timer, READY_USEC);
                (void) sd_event_source_set_enabled(d->ready_timer, SD_EVENT_ONESHOT);
        }
        look_now(d->look, &everything);
        leases_kick(d->leases);
}

static void backend_lost(void *userdata)
{
        struct daemon *d = userdata;

        log_warning("backend lost: showing what was last seen, changing nothing until it is back");
        d->backend_name[0] = '\0';
        look_reset(d->look);
        if (d->ready && d->bus)
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

static int add_core(struct daemon *d, const struct daemon_options *o)
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
        int r;

        r = backend_client_new(d->event, o->backend, &backend_events, d, &d->backend);
        if (r < 0)
                return r;
        r = jobs_new(d->event, d->backend, &d->state, d->ledger, &daemon_jobs_events, d, &d->jobs);
        if (r < 0)
                return r;
        return look_new(d->event, d->backend, &look_events, d, &d->look);
}

static int add_configuration(struct daemon *d, const struct daemon_options *o)
{
        static const struct apply_events apply_events = {.changed = config_changed};
        static const struct reconcile_events reconcile_events = {
                .changed = pf_config_changed,
                .applied = config_changed,
        };
        const struct apply_config config = {
                .dirs = o->config_dirs,
                .backend = d->backend,
                .jobs = d->jobs,
                .state = &d->state,
                .ledger = d->ledger,
        };
        int r;

        r = apply_new(d->event, &config, &apply_events, d, &d->apply);
        if (r < 0)
                return r;
        r = reconcile_new(d->event, d->jobs, &d->state, apply_conf(d->apply), d->ledger,
                &reconcile_events, d, &d->reconcile);
        if (r < 0)
                return r;
        apply_set_reconcile(d->apply, d->reconcile);
        return 0;
}

static int add_leases(struct daemon *d)
{
        const struct leases_config config = {
                .jobs = d->jobs,
                .state = &d->state,
                .conf = apply_conf(d->apply),
                .ledger = d->ledger,
        };

        return leases_new(d->event, &config, &daemon_leases_events, d, &d->leases);
}

/* Without it VFs are named by udev alone. */
static void add_vfdir(struct daemon *d, const char *dir)
{
        int r = vfdir_new(dir, &d->vfdir);

        if (r < 0)
                log_warning(
                        "%s: %s; udev's rules will not know the names of VFs", dir, strerror(-r));
}

int daemon_new(sd_event *event, const struct daemon_options *o, struct daemon **ret)
{
        _cleanup_(daemon_freep) struct daemon *d = calloc(1, sizeof(*d));
        int r = 0;

        if (!d)
                return -ENOMEM;
        d->event = sd_event_ref(event);
        d->ledger = o->ledger;
        d->root = o->root;
        if (!d->ledger)
                r = ledger_new(o->state_dir, o->boot_id, o->crash, &d->ledger);
        if (r >= 0 && o->run_dir)
                add_vfdir(d, o->run_dir);
        if (r >= 0)
                r = add_core(d, o);
        if (r >= 0)
                r = add_configuration(d, o);
        if (r >= 0)
                r = add_leases(d);
        if (r >= 0 && !o->no_bus)
                r = bus_new(d, o->bus, &d->bus);
        if (r >= 0)
                r = add_timers(d);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

/* From whom calls back to who is called: what ends a call tells those that wait for it. */
void daemon_free(struct daemon *d)
{
        if (d->backend)
                backend_client_free(d->backend);
        if (d->apply)
                apply_free(d->apply);
        if (d->leases)
                leases_free(d->leases);
        if (d->jobs)
                jobs_free(d->jobs);
        if (d->look)
                look_free(d->look);
        if (d->reconcile)
                reconcile_free(d->reconcile);
        if (d->bus)
                bus_free(d->bus);
        rivals_done(&d->rivals);
        if (d->vfdir)
                vfdir_free(d->vfdir);
        if (d->ledger)
                ledger_free(d->ledger);
        sd_event_source_unref(d->ready_timer);
        sd_event_source_unref(d->busy_timer);
        sd_event_source_unref(d->quiet_timer);
        state_done(&d->state);
        sd_event_unref(d->event);
        free(d);
}
