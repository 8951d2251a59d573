/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends the daemon at every crash place of every transaction, in every way, and looks what has
 * become of the hardware: each PF is as it was, as it shall be, or somebody was told; a VF that was
 * leased or given back is its owner's, or free and clean. TAP, a line for each transaction; the
 * last line says it all.
 *
 *   tests/crash/crash                                   CRASH_RUNS (about), on CRASH_JOBS processes
 *   tests/crash/crash --run=SHAPE:PLACE:N:MODE:SEED     one run, with the log of its lives
 *   tests/crash/crash --shape=SHAPE                     its runs alone
 *
 * Each run begins from the same moment: a process is forked off that has the host as it was, with a
 * disk of its own. One thread; each run in a process of its own, its daemons in children of that.
 */
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/parse.h"
#include "run.h"

#define RUNS_DEFAULT 600u
#define RUNS_ALL     5000u /* from here on every place by each of the first MODES_ALL modes */
#define MODES_ALL    3u
#define SLOTS_MAX    16u
#define FAILURES_MAX 2u /* of a shape, that are printed in full */

struct slot {
        pid_t pid;
        struct spec spec;
        char dir[48], log[64];
        struct shared *shared;
};

struct tally {
        unsigned old, new, reported, wrong, missed;
};

struct harness {
        char dir[32];
        unsigned runs, n_slots;
        struct slot slots[SLOTS_MAX];
        struct world *world; /* of this shape, at the moment where its runs begin */
        struct references refs;
        struct tally tally[MODE_MAX];
        unsigned n_test, n_runs, n_wrong, n_missed, n_shape_wrong;
        unsigned places[CRASH_PLACE_MAX]; /* how many runs crashed there */
};

static void *shared_new(size_t size)
{
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                die("mmap", -errno);
        return p;
}

/* ---- processes ---------------------------------------------------------------------------------
 */

/* Its messages, and those of the daemons, go to the log. */
static void redirect(const char *log)
{
        int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

        if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
                die(log, -errno);
}

static void begin(struct harness *h, struct slot *slot, const struct spec *spec)
{
        slot->spec = *spec;
        memset(slot->shared, 0, sizeof(*slot->shared));
        snprintf(slot->shared->outcome.why, sizeof(slot->shared->outcome.why),
                "the run's process ended by itself\n");
        fflush(NULL);
        slot->pid = fork();
        if (slot->pid < 0)
                die("fork", -errno);
        if (slot->pid > 0)
                return;
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        redirect(slot->log);
        slot->shared->outcome.why[0] = '\0';
        world_branch(h->world, slot->dir);
        world_serve(h->world);
        run_spec(h->world, &h->refs, spec, slot->shared);
        world_free(h->world);
        _exit(0);
}

static void print_log(const char *log)
{
        FILE *f = fopen(log, "re");
        char line[2200];

        while (f && fgets(line, sizeof(line), f))
                printf("#   %s", line);
        if (f)
                fclose(f);
}

static void print_failure(const struct slot *slot)
{
        const struct spec *spec = &slot->spec;
        char text[sizeof(slot->shared->outcome.why)], *line = text, *next;

        printf("# WRONG --run=%s:%s:%u:%s:%llu\n", spec->shape->name, crash_place_name(spec->place),
                spec->nth, modes[spec->mode].name, (unsigned long long) spec->seed);
        memcpy(text, slot->shared->outcome.why, sizeof(text));
        while ((next = strsep(&line, "\n")))
                if (next[0])
                        printf("# %s\n", next);
        print_log(slot->log);
}

static void end(struct harness *h, struct slot *slot, int status)
{
        struct outcome *o = &slot->shared->outcome;
        struct tally *t = &h->tally[slot->spec.mode];

        slot->pid = 0;
        h->n_runs++;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                outcome_wrong(o, "the run's process ended with status %d\n", status);
        t->missed += o->missed;
        for (unsigned i = 0; i < CRASH_PLACE_MAX; i++)
                h->places[i] += slot->shared->crashed[i];
        t->old += o->verdict == OLD;
        t->new += o->verdict == NEW;
        t->reported += o->verdict == REPORTED;
        if (o->verdict)
                return;
        t->wrong++;
        h->n_wrong++;
        if (h->n_shape_wrong++ < FAILURES_MAX)
                print_failure(slot);
}

