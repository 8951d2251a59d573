/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The book of leases: what is in it, what is on the disk, who is told. Loop thread. */
#include <stdio.h>

#include "base/hash.h"
#include "base/log.h"
#include "config/leasebook.h"
#include "daemon/leases_internal.h"

/* --- what a lease needs while this daemon lives -------------------------------------------------
 */

static int compare_id(const void *key, const void *element)
{
        const struct held *const *held = element;
        const uint64_t *id = key;

        return (*id > (*held)->id) - (*id < (*held)->id);
}

struct held *held_of(const struct leases *l, uint64_t id)
{
        struct held **at;

        if (l->n == 0)
                return NULL;
        at = bsearch(&id, l->held, l->n, sizeof(struct held *), compare_id);
        return at ? *at : NULL;
}

struct held *held_add(struct leases *l, uint64_t id)
{
        struct held *held;

        if (array_grow(&l->held, &l->capacity, l->n, sizeof(struct held *)) < 0)
                return NULL;
        held = calloc(1, sizeof(*held));
        if (!held)
                return NULL;
        *held = (struct held){.leases = l, .id = id, .pidfd = -1};
        l->held[l->n++] = held;
        return held;
}

void held_tell(struct held *held, const struct fault *f)
{
        struct waiter *list = TAKE_PTR(held->waiters);
        size_t n = held->n_waiters;

        held->n_waiters = held->capacity = 0;
        for (size_t i = 0; i < n; i++)
                list[i].fn(list[i].userdata, f);
        free(list);
}

static void held_free(struct held *held)
{
        struct leases *l = held->leases;

        size_t at = 0;

        while (l->held[at] != held)
                at++;
        l->n--;
        memmove(l->held + at, l->held + at + 1, (l->n - at) * sizeof(struct held *));
        if (held->job)
                jobs_forget(l->c.jobs, held->job);
        free(held->waiters);
        free(held);
}

/* --- the states ---------------------------------------------------------------------------------
 */

void leases_end(struct leases *l, uint64_t id, const struct fault *f)
{
        const struct lease *lease = lease_book_find(&l->book, id);
        struct held *held = held_of(l, id);
        struct lease copy;

        if (!lease || !held)
                return;
        copy = *lease;
        copy.state = LEASE_FREE;
        lease_book_remove(&l->book, id);
        l->unsaved = true;
        owner_unwatch(held);
        if (held->said)
                l->events->removed(l->userdata, &copy);
        held_tell(held, f);
        if (held->asked)
                acquisition_end(TAKE_PTR(held->asked), NULL, f);
        held_free(held);
}

int leases_step(struct leases *l, uint64_t id, enum lease_event event, const char *why)
{
        struct lease *lease = lease_book_find(&l->book, id);
        struct fault f = FAULT_NULL;
        enum lease_state to;
        int r;

        if (!lease)
                return -EINVAL;
        r = lease_step(lease->state, event, lease->owner == LEASE_OWNER_PERSISTENT, &to);
        if (r < 0)
                return r;
        l->unsaved |= lease->state != to || why;
        lease->state = to;
        if (why)
                snprintf(lease->why, sizeof(lease->why), "%s", why);
        if (to != LEASE_FREE)
                return 0;
        if (event == LEASE_SCRUBBED)
                log_info("lease %llu: VF %u of %s is clean and free again", (unsigned long long) id,
                        lease->vf, dev_id_address(&lease->pf));
        else {
                log_warning("lease %llu of VF %u of %s ends: %s", (unsigned long long) id,
                        lease->vf, dev_id_address(&lease->pf),
                        event == LEASE_REBOOT ? "the host was booted" : "the VF is gone");
                fault_set(&f, FAULT_GONE, ENODEV, "the lease has ended: VF %u of %s is gone",
                        lease->vf, dev_id_address(&lease->pf));
        }
        leases_end(l, id, &f);
        return 0;
}

