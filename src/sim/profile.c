/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of device profiles. Pure, any thread. Sources: the drivers below
 * drivers/net/ethernet of Linux 6.1 (ndo_set_vf_* and ndo_get_vf_config), for igb and nvme the test
 * guest itself (tests/vm/guest/kernel.py prints what is here).
 */
#include "sim/profile.h"

#define SET_BASIC                                                                                  \
        (BIT(VF_SETTING_MAC) | BIT(VF_SETTING_VLAN) | BIT(VF_SETTING_RATE) |                       \
                BIT(VF_SETTING_SPOOFCHK) | BIT(VF_SETTING_TRUST))
#define SET_LINK (SET_BASIC | BIT(VF_SETTING_LINK_STATE))
/* The core reports link state "auto" also for drivers that say nothing. */
#define SEE_BASIC                                                                                  \
        (BIT(VF_ATTR_MAC) | BIT(VF_ATTR_VLAN) | BIT(VF_ATTR_QOS) | BIT(VF_ATTR_VLAN_PROTO) |       \
                BIT(VF_ATTR_MIN_TX_RATE) | BIT(VF_ATTR_MAX_TX_RATE) | BIT(VF_ATTR_SPOOFCHK) |      \
                BIT(VF_ATTR_TRUST) | BIT(VF_ATTR_LINK_STATE))

/* i40e and ice reset the VF, and tell it so. */
#define RESTART_VIRTCHNL (BIT(VF_SETTING_MAC) | BIT(VF_SETTING_VLAN) | BIT(VF_SETTING_TRUST))

