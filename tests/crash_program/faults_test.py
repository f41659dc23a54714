#!/usr/bin/env python3
"""Faults of the disk, injected by strace into the real program: at writes, syncs, creations and renames of a short history in turn
the call fails with EIO or ENOSPC. The server says no 250 that it cannot keep, stays up or ends with a reason, and what it
had acknowledged is in the mailbox exactly once after an undisturbed restart.

Each thread's n-th call fails. A run tries a spread of n; with POSTHORN_FAULTS=all every n there is (some minutes)."""
import collections
import concurrent.futures
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
# Which calls fail, with what. The history makes each kind of them in the spool and in the mailbox.
CLASSES = {
    "sync_EIO": ("fdatasync,fsync", "EIO"),
    "sync_ENOSPC": ("fdatasync,fsync", "ENOSPC"),
    "write_EIO": ("pwrite64,pwritev,pwritev2", "EIO"),
    "write_ENOSPC": ("pwrite64,pwritev,pwritev2", "ENOSPC"),
    "create_ENOSPC": ("openat2,mkdirat", "ENOSPC"),
    "rename_EIO": ("rename,renameat,renameat2,linkat,unlinkat", "EIO"),
}
SPREAD = 4  # faults of each class in a usual run
AT_ONCE = 2
SETTINGS = {"log": {"level": "warning"}, "queue": {"retry": ["1s"]}, "spool": {"segment_size": "1MiB", "reserve": "2MiB"}, "limits": {"threads": 1}}
END_SECONDS = 30


def spread(count):
    """Places from 1 to count: all of them, or a few with both ends among them."""
    if os.environ.get("POSTHORN_FAULTS") == "all" or count <= SPREAD:
        return range(1, count + 1)
    return sorted({1 + round(step * (count - 1) / (SPREAD - 1)) for step in range(SPREAD)})


class Faults(unittest.TestCase):
    def setUp(self):
        self.template = tempfile.mkdtemp(prefix="posthorn-faults-")
        self.addCleanup(shutil.rmtree, self.template, ignore_errors=True)
        self.make_template()

    def make_template(self):
        """A state that has lived: its segments are made, so that every trial starts at the same calls."""
        server = harness.Posthorn(users=["alice"], roles=("mx",), folder=self.template, settings=SETTINGS)
        server.start()
        server.stop()

    def new_folder(self):
        folder = tempfile.mkdtemp(prefix="posthorn-fault-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copytree(pathlib.Path(self.template) / "state", pathlib.Path(folder) / "state", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
        return folder

    def watched(self, folder, calls, *inject):
        strace = ["strace", "-f", "-qq", "-o", f"{folder}/trace", "-e", f"trace={calls}", *inject]
        return harness.Posthorn(users=["alice"], roles=("mx",), folder=folder, settings=SETTINGS, wrapper=strace)

    def most_calls_of_a_thread(self, calls):
        """In a history without a fault."""
        folder = self.new_folder()
        server, book = self.watched(folder, calls), ledger.Ledger(SEED)
        self.run_history(server, book)
        self.assertEqual(len(book.acknowledged), MESSAGES, server.told())
        lines = (pathlib.Path(folder) / "trace").read_text(errors="replace").splitlines()
        made = collections.Counter(line.split()[0] for line in lines if "resumed>" not in line and "(" in line)
        return max(made.values(), default=0)

    def trial(self, calls, error, when):
        """One history with the fault. True if it came to pass."""
        folder = self.new_folder()
        server = self.watched(folder, calls, "-e", f"inject={calls}:error={error}:when={when}")
        book = ledger.Ledger(SEED)
        self.run_history(server, book)
        injected = "(INJECTED)" in (pathlib.Path(folder) / "trace").read_text(errors="replace")
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
        status = server.process.wait(END_SECONDS)
        self.assertIn(status, (0, 75), server.told())

    def check_after_restart(self, folder, book, what):
        server = harness.Posthorn(users=["alice"], roles=("mx",), folder=folder, settings=SETTINGS).start()
        try:
            server.wait_for_mail("alice", len(book.acknowledged))
        finally:
            server.stop()
        self.assertEqual(list(book.faults_of(server.delivered("alice"))), [], f"{what}\n{server.told()}")

    def walk(self, name):
        calls, error = CLASSES[name]
        count = self.most_calls_of_a_thread(calls)
        self.assertGreater(count, 0, "the history makes none of these calls")
        places = spread(count)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            injected = list(pool.map(lambda when: self.trial(calls, error, when), places))
        self.assertTrue(any(injected), "no fault came to pass")
        print(f"{name}: failed at the calls {list(places)} of {count}")


def add_tests():
    for name in CLASSES:
        setattr(Faults, f"test_{name}", lambda self, name=name: self.walk(name))


add_tests()

if __name__ == "__main__":
    unittest.main()
