/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Apply as an operation on several PFs; see apply_back.c for the way back. Loop thread. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/apply_internal.h"

#define CALLS_MAX 32

const char *conf_state_name(enum conf_state state)
{
        static const char *const names[CONF_STATE_MAX] = {"none", "loaded", "refused"};

        return (unsigned) state < CONF_STATE_MAX ? names[state] : "?";
}

const struct conf *apply_conf(const struct apply *a)
{
        return &a->conf;
}

void apply_set_rivals(struct apply *a, const struct rivals *rivals)
{
        a->rivals = rivals;
}

void apply_set_reconcile(struct apply *a, struct reconcile *reconcile)
{
        a->reconcile = reconcile;
}

const struct apply_view *apply_view(const struct apply *a)
{
        return &a->view;
}

void apply_show(struct apply *a, enum conf_state state, const char *text)
{
        if (a->view.state == state && streq(a->view.text, text))
                return;
        a->view.state = state;
        snprintf(a->view.text, sizeof(a->view.text), "%s", text);
        a->events->changed(a->userdata);
}

void apply_in_force(struct apply *a, struct conf *conf)
{
        conf_done(&a->conf);
        a->conf = *conf;
        *conf = (struct conf){0};
        apply_show(a, a->conf.dirs.n + a->conf.given.n > 0 ? CONF_LOADED : CONF_NONE, "");
        a->events->changed(a->userdata); /* Absent */
}

void apply_resolve(struct apply *a)
{
        struct fault f = FAULT_NULL;

        if (conf_resolve(&a->conf, a->state, &f) < 0) {
                log_error("configuration: %s; what was in force before stays", f.text);
                a->resolve_refused = true;
                apply_show(a, CONF_REFUSED, f.text);
                return;
        }
        if (a->resolve_refused)
                apply_show(a, CONF_LOADED, "");
        a->resolve_refused = false;
        a->events->changed(a->userdata);
        if (a->reconcile)
                reconcile_all(a->reconcile);
}

/* --- calls --------------------------------------------------------------------------------------
 */

void apply_call_end(struct apply_call *call, const struct fault *f)
{
        _cleanup_(freep) char *json = NULL;
        struct fault failed = *f;

        if (f->code == FAULT_NONE && report_write(&call->report, &json) < 0)
                fault_set(&failed, FAULT_INTERNAL, ENOMEM, "out of memory");
        if (call->fn)
                call->fn(call->userdata, failed.code == FAULT_NONE ? json : NULL, &failed);
        if (call->apply->running == call)
                call->apply->running = NULL;
        for (struct apply_call **at = &call->apply->calls; *at; at = &(*at)->next)
                if (*at == call) {
                        *at = call->next;
                        break;
                }
        apply_call_free(call);
}

void apply_call_free(struct apply_call *call)
{
        if (call->preview)
                preview_cancel(call->preview);
        for (size_t i = 0; call->slots && i < call->report.n; i++)
                free(call->slots[i]);
        free(call->slots);
        conf_done(&call->conf);
        report_done(&call->report);
        free(call);
}

void apply_forget(struct apply_call *call)
{
        call->fn = NULL;
}

struct apply_call *apply_call_new(struct apply *a, apply_fn fn, void *userdata)
{
        struct apply_call *call = calloc(1, sizeof(*call));

        if (!call)
                return NULL;
        *call = (struct apply_call){.apply = a, .fn = fn, .userdata = userdata, .next = a->calls};
        a->calls = call;
        return call;
}

/* files: none means the directories. */
static int read_conf(
        struct apply *a, const struct config_files *files, struct conf *ret, struct fault *f)
{
        struct conf conf = {0};
        int r;

        r = files->n > 0 ? conf_with_given(&a->conf, files, &conf, f)
                         : conf_read(a->dirs, &conf, f);
        if (r == 0)
                r = conf_resolve(&conf, a->state, f);
        if (r < 0) {
                conf_done(&conf);
                return r;
        }
        *ret = conf;
        return 0;
}

int apply_judge(struct apply *a, const struct config_files *files, enum risk *ret, struct fault *f)
{
        struct conf conf = {0};
        enum risk risk = RISK_CONFIGURE;
        int r;

        r = read_conf(a, files, &conf, f);
        if (r < 0)
                return r;
        for (size_t i = 0; i < conf.resolved.n; i++) {
                enum risk one = desired_risk(&conf.resolved.list[i]);

                if (one > risk)
                        risk = one;
        }
        conf_done(&conf);
        *ret = risk;
        return 0;
}

static int begin(struct apply *a, const struct config_files *files, preview_fn then, apply_fn fn,
        void *userdata, struct apply_call **ret, struct fault *f)
{
        struct apply_call *call;
        size_t n = 0;
        int r;

        for (call = a->calls; call; call = call->next)
                n++;
        if (n >= CALLS_MAX)
                return fault_set(f, FAULT_LIMITS, 0,
                        "refused: %zu plans are being made; at most %d at a time", n, CALLS_MAX);
        call = apply_call_new(a, fn, userdata);
        if (!call)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        call->given = files->n > 0;
        r = read_conf(a, files, &call->conf, f);
        if (r == 0)
                r = preview_begin(a->backend, a->jobs, a->state, &call->conf,
                        call->given ? call->conf.given_pfs : NULL, call->conf.n_given_pfs, then,
                        call, &call->preview, f);
        if (r < 0) {
                a->calls = call->next;
                apply_call_free(call);
                return r;
        }
        *ret = call;
        return 0;
}

