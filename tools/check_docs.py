#!/usr/bin/env python3
"""The documents name only what is there: links and paths, make targets, commands of the program, cmake presets.

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
        return self.faults

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
