/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Back from the text of config_write() without facts to wishes: its entries match by address alone.
 * What tests compare with. Any thread.
 */
#pragma once

#include "config/config.h"

static inline int wish_of_entry(
        const struct declared_pf *entry, struct desired *ret, struct fault *f)
{
        struct pf_facts facts;
        struct dev_id id;

        if (entry->match.keys != BIT(MATCH_ADDRESS) || entry->match.all ||
                dev_id_from_address(entry->match.address, &id) < 0)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "%s: this entry is not of one PF; expected a match by address alone",
                        entry->where);
        pf_facts_init(&facts, &id);
        facts.total_vfs = VFS_MAX;
        return declared_expand(entry, &facts, ret, f);
}

static inline int read_wishes(const char *name, const char *text, size_t n, struct desired **ret,
        size_t *ret_n, struct fault *f)
{
        _cleanup_(declared_done) struct declared d = {0};
        _cleanup_(resolved_done) struct resolved wishes = {0};
        int r;

        r = config_parse(name, text, n, &d, f);
        if (r < 0)
                return r;
        wishes.list = calloc(d.n + 1, sizeof(*wishes.list));
        if (!wishes.list)
                return -ENOMEM;
        for (; wishes.n < d.n; wishes.n++) {
                r = wish_of_entry(&d.pfs[wishes.n], &wishes.list[wishes.n], f);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(wishes.list);
        *ret_n = wishes.n;
        wishes.n = 0;
        return 0;
}
