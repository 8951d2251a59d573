/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking and telling rtnetlink about one netdev by its index. Worker threads: a connection belongs
 * to the thread that opened it, for one job. A reply is waited for up to 5 s; a request itself can
 * wait in the kernel for the RTNL lock.
 */
#pragma once

#include "host/vfmsg.h"

struct rtnl;

int rtnl_open(struct rtnl **ret);
void rtnl_close(struct rtnl *rtnl);
DEFINE_CLEANUP(struct rtnl *, rtnl_close)

/*
 * Everything of a kind: fn is called for each message of the answer, with what follows its
 * nlmsghdr; a negative result of it ends the dump. protocol: NETLINK_ROUTE or NETLINK_RDMA. Begun
 * again when the kernel's tables changed meanwhile (fn gets messages twice then).
 */
typedef int (*rtnl_dump_fn)(const void *payload, size_t n, void *userdata);
int rtnl_dump(int protocol, uint16_t type, const void *request, size_t size, rtnl_dump_fn fn,
        void *userdata);

/* Without the VFs. -ENODEV when there is no such netdev in this network namespace. */
int rtnl_get_link(struct rtnl *rtnl, int ifindex, struct link_reading *ret);

/*
 * The VFs; with statistics only when asked, for they make the list wrap at 222 VFs instead of 335.
 * -EMSGSIZE: a kernel that can not size its own reply (InfiniBand before 6.17). The caller calls
 * vf_readings_done().
 */
int rtnl_get_vfs(struct rtnl *rtnl, int ifindex, bool stats, struct vf_readings *ret);

#define RTNL_WHY_MAX 128

/*
 * One setting of one VF, tried again (about a second in all) while the driver says EAGAIN or EBUSY:
 * a VF that resets. why gets the kernel's own words (extack), or "".
 */
int rtnl_set_vf(struct rtnl *rtnl, int ifindex, uint32_t vf, enum vf_setting setting,
        const struct vf_attrs *attrs, char why[static RTNL_WHY_MAX]);

int rtnl_set_mtu(struct rtnl *rtnl, int ifindex, uint32_t mtu, char why[static RTNL_WHY_MAX]);
int rtnl_set_up(struct rtnl *rtnl, int ifindex, char why[static RTNL_WHY_MAX]);

#define RETRY_TRIES 5

/* Sleeps before try (1 and up) of RETRY_TRIES: 50 ms doubling, with jitter. About 1 s in all. */
void retry_sleep(unsigned try);
