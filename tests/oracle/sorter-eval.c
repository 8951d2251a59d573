/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers what the sorter does with frames: what tests/oracle/test-igb-model.py compares a card
 * with. Reads lines:
 *
 *     config POOLS VLAN_FILTER SWITCHING DEFAULT OUTER
 *                                                    begins a configuration; DEFAULT "-": none;
 *                                                    OUTER: TPID in double VLAN mode, 0: not
 *     pool N NAME,NAME,... PORT_VLAN PORT_QOS        the names of struct sorter_pool; "-": none
 *     filter MAC POOL
 *     member KEY POOL                                POOL "-": in the filter table, no member
 *     hash unicast|multicast BIT
 *     frame FROM HEX                                 FROM "wire" or a pool; the whole frame
 *     run                                            a line for each frame since the last run:
 *                                                    REASON TAG WIRE POOLS, as "none 0 1 0,3"
 *
 * sorter_check_sender and sorter_walk answer. Where the burst functions differ, and on a line it
 * does not understand, it says so and ends with status 1. One thread.
 */
#include "sim/nic/sorter.h"

#include <stdio.h>

#define LIST_MAX  512u
#define FRAMES    256u
#define POOLS     64u
#define BURST     32u
#define BYTES_MAX 256u

struct input {
        uint32_t from, n;
        uint8_t bytes[BYTES_MAX];
};

struct answer {
        enum drop_reason reason;
        uint32_t tag;
        struct frame_head given, head; /* from a pool: before and after the tag is inserted */
        struct verdict verdict;
        struct pool_set set;
};

struct evaluation {
        struct sorter_config config;
        struct sorter_pool pools[POOLS];
        struct sorter_filter filters[LIST_MAX];
        struct sorter_member members[LIST_MAX];
        struct input frames[FRAMES];
        struct answer answers[FRAMES];
        uint32_t n_frames;
};

static const struct {
        const char *name;
        size_t offset;
} pool_flags[] = {
#define FLAG(x) #x, offsetof(struct sorter_pool, x)
        {FLAG(rx_enable)},
        {FLAG(tx_enable)},
        {FLAG(broadcast)},
        {FLAG(untagged)},
        {FLAG(unicast_hash)},
        {FLAG(multicast_hash)},
        {FLAG(unicast_promisc)},
        {FLAG(multicast_promisc)},
        {FLAG(vlan_promisc)},
        {FLAG(mac_antispoof)},
        {FLAG(vlan_antispoof)},
        {FLAG(self_loopback)},
        {FLAG(source_prune)},
        {FLAG(strip)},
#undef FLAG
};

/* ---- what it reads ---- */

static int word_u32(uint32_t max, uint32_t *ret)
{
        const char *word = strtok(NULL, " \n");

        return word ? parse_u32(word, 0, max, ret) : -EINVAL;
}

/* "-" is POOL_NONE. */
static int word_pool(uint32_t *ret)
{
        const char *word = strtok(NULL, " \n");

        if (word && streq(word, "-")) {
                *ret = POOL_NONE;
                return 0;
        }
        return word ? parse_u32(word, 0, POOLS - 1, ret) : -EINVAL;
}

static int read_config(struct evaluation *e)
{
        uint32_t pools, filter, switching, default_pool, outer;

        if (word_u32(POOLS, &pools) || word_u32(1, &filter) || word_u32(1, &switching) ||
                word_pool(&default_pool) || word_u32(UINT16_MAX, &outer))
                return -EINVAL;
        memset(e, 0, sizeof(*e));
        e->config = (struct sorter_config){
                .format = {.double_vlan = outer != 0, .outer_tpid = (uint16_t) outer},
                .n_pools = pools,
                .pools = e->pools,
                .filters = e->filters,
                .members = e->members,
                .vlan_filter = filter,
                .switching = switching,
                .default_pool = default_pool,
        };
        return 0;
}

static int read_flag(struct sorter_pool *pool, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(pool_flags); i++)
                if (streq(name, pool_flags[i].name)) {
                        *(bool *) ((char *) pool + pool_flags[i].offset) = true;
                        return 0;
                }
        return -EINVAL;
}

static int read_pool(struct evaluation *e)
{
        uint32_t n, vlan, qos;
        char *names, *rest;

        if (word_u32(POOLS - 1, &n) || !(names = strtok(NULL, " \n")) ||
                word_u32(VLAN_KEYS - 1, &vlan) || word_u32(7, &qos))
                return -EINVAL;
        e->pools[n] = (struct sorter_pool){
                .port_vlan = (uint16_t) vlan,
                .port_qos = (uint8_t) qos,
                .max_frame = FRAME_MAX,
        };
        if (streq(names, "-"))
                return 0;
        for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
                if (read_flag(&e->pools[n], name))
                        return -EINVAL;
        return 0;
}