/* The next slot that is free; one ends if need be. */
static struct slot *free_slot(struct harness *h, bool all)
{
        for (;;) {
                struct slot *found = NULL;
                bool busy = false;
                int status;
                pid_t pid;

                for (unsigned i = 0; i < h->n_slots; i++) {
                        found = h->slots[i].pid == 0 ? &h->slots[i] : found;
                        busy |= h->slots[i].pid != 0;
                }
                if (all ? !busy : found != NULL)
                        return found;
                pid = waitpid(-1, &status, 0);
                for (unsigned i = 0; i < h->n_slots; i++)
                        if (pid > 0 && h->slots[i].pid == pid)
                                end(h, &h->slots[i], status);
        }
}

/* ---- what is to be expected --------------------------------------------------------------------
 */

static bool reference(
        struct harness *h, enum undisturbed what, struct snapshot *ret, unsigned *ret_passed)
{
        struct slot *slot = &h->slots[0];
        int status;

        memset(slot->shared, 0, sizeof(*slot->shared));
        fflush(NULL);
        slot->pid = fork();
        if (slot->pid < 0)
                die("fork", -errno);
        if (slot->pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                redirect(slot->log);
                world_branch(h->world, slot->dir);
                world_serve(h->world);
                run_undisturbed(h->world, what, slot->shared);
                world_free(h->world);
                _exit(0);
        }
        if (waitpid(slot->pid, &status, 0) != slot->pid)
                die("waitpid", -errno);
        slot->pid = 0;
        if (slot->shared->outcome.verdict == 0) {
                printf("# %s: undisturbed (%d) it does not settle: %s\n", h->world->shape->name,
                        (int) what, slot->shared->outcome.why);
                print_log(slot->log);
                return false;
        }
        *ret = slot->shared->snapshot;
        if (ret_passed)
                memcpy(ret_passed, slot->shared->passed, sizeof(slot->shared->passed));
        return true;
}

/* The host as it is when the runs begin. */
static bool arrange(struct harness *h, const struct shape *shape)
{
        const struct life life = {.shape = shape,
                .prepare = shape->deed == DEED_ROLLBACK ? shape->new_config : NULL,
                .leases = shape->deed == DEED_RELEASE,
                .place = CRASH_PLACE_MAX};
        struct outcome o = {0};
        struct dev_id id;
        char dir[48];
        int saved;

        snprintf(dir, sizeof(dir), "%s/start", h->dir);
        h->world = world_new(shape, dir);
        world_configure(h->world, shape->old_config);
        saved = dup(STDERR_FILENO);
        redirect(h->slots[0].log);
        world_serve(h->world);
        live(h->world, &life, NULL, &o, LIFE_SETTLED);
        (void) dup2(saved, STDERR_FILENO);
        close(saved);
        world_stop(h->world);
        if (o.why[0]) {
                printf("# %s: can not be arranged: %s\n", shape->name, o.why);
                print_log(h->slots[0].log);
                return false;
        }
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(h->world->machine);

        if (shape->arrange)
                shape->arrange(m);
        while (machine_next_event(m, &id)) {
        }
        return true;
}

static bool refer(struct harness *h)
{
        struct references *refs = &h->refs;
        struct snapshot ignored;

        if (h->world->shape->deed == DEED_BOOT)
                world_configure(h->world, h->world->shape->new_config);
        world_look(h->world, &refs->old);
        return reference(h, UNDISTURBED, &ignored, refs->passed) &&
               reference(h, WITHOUT_FAULTS, &refs->new, NULL) &&
               reference(h, BOOT_OLD, &refs->boot_old, NULL) &&
               reference(h, BOOT_NEW, &refs->boot_new, NULL);
}

/* ---- all of a shape ----------------------------------------------------------------------------
 */

