/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serves a backend over private sd-bus connections: interface org.sriovd1.Backend, object
 * /org/sriovd1/backend. Loop thread, with worker threads of its own (lane.h).
 *
 *   Hello() -> (u protocol, s backend, s version)
 *   List() -> as                       Observe(s pf) -> facts
 *   Groups() -> groups                 Holders(s pf, u vf) -> holders
 *   Run(s pf, q vendor, q device, t timeout_usec, steps) -> (u done, fault, b gone, facts)
 *   Counters() -> a{st}                steps run since start, by kind
 *   signals Touched(s pf)              StepDone(s pf, u done, u total)
 *
 * Before a destructive step that is not forced, the server asks the implementation for holders once
 * more and refuses with InUse. One Run per PF at a time: a second one is refused with Busy. One
 * set_numvfs at a time on the whole machine (the kernel's rescan lock): a second one is refused
 * with Busy.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "backend/backend.h"

#define BACKEND_PROTOCOL  1u
#define BACKEND_INTERFACE "org.sriovd1.Backend"
#define BACKEND_PATH      "/org/sriovd1/backend"

struct backend_server;

/*
 * The event loop must outlive the server. ops->event_fd is watched from here on. uid: besides root,
 * whose connections are accepted (SO_PEERCRED).
 */
int backend_server_new(sd_event *event, const struct backend_ops *ops, void *backend, uid_t uid,
        struct backend_server **ret);

/* Adds a listening stream socket (ownership moves). */
int backend_server_listen_fd(struct backend_server *server, int fd);

/* Binds PATH of "unix:PATH" (or a plain path), mode 0600, replacing a stale socket. */
int backend_server_listen(struct backend_server *server, const char *address);

/*
 * Called on the loop for every new connection, so that a backend can add objects of its own (the
 * simulation's control interface) before messages are dispatched. Non-zero refuses the peer.
 */
typedef int (*backend_peer_fn)(sd_bus *bus, void *userdata);
void backend_server_on_peer(struct backend_server *server, backend_peer_fn fn, void *userdata);

/* Frees; work that has not returned keeps its thread, and the process should now exit. */
void backend_server_free(struct backend_server *server);
DEFINE_CLEANUP(struct backend_server *, backend_server_free)
