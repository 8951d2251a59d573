# SPDX-License-Identifier: GPL-2.0-or-later
"""Random configurations for sriovd: good ones, and good ones with one mistake whose place is known.

A configuration is a tree of Obj, list and plain values. render() writes it with blanks and comments wherever they are allowed
and finds the line and column of what is wrapped in Mark.
"""
import functools
import itertools
import json
import os
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
LINT = pathlib.Path(os.environ.get("BUILD_DIR", ".")) / "tests/config/config-lint"
ATTRIBUTES = ["mac", "vlan", "qos", "vlan_proto", "min_tx_rate", "max_tx_rate", "spoofchk", "trust", "link_state", "query_rss",
              "node_guid", "port_guid"]
KEYS = ATTRIBUTES + ["driver", "driver_override", "msix", "name", "num_vfs", "autoprobe", "mtu", "eswitch_mode"]
BLANKS = ["", "", "", " ", " ", "\n", "\n    ", "\t", "\r\n", " /* \u00e4 */ ", "/**/", " // \u4e2d\n"]


class Obj(list):
    """Pairs of key and value, as mutable lists."""

    def get(self, key):
        return next((pair[1] for pair in self if pair[0] == key), None)

    def pair(self, key):
        return next((pair for pair in self if pair[0] == key), None)


class Raw(str):
    """Text as it is, JSON or not."""


class Mark:
    """Here is the mistake. line: the fault points at the beginning of this line."""

    def __init__(self, value, line=False):
        self.value, self.line = value, line


def tokens(node):
    """[text, mark] of each token; mark is None or a Mark."""
    if isinstance(node, Mark):
        list_ = tokens(node.value)
        list_[0][1] = node
        return list_
    if isinstance(node, Raw):
        return [[str(node), None]]
    if isinstance(node, Obj):
        members = [tokens(key) + [[":", None]] + tokens(value) for key, value in node]
    elif isinstance(node, list):
        members = [tokens(value) for value in node]
    else:
        return [[json.dumps(node, ensure_ascii=False), None]]
    begin, end = "{}" if isinstance(node, Obj) else "[]"
    inner = [token for i, member in enumerate(members) for token in ([[",", None]] if i else []) + member]
    return [[begin, None]] + inner + [[end, None]]


def join(list_, rng=None):
    """The text, and (line, column) of the marked token or None."""
    text, place = "", None
    for part, mark in list_:
        text += rng.choice(BLANKS) if rng else " "
        if mark:
            place = position(text) if not mark.line else (text.count("\n") + 1, 1)
        text += part
    return text, place


def position(text):
    """Line and column behind the text."""
    return text.count("\n") + 1, len(text) - text.rfind("\n")


# ---- good ones ----------------------------------------------------------------------------------------------------------------


def some(rng, chance, pairs):
    """Each [key, value] with that chance; a value is a function of no argument."""
    return [[key, value()] for key, value in pairs if rng.random() < chance]


def a_match(rng, number):
    """Another for each number below 256."""
    kinds = [["ifname", f"eth{number}"], ["address", f"0000:{number:02x}:00.0"],
             ["permanent_mac", f"3c:fd:fe:00:00:{number + 1 & 255:02X}"],
             ["path", f"0000:00:1c.0/{number & 31:02x}.{number >> 5 & 7}"], ["slot", f"{number}"]]
    match = Obj([list(kinds[rng.randrange(len(kinds))])])
    match += some(rng, 0.2, [["id", lambda: "8086:1572"], ["driver", lambda: rng.choice(["i40e", "ice"])],
                             ["numa_node", lambda: rng.randrange(8)], ["all", lambda: rng.random() < 0.5]])
    rng.shuffle(match)
    return match


def an_index(rng, limit):
    """As JSON, and the list of indices."""
    first = rng.randrange(limit)
    if rng.random() < 0.4:
        return first, [first]
    last = min(limit - 1, first + rng.randrange(4))
    text, names = (f"{first}-{last}" if last > first else f"{first}"), list(range(first, last + 1))
    if last + 2 < limit and rng.random() < 0.5:
        text, names = f"{text},{last + 2}", names + [last + 2]
    return text, names


