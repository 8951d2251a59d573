# SPDX-License-Identifier: GPL-2.0-or-later
"""One side of suite frames: QEMU's igb with Linux's drivers, by ip, sysfs and packet sockets."""
import contextlib
import glob
import json
import os
import re
import select
import socket
import struct

from lib import GOOD1, GOOD2, device, driver, ip_refusal, ip_vfs, netdev, qmp, read, set_numvfs, sh, vfs, wait_for, write
from pair.frame import PLACES, TAG, VFS, Marks

SOL_PACKET, AUXDATA, IGNORE_OUTGOING, TAG_VALID, TPID_VALID = 263, 8, 23, 0x10, 0x40  # linux/if_packet.h
IPV6_OFF = "/proc/sys/net/ipv6/conf/*/disable_ipv6"
REFUSED = {"mac": b"attempted to override administratively set MAC", "vlan": b"attempted to override administratively set VLAN",
           "macvlan": b"requested MAC filter but is administratively denied"}  # by the PF's driver, as it logs it


def packet_socket(name):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    opened.setsockopt(SOL_PACKET, AUXDATA, 1)
    opened.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
    opened.bind((name, 3))
    opened.setblocking(False)
    return opened


def receive(opened):
    """One frame, with the tag that the card or the kernel took off; None: none there."""
    try:
        data, extra, _, _ = opened.recvmsg(65536, 256)
    except BlockingIOError:
        return None
    except OSError:  # the interface went down meanwhile, says the kernel once
        return b""
    for _, _, text in extra:
        status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", text[:20])
        if status & TAG_VALID:
            data = data[:12] + struct.pack(">HH", tpid if status & TPID_VALID else TAG, tci) + data[12:]
    return data


def refusal(words):
    try:
        return ip_refusal(words)
    except AssertionError:  # ip itself knows better than to ask the kernel
        return "EINVAL"


