# SPDX-License-Identifier: GPL-2.0-or-later
"""How suites talk to the installed project: sriovctl, D-Bus properties, what sriovd-host has written."""
import json
import subprocess

from lib import sh

HOST_SOCKET = "unix:/run/sriovd-host.sock"
RUNTIME = "/run/vmtest"


class Done:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def json(self):
        return json.loads(self.out)


def ctl(*words, status=0, user=None):
    """sriovctl WORDS; fails unless it ends with `status`."""
    command = (["runuser", "-u", user, "--"] if user else []) + ["sriovctl", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)
    if done.returncode != status:
        raise AssertionError(f"sriovctl {words}: exit status {done.returncode}, wanted {status}: {done.stdout}{done.stderr}")
    return Done(done.returncode, done.stdout, done.stderr)


def counters():
    """What sriovd-host has been told to write, by kind of step."""
    return json.loads(sh([f"{RUNTIME}/counters", HOST_SOCKET]))


def main_pid(unit):
    return int(sh(["systemctl", "show", "--property=MainPID", "--value", unit]))


def prop(path, interface, name):
    """A property of an object of org.sriovd1."""
    return json.loads(sh(["busctl", "--json=short", "get-property", "org.sriovd1", path, interface, name]))["data"]


def manager(name):
    return prop("/org/sriovd1", "org.sriovd1.Manager", name)


def pf_prop(pf, name):
    return prop(f"/org/sriovd1/pf/pci_{pf.replace(':', '_').replace('.', '_')}", "org.sriovd1.PhysicalFunction", name)
