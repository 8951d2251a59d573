/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that change something: each finds its device, makes one call, waits. Loop thread. */
#include <stdarg.h>
#include <stdio.h>

#include "ctl/pairs.h"
#include "ctl/print.h"
#include "ctl/progress.h"
#include "model/request.h"

#define SAID_SIZE 512

/* What --force is about to break, said before it does; the daemon says it in its log too. */
static int warn_forced(struct ctl *ctl, const char *path)
{
        _cleanup_(freep) struct holder *holders = NULL;
        char said[SAID_SIZE], clean[SAID_SIZE * 2];
        size_t n;
        int r;

        r = client_holders(ctl->bus, path, &holders, &n, &ctl->failure);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (path_kind(path) == OBJECT_VF)
                        holders[i].vf = path_number(path);
                holder_describe(&holders[i], said, sizeof(said));
                escape_text(clean, sizeof(clean), said);
                fprintf(stderr, "%ssriovctl:%s forced, although %s\n",
                        style_begin(&ctl->err, STYLE_WARN), style_end(&ctl->err, STYLE_WARN),
                        clean);
        }
        return r;
}

/* Finds the device of the first word and begins a call on it; it must be of this kind. */
static int begin(struct ctl *ctl, enum object_kind wanted, const char *method, sd_bus_message **ret)
{
        const char *name = ctl_word(ctl, 0);
        char path[PATH_SIZE];
        enum object_kind kind;
        int r;

        r = client_find(ctl->bus, name, path, &kind, &ctl->failure);
        if (r < 0)
                return r;
        if (kind != wanted && wanted == OBJECT_VF)
                return ctl_refuse(ctl,
                        "%s is a PF, and this command takes a VF: give it as %s/INDEX or by its "
                        "PCI "
                        "address",
                        name, name);
        if (kind != wanted) {
                char pf[BDF_STR_MAX];

                path_address(path, pf);
                return ctl_refuse(ctl, "%s is VF %u of %s, and this command takes a PF", name,
                        path_number(path), pf);
        }
        if (args_has(&ctl->args, OPTION_FORCE)) {
                r = warn_forced(ctl, path);
                if (r < 0)
                        return r;
        }
        r = sd_bus_message_new_method_call(
                ctl->bus, ret, BUS_NAME, path, object_table[kind].interface, method);
        return r < 0 ? failure_of_errno(&ctl->failure, r, "make a message") : 0;
}

/* The a{sv} of options that were given. */
static int append_options(const struct ctl *ctl, sd_bus_message *m)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0 && args_has(&ctl->args, OPTION_FORCE))
                r = sd_bus_message_append(m, "{sv}", "force", "b", true);
        if (r >= 0 && args_has(&ctl->args, OPTION_REPLACE))
                r = sd_bus_message_append(m, "{sv}", "replace", "b", true);
        if (r >= 0 && args_has(&ctl->args, OPTION_SHARED_GROUP))
                r = sd_bus_message_append(m, "{sv}", "shared", "b", true);
        if (r >= 0 && args_has(&ctl->args, OPTION_DRIVER))
                r = sd_bus_message_append(m, "{sv}", "driver", "s", ctl->args.value[OPTION_DRIVER]);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int say_done(struct ctl *ctl, uint32_t job, const char *said)
{
        _cleanup_(json_writer_freep) struct json_writer *w = NULL;
        char clean[SAID_SIZE];

        if (!ctl_json(ctl)) {
                escape_text(clean, sizeof(clean), said);
                printf("%s\n", clean);
                return EXIT_DONE;
        }
        w = json_writer_new();
        if (!w)
                return failure_of_errno(&ctl->failure, -ENOMEM, "print");
        json_open_object(w, NULL);
        json_put_string(w, "result", "done");
        if (job > 0)
                json_put_u64(w, "job", job);
        json_put_string(w, "device", ctl_word(ctl, 0));
        json_close(w);
        return print_json(w, false, &ctl->failure);
}

/* Sends the call whose making ended with r. fmt: what has been done to the device. */
_printf_(4, 5) static int finish(struct ctl *ctl, sd_bus_message *m, int r, const char *fmt, ...)
{
        char what[SAID_SIZE], said[SAID_SIZE * 2];
        uint32_t job = 0;
        va_list ap;

        if (r < 0)
                return failure_of_errno(&ctl->failure, r, "make a message");
        r = progress_call(ctl, m, &job);
        if (r < 0)
                return r;
        va_start(ap, fmt);
        vsnprintf(what, sizeof(what), fmt, ap);
        va_end(ap);
        snprintf(said, sizeof(said), "%s: %s", ctl_word(ctl, 0), what);
        return say_done(ctl, job, said);
}

