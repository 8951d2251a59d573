# SPDX-License-Identifier: GPL-2.0-or-later
"""Suite lease: VFs that are somebody's for a while, on the real kernel with the real udev, polkit and systemd.

Each scenario starts and ends without VFs and without leases. `tenant` is an ordinary user whom polkit lets lease VFs also for
vfio-pci, `guest` one whom it lets lease them as they are, `stranger` one whom it lets do nothing.
"""
import contextlib
import json
import os
import signal
import subprocess
import time

from lib import GOOD1, bind, check, device, diag, driver, eq, group, ip_vfs, netdev, read, scenario, sh, vfs, wait_for, write
from talk import RUNTIME, counters, ctl, main_pid

RULE_FILE = "/etc/polkit-1/rules.d/10-vmtest-lease.rules"
RULE = """polkit.addRule(function(action, subject) {
    if (action.id == "org.sriovd1.lease" && (subject.user == "tenant" || subject.user == "guest"))
        return polkit.Result.YES;
    if (action.id == "org.sriovd1.bind-driver" && subject.user == "tenant")
        return polkit.Result.YES;
});
"""
USERS = {"tenant": 4711, "guest": 4712, "stranger": 4713}
OPENER = """import errno, json, os, sys
def attempt(path):
    try:
        os.close(os.open(path, os.O_RDWR))
        return "yes"
    except OSError as error:
        return errno.errorcode[error.errno]
print(json.dumps({"uid": os.geteuid(), "group": attempt("/dev/vfio/" + os.environ["SRIOV_IOMMU_GROUP"]),
                  "container": attempt("/dev/vfio/vfio"),
                  "sriov": {key: value for key, value in os.environ.items() if key.startswith("SRIOV_")}}), flush=True)
sys.stdin.read()
"""
OPEN = ["python3", "/tmp/lease-opener.py"]
HOLD = ["sh", "-c", f'exec {RUNTIME}/holder "$SRIOV_IOMMU_GROUP" "$SRIOV_VF_ADDRESS"']
MINE = {"mac": "02:00:00:00:00:77", "vlan": 77, "qos": 3}
THEIRS = {"mac": "02:00:00:00:00:11", "vlan": 11, "qos": 2}


def settings(attributes, word=""):
    return [f"{word}{key}={value}" for key, value in attributes.items()]


def as_user(name):
    """Words that run a command as that user, in the same process."""
    return ["setpriv", f"--reuid={USERS[name]}", f"--regid={USERS[name]}", "--clear-groups", "--"]


def opens(user, number):
    """Whether the user can open that vfio group: "yes", or the errno's name."""
    done = subprocess.run(as_user(user) + OPEN, env={**os.environ, "SRIOV_IOMMU_GROUP": number}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)["group"]


def leases():
    return ctl("--json", "lease", "list").json()


def states():
    return {lease["id"]: lease["state"] for lease in leases()}


def only_lease():
    found = leases()
    eq(len(found), 1, "leases")
    return found[0]


def shown(index=0):
    return next(vf for vf in ctl("--json", "list", "vf").json() if vf["pf"] == GOOD1 and vf["index"] == index)


def attributes(index=0):
    """The VF's by `ip` alone."""
    vf = ip_vfs(netdev(GOOD1))[index]
    vlan = (vf.get("vlan_list") or [{}])[0]
    return {"mac": vf["address"], "vlan": vlan.get("vlan", 0), "qos": vlan.get("qos", 0), "spoofchk": vf["spoofchk"],
            "trust": vf["trust"], "link_state": vf["link_state"], "rate": vf["rate"]}


def condition(index=0):
    """All that a lease may change and its end must put back."""
    address = vfs(GOOD1)[index]
    return attributes(index), driver(address), read(device(address, "driver_override"))


def kept():
    """How many file descriptors systemd keeps for sriovd."""
    return int(sh(["systemctl", "show", "--property=NFileDescriptorStore", "--value", "sriovd.service"]))


def wrote(before):
    """What sriovd-host has been told to write since then, by kind."""
    return {kind: count - before.get(kind, 0) for kind, count in counters().items() if count != before.get(kind, 0)}


