/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's making, locks, slots, events and faults. Any thread. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "sim/address.h"
#include "sim/kernel.h"
#include "sim/machine.h"
#include "sim/wiring.h"

/* ---- locks and time ----------------------------------------------------------------------------
 */

struct machine *machine_lock(struct machine *m)
{
        pthread_mutex_lock(&m->lock);
        return m;
}

void machine_unlockp(struct machine **m)
{
        if (*m)
                pthread_mutex_unlock(&(*m)->lock);
}

void machine_wait(struct machine *m)
{
        pthread_cond_wait(&m->changed, &m->lock);
}

void machine_changed(struct machine *m)
{
        pthread_cond_broadcast(&m->changed);
}

void machine_sleep(struct machine *m, uint64_t usec)
{
        uint64_t end = now_usec() + usec;
        struct timespec ts = {
                .tv_sec = (time_t) (end / 1000000), .tv_nsec = (long) (end % 1000000) * 1000};

        while (now_usec() < end)
                pthread_cond_timedwait(&m->changed, &m->lock, &ts);
}

void machine_latency(struct machine *m, uint64_t usec)
{
        if (m->kernel_latency)
                machine_sleep(m, usec);
}

/* ---- slots -------------------------------------------------------------------------------------
 */

struct sim_pf *machine_slot(struct machine *m, const char *id)
{
        for (size_t i = 0; i < m->n_pfs; i++)
                if (streq(m->pfs[i].id.str, id))
                        return &m->pfs[i];
        return NULL;
}

struct sim_pf *machine_find(struct machine *m, const char *id)
{
        struct sim_pf *pf = machine_slot(m, id);

        return pf && pf->present ? pf : NULL;
}

/* Would the VFs of such a card reach an address that somebody else has, or may have. */
static bool fits(
        const struct machine *m, const struct sim_pf *pf, const struct sim_profile *profile)
{
        struct bdf last, other;

        if (!sim_vf_address(&pf->address, profile, profile->hw_total_vfs - 1, &last))
                return false;
        for (size_t i = 0; i < m->n_nodes; i++) {
                other = m->nodes[i].address;
                if (i != pf->node && other.domain == last.domain && other.bus >= pf->address.bus &&
                        other.bus <= last.bus)
                        return false;
        }
        return true;
}

/* The card as it comes out of its box, with its driver bound. */
static int insert(struct machine *m, struct sim_pf *pf, const struct sim_profile *profile)
{
        struct sim_vf *vfs = calloc(pf->hw_total_vfs, sizeof(*vfs));

        if (!vfs)
                return -ENOMEM;
        for (uint32_t i = 0; i < pf->hw_total_vfs; i++)
                vfs[i].group = vfs[i].access_uid = -1;
        free(pf->vfs);
        pf->vfs = vfs;
        pf->profile = profile;
        pf->present = true;
        pf->generation++;
        pf->num_vfs = 0;
        pf->mtu = 1500;
        pf->autoprobe = true;
        pf->msix_free = profile->vf_total_msix;
        pf->driver_override[0] = '\0';
        m->nodes[pf->node].present = true;
        m->nodes[pf->node].acs = profile->acs_quirk;
        kernel_attach_pf(m, pf);
        return 0;
}

int machine_plug(struct machine *m, struct sim_pf *pf, const struct sim_profile *profile)
{
        int r;

        if (pf->present)
                return -EEXIST;
        if (profile && profile != pf->profile) {
                if (!fits(m, pf, profile))
                        return -EINVAL;
                pf->total_vfs = profile->total_vfs;
                pf->hw_total_vfs = profile->hw_total_vfs;
        }
        r = insert(m, pf, profile ? profile : pf->profile);
        if (r == 0)
                machine_touch(m, NULL);
        return r;
}

