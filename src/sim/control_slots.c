/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods about faults, slots and what is on the bus. Loop thread; never waits under the lock. */
#include <stdio.h>

#include "sim/control_private.h"
#include "sim/kernel.h"
#include "sim/wiring.h"

/* ---- faults and slots --------------------------------------------------------------------------
 */

int control_inject_fault(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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
                return control_fault(error, &f);
        m = machine_lock(userdata);
        r = control_pf(m, name, &pf, error);
        if (r < 0)
                return r;
        r = machine_inject(m, pf, &fault, &id);
        if (r == -ENOTCONN) {
                fault_set(&f, FAULT_NOT_FOUND, 0, "nobody has VF %u of %s open", fault.vf, name);
                return control_fault(error, &f);
        }
        if (r < 0)
                return r;
        machine_touch(m, pf); /* what is left out of readings is left out now */
        return sd_bus_reply_method_return(msg, "u", id);
}

int control_release_fault(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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
                return control_fault(error, &f);
        }
        for (size_t i = 0; i < m->n_pfs; i++)
                machine_touch(m, &m->pfs[i]);
        return sd_bus_reply_method_return(msg, NULL);
}

int control_plug(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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
        pf = control_slot(m, name);
        if (kind[0] != '\0')
                profile = sim_profile_find(kind);
        if (!pf || (kind[0] != '\0' && !profile)) {
                fault_set(&f, FAULT_NOT_FOUND, 0,
                        pf ? "no profile '%s'; see sriov-sim profiles"
                           : "no slot '%s' in this topology; expected the address of a PF",
                        pf ? kind : name);
                return control_fault(error, &f);
        }
        r = machine_plug(m, pf, profile);
        if (r == -EEXIST || r == -EINVAL) {
                fault_set(&f, FAULT_INVALID_ARGS, -r,
                        r == -EEXIST ? "a card is in the slot of '%s': unplug it first"
                                     : "the VFs of such a card do not fit into the slot of '%s'",
                        name);
                return control_fault(error, &f);
        }
        return r < 0 ? r : sd_bus_reply_method_return(msg, NULL);
}

int control_unplug(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(userdata);
        struct sim_pf *pf;
        int r;

        r = control_read_pf(msg, m, &pf, error);
        if (r < 0)
                return r;
        machine_unplug(m, pf);
        return sd_bus_reply_method_return(msg, NULL);
}

int control_reload_driver(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(userdata);
        struct sim_pf *pf;
        int r;

        r = control_read_pf(msg, m, &pf, error);
        if (r < 0)
                return r;
        /* rmmod would wait for these with the loop. */
        for (uint32_t i = 0; i < pf->hw_total_vfs; i++)
                if (pf->vfs[i].guest[0] != '\0' || pf->vfs[i].locked)
                        r = -EWOULDBLOCK;
        if (pf->locked || m->rescan_locked)
                r = -EWOULDBLOCK;
        if (r < 0)
                return control_errno(error, r, "reload of driver %s of %s", pf->driver, pf->id.str);
        kernel_detach_pf(m, pf);
        kernel_attach_pf(m, pf);
        return sd_bus_reply_method_return(msg, NULL);
}

int control_writes(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(userdata);
        struct sim_pf *pf;
        int r;

        r = control_read_pf(msg, m, &pf, error);
        return r < 0 ? r : sd_bus_reply_method_return(msg, "t", pf->writes);
}

/* The machine's last lines about steps, oldest first. */
int control_write_log(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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

int control_devices(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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

int control_config(sd_bus_message *msg, void *userdata, sd_bus_error *error)
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
                return control_fault(error, &f);
        }
        file = open_memstream(&text, &size);
        if (!file)
                return -errno;
        cfgspace_print(file, &address, title, &cfg);
        if (fclose(file) != 0)
                return -ENOMEM;
        return sd_bus_reply_method_return(msg, "s", text);
}
