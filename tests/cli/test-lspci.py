#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""pciutils reads the configuration space of the simulated devices: lspci -vvv of dumps by tests/unit/cfgspace-dump."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import tap

DUMP = pathlib.Path(os.environ.get("BUILD_DIR", tap.TOP)) / "tests" / "unit" / "cfgspace-dump"
KINDS = {  # the capabilities of each kind, in lspci's order
    "nic": [0x40, 0x70, 0xa0, 0x100, 0x140, 0x150, 0x160],
    "second": [0x40, 0x70, 0xa0, 0x100, 0x150, 0x160],
    "nvme": [0x40, 0x70, 0xa0, 0x100, 0x150, 0x160],
    "vf": [0x70, 0xa0, 0x100, 0x150],
    "root": [0x40, 0xa0, 0x100, 0x1b0],
    "root-no-acs": [0x40, 0xa0, 0x100],
    "upstream": [0x40, 0xa0, 0x100],
    "downstream": [0x40, 0xa0, 0x100, 0x1b0],
}
NAMES = {
    0x40: "Power Management version 3", 0x70: "MSI-X: ", 0xa0: "Express (v2) ", 0x100: "Advanced Error Reporting",
    0x140: "Device Serial Number 00-11-22-ff-fe-33-44-55", 0x150: "Alternative Routing-ID Interpretation (ARI)",
    0x160: "Single Root I/O Virtualization (SR-IOV)", 0x1b0: "Access Control Services",
}
BROKEN = re.compile(r"<chain (broken|looped)|unknown capability|Capability ID|access denied|<unreadable>|\?\?|#[0-9a-f]{2,4}\b", re.I)


def dump(kind, vfs=0):
    return subprocess.run([DUMP, kind, str(vfs)], check=True, capture_output=True, text=True).stdout


def lspci(text, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".lspci") as file:
        file.write(text)
        file.flush()
        done = subprocess.run(["lspci", *options, "-F", file.name], check=True, capture_output=True, text=True,
                              env={**os.environ, "LC_ALL": "C", "PATH": os.environ["PATH"] + ":/usr/bin:/usr/sbin"})
    return done.stdout


def capabilities(text):
    """What lspci found: {offset: what it says of it}."""
    parts = re.split(r"^\tCapabilities: \[([0-9a-f]+)(?: v\d+)?\] ", text, flags=re.M)
    return {int(offset, 16): said for offset, said in zip(parts[1::2], parts[2::2])}


