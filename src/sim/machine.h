/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of the simulated machine: devices, locks of its kernel, faults to come, events. Any
 * thread; one mutex guards all of it.
 *
 * Whoever waits (for a holder to let go, for the kernel's latency, for a fault's release) waits on
 * the condition variable, which gives the mutex up: a blocked operation never blocks a reading.
 * Pointers to PFs stay good for the machine's life; after a wait whether the card is still there
 * has to be looked at again (present, generation).
 *
 * Functions named machine_* that do not say otherwise want the lock held.
 */
#pragma once

#include <pthread.h>

#include "sim/nic/cfgspace.h"
#include "sim/topology.h"
#include "sim/traffic.h"

#define MACHINE_LOG_LINES 256
#define MACHINE_LOG_MAX   192
#define GUEST_NAME_MAX    (NAME_MAX_TEXT / 2)

#define SIM_USES_MAX 7u

/* Somebody uses a function otherwise than through vfio: see uses.h. */
struct sim_use {
        char kind[WORD_MAX];
        char name[GUEST_NAME_MAX];
};

struct sim_uses {
        struct sim_use list[SIM_USES_MAX];
        size_t n;
};

struct sim_vf {
        bool exists; /* its device and the PF's virtfn link are there */
        bool dying;  /* being removed: the virtfn link is gone, the device not yet */
        bool locked; /* the device lock: a bind or unbind is under way */
        char driver[DRIVER_MAX];
        char driver_override[DRIVER_MAX];
        char netdev[NETDEV_MAX];
        char guest[GUEST_NAME_MAX]; /* who has its vfio device open; "" nobody */
        uint32_t msix;
        uint32_t resets;
        int64_t access_uid; /* who may open its group's node; -1: root alone */
        int32_t group;      /* of its own, once it had one; -1 */
        struct vf_attrs attrs;
        struct sim_uses uses;
};

struct sim_pf {
        const struct sim_profile *profile;
        struct dev_id id;
        struct bdf address;
        size_t node; /* in the machine's nodes */
        bool present;
        uint32_t generation; /* counts the cards that were in this slot */
        bool locked;         /* the device lock: sriov_numvfs is being written */

        char driver[DRIVER_MAX];
        char driver_override[DRIVER_MAX];
        char netdev[NETDEV_MAX];
        struct mac mac;
        uint32_t mtu;
        int32_t numa_node;
        char slot[WORD_MAX];
        bool autoprobe, link, admin_up;
        char eswitch[WORD_MAX];
        uint32_t total_vfs, hw_total_vfs;
        uint32_t num_vfs;   /* the kernel's num_VFs; links may be fewer meanwhile */
        struct sim_vf *vfs; /* hw_total_vfs of them */
        uint32_t msix_free;
        struct cfgspace cfg;
        struct sim_uses uses;

        struct traffic_nic_config traffic; /* of its datapath */
        struct topo_guest *guests;         /* who uses its VFs, as the topology says */
        size_t n_guests;
        struct traffic_nic *nic; /* NULL: storage, or no driver */

        uint64_t writes; /* by steps; somebody else's do not count */
        bool touched;
};

struct machine {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool rescan_locked; /* pci_lock_rescan_remove() */
        bool iommu, interrupt_remapping, unsafe_interrupts, kernel_latency;
        uint64_t harmed; /* VFs taken from their users by steps that were not forced */
        struct traffic *traffic;
        struct fault trouble; /* the first thing that went wrong with a datapath */

        struct pci_node *nodes; /* bridges, then PFs */
        int32_t *node_groups;
        size_t n_nodes;
        struct topo_bridge *bridges;
        size_t n_bridges;
        struct sim_pf *pfs;
        size_t n_pfs;
        int32_t next_group;
        uint32_t next_eth;

        struct machine_fault *faults;
        size_t n_faults, faults_capacity;
        uint32_t next_fault;

        int event_fd;
        bool touched_all;

        char log[MACHINE_LOG_LINES][MACHINE_LOG_MAX];
        uint64_t n_log;
};

struct machine_fault {
        const struct sim_pf *pf;
        struct sim_fault fault;
};

/* What faults do to one operation. */
struct machine_strike {
        uint32_t delay_ms;
        uint32_t hang; /* id of a fault to wait for, or 0 */
        int error;
        int64_t count; /* partial: at most so many VFs; -1 */
        bool ignore, vanish;
};

/* No lock needed for these two. */
int machine_new(const struct topology *t, struct machine **ret, struct fault *f);
void machine_free(struct machine *m);
DEFINE_CLEANUP(struct machine *, machine_free)

/* For `_cleanup_(machine_unlockp) struct machine *locked = machine_lock(m);` */
struct machine *machine_lock(struct machine *m);
void machine_unlockp(struct machine **m);

/* Waits for the next change of anything. */
void machine_wait(struct machine *m);
/* Something changed: wakes everybody who waits. */
void machine_changed(struct machine *m);
/* A latency of the kernel's: nothing without "latency": "kernel". */
void machine_latency(struct machine *m, uint64_t usec);
/* A delay asked for by a fault. */
void machine_sleep(struct machine *m, uint64_t usec);

/* The card in that slot, NULL when there is none. */
struct sim_pf *machine_find(struct machine *m, const char *id);
/* Also an empty slot. */
struct sim_pf *machine_slot(struct machine *m, const char *id);

/* An event: look at this PF again; NULL: look at everything. */
void machine_touch(struct machine *m, struct sim_pf *pf);
/* The next event as next_event() of the backend wants it. */
bool machine_next_event(struct machine *m, struct dev_id *ret);

/* Puts a card (of another kind than before, if profile is not NULL) into an empty slot. -EEXIST,
 * -EINVAL when its VFs would not fit there. */
int machine_plug(struct machine *m, struct sim_pf *pf, const struct sim_profile *profile);
/* Takes it out, whatever is going on: guests let go of its VFs, as QEMU does. */
void machine_unplug(struct machine *m, struct sim_pf *pf);

/* -1 without an IOMMU. vf: NO_VF for the PF itself. */
int32_t machine_group_of(struct machine *m, struct sim_pf *pf, uint32_t vf);
/* Every group that holds a PF or VF. */
int machine_groups(struct machine *m, struct groups *ret);

/* Faults; -ENOTCONN of a dma fault: nobody has that VF open. Counting an operation that a fault
 * waits for is part of asking. */
int machine_inject(
        struct machine *m, struct sim_pf *pf, const struct sim_fault *fault, uint32_t *ret_id);
/* 0: all. -ENOENT when there is no such fault. */
int machine_release(struct machine *m, uint32_t id);
bool machine_fault_exists(const struct machine *m, uint32_t id);
struct machine_strike machine_strike(struct machine *m, const struct sim_pf *pf, uint32_t op,
        uint32_t vf, const struct vf_attrs *attrs);
/* Is this VF left out of the reading that is being made. */
bool machine_omits(struct machine *m, const struct sim_pf *pf, uint32_t vf);

void machine_log(struct machine *m, const char *fmt, ...) _printf_(2, 3);

/* Configuration space of a device by its address: bridge, PF or VF. -ENODEV. title: for people. */
int machine_config(struct machine *m, const struct bdf *address, struct cfgspace *ret,
        char title[static NAME_MAX_TEXT]);
/* The addresses of all devices there are, bridges first; the caller frees. */
int machine_devices(struct machine *m, struct bdf **ret, size_t *ret_n);
