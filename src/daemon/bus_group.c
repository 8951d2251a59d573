/* SPDX-License-Identifier: GPL-2.0-or-later */
/* org.sriovd1.IommuGroup: properties from struct group_facts. Loop thread. */
#include "daemon/bus_internal.h"

BUS_GETTER(get_verdict)
{
        char reason[512];

        return sd_bus_message_append(reply, "s",
                group_verdict_name(group_judge(userdata, NULL, reason, sizeof(reason))));
}

BUS_GETTER(get_reason)
{
        char reason[512];

        (void) group_judge(userdata, NULL, reason, sizeof(reason));
        return sd_bus_message_append(reply, "s", reason);
}

BUS_GETTER(get_devices)
{
        const struct group_facts *group = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(ssu)");
        for (uint32_t i = 0; r >= 0 && i < group->n_devices; i++)
                r = sd_bus_message_append(reply, "(ssu)", group->devices[i].address,
                        group->devices[i].driver, group->devices[i].pci_class);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int find(_unused_ sd_bus *bus, const char *path, _unused_ const char *interface,
        void *userdata, void **ret_found, _unused_ sd_bus_error *error)
{
        const struct bus *b = userdata;
        const struct group_facts *group;
        uint32_t id;

        if (bus_path_to_number(path, BUS_GROUP, &id) < 0 || id > INT32_MAX)
                return 0;
        group = groups_find(&b->daemon->state.groups, (int32_t) id);
        *ret_found = (void *) group;
        return group != NULL;
}

/* A group's change does not say what of it. */
static const struct bus_property properties[] = {
        {"Id", "u", NULL, offsetof(struct group_facts, id), 0},
        {"Type", "s", bus_get_string, offsetof(struct group_facts, type), BIT(0)},
        {"Verdict", "s", get_verdict, 0, BIT(0)},
        {"Reason", "s", get_reason, 0, BIT(0)},
        {"Devices", "a(ssu)", get_devices, 0, BIT(0)},
};

const struct bus_interface bus_group = {
        .name = BUS_NAME ".IommuGroup",
        .prefix = BUS_GROUP,
        .find = find,
        .properties = properties,
        .n_properties = ELEMENTSOF(properties),
};
