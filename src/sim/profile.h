/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kinds of device the simulated machine is built from: what the hardware has and what its Linux
 * driver allows, as a table. Pure values, any thread.
 */
#pragma once

#include "model/facts.h"
#include "sim/guest/mbxproto.h"

struct sim_profile {
        const char *name;
        const char *about; /* one line for people */
        uint32_t pci_class;
        uint16_t vendor_id, device_id, vf_device_id;
        const char *vendor, *device; /* as pci.ids has them */

        uint32_t total_vfs; /* what the driver offers; sriov_totalvfs without it is hw_total_vfs */
        uint32_t hw_total_vfs;
        uint16_t offset, stride;
        uint16_t pf_msix, vf_msix; /* table sizes */
        uint32_t vf_total_msix;    /* the pool behind sriov_vf_msix_count; 0: not supported */
        uint32_t bar_size;         /* BAR 0 of the PF and of each VF, bytes */
        bool acs_quirk;            /* functions of one card are isolated (drivers/pci/quirks.c) */

        const char *driver;
        const char *vf_driver; /* host driver of its VFs; "" when none gets along with them */
        const char *pf_resets, *vf_resets;
        bool netdev;           /* has one; without it nobody can set a VF attribute */
        bool eswitch;          /* devlink knows its mode */
        bool eswitch_with_vfs; /* changed also while there are VFs, if they are on no driver */
        uint32_t speed;        /* Mbit/s, what a rate may be at most */

        uint32_t settable;       /* BIT(enum vf_setting): the others give EOPNOTSUPP */
        uint32_t reported;       /* BIT(enum vf_attr): present in a reading */
        bool min_rate;           /* else a minimum gives EINVAL */
        bool rate_needs_link;    /* a maximum while the link is down gives EINVAL */
        bool qinq;               /* 802.1ad; else EPROTONOSUPPORT */
        bool spoofchk;           /* of a new VF */
        bool stats;              /* reports counters of each VF */
        uint32_t create_usec_vf; /* per VF, with kernel latencies */

        /* What its PF driver grants VFs, and what the hardware has for it: guest/pfdrv.c. */
        enum mbx_api mailbox_api;  /* the newest version it speaks */
        bool unicast_promisc;      /* a pool can be promiscuous for unicast (UPE) */
        bool source_prune;         /* in VEPA a VF does not get back what it sent itself */
        bool service_tags;         /* 88a8 is a tag too */
        bool filter_ends_spoofchk; /* a VF that is granted another MAC is not checked any more */
        bool jumbo_with_pf;        /* VFs may receive long frames only while the PF does */
        uint32_t restarts;         /* BIT(enum vf_setting): a change makes the VF start again */
        uint16_t mac_filters;  /* that VFs can have beyond one each, all together; 0: no limit */
        uint16_t vlan_filters; /* VIDs in the hardware's table, VID 0 is one; 0: no limit */
        uint16_t vf_macs, vf_vlans; /* what an untrusted VF gets besides its MAC; 0: no limit */
};

extern const struct sim_profile sim_profiles[];
extern const size_t sim_n_profiles;

/* NULL when there is none. */
const struct sim_profile *sim_profile_find(const char *name);

/* Does the simulated kernel have this driver loaded: one of a profile, vfio-pci or pci-stub. */
bool sim_driver_known(const char *name);

/* Takes any device by driver_override, and leaves DMA to its user: no obstacle to vfio. */
bool sim_driver_manages_dma(const char *name);
