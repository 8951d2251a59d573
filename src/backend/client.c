/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's end of the seam: one connection, and trying again. calls.c has the calls. Loop
 * thread. */
#include <sys/socket.h>

#include "backend/client_private.h"
#include "backend/codec.h"
#include "backend/server.h"
#include "base/log.h"

#define RETRY_MIN_USEC UINT64_C(100000)
#define RETRY_MAX_USEC UINT64_C(5000000)
#define RETRY_SLACK    UINT64_C(10000)
#define HELLO_USEC     UINT64_C(10000000)

/* Ends the calls of now, all or those that were never sent. Calls that their callbacks make are not
 * among them: a callback that tries again at once would hold the loop for ever. */
static void end_calls(struct backend_client *client, bool failed_only)
{
        struct call *call = client->calls;

        for (; call; call = call->next)
                call->ending = call->failed || !failed_only;
        do {
                for (call = client->calls; call && !call->ending; call = call->next)
                        ;
                if (call)
                        call_end_lost(call);
        } while (call);
}

bool backend_client_is_connected(const struct backend_client *client)
{
        return client->ready && sd_bus_is_open(client->bus) > 0;
}

static void retry_later(struct backend_client *client)
{
        sd_event_source_set_time(client->retry, now_usec() + client->retry_usec);
        sd_event_source_set_enabled(client->retry, SD_EVENT_ONESHOT);
        client->retry_usec =
                client->retry_usec * 2 > RETRY_MAX_USEC ? RETRY_MAX_USEC : client->retry_usec * 2;
}

/* Ends everything on the present connection, and tries again later. */
static void connection_lost(struct backend_client *client)
{
        bool was_ready = client->ready;

        client->ready = false;
        client->hello = sd_bus_slot_unref(client->hello);
        client->bus = sd_bus_close_unref(client->bus);
        end_calls(client, false);
        retry_later(client);
        if (was_ready && client->events.lost)
                client->events.lost(client->userdata);
}

static void on_touched(struct backend_client *client, sd_bus_message *m)
{
        struct dev_id pf;

        if (codec_get_dev_id(m, true, &pf) < 0)
                pf = (struct dev_id){0}; /* something happened to something */
        if (client->events.touched)
                client->events.touched(client->userdata, &pf);
}

static void on_step_done(struct backend_client *client, sd_bus_message *m)
{
        uint32_t done, total;
        struct dev_id pf;

        if (codec_get_dev_id(m, false, &pf) < 0 ||
                sd_bus_message_read(m, "uu", &done, &total) <= 0 || done > total)
                return;
        if (client->events.step_done)
                client->events.step_done(client->userdata, &pf, done, total);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        struct backend_client *client = userdata;

        if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected"))
                connection_lost(client);
        else if (!client->ready)
                return 0;
        else if (sd_bus_message_is_signal(m, BACKEND_INTERFACE, "Touched"))
                on_touched(client, m);
        else if (sd_bus_message_is_signal(m, BACKEND_INTERFACE, "StepDone"))
                on_step_done(client, m);
        else
                return 0;
        return 1;
}

static int on_hello(sd_bus_message *m, void *userdata, sd_bus_error *e _unused_)
{
        struct backend_client *client = userdata;
        const char *name, *version;
        uint32_t protocol;

        client->hello = sd_bus_slot_unref(client->hello);
        if (sd_bus_message_is_method_error(m, NULL) ||
                sd_bus_message_read(m, "uss", &protocol, &name, &version) <= 0) {
                log_warning("the backend at %s did not answer Hello", client->address.sun_path);
                connection_lost(client);
                return 1;
        }
        if (protocol != BACKEND_PROTOCOL) {
                log_error("the backend at %s (%s %s) speaks protocol %u, this sriovd %u: install "
                          "the same release of both",
                        client->address.sun_path, name, version, protocol, BACKEND_PROTOCOL);
                client->retry_usec = RETRY_MAX_USEC;
                connection_lost(client);
                return 1;
        }
        client->ready = true;
        client->retry_usec = RETRY_MIN_USEC;
        if (client->events.connected)
                client->events.connected(client->userdata, name, version);
        return 1;
}

static int socket_connect(const struct sockaddr_un *address)
{
        _cleanup_(closep) int fd = -1;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *) address, sizeof(*address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

int client_call_method(struct backend_client *client, const char *member, sd_bus_message **ret)
{
        return sd_bus_message_new_method_call(
                client->bus, ret, NULL, BACKEND_PATH, BACKEND_INTERFACE, member);
}

static int bus_connect(struct backend_client *client)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int fd, r;

        fd = socket_connect(&client->address);
        if (fd < 0)
                return fd;
        r = sd_bus_new(&client->bus);
        if (r >= 0)
                r = sd_bus_set_fd(client->bus, fd, fd);
        if (r < 0) {
                close(fd);
                return r;
        }
        r = sd_bus_negotiate_fds(client->bus, false);
        if (r < 0)
                return r;
        r = sd_bus_add_filter(client->bus, NULL, on_message, client);
        if (r < 0)
                return r;
        r = sd_bus_start(client->bus);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(client->bus, client->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        r = client_call_method(client, "Hello", &m);
        if (r < 0)
                return r;
        return sd_bus_call_async(client->bus, &client->hello, m, on_hello, client, HELLO_USEC);
}

static int on_retry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
        struct backend_client *client = userdata;
        int r;

        r = bus_connect(client);
        if (r < 0) {
                log_debug("backend at %s: %s", client->address.sun_path, strerror(-r));
                connection_lost(client);
        }
        return 0;
}

static int on_failing(sd_event_source *source _unused_, void *userdata)
{
        end_calls(userdata, true);
        return 0;
}

static int client_init(struct backend_client *client, sd_event *event)
{
        int r;

        client->event = sd_event_ref(event);
        client->retry_usec = RETRY_MIN_USEC;
        r = sd_event_add_time(
                event, &client->retry, CLOCK_MONOTONIC, now_usec(), RETRY_SLACK, on_retry, client);
        if (r < 0)
                return r;
        r = sd_event_add_defer(event, &client->failing, on_failing, client);
        return r < 0 ? r : sd_event_source_set_enabled(client->failing, SD_EVENT_OFF);
}

int backend_client_new(sd_event *event, const char *address,
        const struct backend_client_events *events, void *userdata, struct backend_client **ret)
{
        _cleanup_(backend_client_freep) struct backend_client *client = calloc(1, sizeof(*client));
        int r;

        if (!client)
                return -ENOMEM;
        r = backend_address_parse(address, &client->address);
        if (r < 0)
                return r;
        client->events = *events;
        client->userdata = userdata;
        r = client_init(client, event);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
}

void backend_client_free(struct backend_client *client)
{
        client->shutdown = true;
        client->ready = false;
        sd_bus_slot_unref(client->hello);
        client->bus = sd_bus_close_unref(client->bus);
        end_calls(client, false);
        sd_event_source_disable_unref(client->retry);
        sd_event_source_disable_unref(client->failing);
        sd_event_unref(client->event);
        free(client);
}
