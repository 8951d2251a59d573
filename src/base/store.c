/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store: the order of system calls that makes a small file durable, over a table of those
 * calls. Which of them a crash or a failure may separate is said in store.h. Loop thread.
 */
#include <fcntl.h>
#include <stdio.h>

#include "base/store.h"
#include "base/store_dir.h"

#define NAME_LENGTH_MAX 100u
#define TEMPORARY_MAX   (NAME_LENGTH_MAX + sizeof("..new"))
#define FILE_SIZE_MAX   (64u * 1024u * 1024u) /* for the rewriting before the first append */

struct store {
        const struct store_ops *ops;
        void *disk;
        int dirfd; /* of store_open(), else -1 */
        struct crash *crash;
        int broken;
        char **settled; /* files that this store has written whole, so all of them is on the disk */
        size_t n_settled, settled_capacity;
};

static bool name_valid(const char *name)
{
        size_t n = strlen(name);

        return n > 0 && n <= NAME_LENGTH_MAX && name[0] != '.' && !strchr(name, '/');
}

int store_new(const struct store_ops *ops, void *disk, struct crash *crash, struct store **ret)
{
        struct store *store = calloc(1, sizeof(*store));

        if (!store)
                return -ENOMEM;
        *store = (struct store){.ops = ops, .disk = disk, .dirfd = -1, .crash = crash};
        *ret = store;
        return 0;
}

int store_open(const char *path, struct crash *crash, struct store **ret)
{
        _cleanup_(closep) int fd = -1;
        struct store *store;
        int r;

        fd = store_dir_open(path);
        if (fd < 0)
                return fd;
        r = store_new(&store_dir_ops, NULL, crash, &store);
        if (r < 0)
                return r;
        store->dirfd = TAKE_FD(fd);
        store->disk = &store->dirfd;
        *ret = store;
        return 0;
}

void store_free(struct store *store)
{
        if (!store)
                return;
        for (size_t i = 0; i < store->n_settled; i++)
                free(store->settled[i]);
        free(store->settled);
        closep(&store->dirfd);
        free(store);
}

int store_broken(const struct store *store)
{
        return store->broken;
}

/* Remembers what broke it, and returns that. */
static int broken(struct store *store, int r)
{
        if (store->broken == 0)
                store->broken = r;
        return r;
}

/* ---- which files are known to be on the disk as they are read -------------------------------- */

static bool is_settled(const struct store *store, const char *name)
{
        for (size_t i = 0; i < store->n_settled; i++)
                if (streq(store->settled[i], name))
                        return true;
        return false;
}

/* When there is no memory for it the next append writes the whole file once more. */
static void settle(struct store *store, const char *name)
{
        char *copy;

        if (is_settled(store, name) || array_grow(&store->settled, &store->settled_capacity,
                                               store->n_settled, sizeof(*store->settled)) < 0)
                return;
        copy = strdup(name);
        if (copy)
                store->settled[store->n_settled++] = copy;
}

