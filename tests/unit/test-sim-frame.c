/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the NIC reads in a frame: tags, IP, checksums. Frames are exact allocations: a sanitizer
 * sees a byte too many. */
#include "sim/nic/frame.h"
#include "unit.h"

#include <netinet/in.h>

/* Hex digits, blanks are skipped. A buffer of n bytes, or of `least` if that is more. */
static uint8_t *bytes_of(const char *hex, uint32_t least, uint32_t *ret_n)
{
        uint8_t *b = calloc(1, strlen(hex) / 2 + least + 1);
        uint32_t n = 0;
        unsigned byte;

        assert_non_null(b);
        for (; *hex; hex += *hex == ' ' ? 1 : 2)
                if (*hex != ' ' && sscanf(hex, "%2x", &byte) == 1)
                        b[n++] = (uint8_t) byte;
        *ret_n = n;
        return realloc(b, n > least ? n : least);
}

#define ADDRESSES "ffffffffffff 020000000a01 "

static const struct {
        const char *name, *hex;
        uint32_t n; /* 0: 60 */
        struct frame_format format;
        uint32_t ethertype, tci, tpid, tag_at, payload_at; /* tag_at 0: untagged */
} parse_cases[] = {
        {"untagged", ADDRESSES "0800", .ethertype = 0x0800, .payload_at = 14},
        {"length", ADDRESSES "0026 4242", .ethertype = 0x26, .payload_at = 14},
        {"802.1Q", ADDRESSES "8100 a064 0800", .ethertype = 0x0800, .tci = 0xa064, .tpid = ETH_VLAN,
                .tag_at = 12, .payload_at = 18},
        {"priority tag", ADDRESSES "8100 e000 0806", .ethertype = 0x0806, .tci = 0xe000,
                .tpid = ETH_VLAN, .tag_at = 12, .payload_at = 18},
        {"two tags: the first", ADDRESSES "8100 0001 8100 0002 0800", .ethertype = 0x8100, .tci = 1,
                .tpid = ETH_VLAN, .tag_at = 12, .payload_at = 18},
        {"service tag not recognised", ADDRESSES "88a8 0001 8100 0002 0800", .ethertype = 0x88a8,
                .payload_at = 14},
        {"service tag", ADDRESSES "88a8 0001 8100 0002 0800", .format.service_tags = true,
                .ethertype = 0x8100, .tci = 1, .tpid = ETH_QINQ, .tag_at = 12, .payload_at = 18},
        {"customer tag where service tags are", ADDRESSES "8100 0002 0800",
                .format.service_tags = true, .ethertype = 0x0800, .tci = 2, .tpid = ETH_VLAN,
                .tag_at = 12, .payload_at = 18},
        {"behind an outer tag", ADDRESSES "88a8 0001 8100 0002 0800",
                .format = {.double_vlan = true, .outer_tpid = ETH_QINQ}, .ethertype = 0x0800,
                .tci = 2, .tpid = ETH_VLAN, .tag_at = 16, .payload_at = 22},
        {"outer tag alone", ADDRESSES "9100 0001 0800",
                .format = {.double_vlan = true, .outer_tpid = 0x9100}, .ethertype = 0x0800,
                .payload_at = 18},
        {"no outer tag", ADDRESSES "8100 0002 0800",
                .format = {.double_vlan = true, .outer_tpid = 0x9100}, .ethertype = 0x0800,
                .tci = 2, .tpid = ETH_VLAN, .tag_at = 12, .payload_at = 18},
        {"outer tag like the inner", ADDRESSES "8100 0001 8100 0002 0800",
                .format = {.double_vlan = true, .outer_tpid = ETH_VLAN}, .ethertype = 0x0800,
                .tci = 2, .tpid = ETH_VLAN, .tag_at = 16, .payload_at = 22},
        {"header alone", ADDRESSES "8100", .n = 14, .ethertype = 0x8100, .payload_at = 14},
        {"tag cut off", ADDRESSES "8100 00", .n = 15, .ethertype = 0x8100, .payload_at = 14},
        {"tag without an Ethertype", ADDRESSES "8100 0064 08", .n = 17, .ethertype = 0x8100,
                .payload_at = 14},
        {"tag and Ethertype, no more", ADDRESSES "8100 0064 0800", .n = 18, .ethertype = 0x0800,
                .tci = 100, .tpid = ETH_VLAN, .tag_at = 12, .payload_at = 18},
        {"inner tag cut off", ADDRESSES "88a8 0001 8100 0002 08",
                .format = {.double_vlan = true, .outer_tpid = ETH_QINQ}, .n = 21,
                .ethertype = 0x8100, .payload_at = 18},
        {"outer tag cut off", ADDRESSES "88a8 0001 08",
                .format = {.double_vlan = true, .outer_tpid = ETH_QINQ}, .n = 17,
                .ethertype = 0x88a8, .payload_at = 14},
};

