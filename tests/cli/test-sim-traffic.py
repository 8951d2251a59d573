#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sriov-sim's commands about frames: send, trace, capture, stats, ask, schema; what they refuse. TAP by tap.py."""
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap  # noqa: E402

SIM = pathlib.Path(os.environ.get("BUILD_DIR", ".")) / "sriov-sim"
TOP = pathlib.Path(__file__).resolve().parents[2]
TOPOLOGY = {
    "version": 1,
    "bridges": [{"name": "rp", "type": "root-port"}],
    "pfs": [{"profile": "ice", "below": "rp", "netdev": "eth0", "mac": "02:51:00:00:00:01", "num_vfs": 4, "wire": {"kind": "none"}},
            {"profile": "nvme", "address": "0000:05:00.0"}],
}
VF1 = "02:00:00:aa:00:01"
IGB = {"address": "0000:01:00.0", "profile": "igb"}


def run(*words, socket=None, **options):
    """Exit status, standard output, standard error."""
    environment = {key: value for key, value in os.environ.items() if key not in ("SRIOV_SIM_SOCKET", "XDG_RUNTIME_DIR")}
    if socket:
        environment["SRIOV_SIM_SOCKET"] = f"unix:{socket}"
    done = subprocess.run([SIM, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          check=False, **options)
    return done.returncode, done.stdout, done.stderr


class Running(unittest.TestCase):
    """A simulator for each test."""

    topology = TOPOLOGY

    def setUp(self):
        self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.socket = self.dir / "sim.sock"
        path = self.dir / "topology.json"
        path.write_text(json.dumps(self.topology))
        self.log = open(self.dir / "log", "w+", encoding="utf-8")
        self.sim = subprocess.Popen([SIM, "run", f"--listen=unix:{self.socket}", path], stdin=subprocess.DEVNULL, stdout=self.log,
                                    stderr=subprocess.STDOUT)
        self.addCleanup(self.stop)
        deadline = time.monotonic() + 20
        while not self.socket.exists():
            self.assertIsNone(self.sim.poll(), "sriov-sim ended")
            self.assertLess(time.monotonic(), deadline, "no socket")
            time.sleep(0.01)

    def stop(self):
        self.sim.send_signal(signal.SIGTERM)
        status = self.sim.wait(20)
        self.log.seek(0)
        text = self.log.read()
        self.log.close()
        self.assertEqual(status, 0, text)
        self.assertNotIn("Sanitizer", text)

    def sim_ok(self, *words):
        status, out, err = run(*words, socket=self.socket)
        self.assertEqual(status, 0, f"{words}: {err}")
        return out

    def refused(self, *words, says):
        status, out, err = run(*words, socket=self.socket)
        self.assertNotEqual(status, 0, f"{words}: {out}")
        self.assertIn(says, err)
        return err

    def stats(self):
        return json.loads(self.sim_ok("stats", "eth0", "--json"))

    def function(self, index):
        return self.stats()["functions"][0 if index is None else index + 1]

    def settled(self, index, key, value):
        """The datapath is another thread: what was sent is there soon."""
        deadline = time.monotonic() + 10
        while self.function(index)[key] != value and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(self.function(index)[key], value)


class Frames(Running):
    def test_between_vfs(self):
        self.sim_ok("set", "eth0/1", f"mac={VF1}")
        self.sim_ok("send", "eth0", "dst=02:ff:ff:ff:ff:ff")
        self.sim_ok("send", "eth0/1", "text=hello", "dst=02:51:00:00:00:01")
        self.sim_ok("send", "eth0/0", f"dst={VF1}", "--count=1000")
        self.settled(1, "rx_packets", 1000)
        self.assertEqual(self.function(0)["tx_packets"], 1000)
        self.assertEqual(self.function(1)["rx_loopback"], 1000)
        self.settled(None, "rx_packets", 1)
        self.assertTrue(self.stats()["conserved"])

    def test_from_the_wire(self):
        self.sim_ok("set", "eth0/1", f"mac={VF1}")
        self.sim_ok("send", "eth0/1", "dst=02:ff:00:00:00:01")  # brings its interface up
        self.sim_ok("send", "eth0/wire", f"dst={VF1}", "size=1514", "--count=7")
        self.settled(1, "rx_bytes", 7 * 1514)
        self.assertEqual(self.stats()["wire"]["rx_packets"], 7)

    def test_vlan(self):
        for vf, vlan in ((0, 100), (1, 100), (2, 200)):
            self.sim_ok("set", f"eth0/{vf}", f"vlan={vlan}")
            self.sim_ok("send", f"eth0/{vf}", "dst=02:ff:00:00:00:01")
        self.sim_ok("send", "eth0/0", "dst=ff:ff:ff:ff:ff:ff")
        self.settled(1, "rx_broadcast", 1)
        self.assertEqual(self.function(2)["rx_broadcast"], 0)

    def test_spoofed(self):
        self.sim_ok("set", "eth0/0", "spoofchk=on")
        self.sim_ok("send", "eth0/0", "src=02:ba:dd:00:00:01", "--count=5")
        self.settled(0, "spoofed", 5)
        self.assertEqual(self.function(0)["drops"], {"spoof_mac": 5})
        self.assertEqual(self.stats()["wire"]["tx_packets"], 0)

    def test_table(self):
        self.sim_ok("set", "eth0/0", "spoofchk=on")
        self.sim_ok("send", "eth0/0", "src=02:ba:dd:00:00:01")
        self.settled(0, "spoofed", 1)
        out = self.sim_ok("stats", "eth0")
        self.assertIn("VF 0 ", out)
        self.assertNotIn("VF 3 ", out)
        self.assertIn("more that nobody uses", out)
        self.assertIn("drops:", out)

    def test_refused(self):
        self.refused("send", "eth0/9", "size=60", says="no VF 9")
        self.refused("send", "0000:05:00.0", "size=60", says="moves no frames")
        self.refused("send", "eth0/0", "size=70000", says="14 to 9728")
        self.refused("send", "eth0/0", "zz", says="hexadecimal")
        self.refused("send", "eth0/0", "vlan=5000", says="0 to 4095")
        self.refused("send", "eth0/0", "size=60", "--count=0", says="1 to 1000000")
        self.refused("send", "eth0/0", "size=60", "--svg=x", says="option")
        self.refused("send", "eth0/drops", "size=60", says="drops")
        self.sim_ok("unbind", "eth0/0")
        self.refused("send", "eth0/0", "size=60", says="nobody has this function open")


class Trace(Running):
    def test_every_step_is_told(self):
        self.sim_ok("set", "eth0/1", f"mac={VF1}", "vlan=100")
        self.sim_ok("set", "eth0/0", "vlan=100")
        self.sim_ok("send", "eth0/1", "dst=02:ff:00:00:00:01")
        svg = self.dir / "way.svg"
        out = self.sim_ok("trace", "eth0/0", f"dst={VF1}", f"--svg={svg}")
        for word in ("VF 0", "VF 1", "0x100000", "->", "exact", "VLAN", "ring", "vector"):
            self.assertIn(word, out)
        root = xml.etree.ElementTree.parse(svg).getroot()
        self.assertTrue(root.tag.endswith("svg"))
        self.assertGreater(len(list(root.iter())), 20)

    def test_why_it_was_dropped(self):
        self.sim_ok("set", "eth0/0", "spoofchk=on")
        out = self.sim_ok("trace", "eth0/0", "src=02:ba:dd:00:00:01")
        self.assertIn("drop", out)
        self.assertIn("spoof", out)

    def test_without_a_running_one(self):
        path = self.dir / "topology.json"
        first = run("trace", "eth0/wire", "dst=02:51:00:00:00:01", f"--topology={path}")
        self.assertEqual(first[0], 0, first[2])
        self.assertEqual(first, run("trace", "eth0/wire", "dst=02:51:00:00:00:01", f"--topology={path}"))


class Picture(unittest.TestCase):
    def test_readme(self):
        """The picture in the README is what the program draws: data/examples/topology-way.json says of which frame."""
        with tempfile.NamedTemporaryFile(suffix=".svg") as file:
            status, _, err = run("trace", f"--topology={TOP}/data/examples/topology-way.json", "eth0/0", "vlan=100", "text=hello",
                                 f"--svg={file.name}")
            self.assertEqual(status, 0, err)
            self.assertEqual(pathlib.Path(file.name).read_text(encoding="utf-8"),
                             (TOP / "data/way-of-a-frame.svg").read_text(encoding="utf-8"))


class Capture(Running):
    def capture(self, place, count, *send):
        path = self.dir / "out.pcapng"
        path.unlink(missing_ok=True)
        with subprocess.Popen([SIM, "capture", place, f"--file={path}", f"--count={count}", f"--socket=unix:{self.socket}"],
                              stderr=subprocess.PIPE, text=True) as capture:
            deadline = time.monotonic() + 20
            while not path.exists() or path.stat().st_size == 0:
                self.assertLess(time.monotonic(), deadline, "the capture does not begin")
                time.sleep(0.01)
            for words in send:
                self.sim_ok(*words)
            self.assertEqual(capture.wait(20), 0)
            self.assertEqual(capture.stderr.read(), f"{count} frames\n")
        done = subprocess.run(["tcpdump", "-n", "-e", "-r", path], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path, [line for line in done.stdout.splitlines() if " > " in line]

    def test_the_wire(self):
        path, lines = self.capture("eth0/wire", 2, ("send", "eth0/0", "dst=02:ff:00:00:00:01"), ("send", "eth0/wire", "vlan=5"))
        self.assertEqual(len(lines), 2)
        self.assertIn("02:ff:00:00:00:01", lines[0])
        self.assertIn("vlan 5", lines[1])
        self.sim_ok("send", "eth0/wire", f"@{path}:2")
        self.refused("send", "eth0/wire", f"@{path}:3", says="2 frames")

    def test_a_stripped_tag(self):
        self.sim_ok("ask", "eth0/0", f"mac={VF1}", "vlan=+5")
        for size, words in ((100, ()), (1514, ()), (3000, ("mtu=3000",))):
            self.sim_ok("ask", "eth0/0", "vlan=+5", *words)
            path, lines = self.capture("eth0/0", 1, ("send", "eth0/wire", f"dst={VF1}", "vlan=5:3", f"size={size}"))
            self.assertIn("vlan 5, p 3", lines[0])
            self.assertIn(f"length {size}:", lines[0])
            self.assertIn(struct.pack(">HHH", 0x8100, 3 << 13 | 5, 0x88B5), path.read_bytes())

    def test_drops(self):
        self.sim_ok("set", "eth0/0", "spoofchk=on")
        _, lines = self.capture("eth0/drops", 1, ("send", "eth0/0", "src=02:ba:dd:00:00:01"))
        self.assertIn("02:ba:dd:00:00:01", lines[0])

    def test_truncated(self):
        path, _ = self.capture("eth0/0", 1, ("send", "eth0/0", "size=100"))
        data = path.read_bytes()
        cut = self.dir / "cut.pcapng"
        for n in range(0, len(data), 7):
            cut.write_bytes(data[:n])
            self.refused("send", "eth0/wire", f"@{cut}", says="cut.pcapng")


class Asking(Running):
    def test_policy(self):
        self.sim_ok("ask", "eth0/0", "mac=02:00:00:00:00:77")
        self.sim_ok("set", "eth0/0", f"mac={VF1}")
        self.refused("ask", "eth0/0", "mac=02:00:00:00:00:78", says="NACK")
        self.refused("ask", "eth0/0", "mode=promiscuous", says="NACK")
        self.sim_ok("set", "eth0/0", "trust=on")
        self.sim_ok("ask", "eth0/0", "mac=02:00:00:00:00:78", "mode=promiscuous", "vlan=+5")
        self.sim_ok("set", "eth0/0", "vlan=7")
        self.refused("ask", "eth0/0", "vlan=+6", says="NACK")
        self.refused("ask", "eth0/0", "colour=red", says="mac=")

    def test_groups(self):
        first, second = "01:00:5e:01:02:03", "01:00:5e:01:72:03"
        self.sim_ok("ask", "eth0/0", f"multicast={first},{second}")
        self.sim_ok("ask", "eth0", f"multicast={second}")
        for index, wanted in ((0, 2), (None, 2)):  # who takes hashed groups takes those of others: there is one table
            before = self.function(index)["rx_multicast"]
            for group in (first, second):
                self.sim_ok("send", "eth0/wire", f"dst={group}")
            self.settled(index, "rx_multicast", before + wanted)
        for place in ("eth0/0", "eth0"):
            self.sim_ok("ask", place, "multicast=none")
        self.sim_ok("send", "eth0/wire", f"dst={first}")
        self.assertEqual(self.stats()["wire"]["drops"], {"no_pool": 1})
        for bad in ("multicast=", "multicast=1", f"multicast={VF1}", f"multicast={first},", "multicast=" + ",".join([first] * 31)):
            for place in ("eth0/0", "eth0"):
                self.refused("ask", place, bad, says="up to 30")

    def test_the_pf(self):
        self.sim_ok("ask", "eth0", "mode=promiscuous")
        self.sim_ok("send", "eth0/wire", "dst=02:ff:00:00:00:01")
        self.settled(None, "rx_packets", 1)
        self.sim_ok("ask", "eth0", "mode=multicast")
        self.sim_ok("send", "eth0/wire", "dst=02:ff:00:00:00:01")
        self.assertEqual(self.stats()["wire"]["drops"], {"no_pool": 1})
        self.refused("ask", "eth0", "mac=02:00:00:00:00:01", says="of a PF")


class Holding(Running):
    topology = {"version": 1, "bridges": [{"name": "rp", "type": "root-port"}],
                "pfs": [{"profile": "ice", "below": "rp", "netdev": "eth0", "num_vfs": 2,
                         "guests": [{"vf": 0, "name": "vm0", "ring": 8}]}]}

    def test_a_virtual_machine(self):
        self.assertEqual(self.function(0)["guest"], "vm0")
        self.sim_ok("send", "eth0/0", "size=60", "--count=100")
        self.assertEqual(self.stats()["wire"]["tx_packets"], 100)
        self.sim_ok("release", "eth0/0")
        self.refused("send", "eth0/0", "size=60", says="nobody has this function open")

    def test_wild_dma(self):
        self.sim_ok("fault", "eth0", "dma", "vf=0", "count=3")
        stats = self.stats()
        self.assertEqual(self.function(0)["stopped"][:3], "dma")
        self.assertTrue(stats["dma_faults"])
        self.assertEqual(stats["dma_faults"][0]["requester"], self.function(0)["address"])


class Schema(unittest.TestCase):
    """The schema and the reader agree: a file is good for both or for neither."""

    GOOD = [
        {"version": 1, "pfs": []},
        TOPOLOGY,
        {"version": 1, "pfs": [IGB | {"profile": "ixgbe", "queues": 4, "tap": True, "switching": "vepa", "speed": 1000,
                                "storm": {"interval_us": 100, "broadcast": 5}, "mirrors": [{"kind": "uplink", "to": 3}]}]},
        {"version": 1, "host": {"memory_mib": 64, "interrupt_remapping": False},
         "pfs": [IGB | {"guests": [{"vf": 2, "name": "c", "kind": "container", "vlans": [1, 2],
                                                "port": {"kind": "tap", "netdev": "t0", "netns": "n"}}]}]},
        {"version": 1, "pfs": [IGB | {"wire": {"kind": "pcap", "in": "/x"}, "cut_through": True}]},
        {"version": 1, "pfs": [IGB | {"wire": {"kind": "generator", "rate": 5, "dst": "02:00:00:00:00:01"}}]},
    ]
    BAD = [
        {"pfs": []},
        {"version": 2, "pfs": []},
        {"version": 1, "pfs": [IGB | {"colour": "red"}]},
        {"version": 1, "pfs": [IGB | {"queues": 3}]},
        {"version": 1, "pfs": [IGB | {"queues": 16}]},
        {"version": 1, "pfs": [IGB | {"wire": {"kind": "tap"}}]},
        {"version": 1, "pfs": [IGB | {"wire": {"kind": "none", "netdev": "x"}}]},
        {"version": 1, "pfs": [IGB | {"wire": {"kind": "pcap"}}]},
        {"version": 1, "pfs": [IGB | {"wire": {"kind": "generator", "size": 59}}]},
        {"version": 1, "pfs": [IGB | {"mirrors": [{"kind": "pool", "to": 1}]}]},
        {"version": 1, "pfs": [IGB | {"mirrors": [{"kind": "uplink"}]}]},
        {"version": 1, "pfs": [IGB | {"storm": {"broadcast": 5}}]},
        {"version": 1, "pfs": [IGB | {"num_vfs": 1, "guests": [{"vf": 0, "name": "a", "ring": 12}]}]},
        {"version": 1, "pfs": [IGB | {"num_vfs": 1, "guests": [{"vf": 0, "name": "a", "vlans": [4095]}]}]},
        {"version": 1, "pfs": [{"profile": "igb", "address": "0000:01:20.0"}]},
        {"version": 1, "pfs": [{"profile": "igb"}]},
        {"version": 1, "host": {"memory_mib": 1}, "pfs": []},
        {"version": 1, "bridges": [{"name": "x", "type": "hub"}], "pfs": []},
    ]

    def setUp(self):
        import jsonschema  # Debian: python3-jsonschema
        status, text, err = run("schema")
        self.assertEqual(status, 0, err)
        schema = json.loads(text)
        jsonschema.Draft202012Validator.check_schema(schema)
        self.validator = jsonschema.Draft202012Validator(schema)

    def reader_takes(self, document):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(document, file)
            file.flush()
            status, _, err = run("lspci", file.name)
        return status == 0, err

    def test_good(self):
        for document in self.GOOD:
            self.assertEqual(list(self.validator.iter_errors(document)), [], document)
            if "tap" in json.dumps(document) or "/x" in json.dumps(document):
                continue  # needs what is not here; the reader's part is tests/unit/test-sim-topology
            taken, err = self.reader_takes(document)
            self.assertTrue(taken, f"{document}: {err}")

    def test_bad(self):
        for document in self.BAD:
            self.assertNotEqual(list(self.validator.iter_errors(document)), [], document)
            taken, err = self.reader_takes(document)
            self.assertFalse(taken, document)
            self.assertRegex(err, r":\d+:\d+: ", "no line and column")

    def test_examples(self):
        for path in (TOP / "data/examples").glob("topology-*.json"):
            text = path.read_text(encoding="utf-8")
            lines = [line.split("//")[0] for line in text.split("*/")[-1].splitlines()] if "/*" in text else text.splitlines()
            self.assertEqual(list(self.validator.iter_errors(json.loads("\n".join(lines)))), [], path)


if __name__ == "__main__":
    tap.main()
