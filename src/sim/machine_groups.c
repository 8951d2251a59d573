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
