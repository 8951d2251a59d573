/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sriov-sim: a machine of simulated SR-IOV devices behind the backend's socket. Loop thread. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "backend/server.h"
#include "base/log.h"
#include "sim/cli.h"
#include "sim/control.h"
#include "sim/simops.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static const char help[] =
        "Usage: sriov-sim run TOPOLOGY.json [--listen=unix:PATH]\n"
        "       sriov-sim COMMAND [ARGUMENT...] [--socket=unix:PATH]\n"
        "\n"
        "Simulates a machine with SR-IOV devices for sriovd, and does to it what guests, other\n"
        "administrators and bad luck do.\n"
        "\n"
        "  --listen=unix:PATH  where run listens\n"
        "  --socket=unix:PATH  where the running one listens (default: $SRIOV_SIM_SOCKET)\n"
        "  --help              show this and exit\n"
        "  --version           show the version and exit\n"
        "\n"
        "Commands (PF: an address or netdev; PF/VF: with the VF's index):\n";

struct options {
        const char *listen;
        struct cli_options cli;
};

/* 1: go on; 0: done; negative: not understood. */
static int parse_options(int argc, char *argv[], struct options *ret)
{
        static const struct option table[] = {
                {"listen", required_argument, NULL, 'l'},
                {"socket", required_argument, NULL, 's'},
                {"name", required_argument, NULL, 'n'},
                {"count", required_argument, NULL, 'c'},
                {"svg", required_argument, NULL, 'g'},
                {"file", required_argument, NULL, 'f'},
                {"topology", required_argument, NULL, 't'},
                {"json", no_argument, NULL, 'j'},
                {"models", no_argument, NULL, 'm'},
                {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},
                {NULL, 0, NULL, 0},
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0) {
                switch (c) {
                case 'l':
                        ret->listen = optarg;
                        break;
                case 's':
                        ret->cli.socket = optarg;
                        break;
                case 'n':
                        ret->cli.name = optarg;
                        ret->cli.given |= OPTION_NAME;
                        break;
                case 'c':
                        ret->cli.count = optarg;
                        ret->cli.given |= OPTION_COUNT;
                        break;
                case 'g':
                        ret->cli.svg = optarg;
                        ret->cli.given |= OPTION_SVG;
                        break;
                case 'f':
                        ret->cli.file = optarg;
                        ret->cli.given |= OPTION_FILE;
                        break;
                case 't':
                        ret->cli.topology = optarg;
                        ret->cli.given |= OPTION_TOPOLOGY;
                        break;
                case 'j':
                        ret->cli.json = true;
                        ret->cli.given |= OPTION_JSON;
                        break;
                case 'm':
                        ret->cli.models = true;
                        ret->cli.given |= OPTION_MODELS;
                        break;
                case 'h':
                        fputs(help, stdout);
                        cli_print_commands();
                        return 0;
                case 'v':
                        puts("sriov-sim " PACKAGE_VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }
        }
        return 1;
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

static int serve(sd_event *event, struct machine *machine, const char *listen)
{
        struct backend_server *server = NULL;
        int r;

        r = backend_server_new(event, &sim_backend_ops, machine, getuid(), &server);
        if (r < 0)
                return r;
        backend_server_on_peer(server, control_add, machine);
        r = backend_server_listen(server, listen);
        if (r < 0) {
                log_error("can not listen at %s: %s", listen, strerror(-r));
                return r;
        }
        log_info("listening at %s", listen);
        sd_notify(0, "READY=1");
        r = sd_event_loop(event);
        sd_notify(0, "STOPPING=1");
        return r;
}

static int run(const char *path, const char *listen)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(topology_freep) struct topology *topology = NULL;
        struct machine *machine = NULL;
        struct fault f = FAULT_NULL;
        char standard[256];
        int r;

        r = topology_read(path, &topology, &f);
        if (r < 0) {
                log_error("%s", f.code ? f.text : strerror(-r));
                return r;
        }
        r = machine_new(topology, &machine, &f);
        if (r < 0) {
                log_error("%s describes a machine that can not be made: %s", path, f.text);
                return r;
        }
        if (r >= 0 && !listen) {
                r = cli_default_socket(standard, sizeof(standard));
                listen = standard;
        }
        if (r >= 0)
                r = sd_event_new(&event);
        if (r >= 0)
                r = watch_signals(event);
        if (r >= 0)
                r = traffic_start(machine->traffic);
        if (r >= 0)
                r = serve(event, machine, listen);
        if (r < 0)
                log_error("%s", strerror(-r));
        /*
         * Neither server nor machine is freed: a thread may be in them, waiting for a guest that
         * never lets go, as in a kernel.
         */
        fflush(NULL);
        _exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
        struct options options = {0};
        int r;

        r = parse_options(argc, argv, &options);
        if (r <= 0)
                return r < 0 ? 2 : EXIT_SUCCESS;
        if (optind + 1 < argc && streq(argv[optind], "ctl"))
                optind++; /* the long form: sriov-sim ctl hold PF/VF */
        if (optind == argc) {
                fputs("sriov-sim: no command; try sriov-sim --help\n", stderr);
                return 2;
        }
        if (!streq(argv[optind], "run"))
                return cli_run(argc - optind, argv + optind, &options.cli);
        if (argc - optind != 2) {
                fputs("sriov-sim run: expected: sriov-sim run TOPOLOGY.json [--listen=unix:PATH]\n",
                        stderr);
                return 2;
        }
        run(argv[optind + 1], options.listen);
        return EXIT_FAILURE;
}
