#!/usr/bin/env python3
"""Writes docs/commands.md: what posthorn help and each command's --help say.   usage: make_commands.py PROGRAM"""
import re
import subprocess
import sys


def ask(program, *words):
    return subprocess.run([program, *words], capture_output=True, text=True, check=True).stdout.rstrip()


def commands_of(text):
    """The first words of the indented lines of the overview."""
    return [word for word in re.findall(r"^ {2}([a-z]+)\b", text, re.M) if word != "help"]


def main():
    program = sys.argv[1]
    overview = ask(program, "help")
    print("# The commands\n\nMade by `make docs` from what the program says of itself; do not edit.\n")
    print(f"```text\n{overview}\n```")
    for command in commands_of(overview):
        print(f"\n## posthorn {command}\n\n```text\n{ask(program, command, '--help')}\n```")


if __name__ == "__main__":
    main()
