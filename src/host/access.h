/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may open the device node of a VF's vfio group. The node is one for all of the group: it has
 * one owner, and the VFs that he has it for. Nothing is kept here or on a disk: udev's database has
 * both, as long as the node lives, and forgets them with it. Worker threads.
 */
#pragma once

#include "base/fault.h"
#include "host/devnode.h"
#include "host/sysfs.h"
#include "model/facts.h"

struct access;

/* ops NULL: there are no nodes here (sysfs is a tree for tests): reads nobody, refuses. */
int access_new(const struct devnode_ops *ops, void *userdata, struct access **ret);
void access_free(struct access *access);
DEFINE_CLEANUP(struct access *, access_free)

/* STEP_SET_ACCESS. uid: ACCESS_NOBODY, or the owner. */
int access_set(
        struct access *access, int vf_fd, const char *address, uint32_t uid, struct fault *f);

/* vf_facts.access_uid, of a VF that has its driver and its group: the owner, if he has it for this
 * VF; -1 nobody. */
int64_t access_uid_of(struct access *access, const struct vf_facts *vf);
