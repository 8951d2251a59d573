/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the survey reads: files below a root directory that may be missing, forbidden or garbage,
 * none of which is an error. What is read can be copied to another directory, which then is a root
 * that gives the same survey. One thread; may block.
 *
 * Paths are relative to the root and are made by printf.
 */
#pragma once

#include "base/fileio.h"

#define LOOK_PATH_MAX 512

struct look {
        int root_fd;
        int record_fd; /* -1: nothing is copied */
        unsigned n_denied;
        char denied[LOOK_PATH_MAX]; /* the first that is there and may not be read */
        int error; /* the first failure: no memory, or the copy can not be written */
};

/* All: false (or NULL, 0) when there is nothing to be read; *ret is untouched then. */

/* A whole file, NUL-terminated, cut at max bytes; the caller frees. */
char *look_text(struct look *l, size_t max, const char *fmt, ...) _printf_(3, 4);

/* How many bytes there were for at most size. */
size_t look_bytes(struct look *l, uint8_t *buf, size_t size, const char *fmt, ...) _printf_(4, 5);

/* Its first line, "" when there is none or it does not fit. */
void look_line(struct look *l, char *buf, size_t size, const char *fmt, ...) _printf_(4, 5);

/* A decimal number of -1 or more, else otherwise; a hexadecimal one. */
int32_t look_number(struct look *l, int32_t otherwise, const char *fmt, ...) _printf_(3, 4);
uint32_t look_hex(struct look *l, uint32_t otherwise, const char *fmt, ...) _printf_(3, 4);

/* The target of a symbolic link, "" when it is none. */
void look_link(struct look *l, char *buf, size_t size, const char *fmt, ...) _printf_(4, 5);

/* Also of what may not be read. */
bool look_exists(struct look *l, const char *fmt, ...) _printf_(2, 3);

struct look_names {
        char **list; /* in byte order */
        size_t n;
};

/* What is in a directory; nothing when it is not there. */
void look_names(struct look *l, struct look_names *ret, const char *fmt, ...) _printf_(3, 4);
void look_names_done(struct look_names *names);

/* Keeps a text that is optional: "" when it does not fit, for a name that was cut is another name.
 */
static inline void look_keep(char *to, size_t size, const char *from)
{
        if (str_copy(to, size, from) < 0)
                to[0] = '\0';
}

/* Copies a text that was not read from a file below the root. */
void look_record(struct look *l, const char *path, const void *data, size_t n);