def a_mac(rng, names, macs):
    if rng.random() < 0.15:
        return rng.choice(["baseline", "00:00:00:00:00:00"])
    number = next(macs)
    if len(names) == 1 and rng.random() < 0.6:
        return f"02:00:01:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02X}"
    return rng.choice(["02:{pf}:00:{index}", "06:{pf}:{index}:01",
                       f"02:00:02:{number >> 8 & 255:02x}:{number & 255:02x}:" "{index}"])


def a_vfs(rng, limit, macs, drivers):
    def number(most):
        return lambda: "baseline" if rng.random() < 0.1 else rng.choice([0, 1, rng.randrange(most + 1), most])

    def switch():
        return rng.choice([True, False, "baseline"])

    def guid():
        return ":".join(f"{rng.randrange(256):02x}" for _ in range(8))

    index, names = an_index(rng, limit)
    element = Obj([["index", index]])
    element += some(rng, 0.3, [
        ["mac", lambda: a_mac(rng, names, macs)], ["vlan", number(4094)], ["qos", number(7)],
        ["vlan_proto", lambda: rng.choice(["802.1Q", "802.1ad", "baseline"])], ["min_tx_rate", number(1000)],
        ["max_tx_rate", lambda: rng.choice([0, 1000, 25000, 4294967295, "baseline"])], ["spoofchk", switch], ["trust", switch],
        ["link_state", lambda: rng.choice(["auto", "enable", "disable", "baseline"])], ["query_rss", switch], ["node_guid", guid],
        ["port_guid", guid], ["driver", lambda: rng.choice(drivers + ["none"])],
        ["driver_override", lambda: rng.choice(drivers + [""])], ["msix", lambda: rng.choice([1, 8, 2048])],
        ["shared_group", lambda: rng.random() < 0.5], ["name", lambda: rng.choice(["{pf}v{index}", "v.{index}"])], ["pool", lambda: rng.choice(["guests", "7", "a" * 31, "_.-"])],
        ["nm_managed", lambda: rng.random() < 0.5]])
    rng.shuffle(element)
    return element


def a_drift(rng):
    words = ["report", "enforce", "ignore"]
    if rng.random() < 0.5:
        return rng.choice(words)
    return Obj([[key, rng.choice(words)] for key in rng.sample(["default"] + KEYS, rng.randrange(4))])


def good(rng, least=0):
    """A configuration that is taken, with at least so many entries."""
    macs, numbers, drivers = itertools.count(1), itertools.count(rng.randrange(100)), allowed_drivers()
    pfs = []
    for _ in range(max(least, rng.randrange(4))):
        entry = Obj([["match", a_match(rng, next(numbers))]])
        entry += some(rng, 0.4, [
            ["num_vfs", lambda: rng.choice([8, 64, 200])], ["autoprobe", lambda: rng.random() < 0.5],
            ["mtu", lambda: rng.choice([68, 1500, 9000, 65535])], ["eswitch_mode", lambda: rng.choice(["legacy", "switchdev"])],
            ["replace", lambda: rng.random() < 0.5], ["clear_mac", lambda: rng.random() < 0.5],
            ["nm_managed", lambda: rng.random() < 0.5], ["drift", lambda: a_drift(rng)],
            ["optional", lambda: rng.sample(KEYS, rng.randrange(4))]])
        if least or rng.random() < 0.8:
            elements = [a_vfs(rng, entry.get("num_vfs") or 200, macs, drivers) for _ in range(max(least, rng.randrange(5)))]
            entry.append(["vfs", elements])
        rng.shuffle(entry)
        pfs.append(entry)
    root = Obj([["version", 1], ["pfs", pfs]] + some(rng, 0.2, [["$schema", lambda: "./config.schema.json"]]))
    rng.shuffle(root)
    return root


@functools.cache
def allowed_drivers():
    """The list in the sources."""
    text = (TOP / "src/model/request.c").read_text(encoding="utf-8")
    return re.findall(r'"([^"]+)",', text[text.index("request_drivers[] = {"):text.index("NULL,\n};")])


# ---- mistakes -----------------------------------------------------------------------------------------------------------------


def places(node, kind=None):
    """(holder, at, key) of every value below: holder[at] is it; key is the nearest key above."""
    if isinstance(node, Obj):
        for pair in node:
            yield pair, 1, pair[0]
            yield from places(pair[1], pair[0])
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield node, i, kind
            yield from places(value, kind)


def objects(node):
    return [node] * isinstance(node, Obj) + [h[at] for h, at, _ in places(node) if isinstance(h[at], Obj)]


