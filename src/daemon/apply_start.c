/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The start of an apply: which configuration is in force in a new life, and what becomes of an
 * Apply that the last one did not end. Loop thread.
 */
#include "base/log.h"
#include "daemon/apply_internal.h"

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct apply *a = userdata;
        const struct checkpoint *c = ledger_checkpoint(a->ledger);

        (void) source;
        (void) usec;
        if ((c->pending || c->back) && !a->running)
                apply_back_by_itself(a, "nobody has confirmed it in time");
        return 0;
}

void apply_start(struct apply *a)
{
        const struct checkpoint *c = ledger_checkpoint(a->ledger);

        a->started = true;
        apply_resolve(a);
        if (!streq(c->boot_id, ledger_boot_id(a->ledger)))
                return;
        if (c->back)
                apply_back_by_itself(a, "a rollback was under way when sriovd ended");
        else if (c->pending && c->running)
                apply_back_by_itself(a, "it was under way and not confirmed when sriovd ended");
        else if (c->pending && c->deadline_usec <= apply_boottime_usec())
                apply_back_by_itself(a, "nobody has confirmed it in time");
        else if (c->pending)
                apply_set_deadline(a, c->deadline_usec);
}

/* In another boot: what came with an Apply is over, and what was not confirmed is refused. */
static int begin_boot(struct apply *a, const struct conf *on_disk, bool *ret_refused)
{
        const struct checkpoint *last = ledger_checkpoint(a->ledger);
        struct checkpoint c = {0};
        struct fault f = FAULT_NULL;
        int r;

        if (last->pending)
                log_warning("apply: the host was booted before anybody confirmed it: it is not "
                            "applied again");
        *ret_refused = last->refused_hash != 0 && last->refused_hash == config_hash(&on_disk->dirs);
        if (!last->boot_id[0])
                return 0;
        if (*ret_refused) {
                c.refused_hash = last->refused_hash;
                r = config_files_copy(&last->before, &c.before);
                if (r < 0)
                        return r;
        }
        if (ledger_set_checkpoint(a->ledger, &c, &f) < 0)
                log_error("%s", f.text);
        return 0;
}

/* Which configuration is in force when the daemon starts; PFs are not known yet. */
static int load(struct apply *a)
{
        const struct checkpoint *c = ledger_checkpoint(a->ledger);
        struct config_files dirs = {0}, given = {0}, none = {0};
        struct conf on_disk = {0}, conf = {0};
        struct fault f = FAULT_NULL;
        bool refused = false;
        int r;

        r = conf_read(a->dirs, &on_disk, &f);
        if (r < 0) {
                log_error("configuration: %s; nothing is applied", f.text);
                apply_show(a, CONF_REFUSED, f.text);
                return 0;
        }
        if (!streq(c->boot_id, ledger_boot_id(a->ledger)))
                r = begin_boot(a, &on_disk, &refused);
        else {
                refused = !c->pending && c->refused_hash != 0 &&
                          c->refused_hash == config_hash(&on_disk.dirs);
                r = config_files_copy(&c->inforce, &given);
        }
        c = ledger_checkpoint(a->ledger);
        if (r == 0)
                r = refused ? apply_split_files(&c->before, &dirs, &none)
                            : config_files_copy(&on_disk.dirs, &dirs);
        config_files_done(&none);
        conf_done(&on_disk);
        if (r == 0)
                r = conf_of_files(&dirs, &given, &conf, &f);
        if (r < 0)
                return r;
        apply_in_force(a, &conf);
        if (refused) {
                log_warning("configuration: %s", apply_refused_text);
                apply_show(a, CONF_REFUSED, apply_refused_text);
        }
        return 0;
}

int apply_new(sd_event *event, const struct apply_config *config, const struct apply_events *events,
        void *userdata, struct apply **ret)
{
        _cleanup_(apply_freep) struct apply *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return -ENOMEM;
        *a = (struct apply){.event = sd_event_ref(event),
                .dirs = config->dirs,
                .backend = config->backend,
                .jobs = config->jobs,
                .state = config->state,
                .ledger = config->ledger,
                .events = events,
                .userdata = userdata};
        r = sd_event_add_time(event, &a->deadline, CLOCK_BOOTTIME, 0, 0, on_deadline, a);
        if (r >= 0)
                r = sd_event_source_set_enabled(a->deadline, SD_EVENT_OFF);
        if (r >= 0)
                r = load(a);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

void apply_free(struct apply *a)
{
        while (a->calls) {
                struct apply_call *call = a->calls;

                a->calls = call->next;
                apply_call_free(call);
        }
        while (a->strays) {
                struct apply_slot *slot = a->strays;

                a->strays = slot->next;
                free(slot);
        }
        conf_done(&a->conf);
        sd_event_source_unref(a->deadline);
        sd_event_unref(a->event);
        free(a);
}
