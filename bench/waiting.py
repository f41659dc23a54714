#!/usr/bin/env python3
"""Starts with 100,000 and 200,000 waiting messages (FAULTS F50) and holds them against their targets: mail is taken within a second,
the index costs at most 300 octets a message and 64 for each further recipient, twice the queue at most 2.2 times the time.

usage: waiting.py PROGRAM [--messages N]     status 1: a target is missed"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile

STARTS = 3
ACCEPTING_SECONDS = 1
MESSAGE_OCTETS = 300
RECIPIENT_OCTETS = 64
RATIO = 2.2


def measure(program, messages, recipients):
    """The median of some starts on a spool with so many messages."""
    with tempfile.TemporaryDirectory(prefix="posthorn-waiting-") as folder:
        subprocess.run([program, "fill", folder, str(messages), str(recipients)], check=True)
        starts = [json.loads(subprocess.run([program, "start", folder], check=True, capture_output=True).stdout) for _ in range(STARTS)]
    row = {key: statistics.median(start[key] for start in starts) for key in starts[0]}
    row["octets_each"] = row["octets"] / row["messages"]
    print(f"{messages:>8} messages, {recipients:>2} recipients: accepting after {row['accepting_s']:.3f} s, whole after "
          f"{row['whole_s']:.3f} s, {row['octets_each']:.0f} octets of memory each", flush=True)
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--messages", type=int, default=100_000)
    arguments = parser.parse_args()
    once = measure(arguments.program, arguments.messages, 1)
    twice = measure(arguments.program, 2 * arguments.messages, 1)
    many = measure(arguments.program, arguments.messages // 10, 11)
    further = (many["octets_each"] - once["octets_each"]) / 10
    ratio = twice["whole_s"] / once["whole_s"]
    print(f"a further recipient costs {further:.0f} octets; twice the queue {ratio:.2f} times the time")
    missed = [name for name, good in {
        "accepting": max(once["accepting_s"], twice["accepting_s"]) <= ACCEPTING_SECONDS,
        "memory of a message": twice["octets_each"] <= MESSAGE_OCTETS,
        "memory of a recipient": further <= RECIPIENT_OCTETS,
        "twice the queue": ratio <= RATIO,
    }.items() if not good]
    print("missed: " + ", ".join(missed) if missed else "all targets met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
