/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plans that are shown and not run. Loop thread. */
#include <stdio.h>

#include "daemon/preview.h"

/* One question to the backend; it outlives a preview that was cancelled. */
struct question {
        struct preview *preview; /* NULL: cancelled */
        size_t at;
};

struct preview {
        struct backend_client *backend;
        const struct jobs *jobs;
        const struct state *state;
        struct report report;
        struct question **questions;
        size_t n_open;
        preview_fn fn;
        void *userdata;
};

static void preview_free(struct preview *p)
{
        report_done(&p->report);
        free(p->questions);
        free(p);
}

static int hurt(struct planned *one, const char *fmt, const char *what)
{
        char text[320];

        snprintf(text, sizeof(text), fmt, what);
        for (size_t i = 0; one->hurts && one->hurts[i]; i++)
                if (streq(one->hurts[i], text))
                        return 0;
        return texts_add(&one->hurts, text);
}

static int hurts_vf(struct planned *one, const struct vf_facts *vf, enum disruption how,
        const struct holder *holders, size_t n)
{
        char text[280];
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                if (holders[i].vf != vf->index)
                        continue;
                holder_describe(&holders[i], text, sizeof(text));
                r = hurt(one, "%s", text);
        }
        if (r == 0 && vf->netdev[0] && how >= DISRUPT_VF_FLAP) {
                snprintf(text, sizeof(text), "VF %u: interface %s", vf->index, vf->netdev);
                r = hurt(one, how == DISRUPT_VF_RECREATE ? "%s goes away" : "%s is interrupted",
                        text);
        }
        return r;
}

/* What the PF itself carries: told also where it refuses nothing. */
static int hurts_pf(struct planned *one, const struct step *step, enum disruption how,
        const struct pf_facts *facts, const struct holder *holders, size_t n)
{
        char text[280];
        int r = 0;

        if (step->kind != STEP_SET_NUMVFS && how != DISRUPT_PF_DOWN)
                return 0;
        for (size_t i = 0; r == 0 && i < n; i++) {
                if (holders[i].vf != NO_VF)
                        continue;
                holder_describe(&holders[i], text, sizeof(text));
                r = hurt(one, "%s", text);
        }
        if (r == 0 && how == DISRUPT_PF_DOWN && facts->n_netdevs > 0)
                r = hurt(one, "interface %s goes down", facts->netdevs[0]);
        return r;
}

/* Who has a VF that a step takes away or interrupts. */
static int find_hurts(
        struct planned *one, const struct pf_facts *facts, const struct holder *holders, size_t n)
{
        bool made = false;
        int r = 0;

        for (size_t i = 0; r == 0 && i < one->plan.n; i++) {
                const struct step *step = &one->plan.steps[i];
                enum disruption how = plan_disruption_of(step, made);

                made |= step->kind == STEP_SET_NUMVFS && step->value > 0;
                r = hurts_pf(one, step, how, facts, holders, n);
                if (how == DISRUPT_NONE)
                        continue;
                for (uint32_t k = 0; r == 0 && k < facts->n_vfs; k++)
                        if (step->vf == NO_VF || step->vf == facts->vfs[k].index)
                                r = hurts_vf(one, &facts->vfs[k], how, holders, n);
        }
        return r;
}

/* As a job would plan it: without the VFs that are leased. */
static int plan_unleased(
        struct planned *one, const struct jobs *jobs, const struct plan_world *world)
{
        _cleanup_(desired_done) struct desired wish = {0};

        if (desired_copy(&one->wish, &wish) < 0)
                return fault_set(&one->fault, FAULT_INTERNAL, ENOMEM, "out of memory");
        jobs_leave_leased(jobs, &wish);
        return plan_preview(&wish, world, &one->problems, &one->plan, NULL, &one->fault);
}

void preview_plan(struct planned *one, const struct jobs *jobs, const struct state *state,
        const struct holder *holders, size_t n_holders)
{
        const struct pf_entry *pf = state_pf(state, &one->wish.pf);
        struct plan_world world = {
                .groups = &state->groups, .holders = holders, .n_holders = n_holders};

        if (!pf) {
                fault_set(&one->fault, FAULT_GONE, 0, "%s has gone", one->wish.pf.str);
                return;
        }
        world.facts = &pf->facts;
        world.caps = &pf->caps;
        if (pf->facts.n_netdevs > 0)
                memcpy(one->netdev, pf->facts.netdevs[0], sizeof(one->netdev));
        if (plan_unleased(one, jobs, &world) == 0 &&
                find_hurts(one, &pf->facts, holders, n_holders) < 0)
                fault_set(&one->fault, FAULT_INTERNAL, ENOMEM, "out of memory");
}

