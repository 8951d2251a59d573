/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups and their members. Worker threads. */
#include <fcntl.h>
#include <stdio.h>

#include "host/iommu.h"

#define GROUPS "kernel/iommu_groups"

int32_t iommu_group_of(int dev_fd)
{
        char name[16];
        uint32_t id;

        if (readlink_name_at(dev_fd, "iommu_group", name, sizeof(name)) < 0 ||
                parse_u32(name, 0, INT32_MAX, &id) < 0)
                return -1;
        return (int32_t) id;
}

/* "noiommu" for the groups that vfio makes up where there is no IOMMU. */
static void read_type(int group_fd, char type[static WORD_MAX])
{
        char name[NAME_MAX_TEXT];

        sysfs_read_text(group_fd, "name", name, sizeof(name));
        if (streq(name, "vfio-noiommu"))
                snprintf(type, WORD_MAX, "noiommu");
        else
                sysfs_read_text(group_fd, "type", type, WORD_MAX);
}

/* A member that is no PCI device (a platform device) is listed by its name if that fits. */
static bool read_member(int devices_fd, const char *name, struct group_device *ret, bool *ours)
{
        _cleanup_(closep) int fd = -1;

        *ret = (struct group_device){0};
        if (str_copy(ret->address, sizeof(ret->address), name) < 0)
                return false;
        fd = openat(devices_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return errno != ENOENT; /* gone in between */
        sysfs_read_link(fd, "driver", ret->driver, sizeof(ret->driver));
        sysfs_read_hex(fd, "class", &ret->pci_class);
        if (sysfs_is_pf(fd) || faccessat(fd, "physfn", F_OK, 0) == 0)
                *ours = true;
        return true;
}

static int compare_devices(const void *a, const void *b)
{
        return strcmp(((const struct group_device *) a)->address,
                ((const struct group_device *) b)->address);
}

/* 1 and the group when it holds one of ours, 0 when not. */
static int read_group(int groups_fd, const char *name, struct group_facts *ret)
{
        _cleanup_(freep) struct group_device *devices = NULL;
        _cleanup_(closedirp) DIR *dir = NULL;
        _cleanup_(closep) int fd = -1;
        size_t n = 0, capacity = 0;
        struct dirent *entry;
        bool ours = false;
        uint32_t id;
        int r;

        if (parse_u32(name, 0, INT32_MAX, &id) < 0)
                return 0;
        fd = openat(groups_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || sysfs_open_dir(fd, "devices", &dir) < 0)
                return 0; /* gone in between */
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                r = array_grow(&devices, &capacity, n, sizeof(*devices));
                if (r < 0)
                        return r;
                if (read_member(dirfd(dir), entry->d_name, &devices[n], &ours))
                        n++;
        }
        if (!ours)
                return 0;
        qsort(devices, n, sizeof(*devices), compare_devices);
        *ret = (struct group_facts){.id = (int32_t) id, .n_devices = (uint32_t) n};
        read_type(fd, ret->type);
        ret->devices = TAKE_PTR(devices);
        return 1;
}

static int compare_groups(const void *a, const void *b)
{
        int32_t x = ((const struct group_facts *) a)->id, y = ((const struct group_facts *) b)->id;

        return (x > y) - (x < y);
}

int iommu_groups(int root_fd, struct groups *ret)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct groups groups = {0};
        struct dirent *entry;
        size_t capacity = 0;
        int r;

        r = sysfs_open_dir(root_fd, GROUPS, &dir);
        if (r == -ENOENT) { /* a kernel without any IOMMU */
                *ret = groups;
                return 0;
        }
        if (r < 0)
                return r;
        while ((entry = readdir(dir))) {
                r = array_grow(&groups.list, &capacity, groups.n, sizeof(*groups.list));
                if (r == 0)
                        r = read_group(dirfd(dir), entry->d_name, &groups.list[groups.n]);
                if (r < 0) {
                        groups_done(&groups);
                        return r;
                }
                groups.n += (uint32_t) r;
        }
        if (groups.n > 1)
                qsort(groups.list, groups.n, sizeof(*groups.list), compare_groups);
        *ret = groups;
        return 0;
}
