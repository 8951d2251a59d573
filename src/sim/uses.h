/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a VF or PF of the simulated machine: guests, and whatever a host does with a netdev, an
 * RDMA device or a block device. Any thread, machine locked.
 */
#pragma once

#include "sim/machine.h"

/*
 * Somebody begins to use it. kind: netns, master, upper, address, route, rdma or mount for a VF on
 * its host driver, route for a PF; name as struct holder has it ("": one that fits). -EINVAL: no
 * such kind; -ENODEV: it has nothing that could be used so; -EEXIST: it is used so; -E2BIG: the
 * name is too long; -ENOSPC.
 */
int machine_use(
        struct machine *m, struct sim_pf *pf, uint32_t vf, const char *kind, const char *name);

/* kind "all": whatever there is. -ENOENT: it is not used so. */
int machine_unuse(struct machine *m, struct sim_pf *pf, uint32_t vf, const char *kind);

/* By a guest or anybody else. */
bool sim_vf_used(const struct sim_vf *vf);

/* Its netdev lives in another network namespace, so nobody here sees it. */
bool sim_vf_netdev_away(const struct sim_vf *vf);

/* Users of VF vf, or with NO_VF of all and of the PF; the caller frees the array. -ENOMEM. */
int machine_holders(
        struct machine *m, struct sim_pf *pf, uint32_t vf, struct holder **ret, size_t *ret_n);
