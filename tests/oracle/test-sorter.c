/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sorter against its reference, on random configurations and frames: both roads, and what a
 * pool may send. TAP.
 *
 *     test-sorter [PAIRS [SEED]]       PAIRS of a configuration and a frame (default: a million)
 *
 * Environment: SORTER_PAIRS, SORTER_SEED. On a difference it leaves out of the configuration what
 * does not matter for it, and prints the rest. One thread.
 */
#include "sorter_random.h"
#include "sorter_reference.h"

#include <inttypes.h>
#include <stdio.h>

#define PAIRS_DEFAULT 1000000u
#define BURST         32u
#define BATCHES       3u  /* of one origin, for each configuration */
#define MATTER_EACH   48u /* one pair of so many is tried without each rule */
#define RULES         64u

static struct {
        uint64_t pairs, from_pools, matter_pairs;
        uint64_t mattered[RULES];
} count;

/* What the real sorter answers to one frame, by one road. */
struct real_answer {
        enum drop_reason sender;
        uint32_t tag;
        struct verdict verdict;
        struct pool_set set;
};

/* ---- comparing ---- */

static bool has(const struct real_answer *a, bool by_burst, uint32_t pool)
{
        if (a->verdict.n == 0)
                return false;
        if (by_burst && a->verdict.n == 1)
                return a->verdict.pool == pool;
        return a->set.w[pool / 64] >> pool % 64 & 1;
}

static const char *difference(const struct sorter_config *c, const struct reference_answer *want,
        const struct real_answer *got, bool by_burst)
{
        uint32_t first = POOL_NONE;

        if (got->sender != want->sender)
                return "what the sender may";
        if (got->sender == DROP_NONE && got->tag != want->tag)
                return "the tag inserted";
        if (got->verdict.reason != want->reason)
                return "the reason";
        if (got->verdict.wire != want->wire)
                return "the wire";
        if (got->verdict.mirrored != want->mirrored)
                return "whether mirrored";
        if (got->verdict.n != want->n)
                return "how many receivers";
        for (uint32_t i = 0; i < c->n_pools; i++) {
                if (has(got, by_burst, i) != want->pools[i])
                        return "the receivers";
                if (want->pools[i] && first == POOL_NONE)
                        first = i;
        }
        return got->verdict.pool == first ? NULL : "the first receiver";
}

/* As the NIC does it: what the guest gave, checked, and with the tag that is inserted. */
static void prepare(const struct sorter *s, uint32_t from, const struct random_frame *f,
        struct frame_head *head, struct real_answer *a)
{
        *a = (struct real_answer){.sender = DROP_NONE};
        memset(head, 0xa5, sizeof(*head));
        frame_parse(f->bytes, f->n, sorter_format(s), head);
        if (from == FROM_WIRE)
                return;
        a->sender = sorter_check_sender(s, from, head, &a->tag);
}

static void insert_tag(struct frame_head *head, const struct real_answer *a)
{
        if (a->sender == DROP_NONE && a->tag) {
                head->tagged = true;
                head->tpid = (uint16_t) (a->tag >> 16);
                head->tci = (uint16_t) a->tag;
        } else if (!head->tagged) {
                head->tpid = ETH_QINQ; /* means nothing in an untagged frame */
                head->tci = 2;
        }
}

/* One frame alone by both roads; NULL: as the reference has it. */
static const char *try_one(const struct sorter_config *c, uint32_t from,
        const struct random_frame *f, struct reference_answer *want, struct real_answer *got)
{
        _cleanup_(sorter_freep) struct sorter *s = NULL;
        enum drop_reason burst_sender = DROP_NONE;
        const char *what;
        struct frame_head head;
        uint32_t tag = 0;

        reference_sort(c, from, f->bytes, f->n, REFERENCE_ALL, want);
        if (sorter_new(c, &s) < 0)
                return NULL;
        prepare(s, from, f, &head, got);
        if (from != FROM_WIRE)
                sorter_check_burst(s, from, &head, 1, &burst_sender, &tag);
        if (burst_sender != got->sender || (got->sender == DROP_NONE && tag != got->tag))
                return "sorter_check_burst";
        insert_tag(&head, got);
        sorter_walk(s, from, &head, &got->set, &got->verdict, NULL);
        what = difference(c, want, got, false);
        if (what)
                return what;
        sorter_burst(s, from, &head, 1, &got->verdict, &got->set);
        return difference(c, want, got, true);
}

