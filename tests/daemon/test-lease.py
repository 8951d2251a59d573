#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Leases: who gets which VF, how they end, what a VF is afterwards, and what of it survives a daemon, a client and a boot."""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tap  # noqa: E402
from configured import IGB_MAC, Configured, entry, served  # noqa: E402
from machine import (ERROR, IGB, NVME, OTHER, ROOT, TIMEOUT, added, background, changed, eventually, get, jobs, objects, path, removed,  # noqa: E402
                     run, sandbox, sim)

CLIENT = str(pathlib.Path(__file__).resolve().parent / "leaseclient.py")


def leases():
    """Number -> properties of the lease."""
    return {told["Id"]: told for where, told in objects().items() if where.startswith(ROOT + "/lease/")}


def lease(number):
    return f"{ROOT}/lease/{number}"


class Leases(Configured):
    """Each test begins with 3 VFs on IGB and ends without leases."""

    def setUp(self):
        self.good("create", IGB, "3")
        self.before = self.vfs(IGB)

    def tearDown(self):
        sim("unfault", "all")
        for vf in self.vfs():
            if vf["in_use"]:
                run("sriov-sim", "release", f"{vf['pf']}/{vf['index']}")
        for number in leases():
            run("sriovctl", "lease", "release", str(number))
        for number, told in leases().items():
            if told["State"] == "quarantined":
                run("sriovctl", "lease", "retry", str(number))
        eventually(lambda: not leases(), 10, "the end of all leases")
        super().tearDown()

    def acquire(self, *words):
        """Of a persistent lease, what sriovctl says."""
        return self.good("lease", "acquire", *words)

    def client(self, *words):
        """A lease by its connection to the bus: the process, the lease's number (or what was refused), the VF's path."""
        process = subprocess.Popen(["/usr/bin/python3", CLIENT, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait, TIMEOUT)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        return process

    def got(self, process):
        where, vf = process.stdout.readline().split(maxsplit=1)
        return int(where.rsplit("/", 1)[1]) if where.startswith("/") else where, vf.strip()

    def release(self, number):
        self.good("lease", "release", str(number))

    def as_before(self, index, pf=IGB):
        now = self.vf(index, pf)
        self.assertEqual(now, self.before[index])

    def lease_state(self, index):
        return get(path(IGB, index), "LeaseState")


class Choosing(Leases):
    def test_first(self):
        """By PF and index, each once; then there is none."""
        told = [self.acquire(f"pf={IGB}") for _ in range(3)]
        self.assertEqual([one["index"] for one in told], [0, 1, 2])
        self.assertEqual(len({one["lease"] for one in told}), 3)
        self.bad("InUse", "leased", "lease", "acquire", f"pf={IGB}")

    def test_selectors(self):
        """Each key alone chooses, and refuses."""
        self.good("bind", f"{IGB}/1", "vfio-pci")
        self.good("set", f"{IGB}/2", "vlan=7")
        numa = self.pf()["numa_node"] if "numa_node" in self.pf() else None
        for words, index in ((f"vf={IGB}/2",), 2), (("driver=vfio-pci",), 1), (("vlan=7",), 2), ((f"pf={IGB}", "driver=igbvf"), 0):
            with self.subTest(words=words):
                told = self.acquire(*words)
                self.assertEqual((told["pf"], told["index"]), (IGB, index))
                self.release(told["lease"])
        for words in ("driver=none",), ("vlan=9",), (f"pf={OTHER}",), ("pool=gold",), (f"pf={IGB}", "numa_node=77"):
            self.bad("NotFound", "asked for|no VF matches", "lease", "acquire", *words)
        if numa is not None:
            self.release(self.acquire(f"pf={IGB}", f"numa_node={numa}")["lease"])
        self.bad("NotFound", "index of 0 to 2", "lease", "acquire", f"vf={IGB}/9")

    def test_refused_words(self):
        call = ROOT, "AcquireVf", "a{sv}a{sv}"
        for pattern, arguments in (("selector 'size'", (1, "size", "u", 3, 0)), ("type s", (1, "pf", "u", 3, 0)),
                                   ("twice", (2, "pf", "s", IGB, "pf", "s", IGB, 0)), ("option 'force'", (0, 1, "force", "b", "true")),
                                   ("label refused", (0, 1, "label", "s", "a\tb")), ("pool=", (1, "pool", "s", "a b", 0)),
                                   ("attribute 'size'", (0, 1, "set", "a{sv}", 1, "size", "u", 3))):
            with self.subTest(pattern=pattern):
                self.refused(ERROR + "InvalidArgs", pattern, *call, *arguments)
        self.refused(ERROR + "DriverNotAllowed", "not on the list", *call, 0, 1, "driver", "s", "e1000")
        self.assertEqual(leases(), {})

    def test_race(self):
        """Ten want the last one: one has it, nine are told so."""
        told = [self.acquire(f"pf={IGB}") for _ in range(2)]
        clients = [self.client(f"pf={IGB}") for _ in range(10)]
        answers = [self.got(client)[0] for client in clients]
        self.assertEqual(sorted(str(type(answer)) for answer in answers).count(str(int)), 1, answers)
        self.assertEqual({answer for answer in answers if isinstance(answer, str)}, {"InUse"})
        self.assertEqual(len(leases()), len(told) + 1)

    def test_in_use_is_skipped(self):
        """A VF that looks free and is not: the next is taken, and nothing was done to the first."""
        self.good("bind", f"{IGB}/0", "vfio-pci")
        sim("hold", f"{IGB}/0")
        told = self.acquire(f"pf={IGB}")
        self.assertEqual(told["index"], 1)
        self.bad("InUse", "open|held", "lease", "acquire", f"vf={IGB}/0")

    def test_use_that_only_the_backend_sees(self):
        """An address on the VF's interface: known when its job asks, and then the next is tried."""
        sim("use", f"{IGB}/0", "address", "192.0.2.1")
        try:
            self.assertEqual(self.acquire(f"pf={IGB}")["index"], 1)
            self.bad("InUse", "address", "lease", "acquire", f"vf={IGB}/0")
            self.assertEqual(self.lease_state(0), "free")
        finally:
            sim("unuse", f"{IGB}/0", "all")


class Ending(Leases):
    def test_as_it_was(self):
        """Other driver, attributes, access: all of it goes back, in the order that the bus is promised."""
        self.good("set", f"{IGB}/0", "mac=02:00:00:00:00:01", "vlan=5")
        self.before = self.vfs(IGB)
        mark = self.monitor.mark()
        told = self.acquire(f"vf={IGB}/0", "--driver=vfio-pci", "--set=vlan=77", "--set=mac=02:00:00:00:00:99", "--set=trust=on", "--label=vm7")
        vf = self.vf(0)
        self.assertEqual((vf["driver"], vf["vlan"], vf["mac"], vf["trust"]), ("vfio-pci", 77, "02:00:00:00:00:99", True))
        self.assertEqual((told["driver"], told["vfio"]), ("vfio-pci", f"/dev/vfio/{vf['iommu_group']}"))
        uid = os.getuid()
        self.assertEqual(get(path(IGB, 0), "AccessUid"), uid if uid else -1)
        seen = leases()[told["lease"]]
        self.assertEqual((seen["State"], seen["Label"], seen["Uid"], seen["Owner"]), ("leased", "vm7", uid, "persistent"))
        self.release(told["lease"])
        self.as_before(0)
        self.assertEqual(get(path(IGB, 0), "AccessUid"), -1)
        number = lease(told["lease"])
        signals = self.monitor.signals(mark)
        states = [m["data"][1]["State"] for m in signals if changed(number, State=lambda _: True)(m)]
        self.assertEqual(states, ["leased", "scrubbing"])
        self.among(signals, added(number))
        self.among(signals, removed(number))
        of_vf = [m["data"][1]["LeaseState"] for m in signals if changed(path(IGB, 0), LeaseState=lambda _: True)(m)]
        self.assertEqual(of_vf, ["preparing", "leased", "scrubbing", "free"])

    def test_twice_and_late(self):
        """An old number does nothing to whoever has the VF now; one that never was is not found."""
        old = self.acquire(f"vf={IGB}/0")["lease"]
        self.release(old)
        self.release(old)
        new = self.acquire(f"vf={IGB}/0")["lease"]
        self.assertGreater(new, old)
        self.release(old)
        self.assertEqual((leases()[new]["State"], self.lease_state(0)), ("leased", "leased"))
        self.bad("NotFound", "never was", "lease", "release", str(new + 1))
        self.bad("NotFound", "never was", "lease", "release", "0")

    def test_client_dies(self):
        """By its connection, killed, and by its process, killed."""
        process = self.client(f"vf={IGB}/0")
        number, vf = self.got(process)
        self.assertEqual((vf, leases()[number]["State"]), (path(IGB, 0), "leased"))
        process.kill()
        eventually(lambda: not leases(), 5, "the end of the lease")
        self.as_before(0)
        with background("sriovctl", "lease", "run", f"vf={IGB}/1", "--set=vlan=9", "--", "sleep", "100") as command:
            eventually(lambda: [one for one in leases().values() if one["State"] == "leased"], 5, "the lease")
            self.assertEqual(next(iter(leases().values()))["Owner"], f"pid {command.pid}")
            command.kill()
        eventually(lambda: not leases(), 5, "the end of the lease")
        self.as_before(1)

    def test_client_dies_while_it_waits(self):
        hang = sim("fault", IGB, "hang", "step=set_vf", "vf=0")
        command = background("sriovctl", "lease", "acquire", f"vf={IGB}/0", "--set=vlan=9")
        eventually(lambda: self.lease_state(0) == "preparing", 5, "the lease")
        command.kill()
        command.communicate(timeout=TIMEOUT)
        eventually(lambda: self.lease_state(0) == "dirty", 5, "the end of the lease")
        self.bad("Busy", "not clean yet", "lease", "acquire", f"vf={IGB}/0")
        sim("unfault", hang)
        eventually(lambda: not leases(), 10, "a clean VF")
        self.as_before(0)

    def test_held(self):
        """Released while a guest has it open: nobody gets it, and it is scrubbed when the guest lets go."""
        number = self.acquire(f"vf={IGB}/0", "--driver=vfio-pci", "--set=vlan=9")["lease"]
        sim("hold", f"{IGB}/0", "--name=vm7")
        self.release(number)
        self.assertEqual(leases()[number]["State"], "dirty")
        self.assertRegex(leases()[number]["Why"], "vm7")
        self.assertEqual((self.vf(0)["driver"], get(path(IGB, 0), "AccessUid")), ("vfio-pci", -1))
        self.bad("Busy", "not clean yet", "lease", "acquire", f"vf={IGB}/0")
        sim("release", f"{IGB}/0")
        eventually(lambda: not leases(), 0.9, "a clean VF, before the second is over")
        self.as_before(0)

    def test_reset_fails(self):
        """Then it is kept from everybody, until somebody says so and it succeeds."""
        sim("fault", IGB, "errno", "error=EIO", "step=reset", "vf=0", "times=2")
        number = self.acquire(f"vf={IGB}/0", "--set=vlan=9")["lease"]
        self.release(number)
        self.assertEqual(leases()[number]["State"], "quarantined")
        self.assertRegex(leases()[number]["Why"], "reset")
        self.bad("InUse", "quarantine", "lease", "acquire", f"vf={IGB}/0")
        self.assertEqual(self.acquire(f"pf={IGB}")["index"], 1)
        self.restart()
        self.assertEqual((leases()[number]["State"], self.lease_state(0)), ("quarantined", "quarantined"))
        self.bad("Io", "reset", "lease", "retry", str(number))
        self.assertEqual(leases()[number]["State"], "quarantined")
        self.good("lease", "retry", str(number))
        self.assertNotIn(number, leases())
        self.as_before(0)

    def test_stale_attribute(self):
        """A driver that takes the baseline and does not apply it: not handed on."""
        number = self.acquire(f"vf={IGB}/0", "--set=vlan=9")["lease"]
        sim("fault", IGB, "ignore", "step=set_vf", "attr=vlan", "times=1")
        self.release(number)
        self.assertEqual(leases()[number]["State"], "quarantined")
        self.good("destroy", IGB)
        self.assertEqual(leases(), {})
        self.good("create", IGB, "3")
        self.assertEqual(self.acquire(f"vf={IGB}/0")["index"], 0)

    def test_prepare_fails(self):
        """Half-way: the caller has the reason, the VF is scrubbed."""
        sim("fault", IGB, "errno", "error=EIO", "step=bind", "vf=0")
        self.bad("Io", r"\bVF 0\b", "lease", "acquire", f"vf={IGB}/0", "--driver=vfio-pci", "--set=vlan=9")
        eventually(lambda: not leases(), 5, "a clean VF")
        self.as_before(0)

    def test_mac_is_not_doubled(self):
        """What the VF had is another's now: it goes back to none."""
        self.good("set", f"{IGB}/0", "mac=02:00:00:00:00:01")
        number = self.acquire(f"vf={IGB}/0", "--set=mac=02:00:00:00:00:02")["lease"]
        self.good("set", f"{IGB}/1", "mac=02:00:00:00:00:01")
        self.release(number)
        self.assertEqual((self.vf(0)["mac"], self.vf(1)["mac"]), ("00:00:00:00:00:00", "02:00:00:00:00:01"))
        self.assertEqual(leases(), {})


class Guarding(Leases):
    def test_destroy(self):
        """A leased VF is in use; force ends the lease with the VF."""
        number = self.acquire(f"vf={IGB}/1", "--label=vm7")["lease"]
        for words in ("destroy", IGB), ("create", IGB, "5", "--replace"), ("bind", f"{IGB}/1", "vfio-pci"), ("unbind", f"{IGB}/1"), ("reset", f"{IGB}/1"):
            self.bad("InUse", f"vm7.*lease {number}", *words)
        self.good("bind", f"{IGB}/0", "vfio-pci")
        holders = self.good("show", f"{IGB}/1")["holders"]
        self.assertEqual([(one["kind"], one["name"]) for one in holders], [("lease", "vm7")])
        self.assertRegex(run("sriovctl", "destroy", IGB, "--force").stderr, f"although VF 1 is leased to vm7 .lease {number}")
        self.assertEqual(leases(), {})

    def test_card_vanishes(self):
        self.good("create", OTHER, "1")
        self.acquire(f"pf={OTHER}")
        sim("fault", OTHER, "vanish", "step=set_vf")
        self.bad("Gone", OTHER, "set", f"{OTHER}/0", "vlan=5")
        eventually(lambda: not leases(), 2, "the end of the lease")
        sim("plug", OTHER)
        eventually(lambda: path(OTHER) in objects(), 2, "the card")

    def test_configuration(self):
        """What a lease makes of its VF is no drift; what is wanted by then comes with the scrub."""
        self.write("10.json", entry(IGB_MAC, 3, [{"index": 0, "vlan": 7}], drift="enforce"))
        self.reload()
        self.settled()
        number = self.acquire(f"vf={IGB}/0", "--driver=vfio-pci", "--set=vlan=77")["lease"]
        self.good("set", f"{IGB}/1", "vlan=5")
        self.settled()
        self.assertEqual((self.vf(0)["vlan"], self.vf(0)["driver"], get(path(IGB), "Differences")), (77, "vfio-pci", []))
        self.write("10.json", entry(IGB_MAC, 3, [{"index": 0, "vlan": 8}], drift="enforce"))
        self.reload()
        self.assertEqual(self.vf(0)["vlan"], 77)
        self.release(number)
        self.assertEqual((self.vf(0)["vlan"], self.vf(0)["driver"]), (8, "igbvf"))
        self.settled()

    def test_pool(self):
        self.write("10.json", entry(IGB_MAC, 3, [{"index": 2, "pool": "gold"}]))
        self.reload()
        self.settled()
        self.assertEqual(self.acquire("pool=gold")["index"], 2)
        self.bad("InUse", "leased", "lease", "acquire", "pool=gold")
        self.bad("NotFound", "asked for|no VF matches", "lease", "acquire", "pool=silver")

    def test_no_reset(self):
        """A VF without a reset can not be leased and given back: it is kept. (The NVMe of this machine has one.)"""
        self.good("create", NVME, "1")
        told = self.acquire(f"pf={NVME}")
        self.release(told["lease"])
        self.assertEqual(leases(), {})


class Surviving(Leases):
    def test_restart(self):
        """Leased: it stays, by connection, process and name; who died meanwhile has none."""
        kept, lost = self.client(f"vf={IGB}/0"), self.client(f"vf={IGB}/1")
        numbers = [self.got(client)[0] for client in (kept, lost)]
        persistent = self.acquire(f"vf={IGB}/2", "--set=vlan=9")["lease"]
        self.kill()
        lost.kill()
        lost.wait(TIMEOUT)
        self.launch()
        eventually(served, 10, "sriovd on the bus")
        eventually(lambda: numbers[1] not in leases(), 5, "the end of the lost one's lease")
        self.assertEqual({number: told["State"] for number, told in leases().items()}, {numbers[0]: "leased", persistent: "leased"})
        self.assertEqual(self.vf(2)["vlan"], 9)
        self.as_before(1)
        kept.kill()
        eventually(lambda: numbers[0] not in leases(), 5, "the end of the other's lease")

    def test_process(self):
        """A process that died while nobody looked, and one that did not."""
        commands = [background("sriovctl", "lease", "run", f"vf={IGB}/{vf}", "--", "sleep", "100") for vf in (0, 1)]
        eventually(lambda: [one["State"] for one in leases().values()] == ["leased"] * 2, 5, "the leases")
        owners = {told["Owner"]: number for number, told in leases().items()}
        self.kill()
        commands[0].kill()
        commands[0].communicate(timeout=TIMEOUT)
        self.launch()
        eventually(served, 10, "sriovd on the bus")
        eventually(lambda: list(leases()) == [owners[f"pid {commands[1].pid}"]], 5, "the end of one lease")
        commands[1].kill()
        commands[1].communicate(timeout=TIMEOUT)
        eventually(lambda: not leases(), 5, "the end of the other")

    def test_killed_in_each_state(self):
        for step, words in ("set_vf", ()), ("reset", ()), ("set_vf", ("after",)):
            with self.subTest(step=step, words=words):
                scrub = step == "reset" or words
                number = None
                if scrub:
                    number = self.acquire(f"vf={IGB}/0", "--set=vlan=9")["lease"]
                hang = sim("fault", IGB, "hang", f"step={step}", "vf=0")
                command = background("sriovctl", "lease", *(("release", str(number)) if scrub else ("acquire", f"vf={IGB}/0", "--set=vlan=9")))
                eventually(lambda: self.lease_state(0) == ("scrubbing" if scrub else "preparing") and jobs(), 5, "its state")
                self.kill()
                command.communicate(timeout=TIMEOUT)
                self.launch()
                eventually(served, 10, "sriovd on the bus")
                if not scrub:
                    number, told = next(iter(leases().items()))
                    self.assertEqual(told["Owner"], "persistent")
                sim("unfault", hang)
                if scrub:
                    eventually(lambda: not leases(), 15, "a clean VF")
                else:  # persistent: made ready once more
                    eventually(lambda: self.lease_state(0) == "leased", 15, "the lease")
                    self.release(number)
                self.as_before(0)

    def test_boot(self):
        """After a boot a persistent lease has its VF again as soon as that is there; the others have ended."""
        number = self.acquire(f"vf={IGB}/0", "--driver=vfio-pci", "--set=vlan=9", "--label=vm7")["lease"]
        dies = self.got(self.client(f"vf={IGB}/1"))[0]
        self.reboot()
        eventually(lambda: list(leases()) == [number], 5, f"one lease, not {dies}")
        self.assertEqual(leases()[number]["State"], "preparing")
        self.good("create", IGB, "3")
        eventually(lambda: self.lease_state(0) == "leased", 5, "the lease")
        self.assertEqual((self.vf(0)["driver"], self.vf(0)["vlan"]), ("vfio-pci", 9))
        self.release(number)
        self.assertEqual((self.vf(0)["driver"], self.vf(0)["vlan"]), ("igbvf", 0))

    def test_other_card_after_boot(self):
        """Then a persistent lease ends: it was of that card."""
        self.good("create", OTHER, "1")
        number = self.acquire(f"pf={OTHER}")["lease"]
        self.kill()
        sim("unplug", OTHER)
        sim("plug", OTHER, "ixgbe")
        with sandbox("boots").open("a", encoding="utf-8") as boots:
            boots.write("x")
        self.launch()
        eventually(served, 10, "sriovd on the bus")
        self.assertNotIn(number, leases())
        sim("unplug", OTHER)
        sim("plug", OTHER, "igb")
        eventually(lambda: self.pf(OTHER)["driver"], 5, "the old card")

    def test_book_is_lost(self):
        """Numbers go on above all that were given; a VF that somebody has open is taken back when he lets go."""
        number = self.acquire(f"vf={IGB}/0", "--driver=vfio-pci", "--set=vlan=9")["lease"]
        sim("hold", f"{IGB}/0")
        self.kill()
        sandbox("state").joinpath("leases").write_bytes(b"rubbish")
        self.launch()
        eventually(served, 10, "sriovd on the bus")
        (new, told), = leases().items()
        self.assertGreater(new, number)
        self.assertEqual((told["State"], told["Vf"]), ("dirty", 0))
        self.release(number)
        self.bad("Busy", "not clean", "lease", "acquire", f"vf={IGB}/0")
        sim("release", f"{IGB}/0")
        eventually(lambda: not leases(), 5, "a clean VF")
        self.assertEqual(self.vf(0)["vlan"], 0)
        self.assertTrue(sandbox("state").joinpath("leases.bad").exists())
        self.assertGreater(self.acquire(f"vf={IGB}/0")["lease"], new)

    def test_disk_is_lost(self):
        """Nothing new is given; what is given back is scrubbed all the same."""
        number = self.acquire(f"vf={IGB}/0", "--set=vlan=9")["lease"]
        in_the_way = sandbox("state") / ".leases.new"
        in_the_way.mkdir()
        try:
            self.bad("NotDurable", "state directory", "lease", "acquire", f"vf={IGB}/1", "--set=vlan=9")
            self.as_before(1)
            self.release(number)
            self.as_before(0)
            self.assertEqual(leases(), {})
        finally:
            in_the_way.rmdir()
        self.release(self.acquire(f"vf={IGB}/1")["lease"])
        self.restart()
        self.assertEqual(leases(), {})


if __name__ == "__main__":
    tap.main(topology="topology-guest.json")
