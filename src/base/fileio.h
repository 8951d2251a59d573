/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small files whole: sysfs attributes, state, configuration. May block (never call on the event
 * loop for sysfs attributes that take a device lock).
 */
#pragma once

#include <sys/types.h>

#include "base/util.h"

/*
 * Reads a whole regular or sysfs file relative to dirfd (AT_FDCWD for plain paths) into fresh
 * memory, NUL-terminated (length in *ret_n when not NULL). -EFBIG beyond max bytes.
 */
int read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_n);

/* The same of an open file, from where it stands. */
int read_file_fd(int fd, size_t max, char **ret, size_t *ret_n);

/*
 * Reads one line of a sysfs attribute into buf without its newline. -ENAMETOOLONG when it does not
 * fit, -EINVAL when it holds a NUL byte or a second line.
 */
int read_line_at(int dirfd, const char *path, char *buf, size_t size);

/* One write(2) of the whole text to an existing file: what a sysfs store wants. -EIO when short. */
int write_attr_at(int dirfd, const char *path, const char *text);

/* Last component of a symbolic link's target. -ENAMETOOLONG when it does not fit. */
int readlink_name_at(int dirfd, const char *path, char *buf, size_t size);

/*
 * Replaces a file so that a crash at any point leaves the old or the new one: temporary file,
 * write, fsync, rename, fsync of the directory. Mode as given.
 */
int write_file_atomic_at(int dirfd, const char *name, const void *data, size_t n, mode_t mode);
