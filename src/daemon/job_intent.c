/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a job writes into its PF's journal: before its first write, and at its end. Loop thread. */
#include "daemon/job.h"

/* The same once more: what the recovery finds is no state to go back to. */
static int keep_intent(struct job *job, struct fault *f)
{
        const struct journal_state *known = ledger_of(job->jobs->ledger, &job->view.pf);
        struct txn txn = known->intent; /* borrowed */
        int r = 0;

        if (!txn.creates && plan_sets_numvfs(&job->plan)) {
                txn.creates = true;
                r = ledger_intent(job->jobs->ledger, &job->view.pf, &txn, f);
        }
        job->intent = r == 0;
        return r;
}

/*
 * Before the first write of a job: what is about to be done, and how it was. A request that dies
 * half-way goes back, a wish where its order says.
 */
int job_write_intent(struct job *job, struct fault *f)
{
        struct txn txn = {
                .forward = job->order.forward,
                .creates = plan_sets_numvfs(&job->plan),
                .wish = job->order.wish, /* borrowed */
                .applied = job->order.applied,
        };
        const struct journal_state *known = ledger_of(job->jobs->ledger, &job->view.pf);
        int r;

        if (job->intent)
                return 0;
        if (job->view.request.kind == REQUEST_LEASE || job->view.request.kind == REQUEST_SCRUB)
                return 0; /* the book of leases says already what is to become of the VF */
        if (!known)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        if (job->order.recovery)
                return keep_intent(job, f);
        r = str_copy(txn.kind, sizeof(txn.kind), request_kind_name(job->view.request.kind));
        if (r == 0 && known->open &&
                streq(known->intent.boot_id, ledger_boot_id(job->jobs->ledger))) {
                /* An earlier life's, not recovered yet: that one saw the PF whole. */
                txn.creates |= known->intent.creates;
                r = desired_copy(&known->intent.old, &txn.old);
        } else if (r == 0) {
                r = desired_of_facts(&job->before, &txn.old);
                /* What a tenant made of his VF must not come back when it is another's. */
                if (r == 0)
                        jobs_leave_leased(job->jobs, &txn.old);
        }
        if (r < 0)
                return fault_set(f, FAULT_INTERNAL, -r, "out of memory");
        r = ledger_intent(job->jobs->ledger, &job->view.pf, &txn, f);
        desired_done(&txn.old);
        job->intent = r == 0;
        return r;
}

/*
 * What became of the intent. A job that wrote none may still have found all as wanted; but one that
 * an earlier life left open is closed by its recovery alone.
 */
void job_close_intent(struct job *job, const struct fault *f)
{
        struct ledger *ledger = job->jobs->ledger;
        const struct journal_state *known = ledger_of(ledger, &job->view.pf);
        bool wish = job->view.request.kind == REQUEST_APPLY && !job->order.keep_applied;
        bool ours = job->intent || job->order.recovery;

        if (!known || (!ours && (known->open || !wish)))
                return;
        if (!backend_client_is_connected(job->jobs->backend))
                ledger_leave(ledger, &job->view.pf);
        else if (f->code != FAULT_NONE)
                ledger_abort(ledger, &job->view.pf, f->text);
        else
                ledger_commit(ledger, &job->view.pf, wish ? job->order.applied : known->applied);
        job->intent = false;
}
