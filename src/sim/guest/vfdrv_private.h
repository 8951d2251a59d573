/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vfdrv.c (life), vfdrv_rings.c (frames) and vfdrv_mailbox.c (requests) know of a driver. */
#pragma once

#include "sim/guest/vfdrv.h"
#include "sim/nic/mailbox.h"

#define CACHE_LINE     64u
#define FRAMES_JOINED  8u  /* frames of several buffers that one call can return */
#define TX_REPORT      32u /* descriptors between two that are reported, at most */
#define VFDRV_VECTORS  (NIC_QUEUES_MAX + 1)
#define CONTEXT_NONE   UINT64_MAX /* nothing that a context says */
#define MTU_STANDARD   1500u
#define MTU_TO_LPE     18u  /* header and FCS */
#define MTU_TO_BUFFER  18u  /* header and tag */
#define VFDRV_MACS_MAX 255u /* further MACs: their number is 8 bits in a message */

/* A receive descriptor, as the driver writes it and as the NIC does. */
union vf_rx_desc {
        struct rx_desc given;
        struct rx_done done;
};

/* A receive ring and its buffers, as the guest sees them. */
struct vf_rx {
        union vf_rx_desc *ring;
        uint8_t *buffers; /* that of descriptor i at i * stride */
        uint64_t ring_iova, iova;
        uint32_t size, stride, buffer;
        uint32_t at;     /* the next descriptor that a frame will be in */
        uint32_t given;  /* from here to `at` are the caller's, until the next call */
        uint8_t *joined; /* FRAMES_JOINED frames; NULL: takes none of several buffers */
};

struct vf_tx {
        struct tx_desc *ring;
        uint8_t *buffers;
        uint64_t ring_iova, iova;
        uint16_t *report; /* of a descriptor that begins a run: the one that reports all of it */
        uint32_t size, stride, buffer;
        uint32_t clean; /* the oldest that is not written back */
        uint32_t tail;
        uint32_t run;     /* where the run that is not closed yet began */
        uint64_t context; /* the last one the NIC was given: lengths | cmd << 32 */
};

struct vf_queue {
        _Alignas(CACHE_LINE) struct vf_rx rx; /* one thread's each */
        _Alignas(CACHE_LINE) struct vf_tx tx;
};

struct vfdrv {
        struct vf_queue queues[NIC_QUEUES_MAX];
        struct nic *nic;
        uint32_t pool;
        uint16_t rid;
        struct vfdrv_config config; /* no zero stands for a default any more */
        uint64_t now;               /* when it was opened */

        struct memory *memory;
        uint64_t address, bytes, iova; /* its memory */
        struct iommu_domain *domain;
        bool own_domain, mapped;
        struct irq_target *irq;
        struct irq *remapping;
        uint32_t entries[VFDRV_VECTORS]; /* remapping, by vector */
        uint32_t n_entries;

        /* Mailbox. */
        uint32_t seen; /* bits of VFMAILBOX that reading clears, not acted upon yet */
        bool lost;     /* the PF driver wants it to start again, */
        bool starting; /* and it does */
        uint64_t mac;
        enum mbx_api api;
        /* What it asked for, to be asked again when it has to start again. */
        uint64_t macs[VFDRV_MACS_MAX];
        uint32_t n_macs;
        uint64_t vlans[64]; /* a bit per VID */
        uint16_t hashes[MBX_MULTICAST_MAX];
        uint32_t n_hashes;
        enum vf_xcast xcast;
        uint32_t mtu;
};

/* ---- vfdrv_rings.c ---- */

/* Sets up the queue's rings in the guest's memory, and gives all buffers away. */
void vfdrv_rings_fill(struct vf_queue *q);

/* ---- vfdrv_mailbox.c ---- */

/* Reset, version, MAC, longest frame, and all it asked for before. -ETIMEDOUT, -EPERM. */
int vfdrv_handshake(struct vfdrv *d);
