/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the devices: firmware limits, drivers, vfio-pci's denylist. Pure. */
#include "doctor/doctor_private.h"

#define CLASS_NETWORK   0x02
#define VENDOR_INTEL    0x8086
#define VENDOR_MELLANOX 0x15b3
#define VENDOR_BROADCOM 0x14e4

/* Drivers all of whose devices can do SR-IOV, when the card's own configuration lets them. */
static const char *const always_capable[] = {"mlx5_core", "bnxt_en", "i40e", "ice", "qede"};

/* It is no PF, and should be one. */
static bool sriov_off(const struct survey *s, const struct survey_device *d)
{
        if (survey_is_pf(d) || s->guest || d->pci_class >> 16 != CLASS_NETWORK ||
                s->options[OPTION_PCI_IOV] == 'n' || (d->caps.sriov && d->caps.total_vfs > 0))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(always_capable); i++)
                if (streq(d->driver, always_capable[i]))
                        return true;
        return false;
}

/* How the card's own configuration is changed. */
static void say_card(struct finding *found, const struct survey *s, const struct survey_device *d)
{
        switch (d->vendor_id) {
        case VENDOR_MELLANOX:
                say_remedy(found,
                        "Run mlxconfig -d %s set SRIOV_EN=1 NUM_OF_VFS=8 (from mstflint: "
                        "mstconfig), then "
                        "mlxfwreset -d %s reset, or switch the machine off and on.",
                        d->address, d->address);
                if (s->lockdown[0] && !streq(s->lockdown, "none"))
                        say_remedy(found, " Kernel lockdown keeps mlxconfig from the card: use the "
                                          "card's page in the "
                                          "firmware setup.");
                return;
        case VENDOR_BROADCOM:
                say_remedy(found, "In the card's page of the firmware setup set Multi-Function "
                                  "Mode or Virtualization Mode "
                                  "to SR-IOV (or niccli: enable_sriov), and reboot.");
                return;
        default:
                say_remedy(found,
                        "%senable %s, and in the card's own page there Virtualization Mode: "
                        "SR-IOV; reboot.",
                        firmware_setup(s), firmware_setting(s, SETTING_SRIOV));
                return;
        }
}

void check_any_device(const struct survey *s, struct findings *f)
{
        char names[EVIDENCE_MAX / 2] = "";
        unsigned n_pfs = 0, n_off = 0;
        struct finding *found;

        for (size_t i = 0; i < s->n_devices; i++) {
                size_t n = strlen(names);

                n_off += sriov_off(s, &s->devices[i]);
                if (!survey_is_pf(&s->devices[i]))
                        continue;
                n_pfs++;
                if (n + BDF_STR_MAX + 1 < sizeof(names)) {
                        memcpy(names + n, " ", 2);
                        memcpy(names + n + (n > 0), s->devices[i].address, BDF_STR_MAX);
                }
        }
        found = finding_add(f, n_pfs > 0 ? "sriov-devices" : "no-sriov-device",
                n_pfs > 0 ? FINDING_OK : FINDING_PROBLEM, GROUP_DEVICES, NULL);
        if (n_pfs > 0) {
                say_what(found, "%u device%s can have VFs", n_pfs, n_pfs == 1 ? "" : "s");
                say_evidence(found, "sriov_totalvfs: %s", names);
                return;
        }
        say_what(found, "no device here can have VFs");
        say_evidence(found, "none of %zu PCI devices has sriov_totalvfs", s->n_devices);
        if (n_off > 0)
                say_remedy(found, "SR-IOV is off in a card's own configuration: see there.");
        else if (s->guest)
                say_remedy(found, "A virtual machine mostly gets VFs, and not the device that "
                                  "makes them: do this on its "
                                  "host. To try it out: QEMU -device igb, or contrib/sandbox.");
        else
                say_remedy(found,
                        "%senable %s: some firmware hides the capability. Else it takes a device "
                        "that has it; "
                        "lspci -vvv as root shows \"Single Root I/O Virtualization\".",
                        firmware_setup(s), firmware_setting(s, SETTING_SRIOV));
}

