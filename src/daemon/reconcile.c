/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All PFs and their wishes: what asks for a look at one, and what came of it. Loop thread. */
#include <stdio.h>

#include "daemon/reconcile_internal.h"

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

void managed_show(struct managed *m, enum config_state state, const char *text,
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
        managed_show(m, CONFIG_FAILED, f->text, NULL);
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

int managed_submit(struct managed *m, struct order *order)
{
        struct fault f = FAULT_NULL;
        int r;

        r = jobs_submit_order(m->r->jobs, &m->pf, order, "", getuid(), on_job_done, m, &m->job, &f);
        if (r < 0)
                on_job_done(m, &f);
        return r;
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
        managed_look(m);
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
                        managed_show(m, CONFIG_APPLYING, "", NULL);
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
        struct order order = {.forward = forward};
        int rc;

        if (!wish || !m || desired_copy(wish, &order.wish) < 0)
                return fault_set(f, wish ? FAULT_INTERNAL : FAULT_NOT_FOUND, 0,
                        "nothing is configured for %s", dev_id_address(pf));
        set_wish(m, wish);
        m->failures = 0;
        m->retry_usec = 0;
        m->n_corrected = 0;
        order.applied = m->wish_hash;
        managed_show(m, CONFIG_APPLYING, "", NULL);
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
        managed_show(m, CONFIG_FAILED, f->text, NULL);
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
