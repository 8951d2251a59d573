#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sriovctl against sriovd and sriov-sim: what it prints, what --json says, exit status. Inside a sandbox (see tests/tap.py)."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import unittest

import tap

NIC, NVME, BIG = "enp3s0", "0000:04:00.0", "enp59s0f0"
ADDRESS = {NIC: "0000:03:00.0", BIG: "0000:3b:00.0"}
TIMEOUT = 60

PF_KEYS = {"pf", "address", "netdev", "netdevs", "driver", "class", "vendor", "device", "vendor_id", "device_id", "total_vfs",
           "num_vfs", "offset", "stride", "vf_device_id", "autoprobe", "vf_total_msix", "numa_node", "iommu_group", "mtu", "mac",
           "permanent_mac", "link_state", "admin_up", "eswitch_mode", "reset_methods", "capabilities", "state", "serial", "pci_class",
           "path", "slot", "config_state", "config_source", "config_text", "differences"}
VF_KEYS = {"pf", "index", "address", "driver", "driver_override", "netdev", "iommu_group", "mac", "vlan", "qos", "vlan_proto",
           "spoofchk", "trust", "link_state", "min_tx_rate", "max_tx_rate", "query_rss", "node_guid", "port_guid", "reset_methods",
           "enable", "in_use", "holders", "attributes_known", "lease_state", "access_uid"}


def environment(**changes):
    return {**os.environ, "LC_ALL": "C.UTF-8", **changes}


def run(*arguments, **changes):
    return subprocess.run(["sriovctl", *arguments], env=environment(**changes), capture_output=True, encoding="utf-8",
                          timeout=TIMEOUT, check=False)


def sim(*arguments):
    """What sriov-sim prints."""
    return subprocess.run(["sriov-sim", *arguments, f"--socket=unix:{os.environ['SRIOVD_SANDBOX']}/backend.sock"], check=True,
                   timeout=TIMEOUT, capture_output=True, encoding="utf-8").stdout


class Case(unittest.TestCase):
    def good(self, *arguments, **changes):
        done = run(*arguments, **changes)
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.good("--json", *arguments))

    def bad(self, status, pattern, *arguments, **changes):
        """Fails with the status and says so: as text on standard error, as JSON on standard output. Returns the error's name."""
        done = run(*arguments, **changes)
        self.assertEqual((done.returncode, done.stdout), (status, ""), (arguments, done.stderr))
        self.assertRegex(done.stderr, rf"\Asriovctl: .*{pattern}.*\n\Z")
        told = run("--json", *arguments, **changes)
        self.assertEqual((told.returncode, told.stderr), (status, ""), arguments)
        error = json.loads(told.stdout)["error"]
        self.assertRegex(error["text"], pattern)
        return error["name"]

    def pf(self, name):
        return self.json("show", name)

    def vfs(self, name):
        return [vf for vf in self.json("list", "vf") if vf["pf"] == ADDRESS.get(name, name)]

    def tearDown(self):
        for pf in self.json("list", "pf"):
            for vf in self.vfs(pf["address"]):
                if vf["in_use"]:
                    sim("release", f"{pf['address']}/{vf['index']}")
            self.good("destroy", pf["address"])


