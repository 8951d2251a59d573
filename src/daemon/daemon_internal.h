/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What daemon.c and daemon_events.c share; nobody else includes it. Loop thread. */
#pragma once

#include "daemon/daemon.h"

/* What jobs and leases tell; userdata: the daemon. */
extern const struct jobs_events daemon_jobs_events;
extern const struct leases_events daemon_leases_events;

/* r: of the call that made the changes; said to the bus when there is something to show. */
void daemon_emit(struct daemon *d, struct changes *changes, int r);

void daemon_set_activity(void *userdata, const struct dev_id *pf, enum pf_activity activity);