int check_create(struct ctl *ctl)
{
        const char *driver = ctl->args.value[OPTION_DRIVER];
        uint32_t n;

        if (parse_u32(ctl_word(ctl, 1), 0, VFS_MAX, &n) < 0)
                return ctl_refuse(ctl, "%s VFs refused: expected a number, 1 to the PF's total_vfs",
                        ctl_word(ctl, 1));
        if (n == 0)
                return ctl_refuse(
                        ctl, "0 VFs refused: to remove all VFs use: destroy %s", ctl_word(ctl, 0));
        if (driver && !driver_name_valid(driver))
                return ctl_refuse(ctl,
                        "driver '%s' refused: expected a driver's name, 1 to 63 of A-Z a-z 0-9 _ -",
                        driver);
        return 0;
}

int cmd_create(struct ctl *ctl)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        uint32_t n;
        int r;

        r = begin(ctl, OBJECT_PF, "SetNumVfs", &m);
        if (r < 0)
                return r;
        r = parse_u32(ctl_word(ctl, 1), 1, VFS_MAX, &n);
        if (r >= 0)
                r = sd_bus_message_append(m, "u", n);
        if (r >= 0)
                r = append_options(ctl, m);
        return finish(ctl, m, r, "%s %s", ctl_word(ctl, 1), n == 1 ? "VF" : "VFs");
}

int cmd_destroy(struct ctl *ctl)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = begin(ctl, OBJECT_PF, "SetNumVfs", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "u", 0);
        if (r >= 0)
                r = append_options(ctl, m);
        return finish(ctl, m, r, "no VFs");
}

int check_autoprobe(struct ctl *ctl)
{
        bool on;

        if (parse_bool(ctl_word(ctl, 1), &on) < 0)
                return ctl_refuse(
                        ctl, "autoprobe %s refused: expected on or off", ctl_word(ctl, 1));
        return 0;
}

int cmd_autoprobe(struct ctl *ctl)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        bool on = false;
        int r;

        r = begin(ctl, OBJECT_PF, "SetAutoprobe", &m);
        if (r < 0)
                return r;
        r = parse_bool(ctl_word(ctl, 1), &on);
        if (r >= 0)
                r = sd_bus_message_append(m, "b", on);
        if (r >= 0)
                r = append_options(ctl, m);
        return finish(ctl, m, r, "autoprobe %s", on ? "on" : "off");
}

static int parse_attrs(struct ctl *ctl, struct vf_attrs *ret)
{
        struct vf_attrs a = {0};
        struct fault f = FAULT_NULL;
        int r = 0;

        for (size_t i = 2; i < ctl->args.n_words && r == 0; i++)
                r = pair_parse(ctl->args.words[i], &a, &f);
        if (r == 0)
                r = vf_attrs_check(&a, &f);
        if (r < 0)
                return failure_of_fault(&ctl->failure, &f, r);
        *ret = a;
        return 0;
}

int check_set(struct ctl *ctl)
{
        struct vf_attrs a;

        return parse_attrs(ctl, &a);
}

int cmd_set(struct ctl *ctl)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char said[SAID_SIZE] = "";
        struct vf_attrs a;
        size_t n = 0;
        int r;

        r = parse_attrs(ctl, &a);
        if (r >= 0)
                r = begin(ctl, OBJECT_VF, "Set", &m);
        if (r < 0)
                return r;
        r = pairs_append(m, &a);
        for (size_t i = 2; i < ctl->args.n_words && n < sizeof(said); i++)
                n += (size_t) snprintf(
                        said + n, sizeof(said) - n, "%s%s", i > 2 ? " " : "", ctl->args.words[i]);
        return finish(ctl, m, r, "%s", said);
}

int check_bind(struct ctl *ctl)
{
        if (driver_name_valid(ctl_word(ctl, 1)))
                return 0;
        return ctl_refuse(ctl,
                "driver '%s' refused: expected a driver's name, 1 to 63 of A-Z a-z 0-9 _ -",
                ctl_word(ctl, 1));
}

int cmd_bind(struct ctl *ctl)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = begin(ctl, OBJECT_VF, "Bind", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "s", ctl_word(ctl, 1));
        if (r >= 0)
                r = append_options(ctl, m);
        return finish(ctl, m, r, "bound to %s", ctl_word(ctl, 1));
}

static int only_options(struct ctl *ctl, const char *method, const char *said)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = begin(ctl, OBJECT_VF, method, &m);
        if (r < 0)
                return r;
        return finish(ctl, m, append_options(ctl, m), "%s", said);
}

int cmd_unbind(struct ctl *ctl)
{
        return only_options(ctl, "Unbind", "no driver");
}

int cmd_reset(struct ctl *ctl)
{
        return only_options(ctl, "Reset", "reset, attributes at the baseline");
}
