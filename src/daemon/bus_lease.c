/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * org.sriovd1.Lease, and the Manager's methods about leases: from messages to leases.h and back.
 * Loop thread.
 */
#include <stdio.h>

#include "base/log.h"
#include "daemon/bus_internal.h"

/* A caller that waits for a VF, or for the end of a lease. */
struct lease_call {
        struct bus *bus;
        struct lease_call *next;
        sd_bus_message *m;
        bool acquires;
};

static void call_free(struct lease_call *call)
{
        struct lease_call **at = &call->bus->lease_calls;

        while (*at && *at != call)
                at = &(*at)->next;
        if (*at)
                *at = call->next;
        sd_bus_message_unref(call->m);
        free(call);
}

static struct lease_call *call_new(struct bus *bus, sd_bus_message *m, bool acquires)
{
        struct lease_call *call = calloc(1, sizeof(*call));

        if (!call)
                return NULL;
        *call = (struct lease_call){.bus = bus,
                .next = bus->lease_calls,
                .m = sd_bus_message_ref(m),
                .acquires = acquires};
        bus->lease_calls = call;
        return call;
}

/* --- AcquireVf ----------------------------------------------------------------------------------
 */

static int append_info(sd_bus_message *reply, const struct vf_facts *vf)
{
        char vfio[32] = "";
        int r;

        if (driver_is_vfio(vf->driver) && vf->iommu_group >= 0)
                snprintf(vfio, sizeof(vfio), "/dev/vfio/%d", vf->iommu_group);
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "address", "s",
                        vf->address, "driver", "s", vf->driver, "netdev", "s", vf->netdev,
                        "iommu_group", "i", vf->iommu_group, "vfio", "s", vfio);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "attributes");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a{sv}");
        if (r >= 0)
                r = bus_append_attrs(reply, &vf->attrs);
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int reply_lease(struct bus *bus, sd_bus_message *m, const struct lease *lease)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const struct pf_entry *pf = state_pf(&bus->daemon->state, &lease->pf);
        const struct vf_facts *facts = pf ? pf_facts_vf(&pf->facts, lease->vf) : NULL;
        char path[BUS_PATH_MAX], vf[BUS_PATH_MAX];
        int r;

        if (!facts)
                return -ENODEV;
        bus_path_of_lease(path, lease->id);
        bus_path_of_device(vf, &lease->pf, lease->vf);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "oo", path, vf);
        if (r >= 0)
                r = append_info(reply, facts);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static void on_acquired(void *userdata, const struct lease *lease, const struct fault *f)
{
        struct lease_call *call = userdata;
        struct fault own = *f;

        if (own.code == FAULT_NONE && reply_lease(call->bus, call->m, lease) < 0)
                (void) fault_set(&own, FAULT_INTERNAL, 0, "the reply could not be written");
        if (own.code != FAULT_NONE)
                (void) bus_reply_fault(call->m, &own);
        call_free(call);
}

int bus_judge_acquire(struct bus *bus, sd_bus_message *m, struct judgement *ret, struct fault *f)
{
        struct lease_question q;
        struct request request = {.kind = REQUEST_LEASE};
        int r;

        (void) bus;
        r = bus_decode_lease(m, &q, f);
        if (r < 0)
                return r;
        request.attrs = q.terms.attrs;
        memcpy(request.driver, q.driver, sizeof(request.driver));
        r = request_check(&request, f);
        if (r < 0)
                return r;
        ret->risk = request_risk(&request);
        return 0;
}

int bus_acquire(struct bus *bus, sd_bus_message *m, uint32_t uid, struct fault *f)
{
        struct lease_question q;
        struct lease_call *call;
        int r;

        r = bus_decode_lease(m, &q, f);
        if (r < 0)
                return r;
        q.terms.uid = uid;
        q.terms.bus_name = sd_bus_message_get_sender(m);
        call = call_new(bus, m, true);
        if (!call)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        r = leases_acquire(bus->daemon->leases, &q.selector, &q.terms, on_acquired, call, f);
        if (r < 0)
                call_free(call);
        return r;
}

/* --- the end of a lease -------------------------------------------------------------------------
 */

