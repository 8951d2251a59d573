/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that do something to the machine, or look at it. The program's only thread. */
#include <stdio.h>

#include "base/parse.h"
#include "model/facts.h"
#include "sim/cli_private.h"

/* ---- commands ----------------------------------------------------------------------------------
 */

int cli_schema(struct cli *c)
{
        static const char schema[] =
#include "sim/schema_text.h" /* of data/topology.schema.json, by the Makefile */
                ;

        (void) c;
        fputs(schema, stdout);
        return EXIT_SUCCESS;
}

int cli_profiles(struct cli *c)
{
        (void) c;
        for (size_t i = 0; i < sim_n_profiles; i++) {
                const struct sim_profile *p = &sim_profiles[i];

                printf("%-8s %4u VFs  %04x:%04x  %s\n", p->name, p->total_vfs, p->vendor_id,
                        p->device_id, p->about);
        }
        return EXIT_SUCCESS;
}

int cli_hold(struct cli *c)
{
        const char *guest = c->options->name ?: "guest";
        struct target t;
        int r = cli_target_vf(c, &t);

        return r ? r : cli_call(c, "OpenVf", NULL, "sus", t.pf, t.vf, guest);
}

int cli_release(struct cli *c)
{
        struct target t;
        int r = cli_target_vf(c, &t);

        return r ? r : cli_call(c, "CloseVf", NULL, "su", t.pf, t.vf);
}

int cli_fault(struct cli *c)
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
                return cli_misused(c, "a fault of more than %zu bytes", sizeof(line) - 1);
        r = cli_call(c, "InjectFault", &reply, "ss", c->argv[0], line);
        if (r)
                return r;
        if (sd_bus_message_read(reply, "u", &id) < 0)
                return cli_failed(c, "an answer that makes no sense");
        printf("%u\n", id);
        return EXIT_SUCCESS;
}

int cli_unfault(struct cli *c)
{
        uint32_t id = 0;

        if (!streq(c->argv[0], "all") && parse_u32(c->argv[0], 1, UINT32_MAX, &id) < 0)
                return cli_misused(c,
                        "'%s' is no fault; expected the number that fault printed, or all",
                        c->argv[0]);
        return cli_call(c, "ReleaseFault", NULL, "u", id);
}

int cli_plug(struct cli *c)
{
        return cli_call(c, "Plug", NULL, "ss", c->argv[0], c->argc > 1 ? c->argv[1] : "");
}

int cli_unplug(struct cli *c)
{
        return cli_call(c, "Unplug", NULL, "s", c->argv[0]);
}

int cli_reload(struct cli *c)
{
        return cli_call(c, "ReloadDriver", NULL, "s", c->argv[0]);
}

int cli_set(struct cli *c)
{
        struct target t;
        int r = cli_target_vf(c, &t);

        for (int i = 1; !r && i < c->argc; i++) {
                const char *equals = strchr(c->argv[i], '=');
                char key[64];

                if (!equals || (size_t) (equals - c->argv[i]) >= sizeof(key))
                        return cli_misused(c, "'%s' refused; expected KEY=VALUE", c->argv[i]);
                snprintf(key, sizeof(key), "%.*s", (int) (equals - c->argv[i]), c->argv[i]);
                r = cli_call(c, "SetVfAttr", NULL, "suss", t.pf, t.vf, key, equals + 1);
        }
        return r;
}

int cli_numvfs(struct cli *c)
{
        uint32_t count;

        if (parse_u32(c->argv[1], 0, VFS_MAX, &count) < 0)
                return cli_misused(
                        c, "'%s' is no count; expected 0 to %u", c->argv[1], (unsigned) VFS_MAX);
        return cli_call(c, "SetNumVfs", NULL, "su", c->argv[0], count);
}

int cli_bind(struct cli *c)
{
        struct target t;
        int r = cli_target_any(c, &t);

        return r ? r
                 : cli_call(c, "BindVf", NULL, "sus", t.pf, t.vf, c->argc > 1 ? c->argv[1] : "");
}

