/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wishes to JSON and back, unjudged. What is wanted has its key, by the name of config files. Loop
 * thread. */
#include "config/wishjson.h"
#include "config/config_private.h"

/* ---- writing --------------------------------------------------------------------------------- */

static void put_vf(struct json_writer *w, const struct desired_vf *vf)
{
        json_open_object(w, NULL);
        json_put_u64(w, "index", vf->index);
        json_open_object(w, "attrs");
        config_put_attrs(w, &vf->attrs);
        json_close(w);
        config_put_vf_keys(w, vf);
        json_put_bool(w, "nm_unmanaged", vf->nm_unmanaged);
        json_close(w);
}

static void put_keys(struct json_writer *w, const struct desired *d)
{
        config_put_optional(w, d);
        json_open_object(w, "drift");
        for (unsigned key = 0; key < WISH_MAX; key++)
                if (d->drift[key] != DRIFT_REPORT)
                        json_put_u64(w, wish_key_name(key), d->drift[key]);
        json_close(w);
}

void wish_put(struct json_writer *w, const char *key, const struct desired *d)
{
        if (d->wants == 0 && d->n_vfs == 0)
                return;
        json_open_object(w, key);
        json_put_string(w, "pf", d->pf.str);
        json_put_string(w, "where", d->where);
        config_put_pf_keys(w, d);
        json_put_bool(w, "replace", d->replace);
        json_put_bool(w, "clear_mac", d->clear_mac);
        put_keys(w, d);
        json_open_array(w, "vfs");
        for (uint32_t i = 0; i < d->n_vfs; i++)
                put_vf(w, &d->vfs[i]);
        json_close(w);
        json_close(w);
}

/* ---- reading: 1 there, 0 not there, negative not understood, as json_opt_*() ------------------
 */

static int opt_text(const struct json_value *o, const char *key, char *buf, size_t size)
{
        const char *text;
        int r = json_opt_string(o, key, &text, NULL);

        if (r == 1 && str_copy(buf, size, text) < 0)
                return -EINVAL;
        return r;
}

static int opt_u32(const struct json_value *o, const char *key, uint32_t *ret)
{
        return json_opt_u32(o, key, 0, UINT32_MAX, ret, NULL);
}

/* A key that is there is wanted. */
static int want(uint32_t *wants, enum wish_key key, int r)
{
        if (r == 1)
                *wants |= BIT(key);
        return r;
}

static int set_text(struct vf_attrs *a, enum vf_attr attr, const char *text)
{
        struct mac mac;
        int r;

        if (vf_attr_table[attr].type != ATTR_MAC_ADDRESS)
                return vf_attrs_set_text(a, attr, text, NULL);
        r = parse_mac(text, &mac); /* also a multicast one */
        if (r == 0) {
                a->mac = mac;
                a->present |= BIT(attr);
        }
        return r;
}

static int get_attr(const struct json_value *v, enum vf_attr attr, struct vf_attrs *a)
{
        const struct vf_attr_info *info = &vf_attr_table[attr];
        const char *text;
        uint32_t number;
        bool on;
        int r;

        switch (json_kind(v)) {
        case JSON_STRING:
                r = json_as_string(v, &text, NULL);
                if (r < 0)
                        return r;
                if (!streq(text, CONFIG_RESET))
                        return set_text(a, attr, text);
                a->reset |= BIT(attr);
                return 0;
        case JSON_NUMBER:
                r = json_as_u32(v, 0, UINT32_MAX, &number, NULL);
                if (r < 0 || info->type != ATTR_NUMBER)
                        return -EINVAL;
                memcpy((char *) a + info->offset, &number, sizeof(number)); /* whatever it is */
                a->present |= BIT(attr);
                return 0;
        case JSON_BOOL:
                r = json_as_bool(v, &on, NULL);
                if (r < 0 || info->type != ATTR_SWITCH)
                        return -EINVAL;
                return vf_attrs_set_number(a, attr, on, NULL);
        default:
                return -EINVAL;
        }
}

int wish_get_attrs(const struct json_value *o, struct vf_attrs *a)
{
        int r = json_as_object(o, NULL);

        for (size_t i = 0; r == 0 && i < json_n_members(o); i++) {
                const char *name;
                const struct json_value *v = json_nth_member(o, i, &name);
                enum vf_attr attr = vf_attr_from_name(name);

                r = attr < VF_ATTR_MAX ? get_attr(v, attr, a) : -EINVAL;
        }
        return r;
}

