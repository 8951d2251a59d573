/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups and their members. Worker threads. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "host/bridges.h"
#include "host/iommu.h"

#define GROUPS        "kernel/iommu_groups"
#define LINK_MAX_TEXT 1024

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

/* "0x00000000fee00000 0x00000000feefffff msi" on each line; RESERVED_MAX of them, the first. */
static void read_reserved(int group_fd, struct group_facts *ret)
{
        _cleanup_(freep) char *text = NULL;
        char *rest, *line;

        if (read_file_at(group_fd, "reserved_regions", UINT16_MAX, &text, NULL) < 0)
                return;
        rest = text;
        while ((line = strsep(&rest, "\n")) && ret->n_reserved < RESERVED_MAX) {
                struct reserved_region *region = &ret->reserved[ret->n_reserved];
                char type[WORD_MAX];

                if (sscanf(line, "0x%" SCNx64 " 0x%" SCNx64 " %23[a-z-]", &region->start,
                            &region->end, type) == 3 &&
                        region->start <= region->end) {
                        memcpy(region->type, type, sizeof(type));
                        ret->n_reserved++;
                } else
                        *region = (struct reserved_region){0};
        }
}

/* What a walk over the groups gathers. */
struct gathering {
        int root_fd;
        struct groups groups;
        struct bridges bridges;
        size_t capacity;         /* of groups.list */
        bool real;               /* a group of the IOMMU's, in which nothing of ours need be */
        bool translated, passed; /* groups of host drivers that are DMA, resp. identity */
};

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
        if (sysfs_physfn(fd, ret->physfn) == 0 || sysfs_is_pf(fd))
                *ours = true;
        return true;
}

/* What is above a member: its link leads through all of it. */
static int read_above(struct gathering *g, int devices_fd, struct group_device *device)
{
        char link[LINK_MAX_TEXT];
        ssize_t n = readlinkat(devices_fd, device->address, link, sizeof(link) - 1);

        if (n <= 0)
                return 0; /* gone in between */
        link[n] = '\0';
        return bridges_add(
                g->root_fd, &g->bridges, link, device->pci_class >> 8 == 0x0604, device->parent);
}

static int compare_devices(const void *a, const void *b)
{
        return strcmp(((const struct group_device *) a)->address,
                ((const struct group_device *) b)->address);
}

static void note_type(struct gathering *g, const struct group_facts *group)
{
        g->real |= !streq(group->type, "noiommu");
        g->passed |= streq(group->type, "identity");
        g->translated |= startswith(group->type, "DMA");
}

/* 1 and the group when it holds one of ours, 0 when not. */
static int read_group(struct gathering *g, int groups_fd, const char *name, struct group_facts *ret)
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
        *ret = (struct group_facts){.id = (int32_t) id};
        read_type(fd, ret->type);
        note_type(g, ret);
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
        for (size_t i = 0; i < n; i++) {
                r = read_above(g, dirfd(dir), &devices[i]);
                if (r < 0)
                        return r;
        }
        qsort(devices, n, sizeof(*devices), compare_devices);
        read_reserved(fd, ret);
        ret->n_devices = (uint32_t) n;
        ret->devices = TAKE_PTR(devices);
        return 1;
}

static int compare_groups(const void *a, const void *b)
{
        int32_t x = ((const struct group_facts *) a)->id, y = ((const struct group_facts *) b)->id;

        return (x > y) - (x < y);
}

static int read_groups(struct gathering *g)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = sysfs_open_dir(g->root_fd, GROUPS, &dir);
        if (r == -ENOENT) /* a kernel without any IOMMU */
                return 0;
        while (r == 0 && (entry = readdir(dir))) {
                r = array_grow(&g->groups.list, &g->capacity, g->groups.n, sizeof(*g->groups.list));
                if (r == 0)
                        r = read_group(g, dirfd(dir), entry->d_name, &g->groups.list[g->groups.n]);
                if (r > 0) {
                        g->groups.n++;
                        r = 0;
                }
        }
        return r;
}

/* ---- the IOMMU as a whole ----------------------------------------------------------------------
 */

/* A module's parameter: Y, N, or -1 when the module is not there. */
static int8_t read_switch(int root_fd, const char *path)
{
        char text[8];

        sysfs_read_text(root_fd, path, text, sizeof(text));
        if (streq(text, "Y") || streq(text, "1"))
                return 1;
        return streq(text, "N") || streq(text, "0") ? 0 : -1;
}

/*
 * By the names of the interrupt chips, which everybody may read: x86 prefixes those that are
 * remapped ("IR-PCI-MSI"), Arm's ITS checks who sends (irq_domain_check_msi_remap()).
 */
static int8_t read_remapping(int root_fd)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int8_t found = -1;

        if (sysfs_open_dir(root_fd, "kernel/irq", &dir) < 0)
                return -1;
        while (found != 1 && (entry = readdir(dir))) {
                char path[NAME_MAX_TEXT], chip[NAME_MAX_TEXT];

                if (entry->d_name[0] == '.' || strlen(entry->d_name) > 16)
                        continue;
                snprintf(path, sizeof(path), "%.16s/chip_name", entry->d_name);
                sysfs_read_text(dirfd(dir), path, chip, sizeof(chip));
                if (startswith(chip, "IR-") || startswith(chip, "ITS-"))
                        found = 1;
                else if (startswith(chip, "PCI-MSI") || startswith(chip, "IO-APIC"))
                        found = 0;
        }
        return found;
}

/* The first by its name: "dmar0", "ivhd0", "smmu3.0x000000002b400000". */
static void read_name(int root_fd, char name[static NAME_MAX_TEXT])
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;

        if (sysfs_open_dir(root_fd, "class/iommu", &dir) < 0)
                return;
        while ((entry = readdir(dir))) {
                const char *one = entry->d_name;

                if (one[0] == '.' || !utf8_valid(one) || strlen(one) >= NAME_MAX_TEXT ||
                        (name[0] && strcmp(one, name) > 0))
                        continue;
                snprintf(name, NAME_MAX_TEXT, "%s", one);
        }
}

static void read_iommu(const struct gathering *g, struct iommu_facts *ret)
{
        *ret = IOMMU_FACTS_NULL;
        read_name(g->root_fd, ret->name);
        ret->present = g->real || ret->name[0];
        ret->interrupt_remap = read_remapping(g->root_fd);
        ret->unsafe_interrupts = read_switch(
                g->root_fd, "module/vfio_iommu_type1/parameters/allow_unsafe_interrupts");
        ret->noiommu = read_switch(g->root_fd, "module/vfio/parameters/enable_unsafe_noiommu_mode");
        if (g->passed || g->translated)
                ret->passthrough = g->passed && !g->translated;
}

static int compare_bridges(const void *a, const void *b)
{
        return strcmp(((const struct bridge_facts *) a)->address,
                ((const struct bridge_facts *) b)->address);
}

int iommu_groups(int root_fd, struct groups *ret)
{
        struct gathering g = {.root_fd = root_fd};
        int r;

        r = read_groups(&g);
        g.groups.bridges = g.bridges.list;
        g.groups.n_bridges = (uint32_t) g.bridges.n;
        if (r < 0) {
                groups_done(&g.groups);
                return r;
        }
        read_iommu(&g, &g.groups.iommu);
        if (g.groups.n > 1)
                qsort(g.groups.list, g.groups.n, sizeof(*g.groups.list), compare_groups);
        if (g.groups.n_bridges > 1)
                qsort(g.groups.bridges, g.groups.n_bridges, sizeof(*g.groups.bridges),
                        compare_bridges);
        *ret = g.groups;
        return 0;
}
