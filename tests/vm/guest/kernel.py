# SPDX-License-Identifier: GPL-2.0-or-later
"""Suite kernel: what the other suites and the simulation rely on, shown by the kernel itself, without sriovd.

Each scenario starts and ends without VFs, with autoprobe on. The facts it meets go out as diagnostics.
"""
import contextlib
import os
import time

from lib import (BAD, GOOD1, GOOD2, HAS_IOMMU, HOTPLUG_SLOT, NVME, Reading, Writing, bind, check, device, diag, driver, eq, group,
                 holder, ip_link, ip_refusal, ip_vfs, link, members, netdev, pf_behind, qmp, read, refusal, scenario, set_numvfs,
                 sh, uevents, unplug, vfs, wait_for)

PF_FILES = ("vendor", "device", "class", "sriov_totalvfs", "sriov_offset", "sriov_stride", "sriov_vf_device",
            "sriov_vf_total_msix", "sriov_drivers_autoprobe", "sriov_numvfs", "numa_node", "reset_method", "driver_override",
            "enable")


@contextlib.contextmanager
def with_vfs(pf, count, autoprobe):
    """VFs for the time of a with block; yields their addresses."""
    set_numvfs(pf, count, autoprobe)
    try:
        eq(len(vfs(pf)), count, "virtfn links")
        yield vfs(pf)
    finally:
        set_numvfs(pf, 0, True)


def timed(what, function, *arguments):
    began = time.monotonic()
    value = function(*arguments)
    diag(f"{what}: {time.monotonic() - began:.2f} s")
    return value


@scenario("three igb PFs with 7 VFs and an NVMe PF with 4 are there")
def found():
    eq([driver(pf) for pf in (GOOD1, GOOD2, BAD, NVME)], ["igb", "igb", "igb", "nvme"])
    eq([read(device(pf, "sriov_totalvfs")) for pf in (GOOD1, GOOD2, BAD, NVME)], ["7", "7", "7", "4"])
    for pf in (GOOD1, NVME):
        diag(f"{pf} " + " ".join(f"{name}={read(device(pf, name))}" for name in PF_FILES))
    link_state = ip_link(netdev(GOOD1))
    diag(f"{netdev(GOOD1)} {link_state['operstate']} flags {link_state['flags']}, keys {sorted(link_state)}")
    diag("devlink: " + sh("devlink dev eswitch show pci/" + GOOD1 + " 2>&1", check=False))


def show_order(vf, events):
    """Prints the PF's and one VF's uevents in their order."""
    diag("uevents of creation: " + ", ".join(f"{action} {properties['SUBSYSTEM']} {name}" for action, name, properties in events
                                             if name == GOOD1 or vf in properties["DEVPATH"]))


