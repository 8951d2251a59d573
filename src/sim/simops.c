/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam's table over the simulated kernel: faults strike here, errnos get their words, and what
 * was written is read back. Worker threads, but next_event on the loop.
 */
#include <stdio.h>

#include "model/advice.h"
#include "sim/address.h"
#include "sim/kernel.h"
#include "sim/simops.h"
#include "sim/uses.h"
#include "sim/wiring.h"

/* One step on its way. */
struct call {
        struct machine *m;
        struct sim_pf *pf;
        uint32_t generation;
        const struct step *step;
        struct machine_strike strike;
};

/* ---- what the errnos mean ----------------------------------------------------------------------
 */

static int gone(const struct dev_id *id, struct fault *f)
{
        return fault_set(f, FAULT_GONE, ENODEV, "no PF at %s: it was removed", dev_id_address(id));
}

static bool still_there(const struct call *c)
{
        return c->pf->present && c->pf->generation == c->generation;
}

/* Whose refusal it is, and what is known of him. */
static struct advice_case case_of(const struct call *c)
{
        const struct step *step = c->step;
        struct advice_case ret = {.kind = step->kind, .value = step->value};
        const char *driver = c->pf->driver;

        if (step->kind == STEP_BIND)
                driver = step->name;
        else if (step->kind == STEP_UNBIND)
                driver = c->pf->vfs[step->vf].driver;
        else if (step->kind == STEP_PROBE)
                driver = c->pf->vfs[step->vf].driver_override;
        snprintf(ret.driver, sizeof(ret.driver), "%s", driver);
        ret.num_vfs = c->pf->num_vfs;
        ret.link_down = kernel_has_netdev(c->pf) && !kernel_link_up(c->pf);
        return ret;
}

static int explain(const struct call *c, int r, struct fault *f)
{
        struct advice_case advice;
        char what[160];

        if (!still_there(c))
                return gone(&c->pf->id, f);
        advice = case_of(c);
        step_describe(c->step, what, sizeof(what));
        return advice_fault(f, &advice, -r, "PF %s: %s", dev_id_address(&c->pf->id), what);
}

/* ---- steps -------------------------------------------------------------------------------------
 */

static uint32_t count_vfs(const struct sim_pf *pf)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < pf->hw_total_vfs; i++)
                n += pf->vfs[i].exists && !pf->vfs[i].dying;
        return n;
}

static struct sim_vf *vf_of(const struct call *c)
{
        return &c->pf->vfs[c->step->vf];
}

/* Does it: a negative errno as the kernel's. */
static int act(const struct call *c)
{
        const struct step *step = c->step;
        struct machine *m = c->m;
        struct sim_pf *pf = c->pf;
        unsigned flags = step->force ? KERNEL_FORCE : 0;
        int r;

        switch (step->kind) {
        case STEP_SET_NUMVFS:
                return kernel_set_numvfs(m, pf, step->value, c->strike.count, flags);
        case STEP_SET_AUTOPROBE:
                pf->autoprobe = step->value;
                machine_touch(m, pf);
                return 0;
        case STEP_SET_VF:
                return kernel_set_vf(m, pf, step->vf, step->setting, &step->attrs);
        case STEP_UNBIND: /* of a device that is on no driver: done */
                return vf_of(c)->driver[0] ? kernel_unbind(m, pf, step->vf, flags) : 0;
        case STEP_BIND:
                if (streq(vf_of(c)->driver, step->name))
                        return 0;
                return vf_of(c)->driver[0] ? -EBUSY : kernel_bind(m, pf, step->vf, step->name);
        case STEP_PROBE:
                return vf_of(c)->driver[0] ? 0 : kernel_probe(m, pf, step->vf);
        case STEP_SET_OVERRIDE:
        case STEP_CLEAR_OVERRIDE:
                r = str_copy(vf_of(c)->driver_override, DRIVER_MAX,
                        step->kind == STEP_SET_OVERRIDE ? step->name : "");
                machine_touch(m, pf);
                return r;
        case STEP_RESET:
                return kernel_reset(m, pf, step->vf, flags);
        case STEP_SET_MSIX:
                return kernel_set_msix(m, pf, step->vf, step->value);
        case STEP_SET_ESWITCH:
                return kernel_set_eswitch(m, pf, step->name);
        case STEP_SET_MTU:
                return kernel_set_mtu(m, pf, step->value);
        case STEP_LINK_UP:
                pf->admin_up = true;
                wiring_set_link(m, pf);
                machine_touch(m, pf);
                return 0;
        case STEP_SET_ACCESS:
                return kernel_set_access(m, pf, step->vf, step->value);
        case STEP_MAX:
                break;
        }
        return -ENOSYS;
}

