/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The job that makes a VF ready for its owner, and what becomes of it: given, tried again, given
 * back, or another VF is tried. Loop thread.
 */
#include <stdio.h>

#include "base/log.h"
#include "daemon/leases_internal.h"

#define TRIES_MAX 8 /* VFs that look free and are not: somebody's address is on them, say */

void lease_request(const struct lease *lease, struct request *ret)
{
        *ret = (struct request){
                .kind = REQUEST_LEASE, .vf = lease->vf, .uid = lease->uid, .attrs = lease->attrs};
        memcpy(ret->driver, lease->driver, sizeof(ret->driver));
}

/* Refused when it was planned, or before: no step was sent. */
static bool nothing_written(const struct fault *f)
{
        if (f->step != FAULT_NO_STEP)
                return false;
        switch (f->code) {
        case FAULT_IN_USE:
        case FAULT_NOT_ISOLATED:
        case FAULT_NOT_SUPPORTED:
        case FAULT_INVALID_ARGS:
        case FAULT_DRIVER_NOT_ALLOWED:
        case FAULT_CANCELLED:
        case FAULT_BUSY:
        case FAULT_NOT_DURABLE:
                return true;
        default:
                return false;
        }
}

static bool of_this_vf(const struct fault *f)
{
        return f->code == FAULT_IN_USE || f->code == FAULT_NOT_ISOLATED;
}

/* It would be refused again. */
static bool refuses_vf(const struct fault *f)
{
        return f->code != FAULT_BUSY && f->code != FAULT_CANCELLED &&
               f->code != FAULT_NOT_DURABLE && f->code != FAULT_BACKEND_LOST;
}

static void give_up(struct leases *l, struct held *held, const struct fault *f)
{
        struct acquisition *a = TAKE_PTR(held->asked);

        if (!a && lease_book_find(&l->book, held->id)->owner == LEASE_OWNER_PERSISTENT)
                log_error("lease %llu ends: its VF can not be made ready any more: %s",
                        (unsigned long long) held->id, f->text);
        (void) leases_step(l, held->id, LEASE_NOT_PREPARED, f->text);
        owner_unwatch(held);
        leases_scrub(l, held);
        (void) leases_save(l, NULL);
        if (a)
                acquisition_end(a, NULL, f);
}

static void refused(struct leases *l, struct held *held, const struct fault *f)
{
        struct acquisition *a = TAKE_PTR(held->asked);
        struct fault next = FAULT_NULL;

        if (!a && !lease_book_find(&l->book, held->id)->given && refuses_vf(f)) {
                give_up(l, held, f); /* nobody was ever told of it, and another has the VF now */
                return;
        }
        if (!a) { /* persistent, after a boot: nobody waits, and it is not given up */
                leases_pause(l, held, f);
                (void) leases_save(l, NULL);
                return;
        }
        /* Not a step of the states, for which a VF that anybody may have touched is scrubbed. */
        leases_end(l, held->id, f);
        if (of_this_vf(f) && a->tries < TRIES_MAX && acquisition_next(l, a, &next) == 0)
                return;
        (void) leases_save(l, NULL);
        acquisition_end(a, NULL, f);
}

/* It is his. On the disk first: a next life that found it `preparing` would take it away. */
static void give(struct leases *l, struct held *held)
{
        struct lease *lease = lease_book_find(&l->book, held->id);
        struct acquisition *a = TAKE_PTR(held->asked);
        struct fault f = FAULT_NULL;

        crash_at(ledger_crash(l->c.ledger), CRASH_LEASE_PREPARED);
        if (a && lease->owner == LEASE_OWNER_PID && owner_watch(held, TAKE_FD(a->pidfd)) < 0) {
                held->asked = a;
                fault_set(&f, FAULT_INTERNAL, ENOMEM, "the process can not be watched");
                give_up(l, held, &f);
                return;
        }
        (void) leases_step(l, held->id, LEASE_PREPARED, "");
        lease->given = true;
        lease->attempts = 0;
        snprintf(lease->boot_id, sizeof(lease->boot_id), "%s", ledger_boot_id(l->c.ledger));
        if (leases_save(l, &f) < 0) {
                leases_drop(l, held);
                (void) leases_save(l, NULL);
                if (a)
                        acquisition_end(a, NULL, &f);
                return;
        }
        crash_at(ledger_crash(l->c.ledger), CRASH_LEASE_GIVEN);
        log_info("lease %llu: uid %u has VF %u of %s", (unsigned long long) lease->id, lease->uid,
                lease->vf, dev_id_address(&lease->pf));
        if (a)
                acquisition_end(a, lease, &FAULT_NULL);
}

static void on_prepared(void *userdata, const struct fault *f)
{
        struct held *held = userdata;
        struct leases *l = held->leases;
        struct fault gone = FAULT_NULL;

        held->job = 0;
        if (leases_ended_with_vf(l, held)) {
                (void) leases_save(l, NULL);
                return;
        }
        if (lease_book_find(&l->book, held->id)->state != LEASE_PREPARING) {
                struct acquisition *a = TAKE_PTR(held->asked);

                leases_scrub(l, held);
                (void) leases_save(l, NULL);
                fault_set(&gone, FAULT_CANCELLED, 0, "the lease was released before it was ready");
                if (a)
                        acquisition_end(a, NULL, &gone);
        } else if (held->gone) {
                held->gone = false;
                fault_set(&gone, FAULT_GONE, ENODEV,
                        "the VF was destroyed and made anew while it was made ready; try again");
                give_up(l, held, &gone);
        } else if (f->code == FAULT_NONE)
                give(l, held);
        else if (nothing_written(f) || (!held->asked && leases_may_pass(f)))
                refused(l, held, f);
        else
                give_up(l, held, f);
}

/*
 * After a boot the VF is new, and the orders leave out what is leased: what the configuration wants
 * of it comes with the lease, as it was there when that began.
 */
static void add_configured(
        const struct leases *l, const struct lease *lease, struct vf_attrs *attrs)
{
        const struct desired *wish = l->c.conf ? conf_wish(l->c.conf, &lease->pf) : NULL;
        const struct desired_vf *vf = wish ? desired_vf_at(wish, lease->vf) : NULL;
        const uint32_t others = ~(attrs->present | attrs->reset);
        const struct pf_entry *pf;
        struct vf_attrs wanted;

        if (!vf || !leases_vf(l, lease, &pf))
                return;
        wanted = desired_vf_attrs(wish, vf, &pf->facts, &pf->caps);
        vf_attrs_copy(attrs, &wanted, wanted.present & others);
        attrs->reset |= wanted.reset & others;
}

int leases_prepare(struct leases *l, struct held *held, struct fault *f)
{
        const struct lease *lease = lease_book_find(&l->book, held->id);
        struct request r;
        int rc;

        lease_request(lease, &r);
        if (!held->asked)
                add_configured(l, lease, &r.attrs);
        rc = jobs_submit(l->c.jobs, &lease->pf, &r, held->asked ? held->asked->client : "",
                lease->uid, on_prepared, held, &held->job, f);
        if (rc < 0 && !held->asked)
                leases_pause(l, held, f);
        return rc;
}