@contextlib.contextmanager
def prepared(*words, count=2):
    """VFs of GOOD1 (`words`: of sriovctl create), users, what polkit says of them; in the end no lease and no VF is left."""
    for name, uid in USERS.items():
        sh(f"id {name} >/dev/null 2>&1 || useradd -M -u {uid} {name}")
    with open(OPEN[1], "w", encoding="utf-8") as file:
        file.write(OPENER)
    sh("systemctl start sriovd.service", timeout=60)
    sh(f"ip link set {netdev(GOOD1)} up")
    ctl("create", GOOD1, count, *words)
    wait_for(lambda: all(driver(vf) for vf in vfs(GOOD1)), 30, "drivers")
    sh("udevadm settle")
    ctl("set", f"{GOOD1}/0", *settings(THEIRS))  # without a MAC igbvf would take a random one each time it is bound
    try:
        yield vfs(GOOD1)[0]
    finally:
        for lease in leases():
            ctl("lease", "release", lease["id"])
        wait_for(lambda: subprocess.run(["sriovctl", "destroy", GOOD1, "--force"], capture_output=True, timeout=60).returncode == 0,
                 60, "a destroy")
        eq((vfs(GOOD1), leases()), ([], []), "what is left")


@contextlib.contextmanager
def allowed():
    """polkit with RULE."""
    with open(RULE_FILE, "w", encoding="utf-8") as file:
        file.write(RULE)
    os.chmod(RULE_FILE, 0o644)
    words = as_user("tenant") + ["sriovctl", "lease", "run", f"vf={GOOD1}/1", "--", "true"]
    try:
        wait_for(lambda: subprocess.run(words, capture_output=True, timeout=60).returncode == 0, 30, "polkit to have read its rule")
        wait_for(lambda: not leases(), 20, "the end of that lease")
        yield
    finally:
        os.unlink(RULE_FILE)