NUMBERS = {"version": (1, 1), "num_vfs": (0, 65535), "mtu": (68, 65535), "numa_node": (0, 1023), "vlan": (0, 4094), "qos": (0, 7),
           "min_tx_rate": (0, 2**32 - 1), "max_tx_rate": (0, 2**32 - 1), "msix": (1, 2048), "index": (0, 65534)}
MALFORMED = {
    "ifname": ["", "a b", "a/b", "a:b", "sixteen-letters-", ".", ".."],
    "address": ["", "3b:00.0", "0000:3b:20.0", "0000:3b:00.8", "0000:3b:00", "0000:3g:00.0", "000:3b:00.0", "0000:3b:00.0 "],
    "id": ["8086", "8086:", "8086:157", "8086:15722", "0x8086:1572", "8086-1572", "808g:1572"],
    "permanent_mac": ["", "3c:fd:fe:00:00", "01:00:5e:00:00:01", "00:00:00:00:00:00", "3c-fd-fe-00-00-01", "ff:ff:ff:ff:ff:ff"],
    "path": ["", "00:1c.0", "0000:00:1c.0/", "0000:00:1c.0/0.0", "0000:00:1c.0/20.0", "0000:00:1c.0//00.0", "/0000:00:1c.0"],
    "slot": ["", "a" * 24, "\u00e4", "3\t"],
    "mac": ["", "02:00:00:00:00", "03:00:00:00:00:01", "02:00:00:00:00:0g", "02:{PF}:00:{index}", "02:{pf}:{index}", "02:{pf}:00:{i}",
            "01:{pf}:00:{index}", "none", "02:00:00:00:00:{index", "02:{pf}:{pf}", "Baseline"],
    "vlan_proto": ["", "802.1q", "802.1AD", "8021Q"],
    "link_state": ["", "up", "Auto", "on"],
    "eswitch_mode": ["", "Legacy", "switch", "baseline"],
    "node_guid": ["", "00:11:22:33:44:55:66", "00:11:22:33:44:55:66:gg", "0011223344556677"],
    "port_guid": ["none", "00:11:22:33:44:55:66:77:88"],
    "driver": ["", "e1000", "../x", "vfio pci", "None", "VFIO-PCI"],
    "driver_override": ["none", "e1000", " "],
    "name": ["", "a b", "{pf}/{index}", "{vf}", "123", "all", "default", "{index}", "fifteen-letters{index}", "{pf}v{index", "x" * 64],
    "pool": ["", "a b", "a" * 32, "{pf}", "a/b", "\u00e4", "a,b"],
    "drift": ["", "Report", "repair", "baseline"],
    "optional": ["", "vlans", "default", "VLAN"],
}
# A name that is only wrong as the driver of a VF is a good one of a PF.
MATCH_DRIVERS = ["", "i40 e", "a/b", "x" * 64]
WRONG_TYPES = [True, 5, "x y", [], Obj(), -1.5]


def kind_of(value):
    return "bool" if isinstance(value, bool) else type(value).__name__


SWITCHES = {"spoofchk", "trust", "query_rss"}


def right_types(key, value):
    """The kinds of value that may stand there."""
    if key in ("drift", "index"):
        return {"str", "Obj"} if key == "drift" else {"str", "int", "float"}
    if key in ATTRIBUTES:
        return {"str"} | ({"int", "float"} if key in NUMBERS else {"bool"} if key in SWITCHES else set())
    return {kind_of(value)} | ({"float"} if key in NUMBERS else set())


def drift_pairs(root):
    return [pair for pf in root.get("pfs") if isinstance(pf.get("drift"), Obj) for pair in pf.get("drift")]


def wrong_type(rng, root):
    holder, at, key = rng.choice(list(places(root)))
    in_drift = any(holder is pair for pair in drift_pairs(root))
    right = {"str"} if in_drift else right_types(key, holder[at])
    new = rng.choice([value for value in WRONG_TYPES if kind_of(value) not in right])
    if in_drift:
        words = r"this is .*; expected a string"
    elif key == "drift":
        words = "neither a word nor an object"
    elif key == "index":
        words = "neither a number nor a string"
    else:
        words = r"this is (true|a |an ).*; expected (a |an |true)"
    holder[at] = Mark(new)
    return words


def null(rng, root):
    holder, at, _ = rng.choice(list(places(root)))
    holder[at] = Mark(Raw("null"))
    return "null; expected a value"


