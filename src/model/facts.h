/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a backend has seen of a PF, its VFs, the IOMMU groups and who holds a VF: readings, never
 * wishes. Values that own their arrays; ownership moves, nothing is counted. Any thread.
 *
 * Unknown is -1 in signed numbers, "" in strings, an absent bit in vf_attrs.
 */
#pragma once

#include "model/attrs.h"

#define DEV_ID_MAX     32
#define NETDEV_MAX     16 /* IFNAMSIZ */
#define DRIVER_MAX     64
#define RESETS_MAX     64
#define WORD_MAX       24
#define PCI_PATH_MAX   128
#define NAME_MAX_TEXT  128
#define PF_NETDEVS_MAX 8
#define VFS_MAX        65535u /* NumVFs is a 16-bit field (PCIe SR-IOV capability) */
#define NO_VF          UINT32_MAX

/* A device as bus/name: "pci/0000:3b:00.0". The form devlink uses; other buses may come. */
struct dev_id {
        char str[DEV_ID_MAX];
};

/* From a PCI address; "" when bdf is not one. */
int dev_id_from_address(const char *address, struct dev_id *ret);

/* The part behind "pci/". */
const char *dev_id_address(const struct dev_id *id);

/* Of the form bus/name with a valid PCI address. */
bool dev_id_valid(const struct dev_id *id);

static inline bool dev_id_equal(const struct dev_id *a, const struct dev_id *b)
{
        return streq(a->str, b->str);
}

/* Counters of IFLA_VF_STATS; rx and tx as the VF's port sees them. */
enum vf_stat {
        VF_STAT_RX_PACKETS,
        VF_STAT_TX_PACKETS,
        VF_STAT_RX_BYTES,
        VF_STAT_TX_BYTES,
        VF_STAT_BROADCAST,
        VF_STAT_MULTICAST,
        VF_STAT_RX_DROPPED,
        VF_STAT_TX_DROPPED,
        VF_STAT_MAX,
};

/* "rx_packets". */
const char *vf_stat_name(enum vf_stat stat);

struct vf_facts {
        uint32_t index;
        char address[BDF_STR_MAX];
        char driver[DRIVER_MAX];
        char driver_override[DRIVER_MAX]; /* "" when none is set */
        char netdev[NETDEV_MAX];          /* "" too while it lives in another network namespace */
        char reset_methods[RESETS_MAX];   /* "flr", "flr bus"; "" when it can not be reset */
        int32_t iommu_group;
        int32_t enable;     /* enable count: > 0 on vfio-pci means its device file is open */
        int64_t access_uid; /* whom its vfio group's device node was given to; -1: nobody but root
                             */
        bool attrs_known; /* false: the driver's answer for this VF was missing or not to be trusted
                           */
        struct vf_attrs attrs;
        bool stats_known;
        uint64_t stats[VF_STAT_MAX];
};

struct pf_facts {
        struct dev_id id;
        char driver[DRIVER_MAX];
        char driver_override[DRIVER_MAX];
        char netdevs[PF_NETDEVS_MAX][NETDEV_MAX]; /* the uplink first */
        uint32_t n_netdevs;
        uint32_t pci_class; /* 24 bits: 0x020000 Ethernet, 0x010802 NVMe */
        uint16_t vendor_id, device_id, vf_device_id;
        char vendor[NAME_MAX_TEXT], device[NAME_MAX_TEXT]; /* pci.ids; "" when not listed */
        uint32_t total_vfs;                                /* as reduced by the driver */
        uint32_t num_vfs;                                  /* counted by virtfnN links */
        int32_t offset, stride;                            /* routing IDs; -1 unknown */
        int32_t autoprobe;     /* 0, 1, -1 when the kernel has no such file */
        int32_t vf_total_msix; /* -1 unknown */
        int32_t numa_node, iommu_group;
        int32_t mtu;               /* of the uplink netdev */
        char link_state[WORD_MAX]; /* operstate: up, down, dormant... */
        bool admin_up;             /* IFF_UP of the uplink netdev */
        bool has_mac;
        struct mac mac; /* current address of the uplink netdev */
        char permanent_mac[MAC_STR_MAX];
        char path[PCI_PATH_MAX]; /* "0000:00:1c.0/00.0": from the root bus, without the bus numbers
                                    below it, which change; "" unknown */
        char slot[WORD_MAX];     /* physical slot's name; "" none */
        char reset_methods[RESETS_MAX];
        char eswitch_mode[WORD_MAX]; /* legacy, switchdev; "" without devlink */
        char serial[NAME_MAX_TEXT];  /* devlink or VPD serial number when the backend can see one */

        /* What the backend is doing to this PF right now. */
        char busy_step[WORD_MAX]; /* "" when idle, else a step's name */
        uint64_t busy_usec;       /* since when, as a duration */

        struct vf_facts *vfs; /* sorted by index */
        uint32_t n_vfs;
};

void pf_facts_done(struct pf_facts *facts);
void pf_facts_free(struct pf_facts *facts);
DEFINE_CLEANUP(struct pf_facts *, pf_facts_free)

/* Empty readings: every number unknown. */
void pf_facts_init(struct pf_facts *facts, const struct dev_id *id);
void vf_facts_init(struct vf_facts *facts, uint32_t index);

/* Deep copy. */
int pf_facts_copy(const struct pf_facts *from, struct pf_facts *ret);

/* NULL when there is none with this index. */
const struct vf_facts *pf_facts_vf(const struct pf_facts *facts, uint32_t index);

/* "net", "storage", "accelerator", "other": the kind people filter by, from the PCI class. */
const char *pci_class_word(uint32_t pci_class);

/* vfio-pci or a vendor's variant (mlx5_vfio_pci): hands the device to user space, so its IOMMU
 * group matters, and an enable count above 0 means that it is open. */
