#!/usr/bin/env python3
"""`posthorn check` judges by the means with which a start succeeds or fails: what serve would refuse is not called good."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from rig import harness

import sink


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-check-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "state").mkdir(mode=0o700)
        (self.folder / "mail").mkdir()
        (self.folder / "users").write_text("alice\n")
        self.certificate = self.made("one.test")

    def made(self, name):
        pem, _ = sink.certificate(self.folder, name)
        return str(pem)

    def check(self, **settings):
        """Status and what was told, of this beside settings that are good."""
        file = self.folder / "posthorn.toml"
        file.write_text(harness.toml({"domains": ["example.test"], "state": str(self.folder / "state"), "process": {"user": ""},
                                      "mailbox": {"root": str(self.folder / "mail"), "users": str(self.folder / "users")}, **settings}))
        done = subprocess.run([harness.program(), "check", "-c", str(file)], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_what_serves_is_good(self):
        status, told = self.check(tls={"certificate": self.certificate}, listener=[{"interface": "lo", "port": 2525, "role": "relay"}])
        self.assertEqual(status, 0, told)

    def test_a_route_of_an_own_domain_is_named(self):
        status, told = self.check(route=[{"domain": ["example.test", "other.test"], "to": "lmtp:unix:/run/lmtp"}])
        self.assertEqual(status, 0, told)
        self.assertRegex(told, "warning: route.domain: example.test is one of our own .* the route to lmtp:unix:/run/lmtp is never taken")
        self.assertNotIn("other.test", told)

    def test_what_does_not_start_is_named(self):
        (self.folder / "text.pem").write_text("no certificate\n")
        for settings, word in (({"tls": {"certificate": self.certificate, "key": self.made("two.test")}}, "tls"),
                               ({"tls": {"certificate": str(self.folder / "text.pem")}}, "text.pem"),
                               ({"dns": {"trust_anchor": str(self.folder / "nowhere.ds")}}, "nowhere.ds"),
                               ({"listener": [{"interface": "nosuch0", "port": 2525, "role": "mx"}]}, "nosuch0"),
                               ({"admin": {"socket": str(self.folder / "nowhere/admin.sock")}}, "nowhere")):
            with self.subTest(word):
                status, told = self.check(**settings)
                self.assertEqual(status, 78, told)
                self.assertIn(word, told)


if __name__ == "__main__":
    unittest.main()
