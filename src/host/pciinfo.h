/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of vendors and devices from pci.ids, by libpci. The only file that includes libpci, whose
 * way to report an error is exit(1): here it comes back as an unknown name. Any thread; lookups are
 * done one at a time, from memory but for the first.
 */
#pragma once

#include "model/facts.h"

struct pci_names;

int pci_names_new(struct pci_names **ret);
void pci_names_free(struct pci_names *names);
DEFINE_CLEANUP(struct pci_names *, pci_names_free)

/* "" for what is not listed. Never asks the network. */
void pci_names_lookup(struct pci_names *names, uint16_t vendor_id, uint16_t device_id,
        char vendor[static NAME_MAX_TEXT], char device[static NAME_MAX_TEXT]);
