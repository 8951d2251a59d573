/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON objects of devices, and failures. Loop thread. */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/print.h"

int print_json(struct json_writer *w, bool one_line, struct failure *f)
{
        _cleanup_(freep) char *text = NULL;
        int r;

        r = one_line ? json_writer_line(w, &text) : json_writer_text(w, &text);
        if (r < 0)
                return failure_of_errno(f, r, "write JSON");
        fputs(text, stdout);
        return 0;
}

static uint64_t row_of_key(enum object_kind kind, const char *key)
{
        for (size_t i = 0; i < object_table[kind].n_fields; i++)
                if (field_key(kind, i) && streq(field_key(kind, i), key))
                        return FIELD_BIT(i);
        return 0;
}

void pf_json(struct json_writer *w, const struct view_pf *pf)
{
        uint64_t mask = ALL_FIELDS;
        char name[NETDEV_MAX];

        json_put_string(w, "pf", pf->address);
        if (pf_has_netdev(pf))
                json_put_string(w, "netdev", view_pf_name(pf, name));
        else
                mask &= ~row_of_key(OBJECT_PF, "admin_up");
        object_json(w, OBJECT_PF, pf, mask);
}

void holders_json(struct json_writer *w, const struct holder *holders, size_t n)
{
        json_open_array(w, "holders");
        for (size_t i = 0; i < n; i++) {
                json_open_object(w, NULL);
                json_put_string(w, "kind", holders[i].kind);
                if (holders[i].name[0])
                        json_put_string(w, "name", holders[i].name);
                if (holders[i].pid >= 0)
                        json_put_i64(w, "pid", holders[i].pid);
                if (holders[i].path[0])
                        json_put_string(w, "path", holders[i].path);
                json_close(w);
        }
        json_close(w);
}

void vf_json(struct json_writer *w, const struct view_vf *vf)
{
        char pf[BDF_STR_MAX];

        path_address(vf->pf, pf);
        json_put_string(w, "pf", pf);
        object_json(w, OBJECT_VF, vf, ALL_FIELDS);
        holders_json(w, vf->holders, vf->n_holders);
}

void print_failure(const struct ctl *ctl)
{
        const struct failure *f = &ctl->failure;
        _cleanup_(json_writer_freep) struct json_writer *w = NULL;
        struct failure ignored;

        w = ctl_json(ctl) ? json_writer_new() : NULL;
        if (w) {
                json_open_object(w, NULL);
                json_open_object(w, "error");
                json_put_string(w, "name", f->name);
                json_put_string(w, "text", f->text);
                json_close(w);
                json_close(w);
                if (print_json(w, false, &ignored) == 0)
                        return;
        }
        fprintf(stderr, "%ssriovctl:%s %s\n", style_begin(&ctl->err, STYLE_BAD),
                style_end(&ctl->err, STYLE_BAD), f->text);
}

void holder_text(const struct holder *h, char *buf, size_t size)
{
        char pid[32] = "";

        if (h->pid >= 0)
                snprintf(pid, sizeof(pid), " (pid %d)", h->pid);
        snprintf(buf, size, "%s%s", h->name[0] ? h->name : h->kind, pid);
}

enum style config_style(const char *state)
{
        if (streq(state, "failed") || streq(state, "alarm"))
                return STYLE_BAD;
        if (streq(state, "drift") || streq(state, "applying"))
                return STYLE_WARN;
        return streq(state, "applied") ? STYLE_GOOD : STYLE_PLAIN;
}

enum style lease_style(const char *state)
{
        if (streq(state, "quarantined"))
                return STYLE_BAD;
        return streq(state, "leased") ? STYLE_GOOD : STYLE_WARN;
}

void moment_text(uint64_t deadline, bool remote, char buf[static MOMENT_SIZE])
{
        struct timespec now;
        uint64_t usec;

        buf[0] = '\0';
        if (remote)
                return;
        clock_gettime(CLOCK_BOOTTIME, &now);
        usec = (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
        snprintf(buf, MOMENT_SIZE, " within %" PRIu64 " s",
                deadline > usec ? (deadline - usec + 999999) / 1000000 : 0);
}
