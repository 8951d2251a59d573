/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection: what is offered on it, what is emitted, and what happens when it ends. Loop
 * thread. */
#include <stdio.h>

#include "base/log.h"
#include "daemon/bus_internal.h"

const struct bus_interface *const bus_interfaces[BUS_KIND_MAX] = {
        [BUS_MANAGER] = &bus_manager,
        [BUS_KIND_PF] = &bus_pf,
        [BUS_KIND_VF] = &bus_vf,
        [BUS_KIND_GROUP] = &bus_group,
        [BUS_KIND_JOB] = &bus_job,
        [BUS_KIND_LEASE] = &bus_lease,
};

/* --- what there is ------------------------------------------------------------------------------
 */

/* Allocates one entry of an enumerator's list, which sd-bus frees. */
static int put(char **list, size_t *n, const char *path)
{
        list[*n] = strdup(path);
        if (!list[*n])
                return -ENOMEM;
        list[++*n] = NULL;
        return 0;
}

static void free_list(char **list)
{
        for (size_t i = 0; list[i]; i++)
                free(list[i]);
        free(list);
}

static int put_devices(const struct daemon *d, char **list, size_t *n)
{
        const struct state *state = &d->state;
        char path[BUS_PATH_MAX];
        int r = 0;

        for (size_t i = 0; r == 0 && i < state->n_pfs; i++) {
                const struct pf_facts *pf = &state->pfs[i]->facts;

                bus_path_of_device(path, &pf->id, NO_VF);
                r = put(list, n, path);
                for (uint32_t k = 0; r == 0 && k < pf->n_vfs; k++) {
                        bus_path_of_device(path, &pf->id, pf->vfs[k].index);
                        r = put(list, n, path);
                }
        }
        return r;
}

static int put_groups(const struct daemon *d, char **list, size_t *n)
{
        const struct state *state = &d->state;
        char path[BUS_PATH_MAX];
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < state->groups.n; i++) {
                bus_path_of_number(path, BUS_GROUP, (uint32_t) state->groups.list[i].id);
                r = put(list, n, path);
        }
        return r;
}

static int put_jobs(const struct daemon *d, char **list, size_t *n)
{
        const struct jobs *jobs = d->jobs;
        const struct job_view *job;
        char path[BUS_PATH_MAX];
        int r = 0;

        for (size_t i = 0; r == 0 && (job = jobs_nth(jobs, i)); i++) {
                bus_path_of_number(path, BUS_JOB, job->id);
                r = put(list, n, path);
        }
        return r;
}

static int put_leases(const struct daemon *d, char **list, size_t *n)
{
        const struct lease_book *book = leases_book(d->leases);
        char path[BUS_PATH_MAX];
        int r = 0;

        for (size_t i = 0; r == 0 && i < book->n; i++) {
                bus_path_of_lease(path, book->list[i].id);
                r = put(list, n, path);
        }
        return r;
}

static size_t count_objects(const struct daemon *d)
{
        size_t n = d->state.n_pfs + d->state.groups.n + leases_book(d->leases)->n;

        for (size_t i = 0; i < d->state.n_pfs; i++)
                n += d->state.pfs[i]->facts.n_vfs;
        for (size_t i = 0; jobs_nth(d->jobs, i); i++)
                n++;
        return n;
}

/* What one kind of object is listed by. */
typedef int (*put_fn)(const struct daemon *d, char **list, size_t *n);

static int list_objects(void *userdata, put_fn put_all, char ***ret_nodes)
{
        const struct daemon *d = ((const struct bus *) userdata)->daemon;
        char **list = calloc(count_objects(d) + 1, sizeof(*list));
        size_t n = 0;
        int r;

        if (!list)
                return -ENOMEM;
        r = put_all(d, list, &n);
        if (r < 0) {
                free_list(list);
                return r;
        }
        *ret_nodes = list;
        return 0;
}

/* The prefix is the one that was asked about, not the one that the enumerator was added for: so one
 * for each kind. */
static int enumerate_devices(_unused_ sd_bus *bus, _unused_ const char *prefix, void *userdata,
        char ***ret_nodes, _unused_ sd_bus_error *error)
{
        return list_objects(userdata, put_devices, ret_nodes);
}

