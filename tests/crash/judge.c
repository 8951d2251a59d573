/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Old, new or reported; anything else is wrong. So is a VF that is neither leased nor clean. Pure.
 */
#include <stdarg.h>
#include <stdio.h>

#include "judge.h"

void outcome_wrong(struct outcome *o, const char *fmt, ...)
{
        size_t n = strlen(o->why);
        va_list ap;

        o->verdict = 0;
        va_start(ap, fmt);
        vsnprintf(o->why + n, sizeof(o->why) - n, fmt, ap);
        va_end(ap);
}

/* The line of a snapshot that begins so; "" none. */
static void line_of(const char *text, const char *begin, char *buf, size_t size)
{
        buf[0] = '\0';
        for (const char *at = text; *at; at = strchr(at, '\n') + 1)
                if (startswith(at, begin)) {
                        snprintf(buf, size, "%.*s", (int) (strchr(at, '\n') - at), at);
                        return;
                }
}

/* "PF: 4 VFs": how many. */
static unsigned count_of(const char *text)
{
        unsigned n = 0;

        (void) sscanf(text, "PF: %u", &n);
        return n;
}

/*
 * A PF that is reported may be neither old nor new, but each of its VFs is: or the report names it,
 * or there are not as many VFs as ever wanted and the PF as a whole has failed.
 */
static bool is_explained(const char *now, const char *old, const char *new, const char *text)
{
        char begin[16], name[16], line[512], a[512], b[512];
        unsigned n = count_of(now);

        if (n != count_of(old) && n != count_of(new))
                return true;
        for (unsigned i = 0; i < n; i++) {
                snprintf(begin, sizeof(begin), "VF %u:", i);
                snprintf(name, sizeof(name), "VF %u", i);
                line_of(now, begin, line, sizeof(line));
                line_of(old, begin, a, sizeof(a));
                line_of(new, begin, b, sizeof(b));
                if (!streq(line, a) && !streq(line, b) && !strstr(text, name))
                        return false;
        }
        return true;
}

/* The lines that are neither as before nor as wanted, each beside those. */
static void tell_between(size_t pf, const char *now, const char *old, const char *new,
        const char *what, struct outcome *o)
{
        char begin[16] = "PF:", line[512], a[512], b[512];

        outcome_wrong(o, "%s: %s:\n", world_addresses[pf], what);
        for (unsigned i = 0; begin[0]; snprintf(begin, sizeof(begin), "VF %u:", i++)) {
                line_of(now, begin, line, sizeof(line));
                line_of(old, begin, a, sizeof(a));
                line_of(new, begin, b, sizeof(b));
                if (!line[0] && !a[0] && !b[0])
                        return;
                if ((!streq(line, a) && !streq(line, b)) || startswith(begin, "PF"))
                        outcome_wrong(o, "  %s\n    old: %s\n    new: %s\n", line, a, b);
        }
}

/* Who held a VF holds it still, on the same driver. */
static void judge_holders(const struct evidence *e, size_t pf, struct outcome *o)
{
        char begin[16], was[512], is[512];

        for (unsigned i = 0; i < count_of(e->refs->old.pfs[pf]); i++) {
                snprintf(begin, sizeof(begin), "VF %u:", i);
                line_of(e->refs->old.pfs[pf], begin, was, sizeof(was));
                line_of(e->now->pfs[pf], begin, is, sizeof(is));
                if (!strstr(was, "guest 'web'"))
                        continue;
                if (!strstr(is, "guest 'web'") || !strstr(is, "driver 'vfio-pci'"))
                        outcome_wrong(o, "a held VF was harmed: %s\nnow: %s\n", was, is);
        }
}

/* Free is clean: as the configuration makes it. */
static void judge_free(const struct evidence *e, uint32_t vf, struct outcome *o)
{
        const struct snapshot *clean = e->rebooted ? &e->refs->boot_old : &e->refs->old;
        char begin[16], is[512], want[512];

        if (e->shape->deed == DEED_RELEASE)
                clean = &e->refs->boot_new;
        snprintf(begin, sizeof(begin), "VF %u:", vf);
        line_of(e->now->pfs[PF_ICE], begin, is, sizeof(is));
        line_of(clean->pfs[PF_ICE], begin, want, sizeof(want));
        if (!streq(is, want))
                outcome_wrong(o, "free, and not clean: %s\nexpected: %s\n", is, want);
}

/* It is as it was given, also after a boot. */
static void judge_given(const struct evidence *e, uint32_t vf, struct outcome *o)
{
        char begin[16], is[512], want[512];

        snprintf(begin, sizeof(begin), "VF %u:", vf);
        line_of(e->now->pfs[PF_ICE], begin, is, sizeof(is));
        line_of(e->refs->new.pfs[PF_ICE], begin, want, sizeof(want));
        if (!streq(is, want))
                outcome_wrong(o, "leased, and not ready: %s\nexpected: %s\n", is, want);
}

