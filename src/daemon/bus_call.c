/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one dispatcher of methods. Loop thread.
 *
 *   decode -> check -> there? -> authorised? -> still there? -> job -> reply
 *
 * Between two arrows that take time a call remembers the message and names, never a pointer into
 * the state.
 */
#include <stdio.h>

#include "daemon/bus_internal.h"

struct call {
        struct bus *bus;
        struct call *next;
        sd_bus_message *m;
        const struct bus_method *row;
        struct request request; /* AUTHZ_BY_REQUEST */
        struct authz_check *check;
        uint32_t job; /* 0: none yet */
};

int bus_reply_fault(sd_bus_message *m, const struct fault *f)
{
        char name[64];

        snprintf(name, sizeof(name), BUS_NAME ".Error.%s", fault_code_name(f->code));
        return sd_bus_reply_method_errorf(m, name, "%s", f->text);
}

int bus_find_device(struct bus *bus, const char *path, const struct pf_facts **ret_pf,
        const struct vf_facts **ret_vf, struct fault *f)
{
        char name[DEV_ID_MAX + 16];
        const struct pf_entry *pf;
        struct dev_id id;
        uint32_t vf;
        int r;

        if (bus_path_to_device(path, &id, &vf) < 0)
                return fault_set(f, FAULT_NOT_FOUND, 0, "there is no object %s", path);
        if (vf == NO_VF)
                snprintf(name, sizeof(name), "%s", id.str);
        else
                snprintf(name, sizeof(name), "%s/%u", id.str, vf);
        r = state_find(&bus->daemon->state, name, &pf, &vf, f);
        if (r < 0)
                return r;
        *ret_pf = &pf->facts;
        if (ret_vf)
                *ret_vf = vf == NO_VF ? NULL : pf_facts_vf(&pf->facts, vf);
        return 0;
}

static void call_free(struct call *call)
{
        struct call **at = &call->bus->calls;

        while (*at && *at != call)
                at = &(*at)->next;
        if (*at)
                *at = call->next;
        sd_bus_message_unref(call->m);
        free(call);
}

/* The end of every call that somebody still waits for. */
static void call_end(struct call *call, const struct fault *f)
{
        if (f->code == FAULT_NONE)
                (void) sd_bus_reply_method_return(call->m, NULL);
        else
                (void) bus_reply_fault(call->m, f);
        call_free(call);
}

static void on_job_done(void *userdata, const struct fault *f)
{
        call_end(userdata, f);
}

static int submit(struct call *call, uint32_t uid, struct fault *f)
{
        struct bus *bus = call->bus;
        const struct pf_facts *pf;
        struct dev_id id;
        int r;

        /* It took a while to ask: the PF or VF may be gone. */
        r = bus_find_device(bus, sd_bus_message_get_path(call->m), &pf, NULL, f);
        if (r < 0)
                return r;
        id = pf->id;
        return jobs_submit(bus->daemon->jobs, &id, &call->request,
                sd_bus_message_get_sender(call->m), uid, on_job_done, call, &call->job, f);
}

static int proceed(struct call *call, uint32_t uid, struct fault *f)
{
        int r;

        if (call->row->decode)
                return submit(call, uid, f);
        if (call->row->act) {
                (void) sd_bus_message_rewind(call->m, true);
                r = call->row->act(call->bus, call->m, uid, f);
        } else
                r = call->row->call(call->bus, call->m, f);
        if (r >= 0)
                call_free(call);
        return r;
}

static void on_authorised(void *userdata, uint32_t uid, const struct fault *verdict)
{
        struct call *call = userdata;
        struct fault f = *verdict;

        call->check = NULL;
        if (f.code != FAULT_NONE || proceed(call, uid, &f) < 0)
                call_end(call, &f);
}

/* What is asked is remembered from here on, and only from here on. */
static int ask(struct bus *bus, sd_bus_message *m, const struct bus_method *row,
        const struct request *request, const struct authz_question *question, struct fault *f)
{
        struct call *call = calloc(1, sizeof(*call));
        int r;

        if (!call)
                return fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        *call = (struct call){.bus = bus, .m = sd_bus_message_ref(m), .row = row};
        if (request)
                call->request = *request;
        r = authz_begin(bus->authz, m, question, on_authorised, call, &call->check, f);
        if (r < 0) {
                call_free(call);
                return r;
        }
        call->next = bus->calls;
        bus->calls = call;
        return 0;
}

