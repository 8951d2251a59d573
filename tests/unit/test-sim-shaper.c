/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rates: the bound of a token bucket in every window of random arrivals, that it wastes and drifts
 * by nothing, who gets which share of a wire, and storm control. All in virtual time.
 */
#include "sim/nic/frame.h"
#include "sim/nic/shaper.h"
#include "unit.h"

#define SECOND   UINT64_C(1000000000)
#define HOUR     (3600 * SECOND)
#define BURST    32u /* frames that the NIC takes at a time */
#define POOLS    4097u
#define WORDS(n) (((n) + 63) / 64)

static uint64_t random_next(uint64_t *seed)
{
        *seed += 0x9e3779b97f4a7c15u;
        uint64_t z = *seed;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
}

/* As often small as large: 1 to 2^bits - 1. */
static uint64_t random_magnitude(uint64_t *seed, unsigned bits)
{
        unsigned n = 1 + random_next(seed) % bits;

        return 1 + random_next(seed) % (UINT64_C(1) << n) % ((UINT64_C(1) << bits) - 1);
}

/* ---- token buckets ------------------------------------------------------------------------------
 */

/*
 * The bound for all windows at once. Of one that begins with frame i and ends with frame j:
 * sum(i..j) - rate * (t_j - t_i) <= burst, and the left side is what ends at j less what began
 * before i; so the least of the latter is enough to know.
 */
struct windows {
        __int128 sum, least;
};

static void pass(struct windows *w, const struct token_bucket *b, uint32_t n, uint64_t at)
{
        __int128 filled = (__int128) b->rate * at;

        if (w->sum - filled < w->least)
                w->least = w->sum - filled;
        w->sum += (__int128) n * BUCKET_BYTE;
        assert_true(w->sum - filled - w->least <= (__int128) b->burst * BUCKET_BYTE);
}

/* Refused: as much as the bucket lacks, it lacks by the model too. */
static void windows(void **state)
{
        uint64_t seed = 1, passed = 0, refused = 0;

        (void) state;
        for (unsigned run = 0; run < 300; run++) {
                uint64_t rate = random_magnitude(&seed, 22), now = random_next(&seed) >> 1,
                         burst = FRAME_MAX + random_magnitude(&seed, 20),
                         gap = 1 + random_magnitude(&seed, 24);
                struct windows w = {.least = INT64_MAX};
                struct token_bucket b;
                __int128 tokens = (__int128) burst * BUCKET_BYTE;

                bucket_set(&b, rate, burst, now);
                w.least <<= 40;
                for (unsigned i = 0; i < 5000; i++) {
                        uint32_t n = 14 + (uint32_t) (random_next(&seed) % (FRAME_MAX - 13));
                        uint64_t later = random_next(&seed) % 4 ? random_next(&seed) % gap : 0;
                        bool may;

                        now += later;
                        tokens += (__int128) rate * later;
                        if (tokens > (__int128) burst * BUCKET_BYTE)
                                tokens = (__int128) burst * BUCKET_BYTE;
                        may = bucket_take(&b, n, now);
                        assert_int_equal(may, tokens >= (__int128) n * BUCKET_BYTE);
                        if (may) {
                                tokens -= (__int128) n * BUCKET_BYTE;
                                pass(&w, &b, n, now);
                                passed++;
                        } else {
                                refused++;
                        }
                        assert_true(b.tokens == tokens);
                }
        }
        assert_true(passed > 100000 && refused > 100000);
}

/* Who sends whenever he may gets the rate to the last bit, for as long as he likes. */
static void no_drift(void **state)
{
        static const uint64_t rates[] = {1, 3, 7, 11, 100, 333, 1000, 9973, 10000, 400000};

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rates); i++) {
                const uint64_t began = 12345;
                struct token_bucket b;
                uint64_t now = began, seed = i;
                __int128 sum = 0, filled;
                uint32_t n = 0;

                bucket_set(&b, rates[i], SHAPER_BURST, now);
                for (unsigned k = 0; k < 200000; k++) {
                        n = 60 + (uint32_t) (random_next(&seed) % 9669);
                        now = bucket_when(&b, n, now);
                        assert_true(bucket_take(&b, n, now));
                        sum += (__int128) n * BUCKET_BYTE;
                }
                filled = (__int128) rates[i] * (now - began) + SHAPER_BURST * BUCKET_BYTE;
                assert_true(sum <= filled);
                assert_true(filled - sum < (__int128) rates[i]); /* less than one ns of it */
        }
}