class Lease:
    """`sriovctl lease run WORDS -- COMMAND` as a user, in one process; `said` is the command's first line."""

    def __init__(self, user, *words, command):
        self.process = subprocess.Popen(as_user(user) + ["sriovctl", "lease", "run", *words, "--", *command], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pid = self.process.pid
        self.said = self.process.stdout.readline().strip()
        if not self.said:
            raise AssertionError(f"lease run {words}: {self.process.wait(30)} {self.process.stderr.read()}")

    def __enter__(self):
        return self

    def end(self):
        """The command comes to its end by itself."""
        self.process.stdin.close()
        eq(self.process.wait(30), 0, "the command's exit status")

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait(30)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(30)


def free_again(seconds=30):
    began = time.monotonic()
    wait_for(lambda: not leases(), seconds, "the VF to be free")
    return time.monotonic() - began


@scenario("without polkit's yes nobody gets a VF or ends another's lease, and nothing is written", timeout=180)
def refusals():
    with prepared() as address:
        number = group(address)

        def refused(user, *words, action):
            done = ctl(*words, status=3, user=user)
            check(f"org.sriovd1.{action}" in done.err, f"{user} {words}: {done.err}")

        before = counters()
        for user in USERS:
            refused(user, "lease", "acquire", f"pf={GOOD1}", action="lease")
            refused(user, "lease", "acquire", f"pf={GOOD1}", "--driver=vfio-pci", action="bind-driver")
            refused(user, "lease", "run", f"pf={GOOD1}", "--", "touch", "/tmp/never", action="lease")
        eq((leases(), wrote(before), os.path.exists("/tmp/never")), ([], {}, False), "leases, what was written, commands that ran")
        with allowed():
            before = counters()
            refused("stranger", "lease", "acquire", f"pf={GOOD1}", action="lease")
            refused("guest", "lease", "acquire", f"pf={GOOD1}", "--driver=vfio-pci", action="bind-driver")
            refused("guest", "lease", "acquire", f"pf={GOOD1}", "--set=trust=on", action="relax-isolation")
            eq((leases(), wrote(before)), ([], {}), "leases, what was written")
            mine = ctl("--json", "lease", "acquire", f"vf={GOOD1}/0", "--driver=vfio-pci", user="tenant").json()
            eq((mine["address"], mine["vfio"]), (address, f"/dev/vfio/{number}"), "what was given")
            before = counters()
            for user in ("guest", "stranger"):
                refused(user, "lease", "release", mine["lease"], action="disrupt-in-use")
            for user in ("guest", "tenant"):
                again = ctl("lease", "acquire", f"vf={GOOD1}/0", status=3, user=user)
                check(f"lease {mine['lease']}" in again.err, f"who has it: {again.err}")
            for words in (("unbind", f"{GOOD1}/0"), ("reset", f"{GOOD1}/0"), ("destroy", GOOD1), ("bind", f"{GOOD1}/0", "igbvf")):
                again = ctl(*words, status=3)  # root: nobody's device is open, and yet it is somebody's
                check(f"lease {mine['lease']}" in again.err, f"{words}: {again.err}")
            eq((states(), wrote(before)), ({mine["lease"]: "leased"}, {}), "leases, what was written")
            eq([opens(user, number) for user in USERS], ["yes", "EACCES", "EACCES"], "who opens the group")
            ctl("lease", "release", mine["lease"], user="tenant")
            free_again()
            before = counters()
            ctl("lease", "release", mine["lease"], user="stranger")  # there is nothing left to be asked about
            eq(wrote(before), {}, "what a late release wrote")
            other = ctl("--json", "lease", "acquire", f"vf={GOOD1}/0").json()["lease"]
            refused("tenant", "lease", "release", other, action="disrupt-in-use")
            check(other > mine["lease"], "a lease's number is not given twice")
            eq(states(), {other: "leased"}, "root's lease")


@scenario("a user opens the group while his command lives, nobody else does; then the VF is what it was", timeout=180)
def run():
    with prepared() as address, allowed():
        number = group(address)
        was, before = condition(), counters()
        eq((was[1], {key: was[0][key] for key in THEIRS}), ("igbvf", THEIRS), "before")
        eq([opens(user, number) for user in USERS], ["ENOENT"] * 3, "the group before")
        for kills in (False, True):
            with Lease("tenant", f"vf={GOOD1}/0", "--driver=vfio-pci", "--label=a guest", *settings(MINE, "--set="),
                       command=OPEN) as mine:
                said, lease = json.loads(mine.said), only_lease()
                eq((said["uid"], said["group"], said["container"]), (USERS["tenant"], "yes", "yes"), "what the command can do")
                eq(said["sriov"], {"SRIOV_LEASE": str(lease["id"]), "SRIOV_VF_ADDRESS": address, "SRIOV_VF_NETDEV": "",
                                   "SRIOV_IOMMU_GROUP": number, "SRIOV_VFIO": f"/dev/vfio/{number}"}, "its environment")
                eq([lease[key] for key in ("vf", "state", "owner", "uid", "label")],
                   [0, "leased", f"pid {mine.pid}", USERS["tenant"], "a guest"], "the lease")
                eq([opens(user, number) for user in USERS], ["yes", "EACCES", "EACCES"], "who opens the group")
                eq((driver(address), {key: attributes()[key] for key in MINE}), ("vfio-pci", MINE), "the VF")
                eq((shown()["lease_state"], shown()["access_uid"]), ("leased", USERS["tenant"]), "as shown")
                eq(kept(), 1, "pidfds that systemd keeps")
                if kills:
                    mine.kill()
                else:
                    mine.end()
                diag(f"clean {free_again():.2f} s after the {'kill' if kills else 'end'}")
            eq(condition(), was, "the VF afterwards")
            eq([opens(user, number) for user in USERS], ["ENOENT"] * 3, "the group afterwards")
            eq((shown()["lease_state"], shown().get("access_uid"), kept()), ("free", None, 0), "as shown")
        steps = wrote(before)
        eq((steps.get("reset"), steps.get("set_access")), (2, 4), f"resets, changes of access ({steps})")
        wait_for(lambda: netdev(address), 20, "igbvf's netdev")


@scenario("a MAC that igbvf chose by itself, which a reset forgets, is there after a lease", timeout=120)
def chosen_mac():
    with prepared(), allowed():
        wait_for(lambda: read("/sys/class/net", netdev(GOOD1), "carrier") == "1", 30, "the PF")
        bind(vfs(GOOD1)[1], "igbvf")
        write(device(vfs(GOOD1)[1], "driver_override"), "")
        wait_for(lambda: attributes(1)["mac"] != "00:00:00:00:00:00", 10, "igbvf to tell the PF its MAC")
        wait_for(lambda: shown(1)["mac"] == attributes(1)["mac"], 10, "sriovd to see it")
        was = condition(1)
        for words in ([], ["--driver=vfio-pci"]):
            with Lease("tenant", f"vf={GOOD1}/1", *words, command=OPEN) as mine:
                mine.end()
            wait_for(lambda: states() in ({}, {lease["id"]: "quarantined" for lease in leases()}), 20, "the scrub")
            eq((leases(), condition(1)), ([], was), f"leases, the VF ({words})")


@scenario("a VF that is on vfio-pci already: its node changes hands, and stays", timeout=120)
def in_place():
    with prepared("--driver=vfio-pci") as address, allowed():
        number = group(address)
        was, node = condition(), os.stat(f"/dev/vfio/{number}")
        eq([opens(user, number) for user in USERS], ["EACCES"] * 3, "the group before")
        with Lease("tenant", "driver=vfio-pci", f"pf={GOOD1}", "--driver=vfio-pci", command=OPEN) as mine:
            eq((json.loads(mine.said)["group"], only_lease()["vf"]), ("yes", 0), "what the command can do")
            eq([opens(user, number) for user in USERS], ["yes", "EACCES", "EACCES"], "who opens the group")
            with Lease("guest", "driver=vfio-pci", f"pf={GOOD1}", command=OPEN) as his:
                eq((json.loads(his.said)["group"], len(leases())), ("yes", 2), "another user, another VF")
                eq([opens(user, group(vfs(GOOD1)[1])) for user in USERS], ["EACCES", "yes", "EACCES"], "who opens that")
                full = ctl("lease", "acquire", f"pf={GOOD1}", status=3)
                check("lease" in full.err, f"there are no more: {full.err}")
                mine.end()
                wait_for(lambda: len(leases()) == 1, 20, "the end of one")
                eq([opens(user, number) for user in USERS], ["EACCES"] * 3, "the group afterwards")
                eq(opens("guest", group(vfs(GOOD1)[1])), "yes", "the other user still")
                his.end()
            free_again()
        eq((condition(), os.stat(f"/dev/vfio/{number}").st_ino), (was, node.st_ino), "the VF and its node afterwards")
        eq([opens(user, number) for user in USERS], ["EACCES"] * 3, "the group afterwards")


@scenario("a lease that ends while the device is open: dirty and nobody's, until it is let go of", timeout=180)
def dirty():
    with prepared() as address, allowed():
        number, was = group(address), condition()
        with Lease("tenant", f"vf={GOOD1}/0", "--driver=vfio-pci", *settings(MINE, "--set="), command=HOLD) as mine:
            eq(mine.said, "held", "the holder")
            lease, before = only_lease()["id"], counters()
            ctl("lease", "release", lease, user="tenant")
            wait_for(lambda: states() == {lease: "dirty"}, 10, "the lease to be dirty")
            check(f"/dev/vfio/{number}" in only_lease()["why"], f"why: {only_lease()['why']}")
            eq([opens(user, number) for user in USERS], ["EACCES"] * 3, "who comes in now")
            for user in (None, "tenant", "guest"):
                busy = ctl("lease", "acquire", f"vf={GOOD1}/0", status=1, user=user)
                check("not clean yet" in busy.err or "is not clean" in busy.err, f"{user}: {busy.err}")
            taken = ctl("--json", "lease", "acquire", f"pf={GOOD1}", user="guest").json()
            eq(taken["index"], 1, "the VF that is free")
            ctl("lease", "release", taken["lease"], user="guest")
            wait_for(lambda: taken["lease"] not in states(), 20, "that one to be free again")
            time.sleep(3)  # several attempts
            eq((driver(address), read(device(address, "enable")), states()), ("vfio-pci", "1", {lease: "dirty"}), "the VF")
            eq({key: attributes()[key] for key in MINE}, MINE, "its attributes")
            steps = wrote(before)
            eq((steps.get("reset"), steps.get("set_access")), (1, 1), f"resets (of the other), changes of access ({steps})")
            mine.kill()
            diag(f"clean {free_again(40):.2f} s after the holder's end")
        eq((condition(), shown().get("access_uid")), (was, None), "the VF afterwards")
        eq(wrote(before).get("reset"), 2, "resets")


@scenario("an owner that dies while his child has the device open: the child keeps it from everybody until it ends", timeout=120)
def orphan():
    with prepared() as address, allowed():
        number, was, before = group(address), condition(), counters()
        child = ["sh", "-c", f'{RUNTIME}/holder "$SRIOV_IOMMU_GROUP" "$SRIOV_VF_ADDRESS" >/dev/null & echo $!; wait']
        with Lease("tenant", f"vf={GOOD1}/0", "--driver=vfio-pci", *settings(MINE, "--set="), command=child) as mine:
            wait_for(lambda: read(device(address, "enable")) == "1", 10, "the child to have it open")
            lease = only_lease()["id"]
            mine.kill()
            wait_for(lambda: states() == {lease: "dirty"}, 10, "the lease to be dirty")
            eq((opens("tenant", number), kept(), driver(address)), ("EACCES", 0, "vfio-pci"), "who comes in now, pidfds, driver")
            eq(wrote(before).get("reset"), None, "resets")
            os.kill(int(mine.said), signal.SIGKILL)
            diag(f"clean {free_again(40):.2f} s after the child's end")
        eq((condition(), wrote(before).get("reset")), (was, 1), "the VF afterwards, resets")


def ping():
    wait_for(lambda: subprocess.run(["sriovctl", "status"], capture_output=True, timeout=20).returncode == 0, 30, "sriovd")


@scenario("a lease outlives sriovd: restarted, killed and stopped; its owner's end is seen by whoever comes next", timeout=240)
def restarts():
    def restart():
        sh("systemctl restart sriovd.service", timeout=60)

    def kill():
        old = main_pid("sriovd.service")
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: main_pid("sriovd.service") not in (0, old), 20, "another sriovd")

    def lives(lease):
        eq(only_lease(), lease, "the lease")
        eq((opens("tenant", number), opens("guest", number), driver(address)), ("yes", "EACCES", "vfio-pci"), "the VF")
        eq({key: attributes()[key] for key in MINE}, MINE, "its attributes")
        eq((kept(), shown()["access_uid"]), (1, USERS["tenant"]), "pidfds that systemd keeps, who may open it")

    def ends():
        diag(f"clean {free_again():.2f} s after the owner's end")
        eq((condition(), kept(), shown().get("access_uid")), (was, 0, None), "the VF afterwards, pidfds")
        eq(wrote(before).get("reset"), 1, "resets")

    with prepared() as address, allowed():
        number, was = group(address), condition()
        words = ("tenant", f"vf={GOOD1}/0", "--driver=vfio-pci", *settings(MINE, "--set="))
        for again in (restart, kill):
            with Lease(*words, command=OPEN) as mine:
                lease, before = only_lease(), counters()
                for _ in range(2):
                    again()
                    ping()
                    lives(lease)
                eq(wrote(before), {}, "what was written")
                mine.kill()
                ends()
        for what, stop in (("stopped", lambda: sh("systemctl stop sriovd.service", timeout=60)), ("killed", kill)):
            with Lease(*words, command=OPEN) as mine:
                before = counters()
                lease = only_lease()
                stop()
                mine.kill()
                sh("systemctl start sriovd.service", timeout=60)
                ping()
                ends()
                diag(f"{what}: the owner's end was seen")
        with Lease(*words, command=OPEN) as mine:  # stopped and started: systemd gives no pidfd back, sriovd finds the process
            lease, before = only_lease(), counters()
            sh("systemctl stop sriovd.service", timeout=60)
            sh("systemctl start sriovd.service", timeout=60)
            ping()
            lives(lease)
            mine.end()
            ends()


