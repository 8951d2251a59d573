/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of sriov-sim besides run. The program's only thread. */
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "backend/address.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "model/facts.h"
#include "sim/cli.h"
#include "sim/machine.h"

#define SIM_INTERFACE "org.sriovd1.Sim"
#define SIM_PATH      "/org/sriovd1/sim"
#define CALL_USEC     (30 * 1000000ull)

struct cli {
        const struct cli_options *options;
        const char *command;
        int argc; /* arguments behind the command */
        char *const *argv;
        sd_bus *bus;
};

_printf_(2, 3) static int misused(const struct cli *c, const char *fmt, ...)
{
        va_list ap;

        fprintf(stderr, "sriov-sim %s: ", c->command);
        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fputc('\n', stderr);
        return EXIT_FAILURE + 1;
}

/* Text of others goes to the terminal without its control bytes. */
static void print(FILE *file, const char *text)
{
        char safe[1024];

        escape_text(safe, sizeof(safe), text);
        fputs(safe, file);
}

static int failed(const struct cli *c, const char *why)
{
        fprintf(stderr, "sriov-sim %s: ", c->command);
        print(stderr, why);
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
        r = sd_bus_start(bus);
        if (r < 0)
                return r;
        c->bus = TAKE_PTR(bus);
        return 0;
}

/* Connects at the first call. An exit status: what went wrong is said already. */
static int call(struct cli *c, const char *method, sd_bus_message **ret, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *msg = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *socket = c->options->socket ?: getenv("SRIOV_SIM_SOCKET");
        char standard[256], why[512];
        va_list ap;
        int r = 0;

        if (!socket || socket[0] == '\0') {
                if (cli_default_socket(standard, sizeof(standard)) < 0)
                        return failed(c, "XDG_RUNTIME_DIR is too long");
                socket = standard;
        }
        if (!c->bus)
                r = connect_to(c, socket);
        if (r >= 0)
                r = sd_bus_message_new_method_call(
                        c->bus, &msg, NULL, SIM_PATH, SIM_INTERFACE, method);
        va_start(ap, types);
        if (r >= 0)
                r = sd_bus_message_appendv(msg, types, ap);
        va_end(ap);
        if (r >= 0)
                r = sd_bus_call(c->bus, msg, CALL_USEC, &error, &reply);
        if (r < 0 && sd_bus_error_is_set(&error) && startswith(error.name, "org.sriovd1."))
                return failed(c, error.message ?: error.name);
        if (r < 0) {
                snprintf(why, sizeof(why),
                        "no answer at %s: %s; is sriov-sim running there (see --socket)?", socket,
                        error.message ?: strerror(-r));
                return failed(c, why);
        }
        if (ret)
                *ret = TAKE_PTR(reply);
        return EXIT_SUCCESS;
}

/* ---- arguments ---------------------------------------------------------------------------------
 */

struct target {
        char pf[64];
        uint32_t vf; /* NO_VF: the PF itself */
};

/* PF or PF/INDEX. */
static int parse_target(const char *text, struct target *ret)
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

static int target_vf(const struct cli *c, struct target *ret)
{
        if (parse_target(c->argv[0], ret) < 0 || ret->vf == NO_VF)
                return misused(
                        c, "'%s' is no VF; expected PF/INDEX such as enp1s0f0/3", c->argv[0]);
        return EXIT_SUCCESS;
}

static int target_any(const struct cli *c, struct target *ret)
{
        if (parse_target(c->argv[0], ret) < 0)
                return misused(c, "'%s' is no device; expected PF or PF/INDEX", c->argv[0]);
        return EXIT_SUCCESS;
}

/* ---- commands ----------------------------------------------------------------------------------
 */

static int cmd_profiles(struct cli *c)
{
        (void) c;
        for (size_t i = 0; i < sim_n_profiles; i++) {
                const struct sim_profile *p = &sim_profiles[i];

                printf("%-8s %4u VFs  %04x:%04x  %s\n", p->name, p->total_vfs, p->vendor_id,
                        p->device_id, p->about);
        }
        return EXIT_SUCCESS;
}

static int cmd_hold(struct cli *c)
{
        const char *guest = c->options->name ?: "guest";
        struct target t;
        int r = target_vf(c, &t);

        return r ? r : call(c, "OpenVf", NULL, "sus", t.pf, t.vf, guest);
}

static int cmd_release(struct cli *c)
{
        struct target t;
        int r = target_vf(c, &t);

        return r ? r : call(c, "CloseVf", NULL, "su", t.pf, t.vf);
}

