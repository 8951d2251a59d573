#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""data/config.schema.json and the reader agree: what one refuses the other does, but for what no schema can say. TAP by tap.py."""
import importlib
import json
import os
import random
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import configs  # noqa: E402
import tap  # noqa: E402

SEED = int(os.environ.get("SEED", "4"))
COUNT = 1500

# What the reader alone refuses, by its words: the schema sees no text, no two places at once and no sums.
BEYOND_A_SCHEMA = [
    "given twice in one object",
    "a key with a backslash",
    r"expected a whole number",  # 1.0 and 1e3 are whole numbers to a schema; other ones it must refuse, see below
    "runs backwards", "does not come after", "beyond num_vfs",
    "expected indices and ranges of 0 to",  # above 65534
    "one MAC for", "one name for", "is one byte in a MAC", "is given to another VF", "has the same match as",
    "is above max_tx_rate",
    "makes no interface name",  # its length when it is filled in, names of digits alone, words like "all"
    r"1 to 15 bytes without blanks",  # a schema counts characters
    "too many VFs",
]


def value_of(text):
    """None when it is not JSON."""
    try:
        return json.loads(configs.without_comments(text))
    except ValueError:
        return None


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import jsonschema  # Debian: python3-jsonschema
        cls.schema = json.loads((configs.TOP / "data/config.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(cls.schema)
        cls.validator = jsonschema.Draft202012Validator(cls.schema)

    def takes(self, value):
        return self.validator.is_valid(value)

    def test_good(self):
        rng = random.Random(SEED)
        texts = [configs.join(configs.tokens(configs.good(rng)), rng)[0] for _ in range(COUNT)]
        for text, (said, _) in zip(texts, configs.lint([{"t.json": text} for text in texts])):
            self.assertIsNone(said, text)
            self.assertEqual([error.message for error in self.validator.iter_errors(value_of(text))], [], text)

    def test_bad(self):
        rng = random.Random(SEED)
        texts = [configs.bad(rng, configs.TREE[i % len(configs.TREE)])[0] for i in range(COUNT)]
        by_hand = importlib.import_module("test-bad-configs").by_hand
        texts += [list(files.values())[0] for files, *_ in by_hand() if len(files) == 1]
        texts = [text for text in texts if value_of(text) is not None]
        excused, checked = set(), 0
        for text, (said, _) in zip(texts, configs.lint([{"t.json": text} for text in texts])):
            self.assertIsNotNone(said, text)
            if not self.takes(value_of(text)):
                checked += 1
                continue
            why = [words for words in BEYOND_A_SCHEMA if re.search(words, said)]
            self.assertTrue(why, f"the schema takes it, the reader does not: {said}\n{text}")
            excused.update(why)
        self.assertGreater(checked, COUNT / 2)
        self.assertEqual([words for words in BEYOND_A_SCHEMA if words not in excused], [], "the schema says these after all")

    def test_numbers(self):
        """A whole number out of range is no excuse."""
        for key, (low, high) in configs.NUMBERS.items():
            for number in (low, high, low - 1, high + 1):
                match = {"slot": "1"} if key != "numa_node" else {key: number}
                element = {"index": 0, key: number} if key in configs.ATTRIBUTES + ["msix", "index"] else {"index": 0}
                pf = {"match": match, "vfs": [element]} if key not in ("num_vfs", "mtu") else {"match": match, key: number}
                text = json.dumps({"version": number if key == "version" else 1, "pfs": [pf]})
                (said, _), = configs.lint([{"t.json": text}])
                self.assertEqual(said is None, low <= number <= high, f"{text}: {said}")
                self.assertEqual(self.takes(json.loads(text)), said is None, text)

    def test_keys(self):
        """The reader lists the keys it knows when it meets another one."""
        definitions = self.schema["$defs"]
        frames = [('{"no": 1}', self.schema), ('{"version": 1, "pfs": [{"no": 1}]}', definitions["pf"]),
                  ('{"version": 1, "pfs": [{"match": {"no": 1}}]}', definitions["match"]),
                  ('{"version": 1, "pfs": [{"match": {"slot": "1"}, "vfs": [{"no": 1}]}]}', definitions["vfs"])]
        for (text, object_), (said, _) in zip(frames, configs.lint([{"t.json": text} for text, _ in frames])):
            self.assertEqual(set(said.split("expected one of: ")[1].split(", ")), set(object_["properties"]))

    def test_words(self):
        """Drivers and keys are those of the sources, in their order."""
        self.assertEqual(self.schema["$defs"]["allowed_driver"]["enum"], configs.allowed_drivers())
        self.assertEqual(self.schema["$defs"]["key"]["enum"], configs.KEYS)
        entry = '{"version": 1, "pfs": [{"match": {"slot": "1"}, "optional": %s}]}'
        (said, _), = configs.lint([{"t.json": entry % json.dumps(configs.KEYS)}])
        self.assertIsNone(said)

    def test_examples(self):
        texts = {path.name: path.read_text(encoding="utf-8") for path in (configs.TOP / "data/examples").glob("config-*.json")}
        self.assertGreaterEqual(len(texts), 3)
        page = (configs.TOP / "man/sriovd.conf.5").read_text(encoding="utf-8")
        shown = [text for text in re.findall(r"(?ms)^\.EX\n(.*?)^\.EE", page) if text.startswith("{")]
        self.assertEqual(len(shown), 1)
        texts["man"] = shown[0]
        for name, text in texts.items():
            (said, _), = configs.lint([{name: text}])
            self.assertIsNone(said)
            self.assertEqual([error.message for error in self.validator.iter_errors(value_of(text))], [], name)


if __name__ == "__main__":
    tap.main()
