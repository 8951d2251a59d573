/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `plan` and `apply`: files to the daemon, its plan to people. Loop thread. */
#include <fcntl.h>
#include <stdio.h>

#include "base/fileio.h"
#include "base/parse.h"
#include "config/config.h"
#include "config/planjson.h"
#include "ctl/applied.h"
#include "ctl/print.h"
#include "ctl/uplink.h"

#define ANSWER_SIZE 16
#define STDIN_NAME  "stdin"

/* The files that were named, as they go to the daemon. */
struct inputs {
        struct {
                const char *name;
                char *text;
        } list[ARGS_WORDS_MAX];
        size_t n;
};

static void inputs_done(struct inputs *in)
{
        for (size_t i = 0; i < in->n; i++)
                free(in->list[i].text);
}

static int read_stdin(char **ret, size_t *ret_n)
{
        _cleanup_(freep) char *text = malloc(CONFIG_FILE_MAX + 2);
        size_t n;

        if (!text)
                return -ENOMEM;
        n = fread(text, 1, CONFIG_FILE_MAX + 1, stdin);
        if (ferror(stdin))
                return -EIO;
        if (n > CONFIG_FILE_MAX)
                return -EFBIG;
        text[n] = '\0';
        *ret = TAKE_PTR(text);
        *ret_n = n;
        return 0;
}

/* What can not go over the bus as a string is refused here, where the reader finds the place. */
static int check_text(struct ctl *ctl, const char *name, const char *text, size_t n)
{
        _cleanup_(json_freep) struct json *doc = NULL;
        struct fault f = FAULT_NULL;
        int r;

        if (strlen(text) == n && utf8_valid(text))
                return 0;
        r = json_parse(name, text, n, JSON_COMMENTS, &doc, &f);
        if (r < 0 && f.code)
                return failure_of_fault(&ctl->failure, &f, r);
        return ctl_refuse(ctl, "%s: it is not text in UTF-8", name);
}

static int add_input(struct ctl *ctl, struct inputs *in, const char *path)
{
        const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
        bool from_stdin = streq(path, "-");
        size_t n = 0;
        int r;

        if (from_stdin)
                name = STDIN_NAME;
        for (size_t i = 0; i < in->n; i++)
                if (streq(in->list[i].name, name))
                        return ctl_refuse(ctl,
                                "%s: there is a file %s already; expected each name once", path,
                                name);
        r = from_stdin ? read_stdin(&in->list[in->n].text, &n)
                       : read_file_at(AT_FDCWD, path, CONFIG_FILE_MAX, &in->list[in->n].text, &n);
        if (r == -EFBIG)
                return ctl_refuse(
                        ctl, "%s: too big; expected at most %u bytes", path, CONFIG_FILE_MAX);
        if (r < 0)
                return failure_own(&ctl->failure, EXIT_ERROR,
                        fault_code_name(r == -ENOENT ? FAULT_NOT_FOUND : FAULT_IO), r,
                        "can not read %s: %s", path, strerror(-r));
        in->list[in->n].name = name;
        in->n++;
        return check_text(ctl, name, in->list[in->n - 1].text, n);
}

static int inputs_read(struct ctl *ctl, struct inputs *in)
{
        int r = 0;

        for (size_t i = 1; i < ctl->args.n_words && r == 0; i++)
                r = add_input(ctl, in, ctl->args.words[i]);
        return r;
}

static int append_inputs(sd_bus_message *m, const struct inputs *in)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "(ss)");
        for (size_t i = 0; i < in->n && r >= 0; i++)
                r = sd_bus_message_append(m, "(ss)", in->list[i].name, in->list[i].text);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int ask_plan(struct ctl *ctl, const struct inputs *in, struct planview *ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        struct fault f = FAULT_NULL;
        const char *text;
        int r;

        r = manager_call_new(ctl, "Plan", &m);
        if (r < 0)
                return r;
        r = append_inputs(m, in);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "make a message");
        r = sd_bus_call(ctl->bus, m, 0, &error, &reply);
        if (r < 0)
                return failure_of_bus(&ctl->failure, &error, r);
        r = sd_bus_message_read(reply, "s", &text);
        if (r >= 0)
                r = planview_parse(text, ret, &f);
        if (r < 0)
                return f.code ? failure_of_fault(&ctl->failure, &f, r)
                              : failure_of_errno(&ctl->failure, r, "read the plan");
        return 0;
}

