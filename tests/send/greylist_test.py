#!/usr/bin/env python3
"""`posthorn send` to a real Postfix with a real postgrey before it (Debian's packages, unpacked beside): the first attempt is refused
for the moment, the prompt comes back, and the attempt in the background succeeds on its own."""
import pathlib
import re
import sys
import time
import unittest

from scripted import User, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
import receivers  # noqa: E402


class Greylisted(unittest.TestCase):
    DELAY = 3  # seconds

    def setUp(self):
        self.user = User()
        self.addCleanup(self.user.remove)

    def send(self, *options):
        (port,) = harness.free_ports(1)
        letter = self.user.file("letter.txt", "Patience is a virtue.\n")
        with receivers.Postgrey(self.DELAY, "Greylisted, come back in %s seconds") as grey:
            peer = receivers.Postfix("postfix.test", "127.0.3.1", port)
            peer.greylister = f"127.0.0.1:{grey.port}"
            with peer:
                began = time.monotonic()
                status, told = self.user.run("send", *options, "alice@example.test", "Patience", letter, "127.0.3.1", "ok@postfix.test", port)
                self.assertEqual(status, 0, told)
                self.assertLess(time.monotonic() - began, self.DELAY + 60)
                for said in ("Greylisted", "[ERROR 4yz]", "background process"):
                    self.assertIn(said, told)
                (text,) = peer.wait_for_texts(lambda each: b"Patience" in each, 1, 120)
                self.assertIn(b"Patience is a virtue.", text)
                self.assertGreaterEqual(time.monotonic() - began, self.DELAY - 1)
                wait_until(lambda: re.search(r"delivered to 127\.0\.3\.1 after \d+ attempts", self.user.logs()), 60, "the end in the log")
        self.assertEqual(self.user.names(".json"), [], "nothing is left to do")

    def test_after_the_time_that_was_asked_for(self):
        self.send("--retry-after", f"{self.DELAY + 2}s")

    def test_after_the_time_that_the_server_names(self):
        self.send()


if __name__ == "__main__":
    receivers.as_root()
    unittest.main()
