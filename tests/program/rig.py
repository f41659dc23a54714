"""What the tests of the running program share: the harness of tests/interop, a client that sends exactly the bytes it is
told, and what /proc says of a process. Standard library only."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402

from harness import wait_until  # noqa: E402,F401

PATIENCE = 20  # seconds for an answer that should come at once


class Client:
    """One SMTP conversation, byte by byte. `with Client(port) as client:` has heard the greeting."""

    def __init__(self, port, host="127.0.0.1", source=None):
        self.socket = socket.create_connection((host, port), PATIENCE, source_address=source and (source, 0))
        self.buffer = b""

    def __enter__(self):
        self.greeting = self.hear()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def read_more(self):
        """False: the server has closed."""
        try:
            more = self.socket.recv(65536)
        except ConnectionResetError:
            more = b""
        self.buffer += more
        return bool(more)

    def line(self):
        while b"\n" not in self.buffer:
            if not self.read_more():
                raise EOFError(f"the server closed after {self.buffer!r}")
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), f"a reply line ends with CR LF: {line!r}"
        return line[:-1].decode("ascii")

    def hear(self):
        """One reply: its lines joined by a line feed."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        assert all(re.match(r"[2345]\d\d[ -]", line) and line[:3] == lines[0][:3] for line in lines), lines
        return "\n".join(lines)

    def ask(self, command):
        """Sends a line, hears a reply."""
        self.send(command.encode() + b"\r\n" if isinstance(command, str) else command)
        return self.hear()

    def rest(self):
        """All that is said until the server closes."""
        while self.read_more():
            pass
        said, self.buffer = self.buffer, b""
        return said.decode("ascii")

    def codes_until_close(self):
        return [int(line[:3]) for line in self.rest().splitlines() if line[3:4] != "-"]

    def hello(self):
        return self.ask("EHLO client.other.test")

    def begin(self, *recipients, sender="carol@other.test"):
        """EHLO, MAIL, RCPT …: what was said last."""
        said = [self.hello(), self.ask(f"MAIL FROM:<{sender}>")]
        said += [self.ask(f"RCPT TO:<{each}>") for each in recipients or ("alice@example.test",)]
        assert all(each.startswith("250") for each in said), said
        return said[-1]

    def data(self, *recipients):
        self.begin(*recipients)
        said = self.ask("DATA")
        assert said.startswith("354"), said

    def deliver(self, *recipients, text=b"Subject: hello\r\n\r\nhello\r\n"):
        self.data(*recipients)
        said = self.ask(text + b".\r\n")
        assert said.startswith("250"), said
        return said

    def be_refused(self, count):
        """So many recipients elsewhere, each of which makes a long line in the log."""
        self.hello()
        self.ask("MAIL FROM:<carol@other.test>")
        words = b"RCPT TO:<" + b"x" * 60 + b"@" + (b"y" * 60 + b".") * 3 + b"test>\r\n"
        for _ in range(0, count, 100):
            self.send(words * 100)
            for _ in range(100):
                said = self.hear()
                assert said.startswith("550"), said


def status_of(pid):
    """/proc/PID/status as a dict of texts."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def resident_octets(pid):
    return int(status_of(pid)["VmRSS"].split()[0]) * 1024


def processor_seconds(pid):
    """User and system time of all its threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def children_of(pid):
    children = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        children += [int(each) for each in (task / "children").read_text().split()]
    return children


def descriptors_of(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def name_of(pid):
    """Empty for a process that is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Program:
    """`posthorn serve` with exactly these arguments, in a folder of its own that has users, state and mail; for what
    harness.Posthorn decides itself. `prefix` runs before the program and must end in exec (ip netns exec, setpriv, …)."""

    def __init__(self, arguments=(), configuration="", users=("alice",), prefix=(), environment=None, folder=None):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="posthorn-test-"))
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        self.mail, self.state = self.folder / "mail", self.folder / "state"
        (self.folder / "users").write_text("".join(f"{user}\n" for user in users))
        (self.folder / "aliases").touch()
        self.config = self.folder / "posthorn.toml"
        self.config.write_text(configuration.replace("FOLDER", str(self.folder)))
        self.errors = self.folder / "stderr"
        self.command = [*prefix, str(harness.program()), "serve", "-c", str(self.config),
                        *[str(each).replace("FOLDER", str(self.folder)) for each in arguments]]
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def begin(self, **options):
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                                            env=self.environment, start_new_session=True, **options)
        return self

    def told(self):
        return self.errors.read_text(errors="replace") if self.errors.exists() else ""

    def ready_line(self):
        """What stands after "posthorn ready", once it does."""
        def look():
            for line in self.told().splitlines():
                if line.startswith("posthorn ready"):
                    return line
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.told()}")
            return None
        return wait_until(look, harness.START_SECONDS, "the readiness line", describe=self.told)

    def status(self, seconds=harness.START_SECONDS):
        """The exit status of a start that is to fail, or of an end that is under way."""
        return self.process.wait(seconds)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(harness.END_SECONDS)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def names(self, user):
        place = self.mail / user / "new"
        return sorted(os.listdir(place)) if place.is_dir() else []

    def __enter__(self):
        self.begin()
        try:
            self.ready_line()
        except BaseException:
            self.__exit__(AssertionError)
            raise
        return self

    def __exit__(self, kind=None, *_):
        if self.process.poll() is None:
            if kind is None:
                status = self.stop()
                assert status == 0, f"ended with {status}\n{self.told()}"
            else:
                self.kill()
                print(self.told()[-6000:])
        shutil.rmtree(self.folder, ignore_errors=True)


def family_of(pid):
    """The process and all that it started, and they."""
    members = [pid]
    for each in members:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            members += children_of(each)
    return members


def engine_of(pid):
    """The process that does the work."""
    return next(each for each in family_of(pid) if name_of(each) == "posthorn-engine")


def log_process_of(pid):
    return next((each for each in family_of(pid) if name_of(each) == "posthorn-log"), None)
