#!/usr/bin/env python3
"""`posthorn probe` against servers that do what a script says: transcript, verdict, JSON, the monitor's line, statuses."""
import concurrent.futures
import json
import socket
import time
import unittest

from scripted import CLOSE, SILENCE, Server, User, full_port


class ProbeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.user = User()
        cls.addClassCleanup(cls.user.remove)

    def probe(self, server, *words, **more):
        patience = () if "--timeout" in words else ("--timeout", "30s")
        return self.user.run("probe", "127.0.0.1", *words, "--port", server.port, *patience, **more)

    def found(self, server, *words):
        status, told = self.probe(server, *words, "--json")
        return status, json.loads(told)


class Verdicts(ProbeTest):
    def test_a_server_that_works(self):
        with Server() as server:
            status, told = self.probe(server, "alice@example.org", "bob@example.test", "one line\n.\nthree")
        self.assertEqual(status, 0, told)
        lines = told.splitlines()
        self.assertEqual(lines[0], "<<< 220 mx.example.test ESMTP")
        self.assertEqual(lines[-1], "SMTP SERVER STATUS : OK")
        for line in [">>> MAIL FROM:<alice@example.org>", ">>> RCPT TO:<bob@example.test>", ">>> DATA", "<<< 354 go on", ">>> .",
                     "<<< 250 2.0.0 taken", ">>> QUIT", "<<< 221 2.0.0 bye"]:
            self.assertIn(line, lines)
        self.assertTrue(server.texts[0].endswith(b"one line\r\n..\r\nthree\r\n"))

    def test_with_the_host_alone(self):
        with Server() as server:
            status, told = self.probe(server)
        self.assertEqual(status, 0, told)
        self.assertIn("MAIL FROM:<>", server.commands)
        self.assertIn("RCPT TO:<postmaster>", server.commands)

    def test_no_send(self):
        with Server() as server:
            status, told = self.probe(server, "--no-send")
        self.assertEqual(status, 0, told)
        self.assertEqual(server.words(), ["EHLO", "MAIL", "RCPT", "RSET", "QUIT"])

    def test_helo(self):
        with Server() as server:
            self.assertEqual(self.probe(server, "--helo")[0], 0)
        self.assertEqual(server.words()[0], "HELO")

    STEPS = {"": "connection", "EHLO": "EHLO", "MAIL": "MAIL", "RCPT": "RCPT", "DATA": "DATA", ".": "end of data"}

    def fails_at(self, word, answer, expected, *words):
        with self.subTest(step=self.STEPS[word], answer=str(answer)[:20]), Server({word: answer}) as server:
            status, found = self.found(server, *words)
            self.assertEqual((status, found["ok"], found["failed_at"]), (expected, False, self.STEPS[word]), found)
            self.assertTrue(found["reason"])

    def test_each_step_can_fail(self):
        for word in self.STEPS:
            for answer, expected in [("550 no", 69), ("450 later", 75), ("what?", 76), (CLOSE, 69), (b"250 " + b"x" * 10_000, 76),
                                     (b"220-more\r\n" * 5_000, 76)]:
                if (word, answer) == ("EHLO", "550 no"):
                    continue  # HELO is for such servers
                self.fails_at(word, answer, expected)

    def test_each_step_can_be_answered_never_or_in_part(self):
        with concurrent.futures.ThreadPoolExecutor(12) as pool:  # they wait, and do nothing else
            rows = [(word, answer) for word in self.STEPS for answer in (SILENCE, b"250 half", b"250-first\r\n")]
            for done in [pool.submit(self.fails_at, *row, 69, "--timeout", "5s") for row in rows]:
                done.result()

    def test_quit_counts(self):
        for answer in ["500 no", CLOSE, SILENCE]:
            with self.subTest(str(answer)), Server({"QUIT": answer}) as server:
                status, found = self.found(server, "--timeout", "5s")
                self.assertEqual((status, found["failed_at"]), (76, "QUIT"), found)

    def test_a_wrong_kind_of_success(self):
        for word, answer in [("DATA", "250 ok"), (".", "354 more"), ("MAIL", "354 ok")]:
            with self.subTest(word), Server({word: answer}) as server:
                self.assertEqual(self.probe(server)[0], 76)

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        status, told = self.user.run("probe", "127.0.0.1", "--port", port)
        self.assertEqual(status, 69, told)
        self.assertTrue(told.endswith("SMTP SERVER STATUS : FAIL\n"), told)

    def test_nobody_answers(self):
        with full_port() as port:
            began = time.monotonic()
            status, told = self.user.run("probe", "127.0.0.1", "--port", port, "--timeout", "2s")
        self.assertEqual(status, 69, told)
        self.assertRegex(told, r"failed at connection: .*no answer in time")
        self.assertTrue(told.endswith("SMTP SERVER STATUS : FAIL\n"), told)
        self.assertTrue(2 <= time.monotonic() - began < 60)

    def test_unknown_host(self):
        status, told = self.user.run("probe", "no-such-host.invalid")
        self.assertEqual(status, 68, told)
        self.assertTrue(told.endswith("SMTP SERVER STATUS : FAIL\n"), told)

    def test_bad_input(self):
        for status, words in [(64, []), (64, ["h", "--port", "0"]), (64, ["h", "--port", "65536"]), (64, ["h", "--tls", "x"]), (64, ["h", "--timeout", "x"]), (65, ["h", "alice"]),
                              (65, ["h", "a@b.test", "c@d.test\r\nDATA"]), (65, ["h\n"])]:
            with self.subTest(words=words):
                self.assertEqual(self.user.run("probe", *words)[0], status)