def unknown_key(rng, root):
    target = rng.choice(objects(root))
    key = rng.choice(["colour", "vlna", "Match", "numvfs", "index ", "", "mac_address", "\u00e4", "pf"])
    target.insert(rng.randrange(len(target) + 1), [key, Mark(rng.choice([1, "x", True, [], Obj()]))])
    return r"unknown key|is no key"


def key_twice(rng, root):
    target = rng.choice([o for o in objects(root) if o])
    pair = rng.choice(target)
    target.insert(rng.randrange(target.index(pair) + 1, len(target) + 1), [Mark(pair[0]), pair[1]])
    return "given twice in one object"


def out_of_range(rng, root):
    holder, at, key = rng.choice([(h, at, key) for h, at, key in places(root) if key in NUMBERS and kind_of(h[at]) == "int"])
    low, high = NUMBERS[key]
    holder[at] = Mark(rng.choice([low - 1, high + 1, -5, 2**32, 2**64, 10**30, Raw("1.0"), Raw("1e3"), Raw("2.5")]))
    return "number out of range; expected a whole number"


def malformed(rng, root):
    drifts, matches = drift_pairs(root), [pair for pf in root.get("pfs") for pair in pf.get("match")]
    holder, at, key = rng.choice([(h, at, key) for h, at, key in places(root) if key in MALFORMED and isinstance(h[at], str)
                                  and not any(h is pair for pair in drifts)])
    texts = MATCH_DRIVERS if key == "driver" and any(holder is pair for pair in matches) else MALFORMED[key]
    holder[at] = Mark(rng.choice(texts))
    return "expected"


def missing_key(rng, root):
    holders = [[root, 0, "version"], [root, 0, "pfs"]]
    for pf in root.get("pfs"):
        holders += [[pf, 0, "match"]] + [[element, 0, "index"] for element in pf.get("vfs") or []]
    target, _, key = rng.choice(holders)
    bare = Obj([pair for pair in target if pair[0] != key])
    if target is root:
        root[:] = [["", Mark(bare)]]  # the whole: render() unwraps it
    else:
        for holder, at, _ in list(places(root)):
            if holder[at] is target:
                holder[at] = Mark(bare)
    return f'key "{key}" is missing'


def empty_match(rng, root):
    pair = rng.choice(root.get("pfs")).pair("match")
    pair[1] = Mark(rng.choice([Obj(), Obj([["all", True]]), Obj([["all", False]])]))
    return "a match that names nothing"


def bad_range(rng, root):
    element = rng.choice([e for p in root.get("pfs") for e in p.get("vfs") or []])
    text, words = rng.choice([
        ("3-1", "runs backwards"), ("0-3,2", "does not come after"), ("1,1", "does not come after"), ("5,0", "does not come after"),
        ("0-2,2-4", "does not come after"), ("", "expected indices"), (",", "expected indices"), ("1,", "expected indices"),
        ("1-", "expected indices"), ("-1", "expected indices"), ("0 -1", "expected indices"), ("0..3", "expected indices"),
        ("01", "expected indices"), ("0x1", "expected indices"), ("1-2-3", "expected indices"), ("65535", "expected indices"),
        ("all", "expected indices"), ("*", "expected indices"), ("99999999999999999999", "expected indices")])
    element.pair("index")[1] = Mark(text)
    return words


def beyond_num_vfs(rng, root):
    pf = rng.choice(root.get("pfs"))
    pf[:] = [pair for pair in pf if pair[0] != "num_vfs"] + [["num_vfs", 3]]
    pf.pair("vfs")[1] = [Obj([["index", 2]]), Obj([["index", Mark(rng.choice([3, "0,3", "2-3", 65534, "0-65534"]))], ["vlan", 1]])]
    return "beyond num_vfs 3; expected 0 to 2"


def vfs_of_none(rng, root):
    pf = rng.choice(root.get("pfs"))
    pf[:] = [pair for pair in pf if pair[0] != "num_vfs"] + [["num_vfs", 0]]
    pf.pair("vfs")[1] = Mark(pf.get("vfs"))
    return "beside num_vfs 0"


def one_for_several(rng, root):
    element = rng.choice([e for p in root.get("pfs") for e in p.get("vfs") or []])
    key, value = rng.choice([("mac", "02:00:00:00:00:01"), ("mac", "02:{pf}:00:01"), ("name", "lan0"), ("name", "{pf}v")])
    element[:] = Obj([["index", rng.choice(["0-1", "2,4"])], [key, Mark(value)]])
    return "one MAC for 2 VFs" if key == "mac" else "one name for 2 VFs"


