#!/usr/bin/env python3
"""make bench: TLS beside OpenSSL's own server, with the same key, the same client and the same machine. Full handshakes (TLS 1.3)
per second of the server's processor time, so that neither the client's cost nor the number of processors counts; bulk throughput
beside plain text and, with no disk in the way, beside OpenSSL (tls_stream.py); memory of an idle session. Only ratios within one
run count.
Appends to build/bench.txt; writes build/bench_tls.json.

usage: tls.py [--rounds 3] [--seconds 4] [--idle 10000]
"""
import argparse
import contextlib
import json
import pathlib
import re
import smtplib
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "tests/interop"), str(ROOT / "bench")]
import harness  # noqa: E402
import servers  # noqa: E402
import tls_stream  # noqa: E402

KINDS = {"ECDSA P-256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "RSA 2048": ["-newkey", "rsa:2048"]}
LEAST_HANDSHAKES = 0.65  # of what OpenSSL's server reaches, with the key in a process of its own
MOST_IDLE_KIB = 40
MESSAGE = b"Subject: bulk\r\n\r\n" + (b"y" * 76 + b"\r\n") * 250_000  # about 20 MB


def make_certificate(folder, kind):
    files = [str(folder / f"{kind.split()[0]}.{end}") for end in ("pem", "key")]
    subprocess.run(["openssl", "req", "-x509", *KINDS[kind], "-nodes", "-days", "30", "-subj", "/CN=bench.test", "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


def s_time(port, seconds, pids):
    """Full handshakes by OpenSSL's own measure, two clients at once: per second of real time, and of these processes' time."""
    before = servers.cpu_seconds(pids)
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-time", str(seconds), "-tls1_3"]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    made = sum(int(re.search(r"(\d+) connections in \d+ real seconds", client.communicate()[0])[1]) for client in clients)
    return made / (seconds + 1), made / (servers.cpu_seconds(pids) - before)


@contextlib.contextmanager
def openssl_server(certificate, key):
    port = harness.free_ports(1)[0]
    server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate, "-key", key, "-quiet", "-num_tickets", "1"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        harness.wait_until(lambda: accepts(port), 10, "s_server")
        yield port, server.pid
    finally:
        server.kill()
        server.wait()


def seal_mb():
    """Megabytes per second that one processor seals, by OpenSSL's own measure, with the suite that our sessions use."""
    told = subprocess.run(["openssl", "speed", "-seconds", "2", "-bytes", "16384", "-evp", "aes-256-gcm"], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"AES-256-GCM +([0-9.]+)k", told, re.IGNORECASE)[1]) / 1000


def accepts(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def posthorn(certificate, key):
    server = harness.Posthorn(users=["alice"], roles=("mx", "relay"), settings={
        "tls": {"certificate": certificate, "key": key}, "queue": {"paused": True}, "log": {"level": "warning"},
        "limits": {"connections_per_address": 20_000, "connections": 20_000}})
    for listener in server.settings["listener"]:
        listener["tls"] = "implicit" if listener["role"] == "relay" else "none"
    server.config.write_text(harness.toml(server.settings))
    return server


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def bulk(client):
    """Megabytes per second of one message."""
    with client:
        client.ehlo()
        client.mail("a@bench.test")
        client.rcpt("alice@example.test")
        client.docmd("DATA")
        begun = time.monotonic()
        client.sock.sendall(MESSAGE + b".\r\n")
        assert client.getreply()[0] == 250
        return len(MESSAGE) / 1e6 / (time.monotonic() - begun)


def tree(pid):
    """The process and all below it."""
    found = [pid]
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += tree(int(child))
    return found


def idle_kib(server, count):
    pids = tree(server.process.pid)
    warm = [context().wrap_socket(socket.create_connection(("127.0.0.1", server.port("relay")), 20)) for _ in range(50)]
    for each in warm:
        each.recv(1000)
        each.close()
    before = servers.memory_kib(pids)
    held = []
    shared = context()
    try:
        for _ in range(count):
            secure = shared.wrap_socket(socket.create_connection(("127.0.0.1", server.port("relay")), 20))
            secure.recv(1000)
            held.append(secure)
        return (servers.memory_kib(pids) - before) / count
    finally:
        for each in held:
            each.close()


def measure(kind, folder, arguments):
    certificate, key = make_certificate(folder, kind)
    rounds = {"posthorn": [], "openssl": [], "posthorn_per_processor": [], "openssl_per_processor": [], "tls_mb": [], "plain_mb": []}
    with posthorn(certificate, key) as server, openssl_server(certificate, key) as (other, other_pid):
        ends = {"posthorn": (server.port("relay"), tree(server.process.pid)), "openssl": (other, [other_pid])}
        for turn in range(arguments.rounds):
            for name, (port, pids) in sorted(ends.items(), reverse=turn % 2 == 1):
                rate, per_processor = s_time(port, arguments.seconds, pids)
                rounds[name].append(rate)
                rounds[f"{name}_per_processor"].append(per_processor)
            rounds["tls_mb"].append(bulk(smtplib.SMTP_SSL("127.0.0.1", server.port("relay"), context=context(), timeout=60)))
            rounds["plain_mb"].append(bulk(smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=60)))
        idle = idle_kib(server, arguments.idle)
    middle = {name: statistics.median(values) for name, values in rounds.items()}
    return {**middle, "ratio": middle["posthorn_per_processor"] / middle["openssl_per_processor"], "bulk_ratio": middle["tls_mb"] / middle["plain_mb"], "idle_kib": idle}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--idle", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="posthorn-bench-tls-") as folder:
        found = {kind: measure(kind, pathlib.Path(folder), arguments) for kind in KINDS}
        streamed = tls_stream.measure(*make_certificate(pathlib.Path(folder), "ECDSA P-256"), arguments.rounds)
    sealed = seal_mb()
    lines = ["", f"TLS, the key in a process of its own (one processor seals {sealed:,.0f} MB/s with AES-256-GCM, by openssl speed):"]
    for kind, figures in found.items():
        met = figures["ratio"] >= LEAST_HANDSHAKES and figures["idle_kib"] <= MOST_IDLE_KIB
        lines.append(f"  {'met   ' if met else 'MISSED'} {kind}: {figures['posthorn_per_processor']:,.0f} full handshakes per second of the processor, openssl s_server {figures['openssl_per_processor']:,.0f}: {figures['ratio']:.0%} (wanted {LEAST_HANDSHAKES:.0%}); "
                     f"in real time {figures['posthorn']:,.0f} and {figures['openssl']:,.0f} a second; "
                     f"bulk {figures['tls_mb']:,.0f} MB/s, in the clear {figures['plain_mb']:,.0f}; idle session {figures['idle_kib']:.1f} KiB, of {arguments.idle:,} (at most {MOST_IDLE_KIB})")
    lines.append(tls_stream.line(streamed))
    print("\n".join(lines))
    with open(ROOT / "build/bench.txt", "a") as table:
        table.write("\n".join(lines) + "\n")
    (ROOT / "build/bench_tls.json").write_text(json.dumps({**found, "stream": streamed}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
