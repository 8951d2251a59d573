/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: owns the state, the backend connection, the jobs and the bus, and wires them. Loop
 * thread.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "backend/client.h"
#include "config/rivals.h"
#include "daemon/jobs.h"
#include "model/state.h"

struct apply;
struct bus;
struct crash;
struct leases;
struct ledger;
struct look;
struct reconcile;
struct vfdir;

struct daemon_options {
        const char *backend;            /* address */
        const char *bus;                /* address; NULL: the system bus */
        bool no_bus;                    /* nobody to talk to: for tests of what survives */
        const char *const *config_dirs; /* NULL-terminated; an earlier one masks */
        const char *state_dir;
        struct ledger *ledger; /* NULL: over state_dir; else the daemon's from here on */
        const char *boot_id;   /* "": ask the kernel */
        const char *run_dir;   /* where udev's rules look for names of VFs; NULL: nowhere */
        struct crash *crash;   /* NULL: none */
        const char *root;      /* "/": below it is looked for who else manages VFs; NULL: nowhere */
};

struct daemon {
        sd_event *event;
        struct state state;
        struct backend_client *backend;
        char backend_name[128]; /* "host 0.1.0", "" while not connected */
        struct jobs *jobs;
        struct look *look;
        struct ledger *ledger;
        struct leases *leases;       /* who has which VF */
        struct apply *apply;         /* and the configuration */
        struct reconcile *reconcile; /* keeps the PFs to it */
        struct vfdir *vfdir;         /* NULL: nobody looks */
        const char *root;
        struct rivals rivals; /* other managers of our PFs' VFs */
        struct bus *bus;      /* connected at once, named when ready: nobody sees half a world */
        bool ready;           /* what is there can be shown: we have our name, or asked for it */
        bool begun; /* ... and was brought to the configuration since: there was a backend */
        sd_event_source *ready_timer;
        sd_event_source *quiet_timer; /* while a PF that is down has VFs: no events tell of them */
        sd_event_source *busy_timer;  /* while the backend works on a PF for nobody here */
};

/* options are looked at now; config_dirs and crash must live as long as the daemon. */
int daemon_new(sd_event *event, const struct daemon_options *options, struct daemon **ret);
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
