/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods that do what guests and other administrators do. Loop thread; never waits under the lock.
 */
#include <stdio.h>

#include "sim/control_private.h"
#include "sim/kernel.h"
#include "sim/wiring.h"

/* ---- guests ------------------------------------------------------------------------------------
 */

int control_open_vf(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name, *guest;
        struct sim_pf *pf;
        struct fault f;
        uint32_t vf;
        int r;

        r = sd_bus_message_read(msg, "sus", &name, &vf, &guest);
        if (r < 0)
                return r;
        if (guest[0] == '\0' || strlen(guest) >= GUEST_NAME_MAX) {
                fault_set(&f, FAULT_INVALID_ARGS, 0, "guest '%s' refused: expected 1 to %d bytes",
                        guest, GUEST_NAME_MAX - 1);
                return control_fault(error, &f);
        }
        m = machine_lock(userdata);
        r = control_vf(m, name, vf, false, &pf, error);
        if (r < 0)
                return r;
        r = kernel_guest_opens(m, pf, vf, guest);
        if (r == 0)
                return sd_bus_reply_method_return(msg, NULL);
        fault_set(&f, r == -EBUSY ? FAULT_IN_USE : FAULT_NOT_SUPPORTED, -r,
                "guest %s can not open VF %u of %s: %s", guest, vf, name,
                r == -EBUSY    ? "it or its IOMMU group is open already"
                : r == -ENODEV ? "it is not on driver vfio-pci: bind it first"
                : r == -EPERM  ? "its IOMMU group is not viable: another member is on a host driver"
                               : strerror(-r));
        return control_fault(error, &f);
}

int control_close_vf(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name;
        struct sim_pf *pf;
        struct fault f;
        uint32_t vf;
        int r;

        r = sd_bus_message_read(msg, "su", &name, &vf);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = control_pf(m, name, &pf, error);
        if (r < 0)
                return r;
        if (kernel_guest_closes(m, pf, vf) == 0)
                return sd_bus_reply_method_return(msg, NULL);
        fault_set(&f, FAULT_NOT_FOUND, 0, "nobody has VF %u of %s open", vf, name);
        return control_fault(error, &f);
}

/* ---- other administrators ----------------------------------------------------------------------
 */

int control_set_vf_attr(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        struct vf_attrs wish = {0}, attrs = {0};
        const char *name, *key, *value;
        enum vf_setting setting;
        enum vf_attr attr;
        struct sim_pf *pf;
        struct fault f;
        uint32_t vf;
        int r;

        r = sd_bus_message_read(msg, "suss", &name, &vf, &key, &value);
        if (r < 0)
                return r;
        attr = vf_attr_from_name(key);
        if (attr == VF_ATTR_MAX || streq(value, "baseline")) {
                fault_set(&f, FAULT_INVALID_ARGS, 0, "%s=%s refused: expected %s", key, value,
                        attr == VF_ATTR_MAX ? "an attribute such as mac or vlan"
                                            : vf_attr_table[attr].range);
                return control_fault(error, &f);
        }
        if (vf_attrs_set_text(&wish, attr, value, &f) < 0)
                return control_fault(error, &f);
        m = machine_lock(userdata);
        r = control_vf(m, name, vf, false, &pf, error);
        if (r < 0)
                return r;
        /* The others of the same message stay as they are. */
        setting = vf_attr_table[attr].setting;
        vf_attrs_copy(&attrs, &vf_attrs_baseline, vf_setting_attrs(setting));
        vf_attrs_copy(&attrs, &pf->vfs[vf].attrs, vf_setting_attrs(setting));
        vf_attrs_copy(&attrs, &wish, BIT(attr));
        r = kernel_set_vf(m, pf, vf, setting, &attrs);
        if (r < 0)
                return control_errno(error, r, "%s=%s on VF %u of %s", key, value, vf, name);
        return sd_bus_reply_method_return(msg, NULL);
}

int control_set_num_vfs(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name;
        struct sim_pf *pf;
        uint32_t count;
        int r;

        r = sd_bus_message_read(msg, "su", &name, &count);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = control_pf(m, name, &pf, error);
        if (r < 0)
                return r;
        r = kernel_set_numvfs(m, pf, count, -1, KERNEL_NOWAIT);
        if (r < 0)
                return control_errno(error, r, "%u VFs on %s", count, name);
        return sd_bus_reply_method_return(msg, NULL);
}

