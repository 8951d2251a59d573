/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration on the bus: messages to calls of apply.h, and what can be read of it. Decides
 * nothing. Loop thread. */
#include "base/hash.h"
#include "config/planjson.h"
#include "daemon/apply.h"
#include "daemon/bus_internal.h"

/* A method that has not been replied to. */
struct config_call {
        struct bus *bus;
        struct config_call *next;
        sd_bus_message *m;
        struct apply_call *call;
};

static void config_call_free(struct config_call *c)
{
        struct config_call **at = &c->bus->config_calls;

        while (*at && *at != c)
                at = &(*at)->next;
        if (*at)
                *at = c->next;
        sd_bus_message_unref(c->m);
        free(c);
}

static struct config_call *config_call_new(struct bus *bus, sd_bus_message *m)
{
        struct config_call *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        *c = (struct config_call){
                .bus = bus, .m = sd_bus_message_ref(m), .next = bus->config_calls};
        bus->config_calls = c;
        return c;
}

static void on_answer(void *userdata, const char *json, const struct fault *f)
{
        struct config_call *c = userdata;

        if (json)
                (void) sd_bus_reply_method_return(c->m, "s", json);
        else
                (void) bus_reply_fault(c->m, f);
        config_call_free(c);
}

void bus_config_forget(struct bus *bus, const char *sender)
{
        for (struct config_call *c = bus->config_calls, *next; c; c = next) {
                next = c->next;
                if (!streq(sd_bus_message_get_sender(c->m), sender))
                        continue;
                if (c->call)
                        apply_forget(c->call);
                config_call_free(c);
        }
}

void bus_config_free(struct bus *bus)
{
        while (bus->config_calls)
                config_call_free(bus->config_calls); /* the applies went before the bus */
}

/* --- messages -----------------------------------------------------------------------------------
 */

static int refuse_file(const char *name, int error, struct fault *f)
{
        switch (error) {
        case -EEXIST:
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "file '%s' refused: it comes twice; expected each name once", name);
        case -EINVAL:
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "file name '%s' refused: expected 1 to %u bytes of printable text without "
                        "/",
                        name, CONFIG_NAME_MAX);
        case -EFBIG:
                return fault_set(f, FAULT_LIMITS, 0, "file '%s' refused: expected at most %u bytes",
                        name, CONFIG_FILE_MAX);
        default:
                return fault_set(f, FAULT_INTERNAL, -error, "out of memory");
        }
}

static int read_files(sd_bus_message *m, struct config_files *ret, struct fault *f)
{
        const char *name, *text;
        size_t total = 0;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ss)");
        while (r > 0 && (r = sd_bus_message_read(m, "(ss)", &name, &text)) > 0) {
                total += strlen(text);
                if (ret->n >= CONFIG_FILES_MAX || total > CONFIG_TEXT_MAX)
                        return fault_set(f, FAULT_LIMITS, 0,
                                "refused: more than %u files or %u bytes of configuration",
                                CONFIG_FILES_MAX, CONFIG_TEXT_MAX);
                r = config_files_add(ret, name, "", text, strlen(text));
                if (r < 0)
                        return refuse_file(name, r, f);
                r = 1;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? bus_malformed(r, f) : 0;
}

static int read_option(sd_bus_message *m, const char *key, const char *type,
        struct apply_options *o, struct fault *f)
{
        const char *text;
        int r;

        if (streq(key, "confirm")) {
                if (!streq(type, "u"))
                        return bus_wrong_type("option", key, 'u', type, f);
                r = sd_bus_message_read(m, "u", &o->confirm);
                o->has_confirm = true;
                return r <= 0 ? bus_malformed(r, f) : 0;
        }
        if (!streq(key, "plan"))
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "unknown option '%s': expected confirm or plan", key);
        if (!streq(type, "s"))
                return bus_wrong_type("option", key, 's', type, f);
        if (o->has_hash)
                return fault_set(f, FAULT_INVALID_ARGS, 0, "option 'plan' refused: given twice");
        r = sd_bus_message_read(m, "s", &text);
        if (r <= 0)
                return bus_malformed(r, f);
        o->has_hash = true;
        if (report_hash_parse(text, &o->hash) == 0)
                return 0;
        return fault_set(f, FAULT_INVALID_ARGS, 0,
                "plan '%s' refused: expected the hash that Plan gives, 16 hexadecimal digits",
                text);
}