static void parse(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(parse_cases); i++) {
                uint32_t n, length = parse_cases[i].n ? parse_cases[i].n : 60;
                _cleanup_(freep) uint8_t *bytes = bytes_of(parse_cases[i].hex, FRAME_HEADER, &n);
                uint32_t tag_at = parse_cases[i].tag_at;
                struct frame_head h;

                memset(&h, 0xa5, sizeof(h));
                frame_parse(bytes, length, &parse_cases[i].format, &h);
                assert_int_equal(h.dst, MAC_BROADCAST);
                assert_int_equal(h.src, mac_number(bytes + 6));
                if (h.ethertype != parse_cases[i].ethertype || h.tagged != (tag_at != 0) ||
                        h.tci != parse_cases[i].tci || h.tpid != parse_cases[i].tpid ||
                        h.payload_at != parse_cases[i].payload_at ||
                        h.tag_at != (tag_at ? tag_at : h.payload_at - 2u))
                        fail_msg("%s: type %04x tag %04x %04x at %u, payload at %u",
                                parse_cases[i].name, h.ethertype, h.tpid, h.tci, h.tag_at,
                                h.payload_at);
        }
}

static void addresses(void **state)
{
        uint8_t mac[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x00};

        (void) state;
        assert_int_equal(mac_number(mac), 0xc28001);
        assert_true(mac_number_multicast(mac_number(mac)));
        for (unsigned last = 0; last < 256; last++) {
                mac[5] = (uint8_t) last;
                assert_int_equal(mac_number_reserved(mac_number(mac)), last < 16);
        }
        for (unsigned i = 0; i < 5; i++) {
                uint8_t other[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e};

                other[i] ^= 0x40;
                assert_false(mac_number_reserved(mac_number(other)));
        }
}

/* ---- checksums: packets that are right; a case may be cut ---- */

#define IP4(rest)  ADDRESSES "0800 " rest
#define IP6(rest)  ADDRESSES "86dd " rest
#define UDP4       "4500001d123400004011e648c0a80001c0a80102"
#define UDP_WHOLE  "04d2 162e 0009 "
#define TCP_HEADER "d431 0050 00000001 00000002 5018 2000 "

static const struct sum_case {
        const char *name, *hex;
        uint32_t what;
        enum { NOTHING, BREAK_IP = 1, BREAK_L4 = 2 } can_break;
} sum_cases[] = {
        {"ARP", ADDRESSES "0806 0001080006040001", 0, NOTHING},
        {"UDP over IPv4", IP4(UDP4 UDP_WHOLE "0188 61"), FRAME_IP4 | FRAME_UDP | FRAME_L4,
                BREAK_IP | BREAK_L4},
        {"UDP over IPv4 with padding", IP4(UDP4 UDP_WHOLE "0188 61 000102030405060708"),
                FRAME_IP4 | FRAME_UDP | FRAME_L4, BREAK_IP | BREAK_L4},
        {"UDP without a checksum", IP4(UDP4 UDP_WHOLE "0000 61"), FRAME_IP4 | FRAME_UDP, BREAK_IP},
        {"UDP that says it is longer than its packet", IP4(UDP4 "04d2 162e 000a 0188 61"),
                FRAME_IP4 | FRAME_UDP, BREAK_IP},
        {"UDP that says it is shorter than its header", IP4(UDP4 "04d2 162e 0007 0188 61"),
                FRAME_IP4 | FRAME_UDP, BREAK_IP},
        {"UDP header cut off", IP4("4500001a123400004011e64bc0a80001c0a80102 04d2162e0006"),
                FRAME_IP4, BREAK_IP},
        {"packet longer than the frame",
                IP4("45000023123400004011e642c0a80001c0a80102" UDP_WHOLE "0188 61"), FRAME_IP4,
                BREAK_IP},
        {"packet shorter than its header", IP4("45000013123400004011 e652 c0a80001c0a80102"),
                FRAME_IP4, BREAK_IP},
        {"first fragment", IP4("4500001d123420004011c648c0a80001c0a80102" UDP_WHOLE "0188 61"),
                FRAME_IP4, BREAK_IP},
        {"last fragment", IP4("4500001d123400014011e647c0a80001c0a80102" UDP_WHOLE "0188 61"),
                FRAME_IP4, BREAK_IP},
        {"not fragmented", IP4("4500001d123440004011a648c0a80001c0a80102" UDP_WHOLE "0188 61"),
                FRAME_IP4 | FRAME_UDP | FRAME_L4, BREAK_IP | BREAK_L4},
        {"with options",
                IP4("46000021123400004011 e343 c0a80001c0a80102 01010100" UDP_WHOLE "0188 61"),
                FRAME_IP4 | FRAME_UDP | FRAME_L4, BREAK_L4},
        {"IPv4 header too short by itself", IP4("44000014123400004011 e751 c0a80001c0a80102"), 0,
                NOTHING},
        {"no IPv4 in an IPv4 frame", IP4("6500001d123400004011 c648 c0a80001c0a80102"), 0, NOTHING},
        {"IPv4 header cut off", IP4("4500001d123400004011e648c0a80001c0a801"), 0, NOTHING},
        {"in a VLAN", ADDRESSES "8100 0064 0800" UDP4 UDP_WHOLE "0188 61",
                FRAME_IP4 | FRAME_UDP | FRAME_L4, BREAK_IP | BREAK_L4},
        {"TCP over IPv6",
                IP6("60000000 0017 06 40 20010db8000000000000000000000001"
                    "20010db8000000000000000000000002" TCP_HEADER "0000 0000 616263"),
                FRAME_IP6 | FRAME_TCP | FRAME_L4, BREAK_L4},
        {"behind hop-by-hop options",
                IP6("60000000 001f 00 40 20010db8000000000000000000000001"
                    "20010db8000000000000000000000002 0600 010400000000" TCP_HEADER
                    "0000 0000 616263"),
                FRAME_IP6 | FRAME_TCP | FRAME_L4, BREAK_L4},
        {"behind a routing header",
                IP6("60000000 001f 2b 40 20010db8000000000000000000000001"
                    "20010db8000000000000000000000002 0600 010400000000" TCP_HEADER
                    "0000 0000 616263"),
                FRAME_IP6, NOTHING},
        {"IPv6 longer than the frame",
                IP6("60000000 0018 06 40 20010db8000000000000000000000001"
                    "20010db8000000000000000000000002" TCP_HEADER "0000 0000 616263"),
                FRAME_IP6, NOTHING},
        {"IPv6 header cut off",
                IP6("60000000 0000 06 40 20010db8000000000000000000000001"
                    "20010db80000000000000000000000"),
                0, NOTHING},
};

