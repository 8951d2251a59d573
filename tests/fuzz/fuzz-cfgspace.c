/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arbitrary configuration reads and writes to a PF, a VF or a bridge: read-only bits stay, NumVFs
 * is never above TotalVFs nor changes while VF Enable is set, a VF keeps FFFFh. One thread.
 */
#include "sim/nic/cfgspace.h"

#define CHECK(x)                                                                                   \
        do {                                                                                       \
                if (!(x))                                                                          \
                        abort();                                                                   \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make(uint8_t kind, struct cfgspace *c)
{
        const struct cfg_function fn = {.pci_class = 0x020000,
                .vendor_id = 0x8086,
                .device_id = 0x10c9,
                .msix = 10,
                .bar_size = 0x4000,
                .bar = 0xc0000000,
                .serial = 1,
                .enabled = true};
        const struct cfg_sriov sriov = {.total_vfs = 8,
                .offset = 128,
                .stride = 2,
                .vf_device_id = 0x10ca,
                .vf_bar = 0x1000000000};
        const struct cfg_bridge bridge = {
                .type = PCI_SWITCH_DOWNSTREAM, .acs = true, .secondary = 1, .subordinate = 2};

        if (kind == 0)
                cfgspace_pf(c, &fn, &sriov);
        else if (kind == 1)
                cfgspace_vf(c, &fn);
        else
                cfgspace_bridge(c, &bridge);
}

static uint32_t sriov(const struct cfgspace *c, unsigned field, unsigned size)
{
        return cfgspace_read(c, CFG_SRIOV + field, size);
}

static void one(struct cfgspace *c, uint8_t kind, unsigned offset, unsigned size, uint32_t value)
{
        const unsigned bars = CFG_SRIOV + SRIOV_BAR, behind = bars + 24;
        const struct cfgspace before = *c;
        unsigned events = cfgspace_write(c, offset, size, value);

        CHECK((events & ~(CFG_VFS_ENABLED | CFG_VFS_DISABLED | CFG_FLR)) == 0);
        /* Only the size of VF BARs changes: with the system page size. */
        CHECK(memcmp(before.writable, c->writable, bars) == 0);
        CHECK(memcmp(before.writable + behind, c->writable + behind, CFG_SIZE - behind) == 0);
        if (kind == 1)
                CHECK(cfgspace_read(c, 0, 4) == 0xffffffff && events != CFG_VFS_ENABLED);
        if (kind != 0)
                return;
        CHECK(sriov(c, SRIOV_TOTAL_VF, 2) == 8 && sriov(c, SRIOV_NUM_VF, 2) <= 8);
        if (sriov(&before, SRIOV_CTRL, 2) & sriov(c, SRIOV_CTRL, 2) & SRIOV_CTRL_VFE)
                CHECK(sriov(&before, SRIOV_NUM_VF, 2) == sriov(c, SRIOV_NUM_VF, 2));
        CHECK(!!(events & CFG_VFS_ENABLED) == (!(sriov(&before, SRIOV_CTRL, 2) & SRIOV_CTRL_VFE) &&
                                                      (sriov(c, SRIOV_CTRL, 2) & SRIOV_CTRL_VFE)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const unsigned sizes[] = {1, 2, 4};
        struct cfgspace c;
        uint8_t kind;

        if (size == 0)
                return 0;
        kind = data[0] % 3;
        make(kind, &c);
        for (size_t i = 1; i + 7 <= size; i += 7) {
                unsigned width = sizes[data[i] % 3];
                unsigned offset = ((unsigned) data[i + 1] << 8 | data[i + 2]) % CFG_SIZE;
                uint32_t value;

                offset -= offset % width;
                memcpy(&value, data + i + 3, sizeof(value));
                one(&c, kind, offset, width, value);
                (void) cfgspace_read(&c, offset, width);
        }
        return 0;
}
