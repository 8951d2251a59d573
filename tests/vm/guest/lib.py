# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest suite is written with: scenarios, checks, the kernel's own readings, vfio holders, QEMU's monitor.

A suite is guest/NAME.py: `from lib import *`, then functions marked @scenario("what it shows"). Each runs in a process of its
own, in the order of the file, and fails by any exception. Standard library only; nothing here may use the code under test.
"""
import contextlib
import errno
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

PCI = "/sys/bus/pci/devices"
HAS_IOMMU = os.path.isdir("/sys/class/iommu") and bool(os.listdir("/sys/class/iommu"))
ERRNO = {**errno.errorcode, errno.EOPNOTSUPP: "EOPNOTSUPP"}  # Python calls it ENOTSUP
BOOT = int(os.environ.get("BOOT", 1))  # this one, of those with the same disk: see tests/vm/run
scenarios, later = [], []


def scenario(title, timeout=60, when=True, boot=1):
    """Marks a function as a scenario; `when` false leaves it out of the plan (a machine without what it needs). The last one of
    each boot but the last ends in cut_power() or reboot()."""
    def add(function):
        if when and boot >= BOOT:
            (scenarios if boot == BOOT else later).append((title, timeout, function))
        return function
    return add


def line(kind, text):
    """One line to the host. One write, so that lines of two processes do not mix."""
    os.write(1, f"@@{kind} {text}\n".encode())


def diag(text):
    """A TAP diagnostic (shown whether the scenario passes or not)."""
    for part in str(text).splitlines():
        line("TAP", "# " + part)


def eq(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what or 'value'}: got {got!r}, wanted {wanted!r}")


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def sh(command, timeout=30, check=True):
    """Runs a command (a string goes to sh, a list does not); returns its stdout without the last newline."""
    done = subprocess.run(command, shell=isinstance(command, str), timeout=timeout, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"{command}: exit status {done.returncode}: {done.stdout}{done.stderr}".strip())
    return done.stdout.rstrip("\n")


def wait_for(predicate, seconds=10, what="a condition"):
    """Waits until predicate() is true (an OSError counts as not yet); returns its value."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if value := predicate():
                return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def qmp(command, **arguments):
    """Asks QEMU's monitor; returns its `return` value, raises with its error."""
    request = f"{os.getpid()}-{time.monotonic_ns()}"
    line("QMP", json.dumps({"execute": command, "arguments": arguments, "id": request}))
    reply = {}
    while reply.get("id") != request:  # a scenario that timed out may have left its answer
        reply = json.loads(sys.stdin.readline())
    if "error" in reply:
        raise AssertionError(f"qmp {command} {arguments}: {reply['error']['desc']}")
    return reply["return"]


def unplug(name, bdf):
    """Unplugs the device with QEMU's id `name`; returns when the kernel and QEMU have both let go of it."""
    qmp("device_del", id=name)
    wait_for(lambda: not os.path.exists(device(bdf)), 30, f"{bdf} to go")
    wait_for(lambda: all(item["name"] != name for item in qmp("qom-list", path="/machine/peripheral")), 10, f"{name} to go")


def cut_power():
    """The scenario has passed, and QEMU is killed with all that is not on the disk: the next boot begins."""
    line("CUT", os.environ["SCENARIO"])
    signal.pause()


def reboot():
    """The same in an orderly way."""
    line("REBOOT", os.environ["SCENARIO"])
    sh("systemctl --no-block reboot")
    signal.pause()


# --- sysfs

def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read().strip()


def write(path, value):
    """One write(2) to a sysfs file; raises OSError with the kernel's errno."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, f"{value}\n".encode())
    finally:
        os.close(fd)


def refusal(function, *arguments):
    """The errno name an OSError brought ("EBUSY"), or "" if the call worked."""
    try:
        function(*arguments)
    except OSError as error:
        return ERRNO[error.errno]
    return ""


class Writing:
    """A sysfs write that may block, in a process of its own: done(), seconds(), result() ("" or an errno name)."""

    def __init__(self, path, value):
        self.began, self.status = time.monotonic(), None
        self.pid = os.fork()
        if self.pid == 0:
            status = 255
            try:
                write(path, value)
                status = 0
            except OSError as error:
                status = error.errno
            finally:
                os._exit(status)

    def done(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status, self.ended = os.waitstatus_to_exitcode(status), time.monotonic()
        return self.status is not None

    def result(self, seconds=30):
        wait_for(self.done, seconds, "a sysfs write to return")
        return ERRNO[self.status] if self.status else ""

    def seconds(self):
        return (self.ended if self.done() else time.monotonic()) - self.began


class Reading(Writing):
    """The same for a read."""

    def __init__(self, path):
        self.began, self.status = time.monotonic(), None
        self.pid = os.fork()
        if self.pid == 0:
            status = 255
            try:
                read(path)
                status = 0
            finally:
                os._exit(status)


def device(bdf, *name):
    return os.path.join(PCI, bdf, *name)


def link(bdf, name):
    """The last component of a link of the device (driver, iommu_group, physfn, ...), or None."""
    try:
        return os.path.basename(os.readlink(device(bdf, name)))
    except FileNotFoundError:
        return None


def driver(bdf):
    return link(bdf, "driver")


def group(bdf):
    return link(bdf, "iommu_group")


def netdev(bdf):
    """The device's network interface, or None."""
    try:
        return next(iter(os.listdir(device(bdf, "net"))), None)
    except FileNotFoundError:
        return None


