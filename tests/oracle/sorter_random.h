/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random sorter configurations and frames for them: few addresses, few VLANs and few Ethertypes, so
 * that they meet. The same seed gives the same. One thread.
 */
#pragma once

#include "sim/nic/sorter.h"

#define RANDOM_FILTERS 96u
#define RANDOM_MEMBERS 96u
#define RANDOM_BYTES   128u /* readable of a frame, zero behind its end */

struct random_config {
        struct sorter_config c; /* points into this */
        struct sorter_pool pools[POOLS_MAX];
        struct sorter_filter filters[RANDOM_FILTERS];
        struct sorter_member members[RANDOM_MEMBERS];
};

struct random_frame {
        uint32_t n;
        uint8_t bytes[RANDOM_BYTES];
};

/* splitmix64: the state is a counter. */
static inline uint64_t random_next(uint64_t *state)
{
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

/* 0 to n - 1. */
static inline uint32_t random_below(uint64_t *state, uint32_t n)
{
        return (uint32_t) ((random_next(state) >> 32) * n >> 32);
}

void random_config(uint64_t *state, struct random_config *ret);
/* As TAP comments, what is not 0 of it. */
void random_print(const struct random_config *r);
void random_frame(
        uint64_t *state, const struct sorter_config *c, uint32_t from, struct random_frame *ret);
