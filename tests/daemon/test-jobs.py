#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs: all or nothing, one after the other on a PF, stuck and healed, and what the bus sees of them."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import tap  # noqa: E402
from machine import (BAD, ERROR, IGB, NVME, OTHER, ROOT, TIMEOUT, Case, added, background, changed, eventually, get, group_of, job_removed, jobs,  # noqa: E402
                     method, objects, path, removed, run, sim, writes)

PROMISE = 5.5  # seconds until what does not move is shown as stuck


class Counts(Case):
    """create, destroy, replace."""

    def test_create_replace_destroy(self):
        self.good("create", IGB, "3")
        self.assertEqual([vf["index"] for vf in self.vfs(IGB)], [0, 1, 2])
        self.bad("VfsExist", "it has 3.*--replace", "create", IGB, "5")
        self.bad("InvalidArgs", "expected 0 to 7", "create", IGB, "8")
        self.assertEqual(writes(), 1 + self.before)
        self.good("create", IGB, "7", "--replace")
        self.assertEqual((self.pf()["num_vfs"], len(self.vfs(IGB))), (7, 7))
        self.good("destroy", IGB)
        self.assertEqual((self.pf()["num_vfs"], self.vfs(IGB)), (0, []))
        self.assertEqual(writes(), 4 + self.before)

    def test_held(self):
        """Nobody loses a VF without --force, and the refusal names who has it."""
        self.good("create", IGB, "2", "--driver=vfio-pci")
        sim("hold", f"{IGB}/1", "--name=vm7")
        before = writes()
        for words in ("destroy", IGB), ("create", IGB, "3", "--replace"), ("unbind", f"{IGB}/1"), ("reset", f"{IGB}/1"):
            self.bad("InUse", "vm7", *words)
        self.assertEqual(writes(), before)
        self.assertEqual([vf["driver"] for vf in self.vfs(IGB)], ["vfio-pci"] * 2)
        self.good("unbind", f"{IGB}/0")

    def test_partial(self):
        sim("fault", IGB, "partial", "count=3", "step=set_numvfs")
        self.bad("PartialCount", r"\b3 of 5\b|\b5\b.*\b3\b", "create", IGB, "5")
        self.assertEqual((self.pf()["num_vfs"], self.vfs(IGB)), (0, []))

    def test_partial_replace(self):
        """Replacing goes back to the count of before."""
        self.good("create", IGB, "2")
        sim("fault", IGB, "partial", "count=3", "step=set_numvfs", "nth=2")
        self.bad("PartialCount", r"\b3 of 5\b|\b5\b.*\b3\b", "create", IGB, "5", "--replace")
        self.assertEqual((self.pf()["num_vfs"], len(self.vfs(IGB))), (2, 2))

    def test_refused_by_the_driver(self):
        sim("fault", IGB, "errno", "error=ENOSPC", "step=set_numvfs")
        self.bad("NoResources", "No space left|bus numbers|resources", "create", IGB, "5")
        self.assertEqual((self.pf()["num_vfs"], self.vfs(IGB)), (0, []))

    def test_for_driver_fails(self):
        """The third bind fails: no VFs again, and drivers are probed as before."""
        sim("fault", IGB, "errno", "error=EIO", "step=bind", "vf=2")
        self.bad("Io", r"\bVF 2\b.*undone", "create", IGB, "4", "--driver=vfio-pci")
        self.assertEqual((self.pf()["num_vfs"], self.pf()["autoprobe"], self.vfs(IGB)), (0, True, []))
        self.good("create", IGB, "4", "--driver=vfio-pci")
        self.assertEqual([vf["driver"] for vf in self.vfs(IGB)], ["vfio-pci"] * 4)
        self.assertIs(self.pf()["autoprobe"], True)

    def test_card_vanishes(self):
        self.good("create", OTHER, "2")
        sim("fault", OTHER, "vanish", "step=set_vf")
        self.bad("Gone", "0000:02:00.0", "set", f"{OTHER}/0", "vlan=5")
        eventually(lambda: not [where for where in objects() if where.startswith(path(OTHER))], 1, "its objects go")
        sim("plug", OTHER)
        eventually(lambda: path(OTHER) in objects(), 1, "its objects come")

    def setUp(self):
        self.before = writes()


