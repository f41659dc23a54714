#!/usr/bin/env python3
"""Faults of the disk, injected by strace into the real program: at each write, sync, and other step of a short history in turn the
call fails with EIO or ENOSPC. The server says no 250 that it cannot keep, stays up or ends with a reason, and what it had
acknowledged is in the mailbox exactly once after an undisturbed restart."""
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
import ledger  # noqa: E402

SEED = 7
MESSAGES = 4
# Which calls fail, with what. The n-th call of each thread fails; n runs until no thread makes an n-th call.
CLASSES = {
    "sync_EIO": ("fdatasync,fsync", "EIO"),
    "sync_ENOSPC": ("fdatasync,fsync", "ENOSPC"),
    "write_EIO": ("pwrite64,pwritev,pwritev2", "EIO"),
    "write_ENOSPC": ("pwrite64,pwritev,pwritev2", "ENOSPC"),
    "create_ENOSPC": ("openat2,fallocate,ftruncate,mkdirat", "ENOSPC"),
    "rename_EIO": ("rename,renameat,renameat2,linkat,unlinkat", "EIO"),
}
MOST_CALLS = 60


class Faults(unittest.TestCase):
    def setUp(self):
        self.template = tempfile.mkdtemp(prefix="posthorn-faults-")
        self.addCleanup(shutil.rmtree, self.template, ignore_errors=True)
        self.make_template()

    def make_template(self):
        """A state that has lived: its segments are made, so that every trial starts at the same calls."""
        server = harness.Posthorn(users=["alice"], roles=("mx",), folder=self.template)
        server.start()
        server.stop()

    def trial(self, calls, error, when):
        """One history with the fault. True if the fault came to pass."""
        folder = tempfile.mkdtemp(prefix="posthorn-fault-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copytree(pathlib.Path(self.template) / "state", pathlib.Path(folder) / "state", dirs_exist_ok=True)
        trace = pathlib.Path(folder) / "trace"
        inject = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}"]
        server = harness.Posthorn(users=["alice"], roles=("mx",), folder=folder, settings={"log": {"level": "warning"}, "queue": {"retry": ["1s"]}}, wrapper=inject)
        book = ledger.Ledger(SEED)
        self.run_history(server, book)
        injected = "(INJECTED)" in trace.read_text(errors="replace")
        self.check_after_restart(folder, book, f"{calls} {error} {when}")
        return injected

    def run_history(self, server, book):
        """Messages one by one, whatever the server answers; then its end, orderly if it can."""
        try:
            server.start()
        except AssertionError:
            self.assertNotEqual(server.process.poll(), None, "neither ready nor ended\n" + server.told())
            self.assertGreater(server.process.returncode, 0, "ended by a signal\n" + server.told())
            return
        for _ in range(MESSAGES):
            ledger.Sender(book, server.port("mx")).send(1, 600)
        self.assertTrue(set(book.replies) <= {"220", "221", "250", "354", "451", "452", "421", "lost"}, book.replies)
        os.kill(server.pid(), signal.SIGTERM)
        status = server.process.wait(30)
        self.assertIn(status, (0, 75), server.told())

    def check_after_restart(self, folder, book, what):
        server = harness.Posthorn(users=["alice"], roles=("mx",), folder=folder, settings={"queue": {"retry": ["1s"]}}).start()
        try:
            server.wait_for_mail("alice", len(book.acknowledged))
        finally:
            server.stop()
        self.assertEqual(list(book.faults_of(server.delivered("alice"))), [], f"{what}\n{server.told()}")

    def walk(self, name):
        calls, error = CLASSES[name]
        when = 1
        while when <= MOST_CALLS and self.trial(calls, error, when):
            when += 1
        print(f"{name}: failed at each of the first {when - 1} calls of a thread")
        self.assertGreater(when, 1, "no fault came to pass: the trace saw none of the calls")


def add_tests():
    for name in CLASSES:
        setattr(Faults, f"test_{name}", lambda self, name=name: self.walk(name))


add_tests()

if __name__ == "__main__":
    unittest.main()
