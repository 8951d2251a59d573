/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an errno of one kind of kernel call means, as tables: code, cause and remedy. Any thread.
 */
#pragma once

#include "base/fault.h"

struct errtext {
        int error; /* positive; 0 ends a table */
        enum fault_code code;
        const char *text; /* cause and what to do */
};

/*
 * A fault "WHAT: CAUSE (errno's words)". table may be NULL; what it does not list gets the general
 * code. error is positive; returns -error.
 */
int errtext_fault(struct fault *f, const struct errtext *table, int error, const char *fmt, ...)
        _printf_(4, 5);
