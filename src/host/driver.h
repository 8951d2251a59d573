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

/*
 * Lets the kernel choose, as it does for a new VF. That a VF stays on no driver is success: the
 * kernel has none for it. Not so when it was not allowed to look: autoprobe of the PF is off.
 */
int driver_probe(int root_fd, int pf_fd, int vf_fd, const char *address, struct fault *f);

int driver_set_override(int vf_fd, const char *address, const char *name, struct fault *f);
int driver_clear_override(int vf_fd, const char *address, struct fault *f);