class Settings(Case):
    def setUp(self):
        self.good("create", IGB, "3")
        self.good("set", f"{IGB}/1", "mac=02:00:00:00:00:01", "vlan=7", "qos=2")
        self.before = self.vfs(IGB)

    def test_all_or_none(self):
        for nth in range(1, 5):
            with self.subTest(nth=nth):
                sim("fault", IGB, "errno", "error=EIO", "step=set_vf", "vf=1", f"nth={nth}")
                self.bad("Io", r"\bVF 1\b", "set", f"{IGB}/1", "mac=02:00:00:00:00:09", "vlan=9", "max_tx_rate=100", "spoofchk=off")
                self.assertEqual(self.vfs(IGB), self.before)

    def test_failure_is_named(self):
        for attribute, nth in ("mac", 1), ("vlan", 2), ("spoofchk", 3):
            with self.subTest(attribute=attribute):
                sim("fault", IGB, "errno", "error=EIO", "step=set_vf", f"nth={nth}")
                self.bad("Io", rf"\bVF 1: {attribute}", "set", f"{IGB}/1", "mac=02:00:00:00:00:09", "vlan=9", "spoofchk=off")
        self.assertEqual(self.vfs(IGB), self.before)

    def test_accepted_but_not_applied(self):
        for attribute in "mac", "vlan", "spoofchk":
            with self.subTest(attribute=attribute):
                sim("fault", IGB, "ignore", "step=set_vf", f"attr={attribute}", "times=0")
                self.bad("NotApplied", rf"{attribute}.*reads back", "set", f"{IGB}/1", "mac=02:00:00:00:00:09", "vlan=9", "spoofchk=off")
                sim("unfault", "all")
                self.assertEqual(self.vfs(IGB), self.before)

    def test_undo_fails_too(self):
        """Then the error says both, and what is shown is what is there."""
        sim("fault", IGB, "errno", "error=EIO", "step=set_vf", "nth=2", "times=0")
        self.bad("Io", "undoing what had been done failed too", "set", f"{IGB}/1", "mac=02:00:00:00:00:09", "vlan=9")
        vf = self.vf(1)
        self.assertEqual((vf["mac"], vf["vlan"]), ("02:00:00:00:00:09", 7))

    def test_bind_fails(self):
        self.good("bind", f"{IGB}/0", "vfio-pci")
        before = self.vfs(IGB)
        for vf, driver in (0, "igbvf"), (1, "vfio-pci"):
            with self.subTest(vf=vf):
                sim("fault", IGB, "errno", "error=EIO", "step=bind", f"vf={vf}")
                self.bad("Io", rf"\bVF {vf}\b.*undone", "bind", f"{IGB}/{vf}", driver)
                self.assertEqual(self.vfs(IGB), before)

    def test_bind_is_ignored(self):
        sim("fault", IGB, "ignore", "step=bind", "vf=1")
        self.bad("NotApplied", r"\bVF 1\b", "bind", f"{IGB}/1", "vfio-pci")
        self.assertEqual(self.vfs(IGB), self.before)

    def test_already_so(self):
        """What is so already is not written."""
        self.good("bind", f"{IGB}/0", "vfio-pci")
        before = writes()
        self.good("create", IGB, "3")
        self.good("set", f"{IGB}/1", "vlan=7", "qos=2", "mac=02:00:00:00:00:01", "spoofchk=on")
        self.good("bind", f"{IGB}/0", "vfio-pci")
        self.good("bind", f"{IGB}/2", "igbvf")
        self.good("autoprobe", IGB, "on")
        self.assertEqual(writes(), before)
        self.good("unbind", f"{IGB}/2")
        before = writes()
        self.good("unbind", f"{IGB}/2")
        self.good("destroy", NVME)
        self.assertEqual((writes(), writes(NVME)), (before, 0))


