# SPDX-License-Identifier: GPL-2.0-or-later
"""Suite frames: the same settings and frames through QEMU's igb with Linux's igb and igbvf drivers, and through sriov-sim.

No expectation is written down. A scenario is a list of steps: what the administrator sets, what a VF's user asks for, frames.
Both sides do each step and have to say the same: accepted or refused (and why), and who got which bytes. What differs in QEMU
or in Linux is in DEVIATIONS, with the rule that it breaks; such a frame is compared too, with what the simulation says when the
question is put to it so that a right answer is the card's. What no set of deviations explains fails.

One card on each side, with 3 VFs on their host drivers. The other end of its cable is a second igb of the guest, resp. the
simulation's wire. The world outlives a scenario's process; one that fails leaves it to the next to make a new one.
"""
import collections
import contextlib
import functools
import itertools
import json
import os
import pathlib
import shutil

from lib import check, diag, eq, scenario
from pair.deviations import DEVIATIONS, REFUSALS
from pair.frame import ALL_HOSTS, MACS, NO_MAC, PLACES, VFS, Frame, frame
from pair.simulation import STATE
from pair.world import BASELINE, Vf, World

CLEAN, COUNTS = f"{STATE}/clean", f"{STATE}/counts"  # the world is as start() left it; what all scenarios have counted
UNASKED = {"mtu": "1500", "mode": "multicast", "macvlan": "none"}
GROUP, SAME_HASH, OTHER_GROUP, LLDP = "01:00:5e:01:02:03", "01:00:5e:11:02:03", "01:00:5e:01:72:03", "01:80:c2:00:00:0e"


# ---- steps ---------------------------------------------------------------------------------------------------------------


def admin(index, **settings):
    """The administrator sets attributes of a VF."""
    def step(world):
        for key, value in settings.items():
            value = MACS[value] if key == "mac" and value in MACS else str(value)
            if world.both("set", index, key, value):
                continue
            vf = world.vf[index]
            if key == "mac":
                vf.taken = None
            if key == "vlan" and value != "0":
                vf.old_vlans |= vf.vlans
                vf.vlans = set()
            vf.admin[key] = value
            if key in ("vlan", "qos"):
                vf.strips = bool(vf.port_tag())
            if value != BASELINE[key]:
                world.undo.append(admin(index, **{key: BASELINE[key]}))
            elif key == "mac":
                world.undo.append(wants(index, "mac", index))
    return step


def wants(place, key, value):
    """The user of a VF, or of the PF, wants something of its driver."""
    def step(world):
        text = MACS[value] if value in MACS and key in ("mac", "macvlan") else str(value)
        vf = world.vf.get(place)
        if vf and key == "mode":  # igbvf has no such request
            eq(world.card.ask(place, key, text), "", f"{key}={text}")
        elif world.both("ask", place, key, text):
            return
        if key == "vlan":
            (vf.vlans.add if text[0] == "+" else vf.vlans.discard)(int(text[1:]))
            vf.old_vlans.discard(int(text[1:]))
            vf.strips = True
        elif key == "mac":
            vf.mac, vf.taken = text, None if vf.admin["mac"] == NO_MAC else text
        elif key == "macvlan":
            vf.old_filters |= vf.filters
            vf.filters = {text} - {"none"} | (vf.filters if text != "none" else set())
        elif key == "mode" and not vf:
            world.promisc = text == "promiscuous"
        reverse = {**UNASKED, "mac": MACS[place], "vlan": f"-{text[1:]}"}[key]
        if text == reverse:
            return
        if key == "vlan":
            world.undo.append(admin(place, vlan=0))  # igb strips tags until then
        world.undo.append(wants(place, key, reverse))
    return step


def joins(place, group, verb="add"):
    def step(world):
        world.card.group(verb, place, group)
        world.groups(place)
        if verb == "add":
            world.undo.append(leaves(place, group))
    return step


def leaves(place, group):
    def step(world):
        if group in world.card.groups(place):
            joins(place, group, "del")(world)
    return step


def link(state):
    """up, down: the PF's netdev. plugged, unplugged: its cable."""
    def step(world):
        for side in (world.card, world.sim):
            side.link(state)
        if state in ("down", "unplugged"):
            world.undo.append(link({"down": "up", "unplugged": "plugged"}[state]))
    return step


