# SPDX-License-Identifier: GPL-2.0-or-later
"""The contract of every backend, here with sriov-sim's machine of the guest (tests/vm/guest/sriovd.py runs it with the
kernel's). What it prints is the contract's own TAP; when a case fails, the simulator's log follows.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(os.environ.get("TOP_SRCDIR", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", "."))


def main():
    with tempfile.TemporaryDirectory() as work, open(f"{work}/sim.log", "w+", encoding="utf-8") as log:
        socket = f"{work}/backend.sock"
        with subprocess.Popen([BUILD / "sriov-sim", "run", f"--listen=unix:{socket}", TOP / "data/examples/topology-guest.json"],
                              stdin=subprocess.DEVNULL, stdout=log, stderr=log) as sim:
            while not os.path.exists(socket):
                if sim.poll() is not None:
                    sys.exit(f"sriov-sim ended with status {sim.returncode}: {pathlib.Path(log.name).read_text()}")
                time.sleep(0.01)
            environment = {**os.environ, "CONTRACT_BACKEND": f"unix:{socket}", "CONTRACT_PF": "0000:01:00.0",
                           "CONTRACT_OTHER_PF": "0000:02:00.0", "SRIOV_SIM_SOCKET": f"unix:{socket}",
                           "CONTRACT_HOLD": f"{BUILD}/sriov-sim hold 0000:01:00.0/1 >/dev/null",
                           "CONTRACT_RELEASE": f"{BUILD}/sriov-sim release 0000:01:00.0/1 >/dev/null"}
            status = subprocess.run([BUILD / "tests/contract/contract"], env=environment, check=False).returncode
            sim.terminate()
            sim.wait(20)
        text = pathlib.Path(log.name).read_text(encoding="utf-8")
        bad = sim.returncode != 0 or "Sanitizer" in text or "runtime error:" in text
        if status or bad:
            print("\n".join("# " + line for line in f"sriov-sim ended with status {sim.returncode}\n{text}".splitlines()))
        sys.exit(1 if status or bad else 0)


main()
