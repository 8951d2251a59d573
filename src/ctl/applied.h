/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Apply and Rollback: the call, its jobs on the terminal, and what came of it. Loop thread. */
#pragma once

#include "ctl/ctl.h"
#include "ctl/planview.h"

/* Begins a call of a method of the Manager. */
int manager_call_new(struct ctl *ctl, const char *method, sd_bus_message **ret);

/*
 * Sends the call, which answers with the JSON of a result, waits for it and prints it; notes:
 * warnings and what is absent, which who saw the plan knows already. Returns an
 * exit status (EXIT_ERROR when a PF failed, EXIT_REFUSED when all that failed were refused), or
 * negative with a failure.
 */
int applied_call(struct ctl *ctl, sd_bus_message *call, bool notes);

/* The exit status of a result. */
enum exit_status applied_status(const struct planview *v);
