/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receive side scaling: the Toeplitz hash of a packet's flow chooses one of its pool's queues.
 * Hash, inputs and types are those of Microsoft's RSS specification, as the X550 (7.1.3) has them.
 * Values, any thread.
 */
#pragma once

#include "sim/nic/frame.h"

#define RSS_KEY_BYTES 40u
#define RSS_ENTRIES   128u
#define RSS_INPUT_MAX 36u /* IPv6 addresses and ports */

/* What was hashed: the numbers of the receive descriptor. */
enum rss_type {
        RSS_NONE = 0,
        RSS_IP4_TCP = 1,
        RSS_IP4 = 2,
        RSS_IP6_TCP = 3,
        RSS_IP6 = 5,
        RSS_IP4_UDP = 7,
        RSS_IP6_UDP = 8,
};
#define RSS_BIT(type) (1u << (type))
#define RSS_DEFAULT_TYPES                                                                          \
        (RSS_BIT(RSS_IP4_TCP) | RSS_BIT(RSS_IP4) | RSS_BIT(RSS_IP6_TCP) | RSS_BIT(RSS_IP6))

/* What a driver sets for its pool. */
struct rss_config {
        uint8_t key[RSS_KEY_BYTES];
        uint8_t queues[RSS_ENTRIES]; /* indirection: by the low bits of the hash */
        uint32_t types;              /* RSS_BIT()s; 0: RSS is off, all goes to queue 0 */
};

/* Microsoft's example key, RSS_DEFAULT_TYPES, queues 0 to n_queues - 1 in turn. */
void rss_default(struct rss_config *ret, uint32_t n_queues);

/* A key made ready: for each half byte of input what it adds. Pools with equal keys can share it.
 */
struct rss_key {
        uint32_t half[2 * RSS_INPUT_MAX][16];
};
void rss_key_init(struct rss_key *ret, const uint8_t key[static RSS_KEY_BYTES]);

/* n <= RSS_INPUT_MAX bytes. */
uint32_t rss_hash(const struct rss_key *key, const uint8_t *input, uint32_t n);

/*
 * The hash of a frame by the best of `types` that fits: ports of TCP and UDP if it is neither a
 * fragment nor cut off, else the addresses. RSS_NONE: the hash is 0. n and what is readable as in
 * frame_ip().
 */
enum rss_type rss_frame(const struct rss_key *key, uint32_t types, const uint8_t *bytes, uint32_t n,
        const struct frame_head *h, uint32_t *ret_hash);

static inline uint32_t rss_queue(const struct rss_config *config, uint32_t hash)
{
        return config->queues[hash % RSS_ENTRIES];
}
