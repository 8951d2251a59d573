#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Our sorter against QEMU's model of the 82576 (igb), which other people wrote and real drivers run on. TAP by tap.py.

    test-igb-model.py [--pairs=N] [--seed=N] [CLASS.TEST ...]

A pair is a configuration and a frame, by the wire or from a pool. The card is configured, the frame is played, and who got
it is compared with what sorter-eval (the real sorter, by both its roads) says. QEMU's igb is incomplete and in places wrong:
DEVIATIONS names each such place and the rule it breaks, and says how the question has to be put to the sorter so that a right
sorter gives the wrong answer of the card. So a frame under a deviation is compared too, and what no set of deviations
explains is a failure. For each deviation a case shows that this QEMU still has it.
"""
import collections
import dataclasses
import itertools
import os
import pathlib
import random
import subprocess
import sys
import time
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]), str(pathlib.Path(__file__).resolve().parent)]
import igb_qtest  # noqa: E402
import tap  # noqa: E402
from igb_pairs import (BROADCAST, MULTICAST, OTHER, OUTER, POOLS, RESERVED, STRANGERS, UNUSED_VID, VLAN, Config, Frame, hash_bit,  # noqa: E402
                       multicast, own_mac, pool_of, queue_of, random_config, random_frame)

EVAL = pathlib.Path(os.environ.get("BUILD_DIR", tap.TOP)) / "tests/oracle/sorter-eval"
OPTIONS = {"pairs": 20000, "seed": 1}
BATCH = 48  # frames of one configuration
NUMBER = 0x5A000000  # and the frame's index, in its last four bytes
EVERYBODY, NOBODY = frozenset(range(POOLS)), frozenset()

card = sorter = None


class Sorter:
    """sorter-eval at work."""

    def __enter__(self):
        self.process = subprocess.Popen([EVAL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self

    def __exit__(self, *_):
        if said := self.process.communicate(timeout=60)[0]:
            raise RuntimeError(f"{EVAL} ended with status {self.process.returncode}: {said}")

    def ask(self, config, frames):
        """(reason, tag that is inserted, goes to the wire, pools) for each frame."""
        text = "\n".join([*config.lines(), *(frame.line() for frame in frames), "run\n"])
        self.process.stdin.write(text)
        self.process.stdin.flush()
        answers = []
        for _ in frames:
            line = self.process.stdout.readline()
            if len(line.split()) != 4:
                said = line + self.process.communicate(timeout=60)[0]
                self.__enter__()  # for the tests that follow
                raise RuntimeError(f"{EVAL}: {said}It was asked\n{text}")
            reason, tag, wire, pools = line.split()
            answers.append((reason, int(tag), wire == "1", frozenset(int(pool) for pool in pools.split(",")) if pools != "-" else NOBODY))
        return answers

    def who(self, config, frame):
        return self.ask(config, [frame])[0][2:]


def setUpModule():
    global card, sorter
    if why := igb_qtest.missing():
        raise unittest.SkipTest(why)
    card = unittest.enterModuleContext(igb_qtest.Igb())
    sorter = unittest.enterModuleContext(Sorter())


# ---- the card ------------------------------------------------------------------------------------------------------------


def stripped(config, pool, frame, tags):
    """Does that pool get it without its tag?"""
    if config.double_vlan and [tpid for tpid, _ in tags[:2]] != [OUTER, VLAN]:
        return False
    if config.vid(tags) is None:
        return False
    return config.strip_multicast if multicast(frame.dst) and frame.dst != BROADCAST else config.pools[pool].strip


def number_of(data, frames, wrong):
    """Which of the frames these bytes are; None, and a complaint: none of them."""
    number = int.from_bytes(data[-4:], "big") - NUMBER
    if number in range(len(frames)):
        return number
    wrong.append(f"nobody sent {data.hex()}")
    return None


def play(config, frames, chance):
    """[(goes to the wire, pools)] of the card, and what is wrong with bytes, descriptors and counters, whoever got them."""
    for register, values in config.registers(chance):
        card.write(register, *values)
    offered = collections.defaultdict(list)
    for number, frame in enumerate(frames):
        offered[frame.origin].append((frame.data(frame.tags, NUMBER + number), frame.offered))
    counters = [register + 0x100 * queue for register in (card.PVFGPRC, card.PVFGPTC) for queue in range(POOLS)]
    before = card.read(*counters)
    by_wire = [data for data, _ in offered.pop(None, ())]
    got = card.exchange(by_wire, {queue_of(pool): given for pool, given in offered.items()})
    counted = [(now - then) & 0xFFFFFFFF for now, then in zip(card.read(*counters), before)]

    wrong = []
    sent = [len(offered[pool]) * config.pools[pool].tx_enable for pool in map(pool_of, range(POOLS))]
    if counted != got.filled + sent:
        wrong.append(f"counted {counted}, received and sent {got.filled + sent}")
    if got.sent != sent:
        wrong.append(f"reported as sent {got.sent}, sent {sent}")
    outcomes = [[False, set()] for _ in frames]
    for data in got.wire:
        if (number := number_of(data, frames, wrong)) is None:
            continue
        if outcomes[number][0] or data != frames[number].data(frames[number].as_sent(config), NUMBER + number):
            wrong.append(f"{frames[number]} left as {data.hex()}")
        outcomes[number][0] = True
    for queue, received in enumerate(got.received):
        pool = pool_of(queue)
        for one in received:
            if (number := number_of(one.data, frames, wrong)) is None:
                continue
            frame, tags = frames[number], frames[number].as_sent(config)
            strip, at = stripped(config, pool, frame, tags), int(config.double_vlan)
            expected = igb_qtest.Received(igb_qtest.DD | igb_qtest.EOP | strip * igb_qtest.VP, tags[at][1] if strip else 0,
                                          frame.data(tags[:at] + tags[at + strip :], NUMBER + number))
            if pool in outcomes[number][1] or one != expected:
                wrong.append(f"pool {pool}: {frame} arrived as {one}, not {expected}")
            outcomes[number][1].add(pool)
    return [(wire, frozenset(pools)) for wire, pools in outcomes], wrong


# ---- what it does in another way ---------------------------------------------------------------------------------------


@dataclasses.dataclass
class Deviation:
    """Where igb leaves the rules. holds(config, frame): it may matter here. as_card(config, frame): the question to which a right
    sorter's answer is the card's. amend(answer): or what the card makes of the right answer. case: a configuration, a frame,
    what is right, and what the card does."""

    name: str
    rule: str
    holds: callable
    case: tuple
    as_card: callable = lambda config, frame: (config, frame)
    amend: callable = lambda answer: answer


def sender(config, frame):
    return None if frame.origin is None else config.pools[frame.origin]


def without_checks(config, frame):
    """The sender's frame as it goes on, whatever it looks like."""
    unchecked = config.with_pools([frame.origin], mac_antispoof=False, vlan_antispoof=False, port_vlan=0)
    return unchecked, dataclasses.replace(frame, tags=frame.as_sent(config), offered=None)