static int cmd_fault(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        char line[512] = "";
        uint32_t id = 0;
        size_t at = 0;
        int r;

        for (int i = 1; i < c->argc && at < sizeof(line); i++)
                at += (size_t) snprintf(
                        line + at, sizeof(line) - at, "%s%s", i > 1 ? " " : "", c->argv[i]);
        if (at >= sizeof(line))
                return misused(c, "a fault of more than %zu bytes", sizeof(line) - 1);
        r = call(c, "InjectFault", &reply, "ss", c->argv[0], line);
        if (r)
                return r;
        if (sd_bus_message_read(reply, "u", &id) < 0)
                return failed(c, "an answer that makes no sense");
        printf("%u\n", id);
        return EXIT_SUCCESS;
}

static int cmd_unfault(struct cli *c)
{
        uint32_t id = 0;

        if (!streq(c->argv[0], "all") && parse_u32(c->argv[0], 1, UINT32_MAX, &id) < 0)
                return misused(c,
                        "'%s' is no fault; expected the number that fault printed, or all",
                        c->argv[0]);
        return call(c, "ReleaseFault", NULL, "u", id);
}

static int cmd_plug(struct cli *c)
{
        return call(c, "Plug", NULL, "ss", c->argv[0], c->argc > 1 ? c->argv[1] : "");
}

static int cmd_unplug(struct cli *c)
{
        return call(c, "Unplug", NULL, "s", c->argv[0]);
}

static int cmd_reload(struct cli *c)
{
        return call(c, "ReloadDriver", NULL, "s", c->argv[0]);
}

static int cmd_set(struct cli *c)
{
        struct target t;
        int r = target_vf(c, &t);

        for (int i = 1; !r && i < c->argc; i++) {
                const char *equals = strchr(c->argv[i], '=');
                char key[64];

                if (!equals || (size_t) (equals - c->argv[i]) >= sizeof(key))
                        return misused(c, "'%s' refused; expected KEY=VALUE", c->argv[i]);
                snprintf(key, sizeof(key), "%.*s", (int) (equals - c->argv[i]), c->argv[i]);
                r = call(c, "SetVfAttr", NULL, "suss", t.pf, t.vf, key, equals + 1);
        }
        return r;
}

static int cmd_numvfs(struct cli *c)
{
        uint32_t count;

        if (parse_u32(c->argv[1], 0, VFS_MAX, &count) < 0)
                return misused(
                        c, "'%s' is no count; expected 0 to %u", c->argv[1], (unsigned) VFS_MAX);
        return call(c, "SetNumVfs", NULL, "su", c->argv[0], count);
}

static int cmd_bind(struct cli *c)
{
        struct target t;
        int r = target_any(c, &t);

        return r ? r : call(c, "BindVf", NULL, "sus", t.pf, t.vf, c->argc > 1 ? c->argv[1] : "");
}

static int cmd_rename(struct cli *c)
{
        struct target t;
        int r = target_any(c, &t);

        return r ? r : call(c, "RenameNetdev", NULL, "sus", t.pf, t.vf, c->argv[1]);
}

static int cmd_link(struct cli *c)
{
        return call(c, "SetLink", NULL, "ss", c->argv[0], c->argv[1]);
}

static int cmd_writes(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t n = 0;
        int r;

        r = call(c, "Writes", &reply, "s", c->argv[0]);
        if (r)
                return r;
        if (sd_bus_message_read(reply, "t", &n) < 0)
                return failed(c, "an answer that makes no sense");
        printf("%llu\n", (unsigned long long) n);
        return EXIT_SUCCESS;
}

static int cmd_log(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *line;
        int r;

        r = call(c, "WriteLog", &reply, "");
        if (!r && sd_bus_message_enter_container(reply, 'a', "s") < 0)
                return failed(c, "an answer that makes no sense");
        while (!r && sd_bus_message_read(reply, "s", &line) > 0) {
                print(stdout, line);
                putchar('\n');
        }
        return r;
}

static int dump(struct cli *c, const char *device)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *text;
        int r;

        r = call(c, "Config", &reply, "s", device);
        if (r)
                return r;
        if (sd_bus_message_read(reply, "s", &text) < 0)
                return failed(c, "an answer that makes no sense");
        fputs(text, stdout);
        return EXIT_SUCCESS;
}

