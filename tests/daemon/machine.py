# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the daemon do to the sandbox: sriovctl, sriov-sim, busctl, and what goes over the bus meanwhile.

The machine is data/examples/topology-guest.json. A Case checks after each test that the machine is as it was.
"""
import json
import os
import pathlib
import subprocess
import threading
import time
import unittest

IGB, OTHER, BAD, NVME, EMPTY = (f"0000:0{bus}:00.0" for bus in (1, 2, 5, 6, 7))
NAME, ROOT = "org.sriovd1", "/org/sriovd1"
ERROR = NAME + ".Error."
TIMEOUT = 60
SOON = 1.0  # seconds until what happens outside must show


def path(pf, vf=None):
    """Of the object of a PF or VF."""
    return f"{ROOT}/pf/pci_{pf.replace(':', '_').replace('.', '_')}" + ("" if vf is None else f"/vf/{vf}")


def group_of(pf, vf=None):
    """The path of the IOMMU group of a PF or VF."""
    return f"{ROOT}/group/{get(path(pf, vf), 'IommuGroup')}"


def plain(value):
    """busctl's JSON without the types of variants."""
    if isinstance(value, dict):
        return plain(value["data"]) if set(value) == {"type", "data"} else {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def busctl(*words):
    return ["busctl", f"--address={os.environ['DBUS_SYSTEM_BUS_ADDRESS']}", "--json=short", f"--timeout={TIMEOUT}", *words]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def background(*command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def sim(*words):
    """What sriov-sim prints."""
    return subprocess.run(["sriov-sim", *words], capture_output=True, text=True, timeout=TIMEOUT, check=True).stdout.strip()


def writes(pf=IGB):
    return int(sim("writes", pf))


def interface_of(where):
    """The sriovd interface of an object."""
    kind = where.split("/")[3:]
    return f"{NAME}." + ("Manager" if not kind else "VirtualFunction" if "vf" in kind else
                         {"pf": "PhysicalFunction", "job": "Job", "group": "IommuGroup", "lease": "Lease"}[kind[0]])


def method(where, member, *arguments):
    """The command that calls it."""
    return busctl("call", NAME, where, interface_of(where), member, *(str(word) for word in arguments))


def get(where, name):
    return plain(json.loads(subprocess.run(busctl("get-property", NAME, where, interface_of(where), name), capture_output=True,
                                           text=True, timeout=TIMEOUT, check=True).stdout))


def objects():
    """Path -> properties of its sriovd interface."""
    told = subprocess.run(busctl("call", NAME, ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"),
                          capture_output=True, text=True, timeout=TIMEOUT, check=True).stdout
    return {where: plain(interfaces[interface_of(where)]) for where, interfaces in json.loads(told)["data"][0].items()}


def jobs():
    """Job path -> its properties, oldest first."""
    found = {where: job for where, job in objects().items() if where.startswith(ROOT + "/job/")}
    return dict(sorted(found.items(), key=lambda item: item[1]["Id"]))


def sandbox(name):
    return pathlib.Path(os.environ["SRIOVD_SANDBOX"]) / name


def eventually(condition, seconds=TIMEOUT, what="it"):
    """Its value once it is true."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen in {seconds} s")
        time.sleep(0.02)
    return value


class Monitor:
    """All messages to and from sriovd, in the bus's order."""

    def __init__(self):
        self.messages = []
        self.news = threading.Condition()
        self.process = subprocess.Popen(busctl("monitor", NAME), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.process.stderr.readline()  # it says that it listens
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if not line.endswith("\n"):
                break  # it was ended in the middle of a message that nobody waited for
            message = json.loads(line)
            message["data"] = plain(message.get("payload", {}).get("data", []))
            with self.news:
                self.messages.append(message)
                self.news.notify_all()

    def close(self):
        self.process.terminate()
        self.process.wait(TIMEOUT)
        self.reader.join(TIMEOUT)
        self.process.stdout.close()
        self.process.stderr.close()

    def mark(self):
        """The place after everything that was sent until now: the answer to a ping is the last of it."""
        before = len(self.messages)
        subprocess.run(busctl("call", NAME, ROOT, "org.freedesktop.DBus.Peer", "Ping"), check=True, timeout=TIMEOUT)
        ping = self.wait(lambda m: m.get("member") == "Ping", before, what="a ping")
        self.wait(lambda m: m.get("reply_cookie") == ping["cookie"] and m["destination"] == ping["sender"], before, what="its answer")
        return len(self.messages)

    def wait(self, wanted, mark=0, seconds=TIMEOUT, what="a message"):
        """The first message since mark that is wanted."""
        end = time.monotonic() + seconds
        with self.news:
            while True:
                for message in self.messages[mark:]:
                    if wanted(message):
                        return message
                mark = max(mark, len(self.messages))
                if not self.news.wait(end - time.monotonic() if end > time.monotonic() else 0) and time.monotonic() > end:
                    raise AssertionError(f"{what}: not seen in {seconds} s")

    def signals(self, mark):
        """What was signalled since mark, until now."""
        end = self.mark()
        return [m for m in self.messages[mark:end] if m["type"] == "signal" and m.get("path", "").startswith(ROOT)]


def changed(where, **properties):
    """Matches PropertiesChanged of an object; of each named property the value, or a function that judges it."""
    def matches(m):
        if m.get("member") != "PropertiesChanged" or m.get("path") != where:
            return False
        told = m["data"][1]
        return all(name in told and (want(told[name]) if callable(want) else told[name] == want) for name, want in properties.items())
    return matches


def added(where):
    return lambda m: m.get("member") == "InterfacesAdded" and m["data"][0] == where


def removed(where):
    return lambda m: m.get("member") == "InterfacesRemoved" and m["data"][0] == where


def job_removed(m):
    return m.get("member") == "JobRemoved"


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.monitor = Monitor()
        cls.addClassCleanup(cls.monitor.close)
        cls.first = cls.machine()

    @staticmethod
    def machine():
        told = json.loads(run("sriovctl", "--json", "status").stdout)
        keys = "address", "netdevs", "driver", "num_vfs", "autoprobe", "admin_up", "link_state", "state"
        return {"jobs": told["jobs"], "pfs": [{key: pf.get(key) for key in keys} for pf in told["pfs"]]}

    def tearDown(self):
        sim("unfault", "all")
        for vf in self.vfs():
            if vf["in_use"]:
                run("sriov-sim", "release", f"{vf['pf']}/{vf['index']}")
        eventually(lambda: not jobs(), what="the end of all jobs")
        for pf in (IGB, OTHER, BAD, NVME):
            self.good("destroy", pf)
        eventually(lambda: self.machine() == self.first, 5, f"a clean machine {self.machine()} as it was {self.first}")

    def good(self, *words):
        done = run("sriovctl", "--json", *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), (words, done.stdout))
        return json.loads(done.stdout)

    def bad(self, name, pattern, *words):
        """sriovctl fails with this error."""
        done = run("sriovctl", "--json", *words)
        self.failed(done.stdout, name, pattern, words)

    def failed(self, text, name, pattern, words=""):
        """text: what sriovctl --json printed."""
        told = json.loads(text)
        self.assertIn("error", told, words)
        self.assertEqual(told["error"]["name"], name, (words, told))
        self.assertRegex(told["error"]["text"], pattern)

    def refused(self, name, pattern, where, member, *arguments):
        """The call fails with this error, whole name."""
        mark = len(self.monitor.messages)
        done = run(*method(where, member, *arguments))
        self.assertNotEqual(done.returncode, 0, (where, member, arguments, done.stdout))
        text = done.stderr.strip().removeprefix("Call failed: ")
        answer = self.monitor.wait(lambda m: m["type"] == "error" and m["data"] == [text], mark, 5, f"{member} {arguments}: {text}")
        self.assertEqual(answer["error_name"], name, text)
        self.assertRegex(text, pattern)

    def call(self, where, member, *arguments):
        done = run(*method(where, member, *arguments))
        self.assertEqual((done.returncode, done.stderr), (0, ""), (where, member, arguments))

    def order(self, where, member, arguments, *expected):
        """All expected come in this order, then the reply. Returns the messages in between."""
        mark = self.monitor.mark()
        self.call(where, member, *arguments)
        end = self.monitor.mark()
        messages = self.monitor.messages[mark:end]
        call = next(m for m in messages if m.get("member") == member)
        reply = next(at for at, m in enumerate(messages) if m.get("reply_cookie") == call["cookie"]
                     and m["destination"] == call["sender"])
        at = 0
        for number, wanted in enumerate(expected):
            while at < reply and not wanted(messages[at]):
                at += 1
            self.assertLess(at, reply, f"expected message {number} is not there before the reply, or out of order")
        return messages[:reply]

    def among(self, messages, wanted):
        """Whichever place it has."""
        self.assertTrue(any(wanted(m) for m in messages), messages)

    def start(self, *words):
        """sriovctl in the background, and the path of the job that it brought."""
        mark = self.monitor.mark()
        process = background("sriovctl", "--json", *words)
        self.addCleanup(process.wait, TIMEOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        job = self.monitor.wait(lambda m: m.get("member") == "InterfacesAdded" and "/job/" in m["data"][0], mark, what=f"the job {words}")
        return process, job["data"][0]

    def vfs(self, pf=None):
        return [vf for vf in self.good("list", "vf") if pf in (None, vf["pf"])]

    def vf(self, index, pf=IGB):
        return next(vf for vf in self.vfs(pf) if vf["index"] == index)

    def pf(self, pf=IGB):
        return self.good("show", pf)
