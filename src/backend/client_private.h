/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What client.c (the connection) and calls.c (calls on it) share; nobody else includes it. Loop
 * thread. */
#pragma once

#include <systemd/sd-bus.h>

#include "backend/address.h"
#include "backend/client.h"

struct call;

/* Ends a call: decodes the reply (NULL: f says why there is none) and calls back. -EBADMSG without
 * having called back when the reply is not of the form. */
typedef int (*finish_fn)(struct call *call, sd_bus_message *reply, const struct fault *f);

struct call {
        struct backend_client *client;
        sd_bus_slot *slot;
        bool failed; /* never sent; ends from the loop */
        bool ending; /* one of those that end_calls() ends now */
        struct dev_id pf;
        finish_fn finish;
        union {
                backend_list_fn list;
                backend_observe_fn observe;
                backend_groups_fn groups;
                backend_holders_fn holders;
                backend_run_fn run;
        } fn;
        void *userdata;
        struct call *prev, *next;
};

struct backend_client {
        sd_event *event;
        struct sockaddr_un address;
        struct backend_client_events events;
        void *userdata;
        sd_bus *bus;
        sd_bus_slot *hello;
        bool ready;    /* Hello answered */
        bool shutdown; /* being freed */
        uint64_t retry_usec;
        sd_event_source *retry;
        sd_event_source *failing; /* ends the calls that were never sent */
        struct call *calls;
};

/* A method call's message on the present connection. */
int client_call_method(struct backend_client *client, const char *member, sd_bus_message **ret);

/* Ends one call with FAULT_BACKEND_LOST. */
void call_end_lost(struct call *call);
