/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is an IOMMU group fit for handing its devices to a guest? Pure, any thread.
 *
 * The kernel's rule (Documentation/driver-api/vfio.rst): every member must be unbound, on a vfio
 * driver, on pci-stub, or be a bridge on pcieport; then the group may have a user-space owner.
 */
#pragma once

#include "model/facts.h"

enum group_verdict {
        GROUP_ISOLATED,   /* one device, bridges aside */
        GROUP_SHARED,     /* several, and vfio would accept the group as it stands */
        GROUP_NOT_VIABLE, /* a member on a host driver is in the way */
        GROUP_UNSAFE,     /* vfio's no-IOMMU mode: nothing isolates */
        GROUP_VERDICT_MAX,
};

/* "isolated", "shared", "not-viable", "unsafe". */
const char *group_verdict_name(enum group_verdict verdict);

/*
 * Judges a group as it stands, or as it would stand with `moving` (a PCI address, or NULL) on vfio.
 * reason gets one sentence that names who is in the way.
 */
enum group_verdict group_judge(
        const struct group_facts *group, const char *moving, char *reason, size_t size);
