#!/usr/bin/env python3
"""Runs the simulator: over many seeds, and over every cut point of short histories.

usage: sim.py seeds A-B              every seed must hold; the seeds are shared between the processors
       sim.py exhaustive LETTERS     every cut point of each history of so many letters
       sim.py twice A-B              each seed gives the same trace in two processes
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WITHIN = 2000
STEP = 50     # seeds in one process


def seconds(since):
    return f"{time.monotonic() - since:.0f} s"


class Simulator:
    def __init__(self, program):
        self.program = program
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    def sim(self, *words):
        return subprocess.run([self.program, "sim", *words], capture_output=True, text=True, timeout=3600)

    def seeds(self, first, last):
        started = time.monotonic()
        parts = [(a, min(a + STEP - 1, last)) for a in range(first, last + 1, STEP)]
        outputs = list(self.pool.map(lambda part: self.sim("--seeds", f"{part[0]}-{part[1]}"), parts))
        bad = [line for run in outputs for line in run.stdout.splitlines() if " FAILED " in line]
        broken = [f"seeds {a}-{b} ended with {run.returncode}: {run.stderr.strip()[-400:]}"
                  for (a, b), run in zip(parts, outputs) if run.returncode not in (0, 1)]
        figures = sum_figures(run.stderr for run in outputs)
        print("\n".join(bad + broken))
        print(f"{last - first + 1} seeds in {seconds(started)}: {figures}; {len(bad)} failed")
        return not bad and not broken

    def twice(self, first, last):
        one, two = (self.sim("--seeds", f"{first}-{last}").stdout for _ in range(2))
        if one == two and one:
            print(f"seeds {first}-{last}: the same traces in two processes")
            return True
        different = [pair for pair in zip(one.splitlines(), two.splitlines()) if pair[0] != pair[1]]
        print(*different[:5], sep="\n")
        return False

    def exhaustive(self, letters):
        started = time.monotonic()
        run = self.sim("--exhaustive", str(letters))
        print(run.stdout.strip(), f"({seconds(started)})", run.stderr.strip())
        return run.returncode == 0


def sum_figures(texts):
    """The figures of several processes, added up."""
    sums = {}
    for text in texts:
        for number, name in re.findall(r"([\d.]+) ([a-z][a-z ]*)(?=,|$)", text, re.M):
            sums[name] = sums.get(name, 0) + float(number)
    return ", ".join(f"{value:,.0f} {name}" for name, value in sums.items())


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", choices=["seeds", "exhaustive", "twice"])
    parser.add_argument("which", nargs="?", default=f"1-{WITHIN}")
    parser.add_argument("--program", default=os.environ.get("POSTHORN", str(ROOT / "build/posthorn")))
    options = parser.parse_args()
    simulator = Simulator(options.program)
    if options.what == "exhaustive":
        return simulator.exhaustive(int(options.which))
    first, last = (int(part) for part in options.which.split("-"))
    return simulator.seeds(first, last) if options.what == "seeds" else simulator.twice(first, last)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
