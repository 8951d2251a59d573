/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A step is one kernel call on one PF or one of its VFs. A plan is a list of them; a backend runs a
 * list and stops at the first that fails. Pure values, any thread.
 */
#pragma once

#include "model/facts.h"

enum step_kind {
        STEP_SET_NUMVFS,     /* value: count. Success means counted back and equal */
        STEP_SET_AUTOPROBE,  /* value: 0 or 1 */
        STEP_SET_VF,         /* vf, setting, attrs. Success means read back and equal */
        STEP_UNBIND,         /* vf: from whatever driver it is on */
        STEP_BIND,           /* vf, name: probe; success means the driver link says so */
        STEP_PROBE,          /* vf, unbound: the kernel chooses, as for a new one */
        STEP_SET_OVERRIDE,   /* vf, name */
        STEP_CLEAR_OVERRIDE, /* vf */
        STEP_RESET,          /* vf: function-level reset */
        STEP_SET_MSIX,       /* vf, value: vectors */
        STEP_SET_ESWITCH,    /* name: legacy or switchdev */
        STEP_SET_MTU,        /* value: bytes, of the PF's uplink netdev */
        STEP_LINK_UP,        /* the PF's uplink netdev */
        STEP_SET_ACCESS,     /* vf, value: uid that may open its vfio group; ACCESS_NOBODY. Success
                                means that the device node is so, or is not there for nobody */
        STEP_MAX,
};

#define ACCESS_NOBODY UINT32_MAX /* root alone */

struct step {
        enum step_kind kind;
        uint32_t vf; /* NO_VF: the PF itself */
        uint32_t value;
        enum vf_setting setting;
        struct vf_attrs attrs; /* present: exactly the attributes of the setting */
        char name[DRIVER_MAX];
        bool force; /* the caller may harm whoever holds the VF */
};

/* What a step, or a whole plan, does to running work; the worst last. */
enum disruption {
        DISRUPT_NONE,
        DISRUPT_VF_FLAP,
        DISRUPT_VF_RECREATE,
        DISRUPT_PF_DOWN,
        DISRUPT_MAX
};

/* "none", "vf-flap", "vf-recreate", "pf-down". */
const char *disruption_name(enum disruption d);

enum disruption step_disruption(const struct step *step);

/* "set_numvfs". */
const char *step_kind_name(enum step_kind kind);
enum step_kind step_kind_from_name(const char *name); /* STEP_MAX when unknown */

/* For people: "VF 3: vlan 100 qos 2 802.1Q". */
void step_describe(const struct step *step, char *buf, size_t size);

/*
 * Is this a step that any planner of ours could have made: known kind, index and values in range,
 * names well-formed. A backend refuses what is not, whoever sent it.
 */
int step_check(const struct step *step, struct fault *f);

/* May it destroy what a VF's holder uses? The backend looks again right before such a step. */
bool step_destructive(const struct step *step);

/* FAULT_IN_USE when one of these holds a VF that the step would take away. */
int step_refuse_held(const struct step *step, const struct dev_id *pf, const struct holder *holders,
        size_t n, struct fault *f);