void check_firmware_vfs(const struct survey *s, struct findings *f)
{
        for (size_t i = 0; i < s->n_devices; i++) {
                const struct survey_device *d = &s->devices[i];
                char name[DEVICE_TEXT_MAX];
                struct finding *found;

                if (!sriov_off(s, d))
                        continue;
                found = finding_add(f, "sriov-off-in-device", FINDING_WARNING, GROUP_DEVICES, d);
                say_what(found, "%s: SR-IOV is off in the card's own configuration",
                        device_text(d, name));
                say_evidence(found, "driver %s, whose cards can do it, and no sriov_totalvfs",
                        d->driver);
                say_card(found, s, d);
        }
}

static void no_driver(struct findings *f, const struct survey *s, const struct survey_device *d)
{
        bool missing = !d->module[0] && s->modules_known;
        struct finding *found = finding_add(f, missing ? "pf-driver-missing" : "pf-no-driver",
                missing ? FINDING_PROBLEM : FINDING_WARNING, GROUP_DEVICES, d);
        char name[DEVICE_TEXT_MAX];

        say_what(found, "%s has no driver, so it can not make VFs", device_text(d, name));
        say_evidence(found, "/sys/bus/pci/devices/%s/driver is not there%s%s", d->address,
                missing        ? "; no module says that it is for "
                : d->module[0] ? "; module "
                               : "",
                missing ? "this device" : d->module);
        if (d->module[0])
                say_remedy(found,
                        "Run modprobe %s, then echo %s > /sys/bus/pci/drivers_probe; dmesg says "
                        "why if it "
                        "fails.",
                        d->module, d->address);
        else if (missing)
                say_remedy(found,
                        "Install the driver of device %04x:%04x: all modules of this kernel "
                        "(linux-modules-extra), a "
                        "newer kernel, or the vendor's.",
                        d->vendor_id, d->device_id);
        else
                say_remedy(found, "Load its driver: lspci -k -s %s names the module.", d->address);
}

void check_pf_drivers(const struct survey *s, struct findings *f)
{
        for (size_t i = 0; i < s->n_devices; i++) {
                const struct survey_device *d = &s->devices[i];
                char name[DEVICE_TEXT_MAX];
                struct finding *found;

                if (!survey_is_pf(d) || d->total_vfs == 0)
                        continue;
                device_text(d, name);
                if (!d->driver[0]) {
                        no_driver(f, s, d);
                } else if (streq(d->driver, "vfio-pci") && !s->vfio_sriov) {
                        found = finding_add(f, "pf-on-vfio", FINDING_WARNING, GROUP_DEVICES, d);
                        say_what(found,
                                "%s is bound to vfio-pci itself, which does not make VFs unless "
                                "told to",
                                name);
                        say_evidence(
                                found, "/sys/module/vfio_pci/parameters/enable_sriov is not Y");
                        say_remedy(found,
                                "Bind it to its own driver (driverctl unset-override %s); or, when "
                                "a user space driver "
                                "such as DPDK runs it: echo Y > "
                                "/sys/module/vfio_pci/parameters/enable_sriov.",
                                d->address);
                } else if (streq(d->driver, "pci-stub") || streq(d->driver, "uio_pci_generic")) {
                        found = finding_add(
                                f, "pf-driver-no-sriov", FINDING_WARNING, GROUP_DEVICES, d);
                        say_what(found, "%s is bound to %s, which can not make VFs", name,
                                d->driver);
                        say_evidence(
                                found, "/sys/bus/pci/devices/%s/driver: %s", d->address, d->driver);
                        say_remedy(found, "Bind it to its own driver, or to pci-pf-stub where it "
                                          "needs none.");
                } else if (streq(d->driver, "mlx4_core")) {
                        found = finding_add(
                                f, "pf-module-parameter", FINDING_WARNING, GROUP_DEVICES, d);
                        say_what(found,
                                "%s: the driver mlx4_core takes the number of VFs only when it is "
                                "loaded",
                                name);
                        say_evidence(
                                found, "/sys/bus/pci/devices/%s/driver: mlx4_core", d->address);
                        say_remedy(found, "Put \"options mlx4_core num_vfs=8\" into "
                                          "/etc/modprobe.d and load the module again.");
                } else {
                        found = finding_add(f, "pf", FINDING_OK, GROUP_DEVICES, d);
                        say_what(found, "%s, driver %s: up to %d VFs, %u there", name, d->driver,
                                d->total_vfs, d->num_vfs);
                        say_evidence(found, "/sys/bus/pci/devices/%s/sriov_totalvfs: %d",
                                d->address, d->total_vfs);
                }
        }
}