@scenario("0 to 7 VFs on a host driver, each with a group of its own, and back")
def create():
    with uevents() as so_far:
        timed("0 to 7 VFs, autoprobe on", set_numvfs, GOOD1, 7, True)
        addresses = vfs(GOOD1)
        diag(f"drivers when the write returned: {[driver(vf) for vf in addresses]}")
        bus = GOOD1[:8]
        eq(addresses, [bus + tail for tail in ("10.0", "10.2", "10.4", "10.6", "11.0", "11.2", "11.4")])
        wait_for(lambda: all(driver(vf) == "igbvf" and netdev(vf) for vf in addresses), 20, "igbvf on all VFs")
        sh("udevadm settle")
        diag(f"VF netdevs: {[netdev(vf) for vf in addresses]}")
        created = so_far()
    order = [action for action, name, _ in created if name == addresses[0]]
    check(order.index("add") < order.index("bind"), f"add before bind in {order}")
    vf = addresses[0]
    files = sorted(name for name in os.listdir(device(vf)) if os.path.isfile(device(vf, name)))
    diag(f"a VF's files: {' '.join(files)}")
    diag(f"a VF: vendor={read(device(vf, 'vendor'))} device={read(device(vf, 'device'))} class={read(device(vf, 'class'))}"
         f" driver_override={read(device(vf, 'driver_override'))!r} enable={read(device(vf, 'enable'))}"
         f" reset_method={read(device(vf, 'reset_method'))!r} physfn={link(vf, 'physfn')} numa={read(device(vf, 'numa_node'))}")
    entry = ip_vfs(netdev(GOOD1))
    eq(sorted(entry), list(range(7)))
    diag(f"VF 0 after creation: {entry[0]}")
    diag(f"VF 6 after creation: {entry[6]}")
    diag(f"VF 0's own netdev has {ip_link(netdev(vf))['address']}")
    if HAS_IOMMU:
        eq([members(group(vf)) for vf in addresses], [[vf] for vf in addresses], "groups")
    show_order(addresses[0], created)
    with uevents() as so_far:
        timed("7 to 0 VFs", set_numvfs, GOOD1, 0)
        sh("udevadm settle")
        removed = [(action, name) for action, name, _ in so_far()]
    diag("uevents of destruction: " + ", ".join(f"{action} {name}" for action, name in removed if name in [GOOD1] + addresses))
    check(all(("remove", vf) in removed for vf in addresses), "a remove uevent of each VF")
    eq(vfs(GOOD1), [])
    with uevents() as so_far:  # and again, now that the VF driver is loaded
        with with_vfs(GOOD1, 1, True) as again:
            eq(driver(again[0]), "igbvf", "the probe is part of the write")
            sh("udevadm settle")
            show_order(again[0], so_far())
    diag(f"without VFs vfinfo_list is {ip_link(netdev(GOOD1)).get('vfinfo_list')}")
    eq(ip_vfs(netdev(GOOD1)), {}, "VFs of the PF over netlink")


@scenario("what sriov_numvfs refuses")
def refusals():
    numvfs = device(GOOD1, "sriov_numvfs")
    eq(refusal(set_numvfs, GOOD1, 8, False), "ERANGE", "more than the total")
    eq(refusal(set_numvfs, GOOD1, "-1"), "EINVAL", "-1")
    eq(refusal(set_numvfs, GOOD1, "x"), "EINVAL", "not a number")
    eq(refusal(set_numvfs, GOOD1, 65535), "ERANGE", "65535")
    eq(refusal(set_numvfs, GOOD1, 65536), "EINVAL", "over 16 bits")
    with with_vfs(GOOD1, 2, False) as addresses:
        eq(read(numvfs), "2")
        eq(refusal(set_numvfs, GOOD1, 3), "EBUSY", "2 to 3")
        eq(refusal(set_numvfs, GOOD1, 1), "EBUSY", "2 to 1")
        eq(refusal(set_numvfs, GOOD1, 2), "", "2 to 2")
        eq(vfs(GOOD1), addresses, "the VFs stayed")
        eq([driver(vf) for vf in addresses], [None, None], "autoprobe off")
        sh("modprobe igbvf")
        diag(f"autoprobe off: bind to igbvf {refusal(bind_plain, addresses[0], 'igbvf')},"
             f" drivers_probe {refusal(bind, addresses[0], '')!r} driver {driver(addresses[0])}")
    unbound = device(GOOD1, "driver", "unbind")
    with open(unbound, "w", encoding="utf-8") as file:
        file.write(GOOD1)
    try:
        diag(f"PF without a driver: totalvfs {read(device(GOOD1, 'sriov_totalvfs'))}")
        eq(refusal(set_numvfs, GOOD1, 1), "ENOENT", "a PF without a driver")
    finally:
        bind(GOOD1, "")
    wait_for(lambda: netdev(GOOD1), 10, "the PF's netdev")
    sh("udevadm settle")


def bind_plain(bdf, name):
    """Binds by the driver's `bind` file, without an override."""
    fd = os.open(f"/sys/bus/pci/drivers/{name}/bind", os.O_WRONLY)
    try:
        os.write(fd, bdf.encode())
    finally:
        os.close(fd)


