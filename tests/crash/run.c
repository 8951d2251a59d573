/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lives of one run. See run.h. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/parse.h"
#include "run.h"

const struct mode_info modes[MODE_MAX] = {
        [MODE_KILL] = {.name = "kill"},
        [MODE_AGAIN] = {.name = "kill-kill", .again = true},
        [MODE_POWER] = {.name = "power", .power = true},
        [MODE_SLOW] = {.name = "slow", .slow = true},
        [MODE_KILL_POWER] = {.name = "kill-power", .again = true, .power_again = true},
        [MODE_POWER_KILL] = {.name = "power-kill", .power = true, .again = true},
};

int spec_parse(char *text, struct spec *ret)
{
        char *part[5];
        uint32_t nth, seed;
        unsigned mode = 0;

        for (unsigned i = 0; i < 5; i++)
                if (!(part[i] = strsep(&text, ":")))
                        return -EINVAL;
        while (mode < MODE_MAX && !streq(modes[mode].name, part[3]))
                mode++;
        *ret = (struct spec){.shape = shape_find(part[0]),
                .place = crash_place_from_name(part[1]),
                .mode = mode};
        if (!ret->shape || ret->place == CRASH_PLACE_MAX || mode == MODE_MAX ||
                parse_u32(part[2], 0, UINT32_MAX, &nth) < 0 ||
                parse_u32(part[4], 0, UINT32_MAX, &seed) < 0)
                return -EINVAL;
        ret->nth = nth;
        ret->seed = seed;
        return 0;
}

/* Well mixed (splitmix64), so that neighbours have nothing in common. */
static uint64_t mix(uint64_t x)
{
        x += 0x9e3779b97f4a7c15u;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        return x ^ (x >> 31);
}

bool live(struct world *w, const struct life *life, unsigned *passed, struct outcome *o,
        enum ending expected)
{
        enum ending ending = world_live(w, life);

        for (unsigned i = 0; passed && i < CRASH_PLACE_MAX; i++)
                passed[i] += w->report->passed[i];
        if (ending == LIFE_BROKEN)
                outcome_wrong(o, "%s\n", w->report->trouble);
        else if (ending != expected && expected == LIFE_SETTLED)
                outcome_wrong(o, "crashed where it should not\n");
        else if (ending != expected)
                o->missed = true;
        return ending != LIFE_BROKEN;
}

/* Which of the places that the next life goes by: seen on a copy of the host. */
static void choose_second(struct world *w, uint64_t seed, struct life *life, struct shared *s)
{
        unsigned total = 0;
        char dir[80];
        pid_t pid;

        world_stop(w);
        memset(s->passed, 0, sizeof(s->passed));
        pid = fork();
        if (pid < 0)
                die("fork", -errno);
        if (pid == 0) {
                struct outcome o = {0};

                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                snprintf(dir, sizeof(dir), "%s-next", w->dir);
                world_branch(w, dir);
                world_serve(w);
                live(w, life, s->passed, &o, LIFE_SETTLED);
                world_free(w);
                _exit(0);
        }
        (void) waitpid(pid, NULL, 0);
        world_serve(w);
        for (unsigned i = 0; i < CRASH_PLACE_MAX; i++)
                total += s->passed[i];
        if (total == 0)
                return;
        total = (unsigned) (mix(seed) % total);
        for (life->place = 0; total >= s->passed[life->place]; life->place++)
                total -= s->passed[life->place];
        life->after = total;
}