def given_vid(config, frame):
    return config.vid(frame.as_given())


def sent_vid(config, frame):
    return config.vid(frame.as_sent(config))


def spoofed_vlan(config, frame):
    pool, vid = sender(config, frame), given_vid(config, frame)
    return pool and pool.vlan_antispoof and vid is not None and frame.origin not in config.members(vid)


def no_replica_rules(config, frame):
    """The same frame to a group that is not reserved, and has the same filters and hash."""
    other = bytes((frame.dst[0], frame.dst[1] ^ 1)) + frame.dst[2:]
    renamed = tuple((other if address == frame.dst else address, pools) for address, pools in config.filters)
    return dataclasses.replace(config, filters=renamed), dataclasses.replace(frame, dst=other)


def with_tag(config, frame, change):
    """The frame with its first VLAN tag changed."""
    tags = list(frame.as_sent(config))
    at = [tpid for tpid, _ in tags].index(VLAN)
    tags[at] = change(*tags[at])
    return config, dataclasses.replace(frame, tags=tuple(tags), offered=None)


def changed(**changes):
    return lambda config, frame: (dataclasses.replace(config, **changes), frame)


def filtering(*vlans, **changes):
    return Config(vlans=vlans, vlan_filter=True, **changes)


def a_frame(origin, dst, src=STRANGERS[0], tag=None, outer=None, offered=None):
    tags = ((OUTER, outer),) if outer is not None else ()
    return Frame(origin, dst, src, tags + (((VLAN, tag),) if tag is not None else ()), offered)


