/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdict on an IOMMU group. Pure, any thread. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "model/group.h"

const char *group_verdict_name(enum group_verdict verdict)
{
        static const char *const names[GROUP_VERDICT_MAX] = {
                [GROUP_ISOLATED] = "isolated",
                [GROUP_SHARED] = "shared",
                [GROUP_NOT_VIABLE] = "not-viable",
                [GROUP_UNSAFE] = "unsafe",
                [GROUP_NO_IOMMU] = "no-iommu",
        };

        return (unsigned) verdict < GROUP_VERDICT_MAX ? names[verdict] : "?";
}

bool group_allows(enum group_verdict verdict, bool shared)
{
        switch (verdict) {
        case GROUP_ISOLATED:
                return true;
        case GROUP_SHARED:
        case GROUP_UNSAFE:
                return shared;
        case GROUP_NOT_VIABLE:
        case GROUP_NO_IOMMU:
        case GROUP_VERDICT_MAX:
                break;
        }
        return false;
}

/* Drivers with driver_managed_dma. A bridge on another one (shpchp) is in the way as anybody. */
static bool manages_dma(const char *driver)
{
        return strstr(driver, "vfio") || streq(driver, "pci-stub") || streq(driver, "pcieport");
}

bool group_in_the_way(const struct group_device *device, const char *moving)
{
        return device->driver[0] && !manages_dma(device->driver) &&
               !(moving && streq(device->address, moving));
}

/* ---- the group as it is seen ------------------------------------------------------------------
 */

/* What is judged. group: NULL for one that is not there, of a VF that is not there either. */
struct scene {
        const struct groups *groups;
        const struct group_facts *group;
        const char *moving;
        uint32_t more; /* VFs to come */
};

static bool is_noiommu(const struct group_facts *group)
{
        return group && streq(group->type, "noiommu");
}

static void count_members(const struct scene *s, struct group_report *ret)
{
        const struct group_facts *group = s->group;

        ret->n_endpoints = s->more;
        for (uint32_t i = 0; group && i < group->n_devices; i++) {
                const struct group_device *d = &group->devices[i];

                if (!group_is_bridge(d)) {
                        ret->n_endpoints++;
                        if (!ret->breaks_at)
                                ret->breaks_at = group_breaks(s->groups, group->id, d->parent);
                }
                if (group_in_the_way(d, s->moving)) {
                        if (!ret->in_the_way)
                                ret->in_the_way = d;
                        ret->n_in_the_way++;
                }
        }
}

static const struct reserved_region *direct_region(const struct group_facts *group)
{
        for (uint32_t i = 0; group && i < group->n_reserved; i++)
                if (streq(group->reserved[i].type, "direct"))
                        return &group->reserved[i];
        return NULL;
}

/* Only of an IOMMU that is there: nothing is known where nothing was read. */
static bool forgeable_interrupts(const struct scene *s)
{
        return s->groups->iommu.present == 1 && s->groups->iommu.interrupt_remap == 0;
}

/* ---- verdicts ----------------------------------------------------------------------------------
 */

_printf_(3, 4) static void judge(
        struct group_report *ret, enum group_verdict verdict, const char *fmt, ...)
{
        va_list ap;

        ret->verdict = verdict;
        va_start(ap, fmt);
        vsnprintf(ret->reason, sizeof(ret->reason), fmt, ap);
        va_end(ap);
}

static void advise(struct group_report *ret, const char *advice)
{
        snprintf(ret->advice, sizeof(ret->advice), "%s", advice);
}

#define OVERRIDE "--shared-group (\"shared_group\": true in a configuration) allows it"

static void judge_absent(const struct groups *groups, struct group_report *ret)
{
        if (groups->iommu.noiommu == 1) {
                judge(ret, GROUP_UNSAFE,
                        "there is no IOMMU group, and vfio is set to go without "
                        "(enable_unsafe_noiommu_mode): a guest could reach all memory");
                advise(ret, "enable VT-d or AMD-Vi in the BIOS and boot with intel_iommu=on or "
                            "amd_iommu=on; " OVERRIDE);
                return;
        }
        judge(ret, GROUP_NO_IOMMU,
                "it has no IOMMU group: nothing keeps it from reaching all "
                "memory, and the kernel refuses it to vfio");
        advise(ret, "enable VT-d or AMD-Vi in the BIOS and boot with intel_iommu=on or "
                    "amd_iommu=on");
}

/* Where the members meet, as a part of a sentence. */
static void meeting_place(const struct group_report *report, char *buf, size_t size)
{
        const struct bridge_facts *b = report->breaks_at;

        if (b)
                snprintf(buf, size, "isolation (ACS) breaks at the %s %s", b->kind, b->address);
        else
                snprintf(buf, size, "there is no isolation (ACS) between them");
}

static bool has_vfs_here(const struct group_facts *group, const char *address)
{
        for (uint32_t i = 0; i < group->n_devices; i++)
                if (streq(group->devices[i].physfn, address))
                        return true;
        return false;
}

