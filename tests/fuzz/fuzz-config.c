/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary bytes as a configuration file: refused with FILE:LINE:COLUMN, or entries whose values
 * are all in range, that fall onto a machine of two PFs or are refused with a place, and whose
 * wishes come back from their own text. One thread.
 */
#include <stdio.h>

#include "config/config.h"
#include "../unit/readwishes.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        __builtin_trap();                                                          \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_vfs(const struct declared_vfs *vfs)
{
        CHECK(vfs->n_ranges > 0 && vfs->where[0]);
        for (size_t i = 0; i < vfs->n_ranges; i++) {
                CHECK(vfs->ranges[i].first <= vfs->ranges[i].last);
                CHECK(vfs->ranges[i].last < VFS_MAX);
                CHECK(i == 0 || vfs->ranges[i - 1].last < vfs->ranges[i].first);
        }
        CHECK((vfs->attrs.present & vfs->attrs.reset) == 0);
        CHECK(vf_attrs_check(&vfs->attrs, NULL) == 0);
        CHECK(!vfs->mac[0] || !vf_attrs_has(&vfs->attrs, VF_ATTR_MAC));
        CHECK(!(vfs->wants & BIT(WISH_MSIX)) || (vfs->msix >= 1 && vfs->msix <= 2048));
        CHECK(!(vfs->wants & BIT(WISH_NAME)) || vfs->name[0]);
}

static void check_entry(const struct declared_pf *pf)
{
        const struct desired *d = &pf->common;

        CHECK(pf->match.keys != 0 && pf->match.keys < BIT(MATCH_MAX));
        CHECK(d->n_vfs == 0 && d->num_vfs <= VFS_MAX && d->optional < BIT(WISH_MAX));
        CHECK(!(d->wants & BIT(WISH_MTU)) || (d->mtu >= 68 && d->mtu <= 65535));
        for (unsigned key = 0; key < WISH_MAX; key++)
                CHECK(d->drift[key] < DRIFT_MAX);
        for (size_t i = 0; i < pf->n_vfs; i++)
                check_vfs(&pf->vfs[i]);
}

/* eth0 and eth1, alike but for their places. */
static void add_pf(struct state *state, unsigned n)
{
        struct pf_facts facts;
        struct changes changes = {0};
        char address[BDF_STR_MAX];
        struct dev_id id;

        snprintf(address, sizeof(address), "0000:3b:00.%u", n & 1);
        CHECK(dev_id_from_address(address, &id) == 0);
        pf_facts_init(&facts, &id);
        facts.n_netdevs = 1;
        snprintf(facts.netdevs[0], NETDEV_MAX, "eth%u", n & 1);
        snprintf(facts.permanent_mac, MAC_STR_MAX, "3c:fd:fe:00:00:%02x", n & 0xff);
        snprintf(facts.driver, DRIVER_MAX, "i40e");
        snprintf(facts.path, PCI_PATH_MAX, "0000:00:1c.0/00.%u", n & 1);
        facts.vendor_id = 0x8086;
        facts.device_id = 0x1572;
        facts.total_vfs = 64;
        CHECK(state_apply(state, &facts, &changes) == 0);
        changes_done(&changes);
}

static void check_written(const struct resolved *resolved)
{
        _cleanup_(freep) char *text = NULL, *again = NULL;
        _cleanup_(resolved_done) struct resolved back = {0};
        const struct desired *wishes[2];
        struct fault f = FAULT_NULL;

        CHECK(resolved->n <= 2);
        for (size_t i = 0; i < resolved->n; i++)
                wishes[i] = &resolved->list[i];
        CHECK(config_write(wishes, resolved->n, NULL, &text) == 0);
        CHECK(read_wishes("w", text, strlen(text), &back.list, &back.n, &f) == 0);
        CHECK(back.n == resolved->n);
        for (size_t i = 0; i < back.n; i++)
                wishes[i] = &back.list[i];
        CHECK(config_write(wishes, back.n, NULL, &again) == 0);
        CHECK(streq(text, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(declared_done) struct declared d = {0};
        _cleanup_(resolved_done) struct resolved resolved = {0};
        _cleanup_(state_done) struct state state = {0};
        struct fault f = FAULT_NULL;

        if (config_parse("fuzz", (const char *) data, size, &d, &f) < 0) {
                CHECK(d.n == 0 && !d.pfs && f.code != FAULT_NONE && startswith(f.text, "fuzz:"));
                return 0;
        }
        CHECK(d.n <= DECLARED_PFS_MAX);
        for (size_t i = 0; i < d.n; i++)
                check_entry(&d.pfs[i]);
        add_pf(&state, 0);
        add_pf(&state, 1);
        if (declared_resolve(&d, &state, &resolved, &f) < 0)
                CHECK(resolved.n == 0 && f.code != FAULT_NONE && startswith(f.text, "fuzz:"));
        else
                check_written(&resolved);
        return 0;
}