static int end_id(sd_bus_message *m, uint64_t *ret, struct fault *f)
{
        int r;

        if (bus_path_to_lease(sd_bus_message_get_path(m), ret) == 0)
                return 0;
        r = sd_bus_message_read(m, "t", ret);
        return r <= 0 ? bus_malformed(r, f) : 0;
}

int bus_judge_release(struct bus *bus, sd_bus_message *m, struct judgement *ret, struct fault *f)
{
        const struct lease_book *book = leases_book(bus->daemon->leases);
        const struct lease *lease;
        uint64_t id;
        int r;

        r = end_id(m, &id, f);
        if (r < 0)
                return r;
        if (id == 0 || id > book->last_id)
                return fault_set(f, FAULT_NOT_FOUND, 0, "there never was a lease %llu",
                        (unsigned long long) id);
        lease = lease_book_find(book, id);
        ret->risk = RISK_DISRUPT;
        ret->anybody = !lease; /* nothing will be done */
        ret->owner = lease ? lease->uid : 0;
        return 0;
}

/* It was given back, whatever becomes of the VF now. */
static void on_released(void *userdata, const struct fault *f)
{
        struct lease_call *call = userdata;

        if (f->code == FAULT_CANCELLED) /* sriovd ends */
                (void) bus_reply_fault(call->m, f);
        else
                (void) sd_bus_reply_method_return(call->m, NULL);
        call_free(call);
}

static void on_retried(void *userdata, const struct fault *f)
{
        struct lease_call *call = userdata;

        if (f->code != FAULT_NONE)
                (void) bus_reply_fault(call->m, f);
        else
                (void) sd_bus_reply_method_return(call->m, NULL);
        call_free(call);
}

static int end(struct bus *bus, sd_bus_message *m, bool retry, struct fault *f)
{
        struct leases *l = bus->daemon->leases;
        struct lease_call *call;
        uint64_t id;
        int r;

        r = end_id(m, &id, f);
        if (r < 0)
                return r;
        call = call_new(bus, m, false);
        if (!call)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        r = retry ? leases_retry(l, id, on_retried, call, f)
                  : leases_release(l, id, on_released, call, f);
        if (r > 0)
                (void) sd_bus_reply_method_return(m, NULL);
        if (r != 0)
                call_free(call);
        return r < 0 ? r : 0;
}

int bus_release(struct bus *bus, sd_bus_message *m, _unused_ uint32_t uid, struct fault *f)
{
        return end(bus, m, false, f);
}

static int retry(struct bus *bus, sd_bus_message *m, _unused_ uint32_t uid, struct fault *f)
{
        return end(bus, m, true, f);
}

/* --- who leaves the bus -------------------------------------------------------------------------
 */

void bus_leases_forget(struct bus *bus, const char *sender)
{
        for (struct lease_call *call = bus->lease_calls, *next; call; call = next) {
                next = call->next;
                if (!call->acquires || !streq(sd_bus_message_get_sender(call->m), sender))
                        continue;
                leases_forget(bus->daemon->leases, call);
                call_free(call);
        }
        leases_owner_died(bus->daemon->leases, sender);
}

/* One name that had leases when an earlier life of the daemon ended. */
struct owner_check {
        struct bus *bus;
        uint32_t uid;
        char name[64];
};

static int on_owner(sd_bus_message *reply, void *userdata, _unused_ sd_bus_error *error)
{
        const struct owner_check *check = userdata;
        uint32_t uid = UINT32_MAX;
        bool gone;

        gone = sd_bus_message_is_method_error(reply, "org.freedesktop.DBus.Error.NameHasNoOwner") >
               0;
        /* A bus that was started anew gives its names anew. */
        if (!gone && sd_bus_message_read(reply, "u", &uid) > 0)
                gone = uid != check->uid;
        if (!gone)
                return 0;
        log_info("%s has left the bus while sriovd was not there", check->name);
        leases_owner_died(check->bus->daemon->leases, check->name);
        return 0;
}

