/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IOMMU groups, the bridges above them and the IOMMU itself, to and from bus messages. Loop thread.
 */
#include "backend/codec.h"
#include "backend/codec_text.h"

#define DEVICE "ssssu"
#define REGION "tts"
#define BRIDGE "sssii"
#define IOMMU  "iiiiis"

static const struct text_field device_texts[] = {
        TEXT_FIELD(struct group_device, address),
        TEXT_FIELD(struct group_device, driver),
        TEXT_FIELD(struct group_device, parent),
        TEXT_FIELD(struct group_device, physfn),
};

static const struct text_field bridge_texts[] = {
        TEXT_FIELD(struct bridge_facts, address),
        TEXT_FIELD(struct bridge_facts, parent),
        TEXT_FIELD(struct bridge_facts, kind),
};

/* ---- reading --------------------------------------------------------------------------------- */

static int get_device(sd_bus_message *m, void *element)
{
        struct group_device *d = element;
        int r;

        r = get_texts(m, d, device_texts, ELEMENTSOF(device_texts));
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(m, 'u', &d->pci_class);
        if (r < 0)
                return r;
        return d->pci_class > 0xffffff ? -EBADMSG : 0;
}

static int get_region(sd_bus_message *m, void *element)
{
        struct reserved_region *region = element;
        int r;

        r = sd_bus_message_read(m, "tt", &region->start, &region->end);
        if (r < 0)
                return r;
        r = get_text(m, region->type, sizeof(region->type));
        if (r < 0)
                return r;
        return region->start > region->end ? -EBADMSG : 0;
}

static int get_group(sd_bus_message *m, void *element)
{
        _cleanup_(freep) struct reserved_region *reserved = NULL;
        struct group_facts *g = element;
        size_t n = 0, n_reserved = 0;
        int r;

        r = sd_bus_message_read_basic(m, 'i', &g->id);
        if (r < 0)
                return r;
        r = get_text(m, g->type, sizeof(g->type));
        if (r < 0)
                return r;
        r = get_array(m, DEVICE, UINT32_MAX, sizeof(*g->devices), get_device, &g->devices, &n);
        g->n_devices = (uint32_t) n;
        if (r < 0)
                return r;
        r = get_array(
                m, REGION, RESERVED_MAX, sizeof(*reserved), get_region, &reserved, &n_reserved);
        if (r < 0)
                return r;
        g->n_reserved = (uint32_t) n_reserved;
        if (n_reserved > 0)
                memcpy(g->reserved, reserved, n_reserved * sizeof(*reserved));
        return g->id < 0 ? -EBADMSG : 0;
}

static int get_bridge(sd_bus_message *m, void *element)
{
        struct bridge_facts *b = element;
        int r;

        r = get_texts(m, b, bridge_texts, ELEMENTSOF(bridge_texts));
        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "ii", &b->group, &b->acs);
        if (r < 0)
                return r;
        return b->group < -1 || b->acs < ACS_NONE || b->acs > UINT16_MAX ? -EBADMSG : 0;
}

static int get_switch(sd_bus_message *m, int8_t *ret)
{
        int32_t value;
        int r;

        r = sd_bus_message_read_basic(m, 'i', &value);
        if (r < 0)
                return r;
        if (value < -1 || value > 1)
                return -EBADMSG;
        *ret = (int8_t) value;
        return 0;
}

static int get_iommu(sd_bus_message *m, struct iommu_facts *ret)
{
        struct iommu_facts iommu = {0};
        int8_t *const switches[] = {&iommu.present, &iommu.interrupt_remap,
                &iommu.unsafe_interrupts, &iommu.noiommu, &iommu.passthrough};
        int r;

        r = sd_bus_message_enter_container(m, 'r', IOMMU);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(switches); i++)
                r = get_switch(m, switches[i]);
        if (r >= 0)
                r = get_text(m, iommu.name, sizeof(iommu.name));
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = iommu;
        return 0;
}

static bool in_order(const struct groups *groups)
{
        for (uint32_t i = 1; i < groups->n; i++)
                if (groups->list[i].id <= groups->list[i - 1].id)
                        return false;
        return true;
}

int codec_get_groups(sd_bus_message *m, struct groups *ret)
{
        _cleanup_(groups_done) struct groups groups = {0};
        size_t n = 0;
        int r;

        r = get_array(m, SIG_GROUP, UINT32_MAX, sizeof(*groups.list), get_group, &groups.list, &n);
        groups.n = (uint32_t) n;
        if (r < 0)
                return r;
        n = 0;
        r = get_array(
                m, BRIDGE, UINT32_MAX, sizeof(*groups.bridges), get_bridge, &groups.bridges, &n);
        groups.n_bridges = (uint32_t) n;
        if (r >= 0)
                r = get_iommu(m, &groups.iommu);
        if (r < 0)
                return r;
        if (!in_order(&groups))
                return -EBADMSG;
        *ret = groups;
        groups = (struct groups){0};
        return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int put_device(sd_bus_message *m, const struct group_device *d)
{
        int r;

        r = sd_bus_message_open_container(m, 'r', DEVICE);
        if (r >= 0)
                r = put_texts(m, d, device_texts, ELEMENTSOF(device_texts));
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 'u', &d->pci_class);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int put_group(sd_bus_message *m, const struct group_facts *g)
{
        int r;

        r = sd_bus_message_open_container(m, 'r', SIG_GROUP);
        if (r < 0)
                return r;
        r = sd_bus_message_append_basic(m, 'i', &g->id);
        if (r < 0)
                return r;
        r = put_text(m, g->type, sizeof(g->type));
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(m, 'a', "(" DEVICE ")");
        for (uint32_t i = 0; r >= 0 && i < g->n_devices; i++)
                r = put_device(m, &g->devices[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(" REGION ")");
        for (uint32_t i = 0; r >= 0 && i < g->n_reserved; i++)
                r = sd_bus_message_append(m, "(" REGION ")", g->reserved[i].start,
                        g->reserved[i].end, g->reserved[i].type);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int put_bridge(sd_bus_message *m, const struct bridge_facts *b)
{
        int r;

        r = sd_bus_message_open_container(m, 'r', BRIDGE);
        if (r >= 0)
                r = put_texts(m, b, bridge_texts, ELEMENTSOF(bridge_texts));
        if (r >= 0)
                r = sd_bus_message_append(m, "ii", b->group, b->acs);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int put_iommu(sd_bus_message *m, const struct iommu_facts *iommu)
{
        int r;

        r = sd_bus_message_open_container(m, 'r', IOMMU);
        if (r >= 0)
                r = sd_bus_message_append(m, "iiiii", iommu->present, iommu->interrupt_remap,
                        iommu->unsafe_interrupts, iommu->noiommu, iommu->passthrough);
        if (r >= 0)
                r = put_text(m, iommu->name, sizeof(iommu->name));
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int codec_put_groups(sd_bus_message *m, const struct groups *groups)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "(" SIG_GROUP ")");
        for (uint32_t i = 0; r >= 0 && i < groups->n; i++)
                r = put_group(m, &groups->list[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(" BRIDGE ")");
        for (uint32_t i = 0; r >= 0 && i < groups->n_bridges; i++)
                r = put_bridge(m, &groups->bridges[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : put_iommu(m, &groups->iommu);
}
