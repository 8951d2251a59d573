/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU groups from the PCI topology by the kernel's rule: drivers/iommu/iommu.c
 * pci_device_group(), drivers/pci/pci.c pci_acs_enabled() and pci_acs_path_enabled(). Pure, any
 * thread.
 */
#pragma once

#include "base/parse.h"

enum pci_node_type {
        PCI_ROOT_PORT,
        PCI_SWITCH_UPSTREAM,
        PCI_SWITCH_DOWNSTREAM,
        PCI_ENDPOINT,
        PCI_NODE_TYPE_MAX
};

/*
 * One PCI function that is no VF. Bridges come before what is below them. An upstream port is the
 * only function of its switch: more would need its ACS too.
 */
struct pci_node {
        struct bdf address;
        enum pci_node_type type;
        int32_t parent; /* index of the bridge above; -1: on a root bus */
        bool acs;     /* source validation, request and completion redirect, upstream forwarding */
        bool present; /* an empty slot is in no group */
};

/*
 * The node whose group the node i belongs to: i itself when it begins one. VFs are no nodes: a VF
 * begins a group of its own exactly where pci_vf_isolated() says so, else it is in the group of
 * the bridge above.
 */
size_t pci_group_of(const struct pci_node *nodes, size_t n, size_t i);

/*
 * Is a VF of the PF at node i alone in its group: every bridge on the path to the root redirects. A
 * VF is never marked multifunction, so its siblings do not matter.
 */
bool pci_vf_isolated(const struct pci_node *nodes, size_t i);
