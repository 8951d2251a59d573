/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has become of the PFs, and whether that may be. Pure values. */
#pragma once

#include "shapes.h"

/* What a shape may lead to, seen by letting it end undisturbed. */
struct references {
        struct snapshot old, new, boot_old, boot_new;
        unsigned passed[CRASH_PLACE_MAX]; /* by the deed */
};

struct outcome {
        unsigned verdict; /* OLD, NEW, REPORTED; 0: wrong, and `why` says what */
        bool missed;      /* the place was not reached */
        char why[8192];
};

/* What is known at the end of a run. */
struct evidence {
        const struct shape *shape;
        const struct references *refs;
        const struct snapshot *now;
        const struct told *report; /* of the last life */
        const unsigned *passed;    /* places, by the first life */
        bool rebooted;
};

void judge(const struct evidence *e, struct outcome *o);

_printf_(2, 3) void outcome_wrong(struct outcome *o, const char *fmt, ...);