static unsigned count_passes(const struct references *refs)
{
        unsigned n = 0;

        for (unsigned i = 0; i < CRASH_PLACE_MAX; i++)
                n += refs->passed[i];
        return n;
}

/* The k-th of all combinations of place and mode; beyond them the same with other seeds. */
static struct spec spec_of(const struct harness *h, unsigned k, unsigned passes)
{
        static const enum mode order[] = {MODE_KILL, MODE_AGAIN, MODE_POWER, MODE_SLOW,
                MODE_KILL_POWER, MODE_POWER_KILL, MODE_AGAIN, MODE_POWER};
        struct spec spec = {
                .shape = h->world->shape, .mode = order[k / passes % ELEMENTSOF(order)], .seed = k};

        k %= passes;
        for (spec.place = 0; k >= h->refs.passed[spec.place]; spec.place++)
                k -= h->refs.passed[spec.place];
        spec.nth = k;
        return spec;
}

static void print_shape(struct harness *h, const struct shape *shape, bool good)
{
        char line[512], cell[32];
        size_t n = 0;

        line[0] = '\0';
        for (unsigned i = 0; i < MODE_MAX; i++) {
                const struct tally *t = &h->tally[i];

                h->n_missed += t->missed;
                good &= t->wrong == 0;
                snprintf(cell, sizeof(cell), "%u/%u/%u", t->old, t->new, t->reported);
                n += (size_t) snprintf(line + n, sizeof(line) - n, " %12s", cell);
        }
        printf("%s %u - %-15s%s\n", good ? "ok" : "not ok", ++h->n_test, shape->name, line);
        fflush(stdout);
}

/*
 * Which combination the i-th of n runs is. All of the first three modes when there are runs enough,
 * and as evenly as may be of the others; else some of everywhere.
 */
static unsigned choose(unsigned i, unsigned n, unsigned passes)
{
        unsigned first = MODES_ALL * passes, all = MODE_MAX * passes;

        if (n >= all || (n >= first && i < first))
                return i;
        if (n >= first)
                return first + (unsigned) ((uint64_t) (i - first) * (all - first) / (n - first));
        return (unsigned) ((uint64_t) i * all / n);
}

/* However few the runs are: where old becomes new, and where nobody has crashed before. */
static void leave_no_place_out(struct harness *h)
{
        const struct expectation *x = &h->world->shape->life;
        struct spec spec = {.shape = h->world->shape, .mode = MODE_KILL};

        free_slot(h, true);
        for (spec.place = 0; spec.place < CRASH_PLACE_MAX; spec.place++)
                if (h->refs.passed[spec.place] > 0 &&
                        (h->places[spec.place] == 0 || (x->after && spec.place == x->place)))
                        begin(h, free_slot(h, false), &spec);
}

static void run_shape(struct harness *h, const struct shape *shape)
{
        unsigned passes, want = h->runs / (unsigned) n_shapes + 1;
        bool good;

        memset(h->tally, 0, sizeof(h->tally));
        memset(&h->refs, 0, sizeof(h->refs));
        h->n_shape_wrong = 0;
        good = arrange(h, shape) && refer(h);
        passes = good ? count_passes(&h->refs) : 0;
        if (good && passes == 0) {
                printf("# %s: no crash place is ever passed\n", shape->name);
                good = false;
        }
        if (h->runs >= RUNS_ALL && want < (MODES_ALL + 1) * passes)
                want = (MODES_ALL + 1) * passes;
        for (unsigned i = 0; passes > 0 && i < want; i++) {
                struct spec spec = spec_of(h, choose(i, want, passes), passes);
                struct slot *slot = free_slot(h, false);

                begin(h, slot, &spec);
        }
        if (good)
                leave_no_place_out(h);
        h->n_wrong += !good;
        free_slot(h, true);
        world_free(h->world);
        print_shape(h, shape, good);
}

/* ---- the program -------------------------------------------------------------------------------
 */

static unsigned number(const char *name, unsigned otherwise)
{
        const char *text = getenv(name);
        uint32_t n = otherwise;

        if (text && parse_u32(text, 1, 10000000, &n) < 0) {
                fprintf(stderr, "%s: a number is expected\n", name);
                exit(2);
        }
        return n;
}

