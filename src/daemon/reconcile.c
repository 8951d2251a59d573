/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From wishes and readings to jobs. Loop thread. */
#include <stdio.h>

#include "base/log.h"
#include "daemon/reconcile.h"
#include "model/desired_recover.h"

struct managed {
        struct reconcile *r;
        struct dev_id pf;
        struct config_view view;
        uint64_t wish_hash;
        uint32_t job;     /* 0: none of ours */
        job_done_fn then; /* an Apply waits for it; NULL nobody */
        void *then_data;
        bool settled; /* brought to this wish once, or failed */
        bool reserved;
        unsigned failures;
        uint64_t retry_usec; /* now_usec() before which nothing is tried again */
        uint64_t corrected[FLAP_MAX];
        unsigned n_corrected;
};

struct reconcile {
        sd_event *event;
        struct jobs *jobs;
        const struct state *state;
        const struct conf *conf;
        struct ledger *ledger;
        const struct reconcile_events *events;
        void *userdata;
        bool started, held;
        struct managed **list;
        size_t n, capacity;
        sd_event_source *retry;
};

const char *config_state_name(enum config_state state)
{
        static const char *const names[CONFIG_STATE_MAX] = {
                "unmanaged", "applying", "applied", "drift", "failed", "alarm"};

        return (unsigned) state < CONFIG_STATE_MAX ? names[state] : "?";
}

static struct managed *find(const struct reconcile *r, const struct dev_id *pf)
{
        for (size_t i = 0; i < r->n; i++)
                if (dev_id_equal(&r->list[i]->pf, pf))
                        return r->list[i];
        return NULL;
}

static struct managed *find_or_add(struct reconcile *r, const struct dev_id *pf)
{
        struct managed *m = find(r, pf);

        if (m || array_grow(&r->list, &r->capacity, r->n, sizeof(*r->list)) < 0)
                return m;
        m = calloc(1, sizeof(*m));
        if (!m)
                return NULL;
        m->r = r;
        m->pf = *pf;
        r->list[r->n++] = m;
        return m;
}

static void managed_free(struct managed *m)
{
        differences_done(&m->view.differences);
        free(m);
}

/* What others see; text may be NULL: as it was. Differences move. */
static void show(struct managed *m, enum config_state state, const char *text,
        struct differences *differences)
{
        struct config_view *v = &m->view;
        bool same = v->state == state && (!text || streq(v->text, text)) &&
                    v->differences.n == (differences ? differences->n : 0);

        for (size_t i = 0; same && differences && i < differences->n; i++)
                same = memcmp(&v->differences.list[i], &differences->list[i],
                               sizeof(*differences->list)) == 0;
        v->state = state;
        if (text)
                snprintf(v->text, sizeof(v->text), "%s", text);
        differences_done(&v->differences);
        v->differences = differences ? *differences : (struct differences){0};
        if (differences)
                *differences = (struct differences){0};
        if (same)
                return;
        m->r->events->changed(m->r->userdata, &m->pf);
        m->r->events->applied(m->r->userdata);
}

static void arm_retry(struct reconcile *r)
{
        uint64_t first = UINT64_MAX, now = now_usec();

        for (size_t i = 0; i < r->n; i++)
                if (r->list[i]->retry_usec > now && r->list[i]->retry_usec < first)
                        first = r->list[i]->retry_usec;
        if (first == UINT64_MAX)
                return;
        sd_event_source_set_time_relative(r->retry, first - now);
        sd_event_source_set_enabled(r->retry, SD_EVENT_ONESHOT);
}

static void succeeded(struct managed *m)
{
        m->failures = 0;
        m->retry_usec = 0;
        m->view.text[0] = '\0';
}

static void failed(struct managed *m, const struct fault *f)
{
        uint64_t pause = RETRY_USEC;

        for (unsigned i = 0; i < m->failures && pause < RETRY_MAX; i++)
                pause *= 2;
        m->failures++;
        m->retry_usec = now_usec() + (pause < RETRY_MAX ? pause : RETRY_MAX);
        show(m, CONFIG_FAILED, f->text, NULL);
        arm_retry(m->r);
}

static void on_job_done(void *userdata, const struct fault *f)
{
        struct managed *m = userdata;
        job_done_fn then = m->then;

        m->job = 0;
        m->then = NULL;
        m->settled = true;
        if (f->code == FAULT_NONE)
                succeeded(m);
        else
                failed(m, f);
        if (f->code == FAULT_NONE)
                reconcile_look(m->r, &m->pf);
        if (then)
                then(m->then_data, f);
}

