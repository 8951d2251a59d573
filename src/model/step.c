/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps: names, text, sanity. Pure, any thread. */
#include <stdio.h>

#include "model/step.h"

const char *disruption_name(enum disruption d)
{
        static const char *const names[DISRUPT_MAX] = {
                [DISRUPT_NONE] = "none",
                [DISRUPT_VF_FLAP] = "vf-flap",
                [DISRUPT_VF_RECREATE] = "vf-recreate",
                [DISRUPT_PF_DOWN] = "pf-down",
        };

        return (unsigned) d < DISRUPT_MAX ? names[d] : "?";
}

/* Which operands a kind takes: the table that checking and printing go by. */
enum {
        ON_PF = 1,
        ON_VF = 2,
        HAS_VALUE = 4,
        HAS_DRIVER = 8,
        HAS_ATTRS = 16,
        HAS_WORD = 32,
        HARMS = 64
};

static const struct {
        const char *name;
        unsigned flags;
        uint32_t min, max;
} kinds[STEP_MAX] = {
        [STEP_SET_NUMVFS] = {"set_numvfs", ON_PF | HAS_VALUE | HARMS, 0, VFS_MAX},
        [STEP_SET_AUTOPROBE] = {"set_autoprobe", ON_PF | HAS_VALUE, 0, 1},
        [STEP_SET_VF] = {"set_vf", ON_VF | HAS_ATTRS, 0, 0},
        [STEP_UNBIND] = {"unbind", ON_VF | HARMS, 0, 0},
        [STEP_BIND] = {"bind", ON_VF | HAS_DRIVER, 0, 0},
        [STEP_PROBE] = {"probe", ON_VF, 0, 0},
        [STEP_SET_OVERRIDE] = {"set_override", ON_VF | HAS_DRIVER, 0, 0},
        [STEP_CLEAR_OVERRIDE] = {"clear_override", ON_VF, 0, 0},
        [STEP_RESET] = {"reset", ON_VF | HARMS, 0, 0},
        [STEP_SET_MSIX] = {"set_msix", ON_VF | HAS_VALUE, 0, 2048},
        [STEP_SET_ESWITCH] = {"set_eswitch", ON_PF | HAS_WORD | HARMS, 0, 0},
        [STEP_SET_MTU] = {"set_mtu", ON_PF | HAS_VALUE, 68, 65535},
        [STEP_LINK_UP] = {"link_up", ON_PF, 0, 0},
        [STEP_SET_ACCESS] = {"set_access", ON_VF | HAS_VALUE, 0, ACCESS_NOBODY},
};

const char *step_kind_name(enum step_kind kind)
{
        return (unsigned) kind < STEP_MAX ? kinds[kind].name : "?";
}

enum step_kind step_kind_from_name(const char *name)
{
        for (unsigned i = 0; i < STEP_MAX; i++)
                if (streq(kinds[i].name, name))
                        return i;
        return STEP_MAX;
}

bool step_destructive(const struct step *step)
{
        return kinds[step->kind].flags & HARMS;
}

enum disruption step_disruption(const struct step *step)
{
        switch (step->kind) {
        case STEP_SET_NUMVFS:
                return step->value > 0 ? DISRUPT_NONE : DISRUPT_VF_RECREATE;
        case STEP_SET_VF: /* these two reach whoever uses the VF */
                return step->setting == VF_SETTING_MAC || step->setting == VF_SETTING_VLAN
                               ? DISRUPT_VF_FLAP
                               : DISRUPT_NONE;
        case STEP_UNBIND:
        case STEP_RESET:
                return DISRUPT_VF_FLAP;
        case STEP_SET_ESWITCH:
        case STEP_SET_MTU: /* most drivers take the link down for it */
                return DISRUPT_PF_DOWN;
        case STEP_SET_AUTOPROBE:
        case STEP_BIND:
        case STEP_PROBE:
        case STEP_SET_OVERRIDE:
        case STEP_CLEAR_OVERRIDE:
        case STEP_SET_MSIX:
        case STEP_LINK_UP:
        case STEP_SET_ACCESS:
        case STEP_MAX:
                break;
        }
        return DISRUPT_NONE;
}

