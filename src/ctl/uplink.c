/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Default routes, the SSH session, and what lies below an interface. Loop thread. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>

#include "base/fileio.h"
#include "base/parse.h"
#include "ctl/uplink.h"

#define TEXT_MAX  (16u * 1024u * 1024u) /* a router has many routes */
#define DEPTH_MAX 8u                    /* MAX_NEST_DEV of the kernel */
#define ANCESTORS 64u

static void add(struct uplinks *u, const char *netdev, const char *what)
{
        struct uplink *to = &u->list[u->n];

        for (size_t i = 0; i < u->n; i++)
                if (streq(u->list[i].netdev, netdev) && streq(u->list[i].what, what))
                        return;
        if (u->n == UPLINKS_MAX || str_copy(to->netdev, sizeof(to->netdev), netdev) < 0)
                return;
        to->what = what;
        u->n++;
}

static bool leads_out(unsigned flags)
{
        return (flags & RTF_UP) && !(flags & RTF_REJECT);
}

void uplinks_of_routes4(const char *text, struct uplinks *u)
{
        char netdev[NETDEV_MAX];
        unsigned to, flags, mask;

        for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
                if (sscanf(text, "%15s %x %*x %x %*u %*u %*u %x", netdev, &to, &flags, &mask) ==
                                4 &&
                        to == 0 && mask == 0 && leads_out(flags))
                        add(u, netdev, "the IPv4 default route");
}

void uplinks_of_routes6(const char *text, struct uplinks *u)
{
        char netdev[NETDEV_MAX], to[33];
        unsigned length, flags;

        for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
                if (sscanf(text, "%32s %x %*s %*x %*s %*x %*x %*x %x %15s", to, &length, &flags,
                            netdev) == 4 &&
                        length == 0 && strspn(to, "0") == 32 && leads_out(flags))
                        add(u, netdev, "the IPv6 default route");
}

int ssh_address(const char *connection, char buf[static SSH_ADDRESS_SIZE])
{
        char address[SSH_ADDRESS_SIZE];
        const char *s = address;

        if (sscanf(connection, "%*s %*u %63s %*u", address) != 1)
                return -EINVAL;
        if (strncasecmp(s, "::ffff:", strlen("::ffff:")) == 0 && strchr(s, '.'))
                s += strlen("::ffff:");
        return str_copy(buf, SSH_ADDRESS_SIZE, s);
}

/* The parent's number; 0 when there is none or it can not be read. */
static uint32_t parent_of(int proc, uint32_t pid)
{
        _cleanup_(freep) char *text = NULL;
        const char *behind;
        uint32_t parent = 0;
        char path[32];

        snprintf(path, sizeof(path), "%u/stat", pid);
        if (read_file_at(proc, path, 4096, &text, NULL) < 0)
                return 0;
        behind = strrchr(text, ')'); /* the name may have anything in it */
        if (!behind || sscanf(behind, ") %*c %u", &parent) != 1)
                return 0;
        return parent;
}

int ssh_connection_of(int proc, uint32_t pid, char *buf, size_t size)
{
        static const char key[] = "SSH_CONNECTION=";

        for (unsigned i = 0; pid > 0 && i < ANCESTORS; i++, pid = parent_of(proc, pid)) {
                _cleanup_(freep) char *text = NULL;
                char path[32];
                size_t n;

                snprintf(path, sizeof(path), "%u/environ", pid);
                if (read_file_at(proc, path, TEXT_MAX, &text, &n) < 0)
                        continue;
                for (const char *s = text; s < text + n; s += strlen(s) + 1)
                        if (startswith(s, key))
                                return str_copy(buf, size, s + strlen(key));
        }
        return -ENOENT;
}

