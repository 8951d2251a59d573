/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of server.h: asynchronous calls to a backend, by callbacks on the loop thread.
 * Reconnects by itself (100 ms, doubling to 5 s); calls in flight when the connection breaks end
 * with FAULT_BACKEND_LOST, and so do calls made while there is none. Every call that returned 0
 * ends in exactly one callback, never from inside the call itself; one that returned an error
 * (-ENOMEM, -EINVAL, -ESHUTDOWN) has none. Loop thread.
 */
#pragma once

#include <systemd/sd-event.h>

#include "backend/backend.h"

struct backend_client;

struct backend_client_events {
        /* Connected and Hello answered: name is "host" or "sim", version its release. */
        void (*connected)(void *userdata, const char *name, const char *version);
        void (*lost)(void *userdata);
        /* Empty id: everything. */
        void (*touched)(void *userdata, const struct dev_id *pf);
        /* done of total steps of the Run in flight on this PF are through. */
        void (*step_done)(void *userdata, const struct dev_id *pf, uint32_t done, uint32_t total);
};

/* address: "unix:PATH" (sd-bus also takes "unix:path=PATH"). Connects when the loop runs. */
int backend_client_new(sd_event *event, const char *address,
        const struct backend_client_events *events, void *userdata, struct backend_client **ret);

/* Ends the calls in flight with FAULT_BACKEND_LOST first. Not from inside a callback. */
void backend_client_free(struct backend_client *client);
DEFINE_CLEANUP(struct backend_client *, backend_client_free)

bool backend_client_is_connected(const struct backend_client *client);

/*
 * In every callback: f->code is FAULT_NONE on success, and else the result is NULL. Results are the
 * callee's to read; an owning value (facts, groups) may be moved out: copy the structure, then zero
 * its array pointer and count.
 */
typedef void (*backend_list_fn)(
        void *userdata, const struct dev_id *ids, size_t n, const struct fault *f);
typedef void (*backend_observe_fn)(
        void *userdata, const struct dev_id *pf, struct pf_facts *facts, const struct fault *f);
typedef void (*backend_groups_fn)(void *userdata, struct groups *groups, const struct fault *f);
typedef void (*backend_holders_fn)(
        void *userdata, const struct holder *holders, size_t n, const struct fault *f);

/*
 * done steps went through; f says why the rest did not. facts are the readings after the last step,
 * NULL (and then f is never FAULT_NONE) when the PF could not be read: it is gone, the Run was
 * refused, or the backend was lost.
 */
typedef void (*backend_run_fn)(void *userdata, const struct dev_id *pf, uint32_t done,
        struct pf_facts *facts, const struct fault *f);

int backend_client_list(struct backend_client *client, backend_list_fn fn, void *userdata);
int backend_client_observe(struct backend_client *client, const struct dev_id *pf,
        backend_observe_fn fn, void *userdata);
int backend_client_groups(struct backend_client *client, backend_groups_fn fn, void *userdata);
int backend_client_holders(struct backend_client *client, const struct dev_id *pf, uint32_t vf,
        backend_holders_fn fn, void *userdata);

/* timeout_usec: no further step begins after it; a step that is in the kernel can not be ended. */
int backend_client_run(struct backend_client *client, const struct pf_ref *ref,
        const struct step *steps, size_t n, uint64_t timeout_usec, backend_run_fn fn,
        void *userdata);
