#!/usr/bin/env python3
"""Words that may not stand in a finished tree: notes to oneself, switched-off tests, swallowed failures.

usage: check_words.py [--root FOLDER]      reads what git tracks there, or every file when it is no repository
"""
import argparse
import pathlib
import re
import subprocess
import sys

WORDS = {
    "a note to oneself": r"\b(TODO|FIXME|XXX|HACK)\b|\bfor now\b",
    "a switched-off test": r"GTEST_SKIP|\bDISABLED_|@unittest\.skip|\bskipTest\b|WILL_FAIL",
    "a swallowed failure": r"\|\|\s*(true|:)(\s|$)",
    "a merge left open": r"^(<{7}|>{7}) ",
    "a folder of one machine": r"(?<![\w.}])/(home|work|root|Users)/\w",
}
# This file and its test name the words; licences, corpora and captured mail are other people's text.
APART = re.compile(r"^(tools/check_words\.py|tests/house/|LICENSE|tests/vectors/|tests/fuzz/corpus/)|\.(eml|bin|dat|pem|key|crt)$")


def tracked_files(root):
    done = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True, check=False)
    if done.returncode == 0:
        return [name for name in done.stdout.decode().split("\0") if name]
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


def faults_of(root):
    for name in sorted(tracked_files(root)):
        path = root / name
        if APART.search(name) or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for what, pattern in WORDS.items():
                if re.search(pattern, line):
                    yield f"{name}:{number}: {what}: {line.strip()[:120]}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    faults = list(faults_of(parser.parse_args().root.resolve()))
    print("\n".join([*faults, f"words: {len(faults)} faults"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
