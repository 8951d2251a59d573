/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what a PF is to what it shall be. Pure, any thread. */
#include "model/plan_desired.h"
#include "model/plan_steps.h"

/* One round of planning. */
struct round {
        const struct desired *d;
        const struct plan_world *w;
        struct pf_facts later;    /* the readings with the MACs that VFs will have */
        struct groups groups;     /* the groups with the drivers that VFs will have */
        struct plan_world judges; /* the world with these two: refusals go by it */
        struct pf_facts now;      /* borrowed readings, autoprobe as it is after the steps so far */
        struct plan *plan;
};

void problems_done(struct problems *p)
{
        free(p->list);
        *p = (struct problems){0};
}

const struct problem *problems_of(const struct problems *p, uint32_t vf)
{
        for (size_t i = 0; i < p->n; i++)
                if (p->list[i].vf == vf)
                        return &p->list[i];
        return NULL;
}

int problems_add(struct problems *p, uint32_t vf, const struct fault *why)
{
        int r = array_grow(&p->list, &p->capacity, p->n, sizeof(*p->list));

        if (r == 0)
                p->list[p->n++] = (struct problem){.vf = vf, .fault = *why};
        return r;
}

static bool wants(const struct desired *d, enum wish_key key)
{
        return d->wants & BIT(key);
}

/* ---- the PF ------------------------------------------------------------------------------------
 */

static int refuse_key(
        const struct desired *d, const struct pf_facts *pf, enum wish_key key, struct fault *f)
{
        if (!pf->driver[0])
                return fault_set(f, FAULT_NO_DRIVER, 0,
                        "%s on %s refused: no driver is bound to the PF; load it first",
                        wish_key_name(key), dev_id_address(&d->pf));
        return fault_set(f, FAULT_NOT_SUPPORTED, 0,
                "%s on %s refused: there is no such thing with its driver %s and this kernel; "
                "leave "
                "it out or make it optional",
                wish_key_name(key), dev_id_address(&d->pf), pf->driver);
}

/* What is required of the PF, and it has no such thing. */
static int check_pf(const struct desired *d, const struct pf_facts *pf, struct fault *f)
{
        uint32_t required = d->wants & ~d->optional;

        if ((required & BIT(WISH_MTU)) && pf->n_netdevs == 0)
                return refuse_key(d, pf, WISH_MTU, f);
        if ((required & BIT(WISH_ESWITCH)) && !pf->eswitch_mode[0])
                return refuse_key(d, pf, WISH_ESWITCH, f);
        if ((required & BIT(WISH_AUTOPROBE)) && pf->autoprobe < 0)
                return refuse_key(d, pf, WISH_AUTOPROBE, f);
        return 0;
}

static bool count_differs(const struct desired *d, const struct pf_facts *pf)
{
        return wants(d, WISH_NUM_VFS) && d->num_vfs != pf->num_vfs;
}

static bool mode_differs(const struct desired *d, const struct pf_facts *pf)
{
        return wants(d, WISH_ESWITCH) && pf->eswitch_mode[0] &&
               !streq(d->eswitch, pf->eswitch_mode);
}

static int refuse_replacing(const struct desired *d, const struct plan_world *w, struct fault *f)
{
        const struct pf_facts *pf = w->facts;
        const char *address = dev_id_address(&pf->id);

        if (!wants(d, WISH_NUM_VFS))
                return fault_set(f, FAULT_VFS_EXIST, 0,
                        "eswitch_mode=%s on %s refused: it has %u VFs, and they have to be "
                        "destroyed and made again for it; say num_vfs, and \"replace\": true (or "
                        "--replace)",
                        d->eswitch, address, pf->num_vfs);
        if (!d->replace && !count_differs(d, pf))
                return fault_set(f, FAULT_VFS_EXIST, 0,
                        "eswitch_mode=%s on %s refused: it has %u VFs, and they have to be "
                        "destroyed and made again for it; \"replace\": true (or --replace) does "
                        "that when nobody uses them",
                        d->eswitch, address, pf->num_vfs);
        if (!d->replace)
                return fault_set(f, FAULT_VFS_EXIST, 0,
                        "num_vfs=%u on %s refused: it has %u VFs, and the kernel changes the count "
                        "only by destroying all of them first; \"replace\": true (or --replace) "
                        "does that when nobody uses them",
                        d->num_vfs, address, pf->num_vfs);
        return plan_refuse_held(
                w, NO_VF, d->num_vfs ? "replacing the VFs" : "destroying the VFs", false, f);
}

