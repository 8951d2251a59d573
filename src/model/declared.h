/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the configuration files say, before anybody has looked which PFs there are; and the one
 * function that looks. Values that own their arrays. Pure, any thread. The files themselves are
 * read in config/.
 */
#pragma once

#include "model/desired.h"
#include "model/state.h"

#define TEMPLATE_MAX 64

/* Of all files together. */
#define DECLARED_PFS_MAX     4096u
#define DECLARED_VFS_MAX     65536u     /* elements of "vfs" */
#define DECLARED_INDICES_MAX (1u << 20) /* VFs that they name, each time one is named */

enum match_key {
        MATCH_IFNAME,        /* any of the PF's netdevs */
        MATCH_ADDRESS,       /* PCI address */
        MATCH_ID,            /* vendor:device */
        MATCH_DRIVER,        /* of the PF */
        MATCH_PERMANENT_MAC, /* stable when names and bus numbers change */
        MATCH_PATH,          /* "0000:00:1c.0/00.0": from the root bus, without bus numbers below */
        MATCH_SLOT,          /* physical slot, as in /sys/bus/pci/slots */
        MATCH_NUMA_NODE,
        MATCH_MAX,
};

/* "ifname", "address", "id", "driver", "permanent_mac", "path", "slot", "numa_node". */
const char *match_key_name(enum match_key key);

/* All keys that are given must agree. */
struct declared_match {
        uint32_t keys; /* BIT(enum match_key); at least one */
        char ifname[NETDEV_MAX];
        char address[BDF_STR_MAX];
        uint16_t vendor_id, device_id;
        char driver[DRIVER_MAX];
        struct mac permanent_mac;
        char path[PCI_PATH_MAX];
        char slot[WORD_MAX];
        int32_t numa_node;
        bool all; /* more than one PF may match; else that is an error */
};

struct index_range {
        uint32_t first, last;
};

/* One element of "vfs". Later elements win over earlier ones, key by key. */
struct declared_vfs {
        char where[WHERE_MAX];
        struct index_range *ranges; /* in order, disjoint, at least one */
        size_t n_ranges;
        uint32_t wants;         /* BIT(enum wish_key) from WISH_DRIVER on */
        struct vf_attrs attrs;  /* without the MAC when mac is a template */
        char mac[TEMPLATE_MAX]; /* a MAC with {index} and {pf} in it; "" none */
        char name[TEMPLATE_MAX];
        char driver[DRIVER_MAX];
        char override[DRIVER_MAX];
        uint32_t msix;
        char pool[POOL_MAX]; /* "": not said */
        int shared_group;    /* -1: not said; else a bool */
        int nm_managed;      /* likewise */
};

/* One element of "pfs". */
struct declared_pf {
        char where[WHERE_MAX];
        struct declared_match match;
        struct desired common; /* pf and vfs empty; the PF's own keys, drift, optional */
        int nm_managed;        /* of all its VFs, unless a VF says otherwise; -1: not said */
        struct declared_vfs *vfs;
        size_t n_vfs;
};

struct declared {
        struct declared_pf *pfs;
        size_t n, capacity;
};

void declared_done(struct declared *d);

/* Moves the entries of `from` to the end of `to`; -ENOMEM. */
int declared_append(struct declared *to, struct declared *from);

/*
 * What holds across entries, whatever PFs there are: the limits above, no two with the very same
 * match, no MAC that is written at two VFs. The fault names both places.
 */
int declared_check(const struct declared *d, struct fault *f);

/*
 * An entry's "vfs" as they fall onto one PF: of facts the id, total_vfs, num_vfs, netdevs and
 * permanent MAC count. Templates are filled in, the later element wins, a PF that says nm_managed
 * says it of each of its VFs.
 */
int declared_expand(const struct declared_pf *entry, const struct pf_facts *facts,
        struct desired *ret, struct fault *f);

/* A template with its values; without {pf} the PF's netdev and MAC may be NULL. -EINVAL: a brace
 * that is neither {index} nor {pf}, or what comes out is not a unicast MAC or an interface's name
 * (see declared_name_valid). */
int template_mac(const char *text, uint32_t index, const struct mac *pf, struct mac *ret);
int template_name(const char *text, uint32_t index, const char *pf, char ret[static NETDEV_MAX]);

/* A name that udev gives an interface: letters, digits, '.', '_', '-', at most 15, not all digits,
 * and not one that means something else. */
bool declared_name_valid(const char *name);

/* Does the text of an index range name it. */
bool declared_vfs_has(const struct declared_vfs *vfs, uint32_t index);

/* The entries as they fall onto the PFs there are. */
struct resolved {
        struct desired *list; /* sorted by pf, each PF once */
        size_t n, capacity;
        size_t *absent; /* indices of the entries that match no PF: applied when one appears */
        size_t n_absent, absent_capacity;
};

void resolved_done(struct resolved *r);
const struct desired *resolved_for(const struct resolved *r, const struct dev_id *pf);

/* What declared_resolve() refuses across PFs, of a list that was put together from several: a MAC
 * or a name given twice. */
int resolved_check(const struct resolved *r, struct fault *f);

/*
 * All or nothing: FAULT_INVALID_ARGS with file:line:column for an entry without "all" that matches
 * several PFs (naming them), two entries that claim one PF (naming both places), a template that
 * does not expand to a MAC or to an interface name of at most 15 characters, a MAC given twice
 * (also on two PFs), and what desired_check() refuses. Two entries with the very same match are
 * refused whatever PFs there are.
 *
 * Templates: in a name {index} is the VF's index in decimal and {pf} the PF's first netdev (the
 * entry is refused when it has none); in a MAC {index} is one byte, the VF's index in hexadecimal
 * (255 at most), and {pf} three, the last of the PF's permanent MAC: "02:{pf}:00:{index}".
 */
int declared_resolve(
        const struct declared *d, const struct state *state, struct resolved *ret, struct fault *f);
