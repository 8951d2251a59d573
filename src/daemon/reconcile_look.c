/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One PF: finish what an earlier life left, bring it to its wish, correct or report what others
 * changed. Loop thread.
 */
#include <stdio.h>

#include "base/log.h"
#include "daemon/reconcile_internal.h"
#include "model/desired_recover.h"

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
        managed_show(m, CONFIG_APPLYING, "", NULL);
        managed_submit(m, &order);
}

static void apply_wish(struct managed *m, const struct desired *wish)
{
        struct order order = {.applied = m->wish_hash, .forward = true};

        if (desired_copy(wish, &order.wish) < 0)
                return;
        managed_show(m, CONFIG_APPLYING, "", NULL);
        managed_submit(m, &order);
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
        managed_show(m, CONFIG_ALARM, text, d);
}

/* VFs that were made anew need everything again; else the enforced keys alone. */
static void correct(struct managed *m, const struct desired *wish, bool count)
{
        struct order order = {.applied = m->wish_hash, .keep_applied = !count, .forward = true};
        int r;

        m->corrected[m->n_corrected++ % FLAP_MAX] = now_usec();
        r = count ? desired_copy(wish, &order.wish) : desired_enforced(wish, &order.wish);
        if (r < 0)
                return;
        managed_submit(m, &order);
}

/* What a lease makes of its VF is no drift. */
static void leave_leased(const struct managed *m, struct differences *d)
{
        size_t n = 0;

        for (size_t i = 0; i < d->n; i++)
                if (d->list[i].vf == NO_VF || !jobs_is_leased(m->r->jobs, &m->pf, d->list[i].vf))
                        d->list[n++] = d->list[i];
        d->n = n;
}

static void judge_drift(struct managed *m, const struct desired *wish, const struct pf_entry *pf)
{
        struct differences d = {0};
        bool count = false;
        char text[256];

        if (desired_diff(wish, &pf->facts, &pf->caps, &d) < 0)
                return;
        leave_leased(m, &d);
        m->settled = true;
        if (d.n == 0)
                managed_show(m, CONFIG_APPLIED, "", &d);
        else if (!is_enforced(&d, &count)) {
                bool shown = false;

                for (size_t i = 0; i < d.n; i++)
                        shown |= d.list[i].drift != DRIFT_IGNORE;
                difference_describe(&d.list[0], text, sizeof(text));
                if (shown && m->view.state != CONFIG_DRIFT)
                        log_warning("%s: %s; left so: drift is reported only",
                                dev_id_address(&m->pf), text);
                managed_show(m, shown ? CONFIG_DRIFT : CONFIG_APPLIED, "", &d);
        } else if (m->view.state == CONFIG_ALARM || flaps(m))
                raise_alarm(m, &d);
        else {
                difference_describe(&d.list[0], text, sizeof(text));
                log_warning("%s: %s; correcting it", dev_id_address(&m->pf), text);
                correct(m, wish, count);
        }
        differences_done(&d);
}

void managed_look(struct managed *m)
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
                managed_show(m, CONFIG_UNMANAGED, "", NULL);
        else if (wish && known->applied != m->wish_hash)
                apply_wish(m, wish);
        else if (wish)
                judge_drift(m, wish, pf);
}
