/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The states of a lease together with what really happens to the VF, explored to the end: every
 * interleaving of owners, jobs of one lane, a daemon that restarts, a machine that reboots and VFs
 * that vanish. Then the same with each rule of the machine changed, which has to be noticed.
 */
#include "model/lease.h"
#include "unit.h"

#define JOBS 3

enum job_kind { NO_JOB, PREPARE, SCRUB };
enum phase { QUEUED, RUNNING, HALF_DONE, DONE };

struct job {
        enum job_kind kind;
        enum phase phase;
        bool stale; /* of a lease that has ended: begins no more, and reaches nobody */
};

struct world {
        enum lease_state state; /* what the book says */
        bool persistent;
        bool dirty;            /* the truth: somebody was at the VF since it was new or reset */
        bool access;           /* the truth: an owner can get at it */
        bool released;         /* the truth: its owner gave it back, or is dead */
        bool here;             /* what the book says: the lease's boot_id is this boot's */
        struct job jobs[JOBS]; /* of the PF's lane, the first one may run */
};

enum move {
        MOVE_ACQUIRE,
        MOVE_ACQUIRE_PERSISTENT,
        MOVE_SUBMIT, /* the job that the state calls for */
        MOVE_BEGIN,
        MOVE_ADVANCE, /* the job does half of what it does */
        MOVE_SUCCEED,
        MOVE_FAIL,
        MOVE_LATER,
        MOVE_RELEASE, /* by its owner or his death, also a second time */
        MOVE_FORGIVE,
        MOVE_USE, /* by whoever has access, released or not */
        MOVE_GONE,
        MOVE_RESTART,
        MOVE_REBOOT,
        MOVE_MAX
};

/* A rule of the machine that is another one: to LEASE_STATE_MAX refuses. */
struct mutant {
        enum lease_state from;
        enum lease_event event;
        bool persistent;
        enum lease_state to;
};

struct explorer {
        const struct mutant *mutant; /* NULL: the machine as it is */
        bool late;                   /* the boot id is written down when the VF is ready */
        bool came_up;                /* the mutant's rule did */
        const char *broken;          /* which promise, NULL: none */
        uint8_t *seen;               /* by code: 1 seen, 2 comes to an end */
        uint32_t *nodes;
        size_t n;
};

#define CODES (1u << 23)

static uint32_t code_of(const struct world *w)
{
        uint32_t code = (uint32_t) w->state | (uint32_t) w->persistent << 3 |
                        (uint32_t) w->dirty << 4 | (uint32_t) w->access << 5 |
                        (uint32_t) w->released << 6 | (uint32_t) w->here << 7;

        for (unsigned i = 0; i < JOBS; i++)
                code |= ((uint32_t) w->jobs[i].kind | (uint32_t) w->jobs[i].phase << 2 |
                                (uint32_t) w->jobs[i].stale << 4)
                        << (8 + 5 * i);
        return code;
}

static struct world world_of(uint32_t code)
{
        struct world w = {.state = code & 7,
                .persistent = code >> 3 & 1,
                .dirty = code >> 4 & 1,
                .access = code >> 5 & 1,
                .released = code >> 6 & 1,
                .here = code >> 7 & 1};

        for (unsigned i = 0; i < JOBS; i++)
                w.jobs[i] = (struct job){.kind = code >> (8 + 5 * i) & 3,
                        .phase = code >> (10 + 5 * i) & 3,
                        .stale = code >> (12 + 5 * i) & 1};
        return w;
}

/* ---- moves -------------------------------------------------------------------------------------
 */

/* What the daemon does with an event of this lease: false when the machine refuses it. */
static bool tell(struct explorer *e, struct world *w, enum lease_event event)
{
        const struct mutant *m = e->mutant;
        enum lease_state to = w->state;

        if (m && m->from == w->state && m->event == event && m->persistent == w->persistent) {
                e->came_up = true;
                to = m->to;
        } else if (lease_step(w->state, event, w->persistent, &to) < 0) {
                return false;
        }
        if (to == LEASE_STATE_MAX)
                return false;
        w->state = to;
        if (to == LEASE_FREE) {
                w->persistent = w->released = w->here = false;
                for (unsigned i = 0; i < JOBS; i++)
                        w->jobs[i].stale = w->jobs[i].kind != NO_JOB;
        }
        return true;
}

