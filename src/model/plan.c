/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what is asked and what is there to the steps between. Pure, any thread. */
#include <stdio.h>

#include "model/plan_steps.h"

void plan_done(struct plan *plan)
{
        free(plan->steps);
        *plan = (struct plan){0};
}

bool plan_sets_numvfs(const struct plan *plan)
{
        for (size_t i = 0; i < plan->n; i++)
                if (plan->steps[i].kind == STEP_SET_NUMVFS)
                        return true;
        return false;
}

static int check_count(const struct request *r, const struct plan_world *w, struct fault *f)
{
        const struct pf_facts *pf = w->facts;
        const char *address = dev_id_address(&pf->id);

        if (r->count > pf->total_vfs)
                return fault_set(f, FAULT_INVALID_ARGS, ERANGE,
                        "%u VFs on %s refused: expected 0 to %u, which is what the device and its "
                        "driver allow",
                        r->count, address, pf->total_vfs);
        if (r->count == pf->num_vfs)
                return 0;
        if (!pf->driver[0])
                return fault_set(f, FAULT_NO_DRIVER, 0,
                        "%u VFs on %s refused: no driver is bound to the PF, and only its driver "
                        "can create VFs; "
                        "load it first",
                        r->count, address);
        if (r->count > 0 && pf->num_vfs > 0 && !r->replace)
                return fault_set(f, FAULT_VFS_EXIST, 0,
                        "%u VFs on %s refused: it has %u, and the kernel changes the count only by "
                        "destroying all of "
                        "them first; --replace does that when nobody uses them",
                        r->count, address, pf->num_vfs);
        if (pf->num_vfs > 0 && !r->force)
                return plan_refuse_held(
                        w, NO_VF, r->count ? "replacing the VFs" : "destroying the VFs", true, f);
        return 0;
}

static int plan_numvfs(
        const struct request *r, const struct plan_world *w, struct plan *plan, struct fault *f)
{
        const struct pf_facts *pf = w->facts;
        bool unbound = r->driver[0] && pf->autoprobe == 1;
        int rc;

        rc = check_count(r, w, f);
        if (rc < 0 || r->count == pf->num_vfs)
                return rc;
        if (r->count > 0)
                rc = plan_predict_isolation(w, r->driver, r->shared, f);
        if (rc < 0)
                return rc;
        if (pf->num_vfs > 0)
                rc = plan_add_numvfs(plan, 0, r->force);
        if (rc == 0 && r->count > 0 && unbound)
                rc = plan_add_autoprobe(plan, false);
        if (rc == 0 && r->count > 0)
                rc = plan_add_numvfs(plan, r->count, r->force);
        if (rc == 0 && r->count > 0 && unbound)
                rc = plan_add_autoprobe(plan, true);
        return rc;
}

static int plan_bind(const struct request *r, const struct plan_world *w, const struct vf_facts *vf,
        struct plan *plan, struct fault *f)
{
        int rc;

        if (streq(vf->driver, r->driver))
                return 0;
        if (!r->force) {
                rc = plan_refuse_held(w, vf->index, "rebinding the VF", true, f);
                if (rc < 0)
                        return rc;
        }
        rc = plan_check_isolation(w, vf, r->driver, r->shared, f);
        if (rc < 0)
                return rc;
        return plan_add_bind(plan, w->facts, vf, r->driver, vf->driver_override, r->force);
}

/* Second half of "N VFs for this driver": the VFs are there, now each goes to its driver. */
static int plan_bind_all(
        const struct request *r, const struct plan_world *w, struct plan *plan, struct fault *f)
{
        int rc = 0;

        for (uint32_t i = 0; rc == 0 && i < w->facts->n_vfs; i++) {
                const struct vf_facts *vf = &w->facts->vfs[i];

                if (!streq(r->driver, "none"))
                        rc = plan_bind(r, w, vf, plan, f);
                else if (vf->driver[0]) {
                        rc = r->force ? 0
                                      : plan_refuse_held(w, vf->index, "unbinding the VF", true, f);
                        if (rc == 0)
                                rc = plan_add_vf(plan, STEP_UNBIND, vf->index, r->force);
                }
        }
        return rc;
}

static int refuse_duplicate_mac(const struct plan_world *w, const struct vf_facts *vf,
        const struct mac *mac, struct fault *f)
{
        char text[MAC_STR_MAX];

        if (mac_is_zero(mac))
                return 0;
        format_mac(text, mac);
        for (uint32_t i = 0; i < w->facts->n_vfs; i++) {
                const struct vf_facts *other = &w->facts->vfs[i];

                if (other->index != vf->index && vf_attrs_has(&other->attrs, VF_ATTR_MAC) &&
                        memcmp(&other->attrs.mac, mac, sizeof(*mac)) == 0)
                        return fault_set(f, FAULT_INVALID_ARGS, EEXIST,
                                "mac=%s on VF %u refused: VF %u of the same PF has it; expected an "
                                "address of its own",
                                text, vf->index, other->index);
        }
        return 0;
}