def minimum_above(rng, root):
    element = rng.choice([e for p in root.get("pfs") for e in p.get("vfs") or []])
    low = rng.choice([2, 1000, 4294967295])
    element[:] = Obj([["min_tx_rate", Mark(low)], ["index", 1], ["max_tx_rate", rng.randrange(1, low)]])
    return "is above max_tx_rate"


def same_mac(rng, root):
    mac = "02:77:00:00:00:01"
    first, second = Obj([["index", 1], ["mac", mac]]), Obj([["index", 2], ["mac", mac]])
    one, other = rng.choice(root.get("pfs")).get("vfs"), root.get("pfs")[-1].get("vfs")
    one.append(first)
    other.append(Mark(second))
    return f"MAC {mac} is given to another VF at "


def same_match(rng, root):
    entry = rng.choice(root.get("pfs"))
    root.get("pfs").append(Mark(Obj([["match", Obj(reversed([p for p in entry.get("match") if p[0] != "all"]))]])))
    return "has the same match as the one at"


TREE = [wrong_type, null, unknown_key, key_twice, out_of_range, malformed, missing_key, empty_match, bad_range, beyond_num_vfs,
        vfs_of_none, one_for_several, minimum_above, same_mac, same_match]


def cut_off(rng, list_):
    del list_[rng.randrange(len(list_)):]
    list_.append(["", Mark(None)])
    return "the text ends here; expected"


def text_behind(rng, list_):
    list_.append([rng.choice(["}", "]", ",", "x", "1", "{}", '"a"', "null", ";"]), Mark(None)])
    return "expected nothing more"


def comma_lost(rng, list_):
    at = rng.choice([i for i, (text, _) in enumerate(list_) if text == ","])
    list_[at + 1][1] = Mark(None)
    del list_[at]
    return "unexpected .*; expected ','"


def comma_twice(rng, list_):
    at = rng.choice([i for i, (text, _) in enumerate(list_) if text == ","])
    list_.insert(at + 1, [",", Mark(None)])
    return "unexpected ','; expected (a key in quotes|a value)"


def comma_last(rng, list_):
    at = rng.choice([i for i, (text, _) in enumerate(list_) if text in "]}" and list_[i - 1][0] not in "[{"])
    list_[at][1] = Mark(None)
    list_.insert(at, [",", None])
    return r"unexpected '[\]}]'; expected a (key in quotes|value)"


def colon_lost(rng, list_):
    at = rng.choice([i for i, (text, _) in enumerate(list_) if text == ":"])
    list_[at] = [rng.choice(["=", "", ",", ";"]), Mark(None)]
    if not list_[at][0]:
        del list_[at]
        list_[at][1] = Mark(None)
    return "expected ':' after the key"


def wrong_bracket(rng, list_):
    at = rng.choice([i for i, (text, _) in enumerate(list_) if text in "]}"])
    list_[at] = ["}" if list_[at][0] == "]" else "]", Mark(None)]
    return "unexpected '"


def no_json_value(rng, list_):
    at = rng.choice([i for i, (text, _) in enumerate(list_) if i and list_[i - 1][0] == ":" and text not in "[{"])
    list_[at] = [rng.choice(["True", "yes", "'x'", "NaN", "Infinity", "+1", ".5", "undefined", "auto", "#", "\u00e4"]), Mark(None)]
    return "expected a value"


def no_number(rng, list_):
    at = rng.choice([i for i, (text, _) in enumerate(list_) if i and list_[i - 1][0] == ":" and text not in "[{"])
    list_[at] = [rng.choice(["01", "-", "-01", "1.", "1e", "1e+", "00", "-.5", "1.e3"]), Mark(None)]
    return "not a number; expected digits"


def bare_key(rng, list_):
    at = rng.choice([i for i, (text, _) in enumerate(list_) if i + 1 < len(list_) and list_[i + 1][0] == ":"])
    list_[at] = [rng.choice(["version", "'pfs'", "1", "{", "mac"]), Mark(None)]
    return "expected a key"


def strings(list_):
    return [i for i, (text, _) in enumerate(list_) if text.startswith('"')]


