/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The invariants of leases, by the machine itself. Loop thread. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "judge.h"

#define TRAIL_LINES 200u
#define LOG_LINES   40

/* ---- what is printed when something is wrong ---------------------------------------------------
 */

static struct {
        char lines[TRAIL_LINES][160];
        unsigned n;
} past;

void trail(const struct host *h, const char *fmt, ...)
{
        char *line = past.lines[past.n++ % TRAIL_LINES];
        int n = snprintf(line, sizeof(past.lines[0]), "%llu: ", (unsigned long long) h->tick);
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(line + n, sizeof(past.lines[0]) - (size_t) n, fmt, ap);
        va_end(ap);
}

static void print_vf(const struct host *h, size_t pf, uint32_t index)
{
        const struct truth *t = &h->vfs[pf][index];
        const struct sim_vf *vf = host_vf(h, pf, index);
        char is[VF_ATTR_STR_MAX], born[VF_ATTR_STR_MAX];

        if (!vf) {
                printf("#   it is not there\n");
                return;
        }
        printf("#   driver '%s' (born on '%s'), override '%s', guest '%s', access %lld, resets %u "
               "(%s at %u), lease %llu, born at %llu\n",
                vf->driver, t->driver, vf->driver_override, vf->guest, (long long) vf->access_uid,
                vf->resets, t->touched ? "touched" : "untouched", t->resets,
                (unsigned long long) t->lease, (unsigned long long) t->born);
        for (unsigned a = 0; a < VF_ATTR_MAX; a++)
                if (vf_attrs_has(&vf->attrs, a)) {
                        vf_attrs_format(&vf->attrs, a, is);
                        vf_attrs_format(&t->attrs, a, born);
                        printf("#   %s %s (born with %s)\n", vf_attr_table[a].name, is, born);
                }
}

/* The end of the daemon's log, which is standard error. */
static void print_log(void)
{
        char text[16384 + 1];
        off_t end = lseek(STDERR_FILENO, 0, SEEK_END), at = end > 16384 ? end - 16384 : 0;
        ssize_t n = end < 0 ? 0 : pread(STDERR_FILENO, text, sizeof(text) - 1, at);
        char *line = text;
        int lines = 0;

        if (n <= 0)
                return;
        text[n] = '\0';
        for (line = text + n; line > text && lines <= LOG_LINES; line--)
                lines += line[-1] == '\n';
        for (char *next; (next = strsep(&line, "\n"));)
                printf("#   | %s\n", next);
}

_Noreturn void wrong(const struct host *h, size_t pf, uint32_t vf, const char *fmt, ...)
{
        unsigned first = past.n > TRAIL_LINES ? past.n - TRAIL_LINES : 0;
        va_list ap;

        print_log();
        for (unsigned i = first; i < past.n; i++)
                printf("# %s\n", past.lines[i % TRAIL_LINES]);
        printf("# WRONG at %llu: VF %u of %s: ", (unsigned long long) h->tick, vf, host_pfs[pf]);
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        printf("\n");
        print_vf(h, pf, vf);
        printf("not ok 1 - lease cycles\n");
        fflush(stdout);
        _exit(1);
}

/* ---- the rules ---------------------------------------------------------------------------------
 */

bool tenant_has(const struct host *h, const struct tenant *t)
{
        return !t->lost && host_vf(h, t->pf, t->vf) && h->vfs[t->pf][t->vf].born < t->since;
}

static bool was_reset(const struct truth *t, const struct sim_vf *vf)
{
        return !t->touched || vf->resets > t->resets;
}

/* What it is and should not be: neither as it was born nor as asked. An address that somebody else
 * has got meanwhile is not taken back. */
static uint32_t unlike(const struct truth *t, const struct sim_vf *vf, const struct vf_attrs *asked)
{
        struct vf_attrs want = t->attrs;
        uint32_t bits;

        vf_attrs_copy(&want, asked, asked->present);
        vf_attrs_copy(&want, &vf_attrs_baseline, asked->reset);
        bits = vf_attrs_differ(&want, &vf->attrs);
        if (!((asked->present | asked->reset) & BIT(VF_ATTR_MAC)) && mac_is_zero(&vf->attrs.mac))
                bits &= ~BIT(VF_ATTR_MAC);
        return bits;
}

static void judge_mac(struct host *h, size_t pf, uint32_t index)
{
        const struct sim_vf *vf = host_vf(h, pf, index), *other;

        if (!vf_attrs_has(&vf->attrs, VF_ATTR_MAC) || mac_is_zero(&vf->attrs.mac))
                return;
        for (uint32_t i = 0; i < h->n_vfs[pf]; i++) {
                other = host_vf(h, pf, i);
                if (i != index && other && memcmp(&other->attrs.mac, &vf->attrs.mac, 6) == 0)
                        wrong(h, pf, index, "VF %u has the same MAC address", i);
        }
}

