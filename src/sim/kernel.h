/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the simulated kernel does when somebody writes to sysfs or sends netlink: the refusals, the
 * waiting and the order of Linux, as errnos and nothing else. Any thread, machine locked; functions
 * that may wait give the lock up meanwhile.
 *
 * Sources: drivers/pci/iov.c, drivers/base/dd.c and bus.c, drivers/pci/pci-driver.c,
 * net/core/rtnetlink.c, drivers/vfio/vfio_main.c; what tests/vm/guest/kernel.py prints.
 */
#pragma once

#include "sim/machine.h"

enum kernel_flags {
        KERNEL_NOWAIT = 1, /* -EWOULDBLOCK instead of waiting for a holder or a lock; no latency */
        KERNEL_FORCE = 2,  /* whoever uses the VF may be harmed: not counted */
};

/* Somebody can reach its VFs by netlink. */
bool kernel_has_netdev(const struct sim_pf *pf);

/* IFF_UP, and a cable with somebody at its other end. */
bool kernel_link_up(const struct sim_pf *pf);

/* The PF's driver finds the card (or loses it: its VFs go with it). */
void kernel_attach_pf(struct machine *m, struct sim_pf *pf);
void kernel_detach_pf(struct machine *m, struct sim_pf *pf);

/*
 * A write to sriov_numvfs. -ERANGE above the total, -ENOENT without a driver, -EBUSY from N to M,
 * -ENODEV when the card goes away meanwhile. at_most >= 0: the driver makes no more VFs than that,
 * and says it went well. Waits while a VF is open, and while another PF's write waits.
 */
int kernel_set_numvfs(
        struct machine *m, struct sim_pf *pf, uint32_t count, int64_t at_most, unsigned flags);

/* A write to the driver's unbind file. The driver link goes at once; then it waits for the holder.
 * -ENODEV when the VF is on no driver. */
int kernel_unbind(struct machine *m, struct sim_pf *pf, uint32_t vf, unsigned flags);

/* A write to a driver's bind file: -ENOENT no such driver, -EBUSY on a driver already or the
 * group's DMA is a user's, -ENODEV it does not match, -EINVAL vfio-pci without an IOMMU. */
int kernel_bind(struct machine *m, struct sim_pf *pf, uint32_t vf, const char *driver);

/*
 * A write to drivers_probe, and what came of it: -ENODEV it may not be probed (autoprobe is off,
 * and there is no override), else as kernel_bind. 0 also when no driver knows the device.
 */
int kernel_probe(struct machine *m, struct sim_pf *pf, uint32_t vf);

/* Sets attributes of one setting by netlink: -EOPNOTSUPP, -EINVAL, -EPROTONOSUPPORT, -ENODEV when
 * the PF has no netdev. */
int kernel_set_vf(struct machine *m, struct sim_pf *pf, uint32_t vf, enum vf_setting setting,
        const struct vf_attrs *attrs);

int kernel_reset(struct machine *m, struct sim_pf *pf, uint32_t vf, unsigned flags);
int kernel_set_msix(struct machine *m, struct sim_pf *pf, uint32_t vf, uint32_t vectors);

/* udev's part: who may open the device node of its vfio group. ACCESS_NOBODY: root alone. -ENOENT
 * when it is not on vfio: there is no node; -EBUSY: the group's node is another's, for another VF.
 */
int kernel_set_access(struct machine *m, struct sim_pf *pf, uint32_t vf, uint32_t uid);
int kernel_set_eswitch(struct machine *m, struct sim_pf *pf, const char *mode);
int kernel_set_mtu(struct machine *m, struct sim_pf *pf, uint32_t mtu);

/*
 * A guest opens the vfio device of a VF: -ENODEV it is not on vfio-pci, -EBUSY somebody has it or
 * its group, -EPERM the group is not viable: a member is on a host driver.
 */
int kernel_guest_opens(struct machine *m, struct sim_pf *pf, uint32_t vf, const char *guest);

/* -ENOENT when nobody has it. */
int kernel_guest_closes(struct machine *m, struct sim_pf *pf, uint32_t vf);
