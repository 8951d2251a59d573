/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal: random records there and back, every bit flipped, every truncation, crashes in
 * appending and compacting, and what can not be read is kept.
 */
#include "config/journal.h"
#include "randomwish.h"
#include "testdisk.h"
#include "unit.h"

#define BOOT  "6b0e6d2c-0b5e-4f2e-9a55-000000000001"
#define OTHER "6b0e6d2c-0b5e-4f2e-9a55-000000000002"

static const struct dev_id PF = {RANDOM_WISH_PF};

/* ---- random values --------------------------------------------------------------------------- */

/* Each byte of it must come back: quotes, line ends, and letters that are not ASCII. */
static void random_text(uint64_t *seed, char *buf, size_t size)
{
        static const char *const pieces[] = {
                "VF 3 is held", "\"", "\\", "\n", "\t", "\x01", "\xc3\xa4", "{", "/", "\x7f", " "};
        char text[FAULT_TEXT_MAX] = "";
        size_t n = pick(seed, 30);

        for (size_t i = 0; i < n; i++)
                strcat(text, pieces[pick(seed, ELEMENTSOF(pieces))]);
        snprintf(buf, size, "%s", text);
}

static void random_txn(uint64_t *seed, enum txn_type type, struct txn *ret)
{
        struct txn txn = {.type = type, .sequence = 1};

        snprintf(txn.boot_id, sizeof(txn.boot_id), "%s", BOOT);
        switch (type) {
        case TXN_INTENT:
                snprintf(txn.kind, sizeof(txn.kind), pick(seed, 2) ? "apply" : "set_numvfs");
                txn.forward = pick(seed, 2);
                txn.creates = pick(seed, 2);
                txn.applied = (uint64_t) pick(seed, 1u << 30) << 34 | pick(seed, 1u << 30);
                random_wish(seed, &txn.old);
                if (pick(seed, 2))
                        random_wish(seed, &txn.wish);
                break;
        case TXN_COMMIT:
                txn.applied = pick(seed, 4) ? UINT64_MAX - pick(seed, 1000) : 0;
                break;
        case TXN_ABORT:
        case TXN_TYPE_MAX:
                random_text(seed, txn.text, sizeof(txn.text));
                break;
        }
        *ret = txn;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void same_intent(const struct txn *a, const struct txn *b)
{
        assert_int_equal(a->type, b->type);
        assert_int_equal(a->sequence, b->sequence);
        assert_string_equal(a->boot_id, b->boot_id);
        assert_string_equal(a->kind, b->kind);
        assert_int_equal(a->forward, b->forward);
        assert_int_equal(a->creates, b->creates);
        assert_true(a->applied == b->applied);
        same_wish(&a->old, &b->old);
        same_wish(&a->wish, &b->wish);
}

static void same_state(const struct journal_state *a, const struct journal_state *b)
{
        assert_true(a->sequence == b->sequence);
        assert_true(a->applied == b->applied);
        assert_int_equal(a->open, b->open);
        if (a->open)
                same_intent(&a->intent, &b->intent);
}

static void decode(const void *bytes, size_t n, const char *boot_id, struct journal_state *ret)
{
        *ret = (struct journal_state){.sequence = 999, .open = true, .damaged = true};
        assert_int_equal(journal_decode(bytes, n, boot_id, ret), 0);
}

/* ---- records --------------------------------------------------------------------------------- */

static void round_trip(void **state)
{
        uint64_t seed = 1;

        (void) state;
        for (unsigned i = 0; i < 3000; i++) {
                _cleanup_(journal_state_done) struct journal_state s;
                _cleanup_(freep) char *bytes = NULL;
                struct txn txn;
                size_t n;

                random_txn(&seed, i % TXN_TYPE_MAX, &txn);
                txn.sequence = 1 + pick(&seed, 1u << 30);
                assert_int_equal(journal_encode(&txn, &bytes, &n), 0);
                decode(bytes, n, BOOT, &s);
                assert_false(s.damaged);
                assert_true(s.sequence == txn.sequence);
                assert_int_equal(s.open, txn.type == TXN_INTENT);
                if (s.open)
                        same_intent(&s.intent, &txn);
                assert_true(s.applied == (txn.type == TXN_COMMIT ? txn.applied : 0));
                txn_done(&txn);
        }
}

static void abort_texts(void **state)
{
        struct txn txn = {.type = TXN_ABORT, .sequence = 1, .text = "why: \"\xc3\xa4\""};
        _cleanup_(freep) char *bytes = NULL, *cut = NULL;
        struct journal_state s;
        size_t n;

        (void) state;
        assert_int_equal(journal_encode(&txn, &bytes, &n), 0);
        assert_non_null(memmem(bytes, n, "why: \\\"\xc3\xa4\\\"", 11));

        /* cut within a character, and as long as can be: still a record */
        memset(txn.text, 'a', FAULT_TEXT_MAX - 1);
        txn.text[FAULT_TEXT_MAX - 2] = '\xc3';
        txn.text[FAULT_TEXT_MAX - 1] = '\0';
        assert_int_equal(journal_encode(&txn, &cut, &n), 0);
        decode(cut, n, BOOT, &s);
        assert_int_equal(s.sequence, 1);
        assert_false(s.damaged);
}

static void refusals(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(store_freep) struct store *store = NULL;
        struct txn txn = {.type = TXN_COMMIT, .boot_id = BOOT};
        char *bytes, name[40];
        size_t n;

        (void) state;
        journal_name(&PF, name, sizeof(name));
        assert_string_equal(name, "pci_0000_3b_00_0.jrnl");
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(journal_encode(&txn, &bytes, &n), -EINVAL); /* sequence 0 */
        txn.sequence = 5;
        assert_int_equal(journal_write(store, &PF, &txn), 0);
        assert_int_equal(journal_write(store, &PF, &txn), -EINVAL); /* does not go up */
        txn.sequence = 4;
        assert_int_equal(journal_write(store, &PF, &txn), -EINVAL);
        memset(txn.boot_id, 'a', sizeof(txn.boot_id)); /* not terminated */
        txn.sequence = 6;
        assert_int_equal(journal_write(store, &PF, &txn), -EINVAL);

        txn = (struct txn){.type = TXN_INTENT, .sequence = 6, .boot_id = BOOT, .kind = "apply"};
        txn.old = (struct desired){.pf = PF, .wants = BIT(WISH_NUM_VFS), .num_vfs = 60000};
        for (uint32_t i = 0; i < 60000; i++) {
                struct desired_vf *vf = desired_vf_add(&txn.old, i);

                vf->wants = BIT(WISH_DRIVER) | BIT(WISH_OVERRIDE);
                memset(vf->driver, 'a', DRIVER_MAX - 1);
                memset(vf->override, 'a', DRIVER_MAX - 1);
        }
        assert_int_equal(journal_write(store, &PF, &txn), -EFBIG);
        assert_int_equal(testdisk_calls(disk, DISK_RENAME), 1);

        /* a name that fits before it is escaped, and not after: refused rather than not readable */
        memset(txn.old.vfs[0].driver, '\xff', DRIVER_MAX - 1);
        txn.old.n_vfs = 1;
        assert_int_equal(journal_write(store, &PF, &txn), -EINVAL);
        txn_done(&txn);
        assert_int_equal(testdisk_calls(disk, DISK_RENAME), 1);
}

/* Readings that no configuration may ask for: the way back to them is written down all the same. */
static void whatever_the_hardware_says(void **state)
{
        struct pf_facts pf = igb_facts(7);
        _cleanup_(journal_state_done) struct journal_state s = {0};
        struct txn txn = {.type = TXN_INTENT, .sequence = 1, .boot_id = BOOT, .kind = "apply"};
        _cleanup_(freep) char *bytes = NULL;
        size_t n;

        (void) state;
        pf.num_vfs = 3; /* links that are gone while a holder is waited for */
        pf.mtu = 100000;
        snprintf(pf.eswitch_mode, sizeof(pf.eswitch_mode), "switchdev_inactive");
        for (uint32_t i = 0; i < 7; i++) {
                struct vf_attrs *a = &pf.vfs[i].attrs;

                a->present = BIT(VF_ATTR_MAX) - 1;
                assert_int_equal(
                        parse_mac(i ? "02:00:00:00:00:01" : "01:00:5e:00:00:01", &a->mac), 0);
                a->min_tx_rate = UINT32_MAX;
                a->max_tx_rate = 5;
                a->vlan = 4095;
                a->qos = 255;
                a->node_guid = UINT64_MAX;
        }
        assert_int_equal(desired_of_facts(&pf, &txn.old), 0);
        assert_int_equal(journal_encode(&txn, &bytes, &n), 0);
        decode(bytes, n, BOOT, &s);
        assert_false(s.damaged);
        assert_true(s.open);
        same_intent(&s.intent, &txn);
        txn_done(&txn);
        free(pf.vfs);
}

/* ---- a journal on a disk --------------------------------------------------------------------- */

static void write_at(struct store *store, struct txn *txn, struct journal_state *model)
{
        txn->sequence = model->sequence + 1;
        assert_int_equal(journal_write(store, &PF, txn), 0);
        txn_done(&model->intent);
        model->sequence = txn->sequence;
        model->open = txn->type == TXN_INTENT;
        if (txn->type == TXN_COMMIT)
                model->applied = txn->applied;
        if (model->open)
                model->intent = *txn;
        else
                txn_done(txn);
}

static void reads_as(struct testdisk *disk, const char *boot_id, const struct journal_state *model)
{
        _cleanup_(journal_state_done) struct journal_state s = {0};
        _cleanup_(store_freep) struct store *store = NULL;

        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(journal_read(store, &PF, boot_id, &s), 0);
        assert_false(s.damaged);
        same_state(&s, model);
}

/* Lives and boots go by, the power fails between: what was written is read, through compactions. */
static void long_life(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(journal_state_done) struct journal_state model = {0};
        struct store *store = NULL;
        char boot[BOOT_ID_MAX] = BOOT;
        uint64_t seed = 7;
        uint32_t appended;

        (void) state;
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        reads_as(disk, boot, &model);
        for (unsigned i = 0; i < 2000; i++) {
                struct txn txn;

                random_txn(&seed, pick(&seed, TXN_TYPE_MAX), &txn);
                snprintf(txn.boot_id, sizeof(txn.boot_id), "%s", boot);
                write_at(store, &txn, &model);
                if (pick(&seed, 50) == 0) {
                        store_free(store);
                        testdisk_power_loss(disk, seed);
                        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
                        snprintf(boot, sizeof(boot), "boot-%u", i);
                        model.applied = 0;
                }
                if (i % 8 == 0)
                        reads_as(disk, boot, &model);
        }
        reads_as(disk, boot, &model);
        appended = 2000 - testdisk_calls(disk, DISK_RENAME);
        assert_in_range(appended, 1800, 1990); /* both roads were gone */
        store_free(store);
}

static void other_boot(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(journal_state_done) struct journal_state model = {0};
        _cleanup_(store_freep) struct store *store = NULL;
        struct txn txn = {.type = TXN_COMMIT, .boot_id = BOOT, .applied = 42};
        uint64_t seed = 3;

        (void) state;
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        write_at(store, &txn, &model);
        random_txn(&seed, TXN_INTENT, &txn);
        write_at(store, &txn, &model);
        assert_int_equal(model.applied, 42);
        reads_as(disk, BOOT, &model);
        model.applied = 0;
        reads_as(disk, OTHER, &model);
        assert_string_equal(model.intent.boot_id, BOOT);
}

/* ---- damage ---------------------------------------------------------------------------------- */

#define RECORDS 6u

struct sample {
        struct records bytes;
        size_t ends[RECORDS + 1];                 /* of the records; ends[0] is 0 */
        struct journal_state states[RECORDS + 1]; /* what so many of them mean */
};

static void sample_new(struct sample *s)
{
        static const enum txn_type types[RECORDS] = {
                TXN_INTENT, TXN_COMMIT, TXN_INTENT, TXN_ABORT, TXN_COMMIT, TXN_INTENT};
        uint64_t seed = 11;

        *s = (struct sample){0};
        for (unsigned i = 0; i < RECORDS; i++) {
                _cleanup_(freep) char *record = NULL;
                struct txn txn;
                size_t n;

                random_txn(&seed, types[i], &txn);
                txn.sequence = i + 1;
                assert_int_equal(journal_encode(&txn, &record, &n), 0);
                s->bytes.bytes = realloc(s->bytes.bytes, s->bytes.n + n);
                memcpy(s->bytes.bytes + s->bytes.n, record, n);
                s->bytes.n += n;
                s->ends[i + 1] = s->bytes.n;
                decode(s->bytes.bytes, s->bytes.n, BOOT, &s->states[i + 1]);
                assert_false(s->states[i + 1].damaged);
                txn_done(&txn);
        }
}

static void sample_done(struct sample *s)
{
        records_done(&s->bytes);
        for (unsigned i = 0; i <= RECORDS; i++)
                journal_state_done(&s->states[i]);
}

static unsigned whole_records(const struct sample *s, size_t n)
{
        unsigned whole = 0;

        while (whole < RECORDS && s->ends[whole + 1] <= n)
                whole++;
        return whole;
}

static void every_truncation(void **state)
{
        _cleanup_(sample_done) struct sample s;

        (void) state;
        sample_new(&s);
        for (size_t n = 0; n <= s.bytes.n; n++) {
                _cleanup_(journal_state_done) struct journal_state got;
                unsigned whole = whole_records(&s, n);
                char *copy = malloc(n ? n : 1); /* so that reading beyond is seen */

                memcpy(copy, s.bytes.bytes, n);
                decode(copy, n, BOOT, &got);
                same_state(&got, &s.states[whole]);
                assert_int_equal(got.damaged, n != s.ends[whole]);
                free(copy);
        }
}

static void every_bit(void **state)
{
        _cleanup_(sample_done) struct sample s;

        (void) state;
        sample_new(&s);
        for (size_t bit = 0; bit < s.bytes.n * 8; bit++) {
                _cleanup_(journal_state_done) struct journal_state got;

                s.bytes.bytes[bit / 8] ^= (char) (1 << bit % 8);
                decode(s.bytes.bytes, s.bytes.n, BOOT, &got);
                s.bytes.bytes[bit / 8] ^= (char) (1 << bit % 8);
                assert_true(got.damaged);
                same_state(&got, &s.states[whole_records(&s, bit / 8)]);
        }
}

/* A file with these bytes, then a commit; the set-aside one as it is read, or nothing. */
static void write_behind(const char *bytes, size_t n, unsigned whole, const char *bad_name,
        char **ret_bad, size_t *ret_n)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(store_freep) struct store *store = NULL;
        struct txn txn = {.type = TXN_COMMIT, .boot_id = BOOT, .sequence = whole + 1};
        struct journal_state model = {.sequence = whole + 1, .applied = 77};
        char name[40];
        int r;

        txn.applied = 77;
        journal_name(&PF, name, sizeof(name));
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(store_replace(store, name, bytes, n), 0);
        assert_int_equal(journal_write(store, &PF, &txn), 0);
        reads_as(disk, BOOT, &model);
        *ret_bad = NULL;
        *ret_n = 0;
        r = store_read(store, bad_name, 1u << 20, ret_bad, ret_n);
        assert_true(r == 0 || r == -ENOENT);
}

