/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tenants do. Loop thread. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/kernel.h"
#include "tenants.h"

#define SLOW_USEC 60000000ull /* what has not ended by then never will */

/* ---- asking ------------------------------------------------------------------------------------
 */

static void random_owner(struct tenants *all, struct client *c, struct lease_terms *terms)
{
        unsigned n = dice(all, 60);

        c->owner = n < 38 ? LEASE_OWNER_BUS : n < 59 ? LEASE_OWNER_PERSISTENT : LEASE_OWNER_PID;
        terms->owner = c->owner;
        if (c->owner == LEASE_OWNER_BUS) {
                snprintf(c->bus_name, sizeof(c->bus_name), ":1.%u", c->t.number);
                terms->bus_name = c->bus_name;
        }
        if (c->owner != LEASE_OWNER_PID)
                return;
        c->pid = fork();
        if (c->pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) close_range(3, ~0u, 0); /* it would keep connections open */
                for (;;)
                        pause();
        }
        c->pidfd = (int) syscall(SYS_pidfd_open, c->pid, 0);
        if (c->pid < 0 || c->pidfd < 0)
                die("no process to be an owner", -errno);
        terms->pidfd = c->pidfd;
}

static void stop_process(struct client *c)
{
        if (c->pid <= 0)
                return;
        kill(c->pid, SIGKILL);
        (void) waitpid(c->pid, NULL, 0);
        close(c->pidfd);
        c->pid = 0;
}

static void become_idle(struct client *c)
{
        stop_process(c);
        c->stage = STAGE_IDLE;
        c->open = c->quarantined = false;
        c->t.id = 0;
}

static void given(struct client *c, const struct lease *lease)
{
        struct host *h = c->all->host;
        _cleanup_(machine_unlockp) _unused_ struct machine *locked = machine_lock(h->machine);

        host_notice(h);
        c->t.id = lease->id;
        c->t.pf = host_index(&lease->pf);
        c->t.vf = lease->vf;
        trail(h, "%u: has lease %llu: VF %u of %s", c->t.number, (unsigned long long) lease->id,
                lease->vf, lease->pf.str);
        judge_given(h, &c->t);
        c->stage = STAGE_HAVING;
}

static void on_acquired(void *userdata, const struct lease *lease, const struct fault *f)
{
        struct client *c = userdata;

        if (!lease != (f->code != FAULT_NONE))
                die("a lease and a fault", 0);
        if (lease) {
                given(c, lease);
                return;
        }
        trail(c->all->host, "%u: refused: %s", c->t.number, f->text);
        if (f->code == FAULT_CANCELLED)
                c->all->n.cancelled++;
        c->all->n.refused++;
        become_idle(c);
}

static void ask(struct client *c)
{
        struct tenants *all = c->all;
        struct lease_terms terms = {.label = "tenant"};
        struct fault f = FAULT_NULL;
        size_t pf = dice(all, PFS + 2) % PFS; /* the two with most attributes more often */

        c->t = (struct tenant){
                .number = c->t.number, .uid = 1000 + c->t.number, .since = all->host->tick};
        random_selector(all, pf, &c->t.selector);
        random_attrs(all, c->t.selector.pf[0] || c->t.selector.vf[0] ? pf : 0, false, &c->t.asked);
        random_owner(all, c, &terms);
        if (dice(all, 5) < 3)
                snprintf(c->t.driver, sizeof(c->t.driver), "vfio-pci");
        terms.uid = c->t.uid;
        terms.attrs = c->t.asked;
        terms.driver = c->t.driver[0] ? c->t.driver : NULL;
        c->stage = STAGE_ASKING;
        if (leases_acquire(all->host->daemon->leases, &c->t.selector, &terms, on_acquired, c, &f) ==
                0)
                return;
        trail(all->host, "%u: %s", c->t.number, f.text);
        all->n.refused++;
        become_idle(c);
}

/* ---- having ------------------------------------------------------------------------------------
 */

static void forget_outcome(void *userdata, const struct fault *f)
{
        (void) userdata;
        (void) f;
}

static void on_changed(void *userdata, const struct fault *f)
{
        unsigned *changing = userdata;

        (void) f;
        (*changing)--;
}

