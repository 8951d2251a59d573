/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random leases on simulated hardware, with faults, tenants that misbehave, somebody else who makes
 * VFs anew, cards that are pulled out, daemons that end and hosts that lose power: no VF is handed
 * out dirty, with a stale attribute or an address that another one has. TAP; the second line has
 * the figures.
 *
 *   CYCLES=100000 SEED=7 tests/lease/cycles     LOG=1: with the daemon's log
 *
 * A cycle is an acquisition that succeeded and its end. Threads take part, so a seed gives the same
 * wishes and faults, not the same moments.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"
#include "sim/kernel.h"
#include "tenants.h"

#define CYCLES_DEFAULT 1000u
#define LIFE_CYCLES    30u   /* of a daemon */
#define BOOT_CYCLES    5000u /* of a machine */
#define LOG_CYCLES     2000u /* as much of the log is kept */
#define SETTLE_USEC    30000000ull

struct program {
        struct host host;
        struct tenants tenants;
        uint32_t cycles;
        unsigned next_life, next_boot, next_log;
        uint64_t turns, disk_until; /* turn: a daemon whose disk failed writes no more; 0 */
};

/* ---- faults ------------------------------------------------------------------------------------
 */

static const char *const faults[] = {
        "errno step=reset vf=%u error=EIO times=1",
        "errno step=reset vf=%u error=ENOTTY times=1",
        "errno step=set_vf vf=%u error=EIO times=1",
        "errno step=set_vf vf=%u error=EBUSY nth=2 times=1",
        "ignore step=set_vf vf=%u attr=vlan times=1",
        "ignore step=set_vf vf=%u attr=mac times=1",
        "ignore step=set_vf vf=%u attr=trust times=1",
        "ignore step=set_vf vf=%u attr=spoofchk times=1",
        "ignore step=set_vf vf=%u attr=max_tx_rate times=1",
        "errno step=bind vf=%u error=EBUSY times=1",
        "errno step=bind vf=%u error=EIO times=1",
        "ignore step=bind vf=%u times=1",
        "errno step=unbind vf=%u error=EIO times=1",
        "errno step=set_access vf=%u error=EIO times=1",
        "ignore step=set_access vf=%u times=1",
        "errno step=set_override vf=%u error=EIO times=1",
        "ignore step=clear_override vf=%u times=1",
        "delay step=reset vf=%u ms=2 times=1",
        "delay step=set_vf vf=%u ms=3 times=1",
        "delay step=observe ms=2 times=1",
        "errno step=observe error=EIO times=1",
        "omit vf=%u times=1",
};

static void inject(struct program *p, size_t pf, const char *format)
{
        struct machine *m = p->host.machine;
        struct fault f = FAULT_NULL;
        struct sim_fault fault;
        char text[96];
        uint32_t id;

        snprintf(text, sizeof(text), format, dice(&p->tenants, host_counts[pf]));
        if (sim_fault_parse(text, &fault, &f) < 0)
                die(f.text, 0);
        trail(&p->host, "fault on %s: %s", host_pfs[pf], text);
        if (machine_inject(m, host_pf(&p->host, pf), &fault, &id) < 0)
                die("a fault can not be injected", 0);
        p->tenants.n.faults++;
}

/* ---- others ------------------------------------------------------------------------------------
 */

static void recreate(struct program *p, size_t pf, bool all)
{
        struct host *h = &p->host;
        const struct sim_pf *card = host_pf(h, pf);

        if (!card->present || p->tenants.changing[pf] > 0)
                return;
        if (card->num_vfs > 0 && !host_set_numvfs(h, pf, 0))
                return;
        trail(h, "somebody destroyed the VFs of %s", host_pfs[pf]);
        if (all && host_set_numvfs(h, pf, host_counts[pf])) {
                p->tenants.n.recreated++;
                trail(h, "and made them anew");
        }
}

