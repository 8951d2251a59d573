/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open vfio files and the processes behind them. Worker threads. */
#include <fcntl.h>
#include <stdio.h>

#include "host/holders_private.h"
#include "host/iommu.h"

#define VFIO_DIR "/dev/vfio/"

/* A process with a vfio file open. */
struct opener {
        int32_t pid;
        char path[NAME_MAX_TEXT];
};

struct openers {
        struct opener *list;
        size_t n, capacity;
};

static int add_opener(struct openers *openers, int32_t pid, const char *path)
{
        struct opener *o;
        int r;

        for (size_t i = 0; i < openers->n; i++)
                if (openers->list[i].pid == pid && streq(openers->list[i].path, path))
                        return 0;
        r = array_grow(&openers->list, &openers->capacity, openers->n, sizeof(*openers->list));
        if (r < 0)
                return r;
        o = &openers->list[openers->n];
        o->pid = pid;
        if (str_copy(o->path, sizeof(o->path), path) == 0)
                openers->n++;
        return 0;
}

/* Processes we may not look into are passed over. */
static int scan_process(int proc_fd, const char *name, struct openers *openers)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        char path[sizeof("/fd") + 16], target[NAME_MAX_TEXT];
        struct dirent *entry;
        uint32_t pid;
        int r = 0;

        if (parse_u32(name, 1, INT32_MAX, &pid) < 0)
                return 0;
        snprintf(path, sizeof(path), "%u/fd", pid);
        if (sysfs_open_dir(proc_fd, path, &dir) < 0)
                return 0;
        while (r == 0 && (entry = readdir(dir))) {
                ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

                if (n <= 0)
                        continue;
                target[n] = '\0';
                if (startswith(target, VFIO_DIR) && !streq(target, VFIO_DIR "vfio"))
                        r = add_opener(openers, (int32_t) pid, target);
        }
        return r;
}

static int scan_processes(const char *proc, struct openers *openers)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r = 0;

        if (sysfs_open_dir(AT_FDCWD, proc, &dir) < 0)
                return 0;
        while (r == 0 && (entry = readdir(dir)))
                r = scan_process(dirfd(dir), entry->d_name, openers);
        return r;
}

/* The files by which a VF can be open: its group's, and since Linux 6.6 its own. */
struct vfio_paths {
        char group[NAME_MAX_TEXT];
        char device[NAME_MAX_TEXT];
};

static void find_paths(int vf_fd, struct vfio_paths *ret)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        char name[NAME_MAX_TEXT];
        struct dirent *entry;
        int32_t group = iommu_group_of(vf_fd);

        *ret = (struct vfio_paths){0};
        sysfs_read_text(vf_fd, "iommu_group/name", name, sizeof(name));
        if (group >= 0)
                snprintf(ret->group, sizeof(ret->group), VFIO_DIR "%s%d",
                        streq(name, "vfio-noiommu") ? "noiommu-" : "", group);
        if (sysfs_open_dir(vf_fd, "vfio-dev", &dir) < 0)
                return;
        while ((entry = readdir(dir)))
                if (startswith(entry->d_name, "vfio"))
                        snprintf(ret->device, sizeof(ret->device), VFIO_DIR "devices/%.64s",
                                entry->d_name);
}

bool vfio_is_open(int dev_fd)
{
        struct vf_facts vf;

        vf_facts_init(&vf, 0);
        sysfs_read_link(dev_fd, "driver", vf.driver, sizeof(vf.driver));
        sysfs_read_i32(dev_fd, "enable", &vf.enable);
        return vf_facts_held(&vf);
}

void openers_free(struct openers *openers)
{
        if (openers)
                free(openers->list);
        free(openers);
}

/* Everybody seen with one of its files open, or one unknown holder: that it is open is sure. */
int census_vfio(struct census *c, uint32_t vf, int dev_fd)
{
        struct vfio_paths paths;
        size_t before = c->n;
        int r = 0;

        if (!vfio_is_open(dev_fd))
                return 0;
        if (!c->openers) {
                c->openers = calloc(1, sizeof(*c->openers));
                r = c->openers ? scan_processes(c->proc, c->openers) : -ENOMEM;
        }
        find_paths(dev_fd, &paths);
        for (size_t i = 0; r == 0 && i < c->openers->n; i++) {
                const struct opener *o = &c->openers->list[i];

                if (streq(o->path, paths.group) || streq(o->path, paths.device))
                        r = census_add(c, vf, "vfio", o->pid, NULL, o->path);
        }
        if (r == 0 && c->n == before)
                r = census_add(
                        c, vf, "vfio", -1, NULL, paths.group[0] ? paths.group : paths.device);
        return r;
}