static void judge_attrs(struct host *h, size_t pf, uint32_t index, const struct vf_attrs *asked,
        uint32_t without, const char *what)
{
        uint32_t bits = unlike(&h->vfs[pf][index], host_vf(h, pf, index), asked) & ~without;

        for (unsigned a = 0; a < VF_ATTR_MAX; a++)
                if (bits & BIT(a))
                        wrong(h, pf, index, "%s: stale %s", what, vf_attr_table[a].name);
}

static void judge_access(
        struct host *h, const struct tenant *t, const struct sim_vf *vf, const char *what)
{
        int64_t want = startswith(vf->driver, "vfio") ? (int64_t) t->uid : -1;

        if (vf->access_uid != want)
                wrong(h, t->pf, t->vf, "%s: uid %lld may open it, not %lld", what,
                        (long long) vf->access_uid, (long long) want);
}

void judge_given(struct host *h, struct tenant *t)
{
        struct truth *truth = &h->vfs[t->pf][t->vf];
        const struct sim_vf *vf = host_vf(h, t->pf, t->vf);
        const char *driver = t->driver[0] ? t->driver : truth->driver;

        t->changed = 0;
        if (!tenant_has(h, t)) { /* it went away, or came, while it was prepared */
                t->lost = true;
                return;
        }
        if (truth->lease)
                wrong(h, t->pf, t->vf, "given to lease %llu although lease %llu has it",
                        (unsigned long long) t->id, (unsigned long long) truth->lease);
        if (vf->guest[0])
                wrong(h, t->pf, t->vf, "given although somebody has it open");
        if (!was_reset(truth, vf))
                wrong(h, t->pf, t->vf, "given dirty: no reset since somebody had it");
        if (!streq(vf->driver, streq(driver, "none") ? "" : driver))
                wrong(h, t->pf, t->vf, "given on another driver than '%s'", driver);
        judge_attrs(h, t->pf, t->vf, &t->asked, 0, "given");
        judge_mac(h, t->pf, t->vf);
        judge_access(h, t, vf, "given");
        truth->lease = t->id;
        truth->touched = true;
        truth->resets = t->resets = vf->resets;
}

void judge_had(struct host *h, struct tenant *t)
{
        const struct leases *leases = h->daemon->leases;
        const struct lease *lease = lease_book_find(leases_book(leases), t->id);
        const struct sim_vf *vf;

        if (!tenant_has(h, t))
                return;
        vf = host_vf(h, t->pf, t->vf);
        if (!lease || lease->state != LEASE_LEASED || lease->vf != t->vf ||
                !streq(lease->pf.str, host_pfs[t->pf]))
                wrong(h, t->pf, t->vf, "lease %llu was lost: it is %s", (unsigned long long) t->id,
                        lease ? lease_state_name(lease->state) : "over");
        if (h->vfs[t->pf][t->vf].lease != t->id)
                wrong(h, t->pf, t->vf, "lease %llu: somebody else has it",
                        (unsigned long long) t->id);
        if (vf->resets != t->resets)
                wrong(h, t->pf, t->vf, "reset while lease %llu had it", (unsigned long long) t->id);
        judge_access(h, t, vf, "had");
        judge_attrs(h, t->pf, t->vf, &t->asked, t->changed, "had");
}

void judge_left(struct host *h, const struct tenant *t)
{
        struct truth *truth = &h->vfs[t->pf][t->vf];

        if (!tenant_has(h, t))
                return;
        truth->touched = true;
        truth->resets = host_vf(h, t->pf, t->vf)->resets;
}

void judge_clean(struct host *h, size_t pf, uint32_t index, const char *what)
{
        struct truth *t = &h->vfs[pf][index];
        const struct sim_vf *vf = host_vf(h, pf, index);
        static const struct vf_attrs nothing;

        t->lease = 0;
        if (!vf)
                return;
        if (vf->guest[0])
                wrong(h, pf, index, "%s: free although guest %s has it open", what, vf->guest);
        if (!was_reset(t, vf))
                wrong(h, pf, index, "%s: free and dirty: no reset since somebody had it", what);
        if (vf->access_uid >= 0)
                wrong(h, pf, index, "%s: free, and uid %lld may open it", what,
                        (long long) vf->access_uid);
        if (!streq(vf->driver, t->driver) || !streq(vf->driver_override, t->override))
                wrong(h, pf, index, "%s: free, and on another driver", what);
        judge_attrs(h, pf, index, &nothing, 0, what);
}

void judge_all(struct host *h)
{
        for (size_t pf = 0; pf < PFS; pf++)
                for (uint32_t i = 0; i < h->n_vfs[pf]; i++) {
                        const struct dev_id *id = &host_pf(h, pf)->id;

                        if (leases_state_of(h->daemon->leases, id, i) == LEASE_FREE)
                                judge_clean(h, pf, i, "nobody's");
                }
}
