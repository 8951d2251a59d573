/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `monitor`: prints what changes as it changes, until it is interrupted. Loop thread. */
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/time.h>

#include "base/parse.h"
#include "ctl/print.h"

#define LINE_SIZE 4096

/* One event: as it grows, its JSON object and its line of text. */
struct event {
        struct json_writer *w;
        char text[LINE_SIZE];
        size_t n;
};

struct monitor {
        struct ctl *ctl;
        int result; /* negative: end, with the failure filled */
};

union object {
        struct view_manager manager;
        struct view_pf pf;
        struct view_vf vf;
        struct view_group group;
        struct view_job job;
        struct view_lease lease;
};

_printf_(2, 3) static void say(struct event *e, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(e->text + e->n, sizeof(e->text) - e->n, fmt, ap);
        va_end(ap);
        e->n = n < 0 || e->n + (size_t) n >= sizeof(e->text) ? sizeof(e->text) - 1
                                                             : e->n + (size_t) n;
}

/* what: "added"; the object by kind and the names that people know it by. */
static int event_begin(struct event *e, const char *what, enum object_kind kind, const char *path)
{
        char stamp[64], address[BDF_STR_MAX];
        struct timeval now;
        uint64_t id;
        struct tm tm;

        *e = (struct event){.w = json_writer_new()};
        if (!e->w)
                return -ENOMEM;
        gettimeofday(&now, NULL);
        localtime_r(&now.tv_sec, &tm);
        strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm);
        say(e, "%s.%03d  %s", stamp, (int) (now.tv_usec / 1000), object_table[kind].word);
        gmtime_r(&now.tv_sec, &tm);
        strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(stamp + strlen(stamp), sizeof(stamp) - strlen(stamp), ".%06dZ", (int) now.tv_usec);
        json_open_object(e->w, NULL);
        json_put_string(e->w, "time", stamp);
        json_put_string(e->w, "event", what);
        json_put_string(e->w, "object", object_table[kind].word);
        path_address(path, address);
        if (address[0]) {
                json_put_string(e->w, "pf", address);
                say(e, " %s", address);
        }
        if (kind == OBJECT_VF)
                json_put_u64(e->w, "index", path_number(path));
        if (kind == OBJECT_GROUP || kind == OBJECT_JOB)
                json_put_u64(e->w, "id", path_number(path));
        if (kind == OBJECT_LEASE && parse_u64(strrchr(path, '/') + 1, &id) == 0) {
                json_put_u64(e->w, "id", id);
                say(e, " %" PRIu64, id);
        }
        if (kind == OBJECT_VF || kind == OBJECT_GROUP || kind == OBJECT_JOB)
                say(e, "%s%u", kind == OBJECT_VF ? "/" : " ", path_number(path));
        say(e, "  %s", what);
        return 0;
}

static void event_end(struct monitor *m, struct event *e)
{
        char clean[LINE_SIZE];

        json_close(e->w);
        if (ctl_json(m->ctl))
                m->result = print_json(e->w, true, &m->ctl->failure);
        else {
                escape_text(clean, sizeof(clean), e->text);
                puts(clean);
        }
        json_writer_free(e->w);
}

/* The rows that a message has brought. What has become unknown is named in "unknown". */
static void event_rows(
        struct event *e, enum object_kind kind, const void *object, uint64_t seen, bool added)
{
        char text[FAULT_TEXT_MAX];
        bool forgotten = false;

        object_json(e->w, kind, object, seen);
        for (size_t i = 0; i < object_table[kind].n_fields; i++) {
                const char *key = field_key(kind, i);

                if (!key || !(seen & FIELD_BIT(i)))
                        continue;
                field_text(kind, object, i, text, sizeof(text));
                if (streq(key, "attributes"))
                        say(e, "%s%s", text[0] ? " " : "", text);
                else if (!added || text[0])
                        say(e, " %s=%s", key, text);
                if (!added && !field_known(kind, object, i)) {
                        if (!forgotten)
                                json_open_array(e->w, "unknown");
                        forgotten = true;
                        json_put_string(e->w, NULL, key);
                }
        }
        if (forgotten)
                json_close(e->w);
}

/* Rows that say who it is are in the event's own members already. */
static uint64_t without_identity(enum object_kind kind, uint64_t seen)
{
        for (size_t i = 0; i < object_table[kind].n_fields; i++) {
                const char *key = field_key(kind, i);

                if (key && (streq(key, "id") || streq(key, "index")))
                        seen &= ~FIELD_BIT(i);
        }
        return seen;
}

static int take_object(struct monitor *m, enum object_kind kind, const char *path,
        sd_bus_message *message, bool added)
{
        char address[BDF_STR_MAX];
        union object object;
        const char *pf;
        struct event e;
        uint64_t seen;
        int r;

        r = object_init(kind, &object, kind == OBJECT_MANAGER ? NULL : path);
        if (r < 0)
                return r;
        r = object_decode(kind, &object, message, &seen);
        if (r >= 0 && seen != 0) {
                r = event_begin(&e, added ? "added" : "changed", kind, path);
                pf = kind == OBJECT_JOB     ? object.job.pf
                     : kind == OBJECT_LEASE ? object.lease.pf
                                            : "";
                if (r >= 0 && pf[0]) {
                        path_address(pf, address);
                        json_put_string(e.w, "pf", address);
                        say(&e, " pf=%s", address);
                }
                if (r >= 0) {
                        event_rows(&e, kind, &object, without_identity(kind, seen), added);
                        event_end(m, &e);
                }
        }
        object_done(kind, &object);
        return r;
}

