#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sriovctl doctor on a table of recorded hosts (table.py): the right findings, the right remedies, and nothing besides."""
import json
import os
import pathlib
import random
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tap  # noqa: E402
from hosts import bare_guest, guest, intel  # noqa: E402
from table import HOSTS  # noqa: E402

PROGRAM = pathlib.Path(os.environ.get("BUILD_DIR", ".")) / "sriovctl"
ROUNDS = int(os.environ.get("DOCTOR_ROUNDS", 200))
STATUS = {"ok": 0, "note": 0, "warning": 2, "problem": 1}
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
KEYS = {"id", "level", "group", "device", "what", "evidence", "remedy"}


def doctor(*options, program=PROGRAM, **how):
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
    return subprocess.run([program, "doctor", *options], env=environment, capture_output=True, encoding="utf-8", timeout=60,
                          check=False, **how)


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="doctor-", dir=FAST))
        self.addCleanup(shutil.rmtree, self.directory)
        self.root = self.directory / "root"

    def findings(self, root, **how):
        done = doctor("--json", f"--root={root}", **how)
        self.assertEqual(done.stderr, "")
        found = json.loads(done.stdout)
        for finding in found:
            self.assertLessEqual(set(finding), KEYS)
            self.assertTrue(finding["what"] and finding["evidence"], finding)
        worst = max((finding["level"] for finding in found), key=list(STATUS).index)
        self.assertEqual(done.returncode, STATUS[worst])
        return found

    def judge(self, root, problems, warnings, notes):
        found = self.findings(root)
        for level, wanted in ("problem", problems), ("warning", warnings):
            got = [finding for finding in found if finding["level"] == level]
            self.assertEqual({finding["id"] for finding in got}, set(wanted), json.dumps(got, indent=1))
            for finding in got:
                self.assertRegex(finding["remedy"], re.compile(wanted[finding["id"]], re.S))
        self.assertLessEqual(set(notes), {finding["id"] for finding in found if finding["level"] == "note"})
        return found


class Hosts(Case):
    """One test for each host of the table: see the end of the file."""


def add_host(name, made, *wanted):
    def test(self):
        made.write(self.root)
        found = self.judge(self.root, *wanted)
        # A record of it is judged alike, but for other managers' files, which may hold secrets.
        done = doctor(f"--root={self.root}", f"--record={self.directory}/copy")
        self.assertEqual(done.stderr, "")
        copy = self.findings(self.directory / "copy")
        self.assertEqual(*([finding for finding in each if finding["group"] != "others"] for each in (found, copy)))
    setattr(Hosts, "test_" + name.replace("-", "_"), test)


