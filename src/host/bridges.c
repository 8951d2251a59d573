/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bridges from the way a device's directory lies in sysfs. Worker threads. */
#include <stdio.h>
#include <stdlib.h>

#include "host/acs.h"
#include "host/bridges.h"
#include "host/iommu.h"

static struct bridge_facts *find(const struct bridges *b, const char *address)
{
        for (size_t i = 0; i < b->n; i++)
                if (streq(b->list[i].address, address))
                        return &b->list[i];
        return NULL;
}

/* Without the registers: from the place, and whether it speaks PCI Express at all. */
static const char *kind_by_place(int fd, const struct bridge_facts *parent)
{
        if (faccessat(fd, "max_link_speed", F_OK, 0) < 0)
                return "bridge";
        if (!parent)
                return "root-port";
        return streq(parent->kind, "upstream") ? "downstream" : "upstream";
}

static int add_one(int root_fd, struct bridges *b, const char *address, const char *parent)
{
        struct bridge_facts one = {.group = -1, .acs = ACS_UNKNOWN};
        const struct bridge_facts *up = find(b, parent);
        _cleanup_(closep) int fd = -1;
        int r;

        snprintf(one.address, sizeof(one.address), "%s", address);
        snprintf(one.parent, sizeof(one.parent), "%s", parent);
        snprintf(one.kind, sizeof(one.kind), "bridge");
        if (sysfs_open_device(root_fd, address, &fd) == 0) {
                snprintf(one.kind, sizeof(one.kind), "%s", kind_by_place(fd, up));
                one.group = iommu_group_of(fd);
                one.acs = acs_read(fd, one.kind);
        }
        r = array_grow(&b->list, &b->capacity, b->n, sizeof(*b->list));
        if (r == 0)
                b->list[b->n++] = one;
        return r;
}

/* The next component of the path; false at its end. */
static bool next_name(const char **path, char buf[static BDF_STR_MAX])
{
        const char *s = *path + strspn(*path, "/");
        size_t n = strcspn(s, "/");

        if (n == 0)
                return false;
        buf[0] = '\0';
        if (n < BDF_STR_MAX) {
                memcpy(buf, s, n);
                buf[n] = '\0';
        }
        *path = s + n;
        return true;
}

int bridges_add(int root_fd, struct bridges *b, const char *link, bool is_bridge,
        char parent[static BDF_STR_MAX])
{
        char above[BDF_STR_MAX] = "", name[BDF_STR_MAX];
        struct bridge_facts *nearest;
        struct dev_id id;
        int r = 0;

        while (r == 0 && next_name(&link, name)) {
                if (link[strspn(link, "/")] == '\0')
                        break; /* the device itself */
                if (dev_id_from_address(name, &id) < 0) {
                        above[0] = '\0'; /* a root bus: one may lie behind a device (VMD) */
                        continue;
                }
                snprintf(name, sizeof(name), "%s", dev_id_address(&id));
                if (!find(b, name))
                        r = add_one(root_fd, b, name, above);
                memcpy(above, name, sizeof(above));
        }
        if (r < 0)
                return r;
        memcpy(parent, above, BDF_STR_MAX);
        /* Right below an upstream port are downstream ports, nothing else: it leads to PCI. */
        nearest = find(b, above);
        if (nearest && !is_bridge && streq(nearest->kind, "upstream"))
                snprintf(nearest->kind, sizeof(nearest->kind), "bridge");
        return 0;
}
