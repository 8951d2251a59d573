/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict JSON in and out. The only place that knows json-c. Any thread; a document belongs to one.
 *
 * Reading refuses what people get wrong without noticing: a key given twice or unknown, null, a
 * number that is not one, text behind the end. Every refusal is "FILE:LINE:COLUMN: what, and what
 * was expected", also those that the caller makes with json_refuse().
 */
#pragma once

#include "base/fault.h"

#define JSON_SIZE_MAX  (1024u * 1024u)
#define JSON_LARGE_MAX (64u * 1024u * 1024u)
#define JSON_DEPTH_MAX 16u
#define JSON_KEYS_MAX  256u   /* in one object */
#define JSON_NESTS_MAX 32768u /* objects and arrays: json-c takes about 800 bytes for each */

enum json_kind { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_BOOL, JSON_KIND_MAX };

enum json_flags {
        JSON_COMMENTS = 1, /* allows block comments and // to the end of the line */
        JSON_LARGE = 2,    /* up to JSON_LARGE_MAX: what our own daemon says */
};

struct json;       /* a document */
struct json_value; /* a value in it, which lives as long as the document */

/* name: for error texts. -EINVAL with a fault, or -ENOMEM. */
int json_parse(const char *name, const char *text, size_t n, unsigned flags, struct json **ret,
        struct fault *f);

/* Reads a file; also FAULT_NOT_FOUND and FAULT_IO. */
int json_read_file(int dirfd, const char *path, unsigned flags, struct json **ret, struct fault *f);
void json_free(struct json *json);
DEFINE_CLEANUP(struct json *, json_free)

const struct json_value *json_root(const struct json *json);
enum json_kind json_kind(const struct json_value *v);

/* Refuses a value for a reason of the caller's: fills f with its position, returns -EINVAL. */
int json_refuse(const struct json_value *v, struct fault *f, const char *fmt, ...) _printf_(3, 4);

/* "FILE:LINE:COLUMN" of a value; -ENAMETOOLONG. */
int json_where(const struct json_value *v, char *buf, size_t size);

/* The value as a type, or a fault that says what was expected. */
int json_as_object(const struct json_value *v, struct fault *f);
int json_as_array(const struct json_value *v, size_t *ret_n, struct fault *f);
int json_as_string(const struct json_value *v, const char **ret, struct fault *f);
int json_as_u32(
        const struct json_value *v, uint32_t min, uint32_t max, uint32_t *ret, struct fault *f);
int json_as_bool(const struct json_value *v, bool *ret, struct fault *f);

/* An object, and it has no key outside the list that ends with NULL. */
int json_check_keys(const struct json_value *object, const char *const *allowed, struct fault *f);

/* Iteration. NULL when there is no such key or element; a key's name as it is in the text. */
const struct json_value *json_member(const struct json_value *object, const char *key);
const struct json_value *json_element(const struct json_value *array, size_t i);
size_t json_n_members(const struct json_value *object);
const struct json_value *json_nth_member(
        const struct json_value *object, size_t i, const char **ret_key);

/* Required member of an object: a fault at the object when it is missing. */
int json_require(const struct json_value *object, const char *key, const struct json_value **ret,
        struct fault *f);

/*
 * Optional members by type: 1 and *ret set when there, 0 and *ret untouched when absent, negative
 * with a fault when of the wrong type or range.
 */
int json_opt_string(
        const struct json_value *object, const char *key, const char **ret, struct fault *f);
int json_opt_u32(const struct json_value *object, const char *key, uint32_t min, uint32_t max,
        uint32_t *ret, struct fault *f);
int json_opt_bool(const struct json_value *object, const char *key, bool *ret, struct fault *f);

/* Members that have to be there: -EINVAL, with a fault at the object when one is missing. */
int json_need_string(
        const struct json_value *object, const char *key, const char **ret, struct fault *f);
int json_need_bool(const struct json_value *object, const char *key, bool *ret, struct fault *f);

/* 64 bits are not exact as a number of JSON: a string of digits, as json_put_u64_text() writes. */
int json_need_u64_text(
        const struct json_value *object, const char *key, uint64_t *ret, struct fault *f);

/* An optional member that is an array: its length, 0 when absent. */
int json_opt_array(const struct json_value *object, const char *key, const struct json_value **ret,
        size_t *ret_n, struct fault *f);

/*
 * Writing: values go into the innermost open object (with a key) or array (key NULL). Failures are
 * remembered and come out of json_writer_text(), so the calls between need no check. Text that is
 * not UTF-8 is written with \xNN escapes.
 */
struct json_writer;

struct json_writer *json_writer_new(void); /* NULL: no memory */
void json_writer_free(struct json_writer *w);
DEFINE_CLEANUP(struct json_writer *, json_writer_free)

void json_open_object(struct json_writer *w, const char *key);
void json_open_array(struct json_writer *w, const char *key);
void json_close(struct json_writer *w);
void json_put_string(struct json_writer *w, const char *key, const char *value);
void json_put_u64(struct json_writer *w, const char *key, uint64_t value);
void json_put_i64(struct json_writer *w, const char *key, int64_t value);
void json_put_u64_text(struct json_writer *w, const char *key, uint64_t value);
void json_put_bool(struct json_writer *w, const char *key, bool value);

/* The finished text, indented and with a newline at its end; the caller frees. -ENOMEM, or -EINVAL
 * when calls did not match. */
int json_writer_text(struct json_writer *w, char **ret);

/* The same on one line, for streams of objects. */
int json_writer_line(struct json_writer *w, char **ret);
