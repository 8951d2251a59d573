/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that can be read of a PF and its VFs, put together. Worker threads. Reads no file that
 * takes the device lock (sriov_numvfs does). What is missing or garbage is unknown; only a PF that
 * is not there is an error.
 */
#pragma once

#include "host/pciinfo.h"
#include "host/sysfs.h"

int observe_pf(int root_fd, struct pci_names *names, const struct dev_id *id, struct pf_facts *ret,
        struct fault *f);