class Lanes(Case):
    """Who waits for whom."""

    def setUp(self):
        self.good("create", IGB, "3")

    def test_in_order(self):
        hang = sim("fault", IGB, "hang", "step=set_vf", "vf=0")
        self.good("create", OTHER, "1")
        mark = self.monitor.mark()
        started = [self.start("set", f"{IGB}/0", f"vlan={vlan}") for vlan in (5, 6, 7)]
        states = jobs()
        self.assertEqual([states[job]["State"] for _, job in started], ["running", "waiting", "waiting"])
        self.assertRegex(states[started[0][1]]["Step"], "VF 0: vlan 5")
        for _, job in started[1:]:
            self.assertRegex(states[job]["Step"], f"waits for .*{IGB}")
        self.good("set", f"{OTHER}/0", "vlan=5")  # another PF does not wait
        sim("unfault", hang)
        for process, _ in started:
            self.assertEqual(process.wait(TIMEOUT), 0)
        self.monitor.mark()
        ended = [m["data"][1] for m in self.monitor.messages[mark:] if job_removed(m)]
        self.assertEqual([job for job in ended if job in states], [job for _, job in started])
        self.assertEqual(self.vf(0)["vlan"], 7)
        self.assertEqual([line for line in sim("log").splitlines() if line.startswith(f"pci/{IGB} VF 0")][-3:],
                         [f"pci/{IGB} VF 0: vlan {vlan} qos 0 vlan_proto 802.1Q" for vlan in (5, 6, 7)])

    def test_limit(self):
        hang = sim("fault", IGB, "hang", "step=set_vf", "vf=0")
        first, _ = self.start("set", f"{IGB}/0", "vlan=5")
        others = [background(*method(path(IGB, 0), "Set", "a{sv}", 1, "vlan", "u", 5)) for _ in range(63)]
        eventually(lambda: len(jobs()) == 64, what="64 jobs")
        before = writes()
        self.refused(ERROR + "LimitsExceeded", "at most 64", path(IGB, 0), "Set", "a{sv}", 1, "vlan", "u", 6)
        self.refused(ERROR + "LimitsExceeded", "at most 64", path(OTHER), "SetNumVfs", "ua{sv}", 1, 0)
        self.assertEqual((len(jobs()), writes()), (64, before))
        sim("unfault", hang)
        for process in [first, *others]:
            process.communicate(timeout=TIMEOUT)
            self.assertEqual(process.returncode, 0)
        self.good("set", f"{IGB}/0", "vlan=6")

    def test_client_leaves(self):
        """Who asked goes away: the job goes on."""
        hang = sim("fault", IGB, "hang", "step=set_vf", "vf=0")
        process, job = self.start("set", f"{IGB}/0", "vlan=5")
        process.kill()
        process.wait(TIMEOUT)
        self.assertIn(job, jobs())
        sim("unfault", hang)
        eventually(lambda: job not in jobs(), 5, "the end of the job")
        self.assertEqual(self.vf(0)["vlan"], 5)

    def quick(self, *words):
        before = time.monotonic()
        told = self.good(*words)
        self.assertLess(time.monotonic() - before, 1, words)
        return told

    def test_stuck(self):
        """A guest keeps a VF: the PF is stuck, others wait or go on, reading goes on, and releasing it heals all."""
        self.good("bind", f"{IGB}/1", "vfio-pci")
        self.good("create", BAD, "1")
        sim("hold", f"{IGB}/1")
        try:
            self.while_stuck()
        finally:
            run("sriov-sim", "release", f"{IGB}/1")  # or all that follows would wait

    def while_stuck(self):
        mark, begin = self.monitor.mark(), time.monotonic()
        destroy, stuck = self.start("destroy", IGB, "--force")
        create, waiting = self.start("create", OTHER, "2")
        other, cancelled = self.start("create", NVME, "2")

        self.assertEqual(get(stuck, "State"), "running")
        for job in waiting, cancelled:
            self.assertEqual(get(job, "State"), "waiting")
            self.assertRegex(get(job, "Step"), f"waits for job {stuck.rsplit('/', 1)[1]} on {IGB}")
        self.refused(ERROR + "Busy", "has begun", stuck, "Cancel")
        self.call(cancelled, "Cancel")
        self.failed(other.communicate(timeout=5)[0], "Cancelled", "nothing was changed")
        self.refused(ERROR + "NotFound", ".", cancelled, "Cancel")
        self.assertEqual(writes(NVME), 0)
        self.quick("set", f"{BAD}/0", "vlan=5")

        self.monitor.wait(changed(stuck, State="stuck"), mark, PROMISE, "the job is stuck")
        self.monitor.wait(changed(path(IGB), State="stuck"), mark, PROMISE, "the PF is stuck")
        self.assertLess(time.monotonic() - begin, PROMISE)
        self.assertEqual(get(stuck, "Step"), "set_numvfs 0")
        self.assertEqual(self.quick("show", IGB)["state"], "stuck")
        self.assertEqual([job["state"] for job in self.quick("status")["jobs"]], ["stuck", "waiting"])
        self.quick("list", "vf")
        self.quick("list", "group")

        sim("release", f"{IGB}/1")
        for process, warned in (destroy, r"^sriovctl: forced, although VF 1 held by guest .*\n$"), (create, "^$"):
            out, err = process.communicate(timeout=5)
            self.assertEqual(process.returncode, 0, out)
            self.assertRegex(err, warned)
        self.assertEqual((self.pf()["num_vfs"], self.pf()["state"]), (0, "idle"))
        self.assertEqual((self.pf(OTHER)["num_vfs"], self.pf(OTHER)["state"]), (2, "idle"))
        self.assertEqual(jobs(), {})

    def test_stuck_while_undoing(self):
        """What moves again after it was stuck is what it was: undoing."""
        before = self.vf(0)
        sim("fault", IGB, "errno", "error=EIO", "step=set_vf", "nth=3")
        hangs = [sim("fault", IGB, "hang", "step=set_vf", f"nth={nth}") for nth in (4, 5)]
        mark = self.monitor.mark()
        process, job = self.start("set", f"{IGB}/0", "mac=02:00:00:00:00:09", "vlan=9", "spoofchk=off")
        self.monitor.wait(changed(job, State="stuck", Step=lambda step: "VF 0: mac" in step), mark, PROMISE, "stuck in undoing the MAC")
        sim("unfault", hangs[0])
        self.monitor.wait(changed(job, State="undoing", Step=lambda step: "VF 0: vlan" in step), mark, 5, "undoing the VLAN")
        sim("unfault", hangs[1])
        self.failed(process.communicate(timeout=5)[0], "Io", "spoofchk.*undone")
        mark = self.monitor.mark()
        states = [m["data"][1]["State"] for m in self.monitor.messages[:mark] if changed(job, State=bool)(m)]
        self.assertNotIn("running", states[states.index("undoing"):])
        self.assertEqual(self.vf(0), before)


