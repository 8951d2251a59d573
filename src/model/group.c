/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdict on an IOMMU group. Pure, any thread. */
#include <stdio.h>

#include "model/group.h"

const char *group_verdict_name(enum group_verdict verdict)
{
        static const char *const names[GROUP_VERDICT_MAX] = {
                [GROUP_ISOLATED] = "isolated",
                [GROUP_SHARED] = "shared",
                [GROUP_NOT_VIABLE] = "not-viable",
                [GROUP_UNSAFE] = "unsafe",
        };

        return (unsigned) verdict < GROUP_VERDICT_MAX ? names[verdict] : "?";
}

static bool is_bridge(const struct group_device *d)
{
        return d->pci_class >> 8 == 0x0604;
}

/* Does this member let a user-space owner have the group? */
static bool stays_out_of_the_way(const struct group_device *d, const char *moving)
{
        return !d->driver[0] || (moving && streq(d->address, moving)) ||
               startswith(d->driver, "vfio") || strstr(d->driver, "_vfio_pci") ||
               streq(d->driver, "pci-stub") || is_bridge(d);
}

enum group_verdict group_judge(
        const struct group_facts *group, const char *moving, char *reason, size_t size)
{
        const struct group_device *in_the_way = NULL;
        uint32_t endpoints = 0, blockers = 0;

        for (uint32_t i = 0; i < group->n_devices; i++) {
                const struct group_device *d = &group->devices[i];

                endpoints += !is_bridge(d);
                if (!stays_out_of_the_way(d, moving)) {
                        blockers++;
                        if (!in_the_way)
                                in_the_way = d;
                }
        }
        if (streq(group->type, "noiommu")) {
                snprintf(reason, size,
                        "vfio runs without an IOMMU here: a guest could reach all memory");
                return GROUP_UNSAFE;
        }
        if (endpoints <= 1) {
                snprintf(reason, size, "the device is alone in its group");
                return GROUP_ISOLATED;
        }
        if (in_the_way) {
                snprintf(reason, size,
                        "%u devices share the group and %s is on the host driver %s%s: no "
                        "isolation (ACS) between "
                        "them; all must leave their host drivers before vfio can own the group",
                        endpoints, in_the_way->address, in_the_way->driver,
                        blockers > 1 ? " (and others)" : "");
                return GROUP_NOT_VIABLE;
        }
        snprintf(reason, size, "%u devices share the group: whoever owns one can reach the others",
                endpoints);
        return GROUP_SHARED;
}
