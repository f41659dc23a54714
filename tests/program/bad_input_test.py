#!/usr/bin/env python3
"""Bad input against the running program, built with sanitizers: each thing a hostile or broken client may send gets a clear
reply or a clean close, leaves no session, no half message and no memory behind."""
import os
import random
import time
import unittest

import rig
from rig import Client

LIMIT = 64 * 1024 * 1024  # what the address sanitizer may keep in quarantine and more, far below what a leak would take
SMUGGLED = b"MAIL FROM:<evil@other.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nsmuggled\r\n.\r\n"
ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r\r\n.\r\r\n", b"\r\n.\r\r\n", b"\n\n.\r\n",
        b"\r\n\n.\n", b"\r\n.\x00\r\n", b"\r\n\x00.\r\n", b"\r\n.\n\r\n", b"\r\n.\r\n\n"[:-3] + b"\x00", b"\n\r.\n\r"]


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Large bodies are thrown away up to the least bound, so messages are kept small and the bound is what is measured.
        cls.server = rig.harness.Posthorn(users=["alice", "bob", "carol"], settings={
            "limits": {"message_size": "1MiB", "recipients": 10, "command_timeout": "2s", "errors": 20, "junk_commands": 30,
                       "connections_per_address": 1000},
        }).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def setUp(self):
        self.before = {user: set(self.server.names(user)) for user in ("alice", "bob")}

    def client(self):
        return Client(self.server.port("mx"))

    def assert_goes_on(self, client):
        """The session takes a mail as if nothing had been."""
        client.deliver("carol@example.test")

    def assert_nothing_came(self):
        """A mail that is sent now is the only one: whatever was refused before has left nothing."""
        with self.client() as client:
            client.deliver("alice@example.test", "bob@example.test", text=b"Subject: marker\r\n\r\nmarker\r\n")
        for user in ("alice", "bob"):
            rig.wait_until(lambda: len(self.server.names(user)) > len(self.before[user]), 20, f"the marker for {user}",
                           describe=self.server.told)
            new = set(self.server.names(user)) - self.before[user]
            texts = [(self.server.mail / user / "new" / name).read_bytes() for name in new]
            self.assertEqual([b"marker" in text for text in texts], [True], [text[:300] for text in texts])
            self.assertEqual(os.listdir(self.server.mail / user / "tmp"), [])

    # ---- what ends a line, and what ends data ----

    def test_a_bare_line_feed_return_or_nul_in_a_command_ends_the_session(self):
        for words in (b"NOOP\nNOOP\r\n", b"NOOP\rNOOP\r\n", b"NO\x00OP\r\n", b"EHLO x\nMAIL FROM:<a@b>\r\n", b"\n", b"\r\r\n"):
            with self.subTest(words), self.client() as client:
                client.send(words)
                self.assertEqual(client.codes_until_close(), [500])

    def test_no_trick_ends_data(self):
        for end in ENDS:
            with self.subTest(end), self.client() as client:
                client.data()
                client.send(b"Subject: trick\r\n\r\nfirst" + end + SMUGGLED + b"QUIT\r\n")
                self.assertEqual(client.codes_until_close(), [550])
        self.assert_nothing_came()

    def test_no_trick_ends_data_sent_in_chunks(self):
        for end in ENDS:
            text = b"Subject: trick\r\n\r\nfirst" + end + SMUGGLED
            with self.subTest(end), self.client() as client:
                client.begin()
                client.send(b"BDAT %d LAST\r\n" % len(text) + text + b"QUIT\r\n")
                self.assertEqual(client.codes_until_close(), [550])
        self.assert_nothing_came()

    def test_a_dot_alone_in_a_chunk_is_text(self):
        with self.server.one_more("alice") as arrived, self.client() as client:
            client.begin()
            text = b"Subject: dots\r\n\r\n.\r\n..\r\nlast\r\n"
            self.assertTrue(client.ask(b"BDAT %d LAST\r\n" % len(text) + text).startswith("250"))
        self.assertTrue(arrived().endswith(b"\n.\n..\nlast\n"))

    # ---- lines and commands ----

    def test_a_line_over_the_limit_is_refused_and_the_session_goes_on(self):
        with self.client() as client:
            for words in ("NOOP " + "x" * 600, "MAIL FROM:<" + "y" * 3000 + "@other.test>", "z" * 40000):
                said = client.ask(words)
                self.assertIn(said[:3], ("500", "501"), said)
            self.assert_goes_on(client)

    def test_a_line_without_end_is_not_kept(self):
        with self.client() as client:
            try:
                for _ in range(64):
                    client.send(b"x" * 65536)
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.assertIn(client.codes_until_close(), ([500], [421], [500, 421], []))

    def test_text_after_an_unfinished_command_is_no_message(self):
        with self.client() as client:
            client.hello()
            client.send(b"MAIL FROM:<carol@other.test>\r\nRCPT TO:<alice@example.te")
        self.assert_nothing_came()

    def test_commands_out_of_order_change_nothing(self):
        with self.client() as client:
            for command in ("MAIL FROM:<a@other.test>", "RCPT TO:<alice@example.test>", "DATA", "BDAT 0 LAST"):
                self.assertEqual(client.ask(command)[:3], "503", command)  # no enhanced codes before EHLO
            client.hello()
            for command in ("RCPT TO:<alice@example.test>", "DATA", "BDAT 0 LAST"):
                self.assertEqual(client.ask(command)[:9], "503 5.5.1", command)
            client.ask("MAIL FROM:<a@other.test>")
            self.assertEqual(client.ask("MAIL FROM:<b@other.test>")[:9], "503 5.5.1")
            self.assertEqual(client.ask("DATA")[:9], "503 5.5.1")
            client.ask("RCPT TO:<alice@example.test>")
            self.assertEqual(client.ask("MAIL FROM:<b@other.test>")[:9], "503 5.5.1")
            self.assertEqual(client.ask("DATA")[:3], "354")
            with self.server.one_more("alice") as arrived:
                client.ask(b"Subject: in order\r\n\r\n.\r\n")
            self.assertIn(b"Return-Path: <a@other.test>", arrived()[:100])

    def test_a_missing_argument_is_501(self):
        with self.client() as client:
            for command in ("EHLO", "HELO", "VRFY"):
                self.assertEqual(client.ask(command)[:3], "501", command)
            client.hello()
            for command in ("MAIL", "MAIL FROM:", "MAIL FROM:<a@other.test> SIZE=", "MAIL FROM:<a@other.test> BODY=x", "VRFY"):
                self.assertEqual(client.ask(command)[:6], "501 5.", command)

    def test_every_refusal_has_its_code(self):
        with self.client() as client:
            client.hello()
            client.ask("MAIL FROM:<carol@other.test>")
            for command, code in (("RCPT TO:<nobody@example.test>", "550 5.1.1"), ("RCPT TO:<x@elsewhere.test>", "550 5.7.1"),
                                  ("EXPN list", "502 5.5.1"), ("TURN", "502 5.5.1"), ("SEND FROM:<a@b>", "502 5.5.1"),
                                  ("SOML FROM:<a@b>", "502 5.5.1"), ("SAML FROM:<a@b>", "502 5.5.1"),
                                  ("ETRN x", "502 5.5.1"), ("FROBNICATE", "500 5.5.2"), ("RCPT TO:<@>", "501 5.1.3")):
                self.assertEqual(client.ask(command)[:9], code, command)

    def test_too_many_recipients_are_452_and_the_others_get_their_mail(self):
        with self.client() as client:
            client.begin(*[f"alice+{number}@example.test" for number in range(10)])
            self.assertEqual(client.ask("RCPT TO:<bob@example.test>")[:9], "452 4.5.3")
            self.assertEqual(client.ask("DATA")[:3], "354")
            self.assertEqual(client.ask(b"Subject: many\r\n\r\n.\r\n")[:3], "250")
        self.server.wait_for_mail("alice", len(self.before["alice"]) + 10)

    # ---- size ----

    def test_too_big_by_announcement_is_refused_at_once(self):
        with self.client() as client:
            client.hello()
            self.assertEqual(client.ask("MAIL FROM:<a@other.test> SIZE=1048577")[:9], "552 5.3.4")
            self.assertEqual(client.ask("MAIL FROM:<a@other.test> SIZE=1048576")[:3], "250")

    def test_too_big_found_out_is_refused_and_the_session_goes_on(self):
        with self.client() as client:
            client.data()
            for _ in range(100):
                client.send((b"x" * 998 + b"\r\n") * 100)
            self.assertEqual(client.ask(b".\r\n")[:9], "552 5.3.4")
            self.assertEqual(client.ask("NOOP")[:3], "250")
            text = b"y" * 1000
            client.begin()
            for _ in range(1049):
                client.send(b"BDAT 1000\r\n" + text)
            codes = [client.hear()[:9] for _ in range(1049)]
            self.assertEqual({code[:3] for code in codes[:1048]}, {"250"})
            self.assertEqual(codes[1048], "552 5.3.4")
            self.assertEqual(client.ask("NOOP")[:3], "250")

    def test_what_is_thrown_away_has_a_bound(self):
        """Fine print: max(16 MiB, the limit) beyond message_size, then 552 or 421 and the end."""
        block, sent = (b"x" * 998 + b"\r\n") * 1000, 0
        with self.client() as client:
            client.data()
            try:
                for _ in range(64):
                    client.send(block)
                    sent += len(block)
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.assertIn(client.codes_until_close(), ([552], [421], [552, 421], []))
        self.assertGreater(sent, 16 << 20)
        self.assertLess(sent, 40 << 20)

    # ---- structure ----

    def test_ten_thousand_header_lines(self):
        header = b"".join(b"X-Line-%d: value\r\n" % number for number in range(10000))
        self.assertLess(len(header), 262144)
        with self.server.one_more("alice") as arrived, self.client() as client:
            client.deliver(text=header + b"\r\nbody\r\n")
        self.assertTrue(arrived().endswith(b"\nX-Line-9999: value\n\nbody\n"), arrived()[-100:])

    def test_a_header_without_end_is_refused(self):
        with self.client() as client:
            client.data()
            client.send(b"".join(b"X-Line-%d: value\r\n" % number for number in range(30000)))
            self.assertEqual(client.ask(b"\r\n.\r\n")[:9], "552 5.3.4")
            self.assert_goes_on(client)

    def test_deeply_nested_mime_is_cargo(self):
        lines = [b"MIME-Version: 1.0"]
        for depth in range(5000):
            lines += [b"Content-Type: multipart/mixed; boundary=b%d" % depth, b"", b"--b%d" % depth]
        text = b"\r\n".join(lines) + b"\r\n\r\nthe core\r\n"
        with self.server.one_more("alice") as arrived, self.client() as client:
            client.deliver(text=text)
        self.assertTrue(arrived().endswith(text.replace(b"\r\n", b"\n")), len(arrived()))

    def test_a_mail_that_goes_in_circles_is_refused(self):
        with self.client() as client:
            client.data()
            self.assertEqual(client.ask(b"Received: from here by there\r\n" * 101 + b"\r\n.\r\n")[:9], "554 5.4.6")

    # ---- other protocols, other speeds ----

    def test_http_spoken_to_the_port_ends_the_session(self):
        for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\n\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice@example.test>\r\n",
                      b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)):
            with self.subTest(words), self.client() as client:
                client.send(words)
                self.assertEqual(client.codes_until_close(), [500])

    def test_a_client_that_sends_a_byte_now_and_then_is_ended(self):
        """A byte each half second against a command_timeout of two seconds: the whole command has that time."""
        with self.client() as client:
            began = time.monotonic()
            client.socket.settimeout(0.5)
            said = b""
            while not said and time.monotonic() - began < 10:
                client.send(b"N")
                try:
                    said = client.socket.recv(100)
                except TimeoutError:
                    pass
            self.assertTrue(said.startswith(b"421 "), said)
            self.assertLess(time.monotonic() - began, 5)

    def test_a_client_that_says_nothing_is_ended(self):
        with self.client() as client:
            client.hello()
            self.assertEqual(client.rest()[:9], "421 4.4.2")
        with self.client() as client:
            client.data()
            client.send(b"Subject: half")
            self.assertEqual(client.rest()[:9], "421 4.4.2")
        self.assert_nothing_came()

    # ---- errors without end ----

    def test_too_many_errors_end_the_session(self):
        with self.client() as client:
            client.hello()
            client.send(b"FROBNICATE\r\n" * 25)
            codes = client.codes_until_close()
            self.assertEqual(codes, [500] * 20 + [421])

    def test_too_much_junk_ends_the_session(self):
        with self.client() as client:
            client.hello()
            client.send(b"NOOP\r\n" * 50)
            codes = client.codes_until_close()
            self.assertEqual(codes[-1], 421)
            self.assertEqual(set(codes[:-1]), {250})
            self.assertLess(len(codes), 35)

    # ---- memory, descriptors, sessions ----

    def test_nothing_grows(self):
        def burst(count):
            for number in range(count):
                client = self.client().__enter__()
                words = random.Random(number).randbytes(3000) if number % 2 else b"EHLO x\r\nMAIL FROM:<a@other.test>\r\nRCPT TO:<alice@"
                try:
                    client.send(words)
                finally:
                    client.socket.close()
        pid = rig.engine_of(self.server.pid())
        burst(300)
        octets, descriptors = rig.resident_octets(pid), rig.descriptors_of(pid)
        burst(1500)
        rig.wait_until(lambda: rig.descriptors_of(pid) <= descriptors, 20, f"descriptors back at {descriptors}",
                       describe=lambda: f"{rig.descriptors_of(pid)} are open")
        self.assertLess(rig.resident_octets(pid) - octets, LIMIT)
        with self.client() as client:
            self.assert_goes_on(client)


if __name__ == "__main__":
    unittest.main()