bool driver_is_vfio(const char *driver);

/* Is the VF open right now: on vfio-pci and enabled. */
bool vf_facts_held(const struct vf_facts *vf);

/*
 * Somebody who uses a VF (or with NO_VF the PF itself), as far as the backend may see it. Kinds:
 * vfio (its device file is open), guest (the same, in the simulation), netns (its netdev lives in
 * another network namespace), master (enslaved to a bridge, bond or team), upper (macvlan, macvtap,
 * VLAN... above its netdev), address, route (it carries the default route), rdma, mount (a
 * namespace of its is mounted or otherwise in use), lease (somebody leased it: known to the daemon
 * alone). A netdev that is merely up is used by nobody.
 *
 * The PF's own kind is route. It refuses what a person (or a wish) asks that destroys or replaces
 * VFs or changes the eswitch mode; never the way back, and not creation from none, where the
 * preview tells of it. It is judged when planned: the second look is about VFs alone.
 */
struct holder {
        uint32_t vf;
        char kind[WORD_MAX];
        int32_t pid;              /* -1 unknown */
        char name[NAME_MAX_TEXT]; /* command, guest, upper netdev, address, where it is mounted,
                                     whose lease; "" unknown */
        char path[NAME_MAX_TEXT]; /* /dev/vfio/12, or its netdev, RDMA or block device; "" unknown
                                   */
};

/* One sentence without an end: "VF 3 held by qemu-system-x86 (pid 4242) through /dev/vfio/12",
 * "VF 3's enp1s0v3 is enslaved to br0". */
void holder_describe(const struct holder *h, char *buf, size_t size);

/* What to do about it: "unmount it first". */
const char *holder_remedy(const struct holder *h);

/* Does the kernel wait for it when it is forced, or break what it does. */
bool holder_waited_for(const struct holder *h);

/*
 * Those of VF vf (NO_VF: of all VFs), and with pf_too the PF's own: how many, the first few in
 * words, and the first of them (ret_first may be NULL; untouched when there is none).
 */
size_t holders_of(const struct holder *holders, size_t n, uint32_t vf, bool pf_too, char *buf,
        size_t size, const struct holder **ret_first);

/* Bits of the ACS Control Register (PCI Express Base Specification, 7.7.11.3). */
enum acs_bit {
        ACS_SOURCE_VALIDATION = 1u << 0,
        ACS_REQUEST_REDIRECT = 1u << 2,
        ACS_COMPLETION_REDIRECT = 1u << 3,
        ACS_UPSTREAM_FORWARDING = 1u << 4,
};
#define ACS_ISOLATES                                                                               \
        (ACS_SOURCE_VALIDATION | ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT |                  \
                ACS_UPSTREAM_FORWARDING)

#define ACS_UNKNOWN (-1) /* configuration space may not be read that far */
#define ACS_NONE    (-2) /* read: there is no ACS capability */

/* A bridge on the way from the root bus to a PF. */
struct bridge_facts {
        char address[BDF_STR_MAX];
        char parent[BDF_STR_MAX]; /* the bridge above; "": on a root bus */
        char kind[WORD_MAX];      /* root-port, upstream, downstream, bridge */
        int32_t group;            /* its own IOMMU group; -1 none */
        int32_t acs;              /* enum acs_bit, or ACS_UNKNOWN, ACS_NONE */
};

/* What the host says about its IOMMU as a whole. Tri-state: 1, 0, -1 unknown. */
struct iommu_facts {
        int8_t present;           /* there is one, and the kernel uses it */
        int8_t interrupt_remap;   /* without: a guest can forge interrupts */
        int8_t unsafe_interrupts; /* vfio_iommu_type1.allow_unsafe_interrupts */
        int8_t noiommu;           /* vfio.enable_unsafe_noiommu_mode */
        int8_t passthrough;       /* host drivers' own DMA is not translated (iommu.passthrough) */
        char name[NAME_MAX_TEXT]; /* dmar0, ivhd0...; "" unknown */
};

#define RESERVED_MAX 8

/* An IOVA range that a guest's memory may not be mapped at. */
struct reserved_region {
        uint64_t start, end; /* inclusive */
        char type[WORD_MAX]; /* direct, direct-relaxable, reserved, msi */
};

/* A member of an IOMMU group. */
struct group_device {
        char address[BDF_STR_MAX];
        char driver[DRIVER_MAX];
        char parent[BDF_STR_MAX]; /* the bridge above; "": on a root bus, or unknown */
        char physfn[BDF_STR_MAX]; /* of a VF: its PF; else "" */
        uint32_t pci_class;
};

struct group_facts {
        int32_t id;
        char type[WORD_MAX]; /* DMA, DMA-FQ, identity; "noiommu" for vfio's no-IOMMU groups */
        struct group_device *devices;
        uint32_t n_devices;
        struct reserved_region reserved[RESERVED_MAX];
        uint32_t n_reserved;
};

struct groups {
        struct group_facts *list; /* sorted by id */
        uint32_t n;
        struct bridge_facts *bridges; /* above any member, sorted by address; in whatever group */
        uint32_t n_bridges;
        struct iommu_facts iommu;
};

#define IOMMU_FACTS_NULL                                                                           \
        ((struct iommu_facts){.present = -1,                                                       \
                .interrupt_remap = -1,                                                             \
                .unsafe_interrupts = -1,                                                           \
                .noiommu = -1,                                                                     \
                .passthrough = -1})

/* NULL when there is none with this address. */
const struct bridge_facts *groups_bridge(const struct groups *groups, const char *address);

void groups_done(struct groups *groups);

/* Deep copy. */
int groups_copy(const struct groups *from, struct groups *ret);

const struct group_facts *groups_find(const struct groups *groups, int32_t id);