class Looking(Case):
    def test_list_pf(self):
        pfs = self.json("list", "pf")
        self.assertEqual(pfs, self.json("list"))
        self.assertEqual([pf["address"] for pf in pfs], ["0000:03:00.0", NVME, "0000:3b:00.0"])
        for pf in pfs:
            self.assertLessEqual(set(pf), PF_KEYS)
            self.assertEqual(pf["pf"], pf["address"])
            self.assertNotIn(-1, pf.values())
            self.assertNotIn("", pf.values())
        nic, nvme, big = pfs
        self.assertEqual((nic["netdev"], nic["netdevs"], nic["driver"], nic["class"]), (NIC, [NIC], "igb", "net"))
        self.assertEqual((nic["total_vfs"], nic["num_vfs"], nic["vendor_id"], nic["state"]), (7, 0, "0x8086", "idle"))
        self.assertEqual((nvme["class"], nvme["netdevs"], nvme["total_vfs"]), ("storage", [], 8))
        for key in "netdev", "mac", "mtu", "link_state", "admin_up":
            self.assertNotIn(key, nvme)
        self.assertEqual((big["total_vfs"], big["numa_node"], big["mac"]), (64, 0, "02:51:00:00:3b:00"))

    def test_list_vf(self):
        self.assertEqual(self.json("list", "vf"), [])
        self.good("create", NIC, "3")
        vfs = self.vfs(NIC)
        self.assertEqual([vf["index"] for vf in vfs], [0, 1, 2])
        for vf in vfs:
            self.assertLessEqual(set(vf), VF_KEYS)
            self.assertEqual((vf["pf"], vf["in_use"], vf["holders"]), (ADDRESS[NIC], False, []))
            self.assertIs(vf["attributes_known"], True)
        lines = self.good("list", "vf").splitlines()
        self.assertEqual(len(lines), 4)
        self.assertTrue(lines[0].startswith("VF "))
        self.assertEqual([line.split()[0] for line in lines[1:]], [f"{NIC}/{i}" for i in range(3)])
        self.assertEqual([line.split()[1] for line in lines[1:]], [vf["address"] for vf in vfs])
        self.assertNotIn("GUID", lines[0])

    def test_list_group(self):
        groups = self.json("list", "group")
        self.assertEqual([g["id"] for g in groups], sorted(g["id"] for g in groups))
        mine = next(g for g in groups if g["id"] == self.pf(NIC)["iommu_group"])
        self.assertIn(ADDRESS[NIC], [device["address"] for device in mine["devices"]])
        self.assertEqual(mine, self.json("show", str(mine["id"])))
        self.assertIn(mine["verdict"], self.good("list", "group"))
        self.assertEqual(self.bad(1, "no such IOMMU group", "show", "4000000"), "NotFound")

    def test_show(self):
        self.good("create", NIC, "2")
        self.assertEqual(self.pf(NIC), self.json("list", "pf")[0])
        self.assertEqual(self.pf(ADDRESS[NIC]), self.pf(NIC))
        vf = self.json("show", f"{NIC}/1")
        self.assertIsInstance(vf.pop("statistics"), dict)
        self.assertEqual(vf, self.vfs(NIC)[1])
        self.assertEqual(self.json("show", vf["address"])["index"], 1)
        self.assertRegex(self.good("show", NIC), r"(?m)^total_vfs +7$")
        self.assertRegex(self.good("show", f"{NIC}/1"), r"(?m)^index +1$")

    def test_status(self):
        self.good("create", NIC, "7")
        self.good("set", f"{NIC}/6", "vlan=100")
        tree = self.good()
        self.assertEqual(tree, self.good("status"))
        self.assertRegex(tree, rf"(?m)^{NIC} .*███████ +7/7 .*idle$")
        self.assertRegex(tree, r"(?m)^├─ 0-5  \S+$")
        self.assertRegex(tree, r"(?m)^└─ 6 .*vlan=100")
        ascii_tree = self.good(LC_ALL="C")
        self.assertTrue(ascii_tree.isascii())
        self.assertIn("#######", ascii_tree)
        status = self.json("status")
        self.assertEqual(status["daemon"]["backend_connected"], True)
        self.assertEqual(len(status["pfs"][0].pop("vfs")), 7)
        self.assertEqual(status["pfs"][0], self.pf(NIC))
        self.assertEqual(status["jobs"], [])

    def test_version(self):
        version = self.json("version")
        self.assertEqual(self.good("--version"), f"sriovctl {version['sriovctl']}\n")
        self.assertEqual(version["sriovd"], version["sriovctl"])
        self.assertTrue(version["backend"].startswith("sim"), version)
        self.assertIn(f"sriovd {version['sriovd']}\n", self.good("version"))

    def test_help(self):
        text = self.good("--help")
        self.assertEqual(text, self.good("help"))
        for command in ("status", "list", "show", "create", "destroy", "set", "reset", "bind", "unbind", "autoprobe", "plan", "apply",
                        "confirm", "rollback", "save", "reload", "wait", "doctor", "monitor",
                        "version", "help"):
            self.assertRegex(text, rf"(?m)^  {command}\b")
            self.assertTrue(self.good("help", command).startswith(f"sriovctl {command}"))
            self.assertEqual(self.good(command, "--help"), self.good("help", command))
        self.assertIn("0 (none) to 4094", self.good("help", "set"))


