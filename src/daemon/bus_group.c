/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * org.sriovd1.IommuGroup: properties from struct group_facts, and what model/group.h makes of it.
 * A verdict depends on more than the group, so getters are given the bus and look the group up.
 * Loop thread.
 */
#include "daemon/bus_internal.h"
#include "model/group.h"

static const struct groups *groups_of(const struct bus *b)
{
        return &b->daemon->state.groups;
}

static const struct group_facts *group_at(const struct bus *b, const char *path)
{
        uint32_t id;

        if (bus_path_to_number(path, BUS_GROUP, &id) < 0 || id > INT32_MAX)
                return NULL;
        return groups_find(groups_of(b), (int32_t) id);
}

/* find() has said that there is one. */
static void report_at(const struct bus *b, const char *path, struct group_report *ret)
{
        group_judge(groups_of(b), group_at(b, path), NULL, ret);
}

BUS_GETTER(get_id)
{
        return sd_bus_message_append(reply, "u", (uint32_t) group_at(userdata, path)->id);
}

BUS_GETTER(get_type)
{
        return sd_bus_message_append(reply, "s", group_at(userdata, path)->type);
}

BUS_GETTER(get_verdict)
{
        struct group_report report;

        report_at(userdata, path, &report);
        return sd_bus_message_append(reply, "s", group_verdict_name(report.verdict));
}

BUS_GETTER(get_reason)
{
        struct group_report report;

        report_at(userdata, path, &report);
        return sd_bus_message_append(reply, "s", report.reason);
}

BUS_GETTER(get_advice)
{
        struct group_report report;

        report_at(userdata, path, &report);
        return sd_bus_message_append(reply, "s", report.advice);
}

BUS_GETTER(get_breaks_at)
{
        struct group_report report;

        report_at(userdata, path, &report);
        return sd_bus_message_append(reply, "s", report.breaks_at ? report.breaks_at->address : "");
}

BUS_GETTER(get_devices)
{
        const struct group_facts *group = group_at(userdata, path);
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(ssu)");
        for (uint32_t i = 0; r >= 0 && i < group->n_devices; i++)
                r = sd_bus_message_append(reply, "(ssu)", group->devices[i].address,
                        group->devices[i].driver, group->devices[i].pci_class);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

BUS_GETTER(get_above)
{
        const struct group_facts *group = group_at(userdata, path);
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (uint32_t i = 0; r >= 0 && i < group->n_devices; i++)
                r = sd_bus_message_append(reply, "s", group->devices[i].parent);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

BUS_GETTER(get_in_the_way)
{
        const struct group_facts *group = group_at(userdata, path);
        struct group_report report;
        int r;

        group_judge(groups_of(userdata), group, NULL, &report);
        r = sd_bus_message_open_container(reply, 'a', "s");
        for (uint32_t i = 0; r >= 0 && i < group->n_devices; i++)
                if (report.n_in_the_way > 0 && group_in_the_way(&group->devices[i], NULL))
                        r = sd_bus_message_append(reply, "s", group->devices[i].address);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

BUS_GETTER(get_path)
{
        _cleanup_(freep) struct group_hop *hops = NULL;
        size_t n = 0;
        int r;

        r = group_path(groups_of(userdata), group_at(userdata, path), &hops, &n);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sssii)");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(reply, "(sssii)", hops[i].bridge->address,
                        hops[i].bridge->parent, hops[i].bridge->kind, hops[i].bridge->acs,
                        (int32_t) hops[i].isolates);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

BUS_GETTER(get_reserved)
{
        const struct group_facts *group = group_at(userdata, path);
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(tts)");
        for (uint32_t i = 0; r >= 0 && i < group->n_reserved; i++)
                r = sd_bus_message_append(reply, "(tts)", group->reserved[i].start,
                        group->reserved[i].end, group->reserved[i].type);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int find(_unused_ sd_bus *bus, const char *path, _unused_ const char *interface,
        void *userdata, void **ret_found, _unused_ sd_bus_error *error)
{
        *ret_found = userdata;
        return group_at(userdata, path) != NULL;
}

int bus_predict_vfs(struct bus *b, sd_bus_message *m, struct fault *f)
{
        const struct pf_facts *pf;
        struct group_report report;
        int r;

        r = bus_find_device(b, sd_bus_message_get_path(m), &pf, NULL, f);
        if (r < 0)
                return r;
        if (!group_predict(groups_of(b), pf, &report))
                return fault_set(f, FAULT_NOT_FOUND, 0,
                        "IOMMU group %d of %s was not read yet; try again", pf->iommu_group,
                        dev_id_address(&pf->id));
        r = sd_bus_reply_method_return(
                m, "sss", group_verdict_name(report.verdict), report.reason, report.advice);
        return r < 0 ? fault_set(f, FAULT_INTERNAL, -r, "the reply could not be written") : 0;
}

/* A group's change does not say what of it. */
static const struct bus_property properties[] = {
        {"Id", "u", get_id, 0, 0},
        {"Type", "s", get_type, 0, BIT(0)},
        {"Verdict", "s", get_verdict, 0, BIT(0)},
        {"Reason", "s", get_reason, 0, BIT(0)},
        {"Advice", "s", get_advice, 0, BIT(0)},
        {"Devices", "a(ssu)", get_devices, 0, BIT(0)},
        {"Above", "as", get_above, 0, BIT(0)},
        {"InTheWay", "as", get_in_the_way, 0, BIT(0)},
        {"BreaksAt", "s", get_breaks_at, 0, BIT(0)},
        {"Path", "a(sssii)", get_path, 0, BIT(0)},
        {"Reserved", "a(tts)", get_reserved, 0, BIT(0)},
};

const struct bus_interface bus_group = {
        .name = BUS_NAME ".IommuGroup",
        .prefix = BUS_GROUP,
        .find = find,
        .properties = properties,
        .n_properties = ELEMENTSOF(properties),
};
