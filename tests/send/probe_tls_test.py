#!/usr/bin/env python3
"""`posthorn probe` and TLS: what it tells of the protocol and the certificate, when a monitor hears WARNING or CRITICAL, what is not
TLS, and handshakes that never end."""
import json
import ssl
import subprocess
import unittest

from scripted import SILENCE, Server, User

OFFER = {"EHLO": "250-mx.example.test\r\n250 STARTTLS", "STARTTLS": "220 go ahead"}


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)


class ProbeTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.user = User()
        cls.addClassCleanup(cls.user.remove)
        cls.contexts = {name: cls.context(name, days) for name, days in (("good", 90), ("ending", 5), ("ended", -1))}

    @classmethod
    def context(cls, name, days):
        key, request, shown = (cls.user.folder / f"{name}.{end}" for end in ("key", "request", "pem"))
        extension = cls.user.folder / "names"
        extension.write_text("subjectAltName=DNS:localhost\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=localhost")
        openssl("x509", "-req", "-in", request, "-signkey", key, "-days", days, "-out", shown, "-extfile", extension)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown, key)
        return context

    def server(self, name, script=None, implicit=False):
        return Server({**OFFER, **(script or {})}, context=self.contexts[name], implicit=implicit)

    def probe(self, server, *words, host="127.0.0.1", **more):
        patience = () if "--timeout" in words else ("--timeout", "30s")
        return self.user.run("probe", host, "-4", "--no-send", "--port", server.port, *words, *patience, **more)

    def test_what_is_told_of_it(self):
        for implicit, way in ((False, "require"), (False, "starttls"), (True, "implicit")):
            with self.subTest(way), self.server("good", implicit=implicit) as server:
                status, told = self.probe(server, "--tls", way, "--json")
                self.assertEqual(status, 0, told)
                tls = json.loads(told)["tls"]
                self.assertIn(tls["protocol"], ("TLSv1.2", "TLSv1.3"))
                self.assertGreaterEqual(tls["bits"], 128)
                self.assertIn("localhost", tls["subject"])
                self.assertEqual(tls["subject"], tls["issuer"])
                self.assertRegex(tls["expires"], r"^20\d\d-\d\d-\d\dT")
                self.assertFalse(tls["verified"])
                self.assertGreater(tls["ms"], 0)

    def test_a_person_is_told(self):
        with self.server("ended") as server:
            status, told = self.probe(server, "--tls", "require")
        self.assertEqual(status, 0, told)
        self.assertRegex(told, r"(?m)^TLS: TLSv1\.[23], \S+ \(\d+ bits\), handshake [\d.]+ ms$")
        self.assertRegex(told, r"certificate of .*localhost.*, valid until \S+: it is over")

    def test_a_monitor_looks_at_the_certificate(self):
        for name, words, expected, state in [("good", (), 0, "OK"), ("ending", (), 1, "WARNING"), ("ending", ("--certificate", "2d"), 0, "OK"),
                                             ("ended", (), 2, "CRITICAL")]:
            with self.subTest(name=name, words=words), self.server(name) as server:
                status, told = self.probe(server, "--tls", "require", "--monitor", "--warning", "1m", "--critical", "2m", *words)
                self.assertEqual((status, told.split()[1]), (expected, state), told)

    def test_who_is_to_be_verified(self):
        trust = {"SSL_CERT_FILE": str(self.user.folder / "good.pem"), "SSL_CERT_DIR": "/nonexistent"}
        for name, environment, host, expected in [("good", trust, "localhost", 0), ("good", {}, "localhost", 69), ("good", trust, "127.0.0.1", 69),
                                                  ("ended", {"SSL_CERT_FILE": str(self.user.folder / "ended.pem")}, "localhost", 69)]:
            with self.subTest(name=name, host=host, trusted=bool(environment)), self.server(name) as server:
                status, told = self.probe(server, "--tls", "require", "--verify", host=host, environment=environment)
                self.assertEqual(status, expected, told)
                if expected == 0:
                    self.assertIn("it proves the name localhost", told)
                else:
                    self.assertTrue(told.endswith("SMTP SERVER STATUS : FAIL\n"), told)

    def test_no_tls_where_it_is_required(self):
        rows = [({"EHLO": "250 mx.example.test"}, 69, "STARTTLS"), ({"STARTTLS": "454 4.7.0 not now"}, None, "STARTTLS"),
                ({"EHLO": "502 what"}, 69, "STARTTLS"), ({"STARTTLS": b"220 go\r\n250 too early\r\n"}, 69, "STARTTLS")]
        for script, expected, step in rows:
            with self.subTest(script=script), Server({**OFFER, **script}) as server:
                status, told = self.probe(server, "--tls", "require", "--json")
                found = json.loads(told)
                self.assertIn(status, (69, 75) if expected is None else (expected,), told)
                self.assertEqual((found["ok"], found["failed_at"], found["tls"]), (False, step, None), told)

    def test_what_is_no_tls_and_what_never_ends(self):
        rows = [({"STARTTLS": b"220 go\r\n"}, "require"), ({"": SILENCE}, "implicit"), ({"": b"220 plain\r\n"}, "implicit")]
        for script, way in rows:
            # The server talks on in the clear, or not at all.
            with self.subTest(script=script), Server({**OFFER, **script}) as server:
                status, told = self.probe(server, "--tls", way, "--timeout", "5s")
                self.assertIn(status, (69, 75), told)
                self.assertTrue(told.endswith("SMTP SERVER STATUS : FAIL\n"), told)


if __name__ == "__main__":
    unittest.main()
