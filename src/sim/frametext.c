/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames from words. Any thread. */
#include <stdio.h>

#include "sim/frametext.h"
#include "sim/port/port.h"

#define ETHERTYPE_LOCAL 0x88b5u /* IEEE 802: local experimental */
#define TAGS_MAX        2u

struct draft {
        struct mac dst, src;
        uint16_t tpid[TAGS_MAX], tci[TAGS_MAX];
        unsigned n_tags;
        uint16_t type;
        uint32_t size;
        uint8_t payload[FRAME_MAX];
        size_t n_payload;
};

static int refuse(struct fault *f, const char *word, const char *expected)
{
        return fault_set(f, FAULT_INVALID_ARGS, 0, "'%s' refused: expected %s", word, expected);
}

static int nibble(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char) (c | 0x20);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pairs of digits, blanks and colons between them allowed. -EINVAL, -EMSGSIZE. */
static int parse_hex(const char *text, uint8_t *to, size_t max, size_t *ret_n)
{
        size_t n = 0;

        while (*text) {
                int high, low;

                if (*text == ' ' || *text == ':') {
                        text++;
                        continue;
                }
                high = nibble(text[0]);
                low = high < 0 ? -1 : nibble(text[1]);
                if (low < 0)
                        return -EINVAL;
                if (n == max)
                        return -EMSGSIZE;
                to[n++] = (uint8_t) (high << 4 | low);
                text += 2;
        }
        *ret_n = n;
        return 0;
}

/* ---- key=value ---------------------------------------------------------------------------------
 */

static int set_dst(struct draft *d, const char *value)
{
        return parse_mac(value, &d->dst);
}

static int set_src(struct draft *d, const char *value)
{
        return parse_mac(value, &d->src);
}

static int add_tag(struct draft *d, const char *value, uint16_t tpid)
{
        const char *colon = strchr(value, ':');
        char vid_text[8];
        uint32_t vid, qos = 0;

        if (d->n_tags == TAGS_MAX || (colon && (size_t) (colon - value) >= sizeof(vid_text)))
                return -EINVAL;
        snprintf(vid_text, sizeof(vid_text), "%.*s", colon ? (int) (colon - value) : 7, value);
        if (parse_u32(vid_text, 0, 4095, &vid) < 0 ||
                (colon && parse_u32(colon + 1, 0, 7, &qos) < 0))
                return -EINVAL;
        d->tpid[d->n_tags] = tpid;
        d->tci[d->n_tags++] = (uint16_t) (qos << 13 | vid);
        return 0;
}

static int set_vlan(struct draft *d, const char *value)
{
        return add_tag(d, value, ETH_VLAN);
}

static int set_svlan(struct draft *d, const char *value)
{
        return add_tag(d, value, ETH_QINQ);
}

static int set_type(struct draft *d, const char *value)
{
        uint8_t b[2];
        size_t n;

        if (parse_hex(value, b, 2, &n) < 0 || n != 2)
                return -EINVAL;
        d->type = (uint16_t) (b[0] << 8 | b[1]);
        return 0;
}

static int set_size(struct draft *d, const char *value)
{
        return parse_u32(value, FRAME_MIN, FRAME_MAX, &d->size);
}

static int set_text(struct draft *d, const char *value)
{
        d->n_payload = strlen(value);
        if (d->n_payload > FRAME_MAX / 2)
                return -EINVAL;
        memcpy(d->payload, value, d->n_payload);
        return 0;
}

static int set_hex(struct draft *d, const char *value)
{
        return parse_hex(value, d->payload, FRAME_MAX / 2, &d->n_payload);
}

static const struct {
        const char *key;
        int (*set)(struct draft *d, const char *value);
        const char *expected;
} keys[] = {
        {"dst", set_dst, "dst=MAC, such as dst=02:00:00:00:00:01"},
        {"src", set_src, "src=MAC, such as src=02:00:00:00:00:01"},
        {"vlan", set_vlan, "vlan=VID[:QOS], 0 to 4095 and 0 to 7, at most two tags"},
        {"svlan", set_svlan, "svlan=VID[:QOS], 0 to 4095 and 0 to 7, at most two tags"},
        {"type", set_type, "type=HEX of four digits, such as type=0806"},
        {"size", set_size, "size=BYTES, 14 to 9728"},
        {"text", set_text, "text=TEXT of at most 4864 bytes"},
        {"hex", set_hex, "hex=DIGITS, two for each of at most 4864 bytes"},
};

