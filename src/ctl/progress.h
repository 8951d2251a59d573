/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change on its way: the call, its job, and the line on the terminal that shows it. Loop thread.
 */
#pragma once

#include "ctl/ctl.h"

/*
 * Sends the call with no timeout (a kernel call may take minutes) and waits for the reply, showing
 * the job of it on standard error when that is a terminal. *ret_job: 0 when there was no job, as
 * for a change that was there already.
 */
int progress_call(struct ctl *ctl, sd_bus_message *call, uint32_t *ret_job);

/* The same for a call that may begin a job on each of many PFs: a line for each, and its reply. */
int progress_call_all(struct ctl *ctl, sd_bus_message *call, sd_bus_message **ret_reply);

/* What the line shows, not longer than width columns. now_usec as base/util.h's. */
void progress_text(
        const struct view_job *job, uint64_t now, bool utf8, size_t width, char *buf, size_t size);
