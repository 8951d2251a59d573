/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings through the uplink netdev, read back. Worker threads. */
#include <stdio.h>

#include "host/errtext.h"
#include "host/netdev.h"
#include "host/vfset.h"

/* Opens a connection and finds the uplink, now. */
static int find_uplink(int pf_fd, const char *name, struct rtnl **ret_rtnl,
        struct link_reading *ret_link, struct fault *f)
{
        _cleanup_(rtnl_closep) struct rtnl *rtnl = NULL;
        char driver[DRIVER_MAX];
        int r;

        r = rtnl_open(&rtnl);
        if (r < 0)
                return errtext_fault(f, NULL, -r, "netlink could not be opened");
        r = netdev_uplink(pf_fd, rtnl, ret_link);
        if (r == -ENODEV && sysfs_is_pf(pf_fd)) {
                sysfs_read_link(pf_fd, "driver", driver, sizeof(driver));
                return fault_set(f, driver[0] ? FAULT_NOT_SUPPORTED : FAULT_NO_DRIVER, 0,
                        "PF %s has no netdev in this network namespace (driver: %s): it can not "
                        "be configured here",
                        name, driver[0] ? driver : "none");
        }
        if (r < 0)
                return errtext_fault(f, NULL, -r, "netdev of PF %s", name);
        *ret_rtnl = TAKE_PTR(rtnl);
        return 0;
}

/* The refusal of a setting, with the driver's name and the kernel's own words. */
static int refused(int pf_fd, const char *name, const struct step *step, int r, const char *why,
        struct fault *f)
{
        struct advice_case c = errtext_of_pf(step->kind, pf_fd);
        char what[128];

        step_describe(step, what, sizeof(what));
        snprintf(c.words, sizeof(c.words), "%s", why);
        return errtext_fault(f, &c, -r, "PF %s: %s", name, what);
}

/* The attributes that read back different from what was set. */
static uint32_t mismatch(const struct step *step, const struct vf_attrs *now)
{
        uint32_t differ = vf_attrs_differ(&step->attrs, now);

        /* Without a VLAN its protocol means nothing, and drivers report 802.1Q. */
        if (step->setting == VF_SETTING_VLAN && step->attrs.vlan == 0)
                differ &= ~BIT(VF_ATTR_VLAN_PROTO);
        return differ;
}

static int not_applied(
        const char *name, const struct step *step, const struct vf_attrs *now, struct fault *f)
{
        uint32_t differ = mismatch(step, now);
        char what[128], text[VF_ATTR_STR_MAX], read[256] = "";
        size_t at = 0;

        step_describe(step, what, sizeof(what));
        for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                if (differ & BIT(i)) {
                        vf_attrs_format(now, i, text);
                        at += (size_t) snprintf(read + at, sizeof(read) - at, " %s %s",
                                vf_attr_table[i].name, text);
                }
        return fault_set(f, FAULT_NOT_APPLIED, 0,
                "PF %s: %s was accepted by the driver and reads back as%s: it ignores the setting "
                "in its present state (with some drivers: while the PF's link is down)",
                name, what, read);
}

/* Drivers that hand the work to firmware show it a moment later: looks several times. */
static int read_back(
        struct rtnl *rtnl, const char *name, int ifindex, const struct step *step, struct fault *f)
{
        char what[128];

        for (unsigned try = 1;; try++) {
                struct vf_readings readings = {0};
                const struct vf_reading *vf;
                bool known, right;
                int r;

                r = rtnl_get_vfs(rtnl, ifindex, false, &readings);
                if (r == -EMSGSIZE || (r == 0 && !readings.trusted)) {
                        vf_readings_done(&readings);
                        return 0;
                }
                if (r < 0)
                        return errtext_fault(f, NULL, -r, "VFs of PF %s could not be read", name);
                vf = vf_readings_find(&readings, step->vf);
                known = vf;
                right = vf && mismatch(step, &vf->attrs) == 0;
                if (!right && known && try == RETRY_TRIES)
                        r = not_applied(name, step, &vf->attrs, f);
                vf_readings_done(&readings);
                if (right || r < 0)
                        return r;
                if (try == RETRY_TRIES)
                        break;
                retry_sleep(try);
        }
        step_describe(step, what, sizeof(what));
        return fault_set(f, FAULT_TIMEOUT, 0,
                "PF %s: %s was accepted, and its driver says nothing of VF %u since (it resets?)",
                name, what, step->vf);
}

int vfset_apply(int pf_fd, const char *name, const struct step *step, struct fault *f)
{
        _cleanup_(rtnl_closep) struct rtnl *rtnl = NULL;
        struct link_reading link;
        char why[RTNL_WHY_MAX];
        int r;

        r = find_uplink(pf_fd, name, &rtnl, &link, f);
        if (r < 0)
                return r;
        r = rtnl_set_vf(rtnl, link.ifindex, step->vf, step->setting, &step->attrs, why);
        if (r < 0)
                return refused(pf_fd, name, step, r, why, f);
        return read_back(rtnl, name, link.ifindex, step, f);
}

int vfset_mtu(int pf_fd, const char *name, uint32_t mtu, struct fault *f)
{
        _cleanup_(rtnl_closep) struct rtnl *rtnl = NULL;
        struct link_reading link;
        char why[RTNL_WHY_MAX];
        int r;

        r = find_uplink(pf_fd, name, &rtnl, &link, f);
        if (r < 0)
                return r;
        r = rtnl_set_mtu(rtnl, link.ifindex, mtu, why);
        if (r < 0)
                return refused(pf_fd, name,
                        &(struct step){.kind = STEP_SET_MTU, .vf = NO_VF, .value = mtu}, r, why, f);
        r = rtnl_get_link(rtnl, link.ifindex, &link);
        if (r < 0)
                return errtext_fault(f, NULL, -r, "PF %s could not be read", name);
        if (link.mtu != (int32_t) mtu)
                return fault_set(f, FAULT_NOT_APPLIED, 0, "MTU of %s: set %u and read %d",
                        link.name, mtu, link.mtu);
        return 0;
}

int vfset_link_up(int pf_fd, const char *name, struct fault *f)
{
        _cleanup_(rtnl_closep) struct rtnl *rtnl = NULL;
        struct link_reading link;
        char why[RTNL_WHY_MAX];
        int r;

        r = find_uplink(pf_fd, name, &rtnl, &link, f);
        if (r < 0)
                return r;
        r = rtnl_set_up(rtnl, link.ifindex, why);
        if (r < 0)
                return refused(
                        pf_fd, name, &(struct step){.kind = STEP_LINK_UP, .vf = NO_VF}, r, why, f);
        r = rtnl_get_link(rtnl, link.ifindex, &link);
        if (r < 0)
                return errtext_fault(f, NULL, -r, "PF %s could not be read", name);
        if (!link.admin_up)
                return fault_set(f, FAULT_NOT_APPLIED, 0,
                        "link up of %s was taken, and it is down still or again", link.name);
        return 0;
}
