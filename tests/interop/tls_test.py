#!/usr/bin/env python3
"""TLS of the real program, with Python's ssl and OpenSSL's own client: which versions and suites it speaks, identities by name,
resumption, the certificate of its own making, new files without a restart, and every trick to get around it."""
import contextlib
import os
import pathlib
import re
import select
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

import harness

ROLES = ("mx", "submission", "relay")
LISTENER_TLS = {"mx": "starttls", "submission": "implicit", "relay": "starttls"}


def openssl(*words, **more):
    run = subprocess.run(["openssl", *words], capture_output=True, timeout=60, **more)
    assert run.returncode == 0, run.stderr.decode(errors="replace")
    return run.stdout.decode(errors="replace")


def make_certificate(folder, name, names, kind="ec", days=90):
    """NAME.pem and NAME.key in the folder."""
    key = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"], "ed25519": ["-newkey", "ed25519"]}[kind]
    made = [str(folder / f"{name}.{end}.new") for end in ("pem", "key")]
    openssl("req", "-x509", *key, "-nodes", "-days", str(days), "-subj", f"/CN={names[0]}", "-addext",
            "subjectAltName=" + ",".join(f"DNS:{each}" for each in names), "-out", made[0], "-keyout", made[1])
    for path in made:
        os.replace(path, path.removesuffix(".new"))
    return str(folder / f"{name}.pem"), str(folder / f"{name}.key")


def client_context(**settings):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in settings.items():
        setattr(context, name, value)
    return context


