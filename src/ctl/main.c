/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sriovctl: parses the command line, connects, runs one command. The only thread. */
#include <locale.h>
#include <stdio.h>

#include "ctl/print.h"

static int run(struct ctl *ctl, int argc, char *argv[])
{
        const struct args *a = &ctl->args;
        const struct command *command = NULL;
        struct fault f = FAULT_NULL;
        int r;

        r = args_parse(argc, argv, &ctl->args, &f);
        term_init(&ctl->out, stdout, args_has(a, OPTION_NO_COLOR));
        term_init(&ctl->err, stderr, args_has(a, OPTION_NO_COLOR));
        if (r == 0 && args_has(a, OPTION_VERSION)) {
                printf("sriovctl %s\n", PACKAGE_VERSION);
                return EXIT_DONE;
        }
        if (r == 0 && args_has(a, OPTION_HELP)) {
                command_help(stdout, a->n_words > 0 ? command_named(a->words[0]) : NULL);
                return EXIT_DONE;
        }
        if (r == 0)
                r = command_find(a, &command, &f);
        if (r < 0)
                return failure_of_fault(&ctl->failure, &f, r);
        r = command->check ? command->check(ctl) : 0;
        if (r < 0)
                return r;
        if (!command->run) {
                command_help(stdout, a->n_words > 1 ? command_named(ctl_word(ctl, 0)) : NULL);
                return EXIT_DONE;
        }
        r = command->connects ? 0 : client_open(a, &ctl->bus, &ctl->failure);
        return r < 0 ? r : command->run(ctl);
}

int main(int argc, char *argv[])
{
        struct ctl ctl = {0};
        int r;

        setlocale(LC_CTYPE, "");
        r = run(&ctl, argc, argv);
        if (r < 0) {
                fflush(stdout);
                print_failure(&ctl);
                r = ctl.failure.status;
        }
        sd_bus_flush_close_unref(ctl.bus);
        if (fflush(stdout) < 0 || ferror(stdout)) {
                fprintf(stderr, "sriovctl: can not write to standard output\n");
                r = EXIT_ERROR;
        }
        return r;
}