class Signals(Case):
    """What is signalled, and in which order."""

    def test_before_the_reply(self):
        vf = path(IGB, 0)
        messages = self.order(path(IGB), "SetNumVfs", ("ua{sv}", 2, 0), changed(path(IGB), State="busy"), added(vf),
                              added(path(IGB, 1)), changed(path(IGB), State="idle"), job_removed)
        self.among(messages, changed(path(IGB), NumVfs=2))
        mine, address = group_of(IGB, 0), get(vf, "Address")
        for where in mine, group_of(IGB, 1):
            self.among(messages, added(where))
        self.order(vf, "Set", ("a{sv}", 1, "vlan", "u", 9), changed(vf, Attributes=lambda a: a["vlan"] == 9), job_removed)
        messages = self.order(vf, "Bind", ("sa{sv}", "vfio-pci", 0), changed(vf, Driver="vfio-pci"), job_removed)
        self.among(messages, changed(mine, Devices=[[address, "vfio-pci", 0x020000]]))
        messages = self.order(vf, "Unbind", ("a{sv}", 0), changed(vf, Driver=""), job_removed)
        self.among(messages, changed(mine, Devices=[[address, "", 0x020000]]))
        self.order(path(IGB), "SetAutoprobe", ("ba{sv}", "false", 0), changed(path(IGB), Autoprobe=0), job_removed)
        self.order(path(IGB), "SetAutoprobe", ("ba{sv}", "true", 0), changed(path(IGB), Autoprobe=1), job_removed)
        messages = self.order(path(IGB), "SetNumVfs", ("ua{sv}", 0, 0), removed(vf), job_removed)
        self.among(messages, changed(path(IGB), NumVfs=0))
        self.among(messages, removed(mine))

    def test_groups_before_the_reply(self):
        """Also of a job in two rounds, and of one whose undoing fails."""
        messages = self.order(path(IGB), "SetNumVfs", ("ua{sv}", 2, 1, "driver", "s", "vfio-pci"), job_removed)
        for vf in 0, 1:
            devices = [[get(path(IGB, vf), "Address"), "vfio-pci", 0x020000]]
            self.assertEqual([m for m in messages if m.get("path") == group_of(IGB, vf)][-1]["data"][1]["Devices"], devices)
        sim("fault", IGB, "partial", "count=1", "step=set_numvfs", "nth=2")
        sim("fault", IGB, "errno", "error=EIO", "step=set_numvfs", "nth=4")
        mark, gone = self.monitor.mark(), [group_of(IGB, vf) for vf in (0, 1)]
        self.bad("PartialCount", "undoing what had been done failed too", "create", IGB, "3", "--replace")
        end = self.monitor.messages.index(self.monitor.wait(job_removed, mark))
        self.good("autoprobe", IGB, "on")  # undoing got no further
        for where in gone:
            self.among(self.monitor.messages[mark:end], removed(where))

    def test_job_object(self):
        mark = self.monitor.mark()
        self.call(path(IGB), "SetNumVfs", "ua{sv}", 2, 0)
        self.monitor.mark()
        messages = self.monitor.messages[mark:]
        call = next(m for m in messages if m.get("member") == "SetNumVfs")
        appears = next(m for m in messages if m.get("member") == "InterfacesAdded" and "/job/" in m["data"][0])
        job = appears["data"][1]["org.sriovd1.Job"]
        self.assertEqual((job["Kind"], job["Description"], job["Pf"], job["Client"], job["State"]),
                         ("set_numvfs", "create 2 VFs", path(IGB), call["sender"], "waiting"))
        self.assertEqual(appears["data"][0], f"{ROOT}/job/{job['Id']}")
        self.assertLess(abs(job["StartedUSec"] / 1e6 - time.monotonic()), 60)
        ended = next(m for m in messages if job_removed(m))
        self.assertEqual(ended["data"], [job["Id"], appears["data"][0], "done", ""])
        self.assertTrue(any(removed(appears["data"][0])(m) for m in messages))

    def test_job_that_fails(self):
        mark = self.monitor.mark()
        self.refused(ERROR + "InvalidArgs", "expected 0 to 7", path(IGB), "SetNumVfs", "ua{sv}", 8, 0)
        ended = self.monitor.wait(job_removed, mark, 5, "JobRemoved")
        self.assertEqual(ended["data"][2], "InvalidArgs")
        self.assertIn("expected 0 to 7", ended["data"][3])

    def test_never_twice(self):
        """A signal of properties says something new."""
        mark = self.monitor.mark()
        self.call(path(IGB), "SetNumVfs", "ua{sv}", 3, 1, "driver", "s", "vfio-pci")
        self.call(path(IGB, 1), "Set", "a{sv}", 2, "vlan", "u", 9, "mac", "s", "02:00:00:00:00:09")
        self.call(path(IGB), "SetNumVfs", "ua{sv}", 0, 0)
        last = {}
        for m in self.monitor.signals(mark):
            if m["member"] == "PropertiesChanged":
                self.assertNotEqual(m["data"], last.get(m["path"]), m)
                last[m["path"]] = m["data"]


