/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups, from /sys/kernel/iommu_groups. Worker threads; waits for no lock. */
#pragma once

#include "host/sysfs.h"

/* The group of a device, -1 when it has none (no IOMMU, or it is off). */
int32_t iommu_group_of(int dev_fd);

/* Every group that holds a PF or a VF, with all members; the caller calls groups_done(). */
int iommu_groups(int root_fd, struct groups *ret);
