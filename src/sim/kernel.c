/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux's part of the machine: drivers, counts, holders. Any thread, machine locked. */
#include <stdio.h>

#include "sim/address.h"
#include "sim/kernel_private.h"
#include "sim/uses.h"
#include "sim/wiring.h"

#define ENABLE_USEC    100000u  /* iov.c sriov_enable(): msleep(100) */
#define DISABLE_USEC   1000000u /* iov.c sriov_disable(): ssleep(1) */
#define REMOVE_USEC_VF 30000u
#define PROBE_USEC     20000u

/* ---- the PF's driver ---------------------------------------------------------------------------
 */

bool kernel_has_netdev(const struct sim_pf *pf)
{
        return pf->profile->netdev && pf->driver[0] != '\0';
}

bool kernel_link_up(const struct sim_pf *pf)
{
        return pf->link && pf->admin_up;
}

/* The serial number as network cards make it: ff:fe in the middle of the MAC. */
static uint64_t eui64(const struct mac *mac)
{
        const uint8_t b[8] = {
                mac->b[0], mac->b[1], mac->b[2], 0xff, 0xfe, mac->b[3], mac->b[4], mac->b[5]};
        uint64_t v = 0;

        for (size_t i = 0; i < sizeof(b); i++)
                v = v << 8 | b[i];
        return v;
}

static void fill_config(struct machine *m, struct sim_pf *pf)
{
        const struct sim_profile *p = pf->profile;
        uint64_t slot = pf->node;
        bool multifunction = false;
        uint8_t next = 0;

        for (size_t i = 0; i < m->n_nodes; i++) {
                const struct bdf *a = &m->nodes[i].address;

                if (a->domain != pf->address.domain || a->bus != pf->address.bus ||
                        a->devfn >> 3 != pf->address.devfn >> 3 || i == pf->node)
                        continue;
                multifunction = true;
                if (a->devfn > pf->address.devfn && (next == 0 || a->devfn < next))
                        next = a->devfn;
        }
        cfgspace_pf(&pf->cfg,
                &(struct cfg_function){
                        .pci_class = p->pci_class,
                        .vendor_id = p->vendor_id,
                        .device_id = p->device_id,
                        .function = pf->address.devfn,
                        .next_function = next,
                        .msix = p->pf_msix,
                        .bar_size = p->bar_size,
                        .bar = 0xc0000000u + (slot << 21),
                        .serial = p->netdev ? eui64(&pf->mac) : 0,
                        .multifunction = multifunction,
                        .enabled = true,
                },
                &(struct cfg_sriov){
                        .total_vfs = (uint16_t) pf->hw_total_vfs,
                        .offset = p->offset,
                        .stride = p->stride,
                        .vf_device_id = p->vf_device_id,
                        .vf_bar = 0x1000000000u + (slot << 32),
                });
}

void kernel_attach_pf(struct machine *m, struct sim_pf *pf)
{
        const struct sim_profile *p = pf->profile;

        snprintf(pf->driver, sizeof(pf->driver), "%s", p->driver);
        snprintf(pf->eswitch, sizeof(pf->eswitch), "%s", p->eswitch ? "legacy" : "");
        if (p->netdev)
                sim_name_netdev(&pf->address, pf->netdev, &pf->mac);
        fill_config(m, pf);
        wiring_attach(m, pf);
        machine_touch(m, pf);
}

/* The registers that sriov_enable() and sriov_disable() write. */
static void write_sriov(struct sim_pf *pf, uint32_t count)
{
        uint32_t on = SRIOV_CTRL_VFE | SRIOV_CTRL_MSE;
        uint32_t ctrl = cfgspace_read(&pf->cfg, CFG_SRIOV + SRIOV_CTRL, 2) & ~on;

        cfgspace_write(&pf->cfg, CFG_SRIOV + SRIOV_CTRL, 2, ctrl);
        cfgspace_write(&pf->cfg, CFG_SRIOV + SRIOV_NUM_VF, 2, count);
        if (count > 0)
                cfgspace_write(&pf->cfg, CFG_SRIOV + SRIOV_CTRL, 2, ctrl | on);
}

static void forget_vf(struct sim_vf *vf)
{
        *vf = (struct sim_vf){.group = vf->group, .locked = vf->locked, .access_uid = -1};
}

void kernel_detach_pf(struct machine *m, struct sim_pf *pf)
{
        wiring_detach(m, pf);
        for (uint32_t i = 0; i < pf->hw_total_vfs; i++)
                forget_vf(&pf->vfs[i]);
        pf->num_vfs = 0;
        pf->uses.n = 0;
        pf->driver[0] = '\0';
        pf->eswitch[0] = '\0';
        write_sriov(pf, 0);
        machine_touch(m, pf);
        machine_changed(m);
}