class Lspci(unittest.TestCase):
    maxDiff = None

    def test_every_kind_has_just_its_capabilities(self):
        for kind, offsets in KINDS.items():
            with self.subTest(kind=kind):
                text = lspci(dump(kind, 4), "-vvv")
                found = capabilities(text)
                self.assertEqual(sorted(found), offsets)
                for offset in offsets:
                    self.assertTrue(found[offset].startswith(NAMES[offset]), found[offset])
                self.assertNotRegex(text, BROKEN)

    def test_the_judge_sees_a_broken_chain(self):
        for title, line, wrong in (
                ("looped", "160:", "160: 10 00 01 15 "),     # back to 150h
                ("unknown", "150:", "150: fe 00 01 16 "),
                ("below", "a0:", "a0: 10 a0 ")):             # its own next one
            with self.subTest(title):
                lines = dump("nic").splitlines()
                at = next(i for i, text in enumerate(lines) if text.startswith(line))
                lines[at] = wrong + lines[at][len(wrong):]
                text = lspci("\n".join(lines) + "\n\n", "-vvv")
                found = capabilities(text)
                self.assertTrue(BROKEN.search(text) or sorted(found) != KINDS["nic"]
                                or any(not found[o].startswith(NAMES[o]) for o in KINDS["nic"]), text)

    def test_bytes_come_back(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                ours, theirs = ([line for line in text.splitlines() if re.match(r"[0-9a-f]{2,3}: ", line)]
                                for text in (dump(kind, 4), lspci(dump(kind, 4), "-xxxx")))
                self.assertEqual(len(ours), 256)
                self.assertEqual(ours, theirs)

    def sriov(self, kind, vfs):
        said = capabilities(lspci(dump(kind, vfs), "-vvv"))[0x160]
        numbers = {name: int(value, base) for name, base, value in (
            (name, base, re.search(re.escape(name) + r": ([0-9a-f]+)", said)[1]) for name, base in (
                ("Initial VFs", 10), ("Total VFs", 10), ("Number of VFs", 10), ("Function Dependency Link", 16),
                ("offset", 10), ("stride", 10), ("Device ID", 16), ("Supported Page Size", 16), ("System Page Size", 16)))}
        return said, list(numbers.values())

    def test_sriov(self):
        cases = (("nic", 4, [7, 7, 4, 0, 128, 2, 0x10ca, 0x553, 1]), ("nic", 0, [7, 7, 0, 0, 128, 2, 0x10ca, 0x553, 1]),
                 ("second", 7, [7, 7, 7, 1, 128, 2, 0x10ca, 0x553, 1]),
                 ("nvme", 300, [300, 300, 300, 0, 1, 1, 0x0010, 0x553, 1]),
                 ("nvme", 301, [300, 300, 0, 0, 1, 1, 0x0010, 0x553, 1]))  # the hardware takes no such number
        for kind, vfs, wanted in cases:
            with self.subTest(kind=kind, vfs=vfs):
                said, numbers = self.sriov(kind, vfs)
                self.assertEqual(numbers, wanted)
                self.assertIn(f"Enable{'+' if vfs else '-'} Migration- Interrupt- MSE{'+' if vfs else '-'} ARIHierarchy+", said)
        self.assertIn("Region 0: Memory at 0000001000000000 (64-bit, prefetchable)", self.sriov("nic", 4)[0])
        self.assertIn("Region 3: Memory at 00000010000e0000 (64-bit, prefetchable)", self.sriov("nic", 4)[0])

    def test_functions(self):
        nic, vf = (lspci(dump(kind), "-vvv") for kind in ("nic", "vf"))
        self.assertRegex(nic, r"Control: I/O- Mem\+ BusMaster\+")
        self.assertIn("MSI-X: Enable- Count=10 Masked-", nic)
        self.assertIn("FLReset+", nic)
        self.assertIn("ARICap:\tMFVC- ACS-, Next Function: 1", nic)
        self.assertRegex(vf, r"Control: I/O- Mem- BusMaster\+")
        self.assertIn("MSI-X: Enable- Count=3 Masked-", vf)
        self.assertIn("FLReset+", vf)
        self.assertNotIn("Region", vf)
        ids = {kind: lspci(dump(kind), "-n").split()[1:3] for kind in KINDS}
        self.assertEqual(ids["nic"], ["0200:", "8086:10c9"])
        self.assertEqual(ids["vf"], ["0200:", "ffff:ffff"])
        self.assertEqual(ids["nvme"], ["0108:", "1b36:0010"])
        self.assertEqual(ids["root"][0], "0604:")

    def test_bridges(self):
        for kind, port, buses in (("root", "Root Port (Slot+)", "primary=00, secondary=3b, subordinate=3d"),
                                  ("root-no-acs", "Root Port (Slot+)", "primary=00, secondary=3b, subordinate=3d"),
                                  ("upstream", "Upstream Port", "primary=3b, secondary=3c, subordinate=3d"),
                                  ("downstream", "Downstream Port (Slot+)", "primary=3c, secondary=3d, subordinate=3d")):
            with self.subTest(kind=kind):
                text = lspci(dump(kind), "-vvv")
                found = capabilities(text)
                self.assertIn(port, found[0xa0])
                self.assertIn(buses, text)
                if 0x1b0 in KINDS[kind]:  # as Linux leaves QEMU's root ports in the test guest
                    self.assertIn("ACSCap:\tSrcValid+ TransBlk+ ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans+",
                                  found[0x1b0])
                    self.assertIn("ACSCtl:\tSrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-",
                                  found[0x1b0])
                self.assertEqual("ARIFwd+" in found[0xa0], kind != "upstream")


if __name__ == "__main__":
    tap.main()
