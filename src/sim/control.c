/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface org.sriovd1.Sim. Loop thread; takes the machine's lock, never waits under it. */
#include <stdio.h>

#include "sim/control.h"
#include "sim/kernel.h"

/* ---- finding, refusing -------------------------------------------------------------------------
 */

static int reply_fault(sd_bus_error *error, const struct fault *f)
{
        char name[64];

        snprintf(name, sizeof(name), "org.sriovd1.Error.%s", fault_code_name(f->code));
        return sd_bus_error_set(error, name, f->text);
}

/* The simulated kernel's refusal of something somebody else did. */
_printf_(3, 4) static int reply_errno(sd_bus_error *error, int r, const char *fmt, ...)
{
        char what[256];
        struct fault f;
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(what, sizeof(what), fmt, ap);
        va_end(ap);
        if (r == -EWOULDBLOCK)
                fault_set(&f, FAULT_BUSY, EWOULDBLOCK,
                        "%s: somebody holds a VF or another operation has not returned; release "
                        "that first",
                        what);
        else
                fault_set(&f, fault_code_of_errno(-r), -r, "%s: %s", what, strerror(-r));
        return reply_fault(error, &f);
}

/* The slot that an address, pci/ADDRESS or the netdev of a card in it names. */
static struct sim_pf *find_slot(struct machine *m, const char *text)
{
        struct dev_id id;

        if (dev_id_from_address(startswith(text, "pci/") ? text + 4 : text, &id) == 0)
                return machine_slot(m, id.str);
        for (size_t i = 0; text[0] != '\0' && i < m->n_pfs; i++)
                if (streq(m->pfs[i].netdev, text))
                        return &m->pfs[i];
        return NULL;
}

static int find_pf(struct machine *m, const char *text, struct sim_pf **ret, sd_bus_error *error)
{
        struct sim_pf *pf = find_slot(m, text);
        struct fault f;

        if (!pf) {
                fault_set(&f, FAULT_NOT_FOUND, 0,
                        "no PF '%s' in this topology; expected an address or a netdev", text);
                return reply_fault(error, &f);
        }
        if (!pf->present) {
                fault_set(&f, FAULT_GONE, 0, "the slot of PF '%s' is empty: plug it first", text);
                return reply_fault(error, &f);
        }
        *ret = pf;
        return 0;
}

/* A PF and a VF that its virtfn link shows (or, with or_pf, NO_VF). */
static int find_vf(struct machine *m, const char *text, uint32_t vf, bool or_pf,
        struct sim_pf **ret, sd_bus_error *error)
{
        struct sim_pf *pf;
        struct fault f;
        int r;

        r = find_pf(m, text, &pf, error);
        if (r < 0)
                return r;
        if (!(or_pf && vf == NO_VF) && (vf >= pf->hw_total_vfs || !pf->vfs[vf].exists)) {
                fault_set(&f, FAULT_NOT_FOUND, 0, "PF '%s' has no VF %u (it has %u)", text, vf,
                        pf->num_vfs);
                return reply_fault(error, &f);
        }
        *ret = pf;
        return 0;
}

/* ---- faults and slots --------------------------------------------------------------------------
 */

static int inject_fault(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name, *line;
        struct sim_fault fault;
        struct fault f;
        struct sim_pf *pf;
        uint32_t id;
        int r;

        r = sd_bus_message_read(msg, "ss", &name, &line);
        if (r < 0)
                return r;
        if (sim_fault_parse(line, &fault, &f) < 0)
                return reply_fault(error, &f);
        m = machine_lock(userdata);
        r = find_pf(m, name, &pf, error);
        if (r < 0)
                return r;
        r = machine_inject(m, pf, &fault, &id);
        if (r < 0)
                return r;
        machine_touch(m, pf); /* what is left out of readings is left out now */
        return sd_bus_reply_method_return(msg, "u", id);
}

static int release_fault(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        struct fault f;
        uint32_t id;
        int r;

        r = sd_bus_message_read(msg, "u", &id);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        if (machine_release(m, id) < 0) {
                fault_set(&f, FAULT_NOT_FOUND, 0, "no fault %u: it is over, or was never injected",
                        id);
                return reply_fault(error, &f);
        }
        for (size_t i = 0; i < m->n_pfs; i++)
                machine_touch(m, &m->pfs[i]);
        return sd_bus_reply_method_return(msg, NULL);
}