DEVIATIONS = [
    Deviation(
        "in double VLAN mode a lone tag is none", "which tag decides: without the outer one it is the first (82576 7.4.5)",
        lambda config, frame: config.double_vlan and [tpid for tpid, _ in frame.tags[:1]] == [VLAN],
        (filtering((1, (3,)), double_vlan=True), a_frame(None, BROADCAST, tag=1), (False, {3}), (False, EVERYBODY)),
        lambda config, frame: with_tag(config, frame, lambda tpid, tci: (OTHER, tci)),
    ),
    Deviation(
        "VLAN anti-spoof is ignored", "from a guest 3: the tag is one of the pool's VLANs (82576 7.10.3.9)",
        spoofed_vlan,
        (filtering((1, (2,)), (2, (1, 3))).with_pools([2], mac_antispoof=True, vlan_antispoof=True), a_frame(2, own_mac(3), own_mac(2), tag=2),
         (False, NOBODY), (False, {3})),
        lambda config, frame: (config.with_pools([frame.origin], vlan_antispoof=False), frame),
    ),
    Deviation(
        "MAC anti-spoof is ignored", "from a guest 2: the source is one of the pool's own filters (82576 7.10.3.9)",
        lambda config, frame: frame.origin is not None and sender(config, frame).mac_antispoof and frame.origin not in config.exact(frame.src),
        (Config().with_pools([2], mac_antispoof=True), a_frame(2, own_mac(3), own_mac(4)), (False, NOBODY), (False, {3})),
        lambda config, frame: (config.with_pools([frame.origin], mac_antispoof=False, vlan_antispoof=False), frame),
    ),
    Deviation(
        "a guest's tag under a port VLAN is let through", "from a guest 4: a guest tag under a forced port VLAN is dropped (X550 7.8.4)",
        lambda config, frame: frame.origin is not None and sender(config, frame).port_vlan
        and given_vid(config, frame) is not None,
        (Config().with_pools([2], port_vlan=7), a_frame(2, own_mac(3), tag=2), (False, NOBODY), (False, {3})),
        without_checks,
    ),
    Deviation(
        "a sender gets its own frames", "from a guest 6: the sender's own pool is removed unless it asked for self-loopback (LLE)",
        lambda config, frame: frame.origin is not None and config.switching and not sender(config, frame).self_loopback,
        (Config(), a_frame(2, BROADCAST), (True, EVERYBODY - {2}), (True, EVERYBODY)),
        lambda config, frame: (config.with_pools([frame.origin], self_loopback=True), frame),
    ),
    Deviation(
        "the unicast hash is for who accepts hashed multicast", "from the wire 3: hash table, pools that accept hashed unicast (ROPE)",
        lambda config, frame: not multicast(frame.dst) and hash_bit(frame.dst) in config.unicast_hash and not config.exact(frame.dst),
        (Config(unicast_hash=frozenset({hash_bit(STRANGERS[0])})).with_pools([3], unicast_hash=True).with_pools([4], multicast_hash=True),
         a_frame(None, STRANGERS[0]), (False, {3}), (False, {4})),
        lambda config, frame: (dataclasses.replace(config, pools=tuple(
            dataclasses.replace(pool, unicast_hash=pool.multicast_hash) for pool in config.pools)), frame),
    ),
    Deviation(
        "multicast promiscuous mode is ignored", "from the wire 5: multicast-promiscuous pools join multicast (MPME)",
        lambda config, frame: multicast(frame.dst) and any(pool.multicast_promisc for pool in config.pools),
        (Config(default_pool=None).with_pools([3], multicast_promisc=True), a_frame(None, MULTICAST[0]), (False, {3}), (False, NOBODY)),
        lambda config, frame: (config.with_pools(multicast_promisc=False), frame),
    ),
    Deviation(
        "the default pool is for unicast alone", "from the wire 7: empty and a default pool exists (X550 7.8.3.3.1)",
        lambda config, frame: frame.origin is None and multicast(frame.dst) and config.default_pool is not None,
        (Config(default_pool=4), a_frame(None, MULTICAST[0]), (False, {4}), (False, NOBODY)),
        changed(default_pool=None),
    ),
    Deviation(
        "VID 0 is a VLAN", "from the wire 6: VID 0 as untagged (802.1Q: a priority tag names no VLAN)",
        lambda config, frame: config.vlan_filter and sent_vid(config, frame) == 0,
        (filtering((1, (2,))), a_frame(None, own_mac(2), tag=0xA000), (False, {2}), (False, NOBODY)),
        lambda config, frame: with_tag(config, frame, lambda tpid, tci: (tpid, tci & 0xF000 | UNUSED_VID)),
    ),
    Deviation(
        "reserved group addresses are groups like others", "01-80-C2-00-00-0x are for the PF alone (802.1Q 8.6.3)",
        lambda config, frame: frame.dst in RESERVED,
        (Config(filters=((RESERVED[1], (0, 2)),)), a_frame(None, RESERVED[1]), (False, {0}), (False, {0, 2})),
        no_replica_rules,
    ),
    Deviation(
        "a filter of a pool that does not receive keeps unicast from the wire", "from a guest 7: such a match counts as no match (X550 7.8.3.4)",
        lambda config, frame: frame.origin is not None and config.switching and not multicast(frame.dst) and config.exact(frame.dst)
        and not any(config.pools[pool].rx_enable for pool in config.exact(frame.dst)),
        (Config().with_pools([3], rx_enable=False), a_frame(2, own_mac(3)), (True, NOBODY), (False, NOBODY)),
        amend=lambda answer: (False, answer[1]),
    ),
    Deviation(
        "a VID in no filter goes to the wire, whoever has the MAC", "from a guest 7: unicast that matches no exact filter (X550 7.8.3.4)",
        lambda config, frame: frame.origin is not None and config.switching and config.vlan_filter and not multicast(frame.dst)
        and config.exact(frame.dst) and sent_vid(config, frame) is not None and sent_vid(config, frame) not in dict(config.vlans),
        (filtering((1, (3,))), a_frame(2, own_mac(3), tag=2), (False, NOBODY), (True, NOBODY)),
        amend=lambda answer: (True, answer[1]),
    ),
]