/* Of the PFs that the plan is about. */
static void warn_of_rivals(const struct apply *a, struct report *report)
{
        char text[RIVAL_TEXT_MAX];

        for (size_t i = 0; a->rivals && i < a->rivals->n; i++)
                for (size_t k = 0; k < report->n; k++) {
                        if (!dev_id_equal(&a->rivals->list[i].id, &report->list[k].wish.pf))
                                continue;
                        rival_describe(&a->rivals->list[i], text, sizeof(text));
                        (void) texts_add(&report->warnings, text);
                }
}

static void take_report(struct apply_call *call, struct report *report)
{
        warn_of_rivals(call->apply, report);
        call->preview = NULL;
        call->report = *report;
        *report = (struct report){0};
}

static void on_planned(void *userdata, struct report *report, const struct fault *f)
{
        struct apply_call *call = userdata;

        take_report(call, report);
        apply_call_end(call, f);
}

int apply_plan(struct apply *a, const struct config_files *files, apply_fn fn, void *userdata,
        struct apply_call **ret, struct fault *f)
{
        return begin(a, files, on_planned, fn, userdata, ret, f);
}

/* --- Apply --------------------------------------------------------------------------------------
 */

/* The last of its PFs has ended. */
void apply_call_one_ended(struct apply_call *call)
{
        const struct fault none = FAULT_NULL;

        if (--call->n_open > 0)
                return;
        crash_at(ledger_crash(call->apply->ledger), CRASH_APPLY_ENDED);
        apply_settle(call);
        call->apply->running = NULL;
        apply_call_end(call, &none);
}

static void slot_close(struct apply_slot *slot, const struct fault *f)
{
        struct apply_call *call = slot->call;
        struct planned *one = &call->report.list[slot->at];

        one->ended = true;
        one->result = *f;
        call->slots[slot->at] = NULL;
        if (call->back && f->code == FAULT_NONE)
                reconcile_release(call->apply->reconcile, &one->wish.pf);
        if (!call->back || f->code == FAULT_NONE)
                return;
        log_error("rollback of %s: %s", dev_id_address(&one->wish.pf), f->text);
        reconcile_report(call->apply->reconcile, &one->wish.pf, f);
}

static void forget_stray(struct apply_slot *slot)
{
        for (struct apply_slot **at = &slot->apply->strays; *at; at = &(*at)->next)
                if (*at == slot) {
                        *at = slot->next;
                        return;
                }
}

void apply_slot_ended(void *userdata, const struct fault *f)
{
        struct apply_slot *slot = userdata;
        struct apply_call *call = slot->call;

        if (call)
                slot_close(slot, f);
        else
                forget_stray(slot);
        free(slot);
        if (call)
                apply_call_one_ended(call);
}

void apply_slot_failed(struct apply_slot *slot, int r, const struct fault *f)
{
        struct fault why = *f;

        if (why.code == FAULT_NONE)
                fault_set(&why, FAULT_INTERNAL, -r, "out of memory");
        slot->call->n_open++;
        apply_slot_ended(slot, &why);
}

int apply_slots_new(struct apply_call *call)
{
        call->slots = calloc(call->report.n + 1, sizeof(struct apply_slot *));
        for (size_t i = 0; call->slots && i < call->report.n; i++) {
                call->slots[i] = calloc(1, sizeof(*call->slots[i]));
                if (!call->slots[i])
                        return -ENOMEM;
                *call->slots[i] = (struct apply_slot){.call = call, .at = i};
        }
        return call->slots ? 0 : -ENOMEM;
}

/*
 * A kernel call that does not return must not keep an Apply from ending, nor its confirmation from
 * running out: what hangs is reported as such, and goes on by itself when the kernel does.
 */
void apply_look_stuck(struct apply *a)
{
        struct apply_call *call = a->running;
        struct apply_slot *slot;
        struct fault f;
        size_t n = 0;

        if (!call)
                return;
        for (size_t i = 0; i < call->report.n; i++) {
                const struct dev_id *mine = &call->report.list[i].wish.pf;
                const struct dev_id *stuck = jobs_stuck(a->jobs, mine);

                if (!call->slots[i] || !stuck)
                        continue;
                fault_set(&f, FAULT_BUSY, 0,
                        "%s: not done yet: the kernel call on %s has not returned; it goes on when "
                        "that does (a VF held open is the usual cause)",
                        dev_id_address(mine), dev_id_address(stuck));
                slot = call->slots[i];
                slot_close(slot, &f);
                slot->call = NULL;
                slot->apply = a;
                slot->next = a->strays;
                a->strays = slot;
                n++;
        }
        while (n-- > 0)
                apply_call_one_ended(call);
}

