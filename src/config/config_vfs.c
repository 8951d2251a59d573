/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An element of "vfs" in a configuration file: which VFs, and what they shall be. Loop thread. */
#include <stdio.h>

#include "config/config_private.h"
#include "model/request.h"

#define MSIX_MAX 2048u

struct element {
        const struct json_value *v;
        struct declared_vfs *vfs;
        uint32_t count; /* VFs that its index names */
        uint32_t last;  /* the highest of them */
        struct fault *f;
};

/* ---- index -----------------------------------------------------------------------------------
 */

static int add_range(struct element *e, const struct json_value *v, uint32_t first, uint32_t last)
{
        struct declared_vfs *vfs = e->vfs;

        if (first > last)
                return json_refuse(v, e->f,
                        "range %u-%u runs backwards; expected the lower index first", first, last);
        if (vfs->n_ranges > 0 && first <= e->last)
                return json_refuse(v, e->f,
                        "%u does not come after %u; expected ranges in order that do not overlap",
                        first, e->last);
        vfs->ranges[vfs->n_ranges++] = (struct index_range){first, last};
        e->count += last - first + 1;
        e->last = last;
        return 0;
}

/* "3" or "0-3", up to end. */
static int parse_range(const char *s, const char *end, uint32_t *ret_first, uint32_t *ret_last)
{
        char text[16], *dash;

        if (end - s >= (ptrdiff_t) sizeof(text))
                return -EINVAL;
        memcpy(text, s, (size_t) (end - s));
        text[end - s] = '\0';
        dash = strchr(text, '-');
        if (dash)
                *dash = '\0';
        if (parse_u32(text, 0, VFS_MAX - 1, ret_first) < 0)
                return -EINVAL;
        return parse_u32(dash ? dash + 1 : text, 0, VFS_MAX - 1, ret_last);
}

static int read_ranges(struct element *e, const struct json_value *v, const char *text)
{
        uint32_t first, last;
        size_t n = 1;
        int r = 0;

        for (const char *c = text; *c; c++)
                n += *c == ',';
        e->vfs->ranges = calloc(n, sizeof(*e->vfs->ranges));
        if (!e->vfs->ranges)
                return -ENOMEM;
        for (const char *s = text, *end; s && r == 0; s = *end ? end + 1 : NULL) {
                end = s + strcspn(s, ",");
                if (parse_range(s, end, &first, &last) < 0)
                        return json_refuse(v, e->f,
                                "index \"%s\"; expected indices and ranges of 0 to %u such as "
                                "\"0-3,6\", without blanks",
                                text, VFS_MAX - 1);
                r = add_range(e, v, first, last);
        }
        return r;
}

static int read_index(struct element *e, uint32_t num_vfs)
{
        const struct json_value *v;
        const char *text;
        uint32_t index;
        int r;

        r = json_require(e->v, "index", &v, e->f);
        if (r < 0)
                return r;
        if (json_kind(v) == JSON_STRING) {
                r = json_as_string(v, &text, e->f);
                if (r == 0)
                        r = read_ranges(e, v, text);
        } else if (json_kind(v) == JSON_NUMBER) {
                e->vfs->ranges = calloc(1, sizeof(*e->vfs->ranges));
                if (!e->vfs->ranges)
                        return -ENOMEM;
                r = json_as_u32(v, 0, VFS_MAX - 1, &index, e->f);
                if (r == 0)
                        r = add_range(e, v, index, index);
        } else {
                return json_refuse(v, e->f,
                        "index is neither a number nor a string; expected one such as 3 or "
                        "\"0-3,6\"");
        }
        if (r == 0 && e->last >= num_vfs)
                return json_refuse(v, e->f, "VF %u beyond num_vfs %u; expected 0 to %u", e->last,
                        num_vfs, num_vfs - 1);
        return r;
}

/* ---- templates -------------------------------------------------------------------------------
 */