static void tell(struct leases *l, const struct lease *lease)
{
        struct held *held = held_of(l, lease->id);
        uint64_t why = hash_text(HASH_INIT, lease->why);
        bool added;

        if (!held || (held->said && held->said_state == lease->state && held->said_why == why))
                return;
        added = !held->said;
        held->said = true;
        held->said_state = lease->state;
        held->said_why = why;
        (added ? l->events->added : l->events->changed)(l->userdata, lease);
}

int leases_save(struct leases *l, struct fault *f)
{
        struct store *store = ledger_store(l->c.ledger);
        int r = 0;

        if (l->unsaved)
                r = store ? leasebook_write(store, &l->book) : -EROFS;
        l->unsaved = r < 0;
        if (r < 0) {
                if (!l->failing)
                        log_error("the book of leases can not be written: %s; the next life of "
                                  "sriovd "
                                  "will not know of the last changes",
                                strerror(-r));
                l->failing = true;
                (void) fault_set(f, FAULT_NOT_DURABLE, -r,
                        "refused: the lease could not be written to the state directory (%s), and "
                        "a crash would leave nobody to clean up after it; make room or mend the "
                        "disk, then restart sriovd",
                        strerror(-r));
        }
        l->failing &= r < 0;
        for (size_t i = 0; i < l->book.n; i++)
                if (r == 0 || l->book.list[i].state != LEASE_PREPARING)
                        tell(l, &l->book.list[i]);
        return r;
}

const struct vf_facts *leases_vf(
        const struct leases *l, const struct lease *lease, const struct pf_entry **ret_pf)
{
        const struct pf_entry *pf = state_pf(l->c.state, &lease->pf);

        *ret_pf = pf;
        if (!pf || pf->facts.vendor_id != lease->vendor_id ||
                pf->facts.device_id != lease->device_id)
                return NULL;
        return pf_facts_vf(&pf->facts, lease->vf);
}

/* --- what others ask ----------------------------------------------------------------------------
 */

const struct lease_book *leases_book(const struct leases *l)
{
        return &l->book;
}

enum lease_state leases_state_of(const struct leases *l, const struct dev_id *pf, uint32_t vf)
{
        const struct lease *lease = lease_book_of_vf(&l->book, pf, vf);

        return lease ? lease->state : LEASE_FREE;
}

/* From the promise until it is given back; what is dirty has nobody to be asked. */
static bool has_owner(const struct lease *lease)
{
        return lease->state == LEASE_PREPARING || lease->state == LEASE_LEASED;
}

int leases_add_holders(const struct leases *l, const struct dev_id *pf, uint32_t vf,
        struct holder **list, size_t *n)
{
        const struct pf_entry *entry = state_pf(l->c.state, pf);

        for (size_t i = 0; entry && i < l->book.n; i++) {
                const struct lease *lease = &l->book.list[i];
                struct holder *more, *h;

                if (!has_owner(lease) || !dev_id_equal(&lease->pf, pf) ||
                        (vf != NO_VF && vf != lease->vf) || !pf_facts_vf(&entry->facts, lease->vf))
                        continue;
                more = reallocarray(*list, *n + 1, sizeof(**list));
                if (!more)
                        return -ENOMEM;
                *list = more;
                h = &more[(*n)++];
                *h = (struct holder){.vf = lease->vf,
                        .kind = "lease",
                        .pid = lease->owner == LEASE_OWNER_PID ? lease->pid : -1};
                if (lease->label[0])
                        snprintf(h->name, sizeof(h->name), "%s", lease->label);
                else
                        snprintf(h->name, sizeof(h->name), "uid %u", lease->uid);
                snprintf(h->path, sizeof(h->path), "lease %llu", (unsigned long long) lease->id);
        }
        return 0;
}

/* --- what happens to VFs ------------------------------------------------------------------------
 */

static bool is_here(const struct leases *l, const struct lease *lease)
{
        return streq(lease->boot_id, ledger_boot_id(l->c.ledger));
}

/* Persistent, and its VF has not come since the host was booted. */
static bool waits_for_vf(const struct leases *l, const struct lease *lease)
{
        return lease->state == LEASE_PREPARING && !is_here(l, lease);
}

