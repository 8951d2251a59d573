/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A document, which json.c (values) and jsonscan.c (text) share; nobody else includes it. Any
 * thread. */
#pragma once

#include <json-c/json.h>

#include "config/json.h"

struct json_value {
        const struct json *doc;
        unsigned line, column;
        const char *key; /* that it is the value of; NULL: it is of an array, or the root */
        struct json_object *object;
};

struct json {
        char *name;
        char *text;         /* comments blanked */
        const char *source; /* the caller's, while it is scanned: columns count what people see */
        size_t n;
        struct json_object *root;
        struct json_value *values; /* in document order */
        size_t n_values, capacity;
};

/* A fault at an offset of the text. */
int json_refuse_at(const struct json *doc, size_t at, struct fault *f, const char *fmt, ...)
        _printf_(4, 5);

/* Judges the whole text and notes its values in doc->values. */
int json_scan(struct json *doc, unsigned flags, struct fault *f);
