/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan to its very end, by planning on readings that nobody has read yet. Pure, any thread. */
#include <stdio.h>

#include "model/plan_desired.h"
#include "model/plan_steps.h"

#define ROUNDS_MAX 8 /* the PF's, then the VFs': more would be a planner that does not end */

/* ---- what a step leaves ------------------------------------------------------------------------
 */

/* What a driver chooses for a new VF, or may not report at all. */
#define DRIVERS_CHOICE                                                                             \
        (BIT(VF_ATTR_SPOOFCHK) | BIT(VF_ATTR_TRUST) | BIT(VF_ATTR_QUERY_RSS) |                     \
                BIT(VF_ATTR_NODE_GUID) | BIT(VF_ATTR_PORT_GUID))
#define GROUP_UNSEEN INT32_MAX

static int project_count(struct pf_facts *pf, uint32_t count)
{
        struct vf_facts *vfs = NULL;

        if (count == pf->num_vfs)
                return 0;
        if (count > 0) {
                vfs = reallocarray(NULL, count, sizeof(*vfs));
                if (!vfs)
                        return -ENOMEM;
        }
        for (uint32_t i = 0; i < count; i++) {
                vf_facts_init(&vfs[i], i);
                if (pf->iommu_group >= 0)
                        vfs[i].iommu_group = GROUP_UNSEEN;
                if (pf->n_netdevs > 0)
                        vf_attrs_copy(&vfs[i].attrs, &vf_attrs_baseline, ~DRIVERS_CHOICE);
        }
        free(pf->vfs);
        pf->vfs = vfs;
        pf->num_vfs = pf->n_vfs = count;
        return 0;
}

static void project_driver(struct vf_facts *vf, const char *driver)
{
        snprintf(vf->driver, sizeof(vf->driver), "%s", driver);
        vf->netdev[0] = '\0';
        vf->enable = driver[0] && !driver_is_vfio(driver);
}

int facts_project(struct pf_facts *facts, const struct step *step)
{
        struct vf_facts *vf = (struct vf_facts *) pf_facts_vf(facts, step->vf);

        switch (step->kind) {
        case STEP_SET_NUMVFS:
                return project_count(facts, step->value);
        case STEP_SET_AUTOPROBE:
                facts->autoprobe = (int32_t) step->value;
                return 0;
        case STEP_SET_ESWITCH:
                return str_copy(facts->eswitch_mode, sizeof(facts->eswitch_mode), step->name);
        case STEP_SET_MTU:
                facts->mtu = (int32_t) step->value;
                return 0;
        case STEP_LINK_UP:
                facts->admin_up = true;
                return 0;
        case STEP_SET_VF:
        case STEP_UNBIND:
        case STEP_BIND:
        case STEP_PROBE:
        case STEP_SET_OVERRIDE:
        case STEP_CLEAR_OVERRIDE:
        case STEP_RESET:
        case STEP_SET_MSIX:
        case STEP_SET_ACCESS:
        case STEP_MAX:
                break;
        }
        if (!vf)
                return 0;
        if (step->kind == STEP_SET_VF)
                vf_attrs_copy(&vf->attrs, &step->attrs, step->attrs.present);
        else if (step->kind == STEP_BIND)
                project_driver(vf, step->name);
        else if (step->kind == STEP_UNBIND)
                project_driver(vf, "");
        else if (step->kind == STEP_PROBE && vf->driver_override[0])
                project_driver(vf, vf->driver_override);
        else if (step->kind == STEP_SET_OVERRIDE || step->kind == STEP_CLEAR_OVERRIDE)
                memcpy(vf->driver_override, step->name, sizeof(vf->driver_override));
        return 0;
}

/* ---- to the end --------------------------------------------------------------------------------
 */

/* Plans one round, adds it to `all` and projects it. 1: nothing was left to plan. */
static int preview_round(const struct desired *d, struct plan_world *w, struct pf_facts *facts,
        struct problems *problems, struct plan *all, struct fault *f)
{
        _cleanup_(plan_done) struct plan plan = {0};
        int r;

        r = plan_desired(d, w, problems, &plan, f);
        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < plan.n; i++) {
                r = plan_add(all, &plan.steps[i]);
                if (r == 0)
                        r = facts_project(facts, &plan.steps[i]);
        }
        w->fresh = plan_sets_numvfs(&plan);
        if (r < 0)
                return fault_set(f, FAULT_INTERNAL, -r, "planning failed: out of memory");
        return plan.n == 0;
}

int plan_preview(const struct desired *d, const struct plan_world *w, struct problems *problems,
        struct plan *ret, struct pf_facts *ret_after, struct fault *f)
{
        _cleanup_(pf_facts_done) struct pf_facts facts = {0};
        _cleanup_(plan_done) struct plan all = {0};
        struct plan_world then = *w;
        int r;

        if (pf_facts_copy(w->facts, &facts) < 0)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "planning failed: out of memory");
        then.facts = &facts;
        for (unsigned round = 0;; round++) {
                if (round == ROUNDS_MAX)
                        return fault_set(f, FAULT_INTERNAL, 0,
                                "planning for %s does not come to an end",
                                dev_id_address(&w->facts->id));
                r = preview_round(d, &then, &facts, problems, &all, f);
                if (r < 0)
                        return r;
                if (r > 0)
                        break;
        }
        *ret = all;
        all = (struct plan){0};
        if (ret_after) {
                *ret_after = facts;
                facts = (struct pf_facts){0};
        }
        return 0;
}
