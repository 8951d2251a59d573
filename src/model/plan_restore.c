/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way back: from what is to what was, by planning. Pure, any thread. */
#include "model/plan_desired.h"
#include "model/plan_steps.h"

/* The attributes as they were: whatever other VFs have, it was so before. */
static int restore_attrs(struct plan *plan, const struct pf_facts *pf, const struct vf_facts *now,
        const struct vf_attrs *wish)
{
        struct pf_facts alone = *pf;
        const struct plan_world w = {.facts = &alone};

        alone.n_vfs = 0;
        return pf->n_netdevs > 0 ? plan_add_attrs(&w, now, wish, plan, NULL) : 0;
}

/* One VF that the failed plan touched: attributes, then driver and override. */
static int restore_vf(struct plan *plan, uint32_t settings, const struct pf_facts *pf,
        const struct vf_facts *before, const struct vf_facts *now)
{
        struct vf_attrs wish = {0};
        int r;

        for (unsigned s = 0; s < VF_SETTING_MAX; s++)
                if (settings & BIT(s))
                        vf_attrs_copy(&wish, &before->attrs, vf_setting_attrs(s));
        r = restore_attrs(plan, pf, now, &wish);
        if (r < 0)
                return r;
        if (!streq(before->driver, now->driver)) {
                if (!before->driver[0])
                        r = plan_add_vf(plan, STEP_UNBIND, now->index, false);
                else
                        return plan_add_bind(
                                plan, pf, now, before->driver, before->driver_override, false);
        }
        if (r == 0 && !streq(before->driver_override, now->driver_override))
                r = plan_add_driver(plan, STEP_SET_OVERRIDE, now->index, before->driver_override);
        return r;
}

/* A VF that has just been created again: what it had and a new one has not. */
static int recreate_vf(struct plan *plan, const struct pf_facts *pf, const struct vf_facts *before)
{
        struct vf_facts fresh;
        struct vf_attrs wish = {0};
        int r;

        vf_facts_init(&fresh, before->index);
        vf_attrs_copy(
                &fresh.attrs, &vf_attrs_baseline, ~(BIT(VF_ATTR_SPOOFCHK) | BIT(VF_ATTR_TRUST)));
        vf_attrs_copy(&wish, &before->attrs, before->attrs.present);
        r = restore_attrs(plan, pf, &fresh, &wish);
        if (r == 0 && before->driver[0])
                r = plan_add_bind(plan, pf, &fresh, before->driver, before->driver_override, false);
        else if (r == 0 && before->driver_override[0])
                r = plan_add_driver(
                        plan, STEP_SET_OVERRIDE, before->index, before->driver_override);
        return r;
}

static int restore_count(
        struct plan *plan, const struct pf_facts *before, const struct pf_facts *now)
{
        struct pf_facts unprobed = *before;
        int r = 0;

        if (now->num_vfs > 0)
                r = plan_add_numvfs(plan, 0, false);
        if (r < 0 || before->num_vfs == 0)
                return r;
        if (now->autoprobe == 1)
                r = plan_add_autoprobe(plan, false);
        if (r == 0)
                r = plan_add_numvfs(plan, before->num_vfs, false);
        if (now->autoprobe >= 0)
                unprobed.autoprobe = 0;
        for (uint32_t i = 0; r == 0 && i < before->n_vfs; i++)
                r = recreate_vf(plan, &unprobed, &before->vfs[i]);
        if (r == 0 && before->autoprobe == 1)
                r = plan_add_autoprobe(plan, true);
        return r;
}

/* The settings that steps of the failed plan sent to this VF; BIT(VF_SETTING_MAX) when it was
 * touched at all. */
static uint32_t touched(const struct plan *failed, uint32_t vf)
{
        uint32_t mask = 0;

        for (size_t i = 0; i < failed->n; i++)
                if (failed->steps[i].vf == vf)
                        mask |= BIT(VF_SETTING_MAX) |
                                (failed->steps[i].kind == STEP_SET_VF
                                                ? BIT(failed->steps[i].setting)
                                                : 0);
        return mask;
}

int plan_restore(const struct plan *failed, const struct pf_facts *before,
        const struct pf_facts *now, struct plan *ret)
{
        _cleanup_(plan_done) struct plan plan = {0};
        int r = 0;

        if (before->num_vfs != now->num_vfs) {
                for (uint32_t i = 0; i < now->n_vfs; i++)
                        if (vf_facts_held(&now->vfs[i]))
                                return -EBUSY;
                r = restore_count(&plan, before, now);
        } else {
                for (uint32_t i = 0; r == 0 && i < now->n_vfs; i++) {
                        const struct vf_facts *old = pf_facts_vf(before, now->vfs[i].index);
                        uint32_t mask = touched(failed, now->vfs[i].index);

                        if (old && mask && !vf_facts_held(&now->vfs[i]))
                                r = restore_vf(&plan, mask, now, old, &now->vfs[i]);
                }
                if (r == 0 && before->autoprobe >= 0 && before->autoprobe != now->autoprobe)
                        r = plan_add_autoprobe(&plan, before->autoprobe);
        }
        if (r < 0)
                return r;
        *ret = plan;
        plan = (struct plan){0};
        return 0;
}

int plan_restore_vf(const struct plan *failed, uint32_t vf, const struct pf_facts *before,
        const struct pf_facts *now, struct plan *ret)
{
        _cleanup_(plan_done) struct plan plan = {0};
        const struct vf_facts *was = pf_facts_vf(before, vf), *is = pf_facts_vf(now, vf);
        uint32_t mask = touched(failed, vf);
        bool taken = is && was && vf_facts_held(is) && !streq(was->driver, is->driver);
        int r = 0;

        if (was && is && mask && !taken)
                r = restore_vf(&plan, mask, now, was, is);
        if (r == 0 && before->autoprobe >= 0 && before->autoprobe != now->autoprobe)
                r = plan_add_autoprobe(&plan, before->autoprobe);
        if (r < 0)
                return r;
        *ret = plan;
        plan = (struct plan){0};
        return 0;
}
