/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one write that makes and destroys VFs. Worker threads: it sleeps (a second and more), takes
 * the kernel's rescan lock, and waits for whoever holds a VF.
 */
#pragma once

#include "host/sysfs.h"

/*
 * Sets the count and counts the virtfnN links afterwards: the kernel reports success for fewer VFs
 * than asked, even for none. A count that is there already is not written. Other than 0 to N or N
 * to 0 is refused (FAULT_VFS_EXIST). name: the PF's address, for texts.
 */
int numvfs_set(int pf_fd, const char *name, uint32_t count, struct fault *f);
