#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sriovctl lease: what it prints, what run hands to its command and what comes back, and what is refused before anybody is asked."""
import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap  # noqa: E402

NIC, ADDRESS = "enp3s0", "0000:03:00.0"
TIMEOUT = 60


def run(*words, **more):
    return subprocess.run(["sriovctl", *words], capture_output=True, encoding="utf-8", timeout=TIMEOUT, check=False, **more)


def start(*words):
    return subprocess.Popen(["sriovctl", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


class Lease(unittest.TestCase):
    def setUp(self):
        self.good("create", NIC, "2")

    def tearDown(self):
        for lease in self.leases():
            self.good("lease", "release", str(lease["id"]))
        self.empty()
        self.good("destroy", NIC)

    def good(self, *words):
        done = run(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), (words, done.stdout))
        return done.stdout

    def leases(self):
        return json.loads(self.good("--json", "lease", "list"))

    def empty(self):
        end = time.monotonic() + 10
        while self.leases():
            self.assertLess(time.monotonic(), end, "leases stay")
            time.sleep(0.02)

    def leased(self):
        """The one lease that there will be."""
        end = time.monotonic() + 10
        while not (found := [lease for lease in self.leases() if lease["state"] == "leased"]):
            self.assertLess(time.monotonic(), end, "no lease comes")
            time.sleep(0.02)
        return found[0]

    def vf(self, index):
        return json.loads(self.good("--json", "show", f"{NIC}/{index}"))

    def test_acquire_list_release(self):
        told = json.loads(self.good("--json", "lease", "acquire", f"pf={NIC}", "--driver=vfio-pci", "--set=vlan=7", "--set=trust=on",
                                    "--label=vm 7"))
        vf = self.vf(0)
        self.assertEqual(told, {"lease": told["lease"], "pf": ADDRESS, "index": 0, "address": vf["address"], "driver": "vfio-pci", "netdev": "",
                                "iommu_group": vf["iommu_group"], "vfio": f"/dev/vfio/{vf['iommu_group']}"})
        self.assertEqual((vf["vlan"], vf["trust"], vf["lease_state"]), (7, True, "leased"))
        self.assertEqual([(one["kind"], one["name"]) for one in vf["holders"]], [("lease", "vm 7")])
        lease, = self.leases()
        self.assertLess(abs(lease.pop("since_usec") - time.time() * 1e6), 60e6)
        self.assertEqual(lease, {"pf": ADDRESS, "id": told["lease"], "vf": 0, "state": "leased", "owner": "persistent", "uid": os.getuid(),
                                 "label": "vm 7"})
        self.assertRegex(self.good("lease", "list"), rf"(?m)^ *{told['lease']}  {ADDRESS}/0  leased  persistent .* vm 7 ")
        self.assertRegex(self.good("list", "vf"), r"LEASE")
        self.assertRegex(self.good("list", "vf"), rf"(?m)^{NIC}/0 .* leased ")
        self.assertRegex(self.good("status"), r"(?m)\b0  vfio-pci  leased by vm 7  vlan=7  trust=on$")
        self.assertRegex(run("lease", "acquire", f"vf={NIC}/1").stdout, rf"^lease \d+: {ADDRESS}/1  {self.vf(1)['address']}  igbvf  \w+\n$")
        self.assertEqual(self.good("lease", "release", str(told["lease"])), f"lease {told['lease']}: released\n")
        self.assertEqual(json.loads(self.good("--json", "lease", "release", str(told["lease"]))), {"result": "done", "lease": told["lease"]})
        self.assertEqual((self.vf(0)["lease_state"], self.vf(0)["vlan"], self.vf(0)["driver"]), ("free", 0, "igbvf"))

    def test_run(self):
        """The command has the VF, its environment, its standard streams and its exit status."""
        script = 'echo "$SRIOV_LEASE|$SRIOV_VF_ADDRESS|$SRIOV_VF_NETDEV|$SRIOV_IOMMU_GROUP|$SRIOV_VFIO|$*"; sriovctl --json show "$SRIOV_VF_ADDRESS"; exit 23'
        words = [f"word{n}" for n in range(60)] + ["--json", "--driver=x"]
        vf = self.vf(0)
        done = run("lease", "run", f"pf={NIC}", "--driver=vfio-pci", "--", "sh", "-c", script, "sh", *words)
        self.assertEqual((done.returncode, done.stderr), (23, ""))
        line, told = done.stdout.split("\n", 1)
        number, *rest = line.split("|")
        self.assertEqual(rest, [vf["address"], "", str(vf["iommu_group"]), f"/dev/vfio/{vf['iommu_group']}", " ".join(words)])
        self.assertEqual((json.loads(told)["lease_state"], json.loads(told)["driver"]), ("leased", "vfio-pci"))
        self.assertGreater(int(number), 0)
        self.empty()
        self.assertEqual(self.vf(0), vf)
        done = run("lease", "run", f"vf={NIC}/1", "--", "sh", "-c", 'echo "$SRIOV_VF_NETDEV|$SRIOV_VFIO|"')
        self.assertEqual(done.stdout, f"{self.vf(1)['netdev']}||\n")

    def test_run_is_killed(self):
        """A signal to sriovctl is one to the command; then the lease ends."""
        with start("lease", "run", f"pf={NIC}", "--", "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.02; done") as command:
            self.assertEqual(command.stdout.readline(), "ready\n")
            self.assertEqual(self.leased()["owner"], f"pid {command.pid}")
            command.terminate()
            self.assertEqual(command.wait(TIMEOUT), 7)
        self.empty()
        with start("lease", "run", f"pf={NIC}", "--", "sleep", "100") as command:
            self.leased()
            command.kill()
        self.empty()

    def test_run_fails(self):
        done = run("lease", "run", f"pf={NIC}", "--", "/nonexistent/command")
        self.assertEqual(done.returncode, 127)
        self.assertRegex(done.stderr, "^sriovctl: /nonexistent/command can not be run: No such file")
        self.empty()
        done = run("lease", "run", f"pf={NIC}", "driver=nvme", "--", "sh", "-c", "echo ran")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, "nvme was asked for")

    def test_of_a_process(self):
        with subprocess.Popen(["sleep", "100"]) as process:
            told = json.loads(self.good("--json", "lease", "acquire", f"pf={NIC}", f"--pid={process.pid}"))
            self.assertEqual([(lease["id"], lease["owner"]) for lease in self.leases()], [(told["lease"], f"pid {process.pid}")])
            process.kill()
        self.empty()
        self.assertRegex(run("lease", "acquire", f"--pid={process.pid}").stderr, "no process")

    def test_monitor(self):
        with start("--json", "monitor") as monitor:
            self.assertEqual(json.loads(monitor.stdout.readline())["event"], "watching")
            number = json.loads(self.good("--json", "lease", "acquire", f"pf={NIC}"))["lease"]
            self.good("lease", "release", str(number))
            events = []
            while not events or (events[-1]["object"], events[-1]["event"]) != ("lease", "removed"):
                events.append(json.loads(monitor.stdout.readline()))
            monitor.kill()
        told = [(event["event"], event.get("state")) for event in events if event["object"] == "lease"]
        self.assertEqual(told, [("added", "preparing"), ("changed", "leased"), ("changed", "scrubbing"), ("removed", None)])
        self.assertEqual({event["id"] for event in events if event["object"] == "lease"}, {number})

    def test_refused(self):
        """Before anybody is asked."""
        for pattern, words in (("expected acquire, run", ("lose",)), ("too few words", ()), ("expected -- and a command", ("run", f"pf={NIC}")),
                               ("expected -- and a command", ("run", f"pf={NIC}", "--")), ("takes no command", ("list", "--", "ls")),
                               ("number of one lease", ("release",)), ("number of a lease", ("release", "x")), ("nothing more", ("list", "x")),
                               ("did you mean vlan", ("acquire", "vlam=7")), ("did you mean vlan", ("acquire", "--set=vlam=7")),
                               ("given twice", ("acquire", "pf=a", "pf=b")), ("--pid is not for lease run", ("run", "--pid=1", "--", "ls")),
                               ("--set is not for lease list", ("list", "--set=vlan=1")), ("number of a process", ("acquire", "--pid=x")),
                               ("process of this machine", ("run", "--host=other", "--", "ls")), ("expected 0 or more", ("acquire", "numa_node=-1"))):
            with self.subTest(words=words):
                done = run("lease", *words)
                self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
                self.assertRegex(done.stderr, pattern)
        self.assertEqual(self.leases(), [])


if __name__ == "__main__":
    tap.main(topology="topology-laptop.json")
