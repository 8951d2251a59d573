/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must be true of a VF that is handed out, that is had, and that is free: judged by the
 * machine itself. Whatever is wrong ends the program. Loop thread, machine locked.
 */
#pragma once

#include "host.h"

/* Somebody's lease as he knows it. */
struct tenant {
        unsigned number;
        struct lease_selector selector;
        struct vf_attrs asked;   /* and what he has changed himself since is neither: */
        uint32_t changed;        /* BIT(enum vf_attr) */
        char driver[DRIVER_MAX]; /* "": stays */
        uint32_t uid;
        uint64_t since; /* tick: it was asked for */

        uint64_t id; /* of the lease */
        size_t pf;
        uint32_t vf;
        uint32_t resets; /* of the VF, when he got it */
        bool lost;       /* the VF that he had is no more; there may be another one in its place */
};

/* The VF is his from here on. */
void judge_given(struct host *h, struct tenant *t);

/* He has had it until now, and nobody else. */
void judge_had(struct host *h, struct tenant *t);

/* He can do nothing to it any more from here on. */
void judge_left(struct host *h, const struct tenant *t);

/* The lease has ended; nobody has the VF. */
void judge_clean(struct host *h, size_t pf, uint32_t vf, const char *what);

/* All VFs that are in nobody's lease. */
void judge_all(struct host *h);

/* Is the VF of his lease still the one that it was. */
bool tenant_has(const struct host *h, const struct tenant *t);

/* What happened, to be printed when something is wrong. */
void trail(const struct host *h, const char *fmt, ...) _printf_(2, 3);
_Noreturn void wrong(const struct host *h, size_t pf, uint32_t vf, const char *fmt, ...)
        _printf_(4, 5);
