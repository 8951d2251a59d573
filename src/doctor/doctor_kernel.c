/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the kernel: its options, its modules, lockdown. Pure. */
#include "doctor/doctor_private.h"

void check_pci_iov(const struct survey *s, struct findings *f)
{
        const struct survey_device *pf = NULL, *hidden = NULL;
        struct finding *found;

        for (size_t i = 0; i < s->n_devices; i++) {
                const struct survey_device *d = &s->devices[i];

                if (survey_is_pf(d) && !pf)
                        pf = d;
                if (!survey_is_pf(d) && d->caps.sriov && d->caps.total_vfs > 0)
                        hidden = d;
        }
        if (pf || (s->options[OPTION_PCI_IOV] == 'y' && !hidden)) {
                found = finding_add(f, "kernel-sriov", FINDING_OK, GROUP_KERNEL, NULL);
                say_what(found, "the kernel can do SR-IOV");
                if (pf)
                        say_evidence(found, "/sys/bus/pci/devices/%s/sriov_totalvfs is there",
                                pf->address);
                else
                        say_evidence(found, "%s: CONFIG_PCI_IOV=y", s->config_path);
        } else if (s->options[OPTION_PCI_IOV] == 'n' || hidden) {
                found = finding_add(f, "kernel-no-sriov", FINDING_PROBLEM, GROUP_KERNEL, NULL);
                say_what(found, "this kernel was built without SR-IOV");
                if (s->options[OPTION_PCI_IOV] == 'n')
                        say_evidence(found, "%s has no CONFIG_PCI_IOV", s->config_path);
                else
                        say_evidence(found, "%s has the capability, and no sriov_totalvfs in /sys",
                                hidden->address);
                say_remedy(found, "Boot a kernel with CONFIG_PCI_IOV=y (those of the distributions "
                                  "have it).");
        }
}

static void vfio_missing(const struct survey *s, struct findings *f)
{
        bool built = s->options[OPTION_VFIO_PCI] == 'n';
        struct finding *found = finding_add(f, built ? "kernel-no-vfio" : "vfio-module-missing",
                FINDING_PROBLEM, GROUP_KERNEL, NULL);

        if (built) {
                say_what(found, "this kernel was built without vfio-pci: no VF can be given to a "
                                "virtual machine");
                say_evidence(found, "%s has no CONFIG_VFIO_PCI", s->config_path);
                say_remedy(found, "Boot a kernel with CONFIG_VFIO_PCI=m (those of the "
                                  "distributions have it).");
                return;
        }
        if (survey_has_word(s, "nomodule")) {
                say_what(found, "this kernel was told to load no modules, and vfio-pci is not "
                                "built in: no VF can be given to a virtual machine");
                say_evidence(found, "/proc/cmdline: nomodule");
                say_remedy(found, "Boot without nomodule and with the kernel's modules, or a "
                                  "kernel with CONFIG_VFIO_PCI=y.");
                return;
        }
        say_what(found,
                "the module vfio-pci is not installed: no VF can be given to a virtual machine");
        say_evidence(found, "/lib/modules/%s/modules.dep has no vfio-pci.ko", s->release);
        say_remedy(found,
                "Install all modules of this kernel: linux-modules-extra-%s (Ubuntu), "
                "kernel-modules (Fedora, "
                "RHEL), linux-image instead of a cloud kernel (Debian).",
                s->release);
}

void check_vfio_module(const struct survey *s, struct findings *f)
{
        static const char *const how[] = {
                [MODULE_AVAILABLE] = "can be loaded",
                [MODULE_LOADED] = "is loaded",
                [MODULE_BUILTIN] = "is built in",
        };
        struct finding *found;

        switch (s->vfio_pci) {
        case MODULE_AVAILABLE:
        case MODULE_LOADED:
        case MODULE_BUILTIN:
                found = finding_add(f, "vfio-pci", FINDING_OK, GROUP_KERNEL, NULL);
                say_what(found, "vfio-pci, the driver for VFs of virtual machines, %s",
                        how[s->vfio_pci]);
                say_evidence(found, "%s",
                        s->vfio_pci == MODULE_LOADED ? "/sys/bus/pci/drivers/vfio-pci"
                                                     : "/lib/modules");
                return;
        case MODULE_MISSING:
                vfio_missing(s, f);
                return;
        case MODULE_UNKNOWN:
                if (s->options[OPTION_VFIO_PCI] == 'n' || survey_has_word(s, "nomodule")) {
                        vfio_missing(s, f);
                        return;
                }
                found = finding_add(f, "vfio-unknown", FINDING_NOTE, GROUP_KERNEL, NULL);
                say_what(found, "whether vfio-pci can be loaded is not known");
                say_evidence(found, "/lib/modules/%s/modules.dep can not be read", s->release);
                say_remedy(found, "modprobe vfio-pci tells.");
                return;
        }
}

void check_lockdown(const struct survey *s, struct findings *f)
{
        struct finding *found;

        if (!s->lockdown[0] || streq(s->lockdown, "none"))
                return;
        found = finding_add(f, "lockdown", FINDING_NOTE, GROUP_KERNEL, NULL);
        say_what(found,
                "the kernel is locked down (%s)%s: modules need a signature, and tools like setpci "
                "and mlxconfig "
                "can not write to devices",
                s->lockdown, s->secure_boot == 1 ? ", for Secure Boot is on" : "");
        say_evidence(found, "/sys/kernel/security/lockdown: %s", s->lockdown);
        say_remedy(found, "Nothing, as long as the drivers are those of the distribution. Else "
                          "sign them (mokutil --import) "
                          "or turn Secure Boot off.");
}

void check_unsigned(const struct survey *s, struct findings *f)
{
        struct finding *found;

        if (s->n_log[LOG_UNSIGNED] == 0)
                return;
        found = finding_add(f, "module-unsigned", FINDING_WARNING, GROUP_KERNEL, NULL);
        say_what(found, "the kernel refused a module for its missing signature%s",
                s->secure_boot == 1 ? " (Secure Boot is on)" : "");
        say_evidence(found, "kernel log: %s", s->log[LOG_UNSIGNED]);
        say_remedy(found, "Sign it and enrol the key (mokutil --import KEY.der, reboot), use the "
                          "distribution's driver, or "
                          "turn Secure Boot off.");
}
