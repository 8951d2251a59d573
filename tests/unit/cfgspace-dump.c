/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the configuration space of one kind of device for `lspci -F`: tests/cli/test-lspci.py.
 *
 *     cfgspace-dump nic|nvme|second|vf|root|root-no-acs|upstream|downstream [VFS]
 *
 * VFS are turned on by the writes that a kernel does.
 */
#include "sim/nic/cfgspace.h"

static const struct bdf address = {.domain = 0, .bus = 0x3b, .devfn = 0};

static const struct cfg_function nic = {
        .pci_class = 0x020000,
        .vendor_id = 0x8086,
        .device_id = 0x10c9,
        .subsystem_vendor_id = 0x8086,
        .subsystem_id = 0xa03c,
        .next_function = 1,
        .msix = 10,
        .bar_size = 0x20000,
        .bar = 0xc0000000,
        .serial = 0x001122fffe334455,
        .multifunction = true,
        .enabled = true,
};
static const struct cfg_function second = {
        .pci_class = 0x020000,
        .vendor_id = 0x8086,
        .device_id = 0x10c9,
        .function = 1,
        .msix = 10,
        .bar_size = 0x20000,
        .bar = 0xc0100000,
        .multifunction = true,
};
static const struct cfg_function nvme = {
        .pci_class = 0x010802,
        .vendor_id = 0x1b36,
        .device_id = 0x0010,
        .msix = 16,
        .bar_size = 0x4000,
        .bar = 0xc0200000,
        .enabled = true,
};
static const struct cfg_function vf = {
        .pci_class = 0x020000,
        .vendor_id = 0x8086,
        .device_id = 0x10c9,
        .msix = 3,
        .bar_size = 0x4000,
        .enabled = true,
};

static const struct cfg_sriov nic_sriov = {
        .total_vfs = 7,
        .offset = 128,
        .stride = 2,
        .vf_device_id = 0x10ca,
        .vf_bar = 0x1000000000,
};
static const struct cfg_sriov nvme_sriov = {
        .total_vfs = 300,
        .offset = 1,
        .stride = 1,
        .vf_device_id = 0x0010,
        .vf_bar = 0x2000000000,
};

static const struct kind {
        const char *name;
        const struct cfg_function *function;
        const struct cfg_sriov *sriov; /* NULL: a VF */
        struct cfg_bridge bridge;      /* without function */
} kinds[] = {
        {"nic", &nic, &nic_sriov, {0}},
        {"second", &second, &nic_sriov, {0}},
        {"nvme", &nvme, &nvme_sriov, {0}},
        {"vf", &vf, NULL, {0}},
        {"root", NULL, NULL, {PCI_ROOT_PORT, true, 0, 0x3b, 0x3d, 1}},
        {"root-no-acs", NULL, NULL, {PCI_ROOT_PORT, false, 0, 0x3b, 0x3d, 2}},
        {"upstream", NULL, NULL, {PCI_SWITCH_UPSTREAM, false, 0x3b, 0x3c, 0x3d, 0}},
        {"downstream", NULL, NULL, {PCI_SWITCH_DOWNSTREAM, true, 0x3c, 0x3d, 0x3d, 4}},
};

static void build(const struct kind *k, uint32_t vfs, struct cfgspace *c)
{
        if (!k->function) {
                cfgspace_bridge(c, &k->bridge);
        } else if (!k->sriov) {
                cfgspace_vf(c, k->function);
        } else {
                cfgspace_pf(c, k->function, k->sriov);
                cfgspace_write(c, CFG_SRIOV + SRIOV_NUM_VF, 2, vfs);
                cfgspace_write(c, CFG_SRIOV + SRIOV_CTRL, 2,
                        SRIOV_CTRL_ARI | (vfs ? SRIOV_CTRL_VFE | SRIOV_CTRL_MSE : 0));
        }
}

int main(int argc, char **argv)
{
        uint32_t vfs = 0;
        struct cfgspace c;

        if (argc < 2 || argc > 3 || (argc == 3 && parse_u32(argv[2], 0, UINT16_MAX, &vfs) < 0))
                return 2;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                if (!streq(kinds[i].name, argv[1]))
                        continue;
                build(&kinds[i], vfs, &c);
                cfgspace_print(stdout, &address, kinds[i].name, &c);
                return 0;
        }
        return 2;
}
