#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""IOMMU verdicts: foretold, refused before anything is written, drawn; and what an override can do.

Behind the root port "good" all is well; "bad" leads to a switch without ACS. Whether interrupts are remapped is the machine's: each
class has its own, in a sandbox of its own.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap  # noqa: E402

GOOD, BAD, DOWN = "0000:01:00.0", "0000:04:00.0", "0000:03:00.0"
TIMEOUT = 60
HERE = "ISOLATION_MACHINE"

MACHINES = {
    "remapped": {},
    "unsafe": {"interrupt_remapping": False, "allow_unsafe_interrupts": True},
    "forgeable": {"interrupt_remapping": False},
    "bare": {"iommu": False},
}


def topology(host):
    return {"version": 1, "host": host, "bridges": [
        {"name": "good", "type": "root-port"}, {"name": "bad", "type": "root-port"},
        {"name": "up", "type": "switch-upstream", "below": "bad"},
        {"name": "down", "type": "switch-downstream", "below": "up", "acs": False}],
        "pfs": [{"profile": "igb", "below": "good", "netdev": "good0", "mac": "52:54:00:00:00:01"},
                {"profile": "igb", "below": "down", "netdev": "bad0", "mac": "52:54:00:00:00:02"}]}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)


class Case(unittest.TestCase):
    maxDiff = None

    def ctl(self, *words, status=0):
        done = run("sriovctl", *words)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return done.stdout + done.stderr

    def json(self, *words, status=0):
        return json.loads(self.ctl("--json", *words, status=status))

    def written(self):
        return [int(run("sriov-sim", "writes", pf).stdout) for pf in (GOOD, BAD)], run("sriov-sim", "log").stdout

    def refused(self, *words, says=()):
        """Refused as NotIsolated, nothing written, and the text says all of it."""
        before = self.written()
        told = self.json(*words, status=3)["error"]
        self.assertEqual(told["name"], "NotIsolated", told)
        for text in says:
            self.assertIn(text, told["text"])
        self.assertEqual(self.written(), before)

    def drivers(self, pf):
        return [vf.get("driver") for vf in self.json("list", "vf") if vf["pf"] == pf]

    def apply(self, pf, count, vfs, status=0):
        file = pathlib.Path(os.environ["SRIOVD_SANDBOX"]) / "given.json"
        file.write_text(json.dumps({"version": 1, "pfs": [{"match": {"address": pf}, "num_vfs": count, "vfs": vfs}]}), encoding="utf-8")
        return self.json("apply", "--yes", str(file), status=status)

    def tearDown(self):
        self.ctl("reload")
        for pf in GOOD, BAD:
            self.ctl("destroy", pf)