/* One device of a machine that nobody runs, or all of them. */
static int dump_machine(struct cli *c, struct machine *machine, const char *device)
{
        _cleanup_(machine_unlockp) struct machine *m = machine_lock(machine);
        _cleanup_(freep) struct bdf *list = NULL;
        char title[NAME_MAX_TEXT];
        struct cfgspace cfg;
        struct bdf address;
        size_t n = 1;
        int r = 0;

        if (!device)
                r = machine_devices(m, &list, &n);
        else if (parse_bdf(device, &address) < 0)
                return misused(c, "'%s' is no address; expected one such as 0000:01:00.0", device);
        for (size_t i = 0; i < n && r >= 0; i++) {
                if (list)
                        address = list[i];
                r = machine_config(m, &address, &cfg, title);
                if (r >= 0)
                        cfgspace_print(stdout, &address, title, &cfg);
        }
        return r < 0 ? failed(c, r == -ENODEV ? "no device at that address" : strerror(-r))
                     : EXIT_SUCCESS;
}

static int dump_topology(struct cli *c)
{
        _cleanup_(topology_freep) struct topology *topology = NULL;
        _cleanup_(machine_freep) struct machine *machine = NULL;
        struct fault f = FAULT_NULL;
        int r;

        r = topology_read(c->argv[0], &topology, &f);
        if (r >= 0)
                r = machine_new(topology, &machine);
        if (r < 0)
                return failed(c, f.code ? f.text : strerror(-r));
        return dump_machine(c, machine, c->argc > 1 ? c->argv[1] : NULL);
}

static bool is_topology(const char *text)
{
        size_t n = strlen(text);

        return n > 5 && streq(text + n - 5, ".json");
}

static int cmd_lspci(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *device;
        int r;

        if (c->argc > 0 && is_topology(c->argv[0]))
                return dump_topology(c);
        if (c->argc > 1)
                return misused(c, "expected: sriov-sim lspci [TOPOLOGY.json] [ADDRESS]");
        if (c->argc > 0)
                return dump(c, c->argv[0]);
        r = call(c, "Devices", &reply, "");
        if (!r && sd_bus_message_enter_container(reply, 'a', "(ss)") < 0)
                return failed(c, "an answer that makes no sense");
        while (!r && sd_bus_message_read(reply, "(ss)", &device, NULL) > 0)
                r = dump(c, device);
        return r;
}

/* ---- the table ---------------------------------------------------------------------------------
 */

static const struct {
        const char *name, *arguments, *about;
        int min, max;
        int (*run)(struct cli *c);
} commands[] = {
        {"profiles", "", "what kinds of device there are", 0, 0, cmd_profiles},
        {"hold", "PF/VF [--name=GUEST]", "a guest opens the VF and keeps it", 1, 1, cmd_hold},
        {"release", "PF/VF", "the guest closes it", 1, 1, cmd_release},
        {"plug", "PF [PROFILE]", "put a card into the empty slot", 1, 2, cmd_plug},
        {"unplug", "PF", "pull the card, whatever is going on", 1, 1, cmd_unplug},
        {"reload", "PF", "rmmod and modprobe its driver", 1, 1, cmd_reload},
        {"link", "PF up|down|plugged|unplugged", "the netdev, or the cable", 2, 2, cmd_link},
        {"rename", "PF[/VF] NAME", "rename a netdev", 2, 2, cmd_rename},
        {"numvfs", "PF COUNT", "somebody else creates or destroys VFs", 2, 2, cmd_numvfs},
        {"set", "PF/VF KEY=VALUE...", "somebody else's ip link set", 2, 32, cmd_set},
        {"bind", "PF[/VF] DRIVER", "somebody else rebinds it", 2, 2, cmd_bind},
        {"unbind", "PF[/VF]", "somebody else unbinds it", 1, 1, cmd_bind},
        {"fault", "PF KIND [KEY=VALUE...]", "let something go wrong; prints its number", 2, 16,
                cmd_fault},
        {"unfault", "NUMBER|all", "end it, and let go what hangs in it", 1, 1, cmd_unfault},
        {"writes", "PF", "how many steps changed something", 1, 1, cmd_writes},
        {"log", "", "the last of those steps", 0, 0, cmd_log},
        {"lspci", "[TOPOLOGY.json] [ADDRESS]", "configuration space, for lspci -F", 0, 2,
                cmd_lspci},
};

void cli_print_commands(void)
{
        char usage[64];

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
        print(stderr, command);
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
                        return misused(
                                &c, "expected: sriov-sim %s %s", c.command, commands[i].arguments);
                if (options->name && commands[i].run != cmd_hold)
                        return misused(&c, "--name is for hold alone");
                r = commands[i].run(&c);
                sd_bus_flush_close_unref(c.bus);
                if (r == EXIT_SUCCESS && (fflush(stdout) != 0 || ferror(stdout)))
                        return failed(&c, "standard output can not be written");
                return r;
        }
        return unknown(argv[0]);
}
