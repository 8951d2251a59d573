/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's calls: making, ending, decoding. Loop thread. */
#include "backend/client_private.h"
#include "backend/codec.h"
#include "backend/server.h"

#define LOOK_USEC UINT64_C(60000000)
#define FOR_EVER  UINT64_MAX /* sd-bus: no timeout at all */

static void call_unlink(struct call *call)
{
        if (call->prev)
                call->prev->next = call->next;
        else
                call->client->calls = call->next;
        if (call->next)
                call->next->prev = call->prev;
        call->prev = call->next = NULL;
}

static void call_free(struct call *call)
{
        sd_bus_slot_unref(call->slot);
        free(call);
}

/* The one end of every call. reply NULL: it failed with f. */
static void call_end(struct call *call, sd_bus_message *reply, const struct fault *f)
{
        struct fault bad = FAULT_NULL;

        call_unlink(call);
        if (call->finish(call, reply, f) < 0) {
                fault_set(&bad, FAULT_INTERNAL, EBADMSG,
                        "the backend's answer is not of the form of %s: are sriovd and its backend "
                        "of the same release?",
                        BACKEND_INTERFACE);
                call->finish(call, NULL, &bad);
        }
        call_free(call);
}

void call_end_lost(struct call *call)
{
        struct fault f = FAULT_NULL;

        fault_set(&f, FAULT_BACKEND_LOST, 0,
                "no connection to the backend at %s: is sriovd-host or sriov-sim running?",
                call->client->address.sun_path);
        call_end(call, NULL, &f);
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        struct call *call = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(m);
        struct fault f = FAULT_NULL;

        if (!error) {
                call_end(call, m, &f);
                return 1;
        }
        if (sd_bus_is_open(call->client->bus) <= 0) {
                call_end_lost(call);
                return 1;
        }
        if (codec_get_error(m, &f) < 0) {
                bool late = streq(error->name, SD_BUS_ERROR_NO_REPLY) ||
                            streq(error->name, SD_BUS_ERROR_TIMEOUT);

                fault_set(&f, late ? FAULT_TIMEOUT : FAULT_INTERNAL, 0,
                        "the backend refused a call: %s: %s", error->name,
                        error->message ? error->message : "");
        }
        call_end(call, NULL, &f);
        return 1;
}

/* Links a call and makes its message; *ret_m stays NULL while there is no connection. */
static int call_new(struct backend_client *client, const char *member, finish_fn finish,
        void *userdata, struct call **ret, sd_bus_message **ret_m)
{
        struct call *call;
        int r;

        if (client->shutdown)
                return -ESHUTDOWN;
        if (backend_client_is_connected(client)) {
                r = client_call_method(client, member, ret_m);
                if (r < 0)
                        return r;
        }
        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        call->client = client;
        call->finish = finish;
        call->userdata = userdata;
        call->next = client->calls;
        if (call->next)
                call->next->prev = call;
        client->calls = call;
        *ret = call;
        return 0;
}

/* Sends it. r: whether filling in the message worked. m NULL or the connection broken: it ends by
 * on_failing(). On an error of ours there is no call any more. */
static int call_send(struct call *call, sd_bus_message *m, uint64_t usec, int r)
{
        struct backend_client *client = call->client;

        if (m && r >= 0) {
                r = sd_bus_call_async(client->bus, &call->slot, m, on_reply, call, usec);
                if (r >= 0)
                        return 0;
        }
        if (m && r != -ENOTCONN && r != -ECONNRESET && r != -EPIPE) {
                call_unlink(call);
                call_free(call);
                return r;
        }
        call->failed = true;
        sd_event_source_set_enabled(client->failing, SD_EVENT_ONESHOT);
        return 0;
}

static int finish_list(struct call *call, sd_bus_message *reply, const struct fault *f)
{
        _cleanup_(freep) struct dev_id *ids = NULL;
        size_t n = 0;

        if (reply && codec_get_dev_ids(reply, &ids, &n) < 0)
                return -EBADMSG;
        call->fn.list(call->userdata, ids, n, f);
        return 0;
}

int backend_client_list(struct backend_client *client, backend_list_fn fn, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        struct call *call;
        int r;

        r = call_new(client, "List", finish_list, userdata, &call, &m);
        if (r < 0)
                return r;
        call->fn.list = fn;
        return call_send(call, m, LOOK_USEC, 0);
}

