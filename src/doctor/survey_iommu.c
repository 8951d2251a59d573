/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel, its modules and vfio; the IOMMU and interrupt remapping. One thread. */
#include <stdio.h>

#include "doctor/look.h"
#include "doctor/survey.h"

#define KCONFIG_MAX (1024u * 1024u)
#define MODULES_MAX (8u * 1024u * 1024u)
#define IRQS_MAX    8192u
#define SECURE_BOOT "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static const char *const option_names[KERNEL_OPTIONS] = {
        [OPTION_PCI_IOV] = "CONFIG_PCI_IOV",
        [OPTION_VFIO_PCI] = "CONFIG_VFIO_PCI",
        [OPTION_INTEL_IOMMU] = "CONFIG_INTEL_IOMMU",
        [OPTION_INTEL_IOMMU_DEFAULT_ON] = "CONFIG_INTEL_IOMMU_DEFAULT_ON",
        [OPTION_AMD_IOMMU] = "CONFIG_AMD_IOMMU",
        [OPTION_IRQ_REMAP] = "CONFIG_IRQ_REMAP",
        [OPTION_ARM_SMMU_V3] = "CONFIG_ARM_SMMU_V3",
};

/* ---- the kernel ------------------------------------------------------------------------------ */

static void read_options(struct look *l, struct survey *s)
{
        struct look private = {.root_fd = l->root_fd, .record_fd = -1};
        _cleanup_(freep) char *text = NULL;
        char copy[KERNEL_OPTIONS * 48] = "";
        char *line, *rest;
        size_t n = 0;

        text = look_text(&private, KCONFIG_MAX, "boot/config-%s", s->release);
        if (!text)
                return;
        snprintf(s->config_path, sizeof(s->config_path), "/boot/config-%.200s", s->release);
        memset(s->options, 'n', sizeof(s->options));
        for (rest = text; (line = strsep(&rest, "\n"));)
                for (unsigned i = 0; i < KERNEL_OPTIONS; i++) {
                        size_t length = strlen(option_names[i]);

                        if (strncmp(line, option_names[i], length) == 0 && line[length] == '=' &&
                                (line[length + 1] == 'y' || line[length + 1] == 'm')) {
                                s->options[i] = line[length + 1];
                                n += (size_t) snprintf(copy + n, sizeof(copy) - n, "%s=%c\n",
                                        option_names[i], line[length + 1]);
                                if (n >= sizeof(copy))
                                        n = sizeof(copy) - 1; /* an option said many times */
                        }
                }
        look_record(l, s->config_path + 1, copy, n);
}

/* Where a list of modules (modules.dep, modules.builtin) has this file, whatever its suffix. */
static bool lists_module(const char *list, const char *file)
{
        size_t n = strlen(file);

        for (const char *at = list; (at = strstr(at, file)); at += n)
                if (at > list && at[-1] == '/')
                        return true;
        return false;
}

/* Lists are long: the copy gets just the line that was looked for. */
static void read_modules(struct look *l, struct survey *s)
{
        static const char line[] = "kernel/drivers/vfio/pci/vfio-pci.ko:\n";
        struct look private = {.root_fd = l->root_fd, .record_fd = -1};
        _cleanup_(freep) char *dep = NULL, *builtin = NULL;
        char path[LOOK_PATH_MAX];

        dep = look_text(&private, MODULES_MAX, "lib/modules/%s/modules.dep", s->release);
        builtin = look_text(&private, MODULES_MAX, "lib/modules/%s/modules.builtin", s->release);
        s->modules_known = dep != NULL;
        if (builtin && lists_module(builtin, "vfio-pci.ko")) {
                s->vfio_pci = MODULE_BUILTIN;
                snprintf(path, sizeof(path), "lib/modules/%s/modules.builtin", s->release);
                look_record(l, path, line, sizeof(line) - 1);
        }
        if (dep) {
                bool has = lists_module(dep, "vfio-pci.ko");

                if (s->vfio_pci == MODULE_UNKNOWN)
                        s->vfio_pci = has ? MODULE_AVAILABLE : MODULE_MISSING;
                snprintf(path, sizeof(path), "lib/modules/%s/modules.dep", s->release);
                look_record(l, path, line, has ? sizeof(line) - 1 : 0);
        }
        if (s->vfio_pci != MODULE_BUILTIN && look_exists(l, "sys/bus/pci/drivers/vfio-pci"))
                s->vfio_pci = MODULE_LOADED;
}