/* ---- locks, given up when the card goes --------------------------------------------------------
 */

bool kernel_still_there(const struct sim_pf *pf, uint32_t generation)
{
        return pf->present && pf->generation == generation;
}

static int lock_pf(struct machine *m, struct sim_pf *pf, unsigned flags)
{
        uint32_t generation = pf->generation;

        while (pf->locked) {
                if (flags & KERNEL_NOWAIT)
                        return -EWOULDBLOCK;
                machine_wait(m);
        }
        if (!kernel_still_there(pf, generation))
                return -ENODEV;
        pf->locked = true;
        return 0;
}

static void unlock_pf(struct machine *m, struct sim_pf *pf)
{
        pf->locked = false;
        machine_changed(m);
}

static int lock_rescan(struct machine *m, unsigned flags)
{
        while (m->rescan_locked) {
                if (flags & KERNEL_NOWAIT)
                        return -EWOULDBLOCK;
                machine_wait(m);
        }
        m->rescan_locked = true;
        return 0;
}

static void unlock_rescan(struct machine *m)
{
        m->rescan_locked = false;
        machine_changed(m);
}

int kernel_lock_vf(struct machine *m, struct sim_pf *pf, uint32_t vf, unsigned flags)
{
        uint32_t generation = pf->generation;

        while (kernel_still_there(pf, generation) && pf->vfs[vf].locked) {
                if (flags & KERNEL_NOWAIT)
                        return -EWOULDBLOCK;
                machine_wait(m);
        }
        if (!kernel_still_there(pf, generation) || !pf->vfs[vf].exists)
                return -ENODEV;
        pf->vfs[vf].locked = true;
        return 0;
}

void kernel_unlock_vf(struct machine *m, struct sim_pf *pf, uint32_t vf, uint32_t generation)
{
        if (pf->generation == generation)
                pf->vfs[vf].locked = false;
        machine_changed(m);
}

/* ---- drivers of VFs ----------------------------------------------------------------------------
 */

bool kernel_group_open(struct machine *m, struct sim_pf *pf, uint32_t vf)
{
        int32_t id = machine_group_of(m, pf, vf);

        if (id < 0 || pci_vf_isolated(m->nodes, pf->node))
                return id >= 0 && pf->vfs[vf].guest[0] != '\0';
        for (size_t i = 0; i < m->n_pfs; i++)
                for (uint32_t k = 0; m->pfs[i].present && k < m->pfs[i].hw_total_vfs; k++)
                        if (m->pfs[i].vfs[k].guest[0] != '\0' &&
                                machine_group_of(m, &m->pfs[i], k) == id)
                                return true;
        return false;
}

bool kernel_group_viable(struct machine *m, struct sim_pf *pf, uint32_t vf)
{
        int32_t id = machine_group_of(m, pf, vf);

        if (pci_vf_isolated(m->nodes, pf->node))
                return true;
        for (size_t i = 0; i < m->n_pfs; i++) {
                struct sim_pf *other = &m->pfs[i];

                if (!other->present)
                        continue;
                if (other->driver[0] != '\0' && machine_group_of(m, other, NO_VF) == id)
                        return false;
                for (uint32_t k = 0; k < other->hw_total_vfs; k++)
                        if (other->vfs[k].driver[0] != '\0' &&
                                !sim_driver_manages_dma(other->vfs[k].driver) &&
                                machine_group_of(m, other, k) == id)
                                return false;
        }
        return true;
}

/* The driver's probe function, its match settled. */
static int probe(struct machine *m, struct sim_pf *pf, uint32_t index, const char *driver)
{
        struct sim_vf *vf = &pf->vfs[index];
        size_t n;

        if (streq(driver, "vfio-pci") && !m->iommu)
                return -EINVAL;
        if (!sim_driver_manages_dma(driver)) {
                if (!streq(driver, pf->profile->vf_driver))
                        return -ENODEV;
                if (kernel_group_open(m, pf, index))
                        return -EBUSY;
        }
        snprintf(vf->driver, sizeof(vf->driver), "%s", driver);
        if (pf->profile->netdev && !sim_driver_manages_dma(driver)) {
                char name[NETDEV_MAX + 16];

                n = (size_t) snprintf(name, sizeof(name), "%sv%u", pf->netdev, index);
                if (n >= sizeof(vf->netdev)) /* udev gives up, the kernel's name stays */
                        snprintf(name, sizeof(name), "eth%u", m->next_eth++ % 1000000u);
                memcpy(vf->netdev, name, sizeof(vf->netdev));
                wiring_probed(m, pf, index);
        }
        return 0;
}

