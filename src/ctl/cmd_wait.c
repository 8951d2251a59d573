/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `wait`: until the configuration was applied, for units at boot. Waits for the bus and the daemon
 * as well, never starts it, and says nothing but why it gave up. Loop thread.
 */
#include <stdio.h>

#include "base/parse.h"
#include "ctl/print.h"

#define TIMEOUT_MAX  86400
#define TIMEOUT_USEC 10000000ull
#define RETRY_USEC   100000ull /* where there is no bus that could say something */
#define WHY_SIZE     512

struct waiting {
        struct ctl *ctl;
        uint64_t end; /* as now_usec() */
        bool news;    /* something happened since it was looked at */
        char why[WHY_SIZE];
        size_t n_why;
};

int check_wait(struct ctl *ctl)
{
        const char *timeout = ctl->args.value[OPTION_TIMEOUT];
        uint32_t seconds;

        if (timeout && parse_u32(timeout, 0, TIMEOUT_MAX, &seconds) < 0)
                return ctl_refuse(ctl, "--timeout=%s refused: expected seconds, 0 to %u", timeout,
                        TIMEOUT_MAX);
        return 0;
}

static uint64_t left(const struct waiting *w)
{
        uint64_t now = now_usec();

        return now < w->end ? w->end - now : 0;
}

_printf_(2, 3) static void missing(struct waiting *w, const char *fmt, ...)
{
        va_list ap;
        int n;

        if (w->n_why > 0 && w->n_why + 2 < sizeof(w->why)) {
                memcpy(w->why + w->n_why, ", ", 3);
                w->n_why += 2;
        }
        va_start(ap, fmt);
        n = vsnprintf(w->why + w->n_why, sizeof(w->why) - w->n_why, fmt, ap);
        va_end(ap);
        w->n_why += n < 0 ? 0 : (size_t) n;
        if (w->n_why >= sizeof(w->why))
                w->n_why = sizeof(w->why) - 1;
}

static int on_news(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void) m;
        (void) error;
        ((struct waiting *) userdata)->news = true;
        return 0;
}

/* Connects and watches; the first look comes after that, so nothing is missed. */
static int connect_bus(struct waiting *w)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = client_open(&w->ctl->args, &bus, &w->ctl->failure);
        if (r >= 0)
                r = sd_bus_add_match(bus, NULL,
                        "type='signal',sender='" BUS_NAME "',path_namespace='" BUS_ROOT "'",
                        on_news, w);
        if (r >= 0)
                r = sd_bus_add_match(bus, NULL,
                        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                        "arg0='" BUS_NAME "'",
                        on_news, w);
        if (r < 0)
                return r;
        w->ctl->bus = TAKE_PTR(bus);
        return 0;
}

/* Is it there? Asked of the bus, which must not start it for us. */
static int has_daemon(struct waiting *w)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r, has = 0;

        r = sd_bus_call_method(w->ctl->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s", BUS_NAME);
        if (r >= 0)
                r = sd_bus_message_read(reply, "b", &has);
        return r < 0 ? r : has;
}

/*
 * What one PF waits for is noted: to be as configured, be it that somebody changed it since. One
 * that failed may still come: the daemon tries again. Negative: it never will.
 */
static int look_at_pf(struct waiting *w, const char *name)
{
        struct failure f = {0};
        enum object_kind kind;
        char path[PATH_SIZE];
        struct view_pf pf;
        int r;

        r = client_find(w->ctl->bus, name, path, &kind, &f);
        if (r >= 0 && kind != OBJECT_PF)
                return ctl_refuse(w->ctl, "%s is a VF, and this command takes PFs", name);
        if (r < 0) {
                missing(w, "%s (not there)", name);
                return 0;
        }
        r = object_init(OBJECT_PF, &pf, path);
        if (r >= 0)
                r = client_read(w->ctl->bus, OBJECT_PF, path, &pf, &f);
        if (r < 0)
                missing(w, "%s (not there)", name);
        else if (!streq(pf.config_state, "applied") && !streq(pf.config_state, "drift"))
                missing(w, "%s (%s)", name, pf.config_state);
        object_done(OBJECT_PF, &pf);
        return 0;
}

/* Which PFs are missing is looked up when the time is over, not with every signal. */
static int look_at_all(struct waiting *w)
{
        _cleanup_(manager_done) struct view_manager manager = {0};
        _cleanup_(view_done) struct view view = {0};
        char name[NETDEV_MAX];
        struct failure f = {0};
        int r;

        r = client_read(w->ctl->bus, OBJECT_MANAGER, BUS_ROOT, &manager, &f);
        if (r >= 0 && manager.applied)
                return 0;
        if (r >= 0 && left(w) == 0)
                r = view_load(w->ctl->bus, &view, &f);
        for (size_t i = 0; i < view.n_pfs; i++)
                if (streq(view.pfs[i].config_state, "applying"))
                        missing(w, "%s (applying)", view_pf_name(&view.pfs[i], name));
        if (w->n_why == 0)
                missing(w, r < 0 ? "sriovd does not answer" : "the configuration was not applied");
        return 0;
}

/* Afterwards w->why says what is missing; "" when nothing is. */
static int look(struct waiting *w)
{
        const struct args *a = &w->ctl->args;
        int r;

        w->why[0] = '\0';
        w->n_why = 0;
        w->news = false;
        if (!w->ctl->bus && connect_bus(w) < 0) {
                missing(w, "the bus can not be reached");
                return 0;
        }
        (void) sd_bus_set_method_call_timeout(w->ctl->bus, left(w) + RETRY_USEC);
        r = has_daemon(w);
        if (r < 0)
                return r;
        if (r == 0) {
                missing(w, "sriovd is not on the bus");
                return 0;
        }
        if (a->n_words < 2)
                return look_at_all(w);
        for (size_t i = 1; i < a->n_words && r >= 0; i++)
                r = look_at_pf(w, a->words[i]);
        return r;
}

/* Until there is news or the time is over. Negative: the bus is gone. */
static int sleep_on(struct waiting *w)
{
        int r = 1;

        if (!w->ctl->bus) {
                usleep((useconds_t) (left(w) < RETRY_USEC ? left(w) : RETRY_USEC));
                return 0;
        }
        while (r > 0 || (r >= 0 && !w->news && left(w) > 0)) {
                r = sd_bus_process(w->ctl->bus, NULL);
                if (r == 0 && !w->news)
                        r = sd_bus_wait(w->ctl->bus, left(w)) < 0 ? -EIO : 0;
        }
        return r;
}

int cmd_wait(struct ctl *ctl)
{
        struct waiting w = {.ctl = ctl, .end = now_usec() + TIMEOUT_USEC};
        const char *timeout = ctl->args.value[OPTION_TIMEOUT];
        uint32_t seconds;
        int r;

        if (timeout && parse_u32(timeout, 0, TIMEOUT_MAX, &seconds) == 0)
                w.end = now_usec() + seconds * 1000000ull;
        for (;;) {
                r = look(&w);
                if (r == -EINVAL)
                        return r;
                if (r >= 0 && !w.why[0])
                        break;
                if (left(&w) == 0)
                        return failure_own(&ctl->failure, EXIT_ERROR,
                                fault_code_name(FAULT_TIMEOUT), -ETIMEDOUT, "not ready in time: %s",
                                w.why[0] ? w.why : "the bus is gone");
                if (r >= 0)
                        r = sleep_on(&w);
                if (r < 0)
                        ctl->bus = sd_bus_flush_close_unref(ctl->bus);
        }
        return EXIT_DONE;
}
