"""The servers that make bench measures, each with durable settings and a queue of its own: Posthorn, the minimal durable
server, and Postfix unpacked beside. start() returns when port 220-greets; stop() ends exactly the processes it started."""
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "tools"), str(ROOT / "tests/interop")]
import harness  # noqa: E402
import peers  # noqa: E402

USERS = [f"user{number}" for number in range(10)]
DOMAIN = "bench.test"
RELAY_DOMAIN = "relay.test"
DESTINATIONS = 100


def greets(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.settimeout(2)
        return connection.recv(100).startswith(b"220")
    return False


class Server:
    """What the rows need of a server. `accept_port` takes mail and keeps it; `deliver_port` takes mail for DOMAIN into Maildirs
    and relays what is for d0.RELAY_DOMAIN, d1.RELAY_DOMAIN, … to the sink, an address of its own each."""

    name = ""
    idle_sessions = 10_000
    to_one_destination = 20  # connections at once, where nothing else is said; Postfix and Posthorn have the same default

    def __init__(self, folder, sink=None):
        self.folder = pathlib.Path(folder) / self.name
        self.process = None
        self.sink = sink
        self.accept_port = self.deliver_port = 0

    def next_hops(self):
        """Domain -> address and port of the sink."""
        if self.sink is None:
            return {}
        return {f"d{number}.{RELAY_DOMAIN}": f"127.0.1.{number + 1}:{self.sink.accept_port}" for number in range(DESTINATIONS)}

    def command(self):
        raise NotImplementedError

    def prepare(self):
        pass

    def environment(self):
        return dict(os.environ)

    def start(self, wrapper=(), port=None):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.accept_port, self.deliver_port = harness.free_ports(2)
        self.accept_port = port or self.accept_port
        self.prepare()
        with open(self.folder / "stderr", "wb") as errors:
            self.process = subprocess.Popen(
                [*wrapper, *map(str, self.command())], env=self.environment(), stdin=subprocess.DEVNULL, stdout=errors,
                stderr=errors, start_new_session=True,
            )
        harness.wait_until(self.is_up, 60, f"{self.name} on port {self.accept_port}")

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended: {(self.folder / 'stderr').read_text(errors='replace')[-2000:]}")
        return greets(self.accept_port)

    def start_again(self):
        """Ends the server and starts it on the queue that it has; the seconds from its start to its greeting."""
        self.end()
        return self.start_on_what_is_there()

    def start_on_what_is_there(self):
        begin = time.monotonic()
        with open(self.folder / "stderr", "ab") as errors:
            self.process = subprocess.Popen(list(map(str, self.command())), env=self.environment(), stdin=subprocess.DEVNULL,
                                            stdout=errors, stderr=errors, start_new_session=True)
        harness.wait_until(self.is_up, 120, f"{self.name} on port {self.accept_port}", step=0.005)
        return time.monotonic() - begin

    def list_command(self):
        """Prints all that waits."""
        raise NotImplementedError

    def listed(self, text):
        """How many messages the last line of a listing says there are."""
        raise NotImplementedError

    def list_queue(self):
        """Seconds and messages."""
        begin = time.monotonic()
        with open(self.folder / "listing", "wb") as out:
            subprocess.run(list(map(str, self.list_command())), env=self.environment(), stdout=out, check=True, timeout=300)
        seconds = time.monotonic() - begin
        text = (self.folder / "listing").read_bytes()[-200:].decode()
        (self.folder / "listing").unlink()
        return seconds, self.listed(text)

    def stop(self):
        if self.process is not None:
            self.end()
            shutil.rmtree(self.folder, ignore_errors=True)

    def end(self):
        processes = descendants(self.process.pid)
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
                break
        for pid in processes[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process = None

    def forget_mail(self):
        """Between rows: the queue may be emptied where that is cheap."""

    def delivered(self):
        return 0

    def pids(self):
        return descendants(self.process.pid)


def descendants(pid):
    """A process and all below it, from the top."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            for task in pathlib.Path(f"/proc/{each}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def count_files(folders):
    return sum(len(os.listdir(folder)) for folder in folders if folder.is_dir())


class Minimal(Server):
    name = "minimal"

    def command(self):
        return [ROOT / "build/bench/minimal_server", self.accept_port, self.folder / "log", 256]


class Sink(Server):
    """Counts what is relayed to it."""

    name = "sink"

    def command(self):
        return [ROOT / "build/bench/sink", self.accept_port]

    def report(self):
        """Messages so far, and how long they were under way: median, 99th percentile, worst, in milliseconds."""
        with socket.create_connection(("127.0.0.1", self.accept_port), 10) as connection, connection.makefile("rwb", 0) as stream:
            stream.readline()
            stream.write(b"HELP\r\n")
            words = stream.readline().split()
        return int(words[1]), *map(float, words[2:5])


class Posthorn(Server):
    """Default settings, but for the limit of connections from one address. `paused` takes mail in and keeps it."""

    name = "posthorn"

    def __init__(self, folder, sink=None, paused=True):
        super().__init__(folder, sink)
        self.paused = paused
        self.server = None
        self.extra_settings, self.extra_words = {}, []

    def prepare(self):
        settings = {
            "queue": {"paused": self.paused, "per_destination": self.to_one_destination},
            "limits": {"connections_per_address": 1000},
            "log": {"file": str(self.folder / "log")},
            "route": [{"domain": [domain], "to": hop, "tls": "none"} for domain, hop in self.next_hops().items()],
            **self.extra_settings,
        }
        self.server = harness.Posthorn(USERS, ("relay",), (DOMAIN,), settings, self.folder)
        self.accept_port = self.deliver_port = self.server.port("relay")

    def command(self):
        return [harness.program(), "serve", "-c", self.server.config, *self.extra_words]

    def list_command(self):
        return [harness.program(), "queue", "list", "--all", "-c", self.server.config]

    def listed(self, text):
        return int(re.search(r"(\d+) messages? for", text)[1])

    def delivered(self):
        return count_files(self.server.mail / user / "new" for user in USERS)


class Postfix(Server):
    """Postfix syncs each queue file before its 250 and each mail file at delivery. On the accept port every mail goes to the
    hold queue, on the other to virtual(8). Nothing is installed: own folders, and accounts that every Debian has."""

    name = "postfix"
    idle_sessions = 300
    owner, group = "daemon", "mail"

    def environment(self):
        return {**peers.environment(peers.root("postfix")), "MAIL_CONFIG": str(self.folder / "etc")}

    def prepare(self):
        owner = pwd.getpwnam(self.owner)
        self.folder.chmod(0o755)
        for name in ("etc", "queue", "data", "mail"):
            (self.folder / name).mkdir()
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "pid",
                     "private", "public", "saved", "trace"):
            folder = self.folder / "queue" / name
            folder.mkdir(mode=0o755 if name in ("pid", "public") else 0o700)
            if name != "pid":
                os.chown(folder, owner.pw_uid, -1)
        for name in ("data", "mail"):
            os.chown(self.folder / name, owner.pw_uid, owner.pw_gid)
        (self.folder / "etc/main.cf").write_text(self.main_settings(owner))
        (self.folder / "etc/master.cf").write_text(self.services())

    def main_settings(self, owner):
        root = peers.root("postfix")
        return "\n".join([
            "compatibility_level = 3.6",
            f"queue_directory = {self.folder}/queue", f"data_directory = {self.folder}/data",
            f"daemon_directory = {root}/usr/lib/postfix/sbin", f"command_directory = {root}/usr/sbin",
            f"shlib_directory = {root}/usr/lib/postfix", f"meta_directory = {root}/etc/postfix",
            "import_environment = MAIL_CONFIG LD_LIBRARY_PATH", f"mail_owner = {self.owner}", f"setgid_group = {self.group}",
            "myhostname = postfix.bench.test", "mydestination =", "alias_maps =", "inet_interfaces = 127.0.0.1",
            "inet_protocols = ipv4", "mynetworks = 127.0.0.0/8", "smtpd_peername_lookup = no", "biff = no",
            "smtpd_client_connection_count_limit = 0", "default_process_limit = 600", "maximal_backoff_time = 1d",
            f"default_destination_concurrency_limit = {self.to_one_destination}",
            f"virtual_mailbox_domains = {DOMAIN}", f"virtual_mailbox_base = {self.folder}/mail",
            "virtual_mailbox_maps = inline:{" + ", ".join(f"{{{user}@{DOMAIN} = {user}/}}" for user in USERS) + "}",
            f"virtual_uid_maps = static:{owner.pw_uid}", f"virtual_gid_maps = static:{owner.pw_gid}",
            "virtual_minimum_uid = 1", "local_header_rewrite_clients =",
            "transport_maps = inline:{" + ", ".join(f"{{{domain} = {self.transport(hop)}}}" for domain, hop in self.next_hops().items()) + "}",
            "",
        ])

    @staticmethod
    def transport(hop):
        address, port = hop.split(":")
        return f"relay:[{address}]:{port}"

    def services(self):
        rows = [
            f"127.0.0.1:{self.accept_port} inet n - n - - smtpd -o smtpd_recipient_restrictions=static:HOLD",
            f"127.0.0.1:{self.deliver_port} inet n - n - - smtpd",
            "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
            "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce",
            "trace unix - - n - 0 bounce", "flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap",
            "smtp unix - - n - - smtp", "relay unix - - n - - smtp", "showq unix n - n - - showq",
            "error unix - - n - - error", "retry unix - - n - - error", "virtual unix - n n - - virtual",
            "local unix - n n - - local", "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache",
        ]
        return "\n".join(rows) + "\n"

    def command(self):
        return [peers.root("postfix") / "usr/lib/postfix/sbin/master", "-c", self.folder / "etc", "-d"]

    def list_command(self):
        return [peers.root("postfix") / "usr/sbin/postqueue", "-c", self.folder / "etc", "-p"]

    def listed(self, text):
        return int(re.search(r" in (\d+) Requests?\.", text)[1])

    def forget_mail(self):
        for path in (self.folder / "queue/hold").rglob("*"):
            if path.is_file():
                path.unlink()

    def delivered(self):
        return count_files(self.folder / "mail" / user / "new" for user in USERS)


def cpu_seconds(pids):
    """Processor time of processes and of their children that have ended."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_kib(pids):
    """Memory that is the processes' own share (PSS), in KiB."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total


def settle(server, seconds=30):
    """Waits until a server has had next to nothing to do for half a second."""
    deadline = time.monotonic() + seconds
    before = cpu_seconds(server.pids())
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = cpu_seconds(server.pids())
        if now - before < 0.02:
            return
        before = now