int cli_rename(struct cli *c)
{
        struct target t;
        int r = cli_target_any(c, &t);

        return r ? r : cli_call(c, "RenameNetdev", NULL, "sus", t.pf, t.vf, c->argv[1]);
}

int cli_link(struct cli *c)
{
        return cli_call(c, "SetLink", NULL, "ss", c->argv[0], c->argv[1]);
}

int cli_use(struct cli *c)
{
        struct target t;
        int r = cli_target_any(c, &t);

        return r ? r
                 : cli_call(c, "Use", NULL, "suss", t.pf, t.vf, c->argv[1],
                           c->argc > 2 ? c->argv[2] : "");
}

int cli_unuse(struct cli *c)
{
        struct target t;
        int r = cli_target_any(c, &t);

        return r ? r : cli_call(c, "Unuse", NULL, "sus", t.pf, t.vf, c->argv[1]);
}

static int print_number(struct cli *c, sd_bus_message *reply)
{
        uint64_t n = 0;

        if (sd_bus_message_read(reply, "t", &n) < 0)
                return cli_failed(c, "an answer that makes no sense");
        printf("%llu\n", (unsigned long long) n);
        return EXIT_SUCCESS;
}

int cli_writes(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = cli_call(c, "Writes", &reply, "s", c->argv[0]);

        return r ? r : print_number(c, reply);
}

int cli_harmed(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = cli_call(c, "Harmed", &reply, "");

        return r ? r : print_number(c, reply);
}

int cli_log(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *line;
        int r;

        r = cli_call(c, "WriteLog", &reply, "");
        if (!r && sd_bus_message_enter_container(reply, 'a', "s") < 0)
                return cli_failed(c, "an answer that makes no sense");
        while (!r && sd_bus_message_read(reply, "s", &line) > 0) {
                cli_print(stdout, line);
                putchar('\n');
        }
        return r;
}

static int dump(struct cli *c, const char *device)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *text;
        int r;

        r = cli_call(c, "Config", &reply, "s", device);
        if (r)
                return r;
        if (sd_bus_message_read(reply, "s", &text) < 0)
                return cli_failed(c, "an answer that makes no sense");
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
                return cli_misused(
                        c, "'%s' is no address; expected one such as 0000:01:00.0", device);
        for (size_t i = 0; i < n && r >= 0; i++) {
                if (list)
                        address = list[i];
                r = machine_config(m, &address, &cfg, title);
                if (r >= 0)
                        cfgspace_print(stdout, &address, title, &cfg);
        }
        return r < 0 ? cli_failed(c, r == -ENODEV ? "no device at that address" : strerror(-r))
                     : EXIT_SUCCESS;
}

static int dump_topology(struct cli *c)
{
        _cleanup_(machine_freep) struct machine *machine = NULL;
        int r = cli_machine(c, c->argv[0], &machine);

        return r ? r : dump_machine(c, machine, c->argc > 1 ? c->argv[1] : NULL);
}

static bool is_topology(const char *text)
{
        size_t n = strlen(text);

        return n > 5 && streq(text + n - 5, ".json");
}

int cli_lspci(struct cli *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *device;
        int r;

        if (c->argc > 0 && is_topology(c->argv[0]))
                return dump_topology(c);
        if (c->argc > 1)
                return cli_misused(c, "expected: sriov-sim lspci [TOPOLOGY.json] [ADDRESS]");
        if (c->argc > 0)
                return dump(c, c->argv[0]);
        r = cli_call(c, "Devices", &reply, "");
        if (!r && sd_bus_message_enter_container(reply, 'a', "(ss)") < 0)
                return cli_failed(c, "an answer that makes no sense");
        while (!r && sd_bus_message_read(reply, "(ss)", &device, NULL) > 0)
                r = dump(c, device);
        return r;
}
