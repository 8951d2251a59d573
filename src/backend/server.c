/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server's sockets, peers and small methods; look.c and run.c do the rest. Loop thread. */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "backend/address.h"
#include "backend/codec.h"
#include "backend/server_private.h"
#include "base/log.h"

/* One daemon, and a few people with busctl. */
#define PEERS_LIMIT 64u

#define EVENTS_BURST 256

void request_complete(struct request *rq, const char *what)
{
        if (rq->result >= 0 || rq->fault.code != FAULT_NONE)
                return;
        fault_set(&rq->fault, fault_code_of_errno(-rq->result), -rq->result, "%s%s%s failed: %s",
                rq->pf.str, rq->pf.str[0] ? ": " : "", what, strerror(-rq->result));
}

int request_begin(struct request *rq, struct backend_server *server, sd_bus_message *call)
{
        if (server->n_requests >= REQUESTS_LIMIT)
                return -EDQUOT;
        rq->ops = server->ops;
        rq->backend = server->backend;
        rq->fault = FAULT_NULL;
        rq->server = server;
        rq->call = sd_bus_message_ref(call);
        rq->next = server->requests;
        if (rq->next)
                rq->next->prev = rq;
        server->requests = rq;
        server->n_requests++;
        return 0;
}

void request_end(struct request *rq)
{
        if (rq->prev)
                rq->prev->next = rq->next;
        else
                rq->server->requests = rq->next;
        if (rq->next)
                rq->next->prev = rq->prev;
        rq->server->n_requests--;
        rq->call = sd_bus_message_unref(rq->call);
}

bool request_has_peer(const struct request *rq)
{
        sd_bus *bus = sd_bus_message_get_bus(rq->call);

        for (const struct peer *peer = rq->server->peers; peer; peer = peer->next)
                if (peer->bus == bus)
                        return true;
        return false;
}

int server_refuse(sd_bus_message *call, const struct fault *f)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = codec_new_error(call, f, &reply);
        if (r < 0)
                return r;
        r = sd_bus_send(NULL, reply, NULL);
        return r < 0 ? r : 1;
}

static void peer_free(struct peer *peer)
{
        if (peer->prev)
                peer->prev->next = peer->next;
        else
                peer->server->peers = peer->next;
        if (peer->next)
                peer->next->prev = peer->prev;
        peer->server->n_peers--;
        sd_bus_close_unref(peer->bus); /* flushing could wait for one who does not read */
        free(peer);
}

/* A peer that can not be told (its queue is full) is cut off: it connects again and looks anew. */
void server_touched(struct backend_server *server, const struct dev_id *pf, const sd_bus *except)
{
        for (struct peer *peer = server->peers, *next; peer; peer = next) {
                next = peer->next;
                if (peer->bus == except)
                        continue;
                if (sd_bus_emit_signal(peer->bus, BACKEND_PATH, BACKEND_INTERFACE, "Touched", "s",
                            pf->str) < 0)
                        peer_free(peer);
        }
}

static int on_hello(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        struct backend_server *server = userdata;

        return sd_bus_reply_method_return(
                m, "uss", BACKEND_PROTOCOL, server->ops->name, PACKAGE_VERSION);
}

static int on_counters(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct backend_server *server = userdata;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "{st}");
        for (unsigned i = 0; r >= 0 && i < STEP_MAX; i++)
                r = sd_bus_message_append(reply, "{st}", step_kind_name(i), server->counters[i]);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Hello", "", "uss", on_hello, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("List", "", "as", look_on_list, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Observe", "s", SIG_PF, look_on_observe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Groups", "", SIG_GROUPS, look_on_groups, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Holders", "su", SIG_HOLDERS, look_on_holders, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Run", "sqqt" SIG_STEPS, "u" SIG_FAULT "b" SIG_PF, run_on_run,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Counters", "", "a{st}", on_counters, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("Touched", "s", 0),
        SD_BUS_SIGNAL("StepDone", "suu", 0),
        SD_BUS_VTABLE_END,
};

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        if (!sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected"))
                return 0;
        peer_free(userdata);
        return 1;
}

/* Takes a connected, checked socket. take_fds: the simulator takes files to write to; a host never.
 */
