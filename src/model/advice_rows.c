/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Causes and remedies, read in the sources of Linux 6.1 that each block names. Pure data.
 */
#include "model/advice_rows.h"

#define ENOTSUPP 524 /* include/linux/errno.h: not for user space, and cxgb4 lets it out */

#define NUMVFS   BIT(STEP_SET_NUMVFS)
#define SET_VF   BIT(STEP_SET_VF)
#define UNBIND   BIT(STEP_UNBIND)
#define BIND     BIT(STEP_BIND)
#define PROBE    BIT(STEP_PROBE)
#define OVERRIDE (BIT(STEP_SET_OVERRIDE) | BIT(STEP_CLEAR_OVERRIDE))
#define RESET    BIT(STEP_RESET)
#define MSIX     BIT(STEP_SET_MSIX)
#define ESWITCH  BIT(STEP_SET_ESWITCH)
#define MTU      BIT(STEP_SET_MTU)
#define LINK_UP  BIT(STEP_LINK_UP)
#define ACCESS   BIT(STEP_SET_ACCESS)
#define NETLINK  (SET_VF | MTU | LINK_UP)
#define SYSFS    (NUMVFS | BIT(STEP_SET_AUTOPROBE) | UNBIND | BIND | PROBE | OVERRIDE | RESET | MSIX)
#define READING  BIT(STEP_MAX)
#define ALL      (BIT(STEP_MAX + 1) - 1)

#define KERNEL_LOG "the kernel's log says which: journalctl -k"

