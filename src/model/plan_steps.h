/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps that plans are made of and what every planner refuses: for plan*.c, nobody else
 * includes it. Each adds to the plan and raises its disruption class; -ENOMEM. Pure, any thread.
 */
#pragma once

#include "model/plan.h"

int plan_add(struct plan *plan, const struct step *step);

int plan_add_numvfs(struct plan *plan, uint32_t count, bool force);
int plan_add_autoprobe(struct plan *plan, bool on);

/* unbind, clear_override, reset: a VF and nothing else. */
int plan_add_vf(struct plan *plan, enum step_kind kind, uint32_t vf, bool force);

/* bind, set_override: a VF and a driver. An empty override is a cleared one. */
int plan_add_driver(struct plan *plan, enum step_kind kind, uint32_t vf, const char *driver);

/* The steps that put a VF on a driver from where it is `now`, and leave the override `after`. */
int plan_add_bind(struct plan *plan, const struct pf_facts *pf, const struct vf_facts *now,
        const char *driver, const char *after, bool force);

/* One message for each setting that differs from the wish. */
int plan_add_attrs(const struct plan_world *w, const struct vf_facts *vf,
        const struct vf_attrs *wish, struct plan *plan, struct fault *f);

/* plan_lease.c: a VF for its new owner, and back to what it was. */
int plan_lease(const struct request *r, const struct plan_world *w, const struct vf_facts *vf,
        struct plan *plan, struct fault *f);
int plan_scrub(const struct request *r, const struct plan_world *w, const struct vf_facts *vf,
        struct plan *plan, struct fault *f);

/* Driver, override and access; the attributes are compared by the caller. */
int plan_verify_lease(const struct request *r, const struct vf_facts *vf, struct fault *f);

/* plan_check.c: refusals. 0 when there is nothing against it. */

int plan_refuse_busy(const struct pf_facts *pf, struct fault *f);

/* When the VF (or with NO_VF any, or the PF itself, but not on the way back) is in use, naming who
 * uses it. forcible: --force could help. */
int plan_refuse_held(
        const struct plan_world *w, uint32_t vf, const char *what, bool forcible, struct fault *f);

/*
 * plan_isolation.c: vfio needs an IOMMU group of its own that it can own once this VF has moved;
 * shared: one with others in it, or without interrupt remapping, is meant.
 */
int plan_check_isolation(const struct plan_world *w, const struct vf_facts *vf, const char *driver,
        bool shared, struct fault *f);

/* The same of VFs that this PF does not have yet. */
int plan_predict_isolation(
        const struct plan_world *w, const char *driver, bool shared, struct fault *f);
