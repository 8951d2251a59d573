/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What somebody asks of one PF, as a value that travels with its job. Pure, any thread.
 */
#pragma once

#include "model/facts.h"

enum request_kind {
        REQUEST_SET_NUMVFS,    /* count; driver: what all of them are for, "none": leave unbound */
        REQUEST_SET_ATTRS,     /* vf, attrs */
        REQUEST_BIND,          /* vf, driver */
        REQUEST_UNBIND,        /* vf */
        REQUEST_RESET,         /* vf: function-level reset, then every attribute to the baseline */
        REQUEST_SET_AUTOPROBE, /* count: 0 or 1 */
        REQUEST_LEASE, /* vf, attrs, driver ("": stays), uid: made ready for whoever leased it */
        REQUEST_SCRUB, /* vf, attrs (what it had at birth), driver ("none": unbound), override:
                          reset, made as it was, access revoked */
        REQUEST_APPLY, /* a wish, which travels beside it: see model/desired.h */
        REQUEST_MAX,
};

struct request {
        enum request_kind kind;
        uint32_t vf; /* NO_VF for requests on the PF itself */
        uint32_t count;
        bool replace; /* count N to M: may destroy all VFs that nobody uses */
        bool force;   /* may harm whoever holds a VF: needs its own authorisation */
        bool shared;  /* vfio also in a group that others are in too: needs its own authorisation */
        uint32_t uid; /* REQUEST_LEASE: who may open the vfio group */
        struct vf_attrs attrs;
        char driver[DRIVER_MAX];
        char override[DRIVER_MAX]; /* REQUEST_SCRUB: driver_override to leave behind; "" none */
};

/* "set_numvfs", as Job.Kind shows it. */
const char *request_kind_name(enum request_kind kind);

/* For people: "create 8 VFs", "bind VF 3 to vfio-pci". */
void request_describe(const struct request *r, char *buf, size_t size);

/*
 * What is wrong with the request whatever the hardware: ranges, driver names and the allow-list,
 * combinations. FAULT_INVALID_ARGS or FAULT_DRIVER_NOT_ALLOWED with the value and what is allowed.
 */
int request_check(const struct request *r, struct fault *f);

/* What a request endangers decides which polkit action it needs. */
enum risk {
        RISK_LEASE,     /* org.sriovd1.lease: have a free VF for oneself, and give it back */
        RISK_CONFIGURE, /* org.sriovd1.configure */
        RISK_BIND,      /* org.sriovd1.bind-driver */
        RISK_RELAX,     /* org.sriovd1.relax-isolation: trust on, spoofchk off, a shared group */
        RISK_DISRUPT,   /* org.sriovd1.disrupt-in-use: force */
        RISK_MAX,
};
enum risk request_risk(const struct request *r);

/* The drivers a VF may be bound to by name; NULL-terminated. */
extern const char *const request_drivers[];

/* Is it one of them: FAULT_INVALID_ARGS or FAULT_DRIVER_NOT_ALLOWED. */
int driver_check(const char *name, struct fault *f);