static void writing_behind_damage(void **state)
{
        _cleanup_(sample_done) struct sample s;
        const char *bad_name = "pci_0000_3b_00_0.jrnl.bad";
        size_t n;

        (void) state;
        sample_new(&s);
        for (size_t at = 0; at < s.bytes.n; at += 41) {
                _cleanup_(freep) char *torn = NULL, *bad = NULL;
                unsigned whole = whole_records(&s, at);

                /* torn: cut off, nothing was lost */
                write_behind(s.bytes.bytes, at, whole, bad_name, &torn, &n);
                assert_null(torn);

                /* damaged: kept as it was */
                s.bytes.bytes[at] ^= 0x10;
                write_behind(s.bytes.bytes, s.bytes.n, whole, bad_name, &bad, &n);
                assert_int_equal(n, s.bytes.n);
                assert_memory_equal(bad, s.bytes.bytes, n);
                s.bytes.bytes[at] ^= 0x10;
        }
}

/* What some file systems leave of an append: its length, and nothing of it. */
static void writing_behind_zeros(void **state)
{
        _cleanup_(sample_done) struct sample s;
        char *bad;
        size_t n;

        (void) state;
        sample_new(&s);
        s.bytes.bytes = realloc(s.bytes.bytes, s.bytes.n + 1000);
        memset(s.bytes.bytes + s.bytes.n, 0, 1000);
        write_behind(
                s.bytes.bytes, s.bytes.n + 1000, RECORDS, "pci_0000_3b_00_0.jrnl.bad", &bad, &n);
        assert_null(bad);
}