/* As driverctl does it: unbind, override for drivers without ids of their own, bind. */
static int rebind(struct machine *m, struct sim_pf *pf, uint32_t index, const char *driver)
{
        struct sim_vf *vf = &pf->vfs[index];
        bool latency = m->kernel_latency;
        int r;

        if (driver[0] != '\0' && !sim_driver_known(driver))
                return -ENOENT;
        if (vf->locked)
                return -EWOULDBLOCK;
        if (vf->driver[0] != '\0') {
                r = kernel_unbind(m, pf, index, KERNEL_NOWAIT);
                if (r < 0)
                        return r;
        }
        if (driver[0] == '\0')
                return 0;
        r = str_copy(vf->driver_override, sizeof(vf->driver_override),
                streq(driver, pf->profile->vf_driver) ? "" : driver);
        if (r < 0)
                return r;
        /* Nothing waits now, so the lock is kept and nobody sees this. */
        m->kernel_latency = false;
        r = kernel_bind(m, pf, index, driver);
        m->kernel_latency = latency;
        return r;
}

int control_bind_vf(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name, *driver;
        struct sim_pf *pf;
        struct fault f;
        uint32_t vf;
        int r;

        r = sd_bus_message_read(msg, "sus", &name, &vf, &driver);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = control_vf(m, name, vf, true, &pf, error);
        if (r < 0)
                return r;
        if (vf != NO_VF)
                r = rebind(m, pf, vf, driver);
        else if (pf->num_vfs > 0) {
                fault_set(&f, FAULT_VFS_EXIST, 0,
                        "%s has %u VFs, and its driver goes with them: sriov-sim numvfs %s 0 first",
                        name, pf->num_vfs, name);
                return control_fault(error, &f);
        } else if (pf->locked || m->rescan_locked)
                r = -EWOULDBLOCK;
        else if (driver[0] != '\0' && !streq(driver, pf->profile->driver))
                r = -ENODEV;
        else if (driver[0] != '\0')
                kernel_attach_pf(m, pf);
        else
                kernel_detach_pf(m, pf);
        if (r < 0)
                return control_errno(error, r, "%s%s of %s of %s",
                        driver[0] ? "bind to " : "unbind", driver, vf == NO_VF ? "the PF" : "a VF",
                        name);
        return sd_bus_reply_method_return(msg, NULL);
}

static bool netdev_exists(const struct machine *m, const char *name)
{
        for (size_t i = 0; i < m->n_pfs; i++) {
                const struct sim_pf *pf = &m->pfs[i];

                if (pf->present && streq(pf->netdev, name))
                        return true;
                for (uint32_t k = 0; k < pf->hw_total_vfs; k++)
                        if (streq(pf->vfs[k].netdev, name))
                                return true;
        }
        return false;
}

int control_rename_netdev(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name, *to;
        struct sim_pf *pf;
        char *netdev;
        uint32_t vf;
        int r;

        r = sd_bus_message_read(msg, "sus", &name, &vf, &to);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = control_vf(m, name, vf, true, &pf, error);
        if (r < 0)
                return r;
        netdev = vf == NO_VF ? pf->netdev : pf->vfs[vf].netdev;
        if (!ifname_valid(to))
                r = -EINVAL;
        else if (netdev[0] == '\0')
                r = -ENODEV;
        else if (netdev_exists(m, to))
                r = -EEXIST;
        else
                r = str_copy(netdev, NETDEV_MAX, to);
        if (r < 0)
                return control_errno(error, r, "name '%s' for the netdev of %s", to, name);
        machine_touch(m, pf);
        return sd_bus_reply_method_return(msg, NULL);
}

int control_set_link(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name, *state;
        struct sim_pf *pf;
        struct fault f;
        int r;

        r = sd_bus_message_read(msg, "ss", &name, &state);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = control_pf(m, name, &pf, error);
        if (r < 0)
                return r;
        if (streq(state, "up") || streq(state, "down")) {
                pf->admin_up = streq(state, "up");
        } else if (streq(state, "plugged") || streq(state, "unplugged")) {
                pf->link = streq(state, "plugged");
        } else {
                fault_set(&f, FAULT_INVALID_ARGS, 0,
                        "link '%s' refused: expected up or down (the netdev), plugged or "
                        "unplugged (the cable)",
                        state);
                return control_fault(error, &f);
        }
        wiring_set_link(m, pf);
        machine_touch(m, pf);
        return sd_bus_reply_method_return(msg, NULL);
}
