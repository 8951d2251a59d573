/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a configuration would do to the PFs that are there: asks the backend who holds their VFs,
 * plans on projected readings to the end. Nothing is changed. Loop thread.
 */
#pragma once

#include "backend/client.h"
#include "config/planjson.h"
#include "daemon/conf.h"
#include "daemon/jobs.h"

/* report is the callee's to take (zero it then). */
typedef void (*preview_fn)(void *userdata, struct report *report, const struct fault *f);

struct preview;

/*
 * Plans one->wish for the PF as it is in state, to the end, and notes whom that hurts. What refuses
 * it goes into one->fault. jobs: who knows which VFs are leased.
 */
void preview_plan(struct planned *one, const struct jobs *jobs, const struct state *state,
        const struct holder *holders, size_t n_holders);

/*
 * Of these PFs of the configuration, or of all that it names (pfs NULL). conf and pfs are looked at
 * now, state when the backend has answered. fn is called exactly once, never from inside, unless
 * the call itself fails or the preview is freed before.
 */
int preview_begin(struct backend_client *backend, const struct jobs *jobs,
        const struct state *state, const struct conf *conf, const struct dev_id *pfs, size_t n_pfs,
        preview_fn fn, void *userdata, struct preview **ret, struct fault *f);

/* Nobody wants to know any more. */
void preview_cancel(struct preview *preview);
