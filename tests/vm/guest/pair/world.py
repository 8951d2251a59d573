# SPDX-License-Identifier: GPL-2.0-or-later
"""Both sides of suite frames, what was done to them, and the comparison."""
import collections
import contextlib
import dataclasses
import os
import pathlib

from lib import check, eq
from pair.card import Card
from pair.deviations import REFUSALS, explain
from pair.frame import MACS, NO_MAC, TAG, VFS, vid_of
from pair.simulation import STATE, Simulation

STARTING = f"{STATE}/starting"  # exists while the world is being made, and when that failed
QUIET, LONG = 0.15, 2  # seconds without a frame until none is waited for any more; when one seems to be missing
SAME = {"EADDRNOTAVAIL": "EPERM"}  # what the kernel makes of a driver's refusal


BASELINE = {"mac": NO_MAC, "vlan": "0", "qos": "0", "spoofchk": "on", "trust": "off", "max_tx_rate": "0"}


@dataclasses.dataclass
class Vf:
    """What both sides have, and what Linux leaves to a VF that does not have it any more."""
    mac: str  # its driver's
    admin: dict = dataclasses.field(default_factory=lambda: dict(BASELINE))
    taken: str = None  # the MAC it gave itself though the administrator had set one: it was trusted
    vlans: set = dataclasses.field(default_factory=set)
    filters: set = dataclasses.field(default_factory=set)
    old_vlans: set = dataclasses.field(default_factory=set)
    old_filters: set = dataclasses.field(default_factory=set)
    strips: bool = False  # the card takes tags off what it gets

    def port_tag(self):
        vid, qos = int(self.admin["vlan"]), int(self.admin["qos"])
        return ((TAG, qos << 13 | vid),) if vid or qos else ()

    def macs(self):
        """Where frames for it go to."""
        return {self.mac if self.admin["mac"] == NO_MAC else self.taken or self.admin["mac"]} | self.filters

    def in_vlan(self, tags):
        vid = vid_of(tags)
        return vid in self.vlans if vid else True


class World:
    """Both cards, and what was done to both since they were as start() leaves them."""

    def __init__(self):
        self.card, self.sim = Card(), Simulation()
        self.vf = {index: Vf(MACS[index]) for index in VFS}
        self.promisc = False  # the PF
        self.undo, self.counts, self.wrong = [], collections.Counter(), []

    def start(self):
        check(not os.path.exists(STARTING), "there is no world: it did not start")
        self.sim.stop()
        os.makedirs(STATE, exist_ok=True)
        pathlib.Path(STARTING).touch()
        self.card.start()
        self.sim.start()
        self.begin("pf", *VFS)
        os.unlink(STARTING)

    def stop(self):
        self.sim.stop()
        self.card.stop()

    def begin(self, *places):
        """Drivers have started: the same addresses and groups on both sides."""
        for place in places:
            if place != "pf" and self.vf[place].admin["mac"] == NO_MAC:
                self.must("ask", place, "mac", MACS[place])
            self.groups(place)

    def groups(self, place):
        eq(self.sim.ask(place, "multicast", ",".join(sorted(self.card.groups(place)))), "", "multicast groups")

    def own(self):
        return {**MACS, **{index: self.card.mac(index) for index in VFS}}

    def both(self, method, *arguments):
        """What both say; or it is noted as wrong."""
        card, sim = (getattr(side, method)(*arguments) for side in (self.card, self.sim))
        card, sim = SAME.get(card, card), SAME.get(sim, sim)
        self.counts["settings"] += 1
        if card != sim:
            known = [one.name for one in REFUSALS if (one.key, one.value, one.card, one.sim) == (*arguments[1:], card, sim)]
            self.counts.update(known)
            if not known:
                self.wrong.append(f"{method} {arguments}: the card says {card or 'yes'}, the simulation {sim or 'yes'}")
        return card

    def must(self, method, *arguments):
        eq(self.both(method, *arguments), "", f"{method} {arguments}")

    # frames

    def play(self, frames):
        own = self.own()
        for a_frame, card, sim in zip(frames, self.card.play(frames, own, QUIET), self.sim.play(frames, own)):
            self.counts["frames"] += 1
            names = explain(self, a_frame, card, sim)
            if names is None:  # one may have been late
                card, sim = self.card.play([a_frame], own, LONG)[0], self.sim.play([a_frame], own)[0]
                names = explain(self, a_frame, card, sim)
            if names is None:
                self.wrong.append(f"{a_frame}\n    the card:       {card}\n    the simulation: {sim}\n    settings: {self.vf}")
            self.counts.update(names or ())

    def simulate(self, a_frame):
        return self.sim.play([a_frame], self.own())[0]

    @contextlib.contextmanager
    def simulated(self, index, **changes):
        """Other settings of a VF, in the simulation alone."""
        for key, value in changes.items():
            eq(self.sim.set(index, key, value), "", f"{key}={value}")
        try:
            yield
        finally:
            for key in reversed(changes):
                eq(self.sim.set(index, key, self.vf[index].admin[key]), "", key)

    @contextlib.contextmanager
    def simulated_ask(self, place, key, value, back):
        eq(self.sim.ask(place, key, value), "", f"{key}={value}")
        try:
            yield
        finally:
            eq(self.sim.ask(place, key, back), "", f"{key}={back}")
