/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict parsers and printers. Any thread. */
#include <ctype.h>
#include <stdio.h>

#include "base/parse.h"

int parse_u64(const char *s, uint64_t *ret)
{
        uint64_t v = 0;

        if (!*s || (s[0] == '0' && s[1]))
                return -EINVAL;
        for (; *s; s++) {
                if (!isdigit((unsigned char) *s))
                        return -EINVAL;
                if (__builtin_mul_overflow(v, 10, &v) ||
                        __builtin_add_overflow(v, (uint64_t) (*s - '0'), &v))
                        return -ERANGE;
        }
        *ret = v;
        return 0;
}

int parse_u32(const char *s, uint32_t min, uint32_t max, uint32_t *ret)
{
        uint64_t v;
        int r;

        r = parse_u64(s, &v);
        if (r < 0)
                return r;
        if (v < min || v > max)
                return -ERANGE;
        *ret = (uint32_t) v;
        return 0;
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -1;
}

/* Exactly n hex digits at s; -1 when one of them is not. */
static int64_t hex_field(const char *s, unsigned n)
{
        int64_t v = 0;

        for (unsigned i = 0; i < n; i++) {
                int d = hex_digit(s[i]);

                if (d < 0)
                        return -1;
                v = v << 4 | d;
        }
        return v;
}

int parse_hex32(const char *s, uint32_t *ret)
{
        size_t n;
        int64_t v;

        if (s[0] == '0' && (s[1] | 0x20) == 'x')
                s += 2;
        n = strlen(s);
        if (n < 1)
                return -EINVAL;
        if (n > 8)
                return -ERANGE;
        v = hex_field(s, (unsigned) n);
        if (v < 0)
                return -EINVAL;
        *ret = (uint32_t) v;
        return 0;
}

int parse_bool(const char *s, bool *ret)
{
        static const char *const words[2][4] = {
                {"off", "false", "no", "0"},
                {"on", "true", "yes", "1"},
        };

        for (unsigned v = 0; v < 2; v++)
                for (unsigned i = 0; i < ELEMENTSOF(words[v]); i++)
                        if (streq(s, words[v][i])) {
                                *ret = v;
                                return 0;
                        }
        return -EINVAL;
}

/* n bytes as colon-separated pairs, nothing behind them. */
static int parse_octets(const char *s, uint8_t *ret, unsigned n)
{
        if (strlen(s) != n * 3 - 1)
                return -EINVAL;
        for (unsigned i = 0; i < n; i++) {
                int64_t v = hex_field(s + i * 3, 2);

                if (v < 0 || (i + 1 < n && s[i * 3 + 2] != ':'))
                        return -EINVAL;
                ret[i] = (uint8_t) v;
        }
        return 0;
}

int parse_mac(const char *s, struct mac *ret)
{
        struct mac m;
        int r = parse_octets(s, m.b, sizeof(m.b));

        if (r == 0)
                *ret = m;
        return r;
}

void format_mac(char buf[static MAC_STR_MAX], const struct mac *m)
{
        snprintf(buf, MAC_STR_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", m->b[0], m->b[1], m->b[2],
                m->b[3], m->b[4], m->b[5]);
}

bool mac_is_zero(const struct mac *mac)
{
        static const struct mac zero;

        return memcmp(mac, &zero, sizeof(zero)) == 0;
}

bool mac_is_multicast(const struct mac *mac)
{
        return mac->b[0] & 1;
}

int parse_guid(const char *s, uint64_t *ret)
{
        uint8_t b[8];
        uint64_t v = 0;
        int r = parse_octets(s, b, sizeof(b));

        if (r < 0)
                return r;
        for (unsigned i = 0; i < sizeof(b); i++)
                v = v << 8 | b[i];
        *ret = v;
        return 0;
}

void format_guid(char buf[static GUID_STR_MAX], uint64_t guid)
{
        for (unsigned i = 0; i < 8; i++)
                snprintf(buf + i * 3, 4, i < 7 ? "%02x:" : "%02x",
                        (unsigned) (guid >> (56 - i * 8)) & 0xff);
}

int parse_bdf(const char *s, struct bdf *ret)
{
        const char *colon = strchr(s, ':');
        size_t n = colon ? (size_t) (colon - s) : 0;
        int64_t domain, bus, dev, fn;

        if (n < 4 || n > 8 || strlen(colon) != strlen(":3b:00.0") || colon[3] != ':' ||
                colon[6] != '.')
                return -EINVAL;
        domain = hex_field(s, (unsigned) n);
        bus = hex_field(colon + 1, 2);
        dev = hex_field(colon + 4, 2);
        fn = hex_field(colon + 7, 1);
        if (domain < 0 || bus < 0 || dev < 0 || fn < 0)
                return -EINVAL;
        if (dev > 31 || fn > 7 || domain > 0xfffff)
                return -ERANGE;
        *ret = (struct bdf){(uint32_t) domain, (uint8_t) bus, (uint8_t) (dev << 3 | fn)};
        return 0;
}

void format_bdf(char buf[static BDF_STR_MAX], const struct bdf *b)
{
        snprintf(buf, BDF_STR_MAX, "%04x:%02x:%02x.%x", b->domain & 0xfffff, b->bus, b->devfn >> 3,
                b->devfn & 7);
}

bool ifname_valid(const char *s)
{
        size_t n = strlen(s);

        if (n < 1 || n > 15 || streq(s, ".") || streq(s, "..") || !utf8_valid(s))
                return false;
        for (; *s; s++)
                if (*s == '/' || *s == ':' || (unsigned char) *s <= ' ' || *s == 0x7f)
                        return false;
        return true;
}

bool driver_name_valid(const char *s)
{
        size_t n = strlen(s);

        if (n < 1 || n > 63)
                return false;
        for (; *s; s++)
                if (!isalnum((unsigned char) *s) && *s != '_' && *s != '-')
                        return false;
        return true;
}

/* Length of the well-formed UTF-8 sequence at s, 0 when there is none. */
static unsigned utf8_sequence(const unsigned char *s)
{
        unsigned n = s[0] < 0x80       ? 1
                     : s[0] >> 5 == 6  ? 2
                     : s[0] >> 4 == 14 ? 3
                     : s[0] >> 3 == 30 ? 4
                                       : 0;
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        uint32_t c;

        if (n <= 1)
                return n;
        c = s[0] & (0x7fu >> n);
        for (unsigned i = 1; i < n; i++) {
                if (s[i] >> 6 != 2)
                        return 0;
                c = c << 6 | (s[i] & 0x3f);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;
        return n;
}

bool utf8_valid(const char *s)
{
        while (*s) {
                unsigned n = utf8_sequence((const unsigned char *) s);

                if (n == 0)
                        return false;
                s += n;
        }
        return true;
}

void escape_text(char *to, size_t size, const char *from)
{
        const unsigned char *s = (const unsigned char *) from;
        size_t at = 0;

        while (*s) {
                unsigned n = utf8_sequence(s);
                bool c1 = n == 2 && s[0] == 0xc2 && s[1] < 0xa0;
                bool plain = n > 0 && !c1 && *s >= ' ' && *s != 0x7f;
                size_t need = plain ? n : 4;

                if (at + need >= size)
                        break;
                if (plain) {
                        memcpy(to + at, s, n);
                        s += n;
                } else {
                        snprintf(to + at, 5, "\\x%02x", *s);
                        s++;
                }
                at += need;
        }
        to[at] = '\0';
}