def as_card(config, frame, deviations):
    """What the sorter says where the card has these; None: they can not all matter."""
    for one in deviations:
        if not one.holds(config, frame):
            return None
        config, frame = one.as_card(config, frame)
    answer = sorter.who(config, frame)
    for one in deviations:
        answer = one.amend(answer)
    return answer


def explain(config, frame, outcome):
    """The fewest deviations under which the card's outcome is right; None: there are none."""
    possible = [one for one in DEVIATIONS if one.holds(config, frame)]
    for count in range(1, len(possible) + 1):
        for some in itertools.combinations(possible, count):
            if as_card(config, frame, some) == outcome:
                return some
    return None


def tell(config, frame, right, outcome):
    def show(wire, pools):
        return f"wire {wire:d}, pools {sorted(pools)}"

    return "\n".join([*config.lines(), frame.line(), f"sorter: {show(*right[2:])} ({right[0]})", f"card:   {show(*outcome)}"])


# ---- the tests -------------------------------------------------------------------------------------------------------------


TRUTH = [  # what igb does right, by hand: (what, configuration, frame, to the wire, to pools)
    ("exact", Config(), a_frame(None, own_mac(3)), False, {3}),
    ("exact, several pools", Config(filters=((own_mac(3), (3, 5)),)), a_frame(None, own_mac(3)), False, {3, 5}),
    ("exact, several entries", Config(filters=((own_mac(3), (3,)), (own_mac(3), (0,)))), a_frame(None, own_mac(3)), False, {0, 3}),
    ("exact multicast", Config(filters=((MULTICAST[0], (2, 4)),)), a_frame(None, MULTICAST[0]), False, {2, 4}),
    ("broadcast", Config().with_pools([1, 6], broadcast=False), a_frame(None, BROADCAST), False, EVERYBODY - {1, 6}),
    ("hashed multicast", Config(multicast_hash=frozenset({hash_bit(MULTICAST[1])})).with_pools([2], multicast_hash=True),
     a_frame(None, MULTICAST[1]), False, {2}),
    ("unknown unicast", Config(default_pool=5), a_frame(None, STRANGERS[0]), False, {5}),
    ("unknown unicast, no default pool", Config(default_pool=None), a_frame(None, STRANGERS[0]), False, NOBODY),
    ("default pool that does not receive", Config(default_pool=5).with_pools([5], rx_enable=False), a_frame(None, STRANGERS[0]), False, NOBODY),
    ("member of the VLAN", filtering((1, (3,))), a_frame(None, own_mac(3), tag=1), False, {3}),
    ("not a member", filtering((1, (4,))), a_frame(None, own_mac(3), tag=1), False, {0}),
    ("VID in no filter", filtering((1, (3,))), a_frame(None, own_mac(3), tag=2), False, NOBODY),
    ("VID with no members", filtering((1, ())), a_frame(None, own_mac(3), tag=1), False, {0}),
    ("broadcast in a VLAN", filtering((1, (2, 5))), a_frame(None, BROADCAST, tag=1), False, {2, 5}),
    ("untagged not accepted", filtering((1, (3,))).with_pools([3], untagged=False), a_frame(None, own_mac(3)), False, {0}),
    ("receive not enabled", Config().with_pools([3], rx_enable=False), a_frame(None, own_mac(3)), False, NOBODY),
    ("to another pool", Config(), a_frame(2, own_mac(3)), False, {3}),
    ("to the PF", Config(), a_frame(2, own_mac(0)), False, {0}),
    ("from the PF", Config(), a_frame(0, own_mac(7)), False, {7}),
    ("to oneself, asked for", Config().with_pools([2], self_loopback=True), a_frame(2, own_mac(2)), False, {2}),
    ("to a stranger", Config(), a_frame(2, STRANGERS[1]), True, NOBODY),
    ("switching off", Config(switching=False), a_frame(2, own_mac(3)), True, NOBODY),
    ("switching off, broadcast", Config(switching=False), a_frame(2, BROADCAST), True, NOBODY),
    ("multicast from a pool", Config(filters=((MULTICAST[0], (4,)),)), a_frame(2, MULTICAST[0]), True, {4}),
    ("transmit not enabled", Config().with_pools([2], tx_enable=False), a_frame(2, own_mac(3)), False, NOBODY),
    ("port VLAN to its member", filtering((7, (3, 4))).with_pools([2], port_vlan=7), a_frame(2, own_mac(3)), False, {3}),
    ("port VLAN to another", filtering((7, (4,))).with_pools([2], port_vlan=7), a_frame(2, own_mac(3)), False, NOBODY),
    ("two tags, the outer counts", filtering((1, (3,)), (2, (4,))), Frame(None, BROADCAST, STRANGERS[0], ((VLAN, 1), (VLAN, 2))), False, {3}),
    ("service tag", filtering((1, (3,))), a_frame(None, own_mac(4), outer=1), False, {4}),
    ("double VLAN mode", filtering((1, (3,)), double_vlan=True), a_frame(None, BROADCAST, outer=2, tag=1), False, {3}),
    ("double VLAN mode, from a pool", filtering((1, (3,)), double_vlan=True), a_frame(2, BROADCAST, outer=2, tag=1), True, {3}),
    ("tag by descriptor", filtering((7, (3,))), a_frame(2, own_mac(3), offered=7), False, {3}),
]