@scenario("VF attributes over netlink")
def attributes():
    with with_vfs(GOOD1, 2, False):
        name = netdev(GOOD1)
        sh(f"ip link set {name} down")
        diag(f"link down: max_tx_rate 100 {ip_refusal(f'link set {name} vf 1 max_tx_rate 100') or 'works'}")
        for words in ("mac 02:00:00:00:00:11", "vlan 100 qos 3", "spoofchk off", "trust on"):
            eq(ip_refusal(f"link set {name} vf 1 {words}"), "", words)
        vf = ip_vfs(name)[1]
        diag(f"VF 1 after setting: {vf}")
        eq(vf["address"], "02:00:00:00:00:11")
        eq((vf["spoofchk"], vf["trust"]), (False, True))
        eq(vf["vlan_list"], [{"vlan": 100, "qos": 3}])
        eq(ip_vfs(name)[0]["vlan_list"], [{}], "VF 0 left alone")
        eq(ip_refusal(f"link set {name} vf 1 state enable"), "EOPNOTSUPP", "link state")
        for words in ("state auto", "query_rss on", "vlan 100 proto 802.1ad", "mac 01:00:00:00:00:11", "mac 00:00:00:00:00:00",
                      "vlan 4095", "vlan 100 qos 8", "max_tx_rate 100 min_tx_rate 10",
                      "max_tx_rate 0 min_tx_rate 0", "node_guid 00:11:22:33:44:55:66:77"):
            diag(f"link down: {words}: {ip_refusal(f'link set {name} vf 1 {words}') or 'works'}")
        diag(f"VF 2 of 2: mac {ip_refusal(f'link set {name} vf 2 mac 02:00:00:00:00:12')},"
             f" vlan {ip_refusal(f'link set {name} vf 2 vlan 5')}, trust {ip_refusal(f'link set {name} vf 2 trust on')},"
             f" spoofchk {ip_refusal(f'link set {name} vf 2 spoofchk on')}, rate {ip_refusal(f'link set {name} vf 2 max_tx_rate 5 min_tx_rate 0')}")
        eq(ip_refusal(f"link set {name} vf 1 vlan 0"), "", "vlan 0")
        sh(f"ip link set {name} up")
        wait_for(lambda: read(f"/sys/class/net/{name}/carrier") == "1", 20, "the link")
        diag(f"link up: {ip_link(name)['operstate']} speed {read(f'/sys/class/net/{name}/speed')}")
        for words in ("max_tx_rate 100", "max_tx_rate 100 min_tx_rate 10", "max_tx_rate 1000", "max_tx_rate 1001", "max_tx_rate 0", "max_tx_rate 250"):
            diag(f"link up: {words}: {ip_refusal(f'link set {name} vf 1 {words}') or 'works'} rate {ip_vfs(name)[1].get('rate')}")
        sh(f"ip link set {name} down")
        diag(f"down again: {ip_vfs(name)[1]}")
    with with_vfs(GOOD1, 2, False):
        diag(f"VF 1 after destroy and create: {ip_vfs(netdev(GOOD1))[1]}")


@scenario("behind a switch without ACS the PF and all its VFs share one group", when=HAS_IOMMU)
def badly_isolated():
    before = members(group(BAD))
    with with_vfs(BAD, 7, False) as addresses:
        eq({group(vf) for vf in addresses}, {group(BAD)}, "groups")
        eq(members(group(BAD)), sorted(before + addresses))
        diag(f"the group without VFs: {before}")
        sh("modprobe vfio-pci")
        bind(addresses[0], "vfio-pci")
        eq(driver(addresses[0]), "vfio-pci")
        said = sh(["/run/vmtest/holder", group(addresses[0]), addresses[0]], check=False)
        diag(f"opening it while the PF is on igb: {said}")
        check("held" not in said, "a group that is not viable does not open")


