/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps that plans are made of; what plan.c and plan_restore.c share and nobody else includes.
 * Each adds to the plan and raises its disruption class; -ENOMEM. Pure, any thread.
 */
#pragma once

#include "model/plan.h"

int plan_add(struct plan *plan, const struct step *step, enum disruption disruption);
int plan_add_numvfs(struct plan *plan, uint32_t count, bool force);
int plan_add_autoprobe(struct plan *plan, bool on);

/* unbind, clear_override, reset: a VF and nothing else. */
int plan_add_vf(struct plan *plan, enum step_kind kind, uint32_t vf, bool force);

/* bind, set_override: a VF and a driver. An empty override is a cleared one. */
int plan_add_driver(struct plan *plan, enum step_kind kind, uint32_t vf, const char *driver);

/* The steps that put a VF on a driver from where it is `now`, and leave the override `after`. */
int plan_add_bind(struct plan *plan, const struct pf_facts *pf, const struct vf_facts *now,
        const char *driver, const char *after, bool force);

/* A driver that hands the device to user space, so that its IOMMU group matters. */
bool driver_is_vfio(const char *driver);

/* One message for each setting that differs from the wish. */
int plan_add_attrs(const struct plan_world *w, const struct vf_facts *vf,
        const struct vf_attrs *wish, struct plan *plan, struct fault *f);