void check_vf_limits(const struct survey *s, struct findings *f)
{
        for (size_t i = 0; i < s->n_devices; i++) {
                const struct survey_device *d = &s->devices[i];
                char name[DEVICE_TEXT_MAX];
                struct finding *found;

                if (d->total_vfs == 0) {
                        found = finding_add(f, "vfs-none", FINDING_PROBLEM, GROUP_DEVICES, d);
                        say_what(found, "%s: its firmware or driver allows no VFs",
                                device_text(d, name));
                        say_evidence(
                                found, "/sys/bus/pci/devices/%s/sriov_totalvfs: 0", d->address);
                        say_card(found, s, d);
                } else if (d->total_vfs > 0 && d->caps.sriov && d->caps.total_vfs > d->total_vfs) {
                        found = finding_add(f, "vfs-limited", FINDING_NOTE, GROUP_DEVICES, d);
                        say_what(found, "%s: the device could have %u VFs, driver %s allows %d",
                                device_text(d, name), d->caps.total_vfs,
                                d->driver[0] ? d->driver : "(none)", d->total_vfs);
                        say_evidence(found, "configuration space: TotalVFs %u; sriov_totalvfs: %d",
                                d->caps.total_vfs, d->total_vfs);
                }
        }
}

/* The PFs and VFs of drivers/vfio/pci/vfio_pci.c: Intel QAT (DH895xCC, C3xxx, C62x). */
static bool denylisted(uint16_t vendor_id, uint16_t device_id)
{
        static const uint16_t ids[] = {0x0435, 0x0443, 0x19e2, 0x19e3, 0x37c8, 0x37c9};

        for (size_t i = 0; i < ELEMENTSOF(ids) && vendor_id == VENDOR_INTEL; i++)
                if (ids[i] == device_id)
                        return true;
        return false;
}

void check_denylist(const struct survey *s, struct findings *f)
{
        for (size_t i = 0; i < s->n_devices; i++) {
                const struct survey_device *d = &s->devices[i];
                uint16_t vf = d->vf_device_id ? d->vf_device_id : d->caps.vf_device_id;
                char name[DEVICE_TEXT_MAX];
                struct finding *found;

                if (!survey_is_pf(d) ||
                        (!denylisted(d->vendor_id, d->device_id) && !denylisted(d->vendor_id, vf)))
                        continue;
                found = finding_add(f, s->denylist_off ? "vfio-denylist-off" : "vfio-denylist",
                        FINDING_WARNING, GROUP_DEVICES, d);
                say_what(found,
                        s->denylist_off ? "%s: vfio-pci's list of unsafe devices is off: a guest "
                                          "with its VFs can hang the host"
                                        : "%s: vfio-pci refuses its VFs: they are on its list of "
                                          "devices with known faults",
                        device_text(d, name));
                say_evidence(found, "device %04x:%04x, VFs %04x:%04x; disable_denylist is %s",
                        d->vendor_id, d->device_id, d->vendor_id, vf,
                        s->denylist_off ? "Y" : "not set");
                say_remedy(found, "%s",
                        s->denylist_off ? "Unless all guests are trusted: remove disable_denylist "
                                          "from /etc/modprobe.d."
                                        : "Use them on the host; or, for guests that are trusted: "
                                          "\"options vfio_pci "
                                          "disable_denylist=1\" in /etc/modprobe.d, and load "
                                          "vfio-pci again.");
        }
}
