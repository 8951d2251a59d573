/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of what the firmware gave VFs: memory addresses, bus numbers, ARI. Pure. */
#include <stdio.h>

#include "doctor/doctor_private.h"

#define RESOURCE_MEM64 0x00100000ull /* IORESOURCE_* of the kernel's include/linux/ioport.h */
#define RESOURCE_UNSET 0x20000000ull
#define FOUR_GIB       (1ull << 32)

/* ---- memory ---------------------------------------------------------------------------------- */

enum vf_memory { MEMORY_UNKNOWN, MEMORY_ASSIGNED, MEMORY_MISSING };

/*
 * A BAR that got no address has none, or the flag says so; one that the kernel gave up on is all
 * zero, which is what a BAR that does not exist looks like too. No VFs without any BAR exist.
 */
static enum vf_memory vf_memory(const struct survey_device *d, uint64_t *ret_size)
{
        bool any = false, missing = false;
        uint64_t size = 0;

        if (d->n_resources < RESOURCES)
                return MEMORY_UNKNOWN;
        for (unsigned i = 0; i < VF_BARS; i++) {
                const struct pci_resource *r = &d->resources[IOV_RESOURCES + i];
                bool high_half = i > 0 && (d->caps.vf_bars[i - 1] & 0x6) == 0x4;

                if (r->flags == 0) {
                        missing |= d->caps.sriov && !high_half && (d->caps.vf_bars[i] & 0xf) != 0;
                        continue;
                }
                any = true;
                size += r->end >= r->start ? r->end - r->start + 1 : 0;
                missing |= r->start == 0 || (r->flags & RESOURCE_UNSET);
        }
        *ret_size = size;
        return missing || !any ? MEMORY_MISSING : MEMORY_ASSIGNED;
}

/* Is any device's memory above 4 GiB, as it is when the firmware may place it there? */
static bool above_4g(const struct survey *s)
{
        for (size_t i = 0; i < s->n_devices; i++)
                for (size_t k = 0; k < s->devices[i].n_resources; k++)
                        if (s->devices[i].resources[k].start >= FOUR_GIB)
                                return true;
        return false;
}

static bool wants_64_bits(const struct survey_device *d)
{
        for (size_t i = 0; i < d->n_resources; i++)
                if (d->resources[i].flags & RESOURCE_MEM64)
                        return true;
        return false;
}

static void memory_missing(
        const struct survey *s, struct findings *f, const struct survey_device *d, uint64_t size)
{
        bool low = wants_64_bits(d) && !above_4g(s),
             realloc = survey_value_has(s, "pci", "realloc") ||
                       survey_value_has(s, "pci", "realloc=on");
        struct finding *found = finding_add(f, low ? "above-4g-off" : "vf-memory-unassigned",
                FINDING_PROBLEM, GROUP_FIRMWARE, d);
        char name[DEVICE_TEXT_MAX], need[64] = "";

        if (size > 0)
                snprintf(need, sizeof(need), ", which need %llu KiB,",
                        (unsigned long long) (size >> 10));
        say_what(found, "%s: its VFs%s got no memory addresses, so no VF can be created",
                device_text(d, name), need);
        say_evidence(found,
                "/sys/bus/pci/devices/%s/resource: the BARs of VFs (lines 8 to 13) have no "
                "address%s%s%s",
                d->address, low ? "; no device has one above 4 GiB" : "",
                s->n_log[LOG_MMIO] > 0 ? "; kernel log: " : "", s->log[LOG_MMIO]);
        if (s->guest) {
                say_remedy(found, "Give the root port more room (QEMU: -device "
                                  "pcie-root-port,pref64-reserve=1G). ");
        } else {
                say_remedy(found, "%senable %s", firmware_setup(s),
                        firmware_setting(s, SETTING_SRIOV));
                say_remedy(found, "%s%s. ", low || realloc ? " and " : "",
                        low || realloc ? firmware_setting(s, SETTING_MMIO) : "");
        }
        if (!realloc) {
                say_remedy(found, "Or let the kernel assign them anew: ");
                say_kernel_words(found, s, "pci=realloc", "");
        }
}

