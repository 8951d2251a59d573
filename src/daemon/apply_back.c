/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way back from an Apply: checkpoint, confirmation, rollback, and what a new life does about
 * them. Loop thread.
 *
 *           apply          last job ends          Confirm
 *   (none) ------> running --------------> waits ----------> confirmed
 *                     |                      | deadline, Rollback     | Rollback
 *                     | next life            v                        |
 *                     +-------------------> back <--------------------+
 *
 * In another boot the hardware has forgotten: there is nothing to take back, and what was not
 * confirmed is not applied.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "daemon/apply_internal.h"

#define AGAIN_USEC (60 * 1000000ull) /* after a way back that could not be begun */

uint64_t apply_boottime_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

void apply_set_deadline(struct apply *a, uint64_t usec)
{
        a->view.deadline_usec = usec;
        if (usec > 0)
                (void) sd_event_source_set_time(a->deadline, usec);
        (void) sd_event_source_set_enabled(a->deadline, usec > 0 ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        a->events->changed(a->userdata);
}

/* What is in force now, as one list: files of directories have a path, given ones have none. */
static int copy_in_force(const struct conf *conf, struct config_files *ret)
{
        struct config_files all = {0};
        int r = config_files_copy(&conf->dirs, &all);

        for (size_t i = 0; r == 0 && i < conf->given.n; i++)
                r = config_files_add(&all, conf->given.list[i].name, "", conf->given.list[i].text,
                        conf->given.list[i].n);
        if (r < 0) {
                config_files_done(&all);
                return r;
        }
        *ret = all;
        return 0;
}

/* And apart again. */
int apply_split_files(
        const struct config_files *all, struct config_files *dirs, struct config_files *given)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < all->n; i++) {
                const struct config_file *file = &all->list[i];

                r = config_files_add(
                        file->path[0] ? dirs : given, file->name, file->path, file->text, file->n);
        }
        return r;
}

/* The PFs that a call touches, as they are. */
static int note_old(const struct apply_call *call, struct checkpoint *c)
{
        c->old = calloc(call->report.n + 1, sizeof(*c->old));
        if (!c->old)
                return -ENOMEM;
        for (size_t i = 0; i < call->report.n; i++) {
                const struct pf_entry *pf =
                        state_pf(call->apply->state, &call->report.list[i].wish.pf);
                int r;

                if (!pf)
                        continue;
                r = desired_of_facts(&pf->facts, &c->old[c->n_old]);
                if (r < 0)
                        return r;
                c->n_old++;
        }
        return 0;
}

static int refuse_checkpoint(int error, struct fault *f)
{
        if (error != -E2BIG)
                return fault_set(f, FAULT_INTERNAL, -error, "out of memory");
        return fault_set(f, FAULT_LIMITS, 0,
                "apply refused: the files in the directories and those of the last apply are "
                "together above %u files or %u bytes, too much for a way back; sriovctl reload, or "
                "write fewer files",
                CONFIG_FILES_MAX, CONFIG_TEXT_MAX);
}

int apply_checkpoint(struct apply_call *call, struct fault *f)
{
        struct apply *a = call->apply;
        const struct checkpoint *last = ledger_checkpoint(a->ledger);
        struct checkpoint c = {0};
        int r;

        if (!report_changes(&call->report) && last->n_old > 0) {
                /* Nothing to do, and so nothing to take back: the last way back stays. */
                r = checkpoint_copy(last, &c);
                config_files_done(&c.inforce);
                c.inforce = (struct config_files){0};
                call->confirm = 0;
        } else {
                c.pending = call->confirm > 0 && report_changes(&call->report);
                c.running = true;
                c.deadline_usec = apply_boottime_usec() + call->confirm * 1000000ull;
                r = note_old(call, &c);
                if (r == 0)
                        r = copy_in_force(&a->conf, &c.before);
                if (!c.pending)
                        call->confirm = 0;
        }
        if (r == 0)
                r = config_files_copy(&call->conf.given, &c.inforce);
        if (r < 0) {
                checkpoint_done(&c);
                return refuse_checkpoint(r, f);
        }
        if (call->given)
                c.refused_hash = last->refused_hash; /* the directories are as they were */
        else
                c.refused_hash = c.pending ? config_hash(&call->conf.dirs) : 0;
        return ledger_set_checkpoint(a->ledger, &c, f);
}

