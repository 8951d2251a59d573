/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking again: events say which PF to read, looking gathers them for 100 ms, reads each PF once,
 * and hands the facts up. A PF that is being read while another event comes is read once more
 * afterwards; one that could not be read is tried again a second later. Loop thread.
 */
#pragma once

#include <systemd/sd-event.h>

#include "backend/client.h"

struct look;

struct look_events {
        void (*facts)(void *userdata, struct pf_facts *facts); /* ownership moves */
        void (*groups)(void *userdata, struct groups *groups); /* ownership moves */
        void (*gone)(void *userdata, const struct dev_id *pf);
        /* The complete list of PFs, before they are read. */
        void (*listed)(void *userdata, const struct dev_id *ids, size_t n);
        /* Nothing left to look at. */
        void (*settled)(void *userdata);
};

int look_new(sd_event *event, struct backend_client *backend, const struct look_events *events,
        void *userdata, struct look **ret);
void look_free(struct look *look);
DEFINE_CLEANUP(struct look *, look_free)

/* An empty id: list everything again. Cheap; call it as often as events come. */
void look_at(struct look *look, const struct dev_id *pf);

/* Without the 100 ms. */
void look_now(struct look *look, const struct dev_id *pf);

/* The backend is lost: forget what was under way. */
void look_reset(struct look *look);
