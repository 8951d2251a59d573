/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table behind advice.c, for nobody else. */
#pragma once

#include "model/advice.h"

enum advice_when {
        WHEN_ANY,
        WHEN_MAKING,     /* set_numvfs of more than 0 */
        WHEN_HAS_VFS,    /* the same, and there were some */
        WHEN_DESTROYING, /* set_numvfs 0 */
        WHEN_LINK_DOWN,
        WHEN_LOCKDOWN,
};

struct advice_row {
        uint32_t kinds; /* bits of enum step_kind */
        int error;
        const char *driver; /* begins so; NULL any */
        enum advice_when when;
        struct advice advice;
};

/* The first that fits is meant: special ones before general ones. */
extern const struct advice_row advice_rows[];
extern const size_t advice_n_rows;
