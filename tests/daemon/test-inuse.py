#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever uses a VF keeps it: each kind of use refuses what would take the VF away, in words, and nothing is written; --force
goes ahead and says what it breaks."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap  # noqa: E402
from configured import Configured, entry  # noqa: E402
from machine import IGB, NVME, Case, method, path, plain, run, sandbox, sim, writes  # noqa: E402

USES = {  # kind: (name, what is said)
    "netns": ("", "VF 1's interface lives in another network namespace"),
    "master": ("br0", "VF 1's enp1s0v1 is enslaved to br0"),
    "upper": ("macvtap7", "VF 1's enp1s0v1 carries macvtap7"),
    "address": ("192.0.2.7/24", "VF 1's enp1s0v1 has the address 192.0.2.7/24"),
    "route": ("", "VF 1's enp1s0v1 carries the default route"),
    "rdma": ("ib_send_bw", "is used by ib_send_bw"),
}
TAKE = (["destroy", IGB], ["create", IGB, "3", "--replace"], ["unbind", f"{IGB}/1"], ["bind", f"{IGB}/1", "vfio-pci"],
        ["reset", f"{IGB}/1"])


def holders(where):
    return plain(json.loads(run(*method(where, "GetHolders")).stdout)["data"])[0]


class InUse(Case):
    def setUp(self):
        self.harmed = sim("harmed")

    def tearDown(self):
        run("sriov-sim", "unuse", IGB, "all")
        for pf in (IGB, NVME):
            for vf in self.vfs(pf):
                run("sriov-sim", "unuse", f"{pf}/{vf['index']}", "all")
        self.assertEqual(sim("harmed"), self.harmed)
        super().tearDown()

    def use(self, vf, kind, name=""):
        sim("use", vf, kind, *([name] if name else []))

    def test_each_kind(self):
        self.good("create", IGB, "2")
        for kind, (name, says) in USES.items():
            self.use(f"{IGB}/1", kind, name)
            before = writes()
            self.assertEqual([holder[0] for holder in holders(path(IGB, 1))], [kind])
            self.assertEqual([holder[:2] for holder in holders(path(IGB))], [[1, kind]])
            self.assertIn(says, run("sriovctl", "show", f"{IGB}/1").stdout)
            for words in TAKE:
                self.bad("InUse", says, *words)
            self.assertEqual(writes(), before, kind)
            self.assertEqual(len(self.vfs(IGB)), 2)
            self.good("reset", f"{IGB}/0")  # its neighbour is nobody's
            sim("unuse", f"{IGB}/1", kind)
            self.good("reset", f"{IGB}/1")

    def test_block(self):
        self.good("create", NVME, "2")
        self.use(f"{NVME}/0", "mount", "/srv/data")
        before = writes(NVME)
        for words in ["destroy", NVME], ["unbind", f"{NVME}/0"], ["reset", f"{NVME}/0"]:
            self.bad("InUse", "is mounted at /srv/data.*unmount it first", *words)
        self.assertEqual(writes(NVME), before)

    def test_several(self):
        """All are named, and what to do about the first."""
        self.good("create", IGB, "3")
        self.use(f"{IGB}/0", "master")
        self.use(f"{IGB}/0", "address")
        self.use(f"{IGB}/2", "netns")
        self.bad("InUse", "VF 0's .* is enslaved to br0; VF 0's .* has the address .*; VF 2's interface lives .*out of use",
                 "destroy", IGB)

    def test_force(self):
        """What it breaks is said by sriovctl, and in the daemon's log."""
        self.good("create", IGB, "2")
        self.use(f"{IGB}/1", "master", "br7")
        done = run("sriovctl", "unbind", f"{IGB}/1", "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"forced, although VF 1's enp1s0v1 is enslaved to br7")
        self.assertNotIn("driver", self.vfs(IGB)[1])
        logs = "".join(log.read_text(errors="replace") for log in sandbox(".").glob("*.log"))
        self.assertRegex(logs, r"job \d+ of uid \d+ is forced, although VF 1's enp1s0v1 is enslaved to br7")

    def test_pf_route(self):
        """The PF with the default route: no person destroys or replaces its VFs unforced; creating and single VFs are free."""
        self.use(IGB, "route")
        self.good("create", IGB, "2")
        before = writes()
        for words in ["destroy", IGB], ["create", IGB, "3", "--replace"]:
            self.bad("InUse", "the PF's enp1s0 carries the default route; move the default route first", *words)
        self.assertEqual(writes(), before)
        self.good("unbind", f"{IGB}/1")
        self.assertEqual([holder[:2] for holder in holders(path(IGB))], [[4294967295, "route"]])
        done = run("sriovctl", "destroy", IGB, "--force")
        self.assertEqual((done.returncode, self.vfs(IGB)), (0, []), done.stderr)
        self.assertIn("the PF's enp1s0 carries the default route", done.stderr)

    def test_way_back(self):
        """A creation that failed is undone although the PF carries the default route."""
        self.use(IGB, "route")
        sim("fault", IGB, "partial", "count=3", "step=set_numvfs")
        self.bad("PartialCount", r"undone", "create", IGB, "5")
        self.assertEqual(self.vfs(IGB), [])

    def test_refused_uses(self):
        self.good("create", IGB, "1", "--driver=vfio-pci")
        for words in [f"{IGB}/0", "master"], [f"{IGB}/0", "nosuch"], [IGB, "master"], [f"{IGB}/5", "master"]:
            self.assertNotEqual(run("sriov-sim", "use", *words).returncode, 0, words)
        self.assertNotEqual(run("sriov-sim", "unuse", f"{IGB}/0", "all").returncode, 0)


class Wishes(Configured):
    def tearDown(self):
        for user in IGB, f"{IGB}/1":
            run("sriov-sim", "unuse", user, "all")
        super().tearDown()

    def test_pf_route(self):
        """What a configuration would create is warned of; what it would replace is refused; the way back is free."""
        sim("use", IGB, "route")
        told = self.plan(entry(IGB, 2))
        self.assertIn("the PF's enp1s0 carries the default route", told["pfs"][0]["hurts"])
        self.apply(entry(IGB, 2), options=["--confirm=60"])
        self.assertEqual(len(self.vfs(IGB)), 2)
        before = writes()
        told = self.plan(entry(IGB, 3, replace=True))
        self.assertEqual(told["pfs"][0]["error"], "InUse", told)
        self.assertEqual(writes(), before)
        self.good("rollback")
        self.assertEqual(self.vfs(IGB), [])

    def test_netdev(self):
        """A VF in use is not replaced by a configuration, nor rebound; the others get what is theirs."""
        self.good("create", IGB, "3")
        sim("use", f"{IGB}/1", "upper", "macvlan1")
        before = writes()
        told = self.plan(entry(IGB, 2, replace=True))
        self.assertIn("carries macvlan1", told["pfs"][0]["text"])
        self.apply(entry(IGB, 2, replace=True), status=3)
        self.assertEqual(writes(), before)
        self.apply(entry(IGB, 3, [{"index": "0-2", "driver": "vfio-pci"}]), status=3)
        self.assertEqual([vf["driver"] for vf in self.vfs(IGB)], ["vfio-pci", "igbvf", "vfio-pci"])


if __name__ == "__main__":
    tap.main(topology="topology-guest.json")
