#!/usr/bin/env python3
"""`posthorn bench source` against `posthorn bench sink`, and each against others: counts, sizes, rates, latencies, scripts."""
import contextlib
import json
import signal
import smtplib
import socket
import ssl
import subprocess
import threading
import time
import unittest

from scripted import Server, program, wait_until


@contextlib.contextmanager
def sink(*words):
    """A running sink; afterwards `totals` is what it counted."""
    process = subprocess.Popen([program(), "bench", "sink", "127.0.0.1:0", "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    try:
        line = process.stderr.readline()
        assert line.startswith("posthorn bench sink ready "), line + process.stderr.read()
        running = type("Sink", (), {"port": line.rsplit(":", 1)[1].strip(), "totals": None, "process": process})
        yield running
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=30)
        assert process.returncode == 0, (process.returncode, error)
        running.totals = json.loads(out)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        process.stdout.close()


def source(port, *words, status=0, server="127.0.0.1"):
    done = subprocess.run([program(), "bench", "source", server, str(port), "--json", *words], capture_output=True, text=True, timeout=120,
                          check=False)
    assert status in (None, done.returncode), (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if done.stdout else done.stderr


class Pair(unittest.TestCase):
    def test_everything_arrives(self):
        for words, connections in [(("--messages", "200", "--connections", "10"), 10), (("--messages", "60", "--per-connection", "1"), 60),
                                   (("--messages", "100", "--connections", "5", "--per-connection", "10", "--pipelining"), None),
                                   (("--messages", "100", "--connections", "8", "--threads", "3"), 8)]:
            with sink("--threads", "2") as taken:
                sent = source(taken.port, *words)
            count = int(words[1])
            self.assertEqual((sent["messages"], sent["refused"], taken.totals["messages"]), (count, 0, count), words)
            self.assertEqual(sent["connections"], taken.totals["connections"])
            if connections:
                self.assertEqual(sent["connections"], connections, words)
            self.assertEqual(sent["failures"], {})

    def test_sizes_and_recipients(self):
        with sink() as taken:
            sent = source(taken.port, "--messages", "50", "--size", "10KiB", "--recipients", "7", "--connections", "2")
        self.assertEqual(taken.totals["recipients"], 350)
        self.assertTrue(50 * 10_240 < sent["octets"] < 50 * 10_700, sent["octets"])
        with sink() as taken:
            sent = source(taken.port, "--messages", "30", "--size", "0-200000", "--pipelining")
        self.assertTrue(0 < sent["octets"] < 30 * 200_500)

    def test_every_size_is_a_whole_message(self):
        for words in ((), ("--pipelining",)):
            with sink() as taken:
                sent = source(taken.port, "--messages", "3000", "--size", "0-160", *words)
            self.assertEqual((sent["messages"], taken.totals["messages"], sent["refusals"]), (3000, 3000, {}))

    def test_tls(self):
        for sink_words, words in [(("--tls", "starttls"), ("--tls", "require")), (("--tls", "implicit"), ("--tls", "implicit"))]:
            with sink(*sink_words) as taken:
                sent = source(taken.port, "--messages", "20", "--connections", "4", "--per-connection", "2", *words)
            self.assertEqual((sent["messages"], taken.totals["messages"]), (20, 20), sent)
        with sink() as taken:
            sent = source(taken.port, "--tls", "require", "--messages", "1", "--connections", "1", status=1)
        self.assertIn("does not offer STARTTLS", str(sent["failures"]))

    def test_latencies_and_delays(self):
        with sink("--delay", "dot:100ms") as taken:
            sent = source(taken.port, "--messages", "8", "--connections", "8")
        times = sent["message_ms"]
        self.assertTrue(95 <= times["p50"] <= times["p90"] <= times["p99"] <= times["max"], times)

    def test_a_rate(self):
        with sink() as taken:
            began = time.monotonic()
            sent = source(taken.port, "--messages", "30", "--rate", "20", "--connections", "3")
        self.assertEqual(sent["messages"], 30)
        self.assertGreater(time.monotonic() - began, 1.2)
        self.assertLess(sent["messages_per_second"], 25)

    def test_a_time(self):
        with sink() as taken:
            sent = source(taken.port, "--messages", "0", "--time", "1s", "--connections", "2")
        self.assertGreater(sent["messages"], 10)
        self.assertTrue(0.9 < sent["seconds"] < 20)
        self.assertEqual(sent["messages"], taken.totals["messages"])

    def test_refusals(self):
        for stage in ("mail", "rcpt", "data", "dot"):
            for pipelining in ((), ("--pipelining",)):
                with sink("--refuse", f"{stage}:450:30", "--refuse", f"{stage}:550:20") as taken:
                    sent = source(taken.port, "--messages", "200", "--connections", "4", *pipelining, status=1)
                self.assertEqual(sent["messages"] + sent["refused"], 200, stage)
                self.assertEqual(sent["messages"], taken.totals["messages"], stage)
                self.assertTrue({"450", "550"} <= set(sent["refusals"]), sent)
                self.assertTrue(40 < sent["refused"] < 160, sent["refused"])

    def test_greylisting(self):
        with sink("--greylist", "10s") as taken:
            words = ("--messages", "3", "--connections", "1", "--to", "one@load.test")
            self.assertEqual(source(taken.port, *words, status=1)["messages"], 0)
        with sink("--greylist", "1s") as taken:
            wait_until(lambda: source(taken.port, *words, status=None)["messages"] == 3, what="who comes back is let in")
            self.assertEqual(source(taken.port, *words)["messages"], 3, "and stays so")
        self.assertGreater(taken.totals["refused"], 0)

    def test_drops_and_refused_connections(self):
        with sink("--drop", "data:50") as taken:
            sent = source(taken.port, "--messages", "40", "--connections", "4", status=1)
        self.assertGreater(taken.totals["dropped"], 0)
        self.assertIn("closed", str(sent["failures"]))
        with sink("--refuse", "connect:421") as taken:
            sent = source(taken.port, "--messages", "2", "--connections", "1", status=69)

    def test_the_sink_ends_by_itself(self):
        with sink("--messages", "5") as taken:
            source(taken.port, "--messages", "5", "--connections", "1")
            taken.process.wait(30)


class Chunks:
    """A server that keeps what comes until it is asked for, and answers each part as a whole."""

    def __init__(self, extensions):
        self.extensions = extensions
        self.parts = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        connection, _ = self.listening.accept()
        with connection:
            connection.settimeout(60)
            connection.sendall(b"220 mx.example.test ESMTP\r\n")
            in_text = False
            while (part := connection.recv(1 << 20)):
                while not part.endswith((b"\r\n.\r\n", b"DATA\r\n") if in_text else b"\r\n"):
                    part += connection.recv(1 << 20)
                self.parts.append(part)
                replies = []
                text, end, rest = part.partition(b"\r\n.\r\n") if in_text else (b"", b"", part)
                if end:
                    replies.append("250 taken")
                for line in rest.splitlines():
                    replies.append({b"EHLO": "250-mx.example.test\r\n250 " + self.extensions, b"DATA": "354 go on", b"QUIT": "221 bye"}.get(line[:4], "250 ok"))
                in_text = rest.endswith(b"DATA\r\n")
                connection.sendall("".join(reply + "\r\n" for reply in replies).encode())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(60)
        self.listening.close()


class Pipelining(unittest.TestCase):
    """RFC 2920."""

    def parts_of(self, extensions, *words):
        with Chunks(extensions) as server:
            sent = source(server.port, "--messages", "3", "--connections", "1", "--from", "a@b.test", "--to", "c@d.test", *words)
        self.assertEqual((sent["messages"], sent["failures"]), (3, {}), sent)
        return server.parts

    def test_a_text_and_the_next_envelope_in_one_piece(self):
        group = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"
        for extensions, words in (("PIPELINING", ()), ("8BITMIME", ("--pipelining",))):
            with self.subTest(words=words):
                hello, first, *texts, leave = self.parts_of(extensions, *words)
                self.assertEqual((hello[:5], first, leave), (b"EHLO ", group, b"QUIT\r\n"))
                self.assertEqual([text.partition(b"\r\n.\r\n")[2] for text in texts], [group, group, b""])

    def test_step_by_step(self):
        for extensions, words in (("PIPELINING", ("--no-pipelining",)), ("8BITMIME", ())):
            with self.subTest(words=words):
                parts = self.parts_of(extensions, *words)
                self.assertEqual([part[:4] for part in parts], [b"EHLO", *([b"MAIL", b"RCPT", b"DATA", b"From"] * 3), b"QUIT"])

    def test_with_a_rate_each_waits_for_its_time(self):
        parts = self.parts_of("PIPELINING", "--rate", "20")
        self.assertEqual([part[:4] for part in parts], [b"EHLO", *([b"MAIL", b"From"] * 3), b"QUIT"])

    def test_what_was_announced_and_never_sent_is_sent_by_another(self):
        with sink("--drop", "dot:20") as taken:
            sent = source(taken.port, "--messages", "200", "--connections", "4", status=1)
        broken = sum(sent["failures"].values())
        self.assertGreater(broken, 10)
        self.assertEqual(sent["messages"] + broken, 200, "each connection that broke has lost one message, not two")


class Others(unittest.TestCase):
    def test_the_sink_and_another_client(self):
        with sink("--tls", "starttls", "--size-limit", "1MiB") as taken:
            with smtplib.SMTP("127.0.0.1", int(taken.port), timeout=30) as client:
                client.ehlo()
                self.assertEqual(client.esmtp_features["size"], "1048576")
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                client.starttls(context=context)
                client.sendmail("a@b.test", ["c@d.test", "e@d.test"], "Subject: x\r\n\r\n.\r\n..\r\nend")
                self.assertEqual(client.docmd("DATA")[0], 503)
                self.assertEqual(client.docmd("WHAT")[0], 502)
        self.assertEqual((taken.totals["messages"], taken.totals["recipients"]), (1, 2))

    def test_the_source_and_another_server(self):
        with Server() as server:
            sent = source(server.port, "--messages", "6", "--connections", "2", "--from", "s%@a.test", "--to", "r%@b.test")
        self.assertEqual((sent["messages"], len(server.texts)), (6, 6))
        self.assertEqual(len({text.split(b"\r\n")[3] for text in server.texts}), 6, "each has a Message-ID of its own")

    def test_a_server_that_speaks_no_smtp(self):
        for greeting in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"x" * 100_000, b""):
            with Server({"": greeting}) as server:
                source(server.port, "--messages", "2", "--connections", "1", "--timeout", "500ms", status=69)

    def test_bad_usage(self):
        for words in (("source",), ("source", "127.0.0.1", "99999"), ("source", "127.0.0.1", "25", "--size", "x"), ("source", "127.0.0.1", "25", "--messages", "0"),
                      ("source", "127.0.0.1", "25", "--to", "a b\r\nc"), ("source", "127.0.0.1", "25", "--connections", "0"), ("sink", "nowhere"),
                      ("source", "127.0.0.1", "25", "--pipelining", "--no-pipelining"), ("sink", "--refuse", "rcpt:250"), ("sink", "--refuse", "soup:450"), ("sink", "--delay", "dot"), ("sink", "--drop", "dot:200"), ()):
            done = subprocess.run([program(), "bench", *words], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 64, (words, done.stderr))
        done = subprocess.run([program(), "bench", "source", "no.such.host.invalid"], capture_output=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 68)


if __name__ == "__main__":
    unittest.main()
