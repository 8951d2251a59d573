# SPDX-License-Identifier: GPL-2.0-or-later
"""sriovctl doctor on a real kernel with real PFs: with an IOMMU it has nothing to say about one, without (tests/vm/run --no-iommu) it says
how to get one. No daemon is asked."""
from lib import *

PFS = [pf for pf in (GOOD1, GOOD2, BAD, NVME) if pf]


def doctor(*options, prefix=()):
    """The findings by id, and the exit status."""
    done = subprocess.run([*prefix, "sriovctl", "--json", "doctor", *options], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    check(done.returncode in (0, 1, 2) and not done.stderr, f"{done.returncode}: {done.stdout}{done.stderr}")
    found = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["id"], []).append(finding)
    return found, done.returncode


def bad(found, *groups):
    return [finding for each in found.values() for finding in each
            if finding["level"] in ("problem", "warning") and finding["group"] in groups]


@scenario("with an IOMMU there is nothing to say about it", when=HAS_IOMMU)
def _():
    found, status = doctor()
    eq(bad(found, "iommu"), [])
    for word in "iommu", "interrupt-remapping":
        eq(found[word][0]["level"], "ok", word)
    eq(status, 0, "exit status")


@scenario("without an IOMMU it says how to turn it on", when=not HAS_IOMMU)
def _():
    found, status = doctor()
    eq([finding["id"] for finding in bad(found, "iommu")], ["iommu-none-guest"])
    for word in "-device intel-iommu", "intel_iommu=on":
        check(word in found["iommu-none-guest"][0]["remedy"], f"{word} in {found['iommu-none-guest']}")
    eq(status, 1, "exit status")


@scenario("every PF is found, with memory, bus numbers and a driver")
def _():
    found, _ = doctor()
    eq(bad(found, "firmware", "kernel", "devices"), [])
    eq(sorted(finding["device"] for finding in found["pf"]), sorted(PFS))
    for word in "vf-memory", "bus-numbers", "kernel-sriov", "vfio-pci":
        eq(found[word][0]["level"], "ok", word)


@scenario("a PF without its driver")
def _():
    write(device(GOOD2, "driver", "unbind"), GOOD2)
    try:
        found, status = doctor()
        eq([finding["device"] for finding in found["pf-no-driver"]], [GOOD2])
        check("modprobe igb" in found["pf-no-driver"][0]["remedy"], found["pf-no-driver"])
        eq(status, 2 if HAS_IOMMU else 1, "exit status")
    finally:
        write("/sys/bus/pci/drivers/igb/bind", GOOD2)
    wait_for(lambda: netdev(GOOD2), 20, "the PF's netdev")


@scenario("it reads nothing that waits for a driver, and counts the VFs", when=HAS_IOMMU)
def _():
    """A destroy waits for a held VF, and holds the PF's lock meanwhile."""
    sh("modprobe vfio-pci")
    set_numvfs(GOOD1, 3, False)
    found, _ = doctor()
    check(any(f"{GOOD1})" in finding["what"] and "3 there" in finding["what"] for finding in found["pf"]), found["pf"])
    vf = vfs(GOOD1)[0]
    bind(vf, "vfio-pci")
    with holder(vf):
        destroy, reading = Writing(device(GOOD1, "sriov_numvfs"), 0), Reading(device(GOOD1, "sriov_numvfs"))
        time.sleep(2)
        found, _ = doctor()
        eq(sorted(finding["device"] for finding in found["pf"]), sorted(PFS))
        eq((destroy.done(), reading.done()), (False, False), "the destroy and a reader of sriov_numvfs wait")
    eq((destroy.result(), reading.result()), ("", ""))
    set_numvfs(GOOD1, 0, True)


@scenario("an ordinary user gets the same, and hears what could not be read")
def _():
    root, _ = doctor()
    user, _ = doctor(prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
    eq(user["not-all-readable"][0]["level"], "note")
    eq([finding["id"] for finding in bad(user, "firmware", "cpu", "iommu", "kernel", "devices")],
       [finding["id"] for finding in bad(root, "firmware", "cpu", "iommu", "kernel", "devices")])


@scenario("a record of this host is judged alike")
def _():
    here, _ = doctor("--record=/tmp/doctor-record")
    there, _ = doctor("--root=/tmp/doctor-record")
    for word in here:
        if here[word][0]["group"] != "others":
            eq(there.get(word), here[word], word)
    eq(sh("find /tmp/doctor-record -name sriov_numvfs"), "")
