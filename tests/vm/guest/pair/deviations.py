# SPDX-License-Identifier: GPL-2.0-or-later
"""What QEMU, Linux or the simulation does in another way, by name. See frames.py."""
import contextlib
import dataclasses
import itertools
import re

from pair.frame import ALL_HOSTS, MACS, TAG, VFS, address_bytes, vid_of


@dataclasses.dataclass
class Refusal:
    """Where one side grants what the other refuses ("": it does not)."""
    name: str
    rule: str
    key: str
    value: str
    card: str
    sim: str


REFUSALS = [Refusal("Linux's igb: VLAN 4095 is one", "4095 is reserved (802.1Q table 9-2)", "vlan", "4095", "", "EINVAL")]


@dataclasses.dataclass
class Deviation:
    """Where the card leaves the rules. holds(world, frame): it may matter here. asked(world, ask, frame): what the card does,
    found by asking the simulation (ask(frame): who gets it) another question, or amending its answer."""
    name: str
    rule: str
    holds: callable
    asked: callable


def checked(world, f):
    return f.sender in VFS and world.vf[f.sender].admin["spoofchk"] == "on"


def spoofs_mac(world, f):
    return checked(world, f) and (f.src or world.vf[f.sender].mac) not in world.vf[f.sender].macs()


def spoofs_vlan(world, f):
    return checked(world, f) and world.vf[f.sender].admin["vlan"] == "0" and not world.vf[f.sender].in_vlan(f.tags)


def unchecked(world, ask, f):
    with world.simulated(f.sender, spoofchk="off"):
        return ask(f)


def tagged_by_hand(world, ask, f):
    """As from a VF that is in that VLAN by its own wish and puts the tag there itself."""
    tag, = world.vf[f.sender].port_tag()
    vid = tag[1] & 0xfff
    with world.simulated(f.sender, vlan="0", spoofchk="off"), world.simulated_ask(f.sender, "vlan", f"+{vid}", f"-{vid}"):
        return ask(dataclasses.replace(f, tags=(tag, *f.tags), size=f.size + 4))


def as_sent(world, f):
    """As it would be on the wire."""
    vf = world.vf.get(f.sender)
    tags = vf.port_tag() + f.tags if vf else f.tags
    return dataclasses.replace(f, tags=tags, src=f.src or world.own()[f.sender], size=f.size + 4 * (len(tags) - len(f.tags)))


def and_the_sender(world, ask, f):
    """Who gets it includes the sender, if it would get the same frame from the wire."""
    got, wire = dict(ask(f)), ask(dataclasses.replace(as_sent(world, f), sender="wire"))
    if f.sender in wire:
        got[f.sender] = wire[f.sender]
    return got


def head(f):
    fields = [f.dst.replace(":", ""), f.src.replace(":", ""), *(f"{tpid:04x}{tci:04x}" for tpid, tci in f.tags), str(f.size)]
    return " ".join(fields)


def is_group(f):
    return address_bytes(f.dst)[0] & 1


def is_known(world, f):
    return f.dst == MACS["pf"] or any(f.dst in vf.macs() | vf.old_filters for vf in world.vf.values())


def is_open(world, f):
    """Is its VLAN in the card's table."""
    vid = vid_of(f.tags)
    return not vid or world.promisc or any(vid in vf.vlans | vf.old_vlans | {int(vf.admin["vlan"])} for vf in world.vf.values())


def in_another_vlan(world, f):
    """Is it from the wire for functions that are not in its VLAN."""
    vid = vid_of(f.tags)
    owners = [vf for vf in world.vf.values() if f.dst in vf.macs()]
    inside = [vf for vf in owners if vid == int(vf.admin["vlan"]) or vid in vf.vlans] or f.dst == MACS["pf"] and not vid
    return f.sender == "wire" and is_known(world, f) and not inside


def to_default_pool(world, ask, f):
    return ask(f) or ({"pf": [head(as_sent(world, f))]} if is_open(world, f) else {})