static int read_filter(struct evaluation *e)
{
        const char *word = strtok(NULL, " \n");
        uint32_t pool;
        struct mac mac;

        if (!word || parse_mac(word, &mac) || word_pool(&pool) || e->config.n_filters == LIST_MAX)
                return -EINVAL;
        e->filters[e->config.n_filters++] =
                (struct sorter_filter){.mac = mac_number(mac.b), .pool = pool};
        return 0;
}

static int read_member(struct evaluation *e)
{
        uint32_t vlan, pool;

        if (word_u32(VLAN_KEYS - 1, &vlan) || word_pool(&pool) || e->config.n_members == LIST_MAX)
                return -EINVAL;
        e->members[e->config.n_members++] =
                (struct sorter_member){.vlan = (uint16_t) vlan, .pool = pool};
        return 0;
}

static int read_hash(struct evaluation *e)
{
        const char *kind = strtok(NULL, " \n");
        uint64_t *table;
        uint32_t bit;

        if (!kind || word_u32(HASH_BITS - 1, &bit))
                return -EINVAL;
        table = streq(kind, "unicast") ? e->config.unicast_hash : e->config.multicast_hash;
        table[bit / 64] |= 1ull << bit % 64;
        return streq(kind, "unicast") || streq(kind, "multicast") ? 0 : -EINVAL;
}

static int read_frame(struct evaluation *e)
{
        const char *from = strtok(NULL, " \n"), *hex = strtok(NULL, " \n");
        struct input *frame = &e->frames[e->n_frames];
        char pair[3] = "";
        uint32_t byte;

        if (!from || !hex || e->n_frames == FRAMES || strlen(hex) % 2 ||
                strlen(hex) / 2 < FRAME_MIN || strlen(hex) / 2 > BYTES_MAX - 4)
                return -EINVAL;
        *frame = (struct input){.from = FROM_WIRE, .n = (uint32_t) strlen(hex) / 2};
        if (!streq(from, "wire") && parse_u32(from, 0, e->config.n_pools - 1, &frame->from))
                return -EINVAL;
        for (uint32_t i = 0; i < frame->n; i++) {
                memcpy(pair, hex + 2 * i, 2);
                if (parse_hex32(pair, &byte))
                        return -EINVAL;
                frame->bytes[i] = (uint8_t) byte;
        }
        e->n_frames++;
        return 0;
}

/* ---- what it answers ---- */

/* Rules 1 to 4 of a sender: the frame gets the tag that the NIC inserts. */
static void send_one(const struct sorter *s, struct input *frame, struct answer *a)
{
        *a = (struct answer){.reason = DROP_NONE};
        frame_parse(frame->bytes, frame->n, sorter_format(s), &a->given);
        a->head = a->given;
        if (frame->from == FROM_WIRE)
                return;
        a->reason = sorter_check_sender(s, frame->from, &a->head, &a->tag);
        if (a->reason != DROP_NONE || !a->tag)
                return;
        memmove(frame->bytes + 16, frame->bytes + 12, frame->n - 12);
        for (int i = 0; i < 4; i++)
                frame->bytes[12 + i] = (uint8_t) (a->tag >> (24 - 8 * i));
        frame->n += 4;
        frame_parse(frame->bytes, frame->n, sorter_format(s), &a->head);
}

static bool same(const struct answer *a, const struct verdict *v, const struct pool_set *set)
{
        struct pool_set only = {0};

        if (v->reason != a->verdict.reason || v->wire != a->verdict.wire || v->n != a->verdict.n ||
                v->mirrored != a->verdict.mirrored || (v->n && v->pool != a->verdict.pool))
                return false;
        if (v->n == 1) {
                only.w[v->pool / 64] = 1ull << v->pool % 64;
                set = &only;
        }
        return !v->n || set->w[0] == a->set.w[0];
}

struct burst {
        uint32_t n, at[BURST]; /* indices in frames[] */
        struct frame_head heads[BURST];
};

/* Up to BURST frames of one origin, beginning with *at: those that pass the sender's rules, or all.
 */
