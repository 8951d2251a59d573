/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: owns the state, the backend connection, the jobs and the bus, and wires them. Loop
 * thread.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "backend/client.h"
#include "daemon/jobs.h"
#include "model/state.h"

struct bus;
struct look;

struct daemon {
        sd_event *event;
        struct state state;
        struct backend_client *backend;
        char backend_name[128]; /* "host 0.1.0", "" while not connected */
        struct jobs *jobs;
        struct look *look;
        struct bus *bus; /* connected at once, named when ready: nobody sees half a world */
        bool ready;      /* everything there was at the start has been looked at once */
        sd_event_source *ready_timer;
        sd_event_source *quiet_timer; /* while a PF that is down has VFs: no events tell of them */
        sd_event_source *busy_timer;  /* while the backend works on a PF for nobody here */
};

/* bus_address: NULL for the system bus. */
int daemon_new(
        sd_event *event, const char *backend_address, const char *bus_address, struct daemon **ret);
void daemon_free(struct daemon *daemon);
DEFINE_CLEANUP(struct daemon *, daemon_free)

/*
 * New readings go in here and nowhere else: state_apply, then the bus emits what changed, then the
 * jobs hear of it. Ownership of facts moves.
 */
void daemon_take_facts(struct daemon *daemon, struct pf_facts *facts);
void daemon_take_groups(struct daemon *daemon, struct groups *groups);
void daemon_take_gone(struct daemon *daemon, const struct dev_id *pf);

/* The bus gave us our name: whoever waits for the service may go on. */
void daemon_on_name(struct daemon *daemon);
