/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks of doctor_*.c share. Pure, any thread. */
#pragma once

#include "doctor/doctor.h"

/* Never NULL; the texts are empty. d: the device it is about, or NULL. */
struct finding *finding_add(struct findings *f, const char *id, enum finding_level level,
        enum finding_group group, const struct survey_device *d);

/* Fill the texts. */
void say_what(struct finding *finding, const char *fmt, ...) _printf_(2, 3);
void say_evidence(struct finding *finding, const char *fmt, ...) _printf_(2, 3);
/* Adds to it. */
void say_remedy(struct finding *finding, const char *fmt, ...) _printf_(2, 3);

/* "enp59s0f0 (0000:3b:00.0)". */
#define DEVICE_TEXT_MAX 64
const char *device_text(const struct survey_device *d, char buf[static DEVICE_TEXT_MAX]);

enum firmware_setting {
        SETTING_SRIOV,
        SETTING_MMIO,
        SETTING_ARI,
        SETTING_IOMMU,
        SETTING_VIRTUALIZATION,
        SETTING_X2APIC,
};

/* What this vendor calls the setting, and where it is. */
const char *firmware_setting(const struct survey *s, enum firmware_setting setting);

/* "In the Dell firmware setup (F2): ", or the like. */
const char *firmware_setup(const struct survey *s);

/* How this host gets words onto the kernel's command line, or loses them. */
void say_kernel_words(
        struct finding *finding, const struct survey *s, const char *add, const char *remove);

typedef void (*check_fn)(const struct survey *s, struct findings *f);

/* Firmware */
void check_vf_memory(const struct survey *s, struct findings *f);
void check_bus_numbers(const struct survey *s, struct findings *f);
void check_ari(const struct survey *s, struct findings *f);
void check_log_resources(const struct survey *s, struct findings *f);
void check_firmware_bugs(const struct survey *s, struct findings *f);
/* CPU */
void check_virtualization(const struct survey *s, struct findings *f);
/* IOMMU */
void check_iommu(const struct survey *s, struct findings *f);
void check_interrupts(const struct survey *s, struct findings *f);
void check_x2apic(const struct survey *s, struct findings *f);
void check_unsafe_interrupts(const struct survey *s, struct findings *f);
void check_noiommu(const struct survey *s, struct findings *f);
/* Kernel */
void check_pci_iov(const struct survey *s, struct findings *f);
void check_vfio_module(const struct survey *s, struct findings *f);
void check_lockdown(const struct survey *s, struct findings *f);
void check_unsigned(const struct survey *s, struct findings *f);
/* Devices */
void check_any_device(const struct survey *s, struct findings *f);
void check_firmware_vfs(const struct survey *s, struct findings *f);
void check_pf_drivers(const struct survey *s, struct findings *f);
void check_vf_limits(const struct survey *s, struct findings *f);
void check_denylist(const struct survey *s, struct findings *f);
/* Others */
void check_rivals(const struct survey *s, struct findings *f);
void check_service(const struct survey *s, struct findings *f);
void check_readable(const struct survey *s, struct findings *f);
