#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What others do to the machine shows on the bus and in sriovctl, soon, and only what changed."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap  # noqa: E402
from machine import BAD, EMPTY, IGB, OTHER, ROOT, SOON, Case, added, changed, eventually, get, group_of, objects, path, removed, run, sim  # noqa: E402


class Events(Case):
    def tearDown(self):
        for pf in IGB, OTHER:
            run("sriov-sim", "plug", pf)  # refused where it is plugged
            sim("link", pf, "plugged")
            sim("link", pf, "up")
        for pf, netdev in (IGB, "aside"), (OTHER, "enp2s0"), (IGB, "enp1s0"):
            run("sriov-sim", "rename", pf, netdev)
        run("sriov-sim", "unplug", EMPTY)
        eventually(lambda: path(IGB) in objects() and path(OTHER) in objects(), 5, "all cards")
        super().tearDown()

    def outside(self, words, *expected):
        """Somebody else does it: all expected signals come soon, and sriovd has written nothing. Returns all signals of it."""
        mark = self.monitor.mark()
        before, begin = sim("log"), time.monotonic()
        sim(*words)
        for number, wanted in enumerate(expected):
            self.monitor.wait(wanted, mark, begin + SOON - time.monotonic(), f"{words}: signal {number}")
        self.assertEqual(sim("log"), before, words)
        return self.monitor.signals(mark)

    def test_attributes(self):
        self.good("create", IGB, "2")
        vf = path(IGB, 1)
        for words, name, value in (("mac=02:00:00:00:00:05", "mac", "02:00:00:00:00:05"), ("vlan=5", "vlan", 5), ("spoofchk=off", "spoofchk", False),
                                   ("trust=on", "trust", True), ("max_tx_rate=100", "max_tx_rate", 100)):
            with self.subTest(words=words):
                signals = self.outside(("set", f"{IGB}/1", words), changed(vf, Attributes=lambda a, n=name, v=value: a.get(n) == v))
                self.assertEqual({m["path"] for m in signals}, {vf}, "nothing else changed")
                self.assertEqual(self.vf(1)[name], value)
        self.assertEqual(self.vf(0)["vlan"], 0)

    def test_counts(self):
        self.outside(("numvfs", IGB, "2"), changed(path(IGB), NumVfs=2), added(path(IGB, 0)), added(path(IGB, 1)))
        self.assertEqual([vf["index"] for vf in self.vfs(IGB)], [0, 1])
        self.outside(("numvfs", IGB, "0"), changed(path(IGB), NumVfs=0), removed(path(IGB, 0)), removed(path(IGB, 1)))
        self.assertEqual(self.vfs(IGB), [])

    def test_names(self):
        self.good("create", IGB, "2")
        self.outside(("rename", IGB, "lan0"), changed(path(IGB), Netdevs=["lan0"]))
        self.assertEqual(self.pf("lan0")["address"], IGB)
        self.assertNotEqual(run("sriovctl", "show", "enp1s0").returncode, 0)
        self.outside(("rename", f"{IGB}/1", "guest7"), changed(path(IGB, 1), Netdev="guest7"))
        self.assertEqual(self.good("show", "guest7")["index"], 1)

    def test_names_change_hands(self):
        """The name of one card becomes another's: it then means that one."""
        sim("rename", IGB, "aside")
        self.outside(("rename", OTHER, "enp1s0"), changed(path(OTHER), Netdevs=["enp1s0"]))
        self.outside(("rename", IGB, "enp2s0"), changed(path(IGB), Netdevs=["enp2s0"]))
        self.assertEqual((self.pf("enp1s0")["address"], self.pf("enp2s0")["address"]), (OTHER, IGB))

    def test_link(self):
        for word, key, name, value in (("unplugged", "link_state", "LinkState", "down"), ("plugged", "link_state", "LinkState", "up"),
                                       ("down", "admin_up", "AdminUp", False), ("up", "admin_up", "AdminUp", True)):
            with self.subTest(word=word):
                signals = self.outside(("link", IGB, word), changed(path(IGB), **{name: value}))
                self.assertEqual({m["path"] for m in signals}, {path(IGB)})
                self.assertEqual(self.pf()[key], value)

    def test_driver_reload(self):
        self.good("create", IGB, "3")
        self.good("create", OTHER, "2")
        signals = self.outside(("reload", IGB), changed(path(IGB), NumVfs=0), *(removed(path(IGB, vf)) for vf in range(3)))
        self.assertFalse([m for m in signals if m["path"].startswith(path(OTHER))])
        self.assertEqual((self.pf()["num_vfs"], self.pf()["driver"], len(self.vfs(OTHER))), (0, "igb", 2))
        self.good("create", IGB, "1")

    def test_drivers(self):
        self.good("create", IGB, "2")
        for driver in "vfio-pci", "igbvf":
            self.outside(("bind", f"{IGB}/0", driver), changed(path(IGB, 0), Driver=driver))
            self.assertEqual(self.vf(0)["driver"], driver)
        self.outside(("unbind", f"{IGB}/1"), changed(path(IGB, 1), Driver="", Netdev=""))
        self.assertNotIn("driver", self.vf(1))

    def test_guest(self):
        self.good("create", IGB, "2", "--driver=vfio-pci")
        self.outside(("hold", f"{IGB}/1", "--name=vm7"), changed(path(IGB, 1), InUse=True))
        holders = self.vf(1)["holders"]
        self.assertEqual([holder["kind"] for holder in holders], ["guest"])
        self.assertIn("vm7", holders[0]["name"])
        self.outside(("release", f"{IGB}/1"), changed(path(IGB, 1), InUse=False))
        self.assertIs(self.vf(1)["in_use"], False)

    def test_plug(self):
        """A card that comes, and goes again with its VFs."""
        self.outside(("plug", EMPTY), added(path(EMPTY)))
        group = group_of(EMPTY)
        self.assertEqual(self.pf("enp7s0")["address"], EMPTY)
        self.good("create", EMPTY, "2")
        self.outside(("unplug", EMPTY), removed(path(EMPTY)), removed(path(EMPTY, 0)), removed(path(EMPTY, 1)), removed(group))
        self.assertNotIn(EMPTY, [pf["address"] for pf in self.good("list", "pf")])
        self.assertFalse([where for where in objects() if where.startswith(path(EMPTY)) or where == group])

    def test_unplug_and_plug(self):
        """The card that was there comes back, without VFs."""
        self.good("create", IGB, "2")
        self.outside(("unplug", IGB), removed(path(IGB)), removed(path(IGB, 1)))
        self.bad("NotFound", IGB, "create", IGB, "1")
        self.outside(("plug", IGB), added(path(IGB)))
        self.assertEqual((self.pf()["num_vfs"], self.vfs(IGB)), (0, []))

    def test_nothing_changed(self):
        """A touch that changes nothing is not signalled; the change that follows shows that it had been looked at."""
        self.good("create", IGB, "2")
        self.good("set", f"{IGB}/0", "vlan=5")
        for words in (("set", f"{IGB}/0", "vlan=5"), ("link", IGB, "up"), ("bind", f"{IGB}/0", "igbvf"), ("link", IGB, "plugged")):
            with self.subTest(words=words):
                mark = self.monitor.mark()
                sim(*words)
                time.sleep(0.4)  # more than the time that events are gathered
                self.assertEqual(self.monitor.signals(mark), [])
        signals = self.outside(("set", f"{IGB}/1", "vlan=6"), changed(path(IGB, 1), Attributes=lambda a: a["vlan"] == 6))
        self.assertEqual(len(signals), 1)