static bool has_address(const struct sockaddr *a, int family, const void *wanted)
{
        if (!a || a->sa_family != family)
                return false;
        if (family == AF_INET)
                return memcmp(&((const struct sockaddr_in *) (const void *) a)->sin_addr, wanted,
                               sizeof(struct in_addr)) == 0;
        return memcmp(&((const struct sockaddr_in6 *) (const void *) a)->sin6_addr, wanted,
                       sizeof(struct in6_addr)) == 0;
}

void uplinks_of_address(const char *address, const struct ifaddrs *list, struct uplinks *u)
{
        char plain[SSH_ADDRESS_SIZE], *zone;
        struct in6_addr wanted;
        int family;

        if (str_copy(plain, sizeof(plain), address) < 0)
                return;
        zone = strchr(plain, '%');
        if (zone)
                *zone++ = '\0';
        family = strchr(plain, ':') ? AF_INET6 : AF_INET;
        if (inet_pton(family, plain, &wanted) != 1)
                return;
        for (; list; list = list->ifa_next)
                if (has_address(list->ifa_addr, family, &wanted) &&
                        (!zone || streq(zone, list->ifa_name)))
                        add(u, list->ifa_name, "your SSH session");
}

static void add_routes(
        const char *path, void (*of)(const char *text, struct uplinks *u), struct uplinks *u)
{
        _cleanup_(freep) char *text = NULL;

        if (read_file_at(AT_FDCWD, path, TEXT_MAX, &text, NULL) >= 0)
                of(text, u);
}

void uplinks_here(struct uplinks *u)
{
        char connection[256], address[SSH_ADDRESS_SIZE];
        _cleanup_(closep) int proc = -1;
        struct ifaddrs *list;

        *u = (struct uplinks){0};
        add_routes("/proc/net/route", uplinks_of_routes4, u);
        add_routes("/proc/net/ipv6_route", uplinks_of_routes6, u);
        proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (proc < 0 ||
                ssh_connection_of(proc, (uint32_t) getpid(), connection, sizeof(connection)) < 0 ||
                ssh_address(connection, address) < 0 || getifaddrs(&list) < 0)
                return;
        uplinks_of_address(address, list, u);
        freeifaddrs(list);
}

/* Does class/net/NETDEV/link lead to the PCI function? */
static bool links_to(int sys, const char *netdev, const char *link, const char *address)
{
        char path[64 + NETDEV_MAX], name[64];

        snprintf(path, sizeof(path), "class/net/%s/%s", netdev, link);
        return readlink_name_at(sys, path, name, sizeof(name)) >= 0 && streq(name, address);
}

struct search {
        int sys;
        const char *address, *netdev;
};

/* Calls itself for what lies below; DEPTH_MAX bounds that. */
static bool stands_on(const struct search *s, const char *netdev, unsigned depth)
{
        char path[64 + NETDEV_MAX];
        const struct dirent *entry;
        bool found;
        DIR *dir;
        int fd;

        if (streq(netdev, s->netdev) || links_to(s->sys, netdev, "device", s->address) ||
                links_to(s->sys, netdev, "device/physfn", s->address))
                return true;
        if (depth == DEPTH_MAX)
                return false;
        snprintf(path, sizeof(path), "class/net/%s", netdev);
        fd = openat(s->sys, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        dir = fd >= 0 ? fdopendir(fd) : NULL;
        if (!dir) {
                closep(&fd);
                return false;
        }
        found = false;
        while (!found && (entry = readdir(dir)))
                found = startswith(entry->d_name, "lower_") &&
                        ifname_valid(entry->d_name + strlen("lower_")) &&
                        stands_on(s, entry->d_name + strlen("lower_"), depth + 1);
        closedir(dir);
        return found;
}

const struct uplink *uplink_through(
        const struct uplinks *u, int sys, const char *address, const char *netdev)
{
        const struct search s = {.sys = sys, .address = address, .netdev = netdev};

        for (size_t i = 0; i < u->n; i++)
                if (ifname_valid(u->list[i].netdev) && stands_on(&s, u->list[i].netdev, 0))
                        return &u->list[i];
        return NULL;
}