static struct frame_head head_of(const uint8_t *bytes, uint32_t n)
{
        const struct frame_format format = {.service_tags = true};
        uint8_t first[FRAME_HEADER] = {0};
        struct frame_head head;

        memcpy(first, bytes, n < FRAME_HEADER ? n : FRAME_HEADER);
        frame_parse(first, n, &format, &head);
        return head;
}

/* The sum the obvious way, of whole 16-bit words. */
static uint32_t slow_sum(const uint8_t *b, uint32_t n, uint32_t sum)
{
        for (uint32_t i = 0; i < n; i++)
                sum += (uint32_t) b[i] << (i % 2 ? 0 : 8);
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return sum;
}

static uint32_t slow_l4(const uint8_t *b, const struct frame_ip *ip, uint32_t n)
{
        uint32_t at = ip->at + (ip->version == 4 ? 12u : 8u);

        return slow_sum(
                b + ip->l4, n, slow_sum(b + at, ip->version == 4 ? 8 : 32, ip->protocol + n));
}

static void sums(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(sum_cases); i++) {
                const struct sum_case *c = &sum_cases[i];
                uint32_t n, what;
                _cleanup_(freep) uint8_t *b = bytes_of(c->hex, FRAME_MIN, &n);
                struct frame_head h = head_of(b, n);
                struct frame_ip ip;

                /* TCP in the table has no checksum yet. */
                if (c->what & FRAME_TCP)
                        assert_int_equal(frame_insert_checksums(b, n, &h, false, true), 0);
                what = frame_checksums(b, n, &h);
                if (what != c->what)
                        fail_msg("%s: %#x, not %#x", c->name, what, c->what);
                if (c->can_break & BREAK_IP) {
                        b[h.payload_at + 8] ^= 0x10; /* hops to live */
                        assert_int_equal(frame_checksums(b, n, &h), c->what | FRAME_IP4_BAD);
                        b[h.payload_at + 8] ^= 0x10;
                }
                if (!(c->can_break & BREAK_L4))
                        continue;
                assert_true(frame_ip(b, n, &h, &ip));
                assert_int_equal(slow_l4(b, &ip, ip.end - ip.l4), 0xffff);
                for (uint32_t at = ip.l4; at < ip.end; at++) {
                        if (ip.protocol == IPPROTO_UDP && (at == ip.l4 + 4u || at == ip.l4 + 5u))
                                continue; /* a wrong length: not looked at */
                        b[at] ^= 0x20;
                        assert_int_equal(frame_checksums(b, n, &h), c->what | FRAME_L4_BAD);
                        b[at] ^= 0x20;
                }
        }
}