static void when(void **state)
{
        uint64_t seed = 5;
        unsigned waited = 0;

        (void) state;
        for (unsigned i = 0; i < 100000; i++) {
                uint64_t now = random_next(&seed) >> 8, at,
                         later = now + random_next(&seed) % SECOND;
                uint32_t n = (uint32_t) (random_next(&seed) % FRAME_MAX);
                struct token_bucket b, again;

                bucket_set(&b, random_magnitude(&seed, 24), 2 * FRAME_MAX, now);
                while (bucket_take(&b, (uint32_t) (random_next(&seed) % FRAME_MAX), now))
                        ;
                at = bucket_when(&b, n, now);
                assert_true(at >= now);
                assert_true(bucket_when(&b, n, later) == (at > later ? at : later));
                again = b;
                if (at > now) {
                        assert_false(bucket_take(&again, n, at - 1));
                        waited++;
                }
                assert_true(bucket_take(&b, n, at));
        }
        assert_true(waited > 10000);
}

static void extremes(void **state)
{
        struct token_bucket b;

        (void) state;
        bucket_set(&b, 0, SHAPER_BURST, 7); /* no limit */
        for (unsigned i = 0; i < 100; i++)
                assert_true(bucket_take(&b, UINT32_MAX, 7));
        assert_true(bucket_when(&b, UINT32_MAX, 9) == 9);

        /* However long it was idle it holds the burst and no more. */
        for (unsigned bits = 0; bits < 64; bits++) {
                const uint64_t rate = UINT64_C(1) << bits;

                for (uint64_t idle = HOUR; idle < UINT64_MAX / 2; idle *= 2) {
                        bucket_set(&b, rate, 20000, 0);
                        assert_true(bucket_take(&b, 20000, 0));
                        assert_false(bucket_take(&b, 1, 0));
                        if (bits == 0 && idle < 2 * 20000 * BUCKET_BYTE)
                                continue;
                        assert_true(bucket_take(&b, 20000, idle));
                        assert_false(bucket_take(&b, 1, idle));
                }
        }
        bucket_set(&b, UINT64_MAX, UINT64_MAX, 0);
        assert_true(b.burst == BUCKET_BURST_MAX);
        assert_true(bucket_take(&b, UINT32_MAX, 0));
        assert_true(bucket_take(&b, UINT32_MAX, UINT64_MAX));
        assert_true(b.tokens == (int64_t) (BUCKET_BURST_MAX - UINT32_MAX) * BUCKET_BYTE);

        /* To the bit. */
        bucket_set(&b, 1, 1000, 0);
        assert_true(bucket_take(&b, 1, 0));
        bucket_refill(&b, BUCKET_BYTE - 1);
        assert_true(b.tokens == 1000 * BUCKET_BYTE - 1);
        bucket_refill(&b, BUCKET_BYTE + 1);
        assert_true(b.tokens == 1000 * BUCKET_BYTE);

        /* A frame that is longer than the burst goes never; time that goes back brings nothing. */
        bucket_set(&b, 1000, 1000, 5000);
        assert_true(bucket_when(&b, 1001, 5000) == UINT64_MAX);
        assert_false(bucket_take(&b, 1001, HOUR));
        bucket_set(&b, 1000, 1000, 5000);
        assert_true(bucket_take(&b, 1000, 4000));
        assert_false(bucket_take(&b, 1, 4500));
        assert_false(bucket_take(&b, 1, 5007));
        assert_true(bucket_take(&b, 1, 5008));
        bucket_set(&b, 1, 1000, UINT64_MAX - 10);
        assert_true(bucket_take(&b, 1000, UINT64_MAX - 10));
        assert_true(bucket_when(&b, 1000, UINT64_MAX - 10) == UINT64_MAX);
}

/* ---- shares of a wire ---------------------------------------------------------------------------
 */

struct sender {
        uint32_t length; /* of its frames; 0: any */
        uint32_t next;   /* of the one that waits */
        uint64_t minimum, sent;
        double expected; /* Mbit/s */
};

struct wire {
        struct schedule *schedule;
        struct sender *senders;
        uint64_t wanting[WORDS(POOLS)];
        uint64_t speed, clock; /* Mbit/s; ns * speed */
        uint64_t seed;
};

