/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who claims what: finds two that claim the same. Pure, any thread. */
#pragma once

#include "base/util.h"

struct claim {
        const void *what; /* the caller's, as long as the claims live */
        size_t entry;     /* by whom: whatever the caller counts. The same may claim again */
        uint32_t part;
        size_t order; /* of adding */
};

struct claims {
        struct claim *list;
        size_t n, capacity;
};

void claims_done(struct claims *claims);

/* -ENOMEM. */
int claims_add(struct claims *claims, const void *what, size_t entry, uint32_t part);

typedef int (*claim_compare)(const void *a, const void *b);

/*
 * The first claim, in order of adding, of something that was claimed before, and the earlier one.
 * compare as for qsort. Sorts the list.
 */
bool claims_clash(struct claims *claims, claim_compare compare, const struct claim **ret_earlier,
        const struct claim **ret_later);
