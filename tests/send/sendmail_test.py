#!/usr/bin/env python3
"""The program under the names that other software calls: sendmail, mailq, newaliases. Mail is handed in while the server is
down and while it runs, as cron, PHP, git and mail readers do; by hostile neighbours; and through crashes."""
import email
import email.policy
import os
import pathlib
import re
import resource
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402

HELLO = "Subject: hello\n\nGood day\n"
NOBODY, OTHER = "nobody", "daemon"  # two accounts that every Debian has


class SendmailTest(unittest.TestCase):
    settings = {}
    account = ""

    def setUp(self):
        self.server = harness.Posthorn(users=["alice", "bob", "root"], settings=self.settings, account=self.account)
        self.addCleanup(self.end)
        self.server.folder.chmod(0o755)
        self.names = self.server.folder / "bin"
        self.names.mkdir()
        for name in ("sendmail", "mailq", "newaliases"):
            (self.names / name).symlink_to(pathlib.Path(harness.program()).resolve())
        self.sendmail = str(self.names / "sendmail")
        self.environment = {**os.environ, "POSTHORN_CONFIG": str(self.server.config), "TZ": "UTC"}

    def end(self):
        if self.server.process and self.server.process.poll() is None:
            self.server.kill()
        self.server.remove()

    def run_as(self, name, *words, text="", **options):
        data = text if isinstance(text, bytes) else text.encode()
        done = subprocess.run([str(self.names / name), *words], input=data, capture_output=True, timeout=240, check=False,
                              env=self.environment, **options)
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace")

    def hand_in(self, *words, text=HELLO, status=0, **options):
        got, told = self.run_as("sendmail", *words, text=text, **options)
        self.assertEqual(got, status, told)
        return told

    def start(self):
        self.server.start()

    def arrived(self, user, count=1):
        return [email.message_from_bytes(each, policy=email.policy.default) for each in self.server.wait_for_mail(user, count, 60)]

    def of_subject(self, user, subject):
        return [mail for mail in self.arrived(user) if mail["Subject"] == subject]

    def drop(self):
        return self.server.state / "drop"

    def boxes(self):
        """Everything in the drop folder's boxes."""
        return sorted(str(path.relative_to(self.drop())) for path in self.drop().glob("*/*"))

    def wait_for_empty(self):
        harness.wait_until(lambda: not self.boxes(), 60, "an empty drop folder", describe=self.server.told)


