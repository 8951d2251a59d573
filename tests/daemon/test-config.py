#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration in force: applied by difference, kept, tried again, refused as a whole."""
import json
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "config"))
import configs  # noqa: E402
import tap  # noqa: E402
from configured import IGB, IGB_MAC, OTHER, OTHER_MAC, PLUGGED_MAC, Configured, config, entry, soon  # noqa: E402
from machine import EMPTY, NAME, NVME, ROOT, eventually, get, method, path, run, sandbox, sim, writes  # noqa: E402

MACS = {"index": "0-3", "mac": "02:00:00:aa:00:{index}"}


class Difference(Configured):
    """Only what is not as wanted is written."""

    def test_from_nothing(self):
        self.write("10.json", entry(IGB_MAC, 4, [MACS, {"index": "0-1", "driver": "vfio-pci", "vlan": 100}]))
        told = self.reload()
        self.assertEqual([(pf["pf"], pf["result"], pf["source"]) for pf in told["pfs"]], [(IGB, "done", "10.json:4:3")])
        self.assertEqual([vf["driver"] for vf in self.vfs(IGB)], ["vfio-pci"] * 2 + ["igbvf"] * 2)
        self.assertEqual([vf["mac"] for vf in self.vfs(IGB)], [f"02:00:00:aa:00:0{i}" for i in range(4)])
        self.assertEqual([vf["vlan"] for vf in self.vfs(IGB)], [100, 100, 0, 0])
        self.assertEqual((self.pf()["autoprobe"], self.state()), (True, "applied"))
        self.assertNotIn("driver_override", self.vf(0))
        self.assertNotIn("bind igbvf", sim("log"))

    def test_a_changed_mac_never_touches_the_count(self):
        self.apply(entry(IGB_MAC, 4, [MACS]))
        before = writes()
        self.assertEqual(self.steps(self.plan(entry(IGB_MAC, 4, [MACS, {"index": 2, "mac": "02:00:00:bb:00:01"}]))),
                         ["2: mac 02:00:00:bb:00:01"])
        self.apply(entry(IGB_MAC, 4, [MACS, {"index": 2, "mac": "02:00:00:bb:00:01"}]))
        self.assertEqual(writes() - before, 1)

    def test_again_writes_nothing(self):
        self.apply(entry(IGB_MAC, 4, [MACS]), entry(OTHER_MAC, 2))
        before = writes(IGB), writes(OTHER)
        for _ in range(3):
            self.assertFalse(self.apply(entry(IGB_MAC, 4, [MACS]), entry(OTHER_MAC, 2))["changes"])
        self.assertEqual((writes(IGB), writes(OTHER)), before)

    def test_others_are_left_alone(self):
        """PFs that no entry names, and VFs of a PF whose count is not wanted."""
        sim("numvfs", OTHER, "3")
        sim("set", f"{OTHER}/1", "vlan=9")
        self.apply(entry(IGB_MAC, 1))
        eventually(lambda: [vf.get("vlan") for vf in self.vfs(OTHER)] == [0, 9, 0], 5, "somebody else's VFs")
        self.assertEqual(self.state(OTHER), "unmanaged")
        self.apply(entry(OTHER_MAC, None, [{"index": 0, "vlan": 5}]))
        self.assertEqual([vf["vlan"] for vf in self.vfs(OTHER)], [5, 9, 0])
        sim("numvfs", OTHER, "0")

    def test_replace(self):
        self.apply(entry(IGB_MAC, 2))
        told = self.apply(entry(IGB_MAC, 4), status=3)["pfs"][0]
        self.assertEqual((told["result"], told["error"]), ("failed", "VfsExist"))
        self.assertEqual(len(self.vfs(IGB)), 2)
        self.apply(entry(IGB_MAC, 4, replace=True))
        self.assertEqual(len(self.vfs(IGB)), 4)
        self.apply(entry(IGB_MAC, 0, replace=True))
        self.assertEqual(len(self.vfs(IGB)), 0)

    def test_held_vf_is_not_replaced(self):
        self.apply(entry(IGB_MAC, 2, [{"index": "0-1", "driver": "vfio-pci"}]))
        sim("hold", f"{IGB}/1", "--name=vm7")
        told = self.plan(entry(IGB_MAC, 4, replace=True))["pfs"][0]
        self.assertEqual(told["error"], "InUse")
        self.assertIn("vm7", told["text"])
        told = self.apply(entry(IGB_MAC, 4, replace=True), status=3)["pfs"][0]
        self.assertEqual((told["error"], len(self.vfs(IGB)), self.attribute(1, "in_use")), ("InUse", 2, True))

    def test_storage(self):
        self.apply(entry(NVME, 2))
        self.assertEqual(len(self.vfs(NVME)), 2)
        self.assertFalse(self.plan(entry(NVME, 2))["changes"])

    def test_pf_keys(self):
        self.apply(entry(IGB_MAC, 1, mtu=9000, autoprobe=False))
        self.assertEqual((self.pf()["mtu"], self.pf()["autoprobe"], self.vf(0).get("driver")), (9000, False, None))
        self.apply(entry(IGB_MAC, 1, mtu=1500, autoprobe=True))
        self.assertEqual((self.pf()["mtu"], self.pf()["autoprobe"]), (1500, True))


