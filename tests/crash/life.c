/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One life of the daemon: starts, waits until everything has settled, begins the deed, waits again,
 * tells what has become of it. Or is cut off. The loop thread of a process of its own.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "daemon/apply_internal.h"
#include "daemon/daemon.h"
#include "daemon/leases.h"
#include "shapes.h"
#include "world.h"

enum stage { STAGE_START, STAGE_PREPARE, STAGE_DEED, STAGE_CONFIRM, STAGE_END };

struct self {
        struct world *w;
        const struct life *life;
        struct told *report;
        struct daemon *daemon;
        struct crash crash;
        int fd;
        enum stage stage;
        bool told_ready;
        struct apply_call *call;
        const char *dirs[2];
};

static void tell(struct self *s, char word)
{
        if (write(s->fd, &word, 1) != 1)
                die("nobody listens", -errno);
}

static void on_crash(void *userdata)
{
        struct self *s = userdata;

        s->report->crashed = true;
        kill(getpid(), SIGKILL);
        for (;;)
                pause();
}

static void arm(struct self *s)
{
        s->report->armed = true;
        s->crash.passed = s->report->passed;
        s->crash.place = s->life->place;
        s->crash.after = s->life->after;
}

/* Every step that is to begin asks; sees to it that all that came before has been dealt with. */
static int on_knock(_unused_ sd_event_source *source, int fd, _unused_ uint32_t revents, void *p)
{
        uint64_t n;

        if (read(fd, &n, sizeof(n)) == sizeof(n))
                tell(p, TELL_STEP);
        return 0;
}

/* ---- deeds -------------------------------------------------------------------------------------
 */

static void on_ended(void *userdata, const struct fault *f)
{
        struct self *s = userdata;

        s->report->deed_fault = f->code;
        s->report->deed_ended = true;
}

static void on_applied(void *userdata, _unused_ const char *json, const struct fault *f)
{
        on_ended(userdata, f);
}

static void apply(struct self *s, const char *text, bool given, uint32_t confirm)
{
        const struct apply_options options = {
                .has_confirm = confirm > 0, .confirm = confirm, .client = "", .uid = getuid()};
        struct config_files files = {0};
        struct fault f = FAULT_NULL;
        char *at;

        if (given) {
                if (config_files_add(&files, "given.json", "", text, strlen(text)) < 0)
                        die("out of memory", 0);
                for (at = files.list[0].text; (at = strchr(at, '\''));)
                        *at = '"';
        } else
                world_configure(s->w, text);
        s->report->deed_ended = false;
        if (apply_begin(s->daemon->apply, &files, &options, on_applied, s, &s->call, &f) < 0)
                die(f.text, 0);
        config_files_done(&files);
}

static void on_acquired(void *userdata, _unused_ const struct lease *lease, const struct fault *f)
{
        if (f->code != FAULT_NONE)
                die(f->text, 0);
        on_ended(userdata, f);
}

#define OWNER ":1.42"

static int acquire(struct self *s, struct fault *f)
{
        const struct request *r = &s->life->shape->request;
        const bool bus = shape_leases_by_bus(s->life->shape);
        const struct lease_terms terms = {.owner = bus ? LEASE_OWNER_BUS : LEASE_OWNER_PERSISTENT,
                .bus_name = OWNER,
                .pidfd = -1,
                .uid = r->uid,
                .driver = r->driver,
                .attrs = r->attrs};
        struct lease_selector selector = {.numa_node = -1};

        snprintf(selector.vf, sizeof(selector.vf), "%s/%u",
                dev_id_address(&s->daemon->state.pfs[PF_ICE]->facts.id), r->vf);
        s->report->deed_ended = false;
        return leases_acquire(s->daemon->leases, &selector, &terms, on_acquired, s, f);
}

/* The one that there is. */
static int release(struct self *s, struct fault *f)
{
        const struct lease_book *book = leases_book(s->daemon->leases);
        int r;

        if (book->n != 1)
                die("not one lease to be released", 0);
        r = leases_release(s->daemon->leases, book->list[0].id, on_ended, s, f);
        if (r > 0)
                die("the lease has ended before", 0);
        return r;
}