static int plug(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const struct sim_profile *profile = NULL;
        const char *name, *kind;
        struct sim_pf *pf;
        struct fault f;
        int r;

        r = sd_bus_message_read(msg, "ss", &name, &kind);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        pf = find_slot(m, name);
        if (kind[0] != '\0')
                profile = sim_profile_find(kind);
        if (!pf || (kind[0] != '\0' && !profile)) {
                fault_set(&f, FAULT_NOT_FOUND, 0,
                        pf ? "no profile '%s'; see sriov-sim profiles"
                           : "no slot '%s' in this topology; expected the address of a PF",
                        pf ? kind : name);
                return reply_fault(error, &f);
        }
        r = machine_plug(m, pf, profile);
        if (r == -EEXIST || r == -EINVAL) {
                fault_set(&f, FAULT_INVALID_ARGS, -r,
                        r == -EEXIST ? "a card is in the slot of '%s': unplug it first"
                                     : "the VFs of such a card do not fit into the slot of '%s'",
                        name);
                return reply_fault(error, &f);
        }
        return r < 0 ? r : sd_bus_reply_method_return(msg, NULL);
}

/* Methods that take a PF alone. */
static int read_pf(sd_bus_message *msg, struct machine *m, struct sim_pf **ret, sd_bus_error *error)
{
        const char *name;
        int r;

        r = sd_bus_message_read(msg, "s", &name);
        return r < 0 ? r : find_pf(m, name, ret, error);
}

static int unplug(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(userdata);
        struct sim_pf *pf;
        int r;

        r = read_pf(msg, m, &pf, error);
        if (r < 0)
                return r;
        machine_unplug(m, pf);
        return sd_bus_reply_method_return(msg, NULL);
}

static int reload_driver(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(userdata);
        struct sim_pf *pf;
        int r;

        r = read_pf(msg, m, &pf, error);
        if (r < 0)
                return r;
        /* rmmod would wait for these with the loop. */
        for (uint32_t i = 0; i < pf->hw_total_vfs; i++)
                if (pf->vfs[i].guest[0] != '\0' || pf->vfs[i].locked)
                        r = -EWOULDBLOCK;
        if (pf->locked || m->rescan_locked)
                r = -EWOULDBLOCK;
        if (r < 0)
                return reply_errno(error, r, "reload of driver %s of %s", pf->driver, pf->id.str);
        kernel_detach_pf(m, pf);
        kernel_attach_pf(m, pf);
        return sd_bus_reply_method_return(msg, NULL);
}

static int writes(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(userdata);
        struct sim_pf *pf;
        int r;

        r = read_pf(msg, m, &pf, error);
        return r < 0 ? r : sd_bus_reply_method_return(msg, "t", pf->writes);
}

