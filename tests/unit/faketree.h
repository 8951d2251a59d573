/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tree of files below a temporary root that looks like /sys to host/. For one test program. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

static char root[64];

static inline void path_of(char *buf, size_t size, const char *path)
{
        assert_true((size_t) snprintf(buf, size, "%s/%s", root, path) < size);
}

static inline void make_parents(char *path)
{
        for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
                *slash = '\0';
                assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
}

static inline void put_bytes(const char *path, const void *bytes, size_t n)
{
        char full[512];
        FILE *file;

        path_of(full, sizeof(full), path);
        make_parents(full);
        file = fopen(full, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, n, file), n);
        assert_int_equal(fclose(file), 0);
}

static inline void put(const char *path, const char *text)
{
        put_bytes(path, text, strlen(text));
}

/* In the place of what was there. */
static inline void put_link(const char *path, const char *target)
{
        char full[512];

        path_of(full, sizeof(full), path);
        make_parents(full);
        (void) unlink(full);
        assert_int_equal(symlink(target, full), 0);
}

static inline void remove_path(const char *path)
{
        char full[512];

        path_of(full, sizeof(full), path);
        assert_int_equal(unlink(full), 0);
}

static inline void begin_tree(void)
{
        strcpy(root, "/tmp/sriovd-unit-XXXXXX");
        assert_non_null(mkdtemp(root));
}

static inline int remove_one(const char *path, _unused_ const struct stat *st, _unused_ int type,
        _unused_ struct FTW *ftw)
{
        return remove(path);
}

/* A teardown. */
static inline int remove_tree(_unused_ void **state)
{
        return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
