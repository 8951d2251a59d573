/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of sriov-sim that speak to a running one (interface org.sriovd1.Sim), and those that
 * need none. The program's only thread.
 */
#pragma once

#include "base/util.h"

struct cli_options {
        const char *socket;                /* NULL: $SRIOV_SIM_SOCKET, else the default of run */
        const char *name;                  /* of the guest that holds; NULL: "guest" */
        const char *count;                 /* of frames */
        const char *svg, *file, *topology; /* paths */
        bool json, models;
        unsigned given; /* OPTION_ bits: what was on the command line */
};

/* Options that only some commands know. */
enum {
        OPTION_NAME = 1,
        OPTION_COUNT = 2,
        OPTION_SVG = 4,
        OPTION_FILE = 8,
        OPTION_TOPOLOGY = 16,
        OPTION_JSON = 32,
        OPTION_MODELS = 64,
};

/* Where a simulator listens when nobody says where: below $XDG_RUNTIME_DIR or /run. */
int cli_default_socket(char *buf, size_t size);

/* Names and purposes of the commands, for --help. */
void cli_print_commands(void);

/* argv: the command and its arguments. The process's exit status: 0 done, 1 refused or failed,
 * 2 not understood. */
int cli_run(int argc, char *const argv[], const struct cli_options *options);
