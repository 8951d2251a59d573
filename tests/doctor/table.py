# SPDX-License-Identifier: GPL-2.0-or-later
"""The hosts, and what the doctor must find on each: {id: word of its remedy} for problems and for warnings, and nothing else of these
levels; notes that must be among the others."""
from hosts import (CX5, E810, I350, LOW, PM1735, QAT, REMAPPED, X710, X86_IRQS, Host, amd, arm, bare_amd, bare_guest, bare_intel, cpuinfo,
                   guest, intel, power)

HOSTS = {}


def host(name, made, problems=None, warnings=None, notes=()):
    assert name not in HOSTS
    HOSTS[name] = (made, problems or {}, warnings or {}, notes)


def no_iommu(made):
    return made.groups(0)


IGB_PATH = "0000:3a:00.0/0000:3b:00.0"

# --- good ones
host("good-intel", intel())
host("good-intel-vfs-there", intel(vfs=4))
host("good-intel-default-on", intel().cmdline().add("boot/config-6.1.0-18-amd64", "CONFIG_INTEL_IOMMU_DEFAULT_ON=y"))
host("good-amd", amd())
host("good-arm-smmu", arm())
host("good-power", power())
host("good-passthrough", intel().cmdline("intel_iommu=on", "iommu=pt"))
host("good-nvme", bare_intel().pf(IGB_PATH, **PM1735))
host("good-vfio-builtin", intel().kernel(modules=(), builtin=["kernel/drivers/vfio/pci/vfio-pci.ko"]))
host("good-service", intel().put("run/sriovd-host.sock", ""))
host("good-guest-with-viommu", guest().cmdline("intel_iommu=on").put("sys/firmware/acpi/tables/DMAR", b"").groups(9, ["dmar0"])
     .irqs(*REMAPPED), notes=["cpu-nested-off"])
host("good-as-user", intel(shown=64), notes=["not-all-readable"])
host("good-driver-limit", bare_intel().pf(IGB_PATH, **I350, netdev="eno1"), notes=["vfs-limited"])

# --- the processor and the firmware's switches
host("vtd-off-in-bios-dell", no_iommu(intel()).remove("sys/firmware/acpi/tables/DMAR").irqs(*X86_IRQS),
     {"iommu-off-firmware": r"Dell.*Virtualization Technology"})
host("vtd-off-in-bios-hpe", no_iommu(intel("HPE", "ProLiant DL380 Gen10")).remove("sys/firmware/acpi/tables/DMAR").irqs(*X86_IRQS),
     {"iommu-off-firmware": r"HPE.*VT-d"})
host("vtd-off-in-bios-lenovo", no_iommu(intel("Lenovo", "ThinkSystem SR650")).remove("sys/firmware/acpi/tables/DMAR").irqs(*X86_IRQS)
     .cmdline(), {"iommu-off-firmware": r"Lenovo.*Directed I/O.*intel_iommu=on"})
host("amdvi-off-in-bios", no_iommu(amd()).remove("sys/firmware/acpi/tables/IVRS").irqs(*X86_IRQS),
     {"iommu-off-firmware": r"Supermicro.*IOMMU"})
host("amdvi-off-in-bios-unknown-maker", no_iommu(amd("To Be Filled By O.E.M.", "B450")).remove("sys/firmware/acpi/tables/IVRS")
     .irqs(*X86_IRQS), {"iommu-off-firmware": r"BIOS.*IOMMU"})
host("no-vmx", intel().put("proc/cpuinfo", cpuinfo("GenuineIntel")).log("x86/cpu: VMX (outside TXT) disabled by BIOS"),
     {}, {"cpu-virtualization-off": r"Dell.*Virtualization Technology"})
host("svm-off", amd().put("proc/cpuinfo", cpuinfo("AuthenticAMD")).log("kvm_amd: SVM disabled (by BIOS) in MSR_VM_CR on CPU 0"),
     {}, {"cpu-virtualization-off": r"SVM Mode"})

# --- the kernel's command line
host("intel-iommu-missing", no_iommu(intel()).cmdline().irqs(*REMAPPED), {"iommu-off-intel": r"intel_iommu=on.*update-grub"})
host("intel-iommu-missing-grubby", no_iommu(intel()).cmdline().put("usr/sbin/grubby", "").remove("etc/default/grub"),
     {"iommu-off-intel": r'grubby --update-kernel=ALL --args="intel_iommu=on"'})
host("intel-iommu-missing-systemd-boot", no_iommu(intel()).cmdline().put("etc/kernel/cmdline", "ro").remove("etc/default/grub"),
     {"iommu-off-intel": r"/etc/kernel/cmdline add intel_iommu=on"})
