/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What configuration files say, as values: templates, and what holds across entries. Pure, any
 * thread. */
#include <ctype.h>
#include <stdio.h>

#include "model/claims.h"
#include "model/declared.h"

const char *match_key_name(enum match_key key)
{
        static const char *const names[MATCH_MAX] = {
                [MATCH_IFNAME] = "ifname",
                [MATCH_ADDRESS] = "address",
                [MATCH_ID] = "id",
                [MATCH_DRIVER] = "driver",
                [MATCH_PERMANENT_MAC] = "permanent_mac",
                [MATCH_PATH] = "path",
                [MATCH_SLOT] = "slot",
                [MATCH_NUMA_NODE] = "numa_node",
        };

        return (unsigned) key < MATCH_MAX ? names[key] : "?";
}

static void entry_done(struct declared_pf *entry)
{
        for (size_t i = 0; i < entry->n_vfs; i++)
                free(entry->vfs[i].ranges);
        free(entry->vfs);
        desired_done(&entry->common);
}

void declared_done(struct declared *d)
{
        for (size_t i = 0; i < d->n; i++)
                entry_done(&d->pfs[i]);
        free(d->pfs);
        *d = (struct declared){0};
}

int declared_append(struct declared *to, struct declared *from)
{
        struct declared_pf *p;

        if (from->n > 0) {
                p = reallocarray(to->pfs, to->n + from->n, sizeof(*p));
                if (!p)
                        return -ENOMEM;
                memcpy(p + to->n, from->pfs, from->n * sizeof(*p));
                to->pfs = p;
                to->n = to->capacity = to->n + from->n;
        }
        free(from->pfs);
        *from = (struct declared){0};
        return 0;
}

bool declared_vfs_has(const struct declared_vfs *vfs, uint32_t index)
{
        for (size_t i = 0; i < vfs->n_ranges; i++)
                if (index >= vfs->ranges[i].first && index <= vfs->ranges[i].last)
                        return true;
        return false;
}

/* ---- templates -------------------------------------------------------------------------------
 */

bool declared_name_valid(const char *name)
{
        bool digits = true;

        if (!ifname_valid(name) || streq(name, "all") || streq(name, "default"))
                return false;
        for (; *name; name++) {
                if (!isalnum((unsigned char) *name) && !strchr("._-", *name))
                        return false;
                digits = digits && isdigit((unsigned char) *name);
        }
        return !digits;
}

/* -EINVAL also for {pf} where pf is NULL. */
static int fill(const char *text, const char *index, const char *pf, char *buf, size_t size)
{
        size_t at = 0;

        while (*text) {
                const char *value = NULL;
                size_t n = 1;

                if (startswith(text, "{index}"))
                        value = index;
                else if (startswith(text, "{pf}"))
                        value = pf;
                else if (*text == '{' || *text == '}')
                        return -EINVAL;
                if (*text == '{' && !value)
                        return -EINVAL;
                n = value ? strlen(value) : 1;
                if (at + n >= size)
                        return -EINVAL;
                memcpy(buf + at, value ? value : text, n);
                at += n;
                text = value ? strchr(text, '}') + 1 : text + 1;
        }
        buf[at] = '\0';
        return 0;
}

int template_mac(const char *text, uint32_t index, const struct mac *pf, struct mac *ret)
{
        char hex[4], tail[MAC_STR_MAX], full[MAC_STR_MAX];
        struct mac mac;

        if (index > UINT8_MAX)
                return -EINVAL;
        snprintf(hex, sizeof(hex), "%02x", index);
        if (pf)
                snprintf(tail, sizeof(tail), "%02x:%02x:%02x", pf->b[3], pf->b[4], pf->b[5]);
        if (fill(text, hex, pf ? tail : NULL, full, sizeof(full)) < 0 ||
                parse_mac(full, &mac) < 0 || mac_is_multicast(&mac) || mac_is_zero(&mac))
                return -EINVAL;
        *ret = mac;
        return 0;
}

int template_name(const char *text, uint32_t index, const char *pf, char ret[static NETDEV_MAX])
{
        char decimal[12], full[NETDEV_MAX];

        snprintf(decimal, sizeof(decimal), "%u", index);
        if (fill(text, decimal, pf, full, sizeof(full)) < 0 || !declared_name_valid(full))
                return -EINVAL;
        memcpy(ret, full, sizeof(full));
        return 0;
}