/* By the road: the daemon sets it, later. */
static void change_by_job(struct client *c)
{
        struct request r = {.kind = REQUEST_SET_ATTRS, .vf = c->t.vf};
        const struct dev_id id = host_pf(c->all->host, c->t.pf)->id;
        unsigned *changing = &c->all->changing[c->t.pf];
        struct fault f = FAULT_NULL;

        random_attrs(c->all, c->t.pf, false, &r.attrs);
        if (!r.attrs.present)
                return;
        c->t.changed |= r.attrs.present;
        trail(c->all->host, "%u: changes attributes %x by a job", c->t.number, r.attrs.present);
        if (jobs_submit(c->all->host->daemon->jobs, &id, &r, "", c->t.uid, on_changed, changing,
                    NULL, &f) == 0)
                (*changing)++;
}

/* Behind the daemon's back, as a VF's driver does through its mailbox. */
static void change(struct client *c)
{
        struct host *h = c->all->host;
        struct vf_attrs a;

        random_attrs(c->all, c->t.pf, true, &a);
        c->t.changed |= a.present;
        trail(h, "%u: changes attributes %x", c->t.number, a.present);
        for (unsigned s = 0; s < VF_SETTING_MAX; s++)
                if (a.present & vf_setting_attrs(s))
                        (void) kernel_set_vf(h->machine, host_pf(h, c->t.pf), c->t.vf, s, &a);
}

static void open_device(struct client *c)
{
        struct host *h = c->all->host;
        struct sim_vf *vf = host_vf(h, c->t.pf, c->t.vf);
        char name[16];

        if (!tenant_has(h, &c->t) || c->open || vf->access_uid != (int64_t) c->t.uid)
                return;
        snprintf(name, sizeof(name), "tenant-%u", c->t.number);
        c->open = kernel_guest_opens(h->machine, host_pf(h, c->t.pf), c->t.vf, name) == 0;
        trail(h, "%u: opens the device: %d", c->t.number, c->open);
        c->all->n.opened += c->open;
        if (c->open)
                judge_left(h, &c->t);
}

static void close_device(struct client *c)
{
        struct host *h = c->all->host;

        if (c->open && tenant_has(h, &c->t)) {
                (void) kernel_guest_closes(h->machine, host_pf(h, c->t.pf), c->t.vf);
                judge_left(h, &c->t);
                trail(h, "%u: closes the device", c->t.number);
        }
        c->open = false;
}