def not_reserved(world, ask, f):
    """As to a group that is not reserved, with the same hash."""
    got = ask(dataclasses.replace(f, dst=f.dst.replace("01:80:", "01:81:")))
    return {place: [text.replace("0181", "0180", 1) for text in texts] for place, texts in got.items()}


def without_priority(world, ask, f):
    """igbvf takes the VID alone from a descriptor."""
    def plain(place, text):
        if place not in VFS or not world.vf[place].strips:
            return text
        return re.sub(r"^(\S+ \S+ 8100)(.)", lambda match: match[1] + f"{int(match[2], 16) & 1:x}", text)
    return {place: [plain(place, text) for text in texts] for place, texts in ask(f).items()}


def old_vlan_of(world, f):
    """The VFs that have kept this VLAN."""
    vid = vid_of(as_sent(world, f).tags)
    return [index for index, vf in world.vf.items() if vid in vf.old_vlans and index != f.sender]


def with_old_vlans(world, ask, f):
    vid = vid_of(as_sent(world, f).tags)
    with contextlib.ExitStack() as stack:
        for index in old_vlan_of(world, f):
            stack.enter_context(world.simulated(index, vlan="0"))
            stack.enter_context(world.simulated_ask(index, "vlan", f"+{vid}", f"-{vid}"))
        return ask(f)


def taken(world, _):
    return [index for index, vf in world.vf.items() if vf.taken and vf.admin["trust"] == "off"]


def with_taken(world, ask, f):
    with contextlib.ExitStack() as stack:
        for index in taken(world, f):
            stack.enter_context(world.simulated(index, trust="on"))
            stack.enter_context(world.simulated_ask(index, "mac", world.vf[index].taken, world.vf[index].admin["mac"]))
        return ask(f)


def with_old_filters(world, ask, f):
    with contextlib.ExitStack() as stack:
        for index, vf in world.vf.items():
            if f.dst in vf.old_filters:
                stack.enter_context(world.simulated_ask(index, "macvlan", f.dst, "none"))
        return ask(f)


def priority_alone(world, f):
    return f.sender in VFS and world.vf[f.sender].admin["vlan"] == "0" and world.vf[f.sender].admin["qos"] != "0"


def with_priority_tag(world, ask, f):
    return ask(dataclasses.replace(f, tags=world.vf[f.sender].port_tag() + f.tags, size=f.size + 4))


def to_who_hashes_groups(world, ask, f):
    """As to a group that all VFs are in; and if its VLAN keeps it from all, to the default pool."""
    got = ask(dataclasses.replace(f, dst=ALL_HOSTS))
    got = {place: [text.replace(ALL_HOSTS.replace(":", ""), f.dst.replace(":", ""), 1) for text in texts]
           for place, texts in got.items() if place != "pf"}
    return got or {"pf": [head(as_sent(world, f))]}


def without_pf(world, ask, f):
    return {place: texts for place, texts in ask(f).items() if place != "pf"}


def in_nobodys_vlan(world, f):
    return f.sender != "wire" and not is_group(f) and not is_open(world, f)


def to_nobody(world, ask, f):
    """As to somebody on the wire."""
    nobody = MACS["stranger"]
    return {place: [text.replace(nobody.replace(":", ""), f.dst.replace(":", ""), 1) for text in texts]
            for place, texts in ask(dataclasses.replace(f, dst=nobody)).items()}


def shorter(world, ask, f):
    return {place: [text.replace(" 1514", f" {f.size}") for text in texts]
            for place, texts in ask(dataclasses.replace(f, size=1514)).items()}


