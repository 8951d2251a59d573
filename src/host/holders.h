/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has a VF open through vfio. Worker threads; waits for no lock.
 *
 * That a VF is open is told by its `enable` count. Who it is, by /proc/PID/fd, and only as far as
 * this process may look: the shipped service sees no other process's descriptors, so it names the
 * file by which an administrator finds them (fuser /dev/vfio/12).
 */
#pragma once

#include "host/sysfs.h"

/*
 * Holders of VF vf of a PF, or of all with NO_VF; sorted by VF. The caller frees the array.
 * proc: "/proc".
 */
int holders_find(int pf_fd, const char *proc, uint32_t vf, struct holder **ret, size_t *ret_n);