void check_vf_memory(const struct survey *s, struct findings *f)
{
        unsigned n_good = 0, n_bad = 0;
        struct finding *found;

        for (size_t i = 0; i < s->n_devices; i++) {
                const struct survey_device *d = &s->devices[i];
                uint64_t size = 0;

                if (d->total_vfs <= 0)
                        continue;
                switch (vf_memory(d, &size)) {
                case MEMORY_UNKNOWN:
                        break;
                case MEMORY_ASSIGNED:
                        n_good++;
                        break;
                case MEMORY_MISSING:
                        n_bad++;
                        memory_missing(s, f, d, size);
                        break;
                }
        }
        if (n_good == 0 || n_bad > 0)
                return;
        found = finding_add(f, "vf-memory", FINDING_OK, GROUP_FIRMWARE, NULL);
        say_what(found, "VFs have memory addresses");
        say_evidence(
                found, "the BARs of VFs in `resource` of %u PF%s", n_good, n_good == 1 ? "" : "s");
}

/* ---- bus numbers ----------------------------------------------------------------------------- */

/* How many of its VFs get a number that the bridge above passes on; -1 unknown. */
static int32_t vfs_in_reach(const struct survey *s, const struct survey_device *d)
{
        const struct survey_device *bridge = survey_device(s, d->bridge);
        int32_t offset = d->offset > 0 ? d->offset : d->caps.offset;
        int32_t stride = d->stride > 0 ? d->stride : d->caps.stride;
        int64_t room;

        if (!bridge || bridge->subordinate < 0 || offset <= 0 || stride <= 0 || d->total_vfs <= 0)
                return -1;
        room = ((int64_t) bridge->subordinate << 8 | 0xff) -
               ((int64_t) d->bdf.bus << 8 | d->bdf.devfn) - offset;
        if (room < 0)
                return 0;
        return room / stride + 1 < d->total_vfs ? (int32_t) (room / stride) + 1 : d->total_vfs;
}

static bool ari_unused(const struct survey_device *d)
{
        return d->caps.ari && !d->caps.ari_hierarchy;
}

void check_bus_numbers(const struct survey *s, struct findings *f)
{
        unsigned n_good = 0, n_bad = 0;
        struct finding *found;

        for (size_t i = 0; i < s->n_devices; i++) {
                const struct survey_device *d = &s->devices[i];
                int32_t reach = vfs_in_reach(s, d);
                char name[DEVICE_TEXT_MAX];

                n_good += reach >= 0 && reach == d->total_vfs;
                if (reach < 0 || reach == d->total_vfs)
                        continue;
                n_bad++;
                found = finding_add(f, "bus-numbers",
                        reach == 0 ? FINDING_PROBLEM : FINDING_WARNING, GROUP_FIRMWARE, d);
                say_what(found, "%s: bus numbers suffice for %d of its %d VFs, so %s",
                        device_text(d, name), reach, d->total_vfs,
                        reach == 0 ? "none can be created" : "no more can be created");
                say_evidence(found,
                        "%s: sriov_offset %d, sriov_stride %d; bridge %s passes on buses up to "
                        "%02x",
                        d->address, d->offset, d->stride, d->bridge,
                        (unsigned) survey_device(s, d->bridge)->subordinate);
                say_remedy(found, "%s%s%s%s. Or let the kernel number the buses: ",
                        ari_unused(d) ? firmware_setup(s) : "", ari_unused(d) ? "enable " : "",
                        ari_unused(d) ? firmware_setting(s, SETTING_ARI) : "",
                        ari_unused(d)
                                ? ", with which VFs share their PF's bus number"
                                : "Put the card into a slot that is directly below the processor");
                say_kernel_words(found, s, "pci=assign-busses", "");
        }
        if (n_good == 0 || n_bad > 0)
                return;
        found = finding_add(f, "bus-numbers", FINDING_OK, GROUP_FIRMWARE, NULL);
        say_what(found, "there are bus numbers for all VFs");
        say_evidence(found, "sriov_offset and sriov_stride of %u PF%s, and the bridges above",
                n_good, n_good == 1 ? "" : "s");
}

