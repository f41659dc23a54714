#!/usr/bin/env python3
"""make lint: places to look at. Functions past 70 lines, files past 600, how long functions and files are in all, and what
clang-tidy says of the sources (.clang-tidy). Sizes never fail; a finding of clang-tidy does.

usage: lint.py [--sizes] [FILE...]     without files: all of src/; --sizes leaves clang-tidy out
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LONGEST_FUNCTION = 70
LONGEST_FILE = 600
# In the project's style a function starts on a line that is no deeper than a member, and its body ends where that line began.
HEAD = re.compile(r"^(?P<indent> {0,4})(?!(?:if|for|while|switch|else|do|return|namespace|class|struct|enum|union|case|extern)\b)[^\s/#}].*$")


def functions_of(lines):
    """(line, length, first line) of each function body that takes more than one line."""
    at = 0
    while at < len(lines):
        head = HEAD.match(lines[at])
        last = end_of_head(lines, at) if head and "(" in lines[at] else None
        end = end_of_body(lines, last, head["indent"]) if last is not None else None
        if end is not None:
            yield at + 1, end - at + 1, lines[at].strip()
            at = end
        at += 1


def end_of_head(lines, at):
    """The line of the opening brace of a definition that starts here, or None."""
    for number in range(at, min(at + 12, len(lines))):
        line = lines[number].rstrip()
        if line.endswith("{"):
            return number
        if line.endswith((";", "}")) or not line:
            return None
    return None


def end_of_body(lines, opened, indent):
    closing = re.compile(rf"^{indent}}}")
    for number in range(opened + 1, len(lines)):
        if closing.match(lines[number]):
            return number
    return None


def report_sizes(files):
    lengths, sizes = [], []
    for path in files:
        lines = path.read_text().splitlines()
        sizes.append(len(lines))
        if len(lines) > LONGEST_FILE:
            print(f"{path.relative_to(ROOT)}: {len(lines)} lines")
        for line, length, head in functions_of(lines):
            lengths.append(length)
            if length > LONGEST_FUNCTION:
                print(f"{path.relative_to(ROOT)}:{line}: {length} lines: {head[:90]}")
    for what, numbers in (("functions of several lines", lengths), ("files", sizes)):
        if numbers:
            nine_in_ten = sorted(numbers)[int(len(numbers) * 0.9)]
            print(f"{what}: {len(numbers)}, median {statistics.median(numbers):.0f} lines, nine in ten up to {nine_in_ten}, longest {max(numbers)}")


def tidy(path):
    done = subprocess.run(
        ["clang-tidy-19", "--quiet", "-p", str(ROOT / "build/dev"), str(path)], capture_output=True, text=True, check=False, cwd=ROOT,
    )
    return done.stdout.strip()


def report_tidy(files):
    """How many findings; a header's are told once."""
    seen = set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for output in pool.map(tidy, files):
            for finding in re.split(r"\n(?=/\S+:\d+:\d+: (?:warning|error))", output):
                first = finding.split("\n")[0].replace(f"{ROOT}/", "")
                if first and first not in seen:
                    seen.add(first)
                    print(finding.replace(f"{ROOT}/", ""), flush=True)
    return len(seen)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    files = [path.resolve() for path in arguments.files] or sorted((ROOT / "src").rglob("*.[ch]pp"))
    report_sizes(files)
    if arguments.sizes:
        return 0
    findings = report_tidy([path for path in files if path.suffix == ".cpp" and not path.name.endswith("_test.cpp")])
    print(f"clang-tidy: {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
