/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has to be true of a case of test-plan-property.c once it has been planned and run. */
#pragma once

#include "plan_lab.h"

/* One case on its way. */
struct run {
        struct lab *lab;
        const struct plan_case *c;
        struct desired wish;
        struct view before, now;
        struct pf_facts model; /* what the wish was taken from, if it was from readings */
        struct caps caps;
        struct problems problems;
        struct plan ran; /* every step that went well, of all rounds */
        bool fresh, recreated, failed, refused, plain;
        bool gave_up_setting; /* an optional one */
        uint32_t held;
};

/* Says what is wrong, once; false. */
#define WRONG(run, ...) (snprintf((run)->lab->why, sizeof((run)->lab->why), __VA_ARGS__), false)

/* ---- what has to be true afterwards ------------------------------------------------------------
 */

/* VFs that are not there, and no count is wanted, have a problem each. */
static inline bool excused(const struct run *r, const struct difference *d)
{
        if (d->vf == NO_VF)
                return d->key == WISH_NUM_VFS && !(r->wish.wants & BIT(WISH_NUM_VFS)) &&
                       r->problems.n > 0;
        return problems_of(&r->problems, d->vf) != NULL;
}

static inline bool no_difference(struct run *r)
{
        struct differences diff = {0};
        bool good = true;
        char text[256];

        assert_int_equal(desired_diff(&r->wish, &r->now.facts, &r->caps, &diff), 0);
        for (size_t i = 0; good && i < diff.n; i++) {
                difference_describe(&diff.list[i], text, sizeof(text));
                if (!excused(r, &diff.list[i]))
                        good = WRONG(r, "planned to its end, and yet: %s", text);
        }
        differences_done(&diff);
        return good;
}

/*
 * Where nothing is fresh a plan and the differences are about the same VFs, so that a plan is never
 * made for what is not told to be different, and a difference that is told leads to a plan.
 */
static inline bool agree(struct run *r, const struct plan *plan)
{
        struct differences diff = {0};
        uint32_t told = 0, planned = 0;
        bool pf_told = false, pf_planned = false, rebuilds = false;

        assert_int_equal(desired_diff(&r->wish, &r->now.facts, &r->caps, &diff), 0);
        for (size_t i = 0; i < diff.n; i++) {
                if (diff.list[i].vf == NO_VF)
                        pf_told = true;
                else if (!problems_of(&r->problems, diff.list[i].vf))
                        told |= BIT(diff.list[i].vf);
        }
        differences_done(&diff);
        for (size_t i = 0; i < plan->n; i++) {
                const struct step *s = &plan->steps[i];

                rebuilds |= s->kind == STEP_SET_NUMVFS || s->kind == STEP_SET_ESWITCH;
                if (s->vf != NO_VF)
                        planned |= BIT(s->vf);
                else
                        pf_planned |= s->kind != STEP_SET_AUTOPROBE;
        }
        if (pf_planned && !pf_told)
                return WRONG(r, "planned for the PF, and nothing is different");
        if (rebuilds ? planned != 0 : planned != told)
                return WRONG(r, "differences on VFs %#x, and planned for %#x", told, planned);
        return true;
}

/* A restart knows neither problems nor what was fresh, and finds nothing to do. */
static inline bool nothing_again(struct run *r)
{
        _cleanup_(plan_done) struct plan plan = {0};
        struct plan_world w = world_of(&r->now, &r->caps, false);
        struct problems none = {0};
        struct fault f = FAULT_NULL;
        char text[256];
        bool good = true;

        if (plan_desired(&r->wish, &w, &none, &plan, &f) < 0)
                good = WRONG(r, "planning again is refused: %s", f.text);
        for (size_t i = 0; good && i < plan.n; i++) {
                step_describe(&plan.steps[i], text, sizeof(text));
                if (r->problems.n == 0)
                        good = WRONG(r, "planning again: '%s'", text);
        }
        problems_done(&none);
        return good;
}

static inline bool holders_live(struct run *r)
{
        for (uint32_t i = 0; i < CASE_VFS; i++)
                if ((r->held & BIT(i)) && (!r->lab->pf->vfs[i].guest[0] ||
                                                  !streq(r->lab->pf->vfs[i].driver, "vfio-pci")))
                        return WRONG(r, "VF %u was taken from its guest", i);
        return true;
}

