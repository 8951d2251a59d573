/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes to user space needs an IOMMU group of its own: refused before anything is written.
 * Pure, any thread. */
#include <stdio.h>

#include "model/plan_steps.h"

/* what: "vfio-pci on VF 3 (0000:3b:10.6)"; which: "IOMMU group 42 is", or "its group would be". */
static int refuse(
        const char *what, const char *which, const struct group_report *report, struct fault *f)
{
        return fault_set(f, FAULT_NOT_ISOLATED, 0, "%s refused: %s %s: %s; %s", what, which,
                group_verdict_name(report->verdict), report->reason, report->advice);
}

int plan_check_isolation(const struct plan_world *w, const struct vf_facts *vf, const char *driver,
        bool shared, struct fault *f)
{
        static const struct groups unknown = {.iommu = IOMMU_FACTS_NULL};
        const struct groups *groups = w->groups ?: &unknown;
        const struct group_facts *group = NULL;
        struct group_report report;
        char what[160], which[48];

        if (!driver_is_vfio(driver))
                return 0;
        if (vf->iommu_group >= 0) {
                group = groups_find(groups, vf->iommu_group);
                if (!group)
                        return 0;
        }
        group_judge(groups, group, vf->address, &report);
        if (group_allows(report.verdict, shared))
                return 0;
        snprintf(what, sizeof(what), "%s on VF %u (%s)", driver, vf->index, vf->address);
        if (group)
                snprintf(which, sizeof(which), "IOMMU group %d is", group->id);
        else
                snprintf(which, sizeof(which), "it is");
        return refuse(what, which, &report, f);
}

int plan_predict_isolation(
        const struct plan_world *w, const char *driver, bool shared, struct fault *f)
{
        static const struct groups unknown = {.iommu = IOMMU_FACTS_NULL};
        struct group_report report;
        char what[160];

        if (!driver_is_vfio(driver) || !group_predict(w->groups ?: &unknown, w->facts, &report) ||
                group_allows(report.verdict, shared))
                return 0;
        snprintf(what, sizeof(what), "VFs for %s on %s", driver, dev_id_address(&w->facts->id));
        return refuse(what, "the IOMMU group that they would be in is", &report, f);
}
