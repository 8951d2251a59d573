/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open vfio files and the processes behind them. Worker threads. */
#include <fcntl.h>
#include <stdio.h>

#include "host/holders.h"
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

struct found {
        struct holder *list;
        size_t n, capacity;
};

static int add_holder(
        struct found *found, const char *proc, uint32_t vf, int32_t pid, const char *path)
{
        struct holder h = {.vf = vf, .kind = "vfio", .pid = pid};
        char comm[NAME_MAX_TEXT];
        int r;

        snprintf(h.path, sizeof(h.path), "%s", path);
        if (pid >= 0) {
                snprintf(comm, sizeof(comm), "%s/%d/comm", proc, pid);
                sysfs_read_text(AT_FDCWD, comm, h.name, sizeof(h.name));
        }
        r = array_grow(&found->list, &found->capacity, found->n, sizeof(*found->list));
        if (r == 0)
                found->list[found->n++] = h;
        return r;
}

static bool is_held(int vf_fd)
{
        struct vf_facts vf;

        vf_facts_init(&vf, 0);
        sysfs_read_link(vf_fd, "driver", vf.driver, sizeof(vf.driver));
        sysfs_read_i32(vf_fd, "enable", &vf.enable);
        return vf_facts_held(&vf);
}

/* Everybody seen with one of its files open, or one unknown holder: that it is open is sure. */
static int add_holders_of(
        struct found *found, const struct openers *openers, const char *proc, uint32_t vf, int fd)
{
        struct vfio_paths paths;
        size_t before = found->n;
        int r = 0;

        find_paths(fd, &paths);
        for (size_t i = 0; r == 0 && i < openers->n; i++) {
                const struct opener *o = &openers->list[i];

                if (streq(o->path, paths.group) || streq(o->path, paths.device))
                        r = add_holder(found, proc, vf, o->pid, o->path);
        }
        if (r == 0 && found->n == before)
                r = add_holder(found, proc, vf, -1, paths.group[0] ? paths.group : paths.device);
        return r;
}

int holders_find(int pf_fd, const char *proc, uint32_t vf, struct holder **ret, size_t *ret_n)
{
        _cleanup_(freep) struct vf_link *links = NULL;
        struct openers openers = {0};
        struct found found = {0};
        bool scanned = false;
        size_t n;
        int r;

        r = sysfs_vf_links(pf_fd, &links, &n);
        for (size_t i = 0; r == 0 && i < n; i++) {
                _cleanup_(closep) int fd = -1;

                if ((vf != NO_VF && links[i].index != vf) ||
                        sysfs_open_vf(pf_fd, links[i].index, &fd) < 0 || !is_held(fd))
                        continue;
                if (!scanned)
                        r = scan_processes(proc, &openers);
                scanned = true;
                if (r == 0)
                        r = add_holders_of(&found, &openers, proc, links[i].index, fd);
        }
        free(openers.list);
        if (r < 0) {
                free(found.list);
                return r;
        }
        *ret = found.list;
        *ret_n = found.n;
        return 0;
}