def pf_behind(slot):
    """The address of the PF below root port 00:SLOT.0, or None."""
    for path, _, files in os.walk(f"/sys/devices/pci0000:00/0000:00:{slot:02x}.0"):
        if "sriov_totalvfs" in files:
            return os.path.basename(path)
    return None


# Who is who (the slots are set in tests/vm/run). GOOD*: igb, each VF its own IOMMU group. BAD: igb behind a switch without ACS.
GOOD1, GOOD2, BAD, NVME = (pf_behind(slot) for slot in (1, 2, 3, 4))
HOTPLUG_SLOT = 5  # the empty root port rp5; netdev n4 is free for an igb there


def vfs(pf):
    """The VFs' addresses by index, from the virtfnN links (never from sriov_numvfs, which may block)."""
    links = sorted(glob.glob(device(pf, "virtfn*")), key=lambda path: int(re.search(r"\d+$", path)[0]))
    return [os.path.basename(os.readlink(path)) for path in links]


def members(number):
    """The addresses in an IOMMU group."""
    return sorted(os.listdir(f"/sys/kernel/iommu_groups/{number}/devices"))


def set_numvfs(pf, count, autoprobe=None):
    """Sets the VF count by sysfs, raising OSError."""
    if autoprobe is not None:
        write(device(pf, "sriov_drivers_autoprobe"), int(autoprobe))
    write(device(pf, "sriov_numvfs"), count)


def bind(bdf, name):
    """Binds a device by driver_override as an administrator would; name "" gives it back to its own driver."""
    write(device(bdf, "driver_override"), name)
    if driver(bdf):
        write(device(bdf, "driver", "unbind"), bdf)
    write("/sys/bus/pci/drivers_probe", bdf)


# --- netlink, as iproute2 sees it

def ip_link(name):
    """`ip -d -j link show dev NAME`, parsed."""
    return json.loads(sh(["ip", "-d", "-j", "link", "show", "dev", name]))[0]


def ip_vfs(name):
    """The PF's vfinfo_list by VF index."""
    return {vf["vf"]: vf for vf in ip_link(name).get("vfinfo_list", [])}


def ip_refusal(words):
    """`ip WORDS`: the errno name of the kernel's refusal, or "" if it worked."""
    done = subprocess.run(["ip"] + words.split(), capture_output=True, text=True, timeout=30)
    if done.returncode == 0:
        return ""
    answer = re.search(r"RTNETLINK answers: (.*)", done.stderr)
    for number, name in ERRNO.items():
        if answer and answer[1] == os.strerror(number):
            return name
    raise AssertionError(f"ip {words}: {done.stderr}")


# --- processes and events

@contextlib.contextmanager
def holder(vf_bdf):
    """Keeps the vfio device of a VF (bound to vfio-pci) open meanwhile; yields the process."""
    with subprocess.Popen(["/run/vmtest/holder", group(vf_bdf), vf_bdf], stdout=subprocess.PIPE, text=True) as process:
        try:
            eq(process.stdout.readline().strip(), "held", f"holder of {vf_bdf}")
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def uevents(*arguments):
    """Yields a function that returns the kernel's PCI and net uevents so far, each as (action, last path component, properties)."""
    command = ["udevadm", "monitor", "--kernel", "--property", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        collected = b""
        os.set_blocking(process.stdout.fileno(), False)

        def so_far():
            nonlocal collected
            with contextlib.suppress(BlockingIOError):
                while data := os.read(process.stdout.fileno(), 65536):
                    collected += data
            events = []
            for block in collected.decode().split("\n\n"):
                properties = dict(item.split("=", 1) for item in block.splitlines() if re.match(r"[A-Z0-9_]+=", item))
                if "ACTION" in properties:
                    events.append((properties["ACTION"], os.path.basename(properties["DEVPATH"]), properties))
            return events

        try:
            time.sleep(0.5)  # let it subscribe
            yield so_far
        finally:
            process.kill()
