/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an errno of a kernel call means and what to do about it: by the step, the driver, and what
 * else is known. One table for the host and for the simulation, so that both say the same. Pure,
 * any thread.
 */
#pragma once

#include "model/step.h"

#define ADVICE_SHORT 0 /* in the place of an errno: no error, and fewer VFs came than asked for */

/* What is known about a call that failed; what is not known stays zero. */
struct advice_case {
        enum step_kind kind;     /* STEP_MAX: a reading */
        char driver[DRIVER_MAX]; /* whose call it was: the PF's; of bind, probe, unbind the VF's */
        uint32_t value;          /* the step's */
        uint32_t num_vfs;        /* the PF had them before */
        bool link_down;          /* the PF's uplink is known to have no carrier, or to be down */
        bool lockdown;           /* of the kernel: integrity or confidentiality */
        char words[160];         /* what the kernel said itself (extended acknowledgement) */
};

struct advice {
        enum fault_code code;
        const char *cause, *remedy; /* literals, never empty */
};

/* error: positive, or ADVICE_SHORT. */
struct advice advice_find(const struct advice_case *c, int error);

/*
 * A fault "WHAT refused by driver igb: CAUSE; REMEDY (errno's words)". A step that is carried out
 * and does not succeed "failed" instead. Returns -error, or -EIO for ADVICE_SHORT.
 */
int advice_fault(struct fault *f, const struct advice_case *c, int error, const char *fmt, ...)
        _printf_(4, 5);
