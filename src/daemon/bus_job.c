/* SPDX-License-Identifier: GPL-2.0-or-later */
/* org.sriovd1.Job: properties from struct job_view. Loop thread. */
#include "daemon/bus_internal.h"

static const struct job_view *job_at(const struct bus *bus, const char *path)
{
        uint32_t id;

        if (bus_path_to_number(path, BUS_JOB, &id) < 0)
                return NULL;
        return jobs_view(bus->daemon->jobs, id);
}

static bool owns(struct bus *bus, sd_bus_message *m)
{
        const struct job_view *job = job_at(bus, sd_bus_message_get_path(m));
        const char *sender = sd_bus_message_get_sender(m);

        return job && sender && streq(job->client, sender);
}

static int cancel(struct bus *bus, sd_bus_message *m, struct fault *f)
{
        const struct job_view *job = job_at(bus, sd_bus_message_get_path(m));
        int r;

        if (!job)
                return fault_set(f, FAULT_NOT_FOUND, 0, "there is no object %s: the job has ended",
                        sd_bus_message_get_path(m));
        r = jobs_cancel(bus->daemon->jobs, job->id, f);
        if (r == 0)
                (void) sd_bus_reply_method_return(m, NULL);
        return r;
}

BUS_GETTER(get_kind)
{
        const struct job_view *job = userdata;

        return sd_bus_message_append(reply, "s", request_kind_name(job->request.kind));
}

BUS_GETTER(get_description)
{
        const struct job_view *job = userdata;
        char text[256];

        request_describe(&job->request, text, sizeof(text));
        return sd_bus_message_append(reply, "s", text);
}

BUS_GETTER(get_pf)
{
        const struct job_view *job = userdata;
        char pf[BUS_PATH_MAX];

        bus_path_of_device(pf, &job->pf, NO_VF);
        return sd_bus_message_append(reply, "o", pf);
}

BUS_GETTER(get_state)
{
        const struct job_view *job = userdata;

        return sd_bus_message_append(reply, "s", job_state_name(job->state));
}

static int find(_unused_ sd_bus *bus, const char *path, _unused_ const char *interface,
        void *userdata, void **ret_found, _unused_ sd_bus_error *error)
{
        const struct job_view *job = job_at(userdata, path);

        *ret_found = (void *) job;
        return job != NULL;
}

static const struct bus_method methods[] = {
        {"Cancel", "", "", "", AUTHZ_CONFIGURE_UNLESS_OWN, .call = cancel, .owns = owns},
};

#define AT(member) offsetof(struct job_view, member)

/* A job's change does not say what of it. */
static const struct bus_property properties[] = {
        {"Id", "u", NULL, AT(id), 0},
        {"Kind", "s", get_kind, 0, 0},
        {"Description", "s", get_description, 0, 0},
        {"Pf", "o", get_pf, 0, 0},
        {"Client", "s", bus_get_string, AT(client), 0},
        {"StartedUSec", "t", NULL, AT(started_usec), 0},
        {"State", "s", get_state, 0, BIT(0)},
        {"Step", "s", bus_get_string, AT(step), BIT(0)},
        {"Done", "u", NULL, AT(done), BIT(0)},
        {"Total", "u", NULL, AT(total), BIT(0)},
};

const struct bus_interface bus_job = {
        .name = BUS_NAME ".Job",
        .prefix = BUS_JOB,
        .find = find,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
        .properties = properties,
        .n_properties = ELEMENTSOF(properties),
};
