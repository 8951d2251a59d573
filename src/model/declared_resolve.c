/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration entries onto the PFs there are. Pure, any thread. */
#include <stdio.h>

#include "model/claims.h"
#include "model/declared.h"

#define PF_TEXT_MAX (DEV_ID_MAX + NETDEV_MAX + 4)
#define NO_ENTRY    SIZE_MAX

/* ---- one entry onto one PF -------------------------------------------------------------------
 */

/* "eth0 (0000:3b:00.0)". */
static void pf_text(const struct pf_facts *facts, char buf[static PF_TEXT_MAX])
{
        const char *address = dev_id_address(&facts->id);

        if (facts->n_netdevs > 0)
                snprintf(buf, PF_TEXT_MAX, "%s (%s)", facts->netdevs[0], address);
        else
                snprintf(buf, PF_TEXT_MAX, "%s", address);
}

static int fill_mac(const struct declared_vfs *vfs, const struct pf_facts *facts,
        struct desired_vf *vf, struct fault *f)
{
        struct mac permanent;
        bool known = parse_mac(facts->permanent_mac, &permanent) == 0;
        char pf[PF_TEXT_MAX];

        if (template_mac(vfs->mac, vf->index, known ? &permanent : NULL, &vf->attrs.mac) == 0) {
                vf->attrs.present |= BIT(VF_ATTR_MAC);
                vf->attrs.reset &= ~BIT(VF_ATTR_MAC);
                return 0;
        }
        pf_text(facts, pf);
        return fault_set(f, FAULT_INVALID_ARGS, 0,
                "%s: mac \"%s\" makes no unicast MAC address of VF %u of %s%s; expected {index} as "
                "one byte, at most 255, and {pf} as three",
                vfs->where, vfs->mac, vf->index, pf,
                known || !strstr(vfs->mac, "{pf}") ? "" : ", whose permanent MAC is unknown");
}

static int fill_name(const struct declared_vfs *vfs, const struct pf_facts *facts,
        struct desired_vf *vf, struct fault *f)
{
        const char *netdev = facts->n_netdevs > 0 ? facts->netdevs[0] : NULL;
        char pf[PF_TEXT_MAX];

        if (template_name(vfs->name, vf->index, netdev, vf->name) == 0) {
                vf->wants |= BIT(WISH_NAME);
                return 0;
        }
        pf_text(facts, pf);
        return fault_set(f, FAULT_INVALID_ARGS, 0,
                "%s: name \"%s\" makes no interface name of VF %u of %s%s; expected at most 15 "
                "letters, digits, '.', '_' and '-'",
                vfs->where, vfs->name, vf->index, pf,
                netdev || !strstr(vfs->name, "{pf}") ? "" : ", which has no interface itself");
}

static int overlay(const struct declared_vfs *vfs, const struct pf_facts *facts,
        struct desired_vf *vf, struct fault *f)
{
        int r = 0;

        vf_attrs_copy(&vf->attrs, &vfs->attrs, vfs->attrs.present);
        vf->attrs.present &= ~vfs->attrs.reset;
        vf->attrs.reset |= vfs->attrs.reset;
        vf->wants |= vfs->wants & ~BIT(WISH_NAME);
        if (vfs->wants & BIT(WISH_DRIVER))
                memcpy(vf->driver, vfs->driver, sizeof(vf->driver));
        if (vfs->wants & BIT(WISH_OVERRIDE))
                memcpy(vf->override, vfs->override, sizeof(vf->override));
        if (vfs->wants & BIT(WISH_MSIX))
                vf->msix = vfs->msix;
        if (vfs->pool[0])
                memcpy(vf->pool, vfs->pool, sizeof(vf->pool));
        if (vfs->shared_group >= 0)
                vf->shared_group = vfs->shared_group;
        if (vfs->nm_managed >= 0)
                vf->nm_unmanaged = !vfs->nm_managed;
        if (vfs->mac[0])
                r = fill_mac(vfs, facts, vf, f);
        if (r == 0 && (vfs->wants & BIT(WISH_NAME)))
                r = fill_name(vfs, facts, vf, f);
        return r;
}

static int expand_vfs(const struct declared_vfs *vfs, const struct pf_facts *facts,
        struct desired *d, struct fault *f)
{
        char pf[PF_TEXT_MAX];
        int r = 0;

        /* desired_check() says so too, but not before each of them is there. */
        if (vfs->ranges[vfs->n_ranges - 1].last >= facts->total_vfs) {
                pf_text(facts, pf);
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "%s: VF %u of %s, which has at most %u; expected a lower index", vfs->where,
                        vfs->ranges[vfs->n_ranges - 1].last, pf, facts->total_vfs);
        }
        for (size_t i = 0; i < vfs->n_ranges; i++)
                for (uint32_t n = vfs->ranges[i].first; n <= vfs->ranges[i].last && r == 0; n++) {
                        struct desired_vf *vf = desired_vf_add(d, n);

                        r = vf ? overlay(vfs, facts, vf, f) : -ENOMEM;
                }
        return r;
}

