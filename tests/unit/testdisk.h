/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk in memory for struct store, which forgets what was not synced, fills up or breaks. The
 * memory is shared: it survives fork(), and SIGKILL of the child at a crash place. One process at a
 * time works on it.
 *
 *      struct testdisk *disk = testdisk_new();
 *      store_new(&testdisk_ops, disk, crash, &store);   in a child, which crashes
 *      testdisk_killed(disk);                           nothing is lost but its open files
 *      testdisk_power_loss(disk, seed);                 or: the page cache is
 *      store_new(&testdisk_ops, disk, NULL, &store);    the next life
 */
#pragma once

#include "base/store.h"

#define TESTDISK_FILES    64u
#define TESTDISK_FILE_MAX (128u * 1024u) /* a write beyond: -ENOSPC */

struct testdisk;

extern const struct store_ops testdisk_ops;

/* Empty; ends the process when there is no memory. */
struct testdisk *testdisk_new(void);
void testdisk_free(struct testdisk *disk);
DEFINE_CLEANUP(struct testdisk *, testdisk_free)

/* A second disk in the very same state, unsynced data included. */
struct testdisk *testdisk_clone(const struct testdisk *disk);

/* The process that had files open is dead. */
void testdisk_killed(struct testdisk *disk);

/*
 * The power goes, and comes back. A file is as it was synced, with the first of the writes and
 * truncations since, the last of those cut at any byte: so a file that was created and never synced
 * may be empty. A creation, rename or removal that no sync of the directory followed has happened
 * or not, each for itself. The seed decides.
 */
void testdisk_power_loss(struct testdisk *disk, uint64_t seed);

enum testdisk_call {
        DISK_OPEN,
        DISK_OPEN_DIR,
        DISK_READ,
        DISK_WRITE,
        DISK_SIZE,
        DISK_TRUNCATE,
        DISK_SYNC, /* of files and of the directory */
        DISK_RENAME,
        DISK_REMOVE,
        DISK_LIST,
        DISK_CALL_MAX,
};

#define DISK_SHORT  0 /* as the error of a write: it writes half, and says so */
#define DISK_ALWAYS UINT32_MAX

/*
 * The nth call from now (1: the next) and `times` - 1 more after it fail with -error. A failed sync
 * of a file loses what it should have written, as Linux does: it still reads as written, a later
 * sync returns 0, and power loss shows that it was not. A failed write has written nothing.
 */
void testdisk_fail(
        struct testdisk *disk, enum testdisk_call call, uint32_t nth, int error, uint32_t times);
void testdisk_heal(struct testdisk *disk); /* no more failures */

/* How many such calls there were: what to count `nth` up to. */
uint32_t testdisk_calls(const struct testdisk *disk, enum testdisk_call call);
