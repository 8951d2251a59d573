/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PF's driver: it owns the sorter and the mailboxes. What the administrator sets (netlink, in
 * the end) and what VFs ask for meet here, and the driver's policy (igb_main.c, ixgbe_sriov.c,
 * i40e_virtchnl_pf.c, ice_virtchnl.c) decides what becomes of it; the result is a new sorter,
 * published to the NIC.
 *
 * Everything with the NIC held.
 */
#pragma once

#include "model/attrs.h"
#include "sim/nic/nic.h"
#include "sim/profile.h"

struct pfdrv;

/* mac: of the PF. The driver of `profile` takes the NIC: publishes the PF's own filters. */
int pfdrv_new(struct nic *nic, const struct sim_profile *profile, const struct mac *mac,
        struct pfdrv **ret);
/* Leaves the NIC without VFs and with a sorter that takes nothing. */
void pfdrv_free(struct pfdrv *d);
DEFINE_CLEANUP(struct pfdrv *, pfdrv_free)

/* VFs come (or all go: 0). Each with a MAC that the driver makes, until the administrator sets one.
 */
int pfdrv_set_numvfs(struct pfdrv *d, uint32_t n, uint64_t now);

/*
 * What the administrator set: all present attributes of `attrs` that belong to `setting`, checked
 * before by kernel.c. Takes effect with the next frame. -EINVAL, -EPROTONOSUPPORT, -EOPNOTSUPP;
 * -ENOSPC: VFs asked for all VLANs the card can know.
 */
int pfdrv_set_vf(struct pfdrv *d, uint32_t vf, enum vf_setting setting,
        const struct vf_attrs *attrs, uint64_t now);

/* The VF's device was reset: its own filters, VLANs and API version are gone, the administrator's
 * settings are applied again. (Also by the mailbox's reset cause.) */
void pfdrv_vf_was_reset(struct pfdrv *d, uint32_t vf, uint64_t now);

/* The PF's port: cable and admin state. VFs with link state auto follow it. */
void pfdrv_set_link(struct pfdrv *d, bool up);
void pfdrv_set_promisc(struct pfdrv *d, bool on);
void pfdrv_set_mtu(struct pfdrv *d, uint32_t mtu);
/* The groups that the PF's netdev has joined: all of them, each time. */
void pfdrv_set_multicast(struct pfdrv *d, const uint64_t *macs, uint32_t n);

/* Local switching: VEB (on, the default) or VEPA. What `bridge link set hwmode` sets. */
void pfdrv_set_veb(struct pfdrv *d, bool on);
int pfdrv_set_mirror(struct pfdrv *d, const struct sorter_mirror *mirrors, uint32_t n);
/* A scenario: mailboxes are not answered. */
void pfdrv_set_deaf(struct pfdrv *d, bool deaf);

/* What a VF has now, admin-set or asked for: MAC as frames show it. */
uint64_t pfdrv_vf_mac(const struct pfdrv *d, uint32_t vf);

/* Writes the configuration as sorter.h has it, for people and for oracles: one line per fact. */
int pfdrv_describe(struct pfdrv *d, char **ret);