/* The PF's own keys: as wanted, or as they were. */
static inline bool pf_right(struct run *r)
{
        const struct pf_facts *was = &r->before.facts, *is = &r->now.facts;
        const struct desired *d = &r->wish;
        const char *mode = (d->wants & BIT(WISH_ESWITCH)) && was->eswitch_mode[0]
                                   ? d->eswitch
                                   : was->eswitch_mode;

        if (is->num_vfs != (d->wants & BIT(WISH_NUM_VFS) ? d->num_vfs : was->num_vfs))
                return WRONG(r, "%u VFs", is->num_vfs);
        if (is->autoprobe != (d->wants & BIT(WISH_AUTOPROBE) ? d->autoprobe : was->autoprobe))
                return WRONG(r, "autoprobe is %d", is->autoprobe);
        if (is->n_netdevs > 0 &&
                is->mtu != (d->wants & BIT(WISH_MTU) ? (int32_t) d->mtu : was->mtu))
                return WRONG(r, "mtu is %d", is->mtu);
        if (!streq(is->eswitch_mode, mode))
                return WRONG(r, "eswitch_mode is %s", is->eswitch_mode);
        if (r->recreated && was->num_vfs == is->num_vfs && streq(was->eswitch_mode, mode))
                return WRONG(r, "numvfs was written for nothing");
        return true;
}

static inline bool mac_is_taken(const struct run *r, uint32_t vf)
{
        const struct desired_vf *wish = desired_vf_at(&r->wish, vf);

        for (uint32_t i = 0; i < r->now.facts.n_vfs; i++) {
                const struct vf_facts *other = &r->now.facts.vfs[i];

                if (other->index != vf &&
                        memcmp(&other->attrs.mac, &wish->attrs.mac, sizeof(struct mac)) == 0)
                        return true;
        }
        return false;
}

/* What is read of a driver's attributes is compared here without the code under test. */
static inline bool attrs_right(struct run *r, const struct desired_vf *wish,
        const struct vf_facts *was, const struct vf_facts *is)
{
        const struct vf_attrs nothing = {0}, *want = wish ? &wish->attrs : &nothing;
        bool untagged = (want->reset & BIT(VF_ATTR_VLAN)) ||
                        (vf_attrs_has(want, VF_ATTR_VLAN) && want->vlan == 0);

        for (unsigned i = 0; i < VF_ATTR_MAX; i++) {
                enum vf_setting setting = vf_attr_table[i].setting;
                uint32_t wanted = (want->present | want->reset) & vf_setting_attrs(setting);
                bool given_up = r->caps.of[setting] == CAP_NO &&
                                (wanted & ~(r->wish.optional | want->reset)) == 0;
                const struct vf_attrs *other = NULL;
                char value[VF_ATTR_STR_MAX];

                if (want->present & BIT(i))
                        other = want;
                else if (want->reset & BIT(i))
                        other = &vf_attrs_baseline;
                else if (setting == VF_SETTING_VLAN && untagged)
                        other = &vf_attrs_baseline;
                else if (!r->recreated)
                        other = &was->attrs;
                if (i == VF_ATTR_MAC && other && other != &was->attrs && mac_is_zero(&other->mac) &&
                        !r->wish.clear_mac)
                        continue;
                if (!other || given_up || !(vf_attrs_differ(other, &is->attrs) & BIT(i)))
                        continue;
                if (i == VF_ATTR_VLAN_PROTO && is->attrs.vlan == 0)
                        continue;
                vf_attrs_format(&is->attrs, i, value);
                return WRONG(r, "VF %u: %s is %s", is->index, vf_attr_table[i].name, value);
        }
        return true;
}

/* What a VF that the wish gives no driver is on. */
static inline const char *kernels_choice(const struct run *r, const struct vf_facts *is)
{
        if (!r->now.facts.autoprobe)
                return "";
        return is->driver_override[0] ? is->driver_override : r->c->profile->vf_driver;
}

static inline bool vf_right(struct run *r, const struct vf_facts *is)
{
        static const struct vf_facts nobody;
        const struct desired_vf *wish = desired_vf_at(&r->wish, is->index);
        const struct vf_facts *was = pf_facts_vf(&r->before.facts, is->index);
        const char *driver, *override;
        uint32_t wants = wish ? wish->wants : 0;

        if (r->recreated || !was)
                was = &nobody;
        override = wants & BIT(WISH_OVERRIDE) ? wish->override : was->driver_override;
        if (wants & BIT(WISH_DRIVER))
                driver = streq(wish->driver, "none") ? "" : wish->driver;
        else
                driver = r->recreated ? kernels_choice(r, is) : was->driver;
        if (!streq(is->driver, driver))
                return WRONG(
                        r, "VF %u is on '%s' and should be on '%s'", is->index, is->driver, driver);
        if (!streq(is->driver_override, override))
                return WRONG(r, "VF %u: override is '%s' and should be '%s'", is->index,
                        is->driver_override, override);
        if (r->recreated && (wants & BIT(WISH_MSIX)) && r->now.facts.vf_total_msix > 0 &&
                r->lab->pf->vfs[is->index].msix != wish->msix)
                return WRONG(r, "VF %u has %u vectors", is->index, r->lab->pf->vfs[is->index].msix);
        if (wish && vf_attrs_has(&wish->attrs, VF_ATTR_MAC) && !mac_is_zero(&wish->attrs.mac) &&
                !r->failed && (vf_attrs_differ(&wish->attrs, &was->attrs) & BIT(VF_ATTR_MAC)) &&
                mac_is_taken(r, is->index))
                return WRONG(r, "VF %u was given the MAC of another", is->index);
        return attrs_right(r, wish, was, is);
}

