/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sriovd: options, the event loop, signals, the watchdog. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "daemon/daemon.h"

static const char usage[] =
        "Usage: sriovd [OPTION...]\n"
        "Manages SR-IOV devices of this host; serves org.sriovd1 on the message bus.\n\n"
        "  --backend=unix:PATH   who touches the hardware: sriovd-host or sriov-sim\n"
        "                        (default unix:" HOST_SOCKET ")\n"
        "  --bus=ADDRESS         message bus (default: the system bus)\n"
        "  --version             print the version\n"
        "  --help                print this\n\n"
        "See sriovd(8). SRIOVD_DEBUG=1 in the environment makes it talk.\n";

struct options {
        const char *backend;
        const char *bus;
};

/* 0: go on; 1: done already; negative: wrong words. */
static int parse_options(int argc, char **argv, struct options *o)
{
        static const struct option words[] = {
                {"backend", required_argument, NULL, 'b'},
                {"bus", required_argument, NULL, 'B'},
                {"version", no_argument, NULL, 'V'},
                {"help", no_argument, NULL, 'h'},
                {0},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", words, NULL)) >= 0) {
                if (c == 'b')
                        o->backend = optarg;
                else if (c == 'B')
                        o->bus = optarg;
                else if (c == 'V' || c == 'h') {
                        printf("%s", c == 'V' ? "sriovd " PACKAGE_VERSION "\n" : usage);
                        return 1;
                } else
                        return -EINVAL;
        }
        if (optind < argc) {
                fprintf(stderr, "sriovd: unexpected argument '%s'\n", argv[optind]);
                return -EINVAL;
        }
        return 0;
}

static int serve(sd_event *event, const struct options *o)
{
        _cleanup_(daemon_freep) struct daemon *d = NULL;
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        if (r < 0)
                return r;
        r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
        if (r < 0)
                return r;
        r = sd_event_set_watchdog(event, true);
        if (r < 0)
                return r;
        r = daemon_new(event, o->backend, o->bus, &d);
        if (r < 0)
                return r;
        r = sd_event_loop(event);
        sd_notify(0, "STOPPING=1");
        return r;
}

int main(int argc, char **argv)
{
        struct options o = {.backend = "unix:" HOST_SOCKET};
        sd_event *event = NULL;
        int r;

        r = parse_options(argc, argv, &o);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        r = sd_event_default(&event);
        if (r >= 0) {
                r = serve(event, &o);
                sd_event_unref(event);
        }
        if (r < 0)
                log_error("sriovd: %s", strerror(-r));
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
