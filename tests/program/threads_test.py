#!/usr/bin/env python3
"""The program built with ThreadSanitizer under load: four event loops take mail in the clear and inside TLS, log users in,
deliver, relay and answer the operator, while the configuration is read again. A data race ends it with a status of its own."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import smtplib
import subprocess
import tempfile
import threading
import unittest

import rig
from rig import harness

import sink

CLIENTS, CONNECTIONS, MESSAGES = 6, 4, 5
RACE = 66
PATIENCE = 120  # seconds
BIG = "Subject: a body with a file of its own\r\n\r\n" + "a line of text\r\n" * 16_000
TEXT = "Subject: many at once\r\n\r\n" + "a line of text\r\n" * 200


class Threads(unittest.TestCase):
    def setUp(self):
        self.assertIn(b"__tsan_init", harness.program().read_bytes(), "a program built with ThreadSanitizer: make tsan")
        ports = dict(zip(("mx", "relay", "submission", "smarthost"), harness.free_ports(4)))
        self.receiver = sink.Sink("127.0.2.1", ports["smarthost"])
        self.addCleanup(self.receiver.close)
        self.ports = ports
        self.reports = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-threads-"))
        self.addCleanup(shutil.rmtree, self.reports, True)
        suppressions = pathlib.Path(__file__).with_name("threads.suppressions")
        os.environ["TSAN_OPTIONS"] = f"exitcode={RACE} halt_on_error=0 verbosity=1 log_path={self.reports}/report suppressions={suppressions}"
        self.server = harness.Posthorn(users=("alice", "bob"), settings={
            "listener": [{"address": [f"127.0.0.1:{ports['mx']}"], "role": "mx", "tls": "starttls"},
                         {"address": [f"127.0.0.1:{ports['relay']}"], "role": "relay", "tls": "none"},
                         {"address": [f"127.0.0.1:{ports['submission']}"], "role": "submission", "tls": "implicit"}],
            "remote": {"smarthost": f"127.0.2.1:{ports['smarthost']}", "tls": "may"},
            "limits": {"connections_per_address": 1000, "threads": 4},
        })
        self.addCleanup(self.server.remove)
        subprocess.run([harness.program(), "user", "passwd", "-c", self.server.config, "alice"], input=b"opensesame-1\n",
                       check=True, capture_output=True, timeout=PATIENCE)
        self.faults = []

    def run_client(self, number):
        try:
            for _ in range(CONNECTIONS):
                self.send_in_the_clear(number)
                self.send_inside_tls(number)
                self.submit(number)
        except Exception as fault:  # noqa: BLE001 - told by the thread that waits
            self.faults.append(repr(fault))

    def send_in_the_clear(self, number):
        with smtplib.SMTP("127.0.0.1", self.ports["relay"], timeout=PATIENCE) as client:
            for _ in range(MESSAGES):
                client.sendmail(f"client{number}@other.test", ["alice@example.test", f"friend{number}@far.test"], TEXT)
            client.sendmail(f"client{number}@other.test", ["bob@example.test"], BIG)

    def send_inside_tls(self, number):
        with smtplib.SMTP("127.0.0.1", self.ports["mx"], timeout=PATIENCE) as client:
            client.starttls(context=harness.any_certificate())
            for _ in range(MESSAGES):
                client.sendmail(f"client{number}@other.test", ["alice@example.test", "bob@example.test"], TEXT)

    def submit(self, number):
        with smtplib.SMTP_SSL("127.0.0.1", self.ports["submission"], timeout=PATIENCE, context=harness.any_certificate()) as client:
            client.login("alice", "opensesame-1")
            client.sendmail("alice@example.test", [f"other{number}@far.test"], "From: alice@example.test\r\n" + TEXT)

    def look(self, *words):
        done = subprocess.run([harness.program(), *words, "-c", str(self.server.config)], capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout

    def test_no_thread_reads_what_another_writes(self):
        clients = [threading.Thread(target=self.run_client, args=(number,)) for number in range(CLIENTS)]
        self.server.start()
        try:
            for client in clients:
                client.start()
            while any(client.is_alive() for client in clients):
                json.loads(self.look("queue", "list", "--json") or b"[]")
                self.look("queue", "retry", "--all")
                self.server.signal(signal.SIGHUP)
                for client in clients:
                    client.join(0.2)
            self.assertEqual(self.faults, [])
            each = CLIENTS * CONNECTIONS * MESSAGES
            self.server.wait_for_mail("alice", 2 * each, PATIENCE)
            self.server.wait_for_mail("bob", each + CLIENTS * CONNECTIONS, PATIENCE)
            remote = each + CLIENTS * CONNECTIONS
            harness.wait_until(lambda: len(self.receiver.letters) >= remote, PATIENCE, f"{remote} letters", describe=self.server.told)
            self.server.stop()
        finally:
            with contextlib.suppress(ProcessLookupError):
                self.server.kill()
        told = [report.read_text(errors="replace") for report in sorted(self.reports.iterdir())]
        watched = [each for each in told if "Running under ThreadSanitizer" in each]
        self.assertGreaterEqual(len(watched), 3, "first process, engine and keys were watched")
        self.assertEqual([each for each in told if "WARNING: ThreadSanitizer" in each], [])


if __name__ == "__main__":
    unittest.main()