/* ---- a difference, as small as it gets ---- */

/* Leaves out one after the other what can be left out of a list of n things. */
#define SHRINK_LIST(list, n_member, differs)                                                       \
        for (size_t i = r->c.n_member; i-- > 0;) {                                                 \
                __typeof__((list)[0]) was = (list)[i];                                             \
                size_t behind = r->c.n_member - i - 1;                                             \
                                                                                                   \
                memmove(&(list)[i], &(list)[i + 1], behind * sizeof(was));                         \
                r->c.n_member--;                                                                   \
                if (differs)                                                                       \
                        continue;                                                                  \
                memmove(&(list)[i + 1], &(list)[i], behind * sizeof(was));                         \
                (list)[i] = was;                                                                   \
                r->c.n_member++;                                                                   \
        }

static void shrink_pools(struct random_config *r, uint32_t from, const struct random_frame *f,
        struct reference_answer *want, struct real_answer *got)
{
        for (uint32_t i = 0; i < r->c.n_pools; i++)
                for (size_t b = 0; b < sizeof(r->pools[i]); b++) {
                        uint8_t *byte = (uint8_t *) &r->pools[i] + b, was = *byte;

                        *byte = 0;
                        if (was && !try_one(&r->c, from, f, want, got))
                                *byte = was;
                }
}

static void shrink(struct random_config *r, uint32_t from, const struct random_frame *f,
        struct reference_answer *want, struct real_answer *got)
{
#define DIFFERS (try_one(&r->c, from, f, want, got) != NULL)
        SHRINK_LIST(r->filters, n_filters, DIFFERS)
        SHRINK_LIST(r->members, n_members, DIFFERS)
        SHRINK_LIST(r->c.ethertypes, n_ethertypes, DIFFERS)
        SHRINK_LIST(r->c.mirrors, n_mirrors, DIFFERS)
        for (uint32_t i = 0; i < 2 * HASH_BITS; i++) {
                uint64_t *table = i < HASH_BITS ? r->c.unicast_hash : r->c.multicast_hash;
                uint64_t *w = &table[i % HASH_BITS / 64], bit = UINT64_C(1) << i % 64;
                bool was = *w & bit;

                *w &= ~bit;
                if (was && !DIFFERS)
                        *w |= bit;
        }
        while (r->c.n_pools > 1) {
                r->c.n_pools--;
                if ((from == FROM_WIRE || from < r->c.n_pools) && DIFFERS)
                        continue;
                r->c.n_pools++;
                break;
        }
        shrink_pools(r, from, f, want, got);
#undef DIFFERS
}

static void report(struct random_config *r, uint32_t from, const struct random_frame *f)
{
        static struct reference_answer want;
        struct real_answer got;
        const char *what = try_one(&r->c, from, f, &want, &got);

        if (!what) {
                printf("# differs only among the others of its burst\n");
        } else {
                shrink(r, from, f, &want, &got);
                what = try_one(&r->c, from, f, &want, &got);
                printf("# %s differs\n", what);
        }
        random_print(r);
        printf("# frame from %d, %u bytes: ", (int) from, f->n);
        for (uint32_t i = 0; i < f->n && i < 26; i++)
                printf("%02x", f->bytes[i]);
        printf("\n# reference: sender %s tag %08x; %s wire=%d mirrored=%d pools",
                drop_reason_name(want.sender), want.tag, drop_reason_name(want.reason), want.wire,
                want.mirrored);
        for (uint32_t i = 0; i < r->c.n_pools; i++)
                if (want.pools[i])
                        printf(" %u", i);
        printf("\n# sorter:    sender %s tag %08x; %s wire=%d mirrored=%d %u pools, the first %d\n",
                drop_reason_name(got.sender), got.tag, drop_reason_name(got.verdict.reason),
                got.verdict.wire, got.verdict.mirrored, got.verdict.n, (int) got.verdict.pool);
}

/* ---- the run ---- */

static bool same_answer(const struct sorter_config *c, const struct reference_answer *a,
        const struct reference_answer *b)
{
        return a->sender == b->sender && a->tag == b->tag && a->reason == b->reason &&
               a->wire == b->wire && a->mirrored == b->mirrored &&
               memcmp(a->pools, b->pools, c->n_pools) == 0;
}

