#!/usr/bin/env python3
"""STARTTLS on the way out that fails in each way, under each policy: what goes in the clear where it may, what waits where it may
not, and that no byte of a message is sent unencrypted where the policy requires TLS (FAULTS F44, I15)."""
import contextlib
import hashlib
import os
import pathlib
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
import unittest
import warnings

import harness
import name_server
import sink

HOST = "mx.lab.test"
CLEAR, ENCRYPTED, WAITS = "in the clear", "encrypted", "waits"


def openssl(*words):
    run = subprocess.run(["openssl", *map(str, words)], capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr.decode(errors="replace")


class Authority:
    """Signs certificates; its own is what the server trusts."""

    def __init__(self, folder):
        self.folder = folder
        self.shown, self.key = folder / "authority.crt", folder / "authority.key"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.shown, "-days", 3, "-subj", "/CN=Authority")

    def certificate(self, name, days=3):
        key, request, shown, both = (self.folder / f"{name}.{days}.{end}" for end in ("key", "csr", "crt", "pem"))
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")
        openssl("x509", "-req", "-in", request, "-CA", self.shown, "-CAkey", self.key, "-CAcreateserial", "-days", days, "-copy_extensions", "copy", "-out", shown)
        both.write_text(key.read_text() + shown.read_text())
        return both


def fingerprint(pem):
    shown = pem.read_text()
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown[shown.index("-----BEGIN CERTIFICATE"):])).hexdigest()


class Instead:
    """Answers the client's hello with these octets, and is gone."""

    def __init__(self, octets):
        self.octets = octets

    def wrap_socket(self, connection, **_):
        connection.recv(1000)
        connection.sendall(self.octets)
        connection.shutdown(socket.SHUT_RDWR)
        raise OSError


class GoneAfterwards:
    """A handshake that succeeds, and nothing more."""

    def __init__(self, context):
        self.context = context

    def wrap_socket(self, connection, **words):
        secure = self.context.wrap_socket(connection, **words)
        secure.shutdown(socket.SHUT_RDWR)
        raise OSError


def old_context(pem):
    context = sink.server_context(pem)
    context.set_ciphers("ALL:@SECLEVEL=0")
    warnings.simplefilter("ignore", DeprecationWarning)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    return context


class Case:
    """A receiving server that fails in one way, and the route to it under one policy."""

    def __init__(self, name, policy, expected, tls, answers, fingerprints):
        self.domain = f"{name}-{policy}.test"
        self.policy, self.expected = policy, expected
        self.sink = sink.Sink("127.0.2.1", 0, tls=tls)
        self.sink.answers.update(answers)
        port = self.sink.socket.getsockname()[1]
        self.route = {"domain": [self.domain], "to": f"{HOST}:{port}", "tls": policy, **({"fingerprints": fingerprints} if fingerprints else {})}


