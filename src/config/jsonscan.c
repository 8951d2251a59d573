/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text of a JSON document: encoding, comments, grammar, limits, duplicate keys, and where each
 * value stands. Any thread.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/parse.h"
#include "config/json_private.h"

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

int json_refuse_at(const struct json *doc, size_t at, struct fault *f, const char *fmt, ...)
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

static char peek(const struct scan *s)
{
        return s->doc->text[s->at]; /* the text ends with a NUL, which no rule accepts */
}

static void skip_blanks(struct scan *s)
{
        /* Not strspn(): under ASan it measures the rest of the text each time. */
        while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\r' || peek(s) == '\n')
                s->at++;
}

static int unexpected(const struct scan *s, const char *expected)
{
        const char *text = s->doc->text + s->at;

        if (s->at >= s->doc->n)
                return json_refuse_at(
                        s->doc, s->at, s->f, "the text ends here; expected %s", expected);
        if (text[0] == '/' && (text[1] == '/' || text[1] == '*'))
                return json_refuse_at(s->doc, s->at, s->f,
                        "a comment is not allowed in this file; expected %s", expected);
        return json_refuse_at(
                s->doc, s->at, s->f, "unexpected '%c'; expected %s", text[0], expected);
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
                return json_refuse_at(s->doc, began, s->f,
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
                        return json_refuse_at(
                                s->doc, began - 1, s->f, "this string does not end; expected \"");
                if (c < 0x20)
                        return json_refuse_at(s->doc, s->at, s->f,
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
        size_t began = s->at;

        while (peek(s) >= '0' && peek(s) <= '9')
                s->at++;
        return s->at - began;
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
                return json_refuse_at(s->doc, began, s->f,
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
                return json_refuse_at(s->doc, s->at, s->f,
                        "too many keys in one object; expected at most %u", JSON_KEYS_MAX);
        r = scan_string(s, key);
        if (r < 0)
                return r;
        if (memchr(text + key->at, '\\', key->n))
                return json_refuse_at(s->doc, began, s->f, "a key with a backslash; expected none");
        for (size_t i = 0; i < n_keys; i++)
                if (keys[i].n == key->n && memcmp(text + keys[i].at, text + key->at, key->n) == 0)
                        return json_refuse_at(s->doc, began, s->f,
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
                return json_refuse_at(
                        s->doc, s->at, s->f, "null; expected a value, or that the key be left out");
        if (peek(s) != '{' && peek(s) != '[')
                return unexpected(s, "a value: object, array, string, number, true or false");
        if (s->depth >= JSON_DEPTH_MAX)
                return json_refuse_at(s->doc, s->at, s->f,
                        "nested too deep; expected at most %u levels", JSON_DEPTH_MAX);
        if (++s->nests > s->nests_max)
                return json_refuse_at(s->doc, s->at, s->f,
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
                        return json_refuse_at(doc, i, f, "this comment does not end; expected */");
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
                return json_refuse_at(
                        doc, strlen(doc->text), f, "a NUL byte; expected text in UTF-8");
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
        return json_refuse_at(doc, good, f, "this line is not UTF-8; expected text in UTF-8");
}

int json_scan(struct json *doc, unsigned flags, struct fault *f)
{
        unsigned max = flags & JSON_LARGE ? JSON_LARGE_MAX : JSON_SIZE_MAX;
        struct scan s = {.doc = doc,
                .noted = PLACE_START,
                .nests_max = flags & JSON_LARGE ? UINT_MAX : JSON_NESTS_MAX,
                .f = f};
        int r;

        if (doc->n > max)
                return json_refuse_at(doc, 0, f, "%zu bytes; expected at most %u", doc->n, max);
        r = check_utf8(doc, f);
        if (r == 0 && (flags & JSON_COMMENTS))
                r = blank_comments(doc, f);
        if (r == 0)
                r = scan_value(&s);
        if (r < 0)
                return r;
        skip_blanks(&s);
        return s.at < doc->n ? unexpected(&s, "nothing more") : 0;
}
