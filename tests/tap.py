# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the unittest cases of a program as TAP: `tap.main()` at its end.

    tap.main(topology="topology-laptop.json")    the whole program runs inside contrib/sandbox with that machine
    ./test-x.py Class.test_name ...              only these

In a sandbox the environment has SRIOVD_SANDBOX, its directory (see contrib/sandbox for what is in it), and
DBUS_SYSTEM_BUS_ADDRESS; sriovctl is on the PATH. When a test fails, what the daemons wrote to their logs during that test
follows as "# " lines. A skipped test says so; contrib/check counts it as a failure.
"""
import glob
import os
import pathlib
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent


def diagnose(text):
    for line in text.rstrip().splitlines():
        print("#", line)


class Result(unittest.TestResult):
    """Prints a TAP line per test, and on failure why."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.bad = []
        self.marks = {}
        self.skip = None

    @staticmethod
    def logs():
        return glob.glob(os.path.join(os.environ.get("SRIOVD_SANDBOX", "/nonexistent"), "*.log"))

    def startTest(self, test):
        super().startTest(test)
        self.bad = []
        self.marks = {path: os.path.getsize(path) for path in self.logs()}

    def report(self, test, note=""):
        self.number += 1
        name = test.id().removeprefix("__main__.")
        print(f"{'not ok' if self.bad else 'ok'} {self.number} - {name}{note}")
        if self.bad:
            for why in self.bad:
                diagnose(why)
            for path in self.logs():
                with open(path, encoding="utf-8", errors="replace") as log:
                    log.seek(self.marks.get(path, 0))
                    diagnose(f"---- {os.path.basename(path)}\n{log.read()}")
        sys.stdout.flush()

    def addError(self, test, err):
        super().addError(test, err)
        self.bad.append(self.errors[-1][1])
        if not isinstance(test, unittest.TestCase):  # setUpClass, setUpModule: there is no stopTest
            self.report(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.bad.append(self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.bad.append((self.failures + self.errors)[-1][1])

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.bad.append("passed, though it is marked as an expected failure")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skip = reason
        if not isinstance(test, unittest.TestCase):
            self.report(test, f" # SKIP {reason}")
            self.skip = None

    def stopTest(self, test):
        self.report(test, f" # SKIP {self.skip}" if self.skip is not None else "")
        self.skip = None
        super().stopTest(test)


def enter_sandbox(topology):
    """Starts this program again inside a sandbox, with the same arguments."""
    path = TOP / "data" / "examples" / topology
    command = [str(TOP / "contrib" / "sandbox"), str(path), "--", sys.executable, *sys.argv]
    os.execv(command[0], command)


def main(topology=None):
    if topology and "SRIOVD_SANDBOX" not in os.environ:
        enter_sandbox(topology)
    loader = unittest.TestLoader()
    module = sys.modules["__main__"]
    suite = loader.loadTestsFromNames(sys.argv[1:], module) if sys.argv[1:] else loader.loadTestsFromModule(module)
    result = Result()
    suite.run(result)
    print(f"1..{result.number}", flush=True)
    sys.exit(0 if result.number and result.wasSuccessful() else 1)
