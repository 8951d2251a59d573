/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What apply.c (forward) and apply_back.c (checkpoints and the way back) share; nobody else
 * includes it. Loop thread. */
#pragma once

#include "daemon/apply.h"
#include "model/desired_recover.h"

struct apply {
        sd_event *event;
        const char *const *dirs;
        struct backend_client *backend;
        struct jobs *jobs;
        const struct state *state;
        struct ledger *ledger;
        struct reconcile *reconcile;
        const struct rivals *rivals; /* may be NULL */
        const struct apply_events *events;
        void *userdata;
        struct conf conf;     /* in force */
        bool started;         /* what an earlier life began has been looked after */
        bool resolve_refused; /* CONF_REFUSED is because of the PFs, not of the files */
        struct apply_view view;
        struct apply_call *calls;   /* all */
        struct apply_call *running; /* the one that changes things; NULL none */
        struct apply_slot *strays;  /* of calls that have ended without them */
        sd_event_source *deadline;
};

/* One Plan, Apply or Rollback. */
struct apply_call {
        struct apply *apply;
        struct apply_call *next;
        apply_fn fn; /* NULL: nobody waits */
        void *userdata;
        struct preview *preview; /* under way */
        struct conf conf;        /* what shall be in force */
        struct report report;
        bool given; /* files came with it */
        bool back;  /* a rollback */
        uint32_t confirm;
        bool has_hash;
        uint64_t hash;
        char client[64];
        uint32_t uid;
        struct apply_slot **slots; /* of the PFs in the report; NULL: ended */
        size_t n_open;             /* those that have not, and one while they are begun */
};

/* A PF of a call, for its job's callback; it lives until the job has ended. */
struct apply_slot {
        struct apply_call *call; /* NULL: nobody waits for it any more, it is stuck */
        size_t at;
        struct apply *apply; /* without a call: */
        struct apply_slot *next;
};

/* One for each PF of the report. -ENOMEM. */
int apply_slots_new(struct apply_call *call);

/* The end of a PF's job (job_done_fn); userdata is its slot. */
void apply_slot_ended(void *userdata, const struct fault *f);

/* All jobs are begun: each PF has its own, the rest is left to reconcile again. */
void apply_let_go(struct apply *a);

/* There was no job: r is what kept it from being submitted. */
void apply_slot_failed(struct apply_slot *slot, int r, const struct fault *f);
struct apply_call *apply_call_new(struct apply *a, apply_fn fn, void *userdata);
void apply_call_free(struct apply_call *call);

/* Answers and frees. */
void apply_call_end(struct apply_call *call, const struct fault *f);
void apply_call_one_ended(struct apply_call *call);

void apply_show(struct apply *a, enum conf_state state, const char *text);

/* conf moves. */
void apply_in_force(struct apply *a, struct conf *conf);
int apply_refuse_second(const struct apply *a, struct fault *f);

/* --- apply_back.c -------------------------------------------------------------------------------
 */

/* Before the first job: what is in force and the way back, on the disk. */
int apply_checkpoint(struct apply_call *call, struct fault *f);

/* CLOCK_BOOTTIME. */
uint64_t apply_boottime_usec(void);

/* 0: none waits. */
void apply_set_deadline(struct apply *a, uint64_t usec);

/* A list as a checkpoint has it: files of directories have a path, given ones have none. Appends.
 */
int apply_split_files(
        const struct config_files *all, struct config_files *dirs, struct config_files *given);

/* A rollback that nobody asked for; why it comes is logged. */
void apply_back_by_itself(struct apply *a, const char *why);

/* Why files in the directories are not in force. */
extern const char apply_refused_text[];

/* After the last job: the clock for the confirmation starts, or the way back has been gone. */
void apply_settle(struct apply_call *call);