static bool parameter_on(struct look *l, const char *module, const char *parameter)
{
        char text[16];

        look_line(l, text, sizeof(text), "sys/module/%s/parameters/%s", module, parameter);
        return text[0] == 'Y' || text[0] == 'y' || text[0] == '1';
}

/* "none [integrity] confidentiality": the one in brackets is in force. */
static void read_lockdown(struct look *l, struct survey *s)
{
        char text[SURVEY_TEXT_MAX], *open, *close;

        look_line(l, text, sizeof(text), "sys/kernel/security/lockdown");
        open = strchr(text, '[');
        close = open ? strchr(open, ']') : NULL;
        if (close)
                snprintf(s->lockdown, sizeof(s->lockdown), "%.*s", (int) (close - open - 1),
                        open + 1);
}

void survey_kernel(struct look *l, struct survey *s)
{
        uint8_t variable[5];

        look_line(l, s->release, sizeof(s->release), "proc/sys/kernel/osrelease");
        if (s->release[0] && !strchr(s->release, '/')) {
                read_options(l, s);
                read_modules(l, s);
        }
        read_lockdown(l, s);
        if (look_bytes(l, variable, sizeof(variable), SECURE_BOOT) == sizeof(variable))
                s->secure_boot = variable[4] == 1; /* behind four bytes of attributes */
        s->noiommu = parameter_on(l, "vfio", "enable_unsafe_noiommu_mode");
        s->unsafe_interrupts = parameter_on(l, "vfio_iommu_type1", "allow_unsafe_interrupts");
        s->denylist_off = parameter_on(l, "vfio_pci", "disable_denylist");
        s->vfio_sriov = parameter_on(l, "vfio_pci", "enable_sriov");
}

/* ---- the IOMMU ------------------------------------------------------------------------------- */

static void count_groups(struct look *l, struct survey *s)
{
        _cleanup_(look_names_done) struct look_names groups = {0};
        char name[64];

        look_names(l, &groups, "sys/kernel/iommu_groups");
        for (size_t i = 0; i < groups.n; i++) {
                look_line(l, name, sizeof(name), "sys/kernel/iommu_groups/%s/name", groups.list[i]);
                /* vfio makes these up where there is no IOMMU. */
                s->n_groups += !streq(name, "vfio-noiommu");
                (void) look_exists(l, "sys/kernel/iommu_groups/%s", groups.list[i]);
        }
}

static void list_iommus(struct look *l, struct survey *s)
{
        _cleanup_(look_names_done) struct look_names names = {0};

        look_names(l, &names, "sys/class/iommu");
        for (size_t i = 0; i < names.n; i++) {
                size_t n = strlen(s->iommus);

                (void) look_exists(l, "sys/class/iommu/%s", names.list[i]);
                if (n + strlen(names.list[i]) + 2 < sizeof(s->iommus))
                        snprintf(s->iommus + n, sizeof(s->iommus) - n, "%s%s", n > 0 ? " " : "",
                                names.list[i]);
        }
}

static void count_remapped(struct look *l, struct survey *s)
{
        _cleanup_(look_names_done) struct look_names irqs = {0};
        char name[64];

        look_names(l, &irqs, "sys/kernel/irq");
        for (size_t i = 0; i < irqs.n && i < IRQS_MAX; i++) {
                look_line(l, name, sizeof(name), "sys/kernel/irq/%s/chip_name", irqs.list[i]);
                s->irqs_known |= name[0] != '\0';
                s->n_remapped += strstr(name, "IR-") != NULL;
        }
}

void survey_iommu(struct look *l, struct survey *s)
{
        s->acpi_known = look_exists(l, "sys/firmware/acpi/tables");
        s->dmar = look_exists(l, "sys/firmware/acpi/tables/DMAR");
        s->ivrs = look_exists(l, "sys/firmware/acpi/tables/IVRS");
        s->iort = look_exists(l, "sys/firmware/acpi/tables/IORT");
        count_groups(l, s);
        list_iommus(l, s);
        count_remapped(l, s);
}
