/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which driver a VF is on. Worker threads: unbinding a VF somebody has open by vfio waits until it
 * is closed. Success always means that the `driver` link was read again.
 *
 * vf_fd: the VF's sysfs directory; address: its PCI address.
 */
#pragma once

#include "host/sysfs.h"

/* From whatever driver it is on; nothing to do when it is on none. */
int driver_unbind(int vf_fd, const char *address, struct fault *f);

/* To the named driver, which must be loaded and want this device (by its id table or override). */
int driver_bind(int root_fd, int vf_fd, const char *address, const char *name, struct fault *f);

int driver_set_override(int vf_fd, const char *address, const char *name, struct fault *f);
int driver_clear_override(int vf_fd, const char *address, struct fault *f);
