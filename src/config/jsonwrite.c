/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing JSON: a stack of open objects and arrays over json-c. Any thread. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "base/parse.h"
#include "config/json.h"

struct json_writer {
        struct json_object *root;
        struct json_object *open[JSON_DEPTH_MAX];
        size_t depth;
        int error;
};

struct json_writer *json_writer_new(void)
{
        return calloc(1, sizeof(struct json_writer));
}

void json_writer_free(struct json_writer *w)
{
        if (!w)
                return;
        json_object_put(w->root);
        free(w);
}

static void fail(struct json_writer *w, int error)
{
        if (w->error == 0)
                w->error = error;
}

/* Takes the value over, whatever happens. */
static bool add(struct json_writer *w, const char *key, struct json_object *value)
{
        struct json_object *parent = w->depth > 0 ? w->open[w->depth - 1] : NULL;
        int r = -1;

        if (!value || w->error < 0) {
                fail(w, -ENOMEM);
                json_object_put(value);
                return false;
        }
        if (!parent && !w->root && !key) {
                w->root = value;
                return true;
        }
        if (parent && json_object_is_type(parent, json_type_object) && key)
                r = json_object_object_add(parent, key, value);
        else if (parent && json_object_is_type(parent, json_type_array) && !key)
                r = json_object_array_add(parent, value);
        else
                fail(w, -EINVAL);
        if (r < 0) {
                fail(w, -ENOMEM);
                json_object_put(value);
        }
        return r == 0;
}

static void open_value(struct json_writer *w, const char *key, struct json_object *value)
{
        if (w->depth >= JSON_DEPTH_MAX)
                fail(w, -EINVAL);
        if (add(w, key, value))
                w->open[w->depth++] = value;
}

void json_open_object(struct json_writer *w, const char *key)
{
        open_value(w, key, json_object_new_object());
}

void json_open_array(struct json_writer *w, const char *key)
{
        open_value(w, key, json_object_new_array());
}

void json_close(struct json_writer *w)
{
        if (w->depth == 0)
                fail(w, -EINVAL);
        else
                w->depth--;
}

void json_put_string(struct json_writer *w, const char *key, const char *value)
{
        _cleanup_(freep) char *escaped = NULL;

        if (!utf8_valid(value)) {
                size_t size = strlen(value) * 4 + 1;

                escaped = malloc(size);
                if (!escaped) {
                        fail(w, -ENOMEM);
                        return;
                }
                escape_text(escaped, size, value);
        }
        add(w, key, json_object_new_string(escaped ? escaped : value));
}

void json_put_u64(struct json_writer *w, const char *key, uint64_t value)
{
        add(w, key, json_object_new_uint64(value));
}

void json_put_i64(struct json_writer *w, const char *key, int64_t value)
{
        add(w, key, json_object_new_int64(value));
}

void json_put_u64_text(struct json_writer *w, const char *key, uint64_t value)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, value);
        json_put_string(w, key, text);
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
        add(w, key, json_object_new_boolean(value));
}

static int finish(struct json_writer *w, int flags, char **ret)
{
        const char *text;
        size_t n;
        char *copy;

        if (w->error < 0)
                return w->error;
        if (!w->root || w->depth > 0)
                return -EINVAL;
        text = json_object_to_json_string_ext(w->root, flags);
        if (!text)
                return -ENOMEM;
        n = strlen(text);
        copy = malloc(n + 2);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, text, n);
        memcpy(copy + n, "\n", 2);
        *ret = copy;
        return 0;
}

int json_writer_text(struct json_writer *w, char **ret)
{
        return finish(w,
                JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE,
                ret);
}

int json_writer_line(struct json_writer *w, char **ret)
{
        return finish(w, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret);
}
