/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wishes as a configuration file, and back. Loop thread. */
#include <stdio.h>

#include "config/config_private.h"

/* ---- keys that the journal writes too --------------------------------------------------------
 */

static void put_attr(struct json_writer *w, const struct vf_attrs *a, enum vf_attr attr)
{
        const struct vf_attr_info *info = &vf_attr_table[attr];
        char text[VF_ATTR_STR_MAX];

        if (a->reset & BIT(attr)) {
                json_put_string(w, info->name, CONFIG_RESET);
        } else if (vf_attrs_has(a, attr) && info->type == ATTR_NUMBER) {
                json_put_u64(w, info->name, vf_attrs_number(a, attr));
        } else if (vf_attrs_has(a, attr) && info->type == ATTR_SWITCH) {
                json_put_bool(w, info->name, vf_attrs_number(a, attr));
        } else if (vf_attrs_has(a, attr)) {
                vf_attrs_format(a, attr, text);
                json_put_string(w, info->name, text);
        }
}

void config_put_attrs(struct json_writer *w, const struct vf_attrs *a)
{
        for (unsigned attr = 0; attr < VF_ATTR_MAX; attr++)
                put_attr(w, a, attr);
}

void config_put_vf_keys(struct json_writer *w, const struct desired_vf *vf)
{
        if (vf->wants & BIT(WISH_DRIVER))
                json_put_string(w, wish_key_name(WISH_DRIVER), vf->driver);
        if (vf->wants & BIT(WISH_OVERRIDE))
                json_put_string(w, wish_key_name(WISH_OVERRIDE), vf->override);
        if (vf->wants & BIT(WISH_MSIX))
                json_put_u64(w, wish_key_name(WISH_MSIX), vf->msix);
        if (vf->wants & BIT(WISH_NAME))
                json_put_string(w, wish_key_name(WISH_NAME), vf->name);
        if (vf->pool[0])
                json_put_string(w, "pool", vf->pool);
        if (vf->shared_group)
                json_put_bool(w, "shared_group", true);
}

void config_put_pf_keys(struct json_writer *w, const struct desired *d)
{
        if (d->wants & BIT(WISH_NUM_VFS))
                json_put_u64(w, wish_key_name(WISH_NUM_VFS), d->num_vfs);
        if (d->wants & BIT(WISH_AUTOPROBE))
                json_put_bool(w, wish_key_name(WISH_AUTOPROBE), d->autoprobe);
        if (d->wants & BIT(WISH_MTU))
                json_put_u64(w, wish_key_name(WISH_MTU), d->mtu);
        if (d->wants & BIT(WISH_ESWITCH))
                json_put_string(w, wish_key_name(WISH_ESWITCH), d->eswitch);
}

void config_put_optional(struct json_writer *w, const struct desired *d)
{
        json_open_array(w, "optional");
        for (unsigned key = 0; key < WISH_MAX; key++)
                if (d->optional & BIT(key))
                        json_put_string(w, NULL, wish_key_name(key));
        json_close(w);
}

/* ---- match -----------------------------------------------------------------------------------
 */

/* Is it a MAC that finds this PF and no other one. */
static bool mac_is_unique(const struct pf_facts *const *facts, size_t n, size_t of)
{
        struct mac mac, other;

        if (parse_mac(facts[of]->permanent_mac, &mac) < 0 || mac_is_zero(&mac) ||
                mac_is_multicast(&mac))
                return false;
        for (size_t i = 0; i < n; i++)
                if (i != of && facts[i] && parse_mac(facts[i]->permanent_mac, &other) == 0 &&
                        memcmp(&mac, &other, sizeof(mac)) == 0)
                        return false;
        return true;
}

static void put_match(struct json_writer *w, const struct desired *d,
        const struct pf_facts *const *facts, size_t n, size_t of)
{
        char path[PCI_PATH_MAX];

        json_open_object(w, "match");
        if (facts && facts[of] && mac_is_unique(facts, n, of))
                json_put_string(w, "permanent_mac", facts[of]->permanent_mac);
        else if (facts && facts[of] && config_parse_path(facts[of]->path, path) == 0)
                json_put_string(w, "path", path);
        else
                json_put_string(w, "address", dev_id_address(&d->pf));
        json_close(w);
}

