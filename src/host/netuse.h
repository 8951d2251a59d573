/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses a netdev or an RDMA device: the bytes of links, addresses, routes and RDMA contexts as
 * netlink dumps them. Pure, any thread.
 *
 * A decoder takes what follows the nlmsghdr and trusts no length in it; -EBADMSG. Sources:
 * include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, rdma/rdma_netlink.h;
 * net/ipv4/fib_semantics.c fib_dump_info(), drivers/infiniband/core/nldev.c
 * res_get_common_dumpit().
 */
#pragma once

#include "model/facts.h"

struct use_link {
        int ifindex;
        int master; /* of what it is enslaved to; 0 none */
        int lower;  /* what it sits on (VLAN, macvlan, macvtap, ipvlan...); 0 none, or elsewhere */
        char name[NETDEV_MAX];
};
int netuse_link(const void *msg, size_t n, struct use_link *ret);

#define USE_ADDRESS_MAX 64

/* 1: an address that reaches beyond the link; 0: another one, ret untouched. */
struct use_address {
        int ifindex;
        char text[USE_ADDRESS_MAX]; /* "192.0.2.1/24" */
};
int netuse_address(const void *msg, size_t n, struct use_address *ret);

/*
 * The netdevs a default route of the main table leads through: their number, at most max; 0 for any
 * other route.
 */
int netuse_default_route(const void *msg, size_t n, int *ret_ifindexes, size_t max);

/* The index of the RDMA device of that name: 1, or 0 when this message is about another. */
int netuse_rdma_device(const void *msg, size_t n, const char *name, uint32_t *ret);

/* The processes with a context of an RDMA device open: their number, at most max. */
int netuse_rdma_contexts(const void *msg, size_t n, int32_t *ret_pids, size_t max);