static int finish_observe(struct call *call, sd_bus_message *reply, const struct fault *f)
{
        _cleanup_(pf_facts_done) struct pf_facts facts = {0};

        if (reply && (codec_get_pf(reply, &facts) < 0 || !dev_id_equal(&facts.id, &call->pf)))
                return -EBADMSG;
        call->fn.observe(call->userdata, &call->pf, reply ? &facts : NULL, f);
        return 0;
}

int backend_client_observe(struct backend_client *client, const struct dev_id *pf,
        backend_observe_fn fn, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        struct call *call;
        int r;

        r = call_new(client, "Observe", finish_observe, userdata, &call, &m);
        if (r < 0)
                return r;
        call->fn.observe = fn;
        call->pf = *pf;
        if (m)
                r = sd_bus_message_append_basic(m, 's', pf->str);
        return call_send(call, m, LOOK_USEC, r);
}

static int finish_groups(struct call *call, sd_bus_message *reply, const struct fault *f)
{
        _cleanup_(groups_done) struct groups groups = {0};

        if (reply && codec_get_groups(reply, &groups) < 0)
                return -EBADMSG;
        call->fn.groups(call->userdata, reply ? &groups : NULL, f);
        return 0;
}

int backend_client_groups(struct backend_client *client, backend_groups_fn fn, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        struct call *call;
        int r;

        r = call_new(client, "Groups", finish_groups, userdata, &call, &m);
        if (r < 0)
                return r;
        call->fn.groups = fn;
        return call_send(call, m, LOOK_USEC, 0);
}

static int finish_holders(struct call *call, sd_bus_message *reply, const struct fault *f)
{
        _cleanup_(freep) struct holder *holders = NULL;
        size_t n = 0;

        if (reply && codec_get_holders(reply, &holders, &n) < 0)
                return -EBADMSG;
        call->fn.holders(call->userdata, holders, n, f);
        return 0;
}

int backend_client_holders(struct backend_client *client, const struct dev_id *pf, uint32_t vf,
        backend_holders_fn fn, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        struct call *call;
        int r;

        r = call_new(client, "Holders", finish_holders, userdata, &call, &m);
        if (r < 0)
                return r;
        call->fn.holders = fn;
        call->pf = *pf;
        if (m)
                r = sd_bus_message_append(m, "su", pf->str, vf);
        return call_send(call, m, LOOK_USEC, r);
}

static int get_run(
        sd_bus_message *m, uint32_t *done, struct fault *f, int *gone, struct pf_facts *facts)
{
        int r;

        r = sd_bus_message_read_basic(m, 'u', done);
        if (r <= 0)
                return -EBADMSG;
        r = codec_get_fault(m, f);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(m, 'b', gone);
        if (r <= 0)
                return -EBADMSG;
        if (*gone && f->code == FAULT_NONE)
                return -EBADMSG;
        return codec_get_pf(m, facts);
}

static int finish_run(struct call *call, sd_bus_message *reply, const struct fault *f)
{
        _cleanup_(pf_facts_done) struct pf_facts facts = {0};
        struct fault own = FAULT_NULL;
        uint32_t done = 0;
        int gone = 1;

        if (reply && (get_run(reply, &done, &own, &gone, &facts) < 0 ||
                             !dev_id_equal(&facts.id, &call->pf)))
                return -EBADMSG;
        call->fn.run(call->userdata, &call->pf, done, gone ? NULL : &facts, reply ? &own : f);
        return 0;
}

int backend_client_run(struct backend_client *client, const struct pf_ref *ref,
        const struct step *steps, size_t n, uint64_t timeout_usec, backend_run_fn fn,
        void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        struct call *call;
        int r;

        r = call_new(client, "Run", finish_run, userdata, &call, &m);
        if (r < 0)
                return r;
        call->fn.run = fn;
        call->pf = ref->id;
        if (m) {
                r = sd_bus_message_append(
                        m, "sqqt", ref->id.str, ref->vendor_id, ref->device_id, timeout_usec);
                if (r >= 0)
                        r = codec_put_steps(m, steps, n);
        }
        return call_send(call, m, FOR_EVER, r);
}
