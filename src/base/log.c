/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines to standard error. Any thread. */
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/parse.h"

static bool debug_wanted(void)
{
        const char *e = secure_getenv("SRIOVD_DEBUG");

        return e && streq(e, "1");
}

void log_line(enum log_level level, const char *fmt, ...)
{
        char text[2048], clean[2048], line[2100];
        va_list ap;
        int n;

        if (level == LOG_LEVEL_DEBUG && !debug_wanted())
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        escape_text(clean, sizeof(clean), text);
        if (getenv("JOURNAL_STREAM"))
                n = snprintf(line, sizeof(line), "<%d>%s\n", level, clean);
        else
                n = snprintf(line, sizeof(line), "%s\n", clean);
        if (write(STDERR_FILENO, line, (size_t) n) < 0)
                return; /* nowhere left to say it */
}