class Failures(Configured):
    """What fails is reported, hurts nobody else, and is tried again."""

    def test_one_vf(self):
        self.apply(entry(IGB_MAC, 4))
        sim("fault", IGB, "errno", "error=EIO", "step=set_vf", "vf=1", "times=0")
        told = self.apply(entry(IGB_MAC, 4, [{"index": "0-3", "vlan": 50}]), status=1)["pfs"][0]
        self.assertEqual(told["result"], "failed")
        self.assertRegex(told["text"], "1 VF is not as wanted.*VF 1")
        self.assertEqual([vf["vlan"] for vf in self.vfs(IGB)], [50, 0, 50, 50])
        self.assertEqual(self.state(), "failed")
        self.assertIn("VF 1", get(path(IGB), "ConfigText"))
        sim("unfault", "all")
        self.settled()  # it is tried again
        self.assertEqual([vf["vlan"] for vf in self.vfs(IGB)], [50] * 4)

    def test_one_vf_goes_back(self):
        """Its other attributes too: a VF is as it was or as wanted."""
        self.apply(entry(IGB_MAC, 2, [{"index": 1, "mac": "02:00:00:00:00:11", "vlan": 7}]))
        sim("fault", IGB, "errno", "error=EIO", "step=set_vf", "vf=1", "nth=2")
        told = self.apply(entry(IGB_MAC, 2, [{"index": "0-1", "mac": "02:00:00:00:01:{index}", "vlan": 8}]), status=1)
        self.assertEqual(told["pfs"][0]["result"], "failed")
        self.assertEqual([(vf["mac"], vf["vlan"]) for vf in self.vfs(IGB)],
                         [("02:00:00:00:01:00", 8), ("02:00:00:00:00:11", 7)])

    def test_one_pf(self):
        sim("fault", IGB, "errno", "error=ENOSPC", "step=set_numvfs", "times=0")
        told = self.apply(entry(IGB_MAC, 2), entry(OTHER_MAC, 2), status=1)
        self.assertEqual([(pf["pf"], pf["result"]) for pf in told["pfs"]], [(IGB, "failed"), (OTHER, "done")])
        self.assertEqual((len(self.vfs(IGB)), len(self.vfs(OTHER))), (0, 2))
        sim("unfault", "all")
        self.settled()

    def test_too_few_come(self):
        """All that was done is undone, in the same state as before."""
        self.apply(entry(IGB_MAC, 2, [{"index": 0, "vlan": 3}]))
        sim("fault", IGB, "partial", "count=3", "step=set_numvfs", "times=0")
        told = self.apply(entry(IGB_MAC, 5, [{"index": 0, "vlan": 4}], replace=True), status=1)["pfs"][0]
        self.assertEqual(told["error"], "PartialCount")
        self.assertIn("was undone", told["text"])
        self.assertEqual([vf["vlan"] for vf in self.vfs(IGB)], [3, 0])
        sim("unfault", "all")
        self.settled()
        self.assertEqual([vf["vlan"] for vf in self.vfs(IGB)], [4, 0, 0, 0, 0])

    def test_stuck(self):
        """A kernel call that hangs keeps neither the reply nor the other PFs nor a later Apply."""
        self.apply(entry(IGB_MAC, 2, [{"index": 0, "vlan": 3}]), entry(OTHER_MAC, 1, [{"index": 0, "vlan": 3}], drift="enforce"))
        hang = sim("fault", IGB, "hang", "step=set_vf", "vf=0")
        began = time.monotonic()
        told = self.apply(entry(IGB_MAC, 2, [{"index": 0, "vlan": 4}]), entry(OTHER_MAC, 1, [{"index": 0, "vlan": 4}], drift="enforce"), status=1)
        self.assertLess(time.monotonic() - began, 15)
        self.assertEqual([(pf["pf"], pf["result"], pf.get("error")) for pf in told["pfs"]], [(IGB, "failed", "Busy"), (OTHER, "done", None)])
        before = writes(OTHER)
        sim("set", f"{OTHER}/0", "vlan=9")
        eventually(lambda: writes(OTHER) == before + 1 and self.attribute(0, "vlan", OTHER) == 4, 5, "the correction")
        self.apply(entry(OTHER_MAC, 1, [{"index": 0, "vlan": 5}]))
        sim("unfault", hang)
        eventually(lambda: self.attribute(0, "vlan") == 4, 10, "what hung")
        self.settled(state="unmanaged")

    def test_stuck_in_numvfs(self):
        """The kernel lets nobody else into sriov_numvfs: who wants to is told, what needs no count goes on."""
        self.apply(entry(OTHER_MAC, 1))
        hang = sim("fault", IGB, "hang", "step=set_numvfs")
        self.addCleanup(sim, "unfault", "all")
        self.assertEqual(self.apply(entry(IGB_MAC, 2), status=1)["pfs"][0]["error"], "Busy")
        told = self.apply(entry(OTHER_MAC, 2, replace=True), entry(NVME, None, autoprobe=False), status=1)
        self.assertEqual([(pf["pf"], pf.get("error")) for pf in told["pfs"]], [(OTHER, "Busy"), (NVME, None)])
        self.assertIn(IGB, told["pfs"][0]["text"])
        self.apply(entry(NVME, None, autoprobe=True))
        sim("unfault", hang)
        eventually(lambda: (len(self.vfs(IGB)), len(self.vfs(OTHER))) == (2, 2), 10, "both")

    def test_pauses_grow(self):
        sim("fault", IGB, "errno", "error=ENOSPC", "step=set_numvfs", "times=0")
        self.write("1.json", entry(IGB_MAC, 1))
        run("sriovctl", "reload")
        tries = []
        mark = len(self.monitor.messages)
        for _ in range(3):
            ended = self.monitor.wait(lambda m: m.get("member") == "JobRemoved", mark, 20, "another try")
            mark = self.monitor.messages.index(ended) + 1
            tries.append(time.monotonic())
        self.assertGreater(tries[2] - tries[1], (tries[1] - tries[0]) * 1.4)

    def test_optional(self):
        self.apply(entry(IGB_MAC, 1, [{"index": 0, "query_rss": True, "vlan": 5}], optional=["query_rss"]))
        self.assertEqual((self.state(), self.attribute(0, "vlan")), ("applied", 5))
        self.assertFalse(self.plan()["changes"])
        told = self.apply(entry(IGB_MAC, 1, [{"index": 0, "query_rss": True, "vlan": 6}]), status=1)["error"]
        self.assertEqual((told["name"], self.attribute(0, "vlan")), ("NotSupported", 5))
        self.assertRegex(told["text"], r"^given.json:4:3.*query_rss")