void leases_gone(struct leases *l, struct held *held)
{
        if (held->job)
                held->gone = true;
        else
                (void) leases_step(l, held->id, LEASE_VF_GONE, NULL);
}

bool leases_ended_with_vf(struct leases *l, struct held *held)
{
        const struct lease *lease = lease_book_find(&l->book, held->id);
        const struct pf_entry *pf;

        if (!held->gone || leases_vf(l, lease, &pf))
                return false;
        (void) leases_step(l, held->id, LEASE_VF_GONE, NULL);
        return true;
}

/* What can be done for one lease by the readings that there are. */
static void look_at(struct leases *l, struct held *held, bool now)
{
        struct lease *lease = lease_book_find(&l->book, held->id);
        const struct pf_entry *pf;
        const struct vf_facts *vf = leases_vf(l, lease, &pf);
        struct fault f = FAULT_NULL;

        if (pf && !vf &&
                (!waits_for_vf(l, lease) || pf->facts.vendor_id != lease->vendor_id ||
                        pf->facts.device_id != lease->device_id)) {
                leases_gone(l, held);
                return;
        }
        if (!vf || held->job || (!now && held->retry_usec > now_usec()))
                return;
        if (lease->state == LEASE_DIRTY)
                leases_scrub(l, held);
        else if (lease->state == LEASE_PREPARING && !held->asked)
                (void) leases_prepare(l, held, &f);
}

static void look_all(struct leases *l, bool now)
{
        for (size_t i = l->book.n; i-- > 0;) {
                struct held *held = held_of(l, l->book.list[i].id);

                if (held)
                        look_at(l, held, now);
        }
}

static void vf_gone(struct leases *l, const struct change *c)
{
        const struct lease *lease = lease_book_of_vf(&l->book, &c->pf, c->vf);

        struct held *held = lease ? held_of(l, lease->id) : NULL;

        if (held && (held->job || !waits_for_vf(l, lease)))
                leases_gone(l, held);
}

/* What changes when a holder lets go of a VF. */
#define LETS_GO (BIT(VF_FIELD_ENABLE) | BIT(VF_FIELD_DRIVER) | BIT(VF_FIELD_NETDEV))

static void vf_changed(struct leases *l, const struct change *c)
{
        const struct lease *lease = lease_book_of_vf(&l->book, &c->pf, c->vf);
        struct held *held = lease ? held_of(l, lease->id) : NULL;

        if (held && lease->state == LEASE_DIRTY)
                look_at(l, held, true);
}

void leases_look(struct leases *l, const struct changes *changes)
{
        bool any = false;

        if (!l->started || l->book.n == 0)
                return;
        for (size_t i = 0; i < changes->n; i++) {
                const struct change *c = &changes->list[i];

                if (c->kind == CHANGE_VF_REMOVED)
                        vf_gone(l, c);
                else if (c->kind == CHANGE_VF && (c->fields & LETS_GO))
                        vf_changed(l, c);
                any |= c->kind == CHANGE_VF_ADDED || c->kind == CHANGE_PF_ADDED;
        }
        if (any)
                look_all(l, false);
        (void) leases_save(l, NULL);
}

void leases_kick(struct leases *l)
{
        if (!l->started || l->book.n == 0)
                return;
        look_all(l, true);
        (void) leases_save(l, NULL);
}

/* --- a life begins and ends ---------------------------------------------------------------------
 */

/* What was about to be done in an earlier life may be half done; in an earlier boot, nothing is. */
static void wake_up(struct leases *l)
{
        for (size_t i = l->book.n; i-- > 0;) {
                const struct lease *lease = &l->book.list[i];

                (void) leases_step(
                        l, lease->id, is_here(l, lease) ? LEASE_RESTART : LEASE_REBOOT, NULL);
        }
}

