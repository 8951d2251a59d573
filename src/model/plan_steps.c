/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Putting steps into a plan, one by one or as the sequences they come in. Pure, any thread. */
#include "model/plan_steps.h"

enum disruption plan_disruption_of(const struct step *step, bool makes_vfs)
{
        return makes_vfs && step->vf != NO_VF ? DISRUPT_NONE : step_disruption(step);
}

int plan_add(struct plan *plan, const struct step *step)
{
        int r = array_grow(&plan->steps, &plan->capacity, plan->n, sizeof(*plan->steps));

        if (r < 0)
                return r;
        plan->steps[plan->n++] = *step;
        if (plan_disruption_of(step, plan->makes_vfs) > plan->disruption)
                plan->disruption = plan_disruption_of(step, plan->makes_vfs);
        if (step->kind == STEP_SET_NUMVFS)
                plan->makes_vfs = step->value > 0;
        return 0;
}

int plan_add_numvfs(struct plan *plan, uint32_t count, bool force)
{
        const struct step s = {
                .kind = STEP_SET_NUMVFS, .vf = NO_VF, .value = count, .force = force};

        return plan_add(plan, &s);
}

int plan_add_autoprobe(struct plan *plan, bool on)
{
        const struct step s = {.kind = STEP_SET_AUTOPROBE, .vf = NO_VF, .value = on};

        return plan_add(plan, &s);
}

/* unbind, clear_override, reset: a VF and nothing else. */
int plan_add_vf(struct plan *plan, enum step_kind kind, uint32_t vf, bool force)
{
        const struct step s = {.kind = kind, .vf = vf, .force = force};

        return plan_add(plan, &s);
}

/* bind, set_override: a VF and a driver. An empty override is a cleared one. */
int plan_add_driver(struct plan *plan, enum step_kind kind, uint32_t vf, const char *driver)
{
        struct step s = {.kind = kind, .vf = vf};
        int r;

        if (kind == STEP_SET_OVERRIDE && !driver[0])
                return plan_add_vf(plan, STEP_CLEAR_OVERRIDE, vf, false);
        r = str_copy(s.name, sizeof(s.name), driver);
        return r < 0 ? r : plan_add(plan, &s);
}

/*
 * Drivers without device ids of their own: the kernel matches them by driver_override alone. Any
 * other driver is matched by its own id table and never forced by an override: an override would
 * make the kernel probe a driver on hardware it does not know (drivers/pci/pci-driver.c
 * pci_match_device).
 */
static bool needs_override(const char *driver)
{
        return driver_is_vfio(driver) || streq(driver, "pci-stub");
}

/*
 * The steps that put a VF on a driver, from `now` (driver, override as they are) and end with the
 * override in `after`. A VF is probed only where its PF's autoprobe is on or an override is set
 * (pci_device_can_probe).
 */
int plan_add_bind(struct plan *plan, const struct pf_facts *pf, const struct vf_facts *now,
        const char *driver, const char *after, bool force)
{
        const char *during = needs_override(driver) ? driver : "";
        bool open_probe = !during[0] && pf->autoprobe == 0;
        int r = 0;

        if (now->driver[0])
                r = plan_add_vf(plan, STEP_UNBIND, now->index, force);
        if (r == 0 && !streq(now->driver_override, during))
                r = plan_add_driver(plan, STEP_SET_OVERRIDE, now->index, during);
        if (r == 0 && open_probe)
                r = plan_add_autoprobe(plan, true);
        if (r == 0)
                r = plan_add_driver(plan, STEP_BIND, now->index, driver);
        if (r == 0 && open_probe)
                r = plan_add_autoprobe(plan, false);
        if (r == 0 && !streq(during, after))
                r = plan_add_driver(plan, STEP_SET_OVERRIDE, now->index, after);
        return r;
}
