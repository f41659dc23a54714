#!/usr/bin/env python3
"""Writes the manual pages and the completions of shells, as the program tells them.   usage: make_pages.py PROGRAM FOLDER
With --check nothing is written: ends with 1 and names what is not as the program tells it."""
import pathlib
import re
import subprocess
import sys

OWN_NAMES = ("sendmail", "mailq", "newaliases")


def ask(program, *words):
    return subprocess.run([program, "help", *words], capture_output=True, text=True, check=True).stdout


def pages(program):
    """Path below the folder -> text."""
    made = {"man/posthorn.1": ask(program, "--man"), "man/posthorn.toml.5": ask(program, "--man", "settings")}
    for command in re.findall(r"^ {2}([a-z]+)\b", ask(program), re.M):
        name = command if command in OWN_NAMES else f"posthorn-{command}"
        made[f"man/{name}.1"] = ask(program, "--man", command)
    for shell in ("bash", "zsh", "fish"):
        made[f"completions/posthorn.{shell}"] = ask(program, "--completion", shell)
    return made


def main():
    words = [word for word in sys.argv[1:] if word != "--check"]
    program, folder = words[0], pathlib.Path(words[1])
    made = pages(program)
    there = {str(path.relative_to(folder)) for part in ("man", "completions") for path in (folder / part).glob("*")}
    if "--check" in sys.argv:
        old = sorted(name for name, text in made.items() if name not in there or (folder / name).read_text() != text)
        old += sorted(there - set(made))
        for name in old:
            print(f"{folder / name} is not what the program tells: make docs", file=sys.stderr)
        sys.exit(1 if old else 0)
    for name in there - set(made):
        (folder / name).unlink()
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