static int set_word(struct draft *d, const char *word, struct fault *f)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                size_t n = strlen(keys[i].key);

                if (strncmp(word, keys[i].key, n) == 0 && word[n] == '=')
                        return keys[i].set(d, word + n + 1) < 0 ? refuse(f, word, keys[i].expected)
                                                                : 0;
        }
        return refuse(f, word,
                "hexadecimal bytes, @FILE[:NUMBER], or dst=, src=, vlan=, svlan=, type=, size=, "
                "text= or hex=");
}

static void put16(uint8_t *to, uint16_t v)
{
        to[0] = (uint8_t) (v >> 8);
        to[1] = (uint8_t) v;
}

static void assemble(const struct draft *d, struct frame_text *ret)
{
        uint32_t at = 12;

        memset(ret->bytes, 0, sizeof(ret->bytes));
        memcpy(ret->bytes, d->dst.b, 6);
        memcpy(ret->bytes + 6, d->src.b, 6);
        for (unsigned i = 0; i < d->n_tags; i++, at += 4) {
                put16(ret->bytes + at, d->tpid[i]);
                put16(ret->bytes + at + 2, d->tci[i]);
        }
        put16(ret->bytes + at, d->type);
        memcpy(ret->bytes + at + 2, d->payload, d->n_payload);
        at += 2 + (uint32_t) d->n_payload;
        ret->length = at > d->size ? at : d->size;
}

/* ---- the other forms ---------------------------------------------------------------------------
 */

static int from_capture(const char *word, struct frame_text *ret, struct fault *f)
{
        _cleanup_(capture_reader_freep) struct capture_reader *reader = NULL;
        const char *colon = strrchr(word, ':');
        char path[PORT_PATH_MAX];
        struct port_frame frame;
        uint32_t number = 1;
        uint64_t time;
        int r;

        if (colon && parse_u32(colon + 1, 1, UINT32_MAX, &number) < 0)
                colon = NULL;
        snprintf(path, sizeof(path), "%.*s",
                colon ? (int) (colon - word - 1) : (int) sizeof(path) - 1, word + 1);
        r = capture_open(path, &reader, f);
        for (uint32_t i = 0; r >= 0 && i < number; i++) {
                r = capture_next(reader, &frame, &time, f);
                if (r == 0)
                        return fault_set(f, FAULT_NOT_FOUND, 0, "%s has %u frames, and not %u",
                                path, i, number);
        }
        if (r < 0)
                return r;
        if (frame.length > FRAME_MAX || frame.length < FRAME_MIN)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "frame %u of %s has %u bytes; expected %u to %u", number, path,
                        frame.length, FRAME_MIN, FRAME_MAX);
        memset(ret->bytes, 0, sizeof(ret->bytes));
        memcpy(ret->bytes, frame.bytes, frame.length);
        ret->length = frame.length;
        return 0;
}

int frame_from_words(char *const words[], size_t n, const struct mac *default_src,
        struct frame_text *ret, struct fault *f)
{
        struct draft d = {.src = *default_src, .type = ETHERTYPE_LOCAL, .size = FRAME_PADDED};
        size_t length;
        int r = 0;

        if (n == 1 && words[0][0] == '@')
                return from_capture(words[0], ret, f);
        if (n == 1 && !strchr(words[0], '=')) {
                memset(ret->bytes, 0, sizeof(ret->bytes));
                if (parse_hex(words[0], ret->bytes, FRAME_MAX, &length) < 0 || length == 0)
                        return refuse(f, words[0],
                                "1 to 9728 bytes in hexadecimal, @FILE[:NUMBER], or KEY=VALUE");
                ret->length = (uint32_t) length;
                return 0;
        }
        memset(d.dst.b, 0xff, sizeof(d.dst.b));
        for (size_t i = 0; i < n && r == 0; i++)
                r = set_word(&d, words[i], f);
        if (r == 0)
                assemble(&d, ret);
        return r;
}