host("intel-iommu-off", no_iommu(intel()).cmdline("intel_iommu=off"),
     {"iommu-off-intel": r"Remove intel_iommu=off.*add intel_iommu=on"})
host("iommu-off", no_iommu(intel()).cmdline("iommu=off", "intel_iommu=on"), {"iommu-off-intel": r"Remove iommu=off"})
host("intel-iommu-sm-only", no_iommu(intel()).cmdline("intel_iommu=sm_on"), {"iommu-off-intel": r"intel_iommu=on"})
host("amd-iommu-off", no_iommu(amd()).cmdline("amd_iommu=off").irqs(*X86_IRQS), {"iommu-off-amd": r"Remove amd_iommu=off"})
host("intel-iommu-gave-up", no_iommu(intel()).log("DMAR: [Firmware Bug]: No firmware reserved region can cover this RMRR"),
     {"iommu-off-intel": r"dmesg"}, {"firmware-bug": r"PowerEdge R650"})
host("intel-iommu-default-on-gave-up", no_iommu(intel()).cmdline()
     .add("boot/config-6.1.0-18-amd64", "CONFIG_INTEL_IOMMU_DEFAULT_ON=y"),
     {"iommu-off-intel": r"dmesg"})
host("kernel-without-intel-iommu", no_iommu(intel()).kernel(without=["INTEL_IOMMU"]).cmdline(),
     {"iommu-off-intel": r"kernel that was built"})
host("nointremap", intel().cmdline("intel_iommu=on", "nointremap").irqs(*X86_IRQS), {"interrupt-remapping-off": r"Remove nointremap"})
host("intremap-off", intel().cmdline("intel_iommu=on", "intremap=off").irqs(*X86_IRQS),
     {"interrupt-remapping-off": r"Remove intremap=off"})
host("no-intremap-firmware", amd().irqs(*X86_IRQS).log("AMD-Vi: [Firmware Bug]: : IOAPIC[4] not in IVRS table",
                                                       "AMD-Vi: Disabling interrupt remapping"),
     {"interrupt-remapping-off": r"Interrupt Remapping"}, {"firmware-bug": r"Update the firmware"})
host("x2apic-opt-out", intel().log("DMAR-IR: x2apic is disabled because BIOS sets x2apic opt out bit."),
     {}, {"x2apic-opt-out": r"X2APIC Opt Out.*intremap=no_x2apic_optout"})

# --- vfio
host("unsafe-interrupts", intel().parameter("vfio_iommu_type1", "allow_unsafe_interrupts", "Y").loaded(),
     {}, {"unsafe-interrupts": r"echo N"})
host("noiommu-mode", no_iommu(guest()).parameter("vfio", "enable_unsafe_noiommu_mode", "Y").loaded()
     .put("sys/kernel/iommu_groups/0/name", "vfio-noiommu"),
     {"iommu-none-guest": r"intel-iommu"}, {"noiommu-mode": r"enable_unsafe_noiommu_mode"})
host("vfio-not-built", intel().kernel(without=["VFIO_PCI"], modules=()), {"kernel-no-vfio": r"CONFIG_VFIO_PCI"})
host("vfio-module-absent", intel().kernel(modules=()), {"vfio-module-missing": r"linux-modules-extra-6.1.0-18-amd64"})
host("modules-unreadable", intel().remove("lib/modules"), {}, {}, ["vfio-unknown"])
host("kernel-without-sriov", bare_intel().kernel(without=["PCI_IOV"]).nic(IGB_PATH, 0x8086, 0x1521, "igb", "eno1"),
     {"kernel-no-sriov": r"CONFIG_PCI_IOV=y", "no-sriov-device": r"SR-IOV"})
host("lockdown-integrity", intel().put("sys/kernel/security/lockdown", "none [integrity] confidentiality"), {}, {}, ["lockdown"])
host("lockdown-confidentiality", intel().put("sys/kernel/security/lockdown", "none integrity [confidentiality]"), {},
     {}, ["lockdown"])
host("secure-boot-unsigned", intel().put("sys/kernel/security/lockdown", "none [integrity] confidentiality")
     .put("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\6\0\0\0\1")
     .log("Loading of module with unavailable key is rejected"), {}, {"module-unsigned": r"mokutil"}, ["lockdown"])

