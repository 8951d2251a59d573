/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs: a list of steps on one PF. The loop thread leads: it hands one step after the other to the
 * PF's lane, so who is busy, the numvfs token and the counters need no lock. Only run_work() and
 * what it calls are on a worker thread.
 */
#include <inttypes.h>
#include <stdio.h>

#include "backend/codec.h"
#include "backend/server_private.h"

struct run {
        struct request rq; /* first; its fault and result are those of the last work */
        struct pf_ref ref;
        struct step *steps;
        size_t n;
        size_t done;            /* steps that went through; then the index of the one at work */
        uint64_t deadline_usec; /* now_usec() after which no step begins */
        bool observing;         /* the work is the reading at the end */
        bool handed;            /* the step at work was given to the implementation */
        struct pf_facts facts;

        /* Loop. */
        uint64_t step_since; /* now_usec(); 0 no step is at work */
        struct fault fault;  /* of the run */
        struct run *prev, *next;
};

static void run_drop(struct lane_work *work)
{
        struct run *run = (struct run *) work;

        free(run->steps);
        pf_facts_done(&run->facts);
        free(run);
}

/* Worker. Says who holds what the step would take away, or that nobody does (0). */
static int refuse_held(struct run *run, const struct step *step)
{
        _cleanup_(freep) struct holder *holders = NULL;
        struct request *rq = &run->rq;
        size_t n = 0;
        int r;

        r = rq->ops->holders(rq->backend, &rq->pf, step->vf, &holders, &n, &rq->fault);
        return r < 0 ? r : step_refuse_held(step, &rq->pf, holders, n, &rq->fault);
}

/* Worker. */
static int work_step(struct run *run)
{
        const struct step *step = &run->steps[run->done];
        struct request *rq = &run->rq;
        int r;

        run->handed = false;
        if (step_destructive(step) && !step->force) {
                r = refuse_held(run, step);
                if (r < 0)
                        return r;
        }
        run->handed = true;
        return rq->ops->step(rq->backend, &run->ref, step, &rq->fault);
}

/* Worker. */
static void run_work(struct lane_work *work)
{
        struct run *run = (struct run *) work;
        struct request *rq = &run->rq;

        rq->fault = FAULT_NULL;
        if (run->observing)
                rq->result = rq->ops->observe(rq->backend, &rq->pf, &run->facts, &rq->fault);
        else
                rq->result = work_step(run);
        request_complete(
                rq, run->observing ? "Observe" : step_kind_name(run->steps[run->done].kind));
}

static struct run *run_find(const struct backend_server *server, const struct dev_id *pf)
{
        for (struct run *run = server->runs; run; run = run->next)
                if (dev_id_equal(&run->rq.pf, pf))
                        return run;
        return NULL;
}

void run_describe_busy(const struct backend_server *server, struct pf_facts *facts)
{
        const struct run *run = run_find(server, &facts->id);

        facts->busy_step[0] = '\0';
        facts->busy_usec = 0;
        if (!run || run->step_since == 0)
                return;
        snprintf(facts->busy_step, sizeof(facts->busy_step), "%s",
                step_kind_name(run->steps[run->done].kind));
        facts->busy_usec = now_usec() - run->step_since;
}