/* A good record that says what this version does not know, or that is out of order. */
static void not_understood(void **state)
{
        static const struct record strangers[] = {
                {.type = TXN_TYPE_MAX, .sequence = 7, .data = "{}"},
                {.type = TXN_INTENT, .sequence = 7, .data = "{}"},
                {.type = TXN_INTENT, .sequence = 7, .data = ""},
                {.type = TXN_COMMIT, .sequence = 7, .data = "{\"applied\":\"1\",\"x\":1}"},
                {.type = TXN_COMMIT, .sequence = 6, .data = "{\"applied\":\"1\"}"},
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(strangers); i++) {
                _cleanup_(journal_state_done) struct journal_state got;
                _cleanup_(sample_done) struct sample s;
                _cleanup_(freep) char *bad = NULL;
                struct record stranger = strangers[i];
                size_t n;

                sample_new(&s);
                stranger.n = strlen(stranger.data);
                assert_int_equal(records_add(&s.bytes, &stranger), 0);
                decode(s.bytes.bytes, s.bytes.n, BOOT, &got);
                assert_true(got.damaged);
                assert_true(!got.open || got.sequence == 6);
                write_behind(s.bytes.bytes, s.bytes.n, (unsigned) got.sequence,
                        "pci_0000_3b_00_0.jrnl.bad", &bad, &n);
                assert_int_equal(n, s.bytes.n);
                assert_memory_equal(bad, s.bytes.bytes, n);
        }
}

