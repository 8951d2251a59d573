# SPDX-License-Identifier: GPL-2.0-or-later
"""Suite access: who may open a vfio group's device node, by sriovd-host, udev and its rule, on the real kernel.

Each scenario starts and ends without VFs.
"""
import os
import stat
import subprocess

from lib import GOOD1, GOOD2, bind, device, diag, driver, eq, group, scenario, set_numvfs, sh, vfs, wait_for, write
from talk import HOST_SOCKET, RUNTIME

OPENER = """
import os, sys
uid, wanted = int(os.environ["OPEN_UID"]), os.environ["OPEN_ALLOWED"]
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
try:
    os.close(os.open("/dev/vfio/" + os.environ["OPEN_GROUP"], os.O_RDWR))
    got = "yes"
except PermissionError:
    got = "no"
print(f"uid {uid} opens the group: {got}, wanted {wanted}", file=sys.stderr)
sys.exit(got != wanted)
"""


def node(vf):
    """Owner, group and mode of the group's node."""
    status = os.stat(f"/dev/vfio/{group(vf)}")
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


@scenario("an unprivileged user opens the vfio group only while he has access", timeout=200)
def contract():
    sh("systemctl start sriovd.service", timeout=60)
    with open("/tmp/opener.py", "w", encoding="utf-8") as file:
        file.write(OPENER)
    environment = {**os.environ, "CONTRACT_BACKEND": HOST_SOCKET, "CONTRACT_PF": GOOD1, "CONTRACT_OTHER_PF": GOOD2,
                   "CONTRACT_OPEN": "python3 /tmp/opener.py", "CMOCKA_MESSAGE_OUTPUT": "TAP", "LD_LIBRARY_PATH": RUNTIME}
    done = subprocess.run([f"{RUNTIME}/contract", "access*"], env=environment, capture_output=True, text=True, timeout=180)
    for line in (done.stdout + done.stderr).splitlines():
        diag(line)
    eq(done.returncode, 0, "cases of the contract that failed")
    eq([done.stderr.count(f"opens the group: {word}, wanted {word}") for word in ("yes", "no")], [2, 5], "attempts")
    eq(vfs(GOOD1), [])


def say(number, **words):
    """What sriovd-host writes, here by hand."""
    text = " ".join(f"{key}={value}" for key, value in words.items())
    with open(f"/sys/class/vfio/{number}/uevent", "w", encoding="ascii") as file:
        file.write(f"change 12345678-1234-1234-1234-123456789abc {text}")
    sh("udevadm settle")


@scenario("the udev rule: a new node is root's, a given one stays so over other events, and ends with the node", timeout=120)
def rule():
    set_numvfs(GOOD1, 1, autoprobe=False)
    try:
        address = vfs(GOOD1)[0]
        bind(address, "vfio-pci")
        eq(driver(address), "vfio-pci")
        sh("udevadm settle")
        number = group(address)
        eq(node(address), (0, 0, 0o600))
        say(number, SRIOVDOWNER="4711", SRIOVDVFS="000000000000", SRIOVDLIFE="1")
        eq(node(address), (4711, 0, 0o600))
        sh("udevadm trigger --settle --subsystem-match=vfio")  # somebody else's "change"
        eq(node(address), (4711, 0, 0o600), "after udevadm trigger")
        say(number, SRIOVDOWNER="root", SRIOVDVFS="none", SRIOVDLIFE="1")
        eq(node(address), (0, 0, 0o600), "taken back")
        say(number, SRIOVDOWNER="4711", SRIOVDVFS="000000000000", SRIOVDLIFE="1")
        write(device(address, "driver", "unbind"), address)
        wait_for(lambda: not os.path.exists(f"/dev/vfio/{number}"), 10, "the node to go")
        bind(address, "vfio-pci")
        sh("udevadm settle")
        eq(node(address), (0, 0, 0o600), "of a node that came anew")
    finally:
        set_numvfs(GOOD1, 0, autoprobe=True)
