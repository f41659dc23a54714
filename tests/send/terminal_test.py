#!/usr/bin/env python3
"""The programs of a person at a terminal: a bar for large files, colours and when there are none, and a logout in the middle of it,
on pseudo terminals."""
import contextlib
import os
import pty
import re
import select
import socket
import subprocess
import threading
import time
import unittest

from scripted import CLOSE, Server, User, program, wait_until

BAR = re.compile(r"\r\[(#*)(\.*)\] +(\d+) % of (\d+) MiB")
MIB = 1 << 20


class Terminal:
    """A pseudo terminal; what is written there is read until nobody holds it any more."""

    def __init__(self):
        self.ours, self.theirs = pty.openpty()
        self.told = b""

    def read_until(self, claim, seconds=60):
        deadline = time.monotonic() + seconds
        while not claim(self.text()):
            assert time.monotonic() < deadline, f"not within {seconds} s, but\n{self.text()}"
            if not select.select([self.ours], [], [], 0.1)[0]:
                continue
            try:
                self.told += os.read(self.ours, 65_536)
            except OSError:  # nobody is left on the other side
                return claim(self.text())
        return True

    def text(self):
        return self.told.decode(errors="replace")

    def hang_up(self):
        for end in ("ours", "theirs"):
            if getattr(self, end) is not None:
                os.close(getattr(self, end))
                setattr(self, end, None)

    def leave_to_the_program(self):
        os.close(self.theirs)
        self.theirs = None


