/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration space: the bytes of the SR-IOV capability, and what a write may change. */
#include "sim/nic/cfgspace.h"
#include "unit.h"

static const struct cfg_function igb = {
        .pci_class = 0x020000,
        .vendor_id = 0x8086,
        .device_id = 0x10c9,
        .msix = 10,
        .bar_size = 0x4000,
        .bar = 0xc0000000,
        .enabled = true,
};
static const struct cfg_sriov igb_sriov = {
        .total_vfs = 8,
        .offset = 128,
        .stride = 2,
        .vf_device_id = 0x10ca,
        .vf_bar = 0xfe600000,
};

/* QEMU's igb shows the same in the test guest, but for SRIOV_CAP (0 there). */
static void sriov_bytes(void **state)
{
        static const uint8_t wanted[0x40] = {
                0x10, 0x00, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, /* id 10h v1, last; ARI preserved */
                0x19, 0x00, 0x00, 0x00, 0x08, 0x00, 0x08, 0x00, /* VFE MSE ARI; status; 8 of 8 */
                0x04, 0x00, 0x00, 0x00, 0x80, 0x00, 0x02, 0x00, /* 4 VFs, link 0, 128, 2 */
                0x00, 0x00, 0xca, 0x10, 0x53, 0x05, 0x00, 0x00, /* 10ca; page sizes */
                0x01, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x60, 0xfe, /* 4 KiB; BAR 0: 64 bit, prefetch */
                0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* BAR 1 (high half), 2 */
                0x0c, 0x00, 0x62, 0xfe, 0x00, 0x00, 0x00, 0x00, /* BAR 3, 4 */
        };
        struct cfgspace c;

        (void) state;
        cfgspace_pf(&c, &igb, &igb_sriov);
        assert_int_equal(cfgspace_write(&c, CFG_SRIOV + SRIOV_NUM_VF, 2, 4), 0);
        assert_int_equal(cfgspace_write(&c, CFG_SRIOV + SRIOV_CTRL, 2,
                                 SRIOV_CTRL_VFE | SRIOV_CTRL_MSE | SRIOV_CTRL_ARI),
                CFG_VFS_ENABLED);
        assert_memory_equal(&c.bytes[CFG_SRIOV], wanted, sizeof(wanted));
}

static void num_vfs(void **state)
{
        const unsigned num = CFG_SRIOV + SRIOV_NUM_VF, ctrl = CFG_SRIOV + SRIOV_CTRL;
        struct cfgspace c;

        (void) state;
        cfgspace_pf(&c, &igb, &igb_sriov);
        cfgspace_write(&c, num, 2, 9);
        assert_int_equal(cfgspace_read(&c, num, 2), 0);
        cfgspace_write(&c, num, 2, 8);
        assert_int_equal(cfgspace_read(&c, num, 2), 8);
        assert_int_equal(cfgspace_write(&c, ctrl, 2, SRIOV_CTRL_VFE), CFG_VFS_ENABLED);
        assert_int_equal(cfgspace_write(&c, ctrl, 2, SRIOV_CTRL_VFE | SRIOV_CTRL_MSE), 0);
        cfgspace_write(&c, num, 2, 4);
        assert_int_equal(cfgspace_read(&c, num, 2), 8);
        /* One write of the register beside it does not get past the rule either. */
        cfgspace_write(&c, num, 4, 0x00000004);
        assert_int_equal(cfgspace_read(&c, num, 2), 8);
        assert_int_equal(cfgspace_write(&c, ctrl, 2, 0), CFG_VFS_DISABLED);
        cfgspace_write(&c, num, 2, 4);
        assert_int_equal(cfgspace_read(&c, num, 2), 4);
}

