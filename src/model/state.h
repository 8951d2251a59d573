/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything the daemon knows, and the only place that changes it. Each call returns the list of
 * what changed; the bus emits exactly those. Pure: no I/O, no clock. Loop thread by use.
 */
#pragma once

#include "model/caps.h"
#include "model/group.h"

/* Which of a PF's published properties changed; the bus has one name for each. */
enum pf_field {
        PF_FIELD_DRIVER,
        PF_FIELD_NETDEVS,
        PF_FIELD_TOTAL_VFS,
        PF_FIELD_NUM_VFS,
        PF_FIELD_OFFSET,
        PF_FIELD_STRIDE,
        PF_FIELD_AUTOPROBE,
        PF_FIELD_VF_TOTAL_MSIX,
        PF_FIELD_IOMMU_GROUP,
        PF_FIELD_MTU,
        PF_FIELD_MAC,
        PF_FIELD_LINK_STATE,
        PF_FIELD_ESWITCH_MODE,
        PF_FIELD_RESET_METHODS,
        PF_FIELD_CAPABILITIES,
        PF_FIELD_STATE,
        PF_FIELD_MAX,
};

enum vf_field {
        VF_FIELD_ADDRESS = VF_ATTR_MAX, /* below it: the attributes themselves, enum vf_attr */
        VF_FIELD_DRIVER,
        VF_FIELD_DRIVER_OVERRIDE,
        VF_FIELD_NETDEV,
        VF_FIELD_IOMMU_GROUP,
        VF_FIELD_RESET_METHODS,
        VF_FIELD_ENABLE,
        VF_FIELD_ATTRS_KNOWN,
        VF_FIELD_ACCESS_UID,
        VF_FIELD_MAX,
};

enum change_kind {
        CHANGE_PF_ADDED,
        CHANGE_PF_REMOVED,
        CHANGE_PF, /* fields: BIT(enum pf_field) */
        CHANGE_VF_ADDED,
        CHANGE_VF_REMOVED,
        CHANGE_VF, /* fields: BIT(enum vf_field) */
        CHANGE_GROUP_ADDED,
        CHANGE_GROUP_REMOVED,
        CHANGE_GROUP,
};

struct change {
        enum change_kind kind;
        struct dev_id pf;
        uint32_t vf;
        int32_t group;
        uint32_t fields;
};

struct changes {
        struct change *list;
        size_t n;
        size_t capacity;
};

void changes_done(struct changes *changes);

/* What is going on at a PF, as its property State shows it. */
enum pf_activity {
        PF_IDLE,
        PF_BUSY,  /* a step is running */
        PF_STUCK, /* a step has not returned and nothing moves */
        PF_ACTIVITY_MAX,
};

/* "idle", "busy", "stuck". */
const char *pf_activity_name(enum pf_activity activity);

struct pf_entry {
        struct pf_facts facts;
        struct caps caps;
        enum pf_activity activity;
};

struct state {
        struct pf_entry **pfs; /* sorted by id; an entry never moves while it lives */
        size_t n_pfs;
        size_t capacity;
        struct groups groups;
};

void state_done(struct state *state);

/* New readings of one PF; ownership of facts moves (also on failure). Appends to changes. -ENOMEM.
 */
int state_apply(struct state *state, struct pf_facts *facts, struct changes *changes);

/* The PF is gone, with all its VFs. Nothing happens when it is not known. */
int state_remove(struct state *state, const struct dev_id *pf, struct changes *changes);

/* New readings of all groups; ownership moves. */
int state_apply_groups(struct state *state, struct groups *groups, struct changes *changes);

int state_set_activity(struct state *state, const struct dev_id *pf, enum pf_activity activity,
        struct changes *changes);

/* What a set has taught about the PF's driver. */
int state_learn(struct state *state, const struct dev_id *pf, enum vf_setting setting,
        enum fault_code code, struct changes *changes);

/* NULL when not known. */
const struct pf_entry *state_pf(const struct state *state, const struct dev_id *pf);

/*
 * What people call a device: a PF by PCI address, dev_id or netdev name; a VF as PF/INDEX, by its
 * PCI address or its netdev's name. *ret_vf is NO_VF for a PF. FAULT_INVALID_ARGS or
 * FAULT_NOT_FOUND names what was looked for.
 */
int state_find(const struct state *state, const char *name, const struct pf_entry **ret_pf,
        uint32_t *ret_vf, struct fault *f);
