#!/usr/bin/env python3
"""Runs the simulator: over many seeds, over every cut point of short histories, and against the planted faults.

usage: sim.py seeds A-B              every seed must hold; the seeds are shared between the processors
       sim.py exhaustive LETTERS     every cut point of each history of so many letters
       sim.py twice A-B              each seed gives the same trace in two processes
       sim.py planted                each planted fault is found by the seeds named in tests/sim/planted.tsv, and these seeds
                                     hold when nothing is planted
       sim.py hunt [A-B,C-D]         finds the seeds for that table: each fault must fall within them (2,000 by default); writes it
       sim.py nothing-planted        the program itself holds nothing of the planted faults
"""
import argparse
import concurrent.futures
import itertools
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests/sim/planted.tsv"
SEEDS = "1-2000"
WITHIN = "1-1000,100001-101000"  # without and with the features of plan_features.hpp; in turn
SHARE = 0.95   # of the planted faults that must be found
LEAST = 40     # planted faults
STEP = 50      # seeds in one process
PATIENCE = 300  # seconds for one process: a run that does not end has shown a planted fault as well
KEPT = 2       # seeds kept for each fault, so that a change that makes one of them blind shows nothing by itself


def seconds(since):
    return f"{time.monotonic() - since:.0f} s"


class Simulator:
    def __init__(self, program, planted):
        self.program = program
        self.planted = planted
        self.pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())

    @staticmethod
    def run(*words, timeout=3600):
        try:
            return subprocess.run(words, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired as ended:
            return subprocess.CompletedProcess(words, 124, (ended.stdout or b"").decode(), "")

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

    def exhaustive(self, letters, outcomes, one_in):
        """`one_in`: of the states that cuts leave, only one in so many is run."""
        started = time.monotonic()
        shares = os.cpu_count()
        runs = list(self.pool.map(lambda share: self.share(letters, outcomes, share, shares * one_in), range(1, shares + 1)))
        for run in runs:
            print(run.stdout.strip())
        print(f"in {seconds(started)}")
        return all(run.returncode == 0 for run in runs)

    def share(self, letters, outcomes, share, shares):
        """One process of several; the first shows how far it is."""
        words = ["sim", "--exhaustive", letters, "--outcomes", outcomes, "--share", f"{share}-{shares}"]
        progress = None if share == 1 else subprocess.DEVNULL
        return subprocess.run([self.program, *words], stdout=subprocess.PIPE, stderr=progress, text=True)

    # ---- planted faults ----

    def faults(self):
        return self.run(self.planted, "--faults").stdout.split()

    def find(self, fault, first, last):
        """(seed, invariant) of the first run that shows the fault, or none. A run that dies or does not end shows it too."""
        run = self.run(self.planted, fault, f"{first}-{last}", "--stop-at-failure", timeout=PATIENCE)
        bad = re.search(r"^seed (\d+) FAILED (\S+)", run.stdout, re.M)
        if bad:
            return int(bad[1]), bad[2]
        if run.returncode not in (0, 1):
            return first + len(re.findall(r"^seed ", run.stdout, re.M)), "died"
        return None

    def find_some(self, fault, parts):
        found = []
        for first, last in parts:
            while first <= last and (one := self.find(fault, first, last)):
                found.append(one)
                if len(found) == KEPT:
                    return found
                first = one[0] + 1
        return found

    def hunt(self, parts):
        started = time.monotonic()
        faults = self.faults()
        found = list(self.pool.map(lambda fault: self.find_some(fault, parts), faults))
        rows = [f"{fault}\t{seed}\t{shown}" for fault, seeds in zip(faults, found) for seed, shown in seeds]
        missed = [fault for fault, seeds in zip(faults, found) if not seeds]
        head = "# Planted faults and seeds that find them: name, seed, what it shows. Written by tools/sim.py hunt.\n"
        TABLE.write_text(head + "".join(row + "\n" for row in rows))
        print(f"{len(faults) - len(missed)} of {len(faults)} planted faults found within {sum(b - a + 1 for a, b in parts)} seeds in {seconds(started)}")
        for fault in missed:
            print(f"not found: {fault}")
        return len(faults) >= LEAST and len(missed) <= (1 - SHARE) * len(faults)

    def check_planted(self):
        started = time.monotonic()
        faults = self.faults()
        rows = [line.split("\t")[:2] for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
        shown = self.pool.map(lambda row: self.find(row[0], int(row[1]), int(row[1])), rows)
        found = {fault for (fault, _), seen in zip(rows, shown) if seen}
        lost = [f"{fault} is not found by its seeds any more: run make sim" for fault in {row[0] for row in rows} - found]
        lost += [f"{fault} is in the table, and cannot be planted" for fault, _ in rows if fault not in faults]
        # The control: the same program and the same seeds with nothing planted.
        seeds = sorted({int(seed) for _, seed in rows})
        bad = [one for one in self.pool.map(lambda seed: self.find("none", seed, seed), seeds) if one]
        lost += [f"seed {seed} fails with nothing planted: {shown}" for seed, shown in bad]
        print("\n".join(lost))
        print(f"{len(found)} of {len(faults)} planted faults found by {len(rows)} runs, {len(seeds)} seeds with nothing planted, "
              f"in {seconds(started)}")
        return not lost and len(faults) >= LEAST and len(found) >= SHARE * len(faults)

    def nothing_planted(self):
        names = [fault.encode() for fault in self.faults()] + [b"with_planted_faults"]
        program = pathlib.Path(self.program).read_bytes()
        there = [name.decode() for name in names if name in program]
        control = [name.decode() for name in names[:1] if name not in pathlib.Path(self.planted).read_bytes()]
        print(f"{len(names) - 1} names looked for in {self.program}: {there or 'none is there'}")
        return len(names) > LEAST and not there and not control


def sum_figures(texts):
    """The figures of several processes, added up."""
    sums = {}
    for text in texts:
        for number, name in re.findall(r"([\d.]+) ([a-z][a-z ]*)(?=,|$)", text, re.M):
            sums[name] = sums.get(name, 0) + float(number)
    return ", ".join(f"{value:,.0f} {name}" for name, value in sums.items())


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("what", choices=["seeds", "exhaustive", "twice", "planted", "hunt", "nothing-planted"])
    parser.add_argument("which", nargs="?")
    parser.add_argument("--program", default=os.environ.get("POSTHORN", str(ROOT / "build/posthorn")))
    parser.add_argument("--planted", default=str(ROOT / "build/posthorn_planted"))
    parser.add_argument("--outcomes", default=str(1 << 20), help="exhaustive: looked at after one cut")
    parser.add_argument("--one-in", type=int, default=1, help="exhaustive: run only one in so many of the states that cuts leave")
    options = parser.parse_args()
    os.nice(5)
    simulator = Simulator(options.program, options.planted)
    if options.what == "exhaustive":
        return simulator.exhaustive(options.which, options.outcomes, options.one_in)
    if options.what == "planted":
        return simulator.check_planted()
    if options.what == "nothing-planted":
        return simulator.nothing_planted()
    if options.what == "hunt":
        return simulator.hunt(in_turn([range_of(part) for part in (options.which or WITHIN).split(",")]))
    return getattr(simulator, options.what)(*range_of(options.which or SEEDS))


def range_of(words):
    first, last = (int(part) for part in words.split("-"))
    return first, last


def in_turn(ranges):
    """Pieces of STEP seeds, one of each range after the other."""
    pieces = [[(a, min(a + STEP - 1, last)) for a in range(first, last + 1, STEP)] for first, last in ranges]
    return [piece for row in itertools.zip_longest(*pieces) for piece in row if piece]


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