class Remapped(Case):
    """Interrupts are remapped, so only who shares a group matters."""

    def test_creation_is_refused_before(self):
        for words in (), ("--shared-group",):
            self.refused("create", "bad0", "2", "--driver=vfio-pci", *words,
                         says=(f"{BAD} is on the host driver igb", f"downstream {DOWN}", "not-viable", "slot below ports with ACS"))
        self.assertEqual(self.drivers(BAD), [])

    def test_what_is_there_is_not_destroyed_for_it(self):
        self.ctl("create", "bad0", "1")
        self.refused("create", "bad0", "2", "--driver=vfio-pci", "--replace", says=(f"downstream {DOWN}",))
        self.assertEqual(self.drivers(BAD), ["igbvf"])

    def test_bind_is_refused_before(self):
        self.ctl("create", "bad0", "2")
        for words in (), ("--shared-group",), ("--force",):
            self.refused("bind", "bad0/1", "vfio-pci", *words, says=(f"{BAD} is on the host driver igb (and 1 more)", f"downstream {DOWN}"))
        self.assertEqual(self.drivers(BAD), ["igbvf", "igbvf"])

    def test_good_port(self):
        self.ctl("create", "good0", "3", "--driver=vfio-pci")
        self.assertEqual(self.drivers(GOOD), ["vfio-pci"] * 3)

    def test_host_drivers_share_as_they_like(self):
        self.ctl("create", "bad0", "2", "--driver=igbvf")
        self.assertEqual(self.drivers(BAD), ["igbvf"] * 2)

    def test_check_of_all(self):
        self.ctl("create", "good0", "2")
        self.ctl("create", "bad0", "2")
        verdicts = {" ".join(device["address"] for device in group["devices"]): group["verdict"] for group in self.json("check")}
        self.assertEqual(verdicts, {GOOD: "isolated", "0000:01:10.0": "isolated", "0000:01:10.2": "isolated",
                                    f"{DOWN} {BAD} 0000:04:10.0 0000:04:10.2": "not-viable"})
        told = self.ctl("check")
        self.assertRegex(told, rf"(?m)^ +\d+ +not-viable +bad0 bad0/0 bad0/1 +{DOWN} ")
        self.assertRegex(told, r"(?m)^ +\d+ +isolated +good0/1 ")

    def test_check_of_one(self):
        self.ctl("create", "bad0", "2")
        group = str(self.json("show", "bad0")["iommu_group"])
        for name, address in ("bad0/1", "0000:04:10.2"), ("0000:04:10.0", "0000:04:10.0"), (group, None):
            told = self.json("check", name, status=3)
            self.assertEqual((told["verdict"], told["breaks_at"], told.get("address")), ("not-viable", DOWN, address))
            self.assertEqual(told["in_the_way"], [BAD, "0000:04:10.0", "0000:04:10.2"])
            self.assertEqual([(hop["address"], hop.get("above"), hop["kind"], len(hop["acs"]), hop["isolates"]) for hop in told["path"]],
                             [("0000:00:02.0", None, "root-port", 4, True), ("0000:02:00.0", "0000:00:02.0", "upstream", 0, True),
                              (DOWN, "0000:02:00.0", "downstream", 0, False)])
            self.assertEqual([device["above"] for device in told["devices"]], ["0000:02:00.0"] + [DOWN] * 3)
            self.assertEqual(told["reserved"], [{"start": "0xfee00000", "end": "0xfeefffff", "type": "msi"}])

    def test_drawing(self):
        self.ctl("create", "bad0", "2")
        drawn = {}
        for charset in "C.UTF-8", "C":
            done = subprocess.run(["sriovctl", "check", "bad0/1"], capture_output=True, text=True, timeout=TIMEOUT, check=False,
                                  encoding="utf-8", env=os.environ | {"LC_ALL": charset})
            self.assertEqual(done.returncode, 3)
            drawn[charset] = done.stdout.splitlines()
        self.assertEqual(drawn["C.UTF-8"][2:9], [
            "0000:00:02.0  root-port  ACS SV RR CR UF  isolates",
            "└─ 0000:02:00.0  upstream  ACS none  isolates",
            f"   └─ {DOWN}  downstream  ACS none  isolation breaks here",
            f"      ├╳ {BAD}  net  igb  in the way",
            "      ├╳ 0000:04:10.0  net  igbvf  in the way",
            "      └╳ 0000:04:10.2  net  igbvf  in the way  (asked for)",
            ""])
        to_ascii = str.maketrans({"└": "`", "├": "|", "─": "-", "╳": "x", "│": "|"})
        self.assertEqual([line.translate(to_ascii) for line in drawn["C.UTF-8"]], drawn["C"])

    def test_check_of_a_pf_foretells(self):
        told = self.ctl("check", "bad0", status=3)
        self.assertIn("VFs of it would be: not-viable", told)
        self.assertIn(f"downstream {DOWN}", told)
        told = self.json("check", "bad0", status=3)
        self.assertEqual((told["verdict"], told["new_vfs"]["verdict"]), ("isolated", "not-viable"))
        self.assertEqual(self.json("check", "good0")["new_vfs"]["verdict"], "isolated")

    def test_check_of_nothing(self):
        self.assertIn("no such IOMMU group", self.ctl("check", "4711", status=1))
        self.assertIn("no SR-IOV device", self.ctl("check", "nosuch0", status=1))

    def test_configuration(self):
        """As a whole, before the VFs are made, with the override as without."""
        for vf in {"index": "0-1", "driver": "vfio-pci"}, {"index": "0-1", "driver": "vfio-pci", "shared_group": True}:
            before = self.written()
            told = self.apply(BAD, 3, [vf], status=3)["pfs"][0]
            self.assertEqual((told["result"], told["error"]), ("failed", "NotIsolated"))
            self.assertIn(f"downstream {DOWN}", told["text"])
            self.assertEqual(self.written(), before)
        self.apply(BAD, 3, [{"index": "0-1", "vlan": 7}])
        self.assertEqual(self.drivers(BAD), ["igbvf"] * 3)

    def test_configuration_of_vfs_that_are_there(self):
        """The VF alone is left as it is."""
        self.ctl("create", "bad0", "2")
        told = self.apply(BAD, 2, [{"index": 0, "driver": "vfio-pci"}, {"index": 1, "vlan": 9}], status=3)["pfs"][0]
        self.assertIn("not-viable", json.dumps(told))
        vfs = [vf for vf in self.json("list", "vf") if vf["pf"] == BAD]
        self.assertEqual([(vf["driver"], vf["vlan"]) for vf in vfs], [("igbvf", 0), ("igbvf", 9)])


