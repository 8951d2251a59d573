/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading below a root, and copying what was read. One thread. */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "doctor/look.h"

#define NAMES_MAX 65536u

/* The path of a call: cut paths are of files that do not exist. */
#define FORMAT_PATH(path, fmt)                                                                     \
        do {                                                                                       \
                va_list ap;                                                                        \
                va_start(ap, fmt);                                                                 \
                vsnprintf(path, sizeof(path), fmt, ap);                                            \
                va_end(ap);                                                                        \
        } while (0)

static void fail(struct look *l, int error)
{
        if (l->error == 0)
                l->error = error;
}

static void note_denied(struct look *l, const char *path, int error)
{
        if (error != EACCES && error != EPERM)
                return;
        if (l->n_denied++ == 0)
                snprintf(l->denied, sizeof(l->denied), "%s", path);
}

/* ---- the copy -------------------------------------------------------------------------------- */

/* Makes the directories above the last component, or with all also that one. */
static void make_directories(struct look *l, const char *path, bool all)
{
        char part[LOOK_PATH_MAX * 2];

        for (const char *at = path; *at; at++) {
                const char *end = strchr(at, '/');

                if (!end && !all)
                        return;
                end = end ? end : at + strlen(at);
                snprintf(part, sizeof(part), "%.*s", (int) (end - path), path);
                if (mkdirat(l->record_fd, part, 0777) < 0 && errno != EEXIST)
                        fail(l, -errno);
                if (!*end)
                        return;
                at = end;
        }
}

void look_record(struct look *l, const char *path, const void *data, size_t n)
{
        _cleanup_(closep) int fd = -1;

        if (l->record_fd < 0)
                return;
        make_directories(l, path, false);
        fd = openat(l->record_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0 || (n > 0 && write(fd, data, n) != (ssize_t) n))
                fail(l, fd < 0 ? -errno : -EIO);
}