/* pci_match_device(): the override alone, or the driver's own id table. */
static bool matches(const struct sim_pf *pf, const struct sim_vf *vf, const char *driver)
{
        return streq(vf->driver_override[0] ? vf->driver_override : pf->profile->vf_driver, driver);
}

/* pci_device_can_probe(). */
static bool can_probe(const struct sim_pf *pf, const struct sim_vf *vf)
{
        return pf->autoprobe || vf->driver_override[0] != '\0';
}

int kernel_bind(struct machine *m, struct sim_pf *pf, uint32_t index, const char *driver)
{
        uint32_t generation = pf->generation;
        struct sim_vf *vf;
        int r;

        if (!sim_driver_known(driver))
                return -ENOENT;
        r = kernel_lock_vf(m, pf, index, 0);
        if (r < 0)
                return r;
        machine_latency(m, PROBE_USEC);
        vf = &pf->vfs[index];
        if (!kernel_still_there(pf, generation))
                return -ENODEV;
        if (!matches(pf, vf, driver))
                r = -ENODEV;
        else if (vf->driver[0] != '\0')
                r = -EBUSY;
        else
                r = can_probe(pf, vf) ? probe(m, pf, index, driver) : -ENODEV;
        kernel_unlock_vf(m, pf, index, generation);
        machine_touch(m, pf);
        return r;
}

/* device_attach(): by the one driver that matches, if there is one. */
static int probe_any(struct machine *m, struct sim_pf *pf, uint32_t index)
{
        const struct sim_vf *vf = &pf->vfs[index];
        const char *driver = vf->driver_override[0] ? vf->driver_override : pf->profile->vf_driver;

        if (vf->driver[0] != '\0' || !sim_driver_known(driver))
                return 0;
        return probe(m, pf, index, driver);
}

int kernel_probe(struct machine *m, struct sim_pf *pf, uint32_t index)
{
        uint32_t generation = pf->generation;
        struct sim_vf *vf;
        int r;

        r = kernel_lock_vf(m, pf, index, 0);
        if (r < 0)
                return r;
        machine_latency(m, PROBE_USEC);
        vf = &pf->vfs[index];
        if (!kernel_still_there(pf, generation))
                return -ENODEV;
        r = can_probe(pf, vf) ? probe_any(m, pf, index) : -ENODEV;
        kernel_unlock_vf(m, pf, index, generation);
        machine_touch(m, pf);
        return r;
}

void kernel_count_harm(struct machine *m, const struct sim_vf *vf, unsigned flags)
{
        if (sim_vf_used(vf) && !(flags & (KERNEL_FORCE | KERNEL_NOWAIT)))
                m->harmed++;
}

/* The driver's remove function: vfio's waits until its user has closed the device; everybody else
 * is not asked. */
static int release_vf(
        struct machine *m, struct sim_pf *pf, uint32_t index, uint32_t generation, unsigned flags)
{
        struct sim_vf *vf = &pf->vfs[index];

        kernel_count_harm(m, vf, flags);
        vf->uses.n = 0;
        if (vf->guest[0] == '\0')
                wiring_left(m, pf, index);
        vf->driver[0] = '\0'; /* the link goes first: dd.c __device_release_driver() */
        vf->access_uid = -1;  /* the group's node goes with it */
        vf->netdev[0] = '\0';
        machine_touch(m, pf);
        while (kernel_still_there(pf, generation) && pf->vfs[index].guest[0] != '\0')
                machine_wait(m);
        return kernel_still_there(pf, generation) ? 0 : -ENODEV;
}

int kernel_unbind(struct machine *m, struct sim_pf *pf, uint32_t index, unsigned flags)
{
        uint32_t generation = pf->generation;
        int r;

        r = kernel_lock_vf(m, pf, index, flags);
        if (r < 0)
                return r;
        if (pf->vfs[index].driver[0] == '\0')
                r = -ENODEV;
        else if ((flags & KERNEL_NOWAIT) && pf->vfs[index].guest[0] != '\0')
                r = -EWOULDBLOCK;
        else
                r = release_vf(m, pf, index, generation, flags);
        kernel_unlock_vf(m, pf, index, generation);
        machine_touch(m, pf);
        return r;
}

/* ---- the count ---------------------------------------------------------------------------------
 */

