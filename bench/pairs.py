#!/usr/bin/env python3
"""`posthorn bench source` and `sink` beside Postfix's smtp-source and smtp-sink, in one run: each pair by itself, and crossed, so that each
half is seen alone. Median of interleaved rounds; only the ratios count. smtp-source waits for each reply; ours does so, too, in the last row only.

usage: bench/pairs.py [--rounds 3] [--messages 5000] [--program build/posthorn] [--at-least RATIO]
"""
import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "tools"), str(ROOT / "tests/interop")]
import harness  # noqa: E402
import peers  # noqa: E402

SESSIONS = 20
SIZE = 4096
# Name, words for smtp-source, words for posthorn bench source.
ROWS = [
    ("a connection for each message", [], ["--per-connection", "1"]),
    ("many messages on each connection", ["-d"], []),
    ("the same, each step by itself", ["-d"], ["--no-pipelining"]),
]


def wait_for(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nobody listens on {port}")


class Postfix:
    name = "postfix"

    def __init__(self, options):
        self.root = peers.root("postfix")
        self.environment = peers.environment(self.root)

    def sink(self, port):
        rights = ["-u", "nobody"] if os.geteuid() == 0 else []  # it insists
        return subprocess.Popen([str(self.root / "usr/sbin/smtp-sink"), *rights, f"127.0.0.1:{port}", "1000"], env=self.environment)

    def send(self, port, count, row):
        began = time.monotonic()
        subprocess.run([str(self.root / "usr/sbin/smtp-source"), "-s", str(SESSIONS), "-m", str(count), "-l", str(SIZE), "-f", "a@b.test",
                        "-t", "c@d.test", *row[1], f"127.0.0.1:{port}"], check=True, env=self.environment, timeout=300)
        return count / (time.monotonic() - began)


class Posthorn:
    name = "posthorn"

    def __init__(self, options):
        self.program = options.program

    def sink(self, port):
        return subprocess.Popen([self.program, "bench", "sink", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def send(self, port, count, row):
        began = time.monotonic()
        done = subprocess.run([self.program, "bench", "source", "127.0.0.1", str(port), "--connections", str(SESSIONS), "--messages", str(count),
                               "--size", str(SIZE), "--json", *row[2]], check=True, capture_output=True, text=True, timeout=300)
        assert json.loads(done.stdout)["messages"] == count, done.stdout
        return count / (time.monotonic() - began)  # the start of the program is in it, as in the other's


def measure(source, sink, count, row):
    (port,) = harness.free_ports(1)
    process = sink.sink(port)
    try:
        wait_for(port)
        return source.send(port, count, row)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--program", default=str(ROOT / "build/posthorn"))
    parser.add_argument("--at-least", type=float, default=0.0)
    options = parser.parse_args()
    makers = [Posthorn(options), Postfix(options)]
    worst = float("inf")
    for row in ROWS:
        figures = {}
        for _ in range(options.rounds):
            for source in makers:
                for sink in makers:
                    figures.setdefault((source.name, sink.name), []).append(measure(source, sink, options.messages, row))
        medians = {pair: statistics.median(values) for pair, values in figures.items()}
        theirs = medians["postfix", "postfix"]
        print(f"{row[0]}, messages/s (ratio to smtp-source with smtp-sink)")
        for (source, sink), value in medians.items():
            print(f"  source {source:<8}  sink {sink:<8}  {value:8.0f}  {value / theirs:5.2f}")
        worst = min(worst, medians["posthorn", "posthorn"] / theirs)
    print(f"the least ratio of the pairs: {worst:.2f}")
    sys.exit(0 if worst >= options.at_least else 1)


if __name__ == "__main__":
    main()