/* The wish moves. */
static int submit(struct managed *m, struct order *order)
{
        struct fault f = FAULT_NULL;
        int r;

        r = jobs_submit_order(m->r->jobs, &m->pf, order, "", getuid(), on_job_done, m, &m->job, &f);
        if (r < 0)
                on_job_done(m, &f);
        return r;
}

/*
 * A job died half-way in an earlier life, or with its backend. What was declared goes on to that;
 * what nobody declared any more goes where its intent says. The recovery itself is never undone:
 * what it found is no state to go back to.
 */
static void recover(
        struct managed *m, const struct desired *wish, const struct journal_state *known)
{
        const struct txn *intent = &known->intent;
        const struct desired *target = intent->forward ? wish ?: &intent->wish : NULL;
        struct order order = {
                .forward = true,
                .recovery = true,
                .no_undo = true,
                .fresh = intent->creates,
                .why = "recovery",
        };

        crash_at(ledger_crash(m->r->ledger), CRASH_RECOVERY_READ);
        if (target == wish && wish)
                order.applied = m->wish_hash;
        else
                order.keep_applied = true;
        if (desired_recover(&intent->old, target, &order.wish) < 0)
                return;
        log_warning("%s: %s was under way when sriovd ended: going %s", dev_id_address(&m->pf),
                intent->kind, target ? "on with it" : "back to what was");
        crash_at(ledger_crash(m->r->ledger), CRASH_RECOVERY_DECIDED);
        show(m, CONFIG_APPLYING, "", NULL);
        submit(m, &order);
}

static void apply_wish(struct managed *m, const struct desired *wish, const char *why)
{
        struct order order = {.applied = m->wish_hash, .forward = true, .why = why};

        if (desired_copy(wish, &order.wish) < 0)
                return;
        show(m, CONFIG_APPLYING, "", NULL);
        submit(m, &order);
}

/* Corrected too often: somebody else wants it otherwise, and both would go on for ever. */
static bool flaps(struct managed *m)
{
        uint64_t now = now_usec();

        if (m->n_corrected < FLAP_MAX)
                return false;
        return now - m->corrected[m->n_corrected % FLAP_MAX] < FLAP_USEC;
}

static bool is_enforced(const struct differences *d, bool *ret_count)
{
        bool enforced = false;

        for (size_t i = 0; i < d->n; i++) {
                if (d->list[i].drift != DRIFT_ENFORCE || d->list[i].key == WISH_NAME)
                        continue; /* a name is udev's to give */
                enforced = true;
                if (d->list[i].key == WISH_NUM_VFS)
                        *ret_count = true;
        }
        return enforced;
}

static void raise_alarm(struct managed *m, struct differences *d)
{
        char text[FAULT_TEXT_MAX], first[256];

        difference_describe(&d->list[0], first, sizeof(first));
        snprintf(text, sizeof(text),
                "corrected %d times within %llu minutes and changed again (%s): somebody else "
                "manages "
                "it too; find who, then sriovctl apply",
                FLAP_MAX, FLAP_USEC / 60000000ull, first);
        if (m->view.state != CONFIG_ALARM)
                log_error("%s: %s", dev_id_address(&m->pf), text);
        show(m, CONFIG_ALARM, text, d);
}

/* VFs that were made anew need everything again; else the enforced keys alone. */
static void correct(struct managed *m, const struct desired *wish, bool count)
{
        struct order order = {
                .applied = m->wish_hash, .keep_applied = !count, .forward = true, .why = "drift"};
        int r;

        m->corrected[m->n_corrected++ % FLAP_MAX] = now_usec();
        r = count ? desired_copy(wish, &order.wish) : desired_enforced(wish, &order.wish);
        if (r < 0)
                return;
        submit(m, &order);
}