class TlsOut(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-tls-out-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        authority = Authority(cls.folder)
        cls.good = authority.certificate(HOST)
        cls.expired = authority.certificate(HOST, -1)
        cls.other_name = authority.certificate("other.lab.test")
        (cls.folder / "stranger").mkdir()
        cls.stranger, _ = sink.certificate(cls.folder / "stranger", HOST)
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(authority.shown)
        cls.addClassCleanup(lambda: os.environ.pop("SSL_CERT_FILE") if before is None else os.environ.update(SSL_CERT_FILE=before))

    @contextlib.contextmanager
    def serving(self, cases):
        for case in cases:
            self.addCleanup(case.sink.close)
        with name_server.NameServer({"lab.test.": "mx A 127.0.2.1\n"}) as names:
            settings = {"route": [case.route for case in cases], "dns": names.settings(), "remote": {"allow_loopback": True},
                        "queue": {"retry": ["300ms", "1h"]}, "process": {"sandbox": "off"}}
            with harness.Posthorn(settings=settings) as server:
                yield server

    def send(self, server, cases):
        with smtplib.SMTP("127.0.0.1", server.port("relay"), timeout=60) as client:
            for case in cases:
                client.sendmail("alice@example.test", [f"bob@{case.domain}"], "Subject: secret\r\n\r\nx\r\n")

    def deferrals(self, server, case):
        lines = server.errors.read_text(errors="replace").splitlines()
        return [line for line in lines if "recipient.deferred" in line and f"bob@{case.domain}" in line]

    def check(self, server, case):
        if case.expected == WAITS:
            harness.wait_until(lambda: len(self.deferrals(server, case)) >= 2, 60, f"two deferrals for {case.domain}", describe=server.told)
            self.assertEqual(case.sink.letters, [])
            self.assertFalse([line for line in case.sink.commands if line.startswith(("MAIL", "RCPT", "DATA"))], "not a word of the message")
            return
        harness.wait_until(lambda: case.sink.letters, 60, f"a letter for {case.domain}", describe=server.told)
        self.assertEqual(case.sink.letters[0].encrypted, case.expected == ENCRYPTED)
        self.assertEqual(self.deferrals(server, case), [], "at once")

    def run_rows(self, rows):
        """A row: name, what stands for TLS, answers that are set, and what is expected under may, require and verify."""
        cases = [Case(name, policy, expected, tls, answers, ())
                 for name, tls, answers, *each in rows for policy, expected in zip(("may", "require", "verify"), each)]
        with self.serving(cases) as server:
            self.send(server, cases)
            for case in cases:
                with self.subTest(case.domain):
                    self.check(server, case)
            yield server, cases

    def test_no_handshake_comes_about(self):
        broken = [("garbage", Instead(b"no TLS here\r\n"), {}, CLEAR, WAITS, WAITS),
                  ("cut", Instead(b""), {}, CLEAR, WAITS, WAITS),
                  ("half", Instead(b"\x16\x03\x03\x00\x7a\x02\x00"), {}, CLEAR, WAITS, WAITS),
                  ("alert", Instead(b"\x15\x03\x03\x00\x02\x02\x28"), {}, CLEAR, WAITS, WAITS),
                  ("old", old_context(self.good), {}, CLEAR, WAITS, WAITS)]
        for server, cases in self.run_rows(broken):
            may = [case for case in cases if case.policy == "may"]
            asked = {case.domain: case.sink.commands.count("STARTTLS") for case in may}
            for case in may:
                harness.wait_until(lambda end=case.sink: "QUIT" in end.commands, 20, "QUIT after the connection was idle", describe=server.told)
            self.send(server, may)
            for case in may:
                harness.wait_until(lambda end=case.sink: len(end.letters) >= 2, 30, f"the second letter for {case.domain}", describe=server.told)
                self.assertEqual(case.sink.commands.count("STARTTLS"), asked[case.domain], f"{case.domain}: the failure is remembered")

    def test_it_is_not_offered_or_refused(self):
        refused = {"STARTTLS": "454 4.7.0 TLS not available"}
        for _ in self.run_rows([("none", None, {}, CLEAR, WAITS, WAITS),
                                ("later", sink.server_context(self.good), refused, CLEAR, WAITS, WAITS),
                                ("closes", sink.server_context(self.good), {"STARTTLS": None}, CLEAR, WAITS, WAITS),
                                ("nonsense", sink.server_context(self.good), {"STARTTLS": "250 what"}, CLEAR, WAITS, WAITS),
                                ("garbled", sink.server_context(self.good), {"STARTTLS": "** what **"}, CLEAR, WAITS, WAITS),
                                ("never", sink.server_context(self.good), {"STARTTLS": "554 5.7.0 no"}, CLEAR, WAITS, WAITS)]):
            pass

    def test_the_certificate_is_not_the_right_one(self):
        for _ in self.run_rows([("good", sink.server_context(self.good), {}, ENCRYPTED, ENCRYPTED, ENCRYPTED),
                                ("expired", sink.server_context(self.expired), {}, ENCRYPTED, ENCRYPTED, WAITS),
                                ("name", sink.server_context(self.other_name), {}, ENCRYPTED, ENCRYPTED, WAITS),
                                ("issuer", sink.server_context(self.stranger), {}, ENCRYPTED, ENCRYPTED, WAITS)]):
            pass

    def test_a_pinned_certificate(self):
        cases = [Case(name, "verify", expected, sink.server_context(pem), {}, [fingerprint(pinned)])
                 for name, pem, pinned, expected in (("pinned", self.stranger, self.stranger, ENCRYPTED), ("differs", self.good, self.stranger, WAITS))]
        with self.serving(cases) as server:
            self.send(server, cases)
            for case in cases:
                with self.subTest(case.domain):
                    self.check(server, case)

    def test_the_connection_ends_behind_the_handshake(self):
        """TLS works there: nothing is a reason to go on without it."""
        for _ in self.run_rows([("gone", GoneAfterwards(sink.server_context(self.good)), {}, WAITS, WAITS, WAITS)]):
            pass


if __name__ == "__main__":
    unittest.main()
