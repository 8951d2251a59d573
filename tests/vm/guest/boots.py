# SPDX-License-Identifier: GPL-2.0-or-later
"""Suite boots: a configuration on a disk that outlives the guest, over four boots of it.

The first boot finds disk/etc/sriovd/10-nics.json. Each boot but the last ends in the middle of something: by QEMU's death, which
leaves what was synced, or by a reboot. The hardware is reset by both: the VFs of a boot are those that sriovd made in it.

Who asks the kernel asks it without sriovd: kernel() is what `ip` and /sys say.
"""
import contextlib
import json
import os
import signal
import subprocess
import time

from lib import (BAD, GOOD1, GOOD2, HOTPLUG_SLOT, check, cut_power, device, diag, driver, eq, ip_vfs, netdev, pf_behind, qmp, read,
                 reboot, scenario, sh, uevents, unplug, vfs, wait_for, write)
from talk import counters, ctl, main_pid, manager, pf_prop

CONFIG = "/etc/sriovd/10-nics.json"
PATIENCE = "/etc/systemd/system/sriovd-applied.service.d/patience.conf"  # boot waits longer than elsewhere
PLUGGED_MAC = "52:54:00:00:00:05"  # of the NIC that is plugged in later


# ---- what shall be ---------------------------------------------------------------------------------------------------------


def nic(number, count, vlan, **more):
    """An entry for NIC `number`: `count` VFs in a VLAN."""
    all_vfs = {"index": f"0-{count - 1}", "mac": f"02:00:00:{number:02x}:00:{{index}}", "vlan": vlan}
    return {"match": {"permanent_mac": f"52:54:00:00:00:{number:02x}"}, "num_vfs": count, "vfs": [all_vfs], **more}


def text(*entries):
    return json.dumps({"version": 1, "pfs": entries}, indent=4)


def vfio(entry):
    """The same with its first two VFs on vfio-pci."""
    return {**entry, "vfs": entry["vfs"] + [{"index": "0-1", "driver": "vfio-pci"}]}


def vf_list(number, count, vlan):
    """What kernel() says when that is so."""
    return [(f"02:00:00:{number:02x}:00:{index:02x}", vlan, "igbvf") for index in range(count)]


def on_vfio(some):
    return [(mac, vlan, "vfio-pci") for mac, vlan, _ in some[:2]] + some[2:]


# In /etc from the end of the first boot on, in force in all others: more VFs than before on both NICs, and a third NIC.
SEVEN = text(vfio(nic(1, 7, 110, replace=True, drift="enforce")), nic(2, 7, 210, replace=True),
             {"match": {"address": BAD}, "num_vfs": 1})
IN_SEVEN = {GOOD1: on_vfio(vf_list(1, 7, 110)), GOOD2: vf_list(2, 7, 210)}
# In /etc from the end of the third boot on, not confirmed until the fourth asks for it.
THREE = text(nic(1, 3, 130, replace=True), nic(2, 2, 230, replace=True))
IN_THREE = {GOOD1: vf_list(1, 3, 130), GOOD2: vf_list(2, 2, 230)}
# What the disk has at first.
AT_FIRST = {GOOD1: on_vfio(vf_list(1, 3, 100) + vf_list(1, 4, 103)[3:]), GOOD2: vf_list(2, 2, 200)}


# ---- what is ---------------------------------------------------------------------------------------------------------------


def kernel(pf):
    """(MAC, VLAN, driver) of each VF of the PF; while VFs come and go some have none of them."""
    addresses = vfs(pf)
    rows = ip_vfs(netdev(pf)) if addresses else {}
    return [(rows.get(index, {}).get("address"), (rows.get(index, {}).get("vlan_list") or [{}])[0].get("vlan", 0), driver(address))
            for index, address in enumerate(addresses)]


def is_so(wanted):
    return all(kernel(pf) == some for pf, some in wanted.items())


def soon(wanted, seconds, what):
    """Waits until the PFs are as `wanted` says; returns after how many seconds."""
    began = time.monotonic()
    with contextlib.suppress(AssertionError):
        wait_for(lambda: is_so(wanted), seconds, what)
    for pf, some in wanted.items():
        eq(kernel(pf), some, f"{what}: VFs of {pf} after {seconds} s")
    return time.monotonic() - began


def settled(seconds=60):
    """Waits until every PF was brought to its configuration once, by sriovd's own word."""
    wait_for(lambda: manager("Applied"), seconds, "Applied")


