/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long sriovd takes to answer: calls GetManagedObjects again and again on one connection and
 * prints the figures as JSON.
 *
 *   latency [CALLS]      {"calls": N, "p50_us": ..., "p99_us": ..., "max_us": ..., "echo_p50_us":
 * ..., "echo_p99_us": ...}
 *
 * "echo" is org.freedesktop.DBus.Peer.Ping of the same daemon, one beside each call: what the bus
 * and the machine cost.
 */
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "base/util.h"

static int compare(const void *a, const void *b)
{
        const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? -1 : x > y;
}

static int call(sd_bus *bus, const char *interface, const char *member, uint64_t *ret_usec)
{
        uint64_t began = now_usec();
        int r;

        r = sd_bus_call_method(
                bus, "org.sriovd1", "/org/sriovd1", interface, member, NULL, NULL, "");
        *ret_usec = now_usec() - began;
        return r;
}

int main(int argc, char **argv)
{
        size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
        _cleanup_(freep) uint64_t *real = calloc(n ? n : 1, sizeof(*real)),
                                  *echo = calloc(n ? n : 1, sizeof(*echo));
        sd_bus *bus = NULL;
        int r;

        if (!real || !echo || n == 0)
                return EXIT_FAILURE;
        r = sd_bus_open_system(&bus);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = call(bus, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", &real[i]);
                if (r >= 0)
                        r = call(bus, "org.freedesktop.DBus.Peer", "Ping", &echo[i]);
        }
        sd_bus_flush_close_unref(bus);
        if (r < 0) {
                fprintf(stderr, "latency: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        qsort(real, n, sizeof(*real), compare);
        qsort(echo, n, sizeof(*echo), compare);
        printf("{\"calls\": %zu, \"p50_us\": %llu, \"p99_us\": %llu, \"max_us\": %llu, "
               "\"echo_p50_us\": %llu, "
               "\"echo_p99_us\": %llu}\n",
                n, (unsigned long long) real[n / 2], (unsigned long long) real[n * 99 / 100],
                (unsigned long long) real[n - 1], (unsigned long long) echo[n / 2],
                (unsigned long long) echo[n * 99 / 100]);
        return EXIT_SUCCESS;
}