const struct sim_profile sim_profiles[] = {
        {
                .name = "igb",
                .about = "Intel 82576, 1 Gbit/s: no link state, no minimum rate",
                .pci_class = 0x020000,
                .vendor_id = 0x8086,
                .device_id = 0x10c9,
                .vf_device_id = 0x10ca,
                .vendor = "Intel Corporation",
                .device = "82576 Gigabit Network Connection",
                .total_vfs = 7,
                .hw_total_vfs = 8,
                .offset = 128,
                .stride = 2,
                .pf_msix = 10,
                .vf_msix = 3,
                .bar_size = 0x4000,
                .acs_quirk = true,
                .driver = "igb",
                .vf_driver = "igbvf",
                .pf_resets = "flr pm bus",
                .vf_resets = "flr",
                .netdev = true,
                .speed = 1000,
                .settable = SET_BASIC,
                .reported = SEE_BASIC,
                .rate_needs_link = true,
                .spoofchk = true,
                .create_usec_vf = 14000,
                .mailbox_api = MBX_API_10,
                .mac_filters = 24 - 1 - 3 - 7, /* igb_main.c: RAR entries, PF, reserved, VFs */
                .vlan_filters = 32,
        },
        {
                .name = "ixgbe",
                .about = "Intel 82599, 10 Gbit/s: link state and RSS query, no minimum rate",
                .pci_class = 0x020000,
                .vendor_id = 0x8086,
                .device_id = 0x10fb,
                .vf_device_id = 0x10ed,
                .vendor = "Intel Corporation",
                .device = "82599ES 10-Gigabit SFI/SFP+ Network Connection",
                .total_vfs = 63,
                .hw_total_vfs = 64,
                .offset = 128,
                .stride = 2,
                .pf_msix = 64,
                .vf_msix = 3,
                .bar_size = 0x4000,
                .acs_quirk = true,
                .driver = "ixgbe",
                .vf_driver = "ixgbevf",
                .pf_resets = "flr pm bus",
                .vf_resets = "flr",
                .netdev = true,
                .speed = 10000,
                .settable = SET_LINK | BIT(VF_SETTING_QUERY_RSS),
                .reported = SEE_BASIC | BIT(VF_ATTR_QUERY_RSS),
                .rate_needs_link = true,
                .spoofchk = true,
                .create_usec_vf = 10000,
                .mailbox_api = MBX_API_14,
                .filter_ends_spoofchk = true,
                .jumbo_with_pf = true,
                .restarts = BIT(VF_SETTING_TRUST) | BIT(VF_SETTING_LINK_STATE),
                .mac_filters = 128 - 15 - 1 - 63, /* ixgbe_sriov.c: RAR entries, PF's, VFs */
                .vlan_filters = 64,
        },
        {
                .name = "i40e",
                .about = "Intel XL710, 40 Gbit/s: link state, no minimum rate",
                .pci_class = 0x020000,
                .vendor_id = 0x8086,
                .device_id = 0x1583,
                .vf_device_id = 0x154c,
                .vendor = "Intel Corporation",
                .device = "Ethernet Controller XL710 for 40GbE QSFP+",
                .total_vfs = 128,
                .hw_total_vfs = 128,
                .offset = 16,
                .stride = 1,
                .pf_msix = 129,
                .vf_msix = 5,
                .bar_size = 0x10000,
                .acs_quirk = true,
                .driver = "i40e",
                .vf_driver = "iavf",
                .pf_resets = "flr pm bus",
                .vf_resets = "flr",
                .netdev = true,
                .speed = 40000,
                .settable = SET_LINK,
                .reported = SEE_BASIC,
                .spoofchk = true,
                .stats = true,
                .create_usec_vf = 340000,
                .mailbox_api = MBX_API_15,
                .unicast_promisc = true,
                .source_prune = true,
                .service_tags = true,
                .restarts = RESTART_VIRTCHNL,
                .vf_macs = 16, /* I40E_VC_MAX_MAC_ADDR_PER_VF without its own and broadcast */
                .vf_vlans = 16,
        },
        {
                .name = "ice",
                .about = "Intel E810, 100 Gbit/s: minimum rate, 802.1ad, MSI-X per VF, eswitch",
                .pci_class = 0x020000,
                .vendor_id = 0x8086,
                .device_id = 0x1592,
                .vf_device_id = 0x1889,
                .vendor = "Intel Corporation",
                .device = "Ethernet Controller E810-C for QSFP",
                .total_vfs = 256,
                .hw_total_vfs = 256,
                .offset = 8,
                .stride = 1,
                .pf_msix = 512,
                .vf_msix = 17,
                .vf_total_msix = 4096,
                .bar_size = 0x20000,
                .acs_quirk = true,
                .driver = "ice",
                .vf_driver = "iavf",
                .pf_resets = "flr bus",
                .vf_resets = "flr",
                .netdev = true,
                .eswitch = true,
                .speed = 100000,
                .settable = SET_LINK,
                .reported = SEE_BASIC,
                .min_rate = true,
                .qinq = true,
                .spoofchk = true,
                .stats = true,
                .create_usec_vf = 20000,
                .mailbox_api = MBX_API_15,
                .unicast_promisc = true,
                .source_prune = true,
                .service_tags = true,
                .restarts = RESTART_VIRTCHNL,
                .vf_macs = 16, /* ICE_MAX_MACADDR_PER_VF likewise */
                .vf_vlans = 8,
        },
        {
                .name = "mlx5",
                .about = "ConnectX-6 Dx, 100 Gbit/s: minimum rate, MSI-X per VF, eswitch",
                .pci_class = 0x020000,
                .vendor_id = 0x15b3,
                .device_id = 0x101d,
                .vf_device_id = 0x101e,
                .vendor = "Mellanox Technologies",
                .device = "MT2892 Family [ConnectX-6 Dx]",
                .total_vfs = 128,
                .hw_total_vfs = 128,
                .offset = 2,
                .stride = 1,
                .pf_msix = 64,
                .vf_msix = 12,
                .vf_total_msix = 2048,
                .bar_size = 0x100000,
                .driver = "mlx5_core",
                .vf_driver = "mlx5_core",
                .pf_resets = "flr bus",
                .vf_resets = "flr",
                .netdev = true,
                .eswitch = true,
                .eswitch_with_vfs = true,
                .speed = 100000,
                .settable = SET_LINK,
                .reported = SEE_BASIC,
                .min_rate = true,
                .stats = true,
                .create_usec_vf = 60000,
                .mailbox_api = MBX_API_15,
                .unicast_promisc = true,
                .source_prune = true,
                .service_tags = true,
                .vf_macs = 127, /* log_max_current_uc_list 7 */
        },
        {
                .name = "nvme",
                .about =
                        "NVMe controller: storage, no netdev, no VF attributes, VFs without driver",
                .pci_class = 0x010802,
                .vendor_id = 0x1b36,
                .device_id = 0x0010,
                .vf_device_id = 0x0010,
                .vendor = "Red Hat, Inc.",
                .device = "QEMU NVM Express Controller",
                .total_vfs = 127,
                .hw_total_vfs = 127,
                .offset = 1,
                .stride = 1,
                .pf_msix = 16,
                .vf_msix = 2,
                .bar_size = 0x4000,
                .driver = "nvme",
                .vf_driver = "",
                .pf_resets = "flr bus",
                .vf_resets = "flr bus",
                .create_usec_vf = 10000,
        },
        {
                .name = "scale",
                .about = "4096 VFs over 17 buses: for tests of scale",
                .pci_class = 0x020000,
                .vendor_id = 0x1b36,
                .device_id = 0x0005,
                .vf_device_id = 0x0006,
                .vendor = "Red Hat, Inc.",
                .device = "Simulated network controller",
                .total_vfs = 4096,
                .hw_total_vfs = 4096,
                .offset = 1,
                .stride = 1,
                .pf_msix = 64,
                .vf_msix = 2,
                .bar_size = 0x4000,
                .driver = "simnic",
                .vf_driver = "simvf",
                .pf_resets = "flr bus",
                .vf_resets = "flr",
                .netdev = true,
                .speed = 200000,
                .settable = SET_LINK | BIT(VF_SETTING_QUERY_RSS),
                .reported = SEE_BASIC | BIT(VF_ATTR_QUERY_RSS),
                .min_rate = true,
                .qinq = true,
                .spoofchk = true,
                .stats = true,
                .create_usec_vf = 100,
                .mailbox_api = MBX_API_15,
                .unicast_promisc = true,
                .source_prune = true,
                .service_tags = true,
                .restarts = BIT(VF_SETTING_TRUST) | BIT(VF_SETTING_LINK_STATE),
                .vf_macs = 16,
                .vf_vlans = 64,
        },
};

const size_t sim_n_profiles = ELEMENTSOF(sim_profiles);

const struct sim_profile *sim_profile_find(const char *name)
{
        for (size_t i = 0; i < sim_n_profiles; i++)
                if (streq(sim_profiles[i].name, name))
                        return &sim_profiles[i];
        return NULL;
}

bool sim_driver_manages_dma(const char *name)
{
        return streq(name, "vfio-pci") || streq(name, "pci-stub");
}

bool sim_driver_known(const char *name)
{
        for (size_t i = 0; i < sim_n_profiles; i++)
                if (streq(sim_profiles[i].driver, name) || streq(sim_profiles[i].vf_driver, name))
                        return name[0] != '\0';
        return sim_driver_manages_dma(name);
}