DEVIATIONS = [
    Deviation("QEMU: MAC anti-spoof is ignored", "from a guest 2: the source is one of the pool's own filters",
              spoofs_mac, unchecked),
    Deviation("QEMU: VLAN anti-spoof is ignored", "from a guest 3: the tag is one of the pool's VLANs", spoofs_vlan, unchecked),
    Deviation("QEMU: a guest's tag under a port VLAN is let through", "from a guest 4: it is dropped",
              lambda world, f: f.sender in VFS and world.vf[f.sender].admin["vlan"] != "0" and f.tags and f.tags[0][0] == TAG,
              tagged_by_hand),
    Deviation("QEMU: a VID in no filter goes to the wire, whoever has the MAC", "from a guest 7: what matches no exact filter",
              in_nobodys_vlan, to_nobody),
    Deviation("QEMU: reserved groups are like others", "reserved group addresses are for the PF alone (802.1Q 8.6.3)",
              lambda world, f: f.dst.startswith("01:80:c2:00:00:0"), not_reserved),
    Deviation("QEMU: the PF's frames may be 4 bytes longer", "per pool: maximum length (RLPML: 1522 with the FCS)",
              lambda world, f: f.dst == MACS["pf"] and 1518 < f.size <= 1522, shorter),
    Deviation("Linux's igb: a priority without a VLAN makes priority tags", "a port's priority is that of its VLAN's tag",
              priority_alone, with_priority_tag),
    Deviation("Linux's igb: VLANs of before a port VLAN stay", "who has a port VLAN is in no other", old_vlan_of, with_old_vlans),
    Deviation("Linux's igb: what a VF took while it was trusted stays", "without trust a VF has the administrator's MAC",
              taken, with_taken),
    Deviation("Linux's igb: a VF's MAC filters stay", "a VF gives back what it asked for, at the latest with a reset",
              lambda world, f: any(f.dst in vf.old_filters for vf in world.vf.values()), with_old_filters),
    Deviation("QEMU: the PF's unicast hash is for who takes hashed groups", "from the wire 3: pools that accept hashed unicast",
              lambda world, f: world.promisc and not is_group(f) and not is_known(world, f), to_who_hashes_groups),
    Deviation("QEMU: no pool is multicast-promiscuous", "from the wire 5: multicast-promiscuous pools join multicast",
              lambda world, f: world.promisc and is_group(f) and f.dst != MACS["all"], without_pf),
    Deviation("QEMU: the default pool is for unicast alone", "from the wire 7: empty, and there is a default pool",
              lambda world, f: world.promisc and f.dst == MACS["all"] and vid_of(f.tags), without_pf),
    Deviation("QEMU: the default pool gets nobody's unicast", "nobody's unicast does not pass the port (RCTL.UPE is off)",
              lambda world, f: f.sender == "wire" and not is_group(f) and not is_known(world, f), to_default_pool),
    Deviation("sriov-sim: what is somebody's in another VLAN is dropped", "from the wire 7: empty, and there is a default pool",
              in_another_vlan, to_default_pool),
    Deviation("QEMU: a sender gets its own", "from a guest 6: the sender's own pool is removed",
              lambda world, f: f.sender != "wire", and_the_sender),
    Deviation("Linux's igbvf: a stripped tag loses its priority", "VLAN strip: the whole TCI is in the descriptor",
              lambda world, f: any(tci >> 13 for _, tci in as_sent(world, f).tags), without_priority),
]


def deviate(world, some, f):
    """Who would get it from a right card with these deviations: the last one's question goes through all before it."""
    if not some:
        return world.simulate(f)
    *before, last = some
    if not last.holds(world, f):
        return deviate(world, before, f)
    return last.asked(world, lambda other: deviate(world, before, other), f)


def explain(world, f, card, sim):
    """The names of the fewest deviations by which the card's answer follows from the simulation; None: there are none such."""
    if card == sim:
        return []
    possible = [one for one in DEVIATIONS if one.holds(world, f)]
    for count in range(1, len(possible) + 1):
        for some in itertools.combinations(possible, count):
            if deviate(world, some, f) == card:
                return [one.name for one in some]
    return None