static void end_job(struct world *w)
{
        memmove(w->jobs, w->jobs + 1, (JOBS - 1) * sizeof(*w->jobs));
        w->jobs[JOBS - 1] = (struct job){0};
}

static bool submit(struct world *w)
{
        enum job_kind kind = w->state == LEASE_PREPARING ? PREPARE
                             : w->state == LEASE_DIRTY   ? SCRUB
                                                         : NO_JOB;
        unsigned i;

        for (i = 0; i < JOBS && w->jobs[i].kind != NO_JOB; i++)
                if (w->jobs[i].kind == kind && !w->jobs[i].stale)
                        return false;
        if (kind == NO_JOB || i == JOBS)
                return false;
        w->jobs[i].kind = kind;
        return true;
}

static bool begin(struct explorer *e, struct world *w)
{
        struct job *job = &w->jobs[0];

        if (job->kind == NO_JOB || job->phase != QUEUED)
                return false;
        if (job->stale || (job->kind == PREPARE && w->state != LEASE_PREPARING) ||
                (job->kind == SCRUB && !tell(e, w, LEASE_SCRUB)))
                end_job(w);
        else
                job->phase = RUNNING;
        if (w->jobs[0].phase == RUNNING && !e->late)
                w->here = true;
        return true;
}

/* Preparing touches the VF, then lets its owner in; a scrub shuts him out, then resets. */
static bool advance(struct world *w)
{
        struct job *job = &w->jobs[0];
        bool first = job->phase == RUNNING;

        if (job->kind == NO_JOB || job->stale || job->phase == QUEUED || job->phase == DONE)
                return false;
        job->phase++;
        if (job->kind == PREPARE && first)
                w->dirty = true;
        else if (job->kind == PREPARE)
                w->access = true;
        else if (first)
                w->access = false;
        else
                w->dirty = false;
        return true;
}

static bool finish(struct explorer *e, struct world *w, enum move how)
{
        const struct job job = w->jobs[0];
        enum lease_event event = job.kind == PREPARE ? LEASE_NOT_PREPARED
                                 : how == MOVE_LATER ? LEASE_SCRUB_LATER
                                                     : LEASE_SCRUB_FAILED;

        if (job.kind == NO_JOB || job.phase == QUEUED)
                return false;
        if (how == MOVE_SUCCEED) {
                if (job.phase != DONE || job.stale)
                        return false;
                event = job.kind == PREPARE ? LEASE_PREPARED : LEASE_SCRUBBED;
        }
        if (how == MOVE_LATER && job.kind != SCRUB)
                return false;
        end_job(w);
        if (!job.stale && tell(e, w, event) && event == LEASE_PREPARED)
                w->here = true;
        return true;
}

/* The hardware forgets; whatever ran on it fails. */
static bool forget(struct explorer *e, struct world *w, enum lease_event event)
{
        w->dirty = w->access = false;
        for (unsigned i = 0; i < JOBS; i++)
                w->jobs[i].stale = w->jobs[i].kind != NO_JOB;
        tell(e, w, event);
        if (event == LEASE_REBOOT) {
                memset(w->jobs, 0, sizeof(w->jobs));
                w->here = false;
        }
        return true;
}

static bool restart(struct explorer *e, struct world *w)
{
        memset(w->jobs, 0, sizeof(w->jobs));
        tell(e, w, w->here || w->state == LEASE_FREE ? LEASE_RESTART : LEASE_REBOOT);
        return true;
}

/* False when it can not happen here. */
static bool apply(struct explorer *e, struct world *w, enum move move)
{
        switch (move) {
        case MOVE_ACQUIRE:
        case MOVE_ACQUIRE_PERSISTENT:
                if (w->state == LEASE_FREE)
                        w->persistent = move == MOVE_ACQUIRE_PERSISTENT;
                if (!tell(e, w, LEASE_ACQUIRE))
                        return false;
                w->here = true;
                return true;
        case MOVE_SUBMIT:
                return submit(w);
        case MOVE_BEGIN:
                return begin(e, w);
        case MOVE_ADVANCE:
                return advance(w);
        case MOVE_SUCCEED:
        case MOVE_FAIL:
        case MOVE_LATER:
                return finish(e, w, move);
        case MOVE_RELEASE:
                w->released = w->state != LEASE_FREE;
                tell(e, w, LEASE_RELEASE);
                return true;
        case MOVE_FORGIVE:
                return tell(e, w, LEASE_FORGIVE);
        case MOVE_USE:
                w->dirty = w->dirty || w->access;
                return true;
        case MOVE_GONE:
                return forget(e, w, LEASE_VF_GONE);
        case MOVE_RESTART:
                return restart(e, w);
        case MOVE_REBOOT:
                return forget(e, w, LEASE_REBOOT);
        case MOVE_MAX:
                break;
        }
        return false;
}

