#!/usr/bin/env python3
"""Mission E, the event-loop server: one test for each of its sentences, on the real program with one worker."""
import os
import pathlib
import resource
import select
import signal
import socket
import subprocess
import time
import unittest

import stage
from stage import Client, harness, rig, wait_until

ONE_WORKER = {"limits": {"threads": 1, "connections_per_address": 10_000, "connections": 10_000}}


def loops_of(pid):
    """The threads of the server that are event loops, besides the first."""
    engine = rig.engine_of(pid)
    return [name for task in pathlib.Path(f"/proc/{engine}/task").iterdir() if (name := (task / "comm").read_text().strip()) == "loop"]


class OneWorker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Posthorn(users=["alice", "bob"], settings=ONE_WORKER).start()
        cls.addClassCleanup(cls.server.remove)
        cls.addClassCleanup(cls.server.stop)

    def client(self):
        return Client(self.server.port("mx"))

    def test_one_worker_one_loop_many_clients_at_once_in_one_process(self):
        self.assertEqual(loops_of(self.server.process.pid), [])
        clients = [self.client().__enter__() for _ in range(50)]
        for each in clients:
            self.addCleanup(each.socket.close)
            each.data("bob@example.test")
        with self.client() as quick:
            quick.deliver("alice@example.test")
        for each in clients:
            self.assertTrue(each.ask(b"Subject: x\r\n\r\nx\r\n.\r\n").startswith("250"))
        self.server.wait_for_mail("bob", 50, 60)

    def test_a_few_thousand_slow_clients_on_that_one_loop(self):
        """They send their greeting octet by octet; who is quick meanwhile is served at once, and all of them in the end."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(3000, hard - 500)
        self.assertGreaterEqual(count, 1000, "descriptors of the test itself")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        slow = []
        for _ in range(count):
            slow.append(socket.create_connection(("127.0.0.1", self.server.port("mx")), 60))
            self.addCleanup(slow[-1].close)
        for octet in b"EHLO slow":
            for each in slow:
                each.send(bytes([octet]))
            begun = time.monotonic()
            with self.client() as quick:
                quick.deliver("alice@example.test")
            self.assertLess(time.monotonic() - begun, 20)
        for each in slow:
            each.send(b"\r\n")
        self.assertEqual(self.unanswered(slow, 120), 0, "all are answered")

    @staticmethod
    def unanswered(sockets, seconds):
        """How many have not heard the last line of the answer to EHLO by then."""
        poll, by_number, said = select.epoll(), {each.fileno(): each for each in sockets}, {}
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        deadline = time.monotonic() + seconds
        while by_number and time.monotonic() < deadline:
            for number, _ in poll.poll(1):
                said[number] = said.get(number, b"") + by_number[number].recv(65536)
                if b"\r\n250 " in said[number]:
                    poll.unregister(number)
                    del by_number[number]
        poll.close()
        return len(by_number)

    def test_a_command_that_does_not_fit_the_state_gets_503_and_changes_nothing(self):
        """START, INIT, MAIL_STARTED, RCPT_RECEIVED, DATA_RECEIVING, CLOSED."""
        steps = (("EHLO me.other.test", ("MAIL FROM:<a@other.test>", "RCPT TO:<alice@example.test>", "DATA")),
                 ("MAIL FROM:<a@other.test>", ("RCPT TO:<alice@example.test>", "DATA")),
                 ("RCPT TO:<alice@example.test>", ("DATA", "MAIL FROM:<b@other.test>")),
                 ("DATA", ("MAIL FROM:<b@other.test>",)))
        with self.server.one_more("alice") as arrived, self.client() as client:
            for right, wrong in steps:
                for command in wrong:
                    self.assertTrue(client.ask(command).startswith("503"), command)
                self.assertRegex(client.ask(right), "^(250|354)", right)
            self.assertTrue(client.ask(b"Subject: x\r\n\r\nx\r\n.\r\n").startswith("250"))
        self.assertTrue(arrived().startswith(b"Return-Path: <a@other.test>\n"))

    def test_commands_and_help_with_and_without_argument(self):
        with self.client() as client:
            for command, code in (("HELO me.other.test", "250"), ("EHLO me.other.test", "250"), ("HELP", "214"), ("HELP MAIL", "214"),
                                  ("VRFY alice", "252"), ("RSET", "250"), ("NOOP", "250"), ("QUIT", "221")):
                self.assertTrue(client.ask(command).startswith(code), command)

    def test_several_transactions_per_session(self):
        before = len(self.server.names("bob"))
        with self.client() as client:
            for _ in range(3):
                client.deliver("bob@example.test")
            client.ask("MAIL FROM:<a@other.test>")
            client.ask("RSET")
            client.deliver("bob@example.test")
        self.server.wait_for_mail("bob", before + 4)

    def test_ehlo_lists_the_extensions(self):
        with self.client() as client:
            words = [line[4:].split(" ")[0] for line in client.hello().splitlines()[1:]]
        for extension in ("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES"):
            self.assertIn(extension, words)

    def test_501_for_a_missing_argument_and_550_for_an_unknown_user(self):
        with self.client() as client:
            for command in ("HELO", "EHLO"):
                self.assertTrue(client.ask(command).startswith("501"), command)
            client.hello()
            for command in ("MAIL", "MAIL FROM:", "VRFY"):
                self.assertTrue(client.ask(command).startswith("501"), command)
            client.ask("MAIL FROM:<a@other.test>")
            for command in ("RCPT", "RCPT TO:"):
                self.assertTrue(client.ask(command).startswith("501"), command)
            self.assertTrue(client.ask("RCPT TO:<nobody@example.test>").startswith("550 5.1.1"))

    def test_storage_is_one_root_with_cur_new_and_tmp_for_each_user(self):
        with self.server.one_more("bob"), self.client() as client:
            client.deliver("bob@example.test")
        self.assertEqual(sorted(path.name for path in (self.server.mail / "bob").iterdir()), ["cur", "new", "tmp"])


class Life(unittest.TestCase):
    def server(self, **settings):
        made = harness.Posthorn(settings={**ONE_WORKER, **settings})
        self.addCleanup(made.remove)
        return made

    def test_logging_is_a_process_of_its_own_and_the_loop_never_waits_for_it(self):
        with self.server(log={"level": "debug"}) as server:
            log = rig.log_process_of(server.process.pid)
            self.assertIsNotNone(log, "a process named posthorn-log")
            os.kill(log, signal.SIGSTOP)
            try:
                with Client(server.port("mx")) as client:
                    for _ in range(20):
                        client.deliver("alice@example.test")
                server.wait_for_mail("alice", 20)
            finally:
                os.kill(log, signal.SIGCONT)
            wait_until(lambda: server.errors.read_text().count("message.accepted") == 20, 20, "20 lines", describe=server.told)

    def test_554_when_a_session_is_refused_at_connection(self):
        made = self.server()
        made.settings["listener"][0]["refuse_from"] = ["127.0.0.2/32"]
        made.config.write_text(harness.toml(made.settings))
        with made as server:
            with Client(server.port("mx"), source="127.0.0.2") as client:
                self.assertTrue(client.greeting.startswith("554"), client.greeting)
                self.assertTrue(client.ask("EHLO me.other.test").startswith("503"))
                self.assertTrue(client.ask("QUIT").startswith("221"))
            with Client(server.port("mx")) as client:
                client.deliver("alice@example.test")

    def test_421_when_a_session_times_out(self):
        with self.server(limits={**ONE_WORKER["limits"], "command_timeout": "1s"}) as server, Client(server.port("mx")) as client:
            client.hello()
            self.assertTrue(client.hear().startswith("421 4.4.2"))
            self.assertEqual(client.rest(), "")

    def test_421_when_the_server_stops(self):
        with self.server() as server, Client(server.port("mx")) as client:
            client.hello()
            server.signal(signal.SIGTERM)
            self.assertTrue(client.hear().startswith("421 4.3.2"))
            self.assertEqual(server.process.wait(harness.END_SECONDS), 0)

    def test_configuration_names_host_root_and_debug(self):
        for debug in (False, True):
            settings = {"hostname": "other.example.test", "log": {"level": "debug" if debug else "info"}}
            with self.server(**settings) as server, Client(server.port("mx")) as client:
                self.assertTrue(client.greeting.startswith("220 other.example.test"))
                client.deliver("alice@example.test")
                server.wait_for_mail("alice", 1)
                wait_until(lambda each=server: "message.accepted" in each.told(), 10, "the log", describe=server.told)
                self.assertEqual(" debug " in server.told(), debug, server.told())

    def test_a_configuration_that_cannot_be_loaded_ends_the_program_cleanly_with_the_reason(self):
        for text, reason in (('hostname = "x', "posthorn.toml:1:"), ("no_such_key = 1", "no_such_key"), ("[limits]\nthreads = -1", "threads"),
                             ('[mailbox]\nroot = 5', "root"), ('[mailbox]\nformat = "mbx"', "mbox")):
            made = self.server()
            made.config.write_text(text)
            done = subprocess.run([harness.program(), "serve", "-c", made.config], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn(reason, done.stderr)
            self.assertIn(str(made.config), done.stderr)
        done = subprocess.run([harness.program(), "serve", "-c", "/nowhere/posthorn.toml"], capture_output=True, text=True, timeout=60, check=False)
        self.assertIn(done.returncode, (66, 78), done.stderr)
        self.assertIn("/nowhere/posthorn.toml", done.stderr)


class OtherServers(unittest.TestCase):
    """Two programs: one takes mail in and hands it over as files, the other sends what it finds."""

    def setUp(self):
        self.world = stage.World(self)
        self.front = harness.Posthorn(settings={"mailbox": {"other_servers": "files"}})
        self.back = harness.Posthorn(settings=self.world.settings)
        for each in (self.front, self.back):
            self.addCleanup(each.remove)
            each.start()
            self.addCleanup(lambda server=each: server.process.poll() is None and server.stop())
        self.place = self.front.mail / ".OTHER_SERVERS"

    def hand_over(self, *recipients, text=b"Subject: away\r\n\r\n..dots\r\n"):
        known = len(self.letters())
        with Client(self.front.port("relay")) as client:
            client.deliver(*recipients, text=text)
        wait_until(lambda: len(self.letters()) > known, 20, "a letter", describe=self.front.told)

    def letters(self):
        return sorted(path for path in self.place.glob("*/*") if path.is_file())

    def run_import(self, *options, status=0):
        done = subprocess.run([harness.program(), "queue", "import-folder", str(self.front.mail), "-c", str(self.back.config), *options],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, status, (done.stdout, done.stderr, self.back.told()))
        return done.stdout, done.stderr

    def test_mail_for_other_servers_is_one_folder_per_server_with_error_beside_the_letters(self):
        self.hand_over("bob@far.test", "carl@other.test")
        wait_until(lambda: len(self.letters()) == 2, 20, "two letters", describe=self.front.told)
        self.assertEqual(sorted(path.name for path in self.place.iterdir() if path.is_dir()), ["far.test", "other.test"])
        for server in ("far.test", "other.test"):
            self.assertTrue((self.place / server / "error").is_dir())

    def test_a_separate_sender_picks_it_up(self):
        self.hand_over("bob@far.test", "dora@far.test")
        told, _ = self.run_import()
        self.assertEqual(told, "sent 1, waiting 0, set aside 0\n")
        self.assertEqual(self.letters(), [])
        self.world.wait_for(1, "bob@far.test", "dora@far.test", told=self.back.told)
        (letter,) = self.world.sinks[0].letters
        self.assertTrue(letter.text.endswith(b"Subject: away\r\n\r\n.dots\r\n"), letter.text)
        self.assertNotIn(b"X-Envelope-To", letter.text)
        self.assertEqual(self.run_import("--json")[0], '{"sent":0,"waiting":0,"set_aside":0}\n')

    def test_letters_are_not_given_to_the_server_that_files_them(self):
        self.hand_over("bob@far.test")
        done = subprocess.run([harness.program(), "queue", "import-folder", str(self.front.mail), "-c", str(self.front.config)],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 78, (done.stdout, done.stderr))
        self.assertIn("--server", done.stderr)
        self.assertEqual(len(self.letters()), 1)

    def test_a_folder_that_is_not_there_is_no_empty_one(self):
        nowhere = str(self.front.mail / "not-there")
        done = subprocess.run([harness.program(), "queue", "import-folder", nowhere, "-c", str(self.back.config)],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual((done.returncode, done.stdout), (66, ""), done.stderr)
        self.assertIn(nowhere, done.stderr)

    def test_what_cannot_be_sent_is_set_aside_and_what_must_wait_waits(self):
        self.hand_over("bob@far.test")
        broken = self.place / "far.test" / "9.broken"
        broken.write_text("no letter\n")
        self.back.stop()
        _, why = self.run_import(status=75)
        self.assertIn("waits", why)
        self.assertEqual([path.name for path in (self.place / "far.test/error").iterdir()], ["9.broken"])
        self.assertEqual(len(self.letters()), 1)
        self.back.start()
        self.run_import()
        self.world.wait_for(1, "bob@far.test", told=self.back.told)

    def test_who_is_refused_for_good_is_set_aside_and_the_others_are_sent(self):
        """The second program is a mere receiver for one of the domains."""
        self.hand_over("alice@far.test", "nobody@far.test", "bob@far.test")
        receiver = harness.Posthorn(users=["alice", "bob"], roles=("mx",), domains=["far.test"])
        self.addCleanup(receiver.remove)
        receiver.start()
        self.addCleanup(receiver.stop)
        _, why = self.run_import("--server", f"127.0.0.1:{receiver.port('mx')}", status=69)
        self.assertIn("5.1.1", why)
        self.assertEqual(self.letters(), [])
        (aside,) = (self.place / "far.test/error").iterdir()
        lines = aside.read_text().splitlines()
        self.assertEqual(lines[:2], ["Return-Path: <carol@other.test>", "X-Envelope-To: nobody@far.test"])
        self.assertTrue(lines[2].startswith("Received: "), lines)
        for user in ("alice", "bob"):
            receiver.wait_for_mail(user, 1)

    def test_only_one_sender_at_a_time(self):
        self.hand_over("bob@far.test")
        script = f"import fcntl, sys; f = open('{self.place}/.lock', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
        with subprocess.Popen(["python3", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            self.assertEqual(holder.stdout.readline(), "held\n")
            self.run_import(status=75)
            holder.communicate("")
        self.assertEqual(len(self.letters()), 1)


if __name__ == "__main__":
    unittest.main()
