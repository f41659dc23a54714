#!/usr/bin/env python3
"""The command-reply sequences of RFC 821 §4.3 and RFC 5321 §4.3.2 as `posthorn probe` knows them: each code of each row is answered by
a server, and what the probe says of it is what stands here, written down apart from the program."""
import concurrent.futures
import json
import re
import unittest

from scripted import CLOSE, SILENCE, Server, User, wait_until

# success; go on; failure: the mail is refused; error: the command is. 421 may answer everything.
TABLE = {
    "connection": ("220", "", "421 521 554", ""),
    "HELO": ("250", "", "550", "500 501 504 421"),
    "EHLO": ("250", "", "550", "500 501 502 504 421"),
    "MAIL": ("250", "", "552 451 452 550 553 455 530", "500 501 503 555 421"),
    "RCPT": ("250 251", "", "550 551 552 553 450 451 452 455 530 556", "500 501 503 555 421"),
    "DATA": ("", "354", "451 554", "500 501 503 421"),
    "end of data": ("250", "", "552 554 450 451 452 550", "500 501 503 421"),
    "RSET": ("250", "", "", "500 501 504 421"),
    "SEND": ("250", "", "552 451 452", "500 501 502 421"),
    "SOML": ("250", "", "552 451 452", "500 501 502 421"),
    "SAML": ("250", "", "552 451 452", "500 501 502 421"),
    "VRFY": ("250 251 252", "", "550 551 553", "500 501 502 504 421"),
    "EXPN": ("250 252", "", "550", "500 501 502 504 421"),
    "HELP": ("211 214", "", "", "500 501 502 504 421"),
    "NOOP": ("250", "", "", "500 421"),
    "QUIT": ("221", "", "", "500"),
    "TURN": ("250", "", "502", "500 503"),
    "STARTTLS": ("220", "", "454", "500 501 502 503 421"),
    "AUTH": ("235", "334", "432 454 534 535 538", "500 501 503 504 530 421"),
}
MEANINGS = ("success", "go on", "failure", "error")
# Row: the word of a scripted server's script, and how the probe is led there.
STEPS = {
    "connection": ("", ()), "HELO": ("HELO", ("--helo",)), "EHLO": ("EHLO", ()), "MAIL": ("MAIL", ()), "RCPT": ("RCPT", ()),
    "DATA": ("DATA", ()), "end of data": (".", ()), "RSET": ("RSET", ("--no-send",)), "QUIT": ("QUIT", ()),
    "STARTTLS": ("STARTTLS", ("--tls", "require")),
}
TOUR = ("HELP", "NOOP", "VRFY", "EXPN", "SEND", "SOML", "SAML", "TURN")  # asked for by --commands, which no mail needs
STEPS |= {command: (command, ("--no-send", "--commands")) for command in TOUR}
UNLISTED = {"299": "success", "399": "error", "499": "failure", "599": "failure"}


def codes_of(row):
    return [(code, meaning) for codes, meaning in zip(TABLE[row], MEANINGS) for code in codes.split()]


