/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine, or one that was recorded, says about itself as far as SR-IOV and passing
 * devices to guests go: facts, no judgement. One thread; reading may block for as long as disks do,
 * never for a device lock: sriov_numvfs, driver_override and sriov_vf_total_msix are not read.
 */
#pragma once

#include "config/rivals.h"
#include "doctor/pcicaps.h"

struct look;

enum survey_cpu { CPU_OTHER, CPU_INTEL, CPU_AMD, CPU_ARM, CPU_POWER };

enum kernel_option {
        OPTION_PCI_IOV,
        OPTION_VFIO_PCI,
        OPTION_INTEL_IOMMU,
        OPTION_INTEL_IOMMU_DEFAULT_ON,
        OPTION_AMD_IOMMU,
        OPTION_IRQ_REMAP,
        OPTION_ARM_SMMU_V3,
        KERNEL_OPTIONS,
};

enum module_state {
        MODULE_UNKNOWN,
        MODULE_MISSING,   /* the kernel's modules are there, and this one is not */
        MODULE_AVAILABLE, /* to be loaded when it is needed */
        MODULE_LOADED,
        MODULE_BUILTIN,
};

enum boot_loader { BOOT_UNKNOWN, BOOT_GRUBBY, BOOT_GRUB, BOOT_KERNEL_INSTALL };

/* What a line of the kernel log tells of. */
enum log_hint {
        LOG_MMIO,   /* no address space for VFs */
        LOG_BUS,    /* no bus numbers for VFs */
        LOG_X2APIC, /* the firmware opted out of x2apic */
        LOG_NO_IRQ_REMAP,
        LOG_IOMMU_OFF,
        LOG_FIRMWARE_BUG, /* in what the firmware says about the IOMMU */
        LOG_UNSIGNED,     /* a module was refused for its signature */
        LOG_VIRT_OFF,     /* virtualization disabled by the firmware */
        LOG_HINTS,
};

#define SURVEY_TEXT_MAX 256
#define RESOURCES       13 /* lines of `resource`: 6 BARs, the ROM, 6 BARs of VFs */
#define IOV_RESOURCES   7

struct pci_resource {
        uint64_t start, end, flags;
};

struct survey_device {
        char address[BDF_STR_MAX];
        struct bdf bdf;
        char bridge[BDF_STR_MAX]; /* the one it sits behind; "": on a root bus */
        uint16_t vendor_id, device_id, vf_device_id;
        uint32_t pci_class;
        char driver[DRIVER_MAX];
        char module[DRIVER_MAX]; /* without a driver: a module that says it is for this device */
        char netdev[NETDEV_MAX]; /* the first */
        int32_t total_vfs;      /* as sysfs has it; -1: no such file, so Linux takes it for no PF */
        int32_t offset, stride; /* -1 unknown */
        uint32_t num_vfs;       /* counted by virtfnN links */
        int32_t secondary, subordinate; /* bus numbers behind a bridge; -1 unknown */
        struct pci_resource resources[RESOURCES];
        size_t n_resources;
        struct pci_caps caps;
};

struct survey {
        enum survey_cpu cpu;
        bool x86, virt_flag;            /* flags are known; vmx or svm is among them */
        bool guest;                     /* this is a virtual machine */
        char guest_of[SURVEY_TEXT_MAX]; /* what says so */
        bool xen_host;                 /* the system that Xen is managed from: the IOMMU is Xen's */
        char release[SURVEY_TEXT_MAX]; /* of the kernel */
        char cmdline[1024];            /* only the words that matter here */
        char firmware_vendor[SURVEY_TEXT_MAX], product[SURVEY_TEXT_MAX];
        enum boot_loader boot_loader;

        char config_path[SURVEY_TEXT_MAX]; /* the kernel's configuration; "": not readable */
        char options[KERNEL_OPTIONS];      /* 'y', 'm', 'n'; 0 unknown */
        enum module_state vfio_pci;
        bool modules_known;
        char lockdown[SURVEY_TEXT_MAX]; /* none, integrity, confidentiality; "" unknown */
        int8_t secure_boot;             /* 1, 0, -1 unknown */
        bool noiommu, unsafe_interrupts, denylist_off, vfio_sriov;

        bool acpi_known, dmar, ivrs, iort; /* ACPI tables */
        uint32_t n_groups;                 /* IOMMU groups but those without an IOMMU */
        char iommus[SURVEY_TEXT_MAX];      /* "dmar0 dmar1" */
        bool irqs_known;
        uint32_t n_remapped; /* interrupts through remapping */

        bool log_known;
        uint32_t n_log[LOG_HINTS];
        char log[LOG_HINTS][SURVEY_TEXT_MAX]; /* the first line of each */

        struct survey_device *devices; /* by address; no VFs */
        size_t n_devices, capacity;
        struct rivals rivals;
        bool operator_state;  /* sriov-network-operator's */
        bool service_running; /* sriovd-host's socket is there */
        unsigned n_denied;    /* files that may not be read */
        char denied[SURVEY_TEXT_MAX];
        bool short_config; /* of some PF only the first 64 bytes were shown */
};

/*
 * root_fd: "/", or a recorded root. record_fd: a directory for a copy of what was read, or -1.
 * live: it is this machine, so the kernel may be asked what is in no file. -ENOMEM, or why the copy
 * could not be written.
 */
int survey_read(int root_fd, int record_fd, bool live, struct survey *ret);
void survey_done(struct survey *s);

/* NULL when there is none with this address. */
const struct survey_device *survey_device(const struct survey *s, const char *address);

/* Can VFs grow from it, as Linux sees it? */
static inline bool survey_is_pf(const struct survey_device *d)
{
        return d->total_vfs >= 0;
}

/* Is the word on the kernel's command line; the value of KEY=VALUE, NULL when it is not there. */
bool survey_has_word(const struct survey *s, const char *word);
bool survey_value_has(const struct survey *s, const char *key, const char *word);

/* The parts of survey_read(). */
void survey_processor(struct look *l, struct survey *s);
void survey_kernel(struct look *l, struct survey *s);
void survey_iommu(struct look *l, struct survey *s);
void survey_log(struct look *l, bool live, struct survey *s);
int survey_pci(struct look *l, struct survey *s);
