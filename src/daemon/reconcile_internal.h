/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reconcile.c (all PFs: who is asked for what, when) and reconcile_look.c (one PF: what to do)
 * share; nobody else includes it. Loop thread.
 */
#pragma once

#include "daemon/reconcile.h"

struct managed {
        struct reconcile *r;
        struct dev_id pf;
        struct config_view view;
        uint64_t wish_hash;
        uint32_t job;     /* 0: none of ours */
        job_done_fn then; /* an Apply waits for it; NULL nobody */
        void *then_data;
        bool settled; /* brought to this wish once, or failed */
        bool reserved;
        unsigned failures;
        uint64_t retry_usec; /* now_usec() before which nothing is tried again */
        uint64_t corrected[FLAP_MAX];
        unsigned n_corrected;
};

struct reconcile {
        sd_event *event;
        struct jobs *jobs;
        const struct state *state;
        const struct conf *conf;
        struct ledger *ledger;
        const struct reconcile_events *events;
        void *userdata;
        bool started, held;
        struct managed **list;
        size_t n, capacity;
        sd_event_source *retry;
};

/* Looks at one PF that nobody works on, and begins what is to be done. */
void managed_look(struct managed *m);

/* What others see; text may be NULL: as it was. Differences move. */
void managed_show(struct managed *m, enum config_state state, const char *text,
        struct differences *differences);

/* The wish moves. A failure comes back as that of the job. */
int managed_submit(struct managed *m, struct order *order);
