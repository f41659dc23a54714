#!/usr/bin/env python3
"""Runs the simulator: over many seeds, over every cut point of short histories, and against the planted faults.

usage: sim.py seeds A-B              every seed must hold; the seeds are shared between the processors
       sim.py exhaustive LETTERS     every cut point of each history of so many letters
       sim.py planted                each planted fault is found by one of the seeds named in tests/sim/planted.tsv
       sim.py hunt [A-B]             finds the seeds for that table: each fault must fall within them (1-2000); writes it
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
TABLE = ROOT / "tests/sim/planted.tsv"
WITHIN = 2000
SHARE = 0.95  # of the planted faults that must be found
STEP = 50     # seeds in one process


def seconds(since):
    return f"{time.monotonic() - since:.0f} s"


class Simulator:
    def __init__(self, program, planted):
        self.program = program
        self.planted = planted
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    @staticmethod
    def run(program, *words):
        return subprocess.run([program, *words], capture_output=True, text=True, timeout=3600)

    def sim(self, *words):
        return self.run(self.program, "sim", *words)

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

    def finds(self, fault, first, last):
        """(seed, invariant) of the first run that shows the fault, or none. A run that dies shows it too."""
        for start in range(first, last + 1, STEP):
            end = min(start + STEP - 1, last)
            run = self.run(self.planted, "--fault", fault, "--seeds", f"{start}-{end}", "--stop-at-failure")
            bad = re.search(r"^seed (\d+) FAILED (\S+)", run.stdout, re.M)
            if bad:
                return int(bad[1]), bad[2]
            if run.returncode not in (0, 1):
                return start + len(re.findall(r"^seed ", run.stdout, re.M)), "died"
        return None

    def faults(self):
        return self.run(self.planted, "--faults").stdout.split()

    def hunt(self, first, last):
        started = time.monotonic()
        faults = self.faults()
        found = list(self.pool.map(lambda fault: self.finds(fault, first, last), faults))
        rows = [f"{fault}\t{seed[0]}\t{seed[1]}" for fault, seed in zip(faults, found) if seed]
        missed = [fault for fault, seed in zip(faults, found) if not seed]
        head = "# Planted faults and a seed that finds each: name, seed, what it shows. Written by tools/sim.py hunt.\n"
        TABLE.write_text(head + "".join(row + "\n" for row in rows))
        print(f"{len(rows)} of {len(faults)} planted faults found within seeds {first}-{last} in {seconds(started)}")
        for fault in missed:
            print(f"not found: {fault}")
        return len(rows) >= SHARE * len(faults)

    def check_planted(self):
        started = time.monotonic()
        table = dict(line.split("\t")[:2] for line in TABLE.read_text().splitlines() if line and not line.startswith("#"))
        faults = self.faults()
        rows = [(fault, int(seed)) for fault, seed in table.items()]
        found = self.pool.map(lambda row: self.finds(row[0], row[1], row[1]), rows)
        lost = [f"{fault} is not found by seed {seed} any more: run make sim" for (fault, seed), seen in zip(rows, found) if not seen]
        lost += [f"{fault} is in the table, and in no source" for fault in table if fault not in faults]
        print("\n".join(lost))
        print(f"{len(rows)} of {len(faults)} planted faults, {len(lost)} not found, in {seconds(started)}")
        return not lost and len(rows) >= SHARE * len(faults)


def sum_figures(texts):
    """The figures of several processes, added up."""
    sums = {}
    for text in texts:
        for number, name in re.findall(r"([\d.]+) ([a-z][a-z ]*)(?=,|$)", text, re.M):
            sums[name] = sums.get(name, 0) + float(number)
    return ", ".join(f"{value:,.0f} {name}" for name, value in sums.items())


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", choices=["seeds", "exhaustive", "planted", "hunt", "twice"])
    parser.add_argument("which", nargs="?", default=f"1-{WITHIN}")
    parser.add_argument("--program", default=os.environ.get("POSTHORN", str(ROOT / "build/posthorn")))
    parser.add_argument("--planted", default=str(ROOT / "build/posthorn_planted"))
    options = parser.parse_args()
    simulator = Simulator(options.program, options.planted)
    if options.what == "exhaustive":
        return simulator.exhaustive(int(options.which))
    first, last = (int(part) for part in options.which.split("-"))
    if options.what == "seeds":
        return simulator.seeds(first, last)
    if options.what == "twice":
        return simulator.twice(first, last)
    return simulator.hunt(first, last) if options.what == "hunt" else simulator.check_planted()


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
