#!/usr/bin/env python3
"""The spool on a file system of 256 MiB that fills up (FAULTS F5): mail is refused with 452 while there is still room to finish what
was accepted; all of that is delivered from the reserve; mail is taken again within five seconds of room.

Runs itself in a mount namespace of its own, where it mounts the file system."""
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
import ledger  # noqa: E402

INSIDE = "POSTHORN_SMALL_DISK"
SIZE = 256 << 20
STRANGERS = 176 << 20  # what others keep there
MESSAGE = 1 << 20
SEED = 11
ROOM_SECONDS = 5
SETTINGS = {"log": {"level": "warning"}, "limits": {"message_size": "4MiB"}, "queue": {"retry": ["1s"]}}


def enter_namespace():
    """This program again, where mounting is allowed and nobody else sees it."""
    rights = ["--map-root-user"] if os.geteuid() != 0 else []
    command = ["unshare", "--mount", *rights, "--propagation", "private", sys.executable, *sys.argv]
    os.execvpe(command[0], command, {**os.environ, INSIDE: "1"})


class SmallDisk(unittest.TestCase):
    def setUp(self):
        self.server = self.make_server(paused=True)
        self.addCleanup(self.server.remove)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", self.server.state], check=True)
        self.addCleanup(subprocess.run, ["umount", self.server.state], check=False)
        with open(self.server.state / "of-somebody-else", "wb") as other:
            os.posix_fallocate(other.fileno(), 0, STRANGERS)
        self.book = ledger.Ledger(SEED)

    def make_server(self, paused, folder=None):
        queue = {**SETTINGS["queue"], "paused": paused}
        return harness.Posthorn(users=["alice"], roles=("mx",), folder=folder, settings={**SETTINGS, "queue": queue})

    def free(self):
        facts = os.statvfs(self.server.state)
        return facts.f_bavail * facts.f_frsize

    def refused_with(self):
        return {reply for reply in self.book.replies if reply[0] not in "23"}

    def test_it_is_refused_in_time_finished_and_taken_again(self):
        self.server.start()
        accepted = ledger.Sender(self.book, self.server.port("mx")).send(1000, MESSAGE)
        self.assertGreater(accepted * MESSAGE, (SIZE - STRANGERS) // 2, self.server.told())
        self.assertEqual(self.refused_with(), {"452"}, self.server.told())
        self.assertGreater(self.free(), MESSAGE, "refused before it was full")
        self.server.stop()

        # What was accepted is finished, though nothing more is taken; then there is room.
        second = self.make_server(paused=False, folder=self.server.folder)
        second.start()
        try:
            second.wait_for_mail("alice", accepted, 40)
            self.assertLess(self.seconds_until_taken(second), ROOM_SECONDS, second.told())
            second.wait_for_mail("alice", accepted + 1)
        finally:
            second.stop()
        self.assertEqual(list(self.book.faults_of(second.delivered("alice"))), [])
        print(f"{accepted} messages of 1 MiB were taken and delivered on a file system of 256 MiB")

    def seconds_until_taken(self, server):
        start = time.monotonic()
        while ledger.Sender(self.book, server.port("mx")).send(1, 1000) == 0:
            if time.monotonic() - start > 4 * ROOM_SECONDS:
                break
            time.sleep(0.1)
        return time.monotonic() - start


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter_namespace()
    unittest.main()