class BadInput(Case):
    """Whatever comes over the bus: a named error, and nothing is written."""

    def setUp(self):
        self.good("create", IGB, "2")
        self.written = writes(IGB), writes(OTHER), writes(NVME)

    def tearDown(self):
        self.assertEqual((writes(IGB), writes(OTHER), writes(NVME)), self.written)
        super().tearDown()

    def test_options(self):
        pf = path(IGB)
        for says, *options in (("'frce' refused: expected one of: force, replace, driver", 1, "frce", "b", "true"),
                               ("expected a value of type b, not s", 1, "force", "s", "true"),
                               ("expected a value of type b, not u", 1, "replace", "u", 1),
                               ("expected a value of type s, not b", 1, "driver", "b", "true"),
                               ("given twice", 2, "force", "b", "true", "force", "b", "false"),
                               ("expected a value of type b, not as", 1, "force", "as", 0),
                               ("expected a driver's name", 1, "driver", "s", ""),
                               ("expected a driver's name", 1, "driver", "s", "d" * 300)):
            with self.subTest(options=options):
                self.refused(ERROR + "InvalidArgs", says, pf, "SetNumVfs", "ua{sv}", 0, *options)
        for member in "Unbind", "Reset":
            self.refused(ERROR + "InvalidArgs", "expected one of: force", path(IGB, 0), member, "a{sv}", 1, "replace", "b", "true")
        for count in 8, 65536, 4294967295:
            self.refused(ERROR + "InvalidArgs", "expected 0 to 7|never above 65535", pf, "SetNumVfs", "ua{sv}", count, 0)

    def test_drivers(self):
        for driver, name in (("e1000", "DriverNotAllowed"), ("igb", "DriverNotAllowed"), ("../../x", "InvalidArgs"),
                             ("vfio-pci\n", "InvalidArgs"), ("\x1b[2J", "InvalidArgs")):
            with self.subTest(driver=driver):
                self.refused(ERROR + name, "refused", path(IGB, 0), "Bind", "sa{sv}", driver, 0)
                self.refused(ERROR + name, "refused", path(OTHER), "SetNumVfs", "ua{sv}", 1, 1, "driver", "s", driver)

    def test_attributes(self):
        vf = path(IGB, 1)
        for says, *attributes in (("vlan.*4094", 1, "vlan", "u", 4095), ("qos.*0 to 7", 1, "qos", "u", 8),
                                  ("expected a value of type u, not b", 1, "vlan", "b", "true"),
                                  ("expected a value of type b, not u", 1, "trust", "u", 1),
                                  ("expected a value of type s, not u", 1, "mac", "u", 1),
                                  ("expected a value of type u", 1, "vlan", "s", "5"),
                                  ("mac", 1, "mac", "s", "01:00:00:00:00:01"), ("mac", 1, "mac", "s", "ff:ff:ff:ff:ff:ff"),
                                  ("mac", 1, "mac", "s", "02:00:00:00:00"), ("mac", 1, "mac", "s", "02:00:00:00:00:01\n"),
                                  ("mac", 1, "mac", "s", ""), ("link_state", 1, "link_state", "s", "up"),
                                  ("vlan_proto", 1, "vlan_proto", "s", "802.1q "),
                                  ("attribute 'colour' refused", 1, "colour", "s", "red"), ("attribute '' refused", 1, "", "s", ""),
                                  ("vlan.*given twice", 2, "vlan", "u", 5, "vlan", "u", 6), (".", 0)):
            with self.subTest(attributes=attributes):
                self.refused(ERROR + "InvalidArgs", says, vf, "Set", "a{sv}", *attributes)

    def test_signatures(self):
        for where, member, *arguments in ((path(IGB), "SetNumVfs", "u", 0), (path(IGB), "SetNumVfs", "sa{sv}", "0", 0),
                                          (path(IGB), "SetNumVfs"), (path(IGB), "SetAutoprobe", "ua{sv}", 1, 0),
                                          (path(IGB, 0), "Set", "a{ss}", 0), (path(IGB, 0), "Bind", "s", "vfio-pci"),
                                          (ROOT, "Find", "u", 1)):
            with self.subTest(member=member, arguments=arguments):
                self.refused("org.freedesktop.DBus.Error.InvalidArgs", "Invalid arguments", where, member, *arguments)

    def test_paths(self):
        pf = path(IGB)
        for where in (path(IGB, 2), path(IGB, 7), path(IGB, 4294967295), path(IGB, 4294967296), pf + "/vf/00", pf + "/vf/_30",
                      pf + "/vf/x", pf + "/vf/0/0", path(OTHER, 0)):
            with self.subTest(where=where):
                self.refused(ERROR + "NotFound", ".", where, "Set", "a{sv}", 1, "vlan", "u", 5)
        for where in (ROOT + "/pf/pci_0000_09_00_0", ROOT + "/pf/pci_2f0000_01_00_0", ROOT + "/pf/pci_0000_01_00_0_",
                      ROOT + "/pf/pci_0000_3a01_3a00_2e0", ROOT + "/pf/pci__0000_01_00_0", ROOT + "/pf/x", ROOT + "/pf/" + "a" * 200):
            with self.subTest(where=where):
                self.refused(ERROR + "NotFound", ".", where, "SetNumVfs", "ua{sv}", 0, 0)
        self.refused("org.freedesktop.DBus.Error.UnknownMethod", ".", pf, "Reboot")
        self.refused(ERROR + "NotFound", ".", ROOT + "/job/999", "Cancel")

    def test_names(self):
        for name in "eth9", "\x1b[2J", "eth0\n", "../../x", "\u00e4", f"{IGB}/2", f"{IGB}/-1", f"{IGB}/00", f"{IGB}/0x1", f"{IGB}/":
            with self.subTest(name=name):
                self.refused(ERROR + "NotFound", ".", ROOT, "Find", "s", name)
                done = run("sriovctl", "show", name)
                self.assertNotEqual(done.returncode, 0)
                self.assertNotIn("\x1b", done.stdout + done.stderr)
        for name in "", "x" * 5000:
            self.refused(ERROR + "InvalidArgs", "expected a network interface", ROOT, "Find", "s", name)


if __name__ == "__main__":
    tap.main(topology="topology-guest.json")