class Callers(SendmailTest):
    def test_cron_while_the_server_is_down(self):
        """As Debian's cron calls it."""
        text = ("From: root (Cron Daemon)\nTo: alice\nSubject: Cron <root@host> true\nMIME-Version: 1.0\n"
                "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\nX-Cron-Env: <SHELL=/bin/sh>\n\nGr\u00fc\u00dfe\n.\nend\n")
        self.hand_in("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "alice", text=text)
        self.assertEqual(len(self.boxes()), 1)
        self.start()
        (mail,) = self.arrived("alice")
        self.assertEqual(mail["Subject"], "Cron <root@host> true")
        self.assertEqual(mail.get_content(), "Gr\u00fc\u00dfe\n.\nend\n")
        self.assertTrue(mail["Date"] and mail["Message-ID"])
        self.assertRegex(mail["Received"], r"by mx\.example\.test \(from account \S+, number \d+\)")
        self.assertNotIn("with", mail["Received"].split(";")[0].split())
        self.wait_for_empty()

    def test_php(self):
        self.start()
        script = ('var_dump(mail("alice@example.test", "From PHP", "Line one\\nLine two\\n", '
                  '"From: web@example.test\\r\\nBcc: bob@example.test", "-fbounce@example.test"));')
        done = subprocess.run(["php", "-d", f"sendmail_path={self.sendmail} -t -i", "-r", script], capture_output=True, text=True,
                              timeout=60, env=self.environment, check=True)
        self.assertIn("bool(true)", done.stdout)
        for user in ("alice", "bob"):
            (mail,) = self.arrived(user)
            self.assertEqual((mail["Subject"], mail["To"], mail["Bcc"]), ("From PHP", "alice@example.test", None))
            self.assertEqual(mail["Return-Path"], "<bounce@example.test>")
            self.assertEqual(mail.get_content().rstrip("\n"), "Line one\nLine two")

    def test_git_send_email(self):
        repository = self.server.folder / "repository"
        environment = {**self.environment, "HOME": str(self.server.folder), "GIT_CONFIG_NOSYSTEM": "1"}
        for name in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{name}_NAME": "Carl", f"GIT_{name}_EMAIL": "carl@example.test"}

        def git(*words):
            return subprocess.run(["git", *words], cwd=repository, check=True, capture_output=True, text=True, env=environment, timeout=60)
        repository.mkdir()
        git("init", "-q")
        (repository / "file").write_text("one\n.\ntwo\n")
        git("add", "file")
        git("commit", "-q", "-m", "The first change")
        git("format-patch", "-q", "--root", "-1")
        git("send-email", f"--smtp-server={self.sendmail}", "--from=Carl <carl@example.test>", "--to=alice@example.test",
            "--cc=bob@example.test", "--confirm=never", "--suppress-cc=all", "--no-thread", "--envelope-sender=auto",
            "0001-The-first-change.patch")
        self.start()
        for user in ("alice", "bob"):
            (mail,) = self.arrived(user)
            self.assertEqual(mail["Subject"], "[PATCH] The first change")
            self.assertEqual(mail["Return-Path"], "<carl@example.test>")
            self.assertIn("+.\n", mail.get_content())

    def test_as_mail_readers_call_it(self):
        self.hand_in("-oem", "-oi", "-f", "alice@example.test", "--", "bob@example.test",
                     text="From: Alice <alice@example.test>\nTo: bob@example.test\nSubject: by mutt\n\nx\n")
        self.start()
        (mail,) = self.arrived("bob")
        self.assertEqual((mail["Subject"], mail["Return-Path"]), ("by mutt", "<alice@example.test>"))

    def test_mutt(self):
        environment = {**self.environment, "HOME": str(self.server.folder), "EMAIL": "alice@example.test"}
        subprocess.run(["mutt", "-n", "-F", "/dev/null", "-e", f'set sendmail="{self.sendmail} -oem -oi"; set copy=no', "-s", "real mutt",
                        "-b", "bob@example.test", "alice@example.test"], input=b"body\n", check=True, timeout=60, env=environment,
                       capture_output=True)
        self.start()
        for user in ("alice", "bob"):
            (mail,) = self.arrived(user)
            self.assertEqual((mail["Subject"], mail["Bcc"]), ("real mutt", None))

    def test_logwatch_and_debian_scripts(self):
        """"sendmail -t" with a message that has From, To and Subject; "sendmail root" with the text alone."""
        self.hand_in("-t", text="To: root\nFrom: root\nSubject: Logwatch for host\n\nall well\n")
        self.hand_in("root", text="only text, no header: none\n")
        self.start()
        mails = {mail["Subject"]: mail for mail in self.arrived("root", 2)}
        self.assertEqual(mails["Logwatch for host"].get_content(), "all well\n")
        self.assertEqual(mails[None].get_content(), "only text, no header: none\n")
        self.assertIn("@example.test", mails[None]["From"])

    def test_while_the_server_runs(self):
        self.start()
        began = time.monotonic()
        told = self.hand_in("-v", "alice")
        self.assertRegex(told, "handed in as [0-9a-f]{32} for 1 recipients")
        self.arrived("alice")
        self.assertLess(time.monotonic() - began, 60)
        self.wait_for_empty()


class Messages(SendmailTest):
    def test_t_takes_recipients_and_bcc_out(self):
        self.hand_in("-t", "root@example.test", text="From: x@example.test\nTo: Alice <alice@example.test>,\n  alice@example.test\n"
                     "Bcc: bob@example.test,\n\tnobody-hidden@example.test\nbcc: root\nSubject: hidden\n\nx\n")
        self.start()
        for user in ("alice", "bob", "root"):  # root, who sent it, hears of the hidden one who is nobody
            harness.wait_until(lambda name=user: self.of_subject(name, "hidden"), 60, f"mail for {user}", describe=self.server.told)
            (mail,) = self.of_subject(user, "hidden")
            self.assertNotIn(b"hidden@", mail.as_bytes(), user)
            self.assertNotIn("bcc", [name.lower() for name in mail.keys()])
        for user in ("alice", "bob"):
            self.assertEqual(len(self.server.names(user)), 1, "who is named twice gets one")

    def test_resent_fields_name_the_recipients_of_what_is_sent_again(self):
        self.hand_in("-t", text="To: alice@example.test\nResent-To: bob@example.test\nResent-Bcc: root@example.test\nSubject: again\n\nx\n")
        self.start()
        self.arrived("bob")
        (mail,) = self.arrived("root")
        self.assertNotIn("Resent-Bcc", mail)
        self.assertEqual(self.server.names("alice"), [])

    def test_recipients_that_must_be_quoted(self):
        self.hand_in("-f", '"s t"@example.test', '"a b"@example.test', '"c,d"@example.test, Bob <bob@example.test>')
        self.hand_in("-t", text='To: "e f"@example.test, "Alice, A." <alice@example.test> (x, y)\nSubject: quoted\n\nx\n')
        letters = b"".join((self.drop() / name).read_bytes() for name in self.boxes())
        for said in (b'Sender: <"s t"@example.test>', b'<"a b"@example.test>', b'<"c,d"@example.test>', b"<bob@example.test>",
                     b'<"e f"@example.test>', b"<alice@example.test>"):
            self.assertIn(said, letters)
        self.assertEqual(letters.count(b"Recipient: "), 5)

    def test_a_dot_alone(self):
        self.hand_in("alice", text="Subject: until\n\none\n.\ntwo\n")
        self.hand_in("-i", "bob", text="Subject: beyond\n\none\n.\ntwo\n")
        self.start()
        self.assertEqual(self.arrived("alice")[0].get_content(), "one\n")
        self.assertEqual(self.arrived("bob")[0].get_content(), "one\n.\ntwo\n")

    def test_texts_of_all_kinds_arrive_whole(self):
        rows = {"no final newline": b"Subject: s\n\nlast", "CRLF": b"Subject: s\r\n\r\na\r\nb\r\n", "empty": b"",
                "8 bit": b"Subject: s\n\n\xc3\xa4\xff\n", "long": b"Subject: s\n\n" + b"x" * 5000 + b"\n",
                "large": b"Subject: s\n\n" + b"0123456789abcde\n" * 100_000, "mbox": b"From a@b Mon Nov 30\nSubject: s\n\nx\n",
                "only a header": b"Subject: s\n", "From inside": b"Subject: s\n\nFrom here on\n"}
        for name, text in rows.items():
            self.hand_in("-i", "alice", text=text)
        self.start()
        got = sorted(mail.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1] for mail in self.server.wait_for_mail("alice", len(rows), 60))
        self.assertEqual(got, sorted([b"last\n", b"a\nb\n", b"", b"\xc3\xa4\xff\n", b"x" * 5000 + b"\n",
                                      b"0123456789abcde\n" * 100_000, b"x\n", b"", b"From here on\n"]))

    def test_the_sender(self):
        self.hand_in("-f", "", "alice", text="Subject: null\n\nx\n")
        self.hand_in("-f<>", "alice", text="Subject: null\n\nx\n")
        self.hand_in("-r", "bob", "-F", "B\u00f6b", "alice", text="Subject: named\n\nx\n")
        self.start()
        mails = self.arrived("alice", 3)
        self.assertEqual(sorted((mail["Subject"], mail["Return-Path"]) for mail in mails),
                         [("named", "<bob@example.test>"), ("null", "<>"), ("null", "<>")])
        (named,) = [mail for mail in mails if mail["Subject"] == "named"]
        self.assertEqual(named["From"], "B\u00f6b <bob@example.test>")

    def test_who_cannot_be_reached_is_reported(self):
        self.hand_in("-f", "bob", "alice", "nobody-here", "strange@nowhere.invalid.example.test")
        self.hand_in("-f", "bob", "-N", "never", "nobody-here")
        self.hand_in("-f", "<>", "nobody-here")
        self.start()
        self.arrived("alice")
        (report, *_) = self.arrived("bob")
        self.assertIn("nobody-here@example.test", report.as_string())
        self.assertIn("5.1.1", report.as_string())
        harness.wait_until(lambda: len(self.boxes()) <= 2, 60, "the letters are gone", describe=self.server.told)
        time.sleep(0.5)
        self.assertLessEqual(len(self.server.names("bob")), 2)