def kill_sriovd():
    """kill -9, and waits until its next life has the name."""
    os.kill(main_pid("sriovd.service"), signal.SIGKILL)
    wait_for(lambda: subprocess.run(["busctl", "call", "org.sriovd1", "/org/sriovd1", "org.freedesktop.DBus.Peer", "Ping"],
                                    capture_output=True, timeout=20).returncode == 0, 20, "its next life")


def stamp(unit, name="ActiveEnterTimestampMonotonic"):
    """Seconds since the kernel began at which a unit became active; fails if it never did."""
    usec = int(sh(["systemctl", "show", f"--property={name}", "--value", unit]))
    check(usec > 0, f"{unit} was never reached")
    return usec / 1e6


def said(pattern):
    """Lines of sriovd's journal of this boot."""
    return sh(["journalctl", "-b", "--no-pager", "-o", "cat", "-u", "sriovd.service", "--grep", pattern], check=False).splitlines()


def put(path, content, sync=True):
    """Replaces a file as an editor does, or as a careless one does."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.rename(path + ".new", path)
    if sync:
        directory = os.open(os.path.dirname(path), os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)


def given(content):
    """A file to apply that is not in sriovd's directories."""
    path = "/run/given.json"
    put(path, content, sync=False)
    return path


def applied_at_boot(wanted):
    """The same in every boot: what is there, and who waited for whom. Returns how long boot was held up."""
    settled()
    soon(wanted, 30, "at boot")
    began, ready = stamp("sriovd-applied.service", "ExecMainStartTimestampMonotonic"), stamp("sriovd.service")
    applied, before_network, network = map(stamp, ("sriovd-applied.target", "network-pre.target", "network-stand-in.service"))
    # The kernel's own log says when it made the VFs, in the same seconds as systemd.
    made = [float(line[1:].split("]")[0]) for line in sh("dmesg").splitlines() if "VFs allocated" in line]
    diag(f"seconds: wait began {began:.1f}, sriovd ready {ready:.1f}, VFs made {made}, applied {applied:.1f}, "
         f"network-pre {before_network:.1f}, network {network:.1f}")
    check(before_network <= network, "the network began before network-pre.target")
    if os.path.exists(PATIENCE):
        waited = stamp("sriovd-applied.service")
        check(made and max(made) <= waited <= before_network, f"VFs made at {made}, network-pre at {before_network:.1f}")
    return applied - began


# ---- boot 1 ----------------------------------------------------------------------------------------------------------------


@scenario("boot 1: what /etc/sriovd says is so before the network begins", timeout=150)
def first_boot():
    applied_at_boot(AT_FIRST)
    eq(sh("systemctl is-enabled sriovd.service"), "enabled", "sriovd.service")
    eq([pf_prop(pf, "ConfigState") for pf in (GOOD1, GOOD2, BAD)], ["applied", "applied", "unmanaged"], "ConfigState")
    check(pf_prop(GOOD1, "ConfigSource").startswith("10-nics.json:5:"), pf_prop(GOOD1, "ConfigSource"))
    eq((manager("ConfigState"), manager("ConfigText"), len(manager("Absent"))), ("loaded", "", 1), "the configuration")
    eq([read(device(pf, "sriov_drivers_autoprobe")) for pf in (GOOD1, GOOD2)], ["1", "1"], "autoprobe is given back")
    eq(vfs(BAD), [], "VFs of a PF that nobody mentioned")
    sh(["systemctl", "start", f"sriovd-pf@{GOOD1}.service"], timeout=40)


@scenario("boot 1: udev gives the name, and tells NetworkManager which VF to leave alone", timeout=40)
def names():
    wait_for(lambda: netdev(vfs(GOOD1)[2]) == "guest2", 10, "the name guest2")
    properties = {index: sh(["udevadm", "info", "--query=property", f"/sys/class/net/{netdev(vfs(GOOD1)[index])}"]).splitlines()
                  for index in (2, 3)}
    check("NM_UNMANAGED=1" in properties[2], f"VF 2: {properties[2]}")
    check("NM_UNMANAGED=1" not in properties[3], f"VF 3: {properties[3]}")