class Shapes(ProbeTest):
    def test_json(self):
        with Server({"EHLO": "502 no"}) as server:
            status, found = self.found(server)
        self.assertEqual(status, 0)
        self.assertEqual([(step["command"], step["code"]) for step in found["steps"]],
                         [("connection", 220), ("EHLO", 502), ("HELO", 250), ("MAIL", 250), ("RCPT", 250), ("DATA", 354),
                          ("end of data", 250), ("QUIT", 221)])
        self.assertEqual((found["host"], found["ok"], found["failed_at"], found["reason"], found["tls"]),
                         ("127.0.0.1", True, None, None, None))
        self.assertTrue(all(step["ms"] >= 0 for step in found["steps"]))
        self.assertIn("old one", found["notes"][0])

    def test_a_code_that_no_table_lists(self):
        with Server({"RCPT": "259 fine"}) as server:
            status, found = self.found(server)
        self.assertEqual(status, 0)
        self.assertIn("259 is not among the codes that RFC 5321 lists for RCPT", found["notes"])

    def test_monitor(self):
        rows = [({}, 0, "OK"), ({"RCPT": "450 4.2.0 Greylisted"}, 1, "WARNING"), ({"": "554 no"}, 2, "CRITICAL"),
                ({"RCPT": "550 | 'x'=1"}, 2, "CRITICAL"), ({"": "421 busy"}, 2, "CRITICAL")]
        for script, expected, word in rows:
            with self.subTest(script=script), Server(script) as server:
                status, told = self.probe(server, "--monitor", "--warning", "50s", "--critical", "1m")
                self.assertEqual(status, expected, told)
                self.assertRegex(told, rf"\ASMTP {word} - [^|\n]*\| 'time'=\d+\.\d+s;50\.000;60\.000;0( '[^'=]+'=\d+\.\d+s;;;0)*\n\Z")
        self.assertEqual(self.user.run("probe", "no-such-host.invalid", "--monitor")[0], 3)
        self.assertEqual(self.user.run("probe", "--monitor", "--nonsense")[0], 3)
        with Server() as server:
            self.assertEqual(self.probe(server, "--monitor", "--warning", "1ms", "--critical", "1m")[0], 1)

    def test_codes(self):
        status, told = self.user.run("probe", "--codes")
        self.assertEqual(status, 0)
        for command in ["HELO", "MAIL", "RCPT", "DATA", "RSET", "SEND", "SOML", "SAML", "VRFY", "EXPN", "HELP", "NOOP", "QUIT", "TURN"]:
            self.assertRegex(told, rf"(?m)^{command} ")
        status, as_json = self.user.run("probe", "--codes", "--json")
        self.assertEqual(status, 0)
        rows = json.loads(as_json)
        self.assertEqual([row["command"] for row in rows], [line[:12].strip() for line in told.splitlines()[1:]])
        data = next(row for row in rows if row["command"] == "DATA")
        self.assertEqual(data["intermediate"], [354])
        self.assertIn(503, data["error"])


if __name__ == "__main__":
    unittest.main()