def restart(index):
    """The VF's driver is unbound and bound again."""
    def step(world):
        vf = world.vf[index]
        for side in (world.card, world.sim):
            side.restart(index)
        world.vf[index] = Vf(MACS[index], vf.admin, old_filters=vf.old_filters | vf.filters)
        world.begin(index)
        if vf.admin["mac"] != NO_MAC:
            world.vf[index].mac = vf.admin["mac"]
            eq((world.card.mac(index), world.sim.mac(index)), (vf.admin["mac"],) * 2, f"the MAC of VF {index}'s new driver")
    return step


def recreate(world):
    """No VFs, and VFs again."""
    for side in (world.card, world.sim):
        side.recreate()
    world.vf = {index: Vf(MACS[index]) for index in VFS}
    world.begin(*VFS)


# ---- scenarios -------------------------------------------------------------------------------------------------------------


def from_all(dst, *tags, **more):
    return [frame(place, dst, *tags, **more) for place in PLACES]


def to_all(sender, *tags, **more):
    return [frame(sender, dst, *tags, **more) for dst in ("all", *PLACES) if dst != sender]


SCENARIOS = [
    # whose address is it
    ("unicast inside the card", frame(0, 1), frame(1, 2), frame(2, 0), frame(0, "pf"), frame("pf", 2)),
    ("unicast from the wire", *to_all("wire")),
    ("unicast to the wire", frame(0, "wire"), frame("pf", "wire"), frame(2, "stranger"), frame("pf", "stranger")),
    ("unicast from the wire that is nobody's", frame("wire", "stranger"), frame("wire", "new0")),
    ("broadcast", *from_all("all")),
    ("to oneself", *[frame(index, index) for index in VFS], frame("pf", "pf")),
    ("a group that nobody is in", *from_all(GROUP)),
    ("a group that everybody is in", *from_all(ALL_HOSTS)),
    ("a VF joins a group, and leaves", joins(0, GROUP), *from_all(GROUP), frame("wire", SAME_HASH), frame("wire", OTHER_GROUP),
     leaves(0, GROUP), frame("wire", GROUP), frame(1, GROUP)),
    ("two VFs in two groups", joins(1, GROUP), joins(2, OTHER_GROUP), frame("wire", GROUP), frame("wire", OTHER_GROUP),
     frame(0, GROUP), leaves(1, GROUP), frame("wire", GROUP), frame("wire", OTHER_GROUP)),
    ("the PF joins a group", joins("pf", GROUP), *from_all(GROUP), leaves("pf", GROUP), frame("wire", GROUP)),
    ("a reserved group", *from_all(LLDP)),
    ("short and long frames", *[frame(0, 1, size=size) for size in (60, 61, 1000, 1514)],
     *[frame("wire", 1, size=size) for size in (60, 1514)], frame(0, "wire", size=60), frame(0, "wire", size=1514)),
    ("longer than the MTU", *[frame("wire", place, size=size) for place in (0, "pf") for size in (1515, 1519, 2000)]),
    ("VFs with a larger MTU", wants(0, "mtu", 3000), wants(1, "mtu", 3000),
     *[frame(0, 1, size=size) for size in (1518, 1519, 2000, 3014)], frame(0, 2, size=2000), frame(0, "pf", size=2000),
     frame(0, "wire", size=2000), frame("wire", 1, size=2000), frame("wire", 1, size=3014), frame("wire", 2, size=2000),
     frame("wire", 1, size=4000), frame(0, "all", size=2000)),

    # MACs
    ("a VF changes its MAC", wants(0, "mac", "new0"), frame(1, "new0"), frame(1, 0), frame("wire", "new0"), frame("wire", 0),
     frame(0, 1), frame(0, "all")),
    ("MACs that no VF can have", *[wants(0, "mac", bad) for bad in (GROUP, "all", NO_MAC)],
     *[admin(0, mac=bad) for bad in (GROUP, "all")], frame(1, 0)),
    ("an administrator's MAC, the driver runs", admin(0, mac="new0"), frame(1, "new0"), frame(1, 0), frame("wire", "new0"),
     frame("wire", 0), frame(0, 1, src="new0"), frame(0, "wire", src="new0")),
    ("an administrator's MAC makes the driver's own a spoofed one", admin(0, mac="new0"), frame(0, 1), frame(0, "wire"),
     admin(0, spoofchk="off"), frame(0, 1), frame(0, "wire")),
    ("an administrator's MAC, the driver starts again", admin(0, mac="new0"), restart(0), frame(1, "new0"), frame(1, 0),
     frame("wire", "new0"), frame(0, 1), frame(0, "wire")),
    ("an administrator's MAC is not the VF's to change", admin(0, mac="new0"), wants(0, "mac", "new1"), frame(1, "new0"),
     frame(1, "new1"), frame(1, 0), frame("wire", "new1")),
    ("it is if it is trusted", admin(0, mac="new0", trust="on"), wants(0, "mac", "new1"), frame(1, "new0"), frame(1, "new1"),
     frame(0, 1), frame("wire", "new1")),
    ("trust ends", admin(0, mac="new0", trust="on"), wants(0, "mac", "new1"), admin(0, trust="off"), wants(0, "mac", "new2"),
     frame(1, "new0"), frame(1, "new1"), frame(1, "new2"), frame("wire", "new0"), frame(0, 1)),
    ("an administrator's MAC is taken back", admin(0, mac="new0"), admin(0, mac=NO_MAC), wants(0, "mac", "new1"),
     frame(1, "new0"), frame(1, "new1"), frame(0, 1)),
    ("one MAC for two", admin(0, mac=1), admin(2, mac="pf"), frame(2, 1), frame("pf", 1), frame("wire", 1), frame("wire", "pf"),
     frame(1, "pf"), frame("pf", 0), frame(0, 1), frame(1, 1)),
    ("one more MAC", wants(0, "macvlan", "new0"), wants(0, "macvlan", "new1"), frame(1, "new0"), frame(1, "new1"), frame(1, 0),
     frame("wire", "new1"), frame(0, 1, src="new0"), frame(0, 1, src="new2"), wants(0, "macvlan", "none"), frame(1, "new0"),
     frame("wire", "new1"), restart(0), frame(1, "new1"), recreate, frame(1, "new1"), frame(1, 0)),
    ("one more MAC beside an administrator's", admin(0, mac="new0"), wants(0, "macvlan", "new1"), frame(1, "new1"),
     admin(0, trust="on"), wants(0, "macvlan", "new2"), frame(1, "new2"), frame("wire", "new1"), recreate, frame(1, "new2")),

    # spoofchk
    ("a spoofed source", *[frame(0, dst, src=src) for dst in (1, "pf", "wire", "all") for src in ("stranger", 2, "pf")]),
    ("spoofchk off", admin(0, spoofchk="off"),
     *[frame(0, dst, src=src) for dst in (1, "pf", "wire", "all") for src in ("stranger", 2)], frame(0, 1, 5, src="stranger"),
     admin(0, spoofchk="on"), frame(0, 1, src="stranger")),
    ("the PF and the wire may send as whoever they like",
     *[frame(place, dst, src=src) for place in ("pf", "wire") for dst in (1, "all") for src in ("stranger", 0)]),

    # VLANs of the VFs' own
    ("a VLAN that nobody is in", *from_all(1, 5), *from_all("all", 5), frame("wire", "stranger", 5)),
    ("two VFs in a VLAN", wants(0, "vlan", "+5"), wants(1, "vlan", "+5"), *from_all(1, 5), *from_all("all", 5),
     frame(0, "wire", 5), frame(0, 2, 5), frame("pf", 2, 5), frame(0, "pf", 5), frame(0, 1), frame(0, 2)),
    ("a VLAN and the wire", wants(0, "vlan", "+5"),
     *[frame("wire", dst, vid) for dst in (0, 1, "pf", "all", "stranger") for vid in (5, 6)]),
    ("a VLAN's priorities", wants(0, "vlan", "+5"), wants(1, "vlan", "+5"), frame(0, 1, (5, 6)), frame("wire", 0, (5, 7)),
     frame(0, "wire", (5, 3)), frame("wire", "pf", (5, 1)), frame("pf", "all", (5, 2))),
    ("a VF leaves a VLAN", wants(0, "vlan", "+5"), wants(1, "vlan", "+5"), wants(1, "vlan", "-5"), frame(0, 1, 5),
     frame("wire", 1, 5), frame(0, "all", 5), wants(0, "vlan", "-5"), frame("wire", 0, 5), frame(0, "wire", 5)),
    ("in two VLANs, the first and the last there are",
     *[wants(index, "vlan", f"+{vid}") for index in (0, 1) for vid in (1, 4094)],
     *[frame(0, dst, vid) for dst in (1, 2, "all") for vid in (1, 4094, 2)]),
    ("somebody else's VLAN", wants(0, "vlan", "+5"), frame(2, 0, 5), frame(2, "wire", 5), frame(2, "all", 5),
     admin(2, spoofchk="off"), frame(2, 0, 5), frame(2, "all", 5), frame(0, 2, 5)),
    ("priority tags", *[frame(place, dst, (0, 5)) for place in PLACES for dst in (1, "all") if place != dst],
     frame(0, "wire", (0, 5))),
    ("service tags are no tags for it", *from_all(1, (5, 0, 0x88a8)), frame(0, "all", (5, 0, 0x88a8)), wants(0, "vlan", "+6"),
     frame("wire", 0, (5, 0, 0x88a8), 6), frame("wire", 0, 6, 7), frame(0, "wire", 6, 7)),

    # port VLANs
    ("two VFs in a port VLAN", admin(0, vlan=100), admin(1, vlan=100), *to_all(0), *to_all(1), frame(2, 0), frame("pf", 0),
     frame(2, "all"), frame("pf", "all")),
    ("a port VLAN and the wire", admin(0, vlan=100), *to_all("wire", 100), *to_all("wire"), frame("wire", "stranger", 100),
     frame("wire", 0, 101), frame("wire", "all", 101), frame("wire", 0, (100, 4)), frame("wire", 0, (0, 4)), frame(0, "wire"),
     frame(0, "stranger")),
    ("a port VLAN with a priority", admin(0, vlan=100, qos=5), admin(1, vlan=100), *to_all(0), *to_all(1),
     frame("wire", 0, (100, 3))),
    ("two port VLANs", admin(0, vlan=100), admin(1, vlan=200), *to_all(0), *to_all(1), *to_all("wire", 200), frame("pf", 1, 200),
     frame("pf", 1, 100)),
    ("another port VLAN", admin(0, vlan=100), admin(1, vlan=100), frame(0, 1), admin(0, vlan=200), frame(0, 1), frame(1, 0),
     frame("wire", 0, 100), frame("wire", 0, 200), frame(0, "wire"), frame(0, "all")),
    ("no port VLAN any more", admin(0, vlan=100, qos=3), admin(0, vlan=0, qos=0), *to_all(0), frame(1, 0), frame("wire", 0, 100),
     frame("wire", 0)),
    ("a port VLAN and somebody's own", admin(0, vlan=100), wants(1, "vlan", "+100"), *to_all(0), frame(1, 0, 100),
     frame(1, "all", 100), frame(1, 0), frame("wire", "all", 100)),
    ("tags under a port VLAN", admin(0, vlan=100), admin(1, vlan=100),
     *[frame(0, dst, vid) for dst in (1, 2, "wire", "all") for vid in (5, 100, 0)]),
    ("a VF in a port VLAN may join no other", admin(0, vlan=100), wants(0, "vlan", "+5"), frame("wire", 0, 5),
     frame(0, "wire", 5), admin(0, vlan=0), wants(0, "vlan", "+5"), frame("wire", 0, 5), frame(0, "wire", 5)),
    ("VLANs of before the port VLAN", wants(0, "vlan", "+5"), wants(1, "vlan", "+5"), admin(0, vlan=100), frame(1, 0, 5),
     frame("wire", 0, 5), frame("wire", "all", 5), frame("wire", 0, 100), frame(1, "all", 5)),
    ("a priority alone", admin(0, qos=3), *to_all(0)),
    ("VLANs and priorities that there are not", admin(0, vlan=4095), admin(0, vlan=4096), admin(0, vlan=4094), admin(0, qos=8),
     admin(0, qos=7), admin(0, vlan_proto="802.1ad"), frame(0, "wire")),

    # the rest
    ("a promiscuous VF", wants(2, "mode", "promiscuous"), frame(0, 1), frame("wire", 1), frame("wire", GROUP),
     frame("wire", 0, 5), admin(2, trust="on"), frame(0, 1), frame("wire", 1), frame("wire", GROUP), frame("wire", 0, 5)),
    ("a promiscuous PF", wants("pf", "mode", "promiscuous"), wants(0, "vlan", "+5"), frame(0, 1), frame("wire", 1),
     frame("wire", "stranger"), frame(0, "stranger"), frame("wire", GROUP), frame(0, GROUP), frame("wire", "all"),
     frame("wire", "all", 5), frame("wire", "all", 77), frame("wire", "stranger", 77), wants("pf", "mode", "multicast"),
     frame("wire", GROUP), frame("wire", "all", 77), frame("wire", "all", 5)),
    ("rates", *[admin(0, max_tx_rate=rate) for rate in (1000, 1001, 10)], *[admin(0, min_tx_rate=rate) for rate in (5, 20)],
     admin(0, max_tx_rate=0), frame(0, 1)),
    ("what an 82576 can not be told", *[admin(0, link_state=state) for state in ("enable", "disable", "auto")],
     admin(0, query_rss="on"), frame(0, 1)),
    ("VFs that are not there", *[admin(index, mac="new0", trust="on", spoofchk="off", max_tx_rate=0) for index in (len(VFS), 7)],
     frame(0, 1)),
    ("the cable is pulled", link("unplugged"), admin(0, max_tx_rate=100), admin(0, vlan=100), admin(1, vlan=100), frame(0, 1),
     frame("pf", 1), frame(0, "wire"), frame("wire", 0, 100), link("plugged"), frame(0, 1), frame("pf", 2), frame(0, "wire"),
     frame("wire", 0, 100)),
    ("the PF goes down", link("down"), admin(0, max_tx_rate=100), admin(0, mac="new0"), frame(0, 1), frame("wire", 0), link("up"),
     frame(0, 1), frame("wire", "new0"), frame("wire", "all"), frame("pf", "all")),
    ("a driver starts again under a port VLAN", admin(0, mac="new0", vlan=100, qos=2), admin(1, vlan=100), restart(0), *to_all(0),
     frame(1, "new0"), frame("wire", "new0", 100), frame(0, 1, src="stranger")),
    ("a driver starts again, and its own VLANs are gone", wants(0, "vlan", "+5"), wants(1, "vlan", "+5"), restart(0),
     frame(1, 0, 5), frame("wire", 0, 5), frame(1, "all", 5), frame(0, 1)),
    ("new VFs know nothing of the old", admin(0, mac="new0", vlan=100, qos=2, spoofchk="off", trust="on"), wants(1, "vlan", "+5"),
     recreate, frame(0, 1), frame(1, "new0"), frame(0, "wire"), frame("wire", 0, 100), frame("wire", 1, 5),
     frame(0, 1, src="stranger"), frame("wire", 0), wants(0, "mac", "new1"), frame(1, "new1")),
    ("a bit of everything", admin(0, mac="new0", vlan=100, qos=1), admin(1, vlan=100, spoofchk="off"), wants(2, "vlan", "+100"),
     joins(2, GROUP), wants(1, "mac", "new1"),
     *[frame(place, dst) for place in PLACES for dst in ("new0", "new1", 2, "pf", "all", GROUP)],
     *[frame(place, dst, 100) for place in ("pf", "wire", 2) for dst in ("new0", "new1", 2, "pf", "all", GROUP)]),
]


