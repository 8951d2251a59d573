/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the processor, the IOMMU and interrupt remapping. Pure. */
#include <stdio.h>

#include "doctor/doctor_private.h"

/* ---- the processor --------------------------------------------------------------------------- */

void check_virtualization(const struct survey *s, struct findings *f)
{
        const char *flag = s->cpu == CPU_AMD ? "svm" : "vmx";
        struct finding *found;

        if (!s->x86 || s->xen_host)
                return;
        if (s->virt_flag) {
                found = finding_add(f, "cpu-virtualization", FINDING_OK, GROUP_CPU, NULL);
                say_what(found, "the processor can run virtual machines");
                say_evidence(found, "/proc/cpuinfo has the flag %s", flag);
                return;
        }
        if (s->guest) {
                found = finding_add(f, "cpu-nested-off", FINDING_NOTE, GROUP_CPU, NULL);
                say_what(found, "this is a virtual machine without nested virtualization, so VFs "
                                "serve this system "
                                "and its containers, and no virtual machines with KVM in it");
                say_evidence(found, "%s; no flag vmx or svm", s->guest_of);
                say_remedy(found,
                        "If you need that: turn nested virtualization on in the hypervisor.");
                return;
        }
        found = finding_add(f, "cpu-virtualization-off", FINDING_WARNING, GROUP_CPU, NULL);
        say_what(
                found, "the processor's virtualization is off, so no virtual machine can use a VF");
        say_evidence(found, "/proc/cpuinfo has no flag %s%s%s", flag,
                s->n_log[LOG_VIRT_OFF] > 0 ? "; kernel log: " : "", s->log[LOG_VIRT_OFF]);
        say_remedy(found, "%senable %s, and switch the machine off and on.", firmware_setup(s),
                firmware_setting(s, SETTING_VIRTUALIZATION));
}

/* ---- the IOMMU ------------------------------------------------------------------------------- */

#define NO_GUESTS                                                                                  \
        "VFs work on the host and in containers, and none can be given to a virtual machine"

static void iommu_on(const struct survey *s, struct findings *f)
{
        bool through =
                survey_value_has(s, "iommu", "pt") || survey_has_word(s, "iommu.passthrough=1");
        struct finding *found = finding_add(f, "iommu", FINDING_OK, GROUP_IOMMU, NULL);

        say_what(found, "the IOMMU is on%s",
                through ? "; the host's own drivers bypass it (passthrough), VFs of guests do not"
                        : "");
        say_evidence(found, "/sys/kernel/iommu_groups has %u groups%s%s", s->n_groups,
                s->iommus[0] ? "; /sys/class/iommu: " : "", s->iommus);
}

/* The kernel knows of the IOMMU and does not use it. */
static void iommu_unused(const struct survey *s, struct findings *f, bool amd)
{
        const char *key = amd ? "amd_iommu" : "intel_iommu", *table = amd ? "IVRS" : "DMAR";
        enum kernel_option option = amd ? OPTION_AMD_IOMMU : OPTION_INTEL_IOMMU;
        struct finding *found = finding_add(
                f, amd ? "iommu-off-amd" : "iommu-off-intel", FINDING_PROBLEM, GROUP_IOMMU, NULL);
        bool off = survey_value_has(s, key, "off"), all_off = survey_value_has(s, "iommu", "off");

        say_what(found, "%s is there and the kernel does not use it: " NO_GUESTS,
                amd ? "AMD-Vi (the IOMMU)" : "VT-d (the IOMMU)");
        if (off || all_off) {
                char remove[64];

                snprintf(remove, sizeof(remove), "%s%s%s%s", off ? key : "", off ? "=off" : "",
                        off && all_off ? " " : "", all_off ? "iommu=off" : "");
                say_evidence(found, "/proc/cmdline: %s; ACPI table %s is there; no IOMMU groups",
                        remove, table);
                say_kernel_words(found, s, amd ? "" : "intel_iommu=on", remove);
        } else if (s->options[option] == 'n') {
                say_evidence(found, "%s has no %s", s->config_path,
                        amd ? "CONFIG_AMD_IOMMU" : "CONFIG_INTEL_IOMMU");
                say_remedy(found,
                        "Boot a kernel that was built with it (those of the distributions are).");
        } else if (amd || survey_value_has(s, "intel_iommu", "on") ||
                   s->options[OPTION_INTEL_IOMMU_DEFAULT_ON] == 'y') {
                say_evidence(found, "ACPI table %s is there; no IOMMU groups%s%s", table,
                        s->n_log[LOG_IOMMU_OFF] + s->n_log[LOG_FIRMWARE_BUG] > 0 ? "; kernel log: "
                                                                                 : "",
                        s->n_log[LOG_IOMMU_OFF] > 0 ? s->log[LOG_IOMMU_OFF]
                                                    : s->log[LOG_FIRMWARE_BUG]);
                say_remedy(found, "The kernel gave up on it: dmesg | grep -e DMAR -e AMD-Vi says "
                                  "why. Most often an update "
                                  "of the firmware (BIOS) mends it.");
        } else {
                say_evidence(found, "ACPI table DMAR is there; /proc/cmdline has no "
                                    "intel_iommu=on; no IOMMU groups");
                say_kernel_words(found, s, "intel_iommu=on", "");
        }
}