/* ---- across entries --------------------------------------------------------------------------
 */

static int compare_numbers(int64_t a, int64_t b)
{
        return (a > b) - (a < b);
}

static int compare_matches(const void *a, const void *b)
{
        const struct declared_match *x = a, *y = b;
        int r;

        r = compare_numbers(x->keys, y->keys);
        if (r == 0)
                r = strcmp(x->ifname, y->ifname);
        if (r == 0)
                r = strcmp(x->address, y->address);
        if (r == 0)
                r = compare_numbers(x->vendor_id, y->vendor_id);
        if (r == 0)
                r = compare_numbers(x->device_id, y->device_id);
        if (r == 0)
                r = strcmp(x->driver, y->driver);
        if (r == 0)
                r = memcmp(&x->permanent_mac, &y->permanent_mac, sizeof(x->permanent_mac));
        if (r == 0)
                r = strcmp(x->path, y->path);
        if (r == 0)
                r = strcmp(x->slot, y->slot);
        return r ? r : compare_numbers(x->numa_node, y->numa_node);
}

static int compare_macs(const void *a, const void *b)
{
        const struct declared_vfs *x = a, *y = b;

        return memcmp(&x->attrs.mac, &y->attrs.mac, sizeof(x->attrs.mac));
}

static int check_matches(const struct declared *d, struct fault *f)
{
        _cleanup_(claims_done) struct claims claims = {0};
        const struct claim *earlier, *later;
        int r = 0;

        for (size_t i = 0; i < d->n && r == 0; i++)
                r = claims_add(&claims, &d->pfs[i].match, i, 0);
        if (r < 0 || !claims_clash(&claims, compare_matches, &earlier, &later))
                return r;
        return fault_set(f, FAULT_INVALID_ARGS, 0,
                "%s: this entry has the same match as the one at %s; expected one entry for a PF",
                d->pfs[later->entry].where, d->pfs[earlier->entry].where);
}

/* A literal MAC is of one VF, which may be given it again. */
static int check_macs(const struct declared *d, struct fault *f)
{
        _cleanup_(claims_done) struct claims claims = {0};
        const struct claim *earlier, *later;
        const struct declared_vfs *at, *before;
        char text[MAC_STR_MAX];
        int r = 0;

        for (size_t i = 0; i < d->n; i++)
                for (size_t k = 0; k < d->pfs[i].n_vfs && r == 0; k++) {
                        const struct declared_vfs *vfs = &d->pfs[i].vfs[k];

                        if (vf_attrs_has(&vfs->attrs, VF_ATTR_MAC) && !mac_is_zero(&vfs->attrs.mac))
                                r = claims_add(&claims, vfs, i, vfs->ranges[0].first);
                }
        if (r < 0 || !claims_clash(&claims, compare_macs, &earlier, &later))
                return r;
        at = later->what;
        before = earlier->what;
        format_mac(text, &at->attrs.mac);
        return fault_set(f, FAULT_INVALID_ARGS, 0,
                "%s: MAC %s is given to another VF at %s; expected each MAC at one VF", at->where,
                text, before->where);
}

static int check_limits(const struct declared *d, struct fault *f)
{
        size_t elements = 0, indices = 0;

        for (size_t i = 0; i < d->n; i++) {
                const struct declared_pf *pf = &d->pfs[i];

                if (i >= DECLARED_PFS_MAX)
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "%s: too many entries; expected at most %u", pf->where,
                                DECLARED_PFS_MAX);
                for (size_t k = 0; k < pf->n_vfs; k++) {
                        const struct declared_vfs *vfs = &pf->vfs[k];

                        for (size_t n = 0; n < vfs->n_ranges; n++)
                                indices += vfs->ranges[n].last - vfs->ranges[n].first + 1u;
                        if (++elements > DECLARED_VFS_MAX || indices > DECLARED_INDICES_MAX)
                                return fault_set(f, FAULT_INVALID_ARGS, 0,
                                        "%s: too many VFs; expected at most %u elements of \"vfs\" "
                                        "that name at most %u",
                                        vfs->where, DECLARED_VFS_MAX, DECLARED_INDICES_MAX);
                }
        }
        return 0;
}

int declared_check(const struct declared *d, struct fault *f)
{
        int r;

        r = check_limits(d, f);
        if (r == 0)
                r = check_matches(d, f);
        return r < 0 ? r : check_macs(d, f);
}
