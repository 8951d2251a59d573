/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sriovd-host: serves the kernel's SR-IOV to sriovd. Loop thread. */
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "backend/server.h"
#include "base/log.h"
#include "host/host.h"

#ifndef SRIOVD_USER
#define SRIOVD_USER "sriovd"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static const char help[] =
        "Usage: sriovd-host [OPTION...]\n"
        "Does what sriovd decides: reads and changes SR-IOV devices of this machine.\n"
        "Started by systemd through sriovd-host.socket.\n"
        "\n"
        "  --listen=unix:PATH  listen there when systemd passed no socket\n"
        "  --sysfs=DIR         look for devices below DIR instead of /sys\n"
        "  --help              show this and exit\n"
        "  --version           show the version and exit\n";

struct options {
        const char *listen;
        const char *sysfs;
};

/* 1: go on; 0: done; negative: not understood. */
static int parse_options(int argc, char *argv[], struct options *ret)
{
        static const struct option table[] = {
                {"listen", required_argument, NULL, 'l'},
                {"sysfs", required_argument, NULL, 's'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {NULL, 0, NULL, 0},
        };
        int c;

        while ((c = getopt_long(argc, argv, "", table, NULL)) >= 0) {
                switch (c) {
                case 'l':
                        ret->listen = optarg;
                        break;
                case 's':
                        ret->sysfs = optarg;
                        break;
                case 'h':
                        fputs(help, stdout);
                        return 0;
                case 'v':
                        puts("sriovd-host " PACKAGE_VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }
        }
        if (optind < argc) {
                fprintf(stderr, "sriovd-host: unexpected argument '%s'\n", argv[optind]);
                return -EINVAL;
        }
        return 1;
}

/* The sockets systemd passed, and the one of --listen. */
static int listen_all(struct backend_server *server, const char *address)
{
        int n, r;

        n = sd_listen_fds(1);
        if (n < 0)
                return n;
        for (int i = 0; i < n; i++) {
                r = backend_server_listen_fd(server, SD_LISTEN_FDS_START + i);
                if (r < 0)
                        return r;
        }
        if (address)
                return backend_server_listen(server, address);
        return n > 0 ? 0 : -EDESTADDRREQ;
}

/* Before any thread: so that all inherit the mask, and the signals come to the loop alone. */
static int watch_signals(sd_event *event)
{
        sigset_t set;
        int r;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        signal(SIGPIPE, SIG_IGN);
        r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
        return r < 0 ? r : sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
}

static int run(const struct options *options)
{
        const struct passwd *user = getpwnam(SRIOVD_USER);
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        struct backend_server *server = NULL;
        struct host_backend *host = NULL;
        int r;

        r = sd_event_new(&event);
        if (r >= 0)
                r = watch_signals(event);
        if (r >= 0)
                r = host_backend_new(options->sysfs, &host);
        if (r < 0) {
                log_error("can not start: %s", strerror(-r));
                return r;
        }
        r = backend_server_new(event, &host_backend_ops, host, user ? user->pw_uid : 0, &server);
        if (r >= 0)
                r = listen_all(server, options->listen);
        if (r == -EDESTADDRREQ)
                log_error("no socket: start sriovd-host.socket, or give --listen=unix:PATH");
        else if (r < 0)
                log_error("can not listen: %s", strerror(-r));
        if (r < 0)
                return r;
        sd_notify(0, "READY=1");
        r = sd_event_loop(event);
        sd_notify(0, "STOPPING=1");
        if (r < 0)
                log_error("event loop: %s", strerror(-r));
        /*
         * Neither server nor host is freed: a thread may be in them, in a kernel call that no
         * signal ends. _exit() takes what it can; the kernel lets the rest go when it is through.
         */
        _exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
        struct options options = {0};
        int r;

        r = parse_options(argc, argv, &options);
        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        run(&options);
        return EXIT_FAILURE;
}