/* What becomes of the checkpoint once its Apply, or the way back, has ended. */
enum outcome {
        OUTCOME_WAITS,   /* all jobs have ended; a pending one has its deadline from here on */
        OUTCOME_STAYS,   /* confirmed */
        OUTCOME_IS_BACK, /* nothing is left to go back to */
        OUTCOME_STOPPED, /* not all of it went back: Rollback can try what is left */
};

static int conclude(struct apply *a, enum outcome outcome, uint64_t deadline_usec, struct fault *f)
{
        struct checkpoint c = {0};

        if (checkpoint_copy(ledger_checkpoint(a->ledger), &c) < 0)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        c.running = c.back = false;
        c.deadline_usec = deadline_usec;
        if (outcome != OUTCOME_WAITS)
                c.pending = false;
        /* Files that an earlier Apply was refused stay so: only those in force are confirmed. */
        if (outcome == OUTCOME_STAYS && c.refused_hash == config_hash(&a->conf.dirs))
                c.refused_hash = 0;
        for (; outcome == OUTCOME_IS_BACK && c.n_old > 0; c.n_old--)
                desired_done(&c.old[c.n_old - 1]);
        return ledger_set_checkpoint(a->ledger, &c, f);
}

static enum outcome outcome_of(const struct apply_call *call)
{
        if (!call->back)
                return OUTCOME_WAITS;
        for (size_t i = 0; i < call->report.n; i++)
                if (call->report.list[i].result.code != FAULT_NONE)
                        return OUTCOME_STOPPED;
        return OUTCOME_IS_BACK;
}

void apply_settle(struct apply_call *call)
{
        struct apply *a = call->apply;
        uint64_t deadline = 0;
        struct fault f = FAULT_NULL;

        if (call->confirm > 0)
                deadline = apply_boottime_usec() + call->confirm * 1000000ull;
        if (conclude(a, outcome_of(call), deadline, &f) < 0)
                log_error("the next life of sriovd will not know how this ended: %s", f.text);
        if (call->back)
                crash_at(ledger_crash(a->ledger), CRASH_REVERT_ENDED);
        apply_set_deadline(a, deadline);
}

int apply_confirm(struct apply *a, struct fault *f)
{
        int r;

        if (!a->started || a->running)
                return apply_refuse_second(a, f);
        if (a->view.deadline_usec == 0 || !ledger_checkpoint(a->ledger)->pending)
                return fault_set(f, FAULT_NOT_FOUND, 0, "no apply waits for its confirmation");
        r = conclude(a, OUTCOME_STAYS, 0, f);
        if (r < 0)
                return r;
        crash_at(ledger_crash(a->ledger), CRASH_CONFIRMED);
        log_info("apply confirmed");
        apply_set_deadline(a, 0);
        return 0;
}

/* --- back ---------------------------------------------------------------------------------------
 */

/* Each PF as it was, whatever the configuration says. */
static void run_back(struct apply_call *call)
{
        struct apply *a = call->apply;

        call->n_open = 1;
        for (size_t i = 0; i < call->report.n; i++) {
                const struct desired *wish = &call->report.list[i].wish;
                struct order order = {.forward = true, .no_undo = true, .fresh = true};
                struct fault f = FAULT_NULL;
                int r = desired_copy(wish, &order.wish);

                reconcile_reserve(a->reconcile, &wish->pf);
                if (r == 0)
                        r = jobs_submit_order(a->jobs, &wish->pf, &order, call->client, call->uid,
                                apply_slot_ended, call->slots[i], NULL, &f);
                if (r == 0)
                        call->n_open++;
                else
                        apply_slot_failed(call->slots[i], r, &f);
        }
}

static int take_old(struct apply_call *call, const struct checkpoint *c)
{
        struct report *report = &call->report;
        int r = 0;

        report->list = calloc(c->n_old + 1, sizeof(*report->list));
        if (!report->list)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < c->n_old; i++) {
                report->list[i].fault = FAULT_NULL;
                r = desired_copy(&c->old[i], &report->list[i].wish);
                if (r < 0)
                        break;
                report->n++;
                preview_plan(&report->list[i], call->apply->jobs, call->apply->state, NULL,
                        0); /* to be shown */
        }
        return r;
}

