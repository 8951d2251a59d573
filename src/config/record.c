/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records to bytes and back. Any thread; what takes a store, the loop thread. */
#include <endian.h>
#include <stdio.h>

#include "base/crc32c.h"
#include "config/record.h"

static const char magic[4] = {'s', 'r', 'v', 'j'};

enum {
        AT_VERSION = 4,
        AT_TYPE = 6,
        AT_LENGTH = 8,
        AT_DATA_CRC = 12,
        AT_SEQUENCE = 16,
        AT_BOOT_ID = 24,
        AT_CRC = 64,
};

static void put16(char *to, uint16_t v)
{
        v = htole16(v);
        memcpy(to, &v, sizeof(v));
}

static void put32(char *to, uint32_t v)
{
        v = htole32(v);
        memcpy(to, &v, sizeof(v));
}

static void put64(char *to, uint64_t v)
{
        v = htole64(v);
        memcpy(to, &v, sizeof(v));
}

static uint16_t get16(const char *from)
{
        uint16_t v;

        memcpy(&v, from, sizeof(v));
        return le16toh(v);
}

static uint32_t get32(const char *from)
{
        uint32_t v;

        memcpy(&v, from, sizeof(v));
        return le32toh(v);
}

static uint64_t get64(const char *from)
{
        uint64_t v;

        memcpy(&v, from, sizeof(v));
        return le64toh(v);
}

void records_done(struct records *records)
{
        free(records->bytes);
        *records = (struct records){0};
}

int records_add(struct records *records, const struct record *record)
{
        size_t boot_n = strnlen(record->boot_id, BOOT_ID_MAX);
        char *p;

        if (boot_n == BOOT_ID_MAX || record->type > UINT16_MAX)
                return -EINVAL;
        if (record->n > RECORD_DATA_MAX)
                return -EFBIG;
        p = realloc(records->bytes, records->n + RECORD_HEADER + record->n);
        if (!p)
                return -ENOMEM;
        records->bytes = p;
        p += records->n;
        memset(p, 0, RECORD_HEADER);
        memcpy(p, magic, sizeof(magic));
        put16(p + AT_VERSION, RECORD_VERSION);
        put16(p + AT_TYPE, (uint16_t) record->type);
        put32(p + AT_LENGTH, (uint32_t) record->n);
        put32(p + AT_DATA_CRC, crc32c(0, record->data, record->n));
        put64(p + AT_SEQUENCE, record->sequence);
        memcpy(p + AT_BOOT_ID, record->boot_id, boot_n);
        put32(p + AT_CRC, crc32c(0, p, AT_CRC));
        if (record->n > 0)
                memcpy(p + RECORD_HEADER, record->data, record->n);
        records->n += RECORD_HEADER + record->n;
        return 0;
}

static bool all_zeros(const char *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (p[i] != '\0')
                        return false;
        return true;
}

static bool begins_a_record(const char *p, size_t n)
{
        if (memcmp(p, magic, n < sizeof(magic) ? n : sizeof(magic)) != 0)
                return false;
        return n < AT_TYPE || get16(p + AT_VERSION) == RECORD_VERSION;
}

enum record_found record_read(const void *bytes, size_t n, size_t *at, struct record *ret)
{
        size_t left = n - *at, length;
        const char *p;

        if (left == 0)
                return RECORD_END; /* and bytes may be NULL */
        p = (const char *) bytes + *at;
        if (all_zeros(p, left))
                return RECORD_TORN;
        if (!begins_a_record(p, left))
                return RECORD_BAD;
        if (left < RECORD_HEADER)
                return RECORD_TORN;
        length = get32(p + AT_LENGTH);
        if (get32(p + AT_CRC) != crc32c(0, p, AT_CRC) || length > RECORD_DATA_MAX ||
                p[AT_CRC - 1] != '\0')
                return RECORD_BAD;
        if (left - RECORD_HEADER < length)
                return RECORD_TORN;
        if (get32(p + AT_DATA_CRC) != crc32c(0, p + RECORD_HEADER, length))
                return RECORD_BAD;
        *ret = (struct record){.type = get16(p + AT_TYPE), .sequence = get64(p + AT_SEQUENCE)};
        memcpy(ret->boot_id, p + AT_BOOT_ID, BOOT_ID_MAX);
        ret->data = p + RECORD_HEADER;
        ret->n = length;
        *at += RECORD_HEADER + length;
        return RECORD_GOOD;
}

int records_set_aside(struct store *store, const char *name, const void *bytes, size_t n)
{
        for (unsigned i = 1; i <= 9; i++) {
                _cleanup_(freep) char *there = NULL;
                char number[2] = {i > 1 ? (char) ('0' + i) : '\0', '\0'}, bad[128];
                size_t n_there;
                int r;

                r = snprintf(bad, sizeof(bad), "%s.bad%s", name, number);
                if (r < 0 || (size_t) r >= sizeof(bad))
                        return -ENAMETOOLONG;
                r = store_read(store, bad, RECORD_FILE_MAX, &there, &n_there);
                if (r == -ENOENT)
                        return store_replace(store, bad, bytes, n);
                if (r < 0 && r != -EFBIG)
                        return r;
                if (r == 0 && n_there == n && memcmp(there, bytes, n) == 0)
                        return 0;
        }
        return -EEXIST;
}