def is_good(row, code):
    """Whether the server works although, or because, it answers so."""
    if row == "EHLO" and code[0] == "5":
        return True  # HELO follows
    if row in TOUR and row != "NOOP":
        return code[0] != "3" and code != "421"  # a server may refuse them
    return code[0] == ("3" if row == "DATA" else "2")


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.user = User()
        cls.addClassCleanup(cls.user.remove)

    def answered(self, row, code):
        """Exit status and report of a probe that is answered so at this step, in one line and in two."""
        word, options = STEPS[row]
        script = {word: f"{code}-first\r\n{code} second"}
        if row == "STARTTLS":
            script["EHLO"] = "250-mx.example.test\r\n250 STARTTLS"
        with Server(script) as server:
            status, told = self.user.run("probe", "127.0.0.1", *options, "--port", server.port, "--json", "--timeout", "30s")
        report = json.loads(told)
        (step,) = [each for each in report["steps"] if each["command"] == row][:1] or self.fail(f"{row} was not met: {report}")
        return status, report, step

    def check(self, row, code, meaning, listed):
        with self.subTest(row=row, code=code):
            status, report, step = self.answered(row, code)
            self.assertEqual((step["code"], step["meaning"], step["listed"]), (int(code), meaning, listed), report)
            self.assertEqual(step["reply"], "first second")
            if row == "STARTTLS" and code[0] == "2":
                return  # the handshake that follows is none
            good = is_good(row, code)
            self.assertEqual((status == 0, report["ok"]), (good, good), report)
            if good:
                self.assertIsNone(report["failed_at"])
            else:
                self.assertEqual(report["failed_at"], row, report)
                self.assertIn(code, report["reason"])
                by_digit = 76 if row == "QUIT" or (row, code) == ("NOOP", "500") else {"2": 76, "3": 76, "4": 75, "5": 69}[code[0]]
                self.assertIn(status, {by_digit} if row not in ("RSET", "STARTTLS") else {by_digit, 69, 76}, report)
            said = any(code in note for note in report["notes"])
            self.assertEqual(said, not listed or (row == "EHLO" and code[0] == "5"), report)

    def check_row(self, row):
        rows = [(row, code, meaning, True) for code, meaning in codes_of(row)]
        for code, meaning in UNLISTED.items():
            if row == "DATA" and code in ("299", "399"):
                meaning = {"299": "error", "399": "go on"}[code]
            rows.append((row, code, meaning, False))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(self.check, *each) for each in rows]:
                done.result()

    def toured(self, script, *options):
        """Exit status and report of a probe with --commands of a server that does this."""
        with Server(script) as server:
            status, told = self.user.run("probe", "127.0.0.1", "alice@example.org", "bob@example.test", "--commands", *options, "--port", server.port,
                                         "--json", *(() if "--timeout" in options else ("--timeout", "30s")))
        return status, json.loads(told), server.commands

    def test_commands_of_a_server_that_knows_them_all(self):
        status, report, commands = self.toured({"HELP": "214-HELO MAIL\r\n214 RCPT", "VRFY": "252 try", "EXPN": "250 <bob@example.test>", "SEND": "250 ok",
                                                "SOML": "250 ok", "SAML": "250 ok"})
        self.assertEqual(status, 0, report)
        self.assertEqual(commands[4:], ["HELP", "NOOP", "VRFY bob@example.test", "EXPN bob@example.test", "SEND FROM:<alice@example.org>", "RSET",
                                        "SOML FROM:<alice@example.org>", "RSET", "SAML FROM:<alice@example.org>", "RSET", "TURN", "QUIT"])
        self.assertEqual([step["command"] for step in report["steps"]][:6], ["connection", "EHLO", "MAIL", "RCPT", "DATA", "end of data"])
        self.assertEqual((report["steps"][6]["reply"], report["notes"]), ("HELO MAIL RCPT", []))

    def test_commands_are_asked_for_only_then(self):
        with Server() as server:
            self.assertEqual(self.user.run("probe", "127.0.0.1", "--port", server.port, "--timeout", "30s")[0], 0)
        self.assertEqual(server.words(), ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"])

    def test_commands_in_the_transcript(self):
        with Server({"VRFY": "252 try", "SEND": "599 odd"}) as server:
            status, told = self.user.run("probe", "127.0.0.1", "--no-send", "--commands", "--port", server.port, "--timeout", "30s")
        self.assertEqual(status, 0, told)
        for line in (">>> VRFY postmaster\n<<< 252 try\n", ">>> SEND FROM:<>\n<<< 599 odd\n", ">>> TURN\n<<< 502 5.5.1 not known\n",
                     "note: 599 is not among the codes that RFC 5321 lists for SEND\n"):
            self.assertIn(line, told)
        for step in (r"VRFY +252 .* success", r"EXPN +502 .* error", r"SEND +599 .* failure \(by its first digit\)", r"TURN +502 .* failure"):
            self.assertRegex(told, rf"(?m)^{step}$")
        self.assertTrue(told.endswith("SMTP SERVER STATUS : OK\n"), told)

    def test_commands_after_a_refused_mail(self):
        status, report, commands = self.toured({"RCPT": "550 no", "SEND": "250 ok"})
        self.assertEqual((status, report["failed_at"]), (69, "RCPT"), report)
        self.assertEqual(commands[3:], ["HELP", "NOOP", "VRFY bob@example.test", "EXPN bob@example.test", "RSET", "SEND FROM:<alice@example.org>", "RSET",
                                        "SOML FROM:<alice@example.org>", "SAML FROM:<alice@example.org>", "TURN", "QUIT"])

    def test_rset_after_a_command_that_was_taken(self):
        for answer, expected in (("500 no", 76), ("450 later", 75), (CLOSE, 69)):
            with self.subTest(answer=str(answer)):
                status, report, _ = self.toured({"SOML": "250 ok", "RSET": answer})
                self.assertEqual((status, report["failed_at"]), (expected, "RSET"), report)

    def test_turn_that_is_taken(self):
        status, report, commands = self.toured({"TURN": "250 the word is yours"})
        self.assertEqual(status, 0, report)
        wait_until(lambda: commands[-1] != "TURN", what="the server hears what follows")
        self.assertRegex(commands[-1], r"^421 [^ ]+ closing the connection$")
        self.assertIn("TURN was taken", report["notes"][0])
        self.assertEqual(report["steps"][-1]["command"], "TURN")

    def test_commands_that_are_answered_badly(self):
        answers = [(CLOSE, 69), (SILENCE, 69), (b"250 half a line", 69), (b"250-first\r\n", 69), ("what?", 76), (b"250 " + b"x" * 10_000 + b"\r\n", 76),
                   (b"250-more\r\n" * 5_000, 76), (b"250 one\r\n250 two\r\n", 76), (b"250 \0\r\n", 76), (b"250-one\r\n251 two\r\n", 76),
                   ("354 go on", 76), ("421 closing", 75)]

        def check(command, answer, expected):
            with self.subTest(command=command, answer=str(answer)[:30]):
                impatient = ("--timeout", "5s") if expected == 69 and answer is not CLOSE else ()
                status, report, _ = self.toured({command: answer}, *impatient)
                self.assertEqual((status, report["ok"], report["failed_at"]), (expected, False, command), report)
                self.assertTrue(report["reason"])
        with concurrent.futures.ThreadPoolExecutor(12) as pool:  # many wait, and do nothing else
            for done in [pool.submit(check, command, *each) for command in TOUR for each in answers]:
                done.result()

    def test_what_it_prints_of_itself(self):
        status, told = self.user.run("probe", "--codes")
        self.assertEqual(status, 0)
        printed = {}
        for line in told.splitlines()[1:]:
            name, *columns = re.split(r" {2,}", line)
            printed[name] = [sorted(column.split()) for column in columns]
        self.assertEqual(printed, {name: [sorted((codes or "-").split()) for codes in row] for name, row in TABLE.items()})


def test_of(row):
    return lambda self: self.check_row(row)


for each in STEPS:
    setattr(Rows, "test_" + each.replace(" ", "_"), test_of(each))

if __name__ == "__main__":
    unittest.main()