/* On the loop. When the PF could not be read, empty readings travel and gone says so. */
static int answer(struct run *run, bool gone)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        if (gone) {
                pf_facts_done(&run->facts);
                pf_facts_init(&run->facts, &run->rq.pf);
        } else {
                run_describe_busy(run->rq.server, &run->facts);
        }
        r = sd_bus_message_new_method_return(run->rq.call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(reply, 'u', &(uint32_t){(uint32_t) run->done});
        if (r < 0)
                return r;
        r = codec_put_fault(reply, &run->fault);
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(reply, 'b', &(int){gone});
        if (r < 0)
                return r;
        r = codec_put_pf(reply, &run->facts);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void run_unlink(struct run *run)
{
        if (run->prev)
                run->prev->next = run->next;
        else
                run->rq.server->runs = run->next;
        if (run->next)
                run->next->prev = run->prev;
}

/* The others look again after every Run; when its own peer went away, a restarted one does. */
static void run_finish(struct run *run, bool gone)
{
        struct fault f = FAULT_NULL;
        int r;

        if (gone && run->fault.code == FAULT_NONE)
                run->fault = run->rq.fault;
        run_unlink(run);
        if (request_has_peer(&run->rq)) {
                r = answer(run, gone);
                if (r < 0) {
                        fault_set(&f, FAULT_INTERNAL, -r,
                                "Run: the answer can not be sent: %s; look again", strerror(-r));
                        server_refuse(run->rq.call, &f);
                }
        }
        server_touched(run->rq.server, &run->rq.pf, sd_bus_message_get_bus(run->rq.call));
        request_end(&run->rq);
        run_drop(&run->rq.work);
}

/* May the next step begin? Takes the numvfs token when the step needs it. */
static int may_begin(struct run *run, const struct step *step)
{
        struct backend_server *server = run->rq.server;
        uint64_t now = now_usec();
        char what[128];

        step_describe(step, what, sizeof(what));
        if (!request_has_peer(&run->rq))
                return fault_set(&run->fault, FAULT_CANCELLED, 0,
                        "%s: %s was not begun: who asked for it has gone, and nobody is there to "
                        "undo it",
                        run->rq.pf.str, what);
        if (now >= run->deadline_usec)
                return fault_set(&run->fault, FAULT_TIMEOUT, 0,
                        "%s: %s was not begun: the time for these %zu steps is over after %zu; "
                        "give them more time, or run the rest again",
                        run->rq.pf.str, what, run->n, run->done);
        if (step->kind != STEP_SET_NUMVFS)
                return 0;
        if (server->numvfs_pf.str[0])
                return fault_set(&run->fault, FAULT_BUSY, 0,
                        "%s: %s refused: set_numvfs of %s has not returned for %" PRIu64
                        " s, and the kernel does one at a time; wait for it to end",
                        run->rq.pf.str, what, server->numvfs_pf.str,
                        (now - server->numvfs_since) / 1000000);
        server->numvfs_pf = run->rq.pf;
        server->numvfs_since = now;
        return 0;
}

/* Takes back what may_begin() gave. */
static void step_over(struct run *run, const struct step *step)
{
        run->step_since = 0;
        if (step->kind == STEP_SET_NUMVFS)
                run->rq.server->numvfs_pf = (struct dev_id){0};
}

/* Hands the next work to the lane: a step, or the reading when there is none or one failed. */
static int run_next(struct run *run)
{
        struct backend_server *server = run->rq.server;
        int r;

        if (run->fault.code == FAULT_NONE && run->done < run->n) {
                const struct step *step = &run->steps[run->done];

                if (may_begin(run, step) == 0) {
                        run->step_since = now_usec();
                        server->counters[step->kind]++;
                        r = lanes_submit(server->lanes, &run->rq.pf, LANE_RUN, &run->rq.work);
                        if (r >= 0)
                                return 0;
                        server->counters[step->kind]--;
                        step_over(run, step);
                        fault_set(&run->fault, fault_code_of_errno(-r), -r,
                                "%s: no thread for the next step: %s", run->rq.pf.str,
                                strerror(-r));
                }
                run->fault.step = (int) run->done;
        }
        run->observing = true;
        return lanes_submit(server->lanes, &run->rq.pf, LANE_RUN, &run->rq.work);
}

static void step_done(struct run *run)
{
        struct backend_server *server = run->rq.server;
        const struct step *step = &run->steps[run->done];

        step_over(run, step);
        if (!run->handed) /* it was counted when it went to the worker, who found it held */
                server->counters[step->kind]--;
        if (run->rq.result < 0) {
                run->fault = run->rq.fault;
                run->fault.step = (int) run->done;
                return;
        }
        run->done++;
        if (request_has_peer(&run->rq))
                sd_bus_emit_signal(sd_bus_message_get_bus(run->rq.call), BACKEND_PATH,
                        BACKEND_INTERFACE, "StepDone", "suu", run->rq.pf.str, (uint32_t) run->done,
                        (uint32_t) run->n);
}

static void run_done(struct lane_work *work)
{
        struct run *run = (struct run *) work;
        int r;

        if (run->observing) {
                run_finish(run, run->rq.result < 0);
                return;
        }
        step_done(run);
        r = run_next(run);
        if (r < 0) {
                run->rq.result = r;
                request_complete(&run->rq, "Observe");
                run_finish(run, true);
        }
}

static int check_steps(const struct step *steps, size_t n, struct fault *f)
{
        int r;

        for (size_t i = 0; i < n; i++) {
                r = step_check(&steps[i], f);
                if (r < 0) {
                        f->step = (int) i;
                        return r;
                }
        }
        return 0;
}

static int decode(sd_bus_message *m, struct run *run, struct fault *f)
{
        uint64_t timeout = 0, now = now_usec();
        int r;

        r = codec_get_dev_id(m, false, &run->ref.id);
        if (r >= 0)
                r = sd_bus_message_read(
                        m, "qqt", &run->ref.vendor_id, &run->ref.device_id, &timeout);
        if (r >= 0)
                r = codec_get_steps(m, &run->steps, &run->n);
        if (r < 0)
                return fault_set(f, r == -ENOMEM ? FAULT_NO_RESOURCES : FAULT_INVALID_ARGS, -r,
                        "Run refused: the PF or the steps are not of the form of %s",
                        BACKEND_INTERFACE);
        run->rq.pf = run->ref.id;
        run->deadline_usec = timeout > UINT64_MAX - now ? UINT64_MAX : now + timeout;
        return check_steps(run->steps, run->n, f);
}

static int refuse_second(const struct run *first, struct fault *f)
{
        uint64_t usec = first->step_since ? now_usec() - first->step_since : 0;

        return fault_set(f, FAULT_BUSY, 0,
                "Run on %s refused: another one is at step %zu of %zu (%s, for %" PRIu64
                " s); wait for it to end",
                first->rq.pf.str, first->done + (first->observing ? 0 : 1), first->n,
                first->observing ? "reading back" : step_kind_name(first->steps[first->done].kind),
                usec / 1000000);
}

static int run_begin(sd_bus_message *m, struct backend_server *server, struct run *run)
{
        struct fault f = FAULT_NULL;
        const struct run *first;
        int r;

        r = decode(m, run, &f);
        if (r < 0)
                return server_refuse(m, &f);
        first = run_find(server, &run->rq.pf);
        if (first) {
                refuse_second(first, &f);
                return server_refuse(m, &f);
        }
        r = request_begin(&run->rq, server, m);
        if (r < 0) {
                fault_set(&f, FAULT_LIMITS, 0, "Run refused: %u requests wait already",
                        REQUESTS_LIMIT);
                return server_refuse(m, &f);
        }
        run->next = server->runs;
        if (run->next)
                run->next->prev = run;
        server->runs = run;
        r = run_next(run);
        if (r < 0) {
                run_unlink(run);
                request_end(&run->rq);
        }
        return r;
}

int run_on_run(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        struct run *run = calloc(1, sizeof(*run));
        int r;

        if (!run)
                return -ENOMEM;
        run->rq.work = (struct lane_work){run_work, run_done, run_drop, NULL};
        run->fault = FAULT_NULL;
        r = run_begin(m, userdata, run);
        if (r < 0 || !run->rq.call)
                run_drop(&run->rq.work);
        return r < 0 ? r : 1;
}
