/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line per message on standard error, with the "<N>" level prefix of sd-daemon(3) when the
 * journal reads it. Only programs and event handlers log; functions that return an error do not, so
 * nothing is said twice. Any thread (one write(2) per line).
 */
#pragma once

#include "base/util.h"

enum log_level {
        LOG_LEVEL_ERROR = 3,
        LOG_LEVEL_WARNING = 4,
        LOG_LEVEL_INFO = 6,
        LOG_LEVEL_DEBUG = 7
};

/* Debug lines are written only while the environment has SRIOVD_DEBUG=1. */
void log_line(enum log_level level, const char *fmt, ...) _printf_(2, 3);

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