class Directed(unittest.TestCase):
    maxDiff = None

    def test_truth_table(self):
        for what, config, one, wire, pools in TRUTH:
            with self.subTest(what):
                outcomes, wrong = play(config, [one], random.Random(0))
                self.assertEqual(wrong, [])
                self.assertEqual(outcomes[0], (wire, pools), "the card")
                self.assertEqual(sorter.who(config, one), (wire, pools), "the sorter")

    def test_every_deviation_is_still_there(self):
        for deviation in DEVIATIONS:
            with self.subTest(deviation.name):
                config, one, right, has = deviation.case
                outcomes, wrong = play(config, [one], random.Random(0))
                self.assertEqual(wrong, [])
                self.assertEqual(outcomes[0], has, "the card")
                self.assertEqual(sorter.who(config, one), right, "the sorter")
                self.assertEqual([each.name for each in explain(config, one, outcomes[0]) or ()], [deviation.name])

    def test_stripping(self):
        """The tag of a frame goes into the descriptor where the pool strips, and stays where it does not."""
        config = filtering((5, (1, 2))).with_pools([1], strip=True)
        for one in a_frame(None, BROADCAST, tag=0x6005), a_frame(3, BROADCAST, tag=0x6005), a_frame(3, BROADCAST, offered=0x6005):
            outcomes, wrong = play(config, [one], random.Random(0))
            self.assertEqual(wrong, [])
            self.assertEqual(outcomes[0][1], {1, 2})

    def test_a_difference_shows(self):
        """The comparison can fail: another answer of the card is explained by nothing."""
        config, one = Config(), a_frame(None, own_mac(3))
        self.assertIsNone(explain(config, one, (False, {4})))
        self.assertIsNone(explain(config, a_frame(2, BROADCAST), (True, EVERYBODY - {3})))