static int change(struct bus *bus, sd_bus_message *m, const struct bus_method *row, struct fault *f)
{
        struct request request = {.vf = NO_VF};
        const struct vf_facts *vf;
        const struct pf_facts *pf;
        int r;

        r = row->decode(m, &request, f);
        if (r < 0)
                return r;
        r = bus_find_device(bus, sd_bus_message_get_path(m), &pf, &vf, f);
        if (r < 0)
                return r;
        if (vf)
                request.vf = vf->index;
        r = request_check(&request, f);
        if (r < 0)
                return r;
        return ask(bus, m, row, &request,
                &(struct authz_question){
                        .risk = request_risk(&request),
                        .pf = dev_id_address(&pf->id),
                        .vf = request.vf,
                        .operation = request_kind_name(request.kind),
                },
                f);
}

static int by_judge(
        struct bus *bus, sd_bus_message *m, const struct bus_method *row, struct fault *f)
{
        struct authz_question question = {.pf = "", .vf = NO_VF, .operation = row->member};
        struct judgement j = {.risk = RISK_DISRUPT};
        int r;

        r = row->judge(bus, m, &j, f);
        question.risk = j.risk;
        question.anybody = j.anybody;
        question.owner = j.owner;
        return r < 0 ? r : ask(bus, m, row, NULL, &question, f);
}

static int configure_unless_own(
        struct bus *bus, sd_bus_message *m, const struct bus_method *row, struct fault *f)
{
        if (row->owns(bus, m))
                return row->call(bus, m, f);
        return ask(bus, m, row, NULL,
                &(struct authz_question){
                        .risk = RISK_CONFIGURE,
                        .pf = "",
                        .vf = NO_VF,
                        .operation = row->member,
                },
                f);
}

static int dispatch(
        struct bus *bus, sd_bus_message *m, const struct bus_method *row, struct fault *f)
{
        switch (row->policy) {
        case AUTHZ_FREE:
                return row->call(bus, m, f);
        case AUTHZ_BY_REQUEST:
                return change(bus, m, row, f);
        case AUTHZ_BY_JUDGE:
                return by_judge(bus, m, row, f);
        case AUTHZ_CONFIGURE_UNLESS_OWN:
                return configure_unless_own(bus, m, row, f);
        case AUTHZ_MISSING:
        case AUTHZ_POLICY_MAX:
                break;
        }
        return fault_set(f, FAULT_NOT_AUTHORIZED, 0, "refused: nobody may call %s", row->member);
}

static const struct bus_method *row_of(sd_bus_message *m)
{
        for (unsigned i = 0; i < BUS_KIND_MAX; i++)
                if (streq(bus_interfaces[i]->name, sd_bus_message_get_interface(m)))
                        return bus_table_method(bus_interfaces[i], sd_bus_message_get_member(m));
        return NULL;
}

int bus_on_call(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        sd_bus_slot *slot = sd_bus_get_current_slot(sd_bus_message_get_bus(m));
        const struct bus_method *row = row_of(m);
        struct fault f = FAULT_NULL;

        (void) userdata; /* what find() gave: looked up by name again when it is needed */
        (void) error;
        if (!row)
                return -ENOENT; /* not reached: sd-bus calls this for rows only */
        if (dispatch(sd_bus_slot_get_userdata(slot), m, row, &f) < 0)
                (void) bus_reply_fault(m, &f);
        return 1;
}

static void drop(struct call *call)
{
        if (call->check)
                authz_cancel(call->check);
        else
                jobs_forget(call->bus->daemon->jobs, call->job);
        call_free(call);
}

void bus_calls_forget(struct bus *bus, const char *sender)
{
        for (struct call *call = bus->calls, *next; call; call = next) {
                next = call->next;
                if (streq(sd_bus_message_get_sender(call->m), sender))
                        drop(call);
        }
}

void bus_calls_free(struct bus *bus)
{
        while (bus->calls) {
                struct call *call = bus->calls;

                if (call->check)
                        authz_cancel(call->check);
                call_free(call); /* the jobs went before the bus: see daemon_free() */
        }
}
