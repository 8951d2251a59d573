/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an Apply or Rollback came to. Loop thread. */
#include <stdio.h>

#include "ctl/applied.h"
#include "ctl/print.h"
#include "ctl/progress.h"

int manager_call_new(struct ctl *ctl, const char *method, sd_bus_message **ret)
{
        int r = sd_bus_message_new_method_call(
                ctl->bus, ret, BUS_NAME, BUS_ROOT, object_table[OBJECT_MANAGER].interface, method);

        return r < 0 ? failure_of_errno(&ctl->failure, r, "make a message") : 0;
}

enum exit_status applied_status(const struct planview *v)
{
        enum exit_status status = EXIT_DONE;

        for (size_t i = 0; i < v->n_pfs; i++) {
                const struct planview_pf *pf = &v->pfs[i];

                if (!planview_pf_failed(pf))
                        continue;
                if (failure_status(pf->error) != EXIT_REFUSED)
                        return EXIT_ERROR;
                status = EXIT_REFUSED;
        }
        return status;
}

static int print_result(struct ctl *ctl, const struct planview *v, bool notes)
{
        _cleanup_(json_writer_freep) struct json_writer *w = NULL;
        enum exit_status status = applied_status(v);
        int r;

        if (!ctl_json(ctl) && (v->changes || status != EXIT_DONE)) {
                r = planview_print_result(v, notes, stdout, &ctl->out);
                return r < 0 ? failure_of_errno(&ctl->failure, r, "print") : (int) status;
        }
        if (!ctl_json(ctl)) {
                printf("Nothing was to be changed.\n");
                return (int) status;
        }
        w = json_writer_new();
        if (!w)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        json_copy(w, v->doc);
        r = print_json(w, false, &ctl->failure);
        return r < 0 ? r : (int) status;
}

int applied_call(struct ctl *ctl, sd_bus_message *call, bool notes)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(planview_done) struct planview v = {0};
        struct fault f = FAULT_NULL;
        const char *text;
        int r;

        r = progress_call_all(ctl, call, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "s", &text);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "read the result");
        r = planview_parse(text, &v, &f);
        if (r < 0)
                return f.code ? failure_of_fault(&ctl->failure, &f, r)
                              : failure_of_errno(&ctl->failure, r, "read the result");
        return print_result(ctl, &v, notes);
}
