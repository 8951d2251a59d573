#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The way back: apply --confirm, confirm, rollback, save; over kill -9 of the daemon and over a boot."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap  # noqa: E402
from configured import IGB, IGB_MAC, OTHER, OTHER_MAC, Configured, config, entry, served  # noqa: E402
from machine import ROOT, eventually, get, path, run, sandbox, sim, writes  # noqa: E402

OLD = {"index": "0-1", "vlan": 10}
NEW = {"index": "0-1", "vlan": 20}


class Confirm(Configured):
    def vlans(self, pf=IGB):
        return [vf["vlan"] for vf in self.vfs(pf)]

    def old(self):
        self.write("1.json", entry(IGB_MAC, 2, [OLD]))
        self.reload()
        self.assertEqual(self.vlans(), [10, 10])

    def test_confirmed(self):
        self.old()
        self.apply(entry(IGB_MAC, 2, [NEW]), options=["--confirm=10"])
        self.assertGreater(get(ROOT, "ConfirmDeadline"), time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6)
        self.good("confirm")
        self.assertEqual((get(ROOT, "ConfirmDeadline"), self.vlans()), (0, [20, 20]))
        self.bad("NotFound", "no apply waits", "confirm")
        self.restart()
        self.assertEqual((self.vlans(), self.state(), get(path(IGB), "ConfigSource")[:5]), ([20, 20], "applied", "given"))

    def test_not_confirmed(self):
        """Count, attributes and drivers, on two PFs, back by itself."""
        self.old()
        self.apply(entry(IGB_MAC, 4, [{"index": "0-3", "vlan": 20, "driver": "vfio-pci"}], replace=True), entry(OTHER_MAC, 1),
                   options=["--confirm=10"])
        self.bad("Busy", "waits for its confirmation", "reload")
        self.assertEqual((self.vlans(), len(self.vfs(OTHER))), ([20] * 4, 1))
        eventually(lambda: not get(ROOT, "ConfirmDeadline") and self.vlans() == [10, 10] and not self.vfs(OTHER), 15, "the way back")
        self.settled()
        self.assertEqual(([vf["driver"] for vf in self.vfs(IGB)], self.pf()["autoprobe"]), (["igbvf"] * 2, True))
        self.assertEqual((self.state(OTHER), get(path(IGB), "ConfigSource")[:6]), ("unmanaged", "1.json"))

    def test_not_confirmed_over_a_kill(self):
        self.old()
        self.apply(entry(IGB_MAC, 2, [NEW]), options=["--confirm=10"])
        deadline = get(ROOT, "ConfirmDeadline")
        self.restart()
        self.assertEqual((get(ROOT, "ConfirmDeadline"), self.vlans()), (deadline, [20, 20]))
        eventually(lambda: self.vlans() == [10, 10], 15, "the way back")
        self.assertAlmostEqual(time.clock_gettime(time.CLOCK_BOOTTIME), deadline / 1e6, delta=2)

    def test_deadline_passes_while_nobody_is_there(self):
        self.old()
        self.apply(entry(IGB_MAC, 2, [NEW]), options=["--confirm=10"])
        deadline = get(ROOT, "ConfirmDeadline") / 1e6
        self.kill()
        eventually(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > deadline, 15, "the deadline")
        self.launch()
        eventually(served, 10, "sriovd")
        eventually(lambda: self.vlans() == [10, 10], 5, "the way back")

    def test_not_confirmed_over_a_boot(self):
        self.old()
        self.apply(entry(IGB_MAC, 2, [NEW]), options=["--confirm=60"])
        self.reboot()
        self.assertEqual((self.vlans(), get(ROOT, "ConfirmDeadline"), get(ROOT, "ConfigState")), ([10, 10], 0, "loaded"))

    def test_files_not_confirmed_over_a_boot(self):
        """What is in /etc was not confirmed: not at the next boot either, until it is another or applied again."""
        self.old()
        self.write("1.json", entry(IGB_MAC, 2, [NEW]))
        self.good("apply", "--confirm=60", "--yes")
        self.assertEqual(self.vlans(), [20, 20])
        for _ in range(2):
            self.reboot()
            self.assertEqual((self.vlans(), get(ROOT, "ConfigState")), ([10, 10], "refused"))
            self.assertIn("not confirmed", get(ROOT, "ConfigText"))
        self.restart()
        self.assertEqual((self.vlans(), get(ROOT, "ConfigState")), ([10, 10], "refused"))
        self.reload()
        self.assertEqual((self.vlans(), get(ROOT, "ConfigState")), ([20, 20], "loaded"))
        self.reboot()
        self.assertEqual((self.vlans(), get(ROOT, "ConfigState")), ([20, 20], "loaded"))

    def test_files_not_confirmed_in_time(self):
        self.old()
        self.write("1.json", entry(IGB_MAC, 2, [NEW]))
        self.good("apply", "--confirm=10", "--yes")
        eventually(lambda: self.vlans() == [10, 10] and get(ROOT, "ConfigState") == "refused", 15, "the way back")
        self.write("1.json", entry(IGB_MAC, 2, [{"index": "0-1", "vlan": 30}]))
        self.restart()
        eventually(lambda: self.vlans() == [30, 30], 10, "files that nobody refused")

    def test_what_was_given_ends_with_the_boot(self):
        self.old()
        self.apply(entry(IGB_MAC, 2, [NEW]))
        self.restart()
        self.assertEqual(self.vlans(), [20, 20])
        self.reboot()
        self.assertEqual(self.vlans(), [10, 10])

    def test_rollback(self):
        self.old()
        sim("set", f"{IGB}/1", "trust=on")
        eventually(lambda: self.attribute(1, "trust"), 5, "what somebody else did")
        self.apply(entry(IGB_MAC, 3, [{"index": "0-2", "vlan": 20}], replace=True))
        self.assertEqual(self.vlans(), [20, 20, 20])
        self.good("rollback")
        self.assertEqual((self.vlans(), self.attribute(1, "trust"), self.attribute(0, "trust")), ([10, 10], True, False))
        self.settled()
        self.bad("NotFound", "rollback refused", "rollback")

    def test_given_by_the_name_of_a_file_there(self):
        """Kept apart from it: applied again, over a restart, and rolled back."""
        self.old()
        file = pathlib.Path(sandbox("1.json"))
        for vlan in 20, 30:
            file.write_text(config(entry(IGB_MAC, 2, [{"index": "0-1", "vlan": vlan}])), encoding="utf-8")
            self.good("apply", str(file), "--yes")
            self.assertEqual(self.vlans(), [vlan] * 2)
        self.restart()
        self.assertEqual(self.vlans(), [30, 30])
        self.good("rollback")
        self.assertEqual(self.vlans(), [20, 20])
        self.reload()
        self.assertEqual(self.vlans(), [10, 10])

    def test_too_much_to_go_back_to(self):
        for i in range(200):
            self.write(f"{i}.json")
        self.reload()
        files = [word for i in range(100) for word in (f"given{i}.json", config(*[entry(IGB_MAC, 1)][i:]))]
        told = self.call_json("Apply", "a(ss)a{sv}", 100, *files, 0)
        self.assertEqual((told["pfs"][0]["result"], len(self.vfs(IGB))), ("done", 1))
        files[1] = config(entry(IGB_MAC, 1, [{"index": 0, "vlan": 9}]))
        self.refused("org.sriovd1.Error.LimitsExceeded", "together above 256 files", ROOT, "Apply", "a(ss)a{sv}", 100, *files, 0)
        self.assertEqual((self.vlans(), self.state()), ([0], "applied"))
        self.reload()
        self.assertEqual(self.state(), "unmanaged")

    def test_rollback_spares_a_held_vf(self):
        self.old()
        self.apply(entry(IGB_MAC, 3, [{"index": "0-2", "driver": "vfio-pci"}], replace=True))
        sim("hold", f"{IGB}/2", "--name=vm9")
        told = json.loads(run("sriovctl", "--json", "rollback").stdout)
        self.assertIn("vm9", told["pfs"][0]["text"])
        self.assertEqual((len(self.vfs(IGB)), self.attribute(2, "in_use")), (3, True))
        self.assertEqual(self.state(), "failed")
        self.assertIn("vm9", get(path(IGB), "ConfigText"))
        sim("release", f"{IGB}/2")
        self.good("rollback")
        self.assertEqual(self.vlans(), [10, 10])

    def test_the_way_back_needs_no_directories(self):
        """What is wrong in /etc now keeps nobody from going back to what was in force."""
        self.old()
        self.apply(entry(IGB_MAC, 2, [NEW]), options=["--confirm=10"])
        sandbox("etc").joinpath("2.json").mkdir()
        try:
            self.bad("Busy", "waits for its confirmation", "reload")
            eventually(lambda: self.vlans() == [10, 10] and not get(ROOT, "ConfirmDeadline"), 15, "the way back")
        finally:
            sandbox("etc").joinpath("2.json").rmdir()
        self.settled()

    def refused_files(self):
        """The files in /etc want NEW and are refused; OLD is in force."""
        self.old()
        self.write("1.json", entry(IGB_MAC, 2, [NEW]))
        self.good("apply", "--confirm=60", "--yes")
        self.good("rollback")
        self.assertEqual((self.vlans(), get(ROOT, "ConfigState")), ([10, 10], "refused"))

    def test_confirming_another_leaves_files_refused(self):
        self.refused_files()
        self.apply(entry(OTHER_MAC, 1), options=["--confirm=10"])
        self.good("confirm")
        self.reboot()
        self.assertEqual((self.vlans(), get(ROOT, "ConfigState")), ([10, 10], "refused"))
        self.reload()

    def test_applying_refused_files_accepts_them(self):
        """Also where nothing is to be done for them any more, and there is another way back."""
        self.refused_files()
        self.apply(entry(OTHER_MAC, 1))
        for index in 0, 1:
            sim("set", f"{IGB}/{index}", "vlan=20")
        eventually(lambda: self.vlans() == [20, 20] and self.state() == "drift", 5, "what somebody else did")
        self.assertFalse(self.reload()["changes"])
        self.reboot()
        self.assertEqual((self.vlans(), get(ROOT, "ConfigState")), ([20, 20], "loaded"))

    def test_plan_hash(self):
        pfs = [entry(IGB_MAC, 2, [NEW])]
        told = self.plan(*pfs)
        sim("numvfs", IGB, "2")
        eventually(lambda: len(self.vfs(IGB)) == 2, 5, "two VFs")
        done = run("sriovctl", "--json", "apply", self.given(*pfs), f"--plan={told['hash']}")
        self.assertEqual((done.returncode, json.loads(done.stdout)["error"]["name"]), (3, "PlanChanged"))
        self.assertEqual(self.vlans(), [0, 0])
        self.apply(*pfs, options=[f"--plan={self.plan(*pfs)['hash']}"])
        self.assertEqual(self.vlans(), [20, 20])

    def test_save(self):
        """What is saved plans to nothing, and brings everything back."""
        self.apply(entry(IGB_MAC, 3, [{"index": "0-1", "driver": "vfio-pci", "vlan": 7, "qos": 3}, {"index": 2, "trust": True, "mac": "02:00:00:00:00:77"}]),
                   entry(OTHER_MAC, 1, [{"index": 0, "max_tx_rate": 500}]))
        saved = run("sriovctl", "save").stdout
        sandbox("etc").joinpath("saved.json").write_text(saved, encoding="utf-8")
        before = self.vfs()
        told = self.reload()
        self.assertFalse(told["changes"], told)
        for pf in IGB, OTHER:
            sim("numvfs", pf, "0")
        eventually(lambda: not self.vfs(), 5, "no VFs")
        self.reload()
        self.assertEqual([{**vf, "iommu_group": 0} for vf in self.vfs()], [{**vf, "iommu_group": 0} for vf in before])

    def test_restart_when_converged(self):
        """Counted at the backend: nothing is written."""
        self.write("1.json", entry(IGB_MAC, 3, [{"index": "0-1", "driver": "vfio-pci", "vlan": 7}, {"index": 2, "trust": True}], drift="enforce"),
                   entry(OTHER_MAC, 2, mtu=2000))
        self.reload()
        before = writes(IGB), writes(OTHER)
        for _ in range(3):
            self.restart()
            eventually(lambda: get(ROOT, "Applied"), 10, "the configuration")
            self.assertEqual((self.state(), self.state(OTHER)), ("applied", "applied"))
        self.assertEqual((writes(IGB), writes(OTHER)), before)
        self.apply(entry(OTHER_MAC, 2, mtu=1500))

    def test_drift_while_nobody_is_there(self):
        """Only reported is reported, also when sriovd was not there to see it."""
        self.write("1.json", entry(IGB_MAC, 2, [OLD]), entry(OTHER_MAC, 2, [OLD], drift="enforce"))
        self.reload()
        self.kill()
        sim("set", f"{IGB}/0", "vlan=5")
        sim("set", f"{OTHER}/0", "vlan=5")
        before = writes()
        self.launch()
        eventually(served, 10, "sriovd")
        eventually(lambda: self.vlans(OTHER) == [10, 10], 5, "the correction")
        self.assertEqual((self.state(), self.vlans(), writes()), ("drift", [5, 10], before))

    def test_masks(self):
        """/etc over /run over /usr/lib; an empty file masks too."""
        for directory, vlan in (("lib", 1), ("run", 2), ("etc", 3)):
            sandbox(directory).joinpath("5.json").write_text(config(entry(IGB_MAC, 1, [{"index": 0, "vlan": vlan}])), encoding="utf-8")
            self.reload()
            self.assertEqual(self.vlans(), [vlan])
        sandbox("etc").joinpath("5.json").write_text("", encoding="utf-8")
        self.reload()
        self.assertEqual(self.state(), "unmanaged")
        sandbox("run").joinpath("5.json").unlink()
        sandbox("lib").joinpath("5.json").unlink()


if __name__ == "__main__":
    tap.main(topology="topology-guest.json")
