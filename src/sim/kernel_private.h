/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kernel.c and kernel_set.c share. Any thread, machine locked. */
#pragma once

#include "sim/kernel.h"

/* To be asked after every wait: the card may have gone, and another come. */
bool kernel_still_there(const struct sim_pf *pf, uint32_t generation);

/* The VF's device lock. -ENODEV when it is not there (any more). */
int kernel_lock_vf(struct machine *m, struct sim_pf *pf, uint32_t vf, unsigned flags);
void kernel_unlock_vf(struct machine *m, struct sim_pf *pf, uint32_t vf, uint32_t generation);

/* Counts it when somebody uses the VF that is being taken away, and nobody allowed that. */
void kernel_count_harm(struct machine *m, const struct sim_vf *vf, unsigned flags);

/* Somebody has a member of its IOMMU group open. */
bool kernel_group_open(struct machine *m, struct sim_pf *pf, uint32_t vf);

/* Every member is on no driver, or on one that leaves DMA alone. */
bool kernel_group_viable(struct machine *m, struct sim_pf *pf, uint32_t vf);