static void pull_or_plug(struct program *p, size_t pf)
{
        struct sim_pf *card = host_pf(&p->host, pf);

        if (p->tenants.changing[pf] > 0)
                return;
        if (card->present) {
                trail(&p->host, "%s is pulled out", host_pfs[pf]);
                machine_unplug(p->host.machine, card);
                p->tenants.n.replugged++;
                return;
        }
        trail(&p->host, "%s is plugged in", host_pfs[pf]);
        (void) machine_plug(p->host.machine, card, NULL);
        host_notice(&p->host);
        (void) host_set_numvfs(&p->host, pf, host_counts[pf]);
}

/* What was taken away comes back. */
static void bring_back(struct program *p)
{
        for (size_t i = 0; i < PFS; i++) {
                const struct sim_pf *card = host_pf(&p->host, i);

                if (!card->present)
                        pull_or_plug(p, i);
                else if (card->num_vfs == 0)
                        recreate(p, i, true);
        }
        machine_touch(p->host.machine, NULL); /* a PF that could not be read is read again */
}

static void break_disk(struct program *p)
{
        static const enum testdisk_call calls[] = {DISK_WRITE, DISK_SYNC, DISK_RENAME, DISK_OPEN};

        p->tenants.n.disks++;
        trail(&p->host, "the disk fails");
        testdisk_fail(p->host.disk, calls[dice(&p->tenants, ELEMENTSOF(calls))],
                1 + dice(&p->tenants, 4), EIO, 1 + dice(&p->tenants, 3));
        p->disk_until = p->turns + 400;
}

static void meddle(struct program *p)
{
        struct tenants *t = &p->tenants;
        size_t pf = dice(t, PFS);
        uint32_t n = dice(t, 80000);

        if (n < 2 && tenants_change(t))
                return;
        if (n == 0) {
                t->n.reconnected++;
                trail(&p->host, "another backend");
                host_restart_backend(&p->host);
                return;
        }
        if (n == 1) {
                break_disk(p);
                return;
        }
        _cleanup_(machine_unlockp) _unused_ struct machine *locked = machine_lock(p->host.machine);

        host_notice(&p->host);
        if (n < 1000)
                inject(p, pf, faults[dice(t, ELEMENTSOF(faults))]);
        else if (n < 1020)
                recreate(p, pf, dice(t, 3) > 0);
        else if (n < 1050)
                recreate(p, PF_WITHOUT_RESET, true);
        else if (n < 1054)
                pull_or_plug(p, pf);
        else if (n == 1054)
                inject(p, pf, "vanish step=set_vf vf=%u times=1");
        else if (n < 1250)
                bring_back(p);
}

/* ---- lives -------------------------------------------------------------------------------------
 */

static bool is_settled(const struct program *p)
{
        const struct daemon *d = p->host.daemon;

        return d->begun && !jobs_nth(d->jobs, 0);
}

static void until_begun(struct program *p)
{
        uint64_t end = now_usec() + SETTLE_USEC;

        while (!p->host.daemon->begun) {
                if (now_usec() > end)
                        wrong(&p->host, 0, 0, "the daemon does not begin");
                host_turn(&p->host, 100000);
                tenants_look(&p->tenants);
        }
}

static void next_life(struct program *p, bool boot)
{
        struct tenants *t = &p->tenants;

        tenants_life_ends(t);
        host_end_life(&p->host);
        if (dice(t, 2))
                testdisk_power_loss(p->host.disk, dice(t, UINT32_MAX));
        testdisk_heal(p->host.disk);
        p->disk_until = 0;
        tenants_life_ended(t, boot);
        trail(&p->host, boot ? "---- boot" : "---- another daemon");
        t->n.lives++;
        t->n.boots += boot;
        if (boot)
                host_reboot(&p->host, t->seed);
        host_begin_life(&p->host);
        until_begun(p);
}

/* A while ago there was a job; whatever has no lease now must be clean. */
static void sweep(struct program *p)
{
        _cleanup_(machine_unlockp) _unused_ struct machine *locked = machine_lock(p->host.machine);

        host_notice(&p->host);
        if (is_settled(p))
                judge_all(&p->host);
}

