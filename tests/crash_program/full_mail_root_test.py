#!/usr/bin/env python3
"""The root folder of the mailboxes on a file system that fills up, in octets and in inodes, in each format: what does not fit waits
in the queue, over a restart too, and comes exactly once, whole and in no second copy, when there is room.

Runs itself in a mount namespace of its own, where it mounts the file system."""
import json
import mailbox
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
import ledger  # noqa: E402

INSIDE = "POSTHORN_FULL_MAIL_ROOT"
COUNT = 12
SEED = 17


def enter_namespace():
    """This program again, where mounting is allowed and nobody else sees it."""
    rights = ["--map-root-user"] if os.geteuid() != 0 else []
    command = ["unshare", "--mount", *rights, "--propagation", "private", sys.executable, *sys.argv]
    os.execvpe(command[0], command, {**os.environ, INSIDE: "mapped" if rights else "root"})


class FullRoot(unittest.TestCase):
    def make(self, form, size, inodes):
        account = "daemon" if os.environ[INSIDE] == "root" else ""  # root may use what is kept for root
        folder = tempfile.mkdtemp(prefix="posthorn-full-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.server = harness.Posthorn(users=["alice"], roles=("mx",), account=account, folder=folder, settings={
            "queue": {"retry": ["1s"]}, "mailbox": {"format": form}, "limits": {"message_size": "4MiB"}})
        self.mail = self.server.mail
        owner = pwd.getpwnam(account).pw_uid if account else os.geteuid()
        options = f"size={size},nr_inodes={inodes},mode=0711,uid={owner}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.mail], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.mail], check=True)
        self.book = ledger.Ledger(SEED)

    def arrived(self, form):
        """The messages that a reader would find."""
        home = self.mail / "alice"
        if form == "maildir":
            return self.server.delivered("alice")
        if form == "numbered":
            return [path.read_bytes() for path in home.glob("*.txt") if path.with_suffix(".status").exists()]
        if not (home / "mbox").exists():
            return []
        found = mailbox.mbox(home / "mbox", create=False)
        try:
            return [found.get_bytes(key) for key in found.keys()]
        finally:
            found.close()

    def waiting(self):
        done = subprocess.run([harness.program(), "queue", "list", "--json", "-c", self.server.config], capture_output=True, timeout=60,
                              check=True)
        return json.loads(done.stdout)

    def check(self, form, size, more):
        """All are taken; some fit. `more` mounts with room."""
        with self.server:
            self.assertEqual(ledger.Sender(self.book, self.server.port("mx")).send(COUNT, size), COUNT, self.server.told())
            harness.wait_until(lambda: "4.3.1" in self.server.told() and len(self.waiting()) + len(self.arrived(form)) == COUNT, 120,
                               "some there, the others waiting", step=0.2, describe=self.server.told)
            waits = self.waiting()
            self.assertTrue(0 < len(waits) < COUNT, (len(waits), self.server.told()))
            for each in waits:
                self.assertEqual([recipient["status"] for recipient in each["recipients"]], ["queued"])
        self.assertEqual(self.parts(), [], "no part of a mail")

        before = self.server.errors.stat().st_size
        with self.server:
            harness.wait_until(lambda: {each["id"] for each in waits} <= self.deferred_after(before), 120, "tried again after the restart",
                               step=0.2, describe=self.server.told)
            self.assertEqual(len(self.waiting()), len(waits))
            subprocess.run(["mount", "-o", f"remount,{more}", self.mail], check=True)
            harness.wait_until(lambda: not self.waiting(), 120, "an empty queue", step=0.2, describe=self.server.told)
        found = self.arrived(form)
        self.assertEqual(list(self.book.faults_of(found)), [])
        self.assertEqual(len(found), COUNT)
        self.assertEqual(self.parts(), [], "no part of a mail")

    def deferred_after(self, octets):
        """The messages that the log, behind so many octets, says had no room."""
        told = self.server.errors.read_bytes()[octets:].decode()
        return set(re.findall(r" recipient\.deferred message=(\S+) to=\S+ status=4\.3\.1 ", told))

    def parts(self):
        """What lies about beside the mailboxes' own files."""
        home = self.mail / "alice"
        return [str(path) for path in home.rglob("*") if path.is_file() and (path.parent.name == "tmp" or path.name.startswith(".adding"))]

    def test_maildir(self):
        self.make("maildir", "512k", 1000)
        self.check("maildir", 100_000, "size=16m")

    def test_numbered_without_inodes(self):
        self.make("numbered", "16m", 12)
        self.check("numbered", 1000, "nr_inodes=1000")

    def test_mbox(self):
        self.make("mbox", "512k", 1000)
        self.check("mbox", 100_000, "size=16m")


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter_namespace()
    unittest.main()