class Drift(Configured):
    """What others change is found by event, and corrected or reported in under a second."""

    def test_enforce(self):
        self.apply(entry(IGB_MAC, 3, [{"index": "0-2", "vlan": 100, "mac": "02:00:00:00:aa:{index}"}], drift="enforce"))
        before = writes()
        for n, (wrong, right) in enumerate((("vlan=7", 100), ("mac=02:00:00:00:bb:bb", "02:00:00:00:aa:01"))):
            sim("set", f"{IGB}/1", wrong)
            self.assertLess(soon(lambda n=n: writes() == before + n + 1, wrong), 1.5)  # the promise is 1 s; asking takes time too
            eventually(lambda w=wrong, r=right: self.attribute(1, w.split("=")[0]) == r and self.state() == "applied", 5, wrong)
        self.assertEqual(writes() - before, 2)

    def test_enforce_pf_down(self):
        """A PF that is down is mute: it is looked at by the clock."""
        self.apply(entry(IGB_MAC, 2, [{"index": 0, "vlan": 100}], drift="enforce"))
        sim("link", IGB, "down")
        sim("set", f"{IGB}/0", "vlan=7")
        self.assertLess(soon(lambda: self.attribute(0, "vlan") == 100, "the correction"), 2)
        sim("link", IGB, "up")

    def test_enforce_count(self):
        """VFs that somebody destroyed come back whole."""
        self.apply(entry(IGB_MAC, 3, [{"index": "0-2", "vlan": 100, "driver": "vfio-pci"}], drift="enforce"))
        sim("numvfs", IGB, "0")
        eventually(lambda: [(vf.get("vlan"), vf.get("driver")) for vf in self.vfs(IGB)] == [(100, "vfio-pci")] * 3, 5, "three VFs as wanted")

    def test_report(self):
        self.apply(entry(IGB_MAC, 2, [{"index": 0, "vlan": 100}]))
        before = writes()
        sim("set", f"{IGB}/0", "vlan=7")
        self.assertLess(soon(lambda: self.state() == "drift", "the report"), 1.5)
        self.assertEqual(get(path(IGB), "Differences"), ["VF 0: vlan is 7, wanted 100"])
        time.sleep(1)
        self.assertEqual((writes(), self.attribute(0, "vlan")), (before, 7))
        sim("set", f"{IGB}/0", "vlan=100")
        self.settled()
        self.assertEqual(get(path(IGB), "Differences"), [])

    def test_each_key_its_own(self):
        self.apply(entry(IGB_MAC, 2, [{"index": 0, "vlan": 100, "trust": True, "spoofchk": True}],
                         drift={"default": "ignore", "vlan": "enforce", "trust": "report"}))
        before = writes()
        sim("set", f"{IGB}/0", "spoofchk=off")
        sim("set", f"{IGB}/0", "trust=off")
        self.settled(state="drift")
        sim("set", f"{IGB}/0", "vlan=7")
        eventually(lambda: writes() == before + 1 and self.attribute(0, "vlan") == 100, 5, "the correction")
        self.assertEqual((self.attribute(0, "trust"), self.attribute(0, "spoofchk")), (False, False))

    def test_flapping_ends_in_an_alarm(self):
        self.apply(entry(IGB_MAC, 1, [{"index": 0, "vlan": 100}], drift="enforce"))
        before = writes()
        for vlan in range(1, 4):
            sim("set", f"{IGB}/0", f"vlan={vlan}")
            eventually(lambda v=vlan: writes() == before + v and self.attribute(0, "vlan") == 100, 5, "correction")
        sim("set", f"{IGB}/0", "vlan=4")
        self.settled(state="alarm")
        self.assertIn("3 times", get(path(IGB), "ConfigText"))
        sim("set", f"{IGB}/0", "vlan=5")
        time.sleep(0.5)
        self.assertEqual((writes() - before, self.attribute(0, "vlan")), (3, 5))
        self.apply(entry(IGB_MAC, 1, [{"index": 0, "vlan": 100}], drift="enforce"))
        self.assertEqual((self.state(), self.attribute(0, "vlan")), ("applied", 100))


