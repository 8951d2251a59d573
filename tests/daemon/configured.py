# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the configuration share: files in the sandbox's etc/, entries as short words, and a Case that leaves none of it."""
import json
import os
import pathlib
import select
import signal
import subprocess
import time

from machine import IGB, NAME, OTHER, ROOT, Case, busctl, eventually, get, method, path, plain, run, sandbox, sim

IGB_MAC, OTHER_MAC, PLUGGED_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:04"


def entry(match, num_vfs=None, vfs=(), **keys):
    """An entry of "pfs"; match: a permanent MAC, a PCI address, or a whole match."""
    if isinstance(match, str):
        match = {"permanent_mac": match} if match.count(":") == 5 else {"address": match}
    made = {"match": match, **keys}
    if num_vfs is not None:
        made["num_vfs"] = num_vfs
    if vfs:
        made["vfs"] = list(vfs)
    return made


def config(*pfs):
    return json.dumps({"version": 1, "pfs": pfs}, indent=1)


def served():
    return subprocess.run(busctl("call", NAME, ROOT, "org.freedesktop.DBus.Peer", "Ping"), capture_output=True, check=False).returncode == 0


class Configured(Case):
    """Each test begins and ends without configuration."""

    def tearDown(self):
        if get(ROOT, "ConfirmDeadline"):
            run("sriovctl", "confirm")
        for file in sandbox("etc").iterdir():
            file.unlink()
        self.reload()
        super().tearDown()

    def write(self, name, *pfs):
        sandbox("etc").joinpath(name).write_text(config(*pfs), encoding="utf-8")

    def reload(self):
        done = run("sriovctl", "--json", "reload")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def given(self, *pfs):
        """A file as one gives it to apply."""
        file = pathlib.Path(sandbox("given.json"))
        file.write_text(config(*pfs), encoding="utf-8")
        return str(file)

    def apply(self, *pfs, options=(), status=0):
        done = run("sriovctl", "--json", "apply", self.given(*pfs), "--yes", *options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def plan(self, *pfs):
        done = run("sriovctl", "--json", "plan", *([self.given(*pfs)] if pfs else []))
        told = json.loads(done.stdout)
        wrong = any("error" in pf for pf in told["pfs"])
        self.assertEqual(done.returncode, 1 if wrong else 2 if told["changes"] else 0, done.stdout + done.stderr)
        return told

    def steps(self, told, pf=IGB):
        return [(f"{step['vf']}: " if "vf" in step else "") + step["text"].removeprefix(f"VF {step.get('vf')}: ")
                for one in told["pfs"] if one["pf"] == pf for step in one["steps"]]

    def state(self, pf=IGB):
        return get(path(pf), "ConfigState")

    def settled(self, pf=IGB, state="applied", seconds=10):
        eventually(lambda: self.state(pf) == state, seconds, f"{pf}: {state} instead of {self.state(pf)}")

    def attribute(self, index, name, pf=IGB):
        return self.vf(index, pf)[name]

    def refuse_files(self, name, pattern, text):
        """Apply of this text is refused so; name "": whatever the error's name."""
        if name:
            self.refused(f"{NAME}.Error.{name}", pattern, ROOT, "Apply", "a(ss)a{sv}", 1, "bad.json", text, 0)
            return
        done = run(*method(ROOT, "Apply", "a(ss)a{sv}", 1, "bad.json", text, 0))
        self.assertNotEqual(done.returncode, 0, text)
        self.assertRegex(done.stderr.removeprefix("Call failed: "), pattern)

    def call_json(self, member, *arguments):
        done = run(*method(ROOT, member, *arguments))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(plain(json.loads(done.stdout))[0])

    def kill(self, name="sriovd"):
        """Returns when it is dead, so that its socket is free for the next."""
        process = os.pidfd_open(int(sandbox(f"{name}.pid").read_text(encoding="utf-8")))
        signal.pidfd_send_signal(process, signal.SIGKILL)
        dead, _, _ = select.select([process], [], [], 10)
        os.close(process)
        self.assertTrue(dead, name)

    def launch(self, name="sriovd", **more):
        environment = {**os.environ, "SRIOVD_BOOT_ID": self.boot_id(), **more}
        subprocess.Popen([sandbox(f"run-{name}")], stdin=subprocess.DEVNULL, start_new_session=True, env=environment)

    @classmethod
    def boot_id(cls):
        """Of the machine: the kernel's, then others."""
        now = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        boots = sandbox("boots")
        return now[:-1] + "ghijklmnop"[boots.stat().st_size % 10] if boots.exists() else now

    def reboot(self):
        """The machine forgets its VFs, and the boot id is another."""
        self.kill()
        eventually(lambda: not served(), 5, "the end of sriovd")
        self.kill("sriov-sim")
        self.launch("sriov-sim")
        eventually(lambda: run("sriov-sim", "writes", IGB).returncode == 0, 10, "the new machine")
        with sandbox("boots").open("a", encoding="utf-8") as boots:
            boots.write("x")
        self.launch()
        eventually(served, 10, "sriovd on the bus")
        eventually(lambda: get(ROOT, "Applied"), 10, "the configuration")

    def restart(self, **more):
        self.kill()
        eventually(lambda: not served(), 5, "the end of sriovd")
        self.launch(**more)
        eventually(served, 10, "sriovd on the bus")


def soon(condition, what):
    """Seconds until it is so."""
    began = time.monotonic()
    eventually(condition, 10, what)
    return time.monotonic() - began


__all__ = ["IGB", "OTHER", "IGB_MAC", "OTHER_MAC", "PLUGGED_MAC", "Configured", "config", "entry", "served", "sim", "soon"]