static int bus_new(int fd, bool take_fds, sd_bus **ret)
{
        _cleanup_(closep) int owned = fd;
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        sd_id128_t id;
        int r;

        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_fd(bus, owned, owned);
        if (r < 0)
                return r;
        TAKE_FD(owned);
        r = sd_bus_set_server(bus, 1, id);
        if (r < 0)
                return r;
        r = sd_bus_set_anonymous(bus, false);
        if (r < 0)
                return r;
        r = sd_bus_set_trusted(bus, true);
        if (r < 0)
                return r;
        r = sd_bus_negotiate_fds(bus, take_fds);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

static int bus_start(struct backend_server *server, struct peer *peer)
{
        int r;

        r = sd_bus_add_object_vtable(
                peer->bus, NULL, BACKEND_PATH, BACKEND_INTERFACE, vtable, server);
        if (r < 0)
                return r;
        r = sd_bus_add_filter(peer->bus, NULL, on_message, peer);
        if (r < 0)
                return r;
        if (server->on_peer) {
                r = server->on_peer(peer->bus, server->on_peer_userdata);
                if (r != 0)
                        return r < 0 ? r : -EPERM;
        }
        r = sd_bus_start(peer->bus);
        if (r < 0)
                return r;
        return sd_bus_attach_event(peer->bus, server->event, SD_EVENT_PRIORITY_NORMAL);
}

static int peer_add(struct backend_server *server, int fd)
{
        _cleanup_(closep) int owned = fd;
        struct ucred cred;
        socklen_t size = sizeof(cred);
        struct peer *peer;
        int r;

        if (getsockopt(owned, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
                return -errno;
        if (cred.uid != 0 && cred.uid != server->uid)
                return -EPERM;
        if (server->n_peers >= PEERS_LIMIT)
                return -EDQUOT;
        peer = calloc(1, sizeof(*peer));
        if (!peer)
                return -ENOMEM;
        peer->server = server;
        r = bus_new(TAKE_FD(owned), server->on_peer != NULL, &peer->bus);
        if (r < 0) {
                free(peer);
                return r;
        }
        peer->next = server->peers;
        if (peer->next)
                peer->next->prev = peer;
        server->peers = peer;
        server->n_peers++;
        r = bus_start(server, peer);
        if (r < 0)
                peer_free(peer);
        return r;
}

static int on_connection(
        sd_event_source *source _unused_, int fd, uint32_t revents _unused_, void *userdata)
{
        struct backend_server *server = userdata;
        int r;

        r = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (r < 0) {
                if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
                        log_warning("accept: %s", strerror(errno));
                return 0;
        }
        r = peer_add(server, r);
        if (r < 0)
                log_warning("a connection was refused: %s", strerror(-r));
        return 0;
}

static int on_event(sd_event_source *source, int fd _unused_, uint32_t revents _unused_, void *p)
{
        struct backend_server *server = p;
        struct dev_id pf;
        int r = 1;

        for (unsigned i = 0; r > 0 && i < EVENTS_BURST; i++) {
                pf = (struct dev_id){0};
                r = server->ops->next_event(server->backend, &pf);
                if (r > 0)
                        server_touched(server, &pf, NULL);
        }
        if (r < 0) {
                log_error(
                        "%s: no more events from the devices: %s", server->ops->name, strerror(-r));
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
        }
        return 0;
}

int backend_server_listen_fd(struct backend_server *server, int fd)
{
        _cleanup_(closep) int owned = fd;
        sd_event_source *source;
        int r;

        r = array_grow(&server->listeners, &server->listeners_capacity, server->n_listeners,
                sizeof(sd_event_source *));
        if (r < 0)
                return r;
        r = sd_event_add_io(server->event, &source, owned, EPOLLIN, on_connection, server);
        if (r < 0)
                return r;
        server->listeners[server->n_listeners++] = source;
        r = sd_event_source_set_io_fd_own(source, 1);
        if (r < 0)
                return r;
        TAKE_FD(owned);
        return 0;
}

int backend_server_listen(struct backend_server *server, const char *address)
{
        _cleanup_(closep) int fd = -1;
        struct sockaddr_un sa;
        mode_t mask;
        struct stat st;
        int r;

        r = backend_address_parse(address, &sa);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (lstat(sa.sun_path, &st) == 0) {
                if (!S_ISSOCK(st.st_mode))
                        return -EEXIST;
                /* Stale: nobody answers. */
                if (connect(fd, (struct sockaddr *) &sa, sizeof(sa)) == 0 || errno != ECONNREFUSED)
                        return -EADDRINUSE;
                if (unlink(sa.sun_path) < 0)
                        return -errno;
        }
        mask = umask(0177);
        r = bind(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0 ? -errno : 0;
        umask(mask);
        if (r < 0)
                return r;
        if (listen(fd, SOMAXCONN) < 0)
                return -errno;
        return backend_server_listen_fd(server, TAKE_FD(fd));
}

void backend_server_on_peer(struct backend_server *server, backend_peer_fn fn, void *userdata)
{
        server->on_peer = fn;
        server->on_peer_userdata = userdata;
}

int backend_server_new(sd_event *event, const struct backend_ops *ops, void *backend, uid_t uid,
        struct backend_server **ret)
{
        _cleanup_(backend_server_freep) struct backend_server *server = calloc(1, sizeof(*server));
        int fd, r;

        if (!server)
                return -ENOMEM;
        server->event = sd_event_ref(event);
        server->ops = ops;
        server->backend = backend;
        server->uid = uid;
        r = lanes_new(event, &server->lanes);
        if (r < 0)
                return r;
        fd = ops->event_fd(backend);
        if (fd < 0)
                return fd;
        r = sd_event_add_io(event, &server->events, fd, EPOLLIN, on_event, server);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(server);
        return 0;
}

void backend_server_free(struct backend_server *server)
{
        sd_event_source_disable_unref(server->events);
        for (size_t i = 0; i < server->n_listeners; i++)
                sd_event_source_disable_unref(server->listeners[i]);
        free(server->listeners);
        /* What a worker may still have keeps none of the loop's things. */
        while (server->requests)
                request_end(server->requests);
        if (server->lanes)
                lanes_free(server->lanes);
        while (server->peers)
                peer_free(server->peers);
        sd_event_unref(server->event);
        free(server);
}
