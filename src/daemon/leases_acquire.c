/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a selector to a VF that is reserved; leases_prepare.c makes it ready and gives it. Loop
 * thread.
 *
 *   choose -> reserve (preparing, on the disk) -> job -> leased (on the disk) -> told
 *     ^                                           |
 *     +--- this VF can not be had, another may ---+
 */
#include <fcntl.h>
#include <stdio.h>

#include "daemon/leases_internal.h"

void acquisition_free(struct acquisition *a)
{
        if (a->pidfd >= 0)
                close(a->pidfd);
        free(a);
}
DEFINE_CLEANUP(struct acquisition *, acquisition_free)

void acquisition_end(struct acquisition *a, const struct lease *lease, const struct fault *f)
{
        a->fn(a->userdata, lease, f);
        acquisition_free(a);
}

/* --- which VF -----------------------------------------------------------------------------------
 */

/* Whom the names in the selector mean. */
static int look_up(const struct leases *l, const struct lease_selector *s, struct dev_id *ret_pf,
        uint32_t *ret_vf, struct fault *f)
{
        const struct pf_entry *pf, *of_vf;
        uint32_t vf;
        int r;

        *ret_vf = NO_VF;
        if (s->pf[0]) {
                r = state_find(l->c.state, s->pf, &pf, &vf, f);
                if (r < 0)
                        return r;
                if (vf != NO_VF)
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "pf='%s' refused: it is a VF; expected a PF", s->pf);
                *ret_pf = pf->facts.id;
        }
        if (!s->vf[0])
                return 0;
        r = state_find(l->c.state, s->vf, &of_vf, ret_vf, f);
        if (r < 0)
                return r;
        if (*ret_vf == NO_VF)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "vf='%s' refused: it is a PF; expected a VF, as PF/INDEX, by its PCI "
                        "address or its interface",
                        s->vf);
        if (s->pf[0] && of_vf != pf)
                return fault_set(
                        f, FAULT_NOT_FOUND, 0, "no VF matches: %s is not a VF of %s", s->vf, s->pf);
        *ret_pf = of_vf->facts.id;
        return 0;
}

/* Somebody is about to make the VF another one, or to take it away. */
static int refuse_busy(
        const struct leases *l, const struct pf_facts *pf, uint32_t vf, struct fault *f)
{
        const struct job_view *job;

        for (size_t i = 0; (job = jobs_nth(l->c.jobs, i)); i++) {
                bool all = job->request.kind == REQUEST_SET_NUMVFS;

                if (dev_id_equal(&job->pf, &pf->id) && (all || job->request.vf == vf))
                        return fault_set(f, FAULT_BUSY, 0,
                                "VF %u of %s: job %u (%s) is about to change it; wait for its end",
                                vf, dev_id_address(&pf->id), job->id,
                                request_kind_name(job->request.kind));
        }
        return 0;
}

/* As far as can be told before anybody has looked again: it is planned for once more by its job. */
static int may_have(const struct leases *l, const struct acquisition *a, const struct pf_entry *pf,
        const struct vf_facts *vf, struct fault *f)
{
        const struct desired *wish = l->c.conf ? conf_wish(l->c.conf, &pf->facts.id) : NULL;
        const struct plan_world world = {
                .facts = &pf->facts, .caps = &pf->caps, .groups = &l->c.state->groups};
        struct lease wanted = a->wanted;
        struct request request;
        struct plan plan = {0};
        int r;

        r = lease_may_take(&l->book, &a->selector, &pf->facts, vf,
                wish ? desired_pool_of(wish, vf->index) : "", f);
        if (r == 0)
                r = refuse_busy(l, &pf->facts, vf->index, f);
        wanted.vf = vf->index;
        lease_request(&wanted, &request);
        if (r == 0)
                r = plan_request(&request, &world, &plan, f);
        plan_done(&plan);
        return r;
}

static bool is_behind(const struct acquisition *a, const struct dev_id *pf, uint32_t vf)
{
        int order = a->vf == NO_VF ? 1 : strcmp(pf->str, a->pf.str);

        return order > 0 || (order == 0 && vf > a->vf);
}

