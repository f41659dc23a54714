#!/usr/bin/env python3
"""Real receiving servers: what the real program sends to Postfix, Exim and OpenSMTPD arrives whole, encrypted, once; recipients
that are refused come back or wait; a greylisting server gets the message again by itself after the time that it names."""
import re
import smtplib
import time
import unittest

import harness
import name_server
import receivers

ALL = [(receivers.Postfix, "postfix.test", "127.0.3.1"), (receivers.Exim, "exim.test", "127.0.3.2"),
       (receivers.OpenSmtpd, "opensmtpd.test", "127.0.3.3")]


def zones():
    return {f"{domain}.": f"@ MX 10 mx\nmx A {address}\n" for _, domain, address in ALL}


class Receivers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        (port,) = harness.free_ports(1)
        cls.names = name_server.NameServer(zones()).start()
        cls.addClassCleanup(cls.names.stop)
        cls.server = harness.Posthorn(settings={
            "dns": cls.names.settings(),
            "remote": {"port": port, "allow_loopback": True},
            "queue": {"retry": ["2s", "1h"]},
            "limits": {"message_size": "100MiB"},
        })
        home = f"127.0.0.1:{cls.server.port('mx')}"
        cls.peers = [kind(domain, address, port, home).start() for kind, domain, address in ALL]
        for peer in cls.peers:
            cls.addClassCleanup(peer.stop)
        cls.server.start()
        cls.addClassCleanup(cls.server.remove)
        cls.addClassCleanup(cls.server.kill)

    def send(self, recipients, text, options=(), recipient_options=()):
        with smtplib.SMTP("127.0.0.1", self.server.port("relay"), timeout=60) as client:
            client.sendmail("alice@example.test", recipients, text, options, recipient_options)

    def for_each(self, check):
        for peer in self.peers:
            with self.subTest(peer.name):
                check(peer)

    def texts_at(self, peer, mark, count, seconds=40):
        with harness.more_told(self.server.told):
            return peer.wait_for_texts(lambda text: mark.encode() in text, count, seconds)

    def test_arrives_whole_and_encrypted(self):
        body = b"..dots\r\n.\r\n..\r\n" + "grüße\r\n".encode() * 3 + b"x" * 900 + b"\r\n\r\n"

        def check(peer):
            mark = f"whole-{peer.name}"
            self.send([f"ok@{peer.domain}"], f"Subject: {mark}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: 8bit\r\n\r\n".encode() + body, ["BODY=8BITMIME"])
            (text,) = self.texts_at(peer, mark, 1)
            self.assertTrue(text.endswith(b"\n\n" + body.replace(b"\r\n", b"\n")), text[-1500:])
            received = re.search(rb"Received: from (.*?)\n(?![ \t])", text, re.S)[1]
            if re.search(rb"(?i)with esmtps|\(using TLSv1\.[23]", received):
                return
            # Debian 12's OpenSMTPD offers TLS and then cannot sign with its key: opportunistic, so the mail goes in the clear.
            self.assertEqual(peer.name, "opensmtpd", received)
            self.assertIn(f"tls.given_up host=mx.{peer.domain}", self.server.errors.read_text())

        self.for_each(check)

    def test_each_recipient_has_an_outcome_of_its_own(self):
        def check(peer):
            mark = f"several-{peer.name}"
            with self.server.one_more("alice") as arrived:
                self.send([f"{user}@{peer.domain}" for user in ("ok", "bad", "later", "two")], f"Subject: {mark}\r\n\r\nhello\r\n")
            report = arrived()
            self.assertIn(f"Final-Recipient: rfc822; bad@{peer.domain}".encode(), report)
            self.assertEqual(report.count(b"Final-Recipient"), 1)
            # Exim writes one file for both recipients, the others one each.
            texts = self.texts_at(peer, mark, 1 if peer.name == "exim" else 2)
            ids = {re.search(rb"\bid ([\w-]+)", text.split(b"\n\n")[0])[1] for text in texts}
            self.assertEqual(len(ids), 1, "one transaction for all of them")
            self.assertRegex(self.server.told(), rf"recipient\.deferred.*later@{peer.domain}")

        self.for_each(check)

    def test_a_large_message(self):
        body = b"".join(b"%08d%s\r\n" % (number, b"y" * 60) for number in range(45_000))

        def check(peer):
            mark = f"large-{peer.name}"
            self.send([f"ok@{peer.domain}"], f"Subject: {mark}\r\n\r\n".encode() + body)
            (text,) = self.texts_at(peer, mark, 1, 60)
            self.assertTrue(text.endswith(body.replace(b"\r\n", b"\n")))

        self.for_each(check)

    def test_many_messages_at_once_arrive_once_each(self):
        def check(peer):
            with smtplib.SMTP("127.0.0.1", self.server.port("relay"), timeout=60) as client:
                for number in range(60):
                    client.sendmail("alice@example.test", [f"ok@{peer.domain}"], f"Subject: many-{peer.name}-{number}.\r\n\r\nhello\r\n")
            texts = self.texts_at(peer, f"many-{peer.name}-", 60)
            found = sorted(int(re.search(rb"many-\w+-(\d+)\.", text)[1]) for text in texts)
            self.assertEqual(found, list(range(60)))

        self.for_each(check)

    def test_a_receipt_comes_from_the_server_that_delivered(self):
        def check(peer):
            with self.server.one_more("alice") as arrived:
                self.send([f"ok@{peer.domain}"], "Subject: receipt\r\n\r\nhello\r\n", ["RET=HDRS", "ENVID=envelope42"],
                          ["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;first@{peer.domain}"])
            report = arrived()
            self.assertIn(b"Action: delivered", report)
            self.assertIn(f"first@{peer.domain}".encode(), report)

        for peer in self.peers:
            if peer.name != "opensmtpd":  # it would look up where example.test's mail goes
                check(peer)


class Greylisting(unittest.TestCase):
    DELAY = 4

    def test_the_wait_that_a_greylisting_server_names_is_obeyed(self):
        (port,) = harness.free_ports(1)
        with name_server.NameServer(zones()) as names, receivers.Postgrey(self.DELAY, "Greylisted, come back in %s seconds") as grey:
            peer = receivers.Postfix("postfix.test", "127.0.3.1", port)
            peer.greylister = f"127.0.0.1:{grey.port}"
            settings = {"dns": names.settings(), "remote": {"port": port, "allow_loopback": True}, "queue": {"retry": ["1h"]}}
            with peer, harness.Posthorn(settings=settings) as server:
                sent = time.monotonic()
                with smtplib.SMTP("127.0.0.1", server.port("relay")) as client:
                    client.sendmail("alice@example.test", ["ok@postfix.test"], "Subject: patience\r\n\r\nhello\r\n")
                with harness.more_told(server.told):
                    peer.wait_for_texts(lambda text: b"patience" in text, 1, 30)
                self.assertGreaterEqual(time.monotonic() - sent, self.DELAY - 1)
                self.assertEqual(server.told().count("recipient.deferred"), 1, server.told())
                self.assertEqual(server.names("alice"), [], "nobody is told of a wait")


if __name__ == "__main__":
    receivers.as_root()
    unittest.main()
