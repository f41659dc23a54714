#!/usr/bin/env python3
"""make bench: Posthorn beside Postfix and beside a minimal durable server, in one run on this machine.

Every round starts each server on an empty queue and measures all rows; the figure is the median of the rounds. Absolute
figures drift with the machine, only ratios within one run count. Writes build/bench.json and build/bench.txt.

usage: run.py [--rounds 3] [--quick] [--servers minimal,postfix,posthorn] [--rows PART-OF-NAME]
"""
import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import million
import proof
import servers

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOAD = ROOT / "build/bench/load"


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    options: dict
    messages: dict  # of each server; the slower get fewer, so that a row takes seconds
    kind: str = "accept"


def counts(fast, postfix):
    return {"minimal": fast, "posthorn": fast, "postfix": postfix}


ROWS = [
    Row("accept, 1 session, a connection each", {"sessions": 1}, counts(4000, 1500)),
    Row("accept, 20 sessions, a connection each", {"sessions": 20}, counts(20000, 3000)),
    Row("accept, 100 sessions, a connection each", {"sessions": 100}, counts(20000, 3000)),
    Row("accept, 500 sessions, a connection each", {"sessions": 500}, counts(20000, 3000)),
    Row("accept, 20 sessions, 50 messages per connection", {"sessions": 20, "per-connection": 50}, counts(40000, 4000)),
    Row("accept, 20 sessions, 50 per connection, pipelined", {"sessions": 20, "per-connection": 50, "pipelined": "yes"}, counts(60000, 4000)),
    Row("accept 64 KiB, 20 sessions, 50 per connection", {"sessions": 20, "per-connection": 50, "size": 65536}, counts(8000, 2000)),
    Row("into Maildir, end to end", {"sessions": 20, "per-connection": 50}, counts(8000, 2000), "maildir"),
    Row("relayed, end to end, one destination", {"sessions": 20, "per-connection": 50, "domain": "d0.relay.test"}, counts(8000, 2000), "relay"),
    Row("relayed, end to end, one destination, 100 connections", {"sessions": 20, "per-connection": 50, "domain": "d0.relay.test"}, counts(8000, 2000), "relay wide"),
    Row("relayed, end to end, 100 destinations", {"sessions": 20, "per-connection": 50, "domain": "relay.test", "domains": 100}, counts(8000, 2000), "relay"),
    Row("relayed, one message at a time", {"sessions": 1, "domain": "d0.relay.test"}, counts(300, 200), "relay"),
    Row("idle sessions", {}, {}, "idle"),
    Row("20,000 waiting", {"sessions": 20, "per-connection": 50, "domain": "relay.test", "domains": 100}, counts(20000, 20000), "waiting"),
]
MILLION = "a million waiting for 100,000 destinations"

