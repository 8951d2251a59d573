/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a change, with the signals of its Job object. Loop thread. */
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/parse.h"
#include "ctl/progress.h"

#define REDRAW_USEC 200000ull
#define BAR_CELLS   20
#define LINE_SIZE   1024

struct progress {
        struct ctl *ctl;
        const char *client; /* our unique name */
        struct view_job job;
        bool seen;  /* the job has appeared */
        bool drawn; /* there is a line to be erased */
        bool done;
        int result;
};

/* Cuts text at a number of columns. */
static void cut(char *s, size_t width)
{
        for (size_t n = 0; *s; s++)
                if (((unsigned char) *s & 0xc0) != 0x80 && ++n > width) {
                        *s = '\0';
                        return;
                }
}

void progress_text(
        const struct view_job *job, uint64_t now, bool utf8, size_t width, char *buf, size_t size)
{
        uint64_t seconds = now > job->started_usec ? (now - job->started_usec) / 1000000 : 0;
        char bar[BAR_SIZE], text[LINE_SIZE];
        const char *step = job->step[0] ? job->step : job->state;

        bar_format(bar, job->done, job->total, BAR_CELLS, utf8);
        if (streq(job->state, "waiting"))
                snprintf(text, sizeof(text), "%s: waits for %s, %llu s", job->description,
                        job->step[0] ? job->step : "its turn", (unsigned long long) seconds);
        else if (streq(job->state, "stuck"))
                snprintf(text, sizeof(text),
                        "%s: STUCK in %s %u/%u, %llu s: the kernel has not returned (^C ends the "
                        "waiting, not the job)",
                        job->description, step, job->done, job->total,
                        (unsigned long long) seconds);
        else
                snprintf(text, sizeof(text), "%s %s %u/%u  %s%s, %llu s", job->description, bar,
                        job->done, job->total, streq(job->state, "undoing") ? "undoing: " : "",
                        step, (unsigned long long) seconds);
        escape_text(buf, size, text);
        cut(buf, width);
}

static void erase(struct progress *p)
{
        if (p->drawn)
                fputs("\r\033[K", stderr);
        p->drawn = false;
}

static void draw(struct progress *p)
{
        const struct term *term = &p->ctl->err;
        enum style style = streq(p->job.state, "stuck") ? STYLE_BAD : STYLE_PLAIN;
        struct winsize ws = {0};
        char text[LINE_SIZE];

        if (!term->tty || !p->seen || p->done)
                return;
        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_col < 2)
                ws.ws_col = 80;
        progress_text(&p->job, now_usec(), term->utf8, (size_t) ws.ws_col - 1, text, sizeof(text));
        fprintf(stderr, "\r\033[K%s%s%s", style_begin(term, style), text, style_end(term, style));
        fflush(stderr);
        p->drawn = true;
}

static int take_interface(
        void *userdata, enum object_kind kind, const char *path, sd_bus_message *m)
{
        struct progress *p = userdata;
        struct view_job job;
        int r;

        if (kind != OBJECT_JOB)
                return sd_bus_message_skip(m, "a{sv}");
        r = object_init(OBJECT_JOB, &job, path);
        if (r >= 0)
                r = object_decode(OBJECT_JOB, &job, m, NULL);
        if (r >= 0 && streq(job.client, p->client)) {
                p->job = job;
                p->job.started_usec = now_usec(); /* the daemon's clock may be another host's */
                p->seen = true;
        }
        return r;
}

/* A signal that is not understood costs the progress line, not the change. */
static int on_added(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct progress *p = userdata;
        const char *path;

        (void) error;
        if (sd_bus_message_read(m, "o", &path) >= 0 && path_kind(path) == OBJECT_JOB &&
                interfaces_decode(m, path, take_interface, p) >= 0)
                draw(p);
        return 0;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct progress *p = userdata;
        const char *interface;

        (void) error;
        if (p->seen && streq(sd_bus_message_get_path(m), p->job.path) &&
                sd_bus_message_read(m, "s", &interface) >= 0 &&
                object_kind_of(interface) == OBJECT_JOB &&
                object_decode(OBJECT_JOB, &p->job, m, NULL) >= 0)
                draw(p);
        return 0;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct progress *p = userdata;

        (void) error;
        p->done = true;
        if (sd_bus_message_is_method_error(m, NULL))
                p->result = failure_of_bus(&p->ctl->failure, sd_bus_message_get_error(m),
                        -sd_bus_message_get_errno(m));
        return 0;
}

static int watch(struct progress *p, sd_bus_slot **ret_added, sd_bus_slot **ret_changed)
{
        sd_bus *bus = p->ctl->bus;
        int r;

        r = sd_bus_get_unique_name(bus, &p->client);
        if (r >= 0)
                r = sd_bus_match_signal(bus, ret_added, BUS_NAME, BUS_ROOT, BUS_OBJECTS,
                        "InterfacesAdded", on_added, p);
        if (r >= 0)
                r = sd_bus_add_match(bus, ret_changed,
                        "type='signal',sender='" BUS_NAME "',interface='" BUS_PROPERTIES
                        "',member='PropertiesChanged',path_namespace='" BUS_ROOT "/job'",
                        on_changed, p);
        return r < 0 ? failure_of_errno(&p->ctl->failure, r, "watch jobs") : 0;
}

int progress_call(struct ctl *ctl, sd_bus_message *call, uint32_t *ret_job)
{
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *added = NULL, *changed = NULL, *reply = NULL;
        struct progress p = {.ctl = ctl};
        int r;

        r = watch(&p, &added, &changed);
        if (r < 0)
                return r;
        r = sd_bus_message_set_allow_interactive_authorization(call, true);
        if (r >= 0)
                r = sd_bus_call_async(ctl->bus, &reply, call, on_reply, &p, UINT64_MAX);
        while (r >= 0 && !p.done) {
                r = sd_bus_process(ctl->bus, NULL);
                if (r != 0)
                        continue;
                r = sd_bus_wait(ctl->bus, ctl->err.tty ? REDRAW_USEC : UINT64_MAX);
                draw(&p);
        }
        erase(&p);
        if (!p.done)
                return failure_of_errno(&ctl->failure, r, "talk to sriovd");
        *ret_job = p.seen ? p.job.id : 0;
        return p.result;
}