# --- memory and bus numbers
host("pci-realloc", intel(unset=True), {"vf-memory-unassigned": r"SR-IOV Global Enable.*pci=realloc"})
host("pci-realloc-not-enough", intel(unset=True).cmdline("intel_iommu=on", "pci=realloc"), {"vf-memory-unassigned": r"above 4GB"})
host("vf-bars-without-address", intel(unset=True, flags=0), {"vf-memory-unassigned": r"pci=realloc"})
host("vf-bars-gone", intel(gone=True), {"vf-memory-unassigned": r"pci=realloc"})
host("vf-bars-gone-as-user", intel(gone=True, shown=64), {"vf-memory-unassigned": r"pci=realloc"}, {}, ["not-all-readable"])
host("above-4g-off", intel("Supermicro", "SYS-6029P", memory=LOW, unset=True), {"above-4g-off": r"Above 4G Decoding"})
host("above-4g-off-hpe", intel("HPE", "ProLiant DL360 Gen10", memory=LOW, unset=True), {"above-4g-off": r"resource padding"})
host("log-mmio", amd().log("mlx5_core 0000:41:00.0: not enough MMIO resources for SR-IOV"),
     {}, {"log-mmio": r"Above 4G Decoding.*pci=realloc"})
host("bus-out-of-range", bare_amd().pf("0000:40:01.1/0000:41:00.0", **I350, netdev="eno1", ari=False),
     {"bus-numbers": r"pci=assign-busses"}, {}, ["vfs-limited"])
host("bus-out-of-range-part", bare_amd().pf("0000:40:01.1/0000:41:00.0", **{**E810, "sriov": (256, 8, 1, 0x1889)}, netdev="ens1f0"),
     {}, {"bus-numbers": r"pci=assign-busses"})
host("log-bus", amd().log("mlx5_core 0000:41:00.0: can't enable 200 VFs (bus 42 out of range of [bus 41])"),
     {}, {"log-bus-numbers": r"pci=assign-busses"})
host("ari-not-supported", bare_amd().port("0000:40:01.2", 0x42, 0x42, ari="no").pf("0000:40:01.2/0000:42:00.0", **CX5),
     {}, {"ari-off": r"another slot"})
host("ari-off", bare_amd().port("0000:40:01.2", 0x42, 0x42, ari="off").pf("0000:40:01.2/0000:42:00.0", **CX5),
     {}, {"ari-off": r"ARI"})
host("noari", bare_amd().cmdline("pci=noari").port("0000:40:01.2", 0x42, 0x42, ari="off").pf("0000:40:01.2/0000:42:00.0", **CX5),
     {}, {"ari-off": r"Remove pci=noari"})

# --- devices and their drivers
host("no-device", bare_intel(), {"no-sriov-device": r"SR-IOV Global Enable"})
host("totalvfs-zero", amd(total=0), {"vfs-none": r"mlxconfig -d 0000:41:00.0 set SRIOV_EN=1"}, {}, [])
host("mellanox-sriov-off", bare_amd().nic("0000:40:01.1/0000:41:00.0", 0x15B3, 0x1017, "mlx5_core", "enp65s0f0np0"),
     {"no-sriov-device": r"card's own configuration"}, {"sriov-off-in-device": r"mlxconfig -d 0000:41:00.0"})
host("mellanox-sriov-off-locked-down", intel().put("sys/kernel/security/lockdown", "none [integrity] confidentiality")
     .nic("0000:3a:00.0/0000:3b:00.2", 0x15B3, 0x1017, "mlx5_core"), {}, {"sriov-off-in-device": r"lockdown keeps mlxconfig"},
     ["lockdown"])
host("broadcom-sriov-off", intel().nic("0000:3a:00.0/0000:3b:00.2", 0x14E4, 0x1750, "bnxt_en", "ens2"),
     {}, {"sriov-off-in-device": r"niccli"})
host("pf-on-vfio", bare_intel().pf(IGB_PATH, **{**X710, "driver": "vfio-pci"}).loaded().parameter("vfio_pci", "enable_sriov", "N"),
     {}, {"pf-on-vfio": r"enable_sriov"})
host("pf-on-vfio-with-sriov", bare_intel().pf(IGB_PATH, **{**X710, "driver": "vfio-pci"}).loaded()
     .parameter("vfio_pci", "enable_sriov", "Y"))
host("pf-on-uio", bare_intel().pf(IGB_PATH, **{**X710, "driver": "uio_pci_generic"}), {}, {"pf-driver-no-sriov": r"own driver"})
host("pf-without-driver", bare_intel().pf(IGB_PATH, **{**X710, "driver": None})
     .kernel(aliases=["alias pci:v00008086d00001572sv*sd*bc*sc*i* i40e"]), {}, {"pf-no-driver": r"modprobe i40e"})
host("pf-driver-missing", bare_intel().pf(IGB_PATH, **{**E810, "driver": None})
     .kernel(aliases=["alias pci:v00008086d00001572sv*sd*bc*sc*i* i40e"]), {"pf-driver-missing": r"8086:1592"})
host("mlx4", amd(device=0x1007, driver="mlx4_core"), {}, {"pf-module-parameter": r"num_vfs"})
host("qat-denylist", bare_intel().pf(IGB_PATH, **QAT), {}, {"vfio-denylist": r"disable_denylist=1"})
host("qat-denylist-off", bare_intel().pf(IGB_PATH, **QAT).loaded().parameter("vfio_pci", "disable_denylist", "Y"),
     {}, {"vfio-denylist-off": r"remove disable_denylist"})