/* With the directory it leads to, so that what is below can be copied. */
static void record_link(struct look *l, const char *path, const char *target)
{
        char where[LOOK_PATH_MAX * 2];
        const char *slash = strrchr(path, '/');

        if (l->record_fd < 0 || target[0] == '/')
                return;
        make_directories(l, path, false);
        if (symlinkat(target, l->record_fd, path) < 0 && errno != EEXIST)
                fail(l, -errno);
        snprintf(where, sizeof(where), "%.*s/%s", slash ? (int) (slash - path) : 1,
                slash ? path : ".", target);
        make_directories(l, where, true);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Up to max bytes into fresh memory; NULL when it can not be read. */
static char *read_path(struct look *l, const char *path, size_t max, size_t *ret_n)
{
        _cleanup_(freep) char *buf = NULL;
        _cleanup_(closep) int fd = -1;
        struct stat st;
        size_t n = 0;
        ssize_t got = 1;

        fd = openat(l->root_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
                note_denied(l, path, fd < 0 ? errno : 0);
                return NULL;
        }
        buf = malloc(max + 1);
        if (!buf) {
                fail(l, -ENOMEM);
                return NULL;
        }
        while (n < max && got > 0) {
                got = read(fd, buf + n, max - n);
                n += got > 0 ? (size_t) got : 0;
        }
        if (got < 0 && n == 0) {
                note_denied(l, path, errno);
                return NULL;
        }
        buf[n] = '\0';
        *ret_n = n;
        return TAKE_PTR(buf);
}

char *look_text(struct look *l, size_t max, const char *fmt, ...)
{
        char path[LOOK_PATH_MAX], *text;
        size_t n;

        FORMAT_PATH(path, fmt);
        text = read_path(l, path, max, &n);
        if (text)
                look_record(l, path, text, n);
        return text;
}

size_t look_bytes(struct look *l, uint8_t *buf, size_t size, const char *fmt, ...)
{
        _cleanup_(freep) char *bytes = NULL;
        char path[LOOK_PATH_MAX];
        size_t n = 0;

        FORMAT_PATH(path, fmt);
        bytes = read_path(l, path, size, &n);
        if (!bytes)
                return 0;
        memcpy(buf, bytes, n);
        look_record(l, path, buf, n);
        return n;
}

static void read_first_line(struct look *l, const char *path, char *buf, size_t size)
{
        _cleanup_(freep) char *text = NULL;
        size_t n = 0;

        buf[0] = '\0';
        text = read_path(l, path, 4096, &n);
        if (!text)
                return;
        look_record(l, path, text, n);
        text[strcspn(text, "\n")] = '\0';
        look_keep(buf, size, text);
}

void look_line(struct look *l, char *buf, size_t size, const char *fmt, ...)
{
        char path[LOOK_PATH_MAX];

        FORMAT_PATH(path, fmt);
        read_first_line(l, path, buf, size);
}

int32_t look_number(struct look *l, int32_t otherwise, const char *fmt, ...)
{
        char path[LOOK_PATH_MAX], text[32];
        uint32_t value;

        FORMAT_PATH(path, fmt);
        read_first_line(l, path, text, sizeof(text));
        if (streq(text, "-1"))
                return -1;
        return parse_u32(text, 0, INT32_MAX, &value) < 0 ? otherwise : (int32_t) value;
}

uint32_t look_hex(struct look *l, uint32_t otherwise, const char *fmt, ...)
{
        char path[LOOK_PATH_MAX], text[32];
        uint32_t value;

        FORMAT_PATH(path, fmt);
        read_first_line(l, path, text, sizeof(text));
        return parse_hex32(text, &value) < 0 ? otherwise : value;
}

void look_link(struct look *l, char *buf, size_t size, const char *fmt, ...)
{
        char path[LOOK_PATH_MAX], target[LOOK_PATH_MAX];
        ssize_t n;

        FORMAT_PATH(path, fmt);
        buf[0] = '\0';
        n = readlinkat(l->root_fd, path, target, sizeof(target) - 1);
        if (n <= 0)
                return;
        target[n] = '\0';
        record_link(l, path, target);
        look_keep(buf, size, target);
}

bool look_exists(struct look *l, const char *fmt, ...)
{
        char path[LOOK_PATH_MAX];
        struct stat st;

        FORMAT_PATH(path, fmt);
        if (fstatat(l->root_fd, path, &st, 0) < 0)
                return false;
        if (l->record_fd < 0 || S_ISDIR(st.st_mode)) {
                if (l->record_fd >= 0)
                        make_directories(l, path, true);
        } else if (faccessat(l->record_fd, path, F_OK, 0) < 0) {
                look_record(l, path, "", 0);
        }
        return true;
}

/* ---- directories ----------------------------------------------------------------------------- */

static int visible(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

void look_names(struct look *l, struct look_names *ret, const char *fmt, ...)
{
        struct dirent **entries = NULL;
        char path[LOOK_PATH_MAX];
        int n;

        FORMAT_PATH(path, fmt);
        *ret = (struct look_names){0};
        n = scandirat(l->root_fd, path, &entries, visible, by_name);
        if (n < 0) {
                note_denied(l, path, errno);
                return;
        }
        if (l->record_fd >= 0)
                make_directories(l, path, true);
        ret->list = calloc((size_t) n + 1, sizeof(*ret->list));
        if (!ret->list)
                fail(l, -ENOMEM);
        for (int i = 0; i < n; i++) {
                if (ret->list && (unsigned) i < NAMES_MAX)
                        ret->list[ret->n] = strdup(entries[i]->d_name);
                if (ret->list && ret->list[ret->n])
                        ret->n++;
                free(entries[i]);
        }
        free(entries);
}

void look_names_done(struct look_names *names)
{
        for (size_t i = 0; i < names->n; i++)
                free(names->list[i]);
        free(names->list);
        *names = (struct look_names){0};
}