static int run_one(struct harness *h, const struct spec *spec)
{
        static const char *const verdicts[] = {
                [0] = "wrong", [OLD] = "old", [NEW] = "new", [REPORTED] = "reported"};
        struct slot *slot = &h->slots[0];

        if (!arrange(h, spec->shape) || !refer(h))
                return EXIT_FAILURE;
        begin(h, slot, spec);
        free_slot(h, true);
        if (h->n_wrong == 0)
                print_log(slot->log);
        printf("%s%s\n", verdicts[slot->shared->outcome.verdict],
                slot->shared->outcome.missed ? " (a crash place was not reached)" : "");
        world_free(h->world);
        return h->n_wrong > 0;
}

static int run_all(struct harness *h, const struct shape *only)
{
        uint64_t began = now_usec();
        unsigned places = 0;

        printf("1..%zu\n# old/new/reported      ", (only ? 1 : n_shapes) + 1);
        for (unsigned i = 0; i < MODE_MAX; i++)
                printf(" %12s", modes[i].name);
        printf("\n");
        if (only)
                h->runs *= (unsigned) n_shapes;
        for (size_t i = 0; i < n_shapes; i++)
                if (!only || only == &shapes[i])
                        run_shape(h, &shapes[i]);
        for (unsigned i = 0; i < CRASH_PLACE_MAX; i++) {
                places += h->places[i] > 0;
                if (h->places[i] == 0 && !only) {
                        printf("# nobody crashed at %s\n", crash_place_name(i));
                        h->n_wrong += h->runs >= RUNS_ALL; /* else a recovery may be left out */
                }
        }
        printf("%s %u - %u runs, %zu transactions, %u crash places: %u wrong, %u where the place "
               "was not reached, %llu s\n",
                h->n_wrong == 0 ? "ok" : "not ok", ++h->n_test, h->n_runs, only ? 1 : n_shapes,
                places, h->n_wrong, h->n_missed,
                (unsigned long long) (now_usec() - began) / 1000000);
        return h->n_wrong > 0;
}

static void remove_dir(const char *dir)
{
        char command[96];

        snprintf(command, sizeof(command), "rm -rf '%s'", dir);
        if (system(command) != 0)
                fprintf(stderr, "crash: %s stays\n", dir);
}

int main(int argc, char *argv[])
{
        static const struct option table[] = {{"run", required_argument, NULL, 'r'},
                {"shape", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
        struct harness h = {.dir = "/tmp/crash-XXXXXX"};
        const struct shape *only = NULL;
        struct spec spec = {0};
        int c, r;

        while ((c = getopt_long(argc, argv, "", table, NULL)) >= 0) {
                if (c == 's' && (only = shape_find(optarg)))
                        continue;
                if (c == 'r' && spec_parse(optarg, &spec) == 0)
                        continue;
                fprintf(stderr, "expected --run=SHAPE:PLACE:N:MODE:SEED or --shape=SHAPE\n");
                return 2;
        }
        signal(SIGPIPE, SIG_IGN);
        h.runs = number("CRASH_RUNS", RUNS_DEFAULT);
        h.n_slots = number("CRASH_JOBS", 2 * (unsigned) sysconf(_SC_NPROCESSORS_ONLN));
        if (h.n_slots > SLOTS_MAX)
                h.n_slots = SLOTS_MAX;
        if (!mkdtemp(h.dir))
                die("mkdtemp", -errno);
        for (unsigned i = 0; i < h.n_slots; i++) {
                h.slots[i].shared = shared_new(sizeof(struct shared));
                snprintf(h.slots[i].dir, sizeof(h.slots[i].dir), "%s/%u", h.dir, i);
                snprintf(h.slots[i].log, sizeof(h.slots[i].log), "%s/%u.log", h.dir, i);
        }
        r = spec.shape ? run_one(&h, &spec) : run_all(&h, only);
        remove_dir(h.dir);
        return r;
}