/* A literal or a template; each of several VFs needs one of its own. */
static int read_mac(struct element *e, const struct json_value *v, const char *text)
{
        static const struct mac any = {{0x02, 0, 0, 0, 0, 1}};
        struct mac mac;

        if (!strpbrk(text, "{}")) {
                if (vf_attrs_set_text(&e->vfs->attrs, VF_ATTR_MAC, text, NULL) < 0)
                        return json_refuse(v, e->f, "mac \"%s\"; expected %s, or \"baseline\"",
                                text, vf_attr_table[VF_ATTR_MAC].range);
                if (e->count > 1 && !mac_is_zero(&e->vfs->attrs.mac))
                        return json_refuse(v, e->f,
                                "one MAC for %u VFs; expected {index} in it, such as "
                                "\"02:00:00:aa:00:{index}\"",
                                e->count);
                return 0;
        }
        /* An index of 1 and this MAC let every good template come out as a unicast address but
         * those that begin with {index} or {pf}: they are judged with the real ones. */
        if (template_mac(text, startswith(text, "{") ? 2 : 1, &any, &mac) < 0)
                return json_refuse(v, e->f,
                        "mac \"%s\"; expected a unicast MAC address in which {index} stands for "
                        "one byte and {pf} for three",
                        text);
        if (str_copy(e->vfs->mac, sizeof(e->vfs->mac), text) < 0)
                return json_refuse(v, e->f, "a template of %zu bytes; expected at most %u",
                        strlen(text), TEMPLATE_MAX - 1);
        if (e->count > 1 && !strstr(text, "{index}"))
                return json_refuse(v, e->f, "one MAC for %u VFs; expected {index} in it", e->count);
        if (e->last > UINT8_MAX && strstr(text, "{index}"))
                return json_refuse(v, e->f,
                        "{index} is one byte in a MAC and VF %u has none; expected an index of at "
                        "most 255",
                        e->last);
        return 0;
}

static int read_name(struct element *e)
{
        const struct json_value *v = json_member(e->v, "name");
        char name[NETDEV_MAX];
        const char *text;
        int r;

        if (!v)
                return 0;
        r = json_as_string(v, &text, e->f);
        if (r < 0)
                return r;
        if (template_name(text, e->last, "p", name) < 0 ||
                str_copy(e->vfs->name, sizeof(e->vfs->name), text) < 0)
                return json_refuse(v, e->f,
                        "name \"%s\" makes no interface name; expected at most 15 letters, "
                        "digits, '.', '_' and '-', and of braces {index} and {pf} alone",
                        text);
        if (e->count > 1 && !strstr(text, "{index}"))
                return json_refuse(
                        v, e->f, "one name for %u VFs; expected {index} in it", e->count);
        e->vfs->wants |= BIT(WISH_NAME);
        return 0;
}

/* ---- attributes ------------------------------------------------------------------------------
 */

static int read_attr_value(struct element *e, const struct json_value *v, enum vf_attr attr)
{
        const struct vf_attr_info *info = &vf_attr_table[attr];
        const char *text;
        bool on = false;
        unsigned word;
        uint32_t n;
        int r;

        switch (info->type) {
        case ATTR_NUMBER:
                r = json_as_u32(v, 0, info->max, &n, e->f);
                return r < 0 ? r : vf_attrs_set_number(&e->vfs->attrs, attr, n, e->f);
        case ATTR_SWITCH:
                r = json_as_bool(v, &on, e->f);
                return r < 0 ? r : vf_attrs_set_number(&e->vfs->attrs, attr, on, e->f);
        case ATTR_WORD:
                r = config_parse_word(v, info->name, info->words, info->max, &word, e->f);
                return r < 0 ? r : vf_attrs_set_number(&e->vfs->attrs, attr, word, e->f);
        case ATTR_MAC_ADDRESS:
                r = json_as_string(v, &text, e->f);
                return r < 0 ? r : read_mac(e, v, text);
        case ATTR_GUID:
                break;
        }
        r = json_as_string(v, &text, e->f);
        if (r == 0 && vf_attrs_set_text(&e->vfs->attrs, attr, text, NULL) < 0)
                r = json_refuse(v, e->f, "%s \"%s\"; expected %s, or \"baseline\"", info->name,
                        text, info->range);
        return r;
}

static int read_attr(struct element *e, enum vf_attr attr)
{
        const struct json_value *v = json_member(e->v, vf_attr_table[attr].name);
        const char *text;

        if (!v)
                return 0;
        if (json_kind(v) == JSON_STRING && json_as_string(v, &text, e->f) == 0 &&
                streq(text, CONFIG_RESET)) {
                e->vfs->attrs.reset |= BIT(attr);
                return 0;
        }
        return read_attr_value(e, v, attr);
}