static void begin_deed(struct self *s)
{
        const struct shape *shape = s->life->shape;
        const struct dev_id *ice = &s->daemon->state.pfs[PF_ICE]->facts.id;
        struct fault f = FAULT_NULL;
        int r = 0;

        s->report->deed_ended = false;
        switch (shape->deed) {
        case DEED_BOOT:
                s->report->deed_ended = true;
                break;
        case DEED_APPLY:
        case DEED_CONFIRM:
                apply(s, shape->new_config, shape->given, shape->confirm);
                break;
        case DEED_ROLLBACK:
                r = apply_rollback(s->daemon->apply, "", getuid(), on_applied, s, &s->call, &f);
                break;
        case DEED_DRIFT:
                tell(s, TELL_MEDDLE);
                break;
        case DEED_REQUEST:
                r = jobs_submit(
                        s->daemon->jobs, ice, &shape->request, "", getuid(), on_ended, s, NULL, &f);
                break;
        case DEED_ACQUIRE:
        case DEED_CLIENT:
        case DEED_OWNER:
                r = acquire(s, &f);
                break;
        case DEED_RELEASE:
                r = release(s, &f);
                break;
        }
        if (r < 0)
                die(f.text, 0);
}

/* ---- has it settled ----------------------------------------------------------------------------
 */

static bool leases_rest(const struct self *s)
{
        const struct lease_book *book = leases_book(s->daemon->leases);

        for (size_t i = 0; i < book->n; i++)
                if (book->list[i].state != LEASE_LEASED && book->list[i].state != LEASE_QUARANTINED)
                        return false;
        return true;
}

/* NULL, or what is still going on. */
static const char *goes_on(struct self *s)
{
        struct daemon *d = s->daemon;
        const struct checkpoint *c = ledger_checkpoint(d->ledger);

        if (!d->ready || d->state.n_pfs < WORLD_PFS)
                return "starting";
        if (d->apply->running || d->apply->calls)
                return "an apply is under way";
        if (jobs_nth(d->jobs, 0))
                return "a job is under way";
        if (!leases_rest(s))
                return "a lease is on its way";
        if (c->back || (c->pending && c->running))
                return "an earlier life's apply is not taken back";
        for (size_t i = 0; i < d->state.n_pfs; i++) {
                const struct pf_facts *pf = &d->state.pfs[i]->facts;
                const struct journal_state *known = ledger_of(d->ledger, &pf->id);

                if (pf->busy_step[0])
                        return "the backend is busy";
                if (!known || known->open)
                        return "an intent is open";
        }
        return reconcile_applied(d->reconcile) ? NULL : "not all is applied";
}

/* Nobody confirms: the time is over now. True when there was something to wait for. */
static bool let_time_pass(struct self *s)
{
        struct apply *a = s->daemon->apply;

        if (!ledger_checkpoint(s->daemon->ledger)->pending || a->view.deadline_usec == 0)
                return false;
        return sd_event_source_set_time(a->deadline, 1) >= 0;
}

static void go_on(struct self *s)
{
        struct fault f = FAULT_NULL;

        if (s->stage == STAGE_START && s->life->prepare) {
                s->stage = STAGE_PREPARE;
                apply(s, s->life->prepare, false, 0);
        } else if (s->stage == STAGE_START && s->life->leases) {
                s->stage = STAGE_PREPARE;
                if (acquire(s, &f) < 0)
                        die(f.text, 0);
        } else if (s->stage == STAGE_START && s->life->deed) {
                s->stage = STAGE_DEED;
                arm(s);
                begin_deed(s);
        } else if (s->stage == STAGE_START && s->life->shape->deed == DEED_OWNER &&
                   leases_book(s->daemon->leases)->n > 0) {
                s->stage = STAGE_DEED;
                s->report->deed_ended = true;
                leases_owner_died(s->daemon->leases, OWNER);
        } else if (s->stage == STAGE_DEED && s->life->shape->deed == DEED_CONFIRM) {
                s->stage = STAGE_CONFIRM;
                if (apply_confirm(s->daemon->apply, &f) < 0)
                        die(f.text, 0);
        } else if (s->life->waits || !let_time_pass(s))
                s->stage = STAGE_END;
}