class BadInput(SendmailTest):
    def test_usage(self):
        for words, status, said in [((), 64, "no recipients"), (("-t",), 64, "nobody"), (("-k", "alice"), 64, "no option -k"),
                                    (("-f",), 64, "-f needs a value"), (("-bd",), 64, "posthorn serve"), (("-bx",), 64, "modes"),
                                    (("-N", "perhaps", "alice"), 64, "-N"), (("-R", "all", "alice"), 64, "-R"),
                                    (("a@b@c@d..", ), 65, "no address"), (("al\nice",), 65, "control"), (("-f", "a b\r\nc", "alice"), 65, "sender")]:
            told = self.hand_in(*words, status=status)
            self.assertIn(said, told, words)
        self.assertEqual(self.boxes() if self.drop().is_dir() else [], [])

    def test_texts_that_are_no_mail(self):
        for text, said in [(b"Subject: x\n\na\0b\n", "NUL"), (b"From: a@b.c\nFrom: d@e.f\n\nx\n", "From"),
                           (b"Subject: x\n\n" + b"y" * 70_000 + b"\n", "too long"), (b"X: y\n" * 70_000 + b"\n", "header"),
                           (b"Subject: x\n\n" + b"0123456789\n" * 5_500_000, "larger")]:
            self.assertIn(said, self.hand_in("alice", text=text, status=65))
        self.assertEqual(self.boxes(), [], "nothing is left")

    def test_a_full_disk(self):
        told = self.hand_in("alice", text="Subject: x\n\n" + "x\n" * 200_000, status=75,
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)))
        self.assertIn("could not be kept", told)
        self.assertEqual(self.boxes(), [], "nothing is left")

    def test_a_bad_configuration(self):
        self.server.config.write_text("[limits]\nnone = 1\n")
        self.assertIn(":2:1:", self.hand_in("alice", status=78))

    def test_a_folder_that_is_not_for_all(self):
        if os.geteuid() != 0:
            return  # only root can be another account
        self.drop().mkdir(mode=0o700)
        told = self.hand_in("alice", status=77, user=NOBODY, group="nogroup")
        self.assertIn("3777", told)