static int not_applied(const struct call *c, const char *now, struct fault *f)
{
        char what[160];

        step_describe(c->step, what, sizeof(what));
        return fault_set(f, FAULT_NOT_APPLIED, 0, "PF %s: %s was accepted and reads back as %s",
                dev_id_address(&c->pf->id), what, now[0] ? now : "nothing");
}

static int check_count(const struct call *c, struct fault *f)
{
        uint32_t now = count_vfs(c->pf);
        struct advice_case advice;
        char text[32];

        if (now == c->step->value)
                return 0;
        snprintf(text, sizeof(text), "%u VFs", now);
        if (now > c->step->value)
                return not_applied(c, text, f);
        advice = case_of(c);
        return advice_fault(f, &advice, ADVICE_SHORT, "asked PF %s for %u VFs and %u came",
                dev_id_address(&c->pf->id), c->step->value, now);
}

static int check_attrs(const struct call *c, struct fault *f)
{
        const struct vf_attrs *now = &vf_of(c)->attrs;
        uint32_t differ = vf_attrs_differ(&c->step->attrs, now);
        char value[VF_ATTR_STR_MAX], text[64];

        for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                if (differ & BIT(i)) {
                        vf_attrs_format(now, i, value);
                        snprintf(text, sizeof(text), "%s %s", vf_attr_table[i].name, value);
                        return not_applied(c, text, f);
                }
        return 0;
}

/* Success means that it can be seen. */
static int check(const struct call *c, struct fault *f)
{
        const struct step *step = c->step;
        const struct sim_pf *pf = c->pf;
        const char *wanted = step->name, *now = wanted;
        char number[16];

        switch (step->kind) {
        case STEP_SET_NUMVFS:
                return check_count(c, f);
        case STEP_SET_VF:
                return check_attrs(c, f);
        case STEP_UNBIND:
                wanted = "";
                now = vf_of(c)->driver;
                break;
        case STEP_BIND:
                now = vf_of(c)->driver;
                break;
        case STEP_SET_OVERRIDE:
        case STEP_CLEAR_OVERRIDE:
                wanted = step->kind == STEP_SET_OVERRIDE ? step->name : "";
                now = vf_of(c)->driver_override;
                break;
        case STEP_SET_ESWITCH:
                now = pf->eswitch;
                break;
        case STEP_SET_AUTOPROBE:
        case STEP_SET_MTU:
                if (step->value == (step->kind == STEP_SET_MTU ? pf->mtu : pf->autoprobe))
                        return 0;
                snprintf(number, sizeof(number), "%u",
                        step->kind == STEP_SET_MTU ? pf->mtu : pf->autoprobe);
                return not_applied(c, number, f);
        case STEP_LINK_UP:
                return pf->admin_up ? 0 : not_applied(c, "down", f);
        case STEP_PROBE: /* on none: the kernel has none for it */
        case STEP_RESET:
        case STEP_SET_MSIX: /* write-only */
        case STEP_SET_ACCESS:
        case STEP_MAX:
                return 0;
        }
        return streq(wanted, now) ? 0 : not_applied(c, now, f);
}

/* What the step needs is there: the VF, a netdev for netlink. */
static int check_target(const struct call *c, struct fault *f)
{
        const struct step *step = c->step;
        const struct sim_pf *pf = c->pf;
        bool netlink = step->kind == STEP_SET_VF || step->kind == STEP_SET_MTU ||
                       step->kind == STEP_LINK_UP;
        uint32_t n = count_vfs(pf);

        if (step->vf != NO_VF && (step->vf >= pf->hw_total_vfs || !pf->vfs[step->vf].exists ||
                                         pf->vfs[step->vf].dying))
                return fault_set(f, FAULT_NOT_FOUND, 0, "%s of VF %u refused: %s has %u VFs%s",
                        step_kind_name(step->kind), step->vf, dev_id_address(&pf->id), n,
                        n > 0 ? ", numbered from 0" : "");
        if (netlink && !kernel_has_netdev(pf))
                return fault_set(f, pf->driver[0] ? FAULT_NOT_SUPPORTED : FAULT_NO_DRIVER, 0,
                        "PF %s has no netdev (driver: %s): it can not be configured here",
                        dev_id_address(&pf->id), pf->driver[0] ? pf->driver : "none");
        return 0;
}