class Groups(Case):
    def verdict(self, group):
        return self.good("show", str(group))["verdict"]

    def test_alone(self):
        """A VF with a group of its own: the group comes and goes with it, and names its driver."""
        messages = self.order(path(IGB), "SetNumVfs", ("ua{sv}", 1, 0))
        where = group_of(IGB, 0)
        self.among(messages, added(where))
        self.assertEqual(self.verdict(get(where, "Id")), "isolated")
        address = get(path(IGB, 0), "Address")
        mark = self.monitor.mark()
        sim("bind", f"{IGB}/0", "vfio-pci")
        self.monitor.wait(changed(where, Devices=[[address, "vfio-pci", 0x020000]]), mark, SOON, "its device's driver")
        self.order(path(IGB), "SetNumVfs", ("ua{sv}", 0, 0), removed(where))

    def test_shared(self):
        """Behind a switch without ACS: the verdict and why follow who is bound."""
        group = get(path(BAD), "IommuGroup")
        where = f"{ROOT}/group/{group}"
        self.assertEqual(self.verdict(group), "isolated")
        self.order(path(BAD), "SetNumVfs", ("ua{sv}", 2, 0), changed(where, Verdict="not-viable"))
        self.bad("NotIsolated", f"group {group} is not-viable", "bind", f"{BAD}/0", "vfio-pci")
        addresses = [get(path(BAD, vf), "Address") for vf in range(2)]

        mark = self.monitor.mark()
        sim("unbind", f"{BAD}/0")
        self.monitor.wait(changed(where, Devices=lambda devices: [addresses[0], "", 0x020000] in devices), mark, SOON, "the unbinding")
        mark = self.monitor.mark()
        sim("unbind", f"{BAD}/1")
        self.monitor.wait(changed(where, Reason=lambda text: f"{BAD} is on the host driver igb:" in text), mark, SOON, "the last VF's unbinding")
        self.assertEqual(self.verdict(group), "not-viable")

        self.order(path(BAD), "SetNumVfs", ("ua{sv}", 0, 0), changed(where, Verdict="isolated"))

    def test_pf_without_a_driver(self):
        """The PF, its refusal to create VFs, and its group all say so."""
        where = group_of(BAD)
        mark = self.monitor.mark()
        sim("unbind", BAD)
        try:
            self.monitor.wait(changed(path(BAD), Driver=""), mark, SOON, "the PF without a driver")
            self.bad("NoDriver", "no driver is bound", "create", BAD, "1")
            self.monitor.wait(changed(where, Devices=lambda devices: [BAD, "", 0x020000] in devices), mark, SOON, "the group says so")
        finally:
            mark = self.monitor.mark()
            sim("bind", BAD, "igb")
            self.monitor.wait(changed(path(BAD), Driver="igb"), mark, SOON, "the PF on its driver")


if __name__ == "__main__":
    tap.main(topology="topology-guest.json")
