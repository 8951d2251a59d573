#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the running daemon says of its objects is what data/org.sriovd1.xml says: same members, types, names, annotations.

Asks one object of each kind by busctl. Order does not matter.
"""
import os
import pathlib
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap  # noqa: E402

NAME = "org.sriovd1"
ROOT = "/org/sriovd1"
XML = tap.TOP / "data" / "org.sriovd1.xml"
CHANGES = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def busctl(*words):
    return ["busctl", f"--address={os.environ['DBUS_SYSTEM_BUS_ADDRESS']}", "--timeout=60", *words]


def run(*words):
    return subprocess.run(busctl(*words), capture_output=True, text=True, check=True).stdout


def introspect(path):
    return xml.fromstring(run("introspect", "--xml-interface", NAME, path))


def children(path):
    """The objects below path, whole paths."""
    return [f"{path}/{node.get('name')}" for node in introspect(path).iter("node") if node.get("name")]


def interfaces(root):
    """Interface name -> all that is said of it, as a set."""
    found = {}
    for interface in root.iter("interface"):
        members = found.setdefault(interface.get("name"), set())
        for member in interface:
            default = "in" if member.tag == "method" else "out"
            args = tuple((a.get("name"), a.get("type"), a.get("direction", default)) for a in member.iter("arg"))
            notes = {a.get("name"): a.get("value") for a in member.iter("annotation")}
            if member.tag == "property":
                notes.setdefault(CHANGES, "true")
            members.add((member.tag, member.get("name"), member.get("type"), member.get("access"), args, tuple(sorted(notes.items()))))
    return {name: members for name, members in found.items() if name.startswith(NAME + ".")}


DESCRIBED = interfaces(xml.parse(XML).getroot())


class Introspection(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.pf = next(path for path in children(ROOT + "/pf") if "/vf/" not in path)
        if run("get-property", NAME, cls.pf, NAME + ".PhysicalFunction", "NumVfs").split() == ["u", "0"]:
            run("call", NAME, cls.pf, NAME + ".PhysicalFunction", "SetNumVfs", "ua{sv}", "2", "0")

    def compare(self, path, name):
        self.compare_said(interfaces(introspect(path)), name)

    def compare_said(self, said, name):
        self.assertEqual(set(said), {f"{NAME}.{name}"})
        self.assertEqual(sorted(said[f"{NAME}.{name}"], key=str), sorted(DESCRIBED[f"{NAME}.{name}"], key=str))

    def test_description_is_read(self):
        self.assertEqual(len(DESCRIBED), 5)
        self.assertTrue(all(DESCRIBED.values()))

    def test_manager(self):
        self.compare(ROOT, "Manager")
        self.assertIn("org.freedesktop.DBus.ObjectManager", {i.get("name") for i in introspect(ROOT).iter("interface")})

    def test_physical_function(self):
        self.compare(self.pf, "PhysicalFunction")

    def test_virtual_function(self):
        self.compare(next(path for path in children(ROOT + "/pf") if path.startswith(self.pf + "/vf/")), "VirtualFunction")

    def test_group(self):
        self.compare(children(ROOT + "/group")[0], "IommuGroup")

    def test_job(self):
        """A job that stays while it is looked at: a VF that a guest holds keeps the kernel from destroying it."""
        address = self.pf.rsplit("/", 1)[1].removeprefix("pci_")
        address = f"{address[:4]}:{address[5:7]}:{address[8:10]}.{address[11:]}"
        run("call", NAME, self.pf + "/vf/0", NAME + ".VirtualFunction", "Bind", "sa{sv}", "vfio-pci", "0")
        subprocess.run(["sriov-sim", "hold", f"{address}/0"], check=True, capture_output=True, timeout=20)
        with subprocess.Popen(["sriovctl", "destroy", address, "--force"], stdout=subprocess.DEVNULL) as destroy:
            try:
                deadline = time.monotonic() + 20
                while not (jobs := children(ROOT + "/job")):
                    self.assertLess(time.monotonic(), deadline, "no job was seen")
                self.compare(jobs[0], "Job")
            finally:
                subprocess.run(["sriov-sim", "release", f"{address}/0"], check=True, capture_output=True, timeout=20)
            self.assertEqual(destroy.wait(20), 0)
        run("call", NAME, self.pf, NAME + ".PhysicalFunction", "SetNumVfs", "ua{sv}", "2", "0")


if __name__ == "__main__":
    tap.main(topology="topology-laptop.json")
