/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel events to PFs. Loop thread. */
#include <libudev.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "host/sysfs.h"
#include "host/uevent.h"

#define RECEIVE_BUFFER (8 << 20) /* a PF with 4096 VFs makes some 30000 events at once */
#define READS_MAX      256       /* per uevents_next(): a storm must not hold the loop */

/* Whose VF it was, for when the physfn link is gone with it. */
struct seen {
        char vf[BDF_STR_MAX];
        struct dev_id pf;
};

struct uevents {
        int root_fd;
        int epoll_fd;
        struct udev *udev;
        struct udev_monitor *monitor;
        struct nl_sock *link;
        struct seen *seen; /* sorted by vf */
        size_t n_seen, capacity;
};

/* ---- which VF is whose ----------------------------------------------------------------------- */

/* Where vf is in the table, or would be. */
static size_t seen_at(const struct uevents *u, const char *vf, bool *ret_found)
{
        size_t low = 0, high = u->n_seen;

        while (low < high) {
                size_t mid = low + (high - low) / 2;
                int c = strcmp(u->seen[mid].vf, vf);

                if (c == 0) {
                        *ret_found = true;
                        return mid;
                }
                if (c < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        *ret_found = false;
        return low;
}

/* Forgetting one for want of memory only costs a look at everything when it goes. */
static void remember(struct uevents *u, const char *vf, const struct dev_id *pf)
{
        struct seen s = {.pf = *pf};
        bool found;
        size_t at = seen_at(u, vf, &found);

        if (found) {
                u->seen[at].pf = *pf;
                return;
        }
        if (str_copy(s.vf, sizeof(s.vf), vf) < 0 ||
                array_grow(&u->seen, &u->capacity, u->n_seen, sizeof(*u->seen)) < 0)
                return;
        memmove(&u->seen[at + 1], &u->seen[at], (u->n_seen - at) * sizeof(*u->seen));
        u->seen[at] = s;
        u->n_seen++;
}

/* Its PF as last seen; with `drop` it is not asked for again. */
static bool recall(struct uevents *u, const char *vf, bool drop, struct dev_id *ret_pf)
{
        bool found;
        size_t at = seen_at(u, vf, &found);

        if (!found)
                return false;
        *ret_pf = u->seen[at].pf;
        if (drop) {
                u->n_seen--;
                memmove(&u->seen[at], &u->seen[at + 1], (u->n_seen - at) * sizeof(*u->seen));
        }
        return true;
}

static void remember_all(struct uevents *u)
{
        _cleanup_(freep) struct dev_id *pfs = NULL;
        size_t n;

        if (sysfs_list_pfs(u->root_fd, &pfs, &n) < 0)
                return;
        for (size_t i = 0; i < n; i++) {
                _cleanup_(freep) struct vf_link *links = NULL;
                _cleanup_(closep) int fd = -1;
                size_t n_links;

                if (sysfs_open_device(u->root_fd, dev_id_address(&pfs[i]), &fd) < 0 ||
                        sysfs_vf_links(fd, &links, &n_links) < 0)
                        continue;
                for (size_t j = 0; j < n_links; j++)
                        remember(u, links[j].address, &pfs[i]);
        }
}

/*
 * Which PF an event of this PCI function is about: 1 with it (or "" when it may have been one), 0
 * when it is none of ours. A VF's `add` comes before its physfn link; its `change` comes after.
 */
static int pf_of(struct uevents *u, const char *address, bool removed, struct dev_id *ret)
{
        _cleanup_(closep) int fd = -1;
        char physfn[BDF_STR_MAX];

        if (sysfs_open_device(u->root_fd, address, &fd) == 0 && !removed) {
                if (sysfs_physfn(fd, physfn) == 0 && dev_id_from_address(physfn, ret) == 0) {
                        remember(u, address, ret);
                        return 1;
                }
                if (sysfs_is_pf(fd))
                        return dev_id_from_address(address, ret) == 0;
                return 0;
        }
        /* Before its `remove` come `unbind` and its netdev's: read when it is gone already. */
        if (!recall(u, address, removed, ret))
                *ret = (struct dev_id){""};
        return 1;
}

/* ---- the two sources ------------------------------------------------------------------------- */

int uevent_pci_of_devpath(const char *devpath, char buf[static BDF_STR_MAX])
{
        const char *end = NULL, *begin;
        char text[BDF_STR_MAX];
        struct bdf bdf;
        int r;

        for (const char *p = devpath; (p = strstr(p, "/net/")); p++)
                end = p;
        if (!end)
                return -EINVAL;
        for (begin = end; begin > devpath && begin[-1] != '/'; begin--)
                ;
        if ((size_t) (end - begin) >= sizeof(text))
                return -EINVAL;
        memcpy(text, begin, (size_t) (end - begin));
        text[end - begin] = '\0';
        r = parse_bdf(text, &bdf);
        if (r == 0)
                format_bdf(buf, &bdf);
        return r;
}

/* 2: read something that says nothing; otherwise as uevents_next(). */
static int next_uevent(struct uevents *u, struct dev_id *ret)
{
        struct udev_device *device;
        const char *action, *subsystem;
        char address[BDF_STR_MAX];
        int r = 2;

        errno = 0;
        device = udev_monitor_receive_device(u->monitor);
        if (!device) {
                if (errno != ENOBUFS)
                        return 0;
                *ret = (struct dev_id){""}; /* events were lost */
                return 1;
        }
        action = udev_device_get_action(device) ?: "";
        subsystem = udev_device_get_subsystem(device) ?: "";
        if (streq(subsystem, "pci")) {
                if (str_copy(address, sizeof(address), udev_device_get_sysname(device) ?: "") == 0)
                        r = pf_of(u, address, streq(action, "remove"), ret) ?: 2;
        } else if (streq(subsystem, "net")) {
                /* The netdev goes, not its device: never `removed`. */
                if (uevent_pci_of_devpath(udev_device_get_devpath(device) ?: "", address) == 0)
                        r = pf_of(u, address, false, ret) ?: 2;
        }
        udev_device_unref(device);
        return r;
}

static const char *ifname_of(const struct nlmsghdr *h)
{
        const struct rtattr *a = IFLA_RTA(NLMSG_DATA(h));
        int n = (int) IFLA_PAYLOAD(h);

        for (; RTA_OK(a, n); a = RTA_NEXT(a, n))
                if (a->rta_type == IFLA_IFNAME && memchr(RTA_DATA(a), '\0', RTA_PAYLOAD(a)) != NULL)
                        return RTA_DATA(a);
        return "";
}

/* The PCI function below a netdev, by its `device` link: a VF's or a PF's. */
static int address_of_netdev(struct uevents *u, const char *ifname, char buf[static BDF_STR_MAX])
{
        char path[sizeof("class/net//device") + NETDEV_MAX];

        if (!ifname_valid(ifname))
                return -EINVAL;
        snprintf(path, sizeof(path), "class/net/%s/device", ifname);
        return readlink_name_at(u->root_fd, path, buf, BDF_STR_MAX);
}

static int next_link(struct uevents *u, struct dev_id *ret)
{
        union {
                struct nlmsghdr header;
                char bytes[16384];
        } buf;
        struct sockaddr_nl from = {0};
        socklen_t len = sizeof(from);
        char address[BDF_STR_MAX];
        ssize_t n;

        n = recvfrom(nl_socket_get_fd(u->link), &buf, sizeof(buf), MSG_DONTWAIT,
                (struct sockaddr *) &from, &len);
        if (n < 0) {
                if (errno == EAGAIN || errno == EINTR)
                        return 0;
                if (errno != ENOBUFS)
                        return -errno;
                *ret = (struct dev_id){""};
                return 1;
        }
        /* A netdev that goes has a uevent, with its path: here its name leads nowhere any more. */
        if (from.nl_pid != 0 || !NLMSG_OK(&buf.header, (size_t) n) ||
                buf.header.nlmsg_type != RTM_NEWLINK ||
                buf.header.nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)) ||
                address_of_netdev(u, ifname_of(&buf.header), address) < 0)
                return 2;
        return pf_of(u, address, false, ret) ?: 2;
}