int declared_expand(const struct declared_pf *entry, const struct pf_facts *facts,
        struct desired *ret, struct fault *f)
{
        _cleanup_(desired_done) struct desired d = {0};
        uint32_t n = 0;
        int r;

        r = desired_copy(&entry->common, &d);
        if (r < 0)
                return r;
        d.pf = facts->id;
        if (entry->nm_managed == 0)
                n = entry->common.wants & BIT(WISH_NUM_VFS) ? entry->common.num_vfs
                                                            : facts->num_vfs;
        for (uint32_t i = 0; i < n && i < facts->total_vfs; i++) {
                struct desired_vf *vf = desired_vf_add(&d, i);

                if (!vf)
                        return -ENOMEM;
                vf->nm_unmanaged = true;
        }
        for (size_t i = 0; i < entry->n_vfs && r == 0; i++)
                r = expand_vfs(&entry->vfs[i], facts, &d, f);
        if (r < 0)
                return r;
        *ret = d;
        d = (struct desired){0};
        return 0;
}

/* ---- which PFs -------------------------------------------------------------------------------
 */

static bool has_netdev(const struct pf_facts *facts, const char *name)
{
        for (uint32_t i = 0; i < facts->n_netdevs; i++)
                if (streq(facts->netdevs[i], name))
                        return true;
        return false;
}

static bool key_matches(
        const struct declared_match *m, enum match_key key, const struct pf_facts *facts)
{
        struct mac mac;

        switch (key) {
        case MATCH_IFNAME:
                return has_netdev(facts, m->ifname);
        case MATCH_ADDRESS:
                return streq(dev_id_address(&facts->id), m->address);
        case MATCH_ID:
                return facts->vendor_id == m->vendor_id && facts->device_id == m->device_id;
        case MATCH_DRIVER:
                return streq(facts->driver, m->driver);
        case MATCH_PERMANENT_MAC:
                return parse_mac(facts->permanent_mac, &mac) == 0 &&
                       memcmp(&mac, &m->permanent_mac, sizeof(mac)) == 0;
        case MATCH_PATH:
                return streq(facts->path, m->path);
        case MATCH_SLOT:
                return streq(facts->slot, m->slot);
        case MATCH_NUMA_NODE:
                return facts->numa_node == m->numa_node;
        case MATCH_MAX:
                break;
        }
        return false;
}

static bool matches(const struct declared_match *m, const struct pf_facts *facts)
{
        for (unsigned key = 0; key < MATCH_MAX; key++)
                if ((m->keys & BIT(key)) && !key_matches(m, key, facts))
                        return false;
        return m->keys != 0;
}

static int refuse_several(const struct declared *d, size_t entry, const struct state *state,
        const size_t *claimed, struct fault *f)
{
        char list[FAULT_TEXT_MAX / 2] = "", pf[PF_TEXT_MAX];
        size_t n = 0, at = 0;

        for (size_t i = 0; i < state->n_pfs; i++) {
                if (claimed[i] != entry)
                        continue;
                pf_text(&state->pfs[i]->facts, pf);
                n++;
                if (at + strlen(pf) + 2 < sizeof(list))
                        at += (size_t) snprintf(
                                list + at, sizeof(list) - at, "%s%s", at ? ", " : "", pf);
        }
        return fault_set(f, FAULT_INVALID_ARGS, 0,
                "%s: this entry matches %zu PFs: %s; expected a match for one, or \"all\": true",
                d->pfs[entry].where, n, list);
}

/* Fills in for each PF the entry that claims it. */
static int claim_pfs(const struct declared *d, const struct state *state, size_t *claimed,
        struct resolved *ret, struct fault *f)
{
        int r;

        for (size_t i = 0; i < d->n; i++) {
                size_t n = 0;

                for (size_t k = 0; k < state->n_pfs; k++) {
                        const struct pf_facts *facts = &state->pfs[k]->facts;
                        char pf[PF_TEXT_MAX];

                        if (!matches(&d->pfs[i].match, facts))
                                continue;
                        pf_text(facts, pf);
                        if (claimed[k] != NO_ENTRY)
                                return fault_set(f, FAULT_INVALID_ARGS, 0,
                                        "%s: this entry claims %s, which the one at %s claims "
                                        "already; expected one entry for a PF",
                                        d->pfs[i].where, pf, d->pfs[claimed[k]].where);
                        claimed[k] = i;
                        n++;
                }
                if (n > 1 && !d->pfs[i].match.all)
                        return refuse_several(d, i, state, claimed, f);
                if (n > 0)
                        continue;
                r = array_grow(
                        &ret->absent, &ret->absent_capacity, ret->n_absent, sizeof(*ret->absent));
                if (r < 0)
                        return r;
                ret->absent[ret->n_absent++] = i;
        }
        return 0;
}

/* ---- across PFs ------------------------------------------------------------------------------
 */

static int compare_macs(const void *a, const void *b)
{
        return memcmp(a, b, sizeof(struct mac));
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(a, b);
}