static void read_only(void **state)
{
        static const uint16_t fields[] = {
                0x00,
                0x02,
                0x08,
                CFG_PM,
                CFG_MSIX,
                CFG_PCIE,
                CFG_PCIE + 4,
                CFG_AER,
                CFG_ARI,
                CFG_ARI + 4,
                CFG_SRIOV,
                CFG_SRIOV + SRIOV_CAP,
                CFG_SRIOV + SRIOV_INITIAL_VF,
                CFG_SRIOV + SRIOV_TOTAL_VF,
                CFG_SRIOV + SRIOV_FUNC_LINK,
                CFG_SRIOV + SRIOV_OFFSET,
                CFG_SRIOV + SRIOV_STRIDE,
                CFG_SRIOV + SRIOV_VF_DID,
                CFG_SRIOV + SRIOV_SUP_PGSIZE,
                CFG_SRIOV + 0x3c,
                CFG_SIZE - 2,
        };
        struct cfgspace c, before;

        (void) state;
        cfgspace_pf(&c, &igb, &igb_sriov);
        before = c;
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                assert_int_equal(cfgspace_write(&c, fields[i], 2, 0xffff), 0);
                assert_int_equal(cfgspace_write(&c, fields[i], 2, 0), 0);
        }
        assert_memory_equal(c.bytes, before.bytes, CFG_SIZE);
        /* Only bits that there are: VF migration and 10-bit tags are not. */
        cfgspace_write(&c, CFG_SRIOV + SRIOV_CTRL, 2, 0xffff);
        assert_int_equal(cfgspace_read(&c, CFG_SRIOV + SRIOV_CTRL, 2),
                SRIOV_CTRL_VFE | SRIOV_CTRL_MSE | SRIOV_CTRL_ARI);
}

static void pages_and_bars(void **state)
{
        static const struct {
                uint32_t write, page, bar0, bar3;
        } cases[] = {
                {0x0, 0x1, 0xffffc00c, 0xffffc00c},   /* none: as it was */
                {0x3, 0x1, 0xffffc00c, 0xffffc00c},   /* two */
                {0x4, 0x1, 0xffffc00c, 0xffffc00c},   /* 16 KiB: not supported */
                {0x10, 0x10, 0xffff000c, 0xffff000c}, /* 64 KiB pages widen the apertures */
                {0x1, 0x1, 0xffffc00c, 0xffffc00c},
        };
        const unsigned page = CFG_SRIOV + SRIOV_SYS_PGSIZE, bar = CFG_SRIOV + SRIOV_BAR;
        struct cfgspace c;

        (void) state;
        cfgspace_pf(&c, &igb, &igb_sriov);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                cfgspace_write(&c, page, 4, cases[i].write);
                for (unsigned k = 0; k < 6; k++)
                        cfgspace_write(&c, bar + 4 * k, 4, 0xffffffff);
                assert_int_equal(cfgspace_read(&c, page, 4), cases[i].page);
                assert_int_equal(cfgspace_read(&c, bar, 4), cases[i].bar0);
                assert_int_equal(cfgspace_read(&c, bar + 4, 4), 0xffffffff);
                assert_int_equal(cfgspace_read(&c, bar + 8, 4), 0);
                assert_int_equal(cfgspace_read(&c, bar + 12, 4), cases[i].bar3);
                assert_int_equal(cfgspace_read(&c, bar + 20, 4), 0);
        }
        cfgspace_write(&c, CFG_SRIOV + SRIOV_CTRL, 2, SRIOV_CTRL_VFE);
        cfgspace_write(&c, page, 4, 0x10);
        assert_int_equal(cfgspace_read(&c, page, 4), 0x1);
        /* The PF's own, 16 KiB each. */
        cfgspace_write(&c, 0x10, 4, 0xffffffff);
        cfgspace_write(&c, 0x1c, 4, 0xffffffff);
        assert_int_equal(cfgspace_read(&c, 0x10, 4), 0xffffc000);
        assert_int_equal(cfgspace_read(&c, 0x1c, 4), 0xffffc000);
}

static void virtual_function(void **state)
{
        struct cfgspace c;

        (void) state;
        cfgspace_vf(&c, &igb);
        assert_int_equal(cfgspace_read(&c, 0x00, 4), 0xffffffff);
        assert_int_equal(cfgspace_read(&c, 0x2c, 4), 0x10c98086);
        cfgspace_write(&c, 0x04, 2, 0xffff);
        assert_int_equal(cfgspace_read(&c, 0x04, 2), 0x0004); /* bus master alone */
        for (unsigned bar = 0x10; bar < 0x28; bar += 4) {
                cfgspace_write(&c, bar, 4, 0xffffffff);
                assert_int_equal(cfgspace_read(&c, bar, 4), 0);
        }
        /* Device Control belongs to the PF but for the reset, which reads 0. */
        assert_int_equal(cfgspace_write(&c, CFG_PCIE + 8, 2, 0xffff), CFG_FLR);
        assert_int_equal(cfgspace_read(&c, CFG_PCIE + 8, 2), 0);
        assert_int_equal(cfgspace_write(&c, CFG_PCIE + 8, 2, 0x7fff), 0);
        /* No SR-IOV capability: what would be its control register is nothing. */
        assert_int_equal(cfgspace_write(&c, CFG_SRIOV + SRIOV_CTRL, 2, SRIOV_CTRL_VFE), 0);
        assert_int_equal(cfgspace_read(&c, CFG_SRIOV + SRIOV_CTRL, 2), 0);
}