static int print_plan(struct ctl *ctl, const struct planview *plan)
{
        _cleanup_(json_writer_freep) struct json_writer *w = NULL;
        int r;

        if (!ctl_json(ctl)) {
                r = planview_print(plan, stdout, &ctl->out);
                return r < 0 ? failure_of_errno(&ctl->failure, r, "print") : 0;
        }
        w = json_writer_new();
        if (!w)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        json_copy(w, plan->doc);
        return print_json(w, false, &ctl->failure);
}

int cmd_plan(struct ctl *ctl)
{
        _cleanup_(planview_done) struct planview plan = {0};
        _cleanup_(inputs_done) struct inputs in = {0};
        int r;

        r = inputs_read(ctl, &in);
        if (r >= 0)
                r = ask_plan(ctl, &in, &plan);
        if (r >= 0)
                r = print_plan(ctl, &plan);
        if (r < 0)
                return r;
        if (plan.changes)
                return EXIT_CHANGES;
        return planview_has_errors(&plan) ? EXIT_ERROR : EXIT_DONE;
}

int check_apply(struct ctl *ctl)
{
        const char *confirm = ctl->args.value[OPTION_CONFIRM], *hash = ctl->args.value[OPTION_PLAN];
        uint32_t seconds;
        uint64_t number;

        if (confirm && parse_u32(confirm, CONFIRM_MIN, CONFIRM_MAX, &seconds) < 0)
                return ctl_refuse(ctl, "--confirm=%s refused: expected seconds, %u to %u", confirm,
                        CONFIRM_MIN, CONFIRM_MAX);
        if (hash && report_hash_parse(hash, &number) < 0)
                return ctl_refuse(ctl,
                        "--plan=%s refused: expected the 16 hex digits that sriovctl plan prints",
                        hash);
        return 0;
}

/* Whether somebody at the terminal says yes to what the failure says. */
static bool agreed(struct ctl *ctl)
{
        char answer[ANSWER_SIZE] = "";

        if (ctl_json(ctl) || !ctl->err.tty || !isatty(STDIN_FILENO))
                return false;
        fprintf(stderr, "%ssriovctl:%s %s\nGo on? [y/N] ", style_begin(&ctl->err, STYLE_WARN),
                style_end(&ctl->err, STYLE_WARN), ctl->failure.text);
        fflush(stdout);
        fflush(stderr);
        (void) failure_own(&ctl->failure, EXIT_REFUSED, "Uplink", 0, "nothing was done");
        if (!fgets(answer, sizeof(answer), stdin))
                return false;
        return streq(answer, "y\n") || streq(answer, "Y\n") || streq(answer, "yes\n");
}

/* Asks before it touches a PF that this machine or this session hangs on. */
static int guard_uplink(struct ctl *ctl, const struct planview *plan)
{
        char pfs[FAULT_TEXT_MAX / 2] = "";
        _cleanup_(closep) int sys = -1;
        struct uplinks uplinks;
        size_t n = 0;

        if (args_has(&ctl->args, OPTION_YES) || args_has(&ctl->args, OPTION_HOST))
                return 0;
        uplinks_here(&uplinks);
        sys = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        for (size_t i = 0; i < plan->n_pfs && n < sizeof(pfs); i++) {
                const struct planview_pf *pf = &plan->pfs[i];
                const struct uplink *u = planview_touches_pf(pf)
                                                 ? uplink_through(&uplinks, sys, pf->pf, pf->netdev)
                                                 : NULL;

                if (u)
                        n += (size_t) snprintf(pfs + n, sizeof(pfs) - n,
                                "%s%s carries %s (interface %s)", n > 0 ? ", " : "",
                                planview_pf_name(pf), u->what, u->netdev);
        }
        if (n == 0)
                return 0;
        (void) failure_own(&ctl->failure, EXIT_REFUSED, "Uplink", -EPERM,
                "%s: steps on the PF itself can cut that; to go on all the same: --yes, best with "
                "--confirm=60, which takes it back unless you confirm",
                pfs);
        return agreed(ctl) ? 0 : -EPERM;
}