static void judge_drift(struct managed *m, const struct desired *wish, const struct pf_entry *pf)
{
        struct differences d = {0};
        bool count = false;
        char text[256];

        if (desired_diff(wish, &pf->facts, &pf->caps, &d) < 0)
                return;
        m->settled = true;
        if (d.n == 0)
                show(m, CONFIG_APPLIED, "", &d);
        else if (!is_enforced(&d, &count)) {
                bool shown = false;

                for (size_t i = 0; i < d.n; i++)
                        shown |= d.list[i].drift != DRIFT_IGNORE;
                difference_describe(&d.list[0], text, sizeof(text));
                if (shown && m->view.state != CONFIG_DRIFT)
                        log_warning("%s: %s; left so: drift is reported only",
                                dev_id_address(&m->pf), text);
                show(m, shown ? CONFIG_DRIFT : CONFIG_APPLIED, "", &d);
        } else if (m->view.state == CONFIG_ALARM || flaps(m))
                raise_alarm(m, &d);
        else {
                difference_describe(&d.list[0], text, sizeof(text));
                log_warning("%s: %s; correcting it", dev_id_address(&m->pf), text);
                correct(m, wish, count);
        }
        differences_done(&d);
}

static void set_wish(struct managed *m, const struct desired *wish)
{
        uint64_t hash = wish ? conf_hash_wish(wish) : 0;

        const char *where = wish ? wish->where : "";
        bool moved = !streq(m->view.where, where);

        snprintf(m->view.where, sizeof(m->view.where), "%s", where);
        if (hash != m->wish_hash)
                m->settled = false;
        m->wish_hash = hash;
        if (moved)
                m->r->events->changed(m->r->userdata, &m->pf);
}

static void look(struct managed *m)
{
        struct reconcile *r = m->r;
        const struct pf_entry *pf = state_pf(r->state, &m->pf);
        const struct desired *wish = conf_wish(r->conf, &m->pf);
        const struct journal_state *known;

        if (!pf || m->reserved || m->job || jobs_any_on(r->jobs, &m->pf) || pf->facts.busy_step[0])
                return;
        known = ledger_of(r->ledger, &m->pf);
        if (!known)
                return;
        if (known->open && !streq(known->intent.boot_id, ledger_boot_id(r->ledger))) {
                log_warning("%s: %s was under way when the host was booted: beginning anew",
                        dev_id_address(&m->pf), known->intent.kind);
                ledger_abort(r->ledger, &m->pf, "the host was booted meanwhile");
        }
        if (m->retry_usec > now_usec())
                return;
        if (known->open)
                recover(m, wish, known);
        else if (!wish && m->view.state != CONFIG_FAILED)
                show(m, CONFIG_UNMANAGED, "", NULL);
        else if (wish && known->applied != m->wish_hash)
                apply_wish(m, wish, "configuration");
        else if (wish)
                judge_drift(m, wish, pf);
}

void reconcile_look(struct reconcile *r, const struct dev_id *pf)
{
        struct managed *m;

        if (!r->started || r->held || !state_pf(r->state, pf))
                return;
        m = find(r, pf);
        if (!m) {
                m = find_or_add(r, pf);
                if (!m)
                        return;
                set_wish(m, conf_wish(r->conf, pf));
        }
        look(m);
}

void reconcile_all(struct reconcile *r)
{
        for (size_t i = 0; i < r->state->n_pfs; i++) {
                const struct dev_id pf = r->state->pfs[i]->facts.id;
                struct managed *m = find_or_add(r, &pf);
                const struct desired *wish = conf_wish(r->conf, &pf);

                if (!m)
                        continue;
                set_wish(m, wish);
                if (wish && m->view.state == CONFIG_UNMANAGED)
                        show(m, CONFIG_APPLYING, "", NULL);
                reconcile_look(r, &pf);
        }
        r->events->applied(r->userdata);
}

void reconcile_start(struct reconcile *r)
{
        if (r->started)
                return;
        r->started = true;
        reconcile_all(r);
}

void reconcile_hold(struct reconcile *r, bool hold)
{
        r->held = hold;
        if (!hold)
                reconcile_all(r);
}

void reconcile_gone(struct reconcile *r, const struct dev_id *pf)
{
        struct managed *m = find(r, pf);

        if (!m)
                return;
        if (m->job) { /* whose end comes back here */
                m->settled = false;
                m->retry_usec = 0;
                return;
        }
        for (size_t i = 0; i < r->n; i++)
                if (r->list[i] == m) {
                        r->list[i] = r->list[--r->n];
                        break;
                }
        managed_free(m);
        r->events->applied(r->userdata);
}