@scenario("a VF on vfio-pci, and enable tells whether it is held", when=HAS_IOMMU)
def vfio():
    sh("modprobe vfio-pci")
    with with_vfs(GOOD1, 3, False) as addresses:
        vf = addresses[1]
        eq(read(device(vf, "driver_override")), "(null)")
        bind(vf, "vfio-pci")
        eq(driver(vf), "vfio-pci")
        eq(read(device(vf, "driver_override")), "vfio-pci")
        eq(read(device(vf, "enable")), "0", "nobody has it open")
        with holder(vf):
            eq(read(device(vf, "enable")), "1", "held")
            second = sh(["/run/vmtest/holder", group(vf), vf], check=False)
            eq(second, f"/dev/vfio/{group(vf)}: Device or resource busy", "a second open")
        wait_for(lambda: read(device(vf, "enable")) == "0", 5, "enable to fall")
        diag(f"group node {sh('stat -c %a:%U:%G /dev/vfio/' + group(vf))}")
        sh("modprobe igbvf")
        write_autoprobe(GOOD1, 1)
        bind(vf, "")
        eq((driver(vf), read(device(vf, "driver_override"))), ("igbvf", "(null)"), "back on its own driver")


def write_autoprobe(pf, value):
    with open(device(pf, "sriov_drivers_autoprobe"), "w", encoding="utf-8") as file:
        file.write(str(value))


@scenario("a held VF blocks the destroy, the other PF's writes and this PF's read, and all heals", when=HAS_IOMMU)
def held():
    sh("modprobe vfio-pci")
    with with_vfs(GOOD2, 2, False):
        set_numvfs(GOOD1, 2, False)
        vf = vfs(GOOD1)[0]
        bind(vf, "vfio-pci")
        with holder(vf):
            destroy = Writing(device(GOOD1, "sriov_numvfs"), 0)
            time.sleep(2)
            other_reading = Reading(device(GOOD2, "sriov_numvfs"))
            eq(other_reading.result(5), "", "reading the other PF's sriov_numvfs, before it is written")
            other, reading = Writing(device(GOOD2, "sriov_numvfs"), 0), Reading(device(GOOD1, "sriov_numvfs"))
            time.sleep(1)
            other_reading = Reading(device(GOOD2, "sriov_numvfs"))
            time.sleep(1)
            eq([task.done() for task in (destroy, other, reading)], [False, False, False], "all three wait")
            diag(f"after its write began, reading the other PF's sriov_numvfs {'returns' if other_reading.done() else 'waits too'}")
            eq(len(vfs(GOOD2)), 2, "the other PF's VFs are still there")
            diag(f"meanwhile this PF has {vfs(GOOD1)}, the held VF's enable reads {read(device(vf, 'enable'))},"
                 f" driver {driver(vf)}")
            name = netdev(GOOD1)
            began = time.monotonic()
            diag(f"setting VF 1's MAC meanwhile: {ip_refusal(f'link set {name} vf 1 mac 02:00:00:00:00:21') or 'works'}"
                 f" ({time.monotonic() - began:.2f} s); ip lists VFs {sorted(ip_vfs(name))}")
            diag(f"setting the other PF's VF 1 MAC: {ip_refusal(f'link set {netdev(GOOD2)} vf 1 mac 02:00:00:00:00:22') or 'works'}")
        released = time.monotonic()
        eq([task.result() for task in (destroy, other, reading, other_reading)], ["", "", "", ""], "after the release")
        diag(f"all over {time.monotonic() - released:.2f} s after the release")
        eq((vfs(GOOD1), vfs(GOOD2)), ([], []))
    set_numvfs(GOOD1, 0, True)