void check_ari(const struct survey *s, struct findings *f)
{
        for (size_t i = 0; i < s->n_devices; i++) {
                const struct survey_device *d = &s->devices[i];
                const struct survey_device *bridge = survey_device(s, d->bridge);
                bool noari = survey_value_has(s, "pci", "noari");
                char name[DEVICE_TEXT_MAX];
                struct finding *found;

                if (d->total_vfs <= 0 || !d->caps.ari || !bridge || !bridge->caps.express ||
                        bridge->caps.ari_forwarding)
                        continue;
                found = finding_add(f, "ari-off", FINDING_WARNING, GROUP_FIRMWARE, d);
                say_what(found,
                        "%s: the port above does not forward ARI, so its VFs take bus numbers of "
                        "their own, "
                        "and may be fewer",
                        device_text(d, name));
                say_evidence(found, "configuration space of %s: ARI forwarding is %s%s",
                        bridge->address,
                        bridge->caps.ari_forwarding_supported ? "supported and off"
                                                              : "not supported",
                        noari ? "; /proc/cmdline: pci=noari" : "");
                if (noari)
                        say_kernel_words(found, s, "", "pci=noari");
                else if (bridge->caps.ari_forwarding_supported)
                        say_remedy(found, "%senable %s.", firmware_setup(s),
                                firmware_setting(s, SETTING_ARI));
                else
                        say_remedy(found, "Put the card into another slot, best one directly below "
                                          "the processor.");
        }
}

/* ---- the kernel log -------------------------------------------------------------------------- */

static bool has_finding(const struct findings *f, const char *id, enum finding_level level)
{
        for (size_t i = 0; i < f->n; i++)
                if (streq(f->list[i].id, id) && f->list[i].level >= level)
                        return true;
        return false;
}

/* What went wrong earlier in this boot, where the checks before found no reason. */
void check_log_resources(const struct survey *s, struct findings *f)
{
        struct finding *found;

        if (s->n_log[LOG_MMIO] > 0 && !has_finding(f, "vf-memory-unassigned", FINDING_WARNING) &&
                !has_finding(f, "above-4g-off", FINDING_WARNING)) {
                found = finding_add(f, "log-mmio", FINDING_WARNING, GROUP_FIRMWARE, NULL);
                say_what(found,
                        "since the boot VFs could not be created for lack of memory addresses");
                say_evidence(found, "kernel log (%ux): %s", s->n_log[LOG_MMIO], s->log[LOG_MMIO]);
                say_remedy(found, "Create fewer VFs. Or: %senable %s. Or: ", firmware_setup(s),
                        firmware_setting(s, SETTING_MMIO));
                say_kernel_words(found, s, "pci=realloc", "");
        }
        if (s->n_log[LOG_BUS] > 0 && !has_finding(f, "bus-numbers", FINDING_WARNING)) {
                found = finding_add(f, "log-bus-numbers", FINDING_WARNING, GROUP_FIRMWARE, NULL);
                say_what(found, "since the boot VFs could not be created for lack of bus numbers");
                say_evidence(found, "kernel log (%ux): %s", s->n_log[LOG_BUS], s->log[LOG_BUS]);
                say_remedy(found, "Create fewer VFs. Or: %senable %s. Or: ", firmware_setup(s),
                        firmware_setting(s, SETTING_ARI));
                say_kernel_words(found, s, "pci=assign-busses", "");
        }
}

void check_firmware_bugs(const struct survey *s, struct findings *f)
{
        struct finding *found;

        if (s->n_log[LOG_FIRMWARE_BUG] == 0)
                return;
        found = finding_add(f, "firmware-bug", FINDING_WARNING, GROUP_FIRMWARE, NULL);
        say_what(found, "the kernel complains of what the firmware says about the IOMMU");
        say_evidence(found, "kernel log (%ux): %s", s->n_log[LOG_FIRMWARE_BUG],
                s->log[LOG_FIRMWARE_BUG]);
        say_remedy(found, "Update the firmware (BIOS)%s%s.",
                s->firmware_vendor[0] ? " of this " : "", s->firmware_vendor[0] ? s->product : "");
}
