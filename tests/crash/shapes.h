/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transactions that are cut off, and what may become of each. Values. */
#pragma once

#include "model/request.h"
#include "world.h"

enum deed {
        DEED_BOOT,     /* the configuration is there when the daemon starts */
        DEED_APPLY,    /* new_config; not confirmed, if that was asked for: its time passes */
        DEED_CONFIRM,  /* Apply, then Confirm */
        DEED_ROLLBACK, /* of an Apply of new_config that was finished before */
        DEED_DRIFT,    /* somebody else changes something */
        DEED_REQUEST,
        DEED_ACQUIRE, /* `request` is the lease; persistent */
        DEED_CLIENT,  /* the same for a connection to the bus, which outlives the daemon */
        DEED_OWNER,   /* the same for one that the next life does not find */
        DEED_RELEASE, /* of such a lease that was acquired before; persistent */
};

enum { OLD = 1, NEW = 2, REPORTED = 4 };

/* What is allowed to come out; `after` once the place was passed. */
struct expectation {
        unsigned allowed;
        enum crash_place place; /* CRASH_STORE_WRITTEN: no such place */
        unsigned after;
};

struct shape {
        const char *name, *about;
        enum deed deed;
        const char *old_config, *new_config; /* NULL none; ' for " */
        bool given;                          /* new_config comes with the Apply */
        uint32_t confirm;
        struct request request;             /* to PF_ICE; REQUEST_LEASE: what is to be leased */
        void (*arrange)(struct machine *m); /* once, before the deed */
        void (*meddle)(struct machine *m);  /* DEED_DRIFT; machine locked, as in arrange */
        const char *faults[2];              /* of PF_ICE, in every boot */
        bool keeps;                         /* no VF is made or destroyed */
        struct expectation life;            /* in the same boot */
        struct expectation boot;            /* after power loss; OLD, NEW: as boot_* lead to */
        const char *boot_old, *boot_new;
};

extern const struct shape shapes[];
extern const size_t n_shapes;

const struct shape *shape_find(const char *name);

static inline bool shape_leases(const struct shape *shape)
{
        return shape->request.kind == REQUEST_LEASE;
}

/* A restart of the daemon takes the lease back that was not ready yet. */
static inline bool shape_leases_by_bus(const struct shape *shape)
{
        return shape->deed == DEED_CLIENT || shape->deed == DEED_OWNER;
}