/* The first behind those that were tried. f: why those that match can not be had. */
static const struct vf_facts *choose(const struct leases *l, const struct acquisition *a,
        const struct pf_entry **ret_pf, struct fault *f)
{
        struct fault best = FAULT_NULL, why = FAULT_NULL;
        struct dev_id pf_wanted = {""};
        uint32_t vf_wanted;

        if (look_up(l, &a->selector, &pf_wanted, &vf_wanted, f) < 0)
                return NULL;
        for (size_t i = 0; i < l->c.state->n_pfs; i++) {
                const struct pf_entry *pf = l->c.state->pfs[i];

                if (pf_wanted.str[0] && !dev_id_equal(&pf_wanted, &pf->facts.id))
                        continue;
                for (uint32_t k = 0; k < pf->facts.n_vfs; k++) {
                        const struct vf_facts *vf = &pf->facts.vfs[k];

                        if ((vf_wanted != NO_VF && vf->index != vf_wanted) ||
                                !is_behind(a, &pf->facts.id, vf->index))
                                continue;
                        *ret_pf = pf;
                        if (may_have(l, a, pf, vf, &why) == 0)
                                return vf;
                        if (best.code == FAULT_NONE ||
                                (best.code == FAULT_NOT_FOUND && why.code != FAULT_NOT_FOUND))
                                best = why;
                }
        }
        if (best.code == FAULT_NONE)
                (void) fault_set(&best, FAULT_NOT_FOUND, 0,
                        "no VF matches: there are none%s%s; sriovctl list vf shows those there are",
                        pf_wanted.str[0] ? " on " : "",
                        pf_wanted.str[0] ? dev_id_address(&pf_wanted) : "");
        *f = best;
        return NULL;
}

/* --- the reservation ----------------------------------------------------------------------------
 */

static uint64_t realtime_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

static void set_baseline(struct lease *lease, const struct vf_facts *vf)
{
        lease->baseline = vf->attrs;
        lease->baseline.reset = 0;
        snprintf(lease->baseline_driver, sizeof(lease->baseline_driver), "%s",
                vf->driver[0] ? vf->driver : "none");
        memcpy(lease->baseline_override, vf->driver_override, sizeof(lease->baseline_override));
}

static bool has_baseline(const struct lease *lease, const struct vf_facts *vf)
{
        return vf_attrs_equal(&lease->baseline, &vf->attrs) &&
               streq(lease->baseline_driver, vf->driver[0] ? vf->driver : "none") &&
               streq(lease->baseline_override, vf->driver_override);
}

/* Only the first time: after a restart or a boot the VF may be half its owner's already. */
int leases_note(struct leases *l, const struct pf_facts *pf, uint32_t index, struct fault *f)
{
        struct lease *lease = lease_book_of_vf(&l->book, &pf->id, index);
        const struct vf_facts *vf = pf_facts_vf(pf, index);
        const struct held *held = lease ? held_of(l, lease->id) : NULL;

        if (!held || !vf || lease->state != LEASE_PREPARING)
                return 0;
        if (!streq(lease->boot_id, ledger_boot_id(l->c.ledger))) {
                /* Persistent, after a boot: from here on it is not clean for being new. */
                snprintf(lease->boot_id, sizeof(lease->boot_id), "%s", ledger_boot_id(l->c.ledger));
                l->unsaved = true;
                return leases_save(l, f);
        }
        if (!held->asked || has_baseline(lease, vf))
                return 0;
        if (!vf->attrs_known && pf->n_netdevs > 0)
                return fault_set(f, FAULT_IO, 0,
                        "VF %u (%s): its attributes could not be read, so they could not be put "
                        "back after the lease",
                        index, vf->address);
        set_baseline(lease, vf);
        l->unsaved = true;
        return leases_save(l, f);
}

static int add_lease(struct leases *l, const struct acquisition *a, const struct pf_entry *pf,
        const struct vf_facts *vf, struct held **ret, struct fault *f)
{
        struct lease lease = a->wanted, *added;
        int r;

        lease.state = LEASE_PREPARING;
        lease.pf = pf->facts.id;
        lease.vf = vf->index;
        lease.vendor_id = pf->facts.vendor_id;
        lease.device_id = pf->facts.device_id;
        set_baseline(&lease, vf);
        snprintf(lease.boot_id, sizeof(lease.boot_id), "%s", ledger_boot_id(l->c.ledger));
        lease.since_usec = realtime_usec();
        r = lease_book_add(&l->book, &lease, &added);
        if (r < 0)
                return fault_set(f, FAULT_INTERNAL, -r, "the lease can not be put into the book");
        l->unsaved = true;
        *ret = held_add(l, added->id);
        if (!*ret) {
                lease_book_remove(&l->book, added->id);
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        }
        return 0;
}