/* Whom a VF was given to that is in no book: nobody knows any more what he may. */
static int take_in(struct leases *l, const struct pf_entry *pf, const struct vf_facts *vf)
{
        struct lease lease = {
                .state = LEASE_DIRTY,
                .pf = pf->facts.id,
                .vf = vf->index,
                .vendor_id = pf->facts.vendor_id,
                .device_id = pf->facts.device_id,
                .owner = LEASE_OWNER_PERSISTENT,
                .uid = vf->access_uid > 0 ? (uint32_t) vf->access_uid : 0,
                .label = "of a lost book",
                .why = "the book of leases could not be read",
        };
        struct lease *added;

        vf_attrs_copy(&lease.baseline, &vf_attrs_baseline, vf->attrs.present);
        snprintf(lease.baseline_driver, sizeof(lease.baseline_driver), "%s",
                vf->driver[0] ? vf->driver : "none");
        memcpy(lease.baseline_override, vf->driver_override, sizeof(lease.baseline_override));
        snprintf(lease.boot_id, sizeof(lease.boot_id), "%s", ledger_boot_id(l->c.ledger));
        if (lease_book_add(&l->book, &lease, &added) < 0)
                return -ENOMEM;
        l->unsaved = true;
        if (held_add(l, added->id))
                return 0;
        lease_book_remove(&l->book, added->id);
        return -ENOMEM;
}

static void take_in_all(struct leases *l)
{
        for (size_t i = 0; i < l->c.state->n_pfs; i++) {
                const struct pf_entry *pf = l->c.state->pfs[i];

                for (uint32_t k = 0; k < pf->facts.n_vfs; k++) {
                        const struct vf_facts *vf = &pf->facts.vfs[k];

                        if ((vf->access_uid >= 0 || vf_facts_held(vf)) && take_in(l, pf, vf) < 0)
                                log_error("VF %u of %s: whose it was is not known, and it could "
                                          "not be noted",
                                        vf->index, dev_id_address(&pf->facts.id));
                }
        }
}

void leases_start(struct leases *l)
{
        if (l->started)
                return;
        l->started = true;
        if (l->lost)
                take_in_all(l);
        if (l->book.n == 0) {
                owner_recover(l); /* pidfds that were kept for nobody */
                return;
        }
        wake_up(l);
        owner_recover(l);
        look_all(l, true);
        (void) leases_save(l, NULL);
}

static int read_book(struct leases *l)
{
        struct store *store = ledger_store(l->c.ledger);
        struct timespec ts;
        int r;

        r = store ? leasebook_read(store, &l->book) : -ENOENT;
        if (r < 0 && r != -ENOENT) {
                l->lost = true;
                log_error("the book of leases can not be read: %s; who has which VF is not known "
                          "any more: those that are open or were given to a user are scrubbed; of "
                          "the others look at the attributes (sriovctl list vf)",
                        strerror(-r));
                clock_gettime(CLOCK_REALTIME, &ts);
                lease_book_skip_ids(
                        &l->book, (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000);
        }
        for (size_t i = 0; i < l->book.n; i++) {
                struct held *held = held_add(l, l->book.list[i].id);

                if (!held)
                        return -ENOMEM;
        }
        return 0;
}

int leases_new(sd_event *event, const struct leases_config *config,
        const struct leases_events *events, void *userdata, struct leases **ret)
{
        _cleanup_(leases_freep) struct leases *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->event = sd_event_ref(event);
        l->c = *config;
        l->events = events;
        l->userdata = userdata;
        r = read_book(l);
        if (r == 0)
                r = leases_add_timer(l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

void leases_free(struct leases *l)
{
        struct fault f = FAULT_NULL;

        (void) fault_set(&f, FAULT_CANCELLED, 0, "sriovd ends; the next one goes on with it");
        while (l->n > 0) {
                struct held *held = l->held[l->n - 1];

                held_tell(held, &f);
                if (held->asked)
                        acquisition_end(TAKE_PTR(held->asked), NULL, &f);
                sd_event_source_unref(held->watch);
                if (held->pidfd >= 0)
                        close(held->pidfd);
                held_free(held);
        }
        free(l->held);
        lease_book_done(&l->book);
        sd_event_source_unref(l->retry);
        sd_event_unref(l->event);
        free(l);
}