/* Version 2, as an older program finds it: kept each time, and at last refused. */
static void another_version(void **state)
{
        _cleanup_(testdisk_freep) struct testdisk *disk = testdisk_new();
        _cleanup_(store_freep) struct store *store = NULL;
        struct txn txn = {.type = TXN_COMMIT, .boot_id = BOOT, .sequence = 1};
        char text[] = "srvj\2\0 and what nobody knows 0", **list;
        size_t n;

        (void) state;
        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        for (char i = '1'; i <= '9' + 1; i++) {
                text[sizeof(text) - 2] = i;
                assert_int_equal(
                        store_replace(store, "pci_0000_3b_00_0.jrnl", text, sizeof(text) - 1), 0);
                assert_int_equal(journal_write(store, &PF, &txn), i <= '9' ? 0 : -EEXIST);
        }
        assert_int_equal(store_list(store, &list, &n), 0);
        assert_int_equal(n, 10);
        for (size_t i = 0; i < n; i++) {
                _cleanup_(freep) char *there = NULL;
                size_t size;

                assert_int_equal(store_read(store, list[i], 1000, &there, &size), 0);
                text[sizeof(text) - 2] = (char) (i == 0 ? '9' + 1 : '0' + i);
                assert_int_equal(size, sizeof(text) - 1);
                assert_memory_equal(there, text, size);
                free(list[i]);
        }
        free(list);
}

