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
        bool name_pfs;      /* there may be a job for each of several PFs */
        struct view_job *jobs;
        size_t n, capacity;
        uint32_t last_id; /* of the job that came last, 0: none came */
        unsigned drawn;   /* lines to be erased */
        bool done;
        int result;
        sd_bus_message *reply;
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
        for (; p->drawn > 0; p->drawn--)
                fprintf(stderr, "\r\033[K%s", p->drawn > 1 ? "\033[A" : "");
}

static void draw_job(struct progress *p, const struct view_job *job, size_t width)
{
        const struct term *term = &p->ctl->err;
        enum style style = streq(job->state, "stuck") ? STYLE_BAD : STYLE_PLAIN;
        char text[LINE_SIZE], pf[BDF_STR_MAX + 2] = "";

        if (p->name_pfs) {
                path_address(job->pf, pf);
                strcat(pf, "  ");
        }
        width = width > strlen(pf) ? width - strlen(pf) : 0;
        progress_text(job, now_usec(), term->utf8, width, text, sizeof(text));
        fprintf(stderr, "%s\r\033[K%s%s%s%s", p->drawn > 0 ? "\n" : "", style_begin(term, style),
                pf, text, style_end(term, style));
        p->drawn++;
}

/* A line for each job, as many as the terminal is high. */
static void draw(struct progress *p)
{
        struct winsize ws = {0};

        if (!p->ctl->err.tty || p->done)
                return;
        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_col < 2 || ws.ws_row < 2) {
                ws.ws_col = 80;
                ws.ws_row = 24;
        }
        erase(p);
        for (size_t i = 0; i < p->n && p->drawn + 1 < ws.ws_row; i++)
                draw_job(p, &p->jobs[i], (size_t) ws.ws_col - 1);
        fflush(stderr);
}

static struct view_job *job_at(struct progress *p, const char *path)
{
        for (size_t i = 0; i < p->n; i++)
                if (streq(p->jobs[i].path, path))
                        return &p->jobs[i];
        return NULL;
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
        if (r < 0 || !streq(job.client, p->client))
                return r;
        r = array_grow(&p->jobs, &p->capacity, p->n, sizeof(*p->jobs));
        if (r < 0)
                return r;
        job.started_usec = now_usec(); /* the daemon's clock may be another host's */
        p->jobs[p->n++] = job;
        p->last_id = job.id;
        return 0;
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

static int on_removed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct progress *p = userdata;
        struct view_job *job;
        const char *path;

        (void) error;
        job = sd_bus_message_read(m, "o", &path) >= 0 ? job_at(p, path) : NULL;
        if (job) {
                p->n--;
                memmove(job, job + 1, (size_t) (p->jobs + p->n - job) * sizeof(*job));
                draw(p);
        }
        return 0;
}

static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct progress *p = userdata;
        struct view_job *job = job_at(p, sd_bus_message_get_path(m));
        const char *interface;

        (void) error;
        if (job && sd_bus_message_read(m, "s", &interface) >= 0 &&
                object_kind_of(interface) == OBJECT_JOB &&
                object_decode(OBJECT_JOB, job, m, NULL) >= 0)
                draw(p);
        return 0;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct progress *p = userdata;

        (void) error;
        p->done = true;
        p->reply = sd_bus_message_ref(m);
        if (sd_bus_message_is_method_error(m, NULL))
                p->result = failure_of_bus(&p->ctl->failure, sd_bus_message_get_error(m),
                        -sd_bus_message_get_errno(m));
        return 0;
}

static void progress_done(struct progress *p)
{
        sd_bus_message_unref(p->reply);
        free(p->jobs);
}

struct watches {
        sd_bus_slot *added, *removed, *changed;
};

static void watches_done(struct watches *w)
{
        sd_bus_slot_unref(w->added);
        sd_bus_slot_unref(w->removed);
        sd_bus_slot_unref(w->changed);
}

static int watch(struct progress *p, struct watches *w)
{
        sd_bus *bus = p->ctl->bus;
        int r;

        r = sd_bus_get_unique_name(bus, &p->client);
        if (r >= 0)
                r = sd_bus_match_signal(bus, &w->added, BUS_NAME, BUS_ROOT, BUS_OBJECTS,
                        "InterfacesAdded", on_added, p);
        if (r >= 0)
                r = sd_bus_match_signal(bus, &w->removed, BUS_NAME, BUS_ROOT, BUS_OBJECTS,
                        "InterfacesRemoved", on_removed, p);
        if (r >= 0)
                r = sd_bus_add_match(bus, &w->changed,
                        "type='signal',sender='" BUS_NAME "',interface='" BUS_PROPERTIES
                        "',member='PropertiesChanged',path_namespace='" BUS_ROOT "/job'",
                        on_changed, p);
        return r < 0 ? failure_of_errno(&p->ctl->failure, r, "watch jobs") : 0;
}

static int call_and_wait(struct progress *p, sd_bus_message *call)
{
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *reply = NULL;
        _cleanup_(watches_done) struct watches watches = {0};
        struct ctl *ctl = p->ctl;
        int r;

        r = watch(p, &watches);
        if (r < 0)
                return r;
        r = sd_bus_message_set_allow_interactive_authorization(call, true);
        if (r >= 0)
                r = sd_bus_call_async(ctl->bus, &reply, call, on_reply, p, UINT64_MAX);
        while (r >= 0 && !p->done) {
                r = sd_bus_process(ctl->bus, NULL);
                if (r != 0)
                        continue;
                r = sd_bus_wait(ctl->bus, ctl->err.tty ? REDRAW_USEC : UINT64_MAX);
                draw(p);
        }
        erase(p);
        if (!p->done)
                return failure_of_errno(&ctl->failure, r, "talk to sriovd");
        return p->result;
}

int progress_call(struct ctl *ctl, sd_bus_message *call, uint32_t *ret_job)
{
        _cleanup_(progress_done) struct progress p = {.ctl = ctl};
        int r;

        r = call_and_wait(&p, call);
        *ret_job = p.last_id;
        return r;
}

int progress_call_all(struct ctl *ctl, sd_bus_message *call, sd_bus_message **ret_reply)
{
        _cleanup_(progress_done) struct progress p = {.ctl = ctl, .name_pfs = true};
        int r;

        r = call_and_wait(&p, call);
        if (r >= 0)
                *ret_reply = TAKE_PTR(p.reply);
        return r;
}
