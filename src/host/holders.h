/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses the VFs of a PF, and whether the PF itself carries the default route. Worker threads;
 * waits for no device lock.
 *
 * vfio: that a VF is open is told by its `enable` count. Who it is, by /proc/PID/fd, and only as
 * far as this process may look: the shipped service sees no other process's descriptors, so it
 * names the file by which an administrator finds them (fuser /dev/vfio/12).
 *
 * Not to be seen from here: a macvlan or VLAN above a VF's netdev that has been moved into another
 * network namespace, a file system that only another mount namespace has, routes of other tables
 * than main.
 */
#pragma once

#include "host/sysfs.h"

/*
 * Holders of VF vf of a PF; with NO_VF of all of them, and of the PF itself; sorted by VF. The
 * caller frees the array. root_fd: of /sys; proc: "/proc".
 */
int holders_find(
        int root_fd, int pf_fd, const char *proc, uint32_t vf, struct holder **ret, size_t *ret_n);

/* The first VF (of all with NO_VF) whose vfio device is open: 1. Cheap, for the moment before a
 * write. */
int holders_open(int pf_fd, uint32_t vf, uint32_t *ret_vf);
