/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of commands, and help from it. Pure but for printing. */
#include <stdarg.h>
#include <stdio.h>

#include "ctl/ctl.h"
#include "base/suggest.h"

#define ALWAYS                                                                                     \
        (OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_NO_COLOR) | OPTION_BIT(OPTION_HELP) |         \
                OPTION_BIT(OPTION_VERSION) | OPTION_BIT(OPTION_BUS) | OPTION_BIT(OPTION_HOST))
#define FORCE  OPTION_BIT(OPTION_FORCE)
#define SHARED OPTION_BIT(OPTION_SHARED_GROUP)

const struct command command_table[] = {
        {"status", "", "PFs, their VFs and what is going on, as a tree (also without a command)",
                "", 0, 0, 0, NULL, cmd_status, false},
        {"list", "[pf|vf|group]", "a table; without a word, of PFs", "", 0, 1, 0, check_list,
                cmd_list, false},
        {"show", "DEVICE", "all that is known of one PF, VF or IOMMU group (a number)", "", 1, 1, 0,
                NULL, cmd_show, false},
        {"check", "[VF|PF|GROUP]",
                "can a device be given to a guest: verdicts on IOMMU groups, or one drawn",
                "For a VF or a group (a number) the way from the root bus to its devices, where "
                "isolation breaks, who\n"
                "is in the way of vfio and what to do; for a PF also what VFs of it would be.\n"
                "Exit status of one: 0 isolated, 2 only with --shared-group (shared, unsafe), 3 "
                "not at all\n"
                "(not-viable, no-iommu), 1 error.\n",
                0, 1, 0, NULL, cmd_check, false},
        {"create", "PF N [--driver=DRIVER] [--replace] [--force] [--shared-group]", "create N VFs",
                "--driver   what the VFs are for: they are created unbound and go straight to it;\n"
                "           'none' leaves them unbound\n"
                "--replace  destroy the VFs that are there first\n"
                "--force    even if somebody uses them\n"
                "--shared-group  for a vfio driver also where others share their IOMMU group\n",
                2, 2, FORCE | SHARED | OPTION_BIT(OPTION_REPLACE) | OPTION_BIT(OPTION_DRIVER),
                check_create, cmd_create, false},
        {"destroy", "PF [--force]", "remove all VFs", "--force  even if somebody uses them\n", 1, 1,
                FORCE, NULL, cmd_destroy, false},
        {"set", "VF KEY=VALUE...", "set attributes, all or none",
                "Keys; 'baseline' as a value resets one:\n", 2, ARGS_WORDS_MAX, 0, check_set,
                cmd_set, false},
        {"reset", "VF [--force]", "reset the function, and its attributes to the baseline",
                "--force  even if somebody uses it\n", 1, 1, FORCE, NULL, cmd_reset, false},
        {"bind", "VF DRIVER [--force] [--shared-group]", "bind to a driver, such as vfio-pci",
                "--force         even if somebody uses it\n"
                "--shared-group  a vfio driver also where others share its IOMMU group\n",
                2, 2, FORCE | SHARED, check_bind, cmd_bind, false},
        {"unbind", "VF [--force]", "unbind from its driver", "--force  even if somebody uses it\n",
                1, 1, FORCE, NULL, cmd_unbind, false},
        {"autoprobe", "PF on|off", "whether host drivers are probed on new VFs", "", 2, 2, 0,
                check_autoprobe, cmd_autoprobe, false},
        {"plan", "[FILE...]", "what applying the configuration would do, step by step",
                "Without FILE: the files in /etc/sriovd, /run/sriovd and /usr/lib/sriovd; \"-\": "
                "standard input.\n"
                "Exit status: 0 nothing to change, 2 changes, 1 error.\n",
                0, ARGS_WORDS_MAX, 0, NULL, cmd_plan, false},
        {"apply", "[FILE...] [--confirm=SECONDS] [--plan=HASH] [--yes]",
                "make everything what the configuration says",
                "Without FILE: the files in /etc/sriovd, /run/sriovd and /usr/lib/sriovd. What "
                "comes "
                "as FILE\n"
                "(\"-\": standard input) holds until the next reload or boot.\n\n"
                "--confirm  10 to 86400: take it back unless sriovctl confirm comes in time\n"
                "--plan     refuse when the plan is not this one (sriovctl plan prints its "
                "number)\n"
                "--yes      also a PF that the default route or your SSH session goes through\n",
                0, ARGS_WORDS_MAX,
                OPTION_BIT(OPTION_CONFIRM) | OPTION_BIT(OPTION_PLAN) | OPTION_BIT(OPTION_YES),
                check_apply, cmd_apply, false},
        {"confirm", "", "what was applied with --confirm stays", "", 0, 0, 0, NULL, cmd_confirm,
                false},
        {"rollback", "", "take back what was applied last", "", 0, 0, 0, NULL, cmd_rollback, false},
        {"save", "", "print today's hardware as a configuration", "", 0, 0, 0, NULL, cmd_save,
                false},
        {"reload", "", "read the configuration again and apply it (systemctl reload sriovd)", "", 0,
                0, 0, NULL, cmd_reload, false},
        {"lease", "acquire|run|release|retry|list [WORD...]", "have a VF for oneself for a while",
                "acquire [KEY=VALUE...] [--driver=DRIVER] [--set=KEY=VALUE]... [--label=TEXT] "
                "[--pid=PID]\n"
                "    until it is released, or that process ends\n"
                "run [KEY=VALUE...] [--driver=DRIVER] [--set=KEY=VALUE]... [--label=TEXT] -- "
                "COMMAND...\n"
                "    as long as the command lives; it finds SRIOV_LEASE, SRIOV_VF_ADDRESS, "
                "SRIOV_VF_NETDEV,\n"
                "    SRIOV_IOMMU_GROUP and SRIOV_VFIO in its environment\n"
                "release ID    give it back: the VF is reset and made as it was\n"
                "retry ID      scrub a quarantined VF once more\n"
                "list          all leases\n\n"
                "KEY=VALUE chooses: pf=, vf=, pool=, driver=, numa_node=, and the attributes of "
                "set.\n"
                "--driver and --set hold while it is leased.\n",
                1, ARGS_WORDS_MAX,
                OPTION_BIT(OPTION_DRIVER) | OPTION_BIT(OPTION_SET) | OPTION_BIT(OPTION_LABEL) |
                        OPTION_BIT(OPTION_PID),
                check_lease, cmd_lease, false},
        {"wait", "[PF...] [--timeout=SECONDS]",
                "wait until the configuration was applied, or that of these PFs",
                "--timeout  0 to 86400, 10 by default; then the exit status is 1\n", 0,
                ARGS_WORDS_MAX, OPTION_BIT(OPTION_TIMEOUT), check_wait, cmd_wait, true},
        {"doctor", "[--root=DIR] [--record=DIR]",
                "can this host do SR-IOV, and what to do where it can not; needs no daemon",
                "--root    judge the host that was recorded in DIR, not this one\n"
                "--record  copy what was read of this host to the new directory DIR, without "
                "serial "
                "numbers and\n"
                "          addresses: to be sent to somebody who can help\n"
                "Exit status: 0 ready, 2 warnings, 1 problems.\n",
                0, 0, OPTION_BIT(OPTION_ROOT) | OPTION_BIT(OPTION_RECORD), check_doctor, cmd_doctor,
                true},
        {"monitor", "", "print what changes, as it changes", "", 0, 0, 0, NULL, cmd_monitor, false},
        {"version", "", "of this program and of the daemon", "", 0, 0, 0, NULL, cmd_version, false},
        {"help", "[COMMAND]", "this, or more about one command", "", 0, 1, 0, check_help, NULL,
                false},
        {NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL, false},
};