class Session(SendmailTest):
    def talk(self, *lines):
        return self.hand_in("-bs", text="\r\n".join([*lines, ""]))

    def test_smtp_on_standard_input(self):
        told = self.talk("EHLO here", "MAIL FROM:<bob@example.test> BODY=8BITMIME", "RCPT TO:<alice@example.test>", "DATA", "Bcc: root@example.test",
                         "Subject: by -bs", "", "..", "x", ".", "RSET", "MAIL FROM:<bob@example.test>", "RCPT TO:<alice@example.test>", "DATA",
                         "Subject: second", "", "y", ".", "QUIT")
        self.assertEqual([line[:3] for line in told.splitlines() if line[3:4] == " "],
                         "220 250 250 250 354 250 250 250 250 354 250 221".split())
        self.start()
        mails = self.arrived("alice", 2)
        self.assertEqual(sorted(mail["Subject"] for mail in mails), ["by -bs", "second"])
        self.assertTrue(all(mail["Bcc"] is None for mail in mails))

    def test_lines_of_a_person_or_a_script(self):
        """They end with LF; what such a session sends is as if they had been CRLF."""
        told = self.hand_in("-bs", text="EHLO here\nMAIL FROM:<bob@example.test>\nRCPT TO:<alice@example.test>\nDATA\nSubject: typed\n\n..dot\nend\n.\nQUIT\n")
        self.assertEqual([line[:3] for line in told.splitlines() if line[3:4] == " "], "220 250 250 250 354 250 221".split())
        self.start()
        (mail,) = self.arrived("alice")
        self.assertEqual(mail.get_content(), ".dot\nend\n")

    def test_who_speaks_crlf_is_not_ended_by_a_bare_line_feed(self):
        """The text of somebody else, which a program passes on, is not to become commands."""
        told = self.talk("EHLO here", "MAIL FROM:<bob@example.test>", "RCPT TO:<alice@example.test>", "DATA",
                         "Subject: smuggled\r\n\r\nx\n.\nMAIL FROM:<root@example.test>\nRCPT TO:<bob@example.test>\nDATA\nx\n.", ".", "QUIT")
        self.assertEqual([line[:3] for line in told.splitlines() if line[3:4] == " "][:6], "220 250 250 250 354 550".split(), told)
        self.assertEqual(self.boxes(), [])

    def test_bad_sessions_leave_nothing(self):
        for lines in (["EHLO here", "MAIL FROM:<bob@example.test>", "RCPT TO:<alice@example.test>", "DATA", "Subject: cut off"],
                      ["EHLO here", "DATA", "RCPT TO:<alice@example.test>", "QUIT"], ["GET / HTTP/1.1"], ["\0\0"], []):
            self.talk(*lines)
        self.assertEqual(self.boxes() if self.drop().is_dir() else [], [])


