/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Named places where a test ends this process as a power cut would: no clean-up, no flush. In a
 * daemon nobody crashes the pointer is NULL and every place is nothing. Loop thread.
 */
#pragma once

#include "base/util.h"

enum crash_place {
        CRASH_STORE_WRITTEN, /* bytes appended, not synced */
        CRASH_STORE_SYNCED,  /* appended and durable */
        CRASH_STORE_TEMP,    /* temporary file written, not synced */
        CRASH_STORE_TEMP_SYNCED,
        CRASH_STORE_RENAMED, /* renamed, directory not synced */
        CRASH_STORE_REPLACED,
        CRASH_JOB_PLANNED,
        CRASH_INTENT_DURABLE,
        CRASH_RUN_SENT,
        CRASH_STEP_DONE, /* after each step that the backend reports */
        CRASH_RUN_ENDED, /* facts read back, nothing judged yet */
        CRASH_ROUND_ENDED,
        CRASH_UNDO_SENT,
        CRASH_UNDO_ENDED,
        CRASH_VERIFIED,
        CRASH_COMMITTED,
        CRASH_APPLY_BEGUN, /* an Apply's checkpoint is durable, no job has begun */
        CRASH_APPLY_ENDED, /* its jobs have, nothing is recorded of it */
        CRASH_CONFIRMED,
        CRASH_REVERT_BEGUN,
        CRASH_REVERT_ENDED,
        CRASH_RECOVERY_READ, /* the journal is read, nothing looked at */
        CRASH_RECOVERY_DECIDED,
        CRASH_RECOVERY_ENDED,
        CRASH_LEASE_RESERVED, /* the book says preparing, the job has not begun */
        CRASH_LEASE_PREPARED, /* the job has ended, the book does not say leased */
        CRASH_LEASE_GIVEN,    /* the book says leased, nobody was told */
        CRASH_LEASE_ENDING,   /* the book says scrubbing, the job has not begun */
        CRASH_LEASE_SCRUBBED, /* the VF is clean, the lease is still in the book */
        CRASH_PLACE_MAX,
};

struct crash {
        enum crash_place place;
        unsigned after; /* so many times it goes by */
        void (*fn)(void *userdata);
        void *userdata;
        unsigned *passed; /* how often it went by each place, for a harness; NULL: nobody counts */
};

const char *crash_place_name(enum crash_place place); /* "intent-durable" */
enum crash_place crash_place_from_name(const char *name);

/* "NAME" or "NAME:COUNT"; the default fn sends SIGKILL to this process. */
int crash_parse(const char *text, struct crash *ret);

/* Here. crash may be NULL. */
void crash_at(struct crash *crash, enum crash_place place);