static void keep_log_short(void)
{
        if (!getenv("LOG")) {
                (void) !ftruncate(STDERR_FILENO, 0);
                (void) lseek(STDERR_FILENO, 0, SEEK_SET);
        }
}

static void live_on(struct program *p)
{
        unsigned n = p->tenants.n.cycles;

        if (n >= p->next_boot) {
                next_life(p, true);
                p->next_boot = n + BOOT_CYCLES;
        } else if (n >= p->next_life || (p->disk_until > 0 && p->turns > p->disk_until)) {
                next_life(p, false);
                p->next_life = n + LIFE_CYCLES / 2 + dice(&p->tenants, LIFE_CYCLES);
        }
        if (n >= p->next_log) {
                keep_log_short();
                p->next_log = n + LOG_CYCLES;
        }
}

/* ---- from the beginning to the end -------------------------------------------------------------
 */

/* Nothing goes on any more: who waits for what, and the end of the program. */
_Noreturn static void stall(const struct tenants *all)
{
        static const char *const names[] = {"idle", "asking", "booting", "having", "ending"};
        const struct leases *leases = all->host->daemon->leases;
        const struct job_view *job;

        for (size_t i = 0; i < TENANTS; i++) {
                const struct client *c = &all->list[i];
                const struct lease *lease = lease_book_find(leases_book(leases), c->t.id);

                trail(all->host, "%u is %s: lease %llu: %s: %s", c->t.number, names[c->stage],
                        (unsigned long long) c->t.id, lease ? lease_state_name(lease->state) : "-",
                        lease ? lease->why : "");
        }
        for (size_t i = 0; i < leases_book(leases)->n; i++) {
                const struct lease *lease = &leases_book(leases)->list[i];

                trail(all->host, "lease %llu of VF %u of %s is %s: %s",
                        (unsigned long long) lease->id, lease->vf, lease->pf.str,
                        lease_state_name(lease->state), lease->why);
        }
        for (size_t i = 0; (job = jobs_nth(all->host->daemon->jobs, i)); i++)
                trail(all->host, "job %u on %s is %s: %s VF %u: %s", job->id, job->pf.str,
                        job_state_name(job->state), request_kind_name(job->request.kind),
                        job->request.vf, job->step);
        wrong(all->host, 0, 0, "nothing goes on any more");
}

static void run(struct program *p)
{
        struct tenants *t = &p->tenants;
        uint64_t last = now_usec();
        unsigned cycles = 0;

        while (t->n.cycles < p->cycles) {
                if (t->n.cycles != cycles)
                        last = now_usec();
                cycles = t->n.cycles;
                if (now_usec() - last > SETTLE_USEC)
                        stall(t);
                live_on(p);
                host_turn(&p->host, 1000);
                tenants_look(t);
                if (dice(t, 2) == 0)
                        tenants_act(t);
                meddle(p);
                if (++p->turns % 64 == 0)
                        tenants_tidy(t);
                if (p->turns % 64 == 0)
                        sweep(p);
        }
}

