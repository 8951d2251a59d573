/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan: from what is asked and what is there to the steps that lead from one to the other.
 * Pure, any thread, and the only place with SR-IOV policy.
 */
#pragma once

#include "model/caps.h"
#include "model/group.h"
#include "model/request.h"
#include "model/step.h"

struct plan {
        struct step *steps; /* empty: it is so already */
        size_t n;
        size_t capacity;
        enum disruption disruption; /* of its worst step */
        bool makes_vfs;             /* the VFs of later steps are nobody's yet */
};

void plan_done(struct plan *plan);

/* What a step disturbs; makes_vfs: a step before it in the plan has made the VFs. */
enum disruption plan_disruption_of(const struct step *step, bool makes_vfs);

/* What the planner may look at. groups and caps may be NULL (nothing known). */
struct plan_world {
        const struct pf_facts *facts;
        const struct caps *caps;
        const struct groups *groups;
        const struct holder *holders; /* of this PF's VFs, and of the PF itself */
        size_t n_holders;
        bool fresh;    /* this job created the VFs, and no plan has run to its end since: see
                          plan_desired.h */
        bool way_back; /* undoing, or taking back what was applied: what the PF itself carries does
                          not stand in its way */
};

/*
 * Judges the request against the facts and plans it, in the order of ARCHITECTURE.md. ret is
 * written on success only; the caller calls plan_done(). Refusals: InvalidArgs (count above
 * total_vfs, no such VF), NotFound, NoDriver, VfsExist, InUse (with the holders), NotSupported
 * (capability known to be missing), NotIsolated, Busy.
 */
int plan_request(
        const struct request *r, const struct plan_world *world, struct plan *ret, struct fault *f);

/*
 * After a plan ran: do the new facts show what was asked? FAULT_NOT_APPLIED names the first
 * difference. A reading the driver does not give can not be compared and passes.
 */
int plan_verify(const struct request *r, const struct pf_facts *now, struct fault *f);

/*
 * The way back after a failure: what leads from `now` to `before` for everything the plan could
 * have touched. Never goes through a VF that is held. Empty when nothing is left to undo.
 */
int plan_restore(const struct plan *failed, const struct pf_facts *before,
        const struct pf_facts *now, struct plan *ret);

/* Does the plan write sriov_numvfs? Only one such job runs at a time on the host. */
bool plan_sets_numvfs(const struct plan *plan);