class OtherNames(SendmailTest):
    settings = {"queue": {"paused": True}}

    def test_mailq_lists_and_q_tries_again(self):
        status, told = self.run_as("mailq")
        self.assertNotEqual(status, 0)
        self.assertIn("server", told)
        self.start()
        self.hand_in("-f", "bob@example.test", "alice@example.test")
        for name, words in (("mailq", ()), ("sendmail", ("-bp",)), ("mailq", ("-v",))):
            harness.wait_until(lambda: "alice@example.test" in self.run_as(name, *words)[1], 30, f"{name} {words} lists it")
        self.hand_in("-q")
        self.hand_in("-q15m")

    def test_newaliases(self):
        (self.server.folder / "aliases").write_text("info: alice\n")
        for name, words in (("newaliases", ()), ("sendmail", ("-bi",)), ("sendmail", ("-I",))):
            status, told = self.run_as(name, *words)
            self.assertEqual((status, "1 aliases" in told), (0, True), told)

    def test_help_and_version(self):
        for words in (["--help"], ["--version"]):
            self.assertIn("posthorn" if words == ["--version"] else "-t", self.hand_in(*words))


class Neighbours(SendmailTest):
    """What others put into the folder."""

    def test_what_is_no_letter_is_not_read(self):
        name = "0123456789abcdef0123456789abcd{:02x}".format
        self.hand_in("alice")
        (box,) = self.drop().iterdir()
        secret = self.server.folder / "secret"
        secret.write_text("Posthorn-Drop: 1\nSender: <>\nRecipient: <bob@example.test>\n\nSubject: secret\r\n\r\n")
        (box / name(1)).symlink_to(secret)
        os.link(secret, box / name(2))
        os.mkfifo(box / name(3))
        (box / name(4)).mkdir()
        for number, text in enumerate([b"", b"Posthorn-Drop: 2\n\n", b"Posthorn-Drop: 1\nSender: <>\n\nx", b"\0" * 100_000,
                                       b"Posthorn-Drop: 1\nSender: <>\nRecipient: <a@b>\nBcc: x\n\n", b"Posthorn-Drop: 1\nSender: <>\nRecipient: <bob",
                                       b"Posthorn-Drop: 1\nSender: <>\nRecipient: <bob@example.test>\n\nbare\nends"]):
            (box / name(16 + number)).write_bytes(text)
        (box / (name(5) + ".7ZZZZZZZZZZZZ")).write_bytes(secret.read_bytes())
        (box / "../plain").write_text("x")
        (self.drop() / "link").symlink_to(box)
        (box / ("x" * 255)).write_text("x")
        self.start()
        self.arrived("alice")
        harness.wait_until(lambda: sum(each.endswith(".refused") for each in self.boxes()) >= 8, 60, "they are set aside",
                           describe=lambda: f"{self.boxes()}\n{self.server.told()}")
        self.assertEqual(self.server.names("bob")[1:], [], "at most the one whose name was made up")
        self.hand_in("alice")
        self.arrived("alice", 2)

    def test_a_flood_keeps_nobody_out(self):
        """Thousands of letters in one box; the next one in another is not behind them all."""
        self.hand_in("bob")
        (box,) = self.drop().iterdir()
        (letter,) = box.iterdir()
        text = letter.read_bytes()
        for number in range(1500):
            (box / f"{number:032x}").write_bytes(text)
        if os.geteuid() == 0:
            self.hand_in("alice", user=NOBODY, group="nogroup")
        else:
            self.hand_in("alice")
        self.start()
        self.arrived("alice" if os.geteuid() == 0 else "bob")
        if os.geteuid() == 0:
            self.assertLess(len(self.server.names("bob")), 1400, "it did not wait for the flood")