static int plan_setting(const struct plan_world *w, const struct vf_facts *vf,
        const struct vf_attrs *wish, enum vf_setting setting, struct plan *plan, struct fault *f)
{
        const struct vf_attrs want = vf_attrs_merge(wish, &vf->attrs, setting);
        const struct step s = {
                .kind = STEP_SET_VF, .vf = vf->index, .setting = setting, .attrs = want};
        int r;

        if (want.present == 0 || ((vf->attrs.present & want.present) == want.present &&
                                         vf_attrs_differ(&want, &vf->attrs) == 0))
                return 0;
        if (w->caps && w->caps->of[setting] == CAP_NO) {
                if ((wish->present & vf_setting_attrs(setting)) == 0)
                        return 0; /* what the driver does not have needs no reset */
                return fault_set(f, FAULT_NOT_SUPPORTED, 0,
                        "%s on VF %u refused: the PF's driver %s does not support it",
                        vf_setting_name(setting), vf->index, w->facts->driver);
        }
        r = vf_attrs_check(&want, f);
        if (r == 0 && setting == VF_SETTING_MAC)
                r = refuse_duplicate_mac(w, vf, &want.mac, f);
        return r < 0 ? r : plan_add(plan, &s);
}

int plan_add_attrs(const struct plan_world *w, const struct vf_facts *vf,
        const struct vf_attrs *wish, struct plan *plan, struct fault *f)
{
        int r = 0;

        if (w->facts->n_netdevs == 0)
                return fault_set(f, FAULT_NOT_SUPPORTED, 0,
                        "attributes of VF %u on %s refused: the PF has no network interface, and "
                        "the kernel takes them "
                        "through it alone",
                        vf->index, dev_id_address(&w->facts->id));
        for (unsigned setting = 0; r == 0 && setting < VF_SETTING_MAX; setting++)
                r = plan_setting(w, vf, wish, setting, plan, f);
        return r;
}

static int plan_reset(const struct request *r, const struct plan_world *w,
        const struct vf_facts *vf, struct plan *plan, struct fault *f)
{
        /* GUIDs of zero are refused by drivers: what was never an InfiniBand VF needs none. */
        struct vf_attrs wish = {.reset = (BIT(VF_ATTR_MAX) - 1) &
                                         ~(BIT(VF_ATTR_NODE_GUID) | BIT(VF_ATTR_PORT_GUID))};
        int rc;

        if (!vf->reset_methods[0])
                return fault_set(f, FAULT_NOT_SUPPORTED, 0,
                        "reset of VF %u (%s) refused: the device has no reset method", vf->index,
                        vf->address);
        if (!r->force) {
                rc = plan_refuse_held(w, vf->index, "resetting the VF", true, f);
                if (rc < 0)
                        return rc;
        }
        rc = plan_add_vf(plan, STEP_RESET, vf->index, r->force);
        if (rc < 0 || w->facts->n_netdevs == 0)
                return rc;
        /* What the driver does not report is not sent: nothing says that it needs a reset. */
        wish.reset &= vf->attrs.present;
        return plan_add_attrs(w, vf, &wish, plan, f);
}

static int plan_autoprobe(
        const struct request *r, const struct plan_world *w, struct plan *plan, struct fault *f)
{
        if (w->facts->autoprobe < 0)
                return fault_set(f, FAULT_NOT_SUPPORTED, 0,
                        "autoprobe on %s refused: this kernel has no sriov_drivers_autoprobe",
                        dev_id_address(&w->facts->id));
        return w->facts->autoprobe == (int32_t) r->count ? 0 : plan_add_autoprobe(plan, r->count);
}

static int plan_vf(
        const struct request *r, const struct plan_world *w, struct plan *plan, struct fault *f)
{
        const struct pf_facts *pf = w->facts;
        const struct vf_facts *vf = pf_facts_vf(pf, r->vf);
        int rc;

        if (!vf && pf->num_vfs == 0)
                return fault_set(f, FAULT_NOT_FOUND, 0,
                        "VF %u on %s refused: the PF has no VFs; create them first", r->vf,
                        dev_id_address(&pf->id));
        if (!vf)
                return fault_set(f, FAULT_NOT_FOUND, 0, "VF %u on %s refused: expected 0 to %u",
                        r->vf, dev_id_address(&pf->id), pf->num_vfs - 1);
        switch (r->kind) {
        case REQUEST_SET_ATTRS:
                return plan_add_attrs(w, vf, &r->attrs, plan, f);
        case REQUEST_BIND:
                return plan_bind(r, w, vf, plan, f);
        case REQUEST_UNBIND:
                if (!vf->driver[0])
                        return 0;
                rc = r->force ? 0 : plan_refuse_held(w, vf->index, "unbinding the VF", true, f);
                return rc < 0 ? rc : plan_add_vf(plan, STEP_UNBIND, vf->index, r->force);
        case REQUEST_RESET:
                return plan_reset(r, w, vf, plan, f);
        case REQUEST_LEASE:
                return plan_lease(r, w, vf, plan, f);
        case REQUEST_SCRUB:
                return plan_scrub(r, w, vf, plan, f);
        case REQUEST_SET_NUMVFS:
        case REQUEST_SET_AUTOPROBE:
        case REQUEST_APPLY:
        case REQUEST_MAX:
                break;
        }
        return fault_set(
                f, FAULT_INTERNAL, 0, "%s is not a request on a VF", request_kind_name(r->kind));
}