class Random(unittest.TestCase):
    def test_pairs(self):
        began, counts, pairs = time.monotonic(), collections.Counter(), 0
        for number in itertools.count():
            if pairs >= OPTIONS["pairs"]:
                break
            pairs += BATCH
            chance = random.Random(f"{OPTIONS['seed']}/{number}")
            config = random_config(chance)
            frames = [random_frame(chance, config, None if chance.random() < 0.5 else chance.randrange(POOLS)) for _ in range(BATCH)]
            outcomes, wrong = play(config, frames, chance)
            self.assertEqual(wrong, [], "\n".join([f"configuration {number} of seed {OPTIONS['seed']}", *config.lines()]))
            for one, right, outcome in zip(frames, sorter.ask(config, frames), outcomes):
                counts["by the wire" if one.origin is None else "from pools"] += 1
                if right[2:] == outcome:
                    counts["alike"] += 1
                    self.check_tag(config, one, right)
                    continue
                reasons = explain(config, one, outcome)
                if reasons is None:
                    self.fail(f"configuration {number} of seed {OPTIONS['seed']}:\n" + tell(config, one, right, outcome))
                counts.update(reason.name for reason in reasons)
        tap.diagnose(f"seed {OPTIONS['seed']}, {pairs} pairs in {time.monotonic() - began:.1f} s, none unexplained")
        for what, count in counts.most_common():
            tap.diagnose(f"{count:8} {what}")
        for deviation in DEVIATIONS:
            if pairs >= 20000:
                self.assertTrue(counts[deviation.name], f"{deviation.name}: never met")

    def check_tag(self, config, one, right):
        """The sorter's port VLAN, where the frame was let through."""
        pool = sender(config, one)
        expected = 0x81000000 | pool.port_qos << 13 | pool.port_vlan if pool and pool.port_vlan else 0
        if right[2] or right[3]:
            self.assertEqual(right[1], expected, repr(one))


def main():
    words = []
    for word in sys.argv[1:]:
        name, _, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and name in OPTIONS and value.isdecimal():
            OPTIONS[name] = int(value)
        else:
            words.append(word)
    sys.argv[1:] = words
    tap.main()


main()
