/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows -> sd_bus_vtable, and the getters most rows use. Loop thread. */
#include "daemon/bus_table.h"

static int refuse(const struct bus_interface *i, const struct bus_method *row, const char *why,
        struct fault *f)
{
        return fault_set(f, FAULT_INTERNAL, EINVAL, "method %s.%s can not be offered: %s", i->name,
                row->member, why);
}

int bus_table_check(const struct bus_interface *interface, struct fault *f)
{
        for (size_t i = 0; i < interface->n_methods; i++) {
                const struct bus_method *row = &interface->methods[i];
                bool by_request = row->policy == AUTHZ_BY_REQUEST;
                bool by_judge = row->policy == AUTHZ_BY_JUDGE;
                bool unless_own = row->policy == AUTHZ_CONFIGURE_UNLESS_OWN;

                if (row->policy == AUTHZ_MISSING || row->policy >= AUTHZ_POLICY_MAX)
                        return refuse(interface, row, "its row does not say who may call it", f);
                if (!row->decode == by_request || !row->call != (by_request || by_judge))
                        return refuse(
                                interface, row, "a request is decoded, all else is called", f);
                if (!row->judge == by_judge || !row->act == by_judge)
                        return refuse(interface, row, "what it endangers is judged by nobody", f);
                if (!row->owns == unless_own)
                        return refuse(interface, row, "its row does not say whose it is", f);
        }
        return 0;
}

int bus_table_build(const struct bus_interface *interface, sd_bus_message_handler_t handler,
        sd_bus_vtable **ret, struct fault *f)
{
        sd_bus_vtable *v, *at;
        int r;

        r = bus_table_check(interface, f);
        if (r < 0)
                return r;
        v = calloc(interface->n_methods + interface->n_properties + interface->n_signals + 2,
                sizeof(*v));
        if (!v)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        at = v;
        *at++ = (sd_bus_vtable) SD_BUS_VTABLE_START(0);
        /* Unprivileged: sd-bus itself would ask for capabilities, where polkit decides. */
        for (size_t i = 0; i < interface->n_methods; i++) {
                const struct bus_method *m = &interface->methods[i];

                *at++ = (sd_bus_vtable) SD_BUS_METHOD_WITH_NAMES(
                        m->member, m->in, m->names, m->out, , handler, SD_BUS_VTABLE_UNPRIVILEGED);
        }
        for (size_t i = 0; i < interface->n_properties; i++) {
                const struct bus_property *p = &interface->properties[i];

                *at++ = (sd_bus_vtable) SD_BUS_PROPERTY(p->name, p->type, p->get, p->offset,
                        p->fields ? SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
                                  : SD_BUS_VTABLE_PROPERTY_CONST);
        }
        for (size_t i = 0; i < interface->n_signals; i++) {
                const struct bus_signal *s = &interface->signals[i];

                *at++ = (sd_bus_vtable) SD_BUS_SIGNAL_WITH_NAMES(
                        s->member, s->signature, s->names, 0);
        }
        *at = (sd_bus_vtable) SD_BUS_VTABLE_END;
        *ret = v;
        return 0;
}

const struct bus_method *bus_table_method(const struct bus_interface *interface, const char *member)
{
        for (size_t i = 0; i < interface->n_methods; i++)
                if (streq(interface->methods[i].member, member))
                        return &interface->methods[i];
        return NULL;
}

void bus_table_changed(const struct bus_interface *interface, uint32_t fields, char **ret)
{
        for (size_t i = 0; i < interface->n_properties; i++)
                if (interface->properties[i].fields & fields)
                        *ret++ = (char *) interface->properties[i].name;
        *ret = NULL;
}

int bus_get_string(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
        _unused_ const char *property, sd_bus_message *reply, void *userdata,
        _unused_ sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", (const char *) userdata);
}

int bus_get_bool(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
        _unused_ const char *property, sd_bus_message *reply, void *userdata,
        _unused_ sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", (int) *(const bool *) userdata);
}

int bus_get_words(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,
        _unused_ const char *property, sd_bus_message *reply, void *userdata,
        _unused_ sd_bus_error *error)
{
        const char *words = userdata;
        char word[RESETS_MAX];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        while (r >= 0 && *(words += strspn(words, " "))) {
                size_t n = strcspn(words, " ");

                if (n >= sizeof(word))
                        return -EMSGSIZE;
                memcpy(word, words, n);
                word[n] = '\0';
                r = sd_bus_message_append(reply, "s", word);
                words += n;
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
