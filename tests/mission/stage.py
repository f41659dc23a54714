"""What the tests of the mission share: the helpers of tests/program and tests/interop, a name server whose zones lead to sinks on
loopback, and a watcher that sees what happens in a folder."""
import ctypes
import os
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "program"))
import rig  # noqa: E402  (finds tests/interop, too)

import harness  # noqa: E402,F401
import name_server  # noqa: E402
import namespaces  # noqa: E402,F401
import sink  # noqa: E402
from rig import Client, wait_until  # noqa: E402,F401

FAR = "far.test"
ZONES = {"far.test.": "mx1 A 127.0.2.1\nmx2 A 127.0.2.2\n@ MX 10 mx1\n@ MX 20 mx2\n", "other.test.": "@ MX 10 mx2.far.test.\n"}


class World:
    """Other servers for a test: their names in DNS, and sinks for 127.0.2.1 and .2. `settings` lead there."""

    def __init__(self, test, cleanup="addCleanup"):
        """`cleanup`: the method of the test that takes what is to be done at the end."""
        at_end = getattr(test, cleanup)
        (self.port,) = harness.free_ports(1)
        self.names = name_server.NameServer(ZONES).start()
        at_end(self.names.stop)
        self.sinks = [sink.Sink(f"127.0.2.{number}", self.port) for number in (1, 2)]
        for each in self.sinks:
            at_end(each.close)
        self.settings = {
            "dns": self.names.settings(),
            "remote": {"port": self.port, "allow_loopback": True, "connect_timeout": "5s", "tls": "none"},
            "queue": {"retry": ["1s"]},
        }

    def wait_for(self, number, *recipients, told=str):
        """Sink `number` has taken mail for all of these."""
        taken = self.sinks[number - 1]
        wait_until(lambda: set(recipients) <= set(taken.recipients()), 30, f"mail for {recipients} at sink {number}", describe=told)


class FolderWatch:
    """inotify on some folders: what was created in them and what moved from one to another, in order."""

    CREATE, FROM, TO = 0x100, 0x40, 0x80

    def __init__(self, *folders):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self.libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self.folders = {}
        for folder in folders:
            watch = self.libc.inotify_add_watch(self.descriptor, os.fsencode(folder), self.CREATE | self.FROM | self.TO)
            assert watch >= 0, folder
            self.folders[watch] = pathlib.Path(folder).name

    def events(self):
        """[(what, folder, name, cookie), …]; a move has one cookie in both of its events."""
        try:
            octets = os.read(self.descriptor, 1 << 20)
        except BlockingIOError:
            return []
        found, place = [], 0
        while place < len(octets):
            watch, mask, cookie, length = struct.unpack_from("iIII", octets, place)
            name = octets[place + 16 : place + 16 + length].rstrip(b"\0").decode()
            what = {self.CREATE: "create", self.FROM: "from", self.TO: "to"}.get(mask & 0x1C0, "?")
            found.append((what, self.folders[watch], name, cookie))
            place += 16 + length
        return found

    def close(self):
        os.close(self.descriptor)