@scenario("without an IOMMU there are no groups and vfio-pci takes no VF", when=not HAS_IOMMU)
def no_iommu():
    sh("modprobe vfio-pci")
    with with_vfs(GOOD1, 1, False) as addresses:
        eq((group(GOOD1), group(addresses[0])), (None, None))
        diag(f"probing vfio-pci: {refusal(bind, addresses[0], 'vfio-pci') or 'the write succeeds'}")
        eq(driver(addresses[0]), None)


@scenario("an NVMe PF, 0 to 4 VFs")
def nvme():
    with with_vfs(NVME, 4, True) as addresses:
        diag(f"drivers when the write returned: {[driver(vf) for vf in addresses]}")
        wait_for(lambda: not any(driver(vf) for vf in addresses), 20, "the driver to give the VFs up: they have no resources yet")
        diag(f"addresses {addresses}, drivers {[driver(vf) for vf in addresses]}, groups {[group(vf) for vf in addresses]},"
             f" the PF's own {group(NVME)}")
        if HAS_IOMMU:
            eq(len({group(vf) for vf in addresses}), 4, "groups")
        eq(refusal(set_numvfs, NVME, 3), "EBUSY")
    eq(refusal(set_numvfs, NVME, 5), "ERANGE")
    diag("; ".join(sh("dmesg | grep 'nvme nvme' | tail -n 4", check=False).splitlines()))


@scenario("rmmod igb takes the VFs, modprobe igb brings the PFs back")
def reload():
    set_numvfs(GOOD1, 2, False)
    timed("rmmod igb", sh, "rmmod igb")
    eq((driver(GOOD1), vfs(GOOD1)), (None, []))
    diag(f"without igb: totalvfs {read(device(GOOD1, 'sriov_totalvfs'))} numvfs {read(device(GOOD1, 'sriov_numvfs'))}"
         f" autoprobe {read(device(GOOD1, 'sriov_drivers_autoprobe'))}")
    sh("modprobe igb")
    wait_for(lambda: all(netdev(pf) for pf in (GOOD1, GOOD2, BAD)), 20, "the PFs' netdevs")
    sh("udevadm settle")
    eq(vfs(GOOD1), [])
    eq(read(device(GOOD1, "sriov_drivers_autoprobe")), "0", "autoprobe survives the driver")
    write_autoprobe(GOOD1, 1)


@scenario("a PF with VFs is unplugged, and one is plugged into the empty port")
def hotplug():
    with with_vfs(GOOD1, 1, False):
        set_numvfs(GOOD2, 2, False)
        with uevents() as so_far:
            began = time.monotonic()
            unplug("nic2", GOOD2)
            diag(f"unplugged after {time.monotonic() - began:.2f} s")
            sh("udevadm settle")
            diag("uevents of the unplug: " + ", ".join(f"{action} {name}" for action, name, properties in so_far()
                                                       if properties["SUBSYSTEM"] == "pci"))
        wait_for(lambda: len(vfs(GOOD1)) == 1, 1, "the other PF to keep its VF")
    began = time.monotonic()
    qmp("device_add", driver="igb", id="nic4", bus="rp5", netdev="n4", mac="52:54:00:00:00:04")
    pf = wait_for(lambda: pf_behind(HOTPLUG_SLOT), 30, "a PF in the empty port")
    wait_for(lambda: netdev(pf), 20, "its netdev")
    diag(f"plugged in as {pf} after {time.monotonic() - began:.2f} s, totalvfs {read(device(pf, 'sriov_totalvfs'))}")
    with with_vfs(pf, 3, False) as addresses:
        diag(f"its VFs: {addresses}, groups {[group(vf) for vf in addresses]}")
    began = time.monotonic()
    qmp("device_add", driver="igb", id="nic2", bus="rp2", netdev="n2", mac="52:54:00:00:00:02")
    wait_for(lambda: os.path.exists(device(GOOD2)) and netdev(GOOD2), 30, "the unplugged PF to be back")
    diag(f"the first one is back after {time.monotonic() - began:.2f} s")
    sh("udevadm settle")
    with with_vfs(GOOD2, 7, False):
        pass
