/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration space: layout, write rules, dump. Plain values, any thread. */
#include "sim/nic/cfgspace.h"

#define MSIX_BAR_SIZE    0x4000u
#define MSIX_PBA         0x2000u
#define PCIE_ENDPOINT    0u
#define ACS_REDIRECTS    0x1du /* SV, RR, CR, UF: what the kernel turns on for an IOMMU */
#define ACS_CAN          0x5fu /* and TB, DT */
#define PAGE_SIZES       0x553u
#define BAR_MEM64        0x4u
#define BAR_PREFETCH     0x8u
#define CLASS_PCI_BRIDGE 0x060400u
#define DEVCTL           (CFG_PCIE + 0x08)
#define DEVCTL_FLR       0x8000u
#define VF_BAR3          (CFG_SRIOV + SRIOV_BAR + 12)

static void put(struct cfgspace *c, unsigned offset, unsigned size, uint32_t value)
{
        for (unsigned i = 0; i < size; i++)
                c->bytes[offset + i] = (uint8_t) (value >> (8 * i));
}

static void allow(struct cfgspace *c, unsigned offset, unsigned size, uint32_t mask)
{
        for (unsigned i = 0; i < size; i++)
                c->writable[offset + i] = (uint8_t) (mask >> (8 * i));
}

uint32_t cfgspace_read(const struct cfgspace *c, unsigned offset, unsigned size)
{
        uint32_t value = 0;

        for (unsigned i = 0; i < size; i++)
                value |= (uint32_t) c->bytes[offset + i] << (8 * i);
        return value;
}

/* A capability in the list below 0x100. */
static void add_capability(struct cfgspace *c, unsigned offset, uint8_t id, unsigned next)
{
        put(c, offset, 2, id | next << 8);
}

static void add_extended(
        struct cfgspace *c, unsigned offset, uint16_t id, unsigned version, unsigned next)
{
        put(c, offset, 4, id | version << 16 | next << 20);
}

static void add_header(
        struct cfgspace *c, uint16_t vendor, uint16_t device, uint32_t pci_class, uint8_t type)
{
        put(c, 0x00, 2, vendor);
        put(c, 0x02, 2, device);
        put(c, 0x06, 2, 0x0010); /* status: has a capability list */
        put(c, 0x08, 4, pci_class << 8 | 0x01);
        put(c, 0x0e, 1, type);
        put(c, 0x34, 1, CFG_PM);
        allow(c, 0x04, 2, 0x0546);
}

static void add_pm(struct cfgspace *c, unsigned next)
{
        add_capability(c, CFG_PM, 0x01, next);
        put(c, CFG_PM + 2, 2, 0x0003); /* version 3 */
        put(c, CFG_PM + 4, 2, 0x0008); /* no soft reset */
        allow(c, CFG_PM + 4, 2, 0x0003);
}

static void add_msix(struct cfgspace *c, uint16_t vectors, unsigned next)
{
        add_capability(c, CFG_MSIX, 0x11, next);
        put(c, CFG_MSIX + 2, 2, vectors - 1u);
        put(c, CFG_MSIX + 4, 4, 0 | 3);        /* table in BAR 3 */
        put(c, CFG_MSIX + 8, 4, MSIX_PBA | 3); /* pending bits there too */
        allow(c, CFG_MSIX + 2, 2, 0xc000);
}

/* Link and device numbers as a card of today at 8 GT/s x8 has them. */
static void add_pcie(struct cfgspace *c, unsigned type, bool slot, uint8_t port)
{
        bool endpoint = type == PCIE_ENDPOINT, down = type == 4 || type == 6;

        add_capability(c, CFG_PCIE, 0x10, 0);
        put(c, CFG_PCIE + 0x02, 2, 2 | type << 4 | (slot ? 0x0100 : 0));
        /* 256 byte payload, role-based errors; functions can be reset alone (FLR) */
        put(c, CFG_PCIE + 0x04, 4, 0x00008001 | (endpoint ? 0x10000000 : 0));
        put(c, DEVCTL, 2, 0x2810);
        put(c, CFG_PCIE + 0x0c, 4, 0x00400083 | (uint32_t) port << 24 | (down ? 0x00100000 : 0));
        put(c, CFG_PCIE + 0x12, 2, 0x0083 | (down ? 0x2000 : 0));
        put(c, CFG_PCIE + 0x24, 4, 0x00000010 | (down ? 0x20 : 0)); /* ARI forwarding */
        put(c, CFG_PCIE + 0x28, 2, down ? 0x20 : 0);
        put(c, CFG_PCIE + 0x2c, 4, 0x0000000e);
        put(c, CFG_PCIE + 0x30, 2, 0x0003);
        c->flr = endpoint;
        allow(c, DEVCTL, 2, 0x78ff); /* no extended tags, phantom functions, auxiliary power */
        if (down)
                allow(c, CFG_PCIE + 0x28, 2, 0x0020);
}

