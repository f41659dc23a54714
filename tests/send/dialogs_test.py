#!/usr/bin/env python3
"""Plays each dialogs/*.dialog: `posthorn send` or `posthorn probe` against a server that says exactly what stands there and hears
exactly what stands there, and what the user sees of it (dialogs/README.md)."""
import pathlib
import re
import shlex
import socket
import threading
import unittest

from scripted import User, wait_until

FOLDER = pathlib.Path(__file__).resolve().parent / "dialogs"
LIMIT = 60  # seconds of each wait


def pattern(words):
    return re.compile(".*".join(re.escape(part) for part in words.split("*")) + r"\Z", re.S)


def repeated(words):
    """`{600 words}` is the words six hundred times."""
    return re.sub(r"\{(\d+) ([^}]*)\}", lambda found: found[2] * int(found[1]), words)


class Dialog:
    """A file, read: the command, its files, the connections as lists of (kind, words), and what is shown."""

    def __init__(self, path):
        self.command, self.status, self.files = None, 0, {}
        self.connections, self.shown, self.logged, self.hidden = [[]], [], [], []
        name = None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            kind, _, words = line.partition(" ")
            if not line or kind == "#":
                continue
            if kind == "run":
                self.command = shlex.split(words)
            elif kind == "file":
                name = words
                self.files[name] = ""
            elif kind == "|":
                self.files[name] += words + "\n"
            elif kind == "status":
                self.status = int(words)
            elif kind == "again":
                self.connections.append([])
            elif kind in ("shown", "logged", "hidden"):
                getattr(self, kind).append(words)
            elif kind in ("S:", "S-", "C:", "lost", "silence", "closed"):
                self.connections[-1].append((kind, words))
            else:
                raise ValueError(f"{path.name}:{number}: no such line: {line}")


class Stage:
    """The server's side of all connections of a dialogue, one after another."""

    def __init__(self, connections):
        self.connections = connections
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(LIMIT)
        self.port = self.listening.getsockname()[1]
        self.fault = None
        self.thread = threading.Thread(target=self.play, daemon=True)
        self.thread.start()

    def play(self):
        try:
            for steps in self.connections:
                if not steps:
                    continue
                connection, _ = self.listening.accept()
                connection.settimeout(LIMIT)
                with connection, connection.makefile("rb") as lines:
                    self.converse(connection, lines, steps)
        except (OSError, AssertionError) as fault:
            self.fault = f"{type(fault).__name__}: {fault}"
        finally:
            self.listening.close()

    def converse(self, connection, lines, steps):
        skips = False
        for kind, words in steps:
            if kind == "C:" and words == "...":
                skips = True
            elif kind == "C:":
                self.hear(lines, words, skips)
                skips = False
            elif kind in ("S:", "S-"):
                connection.sendall(repeated(words).encode() + (b"\r\n" if kind == "S:" else b""))
            elif kind in ("silence", "closed"):
                rest = lines.read()
                assert rest == b"", f"nothing more was to come, and {rest!r} did"

    @staticmethod
    def hear(lines, words, skips):
        wanted, passed = pattern(words), []
        try:
            while line := lines.readline():
                text = line.decode().removesuffix("\r\n")
                if wanted.match(text):
                    return
                passed.append(text)
                assert skips and text != ".", f"the client says {passed}, and not {words!r}"
        except OSError as fault:
            raise AssertionError(f"the client did not say {words!r}; it said {passed}: {fault}") from fault
        raise AssertionError(f"the client is gone, and did not say {words!r}; it said {passed}")

    def end(self):
        self.thread.join(2 * LIMIT)
        assert not self.thread.is_alive(), "the conversation does not end"
        assert self.fault is None, self.fault


class Dialogs(unittest.TestCase):
    def play(self, path):
        dialog = Dialog(path)
        user = User()
        self.addCleanup(user.remove)
        for name, text in dialog.files.items():
            user.file(name, text)
        stage = Stage(dialog.connections)
        words = [{"SERVER": "127.0.0.1", "PORT": str(stage.port)}.get(word, word) for word in dialog.command]
        if "--timeout" not in words:
            words += ["--timeout", f"{LIMIT}s"]  # the usual ones may be short for a machine under load
        status, told = user.run(*words, cwd=user.folder, seconds=3 * LIMIT)
        if dialog.logged:
            wait_until(lambda: all(pattern(f"*{words}*").search(user.logs()) for words in dialog.logged), LIMIT, told)
        stage.end()
        self.assertEqual(status, dialog.status, told)
        lines = iter(told.splitlines())
        for words in dialog.shown:
            self.assertTrue(any(pattern(repeated(words)).match(line) for line in lines), f"{words!r} is missing, or stands too early, in\n{told}")
        for words in dialog.hidden:
            self.assertFalse(any(pattern(words).match(line) for line in told.splitlines()), f"{words!r} stands in\n{told}")


def test_of(path):
    return lambda self: self.play(path)


FILES = sorted(FOLDER.glob("*.dialog"))
assert FILES, "there are dialogues"
for each in FILES:
    setattr(Dialogs, "test_" + each.stem, test_of(each))

if __name__ == "__main__":
    unittest.main()