/* A driver that has to go. Not the PF's own: its VFs would go with it. */
static void judge_blocked(const struct scene *s, struct group_report *ret)
{
        const struct group_device *d = ret->in_the_way;
        char place[96], others[48] = "";

        meeting_place(ret, place, sizeof(place));
        if (ret->n_in_the_way > 1)
                snprintf(others, sizeof(others), " (and %u more)", ret->n_in_the_way - 1);
        judge(ret, GROUP_NOT_VIABLE,
                "%u devices share the group and %s is on the host driver %s%s: %s, and the kernel "
                "lets vfio own a group only when none of it is on a host driver",
                ret->n_endpoints, d->address, d->driver, others, place);
        if (s->more > 0 || has_vfs_here(s->group, d->address))
                advise(ret, "put the card into a slot below ports with ACS, or turn ACS on in the "
                            "firmware; no option of sriovd helps");
        else
                advise(ret, "take them off their host drivers first (sriovctl unbind), or put the "
                            "card below ports with ACS; no option of sriovd helps");
}

static void judge_direct(const struct reserved_region *r, struct group_report *ret)
{
        judge(ret, GROUP_NOT_VIABLE,
                "the firmware wants memory 0x%" PRIx64 "-0x%" PRIx64
                " mapped 1:1 for a device of the group (RMRR), and the kernel gives no such device "
                "to vfio",
                r->start, r->end);
        advise(ret, "turn off what needs that memory in the firmware (shared memory features of "
                    "the slot); no option of sriovd helps");
}

static void judge_interrupts(const struct iommu_facts *iommu, struct group_report *ret)
{
        if (iommu->unsafe_interrupts == 1) {
                judge(ret, GROUP_UNSAFE,
                        "interrupts are not remapped and vfio was told to go on "
                        "(allow_unsafe_interrupts): a guest could forge interrupts of the host");
                advise(ret, "turn on interrupt remapping (x2APIC, VT-d) in the BIOS; " OVERRIDE);
                return;
        }
        judge(ret, GROUP_NOT_VIABLE,
                "interrupts are not remapped: a guest could forge interrupts of the host, and "
                "vfio_iommu_type1 refuses the group (EPERM)");
        advise(ret, "turn on interrupt remapping (x2APIC, VT-d) in the BIOS, and boot without "
                    "intremap=off");
}

static void judge_members(struct group_report *ret)
{
        char place[96];

        if (ret->n_endpoints > 1) {
                meeting_place(ret, place, sizeof(place));
                judge(ret, GROUP_SHARED,
                        "%u devices share the group: %s, and whoever has one of them can reach the "
                        "others",
                        ret->n_endpoints, place);
                advise(ret, "give all of them to one tenant: " OVERRIDE);
        } else if (ret->breaks_at) {
                meeting_place(ret, place, sizeof(place));
                judge(ret, GROUP_ISOLATED, "the device is alone in its group, but %s", place);
        } else
                judge(ret, GROUP_ISOLATED, "the device is alone in its group");
}

static void judge_scene(const struct scene *s, struct group_report *ret)
{
        bool blocked;

        count_members(s, ret);
        blocked = !is_noiommu(s->group) && ret->n_endpoints > 1 && ret->in_the_way;
        if (blocked) {
                judge_blocked(s, ret);
                return;
        }
        ret->in_the_way = NULL;
        ret->n_in_the_way = 0;
        if (is_noiommu(s->group)) {
                judge(ret, GROUP_UNSAFE,
                        "vfio runs without an IOMMU here: a guest could reach all memory");
                advise(ret, "enable VT-d or AMD-Vi in the BIOS and boot with intel_iommu=on or "
                            "amd_iommu=on; " OVERRIDE);
        } else if (direct_region(s->group))
                judge_direct(direct_region(s->group), ret);
        else if (forgeable_interrupts(s))
                judge_interrupts(&s->groups->iommu, ret);
        else
                judge_members(ret);
}

void group_judge(const struct groups *groups, const struct group_facts *group, const char *moving,
        struct group_report *ret)
{
        const struct scene s = {.groups = groups, .group = group, .moving = moving};

        *ret = (struct group_report){0};
        if (group)
                judge_scene(&s, ret);
        else
                judge_absent(groups, ret);
}

/* ---- what is not there yet ---------------------------------------------------------------------
 */

static const struct group_device *member(const struct group_facts *group, const char *address)
{
        for (uint32_t i = 0; i < group->n_devices; i++)
                if (streq(group->devices[i].address, address))
                        return &group->devices[i];
        return NULL;
}

bool group_predict(const struct groups *groups, const struct pf_facts *pf, struct group_report *ret)
{
        const struct group_facts *group = NULL;
        const struct group_device *self = NULL;
        struct scene s = {.groups = groups, .more = 1};

        *ret = (struct group_report){0};
        if (pf->iommu_group < 0) {
                judge_absent(groups, ret);
                return true;
        }
        group = groups_find(groups, pf->iommu_group);
        if (group)
                self = member(group, dev_id_address(&pf->id));
        if (!self)
                return false;
        if (is_noiommu(group) || group_breaks(groups, group->id, self->parent))
                s.group = group;
        judge_scene(&s, ret);
        return true;
}
