/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of one function inside a guest (a VM or a container of the host), or the host's own of
 * the PF: it has memory of its own, reaches the NIC by registers, rings and the mailbox, and gives
 * frames to and takes them from whoever uses it (ports, tests, the bench).
 *
 * vfdrv_open and _close: with the NIC held. vfdrv_send and _receive: the guest's thread, one per
 * driver and direction, while the datapath runs.
 */
#pragma once

#include "sim/guest/mbxproto.h"
#include "sim/nic/nic.h"

#define GUEST_IOVA UINT64_C(0x100000000) /* where the guest's memory begins for its device */

struct vfdrv_config {
        uint32_t rx_ring, tx_ring; /* descriptors; 0: 256 */
        uint32_t queues;           /* 0: 1 */
        uint32_t buffer;           /* bytes of a receive buffer, 1024 to 16384; 0: 2048 */
        uint32_t largest_page;     /* of its mapping: 4 KiB, 2 MiB; 0: 2 MiB */
        bool posted;               /* a VM: posted interrupts; else the host handles them */
        bool with_fd;              /* an event_fd for its interrupts */
        bool drop;                 /* ask the NIC to drop rather than hold senders (SRRCTL) */
        bool scatter;              /* takes frames longer than a buffer, in several */
        bool raw;            /* a driver that asks nothing of the PF: no mailbox (tests, bench) */
        uint64_t mac;        /* of a driver that asks nobody (raw, and the PF's) */
        uint32_t moderation; /* us between interrupts; 0: none */
        struct iommu_domain *domain; /* of its VM; NULL: one of its own */
};

struct vfdrv;

/*
 * Resets the function, asks the PF by mailbox (reset, API version, MAC, longest frame), sets up
 * memory, rings, MSI-X, and enables. -ENODEV no such function; -EINVAL the configuration;
 * -ETIMEDOUT the PF does not answer; -EPERM it refused; -EIO a queue does not start; -ENOMEM,
 * -ENOSPC. `why` (may be NULL) gets a sentence. The PF's function (pool 0) has no mailbox: raw.
 */
int vfdrv_open(struct nic *nic, uint32_t pool, const struct vfdrv_config *config, uint64_t now,
        struct vfdrv **ret, char *why, size_t size);
/* Disables its queues, gives back its memory. */
void vfdrv_close(struct vfdrv *d);

/* Of a raw driver: its configuration's. */
uint64_t vfdrv_mac(const struct vfdrv *d);
/* With the NIC held. */
bool vfdrv_link(struct vfdrv *d);
uint32_t vfdrv_pool(const struct vfdrv *d);
struct irq_target *vfdrv_irq(struct vfdrv *d);
/* The mailbox API version agreed on, as the protocol numbers it. */
uint32_t vfdrv_api(const struct vfdrv *d);

/* ---- frames ------------------------------------------------------------------------------------
 */

enum vfdrv_flags {
        VFDRV_VLAN = 1,   /* tag: to insert, or stripped: in tci */
        VFDRV_IP_SUM = 2, /* to send: insert the IPv4 header checksum */
        VFDRV_L4_SUM = 4,
        VFDRV_LOOPBACK = 8, /* received: by local switching */
        VFDRV_IP_GOOD = 16,
        VFDRV_IP_BAD = 32,
        VFDRV_L4_GOOD = 64,
        VFDRV_L4_BAD = 128,
};

struct vfdrv_frame {
        uint8_t *bytes;
        uint32_t length;
        uint16_t tci;
        uint16_t flags;
        uint32_t hash; /* received: RSS */
};

/* Copies frames into the guest's memory, writes descriptors, rings the doorbell once. Returns how
 * many found room. What no NIC takes (less than a header, more than FRAME_MAX, VID 4095) is dropped
 * and counts as such. */
uint32_t vfdrv_send(struct vfdrv *d, uint32_t queue, const struct vfdrv_frame *frames, uint32_t n);

/* Frames that have come; their bytes stay good until the next call, which gives the buffers back.
 */
uint32_t vfdrv_receive(struct vfdrv *d, uint32_t queue, struct vfdrv_frame *frames, uint32_t n);

/* Transmit descriptors not yet written back. The sender's thread. */
uint32_t vfdrv_unsent(struct vfdrv *d, uint32_t queue);

/* ---- requests to the PF (mailbox); with the NIC held --------------------------------------------
 */

/*
 * What every one returns: 0, -EPERM (NACK), -ETIMEDOUT, -EOPNOTSUPP (not in the API version agreed
 * on, or a raw driver). What was granted is asked for again whenever the PF driver makes the VF
 * start again.
 */
int vfdrv_set_mac(struct vfdrv *d, uint64_t mac);
int vfdrv_set_vlan(struct vfdrv *d, uint16_t vid, bool add); /* -EINVAL: 4095 or more */
int vfdrv_set_multicast(struct vfdrv *d, const uint64_t *macs, uint32_t n); /* by hash, up to 30 */
int vfdrv_add_macvlan(struct vfdrv *d, uint64_t mac); /* another exact filter; 0: drop them all */
int vfdrv_set_xcast(struct vfdrv *d, enum vf_xcast mode); /* -EPERM also: less was granted */
int vfdrv_set_mtu(struct vfdrv *d, uint32_t mtu); /* -EMSGSIZE: more than its buffers take */
int vfdrv_get_rss(struct vfdrv *d, uint8_t key[static 40]);

/* Looks whether the PF driver wants this VF to start again (its settings changed), and does. To be
 * called when its interrupt comes; every request does it first. 1: it did; 0, -ETIMEDOUT, -EPERM.
 */
int vfdrv_serve_mailbox(struct vfdrv *d);

/* ---- misbehaviour, for tests and scenarios ------------------------------------------------------
 */

/* Raw access to the ring and registers; the guest's memory. */
struct vfdrv_raw {
        struct tx_desc *tx;
        struct rx_desc *rx;
        uint32_t tx_size, rx_size;
        uint32_t tx_tail; /* the next tail that makes the NIC look at one descriptor more */
        uint64_t iova, physical, bytes; /* the guest's memory */
        uint64_t tx_iova, rx_iova;
        uint64_t tx_buffers,
                rx_buffers; /* IOVA of the first; that of descriptor i is i * stride on */
        uint32_t tx_stride, rx_stride;
        struct iommu_domain *domain;
};
struct vfdrv_raw vfdrv_raw(struct vfdrv *d, uint32_t queue);
