/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PCI bridges above devices. Worker threads; waits for no lock. */
#pragma once

#include "host/sysfs.h"

/* Each once, as found. */
struct bridges {
        struct bridge_facts *list;
        size_t n, capacity;
};

/*
 * Adds the bridges above a device. link: where its link in sysfs leads to, such as
 * ".../pci0000:00/0000:00:03.0/0000:03:00.0"; parent gets the nearest one, "" on a root bus.
 * is_bridge: the device is one itself. -ENOMEM.
 */
int bridges_add(int root_fd, struct bridges *b, const char *link, bool is_bridge,
        char parent[static BDF_STR_MAX]);
