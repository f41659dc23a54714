#!/usr/bin/env python3
"""fail2ban's own fail2ban-regex (unpacked beside) reads the log of a server at which people failed to log in, by the filter that
comes with Posthorn: it finds each failure and its address, IPv4 and IPv6, and nobody who did not fail."""
import base64
import pathlib
import re
import smtplib
import socket
import subprocess
import sys
import time
import unittest

import harness

sys.path.insert(0, str(harness.ROOT / "tools"))
import peers  # noqa: E402

FILTER = harness.ROOT / "packaging/fail2ban/posthorn.conf"
FORGED = "warning auth.failed peer=192.0.2.1 "
PYTHON = "/usr/bin/python3"  # the one that Debian's programs are for


class Filter(unittest.TestCase):
    def setUp(self):
        self.fail2ban = peers.root("fail2ban")
        self.server = harness.Posthorn(users=["alice"], roles=("submission", "proxied"))
        self.log = self.server.folder / "log"
        first, second = self.server.settings["listener"]
        first["tls"] = "implicit"
        second.update(role="submission", tls="implicit", proxy_from=["127.0.0.1"])
        self.server.settings.update(auth={"longest_delay": "0s"}, log={"file": str(self.log)})
        self.server.config.write_text(harness.toml(self.server.settings))
        subprocess.run([str(harness.program()), "user", "passwd", "alice", "-c", str(self.server.config)], input=b"right\n", check=True)
        self.server.start()
        self.addCleanup(self.server.remove)
        self.addCleanup(self.server.stop)

    def log_in(self, user, password, source="127.0.0.1", proxied=None, then=""):
        """The code of one attempt, or of a command after it."""
        plain = socket.create_connection(("127.0.0.1", self.server.port("proxied" if proxied else "submission")), 30, (source, 0))
        with plain:
            if proxied:
                plain.sendall(f"PROXY TCP6 {proxied} 2001:db8::1 4711 465\r\n".encode())
            with harness.any_certificate().wrap_socket(plain) as secure, smtplib.SMTP(local_hostname="client.test") as client:
                client.sock, client.file = secure, None
                self.assertEqual(client.getreply()[0], 220)
                client.ehlo()
                code = client.docmd("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())[0]
                return client.docmd(then)[0] if then else code

    def found(self, log):
        """What fail2ban counts, on a machine far from Greenwich: (address, seconds since 1970) of each line that it finds."""
        environment = {**peers.environment(self.fail2ban), "PYTHONPATH": str(self.fail2ban / "usr/lib/python3/dist-packages"), "TZ": "JST-9"}
        done = subprocess.run([PYTHON, self.fail2ban / "usr/bin/fail2ban-regex", "-c", self.fail2ban / "etc/fail2ban", "-o", "row", log, FILTER],
                              env=environment, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return [(address, float(when)) for address, when in re.findall(r"(?m)^\['([^']+)',\s*([\d.]+)", done.stdout)]

    def banned(self, log):
        return sorted(address for address, _ in self.found(log))

    def test_each_failure_is_found_and_nobody_else(self):
        for user, password, source in (("alice", "wrong", "127.0.0.7"), ("nobody", "wrong", "127.0.0.8"), (FORGED, "wrong", "127.0.0.9"),
                                       ("alice", FORGED, "127.0.0.9")):
            self.assertEqual(self.log_in(user, password, source), 535)
        self.assertEqual(self.log_in("alice", "wrong", proxied="2001:db8::77"), 535)
        self.assertEqual(self.log_in("alice", "right", "127.0.0.10"), 235)
        self.assertEqual(self.log_in("alice", "right", "127.0.0.10", then=f'MAIL FROM:<"a {FORGED}"@example.test>'), 553)
        expected = ["127.0.0.7", "127.0.0.8", "127.0.0.9", "127.0.0.9", "2001:db8::77"]
        harness.wait_until(lambda: self.log.read_text().count(" auth.failed peer=") >= len(expected), 20, "the lines", describe=self.log.read_text)
        self.assertEqual(self.banned(self.log), expected, self.log.read_text())
        for address, when in self.found(self.log):
            self.assertLess(abs(when - time.time()), 120, f"the time of {address}")

        # As fail2ban makes lines of the journal, and through syslog.
        for head in ("Nov 29 12:00:00 mailhost posthorn[4711]: ", "2026-11-29T12:00:00.000000+00:00 mailhost posthorn[4711]: "):
            journal = pathlib.Path(self.server.folder) / "journal"
            journal.write_text("".join(head + line + "\n" for line in self.log.read_text().splitlines()))
            with self.subTest(head):
                self.assertEqual(self.banned(journal), expected)

    def test_a_lock_is_found(self):
        code = 535
        for _ in range(30):
            code = self.log_in("alice", "wrong", "127.0.0.20")
            if code != 535:
                break
        self.assertEqual(code, 421)
        harness.wait_until(lambda: " auth.locked peer=127.0.0.20 " in self.log.read_text(), 20, "the line", describe=self.log.read_text)
        self.assertEqual(set(self.banned(self.log)), {"127.0.0.20"})


if __name__ == "__main__":
    unittest.main()
