#!/usr/bin/env python3
"""The documents name only what is there: links and paths, make targets, commands of the program, cmake presets; and
docs/spool_format.md lists every member of the types that stand on the disk.

usage: check_docs.py [--root FOLDER] [--program PROGRAM]     without a program its commands are not checked
"""
import argparse
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:src|tests|tools|docs|bench|packaging|cmake)/[\w./-]*)`")
FENCE = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
MAKE = re.compile(r"(?:^|`)make ([a-z]+)", re.M)
COMMAND = re.compile(r"(?:^|[`/ ])posthorn ([a-z]+)\b(?=[^`\n]*)")

FORMAT = "docs/spool_format.md"
ON_DISK = ["SpoolIdentity", "SegmentHeader", "VoidRange", "RecordHeader", "RecordType", "MessageFacts", "BodyFacts", "DeliveryName", "Origin",
           "OutcomeFacts", "SettlementFacts", "RecipientState", "RecipientStatus"]
ENUM = r"^\s*enum class {} .*?\{{(.*?)^\}};"
STRUCT = r"^struct {} \{{(.*?)^\}};"
FIELD = re.compile(r"^  (?!enum|using|bool operator|\[\[)[\w:<>, ]+? (\w+)(?:\{[^{}]*\}| = [^;()]+)?;")


def members_of(source, name):
    """What the type has: the names of an enum, or the fields of a struct. None: no such type."""
    source = re.sub(r"\s*//.*", "", source)
    if found := re.search(ENUM.format(name), source, re.M | re.S):
        return set(re.findall(r"(\w+)\s*(?:=\s*\d+)?\s*(?:,|$)", found[1]))
    if found := re.search(STRUCT.format(name), source, re.M | re.S):
        one_line = re.sub(r"\n {6,}", " ", found[1])
        return {field[1] for line in one_line.splitlines() if (field := FIELD.match(line))}
    return None


def rows_of(text, name):
    """The first column of the table headed by this name."""
    found = re.search(rf"^\| `{name}` \|.*\n\| ---.*\n((?:\|.*\n)+)", text, re.M)
    return set(re.findall(r"^\| `(\w+)` \|", found[1], re.M)) if found else None


class Documents:
    def __init__(self, root, program):
        self.root = root
        self.faults = []
        self.targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.M))
        self.presets = set(re.findall(r'"name": "(\w+)"', (root / "CMakePresets.json").read_text()))
        self.commands = self.commands_of(program) if program else None

    @staticmethod
    def commands_of(program):
        overview = subprocess.run([program, "help"], capture_output=True, text=True, check=True).stdout
        return set(re.findall(r"^ {2}([a-z]+)\b", overview, re.M))

    def check(self):
        files = [*self.root.glob("*.md"), *(self.root / "docs").rglob("*.md")]
        for path in sorted(files):
            text = path.read_text()
            self.check_paths(path, text)
            self.check_commands(path, text)
        if (self.root / FORMAT).exists():
            self.check_format(self.root / FORMAT)
        return self.faults

    def check_format(self, path):
        source = "\n".join(header.read_text() for header in sorted((self.root / "src/store").glob("*.hpp")))
        text = path.read_text()
        for name in ON_DISK:
            has, says = members_of(source, name), rows_of(text, name)
            if has is None or says is None:
                self.fault(path, f"{name} is missing in the " + ("code" if has is None else "document"))
            else:
                for member in sorted(has ^ says):
                    self.fault(path, f"{name}::{member} is only in the " + ("code" if member in has else "document"))

    def fault(self, path, what):
        self.faults.append(f"{path.relative_to(self.root)}: {what}")

    def check_paths(self, path, text):
        for link in LINK.findall(text):
            if "://" not in link and not (path.parent / link).exists():
                self.fault(path, f"links to {link}, which is not there")
        for name in PATH.findall(text):
            if not (self.root / name).exists():
                self.fault(path, f"names {name}, which is not there")

    def check_commands(self, path, text):
        for target in MAKE.findall(text):
            if target not in self.targets:
                self.fault(path, f"make {target} is no target of the Makefile")
        shell = "\n".join(FENCE.findall(text))
        for preset in re.findall(r"cmake --preset (\w+)", shell):
            if preset not in self.presets:
                self.fault(path, f"{preset} is no preset")
        spoken = shell + "\n" + "\n".join(re.findall(r"`((?:build/)?posthorn [^`]*)`", text))
        for command in COMMAND.findall(spoken):
            if self.commands is not None and command not in self.commands:
                self.fault(path, f"posthorn {command} is no command of the program")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--program")
    arguments = parser.parse_args()
    faults = Documents(arguments.root.resolve(), arguments.program).check()
    print("\n".join([*faults, f"docs: {len(faults)} faults"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