@scenario("boot 1: plan says 0 when there is nothing to do, else 2 and what; it changes nothing", timeout=60)
def plan():
    before = counters()
    ctl("plan")
    more = ctl("--json", "plan", given(SEVEN), status=2).json()
    eq(more["changes"], True)
    check({pf["pf"] for pf in more["pfs"] if pf["steps"]} >= {GOOD1, GOOD2}, more)
    eq([pf["disruption"] for pf in more["pfs"] if pf["pf"] in (GOOD1, GOOD2)], ["vf-recreate"] * 2, "disruption")
    check("set_numvfs 7" in ctl("plan", given(SEVEN), status=2).out, "the plan for people has no set_numvfs 7")
    check(is_so(AT_FIRST), "plan changed something")
    eq(counters(), before, "steps that ran")


@scenario("boot 1: a restart when converged writes nothing, nor does kill -9", timeout=60)
def restart():
    before = counters()
    with uevents() as events:
        sh("systemctl restart sriovd.service", timeout=40)
        settled()
        wait_for(lambda: pf_prop(GOOD1, "ConfigState") == "applied", 10, "applied")
        kill_sriovd()
        settled()
        eq([event[:2] for event in events()], [], "uevents")
    eq(counters(), before, "steps that ran")
    check(is_so(AT_FIRST), "not as it was")


def repaired(what, change, *arguments):
    """Changes something behind sriovd's back and waits until it is as it was."""
    change(*arguments)
    diag(f"{what}: repaired after {soon(AT_FIRST, 10, what):.2f} s, a look of this test takes a part of it")


@scenario("boot 1: drift is repaired: a VLAN by `ip link set`, a driver by sysfs", timeout=60)
def enforced():
    vf = vfs(GOOD1)[0]
    repaired("vlan 7", sh, ["ip", "link", "set", netdev(GOOD1), "vf", "2", "vlan", "7"])
    repaired("unbound from vfio-pci", write, device(vf, "driver", "unbind"), vf)
    eq(pf_prop(GOOD1, "ConfigState"), "applied", "ConfigState")


@scenario("boot 1: drift that is only reported is reported, and stays", timeout=60)
def reported():
    writes, began = counters(), time.monotonic()
    sh(["ip", "link", "set", netdev(GOOD2), "vf", "1", "vlan", "7"])
    wait_for(lambda: pf_prop(GOOD2, "ConfigState") == "drift", 10, "drift")
    diag(f"reported after {time.monotonic() - began:.2f} s, a look of this test takes a part of it")
    eq(pf_prop(GOOD2, "Differences"), ["VF 1: vlan is 7, wanted 200"], "Differences")
    ctl("plan", status=2)
    time.sleep(2)
    eq(kernel(GOOD2)[1][1], 7, "the VLAN, which was only to be reported")
    eq(counters(), writes, "steps that ran")
    sh(["ip", "link", "set", netdev(GOOD2), "vf", "1", "vlan", "200"])
    wait_for(lambda: pf_prop(GOOD2, "ConfigState") == "applied", 10, "no drift any more")
    eq(pf_prop(GOOD2, "Differences"), [], "Differences")


@scenario("boot 1: reload applies the difference and never touches numvfs; a bad file changes nothing", timeout=90)
def reload():
    good = read(CONFIG)
    addresses, before = vfs(GOOD1), counters()
    put(CONFIG, good.replace('"vlan": 103', '"vlan": 104'))
    with uevents() as events:
        sh("systemctl reload sriovd.service", timeout=40)
        wanted = {**AT_FIRST, GOOD1: AT_FIRST[GOOD1][:3] + vf_list(1, 4, 104)[3:]}
        soon(wanted, 20, "after the reload")
        eq([event[:2] for event in events() if event[0] in ("add", "remove", "unbind")], [], "uevents")
    after = counters()
    diag({kind: count - before.get(kind, 0) for kind, count in after.items() if count != before.get(kind, 0)})
    eq(sum(after.values()) - sum(before.values()), 1, "steps that ran")
    eq(vfs(GOOD1), addresses)
    put(CONFIG, good.replace('"num_vfs": 4,', '"num_vfs": 4, "vlam": 5,'))
    sh("systemctl reload sriovd.service", timeout=40, check=False)
    wait_for(lambda: manager("ConfigState") == "refused", 10, "the bad file to be refused")
    check("10-nics.json:7:" in manager("ConfigText") and "vlam" in manager("ConfigText"), manager("ConfigText"))
    check(is_so(wanted), "a bad file changed something")
    put(CONFIG, good)
    sh("systemctl reload sriovd.service", timeout=40)
    soon(AT_FIRST, 20, "after the last reload")
    eq((manager("ConfigState"), manager("ConfigText")), ("loaded", ""))


