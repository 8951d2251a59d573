/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing what is in force: Plan, Apply, Confirm, Rollback, Save, and what the start of the daemon
 * makes of an earlier life's Apply. It owns the configuration. One Apply at a time. Loop thread.
 *
 *   files -> conf -> resolved -> previewed -> checkpoint on disk -> in force -> a job for each PF
 *         -> checkpoint again -> reply
 *
 * Nothing is in force, and nothing touched, before the checkpoint is on the disk.
 */
#pragma once

#include "config/rivals.h"
#include "daemon/preview.h"
#include "daemon/reconcile.h"

enum conf_state { CONF_NONE, CONF_LOADED, CONF_REFUSED, CONF_STATE_MAX };

/* "none", "loaded", "refused". */
const char *conf_state_name(enum conf_state state);

struct apply;

struct apply_events {
        void (*changed)(void *userdata); /* something of apply_view() */
};

/* What others may read. */
struct apply_view {
        enum conf_state state;
        char text[FAULT_TEXT_MAX]; /* why it was refused */
        uint64_t deadline_usec;    /* CLOCK_BOOTTIME; 0: no Apply waits for its confirmation */
};

/* dirs: NULL-terminated, copied by pointer: live as long as the apply. */
struct apply_config {
        const char *const *dirs;
        struct backend_client *backend;
        struct jobs *jobs;
        const struct state *state;
        struct ledger *ledger;
};

int apply_new(sd_event *event, const struct apply_config *config, const struct apply_events *events,
        void *userdata, struct apply **ret);
void apply_free(struct apply *a);
DEFINE_CLEANUP(struct apply *, apply_free)

/* What reconcile looks at; good for the apply's life, with contents that change. */
const struct conf *apply_conf(const struct apply *a);

/* Wired after both are there. */
void apply_set_reconcile(struct apply *a, struct reconcile *reconcile);

/* Who else manages our PFs: warnings of plans. They are the caller's, and live as long. */
void apply_set_rivals(struct apply *a, const struct rivals *rivals);

/* Everything there was at the start has been looked at: goes on with what an earlier life began. */
void apply_start(struct apply *a);

/* Other PFs, or PFs by other names, than when the configuration was resolved. */
void apply_resolve(struct apply *a);

const struct apply_view *apply_view(const struct apply *a);

/* json: NULL when f says why it failed. */
typedef void (*apply_fn)(void *userdata, const char *json, const struct fault *f);

/*
 * What applying would do; files: none means the directories. fn as of preview_begin(); *ret may be
 * handed to apply_forget() until then.
 */
struct apply_call;
int apply_plan(struct apply *a, const struct config_files *files, apply_fn fn, void *userdata,
        struct apply_call **ret, struct fault *f);

struct apply_options {
        bool has_confirm;
        uint32_t confirm; /* seconds, CONFIRM_MIN to CONFIRM_MAX */
        bool has_hash;
        uint64_t hash; /* of the plan that was agreed to */
        const char *client;
        uint32_t uid;
};

/* FAULT_INVALID_ARGS (the configuration, with its place), FAULT_PLAN_CHANGED, FAULT_BUSY (another
 * Apply), FAULT_NOT_DURABLE. */
int apply_begin(struct apply *a, const struct config_files *files,
        const struct apply_options *options, apply_fn fn, void *userdata, struct apply_call **ret,
        struct fault *f);

/* Takes back the Apply that waits for its confirmation, else the last one: FAULT_NOT_FOUND,
 * FAULT_BUSY. */
int apply_rollback(struct apply *a, const char *client, uint32_t uid, apply_fn fn, void *userdata,
        struct apply_call **ret, struct fault *f);

/* The caller is gone: what has begun goes on. */
void apply_forget(struct apply_call *call);

/* A job hangs in the kernel, or has begun to wait for one that may: an Apply ends without them. */
void apply_look_stuck(struct apply *a);

/* FAULT_NOT_FOUND: nothing waits. */
int apply_confirm(struct apply *a, struct fault *f);

/* The PFs as they are, as a configuration. The caller frees. */
int apply_save(const struct apply *a, char **ret, struct fault *f);

/* The most dangerous thing that these files wish for. */
int apply_judge(struct apply *a, const struct config_files *files, enum risk *ret, struct fault *f);