/* New VFs wait for what has to be done before a driver sees them. */
static bool created_unprobed(const struct desired *d)
{
        for (uint32_t i = 0; i < d->n_vfs; i++) {
                const struct desired_vf *vf = &d->vfs[i];

                if ((vf->wants & (BIT(WISH_DRIVER) | BIT(WISH_MSIX))) ||
                        ((vf->wants & BIT(WISH_OVERRIDE)) && vf->override[0]))
                        return true;
        }
        return false;
}

/*
 * VFs of one PF share one fate, so a wish that can not come true is refused as a whole, before the
 * VFs that are there are destroyed for it.
 */
static int refuse_not_isolated(const struct desired *d, const struct plan_world *w, struct fault *f)
{
        bool probes = wants(d, WISH_AUTOPROBE) ? d->autoprobe : w->facts->autoprobe != 0;
        int r = 0;

        for (uint32_t i = 0; r == 0 && !w->way_back && i < d->n_vfs; i++) {
                const struct desired_vf *vf = &d->vfs[i];

                if (vf->wants & BIT(WISH_DRIVER))
                        r = plan_predict_isolation(w, vf->driver, vf->shared_group, f);
                else if ((vf->wants & BIT(WISH_OVERRIDE)) && probes)
                        r = plan_predict_isolation(w, vf->override, vf->shared_group, f);
        }
        return r;
}

/* numvfs with autoprobe as it has to be before, and then as it is wanted or was. */
static int plan_create(const struct desired *d, int32_t is, uint32_t count, struct plan *plan)
{
        bool after = wants(d, WISH_AUTOPROBE) ? d->autoprobe : is;
        bool during = created_unprobed(d) ? false : after;
        int r = 0;

        if (is >= 0 && during != is)
                r = plan_add_autoprobe(plan, during);
        if (r == 0)
                r = plan_add_numvfs(plan, count, false);
        if (r == 0 && is >= 0 && after != during)
                r = plan_add_autoprobe(plan, after);
        return r;
}

static int plan_mode(const struct desired *d, struct plan *plan)
{
        struct step s = {.kind = STEP_SET_ESWITCH, .vf = NO_VF};

        memcpy(s.name, d->eswitch, sizeof(d->eswitch));
        return plan_add(plan, &s);
}

static int plan_mtu(const struct desired *d, const struct pf_facts *pf, struct plan *plan)
{
        const struct step s = {.kind = STEP_SET_MTU, .vf = NO_VF, .value = d->mtu};

        if (!wants(d, WISH_MTU) || pf->n_netdevs == 0 || (int64_t) d->mtu == pf->mtu)
                return 0;
        return plan_add(plan, &s);
}

static int plan_pf(
        const struct desired *d, const struct plan_world *w, struct plan *plan, struct fault *f)
{
        const struct pf_facts *pf = w->facts;
        uint32_t count = wants(d, WISH_NUM_VFS) ? d->num_vfs : 0;
        int r = 0;

        if (!pf->driver[0])
                return refuse_key(d, pf, WISH_NUM_VFS, f);
        if (count > 0)
                r = refuse_not_isolated(d, w, f);
        if (r == 0 && pf->num_vfs > 0) {
                r = refuse_replacing(d, w, f);
                if (r == 0)
                        r = plan_add_numvfs(plan, 0, false);
        }
        if (r == 0 && mode_differs(d, pf)) {
                r = plan_refuse_held(w, NO_VF, "changing the eswitch mode", false, f);
                if (r == 0)
                        r = plan_mode(d, plan);
        }
        if (r == 0)
                r = plan_mtu(d, pf, plan);
        if (r == 0 && count > 0)
                r = plan_create(d, pf->autoprobe, count, plan);
        return r;
}

/* ---- a VF --------------------------------------------------------------------------------------
 */

static int plan_msix(struct round *r, const struct desired_vf *wish, struct vf_facts *vf)
{
        const struct step s = {.kind = STEP_SET_MSIX, .vf = vf->index, .value = wish->msix};
        int rc = 0;

        if (!r->w->fresh || !(wish->wants & BIT(WISH_MSIX)) || r->now.vf_total_msix == 0)
                return 0;
        if (vf->driver[0]) {
                if (r->now.autoprobe >= 0)
                        return 0; /* done before it was given to its driver */
                rc = plan_add_vf(r->plan, STEP_UNBIND, vf->index, false);
                vf->driver[0] = '\0';
        }
        return rc < 0 ? rc : plan_add(r->plan, &s);
}

/*
 * New VFs are told also what they do not report: a value in any case, a reset unless the driver is
 * known to report no such attribute.
 */
static int plan_attrs(
        struct round *r, const struct desired_vf *wish, const struct vf_facts *vf, struct fault *f)
{
        struct vf_attrs attrs = desired_vf_attrs(r->d, wish, r->w->facts, r->w->caps), all;
        uint32_t unlike = vf_attrs_unlike(&attrs, vf, &all), send = 0;
        uint32_t blind = attrs.present | (vf->attrs_known ? 0 : attrs.reset);