#define N_COMMANDS (ELEMENTSOF(command_table) - 1)

int ctl_refuse(struct ctl *ctl, const char *fmt, ...)
{
        struct fault f = {.code = FAULT_INVALID_ARGS};
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(f.text, sizeof(f.text), fmt, ap);
        va_end(ap);
        return failure_of_fault(&ctl->failure, &f, -EINVAL);
}

const struct command *command_named(const char *name)
{
        for (size_t i = 0; i < N_COMMANDS; i++)
                if (streq(command_table[i].name, name))
                        return &command_table[i];
        return NULL;
}

static int unknown_command(const char *typed, struct fault *f)
{
        const char *names[N_COMMANDS + 1] = {NULL}, *near;

        for (size_t i = 0; i < N_COMMANDS; i++)
                names[i] = command_table[i].name;
        near = suggest(typed, names);
        return fault_set(f, FAULT_INVALID_ARGS, 0, "unknown command '%s'%s%s%s", typed,
                near ? ": did you mean " : "; sriovctl --help lists them", near ? near : "",
                near ? "?" : "");
}

int command_find(const struct args *args, const struct command **ret, struct fault *f)
{
        const char *name = args->n_words > 0 ? args->words[0] : "status";
        size_t n = args->n_words > 0 ? args->n_words - 1 : 0;
        const struct command *c = command_named(name);

        if (!c)
                return unknown_command(name, f);
        if (n < c->min_words || n > c->max_words)
                return fault_set(f, FAULT_INVALID_ARGS, 0,
                        "%s words for %s: usage: sriovctl %s%s%s",
                        n < c->min_words ? "too few" : "too many", name, name, *c->usage ? " " : "",
                        c->usage);
        for (unsigned i = 0; i < OPTION_MAX; i++)
                if (args_has(args, i) && !((c->options | ALWAYS) & OPTION_BIT(i)))
                        return fault_set(f, FAULT_INVALID_ARGS, 0,
                                "%s is not for %s: usage: sriovctl %s%s%s", option_name(i), name,
                                name, *c->usage ? " " : "", c->usage);
        if (args_has(args, OPTION_BUS) && args_has(args, OPTION_HOST))
                return fault_set(f, FAULT_INVALID_ARGS, 0, "--bus and --host exclude each other");
        *ret = c;
        return 0;
}

