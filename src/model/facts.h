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
        int32_t enable;   /* enable count: > 0 on vfio-pci means its device file is open */
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

/* Is the VF open right now: on vfio-pci and enabled. */
bool vf_facts_held(const struct vf_facts *vf);

/* Somebody who has a VF open or configured, as far as the backend may see it. */
struct holder {
        uint32_t vf;
        char kind[WORD_MAX];      /* vfio, guest, netns, process */
        int32_t pid;              /* -1 unknown */
        char name[NAME_MAX_TEXT]; /* command or guest name; "" unknown */
        char path[NAME_MAX_TEXT]; /* /dev/vfio/12; "" unknown */
};

/* One line for people: "VF 3 held by qemu-system-x86 (pid 4242) through /dev/vfio/12". */
void holder_describe(const struct holder *h, char *buf, size_t size);

/* A member of an IOMMU group. */
struct group_device {
        char address[BDF_STR_MAX];
        char driver[DRIVER_MAX];
        uint32_t pci_class;
};

struct group_facts {
        int32_t id;
        char type[WORD_MAX]; /* DMA, DMA-FQ, identity; "noiommu" for vfio's no-IOMMU groups */
        struct group_device *devices;
        uint32_t n_devices;
};

struct groups {
        struct group_facts *list; /* sorted by id */
        uint32_t n;
};

void groups_done(struct groups *groups);

/* Deep copy. */
int groups_copy(const struct groups *from, struct groups *ret);

const struct group_facts *groups_find(const struct groups *groups, int32_t id);
