/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces as tables of rows, and the sd_bus_vtable made of them. Loop thread.
 *
 * A method can only get onto the bus as a row that says who may call it: one that does not is
 * refused when the daemon starts, before it takes its name.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "model/request.h"

struct bus;

enum authz_policy {
        AUTHZ_MISSING,              /* the row forgot to say */
        AUTHZ_FREE,                 /* reading: everybody */
        AUTHZ_BY_REQUEST,           /* changes: the polkit action of request_risk() */
        AUTHZ_BY_JUDGE,             /* changes of several PFs: what `judge` finds in the message */
        AUTHZ_CONFIGURE_UNLESS_OWN, /* org.sriovd1.configure, but for whoever `owns` says yes to */
        AUTHZ_POLICY_MAX,
};

/* Who may call a method, by what is in its message. */
struct judgement {
        enum risk risk;
        bool anybody;   /* it will do nothing */
        uint32_t owner; /* this uid need not be asked about; 0: no more than otherwise */
};

struct bus_method {
        const char *member;
        const char *in, *out;
        const char *names; /* of all arguments: SD_BUS_PARAM(count) SD_BUS_PARAM(options) */
        enum authz_policy policy;
        /* AUTHZ_BY_REQUEST: the message as a request, and nothing else. pf and vf are known. */
        int (*decode)(sd_bus_message *m, struct request *r, struct fault *f);
        /* The others: does it, and replies now or later unless it fails. */
        int (*call)(struct bus *bus, sd_bus_message *m, struct fault *f);
        /* AUTHZ_BY_JUDGE: which action it needs; reads the message, which is rewound for act. */
        int (*judge)(struct bus *bus, sd_bus_message *m, struct judgement *ret, struct fault *f);
        /* Does it for this uid, and replies now or later unless it fails. */
        int (*act)(struct bus *bus, sd_bus_message *m, uint32_t uid, struct fault *f);
        /* AUTHZ_CONFIGURE_UNLESS_OWN. */
        bool (*owns)(struct bus *bus, sd_bus_message *m);
};

struct bus_property {
        const char *name;
        const char *type;
        sd_bus_property_get_t get; /* NULL: sd-bus reads a number at the offset */
        size_t offset;             /* in what find() gives */
        uint32_t fields; /* changes with any of these bits of struct change; 0: never changes */
};

struct bus_signal {
        const char *member;
        const char *signature;
        const char *names;
};

struct bus_interface {
        const char *name;
        const char *prefix;        /* where its objects are */
        sd_bus_object_find_t find; /* NULL: the object is the prefix, its userdata the bus */
        const struct bus_method *methods;
        size_t n_methods;
        const struct bus_property *properties;
        size_t n_properties;
        const struct bus_signal *signals;
        size_t n_signals;
};

/* A row without a policy, or whose functions do not go with it. -EINVAL, and f names the row. */
int bus_table_check(const struct bus_interface *interface, struct fault *f);

/* Checks and converts; handler gets every call. The caller frees *ret, after the connection. */
int bus_table_build(const struct bus_interface *interface, sd_bus_message_handler_t handler,
        sd_bus_vtable **ret, struct fault *f);

/* NULL when the interface has no such method. */
const struct bus_method *bus_table_method(
        const struct bus_interface *interface, const char *member);

/*
 * The names of the properties that change with these fields, NULL-terminated. ret has room for
 * n_properties + 1.
 */
void bus_table_changed(const struct bus_interface *interface, uint32_t fields, char **ret);

/* Getters for what lies at a row's offset: a char array; a bool; words with blanks between. */
int bus_get_string(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error);
int bus_get_bool(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error);
int bus_get_words(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error);

/* A getter that another file defines. */
#define BUS_GETTER_DECLARE(name)                                                                   \
        int name(sd_bus *bus, const char *path, const char *interface, const char *property,       \
                sd_bus_message *reply, void *userdata, sd_bus_error *error)

/* The head of one that is. */
#define BUS_GETTER_SHARED(name)                                                                    \
        int name(_unused_ sd_bus *bus, _unused_ const char *path, _unused_ const char *interface,  \
                _unused_ const char *property, sd_bus_message *reply, void *userdata,              \
                _unused_ sd_bus_error *error)

/* The head of a getter of one's own. */
#define BUS_GETTER(name)                                                                           \
        static int name(_unused_ sd_bus *bus, _unused_ const char *path,                           \
                _unused_ const char *interface, _unused_ const char *property,                     \
                sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error)
