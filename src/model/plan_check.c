/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every planner refuses: a busy PF, a held VF, a group that is not isolated. Pure, any thread.
 */
#include <stdio.h>

#include "model/plan_steps.h"

int plan_refuse_busy(const struct pf_facts *pf, struct fault *f)
{
        return fault_set(f, FAULT_BUSY, 0,
                "%s refused: its %s has not returned for %llu s; wait until it does (a VF "
                "held open is the usual cause)",
                dev_id_address(&pf->id), pf->busy_step,
                (unsigned long long) (pf->busy_usec / 1000000));
}

int plan_refuse_held(
        const struct plan_world *w, uint32_t vf, const char *what, bool forcible, struct fault *f)
{
        char list[FAULT_TEXT_MAX / 2] = "", one[256];
        size_t at = 0, n = 0;

        for (size_t i = 0; i < w->n_holders; i++) {
                if (vf != NO_VF && w->holders[i].vf != vf)
                        continue;
                holder_describe(&w->holders[i], one, sizeof(one));
                if (n++ < 4 && at < sizeof(list))
                        at += (size_t) snprintf(
                                list + at, sizeof(list) - at, "%s%s", n > 1 ? "; " : "", one);
        }
        for (uint32_t i = 0; n == 0 && i < w->facts->n_vfs; i++) {
                const struct vf_facts *v = &w->facts->vfs[i];

                if ((vf != NO_VF && v->index != vf) || !vf_facts_held(v))
                        continue;
                snprintf(list, sizeof(list), "VF %u has its %s device open", v->index, v->driver);
                n = 1;
        }
        if (n == 0)
                return 0;
        return fault_set(f, FAULT_IN_USE, 0,
                "%s on %s refused: %s%s. Shut down whoever holds it first%s", what,
                dev_id_address(&w->facts->id), list, n > 4 ? "; and others" : "",
                forcible ? "; --force goes ahead all the same and the kernel then waits for the "
                           "holder"
                         : "");
}

int plan_check_isolation(
        const struct plan_world *w, const struct vf_facts *vf, const char *driver, struct fault *f)
{
        const struct group_facts *group;
        enum group_verdict verdict;
        char reason[256];

        if (!driver_is_vfio(driver))
                return 0;
        if (vf->iommu_group < 0)
                return fault_set(f, FAULT_NOT_ISOLATED, 0,
                        "%s on VF %u (%s) refused: it has no IOMMU group; enable VT-d or AMD-Vi in "
                        "the BIOS and boot "
                        "with intel_iommu=on or amd_iommu=on",
                        driver, vf->index, vf->address);
        group = w->groups ? groups_find(w->groups, vf->iommu_group) : NULL;
        if (!group)
                return 0;
        verdict = group_judge(group, vf->address, reason, sizeof(reason));
        if (verdict != GROUP_NOT_VIABLE && verdict != GROUP_UNSAFE)
                return 0;
        return fault_set(f, FAULT_NOT_ISOLATED, 0,
                "%s on VF %u (%s) refused: IOMMU group %d is %s: %s", driver, vf->index,
                vf->address, group->id, group_verdict_name(verdict), reason);
}
