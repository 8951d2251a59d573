/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary bytes as a frame: the parser stays inside it, checksums that were inserted are right,
 * and both roads through the sorter agree on where it goes. One thread.
 */
#include "sim/nic/sorter.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

#define POOLS 5u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everybody accepts something, by the first bytes of the input. */
static struct sorter *make(const uint8_t seed[static 4])
{
        static const struct sorter_member members[] = {{1, 1}, {1, 2}, {2, 3}, {0x1001, 4}};
        struct sorter_filter filters[POOLS];
        struct sorter_pool pools[POOLS];
        struct sorter_config c;
        struct sorter *s = NULL;

        for (uint32_t i = 0; i < POOLS; i++) {
                pools[i] = (struct sorter_pool){.rx_enable = true,
                        .tx_enable = true,
                        .broadcast = seed[0] >> i & 1,
                        .untagged = seed[1] >> i & 1,
                        .unicast_promisc = seed[2] >> i & 1,
                        .multicast_promisc = seed[3] >> i & 1,
                        .max_frame = FRAME_MAX};
                filters[i] = (struct sorter_filter){0x020000000000u + i, i};
        }
        c = (struct sorter_config){.format = {.service_tags = seed[0] & 128},
                .n_pools = POOLS,
                .pools = pools,
                .filters = filters,
                .n_filters = POOLS,
                .members = members,
                .n_members = ELEMENTSOF(members),
                .vlan_filter = seed[1] & 128,
                .switching = true,
                .default_pool = seed[2] & 128 ? POOL_PF : POOL_NONE};
        return sorter_new(&c, &s) < 0 ? NULL : s;
}

static void sort(const struct sorter *s, uint32_t from, const struct frame_head *h)
{
        struct pool_set walked = {0}, burst = {0};
        struct verdict a, b;

        sorter_walk(s, from, h, &walked, &a, NULL);
        sorter_burst(s, from, h, 1, &b, &burst);
        CHECK(a.n == b.n && a.wire == b.wire && a.reason == b.reason);
        CHECK(a.n == 0 || a.pool == b.pool);
        CHECK(a.n <= 1 || walked.w[0] == burst.w[0]);
        CHECK(a.n <= POOLS && (a.n == 0 || a.pool < POOLS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(sorter_freep) struct sorter *s = NULL;

        uint8_t frame[4096] = {0};
        struct frame_head head;
        uint32_t n, sums;

        if (size < 4 + FRAME_MIN || size > 2048)
                return 0;
        n = (uint32_t) size - 4;
        memcpy(frame, data + 4, n);
        s = make(data);
        CHECK(s);
        frame_parse(frame, n, sorter_format(s), &head);
        CHECK(head.payload_at <= n && head.dst <= MAC_MASK && head.src <= MAC_MASK);
        sort(s, FROM_WIRE, &head);
        sort(s, data[0] % POOLS, &head);
        (void) frame_checksums(frame, n, &head);
        if (frame_insert_checksums(frame, n, &head, true, true) < 0)
                return 0;
        sums = frame_checksums(frame, n, &head);
        CHECK(!(sums & (FRAME_IP4_BAD | FRAME_L4_BAD)));
        return 0;
}