/*
 * In one boot: whoever has a VF notices no reset, and what was somebody's is free after one. A
 * lease may be in the book before its place is passed: then it is scrubbed, for nothing.
 */
static void judge_resets(const struct evidence *e, uint32_t vf, struct outcome *o)
{
        bool free = vf == e->shape->request.vf && e->now->vfs[vf].lease == LEASE_FREE;
        bool was_given = e->refs->old.vfs[vf].lease == LEASE_LEASED ||
                         (shape_leases_by_bus(e->shape) && e->passed[CRASH_LEASE_RESERVED] > 0);
        uint32_t was = e->refs->old.vfs[vf].resets, is = e->now->vfs[vf].resets;

        if (free && was_given && is <= was)
                outcome_wrong(o, "VF %u is free and was not reset\n", vf);
        if (is < was || (is > was && !(free && (was_given || shape_leases_by_bus(e->shape)))))
                outcome_wrong(o, "VF %u is somebody's and was reset or made anew\n", vf);
}

static void judge_leases(const struct evidence *e, struct outcome *o)
{
        const struct request *r = &e->shape->request;

        for (uint32_t i = 0; i < WORLD_VFS; i++) {
                bool leased = e->now->vfs[i].lease == LEASE_LEASED;
                int64_t access = leased && driver_is_vfio(r->driver) ? (int64_t) r->uid : -1;

                if (e->now->vfs[i].access_uid != access)
                        outcome_wrong(o, "uid %lld may open VF %u, expected %lld\n",
                                (long long) e->now->vfs[i].access_uid, i, (long long) access);
                if (e->now->vfs[i].lease != LEASE_FREE && (!leased || i != r->vf))
                        outcome_wrong(o, "VF %u: its lease is %s\n", i,
                                lease_state_name(e->now->vfs[i].lease));
                if (!e->rebooted)
                        judge_resets(e, i, o);
        }
        if (e->now->vfs[r->vf].lease == LEASE_FREE)
                judge_free(e, r->vf, o);
        else if (e->shape->deed != DEED_RELEASE)
                judge_given(e, r->vf, o);
}

static unsigned judge_pf(
        const struct evidence *e, size_t pf, const char *old, const char *new, struct outcome *o)
{
        const char *now = e->now->pfs[pf], *text = e->report->pfs[pf].text;
        enum config_state state = e->report->pfs[pf].state;

        if (e->report->pfs[pf].open)
                outcome_wrong(o, "%s: its intent is still open\n", world_addresses[pf]);
        if (state == CONFIG_FAILED || state == CONFIG_ALARM) {
                if (!text[0] || !is_explained(now, old, new, text))
                        tell_between(pf, now, old, new, "reported, but in between", o);
                return REPORTED;
        }
        if (streq(now, old) && streq(now, new))
                return 0;
        if (streq(now, new))
                return NEW;
        if (streq(now, old))
                return OLD;
        tell_between(pf, now, old, new, "in between, and nobody says so", o);
        return 0;
}

static unsigned allowed(const struct evidence *e)
{
        const struct expectation *x = e->rebooted ? &e->shape->boot : &e->shape->life;

        return x->after && e->passed[x->place] > 0 ? x->after : x->allowed;
}

static void words(unsigned verdict, char *buf, size_t size)
{
        snprintf(buf, size, "%s%s%s", verdict & OLD ? " old" : "", verdict & NEW ? " new" : "",
                verdict & REPORTED ? " reported" : "");
}

void judge(const struct evidence *e, struct outcome *o)
{
        const struct snapshot *old = e->rebooted ? &e->refs->boot_old : &e->refs->old;
        const struct snapshot *new = e->rebooted ? &e->refs->boot_new : &e->refs->new;
        unsigned may = allowed(e), is = 0;
        char want[32], got[32];

        o->why[0] = '\0';
        for (size_t i = 0; i < WORLD_PFS; i++) {
                is |= judge_pf(e, i, old->pfs[i], new->pfs[i], o);
                if (!e->rebooted)
                        judge_holders(e, i, o);
        }
        if (shape_leases(e->shape))
                judge_leases(e, o);
        if (e->now->harmed > 0)
                outcome_wrong(o, "VFs were taken from their users\n");
        if (e->shape->keeps && !e->rebooted && e->now->netdevs != e->refs->old.netdevs &&
                e->now->netdevs != e->refs->new.netdevs)
                outcome_wrong(o, "VFs were made anew for what needs none\n");
        if (is == 0 && (may & (OLD | NEW)))
                is = may & NEW ? NEW : OLD;
        words(may, want, sizeof(want));
        words(is, got, sizeof(got));
        if ((is & OLD) && (is & NEW))
                outcome_wrong(o, "one PF is old, another one new\n");
        else if (is == 0 || (is & ~may))
                outcome_wrong(o, "ended%s, expected%s: %s\n", is ? got : " unreported", want,
                        e->report->pfs[PF_ICE].text);
        if (!o->why[0])
                o->verdict = is & REPORTED ? REPORTED : is;
}