static int take_added(void *userdata, enum object_kind kind, const char *path, sd_bus_message *m)
{
        return take_object(userdata, kind, path, m, true);
}

static int take_removed(struct monitor *m, const char *path, sd_bus_message *message)
{
        const char *interface;
        struct event e;
        int r;

        r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &interface)) > 0) {
                enum object_kind kind = object_kind_of(interface);

                if (kind == OBJECT_MAX)
                        continue;
                r = event_begin(&e, "removed", kind, path);
                if (r >= 0)
                        event_end(m, &e);
        }
        return r;
}

/* The result of a job; the object's own removal comes beside it. */
static int take_job_end(struct monitor *m, sd_bus_message *message)
{
        const char *path, *result, *text;
        struct event e;
        uint32_t id;
        int r;

        r = sd_bus_message_read(message, "uoss", &id, &path, &result, &text);
        if (r >= 0)
                r = event_begin(&e, "ended", OBJECT_JOB, path);
        if (r < 0)
                return r;
        json_put_string(e.w, "result", result);
        say(&e, " %s", result);
        if (*text) {
                json_put_string(e.w, "text", text);
                say(&e, ": %s", text);
        }
        event_end(m, &e);
        return 0;
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        struct monitor *m = userdata;
        const char *path, *interface;
        int r = 0;

        (void) error;
        if (sd_bus_message_is_signal(message, BUS_OBJECTS, "InterfacesAdded")) {
                r = sd_bus_message_read(message, "o", &path);
                if (r >= 0)
                        r = interfaces_decode(message, path, take_added, m);
        } else if (sd_bus_message_is_signal(message, BUS_OBJECTS, "InterfacesRemoved")) {
                r = sd_bus_message_read(message, "o", &path);
                if (r >= 0)
                        r = take_removed(m, path, message);
        } else if (sd_bus_message_is_signal(message, BUS_PROPERTIES, "PropertiesChanged")) {
                r = sd_bus_message_read(message, "s", &interface);
                if (r >= 0 && object_kind_of(interface) < OBJECT_MAX)
                        r = take_object(m, object_kind_of(interface),
                                sd_bus_message_get_path(message), message, false);
        } else if (sd_bus_message_is_signal(
                           message, object_table[OBJECT_MANAGER].interface, "JobRemoved"))
                r = take_job_end(m, message);
        if (r < 0)
                m->result = failure_of_errno(&m->ctl->failure, r, "read a signal");
        return 0;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        struct monitor *m = userdata;
        const char *name, *before, *after;
        struct event e;
        int r;

        (void) error;
        r = sd_bus_message_read(message, "sss", &name, &before, &after);
        if (r >= 0)
                r = event_begin(&e, *after ? "appeared" : "vanished", OBJECT_MANAGER, BUS_ROOT);
        if (r >= 0)
                event_end(m, &e);
        else
                m->result = failure_of_errno(&m->ctl->failure, r, "read a signal");
        return 0;
}

/* The first line says that from now on nothing is missed. */
static int begin(struct monitor *m)
{
        _cleanup_(manager_done) struct view_manager manager = {0};
        struct event e;
        int r;

        r = client_read(m->ctl->bus, OBJECT_MANAGER, BUS_ROOT, &manager, &m->ctl->failure);
        if (r < 0)
                return r;
        r = event_begin(&e, "watching", OBJECT_MANAGER, BUS_ROOT);
        if (r < 0)
                return failure_of_errno(&m->ctl->failure, r, "print");
        event_rows(&e, OBJECT_MANAGER, &manager, ALL_FIELDS, true);
        event_end(m, &e);
        return m->result;
}

int cmd_monitor(struct ctl *ctl)
{
        struct monitor m = {.ctl = ctl};
        int r;

        setvbuf(stdout, NULL, _IOLBF, 0);
        r = sd_bus_add_match(ctl->bus, NULL,
                "type='signal',sender='" BUS_NAME "',path_namespace='" BUS_ROOT "'", on_signal, &m);
        if (r >= 0)
                r = sd_bus_add_match(ctl->bus, NULL,
                        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                        "arg0='" BUS_NAME "'",
                        on_owner, &m);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "watch sriovd");
        r = begin(&m);
        if (r < 0)
                return r;
        while (r >= 0 && m.result >= 0 && !ferror(stdout)) {
                r = sd_bus_process(ctl->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(ctl->bus, UINT64_MAX);
        }
        return m.result < 0 ? m.result
                            : failure_of_errno(&ctl->failure, r < 0 ? r : -EIO, "watch sriovd");
}
