/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a command failed: text for people, a name and an exit status for programs. Loop thread. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/fault.h"

enum exit_status {
        EXIT_DONE = 0,
        EXIT_ERROR = 1,
        EXIT_CHANGES = 2,   /* `plan`: something is not as the files say */
        EXIT_SHARED = 2,    /* `check`: only with --shared-group */
        EXIT_REFUSED = 3,   /* in use, not permitted, needs --replace or --yes, another plan */
        EXIT_NO_DAEMON = 4, /* sriovd is not on the bus, or there is no bus */
};

struct failure {
        enum exit_status status;
        char name[64]; /* "InUse"; "NoDaemon" and "Uplink" are our own */
        char text[FAULT_TEXT_MAX];
};

/* All return r, a negative errno, so that a caller can return what they return. */

/* A fault of ours: local checks. */
int failure_of_fault(struct failure *ret, const struct fault *f, int r);

/* No way to the daemon. */
int failure_no_daemon(struct failure *ret, int r, const char *fmt, ...) _printf_(3, 4);

/* A reason that only this program knows. */
int failure_own(struct failure *ret, enum exit_status status, const char *name, int r,
        const char *fmt, ...) _printf_(5, 6);

/* The exit status that goes with the name of an error of sriovd, such as "InUse". */
enum exit_status failure_status(const char *error);

/* What the bus said, or errno r where it said nothing. */
int failure_of_bus(struct failure *ret, const sd_bus_error *error, int r);

/* Anything else by errno: no memory, an answer that is not understood. what: "read the VFs". */
int failure_of_errno(struct failure *ret, int r, const char *what);