@scenario("a VF that can not be reset is kept from everybody until it can", timeout=180)
def quarantine():
    with prepared() as address, allowed():
        number, was = group(address), condition()
        methods = read(device(address, "reset_method"))
        check("flr" in methods.split(), f"reset methods: {methods}")
        with Lease("tenant", f"vf={GOOD1}/0", "--driver=vfio-pci", *settings(MINE, "--set="), command=OPEN) as mine:
            lease, before = only_lease()["id"], counters()
            write(device(address, "reset_method"), "")
            eq(read(device(address, "reset_method")), "", "reset methods")
            mine.end()
            wait_for(lambda: states() == {lease: "quarantined"}, 20, "the quarantine")
        check("no reset method" in only_lease()["why"], only_lease()["why"])
        eq([opens(user, number) for user in USERS], ["EACCES"] * 3, "who opens the group")
        for user in (None, "tenant"):
            refused = ctl("lease", "acquire", f"vf={GOOD1}/0", status=3, user=user)
            check("quarantine" in refused.err, f"{user}: {refused.err}")
        ctl("lease", "release", lease, user="tenant")
        refused = ctl("lease", "retry", lease, status=1)
        check("no reset method" in refused.err, refused.err)
        eq((states(), wrote(before)), ({lease: "quarantined"}, {"set_access": 1}), "leases, what was written")
        ctl("lease", "retry", lease, status=3, user="tenant")
        taken = ctl("--json", "lease", "acquire", f"pf={GOOD1}", user="guest").json()
        eq(taken["index"], 1, "the VF that is free")
        ctl("lease", "release", taken["lease"], user="guest")
        sh("systemctl restart sriovd.service", timeout=60)
        ping()
        eq(states(), {lease: "quarantined"}, "also after a restart")
        write(device(address, "reset_method"), "default")
        eq(read(device(address, "reset_method")), methods, "reset methods")
        ctl("lease", "retry", lease)
        eq((leases(), condition(), shown()["lease_state"]), ([], was, "free"), "the VF afterwards")
        with Lease("tenant", f"vf={GOOD1}/0", command=OPEN) as mine:
            eq(only_lease()["state"], "leased", "it is given again")
        free_again()
