# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts for the doctor's tests: each is a whole /proc, /sys, /boot and /lib/modules as far as `sriovctl doctor` reads them.

A host is made from a machine that is well (intel(), amd(), arm(), power(), guest()) and what is different on it. table.py has the
hosts and what the doctor must find on each. Host.write() makes the tree below a directory.
"""
import os
import pathlib
import struct

PCI = "sys/bus/pci/devices"
MEM64, UNSET = 0x14220C, 0x2000_0000
HIGH, LOW = 0x380000000000, 0xC0000000
MIB = 1 << 20


def put(space, offset, form, *values):
    struct.pack_into("<" + form, space, offset, *values)


def config_space(vendor, device, *, bridge=None, ari_port=None, ari=False, sriov=None, vf_bar=0xC):
    """4096 bytes. bridge: (secondary, subordinate). ari_port: None, "no", "off" or "on". sriov: (total, offset, stride, vf_device)."""
    space = bytearray(4096)
    put(space, 0, "HH", vendor, device)
    space[6] = 0x10
    space[0x34] = 0x40
    put(space, 0x40, "BBH", 0x10, 0, 0x42 if bridge else 0x02)
    if bridge:
        space[0x0E] = 1
        space[0x19], space[0x1A] = bridge
        put(space, 0x40 + 0x24, "I", 0 if ari_port == "no" else 1 << 5)
        put(space, 0x40 + 0x28, "H", 1 << 5 if ari_port == "on" else 0)
        return bytes(space)
    put(space, 0x100, "III", 0x0003 | 1 << 16 | (0x140 << 20 if ari or sriov else 0), 0x11223344, 0x55667788)
    if ari or sriov:
        put(space, 0x140, "I", (0x000E if ari else 0x0001) | 1 << 16 | (0x160 << 20 if sriov else 0))
    if sriov:
        total, offset, stride, vf_device = sriov
        put(space, 0x160, "IIHHHHHHHHHH", 0x0010 | 1 << 16, 0, 0x10 if ari else 0, 0, total, total, 0, 0, offset, stride, 0, vf_device)
        put(space, 0x180, "II", 1, vf_bar)
    return bytes(space)


class Host:
    def __init__(self, release="6.1.0-18-amd64"):
        self.files, self.links, self.release = {}, {}, release
        self.put("proc/sys/kernel/osrelease", release)

    def put(self, path, content):
        if isinstance(content, str) and not content.endswith("\n"):
            content += "\n"
        self.files[path] = content
        return self

    def add(self, path, line):
        return self.put(path, self.files.get(path, "") + line)

    def link(self, path, target):
        self.links[path] = target
        return self

    def remove(self, *prefixes):
        """Takes these paths away, with all below."""
        for table in self.files, self.links:
            for path in list(table):
                if any(path == p or path.startswith(p + "/") for p in prefixes):
                    del table[path]
        return self

    def cmdline(self, *words):
        return self.put("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=UUID=0e7c-secret ro " + " ".join(words) + " quiet")

    def log(self, *lines):
        for number, line in enumerate(lines):
            self.add("var/log/dmesg", f"[{number + 1:5d}.{number:06d}] {line}")
        return self

    def kernel(self, without=(), builtin=(), modules=("vfio-pci",), aliases=()):
        options = {"PCI_IOV": "y", "VFIO_PCI": "m", "INTEL_IOMMU": "y", "AMD_IOMMU": "y", "IRQ_REMAP": "y", "ARM_SMMU_V3": "y"}
        lines = ["# Automatically generated file; DO NOT EDIT.", "# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set"]
        for option, value in options.items():
            lines.append(f"# CONFIG_{option} is not set" if option in without else f"CONFIG_{option}={value}")
        self.put(f"boot/config-{self.release}", "\n".join(lines))
        base = f"lib/modules/{self.release}"
        deps = [f"kernel/drivers/net/{name}.ko.xz:" for name in ("igb/igb", "i40e/i40e")]
        deps += [f"kernel/drivers/vfio/pci/{name}.ko.xz: kernel/drivers/vfio/vfio.ko.xz" for name in modules]
        self.put(f"{base}/modules.dep", "\n".join(deps))
        self.put(f"{base}/modules.builtin", "\n".join(["kernel/drivers/pci/pci.ko", *builtin]))
        return self.put(f"{base}/modules.alias", "\n".join(["# Aliases extracted from modules themselves.", *aliases]))

    def irqs(self, *names):
        for number, name in enumerate(names):
            self.put(f"sys/kernel/irq/{number}/chip_name", name)
        return self

    def groups(self, count, iommus=()):
        self.remove("sys/kernel/iommu_groups", "sys/class/iommu")
        for number in range(count):
            self.put(f"sys/kernel/iommu_groups/{number}/type", "DMA-FQ")
            self.put(f"sys/kernel/iommu_groups/{number}/name", "")
        for name in iommus:
            self.link(f"sys/class/iommu/{name}", f"../../devices/virtual/iommu/{name}")
            self.put(f"sys/devices/virtual/iommu/{name}/uevent", "")
        return self

    def parameter(self, module, name, value):
        return self.put(f"sys/module/{module}/parameters/{name}", value)

    def loaded(self):
        return self.put("sys/bus/pci/drivers/vfio-pci/uevent", "")

    # --- devices

    def function(self, path, vendor, device, pci_class, config, driver=None, resources=()):
        """path: of addresses from the root bus: "0000:3a:00.0/0000:3b:00.0"."""
        address = path.split("/")[-1]
        place = f"sys/devices/pci{address[:5]}00/{path}"
        self.link(f"{PCI}/{address}", f"../../../devices/pci{address[:5]}00/{path}")
        for name, value, digits in ("vendor", vendor, 4), ("device", device, 4), ("class", pci_class, 6):
            self.put(f"{place}/{name}", f"0x{value:0{digits}x}")
        self.files[f"{place}/config"] = config
        lines = list(resources) + [(0, 0, 0)] * (13 - len(resources))
        self.put(f"{place}/resource", "\n".join("0x%016x 0x%016x 0x%016x" % line for line in lines))
        if driver:
            self.link(f"{place}/driver", "../" * (place.count("/")) + f"bus/pci/drivers/{driver}")
            self.put(f"sys/bus/pci/drivers/{driver}/uevent", "")
        return place

    def port(self, address, secondary, subordinate, ari="on", above=""):
        path = f"{above}/{address}" if above else address
        place = self.function(path, 0x8086, 0x2030, 0x060400, config_space(0x8086, 0x2030, bridge=(secondary, subordinate), ari_port=ari),
                              "pcieport")
        self.put(f"{place}/secondary_bus_number", str(secondary)).put(f"{place}/subordinate_bus_number", str(subordinate))
        return self

    def pf(self, path, vendor, device, *, sriov, driver=None, netdev=None, pci_class=0x020000, total=None, memory=HIGH, unset=False,
           gone=False, flags=UNSET, ari=True, vfs=0, shown=4096):
        """sriov: (TotalVFs, offset, stride, VF device). memory: where its BARs are. unset, gone: those of its VFs have no address (and
        these flags, as newer kernels have it); are all zero. shown: how much of its configuration space may be read."""
        bar = (memory, memory + MIB - 1, MEM64)
        size = sriov[0] * 16384
        iov = (memory + 16 * MIB, memory + 16 * MIB + size - 1, MEM64)
        if unset:
            iov = (0, size - 1, MEM64 | flags)
        resources = [bar] + [(0, 0, 0)] * 6 + ([] if gone else [iov])
        config = config_space(vendor, device, ari=ari, sriov=sriov)[:shown]
        place = self.function(path, vendor, device, pci_class, config, driver, resources)
        self.put(f"{place}/sriov_totalvfs", str(sriov[0] if total is None else total)).put(f"{place}/sriov_offset", str(sriov[1]))
        self.put(f"{place}/sriov_stride", str(sriov[2])).put(f"{place}/sriov_vf_device", f"{sriov[3]:x}")
        self.put(f"{place}/sriov_numvfs", "must not be read")
        self.put(f"{place}/modalias", f"pci:v{vendor:08X}d{device:08X}sv00008086sd00000001bc02sc00i00")
        address = path.split("/")[-1]
        for index in range(vfs):
            vf = f"{address[:-4]}1{index:x}.0"
            self.link(f"{place}/virtfn{index}", f"../{vf}")
            self.link(f"{PCI}/{vf}", f"../../../devices/pci{address[:5]}00/{path.rpartition('/')[0]}/{vf}")
            self.link(f"{place.rpartition('/')[0]}/{vf}/physfn", f"../{address}")
        if netdev:
            self.put(f"{place}/net/{netdev}/address", "b4:96:91:00:00:01")
            self.link(f"sys/class/net/{netdev}", f"../../bus/pci/devices/{address}/net/{netdev}")
        return self

    def nic(self, path, vendor, device, driver, netdev=None):
        """A network device that says nothing of SR-IOV."""
        place = self.function(path, vendor, device, 0x020000, config_space(vendor, device), driver, [(HIGH, HIGH + MIB - 1, MEM64)])
        if netdev:
            self.put(f"{place}/net/{netdev}/address", "b4:96:91:00:00:02")
        return self

    def write(self, directory):
        top = pathlib.Path(directory)
        for path, content in self.files.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_bytes(content if isinstance(content, bytes) else content.encode())
        for path, target in self.links.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(target, top / path)
        (top / "sys/firmware/acpi/tables").mkdir(parents=True, exist_ok=True)


# --- devices that people have

X710 = {"vendor": 0x8086, "device": 0x1572, "sriov": (64, 16, 1, 0x154C), "driver": "i40e"}
E810 = {"vendor": 0x8086, "device": 0x1592, "sriov": (128, 8, 1, 0x1889), "driver": "ice"}
I350 = {"vendor": 0x8086, "device": 0x1521, "sriov": (8, 384, 4, 0x1520), "driver": "igb", "total": 7}
CX5 = {"vendor": 0x15B3, "device": 0x1017, "sriov": (8, 2, 1, 0x1018), "driver": "mlx5_core"}
PM1735 = {"vendor": 0x144D, "device": 0xA824, "sriov": (32, 1, 1, 0xA824), "driver": "nvme", "pci_class": 0x010802}
QAT = {"vendor": 0x8086, "device": 0x37C8, "sriov": (16, 8, 1, 0x37C9), "driver": "c6xx", "pci_class": 0x0B4000}
IGB = {"vendor": 0x8086, "device": 0x10C9, "sriov": (7, 128, 2, 0x10CA), "driver": "igb"}

X86_IRQS = ["IO-APIC", "IO-APIC", "PCI-MSI", "PCI-MSI", "PCI-MSI"]
REMAPPED = ["DMAR-MSI", "IR-IO-APIC", "IR-IO-APIC", "IR-PCI-MSI", "IR-PCI-MSI"]


def cpuinfo(vendor, *flags):
    return f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: CPU\nflags\t\t: fpu vme msr pae {' '.join(flags)} sse2 ht lm\n" * 2


def common(host, maker, product):
    host.put("sys/class/dmi/id/sys_vendor", maker).put("sys/class/dmi/id/product_name", product)
    host.put("sys/kernel/security/lockdown", "[none] integrity confidentiality").put("etc/default/grub", 'GRUB_CMDLINE_LINUX=""')
    return host.log("Linux version 6.1.0-18-amd64", "pci 0000:3b:00.0: reg 0x184: [mem 0x380001000000 64bit pref]").kernel()


def bare_intel(maker="Dell Inc.", product="PowerEdge R650"):
    """Without any SR-IOV device."""
    host = common(Host(), maker, product)
    host.put("proc/cpuinfo", cpuinfo("GenuineIntel", "vmx", "smx")).cmdline("intel_iommu=on")
    host.put("sys/firmware/acpi/tables/DMAR", b"").put("sys/firmware/acpi/tables/APIC", b"")
    host.groups(6, ["dmar0", "dmar1"]).irqs(*REMAPPED)
    host.log("DMAR: IOMMU enabled", "DMAR-IR: Enabled IRQ remapping in x2apic mode")
    return host.port("0000:3a:00.0", 0x3B, 0x3C)


def intel(maker="Dell Inc.", product="PowerEdge R650", **changes):
    """Two ports of an X710."""
    host = bare_intel(maker, product)
    for function in range(2):
        host.pf(f"0000:3a:00.0/0000:3b:00.{function}", **{**X710, "netdev": f"enp59s0f{function}", "memory": HIGH + function * 64 * MIB,
                                                          **changes})
    return host


def bare_amd(maker="Supermicro", product="AS -1114S-WN10RT"):
    host = common(Host(), maker, product)
    host.put("proc/cpuinfo", cpuinfo("AuthenticAMD", "svm", "topoext")).cmdline()
    host.put("sys/firmware/acpi/tables/IVRS", b"").put("sys/firmware/acpi/tables/APIC", b"")
    host.groups(6, ["ivhd0", "ivhd1"]).irqs(*REMAPPED)
    host.log("AMD-Vi: AMD IOMMUv2 loaded and initialized", "AMD-Vi: Interrupt remapping enabled")
    return host.port("0000:40:01.1", 0x41, 0x41)


def amd(maker="Supermicro", product="AS -1114S-WN10RT", **changes):
    """A ConnectX-5."""
    return bare_amd(maker, product).pf("0000:40:01.1/0000:41:00.0", **{**CX5, "netdev": "enp65s0f0np0", **changes})


def arm():
    host = Host("6.1.0-18-arm64")
    host.put("proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd evtstrm aes\nCPU implementer\t: 0x41\nCPU architecture: 8\n")
    common(host, "GIGABYTE", "R272-P30-JG").cmdline()
    host.put("sys/firmware/acpi/tables/IORT", b"").groups(6, ["smmu3.0x0000000100000000"]).irqs("GICv3", "ITS-PCI-MSI")
    return host.port("0005:00:01.0", 0x01, 0x01).pf("0005:00:01.0/0005:01:00.0", **CX5, netdev="enp1s0f0np0")


def power():
    host = Host("6.1.0-18-powerpc64le")
    host.put("proc/cpuinfo", "processor\t: 0\ncpu\t\t: POWER9, altivec supported\nclock\t\t: 3800MHz\nplatform\t: PowerNV\n").cmdline()
    host.kernel(without=("INTEL_IOMMU", "AMD_IOMMU", "IRQ_REMAP", "ARM_SMMU_V3"))
    host.groups(4).irqs("XIVE-IRQ", "XICS").log("Linux version 6.1.0")
    host.put("etc/default/grub", "")
    return host.port("0033:00:00.0", 0x01, 0x01).pf("0033:00:00.0/0033:01:00.0", **CX5, netdev="enP51p1s0f0")


def bare_guest():
    """QEMU's q35 without an IOMMU and without nested virtualization."""
    host = common(Host(), "QEMU", "Standard PC (Q35 + ICH9, 2009)")
    host.put("proc/cpuinfo", cpuinfo("GenuineIntel", "hypervisor")).cmdline("console=ttyS0").irqs(*X86_IRQS)
    return host.port("0000:00:01.0", 1, 1)


def guest(**changes):
    return bare_guest().pf("0000:00:01.0/0000:01:00.0", **{**IGB, "netdev": "enp1s0", "memory": 0x800000000, **changes})