class Identity(Configured):
    """PFs come and go, and are called otherwise."""

    def test_absent_then_plugged(self):
        self.write("1.json", entry(PLUGGED_MAC, 2, [{"index": 1, "vlan": 9}]), entry(OTHER_MAC, 1))
        told = self.reload()
        self.assertEqual((told["absent"], get(ROOT, "Absent"), get(ROOT, "Applied")), (["1.json:4:3"], ["1.json:4:3"], True))
        self.assertEqual(len(self.vfs(OTHER)), 1)
        sim("plug", EMPTY)
        eventually(lambda: get(ROOT, "Absent") == [], 5, "the PF")
        self.settled(EMPTY)
        self.assertEqual([vf["vlan"] for vf in self.vfs(EMPTY)], [0, 9])
        sim("unplug", EMPTY)
        eventually(lambda: get(ROOT, "Absent") == ["1.json:4:3"], 5, "its end")
        self.assertTrue(get(ROOT, "Applied"))

    def test_another_name(self):
        """Found by its permanent MAC it keeps its entry; one found by name loses it."""
        self.write("1.json", entry(IGB_MAC, 1), entry({"ifname": "enp2s0"}, 1))
        self.reload()
        sim("rename", IGB, "lan7")
        sim("rename", OTHER, "lan8")
        eventually(lambda: self.state(OTHER) == "unmanaged", 5, "the loss")
        self.assertEqual((self.state(), self.pf()["netdevs"]), ("applied", ["lan7"]))
        sim("rename", IGB, "enp1s0")
        sim("rename", OTHER, "enp2s0")
        self.settled(OTHER)

    def test_by_path(self):
        told = self.pf()
        self.apply(entry({"path": told["path"]}, 1))
        self.assertEqual(len(self.vfs(IGB)), 1)

    def test_ambiguous(self):
        text = config(entry({"driver": "igb"}, 1))
        self.refuse_files("InvalidArgs", "^bad.json:4:.*0000:01:00.0", text)
        self.apply(entry({"driver": "igb", "all": True}, 1))
        self.assertEqual((len(self.vfs(IGB)), len(self.vfs(OTHER))), (1, 1))

    def test_two_claims(self):
        self.refuse_files("InvalidArgs", r"^bad.json:\d+:\d+.*bad.json:\d+", config(entry(IGB_MAC, 1), entry(IGB, 2)))


