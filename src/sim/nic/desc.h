/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors: 16 bytes, little endian, in the advanced format of Intel's 82576 to X550 (X550
 * datasheet 7.1.6 and 7.2.3), and the checks by which the NIC recognises a malicious driver
 * (X550 7.8.4.3, tables 7-69 and 7-70). Plain values, any thread.
 */
#pragma once

#include "base/util.h"

#define DESC_SIZE     16u
#define RING_MIN      8u /* descriptors; a ring's length is a multiple of 8 of them */
#define RING_MAX      4096u
#define RING_ALIGN    128u  /* of its address */
#define TX_SEGMENTS   64u   /* data descriptors of one frame at most */
#define RX_BUFFER_MIN 1024u /* bytes, a multiple of 1024 */
#define RX_BUFFER_MAX 16384u

/* Transmit, as the driver writes it: data. */
struct tx_desc {
        uint64_t address;
        uint32_t cmd;    /* TX_* and the length of this piece in bits 15:0 */
        uint32_t status; /* TX_DD written back; TX_IXSM, TX_TXSM; whole length in bits 31:14 */
};

#define TX_LENGTH       0x0000ffffu
#define TX_DTYP         0x00f00000u
#define TX_CONTEXT      0x00200000u
#define TX_DATA         0x00300000u
#define TX_EOP          (1u << 24)  /* last piece of the frame */
#define TX_IFCS         (1u << 25)  /* must be set with EOP */
#define TX_RS           (1u << 27)  /* report: write DD back */
#define TX_DEXT         (1u << 29)  /* 0 would be the legacy format: illegal under SR-IOV */
#define TX_VLE          (1u << 30)  /* insert the VLAN of the context */
#define TX_TSE          (1u << 31)  /* segmentation: not offered, refused */
#define TX_RESERVED     0x140f0000u /* must be zero: bits 16-19, 26, 28 */
#define TX_DD           1u
#define TX_CC           (1u << 7)
#define TX_IXSM         (1u << 8) /* insert the IPv4 header checksum */
#define TX_TXSM         (1u << 9) /* insert the TCP or UDP checksum */
#define TX_INDEX        0x70u     /* which context: a queue has but number 0 */
#define TX_PAYLEN_SHIFT 14 /* of status: length of the whole frame, in its first descriptor */

/* Transmit, context: in cmd's place with TX_DEXT and TX_CONTEXT. */
struct tx_context {
        uint32_t vlan_lengths; /* VLAN TCI << 16 | MAC header length << 9 | IP header length */
        uint32_t sequence;
        uint32_t cmd;    /* TX_CONTEXT_* besides */
        uint32_t mss_l4; /* MSS << 16 | TCP header length << 8, for segmentation; TX_INDEX */
};

#define TX_CONTEXT_IP4  (1u << 10)
#define TX_CONTEXT_L4   (3u << 11) /* what TX_TXSM is about: 0 is UDP */
#define TX_CONTEXT_TCP  (1u << 11)
#define TX_CONTEXT_SCTP (2u << 11) /* not offered */

/* Receive, as the driver writes it. */
struct rx_desc {
        uint64_t address;
        uint64_t header; /* header split is not offered: must be 0 in bit 0 */
};

/* Receive, written back: the status last, with release ordering. */
struct rx_done {
        uint32_t info; /* RSS type in bits 3:0, packet type in 16:4 (RX_TYPE_*) */
        uint32_t hash;
        uint32_t status;
        uint16_t length; /* in this buffer */
        uint16_t vlan;   /* TCI that was stripped */
};

#define RX_DD       1u
#define RX_EOP      2u
#define RX_VP       8u        /* vlan is valid: a tag was stripped */
#define RX_L4CS     (1u << 5) /* TCP or UDP checksum looked at */
#define RX_IPCS     (1u << 6)
#define RX_LB       (1u << 18) /* by local switching */
#define RX_L4E      (1u << 30)
#define RX_IPE      (1u << 31)
#define RX_TYPE_IP4 (1u << 4)
#define RX_TYPE_IP6 (1u << 6)
#define RX_TYPE_TCP (1u << 8)
#define RX_TYPE_UDP (1u << 9)

/* What a malicious or broken driver did. The queue stops; the cause can be read. */
enum mdd_cause {
        MDD_NONE,
        /* of a queue, when it is enabled or changed while enabled */
        MDD_RING_ALIGN,
        MDD_RING_LENGTH,
        MDD_RING_ADDRESS,
        MDD_BUFFER_SIZE,
        MDD_TAIL,
        MDD_CHANGED_ENABLED, /* base, length or buffer size written while enabled */
        /* of transmit descriptors */
        MDD_LEGACY,
        MDD_DTYP,
        MDD_RESERVED,
        MDD_LENGTH_ZERO,
        MDD_TOO_SHORT,
        MDD_TOO_LONG,
        MDD_SEGMENTS,
        MDD_PAYLEN,
        MDD_PAYLEN_SUM,
        MDD_NO_IFCS,
        MDD_TSE,
        MDD_CONTEXT_INDEX,
        MDD_NO_CONTEXT,
        MDD_CONTEXT_INSIDE,
        MDD_CONTEXT_LENGTHS,
        MDD_CHECKSUM_TYPE,
        MDD_VLAN_RANGE,
        MDD_STATUS,
        MDD_ADDRESS_WIDTH,
        MDD_NO_EOP,
        /* of receive descriptors */
        MDD_RX_ADDRESS,
        MDD_RX_HEADER,
        /* of DMA: the IOMMU blocked it */
        MDD_DMA_RING,
        MDD_DMA_READ,
        MDD_DMA_WRITE,
        MDD_MAX
};
const char *mdd_cause_name(enum mdd_cause cause);
const char *mdd_cause_text(enum mdd_cause cause);

/* State of the frame that a run of transmit descriptors describes. All zero: a queue at rest. */
struct tx_state {
        bool inside;      /* between the first piece and EOP */
        bool has_context; /* the queue has seen one */
        struct tx_context context;
        uint32_t segments, length; /* so far; after EOP: of the frame that is whole now */
        uint32_t first_status;     /* its offloads and whole length */
};

/* Checks one descriptor in its place; table-driven (desc.c). MDD_NONE: *state has moved on; else
 * it is as it was. */
enum mdd_cause tx_desc_check(struct tx_state *state, const struct tx_desc *d);

/* The common case, to be tried first while not inside a frame: one whole frame in one descriptor,
 * no context, no offload. tx_desc_check() would find nothing wrong with it. */
static inline bool tx_desc_plain(const struct tx_desc *d)
{
        const uint32_t want = TX_DATA | TX_EOP | TX_IFCS | TX_DEXT;
        uint32_t n = d->cmd & TX_LENGTH;

        return (d->cmd & ~(TX_LENGTH | TX_RS)) == want && d->status == n << TX_PAYLEN_SHIFT &&
               n >= 14 && n <= 9728 && d->address >> 48 == 0;
}
