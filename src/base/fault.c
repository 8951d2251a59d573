/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and construction of faults. Any thread. */
#include <stdarg.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/parse.h"

static const struct {
        const char *name;
        int error;
} codes[FAULT_MAX] = {
        [FAULT_NONE] = {"None", 0},
        [FAULT_INVALID_ARGS] = {"InvalidArgs", EINVAL},
        [FAULT_NOT_FOUND] = {"NotFound", ENOENT},
        [FAULT_NOT_SUPPORTED] = {"NotSupported", EOPNOTSUPP},
        [FAULT_IN_USE] = {"InUse", EBUSY},
        [FAULT_VFS_EXIST] = {"VfsExist", EBUSY},
        [FAULT_PARTIAL_COUNT] = {"PartialCount", EIO},
        [FAULT_NO_DRIVER] = {"NoDriver", ENOENT},
        [FAULT_DRIVER_NOT_ALLOWED] = {"DriverNotAllowed", EPERM},
        [FAULT_NOT_ISOLATED] = {"NotIsolated", EPERM},
        [FAULT_BUSY] = {"Busy", EBUSY},
        [FAULT_NO_RESOURCES] = {"NoResources", ENOSPC},
        [FAULT_GONE] = {"Gone", ENODEV},
        [FAULT_IO] = {"Io", EIO},
        [FAULT_TIMEOUT] = {"Timeout", ETIMEDOUT},
        [FAULT_NOT_APPLIED] = {"NotApplied", EIO},
        [FAULT_NOT_AUTHORIZED] = {"NotAuthorized", EACCES},
        [FAULT_AUTH_REQUIRED] = {"AuthRequired", EACCES},
        [FAULT_BACKEND_LOST] = {"BackendLost", ENOTCONN},
        [FAULT_LIMITS] = {"LimitsExceeded", EDQUOT},
        [FAULT_CANCELLED] = {"Cancelled", ECANCELED},
        [FAULT_PLAN_CHANGED] = {"PlanChanged", EAGAIN},
        [FAULT_NOT_DURABLE] = {"NotDurable", EROFS},
        [FAULT_INTERNAL] = {"Internal", EIO},
};

const char *fault_code_name(enum fault_code code)
{
        return (unsigned) code < FAULT_MAX ? codes[code].name : "Internal";
}

enum fault_code fault_code_from_name(const char *name)
{
        for (unsigned i = 0; i < FAULT_MAX; i++)
                if (streq(codes[i].name, name))
                        return i;
        return FAULT_MAX;
}

int fault_set(struct fault *f, enum fault_code code, int error, const char *fmt, ...)
{
        char text[FAULT_TEXT_MAX];
        va_list ap;

        if (error == 0)
                error = codes[code].error;
        if (!f)
                return -error;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        f->code = code;
        f->error = error;
        f->step = FAULT_NO_STEP;
        escape_text(f->text, sizeof(f->text), text);
        return -error;
}

enum fault_code fault_code_of_errno(int error)
{
        static const struct {
                int error;
                enum fault_code code;
        } map[] = {
                {EINVAL, FAULT_INVALID_ARGS},
                {ERANGE, FAULT_INVALID_ARGS},
                {EOPNOTSUPP, FAULT_NOT_SUPPORTED},
                {ENOSYS, FAULT_NOT_SUPPORTED},
                {ENOTTY, FAULT_NOT_SUPPORTED},
                {EBUSY, FAULT_BUSY},
                {EAGAIN, FAULT_BUSY},
                {ENOENT, FAULT_NO_DRIVER},
                {ENOMEM, FAULT_NO_RESOURCES},
                {ENOSPC, FAULT_NO_RESOURCES},
                {ENODEV, FAULT_GONE},
                {ENXIO, FAULT_GONE},
                {ETIMEDOUT, FAULT_TIMEOUT},
        };

        for (size_t i = 0; i < ELEMENTSOF(map); i++)
                if (map[i].error == error)
                        return map[i].code;
        return FAULT_IO;
}

void fault_append(struct fault *f, const char *text)
{
        size_t n = strlen(f->text);

        snprintf(f->text + n, sizeof(f->text) - n, "%s", text);
}
