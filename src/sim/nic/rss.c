/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Toeplitz hash, half a byte at a time, and what of a frame goes into it. Any thread. */
#include "sim/nic/rss.h"

#include <netinet/in.h>

static const uint8_t example_key[RSS_KEY_BYTES] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
        0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30,
        0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac,
        0x01, 0xfa};

void rss_default(struct rss_config *ret, uint32_t n_queues)
{
        *ret = (struct rss_config){.types = RSS_DEFAULT_TYPES};
        memcpy(ret->key, example_key, sizeof(ret->key));
        for (uint32_t i = 0; i < RSS_ENTRIES; i++)
                ret->queues[i] = (uint8_t) (i % n_queues);
}

/* The 32 bits of the key that begin at bit `at`, counted from its first bit. */
static uint32_t key_window(const uint8_t *key, uint32_t at)
{
        uint64_t bits = 0;

        for (uint32_t i = 0; i < 5; i++)
                bits = bits << 8 | (at / 8 + i < RSS_KEY_BYTES ? key[at / 8 + i] : 0);
        return (uint32_t) (bits >> (8 - at % 8));
}

void rss_key_init(struct rss_key *ret, const uint8_t key[static RSS_KEY_BYTES])
{
        for (uint32_t at = 0; at < ELEMENTSOF(ret->half); at++)
                for (uint32_t value = 0; value < 16; value++) {
                        uint32_t hash = 0;

                        for (uint32_t bit = 0; bit < 4; bit++)
                                if (value & (8u >> bit))
                                        hash ^= key_window(key, at * 4 + bit);
                        ret->half[at][value] = hash;
                }
}

/* What n bytes add that stand `at` bytes from the beginning of the input: sums are all it is. */
static inline uint32_t hash_part(
        const struct rss_key *key, uint32_t at, const uint8_t *input, uint32_t n)
{
        const uint32_t(*half)[16] = key->half + (size_t) 2 * at;
        uint32_t hash = 0;

        for (uint32_t i = 0; i < n; i++)
                hash ^= half[2 * i][input[i] >> 4] ^ half[2 * i + 1][input[i] & 15];
        return hash;
}

uint32_t rss_hash(const struct rss_key *key, const uint8_t *input, uint32_t n)
{
        return hash_part(key, 0, input, n);
}

static const struct {
        enum rss_type alone, tcp, udp;
        uint32_t at, addresses; /* bytes of source and destination, in its header */
} versions[] = {
        {RSS_IP4, RSS_IP4_TCP, RSS_IP4_UDP, 12, 8},
        {RSS_IP6, RSS_IP6_TCP, RSS_IP6_UDP, 8, 32},
};

enum rss_type rss_frame(const struct rss_key *key, uint32_t types, const uint8_t *bytes, uint32_t n,
        const struct frame_head *h, uint32_t *ret_hash)
{
        enum rss_type type = RSS_NONE;
        struct frame_ip ip;
        uint32_t v, length, hash = 0;

        *ret_hash = 0;
        if (!types || !frame_ip(bytes, n, h, &ip))
                return RSS_NONE;
        v = ip.version == 6;
        length = versions[v].addresses;
        if (ip.protocol)
                type = ip.protocol == IPPROTO_TCP ? versions[v].tcp : versions[v].udp;
        if (type != RSS_NONE && types & RSS_BIT(type))
                hash = hash_part(key, length, bytes + ip.l4, 4); /* both ports */
        else
                type = types & RSS_BIT(versions[v].alone) ? versions[v].alone : RSS_NONE;
        if (type != RSS_NONE)
                *ret_hash = hash ^ hash_part(key, 0, bytes + ip.at + versions[v].at, length);
        return type;
}