/* Where the entry says it: of the last element that does. */
static const char *where_said(const struct declared_pf *entry, uint32_t index, bool mac)
{
        for (size_t i = entry->n_vfs; i-- > 0;) {
                const struct declared_vfs *vfs = &entry->vfs[i];
                bool says = mac ? vfs->mac[0] || vf_attrs_has(&vfs->attrs, VF_ATTR_MAC)
                                : vfs->wants & BIT(WISH_NAME);

                if (says && declared_vfs_has(vfs, index))
                        return vfs->where;
        }
        return entry->where;
}

/* The entries behind a list of wishes; d NULL: not known any more, their places are. */
struct origin {
        const struct declared *d;
        const size_t *from; /* for each PF of the list its entry */
        const struct resolved *resolved;
};

static const char *where_claimed(const struct origin *o, const struct claim *claim, bool mac)
{
        if (!o->d)
                return o->resolved->list[claim->entry].where;
        return where_said(&o->d->pfs[o->from[claim->entry]], claim->part, mac);
}

static int check_twice(const struct origin *o, bool mac, struct fault *f)
{
        const struct resolved *resolved = o->resolved;
        _cleanup_(claims_done) struct claims claims = {0};
        const struct claim *a, *b;
        char text[MAC_STR_MAX];
        int r = 0;

        for (size_t i = 0; i < resolved->n; i++)
                for (uint32_t k = 0; k < resolved->list[i].n_vfs && r == 0; k++) {
                        const struct desired_vf *vf = &resolved->list[i].vfs[k];

                        if (mac && vf_attrs_has(&vf->attrs, VF_ATTR_MAC) &&
                                !mac_is_zero(&vf->attrs.mac))
                                r = claims_add(&claims, &vf->attrs.mac, i, vf->index);
                        else if (!mac && (vf->wants & BIT(WISH_NAME)))
                                r = claims_add(&claims, vf->name, i, vf->index);
                }
        if (r < 0 || !claims_clash(&claims, mac ? compare_macs : compare_names, &a, &b))
                return r;
        if (mac)
                format_mac(text, b->what);
        else
                snprintf(text, sizeof(text), "%.17s", (const char *) b->what);
        return fault_set(f, FAULT_INVALID_ARGS, 0,
                "%s: %s %s of VF %u of %s is also that of VF %u of %s, given at %s; expected one "
                "of its own",
                where_claimed(o, b, mac), mac ? "MAC" : "name", text, b->part,
                dev_id_address(&resolved->list[b->entry].pf), a->part,
                dev_id_address(&resolved->list[a->entry].pf), where_claimed(o, a, mac));
}

static int check_both(const struct origin *o, struct fault *f)
{
        int r = check_twice(o, true, f);

        return r < 0 ? r : check_twice(o, false, f);
}

int resolved_check(const struct resolved *r, struct fault *f)
{
        return check_both(&(struct origin){.resolved = r}, f);
}

/* ---- the whole -------------------------------------------------------------------------------
 */

void resolved_done(struct resolved *r)
{
        for (size_t i = 0; i < r->n; i++)
                desired_done(&r->list[i]);
        free(r->list);
        free(r->absent);
        *r = (struct resolved){0};
}

static int compare_desired(const void *key, const void *element)
{
        const struct dev_id *pf = key;
        const struct desired *d = element;

        return strcmp(pf->str, d->pf.str);
}

const struct desired *resolved_for(const struct resolved *r, const struct dev_id *pf)
{
        if (r->n == 0)
                return NULL;
        return bsearch(pf, r->list, r->n, sizeof(*r->list), compare_desired);
}

static int resolve_pf(const struct declared_pf *entry, const struct pf_entry *pf,
        struct resolved *to, struct fault *f)
{
        struct desired *d;
        int r;

        r = array_grow(&to->list, &to->capacity, to->n, sizeof(*to->list));
        if (r < 0)
                return r;
        d = &to->list[to->n];
        r = declared_expand(entry, &pf->facts, d, f);
        if (r < 0)
                return r;
        to->n++;
        return desired_check(d, &pf->facts, &pf->caps, f);
}

int declared_resolve(
        const struct declared *d, const struct state *state, struct resolved *ret, struct fault *f)
{
        _cleanup_(resolved_done) struct resolved resolved = {0};
        _cleanup_(freep) size_t *claimed = calloc(state->n_pfs + 1, sizeof(*claimed));
        _cleanup_(freep) size_t *from = calloc(state->n_pfs + 1, sizeof(*from));
        int r;

        if (!claimed || !from)
                return -ENOMEM;
        for (size_t i = 0; i < state->n_pfs; i++)
                claimed[i] = NO_ENTRY;
        r = declared_check(d, f);
        if (r == 0)
                r = claim_pfs(d, state, claimed, &resolved, f);
        for (size_t i = 0; i < state->n_pfs && r == 0; i++)
                if (claimed[i] != NO_ENTRY) {
                        from[resolved.n] = claimed[i];
                        r = resolve_pf(&d->pfs[claimed[i]], state->pfs[i], &resolved, f);
                }
        if (r == 0)
                r = check_both(&(struct origin){d, from, &resolved}, f);
        if (r < 0)
                return r;
        *ret = resolved;
        resolved = (struct resolved){0};
        return 0;
}
