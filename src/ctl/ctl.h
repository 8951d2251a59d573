/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of sriovctl: what was asked, where it prints, and the table of commands. Loop thread. */
#pragma once

#include "ctl/args.h"
#include "ctl/client.h"
#include "ctl/term.h"

struct ctl {
        struct args args;
        struct term out, err;
        sd_bus *bus; /* NULL for commands that need none */
        struct failure failure;
};

struct command {
        const char *name;
        const char *usage;           /* what follows the name */
        const char *summary;         /* for the list of commands */
        const char *details;         /* for `help COMMAND`; may be "" */
        size_t min_words, max_words; /* after the name */
        uint32_t options;            /* OPTION_BIT, besides those that every command takes */
        /* What can be judged without the daemon; may be NULL. Negative with a failure. */
        int (*check)(struct ctl *ctl);
        /* An exit status, or negative with a failure. NULL: help, which needs no daemon. */
        int (*run)(struct ctl *ctl);
        bool connects; /* run connects by itself */
};

/* Ends with a row without name. */
extern const struct command command_table[];

/* NULL when there is none. */
const struct command *command_named(const char *name);

/* The command of the arguments ("status" when there is none), words and options judged. */
int command_find(const struct args *args, const struct command **ret, struct fault *f);

/* The list of commands, or one of them. */
void command_help(FILE *out, const struct command *one);

int cmd_status(struct ctl *ctl);
int cmd_list(struct ctl *ctl);
int cmd_show(struct ctl *ctl);
int cmd_check(struct ctl *ctl);
int cmd_create(struct ctl *ctl);
int cmd_destroy(struct ctl *ctl);
int cmd_set(struct ctl *ctl);
int cmd_reset(struct ctl *ctl);
int cmd_bind(struct ctl *ctl);
int cmd_unbind(struct ctl *ctl);
int cmd_autoprobe(struct ctl *ctl);
int cmd_plan(struct ctl *ctl);
int cmd_apply(struct ctl *ctl);
int cmd_confirm(struct ctl *ctl);
int cmd_rollback(struct ctl *ctl);
int cmd_save(struct ctl *ctl);
int cmd_reload(struct ctl *ctl);
int cmd_wait(struct ctl *ctl);
int cmd_doctor(struct ctl *ctl);
int cmd_lease(struct ctl *ctl);
int cmd_monitor(struct ctl *ctl);
int cmd_version(struct ctl *ctl);

int check_list(struct ctl *ctl);
int check_create(struct ctl *ctl);
int check_set(struct ctl *ctl);
int check_bind(struct ctl *ctl);
int check_autoprobe(struct ctl *ctl);
int check_apply(struct ctl *ctl);
int check_lease(struct ctl *ctl);
int check_wait(struct ctl *ctl);
int check_doctor(struct ctl *ctl);
int check_help(struct ctl *ctl);

/* The word after the command; the caller knows that it is there. */
static inline const char *ctl_word(const struct ctl *ctl, size_t i)
{
        return ctl->args.words[i + 1];
}

static inline bool ctl_json(const struct ctl *ctl)
{
        return args_has(&ctl->args, OPTION_JSON);
}

/* A refusal of what was typed: fills the failure, returns -EINVAL. */
int ctl_refuse(struct ctl *ctl, const char *fmt, ...) _printf_(2, 3);
