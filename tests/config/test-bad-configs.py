#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Configurations with one mistake each: refused at the right line and column, with a text that helps, soon. TAP by tap.py.

Some hundreds are written by hand, SEED and COUNT (10000) say which and how many are made at random. What is left behind of a
refused one, config-lint sees.
"""
import collections
import os
import pathlib
import random
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import configs  # noqa: E402
import tap  # noqa: E402

COUNT = int(os.environ.get("COUNT", "10000"))
SEED = int(os.environ.get("SEED", "4"))
LIMIT_USEC = 50000  # of CPU time

# Where the fragment goes; § in it is where the fault points to and is not part of the text.
FILE = "%s"
ENTRIES = '{"version": 1, "pfs": [%s]}'
MATCH = '{"version": 1,\n "pfs": [{"match": {%s}}]}'
PF = '{"version": 1,\n "pfs": [{"match": {"slot": "1"},\n %s}]}'
ELEMENT = '{"version": 1,\n "pfs": [{"match": {"slot": "1"}, "num_vfs": 8,\n "vfs": [{"index": 0}, {%s}]}]}'
VF = '{"version": 1, "pfs": [{"match": {"slot": "1"}, "vfs": [\n {"index": 1,\n  %s}]}]}'
VFS = '{"version": 1, "pfs": [{"match": {"slot": "1"}, "vfs": [\n {"index": "1-2", %s}]}]}'

RANGE = "number out of range; expected a whole number "
TABLE = {
    FILE: [
        # no text, not this text
        ("§", "text ends here"), (" \n\t§", "text ends here"), ("// only a comment\n§", "text ends here"),
        ("/**/§", "text ends here"),
        ("§[]", "this is an array; expected an object"), ("§1", "this is a number; expected an object"),
        ("§true", "expected an object"),
        ('§"x"', "this is a string; expected an object"), ("§null", "null"), ("§version = 1", "unexpected 'v'"),
        ("[§pfs]", "unexpected 'p'"), ("§<xml/>", "unexpected '<'"), ("§---\nversion: 1", "not a number"),
        ("§\ufeff{}", r"unexpected '\\xef'"),
        ("§\udcff{}", "not UTF-8"), ('{"version": 1,\n§ "pfs": [], "a\udcc3": 1}', "not UTF-8"), ("{}\n§// \udcff", "not UTF-8"),
        ('{"version": 1, §\0"pfs": []}', "NUL byte"), ("§\x1b{}", "unexpected"),
        ('{"version": 1, "pfs": []} §\x01', "nothing more"),
        # objects and arrays
        ("{§", "expected a key or '}'"), ('{"version"§', "expected ':'"), ('{"version":§', "expected a value"),
        ('{"version": 1§', "expected ',' or '}'"),
        ('{"version": 1,§', "a key in quotes"), ('{"version": 1, "pfs": [§', "expected a value"),
        ('{"version": 1, "pfs": []§', "expected ',' or '}'"),
        ('{"version": 1, "pfs": [§}', "unexpected '}'"), ('{"version": 1, "pfs": []§]', "unexpected ']'"),
        ('{"version": 1, "pfs": [],§}', "unexpected '}'"),
        ('{"version": 1, "pfs": [§,]}', "unexpected ','"), ('{§,"version": 1, "pfs": []}', "unexpected ','"),
        ('{"version": 1 §"pfs": []}', "expected ','"),
        ('{"version": 1,§, "pfs": []}', "a key in quotes"), ('{"version": 1§; "pfs": []}', "expected ','"),
        ('{"version" §= 1}', "expected ':'"),
        ('{"version" §1, "pfs": []}', "expected ':'"), ("{§version: 1}", "expected a key"), ("{§'version': 1}", "expected a key"),
        ("{§1: 1}", "expected a key"),
        ('{"version": 1, "pfs": []}§}', "nothing more"), ('{"version": 1, "pfs": []} §{}', "nothing more"),
        ('{"version": 1, "pfs": []}\n§x', "nothing more"),
        ('{"version": 1, "pfs": []}§,', "nothing more"), ('§{"version": 1}\n', '"pfs" is missing'),
        ('{"version": 1, "pfs": §(1)}', "unexpected"),
        ('{"version": 1, §"version": 1, "pfs": []}', "given twice"), ('{"pfs": [], "version": 1,\n§"pfs": []}', "given twice"),
        ('{§"versi\\u006fn": 1, "pfs": []}', "a key with a backslash"),
        ('{"version": 1, "pfs": ' + "[" * 15 + "§[]", "nested too deep"),
        # numbers and words
        ('{"version": §01, "pfs": []}', "not a number"), ('{"version": §+1, "pfs": []}', "unexpected '\\+'"),
        ('{"version": §.1, "pfs": []}', "unexpected '.'"),
        ('{"version": §1., "pfs": []}', "not a number"), ('{"version": §1e, "pfs": []}', "not a number"),
        ('{"version": §-, "pfs": []}', "not a number"),
        ('{"version": 0§x1, "pfs": []}', "expected ','"), ('{"version": 1§_0, "pfs": []}', "expected ','"),
        ('{"version": §True, "pfs": []}', "expected a value"),
        ('{"version": §nil, "pfs": []}', "expected a value"), ('{"version": true§r}', "expected ','"),
        ('{"version": §null, "pfs": []}', "null"),
        ('{"version": 1, "pfs": §null}', "null"),
        # strings
        ('{"version": 1, "$schema": §"x}', "does not end"), ('{"version": 1, "$schema": §"x\n"}', "does not end"),
        ('{"version": 1, "$schema": "x§\ty"}', "control byte"),
        ('{"version": 1, "$schema": "\\§q"}', "after a backslash"), ('{"version": 1, "$schema": "\\u§12"}', "four hex digits"),
        ('{"version": 1, "$schema": "§\\ud83d"}', "not a character"),
        ('{"version": 1, "$schema": "§\\udc00"}', "not a character"),
        ('{"version": 1, "$schema": "§\\u0000"}', "not a character"), ('{"version": 1, "$schema": "ok\\§', "text ends here"),
        # comments
        ('{"version": 1, §/* "pfs": []}', "comment does not end"), ('§/*/ {}', "comment does not end"),
        ('{"version": 1 §/ 2}', "expected ','"), ('{§# no\n}', "expected a key"),
        ('/* a */ §*/ {}', "unexpected"), ('{"version": 1, // }\n§', "a key in quotes"),
        ('/* \u00e4\u4e2d */ §x', "unexpected 'x'"),
        # the root's keys
        ("§{}", '"version" is missing'), ('§{"pfs": []}', '"version" is missing'),
        ('// 1\n  §{"version": 1}', '"pfs" is missing'),
        ('{"version": §0, "pfs": []}', RANGE + "1 to 1"), ('{"version": §2, "pfs": []}', RANGE),
        ('{"version": §-1, "pfs": []}', RANGE), ('{"version": §1.0, "pfs": []}', RANGE),
        ('{"version": §1e0, "pfs": []}', RANGE), ('{"version": §18446744073709551617, "pfs": []}', RANGE),
        ('{"version": §"1", "pfs": []}', "this is a string; expected a number"),
        ('{"version": §true, "pfs": []}', "expected a number"),
        ('{"version": §[1], "pfs": []}', "this is an array; expected a number"),
        ('{"version": 1, "pfs": §{}}', "expected an array"),
        ('{"version": 1, "pfs": §"eth0"}', "expected an array"), ('{"version": 1, "pfs": §0}', "expected an array"),
        ('{"version": 1, "pfs": §false}', "expected an array"),
        ('{"version": 1, "pfs": [], "PFS": §[]}', 'unknown key "PFS"'), ('{"version": 1, "pf": §[]}', 'did you mean "pfs"'),
        ('{"verison": §1, "pfs": []}', 'did you mean "version"'),
        ('{"version": 1, "pfs": [], "$schema": §1}', "expected a string"),
        ('{"version": 1, "pfs": [], "host": §{}}', "unknown key"), ('{"": §1, "version": 1, "pfs": []}', 'unknown key ""'),
    ],
    ENTRIES: [
        ("§1", "this is a number; expected an object"), ('§"eth0"', "expected an object"), ("§[]", "expected an object"),
        ("§true", "expected an object"), ("§null", "null"),
        ("§{}", '"match" is missing'), ('§{"num_vfs": 4}', '"match" is missing'),
        ('{"match": {"slot": "1"}}, §{}', '"match" is missing'),
        ('{"match": §"eth0"}', "this is a string; expected an object"), ('{"match": §[]}', "expected an object"),
        ('{"match": §{}}', "names nothing"), ('{"match": §true}', "expected an object"),
        ('{"match": §{"all": true}}', 'names nothing beside "all"; expected at least one of'),
        ('{"match": §{"all": false}}', "names nothing"), ('{"Match": §{}}', 'did you mean "match"'),
        ('{"match": {"slot": "1"}}, §{"match": {"slot": "1"}}', r"same match as the one at t\.json:1:24"),
        ('{"match": {"slot": "1"}}, {"match": {"slot": "2"}},\n§{"match": {"slot": "1", "all": true}}', "same match"),
        ('{"match": {"address": "0000:3b:00.0"}}, §{"match": {"address": "0000:3B:00.0"}}', "same match"),
        ('{"match": {"id": "8086:1572", "driver": "i40e"}}, §{"match": {"driver": "i40e", "id": "8086:1572"}}', "same match"),
        ('{"match": {"permanent_mac": "3c:fd:fe:00:00:0a"}}, §{"match": {"permanent_mac": "3C:FD:FE:00:00:0A"}}', "same match"),
        ('{"match": {"path": "0000:00:1c.0/0a.0"}}, §{"match": {"path": "0000:00:1C.0/0A.0"}}', "same match"),
        ('{"match": {"numa_node": 0, "all": true}}, §{"match": {"numa_node": 0}}', "same match"),
        ('{"match": {"ifname": "a"}, "vfs": [{"index": 0, "mac": "02:00:00:00:00:01"},'
         ' §{"index": 1, "mac": "02:00:00:00:00:01"}]}', r"given to another VF at t\.json:1:59"),
        ('{"match": {"ifname": "a"}, "vfs": [{"index": 0, "mac": "02:00:00:00:00:0a"}]},\n'
         '{"match": {"ifname": "b"}, "vfs": [§{"index": 0, "mac": "02:00:00:00:00:0A"}]}', "given to another VF"),
        ('{"match": {"ifname": "a"}, "vfs": [{"index": 0, "mac": "02:00:00:00:00:01"}, {"index": 0, "mac": "02:00:00:00:00:01"},'
         ' §{"index": "3", "mac": "02:00:00:00:00:01"}]}', "given to another VF"),
        # of two mistakes the first
        ('{"match": {"ifname": "a"}, "vfs": [{"index": 0, "mac": "02:00:00:00:00:09"}, §{"index": 1, "mac": "02:00:00:00:00:09"},'
         ' {"index": 2, "mac": "02:00:00:00:00:01"}, {"index": 3, "mac": "02:00:00:00:00:01"}]}', "given to another VF"),
    ],
    MATCH: [
        ('"ifname": §""', "expected an interface's name"), ('"ifname": §"a b"', "expected an interface"),
        ('"ifname": §"a/b"', "expected an interface"), ('"ifname": §"a:1"', "expected an interface"),
        ('"ifname": §"sixteen-letters-"', "1 to 15 bytes"), ('"ifname": §"."', "expected an interface"),
        ('"ifname": §".."', "expected an interface"),
        ('"ifname": §"\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4"', "15 bytes"),
        ('"ifname": §"eth0\\n"', "expected an interface"), ('"ifname": §0', "this is a number; expected a string"),
        ('"ifname": §["eth0"]', "expected a string"), ('"ifname": §true', "expected a string"),
        ('"address": §""', "expected a PCI address"), ('"address": §"3b:00.0"', "such as 0000:3b:00.0"),
        ('"address": §"0000:3b:00"', "expected a PCI address"), ('"address": §"0000:3b:20.0"', "expected a PCI address"),
        ('"address": §"0000:3b:00.8"', "expected a PCI address"), ('"address": §"0000:3b:00.0 "', "expected a PCI address"),
        ('"address": §"pci/0000:3b:00.0"', "expected a PCI address"), ('"address": §"100000:3b:00.0"', "expected a PCI address"),
        ('"address": §"000:3b:00.0"', "expected a PCI address"), ('"address": §"0000:3b:00.*"', "expected a PCI address"),
        ('"address": §0', "expected a string"),
        ('"id": §""', "expected vendor and device"), ('"id": §"8086"', "expected vendor and device"),
        ('"id": §"8086:"', "expected vendor and device"), ('"id": §"8086:157"', "four hex digits"),
        ('"id": §"8086:15722"', "four hex digits"),
        ('"id": §"0x8086:0x1572"', "four hex digits"), ('"id": §"8086:*"', "four hex digits"),
        ('"id": §"8086 1572"', "four hex digits"), ('"id": §"intel:1572"', "four hex digits"),
        ('"id": §"808_:1572"', "four hex digits"), ('"id": §8086', "expected a string"),
        ('"driver": §""', "expected a driver's name"), ('"driver": §"i40e "', "expected a driver's name"),
        ('"driver": §"../i40e"', "expected a driver's name"), ('"driver": §"%s"' % ("x" * 64), "1 to 63"),
        ('"driver": §{}', "expected a string"),
        ('"permanent_mac": §""', "expected a unicast MAC"), ('"permanent_mac": §"3c:fd:fe:00:00"', "expected a unicast MAC"),
        ('"permanent_mac": §"3c:fd:fe:00:00:01:02"', "expected a unicast MAC"),
        ('"permanent_mac": §"01:00:5e:00:00:01"', "expected a unicast MAC"),
        ('"permanent_mac": §"ff:ff:ff:ff:ff:ff"', "expected a unicast MAC"),
        ('"permanent_mac": §"00:00:00:00:00:00"', "expected a unicast MAC"),
        ('"permanent_mac": §"3cfd.fe00.0001"', "expected a unicast MAC"),
        ('"permanent_mac": §"3c-fd-fe-00-00-01"', "expected a unicast MAC"),
        ('"permanent_mac": §"02:{pf}:00:00"', "expected a unicast MAC"), ('"permanent_mac": §1', "expected a string"),
        ('"path": §""', "expected the root bus's address"), ('"path": §"/"', "expected the root bus"),
        ('"path": §"1c.0/00.0"', "expected the root bus"), ('"path": §"0000:00:1c.0/"', "expected the root bus"),
        ('"path": §"0000:00:1c.0/0000:3b:00.0"', "expected the root bus"),
        ('"path": §"0000:00:1c.0/20.0"', "expected the root bus"), ('"path": §"0000:00:1c.0/00.8"', "expected the root bus"),
        ('"path": §"0000:00:1c.0\\\\00.0"', "expected the root bus"), ('"path": §"0000:00:1c.0//00.0"', "expected the root bus"),
        ('"path": §"0000:00:1c.0%s"' % ("/00.0" * 24), "expected the root bus"), ('"path": §[]', "expected a string"),
        ('"slot": §""', "expected a slot's name"), ('"slot": §"%s"' % ("3" * 24), "1 to 23"), ('"slot": §"\u2083"', "ASCII"),
        ('"slot": §"3\\t"', "ASCII"), ('"slot": §3', "this is a number; expected a string"),
        ('"numa_node": §-1', RANGE + "0 to 1023"), ('"numa_node": §1024', RANGE), ('"numa_node": §0.5', RANGE),
        ('"numa_node": §"0"', "expected a number"), ('"numa_node": §true', "expected a number"),
        ('"slot": "1", "all": §1', "expected true or false"), ('"slot": "1", "all": §"true"', "expected true or false"),
        ('"slot": "1", "all": §null', "null"),
        ('"slot": "1", "ifname": "eth0", §"slot": "1"', "given twice"), ('"netdev": §"eth0"', "unknown key"),
        ('"mac": §"02:00:00:00:00:01"', "unknown key"), ('"ifnmae": §"eth0"', 'did you mean "ifname"'),
        ('"slot": "1", "vendor": §"8086"', "unknown key"), ('"slot": "1", "numa": §0', "unknown key"),
    ],
    PF: [
        ('"num_vfs": §-1', RANGE + "0 to 65535"), ('"num_vfs": §65536', RANGE), ('"num_vfs": §1.5', RANGE),
        ('"num_vfs": §4294967296', RANGE), ('"num_vfs": §1e400', RANGE), ('"num_vfs": §"8"', "expected a number"),
        ('"num_vfs": §"max"', "expected a number"),
        ('"num_vfs": §true', "expected a number"), ('"num_vfs": §[8]', "expected a number"),
        ('"num_vfs": 0, "vfs": §[{"index": 0}]', "beside num_vfs 0"),
        ('"vfs": §[{"index": 0}], "num_vfs": 0', "beside num_vfs 0"),
        ('"num_vfs": 2, "vfs": [{"index": §2}]', "VF 2 beyond num_vfs 2; expected 0 to 1"),
        ('"num_vfs": 2, "vfs": [{"index": 1}, {"index": §"0-2"}]', "beyond num_vfs"),
        ('"vfs": [{"index": §"0,65534"}], "num_vfs": 65534', "beyond num_vfs"),
        ('"num_vfs": 1, "vfs": [{"index": §"1"}]', "beyond num_vfs"), ('"numvfs": §4', 'did you mean "num_vfs"'),
        ('"num-vfs": §4', 'did you mean "num_vfs"'), ('"sriov_numvfs": §4', "unknown key"),
        ('"num_vfs": 1, §"num_vfs": 1', "given twice"),
        ('"autoprobe": §1', "expected true or false"), ('"autoprobe": §"yes"', "expected true or false"),
        ('"autoprobe": §"off"', "expected true or false"), ('"autoprobe": §"baseline"', "expected true or false"),
        ('"autoprobe": §null', "null"),
        ('"mtu": §67', RANGE + "68 to 65535"), ('"mtu": §65536', RANGE), ('"mtu": §0', RANGE), ('"mtu": §-1500', RANGE),
        ('"mtu": §9000.0', RANGE), ('"mtu": §"9000"', "expected a number"), ('"MTU": §9000', "unknown key"),
        ('"eswitch_mode": §"Legacy"', "expected legacy or switchdev"), ('"eswitch_mode": §""', "expected legacy or switchdev"),
        ('"eswitch_mode": §"switchdev "', "expected legacy"), ('"eswitch_mode": §1', "expected a string"),
        ('"eswitch_mode": §"baseline"', "expected legacy"),
        ('"eswitch": §"legacy"', "unknown key"), ('"replace": §"true"', "expected true or false"),
        ('"replace": §0', "expected true or false"), ('"replace": §{}', "expected true or false"),
        ('"clear_mac": §1', "expected true or false"), ('"clear_mac": §"no"', "expected true or false"),
        ('"nm_managed": §0', "expected true or false"), ('"nm_managed": §"false"', "expected true or false"),
        ('"nm-managed": §false', 'did you mean "nm_managed"'), ('"force": §true', "unknown key"),
        ('"trust": §true', "unknown key"), ('"vlan": §5', "unknown key"), ('"index": §0', "unknown key"),
        ('"drift": §"repair"', "expected report, enforce or ignore"), ('"drift": §"Enforce"', "expected report"),
        ('"drift": §""', "expected report"), ('"drift": §true', "neither a word nor an object"), ('"drift": §1', "neither"),
        ('"drift": §["enforce"]', "neither"), ('"drift": §null', "null"),
        ('"drift": {"default": §"no"}', "expected report"), ('"drift": {"default": §1}', "expected a string"),
        ('"drift": {"vlan": §"fix"}', "expected report"), ('"drift": {"vlan": §true}', "expected a string"),
        ('"drift": {"vlna": §"report"}', 'did you mean "vlan"'),
        ('"drift": {"all": §"report"}', "is no key"), ('"drift": {"replace": §"report"}', "is no key"),
        ('"drift": {"index": §"report"}', "is no key"), ('"drift": {"": §"report"}', "is no key"),
        ('"drift": {"vlan": "report", §"vlan": "report"}', "given twice"),
        ('"drift": {"vlan": §{}}', "expected a string"),
        ('"drift": {"default": "report", "mtu": §"enforced"}', "expected report"), ('"drift": {"rate": §"report"}', "is no key"),
        ('"optional": §"vlan"', "this is a string; expected an array"), ('"optional": §true', "expected an array"),
        ('"optional": §{}', "expected an array"), ('"optional": [§1]', "expected a string"),
        ('"optional": [§"vlans"]', 'did you mean "vlan"'), ('"optional": [§""]', "is no key"),
        ('"optional": ["vlan", §"VLAN"]', "is no key"), ('"optional": ["vlan", §"vlan"]', "listed twice"),
        ('"optional": [§"default"]', "is no key"), ('"optional": [§null]', "null"),
        ('"optional": [§["vlan"]]', "expected a string"),
        ('"optional": [§"drift"]', "is no key"), ('"required": §["vlan"]', "unknown key"),
        ('"vfs": §{}', "expected an array"), ('"vfs": §4', "expected an array"), ('"vfs": §"0-3"', "expected an array"),
        ('"vfs": [§0]', "this is a number; expected an object"), ('"vfs": [§"0-3"]', "expected an object"),
        ('"vfs": [§[]]', "expected an object"), ('"vfs": [{"index": 0},\n §true]', "expected an object"),
        ('"vf": §[]', 'did you mean "vfs"'), ('§"match": {"slot": "2"}', "given twice"),
    ],
    ELEMENT: [
        ('"vlan": 5, "index": 1, "vlna": §3', 'did you mean "vlan"'),
        ('"index": §-1', RANGE + "0 to 65534"), ('"index": §65535', RANGE), ('"index": §1.5', RANGE),
        ('"index": §true', "neither a number nor a string; expected"), ('"index": §[0, 1]', "neither"),
        ('"index": §{}', "neither"), ('"index": §null', "null"),
        ('"index": §""', "expected indices"), ('"index": §" 1"', "without blanks"), ('"index": §"1 "', "without blanks"),
        ('"index": §"1, 2"', "without blanks"), ('"index": §"a"', "expected indices"), ('"index": §"all"', "expected indices"),
        ('"index": §"*"', "expected indices"),
        ('"index": §"1-"', "expected indices"), ('"index": §"-1"', "expected indices"), ('"index": §"1,,2"', "expected indices"),
        ('"index": §",1"', "expected indices"), ('"index": §"1,"', "expected indices"), ('"index": §"1-2-3"', "expected indices"),
        ('"index": §"01"', "expected indices"),
        ('"index": §"0x1"', "expected indices"), ('"index": §"+1"', "expected indices"), ('"index": §"1;2"', "expected indices"),
        ('"index": §"1..3"', "expected indices"), ('"index": §"65535"', "expected indices"),
        ('"index": §"0-65535"', "expected indices"), ('"index": §"18446744073709551617"', "expected indices"),
        ('"index": §"\u0661"', "expected indices"), ('"index": §"3-1"', "range 3-1 runs backwards"),
        ('"index": §"0,5-4"', "runs backwards"), ('"index": §"1-3,2"', "2 does not come after 3"),
        ('"index": §"1,1"', "does not come after"), ('"index": §"0-2,2-4"', "does not come after"),
        ('"index": §"3,1"', "ranges in order"), ('"index": §"0-7,3-4"', "do not overlap"),
        ('"index": §"4-5,0-3"', "does not come after"), ('"index": §8', "VF 8 beyond num_vfs 8; expected 0 to 7"),
        ('"index": §"7-8"', "beyond num_vfs"), ('"index": 1, §"index": 2', "given twice"),
        ('"indices": §[1]', "unknown key"), ('"Index": §1', 'did you mean "index"'), ('"vf": §1', "unknown key"),
    ],
    VF: [
        ('"mac": §""', "expected a unicast MAC address"), ('"mac": §"02:00:00:00:00"', "expected a unicast MAC"),
        ('"mac": §"02:00:00:00:00:0g"', "expected a unicast MAC"), ('"mac": §"03:00:00:00:00:01"', "expected a unicast MAC"),
        ('"mac": §"ff:ff:ff:ff:ff:ff"', "expected a unicast MAC"),
        ('"mac": §" 02:00:00:00:00:01"', "expected a unicast MAC"), ('"mac": §"0200.0000.0001"', "expected a unicast MAC"),
        ('"mac": §"random"', "expected a unicast MAC"), ('"mac": §"Baseline"', 'or "baseline"'),
        ('"mac": §1', "expected a string"), ('"mac": §false', "expected a string"),
        ('"mac": §"02:00:00:00:00:{idx}"', "{index} stands for one byte"), ('"mac": §"02:{pf}:{index}"', "{pf} for three"),
        ('"mac": §"02:{pf}:00:00:{index}"', "expected a unicast MAC"), ('"mac": §"01:{pf}:00:{index}"', "expected a unicast MAC"),
        ('"mac": §"02:00:00:00:00:{index"', "{index} stands"),
        ('"mac": §"02:00:00:00:00:index}"', "{index} stands"), ('"mac": §"02:00:00:00:00:{}"', "{index} stands"),
        ('"mac": §"02:00:00:00:00:{INDEX}"', "{index} stands"), ('"mac": §"02:00:00:00:00:{index}{index}"', "{index} stands"),
        ('"mac": §"{mac}"', "{index} stands"),
        ('"vlan": §-1', RANGE + "0 to 4094"), ('"vlan": §4095', RANGE), ('"vlan": §1.5', RANGE),
        ('"vlan": §"100"', "expected a number"), ('"vlan": §"none"', "expected a number"),
        ('"vlan": §[100]', "expected a number"), ('"vlan": §true', "expected a number"),
        ('"vlan": §"Baseline"', "expected a number"),
        ('"qos": §8', RANGE + "0 to 7"), ('"qos": §-1', RANGE), ('"qos": §"0"', "expected a number"), ('"qos": §null', "null"),
        ('"vlan_proto": §"802.1q"', "expected 802.1Q or 802.1ad"), ('"vlan_proto": §"802.1AD"', "expected 802.1Q"),
        ('"vlan_proto": §""', "expected 802.1Q"), ('"vlan_proto": §8021', "expected a string"),
        ('"vlan_protocol": §"802.1Q"', "unknown key"), ('"min_tx_rate": §-1', RANGE + "0 to 4294967295"),
        ('"min_tx_rate": §4294967296', RANGE), ('"min_tx_rate": §"10M"', "expected a number"), ('"min_tx_rate": §0.1', RANGE),
        ('"max_tx_rate": §-5', RANGE), ('"max_tx_rate": §4294967296', RANGE),
        ('"max_tx_rate": §"1000"', "expected a number"), ('"max_tx_rate": §1e3', RANGE),
        ('"max_tx_rate": §{}', "expected a number"),
        ('"min_tx_rate": §2, "max_tx_rate": 1', "min_tx_rate 2 is above max_tx_rate 1"),
        ('"max_tx_rate": 10, "min_tx_rate": §11', "above max_tx_rate"),
        ('"max_tx_rate": 4294967294, "vlan": 1, "min_tx_rate": §4294967295', "above max_tx_rate"), ('"rate": §10', "unknown key"),
        ('"spoofchk": §1', "expected true or false"), ('"spoofchk": §"on"', "expected true or false"),
        ('"spoofchk": §[]', "expected true or false"), ('"spoof_chk": §true', 'did you mean "spoofchk"'),
        ('"trust": §"off"', "expected true or false"), ('"trust": §0', "expected true or false"),
        ('"trust": §"Baseline"', "expected true or false"), ('"trusted": §true', 'did you mean "trust"'),
        ('"link_state": §"up"', "expected auto, enable or disable"), ('"link_state": §"Auto"', "expected auto"),
        ('"link_state": §true', "expected a string"), ('"link_state": §""', "expected auto"),
        ('"link-state": §"auto"', 'did you mean "link_state"'), ('"query_rss": §"yes"', "expected true or false"),
        ('"query_rss": §0', "expected true or false"), ('"node_guid": §""', "expected eight bytes"),
        ('"node_guid": §"00:11:22:33:44:55:66"', "expected eight bytes"),
        ('"node_guid": §"00:11:22:33:44:55:66:77:88"', "eight bytes"),
        ('"node_guid": §"0x0011223344556677"', "eight bytes"), ('"node_guid": §17', "expected a string"),
        ('"port_guid": §"00:11:22:33:44:55:66:7g"', "eight bytes"), ('"port_guid": §"0011:2233:4455:6677"', "eight bytes"),
        ('"port_guid": §true', "expected a string"), ('"guid": §"00:11:22:33:44:55:66:77"', "unknown key"),
        ('"driver": §""', "expected a driver's name"), ('"driver": §"e1000"', "not on the list of drivers.*\"none\""),
        ('"driver": §"uio_pci_generic"', "not on the list"), ('"driver": §"../../x"', "expected a driver's name"),
        ('"driver": §"vfio-pci "', "expected a driver's name"), ('"driver": §"VFIO-PCI"', "not on the list"),
        ('"driver": §"baseline"', "not on the list"), ('"driver": §false', "expected a string"), ('"driver": §null', "null"),
        ('"driver_override": §"none"', "not on the list"), ('"driver_override": §"(null)"', "expected a driver's name"),
        ('"driver_override": §"e1000"', "not on the list"), ('"driver_override": §0', "expected a string"),
        ('"override": §"vfio-pci"', "unknown key"), ('"msix": §0', RANGE + "1 to 2048"), ('"msix": §2049', RANGE),
        ('"msix": §-1', RANGE), ('"msix": §"8"', "expected a number"), ('"msix": §"baseline"', "expected a number"),
        ('"msi_x": §8', 'did you mean "msix"'),
        ('"name": §""', "makes no interface name"), ('"name": §"a b"', "makes no interface name"),
        ('"name": §"a/b"', "makes no interface name"), ('"name": §"a:b"', "makes no interface name"),
        ('"name": §"\u00e4"', "letters, digits"), ('"name": §"sixteen-letters-"', "at most 15"),
        ('"name": §"fifteen-letter{index}{index}"', "at most 15"),
        ('"name": §"{vf}"', "{index} and {pf} alone"), ('"name": §"{pf"', "makes no interface name"),
        ('"name": §"pf}"', "makes no interface name"), ('"name": §"{ pf }"', "makes no interface name"),
        ('"name": §"42"', "makes no interface name"), ('"name": §"{index}"', "makes no interface name"),
        ('"name": §"all"', "makes no interface name"),
        ('"name": §"default"', "makes no interface name"), ('"name": §".."', "makes no interface name"),
        ('"name": §"a\\"b"', "makes no interface name"), ('"name": §"$x"', "makes no interface name"),
        ('"name": §"%s"' % ("{pf}" * 16), "makes no interface name"), ('"name": §7', "expected a string"),
        ('"name": §["a"]', "expected a string"),
        ('"pool": §""', "expected 1 to 31 letters"), ('"pool": §"%s"' % ("a" * 32), "expected 1 to 31 letters"),
        ('"pool": §"a b"', "expected 1 to 31 letters"), ('"pool": §"\u00e4"', "expected 1 to 31 letters"),
        ('"pool": §"a/b"', "digits, '_', '.' and '-'"), ('"pool": §7', "expected a string"), ('"pool": §["a"]', "expected a string"),
        ('"pools": §"a"', 'did you mean "pool"'),
        ('"shared_group": §1', "expected true or false"), ('"shared_group": §"yes"', "expected true or false"),
        ('"shared-group": §true', 'did you mean "shared_group"'),
        ('"nm_managed": §1', "expected true or false"), ('"nm_managed": §"no"', "expected true or false"),
        ('"nm_managed": §"baseline"', "expected true or false"), ('"num_vfs": §1', "unknown key"),
        ('"mtu": §9000', "unknown key"), ('"drift": §"enforce"', "unknown key"), ('"vlan": 1, §"vlan": 2', "given twice"),
        ('"vlan": 1,§', "a key in quotes"),
    ],
    VFS: [
        ('"mac": §"02:00:00:00:00:01"', "one MAC for 2 VFs; expected {index} in it"),
        ('"mac": §"02:{pf}:00:01"', "one MAC for 2 VFs"), ('"name": §"lan0"', "one name for 2 VFs; expected {index}"),
        ('"name": §"{pf}v"', "one name for 2 VFs"),
        ('"name": §"fourteen-chars{index}x"', "at most 15"), ('"vlan": §[100, 200]', "expected a number"),
        ('"mac": §["02:00:00:00:00:01", "02:00:00:00:00:02"]', "expected a string"),
    ],
}

SLOT_1 = '{"version": 1, "pfs": [{"match": {"slot": "1"}}]}'
VFS_OF = '{"version": 1, "pfs": [{"match": {"slot": "%s"}, "vfs": [%s]}]}'
MAC = '{"index": 1, "mac": "02:00:00:00:00:01"}'

MORE = [  # whole configurations: of several files, or large
    ({"a.json": SLOT_1, "b.json": SLOT_1.replace("[", "[\n§")}, r"same match as the one at a\.json:1:24"),
    ({"b.json": SLOT_1.replace("[", "[§"), "a.json": SLOT_1}, r"same match as the one at a\.json"),
    ({"a.json": SLOT_1, "b.json": '{"version": 1, "pfs": [§}'}, "unexpected '}'"),
    ({"a.json": "§", "b.json": SLOT_1}, "text ends here"),
    ({"a.json": VFS_OF % (1, MAC), "b.json": VFS_OF % (2, "\n§" + MAC)}, r"given to another VF at a\.json:1:57"),
    ({"t.json": VFS_OF % (1, '{"index": "254-256", "mac": §"02:00:00:00:00:{index}"}')}, "is one byte in a MAC and VF 256 has none"),
    ({"t.json": VFS_OF % (1, '{"index": 65534, "mac": §"{index}:{pf}:00:01"}')}, "{index} is one byte"),
    ({"t.json": VFS_OF % (1, '{"index": "99-100", "name": §"thirteen-char{index}"}')}, "at most 15"),
    ({"t.json": '{"version": 1, "pfs": §[%s]}' % ",".join('{"match":{"slot":"%d"}}' % i for i in range(4097))},
     "4097 entries; expected at most 4096"),
    ({"t.json": VFS_OF % (1, '{"index":"0-65534"},' * 16 + '\n§{"index": "0-65534"}')}, "too many VFs"),
    ({"t.json": '{"version": 1, "pfs": [%s§[]]}' % ("[]," * 32766)}, "too many objects and arrays"),
    ({"t.json": '{"version": 1, "pfs": [{"match": {%s, §"k256": 1}}]}' % ", ".join(f'"k{i}": 1' for i in range(256))},
     "too many keys in one object"),
]


def by_hand():
    """(files, name of the one with the mistake, (line, column), words) of each."""
    for frame, rows in TABLE.items():
        for fragment, words in rows:
            yield from placed({"t.json": frame % fragment}, words)
    for files, words in MORE:
        yield from placed(files, words)


def placed(files, words):
    name = next(name for name, text in files.items() if "§" in text)
    place = configs.position(files[name].split("§")[0])
    yield {n: text.replace("§", "") for n, text in files.items()}, name, place, words


class Bad(unittest.TestCase):
    def judge(self, cases):
        """cases: (files, name, place, words, label)."""
        wrong, slow = [], 0
        for case, (said, usec) in zip(cases, configs.lint([case[0] for case in cases])):
            files, name, place, words, label = case
            slow = max(slow, usec if len(files[name]) < 20000 else 0)
            if said is None or not said.startswith(f"{name}:{place[0]}:{place[1]}: ") or not re.search(words, said) \
                    or not ("expected" in said):
                wrong.append(f"{label}: wanted {name}:{place[0]}:{place[1]}: {words}\n  got {said}\n  {files[name][:2000]!r}")
        self.assertEqual(wrong[:5], [], f"{len(wrong)} of {len(cases)}")
        self.assertLess(slow, LIMIT_USEC)
        tap.diagnose(f"{len(cases)} refused, the slowest in {slow} us")

    def test_by_hand(self):
        cases = [(*case, "by hand") for case in by_hand()]
        self.assertGreaterEqual(len(cases), 300)
        texts = [tuple(sorted(case[0].items())) for case in cases]
        self.assertEqual([text for text, n in collections.Counter(texts).items() if n > 1], [], "the same twice")
        self.judge(cases)

    def test_at_random(self):
        rng = random.Random(SEED)
        mistakes = configs.TREE + configs.TEXT
        cases = []
        for i in range(COUNT):
            mistake = mistakes[i % len(mistakes)]
            text, place, words = configs.bad(rng, mistake)
            cases.append(({"t.json": text}, "t.json", place, words, mistake.__name__))
        self.judge(cases)

    def test_without_the_mistake(self):
        """What the mistakes are made from is good, so each was refused for its mistake."""
        rng = random.Random(SEED)
        texts = [configs.join(configs.tokens(configs.good(rng, least=rng.choice([0, 2]))), rng)[0] for _ in range(1000)]
        for text, (said, _) in zip(texts, configs.lint([{"t.json": text} for text in texts])):
            self.assertIsNone(said, text)

    def test_frames_are_good(self):
        fill = {FILE: '{"version": 1, "pfs": []}', ENTRIES: "", MATCH: '"slot": "1"', PF: '"num_vfs": 1', ELEMENT: '"index": 1',
                VF: '"vlan": 1', VFS: '"vlan": 1'}
        self.assertEqual(set(fill), set(TABLE))
        texts = [frame % fragment for frame, fragment in fill.items()]
        for text, (said, _) in zip(texts, configs.lint([{"t.json": text} for text in texts])):
            self.assertIsNone(said, text)


if __name__ == "__main__":
    tap.main()