static void iommu_none_guest(const struct survey *s, struct findings *f)
{
        struct finding *found =
                finding_add(f, "iommu-none-guest", FINDING_PROBLEM, GROUP_IOMMU, NULL);

        say_what(found, "this is a virtual machine without an IOMMU: VFs work in it and in its "
                        "containers, and "
                        "none can be bound to vfio-pci safely");
        say_evidence(found, "%s; no ACPI table DMAR or IVRS; no IOMMU groups", s->guest_of);
        say_remedy(found,
                "Give the virtual machine one: QEMU -machine q35,kernel-irqchip=split -device "
                "intel-iommu,intremap=on,caching-mode=on, or in libvirt <iommu model='intel'>; "
                "then "
                "intel_iommu=on on the kernel's command line in it.");
}

static void iommu_none_arm(const struct survey *s, struct findings *f)
{
        struct finding *found = finding_add(f, "iommu-off-arm", FINDING_PROBLEM, GROUP_IOMMU, NULL);

        say_what(found, "no SMMU (the IOMMU of ARM) is in use: " NO_GUESTS);
        say_evidence(found, "no IOMMU groups; ACPI table IORT is %sthere%s", s->iort ? "" : "not ",
                s->options[OPTION_ARM_SMMU_V3] == 'n' ? "; the kernel has no CONFIG_ARM_SMMU_V3"
                                                      : "");
        if (s->options[OPTION_ARM_SMMU_V3] == 'n')
                say_remedy(found, "Boot a kernel that was built with CONFIG_ARM_SMMU_V3. ");
        if (s->guest)
                say_remedy(found, "Give the virtual machine one: QEMU -machine virt,iommu=smmuv3.");
        else
                say_remedy(found,
                        "%senable \"SMMU\" or \"SMMUv3\"; with a device tree, the PCI host bridge "
                        "needs an "
                        "iommu-map to it.",
                        firmware_setup(s));
}

void check_iommu(const struct survey *s, struct findings *f)
{
        struct finding *found;

        if (s->n_groups > 0) {
                iommu_on(s, f);
        } else if (s->xen_host) {
                found = finding_add(f, "iommu-xen", FINDING_NOTE, GROUP_IOMMU, NULL);
                say_what(found, "the IOMMU belongs to Xen, and is not seen from here");
                say_evidence(found, "/proc/xen/capabilities: control_d");
                say_remedy(found, "xl info: virt_caps has hvm_directio where it is on.");
        } else if (s->cpu == CPU_ARM) {
                iommu_none_arm(s, f);
        } else if (s->dmar || s->ivrs) {
                iommu_unused(s, f, s->ivrs);
        } else if (s->guest) {
                iommu_none_guest(s, f);
        } else if (s->x86) {
                found = finding_add(f, "iommu-off-firmware", FINDING_PROBLEM, GROUP_IOMMU, NULL);
                say_what(found, "%s is off in the firmware: " NO_GUESTS,
                        s->cpu == CPU_AMD ? "AMD-Vi (the IOMMU)" : "VT-d (the IOMMU)");
                say_evidence(found, "/sys/firmware/acpi/tables has no %s",
                        s->cpu == CPU_AMD ? "IVRS" : "DMAR");
                say_remedy(found, "%senable %s, and boot%s.", firmware_setup(s),
                        firmware_setting(s, SETTING_IOMMU),
                        s->cpu == CPU_AMD || survey_value_has(s, "intel_iommu", "on")
                                ? ""
                                : " with intel_iommu=on on the kernel's command line");
        } else {
                found = finding_add(f, "iommu-none", FINDING_PROBLEM, GROUP_IOMMU, NULL);
                say_what(found, "the kernel uses no IOMMU: " NO_GUESTS);
                say_evidence(found, "/sys/kernel/iommu_groups is empty");
                say_remedy(found, "Look whether this machine has one and its firmware or "
                                  "hypervisor offers it; "
                                  "dmesg | grep -i iommu.");
        }
}

