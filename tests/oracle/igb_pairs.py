# SPDX-License-Identifier: GPL-2.0-or-later
"""Configurations and frames for tests/oracle/test-igb-model.py: made by chance, as registers of the 82576 and as lines for
sorter-eval. Pools are numbered as the sorter does it: 0 is the PF, n + 1 VF n; the card's queue of a VF is n, the PF's the last.
"""
import dataclasses

from igb_qtest import POOLS, Igb

UNUSED_VID = 3333  # no configuration has it
BROADCAST = b"\xff" * 6
VLAN, OUTER, OTHER = 0x8100, 0x88A8, 0x9100  # TPIDs: that counts, that is passed over in double VLAN mode, that nobody knows
FLAGS = {  # of a pool: its bit in VMOLR, for those that have one
    "rx_enable": 0, "tx_enable": 0, "broadcast": 1 << 27, "untagged": 1 << 24, "unicast_hash": 1 << 26, "multicast_hash": 1 << 25,
    "multicast_promisc": 1 << 28, "mac_antispoof": 0, "vlan_antispoof": 0, "self_loopback": 0, "strip": 1 << 30,
}


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def own_mac(pool):
    return bytes((2, 0, 0, 0, 0, pool))


UNICAST = [own_mac(pool) for pool in range(POOLS)] + [mac("02:00:00:00:12:34"), mac("52:54:00:12:34:56"), mac("00:1b:21:99:12:3a")]
MULTICAST = [mac("01:00:5e:00:00:01"), mac("01:00:5e:7f:12:34"), mac("33:33:00:00:00:02"), mac("33:33:ff:12:34:56"), mac("03:00:00:00:00:01")]
RESERVED = [mac("01:80:c2:00:00:00"), mac("01:80:c2:00:00:0e")]
STRANGERS = [mac("02:00:00:00:77:01"), mac("ac:de:48:00:12:33"), mac("02:00:00:00:99:08")]
VIDS = (1, 2, 100, 101, 4094)


def queue_of(pool):
    return (pool - 1) % POOLS


def pool_of(queue):
    return (queue + 1) % POOLS


def queue_mask(pools):
    return sum(1 << queue_of(pool) for pool in pools)


def hash_bit(address):
    """The 12 bits by which the hash tables are indexed: 47 to 36."""
    return address[5] << 4 | address[4] >> 4


def multicast(address):
    return bool(address[0] & 1)


@dataclasses.dataclass(frozen=True)
class Pool:
    rx_enable: bool = True
    tx_enable: bool = True
    broadcast: bool = True
    untagged: bool = True
    unicast_hash: bool = False
    multicast_hash: bool = False
    multicast_promisc: bool = False
    mac_antispoof: bool = False
    vlan_antispoof: bool = False
    self_loopback: bool = False
    strip: bool = False
    port_vlan: int = 0
    port_qos: int = 0