/* The faults that come before the deed. */
static int suffer(struct call *c, struct fault *f)
{
        if (c->strike.vanish)
                machine_unplug(c->m, c->pf);
        if (c->strike.delay_ms > 0)
                machine_sleep(c->m, (uint64_t) c->strike.delay_ms * 1000);
        while (c->strike.hang && machine_fault_exists(c->m, c->strike.hang) && still_there(c))
                machine_wait(c->m);
        if (!still_there(c))
                return gone(&c->pf->id, f);
        return c->strike.error ? explain(c, -c->strike.error, f) : 0;
}

/* What the deed will lock is somebody else's at the moment. */
static bool is_locked(const struct call *c)
{
        if (c->step->vf != NO_VF)
                return vf_of(c)->locked;
        return c->pf->locked || (c->m->rescan_locked && c->pf->num_vfs > 0);
}

/*
 * The last look before a deed that takes VFs away. It waits first for what the deed would wait for,
 * so that between the two the machine is never unlocked: whoever comes is seen, or comes too late.
 * (With the kernel's latency the deed itself takes time, and as in Linux a VF can still be opened
 * while its neighbours are being removed.)
 */
static int guard(const struct call *c, struct fault *f)
{
        _cleanup_(freep) struct holder *holders = NULL;
        size_t n;
        int r;

        if (!step_destructive(c->step) || c->step->force)
                return 0;
        while (still_there(c) && is_locked(c))
                machine_wait(c->m);
        if (!still_there(c))
                return gone(&c->pf->id, f);
        r = check_target(c, f);
        if (r < 0)
                return r;
        if (machine_holders(c->m, c->pf, c->step->vf, &holders, &n) < 0)
                return fault_set(f, FAULT_NO_RESOURCES, ENOMEM, "out of memory");
        return step_refuse_held(c->step, &c->pf->id, holders, n, f);
}

static int sim_step(
        void *backend, const struct pf_ref *ref, const struct step *step, struct fault *f)
{
        _cleanup_(machine_unlockp) struct machine *m = NULL;
        struct call c = {.step = step};
        char what[160];
        int r;

        r = step_check(step, f);
        if (r < 0)
                return r;
        m = machine_lock(backend);
        c.m = m;
        c.pf = machine_find(m, ref->id.str);
        if (!c.pf)
                return gone(&ref->id, f);
        if (c.pf->profile->vendor_id != ref->vendor_id ||
                c.pf->profile->device_id != ref->device_id)
                return fault_set(f, FAULT_GONE, ENODEV,
                        "%s is now %04x:%04x, and %04x:%04x was meant: another card is in its slot",
                        dev_id_address(&ref->id), c.pf->profile->vendor_id,
                        c.pf->profile->device_id, ref->vendor_id, ref->device_id);
        c.generation = c.pf->generation;
        r = check_target(&c, f);
        if (r < 0)
                return r;
        c.pf->writes++;
        step_describe(step, what, sizeof(what));
        machine_log(m, "%s %s", c.pf->id.str, what);
        c.strike = machine_strike(
                m, c.pf, step->kind, step->vf, step->kind == STEP_SET_VF ? &step->attrs : NULL);
        r = suffer(&c, f);
        if (r == 0)
                r = check_target(&c, f); /* once more, after the wait */
        if (r == 0)
                r = guard(&c, f);
        if (r < 0)
                return r;
        r = c.strike.ignore ? 0 : act(&c);
        if (r < 0)
                return explain(&c, r, f);
        return still_there(&c) ? check(&c, f) : gone(&c.pf->id, f);
}

/* ---- readings ----------------------------------------------------------------------------------
 */