        if (r->w->fresh)
                unlike |= blind & ~vf->attrs.present;
        for (unsigned setting = 0; setting < VF_SETTING_MAX; setting++)
                if (unlike & vf_setting_attrs(setting))
                        send |= vf_setting_attrs(setting);
        attrs.present &= send;
        attrs.reset &= send;
        return send ? plan_add_attrs(&r->judges, vf, &attrs, r->plan, f) : 0;
}

/* What the VF's override shall be. wish may be NULL. */
static const char *override_of(const struct desired_vf *wish, const struct vf_facts *vf)
{
        return wish && (wish->wants & BIT(WISH_OVERRIDE)) ? wish->override : vf->driver_override;
}

/* Off its driver, or onto the one that is wanted; the override is left as wanted, or as it was. */
static int plan_driver(struct round *r, const struct desired_vf *wish, const struct vf_facts *vf,
        const char *override, struct fault *f)
{
        int rc;

        if (streq(wish->driver, "none")) {
                if (!vf->driver[0])
                        return 0;
                rc = plan_refuse_held(r->w, vf->index, "unbinding the VF", false, f);
                return rc < 0 ? rc : plan_add_vf(r->plan, STEP_UNBIND, vf->index, false);
        }
        if (streq(wish->driver, vf->driver))
                return 0;
        rc = plan_refuse_held(r->w, vf->index, "rebinding the VF", false, f);
        if (rc == 0)
                rc = plan_check_isolation(&r->judges, vf, wish->driver, wish->shared_group, f);
        return rc < 0 ? rc : plan_add_bind(r->plan, &r->now, vf, wish->driver, override, false);
}

static int plan_wish(
        struct round *r, const struct desired_vf *wish, struct vf_facts *vf, struct fault *f)
{
        const char *override = override_of(wish, vf);
        bool binds = (wish->wants & BIT(WISH_DRIVER)) && !streq(wish->driver, "none") &&
                     !streq(wish->driver, vf->driver);
        int rc;

        rc = desired_check_vf(r->d, wish, r->w->facts, r->w->caps, f);
        if (rc == 0)
                rc = plan_msix(r, wish, vf);
        if (rc == 0)
                rc = plan_attrs(r, wish, vf, f);
        if (rc == 0 && (wish->wants & BIT(WISH_DRIVER)))
                rc = plan_driver(r, wish, vf, override, f);
        if (rc == 0 && !binds && !streq(override, vf->driver_override))
                rc = plan_add_driver(r->plan, STEP_SET_OVERRIDE, vf->index, override);
        return rc;
}

static int plan_vf(
        struct round *r, const struct desired_vf *wish, const struct vf_facts *vf, struct fault *f)
{
        bool probes = wants(r->d, WISH_AUTOPROBE) ? r->d->autoprobe : r->now.autoprobe != 0;
        struct vf_facts now = *vf;
        int rc = 0;

        if (wish)
                rc = plan_wish(r, wish, &now, f);
        if (rc < 0 || !r->w->fresh || now.driver[0] || !probes ||
                (wish && (wish->wants & BIT(WISH_DRIVER))) || !created_unprobed(r->d))
                return rc;
        rc = plan_check_isolation(
                &r->judges, vf, override_of(wish, vf), wish && wish->shared_group, f);
        return rc < 0 ? rc : plan_add_vf(r->plan, STEP_PROBE, vf->index, false);
}

/* ---- all VFs -----------------------------------------------------------------------------------
 */

static void round_done(struct round *r)
{
        pf_facts_done(&r->later);
        groups_done(&r->groups);
}

static void expect_driver(struct groups *groups, const struct vf_facts *vf, const char *driver)
{
        struct group_facts *group;

        if (vf->iommu_group < 0 || streq(vf->driver, driver))
                return;
        group = (struct group_facts *) groups_find(groups, vf->iommu_group);
        for (uint32_t i = 0; group && i < group->n_devices; i++)
                if (streq(group->devices[i].address, vf->address))
                        memcpy(group->devices[i].driver, driver, DRIVER_MAX);
}

/*
 * What the others will be does not stand in the way of one: two VFs may swap their MACs, and all
 * members of a group may leave their drivers. VFs with problems stay as they are.
 */
