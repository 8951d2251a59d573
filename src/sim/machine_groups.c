/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups of the machine. Any thread, machine locked. */
#include <stdio.h>

#include "sim/address.h"
#include "sim/machine.h"

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

static int collect(struct collector *c, int32_t id, const struct group_device *device)
{
        struct groups *groups = &c->groups;
        size_t i = groups->n;
        struct group_facts *g;
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
                groups->list[groups->n] = (struct group_facts){.id = id,
                        .type = "DMA-FQ",
                        .reserved = {{0xfee00000, 0xfeefffff, "msi"}},
                        .n_reserved = 1};
                i = ++groups->n;
        }
        g = &groups->list[i - 1];
        r = array_grow(&g->devices, &c->capacities[i - 1], g->n_devices, sizeof(*g->devices));
        if (r == 0)
                g->devices[g->n_devices++] = *device;
        return r;
}

static int compare_groups(const void *a, const void *b)
{
        const struct group_facts *x = a, *y = b;

        return (x->id > y->id) - (x->id < y->id);
}

/* The bridge above a node, "" on a root bus. */
static void parent_of(const struct machine *m, size_t node, char buf[static BDF_STR_MAX])
{
        int32_t up = m->nodes[node].parent;

        buf[0] = '\0';
        if (up >= 0)
                format_bdf(buf, &m->nodes[up].address);
}

static int collect_pf(struct machine *m, struct collector *c, struct sim_pf *pf)
{
        struct group_device device = {.pci_class = pf->profile->pci_class};
        struct bdf address;
        int r;

        format_bdf(device.address, &pf->address);
        memcpy(device.driver, pf->driver, sizeof(device.driver));
        parent_of(m, pf->node, device.parent);
        r = collect(c, machine_group_of(m, pf, NO_VF), &device);
        format_bdf(device.physfn, &pf->address);
        for (uint32_t i = 0; i < pf->hw_total_vfs && r >= 0; i++) {
                if (!pf->vfs[i].exists)
                        continue;
                sim_vf_address(&pf->address, pf->profile, i, &address);
                format_bdf(device.address, &address);
                memcpy(device.driver, pf->vfs[i].driver, sizeof(device.driver));
                r = collect(c, machine_group_of(m, pf, i), &device);
        }
        return r;
}

static int32_t group_of_bridge(const struct machine *m, size_t i)
{
        return m->node_groups[pci_group_of(m->nodes, m->n_nodes, i)];
}

static int collect_bridge(struct machine *m, struct collector *c, size_t i)
{
        struct group_device device = {.driver = "pcieport", .pci_class = 0x060400};

        format_bdf(device.address, &m->nodes[i].address);
        parent_of(m, i, device.parent);
        return collect(c, group_of_bridge(m, i), &device);
}

static int compare_bridges(const void *a, const void *b)
{
        return strcmp(((const struct bridge_facts *) a)->address,
                ((const struct bridge_facts *) b)->address);
}

/* All there are: as many as a file may have. */
static int add_bridges(const struct machine *m, struct groups *groups)
{
        static const char *const kinds[] = {
                [PCI_ROOT_PORT] = "root-port",
                [PCI_SWITCH_UPSTREAM] = "upstream",
                [PCI_SWITCH_DOWNSTREAM] = "downstream",
        };

        groups->bridges = calloc(m->n_bridges + 1, sizeof(*groups->bridges));
        if (!groups->bridges)
                return -ENOMEM;
        for (size_t i = 0; i < m->n_bridges; i++) {
                struct bridge_facts *b = &groups->bridges[groups->n_bridges++];

                format_bdf(b->address, &m->nodes[i].address);
                parent_of(m, i, b->parent);
                snprintf(b->kind, sizeof(b->kind), "%s", kinds[m->nodes[i].type]);
                b->group = m->iommu ? group_of_bridge(m, i) : -1;
                b->acs = m->nodes[i].acs ? ACS_ISOLATES : ACS_NONE;
        }
        if (groups->n_bridges > 0)
                qsort(groups->bridges, groups->n_bridges, sizeof(*groups->bridges),
                        compare_bridges);
        return 0;
}

static void say_iommu(const struct machine *m, struct iommu_facts *ret)
{
        *ret = (struct iommu_facts){
                .present = m->iommu,
                .interrupt_remap = m->iommu && m->interrupt_remapping,
                .unsafe_interrupts = m->unsafe_interrupts,
        };
        if (m->iommu)
                snprintf(ret->name, sizeof(ret->name), "sim");
}

/* A group without PF and VF is of no interest. */
static bool interesting(const struct group_facts *g)
{
        for (uint32_t i = 0; i < g->n_devices; i++)
                if (g->devices[i].pci_class >> 8 != 0x0604)
                        return true;
        return false;
}

/* Leaves the groups that matter, in order. */
static void keep(struct groups *groups)
{
        uint32_t n = 0;

        for (uint32_t i = 0; i < groups->n; i++)
                if (interesting(&groups->list[i]))
                        groups->list[n++] = groups->list[i];
                else
                        free(groups->list[i].devices);
        groups->n = n;
        if (n > 0)
                qsort(groups->list, n, sizeof(*groups->list), compare_groups);
}

int machine_groups(struct machine *m, struct groups *ret)
{
        struct collector c = {0};
        int r;

        say_iommu(m, &c.groups.iommu);
        r = add_bridges(m, &c.groups);
        for (size_t i = 0; m->iommu && i < m->n_bridges && r >= 0; i++)
                r = collect_bridge(m, &c, i);
        for (size_t i = 0; m->iommu && i < m->n_pfs && r >= 0; i++)
                if (m->pfs[i].present)
                        r = collect_pf(m, &c, &m->pfs[i]);
        free(c.capacities);
        if (r < 0) {
                groups_done(&c.groups);
                return r;
        }
        keep(&c.groups);
        *ret = c.groups;
        return 0;
}