# --- other architectures
host("arm-without-smmu", no_iommu(arm()).remove("sys/firmware/acpi/tables/IORT"), {"iommu-off-arm": r"SMMU"})
host("arm-kernel-without-smmu", no_iommu(arm()).kernel(without=["ARM_SMMU_V3", "INTEL_IOMMU", "AMD_IOMMU"]),
     {"iommu-off-arm": r"CONFIG_ARM_SMMU_V3"})
host("power-without-iommu", no_iommu(power()), {"iommu-none": r"firmware or hypervisor"})

# --- guests
host("xen-host", no_iommu(intel()).put("proc/xen/capabilities", "control_d")
     .put("proc/cpuinfo", cpuinfo("GenuineIntel", "hypervisor"))
     .remove("sys/firmware/acpi/tables/DMAR").irqs("xen-pirq", "xen-dyn"), {}, {}, ["iommu-xen"])
host("cloud-bare-metal", no_iommu(intel("Amazon EC2", "c6i.metal")).remove("sys/firmware/acpi/tables/DMAR").cmdline(),
     {"iommu-off-firmware": r"VT-d.*intel_iommu=on"})
host("arm-guest", no_iommu(arm()).put("sys/class/dmi/id/sys_vendor", "QEMU"), {"iommu-off-arm": r"iommu=smmuv3"})
host("guest-without-viommu", guest(), {"iommu-none-guest": r"intel-iommu,intremap=on.*intel_iommu=on"}, {}, ["cpu-nested-off"])
host("guest-viommu-unused", guest().put("sys/firmware/acpi/tables/DMAR", b""), {"iommu-off-intel": r"intel_iommu=on"})
host("guest-viommu-without-intremap", guest().cmdline("intel_iommu=on").put("sys/firmware/acpi/tables/DMAR", b"")
     .groups(9, ["dmar0"]),
     {"interrupt-remapping-off": r"kernel-irqchip=split"})
host("guest-without-pf", bare_guest(), {"iommu-none-guest": r"intel-iommu", "no-sriov-device": r"on its host"})
host("guest-small-window", guest(unset=True), {"iommu-none-guest": r"intel-iommu", "vf-memory-unassigned": r"pref64-reserve"})
# The machine that sriovd was developed on, without what its command line says besides: a microVM without modules, DMI or an IOMMU.
host("microvm", Host("6.18.44").put("proc/cpuinfo", cpuinfo("AuthenticAMD", "hypervisor", "svm")).cmdline("nomodule")
     .put("sys/firmware/acpi/tables/APIC", b"").put("sys/firmware/acpi/tables/MCFG", b"").irqs("IO-APIC", "PCI-MSIX-0000:00:01.0")
     .nic("0000:00:01.0", 0x1AF4, 0x1041, "virtio-pci", "eth0"),
     {"iommu-none-guest": r"intel-iommu", "no-sriov-device": r"igb", "vfio-module-missing": r"without nomodule"})

# --- other managers
host("networkmanager", intel().put("etc/NetworkManager/system-connections/a.nmconnection",
                                   "[connection]\nid=a\ntype=ethernet\ninterface-name=enp59s0f0\n[sriov]\ntotal-vfs=4\n"),
     {}, {"other-manager": r"one of them"})
host("networkd", intel().put("etc/systemd/network/10-a.link", "[Match]\nOriginalName=enp59s0f0\n[Link]\nSR-IOVVirtualFunctions=8\n"),
     {}, {"other-manager": r"one of them"})
host("netplan", intel().put("etc/netplan/50-a.yaml", "network:\n  version: 2\n  ethernets:\n    enp59s0f0:\n      virtual-function-count: 4\n"),
     {}, {"other-manager": r"one of them"})
host("rc-local", intel().put("etc/rc.local", "#!/bin/sh\necho 8 > /sys/class/net/enp59s0f0/device/sriov_numvfs\n"),
     {}, {"other-manager": r"one of them"})
host("network-operator", intel().put("etc/sriov-operator/pci/0000:3b:00.0", "{}"), {}, {"other-operator": r"SriovNetworkNodePolicy"})

# --- several things at once
host("many", no_iommu(intel("Lenovo", "ThinkSystem SR650", unset=True)).cmdline().put("proc/cpuinfo", cpuinfo("GenuineIntel"))
     .kernel(modules=()), {"iommu-off-intel": r"intel_iommu=on", "vf-memory-unassigned": r"SRIOV", "vfio-module-missing": r"Install"},
     {"cpu-virtualization-off": r"Lenovo"})
