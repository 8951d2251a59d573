/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this daemon writes down so that its next life knows: per PF the intent before the first
 * write and what became of it; and the checkpoint of the last Apply. Loop thread; writing waits for
 * the disk.
 *
 * When the disk fails nothing new is begun: ledger_intent() refuses, and everything can still be
 * looked at.
 */
#pragma once

#include "config/journal.h"

struct ledger;

/*
 * dir: the state directory. boot_id: of this boot; "" reads it from the kernel. A directory that
 * can not be had is no failure: then every intent is refused. crash may be NULL.
 */
int ledger_new(const char *dir, const char *boot_id, struct crash *crash, struct ledger **ret);

/* Over somebody's store, which is the ledger's from here on. */
int ledger_new_with(
        struct store *store, const char *boot_id, struct crash *crash, struct ledger **ret);
void ledger_free(struct ledger *ledger);
DEFINE_CLEANUP(struct ledger *, ledger_free)

const char *ledger_boot_id(const struct ledger *ledger);

/* The crash places of whoever writes here; NULL: none. */
struct crash *ledger_crash(const struct ledger *ledger);

/* Where it writes, for what else must survive; NULL: the disk can not be had. */
struct store *ledger_store(const struct ledger *ledger);

/* What is known of the PF; its journal is read at the first call. NULL: no memory. */
const struct journal_state *ledger_of(struct ledger *ledger, const struct dev_id *pf);

/*
 * Before the first write. txn: kind, forward, creates, old, wish, applied; the rest is filled in.
 * FAULT_NOT_DURABLE says what the disk said: then nothing may be begun.
 */
int ledger_intent(struct ledger *ledger, const struct dev_id *pf, struct txn *txn, struct fault *f);

/* It is so. applied: hash of the wish that the PF was made to be. Writes only what is news. */
void ledger_commit(struct ledger *ledger, const struct dev_id *pf, uint64_t applied);

/* It is not, and that was said to somebody. */
void ledger_abort(struct ledger *ledger, const struct dev_id *pf, const char *why);

/* Nobody can say what became of it (the backend is lost): it stays open, as after a crash. */
void ledger_leave(struct ledger *ledger, const struct dev_id *pf);

/* As read at the start or last set; its boot id may be another boot's. */
const struct checkpoint *ledger_checkpoint(const struct ledger *ledger);

/* Written first, then taken; ownership moves, also on failure. FAULT_NOT_DURABLE. */
int ledger_set_checkpoint(struct ledger *ledger, struct checkpoint *checkpoint, struct fault *f);
