/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readings of PFs, VFs and groups: construction, copies, small questions. Pure, any thread. */
#include <stdio.h>

#include "model/facts.h"

int dev_id_from_address(const char *address, struct dev_id *ret)
{
        struct bdf bdf;
        char text[BDF_STR_MAX];
        int r;

        r = parse_bdf(address, &bdf);
        if (r < 0)
                return r;
        format_bdf(text, &bdf);
        snprintf(ret->str, sizeof(ret->str), "pci/%s", text);
        return 0;
}

const char *dev_id_address(const struct dev_id *id)
{
        const char *slash = strchr(id->str, '/');

        return slash ? slash + 1 : id->str;
}

bool dev_id_valid(const struct dev_id *id)
{
        struct dev_id again;

        return startswith(id->str, "pci/") && dev_id_from_address(id->str + 4, &again) == 0 &&
               dev_id_equal(id, &again);
}

const char *vf_stat_name(enum vf_stat stat)
{
        static const char *const names[VF_STAT_MAX] = {
                [VF_STAT_RX_PACKETS] = "rx_packets",
                [VF_STAT_TX_PACKETS] = "tx_packets",
                [VF_STAT_RX_BYTES] = "rx_bytes",
                [VF_STAT_TX_BYTES] = "tx_bytes",
                [VF_STAT_BROADCAST] = "broadcast",
                [VF_STAT_MULTICAST] = "multicast",
                [VF_STAT_RX_DROPPED] = "rx_dropped",
                [VF_STAT_TX_DROPPED] = "tx_dropped",
        };

        return (unsigned) stat < VF_STAT_MAX ? names[stat] : "?";
}

void pf_facts_init(struct pf_facts *facts, const struct dev_id *id)
{
        *facts = (struct pf_facts){
                .id = *id,
                .offset = -1,
                .stride = -1,
                .autoprobe = -1,
                .vf_total_msix = -1,
                .numa_node = -1,
                .iommu_group = -1,
                .mtu = -1,
        };
}

void vf_facts_init(struct vf_facts *facts, uint32_t index)
{
        *facts = (struct vf_facts){
                .index = index, .iommu_group = -1, .enable = -1, .access_uid = -1};
}

void pf_facts_done(struct pf_facts *facts)
{
        free(facts->vfs);
        facts->vfs = NULL;
        facts->n_vfs = 0;
}

void pf_facts_free(struct pf_facts *facts)
{
        pf_facts_done(facts);
        free(facts);
}

int pf_facts_copy(const struct pf_facts *from, struct pf_facts *ret)
{
        struct vf_facts *vfs = NULL;

        if (from->n_vfs > 0) {
                vfs = reallocarray(NULL, from->n_vfs, sizeof(*vfs));
                if (!vfs)
                        return -ENOMEM;
                memcpy(vfs, from->vfs, from->n_vfs * sizeof(*vfs));
        }
        *ret = *from;
        ret->vfs = vfs;
        return 0;
}

const struct vf_facts *pf_facts_vf(const struct pf_facts *facts, uint32_t index)
{
        uint32_t low = 0, high = facts->n_vfs;

        while (low < high) {
                uint32_t mid = low + (high - low) / 2;

                if (facts->vfs[mid].index == index)
                        return &facts->vfs[mid];
                if (facts->vfs[mid].index < index)
                        low = mid + 1;
                else
                        high = mid;
        }
        return NULL;
}

const char *pci_class_word(uint32_t pci_class)
{
        switch (pci_class >> 16) {
        case 0x01:
                return "storage";
        case 0x02:
                return "net";
        case 0x03:
                return "display";
        case 0x06:
                return "bridge";
        case 0x0b:
        case 0x12:
                return "accelerator";
        case 0x10:
                return "crypto";
        }
        return "other";
}

bool driver_is_vfio(const char *driver)
{
        return startswith(driver, "vfio") || strstr(driver, "_vfio_pci");
}

bool vf_facts_held(const struct vf_facts *vf)
{
        return vf->enable > 0 && driver_is_vfio(vf->driver);
}

void groups_done(struct groups *groups)
{
        for (uint32_t i = 0; i < groups->n; i++)
                free(groups->list[i].devices);
        free(groups->list);
        free(groups->bridges);
        *groups = (struct groups){0};
}

int groups_copy(const struct groups *from, struct groups *ret)
{
        struct groups out = {0};

        out.list = calloc(from->n + 1, sizeof(*out.list));
        if (!out.list)
                return -ENOMEM;
        for (; out.n < from->n; out.n++) {
                const struct group_facts *g = &from->list[out.n];
                struct group_facts *to = &out.list[out.n];

                *to = *g;
                to->devices = reallocarray(NULL, g->n_devices + 1, sizeof(*to->devices));
                if (!to->devices) {
                        groups_done(&out);
                        return -ENOMEM;
                }
                if (g->n_devices > 0)
                        memcpy(to->devices, g->devices, g->n_devices * sizeof(*to->devices));
        }
        out.bridges = reallocarray(NULL, from->n_bridges + 1, sizeof(*out.bridges));
        if (!out.bridges) {
                groups_done(&out);
                return -ENOMEM;
        }
        if (from->n_bridges > 0)
                memcpy(out.bridges, from->bridges, from->n_bridges * sizeof(*out.bridges));
        out.n_bridges = from->n_bridges;
        out.iommu = from->iommu;
        *ret = out;
        return 0;
}

const struct bridge_facts *groups_bridge(const struct groups *groups, const char *address)
{
        for (uint32_t i = 0; i < groups->n_bridges; i++)
                if (streq(groups->bridges[i].address, address))
                        return &groups->bridges[i];
        return NULL;
}

const struct group_facts *groups_find(const struct groups *groups, int32_t id)
{
        uint32_t low = 0, high = groups->n;

        while (low < high) {
                uint32_t mid = low + (high - low) / 2;

                if (groups->list[mid].id == id)
                        return &groups->list[mid];
                if (groups->list[mid].id < id)
                        low = mid + 1;
                else
                        high = mid;
        }
        return NULL;
}
