#!/usr/bin/env python3
"""Spools that the running program did not leave just so: one of an earlier release, one from another machine, and one that rots
under waiting mail."""
import pathlib
import shutil
import tarfile
import tempfile
import unittest

import rig
from rig import Client, harness

GOLDEN = pathlib.Path(__file__).parent / "golden"
# What the makers of the golden spools sent, one letter each (make_golden.py).
GOLDEN_TEXTS = [b"Subject: small\r\n\r\nfrom an earlier release\r\n", b"Subject: large\r\n\r\n" + b"a line of a large body\r\n" * 20_000]
SETTINGS = {"spool": {"segment_size": "1MiB"}}


def letter(text):
    return b"Subject: waiting\r\n\r\n" + text + b"\r\n"


class Spool(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-spool-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def server(self, paused, **more):
        return harness.Posthorn(users=("alice", "bob"), folder=self.folder, settings={"queue": {"paused": paused}, **SETTINGS}, **more)

    def leave_waiting(self, *texts):
        with self.server(paused=True) as server, Client(server.port("mx")) as client:
            for text in texts:
                client.begin(sender="bob@example.test")
                client.ask("DATA")
                self.assertEqual(client.ask(letter(text) + b".\r\n")[:3], "250")

    def test_a_spool_of_each_release_is_read(self):
        goldens = sorted(GOLDEN.glob("spool-*.tar.xz"))
        self.assertTrue(goldens)
        for golden in goldens:
            with self.subTest(golden.name), tempfile.TemporaryDirectory(prefix="posthorn-golden-") as folder:
                with tarfile.open(golden) as packed:
                    packed.extractall(folder)
                server = harness.Posthorn(folder=folder, options=["--adopt-spool"])
                with server:
                    texts = server.wait_for_mail("alice", len(GOLDEN_TEXTS))
                    for wanted in GOLDEN_TEXTS:
                        self.assertTrue(any(text.endswith(wanted.replace(b"\r\n", b"\n")) for text in texts), wanted[:30])
                    self.assertNotIn("damage", server.told().replace("damages=0", ""))

    def test_a_spool_from_another_machine_is_refused_until_it_is_adopted(self):
        self.leave_waiting(b"once only")
        other = self.folder / "machine-id"
        other.write_text("0123456789abcdef0123456789abcdef\n")
        elsewhere = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'mount --bind {other} /etc/machine-id && exec "$@"', "sh"]
        server = self.server(paused=False, wrapper=elsewhere)
        with self.assertRaisesRegex(AssertionError, "(?s)ended with 77.*another machine.*--adopt-spool"):
            server.start()
        self.assertEqual(server.names("alice"), [])
        server.options = ["--adopt-spool"]
        server.start()
        self.addCleanup(server.end_what_is_left)
        server.wait_for_mail("alice", 1)

    def test_a_message_that_rots_while_it_waits_is_reported_and_the_others_arrive(self):
        self.leave_waiting(b"first and whole", b"second and rotten", b"third and whole")
        (place,) = [path for path in (self.folder / "state/spool").glob("segment-*") if b"second and rotten" in path.read_bytes()]
        place.write_bytes(place.read_bytes().replace(b"second and rotten", b"second and rott\x00n"))
        with self.server(paused=False) as server:
            # The envelope is whole, so its sender, who is bob of this server, hears of it (FAULTS F7).
            (report,) = server.wait_for_mail("bob", 1)
            self.assertIn(b"Return-Path: <>", report)
            self.assertIn(b"Final-Recipient: rfc822; alice@example.test", report)
            self.assertIn(b"Status: 5.3.0", report)
            texts = server.wait_for_mail("alice", 2)
            self.assertEqual([text.split(b"\n\n")[1] for text in texts], [b"first and whole\n", b"third and whole\n"])
            self.assertTrue(list((server.state / "spool/corrupt").iterdir()))


if __name__ == "__main__":
    unittest.main()
