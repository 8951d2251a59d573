/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: options, the command, its words. Pure, any thread. */
#pragma once

#include "base/fault.h"

#define ARGS_WORDS_MAX 32

/* Options that only some commands take; BIT of these in struct command. */
enum option {
        OPTION_JSON,
        OPTION_NO_COLOR,
        OPTION_HELP,
        OPTION_VERSION,
        OPTION_BUS,
        OPTION_HOST,
        OPTION_FORCE,
        OPTION_REPLACE,
        OPTION_DRIVER,
        OPTION_CONFIRM,
        OPTION_PLAN,
        OPTION_YES,
        OPTION_TIMEOUT,
        OPTION_SHARED_GROUP,
        OPTION_ROOT,
        OPTION_RECORD,
        OPTION_SET,
        OPTION_LABEL,
        OPTION_PID,
        OPTION_MAX,
};

#define OPTION_BIT(o) (1u << (o))

struct args {
        uint32_t given;                /* OPTION_BIT of what was there */
        const char *value[OPTION_MAX]; /* of options that take one */
        const char *words[ARGS_WORDS_MAX];
        size_t n_words;                   /* the first is the command */
        const char *sets[ARGS_WORDS_MAX]; /* OPTION_SET may be given more than once */
        size_t n_sets;
        char *const *rest; /* of "lease": the command behind "--", ends with NULL; NULL: none */
};

static inline bool args_has(const struct args *a, enum option o)
{
        return a->given & OPTION_BIT(o);
}

/* "--force". */
const char *option_name(enum option o);

/*
 * Options may stand anywhere; "--" ends them. FAULT_INVALID_ARGS names what is wrong and what was
 * perhaps meant. What was understood until then is in *ret also on failure, so that an error can be
 * told the way --json asks.
 */
int args_parse(int argc, char *const argv[], struct args *ret, struct fault *f);