/* ---- promises ----------------------------------------------------------------------------------
 */

static const char *broken_in(const struct world *w)
{
        bool scrubs = w->jobs[0].kind == SCRUB && w->jobs[0].phase != QUEUED && !w->jobs[0].stale;

        if (w->state == LEASE_FREE && w->dirty)
                return "free, and not clean since it was given";
        if (w->state == LEASE_FREE && w->access)
                return "free, and somebody can get at it";
        if (w->state == LEASE_LEASED && !w->access)
                return "leased, and its owner can not get at it";
        if (w->released && (w->state == LEASE_PREPARING || w->state == LEASE_LEASED))
                return "given back, and still had";
        if (w->state == LEASE_LEASED && scrubs)
                return "leased, and it is being reset";
        if (w->state == LEASE_SCRUBBING && !scrubs)
                return "scrubbing, and nobody does it";
        return NULL;
}

static const char *broken_by(const struct world *from, enum move move, const struct world *to)
{
        bool acquires = move == MOVE_ACQUIRE || move == MOVE_ACQUIRE_PERSISTENT;

        if (acquires && from->state != LEASE_FREE)
                return "given a second time";
        if (acquires && to->state != LEASE_PREPARING)
                return "given before it was prepared";
        if (move == MOVE_RELEASE && from->state != LEASE_PREPARING && from->state != LEASE_LEASED &&
                to->state != from->state)
                return "a late release changed something";
        if (move == MOVE_RESTART && (to->dirty != from->dirty || to->access != from->access))
                return "a restart touched the hardware";
        if (move == MOVE_RESTART && to->state != from->state && from->state != LEASE_SCRUBBING &&
                (from->state == LEASE_LEASED || from->state == LEASE_QUARANTINED ||
                        (from->persistent && from->state == LEASE_PREPARING)))
                return "a restart ended a lease or a quarantine";
        if (move == MOVE_REBOOT && from->persistent && !from->released &&
                (from->state == LEASE_LEASED || from->state == LEASE_PREPARING) &&
                to->state != LEASE_PREPARING)
                return "a reboot ended a persistent lease";
        if (move == MOVE_SUCCEED && from->jobs[0].kind == PREPARE && from->state != to->state &&
                to->state != LEASE_LEASED)
                return "prepared, and nobody has it";
        if (move == MOVE_GONE && to->state != LEASE_FREE)
                return "a VF that is new is not free";
        if (move == MOVE_REBOOT && to->state != LEASE_FREE &&
                !(from->persistent &&
                        (from->state == LEASE_LEASED || from->state == LEASE_PREPARING)))
                return "a lease outlived its boot";
        return NULL;
}

/* ---- exploring ---------------------------------------------------------------------------------
 */

static void visit(struct explorer *e, const struct world *w)
{
        uint32_t code = code_of(w);

        assert_true(code < CODES);
        if (e->seen[code])
                return;
        e->seen[code] = 1;
        e->nodes[e->n++] = code;
        if (!e->broken)
                e->broken = broken_in(w);
}

/* Does it come to free or quarantined by what jobs and owners do, and out of quarantine again. */
static bool ends(struct explorer *e, const struct world *w)
{
        for (unsigned move = MOVE_SUBMIT; move <= MOVE_FORGIVE; move++) {
                struct world to = *w;

                if (apply(e, &to, move) && e->seen[code_of(&to)] == 2)
                        return true;
        }
        return false;
}

static void check_ends(struct explorer *e)
{
        bool more = true;

        for (size_t i = 0; i < e->n; i++)
                if (world_of(e->nodes[i]).state == LEASE_FREE)
                        e->seen[e->nodes[i]] = 2;
        while (more) {
                more = false;
                for (size_t i = e->n; i-- > 0;) {
                        const struct world w = world_of(e->nodes[i]);

                        if (e->seen[e->nodes[i]] == 1 && ends(e, &w)) {
                                e->seen[e->nodes[i]] = 2;
                                more = true;
                        }
                }
        }
        for (size_t i = 0; i < e->n; i++)
                if (e->seen[e->nodes[i]] == 1)
                        e->broken = "no way leads to free";
}

