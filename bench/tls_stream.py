"""Bulk inside TLS with no disk in the way: one sender, and receivers that throw away what they read, `posthorn bench sink` (the
server's TLS under it) and `openssl s_server`. The receiver has one processor for itself, the sender another."""
import contextlib
import os
import pathlib
import ssl
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "tests/interop"), str(ROOT / "bench")]
import harness  # noqa: E402
import servers  # noqa: E402

PIECE = (b"y" * 76 + b"\r\n") * 13_443  # a mebibyte of lines
OCTETS = 1_000_000_000
SUITE = "TLS_AES_256_GCM_SHA384"
LEAST = 0.8  # of what s_server takes


def processors():
    """The receiver's and the sender's."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


@contextlib.contextmanager
def running(port, *command):
    """A receiver with the first processor to itself. Its standard input stays open: s_server ends a session when it ends."""
    pinned = ["taskset", "-c", str(processors()[0]), *map(str, command)]
    server = subprocess.Popen(pinned, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        harness.wait_until(lambda: accepts(port), 10, command[0])
        yield port, server.pid
    finally:
        server.kill()
        server.wait()


def accepts(port):
    with contextlib.suppress(OSError):
        connect(port).close()
        return True
    return False


def connect(port):
    """TLS 1.3 with the suite that both receivers have."""
    secure = harness.any_certificate().wrap_socket(harness.socket.create_connection(("127.0.0.1", port), 20))
    assert secure.cipher()[0] == SUITE, secure.cipher()
    return secure


@contextlib.contextmanager
def on_processor(number):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {number})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def begin_mail(secure):
    secure.recv(1000)
    for line in (b"EHLO bench.test", b"MAIL FROM:<a@bench.test>", b"RCPT TO:<b@bench.test>", b"DATA"):
        secure.sendall(line + b"\r\n")
        assert secure.recv(4000)[:1] in b"23", line


def end_mail(secure):
    secure.sendall(b".\r\n")
    assert secure.recv(4000).startswith(b"250")


def end_session(secure):
    """The other side says goodbye when it has read all."""
    with contextlib.suppress(ssl.SSLEOFError, ConnectionError):
        secure.unwrap()


def stream(port, pid, is_mail):
    """Megabytes per second, and seconds of the receiver's processor for a gigabyte."""
    pieces = OCTETS // len(PIECE)
    octets = pieces * len(PIECE)
    with on_processor(processors()[1]), connect(port) as secure:
        if is_mail:
            begin_mail(secure)
        before, begun = servers.cpu_seconds([pid]), time.monotonic()
        for _ in range(pieces):
            secure.sendall(PIECE)
        (end_mail if is_mail else end_session)(secure)
        seconds = time.monotonic() - begun
        return octets / 1e6 / seconds, (servers.cpu_seconds([pid]) - before) / octets * 1e9


def measure(certificate, key, rounds):
    """The medians: {"posthorn": (MB/s, s/GB), "openssl": …}; the order turns from round to round."""
    ours, theirs = harness.free_ports(2)
    commands = {
        "posthorn": (ours, harness.program(), "bench", "sink", f"127.0.0.1:{ours}", "--tls", "implicit", "--certificate", certificate, "--key", key),
        "openssl": (theirs, "openssl", "s_server", "-accept", f"127.0.0.1:{theirs}", "-cert", certificate, "-key", key, "-quiet"),
    }
    figures = {name: [] for name in commands}
    for turn in range(rounds):
        for name in sorted(commands, reverse=turn % 2 == 1):
            with running(*commands[name]) as (port, pid):
                figures[name].append(stream(port, pid, is_mail=name == "posthorn"))
    return {name: tuple(statistics.median(values) for values in zip(*taken)) for name, taken in figures.items()}


def line(found):
    (ours, our_cost), (theirs, their_cost) = found["posthorn"], found["openssl"]
    met = ours / theirs >= LEAST
    return (f"  {'met   ' if met else 'MISSED'} bulk without a disk, one processor each: received at {ours:,.0f} MB/s, openssl s_server {theirs:,.0f}: "
            f"{ours / theirs:.0%} (wanted {LEAST:.0%}); processor seconds for a gigabyte {our_cost:.2f}, s_server {their_cost:.2f}: {our_cost / their_cost:.2f} times")


if __name__ == "__main__":
    import tempfile

    import tls

    with tempfile.TemporaryDirectory(prefix="posthorn-bench-stream-") as place:
        print(line(measure(*tls.make_certificate(pathlib.Path(place), "ECDSA P-256"), int(sys.argv[1]) if len(sys.argv) > 1 else 3)))
