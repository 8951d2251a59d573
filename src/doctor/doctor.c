/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of checks, and the list of what they found. Pure. */
#include <stdarg.h>
#include <stdio.h>

#include "doctor/doctor_private.h"

#define FINDINGS_MAX 4096u

/* In the order of the groups. */
static const check_fn checks[] = {
        check_vf_memory,
        check_bus_numbers,
        check_ari,
        check_log_resources,
        check_firmware_bugs,
        check_virtualization,
        check_iommu,
        check_interrupts,
        check_x2apic,
        check_unsafe_interrupts,
        check_noiommu,
        check_pci_iov,
        check_vfio_module,
        check_lockdown,
        check_unsigned,
        check_any_device,
        check_firmware_vfs,
        check_pf_drivers,
        check_vf_limits,
        check_denylist,
        check_rivals,
        check_service,
        check_readable,
};

int doctor_judge(const struct survey *s, struct findings *ret)
{
        struct findings f = {0};

        for (size_t i = 0; i < ELEMENTSOF(checks); i++)
                checks[i](s, &f);
        if (f.error < 0) {
                int error = f.error;

                findings_done(&f);
                return error;
        }
        *ret = f;
        return 0;
}

void findings_done(struct findings *f)
{
        free(f->list);
        *f = (struct findings){0};
}

enum finding_level findings_worst(const struct findings *f)
{
        enum finding_level worst = FINDING_OK;

        for (size_t i = 0; i < f->n; i++)
                if (f->list[i].level > worst)
                        worst = f->list[i].level;
        return worst;
}

const char *finding_level_name(enum finding_level level)
{
        static const char *const names[FINDING_LEVELS] = {"ok", "note", "warning", "problem"};

        return (unsigned) level < FINDING_LEVELS ? names[level] : "?";
}

const char *finding_group_name(enum finding_group group)
{
        static const char *const names[FINDING_GROUPS] = {
                "firmware", "cpu", "iommu", "kernel", "devices", "others"};

        return (unsigned) group < FINDING_GROUPS ? names[group] : "?";
}

struct finding *finding_add(struct findings *f, const char *id, enum finding_level level,
        enum finding_group group, const struct survey_device *d)
{
        struct finding *finding = &f->spare;

        if (f->n < FINDINGS_MAX) {
                int r = array_grow(&f->list, &f->capacity, f->n, sizeof(*f->list));

                if (r < 0)
                        f->error = r;
                else
                        finding = &f->list[f->n++];
        }
        *finding = (struct finding){.id = id, .level = level, .group = group};
        if (d)
                memcpy(finding->device, d->address, sizeof(finding->device));
        return finding;
}

void say_what(struct finding *finding, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(finding->what, sizeof(finding->what), fmt, ap);
        va_end(ap);
}

void say_evidence(struct finding *finding, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(finding->evidence, sizeof(finding->evidence), fmt, ap);
        va_end(ap);
}

void say_remedy(struct finding *finding, const char *fmt, ...)
{
        size_t n = strlen(finding->remedy);
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(finding->remedy + n, sizeof(finding->remedy) - n, fmt, ap);
        va_end(ap);
}

const char *device_text(const struct survey_device *d, char buf[static DEVICE_TEXT_MAX])
{
        if (d->netdev[0])
                snprintf(buf, DEVICE_TEXT_MAX, "%s (%s)", d->netdev, d->address);
        else
                snprintf(buf, DEVICE_TEXT_MAX, "%s", d->address);
        return buf;
}
