/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Token buckets and storm control: what is not in the header. Datapath thread. */
#include "sim/nic/shaper.h"

void bucket_set(struct token_bucket *b, uint64_t rate, uint64_t burst, uint64_t now)
{
        if (burst > BUCKET_BURST_MAX)
                burst = BUCKET_BURST_MAX;
        *b = (struct token_bucket){
                .rate = rate,
                .burst = burst,
                .tokens = (int64_t) burst * BUCKET_BYTE,
                .at = now,
        };
}

uint64_t bucket_when(const struct token_bucket *b, uint32_t n, uint64_t now)
{
        const int64_t need = (int64_t) n * BUCKET_BYTE;
        uint64_t wait, when;

        if (b->rate == 0)
                return now;
        if (n > b->burst)
                return UINT64_MAX;
        if (b->tokens >= need)
                return now;
        wait = ((uint64_t) (need - b->tokens) + b->rate - 1) / b->rate;
        if (__builtin_add_overflow(b->at, wait, &when))
                return UINT64_MAX;
        return when > now ? when : now;
}

bool storm_pass(struct storm *s, bool broadcast, uint32_t n, uint64_t now)
{
        const uint64_t limit = broadcast ? s->broadcast_bytes : s->multicast_bytes;
        uint64_t *seen = broadcast ? &s->broadcast_seen : &s->multicast_seen;
        const uint64_t elapsed = now > s->began ? now - s->began : 0;

        if (limit == 0)
                return true;
        if (elapsed >= s->interval) {
                s->began = now - (s->interval > 0 ? elapsed % s->interval : 0);
                s->broadcast_seen = s->multicast_seen = 0;
        }
        if (n > limit - *seen)
                return false;
        *seen += n;
        return true;
}
