/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interface org.sriovd1.Sim: its table, and what all methods share. Loop thread. */
#include <stdio.h>

#include "sim/control_private.h"

/* ---- finding, refusing -------------------------------------------------------------------------
 */

int control_fault(sd_bus_error *error, const struct fault *f)
{
        char name[64];

        snprintf(name, sizeof(name), "org.sriovd1.Error.%s", fault_code_name(f->code));
        return sd_bus_error_set(error, name, f->text);
}

int control_errno(sd_bus_error *error, int r, const char *fmt, ...)
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
        return control_fault(error, &f);
}

struct sim_pf *control_slot(struct machine *m, const char *text)
{
        struct dev_id id;

        if (dev_id_from_address(startswith(text, "pci/") ? text + 4 : text, &id) == 0)
                return machine_slot(m, id.str);
        for (size_t i = 0; text[0] != '\0' && i < m->n_pfs; i++)
                if (streq(m->pfs[i].netdev, text))
                        return &m->pfs[i];
        return NULL;
}

int control_pf(struct machine *m, const char *text, struct sim_pf **ret, sd_bus_error *error)
{
        struct sim_pf *pf = control_slot(m, text);
        struct fault f;

        if (!pf) {
                fault_set(&f, FAULT_NOT_FOUND, 0,
                        "no PF '%s' in this topology; expected an address or a netdev", text);
                return control_fault(error, &f);
        }
        if (!pf->present) {
                fault_set(&f, FAULT_GONE, 0, "the slot of PF '%s' is empty: plug it first", text);
                return control_fault(error, &f);
        }
        *ret = pf;
        return 0;
}

int control_vf(struct machine *m, const char *text, uint32_t vf, bool or_pf, struct sim_pf **ret,
        sd_bus_error *error)
{
        struct sim_pf *pf;
        struct fault f;
        int r;

        r = control_pf(m, text, &pf, error);
        if (r < 0)
                return r;
        if (!(or_pf && vf == NO_VF) && (vf >= pf->hw_total_vfs || !pf->vfs[vf].exists)) {
                fault_set(&f, FAULT_NOT_FOUND, 0, "PF '%s' has no VF %u (it has %u)", text, vf,
                        pf->num_vfs);
                return control_fault(error, &f);
        }
        *ret = pf;
        return 0;
}

int control_read_pf(
        sd_bus_message *msg, struct machine *m, struct sim_pf **ret, sd_bus_error *error)
{
        const char *name;
        int r;

        r = sd_bus_message_read(msg, "s", &name);
        return r < 0 ? r : control_pf(m, name, ret, error);
}

#define METHOD(name, in, out, fn) SD_BUS_METHOD(name, in, out, fn, SD_BUS_VTABLE_UNPRIVILEGED)

/* Whoever got past the socket's uid check may do all of this. */
static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("InjectFault", "ss", "u", control_inject_fault),
        METHOD("ReleaseFault", "u", "", control_release_fault),
        METHOD("Plug", "ss", "", control_plug),
        METHOD("Unplug", "s", "", control_unplug),
        METHOD("OpenVf", "sus", "", control_open_vf),
        METHOD("CloseVf", "su", "", control_close_vf),
        METHOD("Use", "suss", "", control_use),
        METHOD("Unuse", "sus", "", control_unuse),
        METHOD("Harmed", "", "t", control_harmed),
        METHOD("SetVfAttr", "suss", "", control_set_vf_attr),
        METHOD("SetNumVfs", "su", "", control_set_num_vfs),
        METHOD("BindVf", "sus", "", control_bind_vf),
        METHOD("RenameNetdev", "sus", "", control_rename_netdev),
        METHOD("SetLink", "ss", "", control_set_link),
        METHOD("ReloadDriver", "s", "", control_reload_driver),
        METHOD("Writes", "s", "t", control_writes),
        METHOD("WriteLog", "", "as", control_write_log),
        METHOD("Devices", "", "a(ss)", control_devices),
        METHOD("Config", "s", "s", control_config),
        METHOD("Send", "ssasu", "t", control_send),
        METHOD("Trace", "ssas", "ss", control_trace),
        METHOD("Capture", "ssht", "u", control_capture),
        METHOD("EndCapture", "u", "t", control_end_capture),
        METHOD("Capturing", "u", "b", control_capturing),
        METHOD("Stats", "s", "ss", control_stats),
        METHOD("Ask", "suss", "", control_ask),
        SD_BUS_VTABLE_END,
};

int control_add(sd_bus *bus, void *machine)
{
        int r = sd_bus_add_object_vtable(bus, NULL, SIM_PATH, SIM_INTERFACE, vtable, machine);

        return r < 0 ? r : 0;
}