/* What a VF leaves to its PF reads 0 (SR-IOV: Device and Link Control, Link Status). */
static void add_pcie_vf(struct cfgspace *c)
{
        add_pcie(c, PCIE_ENDPOINT, false, 0);
        put(c, DEVCTL, 2, 0);
        put(c, CFG_PCIE + 0x12, 2, 0);
        put(c, CFG_PCIE + 0x30, 2, 0);
        allow(c, DEVCTL, 2, 0);
}

static void add_aer(struct cfgspace *c, unsigned next)
{
        add_extended(c, CFG_AER, 0x0001, 2, next);
        put(c, CFG_AER + 0x0c, 4, 0x00462030); /* severity, the default of the specification */
        put(c, CFG_AER + 0x14, 4, 0x00002000); /* advisory errors masked */
        allow(c, CFG_AER + 0x08, 4, 0x007ff030);
        allow(c, CFG_AER + 0x0c, 4, 0x007ff030);
        allow(c, CFG_AER + 0x14, 4, 0x0000f1c1);
}

static void add_subsystem(struct cfgspace *c, const struct cfg_function *fn)
{
        bool own = fn->subsystem_vendor_id != 0;

        put(c, 0x2c, 2, own ? fn->subsystem_vendor_id : fn->vendor_id);
        put(c, 0x2e, 2, own ? fn->subsystem_id : fn->device_id);
}

/* Address bits of a VF BAR: an aperture fills whole pages of the system's size. */
static void size_vf_bar(struct cfgspace *c, unsigned bar, uint32_t size)
{
        uint32_t page = cfgspace_read(c, CFG_SRIOV + SRIOV_SYS_PGSIZE, 4) << 12;
        uint32_t mask = ~((size > page ? size : page) - 1);

        allow(c, bar, 4, mask);
        put(c, bar, 4, cfgspace_read(c, bar, 4) & (mask | 0xf));
}

static void add_sriov(struct cfgspace *c, const struct cfg_function *fn, const struct cfg_sriov *s)
{
        uint64_t bar3 = s->vf_bar + (uint64_t) fn->bar_size * s->total_vfs;

        c->vf_bar_size = fn->bar_size;
        add_extended(c, CFG_SRIOV, 0x0010, 1, 0);
        put(c, CFG_SRIOV + SRIOV_CAP, 4, 0x2); /* ARI Capable Hierarchy Preserved */
        put(c, CFG_SRIOV + SRIOV_CTRL, 2, SRIOV_CTRL_ARI);
        put(c, CFG_SRIOV + SRIOV_INITIAL_VF, 2, s->total_vfs);
        put(c, CFG_SRIOV + SRIOV_TOTAL_VF, 2, s->total_vfs);
        put(c, CFG_SRIOV + SRIOV_FUNC_LINK, 1, fn->function); /* depends on no other PF */
        put(c, CFG_SRIOV + SRIOV_OFFSET, 2, s->offset);
        put(c, CFG_SRIOV + SRIOV_STRIDE, 2, s->stride);
        put(c, CFG_SRIOV + SRIOV_VF_DID, 2, s->vf_device_id);
        put(c, CFG_SRIOV + SRIOV_SUP_PGSIZE, 4, PAGE_SIZES);
        put(c, CFG_SRIOV + SRIOV_SYS_PGSIZE, 4, 0x1);
        put(c, CFG_SRIOV + SRIOV_BAR, 4, (uint32_t) s->vf_bar | BAR_MEM64 | BAR_PREFETCH);
        put(c, CFG_SRIOV + SRIOV_BAR + 4, 4, (uint32_t) (s->vf_bar >> 32));
        put(c, VF_BAR3, 4, (uint32_t) bar3 | BAR_MEM64 | BAR_PREFETCH);
        put(c, VF_BAR3 + 4, 4, (uint32_t) (bar3 >> 32));
        allow(c, CFG_SRIOV + SRIOV_CTRL, 2, SRIOV_CTRL_VFE | SRIOV_CTRL_MSE | SRIOV_CTRL_ARI);
        allow(c, CFG_SRIOV + SRIOV_NUM_VF, 2, 0xffff);
        allow(c, CFG_SRIOV + SRIOV_SYS_PGSIZE, 4, PAGE_SIZES);
        size_vf_bar(c, CFG_SRIOV + SRIOV_BAR, fn->bar_size);
        allow(c, CFG_SRIOV + SRIOV_BAR + 4, 4, 0xffffffff);
        size_vf_bar(c, VF_BAR3, MSIX_BAR_SIZE);
        allow(c, VF_BAR3 + 4, 4, 0xffffffff);
}

