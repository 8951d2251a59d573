# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's model of the 82576 (igb) as a card on the bench: no guest, registers and memory over qtest, the wire a socket.

    with Igb() as card:
        card.write(card.VFTE, 0x80)
        got = card.exchange(wire=[frame], pools={7: [(frame, None)]})

QEMU runs a BIOS that only halts, because a stopped machine takes no frames. Seven VFs are on: queue n (0 to 6) is VF n's,
queue 7 the PF's, each queue is a pool (VMDq). What a register means is in the 82576 datasheet; the layout here is this
file's own. Everything is synchronous: exchange() returns when the card is done with all frames.
"""
import base64
import dataclasses
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time

QEMU = "qemu-system-x86_64"
POOLS = 8  # the card's; the PF's is the last
VFS = 7
RING = 128  # descriptors in a ring
SLOT = 256  # bytes between buffers; the longest frame that fits
PATIENCE = 30.0  # seconds for what takes milliseconds

ECAM, WINDOW = 0xB0000000, 0xE0000000
PF_BAR, VF_BAR = WINDOW, WINDOW + 0x100000
RX_RINGS, TX_RINGS, RX_BUFFERS, TX_BUFFERS = 0x100000, 0x110000, 0x200000, 0x300000

ROOT_PORT, PF = 0x08, 0x100  # bus << 8 | devfn
SRIOV = 0x160  # capability of the PF
DD, EOP, VP = 1, 2, 8  # of a receive descriptor's status
TX_DATA, TX_CONTEXT = 0x2B300000, 0x20200000  # descriptor types; data has EOP, insert FCS and report status
TX_VLE = 0x40000000
RUNT = bytes.fromhex("03abcdefabcd 02abcdefabcd ffff".replace(" ", ""))  # too short a frame, counted before any filter


def missing():
    """Why there is no QEMU with an igb here; None: there is."""
    if not shutil.which(QEMU):
        return f"no {QEMU}"
    said = subprocess.run([QEMU, "-device", "help"], capture_output=True, text=True, timeout=60, check=False).stdout
    return None if '"igb"' in said else f"{QEMU} has no igb (it came with QEMU 8.0; tests/vm/install-packages)"


class Qtest:
    """The protocol: a command is a line, so is its answer. post() collects commands, answers() has them run."""

    def __init__(self, sock):
        self.sock = sock
        self.lines = []
        self.rest = b""

    def post(self, line):
        self.lines.append(line)

    def answers(self):
        """Runs what was posted; what was answered to each, without its OK."""
        lines, self.lines = self.lines, []
        data, found = memoryview("".join(line + "\n" for line in lines).encode()), []
        end = time.monotonic() + PATIENCE
        while len(found) < len(lines):
            readable, writable, _ = select.select([self.sock], [self.sock] if data else [], [], max(0, end - time.monotonic()))
            if not readable and not writable:
                raise TimeoutError(f"qtest: no answer to {lines[len(found)]!r}")
            if writable:
                data = data[self.sock.send(data[:65536], socket.MSG_DONTWAIT) :]
            if readable:
                chunk = self.sock.recv(1 << 20)
                if not chunk:
                    raise ConnectionError("qtest: QEMU is gone")
                *whole, self.rest = (self.rest + chunk).split(b"\n")
                found += whole
        for line, answer in zip(lines, found):
            if not answer.startswith(b"OK"):
                raise RuntimeError(f"qtest: {line[:200]!r}: {answer[:200]!r}")
        return [answer[3:].decode() for answer in found]

    def ask(self, line):
        self.post(line)
        return self.answers()[-1]

    def post_memory(self, address, data):
        self.post(f"b64write {address:#x} {len(data):#x} {base64.b64encode(data).decode()}")

    def read_memory(self, address, size):
        return base64.b64decode(self.ask(f"b64read {address:#x} {size:#x}"))


@dataclasses.dataclass
class Received:
    """A frame that a pool got: the descriptor's status and VLAN field, and its bytes."""

    status: int
    vlan: int
    data: bytes


@dataclasses.dataclass
class Exchange:
    """What came of the frames, by pool: those it received, how many descriptors they took (one more for a runt), how many of
    its own were reported as sent. And what left by the wire."""

    received: list
    filled: list
    sent: list
    wire: list


