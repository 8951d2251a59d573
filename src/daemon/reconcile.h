/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps PFs as the configuration wants them: brings each to its wish once, watches for what others
 * change, corrects or reports it, tries again what failed, and finishes what an earlier life left
 * half-done. All of it by jobs. Loop thread.
 */
#pragma once

#include "daemon/conf.h"
#include "daemon/jobs.h"

enum config_state {
        CONFIG_UNMANAGED, /* no entry */
        CONFIG_APPLYING,  /* not brought to its wish yet */
        CONFIG_APPLIED,
        CONFIG_DRIFT,  /* somebody changed what is only to be reported */
        CONFIG_FAILED, /* tried again after a pause: 1 s, doubling to 5 min */
        CONFIG_ALARM,  /* corrected FLAP_MAX times in FLAP_USEC: left alone until the next Apply */
        CONFIG_STATE_MAX,
};

#define FLAP_MAX   3
#define FLAP_USEC  (600 * 1000000ull)
#define RETRY_USEC 1000000ull
#define RETRY_MAX  (300 * 1000000ull)

/* "unmanaged". */
const char *config_state_name(enum config_state state);

/* What others may read of a PF. */
struct config_view {
        enum config_state state;
        char where[WHERE_MAX];
        char text[FAULT_TEXT_MAX];
        struct differences differences;
};

struct reconcile;

struct reconcile_events {
        void (*changed)(void *userdata, const struct dev_id *pf);
        void (*applied)(void *userdata); /* reconcile_applied() may be different */
};

/* conf is looked at, and stays the caller's. */
int reconcile_new(sd_event *event, struct jobs *jobs, const struct state *state,
        const struct conf *conf, struct ledger *ledger, const struct reconcile_events *events,
        void *userdata, struct reconcile **ret);
void reconcile_free(struct reconcile *r);
DEFINE_CLEANUP(struct reconcile *, reconcile_free)

/* From here on it acts: everything there was at the start has been looked at. */
void reconcile_start(struct reconcile *r);

/* conf is a new one, or has been resolved anew: all PFs are looked at. */
void reconcile_all(struct reconcile *r);

/* New readings of a PF, or its lane has become empty. */
void reconcile_look(struct reconcile *r, const struct dev_id *pf);

/* The PF was plugged in, or its driver has come: whatever was applied to it is gone with what was
 * there before. */
void reconcile_came(struct reconcile *r, const struct dev_id *pf);

/* The PF is gone. */
void reconcile_gone(struct reconcile *r, const struct dev_id *pf);

/* An Apply asks: what has failed or flapped is forgotten, and the wish is applied at once. fn as of
 * jobs_submit(). FAULT_NOT_FOUND: no entry. */
int reconcile_apply(struct reconcile *r, const struct dev_id *pf, bool forward, const char *client,
        uint32_t uid, job_done_fn fn, void *userdata, struct fault *f);

/* Something other than its wish is about to be done to the PF: it is left alone until
 * reconcile_release() or reconcile_report(). */
void reconcile_reserve(struct reconcile *r, const struct dev_id *pf);
void reconcile_release(struct reconcile *r, const struct dev_id *pf);

/* What it was reserved for failed: shown, and the wish is not tried over it
 * for RETRY_MAX. */
void reconcile_report(struct reconcile *r, const struct dev_id *pf, const struct fault *f);

/* While set, nothing is begun on PFs: an Apply is putting things in their places. */
void reconcile_hold(struct reconcile *r, bool hold);

/* Never NULL. */
const struct config_view *reconcile_view(const struct reconcile *r, const struct dev_id *pf);

/* Every PF with an entry that is there was brought to it once, or failed. */
bool reconcile_applied(const struct reconcile *r);
