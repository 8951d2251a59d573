/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From errnos to causes and remedies. Pure, any thread. */
#include <stdarg.h>
#include <stdio.h>

#include "model/advice_rows.h"

static bool holds(enum advice_when when, const struct advice_case *c)
{
        switch (when) {
        case WHEN_ANY:
                break;
        case WHEN_MAKING:
                return c->kind == STEP_SET_NUMVFS && c->value > 0;
        case WHEN_HAS_VFS:
                return c->kind == STEP_SET_NUMVFS && c->value > 0 && c->num_vfs > 0;
        case WHEN_DESTROYING:
                return c->kind == STEP_SET_NUMVFS && c->value == 0;
        case WHEN_LINK_DOWN:
                return c->link_down;
        case WHEN_LOCKDOWN:
                return c->lockdown;
        }
        return true;
}

static bool fits(const struct advice_row *row, const struct advice_case *c, int error)
{
        return row->error == error && (row->kinds & BIT(c->kind)) &&
               (!row->driver || startswith(c->driver, row->driver)) && holds(row->when, c);
}

struct advice advice_find(const struct advice_case *c, int error)
{
        for (size_t i = 0; i < advice_n_rows; i++)
                if (fits(&advice_rows[i], c, error))
                        return advice_rows[i].advice;
        return (struct advice){fault_code_of_errno(error),
                "the kernel gives no other reason than its error",
                "the kernel's log of that moment may say more: journalctl -k"};
}

/* Of these the kernel said no; the others it tried, and could not. */
static bool is_refusal(enum fault_code code)
{
        return code != FAULT_GONE && code != FAULT_IO && code != FAULT_TIMEOUT &&
               code != FAULT_PARTIAL_COUNT;
}

static void describe_whose(const struct advice_case *c, enum fault_code code, char buf[static 128])
{
        const char *verb = is_refusal(code) ? " refused" : " failed";

        if (c->kind == STEP_MAX)
                buf[0] = '\0';
        else if (c->driver[0] && is_refusal(code))
                snprintf(buf, 128, " refused by driver %s", c->driver);
        else if (c->driver[0])
                snprintf(buf, 128, " failed with driver %s", c->driver);
        else
                snprintf(buf, 128, "%s", verb);
}

int advice_fault(struct fault *f, const struct advice_case *c, int error, const char *fmt, ...)
{
        const struct advice a = advice_find(c, error);
        const char *errno_words =
                error == ADVICE_SHORT ? "the kernel reports success" : strerrordesc_np(error);
        char what[224], whose[128], number[32];
        va_list ap;

        va_start(ap, fmt);
        if (vsnprintf(what, sizeof(what), fmt, ap) < 0)
                what[0] = '\0';
        va_end(ap);
        describe_whose(c, a.code, whose);
        snprintf(number, sizeof(number), "error %d", error); /* some are the kernel's own */
        return fault_set(f, a.code, error, "%s%s%s%s%s: %s; %s (%s)", what, whose,
                c->words[0] ? " (\"" : "", c->words, c->words[0] ? "\")" : "", a.cause, a.remedy,
                errno_words ?: number);
}