/* Lives until the last one has settled. */
static bool cut_off(struct world *w, const struct spec *spec, struct shared *s, unsigned *passed,
        bool *ret_rebooted)
{
        const struct mode_info *mode = &modes[spec->mode];
        struct life first = {
                .shape = spec->shape, .deed = true, .place = spec->place, .after = spec->nth};
        struct life second = {.shape = spec->shape, .place = CRASH_PLACE_MAX};
        const struct life last = {.shape = spec->shape, .place = CRASH_PLACE_MAX};

        w->deny = spec->seed & 1;
        w->slow = mode->slow;
        if (!live(w, &first, passed, &s->outcome, LIFE_CRASHED))
                return false;
        s->crashed[first.place] += !s->outcome.missed;
        if (mode->power)
                world_reboot(w, true, mix(spec->seed));
        *ret_rebooted = mode->power;
        if (mode->again) {
                w->slow = false;
                choose_second(w, spec->seed, &second, s);
                fprintf(stderr, "---- second life, ends at %s:%u\n", crash_place_name(second.place),
                        second.after);
                if (!live(w, &second, NULL, &s->outcome,
                            second.place == CRASH_PLACE_MAX ? LIFE_SETTLED : LIFE_CRASHED))
                        return false;
                if (second.place < CRASH_PLACE_MAX)
                        s->crashed[second.place]++;
                if (mode->power_again)
                        world_reboot(w, true, mix(spec->seed + 1));
                *ret_rebooted |= mode->power_again;
        }
        fprintf(stderr, "---- last life\n");
        return live(w, &last, NULL, &s->outcome, LIFE_SETTLED);
}

/* A restart when converged writes nothing. */
static void live_on(struct world *w, struct outcome *o)
{
        const struct life life = {.shape = w->shape, .place = CRASH_PLACE_MAX};
        struct snapshot before, after;
        unsigned verdict = o->verdict;

        fprintf(stderr, "---- a restart\n");
        world_look(w, &before);
        w->slow = false;
        live(w, &life, NULL, o, LIFE_SETTLED);
        world_look(w, &after);
        if (verdict != REPORTED && after.writes != before.writes)
                outcome_wrong(o, "a restart wrote %llu times\n",
                        (unsigned long long) (after.writes - before.writes));
        for (size_t i = 0; i < WORLD_PFS; i++)
                if (!streq(before.pfs[i], after.pfs[i]) && verdict != REPORTED)
                        outcome_wrong(o, "a restart changed %s:\n%s--- from:\n%s",
                                world_addresses[i], after.pfs[i], before.pfs[i]);
}

void run_spec(
        struct world *w, const struct references *refs, const struct spec *spec, struct shared *s)
{
        unsigned passed[CRASH_PLACE_MAX] = {0};
        struct snapshot now;
        struct evidence e = {spec->shape, refs, &now, w->report, passed, false};

        if (!cut_off(w, spec, s, passed, &e.rebooted))
                return;
        world_look(w, &now);
        judge(&e, &s->outcome);
        if (s->outcome.verdict)
                live_on(w, &s->outcome);
}

void run_undisturbed(struct world *w, enum undisturbed what, struct shared *s)
{
        const struct shape *shape = w->shape;
        struct life life = {
                shape, .deed = true, .waits = what == WITHOUT_FAULTS, .place = CRASH_PLACE_MAX};
        const char *new =
                shape->given || !shape->new_config ? shape->old_config : shape->new_config;

        if (what == BOOT_NEW && shape_leases(shape) &&
                !live(w, &life, NULL, &s->outcome, LIFE_SETTLED))
                return;
        if (what == BOOT_OLD || what == BOOT_NEW) {
                life.deed = false;
                if (!shape_leases(shape)) { /* a lease is in the book alone */
                        w->disk = testdisk_new();
                        world_configure(w,
                                what == BOOT_OLD ? shape->boot_old ?: shape->old_config
                                                 : shape->boot_new ?: new);
                }
                world_reboot(w, false, 0);
        }
        if (what != UNDISTURBED) {
                _cleanup_(machine_unlockp) struct machine *m = machine_lock(w->machine);

                (void) machine_release(m, 0);
        }
        if (live(w, &life, s->passed, &s->outcome, LIFE_SETTLED))
                world_look(w, &s->snapshot);
        s->outcome.verdict = s->outcome.why[0] ? 0 : NEW;
}
