/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups by the kernel's rule. Pure, any thread. */
#include "sim/host/groups.h"

static bool same_slot(const struct pci_node *a, const struct pci_node *b)
{
        return a->address.domain == b->address.domain && a->address.bus == b->address.bus &&
               a->address.devfn >> 3 == b->address.devfn >> 3;
}

static bool multifunction(const struct pci_node *nodes, size_t n, size_t i)
{
        for (size_t k = 0; k < n; k++)
                if (k != i && nodes[k].present && same_slot(&nodes[i], &nodes[k]))
                        return true;
        return false;
}

/* pci_acs_enabled() of a bridge on a path. */
static bool redirects(const struct pci_node *node)
{
        switch (node->type) {
        case PCI_ROOT_PORT:
        case PCI_SWITCH_DOWNSTREAM:
                return node->acs;
        case PCI_SWITCH_UPSTREAM: /* single functions have nobody to reach without going up */
        case PCI_ENDPOINT:
        case PCI_NODE_TYPE_MAX:
                break;
        }
        return true;
}

/* pci_acs_path_enabled() from the bridge above node i to the root. */
static bool path_redirects(const struct pci_node *nodes, size_t i)
{
        for (int32_t up = nodes[i].parent; up >= 0; up = nodes[up].parent)
                if (!redirects(&nodes[up]))
                        return false;
        return true;
}

bool pci_vf_isolated(const struct pci_node *nodes, size_t i)
{
        return path_redirects(nodes, i);
}

size_t pci_group_of(const struct pci_node *nodes, size_t n, size_t i)
{
        /* The kernel climbs to the first bridge that has a group already, and bridges, found
         * first, always have: that is the one right above. */
        while (!path_redirects(nodes, i))
                i = (size_t) nodes[i].parent;
        if (nodes[i].acs || !multifunction(nodes, n, i))
                return i;
        /* pci_get_function_alias_group(): functions of one slot that do not redirect. */
        for (size_t k = 0; k < i; k++)
                if (nodes[k].present && !nodes[k].acs && same_slot(&nodes[i], &nodes[k]))
                        return pci_group_of(nodes, n, k);
        return i;
}
