/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading strict JSON. jsonscan.c judges the text and notes where each value stands; json-c then
 * decodes it, and both meet here, in document order. Any thread.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/fileio.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "config/json_private.h"

/* "vlan: ", as two strings. */
#define KEY_OF(v) (v)->key ? (v)->key : "", (v)->key ? ": " : ""

int json_refuse(const struct json_value *v, struct fault *f, const char *fmt, ...)
{
        char text[FAULT_TEXT_MAX];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return fault_set(
                f, FAULT_INVALID_ARGS, 0, "%s:%u:%u: %s", v->doc->name, v->line, v->column, text);
}

int json_where(const struct json_value *v, char *buf, size_t size)
{
        int n = snprintf(buf, size, "%s:%u:%u", v->doc->name, v->line, v->column);

        return n < 0 || (size_t) n >= size ? -ENAMETOOLONG : 0;
}

/* ---- decoding ----------------------------------------------------------------------------------
 */

/* Gives json-c's values the places the scanner noted, in the same order. */
static void meet(struct json *doc, struct json_object *object, size_t *i)
{
        if (*i >= doc->n_values)
                return;
        doc->values[*i].object = object;
        json_object_set_userdata(object, &doc->values[(*i)++], NULL);
        if (json_object_is_type(object, json_type_object)) {
                json_object_object_foreach(object, key, child)
                {
                        size_t at = *i;

                        meet(doc, child, i);
                        if (at < doc->n_values)
                                doc->values[at].key = key;
                }
        } else if (json_object_is_type(object, json_type_array)) {
                for (size_t k = 0; k < json_object_array_length(object); k++)
                        meet(doc, json_object_array_get_idx(object, k), i);
        }
}

static int decode(struct json *doc, struct fault *f)
{
        struct json_tokener *tokener = json_tokener_new_ex((int) JSON_DEPTH_MAX + 1);
        size_t met = 0;

        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        /* With its NUL, or a number at the end would be waited for. */
        doc->root = json_tokener_parse_ex(tokener, doc->text, (int) doc->n + 1);
        json_tokener_free(tokener);
        if (doc->root)
                meet(doc, doc->root, &met);
        if (met != doc->n_values)
                return json_refuse_at(
                        doc, 0, f, "json-c does not read this text as this program does");
        return 0;
}

void json_free(struct json *json)
{
        if (!json)
                return;
        json_object_put(json->root);
        free(json->values);
        free(json->text);
        free(json->name);
        free(json);
}

int json_parse(const char *name, const char *text, size_t n, unsigned flags, struct json **ret,
        struct fault *f)
{
        _cleanup_(json_freep) struct json *doc = calloc(1, sizeof(*doc));
        int r;

        if (!doc)
                return -ENOMEM;
        doc->name = strdup(name);
        doc->text = malloc(n + 1);
        if (!doc->name || !doc->text)
                return -ENOMEM;
        memcpy(doc->text, text, n);
        doc->text[n] = '\0';
        doc->n = n;
        doc->source = text;
        r = json_scan(doc, flags, f);
        if (r == 0)
                r = decode(doc, f);
        if (r < 0)
                return r;
        doc->source = NULL;
        *ret = TAKE_PTR(doc);
        return 0;
}

int json_read_file(int dirfd, const char *path, unsigned flags, struct json **ret, struct fault *f)
{
        _cleanup_(freep) char *text = NULL;
        size_t n;
        int r;

        r = read_file_at(dirfd, path, JSON_SIZE_MAX, &text, &n);
        if (r == -EFBIG)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "%s:1:1: too big; expected at most %u bytes", path, JSON_SIZE_MAX);
        if (r < 0)
                return fault_set(f, r == -ENOENT ? FAULT_NOT_FOUND : FAULT_IO, -r,
                        "can not read %s: %s", path, strerror(-r));
        return json_parse(path, text, n, flags, ret, f);
}

/* ---- getters -----------------------------------------------------------------------------------
 */

static const struct json_value *value_of(struct json_object *object)
{
        return object ? json_object_get_userdata(object) : NULL;
}

const struct json_value *json_root(const struct json *json)
{
        return &json->values[0];
}

enum json_kind json_kind(const struct json_value *v)
{
        switch (json_object_get_type(v->object)) {
        case json_type_object:
                return JSON_OBJECT;
        case json_type_array:
                return JSON_ARRAY;
        case json_type_string:
                return JSON_STRING;
        case json_type_boolean:
                return JSON_BOOL;
        case json_type_null: /* never: the scanner refused it */
        case json_type_int:
        case json_type_double:
                break;
        }
        return JSON_NUMBER;
}

static int expect(const struct json_value *v, enum json_kind kind, struct fault *f)
{
        static const char *const names[JSON_KIND_MAX] = {
                [JSON_OBJECT] = "an object",
                [JSON_ARRAY] = "an array",
                [JSON_STRING] = "a string",
                [JSON_NUMBER] = "a number",
                [JSON_BOOL] = "true or false",
        };

        if (json_kind(v) == kind)
                return 0;
        return json_refuse(
                v, f, "%s%sthis is %s; expected %s", KEY_OF(v), names[json_kind(v)], names[kind]);
}

int json_as_object(const struct json_value *v, struct fault *f)
{
        return expect(v, JSON_OBJECT, f);
}

int json_as_array(const struct json_value *v, size_t *ret_n, struct fault *f)
{
        int r = expect(v, JSON_ARRAY, f);

        if (r == 0)
                *ret_n = json_object_array_length(v->object);
        return r;
}

