#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sriov-sim's commands: what they do to a running machine, what they refuse and how they say it. TAP by tap.py."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
SIM = pathlib.Path(os.environ.get("BUILD_DIR", ".")) / "sriov-sim"
GUEST = TOP / "data/examples/topology-guest.json"
IGB, OTHER = "0000:01:00.0", "0000:02:00.0"


def run(*words, socket=None):
    """Exit status, standard output, standard error."""
    environment = {key: value for key, value in os.environ.items() if key not in ("SRIOV_SIM_SOCKET", "XDG_RUNTIME_DIR")}
    if socket:
        environment["SRIOV_SIM_SOCKET"] = f"unix:{socket}"
    done = subprocess.run([SIM, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class Running(unittest.TestCase):
    """A machine of its own for each test."""

    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.socket = pathlib.Path(work.name) / "s"
        self.sim = subprocess.Popen([SIM, "run", GUEST, f"--listen=unix:{self.socket}"], stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop)
        end = time.monotonic() + 20
        while not self.socket.exists():
            self.assertIsNone(self.sim.poll(), "sriov-sim ended")
            self.assertLess(time.monotonic(), end, "no socket")
            time.sleep(0.02)

    def stop(self):
        self.sim.send_signal(signal.SIGTERM)
        self.assertEqual(self.sim.wait(20), 0, "exit status after SIGTERM")

    def do(self, *words):
        status, out, err = run(*words, socket=self.socket)
        self.assertEqual((status, err), (0, ""), words)
        return out

    def refused(self, says, *words, status=1):
        got, out, err = run(*words, socket=self.socket)
        self.assertEqual((got, out), (status, ""), words)
        self.assertIn(says, err)

    def devices(self):
        text = self.do("lspci")
        return [line.split()[0] for line in text.splitlines() if " " in line and ":" in line and "." in line.split()[0]]

    def test_vfs_come_and_go(self):
        before = self.devices()
        self.do("numvfs", IGB, "3")
        self.assertEqual(sorted(set(self.devices()) - set(before)), ["0000:01:10.0", "0000:01:10.2", "0000:01:10.4"])
        self.refused("Device or resource busy", "numvfs", IGB, "4")
        self.refused("Numerical result out of range", "numvfs", IGB, "8")
        self.do("numvfs", IGB, "0")
        self.assertEqual(self.devices(), before)

    def test_holder(self):
        self.do("numvfs", IGB, "2")
        self.refused("not on driver vfio-pci", "hold", f"{IGB}/1")
        self.do("bind", f"{IGB}/1", "vfio-pci")
        self.do("hold", f"{IGB}/1", "--name=vm")
        self.refused("open already", "hold", f"{IGB}/1")
        for words in ("numvfs", IGB, "0"), ("unbind", f"{IGB}/1"), ("reload", IGB):
            self.refused("somebody holds a VF", *words)
        self.do("numvfs", OTHER, "1")  # nothing waits yet, so others may
        self.do("release", f"{IGB}/1")
        self.refused("nobody has VF 1", "release", f"{IGB}/1")
        self.do("numvfs", IGB, "0")

    def test_slots(self):
        self.do("unplug", OTHER)
        self.assertNotIn(OTHER, self.devices())
        self.refused("is empty", "writes", OTHER)
        self.do("plug", OTHER)
        self.assertIn(OTHER, self.devices())
        self.refused("unplug it first", "plug", OTHER)
        self.refused("no slot", "plug", "0000:77:00.0")
        self.do("unplug", OTHER)
        self.refused("no profile", "plug", OTHER, "e1000")

    def test_other_administrators(self):
        self.do("numvfs", IGB, "2")
        self.do("set", f"{IGB}/1", "mac=02:00:00:00:00:01", "vlan=100", "qos=3")
        self.refused("Operation not supported", "set", f"{IGB}/1", "link_state=enable")
        self.refused("expected 0 (none) to 4094", "set", f"{IGB}/1", "vlan=4095")
        self.refused("no VF 2", "set", f"{IGB}/2", "vlan=1")
        self.refused("KEY=VALUE", "set", f"{IGB}/1", "vlan", status=2)
        self.do("rename", IGB, "lan0")
        self.do("link", "lan0", "down")
        self.refused("Invalid argument", "set", "lan0/0", "max_tx_rate=100")
        self.do("link", "lan0", "up")
        self.do("set", "lan0/0", "max_tx_rate=100")
        self.refused("File exists", "rename", OTHER, "lan0")
        self.refused("Invalid argument", "rename", OTHER, "a b")
        self.assertEqual(self.do("writes", "lan0"), "0\n", "none of this was a step of sriovd")
        self.assertEqual(self.do("log"), "")

    def test_faults(self):
        first = self.do("fault", IGB, "errno", "step=set_vf", "error=EIO")
        second = self.do("ctl", "fault", IGB, "hang")
        self.assertNotEqual(first, second)
        self.do("unfault", first.strip())
        self.refused("no fault", "unfault", first.strip())
        self.do("unfault", "all")
        self.refused("no fault", "unfault", second.strip())
        self.refused("unknown fault", "fault", IGB, "eror")

    def test_unknown(self):
        self.refused("no PF 'eth9'", "writes", "eth9")
        self.refused("no device", "lspci", "0000:77:00.0")
        for word in "eth9/\x1b[2J", "../../x", "\u00e4":
            with self.subTest(word=word):
                _, _, err = run("writes", word, socket=self.socket)
                self.assertIn("no PF", err)
                self.assertNotIn("\x1b", err)


class Alone(unittest.TestCase):
    """Without a machine that runs."""

    def test_usage(self):
        for says, *words in (("did you mean reload?", "relod"), ("try sriov-sim --help", "xyzzy"), ("no command",),
                             ("expected: sriov-sim hold PF/VF", "hold"), ("is no VF", "hold", IGB), ("TOPOLOGY.json", "run"),
                             ("an option that it does not know", "writes", IGB, "--name=x"), ("unrecognized option", "--bogus")):
            with self.subTest(words=words):
                status, out, err = run(*words)
                self.assertEqual((status, out), (2, ""))
                self.assertIn(says, err)

    def test_nobody_listens(self):
        status, _, err = run("writes", IGB, "--socket=unix:/nonexistent/s")
        self.assertEqual(status, 1)
        self.assertIn("no answer at unix:/nonexistent/s", err)

    def test_help_and_version(self):
        self.assertIn("unplug PF", run("--help")[1])
        self.assertRegex(run("--version")[1], r"^sriov-sim \S+\n$")
        self.assertIn("nvme", run("profiles")[1])

    def test_topology_that_is_wrong(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{ "version": 1,\n  "pfs": [ { "profile": "e1000" } ] }\n')
            file.flush()
            for words in ("run", file.name, "--listen=unix:/nonexistent/s"), ("lspci", file.name):
                with self.subTest(words=words):
                    status, _, err = run(*words)
                    self.assertEqual(status, 1)
                    self.assertIn(f'{file.name}:2:25: unknown profile "e1000"', err)

    def test_manual_names_every_command(self):
        manual = (TOP / "man/sriov-sim.1").read_text().replace("\\-", "-")
        for line in run("--help")[1].split("Commands", 1)[1].splitlines()[1:]:
            self.assertRegex(manual, rf"(?m)^\.BI? {line.split()[0]}\b", line)


if __name__ == "__main__":
    tap.main()