/* For which rules the answer is another one without it. */
static void count_rules(const struct sorter_config *c, uint32_t from, const struct random_frame *f,
        const struct reference_answer *all)
{
        static struct reference_answer without;

        count.matter_pairs++;
        for (uint32_t rule = 0; rule < reference_n_rules(); rule++) {
                reference_sort(c, from, f->bytes, f->n, rule, &without);
                count.mattered[rule] += !same_answer(c, all, &without);
        }
}

/* Frames of one origin, one by one and as a burst. The first that differs; n: none. */
static uint32_t run_batch(const struct sorter_config *c, const struct sorter *s, uint32_t from,
        const struct random_frame *frames, uint32_t n)
{
        static struct reference_answer want[BURST];
        static struct real_answer walked[BURST];
        static struct pool_set sets[BURST];
        struct frame_head heads[BURST];
        enum drop_reason senders[BURST] = {DROP_NONE};
        struct verdict verdicts[BURST];
        uint32_t tag = 0, may = 0, said = 0;

        for (uint32_t i = 0; i < n; i++) {
                reference_sort(c, from, frames[i].bytes, frames[i].n, REFERENCE_ALL, &want[i]);
                if (count.pairs++ % MATTER_EACH == 0)
                        count_rules(c, from, &frames[i], &want[i]);
                prepare(s, from, &frames[i], &heads[i], &walked[i]);
                may += walked[i].sender == DROP_NONE;
        }
        if (from != FROM_WIRE) {
                count.from_pools += n;
                said = sorter_check_burst(s, from, heads, n, senders, &tag);
        }
        for (uint32_t i = 0; i < n; i++) {
                insert_tag(&heads[i], &walked[i]);
                sorter_walk(s, from, &heads[i], &walked[i].set, &walked[i].verdict, NULL);
        }
        sorter_burst(s, from, heads, n, verdicts, sets);
        for (uint32_t i = 0; i < n; i++) {
                struct real_answer burst = {.sender = senders[i], .tag = tag};

                burst.verdict = verdicts[i];
                burst.set = sets[i];
                if (difference(c, &want[i], &walked[i], false) ||
                        difference(c, &want[i], &burst, true))
                        return i;
        }
        return from == FROM_WIRE || said == may ? n : 0;
}

static bool run(uint64_t pairs, uint64_t seed)
{
        static struct random_config config;
        static struct random_frame frames[BURST];
        uint64_t state = seed;

        while (count.pairs < pairs) {
                _cleanup_(sorter_freep) struct sorter *s = NULL;

                random_config(&state, &config);
                if (sorter_new(&config.c, &s) < 0) {
                        random_print(&config);
                        return false;
                }
                for (uint32_t b = 0; b < BATCHES; b++) {
                        uint32_t n = 1 + random_below(&state, BURST), bad;
                        uint32_t from = random_below(&state, 2)
                                                ? FROM_WIRE
                                                : random_below(&state, config.c.n_pools);

                        for (uint32_t i = 0; i < n; i++)
                                random_frame(&state, &config.c, from, &frames[i]);
                        bad = run_batch(&config.c, s, from, frames, n);
                        if (bad < n) {
                                report(&config, from, &frames[bad]);
                                return false;
                        }
                }
        }
        return true;
}

static uint64_t number(const char *text, uint64_t otherwise)
{
        uint64_t value = otherwise;

        if (text && parse_u64(text, &value) < 0) {
                printf("Bail out! not a number: %s\n", text);
                exit(99);
        }
        return value;
}

int main(int argc, char **argv)
{
        uint64_t pairs = number(argc > 1 ? argv[1] : getenv("SORTER_PAIRS"), PAIRS_DEFAULT);
        uint64_t seed = number(argc > 2 ? argv[2] : getenv("SORTER_SEED"), 1);
        uint32_t idle = 0;
        bool same;

        printf("1..2\n");
        same = run(pairs, seed);
        printf("%s 1 - sorter_walk, sorter_burst and sorter_check_sender are as the reference\n",
                same ? "ok" : "not ok");
        printf("# %" PRIu64 " pairs, %" PRIu64 " of them from pools; seed %" PRIu64 "\n",
                count.pairs, count.from_pools, seed);
        for (uint32_t i = 0; i < reference_n_rules(); i++) {
                if (same)
                        printf("# %7" PRIu64 "  %s\n", count.mattered[i], reference_rule_name(i));
                idle += count.mattered[i] == 0;
        }
        printf("%s 2 - each rule decided about some of %" PRIu64 " frames\n",
                idle ? "not ok" : "ok", count.matter_pairs);
        return same && !idle ? 0 : 1;
}
