/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all commands of sriov-sim share: the table, the connection, arguments. */
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "backend/address.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "model/facts.h"
#include "sim/cli_private.h"
#include "sim/machine.h"

#define CALL_USEC (30 * 1000000ull)

int cli_misused(const struct cli *c, const char *fmt, ...)
{
        va_list ap;

        fprintf(stderr, "sriov-sim %s: ", c->command);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
        return EXIT_FAILURE + 1;
}

void cli_print(FILE *file, const char *text)
{
        char safe[1024];

        escape_text(safe, sizeof(safe), text);
        fputs(safe, file);
}

int cli_failed(const struct cli *c, const char *why)
{
        fprintf(stderr, "sriov-sim %s: ", c->command);
        cli_print(stderr, why);
        fputc('\n', stderr);
        return EXIT_FAILURE;
}

int cli_default_socket(char *buf, size_t size)
{
        const char *dir = getenv("XDG_RUNTIME_DIR");
        int n = snprintf(buf, size, "unix:%s/sriov-sim.sock", dir && dir[0] == '/' ? dir : "/run");

        return n < 0 || (size_t) n >= size ? -ENAMETOOLONG : 0;
}

/* ---- calls -------------------------------------------------------------------------------------
 */

static int connect_to(struct cli *c, const char *address)
{
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        _cleanup_(closep) int fd = -1;
        struct sockaddr_un sa;
        int r;

        r = backend_address_parse(address, &sa);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0)
                return -errno;
        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0)
                return r;
        TAKE_FD(fd);
        r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;
        c->bus = TAKE_PTR(bus);
        return 0;
}

int cli_begin(struct cli *c, const char *method, sd_bus_message **ret)
{
        const char *socket = c->options->socket ?: getenv("SRIOV_SIM_SOCKET");
        char standard[256], why[512];
        int r = 0;

        if (!socket || socket[0] == '\0') {
                if (cli_default_socket(standard, sizeof(standard)) < 0)
                        return cli_failed(c, "XDG_RUNTIME_DIR is too long");
                socket = standard;
        }
        if (!c->bus)
                r = connect_to(c, socket);
        if (r >= 0)
                r = sd_bus_message_new_method_call(
                        c->bus, ret, NULL, SIM_PATH, SIM_INTERFACE, method);
        if (r >= 0)
                return EXIT_SUCCESS;
        snprintf(why, sizeof(why),
                "no answer at %s: %s; is sriov-sim running there (see --socket)?", socket,
                strerror(-r));
        return cli_failed(c, why);
}

int cli_finish(struct cli *c, sd_bus_message *msg, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char why[512];
        int r = sd_bus_call(c->bus, msg, CALL_USEC, &error, &reply);

        if (r < 0 && sd_bus_error_is_set(&error) && startswith(error.name, "org.sriovd1."))
                return cli_failed(c, error.message ?: error.name);
        if (r < 0) {
                snprintf(why, sizeof(why),
                        "no answer: %s; is sriov-sim running there (see --socket)?",
                        error.message ?: strerror(-r));
                return cli_failed(c, why);
        }
        if (ret)
                *ret = TAKE_PTR(reply);
        return EXIT_SUCCESS;
}

int cli_call(struct cli *c, const char *method, sd_bus_message **ret, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *msg = NULL;
        va_list ap;
        int r;

        r = cli_begin(c, method, &msg);
        if (r)
                return r;
        va_start(ap, types);
        r = sd_bus_message_appendv(msg, types, ap);
        va_end(ap);
        return r < 0 ? cli_failed(c, strerror(-r)) : cli_finish(c, msg, ret);
}

int cli_machine(struct cli *c, const char *path, struct machine **ret)
{
        _cleanup_(topology_freep) struct topology *topology = NULL;
        struct fault f = FAULT_NULL;
        int r;

        r = topology_read(path, &topology, &f);
        if (r >= 0)
                r = machine_new(topology, ret, &f);
        return r < 0 ? cli_failed(c, f.code ? f.text : strerror(-r)) : EXIT_SUCCESS;
}

/* ---- arguments ---------------------------------------------------------------------------------
 */

/* PF or PF/INDEX. */
static int cli_parse_target(const char *text, struct target *ret)
{
        struct target t = {.vf = NO_VF};
        const char *slash = strrchr(text, '/');
        size_t n = strlen(text);

        if (slash && parse_u32(slash + 1, 0, VFS_MAX, &t.vf) == 0)
                n = (size_t) (slash - text);
        if (n == 0 || n >= sizeof(t.pf))
                return -EINVAL;
        memcpy(t.pf, text, n);
        *ret = t;
        return 0;
}

int cli_target_vf(const struct cli *c, struct target *ret)
{
        if (cli_parse_target(c->argv[0], ret) < 0 || ret->vf == NO_VF)
                return cli_misused(
                        c, "'%s' is no VF; expected PF/INDEX such as enp1s0f0/3", c->argv[0]);
        return EXIT_SUCCESS;
}

int cli_target_any(const struct cli *c, struct target *ret)
{
        if (cli_parse_target(c->argv[0], ret) < 0)
                return cli_misused(c, "'%s' is no device; expected PF or PF/INDEX", c->argv[0]);
        return EXIT_SUCCESS;
}

/* ---- the table ---------------------------------------------------------------------------------
 */

