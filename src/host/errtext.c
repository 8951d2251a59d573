/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults out of errnos. Worker threads. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "host/errtext.h"
#include "host/netdev.h"

static bool link_is_down(int pf_fd)
{
        char name[NETDEV_MAX], path[sizeof("net//operstate") + NETDEV_MAX], state[WORD_MAX];

        netdev_name(pf_fd, name);
        if (name[0] == '\0')
                return false;
        snprintf(path, sizeof(path), "net/%s/operstate", name);
        sysfs_read_text(pf_fd, path, state, sizeof(state));
        return streq(state, "down") || streq(state, "lowerlayerdown");
}

struct advice_case errtext_of_pf(enum step_kind kind, int pf_fd)
{
        struct advice_case c = {.kind = kind, .link_down = link_is_down(pf_fd)};

        sysfs_read_link(pf_fd, "driver", c.driver, sizeof(c.driver));
        return c;
}

struct advice_case errtext_of_vf(enum step_kind kind, int vf_fd)
{
        struct advice_case c = {.kind = kind};

        sysfs_read_link(vf_fd, "physfn/driver", c.driver, sizeof(c.driver));
        return c;
}

struct advice_case errtext_of_driver(enum step_kind kind, const char *driver)
{
        struct advice_case c = {.kind = kind};

        snprintf(c.driver, sizeof(c.driver), "%s", driver);
        return c;
}

/* "none [integrity] confidentiality" */
static bool is_locked_down(void)
{
        char text[64];

        sysfs_read_text(AT_FDCWD, "/sys/kernel/security/lockdown", text, sizeof(text));
        return text[0] != '\0' && !strstr(text, "[none]");
}

int errtext_fault(struct fault *f, const struct advice_case *c, int error, const char *fmt, ...)
{
        struct advice_case mine = c ? *c : (struct advice_case){.kind = STEP_MAX};
        char what[224];
        va_list ap;

        va_start(ap, fmt);
        if (vsnprintf(what, sizeof(what), fmt, ap) < 0)
                what[0] = '\0';
        va_end(ap);
        if (error == EPERM)
                mine.lockdown = is_locked_down();
        return advice_fault(f, &mine, error, "%s", what);
}
