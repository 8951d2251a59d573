#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Many leases: the limit of a uid, and the end of all of them at once when their owner dies."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tap  # noqa: E402
from machine import TIMEOUT, eventually, objects, run  # noqa: E402
import unittest  # noqa: E402

CLIENT = str(pathlib.Path(__file__).resolve().parent / "leaseclient.py")
LIMIT = 256
NICS = [f"nic{n}" for n in range(1, 6)]


def states():
    """State of each lease."""
    return [told["State"] for where, told in objects().items() if "/lease/" in where]


class Many(unittest.TestCase):
    def test_limit(self):
        for pf in NICS:
            self.assertEqual(run("sriovctl", "create", pf, "64").returncode, 0)
        with subprocess.Popen(["/usr/bin/python3", CLIENT, f"--count={LIMIT + 2}", "driver=iavf"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as client:
            answers = [client.stdout.readline() for _ in range(LIMIT + 2)]
            self.assertEqual(len({answer.split()[1] for answer in answers[:LIMIT]}), LIMIT)
            for answer in answers[LIMIT:]:
                self.assertRegex(answer, f"^LimitsExceeded .*has {LIMIT} ")
            self.assertEqual(states(), ["leased"] * LIMIT)
            self.assertEqual(run("sriovctl", "destroy", NICS[0]).returncode, 3)
            client.kill()
        eventually(lambda: not states(), TIMEOUT, "the end of all leases")
        for pf in NICS:
            self.assertEqual(run("sriovctl", "destroy", pf).returncode, 0)


if __name__ == "__main__":
    tap.main(topology="topology-scale.json")