/* Somebody who had the VF before gives it back once more. */
static void release_late(struct client *c)
{
        uint64_t id = c->all->last_ids[dice(c->all, ELEMENTSOF(c->all->last_ids))];
        struct fault f = FAULT_NULL;

        /* A disk that failed may have brought it back. */
        if (id == 0 || lease_book_find(leases_book(c->all->host->daemon->leases), id))
                return;
        c->all->n.late++;
        trail(c->all->host, "lease %llu is released late", (unsigned long long) id);
        if (leases_release(c->all->host->daemon->leases, id, forget_outcome, NULL, &f) != 1)
                die("a late release was taken for another one", 0);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static void release(struct client *c)
{
        struct leases *leases = c->all->host->daemon->leases;
        struct fault f = FAULT_NULL;

        for (unsigned times = 1 + (dice(c->all, 4) == 0); times > 0; times--)
                if (leases_release(
                            leases, c->t.id, dice(c->all, 2) ? forget_outcome : NULL, NULL, &f) < 0)
                        die(f.text, 0);
}

static void end(struct client *c)
{
        struct host *h = c->all->host;
        unsigned how = dice(c->all, 4);

        {
                _cleanup_(machine_unlockp) _unused_ struct machine *locked =
                        machine_lock(h->machine);

                host_notice(h);
                if (dice(c->all, 3) > 0)
                        close_device(c);
                judge_had(h, &c->t);
                judge_left(h, &c->t);
        }
        trail(h, "%u: ends lease %llu, way %u", c->t.number, (unsigned long long) c->t.id, how);
        c->stage = STAGE_ENDING;
        c->ended_usec = now_usec();
        c->all->n.deaths += how == 0 && c->owner != LEASE_OWNER_PERSISTENT;
        if (how == 0 && c->owner == LEASE_OWNER_BUS)
                leases_owner_died(h->daemon->leases, c->bus_name);
        else if (how == 0 && c->owner == LEASE_OWNER_PID)
                stop_process(c);
        else
                release(c);
}

static void have(struct client *c)
{
        struct host *h = c->all->host;
        unsigned what = dice(c->all, 16);

        if (what >= 7 || c->all->quiet) {
                end(c);
                return;
        }
        _cleanup_(machine_unlockp) _unused_ struct machine *locked = machine_lock(h->machine);

        host_notice(h);
        if (!tenant_has(h, &c->t)) {
                c->open = false;
                return;
        }
        if (what < 2)
                change(c);
        else if (what < 4)
                change_by_job(c);
        else if (what < 5)
                open_device(c);
        else if (what < 6)
                close_device(c);
        else
                release_late(c);
}

/* He was told that it is over, and still tries. */
static void linger(struct client *c)
{
        struct host *h = c->all->host;
        unsigned what = dice(c->all, 8);
        struct fault f = FAULT_NULL;

        if (what == 0) {
                (void) leases_release(h->daemon->leases, c->t.id, forget_outcome, NULL, &f);
                return;
        }
        _cleanup_(machine_unlockp) _unused_ struct machine *locked = machine_lock(h->machine);

        host_notice(h);
        if (what < 2)
                open_device(c);
        else if (what < 6)
                close_device(c);
}

void tenants_act(struct tenants *all)
{
        struct client *c = &all->list[dice(all, TENANTS)];

        if (c->stage == STAGE_IDLE && !all->quiet)
                ask(c);
        else if (c->stage == STAGE_HAVING)
                have(c);
        else if (c->stage == STAGE_ENDING)
                linger(c);
}

/* ---- what has become of them -------------------------------------------------------------------
 */

static void note_end(struct client *c)
{
        struct tenants *all = c->all;
        struct host *h = all->host;
        _cleanup_(machine_unlockp) _unused_ struct machine *locked = machine_lock(h->machine);

        host_notice(h);
        trail(h, "%u: lease %llu is over", c->t.number, (unsigned long long) c->t.id);
        if (c->open && tenant_has(h, &c->t))
                wrong(h, c->t.pf, c->t.vf, "free while it is open");
        all->last_ids[all->n.cycles++ % ELEMENTSOF(all->last_ids)] = c->t.id;
        become_idle(c);
}

static void look_at(struct client *c)
{
        struct host *h = c->all->host;
        const struct lease *lease = lease_book_find(leases_book(h->daemon->leases), c->t.id);

        if (c->stage == STAGE_HAVING && !lease) {
                _cleanup_(machine_unlockp) _unused_ struct machine *locked =
                        machine_lock(h->machine);

                host_notice(h);
                if (tenant_has(h, &c->t))
                        wrong(h, c->t.pf, c->t.vf, "lease %llu has ended by itself",
                                (unsigned long long) c->t.id);
                c->all->n.lost++;
                c->stage = STAGE_ENDING;
                c->ended_usec = now_usec();
        }
        if (c->stage == STAGE_ENDING && !lease)
                note_end(c);
        else if (c->stage == STAGE_ENDING && lease->state == LEASE_QUARANTINED && !c->quarantined) {
                c->quarantined = true;
                c->all->n.quarantines++;
                trail(h, "%u: lease %llu is in quarantine: %s", c->t.number,
                        (unsigned long long) c->t.id, lease->why);
        } else if (c->stage == STAGE_BOOTING && lease && lease->state == LEASE_LEASED &&
                   streq(lease->boot_id, h->boot_id)) {
                c->t.since = h->tick; /* the VF is another one, and his */
                given(c, lease);
        } else if (c->stage == STAGE_BOOTING && !lease)
                wrong(h, c->t.pf, c->t.vf, "a persistent lease did not survive a boot");
        if (c->stage == STAGE_ENDING && now_usec() - c->ended_usec > SLOW_USEC)
                wrong(h, c->t.pf, c->t.vf, "lease %llu does not end: it is %s: %s",
                        (unsigned long long) c->t.id,
                        lease ? lease_state_name(lease->state) : "over", lease ? lease->why : "");
}

/* Whose lease is not in the book any more: clean from that moment on. */
static void look_at_ended(struct tenants *all)
{
        struct host *h = all->host;
        const struct leases *leases = h->daemon->leases;
        _cleanup_(machine_unlockp) _unused_ struct machine *locked = machine_lock(h->machine);

        host_notice(h);
        for (size_t i = 0; i < all->book.n; i++) {
                const struct lease *lease = &all->book.list[i];

                if (lease_book_find(leases_book(leases), lease->id) ||
                        leases_state_of(leases, &lease->pf, lease->vf) != LEASE_FREE)
                        continue;
                trail(h, "lease %llu is not in the book any more: VF %u of %s",
                        (unsigned long long) lease->id, lease->vf, lease->pf.str);
                judge_clean(h, host_index(&lease->pf), lease->vf, "given back");
        }
        lease_book_done(&all->book);
        if (lease_book_copy(leases_book(leases), &all->book) < 0)
                die("out of memory", 0);
}

static bool has_ended(const struct tenants *all)
{
        const struct lease_book *book = leases_book(all->host->daemon->leases);

        if (book->n != all->book.n || book->last_id != all->book.last_id)
                return true;
        for (size_t i = 0; i < book->n; i++)
                if (book->list[i].id != all->book.list[i].id)
                        return true;
        return false;
}

void tenants_look(struct tenants *all)
{
        if (has_ended(all))
                look_at_ended(all);
        for (size_t i = 0; i < TENANTS; i++)
                if (all->list[i].stage > STAGE_ASKING)
                        look_at(&all->list[i]);
}

void tenants_life_ends(struct tenants *all)
{
        const struct lease_book *book = leases_book(all->host->daemon->leases);

        for (size_t i = 0; i < book->n; i++)
                all->n.cut[book->list[i].state]++;
}

void tenants_life_ended(struct tenants *all, bool boot)
{
        memset(all->changing, 0, sizeof(all->changing)); /* nobody waits for them any more */
        if (boot)
                lease_book_done(&all->book);
        for (size_t i = 0; i < TENANTS; i++) {
                struct client *c = &all->list[i];

                if (c->stage == STAGE_ASKING)
                        die("somebody was never told what became of his request", 0);
                if (c->stage == STAGE_IDLE || !boot)
                        continue;
                c->open = false;
                if (c->stage == STAGE_HAVING && c->owner == LEASE_OWNER_PERSISTENT)
                        c->stage = STAGE_BOOTING;
                else if (c->stage != STAGE_BOOTING)
                        become_idle(c); /* who had it is gone, and so is what he had */
        }
}

static const struct client *client_of(const struct tenants *all, uint64_t id)
{
        for (size_t i = 0; i < TENANTS; i++)
                if (all->list[i].t.id == id)
                        return &all->list[i];
        return NULL;
}

void tenants_tidy(struct tenants *all)
{
        struct leases *leases = all->host->daemon->leases;
        const struct lease_book *book = leases_book(leases);
        struct fault f = FAULT_NULL;
        const struct lease *lease;

        if (book->n == 0)
                return;
        lease = &book->list[dice(all, (uint32_t) book->n)];
        if (lease->state == LEASE_LEASED && !client_of(all, lease->id))
                (void) leases_release(leases, lease->id, NULL, NULL, &f);
        else if (lease->state == LEASE_QUARANTINED || lease->state == LEASE_DIRTY)
                (void) leases_retry(leases, lease->id, forget_outcome, NULL, &f);
}

bool tenants_change(const struct tenants *all)
{
        for (size_t i = 0; i < PFS; i++)
                if (all->changing[i] > 0)
                        return true;
        return false;
}

bool tenants_idle(const struct tenants *all)
{
        for (size_t i = 0; i < TENANTS; i++)
                if (all->list[i].stage != STAGE_IDLE)
                        return false;
        return true;
}

void tenants_new(struct tenants *all, struct host *h, uint64_t seed)
{
        *all = (struct tenants){.host = h, .seed = seed * 2 + 1};
        for (unsigned i = 0; i < 8; i++)
                (void) dice(all, 2);
        for (unsigned i = 0; i < TENANTS; i++)
                all->list[i] = (struct client){.all = all, .t.number = i, .pidfd = -1};
}

void tenants_done(struct tenants *all)
{
        for (size_t i = 0; i < TENANTS; i++)
                stop_process(&all->list[i]);
        lease_book_done(&all->book);
}
