/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What settings are called in a vendor's firmware setup, and how a kernel parameter is set. Pure.
 */
#include <stdio.h>

#include "doctor/doctor_private.h"

struct vendor {
        const char *dmi; /* how sys_vendor begins */
        const char *setup;
        const char *sriov, *mmio, *vtd, *amd_iommu, *vtx, *svm;
};

/* The last row is for everybody else. */
static const struct vendor vendors[] = {
        {"Dell", "In the Dell System Setup (F2): ",
                "\"SR-IOV Global Enable\" under Integrated Devices",
                "\"Memory Mapped I/O above 4GB\" under Integrated Devices",
                "\"Virtualization Technology\" under Processor Settings (it covers VT-x and VT-d)",
                "\"Virtualization Technology\" and \"IOMMU Support\" under Processor Settings",
                "\"Virtualization Technology\" under Processor Settings",
                "\"Virtualization Technology\" under Processor Settings"},
        {"HP", "In the HPE System Utilities (F9): ", "\"SR-IOV\" under Virtualization Options",
                "\"PCI Express 64-bit BAR Support\" (Gen9; from Gen10 on set the PCIe resource "
                "padding to High)",
                "\"Intel(R) VT-d\" under Virtualization Options",
                "\"AMD I/O Virtualization Technology\" under Virtualization Options",
                "\"Intel(R) Virtualization Technology (Intel VT)\" under Virtualization Options",
                "\"AMD Virtualization Technology\" under Virtualization Options"},
        {"Lenovo", "In the Lenovo UEFI Setup (F1): ", "\"SRIOV\" under Devices and I/O Ports",
                "\"PCI 64-Bit Resource Allocation\" under Devices and I/O Ports",
                "\"Intel VT for Directed I/O (VT-d)\" under Devices and I/O Ports",
                "\"IOMMU\" under Devices and I/O Ports",
                "\"Intel Virtualization Technology\" under Processors",
                "\"SVM Mode\" under Processors"},
        {"Supermicro", "In the Supermicro BIOS Setup (Del): ",
                "\"SR-IOV Support\" under Advanced, PCIe/PCI/PnP Configuration",
                "\"Above 4G Decoding\" under Advanced, PCIe/PCI/PnP Configuration",
                "\"Intel VT for Directed I/O (VT-d)\" under Advanced, Chipset Configuration, North "
                "Bridge, "
                "IIO Configuration",
                "\"IOMMU\" under Advanced, NB Configuration",
                "\"Intel Virtualization Technology\" under Advanced, CPU Configuration",
                "\"SVM Mode\" under Advanced, CPU Configuration"},
        {"", "In the firmware setup (BIOS): ", "\"SR-IOV Support\"", "\"Above 4G Decoding\"",
                "\"VT-d\", \"Intel VT for Directed I/O\" or the like", "\"IOMMU\" or \"AMD-Vi\"",
                "\"Intel Virtualization Technology\", \"VT-x\" or the like",
                "\"SVM Mode\" or \"AMD-V\""},
};

static const struct vendor *vendor_of(const struct survey *s)
{
        const struct vendor *v = vendors;

        while (!startswith(s->firmware_vendor, v->dmi))
                v++;
        return v;
}

const char *firmware_setup(const struct survey *s)
{
        return vendor_of(s)->setup;
}

const char *firmware_setting(const struct survey *s, enum firmware_setting setting)
{
        const struct vendor *v = vendor_of(s);
        bool amd = s->cpu == CPU_AMD;

        switch (setting) {
        case SETTING_SRIOV:
                return v->sriov;
        case SETTING_MMIO:
                return v->mmio;
        case SETTING_ARI:
                return "\"ARI Support\" or \"ARI Forwarding\"";
        case SETTING_IOMMU:
                return amd ? v->amd_iommu : v->vtd;
        case SETTING_VIRTUALIZATION:
                return amd ? v->svm : v->vtx;
        case SETTING_X2APIC:
                return "\"X2APIC Opt Out\"";
        }
        return "?";
}

static void say_grub(struct finding *finding, const char *add, const char *remove)
{
        if (*remove)
                say_remedy(finding,
                        "Remove %s from GRUB_CMDLINE_LINUX in /etc/default/grub%s%s, then run "
                        "update-grub (or grub2-mkconfig -o /boot/grub2/grub.cfg) and reboot.",
                        remove, *add ? " and add " : "", add);
        else
                say_remedy(finding,
                        "Add %s to GRUB_CMDLINE_LINUX in /etc/default/grub, then run update-grub "
                        "(or grub2-mkconfig -o /boot/grub2/grub.cfg) and reboot.",
                        add);
}

void say_kernel_words(
        struct finding *finding, const struct survey *s, const char *add, const char *remove)
{
        switch (s->boot_loader) {
        case BOOT_GRUBBY:
                say_remedy(finding, "Run grubby --update-kernel=ALL%s%s%s%s%s%s and reboot.",
                        *remove ? " --remove-args=\"" : "", remove, *remove ? "\"" : "",
                        *add ? " --args=\"" : "", add, *add ? "\"" : "");
                return;
        case BOOT_GRUB:
                say_grub(finding, add, remove);
                return;
        case BOOT_KERNEL_INSTALL:
                say_remedy(finding,
                        "In /etc/kernel/cmdline%s%s%s%s, then run kernel-install add-all (or the "
                        "distribution's tool) and reboot.",
                        *remove ? " remove " : "", remove, *add ? " add " : "", add);
                return;
        case BOOT_UNKNOWN:
                say_remedy(finding, "On the kernel's command line%s%s%s%s, and reboot.",
                        *remove ? " remove " : "", remove, *add ? " add " : "", add);
                return;
        }
}
