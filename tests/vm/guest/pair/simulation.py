# SPDX-License-Identifier: GPL-2.0-or-later
"""The other side of suite frames: sriov-sim, by its commands and captures."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess

from lib import ERRNO, check, eq, wait_for
from pair.frame import MACS, PLACES, VFS, Marks

STATE = "/run/frames"  # its files, and those of the suite
TOPOLOGY = {"version": 1, "host": {"memory_mib": 256}, "bridges": [{"name": "rp1", "type": "root-port"}],
            "pfs": [{"profile": "igb", "below": "rp1", "netdev": "sim0", "mac": MACS["pf"], "num_vfs": len(VFS)}]}
ENVIRONMENT = {**os.environ, "SRIOV_SIM_SOCKET": f"unix:{STATE}/socket"}
PCAPNG_FRAME, DIRECTION, OUTBOUND = 6, 2, 2


def capture_file(place):
    return pathlib.Path(f"{STATE}/{place}.pcapng")


def captured(place, at):
    """The frames that were captured there, from that byte of the file on: each, and did it go out."""
    data = capture_file(place).read_bytes()
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == PCAPNG_FRAME:
            size, = struct.unpack_from("<I", data, at + 20)
            option, _, flags = struct.unpack_from("<HHI", data, at + 28 + (size + 3) // 4 * 4)
            check(option == DIRECTION, f"{place}: a captured frame has no direction")
            yield data[at + 28:at + 28 + size], flags & 3 == OUTBOUND
        at += length


class Simulation:
    """sriov-sim. It and its captures outlive a scenario."""

    def __init__(self):
        self.marks, self.said = Marks(), ""

    def call(self, *words):
        """What it refuses, as an errno name."""
        done = subprocess.run(["sriov-sim", *map(str, words)], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
        check(done.returncode != 2 and "no answer" not in done.stderr, f"sriov-sim {words}: {done.stderr}")
        self.said = done.stdout
        if done.returncode == 0:
            return ""
        if "(NACK)" in done.stderr:
            return "EPERM"
        return next((name for number, name in ERRNO.items() if done.stderr.rstrip().endswith(os.strerror(number))), "EINVAL")

    def place(self, place):
        return "sim0" if place == "pf" else f"sim0/{place}"

    def background(self, *words):
        return subprocess.Popen(["sriov-sim", *words], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                start_new_session=True).pid

    def start(self):
        check(shutil.which("sriov-sim"), "sriov-sim is not installed: tests/vm/run --install")
        pathlib.Path(f"{STATE}/topology.json").write_text(json.dumps(TOPOLOGY))
        pids = [self.background("run", f"{STATE}/topology.json", f"--listen=unix:{STATE}/socket")]
        wait_for(lambda: os.path.exists(f"{STATE}/socket"), 20, "sriov-sim")
        for place in PLACES:
            pids.append(self.background("capture", self.place(place), f"--file={capture_file(place)}"))
            wait_for(lambda place=place: capture_file(place).stat().st_size > 0, 20, "a capture")
            os.kill(pids[-1], signal.SIGSTOP)  # it has nothing to do but ask whether it is over
        pathlib.Path(f"{STATE}/pids").write_text(" ".join(map(str, pids)))

    def stop(self):
        with contextlib.suppress(FileNotFoundError):
            for pid in pathlib.Path(f"{STATE}/pids").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        for path in (f"{STATE}/pids", f"{STATE}/socket", *map(capture_file, PLACES)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def recreate(self):
        eq((self.call("numvfs", "sim0", 0), self.call("numvfs", "sim0", len(VFS))), ("", ""), "0 VFs and again")

    def set(self, index, key, value):
        return self.call("set", self.place(index), f"{key}={value}")

    def link(self, state):
        eq(self.call("link", "sim0", state), "", state)

    def ask(self, place, key, value):
        return self.call("ask", self.place(place), f"{key}={value}")

    def restart(self, index):
        eq((self.call("unbind", self.place(index)), self.call("bind", self.place(index), "igbvf")), ("", ""), "a restart")

    def mac(self, index):
        return next(one["mac"] for one in self.stats()["functions"] if one.get("index") == index)

    def stats(self):
        eq(self.call("stats", "sim0", "--json"), "")
        return json.loads(self.said)

    def play(self, frames, own):
        """As Card.play. What is sent has arrived when `send` returns."""
        first, seen = self.marks.count + 1, {place: capture_file(place).stat().st_size for place in PLACES}
        got = [{} for _ in frames]
        for a_frame in frames:
            data = self.marks.encode(a_frame, own)
            eq(self.call("send", self.place(a_frame.sender), data.hex()), "", f"sriov-sim sends {a_frame}")
        for place in PLACES:
            for data, out in captured(place, seen[place]):
                number, head = self.marks.find(data) or (0, None)
                if number >= first and out == (place == "wire"):
                    got[number - first].setdefault(place, []).append(head)
        return got