static uint64_t wire_now(const struct wire *w)
{
        return w->clock / w->speed;
}

static void want(struct wire *w, uint32_t pool, bool on)
{
        if (on)
                w->wanting[pool / 64] |= UINT64_C(1) << pool % 64;
        else
                w->wanting[pool / 64] &= ~(UINT64_C(1) << pool % 64);
}

static uint32_t length_of(struct wire *w, struct sender *s)
{
        if (s->next == 0)
                s->next = s->length ? s->length
                                    : 14 + (uint32_t) (random_next(&w->seed) % (FRAME_MAX - 13));
        return s->next;
}

/* As the NIC does it: so many frames of a turn as one burst holds; the wire is busy with them. */
static uint32_t turn(struct wire *w, uint32_t *ret_sent)
{
        uint32_t bytes = 0, sum = 0,
                 pool = schedule_next(w->schedule, w->wanting, wire_now(w), &bytes);
        struct sender *s;

        *ret_sent = 0;
        if (pool == UINT32_MAX)
                return pool;
        assert_true(pool < POOLS && (w->wanting[pool / 64] >> pool % 64 & 1));
        s = &w->senders[pool];
        for (unsigned i = 0; i < BURST && sum + length_of(w, s) <= bytes; i++) {
                sum += s->next;
                s->next = 0;
        }
        s->sent += sum;
        w->clock += (uint64_t) sum * BUCKET_BYTE;
        schedule_sent(w->schedule, pool, sum, wire_now(w));
        *ret_sent = sum;
        return pool;
}

static void run_for(struct wire *w, uint64_t time)
{
        const uint64_t end = wire_now(w) + time;
        uint32_t sent, idle = 0;

        while (wire_now(w) < end) {
                assert_int_not_equal(turn(w, &sent), UINT32_MAX);
                idle = sent > 0 ? 0 : idle + 1;
                assert_true(idle < 4); /* the wire is never left alone */
        }
}

/* As the NIC's passes do it: who sends nothing is not asked again in the same one. */
static void run_passes(struct wire *w, uint32_t n, uint64_t time)
{
        const uint64_t end = wire_now(w) + time;
        uint32_t sent, pool;

        while (wire_now(w) < end) {
                for (uint32_t i = 0; i < n; i++)
                        want(w, i, true);
                do {
                        pool = turn(w, &sent);
                        assert_int_not_equal(pool, UINT32_MAX);
                        want(w, pool, sent > 0);
                } while (sent == 0);
        }
}

/* Bytes by turns, whatever the frames are like. */
static void by_turns(void **state)
{
        static const uint32_t lengths[] = {60, 64, 1514, FRAME_MAX, FRAME_MAX / 2 + 1, 0, 4000, 14};

        (void) state;
        for (unsigned passes = 0; passes < 2; passes++) {
                struct sender senders[ELEMENTSOF(lengths)] = {};
                struct wire w = {.senders = senders, .speed = 10000};
                uint64_t least = UINT64_MAX, most = 0;

                assert_int_equal(schedule_new(ELEMENTSOF(lengths), &w.schedule), 0);
                assert_false(schedule_has_minimum(w.schedule));
                for (uint32_t i = 0; i < ELEMENTSOF(lengths); i++) {
                        senders[i].length = lengths[i];
                        want(&w, i, true);
                }
                for (unsigned k = 0; k < 200; k++) {
                        if (passes)
                                run_passes(&w, ELEMENTSOF(lengths), SECOND / 1000);
                        else
                                run_for(&w, SECOND / 1000);
                        least = UINT64_MAX;
                        most = 0;
                        for (uint32_t i = 0; i < ELEMENTSOF(lengths); i++) {
                                least = senders[i].sent < least ? senders[i].sent : least;
                                most = senders[i].sent > most ? senders[i].sent : most;
                        }
                        assert_true(most - least <= 2 * FRAME_MAX + 8); /* a turn, a frame kept */
                }
                assert_true(least > 30000000);
                schedule_free(w.schedule);
        }
}

