/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ownership and small helpers that every room uses. Any thread.
 *
 * What a variable owns is said at its declaration: _cleanup_(freep) char *s = NULL. TAKE_PTR()
 * and TAKE_FD() hand it over.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define _cleanup_(f)         __attribute__((cleanup(f)))
#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _unused_             __attribute__((unused))
#define _must_check_         __attribute__((warn_unused_result))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))

#define TAKE_PTR(p)                                                                                \
        ({                                                                                         \
                __typeof__(p) _taken = (p);                                                        \
                (p) = NULL;                                                                        \
                _taken;                                                                            \
        })

#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int _taken = (fd);                                                                 \
                (fd) = -1;                                                                         \
                _taken;                                                                            \
        })

static inline void freep(void *p)
{
        free(*(void **) p);
}

static inline void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

/* Defines x_freep() for use with _cleanup_ from a destructor that takes one pointer. */
#define DEFINE_CLEANUP(type, destroy)                                                              \
        static inline _unused_ void destroy##p(type *p)                                            \
        {                                                                                          \
                if (*p)                                                                            \
                        destroy(*p);                                                               \
        }

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

static inline bool startswith(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

/*
 * Copies a string into a fixed array, whole or not at all: -ENAMETOOLONG, destination untouched.
 * A name that was cut is another name.
 */
static inline _must_check_ int str_copy(char *to, size_t size, const char *from)
{
        size_t n = strlen(from);

        if (n >= size)
                return -ENAMETOOLONG;
        memcpy(to, from, n + 1);
        return 0;
}

/* CLOCK_MONOTONIC in microseconds. */
static inline uint64_t now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

/*
 * Makes room for one more element in an owned array that grows by doubling. *array is a pointer to
 * the array pointer. Returns 0 or -ENOMEM (array unchanged).
 */
static inline _must_check_ int array_grow(void *array, size_t *capacity, size_t n, size_t size)
{
        void **a = array;
        size_t want;
        void *p;

        if (n < *capacity)
                return 0;
        want = *capacity ? *capacity * 2 : 8;
        p = reallocarray(*a, want, size);
        if (!p)
                return -ENOMEM;
        *a = p;
        *capacity = want;
        return 0;
}
