/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods by which the host's own programs use VFs and PFs. Loop thread; never waits. */
#include "sim/control_private.h"
#include "sim/uses.h"

static const char *why_not(int r)
{
        switch (-r) {
        case EINVAL:
                return "expected netns, master, upper, address, route, rdma or mount for a VF, "
                       "route for a PF";
        case ENODEV:
                return "it has nothing that could be used so: a network card's VF on its host "
                       "driver has a netdev and an RDMA device, a storage card's a block device";
        case EEXIST:
                return "it is used so already";
        }
        return strerror(-r);
}

int control_use(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name, *kind, *by;
        struct sim_pf *pf;
        struct fault f;
        uint32_t vf;
        int r;

        r = sd_bus_message_read(msg, "suss", &name, &vf, &kind, &by);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = control_vf(m, name, vf, true, &pf, error);
        if (r < 0)
                return r;
        r = machine_use(m, pf, vf, kind, by);
        if (r == 0)
                return sd_bus_reply_method_return(msg, NULL);
        fault_set(&f, r == -EINVAL ? FAULT_INVALID_ARGS : FAULT_NOT_SUPPORTED, -r,
                "use '%s' of %s refused: %s", kind, name, why_not(r));
        return control_fault(error, &f);
}

int control_unuse(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        const char *name, *kind;
        struct sim_pf *pf;
        struct fault f;
        uint32_t vf;
        int r;

        r = sd_bus_message_read(msg, "sus", &name, &vf, &kind);
        if (r < 0)
                return r;
        m = machine_lock(userdata);
        r = control_pf(m, name, &pf, error);
        if (r < 0)
                return r;
        if (machine_unuse(m, pf, vf, kind) == 0)
                return sd_bus_reply_method_return(msg, NULL);
        fault_set(&f, FAULT_NOT_FOUND, 0, "nobody uses it so (%s) on %s", kind, name);
        return control_fault(error, &f);
}

int control_harmed(sd_bus_message *msg, void *userdata, sd_bus_error *error)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(userdata);

        (void) error;
        return sd_bus_reply_method_return(msg, "t", m->harmed);
}
