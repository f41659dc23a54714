"""Mail servers that do what a script says, one connection after another, for tests of `posthorn send` and `posthorn probe`; and
the program itself, run with a state folder of its own.

A script maps a command's first word to what is answered: a text (CRLF is added), bytes as they are, a list of answers for one
call after another, or a callable that gets the connection. "" is the greeting, "." the end of the text.
"""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
USUAL = {
    "": "220 mx.example.test ESMTP",
    "EHLO": "250-mx.example.test\r\n250 8BITMIME",
    "HELO": "250 mx.example.test",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    ".": "250 2.0.0 taken",
    "RSET": "250 2.0.0 ok",
    "NOOP": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}
CLOSE = object()  # instead of an answer: the connection is closed
SILENCE = object()  # nothing is answered; the connection stays


def program():
    return os.environ.get("POSTHORN") or str(ROOT / "build/posthorn")


class Server:
    """`with Server({"RCPT": ["450 4.2.0 Greylisted", "250 ok"]}) as server:` then server.port, server.commands, server.texts."""

    def __init__(self, script=None, address="127.0.0.1", port=0, context=None, implicit=False):
        """`context`: TLS by STARTTLS, or from the first byte."""
        self.script = {**USUAL, **(script or {})}
        self.context, self.implicit = context, implicit
        self.commands = []
        self.texts = []
        self.connections = 0
        self.ended = threading.Event()
        self.listening = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)

    def accept(self):
        while not self.ended.is_set():
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            with self.context.wrap_socket(connection, server_side=True) if self.implicit else connection as stream:
                if self.answer(stream, "") is not None:
                    self.talk(stream)

    def talk(self, connection):
        with connection.makefile("rb") as lines:
            while line := lines.readline():
                text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
                self.commands.append(text)
                word = text.split(" ")[0].upper()
                reply = self.answer(connection, word)
                if reply is None:
                    return
                if word == "DATA" and reply.startswith(b"3"):
                    self.texts.append(self.read_text(lines))
                    if self.answer(connection, ".") is None:
                        return
                if word == "STARTTLS" and reply.startswith(b"220") and self.context:
                    with self.context.wrap_socket(connection, server_side=True) as encrypted:
                        return self.talk(encrypted)
                if word == "QUIT":
                    return

    @staticmethod
    def read_text(lines):
        text = []
        while (line := lines.readline()) not in (b".\r\n", b""):
            text.append(line)
        return b"".join(text)

    def answer(self, connection, word):
        """What was said; None: the conversation is over."""
        what = self.script.get(word, "502 5.5.1 not known")
        if isinstance(what, list):
            what = what.pop(0) if len(what) > 1 else what[0]
        if callable(what):
            what = what(connection)
        if what is CLOSE or what is None:
            return None
        if what is SILENCE:
            self.ended.wait(60)
            return None
        reply = what if isinstance(what, bytes) else what.encode() + b"\r\n"
        connection.sendall(reply)
        return reply

    def words(self):
        return [command.split(" ")[0] for command in self.commands]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


class User:
    """Somebody who runs the program: a folder for files and state, removed at the end with every process it left behind."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-send-"))
        self.state = self.folder / "state"
        self.environment = {**os.environ, "XDG_STATE_HOME": str(self.state), "POSTHORN_CONFIG": str(self.folder / "none.toml"),
                            "HOME": str(self.folder)}

    @property
    def entries(self):
        return self.state / "posthorn/send"

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def run(self, *words, text=None, seconds=120, environment=None, **options):
        """Status, standard output and standard error together with their order kept."""
        done = subprocess.run([program(), *map(str, words)], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=seconds, check=False, env={**self.environment, **(environment or {})}, **options)
        return done.returncode, done.stdout.decode(errors="surrogateescape")

    def send(self, port, *options, file=None, to="bob@example.test", sender="alice@example.org", **more):
        path = file or self.file("letter.txt", "Hello Bob\n")
        return self.run("send", *options, sender, "The subject", path, "127.0.0.1", to, port, **more)

    def logs(self):
        return "".join(path.read_text() for path in sorted(self.entries.glob("*.log")))

    def names(self, ending):
        return sorted(path.stem for path in self.entries.glob("*" + ending)) if self.entries.is_dir() else []

    def processes(self):
        """Background processes of this user, found by the locks they hold."""
        import json
        status, told = self.run("send", "--list", "--json")
        assert status == 0, told
        return [entry["id"] for entry in json.loads(told) if entry["state"] == "waiting"]

    def remove(self):
        for name in self.names(".json"):
            self.run("send", "--cancel", name)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def full_port():
    """A port whose queue of connections is full: who connects hears nothing at all, as behind a firewall that drops."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(listening.getsockname())
        yield listening.getsockname()[1]


def wait_until(claim, seconds=60, what="", step=0.05):
    deadline = time.monotonic() + seconds
    while not (value := claim()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(step)
    return value
