/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a journal and a checkpoint are made of: records one behind the other, each a header and a
 * payload. Any thread; what takes a store, the loop thread.
 *
 *      0 magic "srvj"   4 version, 2 bytes    6 type, 2      8 length of the payload, 4
 *     12 CRC32C of the payload, 4            16 sequence, 8 24 boot id, 40, padded with NULs
 *     64 CRC32C of bytes 0 to 63, 4          68 payload
 *
 * Numbers are little-endian. The header has a CRC of its own so that its length can be believed,
 * which tells a record that was cut off from one that was damaged.
 */
#pragma once

#include "base/store.h"

#define BOOT_ID_MAX     40
#define RECORD_HEADER   68u
#define RECORD_VERSION  1u
#define RECORD_DATA_MAX (8u * 1024u * 1024u)
#define RECORD_FILE_MAX (32u * 1024u * 1024u)

struct record {
        unsigned type;
        uint64_t sequence;
        char boot_id[BOOT_ID_MAX];
        const char *data; /* belongs to the buffer it was read from */
        size_t n;
};

enum record_found {
        RECORD_GOOD,
        RECORD_END,  /* nothing more */
        RECORD_TORN, /* the beginning of a record, or zeros: what a crash leaves of an append */
        RECORD_BAD,  /* anything else, also another version: somebody may want to see it */
};

/* Grows by whole records. */
struct records {
        char *bytes;
        size_t n;
};

void records_done(struct records *records);

/* -EFBIG: data too long. -EINVAL: boot id not terminated. -ENOMEM. */
int records_add(struct records *records, const struct record *record);

/* The record at *at, and moves *at behind it when it is good. */
enum record_found record_read(const void *bytes, size_t n, size_t *at, struct record *ret);

/*
 * Keeps bytes that can not be read as NAME.bad, or NAME.bad2 and so on; nothing to do when one of
 * these is the same. -EEXIST when there are nine.
 */
int records_set_aside(struct store *store, const char *name, const void *bytes, size_t n);