/* Each gets its minimum or an equal share of what is left, whichever is more. */
static void minimums(void **state)
{
        struct sender cases[][8] = {
                {{60, 0, 0, 0, 250}, {1514, 0, 0, 0, 250}, {0, 0, 0, 0, 250}, {9000, 0, 0, 0, 250}},
                {{1514, 0, 400, 0, 400}, {1514, 0, 0, 0, 200}, {1514, 0, 0, 0, 200},
                        {60, 0, 0, 0, 200}},
                {{60, 0, 300, 0, 300}, {0, 0, 300, 0, 300}, {FRAME_MAX, 0, 0, 0, 200},
                        {FRAME_MAX, 0, 0, 0, 200}},
                {{1514, 0, 100, 0, 250}, {1514, 0, 0, 0, 250}, {1514, 0, 0, 0, 250},
                        {1514, 0, 0, 0, 250}}, /* less than its share anyway */
                {{60, 0, 10, 0, 500.0 / 7}, {0, 0, 500, 0, 500}, {1514, 0, 0, 0, 500.0 / 7},
                        {1514, 0, 0, 0, 500.0 / 7}, {60, 0, 0, 0, 500.0 / 7},
                        {700, 0, 0, 0, 500.0 / 7}, {9000, 0, 1, 0, 500.0 / 7},
                        {0, 0, 0, 0, 500.0 / 7}},
                {{1514, 0, 1, 0, 1}, {1514, 0, 600, 0, 600}, {1514, 0, 399, 0, 399}},
        };

        (void) state;
        for (size_t c = 0; c < ELEMENTSOF(cases); c++) {
                struct wire w = {.senders = cases[c], .speed = 1000, .seed = c};
                uint64_t n = 0, began;

                while (n < 8 && cases[c][n].expected > 0)
                        n++;
                assert_int_equal(schedule_new((uint32_t) n, &w.schedule), 0);
                for (uint32_t i = 0; i < n; i++) {
                        want(&w, i, true);
                        schedule_set_minimum(w.schedule, i, cases[c][i].minimum, 0);
                }
                assert_int_equal(schedule_has_minimum(w.schedule), c > 0);
                run_for(&w, SECOND / 10);
                began = wire_now(&w);
                for (uint32_t i = 0; i < n; i++)
                        cases[c][i].sent = 0;
                run_for(&w, 2 * SECOND);
                for (uint32_t i = 0; i < n; i++) {
                        const struct sender *s = &cases[c][i];
                        double rate =
                                (double) s->sent * BUCKET_BYTE / (double) (wire_now(&w) - began);

                        if (rate < s->expected * 0.99 - 0.1 || rate > s->expected * 1.01 + 0.1)
                                fail_msg("case %zu: sender %u got %.2f, not %.2f Mbit/s", c, i,
                                        rate, s->expected);
                }
                schedule_free(w.schedule);
        }
}

/* The others come and go, one by one and all at once, and their minimums change. */
static void disturb(struct wire *w)
{
        const uint64_t dice = random_next(&w->seed);
        const uint32_t pool = 2 + (uint32_t) (random_next(&w->seed) % 38);

        if (dice % 256 == 0)
                want(w, pool, dice >> 32 & 1);
        if (dice % 256 == 1)
                schedule_set_minimum(w->schedule, pool, dice >> 32 & 3, wire_now(w));
        if (dice % 2048 == 2)
                for (uint32_t i = 2; i < 40; i++)
                        want(w, i, dice >> 32 & 1);
}

/* In any window a pool that wants gets its minimum but for a constant. */
static void minimum_windows(void **state)
{
        static const uint64_t minimum[2] = {2000, 400};

        (void) state;
        for (unsigned run = 0; run < 20; run++) {
                struct sender senders[40] = {{1514, 0, 0, 0, 0}, {60, 0, 0, 0, 0}};
                struct wire w = {.senders = senders, .speed = 10000, .seed = run};
                __int128 most[2] = {-((__int128) 1 << 100), -((__int128) 1 << 100)};
                uint32_t sent;

                assert_int_equal(schedule_new(40, &w.schedule), 0);
                for (uint32_t i = 0; i < 2; i++) {
                        want(&w, i, true);
                        schedule_set_minimum(w.schedule, i, minimum[i], 0);
                }
                while (wire_now(&w) < SECOND / 2) {
                        disturb(&w);
                        turn(&w, &sent);
                        for (unsigned k = 0; k < 2; k++) {
                                /* How far it is ahead: the worst window that ends now began when
                                 * that was most. */
                                const __int128 slack = (__int128) 3 * BUCKET_BYTE *
                                                       (SHAPER_BURST + minimum[k] * 125);
                                __int128 ahead = (__int128) senders[k].sent * BUCKET_BYTE -
                                                 (__int128) minimum[k] * wire_now(&w);

                                if (ahead > most[k])
                                        most[k] = ahead;
                                assert_true(most[k] - ahead <= slack);
                        }
                }
                schedule_free(w.schedule);
        }
}