@scenario("boot 1: a PF that was not there is made as configured when it is plugged in", timeout=90)
def appears():
    qmp("device_add", driver="igb", id="late", bus=f"rp{HOTPLUG_SLOT}", netdev="n4", mac=PLUGGED_MAC)
    try:
        pf = wait_for(lambda: pf_behind(HOTPLUG_SLOT), 20, "the PF")
        wait_for(lambda: netdev(pf), 20, "its interface")
        diag(f"after {soon({pf: vf_list(5, 1, 0)}, 30, 'plugged in'):.1f} s")
        eq(manager("Absent"), [], "Absent")
    finally:
        unplug("late", pf_behind(HOTPLUG_SLOT))
    wait_for(lambda: len(manager("Absent")) == 1, 10, "it to be absent again")


UNCONFIRMED = text(nic(2, 2, 222))
IN_UNCONFIRMED = {**AT_FIRST, GOOD2: vf_list(2, 2, 222)}


@scenario("boot 1: an apply that nobody confirms comes back by itself; one that is confirmed stays", timeout=120)
def unconfirmed():
    began = time.monotonic()
    ctl("apply", "--confirm=10", given(UNCONFIRMED))
    soon(IN_UNCONFIRMED, 5, "apply")
    check(manager("ConfirmDeadline") > 0, "no deadline")
    soon(AT_FIRST, 40, "taken back")
    seconds = time.monotonic() - began
    diag(f"back {seconds:.1f} s after apply --confirm=10 began")
    check(seconds >= 10, f"back after {seconds} s already")
    eq(manager("ConfirmDeadline"), 0, "ConfirmDeadline")
    ctl("apply", "--confirm=10", given(UNCONFIRMED))
    ctl("confirm")
    time.sleep(12)
    check(is_so(IN_UNCONFIRMED), "confirmed, and came back all the same")
    ctl("rollback")
    soon(AT_FIRST, 10, "rollback")