/* Somebody else's change has been noticed when there is a job about it. */
static void watch_drift(struct self *s)
{
        if (s->stage == STAGE_DEED && s->life->shape->deed == DEED_DRIFT &&
                jobs_nth(s->daemon->jobs, 0))
                s->report->deed_ended = true;
}

static bool run(struct self *s)
{
        uint64_t end = now_usec() + WORLD_LIFE_USEC / 2;
        const char *what = "starting";

        while (s->stage != STAGE_END) {
                uint64_t now = now_usec();
                int r;

                if (now >= end) {
                        snprintf(s->report->trouble, sizeof(s->report->trouble),
                                "does not settle: %s", what);
                        return false;
                }
                r = sd_event_run(s->daemon->event, end - now);
                if (r < 0)
                        die("event loop", r);
                if (s->daemon->ready && !s->told_ready) {
                        s->told_ready = true;
                        tell(s, TELL_READY);
                }
                watch_drift(s);
                what = goes_on(s);
                if (!what && s->stage > STAGE_START && !s->report->deed_ended)
                        what = "the deed has not ended";
                if (!what)
                        go_on(s);
        }
        return true;
}

/* ---- from birth to the end ---------------------------------------------------------------------
 */

static void conclude(struct self *s)
{
        struct daemon *d = s->daemon;

        for (size_t i = 0; i < WORLD_PFS; i++) {
                const struct dev_id *pf = &d->state.pfs[i]->facts.id;
                const struct config_view *view = reconcile_view(d->reconcile, pf);

                if (!streq(pf->str, world_addresses[i]))
                        die("PFs in another order", 0);
                s->report->pfs[i].open = ledger_of(d->ledger, pf)->open;
                s->report->pfs[i].state = view->state;
                memcpy(s->report->pfs[i].text, view->text, sizeof(view->text));
                for (uint32_t v = 0; v < WORLD_VFS; v++)
                        s->report->pfs[i].leases[v] = leases_state_of(d->leases, pf, v);
        }
        s->report->settled = true;
}

static void be_born(struct self *s, sd_event *event)
{
        struct daemon_options options = {
                .backend = s->w->address,
                .no_bus = true,
                .boot_id = s->w->boot_id,
                .crash = &s->crash,
        };
        struct store *store = NULL;
        int r;

        r = store_new(&testdisk_ops, s->w->disk, &s->crash, &store);
        if (r >= 0)
                r = ledger_new_with(store, s->w->boot_id, &s->crash, &options.ledger);
        if (r < 0)
                die("ledger", r);
        s->dirs[0] = s->w->config_dir;
        options.config_dirs = s->dirs;
        r = daemon_new(event, &options, &s->daemon);
        if (r < 0)
                die("daemon", r);
}

_Noreturn void life_live(struct world *w, const struct life *life, int fd)
{
        struct self s = {.w = w, .life = life, .report = w->report, .fd = fd};
        sd_event_source *knock;
        sd_event *event = NULL;
        bool settled;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        s.crash = (struct crash){.place = CRASH_PLACE_MAX, .fn = on_crash, .userdata = &s};
        if (!life->deed || life->shape->deed == DEED_BOOT)
                arm(&s);
        if (sd_event_new(&event) < 0 ||
                sd_event_add_io(event, &knock, w->gate.knock, EPOLLIN, on_knock, &s) < 0 ||
                sd_event_source_set_priority(knock, SD_EVENT_PRIORITY_IDLE) < 0)
                die("no event loop", 0);
        be_born(&s, event);
        settled = run(&s);
        if (settled)
                conclude(&s);
        daemon_free(s.daemon);
        sd_event_source_unref(knock);
        sd_event_unref(event);
        _exit(settled ? 0 : 1);
}