/* In whatever is read of it, but for a driver that we would not bind. */
static inline bool same_vf(const struct vf_facts *a, const struct vf_facts *b)
{
        uint32_t differ = vf_attrs_differ(&a->attrs, &b->attrs);

        if (a->attrs.vlan == 0)
                differ &= ~BIT(VF_ATTR_VLAN_PROTO);
        return streq(a->driver_override, b->driver_override) && differ == 0 &&
               a->attrs.present == b->attrs.present &&
               (streq(a->driver, b->driver) || (a->driver[0] && driver_check(a->driver, NULL) < 0));
}

/* The way back leads to just what was, in whatever a reading shows. */
static inline bool as_it_was(struct run *r)
{
        const struct pf_facts *was = &r->model, *is = &r->now.facts;

        if (was->num_vfs != is->num_vfs || was->autoprobe != is->autoprobe ||
                (is->n_netdevs > 0 && was->mtu != is->mtu))
                return WRONG(r, "the PF is not as it was");
        for (uint32_t i = 0; i < was->n_vfs; i++) {
                const struct vf_facts *a = &was->vfs[i], *b = &is->vfs[i];

                if (!same_vf(a, b))
                        return WRONG(r, "VF %u is not as it was", i);
        }
        return true;
}

/* A VF is given up for good reasons only. */
static inline bool problem_right(struct run *r, const struct problem *p)
{
        const struct lab_machine *machine = &lab_machines[r->c->machine];

        switch (p->fault.code) {
        case FAULT_IN_USE:
                return r->held & BIT(p->vf);
        case FAULT_NOT_FOUND:
                return p->vf >= r->now.facts.num_vfs;
        case FAULT_NOT_ISOLATED:
                return !machine->iommu || !machine->acs;
        case FAULT_INVALID_ARGS:
                return p->fault.error != EEXIST || mac_is_taken(r, p->vf);
        case FAULT_NO_RESOURCES:
                return r->recreated && r->c->profile->vf_total_msix > 0;
        case FAULT_NOT_SUPPORTED:
        case FAULT_BUSY:
                return true;
        default:
                return false;
        }
}

static inline bool problems_right(struct run *r)
{
        for (size_t i = 0; i < r->problems.n; i++)
                if (!problem_right(r, &r->problems.list[i]))
                        return WRONG(r, "VF %u was given up: %s", r->problems.list[i].vf,
                                r->problems.list[i].fault.text);
        return true;
}

static inline bool all_right(struct run *r)
{
        for (uint32_t i = 0; i < r->now.facts.n_vfs; i++) {
                const struct vf_facts *vf = &r->now.facts.vfs[i];

                if (!problems_of(&r->problems, vf->index) && !vf_right(r, vf))
                        return false;
        }
        if (r->c->snapshot != SIZE_MAX && r->problems.n == 0 && !as_it_was(r))
                return false;
        return pf_right(r) && problems_right(r);
}

/* ---- what was foretold -------------------------------------------------------------------------
 */

static inline bool same_step(const struct step *a, const struct step *b)
{
        return a->kind == b->kind && a->vf == b->vf && a->value == b->value &&
               a->setting == b->setting && streq(a->name, b->name) &&
               vf_attrs_equal(&a->attrs, &b->attrs);
}

/* A new VF may have by itself what a driver chooses: then it was foretold and is not needed. */
static inline bool may_be_spared(const struct run *r, const struct step *s)
{
        return r->recreated && s->kind == STEP_SET_VF && s->setting >= VF_SETTING_SPOOFCHK &&
               s->setting != VF_SETTING_LINK_STATE;
}

/* All that was run was foretold, in this order. */
static inline bool as_foretold(struct run *r, const struct plan *preview)
{
        size_t at = 0;
        char text[256];

        for (size_t i = 0; i < preview->n; i++) {
                if (at < r->ran.n && same_step(&preview->steps[i], &r->ran.steps[at]))
                        at++;
                else if (!may_be_spared(r, &preview->steps[i])) {
                        step_describe(&preview->steps[i], text, sizeof(text));
                        return WRONG(r, "foretold and not run: '%s'", text);
                }
        }
        if (at == r->ran.n)
                return true;
        step_describe(&r->ran.steps[at], text, sizeof(text));
        return WRONG(r, "run and not foretold: '%s'", text);
}