static void gather(
        const struct evaluation *e, uint32_t from, bool all, uint32_t *at, struct burst *ret)
{
        ret->n = 0;
        for (; *at < e->n_frames && ret->n < BURST; ++*at) {
                const struct answer *a = &e->answers[*at];

                if (e->frames[*at].from != from || !(all || a->reason == DROP_NONE))
                        continue;
                ret->at[ret->n] = *at;
                ret->heads[ret->n++] = all ? a->given : a->head;
        }
}

static int compare_checks(const struct sorter *s, const struct evaluation *e, uint32_t pool)
{
        enum drop_reason reasons[BURST];
        uint32_t tag, good, at = 0;
        struct burst b;

        for (gather(e, pool, true, &at, &b); b.n; gather(e, pool, true, &at, &b)) {
                good = sorter_check_burst(s, pool, b.heads, b.n, reasons, &tag);
                for (uint32_t k = 0; k < b.n; k++) {
                        const struct answer *a = &e->answers[b.at[k]];

                        good -= a->reason == DROP_NONE;
                        if (reasons[k] != a->reason || (a->reason == DROP_NONE && tag != a->tag))
                                return -EINVAL;
                }
                if (good)
                        return -EINVAL;
        }
        return 0;
}

static int compare_verdicts(const struct sorter *s, const struct evaluation *e, uint32_t from)
{
        struct verdict verdicts[BURST];
        struct pool_set sets[BURST];
        uint32_t at = 0;
        struct burst b;

        for (gather(e, from, false, &at, &b); b.n; gather(e, from, false, &at, &b)) {
                sorter_burst(s, from, b.heads, b.n, verdicts, sets);
                for (uint32_t k = 0; k < b.n; k++)
                        if (!same(&e->answers[b.at[k]], &verdicts[k], &sets[k]))
                                return -EINVAL;
        }
        return 0;
}

/* Again by the burst functions. */
static int compare(const struct sorter *s, const struct evaluation *e)
{
        int r = compare_verdicts(s, e, FROM_WIRE);

        for (uint32_t pool = 0; r == 0 && pool < e->config.n_pools; pool++) {
                r = compare_checks(s, e, pool);
                if (r == 0)
                        r = compare_verdicts(s, e, pool);
        }
        if (r < 0)
                fprintf(stderr, "one by one and in bursts the answers differ\n");
        return r;
}

static void print_answer(const struct answer *a)
{
        bool on = a->reason == DROP_NONE;

        printf("%s %u %u ", drop_reason_name(on ? a->verdict.reason : a->reason), a->tag,
                on && a->verdict.wire);
        if (!on || !a->verdict.n)
                printf("-");
        for (uint32_t pool = 0, n = 0; on && a->verdict.n && pool < POOLS; pool++)
                if (a->set.w[0] >> pool & 1)
                        printf(n++ ? ",%u" : "%u", pool);
        printf("\n");
}

static int run(struct evaluation *e)
{
        _cleanup_(sorter_freep) struct sorter *s = NULL;
        int r = sorter_new(&e->config, &s);

        if (r < 0) {
                fprintf(stderr, "sorter_new: %s\n", strerror(-r));
                return r;
        }
        for (uint32_t i = 0; i < e->n_frames; i++) {
                struct answer *a = &e->answers[i];

                send_one(s, &e->frames[i], a);
                if (a->reason == DROP_NONE)
                        sorter_walk(s, e->frames[i].from, &a->head, &a->set, &a->verdict, NULL);
        }
        r = compare(s, e);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < e->n_frames; i++)
                print_answer(&e->answers[i]);
        fflush(stdout);
        e->n_frames = 0;
        return 0;
}

static const struct {
        const char *word;
        int (*read)(struct evaluation *e);
} commands[] = {
        {"config", read_config},
        {"pool", read_pool},
        {"filter", read_filter},
        {"member", read_member},
        {"hash", read_hash},
        {"frame", read_frame},
        {"run", run},
};

static int understand(struct evaluation *e, char *line)
{
        const char *word = strtok(line, " \n");

        for (size_t i = 0; word && i < ELEMENTSOF(commands); i++)
                if (streq(word, commands[i].word))
                        return commands[i].read(e);
        return -EINVAL;
}

int main(void)
{
        _cleanup_(freep) struct evaluation *e = calloc(1, sizeof(*e));
        _cleanup_(freep) char *line = NULL;
        size_t size = 0;

        if (!e)
                return 1;
        for (unsigned int n = 1; getline(&line, &size, stdin) > 0; n++)
                if (understand(e, line) < 0) {
                        fprintf(stderr, "line %u (\"%s ...\") is refused\n", n, line);
                        return 1;
                }
        return 0;
}