static void read_stats(struct machine *m, struct sim_pf *pf, uint32_t i, struct vf_facts *ret)
{
        struct pool_stats s;

        ret->stats_known = wiring_vf_stats(m, pf, i, &s);
        if (!ret->stats_known)
                return;
        ret->stats[VF_STAT_RX_PACKETS] = s.rx_packets;
        ret->stats[VF_STAT_TX_PACKETS] = s.tx_packets;
        ret->stats[VF_STAT_RX_BYTES] = s.rx_bytes;
        ret->stats[VF_STAT_TX_BYTES] = s.tx_bytes;
        ret->stats[VF_STAT_BROADCAST] = s.rx_broadcast;
        ret->stats[VF_STAT_MULTICAST] = s.rx_multicast;
        ret->stats[VF_STAT_RX_DROPPED] = s.drops[DROP_NO_DESCRIPTOR] + s.drops[DROP_RX_FAULT];
        ret->stats[VF_STAT_TX_DROPPED] = s.spoofed + s.drops[DROP_MALICIOUS];
}

static void read_vf(
        struct machine *m, struct sim_pf *pf, uint32_t i, bool answers, struct vf_facts *ret)
{
        const struct sim_vf *vf = &pf->vfs[i];
        struct bdf address;

        vf_facts_init(ret, i);
        sim_vf_address(&pf->address, pf->profile, i, &address);
        format_bdf(ret->address, &address);
        memcpy(ret->driver, vf->driver, sizeof(ret->driver));
        memcpy(ret->driver_override, vf->driver_override, sizeof(ret->driver_override));
        if (!sim_vf_netdev_away(vf))
                memcpy(ret->netdev, vf->netdev, sizeof(ret->netdev));
        snprintf(ret->reset_methods, sizeof(ret->reset_methods), "%s", pf->profile->vf_resets);
        ret->iommu_group = machine_group_of(m, pf, i);
        ret->enable = vf->guest[0] || (vf->driver[0] && !sim_driver_manages_dma(vf->driver));
        ret->access_uid = vf->access_uid;
        if (!answers || machine_omits(m, pf, i))
                return;
        ret->attrs_known = true;
        ret->attrs = vf->attrs;
        read_stats(m, pf, i, ret);
}

static void read_netdev(const struct sim_pf *pf, struct pf_facts *ret)
{
        memcpy(ret->netdevs[0], pf->netdev, sizeof(ret->netdevs[0]));
        ret->n_netdevs = 1;
        ret->mtu = (int32_t) pf->mtu;
        ret->admin_up = pf->admin_up;
        snprintf(
                ret->link_state, sizeof(ret->link_state), "%s", kernel_link_up(pf) ? "up" : "down");
        ret->has_mac = true;
        ret->mac = pf->mac;
        format_mac(ret->permanent_mac, &pf->mac);
        snprintf(ret->eswitch_mode, sizeof(ret->eswitch_mode), "%s", pf->eswitch);
}

/* From the root bus, without the bus numbers below it. */
static void read_path(const struct machine *m, size_t node, char path[static PCI_PATH_MAX])
{
        const struct pci_node *n = &m->nodes[node];
        size_t at;

        if (n->parent < 0) {
                format_bdf(path, &n->address);
                return;
        }
        read_path(m, (size_t) n->parent, path);
        at = strlen(path);
        snprintf(path + at, PCI_PATH_MAX - at, "/%02x.%u", n->address.devfn >> 3,
                n->address.devfn & 7u);
}

static void read_pf(struct machine *m, struct sim_pf *pf, struct pf_facts *ret)
{
        const struct sim_profile *p = pf->profile;

        pf_facts_init(ret, &pf->id);
        memcpy(ret->driver, pf->driver, sizeof(ret->driver));
        memcpy(ret->driver_override, pf->driver_override, sizeof(ret->driver_override));
        ret->pci_class = p->pci_class;
        ret->vendor_id = p->vendor_id;
        ret->device_id = p->device_id;
        ret->vf_device_id = p->vf_device_id;
        snprintf(ret->vendor, sizeof(ret->vendor), "%s", p->vendor);
        snprintf(ret->device, sizeof(ret->device), "%s", p->device);
        ret->total_vfs = pf->driver[0] ? pf->total_vfs : pf->hw_total_vfs;
        ret->offset = p->offset;
        ret->stride = p->stride;
        ret->autoprobe = pf->autoprobe;
        ret->vf_total_msix = pf->driver[0] ? (int32_t) p->vf_total_msix : 0;
        ret->numa_node = pf->numa_node;
        ret->iommu_group = machine_group_of(m, pf, NO_VF);
        read_path(m, pf->node, ret->path);
        memcpy(ret->slot, pf->slot, sizeof(ret->slot));
        snprintf(ret->reset_methods, sizeof(ret->reset_methods), "%s", p->pf_resets);
        if (kernel_has_netdev(pf))
                read_netdev(pf, ret);
}

