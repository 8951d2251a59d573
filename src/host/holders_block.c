/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices in use: NVMe namespaces and their partitions that are mounted, swap, or part of
 * another block device. Worker threads.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/holders_private.h"

/* A mounted file system, or an area of swap. */
struct mount {
        char number[32];            /* "259:1"; "" of swap. btrfs has one of its own... */
        char source[NAME_MAX_TEXT]; /* ...so also "nvme0n1p1", of /dev/nvme0n1p1; "" another */
        char where[NAME_MAX_TEXT];
};

struct mounts {
        struct mount *list;
        size_t n, capacity;
};

void mounts_free(struct mounts *mounts)
{
        if (mounts)
                free(mounts->list);
        free(mounts);
}

static void take_source(const char *source, char buf[static NAME_MAX_TEXT])
{
        if (!startswith(source, "/dev/") ||
                str_copy(buf, NAME_MAX_TEXT, source + strlen("/dev/")) < 0)
                buf[0] = '\0';
}

/* "36 35 259:1 / /srv rw,noatime shared:1 - ext4 /dev/nvme0n1p1 rw": proc(5). */
static bool parse_mount(char *line, struct mount *ret)
{
        char number[32], where[NAME_MAX_TEXT], source[NAME_MAX_TEXT];
        const char *rest = strstr(line, " - ");

        if (!rest || sscanf(line, "%*s %*s %31s %*s %127s", number, where) != 2)
                return false;
        *ret = (struct mount){0};
        memcpy(ret->number, number, sizeof(number));
        snprintf(ret->where, sizeof(ret->where), "%s", utf8_valid(where) ? where : "/?");
        if (sscanf(rest, " - %*s %127s", source) == 1)
                take_source(source, ret->source);
        return true;
}

/* "/dev/nvme0n1p2 partition 1048572 0 -2" */
static bool parse_swap(char *line, struct mount *ret)
{
        char source[NAME_MAX_TEXT];

        *ret = (struct mount){.where = "swap"};
        if (sscanf(line, "%127s", source) != 1)
                return false;
        take_source(source, ret->source);
        return ret->source[0] != '\0';
}

static int read_lines(struct mounts *mounts, const char *proc, const char *name,
        bool (*parse)(char *line, struct mount *ret))
{
        char path[PATH_MAX];
        char *line = NULL;
        size_t size = 0;
        FILE *file;
        int r = 0;

        snprintf(path, sizeof(path), "%s/%s", proc, name);
        file = fopen(path, "re");
        if (!file)
                return errno == ENOENT || errno == EACCES ? 0 : -errno;
        while (r == 0 && getline(&line, &size, file) >= 0) {
                r = array_grow(&mounts->list, &mounts->capacity, mounts->n, sizeof(*mounts->list));
                if (r == 0 && parse(line, &mounts->list[mounts->n]))
                        mounts->n++;
        }
        free(line);
        fclose(file);
        return r;
}

/* Ours are the host's, for the unit's own mount namespace follows it. Swap only where it is to be
 * seen. */
static int load(struct census *c)
{
        int r;

        if (c->mounts)
                return 0;
        c->mounts = calloc(1, sizeof(*c->mounts));
        if (!c->mounts)
                return -ENOMEM;
        r = read_lines(c->mounts, c->proc, "self/mountinfo", parse_mount);
        return r < 0 ? r : read_lines(c->mounts, c->proc, "swaps", parse_swap);
}

static int add_mounts(struct census *c, uint32_t vf, int block_fd, const char *name)
{
        char number[32];

        sysfs_read_text(block_fd, "dev", number, sizeof(number));
        for (size_t i = 0; i < c->mounts->n; i++) {
                const struct mount *m = &c->mounts->list[i];

                if ((number[0] && streq(m->number, number)) || streq(m->source, name))
                        return census_add(c, vf, "mount", -1, m->where, name);
        }
        return 0;
}

/* dm-0, md0: made of it. */
static int add_stacked(struct census *c, uint32_t vf, int block_fd, const char *name)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r = 0;

        if (sysfs_open_dir(block_fd, "holders", &dir) < 0)
                return 0;
        while (r == 0 && (entry = readdir(dir)))
                if (entry->d_name[0] != '.' && utf8_valid(entry->d_name))
                        r = census_add(c, vf, "mount", -1, entry->d_name, name);
        return r;
}

static int add_block(struct census *c, uint32_t vf, int block_fd, const char *name)
{
        int r = add_mounts(c, vf, block_fd, name);

        return r < 0 ? r : add_stacked(c, vf, block_fd, name);
}

/* The disk and its partitions. */
static int add_disk(struct census *c, uint32_t vf, int disk_fd, const char *disk)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = load(c);
        if (r == 0)
                r = add_block(c, vf, disk_fd, disk);
        if (r < 0 || sysfs_open_dir(disk_fd, ".", &dir) < 0)
                return r;
        while (r == 0 && (entry = readdir(dir))) {
                _cleanup_(closep) int fd = -1;

                if (!startswith(entry->d_name, disk) || !utf8_valid(entry->d_name))
                        continue;
                fd = openat(disk_fd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (fd >= 0)
                        r = add_block(c, vf, fd, entry->d_name);
        }
        return r;
}

/*
 * "nvme1n1" is a disk of its own; "nvme1c2n1" one controller's way to the disk nvme1n1, which
 * belongs to the subsystem (drivers/nvme/host/multipath.c, nvme_mpath_set_disk_name).
 */
static int add_namespace(struct census *c, uint32_t vf, int controller_fd, const char *name)
{
        unsigned subsystem, controller, namespace;
        char disk[NAME_MAX_TEXT], path[NAME_MAX_TEXT + sizeof("class/block/")];
        _cleanup_(closep) int fd = -1;
        char end;

        if (sscanf(name, "nvme%uc%un%u%c", &subsystem, &controller, &namespace, &end) == 3) {
                snprintf(disk, sizeof(disk), "nvme%un%u", subsystem, namespace);
                snprintf(path, sizeof(path), "class/block/%s", disk);
                fd = openat(c->root_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        } else if (sscanf(name, "nvme%un%u%c", &subsystem, &namespace, &end) == 2) {
                snprintf(disk, sizeof(disk), "nvme%un%u", subsystem, namespace);
                fd = openat(controller_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        }
        return fd < 0 ? 0 : add_disk(c, vf, fd, disk);
}

static int add_controller(struct census *c, uint32_t vf, int nvme_fd, const char *name)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r = 0;

        if (sysfs_open_dir(nvme_fd, name, &dir) < 0)
                return 0;
        while (r == 0 && (entry = readdir(dir)))
                if (startswith(entry->d_name, "nvme"))
                        r = add_namespace(c, vf, dirfd(dir), entry->d_name);
        return r;
}

int census_block(struct census *c, uint32_t vf, int dev_fd)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r = 0;

        if (sysfs_open_dir(dev_fd, "nvme", &dir) < 0)
                return 0;
        while (r == 0 && (entry = readdir(dir)))
                if (startswith(entry->d_name, "nvme"))
                        r = add_controller(c, vf, dirfd(dir), entry->d_name);
        return r;
}
