/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands of sriov-sim share. The program's only thread. */
#pragma once

#include <stdio.h>
#include <systemd/sd-bus.h>

#include "sim/cli.h"
#include "sim/machine.h"

#define SIM_INTERFACE "org.sriovd1.Sim"
#define SIM_PATH      "/org/sriovd1/sim"

struct cli {
        const struct cli_options *options;
        const char *command;
        int argc; /* arguments behind the command */
        char *const *argv;
        sd_bus *bus;
};

/* All of these return an exit status: what went wrong is said already. */
int cli_misused(const struct cli *c, const char *fmt, ...) _printf_(2, 3);
int cli_failed(const struct cli *c, const char *why);
/* Connects at the first call; ret (may be NULL): the reply. */
int cli_call(struct cli *c, const char *method, sd_bus_message **ret, const char *types, ...);

/* The same in parts: a message to append to (connects at the first), and its call. */
int cli_begin(struct cli *c, const char *method, sd_bus_message **ret);
int cli_finish(struct cli *c, sd_bus_message *msg, sd_bus_message **ret);

/* Text of others goes to the terminal without its control bytes. */
void cli_print(FILE *file, const char *text);

struct target {
        char pf[64];
        uint32_t vf; /* NO_VF: the PF itself */
};

/* The first argument, PF/INDEX; or also PF alone (NO_VF). */
int cli_target_vf(const struct cli *c, struct target *ret);
int cli_target_any(const struct cli *c, struct target *ret);

/* A machine that nobody runs, for commands that can do without. */
int cli_machine(struct cli *c, const char *path, struct machine **ret);

/* The commands. */
int cli_bind(struct cli *c);
int cli_fault(struct cli *c);
int cli_hold(struct cli *c);
int cli_link(struct cli *c);
int cli_log(struct cli *c);
int cli_lspci(struct cli *c);
int cli_numvfs(struct cli *c);
int cli_plug(struct cli *c);
int cli_profiles(struct cli *c);
int cli_release(struct cli *c);
int cli_reload(struct cli *c);
int cli_rename(struct cli *c);
int cli_set(struct cli *c);
int cli_unfault(struct cli *c);
int cli_unplug(struct cli *c);
int cli_use(struct cli *c);
int cli_unuse(struct cli *c);
int cli_harmed(struct cli *c);
int cli_writes(struct cli *c);
int cli_send(struct cli *c);
int cli_trace(struct cli *c);
int cli_capture(struct cli *c);
int cli_stats(struct cli *c);
int cli_ask(struct cli *c);
int cli_schema(struct cli *c);
int cli_bench(struct cli *c);