def not_utf8(rng, list_):
    at = rng.choice(strings(list_))
    bad = rng.choice(["\udcff", "\udcc3", "\udced\udca0\udc80", "\udcc0\udcaf", "\udcf5\udc80\udc80\udc80"])
    list_[at] = [list_[at][0][:-1] + bad + '"', Mark(None, line=True)]
    return "this line is not UTF-8"


def nul_byte(rng, list_):
    at = rng.randrange(len(list_) + 1)
    list_.insert(at, ["\0", Mark(None)])
    return "a NUL byte"


def control_byte(rng, list_):
    at = rng.choice(strings(list_))
    list_[at:at + 1] = [[list_[at][0][:-1], None], [rng.choice("\x01\x1f\t\r") + '"', Mark("joined")]]
    return "a control byte"


def bad_escape(rng, list_):
    at = rng.choice([i for i in strings(list_)])
    escape, words = rng.choice([("\\q", "after a backslash"), ("\\x41", "after a backslash"), ("\\u12g4", "four hex digits"),
                                ("\\ud800", "not a character"), ("\\u0000", "not a character"), ("\\'", "after a backslash")])
    shift = "\\" if words == "after a backslash" else "\\u" if words == "four hex digits" else ""
    list_[at:at + 1] = [[list_[at][0][:-1] + shift, None], [escape[len(shift):] + '"', Mark("joined")]]
    return words


def string_open(rng, list_):
    at = rng.choice(strings(list_))
    list_[at] = [list_[at][0][:-1] + "\n", Mark(None)]
    return "this string does not end"


def comment_open(rng, list_):
    at = rng.randrange(len(list_) + 1)
    list_[at:] = [["/* never */*/"[:rng.choice([2, 8])], Mark(None)]]
    return "this comment does not end"


def too_deep(rng, list_):
    at = rng.choice([i for i, (text, _) in enumerate(list_) if i and list_[i - 1][0] == ":"])
    depth = sum(text in "[{" for text, _ in list_[:at]) - sum(text in "]}" for text, _ in list_[:at])
    list_[at:at] = [["[", None]] * (16 - depth) + [["[", Mark(None)]]
    return "nested too deep; expected at most 16"


TEXT = [cut_off, text_behind, comma_lost, comma_twice, comma_last, colon_lost, wrong_bracket, no_json_value, no_number, bare_key,
        not_utf8, nul_byte, control_byte, bad_escape, string_open, comment_open, too_deep]


def whole(root):
    """The root, which missing_key() may have put into a Mark."""
    return root[0][1] if len(root) == 1 and root[0][0] == "" else root


def joined(list_):
    """A token that continues the one before: nothing may come between."""
    return any(mark and mark.value == "joined" for _, mark in list_)


def bad(rng, mistake):
    """(text, (line, column), words) of a configuration with that one mistake."""
    root = good(rng, least=2)
    if mistake in TREE:
        words = mistake(rng, root)
        return *join(tokens(whole(root)), rng), words
    list_ = tokens(root)
    words = mistake(rng, list_)
    if not joined(list_):
        return *join(list_, rng), words
    at = next(i for i, (_, mark) in enumerate(list_) if mark)
    before, _ = join(list_[:at], rng)
    return before + list_[at][0] + join(list_[at + 1:], rng)[0], position(before), words


def without_comments(text):
    """As JSON has it."""
    pattern = r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*'
    return re.sub(pattern, lambda m: m[0] if m[0][0] == '"' else " ", text, flags=re.S)


def lint(configurations):
    """What config-lint says of each: None (taken) or the fault's text; and the microseconds. A configuration is {name: text}."""
    data = bytearray()
    for files in configurations:
        data += b"%d\n" % len(files)
        for name, text in files.items():
            text = text.encode("utf-8", "surrogateescape")
            data += b"%s %d\n" % (name.encode(), len(text)) + text
    done = subprocess.run([LINT], input=data, capture_output=True, timeout=300, check=False)
    if done.returncode:
        raise AssertionError(f"config-lint: {done.returncode}: {done.stderr.decode(errors='replace')}")
    verdicts = []
    for line in done.stdout.decode().splitlines():
        word, a, b = line.split(" ", 2)
        verdicts.append((None, int(b)) if word == "ok" else (b, int(a)))
    if len(verdicts) != len(configurations):
        raise AssertionError(f"{len(verdicts)} answers for {len(configurations)} configurations")
    return verdicts
