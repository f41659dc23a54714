#!/usr/bin/env python3
"""Who gets mail and where it lies: users, aliases, lists and loops, tags, postmaster, VRFY; and a mailbox that cannot be written
while the others can."""
import json
import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import tempfile
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


class Quota(unittest.TestCase):
    def test_over_quota_that_recipient_alone_waits_until_there_is_room(self):
        text = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 40
        for style, pattern in (("maildir", "new/*"), ("numbered", "*.txt"), ("mbox", "mbox")):
            server = harness.Posthorn(users=["alice", "bob"],
                                      settings={"queue": {"retry": ["1s"]}, "mailbox": {"format": style, "quota": "10KiB"}})
            self.addCleanup(server.remove)
            with self.subTest(style), server, Client(server.port("mx")) as client:
                size = lambda user: sum(path.stat().st_size for path in (server.mail / user).glob(pattern))  # noqa: E731
                for number in (1, 2, 3):
                    client.deliver("alice@example.test", text=text)
                    rig.wait_until(lambda: size("alice") > number * len(text) * 0.9, 20, f"mail {number}", describe=server.told)
                client.deliver("alice@example.test", "bob@example.test", text=text)
                rig.wait_until(lambda: size("bob") > 0, 20, "bob's mail", describe=server.told)
                rig.wait_until(lambda: "4.2.2" in server.told(), 20, "4.2.2 in the log", describe=server.told)
                self.assertLessEqual(size("alice"), 10 * 1024)
                for path in (server.mail / "alice").glob(pattern):
                    path.unlink()
                rig.wait_until(lambda: size("alice") > 0, 20, "the mail that waited", describe=server.told)

    def test_at_the_end_of_its_time_the_sender_is_told(self):
        settings = {"queue": {"retry": ["1s"], "expire": "2s"}, "mailbox": {"quota": "10KiB"}}
        lines = (b"x" * 70 + b"\r\n")
        with harness.Posthorn(users=["alice", "bob"], settings=settings) as server:
            with Client(server.port("relay")) as client:
                client.deliver("bob@example.test", text=b"Subject: full\r\n\r\n" + lines * 130)
                server.wait_for_mail("bob", 1)
                client.begin("bob@example.test", sender="alice@example.test")
                client.ask("DATA")
                client.ask(b"Subject: more\r\n\r\n" + lines * 20 + b".\r\n")
            (report,) = server.wait_for_mail("alice", 1, 40)
            self.assertIn(b"Status: 5.2.2\n", report)
            self.assertEqual(len(server.names("bob")), 1)


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

    def test_without_the_root_folder(self):
        """It waits as a whole, and comes when the folder is back."""
        aside = self.server.folder / "aside"
        with self.server, Client(self.server.port("mx")) as client:
            client.deliver("alice@example.test")
            self.server.wait_for_mail("alice", 1)
            self.server.mail.rename(aside)
            client.deliver("alice@example.test", "bob@example.test")
            rig.wait_until(lambda: self.server.told().count("4.3.0") >= 2, 20, "4.3.0 in the log", describe=self.server.told)
            self.assertFalse(self.server.mail.exists(), "no delivery makes it")
            aside.rename(self.server.mail)
            self.server.wait_for_mail("alice", 2)
            self.server.wait_for_mail("bob", 1)

    def test_with_a_root_folder_that_is_not_ours(self):
        if os.geteuid() != 0:
            self.server.mail.chmod(0o500)
        else:
            shutil.chown(self.server.mail, "root")
            self.server.mail.chmod(0o755)
        with self.server:
            # As at every start, what root's server finds to be root's becomes the account's; it is taken away after that.
            if os.geteuid() == 0:
                shutil.chown(self.server.mail, "nobody")
            with Client(self.server.port("mx")) as client:
                client.deliver("bob@example.test")
            rig.wait_until(lambda: "4.3.0" in self.server.told(), 20, "4.3.0 in the log", describe=self.server.told)
            self.assertIn(str(self.server.mail), self.server.told(), "the log names the folder")
            self.server.mail.chmod(0o700)
            if os.geteuid() == 0:
                shutil.chown(self.server.mail, "daemon")
            self.server.wait_for_mail("bob", 1)

    def test_with_a_mailbox_that_is_a_link(self):
        victim = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-victim-"))
        self.addCleanup(shutil.rmtree, victim)
        for each in (victim, victim / "tmp", victim / "new", victim / "cur"):
            each.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                shutil.chown(each, "daemon")
        self.home.symlink_to(victim)
        self.check("4.3.0", self.home.unlink)
        self.assertEqual([list((victim / name).iterdir()) for name in ("tmp", "new", "cur")], [[], [], []])

    def owner(self):
        return pwd.getpwnam("daemon").pw_uid if os.geteuid() == 0 else os.getuid()


if __name__ == "__main__":
    unittest.main()
