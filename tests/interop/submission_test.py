#!/usr/bin/env python3
"""Users who send: real mail clients on 465 and 587's kind of listener, each mechanism, wrong passwords, strangers who guess
while the right password is used, which senders a user may name, what happens to Bcc, Date and Message-ID. At the end no
password that was used stands in any output of the server."""
import base64
import contextlib
import hashlib
import hmac
import os
import pathlib
import re
import smtplib
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
import unittest

import harness

PASSWORDS = {"alice": "opensesame-1", "bob": "hunter-two-2", "carol": "third time ä3"}
WRONG = "wrong-guess-77"
BODY = "first line\n.a dot\nBcc: not@a.field\nlast line, grüße\n"


def tls():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def run(*command, text=None):
    done = subprocess.run(command, input=text.encode() if text else None, capture_output=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def message(subject, sender="alice@example.test", extra="", to="bob@example.test"):
    return f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n{extra}\r\n{BODY}".replace("\r\n", "\n").encode()


def server_settings(ports, failures=5, delay="200ms"):
    return {
        "listener": [
            {"address": [f"127.0.0.1:{ports['mx']}", f"127.0.0.2:{ports['mx']}"], "role": "mx", "tls": "none"},
            {"address": [f"127.0.0.1:{ports['tls']}"], "role": "submission", "tls": "implicit"},
            {"address": [f"127.0.0.1:{ports['starttls']}"], "role": "submission", "tls": "starttls"},
        ],
        "auth": {"failures": failures, "longest_delay": delay},
    }


class Submission(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Posthorn(users=PASSWORDS, roles=("mx", "tls", "starttls"))
        cls.server.settings = cls.server.merged(cls.server.settings, server_settings(cls.server.ports))
        cls.server.config.write_text(harness.toml(cls.server.settings))
        (cls.server.folder / "aliases").write_text("info: alice, bob\nsales: bob\n")
        for user, password in PASSWORDS.items():
            cls.set_password(user, password)
        cls.server.start()
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()
        cls.server.stop()
        told = cls.server.errors.read_bytes()
        for secret in [*PASSWORDS.values(), WRONG]:
            for form in (secret, base64.b64encode(secret.encode()).decode().rstrip("=")):
                assert form.encode() not in told, "a password stands in the log"
        cls.server.remove()

    @classmethod
    def set_password(cls, user, password, *options):
        status, output = run(str(harness.program()), "user", "passwd", user, "-c", str(cls.server.config), *options,
                             text=password + "\n")
        assert status == 0, output

    def starttls(self, source=None, port="starttls"):
        client = smtplib.SMTP("127.0.0.1", self.server.port(port), timeout=30, source_address=(source, 0) if source else None)
        client.starttls(context=tls())
        client.ehlo()
        return client

    def implicit(self):
        client = smtplib.SMTP_SSL("127.0.0.1", self.server.port("tls"), timeout=30, context=tls())
        client.ehlo()
        return client

    @staticmethod
    def plain(client, user, password):
        return client.docmd("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())

    def logged_in(self, user="alice"):
        client = self.implicit()
        client.login(user, PASSWORDS[user])
        return client

    # ---- What is offered ----

    def test_mechanisms_are_offered_where_they_can_work(self):
        with smtplib.SMTP("127.0.0.1", self.server.port("starttls"), timeout=30) as client:
            client.ehlo()
            self.assertNotIn("auth", client.esmtp_features)
            self.assertEqual(client.docmd("AUTH PLAIN AGEAYg==")[0], 530)
            self.assertEqual(client.docmd("MAIL FROM:<alice@example.test>")[0], 530)
        for client in (self.starttls(), self.implicit()):
            with client:
                self.assertEqual(client.esmtp_features["auth"].split(), ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"])
        with smtplib.SMTP("127.0.0.1", self.server.port("mx"), timeout=30) as client:
            client.ehlo()
            self.assertNotIn("auth", client.esmtp_features)

    def test_mail_needs_authentication(self):
        with self.implicit() as client:
            code, text = client.docmd("MAIL FROM:<alice@example.test>")
            self.assertEqual((code, text[:5]), (530, b"5.7.0"))
            client.login("alice", PASSWORDS["alice"])
            self.assertEqual(client.docmd("MAIL FROM:<alice@example.test>")[0], 250)
            self.assertEqual(client.docmd("RCPT TO:<someone@elsewhere.test>")[0], 250)

    # ---- Clients ----

    def arrives(self, subject, send, user="bob"):
        with self.server.one_more(user) as arrived:
            status, output = send()
            self.assertEqual(status, 0, output)
        text = arrived().decode()
        self.assertIn(f"Subject: {subject}\n", text)
        self.assertIn("with ESMTPSA", text)
        self.assertIn("\n\nfirst line\n.a dot\nBcc: not@a.field\nlast line, grüße", text)
        return text

    def file(self, subject):
        path = pathlib.Path(self.folder.name) / "message"
        path.write_bytes(message(subject))
        return str(path)

    def swaks(self, mechanism, port, *options):
        return self.arrives(f"swaks {mechanism}", lambda: run(
            "swaks", "--server", "127.0.0.1", "--port", str(self.server.port(port)), "--from", "alice@example.test", "--to",
            "bob@example.test", "--data", "@" + self.file(f"swaks {mechanism}"), "--auth", mechanism, "--auth-user", "alice",
            "--auth-password", PASSWORDS["alice"], *options))

    def test_swaks(self):
        self.swaks("PLAIN", "starttls", "--tls")
        self.swaks("LOGIN", "tls", "--tlsc")

    def curl(self, scheme, port, *options, user="alice", password=None):
        return run("curl", "-sS", "-k", "--max-time", "30", f"{scheme}://127.0.0.1:{self.server.port(port)}/client.test", "--user",
                   f"{user}:{password or PASSWORDS[user]}", "--mail-from", f"{user}@example.test", "--mail-rcpt", "bob@example.test",
                   "--upload-file", self.file("curl"), "--crlf", *options)

    def test_curl(self):
        for mechanism in ("PLAIN", "LOGIN"):
            self.arrives("curl", lambda mechanism=mechanism: self.curl("smtps", "tls", "--login-options", f"AUTH={mechanism}"))
        self.arrives("curl", lambda: self.curl("smtp", "starttls", "--ssl-reqd"))
        self.assertEqual(self.curl("smtps", "tls", password=WRONG)[0], 67)

    def msmtp(self, *options, password=None):
        secret = pathlib.Path(self.folder.name) / "secret"
        secret.write_text((password or PASSWORDS["alice"]) + "\n")
        return run("msmtp", "--host=127.0.0.1", "--user=alice", "--from=alice@example.test", "--timeout=30", "--tls=on",
                   "--tls-certcheck=off", f"--passwordeval=cat {secret}", *options, "bob@example.test",
                   text=message("msmtp").decode())

    def test_msmtp(self):
        implicit = ("--tls-starttls=off", f"--port={self.server.port('tls')}")
        for mechanism in ("plain", "login", "scram-sha-256"):
            self.arrives("msmtp", lambda mechanism=mechanism: self.msmtp(*implicit, f"--auth={mechanism}"))
        self.arrives("msmtp", lambda: self.msmtp(f"--port={self.server.port('starttls')}", "--auth=on"))
        status, output = self.msmtp(*implicit, "--auth=plain", password=WRONG)
        self.assertEqual(status, 77, output)

    def test_smtplib(self):
        for make in (self.starttls, self.implicit):
            for login in ("alice", "Alice@example.test"):
                with make() as client:
                    client.login(login, PASSWORDS["alice"])
                    self.arrives("smtplib", lambda client=client: (len(client.sendmail("alice@example.test", ["bob@example.test"], message("smtplib").replace(b"\n", b"\r\n"))), ""))

    def test_openssl(self):
        """The dialogue by hand, through OpenSSL's own client; also Thunderbird's way: EHLO, STARTTLS, EHLO, AUTH PLAIN with the
        initial response, a message, QUIT."""
        plain = base64.b64encode(b"\0alice\0" + PASSWORDS["alice"].encode()).decode()
        words = [f"EHLO [127.0.0.1]", f"AUTH PLAIN {plain}", "MAIL FROM:<alice@example.test> BODY=8BITMIME SIZE=400",
                 "RCPT TO:<bob@example.test>", "DATA", message("openssl").decode().replace("\n.", "\n..") + ".", "QUIT"]
        for options in (["-starttls", "smtp", "-connect", f"127.0.0.1:{self.server.port('starttls')}"],
                        ["-connect", f"127.0.0.1:{self.server.port('tls')}"]):
            self.arrives("openssl", lambda options=options: run(
                "openssl", "s_client", "-quiet", "-crlf", "-ign_eof", *options, text="\n".join(words) + "\n"))

    # ---- SCRAM, by a client of our own made from RFC 5802 ----

    def scram(self, client, mechanism, user, password, binding=b"", header="n,,"):
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n={user},r={nonce}"
        code, challenge = client.docmd("AUTH", f"{mechanism} {base64.b64encode((header + first).encode()).decode()}")
        if code != 334:
            return code
        server_first = base64.b64decode(challenge).decode()
        values = dict(part.split("=", 1) for part in server_first.split(","))
        self.assertTrue(values["r"].startswith(nonce))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(values["s"]), int(values["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        bound = base64.b64encode(header.encode() + binding).decode()
        bare = f"c={bound},r={values['r']}"
        auth_message = f"{first},{server_first},{bare}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), auth_message, "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        code, challenge = client.docmd(base64.b64encode(f"{bare},p={proof}".encode()).decode())
        if code != 334:
            return code
        verifier = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), auth_message, "sha256")
        self.assertEqual(base64.b64decode(challenge).decode(), "v=" + base64.b64encode(verifier).decode())
        return client.docmd("")[0]

    def test_scram(self):
        with self.implicit() as client:
            self.assertEqual(self.scram(client, "SCRAM-SHA-256", "alice", WRONG), 535)
            self.assertEqual(self.scram(client, "SCRAM-SHA-256", "nobody", PASSWORDS["alice"]), 535)
            self.assertEqual(self.scram(client, "SCRAM-SHA-256", "alice", PASSWORDS["alice"]), 235)
            self.assertEqual(client.docmd("MAIL FROM:<alice@example.test>")[0], 250)

    def test_scram_with_channel_binding_of_tls_1_2(self):
        context = tls()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        for wrong in (True, False):
            client = smtplib.SMTP_SSL("127.0.0.1", self.server.port("tls"), timeout=30, context=context)
            client.ehlo()
            binding = b"x" * 12 if wrong else client.sock.get_channel_binding("tls-unique")
            code = self.scram(client, "SCRAM-SHA-256-PLUS", "alice", PASSWORDS["alice"], binding, "p=tls-unique,,")
            self.assertEqual(code, 535 if wrong else 235)
            client.close()

    def test_a_stripped_offer_of_channel_binding_is_refused(self):
        with self.implicit() as client:
            self.assertEqual(self.scram(client, "SCRAM-SHA-256", "alice", PASSWORDS["alice"], header="y,,"), 535)

    def test_the_salt_of_nobody_stays_the_same(self):
        seen = []
        for _ in range(2):
            with self.implicit() as client:
                words = base64.b64encode(b"n,,n=nobody,r=abcdefghijklmnopqrst").decode()
                code, challenge = client.docmd("AUTH", "SCRAM-SHA-256 " + words)
                self.assertEqual(code, 334)
                seen.append(re.sub(r"r=[^,]*", "", base64.b64decode(challenge).decode()))
                client.docmd("*")
        self.assertEqual(seen[0], seen[1])

    # ---- Guessing ----

    def test_five_wrong_passwords_end_the_session(self):
        client = self.starttls(source="127.0.0.9")
        words = base64.b64encode(b"\0carol\0" + WRONG.encode()).decode()
        replies = [client.docmd("AUTH PLAIN " + words) for _ in range(5)]
        self.assertEqual([code for code, _ in replies], [535, 535, 535, 535, 421])
        with self.assertRaises(smtplib.SMTPServerDisconnected):
            client.noop()
        told = harness.wait_until(lambda: self.server.told() if "auth.failed peer=127.0.0.9 " in self.server.told() else None, 10, "a log line")
        self.assertIn("user=carol", told)

    def guess(self, source, user, stop, count):
        while not stop.is_set():
            with contextlib.suppress(smtplib.SMTPException, OSError), contextlib.closing(self.starttls(source=source)) as client:
                while not stop.is_set() and self.plain(client, user, WRONG)[0] == 535:
                    count.append(1)

    def login_times(self, count):
        times = []
        for _ in range(count):
            with self.implicit() as client:
                began = time.monotonic()
                self.assertEqual(self.plain(client, "bob", PASSWORDS["bob"])[0], 235)
                times.append(time.monotonic() - began)
        return times

    def test_strangers_do_not_stop_the_right_password(self):
        quiet = statistics.median(self.login_times(5))
        stop, count = threading.Event(), []
        threads = [threading.Thread(target=self.guess, args=(f"127.0.0.{20 + number}", "bob", stop, count)) for number in range(6)]
        for thread in threads:
            thread.start()
        try:
            harness.wait_until(lambda: len(count) > 10, 60, "guesses")
            times = self.login_times(8)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        # Processor time is shared with those who guess, places in the queue are not.
        self.assertLess(statistics.median(times), max(2.5, 6 * quiet), (quiet, times))

    def test_a_stranger_locks_a_name_for_itself_only(self):
        words = base64.b64encode(b"\0carol\0" + WRONG.encode()).decode()
        right = base64.b64encode(b"\0carol\0" + PASSWORDS["carol"].encode()).decode()
        for _ in range(4):
            client = self.starttls(source="127.0.0.40")
            for _ in range(5):
                client.docmd("AUTH PLAIN " + words)
            client.close()
        client = self.starttls(source="127.0.0.40")
        self.assertEqual(client.docmd("AUTH PLAIN " + right)[0], 421)
        client.close()
        with self.starttls(source="127.0.0.41") as client:
            self.assertEqual(client.docmd("AUTH PLAIN " + right)[0], 235)

    # ---- Who may say what ----

    def test_sender_rules(self):
        for sender, code in [("alice@example.test", 250), ("Alice+news@example.test", 250), ("info@example.test", 250), ("", 250),
                             ("bob@example.test", 553), ("sales@example.test", 553), ("ceo@bank.test", 553), ("nobody@example.test", 553)]:
            with self.logged_in() as client:
                got, text = client.docmd(f"MAIL FROM:<{sender}>")
                self.assertEqual(got, code, sender)
                if code == 553:
                    self.assertTrue(text.startswith(b"5.7.1"), text)

    def data(self, text):
        with self.logged_in() as client:
            client.mail("alice@example.test")
            client.rcpt("bob@example.test")
            return client.data(text)

    def test_author_rules(self):
        for header in ["From: bob@example.test\n", "From: alice@example.test\nFrom: alice@example.test\n",
                       "From: alice@example.test\nFrom : bob@example.test\n", "From : ceo@bank.test\n",
                       "From: alice@example.test, ceo@bank.test\n", "FROM:\n\tceo@bank.test\n", "From: alice@example.test ceo@bank.test\n"]:
            code, text = self.data(header + "Subject: forged\n\nbody\n")
            self.assertEqual((code, text[:5]), (550, b"5.7.1"), header)
        big = "x" * 70 + "\n"
        code, text = self.data("From: ceo@bank.test\n\n" + big * 4000)
        self.assertEqual((code, text[:5]), (550, b"5.7.1"))

    def test_what_is_added_and_taken_away(self):
        for filler in ("", "0123456789" * 7 + "\n"):
            with self.server.one_more("bob") as arrived, self.logged_in() as client:
                text = ("From: Alice <alice@example.test>\nBCC : hidden@elsewhere.test,\n more@elsewhere.test\nTo: bob@example.test\n"
                        "X-Odd:  two  blanks \nBcc:\nSubject: added\n\n" + "body\n" + filler * 4000)
                client.sendmail("alice@example.test", ["bob@example.test"], text)
            got = arrived().decode()
            head, _, body = got.partition("\n\n")
            self.assertNotIn("hidden@", head)
            self.assertNotIn("more@", head)
            self.assertNotIn("bcc", head.lower())
            self.assertEqual(len(re.findall(r"(?m)^Date: ", head)), 1)
            self.assertEqual(len(re.findall(r"(?m)^Message-ID: <[^>]+@mx.example.test>$", head)), 1)
            self.assertTrue(head.endswith("From: Alice <alice@example.test>\nTo: bob@example.test\nX-Odd:  two  blanks \nSubject: added"), head)
            self.assertEqual(body, "body\n" + filler * 4000)

    def test_nothing_is_added_to_what_is_whole(self):
        whole = "Date: Sat, 21 Nov 2026 01:23:45 +0000\nMessage-ID: <mine@client.test>\n"
        with self.server.one_more("bob") as arrived, self.logged_in() as client:
            client.sendmail("alice@example.test", ["bob@example.test"], message("whole", extra=whole).replace(b"\n", b"\r\n"))
        self.assertEqual(arrived().count("\nDate: ".encode()), 1)
        self.assertEqual(arrived().lower().count(b"\nmessage-id: "), 1)

    # ---- Passwords that change ----

    def test_a_new_password_counts_at_once(self):
        for scheme in ("argon2id", "yescrypt", "scram-sha-256"):
            new = f"fresh-{scheme}-password"
            self.set_password("carol", new, "--scheme", scheme)
            with self.implicit() as client:
                client.login("carol", new)
            with self.implicit() as client:
                self.assertEqual(self.plain(client, "carol", PASSWORDS["carol"])[0], 535)
        self.set_password("carol", PASSWORDS["carol"])
        with self.implicit() as client:
            self.assertEqual(self.plain(client, "carol", PASSWORDS["carol"])[0], 235)
        mode = (self.server.folder / "users").stat().st_mode & 0o777
        self.assertTrue(mode & 0o600)

    # ---- Time tells nothing ----

    def test_an_unknown_user_takes_as_long_as_a_wrong_password(self):
        samples = {"alice": [], "nobody": []}
        for round_ in range(10):
            for user in samples:
                client = self.starttls(source=f"127.0.1.{round_ + 1}")
                words = base64.b64encode(f"\0{user}\0{WRONG}".encode()).decode()
                began = time.monotonic()
                code, text = client.docmd("AUTH PLAIN " + words)
                samples[user].append(time.monotonic() - began)
                self.assertEqual((code, text), (535, b"5.7.8 Authentication failed"))
                client.close()
        known, unknown = (statistics.median(samples[user]) for user in samples)
        self.assertLess(abs(known - unknown) / known, 0.25, samples)


if __name__ == "__main__":
    unittest.main()