@contextlib.contextmanager
def the_world():
    """As it should be; made anew if the scenario before left it otherwise."""
    world = World()
    if os.path.exists(CLEAN):
        os.unlink(CLEAN)
    else:
        world.start()
    yield world
    with open(COUNTS, "a", encoding="utf-8") as file:
        file.write(json.dumps(world.counts) + "\n")
    check(not world.wrong, "no deviation explains\n" + "\n".join(world.wrong))
    eq(world.own(), MACS, "addresses in the end")
    eq(world.sim.stats()["conserved"], True, "no frame was lost in the simulation: conserved")
    pathlib.Path(CLEAN).touch()


def run(steps):
    with the_world() as world:
        for is_frame, some in itertools.groupby(steps, lambda step: isinstance(step, Frame)):
            if is_frame:
                world.play(list(some))
            else:
                for step in some:
                    step(world)
        while world.undo:
            world.undo.pop()(world)
        if any(vf.old_filters or vf.old_vlans for vf in world.vf.values()):
            recreate(world)
        diag(", ".join(f"{name}: {count}" for name, count in sorted(world.counts.items())))


for title, *steps in SCENARIOS:
    scenario(title, timeout=90)(functools.partial(run, steps))


@scenario("all deviations are still there")
def sum_up():
    World().stop()
    counts = collections.Counter()
    for line in pathlib.Path(COUNTS).read_text().splitlines():
        counts.update(json.loads(line))
    for name, count in sorted(counts.items()):
        diag(f"{count:4} {name}")
    eq([one.name for one in DEVIATIONS + REFUSALS if not counts[one.name]], [], "deviations that no frame has met: take them out")
    shutil.rmtree(STATE)