class Igb:
    """The card. Registers by offset, 32 bits; a table is several in a row."""

    STATUS, CTRL_EXT, MDIC, VET, RCTL, TCTL = 0x0008, 0x0018, 0x0020, 0x0038, 0x0100, 0x0400
    VFRE, VFTE, DTXSWC, VMVIR = 0x0C8C, 0x0C90, 0x3500, 0x3700
    RUC, MTA, RA, RA2, VFTA = 0x40A4, 0x5200, 0x5400, 0x54E0, 0x5600
    MRQC, VT_CTL, VMOLR, RPLOLR, VLVF, UTA = 0x5818, 0x581C, 0x5AD0, 0x5AF0, 0x5D00, 0xA000
    RDBAL, RDLEN, SRRCTL, RDH, RDT, RXDCTL = 0xC000, 0xC008, 0xC00C, 0xC010, 0xC018, 0xC028  # + 0x40 a queue
    TDBAL, TDLEN, TDH, TDT, TXDCTL = 0xE000, 0xE008, 0xE010, 0xE018, 0xE028
    PVFGPRC, PVFGPTC = 0x10010, 0x10014  # + 0x100 a pool

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="igb-qtest-")
        bios = os.path.join(self.directory.name, "bios")
        with open(bios, "wb") as file:
            file.write(b"\xf4" * 0x10000)  # hlt
        control, its_control = socket.socketpair()
        # as datagrams, but what waits is limited by bytes, not to ten frames
        self.wire, its_wire = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [
            *("setpriv", "--pdeathsig", "KILL", QEMU, "-accel", "tcg,thread=single", "-M", "q35", "-m", "32", "-bios", bios),
            *("-nodefaults", "-no-user-config", "-display", "none", "-chardev", f"socket,id=control,fd={its_control.fileno()}"),
            *("-qtest", "chardev:control", "-qtest-log", "none", "-netdev", f"dgram,id=wire,local.type=fd,local.str={its_wire.fileno()}"),
            *("-device", "pcie-root-port,id=rp0,chassis=1,addr=1.0", "-device", "igb,id=card,netdev=wire,bus=rp0,mac=02:00:00:00:ff:ff"),
        ]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, pass_fds=(its_control.fileno(), its_wire.fileno()), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        its_control.close()
        its_wire.close()
        self.qtest = Qtest(control)
        try:
            self.set_up_pci()
            self.set_up_queues()
        except Exception as why:
            self.__exit__()
            self.log.seek(0)
            raise RuntimeError(f"{why}; QEMU said: {self.log.read().decode(errors='replace')}") from why
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.qtest.sock.close()
        self.wire.close()
        self.directory.cleanup()

    # ---- PCI ------------------------------------------------------------------------------------------------------

    def config(self, function, offset, value, size="l"):
        self.qtest.post(f"write{size} {ECAM + (function << 12) + offset:#x} {value:#x}")

    def vf_function(self, vf):
        offset, stride = struct.unpack("<HH", self.qtest.read_memory(ECAM + (PF << 12) + SRIOV + 0x14, 4))
        return PF + offset + vf * stride

    def set_up_pci(self):
        """What a BIOS and a kernel would do: windows, BARs, ARI, seven VFs."""
        post = self.qtest.post
        post("outl 0xcf8 0x80000060")  # PCIEXBAR of the host bridge
        post(f"outl 0xcfc {ECAM | 1:#x}")
        self.config(ROOT_PORT, 0x18, 0x00010100)  # bus numbers: 0, 1, 1
        self.config(ROOT_PORT, 0x20, WINDOW >> 16 | WINDOW & 0xFFF00000)
        self.config(ROOT_PORT, 0x04, 0x6, "w")
        self.qtest.answers()
        port_express = self.capability(ROOT_PORT, 0x10)
        self.config(ROOT_PORT, port_express + 0x28, 0x20, "w")  # forwards by ARI
        for bar, address in enumerate((PF_BAR, PF_BAR + 0x40000, 0, PF_BAR + 0x80000)):
            if address:
                self.config(PF, 0x10 + 4 * bar, address)
        self.config(PF, 0x04, 0x6, "w")
        assert self.read_config(PF, 0) == 0x10C98086, "no 82576 behind the port"
        assert self.read_config(PF, SRIOV) & 0xFFFF == 0x10, "its SR-IOV capability is elsewhere"
        self.config(PF, SRIOV + 0x24, VF_BAR)
        self.config(PF, SRIOV + 0x30, VF_BAR + 0x80000)
        self.config(PF, SRIOV + 0x10, VFS, "w")
        self.config(PF, SRIOV + 0x08, 0x19, "w")  # VF enable, VF memory enable, ARI
        for vf in range(VFS):
            self.config(self.vf_function(vf), 0x04, 0x6, "w")
        assert self.read_config(self.vf_function(VFS - 1), 4) & 0x4, "the last VF is no bus master"

    def read_config(self, function, offset):
        return int(self.qtest.ask(f"readl {ECAM + (function << 12) + offset:#x}"), 16)

    def capability(self, function, wanted):
        at = self.read_config(function, 0x34) & 0xFF
        while at and (head := self.read_config(function, at)) & 0xFF != wanted:
            at = head >> 8 & 0xFF
        return at

    # ---- registers ------------------------------------------------------------------------------------------------

    def write(self, register, *values):
        """Posted: done before anything that answers."""
        self.qtest.post_memory(PF_BAR + register, struct.pack(f"<{len(values)}I", *values))

    def read(self, *registers):
        for register in registers:
            self.qtest.post(f"readl {PF_BAR + register:#x}")
        values = [int(answer, 16) for answer in self.qtest.answers()[-len(registers) :]]
        return values if len(values) > 1 else values[0]

    # ---- queues ---------------------------------------------------------------------------------------------------

    def set_up_queues(self):
        """One receive and one transmit queue for each pool, the link up."""
        self.write(self.MDIC, 0x04201200)  # PHY control: negotiate, now
        self.write(self.MRQC, 3)  # VMDq
        for pool in range(POOLS):
            at = 0x40 * pool
            for base, length, control, ring in ((self.RDBAL, self.RDLEN, self.RXDCTL, RX_RINGS), (self.TDBAL, self.TDLEN, self.TXDCTL, TX_RINGS)):
                self.write(base + at, ring + 16 * RING * pool, 0)
                self.write(length + at, 16 * RING)
                self.write(control + at, 0x02000000)
            self.write(self.SRRCTL + at, 0x02000001)  # advanced descriptors, buffers of 1 KiB (frames are shorter)
        slots = range(POOLS * RING)
        self.empty_ring = b"".join(struct.pack("<QQ", RX_BUFFERS + SLOT * slot, 0) for slot in slots)
        self.rewind()
        self.write(self.TCTL, 0x2)
        self.write(self.RCTL, 0x04000002)  # on, FCS stripped
        end = time.monotonic() + PATIENCE
        while not self.read(self.STATUS) & 0x2:
            if time.monotonic() > end:
                raise TimeoutError("the link does not come up")
            time.sleep(0.02)

    def rewind(self):
        """All rings empty of frames, the receive rings full of buffers."""
        self.qtest.post_memory(RX_RINGS, self.empty_ring)
        for pool in range(POOLS):
            at = 0x40 * pool
            self.write(self.TDH + at, 0)
            self.write(self.TDT + at, 0)
            self.write(self.RDH + at, 0)
            self.write(self.RDT + at, RING - 1)

    def post_frames(self, pool, frames):
        """Gives frames [(bytes, tag for the descriptor or None)] to a pool's transmit queue; returns where the data descriptors are."""
        ring, buffers, data_at = b"", b"", []
        for number, (frame, tag) in enumerate(frames):
            if tag is not None:
                ring += struct.pack("<IIII", tag << 16 | 14 << 9, 0, TX_CONTEXT, 0)
            data_at.append(len(ring) // 16)
            buffer = TX_BUFFERS + SLOT * (RING * pool + number)
            ring += struct.pack("<QII", buffer, len(frame) | TX_DATA | (TX_VLE if tag is not None else 0), len(frame) << 14)
            buffers += frame.ljust(SLOT, b"\0")
        assert len(ring) < 16 * RING and max(len(frame) for frame, _ in frames) <= SLOT
        self.qtest.post_memory(TX_BUFFERS + SLOT * RING * pool, buffers)
        self.qtest.post_memory(TX_RINGS + 16 * RING * pool, ring)
        self.write(self.TDT + 0x40 * pool, len(ring) // 16)
        return data_at

    def off_the_wire(self):
        frames = []
        while select.select([self.wire], [], [], 0)[0]:
            frames.append(self.wire.recv(65536))
        return frames

    def exchange(self, wire=(), pools=None):
        """Lets frames come by the wire, and pools {pool: [(frame, tag of the descriptor or None)]} send theirs, at most 60 each."""
        self.rewind()
        left, data_at = [], {}
        if wire:
            self.qtest.answers()
            self.read(self.RUC)  # reading clears it
            for frame in (*wire, RUNT):
                self.wire.send(frame)
            end = time.monotonic() + PATIENCE
            while not self.read(self.RUC):
                if time.monotonic() > end:
                    raise TimeoutError("the card does not take what comes by the wire")
        for pool, frames in (pools or {}).items():
            data_at[pool] = self.post_frames(pool, frames)
            self.qtest.answers()
            left += self.off_the_wire()
        rings = self.qtest.read_memory(RX_RINGS, 16 * RING * POOLS)
        sent = [self.written_back(pool, data_at[pool]) if pool in data_at else 0 for pool in range(POOLS)]
        received = [self.collect(pool, rings) for pool in range(POOLS)]
        frames = [[frame for frame in found if not frame.data.startswith(RUNT)] for found in received]
        return Exchange(frames, [len(found) for found in received], sent, left)

    def written_back(self, pool, data_at):
        """How many of these descriptors the card reports as done."""
        ring = self.qtest.read_memory(TX_RINGS + 16 * RING * pool, 16 * (data_at[-1] + 1))
        return sum(struct.unpack_from("<I", ring, 16 * at + 12)[0] & DD for at in data_at)

    def collect(self, pool, rings):
        """The frames in a pool's receive ring, in order."""
        descriptors = list(struct.iter_unpack("<QIHH", rings[16 * RING * pool :][: 16 * RING]))
        done = next(n for n, (_, status, _, _) in enumerate(descriptors) if not status & DD)
        memory = self.qtest.read_memory(RX_BUFFERS + SLOT * RING * pool, SLOT * done) if done else b""
        return [Received(status, vlan, memory[SLOT * n :][:length]) for n, (_, status, length, vlan) in enumerate(descriptors[:done])]
