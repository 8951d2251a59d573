# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames of suite frames, the places they go between, and everybody's addresses."""
import dataclasses
import os
import struct

VFS = range(3)
PLACES = ("pf", "wire", *VFS)
TAG = 0x8100  # a VLAN tag's TPID
NO_MAC = "00:00:00:00:00:00"
ALL_HOSTS = "01:00:5e:00:00:01"  # the group that every netdev with IPv4 is in
MACS = {"pf": "52:54:00:00:00:01", "wire": "52:54:00:00:00:02", "all": "ff:ff:ff:ff:ff:ff", "stranger": "02:00:00:00:00:99",
        **{index: f"02:00:00:00:00:1{index}" for index in VFS}, **{f"new{index}": f"02:00:00:00:00:2{index}" for index in VFS}}


@dataclasses.dataclass(frozen=True)
class Frame:
    sender: object
    dst: str
    tags: tuple  # of (TPID, TCI)
    src: str  # None: the sender's own
    size: int

    def __str__(self):
        tags = "".join(f" {tpid:04x}:{tci >> 13}:{tci & 0xfff}" for tpid, tci in self.tags)
        return f"{self.sender} -> {self.dst}{tags}{f' from {self.src}' if self.src else ''}, {self.size} bytes"


def frame(sender, dst, *tags, src=None, size=68):
    """dst, src: a name in MACS or an address. A tag is a VID, (VID, priority) or (VID, priority, TPID)."""
    def full(vid, priority=0, tpid=TAG):
        return tpid, priority << 13 | vid
    tags = tuple(full(*tag) if isinstance(tag, tuple) else full(tag) for tag in tags)
    return Frame(sender, MACS.get(dst, dst), tags, MACS.get(src, src), size)


def vid_of(tags):
    """0: none."""
    return tags[0][1] & 0xfff if tags and tags[0][0] == TAG else 0


def address_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


class Marks:
    """A number in each frame, and which one is it when it comes back."""

    def __init__(self):
        self.base, self.count = b"MARK" + os.urandom(4), 0

    def encode(self, a_frame, own):
        self.count += 1
        head = address_bytes(a_frame.dst) + address_bytes(a_frame.src or own[a_frame.sender])
        head += b"".join(struct.pack(">HH", *tag) for tag in a_frame.tags) + bytes.fromhex("88b5")
        return (head + self.base + struct.pack(">I", self.count)).ljust(a_frame.size, b"\x5a")

    def find(self, data):
        """(number, the frame's head as text) or None: not one of ours, or not one of our bytes."""
        at = data.find(self.base)
        tail = data[at + len(self.base) + 4:]
        if at < 14 or tail.strip(b"\x5a"):
            return None
        head = " ".join(data[start:end].hex() for start, end in ((0, 6), (6, 12), *((i, i + 4) for i in range(12, at - 2, 4))))
        return struct.unpack_from(">I", data, at + len(self.base))[0], f"{head} {len(data)}"
