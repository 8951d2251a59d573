/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What leases.c (the book), leases_acquire.c, leases_scrub.c and leases_owner.c share; nobody else
 * includes it. Loop thread. */
#pragma once

#include "daemon/leases.h"

/* Somebody who asked for a VF and has not been told yet. */
struct acquisition {
        lease_acquired_fn fn;
        void *userdata;
        struct lease_selector selector;
        struct lease wanted; /* the owner's part, and what is to be different */
        int pidfd;           /* -1: none */
        char client[64];     /* unique bus name; "" none */
        struct dev_id pf;    /* the VF that was tried last, */
        uint32_t vf;         /* NO_VF: none was */
        unsigned tries;
};

/* Somebody who waits for the end of a lease. */
struct waiter {
        job_done_fn fn;
        void *userdata;
};

/* What a lease needs while this daemon lives, besides its entry in the book. */
struct held {
        struct leases *leases;
        uint64_t id;
        uint32_t job;        /* that prepares or scrubs it; 0: none */
        bool gone;           /* its VF went away while the job ran: what came in its place may have
                                got the rest of the steps */
        uint64_t retry_usec; /* when it is tried again; 0: nothing is to be tried */
        struct acquisition *asked; /* NULL: nobody waits for it to be ready */
        struct waiter *waiters;
        size_t n_waiters, capacity;
        int pidfd;
        sd_event_source *watch;
        bool said;                   /* others know of it, */
        enum lease_state said_state; /* in this state, */
        uint64_t said_why;           /* and why (its hash) */
};

struct leases {
        sd_event *event;
        struct leases_config c;
        const struct leases_events *events;
        void *userdata;
        struct lease_book book;
        struct held **held; /* of each in the book, in its order */
        size_t n, capacity;
        sd_event_source *retry;
        bool started;
        bool unsaved; /* the book is not as on the disk */
        bool failing; /* ... and nobody needs to be told again */
        bool lost;    /* the book could not be read */
};

/* --- leases.c -----------------------------------------------------------------------------------
 */

struct held *held_of(const struct leases *l, uint64_t id);
struct held *held_add(struct leases *l, uint64_t id);

/*
 * The lease goes on to its next state, and out of the book when that is free. Nothing is written
 * and nobody told before leases_save(), but of its end, which is told at once. -EINVAL: makes no
 * sense in its state, nothing changes.
 */
int leases_step(struct leases *l, uint64_t id, enum lease_event event, const char *why);

/* Out of the book, its waiters told this. */
void leases_end(struct leases *l, uint64_t id, const struct fault *f);

/* Writes the book, then tells others what is different. Negative: it is not on the disk. */
int leases_save(struct leases *l, struct fault *f);

/* The readings of its VF, if it is there and still the same card's. */
const struct vf_facts *leases_vf(
        const struct leases *l, const struct lease *lease, const struct pf_entry **ret_pf);

/* The VF is not there any more: the lease ends, or when its job does. */
void leases_gone(struct leases *l, struct held *held);

/* At the end of its job: did the lease end with its VF? */
bool leases_ended_with_vf(struct leases *l, struct held *held);

/* Tells all who wait for the end of this lease. */
void held_tell(struct held *held, const struct fault *f);

/* --- leases_acquire.c ---------------------------------------------------------------------------
 */

void acquisition_free(struct acquisition *a);

/* Frees the acquisition, after telling. */
void acquisition_end(struct acquisition *a, const struct lease *lease, const struct fault *f);

/* Reserves the next VF and begins to prepare it. The acquisition is moved on success only. */
int acquisition_next(struct leases *l, struct acquisition *a, struct fault *f);

/* --- leases_prepare.c ---------------------------------------------------------------------------
 */

/* What its job is asked to do. */
void lease_request(const struct lease *lease, struct request *ret);

/* Begins the job that makes the VF ready. Not saved. */
int leases_prepare(struct leases *l, struct held *held, struct fault *f);

/* --- leases_scrub.c -----------------------------------------------------------------------------
 */

/* Of a dirty lease without a job: begins its scrub now, or notes when it is tried again. Not
 * saved. */
void leases_scrub(struct leases *l, struct held *held);

/* The lease ends as if by its owner. Not saved. */
void leases_drop(struct leases *l, struct held *held);

/* What went wrong with the moment, not with the VF. */
bool leases_may_pass(const struct fault *f);

/* It is tried again, after a pause that grows: 1 s, 2 s, 4 s ... 5 s while it is held, else 1 min.
 * f: why not now. */
void leases_pause(struct leases *l, struct held *held, const struct fault *f);

/* Something is to be tried at held->retry_usec. */
void leases_arm(struct leases *l);
int leases_add_timer(struct leases *l);

/* --- leases_owner.c -----------------------------------------------------------------------------
 */

/* The pid that a pidfd stands for. FAULT_INVALID_ARGS: it is no pidfd, or its process is dead. */
int owner_pid(int pidfd, int32_t *ret, struct fault *f);

/* Its process is watched from here on; pidfd is moved. Also handed to systemd, so that it outlives
 * this daemon. */
int owner_watch(struct held *held, int pidfd);
void owner_unwatch(struct held *held);

/* At the start: the pidfds that systemd kept, and what can be told without them. */
void owner_recover(struct leases *l);
