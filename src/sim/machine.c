/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's making, locks, slots, events and faults. Any thread. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "sim/address.h"
#include "sim/kernel.h"
#include "sim/machine.h"

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
                vfs[i].group = -1;
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
        pf->present = false;
        pf->num_vfs = 0;
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
        return r < 0 ? r : kernel_guest_opens(m, pf, guest->vf, guest->name);
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
        };
        r = dev_id_from_address(text, &pf->id);
        if (r < 0)
                return r;
        memcpy(pf->netdev, t->netdev, sizeof(pf->netdev));
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
                r = give_to_guest(m, pf, &t->guests[i]);
        for (size_t i = 0; i < t->n_faults && r >= 0; i++)
                r = machine_inject(m, pf, &t->faults[i], &id);
        if (r >= 0 && !t->present)
                machine_unplug(m, pf);
        return r;
}

int machine_new(const struct topology *t, struct machine **ret)
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
        r = add_nodes(m, t);
        if (r < 0)
                return r;
        /* The kernel numbers groups while it scans the bus, before any VF. */
        for (size_t i = 0; i < m->n_nodes; i++)
                m->node_groups[i] = -1;
        for (size_t i = 0; i < m->n_nodes; i++)
                if (m->nodes[i].present && pci_group_of(m->nodes, m->n_nodes, i) == i)
                        m->node_groups[i] = m->next_group++;
        for (size_t i = 0; i < t->n_pfs && r >= 0; i++)
                r = add_pf(m, &t->pfs[i]);
        if (r < 0)
                return r;
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
        for (size_t i = 0; i < m->n_pfs; i++)
                free(m->pfs[i].vfs);
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

/* ---- groups ------------------------------------------------------------------------------------
 */

int32_t machine_group_of(struct machine *m, struct sim_pf *pf, uint32_t vf)
{
        int32_t *own;

        if (!m->iommu)
                return -1;
        if (vf != NO_VF && pci_vf_isolated(m->nodes, pf->node))
                own = &pf->vfs[vf].group;
        else if (vf != NO_VF) /* not isolated: there is a bridge above */
                own = &m->node_groups[pci_group_of(
                        m->nodes, m->n_nodes, (size_t) m->nodes[pf->node].parent)];
        else
                own = &m->node_groups[pci_group_of(m->nodes, m->n_nodes, pf->node)];
        if (*own < 0)
                *own = m->next_group++;
        return *own;
}

struct collector {
        struct groups groups;
        size_t groups_capacity;
        size_t *capacities; /* of each group's devices */
        size_t capacities_capacity;
};

static int collect(struct collector *c, int32_t id, const struct bdf *address, const char *driver,
        uint32_t pci_class)
{
        struct groups *groups = &c->groups;
        size_t i = groups->n;
        struct group_facts *g;
        size_t *capacity;
        int r;

        /* Mostly the last one: devices come in the order of their groups. */
        while (i > 0 && groups->list[i - 1].id != id)
                i--;
        if (i == 0) {
                r = array_grow(
                        &groups->list, &c->groups_capacity, groups->n, sizeof(*groups->list));
                if (r == 0)
                        r = array_grow(&c->capacities, &c->capacities_capacity, groups->n,
                                sizeof(*c->capacities));
                if (r < 0)
                        return r;
                c->capacities[groups->n] = 0;
                groups->list[groups->n] = (struct group_facts){.id = id, .type = "DMA-FQ"};
                i = ++groups->n;
        }
        g = &groups->list[i - 1];
        capacity = &c->capacities[i - 1];
        r = array_grow(&g->devices, capacity, g->n_devices, sizeof(*g->devices));
        if (r < 0)
                return r;
        g->devices[g->n_devices] = (struct group_device){.pci_class = pci_class};
        format_bdf(g->devices[g->n_devices].address, address);
        return str_copy(g->devices[g->n_devices++].driver, DRIVER_MAX, driver);
}

static int compare_groups(const void *a, const void *b)
{
        const struct group_facts *x = a, *y = b;

        return (x->id > y->id) - (x->id < y->id);
}

static int collect_pf(struct machine *m, struct collector *c, struct sim_pf *pf)
{
        struct bdf address;
        int r;

        r = collect(c, machine_group_of(m, pf, NO_VF), &pf->address, pf->driver,
                pf->profile->pci_class);
        for (uint32_t i = 0; i < pf->hw_total_vfs && r >= 0; i++) {
                if (!pf->vfs[i].exists)
                        continue;
                sim_vf_address(&pf->address, pf->profile, i, &address);
                r = collect(c, machine_group_of(m, pf, i), &address, pf->vfs[i].driver,
                        pf->profile->pci_class);
        }
        return r;
}

