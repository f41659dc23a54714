#!/usr/bin/env python3
"""`posthorn explain ADDRESS`, without a server: a person waits for it, whatever the DNS does."""
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from rig import harness


class Explain(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-explain-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "users").write_text("alice\n")

    def explain(self, address, **settings):
        file = self.folder / "posthorn.toml"
        file.write_text(harness.toml({"domains": ["example.test"], "state": str(self.folder / "state"),
                                      "mailbox": {"users": str(self.folder / "users")}, **settings}))
        done = subprocess.run([harness.program(), "explain", address, "-c", str(file)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_paused_queue_is_said(self):
        self.assertIn("paused by the configuration", self.explain("alice@example.test", queue={"paused": True}))
        self.assertNotIn("paused", self.explain("alice@example.test"))
        self.assertNotIn("paused", self.explain("nobody@example.test", queue={"paused": True}), "it is refused, paused or not")

    def test_dns_that_never_answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            began = time.monotonic()
            told = self.explain("bob@elsewhere.test", dns={"servers": [f"127.0.0.1:{silent.getsockname()[1]}"]})
        self.assertIn("the MX of elsewhere.test cannot be looked up now", told)
        self.assertIn("waits, and is tried again", told)
        self.assertLess(time.monotonic() - began, 30, "ten seconds are enough for a person")


if __name__ == "__main__":
    unittest.main()
