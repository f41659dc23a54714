#!/usr/bin/env python3
"""The command-line clients people try a mail server with: swaks, curl, msmtp. Each sends, and each sees a refusal."""
import pathlib
import subprocess
import tempfile
import unittest

import harness

BODY = "first line\n.a dot\n..two dots\nlast line, grüße\n"
MESSAGE = f"From: carol@other.test\nTo: alice@example.test\nSubject: from {{client}}\n\n{BODY}"


def run(*command, text=None):
    """Status and output of a client; a client that hangs fails the test."""
    done = subprocess.run(command, input=text.encode() if text else None, capture_output=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Posthorn(users=["alice", "bob"]).start()
        cls.port = str(cls.server.port("mx"))
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()
        cls.server.stop()
        cls.server.remove()

    def file(self, client):
        path = pathlib.Path(self.folder.name) / client
        path.write_text(MESSAGE.format(client=client))
        return str(path)

    def arrives(self, client, user, send):
        """`send` succeeds and its message is the user's next, unaltered (but for blank lines at its end, which swaks adds)."""
        with self.server.one_more(user) as arrived:
            status, output = send()
            self.assertEqual(status, 0, output)
        text = arrived().decode()
        self.assertIn(f"Subject: from {client}\n", text)
        self.assertTrue(text.rstrip("\n").endswith(f"\n\n{BODY}".rstrip("\n")), text)

    def swaks(self, recipient, *options):
        return run("swaks", "--server", f"127.0.0.1:{self.port}", "--from", "carol@other.test", "--to", recipient,
                   "--data", "@" + self.file("swaks"), "--timeout", "20", *options)

    def test_swaks(self):
        self.arrives("swaks", "alice", lambda: self.swaks("alice@example.test"))

    def test_swaks_pipelined(self):
        self.arrives("swaks", "alice", lambda: self.swaks("alice@example.test", "--pipeline"))

    def test_swaks_is_refused(self):
        status, output = self.swaks("nobody@example.test")
        self.assertEqual(status, 24, output)
        self.assertIn("<** 550 5.1.1", output)

    def curl(self, *recipients):
        each = [word for recipient in recipients for word in ("--mail-rcpt", recipient)]
        return run("curl", "-sS", "--max-time", "30", f"smtp://127.0.0.1:{self.port}/client.other.test", "--mail-from",
                   "carol@other.test", *each, "--upload-file", self.file("curl"), "--crlf")

    def test_curl(self):
        self.arrives("curl", "bob", lambda: self.curl("bob@example.test"))

    def test_curl_is_refused(self):
        self.assertEqual(self.curl("nobody@example.test")[0], 55)

    def msmtp(self, recipient):
        return run("msmtp", "--host=127.0.0.1", f"--port={self.port}", "--from=carol@other.test", "--timeout=20", recipient,
                   text=MESSAGE.format(client="msmtp"))

    def test_msmtp(self):
        self.arrives("msmtp", "alice", lambda: self.msmtp("alice@example.test"))

    def test_msmtp_is_refused(self):
        status, output = self.msmtp("nobody@example.test")
        self.assertEqual(status, 65, output)
        self.assertIn("550", output)


if __name__ == "__main__":
    unittest.main()