/* What is inserted is what was there, and stands the slow sum; lengths of all kinds. */
static void insertion(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(sum_cases); i++) {
                uint32_t n;
                _cleanup_(freep) uint8_t *b = bytes_of(sum_cases[i].hex, FRAME_MIN, &n);
                _cleanup_(freep) uint8_t *was = bytes_of(sum_cases[i].hex, FRAME_MIN, &n);
                struct frame_head h = head_of(b, n);
                bool ip4 = sum_cases[i].what & FRAME_IP4, l4 = sum_cases[i].what & FRAME_L4;

                assert_int_equal(frame_insert_checksums(b, n, &h, true, false), ip4 ? 0 : -EINVAL);
                assert_memory_equal(b, was, n);
                if (strstr(sum_cases[i].name, "UDP without")) {
                        assert_int_equal(frame_insert_checksums(b, n, &h, false, true), 0);
                        assert_int_equal(
                                frame_checksums(b, n, &h) & (FRAME_L4 | FRAME_L4_BAD), FRAME_L4);
                        continue;
                }
                assert_int_equal(frame_insert_checksums(b, n, &h, false, true), l4 ? 0 : -EINVAL);
                if (!(sum_cases[i].what & FRAME_TCP))
                        assert_memory_equal(b, was, n);
                assert_int_equal(
                        frame_insert_checksums(b, n, &h, true, true), ip4 && l4 ? 0 : -EINVAL);
        }
}

static void lengths(void **state)
{
        (void) state;
        for (uint32_t data = 0; data < 1473; data += data < 70 ? 1 : 61) {
                uint32_t n = 14 + 20 + 8 + data;
                _cleanup_(freep) uint8_t *b = calloc(1, n < FRAME_HEADER ? FRAME_HEADER : n);
                const uint8_t header[] = {8, 0, 0x45, 0, (uint8_t) ((n - 14) >> 8),
                        (uint8_t) (n - 14), 0, 0, 0, 0, 64, IPPROTO_UDP};
                struct frame_head h;
                struct frame_ip ip;

                assert_non_null(b);
                for (uint32_t i = 14 + 12; i < n; i++)
                        b[i] = (uint8_t) (i * 37 + data);
                memcpy(b + 12, header, sizeof(header));
                b[38] = (uint8_t) ((data + 8) >> 8);
                b[39] = (uint8_t) (data + 8);
                h = head_of(b, n);
                assert_int_equal(frame_insert_checksums(b, n, &h, true, true), 0);
                assert_int_equal(frame_checksums(b, n, &h), FRAME_IP4 | FRAME_UDP | FRAME_L4);
                assert_true(frame_ip(b, n, &h, &ip));
                assert_int_equal(slow_sum(b + 14, 20, 0), 0xffff);
                assert_int_equal(slow_l4(b, &ip, data + 8), 0xffff);
        }
}

/* A UDP sum of 0 is sent as ffff: 0 would say that there is none. */
static void udp_zero(void **state)
{
        uint32_t n;
        _cleanup_(freep) uint8_t *b = bytes_of(IP4(UDP4 "0000 0000 0009 0000 00"), FRAME_MIN, &n);
        struct frame_head h = head_of(b, n);
        struct frame_ip ip;
        uint32_t sum;

        (void) state;
        assert_true(frame_ip(b, n, &h, &ip));
        sum = 0xffff - slow_l4(b, &ip, 9);
        b[ip.l4] = (uint8_t) (sum >> 8);
        b[ip.l4 + 1] = (uint8_t) sum;
        assert_int_equal(frame_insert_checksums(b, n, &h, false, true), 0);
        assert_int_equal(frame_be16(b + ip.l4 + 6), 0xffff);
        assert_int_equal(frame_checksums(b, n, &h), FRAME_IP4 | FRAME_UDP | FRAME_L4);
}

/* Every frame of the tables, cut anywhere: nothing is read or written behind its end. */
static void cut(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(sum_cases); i++) {
                uint32_t whole;
                _cleanup_(freep) uint8_t *b = bytes_of(sum_cases[i].hex, FRAME_MIN, &whole);

                for (uint32_t n = FRAME_MIN; n < whole; n++) {
                        _cleanup_(freep) uint8_t *part = malloc(n);
                        struct frame_head h;

                        memcpy(part, b, n);
                        h = head_of(part, n);
                        frame_checksums(part, n, &h);
                        frame_insert_checksums(part, n, &h, true, false);
                        frame_insert_checksums(part, n, &h, false, true);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(parse),
                cmocka_unit_test(addresses),
                cmocka_unit_test(sums),
                cmocka_unit_test(insertion),
                cmocka_unit_test(lengths),
                cmocka_unit_test(udp_zero),
                cmocka_unit_test(cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
