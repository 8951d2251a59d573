/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of one PF: what was about to be done to it, so that the next life knows what a
 * half-done hardware means. A file of records (config/record.h) with payloads of JSON, appended and
 * synced before the deed. Loop thread.
 *
 *   INTENT  before the first write: where it comes from, the PF as it was, and as it shall be
 *   COMMIT  it is so, read back; `applied` is the hash of the wish that it was made to be
 *   ABORT   it is as it was before, or reported
 *
 * The truth is the hardware: a record says what observing can not tell. A torn or damaged tail ends
 * the journal there; so does a record of another version. What was torn was never durable, nothing
 * was done on its word, and it is cut off. What is there and can not be read is never destroyed:
 * before a file with it is written over, the whole file is set aside as NAME.bad, NAME.bad2, up to
 * NAME.bad9.
 */
#pragma once

#include "base/store.h"
#include "config/config.h"
#include "config/record.h"

enum txn_type { TXN_INTENT, TXN_COMMIT, TXN_ABORT, TXN_TYPE_MAX };

struct txn {
        enum txn_type type;
        uint64_t sequence; /* counts up by one over a journal's life, also across compaction */
        char boot_id[BOOT_ID_MAX];
        /* INTENT */
        char kind[WORD_MAX]; /* "apply", "set_numvfs": request_kind_name() */
        bool forward;        /* unfinished: go on to `wish`; else back to `old` */
        bool creates;        /* the plan writes sriov_numvfs */
        struct desired old;  /* with overrides */
        struct desired wish; /* n_vfs 0 and wants 0 when there is none: a request */
        /* COMMIT, and the INTENT of an apply: config_write()'s text hashed; 0 none */
        uint64_t applied;
        char text[FAULT_TEXT_MAX]; /* ABORT: why */
};

void txn_done(struct txn *txn);

/* What the last life left. */
struct journal_state {
        uint64_t sequence; /* of the last good record; 0: none */
        bool open;         /* intent is unfinished */
        struct txn intent; /* the last INTENT, if open */
        uint64_t applied;  /* of the last COMMIT of this boot; 0 none */
        bool damaged;      /* something behind the last good record was cut off */
};

void journal_state_done(struct journal_state *s);

/* The file of a PF: "pci_0000_3b_00_0.jrnl". */
void journal_name(const struct dev_id *pf, char *buf, size_t size);

/* One record as bytes; sequence and boot_id are taken from txn. -EINVAL: sequence 0, or text that
 * is none; -EFBIG: the wishes are above RECORD_DATA_MAX. */
int journal_encode(const struct txn *txn, char **ret, size_t *ret_n);

/*
 * Reads records until the end or the first that is not good. boot_id: of this boot; `applied`
 * counts for the same boot alone, an open intent of another boot is returned too (its boot_id
 * tells).
 */
int journal_decode(const void *data, size_t n, const char *boot_id, struct journal_state *ret);

/* No file is an empty state. */
int journal_read(struct store *store, const struct dev_id *pf, const char *boot_id,
        struct journal_state *ret);

/*
 * Appends; compacts to the last records that still matter when the file is above 64 KiB or damaged
 * (damaged: always). -EINVAL when the sequence does not go up, and for an intent that could not be
 * read back; -EEXIST when a damaged file can not be set aside because there are nine already.
 */
int journal_write(struct store *store, const struct dev_id *pf, const struct txn *txn);

/*
 * What an Apply leaves behind: what came with it and is in force until the next boot, whether it
 * waits for its confirmation, and the way back. One file, "checkpoint", in the same record format,
 * replaced as a whole: each transition is one atomic write.
 */
#define CHECKPOINT_NAME    "checkpoint"
#define CHECKPOINT_RECORDS 16u /* types of its records from here on */

struct checkpoint {
        char boot_id[BOOT_ID_MAX];
        bool pending; /* not confirmed: to be taken back at the deadline, or by the next boot */
        bool running; /* its jobs had not all ended: the next life takes a pending one back at once
                       */
        bool back;    /* it is being taken back: the next life goes on with that */
        uint64_t deadline_usec; /* CLOCK_BOOTTIME; meaningless in another boot */
        uint64_t refused_hash;  /* config_hash() of files in the directories that were not
                                   confirmed: `before` is in force in their place; 0 none */
        struct desired *old;    /* the PFs that it touched, as they were */
        size_t n_old;
        struct config_files before;  /* in force before it; path "": came with an Apply */
        struct config_files inforce; /* came with an Apply and is in force now */
};

void checkpoint_done(struct checkpoint *c);

/* A deep copy; -ENOMEM. */
int checkpoint_copy(const struct checkpoint *from, struct checkpoint *ret);
int checkpoint_encode(const struct checkpoint *c, char **ret, size_t *ret_n);
int checkpoint_decode(const void *data, size_t n, struct checkpoint *ret); /* -EBADMSG: damaged */
int checkpoint_read(struct store *store, struct checkpoint *ret);          /* the same; -ENOENT */

/* A damaged one that is there is set aside, as journals are. */
int checkpoint_write(struct store *store, const struct checkpoint *c);