class Card:
    """QEMU's igb with Linux's drivers. What is refused is an errno name, "" nothing."""

    def __init__(self):
        self.marks, self.sockets = Marks(), {}

    def name(self, place):
        return netdev({"pf": GOOD1, "wire": GOOD2}.get(place) or vfs(GOOD1)[place])

    def start(self):
        self.stop()
        sh("modprobe 8021q")  # it puts everybody into VLAN 0
        for path in glob.glob(IPV6_OFF):
            write(path, 1)
        for place, promisc in (("wire", "on"), ("pf", "off")):
            sh(f"ip link set {self.name(place)} up promisc {promisc} mtu {9000 if place == 'wire' else 1500}")
        self.wait_up(("pf", "wire"))
        self.create()

    def create(self):
        set_numvfs(GOOD1, len(VFS), False)
        self.wait_up(["pf"])  # it starts again, and would forget VFs that are there before it is up
        write(device(GOOD1, "sriov_drivers_autoprobe"), 1)
        for index in VFS:
            write("/sys/bus/pci/drivers_probe", vfs(GOOD1)[index])
            self.bring_up(index)
        self.wait_up(VFS)

    def bring_up(self, index):
        wait_for(lambda: driver(vfs(GOOD1)[index]) == "igbvf" and self.name(index), 20, f"igbvf on VF {index}")
        sh("udevadm settle")
        sh(f"ip link set {self.name(index)} up")

    def carrier(self, place):
        try:
            return read(f"/sys/class/net/{self.name(place)}/carrier") == "1"
        except OSError:  # it is down
            return False

    def wait_up(self, places):
        for place in places:
            wait_for(lambda place=place: self.carrier(place), 30, f"the link of {place}")

    def stop(self):
        qmp("set_link", name="nic1", up=True)
        set_numvfs(GOOD1, 0, True)
        for place in ("pf", "wire"):
            sh(f"ip link set {self.name(place)} down promisc off mtu 1500")
        for path in glob.glob(IPV6_OFF):
            write(path, 0)
        sh("modprobe -r 8021q")

    def recreate(self):
        self.close(*VFS)
        set_numvfs(GOOD1, 0)
        self.create()

    def close(self, *places):
        for place in places:
            if opened := self.sockets.pop(place, None):
                opened.close()

    # what the administrator does

    def set(self, index, key, value):
        now = (ip_vfs(self.name("pf")).get(index, {}).get("vlan_list") or [{}])[0]
        words = {"vlan": f"vlan {value} qos {now.get('qos', 0)}", "qos": f"vlan {now.get('vlan', 0)} qos {value}",
                 "vlan_proto": f"vlan {now.get('vlan', 0)} proto {value}", "link_state": f"state {value}"}
        return refusal(f"link set {self.name('pf')} vf {index} {words.get(key) or f'{key} {value}'}")

    def link(self, state):
        if state in ("up", "down"):
            sh(f"ip link set {self.name('pf')} {state}")
        else:
            qmp("set_link", name="nic1", up=state == "plugged")
        if state in ("up", "plugged"):
            self.wait_up(("pf", *VFS))
        else:  # VFs see it when the PF is down, and not when its cable is
            places = ("pf", *VFS) if state == "down" else ("pf",)
            wait_for(lambda: not any(self.carrier(place) for place in places), 20, "links to go")

    # what the user of a VF, or of the PF, does

    def ask(self, place, key, value):
        """Refused is what the PF's driver refuses: igbvf keeps some of that to itself."""
        with open("/dev/kmsg", "rb", buffering=0) as log:
            os.set_blocking(log.fileno(), False)
            log.seek(0, os.SEEK_END)
            refused = getattr(self, f"ask_{key}")(place, self.name(place), value)
            with contextlib.suppress(BlockingIOError):
                while line := log.read(8192):
                    if REFUSED.get(key, b"\0") in line:
                        refused = "EPERM"
        if refused == "EPERM" and key in ("macvlan", "vlan"):  # the kernel does not know, and would ask again and again
            sh({"macvlan": f"bridge fdb del {value} dev {self.name(place)} self",
                "vlan": f"ip link del v{place}.{value[1:]}"}[key])
        return refused

    def ask_mac(self, _, name, value):
        return refusal(f"link set {name} address {value}")

    def ask_mtu(self, place, name, value):
        refused = refusal(f"link set {name} mtu {value}")
        self.wait_up([place])
        return refused

    def ask_mode(self, _, name, value):
        return refusal(f"link set {name} promisc {'on' if value == 'promiscuous' else 'off'}")

    def ask_vlan(self, place, name, value):
        vlan = f"v{place}.{value[1:]}"
        if value[0] == "+":
            return refusal(f"link add link {name} name {vlan} type vlan id {value[1:]}")
        sh(f"ip link del {vlan}", check=False)  # it may have gone with a restart
        return ""

    def ask_macvlan(self, _, name, value):
        macs = [value] if value != "none" else [entry["mac"] for entry in json.loads(sh(f"bridge -j fdb show dev {name}"))
                                                if entry["mac"].startswith("02:")]
        for mac in macs:
            sh(f"bridge fdb {'del' if value == 'none' else 'add'} {mac} dev {name} self")
        return ""

    def group(self, verb, place, group):
        sh(f"ip maddr {verb} {group} dev {self.name(place)}")

    def groups(self, place):
        lines = [line.split() for line in read("/proc/net/dev_mcast").splitlines()]
        return {":".join(re.findall("..", words[4])) for words in lines if words[1] == self.name(place)}

    def restart(self, index):
        address = vfs(GOOD1)[index]
        self.close(index)
        write(device(address, "driver", "unbind"), address)
        write("/sys/bus/pci/drivers_probe", address)
        self.bring_up(index)
        self.wait_up([index])

    def mac(self, index):
        return read(f"/sys/class/net/{self.name(index)}/address")

    def play(self, frames, own, quiet):
        """For each frame who got it: {place: [heads]}. own: each place's address."""
        for place in PLACES:
            if place not in self.sockets:
                self.sockets[place] = packet_socket(self.name(place))
            while receive(self.sockets[place]) is not None:
                pass
        first = self.marks.count + 1
        got = [{} for _ in frames]
        for a_frame in frames:
            with contextlib.suppress(OSError):  # its link is down
                self.sockets[a_frame.sender].send(self.marks.encode(a_frame, own))
        places = {opened: place for place, opened in self.sockets.items()}
        while ready := select.select(list(places), [], [], quiet)[0]:
            for opened in ready:
                while (data := receive(opened)) is not None:
                    number, head = self.marks.find(data) or (0, None)
                    if number >= first:
                        got[number - first].setdefault(places[opened], []).append(head)
        return got