class Changing(Case):
    def test_create_and_destroy(self):
        done = self.json("create", NIC, "4")
        self.assertEqual((done["result"], done["device"]), ("done", NIC))
        self.assertGreater(done["job"], 0)
        self.assertEqual(self.pf(NIC)["num_vfs"], 4)
        self.assertEqual(self.json("create", NIC, "4")["result"], "done")
        self.assertEqual(self.bad(3, "--replace", "create", NIC, "5"), "VfsExist")
        self.assertEqual(self.pf(NIC)["num_vfs"], 4)
        self.good("create", NIC, "5", "--replace")
        self.assertEqual(self.pf(NIC)["num_vfs"], 5)
        self.assertEqual(self.good("destroy", NIC), f"{NIC}: no VFs\n")
        self.assertEqual(self.vfs(NIC), [])

    def test_create_for_driver(self):
        self.good("create", NIC, "2", "--driver=vfio-pci")
        self.assertEqual([vf["driver"] for vf in self.vfs(NIC)], ["vfio-pci"] * 2)
        self.good("create", BIG, "2", "--driver", "none")
        self.assertEqual([vf.get("driver") for vf in self.vfs(BIG)], [None] * 2)

    def test_set(self):
        self.good("create", BIG, "2")
        wish = {"mac": "02:00:00:00:00:07", "vlan": 4094, "qos": 7, "spoofchk": False, "trust": True, "link_state": "enable",
                "max_tx_rate": 1000}
        words = [f"{key}={ {True: 'on', False: 'off'}.get(value, value) if isinstance(value, bool) else value}"
                 for key, value in wish.items()]
        before = self.vfs(BIG)
        self.assertIn("vlan=4094", self.good("set", f"{BIG}/1", *words))
        after = self.vfs(BIG)
        self.assertEqual(after[0], before[0])
        self.assertEqual({key: after[1].get(key) for key in wish}, wish)
        self.good("set", f"{BIG}/1", "vlan=baseline", "trust=baseline")
        vf = self.vfs(BIG)[1]
        self.assertEqual((vf["vlan"], vf["trust"], vf["mac"]), (0, False, wish["mac"]))
        self.good("reset", f"{BIG}/1")
        vf = self.vfs(BIG)[1]
        self.assertEqual((vf["spoofchk"], vf["max_tx_rate"]), (True, 0))

    def test_drivers(self):
        self.good("create", NIC, "2")
        own = self.vfs(NIC)[1]["driver"]
        self.assertEqual(self.good("bind", f"{NIC}/1", "vfio-pci"), f"{NIC}/1: bound to vfio-pci\n")
        self.assertEqual(self.vfs(NIC)[1]["driver"], "vfio-pci")
        self.good("bind", f"{NIC}/1", own)
        self.assertEqual(self.vfs(NIC)[1]["driver"], own)
        self.good("unbind", f"{NIC}/1")
        self.assertNotIn("driver", self.vfs(NIC)[1])
        self.assertRegex(self.good(), r"(?m)^└─ 1 +no driver")

    def test_autoprobe(self):
        self.assertIs(self.pf(NIC)["autoprobe"], True)
        self.good("autoprobe", NIC, "off")
        self.assertIs(self.pf(NIC)["autoprobe"], False)
        self.good("create", NIC, "1")
        self.assertNotIn("driver", self.vfs(NIC)[0])
        self.good("autoprobe", NIC, "on")
        self.assertIs(self.pf(NIC)["autoprobe"], True)

    def test_held(self):
        self.good("create", NIC, "2", "--driver=vfio-pci")
        sim("hold", f"{NIC}/1", "--name=guest-1")
        with Monitor() as monitor:
            # By event, in a while; asking again is only needed when it has been seen already.
            if not self.vfs(NIC)[1]["in_use"]:
                monitor.until(lambda e: e.get("in_use") is True)
        vf = self.vfs(NIC)[1]
        self.assertTrue(vf["in_use"])
        self.assertEqual(len(vf["holders"]), 1)
        self.assertIn("guest-1", vf["holders"][0]["name"])
        self.assertRegex(self.good(), r"(?m)^└─ 1 +vfio-pci  in use by .*guest-1")
        self.assertRegex(self.good("show", f"{NIC}/1"), r"(?m)^holder +.*guest-1")
        for command in ("destroy", NIC), ("unbind", f"{NIC}/1"), ("reset", f"{NIC}/1"), ("create", NIC, "1", "--replace"):
            self.assertEqual(self.bad(3, "guest-1", *command), "InUse")
        self.assertEqual(len(self.vfs(NIC)), 2)


    def test_stuck(self):
        fault = re.search(r"\d+", sim("fault", BIG, "hang", "step=set_numvfs"))[0]
        with Monitor() as monitor:
            create = subprocess.Popen(["sriovctl", "--json", "create", BIG, "4"], stdout=subprocess.PIPE, encoding="utf-8")
            monitor.until(lambda e: e["object"] == "job" and e.get("state") == "stuck")
            self.assertEqual(self.pf(BIG)["state"], "stuck")
            tree = self.good()
            self.assertRegex(tree, rf"(?m)^{BIG} .* stuck$")
            self.assertRegex(tree, r"(?m)^└─ job \d+  create 4 VFs: stuck")
            self.assertEqual([job["state"] for job in self.json("status")["jobs"]], ["stuck"])
            self.assertIsNone(create.poll())
            sim("unfault", fault)
            said, _ = create.communicate(timeout=TIMEOUT)
        self.assertEqual((create.returncode, json.loads(said)["result"]), (0, "done"))
        self.assertEqual((self.pf(BIG)["state"], self.json("status")["jobs"]), ("idle", []))