/* ---- the PF's own keys -----------------------------------------------------------------------
 */

static void put_drift(struct json_writer *w, const struct desired *d)
{
        bool same = true;

        for (unsigned key = 1; key < WISH_MAX; key++)
                same = same && d->drift[key] == d->drift[0];
        if (same) {
                if (d->drift[0] != DRIFT_REPORT)
                        json_put_string(w, "drift", drift_name(d->drift[0]));
                return;
        }
        json_open_object(w, "drift");
        for (unsigned key = 0; key < WISH_MAX; key++)
                if (d->drift[key] != DRIFT_REPORT)
                        json_put_string(w, wish_key_name(key), drift_name(d->drift[key]));
        json_close(w);
}

static void put_common(struct json_writer *w, const struct desired *d)
{
        config_put_pf_keys(w, d);
        if (d->replace)
                json_put_bool(w, "replace", true);
        if (d->clear_mac)
                json_put_bool(w, "clear_mac", true);
        put_drift(w, d);
        if (d->optional != 0)
                config_put_optional(w, d);
}

/* ---- VFs -------------------------------------------------------------------------------------
 */

/* May one element say it of both? Not a MAC or a name: those are of one VF. */
static bool same_wish(const struct desired_vf *a, const struct desired_vf *b)
{
        return a->wants == b->wants && !(a->wants & BIT(WISH_NAME)) &&
               vf_attrs_equal(&a->attrs, &b->attrs) &&
               (!vf_attrs_has(&a->attrs, VF_ATTR_MAC) || mac_is_zero(&a->attrs.mac)) &&
               (!(a->wants & BIT(WISH_DRIVER)) || streq(a->driver, b->driver)) &&
               (!(a->wants & BIT(WISH_OVERRIDE)) || streq(a->override, b->override)) &&
               (!(a->wants & BIT(WISH_MSIX)) || a->msix == b->msix) && streq(a->pool, b->pool) &&
               a->shared_group == b->shared_group && a->nm_unmanaged == b->nm_unmanaged;
}

static void put_vf(struct json_writer *w, const struct desired_vf *vf, uint32_t last)
{
        char range[32];

        json_open_object(w, NULL);
        snprintf(range, sizeof(range), "%u-%u", vf->index, last);
        if (last > vf->index)
                json_put_string(w, "index", range);
        else
                json_put_u64(w, "index", vf->index);
        config_put_attrs(w, &vf->attrs);
        config_put_vf_keys(w, vf);
        if (vf->nm_unmanaged)
                json_put_bool(w, "nm_managed", false);
        json_close(w);
}

static void put_vfs(struct json_writer *w, const struct desired *d)
{
        if (d->n_vfs == 0)
                return;
        json_open_array(w, "vfs");
        for (uint32_t i = 0, end; i < d->n_vfs; i = end) {
                const struct desired_vf *vf = &d->vfs[i];

                for (end = i + 1; end < d->n_vfs; end++)
                        if (d->vfs[end].index != vf->index + (end - i) ||
                                !same_wish(vf, &d->vfs[end]))
                                break;
                put_vf(w, vf, d->vfs[end - 1].index);
        }
        json_close(w);
}

int config_write(const struct desired *const *wishes, size_t n, const struct pf_facts *const *facts,
        char **ret)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();

        if (!w)
                return -ENOMEM;
        json_open_object(w, NULL);
        json_put_u64(w, "version", 1);
        json_open_array(w, "pfs");
        for (size_t i = 0; i < n; i++) {
                json_open_object(w, NULL);
                put_match(w, wishes[i], facts, n, i);
                put_common(w, wishes[i]);
                put_vfs(w, wishes[i]);
                json_close(w);
        }
        json_close(w);
        json_close(w);
        return json_writer_text(w, ret);
}
