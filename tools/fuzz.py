#!/usr/bin/env python3
"""Runs the libFuzzer programs of the fuzz preset, one after another: make fuzz [TARGET=NAME] [SECONDS=60].

What a target finds of interest grows in build/fuzz/corpus/NAME, what fails it lies in build/fuzz/failures/NAME.
Ends with 1 if any target failed.
"""
import argparse
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ROOT / "tests/fuzz"
BUILD = ROOT / "build/fuzz"


def names(wanted):
    known = sorted(path.name.removesuffix("_fuzzer.cpp") for path in SOURCES.glob("*_fuzzer.cpp"))
    if not wanted:
        return known
    if wanted not in known:
        sys.exit(f"no fuzz target {wanted}; there are: {' '.join(known)}")
    return [wanted]


def build(targets):
    subprocess.run(["cmake", "--preset", "fuzz", "--log-level=WARNING"], cwd=ROOT, check=True)
    programs = [f"{name}_fuzzer" for name in targets]
    subprocess.run(["cmake", "--build", BUILD, "--target", *programs], check=True)


def fuzz(name, seconds):
    """True if nothing failed."""
    found, failures = BUILD / "corpus" / name, BUILD / "failures" / name
    for folder in (found, failures):
        folder.mkdir(parents=True, exist_ok=True)
    dictionary = SOURCES / f"{name}.dict"
    options = ["-timeout=2", "-malloc_limit_mb=64", "-rss_limit_mb=2048", "-max_len=65536", "-print_final_stats=1"]
    options += [f"-max_total_time={seconds}", f"-artifact_prefix={failures}/"]
    options += [f"-dict={dictionary}"] if dictionary.exists() else []
    program = BUILD / "tests/fuzz" / f"{name}_fuzzer"
    return subprocess.run([program, *options, found, SOURCES / "corpus" / name], check=False).returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", default="")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    arguments = parser.parse_args()
    targets = names(arguments.target)
    build(targets)
    failed = [name for name in targets if not fuzz(name, arguments.seconds)]
    print(f"fuzz: {len(targets) - len(failed)} of {len(targets)} targets found nothing; failed: {' '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