class Refusing(Case):
    def test_usage(self):
        for pattern, *words in [
                ("did you mean status", "sttaus"), ("did you mean --force", "destroy", NIC, "--forc"),
                ("did you mean vlan", "set", f"{NIC}/0", "vlna=1"), ("unknown command", "frobnicate"),
                ("too few words", "create", NIC), ("too many words", "monitor", "now"), ("not for list", "list", "--force"),
                ("expected pf, vf or group", "list", "things"), ("expected a number", "create", NIC, "many"),
                ("use: destroy", "create", NIC, "0"), ("expected KEY=VALUE", "set", f"{NIC}/0", "vlan"),
                ("0 .none. to 4094", "set", f"{NIC}/0", "vlan=4095"), ("0 to 7", "set", f"{NIC}/0", "qos=8"),
                ("unicast", "set", f"{NIC}/0", "mac=01:00:5e:00:00:01"), ("unicast", "set", f"{NIC}/0", "mac=02:00"),
                ("min_tx_rate=9", "set", f"{NIC}/0", "min_tx_rate=9", "max_tx_rate=5"),
                ("driver's name", "bind", f"{NIC}/0", "../evil"), ("on or off", "autoprobe", NIC, "2")]:
            with self.subTest(words=words):
                # Nobody needs a daemon to be told this.
                self.assertEqual(self.bad(1, pattern, *words, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent"), "InvalidArgs")

    def test_not_utf8(self):
        done = subprocess.run(["sriovctl", "show", b"eth\xff\x1b[31m"], capture_output=True, timeout=TIMEOUT, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertEqual(done.stderr, b"sriovctl: 'eth\\xff\\x1b[31m' refused: it is not UTF-8 text\n")

    def test_by_daemon(self):
        self.good("create", NIC, "2")
        before = self.json("status")
        for status, name, pattern, *words in [
                (1, "NotFound", "nope", "show", "nope"), (1, "NotFound", "2", "set", f"{NIC}/2", "vlan=1"),
                (1, "InvalidArgs", r"8.*7", "create", NIC, "8", "--replace"), (1, "DriverNotAllowed", "e1000e", "bind", f"{NIC}/0", "e1000e"),
                (1, "InvalidArgs", "is a PF", "set", NIC, "vlan=1"), (1, "InvalidArgs", "takes a PF", "destroy", f"{NIC}/1")]:
            with self.subTest(words=words):
                self.assertEqual(self.bad(status, pattern, *words), name)
        self.assertEqual(self.json("status"), before)
        self.bad(1, r"\\x1b", "show", "\x1b[31mred")

    def test_no_daemon(self):
        for changes in {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}, {"DBUS_SYSTEM_BUS_ADDRESS": "nonsense"}:
            for words in (), ("list",), ("create", NIC, "1"), ("monitor",):
                self.assertEqual(self.bad(4, "can not reach", *words, **changes), "NoDaemon")
        self.assertEqual(self.bad(4, "/nonexistent", "list", "--bus=unix:path=/nonexistent"), "NoDaemon")
        self.good("list", f"--bus={os.environ['DBUS_SYSTEM_BUS_ADDRESS']}", DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent")


class Monitor:
    """sriovctl --json monitor, from its first line on."""

    def __enter__(self):
        # Unbuffered: a line that lay in a buffer would not wake select().
        self.process = subprocess.Popen(["sriovctl", "--json", "monitor"], stdout=subprocess.PIPE, bufsize=0)
        self.first = self.next()
        return self

    def next(self):
        if not select.select([self.process.stdout], [], [], TIMEOUT)[0]:
            raise AssertionError("monitor prints nothing")
        return json.loads(self.process.stdout.readline())

    def until(self, wanted):
        """All events up to the one that is wanted."""
        events = []
        while not events or not wanted(events[-1]):
            events.append(self.next())
        return events

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(TIMEOUT)
        self.process.stdout.close()


class Monitoring(Case):
    def test_events(self):
        with Monitor() as monitor:
            self.assertEqual((monitor.first["event"], monitor.first["object"]), ("watching", "daemon"))
            job = self.json("create", NIC, "2")["job"]
            events = monitor.until(lambda e: e["event"] == "ended")
            self.assertEqual((events[-1]["id"], events[-1]["result"]), (job, "done"))
            added = [e for e in events if e["event"] == "added"]
            self.assertEqual([e["pf"] for e in added if e["object"] == "job"], [ADDRESS[NIC]])
            vfs = {e["index"]: e for e in added if e["object"] == "vf"}
            self.assertEqual(sorted(vfs), [0, 1])
            self.assertEqual({e["pf"] for e in vfs.values()}, {ADDRESS[NIC]})
            self.assertIn(2, [e.get("num_vfs") for e in events if e["event"] == "changed" and e["object"] == "pf"])
            self.good("set", f"{NIC}/1", "vlan=5")
            change = monitor.until(lambda e: e["object"] == "vf" and e.get("vlan") == 5)[-1]
            self.assertEqual((change["event"], change["index"]), ("changed", 1))
            self.good("unbind", f"{NIC}/1")
            self.assertEqual(monitor.until(lambda e: "driver" in e.get("unknown", []))[-1]["index"], 1)
            job = self.json("destroy", NIC)["job"]
            gone = monitor.until(lambda e: e["event"] == "ended" and e["id"] == job)
            self.assertEqual({e["index"] for e in gone if e["event"] == "removed" and e["object"] == "vf"}, {0, 1})


class Terminal(Case):
    """What a person sees: colours and the progress line."""

    def on_terminal(self, *arguments, **changes):
        pid, fd = pty.fork()
        if pid == 0:
            os.execvpe("sriovctl", ["sriovctl", *arguments], environment(TERM="xterm", **changes))
        text = b""
        while True:
            try:
                block = os.read(fd, 65536)
            except OSError:  # EIO: the other side is closed
                break
            if not block:
                break
            text += block
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode()

    def setUp(self):
        os.environ.pop("NO_COLOR", None)

    def test_color(self):
        status, text = self.on_terminal()
        self.assertEqual(status, 0)
        self.assertIn(f"\033[1m{NIC}\033[0m", text)
        plain = re.sub(r"\033\[[0-9;]*m", "", text).replace("\r\n", "\n")
        self.assertEqual(plain, self.good())
        for arguments, changes in ((("--no-color",), {}), ((), {"NO_COLOR": "1"})):
            self.assertNotIn("\033", self.on_terminal(*arguments, **changes)[1])

    def test_progress(self):
        status, text = self.on_terminal("create", BIG, "64")
        self.assertEqual(status, 0)
        self.assertRegex(text, r"\r\033\[K[^\r]*create 64 VFs")
        self.assertTrue(text.endswith(f"\r\033[K{BIG}: 64 VFs\r\n"), text[-200:])


if __name__ == "__main__":
    tap.main(topology="topology-laptop.json")