/* Who is below his minimum and can not send does not keep the others from sending. */
static void blocked(void **state)
{
        struct sender senders[4] = {{FRAME_MAX + 5, 0, 0, 0, 0}, {FRAME_MAX + 5, 0, 0, 0, 0},
                {60, 0, 0, 0, 0}, {1514, 0, 0, 0, 0}};
        struct wire w = {.senders = senders, .speed = 1000};
        uint64_t sent[4] = {0};

        (void) state;
        assert_int_equal(schedule_new(4, &w.schedule), 0);
        for (uint32_t i = 0; i < 4; i++)
                want(&w, i, true);
        schedule_set_minimum(w.schedule, 0, 500, 0);
        schedule_set_minimum(w.schedule, 1, 500, 0);
        /* Their frames are too long for any turn of theirs, so they never send. */
        for (unsigned i = 0; i < 10000; i++) {
                uint32_t bytes, pool = schedule_next(w.schedule, w.wanting, wire_now(&w), &bytes);

                if (pool < 2)
                        continue;
                sent[pool] += 1000;
                w.clock += (uint64_t) 1000 * BUCKET_BYTE;
                schedule_sent(w.schedule, pool, 1000, wire_now(&w));
        }
        assert_true(sent[2] > 1000000 && sent[3] > 1000000);
        assert_true(sent[2] - sent[3] <= FRAME_MAX + 1000 || sent[3] - sent[2] <= FRAME_MAX + 1000);
        schedule_free(w.schedule);
}

static void many(void **state)
{
        struct sender *senders = calloc(POOLS, sizeof(*senders));
        struct wire w = {.senders = senders, .speed = 100000};
        struct schedule *none;
        uint32_t sent, bytes;

        (void) state;
        assert_non_null(senders);
        assert_int_equal(schedule_new(0, &none), -EINVAL);
        assert_int_equal(schedule_new(POOLS, &w.schedule), 0);
        assert_int_equal(schedule_next(w.schedule, w.wanting, 0, &bytes), UINT32_MAX);
        for (uint32_t i = 0; i < POOLS; i++) { /* one alone, wherever it is */
                senders[i].length = 1514;
                want(&w, i, true);
                assert_int_equal(turn(&w, &sent), i);
                assert_true(sent >= 1514);
                assert_true(turn(&w, &sent) == i);
                want(&w, i, false);
        }
        assert_int_equal(schedule_next(w.schedule, w.wanting, 0, &bytes), UINT32_MAX);

        /* All, and every fourth has a minimum: nobody is forgotten, and these get theirs. Bits
         * beyond the last pool are nobody. */
        for (uint32_t i = 0; i < POOLS; i++) {
                senders[i].sent = 0;
                want(&w, i, true);
                if (i % 4 == 0)
                        schedule_set_minimum(w.schedule, i, 40, wire_now(&w));
        }
        w.wanting[WORDS(POOLS) - 1] = UINT64_MAX;
        run_for(&w, SECOND / 10);
        for (uint32_t i = 0; i < POOLS; i++)
                assert_in_range(senders[i].sent * BUCKET_BYTE / (SECOND / 10), i % 4 == 0 ? 40 : 15,
                        i % 4 == 0 ? 42 : 22);
        for (uint32_t i = 0; i < POOLS; i++)
                schedule_set_minimum(w.schedule, i, 0, wire_now(&w));
        assert_false(schedule_has_minimum(w.schedule));
        run_for(&w, SECOND / 100);
        schedule_free(w.schedule);
        free(senders);
}

