/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a PF sits, in words that outlive a change of bus numbers. From sysfs; nothing is asked of
 * the hardware. Worker threads.
 */
#pragma once

#include "host/sysfs.h"

/*
 * "0000:00:1c.0/00.0": the address of the device on the root bus that leads there, then device and
 * function of each hop below. "" when sysfs does not say.
 */
void place_path(int root_fd, const char *address, char path[static PCI_PATH_MAX]);

/* The name of the physical slot it is in; "" when none is known. */
void place_slot(int root_fd, const char *address, char slot[static WORD_MAX]);