# What PERFORMANCE.md aims for: row, figure, against which server, at least (or at most) this ratio.
TARGETS = [
    ("accept, 1 session, a connection each", "rate", "minimal", ">=", 0.80),
    ("accept, 20 sessions, a connection each", "rate", "minimal", ">=", 0.75),
    ("accept, 20 sessions, a connection each", "rate", "postfix", ">=", 5.0),
    ("accept, 100 sessions, a connection each", "rate", "minimal", ">=", 0.75),
    ("accept, 100 sessions, a connection each", "rate", "postfix", ">=", 5.0),
    ("accept, 500 sessions, a connection each", "rate", "minimal", ">=", 0.75),
    ("accept, 500 sessions, a connection each", "rate", "postfix", ">=", 5.0),
    ("accept, 20 sessions, 50 messages per connection", "rate", "minimal", ">=", 0.70),
    ("accept, 20 sessions, 50 messages per connection", "rate", "postfix", ">=", 3.5),
    ("accept, 20 sessions, 50 per connection, pipelined", "rate", "minimal", ">=", 0.70),
    ("accept, 20 sessions, 50 per connection, pipelined", "rate", "postfix", ">=", 3.5),
    ("accept, 20 sessions, a connection each", "cpu_10k", "postfix", "<=", 1 / 6),
    ("into Maildir, end to end", "rate", "postfix", ">=", 4.0),
    ("into Maildir, end to end", "cpu_10k", "postfix", "<=", 0.25),
    ("relayed, end to end, one destination", "rate", "postfix", ">=", 6.0),
    ("relayed, end to end, one destination", "cpu_10k", "postfix", "<=", 1 / 6),
    ("relayed, end to end, 100 destinations", "rate", "postfix", ">=", 6.0),
    ("relayed, end to end, 100 destinations", "cpu_10k", "postfix", "<=", 1 / 6),
]
# The same, as absolute limits: at most, or with ">=" at least.
LIMITS = [
    ("accept, 1 session, a connection each", "median_ms", 0.75),
    ("accept, 1 session, a connection each", "p99_ms", 2.0),
    ("accept, 20 sessions, a connection each", "cpu_10k", 1.6),
    ("relayed, end to end, one destination", "cpu_10k", 3.0),
    ("relayed, end to end, one destination", "under_way_ms", 20.0),
    ("relayed, end to end, one destination", "under_way_worst_ms", 200.0),
    ("relayed, end to end, one destination, 100 connections", "under_way_ms", 20.0),
    ("relayed, end to end, one destination, 100 connections", "under_way_worst_ms", 200.0),
    ("relayed, end to end, 100 destinations", "under_way_ms", 20.0),
    ("relayed, end to end, 100 destinations", "under_way_worst_ms", 200.0),
    ("relayed, one message at a time", "under_way_ms", 5.0),
    ("idle sessions", "kib_each", 4.0),
    (MILLION, "restart_s", 1.0),
    (MILLION, "whole_s", 30.0),
    (MILLION, "octets_each", 300.0),
    (MILLION, "list_rate", ">=", 200_000.0),
    (MILLION, "twice_ratio", 2.2),
]


def load(port, **options):
    """One run of the generator; its report."""
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    done = subprocess.run([str(LOAD), "--port", str(port), *words], capture_output=True, text=True, check=False, timeout=180)
    return json.loads(done.stdout)


