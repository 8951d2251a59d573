/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to PCI devices and netdevs, as "look at this PF again". Loop thread only; nothing
 * here blocks.
 *
 * Sources: the kernel's own uevents (not udevd's, which may be slow or absent; what udevd then
 * does, a rename, is an event of its own) and rtnetlink's link notifications.
 */
#pragma once

#include "model/facts.h"

struct uevents;

/* root_fd: sysfs, must outlive it. */
int uevents_new(int root_fd, struct uevents **ret);
void uevents_free(struct uevents *u);
DEFINE_CLEANUP(struct uevents *, uevents_free)

/* Readable when uevents_next() has something to read; not necessarily to say. */
int uevents_fd(struct uevents *u);

/* As backend_ops.next_event: 1 with a PF or "" (look at everything), 0 nothing now, < 0 broken. */
int uevents_next(struct uevents *u, struct dev_id *ret);

/* The PCI function that a netdev's device path hangs on: "…/0000:3b:00.0/net/eth0". Pure. */
int uevent_pci_of_devpath(const char *devpath, char buf[static BDF_STR_MAX]);
