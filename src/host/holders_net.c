/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netdevs in use: enslaved, below others, addressed, routed through, or moved away. Worker threads.
 */
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "host/holders_private.h"
#include "host/netdev.h"

#define HOPS_MAX  64 /* of one default route */
#define DEPTH_MAX 8  /* netdevs above each other */

struct net_uses {
        struct use_link *links;
        size_t n_links, links_capacity;
        struct use_address *addresses;
        size_t n_addresses, addresses_capacity;
        int *routes; /* netdevs that default routes lead through */
        size_t n_routes, routes_capacity;
};

void net_uses_free(struct net_uses *net)
{
        if (!net)
                return;
        free(net->links);
        free(net->addresses);
        free(net->routes);
        free(net);
}

/* ---- what the kernel says ----------------------------------------------------------------------
 */

static int on_link(const void *payload, size_t n, void *userdata)
{
        struct net_uses *net = userdata;
        int r;

        r = array_grow(&net->links, &net->links_capacity, net->n_links, sizeof(*net->links));
        if (r == 0 && netuse_link(payload, n, &net->links[net->n_links]) == 0)
                net->n_links++;
        return r;
}

static int on_address(const void *payload, size_t n, void *userdata)
{
        struct net_uses *net = userdata;
        int r;

        r = array_grow(&net->addresses, &net->addresses_capacity, net->n_addresses,
                sizeof(*net->addresses));
        if (r == 0 && netuse_address(payload, n, &net->addresses[net->n_addresses]) == 1)
                net->n_addresses++;
        return r;
}

static int on_route(const void *payload, size_t n, void *userdata)
{
        struct net_uses *net = userdata;
        int hops[HOPS_MAX], found, r = 0;

        found = netuse_default_route(payload, n, hops, HOPS_MAX);
        for (int i = 0; r == 0 && i < found; i++) {
                r = array_grow(
                        &net->routes, &net->routes_capacity, net->n_routes, sizeof(*net->routes));
                if (r == 0)
                        net->routes[net->n_routes++] = hops[i];
        }
        return r;
}

/* In the main table alone: strict checking lets the kernel leave the others out. */
static int dump_routes(struct net_uses *net, unsigned char family)
{
        const struct {
                struct rtmsg header;
                struct rtattr attr;
                uint32_t table;
        } request = {{.rtm_family = family},
                {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = RTA_TABLE}, RT_TABLE_MAIN};
        int r;

        r = rtnl_dump(NETLINK_ROUTE, RTM_GETROUTE, &request, sizeof(request), on_route, net);
        return r == -ENOENT || r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r; /* no such table */
}

static int load(struct census *c)
{
        const struct {
                struct ifinfomsg header;
                struct rtattr attr;
                uint32_t mask;
        } links = {{.ifi_family = AF_UNSPEC},
                {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_EXT_MASK},
                RTEXT_FILTER_SKIP_STATS};
        const struct ifaddrmsg addresses = {.ifa_family = AF_UNSPEC};
        int r;

        if (c->net)
                return 0;
        c->net = calloc(1, sizeof(*c->net));
        if (!c->net)
                return -ENOMEM;
        r = rtnl_dump(NETLINK_ROUTE, RTM_GETLINK, &links, sizeof(links), on_link, c->net);
        if (r == 0)
                r = rtnl_dump(NETLINK_ROUTE, RTM_GETADDR, &addresses, sizeof(addresses), on_address,
                        c->net);
        if (r == 0)
                r = dump_routes(c->net, AF_INET);
        return r < 0 ? r : dump_routes(c->net, AF_INET6);
}

/* ---- what it means -----------------------------------------------------------------------------
 */

static const struct use_link *find_link(const struct net_uses *net, int ifindex)
{
        for (size_t i = 0; i < net->n_links; i++)
                if (net->links[i].ifindex == ifindex)
                        return &net->links[i];
        return NULL;
}

/* Through the netdev, or through something it is part of or lies below. */
static bool is_routed(const struct net_uses *net, int ifindex, unsigned depth)
{
        const struct use_link *link = find_link(net, ifindex);

        for (size_t i = 0; i < net->n_routes; i++)
                if (net->routes[i] == ifindex)
                        return true;
        if (depth == DEPTH_MAX)
                return false;
        if (link && link->master > 0 && is_routed(net, link->master, depth + 1))
                return true;
        for (size_t i = 0; i < net->n_links; i++)
                if (net->links[i].lower == ifindex &&
                        is_routed(net, net->links[i].ifindex, depth + 1))
                        return true;
        return false;
}

static int add_netdev(struct census *c, uint32_t vf, const struct link_reading *netdev)
{
        const struct use_link *link = find_link(c->net, netdev->ifindex);
        int r = 0;

        if (link && link->master > 0) {
                const struct use_link *master = find_link(c->net, link->master);

                r = census_add(c, vf, "master", -1, master ? master->name : "another netdev",
                        netdev->name);
        }
        for (size_t i = 0; r == 0 && i < c->net->n_links; i++)
                if (c->net->links[i].lower == netdev->ifindex)
                        r = census_add(c, vf, "upper", -1, c->net->links[i].name, netdev->name);
        for (size_t i = 0; r == 0 && i < c->net->n_addresses; i++)
                if (c->net->addresses[i].ifindex == netdev->ifindex)
                        r = census_add(
                                c, vf, "address", -1, c->net->addresses[i].text, netdev->name);
        if (r == 0 && is_routed(c->net, netdev->ifindex, 0))
                r = census_add(c, vf, "route", -1, NULL, netdev->name);
        return r;
}

/*
 * A netdev in another namespace keeps its place below the device, and its entry there is another
 * namespace's: the directory is there and looks empty (drivers/base/core.c,
 * class_dir_create_and_add and cleanup_glue_dir; net/core/dev.c, __dev_change_net_namespace).
 */
static bool netdev_is_away(int dev_fd)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;

        if (sysfs_open_dir(dev_fd, "net", &dir) < 0)
                return false;
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        return false;
        return true;
}

int census_net(struct census *c, uint32_t vf, int dev_fd)
{
        _cleanup_(freep) struct link_reading *links = NULL;
        size_t n;
        int r;

        if (netdev_is_away(dev_fd))
                return census_add(c, vf, "netns", -1, NULL, NULL);
        r = netdev_list(dev_fd, NULL, &links, &n);
        if (r == 0 && n > 0)
                r = load(c);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = add_netdev(c, vf, &links[i]);
        return r;
}

int census_pf(struct census *c, int pf_fd)
{
        _cleanup_(freep) struct link_reading *links = NULL;
        size_t n;
        int r;

        r = netdev_list(pf_fd, NULL, &links, &n);
        if (r == 0 && n > 0)
                r = load(c);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (is_routed(c->net, links[i].ifindex, 0))
                        r = census_add(c, NO_VF, "route", -1, NULL, links[i].name);
        return r;
}
