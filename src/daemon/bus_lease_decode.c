/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two dictionaries of AcquireVf. Decides nothing. Loop thread. */
#include "daemon/bus_internal.h"

enum key_kind { KEY_TEXT, KEY_NUMBER, KEY_SWITCH, KEY_FD, KEY_ATTRS };

struct key {
        const char *name;
        enum key_kind kind;
        size_t offset; /* in struct lease_question */
        size_t size;   /* of a text */
};

#define TEXT(name, member)                                                                         \
        {                                                                                          \
                name, KEY_TEXT, offsetof(struct lease_question, member),                           \
                        sizeof(((struct lease_question *) 0)->member)                              \
        }
#define KEY(name, kind, member)                                                                    \
        {                                                                                          \
                name, kind, offsetof(struct lease_question, member), 0                             \
        }

static const struct key selector_keys[] = {
        TEXT("pf", selector.pf),
        TEXT("vf", selector.vf),
        TEXT("pool", selector.pool),
        TEXT("driver", selector.driver),
        KEY("numa_node", KEY_NUMBER, selector.numa_node),
        KEY("attributes", KEY_ATTRS, selector.attrs),
};

static const struct key option_keys[] = {
        TEXT("driver", driver),
        TEXT("label", label),
        KEY("set", KEY_ATTRS, terms.attrs),
        KEY("pidfd", KEY_FD, terms.pidfd),
        KEY("persistent", KEY_SWITCH, persistent),
};

static int read_text(sd_bus_message *m, const struct key *key, void *to, struct fault *f)
{
        const char *text;
        int r;

        r = sd_bus_message_read(m, "s", &text);
        if (r <= 0)
                return bus_malformed(r, f);
        if (!text[0] || str_copy(to, key->size, text) < 0)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "%s='%s' refused: expected a text of 1 to %zu bytes", key->name, text,
                        key->size - 1);
        return 0;
}

static int read_attrs(sd_bus_message *m, void *to, struct fault *f)
{
        int r;

        r = bus_decode_attrs(m, to, f);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        return r < 0 ? bus_malformed(r, f) : 0;
}

static int read_value(sd_bus_message *m, const struct key *key, void *to, struct fault *f)
{
        static const char types[] = {[KEY_NUMBER] = 'i', [KEY_SWITCH] = 'b', [KEY_FD] = 'h'};
        int value, r;

        if (key->kind == KEY_TEXT)
                return read_text(m, key, to, f);
        if (key->kind == KEY_ATTRS)
                return read_attrs(m, to, f);
        r = sd_bus_message_read_basic(m, types[key->kind], &value);
        if (r <= 0)
                return bus_malformed(r, f);
        if (key->kind == KEY_SWITCH)
                *(bool *) to = value;
        else
                *(int *) to = value;
        return 0;
}

static int unknown_key(
        const char *what, const char *name, const struct key *keys, size_t n, struct fault *f)
{
        fault_set(f, FAULT_INVALID_ARGS, 0, "%s '%s' refused: expected one of:", what, name);
        for (size_t i = 0; i < n; i++) {
                fault_append(f, i > 0 ? ", " : " ");
                fault_append(f, keys[i].name);
        }
        return -EINVAL;
}

static int read_keys(sd_bus_message *m, const char *what, const struct key *keys, size_t n,
        struct lease_question *q, uint32_t *ret_seen, struct fault *f)
{
        static const char *const types[] = {[KEY_TEXT] = "s",
                [KEY_NUMBER] = "i",
                [KEY_SWITCH] = "b",
                [KEY_FD] = "h",
                [KEY_ATTRS] = "a{sv}"};
        const char *name, *type;
        uint32_t seen = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return bus_malformed(r, f);
        while ((r = bus_next_entry(m, &name, &type, f)) > 0) {
                size_t i = 0;

                while (i < n && !streq(keys[i].name, name))
                        i++;
                if (i == n)
                        return unknown_key(what, name, keys, n, f);
                if (seen & BIT(i))
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "%s '%s' refused: it is given twice", what, name);
                seen |= BIT(i);
                if (!streq(type, types[keys[i].kind]))
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "%s '%s' refused: expected a value of type %s, not %s", what, name,
                                types[keys[i].kind], type);
                r = read_value(m, &keys[i], (char *) q + keys[i].offset, f);
                if (r == 0)
                        r = bus_end_entry(m, f);
                if (r < 0)
                        return r;
        }
        if (r == 0)
                r = sd_bus_message_exit_container(m);
        *ret_seen = seen;
        return r < 0 ? r : 0;
}

static int check(const struct lease_question *q, uint32_t seen, struct fault *f)
{
        const struct lease_selector *s = &q->selector;

        if ((seen & BIT(4)) && s->numa_node < 0)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "numa_node=%d refused: expected 0 or more", s->numa_node);
        if (s->pool[0] && !pool_valid(s->pool))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "pool='%s' refused: expected 1 to %d of A-Z a-z 0-9 _ . -", s->pool,
                        LEASE_POOL_MAX - 1);
        if (s->driver[0] && !driver_name_valid(s->driver))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "driver='%s' refused: expected a driver's name, or none", s->driver);
        if (q->terms.pidfd >= 0 && q->persistent)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "options 'pidfd' and 'persistent' exclude each other");
        return 0;
}

int bus_decode_lease(sd_bus_message *m, struct lease_question *ret, struct fault *f)
{
        uint32_t seen, options;
        int r;

        *ret = (struct lease_question){.selector.numa_node = -1, .terms.pidfd = -1};
        r = read_keys(m, "selector", selector_keys, ELEMENTSOF(selector_keys), ret, &seen, f);
        if (r == 0)
                r = read_keys(m, "option", option_keys, ELEMENTSOF(option_keys), ret, &options, f);
        if (r == 0)
                r = check(ret, seen, f);
        if (r < 0)
                return r;
        ret->terms.owner = ret->terms.pidfd >= 0 ? LEASE_OWNER_PID
                           : ret->persistent     ? LEASE_OWNER_PERSISTENT
                                                 : LEASE_OWNER_BUS;
        ret->terms.driver = ret->driver[0] ? ret->driver : NULL;
        ret->terms.label = ret->label[0] ? ret->label : NULL;
        return 0;
}
