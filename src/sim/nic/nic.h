/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One NIC: its functions (pool 0 the PF, pool n + 1 VF n) with registers and queues, its packet
 * memory, its sorter and its port, and the two walks a frame takes through it:
 *
 *   wire to guest (rx_walk.c)                 guest to wire (tx_walk.c)
 *   1 receive_from_port   into packet memory  1 (guest)  puts the packet in its memory
 *   2 sort_into_pools                         2 (driver) writes transmit descriptors
 *   3 fetch_rx_descriptors                    3 fetch_tx_descriptors    after the doorbell
 *   4 dma_to_guest        through the IOMMU   4 translate_tx            through the IOMMU
 *   5 write_back_rx                           5 dma_from_guest          into packet memory
 *   6 raise_interrupt                         6 switch_locally          anti-spoof, VLAN, sorter
 *                                             7 transmit_to_port
 *
 * Threads. nic_poll is the datapath: one thread at a time. Everything else that is not marked
 * "any thread" wants the NIC held: nic_hold() stops the datapath between two passes, so the loop
 * over a burst needs no lock. What drivers do while it runs are stores to rings and doorbells.
 */
#pragma once

#include "sim/host/irq.h"
#include "sim/nic/desc.h"
#include "sim/nic/frame.h"
#include "sim/nic/rss.h"
#include "sim/nic/sorter.h"
#include "sim/nic/stats.h"

#define NIC_BURST      32u
#define NIC_QUEUES_MAX 8u /* pairs per pool */

struct nic;
struct nic_tracer;

struct nic_config {
        struct memory *memory;
        struct iommu *iommu;
        struct irq *irq;
        uint16_t pf_rid, vf_offset, vf_stride;
        uint32_t max_vfs; /* 0 to POOLS_MAX - 1; memory is taken for functions that are used */
        uint32_t queues;  /* pairs per pool: 1, 2, 4 or 8 */
        uint32_t pf_vectors, vf_vectors;
        uint64_t packet_memory; /* bytes; 0: PKTMEM_DEFAULT */
        uint32_t speed;         /* of the wire, Mbit/s; 0: no limit */
        bool cut_through;       /* one copy where nobody could tell (README of this room) */
};

int nic_new(const struct nic_config *config, struct nic **ret);
void nic_free(struct nic *nic);
DEFINE_CLEANUP(struct nic *, nic_free)
/* What it was made with. Any thread. */
const struct nic_config *nic_config(const struct nic *nic);

/* Any thread but the datapath's; not nested. */
struct nic *nic_hold(struct nic *nic);
void nic_release(struct nic *nic);
static inline _unused_ void nic_releasep(struct nic **nic)
{
        if (*nic)
                nic_release(*nic);
}
/* Waits for the pass that is on, if one is: what iommu_on_invalidate() wants. Any thread but the
 * datapath's, also one that holds the NIC. */
void nic_quiesce(void *nic);

/* ---- the datapath ------------------------------------------------------------------------------
 */

/*
 * One pass over everything that has work: the wire, senders, what waits for a receiver or for
 * tokens, interrupts that are due. now: ns, never going back. Returns how many frames moved: 0 says
 * that it may sleep until nic_next() or a doorbell.
 */
uint32_t nic_poll(struct nic *nic, uint64_t now);

/* When something is due by the clock (tokens, moderated interrupts); UINT64_MAX: nothing. */
uint64_t nic_next(struct nic *nic, uint64_t now);

/* ---- the port ----------------------------------------------------------------------------------
 */

struct port_frame {
        uint8_t *bytes;
        uint32_t length;
};

/* What is at the other end of the wire. Called from nic_poll; never blocks. */
struct port_ops {
        /* Up to n frames; the bytes stay good until the next call. */
        uint32_t (*receive)(void *port, struct port_frame *frames, uint32_t n);
        /* Takes the first so many of n frames (copies them): fewer when it is full. */
        uint32_t (*transmit)(void *port, const struct port_frame *frames, uint32_t n);
};
/* NULL: no peer, the link is down. */
void nic_set_port(struct nic *nic, const struct port_ops *ops, void *port);
void nic_set_link(struct nic *nic, bool up);

/* ---- what the PF driver does -------------------------------------------------------------------
 */

/* The new tables; the old ones are freed. Owned from now on. */
void nic_publish(struct nic *nic, struct sorter *sorter);
const struct sorter *nic_sorter(const struct nic *nic);

