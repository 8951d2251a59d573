/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux's part of the machine: what is set on it, and guests. Any thread, machine locked. */
#include <stdio.h>

#include "sim/kernel_private.h"
#include "sim/wiring.h"

#define RESET_USEC         100000u /* pcie_flr(): msleep(100) */
#define NETLINK_USEC       1000u
#define ETH_MIN_MTU_OF_ALL 68u
#define ETH_MAX_MTU_OF_ALL 9710u

/* ---- netlink, devlink, the rest of sysfs -------------------------------------------------------
 */

static int check_vlan(const struct sim_pf *pf, const struct vf_attrs *a)
{
        if (a->vlan > VLAN_ID_MAX || a->qos > VLAN_QOS_MAX)
                return -EINVAL;
        return a->vlan_proto == VLAN_PROTO_8021AD && !pf->profile->qinq ? -EPROTONOSUPPORT : 0;
}

static int check_rate(const struct sim_pf *pf, const struct vf_attrs *a)
{
        const struct sim_profile *p = pf->profile;

        if (a->max_tx_rate > 0 && a->max_tx_rate < a->min_tx_rate) /* rtnetlink.c itself */
                return -EINVAL;
        if (a->min_tx_rate > 0 && !p->min_rate)
                return -EINVAL;
        if (a->max_tx_rate > p->speed || a->min_tx_rate > p->speed)
                return -EINVAL;
        return a->max_tx_rate > 0 && p->rate_needs_link && !kernel_link_up(pf) ? -EINVAL : 0;
}

int kernel_set_vf(struct machine *m, struct sim_pf *pf, uint32_t index, enum vf_setting setting,
        const struct vf_attrs *attrs)
{
        uint32_t generation = pf->generation;
        int r = 0;

        if (!kernel_has_netdev(pf))
                return -ENODEV;
        if (!(pf->profile->settable & BIT(setting)))
                return -EOPNOTSUPP;
        machine_latency(m, NETLINK_USEC);
        if (!kernel_still_there(pf, generation))
                return -ENODEV;
        if (index >= pf->num_vfs || !pf->vfs[index].exists)
                return -EINVAL;
        if (setting == VF_SETTING_MAC && mac_is_multicast(&attrs->mac))
                r = -EINVAL;
        else if (setting == VF_SETTING_VLAN)
                r = check_vlan(pf, attrs);
        else if (setting == VF_SETTING_RATE)
                r = check_rate(pf, attrs);
        if (r == 0)
                r = wiring_set_vf(m, pf, index, setting, attrs);
        if (r < 0)
                return r;
        vf_attrs_copy(&pf->vfs[index].attrs, attrs, vf_setting_attrs(setting));
        machine_touch(m, pf);
        return 0;
}

int kernel_reset(struct machine *m, struct sim_pf *pf, uint32_t index, unsigned flags)
{
        uint32_t generation = pf->generation;
        int r;

        r = kernel_lock_vf(m, pf, index, 0);
        if (r < 0)
                return r;
        machine_latency(m, RESET_USEC);
        if (!kernel_still_there(pf, generation))
                return -ENODEV;
        kernel_count_harm(m, &pf->vfs[index], flags);
        wiring_reset(m, pf, index);
        pf->vfs[index].resets++; /* the PF's driver applies the administrator's settings again */
        kernel_unlock_vf(m, pf, index, generation);
        machine_touch(m, pf);
        return 0;
}

int kernel_set_msix(struct machine *m, struct sim_pf *pf, uint32_t index, uint32_t vectors)
{
        struct sim_vf *vf = &pf->vfs[index];

        if (pf->profile->vf_total_msix == 0 || pf->driver[0] == '\0')
                return -EOPNOTSUPP;
        if (!vf->exists)
                return -ENODEV;
        if (vf->driver[0] != '\0')
                return -EBUSY;
        if (vectors == 0)
                return -EINVAL;
        if (vectors > vf->msix + pf->msix_free)
                return -ENOSPC;
        pf->msix_free += vf->msix;
        pf->msix_free -= vectors;
        vf->msix = vectors;
        machine_touch(m, pf);
        return 0;
}

/* The node is one for all of the group. */
static bool given_to_another(struct machine *m, struct sim_pf *pf, uint32_t index, uint32_t uid)
{
        int32_t group = machine_group_of(m, pf, index);

        for (size_t i = 0; i < m->n_pfs; i++)
                for (uint32_t k = 0; m->pfs[i].present && k < m->pfs[i].hw_total_vfs; k++) {
                        const struct sim_vf *vf = &m->pfs[i].vfs[k];

                        if (vf != &pf->vfs[index] && vf->access_uid >= 0 &&
                                vf->access_uid != (int64_t) uid &&
                                machine_group_of(m, &m->pfs[i], k) == group)
                                return true;
                }
        return false;
}

int kernel_set_access(struct machine *m, struct sim_pf *pf, uint32_t index, uint32_t uid)
{
        struct sim_vf *vf = &pf->vfs[index];

        if (!vf->exists)
                return -ENODEV;
        if (uid != ACCESS_NOBODY && !driver_is_vfio(vf->driver))
                return -ENOENT;
        if (uid != ACCESS_NOBODY && given_to_another(m, pf, index, uid))
                return -EBUSY;
        vf->access_uid = uid == ACCESS_NOBODY ? -1 : (int64_t) uid;
        machine_touch(m, pf);
        return 0;
}

int kernel_set_eswitch(struct machine *m, struct sim_pf *pf, const char *mode)
{
        if (!pf->profile->eswitch || pf->driver[0] == '\0')
                return -EOPNOTSUPP;
        if (streq(pf->eswitch, mode))
                return 0;
        if (pf->num_vfs > 0 && !pf->profile->eswitch_with_vfs)
                return -EOPNOTSUPP;
        for (uint32_t i = 0; i < pf->num_vfs; i++)
                if (pf->vfs[i].driver[0] != '\0')
                        return -EBUSY;
        snprintf(pf->eswitch, sizeof(pf->eswitch), "%s", mode);
        machine_touch(m, pf);
        return 0;
}

int kernel_set_mtu(struct machine *m, struct sim_pf *pf, uint32_t mtu)
{
        if (!kernel_has_netdev(pf))
                return -ENODEV;
        if (mtu < ETH_MIN_MTU_OF_ALL || mtu > ETH_MAX_MTU_OF_ALL)
                return -EINVAL;
        pf->mtu = mtu;
        wiring_set_mtu(m, pf);
        machine_touch(m, pf);
        return 0;
}

int kernel_guest_opens(struct machine *m, struct sim_pf *pf, uint32_t index, const char *guest)
{
        struct sim_vf *vf = &pf->vfs[index];

        if (index >= pf->hw_total_vfs || !vf->exists || !streq(vf->driver, "vfio-pci"))
                return -ENODEV;
        if (kernel_group_open(m, pf, index))
                return -EBUSY;
        if (!kernel_group_viable(m, pf, index))
                return -EPERM;
        snprintf(vf->guest, sizeof(vf->guest), "%s", guest);
        wiring_opened(m, pf, index, guest);
        machine_touch(m, pf);
        return 0;
}

int kernel_guest_closes(struct machine *m, struct sim_pf *pf, uint32_t index)
{
        if (index >= pf->hw_total_vfs || pf->vfs[index].guest[0] == '\0')
                return -ENOENT;
        pf->vfs[index].guest[0] = '\0';
        wiring_left(m, pf, index);
        machine_touch(m, pf);
        machine_changed(m);
        return 0;
}