class OnATerminal(unittest.TestCase):
    def setUp(self):
        self.user = User()
        self.addCleanup(self.user.remove)
        self.terminal = Terminal()
        self.addCleanup(self.terminal.hang_up)

    @contextlib.contextmanager
    def running(self, *words, before=(), **streams):
        environment = {**self.user.environment, "TERM": "xterm", **streams.pop("environment", {})}
        where = {"stdin": self.terminal.theirs, "stdout": self.terminal.theirs, "stderr": self.terminal.theirs, **streams}
        process = subprocess.Popen([*before, program(), *map(str, words)], env=environment, **where)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    def shown(self, *words, status=0, **streams):
        """All that the terminal got."""
        with self.running(*words, **streams) as process:
            self.terminal.leave_to_the_program()
            self.terminal.read_until(lambda _: process.poll() is not None and not select.select([self.terminal.ours], [], [], 0)[0])
            self.assertEqual(process.wait(60), status, self.terminal.text())
        return self.terminal.text()

    def words(self, server, *options, octets=3 * MIB):
        path = self.user.folder / "text.txt"
        path.write_bytes((b"x" * 63 + b"\n") * (octets // 64))
        return ("send", *options, "alice@example.org", "Large", path, "127.0.0.1", "bob@example.test", server.port)

    def test_a_bar_grows_while_a_large_file_is_sent(self):
        with Server() as server:
            told = self.shown(*self.words(server))
        bars = BAR.findall(told)
        percents = [int(percent) for _, _, percent, _ in bars]
        self.assertGreater(len(bars), 5, told)
        self.assertEqual(percents, sorted(set(percents)), "each once, and none after a later one")
        self.assertEqual(percents[-1], 100)
        self.assertEqual({len(done) + len(left) for done, left, _, _ in bars}, {30})
        self.assertTrue(all(len(done) == 30 * percent // 100 for (done, _, _, _), percent in zip(bars, percents)))
        self.assertEqual({int(size) for *_, size in bars}, {3})
        # It is gone when the conversation goes on.
        after = told[told.rindex(" % of "):]
        self.assertRegex(after, r"\A % of 3 MiB\r *\r>>> \(\d+ octets of text\)\r\n")

    def test_the_bar_goes_when_the_connection_is_lost(self):
        def taken_in_part(connection):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)  # so that most of it is still to be sent
            connection.sendall(b"354 go on\r\n")
            left = MIB
            while left > 0 and (octets := connection.recv(min(left, 65_536))):
                left -= len(octets)
            return CLOSE
        with Server({"DATA": taken_in_part}) as server:
            told = self.shown(*self.words(server, octets=8 * MIB), status=75, environment={"NO_COLOR": "1"})
        self.assertTrue(BAR.search(told), told)
        lines = told.replace("\r\n", "\n").split("\n")
        self.assertEqual([line for line in lines if line.rstrip().endswith("MiB")], [], told)
        self.assertRegex(lines[-2], r"\Aposthorn: the conversation with .* broke off")

    def test_no_bar_where_none_belongs(self):
        with Server() as server:
            read, write = os.pipe()
            with os.fdopen(read, "rb") as pipe:
                with self.running(*self.words(server), stdout=write, stderr=write) as process:
                    os.close(write)
                    told = pipe.read().decode()
                    self.assertEqual(process.wait(60), 0, told)
        self.assertNotRegex(told, r"[\r\x1b%]")

    def test_no_bar_for_what_is_small(self):
        with Server() as server:
            self.assertNotIn("%", self.shown(*self.words(server, octets=100_000)))

    def test_no_bar_when_quiet(self):
        with Server() as server:
            self.assertEqual(self.shown(*self.words(server, "--quiet")), "")

    def test_the_bar_is_the_terminals_alone(self):
        """The dialogue goes to a file; the bar does not."""
        with Server() as server, open(self.user.folder / "out", "wb") as out:
            told = self.shown(*self.words(server), stdout=out)
        self.assertTrue(BAR.search(told), told)
        self.assertNotIn("<<<", told)
        self.assertNotRegex((self.user.folder / "out").read_text(), r"[\r\x1b%]")

    def test_colours(self):
        with Server() as server:
            told = self.shown(*self.words(server, octets=64))
        self.assertIn("\x1b[1m[START]\x1b[0m", told)

    def test_no_colours_where_they_are_not_wanted(self):
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.terminal.hang_up()
            self.terminal = Terminal()
            self.addCleanup(self.terminal.hang_up)
            with self.subTest(environment=environment), Server() as server:
                told = self.shown(*self.words(server), environment=environment)
                self.assertNotIn("\x1b", told)
                self.assertIn("[START]", told)

    def test_what_a_server_says_cannot_work_the_terminal(self):
        with Server({"": b"220 \x1b]0;title\x07\x9b31m\x1b[2J\rhidden\r\n", "RCPT": "550 \x1b[8m"}) as server:
            for words in (self.words(server, octets=64), ("probe", "127.0.0.1", "--port", server.port, "--timeout", "30s")):
                self.terminal.hang_up()
                self.terminal = Terminal()
                self.addCleanup(self.terminal.hang_up)
                told = self.shown(*words, status=69, environment={"NO_COLOR": "1"})
                self.assertNotRegex(told.replace("\r\n", "\n"), "[\x00-\x09\x0b-\x1f\x7f-\x9f]")

    def test_a_logout_does_not_end_the_background(self):
        """A session on a terminal, which is hung up: the shell dies of it, the background process tries again and succeeds."""
        logged_out = threading.Event()
        with Server({"RCPT": lambda _: "250 ok" if logged_out.is_set() else "450 4.2.0 Greylisted"}) as server:
            words = [program(), *map(str, self.words(server, "--retry-after", "1s", octets=64))]
            shell = ["setsid", "--ctty", "--wait", "sh", "-c", '"$@" && echo READY $$ && exec sleep 600', "sh", *words]
            process = subprocess.Popen(shell, stdin=self.terminal.theirs, stdout=self.terminal.theirs, stderr=self.terminal.theirs,
                                       env=self.user.environment)
            try:
                self.terminal.leave_to_the_program()
                self.terminal.read_until(lambda told: "READY" in told)
                self.terminal.hang_up()
                process.wait(60)  # of the hangup
                logged_out.set()
                wait_until(lambda: server.texts, 60, "the mail arrives after the logout")
                wait_until(lambda: "delivered to 127.0.0.1 after" in self.user.logs(), 60, self.user.logs())
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()


if __name__ == "__main__":
    unittest.main()
