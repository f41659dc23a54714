"""Starts the real program for a test or a measurement: a state folder of its own, free ports on loopback, a configuration
made from a few words, its readiness line awaited, its end checked. Standard library only.

  with Posthorn(users=["alice"]) as server:
      smtplib.SMTP("127.0.0.1", server.port("mx"))
      server.wait_for_mail("alice", 1)
"""
import atexit
import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 30
END_SECONDS = 12  # the server promises 10 (FAULTS F31)


def program():
    """The program under test: $POSTHORN, or what make build made."""
    return pathlib.Path(os.environ.get("POSTHORN") or ROOT / "build/posthorn")


def any_certificate():
    """A client's TLS that takes whatever certificate a server shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


NOT_EPHEMERAL = range(10_000, 32_768)  # no connection that goes out takes one of these (ip_local_port_range)


def free_ports(count):
    """Ports of loopback that nobody uses now, and that no outgoing connection takes before a server binds them."""
    with contextlib.ExitStack() as stack:
        ports = []
        while len(ports) < count:
            port = random.choice(NOT_EPHEMERAL)
            try:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    stack.enter_context(socket.socket(type=kind)).bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
        return ports


def wait_until(claim, seconds, what, step=0.02, describe=str):
    """What `claim()` returned once it held; fails when it does not hold in time, with what `describe()` tells."""
    deadline = time.monotonic() + seconds
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}\n{describe()}")
        time.sleep(step)


@contextlib.contextmanager
def more_told(tell):
    """What fails within the block says more."""
    try:
        yield
    except AssertionError as fault:
        raise AssertionError(f"{fault}\n--- the server\n{tell()}") from fault


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(each) for each in value) + "]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def toml(settings):
    """TOML of a dict: plain values, then a dict as a table, a list of dicts as an array of tables."""
    plain = {key: value for key, value in settings.items() if not is_table(value)}
    lines = [f"{key} = {toml_value(value)}" for key, value in plain.items()]
    for name, table in settings.items():
        if not is_table(table):
            continue
        head = f"[{name}]" if isinstance(table, dict) else f"[[{name}]]"
        for one in [table] if isinstance(table, dict) else table:
            lines += ["", head] + [f"{key} = {toml_value(value)}" for key, value in one.items()]
    return "\n".join(lines) + "\n"


def is_table(value):
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


class Posthorn:
    """One server. `settings` are merged over the test's own: tables key by key, everything else replaced. With `account` (as
    root only) the server is to become that account, which then owns its folders."""

    def __init__(self, users=("alice",), roles=("mx", "relay"), domains=("example.test",), settings=None, folder=None,
                 wrapper=(), account="", options=()):
        self.own_folder = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="posthorn-test-"))
        self.state = self.folder / "state"
        self.mail = self.folder / "mail"
        self.config = self.folder / "posthorn.toml"
        self.errors = self.folder / "stderr"
        self.wrapper = list(wrapper)
        self.options = list(options)  # of `serve`
        self.ports = dict(zip(roles, free_ports(len(roles))))
        self.domains = list(domains)
        self.process = None
        for place in (self.state, self.mail):
            place.mkdir(parents=True, exist_ok=True)
        (self.folder / "users").write_text("".join(f"{user}\n" for user in users))
        (self.folder / "aliases").touch()
        if account:
            self.give_folders_to(account)
        self.settings = self.merged({**self.basic_settings(), "process": {"user": account}}, settings or {})
        self.config.write_text(toml(self.settings))

    def basic_settings(self):
        return {
            "hostname": "mx.example.test",
            "domains": self.domains,
            "state": str(self.state),
            "listener": [
                {"address": [f"127.0.0.1:{port}"], "role": role, "tls": "none"} for role, port in self.ports.items()
            ],
            "mailbox": {"root": str(self.mail), "users": str(self.folder / "users"), "aliases": str(self.folder / "aliases")},
        }

    def give_folders_to(self, account):
        self.folder.chmod(0o755)
        for place in (self.state, self.mail):
            shutil.chown(place, account)

    @staticmethod
    def merged(below, above):
        both = dict(below)
        for key, value in above.items():
            both[key] = {**below[key], **value} if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        return both

    def start(self):
        with open(self.errors, "ab") as errors:
            start = errors.tell()
            self.process = subprocess.Popen(
                [*self.wrapper, str(program()), "serve", "-c", str(self.config), *self.options],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True,
            )
        atexit.register(self.end_what_is_left)
        wait_until(lambda: self.is_ready(start), START_SECONDS, f"readiness line in {self.errors}")
        return self

    def is_ready(self, start):
        told = self.errors.read_bytes()[start:]
        if any(line.startswith(b"posthorn ready") for line in told.splitlines()):
            return True
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{told.decode(errors='replace')}")
        return False

    def port(self, role):
        return self.ports[role]

    def pid(self):
        """Of the program itself, also behind a wrapper such as strace."""
        if not self.wrapper:
            return self.process.pid
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def signal(self, number):
        os.kill(self.pid(), number)

    def kill(self):
        """SIGKILL to every process of the server at once: the group it leads."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end_what_is_left(self):
        """A test that failed leaves no server behind."""
        if self.process.poll() is None:
            self.kill()

    def stop(self):
        """An orderly end: SIGTERM, then status 0 in time."""
        self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {END_SECONDS} s of SIGTERM\n{self.told()}") from None
        assert status == 0, f"ended with {status} after SIGTERM\n{self.told()}"

    def told(self):
        return self.errors.read_text(errors="replace")[-8000:]

    def names(self, user):
        """The file names in a user's Maildir/new, sorted."""
        folder = self.mail / user / "new"
        return sorted(os.listdir(folder)) if folder.is_dir() else []

    def delivered(self, user):
        """The messages there, as bytes, in the order of their names."""
        return [(self.mail / user / "new" / name).read_bytes() for name in self.names(user)]

    def wait_for_mail(self, user, count, seconds=20):
        """At least so many messages of the user's, or a failure that shows what the server said."""
        with contextlib.suppress(AssertionError):
            wait_until(lambda: len(self.names(user)) >= count, seconds, "mail")
            return self.delivered(user)
        raise AssertionError(f"{len(self.names(user))} of {count} messages for {user} after {seconds} s\n{self.told()}")

    @contextlib.contextmanager
    def one_more(self, user):
        """Within the block exactly one message is sent to the user; after it, `arrived()` is that message, with LF ends."""
        before = set(self.names(user))
        yield lambda: (self.mail / user / "new" / next(iter(set(self.names(user)) - before))).read_bytes().replace(b"\r\n", b"\n")
        self.wait_for_mail(user, len(before) + 1)

    def remove(self):
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, fault, trace):
        if self.process.poll() is None:
            if kind is None:
                self.stop()
            else:
                self.kill()
                print(self.told())
        self.remove()
