/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading strict JSON. A scanner of ours judges the text (grammar, limits, duplicate keys) and
 * notes where each value stands; json-c then decodes it, and both meet in document order. Any
 * thread.
 */
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/fileio.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "config/json.h"

struct json_value {
        const struct json *doc;
        unsigned line, column;
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

struct key {
        size_t at, n;
};

/* A place in the text that only moves on. */
struct place {
        size_t at;
        unsigned line, column;
};

#define PLACE_START ((struct place){.line = 1, .column = 1})

struct scan {
        struct json *doc;
        size_t at;
        struct place noted; /* of the last value */
        unsigned depth;
        unsigned nests, nests_max; /* objects and arrays so far */
        struct fault *f;
};

static void move_to(struct place *p, const struct json *doc, size_t at)
{
        for (; p->at < at && p->at < doc->n; p->at++)
                if (doc->source[p->at] == '\n') {
                        p->line++;
                        p->column = 1;
                } else if (((unsigned char) doc->source[p->at] & 0xc0) != 0x80) {
                        p->column++;
                }
}

_printf_(4, 5) static int refuse_at(
        const struct json *doc, size_t at, struct fault *f, const char *fmt, ...)
{
        struct place p = PLACE_START;
        char text[FAULT_TEXT_MAX];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        move_to(&p, doc, at);
        return fault_set(
                f, FAULT_INVALID_ARGS, 0, "%s:%u:%u: %s", doc->name, p.line, p.column, text);
}

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

/* ---- the scanner ----------------------------------------------------------------------------- */

static char peek(const struct scan *s)
{
        return s->doc->text[s->at]; /* the text ends with a NUL, which no rule accepts */
}

static void skip_blanks(struct scan *s)
{
        s->at += strspn(s->doc->text + s->at, " \t\r\n");
}

static int unexpected(const struct scan *s, const char *expected)
{
        const char *text = s->doc->text + s->at;

        if (s->at >= s->doc->n)
                return refuse_at(s->doc, s->at, s->f, "the text ends here; expected %s", expected);
        if (text[0] == '/' && (text[1] == '/' || text[1] == '*'))
                return refuse_at(s->doc, s->at, s->f,
                        "a comment is not allowed in this file; expected %s", expected);
        return refuse_at(s->doc, s->at, s->f, "unexpected '%c'; expected %s", text[0], expected);
}

static int scan_hex4(struct scan *s, uint32_t *ret)
{
        char digits[5] = "";
        uint32_t v;

        strncpy(digits, s->doc->text + s->at, 4);
        if (strspn(digits, "0123456789abcdefABCDEF") != 4 || parse_hex32(digits, &v) < 0)
                return unexpected(s, "four hex digits after \\u");
        s->at += 4;
        *ret = v;
        return 0;
}

/* Behind "\u". */
static int scan_unicode(struct scan *s)
{
        size_t began = s->at - 2;
        uint32_t c, low = 0;
        int r;

        r = scan_hex4(s, &c);
        if (r < 0)
                return r;
        if (c >= 0xd800 && c <= 0xdbff && startswith(s->doc->text + s->at, "\\u")) {
                s->at += 2;
                r = scan_hex4(s, &low);
                if (r < 0)
                        return r;
                if (low >= 0xdc00 && low <= 0xdfff)
                        return 0;
        }
        if (c == 0 || (c >= 0xd800 && c <= 0xdfff))
                return refuse_at(s->doc, began, s->f,
                        "this escape is not a character; expected one that is, and not NUL");
        return 0;
}

/* At the opening quote. */
static int scan_string(struct scan *s, struct key *ret)
{
        size_t began = ++s->at;
        int r;

        while (peek(s) != '"') {
                unsigned char c = (unsigned char) peek(s);

                if (s->at >= s->doc->n || c == '\n')
                        return refuse_at(
                                s->doc, began - 1, s->f, "this string does not end; expected \"");
                if (c < 0x20)
                        return refuse_at(s->doc, s->at, s->f,
                                "a control byte (0x%02x) in a string; expected an escape", c);
                s->at++;
                if (c != '\\')
                        continue;
                if (peek(s) == '\0' || !strchr("\"\\/bfnrtu", peek(s)))
                        return unexpected(s, "one of \" \\ / b f n r t u after a backslash");
                if (s->doc->text[s->at++] == 'u') {
                        r = scan_unicode(s);
                        if (r < 0)
                                return r;
                }
        }
        *ret = (struct key){.at = began, .n = s->at - began};
        s->at++;
        return 0;
}

static size_t scan_digits(struct scan *s)
{
        size_t n = strspn(s->doc->text + s->at, "0123456789");

        s->at += n;
        return n;
}

static int scan_number(struct scan *s)
{
        size_t began = s->at;
        bool ok;

        if (peek(s) == '-')
                s->at++;
        ok = peek(s) != '0' || !strchr("0123456789", s->doc->text[s->at + 1]) ||
             s->doc->text[s->at + 1] == '\0';
        ok = scan_digits(s) > 0 && ok;
        if (ok && peek(s) == '.') {
                s->at++;
                ok = scan_digits(s) > 0;
        }
        if (ok && (peek(s) == 'e' || peek(s) == 'E')) {
                s->at++;
                if (peek(s) == '+' || peek(s) == '-')
                        s->at++;
                ok = scan_digits(s) > 0;
        }
        if (!ok)
                return refuse_at(s->doc, began, s->f,
                        "not a number; expected digits without leading zeros, such as 10 or -1.5");
        return 0;
}

static int scan_key(struct scan *s, struct key *keys, size_t n_keys)
{
        const char *text = s->doc->text;
        struct key *key = &keys[n_keys];
        size_t began = s->at;
        int r;

        if (n_keys >= JSON_KEYS_MAX)
                return refuse_at(s->doc, s->at, s->f,
                        "too many keys in one object; expected at most %u", JSON_KEYS_MAX);
        r = scan_string(s, key);
        if (r < 0)
                return r;
        if (memchr(text + key->at, '\\', key->n))
                return refuse_at(s->doc, began, s->f, "a key with a backslash; expected none");
        for (size_t i = 0; i < n_keys; i++)
                if (keys[i].n == key->n && memcmp(text + keys[i].at, text + key->at, key->n) == 0)
                        return refuse_at(s->doc, began, s->f,
                                "key \"%.*s\" is given twice in one object; expected it once",
                                (int) key->n, text + key->at);
        skip_blanks(s);
        if (peek(s) != ':')
                return unexpected(s, "':' after the key");
        s->at++;
        return 0;
}

static int note_value(struct scan *s)
{
        struct json *doc = s->doc;
        int r;

        r = array_grow(&doc->values, &doc->capacity, doc->n_values, sizeof(*doc->values));
        if (r < 0)
                return r;
        move_to(&s->noted, doc, s->at);
        doc->values[doc->n_values++] =
                (struct json_value){.doc = doc, .line = s->noted.line, .column = s->noted.column};
        return 0;
}

/* Objects and arrays call back; JSON_DEPTH_MAX bounds that. */
static int scan_value(struct scan *s)
{
        struct key keys[JSON_KEYS_MAX + 1];
        bool object;
        int r;

        skip_blanks(s);
        r = note_value(s);
        if (r < 0)
                return r;
        if (peek(s) == '"')
                return scan_string(s, &keys[0]);
        if (peek(s) == '-' || (peek(s) >= '0' && peek(s) <= '9'))
                return scan_number(s);
        for (const char *const *word = (const char *const[]){"true", "false", NULL}; *word; word++)
                if (startswith(s->doc->text + s->at, *word)) {
                        s->at += strlen(*word);
                        return 0;
                }
        if (startswith(s->doc->text + s->at, "null"))
                return refuse_at(
                        s->doc, s->at, s->f, "null; expected a value, or that the key be left out");
        if (peek(s) != '{' && peek(s) != '[')
                return unexpected(s, "a value: object, array, string, number, true or false");
        if (s->depth >= JSON_DEPTH_MAX)
                return refuse_at(s->doc, s->at, s->f, "nested too deep; expected at most %u levels",
                        JSON_DEPTH_MAX);
        if (++s->nests > s->nests_max)
                return refuse_at(s->doc, s->at, s->f,
                        "too many objects and arrays; expected at most %u", s->nests_max);
        s->depth++;
        object = peek(s) == '{';
        s->at++;
        skip_blanks(s);
        for (size_t n = 0; peek(s) != (object ? '}' : ']'); n++) {
                if (n > 0) {
                        if (peek(s) != ',')
                                return unexpected(s, object ? "',' or '}'" : "',' or ']'");
                        s->at++;
                        skip_blanks(s);
                }
                if (object) {
                        if (peek(s) != '"')
                                return unexpected(s, n ? "a key in quotes" : "a key or '}'");
                        r = scan_key(s, keys, n);
                        if (r < 0)
                                return r;
                }
                r = scan_value(s);
                if (r < 0)
                        return r;
                skip_blanks(s);
        }
        s->at++;
        s->depth--;
        return 0;
}

/* Comments become blanks, newlines stay: offsets keep their line and column. */
static int blank_comments(struct json *doc, struct fault *f)
{
        bool quoted = false;

        for (size_t i = 0; i < doc->n; i++) {
                char *p = doc->text + i;
                char *end;

                if (quoted || p[0] == '"') {
                        if (p[0] == '\\' && p[1] != '\0')
                                i++;
                        else if (p[0] == '"' || p[0] == '\n')
                                quoted = !quoted && p[0] == '"';
                        continue;
                }
                if (p[0] != '/' || (p[1] != '/' && p[1] != '*'))
                        continue;
                end = p[1] == '/' ? p + strcspn(p, "\n") : strstr(p + 2, "*/");
                if (!end)
                        return refuse_at(doc, i, f, "this comment does not end; expected */");
                end += p[1] == '*' ? 2 : 0;
                for (; p < end; p++)
                        if (*p != '\n')
                                *p = ' ';
                i = (size_t) (end - doc->text) - 1;
        }
        return 0;
}

static int check_utf8(struct json *doc, struct fault *f)
{
        size_t good = 0;

        if (memchr(doc->text, '\0', doc->n))
                return refuse_at(doc, strlen(doc->text), f, "a NUL byte; expected text in UTF-8");
        if (utf8_valid(doc->text))
                return 0;
        /* The longest prefix of whole lines that is good; a byte of the next one is not. */
        for (size_t end = 0; end < doc->n; end++) {
                bool ok;

                if (doc->text[end] != '\n')
                        continue;
                doc->text[end] = '\0';
                ok = utf8_valid(doc->text + good);
                doc->text[end] = '\n';
                if (!ok)
                        break;
                good = end + 1;
        }
        return refuse_at(doc, good, f, "this line is not UTF-8; expected text in UTF-8");
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
                        (void) key;
                        meet(doc, child, i);
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
                return refuse_at(doc, 0, f, "json-c does not read this text as this program does");
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
        struct scan s = {.doc = doc,
                .noted = PLACE_START,
                .nests_max = flags & JSON_LARGE ? UINT_MAX : JSON_NESTS_MAX,
                .f = f};
        unsigned max = flags & JSON_LARGE ? JSON_LARGE_MAX : JSON_SIZE_MAX;
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
        if (n > max)
                return refuse_at(doc, 0, f, "%zu bytes; expected at most %u", n, max);
        r = check_utf8(doc, f);
        if (r == 0 && (flags & JSON_COMMENTS))
                r = blank_comments(doc, f);
        if (r == 0)
                r = scan_value(&s);
        if (r < 0)
                return r;
        skip_blanks(&s);
        if (s.at < n)
                return unexpected(&s, "nothing more");
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
        return json_refuse(v, f, "this is %s; expected %s", names[json_kind(v)], names[kind]);
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
                return json_refuse(
                        v, f, "number out of range; expected a whole number %u to %u", min, max);
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
