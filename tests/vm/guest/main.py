# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the named suites in the guest (started by vmtest.service) and tells the host in "@@" lines: see tests/vm/run."""
import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
import tty

subprocess.run(["udevadm", "settle"], timeout=60, check=True)  # lib looks for the PFs when it is imported
import lib  # noqa: E402

JOURNAL = ["journalctl", "-b", "--no-pager", "-o", "short-monotonic"]


def stacks():
    """Where every process that sleeps in the kernel does so: what a hang is about."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            name, state = lib.read("/proc", pid, "stat").split("(", 1)[1].rsplit(") ", 1)
            if state.startswith("D"):
                lib.diag(f"in the kernel: {pid} ({name})\n" + lib.read("/proc", pid, "stack"))
        except OSError:
            pass


def attempt(function):
    """In the scenario's own process: 0 if it passed."""
    os.setsid()
    try:
        function()
        return 0
    except BaseException:  # the process ends here, whatever it was
        lib.diag(traceback.format_exc())
        return 1


def run(function, timeout):
    """Runs one scenario, with its own process group, so that nothing it started outlives it. Returns whether it passed."""
    pid = os.fork()
    if pid == 0:
        os._exit(attempt(function))
    end = time.monotonic() + timeout
    passed = False
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            passed = status == 0
            break
        if time.monotonic() > end:
            lib.diag(f"timeout after {timeout} s")
            stacks()
            break
        time.sleep(0.02)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return passed


def log(title, command):
    lib.line("LOG", f"-- {title}")
    for text in subprocess.run(command, capture_output=True, text=True, errors="replace").stdout.splitlines():
        lib.line("LOG", text)


def follow_journal():
    """Tells the host what sriovd says, as it says it: this boot may end at any moment."""
    lib.line("LOG", f"-- boot {lib.BOOT}")
    if os.fork() == 0:
        command = JOURNAL + ["-f", "-n", "all", "-u", "sriovd*"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:
            for text in process.stdout:
                lib.line("LOG", text.rstrip())
        os._exit(0)


def main():
    tty.setraw(0)
    lib.line("TAP", f"# Linux {os.uname().release}, up in {time.monotonic():.1f} s, IOMMU {'on' if lib.HAS_IOMMU else 'off'}")
    number, failed, followed = int(os.environ["TESTS_BEFORE"]), 0, False
    for suite in sys.argv[1:]:
        lib.scenarios.clear()
        importlib.import_module(suite)
        if not followed and (lib.later or lib.BOOT > 1):
            followed = True
            follow_journal()
        for title, timeout, function in list(lib.scenarios):
            number += 1
            began = time.monotonic()
            os.environ["SCENARIO"] = f"{suite}: {title}"
            passed = run(function, timeout)
            failed += not passed
            lib.line("TAP", f"{'ok' if passed else 'not ok'} {number} - {suite}: {title} ({time.monotonic() - began:.1f} s)")
        if lib.later:
            number, failed = number + 1, failed + 1
            lib.line("TAP", f"not ok {number} - {suite}: boot {lib.BOOT} did not end as it should, so the next ones never came")
    lib.line("TAP", f"1..{number}")
    if failed and not followed:
        log("sriovd", JOURNAL + ["-u", "sriovd*"])
    if failed:
        log("failed units", ["systemctl", "--no-pager", "--failed", "--no-legend"])
    lib.line("DONE", "")


main()
