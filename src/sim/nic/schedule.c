/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose turn the wire is. A pool with a minimum has a bucket that fills at that rate and that all
 * it sends is taken from, below zero if need be. While something is in the bucket the pool is in
 * the set `below`; else it is in a heap, ordered by the time when something will be. So a choice
 * looks through bitmaps, and never through pools. Datapath thread; minimums by whoever holds the
 * NIC.
 */
#include "sim/nic/shaper.h"

#include "sim/nic/frame.h"

#define NONE    UINT32_MAX
#define QUANTUM (FRAME_MAX + 4u) /* bytes of a turn: any frame fits, and a tag more */

struct share {
        struct token_bucket minimum;
        uint64_t due;     /* while in the heap: not in `below` before that */
        uint32_t deficit; /* bytes that it may send in its turn */
};

struct schedule {
        uint32_t n, words;
        struct share *shares;
        uint64_t *all, *below; /* bitmaps */
        uint32_t *heap;
        uint32_t n_heap, n_below, n_minimum;
        uint32_t turn;           /* whose turn it was last, */
        uint32_t turn_below;     /* and by its minimum */
        bool by_minimum;         /* the last answer was */
        bool moved, moved_below; /* they sent something since */
};

/* ---- bitmaps -----------------------------------------------------------------------------------
 */

static bool has(const uint64_t *map, uint32_t bit)
{
        return map[bit / 64] >> bit % 64 & 1;
}

/* The next bit after `after` that is in both, going round; NONE. */
static uint32_t next_in_both(const uint64_t *a, const uint64_t *b, uint32_t words, uint32_t after)
{
        uint32_t w = after / 64;
        uint64_t bits = a[w] & b[w] & ~(UINT64_MAX >> (63 - after % 64));

        for (uint32_t i = 0; bits == 0; i++) {
                if (i == words)
                        return NONE;
                w = w + 1 < words ? w + 1 : 0;
                bits = a[w] & b[w];
        }
        return w * 64 + (uint32_t) __builtin_ctzll(bits);
}

/* ---- the heap of those that have had their minimum ---------------------------------------------
 */

static bool earlier(const struct schedule *s, uint32_t i, uint32_t j)
{
        return s->shares[s->heap[i]].due < s->shares[s->heap[j]].due;
}

static void swap(struct schedule *s, uint32_t i, uint32_t j)
{
        uint32_t pool = s->heap[i];

        s->heap[i] = s->heap[j];
        s->heap[j] = pool;
}

static void sift_up(struct schedule *s, uint32_t i)
{
        for (; i > 0 && earlier(s, i, (i - 1) / 2); i = (i - 1) / 2)
                swap(s, i, (i - 1) / 2);
}

static void sift_down(struct schedule *s, uint32_t i)
{
        for (uint32_t child; (child = 2 * i + 1) < s->n_heap; i = child) {
                if (child + 1 < s->n_heap && earlier(s, child + 1, child))
                        child++;
                if (!earlier(s, child, i))
                        return;
                swap(s, i, child);
        }
}

static void heap_remove(struct schedule *s, uint32_t i)
{
        s->heap[i] = s->heap[--s->n_heap];
        if (i < s->n_heap) {
                sift_down(s, i);
                sift_up(s, i);
        }
}

/* When something is in the bucket again. */
static uint64_t refilled_at(const struct token_bucket *b)
{
        return b->at + (uint64_t) -b->tokens / b->rate + 1;
}

static void enter_below(struct schedule *s, uint32_t pool)
{
        s->below[pool / 64] |= UINT64_C(1) << pool % 64;
        s->n_below++;
}

static void leave_below(struct schedule *s, uint32_t pool)
{
        s->below[pool / 64] &= ~(UINT64_C(1) << pool % 64);
        s->n_below--;
}

/* Those whose bucket has something again; a pool may have sent more since it came into the heap. */
static void wake(struct schedule *s, uint64_t now)
{
        while (s->n_heap > 0 && s->shares[s->heap[0]].due <= now) {
                struct share *share = &s->shares[s->heap[0]];

                bucket_refill(&share->minimum, now);
                if (share->minimum.tokens > 0) {
                        enter_below(s, s->heap[0]);
                        heap_remove(s, 0);
                } else {
                        share->due = refilled_at(&share->minimum);
                        sift_down(s, 0);
                }
        }
}

