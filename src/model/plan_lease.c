/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VF for its new owner, and back to what it was. Pure, any thread.
 *
 * Both may find the VF in whatever state a crash left it in: each plans from what is there.
 */
#include <stdio.h>

#include "model/plan_steps.h"

/* root needs no access: it has it. */
static uint32_t access_of(const struct request *r)
{
        return r->uid == 0 ? ACCESS_NOBODY : r->uid;
}

static bool has_access(const struct vf_facts *vf, uint32_t uid)
{
        return uid == ACCESS_NOBODY ? vf->access_uid < 0 : vf->access_uid == (int64_t) uid;
}

static int add_access(struct plan *plan, uint32_t vf, uint32_t uid)
{
        const struct step s = {.kind = STEP_SET_ACCESS, .vf = vf, .value = uid};

        return plan_add(plan, &s);
}

/* A VF that somebody uses is nobody's to lease; one that is on vfio already is given in place. */
int plan_lease(const struct request *r, const struct plan_world *w, const struct vf_facts *vf,
        struct plan *plan, struct fault *f)
{
        const char *driver = r->driver[0] ? r->driver : vf->driver;
        int rc;

        rc = plan_refuse_held(w, vf->index, "leasing the VF", false, f);
        if (rc == 0)
                rc = plan_check_isolation(w, vf, driver, r->shared, f);
        if (rc == 0 && (r->attrs.present | r->attrs.reset) != 0)
                rc = plan_add_attrs(w, vf, &r->attrs, plan, f);
        if (rc == 0 && !streq(vf->driver, driver))
                rc = plan_add_bind(plan, w->facts, vf, driver, vf->driver_override, false);
        if (rc == 0 && driver_is_vfio(driver) &&
                (!has_access(vf, access_of(r)) || (r->uid != 0 && !streq(vf->driver, driver))))
                rc = add_access(plan, vf->index, access_of(r));
        return rc;
}

/*
 * The attributes as they may be when the reset is over: a MAC that the VF's own driver chose is
 * forgotten by it (igb), and readings do not tell it from one that was set. So it is set again.
 */
static int add_attrs_after_reset(const struct request *r, const struct plan_world *w,
        const struct vf_facts *vf, struct plan *plan, struct fault *f)
{
        bool settable = !w->caps || w->caps->of[VF_SETTING_MAC] != CAP_NO;
        struct vf_facts after = *vf;

        if (settable && vf_attrs_has(&r->attrs, VF_ATTR_MAC) && !mac_is_zero(&r->attrs.mac))
                after.attrs.present &= ~BIT(VF_ATTR_MAC);
        return plan_add_attrs(w, &after, &r->attrs, plan, f);
}

/*
 * Access first: nobody can come in any more. Then whoever is in must be gone (InUse: try again
 * later), and only then the reset, on whatever driver it is; the attributes after it, so that the
 * driver that comes last finds them.
 */
int plan_scrub(const struct request *r, const struct plan_world *w, const struct vf_facts *vf,
        struct plan *plan, struct fault *f)
{
        const char *driver = streq(r->driver, "none") ? "" : r->driver;
        int rc;

        if (!has_access(vf, ACCESS_NOBODY))
                return add_access(plan, vf->index, ACCESS_NOBODY);
        rc = plan_refuse_held(w, vf->index, "scrubbing the VF", false, f);
        if (rc < 0)
                return rc;
        if (!vf->reset_methods[0])
                return fault_set(f, FAULT_NOT_SUPPORTED, 0,
                        "scrubbing VF %u (%s) refused: the device has no reset method, so nothing "
                        "makes sure that its last user left nothing behind; destroying all VFs of "
                        "its PF and creating them anew does",
                        vf->index, vf->address);
        rc = plan_add_vf(plan, STEP_RESET, vf->index, false);
        if (rc == 0 && w->facts->n_netdevs > 0)
                rc = add_attrs_after_reset(r, w, vf, plan, f);
        if (rc == 0 && !streq(vf->driver, driver) && driver[0])
                return plan_add_bind(plan, w->facts, vf, driver, r->override, false);
        if (rc == 0 && !streq(vf->driver, driver))
                rc = plan_add_vf(plan, STEP_UNBIND, vf->index, false);
        if (rc == 0 && !streq(vf->driver_override, r->override))
                rc = plan_add_driver(plan, STEP_SET_OVERRIDE, vf->index, r->override);
        return rc;
}

int plan_verify_lease(const struct request *r, const struct vf_facts *vf, struct fault *f)
{
        bool scrub = r->kind == REQUEST_SCRUB;
        const char *driver = streq(r->driver, "none") ? "" : r->driver;

        if ((scrub || r->driver[0]) && !streq(vf->driver, driver))
                return fault_set(f, FAULT_NOT_APPLIED, 0, "VF %u is on driver '%s' instead of '%s'",
                        vf->index, vf->driver, driver);
        if (scrub && !streq(vf->driver_override, r->override))
                return fault_set(f, FAULT_NOT_APPLIED, 0,
                        "VF %u has driver_override '%s' instead of '%s'", vf->index,
                        vf->driver_override, r->override);
        if (!has_access(vf, scrub || !driver_is_vfio(vf->driver) ? ACCESS_NOBODY : access_of(r)))
                return fault_set(f, FAULT_NOT_APPLIED, 0,
                        "VF %u: its vfio group can be opened by uid %lld, which is not whom it was "
                        "meant for",
                        vf->index, (long long) vf->access_uid);
        return 0;
}
