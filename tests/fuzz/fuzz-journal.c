/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary bytes as a journal or a checkpoint, by the first of them:
 *
 *      J, C    the rest is the file
 *      j, c    the rest are records, each a digit (the type) and a payload up to byte 0x1e: headers
 *              and CRCs are made here, so that the fuzzer comes behind them
 *
 * What is read can be written, and reads as the same again. One thread.
 */
#include "config/journal.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

#define BOOT "6b0e6d2c-0b5e-4f2e-9a55-0123456789ab"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(const char *text, size_t n, unsigned first_type, struct records *ret)
{
        struct record record = {.boot_id = BOOT};

        while (n > 0) {
                const char *end = memchr(text, 0x1e, n);
                size_t length = end ? (size_t) (end - text) : n;

                record.type = first_type + ((unsigned char) text[0] & 7);
                record.sequence++;
                record.data = text + 1;
                record.n = length > 0 ? length - 1 : 0;
                if (length > 0)
                        CHECK(records_add(ret, &record) == 0);
                text += end ? length + 1 : length;
                n -= end ? length + 1 : length;
        }
}

/* One intent there and back. */
static void check_intent(const struct txn *intent)
{
        _cleanup_(freep) char *first = NULL, *second = NULL;
        struct journal_state s;
        size_t n, n2;
        int r;

        CHECK(intent->type == TXN_INTENT && intent->sequence > 0);
        r = journal_encode(intent, &first, &n);
        CHECK(r == 0 || r == -EFBIG);
        if (r < 0)
                return;
        CHECK(journal_decode(first, n, BOOT, &s) == 0);
        CHECK(s.open && !s.damaged && s.sequence == intent->sequence);
        CHECK(journal_encode(&s.intent, &second, &n2) == 0);
        CHECK(n == n2 && memcmp(first, second, n) == 0);
        journal_state_done(&s);
}

static void check_journal(const void *bytes, size_t n)
{
        struct journal_state s;

        CHECK(journal_decode(bytes, n, BOOT, &s) == 0);
        CHECK(n > 0 || !s.damaged);
        CHECK(s.sequence > 0 || (!s.open && s.applied == 0));
        if (s.open)
                check_intent(&s.intent);
        journal_state_done(&s);
}

static void check_checkpoint(const void *bytes, size_t n)
{
        _cleanup_(freep) char *first = NULL, *second = NULL;
        struct checkpoint c, back;
        size_t n1, n2;
        int r;

        r = checkpoint_decode(bytes, n, &c);
        CHECK(r == 0 || r == -EBADMSG);
        if (r < 0)
                return;
        CHECK(checkpoint_encode(&c, &first, &n1) == 0);
        CHECK(checkpoint_decode(first, n1, &back) == 0);
        CHECK(checkpoint_encode(&back, &second, &n2) == 0);
        CHECK(n1 == n2 && memcmp(first, second, n1) == 0);
        checkpoint_done(&back);
        checkpoint_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct records records = {0};
        const char *text = (const char *) data + 1;

        if (size == 0)
                return 0;
        switch (data[0]) {
        case 'J':
                check_journal(text, size - 1);
                break;
        case 'C':
                check_checkpoint(text, size - 1);
                break;
        case 'j':
                seal(text, size - 1, TXN_INTENT, &records);
                check_journal(records.bytes, records.n);
                break;
        case 'c':
                seal(text, size - 1, CHECKPOINT_RECORDS, &records);
                check_checkpoint(records.bytes, records.n);
                break;
        default:
                break;
        }
        records_done(&records);
        return 0;
}