int uevents_next(struct uevents *u, struct dev_id *ret)
{
        for (unsigned i = 0; i < READS_MAX; i++) {
                int r, s;

                r = next_uevent(u, ret);
                if (r == 1 || r < 0)
                        return r;
                s = next_link(u, ret);
                if (s == 1 || s < 0)
                        return s;
                if (r == 0 && s == 0)
                        return 0;
        }
        return 0; /* the descriptor stays readable */
}

/* ---- life ------------------------------------------------------------------------------------ */

static int open_monitor(struct uevents *u)
{
        u->udev = udev_new();
        if (!u->udev)
                return -ENOMEM;
        u->monitor = udev_monitor_new_from_netlink(u->udev, "kernel");
        if (!u->monitor)
                return errno > 0 ? -errno : -ENOMEM;
        /* Needs CAP_NET_ADMIN; a smaller buffer only means more looks at everything. */
        udev_monitor_set_receive_buffer_size(u->monitor, RECEIVE_BUFFER);
        if (udev_monitor_filter_add_match_subsystem_devtype(u->monitor, "pci", NULL) < 0 ||
                udev_monitor_filter_add_match_subsystem_devtype(u->monitor, "net", NULL) < 0)
                return -ENOMEM;
        return udev_monitor_enable_receiving(u->monitor);
}

static int open_link(struct uevents *u)
{
        const int size = RECEIVE_BUFFER;
        int fd;

        u->link = nl_socket_alloc();
        if (!u->link)
                return -ENOMEM;
        errno = 0;
        if (nl_connect(u->link, NETLINK_ROUTE) < 0 ||
                nl_socket_add_membership(u->link, RTNLGRP_LINK) < 0)
                return errno > 0 ? -errno : -EIO;
        fd = nl_socket_get_fd(u->link);
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        return 0;
}

static int watch(struct uevents *u, int fd)
{
        struct epoll_event e = {.events = EPOLLIN};

        return epoll_ctl(u->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int uevents_new(int root_fd, struct uevents **ret)
{
        _cleanup_(uevents_freep) struct uevents *u = NULL;
        int r;

        u = calloc(1, sizeof(*u));
        if (!u)
                return -ENOMEM;
        u->root_fd = root_fd;
        u->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (u->epoll_fd < 0)
                return -errno;
        r = open_monitor(u);
        if (r == 0)
                r = open_link(u);
        if (r == 0)
                r = watch(u, udev_monitor_get_fd(u->monitor));
        if (r == 0)
                r = watch(u, nl_socket_get_fd(u->link));
        if (r < 0)
                return r;
        remember_all(u); /* after the sources are open: nothing falls between */
        *ret = TAKE_PTR(u);
        return 0;
}

void uevents_free(struct uevents *u)
{
        if (!u)
                return;
        udev_monitor_unref(u->monitor);
        udev_unref(u->udev);
        nl_socket_free(u->link);
        if (u->epoll_fd >= 0)
                close(u->epoll_fd);
        free(u->seen);
        free(u);
}

int uevents_fd(struct uevents *u)
{
        return u->epoll_fd;
}
