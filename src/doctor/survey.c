/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The survey as a whole, the processor and the firmware, who else manages VFs. One thread. */
#include <ctype.h>
#include <stdio.h>

#include "doctor/look.h"
#include "doctor/survey.h"

#define CPUINFO_MAX (64u * 1024u)
#define CMDLINE_MAX 4096u

bool survey_has_word(const struct survey *s, const char *word)
{
        size_t n = strlen(word);

        for (const char *at = s->cmdline; (at = strstr(at, word)); at += n)
                if ((at == s->cmdline || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
                        return true;
        return false;
}

bool survey_value_has(const struct survey *s, const char *key, const char *word)
{
        size_t n = strlen(key), n_word = strlen(word);

        for (const char *at = s->cmdline; (at = strstr(at, key)); at += n) {
                const char *value = at + n;

                if ((at > s->cmdline && at[-1] != ' ') || *value++ != '=')
                        continue;
                for (;;) {
                        size_t length = strcspn(value, ", ");

                        if (length == n_word && strncmp(value, word, n_word) == 0)
                                return true;
                        value += length;
                        if (*value++ != ',')
                                break;
                }
        }
        return false;
}

/* Only what the doctor judges by: a command line can hold what is nobody else's business. */
static void read_cmdline(struct look *l, struct survey *s)
{
        static const char *const keys[] = {"intel_iommu", "amd_iommu", "iommu", "iommu.passthrough",
                "iommu.strict", "arm-smmu.disable_bypass", "intremap", "nointremap", "nox2apic",
                "pci", "vfio", "vfio_pci", "vfio_iommu_type1", "lockdown", "nomodule"};
        struct look private = {.root_fd = l->root_fd, .record_fd = -1};
        _cleanup_(freep) char *text = NULL;
        char *word, *rest;

        text = look_text(&private, CMDLINE_MAX, "proc/cmdline");
        for (rest = text; rest && (word = strsep(&rest, " \n"));) {
                size_t n = strlen(s->cmdline), key = strcspn(word, "=");
                bool wanted = false;

                for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                        /* vfio_pci.ids=... and the like too */
                        wanted |= strlen(keys[i]) <= key &&
                                  strncmp(word, keys[i], strlen(keys[i])) == 0 &&
                                  (key == strlen(keys[i]) || word[strlen(keys[i])] == '.');
                if (wanted && n + strlen(word) + 2 < sizeof(s->cmdline))
                        snprintf(s->cmdline + n, sizeof(s->cmdline) - n, "%s%s", n > 0 ? " " : "",
                                word);
        }
        if (text)
                look_record(l, "proc/cmdline", s->cmdline, strlen(s->cmdline));
}

/* The value of "key : value" in a line of /proc/cpuinfo, else NULL. */
static const char *cpuinfo_value(const char *line, const char *key)
{
        size_t n = strlen(key);

        if (strncmp(line, key, n) != 0)
                return NULL;
        line += n;
        line += strspn(line, " \t");
        return *line == ':' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

static bool has_flag(const char *flags, const char *flag)
{
        size_t n = strlen(flag);

        for (const char *at = flags; (at = strstr(at, flag)); at += n)
                if ((at == flags || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
                        return true;
        return false;
}

static void judge_cpu_line(struct survey *s, const char *line)
{
        const char *value;

        if ((value = cpuinfo_value(line, "vendor_id")) && s->cpu == CPU_OTHER)
                s->cpu = strstr(value, "AuthenticAMD") || strstr(value, "HygonGenuine") ? CPU_AMD
                                                                                        : CPU_INTEL;
        else if (cpuinfo_value(line, "CPU implementer"))
                s->cpu = CPU_ARM;
        else if ((value = cpuinfo_value(line, "cpu")) && strncmp(value, "POWER", 5) == 0)
                s->cpu = CPU_POWER;
        else if ((value = cpuinfo_value(line, "flags"))) {
                s->x86 = true;
                s->virt_flag |= has_flag(value, "vmx") || has_flag(value, "svm");
                if (has_flag(value, "hypervisor") && !s->guest) {
                        s->guest = true;
                        snprintf(s->guest_of, sizeof(s->guest_of),
                                "/proc/cpuinfo has the flag hypervisor");
                }
        }
}

static void read_dmi(struct look *l, struct survey *s)
{
        static const char *const hypervisors[] = {"QEMU", "VMware", "Xen", "innotek", "Amazon EC2",
                "Google Compute Engine", "Virtual Machine", "KVM", "OpenStack"};

        look_line(l, s->firmware_vendor, sizeof(s->firmware_vendor), "sys/class/dmi/id/sys_vendor");
        look_line(l, s->product, sizeof(s->product), "sys/class/dmi/id/product_name");
        if (s->x86) /* its flag is surer: clouds rent out bare machines under the same name */
                return;
        for (size_t i = 0; i < ELEMENTSOF(hypervisors) && !s->guest; i++)
                if (startswith(s->firmware_vendor, hypervisors[i]) ||
                        startswith(s->product, hypervisors[i])) {
                        s->guest = true;
                        snprintf(s->guest_of, sizeof(s->guest_of), "/sys/class/dmi/id says %s",
                                hypervisors[i]);
                }
}

static void read_xen(struct look *l, struct survey *s)
{
        char capabilities[64];

        look_line(l, capabilities, sizeof(capabilities), "proc/xen/capabilities");
        s->xen_host = startswith(capabilities, "control_d");
}

void survey_processor(struct look *l, struct survey *s)
{
        _cleanup_(freep) char *text = NULL;
        char *line, *rest;

        text = look_text(l, CPUINFO_MAX, "proc/cpuinfo");
        for (rest = text; rest && (line = strsep(&rest, "\n"));)
                judge_cpu_line(s, line);
        read_dmi(l, s);
        read_xen(l, s);
        read_cmdline(l, s);
        if (look_exists(l, "usr/sbin/grubby") || look_exists(l, "sbin/grubby"))
                s->boot_loader = BOOT_GRUBBY;
        else if (look_exists(l, "etc/default/grub"))
                s->boot_loader = BOOT_GRUB;
        else if (look_exists(l, "etc/kernel/cmdline"))
                s->boot_loader = BOOT_KERNEL_INSTALL;
}

/* What the readers of config/ need to know of a PF. */
static void pf_of_device(struct look *l, const struct survey_device *d, struct pf_facts *ret)
{
        struct look private = {
                .root_fd = l->root_fd, .record_fd = -1}; /* addresses are not copied */
        struct dev_id id = {0};
        char mac[MAC_STR_MAX];

        (void) dev_id_from_address(d->address, &id);
        pf_facts_init(ret, &id);
        snprintf(ret->driver, sizeof(ret->driver), "%s", d->driver);
        if (!d->netdev[0])
                return;
        snprintf(ret->netdevs[0], sizeof(ret->netdevs[0]), "%s", d->netdev);
        ret->n_netdevs = 1;
        look_line(&private, mac, sizeof(mac), "sys/class/net/%s/address", d->netdev);
        ret->has_mac = parse_mac(mac, &ret->mac) == 0;
}

static int read_rivals(struct look *l, struct survey *s)
{
        _cleanup_(freep) const struct pf_facts **pointers = NULL;
        _cleanup_(freep) struct pf_facts *pfs = NULL;
        size_t n = 0;

        pfs = calloc(s->n_devices + 1, sizeof(*pfs));
        pointers = calloc(s->n_devices + 1, sizeof(*pointers));
        if (!pfs || !pointers)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_devices; i++)
                if (survey_is_pf(&s->devices[i])) {
                        pf_of_device(l, &s->devices[i], &pfs[n]);
                        pointers[n] = &pfs[n];
                        n++;
                }
        s->operator_state = look_exists(l, "etc/sriov-operator");
        s->service_running = look_exists(l, "run/sriovd-host.sock");
        return n > 0 ? rivals_find(l->root_fd, pointers, n, &s->rivals) : 0;
}

int survey_read(int root_fd, int record_fd, bool live, struct survey *ret)
{
        struct look l = {.root_fd = root_fd, .record_fd = record_fd};
        struct survey s = {.secure_boot = -1};
        int r;

        survey_processor(&l, &s);
        survey_kernel(&l, &s);
        survey_iommu(&l, &s);
        r = survey_pci(&l, &s);
        survey_log(&l, live, &s);
        if (r >= 0)
                r = read_rivals(&l, &s);
        if (r >= 0)
                r = l.error;
        s.n_denied = l.n_denied;
        look_keep(s.denied, sizeof(s.denied), l.denied);
        if (r < 0)
                survey_done(&s);
        else
                *ret = s;
        return r;
}

void survey_done(struct survey *s)
{
        rivals_done(&s->rivals);
        free(s->devices);
        *s = (struct survey){0};
}

const struct survey_device *survey_device(const struct survey *s, const char *address)
{
        for (size_t i = 0; i < s->n_devices; i++)
                if (streq(s->devices[i].address, address))
                        return &s->devices[i];
        return NULL;
}