/* The machine's last lines about steps, oldest first. */
static int write_log(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(userdata);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t first = m->n_log > MACHINE_LOG_LINES ? m->n_log - MACHINE_LOG_LINES : 0;
        int r;

        (void) error;
        r = sd_bus_message_new_method_return(msg, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (uint64_t i = first; r >= 0 && i < m->n_log; i++)
                r = sd_bus_message_append(reply, "s", m->log[i % MACHINE_LOG_LINES]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* ---- guests ------------------------------------------------------------------------------------
 */

static int open_vf(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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
                return reply_fault(error, &f);
        }
        m = machine_lock(userdata);
        r = find_vf(m, name, vf, false, &pf, error);
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
        return reply_fault(error, &f);
}

static int close_vf(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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
        r = find_pf(m, name, &pf, error);
        if (r < 0)
                return r;
        if (kernel_guest_closes(m, pf, vf) == 0)
                return sd_bus_reply_method_return(msg, NULL);
        fault_set(&f, FAULT_NOT_FOUND, 0, "nobody has VF %u of %s open", vf, name);
        return reply_fault(error, &f);
}

/* ---- other administrators ----------------------------------------------------------------------
 */

static int set_vf_attr(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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
                return reply_fault(error, &f);
        }
        if (vf_attrs_set_text(&wish, attr, value, &f) < 0)
                return reply_fault(error, &f);
        m = machine_lock(userdata);
        r = find_vf(m, name, vf, false, &pf, error);
        if (r < 0)
                return r;
        /* The others of the same message stay as they are. */
        setting = vf_attr_table[attr].setting;
        vf_attrs_copy(&attrs, &vf_attrs_baseline, vf_setting_attrs(setting));
        vf_attrs_copy(&attrs, &pf->vfs[vf].attrs, vf_setting_attrs(setting));
        vf_attrs_copy(&attrs, &wish, BIT(attr));
        r = kernel_set_vf(m, pf, vf, setting, &attrs);
        if (r < 0)
                return reply_errno(error, r, "%s=%s on VF %u of %s", key, value, vf, name);
        return sd_bus_reply_method_return(msg, NULL);
}

static int set_num_vfs(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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
        r = find_pf(m, name, &pf, error);
        if (r < 0)
                return r;
        r = kernel_set_numvfs(m, pf, count, -1, KERNEL_NOWAIT);
        if (r < 0)
                return reply_errno(error, r, "%u VFs on %s", count, name);
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

static int bind_vf(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name, *driver;
        struct sim_pf *pf;
        uint32_t vf;
        int r;

        r = sd_bus_message_read(msg, "sus", &name, &vf, &driver);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = find_vf(m, name, vf, true, &pf, error);
        if (r < 0)
                return r;
        if (vf != NO_VF)
                r = rebind(m, pf, vf, driver);
        else if (pf->locked || m->rescan_locked || pf->num_vfs > 0)
                r = -EWOULDBLOCK;
        else if (driver[0] != '\0' && !streq(driver, pf->profile->driver))
                r = -ENODEV;
        else if (driver[0] != '\0')
                kernel_attach_pf(m, pf);
        else
                kernel_detach_pf(m, pf);
        if (r < 0)
                return reply_errno(error, r, "%s%s of %s of %s", driver[0] ? "bind to " : "unbind",
                        driver, vf == NO_VF ? "the PF" : "a VF", name);
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

static int rename_netdev(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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
        r = find_vf(m, name, vf, true, &pf, error);
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
                return reply_errno(error, r, "name '%s' for the netdev of %s", to, name);
        machine_touch(m, pf);
        return sd_bus_reply_method_return(msg, NULL);
}

static int set_link(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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
        r = find_pf(m, name, &pf, error);
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
                return reply_fault(error, &f);
        }
        machine_touch(m, pf);
        return sd_bus_reply_method_return(msg, NULL);
}

/* ---- looking at the bus ------------------------------------------------------------------------
 */

static int append_device(
        struct machine *m, sd_bus_message *reply, const struct bdf *address, struct cfgspace *cfg)
{
        char title[NAME_MAX_TEXT], text[BDF_STR_MAX];
        int r;

        format_bdf(text, address);
        r = machine_config(m, address, cfg, title);
        return r < 0 ? r : sd_bus_message_append(reply, "(ss)", text, title);
}

static int devices(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(userdata);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(freep) struct bdf *list = NULL;
        struct cfgspace cfg;
        size_t n;
        int r;

        (void) error;
        r = machine_devices(m, &list, &n);
        if (r >= 0)
                r = sd_bus_message_new_method_return(msg, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ss)");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_device(m, reply, &list[i], &cfg);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int config(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        _cleanup_(freep) char *text = NULL;
        char title[NAME_MAX_TEXT];
        struct cfgspace cfg;
        struct bdf address;
        const char *device;
        struct fault f;
        size_t size;
        FILE *file;
        int r;

        r = sd_bus_message_read(msg, "s", &device);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = parse_bdf(startswith(device, "pci/") ? device + 4 : device, &address);
        if (r == 0)
                r = machine_config(m, &address, &cfg, title);
        if (r < 0) {
                fault_set(&f, FAULT_NOT_FOUND, 0,
                        "no device '%s' on the bus; expected an address such as 0000:01:00.0",
                        device);
                return reply_fault(error, &f);
        }
        file = open_memstream(&text, &size);
        if (!file)
                return -errno;
        cfgspace_print(file, &address, title, &cfg);
        if (fclose(file) != 0)
                return -ENOMEM;
        return sd_bus_reply_method_return(msg, "s", text);
}

#define METHOD(name, in, out, fn) SD_BUS_METHOD(name, in, out, fn, SD_BUS_VTABLE_UNPRIVILEGED)

/* Whoever got past the socket's uid check may do all of this. */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("InjectFault", "ss", "u", inject_fault),
        METHOD("ReleaseFault", "u", "", release_fault),
        METHOD("Plug", "ss", "", plug),
        METHOD("Unplug", "s", "", unplug),
        METHOD("OpenVf", "sus", "", open_vf),
        METHOD("CloseVf", "su", "", close_vf),
        METHOD("SetVfAttr", "suss", "", set_vf_attr),
        METHOD("SetNumVfs", "su", "", set_num_vfs),
        METHOD("BindVf", "sus", "", bind_vf),
        METHOD("RenameNetdev", "sus", "", rename_netdev),
        METHOD("SetLink", "ss", "", set_link),
        METHOD("ReloadDriver", "s", "", reload_driver),
        METHOD("Writes", "s", "t", writes),
        METHOD("WriteLog", "", "as", write_log),
        METHOD("Devices", "", "a(ss)", devices),
        METHOD("Config", "s", "s", config),
        SD_BUS_VTABLE_END,
};

int control_add(sd_bus *bus, void *machine)
{
        int r = sd_bus_add_object_vtable(bus, NULL, SIM_PATH, SIM_INTERFACE, vtable, machine);

        return r < 0 ? r : 0;
}
