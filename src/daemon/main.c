/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sriovd: options, the event loop, signals, the watchdog. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "base/crash.h"
#include "base/log.h"
#include "daemon/daemon.h"

static const char usage[] =
        "Usage: sriovd [OPTION...]\n"
        "Manages SR-IOV devices of this host; serves org.sriovd1 on the message bus.\n\n"
        "  --backend=unix:PATH   who touches the hardware: sriovd-host or sriov-sim\n"
        "                        (default unix:" HOST_SOCKET ")\n"
        "  --bus=ADDRESS         message bus (default: the system bus)\n"
        "  --config=DIR[:DIR]    configuration; a file in an earlier directory masks its name in "
        "a\n"
        "                        later one (default " CONFIG_DIRS ")\n"
        "  --state=DIR           what survives a crash (default " STATE_DIR ")\n"
        "  --version             print the version\n"
        "  --help                print this\n\n"
        "See sriovd(8). SRIOVD_DEBUG=1 in the environment makes it talk.\n";

#define DIRS_MAX 8

struct options {
        const char *backend;
        const char *bus;
        char *config; /* cut into dirs */
        const char *dirs[DIRS_MAX + 1];
        const char *state;
        struct crash crash;
};

/* 0: go on; 1: done already; negative: wrong words. */
static int parse_options(int argc, char **argv, struct options *o)
{
        static const struct option words[] = {
                {"backend", required_argument, NULL, 'b'},
                {"bus", required_argument, NULL, 'B'},
                {"config", required_argument, NULL, 'c'},
                {"state", required_argument, NULL, 's'},
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
                else if (c == 'c')
                        o->config = optarg;
                else if (c == 's')
                        o->state = optarg;
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

/* Cuts "A:B:C" where it lies. */
static int split_dirs(char *text, const char **ret)
{
        size_t n = 0;

        for (char *dir; (dir = strsep(&text, ":"));) {
                if (!dir[0] || n >= DIRS_MAX) {
                        fprintf(stderr, "sriovd: --config: expected 1 to %d directories\n",
                                DIRS_MAX);
                        return -EINVAL;
                }
                ret[n++] = dir;
        }
        ret[n] = NULL;
        return 0;
}

/* From the environment: SRIOVD_BOOT_ID by the unit, SRIOVD_CRASH and SRIOVD_ROOT by tests. */
static int serve(sd_event *event, struct options *o)
{
        const char *crash = getenv("SRIOVD_CRASH");
        const struct daemon_options daemon = {
                .backend = o->backend,
                .bus = o->bus,
                .config_dirs = o->dirs,
                .state_dir = o->state,
                .boot_id = getenv("SRIOVD_BOOT_ID") ?: "",
                .run_dir = getenv("RUNTIME_DIRECTORY"),
                .crash = crash ? &o->crash : NULL,
                .root = getenv("SRIOVD_ROOT") ?: "/",
        };
        _cleanup_(daemon_freep) struct daemon *d = NULL;
        sigset_t mask;
        int r;

        if (crash && crash_parse(crash, &o->crash) < 0) {
                fprintf(stderr, "sriovd: SRIOVD_CRASH=%s: expected PLACE[:COUNT]\n", crash);
                return -EINVAL;
        }
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
        r = daemon_new(event, &daemon, &d);
        if (r < 0)
                return r;
        r = sd_event_loop(event);
        sd_notify(0, "STOPPING=1");
        return r;
}

int main(int argc, char **argv)
{
        char config_dirs[] = CONFIG_DIRS;
        struct options o = {
                .backend = "unix:" HOST_SOCKET, .config = config_dirs, .state = STATE_DIR};
        sd_event *event = NULL;
        int r;

        r = parse_options(argc, argv, &o);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (split_dirs(o.config, o.dirs) < 0)
                return EXIT_FAILURE;
        r = sd_event_default(&event);
        if (r >= 0) {
                r = serve(event, &o);
                sd_event_unref(event);
        }
        if (r < 0)
                log_error("sriovd: %s", strerror(-r));
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
