/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict dictionaries: messages to requests. Decides nothing. Loop thread. */
#include <stdio.h>

#include "daemon/bus_internal.h"

static const struct option {
        const char *key;
        char type;
        size_t offset; /* of a bool in struct request */
} options[BUS_OPTION_MAX] = {
        [BUS_OPTION_FORCE] = {"force", 'b', offsetof(struct request, force)},
        [BUS_OPTION_REPLACE] = {"replace", 'b', offsetof(struct request, replace)},
        [BUS_OPTION_DRIVER] = {"driver", 's', 0},
        [BUS_OPTION_SHARED] = {"shared", 'b', offsetof(struct request, shared)},
};

int bus_malformed(int error, struct fault *f)
{
        return fault_set(f, FAULT_INVALID_ARGS, 0, "the message could not be read: %s",
                strerror(error < 0 ? -error : EBADMSG));
}

int bus_next_entry(sd_bus_message *m, const char **ret_key, const char **ret_type, struct fault *f)
{
        char type;
        int r;

        r = sd_bus_message_enter_container(m, 'e', "sv");
        if (r == 0)
                return 0;
        if (r > 0)
                r = sd_bus_message_read(m, "s", ret_key);
        if (r > 0)
                r = sd_bus_message_peek_type(m, &type, ret_type);
        if (r > 0)
                r = sd_bus_message_enter_container(m, 'v', *ret_type);
        return r > 0 ? 1 : bus_malformed(r, f);
}

int bus_end_entry(sd_bus_message *m, struct fault *f)
{
        int r;

        r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? bus_malformed(r, f) : 0;
}

int bus_wrong_type(
        const char *what, const char *key, char expected, const char *type, struct fault *f)
{
        return fault_set(f, FAULT_INVALID_ARGS, 0,
                "%s '%s' refused: expected a value of type %c, not %s", what, key, expected, type);
}

int bus_decode_driver(sd_bus_message *m, struct request *r, struct fault *f)
{
        const char *name;
        int rc;

        rc = sd_bus_message_read(m, "s", &name);
        if (rc <= 0)
                return bus_malformed(rc, f);
        if (!name[0] || str_copy(r->driver, sizeof(r->driver), name) < 0)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "driver '%s' refused: expected a driver's name of 1 to %d characters", name,
                        DRIVER_MAX - 1);
        return 0;
}

static int unknown_option(const char *key, uint32_t allowed, struct fault *f)
{
        char list[64];
        size_t n = 0;

        for (unsigned i = 0; i < BUS_OPTION_MAX; i++)
                if (allowed & BIT(i))
                        n += (size_t) snprintf(
                                list + n, sizeof(list) - n, "%s%s", n ? ", " : "", options[i].key);
        return fault_set(
                f, FAULT_INVALID_ARGS, 0, "option '%s' refused: expected one of: %s", key, list);
}

static int read_option(
        sd_bus_message *m, const struct option *option, struct request *r, struct fault *f)
{
        int on, rc;

        if (option->type == 's')
                return bus_decode_driver(m, r, f);
        rc = sd_bus_message_read(m, "b", &on);
        if (rc <= 0)
                return bus_malformed(rc, f);
        *(bool *) ((char *) r + option->offset) = on;
        return 0;
}

int bus_decode_options(sd_bus_message *m, uint32_t allowed, struct request *r, struct fault *f)
{
        const char *key, *type;
        uint32_t seen = 0;
        int rc;

        rc = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (rc < 0)
                return bus_malformed(rc, f);
        while ((rc = bus_next_entry(m, &key, &type, f)) > 0) {
                unsigned i = 0;

                while (i < BUS_OPTION_MAX && !((allowed & BIT(i)) && streq(options[i].key, key)))
                        i++;
                if (i == BUS_OPTION_MAX)
                        return unknown_option(key, allowed, f);
                if (seen & BIT(i))
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "option '%s' refused: it is given twice", key);
                seen |= BIT(i);
                if (type[0] != options[i].type || type[1])
                        return bus_wrong_type("option", key, options[i].type, type, f);
                rc = read_option(m, &options[i], r, f);
                if (rc == 0)
                        rc = bus_end_entry(m, f);
                if (rc < 0)
                        return rc;
        }
        return rc;
}

static char attr_type(enum vf_attr attr)
{
        switch (vf_attr_table[attr].type) {
        case ATTR_NUMBER:
                return 'u';
        case ATTR_SWITCH:
                return 'b';
        case ATTR_MAC_ADDRESS:
        case ATTR_WORD:
        case ATTR_GUID:
                break;
        }
        return 's';
}

/* A string for a number or a switch can only be the word that resets it. */
static int read_attr_text(sd_bus_message *m, enum vf_attr attr, struct vf_attrs *a, struct fault *f)
{
        const char *name = vf_attr_table[attr].name;
        char expected = attr_type(attr);
        const char *text;
        int r;

        r = sd_bus_message_read(m, "s", &text);
        if (r <= 0)
                return bus_malformed(r, f);
        if (expected != 's' && !streq(text, "baseline"))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "%s='%s' refused: expected a value of type %c (%s), or the string "
                        "'baseline'",
                        name, text, expected, vf_attr_table[attr].range);
        return vf_attrs_set_text(a, attr, text, f);
}

static int read_attr(
        sd_bus_message *m, enum vf_attr attr, const char *type, struct vf_attrs *a, struct fault *f)
{
        union {
                uint32_t number;
                int on;
        } value = {0};
        int r;

        if (streq(type, "s"))
                return read_attr_text(m, attr, a, f);
        if (type[0] != attr_type(attr) || type[1])
                return bus_wrong_type(
                        "attribute", vf_attr_table[attr].name, attr_type(attr), type, f);
        r = sd_bus_message_read_basic(m, type[0], &value);
        if (r <= 0)
                return bus_malformed(r, f);
        return vf_attrs_set_number(a, attr, type[0] == 'b' ? (uint64_t) value.on : value.number, f);
}

int bus_decode_attrs(sd_bus_message *m, struct vf_attrs *attrs, struct fault *f)
{
        const char *key, *type;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return bus_malformed(r, f);
        while ((r = bus_next_entry(m, &key, &type, f)) > 0) {
                enum vf_attr attr = vf_attr_from_name(key);

                if (attr == VF_ATTR_MAX)
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "attribute '%s' refused: expected mac, vlan, qos, vlan_proto, "
                                "min_tx_rate, max_tx_rate, spoofchk, trust, link_state, query_rss, "
                                "node_guid or port_guid",
                                key);
                r = read_attr(m, attr, type, attrs, f);
                if (r == 0)
                        r = bus_end_entry(m, f);
                if (r < 0)
                        return r;
        }
        return r;
}