int check_help(struct ctl *ctl)
{
        struct fault f = FAULT_NULL;

        if (ctl->args.n_words < 2 || command_named(ctl_word(ctl, 0)))
                return 0;
        return failure_of_fault(&ctl->failure, &f, unknown_command(ctl_word(ctl, 0), &f));
}

static void help_one(FILE *out, const struct command *c)
{
        fprintf(out, "sriovctl %s%s%s\n\n%s\n", c->name, *c->usage ? " " : "", c->usage,
                c->summary);
        if (*c->details)
                fprintf(out, "\n%s", c->details);
        if (c->run == cmd_set)
                for (unsigned i = 0; i < VF_ATTR_MAX; i++)
                        fprintf(out, "  %-12s %s\n", vf_attr_table[i].name, vf_attr_table[i].range);
}

void command_help(FILE *out, const struct command *one)
{
        if (one) {
                help_one(out, one);
                return;
        }
        fprintf(out,
                "sriovctl [OPTION...] [COMMAND]\n\nManages SR-IOV devices by way of sriovd.\n\n");
        for (const struct command *c = command_table; c->name; c++)
                fprintf(out, "  %s%s%s\n      %s\n", c->name, *c->usage ? " " : "", c->usage,
                        c->summary);
        fprintf(out,
                "\n"
                "A PF is a PCI address or a network interface. A VF is PF/INDEX, its PCI address "
                "or\n"
                "its network interface.\n"
                "\n"
                "  -j, --json         print JSON\n"
                "      --bus=ADDRESS  this bus, such as unix:path=/run/bus.sock\n"
                "  -H, --host=HOST    the sriovd of another machine, by ssh ([USER@]HOST)\n"
                "      --no-color     no colours (so does NO_COLOR in the environment)\n"
                "  -h, --help         this, or more about the command that is given\n"
                "  -V, --version      of this program\n"
                "\n"
                "Exit status: 0 done, 1 error, 2 changes (plan), 3 refused (in use, not "
                "permitted), "
                "4 no daemon.\n"
                "sriovctl(1) has it all.\n");
}
