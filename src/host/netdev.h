/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The netdevs of a PCI function, found through its own net/ directory at the time of use and then
 * spoken of by index: names change under us (udev renames a moment after a netdev appears). Worker
 * threads. What lives in another network namespace is not there.
 */
#pragma once

#include "host/rtnl.h"
#include "host/sysfs.h"

/*
 * All of them, the uplink first: in switchdev mode the representors of VFs hang on the PF too, and
 * are told apart by phys_port_name ("p0" against "pf0vf3"). One that rtnetlink does not know has
 * its name and no more. The caller frees the array.
 */
int netdev_list(int dev_fd, struct rtnl *rtnl, struct link_reading **ret, size_t *ret_n);

/* The uplink; -ENODEV when the function has no netdev here. */
int netdev_uplink(int dev_fd, struct rtnl *rtnl, struct link_reading *ret);

/* The name of the only or first netdev, "" when there is none: cheap, for VFs. */
void netdev_name(int dev_fd, char buf[static NETDEV_MAX]);
