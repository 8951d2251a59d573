/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Failures: what each error of the bus means to who typed the command. Loop thread. */
#include <stdarg.h>
#include <stdio.h>

#include "base/parse.h"
#include "ctl/failure.h"

#define OUR_ERRORS "org.sriovd1.Error."

static void set_name(struct failure *ret, const char *name)
{
        const char *dot = strrchr(name, '.');

        escape_text(ret->name, sizeof(ret->name), dot ? dot + 1 : name);
}

static enum exit_status status_of_code(enum fault_code code)
{
        static const enum fault_code refusals[] = {FAULT_IN_USE, FAULT_NOT_AUTHORIZED,
                FAULT_AUTH_REQUIRED, FAULT_VFS_EXIST, FAULT_NOT_ISOLATED, FAULT_PLAN_CHANGED};

        for (size_t i = 0; i < ELEMENTSOF(refusals); i++)
                if (code == refusals[i])
                        return EXIT_REFUSED;
        return EXIT_ERROR;
}

enum exit_status failure_status(const char *error)
{
        return status_of_code(fault_code_from_name(error));
}

int failure_of_fault(struct failure *ret, const struct fault *f, int r)
{
        ret->status = status_of_code(f->code);
        set_name(ret, fault_code_name(f->code));
        escape_text(ret->text, sizeof(ret->text), f->text);
        return r;
}

int failure_own(
        struct failure *ret, enum exit_status status, const char *name, int r, const char *fmt, ...)
{
        char text[FAULT_TEXT_MAX];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        ret->status = status;
        set_name(ret, name);
        escape_text(ret->text, sizeof(ret->text), text);
        return r;
}

int failure_no_daemon(struct failure *ret, int r, const char *fmt, ...)
{
        char text[FAULT_TEXT_MAX];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        ret->status = EXIT_NO_DAEMON;
        set_name(ret, "NoDaemon");
        escape_text(ret->text, sizeof(ret->text), text);
        return r;
}

static bool is_one_of(const char *name, const char *const *list)
{
        for (; *list; list++)
                if (streq(name, *list))
                        return true;
        return false;
}

int failure_of_bus(struct failure *ret, const sd_bus_error *error, int r)
{
        static const char *const absent[] = {SD_BUS_ERROR_SERVICE_UNKNOWN,
                SD_BUS_ERROR_NAME_HAS_NO_OWNER, "org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
                "org.freedesktop.systemd1.NoSuchUnit", NULL};
        static const char *const lost[] = {SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_DISCONNECTED,
                SD_BUS_ERROR_TIMEOUT, "System.Error.ECONNRESET", "System.Error.ENOTCONN",
                "System.Error.EPIPE", "System.Error.ECONNREFUSED", "System.Error.ESHUTDOWN", NULL};
        static const char *const denied[] = {
                SD_BUS_ERROR_ACCESS_DENIED, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, NULL};

        if (!sd_bus_error_is_set(error))
                return failure_of_errno(ret, r, "talk to sriovd");
        if (is_one_of(error->name, absent) ||
                startswith(error->name, "org.freedesktop.DBus.Error.Spawn."))
                return failure_no_daemon(ret, r, "sriovd does not run: %s", error->message);
        if (is_one_of(error->name, lost))
                return failure_no_daemon(ret, r,
                        "sriovd did not answer (%s): what it had begun may not be finished; "
                        "sriovctl status shows what is there",
                        error->message);
        ret->status = is_one_of(error->name, denied) ? EXIT_REFUSED : EXIT_ERROR;
        if (startswith(error->name, OUR_ERRORS))
                ret->status =
                        status_of_code(fault_code_from_name(error->name + strlen(OUR_ERRORS)));
        set_name(ret, error->name);
        escape_text(ret->text, sizeof(ret->text), error->message ? error->message : error->name);
        return r;
}

int failure_of_errno(struct failure *ret, int r, const char *what)
{
        static const int lost[] = {
                -ECONNRESET, -ENOTCONN, -EPIPE, -ECONNREFUSED, -ENOENT, -ESHUTDOWN};

        for (size_t i = 0; i < ELEMENTSOF(lost); i++)
                if (r == lost[i])
                        return failure_no_daemon(ret, r, "can not %s: %s", what, strerror(-r));
        ret->status = EXIT_ERROR;
        set_name(ret, fault_code_name(r == -ENOMEM ? FAULT_NO_RESOURCES : FAULT_IO));
        snprintf(ret->text, sizeof(ret->text), "can not %s: %s", what,
                r == -EBADMSG || r == -ENAMETOOLONG || r == -ENXIO
                        ? "the answer is not what this version of sriovctl understands"
                        : strerror(-r));
        return r;
}