def measure_accept(server, row, scale):
    wanted = max(200, row.messages[server.name] // scale)
    before = servers.cpu_seconds(server.pids())
    report = load(server.accept_port, messages=wanted, limit=60, **row.options)
    report["cpu_10k"] = (servers.cpu_seconds(server.pids()) - before) * 10_000 / max(1, report["accepted"])
    server.forget_mail()
    return report


def measure_through(server, row, scale, arrived):
    """From the first connection until the last message has arrived, as `arrived()` counts."""
    wanted = max(200, row.messages[server.name] // scale)
    there = arrived()
    before, start = servers.cpu_seconds(server.pids()), time.monotonic()
    report = load(server.deliver_port, messages=wanted, limit=60, **row.options)
    while arrived() - there < report["accepted"] and time.monotonic() - start < 120:
        time.sleep(0.02)
    seconds = time.monotonic() - start
    count = arrived() - there
    cpu = (servers.cpu_seconds(server.pids()) - before) * 10_000 / max(1, count)
    return {"accepted": report["accepted"], "refused": report["refused"], "arrived": count, "rate": count / seconds, "cpu_10k": cpu}


def measure_maildir(server, row, scale):
    return measure_through(server, row, scale, server.delivered)


def measure_relay(server, row, scale):
    server.sink.stop()
    server.sink.start(port=server.sink.accept_port)
    found = measure_through(server, row, scale, lambda: server.sink.report()[0])
    _, median, most, worst = server.sink.report()
    return {**found, "under_way_ms": median, "under_way_p99_ms": most, "under_way_worst_ms": worst}


def measure_idle(server, scale):
    """Memory that each greeted and silent session adds."""
    wanted = max(100, server.idle_sessions // scale)
    servers.settle(server)
    before = servers.memory_kib(server.pids())
    holder = subprocess.Popen(
        [str(LOAD), "--port", str(server.accept_port), "--hold", "yes", "--sessions", str(wanted), "--limit", "60"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    try:
        report = json.loads(holder.stdout.readline())
        servers.settle(server)
        held = servers.memory_kib(server.pids()) - before
    finally:
        holder.communicate("")
    greeted = report["greeted"]
    return {"sessions": greeted, "refused": wanted - greeted, "kib_each": held / max(1, greeted), "base_kib": before}


def measure_waiting(server, row, scale):
    """A queue that waits: listed, and found again by another start."""
    wanted = max(200, row.messages[server.name] // scale)
    report = load(server.accept_port, messages=wanted, limit=120, **row.options)
    seconds, listed = server.list_queue()
    return {"accepted": report["accepted"], "refused": report["refused"], "listed": listed, "list_rate": listed / seconds,
            "restart_s": server.start_again()}


def measure(server, row, scale):
    by_kind = {"accept": measure_accept, "maildir": measure_maildir, "relay": measure_relay, "relay wide": measure_relay, "waiting": measure_waiting}
    return measure_idle(server, scale) if row.kind == "idle" else by_kind[row.kind](server, row, scale)


PAUSED = ("accept", "idle", "waiting")
WIDE = 100  # connections at once to one destination, in the rows of that kind


def makers(wanted, folder, sink):
    """Server name -> how to make the one that measures rows of a kind, or None where it has none."""
    known = {
        "minimal": lambda kind: servers.Minimal(folder) if kind in ("accept", "idle") else None,
        "postfix": lambda kind: servers.Postfix(folder, sink),
        "posthorn": lambda kind: servers.Posthorn(folder, sink, paused=kind in PAUSED),
    }
    return {name: known[name] for name in wanted}


def run_server(make, kind, rows, scale):
    """The rows of one kind on one fresh server."""
    server = make(kind)
    if server is None:
        return {}
    if kind == "relay wide":
        server.to_one_destination = WIDE
    server.start()
    try:
        load(server.accept_port if kind in PAUSED else server.deliver_port, messages=200, sessions=5)
        servers.settle(server)
        return {row.name: measure(server, row, scale) for row in rows}
    finally:
        server.stop()


def run_round(made, rows, scale, turn):
    found = {}
    for kind in ("accept", "maildir", "relay", "relay wide", "idle", "waiting"):
        of_kind = [row for row in rows if row.kind == kind]
        names = list(made)
        for name in (names[turn % len(names) :] + names[: turn % len(names)]) if of_kind else []:
            print(f"  {kind}: {name}", file=sys.stderr, flush=True)
            for row, report in run_server(made[name], kind, of_kind, scale).items():
                found.setdefault(row, {})[name] = report
    return found


def run_rounds(made, rows, arguments):
    rounds = []
    for turn in range(1 if arguments.quick else arguments.rounds):
        print(f"round {turn + 1}", file=sys.stderr, flush=True)
        rounds.append(run_round(made, rows, 10 if arguments.quick else 1, turn))
    return rounds


def medians(rounds):
    """row -> server -> figure -> median of the rounds."""
    result = {}
    for row in rounds[0]:
        for server in rounds[0][row]:
            reports = [found[row][server] for found in rounds]
            numbers = [key for key, value in reports[0].items() if isinstance(value, (int, float))]
            result.setdefault(row, {})[server] = {key: statistics.median(report[key] for report in reports) for key in numbers}
    return result


def verdicts(result):
    """Each target with what came of it."""
    for row, figure, against, relation, wanted in TARGETS:
        both = result.get(row, {})
        if "posthorn" in both and against in both and both[against].get(figure):
            ratio = both["posthorn"][figure] / both[against][figure]
            met = ratio >= wanted if relation == ">=" else ratio <= wanted
            yield {"row": row, "figure": f"{figure} / {against}", "is": ratio, "target": f"{relation} {wanted:.3g}", "met": met}
    for row, figure, *relation, wanted in LIMITS:
        value = result.get(row, {}).get("posthorn", {}).get(figure)
        if value is not None:
            met = value >= wanted if relation else value <= wanted
            yield {"row": row, "figure": figure, "is": value, "target": f"{'>=' if relation else '<='} {wanted:,g}", "met": met}


def table(result, names):
    lines = []
    for row, of_server in result.items():
        lines.append(row)
        for name in names:
            if name in of_server:
                figures = of_server[name]
                shown = [f"{key} {figures[key]:,.3g}" if figures[key] < 100 else f"{key} {figures[key]:,.0f}" for key in figures
                         if key in ("rate", "cpu_10k", "median_ms", "p99_ms", "under_way_ms", "under_way_worst_ms", "kib_each", "base_kib", "sessions",
                                  "list_rate", "json_rate", "restart_s", "whole_s", "octets_each", "twice_ratio") or (key == "refused" and figures[key])]
                lines.append(f"  {name:<9} " + "   ".join(shown))
    return lines


def report_of(result, proofs, names):
    lines = table(result, names)
    lines += ["", "a sync of each message's bytes ended before its 250 (strace):"]
    lines += [f"  {name:<9} {proved} of {sent}{': ' + why if why else ''}" for name, (proved, sent, why) in proofs.items()]
    judged = list(verdicts(result))
    if judged:
        lines += ["", "targets:"]
        lines += [f"  {'met   ' if each['met'] else 'MISSED'} {each['row']}: {each['figure']} is {each['is']:.3g}, wanted {each['target']}" for each in judged]
    return lines


def prove_all(made, sent=20):
    """Server -> (messages proved durable before their 250, messages sent, why not)."""
    found = {}
    for name, make in made.items():
        proved, why = proof.prove(make("accept"), LOAD, sent)
        found[name] = (proved, sent, why)
    return found


def measure_million(folder, arguments):
    if arguments.rows not in MILLION:
        return {}
    print(f"  {MILLION}", file=sys.stderr, flush=True)
    return {MILLION: {"posthorn": million.measure(folder, 1_000_000 // (10 if arguments.quick else 1))}}


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    return {"processors": os.cpu_count(), "model": model, "kernel": os.uname().release, "load_before": os.getloadavg()[0]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of a tenth of the messages: does it run?")
    parser.add_argument("--servers", default="minimal,postfix,posthorn")
    parser.add_argument("--rows", default="")
    arguments = parser.parse_args()
    names = arguments.servers.split(",")
    if os.geteuid() != 0 and "postfix" in names:
        print("Postfix starts only as root: its rows are left out", file=sys.stderr)
        names.remove("postfix")
    rows = [row for row in ROWS if arguments.rows in row.name]
    facts = machine()
    with tempfile.TemporaryDirectory(prefix="posthorn-bench-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        sink = servers.Sink(folder)
        sink.start()
        try:
            made = makers(names, folder, sink)
            rounds = run_rounds(made, rows, arguments)
            proofs = prove_all(made)
            waiting = measure_million(folder, arguments) if "posthorn" in names else {}
        finally:
            sink.stop()
    result = {**medians(rounds), **waiting}
    lines = report_of(result, proofs, names)
    print("\n".join(lines))
    (ROOT / "build/bench.txt").write_text("\n".join(lines) + "\n")
    everything = {"machine": facts, "rows": result, "rounds": rounds, "proofs": proofs, "targets": list(verdicts(result))}
    (ROOT / "build/bench.json").write_text(json.dumps(everything, indent=1) + "\n")
    return 0 if all(proved == sent for proved, sent, _ in proofs.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
