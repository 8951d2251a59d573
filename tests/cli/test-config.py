#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sriovctl's plan, apply, confirm, rollback, save, reload and wait against sriovd and sriov-sim. Inside a sandbox (see tests/tap.py).

Every apply has --yes unless it is about that: the machine that runs the test may have an interface of a simulated one's name.
"""
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import tempfile
import time
import unittest

import tap

NIC, BIG = "enp3s0", "enp59s0f0"
ADDRESS = {NIC: "0000:03:00.0", BIG: "0000:3b:00.0"}
TIMEOUT = 60
SANDBOX = pathlib.Path(os.environ.get("SRIOVD_SANDBOX", "/nonexistent"))


def environment(**changes):
    return {**os.environ, "LC_ALL": "C.UTF-8", **changes}


def run(*arguments, stdin=None, before=(), **changes):
    return subprocess.run([*before, "sriovctl", *arguments], env=environment(**changes), input=stdin, capture_output=True,
                          encoding="utf-8", timeout=TIMEOUT, check=False)


def sim(*arguments):
    return subprocess.run(["sriov-sim", *arguments], check=True, timeout=TIMEOUT, capture_output=True, encoding="utf-8").stdout


def entry(pf, **keys):
    return {"match": {"ifname": pf}, **keys}


def config(*pfs):
    return json.dumps({"version": 1, "pfs": list(pfs)}, indent=2)


def eventually(condition, seconds=TIMEOUT):
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"it did not happen in {seconds} s")
        time.sleep(0.05)
    return value


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="sriovd-test-config.")
        self.addCleanup(self.directory.cleanup)

    def tearDown(self):
        for path in (SANDBOX / "etc").glob("*.json"):
            path.unlink()
        self.code(0, "reload")
        for pf in self.json("list", "pf"):
            for vf in self.json("list", "vf"):
                if vf["pf"] == pf["address"] and vf["in_use"]:
                    sim("release", f"{pf['address']}/{vf['index']}")
            self.code(0, "destroy", pf["address"])

    def file(self, *pfs, name="10-nics.json"):
        """A file of that name with these entries, outside of sriovd's directories."""
        path = pathlib.Path(self.directory.name) / name
        path.write_text(config(*pfs), encoding="utf-8")
        return str(path)

    @staticmethod
    def etc(*pfs, name="10-nics.json"):
        (SANDBOX / "etc" / name).write_text(config(*pfs), encoding="utf-8")

    def code(self, status, *arguments, **changes):
        """Ends with the status and nothing on standard error; what it printed."""
        done = run(*arguments, **changes)
        self.assertEqual((done.returncode, done.stderr), (status, ""), (arguments, done.stdout))
        return done.stdout

    def json(self, *arguments, status=0, **changes):
        return json.loads(self.code(status, "--json", *arguments, **changes))

    def bad(self, status, pattern, *arguments, **changes):
        """Fails with the status and says why, both ways; the error's name. Standard output may have a plan."""
        done = run(*arguments, **changes)
        self.assertEqual(done.returncode, status, (arguments, done.stdout, done.stderr))
        self.assertRegex(done.stderr, rf"\Asriovctl: .*{pattern}.*\n\Z")
        told = run("--json", *arguments, **changes)
        self.assertEqual((told.returncode, told.stderr), (status, ""), arguments)
        error = json.loads(told.stdout)["error"]
        self.assertRegex(error["text"], pattern)
        return error["name"]

    def pf(self, name=NIC):
        return self.json("show", name)

    def vfs(self, name=NIC):
        return [vf for vf in self.json("list", "vf") if vf["pf"] == ADDRESS[name]]


