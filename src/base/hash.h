/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FNV-1a, 64 bits: to tell whether something is still the same, not to protect it. Any thread. */
#pragma once

#include "base/util.h"

#define HASH_INIT 0xcbf29ce484222325ull

static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t n)
{
        const unsigned char *p = data;

        for (size_t i = 0; i < n; i++)
                hash = (hash ^ p[i]) * 0x100000001b3ull;
        return hash;
}

/* With its end, so that "ab" "c" is not "a" "bc". */
static inline uint64_t hash_text(uint64_t hash, const char *text)
{
        return hash_bytes(hash, text, strlen(text) + 1);
}