static int ask_owner(struct bus *bus, const struct lease *lease)
{
        _cleanup_(freep) struct owner_check *check = calloc(1, sizeof(*check));
        sd_bus_slot *slot = NULL;
        int r;

        if (!check)
                return -ENOMEM;
        *check = (struct owner_check){.bus = bus, .uid = lease->uid};
        memcpy(check->name, lease->bus_name, sizeof(check->name));
        r = sd_bus_call_method_async(bus->bus, &slot, "org.freedesktop.DBus",
                "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionUnixUser", on_owner,
                check, "s", check->name);
        if (r < 0)
                return r;
        (void) sd_bus_slot_set_destroy_callback(slot, free);
        (void) sd_bus_slot_set_floating(slot, true);
        sd_bus_slot_unref(slot);
        TAKE_PTR(check);
        return 0;
}

void bus_lease_check_owners(struct bus *bus)
{
        const struct lease_book *book = leases_book(bus->daemon->leases);

        for (size_t i = 0; i < book->n; i++) {
                const struct lease *lease = &book->list[i];

                if (lease->owner == LEASE_OWNER_BUS && lease->state == LEASE_LEASED &&
                        ask_owner(bus, lease) < 0)
                        log_warning("lease %llu: whether %s is still there can not be asked",
                                (unsigned long long) lease->id, lease->bus_name);
        }
}

void bus_leases_free(struct bus *bus)
{
        while (bus->lease_calls)
                call_free(bus->lease_calls);
}

/* --- the object ---------------------------------------------------------------------------------
 */

BUS_GETTER_SHARED(bus_get_lease_state)
{
        const struct bus *b = sd_bus_slot_get_userdata(sd_bus_get_current_slot(bus));
        struct dev_id pf;
        uint32_t vf;
        int r;

        (void) userdata;
        r = bus_path_to_device(path, &pf, &vf);
        if (r < 0)
                return r;
        return sd_bus_message_append(
                reply, "s", lease_state_name(leases_state_of(b->daemon->leases, &pf, vf)));
}

BUS_GETTER(get_pf)
{
        const struct lease *lease = userdata;
        char pf[BUS_PATH_MAX];

        bus_path_of_device(pf, &lease->pf, NO_VF);
        return sd_bus_message_append(reply, "o", pf);
}

BUS_GETTER(get_owner)
{
        char text[LEASE_OWNER_TEXT_MAX];

        lease_describe_owner(userdata, text, sizeof(text));
        return sd_bus_message_append(reply, "s", text);
}

BUS_GETTER(get_state)
{
        const struct lease *lease = userdata;

        return sd_bus_message_append(reply, "s", lease_state_name(lease->state));
}

static int find(_unused_ sd_bus *bus, const char *path, _unused_ const char *interface,
        void *userdata, void **ret_found, _unused_ sd_bus_error *error)
{
        const struct bus *b = userdata;
        uint64_t id;

        if (bus_path_to_lease(path, &id) < 0)
                return 0;
        *ret_found = lease_book_find(leases_book(b->daemon->leases), id);
        return *ret_found != NULL;
}

static const struct bus_method methods[] = {
        {"Release", "", "", "", AUTHZ_BY_JUDGE, .judge = bus_judge_release, .act = bus_release},
        {"Retry", "", "", "", AUTHZ_BY_JUDGE, .judge = bus_judge_none, .act = retry},
};

#define AT(member) offsetof(struct lease, member)

static const struct bus_property properties[] = {
        {"Id", "t", NULL, AT(id), 0},
        {"Pf", "o", get_pf, 0, 0},
        {"Vf", "u", NULL, AT(vf), 0},
        {"Uid", "u", NULL, AT(uid), 0},
        {"Owner", "s", get_owner, 0, 0},
        {"Label", "s", bus_get_string, AT(label), 0},
        {"SinceUSec", "t", NULL, AT(since_usec), 0},
        {"State", "s", get_state, 0, BIT(0)},
        {"Why", "s", bus_get_string, AT(why), BIT(0)},
};

const struct bus_interface bus_lease = {
        .name = BUS_NAME ".Lease",
        .prefix = BUS_LEASE,
        .find = find,
        .methods = methods,
        .n_methods = ELEMENTSOF(methods),
        .properties = properties,
        .n_properties = ELEMENTSOF(properties),
};
