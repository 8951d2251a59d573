/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything of the machine that moves frames: its memory, IOMMU and interrupts, its NICs with
 * their PF drivers, the guests that have a function open, and what their interfaces and the wires
 * lead to. One thread of its own runs all of it in rounds; without that thread the caller does, by
 * a clock of the caller's (tests, `sriov-sim trace --topology`).
 *
 * Control comes from any thread, one at a time (the machine's lock sees to that), between two
 * rounds: `_cleanup_(traffic_releasep) struct traffic *held = traffic_hold(t);`. Functions that do
 * not say otherwise want it held.
 */
#pragma once

#include "sim/guest/pfdrv.h"
#include "sim/guest/vfdrv.h"
#include "sim/nic/trace.h"
#include "sim/port/port.h"

#define TRAFFIC_MEMORY_MIB 4096u

struct traffic;
struct traffic_nic;
struct traffic_guest;

/* ---- the machine's part ------------------------------------------------------------------------
 */

struct traffic_config {
        bool iommu, interrupt_remapping;
        uint32_t memory_mib; /* 0: TRAFFIC_MEMORY_MIB; resident when touched */
};

int traffic_new(const struct traffic_config *config, struct traffic **ret);
void traffic_free(struct traffic *t);
DEFINE_CLEANUP(struct traffic *, traffic_free)

/* Begins to run by itself, by the real clock. Not held. */
int traffic_start(struct traffic *t);

struct traffic *traffic_hold(struct traffic *t);
void traffic_release(struct traffic *t);
static inline _unused_ void traffic_releasep(struct traffic **t)
{
        if (*t)
                traffic_release(*t);
}

/* One round by the caller's clock; only without a thread. Frames moved. */
uint32_t traffic_round(struct traffic *t, uint64_t now);

/* When something is due by the clock; UINT64_MAX: nothing. */
uint64_t traffic_next(struct traffic *t, uint64_t now);

/* The time of the last round; the real one when a thread runs. */
uint64_t traffic_now(const struct traffic *t);

struct iommu *traffic_iommu(struct traffic *t);

/* ---- NICs --------------------------------------------------------------------------------------
 */

/* What a topology file says of a PF's datapath. */
struct traffic_nic_config {
        struct port_config wire;
        uint32_t queues;            /* pairs per function: 1, 2, 4, 8; 0: 1 */
        uint32_t packet_memory_kib; /* 0: the default */
        uint32_t speed;             /* of the wire, Mbit/s; 0: the profile's */
        bool vepa;                  /* no local switching */
        bool cut_through;
        bool tap; /* functions on host drivers are Linux netdevs: taps of their names */
        struct sorter_mirror mirrors[MIRROR_RULES_MAX];
        uint32_t n_mirrors;
        uint64_t storm_broadcast, storm_multicast, storm_interval; /* bytes; ns */
};

/* rid, mac, mtu, link: of the PF. Faults of its wire's port. */
int traffic_add_nic(struct traffic *t, const struct traffic_nic_config *config,
        const struct sim_profile *profile, uint16_t rid, uint32_t max_vfs, const struct mac *mac,
        struct traffic_nic **ret, struct fault *f);
/* Its guests lose their functions, their names and ports with them. */
void traffic_remove_nic(struct traffic_nic *n);

struct nic *traffic_nic(struct traffic_nic *n);
struct pfdrv *traffic_pfdrv(struct traffic_nic *n);
const struct traffic_nic_config *traffic_nic_config(const struct traffic_nic *n);
void traffic_set_link(struct traffic_nic *n, bool up);
void traffic_wire_stats(const struct traffic_nic *n, struct port_stats *ret);

/* ---- guests ------------------------------------------------------------------------------------
 */

struct traffic_guest_config {
        char name[64];
        bool vm;            /* posted interrupts; else the host handles them (container) */
        bool declared_port; /* port is meant */
        struct port_config port;
        uint32_t ring, buffer; /* 0: the driver's defaults */
        bool drop, scatter;
        uint32_t mtu;
};

/* Somebody opens the pool's function: the driver starts, its port opens. -EBUSY somebody has it. */
int traffic_open_guest(struct traffic_nic *n, uint32_t pool,
        const struct traffic_guest_config *config, struct traffic_guest **ret, struct fault *f);
/* The function was reset: its driver starts again, if somebody has it open. */
void traffic_was_reset(struct traffic_nic *n, uint32_t pool);
/* The PF's driver may have said something: drivers of guests look at their mailboxes, and start
 * again if they were told to. */
void traffic_serve_mailboxes(struct traffic_nic *n);
void traffic_close_guest(struct traffic_nic *n, uint32_t pool);
/* NULL: nobody has it open. */
struct traffic_guest *traffic_guest(struct traffic_nic *n, uint32_t pool);
const char *traffic_guest_name(const struct traffic_guest *g);
/* NULL: it did not start again after a reset. */
struct vfdrv *traffic_guest_driver(struct traffic_guest *g);
void traffic_guest_stats(const struct traffic_guest *g, struct port_stats *ret);

/* ---- doing -------------------------------------------------------------------------------------
 */

/* Where a frame enters or is looked at: a pool, or FROM_WIRE. */

/* A frame from a guest (which has the pool open) or from the wire, count times. Returns how many
 * were taken; -ENOTCONN nobody has the pool open, -EMSGSIZE. */
int64_t traffic_send(struct traffic_nic *n, uint32_t where, const uint8_t *bytes, uint32_t length,
        uint32_t count);

/* Sends one frame and follows it until nothing moves any more: events as they come. -ENOTCONN. */
int traffic_trace(struct traffic_nic *n, uint32_t where, const uint8_t *bytes, uint32_t length,
        const struct nic_tracer *tracer);

/* Writes what goes in and out there to a pcapng file, `fd` becoming its own; with where
 * POOL_NONE - 1 (TRAFFIC_DROPS): what is dropped, with the reason. Ends after count frames (0: no
 * end). */
#define TRAFFIC_DROPS (UINT32_MAX - 1)
int traffic_capture(
        struct traffic_nic *n, uint32_t where, int fd, uint64_t count, uint32_t *ret_id);
/* -ENOENT: it is over. ret_frames: how many it wrote. */
int traffic_end_capture(struct traffic *t, uint32_t id, uint64_t *ret_frames);
/* Is it still going on. */
bool traffic_capturing(struct traffic *t, uint32_t id);

/* The last DMA faults, oldest first; taken from the IOMMU's log, and kept. How many. */
size_t traffic_dma_faults(struct traffic *t, struct iommu_fault ret[static IOMMU_FAULTS_MAX]);

/* A storm of DMA to addresses that are nobody's, by the guest of that pool: so many times its
 * driver sends such a descriptor, is stopped, and starts again. -ENOTCONN. */
int traffic_wild_dma(struct traffic_nic *n, uint32_t pool, uint32_t count);
