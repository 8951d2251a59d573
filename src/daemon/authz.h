/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * May the sender of this message do this? The bus says which uid the sender has; uid 0 and the
 * daemon's own uid may do everything, everybody else what polkit allows to the bus name (never to a
 * pid). Whatever goes wrong on the way is a no. Loop thread, asynchronous.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "model/request.h"

#define AUTHZ_PER_UID_MAX 4    /* questions to polkit in flight */
#define AUTHZ_MAX         64   /* the same, of all uids */
#define AUTHZ_UIDS_MAX    1024 /* senders whose uid is being asked for */

struct authz;
struct authz_check;

/* bus is referenced. */
int authz_new(sd_bus *bus, struct authz **ret);

/* Whoever has checks under way has cancelled them before. */
void authz_free(struct authz *authz);
DEFINE_CLEANUP(struct authz *, authz_free)

/* "org.sriovd1.configure". */
const char *authz_action(enum risk risk);

/* What the rules of a site may look at (polkit details). */
struct authz_question {
        enum risk risk;
        const char *pf;        /* PCI address */
        uint32_t vf;           /* NO_VF: none */
        const char *operation; /* request_kind_name() */
        bool anybody;          /* the call will do nothing: it needs no permission */
        uint32_t owner;        /* this uid needs none: it is about what it has. 0: only root */
};

/* f->code FAULT_NONE: yes; else FAULT_NOT_AUTHORIZED, FAULT_AUTH_REQUIRED or FAULT_LIMITS. */
typedef void (*authz_fn)(void *userdata, uint32_t uid, const struct fault *f);

/*
 * fn is called exactly once, never from inside, unless the call itself fails or the check is
 * cancelled. *ret is good until then. m: whose sender is asked about, and whether the caller allows
 * interaction.
 */
int authz_begin(struct authz *authz, sd_bus_message *m, const struct authz_question *question,
        authz_fn fn, void *userdata, struct authz_check **ret, struct fault *f);

/* The sender is gone or the daemon stops: polkit's dialogue is taken away too. */
void authz_cancel(struct authz_check *check);
