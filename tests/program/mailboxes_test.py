#!/usr/bin/env python3
"""Who gets mail and where it lies: users, aliases, lists and loops, tags, postmaster, VRFY; and a mailbox that cannot be written
while the others can."""
import json
import os
import pwd
import shutil
import stat
import subprocess
import unittest

import rig
from rig import Client, harness

ALIASES = """
info: alice
team: alice, bob
crowd: :include:{folder}/crowd
outer: inner
inner: outer, alice
round: about
about: round
two: alice, alice@example.test, "alice"
away: someone@elsewhere.test
"""


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Posthorn(users=["alice", "bob"], settings={"smtp": {"vrfy": True}, "queue": {"retry": ["1s"]}})
        (cls.server.folder / "crowd").write_text("# a list\nalice\nbob@example.test, carol\n")
        (cls.server.folder / "aliases").write_text(ALIASES.format(folder=cls.server.folder))
        cls.command("user", "add", "carol")
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    @classmethod
    def command(cls, *words, status=0):
        done = subprocess.run([harness.program(), *words[:2], "-c", cls.server.config, *words[2:]], capture_output=True, text=True)
        assert done.returncode == status, (words, done)
        return done.stdout

    def client(self):
        return Client(self.server.port("mx"))

    def assert_reaches(self, address, *users):
        """One copy for each of these users, none for the others."""
        everyone = ("alice", "bob", "carol")
        before = {user: len(self.server.names(user)) for user in everyone}
        with self.client() as client:
            client.deliver(address)
            client.deliver(*[f"{user}@example.test" for user in everyone], text=b"Subject: the last\r\n\r\n")
        # The marker comes after it; each mailbox is written in order.
        for user in everyone:
            wanted = before[user] + 1 + (user in users)
            rig.wait_until(lambda: len(self.server.names(user)) >= wanted, 20, f"mail for {user} by {address}",
                           describe=self.server.told)
            self.assertEqual(len(self.server.names(user)), wanted, (user, address))

    def refusal(self, address):
        with self.client() as client:
            client.hello()
            client.ask("MAIL FROM:<carol@other.test>")
            return client.ask(f"RCPT TO:<{address}>")

    def test_aliases(self):
        for address, users in (("info@example.test", ["alice"]), ("team@example.test", ["alice", "bob"]),
                               ("crowd@example.test", ["alice", "bob", "carol"]), ("two@example.test", ["alice"]),
                               ("INFO@EXAMPLE.TEST", ["alice"]), ("info+tag@example.test", ["alice"])):
            with self.subTest(address):
                self.assert_reaches(address, *users)

    def test_loops_reach_whom_they_can_and_nobody_is_refused_by_name(self):
        self.assert_reaches("outer@example.test", "alice")
        self.assertIn(self.refusal("round@example.test")[:3], ("450", "550", "554", "451"))

    def test_postmaster_is_always_there(self):
        """Without an alias it is the first user."""
        self.assert_reaches("postmaster@example.test", "alice")
        self.assert_reaches("PostMaster", "alice")

    def test_a_tag_and_capitals_reach_the_user(self):
        self.assert_reaches("alice+lists@example.test", "alice")
        self.assert_reaches("Bob@Example.Test", "bob")
        self.assertEqual(self.refusal("nobody+alice@example.test")[:9], "550 5.1.1")

    def test_verify(self):
        with self.client() as client:
            client.hello()
            self.assertEqual(client.ask("VRFY alice")[:9], "250 2.1.5")
            self.assertEqual(client.ask("VRFY nobody")[:9], "550 5.1.1")
            self.assertEqual(client.ask("VRFY x@elsewhere.test")[:3], "252")

    def test_users_come_and_go_while_the_server_runs(self):
        self.assertEqual(self.refusal("dora@example.test")[:9], "550 5.1.1")
        self.command("user", "add", "dora")
        # The files were looked at for the refusal above; they are looked at again a tenth of a second later at the soonest.
        rig.wait_until(lambda: self.refusal("dora@example.test").startswith("250"), 2, "dora is there")
        names = [entry["name"] for entry in json.loads(self.command("user", "list", "--json"))]
        self.assertIn("dora", names)
        self.assertIn("dora", self.command("user", "list"))
        with self.client() as client:
            client.deliver("dora@example.test")
        self.server.wait_for_mail("dora", 1)
        self.command("user", "remove", "dora")
        self.assertNotIn("dora", self.command("user", "list"))
        rig.wait_until(lambda: self.refusal("dora@example.test").startswith("550"), 10, "dora is gone")
        self.assertEqual(len(self.server.names("dora")), 1, "the mail stays")
        self.command("user", "remove", "dora", status=67)

    def test_folders_are_for_their_owner_only(self):
        with self.server.one_more("bob"), self.client() as client:
            client.deliver("bob@example.test")
        home = self.server.mail / "bob"
        for folder in (home, home / "tmp", home / "new", home / "cur"):
            self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700, folder)
        self.assertEqual(stat.S_IMODE((home / "new" / self.server.names("bob")[0]).stat().st_mode), 0o600)


class Trouble(unittest.TestCase):
    """Mail for two: the one whose mailbox cannot be written waits, the other has it at once; then both have it once."""

    def setUp(self):
        account = "daemon" if os.geteuid() == 0 else ""  # root may write everywhere
        self.server = harness.Posthorn(users=["alice", "bob"], account=account, settings={"queue": {"retry": ["1s"]}})
        self.home = self.server.mail / "bob"
        self.addCleanup(self.server.remove)

    def check(self, status, mend):
        with self.server:
            with Client(self.server.port("mx")) as client:
                client.deliver("alice@example.test", "bob@example.test", text=b"Subject: both\r\n\r\n" + b"x" * 70 + b"\r\n")
            self.server.wait_for_mail("alice", 1)
            rig.wait_until(lambda: status in self.server.told(), 10, f"{status} in the log", describe=self.server.told)
            self.assertEqual(self.server.names("bob"), [])
            tmp = self.home / "tmp"
            self.assertEqual(list(tmp.iterdir()) if tmp.is_dir() else [], [], "no part of a mail")
            mend()
            self.server.wait_for_mail("bob", 1)
            self.assertEqual((len(self.server.names("alice")), len(self.server.names("bob"))), (1, 1))

    def test_without_permission(self):
        for each in (self.home, self.home / "tmp", self.home / "new", self.home / "cur"):
            each.mkdir(mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(each, "daemon")
        (self.home / "tmp").chmod(0o500)
        self.check("4.3.0", lambda: (self.home / "tmp").chmod(0o700))

    def test_on_a_full_file_system(self):
        self.home.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=64k,mode=700,uid={self.owner()}", "none", self.home], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.home], check=True)
        filler = self.home / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        self.check("4.3.1", filler.unlink)

    def owner(self):
        return pwd.getpwnam("daemon").pw_uid if os.geteuid() == 0 else os.getuid()


if __name__ == "__main__":
    unittest.main()