@dataclasses.dataclass(frozen=True)
class Config:
    pools: tuple = (Pool(),) * POOLS
    filters: tuple = tuple((own_mac(pool), (pool,)) for pool in range(POOLS))  # (MAC, its pools); a MAC may come twice
    vlans: tuple = ()  # (VID, its pools)
    unicast_hash: frozenset = frozenset()
    multicast_hash: frozenset = frozenset()
    vlan_filter: bool = False
    switching: bool = True
    default_pool: int | None = 0
    double_vlan: bool = False
    strip_multicast: bool = False  # the 82576 has one bit for all replicas of multicast

    def with_pools(self, which=range(POOLS), **changes):
        pools = tuple(dataclasses.replace(p, **changes) if n in which else p for n, p in enumerate(self.pools))
        return dataclasses.replace(self, pools=pools)

    def exact(self, address):
        return {pool for known, pools in self.filters if known == address for pool in pools}

    def members(self, vid):
        return {pool for known, pools in self.vlans if known == vid for pool in pools}

    def vid(self, tags):
        """The VID that decides on a frame with these tags; None: it is untagged."""
        if self.double_vlan and tags and tags[0][0] == OUTER:
            tags = tags[1:]
        return tags[0][1] & 0xFFF if tags and tags[0][0] == VLAN else None

    def lines(self):
        """For sorter-eval."""
        default = "-" if self.default_pool is None else self.default_pool
        yield f"config {POOLS} {self.vlan_filter:d} {self.switching:d} {default} {OUTER if self.double_vlan else 0}"
        for number, pool in enumerate(self.pools):
            names = ",".join(name for name in FLAGS if getattr(pool, name)) or "-"
            yield f"pool {number} {names} {pool.port_vlan} {pool.port_qos}"
        for address, pools in self.filters:
            yield from (f"filter {address.hex(':')} {pool}" for pool in pools)
        for vid, pools in self.vlans:
            yield from (f"member {vid} {pool}" for pool in pools or "-")
        for kind, bits in ("unicast", self.unicast_hash), ("multicast", self.multicast_hash):
            yield from (f"hash {kind} {bit}" for bit in sorted(bits))

    def registers(self, chance):
        """For the card: (register, values). Entries that are not valid hold rubbish, and the tables are in any order."""
        entries = [receive_address(address, 1 << 31 | queue_mask(pools) << 18) for address, pools in self.filters]
        entries += [receive_address(chance.choice(UNICAST), chance.getrandbits(8) << 18) for _ in range(24 - len(entries))]
        chance.shuffle(entries)
        yield Igb.RA, [word for entry in entries[:16] for word in entry]
        yield Igb.RA2, [word for entry in entries[16:] for word in entry]
        entries = [1 << 31 | queue_mask(pools) << 12 | vid for vid, pools in self.vlans if pools]
        entries += [chance.getrandbits(8) << 12 | chance.choice(VIDS) for _ in range(32 - len(entries))]
        chance.shuffle(entries)
        yield Igb.VLVF, entries
        yield Igb.VFTA, bit_table({vid for vid, _ in self.vlans})
        yield Igb.UTA, bit_table(self.unicast_hash)
        yield Igb.MTA, bit_table(self.multicast_hash)
        by_queue = [self.pools[pool_of(queue)] for queue in range(POOLS)]
        yield Igb.VMOLR, [1 << 31 | 0x2600 | sum(bit for name, bit in FLAGS.items() if getattr(pool, name)) for pool in by_queue]
        yield Igb.VMVIR, [1 << 30 | pool.port_qos << 13 | pool.port_vlan if pool.port_vlan else 0 for pool in by_queue]
        yield Igb.RPLOLR, [1 << 31 | self.strip_multicast << 30]

        def mask(name):
            return sum(getattr(pool, name) << queue for queue, pool in enumerate(by_queue))

        yield Igb.VFRE, [mask("rx_enable")]
        yield Igb.VFTE, [mask("tx_enable")]
        yield Igb.DTXSWC, [self.switching << 31 | mask("self_loopback") << 16 | mask("vlan_antispoof") << 8 | mask("mac_antispoof")]
        no_default = self.default_pool is None
        yield Igb.VT_CTL, [1 << 30 | no_default << 29 | queue_of(self.default_pool or 0) << 7]
        yield Igb.VET, [OUTER << 16 | VLAN]
        yield Igb.CTRL_EXT, [self.double_vlan << 26]
        yield Igb.RCTL, [0x04000002 | self.vlan_filter << 18]


def receive_address(address, flags):
    return int.from_bytes(address[:4], "little"), int.from_bytes(address[4:], "little") | flags


def bit_table(bits):
    words = [0] * 128
    for bit in bits:
        words[bit >> 5] |= 1 << (bit & 31)
    return words


@dataclasses.dataclass(frozen=True)
class Frame:
    origin: int | None  # None: the wire
    dst: bytes
    src: bytes
    tags: tuple = ()  # (TPID, TCI), outermost first
    offered: int | None = None  # the TCI that a pool asks for in its descriptor
    length: int = 60  # without tags

    def data(self, tags, number):
        """Its bytes with these tags; the last four tell which frame it is."""
        tagged = b"".join(word.to_bytes(2, "big") for tag in tags for word in tag)
        return self.dst + self.src + tagged + b"\x88\xb5" + bytes(self.length - 18) + number.to_bytes(4, "big")

    def as_given(self):
        """Its tags as the guest wants them."""
        return (((VLAN, self.offered),) if self.offered is not None else ()) + self.tags

    def as_sent(self, config):
        """Its tags as it goes on: under a port VLAN the card has no use for the descriptor's."""
        pool = None if self.origin is None else config.pools[self.origin]
        if pool and pool.port_vlan:
            return ((VLAN, pool.port_qos << 13 | pool.port_vlan), *self.tags)
        return self.as_given()

    def line(self):
        """For sorter-eval."""
        return f"frame {'wire' if self.origin is None else self.origin} {self.data(self.as_given(), 0).hex()}"