/* No more faults, everybody gives back what he has: all VFs are clean, the book is empty. */
static void settle(struct program *p)
{
        uint64_t end = now_usec() + SETTLE_USEC;
        unsigned turns = 0;

        p->tenants.quiet = true;
        while (tenants_change(&p->tenants) && now_usec() < end) {
                host_turn(&p->host, 1000);
                tenants_look(&p->tenants);
        }
        next_life(p, false);
        {
                _cleanup_(machine_unlockp) _unused_ struct machine *locked =
                        machine_lock(p->host.machine);

                (void) machine_release(p->host.machine, 0);
                host_notice(&p->host);
                bring_back(p);
        }
        while (!tenants_idle(&p->tenants) || leases_book(p->host.daemon->leases)->n > 0 ||
                !is_settled(p)) {
                host_turn(&p->host, 1000);
                tenants_look(&p->tenants);
                tenants_act(&p->tenants);
                if (++turns % 8 == 0)
                        tenants_tidy(&p->tenants);
                if (turns % 512 == 0) {
                        _cleanup_(machine_unlockp) _unused_ struct machine *m =
                                machine_lock(p->host.machine);
                        if (host_pf(&p->host, PF_WITHOUT_RESET)->num_vfs > 0)
                                recreate(p, PF_WITHOUT_RESET, false);
                        else
                                bring_back(p);
                }
                if (now_usec() > end)
                        stall(&p->tenants);
        }
        sweep(p);
        next_life(p, false);
        if (leases_book(p->host.daemon->leases)->n > 0)
                wrong(&p->host, 0, 0, "the book on the disk is not empty");
        sweep(p);
}

/* A daemon's life ended with leases in every state. */
static void judge_lives(struct program *p)
{
        for (unsigned state = LEASE_PREPARING; state < LEASE_STATE_MAX; state++)
                if (p->tenants.n.cut[state] == 0 && p->cycles >= 10 * CYCLES_DEFAULT)
                        wrong(&p->host, 0, 0, "no life has ended with a lease that was %s",
                                lease_state_name(state));
}

static uint64_t number(const char *name, uint32_t otherwise)
{
        const char *text = getenv(name);
        uint32_t n = otherwise;

        if (text && parse_u32(text, 1, UINT32_MAX, &n) < 0)
                die("CYCLES and SEED are numbers", 0);
        return n;
}

static void redirect_log(void)
{
        char name[] = "/tmp/lease-log-XXXXXX";
        int fd;

        if (getenv("LOG"))
                return;
        fd = mkostemp(name, O_APPEND | O_CLOEXEC);
        if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
                die(name, -errno);
        (void) unlink(name);
        close(fd);
}

static double cpu_seconds(void)
{
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void report(const struct program *p, uint32_t seed, double wall)
{
        const struct counts *n = &p->tenants.n;

        printf("ok 1 - lease cycles\n");
        printf("# SEED=%u: %u cycles, %u refused, %u cancelled, %u lost with their VFs; %u times "
               "open, %u owners died, %u late releases; %u faults, %u quarantines; VFs made anew "
               "%u times, %u cards pulled, %u disks failed, %u backends, %u daemons, %u boots; "
               "lives ended with leases preparing %u, leased %u, dirty %u, scrubbing %u, "
               "quarantined %u; %.1f s, %.1f s CPU\n",
                seed, n->cycles, n->refused, n->cancelled, n->lost, n->opened, n->deaths, n->late,
                n->faults, n->quarantines, n->recreated, n->replugged, n->disks, n->reconnected,
                n->lives, n->boots, n->cut[LEASE_PREPARING], n->cut[LEASE_LEASED],
                n->cut[LEASE_DIRTY], n->cut[LEASE_SCRUBBING], n->cut[LEASE_QUARANTINED], wall,
                cpu_seconds());
}

int main(void)
{
        static struct program p;
        uint64_t began = now_usec();
        uint32_t seed = (uint32_t) number("SEED", (uint32_t) time(NULL));

        p.cycles = (uint32_t) number("CYCLES", CYCLES_DEFAULT);
        p.next_life = LIFE_CYCLES;
        p.next_boot = BOOT_CYCLES;
        p.next_log = LOG_CYCLES;
        printf("1..1\n# SEED=%u CYCLES=%u\n", seed, p.cycles);
        fflush(stdout);
        redirect_log();
        host_new(&p.host);
        tenants_new(&p.tenants, &p.host, seed);
        host_begin_life(&p.host);
        until_begun(&p);
        run(&p);
        settle(&p);
        judge_lives(&p);
        report(&p, seed, (double) (now_usec() - began) / 1e6);
        host_end_life(&p.host);
        tenants_done(&p.tenants);
        host_done(&p.host);
        return 0;
}