int json_as_string(const struct json_value *v, const char **ret, struct fault *f)
{
        int r = expect(v, JSON_STRING, f);

        if (r == 0)
                *ret = json_object_get_string(v->object);
        return r;
}

int json_as_u32(
        const struct json_value *v, uint32_t min, uint32_t max, uint32_t *ret, struct fault *f)
{
        int64_t n;
        int r;

        r = expect(v, JSON_NUMBER, f);
        if (r < 0)
                return r;
        n = json_object_get_int64(v->object); /* what does not fit comes as the nearest limit */
        if (!json_object_is_type(v->object, json_type_int) || n < min || n > max)
                return json_refuse(v, f,
                        "%s%snumber out of range; expected a whole number %u to %u", KEY_OF(v), min,
                        max);
        *ret = (uint32_t) n;
        return 0;
}

int json_as_bool(const struct json_value *v, bool *ret, struct fault *f)
{
        int r = expect(v, JSON_BOOL, f);

        if (r == 0)
                *ret = json_object_get_boolean(v->object);
        return r;
}

int json_check_keys(const struct json_value *object, const char *const *allowed, struct fault *f)
{
        char list[FAULT_TEXT_MAX / 2] = "";
        const char *near;
        int r;

        r = json_as_object(object, f);
        if (r < 0)
                return r;
        json_object_object_foreach(object->object, key, child)
        {
                const char *const *a = allowed;

                while (*a && !streq(*a, key))
                        a++;
                if (*a)
                        continue;
                for (a = allowed; *a; a++)
                        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
                                a == allowed ? "" : ", ", *a);
                near = suggest(key, allowed);
                return json_refuse(value_of(child), f,
                        "unknown key \"%s\"; %s%s%sexpected one of: %s", key,
                        near ? "did you mean \"" : "", near ? near : "", near ? "\"? " : "", list);
        }
        return 0;
}

const struct json_value *json_member(const struct json_value *object, const char *key)
{
        struct json_object *child = NULL;

        if (json_kind(object) == JSON_OBJECT)
                json_object_object_get_ex(object->object, key, &child);
        return value_of(child);
}

const struct json_value *json_element(const struct json_value *array, size_t i)
{
        if (json_kind(array) != JSON_ARRAY || i >= json_object_array_length(array->object))
                return NULL;
        return value_of(json_object_array_get_idx(array->object, i));
}

size_t json_n_members(const struct json_value *object)
{
        if (json_kind(object) != JSON_OBJECT)
                return 0;
        return (size_t) json_object_object_length(object->object);
}

const struct json_value *json_nth_member(
        const struct json_value *object, size_t i, const char **ret_key)
{
        if (i >= json_n_members(object))
                return NULL;
        json_object_object_foreach(object->object, key, child)
        {
                if (i-- > 0)
                        continue;
                *ret_key = key;
                return value_of(child);
        }
        return NULL;
}

int json_require(const struct json_value *object, const char *key, const struct json_value **ret,
        struct fault *f)
{
        const struct json_value *v;
        int r;

        r = json_as_object(object, f);
        if (r < 0)
                return r;
        v = json_member(object, key);
        if (!v)
                return json_refuse(object, f, "key \"%s\" is missing here; expected it", key);
        *ret = v;
        return 0;
}

int json_opt_string(
        const struct json_value *object, const char *key, const char **ret, struct fault *f)
{
        const struct json_value *v = json_member(object, key);
        int r = v ? json_as_string(v, ret, f) : 0;

        return r < 0 ? r : v != NULL;
}

int json_opt_u32(const struct json_value *object, const char *key, uint32_t min, uint32_t max,
        uint32_t *ret, struct fault *f)
{
        const struct json_value *v = json_member(object, key);
        int r = v ? json_as_u32(v, min, max, ret, f) : 0;

        return r < 0 ? r : v != NULL;
}

int json_opt_bool(const struct json_value *object, const char *key, bool *ret, struct fault *f)
{
        const struct json_value *v = json_member(object, key);
        int r = v ? json_as_bool(v, ret, f) : 0;

        return r < 0 ? r : v != NULL;
}

int json_opt_array(const struct json_value *object, const char *key, const struct json_value **ret,
        size_t *ret_n, struct fault *f)
{
        const struct json_value *v = json_member(object, key);
        int r;

        if (!v) {
                *ret_n = 0;
                return 0;
        }
        r = json_as_array(v, ret_n, f);
        if (r < 0)
                return r;
        *ret = v;
        return 1;
}

int json_need_string(
        const struct json_value *object, const char *key, const char **ret, struct fault *f)
{
        const struct json_value *v;
        int r = json_require(object, key, &v, f);

        return r < 0 ? r : json_as_string(v, ret, f);
}

int json_need_bool(const struct json_value *object, const char *key, bool *ret, struct fault *f)
{
        const struct json_value *v;
        int r = json_require(object, key, &v, f);

        return r < 0 ? r : json_as_bool(v, ret, f);
}

int json_need_u64_text(
        const struct json_value *object, const char *key, uint64_t *ret, struct fault *f)
{
        const struct json_value *v;
        const char *text;
        int r = json_require(object, key, &v, f);

        if (r == 0)
                r = json_as_string(v, &text, f);
        if (r == 0 && parse_u64(text, ret) < 0)
                r = json_refuse(v, f, "%s \"%s\"; expected decimal digits, 64 bits", key, text);
        return r;
}