static int enumerate_groups(_unused_ sd_bus *bus, _unused_ const char *prefix, void *userdata,
        char ***ret_nodes, _unused_ sd_bus_error *error)
{
        return list_objects(userdata, put_groups, ret_nodes);
}

static int enumerate_jobs(_unused_ sd_bus *bus, _unused_ const char *prefix, void *userdata,
        char ***ret_nodes, _unused_ sd_bus_error *error)
{
        return list_objects(userdata, put_jobs, ret_nodes);
}

static int enumerate_leases(_unused_ sd_bus *bus, _unused_ const char *prefix, void *userdata,
        char ***ret_nodes, _unused_ sd_bus_error *error)
{
        return list_objects(userdata, put_leases, ret_nodes);
}

static bool there_is(struct bus *bus, const char *path)
{
        void *found;

        if (streq(path, BUS_ROOT))
                return true;
        for (unsigned i = 0; i < BUS_KIND_MAX; i++)
                if (bus_interfaces[i]->find &&
                        bus_interfaces[i]->find(bus->bus, path, NULL, bus, &found, NULL) > 0)
                        return true;
        return false;
}

/* sd-bus would say UnknownObject; this says which PF, VF or index, and what there is instead. */
static int on_message(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *error)
{
        const char *interface = sd_bus_message_get_interface(m);
        const char *path = sd_bus_message_get_path(m);
        const struct vf_facts *vf;
        const struct pf_facts *pf;
        struct bus *bus = userdata;
        struct fault f = FAULT_NULL;

        if (!interface || !startswith(interface, BUS_NAME ".") || there_is(bus, path))
                return 0;
        if (bus_find_device(bus, path, &pf, &vf, &f) == 0)
                return 0;
        (void) bus_reply_fault(m, &f);
        return 1;
}

/* --- what is emitted ----------------------------------------------------------------------------
 */

static void said(int r, const char *what, const char *path)
{
        if (r < 0 && r != -ENOTCONN)
                log_warning("%s of %s was not emitted: %s", what, path, strerror(-r));
}

static void emit_added(struct bus *bus, const char *path)
{
        said(sd_bus_emit_object_added(bus->bus, path), "InterfacesAdded", path);
}

/* The object is gone already, so sd_bus_emit_object_removed() would find nothing to say. */
static void emit_removed(struct bus *bus, enum bus_kind kind, const char *path)
{
        said(sd_bus_emit_interfaces_removed(bus->bus, path, bus_interfaces[kind]->name,
                     "org.freedesktop.DBus.Introspectable", "org.freedesktop.DBus.Peer",
                     "org.freedesktop.DBus.Properties", NULL),
                "InterfacesRemoved", path);
}

#define PROPERTIES_MAX 64

static void emit_changed(struct bus *bus, enum bus_kind kind, const char *path, uint32_t fields)
{
        char *names[PROPERTIES_MAX + 1];

        bus_table_changed(bus_interfaces[kind], fields, names);
        if (names[0])
                said(sd_bus_emit_properties_changed_strv(
                             bus->bus, path, bus_interfaces[kind]->name, names),
                        "PropertiesChanged", path);
}

static void emit_one(struct bus *bus, const struct change *c)
{
        char device[BUS_PATH_MAX], group[BUS_PATH_MAX];

        bus_path_of_device(device, &c->pf, c->vf);
        bus_path_of_number(group, BUS_GROUP, (uint32_t) c->group);
        switch (c->kind) {
        case CHANGE_PF_ADDED:
        case CHANGE_VF_ADDED:
                emit_added(bus, device);
                break;
        case CHANGE_GROUP_ADDED:
                emit_added(bus, group);
                break;
        case CHANGE_PF_REMOVED:
                emit_removed(bus, BUS_KIND_PF, device);
                break;
        case CHANGE_VF_REMOVED:
                emit_removed(bus, BUS_KIND_VF, device);
                break;
        case CHANGE_GROUP_REMOVED:
                emit_removed(bus, BUS_KIND_GROUP, group);
                break;
        case CHANGE_PF:
                emit_changed(bus, BUS_KIND_PF, device, c->fields);
                break;
        case CHANGE_VF:
                emit_changed(bus, BUS_KIND_VF, device, c->fields);
                break;
        case CHANGE_GROUP:
                emit_changed(bus, BUS_KIND_GROUP, group, BIT(0));
                break;
        }
}

