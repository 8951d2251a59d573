/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict parsers and printers for what people, files and the kernel write. A parser takes the whole
 * string or refuses it: no leading blanks, no sign, nothing behind. Returns 0, -EINVAL (not of the
 * form) or -ERANGE (of the form, outside the range); ret_ untouched on failure. Any thread.
 */
#pragma once

#include "base/util.h"

#define MAC_STR_MAX  18 /* "02:00:00:aa:bb:cc" */
#define GUID_STR_MAX 24 /* "00:11:22:33:44:55:66:77" */
#define BDF_STR_MAX  16 /* "10000:3b:00.7": domains of 5 digits exist (VMD) */

struct mac {
        uint8_t b[6];
};

/* A PCI function's address: domain (16 bit, or 32 behind VMD), bus, device and function. */
struct bdf {
        uint32_t domain;
        uint8_t bus;
        uint8_t devfn;
};

/* Decimal digits only, no leading zero except "0" itself; min..max inclusive. */
int parse_u32(const char *s, uint32_t min, uint32_t max, uint32_t *ret);
int parse_u64(const char *s, uint64_t *ret);

/* Hexadecimal, with or without 0x, at most 8 digits. */
int parse_hex32(const char *s, uint32_t *ret);

/* "on", "off", "true", "false", "yes", "no", "1", "0". */
int parse_bool(const char *s, bool *ret);

/* Six colon-separated pairs of hex digits. Says nothing of multicast: that is policy. */
int parse_mac(const char *s, struct mac *ret);
void format_mac(char buf[static MAC_STR_MAX], const struct mac *mac);
bool mac_is_zero(const struct mac *mac);
bool mac_is_multicast(const struct mac *mac);

/* Eight colon-separated pairs of hex digits, most significant first. */
int parse_guid(const char *s, uint64_t *ret);
void format_guid(char buf[static GUID_STR_MAX], uint64_t guid);

/* "0000:3b:00.1", as sysfs prints it: lower case, domain always there. */
int parse_bdf(const char *s, struct bdf *ret);
void format_bdf(char buf[static BDF_STR_MAX], const struct bdf *bdf);

/* A name the kernel takes for a netdev: 1..15 bytes, no '/', blank or control byte, not "." or
 * "..". */
bool ifname_valid(const char *s);

/* A name a kernel driver can have: 1..63 of [A-Za-z0-9_-]. */
bool driver_name_valid(const char *s);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, <= U+10FFFF). */
bool utf8_valid(const char *s);

/*
 * Copies text with everything that is not printable UTF-8 (control bytes, DEL, C1, malformed bytes)
 * written as \xNN, cut to size at a character's boundary. Always terminates. For log lines,
 * terminals and D-Bus error texts.
 */
void escape_text(char *to, size_t size, const char *from);