static int expect(struct round *r, const struct problems *problems)
{
        static const char none[DRIVER_MAX];
        int rc;

        rc = pf_facts_copy(r->w->facts, &r->later);
        if (rc == 0 && r->w->groups)
                rc = groups_copy(r->w->groups, &r->groups);
        if (rc < 0)
                return rc;
        for (uint32_t i = 0; i < r->later.n_vfs; i++) {
                struct vf_facts *vf = &r->later.vfs[i];
                const struct desired_vf *wish = desired_vf_at(r->d, vf->index);
                struct vf_attrs attrs, mac;

                if (!wish || problems_of(problems, vf->index))
                        continue;
                attrs = desired_vf_attrs(r->d, wish, r->w->facts, r->w->caps);
                mac = vf_attrs_merge(&attrs, &vf->attrs, VF_SETTING_MAC);
                vf_attrs_copy(&vf->attrs, &mac, BIT(VF_ATTR_MAC));
                if (wish->wants & BIT(WISH_DRIVER))
                        expect_driver(
                                &r->groups, vf, streq(wish->driver, "none") ? none : wish->driver);
        }
        r->judges = *r->w;
        r->judges.facts = &r->later;
        r->judges.groups = r->w->groups ? &r->groups : NULL;
        return 0;
}

/* A wish for a VF that has gone since it was made. */
static int note_absent(const struct round *r, struct problems *problems)
{
        const struct pf_facts *pf = r->w->facts;
        struct fault why = FAULT_NULL;
        int rc = 0;

        for (uint32_t i = 0; rc == 0 && i < r->d->n_vfs; i++) {
                uint32_t vf = r->d->vfs[i].index;

                if (pf_facts_vf(pf, vf) || problems_of(problems, vf))
                        continue;
                fault_set(&why, FAULT_NOT_FOUND, 0, "VF %u is not there: %s has %u VFs", vf,
                        dev_id_address(&pf->id), pf->num_vfs);
                rc = problems_add(problems, vf, &why);
        }
        return rc;
}

/* Plans every VF that has no problem yet. */
static int plan_each(struct round *r, struct problems *problems)
{
        const struct pf_facts *pf = r->w->facts;
        int rc = 0;

        for (uint32_t i = 0; rc == 0 && i < pf->n_vfs; i++) {
                const struct vf_facts *vf = &pf->vfs[i];
                struct fault why = FAULT_NULL;

                if (problems_of(problems, vf->index))
                        continue;
                rc = plan_vf(r, desired_vf_at(r->d, vf->index), vf, &why);
                if (rc < 0 && why.code != FAULT_NONE)
                        rc = problems_add(problems, vf->index, &why);
        }
        return rc;
}

static int plan_round(const struct desired *d, const struct plan_world *w,
        struct problems *problems, struct plan *plan)
{
        _cleanup_(round_done) struct round r = {.d = d, .w = w, .now = *w->facts, .plan = plan};
        bool moves = wants(d, WISH_AUTOPROBE) && w->facts->autoprobe >= 0 &&
                     d->autoprobe != w->facts->autoprobe;
        int rc;

        rc = expect(&r, problems);
        if (rc == 0)
                rc = plan_mtu(d, w->facts, plan);
        if (rc == 0 && moves && d->autoprobe) {
                rc = plan_add_autoprobe(plan, true);
                r.now.autoprobe = 1;
        }
        if (rc == 0)
                rc = note_absent(&r, problems);
        if (rc == 0)
                rc = plan_each(&r, problems);
        if (rc == 0 && moves && !d->autoprobe)
                rc = plan_add_autoprobe(plan, false);
        return rc;
}

/*
 * A VF that can not be planned stays as it is, and so may be in the way of others: then all is
 * planned once more, without it. The plan of the last pass has no VF with a problem in it.
 */
static int plan_vfs(const struct desired *d, const struct plan_world *w, struct problems *problems,
        struct plan *plan)
{
        size_t before;
        int r;

        do {
                before = problems->n;
                plan_done(plan);
                r = plan_round(d, w, problems, plan);
        } while (r == 0 && problems->n > before);
        return r;
}

int plan_desired(const struct desired *d, const struct plan_world *w, struct problems *problems,
        struct plan *ret, struct fault *f)
{
        _cleanup_(plan_done) struct plan plan = {0};
        struct fault why = FAULT_NULL;
        int r;

        if (w->facts->busy_step[0])
                return plan_refuse_busy(w->facts, f);
        r = desired_check_pf(d, w->facts, &why);
        if (r == 0)
                r = check_pf(d, w->facts, &why);
        if (r == 0 && (count_differs(d, w->facts) || mode_differs(d, w->facts)))
                r = plan_pf(d, w, &plan, &why);
        else if (r == 0)
                r = plan_vfs(d, w, problems, &plan);
        if (r < 0) {
                if (why.code == FAULT_NONE)
                        return fault_set(f, FAULT_INTERNAL, -r, "planning failed: out of memory");
                if (f)
                        *f = why;
                return r;
        }
        *ret = plan;
        plan = (struct plan){0};
        return 0;
}
