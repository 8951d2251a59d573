/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One directory of small files that must survive a crash. What returns 0 is on the disk. May block
 * for as long as the disk does. Loop thread.
 *
 * After a failed sync what is on the disk is unknown (fsync(2)): the store then refuses every
 * further write with -EROFS, and store_broken() says why. Reading goes on.
 */
#pragma once

#include <sys/types.h>

#include "base/crash.h"

/* The system calls it makes, so that tests can have a disk that forgets, fills up or breaks. Each
 * returns as the call, with a negative errno for -1. */
struct store_ops {
        int (*open)(void *disk, const char *name, int flags, mode_t mode); /* in the directory */
        int (*open_dir)(void *disk); /* of the directory itself, for fsync */
        ssize_t (*read)(void *disk, int fd, void *buf, size_t n);
        ssize_t (*write)(void *disk, int fd, const void *buf, size_t n);
        off_t (*size)(void *disk, int fd);
        int (*truncate)(void *disk, int fd, off_t n);
        int (*sync)(void *disk, int fd);
        int (*close)(void *disk, int fd);
        int (*rename)(void *disk, const char *from, const char *to);
        int (*remove)(void *disk, const char *name);
        int (*list)(void *disk, char ***ret, size_t *ret_n); /* names; the caller frees all */
};

struct store;

/* A real directory, which is made (0700) when it is not there. crash may be NULL. */
int store_open(const char *path, struct crash *crash, struct store **ret);

/* disk is the caller's. */
int store_new(const struct store_ops *ops, void *disk, struct crash *crash, struct store **ret);
void store_free(struct store *store);
DEFINE_CLEANUP(struct store *, store_free)

/*
 * Names are single components of at most 100 characters, not beginning with a dot; else -EINVAL.
 * Reads the whole file, with a NUL behind it; -EFBIG above max bytes.
 */
int store_read(struct store *store, const char *name, size_t max, char **ret, size_t *ret_n);

/*
 * Adds to the end (creating it). A failed write is taken back by truncating; if that fails too the
 * store is broken. The first append of this store to a file goes through store_replace(): what was
 * in it may be in the page cache alone, left by a process that was killed or whose sync had failed.
 */
int store_append(struct store *store, const char *name, const void *data, size_t n);

/* Old or new, never half: temporary (".NAME.new"), sync, rename, sync of the directory. */
int store_replace(struct store *store, const char *name, const void *data, size_t n);

/* Fine when it is not there. */
int store_remove(struct store *store, const char *name);

/* All names that store_read() would take, in byte order. The caller frees all. */
int store_list(struct store *store, char ***ret, size_t *ret_n);

/* 0, or the negative errno that broke it. */
int store_broken(const struct store *store);
