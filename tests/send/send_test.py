#!/usr/bin/env python3
"""`posthorn send` against servers that do what a script says: what the user sees, what the server got, what it ends with."""
import email
import email.policy
import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest

from scripted import CLOSE, SILENCE, Server, User, full_port, program, wait_until


class SendTest(unittest.TestCase):
    def setUp(self):
        self.user = User()
        self.addCleanup(self.user.remove)

    def parsed(self, server):
        return email.message_from_bytes(server.texts[-1], policy=email.policy.SMTP)


class Conversation(SendTest):
    def test_states_and_dialogue_are_shown(self):
        with Server() as server:
            status, told = self.user.send(server.port)
        self.assertEqual(status, 0, told)
        expected = ["[START]", "<<< 220 mx.example.test ESMTP", "[EHLO]", ">>> EHLO ", "<<< 250-mx.example.test",
                    "<<< 250 8BITMIME", "[FROM]", ">>> MAIL FROM:<alice@example.org>", "<<< 250 2.1.0 ok", "[TO]",
                    ">>> RCPT TO:<bob@example.test>", "[DATA]", ">>> DATA", "<<< 354 go on", "[SUBJ]",
                    ">>> Subject: The subject", "[BODY]", "[DOT]", ">>> .", "<<< 250 2.0.0 taken", "[QUIT]", ">>> QUIT",
                    "<<< 221 2.0.0 bye"]
        at = 0
        for line in expected:
            at = told.find(line, at)
            self.assertGreaterEqual(at, 0, f"{line!r} does not stand where it should in\n{told}")
        self.assertEqual(server.words(), ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"])

    def test_quiet_says_nothing(self):
        with Server() as server:
            self.assertEqual(self.user.send(server.port, "--quiet"), (0, ""))

    def test_an_old_server_is_greeted_with_helo(self):
        with Server({"EHLO": "500 what?"}) as server:
            status, told = self.user.send(server.port)
        self.assertEqual(status, 0, told)
        self.assertLess(told.index("[EHLO]"), told.index("[HELO]"))

    def test_replies_of_several_lines_and_of_any_text(self):
        with Server({"": "220-****\r\n220 ****", "RCPT": b"250-fine\r\n250-\xff\x1b[2J\r\n250\r\n"}) as server:
            status, told = self.user.send(server.port)
        self.assertEqual(status, 0, told)
        self.assertNotIn("\x1b", told)

    def test_several_recipients(self):
        with Server() as server:
            status, told = self.user.send(server.port, "--to", "carol@example.test", "--to", "bob@example.test")
        self.assertEqual(status, 0, told)
        self.assertEqual([c for c in server.commands if c.startswith("RCPT")],
                         ["RCPT TO:<bob@example.test>", "RCPT TO:<carol@example.test>"])


class Ways(SendTest):
    """Which address, and as whom."""

    def test_ipv6_and_ipv4(self):
        letter = self.user.file("letter.txt", "x\n")
        with Server(address="::1") as server:
            for options, host, status in [((), "::1", 0), ((), "[::1]", 0), (("-6",), "::1", 0), (("-4",), "localhost", 75),
                                          (("-4",), "::1", 68), (("-4", "-6"), "localhost", 64)]:
                with self.subTest(options=options, host=host):
                    got, told = self.user.run("send", *options, "a@b.test", "s", letter, host, "c@d.test", server.port)
                    self.assertEqual(got, status, told)
        with Server() as server:
            got, told = self.user.run("send", "-4", "a@b.test", "s", letter, "localhost", "c@d.test", server.port)
            self.assertEqual(got, 0, told)

    def test_the_name_to_greet_with(self):
        with Server() as server:
            for name in ("client.example.org", "[192.0.2.1]"):
                self.assertEqual(self.user.send(server.port, "--ehlo", name)[0], 0)
                self.assertIn(f"EHLO {name}", server.commands)
            self.assertEqual(self.user.send(server.port, "--ehlo", "a b\r\nQUIT")[0], 64)


class Refusals(SendTest):
    def test_each_step_can_refuse_for_good(self):
        for word in ["", "MAIL", "RCPT", "DATA", "."]:
            with self.subTest(word), Server({word: "554-5.7.1 no\r\n554 5.7.1 not you"}) as server:
                status, told = self.user.send(server.port)
                self.assertEqual(status, 69, told)
                self.assertIn("[ERROR 5yz]", told)
                self.assertIn("554 5.7.1 no", told)
                self.assertIn("<<< 221 2.0.0 bye", told)
                self.assertEqual(server.words()[-1], "QUIT")
                self.assertEqual(self.user.names(".json"), [])

    def test_ehlo_and_helo_refused(self):
        with Server({"EHLO": "550 no", "HELO": "550 no"}) as server:
            status, told = self.user.send(server.port)
        self.assertEqual(status, 69, told)

    def test_quit_is_awaited_for_five_seconds_at_most(self):
        with Server({"RCPT": "550 5.1.1 nobody", "QUIT": SILENCE}) as server:
            began = time.monotonic()
            status, told = self.user.send(server.port)
        self.assertEqual(status, 69, told)
        self.assertTrue(5 <= time.monotonic() - began < 30, "the server would be silent for longer")

    def test_each_step_can_answer_outside_the_protocol(self):
        for word, answer in [("", "hello"), ("", "120 wait"), ("MAIL", "354 what"), ("DATA", "250 what"), ("RCPT", "99 x"),
                             (".", "354 more"), ("MAIL", "2500 ok"), ("MAIL", "250-a\r\n251 b")]:
            with self.subTest(word=word, answer=answer), Server({word: answer}) as server:
                status, told = self.user.send(server.port)
                self.assertEqual(status, 76, told)
                self.assertIn("<<< " + answer.splitlines()[-1], told)
                self.assertEqual(server.words()[-1], "QUIT")
                self.assertEqual(self.user.names(".json"), [])

    def test_each_step_can_lose_the_connection(self):
        for word in ["", "EHLO", "MAIL", "RCPT", "DATA", "."]:
            with self.subTest(word), Server({word: CLOSE}) as server:
                status, told = self.user.send(server.port)
                self.assertEqual(status, 75, told)
                self.assertEqual(self.user.names(".json"), [])
                if word == ".":
                    self.assertIn("may have been delivered", told)

    def test_half_a_line_then_the_end(self):
        def half(connection):
            connection.sendall(b"250 he")
            return CLOSE
        with Server({"MAIL": half}) as server:
            status, told = self.user.send(server.port)
        self.assertEqual(status, 75, told)

    def test_kilobytes_in_one_line(self):
        with Server({"MAIL": "250 " + "x" * 100_000}) as server:
            self.assertEqual(self.user.send(server.port)[0], 76)

    def test_silence_has_a_limit(self):
        for word in ["", "MAIL", "."]:
            with self.subTest(word), Server({word: SILENCE}) as server:
                status, told = self.user.send(server.port, "--timeout", "2s")
                self.assertEqual(status, 75, told)
                self.assertIn("no answer within 2s", told)

    def test_a_server_that_drips_has_the_same_limit(self):
        def drip(connection):
            for octet in b"250 this takes a very long time":
                connection.sendall(bytes([octet]))
                if self.dripping.wait(0.2):
                    break
            return CLOSE
        self.dripping = threading.Event()
        self.addCleanup(self.dripping.set)
        with Server({"MAIL": drip}) as server:
            status, told = self.user.send(server.port, "--timeout", "2s")
        self.assertEqual(status, 75, told)
        self.assertIn("no answer within 2s", told)

    def test_nobody_answers(self):
        with full_port() as port:
            status, told = self.user.send(port, "--timeout", "2s")
        self.assertEqual(status, 75, told)
        self.assertRegex(told, "cannot be reached: .*no answer in time")
        self.assertEqual(self.user.names(".json"), [], "what was never reached is not taken to the background")

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        status, told = self.user.send(port)
        self.assertEqual(status, 75, told)
        self.assertIn("refused", told)


class BadInput(SendTest):
    def refused_before_connecting(self, status, words, **more):
        with Server() as server:
            got, told = self.user.run("send", *[str(server.port) if word == "PORT" else word for word in words], **more)
            self.assertEqual(got, status, told)
            self.assertEqual(server.connections, 0)
        return told

    def test_addresses(self):
        letter = self.user.file("letter.txt", "x\n")
        for sender, to in [("alice@example.org\r\nRCPT TO:<eve@x.test>", "bob@x.test"), ("alice@example.org", "bob@x.test\n"),
                           ("alice@example.org", "bob"), ("alice", "bob@x.test"), ("alice@example.org", "a\x00b@x.test"[:1]),
                           ("alice@example.org", "b\x7f@x.test"), ("alice@example.org", ""), ("alice@example.org", "<>")]:
            with self.subTest(sender=sender, to=to):
                self.refused_before_connecting(65, [sender, "s", letter, "127.0.0.1", to, "PORT"])

    def test_files(self):
        for path in ["/does/not/exist", "/", "/proc/self/mem"]:
            for words in (["s", path], ["s", "/dev/null", "--attach", path]):
                told = self.refused_before_connecting(66, ["a@b.test", *words, "127.0.0.1", "c@d.test", "PORT"])
                self.assertIn(path, told)

    def test_a_file_of_somebody_else(self):
        letter = self.user.file("letter.txt", "x\n")
        os.chmod(letter, 0)
        self.user.folder.chmod(0o755)
        as_another = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        told = self.refused_before_connecting(66, ["a@b.test", "s", letter, "127.0.0.1", "c@d.test", "PORT"], **as_another)
        self.assertIn("Permission denied", told)

    def test_usage(self):
        letter = self.user.file("letter.txt", "x\n")
        for words in [["a@b.test"], ["a@b.test", "s", letter, "127.0.0.1", "c@d.test", "99999"],
                      ["--tls", "perhaps", "a@b.test", "s", letter, "127.0.0.1", "c@d.test", "PORT"],
                      ["--expire", "soon", "a@b.test", "s", letter, "127.0.0.1", "c@d.test", "PORT"],
                      ["--user", "x", "a@b.test", "s", letter, "127.0.0.1", "c@d.test", "PORT"], ["--frobnicate"]]:
            with self.subTest(words=words):
                self.refused_before_connecting(64, words)

    def test_unknown_host(self):
        letter = self.user.file("letter.txt", "x\n")
        status, told = self.user.run("send", "a@b.test", "s", letter, "no-such-host.invalid", "c@d.test")
        self.assertEqual(status, 68, told)

    def test_a_subject_with_line_breaks_stays_one_field(self):
        letter = self.user.file("letter.txt", "x\n")
        with Server() as server:
            status, told = self.user.run("send", "a@b.test", "one\r\nBcc: eve@x.test\r\n\r\ntwo", letter, "127.0.0.1", "c@d.test",
                                         server.port)
            self.assertEqual(status, 0, told)
            self.assertNotIn(b"\r\nBcc:", server.texts[0])


class Messages(SendTest):
    def sent(self, content, *options, name="letter.txt", script=None, **more):
        with Server(script) as server:
            status, told = self.user.send(server.port, *options, file=self.user.file(name, content), **more)
            self.assertEqual(status, 0, told)
            self.raw = server.texts[-1]
            self.commands = server.commands
            return self.parsed(server)

    def test_a_plain_text(self):
        message = self.sent("Hello\n.\n..two\nno end")
        for name in ["Date", "Message-ID", "From", "To", "Subject", "MIME-Version"]:
            self.assertEqual(len(message.get_all(name, [])), 1, name)
        self.assertEqual(message.get_content_charset(), "us-ascii")
        self.assertTrue(self.raw.endswith(b"\r\n\r\nHello\r\n..\r\n...two\r\nno end\r\n"), self.raw)

    def test_an_empty_file(self):
        self.assertTrue(self.sent("").get_content().strip() == "")

    def test_utf8_by_8bitmime_and_without(self):
        text = "Grüße aus Köln, wo es heute wieder einmal regnet\n"
        self.assertEqual(self.sent(text)["Content-Transfer-Encoding"], "8bit")
        self.assertIn("BODY=8BITMIME", self.commands[1])
        message = self.sent(text, script={"EHLO": "250 mx"})
        self.assertEqual(message["Content-Transfer-Encoding"], "quoted-printable")
        self.assertTrue(self.raw.isascii())
        self.assertEqual(message.get_content().replace("\r\n", "\n"), text)

    def test_latin1(self):
        message = self.sent("Grüße\n".encode("latin-1"))
        self.assertEqual(message.get_content_charset(), "iso-8859-1")
        self.assertEqual(message.get_content().strip(), "Grüße")

    def test_long_lines_are_folded(self):
        message = self.sent("x" * 5_000 + "\n")
        self.assertLess(max(map(len, self.raw.split(b"\r\n"))), 998)
        self.assertEqual(message.get_content().strip(), "x" * 5_000)

    def test_binary(self):
        octets = bytes(range(256)) * 300
        message = self.sent(octets, name="picture.png")
        self.assertEqual(message.get_content_type(), "image/png")
        self.assertEqual(message.get_filename(), "picture.png")
        self.assertEqual(message.get_payload(decode=True), octets)

    def test_attachments(self):
        name = "a \"strange\"\nnäme.bin"
        extra = self.user.file(name, b"\x00\x01\x02")
        message = self.sent("see there\n", "--attach", extra)
        self.assertEqual(message.get_content_type(), "multipart/mixed")
        text, attached = message.iter_parts()
        self.assertEqual(text.get_content().strip(), "see there")
        self.assertEqual(attached.get_payload(decode=True), b"\x00\x01\x02")
        self.assertEqual(attached.get_filename().replace("\n", ""), name.replace("\n", ""))

    def test_the_subject_is_encoded(self):
        letter = self.user.file("letter.txt", "x\n")
        with Server() as server:
            self.user.run("send", "Älice <alice@example.org>", "Grüße 漢字", letter, "127.0.0.1", "bob@example.test", server.port)
            self.assertTrue(server.texts[0].isascii())
            self.assertEqual(self.parsed(server)["Subject"], "Grüße 漢字")
            self.assertEqual(str(self.parsed(server)["From"]), "Älice <alice@example.org>")

    def test_standard_input(self):
        with Server() as server:
            status, told = self.user.send(server.port, file="-", text=b"from a pipe\n")
            self.assertEqual(status, 0, told)
            self.assertIn(b"from a pipe\r\n", server.texts[0])

    def test_a_complete_message_is_sent_as_it_is(self):
        self.sent("From: x@y.test\nSubject: mine\n\n.dot\nbare\rreturn", "--body-as-is")
        self.assertEqual(self.raw, b"From: x@y.test\r\nSubject: mine\r\n\r\n..dot\r\nbare\r\nreturn\r\n")

    def test_a_large_file_in_bounded_memory(self):
        self.sent("small")
        small_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        path = self.user.folder / "huge.txt"
        with open(path, "wb") as file:
            for _ in range(24):
                file.write((b"y" * 78 + b"\n") * 13_000)
        with Server() as server:
            status, told = self.user.send(server.port, "--quiet", file=str(path))
            self.assertEqual(status, 0, told)
            self.assertGreater(len(server.texts[0]), 24 * 78 * 13_000)
        large_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.assertLess(large_kib - small_kib, 12 << 10, "a file of 24 MiB takes no more than its pieces")


class Background(SendTest):
    GREYLIST = "450 4.2.0 <bob@example.test>: Recipient address rejected: Greylisted"

    def test_a_refusal_for_now_goes_to_the_background_and_succeeds(self):
        with Server({"RCPT": [self.GREYLIST, self.GREYLIST, "250 ok"]}) as server:
            # A host by its name: it is looked up again by the process that goes on in the background.
            status, told = self.user.run("send", "-4", "--retry-after", "1s", "alice@example.org", "Hello",
                                         self.user.file("l.txt", "Grüße\n"), "localhost", "bob@example.test", server.port)
            self.assertEqual(status, 0, told)
            self.assertIn("[ERROR 4yz]", told)
            self.assertRegex(told, r"background process \d+ tries again in 1s")
            wait_until(lambda: server.texts, what="the mail arrives")
            wait_until(lambda: not self.user.names(".json"), what="the entry goes")
            self.assertEqual(self.parsed(server).get_content().strip(), "Grüße")
        self.assertEqual(server.connections, 3)
        wait_until(lambda: "delivered to localhost after 3 attempts" in self.user.logs())
        self.assertEqual(self.user.names(".eml"), [])

    def test_each_step_can_ask_to_come_back(self):
        for word in ["", "EHLO", "MAIL", "RCPT", "DATA", "."]:
            with self.subTest(word), Server({word: ["451 4.3.0 later", "250 ok"]}) as server:
                status, told = self.user.send(server.port, "--retry-after", "1h")
                self.assertEqual(status, 0, told)
                self.assertIn("[ERROR 4yz]", told)
                (name,) = self.user.names(".json")
                self.assertEqual(self.user.run("send", "--cancel", name)[0], 0)
                self.assertEqual(self.user.names(".json"), [])

    def test_the_time_that_the_server_names(self):
        with Server({"RCPT": "450 4.2.0 Greylisted, try again in 300 seconds"}) as server:
            self.assertIn("in 5m", self.user.send(server.port)[1])
            self.assertIn("in 7m", self.user.send(server.port, "--retry-after", "7m")[1])

    def test_twenty_minutes_otherwise(self):
        with Server({"RCPT": "450 4.2.0 busy"}) as server:
            self.assertIn("in 20m", self.user.send(server.port)[1])

    def test_a_refusal_for_good_ends_it(self):
        with Server({"RCPT": [self.GREYLIST, "550 5.1.1 nobody"]}) as server:
            self.assertEqual(self.user.send(server.port, "--retry-after", "1s")[0], 0)
            wait_until(lambda: "550 5.1.1 nobody" in self.user.logs() and "not delivered" in self.user.logs())
        listed = json.loads(wait_until(lambda: self.user.run("send", "--list", "--json")[1]))
        self.assertEqual([entry["recipients"][0]["status"] for entry in listed], ["refused"])

    def test_it_expires(self):
        with Server({"RCPT": self.GREYLIST}) as server:
            self.assertEqual(self.user.send(server.port, "--retry-after", "1s", "--expire", "2s")[0], 0)
            wait_until(lambda: "given up after 2s" in self.user.logs())

    def test_foreground_waits(self):
        with Server({"RCPT": [self.GREYLIST, "250 ok"]}) as server:
            status, told = self.user.send(server.port, "--foreground", "--retry-after", "1s")
            self.assertEqual(status, 0, told)
        with Server({"RCPT": [self.GREYLIST, "550 5.1.1 nobody"]}) as server:
            self.assertEqual(self.user.send(server.port, "--foreground", "--retry-after", "1s")[0], 69)
        with Server({"RCPT": self.GREYLIST}) as server:
            status, told = self.user.send(server.port, "--foreground", "--retry-after", "1s", "--expire", "2s")
            self.assertEqual(status, 75, told)
            self.assertIn("Greylisted", told.splitlines()[-1])

    def test_one_refused_for_good_one_for_now(self):
        with Server({"RCPT": ["550 5.1.1 nobody", self.GREYLIST, "250 ok"]}) as server:
            status, told = self.user.send(server.port, "--retry-after", "1s", "--to", "carol@example.test")
            self.assertEqual(status, 69, told)
            self.assertIn("refuses the message for good: 550 5.1.1 nobody", told)
            wait_until(lambda: server.texts, what="the other one gets it")
        self.assertEqual(server.commands.count("RCPT TO:<bob@example.test>"), 1)

    def test_list_and_resume_after_a_kill(self):
        with Server({"RCPT": [self.GREYLIST, "250 ok"]}) as server:
            _, told = self.user.send(server.port, "--retry-after", "2s")
            os.kill(int(re.search(r"background process (\d+)", told)[1]), signal.SIGKILL)
            (entry,) = json.loads(self.user.run("send", "--list", "--json")[1])
            self.assertEqual((entry["state"], entry["recipients"][0]["address"]), ("stopped", "bob@example.test"))
            status, told = self.user.run("send", "--resume")
            self.assertEqual(status, 0, told)
            self.assertEqual(self.user.run("send", "--resume")[1], "", "there is one already")
            wait_until(lambda: not self.user.names(".json"), what="it is delivered")
            self.assertEqual(len(server.texts), 1)

    def test_a_hangup_does_not_end_it(self):
        with Server({"RCPT": [self.GREYLIST, "250 ok"]}) as server:
            _, told = self.user.send(server.port, "--retry-after", "1s")
            pid = int(re.search(r"background process (\d+)", told)[1])
            self.assertEqual(os.getsid(pid), pid, "a session of its own")
            os.kill(pid, signal.SIGHUP)
            wait_until(lambda: server.texts, what="the mail arrives")

    def test_secrets_are_not_kept(self):
        secret = self.user.file("password", "correct horse\n")
        script = {"EHLO": "250-mx\r\n250 AUTH PLAIN", "AUTH": "235 ok", "RCPT": self.GREYLIST}
        with Server(script) as server:
            status, told = self.user.send(server.port, "--user", "alice", "--password-file", secret)
        self.assertEqual(status, 0, told)
        kept = b"".join(path.read_bytes() for path in self.user.entries.iterdir())
        self.assertIn(secret.encode(), kept)
        for form in [b"correct horse", b"AGFsaWNlAGNvcnJlY3QgaG9yc2U="]:
            self.assertNotIn(form, kept)
            self.assertNotIn(form.decode(), told)

    def test_a_folder_that_cannot_be_written(self):
        blocked = self.user.file("blocked", "a file where a folder should be")
        with Server({"RCPT": self.GREYLIST}) as server:
            status, told = self.user.send(server.port, environment={"XDG_STATE_HOME": blocked})
        self.assertEqual(status, 75, told)
        self.assertIn("cannot be kept", told)

    def test_a_full_disk(self):
        letter = self.user.file("letter.txt", "x\n" * 100_000)
        with Server({"RCPT": self.GREYLIST}) as server:
            status, told = self.user.send(server.port, file=letter, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (50_000, 50_000)))
        self.assertEqual(status, 75, told)
        self.assertIn("cannot be kept", told)
        self.assertEqual(list(self.user.entries.iterdir()), [])

    def on_a_small_disk(self, script, port, *options, file=None):
        """Sends with the state folder on a file system of 64 KiB of its own; `script` runs there afterwards, with the status in $1."""
        folder = self.user.state / "posthorn/send"
        folder.mkdir(parents=True)
        rights = ["--map-root-user"] if os.geteuid() != 0 else []
        words = ["unshare", "--mount", *rights, "--propagation", "private", "sh", "-c",
                 f'mount -t tmpfs -o size=64k tmpfs "$0" && cd "$0" && {{ "$@"; set -- $?; {script}; }}', str(folder), program(), "send",
                 *options, "alice@example.org", "Full", file or self.user.file("l.txt", "x\n"), "127.0.0.1", "bob@example.test", str(port)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False, env=self.user.environment)
        return done.returncode, done.stdout.decode()

    def test_no_room_for_what_must_be_kept(self):
        letter = self.user.file("letter.txt", "x\n" * 100_000)
        with Server({"RCPT": self.GREYLIST}) as server:
            status, told = self.on_a_small_disk('ls -A; exit "$1"', server.port, file=letter)
        self.assertEqual(status, 75, told)
        self.assertIn("cannot be kept for another attempt", told)
        self.assertIn("No space left on device", told)
        self.assertTrue(told.endswith("or use --foreground\n"), f"nothing is left in the folder:\n{told}")

    def test_a_disk_that_is_full_later_stops_no_mail(self):
        """Neither the entry nor the log can be written any more; the mail is tried again all the same, and the entry goes."""
        fill = 'dd if=/dev/zero of=fill bs=1k 2> /dev/null; timeout 60 sh -c "while ls *.json > /dev/null 2>&1; do sleep 0.1; done"; ls -A'
        with Server({"RCPT": [self.GREYLIST, self.GREYLIST, self.GREYLIST, "250 ok"]}) as server:
            status, told = self.on_a_small_disk(fill, server.port, "--retry-after", "1s")
            pid = re.search(r"background process (\d+)", told)
            self.assertTrue(pid, told)
            self.addCleanup(self.end, int(pid[1]))
            self.assertEqual(status, 0, told)
            self.assertEqual(len(server.texts), 1, told)
        self.assertEqual({name.rsplit(".", 1)[-1] for name in told.splitlines()[-2:]}, {"fill", "log"}, told)

    @staticmethod
    def end(pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as words:
                ours = b"posthorn" in words.read()
        except FileNotFoundError:
            return
        if ours:
            os.kill(pid, signal.SIGKILL)

    def test_two_at_once(self):
        with Server({"RCPT": [self.GREYLIST, self.GREYLIST, "250 ok"]}) as server:
            letter = self.user.file("letter.txt", "x\n")
            sends = [threading.Thread(target=self.user.send, args=(server.port, "--retry-after", "1s"), kwargs={"file": letter})
                     for _ in range(2)]
            for each in sends:
                each.start()
            for each in sends:
                each.join()
            wait_until(lambda: len(server.texts) == 2, what="both arrive")

    def test_nobody_looks(self):
        read, write = os.pipe()
        os.close(read)
        with Server() as server, os.fdopen(write, "wb") as closed:
            done = subprocess.run([program(), "send", "a@b.test", "s", self.user.file("l", "x\n"), "127.0.0.1", "c@d.test",
                                   str(server.port)], stdout=closed, stderr=subprocess.PIPE, env=self.user.environment, check=False)
            self.assertEqual((done.returncode, len(server.texts)), (0, 1), done.stderr)


if __name__ == "__main__":
    unittest.main()
