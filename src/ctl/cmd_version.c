/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `version`: of this program, the daemon and its backend. Loop thread. */
#include <stdio.h>

#include "base/parse.h"
#include "ctl/print.h"

int cmd_version(struct ctl *ctl)
{
        _cleanup_(json_writer_freep) struct json_writer *w = NULL;
        char version[WORD_MAX * 4], backend[NAME_MAX_TEXT * 4];
        _cleanup_(manager_done) struct view_manager m = {0};
        int r;

        if (!ctl_json(ctl))
                printf("sriovctl %s\n", PACKAGE_VERSION);
        r = client_read(ctl->bus, OBJECT_MANAGER, BUS_ROOT, &m, &ctl->failure);
        if (r < 0)
                return r;
        if (!ctl_json(ctl)) {
                escape_text(version, sizeof(version), m.version);
                escape_text(backend, sizeof(backend), m.backend);
                printf("sriovd %s\nbackend %s\n", version,
                        m.backend_connected ? backend : "not connected");
                return EXIT_DONE;
        }
        w = json_writer_new();
        if (!w)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        json_open_object(w, NULL);
        json_put_string(w, "sriovctl", PACKAGE_VERSION);
        json_put_string(w, "sriovd", m.version);
        if (m.backend[0])
                json_put_string(w, "backend", m.backend);
        json_put_bool(w, "backend_connected", m.backend_connected);
        json_close(w);
        return print_json(w, false, &ctl->failure);
}
