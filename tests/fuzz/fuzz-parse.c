/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/parse on arbitrary text: nothing crashes, what was refused was not written, and what was
 * taken reads back the same after it was printed. One thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void numbers(const char *s)
{
        uint32_t u = 7, hex = 7;
        uint64_t v = 7;
        bool b = true;

        if (parse_u32(s, 1, 4094, &u) < 0)
                CHECK(u == 7);
        else
                CHECK(u >= 1 && u <= 4094);
        CHECK(parse_u64(s, &v) == 0 || v == 7);
        CHECK(parse_hex32(s, &hex) == 0 || hex == 7);
        CHECK(parse_bool(s, &b) == 0 || b);
}

static void addresses(const char *s)
{
        char mac_text[MAC_STR_MAX], guid_text[GUID_STR_MAX], bdf_text[BDF_STR_MAX];
        struct mac mac = {{1}}, mac_again;
        struct bdf bdf = {.bus = 1}, bdf_again;
        uint64_t guid = 1, guid_again;

        if (parse_mac(s, &mac) == 0) {
                format_mac(mac_text, &mac);
                CHECK(parse_mac(mac_text, &mac_again) == 0);
                CHECK(memcmp(&mac, &mac_again, sizeof(mac)) == 0);
        } else {
                CHECK(mac.b[0] == 1);
        }
        if (parse_guid(s, &guid) == 0) {
                format_guid(guid_text, guid);
                CHECK(parse_guid(guid_text, &guid_again) == 0 && guid == guid_again);
        } else {
                CHECK(guid == 1);
        }
        if (parse_bdf(s, &bdf) == 0) {
                format_bdf(bdf_text, &bdf);
                CHECK(parse_bdf(bdf_text, &bdf_again) == 0);
                CHECK(bdf.domain == bdf_again.domain && bdf.bus == bdf_again.bus &&
                        bdf.devfn == bdf_again.devfn);
        } else {
                CHECK(bdf.bus == 1);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *s = malloc(size + 1), escaped[64], small[2];

        CHECK(s);
        if (size)
                memcpy(s, data, size);
        s[size] = '\0';

        numbers(s);
        addresses(s);
        CHECK(!ifname_valid(s) || strlen(s) <= 15);
        CHECK(!driver_name_valid(s) || strlen(s) <= 63);
        escape_text(escaped, sizeof(escaped), s);
        CHECK(utf8_valid(escaped) && strlen(escaped) < sizeof(escaped));
        escape_text(small, sizeof(small), s);
        CHECK(strlen(small) < sizeof(small));
        free(s);
        return 0;
}