class Accounts(SendmailTest):
    account = OTHER
    settings = {"sendmail": {"sender_check": "own"}}

    def test_any_account_hands_in_and_the_servers_account_takes(self):
        self.server.state.chmod(0o711)
        self.start()
        facts = self.drop().stat()
        self.assertEqual(stat.S_IMODE(facts.st_mode), 0o3777)
        self.hand_in("-f", f"{NOBODY}@example.test", "alice", user=NOBODY, group="nogroup")
        (mail,) = self.arrived("alice")
        self.assertIn(f"(from account {NOBODY}, number 65534)", mail["Received"])
        self.wait_for_empty()
        (box,) = self.drop().iterdir()
        self.assertEqual((box.owner(), box.group(), stat.S_IMODE(box.stat().st_mode) & 0o777), (NOBODY, OTHER, 0o770))

    def test_nobody_names_a_sender_of_others(self):
        self.server.state.chmod(0o711)
        self.start()
        self.hand_in("-f", "bob@example.test", "alice", text="Subject: forged\n\nx\n", user=NOBODY, group="nogroup")
        harness.wait_until(lambda: any(each.endswith(".refused") for each in self.boxes()), 60, "it is set aside", describe=self.server.told)
        self.hand_in("-f", "bob@example.test", "alice", text="Subject: by root\n\nx\n")
        self.assertEqual([mail["Subject"] for mail in self.arrived("alice")], ["by root"])

    def test_a_name_that_is_taken(self):
        """Somebody made the folder that another account would use."""
        self.server.state.chmod(0o711)
        self.start()
        squatted = self.drop() / "65534"
        squatted.mkdir(mode=0o777)
        self.hand_in("-f", f"{NOBODY}@example.test", "alice", user=NOBODY, group="nogroup")
        self.arrived("alice")
        self.assertEqual(list(squatted.iterdir()), [])


class Crashes(SendmailTest):
    def test_each_letter_arrives_once_whatever_is_killed(self):
        count = 60
        for number in range(count):
            self.hand_in("alice", text=f"Subject: {number}\n\nx\n")
        for pause in (0.0, 0.02, 0.05, 0.08, 0.12, 0.2, 0.3):
            self.start()
            time.sleep(pause)
            self.server.kill()
        self.start()
        self.server.wait_for_mail("alice", count, 60)
        self.wait_for_empty()
        subjects = sorted(int(mail["Subject"]) for mail in self.arrived("alice", count))
        self.assertEqual(subjects, list(range(count)))

    def test_it_is_synced_before_it_ends(self):
        trace = self.server.folder / "trace"
        subprocess.run(["strace", "-f", "-o", trace, "-e", "trace=fsync,fdatasync,renameat2,exit_group", self.sendmail, "alice"],
                       input=HELLO.encode(), check=True, timeout=60, env={**self.environment, "ASAN_OPTIONS": "detect_leaks=0"})
        calls = re.findall(r"\b(fsync|fdatasync|renameat2|exit_group)\(", trace.read_text())
        self.assertEqual(calls[-4:], ["fdatasync", "renameat2", "fsync", "exit_group"])


if os.geteuid() != 0:
    del Accounts  # only root can be other accounts

if __name__ == "__main__":
    unittest.main()
