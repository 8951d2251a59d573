/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the kernel log that tell what went wrong. One thread. */
#include <stdio.h>
#include <sys/klog.h>

#include "doctor/look.h"
#include "doctor/survey.h"

#define LOG_MAX       (4u * 1024u * 1024u)
#define LOG_PATH      "var/log/dmesg"
#define KLOG_READ_ALL 3
#define KLOG_SIZE     10
#define LOG_COPY_MAX  65536u

/* All of a row's texts have to be in the line. */
static const struct {
        enum log_hint hint;
        const char *text, *and;
} patterns[] = {
        {LOG_MMIO, "not enough MMIO resources for SR-IOV", ""},
        {LOG_MMIO, "SR-IOV: IOV BARS not allocated", ""},
        {LOG_BUS, "VFs (bus ", "out of range"},
        {LOG_BUS, "SR-IOV: bus number out of range", ""},
        {LOG_X2APIC, "x2apic", "opt out"},
        {LOG_NO_IRQ_REMAP, "isabling interrupt remapping", ""},
        {LOG_NO_IRQ_REMAP, "nterrupt remapping", "not enabled"},
        {LOG_NO_IRQ_REMAP, "ailed to enable irq remapping", ""},
        {LOG_IOMMU_OFF, "DMAR: IOMMU disabled", ""},
        {LOG_IOMMU_OFF, "AMD-Vi: Disabling", "IOMMU"},
        {LOG_FIRMWARE_BUG, "Firmware Bug", "DMAR"},
        {LOG_FIRMWARE_BUG, "Firmware Bug", "AMD-Vi"},
        {LOG_FIRMWARE_BUG, "Firmware Bug", "IVRS"},
        {LOG_FIRMWARE_BUG, "Your BIOS is broken", "DMAR"},
        {LOG_UNSIGNED, "Loading of unsigned module is rejected", ""},
        {LOG_UNSIGNED, "Loading of module with unavailable key is rejected", ""},
        {LOG_UNSIGNED, "Lockdown:", "unsigned module loading is restricted"},
        {LOG_VIRT_OFF, "kvm: disabled by bios", ""},
        {LOG_VIRT_OFF, "VMX", "disabled by BIOS"},
        {LOG_VIRT_OFF, "SVM disabled (by BIOS)", ""},
};

/* As the kernel gives it, to whom it may: CAP_SYSLOG, unless kernel.dmesg_restrict is 0. */
static char *read_live(void)
{
        _cleanup_(freep) char *text = NULL;
        int n;

        n = klogctl(KLOG_SIZE, NULL, 0);
        if (n <= 0 || (unsigned) n > LOG_MAX)
                return NULL;
        text = malloc((size_t) n + 1);
        n = text ? klogctl(KLOG_READ_ALL, text, n) : -1;
        if (n < 0)
                return NULL;
        text[n] = '\0';
        return TAKE_PTR(text);
}

static bool judge_line(struct survey *s, const char *line)
{
        bool any = false;

        if (line[0] == '<' && line[1] && line[2] == '>') /* the kernel's own has a level in front */
                line += 3;
        for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
                enum log_hint hint = patterns[i].hint;

                if (!strstr(line, patterns[i].text) || !strstr(line, patterns[i].and))
                        continue;
                if (s->n_log[hint]++ == 0)
                        snprintf(s->log[hint], sizeof(s->log[hint]), "%.*s",
                                (int) sizeof(s->log[hint]) - 1, line);
                any = true;
        }
        return any;
}

void survey_log(struct look *l, bool live, struct survey *s)
{
        struct look private = {.root_fd = l->root_fd, .record_fd = -1};
        _cleanup_(freep) char *text = NULL, *copy = NULL;
        char *line, *rest;
        size_t n = 0;

        text = live ? read_live() : NULL;
        if (!text)
                text = look_text(&private, LOG_MAX, LOG_PATH);
        if (!text)
                return;
        s->log_known = true;
        copy = malloc(LOG_COPY_MAX);
        if (!copy) {
                l->error = -ENOMEM;
                return;
        }
        for (rest = text; (line = strsep(&rest, "\n"));)
                if (judge_line(s, line) && n + strlen(line) + 2 < LOG_COPY_MAX)
                        n += (size_t) sprintf(copy + n, "%s\n", line);
        look_record(l, LOG_PATH, copy, n);
}
