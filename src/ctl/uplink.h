/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which network interfaces this machine and this session hang on: the default routes, and the SSH
 * connection. Functions over texts, and over a directory that looks like /sys. Loop thread.
 */
#pragma once

#include <ifaddrs.h>

#include "model/facts.h"

#define UPLINKS_MAX      16
#define SSH_ADDRESS_SIZE 64

struct uplink {
        char netdev[NETDEV_MAX];
        const char *what; /* "the IPv4 default route" */
};

/* Each netdev and what it carries once; beyond UPLINKS_MAX they are not noted. */
struct uplinks {
        struct uplink list[UPLINKS_MAX];
        size_t n;
};

/* The default routes in the text of /proc/net/route, /proc/net/ipv6_route. */
void uplinks_of_routes4(const char *text, struct uplinks *u);
void uplinks_of_routes6(const char *text, struct uplinks *u);

/*
 * This machine's address in an SSH_CONNECTION ("CLIENT PORT SERVER PORT"), without the prefix of a
 * mapped IPv4 address. -EINVAL when it is none.
 */
int ssh_address(const char *connection, char buf[static SSH_ADDRESS_SIZE]);

/*
 * SSH_CONNECTION of process pid, or of its nearest ancestor that has one: sudo takes it out of the
 * environment. proc: a descriptor of /proc. -ENOENT when there is none.
 */
int ssh_connection_of(int proc, uint32_t pid, char *buf, size_t size);

/* The interfaces with an address, which may name one itself (fe80::1%eth0). */
void uplinks_of_address(const char *address, const struct ifaddrs *list, struct uplinks *u);

/* All of them, of this process. What can not be read says nothing. */
void uplinks_here(struct uplinks *u);

/*
 * The first uplink that goes through the PF: its netdev or one on the PF or one of its VFs (by PCI
 * address) is the uplink, or lies below it (bond, bridge, VLAN, team). sys: a descriptor of /sys.
 * NULL: none.
 */
const struct uplink *uplink_through(
        const struct uplinks *u, int sys, const char *address, const char *netdev);
