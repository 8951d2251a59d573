/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that can be read of a PF and its VFs, put together. Worker threads. Never waits for a
 * device lock: sriov_numvfs is not read at all, what else takes one is read through locked.h. What
 * is missing or garbage is unknown; only a PF that is not there is an error.
 */
#pragma once

#include "host/access.h"
#include "host/locked.h"
#include "host/pciinfo.h"
#include "host/sysfs.h"

int observe_pf(int root_fd, struct pci_names *names, struct locked *locked, struct access *access,
        const struct dev_id *id, struct pf_facts *ret, struct fault *f);
