/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a PCI function to its netdevs. Worker threads. */
#include <stdio.h>

#include "host/netdev.h"

/* "p0", "p1s0" (a split port): an uplink. "pf0vf1", "c1pf0", "pf0sf88": a representor. */
static unsigned rank(const struct link_reading *link)
{
        if (link->port_name[0] == '\0')
                return 1;
        return link->port_name[0] == 'p' && link->port_name[1] >= '0' && link->port_name[1] <= '9'
                       ? 0
                       : 2;
}

static int compare_links(const void *a, const void *b)
{
        const struct link_reading *x = a, *y = b;

        if (rank(x) != rank(y))
                return rank(x) < rank(y) ? -1 : 1;
        return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

/* False when it is gone or renamed in between: an event will bring us here again. */
static bool read_netdev(int net_fd, const char *name, struct rtnl *rtnl, struct link_reading *ret)
{
        char path[NETDEV_MAX + sizeof("/ifindex")];
        struct link_reading link = {.mtu = -1};
        int32_t ifindex;

        if (!ifname_valid(name) || !utf8_valid(name) ||
                str_copy(link.name, sizeof(link.name), name) < 0)
                return false;
        snprintf(path, sizeof(path), "%s/ifindex", link.name);
        if (sysfs_read_i32(net_fd, path, &ifindex) < 0)
                return false;
        link.ifindex = ifindex;
        *ret = link;
        if (rtnl && rtnl_get_link(rtnl, ifindex, &link) == 0 && utf8_valid(link.name) &&
                link.name[0] != '\0')
                *ret = link;
        return true;
}

int netdev_list(int dev_fd, struct rtnl *rtnl, struct link_reading **ret, size_t *ret_n)
{
        _cleanup_(freep) struct link_reading *links = NULL;
        _cleanup_(closedirp) DIR *dir = NULL;
        size_t n = 0, capacity = 0;
        struct dirent *entry;
        int r;

        r = sysfs_open_dir(dev_fd, "net", &dir);
        if (r < 0 && r != -ENOENT)
                return r;
        while (dir && (entry = readdir(dir))) {
                r = array_grow(&links, &capacity, n, sizeof(*links));
                if (r < 0)
                        return r;
                if (entry->d_name[0] != '.' &&
                        read_netdev(dirfd(dir), entry->d_name, rtnl, &links[n]))
                        n++;
        }
        if (n > 1)
                qsort(links, n, sizeof(*links), compare_links);
        *ret = TAKE_PTR(links);
        *ret_n = n;
        return 0;
}

int netdev_uplink(int dev_fd, struct rtnl *rtnl, struct link_reading *ret)
{
        _cleanup_(freep) struct link_reading *links = NULL;
        size_t n;
        int r;

        r = netdev_list(dev_fd, rtnl, &links, &n);
        if (r < 0)
                return r;
        if (n == 0)
                return -ENODEV;
        *ret = links[0];
        return 0;
}

void netdev_name(int dev_fd, char buf[static NETDEV_MAX])
{
        _cleanup_(closedirp) DIR *dir = NULL;
        char first[NETDEV_MAX] = "";
        struct dirent *entry;

        if (sysfs_open_dir(dev_fd, "net", &dir) == 0)
                while ((entry = readdir(dir)))
                        if (ifname_valid(entry->d_name) && utf8_valid(entry->d_name) &&
                                (first[0] == '\0' || strcmp(entry->d_name, first) < 0))
                                snprintf(first, sizeof(first), "%.15s", entry->d_name);
        memcpy(buf, first, sizeof(first));
}