/* A group without PF and VF is of no interest. */
static bool interesting(const struct group_facts *g)
{
        for (uint32_t i = 0; i < g->n_devices; i++)
                if (g->devices[i].pci_class >> 8 != 0x0604)
                        return true;
        return false;
}

int machine_groups(struct machine *m, struct groups *ret)
{
        struct collector c = {0};
        struct groups kept = {0};
        int r = 0;

        if (!m->iommu) {
                *ret = kept;
                return 0;
        }
        for (size_t i = 0; i < m->n_bridges && r >= 0; i++)
                r = collect(&c, m->node_groups[pci_group_of(m->nodes, m->n_nodes, i)],
                        &m->nodes[i].address, "pcieport", 0x060400);
        for (size_t i = 0; i < m->n_pfs && r >= 0; i++)
                if (m->pfs[i].present)
                        r = collect_pf(m, &c, &m->pfs[i]);
        free(c.capacities);
        if (r < 0) {
                groups_done(&c.groups);
                return r;
        }
        for (uint32_t i = 0; i < c.groups.n; i++)
                if (interesting(&c.groups.list[i]))
                        c.groups.list[kept.n++] = c.groups.list[i];
                else
                        free(c.groups.list[i].devices);
        c.groups.n = kept.n;
        if (kept.n > 0)
                qsort(c.groups.list, kept.n, sizeof(*c.groups.list), compare_groups);
        *ret = c.groups;
        return 0;
}

/* ---- faults and the log
 * -------------------------------------------------------------------------- */

int machine_inject(
        struct machine *m, const struct sim_pf *pf, const struct sim_fault *fault, uint32_t *ret_id)
{
        struct machine_fault *added;
        int r;

        r = array_grow(&m->faults, &m->faults_capacity, m->n_faults, sizeof(*m->faults));
        if (r < 0)
                return r;
        added = &m->faults[m->n_faults++];
        *added = (struct machine_fault){.pf = pf, .fault = *fault};
        added->fault.id = *ret_id = ++m->next_fault;
        return 0;
}

int machine_release(struct machine *m, uint32_t id)
{
        size_t kept = 0, before = m->n_faults;

        for (size_t i = 0; i < m->n_faults; i++)
                if (id != 0 && m->faults[i].fault.id != id)
                        m->faults[kept++] = m->faults[i];
        m->n_faults = kept;
        machine_changed(m);
        return id != 0 && kept == before ? -ENOENT : 0;
}

bool machine_fault_exists(const struct machine *m, uint32_t id)
{
        for (size_t i = 0; i < m->n_faults; i++)
                if (m->faults[i].fault.id == id)
                        return true;
        return false;
}

struct machine_strike machine_strike(struct machine *m, const struct sim_pf *pf, uint32_t op,
        uint32_t vf, const struct vf_attrs *attrs)
{
        struct machine_strike s = {.count = -1};

        for (size_t i = 0; i < m->n_faults; i++) {
                struct sim_fault *fault = &m->faults[i].fault;

                if (m->faults[i].pf != pf || fault->kind == SIM_FAULT_OMIT ||
                        !sim_fault_strikes(fault, op, vf, attrs))
                        continue;
                switch (fault->kind) {
                case SIM_FAULT_DELAY:
                        s.delay_ms += fault->ms;
                        break;
                case SIM_FAULT_ERRNO:
                        s.error = fault->error;
                        break;
                case SIM_FAULT_PARTIAL:
                        s.count = fault->count;
                        break;
                case SIM_FAULT_HANG:
                        s.hang = fault->id;
                        break;
                case SIM_FAULT_IGNORE:
                        s.ignore = true;
                        break;
                case SIM_FAULT_VANISH:
                        s.vanish = true;
                        break;
                case SIM_FAULT_OMIT:
                case SIM_FAULT_KIND_MAX:
                        break;
                }
        }
        return s;
}

bool machine_omits(struct machine *m, const struct sim_pf *pf, uint32_t vf)
{
        bool omits = false;

        for (size_t i = 0; i < m->n_faults; i++)
                if (m->faults[i].pf == pf && m->faults[i].fault.kind == SIM_FAULT_OMIT)
                        omits |= sim_fault_strikes(&m->faults[i].fault, SIM_OP_OBSERVE, vf, NULL);
        return omits;
}

void machine_log(struct machine *m, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(m->log[m->n_log++ % MACHINE_LOG_LINES], MACHINE_LOG_MAX, fmt, ap);
        va_end(ap);
}