/* ---- the schedule ------------------------------------------------------------------------------
 */

int schedule_new(uint32_t n_pools, struct schedule **ret)
{
        _cleanup_(schedule_freep) struct schedule *s = calloc(1, sizeof(*s));

        if (n_pools == 0)
                return -EINVAL;
        if (!s)
                return -ENOMEM;
        s->n = n_pools;
        s->words = (n_pools + 63) / 64;
        s->turn = s->turn_below = n_pools - 1;
        s->moved_below = true;
        s->shares = calloc(n_pools, sizeof(*s->shares));
        s->heap = calloc(n_pools, sizeof(*s->heap));
        s->all = calloc(s->words, sizeof(*s->all));
        s->below = calloc(s->words, sizeof(*s->below));
        if (!s->shares || !s->heap || !s->all || !s->below)
                return -ENOMEM;
        for (uint32_t i = 0; i < n_pools; i++)
                s->all[i / 64] |= UINT64_C(1) << i % 64;
        *ret = TAKE_PTR(s);
        return 0;
}

void schedule_free(struct schedule *s)
{
        if (!s)
                return;
        free(s->shares);
        free(s->heap);
        free(s->all);
        free(s->below);
        free(s);
}

void schedule_set_minimum(struct schedule *s, uint32_t pool, uint64_t rate, uint64_t now)
{
        struct token_bucket *b = &s->shares[pool].minimum;
        uint32_t i = 0;

        if (has(s->below, pool)) {
                leave_below(s, pool);
        } else if (b->rate > 0) {
                while (s->heap[i] != pool)
                        i++;
                heap_remove(s, i);
        }
        s->n_minimum += (rate > 0) - (b->rate > 0);
        /* A millisecond on top: so long may the NIC's thread be away, and the minimum holds. */
        bucket_set(b, rate, SHAPER_BURST + rate * 125, now);
        if (rate > 0)
                enter_below(s, pool);
}

bool schedule_has_minimum(const struct schedule *s)
{
        return s->n_minimum > 0;
}

uint32_t schedule_next(
        struct schedule *s, const uint64_t *wanting, uint64_t now, uint32_t *ret_bytes)
{
        struct share *share = &s->shares[s->turn];
        uint32_t pool = NONE;

        wake(s, now);
        /* One that is below its minimum and can not send is not to keep the others from it. */
        if (s->n_below > 0 && !(s->by_minimum && !s->moved_below))
                pool = next_in_both(s->below, wanting, s->words, s->turn_below);
        s->by_minimum = pool != NONE;
        if (s->by_minimum) {
                s->turn_below = pool;
                s->moved_below = false;
                *ret_bytes = QUANTUM;
                return pool;
        }

        if (!has(wanting, s->turn) || share->deficit == 0 || !s->moved) {
                pool = next_in_both(wanting, s->all, s->words, s->turn);
                if (pool == NONE)
                        return NONE;
                s->turn = pool;
                share = &s->shares[pool];
                if (share->deficit < QUANTUM)
                        share->deficit += QUANTUM;
        }
        s->moved = false;
        *ret_bytes = share->deficit;
        return s->turn;
}

void schedule_sent(struct schedule *s, uint32_t pool, uint32_t bytes, uint64_t now)
{
        struct share *share = &s->shares[pool];
        struct token_bucket *b = &share->minimum;
        const int64_t least = -(int64_t) (b->burst * BUCKET_BYTE);

        if (bytes == 0)
                return;
        if (s->by_minimum && pool == s->turn_below) {
                s->moved_below = true;
        } else if (!s->by_minimum && pool == s->turn) {
                s->moved = true;
                share->deficit -= bytes < share->deficit ? bytes : share->deficit;
        }
        if (b->rate == 0)
                return;
        bucket_refill(b, now);
        b->tokens -= (int64_t) bytes * BUCKET_BYTE;
        /* What it got while nobody else wanted the wire is not held against it for long. */
        if (b->tokens < least)
                b->tokens = least;
        if (b->tokens <= 0 && has(s->below, pool)) {
                leave_below(s, pool);
                share->due = refilled_at(b);
                s->heap[s->n_heap++] = pool;
                sift_up(s, s->n_heap - 1);
        }
}
