#!/usr/bin/env python3
"""`posthorn send` when something happens meanwhile: a file that changes while it is sent, a disk that is full, an entry that is cancelled
while it is tried, two who resume at once, a power cut; and names that are no UTF-8."""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import threading
import time
import unittest

from scripted import Server, User, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402

GREYLIST = "450 4.2.0 Greylisted"


class Trouble(unittest.TestCase):
    def setUp(self):
        self.user = User()
        self.addCleanup(self.user.remove)

    def stopped_entry(self, server, *options):
        """An entry in the background whose process was killed, as by a power cut."""
        status, told = self.user.send(server.port, *options)
        self.assertEqual(status, 0, told)
        os.kill(int(re.search(r"background process (\d+)", told)[1]), signal.SIGKILL)
        (name,) = self.user.names(".json")
        wait_until(lambda: not self.user.processes(), what="the process has ended")
        return name


class ChangingFile(Trouble):
    TEXT = b"one line of it\n" * 20_000

    def changed(self, change, *options):
        """The file is changed by this when DATA has come: between its first reading and its last."""
        letter = pathlib.Path(self.user.file("letter.txt", self.TEXT))

        def on_data(_):
            change(letter)
            return "354 go on"
        with Server({"DATA": on_data}) as server:
            status, told = self.user.send(server.port, *options, file=str(letter))
        return status, told, server

    def test_what_changes_while_it_is_sent_is_not_delivered(self):
        def overwrite(letter):
            with open(letter, "r+b") as file:
                file.seek(len(self.TEXT) // 2)
                file.write(b"ONE")

        for change in (lambda letter: os.truncate(letter, 150_000), lambda letter: os.truncate(letter, 0), overwrite):
            for options in ((), ("--body-as-is",)):
                with self.subTest(options=options):
                    status, told, server = self.changed(change, *options)
                    self.assertEqual(status, 74, told)
                    self.assertRegex(told, r"letter\.txt: it was changed while it was read")
                    self.assertNotIn(">>> .\n", told)
                    self.assertEqual(self.user.names(".json"), [])

    def test_a_file_of_the_kernels_that_changes_all_the_time(self):
        with Server() as server:
            status, told = self.user.send(server.port, file="/proc/uptime")
        self.assertEqual(status, 0, told)
        self.assertRegex(server.texts[0], rb"\r\n\r\n[0-9.]+ [0-9.]+\r\n$")

    def test_what_is_appended_or_replaced_is_sent_as_it_was(self):
        def append(letter):  # as to a log
            with open(letter, "ab") as file:
                file.write(b"one more\n" * 20_000)
        def replace(letter):
            fresh = letter.with_suffix(".new")
            fresh.write_bytes(b"another\n")
            fresh.rename(letter)
        for change in (append, replace):
            status, told, server = self.changed(change)
            self.assertEqual(status, 0, told)
            self.assertTrue(server.texts[0].endswith(self.TEXT.replace(b"\n", b"\r\n")))


class Names(Trouble):
    def test_a_password_file_whose_name_is_no_utf8(self):
        path = os.fsencode(self.user.folder) + b"/p\xe4ssword"
        with open(path, "wb") as file:
            file.write(b"opensesame\n")
        script = {"EHLO": "250-mx.example.test\r\n250 AUTH PLAIN", "AUTH": "235 ok", "RCPT": [GREYLIST, "250 ok"]}
        with Server(script) as server:
            status, told = self.user.send(server.port, "--user", b"\xe4lice".decode(errors="surrogateescape"), "--password-file",
                                          os.fsdecode(path), "--retry-after", "1s")
            self.assertEqual(status, 0, told)
            wait_until(lambda: server.texts, 60, "the second attempt logs in, too")
        self.assertEqual(len({command for command in server.commands if command.startswith("AUTH")}), 1, "the same login")
        wait_until(lambda: not self.user.names(".json"), what="the entry goes")


class Queue(Trouble):
    def test_a_queue_that_asks_to_come_back(self):
        with Server({"MAIL": ["452 4.3.1 no room", "250 ok"]}) as server:
            self.user.file("c.toml", harness.toml({"listener": [{"address": [f"127.0.0.1:{server.port}"], "role": "relay"}]}))
            letter = self.user.file("letter.txt", "by the queue\n")
            for environment, words in ((str(self.user.folder / "c.toml"), ()), ("c.toml", ()), (None, ("-c", "c.toml"))):
                with self.subTest(environment=environment):
                    self.user.environment["POSTHORN_CONFIG"] = environment or str(self.user.folder / "none.toml")
                    server.script["MAIL"] = ["452 4.3.1 no room", "250 ok"]
                    del server.texts[:]
                    status, told = self.user.run("send", "--via-queue", "--retry-after", "1s", *words, "bob@example.test", "Queued", letter, "-",
                                                 "alice@example.test", cwd=self.user.folder)
                    self.assertEqual(status, 0, told)
                    wait_until(lambda: server.texts, 60, "the background finds the queue again")
                    wait_until(lambda: not self.user.names(".json"), what="the entry goes")


class Cancel(Trouble):
    def cancelled_in_an_attempt(self, answer):
        """The second attempt is cancelled when RCPT has come."""
        attempts, go_on = [], threading.Event()

        def on_rcpt(_):
            attempts.append(1)
            if len(attempts) == 1:
                return GREYLIST
            go_on.wait(60)
            return answer
        self.addCleanup(go_on.set)
        with Server({"RCPT": on_rcpt}) as server:
            status, told = self.user.send(server.port, "--retry-after", "1s")
            self.assertEqual(status, 0, told)
            (name,) = self.user.names(".json")
            wait_until(lambda: len(attempts) == 2, what="the second attempt")
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                cancelling = pool.submit(self.user.run, "send", "--cancel", name)
                wait_until(lambda: self.user.names(".cancel"), what="it is asked to end")
                go_on.set()
                self.assertEqual(cancelling.result()[0], 0, cancelling.result()[1])
            wait_until(lambda: not self.user.processes(), what="the process has ended")
        self.assertEqual([path.name for path in self.user.entries.iterdir()], [name + ".log"], self.user.logs())
        return server

    def test_before_it_is_refused_again(self):
        self.assertEqual(self.cancelled_in_an_attempt(GREYLIST).texts, [])

    def test_before_it_is_refused_for_good(self):
        self.assertEqual(self.cancelled_in_an_attempt("550 5.1.1 nobody").texts, [])
        self.assertIn("550 5.1.1 nobody", self.user.logs())

    def test_before_it_is_taken(self):
        self.assertEqual(len(self.cancelled_in_an_attempt("250 ok").texts), 1)
        self.assertIn("delivered to 127.0.0.1 after 2 attempts", self.user.logs())

    def test_where_nothing_can_be_written(self):
        """As on a disk without a free inode."""
        with Server({"RCPT": GREYLIST}) as server:
            name = self.stopped_entry(server)
        (self.user.entries / f"{name}.cancel.d").mkdir()
        (self.user.entries / f"{name}.cancel").symlink_to("nowhere/at/all")
        self.assertEqual(self.user.run("send", "--cancel", name)[0], 0)
        self.assertEqual(self.user.names(".json") + self.user.names(".eml"), [])
        shutil.rmtree(self.user.entries / f"{name}.cancel.d")


class Resume(Trouble):
    def test_many_at_once(self):
        with Server({"RCPT": [GREYLIST, "250 ok"]}) as server:
            for _ in range(3):
                with self.subTest():
                    server.script["RCPT"] = [GREYLIST, "250 ok"]
                    del server.texts[:]
                    self.stopped_entry(server, "--retry-after", "3s")
                    with concurrent.futures.ThreadPoolExecutor(4) as pool:
                        resumed = list(pool.map(lambda words: self.user.run("send", *words), [("--resume",), ("--list",), ("--resume",), ("--resume",)]))
                    self.assertEqual([status for status, _ in resumed], [0] * 4, resumed)
                    self.assertEqual("".join(told for _, told in resumed).count("background process"), 1, resumed)
                    wait_until(lambda: not self.user.names(".json"), what="it is delivered")
                    self.assertEqual(len(server.texts), 1)

    def test_after_a_reboot_in_the_middle_of_writing(self):
        """What a power cut leaves half written is no entry, and goes with the next one."""
        self.user.entries.mkdir(parents=True)
        for name in ("abcdef22.eml", "abcdef22.new", "abcdef33.lock", "abcdef44.cancel"):
            (self.user.entries / name).write_text("Subject: half")
            past = time.time() - 3 * 86_400
            os.utime(self.user.entries / name, (past, past))
        (self.user.entries / "abcdef55.eml").write_text("of an entry that is just being made")
        (self.user.entries / "notes.txt").write_text("somebody else's")
        self.assertEqual(self.user.run("send", "--resume"), (0, ""))
        self.assertEqual(json.loads(self.user.run("send", "--list", "--json")[1]), [])
        with Server({"RCPT": GREYLIST}) as server:
            self.assertEqual(self.user.send(server.port)[0], 0)
        left = {path.name for path in self.user.entries.iterdir() if not path.name.startswith(self.user.names(".json")[0])}
        self.assertEqual(left, {"abcdef55.eml", "notes.txt"})


if __name__ == "__main__":
    unittest.main()