void cfgspace_pf(struct cfgspace *c, const struct cfg_function *fn, const struct cfg_sriov *sriov)
{
        *c = (struct cfgspace){0};
        add_header(c, fn->vendor_id, fn->device_id, fn->pci_class, fn->multifunction ? 0x80 : 0);
        put(c, 0x04, 2, fn->enabled ? 0x0406 : 0x0402);
        put(c, 0x10, 4, (uint32_t) fn->bar);
        put(c, 0x1c, 4, (uint32_t) fn->bar + fn->bar_size);
        add_subsystem(c, fn);
        allow(c, 0x10, 4, ~(fn->bar_size - 1));
        allow(c, 0x1c, 4, ~(MSIX_BAR_SIZE - 1));
        add_pm(c, CFG_MSIX);
        add_msix(c, fn->msix, CFG_PCIE);
        add_pcie(c, PCIE_ENDPOINT, false, 0);
        add_aer(c, fn->serial ? CFG_SERIAL : CFG_ARI);
        if (fn->serial) {
                add_extended(c, CFG_SERIAL, 0x0003, 1, CFG_ARI);
                put(c, CFG_SERIAL + 4, 4, (uint32_t) fn->serial);
                put(c, CFG_SERIAL + 8, 4, (uint32_t) (fn->serial >> 32));
        }
        add_extended(c, CFG_ARI, 0x000e, 1, CFG_SRIOV);
        put(c, CFG_ARI + 4, 2, (uint32_t) fn->next_function << 8);
        add_sriov(c, fn, sriov);
}

void cfgspace_vf(struct cfgspace *c, const struct cfg_function *fn)
{
        *c = (struct cfgspace){0};
        add_header(c, 0xffff, 0xffff, fn->pci_class, 0);
        put(c, 0x04, 2, fn->enabled ? 0x0004 : 0); /* memory space is the PF's VF MSE */
        add_subsystem(c, fn);
        put(c, 0x34, 1, CFG_MSIX);
        allow(c, 0x04, 2, 0x0004);
        add_msix(c, fn->msix, CFG_PCIE);
        add_pcie_vf(c);
        add_aer(c, CFG_ARI);
        add_extended(c, CFG_ARI, 0x000e, 1, 0);
}

