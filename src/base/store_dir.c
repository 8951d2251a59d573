/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real disk below a store. May block. Loop thread. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/store_dir.h"

static int dir_fd(void *disk)
{
        return *(int *) disk;
}

static int disk_open(void *disk, const char *name, int flags, mode_t mode)
{
        int fd = openat(dir_fd(disk), name, flags, mode);

        return fd < 0 ? -errno : fd;
}

static int disk_open_dir(void *disk)
{
        return disk_open(disk, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

static ssize_t disk_read(_unused_ void *disk, int fd, void *buf, size_t n)
{
        ssize_t got = read(fd, buf, n);

        return got < 0 ? -errno : got;
}

static ssize_t disk_write(_unused_ void *disk, int fd, const void *buf, size_t n)
{
        ssize_t got = write(fd, buf, n);

        return got < 0 ? -errno : got;
}

static off_t disk_size(_unused_ void *disk, int fd)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? st.st_size : -EINVAL;
}

static int disk_truncate(_unused_ void *disk, int fd, off_t n)
{
        return ftruncate(fd, n) < 0 ? -errno : 0;
}

/* Not fdatasync(): it is for directories too, and costs the same where a file has grown. */
static int disk_sync(_unused_ void *disk, int fd)
{
        return fsync(fd) < 0 ? -errno : 0;
}

static int disk_close(_unused_ void *disk, int fd)
{
        return close(fd) < 0 ? -errno : 0;
}

static int disk_rename(void *disk, const char *from, const char *to)
{
        return renameat(dir_fd(disk), from, dir_fd(disk), to) < 0 ? -errno : 0;
}

static int disk_remove(void *disk, const char *name)
{
        return unlinkat(dir_fd(disk), name, 0) < 0 ? -errno : 0;
}

static int add_name(char ***names, size_t *n, size_t *capacity, const char *name)
{
        int r = array_grow(names, capacity, *n, sizeof(**names));

        if (r < 0)
                return r;
        (*names)[*n] = strdup(name);
        if (!(*names)[*n])
                return -ENOMEM;
        (*n)++;
        return 0;
}

static int disk_list(void *disk, char ***ret, size_t *ret_n)
{
        struct dirent *entry;
        char **names = NULL;
        size_t n = 0, capacity = 0;
        int fd, r = 0;
        DIR *dir;

        fd = disk_open_dir(disk);
        if (fd < 0)
                return fd;
        dir = fdopendir(fd);
        if (!dir) {
                r = -errno;
                close(fd);
                return r;
        }
        while (errno = 0, r == 0 && (entry = readdir(dir)))
                r = add_name(&names, &n, &capacity, entry->d_name);
        if (r == 0)
                r = -errno;
        closedir(dir);
        if (r < 0) {
                for (size_t i = 0; i < n; i++)
                        free(names[i]);
                free(names);
                return r;
        }
        *ret = names;
        *ret_n = n;
        return 0;
}

const struct store_ops store_dir_ops = {
        .open = disk_open,
        .open_dir = disk_open_dir,
        .read = disk_read,
        .write = disk_write,
        .size = disk_size,
        .truncate = disk_truncate,
        .sync = disk_sync,
        .close = disk_close,
        .rename = disk_rename,
        .remove = disk_remove,
        .list = disk_list,
};

int store_dir_open(const char *path)
{
        _cleanup_(closep) int fd = -1, parent = -1;
        bool made;

        made = mkdir(path, 0700) == 0;
        if (!made && errno != EEXIST)
                return -errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        /* Its own entry: without it all that is in it would be lost. */
        if (made) {
                parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (parent < 0 || fsync(parent) < 0)
                        return -errno;
        }
        return TAKE_FD(fd);
}
