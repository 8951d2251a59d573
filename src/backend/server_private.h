/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What server.c (sockets, peers), look.c (readings) and run.c (Runs) share; nobody else includes
 * it. Loop thread, but for what is marked. */
#pragma once

#include "backend/lane.h"
#include "backend/server.h"

/* Readings that wait at once, over all peers: the daemon needs one or two per PF. */
#define REQUESTS_LIMIT 4096u

/*
 * A call that is answered later. What server, call, prev and next point to belongs to the loop: the
 * worker thread leaves them alone. The rest is the worker's between lanes_submit() and done.
 */
struct request {
        struct lane_work work; /* first */
        const struct backend_ops *ops;
        void *backend;
        struct dev_id pf;
        int result;
        struct fault fault;

        struct backend_server *server;
        sd_bus_message *call; /* holds its connection too */
        struct request *prev, *next;
};

struct run;

struct peer {
        struct backend_server *server;
        sd_bus *bus;
        struct peer *prev, *next;
};

struct backend_server {
        sd_event *event;
        const struct backend_ops *ops;
        void *backend;
        uid_t uid;
        struct lanes *lanes;
        struct peer *peers;
        unsigned n_peers;
        struct request *requests;
        unsigned n_requests;
        sd_event_source **listeners;
        size_t n_listeners, listeners_capacity;
        sd_event_source *events;
        backend_peer_fn on_peer;
        void *on_peer_userdata;

        struct run *runs;            /* those in progress, one per PF */
        struct dev_id numvfs_pf;     /* whose set_numvfs is in the kernel; "" nobody's */
        uint64_t numvfs_since;       /* now_usec() */
        uint64_t counters[STEP_MAX]; /* steps handed to the implementation */
};

/* Any thread. Makes sure that a failed result has a fault. */
void request_complete(struct request *rq, const char *what);

/* Links a fresh request (calloc'ed, work functions set) to its server and call. -EDQUOT: too many;
 * the request is the caller's still. */
int request_begin(struct request *rq, struct backend_server *server, sd_bus_message *call);

/* Takes it out of the server's list again and lets go of its call. */
void request_end(struct request *rq);

/* Is the connection it came on still there? */
bool request_has_peer(const struct request *rq);

/* Answers call with the fault as a method error. Returns 1 for a method handler, or negative. */
int server_refuse(sd_bus_message *call, const struct fault *f);

/* Touched(pf) to every peer, but not to except (may be NULL). */
void server_touched(struct backend_server *server, const struct dev_id *pf, const sd_bus *except);

/* Method handlers; userdata is the server. */
int look_on_list(sd_bus_message *m, void *userdata, sd_bus_error *e);
int look_on_observe(sd_bus_message *m, void *userdata, sd_bus_error *e);
int look_on_groups(sd_bus_message *m, void *userdata, sd_bus_error *e);
int look_on_holders(sd_bus_message *m, void *userdata, sd_bus_error *e);
int run_on_run(sd_bus_message *m, void *userdata, sd_bus_error *e);

/* Fills in what is being done to this PF now. */
void run_describe_busy(const struct backend_server *server, struct pf_facts *facts);
