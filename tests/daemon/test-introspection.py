#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the running daemon says of its objects is what data/org.sriovd1.xml says: same members, types, names, annotations.

Asks one object of each kind by busctl. Order does not matter.
"""
import json
import os
import pathlib
import re
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
MANUAL = (tap.TOP / "man" / "org.sriovd1.5").read_text(encoding="utf-8").replace("\\-", "-")
SECTIONS = dict(re.findall(r"(?ms)^\.SH (\S+)\n(.*?)(?=^\.SH |\Z)", MANUAL))
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


class Manual(unittest.TestCase):
    """org.sriovd1(5) names everything that the description does, each in its section."""

    def test_members(self):
        for name, members in DESCRIBED.items():
            said = set(re.findall(r"\w+", SECTIONS[name]))
            self.assertEqual({member[1] for member in members} - said, set(), name)

    def test_methods(self):
        """With their arguments, as "Find(s name) -> (o object)"."""
        for name, members in DESCRIBED.items():
            for tag, method, _, _, args, _ in members:
                ways = [", ".join(f"{kind} {arg}" for arg, kind, way in args if way == direction) for direction in ("in", "out")]
                if tag == "method":
                    self.assertIn(f".B {method}({ways[0]})" + (f" \\(-> ({ways[1]})" if ways[1] else "") + "\n", SECTIONS[name])

    def test_types(self):
        """Properties stand in a table "NAME, NAME	TYPE", or as "NAME (TYPE)"."""
        for name, members in DESCRIBED.items():
            said = {}
            for names, types in re.findall(r"(?m)^(\w+(?:, \w+)*)\t([a-z{}()]+(?:, [a-z{}()]+)*)\t", SECTIONS[name]):
                names, types = names.split(", "), types.split(", ")
                said.update(zip(names, types * (len(names) // len(types))))
            said.update(re.findall(r'\b(\w+) " \(([a-z{}()]+)\)', SECTIONS[name]))
            for member in members:
                if member[0] == "property":
                    self.assertEqual(said.get(member[1]), member[2], (name, member[1]))

    def test_errors_and_actions(self):
        comment = re.search(r"(?s)Errors are org.sriovd1.Error.NAME with a text for people: (.*?)\.\n", XML.read_text(encoding="utf-8"))[1]
        self.assertEqual(re.findall(r"(?m)^(\w+)\t", SECTIONS["ERRORS"]), comment.split())
        sources = (tap.TOP / "src/base/fault.c").read_text(encoding="utf-8")
        self.assertEqual(set(comment.split()), set(re.findall(r'\[FAULT_\w+\] = \{"(\w+)"', sources)) - {"None"})
        policy = (tap.TOP / "data/org.sriovd1.policy.in").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"(?m)^(org\S+)\t", SECTIONS["ACTIONS"]), re.findall(r'action id="(.*?)"', policy))

    def test_plan(self):
        """The example has every key that the description has, and no other."""
        keys = re.compile(r'"(\w+)":')
        described = XML.read_text(encoding="utf-8").split("The plan is one JSON object: ")[1].split("A step on the PF itself")[0]
        example = re.search(r"(?s)\.EX\n(.*?)\.EE", SECTIONS["PLANS"])[1]
        self.assertEqual(set(keys.findall(example)), set(keys.findall(described)))
        json.loads(example)


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
        self.assertEqual(len(DESCRIBED), 6)
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

    def test_lease(self):
        run("call", NAME, ROOT, NAME + ".Manager", "AcquireVf", "a{sv}a{sv}", "0", "1", "persistent", "b", "true")
        lease = children(ROOT + "/lease")[0]
        self.compare(lease, "Lease")
        run("call", NAME, lease, NAME + ".Lease", "Release")
        self.assertEqual(children(ROOT + "/lease"), [])

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
