#!/usr/bin/env python3
"""The sending client and the probe as their users know them from the missions: the conversations they were first tried with, told anew;
the server of this machine as a way out and as the one who tells; TLS and logins; what is refused before any connection."""
import email
import email.policy
import getpass
import pathlib
import sys
import unittest

from scripted import CLOSE, Server, User, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402


class Mission(unittest.TestCase):
    def setUp(self):
        self.user = User()
        self.addCleanup(self.user.remove)

    def in_order(self, told, lines):
        at = 0
        for line in lines:
            found = told.find(line, at)
            self.assertGreaterEqual(found, 0, f"{line!r} is missing, or stands too early, in\n{told}")
            at = found + len(line)


class SendingClient(Mission):
    """Mission A."""

    def test_a_local_server_takes_it(self):
        with Server({"": "220 host.local ESMTP Exim 4.96", "EHLO": "250-host.local Hello client [127.0.0.1]\r\n250-SIZE 52428800\r\n250 HELP",
                     "MAIL": "250 OK", "RCPT": "250 Accepted", "DATA": "354 Enter message, ending with \".\" on a line by itself",
                     ".": "250 OK id=1tX000-0000Zz-1Q", "QUIT": "221 host.local closing connection"}) as server:
            status, told = self.user.send(server.port)
        self.assertEqual(status, 0, told)
        self.in_order(told, ["[START]", "<<< 220 host.local", "[EHLO]", ">>> EHLO", "<<< 250 HELP", "[FROM]", ">>> MAIL FROM:", "<<< 250 OK",
                             "[TO]", ">>> RCPT TO:", "<<< 250 Accepted", "[DATA]", ">>> DATA", "<<< 354", "[SUBJ]", "[BODY]", "[DOT]", ">>> .",
                             "<<< 250 OK id=", "[QUIT]", ">>> QUIT", "<<< 221"])

    def test_a_greylisting_server_takes_it_the_second_time(self):
        with Server({"": "220 ****", "RCPT": ["450 4.2.0 <bob@example.test>: Recipient address rejected: Greylisted, see http://example.test/help",
                                              "250 2.1.5 Ok"]}) as server:
            status, told = self.user.send(server.port, "--retry-after", "1s")
            self.assertEqual(status, 0, told)
            self.in_order(told, ["<<< 220 ****", "[TO]", "<<< 450 4.2.0", "[ERROR 4yz]", ">>> QUIT", "background process", "tries again in 1s"])
            wait_until(lambda: server.texts, 60, "the second attempt")
        wait_until(lambda: "delivered to" in self.user.logs(), 60, self.user.logs())

    def test_a_large_provider_says_no_in_many_lines(self):
        refusal = ("550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n550-5.1.1 double-checking the recipient's "
                   "email address for typos or\r\n550-5.1.1 unnecessary spaces. For more information, go to\r\n550 5.1.1  https://support.example.test/ - gsmtp")
        with Server({"RCPT": refusal}) as server:
            status, told = self.user.send(server.port)
        self.assertEqual(status, 69, told)
        self.in_order(told, ["<<< 550-5.1.1 The email account", "<<< 550 5.1.1", "[ERROR 5yz]", ">>> QUIT", "<<< 221"])
        self.assertEqual(server.words()[-1], "QUIT")
        self.assertIn("550", told.splitlines()[-1] + told)

    def test_other_ends_have_clear_errors(self):
        with Server({"MAIL": CLOSE}) as server:
            status, told = self.user.send(server.port)
        self.assertEqual((status, "broke off" in told), (75, True), told)
        with Server({"MAIL": "999 what"}) as server:
            self.assertEqual(self.user.send(server.port)[0], 76)
        letter = self.user.file("x", "x")
        self.assertEqual(self.user.run("send", "a@b.test", "s", letter, "no.such.host.invalid", "c@d.test")[0], 68)
        self.assertEqual(self.user.run("send", "a@b.test", "s", "/no/such/file", "127.0.0.1", "c@d.test")[0], 66)