class Rivals(Configured):
    def test_networkd(self):
        """Somebody else who would set the same VFs is named, in the plan too."""
        network = sandbox("root") / "etc/systemd/network"
        network.mkdir(parents=True)
        (network / "10-x.network").write_text("[Match]\nName=enp1s0\n\n[SR-IOV]\nVirtualFunction=0\nVLANId=7\n", encoding="utf-8")
        self.restart(SRIOVD_ROOT=str(sandbox("root")))
        said = ["enp1s0: systemd-networkd: /etc/systemd/network/10-x.network"]
        self.assertEqual(get(ROOT, "Rivals"), said)
        self.assertEqual((self.plan(entry(IGB_MAC, 1))["warnings"], self.plan(entry(OTHER_MAC, 1))["warnings"]), (said, []))
        self.restart()


class Refused(Configured):
    """All or nothing: whatever is wrong anywhere, nothing is taken."""

    def test_files_on_disk(self):
        self.write("1.json", entry(IGB_MAC, 2, [{"index": 0, "vlan": 5}], drift="enforce"))
        self.reload()
        before = writes()
        self.write("2.json", entry(OTHER_MAC, 2, [{"index": 0, "vlan": 5000}]))
        done = run("sriovctl", "--json", "reload")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(json.loads(done.stdout)["error"]["text"], r"^2.json:12:14: .*0 to 4094")
        self.assertEqual((get(ROOT, "ConfigState"), len(self.vfs(OTHER)), writes()), ("refused", 0, before))
        self.assertRegex(get(ROOT, "ConfigText"), "^2.json:")
        sim("set", f"{IGB}/0", "vlan=6")  # what was in force stays in force
        eventually(lambda: self.attribute(0, "vlan") == 5, 5, "the correction")
        sandbox("etc").joinpath("2.json").unlink()
        self.reload()
        self.assertEqual((get(ROOT, "ConfigState"), get(ROOT, "ConfigText")), ("loaded", ""))

    def test_files_of_every_kind(self):
        """Each mistake that test-bad-configs.py knows, in a file: refused at its place, what is in force stays."""
        self.write("1.json", entry(IGB_MAC, 1, [{"index": 0, "vlan": 5}]))
        self.reload()
        before = self.machine(), writes(), writes(OTHER), self.state(), get(path(IGB), "ConfigSource")
        rng = random.Random(7)
        for mistake in (configs.TREE + configs.TEXT) * 2:
            text, (line, column), _ = configs.bad(rng, mistake)
            sandbox("etc").joinpath("2.json").write_bytes(text.encode("utf-8", "surrogateescape"))
            done = run("sriovctl", "--json", "reload")
            self.assertEqual(done.returncode, 1, (mistake.__name__, text))
            self.assertRegex(json.loads(done.stdout)["error"]["text"], f"^2.json:{line}:{column}: ", mistake.__name__)
            self.assertEqual(get(ROOT, "ConfigState"), "refused")
        sandbox("etc").joinpath("2.json").unlink()
        self.assertEqual((self.machine(), writes(), writes(OTHER), self.state(), get(path(IGB), "ConfigSource")), before)

    def test_many(self):
        """Each with its place, none changes anything."""
        self.apply(entry(IGB_MAC, 1))
        before = self.machine(), writes(), get(ROOT, "ConfigState")
        good = entry(IGB_MAC, 2, [{"index": "0-1", "vlan": 5}])
        for text in ("", "[]", "{", '{"version": 2, "pfs": []}', config({}), config({**good, "num_vf": 1}), config({**good, "num_vfs": -1}),
                     config({**good, "num_vfs": "2"}), config({**good, "num_vfs": 1}), config({**good, "vfs": [{"index": "1-0"}]}),
                     config({**good, "vfs": [{"index": 0, "mac": "01:00:00:00:00:01"}]}), config({**good, "drift": "maybe"}),
                     config({**good, "num_vfs": 99}), config(good, good), config({**good, "vfs": [{"index": 0, "driver": "rm -rf"}]})):
            self.refuse_files("", r"^bad.json:\d+:\d+: ", text)
        self.assertEqual((self.machine(), writes(), get(ROOT, "ConfigState")), before)

    def test_names_of_files(self):
        text = config(entry(IGB_MAC, 1))
        for names in (["a.json", "a.json"], [""], ["x" * 129], ["a/b"], ["a\x1b[2J"]):
            files = [word for name in names for word in (name, text)]
            for member, signature, rest in ("Plan", "a(ss)", ()), ("Apply", "a(ss)a{sv}", (0,)):
                self.refused(f"{NAME}.Error.InvalidArgs", "^file .*refused: ", ROOT, member, signature, len(names), *files, *rest)

    def test_options(self):
        for words in ((1, "confirm", "u", 5), (1, "confirm", "s", "10"), (1, "plan", "s", "xyz"), (1, "force", "b", "true")):
            done = run(*method(ROOT, "Apply", "a(ss)a{sv}", 0, *words))
            self.assertIn("refused" if words[1] != "force" else "unknown option", done.stderr, words)


if __name__ == "__main__":
    tap.main(topology="topology-guest.json")
