/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The book of leases on disk: one file of records (config/record.h), replaced as a whole, so that
 * each change is one atomic write. A head, which says the last id and how many leases follow, then
 * each lease as JSON, in the order of ids. Good together or not at all. Loop thread.
 *
 * When the book can not be read nobody knows any more who has what. The file is kept as leases.bad;
 * the daemon goes on with an empty book in which lease_book_skip_ids() has set ids beyond all that
 * were ever given, and an empty book does not mean that every VF is clean: what was leased has to
 * be looked for in the readings (an open vfio device, a group that was given to a uid) and nothing
 * may be given before it was scrubbed.
 */
#pragma once

#include "base/store.h"
#include "model/lease.h"

#define LEASEBOOK_NAME    "leases"
#define LEASEBOOK_RECORDS 32u /* types of its records from here on */

/*
 * -EINVAL: a lease that lease_check() refuses, or a book that could not be read back. -EFBIG.
 * -ENOMEM. What is not printable in `why` is written escaped.
 */
int leasebook_encode(const struct lease_book *book, char **ret, size_t *ret_n);

/*
 * -EBADMSG: anything but a whole book: damaged, cut off, unknown or missing keys, a VF twice, ids
 * that do not go up or are above the last one. -ENOMEM.
 */
int leasebook_decode(const void *data, size_t n, struct lease_book *ret);

/*
 * -ENOENT: there is none. -EBADMSG: it can not be read and is kept as leases.bad, so that it may be
 * written over; any other: it could not even be kept.
 */
int leasebook_read(struct store *store, struct lease_book *ret);

/* Durable when it returns 0; else the old one is there. */
int leasebook_write(struct store *store, const struct lease_book *book);