static void unsettle(struct store *store, const char *name)
{
        for (size_t i = 0; i < store->n_settled; i++)
                if (streq(store->settled[i], name)) {
                        free(store->settled[i]);
                        store->settled[i] = store->settled[--store->n_settled];
                        return;
                }
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_all(struct store *store, int fd, size_t max, char **ret, size_t *ret_n)
{
        _cleanup_(freep) char *buf = NULL;
        size_t n = 0, size = 0;

        for (;;) {
                ssize_t got;

                if (n + 1 >= size) {
                        char *p;

                        size = size ? size * 2 : 4096;
                        p = realloc(buf, size);
                        if (!p)
                                return -ENOMEM;
                        buf = p;
                }
                got = store->ops->read(store->disk, fd, buf + n, size - n - 1);
                if (got == -EINTR)
                        continue;
                if (got < 0)
                        return (int) got;
                if (got == 0)
                        break;
                n += (size_t) got;
                if (n > max)
                        return -EFBIG;
        }
        buf[n] = '\0';
        *ret = TAKE_PTR(buf);
        *ret_n = n;
        return 0;
}

int store_read(struct store *store, const char *name, size_t max, char **ret, size_t *ret_n)
{
        int fd, r;

        if (!name_valid(name))
                return -EINVAL;
        fd = store->ops->open(store->disk, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0);
        if (fd < 0)
                return fd;
        r = read_all(store, fd, max, ret, ret_n);
        store->ops->close(store->disk, fd);
        return r;
}

static int by_bytes(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int store_list(struct store *store, char ***ret, size_t *ret_n)
{
        char **names = NULL;
        size_t n = 0, kept = 0;
        int r;

        r = store->ops->list(store->disk, &names, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (name_valid(names[i]))
                        names[kept++] = names[i];
                else
                        free(names[i]);
        if (kept > 0)
                qsort(names, kept, sizeof(*names), by_bytes);
        *ret = names;
        *ret_n = kept;
        return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int write_all(struct store *store, int fd, const char *data, size_t n)
{
        while (n > 0) {
                ssize_t got = store->ops->write(store->disk, fd, data, n);

                if (got == -EINTR)
                        continue;
                if (got < 0)
                        return (int) got;
                if (got == 0)
                        return -EIO;
                data += got;
                n -= (size_t) got;
        }
        return 0;
}

static int sync_file(struct store *store, int fd)
{
        int r = store->ops->sync(store->disk, fd);

        return r < 0 ? broken(store, r) : 0;
}

/* A temporary file of that name can only be left over. A new one: nothing is known of the old. */
static int open_temporary(struct store *store, const char *temporary)
{
        const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
        int fd, r;

        fd = store->ops->open(store->disk, temporary, flags, 0600);
        if (fd != -EEXIST)
                return fd;
        r = store->ops->remove(store->disk, temporary);
        if (r < 0)
                return r;
        return store->ops->open(store->disk, temporary, flags, 0600);
}

static int write_temporary(struct store *store, const char *temporary, const void *data, size_t n)
{
        int fd, r;

        fd = open_temporary(store, temporary);
        if (fd < 0)
                return fd;
        r = write_all(store, fd, data, n);
        if (r == 0) {
                crash_at(store->crash, CRASH_STORE_TEMP);
                r = sync_file(store, fd);
        }
        store->ops->close(store->disk, fd);
        if (r < 0)
                store->ops->remove(store->disk, temporary);
        return r;
}

/* dir: open from the beginning, so that nothing but the sync can fail behind the rename. */
static int replace(struct store *store, int dir, const char *name, const void *data, size_t n)
{
        char temporary[TEMPORARY_MAX];
        int r;

        snprintf(temporary, sizeof(temporary), ".%s.new", name);
        r = write_temporary(store, temporary, data, n);
        if (r < 0)
                return r;
        crash_at(store->crash, CRASH_STORE_TEMP_SYNCED);
        r = store->ops->rename(store->disk, temporary, name);
        if (r < 0) {
                store->ops->remove(store->disk, temporary);
                return r;
        }
        crash_at(store->crash, CRASH_STORE_RENAMED);
        r = sync_file(store, dir);
        if (r < 0)
                return r;
        settle(store, name);
        crash_at(store->crash, CRASH_STORE_REPLACED);
        return 0;
}

/* The directory, for a change that it has to know of; or why there can be none. */
static int open_to_change(struct store *store, const char *name)
{
        if (!name_valid(name))
                return -EINVAL;
        return store->broken < 0 ? -EROFS : store->ops->open_dir(store->disk);
}

int store_replace(struct store *store, const char *name, const void *data, size_t n)
{
        int dir, r;

        dir = open_to_change(store, name);
        if (dir < 0)
                return dir;
        r = replace(store, dir, name, data, n);
        store->ops->close(store->disk, dir);
        return r;
}

static int append_whole(struct store *store, const char *name, const void *data, size_t n)
{
        _cleanup_(freep) char *old = NULL;
        size_t n_old = 0;
        char *both;
        int r;

        r = store_read(store, name, FILE_SIZE_MAX, &old, &n_old);
        if (r < 0 && r != -ENOENT)
                return r;
        both = realloc(old, n_old + n + 1);
        if (!both)
                return -ENOMEM;
        old = both;
        memcpy(both + n_old, data, n);
        return store_replace(store, name, both, n_old + n);
}

/* A part of a record behind good ones would hide all that come later. */
static int take_back(struct store *store, int fd, off_t size, int why)
{
        int r = store->ops->truncate(store->disk, fd, size);

        if (r < 0)
                broken(store, r);
        return why;
}

static int append_to(struct store *store, int fd, const void *data, size_t n)
{
        off_t size = store->ops->size(store->disk, fd);
        int r;

        if (size < 0)
                return (int) size;
        r = write_all(store, fd, data, n);
        if (r < 0)
                return take_back(store, fd, size, r);
        crash_at(store->crash, CRASH_STORE_WRITTEN);
        return sync_file(store, fd);
}

int store_append(struct store *store, const char *name, const void *data, size_t n)
{
        int fd, r;

        if (!name_valid(name))
                return -EINVAL;
        if (store->broken < 0)
                return -EROFS;
        if (!is_settled(store, name))
                return append_whole(store, name, data, n);
        fd = store->ops->open(
                store->disk, name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0);
        if (fd == -ENOENT) { /* somebody has removed it */
                unsettle(store, name);
                return append_whole(store, name, data, n);
        }
        if (fd < 0)
                return fd;
        r = append_to(store, fd, data, n);
        store->ops->close(store->disk, fd);
        if (r == 0)
                crash_at(store->crash, CRASH_STORE_SYNCED);
        return r;
}

int store_remove(struct store *store, const char *name)
{
        int dir, r;

        dir = open_to_change(store, name);
        if (dir < 0)
                return dir;
        r = store->ops->remove(store->disk, name);
        if (r == 0 || r == -ENOENT) {
                unsettle(store, name);
                r = sync_file(store, dir);
        }
        store->ops->close(store->disk, dir);
        return r;
}
