#!/usr/bin/env python3
"""Our header and address list parsers beside Python's email package, on texts made from a seed.

usage: header_differential.py HEADER_FACTS [FIRST_SEED [SEEDS]]

Where we say that a text is by the grammar, Python has to read the same from it. Differences that are known and meant:
Python decodes encoded words inside addresses, and knows no blank before a field's colon; neither is made here.
"""

import email
import email.policy
import random
import re
import subprocess
import sys
from email.headerregistry import HeaderRegistry

TEXTS_OF_A_SEED = 400
SEPARATOR = "\x1f"
FAULTS = ['"', "(", ")", "<", ">", "@", ",", ";", ":", "\\", ".", "[", "]", " "]


class ListMaker:
    """Address lists by the grammar of RFC 5322 §3.4 and §4.4, some with one character put in at random."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *choices):
        choice = self.random.choice(choices)
        return choice() if callable(choice) else choice

    def cfws(self):
        return self.one("", "", "", " ", "\r\n ", "(c)", " (a (b) c) ", "(\\))")

    def atom(self):
        return self.one("a", "bob", "x+y", "Q", "joe", "J")

    def quoted(self):
        return self.one('"a b"', '"x@y"', '""', '"a\\"b"', '",;"')

    def word(self):
        return self.one(self.atom, self.atom, self.quoted)

    def obsolete_local_part(self):
        return self.word() + self.cfws() + "." + self.cfws() + self.word()

    def local_part(self):
        plain = self.one(self.atom, self.atom() + "." + self.atom(), self.quoted, self.obsolete_local_part)
        return self.cfws() + plain + self.cfws()

    def domain(self):
        name = self.one("example.org", "b.example", "x . example", "[192.0.2.1]", "EXAMPLE.net")
        return self.cfws() + name + self.cfws()

    def addr_spec(self):
        return self.local_part() + "@" + self.domain()

    def phrase(self):
        words = " ".join(self.word() for _ in range(self.random.randint(1, 3)))
        return self.cfws() + words + self.one("", ".") + self.cfws()

    def mailbox(self):
        return self.one(
            self.addr_spec,
            lambda: self.phrase() + "<" + self.addr_spec() + ">" + self.cfws(),
            lambda: "<" + self.addr_spec() + ">",
            lambda: self.phrase() + "<@a.example,@b.example:" + self.addr_spec().lstrip() + ">",
        )

    def group(self):
        members = self.one("", " ", self.mailbox, lambda: self.mailbox() + "," + self.mailbox())
        return self.phrase() + ":" + members + ";" + self.cfws()

    def text(self):
        count = self.random.randint(1, 4)
        text = ",".join(self.one(self.mailbox, self.mailbox, self.mailbox, self.group, "") for _ in range(count))
        if self.random.random() < 0.3:
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.random.choice(FAULTS) + text[at:]
        return text


def made_header(seed):
    """Header lines, most of them fields."""
    chance = random.Random(seed)
    lines = ["From: a@b.example", "FROM: c@d.example", "from:", "Subject: x: y", " folded", "\tFrom: folded", " ",
             "X-From: e", "To:f", "no field", ": empty"]
    weights = [4, 2, 2, 4, 3, 3, 2, 3, 3, 1, 1]
    chosen = chance.choices(lines, weights, k=chance.randint(1, 8))
    return "A: b\r\n" + "".join(line + "\r\n" for line in chosen) + "\r\nFrom: body\r\n"


def ours(program, mode, texts):
    given = "".join(text + "\0" for text in texts).encode()
    told = subprocess.run([program, mode], input=given, capture_output=True, check=True).stdout.decode()
    lines = told.removesuffix("\n").split("\n")
    assert len(lines) == len(texts), f"{len(texts)} texts, {len(lines)} answers"
    return [(line[0] == "1", line.split(SEPARATOR)[1:]) for line in lines]


def canonical(address):
    local_part, _, domain = address.rpartition("@")
    if local_part.startswith('"') and local_part.endswith('"') and len(local_part) > 1:
        local_part = re.sub(r"\\(.)", r"\1", local_part[1:-1])
    return local_part, domain.lower()


def theirs_of_list(text):
    """None where the package itself stumbles: some lists that it refuses end in an AttributeError or IndexError."""
    try:
        header = HeaderRegistry()("To", text.replace("\r\n", ""))
    except (AttributeError, IndexError):
        return None
    return [canonical(address.addr_spec) for address in header.addresses]


def compare_lists(program, seed):
    maker = ListMaker(seed)
    texts = [maker.text() for _ in range(TEXTS_OF_A_SEED)]
    # A character put into a fold makes text that never comes out of a message.
    texts = [text for text in texts if not re.search(r"\r(?!\n)|\r\n(?! )", text)]
    by_the_grammar = 0
    for text, (well_formed, addresses) in zip(texts, ours(program, "lists", texts)):
        if not well_formed:
            continue
        theirs = theirs_of_list(text)
        if theirs is None:
            continue
        by_the_grammar += 1
        assert [canonical(address) for address in addresses] == theirs, f"seed {seed}: {text!r}: {addresses} {theirs}"
    assert by_the_grammar > len(texts) // 4, "most lists are by the grammar"


def compare_headers(program, seed):
    texts = [made_header(seed * TEXTS_OF_A_SEED + number) for number in range(TEXTS_OF_A_SEED)]
    all_fields = 0
    for text, (well_formed, names) in zip(texts, ours(program, "headers", texts)):
        if not well_formed:
            continue
        all_fields += 1
        theirs = email.message_from_string(text, policy=email.policy.compat32).keys()
        assert names == theirs, f"seed {seed}: {text!r}: {names} {theirs}"
    assert all_fields > len(texts) // 4, "most headers are fields only"


def main():
    program = sys.argv[1]
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    for seed in range(first, first + seeds):
        compare_lists(program, seed)
        compare_headers(program, seed)
    print(f"seeds {first} to {first + seeds - 1}: no difference")


if __name__ == "__main__":
    main()