static int sim_observe(
        void *backend, const struct dev_id *id, struct pf_facts *ret, struct fault *f)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(backend);
        struct call c = {.m = m, .pf = machine_find(m, id->str)};
        _cleanup_(freep) struct vf_facts *vfs = NULL;
        uint32_t n;

        if (!c.pf)
                return gone(id, f);
        c.generation = c.pf->generation;
        c.strike = machine_strike(m, c.pf, SIM_OP_OBSERVE, NO_VF, NULL);
        if (c.strike.error)
                return fault_set(f, fault_code_of_errno(c.strike.error), c.strike.error,
                        "PF %s could not be read: %s", dev_id_address(id),
                        strerrordesc_np(c.strike.error) ?: "unknown error");
        if (suffer(&c, f) < 0)
                return gone(id, f);
        n = count_vfs(c.pf);
        if (n > 0) {
                vfs = calloc(n, sizeof(*vfs));
                if (!vfs)
                        return fault_set(f, FAULT_NO_RESOURCES, ENOMEM, "out of memory");
        }
        read_pf(m, c.pf, ret);
        for (uint32_t i = 0; i < c.pf->hw_total_vfs; i++)
                if (c.pf->vfs[i].exists && !c.pf->vfs[i].dying)
                        read_vf(m, c.pf, i, kernel_has_netdev(c.pf), &vfs[ret->n_vfs++]);
        ret->num_vfs = n;
        ret->vfs = TAKE_PTR(vfs);
        return 0;
}

static int compare_ids(const void *a, const void *b)
{
        return strcmp(((const struct dev_id *) a)->str, ((const struct dev_id *) b)->str);
}

static int sim_list(void *backend, struct dev_id **ret, size_t *ret_n, struct fault *f)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(backend);
        struct dev_id *ids = calloc(m->n_pfs + 1, sizeof(*ids));
        size_t n = 0;

        if (!ids)
                return fault_set(f, FAULT_NO_RESOURCES, ENOMEM, "out of memory");
        for (size_t i = 0; i < m->n_pfs; i++)
                if (m->pfs[i].present)
                        ids[n++] = m->pfs[i].id;
        qsort(ids, n, sizeof(*ids), compare_ids);
        *ret = ids;
        *ret_n = n;
        return 0;
}

static int sim_groups(void *backend, struct groups *ret, struct fault *f)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(backend);

        if (machine_groups(m, ret) < 0)
                return fault_set(f, FAULT_NO_RESOURCES, ENOMEM, "out of memory");
        return 0;
}

static int sim_holders(void *backend, const struct dev_id *id, uint32_t vf, struct holder **ret,
        size_t *ret_n, struct fault *f)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(backend);
        struct sim_pf *pf = machine_find(m, id->str);

        if (!pf)
                return gone(id, f);
        if (machine_holders(m, pf, vf, ret, ret_n) < 0)
                return fault_set(f, FAULT_NO_RESOURCES, ENOMEM, "out of memory");
        return 0;
}

static int sim_event_fd(void *backend)
{
        return ((const struct machine *) backend)->event_fd;
}

static int sim_next_event(void *backend, struct dev_id *ret_pf)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(backend);

        return machine_next_event(m, ret_pf);
}

const struct backend_ops sim_backend_ops = {
        .name = "sim",
        .list = sim_list,
        .observe = sim_observe,
        .groups = sim_groups,
        .step = sim_step,
        .holders = sim_holders,
        .event_fd = sim_event_fd,
        .next_event = sim_next_event,
};
