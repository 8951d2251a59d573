/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is an IOMMU group fit for handing its devices to a guest? Pure, any thread.
 *
 * The kernel's rules, Linux 5.19 and later:
 *
 *   Who shares a group (drivers/iommu/iommu.c pci_device_group()): a function climbs until every
 *   bridge above it redirects (drivers/pci/pci.c pci_acs_path_enabled(): SV, RR, CR, UF), and joins
 *   the group of the bridge where it stopped. So the grouping tells where isolation breaks, without
 *   any configuration space: of the bridges above a device that are in its group, the topmost.
 *   Functions of one slot that do not redirect are together too, but a VF is never multifunction.
 *
 *   Who may own one (iommu_group_claim_dma_owner()): not while any member is on a driver that uses
 *   the DMA API, which is all but those with driver_managed_dma: vfio's, pci-stub, pcieport. The
 *   bind to vfio-pci itself would succeed, and the guest then not start.
 *
 *   Interrupts (vfio_iommu_type1_attach_group()): without remapping refused with EPERM, unless
 *   allow_unsafe_interrupts says otherwise.
 *
 *   A region of type "direct" (firmware wants it mapped 1:1): the device is not given away.
 */
#pragma once

#include "model/facts.h"

enum group_verdict {
        GROUP_ISOLATED,   /* nobody else is in it, bridges aside */
        GROUP_SHARED,     /* others are, and vfio may own it */
        GROUP_NOT_VIABLE, /* the kernel would refuse it to vfio: no override helps */
        GROUP_UNSAFE,     /* vfio may own it, and whoever has a device can reach beyond it */
        GROUP_NO_IOMMU,   /* there is no group */
        GROUP_VERDICT_MAX,
};

/* "isolated", "shared", "not-viable", "unsafe", "no-iommu". */
const char *group_verdict_name(enum group_verdict verdict);

/* Could vfio have it: as it is, or with the override that says that sharing is meant. */
bool group_allows(enum group_verdict verdict, bool shared);

struct group_report {
        enum group_verdict verdict;
        uint32_t n_endpoints;                  /* members that are no bridges */
        uint32_t n_in_the_way;                 /* members for whose drivers vfio has to stay out */
        const struct group_device *in_the_way; /* the first of them, or NULL */
        const struct bridge_facts *breaks_at;  /* isolation ends here, or NULL: nowhere */
        char reason[448];                      /* a sentence, without a full stop */
        char advice[256];                      /* what to do; "" nothing */
};

/*
 * Judges a group as it stands, or as it would stand with `moving` (a PCI address, or NULL) on vfio.
 * group: one of these groups, or NULL for a device that is in none.
 */
void group_judge(const struct groups *groups, const struct group_facts *group, const char *moving,
        struct group_report *ret);

/*
 * Judges the group that a VF of this PF would be in, which is not there yet: with an isolating path
 * its own, else the one of the bridge, and the PF. false: nothing is known of the PF's group.
 */
bool group_predict(
        const struct groups *groups, const struct pf_facts *pf, struct group_report *ret);

/* Does this member keep vfio from owning its group. moving as above. */
bool group_in_the_way(const struct group_device *device, const char *moving);

static inline bool group_is_bridge(const struct group_device *device)
{
        return device->pci_class >> 8 == 0x0604;
}

/* ---- group_path.c: the way from the root bus to the members --------------------------------- */

/* One bridge of it. */
struct group_hop {
        const struct bridge_facts *bridge;
        int8_t isolates; /* 1, 0; -1 can not be told */
        bool grouping;   /* concluded from who is in the group, not from its registers */
};

/*
 * Every bridge above a member, each once and after the one above it. The array is the caller's;
 * -ENOMEM.
 */
int group_path(const struct groups *groups, const struct group_facts *group, struct group_hop **ret,
        size_t *ret_n);

/* Where isolation breaks for what is below this bridge ("": a root bus) and in the group; NULL:
 * nowhere. */
const struct bridge_facts *group_breaks(
        const struct groups *groups, int32_t group, const char *parent);

/* "SV RR CR UF", those of the four that are on; "off", "none", "not readable". */
#define ACS_TEXT_MAX 16
void acs_format(int32_t acs, char buf[static ACS_TEXT_MAX]);