const struct advice_row advice_rows[] = {
        /* --- the number of VFs, by driver ------------------------------------------------------
         */

        /* intel/ice/ice_sriov.c: ice_set_per_vf_res(), ice_check_sriov_allowed(), ice_ena_vfs() */
        {NUMVFS, ENOSPC, "ice", WHEN_ANY,
                {FAULT_NO_RESOURCES, "not enough MSI-X vectors or queues are left for so many VFs",
                        "ask for fewer VFs, or free vectors of the PF: fewer queues by ethtool -L, "
                        "unload irdma, or less for the PF by devlink resource where it is there"}},
        {NUMVFS, EOPNOTSUPP, "ice", WHEN_ANY,
                {FAULT_NOT_SUPPORTED,
                        "the card has no SR-IOV switched on, is in safe mode because its DDP "
                        "package did not load, or supports fewer VFs",
                        "install the DDP package (firmware file intel/ice/ddp/ice.pkg) and reload "
                        "the driver, or ask for fewer VFs"}},
        {NUMVFS, EBUSY, "ice", WHEN_DESTROYING,
                {FAULT_BUSY, "the device is not ready, or VFs are assigned to guests",
                        "wait for the end of a reset; shut the guests down; and try again"}},
        {NUMVFS, EAGAIN, "ice", WHEN_ANY,
                {FAULT_BUSY, "the VFs did not start in time",
                        "try again; if it stays so update the card's firmware"}},

        /* mellanox/mlx5/core: sriov.c, cmd.c cmd_status_to_err() */
        {NUMVFS, ERANGE, "mlx5", WHEN_ANY,
                {FAULT_INVALID_ARGS, "the card's firmware is set to fewer VFs",
                        "set more in the firmware: mlxconfig -d ADDRESS set SRIOV_EN=1 "
                        "NUM_OF_VFS=N, then a cold reboot or mlxfwreset"}},
        {NUMVFS, ENOSPC, "mlx5", WHEN_ANY,
                {FAULT_NO_RESOURCES, "the card's firmware has no resources for so many VFs",
                        "raise NUM_OF_VFS (and PF_LOG_BAR_SIZE, NUM_VF_MSIX) with mlxconfig and "
                        "reset the firmware, or ask for fewer VFs"}},
        {NUMVFS, EIO, "mlx5", WHEN_ANY,
                {FAULT_IO, "the card's firmware refused or does not answer",
                        "look for mlx5_core in the kernel's log; compare SRIOV_EN and NUM_OF_VFS "
                        "with mlxconfig query; reset the firmware with mlxfwreset, or update it"}},
        {NUMVFS, EAGAIN, "mlx5", WHEN_ANY,
                {FAULT_NO_RESOURCES, "the card's firmware is out of resources (NO_RES)",
                        "ask for fewer VFs, or raise NUM_OF_VFS with mlxconfig and reset the "
                        "firmware"}},
        {NUMVFS, ETIMEDOUT, "mlx5", WHEN_ANY,
                {FAULT_TIMEOUT, "a command to the card's firmware timed out",
                        "look for its health syndrome in the kernel's log; devlink health; reset "
                        "the firmware with mlxfwreset"}},

        /* intel/i40e/i40e_virtchnl_pf.c: i40e_pci_sriov_configure(), i40e_pci_sriov_enable() */
        {NUMVFS, EAGAIN, "i40e", WHEN_ANY,
                {FAULT_BUSY, "another operation on a VF is pending, or a reset",
                        "try again in a second; nobody else should set this PF's VFs meanwhile"}},
        {NUMVFS, EPERM, "i40e", WHEN_ANY,
                {FAULT_NO_RESOURCES,
                        "the PF has fewer VFs than that in its resources, or runs its self-test",
                        "ask for fewer VFs, free queues of the PF by ethtool -L, or wait for "
                        "ethtool -t to end"}},
        {NUMVFS, EINVAL, "i40e", WHEN_DESTROYING,
                {FAULT_BUSY, "VFs are assigned to guests", "shut the guests down first"}},

        /* intel/igb/igb_main.c: igb_enable_sriov(), igb_disable_sriov() */
        {NUMVFS, EPERM, "igb", WHEN_DESTROYING,
                {FAULT_BUSY, "VFs are assigned to guests", "shut the guests down first"}},
        {NUMVFS, EPERM, "igb", WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "it makes 7 VFs at most, and none without MSI-X",
                        "ask for 7 or fewer; boot without pci=nomsi"}},

        /* intel/ixgbe/ixgbe_sriov.c: ixgbe_pci_sriov_enable(), ixgbe_disable_sriov() */
        {NUMVFS, EPERM, "ixgbe", WHEN_DESTROYING,
                {FAULT_BUSY, "VFs are assigned to guests", "shut the guests down first"}},
        {NUMVFS, EPERM, "ixgbe", WHEN_ANY,
                {FAULT_NO_RESOURCES,
                        "its pools are taken by traffic classes and offloaded macvlans: 63 VFs "
                        "with one class, 31 with up to 4, 15 with more",
                        "ask for fewer VFs, reduce the traffic classes (DCB), or switch "
                        "l2-fwd-offload off by ethtool -K"}},

        /* broadcom/bnxt/bnxt_sriov.c: bnxt_sriov_configure() reports failures as a count */
        {NUMVFS, ADVICE_SHORT, "bnxt_en", WHEN_LINK_DOWN,
                {FAULT_PARTIAL_COUNT, "it makes none while the PF's interface is down",
                        "bring it up first: ip link set PF up"}},
        {NUMVFS, ADVICE_SHORT, "bnxt_en", WHEN_ANY,
                {FAULT_PARTIAL_COUNT,
                        "the PF's rings leave no room for more, its interface is down, or its "
                        "firmware resets",
                        "bring the PF's interface up, reduce its queues by ethtool -L, and try "
                        "again"}},

        /* chelsio/cxgb4/cxgb4_main.c: cxgb4_iov_configure() */
        {NUMVFS, ENOTSUPP, "cxgb4", WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the bridge above the card has no ARI",
                        "enable ARI in the BIOS, or put the card into another slot"}},
        {NUMVFS, EOPNOTSUPP, "cxgb4", WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the card's firmware is not initialised",
                        "load its firmware: see cxgb4 in the kernel's log"}},
        /* qlogic/qed/qed_sriov.c: qed_sriov_enable() */
        {NUMVFS, EINVAL, "qede", WHEN_ANY,
                {FAULT_NO_RESOURCES, "more VFs than the PF has vports for",
                        "ask for fewer VFs, or give this PF more with the vendor's tool"}},
        /* netronome/nfp/nfp_main.c: nfp_pcie_sriov_enable() */
        {NUMVFS, EINVAL, "nfp", WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the loaded firmware allows fewer VFs",
                        "ask for fewer, or load a firmware with more"}},
        /* emulex/benet/be_main.c, sfc/ef10_sriov.c: VFs that are assigned */
        {NUMVFS, EBUSY, "be2net", WHEN_DESTROYING,
                {FAULT_BUSY, "VFs are assigned to guests", "shut the guests down first"}},
        {NUMVFS, EBUSY, "sfc", WHEN_DESTROYING,
                {FAULT_BUSY, "VFs are assigned to guests", "shut the guests down first"}},
        /* drivers/pci/iov.c pci_sriov_configure_simple(): nvme, virtio, ena... */
        {NUMVFS, EPERM, "nvme", WHEN_ANY,
                {FAULT_BUSY, "VFs are assigned to guests", "shut the guests down first"}},
        /* drivers/vfio/pci/vfio_pci_core.c vfio_pci_core_sriov_configure(), vfio_pci.c */
        {NUMVFS, ENOENT, "vfio-pci", WHEN_ANY,
                {FAULT_NO_DRIVER, "vfio-pci makes no VFs unless it is told to",
                        "bind the PF to its vendor's driver, or load vfio-pci with "
                        "enable_sriov=1"}},

        /* --- the number of VFs, whatever the driver: drivers/pci/iov.c --------------------------
         */

        {NUMVFS, ENOMEM, NULL, WHEN_ANY,
                {FAULT_NO_RESOURCES,
                        "no room for the VFs' memory windows (\"not enough MMIO resources\") or "
                        "bus numbers (\"bus out of range\")",
                        "in the BIOS enable SR-IOV, above-4G decoding and ARI; or boot with "
                        "pci=realloc, for bus numbers with pci=assign-busses; or ask for fewer"}},
        {NUMVFS, ENOSPC, NULL, WHEN_ANY,
                {FAULT_NO_RESOURCES, "the device is out of MSI-X vectors, queues or the like",
                        "ask for fewer VFs, or free some of the PF's (fewer queues by ethtool -L, "
                        "unload its RDMA driver)"}},
        {NUMVFS, ERANGE, NULL, WHEN_ANY,
                {FAULT_INVALID_ARGS, "that is more than sriov_totalvfs",
                        "ask for fewer; the card's firmware setup may allow more"}},
        {NUMVFS, EBUSY, NULL, WHEN_HAS_VFS,
                {FAULT_VFS_EXIST,
                        "there are VFs, and the kernel changes a count only by destroying them all",
                        "set 0 first (create --replace does)"}},
        {NUMVFS, EBUSY, NULL, WHEN_MAKING,
                {FAULT_BUSY,
                        "the driver is not ready or resets, or somebody else made VFs at this "
                        "moment (NetworkManager, a .link file, a script)",
                        "look who else manages this PF (sriovctl doctor), and try again"}},
        {NUMVFS, EBUSY, NULL, WHEN_ANY,
                {FAULT_BUSY, "the driver is not ready, resets, or sees VFs assigned to a guest",
                        "see who uses them (sriovctl list vf), let them go, and try again"}},
        {NUMVFS, EAGAIN, NULL, WHEN_ANY,
                {FAULT_BUSY, "the driver has other work on this device pending", "try again"}},
        {NUMVFS, ENOENT, NULL, WHEN_ANY,
                {FAULT_NO_DRIVER, "the PF has no driver, or one that makes no VFs",
                        "bind the vendor's driver (modprobe it, or write its bind file)"}},
        {NUMVFS, EPERM, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED,
                        "the driver forbids it: too many, safe mode, VFs assigned to guests, or a "
                        "PF that belongs to another owner",
                        KERNEL_LOG}},
        {NUMVFS, EIO, NULL, WHEN_ANY,
                {FAULT_IO,
                        "the SR-IOV capability contradicts itself (InitialVFs), or the firmware "
                        "failed",
                        "see the kernel's log; reset the card or update its firmware; look whether "
                        "SR-IOV is enabled for the slot in the BIOS"}},
        {NUMVFS, EINVAL, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the driver refused this count in its present mode",
                        "ask for fewer, see the eswitch mode; " KERNEL_LOG}},
        {NUMVFS, EOPNOTSUPP, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the driver does not do it in this mode",
                        "enable SR-IOV in the card's own firmware setup; " KERNEL_LOG}},
        {NUMVFS, ENOSYS, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the function this one depends on has no SR-IOV on",
                        "enable SR-IOV in the BIOS and in the card's firmware setup"}},
        {NUMVFS, ADVICE_SHORT, NULL, WHEN_LINK_DOWN,
                {FAULT_PARTIAL_COUNT, "some drivers make none while the PF's link is down",
                        "bring it up first: ip link set PF up; " KERNEL_LOG}},
        {NUMVFS, ADVICE_SHORT, NULL, WHEN_ANY,
                {FAULT_PARTIAL_COUNT, "the driver could not make more and does not say so",
                        "ask for fewer; bring the PF's link up first; " KERNEL_LOG}},

        /* --- attributes, by netlink: net/core/rtnetlink.c do_setvfinfo() ------------------------
         */

        /* igb_main.c igb_ndo_set_vf_bw(): 82576 only, with link, no minimum */
        {SET_VF, EINVAL, "igb", WHEN_LINK_DOWN,
                {FAULT_INVALID_ARGS, "igb limits a rate only while the PF's link is up",
                        "bring the link up (ip link set PF up, and a cable) and try again"}},
        {SET_VF, EINVAL, "igb", WHEN_ANY,
                {FAULT_INVALID_ARGS,
                        "the value is out of its range: a rate needs the PF's link up, is at most "
                        "the link's, and min_tx_rate is always 0",
                        "correct the value, or bring the link up first"}},
        {SET_VF, EOPNOTSUPP, "igb", WHEN_ANY,
                {FAULT_NOT_SUPPORTED,
                        "igb does not have this setting (rates: on the 82576 alone; no link state)",
                        "leave it out, or mark it optional in the configuration"}},
        /* ixgbe_sriov.c ixgbe_ndo_set_vf_bw() */
        {SET_VF, EINVAL, "ixgbe", WHEN_ANY,
                {FAULT_INVALID_ARGS,
                        "the value is out of its range: a rate is 11 to 10000 Mb/s, needs a link "
                        "of "
                        "10 Gb/s, and min_tx_rate is always 0",
                        "correct the value, or bring the link up first"}},
        /* i40e_virtchnl_pf.c: __I40E_VIRTCHNL_OP_PENDING, I40E_VF_STATE_INIT */
        {SET_VF, EAGAIN, "i40e", WHEN_ANY,
                {FAULT_BUSY, "another operation is pending, or the VF is still in reset",
                        "try again in a second"}},
        {SET_VF, EINVAL, "i40e", WHEN_ANY,
                {FAULT_INVALID_ARGS,
                        "the value is out of its range, or not for this VF; min_tx_rate is always "
                        "0",
                        "correct the value"}},
        {SET_VF, EIO, "i40e", WHEN_ANY,
                {FAULT_IO, "the card's firmware did not take the filter",
                        "free filters (fewer MACs and VLANs on the PF), or reset the VF"}},
        /* ice_sriov.c ice_set_vf_bw(), ice_set_vf_trust(); ice_vf_lib.c ice_check_vf_ready...() */
        {SET_VF, EOPNOTSUPP, "ice", WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "not in switchdev mode, and min_tx_rate not while DCB is on",
                        "set eswitch legacy, switch DCB off, or set it on the VF's representor"}},
        {SET_VF, EINVAL, "ice", WHEN_ANY,
                {FAULT_INVALID_ARGS,
                        "the value is out of its range (min_tx_rate of all VFs together is at most "
                        "the link's speed), or the VF is disabled",
                        "correct the value; reset the VF; bring the link up"}},
        /* mlx5/core/eswitch.c: mlx5_esw_allowed(), esw->mode */
        {SET_VF, EPERM, "mlx5", WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "this PF is not the manager of the card's eswitch",
                        "configure its VFs where the manager is: the DPU's own system, or the "
                        "other host"}},
        {SET_VF, EOPNOTSUPP, "mlx5", WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "mlx5 sets it in eswitch mode legacy alone",
                        "set it on the VF's representor (ip link, tc, devlink port function), or "
                        "set eswitch legacy"}},
        /* bnxt_sriov.c bnxt_set_vf_bw() */
        {SET_VF, EINVAL, "bnxt_en", WHEN_ANY,
                {FAULT_INVALID_ARGS, "a rate is at most the PF link's speed, which is 0 while down",
                        "correct the value, or bring the link up first"}},
        {SET_VF, EINVAL, NULL, WHEN_LINK_DOWN,
                {FAULT_INVALID_ARGS,
                        "the driver refused the value: out of its range, not for this VF, or not "
                        "while the PF's link is down, as it is",
                        "bring the PF's link up and try again, or correct the value"}},
        {SET_VF, EINVAL, NULL, WHEN_ANY,
                {FAULT_INVALID_ARGS,
                        "the driver refused the value: out of its range, not for this VF, or not "
                        "while the PF's link is down",
                        "correct the value, or bring the PF's link up first"}},
        {SET_VF, ERANGE, NULL, WHEN_ANY,
                {FAULT_INVALID_ARGS, "the driver refused the value: out of its range",
                        "correct the value"}},
        {SET_VF, EOPNOTSUPP, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED,
                        "the driver does not have this setting, or not in this eswitch mode",
                        "leave it out or mark it optional; in switchdev mode set it on the VF's "
                        "representor"}},
        {SET_VF, EPROTONOSUPPORT, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the driver does not do this VLAN protocol",
                        "use vlan_proto 802.1Q"}},
        {SET_VF, EBUSY, NULL, WHEN_ANY,
                {FAULT_BUSY, "the VF resets or its PF is busy, and several tries did not help",
                        "try again in a second"}},
        {SET_VF, EAGAIN, NULL, WHEN_ANY,
                {FAULT_BUSY, "the VF resets or its PF is busy, and several tries did not help",
                        "try again in a second"}},
        {SET_VF, ENOSPC, NULL, WHEN_ANY,
                {FAULT_NO_RESOURCES, "the card has no room for another MAC or VLAN filter",
                        "remove MACs and VLANs from the PF or other VFs"}},
        {SET_VF | MTU | LINK_UP, ENOMEM, NULL, WHEN_ANY,
                {FAULT_NO_RESOURCES, "the driver found no memory or no filter for it",
                        "free memory or filters on this card, and try again"}},
        {SET_VF, EIO, NULL, WHEN_ANY,
                {FAULT_IO, "the card or its firmware did not do it",
                        "reset the VF; if it stays so reload the PF's driver; journalctl -k"}},
        {MTU, EINVAL, NULL, WHEN_ANY,
                {FAULT_INVALID_ARGS, "out of the driver's range, or not with an XDP program",
                        "see minmtu and maxmtu in ip -d link"}},
        {MTU, ERANGE, NULL, WHEN_ANY,
                {FAULT_INVALID_ARGS, "out of the driver's range",
                        "see minmtu and maxmtu in ip -d link"}},
        {MTU | LINK_UP, EBUSY, NULL, WHEN_ANY,
                {FAULT_BUSY, "the device resets or is busy", "try again in a second"}},
        {MTU | LINK_UP, EAGAIN, NULL, WHEN_ANY,
                {FAULT_BUSY, "the device resets or is busy", "try again in a second"}},
        {LINK_UP, EIO, NULL, WHEN_ANY,
                {FAULT_IO, "the card did not start",
                        "reload the PF's driver or update the firmware; " KERNEL_LOG}},
        {MTU | LINK_UP, EOPNOTSUPP, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the driver can not change it", "leave it out"}},

        /* --- drivers of VFs: drivers/base/bus.c, dd.c; drivers/vfio ----------------------------
         */

        /* vfio_pci.c vfio_pci_probe(), vfio_main.c vfio_group_find_or_alloc() */
        {BIND, EINVAL, "vfio", WHEN_ANY,
                {FAULT_NOT_SUPPORTED,
                        "vfio-pci needs an IOMMU, and the device has no IOMMU group, or the device "
                        "is on the driver's denylist",
                        "turn the IOMMU on in the BIOS and on the kernel's command line "
                        "(intel_iommu=on); for the denylist see vfio_pci.disable_denylist"}},
        {PROBE, EINVAL, "vfio", WHEN_ANY,
                {FAULT_NOT_APPLIED,
                        "vfio-pci did not take it: it needs an IOMMU, and a device that is not on "
                        "its denylist",
                        "turn the IOMMU on in the BIOS and on the kernel's command line "
                        "(intel_iommu=on)"}},
        {BIND, ENOENT, "vfio", WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "no such PCI driver in the kernel",
                        "load its module: modprobe vfio-pci"}},
        {BIND, ENOENT, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "no such PCI driver in the kernel",
                        "load its module with modprobe"}},
        {BIND, ENODEV, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED,
                        "the driver does not take this device: its id table does not list it, "
                        "another driver_override is set, or sriov_drivers_autoprobe is 0 and no "
                        "override is set",
                        "choose a driver of this device, or clear the override"}},
        /* iommu.c iommu_device_use_default_domain() */
        {BIND, EBUSY, NULL, WHEN_ANY,
                {FAULT_BUSY, "it is on a driver already, or a user of vfio owns its IOMMU group",
                        "see who holds it (sriovctl list vf), let it go, and try again"}},
        {BIND, EINVAL, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the driver refused the device",
                        "see whether the PF is up and its driver newer than the "
                        "VF's; " KERNEL_LOG}},
        {BIND | PROBE, EIO, NULL, WHEN_ANY,
                {FAULT_IO, "the VF's driver could not talk to the device or its PF",
                        "bring the PF's interface up, reset the VF, and try again; " KERNEL_LOG}},
        {BIND | PROBE, EAGAIN, NULL, WHEN_ANY,
                {FAULT_BUSY, "the driver waits for another device", "try again in a second"}},
        {BIND | PROBE, ENOMEM, NULL, WHEN_ANY,
                {FAULT_NO_RESOURCES, "the driver found no memory or no BAR for it",
                        "free memory; in the BIOS enable above-4G decoding"}},
        {BIND | PROBE, ENOSPC, NULL, WHEN_ANY,
                {FAULT_NO_RESOURCES, "the driver found no interrupt vectors or queues for it",
                        "give the VF more MSI-X vectors, or use fewer VFs"}},
        {PROBE, ENODEV, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED,
                        "sriov_drivers_autoprobe of its PF is 0, so the kernel gives it no driver",
                        "set it to 1 first (sriovctl autoprobe)"}},
        {PROBE, EBUSY, NULL, WHEN_ANY,
                {FAULT_BUSY, "a user of vfio owns its IOMMU group", "let it go, and try again"}},
        /* what kernels make of any error: bus.c drivers_probe_store() */
        {PROBE, EINVAL, NULL, WHEN_ANY,
                {FAULT_BUSY,
                        "a driver wants it and can not have it: as a rule because a user of vfio "
                        "owns its IOMMU group",
                        "let it go, and try again; " KERNEL_LOG}},
        {PROBE, ENOENT, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "no driver of the kernel is for it",
                        "load the VF driver's module"}},
        {UNBIND, EBUSY, NULL, WHEN_ANY,
                {FAULT_BUSY, "the driver does not let it go: somebody uses it",
                        "see who holds it (sriovctl list vf), and let it go"}},
        {OVERRIDE, ENOENT, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "this kernel has no driver_override",
                        "use a kernel with it (3.16 or newer)"}},
        {OVERRIDE, EINVAL, NULL, WHEN_ANY,
                {FAULT_INVALID_ARGS, "the kernel refused the name", "correct the driver's name"}},

        /* --- reset, vectors: drivers/pci/pci.c, iov.c -------------------------------------------
         */

        {RESET, ENOTTY, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED,
                        "the device has no reset method that works, or did not come back from it",
                        "destroy the VFs and make them anew; the file reset_method shows what the "
                        "kernel would try"}},
        {RESET, ENOENT, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the device has no reset method",
                        "destroy the VFs and make them anew instead"}},
        {RESET, EAGAIN, NULL, WHEN_ANY,
                {FAULT_BUSY, "the device is locked by somebody else's work", "try again"}},
        {RESET, EBUSY, NULL, WHEN_ANY,
                {FAULT_BUSY, "somebody uses the device", "let it go, and try again"}},
        {RESET, EIO, NULL, WHEN_ANY,
                {FAULT_IO, "the device did not do its reset",
                        "do not hand this VF on: destroy the VFs and make them anew"}},
        {RESET, ETIMEDOUT, NULL, WHEN_ANY,
                {FAULT_TIMEOUT, "the device did not come back from its reset",
                        "do not hand this VF on: destroy the VFs and make them anew"}},
        /* mlx5/core/pci_irq.c mlx5_set_msix_vec_count() */
        {MSIX, EOVERFLOW, "mlx5", WHEN_ANY,
                {FAULT_INVALID_ARGS, "more vectors than the firmware gives one VF",
                        "ask for fewer, or raise NUM_VF_MSIX with mlxconfig"}},
        {MSIX, EOPNOTSUPP, "mlx5", WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the firmware has no dynamic MSI-X table for VFs",
                        "enable it with mlxconfig (DYNAMIC_VF_MSIX_TABLE), or update the "
                        "firmware"}},
        {MSIX, ENOSPC, NULL, WHEN_ANY,
                {FAULT_NO_RESOURCES, "the PF's pool is empty",
                        "take vectors from another VF first"}},
        {MSIX, EBUSY, NULL, WHEN_ANY, {FAULT_BUSY, "the VF is on a driver", "unbind it first"}},
        {MSIX, EOPNOTSUPP, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the PF's driver can not change it",
                        "leave msix_vectors out; mlx5_core and newer ice can"}},
        {MSIX, ENOENT, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "this kernel has no sriov_vf_msix_count",
                        "use Linux 5.13 or newer"}},
        {MSIX, EINVAL, NULL, WHEN_ANY,
                {FAULT_INVALID_ARGS, "the PF's driver refused the number",
                        "ask for another: its least and most are the firmware's"}},
        {MSIX, ERANGE, NULL, WHEN_ANY,
                {FAULT_INVALID_ARGS, "the PF's driver refused the number", "ask for fewer"}},
        {BIT(STEP_SET_AUTOPROBE), ENOENT, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED,
                        "this kernel has no sriov_drivers_autoprobe (it is always on)",
                        "use Linux 4.12 or newer"}},

        /* --- eswitch: devlink, ice_eswitch.c, mlx5/core/eswitch_offloads.c ----------------------
         */

        {ESWITCH, EOPNOTSUPP, "ice", WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "ice changes it only while there are no VFs",
                        "destroy the VFs, set the mode, make them again"}},
        {ESWITCH, EINVAL, "mlx5", WHEN_ANY,
                {FAULT_BUSY, "the eswitch is locked: it changes its mode at this moment",
                        "try again in a second"}},
        {ESWITCH, EBUSY, "mlx5", WHEN_ANY,
                {FAULT_BUSY, "rules or connections hold the eswitch (tc, IPsec, VFs in use)",
                        "remove tc rules and unbind the VFs first"}},
        {ESWITCH, EOPNOTSUPP, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the driver has no devlink eswitch, or can not change it now",
                        "destroy or unbind the VFs first; leave eswitch out for drivers without"}},
        {ESWITCH, ENODEV, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the driver has no devlink eswitch",
                        "leave eswitch out of the request or configuration"}},
        {ESWITCH, EBUSY, NULL, WHEN_ANY,
                {FAULT_BUSY, "the driver is busy, or VFs exist or are on drivers",
                        "destroy or unbind the VFs first"}},
        {ESWITCH, EINVAL, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the driver refused this mode in its present state",
                        "destroy the VFs first; " KERNEL_LOG}},

        /* --- access to the vfio group's node: host/access.c -------------------------------------
         */

        {ACCESS, ENOENT, NULL, WHEN_ANY,
                {FAULT_NO_DRIVER, "it is on no vfio driver, so there is no device node",
                        "bind it to vfio-pci first"}},
        {ACCESS, EBUSY, NULL, WHEN_ANY,
                {FAULT_NOT_ISOLATED,
                        "another VF of its IOMMU group is given to another user, and the group has "
                        "one device node",
                        "take that one back first, or use a VF with a group of its own"}},
        {ACCESS, EPERM, NULL, WHEN_ANY,
                {FAULT_NOT_ISOLATED,
                        "vfio is in no-IOMMU mode, where only a process with CAP_SYS_RAWIO may "
                        "open a device",
                        "turn the IOMMU on in the BIOS and on the kernel's command line"}},
        {ACCESS, EOPNOTSUPP, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "there is no udev here, which sets who may open the node",
                        "run systemd-udevd on the host"}},
        {ACCESS, EPROTO, NULL, WHEN_ANY,
                {FAULT_NOT_APPLIED, "udev has seen the request and did not do it",
                        "install 05-sriovd-vfio.rules into udev's rules.d, then udevadm control "
                        "--reload"}},
        {ACCESS, ETIMEDOUT, NULL, WHEN_ANY,
                {FAULT_TIMEOUT, "udev did not do it in time",
                        "see systemctl status systemd-udevd and udevadm settle, and try again"}},
        {ACCESS, E2BIG, NULL, WHEN_ANY,
                {FAULT_LIMITS, "too many VFs of its IOMMU group are given to users",
                        "use VFs with groups of their own"}},

        /* --- true of every call -----------------------------------------------------------------
         */

        {ALL, ENODEV, NULL, WHEN_ANY,
                {FAULT_GONE, "the device is gone: removed, or its driver went away",
                        "look whether it comes back (sriovctl list); reload its driver"}},
        {ALL, ENXIO, NULL, WHEN_ANY,
                {FAULT_GONE, "the device is gone: removed, or its driver went away",
                        "look whether it comes back (sriovctl list); reload its driver"}},
        /* drivers/pci/pci-sysfs.c, proc.c: security_locked_down(LOCKDOWN_PCI_ACCESS) */
        {SYSFS | READING, EPERM, NULL, WHEN_LOCKDOWN,
                {FAULT_IO,
                        "the kernel is locked down, which forbids configuration space and BARs to "
                        "programs",
                        "see /sys/kernel/security/lockdown; boot without lockdown= or without "
                        "Secure Boot where that is acceptable"}},
        {NETLINK | ESWITCH, EPERM, NULL, WHEN_ANY,
                {FAULT_IO, "the kernel does not permit it",
                        "sriovd-host needs CAP_NET_ADMIN in the network namespace of the PF"}},
        {ALL, EPERM, NULL, WHEN_ANY,
                {FAULT_IO, "the kernel or the driver does not permit it",
                        "sriovd-host must run as root as its unit says; kernel lockdown may forbid "
                        "it too"}},
        {ALL, EACCES, NULL, WHEN_ANY,
                {FAULT_IO, "the file can not be written",
                        "sriovd-host must run as root, as its unit says"}},
        {ALL, EROFS, NULL, WHEN_ANY,
                {FAULT_IO, "/sys is read-only here",
                        "the service needs ReadWritePaths=/sys/devices /sys/bus/pci"}},
        {ALL, EIO, NULL, WHEN_ANY,
                {FAULT_IO, "the device or its firmware failed",
                        "reset the card or update its firmware; " KERNEL_LOG}},
        {ALL, ENOMEM, NULL, WHEN_ANY,
                {FAULT_NO_RESOURCES, "no memory", "free some, and try again"}},
        {ALL, ENOSPC, NULL, WHEN_ANY,
                {FAULT_NO_RESOURCES, "a resource of the device is used up",
                        "free some of it, or use fewer VFs"}},
        {ALL, EBUSY, NULL, WHEN_ANY,
                {FAULT_BUSY, "the device is in use or busy",
                        "see who uses it (sriovctl list vf), and try again"}},
        {ALL, EAGAIN, NULL, WHEN_ANY, {FAULT_BUSY, "the device is busy", "try again"}},
        {ALL, EINVAL, NULL, WHEN_ANY,
                {FAULT_INVALID_ARGS, "the kernel or the driver refused the value",
                        "correct it; " KERNEL_LOG}},
        {ALL, ERANGE, NULL, WHEN_ANY,
                {FAULT_INVALID_ARGS, "the value is out of range", "correct it"}},
        {ALL, EOPNOTSUPP, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the driver does not do it", "leave it out"}},
        {ALL, ENOTTY, NULL, WHEN_ANY,
                {FAULT_NOT_SUPPORTED, "the device does not do it", "leave it out"}},
        {ALL, ENOENT, NULL, WHEN_ANY,
                {FAULT_NO_DRIVER, "what it needs is not there: a file of the kernel or a driver",
                        "look whether the driver is bound and the kernel new enough"}},
        {ALL, ETIMEDOUT, NULL, WHEN_ANY,
                {FAULT_TIMEOUT, "the device or the kernel did not answer in time",
                        "see the kernel's log; try again; reset the card if it stays so"}},
};

const size_t advice_n_rows = ELEMENTSOF(advice_rows);
