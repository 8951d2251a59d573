/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one PF and its VFs shall be: a configuration's entry resolved onto a PF that is there, or a
 * PF's readings taken as a wish. Values that own their arrays. Pure, any thread.
 *
 * What is not wanted is not touched: a key without its bit in `wants`, an attribute that is neither
 * present nor reset, a VF that is not listed.
 */
#pragma once

#include "model/caps.h"
#include "model/facts.h"

/* Everything that can be wanted and drift; below VF_ATTR_MAX the attributes, enum vf_attr. */
enum wish_key {
        WISH_DRIVER = VF_ATTR_MAX, /* of a VF; "none": on no driver */
        WISH_OVERRIDE,             /* of a VF: driver_override; "": none */
        WISH_MSIX, /* of a VF: vectors. Write-only in the kernel: for new VFs alone */
        WISH_NAME, /* of a VF's netdev: given by udev when it appears */
        WISH_NUM_VFS,
        WISH_AUTOPROBE,
        WISH_MTU,
        WISH_ESWITCH,
        WISH_MAX,
};

/* The key in configuration files: "vlan", "driver", "num_vfs", "eswitch_mode"... */
const char *wish_key_name(enum wish_key key);
enum wish_key wish_key_from_name(const char *name); /* WISH_MAX: none */

/* What happens when somebody else changes what is wanted. */
enum drift { DRIFT_REPORT, DRIFT_ENFORCE, DRIFT_IGNORE, DRIFT_MAX };

const char *drift_name(enum drift drift); /* "report", "enforce", "ignore" */

#define WHERE_MAX 160 /* "10-nics.json:4:17" */
#define POOL_MAX  32

/* The name of a pool: 1 to 31 letters, digits, '_', '.' and '-'. */
bool pool_valid(const char *name);

struct desired_vf {
        uint32_t index;
        uint32_t wants; /* BIT(enum wish_key) from WISH_DRIVER on */
        struct vf_attrs attrs;
        char driver[DRIVER_MAX];
        char override[DRIVER_MAX];
        uint32_t msix;
        char name[NETDEV_MAX];
        bool shared_group;   /* vfio also where others are in its IOMMU group */
        bool nm_unmanaged;   /* NetworkManager shall leave it alone */
        char pool[POOL_MAX]; /* of leases: a word of ours, no key that is planned for or compared;
                                "" none */
};

struct desired {
        struct dev_id pf;
        char where[WHERE_MAX]; /* of the entry it comes from; "" none */
        uint32_t wants;        /* BIT(enum wish_key) from WISH_NUM_VFS on */
        uint32_t num_vfs;
        bool autoprobe;
        uint32_t mtu;
        char eswitch[WORD_MAX];
        bool replace;      /* num_vfs may destroy VFs that nobody uses */
        bool clear_mac;    /* a MAC of zero is a value as any other (the way back); else the driver
                              picks one, and whatever it is will do */
        uint32_t optional; /* BIT(enum wish_key): a driver that has no such thing is no failure */
        uint8_t drift[WISH_MAX]; /* enum drift */
        struct desired_vf *vfs;  /* sorted by index, each once */
        uint32_t n_vfs;
        size_t capacity; /* of vfs */
};

void desired_done(struct desired *d);
int desired_copy(const struct desired *from, struct desired *ret);
const struct desired_vf *desired_vf_at(const struct desired *d, uint32_t index);

/* "" when it has none, or is not listed. */
const char *desired_pool_of(const struct desired *d, uint32_t index);

/* Finds or adds, in order; NULL: no memory. */
struct desired_vf *desired_vf_add(struct desired *d, uint32_t index);

/*
 * The PF as it is, as a wish that plans to nothing: count, autoprobe, MTU, eswitch mode where
 * known; each VF's reported attributes, driver ("none" on no driver) and override. What a snapshot
 * for the way back and `sriovctl save` are made of. replace and clear_mac are set, every attribute
 * is optional, and a driver or override that is not on the list is left out.
 */
int desired_of_facts(const struct pf_facts *facts, struct desired *ret);

/* Makes a snapshot a wish worth keeping: without what only the way back needs. */
void desired_to_keep(struct desired *d);

/*
 * Judges a wish against the PF: desired_check_pf(), then desired_check_vf() of each VF. Every fault
 * begins with `where`.
 */
int desired_check(const struct desired *d, const struct pf_facts *facts, const struct caps *caps,
        struct fault *f);

/*
 * What makes no sense as a whole: num_vfs above total_vfs, a VF beyond num_vfs, an MTU out of
 * range, min above max rate, two VFs with one MAC, a driver that is not on the list.
 */
int desired_check_pf(const struct desired *d, const struct pf_facts *facts, struct fault *f);

/*
 * What this PF can not do for one VF: it is not there (when num_vfs is not wanted), an attribute
 * without netdev, a required attribute that the driver is known not to have (and that does not read
 * as wanted anyway), MSI-X where the driver has no pool.
 */
int desired_check_vf(const struct desired *d, const struct desired_vf *vf,
        const struct pf_facts *facts, const struct caps *caps, struct fault *f);

/*
 * The attributes of a VF's wish that count on this PF: without what is optional (or a reset) and
 * known not to be there, and without a MAC that the driver picks.
 */
struct vf_attrs desired_vf_attrs(const struct desired *d, const struct desired_vf *vf,
        const struct pf_facts *facts, const struct caps *caps);

/*
 * Bits of the attributes that the readings show differently; *ret: what they shall be. A VLAN that
 * is taken away takes its priority and protocol with it, so there may be more than are wanted.
 */
uint32_t vf_attrs_unlike(
        const struct vf_attrs *wish, const struct vf_facts *now, struct vf_attrs *ret);

/* One thing that is not as wanted. vf: NO_VF for the PF's own. */
struct difference {
        enum wish_key key;
        uint32_t vf;
        enum drift drift;
        char wanted[DRIVER_MAX], found[DRIVER_MAX];
};

struct differences {
        struct difference *list;
        size_t n, capacity;
};

void differences_done(struct differences *d);

/*
 * What is not as wanted, the PF's first, then by VF. What the driver does not report, what it is
 * known not to have and is optional, MSI-X (write-only), the name of a VF that has no netdev, and
 * a MAC of zero without clear_mac make no difference. VFs that are missing are one difference of
 * num_vfs.
 */
int desired_diff(const struct desired *d, const struct pf_facts *facts, const struct caps *caps,
        struct differences *ret);

/* "VF 3: vlan is 7, wanted 100". */
void difference_describe(const struct difference *d, char *buf, size_t size);

/* The part of a wish that is to be kept up against others: keys with DRIFT_ENFORCE alone. */
int desired_enforced(const struct desired *d, struct desired *ret);