void machine_unplug(struct machine *m, struct sim_pf *pf)
{
        wiring_detach(m, pf);
        pf->present = false;
        pf->num_vfs = 0;
        pf->uses.n = 0;
        for (uint32_t i = 0; i < pf->hw_total_vfs; i++)
                pf->vfs[i] =
                        (struct sim_vf){.group = pf->vfs[i].group, .locked = pf->vfs[i].locked};
        m->nodes[pf->node].present = false;
        machine_touch(m, NULL);
        machine_changed(m);
}

/* ---- making ------------------------------------------------------------------------------------
 */

static int add_nodes(struct machine *m, const struct topology *t)
{
        m->nodes = calloc(t->n_bridges + t->n_pfs + 1, sizeof(*m->nodes));
        m->node_groups = calloc(t->n_bridges + t->n_pfs + 1, sizeof(*m->node_groups));
        m->bridges = calloc(t->n_bridges + 1, sizeof(*m->bridges));
        m->pfs = calloc(t->n_pfs + 1, sizeof(*m->pfs));
        if (!m->nodes || !m->node_groups || !m->bridges || !m->pfs)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_bridges; i++) {
                m->bridges[i] = t->bridges[i];
                m->nodes[m->n_nodes++] = (struct pci_node){
                        .address = t->bridges[i].address,
                        .type = t->bridges[i].type,
                        .parent = t->bridges[i].below,
                        .acs = t->bridges[i].acs,
                        .present = true,
                };
        }
        m->n_bridges = t->n_bridges;
        for (size_t i = 0; i < t->n_pfs; i++)
                m->nodes[m->n_nodes++] = (struct pci_node){
                        .address = t->pfs[i].address,
                        .type = PCI_ENDPOINT,
                        .parent = t->pfs[i].below,
                        .acs = t->pfs[i].profile->acs_quirk,
                        .present = t->pfs[i].present,
                };
        return 0;
}

/* A VF that a guest has had since before we looked. */
static int give_to_guest(struct machine *m, struct sim_pf *pf, const struct topo_guest *guest)
{
        struct sim_vf *vf = &pf->vfs[guest->vf];
        int r;

        snprintf(vf->driver_override, sizeof(vf->driver_override), "vfio-pci");
        kernel_unbind(m, pf, guest->vf, KERNEL_NOWAIT);
        r = kernel_bind(m, pf, guest->vf, "vfio-pci");
        return r < 0 ? r : kernel_guest_opens(m, pf, guest->vf, guest->config.name);
}

static int add_pf(struct machine *m, const struct topo_pf *t)
{
        struct sim_pf *pf = &m->pfs[m->n_pfs];
        char text[BDF_STR_MAX];
        uint32_t id;
        int r;

        format_bdf(text, &t->address);
        *pf = (struct sim_pf){
                .profile = t->profile,
                .address = t->address,
                .node = m->n_bridges + m->n_pfs,
                .mac = t->mac,
                .numa_node = t->numa_node,
                .link = t->link,
                .admin_up = t->admin_up,
                .total_vfs = t->total_vfs,
                .hw_total_vfs = t->hw_total_vfs,
                .traffic = t->traffic,
        };
        r = dev_id_from_address(text, &pf->id);
        if (r < 0)
                return r;
        memcpy(pf->netdev, t->netdev, sizeof(pf->netdev));
        memcpy(pf->slot, t->slot, sizeof(pf->slot));
        pf->guests = calloc(t->n_guests + 1, sizeof(*pf->guests));
        if (!pf->guests)
                return -ENOMEM;
        memcpy(pf->guests, t->guests, t->n_guests * sizeof(*pf->guests));
        pf->n_guests = t->n_guests;
        m->n_pfs++;
        r = insert(m, pf, t->profile);
        if (r < 0)
                return r;
        pf->autoprobe = t->autoprobe;
        if (!t->driver)
                kernel_detach_pf(m, pf);
        if (t->num_vfs > 0)
                r = kernel_set_numvfs(m, pf, t->num_vfs, -1, KERNEL_NOWAIT);
        for (size_t i = 0; i < t->n_guests && r >= 0; i++)
                if (t->guests[i].config.vm)
                        r = give_to_guest(m, pf, &t->guests[i]);
        for (size_t i = 0; i < t->n_faults && r >= 0; i++)
                r = machine_inject(m, pf, &t->faults[i], &id);
        if (r >= 0 && !t->present)
                machine_unplug(m, pf);
        return r;
}

