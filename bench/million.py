"""The million-message row of make bench: a spool with so many messages for 100,000 destinations, the real program started on it
with nothing to deliver (paused), what it takes until mail is accepted and until all of it is known, its memory, and how fast it is
listed. Then the same with half as many, for the ratio."""
import pathlib
import shutil
import subprocess
import time
import urllib.request

import servers

WAITING = servers.ROOT / "build/bench/waiting"


def metrics(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))


def timed_list(server, *options):
    """Messages a second, and how many."""
    out = server.folder / "listing"
    begin = time.monotonic()
    with open(out, "wb") as file:
        subprocess.run([*map(str, server.list_command()), *options], stdout=file, check=True, timeout=600)
    seconds = time.monotonic() - begin
    with open(out, "rb") as file:
        count = sum(line.startswith(b'{"id"') for line in file) if options else server.listed(out.read_bytes()[-200:].decode())
    out.unlink()
    return count / seconds, count


def measure_one(folder, messages):
    server = servers.Posthorn(pathlib.Path(folder) / "million", paused=True)
    shutil.rmtree(server.folder, ignore_errors=True)
    server.folder.mkdir(parents=True)
    (port,) = servers.harness.free_ports(1)
    server.extra_settings = {"admin": {"http": f"127.0.0.1:{port}"}}
    server.prepare()
    subprocess.run([str(WAITING), "fill", str(server.server.state), str(messages), "1"], check=True)
    server.extra_words = ["--adopt-spool"]
    begin = time.monotonic()
    accepting = server.start_on_what_is_there()
    try:
        servers.harness.wait_until(lambda: metrics(port)["posthorn_queue_recovered"] == "1", 300, "the whole index", step=0.05)
        whole = time.monotonic() - begin
        known = int(float(metrics(port)["posthorn_messages_waiting"]))
        assert known >= messages, f"{known} of {messages} messages are known"
        servers.settle(server)
        octets = servers.memory_kib(server.pids()) * 1024
        list_rate, listed = timed_list(server)
        json_rate, listed_json = timed_list(server, "--json")
        assert listed == listed_json == known, f"{listed} and {listed_json} of {known} messages are listed"
    finally:
        server.stop()
    return {"restart_s": accepting, "whole_s": whole, "octets": octets, "list_rate": list_rate, "json_rate": json_rate}


def measure(folder, messages):
    half = measure_one(folder, messages // 2)
    found = measure_one(folder, messages)
    each = (found["octets"] - half["octets"]) / (messages - messages // 2)  # what the program takes by itself is no message's
    return {**found, "messages": messages, "octets_each": each, "twice_ratio": found["whole_s"] / half["whole_s"]}
