#!/usr/bin/env python3
"""Python's smtplib: whole sessions, several transactions, every kind of content, and what must be refused."""
import smtplib
import unittest

import harness

MESSAGE = b"From: carol@other.test\r\nTo: alice@example.test\r\nSubject: hello\r\n\r\n"
SENDER = "carol@other.test"

CONTENTS = {
    "plain": b"one line\r\n",
    "empty body": b"",
    "dots": b".\r\n..\r\n.x\r\n...\r\nend.\r\n",
    "eight bits": "grüße, 你好\r\n".encode(),
    "long line": b"x" * 990 + b"\r\n",
    "many lines": b"".join(b"line %d\r\n" % number for number in range(20000)),
    "looks like commands": b"QUIT\r\nMAIL FROM:<x@y>\r\nRSET\r\nDATA\r\n",
    "looks like headers": b"From: nobody\r\n\r\nFrom here on\r\n>From there\r\n",
    "blanks at line ends": b"a \r\n\t\r\n  b\t\r\n",
    "a format": b"%s%n%d ${HOME} $(id) `id`\r\n",
    "two megabytes": (b"y" * 70 + b"\r\n") * 30000,
}


def unix_lines(text):
    return text.replace(b"\r\n", b"\n")


class Smtplib(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Posthorn(users=["alice", "bob", "carol"]).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def client(self, role="mx"):
        return smtplib.SMTP("127.0.0.1", self.server.port(role), local_hostname="client.other.test", timeout=20)

    def count(self, user):
        return len(self.server.names(user))

    def test_every_kind_of_content_arrives_unaltered(self):
        for name, body in CONTENTS.items():
            with self.subTest(name), self.client() as client:
                with self.server.one_more("bob") as arrived:
                    client.sendmail(SENDER, ["bob@example.test"], MESSAGE + body, ["BODY=8BITMIME"])
                self.assertTrue(arrived().endswith(unix_lines(MESSAGE + body)))

    def test_trace_fields_stand_on_top(self):
        with self.client() as client:
            client.sendmail(SENDER, ["carol@example.test"], MESSAGE + b"traced\r\n")
        head = unix_lines(self.server.wait_for_mail("carol", 1)[0]).split(b"\n\n")[0].decode()
        names = [line.split(":")[0] for line in head.split("\n") if not line[0].isspace()]
        self.assertEqual(names[:3], ["Return-Path", "Delivered-To", "Received"])
        self.assertIn("Return-Path: <carol@other.test>", head)
        self.assertIn("Delivered-To: carol@example.test", head)
        self.assertIn("client.other.test", head)

    def test_several_transactions_and_recipients_in_one_session(self):
        alice, bob = self.count("alice"), self.count("bob")
        with self.client() as client:
            for number in range(5):
                body = MESSAGE + b"number %d\r\n" % number
                refused = client.sendmail(SENDER, ["alice@example.test", "nobody@example.test", "bob@example.test"], body)
                self.assertEqual({name: reply[0] for name, reply in refused.items()}, {"nobody@example.test": 550})
        self.server.wait_for_mail("alice", alice + 5)
        self.server.wait_for_mail("bob", bob + 5)

    def test_a_detail_after_plus_reaches_the_user(self):
        before = self.count("alice")
        with self.client() as client:
            client.sendmail(SENDER, ["alice+lists@example.test"], MESSAGE + b"tagged\r\n")
        self.server.wait_for_mail("alice", before + 1)

    def test_strangers_do_not_relay(self):
        with self.client() as client:
            client.ehlo()
            client.mail(SENDER)
            code, text = client.rcpt("someone@elsewhere.test")
            self.assertEqual((code, text.split()[0]), (550, b"5.7.1"))

    def test_loopback_clients_of_a_relay_listener_may(self):
        with self.client("relay") as client:
            client.ehlo()
            client.mail(SENDER)
            self.assertEqual(client.rcpt("someone@elsewhere.test")[0], 250)
            client.rset()

    def test_an_unknown_user_is_refused_by_name(self):
        with self.client() as client:
            client.ehlo()
            client.mail(SENDER)
            code, text = client.rcpt("nobody@example.test")
            self.assertEqual((code, text.split()[0]), (550, b"5.1.1"))

    def test_the_small_commands(self):
        with self.client() as client:
            self.assertEqual(client.noop()[0], 250)
            self.assertEqual(client.help()[:5].isascii(), True)
            self.assertEqual(client.verify("alice")[0], 252)
            self.assertEqual(client.rset()[0], 250)
            self.assertEqual(client.docmd("EXPN", "list")[0], 502)
            self.assertEqual(client.docmd("FROBNICATE")[0], 500)

    def test_the_announced_extensions(self):
        with self.client() as client:
            client.ehlo()
            for extension in ("pipelining", "size", "8bitmime", "smtputf8", "chunking", "dsn", "enhancedstatuscodes"):
                self.assertTrue(client.has_extn(extension), extension)

    def test_a_sender_in_unicode(self):
        before = self.count("alice")
        with self.client() as client:
            client.ehlo()
            client.sendmail("grüße@bücher.test", ["alice@example.test"], MESSAGE, ["SMTPUTF8", "BODY=8BITMIME"])
        self.server.wait_for_mail("alice", before + 1)

    def test_too_big_by_announcement(self):
        with self.client() as client:
            client.ehlo()
            code, text = client.mail(SENDER, ["SIZE=99999999999"])
            self.assertEqual((code, text.split()[0]), (552, b"5.3.4"))


if __name__ == "__main__":
    unittest.main()
