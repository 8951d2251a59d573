# SPDX-License-Identifier: GPL-2.0-or-later
"""Suite inuse: nobody loses a VF that is in use: real igbvf netdevs in every way a host uses them, and a real vfio holder that comes
and goes at random. What the kernel shows is compared, and what sriovd-host was told to write.
"""
import contextlib
import os
import random
import subprocess
import threading
import time

from lib import GOOD1, check, device, diag, driver, eq, group, netdev, scenario, sh, vfs, wait_for
from talk import RUNTIME, counters, ctl

ATTEMPTS = 200
VFS = 4


def tried(*words):
    """sriovctl WORDS, whatever comes of it."""
    return subprocess.run(["sriovctl", *words], capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def igbvfs():
    """Two VFs with their netdevs, and a PF that is up: a bridge gives its port a VLAN, and igbvf asks the PF for that."""
    sh(f"ip link set {netdev(GOOD1)} up")
    ctl("create", GOOD1, 2)
    try:
        wait_for(lambda: all(driver(vf) == "igbvf" and netdev(vf) for vf in vfs(GOOD1)), 30, "igbvf")
        sh("udevadm settle")
        yield vfs(GOOD1)[1], netdev(vfs(GOOD1)[1])
    finally:
        wait_for(lambda: tried("destroy", GOOD1, "--force").returncode == 0, 60, "a destroy")


USES = {
    "bridge": ("modprobe bridge && ip link add br9 type bridge && ip link set {0} master br9", "ip link del br9",
               "is enslaved to br9"),
    "macvtap": ("modprobe macvtap && ip link add link {0} name mvt9 type macvtap", "ip link del mvt9", "carries mvt9"),
    "vlan": ("modprobe 8021q && ip link add link {0} name vl9 type vlan id 9", "ip link del vl9", "carries vl9"),
    "address": ("ip addr add 192.0.2.9/24 dev {0}", "ip addr del 192.0.2.9/24 dev {0}", "has the address 192.0.2.9/24"),
    "IPv6 address": ("ip addr add 2001:db8::9/64 dev {0} nodad", "ip addr del 2001:db8::9/64 dev {0}",
                     "has the address 2001:db8::9/64"),
    "default route": ("ip link set {0} up && ip route add default dev {0} metric 4000",
                      "ip route del default dev {0} metric 4000", "carries the default route"),
    "network namespace": ("ip netns add ns9 && ip link set {0} netns ns9",
                          "ip -n ns9 link set {0} netns 1 && ip netns del ns9", "lives in another network namespace"),
}


def used(begin, end, name):
    """Until the kernel lets it be: igbvf refuses a bridge's VLAN (EINVAL) while its PF has just come up."""
    def one_try():
        done = subprocess.run(begin.format(name), shell=True, capture_output=True, text=True)
        if done.returncode != 0:
            diag(f"{begin.format(name)}: {done.stderr.strip()}")
            subprocess.run(end.format(name), shell=True, capture_output=True)
        return done.returncode == 0
    wait_for(one_try, 30, begin.format(name))


def refused(address, words):
    before = counters()
    for attempt in (["unbind", f"{GOOD1}/1"], ["reset", f"{GOOD1}/1"], ["bind", f"{GOOD1}/1", "vfio-pci"], ["destroy", GOOD1],
                    ["create", GOOD1, "3", "--replace"]):
        done = tried(*attempt)
        check(done.returncode != 0 and words in done.stderr, f"{attempt}: {done.returncode} {done.stderr}")
    eq(counters(), before, "what was written")
    eq((len(vfs(GOOD1)), driver(address)), (2, "igbvf"), "VFs")


@scenario("a VF's netdev in a bridge, below a macvtap or VLAN, addressed, routed through, in another netns: nothing is written",
          timeout=240)
def netdevs():
    with igbvfs() as (address, name):
        sh(f"ip link set {name} up")
        for kind, (begin, end, words) in USES.items():
            used(begin, end, name)
            try:
                refused(address, words)
            finally:
                sh(end.format(name))
            diag(f"{kind}: refused")
        sh(f"ip link set {name} up")
        ctl("reset", f"{GOOD1}/1")  # used by nobody now: merely up is no use
        sh(USES["address"][0].format(name))
        done = ctl("unbind", f"{GOOD1}/1", "--force")
        check("forced, although VF 1's " in done.err and "192.0.2.9/24" in done.err, done.err)
        eq(driver(address), None, "driver")


@scenario("the PF with the default route: its VFs are not destroyed or replaced; they are created", timeout=90)
def pf_route():
    name = netdev(GOOD1)
    sh(f"ip link set {name} up && ip route add default dev {name} metric 4000")
    try:
        ctl("create", GOOD1, 2)
        before = counters()
        for words in (["destroy", GOOD1], ["create", GOOD1, "3", "--replace"]):
            done = tried(*words)
            check(done.returncode != 0 and f"the PF's {name} carries the default route" in done.stderr, f"{words}: {done.stderr}")
        eq(counters(), before, "what was written")
        ctl("unbind", f"{GOOD1}/1")
        check("the PF's" in ctl("destroy", GOOD1, "--force").err, "what was forced is said")
    finally:
        sh(f"ip route del default dev {name} metric 4000")
        ctl("destroy", GOOD1)
    eq(vfs(GOOD1), [], "VFs")


def held_for(address):
    """A process that has the VF's device open; None when it could not be opened at that moment."""
    try:
        process = subprocess.Popen([f"{RUNTIME}/holder", group(address), address], stdout=subprocess.PIPE, text=True)
    except TypeError:  # no group: it is on its way out
        return None
    if process.stdout.readline().strip() == "held":
        return process
    process.kill()
    process.wait()
    process.stdout.close()
    return None


class Crowd(threading.Thread):
    """Opens the device of one VF after the other, for a random time. Notes who had which VF from when to when, and whose VF lost
    its driver link meanwhile: the kernel takes that away first, and then waits for whoever has the device open."""

    def __init__(self, seed):
        super().__init__()
        self.random = random.Random(seed)
        self.ends = threading.Event()
        self.held, self.lost = [], []

    def run(self):
        while not self.ends.wait(self.random.random() * 0.4):
            with contextlib.suppress(OSError):  # VFs vanish meanwhile
                self.visit(vfs(GOOD1))

    def visit(self, here):
        index = self.random.randrange(VFS)
        if index >= len(here) or driver(here[index]) != "vfio-pci" or not (process := held_for(here[index])):
            return
        began = time.monotonic()
        try:
            self.ends.wait(self.random.choice((0.01, 0.1, 0.6, 1.5)))
            if driver(here[index]) != "vfio-pci" or not os.path.exists(device(here[index])):
                self.lost.append((index, began, os.path.exists(device(here[index]))))
            self.held.append((index, began, time.monotonic()))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def had(self, index, began, ended):
        """Did one and the same process have the VF (None: any VF) for all of that time?"""
        return any((index is None or index == which) and start <= began and end >= ended for which, start, end in list(self.held))


def make():
    """Four VFs on vfio-pci, whatever came of the attempt before."""
    def one_try():
        here = vfs(GOOD1)
        words = ["create", GOOD1, str(VFS), "--driver=vfio-pci", *(["--replace"] if here else [])]
        if len(here) == VFS:
            lost = [index for index, vf in enumerate(here) if driver(vf) != "vfio-pci"]
            words = ["bind", f"{GOOD1}/{lost[0]}", "vfio-pci"] if lost else None
        if words:
            tried(*words)
        return len(vfs(GOOD1)) == VFS and all(driver(vf) == "vfio-pci" for vf in vfs(GOOD1))
    wait_for(one_try, 60, "VFs to try it on")


@scenario(f"{ATTEMPTS} attempts to take VFs from vfio holders that come and go: none is destroyed, unbound or reset", timeout=600)
def races():
    ctl("status")
    dice, tally, wrong = random.Random(5), {"done": 0, "InUse": 0, "InUse, held all along": 0}, []
    crowd = Crowd(6)
    attempts, start = [], time.monotonic()
    make()
    crowd.start()
    try:
        for number in range(ATTEMPTS):
            if number % 20 == 0:
                diag(f"{number} attempts after {time.monotonic() - start:.0f} s, {len(crowd.held)} holders")
            if len(vfs(GOOD1)) != VFS or any(driver(vf) != "vfio-pci" for vf in vfs(GOOD1)):
                make()
            index = dice.randrange(VFS)
            vf = f"{GOOD1}/{index}"
            words, one = dice.choice(((["unbind", vf], True), (["reset", vf], True), (["reset", vf], True),
                                      (["bind", vf, "igbvf"], True), (["destroy", GOOD1], False),
                                      (["create", GOOD1, str(VFS - 1), "--replace"], False)))
            began = time.monotonic()
            done = tried(*words)
            attempts.append((words, index if one else None, began, time.monotonic(), done))
        check(crowd.is_alive(), "the holders have died")
    finally:
        crowd.ends.set()
        crowd.join()
    for words, index, began, ended, done in attempts:
        in_use = "held by" in done.stderr or "device open" in done.stderr  # as the census saw it, or the readings before it
        all_along = crowd.had(index, began, ended)
        tally["InUse" if in_use else "done"] += 1
        tally["InUse, held all along"] += in_use and all_along
        if (done.returncode != 0) != in_use or (all_along and not in_use):
            wrong.append((words, done.returncode, done.stderr, all_along))
    diag(f"{tally}, {len(crowd.held)} holders")
    # Who opens the device behind our last look, before the kernel's lock: Linux has no way to ask and act at once, so it waits for
    # him. He must have come within the attempt, and the device must be there as long as he has it.
    late = [(index, opened, there) for index, opened, there in crowd.lost if there and any(
        which in (None, index) and began <= opened <= ended for _, which, began, ended, _ in attempts)]
    diag(f"{len(late)} holders came behind the last look, and kept their device")
    eq([one for one in crowd.lost if one not in late], [], "VFs taken from their holders")
    check(len(late) <= ATTEMPTS // 20, "the last look is not right before the write")
    eq(wrong, [], "attempts that went wrong")
    check(min(tally.values()) > 5, "both ends of the race were seen")
    ctl("destroy", GOOD1)