class Unsafe(Case):
    """Interrupts are not remapped, and vfio was told to go on: the kernel says yes, and only an override may."""

    def test_override(self):
        self.refused("create", "good0", "2", "--driver=vfio-pci", says=("unsafe", "forge", "--shared-group"))
        self.ctl("create", "good0", "2", "--driver=vfio-pci", "--shared-group")
        self.assertEqual(self.drivers(GOOD), ["vfio-pci"] * 2)
        self.assertEqual(self.json("check", "good0/0", status=2)["verdict"], "unsafe")
        self.ctl("bind", "good0/0", "igbvf")
        self.refused("bind", "good0/0", "vfio-pci", says=("unsafe",))
        self.ctl("bind", "good0/0", "vfio-pci", "--shared-group")
        self.assertEqual(self.drivers(GOOD), ["vfio-pci"] * 2)

    def test_override_does_not_help_against_a_host_driver(self):
        self.refused("create", "bad0", "2", "--driver=vfio-pci", "--shared-group", says=("not-viable", BAD))

    def test_configuration(self):
        before = self.written()
        told = self.apply(GOOD, 2, [{"index": "0-1", "driver": "vfio-pci"}], status=3)["pfs"][0]
        self.assertEqual(told["error"], "NotIsolated")
        self.assertIn("shared_group", told["text"])
        self.assertEqual(self.written(), before)
        self.apply(GOOD, 2, [{"index": "0-1", "driver": "vfio-pci", "shared_group": True}])
        self.assertEqual(self.drivers(GOOD), ["vfio-pci"] * 2)

    def test_the_way_back_needs_no_word(self):
        """What was on vfio goes back there when what came instead is taken back."""
        self.ctl("create", "good0", "2", "--driver=vfio-pci", "--shared-group")
        self.apply(GOOD, 2, [{"index": 0, "driver": "igbvf"}])
        self.assertEqual(self.drivers(GOOD), ["igbvf", "vfio-pci"])
        self.ctl("rollback")
        self.assertEqual(self.drivers(GOOD), ["vfio-pci"] * 2)

    def test_saved_without_it(self):
        """Somebody has to say it: it is not in what save prints."""
        self.ctl("create", "good0", "1", "--driver=vfio-pci", "--shared-group")
        self.assertNotIn("shared_group", self.ctl("save"))


class Forgeable(Case):
    """Interrupts are not remapped: vfio would refuse."""

    def test_never(self):
        for words in (), ("--shared-group",):
            self.refused("create", "good0", "1", "--driver=vfio-pci", *words, says=("not-viable", "EPERM", "interrupt remapping"))
        self.ctl("create", "good0", "1")
        self.refused("bind", "good0/0", "vfio-pci", "--shared-group", says=("EPERM",))
        self.assertEqual(self.json("check", "good0/0", status=3)["verdict"], "not-viable")


class Bare(Case):
    """No IOMMU."""

    def test_never(self):
        for words in (), ("--shared-group",):
            self.refused("create", "good0", "1", "--driver=vfio-pci", *words, says=("no-iommu", "intel_iommu=on"))
        self.ctl("create", "good0", "1")
        self.refused("bind", "good0/0", "vfio-pci", "--shared-group", says=("intel_iommu=on",))
        for name in "good0/0", "good0":
            told = self.json("check", name, status=3)
            self.assertEqual(told["verdict"], "no-iommu")
            self.assertIn("intel_iommu=on", told["advice"])
            self.assertIn("no-iommu", self.ctl("check", name, status=3))
        self.assertIn("no IOMMU group", self.ctl("check"))
        self.assertEqual(self.json("check"), [])


CLASSES = {"remapped": Remapped, "unsafe": Unsafe, "forgeable": Forgeable, "bare": Bare}


class Machines(unittest.TestCase):
    """Each class on its machine."""

    def sandboxed(self, name):
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(topology(MACHINES[name]), file)
            file.flush()
            done = subprocess.run([str(tap.TOP / "contrib/sandbox"), file.name, "--", sys.executable, __file__, CLASSES[name].__name__],
                                  capture_output=True, text=True, timeout=300, check=False, env=os.environ | {HERE: name})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        wanted = unittest.defaultTestLoader.loadTestsFromTestCase(CLASSES[name]).countTestCases()
        self.assertEqual(done.stdout.count("\nok ") + done.stdout.startswith("ok "), wanted, done.stdout)
        for line in done.stdout.splitlines():
            print("#", line)

    def test_remapped(self):
        self.sandboxed("remapped")

    def test_unsafe(self):
        self.sandboxed("unsafe")

    def test_forgeable(self):
        self.sandboxed("forgeable")

    def test_bare(self):
        self.sandboxed("bare")


if __name__ == "__main__":
    if HERE not in os.environ and len(sys.argv) == 1:
        sys.argv.append("Machines")
    tap.main()
