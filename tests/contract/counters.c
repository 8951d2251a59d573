/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a backend has been told to write since it started, as a JSON object of step kinds: "wrote
 * nothing" made countable.
 *
 *   counters unix:PATH
 */
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "backend/server.h"

static int ask(const char *path, sd_bus **ret_bus, sd_bus_message **ret_reply)
{
        char address[256];
        int r;

        if (startswith(path, "unix:"))
                path += strlen("unix:");
        snprintf(address, sizeof(address), "unix:path=%s", path);
        r = sd_bus_new(ret_bus);
        if (r >= 0)
                r = sd_bus_set_address(*ret_bus, address);
        if (r >= 0)
                r = sd_bus_start(*ret_bus);
        if (r >= 0)
                r = sd_bus_call_method(*ret_bus, NULL, BACKEND_PATH, BACKEND_INTERFACE, "Counters",
                        NULL, ret_reply, "");
        return r >= 0 ? sd_bus_message_enter_container(*ret_reply, 'a', "{st}") : r;
}

int main(int argc, char **argv)
{
        sd_bus_message *reply = NULL;
        sd_bus *bus = NULL;
        const char *kind, *comma = "";
        uint64_t count;
        int r;

        if (argc != 2) {
                fprintf(stderr, "usage: counters unix:PATH\n");
                return EXIT_FAILURE;
        }
        r = ask(argv[1], &bus, &reply);
        if (r >= 0)
                printf("{");
        while (r >= 0 && (r = sd_bus_message_read(reply, "{st}", &kind, &count)) > 0) {
                printf("%s\"%s\": %llu", comma, kind, (unsigned long long) count);
                comma = ", ";
        }
        if (r >= 0)
                printf("}\n");
        else
                fprintf(stderr, "counters: %s\n", strerror(-r));
        sd_bus_message_unref(reply);
        sd_bus_flush_close_unref(bus);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