void reconcile_came(struct reconcile *r, const struct dev_id *pf)
{
        const struct journal_state *known = ledger_of(r->ledger, pf);
        struct managed *m = find(r, pf);

        if (m) {
                m->settled = false;
                m->failures = 0;
                m->retry_usec = 0;
        }
        if (r->started && known && !known->open)
                ledger_commit(r->ledger, pf, 0);
}

int reconcile_apply(struct reconcile *r, const struct dev_id *pf, bool forward, const char *client,
        uint32_t uid, job_done_fn fn, void *userdata, struct fault *f)
{
        const struct desired *wish = conf_wish(r->conf, pf);
        struct managed *m = find_or_add(r, pf);
        struct order order = {.forward = forward, .why = "apply"};
        int rc;

        if (!wish || !m || desired_copy(wish, &order.wish) < 0)
                return fault_set(f, wish ? FAULT_INTERNAL : FAULT_NOT_FOUND, 0,
                        "nothing is configured for %s", dev_id_address(pf));
        set_wish(m, wish);
        m->failures = 0;
        m->retry_usec = 0;
        m->n_corrected = 0;
        order.applied = m->wish_hash;
        show(m, CONFIG_APPLYING, "", NULL);
        if (m->job) /* of its own: nobody waits for it, and this one comes behind it */
                jobs_forget(r->jobs, m->job);
        m->job = 0;
        rc = jobs_submit_order(r->jobs, pf, &order, client, uid, on_job_done, m, &m->job, f);
        if (rc < 0) {
                failed(m, f);
                return rc;
        }
        m->then = fn;
        m->then_data = userdata;
        return 0;
}

void reconcile_reserve(struct reconcile *r, const struct dev_id *pf)
{
        struct managed *m = find_or_add(r, pf);

        if (m)
                m->reserved = true;
}

void reconcile_release(struct reconcile *r, const struct dev_id *pf)
{
        struct managed *m = find(r, pf);

        if (!m)
                return;
        m->reserved = false;
        reconcile_look(r, pf);
}

void reconcile_report(struct reconcile *r, const struct dev_id *pf, const struct fault *f)
{
        struct managed *m = find_or_add(r, pf);

        if (!m)
                return;
        m->reserved = false;
        m->retry_usec = now_usec() + RETRY_MAX;
        show(m, CONFIG_FAILED, f->text, NULL);
        arm_retry(r);
}

const struct config_view *reconcile_view(const struct reconcile *r, const struct dev_id *pf)
{
        static const struct config_view none = {0};
        const struct managed *m = find(r, pf);

        return m ? &m->view : &none;
}

bool reconcile_applied(const struct reconcile *r)
{
        if (!r->started || r->held)
                return false;
        for (size_t i = 0; i < r->state->n_pfs; i++) {
                const struct dev_id *pf = &r->state->pfs[i]->facts.id;
                const struct managed *m = find(r, pf);

                if (conf_wish(r->conf, pf) && (!m || !m->settled))
                        return false;
        }
        return true;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct reconcile *r = userdata;

        (void) source;
        (void) usec;
        for (size_t i = 0; i < r->n; i++)
                if (r->list[i]->retry_usec > 0 && r->list[i]->retry_usec <= now_usec())
                        reconcile_look(r, &r->list[i]->pf);
        arm_retry(r);
        return 0;
}

int reconcile_new(sd_event *event, struct jobs *jobs, const struct state *state,
        const struct conf *conf, struct ledger *ledger, const struct reconcile_events *events,
        void *userdata, struct reconcile **ret)
{
        _cleanup_(reconcile_freep) struct reconcile *r = calloc(1, sizeof(*r));
        int rc;

        if (!r)
                return -ENOMEM;
        *r = (struct reconcile){.event = sd_event_ref(event),
                .jobs = jobs,
                .state = state,
                .conf = conf,
                .ledger = ledger,
                .events = events,
                .userdata = userdata};
        rc = sd_event_add_time_relative(
                event, &r->retry, CLOCK_MONOTONIC, RETRY_USEC, 0, on_retry, r);
        if (rc < 0)
                return rc;
        rc = sd_event_source_set_enabled(r->retry, SD_EVENT_OFF);
        if (rc < 0)
                return rc;
        *ret = TAKE_PTR(r);
        return 0;
}

void reconcile_free(struct reconcile *r)
{
        for (size_t i = 0; i < r->n; i++)
                managed_free(r->list[i]);
        free(r->list);
        sd_event_source_unref(r->retry);
        sd_event_unref(r->event);
        free(r);
}
