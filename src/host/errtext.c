/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults out of errnos, by table. Any thread. */
#include <stdarg.h>
#include <stdio.h>

#include "host/errtext.h"

/* True of every call on a device. */
static const struct errtext general[] = {
        {ENODEV, FAULT_GONE, "the device is gone: removed, or its driver went away"},
        {ENXIO, FAULT_GONE, "the device is gone: removed, or its driver went away"},
        {EPERM, FAULT_IO,
                "the kernel does not permit it: sriovd-host needs CAP_NET_ADMIN in the network "
                "namespace of the PF; kernel lockdown may forbid it too"},
        {EACCES, FAULT_IO, "the file can not be written: sriovd-host must run as root"},
        {EROFS, FAULT_IO,
                "/sys is read-only here: the service needs ReadWritePaths=/sys/devices "
                "/sys/bus/pci"},
        {ETIMEDOUT, FAULT_TIMEOUT, "the device or the kernel did not answer in time"},
        {0},
};

static const struct errtext *find(const struct errtext *table, int error)
{
        for (; table && table->error != 0; table++)
                if (table->error == error)
                        return table;
        return NULL;
}

int errtext_fault(struct fault *f, const struct errtext *table, int error, const char *fmt, ...)
{
        const struct errtext *e = find(table, error);
        char what[256];
        va_list ap;

        va_start(ap, fmt);
        if (vsnprintf(what, sizeof(what), fmt, ap) < 0)
                what[0] = '\0';
        va_end(ap);
        if (!e)
                e = find(general, error);
        if (!e)
                return fault_set(f, fault_code_of_errno(error), error, "%s: %s", what,
                        strerrordesc_np(error) ?: "unknown error");
        return fault_set(f, e->code, error, "%s: %s (%s)", what, e->text,
                strerrordesc_np(error) ?: "unknown error");
}
