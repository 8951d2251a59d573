/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VF attributes as words of the command line. Loop thread. */
#include "ctl/pairs.h"
#include "base/suggest.h"

int pair_parse(const char *pair, struct vf_attrs *a, struct fault *f)
{
        const char *names[VF_ATTR_MAX + 1] = {NULL}, *near;
        const char *equals = strchr(pair, '=');
        char key[64] = "";
        enum vf_attr attr;

        if (!equals || equals == pair)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "'%s' refused: expected KEY=VALUE, such as vlan=100", pair);
        if ((size_t) (equals - pair) < sizeof(key))
                memcpy(key, pair, (size_t) (equals - pair));
        attr = vf_attr_from_name(key);
        if (attr < VF_ATTR_MAX)
                return vf_attrs_set_text(a, attr, equals + 1, f);
        for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                names[i] = vf_attr_table[i].name;
        near = suggest(key, names);
        return fault_set(f, FAULT_INVALID_ARGS, 0, "unknown key '%.*s'%s%s%s",
                (int) (equals - pair), pair,
                near ? ": did you mean " : "; sriovctl help set lists them", near ? near : "",
                near ? "?" : "");
}

static int append_attr(sd_bus_message *m, const struct vf_attrs *a, enum vf_attr attr)
{
        const struct vf_attr_info *info = &vf_attr_table[attr];
        char text[VF_ATTR_STR_MAX] = "baseline";

        if (vf_attrs_has(a, attr)) {
                if (info->type == ATTR_NUMBER)
                        return sd_bus_message_append(
                                m, "{sv}", info->name, "u", vf_attrs_number(a, attr));
                if (info->type == ATTR_SWITCH)
                        return sd_bus_message_append(
                                m, "{sv}", info->name, "b", (int) vf_attrs_number(a, attr));
                vf_attrs_format(a, attr, text);
        }
        return sd_bus_message_append(m, "{sv}", info->name, "s", text);
}

int pairs_append(sd_bus_message *m, const struct vf_attrs *a)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (unsigned i = 0; i < VF_ATTR_MAX && r >= 0; i++)
                if ((a->present | a->reset) & BIT(i))
                        r = append_attr(m, a, i);
        return r < 0 ? r : sd_bus_message_close_container(m);
}