/* ---- crashes and failures -------------------------------------------------------------------- */

struct snapshot {
        struct testdisk *disk, *copy;
};

static void take_snapshot(void *userdata)
{
        struct snapshot *s = userdata;

        if (!s->copy)
                s->copy = testdisk_clone(s->disk);
}

/* Does it mean what it shall mean after the deed? If not, then what it meant before. */
static bool means_after(struct testdisk *disk, const struct journal_state *before,
        const struct journal_state *after, bool may_be_torn)
{
        _cleanup_(journal_state_done) struct journal_state s = {0};
        _cleanup_(store_freep) struct store *store = NULL;

        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(journal_read(store, &PF, BOOT, &s), 0);
        assert_true(may_be_torn || !s.damaged);
        same_state(&s, s.sequence == after->sequence ? after : before);
        return s.sequence == after->sequence;
}

/* A journal of one commit, or of intents behind it, so many that the next record compacts it. */
static void fill(struct store *store, bool full, struct journal_state *ret)
{
        struct records records = {0};
        uint64_t seed = 23, sequence = 1;
        char name[40];

        journal_name(&PF, name, sizeof(name));
        do {
                _cleanup_(freep) char *record = NULL;
                struct txn txn;
                size_t n;

                random_txn(&seed, sequence == 1 ? TXN_COMMIT : TXN_INTENT, &txn);
                txn.sequence = sequence++;
                assert_int_equal(journal_encode(&txn, &record, &n), 0);
                records.bytes = realloc(records.bytes, records.n + n);
                memcpy(records.bytes + records.n, record, n);
                records.n += n;
                txn_done(&txn);
        } while (full && records.n < 65300);
        assert_int_equal(store_replace(store, name, records.bytes, records.n), 0);
        decode(records.bytes, records.n, BOOT, ret);
        records_done(&records);
}

