/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan for a wish: from what a PF is to what it shall be, the difference only. Pure, any
 * thread; with plan.c the only place with SR-IOV policy.
 */
#pragma once

#include "model/desired.h"
#include "model/plan.h"

/* A VF that can not be made what it shall be. The others go on. */
struct problem {
        uint32_t vf;
        struct fault fault;
};

struct problems {
        struct problem *list;
        size_t n, capacity;
};

void problems_done(struct problems *p);
const struct problem *problems_of(const struct problems *p, uint32_t vf); /* NULL: none */
int problems_add(struct problems *p, uint32_t vf, const struct fault *why);

/*
 * Plans as much as can be planned against these readings: what the PF itself needs when its count
 * or mode differs (the VFs are then planned for in the next round, when they are there), else what
 * each VF needs. Empty: it is so already. A changed attribute never touches sriov_numvfs.
 *
 * VFs in problems are left alone; those that can not be planned are added to it, whole: nothing of
 * such a VF is in the plan.
 *
 * w->fresh: this job has created the VFs and no plan has run to its end since. Then, and only then,
 * is sent what no reading shows: MSI-X vectors, attributes that the driver does not report, and
 * the kernel's probing of a VF without a driver in the wish (if autoprobe was off for its creation,
 * and is on otherwise). So the caller clears it after a round that went well, or it never ends.
 *
 * Order, the PF's round: [numvfs 0] -> eswitch -> MTU -> autoprobe off -> numvfs N -> autoprobe as
 * wanted, or as it was. The VFs' round: MTU -> autoprobe on if wanted -> each VF: MSI-X,
 * attributes, driver -> autoprobe off if wanted. Autoprobe is off for the creation if a VF in the
 * wish has a driver ("none" too), an override or MSI-X vectors: else the kernel probes as it always
 * does.
 *
 * Faults that stop the whole PF: those of desired_check_pf(), VfsExist (without replace), InUse,
 * NoDriver, Busy, NotSupported (eswitch, MTU, autoprobe where there is none). What
 * desired_check_vf() says is that VF's problem.
 */
int plan_desired(const struct desired *d, const struct plan_world *w, struct problems *problems,
        struct plan *ret, struct fault *f);

/*
 * What readings a step leaves when it goes well. New VFs: on no driver, in an IOMMU group that
 * nobody has seen if the PF has one, attributes at the baseline but for those whose default is the
 * driver's choice, which are unknown.
 */
int facts_project(struct pf_facts *facts, const struct step *step);

/*
 * All steps to the end, by planning on projected readings until nothing is left: what `sriovctl
 * plan` shows. *ret_after (may be NULL; pf_facts_done) are the readings at the end.
 */
int plan_preview(const struct desired *d, const struct plan_world *w, struct problems *problems,
        struct plan *ret, struct pf_facts *ret_after, struct fault *f);

/*
 * After a failed step: the way back for one VF alone, to the readings that the failed plan was made
 * from (`before`), from the plan's steps on it, and for
 * autoprobe, which a bind moves for a moment. Nothing for a VF that is held. What is left undone is
 * the caller's to report.
 */
int plan_restore_vf(const struct plan *failed, uint32_t vf, const struct pf_facts *before,
        const struct pf_facts *now, struct plan *ret);