int acquisition_next(struct leases *l, struct acquisition *a, struct fault *f)
{
        const struct pf_entry *pf = NULL;
        const struct vf_facts *vf = choose(l, a, &pf, f);
        struct held *held;
        int r;

        if (!vf)
                return -ENOENT;
        a->pf = pf->facts.id;
        a->vf = vf->index;
        a->tries++;
        r = add_lease(l, a, pf, vf, &held, f);
        if (r < 0)
                return r;
        r = leases_save(l, f);
        if (r == 0)
                crash_at(ledger_crash(l->c.ledger), CRASH_LEASE_RESERVED);
        held->asked = a;
        if (r == 0)
                r = leases_prepare(l, held, f);
        if (r < 0) {
                held->asked = NULL;
                leases_end(
                        l, held->id, f); /* as if it had never been: nothing was done to the VF */
                (void) leases_save(l, NULL);
                return r;
        }
        return 0;
}

/* --- what is asked ------------------------------------------------------------------------------
 */

static int admit(const struct leases *l, uint32_t uid, struct fault *f)
{
        size_t mine = 0;

        for (size_t i = 0; i < l->book.n; i++)
                mine += l->book.list[i].uid == uid;
        if (mine >= LEASES_PER_UID_MAX || l->book.n >= LEASES_MAX)
                return fault_set(f, FAULT_LIMITS, 0,
                        "lease refused: uid %u has %zu and all have %zu; at most %d and %d", uid,
                        mine, l->book.n, LEASES_PER_UID_MAX, LEASES_MAX);
        return 0;
}

static int take_terms(struct acquisition *a, const struct lease_terms *terms, struct fault *f)
{
        struct lease *w = &a->wanted;
        struct request request;
        int r = 0;

        snprintf(a->client, sizeof(a->client), "%s", terms->bus_name ?: "");
        w->owner = terms->owner;
        w->uid = terms->uid;
        w->attrs = terms->attrs;
        if (terms->driver && (r = str_copy(w->driver, sizeof(w->driver), terms->driver)) < 0)
                return fault_set(f, FAULT_INVALID_ARGS, -r, "the name of the driver is too long");
        if (terms->label && (str_copy(w->label, sizeof(w->label), terms->label) < 0 ||
                                    !lease_label_valid(w->label)))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "label refused: expected printable text of at most %d bytes",
                        LEASE_LABEL_MAX - 1);
        lease_request(w, &request);
        r = request_check(&request, f);
        if (r < 0)
                return r;
        if (w->owner == LEASE_OWNER_BUS &&
                str_copy(w->bus_name, sizeof(w->bus_name), terms->bus_name ?: "") < 0)
                return fault_set(f, FAULT_INVALID_ARGS, 0, "the owner's name is too long");
        if (w->owner != LEASE_OWNER_PID)
                return 0;
        r = owner_pid(terms->pidfd, &w->pid, f);
        if (r < 0)
                return r;
        a->pidfd = fcntl(terms->pidfd, F_DUPFD_CLOEXEC, 3);
        return a->pidfd < 0 ? fault_set(f, FAULT_LIMITS, errno, "too many open files") : 0;
}

int leases_acquire(struct leases *l, const struct lease_selector *selector,
        const struct lease_terms *terms, lease_acquired_fn fn, void *userdata, struct fault *f)
{
        _cleanup_(acquisition_freep) struct acquisition *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        *a = (struct acquisition){
                .fn = fn, .userdata = userdata, .selector = *selector, .pidfd = -1, .vf = NO_VF};
        if (!l->started)
                return fault_set(f, FAULT_BUSY, 0,
                        "refused: the hardware has not been looked at yet; try again in a moment");
        r = take_terms(a, terms, f);
        if (r == 0)
                r = admit(l, terms->uid, f);
        if (r == 0)
                r = acquisition_next(l, a, f);
        if (r < 0)
                return r;
        TAKE_PTR(a);
        return 0;
}

void leases_forget(struct leases *l, const void *userdata)
{
        for (size_t i = l->n; i-- > 0;) {
                struct held *held = l->held[i];

                if (!held->asked || held->asked->userdata != userdata)
                        continue;
                acquisition_free(TAKE_PTR(held->asked));
                leases_drop(l, held);
                (void) leases_save(l, NULL);
                return;
        }
}
