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

    def explain(self, address, status=0, **settings):
        file = self.folder / "posthorn.toml"
        file.write_text(harness.toml({"domains": ["example.test"], "state": str(self.folder / "state"),
                                      "mailbox": {"users": str(self.folder / "users")}, **settings}))
        done = subprocess.run([harness.program(), "explain", address, "-c", str(file)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr if status else done.stdout

    def test_a_paused_queue_is_said(self):
        self.assertIn("paused by the configuration", self.explain("alice@example.test", queue={"paused": True}))
        self.assertNotIn("paused", self.explain("alice@example.test"))
        self.assertNotIn("paused", self.explain("nobody@example.test", queue={"paused": True}), "it is refused, paused or not")

    def test_a_name_is_one_of_the_first_domain(self):
        told = self.explain("alice", domains=["one.test", "two.test"])
        self.assertIn("alice@one.test: local", told)
        self.assertIn("postmaster@one.test: local", self.explain("postmaster", domains=["one.test"]))

    def test_what_is_no_address_is_no_answer(self):
        for text in ("u@", "@example.test", "", "a\nb"):
            self.assertIn("neither an address nor a message id", self.explain(text, status=65), repr(text))

    def redirect(self, user, text):
        home = self.folder / "mail" / user
        home.mkdir(parents=True, exist_ok=True)
        file = home / ".forward"
        file.write_text(text)
        file.chmod(0o600)
        return file

    def test_redirects_are_followed(self):
        (self.folder / "users").write_text("alice\nbob\ncarl\ndora\nerin\nfred\n")
        self.redirect("alice", "\\alice\nbob@[192.0.2.7]\n")
        self.redirect("carl", "dora\n")
        self.redirect("dora", "carl@example.test\n")
        self.redirect("erin", "bob\n").chmod(0o622)
        self.redirect("fred", "|program\n")
        mailbox = {"users": str(self.folder / "users"), "root": str(self.folder / "mail"), "forward_file": ".forward"}

        def told_of(user, **more):
            return self.explain(f"{user}@example.test", mailbox={**mailbox, **more}, process={"user": ""})
        told = told_of("alice")
        self.assertIn("a copy into the mailbox of alice", told)
        self.assertIn("alice sends it on to bob@[192.0.2.7]", told)
        self.assertIn("host      0 [192.0.2.7]", told)
        self.assertIn("into the mailbox of bob", told_of("bob"))
        told = told_of("carl")
        self.assertIn("carl sends it on to dora@example.test", told)
        self.assertIn("dora sends it on to carl@example.test", told)
        self.assertIn("back to carl", told)
        self.assertNotIn("into the mailbox", told)
        told = told_of("erin")
        self.assertIn("the redirect of erin does not count", told)
        self.assertIn("into the mailbox of erin", told)
        self.assertIn("into the mailbox of fred", told_of("fred"))
        self.assertIn("into the mailbox of carl", told_of("carl", forward_file=""))
        self.assertIn("into the mailbox of carl", told_of("carl", root=str(self.folder / "not-there")))

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
