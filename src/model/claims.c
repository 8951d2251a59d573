/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sorting claims until equal ones are neighbours. Pure, any thread. */
#include "model/claims.h"

void claims_done(struct claims *claims)
{
        free(claims->list);
        *claims = (struct claims){0};
}

int claims_add(struct claims *claims, const void *what, size_t entry, uint32_t part)
{
        int r;

        r = array_grow(&claims->list, &claims->capacity, claims->n, sizeof(*claims->list));
        if (r < 0)
                return r;
        claims->list[claims->n] =
                (struct claim){.what = what, .entry = entry, .part = part, .order = claims->n};
        claims->n++;
        return 0;
}

static int compare_claims(const void *a, const void *b, void *compare)
{
        const struct claim *x = a, *y = b;
        int r = (*(claim_compare *) compare)(x->what, y->what);

        return r ? r : (x->order > y->order) - (x->order < y->order);
}

static bool same_claimant(const struct claim *a, const struct claim *b)
{
        return a->entry == b->entry && a->part == b->part;
}

bool claims_clash(struct claims *claims, claim_compare compare, const struct claim **ret_earlier,
        const struct claim **ret_later)
{
        const struct claim *list = claims->list, *found = NULL;

        if (claims->n == 0)
                return false;
        qsort_r(claims->list, claims->n, sizeof(*claims->list), compare_claims, &compare);
        for (size_t i = 1; i < claims->n; i++)
                if (compare(list[i - 1].what, list[i].what) == 0 &&
                        !same_claimant(&list[i - 1], &list[i]) &&
                        (!found || list[i].order < found->order))
                        found = &list[i];
        if (!found)
                return false;
        *ret_earlier = found - 1;
        *ret_later = found;
        return true;
}