/* Minimums change while all runs: answers stay right, nobody starves. */
static void changes(void **state)
{
        struct sender senders[200] = {};
        struct wire w = {.senders = senders, .speed = 10000, .seed = 9};
        bool has[200] = {false};
        uint32_t n = 0, sent;

        (void) state;
        assert_int_equal(schedule_new(200, &w.schedule), 0);
        for (uint32_t i = 0; i < 200; i++)
                want(&w, i, true);
        for (unsigned k = 0; k < 100000; k++) {
                uint32_t i = (uint32_t) (random_next(&w.seed) % 200);

                if (random_next(&w.seed) % 16 == 0) {
                        uint64_t rate = random_next(&w.seed) % 2 * (random_next(&w.seed) % 50);

                        schedule_set_minimum(w.schedule, i, rate, wire_now(&w));
                        n += (rate > 0) - has[i];
                        has[i] = rate > 0;
                        assert_int_equal(schedule_has_minimum(w.schedule), n > 0);
                }
                if (random_next(&w.seed) % 16 == 0)
                        want(&w, i, random_next(&w.seed) % 2);
                turn(&w, &sent);
                if (random_next(&w.seed) % 16 == 0) /* out of turn */
                        schedule_sent(w.schedule, i, 5000, wire_now(&w));
        }
        for (uint32_t i = 0; i < 200; i++) {
                senders[i].sent = 0;
                want(&w, i, true);
        }
        run_for(&w, SECOND / 10);
        for (uint32_t i = 0; i < 200; i++)
                assert_true(senders[i].sent > 100000);
        schedule_free(w.schedule);
}

/* ---- storm control ------------------------------------------------------------------------------
 */

static void storms(void **state)
{
        uint64_t seed = 11, passed = 0, refused = 0;

        (void) state;
        for (unsigned run = 0; run < 100; run++) {
                struct storm s = {.broadcast_bytes = random_magnitude(&seed, 17),
                        .multicast_bytes = random_magnitude(&seed, 17),
                        .interval = 1 + random_magnitude(&seed, 24)};
                uint64_t now = 0, window = 0, gap = s.interval / 8 + 1, seen[2] = {0};

                for (unsigned i = 0; i < 3000; i++) {
                        bool broadcast = random_next(&seed) % 2, may;
                        uint64_t limit = broadcast ? s.broadcast_bytes : s.multicast_bytes;
                        uint32_t n = 60 + (uint32_t) (random_next(&seed) % 1455);

                        now += random_next(&seed) % gap;
                        if (random_next(&seed) % 100 == 0)
                                now += random_next(&seed) % (20 * s.interval);
                        if (now / s.interval != window) { /* windows stay where they began */
                                window = now / s.interval;
                                seen[0] = seen[1] = 0;
                        }
                        may = storm_pass(&s, broadcast, n, now);
                        assert_int_equal(may, seen[broadcast] + n <= limit);
                        seen[broadcast] += may ? n : 0;
                        passed += may;
                        refused += !may;
                }
        }
        assert_true(passed > 50000 && refused > 50000);
}

static void no_storms(void **state)
{
        struct storm s = {.interval = SECOND}, each = {.broadcast_bytes = 100};

        (void) state;
        for (unsigned i = 0; i < 1000; i++) /* no limit */
                assert_true(storm_pass(&s, i % 2, UINT32_MAX, 0));
        s.broadcast_bytes = 1000;
        for (unsigned i = 0; i < 10; i++)
                assert_true(storm_pass(&s, true, 100, SECOND - 1));
        assert_false(storm_pass(&s, true, 14, SECOND - 1));
        assert_true(storm_pass(&s, false, UINT32_MAX, SECOND - 1));
        assert_true(storm_pass(&s, true, 1000, SECOND));
        assert_false(storm_pass(&s, true, 14, SECOND / 2)); /* back */
        assert_true(storm_pass(&s, true, 1000, UINT64_MAX));
        assert_false(storm_pass(&s, true, 1, UINT64_MAX));
        /* No interval: each frame is one of its own. */
        for (unsigned i = 0; i < 10; i++) {
                assert_true(storm_pass(&each, true, 100, i / 2));
                assert_false(storm_pass(&each, true, 101, i / 2));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(windows),
                cmocka_unit_test(no_drift),
                cmocka_unit_test(when),
                cmocka_unit_test(extremes),
                cmocka_unit_test(by_turns),
                cmocka_unit_test(minimums),
                cmocka_unit_test(minimum_windows),
                cmocka_unit_test(blocked),
                cmocka_unit_test(many),
                cmocka_unit_test(changes),
                cmocka_unit_test(storms),
                cmocka_unit_test(no_storms),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
