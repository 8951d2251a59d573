/* SPDX-License-Identifier: GPL-2.0-or-later */
/* org.sriovd1.Manager at the root object. Loop thread. */
#include "daemon/bus_internal.h"

static int find(struct bus *bus, sd_bus_message *m, struct fault *f)
{
        const struct pf_entry *pf;
        char path[BUS_PATH_MAX];
        const char *name;
        uint32_t vf;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r <= 0)
                return bus_malformed(r, f);
        r = state_find(&bus->daemon->state, name, &pf, &vf, f);
        if (r < 0)
                return r;
        bus_path_of_device(path, &pf->facts.id, vf);
        (void) sd_bus_reply_method_return(m, "o", path);
        return 0;
}

BUS_GETTER(get_version)
{
        (void) userdata;
        return sd_bus_message_append(reply, "s", PACKAGE_VERSION);
}

BUS_GETTER(get_backend)
{
        return sd_bus_message_append(reply, "s", ((struct bus *) userdata)->daemon->backend_name);
}

BUS_GETTER(get_connected)
{
        return sd_bus_message_append(reply, "b",
                (int) backend_client_is_connected(((struct bus *) userdata)->daemon->backend));
}

static const struct bus_method methods[] = {
        {"Plan", "a(ss)", "s", SD_BUS_PARAM(files) SD_BUS_PARAM(plan), AUTHZ_FREE,
                .call = bus_plan},
        {"Apply", "a(ss)a{sv}", "s", SD_BUS_PARAM(files) SD_BUS_PARAM(options) SD_BUS_PARAM(result),
                AUTHZ_BY_JUDGE, .judge = bus_judge_files, .act = bus_apply},
        {"Confirm", "", "", "", AUTHZ_BY_JUDGE, .judge = bus_judge_none, .act = bus_confirm},
        {"Rollback", "", "s", SD_BUS_PARAM(result), AUTHZ_BY_JUDGE, .judge = bus_judge_none,
                .act = bus_rollback},
        {"Save", "", "s", SD_BUS_PARAM(config), AUTHZ_FREE, .call = bus_save},
        {"AcquireVf", "a{sv}a{sv}", "ooa{sv}",
                SD_BUS_PARAM(selector) SD_BUS_PARAM(options) SD_BUS_PARAM(lease) SD_BUS_PARAM(vf)
                        SD_BUS_PARAM(info),
                AUTHZ_BY_JUDGE, .judge = bus_judge_acquire, .act = bus_acquire},
        {"ReleaseVf", "t", "", SD_BUS_PARAM(lease), AUTHZ_BY_JUDGE, .judge = bus_judge_release,
                .act = bus_release},
        {"Find", "s", "o", SD_BUS_PARAM(name) SD_BUS_PARAM(object), AUTHZ_FREE, .call = find},
};

#define CONFIG BIT(1)

static const struct bus_property properties[] = {
        {"ConfigState", "s", bus_get_conf_state, 0, CONFIG},
        {"ConfigText", "s", bus_get_conf_text, 0, CONFIG},
        {"Applied", "b", bus_get_applied, 0, CONFIG},
        {"Absent", "as", bus_get_absent, 0, CONFIG},
        {"ConfirmDeadline", "t", bus_get_deadline, 0, CONFIG},
        {"Rivals", "as", bus_get_rivals, 0, CONFIG},
        {"Version", "s", get_version, 0, 0},
        {"Backend", "s", get_backend, 0, BIT(0)},
        {"BackendConnected", "b", get_connected, 0, BIT(0)},
};

static const struct bus_signal signals[] = {
        {"JobRemoved", "uoss",
                SD_BUS_PARAM(id) SD_BUS_PARAM(job) SD_BUS_PARAM(result) SD_BUS_PARAM(text)},
};

const struct bus_interface bus_manager = {
        .name = BUS_NAME ".Manager",
        .prefix = BUS_ROOT,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
        .properties = properties,
        .n_properties = ELEMENTSOF(properties),
        .signals = signals,
        .n_signals = ELEMENTSOF(signals),
};
