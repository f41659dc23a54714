#!/usr/bin/env python3
"""Each fault of docs/reliability.md has its row, and each test that the page names is there.

usage: check_reliability.py [--root FOLDER]     ends with 1 and one line per fault, or with 0
"""
import argparse
import pathlib
import re
import sys

FAULTS = 53
INVARIANTS = 30
CASE = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)")


def cases_in(root):
    found = set()
    for folder in ("src", "tests"):
        for path in (root / folder).rglob("*_test.cpp"):
            found |= {f"{suite}.{name}" for suite, name in CASE.findall(path.read_text())}
    return found


def faults_of(root):
    page = (root / "docs/reliability.md").read_text()
    rows = set(int(number) for number in re.findall(r"^\| F(\d+) ", page, re.M))
    faults = [f"F{number} has no row" for number in range(1, FAULTS + 1) if number not in rows]
    cells = " ".join(re.findall(r"^\| (I[\d, I]+) \|", page, re.M))
    faults += [f"I{n} has no row" for n in range(1, INVARIANTS + 1) if not re.search(rf"\bI{n}\b", cells)]
    known = cases_in(root)
    faults += [f"{name} is no test" for name in re.findall(r"`(\w+\.[A-Za-z]\w+)`", page)
               if name not in known and not name.endswith((".hpp", ".cpp", ".py"))]
    for path, words in re.findall(r"`(tests/\w+/\w+\.py)`: ([\w, ]+)", page):
        text = (root / path).read_text() if (root / path).exists() else ""
        faults += [f"{path} has no {name}" for name in re.findall(r"test_\w+", words) if f"def {name}(" not in text]
    listed = set(re.findall(r"^src/\S+", (root / "cmake/planted_sources.txt").read_text(), re.M))
    named = {str(path.relative_to(root)) for path in (root / "src").rglob("*.cpp")
             if "base/planted_fault.hpp" in path.read_text() and path.parent.name != "base"}
    return faults + [f"cmake/planted_sources.txt and {path} disagree" for path in sorted(listed ^ named)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    faults = faults_of(parser.parse_args().root)
    for fault in faults:
        print(f"docs/reliability.md: {fault}")
    print(f"reliability: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
