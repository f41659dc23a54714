#!/usr/bin/env python3
"""The command-reply sequences of RFC 821 §4.3 and RFC 5321 §4.3.2 as `posthorn probe` knows them: each code of each row is answered by
a server, and what the probe says of it is what stands here, written down apart from the program."""
import concurrent.futures
import json
import re
import unittest

from scripted import Server, User

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
UNLISTED = {"299": "success", "399": "error", "499": "failure", "599": "failure"}


def codes_of(row):
    return [(code, meaning) for codes, meaning in zip(TABLE[row], MEANINGS) for code in codes.split()]


def is_good(row, code):
    """Whether the server works although, or because, it answers so."""
    if row == "EHLO" and code[0] == "5":
        return True  # HELO follows
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
                by_digit = 76 if row == "QUIT" else {"2": 76, "3": 76, "4": 75, "5": 69}[code[0]]
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
