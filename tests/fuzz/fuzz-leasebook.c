/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary bytes as a book of leases, by the first of them:
 *
 *      B       the rest is the file
 *      b       the rest are records, each a digit (the type) and a payload up to byte 0x1e: headers
 *              and CRCs are made here, so that the fuzzer comes behind them
 *
 * What is read is a book that holds what books promise, can be written, and reads as the same
 * again. One thread.
 */
#include "config/leasebook.h"
#include "config/record.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(const char *text, size_t n, struct records *ret)
{
        struct record record = {0};

        while (n > 0) {
                const char *end = memchr(text, 0x1e, n);
                size_t length = end ? (size_t) (end - text) : n;

                record.type = LEASEBOOK_RECORDS + ((unsigned char) text[0] & 7);
                record.sequence++;
                record.data = text + 1;
                record.n = length > 0 ? length - 1 : 0;
                if (length > 0)
                        CHECK(records_add(ret, &record) == 0);
                text += end ? length + 1 : length;
                n -= end ? length + 1 : length;
        }
}

static void check(const void *bytes, size_t n)
{
        _cleanup_(freep) char *first = NULL, *second = NULL;
        struct lease_book book, back;
        uint64_t before = 0;
        size_t n1, n2;
        int r;

        r = leasebook_decode(bytes, n, &book);
        CHECK(r == 0 || r == -EBADMSG);
        if (r < 0)
                return;
        for (size_t i = 0; i < book.n; i++) {
                const struct lease *lease = &book.list[i];

                CHECK(lease->id > before && lease->id <= book.last_id && lease_check(lease) == 0);
                CHECK(lease_book_of_vf(&book, &lease->pf, lease->vf) == lease);
                before = lease->id;
        }
        CHECK(leasebook_encode(&book, &first, &n1) == 0);
        CHECK(leasebook_decode(first, n1, &back) == 0);
        CHECK(back.n == book.n && back.last_id == book.last_id);
        CHECK(leasebook_encode(&back, &second, &n2) == 0);
        CHECK(n1 == n2 && memcmp(first, second, n1) == 0);
        lease_book_done(&back);
        lease_book_done(&book);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(records_done) struct records records = {0};
        const char *text = (const char *) data + 1;

        if (size == 0)
                return 0;
        if (data[0] == 'B') {
                check(text, size - 1);
        } else if (data[0] == 'b') {
                seal(text, size - 1, &records);
                check(records.bytes, records.n);
        }
        return 0;
}
