/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about the configuration as a whole: confirm, rollback, save, reload. Loop thread. */
#include <stdio.h>

#include "ctl/applied.h"
#include "ctl/print.h"
#include "ctl/progress.h"

int cmd_confirm(struct ctl *ctl)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(json_writer_freep) struct json_writer *w = NULL;
        int r;

        r = manager_call_new(ctl, "Confirm", &m);
        if (r >= 0)
                r = progress_call_all(ctl, m, &reply);
        if (r < 0)
                return r;
        if (!ctl_json(ctl)) {
                printf("Confirmed: what was applied stays.\n");
                return EXIT_DONE;
        }
        w = json_writer_new();
        if (!w)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        json_open_object(w, NULL);
        json_put_string(w, "result", "done");
        json_close(w);
        return print_json(w, false, &ctl->failure);
}

int cmd_rollback(struct ctl *ctl)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = manager_call_new(ctl, "Rollback", &m);
        return r < 0 ? r : applied_call(ctl, m, true);
}

int cmd_reload(struct ctl *ctl)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = manager_call_new(ctl, "Apply", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "a(ss)a{sv}", 0, 0);
        return r < 0 ? failure_of_errno(&ctl->failure, r, "make a message")
                     : applied_call(ctl, m, true);
}

/* The daemon's text has comments in it; what --json prints has none. */
static int save_json(struct ctl *ctl, const char *text)
{
        _cleanup_(json_writer_freep) struct json_writer *w = json_writer_new();
        _cleanup_(json_freep) struct json *doc = NULL;
        struct fault f = FAULT_NULL;
        int r;

        if (!w)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        r = json_parse("config", text, strlen(text), JSON_COMMENTS | JSON_LARGE, &doc, &f);
        if (r < 0)
                return f.code ? failure_of_fault(&ctl->failure, &f, r)
                              : failure_of_errno(&ctl->failure, r, "read the configuration");
        json_copy(w, doc);
        return print_json(w, false, &ctl->failure);
}

int cmd_save(struct ctl *ctl)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *text;
        int r;

        r = client_call(ctl->bus, BUS_ROOT, object_table[OBJECT_MANAGER].interface, "Save", &reply,
                &ctl->failure, NULL);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "read the configuration");
        if (ctl_json(ctl))
                return save_json(ctl, text);
        fputs(text, stdout);
        if (*text && text[strlen(text) - 1] != '\n')
                fputc('\n', stdout);
        return EXIT_DONE;
}