void step_describe(const struct step *step, char *buf, size_t size)
{
        char text[256] = "", value[VF_ATTR_STR_MAX];
        size_t at = 0;

        if (step->vf != NO_VF)
                at = (size_t) snprintf(text, sizeof(text), "VF %u: ", step->vf);
        if (kinds[step->kind].flags & HAS_ATTRS) {
                for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                        if (!vf_attrs_has(&step->attrs, i) || at >= sizeof(text))
                                continue;
                        vf_attrs_format(&step->attrs, i, value);
                        at += (size_t) snprintf(text + at, sizeof(text) - at, "%s%s %s",
                                at && text[at - 1] != ' ' ? " " : "", vf_attr_table[i].name, value);
                }
        } else {
                at += (size_t) snprintf(text + at, sizeof(text) - at, "%s", kinds[step->kind].name);
                if (kinds[step->kind].flags & HAS_VALUE)
                        snprintf(text + at, sizeof(text) - at, " %u", step->value);
                else if (step->name[0])
                        snprintf(text + at, sizeof(text) - at, " %s", step->name);
        }
        snprintf(buf, size, "%s", text);
}

static int check_attrs(const struct step *step, struct fault *f)
{
        struct vf_attrs again = {0};
        char text[VF_ATTR_STR_MAX];
        int r;

        if ((unsigned) step->setting >= VF_SETTING_MAX || step->attrs.reset != 0 ||
                step->attrs.present != vf_setting_attrs(step->setting))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "set_vf refused: it must carry exactly the attributes of one setting");
        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                if (!vf_attrs_has(&step->attrs, i))
                        continue;
                if (vf_attr_table[i].type == ATTR_WORD &&
                        vf_attrs_number(&step->attrs, i) >= vf_attr_table[i].max)
                        return fault_set(f, FAULT_INVALID_ARGS, 0, "set_vf refused: unknown %s",
                                vf_attr_table[i].name);
                vf_attrs_format(&step->attrs, i, text);
                r = vf_attrs_set_text(&again, i, text, f);
                if (r < 0)
                        return r;
        }
        return vf_attrs_check(&again, f);
}

int step_check(const struct step *step, struct fault *f)
{
        unsigned flags;

        if ((unsigned) step->kind >= STEP_MAX)
                return fault_set(
                        f, FAULT_INVALID_ARGS, 0, "unknown step %u", (unsigned) step->kind);
        flags = kinds[step->kind].flags;
        if ((flags & ON_PF) ? step->vf != NO_VF : step->vf >= VFS_MAX)
                return fault_set(f, FAULT_INVALID_ARGS, 0, "%s refused: VF %u makes no sense here",
                        kinds[step->kind].name, step->vf);
        if ((flags & HAS_VALUE) &&
                (step->value < kinds[step->kind].min || step->value > kinds[step->kind].max))
                return fault_set(f, FAULT_INVALID_ARGS, 0, "%s %u refused: expected %u to %u",
                        kinds[step->kind].name, step->value, kinds[step->kind].min,
                        kinds[step->kind].max);
        if (step->kind == STEP_SET_ACCESS && step->value == UINT16_MAX)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "set_access 65535 refused: that uid is nobody's (it means 'unknown' where "
                        "uids have 16 bits)");
        if ((flags & HAS_DRIVER) && !driver_name_valid(step->name))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "%s refused: '%s' is not a driver's name (1 to 63 of A-Z a-z 0-9 _ -)",
                        kinds[step->kind].name, step->name);
        if ((flags & HAS_WORD) && !streq(step->name, "legacy") && !streq(step->name, "switchdev"))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "eswitch mode '%s' refused: expected legacy or switchdev", step->name);
        return (flags & HAS_ATTRS) ? check_attrs(step, f) : 0;
}