static const struct command {
        const char *name, *arguments, *about;
        int min, max;
        int (*run)(struct cli *c);
        unsigned options; /* OPTION_ bits it knows */
} commands[] = {
        {"send", "PF[/VF|/wire] FRAME... [--count=N]", "a guest or the wire sends a frame", 2, 33,
                cli_send, OPTION_COUNT},
        {"trace", "PF[/VF|/wire] FRAME... [--svg=FILE] [--topology=FILE]",
                "one frame's way, step by step", 2, 33, cli_trace, OPTION_SVG | OPTION_TOPOLOGY},
        {"capture", "PF[/VF|/wire|/drops] [--file=FILE] [--count=N]", "frames to a pcapng file", 1,
                1, cli_capture, OPTION_FILE | OPTION_COUNT},
        {"stats", "PF [--json]", "counters, and why frames were dropped", 1, 1, cli_stats,
                OPTION_JSON},
        {"ask", "PF[/VF] KEY=VALUE...", "a guest's driver asks the PF: mac, vlan, mode...", 2, 32,
                cli_ask, 0},
        {"bench", "[--json] [--models]", "frames per second, and what I/O models cost", 0, 0,
                cli_bench, OPTION_JSON | OPTION_MODELS},
        {"schema", "", "the JSON schema of topology files", 0, 0, cli_schema, 0},
        {"profiles", "", "what kinds of device there are", 0, 0, cli_profiles, 0},
        {"hold", "PF/VF [--name=GUEST]", "a guest opens the VF and keeps it", 1, 1, cli_hold,
                OPTION_NAME},
        {"release", "PF/VF", "the guest closes it", 1, 1, cli_release, 0},
        {"use", "PF[/VF] KIND [NAME]", "the host uses it: netns, master, upper, address, route...",
                2, 3, cli_use, 0},
        {"unuse", "PF[/VF] KIND|all", "no longer", 2, 2, cli_unuse, 0},
        {"plug", "PF [PROFILE]", "put a card into the empty slot", 1, 2, cli_plug, 0},
        {"unplug", "PF", "pull the card, whatever is going on", 1, 1, cli_unplug, 0},
        {"reload", "PF", "rmmod and modprobe its driver", 1, 1, cli_reload, 0},
        {"link", "PF up|down|plugged|unplugged", "the netdev, or the cable", 2, 2, cli_link, 0},
        {"rename", "PF[/VF] NAME", "rename a netdev", 2, 2, cli_rename, 0},
        {"numvfs", "PF COUNT", "somebody else creates or destroys VFs", 2, 2, cli_numvfs, 0},
        {"set", "PF/VF KEY=VALUE...", "somebody else's ip link set", 2, 32, cli_set, 0},
        {"bind", "PF[/VF] DRIVER", "somebody else rebinds it", 2, 2, cli_bind, 0},
        {"unbind", "PF[/VF]", "somebody else unbinds it", 1, 1, cli_bind, 0},
        {"fault", "PF KIND [KEY=VALUE...]", "let something go wrong; prints its number", 2, 16,
                cli_fault, 0},
        {"unfault", "NUMBER|all", "end it, and let go what hangs in it", 1, 1, cli_unfault, 0},
        {"writes", "PF", "how many steps changed something", 1, 1, cli_writes, 0},
        {"harmed", "", "how many users lost their VF to a step that was not forced", 0, 0,
                cli_harmed, 0},
        {"log", "", "the last of those steps", 0, 0, cli_log, 0},
        {"lspci", "[TOPOLOGY.json] [ADDRESS]", "configuration space, for lspci -F", 0, 2, cli_lspci,
                0},
};

void cli_print_commands(void)
{
        char usage[96];

        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                snprintf(usage, sizeof(usage), "%s%s%s", commands[i].name,
                        commands[i].arguments[0] ? " " : "", commands[i].arguments);
                printf("  %-36s %s\n", usage, commands[i].about);
        }
}

static int unknown(const char *command)
{
        const char *words[ELEMENTSOF(commands) + 2] = {"run"};
        const char *meant;

        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                words[i + 1] = commands[i].name;
        meant = suggest(command, words);
        fputs("sriov-sim: unknown command '", stderr);
        cli_print(stderr, command);
        if (meant)
                fprintf(stderr, "'; did you mean %s?\n", meant);
        else
                fputs("'; try sriov-sim --help\n", stderr);
        return EXIT_FAILURE + 1;
}

int cli_run(int argc, char *const argv[], const struct cli_options *options)
{
        struct cli c = {.options = options, .command = argv[0], .argc = argc - 1, .argv = argv + 1};

        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                int r;

                if (!streq(commands[i].name, c.command))
                        continue;
                if (c.argc < commands[i].min || c.argc > commands[i].max)
                        return cli_misused(
                                &c, "expected: sriov-sim %s %s", c.command, commands[i].arguments);
                if (options->given & ~commands[i].options)
                        return cli_misused(&c, "an option that it does not know; expected: %s %s",
                                c.command, commands[i].arguments);
                r = commands[i].run(&c);
                sd_bus_flush_close_unref(c.bus);
                if (r == EXIT_SUCCESS && (fflush(stdout) != 0 || ferror(stdout)))
                        return cli_failed(&c, "standard output can not be written");
                return r;
        }
        return unknown(argv[0]);
}
