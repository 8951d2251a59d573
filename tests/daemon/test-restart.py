#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What survives: sriovd is killed, with VFs, with a stuck job; the backend is killed. Nothing is written, nothing is forgotten."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402
from machine import IGB, NAME, OTHER, ROOT, background, busctl, eventually, get, path, run, sandbox, sim, writes  # noqa: E402


def served():
    return subprocess.run(busctl("call", NAME, ROOT, "org.freedesktop.DBus.Peer", "Ping"), capture_output=True).returncode == 0


class Restart(unittest.TestCase):
    """Each test begins and ends with both daemons running and no VFs."""

    def setUp(self):
        self.again = []

    def tearDown(self):
        run("sriov-sim", "unfault", "all")
        for pf in (IGB, OTHER):
            eventually(lambda pf=pf: run("sriovctl", "destroy", pf).returncode == 0, 20, f"{pf} without VFs")

    def kill(self, name):
        with open(sandbox(f"{name}.pid"), encoding="utf-8") as file:
            os.kill(int(file.read()), signal.SIGKILL)

    def launch(self, name):
        # ended by the sandbox, by the pid file that this writes
        subprocess.Popen([sandbox(f"run-{name}")], stdin=subprocess.DEVNULL, start_new_session=True)

    def sriovctl(self, *words, status=0):
        done = run("sriovctl", "--json", *map(str, words))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def world(self):
        """All that is shown, but for what the last life had learned by setting: that is learned anew."""
        pfs = self.sriovctl("list", "pf")
        for pf in pfs:
            del pf["capabilities"]
        return self.sriovctl("list", "vf"), pfs

    def restart_sriovd(self):
        began = time.monotonic()
        self.kill("sriovd")
        self.launch("sriovd")
        eventually(served, 10, "sriovd on the bus")
        return time.monotonic() - began

    def test_with_live_vfs(self):
        """14 VFs, some set, some on vfio-pci: the next life sees the same and writes nothing."""
        for pf in (IGB, OTHER):
            self.sriovctl("create", pf, 7)
        self.sriovctl("set", f"{IGB}/3", "mac=02:00:00:00:00:33", "vlan=5", "trust=on")
        self.sriovctl("bind", f"{OTHER}/1", "vfio-pci")
        before, written = self.world(), (writes(IGB), writes(OTHER))
        for _ in range(5):
            self.assertLess(self.restart_sriovd(), 5)  # far above what it takes: a machine may be slow
            self.assertEqual(self.world(), before)
        self.assertEqual((writes(IGB), writes(OTHER)), written)

    def test_while_stuck(self):
        """The write stays in the kernel; the next life shows it, refuses a second one, and heals when the guest lets go."""
        self.sriovctl("create", IGB, 2)
        self.sriovctl("bind", f"{IGB}/1", "vfio-pci")
        sim("hold", f"{IGB}/1")
        try:
            with background("sriovctl", "destroy", IGB, "--force") as destroy:
                eventually(lambda: get(path(IGB), "State") == "stuck", 10, "the PF to be stuck")
                self.restart_sriovd()
                self.assertEqual(destroy.wait(10), 4)  # its daemon is gone
            eventually(lambda: get(path(IGB), "State") in ("busy", "stuck"), 10, "the PF to be busy")
            eventually(lambda: get(path(IGB), "State") == "stuck", 10, "the PF to be stuck again")
            told = self.sriovctl("create", IGB, 3, "--replace", status=1)
            self.assertEqual(told["error"]["name"], "Busy")
            self.assertIn("set_numvfs", told["error"]["text"])
            self.sriovctl("list", "vf")
        finally:
            sim("release", f"{IGB}/1")
        eventually(lambda: (get(path(IGB), "State"), get(path(IGB), "NumVfs")) == ("idle", 0), 10, "the PF to heal")
        self.sriovctl("create", IGB, 1)

    def test_backend(self):
        """Without a backend what was seen last is shown and nothing is changed; with a new one its facts follow."""
        self.sriovctl("create", IGB, 3)
        self.kill("sriov-sim")
        eventually(lambda: get(ROOT, "BackendConnected") is False, 10, "the loss of the backend")
        self.assertEqual(get(path(IGB), "NumVfs"), 3)
        self.assertEqual(self.sriovctl("create", OTHER, 1, status=1)["error"]["name"], "BackendLost")
        self.launch("sriov-sim")
        eventually(lambda: get(ROOT, "BackendConnected"), 15, "the new backend")
        eventually(lambda: get(path(IGB), "NumVfs") == 0, 10, "the facts of the new machine")
        self.sriovctl("create", OTHER, 1)


if __name__ == "__main__":
    tap.main(topology="topology-guest.json")
