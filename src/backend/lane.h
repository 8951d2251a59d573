/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Worker threads. Work of one lane (a PF and a kind) runs in order and one at a time; lanes run
 * beside each other. A lane's Run never waits for another lane; looks share a bounded number of
 * threads. Threads are started when there is work, linger a little for the next and end.
 *
 * Functions are for the loop thread. The only file with pthread in this room.
 */
#pragma once

#include <systemd/sd-event.h>

#include "model/facts.h"

enum lane_kind {
        LANE_RUN, /* may block for ever in the kernel */
        LANE_LOOK,
        LANE_KIND_MAX
};

#define LANE_LOOK_THREADS 16u

struct lane_work {
        void (*run)(struct lane_work *work); /* on a worker thread, all signals blocked */

        /* On the loop thread, after run: the work is its owner's again. Must not free the lanes. */
        void (*done)(struct lane_work *work);

        /* Instead of done when the lanes were freed meanwhile: on any thread, so it may only free
         * what belongs to no loop. */
        void (*drop)(struct lane_work *work);

        struct lane_work *next; /* the lanes' own */
};

struct lanes;

int lanes_new(sd_event *event, struct lanes **ret);

/* Drops what has not begun; what runs now is dropped by its thread when it returns. */
void lanes_free(struct lanes *lanes);
DEFINE_CLEANUP(struct lanes *, lanes_free)

/* pf: an empty id is a lane too. On failure (-ENOMEM, -EAGAIN: no thread) none of the work's
 * functions is called. */
int lanes_submit(
        struct lanes *lanes, const struct dev_id *pf, enum lane_kind kind, struct lane_work *work);
