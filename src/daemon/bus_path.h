/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Object paths and what they name, strictly both ways: a path that this file would not write itself
 * names nothing. Pure; loop thread by use.
 *
 *   /org/sriovd1/pf/pci_0000_3b_00_0         pci/0000:3b:00.0
 *   /org/sriovd1/pf/pci_0000_3b_00_0/vf/3    its VF 3
 *   /org/sriovd1/group/42                    IOMMU group 42
 *   /org/sriovd1/job/7                       job 7
 *   /org/sriovd1/lease/12                    lease 12
 */
#pragma once

#include "model/facts.h"

#define BUS_ROOT     "/org/sriovd1"
#define BUS_PF       BUS_ROOT "/pf"
#define BUS_GROUP    BUS_ROOT "/group"
#define BUS_JOB      BUS_ROOT "/job"
#define BUS_LEASE    BUS_ROOT "/lease"
#define BUS_PATH_MAX 80

/* vf: NO_VF for the PF itself. */
void bus_path_of_device(char buf[static BUS_PATH_MAX], const struct dev_id *pf, uint32_t vf);

/* prefix: BUS_GROUP or BUS_JOB. */
void bus_path_of_number(char buf[static BUS_PATH_MAX], const char *prefix, uint32_t number);

void bus_path_of_lease(char buf[static BUS_PATH_MAX], uint64_t id);

/* -EINVAL: not the path of a PF or VF, whether there is one or not. */
int bus_path_to_device(const char *path, struct dev_id *ret_pf, uint32_t *ret_vf);

/* -EINVAL as above. */
int bus_path_to_number(const char *path, const char *prefix, uint32_t *ret);
int bus_path_to_lease(const char *path, uint64_t *ret);