static void bridges(void **state)
{
        static const uint8_t port_types[PCI_NODE_TYPE_MAX] = {
                [PCI_ROOT_PORT] = 4,
                [PCI_SWITCH_UPSTREAM] = 5,
                [PCI_SWITCH_DOWNSTREAM] = 6,
        };
        struct cfgspace c;

        (void) state;
        for (int type = PCI_ROOT_PORT; type < PCI_ENDPOINT; type++) {
                cfgspace_bridge(&c, &(struct cfg_bridge){.type = (enum pci_node_type) type,
                                            .acs = type == PCI_ROOT_PORT,
                                            .primary = 1,
                                            .secondary = 2,
                                            .subordinate = 7});
                assert_int_equal(cfgspace_read(&c, 0x0e, 1), 0x01);
                assert_int_equal(cfgspace_read(&c, 0x18, 4), 0x00070201);
                assert_int_equal(cfgspace_read(&c, CFG_PCIE + 2, 2) >> 4 & 0xf, port_types[type]);
                assert_int_equal(cfgspace_read(&c, CFG_ACS, 2), type == PCI_ROOT_PORT ? 0x000d : 0);
                assert_int_equal(
                        cfgspace_read(&c, CFG_ACS + 6, 2), type == PCI_ROOT_PORT ? 0x001d : 0);
                /* A bridge has no FLR: that bit is another one there. */
                assert_int_equal(cfgspace_write(&c, CFG_PCIE + 8, 2, 0x8000), 0);
        }
}

/* One of several PFs of a card, with a board maker of its own. */
static void one_of_several(void **state)
{
        struct cfg_function second = igb;
        struct cfgspace c;

        (void) state;
        second.function = 1;
        second.next_function = 2;
        second.subsystem_vendor_id = 0x1af4;
        second.subsystem_id = 0x1100;
        second.multifunction = true;
        cfgspace_pf(&c, &second, &igb_sriov);
        assert_int_equal(cfgspace_read(&c, CFG_SRIOV + SRIOV_FUNC_LINK, 1), 1);
        assert_int_equal(cfgspace_read(&c, CFG_ARI + 5, 1), 2);
        assert_int_equal(cfgspace_read(&c, 0x2c, 4), 0x11001af4);
        assert_int_equal(cfgspace_read(&c, 0x0e, 1), 0x80);
}

static void routing_ids(void **state)
{
        static const struct {
                uint16_t offset, stride;
                uint32_t index;
                const char *wanted; /* NULL: there is none */
        } cases[] = {
                {128, 2, 0, "10000:fd:10.1"},
                {128, 2, 6, "10000:fd:11.5"},
                {1, 1, 253, "10000:fd:1f.7"},
                {1, 1, 254, "10000:fe:00.0"},
                {256, 4, 2, "10000:fe:01.1"},
                {1, 1, 765, "10000:ff:1f.7"},
                {1, 1, 766, NULL},
                {65535, 1, 0, NULL},
                {1, 65535, UINT32_MAX, NULL},
        };
        struct bdf pf, vf = {0};
        char text[BDF_STR_MAX];

        (void) state;
        assert_int_equal(parse_bdf("10000:fd:00.1", &pf), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                bool there = cfgspace_vf_address(
                        &pf, cases[i].offset, cases[i].stride, cases[i].index, &vf);

                assert_int_equal(there, cases[i].wanted != NULL);
                if (!there)
                        continue;
                format_bdf(text, &vf);
                assert_string_equal(text, cases[i].wanted);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sriov_bytes),
                cmocka_unit_test(num_vfs),
                cmocka_unit_test(read_only),
                cmocka_unit_test(pages_and_bars),
                cmocka_unit_test(virtual_function),
                cmocka_unit_test(bridges),
                cmocka_unit_test(one_of_several),
                cmocka_unit_test(routing_ids),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
