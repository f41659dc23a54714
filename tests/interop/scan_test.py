#!/usr/bin/env python3
"""A scanner for faults of TLS (sslscan) against every kind of listener of the real program: it finds none."""
import subprocess
import unittest
import xml.etree.ElementTree

import harness

LISTENERS = {"submission": "implicit", "mx": "starttls"}
OLD = {("ssl", "2"), ("ssl", "3"), ("tls", "1.0"), ("tls", "1.1")}
SECONDS = 240
LEAST_BITS = 128
HASHES_OF_THE_PAST = ("md5", "sha1", "sha224")


class Scan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Posthorn(users=["alice"], roles=tuple(LISTENERS), settings={"limits": {"connections_per_address": 1_000}})
        for listener in cls.server.settings["listener"]:
            listener["tls"] = LISTENERS[listener["role"]]
        cls.server.config.write_text(harness.toml(cls.server.settings))
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def scan(self, role, *words):
        run = subprocess.run(["sslscan", "--xml=-", "--no-colour", "--show-sigs", *words, f"127.0.0.1:{self.server.port(role)}"], capture_output=True, timeout=SECONDS)
        self.assertEqual(run.returncode, 0, run.stderr)
        found = xml.etree.ElementTree.fromstring(run.stdout).find("ssltest")
        self.assertIsNotNone(found, run.stdout)
        return found

    def judge(self, found):
        versions = {(each.get("type"), each.get("version")): each.get("enabled") == "1" for each in found.findall("protocol")}
        self.assertTrue(versions[("tls", "1.2")] and versions[("tls", "1.3")], versions)
        self.assertEqual({version for version, enabled in versions.items() if enabled} & OLD, set(), "versions of the past")
        for name, wanted in (("fallback", "1"), ("compression", "0")):  # told only where the scanner could try it
            self.assertEqual({each.get("supported") for each in found.findall(name)} - {wanted}, set(), name)
        self.assertEqual({each.get("vulnerable") for each in found.findall("heartbleed")}, {"0"})
        self.assertEqual(found.find("renegotiation").get("supported"), "0")
        ciphers = found.findall("cipher")
        self.assertGreaterEqual(len(ciphers), 4)
        for cipher in ciphers:
            with self.subTest(cipher.get("cipher")):
                self.assertIn(cipher.get("strength"), ("strong", "acceptable"))
                self.assertGreaterEqual(int(cipher.get("bits")), LEAST_BITS)
                self.assertRegex(cipher.get("cipher"), "GCM|CHACHA20|CCM")
                self.assertTrue(cipher.get("sslversion") == "TLSv1.3" or cipher.get("cipher").startswith("ECDHE-"), "forward secrecy")
        for signature in found.findall("connection-signature-algorithm"):
            self.assertFalse(any(old in signature.get("name").lower() for old in HASHES_OF_THE_PAST), signature.get("name"))
        for certificate in found.iter("certificate"):
            self.assertNotIn("sha1", (certificate.findtext("signature-algorithm") or "").lower())

    def test_from_the_first_octet(self):
        self.judge(self.scan("submission"))

    def test_by_starttls(self):
        self.judge(self.scan("mx", "--starttls-smtp"))


if __name__ == "__main__":
    unittest.main()