@scenario("boot 1: QEMU is killed in the middle of an apply", timeout=100)
def cut_in_apply():
    for name in ("synced", "careless"):
        put(f"/var/{name}", "old")
    put("/var/synced", "new")
    put(CONFIG, SEVEN)
    put("/var/careless", "new", sync=False)
    with subprocess.Popen(["sriovctl", "apply"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as apply:
        wait_for(lambda: 7 in (len(vfs(GOOD1)), len(vfs(GOOD2))) or apply.poll() is not None, 60, "7 VFs")
        check(apply.poll() is None, f"apply was over before it was in its middle: {apply.stdout.read() if apply.poll() else 'done'}")
        cut_power()


# ---- boot 2 ----------------------------------------------------------------------------------------------------------------


@scenario("boot 2: the disk has what was synced and nothing else: the power was cut", boot=2, timeout=20)
def synced():
    eq(read("/var/synced"), "new", "a file that was synced")
    check(read("/var/careless") != "new", "a file that was not synced is on the disk: this disk proves nothing")


@scenario("boot 2: all is as /etc/sriovd says, though QEMU was killed in the middle of making it so", boot=2, timeout=150)
def converged():
    applied_at_boot(IN_SEVEN)
    eq([pf_prop(pf, "ConfigState") for pf in (GOOD1, GOOD2, BAD)], ["applied"] * 3, "ConfigState")
    eq(len(vfs(BAD)), 1)
    ctl("plan")
    lines = said("booted")
    diag("\n".join(lines))
    check(any(pf in line for pf in (GOOD1, GOOD2) for line in lines), "its journal has no word of an apply that the boot ended")


OTHER = text(vfio(nic(1, 7, 120, replace=True)), nic(2, 4, 220, replace=True))
IN_OTHER = {GOOD1: on_vfio(vf_list(1, 7, 120)), GOOD2: vf_list(2, 4, 220)}


@scenario("boot 2: kill -9 of sriovd: an unconfirmed apply still comes back by itself", boot=2, timeout=150)
def killed_unconfirmed():
    ctl("apply", "--confirm=20", given(OTHER))
    began = time.monotonic()
    soon(IN_OTHER, 5, "apply")
    kill_sriovd()
    check(manager("ConfirmDeadline") > 0, "its next life knows of no deadline")
    check(is_so(IN_OTHER), "taken back too early")
    soon(IN_SEVEN, 60, "taken back")
    diag(f"back {time.monotonic() - began:.1f} s after the apply")
    settled()


@scenario("boot 2: kill -9 of sriovd in the middle of an apply: its next life ends it", boot=2, timeout=150)
def killed_in_apply():
    put(CONFIG, THREE)
    with subprocess.Popen(["sriovctl", "apply"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as apply:
        wait_for(lambda: len(vfs(GOOD1)) != 7 or len(vfs(GOOD2)) != 7, 60, "the first change")
        kill_sriovd()
        apply.wait(30)
        check(apply.returncode != 0, "apply says that all is well")
    diag(f"ended after {soon(IN_THREE, 60, 'the next life'):.1f} s")
    put(CONFIG, SEVEN)
    ctl("apply")
    soon(IN_SEVEN, 5, "apply")


@scenario("boot 2: an apply that waits to be confirmed, and a reboot", boot=2, timeout=120)
def reboot_unconfirmed():
    ctl("apply", "--confirm=600", given(OTHER))
    soon(IN_OTHER, 5, "apply")
    reboot()


# ---- boot 3 ----------------------------------------------------------------------------------------------------------------


@scenario("boot 3: what was not confirmed before the reboot is not there", boot=3, timeout=150)
def old_again():
    applied_at_boot(IN_SEVEN)
    check(said("booted before anybody confirmed"), "its journal has no word of the apply that is over")
    eq(manager("ConfirmDeadline"), 0, "ConfirmDeadline")
    ctl("confirm", status=1)
    ctl("plan")


@scenario("boot 3: a new /etc/sriovd, applied but not confirmed, and QEMU is killed", boot=3, timeout=120)
def cut_unconfirmed():
    # In the next boot one PF's driver lets go of it as soon as it is loaded, and boot is as patient as it is elsewhere.
    os.unlink(PATIENCE)
    put("/etc/modprobe.d/unready.conf", f"install igb /sbin/modprobe --ignore-install igb; echo {BAD} >/sys/bus/pci/drivers/igb/unbind\n")
    put(CONFIG, THREE)
    ctl("apply", "--confirm=600")
    soon(IN_THREE, 5, "apply")
    cut_power()


# ---- boot 4 ----------------------------------------------------------------------------------------------------------------


@scenario("boot 4: files in /etc/sriovd that nobody confirmed are not in force, and a PF without a driver holds up nobody",
          boot=4, timeout=150)
def not_confirmed():
    eq(driver(BAD), None, "the driver of the PF that shall not become ready")
    eq(read(CONFIG), THREE, "the file on the disk")
    held = applied_at_boot(IN_SEVEN)
    check(held <= 13, f"boot was held up for {held:.1f} s")  # 10, and what starting sriovctl takes in emulation
    check(os.path.basename(BAD) in ctl("wait", "--timeout=1", BAD, status=1).err, "wait does not name the PF without a driver")
    check("confirm" in manager("ConfigText"), f"ConfigText: {manager('ConfigText')!r}")
    check("confirm" in ctl("status").out, ctl("status").out)
    eq(pf_prop(BAD, "ConfigState"), "failed", "ConfigState of the PF without a driver")
    check("driver" in pf_prop(BAD, "ConfigText"), pf_prop(BAD, "ConfigText"))


@scenario("boot 4: the PF gets its VF when its driver comes", boot=4, timeout=90)
def driver_comes():
    write("/sys/bus/pci/drivers/igb/bind", BAD)
    wait_for(lambda: len(vfs(BAD)) == 1 and pf_prop(BAD, "ConfigState") == "applied", 40, "its VF")


@scenario("boot 4: apply takes the files as they are now, and a restart leaves them in force", boot=4, timeout=120)
def accepted():
    ctl("apply")
    soon(IN_THREE, 5, "apply")
    eq((manager("ConfigState"), manager("ConfigText")), ("loaded", ""))
    before = counters()
    sh("systemctl restart sriovd.service", timeout=40)
    settled()
    eq(counters(), before, "steps that ran")
    check(is_so(IN_THREE), "the restart changed something")
    eq((manager("ConfigState"), manager("ConfigText")), ("loaded", ""))


@scenario("boot 4: save writes a configuration that plans to nothing", boot=4, timeout=60)
def save():
    ctl("plan", given(ctl("save").out))
