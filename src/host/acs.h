/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a bridge's configuration space says, where it may be read. Worker threads. */
#pragma once

#include "host/sysfs.h"

/*
 * The ACS bits in force (ACS_ISOLATES of enum acs_bit, and what else the control register has), by
 * the kernel's rule that what the capability does not have is hard-wired on (drivers/pci/pci.c
 * pci_acs_flags_enabled()). ACS_NONE: there is no such capability; ACS_UNKNOWN: that part is only
 * for CAP_SYS_ADMIN, which sriovd-host does not have. Asking without it wakes no sleeping bridge.
 *
 * kind gets the port type's word by the PCI Express capability, or stays as it is.
 */
int32_t acs_read(int dev_fd, char kind[static WORD_MAX]);