static int append_options(const struct ctl *ctl, sd_bus_message *m, const struct planview *plan)
{
        const char *confirm = ctl->args.value[OPTION_CONFIRM];
        uint32_t seconds = 0;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "plan", "s", plan->hash);
        /* Where nothing changes there is nothing to be taken back. */
        if (r >= 0 && confirm && plan->changes &&
                parse_u32(confirm, CONFIRM_MIN, CONFIRM_MAX, &seconds) == 0)
                r = sd_bus_message_append(m, "{sv}", "confirm", "u", seconds);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* What is not in the result: where it came from, how long it holds. */
static void say_how_long(struct ctl *ctl, const struct inputs *in)
{
        _cleanup_(manager_done) struct view_manager manager = {0};
        bool remote = args_has(&ctl->args, OPTION_HOST);
        struct failure ignored;
        char when[MOMENT_SIZE];

        if (in->n == 0)
                printf("Read: /etc/sriovd, /run/sriovd and /usr/lib/sriovd.\n");
        else
                printf("This holds until the next reload or boot; a file in /etc/sriovd makes it "
                       "permanent.\n");
        if (!args_has(&ctl->args, OPTION_CONFIRM) ||
                client_read(ctl->bus, OBJECT_MANAGER, BUS_ROOT, &manager, &ignored) < 0 ||
                manager.confirm_deadline == 0)
                return;
        moment_text(manager.confirm_deadline, remote, when);
        printf("%sNot confirmed yet:%s sriovctl confirm%s, or it is taken back.\n",
                style_begin(&ctl->out, STYLE_WARN), style_end(&ctl->out, STYLE_WARN), when);
}

/* Also where no step is left: the daemon takes the configuration, and keeps it up from now on. */
static int apply(struct ctl *ctl, const struct inputs *in, const struct planview *plan)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r, status;

        r = manager_call_new(ctl, "Apply", &m);
        if (r < 0)
                return r;
        r = append_inputs(m, in);
        if (r >= 0)
                r = append_options(ctl, m, plan);
        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "make a message");
        fflush(stdout);
        status = applied_call(ctl, m, false);
        if (status >= 0 && !ctl_json(ctl))
                say_how_long(ctl, in);
        return status;
}

int cmd_apply(struct ctl *ctl)
{
        _cleanup_(planview_done) struct planview plan = {0};
        _cleanup_(inputs_done) struct inputs in = {0};
        const char *hash = ctl->args.value[OPTION_PLAN];
        struct fault f;
        int r;

        r = inputs_read(ctl, &in);
        if (r >= 0)
                r = ask_plan(ctl, &in, &plan);
        if (r < 0)
                return r;
        if (hash && !streq(hash, plan.hash)) {
                r = fault_set(&f, FAULT_PLAN_CHANGED, 0,
                        "the plan is %s now, not %s: look at it with sriovctl plan, and apply that",
                        plan.hash, hash);
                return failure_of_fault(&ctl->failure, &f, r);
        }
        r = ctl_json(ctl) ? 0 : print_plan(ctl, &plan);
        if (r >= 0)
                r = guard_uplink(ctl, &plan);
        return r < 0 ? r : apply(ctl, &in, &plan);
}