static int read_options(sd_bus_message *m, struct apply_options *o, struct fault *f)
{
        const char *key, *type;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r <= 0)
                return bus_malformed(r, f);
        while ((r = bus_next_entry(m, &key, &type, f)) > 0) {
                r = read_option(m, key, type, o, f);
                if (r == 0)
                        r = bus_end_entry(m, f);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Files, and options where the message has them. */
static int read_call(
        sd_bus_message *m, struct config_files *files, struct apply_options *o, struct fault *f)
{
        int r = read_files(m, files, f);

        if (r == 0 && o)
                r = read_options(m, o, f);
        if (r < 0)
                config_files_done(files);
        return r;
}

int bus_plan(struct bus *bus, sd_bus_message *m, struct fault *f)
{
        struct config_files files = {0};
        struct config_call *c;
        int r;

        r = read_call(m, &files, NULL, f);
        if (r < 0)
                return r;
        c = config_call_new(bus, m);
        r = c ? apply_plan(bus->daemon->apply, &files, on_answer, c, &c->call, f)
              : fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        config_files_done(&files);
        if (r < 0 && c)
                config_call_free(c);
        return r;
}

int bus_judge_files(struct bus *bus, sd_bus_message *m, struct judgement *ret, struct fault *f)
{
        struct config_files files = {0};
        struct apply_options o = {0};
        int r;

        r = read_call(m, &files, &o, f);
        if (r == 0)
                r = apply_judge(bus->daemon->apply, &files, &ret->risk, f);
        config_files_done(&files);
        return r;
}

int bus_judge_none(_unused_ struct bus *bus, _unused_ sd_bus_message *m, struct judgement *ret,
        _unused_ struct fault *f)
{
        ret->risk = RISK_CONFIGURE;
        return 0;
}

int bus_apply(struct bus *bus, sd_bus_message *m, uint32_t uid, struct fault *f)
{
        struct apply_options o = {.client = sd_bus_message_get_sender(m), .uid = uid};
        struct config_files files = {0};
        struct config_call *c;
        int r;

        r = read_call(m, &files, &o, f);
        if (r < 0)
                return r;
        c = config_call_new(bus, m);
        r = c ? apply_begin(bus->daemon->apply, &files, &o, on_answer, c, &c->call, f)
              : fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        config_files_done(&files);
        if (r < 0 && c)
                config_call_free(c);
        return r;
}

int bus_confirm(struct bus *bus, sd_bus_message *m, _unused_ uint32_t uid, struct fault *f)
{
        int r = apply_confirm(bus->daemon->apply, f);

        if (r == 0)
                (void) sd_bus_reply_method_return(m, NULL);
        return r;
}

int bus_rollback(struct bus *bus, sd_bus_message *m, uint32_t uid, struct fault *f)
{
        struct config_call *c = config_call_new(bus, m);
        int r;

        r = c ? apply_rollback(bus->daemon->apply, sd_bus_message_get_sender(m), uid, on_answer, c,
                        &c->call, f)
              : fault_set(f, FAULT_INTERNAL, ENOMEM, "out of memory");
        if (r < 0 && c)
                config_call_free(c);
        return r;
}

int bus_save(struct bus *bus, sd_bus_message *m, struct fault *f)
{
        _cleanup_(freep) char *text = NULL;
        int r;

        r = apply_save(bus->daemon->apply, &text, f);
        if (r == 0)
                (void) sd_bus_reply_method_return(m, "s", text);
        return r;
}

/* --- properties ---------------------------------------------------------------------------------
 */

static const struct apply *apply_of(void *userdata)
{
        return ((struct bus *) userdata)->daemon->apply;
}

BUS_GETTER_SHARED(bus_get_conf_state)
{
        return sd_bus_message_append(
                reply, "s", conf_state_name(apply_view(apply_of(userdata))->state));
}

BUS_GETTER_SHARED(bus_get_conf_text)
{
        return sd_bus_message_append(reply, "s", apply_view(apply_of(userdata))->text);
}

BUS_GETTER_SHARED(bus_get_applied)
{
        return sd_bus_message_append(
                reply, "b", (int) reconcile_applied(((struct bus *) userdata)->daemon->reconcile));
}

BUS_GETTER_SHARED(bus_get_deadline)
{
        return sd_bus_message_append(reply, "t", apply_view(apply_of(userdata))->deadline_usec);
}

BUS_GETTER_SHARED(bus_get_absent)
{
        const struct conf *conf = apply_conf(apply_of(userdata));
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < conf->n_absent; i++)
                r = sd_bus_message_append(reply, "s", conf->absent[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

BUS_GETTER_SHARED(bus_get_rivals)
{
        const struct rivals *rivals = &((struct bus *) userdata)->daemon->rivals;
        char text[RIVAL_TEXT_MAX];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < rivals->n; i++) {
                rival_describe(&rivals->list[i], text, sizeof(text));
                r = sd_bus_message_append(reply, "s", text);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

uint64_t bus_config_hash(const struct bus *bus)
{
        const struct apply_view *v = apply_view(bus->daemon->apply);
        const struct conf *conf = apply_conf(bus->daemon->apply);
        bool applied = reconcile_applied(bus->daemon->reconcile);
        uint64_t hash = hash_text(HASH_INIT, v->text);

        hash = hash_bytes(hash, &v->state, sizeof(v->state));
        hash = hash_bytes(hash, &v->deadline_usec, sizeof(v->deadline_usec));
        hash = hash_bytes(hash, &applied, sizeof(applied));
        for (size_t i = 0; i < conf->n_absent; i++)
                hash = hash_text(hash, conf->absent[i]);
        return hash;
}

/* userdata is the PF's entry; who serves it is known from the slot. */
static const struct config_view *view_of(sd_bus *bus, const struct pf_entry *pf)
{
        const struct bus *b = sd_bus_slot_get_userdata(sd_bus_get_current_slot(bus));

        return reconcile_view(b->daemon->reconcile, &pf->facts.id);
}

BUS_GETTER_SHARED(bus_get_pf_config_state)
{
        return sd_bus_message_append(reply, "s", config_state_name(view_of(bus, userdata)->state));
}

BUS_GETTER_SHARED(bus_get_pf_config_source)
{
        return sd_bus_message_append(reply, "s", view_of(bus, userdata)->where);
}

BUS_GETTER_SHARED(bus_get_pf_config_text)
{
        return sd_bus_message_append(reply, "s", view_of(bus, userdata)->text);
}

BUS_GETTER_SHARED(bus_get_pf_differences)
{
        const struct differences *d = &view_of(bus, userdata)->differences;
        char text[256];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < d->n; i++) {
                difference_describe(&d->list[i], text, sizeof(text));
                r = sd_bus_message_append(reply, "s", text);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