/* pci_iov_add_virtfn() and the probe behind it. */
static void add_vf(struct machine *m, struct sim_pf *pf, uint32_t index, uint32_t count)
{
        const struct sim_profile *p = pf->profile;
        struct sim_vf *vf = &pf->vfs[index];

        forget_vf(vf);
        vf->exists = true;
        vf->msix = p->vf_msix;
        if (p->vf_total_msix > 0 && p->vf_total_msix / count < vf->msix)
                vf->msix = p->vf_total_msix / count;
        if (p->vf_total_msix > 0)
                pf->msix_free -= vf->msix;
        if (p->netdev) {
                vf_attrs_copy(&vf->attrs, &vf_attrs_baseline, p->reported);
                vf->attrs.spoofchk = p->spoofchk;
        }
        machine_group_of(m, pf, index); /* numbered in the order of creation */
        if (can_probe(pf, vf))
                probe_any(m, pf, index);
        machine_touch(m, pf);
}

static int enable_vfs(
        struct machine *m, struct sim_pf *pf, uint32_t count, uint32_t made, unsigned flags)
{
        uint32_t generation = pf->generation;
        int r;

        write_sriov(pf, count);
        pf->msix_free = pf->profile->vf_total_msix;
        machine_latency(m, ENABLE_USEC);
        r = lock_rescan(m, flags);
        if (r < 0)
                return r;
        r = wiring_set_count(m, pf, made);
        for (uint32_t i = 0; r == 0 && i < made && kernel_still_there(pf, generation); i++) {
                add_vf(m, pf, i, count);
                machine_latency(m, pf->profile->create_usec_vf);
        }
        unlock_rescan(m);
        if (r < 0)
                return r;
        if (!kernel_still_there(pf, generation))
                return -ENODEV;
        pf->num_vfs = made;
        return 0;
}

/* sriov_del_vfs(): one after the other; the virtfn link first, then the driver, then the device. */
static int remove_vfs(struct machine *m, struct sim_pf *pf, uint32_t generation, unsigned flags)
{
        int r;

        for (uint32_t i = 0; i < pf->hw_total_vfs; i++) {
                if (!pf->vfs[i].exists)
                        continue;
                pf->vfs[i].dying = true;
                r = kernel_lock_vf(m, pf, i, 0);
                if (r == 0)
                        r = release_vf(m, pf, i, generation, flags);
                if (r < 0)
                        return r;
                forget_vf(&pf->vfs[i]);
                kernel_unlock_vf(m, pf, i, generation);
                machine_touch(m, pf);
                machine_latency(m, REMOVE_USEC_VF);
                if (!kernel_still_there(pf, generation))
                        return -ENODEV;
        }
        return 0;
}

static int disable_vfs(struct machine *m, struct sim_pf *pf, unsigned flags)
{
        uint32_t generation = pf->generation;
        int r;

        for (uint32_t i = 0; (flags & KERNEL_NOWAIT) && i < pf->hw_total_vfs; i++)
                if (pf->vfs[i].guest[0] != '\0' || pf->vfs[i].locked)
                        return -EWOULDBLOCK;
        r = lock_rescan(m, flags);
        if (r < 0)
                return r;
        r = remove_vfs(m, pf, generation, flags);
        unlock_rescan(m);
        if (r < 0)
                return r;
        write_sriov(pf, 0);
        wiring_set_count(m, pf, 0);
        machine_latency(m, DISABLE_USEC);
        if (!kernel_still_there(pf, generation))
                return -ENODEV;
        pf->num_vfs = 0;
        return 0;
}

int kernel_set_numvfs(
        struct machine *m, struct sim_pf *pf, uint32_t count, int64_t at_most, unsigned flags)
{
        uint32_t made = at_most >= 0 && at_most < count ? (uint32_t) at_most : count;
        bool latency = m->kernel_latency;
        int r;

        if (count > (pf->driver[0] ? pf->total_vfs : pf->hw_total_vfs))
                return -ERANGE;
        if ((flags & KERNEL_NOWAIT) && m->rescan_locked)
                return -EWOULDBLOCK;
        r = lock_pf(m, pf, flags);
        if (r < 0)
                return r;
        if (flags & KERNEL_NOWAIT)
                m->kernel_latency = false; /* nobody else runs meanwhile: nothing waits */
        if (pf->num_vfs == count)
                r = 0;
        else if (pf->driver[0] == '\0')
                r = -ENOENT;
        else if (count == 0)
                r = disable_vfs(m, pf, flags);
        else if (pf->num_vfs > 0)
                r = -EBUSY;
        else
                r = enable_vfs(m, pf, count, made, flags);
        m->kernel_latency = latency;
        machine_touch(m, pf);
        unlock_pf(m, pf);
        return r;
}