/* The deed: an intent behind what fill() made. */
struct deed {
        struct testdisk *disk;
        struct store *store;
        struct crash crash;
        struct txn txn;
        struct journal_state before, after;
};

static void deed_new(struct deed *d, bool full)
{
        uint64_t seed = 99;

        *d = (struct deed){.disk = testdisk_new(), .crash.place = CRASH_PLACE_MAX};
        assert_int_equal(store_new(&testdisk_ops, d->disk, &d->crash, &d->store), 0);
        fill(d->store, full, &d->before);
        random_txn(&seed, TXN_INTENT, &d->txn);
        d->txn.sequence = d->before.sequence + 1;
        d->after = (struct journal_state){.sequence = d->txn.sequence,
                .open = true,
                .intent = d->txn,
                .applied = d->before.applied};
}

static void deed_done(struct deed *d)
{
        txn_done(&d->txn);
        journal_state_done(&d->before);
        store_free(d->store);
        testdisk_free(d->disk);
}

static void goes_on(struct testdisk *disk, const struct deed *d)
{
        _cleanup_(journal_state_done) struct journal_state s = {0};
        _cleanup_(store_freep) struct store *store = NULL;
        struct txn txn = {.type = TXN_ABORT, .boot_id = BOOT};

        assert_int_equal(store_new(&testdisk_ops, disk, NULL, &store), 0);
        assert_int_equal(journal_read(store, &PF, BOOT, &s), 0);
        write_at(store, &txn, &s);
        testdisk_power_loss(disk, s.sequence);
        reads_as(disk, BOOT, &s);
        assert_true(s.applied == d->before.applied);
}