void apply_let_go(struct apply *a)
{
        reconcile_hold(a->reconcile, false);
        apply_look_stuck(a);
        if (a->running)
                apply_call_one_ended(a->running);
}

/* A job for each PF, side by side. */
static void run_all(struct apply_call *call)
{
        struct apply *a = call->apply;

        call->n_open = 1;
        for (size_t i = 0; i < call->report.n; i++) {
                struct apply_slot *slot = call->slots[i];
                struct fault f = FAULT_NULL;
                int r;

                r = reconcile_apply(a->reconcile, &call->report.list[i].wish.pf, call->confirm == 0,
                        call->client, call->uid, apply_slot_ended, slot, &f);
                if (r == 0)
                        call->n_open++;
                else
                        apply_slot_failed(slot, r, &f);
        }
}

static int refuse_changed(const struct apply_call *call, struct fault *f)
{
        uint64_t now = report_hash(&call->report);

        if (!call->has_hash || now == call->hash)
                return 0;
        return fault_set(f, FAULT_PLAN_CHANGED, 0,
                "apply refused: the plan %016" PRIx64 " is not what would be done now (%016" PRIx64
                "): the devices or the files have changed since; look at sriovctl plan again",
                call->hash, now);
}

static void on_previewed(void *userdata, struct report *report, const struct fault *failed)
{
        struct apply_call *call = userdata;
        struct apply *a = call->apply;
        struct fault f = *failed;
        int r = f.code == FAULT_NONE ? 0 : -EIO;

        take_report(call, report);
        if (r == 0 && (a->running || a->view.deadline_usec > 0))
                r = apply_refuse_second(a, &f);
        if (r == 0)
                r = refuse_changed(call, &f);
        if (r == 0 && apply_slots_new(call) < 0)
                r = fault_set(&f, FAULT_INTERNAL, ENOMEM, "out of memory");
        if (r == 0)
                r = apply_checkpoint(call, &f);
        if (r < 0) {
                apply_call_end(call, &f);
                return;
        }
        crash_at(ledger_crash(a->ledger), CRASH_APPLY_BEGUN);
        log_info("apply by uid %u: %zu PFs%s", call->uid, call->report.n,
                call->confirm ? ", to be confirmed" : "");
        a->running = call;
        reconcile_hold(a->reconcile, true);
        apply_in_force(a, &call->conf);
        run_all(call);
        apply_let_go(a);
}

int apply_refuse_second(const struct apply *a, struct fault *f)
{
        if (!a->started)
                return fault_set(f, FAULT_BUSY, 0,
                        "refused: the hardware has not been looked at yet; try again in some "
                        "seconds");
        if (!a->running)
                return fault_set(f, FAULT_BUSY, 0,
                        "apply refused: the last one waits for its confirmation; sriovctl confirm "
                        "or sriovctl rollback first");
        return fault_set(f, FAULT_BUSY, 0,
                "apply refused: another one (of uid %u) is under way; wait until it has ended",
                a->running->uid);
}

int apply_begin(struct apply *a, const struct config_files *files,
        const struct apply_options *options, apply_fn fn, void *userdata, struct apply_call **ret,
        struct fault *f)
{
        struct apply_call *call;
        int r;

        if (options->has_confirm &&
                (options->confirm < CONFIRM_MIN || options->confirm > CONFIRM_MAX))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "confirm=%u refused: expected %u to %u seconds", options->confirm,
                        CONFIRM_MIN, CONFIRM_MAX);
        if (!a->started || a->running || a->view.deadline_usec > 0)
                return apply_refuse_second(a, f);
        r = begin(a, files, on_previewed, fn, userdata, &call, f);
        if (r < 0 && files->n == 0 && f->code == FAULT_INVALID_ARGS)
                apply_show(a, CONF_REFUSED, f->text);
        if (r < 0)
                return r;
        call->confirm = options->has_confirm ? options->confirm : 0;
        call->has_hash = options->has_hash;
        call->hash = options->hash;
        call->uid = options->uid;
        snprintf(call->client, sizeof(call->client), "%s", options->client);
        *ret = call;
        return 0;
}

/* --- Save ---------------------------------------------------------------------------------------
 */

int apply_save(const struct apply *a, char **ret, struct fault *f)
{
        size_t n = a->state->n_pfs;
        _cleanup_(freep) struct desired *wishes = calloc(n + 1, sizeof(*wishes));
        _cleanup_(freep) const struct desired **list = calloc(n + 1, sizeof(struct desired *));
        _cleanup_(freep) const struct pf_facts **facts = calloc(n + 1, sizeof(struct pf_facts *));
        int r = wishes && list && facts ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++) {
                facts[i] = &a->state->pfs[i]->facts;
                list[i] = &wishes[i];
                r = desired_of_facts(facts[i], &wishes[i]);
                desired_to_keep(&wishes[i]);
        }
        if (r == 0)
                r = config_write(list, n, facts, ret);
        for (size_t i = 0; wishes && i < n; i++)
                desired_done(&wishes[i]);
        return r < 0 ? fault_set(f, FAULT_INTERNAL, -r, "saving failed: %s", strerror(-r)) : 0;
}