void bus_emit(struct bus *bus, const struct changes *changes)
{
        for (size_t i = 0; i < changes->n; i++)
                emit_one(bus, &changes->list[i]);
}

void bus_emit_backend(struct bus *bus)
{
        emit_changed(bus, BUS_MANAGER, BUS_ROOT, BIT(0));
}

void bus_emit_config(struct bus *bus)
{
        uint64_t now = bus_config_hash(bus);

        if (now == bus->config_said)
                return;
        bus->config_said = now;
        emit_changed(bus, BUS_MANAGER, BUS_ROOT, BIT(1));
}

void bus_emit_pf_config(struct bus *bus, const struct dev_id *pf)
{
        char path[BUS_PATH_MAX];

        bus_path_of_device(path, pf, NO_VF);
        emit_changed(bus, BUS_KIND_PF, path, BUS_PF_CONFIG);
}

/* The VF shows it too. */
static void emit_lease_of_vf(struct bus *bus, const struct lease *lease)
{
        const struct pf_entry *pf = state_pf(&bus->daemon->state, &lease->pf);
        char path[BUS_PATH_MAX];

        bus_path_of_device(path, &lease->pf, lease->vf);
        if (pf && pf_facts_vf(&pf->facts, lease->vf))
                emit_changed(bus, BUS_KIND_VF, path, BUS_VF_LEASE);
}

void bus_lease_added(struct bus *bus, const struct lease *lease)
{
        char path[BUS_PATH_MAX];

        bus_path_of_lease(path, lease->id);
        emit_added(bus, path);
        emit_lease_of_vf(bus, lease);
}

void bus_lease_changed(struct bus *bus, const struct lease *lease)
{
        char path[BUS_PATH_MAX];

        bus_path_of_lease(path, lease->id);
        emit_changed(bus, BUS_KIND_LEASE, path, BIT(0));
        emit_lease_of_vf(bus, lease);
}

void bus_lease_removed(struct bus *bus, const struct lease *lease)
{
        char path[BUS_PATH_MAX];

        bus_path_of_lease(path, lease->id);
        emit_removed(bus, BUS_KIND_LEASE, path);
        emit_lease_of_vf(bus, lease);
}

void bus_job_added(struct bus *bus, const struct job_view *job)
{
        char path[BUS_PATH_MAX];

        bus_path_of_number(path, BUS_JOB, job->id);
        emit_added(bus, path);
}

void bus_job_changed(struct bus *bus, const struct job_view *job)
{
        char path[BUS_PATH_MAX];

        bus_path_of_number(path, BUS_JOB, job->id);
        emit_changed(bus, BUS_KIND_JOB, path, BIT(0));
}

void bus_job_removed(struct bus *bus, const struct job_view *job, const struct fault *f)
{
        bool well = f->code == FAULT_NONE;
        char path[BUS_PATH_MAX];

        bus_path_of_number(path, BUS_JOB, job->id);
        emit_removed(bus, BUS_KIND_JOB, path);
        said(sd_bus_emit_signal(bus->bus, BUS_ROOT, bus_manager.name, "JobRemoved", "uoss", job->id,
                     path, well ? "done" : fault_code_name(f->code), well ? "" : f->text),
                "JobRemoved", path);
}

/* --- the connection -----------------------------------------------------------------------------
 */

/* A daemon that nobody can reach helps nobody: systemd starts a new one. */
static void give_up(struct bus *bus, const char *why)
{
        log_error("%s; ending, so that systemd starts anew", why);
        sd_event_exit(bus->daemon->event, EXIT_FAILURE);
}

static int on_disconnected(_unused_ sd_bus_message *m, void *userdata, _unused_ sd_bus_error *error)
{
        give_up(userdata, "the message bus has closed the connection");
        return 0;
}

static int on_name(sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error)
{
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        char text[256];
        uint32_t result;

        if (e) {
                snprintf(text, sizeof(text), "the name " BUS_NAME " is refused: %s",
                        e->message ? e->message : e->name);
                give_up(userdata, text);
        } else if (sd_bus_message_read(reply, "u", &result) > 0 && result == 2)
                log_warning("another process has the name " BUS_NAME "; waiting for it to let go");
        else
                daemon_on_name(((struct bus *) userdata)->daemon);
        return 0;
}