static void end(struct preview *p)
{
        const struct fault none = FAULT_NULL;

        p->fn(p->userdata, &p->report, &none);
        preview_free(p);
}

/* Who holds VFs by what the backend says, and by leases. */
static void plan_with_leases(
        struct preview *p, struct planned *one, const struct holder *holders, size_t n)
{
        _cleanup_(freep) struct holder *all = NULL;
        int r = 0;

        if (n > 0) {
                all = reallocarray(NULL, n, sizeof(*all));
                if (all)
                        memcpy(all, holders, n * sizeof(*all));
                else
                        r = -ENOMEM;
        }
        if (r == 0)
                r = jobs_add_leased(p->jobs, &one->wish.pf, NO_VF, &all, &n);
        if (r < 0)
                (void) fault_set(&one->fault, FAULT_INTERNAL, ENOMEM, "out of memory");
        else
                preview_plan(one, p->jobs, p->state, all, n);
}

static void on_holders(
        void *userdata, const struct holder *holders, size_t n, const struct fault *f)
{
        struct question *q = userdata;
        struct preview *p = q->preview;
        size_t at = q->at;

        free(q);
        if (!p)
                return;
        p->questions[at] = NULL;
        if (f->code != FAULT_NONE)
                p->report.list[at].fault = *f;
        else
                plan_with_leases(p, &p->report.list[at], holders, n);
        if (--p->n_open == 0)
                end(p);
}

static bool wanted(const struct dev_id *pf, const struct dev_id *pfs, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (dev_id_equal(pf, &pfs[i]))
                        return true;
        return !pfs;
}

static int take_wishes(
        struct preview *p, const struct conf *conf, const struct dev_id *pfs, size_t n_pfs)
{
        struct report *report = &p->report;
        int r = 0;

        report->list = calloc(conf->resolved.n + 1, sizeof(*report->list));
        p->questions = calloc(conf->resolved.n + 1, sizeof(struct question *));
        if (!report->list || !p->questions)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < conf->resolved.n; i++) {
                if (!wanted(&conf->resolved.list[i].pf, pfs, n_pfs))
                        continue;
                report->list[report->n].fault = FAULT_NULL;
                r = desired_copy(&conf->resolved.list[i], &report->list[report->n].wish);
                if (r == 0)
                        report->n++;
        }
        for (size_t i = 0; r == 0 && i < conf->n_absent; i++)
                r = texts_add(&report->absent, conf->absent[i]);
        return r;
}

/* Asked for nothing, it still answers from the loop: by a question whose answer is not needed. */
static int ask_all(struct preview *p)
{
        static const struct dev_id nobody = {"pci/0000:00:00.0"};
        size_t n = p->report.n ?: 1;
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                struct question *q = calloc(1, sizeof(*q));

                if (!q)
                        return -ENOMEM;
                *q = (struct question){.preview = p, .at = i};
                r = backend_client_holders(p->backend,
                        p->report.n ? &p->report.list[i].wish.pf : &nobody, NO_VF, on_holders, q);
                if (r < 0) {
                        free(q);
                        return r;
                }
                p->questions[i] = q;
                p->n_open++;
        }
        return 0;
}

int preview_begin(struct backend_client *backend, const struct jobs *jobs,
        const struct state *state, const struct conf *conf, const struct dev_id *pfs, size_t n_pfs,
        preview_fn fn, void *userdata, struct preview **ret, struct fault *f)
{
        struct preview *p;
        int r;

        if (!backend_client_is_connected(backend))
                return fault_set(f, FAULT_BACKEND_LOST, 0,
                        "refused: no connection to the backend; is sriovd-host.socket (or "
                        "sriov-sim) running?");
        p = calloc(1, sizeof(*p));
        if (!p)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        *p = (struct preview){
                .backend = backend, .jobs = jobs, .state = state, .fn = fn, .userdata = userdata};
        r = take_wishes(p, conf, pfs, n_pfs);
        if (r == 0)
                r = ask_all(p);
        if (r < 0) {
                preview_cancel(p);
                return fault_set(f, FAULT_INTERNAL, -r, "planning failed: %s", strerror(-r));
        }
        *ret = p;
        return 0;
}

void preview_cancel(struct preview *p)
{
        for (size_t i = 0; p->questions && i < (p->report.n ?: 1); i++)
                if (p->questions[i])
                        p->questions[i]->preview = NULL;
        preview_free(p);
}