static int add_traffic(struct machine *m, const struct topology *t)
{
        const struct traffic_config config = {
                .iommu = t->iommu,
                .interrupt_remapping = t->interrupt_remapping,
                .memory_mib = t->memory_mib,
        };

        return traffic_new(&config, &m->traffic);
}

int machine_new(const struct topology *t, struct machine **ret, struct fault *f)
{
        _cleanup_(machine_freep) struct machine *m = calloc(1, sizeof(*m));
        pthread_condattr_t attr;
        bool kernel_latency = t->kernel_latency;
        struct dev_id id;
        int r;

        if (!m)
                return -ENOMEM;
        pthread_mutex_init(&m->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&m->changed, &attr);
        pthread_condattr_destroy(&attr);
        m->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (m->event_fd < 0)
                return -errno;
        m->iommu = t->iommu;
        m->interrupt_remapping = t->interrupt_remapping;
        m->unsafe_interrupts = t->unsafe_interrupts;
        r = add_nodes(m, t);
        if (r == 0)
                r = add_traffic(m, t);
        if (r < 0)
                return fault_set(
                        f, FAULT_NO_RESOURCES, -r, "the machine can not be made: %s", strerror(-r));
        /* The kernel numbers groups while it scans the bus, before any VF. */
        for (size_t i = 0; i < m->n_nodes; i++)
                m->node_groups[i] = -1;
        for (size_t i = 0; i < m->n_nodes; i++)
                if (m->nodes[i].present && pci_group_of(m->nodes, m->n_nodes, i) == i)
                        m->node_groups[i] = m->next_group++;
        for (size_t i = 0; i < t->n_pfs && r >= 0; i++)
                r = add_pf(m, &t->pfs[i]);
        if (m->trouble.code != FAULT_NONE) {
                *f = m->trouble;
                return f->error > 0 ? -f->error : -EIO;
        }
        if (r < 0)
                return fault_set(f, fault_code_of_errno(-r), -r,
                        "PF %zu can not be made as described: %s", m->n_pfs, strerror(-r));
        m->kernel_latency = kernel_latency;
        while (machine_next_event(m, &id)) {
        } /* what happened at boot is no news */
        *ret = TAKE_PTR(m);
        return 0;
}

void machine_free(struct machine *m)
{
        if (!m)
                return;
        traffic_free(m->traffic);
        for (size_t i = 0; i < m->n_pfs; i++) {
                free(m->pfs[i].vfs);
                free(m->pfs[i].guests);
        }
        free(m->pfs);
        free(m->bridges);
        free(m->nodes);
        free(m->node_groups);
        free(m->faults);
        closep(&m->event_fd);
        pthread_cond_destroy(&m->changed);
        pthread_mutex_destroy(&m->lock);
        free(m);
}

/* ---- events ------------------------------------------------------------------------------------
 */

void machine_touch(struct machine *m, struct sim_pf *pf)
{
        if (pf)
                pf->touched = true;
        else
                m->touched_all = true;
        eventfd_write(m->event_fd, 1);
}

bool machine_next_event(struct machine *m, struct dev_id *ret)
{
        eventfd_t ignored;

        if (m->touched_all) {
                m->touched_all = false;
                *ret = (struct dev_id){0};
                return true;
        }
        for (size_t i = 0; i < m->n_pfs; i++)
                if (m->pfs[i].touched) {
                        m->pfs[i].touched = false;
                        *ret = m->pfs[i].id;
                        return true;
                }
        eventfd_read(m->event_fd, &ignored);
        return false;
}