class Probe(Mission):
    """Mission C."""

    def probe(self, server, *words):
        return self.user.run("probe", "127.0.0.1", *words, "--port", server.port, "--timeout", "10s")

    def test_a_server_that_works(self):
        with Server({"": "220 smtp.example.test Service ready", "EHLO": "250 smtp.example.test"}) as server:
            status, told = self.probe(server, "alice@example.test", "bob@example.test", "Is anybody there?")
        self.assertEqual(status, 0, told)
        self.in_order(told, ["<<< 220 smtp.example.test Service ready", ">>> EHLO", "<<< 250", ">>> MAIL FROM:<alice@example.test>", "<<< 250",
                             ">>> RCPT TO:<bob@example.test>", "<<< 250", ">>> DATA", "<<< 354", ">>> .", "<<< 250", ">>> QUIT", "<<< 221",
                             "SMTP SERVER STATUS : OK"])
        self.assertTrue(told.endswith("SMTP SERVER STATUS : OK\n"))

    def test_a_server_that_does_not(self):
        for script, reason in [({"": b""}, "connection"), ({"": b"220 half a li"}, "connection"), ({"RCPT": "553 no"}, "RCPT"),
                               ({"DATA": b"354 " + b"x" * 9000}, "DATA"), ({".": CLOSE}, "end of data")]:
            with Server(script) as server:
                status, told = self.probe(server)
            self.assertNotEqual(status, 0, told)
            self.assertIn(f"failed at {reason}", told)
            self.assertTrue(told.endswith("SMTP SERVER STATUS : FAIL\n"), told)

    def test_the_codes_of_every_command(self):
        status, told = self.user.run("probe", "--codes")
        self.assertEqual(status, 0)
        for command in "HELO MAIL RCPT DATA RSET SEND SOML SAML VRFY EXPN HELP NOOP QUIT TURN".split():
            self.assertRegex(told, rf"(?m)^{command} .*\d{{3}}")


class BadInput(Mission):
    def test_addresses_are_refused_before_any_connection(self):
        with Server() as server:
            for bad in ("a@b\r\nRCPT TO:<x@y>", "a\nb@c.test", "a\x01@b.test", "a@b\x7f.test", "nobody", "@b.test", "a@", "a b@c.test", ""):
                self.assertEqual(self.user.send(server.port, to=bad)[0], 65, repr(bad))
                if bad:
                    self.assertEqual(self.user.send(server.port, sender=bad)[0], 65, repr(bad))
            self.assertEqual(server.connections, 0)

    def test_lone_dots_and_no_final_newline(self):
        with Server() as server:
            status, told = self.user.send(server.port, file=self.user.file("dots", ".\n..\n.a\nlast"))
        self.assertEqual(status, 0, told)
        self.assertTrue(server.texts[0].endswith(b"\r\n\r\n..\r\n...\r\n..a\r\nlast\r\n"), server.texts[0])

    def test_a_complete_message_in_8_bits_for_a_server_of_7(self):
        letter = self.user.file("whole", "From: a@b.test\nSubject: x\n\nGr\u00fc\u00dfe\n".encode())
        with Server({"EHLO": "250 mx.example.test"}) as server:
            status, told = self.user.send(server.port, "--body-as-is", file=letter)
        if status == 0:
            text = server.texts[0]
            self.assertTrue(all(octet < 128 for octet in text), "what is sent there has 7 bits")
            self.assertEqual(email.message_from_bytes(text, policy=email.policy.default).get_content().strip(), "Gr\u00fc\u00dfe")
        else:
            self.assertEqual((status, server.texts), (69, []), told)