static void after_power_loss(const struct testdisk *disk, const struct deed *d, bool durable,
        bool may_be_torn, unsigned *ret_seen)
{
        for (uint64_t seed = 0; seed < 30; seed++) {
                _cleanup_(testdisk_freep) struct testdisk *copy = testdisk_clone(disk);
                bool is_after;

                testdisk_power_loss(copy, seed);
                is_after = means_after(copy, &d->before, &d->after, may_be_torn);
                assert_true(is_after || !durable);
                *ret_seen |= is_after ? BIT(1) : BIT(0);
                goes_on(copy, d);
        }
}

static bool crash_at_place(enum crash_place place, bool full)
{
        bool durable = place == CRASH_STORE_SYNCED || place == CRASH_STORE_REPLACED;
        struct snapshot snapshot;
        unsigned seen = 0;
        struct deed d;

        deed_new(&d, full);
        snapshot = (struct snapshot){.disk = d.disk};
        d.crash = (struct crash){.place = place, .fn = take_snapshot, .userdata = &snapshot};
        assert_int_equal(journal_write(d.store, &PF, &d.txn), 0);
        assert_true(means_after(d.disk, &d.before, &d.after, false));
        if (snapshot.copy) {
                testdisk_killed(snapshot.copy);
                means_after(snapshot.copy, &d.before, &d.after, false);
                after_power_loss(snapshot.copy, &d, durable, !full, &seen);
                testdisk_free(snapshot.copy);
        }
        deed_done(&d);
        if (place == CRASH_STORE_WRITTEN || place == CRASH_STORE_RENAMED)
                assert_int_equal(seen, snapshot.copy ? BIT(0) | BIT(1) : 0);
        return snapshot.copy;
}

static void crashes(void **state)
{
        (void) state;
        for (enum crash_place place = CRASH_STORE_WRITTEN; place <= CRASH_STORE_REPLACED; place++) {
                assert_int_equal(crash_at_place(place, false), place <= CRASH_STORE_SYNCED);
                assert_int_equal(crash_at_place(place, true), place > CRASH_STORE_SYNCED);
        }
}

/* It says that it failed: the old meaning, and with it nothing is begun. */
static void failures(void **state)
{
        static const enum testdisk_call calls[] = {DISK_OPEN, DISK_READ, DISK_WRITE, DISK_SYNC};

        (void) state;
        for (unsigned i = 0; i < ELEMENTSOF(calls) * 4; i++) {
                int error = i & 1 ? EIO : ENOSPC, r;
                unsigned seen = 0;
                struct deed d;

                deed_new(&d, i & 2);
                testdisk_fail(d.disk, calls[i / 4], 1, error, DISK_ALWAYS);
                r = journal_write(d.store, &PF, &d.txn);
                testdisk_heal(d.disk);
                assert_int_equal(r, -error);
                if (store_broken(d.store) == 0) {
                        assert_false(means_after(d.disk, &d.before, &d.after, false));
                        assert_int_equal(journal_write(d.store, &PF, &d.txn), 0);
                        after_power_loss(d.disk, &d, true, false, &seen);
                } else {
                        assert_int_equal(calls[i / 4], DISK_SYNC);
                        assert_int_equal(journal_write(d.store, &PF, &d.txn), -EROFS);
                        after_power_loss(d.disk, &d, false, true, &seen);
                }
                deed_done(&d);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip),
                cmocka_unit_test(abort_texts),
                cmocka_unit_test(refusals),
                cmocka_unit_test(whatever_the_hardware_says),
                cmocka_unit_test(long_life),
                cmocka_unit_test(other_boot),
                cmocka_unit_test(every_truncation),
                cmocka_unit_test(every_bit),
                cmocka_unit_test(writing_behind_damage),
                cmocka_unit_test(writing_behind_zeros),
                cmocka_unit_test(not_understood),
                cmocka_unit_test(another_version),
                cmocka_unit_test(crashes),
                cmocka_unit_test(failures),
        };

        return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
