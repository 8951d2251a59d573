/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that describes a simulated machine, as a value: sriov-sim(1) explains every key. Reads
 * files; otherwise pure, any thread. Addresses: address.c.
 */
#pragma once

#include "sim/fault.h"
#include "sim/host/groups.h"
#include "sim/profile.h"
#include "sim/traffic.h"

#define TOPOLOGY_PFS_MAX     256u
#define TOPOLOGY_BRIDGES_MAX 512u

struct topo_bridge {
        char name[WORD_MAX];
        enum pci_node_type type;
        int32_t below; /* index of the bridge above, which comes earlier; -1: root bus */
        bool acs;
        struct bdf address;
        uint8_t secondary, subordinate; /* bus numbers */
};

#define TOPOLOGY_GUEST_VLANS_MAX 16u

/*
 * Who uses a VF. A virtual machine has its vfio device open from the beginning; a container has the
 * netdev of the VF's host driver, whenever there is one.
 */
struct topo_guest {
        uint32_t vf;
        struct traffic_guest_config config;
        uint32_t vlans[TOPOLOGY_GUEST_VLANS_MAX]; /* its driver asks the PF for */
        size_t n_vlans;
};

struct topo_pf {
        const struct sim_profile *profile;
        int32_t below; /* bridge; -1: on the root bus */
        bool placed;   /* the file gives its address */
        struct bdf address;
        uint32_t total_vfs, hw_total_vfs;
        uint32_t num_vfs; /* VFs there from the beginning */
        char netdev[NETDEV_MAX];
        struct mac mac;
        int32_t numa_node;
        char slot[WORD_MAX];               /* the physical slot's name; "" none */
        bool present;                      /* false: an empty slot, to plug the card in later */
        bool driver;                       /* the PF's driver is bound */
        bool autoprobe;                    /* sriov_drivers_autoprobe */
        bool link;                         /* a cable with somebody at its other end */
        bool admin_up;                     /* IFF_UP */
        struct traffic_nic_config traffic; /* with a netdev only */
        struct topo_guest *guests;
        size_t n_guests;
        struct sim_fault *faults;
        size_t n_faults;
};

struct topology {
        bool iommu, interrupt_remapping;
        bool unsafe_interrupts; /* vfio goes on without remapping */
        uint32_t memory_mib;    /* what guests and drivers have; 0: TRAFFIC_MEMORY_MIB */
        bool kernel_latency;    /* waits as long as the kernel does; else not at all */
        struct topo_bridge *bridges;
        size_t n_bridges;
        struct topo_pf *pfs;
        size_t n_pfs;
};

/* Reads and judges a file. Refusals name FILE:LINE:COLUMN. */
int topology_read(const char *path, struct topology **ret, struct fault *f);

/* The same from memory. */
int topology_parse(
        const char *name, const char *text, size_t n, struct topology **ret, struct fault *f);
/* topology_traffic.c: the parts of a PF and of a guest that are about frames. */
struct json_value;
int topology_read_nic(const struct json_value *v, const struct sim_profile *profile,
        uint32_t max_vfs, struct traffic_nic_config *ret, struct fault *f);
int topology_read_guest(const struct json_value *v, struct topo_guest *ret, struct fault *f);
extern const char *const topology_guest_keys[];

void topology_free(struct topology *t);
DEFINE_CLEANUP(struct topology *, topology_free)