static int read_attrs(struct element *e)
{
        const struct vf_attrs *a = &e->vfs->attrs;
        int r = 0;

        for (unsigned attr = 0; attr < VF_ATTR_MAX && r == 0; attr++)
                r = read_attr(e, attr);
        if (r == 0 && vf_attrs_check(a, NULL) < 0)
                return json_refuse(json_member(e->v, "min_tx_rate"), e->f,
                        "min_tx_rate %u is above max_tx_rate %u; expected at most that, or a "
                        "max_tx_rate of 0 for unlimited",
                        a->min_tx_rate, a->max_tx_rate);
        return r;
}

/* ---- the rest --------------------------------------------------------------------------------
 */

/* also: a word that is no driver's name. */
static int read_driver(struct element *e, const char *key, enum wish_key wish, const char *also,
        char to[static DRIVER_MAX])
{
        const struct json_value *v = json_member(e->v, key);
        struct fault why = FAULT_NULL;
        const char *name;
        int r;

        if (!v)
                return 0;
        r = json_as_string(v, &name, e->f);
        if (r < 0)
                return r;
        if (!streq(name, also) && driver_check(name, &why) < 0)
                return json_refuse(v, e->f, "%s; or \"%s\"", why.text, also);
        e->vfs->wants |= BIT(wish);
        return str_copy(to, DRIVER_MAX, name);
}

static int read_pool(struct element *e)
{
        const struct json_value *v = json_member(e->v, "pool");
        const char *name;
        int r;

        if (!v)
                return 0;
        r = json_as_string(v, &name, e->f);
        if (r < 0)
                return r;
        if (!pool_valid(name))
                return json_refuse(v, e->f,
                        "pool \"%s\"; expected 1 to %u letters, digits, '_', '.' and '-'", name,
                        POOL_MAX - 1);
        return str_copy(e->vfs->pool, sizeof(e->vfs->pool), name);
}

static int read_shared_group(struct element *e)
{
        bool shared = false;
        int r;

        r = json_opt_bool(e->v, "shared_group", &shared, e->f);
        if (r > 0)
                e->vfs->shared_group = shared;
        return r < 0 ? r : 0;
}

static int read_rest(struct element *e)
{
        struct declared_vfs *vfs = e->vfs;
        int r;

        r = read_driver(e, "driver", WISH_DRIVER, "none", vfs->driver);
        if (r == 0)
                r = read_driver(e, "driver_override", WISH_OVERRIDE, "", vfs->override);
        if (r == 0)
                r = json_opt_u32(e->v, "msix", 1, MSIX_MAX, &vfs->msix, e->f);
        if (r > 0)
                vfs->wants |= BIT(WISH_MSIX);
        if (r >= 0)
                r = read_name(e);
        if (r >= 0)
                r = read_pool(e);
        if (r >= 0)
                r = read_shared_group(e);
        return r < 0 ? r : config_parse_nm_managed(e->v, &vfs->nm_managed, e->f);
}

static int check_keys(const struct element *e)
{
        static const char *const others[] = {"index", "driver", "driver_override", "msix", "name",
                "pool", "shared_group", "nm_managed", NULL};
        const char *keys[VF_ATTR_MAX + ELEMENTSOF(others)];

        for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                keys[i] = vf_attr_table[i].name;
        memcpy(keys + VF_ATTR_MAX, others, sizeof(others));
        return json_check_keys(e->v, keys, e->f);
}

int config_parse_vfs(
        const struct json_value *v, uint32_t num_vfs, struct declared_vfs *ret, struct fault *f)
{
        struct element e = {.v = v, .vfs = ret, .f = f};
        int r;

        ret->shared_group = ret->nm_managed = -1;
        r = check_keys(&e);
        if (r == 0)
                r = json_where(v, ret->where, sizeof(ret->where));
        if (r == 0)
                r = read_index(&e, num_vfs);
        if (r == 0)
                r = read_attrs(&e);
        return r < 0 ? r : read_rest(&e);
}