int plan_request(
        const struct request *r, const struct plan_world *w, struct plan *ret, struct fault *f)
{
        _cleanup_(plan_done) struct plan plan = {0};
        struct fault why = FAULT_NULL;
        int rc;

        rc = request_check(r, f);
        if (rc < 0)
                return rc;
        if (w->facts->busy_step[0])
                return plan_refuse_busy(w->facts, f);
        if (r->kind == REQUEST_SET_NUMVFS) {
                rc = plan_numvfs(r, w, &plan, &why);
                if (rc == 0 && plan.n == 0 && r->count > 0 && r->driver[0])
                        rc = plan_bind_all(r, w, &plan, &why);
        } else if (r->kind == REQUEST_SET_AUTOPROBE)
                rc = plan_autoprobe(r, w, &plan, &why);
        else
                rc = plan_vf(r, w, &plan, &why);
        if (rc < 0) {
                if (why.code == FAULT_NONE)
                        return fault_set(f, FAULT_INTERNAL, -rc, "planning failed: out of memory");
                if (f)
                        *f = why;
                return rc;
        }
        *ret = plan;
        plan = (struct plan){0};
        return 0;
}

static int verify_attrs(const struct request *r, const struct vf_facts *vf, struct fault *f)
{
        struct vf_attrs want = r->attrs;
        uint32_t differ;

        vf_attrs_copy(&want, &vf_attrs_baseline, r->attrs.reset);
        want.reset = 0;
        differ = vf->attrs_known ? vf_attrs_differ(&want, &vf->attrs) : 0;
        if (mac_is_zero(&want.mac)) /* the driver may pick one */
                differ &= ~BIT(VF_ATTR_MAC);
        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                char asked[VF_ATTR_STR_MAX], found[VF_ATTR_STR_MAX];

                if (!(differ & BIT(i)))
                        continue;
                vf_attrs_format(&want, i, asked);
                vf_attrs_format(&vf->attrs, i, found);
                return fault_set(f, FAULT_NOT_APPLIED, 0,
                        "VF %u: the driver took %s=%s and then reported %s", vf->index,
                        vf_attr_table[i].name, asked, found);
        }
        return 0;
}

int plan_verify(const struct request *r, const struct pf_facts *now, struct fault *f)
{
        const struct vf_facts *vf = pf_facts_vf(now, r->vf);
        const char *want = r->kind == REQUEST_BIND ? r->driver : "";

        switch (r->kind) {
        case REQUEST_SET_NUMVFS:
                if (now->num_vfs != r->count)
                        return fault_set(f, FAULT_PARTIAL_COUNT, 0,
                                "%u VFs asked for on %s, %u came", r->count,
                                dev_id_address(&now->id), now->num_vfs);
                return 0;
        case REQUEST_SET_AUTOPROBE:
                if (now->autoprobe != (int32_t) r->count)
                        return fault_set(f, FAULT_NOT_APPLIED, 0,
                                "autoprobe=%u was written and %d is read back", r->count,
                                now->autoprobe);
                return 0;
        case REQUEST_SET_ATTRS:
        case REQUEST_BIND:
        case REQUEST_UNBIND:
        case REQUEST_RESET:
        case REQUEST_LEASE:
        case REQUEST_SCRUB:
                if (!vf)
                        return fault_set(f, FAULT_GONE, 0,
                                "VF %u vanished while it was being changed", r->vf);
                if (r->kind == REQUEST_SET_ATTRS)
                        return verify_attrs(r, vf, f);
                if (r->kind == REQUEST_LEASE || r->kind == REQUEST_SCRUB) {
                        int rc = verify_attrs(r, vf, f);

                        return rc < 0 ? rc : plan_verify_lease(r, vf, f);
                }
                if (r->kind != REQUEST_RESET && !streq(vf->driver, want))
                        return fault_set(f, FAULT_NOT_APPLIED, 0,
                                "VF %u is on driver '%s' instead of '%s'", r->vf, vf->driver, want);
                return 0;
        case REQUEST_APPLY:
        case REQUEST_MAX:
                break;
        }
        return 0;
}
