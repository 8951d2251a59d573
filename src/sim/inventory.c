/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine as lspci sees it: every function and its configuration space. Any thread, locked. */
#include <stdio.h>

#include "sim/address.h"
#include "sim/machine.h"

static bool same(const struct bdf *a, const struct bdf *b)
{
        return a->domain == b->domain && a->bus == b->bus && a->devfn == b->devfn;
}

static void bridge_config(const struct topo_bridge *b, size_t i, struct cfgspace *ret,
        char title[static NAME_MAX_TEXT])
{
        cfgspace_bridge(ret, &(struct cfg_bridge){
                                     .type = b->type,
                                     .acs = b->acs,
                                     .primary = b->address.bus,
                                     .secondary = b->secondary,
                                     .subordinate = b->subordinate,
                                     .port = (uint8_t) (i + 1),
                             });
        snprintf(title, NAME_MAX_TEXT, "PCI bridge: %s", b->name);
}

static void vf_config(
        const struct sim_pf *pf, uint32_t i, struct cfgspace *ret, char title[static NAME_MAX_TEXT])
{
        const struct sim_profile *p = pf->profile;

        cfgspace_vf(ret, &(struct cfg_function){
                                 .pci_class = p->pci_class,
                                 .vendor_id = p->vendor_id,
                                 .device_id = p->device_id,
                                 .msix = (uint16_t) pf->vfs[i].msix,
                                 .bar_size = p->bar_size,
                                 .enabled = pf->vfs[i].driver[0] != '\0',
                         });
        snprintf(title, NAME_MAX_TEXT, "Virtual function %u of %s", i, dev_id_address(&pf->id));
}

int machine_config(struct machine *m, const struct bdf *address, struct cfgspace *ret,
        char title[static NAME_MAX_TEXT])
{
        struct bdf vf;

        for (size_t i = 0; i < m->n_bridges; i++)
                if (same(&m->bridges[i].address, address)) {
                        bridge_config(&m->bridges[i], i, ret, title);
                        return 0;
                }
        for (size_t i = 0; i < m->n_pfs; i++) {
                const struct sim_pf *pf = &m->pfs[i];

                if (!pf->present)
                        continue;
                if (same(&pf->address, address)) {
                        *ret = pf->cfg;
                        snprintf(title, NAME_MAX_TEXT, "Physical function: %.100s",
                                pf->profile->device);
                        return 0;
                }
                for (uint32_t k = 0; k < pf->hw_total_vfs; k++)
                        if (pf->vfs[k].exists &&
                                sim_vf_address(&pf->address, pf->profile, k, &vf) &&
                                same(&vf, address)) {
                                vf_config(pf, k, ret, title);
                                return 0;
                        }
        }
        return -ENODEV;
}

int machine_devices(struct machine *m, struct bdf **ret, size_t *ret_n)
{
        size_t n = m->n_bridges;
        struct bdf *list;

        for (size_t i = 0; i < m->n_pfs; i++)
                n += 1 + m->pfs[i].hw_total_vfs;
        list = calloc(n + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        n = 0;
        for (size_t i = 0; i < m->n_bridges; i++)
                list[n++] = m->bridges[i].address;
        for (size_t i = 0; i < m->n_pfs; i++) {
                const struct sim_pf *pf = &m->pfs[i];

                if (!pf->present)
                        continue;
                list[n++] = pf->address;
                for (uint32_t k = 0; k < pf->hw_total_vfs; k++)
                        if (pf->vfs[k].exists)
                                sim_vf_address(&pf->address, pf->profile, k, &list[n++]);
        }
        *ret = list;
        *ret_n = n;
        return 0;
}