class LocalServer(Mission):
    def server_with(self, **settings):
        server = harness.Posthorn(users=["alice", "bob", getpass.getuser()], **settings)
        self.addCleanup(server.remove)
        self.addCleanup(lambda: server.process and server.process.poll() is None and server.kill())
        self.user.environment["POSTHORN_CONFIG"] = str(server.config)
        return server.start()

    def test_via_queue(self):
        server = self.server_with()
        letter = self.user.file("letter.txt", "by the queue\n")
        status, told = self.user.run("send", "--via-queue", "bob@example.test", "Queued", letter, "-", "alice@example.test")
        self.assertEqual(status, 0, told)
        (mail,) = server.wait_for_mail("alice", 1)
        self.assertIn(b"by the queue", mail)

    def test_via_queue_without_a_server(self):
        letter = self.user.file("letter.txt", "x\n")
        self.user.environment["POSTHORN_CONFIG"] = self.user.file("c.toml", harness.toml(
            {"listener": [{"address": [f"127.0.0.1:{harness.free_ports(1)[0]}"], "role": "relay"}]}))
        status, told = self.user.run("send", "--via-queue", "bob@example.test", "Queued", letter, "-", "alice@example.test")
        self.assertEqual(status, 75, told)

    def test_the_local_user_is_told_of_the_end(self):
        server = self.server_with()
        with Server({"RCPT": ["450 4.2.0 Greylisted", "250 ok", "450 4.2.0 Greylisted", "550 5.1.1 nobody"]}) as remote:
            for outcome in ("delivered", "not delivered"):
                status, told = self.user.send(remote.port, "--retry-after", "1s")
                self.assertEqual(status, 0, told)
                wait_until(lambda wanted=outcome: "the local user was told by mail" in self.user.logs() and wanted in self.user.logs(), 60,
                           self.user.logs())
                wait_until(lambda: not self.user.processes(), 60, "the process has ended")
        mails = [email.message_from_bytes(each, policy=email.policy.default) for each in server.wait_for_mail(getpass.getuser(), 2, 60)]
        self.assertEqual(sorted(mail["Subject"].split(" to")[0] for mail in mails), ["Mail delivered", "Mail not delivered"])
        self.assertTrue(all("The subject" in mail.get_content() for mail in mails))


class TlsAndLogin(Mission):
    @classmethod
    def setUpClass(cls):
        ports = dict(zip(("plain", "starttls", "implicit"), harness.free_ports(3)))
        cls.ports = ports
        cls.server = harness.Posthorn(settings={"listener": [
            {"address": [f"127.0.0.1:{ports['plain']}"], "role": "relay", "tls": "none"},
            {"address": [f"127.0.0.1:{ports['starttls']}"], "role": "submission", "tls": "starttls"},
            {"address": [f"127.0.0.1:{ports['implicit']}"], "role": "submission", "tls": "implicit"}]})
        cls.addClassCleanup(cls.server.remove)
        (cls.server.folder / "users").write_text("alice:{PLAIN}opensesame\nbob\n")
        (cls.server.folder / "users").chmod(0o600)
        cls.server.start()
        cls.addClassCleanup(cls.server.kill)

    def send(self, port, *options, sender="alice@example.test"):
        return self.user.send(self.ports[port], *options, sender=sender, to="bob@example.test")

    def login(self, password="opensesame"):
        return "--user", "alice", "--password-file", self.user.file(f"password-{password}", password + "\n")

    def test_logins(self):
        before = len(self.server.names("bob"))
        for port, way in (("starttls", "starttls"), ("starttls", "require"), ("implicit", "implicit")):
            status, told = self.send(port, "--tls", way, *self.login())
            self.assertEqual(status, 0, told)
            self.assertNotIn("opensesame", told)
        self.server.wait_for_mail("bob", before + 3)

    def test_what_keeps_a_login_away(self):
        for port, options, status in [("implicit", ("--tls", "implicit", *self.login("wrong")), 77), ("starttls", ("--tls", "none", *self.login()), 77),
                                      ("implicit", ("--tls", "implicit", "--user", "alice"), 64),
                                      ("implicit", ("--tls", "implicit", "--user", "alice", "--password-file", "/none"), 66),
                                      ("implicit", ("--tls", "implicit"), 69)]:
            got, told = self.send(port, *options)
            self.assertEqual(got, status, f"{options}\n{told}")
            self.assertNotIn("opensesame", told)

    def test_tls_that_is_required(self):
        for port, options, status in [("plain", ("--tls", "require"), 69), ("plain", ("--tls", "starttls"), 0), ("plain", ("--tls", "none"), 0),
                                      ("implicit", ("--tls", "implicit", "--verify"), 69), ("starttls", ("--tls", "starttls", "--verify"), 69),
                                      ("plain", ("--tls", "perhaps"), 64)]:
            got, told = self.send(port, *options)
            self.assertEqual(got, status, f"{port} {options}\n{told}")


if __name__ == "__main__":
    unittest.main()