class Planning(Case):
    def test_nothing(self):
        self.assertRegex(self.code(0, "plan"), r"\ANothing to change; plan [0-9a-f]{16}\n\Z")
        plan = self.json("plan")
        self.assertEqual((plan["changes"], plan["absent"]), (False, []))
        self.assertRegex(plan["hash"], r"\A[0-9a-f]{16}\Z")

    def test_steps(self):
        path = self.file(entry(NIC, num_vfs=4, vfs=[{"index": "0-3", "vlan": 5}, {"index": 3, "vlan": 7}]))
        text = self.code(2, "plan", path)
        self.assertRegex(text, rf"(?m)^{NIC} +{ADDRESS[NIC]} +10-nics\.json:\d+:\d+ +\S+$")
        self.assertRegex(text, r"(?m)^├─ PF +set_numvfs 4 ")
        self.assertRegex(text, r"(?m)^├─ VF 0-2 +.*vlan 5\b")
        self.assertRegex(text, r"(?m)^└─ VF 3 +.*vlan 7\b")
        plan = self.json("plan", path, status=2)
        self.assertIn(plan["hash"], text)
        self.assertEqual((plan["changes"], [pf["pf"] for pf in plan["pfs"]]), (True, [ADDRESS[NIC]]))
        self.assertRegex(text, rf"(?m)^{len(plan['pfs'][0]['steps'])} steps on 1 PF, worst: \S+; plan {plan['hash']}$")
        self.assertEqual(self.json("plan", path, status=2), plan)
        self.assertEqual((self.pf()["num_vfs"], self.pf()["config_state"]), (0, "unmanaged"))

    def test_standard_input(self):
        text = config(entry(NIC, num_vfs=2))
        plan = self.json("plan", "-", status=2, stdin=text)
        self.assertTrue(plan["pfs"][0]["source"].startswith("stdin:"), plan)
        other = self.file(entry(BIG, num_vfs=3), name="20-big.json")
        plan = self.json("plan", "-", other, status=2, stdin=text)
        self.assertEqual(sorted(pf["pf"] for pf in plan["pfs"]), sorted(ADDRESS.values()))

    def test_directories(self):
        self.etc(entry(NIC, num_vfs=2))
        plan = self.json("plan", status=2)
        self.assertEqual([pf["pf"] for pf in plan["pfs"]], [ADDRESS[NIC]])
        self.assertEqual(self.pf()["num_vfs"], 0)

    def test_absent(self):
        path = self.file(entry("enp250s0", num_vfs=2))
        self.assertRegex(self.code(0, "plan", path), r"(?m)^not there, applied when it appears: 10-nics\.json:\d+:\d+")
        self.assertEqual(len(self.json("plan", path)["absent"]), 1)

    def test_bad_files(self):
        path = pathlib.Path(self.directory.name) / "bad.json"
        for pattern, content in [
                (r"bad\.json:1:2: ", b"{,}"), (r"bad\.json:2:", b'{\n "version": 1, "pfs": [{"mtach": {}}]}'),
                (r"bad\.json:1:\d+: .*NUL", b'{"a": "\0"}'), (r"bad\.json:1:1: .*UTF-8", b'{"a": "\xff"}')]:
            with self.subTest(content=content):
                path.write_bytes(content)
                self.assertEqual(self.bad(1, pattern, "plan", str(path)), "InvalidArgs")
                self.assertEqual(self.bad(1, pattern, "apply", str(path), "--yes"), "InvalidArgs")
        path.write_bytes(b" " * (1024 * 1024 + 1))
        self.assertEqual(self.bad(1, "too big", "plan", str(path)), "InvalidArgs")
        self.assertEqual(self.bad(1, "can not read .*: No such file", "plan", "/nonexistent.json"), "NotFound")
        self.assertEqual(self.bad(1, "can not read .*: Is a directory", "plan", self.directory.name), "Io")
        path.write_text(config(), encoding="utf-8")
        self.assertEqual(self.bad(1, "there is a file bad.json already", "plan", str(path), str(path)), "InvalidArgs")

    def test_usage(self):
        for pattern, *words in [
                ("expected seconds, 10 to 86400", "apply", "--confirm=9"), ("expected the 16 hex digits", "apply", "--plan=5"),
                ("--yes is not for plan", "plan", "--yes"), ("too many words", "reload", "x.json"), ("too many words", "save", "x"),
                ("expected seconds, 0 to 86400", "wait", "--timeout=x")]:
            with self.subTest(words=words):
                self.assertEqual(self.bad(1, pattern, *words, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent"), "InvalidArgs")


class Applying(Case):
    def test_file(self):
        path = self.file(entry(NIC, num_vfs=2, vfs=[{"index": 1, "vlan": 9}]), entry(BIG, num_vfs=3))
        text = self.code(0, "apply", path, "--yes")
        self.assertRegex(text, r"(?m)^├─ PF +set_numvfs 2 ")
        for name in NIC, BIG:
            self.assertRegex(text, rf"(?m)^{name} +{ADDRESS[name]} +10-nics\.json:\d+:\d+ +done$")
        self.assertIn("a file in /etc/sriovd makes it permanent", text)
        self.assertEqual((len(self.vfs()), len(self.vfs(BIG)), self.vfs()[1]["vlan"]), (2, 3, 9))
        pf = self.pf()
        self.assertEqual((pf["config_state"], pf["differences"]), ("applied", []))
        self.assertRegex(pf["config_source"], r"\A10-nics\.json:\d+:\d+\Z")
        self.assertRegex(self.code(0, "show", NIC), r"(?m)^config_state +applied$")
        self.assertNotIn("applied", self.code(0, "status"))
        text = self.code(0, "apply", path, "--confirm=60")
        self.assertTrue(text.startswith("Nothing to change"), text)
        self.assertNotIn("Not confirmed", text)
        self.assertNotIn("confirm_deadline", self.json("status")["daemon"])

    def test_directories(self):
        self.etc(entry(NIC, num_vfs=3))
        self.assertIn("Read: /etc/sriovd", self.code(0, "apply", "--yes"))
        self.assertEqual(len(self.vfs()), 3)
        self.etc(entry(NIC, num_vfs=3, vfs=[{"index": 2, "vlan": 3}]))
        self.assertRegex(self.code(0, "reload"), rf"(?m)^{NIC} .* done$")
        self.assertEqual(self.vfs()[2]["vlan"], 3)
        self.assertEqual(self.code(0, "reload"), "Nothing was to be changed.\n")

    def test_json(self):
        path = self.file(entry(NIC, num_vfs=2))
        result = self.json("apply", path, "--yes")
        self.assertEqual([(pf["pf"], pf["result"]) for pf in result["pfs"]], [(ADDRESS[NIC], "done")])
        self.assertEqual(self.json("apply", path)["changes"], False)

    def test_plan_hash(self):
        path = self.file(entry(NIC, num_vfs=2))
        plan = self.json("plan", path, status=2)["hash"]
        self.code(0, "create", NIC, "1")
        self.assertEqual(self.bad(3, f"not {plan}", "apply", path, f"--plan={plan}", "--yes"), "PlanChanged")
        self.assertEqual(len(self.vfs()), 1)
        self.code(0, "destroy", NIC)
        self.code(0, "apply", path, f"--plan={plan}", "--yes")
        self.assertEqual(len(self.vfs()), 2)

    def test_one_fails(self):
        self.code(0, "create", NIC, "2")
        path = self.file(entry(NIC, num_vfs=3), entry(BIG, num_vfs=1))
        text = self.code(2, "plan", path)
        self.assertRegex(text, r"(?m)^└─ PF +VfsExist: ")
        done = run("apply", path, "--yes")
        self.assertEqual((done.returncode, done.stderr), (3, ""), done.stdout)
        self.assertRegex(done.stdout, rf"(?m)^{NIC} .* failed$")
        self.assertRegex(done.stdout, rf"(?m)^{BIG} .* done$")
        self.assertEqual((len(self.vfs()), len(self.vfs(BIG))), (2, 1))
        result = json.loads(run("--json", "apply", path, "--yes").stdout)
        self.assertEqual({pf["pf"]: (pf["result"], pf.get("error")) for pf in result["pfs"]},
                         {ADDRESS[NIC]: ("failed", "VfsExist"), ADDRESS[BIG]: ("done", None)})

    def test_held(self):
        self.code(0, "create", NIC, "2", "--driver=vfio-pci")
        sim("hold", f"{ADDRESS[NIC]}/1", "--name=guest-1")
        eventually(lambda: self.vfs()[1]["in_use"])
        path = self.file(entry(NIC, num_vfs=3, replace=True))
        text = run("plan", path).stdout
        self.assertIn("guest-1", text)
        done = run("apply", path, "--yes")
        self.assertEqual((done.returncode, len(self.vfs())), (3, 2), done.stdout)
        self.assertIn("InUse", done.stdout)

    def test_drift(self):
        path = self.file(entry(NIC, num_vfs=2, vfs=[{"index": 1, "vlan": 9}]))
        self.code(0, "apply", path, "--yes")
        self.code(0, "set", f"{NIC}/1", "vlan=10")
        eventually(lambda: self.pf()["config_state"] == "drift")
        self.assertEqual(self.pf()["differences"], ["VF 1: vlan is 10, wanted 9"])
        self.assertRegex(self.code(0, "show", NIC), r"(?m)^differences +VF 1: vlan is 10, wanted 9$")
        self.assertRegex(self.code(0), rf"(?m)^{NIC} .* drift$")
        self.assertRegex(self.code(0, "list"), rf"(?m)^{ADDRESS[NIC]} .* drift\b")

    def test_refused_configuration(self):
        self.etc(entry(NIC, num_vfs=1))
        self.code(0, "reload")
        (SANDBOX / "etc" / "20-bad.json").write_text("{,}", encoding="utf-8")
        self.assertEqual(self.bad(1, r"20-bad\.json:1:2", "reload"), "InvalidArgs")
        self.assertRegex(self.code(0), r"(?m)^the configuration is refused, .*20-bad\.json:1:2")
        self.assertEqual((self.pf()["config_state"], len(self.vfs())), ("applied", 1))


class Confirming(Case):
    def test_confirm(self):
        path = self.file(entry(NIC, num_vfs=2))
        text = self.code(0, "apply", path, "--confirm=60", "--yes")
        self.assertRegex(text, r"(?m)^Not confirmed yet: sriovctl confirm within (59|60) s, or it is taken back\.$")
        self.assertRegex(self.code(0), r"\Aan apply waits: sriovctl confirm within \d+ s, or it is taken back\n")
        self.assertGreater(self.json("status")["daemon"]["confirm_deadline"], 0)
        self.assertEqual(self.code(0, "confirm"), "Confirmed: what was applied stays.\n")
        self.assertNotIn("an apply waits", self.code(0))
        self.assertEqual(self.bad(1, "no apply waits", "confirm"), "NotFound")
        self.assertEqual(len(self.vfs()), 2)

    def test_rollback(self):
        self.code(0, "apply", self.file(entry(NIC, num_vfs=2)), "--yes")
        self.code(0, "apply", self.file(entry(NIC, num_vfs=4, replace=True)), "--confirm=600", "--yes")
        self.assertEqual(len(self.vfs()), 4)
        self.assertRegex(self.code(0, "rollback"), rf"(?m)^{NIC} .*done$")
        self.assertEqual(len(self.vfs()), 2)
        self.assertNotIn("an apply waits", self.code(0))

    def test_deadline(self):
        self.code(0, "apply", self.file(entry(NIC, num_vfs=2)), "--confirm=10", "--yes")
        self.assertEqual(len(self.vfs()), 2)
        eventually(lambda: not self.vfs())
        self.assertEqual(self.bad(1, "no apply waits", "confirm"), "NotFound")


class Saving(Case):
    def test_plans_to_nothing(self):
        self.code(0, "create", NIC, "3")
        self.code(0, "set", f"{NIC}/1", "vlan=77", "spoofchk=off")
        text = self.code(0, "save")
        self.assertIn("77", text)
        self.assertRegex(self.code(0, "plan", "-", stdin=text), r"\A(.*\n)*Nothing to change; plan [0-9a-f]{16}\n\Z")
        saved = self.json("save")
        self.assertEqual(self.json("plan", "-", stdin=json.dumps(saved))["changes"], False)
        self.code(0, "destroy", NIC)
        self.code(0, "apply", "-", "--yes", stdin=text)
        self.assertEqual((len(self.vfs()), self.vfs()[1]["vlan"], self.vfs()[1]["spoofchk"]), (3, 77, False))


class Waiting(Case):
    def test_applied(self):
        self.assertEqual(self.code(0, "wait"), "")
        self.code(0, "apply", self.file(entry(NIC, num_vfs=1)), "--yes")
        self.assertEqual(self.code(0, "wait", NIC), "")
        self.assertEqual(self.code(0, "wait", NIC, ADDRESS[NIC], "--timeout=0"), "")

    def test_in_vain(self):
        pattern = rf"enp250s0 \(not there\), {NIC} \(unmanaged\)"
        self.assertEqual(self.bad(1, pattern, "wait", "enp250s0", NIC, "--timeout=0"), "Timeout")
        began = time.monotonic()
        self.bad(1, "the bus can not be reached", "wait", "--timeout=1", DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent")
        self.assertTrue(2 <= time.monotonic() - began < 4)  # text and JSON
        self.code(0, "create", NIC, "1")
        self.assertEqual(self.bad(1, "is a VF", "wait", f"{NIC}/0"), "InvalidArgs")

    def test_for_apply(self):
        fault = re.search(r"\d+", sim("fault", NIC, "hang", "step=set_numvfs"))[0]
        with subprocess.Popen(["sriovctl", "apply", self.file(entry(NIC, num_vfs=1)), "--yes"], stdout=subprocess.PIPE) as apply:
            eventually(lambda: self.pf()["config_state"] == "applying")
            self.assertEqual(self.bad(1, rf"{NIC} \(applying\)", "wait", NIC, "--timeout=0"), "Timeout")
            with subprocess.Popen(["sriovctl", "wait", NIC, "--timeout=30"]) as wait:
                sim("unfault", fault)
                self.assertEqual(wait.wait(TIMEOUT), 0)
            apply.communicate(timeout=TIMEOUT)
            self.assertEqual(apply.returncode, 0)

    def test_for_daemon(self):
        os.kill(int((SANDBOX / "sriovd.pid").read_text(encoding="utf-8")), signal.SIGKILL)
        eventually(lambda: run("list").returncode == 4)
        self.assertEqual(self.bad(1, "sriovd is not on the bus", "wait", "--timeout=0"), "Timeout")
        with subprocess.Popen(["sriovctl", "wait", "--timeout=30"]) as wait:
            # ended by the sandbox, by the pid file that this writes
            subprocess.Popen([SANDBOX / "run-sriovd"], stdin=subprocess.DEVNULL, start_new_session=True)
            self.assertEqual(wait.wait(TIMEOUT), 0)
        self.code(0, "list")


# A machine whose default route goes through an interface with the PF's name.
HERE = f"""
ip link set lo name {NIC} && ip addr add 192.0.2.1/24 dev {NIC} && ip link set {NIC} up && ip route add default via 192.0.2.9 &&
exec "$@"
"""
WITH_ROUTE = ("unshare", "--map-root-user", "--net", "sh", "-c", HERE, "sh")


class Uplink(Case):
    def setUp(self):
        super().setUp()
        made = subprocess.run([*WITH_ROUTE, "true"], capture_output=True, encoding="utf-8", timeout=TIMEOUT, check=False)
        if made.returncode != 0:
            self.skipTest(f"no network namespace with a route can be made here: {made.stderr}")
        self.path = self.file(entry(NIC, num_vfs=2, vfs=[{"index": 1, "vlan": 9}]))

    def test_refused(self):
        pattern = rf"{NIC} carries the IPv4 default route \(interface {NIC}\): .*--yes"
        self.assertEqual(self.bad(3, pattern, "apply", self.path, before=WITH_ROUTE), "Uplink")
        self.assertEqual(self.vfs(), [])
        self.code(0, "apply", self.path, "--yes", before=WITH_ROUTE)
        self.assertEqual(len(self.vfs()), 2)

    def test_vf_alone(self):
        """Nobody is asked for a VF's attribute, nor for a PF that carries nothing."""
        self.code(0, "apply", self.path, "--yes")
        self.code(0, "set", f"{NIC}/1", "vlan=10")
        self.code(0, "apply", self.path, self.file(entry(BIG, num_vfs=1), name="20-big.json"), before=WITH_ROUTE)
        self.assertEqual((self.vfs()[1]["vlan"], len(self.vfs(BIG))), (9, 1))

    def on_terminal(self, answer, *words):
        pid, fd = pty.fork()
        if pid == 0:
            os.execvpe(words[0], words, environment(TERM="xterm"))
        text = b""
        while True:
            try:
                block = os.read(fd, 65536)
            except OSError:  # EIO: the other side is closed
                break
            if not block:
                break
            asked, text = b"[y/N]" in text, text + block
            if b"[y/N]" in text and not asked:
                os.write(fd, answer)
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode()

    def test_asked(self):
        for answer in b"n\n", b"\n", b"yess\n":
            status, text = self.on_terminal(answer, *WITH_ROUTE, "sriovctl", "apply", self.path)
            self.assertEqual(status, 3)
            self.assertIn("nothing was done", text)
            self.assertEqual(self.vfs(), [])
        status, text = self.on_terminal(b"y\n", *WITH_ROUTE, "sriovctl", "apply", self.path)
        self.assertEqual(status, 0, text)
        self.assertRegex(text, rf"\r\033\[K{ADDRESS[NIC]}  ")  # the job's line
        self.assertEqual(len(self.vfs()), 2)


if __name__ == "__main__":
    tap.main(topology="topology-laptop.json")
