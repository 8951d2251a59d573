/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the end of a lease to a VF that is clean, or kept from everybody. Loop thread.
 *
 * What a VF goes back to: what the configuration wants of it now; where that says nothing, what it
 * had when the lease began.
 */
#include <stdio.h>

#include "base/log.h"
#include "daemon/leases_internal.h"

void leases_arm(struct leases *l)
{
        uint64_t first = UINT64_MAX, now = now_usec();

        for (size_t i = 0; i < l->n; i++)
                if (l->held[i]->retry_usec > 0 && l->held[i]->retry_usec < first)
                        first = l->held[i]->retry_usec;
        if (first == UINT64_MAX) {
                sd_event_source_set_enabled(l->retry, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time_relative(l->retry, first > now ? first - now : 0);
        sd_event_source_set_enabled(l->retry, SD_EVENT_ONESHOT);
}

void leases_pause(struct leases *l, struct held *held, const struct fault *f)
{
        struct lease *lease = lease_book_find(&l->book, held->id);
        const uint64_t most = f->code == FAULT_IN_USE ? LEASE_RETRY_HELD : LEASE_RETRY_MAX;
        uint64_t pause = LEASE_RETRY_USEC;

        if (lease->attempts == 0)
                log_warning("lease %llu: VF %u of %s: %s; it is tried again",
                        (unsigned long long) lease->id, lease->vf, dev_id_address(&lease->pf),
                        f->text);
        snprintf(lease->why, sizeof(lease->why), "%s", f->text);
        l->unsaved = true;
        for (uint32_t i = 0; i < lease->attempts && pause < most; i++)
                pause *= 2;
        if (lease->attempts < UINT32_MAX)
                lease->attempts++;
        held->retry_usec = now_usec() + (pause < most ? pause : most);
        leases_arm(l);
}

static void later(struct leases *l, struct held *held, const struct fault *f)
{
        (void) leases_step(l, held->id, LEASE_SCRUB_LATER, NULL); /* not, when it never began */
        leases_pause(l, held, f);
        held_tell(held, f);
}

static void quarantine(struct leases *l, struct held *held, const struct fault *f)
{
        const struct lease *lease = lease_book_find(&l->book, held->id);

        (void) leases_step(l, held->id, LEASE_SCRUB_FAILED, f->text);
        log_error("lease %llu: VF %u of %s is in quarantine: %s; sriovctl lease retry %llu tries "
                  "again, destroying all VFs of the PF ends it too",
                (unsigned long long) lease->id, lease->vf, dev_id_address(&lease->pf), f->text,
                (unsigned long long) lease->id);
        held_tell(held, f);
}

bool leases_may_pass(const struct fault *f)
{
        switch (f->code) {
        case FAULT_IN_USE:
        case FAULT_BUSY:
        case FAULT_BACKEND_LOST:
        case FAULT_CANCELLED:
        case FAULT_LIMITS:
        case FAULT_TIMEOUT:
        case FAULT_NOT_FOUND: /* the VF or its PF: whether it is gone is for the readings to say */
        case FAULT_GONE:
        case FAULT_INVALID_ARGS: /* somebody else took its MAC in between */
        case FAULT_INTERNAL:
                return true;
        default:
                return false;
        }
}

static void on_scrubbed(void *userdata, const struct fault *f)
{
        struct held *held = userdata;
        struct leases *l = held->leases;

        held->job = 0;
        if (leases_ended_with_vf(l, held)) {
                (void) leases_save(l, NULL);
                return;
        }
        held->gone = false; /* what is there now was scrubbed, or will be */
        if (f->code == FAULT_NONE) {
                crash_at(ledger_crash(l->c.ledger), CRASH_LEASE_SCRUBBED);
                (void) leases_step(l, held->id, LEASE_SCRUBBED, NULL);
        } else if (leases_may_pass(f))
                later(l, held, f);
        else
                quarantine(l, held, f);
        (void) leases_save(l, NULL);
}

/* No two VFs of a PF with one address: whoever has it now keeps it. */
static bool mac_taken(const struct pf_facts *pf, uint32_t vf, const struct mac *mac)
{
        for (uint32_t i = 0; i < pf->n_vfs; i++)
                if (pf->vfs[i].index != vf && vf_attrs_has(&pf->vfs[i].attrs, VF_ATTR_MAC) &&
                        memcmp(&pf->vfs[i].attrs.mac, mac, sizeof(*mac)) == 0)
                        return true;
        return false;
}

static void baseline_attrs(const struct leases *l, const struct lease *lease,
        const struct pf_entry *pf, struct vf_attrs *ret)
{
        const struct desired *wish = l->c.conf ? conf_wish(l->c.conf, &lease->pf) : NULL;
        const struct desired_vf *vf = wish ? desired_vf_at(wish, lease->vf) : NULL;
        struct vf_attrs attrs = lease->baseline, wanted;

        attrs.reset = 0;
        if (vf) {
                wanted = desired_vf_attrs(wish, vf, &pf->facts, &pf->caps);
                vf_attrs_copy(&attrs, &wanted, wanted.present);
                attrs.present &= ~wanted.reset;
                attrs.reset = wanted.reset;
        }
        /* The lease may have set what the driver does not report. */
        attrs.reset |= (lease->attrs.present | lease->attrs.reset) & ~attrs.present;
        if (vf_attrs_has(&attrs, VF_ATTR_MAC) && !mac_is_zero(&attrs.mac) &&
                mac_taken(&pf->facts, lease->vf, &attrs.mac)) {
                attrs.present &= ~BIT(VF_ATTR_MAC);
                attrs.reset |= BIT(VF_ATTR_MAC);
        }
        *ret = attrs;
}

static void baseline_driver(const struct leases *l, const struct lease *lease, struct request *r)
{
        const struct desired *wish = l->c.conf ? conf_wish(l->c.conf, &lease->pf) : NULL;
        const struct desired_vf *vf = wish ? desired_vf_at(wish, lease->vf) : NULL;

        memcpy(r->driver, lease->baseline_driver, sizeof(r->driver));
        memcpy(r->override, lease->baseline_override, sizeof(r->override));
        if (vf && (vf->wants & BIT(WISH_DRIVER)))
                memcpy(r->driver, vf->driver, sizeof(r->driver));
        if (vf && (vf->wants & BIT(WISH_OVERRIDE)))
                memcpy(r->override, vf->override, sizeof(r->override));
}

void leases_scrub(struct leases *l, struct held *held)
{
        const struct lease *lease = lease_book_find(&l->book, held->id);
        struct request r = {.kind = REQUEST_SCRUB, .vf = lease->vf};
        const struct pf_entry *pf;
        const struct vf_facts *vf = leases_vf(l, lease, &pf);
        struct fault f = FAULT_NULL;

        if (held->job || lease->state != LEASE_DIRTY || !l->started)
                return;
        held->retry_usec = 0;
        if (!vf) {
                fault_set(&f, FAULT_NOT_FOUND, 0,
                        "VF %u of %s has not been seen; it is scrubbed when it is there", lease->vf,
                        dev_id_address(&lease->pf));
                later(l, held, &f);
                return;
        }
        baseline_attrs(l, lease, pf, &r.attrs);
        baseline_driver(l, lease, &r);
        if (jobs_submit(l->c.jobs, &lease->pf, &r, "", lease->uid, on_scrubbed, held, &held->job,
                    &f) < 0) {
                later(l, held, &f);
                return;
        }
        (void) leases_step(
                l, held->id, LEASE_SCRUB, NULL); /* saved before the loop begins the job */
}

void leases_drop(struct leases *l, struct held *held)
{
        const struct lease *lease = lease_book_find(&l->book, held->id);

        /* Nothing has been done to that VF since the boot: nothing is to be undone. */
        if (lease->state == LEASE_PREPARING && !held->job && !held->asked &&
                !streq(lease->boot_id, ledger_boot_id(l->c.ledger))) {
                leases_end(l, held->id, &FAULT_NULL);
                return;
        }
        if (leases_step(l, held->id, LEASE_RELEASE, "") < 0)
                return;
        owner_unwatch(held);
        leases_scrub(l, held);
}

static int wait_for_end(struct held *held, job_done_fn fn, void *userdata, struct fault *f)
{
        if (!fn)
                return 0;
        if (array_grow(&held->waiters, &held->capacity, held->n_waiters, sizeof(*held->waiters)) <
                0)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        held->waiters[held->n_waiters++] = (struct waiter){fn, userdata};
        return 0;
}

/* 0: the lease; 1: it has ended. */
static int find(struct leases *l, uint64_t id, struct held **ret, struct fault *f)
{
        if (id == 0 || id > l->book.last_id)
                return fault_set(f, FAULT_NOT_FOUND, 0, "there never was a lease %llu",
                        (unsigned long long) id);
        *ret = held_of(l, id);
        return !*ret;
}

/* What is under way is waited for; what is not, was told why. */
static int wait_or_not(
        struct leases *l, struct held *held, job_done_fn fn, void *userdata, struct fault *f)
{
        bool under_way = held_of(l, held->id) && held->job;

        if (under_way && wait_for_end(held, fn, userdata, f) < 0)
                return -ENOMEM;
        return !under_way;
}

int leases_release(struct leases *l, uint64_t id, job_done_fn fn, void *userdata, struct fault *f)
{
        const struct lease *lease;
        struct held *held = NULL;
        int r;

        r = find(l, id, &held, f);
        if (r != 0)
                return r;
        lease = lease_book_find(&l->book, id);
        if (lease->state == LEASE_QUARANTINED)
                return 1;
        if (lease->state == LEASE_DIRTY)
                leases_scrub(l, held);
        else
                leases_drop(l, held);
        (void) leases_save(l, NULL); /* it is scrubbed also when the disk fails */
        crash_at(ledger_crash(l->c.ledger), CRASH_LEASE_ENDING);
        held = held_of(l, id);
        return held ? wait_or_not(l, held, fn, userdata, f) : 1;
}

int leases_retry(struct leases *l, uint64_t id, job_done_fn fn, void *userdata, struct fault *f)
{
        struct held *held = NULL;
        int r;

        r = find(l, id, &held, f);
        if (r != 0)
                return r;
        if (leases_step(l, id, LEASE_FORGIVE, "") < 0 &&
                lease_book_find(&l->book, id)->state == LEASE_LEASED)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "retry of lease %llu refused: its VF is leased, there is nothing to try "
                        "again",
                        (unsigned long long) id);
        lease_book_find(&l->book, id)->attempts = 0;
        l->unsaved = true;
        leases_scrub(l, held);
        (void) leases_save(l, NULL);
        held = held_of(l, id);
        return held ? wait_or_not(l, held, fn, userdata, f) : 1;
}

void leases_owner_died(struct leases *l, const char *bus_name)
{
        bool any = false;

        for (size_t i = l->book.n; i-- > 0;) {
                const struct lease *lease = &l->book.list[i];
                struct held *held = held_of(l, lease->id);

                if (lease->owner != LEASE_OWNER_BUS || !streq(lease->bus_name, bus_name) || !held)
                        continue;
                if (lease->state != LEASE_LEASED && lease->state != LEASE_PREPARING)
                        continue;
                leases_drop(l, held);
                any = true;
        }
        if (!any)
                return;
        (void) leases_save(l, NULL);
        crash_at(ledger_crash(l->c.ledger), CRASH_LEASE_ENDING);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct leases *l = userdata;
        uint64_t now = now_usec();
        struct fault f = FAULT_NULL;
        bool any = false;

        (void) source;
        (void) usec;
        for (size_t i = l->n; i-- > 0;) {
                struct held *held = l->held[i];
                const struct lease *lease = lease_book_find(&l->book, held->id);

                if (held->retry_usec == 0 || held->retry_usec > now || held->job)
                        continue;
                held->retry_usec = 0;
                any = true;
                if (lease->state == LEASE_DIRTY)
                        leases_scrub(l, held);
                else if (lease->state == LEASE_PREPARING)
                        (void) leases_prepare(l, held, &f);
        }
        if (any)
                (void) leases_save(l, NULL);
        leases_arm(l);
        return 0;
}

int leases_add_timer(struct leases *l)
{
        int r;

        r = sd_event_add_time_relative(
                l->event, &l->retry, CLOCK_MONOTONIC, LEASE_RETRY_USEC, 0, on_retry, l);
        return r < 0 ? r : sd_event_source_set_enabled(l->retry, SD_EVENT_OFF);
}