class Program(Case):
    def test_enough_hosts(self):
        self.assertGreaterEqual(len(HOSTS), 40)
        seen = {word for _, problems, warnings, _ in HOSTS.values() for word in (*problems, *warnings)}
        source = "".join(path.read_text() for path in (tap.TOP / "src/doctor").glob("doctor_*.c"))
        known = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)",?\s*(?::[^,]*,\s*)?\s*(?=FINDING_(?:WARNING|PROBLEM))', source))
        self.assertGreater(len(known), 20)
        self.assertEqual(known - seen, set(), "no host has these")
        manual = (tap.TOP / "man/sriovctl.1").read_text().replace("\\-", "-")
        self.assertEqual({word for word in seen if word not in manual}, set(), "not in the manual page")

    def test_text(self):
        HOSTS["many"][0].write(self.root)
        done = doctor(f"--root={self.root}")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        for pattern in (r"\AFirmware\n  ✗ enp59s0f0 \(0000:3b:00.0\): its VFs", r"\n    seen: /proc/cpuinfo",
                        r"\n    do:   Add intel_iommu=on", r"\n    do:   the same\n", r"\n\nIOMMU\n",
                        r"\n\n4 problems, 1 warning\n\Z"):
            self.assertRegex(done.stdout, pattern)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 110)

    def test_text_ready(self):
        intel().write(self.root)
        done = doctor(f"--root={self.root}")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"ready for SR-IOV\.\n\Z")

    def test_this_machine(self):
        """Whatever it is: no daemon, no bus."""
        done = doctor("--json")
        self.assertIn(done.returncode, (0, 1, 2))
        self.assertEqual(done.stderr, "")
        self.assertIn("iommu", {finding["group"] for finding in json.loads(done.stdout)})

    def test_refusals(self):
        for options, pattern in ((["--root=/nonexistent"], "expected a directory"), (["--host=a"], "ssh a sriovctl doctor"),
                                 (["--bus=unix:path=/x"], "asks no daemon"), ([f"--record={self.directory}"], "to be made"),
                                 (["x"], "too many"), (["--force"], "not for doctor")):
            done = doctor(*options)
            self.assertEqual((done.returncode, done.stdout), (1, ""), options)
            self.assertRegex(done.stderr, pattern)

    def test_figures(self):
        """What the text says is computed: VFs in reach of bus numbers, memory that VFs need."""
        for name, word, what in (("bus-out-of-range-part", "bus-numbers", "248 of its 256 VFs, so no more"),
                                 ("bus-out-of-range", "bus-numbers", "0 of its 7 VFs, so none"),
                                 ("pci-realloc", "vf-memory-unassigned", "need 1024 KiB"),
                                 ("good-driver-limit", "vfs-limited", "8 VFs.*allows 7"),
                                 ("good-intel-vfs-there", "pf", "up to 64 VFs, 4 there")):
            with self.subTest(host=name):
                root = self.directory / name
                HOSTS[name][0].write(root)
                self.assertRegex(next(finding for finding in self.findings(root) if finding["id"] == word)["what"], what)

    def test_count_is_never_read(self):
        """sriov_numvfs waits for whoever writes it: as a FIFO nobody writes, reading it would hang; the record has no copy either."""
        intel(vfs=2).write(self.root)
        for path in self.root.glob("sys/devices/*/*/*/sriov_numvfs"):
            path.unlink()
            os.mkfifo(path)
        done = doctor(f"--root={self.root}", f"--record={self.directory}/copy")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, "up to 64 VFs, 2 there")
        self.assertEqual(list(self.directory.glob("copy/sys/devices/*/*/*/sriov_numvfs")), [])
        self.assertNotEqual(list(self.directory.glob("copy/sys/devices/*/*/*/sriov_totalvfs")), [])

    def test_record_keeps_secrets(self):
        made = intel().put("etc/NetworkManager/system-connections/a.nmconnection",
                           "[connection]\ntype=ethernet\ninterface-name=enp59s0f0\n[sriov]\ntotal-vfs=4\n"
                           "[wifi-security]\npsk=secret\n")
        made.log("systemd: secret").write(self.root)
        copy = self.directory / "copy"
        self.assertEqual(doctor(f"--root={self.root}", f"--record={copy}").returncode, 2)
        whole = b"".join(path.read_bytes() for path in copy.rglob("*") if path.is_file() and not path.is_symlink())
        for secret in b"secret", b"b4:96:91", bytes.fromhex("44332211 88776655"):
            self.assertNotIn(secret, whole)
        self.assertIn(b"intel_iommu=on", whole)
        self.assertNotEqual(list(copy.rglob("config")), [])

    def test_ordinary_user(self):
        """What may not be read is said, and is no error."""
        intel().write(self.root)
        log = self.root / "var/log/dmesg"
        log.chmod(0)
        program, how = PROGRAM, {}
        if os.geteuid() == 0:
            self.directory.chmod(0o755)
            program, how = shutil.copy(PROGRAM, self.directory / "sriovctl"), {"user": 65534, "group": 65534, "extra_groups": []}
        found = {finding["id"]: finding for finding in self.findings(self.root, program=program, **how)}
        self.assertEqual(found["not-all-readable"]["level"], "note")
        self.assertIn("/var/log/dmesg", found["not-all-readable"]["evidence"])
        self.assertIn("sudo", found["not-all-readable"]["remedy"])

    def test_nothing_there(self):
        self.root.mkdir()
        self.judge(self.root, {"iommu-none": "firmware", "no-sriov-device": "SR-IOV"}, {}, ["vfio-unknown", "not-all-readable"])

    def test_noise(self):
        """Whatever a file holds, and whatever it is: an answer, and no crash (ASan, UBSan in that build)."""
        chance = random.Random(20261121)
        roots = []
        for made in intel(vfs=2), guest(), HOSTS["qat-denylist"][0], HOSTS["pf-without-driver"][0], bare_guest():
            root = self.directory / str(len(roots))
            made.write(root)
            files = sorted(path for path in root.rglob("*") if stat.S_ISREG(path.lstat().st_mode))
            roots.append((root, {path: path.read_bytes() for path in files}))
        for number in range(ROUNDS):
            root, files = chance.choice(roots)
            spoiled = chance.sample(list(files), min(len(files), chance.choice([1, 3, 30])))
            for path in spoiled:
                content = bytearray(files[path])
                match chance.randrange(5):
                    case 0:
                        content = chance.randbytes(chance.choice([1, 30, 300, 5000]))
                    case 1:
                        content = content[:chance.randrange(len(content) + 1)]
                    case 2:
                        for _ in range(10):
                            if content:
                                content[chance.randrange(len(content))] = chance.randrange(256)
                    case 3:
                        content = content * chance.choice([2, 100])
                    case 4:
                        content = b"9" * 40
                path.write_bytes(content)
            with self.subTest(round=number):
                done = doctor("--json", f"--root={root}")
                self.assertIn(done.returncode, (0, 1, 2), done.stderr)
                self.assertEqual(done.stderr, "")
                self.assertGreater(len(json.loads(done.stdout)), 3)
            for path in spoiled:
                path.write_bytes(files[path])


for key, row in HOSTS.items():
    add_host(key, *row)
if __name__ == "__main__":
    tap.main()
