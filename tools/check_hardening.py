#!/usr/bin/env python3
"""Reads from an ELF program that its hardening is really there, whatever the build files say.

usage: check_hardening.py PROGRAM      one line per property; ends with 1 if one is missing
"""
import re
import subprocess
import sys


def read(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def properties(program):
    """(what, whether it is there)"""
    header = read("readelf", "-hW", program)
    segments = read("readelf", "-lW", program)
    dynamic = read("readelf", "-dW", program)
    symbols = read("readelf", "--dyn-syms", "-W", program)
    code = read("objdump", "-d", "--no-show-raw-insn", program)
    stack = re.search(r"GNU_STACK\s+\S+\s+\S+\s+\S+\s+\S+\s+\S+\s+(\S+)", segments)
    checked = sorted(set(re.findall(r"\b(__\w+_chk)\b", symbols)) - {"__stack_chk_fail"})
    yield "position-independent program (PIE)", "DYN" in header and re.search(r"FLAGS_1.*\bPIE\b", dynamic) is not None
    yield "relocations read-only (RELRO)", "GNU_RELRO" in segments
    yield "bound at start (BIND_NOW)", re.search(r"FLAGS_1.*\bNOW\b", dynamic) is not None
    yield "stack not executable (NX)", stack is not None and "E" not in stack.group(1)
    yield "no segment both writable and executable", re.search(r"LOAD.*\bRWE\b", segments) is None
    yield "no text relocations", "TEXTREL" not in dynamic
    yield "no run path", "RPATH" not in dynamic and "RUNPATH" not in dynamic
    yield "stack protector", "__stack_chk_fail" in symbols
    yield "fortified library calls: " + (" ".join(checked) or "none"), bool(checked)
    yield "indirect branch targets (CET)", code.count("endbr64") > 100
    yield "library assertions (_GLIBCXX_ASSERTIONS)", "__glibcxx_assert_fail" in symbols


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check_hardening.py PROGRAM")
    missing = 0
    for what, there in properties(sys.argv[1]):
        print("ok     " if there else "MISSING", what)
        missing += not there
    print(f"hardening: {missing} missing")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