/* Somebody has left the bus. */
static int on_name_owner_changed(sd_bus_message *m, void *userdata, _unused_ sd_bus_error *error)
{
        const char *name, *before, *after;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) > 0 && !after[0]) {
                bus_calls_forget(userdata, name);
                bus_config_forget(userdata, name);
                bus_leases_forget(userdata, name);
        }
        return 0;
}

static int offer(struct bus *bus, enum bus_kind kind)
{
        const struct bus_interface *interface = bus_interfaces[kind];
        struct fault f = FAULT_NULL;
        int r;

        r = bus_table_build(interface, bus_on_call, &bus->vtables[kind], &f);
        if (r < 0) {
                log_error("%s", f.text);
                return r;
        }
        if (!interface->find)
                return sd_bus_add_object_vtable(bus->bus, NULL, interface->prefix, interface->name,
                        bus->vtables[kind], bus);
        return sd_bus_add_fallback_vtable(bus->bus, NULL, interface->prefix, interface->name,
                bus->vtables[kind], interface->find, bus);
}

static int offer_all(struct bus *bus)
{
        static const struct {
                const char *prefix;
                sd_bus_node_enumerator_t enumerate;
        } kinds[] = {{BUS_PF, enumerate_devices}, {BUS_GROUP, enumerate_groups},
                {BUS_JOB, enumerate_jobs}, {BUS_LEASE, enumerate_leases}};
        int r;

        r = sd_bus_add_object_manager(bus->bus, NULL, BUS_ROOT);
        for (unsigned i = 0; r >= 0 && i < BUS_KIND_MAX; i++)
                r = offer(bus, i);
        for (unsigned i = 0; r >= 0 && i < ELEMENTSOF(kinds); i++)
                r = sd_bus_add_node_enumerator(
                        bus->bus, NULL, kinds[i].prefix, kinds[i].enumerate, bus);
        return r < 0 ? r : sd_bus_add_fallback(bus->bus, NULL, BUS_ROOT, on_message, bus);
}

static int listen_to_bus(struct bus *bus)
{
        int r;

        r = sd_bus_match_signal(bus->bus, NULL, "org.freedesktop.DBus.Local", NULL,
                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, bus);
        if (r < 0)
                return r;
        /* arg2 empty: only names that nobody has any more. */
        return sd_bus_add_match_async(bus->bus, NULL,
                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''",
                on_name_owner_changed, NULL, bus);
}

static int connect_to(const char *address, sd_bus **ret)
{
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        if (!address)
                return sd_bus_open_system_with_description(ret, "sriovd");
        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                *ret = TAKE_PTR(bus);
        return r;
}

int bus_new(struct daemon *daemon, const char *address, struct bus **ret)
{
        _cleanup_(bus_freep) struct bus *bus = calloc(1, sizeof(*bus));
        int r;

        if (!bus)
                return -ENOMEM;
        bus->daemon = daemon;
        r = connect_to(address, &bus->bus);
        if (r >= 0)
                r = authz_new(bus->bus, &bus->authz);
        if (r >= 0)
                r = offer_all(bus);
        if (r >= 0)
                r = listen_to_bus(bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus->bus, daemon->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

int bus_take_name(struct bus *bus)
{
        bus->config_said = bus_config_hash(bus);
        /* queued, when an old daemon has not let go yet */
        return sd_bus_request_name_async(bus->bus, NULL, BUS_NAME, SD_BUS_NAME_QUEUE, on_name, bus);
}

void bus_free(struct bus *bus)
{
        bus_calls_free(bus);
        bus_config_free(bus);
        bus_leases_free(bus);
        bus_readings_free(bus);
        if (bus->authz)
                authz_free(bus->authz);
        if (bus->bus)
                sd_bus_detach_event(bus->bus);
        sd_bus_flush_close_unref(bus->bus);
        for (unsigned i = 0; i < BUS_KIND_MAX; i++)
                free(bus->vtables[i]);
        free(bus);
}
