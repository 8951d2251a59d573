/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test includes, and readings to plan with. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/facts.h"

/* A PF like the 82576: n of 7 VFs on igbvf, each in an IOMMU group of its own (100 + index). */
static inline struct pf_facts igb_facts(uint32_t n)
{
        const struct dev_id id = {"pci/0000:01:00.0"};
        struct pf_facts pf;

        pf_facts_init(&pf, &id);
        snprintf(pf.driver, sizeof(pf.driver), "igb");
        snprintf(pf.netdevs[0], NETDEV_MAX, "enp1s0");
        pf.n_netdevs = 1;
        pf.vendor_id = 0x8086;
        pf.device_id = 0x10c9;
        pf.pci_class = 0x020000;
        pf.total_vfs = 7;
        pf.num_vfs = pf.n_vfs = n;
        pf.autoprobe = 1;
        pf.iommu_group = 10;
        pf.vfs = n ? calloc(n, sizeof(*pf.vfs)) : NULL;
        for (uint32_t i = 0; i < n; i++) {
                struct vf_facts *vf = &pf.vfs[i];

                vf_facts_init(vf, i);
                snprintf(vf->address, sizeof(vf->address), "0000:01:%02x.%x",
                        (16 + i * 2 / 8) & 0x1f, i * 2 % 8);
                snprintf(vf->driver, sizeof(vf->driver), "igbvf");
                snprintf(vf->netdev, sizeof(vf->netdev), "enp1s0v%u", i & 7);
                snprintf(vf->reset_methods, sizeof(vf->reset_methods), "flr");
                vf->iommu_group = (int32_t) (100 + i);
                vf->enable = 1;
                vf->attrs_known = true;
                vf->attrs = vf_attrs_baseline;
                vf->attrs.present &=
                        ~(BIT(VF_ATTR_QUERY_RSS) | BIT(VF_ATTR_NODE_GUID) | BIT(VF_ATTR_PORT_GUID));
        }
        return pf;
}