# ---- by chance ----------------------------------------------------------------------------------------------------------


def some(chance, what, most):
    return tuple(sorted(chance.sample(what, chance.randint(0, min(most, len(what))))))


def random_pool(chance, hashes, port_vlans):
    often, mostly, seldom = (lambda: chance.random() < 0.5), (lambda: chance.random() < 0.85), (lambda: chance.random() < 0.12)
    checked = seldom()
    port_vlan = chance.choice(VIDS) if port_vlans and seldom() else 0
    return Pool(rx_enable=mostly(), tx_enable=mostly(), broadcast=mostly(), untagged=mostly(), unicast_hash=hashes and often(),
                multicast_hash=often(), multicast_promisc=seldom(), mac_antispoof=checked, vlan_antispoof=checked and often(),
                self_loopback=mostly(), strip=often(), port_vlan=port_vlan, port_qos=chance.randint(0, 7) if port_vlan else 0)


def random_config(chance):
    addresses = chance.sample(UNICAST, chance.randint(2, len(UNICAST))) + chance.sample(MULTICAST, chance.randint(0, 3))
    filters = tuple((address, some(chance, range(POOLS), 2) or (chance.randrange(POOLS),)) for address in addresses)
    again = tuple((chance.choice(addresses), (chance.randrange(POOLS),)) for _ in range(chance.randint(0, 3)))
    hashed = [hash_bit(address) for address in UNICAST + MULTICAST + STRANGERS + [BROADCAST]]
    hashes, double_vlan = chance.random() < 0.6, chance.random() < 0.1
    return Config(
        pools=tuple(random_pool(chance, hashes, not double_vlan) for _ in range(POOLS)),
        filters=filters + again,
        vlans=tuple((vid, some(chance, range(POOLS), POOLS)) for vid in some(chance, VIDS, 4)),
        unicast_hash=frozenset(some(chance, hashed, 3)),
        multicast_hash=frozenset(some(chance, hashed, 6)),
        vlan_filter=chance.random() < 0.7,
        switching=chance.random() < 0.85,
        default_pool=chance.choice((None, *range(POOLS))),
        double_vlan=double_vlan,
        strip_multicast=chance.random() < 0.5,
    )


def random_tag(chance, config):
    known = [vid for vid, _ in config.vlans] or VIDS
    kind = chance.random()
    vid = chance.choice(known) if kind < 0.75 else chance.choice(VIDS) if kind < 0.94 else 0 if kind < 0.97 else 4095
    return chance.getrandbits(4) << 12 | vid


def random_frame(chance, config, origin):
    """Half of the destinations are in a filter, most senders are who they say."""
    known = [address for address, _ in config.filters]
    kind = chance.random()
    dst = chance.choice(known if kind < 0.55 else STRANGERS + UNICAST if kind < 0.68 else [BROADCAST] if kind < 0.83 else MULTICAST if kind < 0.97 else RESERVED)
    own = [address for address, pools in config.filters if origin in pools and not multicast(address)]
    src = chance.choice(own if own and chance.random() < 0.8 else UNICAST + STRANGERS)
    kind = chance.random()
    tag, inner = random_tag(chance, config), (VLAN, random_tag(chance, config))
    tags, offered = (), None
    if kind < 0.4 or (kind < 0.6 and config.double_vlan):
        tags = ((OUTER, tag), inner) if config.double_vlan else ((VLAN, tag),)
    elif kind < 0.45:
        tags = ((chance.choice((VLAN, OUTER)), tag), inner)
    elif kind < 0.5:
        tags = ((OUTER, tag),)
    elif kind < 0.6 and origin is not None:
        offered = tag
    elif kind < 0.65:
        tags = ((VLAN, tag),)
    if origin is not None and len(tags) > 1 and config.pools[origin].port_vlan:
        tags = tags[:1]  # QEMU has room for two
    return Frame(origin, dst, src, tags, offered, chance.randint(60, 200))
