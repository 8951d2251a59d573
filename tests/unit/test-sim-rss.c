/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Toeplitz hash by Microsoft's verification vectors, and what of a frame is hashed. */
#include "sim/nic/rss.h"
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define ALL_TYPES (RSS_DEFAULT_TYPES | RSS_BIT(RSS_IP4_UDP) | RSS_BIT(RSS_IP6_UDP))

/* "Verifying the RSS Hash Calculation", Windows Driver Kit. */
static const struct {
        const char *dst;
        uint16_t dst_port;
        const char *src;
        uint16_t src_port;
        uint32_t addresses, ports;
} vectors[] = {
        {"161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178},
        {"65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea},
        {"12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a},
        {"209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f},
        {"202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2},
        {"3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5, 0x40207d3d},
        {"ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c, 0xdde51bbf},
        {"fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251,
                0x4b61e985, 0x02d1feef},
};

struct packet {
        uint8_t bytes[128];
        uint32_t n;
        struct frame_head head;
};

static void put16(struct packet *p, uint32_t value)
{
        p->bytes[p->n++] = (uint8_t) (value >> 8);
        p->bytes[p->n++] = (uint8_t) value;
}

static void put(struct packet *p, const void *from, uint32_t n)
{
        memcpy(p->bytes + p->n, from, n);
        p->n += n;
}

/* The packet of a vector, in a VLAN; fragment: of IPv4, flags and offset. */
static struct packet packet_of(size_t vector, uint8_t protocol, uint16_t fragment)
{
        bool v6 = strchr(vectors[vector].dst, ':') != NULL;
        struct packet p = {.n = 12};
        uint8_t src[16], dst[16];
        const struct frame_format format = {.service_tags = false};

        assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, vectors[vector].src, src), 1);
        assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, vectors[vector].dst, dst), 1);
        put16(&p, ETH_VLAN);
        put16(&p, 100);
        put16(&p, v6 ? 0x86dd : 0x0800);
        if (v6) {
                put(&p, (uint8_t[]){0x60, 0, 0, 0, 0, 24, protocol, 64}, 8);
        } else {
                put(&p, (uint8_t[]){0x45, 0, 0, 44, 0, 0}, 6);
                put16(&p, fragment);
                put(&p, (uint8_t[]){64, protocol, 0, 0}, 4);
        }
        put(&p, src, v6 ? 16 : 4);
        put(&p, dst, v6 ? 16 : 4);
        put16(&p, vectors[vector].src_port);
        put16(&p, vectors[vector].dst_port);
        p.n += 20;
        frame_parse(p.bytes, p.n, &format, &p.head);
        return p;
}

static enum rss_type hashed(const struct packet *p, uint32_t types, uint32_t *ret_hash)
{
        struct rss_config config;
        struct rss_key key;

        rss_default(&config, 4);
        rss_key_init(&key, config.key);
        return rss_frame(&key, types, p->bytes, p->n, &p->head, ret_hash);
}

static void microsoft(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(vectors); i++) {
                bool v6 = strchr(vectors[i].dst, ':') != NULL;
                struct packet tcp = packet_of(i, IPPROTO_TCP, 0);
                struct packet udp = packet_of(i, IPPROTO_UDP, 0);
                uint32_t hash = 0;

                assert_int_equal(hashed(&tcp, ALL_TYPES, &hash), v6 ? RSS_IP6_TCP : RSS_IP4_TCP);
                assert_int_equal(hash, vectors[i].ports);
                assert_int_equal(hashed(&udp, ALL_TYPES, &hash), v6 ? RSS_IP6_UDP : RSS_IP4_UDP);
                assert_int_equal(hash, vectors[i].ports);
                assert_int_equal(hashed(&udp, RSS_DEFAULT_TYPES, &hash), v6 ? RSS_IP6 : RSS_IP4);
                assert_int_equal(hash, vectors[i].addresses);
                assert_int_equal(hashed(&tcp, RSS_BIT(RSS_IP4) | RSS_BIT(RSS_IP6), &hash),
                        v6 ? RSS_IP6 : RSS_IP4);
                assert_int_equal(hash, vectors[i].addresses);
        }
}

static void addresses_alone(void **state)
{
        struct packet first = packet_of(0, IPPROTO_TCP, 0x2000),
                      last = packet_of(0, IPPROTO_TCP, 9);
        struct packet other = packet_of(0, IPPROTO_ICMP, 0), cut = packet_of(0, IPPROTO_TCP, 0);
        struct packet whole = packet_of(0, IPPROTO_TCP, 0x4000);
        uint32_t hash = 0;

        (void) state;
        cut.n = 18 + 20 + 19;
        assert_int_equal(hashed(&first, ALL_TYPES, &hash), RSS_IP4);
        assert_int_equal(hash, vectors[0].addresses);
        assert_int_equal(hashed(&last, ALL_TYPES, &hash), RSS_IP4);
        assert_int_equal(hash, vectors[0].addresses);
        assert_int_equal(hashed(&other, ALL_TYPES, &hash), RSS_IP4);
        assert_int_equal(hash, vectors[0].addresses);
        assert_int_equal(hashed(&cut, ALL_TYPES, &hash), RSS_IP4);
        assert_int_equal(hash, vectors[0].addresses);
        assert_int_equal(hashed(&whole, ALL_TYPES, &hash), RSS_IP4_TCP);
}

static void not_hashed(void **state)
{
        struct packet p = packet_of(0, IPPROTO_TCP, 0);
        uint32_t hash = 1;

        (void) state;
        assert_int_equal(hashed(&p, 0, &hash), RSS_NONE);
        assert_int_equal(hash, 0);
        assert_int_equal(hashed(&p, RSS_BIT(RSS_IP6) | RSS_BIT(RSS_IP6_TCP), &hash), RSS_NONE);
        assert_int_equal(hashed(&p, RSS_BIT(RSS_IP4_UDP), &hash), RSS_NONE);
        assert_int_equal(hash, 0);
        p.head.ethertype = 0x0806;
        assert_int_equal(hashed(&p, ALL_TYPES, &hash), RSS_NONE);
        assert_int_equal(hash, 0);
}

/* Bit by bit, as the specification says it, with other keys and all lengths. */
static void slowly(void **state)
{
        uint8_t key[RSS_KEY_BYTES], input[RSS_INPUT_MAX];
        uint32_t random = 1;

        (void) state;
        for (unsigned round = 0; round < 200; round++) {
                uint32_t n = round % (RSS_INPUT_MAX + 1), want = 0;
                struct rss_key ready;

                for (size_t i = 0; i < sizeof(key) + sizeof(input); i++) {
                        random = random * 1664525 + 1013904223;
                        *(i < sizeof(key) ? &key[i] : &input[i - sizeof(key)]) =
                                (uint8_t) (random >> 24);
                }
                for (uint32_t bit = 0; bit < n * 8; bit++)
                        for (uint32_t k = 0; input[bit / 8] >> (7 - bit % 8) & 1 && k < 32; k++)
                                want ^= (uint32_t) (key[(bit + k) / 8] >> (7 - (bit + k) % 8) & 1)
                                        << (31 - k);
                rss_key_init(&ready, key);
                assert_int_equal(rss_hash(&ready, input, n), want);
        }
}

static void queues(void **state)
{
        struct rss_config config;

        (void) state;
        rss_default(&config, 4);
        assert_int_equal(config.types, RSS_DEFAULT_TYPES);
        for (uint32_t hash = 0; hash < 4 * RSS_ENTRIES; hash++)
                assert_int_equal(rss_queue(&config, hash), hash % 4);
        config.queues[0x78] = 7;
        assert_int_equal(rss_queue(&config, 0x51ccc178), 7);
        rss_default(&config, 1);
        for (uint32_t hash = 0; hash < RSS_ENTRIES; hash++)
                assert_int_equal(rss_queue(&config, hash), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(microsoft),
                cmocka_unit_test(addresses_alone),
                cmocka_unit_test(not_hashed),
                cmocka_unit_test(slowly),
                cmocka_unit_test(queues),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