/* ---- interrupts ------------------------------------------------------------------------------ */

void check_interrupts(const struct survey *s, struct findings *f)
{
        bool off = survey_value_has(s, "intremap", "off") || survey_has_word(s, "nointremap");
        struct finding *found;

        if (!s->x86 || s->n_groups == 0 || !s->irqs_known)
                return;
        if (s->n_remapped > 0) {
                found = finding_add(f, "interrupt-remapping", FINDING_OK, GROUP_IOMMU, NULL);
                say_what(found, "interrupts are remapped, so a guest can not forge them");
                say_evidence(found, "/sys/kernel/irq/*/chip_name: %u with IR-", s->n_remapped);
                return;
        }
        found = finding_add(f, "interrupt-remapping-off", FINDING_PROBLEM, GROUP_IOMMU, NULL);
        say_what(found, "interrupts are not remapped: vfio refuses to give devices to guests");
        say_evidence(found, "/sys/kernel/irq/*/chip_name: none with IR-%s%s%s",
                off ? "; /proc/cmdline turns it off" : "",
                s->n_log[LOG_NO_IRQ_REMAP] > 0 ? "; kernel log: " : "", s->log[LOG_NO_IRQ_REMAP]);
        if (survey_has_word(s, "nointremap") || off)
                say_kernel_words(found, s, "",
                        survey_has_word(s, "nointremap") ? "nointremap" : "intremap=off");
        else if (s->options[OPTION_IRQ_REMAP] == 'n')
                say_remedy(found, "Boot a kernel that was built with CONFIG_IRQ_REMAP.");
        else if (s->guest)
                say_remedy(found, "Give the virtual machine intremap=on: QEMU -machine "
                                  "kernel-irqchip=split -device "
                                  "intel-iommu,intremap=on.");
        else
                say_remedy(found,
                        "%senable \"Interrupt Remapping\" beside %s, and update the firmware: some "
                        "describe "
                        "their I/O APICs wrongly (dmesg | grep -i remap).",
                        firmware_setup(s), firmware_setting(s, SETTING_IOMMU));
}

void check_x2apic(const struct survey *s, struct findings *f)
{
        struct finding *found;

        if (s->n_log[LOG_X2APIC] == 0 || survey_value_has(s, "intremap", "no_x2apic_optout"))
                return;
        found = finding_add(f, "x2apic-opt-out", FINDING_WARNING, GROUP_IOMMU, NULL);
        say_what(found, "the firmware opted out of x2APIC: interrupts can not be sent to "
                        "processors with an APIC id above 254");
        say_evidence(found, "kernel log: %s", s->log[LOG_X2APIC]);
        say_remedy(
                found, "%sdisable %s. Or ", firmware_setup(s), firmware_setting(s, SETTING_X2APIC));
        say_remedy(found, "overrule it: ");
        say_kernel_words(found, s, "intremap=no_x2apic_optout", "");
}

void check_unsafe_interrupts(const struct survey *s, struct findings *f)
{
        struct finding *found;

        if (!s->unsafe_interrupts)
                return;
        found = finding_add(f, "unsafe-interrupts", FINDING_WARNING, GROUP_IOMMU, NULL);
        say_what(found,
                "vfio gives devices to guests also without interrupt remapping: a guest could then "
                "forge interrupts of the host");
        say_evidence(found, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts is Y");
        say_remedy(found, "Unless all guests are trusted: remove allow_unsafe_interrupts from "
                          "/etc/modprobe.d and the "
                          "kernel's command line, and echo N to that file.");
}

void check_noiommu(const struct survey *s, struct findings *f)
{
        struct finding *found;

        if (!s->noiommu)
                return;
        found = finding_add(f, "noiommu-mode", FINDING_WARNING, GROUP_IOMMU, NULL);
        say_what(found, "vfio's no-IOMMU mode is on: a program that opens such a device can read "
                        "and write all of "
                        "the host's memory");
        say_evidence(found, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode is Y");
        say_remedy(found,
                "%s: echo N > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode, and remove "
                "it from "
                "/etc/modprobe.d.",
                s->n_groups > 0 ? "There is an IOMMU, so nobody needs it"
                                : "Turn the IOMMU on, then turn this off");
}
