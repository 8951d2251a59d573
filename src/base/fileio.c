/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small files whole. May block. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fileio.h"

int read_file_fd(int fd, size_t max, char **ret, size_t *ret_n)
{
        _cleanup_(freep) char *buf = NULL;
        size_t n = 0, capacity = 0;

        for (;;) {
                ssize_t got;

                if (n + 1 >= capacity) {
                        char *p;

                        capacity = capacity ? capacity * 2 : 4096;
                        p = realloc(buf, capacity);
                        if (!p)
                                return -ENOMEM;
                        buf = p;
                }
                got = read(fd, buf + n, capacity - n - 1);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -errno;
                if (got == 0)
                        break;
                n += (size_t) got;
                if (n > max)
                        return -EFBIG;
        }
        buf[n] = '\0';
        *ret = TAKE_PTR(buf);
        if (ret_n)
                *ret_n = n;
        return 0;
}

int read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_n)
{
        _cleanup_(closep) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        return fd < 0 ? -errno : read_file_fd(fd, max, ret, ret_n);
}

int read_line_at(int dirfd, const char *path, char *buf, size_t size)
{
        _cleanup_(freep) char *text = NULL;
        size_t n;
        int r;

        r = read_file_at(dirfd, path, 4096, &text, &n);
        if (r < 0)
                return r;
        if (n > 0 && text[n - 1] == '\n')
                text[--n] = '\0';
        if (memchr(text, '\0', n) || memchr(text, '\n', n))
                return -EINVAL;
        return str_copy(buf, size, text);
}

int write_attr_at(int dirfd, const char *path, const char *text)
{
        _cleanup_(closep) int fd = -1;
        size_t n = strlen(text);
        ssize_t got;

        fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        got = write(fd, text, n);
        if (got < 0)
                return -errno;
        return (size_t) got == n ? 0 : -EIO;
}

int readlink_name_at(int dirfd, const char *path, char *buf, size_t size)
{
        char target[4096];
        const char *slash;
        ssize_t n;

        n = readlinkat(dirfd, path, target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';
        slash = strrchr(target, '/');
        return str_copy(buf, size, slash ? slash + 1 : target);
}

static int write_all(int fd, const char *data, size_t n)
{
        while (n > 0) {
                ssize_t got = write(fd, data, n);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return -errno;
                data += got;
                n -= (size_t) got;
        }
        return 0;
}

int write_file_atomic_at(int dirfd, const char *name, const void *data, size_t n, mode_t mode)
{
        _cleanup_(closep) int fd = -1;
        _cleanup_(closep) int dir = -1;
        char temporary[256];
        int r;

        if (strchr(name, '/'))
                return -EINVAL;
        r = snprintf(temporary, sizeof(temporary), ".%s.new", name);
        if (r < 0 || (size_t) r >= sizeof(temporary))
                return -ENAMETOOLONG;
        dir = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return -errno;
        fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, n);
        if (r == 0 && (fsync(fd) < 0 || renameat(dir, temporary, dir, name) < 0))
                r = -errno;
        if (r < 0) {
                unlinkat(dir, temporary, 0);
                return r;
        }
        return fsync(dir) < 0 ? -errno : 0;
}
