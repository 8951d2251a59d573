/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is counted: every pool is a virtual link of its own (X550 7.8.5.1), the wire is one more.
 * Written by the datapath thread alone, read by any thread.
 *
 * Conservation, at any time, over a whole NIC (stats_conserved):
 *
 *   frames sent by pools + frames from the wire + copies made
 *           = frames received by pools + frames to the wire + drops + frames in flight
 *
 * where a frame with k > 1 receivers makes k - 1 copies, and in flight is what is in packet memory.
 */
#pragma once

#include "base/util.h"

/* Why a frame, or one replica of it, went no further. One name each, for people and for JSON. */
enum drop_reason {
        DROP_NONE,
        /* at the port and in the sorter */
        DROP_LINK_DOWN,     /* no cable, or the VF's link is disabled */
        DROP_TOO_SHORT,     /* less than a header */
        DROP_TOO_LONG,      /* more than the receiver's maximum */
        DROP_MEMORY,        /* packet memory is full */
        DROP_STORM,         /* storm control */
        DROP_RESERVED,      /* reserved group address: for the PF alone, and it does not take it */
        DROP_VLAN,          /* VID in no filter, or no pool that wants the MAC is a member */
        DROP_NO_POOL,       /* nobody wants it, and there is no default pool */
        DROP_ETHERTYPE,     /* an Ethertype rule says so */
        DROP_RX_DISABLED,   /* all who want it have receive disabled */
        DROP_NO_QUEUE,      /* the receiver's queue is not enabled (no driver, or stopped) */
        DROP_NO_DESCRIPTOR, /* the receiver gave no buffer */
        DROP_RX_FAULT,      /* the receiver's buffer is no memory of its own: DMA fault */
        DROP_SELF,          /* its sender was the only receiver, and wants nothing of its own */
        /* at the sender */
        DROP_TX_DISABLED,
        DROP_SPOOF_MAC,
        DROP_SPOOF_VLAN,
        DROP_PORT_VLAN, /* a tag of the guest's own under a forced port VLAN */
        DROP_MALICIOUS, /* descriptor refused (desc.h); the queue stopped */
        DROP_TX_FAULT,  /* the sender's buffer is no memory of its own: DMA fault */
        DROP_NO_WIRE,   /* the port can not take it: no peer, or its queue is full */
        DROP_RESET,     /* its function was reset or its queue disabled while it waited */
        DROP_MAX
};

/* "spoof_mac", ...; "none". */
const char *drop_reason_name(enum drop_reason reason);
/* A sentence for people. */
const char *drop_reason_text(enum drop_reason reason);

/* Counters wrap. */
struct pool_stats {
        uint64_t tx_packets, tx_bytes;       /* all it sent, also what was dropped later */
        uint64_t rx_packets, rx_bytes;       /* each replica counts in each receiver */
        uint64_t rx_multicast, rx_broadcast; /* of rx_packets */
        uint64_t tx_loopback, rx_loopback;   /* by local switching */
        uint64_t spoofed;                    /* MAC and VLAN */
        uint64_t interrupts;
        uint64_t drops[DROP_MAX]; /* of what it sent, or should have received */
};

struct nic_stats {
        uint64_t wire_rx_packets, wire_rx_bytes, wire_tx_packets, wire_tx_bytes;
        uint64_t copies;               /* replicas beyond the first */
        uint64_t mirrored;             /* of copies: by mirror rules */
        uint64_t wire_drops[DROP_MAX]; /* of what came by the wire and had no receiver; to the wire
                                        */
        uint64_t in_flight;            /* frames (not replicas) in packet memory */
        uint64_t pending_replicas;     /* replicas they still stand for, beyond one each */
};

/* Single writer: a plain add that readers may look at. */
static inline void stat_add(uint64_t *counter, uint64_t n)
{
        __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline uint64_t stat_get(const uint64_t *counter)
{
        return __atomic_load_n(counter, __ATOMIC_RELAXED);
}