/*
 * Instead, when many changes come in a row: the tables are out of date. fresh() is asked for new
 * ones at the beginning of the next pass, in its thread: nobody has the NIC then. NULL from it: the
 * old ones stay, and it is asked again.
 */
void nic_stale(struct nic *nic);
void nic_on_stale(struct nic *nic, struct sorter *(*fresh)(void *userdata), void *userdata);

/* VF Enable: functions 1 to n come into being (reset state), or go (0). -EINVAL, -ENOMEM. */
int nic_enable_vfs(struct nic *nic, uint32_t n);
uint32_t nic_n_pools(const struct nic *nic);

/* Function Level Reset of one pool's function: queues stopped and forgotten, MSI-X and mailbox
 * cleared, frames that waited dropped as "reset". The PF driver is told by its mailbox cause. */
void nic_reset_function(struct nic *nic, uint32_t pool);

/* Called, with the NIC held, when a VF's mailbox or reset wants the PF driver. */
void nic_on_mailbox(struct nic *nic, void (*notify)(void *userdata, uint32_t pool), void *userdata);
struct mailbox *nic_mailbox(struct nic *nic, uint32_t pool);
/* mailbox_pf_write() said that an interrupt to the VF is due: its VTIVAR_MISC vector. */
void nic_mailbox_interrupt(struct nic *nic, uint32_t pool);

/* Mbit/s; 0: none. */
void nic_set_rate(struct nic *nic, uint32_t pool, uint32_t minimum, uint32_t maximum);
void nic_set_storm(struct nic *nic, uint64_t broadcast, uint64_t multicast, uint64_t interval);
void nic_set_pool_link(struct nic *nic, uint32_t pool, bool up);
void nic_set_rss(struct nic *nic, uint32_t pool, const struct rss_config *rss);
/* Bus Master Enable in its config space: without it no DMA and no interrupt. */
void nic_set_bus_master(struct nic *nic, uint32_t pool, bool on);
/* MSI-X Enable there (message control); off after a reset. */
void nic_set_msix(struct nic *nic, uint32_t pool, bool enabled, uint64_t now);
uint16_t nic_rid(const struct nic *nic, uint32_t pool);

/* A queue that malicious-driver detection stopped stays so until its function is reset. */
struct nic_mdd {
        enum mdd_cause cause;
        uint32_t queue;
        bool transmit;
};
struct nic_mdd nic_mdd(const struct nic *nic, uint32_t pool);
uint64_t nic_mdd_count(const struct nic *nic);

/* ---- registers: what a driver of a function sees ------------------------------------------------
 */

/*
 * BAR 0 (layout of the 82599's VF: VTCTRL 0x000, VTSTATUS 0x008, VTLINKS 0x010, VTEITR 0x820,
 * VTIVAR 0x120, VFMBMEM 0x200, VFMAILBOX 0x2fc, VFRD* 0x1000 + 0x40 n, VFTD* 0x2000 + 0x40 n) and
 * BAR 3 (MSI-X). 4 bytes, aligned; else reads are all ones and writes are ignored, as on the bus.
 * The PF's function has the same layout here. Names: registers.h.
 */
uint32_t nic_read(struct nic *nic, uint32_t pool, unsigned bar, uint32_t offset);
void nic_write(struct nic *nic, uint32_t pool, unsigned bar, uint32_t offset, uint32_t value,
        uint64_t now);

/* The write of a tail register while the datapath runs. Any thread, one per queue. */
void nic_rx_doorbell(struct nic *nic, uint32_t pool, uint32_t queue, uint32_t tail);
void nic_tx_doorbell(struct nic *nic, uint32_t pool, uint32_t queue, uint32_t tail);

/* Called from any thread after a doorbell that gives work found the datapath asleep (nic_poll()
 * said 0); may be NULL. */
void nic_on_wake(struct nic *nic, void (*wake)(void *userdata), void *userdata);

/* ---- looking -----------------------------------------------------------------------------------
 */

/* Any thread. */
void nic_stats(const struct nic *nic, struct nic_stats *ret);
void nic_pool_stats(const struct nic *nic, uint32_t pool, struct pool_stats *ret);
/* Sums of all pools, gone ones included: what conservation is about. Held, or nothing running. */
bool nic_conserved(const struct nic *nic, char *why, size_t size);

/* Follows frames step by step; the datapath then takes them one at a time. NULL: no more. */
void nic_trace(struct nic *nic, struct nic_tracer *tracer);