/* Which promise is broken, NULL for none. */
static const char *explore(const struct mutant *mutant, bool late, bool *ret_came_up, size_t *ret_n,
        uint32_t *ret_states)
{
        _cleanup_(freep) uint8_t *seen = calloc(CODES, 1);
        _cleanup_(freep) uint32_t *nodes = calloc(CODES, sizeof(*nodes));
        struct explorer e = {.mutant = mutant, .late = late, .seen = seen, .nodes = nodes};
        const struct world start = {.state = LEASE_FREE};

        visit(&e, &start);
        for (size_t i = 0; i < e.n && !e.broken; i++)
                for (unsigned move = 0; move < MOVE_MAX && !e.broken; move++) {
                        const struct world from = world_of(nodes[i]);
                        struct world to = from;

                        if (!apply(&e, &to, move))
                                continue;
                        e.broken = broken_by(&from, move, &to);
                        visit(&e, &to);
                        *ret_states |= BIT(to.state);
                }
        if (!e.broken)
                check_ends(&e);
        *ret_n = e.n;
        *ret_came_up = e.came_up;
        return e.broken;
}

static void promises(void **state)
{
        uint32_t states = 0;
        const char *broken;
        bool came_up;
        size_t n;

        (void) state;
        broken = explore(NULL, false, &came_up, &n, &states);
        if (broken)
                fail_msg("%s", broken);
        assert_true(states == BIT(LEASE_STATE_MAX) - 1); /* every one was there */
        print_message("# %zu states of the world\n", n);
        assert_true(n > 500);
}

/*
 * The boot id has to be in the book before the job touches the VF. Written down only when the VF is
 * ready, a persistent lease that is given up half prepared after a reboot looks, to the next life
 * of the daemon, like one of a VF that is gone.
 */
static void the_boot_id_comes_first(void **state)
{
        uint32_t states = 0;
        bool came_up;
        size_t n;

        (void) state;
        assert_string_equal(explore(NULL, true, &came_up, &n, &states),
                "free, and not clean since it was given");
}

/* Is a rule like this against a promise as soon as it comes up. */
static bool forbidden(const struct mutant *m)
{
        if (m->event == LEASE_VF_GONE || m->event == LEASE_REBOOT)
                return m->from != LEASE_FREE;
        return ((m->to == LEASE_FREE || m->to == LEASE_LEASED) && m->to != m->from) ||
               (m->event == LEASE_ACQUIRE && m->to != LEASE_STATE_MAX);
}

static void change_rule(const struct mutant *m, unsigned *noticed)
{
        enum lease_state is = m->from, now = m->to == LEASE_STATE_MAX ? m->from : m->to;
        bool refused = lease_step(m->from, m->event, m->persistent, &is) < 0, came_up;
        uint32_t states = 0;
        const char *broken;
        size_t n;

        if (is == now && (!refused || m->to == LEASE_STATE_MAX))
                return;
        broken = explore(m, false, &came_up, &n, &states);
        *noticed += broken != NULL;
        if (!broken && came_up && forbidden(m))
                fail_msg("%s %s %d: %s instead of %s, and nobody noticed",
                        lease_state_name(m->from), lease_event_name(m->event), m->persistent,
                        lease_state_name(m->to), refused ? "refused" : lease_state_name(is));
}

/*
 * Each rule changed to each other state, one at a time: what gives a VF away too early, too often
 * or not at all breaks a promise, unless it never comes up. So the promises are not empty.
 */
static void every_rule_counts(void **state)
{
        unsigned noticed = 0;

        (void) state;
        for (unsigned from = 0; from < LEASE_STATE_MAX; from++)
                for (unsigned event = 0; event < LEASE_EVENT_MAX; event++)
                        for (unsigned to = 0; to <= LEASE_STATE_MAX; to++) {
                                change_rule(&(struct mutant){from, event, false, to}, &noticed);
                                change_rule(&(struct mutant){from, event, true, to}, &noticed);
                        }
        print_message("# %u changed rules were noticed\n", noticed);
        assert_true(noticed > 300);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(promises),
                cmocka_unit_test(the_boot_id_comes_first),
                cmocka_unit_test(every_rule_counts),
        };

        return cmocka_run_group_tests_name("lease-model", tests, NULL, NULL);
}