void cfgspace_bridge(struct cfgspace *c, const struct cfg_bridge *b)
{
        static const struct {
                uint16_t vendor, device;
                unsigned type;
        } kinds[PCI_NODE_TYPE_MAX] = {
                [PCI_ROOT_PORT] = {0x1b36, 0x000c, 4},
                [PCI_SWITCH_UPSTREAM] = {0x104c, 0x8232, 5},
                [PCI_SWITCH_DOWNSTREAM] = {0x104c, 0x8233, 6},
        };

        *c = (struct cfgspace){0};
        add_header(c, kinds[b->type].vendor, kinds[b->type].device, CLASS_PCI_BRIDGE, 0x01);
        put(c, 0x04, 2, 0x0406);
        put(c, 0x18, 1, b->primary);
        put(c, 0x19, 1, b->secondary);
        put(c, 0x1a, 1, b->subordinate);
        put(c, 0x1c, 2, 0x00f0); /* no I/O window: base above limit */
        put(c, 0x20, 4, 0xf7f0c000);
        put(c, 0x24, 4, 0x0000fff0);
        allow(c, 0x18, 4, 0x00ffffff);
        allow(c, 0x20, 4, 0xfff0fff0);
        allow(c, 0x24, 4, 0xfff0fff0);
        allow(c, 0x3e, 2, 0x0043); /* parity, SERR, secondary bus reset */
        add_pm(c, CFG_PCIE);
        add_pcie(c, kinds[b->type].type, b->type != PCI_SWITCH_UPSTREAM, b->port);
        add_aer(c, b->acs ? CFG_ACS : 0);
        if (!b->acs)
                return;
        add_extended(c, CFG_ACS, 0x000d, 1, 0);
        put(c, CFG_ACS + 4, 2, ACS_CAN);
        put(c, CFG_ACS + 6, 2, ACS_REDIRECTS);
        allow(c, CFG_ACS + 6, 2, ACS_CAN);
}

bool cfgspace_vf_address(
        const struct bdf *pf, uint16_t offset, uint16_t stride, uint32_t index, struct bdf *ret)
{
        uint64_t id = ((uint64_t) pf->bus << 8 | pf->devfn) + offset + (uint64_t) index * stride;

        if (id > UINT16_MAX)
                return false;
        *ret = (struct bdf){
                .domain = pf->domain, .bus = (uint8_t) (id >> 8), .devfn = (uint8_t) id};
        return true;
}

/* Takes back what the SR-IOV capability does not accept. before: as it was. Returns events. */
static unsigned sriov_settle(struct cfgspace *c, const struct cfgspace *before)
{
        const unsigned num = CFG_SRIOV + SRIOV_NUM_VF, page = CFG_SRIOV + SRIOV_SYS_PGSIZE;
        bool was = cfgspace_read(before, CFG_SRIOV + SRIOV_CTRL, 2) & SRIOV_CTRL_VFE;
        bool is = cfgspace_read(c, CFG_SRIOV + SRIOV_CTRL, 2) & SRIOV_CTRL_VFE;
        uint32_t size = cfgspace_read(c, page, 4);

        if (was || cfgspace_read(c, num, 2) > cfgspace_read(c, CFG_SRIOV + SRIOV_TOTAL_VF, 2))
                put(c, num, 2, cfgspace_read(before, num, 2));
        if (was || size == 0 || (size & (size - 1)) != 0)
                put(c, page, 4, cfgspace_read(before, page, 4));
        size_vf_bar(c, CFG_SRIOV + SRIOV_BAR, c->vf_bar_size);
        size_vf_bar(c, VF_BAR3, MSIX_BAR_SIZE);
        if (was == is)
                return 0;
        return is ? CFG_VFS_ENABLED : CFG_VFS_DISABLED;
}

unsigned cfgspace_write(struct cfgspace *c, unsigned offset, unsigned size, uint32_t value)
{
        struct cfgspace before = *c;
        unsigned events = 0;

        for (unsigned i = 0; i < size; i++) {
                uint8_t mask = c->writable[offset + i];
                uint8_t byte = (uint8_t) (value >> (8 * i));

                c->bytes[offset + i] = (uint8_t) ((c->bytes[offset + i] & ~mask) | (byte & mask));
                if (c->flr && offset + i == DEVCTL + 1 && byte & DEVCTL_FLR >> 8)
                        events |= CFG_FLR;
        }
        if (c->vf_bar_size)
                events |= sriov_settle(c, &before);
        return events;
}

void cfgspace_print(
        FILE *file, const struct bdf *address, const char *title, const struct cfgspace *c)
{
        char text[BDF_STR_MAX];

        format_bdf(text, address);
        fprintf(file, "%s %s\n", text, title);
        for (unsigned i = 0; i < CFG_SIZE; i += 16) {
                fprintf(file, "%02x:", i);
                for (unsigned k = 0; k < 16; k++)
                        fprintf(file, " %02x", c->bytes[i + k]);
                fputc('\n', file);
        }
        fputc('\n', file);
}
