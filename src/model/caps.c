/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities of a PF's driver, learned. Pure, any thread. */
#include "model/caps.h"

const char *cap_name(enum cap cap)
{
        static const char *const names[] = {"unknown", "yes", "no"};

        return names[cap];
}

void caps_learn_facts(struct caps *caps, const struct pf_facts *facts)
{
        static const enum vf_attr reported[] = {VF_ATTR_SPOOFCHK, VF_ATTR_TRUST, VF_ATTR_QUERY_RSS};

        for (uint32_t i = 0; i < facts->n_vfs; i++) {
                const struct vf_facts *vf = &facts->vfs[i];

                if (!vf->attrs_known)
                        continue;
                for (unsigned k = 0; k < ELEMENTSOF(reported); k++) {
                        uint8_t *cap = &caps->of[vf_attr_table[reported[k]].setting];

                        if (*cap == CAP_UNKNOWN && !vf_attrs_has(&vf->attrs, reported[k]))
                                *cap = CAP_NO;
                }
                return; /* one driver: every VF says the same */
        }
}

void caps_learn_set(struct caps *caps, enum vf_setting setting, enum fault_code code)
{
        if (code == FAULT_NONE)
                caps->of[setting] = CAP_YES;
        else if (code == FAULT_NOT_SUPPORTED)
                caps->of[setting] = CAP_NO;
}

bool caps_told_by(enum vf_setting setting, const struct vf_attrs *attrs)
{
        return setting != VF_SETTING_VLAN || attrs->vlan_proto == VLAN_PROTO_8021Q;
}

void caps_forget(struct caps *caps)
{
        *caps = (struct caps){0};
}