/* What was in force before, from the checkpoint's texts, as it falls on today's PFs. */
static int conf_before(
        const struct apply *a, const struct checkpoint *c, struct conf *ret, struct fault *f)
{
        struct config_files dirs = {0}, given = {0};
        struct conf conf = {0};
        struct fault why = FAULT_NULL;
        int r;

        r = apply_split_files(&c->before, &dirs, &given);
        if (r < 0) {
                config_files_done(&dirs);
                config_files_done(&given);
                return fault_set(f, FAULT_INTERNAL, -r, "out of memory");
        }
        r = conf_of_files(&dirs, &given, &conf, f);
        if (r < 0)
                return r;
        /* PFs have come or changed meanwhile: the hardware goes back all the same. */
        if (conf_resolve(&conf, a->state, &why) < 0)
                log_warning(
                        "rollback: the configuration before does not fit these PFs: %s", why.text);
        *ret = conf;
        return 0;
}

static int note_going_back(struct apply_call *call, struct fault *f)
{
        struct apply *a = call->apply;
        struct checkpoint c = {0};
        struct config_files dirs = {0};
        int r;

        r = checkpoint_copy(ledger_checkpoint(a->ledger), &c);
        /* Files that can not be read are refused at the next start anyway. */
        if (r == 0 && config_read(a->dirs, &dirs, NULL) == 0) {
                if (config_hash(&dirs) != config_hash(&call->conf.dirs))
                        c.refused_hash = config_hash(&dirs);
                config_files_done(&dirs);
        }
        config_files_done(&c.inforce);
        c.inforce = (struct config_files){0};
        if (r == 0)
                r = config_files_copy(&call->conf.given, &c.inforce);
        if (r < 0) {
                checkpoint_done(&c);
                return fault_set(f, FAULT_INTERNAL, -r, "rollback: %s", strerror(-r));
        }
        c.back = true;
        c.running = true;
        return ledger_set_checkpoint(a->ledger, &c, f);
}

const char apply_refused_text[] = "the files in the configuration directories were not confirmed "
                                  "(or were rolled back): what was in force before them "
                                  "stays; sriovctl apply tries them again";

static int go_back(struct apply_call *call, struct fault *f)
{
        struct apply *a = call->apply;
        bool refused;
        int r;

        r = take_old(call, ledger_checkpoint(a->ledger));
        if (r == 0)
                r = apply_slots_new(call);
        if (r < 0)
                return fault_set(f, FAULT_INTERNAL, -r, "out of memory");
        r = conf_before(a, ledger_checkpoint(a->ledger), &call->conf, f);
        if (r == 0)
                r = note_going_back(call, f);
        if (r < 0)
                return r;
        crash_at(ledger_crash(a->ledger), CRASH_REVERT_BEGUN);
        call->back = true;
        a->running = call;
        apply_set_deadline(a, 0);
        reconcile_hold(a->reconcile, true);
        refused = ledger_checkpoint(a->ledger)->refused_hash != 0;
        apply_in_force(a, &call->conf);
        if (refused)
                apply_show(a, CONF_REFUSED, apply_refused_text);
        run_back(call);
        apply_let_go(a);
        return 0;
}

int apply_rollback(struct apply *a, const char *client, uint32_t uid, apply_fn fn, void *userdata,
        struct apply_call **ret, struct fault *f)
{
        const struct checkpoint *c = ledger_checkpoint(a->ledger);
        struct apply_call *call;
        int r;

        if (!a->started || a->running)
                return apply_refuse_second(a, f);
        if (c->n_old == 0 || !streq(c->boot_id, ledger_boot_id(a->ledger)))
                return fault_set(f, FAULT_NOT_FOUND, 0,
                        "rollback refused: there was no apply since the host was booted that could "
                        "be taken back");
        call = apply_call_new(a, fn, userdata);
        if (!call)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        snprintf(call->client, sizeof(call->client), "%s", client);
        call->uid = uid;
        if (ret)
                *ret = call;
        r = go_back(call, f);
        if (r < 0) {
                a->calls = call->next;
                apply_call_free(call);
        }
        return r;
}

void apply_back_by_itself(struct apply *a, const char *why)
{
        struct fault f = FAULT_NULL;

        log_warning("apply: %s: taking it back", why);
        if (apply_rollback(a, "", getuid(), NULL, NULL, NULL, &f) == 0)
                return;
        log_error("%s; trying again in a minute", f.text);
        apply_set_deadline(a, apply_boottime_usec() + AGAIN_USEC);
}
