/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases: who has which VF for himself, for how long, and what becomes of it afterwards. Every VF
 * that is given away comes back through a scrub that was read back, or is kept from everybody. The
 * states are model/lease.h's; all that touches a VF is a job. Loop thread; works without a bus.
 *
 * The book of all leases is on the disk before the job that it announces begins, so that a new life
 * knows what may be half done.
 */
#pragma once

#include "daemon/conf.h"
#include "daemon/jobs.h"
#include "model/lease.h"

#define LEASES_PER_UID_MAX 256
#define LEASES_MAX         4096
#define LEASE_RETRY_USEC   1000000ull
#define LEASE_RETRY_MAX    (60 * 1000000ull)
#define LEASE_RETRY_HELD   (5 * 1000000ull) /* no event says that a vfio device was closed */

struct leases;

struct leases_events {
        void (*added)(void *userdata, const struct lease *lease);
        void (*changed)(void *userdata, const struct lease *lease); /* state or why */
        /* It has ended; its VF is free again or gone. */
        void (*removed)(void *userdata, const struct lease *lease);
};

struct leases_config {
        struct jobs *jobs;
        const struct state *state;
        const struct conf *conf; /* NULL: nothing is configured */
        struct ledger *ledger;   /* whose store and boot id are used */
};

/* Reads the book; nothing is done before leases_start(). */
int leases_new(sd_event *event, const struct leases_config *config,
        const struct leases_events *events, void *userdata, struct leases **ret);

/* Whoever waits is told Cancelled. The leases stay as they are, for the next life. */
void leases_free(struct leases *l);
DEFINE_CLEANUP(struct leases *, leases_free)

/* The hardware has been looked at: what an earlier life left half done goes on. */
void leases_start(struct leases *l);

/* What the state has learned: VFs that come and go, holders that let go. */
void leases_look(struct leases *l, const struct changes *changes);

/*
 * The job of a lease is about to write to its VF: what that goes back to is what was read just now,
 * and is on the disk when this returns 0. FAULT_NOT_DURABLE.
 */
int leases_note(struct leases *l, const struct pf_facts *pf, uint32_t vf, struct fault *f);

/* The backend is there (again): whatever waits to be scrubbed is tried now. */
void leases_kick(struct leases *l);

/* Whose it shall be and what of it is to be different while it is leased. */
struct lease_terms {
        enum lease_owner owner;
        const char *bus_name; /* of who asks; LEASE_OWNER_BUS: the owner. NULL: not by the bus */
        int pidfd;            /* LEASE_OWNER_PID: stays the caller's */
        uint32_t uid;
        const char *label;  /* NULL: none */
        const char *driver; /* NULL: stays */
        struct vf_attrs attrs;
};

/* lease: NULL unless f->code is FAULT_NONE. */
typedef void (*lease_acquired_fn)(void *userdata, const struct lease *lease, const struct fault *f);

/*
 * The first VF, by PF and index, that answers to the selector and can be had. fn is called exactly
 * once and never from inside, unless the call itself fails: NotFound (no VF matches), InUse or
 * another reason why none of those that match can be had, LimitsExceeded, NotDurable, Busy,
 * InvalidArgs.
 */
int leases_acquire(struct leases *l, const struct lease_selector *selector,
        const struct lease_terms *terms, lease_acquired_fn fn, void *userdata, struct fault *f);

/* Whoever asked with this userdata has left: what he would have got is given back. */
void leases_forget(struct leases *l, const void *userdata);

/*
 * The lease ends: access is revoked, the VF scrubbed. 0: fn is called once, later: when it is
 * scrubbed (FAULT_NONE), can not be yet (and is tried again), or is in quarantine. 1: there is
 * nothing to wait for, it has ended already. FAULT_NOT_FOUND: there never was such a lease. fn may
 * be NULL.
 */
int leases_release(struct leases *l, uint64_t id, job_done_fn fn, void *userdata, struct fault *f);

/* A VF in quarantine, or one that could not be scrubbed yet, is tried once more. As above. */
int leases_retry(struct leases *l, uint64_t id, job_done_fn fn, void *userdata, struct fault *f);

/* A connection has left the bus: its leases end. */
void leases_owner_died(struct leases *l, const char *bus_name);

const struct lease_book *leases_book(const struct leases *l);

/* LEASE_FREE without a lease. */
enum lease_state leases_state_of(const struct leases *l, const struct dev_id *pf, uint32_t vf);

/*
 * Adds those that have a VF of this PF leased (vf: NO_VF all) to a list that the caller owns, also
 * on failure: -ENOMEM.
 */
int leases_add_holders(const struct leases *l, const struct dev_id *pf, uint32_t vf,
        struct holder **list, size_t *n);