static int get_vf(const struct json_value *o, struct desired *d)
{
        static const char *const keys[] = {"index", "attrs", "driver", "driver_override", "msix",
                "name", "pool", "shared_group", "nm_unmanaged", NULL};
        const struct json_value *attrs;
        struct desired_vf *vf;
        uint32_t index;
        int r;

        r = json_check_keys(o, keys, NULL);
        if (r == 0)
                r = json_require(o, "attrs", &attrs, NULL);
        if (r < 0)
                return r;
        if (opt_u32(o, "index", &index) != 1 || desired_vf_at(d, index))
                return -EINVAL;
        vf = desired_vf_add(d, index);
        if (!vf)
                return -ENOMEM;
        r = wish_get_attrs(attrs, &vf->attrs);
        if (r >= 0)
                r = want(&vf->wants, WISH_DRIVER, opt_text(o, "driver", vf->driver, DRIVER_MAX));
        if (r >= 0)
                r = want(&vf->wants, WISH_OVERRIDE,
                        opt_text(o, "driver_override", vf->override, DRIVER_MAX));
        if (r >= 0)
                r = want(&vf->wants, WISH_MSIX, opt_u32(o, "msix", &vf->msix));
        if (r >= 0)
                r = want(&vf->wants, WISH_NAME, opt_text(o, "name", vf->name, NETDEV_MAX));
        if (r >= 0)
                r = opt_text(o, "pool", vf->pool, POOL_MAX);
        if (r == 1 && !pool_valid(vf->pool))
                return -EINVAL;
        if (r >= 0)
                r = json_opt_bool(o, "shared_group", &vf->shared_group, NULL);
        return r < 0 ? r : json_opt_bool(o, "nm_unmanaged", &vf->nm_unmanaged, NULL);
}

static int get_vfs(const struct json_value *o, struct desired *d)
{
        const struct json_value *list = NULL;
        size_t n = 0;
        int r;

        r = json_opt_array(o, "vfs", &list, &n, NULL);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = get_vf(json_element(list, i), d);
        return r;
}

static int get_optional(const struct json_value *o, uint32_t *ret)
{
        const struct json_value *list = NULL;
        const char *name;
        size_t n = 0;
        int r;

        r = json_opt_array(o, "optional", &list, &n, NULL);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = json_as_string(json_element(list, i), &name, NULL);
                if (r == 0 && wish_key_from_name(name) == WISH_MAX)
                        r = -EINVAL;
                if (r == 0)
                        *ret |= BIT(wish_key_from_name(name));
        }
        return r;
}

static int get_drift(const struct json_value *o, uint8_t drift[static WISH_MAX])
{
        const struct json_value *list;
        int r = json_require(o, "drift", &list, NULL);

        if (r == 0)
                r = json_as_object(list, NULL);
        for (size_t i = 0; r == 0 && i < json_n_members(list); i++) {
                const char *name;
                const struct json_value *v = json_nth_member(list, i, &name);
                enum wish_key key = wish_key_from_name(name);
                uint32_t value = 0;

                r = key == WISH_MAX ? -EINVAL : json_as_u32(v, 0, DRIFT_MAX - 1, &value, NULL);
                if (r == 0)
                        drift[key] = (uint8_t) value;
        }
        return r;
}

static int get_wish(const struct json_value *o, struct desired *d)
{
        static const char *const keys[] = {"pf", "where", "num_vfs", "autoprobe", "mtu",
                "eswitch_mode", "replace", "clear_mac", "optional", "drift", "vfs", NULL};
        int r;

        r = json_check_keys(o, keys, NULL);
        if (r == 0 && opt_text(o, "pf", d->pf.str, sizeof(d->pf.str)) != 1)
                r = -EINVAL;
        if (r >= 0)
                r = opt_text(o, "where", d->where, sizeof(d->where));
        if (r >= 0)
                r = want(&d->wants, WISH_NUM_VFS, opt_u32(o, "num_vfs", &d->num_vfs));
        if (r >= 0)
                r = want(&d->wants, WISH_AUTOPROBE,
                        json_opt_bool(o, "autoprobe", &d->autoprobe, NULL));
        if (r >= 0)
                r = want(&d->wants, WISH_MTU, opt_u32(o, "mtu", &d->mtu));
        if (r >= 0)
                r = want(&d->wants, WISH_ESWITCH,
                        opt_text(o, "eswitch_mode", d->eswitch, sizeof(d->eswitch)));
        if (r >= 0)
                r = json_opt_bool(o, "replace", &d->replace, NULL);
        if (r >= 0)
                r = json_opt_bool(o, "clear_mac", &d->clear_mac, NULL);
        if (r >= 0)
                r = get_optional(o, &d->optional);
        if (r >= 0)
                r = get_drift(o, d->drift);
        return r < 0 ? r : get_vfs(o, d);
}

int wish_get(const struct json_value *object, const char *key, struct desired *ret)
{
        const struct json_value *member = json_member(object, key);
        struct desired wish = {0};
        int r;

        if (!member)
                return 0;
        r = get_wish(member, &wish);
        if (r < 0) {
                desired_done(&wish);
                return r;
        }
        *ret = wish;
        return 1;
}
