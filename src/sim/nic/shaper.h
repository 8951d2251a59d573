/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rates: a token bucket per sender (bytes in any window of T <= rate * T + burst, exactly), shares
 * of the wire by minimum rates, and storm control. Time is the caller's, in ns, so that a test's
 * clock is as good as the real one. Datapath thread; settings by whoever holds the NIC.
 *
 * Rates are in Mbit/s of frame bytes without FCS, preamble and gap, as the kernel's
 * IFLA_VF_RATE is read by drivers.
 */
#pragma once

#include "base/util.h"

struct token_bucket {
        uint64_t rate;  /* Mbit/s, 0: no limit */
        uint64_t burst; /* bytes: at least one frame of the largest size */
        int64_t tokens; /* in bits * 1000: no rounding is ever lost */
        uint64_t at;    /* ns of the last refill */
};

#define SHAPER_BURST 20000u /* bytes: default */

#define BUCKET_BYTE      8000 /* tokens of a byte */
#define BUCKET_BURST_MAX ((uint64_t) INT64_MAX / 2 / BUCKET_BYTE)

/* Full at `now`. A burst of more than BUCKET_BURST_MAX (575 TB) is as good as that. */
void bucket_set(struct token_bucket *b, uint64_t rate, uint64_t burst, uint64_t now);

/* What came since: up to the burst, however long that is. Time that goes back brings nothing. */
static inline void bucket_refill(struct token_bucket *b, uint64_t now)
{
        uint64_t room = b->burst * BUCKET_BYTE - (uint64_t) b->tokens, gain;

        if (now <= b->at)
                return;
        if (__builtin_mul_overflow(b->rate, now - b->at, &gain) || gain > room)
                gain = room;
        b->tokens += (int64_t) gain;
        b->at = now;
}

/* May a frame of n bytes go now; takes its tokens if so. */
static inline bool bucket_take(struct token_bucket *b, uint32_t n, uint64_t now)
{
        int64_t need = (int64_t) n * BUCKET_BYTE;

        if (b->rate == 0)
                return true;
        bucket_refill(b, now);
        if (b->tokens < need)
                return false;
        b->tokens -= need;
        return true;
}

/* When it may; `now` if now, UINT64_MAX never. */
uint64_t bucket_when(const struct token_bucket *b, uint32_t n, uint64_t now);

/*
 * Who may send next when many want the wire: first those below their minimum rate, then by turns
 * (deficit round robin over bytes). All that a pool sends counts for its minimum, so it gets that
 * or its fair share, whichever is more. Pools are known by their number.
 */
struct schedule;
/* -EINVAL: no pools; -ENOMEM. */
int schedule_new(uint32_t n_pools, struct schedule **ret);
void schedule_free(struct schedule *s);
DEFINE_CLEANUP(struct schedule *, schedule_free)
/* Mbit/s; 0: none guaranteed. */
void schedule_set_minimum(struct schedule *s, uint32_t pool, uint64_t rate, uint64_t now);
bool schedule_has_minimum(const struct schedule *s);
/* The pool whose turn it is among those in `wanting` (bitmap of n_pools bits), and what it may send
 * at most before asking again, in bytes. UINT32_MAX when none wants. To be asked when there is room
 * to send: a pool that then sends nothing is passed over, and makes up for it in its next turn. */
uint32_t schedule_next(
        struct schedule *s, const uint64_t *wanting, uint64_t now, uint32_t *ret_bytes);
/* It sent so much, by a turn or not. */
void schedule_sent(struct schedule *s, uint32_t pool, uint32_t bytes, uint64_t now);

/* Storm control (82576 8.10.16): of broadcast or multicast from the wire, so many bytes pass in
 * each interval. */
struct storm {
        uint64_t broadcast_bytes, multicast_bytes; /* per interval; 0: no limit */
        uint64_t interval;                         /* ns */
        uint64_t began, broadcast_seen, multicast_seen;
};
/* May this frame pass; one that would be too much does not, and does not count. */
bool storm_pass(struct storm *s, bool broadcast, uint32_t n, uint64_t now);