class Tls(unittest.TestCase):
    def setUp(self):
        self.servers = contextlib.ExitStack()
        self.addCleanup(self.servers.close)

    def serve(self, tls=None, limits=None, identities=None):
        settings = {"tls": tls or {}, "tls.identity": identities or [], "limits": limits or {}}
        server = harness.Posthorn(users=["alice"], roles=ROLES, settings={key: value for key, value in settings.items() if value})
        for listener in server.settings["listener"]:
            listener["tls"] = LISTENER_TLS[listener["role"]]
        server.config.write_text(harness.toml(server.settings))
        self.server = self.servers.enter_context(server)
        return server

    def connect(self, context=None, role="submission", name="mx.example.test", session=None):
        """A handshake from the first octet; the connection, which has had its greeting."""
        plain = socket.create_connection(("127.0.0.1", self.server.port(role)), 20)
        try:
            secure = (context or client_context()).wrap_socket(plain, server_hostname=name, session=session)
        except BaseException:
            plain.close()
            raise
        secure.settimeout(20)
        self.assertIn(b"220", secure.recv(1000))
        return secure

    def shown(self, name="mx.example.test", context=None):
        """The certificate that the server shows for a name, as text."""
        with self.connect(context, name=name) as secure:
            pem = ssl.DER_cert_to_PEM_cert(secure.getpeercert(True))
        return openssl("x509", "-noout", "-text", input=pem.encode())

    def greeted(self, role="mx"):
        """A plain connection after EHLO."""
        plain = socket.create_connection(("127.0.0.1", self.server.port(role)), 20)
        self.addCleanup(plain.close)
        self.read_until(plain, b"220 ")
        plain.sendall(b"EHLO client.test\r\n")
        self.assertIn(b"STARTTLS", self.read_until(plain, b"250 "))
        return plain

    def read_until(self, connection, mark):
        octets = b""
        while mark not in octets or not octets.endswith(b"\n"):
            more = connection.recv(4096)
            if not more:
                return octets
            octets += more
        return octets

    def rest(self, connection):
        octets = b""
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(4096):
                octets += more
        return octets

    def test_the_certificate_of_its_own_making(self):
        server = self.serve()
        text = self.shown()
        self.assertIn("DNS:mx.example.test", text)
        self.assertEqual(os.stat(server.state / "tls.pem").st_mode & 0o777, 0o600)
        for role in ("mx", "relay"):
            with smtplib.SMTP("127.0.0.1", server.port(role), timeout=20) as client:
                client.starttls(context=client_context())
                client.ehlo()
                self.assertNotIn("starttls", client.esmtp_features)
                client.sendmail("a@other.test", ["alice@example.test"], b"Subject: x\r\n\r\nx\r\n")
        head = server.wait_for_mail("alice", 2)[0].split(b"\n\n")[0]
        self.assertRegex(head, rb"with ESMTPS")

    def test_versions_and_suites(self):
        self.serve()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.connect(client_context(minimum_version=version, maximum_version=version)) as secure:
                self.assertEqual(secure.version(), version.name.replace("_", "."))
                self.assertRegex(secure.cipher()[0], "GCM|CHACHA20")
        for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            context = client_context()
            context.set_ciphers("ALL:@SECLEVEL=0")
            with self.subTest(old), self.assertRaises((ssl.SSLError, ConnectionError)):
                context.minimum_version = context.maximum_version = old
                self.connect(context).close()
        for weak in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-SHA", "aNULL", "eNULL", "AES128-GCM-SHA256"):
            context = client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
            context.set_ciphers(weak + ":@SECLEVEL=0")
            with self.subTest(weak), self.assertRaises((ssl.SSLError, ConnectionError)):
                self.connect(context).close()

    def test_resumption(self):
        self.serve()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = client_context(minimum_version=version, maximum_version=version)
            with self.connect(context) as first:
                first.sendall(b"NOOP\r\n")
                first.recv(1000)  # the ticket of TLS 1.3 comes with the first data
                session = first.session
            with self.connect(context, session=session) as second:
                self.assertTrue(second.session_reused, version)

    def test_identities_by_name_and_kind(self):
        folder = pathlib.Path(self.servers.enter_context(tempfile.TemporaryDirectory()))
        first = make_certificate(folder, "first", ["mx.example.test"])
        first_rsa = make_certificate(folder, "first_rsa", ["mx.example.test"], "rsa")
        other = make_certificate(folder, "other", ["*.other.test", "other.test"], "ed25519")
        identities = [{"names": ["mx.example.test"], "certificate": each[0], "key": each[1]} for each in (first, first_rsa)]
        identities.append({"names": ["*.other.test", "other.test"], "certificate": other[0], "key": other[1]})
        self.serve(identities=identities)
        self.assertIn("DNS:mx.example.test", self.shown())
        for name in ("a.other.test", "other.test", "OTHER.TEST"):
            self.assertIn("DNS:other.test", self.shown(name))
        for unknown in ("nobody.test", "a.b.other.test"):
            self.assertIn("DNS:mx.example.test", self.shown(unknown))
        only_rsa = client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
        only_rsa.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
        self.assertIn("rsaEncryption", self.shown(context=only_rsa))
        only_ecdsa = client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
        only_ecdsa.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        self.assertIn("id-ecPublicKey", self.shown(context=only_ecdsa))

    def test_new_files_are_shown_without_a_restart(self):
        folder = pathlib.Path(self.servers.enter_context(tempfile.TemporaryDirectory()))
        certificate, key = make_certificate(folder, "tls", ["first.test"])
        server = self.serve({"certificate": certificate, "key": key})
        with self.connect() as held:
            self.assertIn("first.test", self.shown())
            make_certificate(folder, "tls", ["second.test"], "rsa")
            harness.wait_until(lambda: "second.test" in self.shown(), 10, "the new certificate", describe=server.told)
            pathlib.Path(key).write_text("damaged")
            harness.wait_until(lambda: "tls.unreadable" in server.told(), 10, "a line about the damaged file", describe=server.told)
            self.assertIn("second.test", self.shown())
            make_certificate(folder, "tls", ["third.test"], days=10)
            harness.wait_until(lambda: "third.test" in self.shown(), 10, "the third certificate", describe=server.told)
            harness.wait_until(lambda: "tls.expires" in server.told(), 10, "a warning of expiry", describe=server.told)
            held.sendall(b"NOOP\r\n")
            self.assertIn(b"250", held.recv(1000))

    def test_files_that_will_not_do_refuse_the_start(self):
        folder = pathlib.Path(self.servers.enter_context(tempfile.TemporaryDirectory()))
        certificate, _ = make_certificate(folder, "one", ["one.test"])
        _, other_key = make_certificate(folder, "two", ["two.test"])
        (folder / "empty").touch()
        rows = {
            "another's key": ({"certificate": certificate, "key": other_key}, 78, "does not belong to the certificate"),
            "no certificate": ({"certificate": str(folder / "empty"), "key": other_key}, 78, "there is no certificate in"),
            "no file": ({"certificate": str(folder / "none"), "key": other_key}, 78, "No such file"),
        }
        for name, (tls, status, text) in rows.items():
            with self.subTest(name):
                server = harness.Posthorn(settings={"tls": tls})
                run = subprocess.run([str(harness.program()), "serve", "-c", str(server.config)], capture_output=True, timeout=30)
                server.remove()
                self.assertEqual(run.returncode, status, run.stderr)
                self.assertIn(text, run.stderr.decode())
                self.assertIn("[tls]", run.stderr.decode())

    def test_commands_hidden_behind_starttls_end_the_session(self):
        """CVE-2011-0411: what came with STARTTLS in the clear is never taken for what came after it."""
        self.serve()
        for hidden in (b"RSET\r\n", b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@example.test>\r\n", b"x", b"\r\n"):
            with self.subTest(hidden):
                plain = self.greeted()
                plain.sendall(b"STARTTLS\r\n" + hidden)
                answer = self.rest(plain)
                self.assertRegex(answer, rb"^554 ", answer)
                self.assertNotIn(b"220", answer)

    def test_everything_learned_before_starttls_is_forgotten(self):
        server = self.serve()
        with smtplib.SMTP("127.0.0.1", server.port("relay"), timeout=20) as client:
            client.starttls(context=client_context())
            self.assertEqual(client.docmd("MAIL FROM:<a@other.test>")[0], 503)
            self.assertEqual(client.docmd("STARTTLS")[0] // 100, 5)
            client.ehlo()
            self.assertEqual(client.docmd("MAIL FROM:<a@other.test>")[0], 250)

    def test_application_protocols(self):
        self.serve()
        smtp = client_context()
        smtp.set_alpn_protocols(["smtp"])
        with self.connect(smtp) as secure:
            self.assertEqual(secure.selected_alpn_protocol(), "smtp")
        http = client_context()
        http.set_alpn_protocols(["h2", "http/1.1"])
        with self.assertRaises(ssl.SSLError):
            self.connect(http).close()

    def test_no_renegotiation(self):
        server = self.serve()
        client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port('submission')}", "-tls1_2", "-legacy_renegotiation"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            seen = self.collect(client, b"220 ")
            client.stdin.write(b"R\n")
            client.stdin.flush()
            seen += self.collect(client, b"no renegotiation")
            self.assertIn(b"no renegotiation", seen)
        finally:
            client.kill()
            client.communicate()

    def collect(self, process, mark, seconds=20):
        octets = b""
        deadline = time.monotonic() + seconds
        while mark not in octets and time.monotonic() < deadline:
            if select.select([process.stdout], [], [], 0.2)[0]:
                more = os.read(process.stdout.fileno(), 4096)
                if not more:
                    break
                octets += more
        return octets

    def test_a_client_that_was_made_to_fall_back_is_told(self):
        """RFC 7507: one who says that it speaks less than it could, while we speak more, was tricked."""
        port = self.serve().port("submission")
        tried = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-fallback_scsv"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        self.assertIn(b"inappropriate fallback", tried.stdout + tried.stderr)

    def test_the_last_octets_of_a_random_tell_of_a_downgrade(self):
        """RFC 8446 §4.1.3: a server that could have spoken 1.3 says so in its random, and a client of 1.3 that was given 1.2 ends."""
        port = self.serve().port("submission")
        seen = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-msg"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        hello = re.search(r"ServerHello\n((?: +[0-9a-f ]+\n)+)", seen.stdout.decode())
        self.assertIsNotNone(hello, seen.stdout[:2000])
        octets = bytes.fromhex(hello[1])
        self.assertEqual(octets[4 + 2 + 24:4 + 2 + 32], b"DOWNGRD\x01")

    def test_plain_text_where_tls_is_expected(self):
        server = self.serve()
        with socket.create_connection(("127.0.0.1", server.port("submission")), 20) as plain:
            plain.sendall(b"EHLO client.test\r\n")
            self.assertNotIn(b"250", self.rest(plain))

    def test_a_handshake_has_its_time(self):
        server = self.serve(limits={"handshake_timeout": "1s"})
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port("submission")), 20) as plain:
            self.rest(plain)
        self.assertLess(time.monotonic() - begun, 10)
        plain = self.greeted()
        plain.sendall(b"STARTTLS\r\n")
        self.read_until(plain, b"220 ")
        begun = time.monotonic()
        self.rest(plain)
        self.assertLess(time.monotonic() - begun, 10)

    def test_many_handshakes_at_once_while_mail_goes_on(self):
        """Half-open handshakes keep nobody waiting."""
        server = self.serve()
        with contextlib.ExitStack() as stack:
            for _ in range(80):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port("submission")), 20)).sendall(b"\x16\x03\x01\x02\x00")
            begun = time.monotonic()
            with smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20) as client:
                client.starttls(context=client_context())
                client.sendmail("a@other.test", ["alice@example.test"], b"Subject: x\r\n\r\nx\r\n")
            self.assertLess(time.monotonic() - begun, 5)
            server.wait_for_mail("alice", 1)

    def test_a_cut_connection_is_not_an_end(self):
        """Without close_notify somebody may have cut the rest: data that did not end is no message."""
        server = self.serve()
        with smtplib.SMTP("127.0.0.1", server.port("relay"), timeout=20) as client:
            client.starttls(context=client_context())
            client.ehlo()
            client.mail("a@other.test")
            client.rcpt("alice@example.test")
            client.docmd("DATA")
            client.sock.sendall(b"Subject: half\r\n\r\nhalf a mess")
            socket.socket(fileno=client.sock.detach()).close()
            client.sock = None
        with smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20) as client:
            client.sendmail("a@other.test", ["alice@example.test"], b"Subject: whole\r\n\r\nx\r\n")
        self.assertEqual(len(server.wait_for_mail("alice", 1)), 1)


if __name__ == "__main__":
    unittest.main()
