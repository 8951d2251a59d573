/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PF driver's state, shared by pfdrv.c (life and settings), pfdrv_sorter.c (what follows from
 * it for frames) and pfdrv_mailbox.c (what VFs ask for). With the NIC held.
 */
#pragma once

#include "sim/guest/pfdrv.h"
#include "sim/nic/mailbox.h"

#define VF_MACS_MAX    256u  /* of any VF, beyond its own */
#define FRAME_STANDARD 1518u /* longest frame of an MTU of 1500, a tag included */

struct pf_vf {
        /* The administrator's. */
        uint64_t admin_mac; /* 0: none set */
        uint16_t port_vlan; /* key; 0: none */
        uint8_t port_qos;
        bool spoofchk, trust, query_rss;
        enum vf_link_state link_state;
        uint32_t min_rate, max_rate;

        /* The VF's own; gone with its reset. */
        bool cts; /* it completed a reset: its requests are looked at */
        enum mbx_api api;
        enum vf_xcast xcast;
        bool spoofchk_ended; /* by a filter it was granted (profile) */
        uint64_t mac;        /* it asked for; 0: none */
        uint64_t *macs;      /* further ones */
        size_t n_macs, macs_size;
        uint16_t *vlans;
        size_t n_vlans, vlans_size;
        uint16_t hashes[MBX_MULTICAST_MAX];
        uint32_t n_hashes;
        uint32_t max_frame; /* tag included */
        bool lpe;           /* it said so: SET_LPE was granted */
};

struct pfdrv {
        struct nic *nic;
        const struct sim_profile *profile;
        uint64_t mac; /* of the PF */
        bool link, promisc, veb, deaf;
        uint32_t mtu;
        uint64_t multicast[HASH_BITS / 64]; /* groups that the PF's own netdev is in, by hash */
        bool any_multicast;
        struct sorter_mirror mirrors[MIRROR_RULES_MAX];
        uint32_t n_mirrors;
        struct rss_config rss; /* what VFs are told */
        struct pf_vf *vfs;
        uint32_t n_vfs;
        uint32_t n_macs;                /* further ones of all VFs */
        uint32_t n_vlans;               /* VLANs that somebody is in */
        uint16_t vlan_users[VLAN_KEYS]; /* how many VFs are in it */

        bool dirty;                /* the NIC's sorter is not what it should be */
        struct sorter *farewell;   /* takes nothing: for the end, which may not fail */
        struct sorter_pool *pools; /* one more than VFs */
        struct sorter_filter *filters;
        struct sorter_member *members;
        size_t filters_size, members_size;
};

/* ---- pfdrv.c ---- */

static inline uint32_t pfdrv_index(const struct pfdrv *d, const struct pf_vf *v)
{
        return (uint32_t) (v - d->vfs);
}

/* What frames show, and whether it may send and receive. */
uint64_t pfdrv_mac(const struct pfdrv *d, const struct pf_vf *v);
bool pfdrv_link(const struct pfdrv *d, const struct pf_vf *v);

/* One VF more or less in a VLAN of the hardware's table. -ENOSPC. */
int pfdrv_take_vlan(struct pfdrv *d, uint16_t key);
void pfdrv_give_vlan(struct pfdrv *d, uint16_t key);

void pfdrv_drop_macs(struct pfdrv *d, struct pf_vf *v); /* the further ones */
void pfdrv_drop_vlans(struct pfdrv *d, struct pf_vf *v);

/* All it asked for since its last reset is gone; what the administrator set is in the NIC again. */
void pfdrv_forget(struct pfdrv *d, struct pf_vf *v);

/* ---- pfdrv_sorter.c ---- */

/* May the VF receive at all: an 82599 has long frames for PF and VFs alike, or for nobody. */
bool pfdrv_frames_fit(const struct pfdrv *d, const struct pf_vf *v);

/* The NIC will have a new sorter before the next frame, if anything changed. */
void pfdrv_changed(struct pfdrv *d);
/* It has it with the return. -ENOMEM, -EINVAL: the old one stays. */
int pfdrv_publish(struct pfdrv *d);
/* For nic_on_stale(). */
struct sorter *pfdrv_fresh(void *userdata);

/* ---- pfdrv_mailbox.c ---- */

/* Does what the pool's VF wants. */
void pfdrv_serve(struct pfdrv *d, uint32_t pool);
/* Sends it a message of its own accord. */
void pfdrv_ping(struct pfdrv *d, const struct pf_vf *v);
