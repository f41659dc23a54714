#!/usr/bin/env python3
"""Mail written as its users: files are the user's own; links and hard links in the users' folders fail safely; the deliver process
and its workers die in the middle of a load, and what was acknowledged is there once. In a mount namespace with accounts of its own.
Needs root: nobody else may become another user."""
import contextlib
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

import rig
from rig import Client, harness

ACCOUNTS = {"postbox": 60001, "alice": 60011, "bob": 60012, "carol": 60013, "mallory": 60014}
MARK = "POSTHORN_TEST_ACCOUNTS"
SETTINGS = {"queue": {"retry": ["1s"]}}


def enter_namespace():
    """At the start of the test program: runs it again where /etc/passwd and /etc/group are the test's."""
    folder = tempfile.mkdtemp(prefix="posthorn-accounts-")
    place = pathlib.Path(folder)
    place.chmod(0o755)
    for name, line in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/usr/sbin/nologin\n"), ("group", "{0}:x:{1}:\n")):
        text = pathlib.Path("/etc", name).read_text() + "".join(line.format(*each) for each in ACCOUNTS.items())
        (place / name).write_text(text + ("toor:x:0:0::/root:/bin/sh\n" if name == "passwd" else ""))
        (place / name).chmod(0o644)
    inside = f'mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/group /etc/group && exec python3 "$@"'
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", inside, "sh", *sys.argv],
                          env={**os.environ, MARK: "1"})
    shutil.rmtree(folder)
    sys.exit(done.returncode)


class Server(harness.Posthorn):
    def __init__(self, style="maildir", users=("alice", "bob", "carol"), **mailbox):
        super().__init__(users=users, account="postbox",
                         settings={**SETTINGS, "mailbox": {"system_users": True, "format": style, **mailbox}})
        shutil.chown(self.mail, "root", "root")

    def process_called(self, name):
        return next((each for each in rig.family_of(self.pid()) if self.name_is(each, name)), None)

    @staticmethod
    def name_is(pid, name):
        with contextlib.suppress(OSError):
            return rig.name_of(pid) == name
        return False

    def say(self, *users, text=b"Subject: hello\r\n\r\nhello\r\n", client=None):
        with contextlib.ExitStack() as stack:
            client = client or stack.enter_context(Client(self.port("mx")))
            client.deliver(*[f"{user}@example.test" for user in users], text=text)

    def texts(self, user, style="maildir"):
        """All that the user has, each mail by itself. One that is published anew leaves its place for a moment."""
        while True:
            with contextlib.suppress(FileNotFoundError):
                return self.texts_now(user, style)

    def texts_now(self, user, style):
        home = self.mail / user
        if style == "maildir":
            return self.delivered(user)
        if style == "numbered":
            return [path.read_bytes() for path in sorted(home.glob("*.txt"))]
        box = home / "mbox"
        return [b"From " + each for each in (b"\n" + box.read_bytes()).split(b"\nFrom ")[1:]] if box.exists() else []

    def wait_for_words(self, words):
        rig.wait_until(lambda: words in self.told(), 30, f"{words!r} in the log", describe=self.told)


def everything_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class Case(unittest.TestCase):
    def server(self, *arguments, **more):
        server = Server(*arguments, **more)
        self.addCleanup(server.remove)
        self.addCleanup(lambda: server.process and server.process.poll() is None and server.kill())
        return server


class Ownership(Case):
    def test_each_mail_belongs_to_its_user_in_every_format(self):
        for style in ("maildir", "numbered", "mbox"):
            server = self.server(style, quota="1MiB")
            with self.subTest(style), server:
                for _ in range(3):
                    server.say("alice", "bob")
                for user in ("alice", "bob"):
                    rig.wait_until(lambda: len(server.texts(user, style)) >= 3, 30, f"mail of {user}", describe=server.told)
                    home = server.mail / user
                    self.assertEqual(len(server.texts(user, style)), 3)
                    for path in (home, *home.rglob("*")):
                        try:
                            facts = path.lstat()
                        except FileNotFoundError:
                            continue  # it was under way and has its name by now
                        self.assertEqual((facts.st_uid, facts.st_gid), (ACCOUNTS[user],) * 2, path)
                        self.assertEqual(stat.S_IMODE(facts.st_mode), 0o700 if path.is_dir() else 0o600, path)
                self.assertEqual(server.mail.stat().st_uid, 0, "nobody else puts something into it")
                self.assertEqual(sorted(os.listdir(server.mail)), [".OTHER_SERVERS", "alice", "bob"])

    def test_no_process_has_more_rights_than_it_needs(self):
        with self.server() as server:
            server.say("alice")
            server.wait_for_mail("alice", 1)
            engine = rig.status_of(server.process_called("posthorn-engine"))
            self.assertEqual(engine["Uid"].split(), [str(ACCOUNTS["postbox"])] * 4)
            self.assertEqual(int(engine["CapEff"], 16), 0)
            deliver = rig.status_of(server.process_called("posthorn-deliv"))
            self.assertEqual(int(deliver["CapPrm"], 16), 1 << 0 | 1 << 6 | 1 << 7, "chown, setgid, setuid")
            self.assertEqual(deliver["NoNewPrivs"], "1")

    def test_a_large_message_and_many_at_once(self):
        text = b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 30_000
        with self.server() as server:
            with Client(server.port("mx")) as client:
                server.say("alice", text=text, client=client)
                for _ in range(20):
                    server.say("alice", "bob", "carol", client=client)
            for user, count in (("alice", 21), ("bob", 20), ("carol", 20)):
                self.assertEqual(len(server.wait_for_mail(user, count, 60)), count)
            self.assertIn(text.split(b"\r\n\r\n")[1].replace(b"\r\n", b"\n"), b"".join(server.delivered("alice")))

    def test_who_has_no_account_or_roots_waits_and_the_log_says_what_to_do(self):
        server = self.server(users=("alice", "nobodyhere", "root", "toor"))
        with server:
            server.say("root", "toor", "nobodyhere", "alice")
            server.wait_for_mail("alice", 1)
            server.wait_for_words("set an alias for root")
            server.wait_for_words("set an alias for toor")
            server.wait_for_words("no account nobodyhere")
            self.assertEqual(sorted(os.listdir(server.mail)), [".OTHER_SERVERS", "alice"])

    def test_a_root_folder_that_is_not_roots_is_refused(self):
        server = self.server()
        shutil.chown(server.mail, "mallory")
        with self.assertRaisesRegex(AssertionError, "ended with 77"):
            server.start()
        self.assertIn("must belong to root", server.told())


class Links(Case):
    """What a user, or somebody in a user's place, may have put there. Mail waits; nothing is written through it."""

    def setUp(self):
        self.box = self.server()
        self.home = self.box.mail / "mallory"
        (self.box.folder / "users").write_text("alice\nmallory\n")
        self.victim = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-victim-"))
        self.addCleanup(shutil.rmtree, self.victim)
        self.victim.chmod(0o755)

    def own(self, path, user="mallory", mode=None):
        os.chown(path, ACCOUNTS[user], ACCOUNTS[user], follow_symlinks=False)
        if mode is not None:
            path.chmod(mode)

    def make_maildir(self, home, user):
        for each in (home, home / "tmp", home / "new", home / "cur"):
            each.mkdir(exist_ok=True)
            self.own(each, user, 0o700)

    def check(self, mend, style_words="4.3.0"):
        """Waits, and comes once when it is mended; alice's mail is not held up."""
        before = everything_below(self.victim)
        with self.box as server:
            server.say("mallory", "alice")
            server.wait_for_mail("alice", 1)
            server.wait_for_words(style_words)
            self.assertEqual(everything_below(self.victim), before)
            mend()
            server.wait_for_mail("mallory", 1, 30)
            self.assertEqual(everything_below(self.victim), before)
            self.assertEqual(len(server.names("mallory")), 1)

    def test_the_folder_is_a_link_to_anothers(self):
        self.make_maildir(self.victim / "alice", "alice")
        self.home.symlink_to(self.victim / "alice")
        self.check(self.home.unlink)

    def test_the_folder_is_a_link_to_ones_own_elsewhere(self):
        self.make_maildir(self.victim / "own", "mallory")
        self.home.symlink_to(self.victim / "own")
        self.check(self.home.unlink)

    def test_the_folder_is_a_link_to_etc(self):
        self.home.symlink_to("/etc")
        self.check(self.home.unlink)
        for name in ("tmp", "new", "cur"):
            self.assertFalse(pathlib.Path("/etc", name).exists())

    def test_the_folder_is_anothers(self):
        self.make_maildir(self.home, "alice")
        self.check(lambda: shutil.rmtree(self.home))

    def test_a_folder_within_is_a_link(self):
        self.make_maildir(self.home, "mallory")
        (self.home / "new").rmdir()
        self.make_maildir(self.victim / "alice", "alice")
        (self.home / "new").symlink_to(self.victim / "alice" / "new")
        self.check((self.home / "new").unlink)

    def test_a_folder_within_is_a_link_to_what_only_root_may_write(self):
        self.make_maildir(self.home, "mallory")
        (self.home / "tmp").rmdir()
        (self.home / "tmp").symlink_to(self.victim)
        self.check((self.home / "tmp").unlink)

    def test_an_mbox_that_is_a_link_or_has_a_second_name(self):
        for name, make in (("link", lambda path, target: path.symlink_to(target)), ("hard", lambda path, target: os.link(target, path))):
            server = self.server("mbox", users=("alice", "mallory"))
            home = server.mail / "mallory"
            home.mkdir(mode=0o700)
            self.own(home)
            target = server.mail / f"target-{name}"  # a hard link needs the same file system
            target.write_bytes(b"of somebody else\n")
            self.own(target, "alice", 0o644)
            make(home / "mbox", target)
            with self.subTest(name), server:
                server.say("mallory", "alice")
                rig.wait_until(lambda: len(server.texts("alice", "mbox")) == 1, 30, "alice's mail", describe=server.told)
                server.wait_for_words("4.3.0")
                self.assertEqual(target.read_bytes(), b"of somebody else\n")
                (home / "mbox").unlink()
                rig.wait_until(lambda: len(server.texts("mallory", "mbox")) == 1, 30, "mallory's mail", describe=server.told)
                self.assertEqual(target.read_bytes(), b"of somebody else\n")

    def test_a_numbered_mailbox_whose_own_files_are_links(self):
        secret = self.victim / "secret"
        secret.write_bytes(b"of root\n")
        secret.chmod(0o600)
        server = self.server("numbered", users=("mallory",))
        home = server.mail / "mallory"
        home.mkdir(mode=0o700)
        self.own(home)
        for name in (".lock", ".last", "1.txt"):
            (home / name).symlink_to(secret)
        with server:
            server.say("mallory")
            server.wait_for_words("4.3.0")
            for name in (".lock", ".last", "1.txt"):
                (home / name).unlink()
            rig.wait_until(lambda: len(server.texts("mallory", "numbered")) == 1, 30, "the mail", describe=server.told)
        self.assertEqual(secret.read_bytes(), b"of root\n")

    def test_replaced_by_links_while_mail_is_delivered(self):
        """The user swaps the folders for links to another's as fast as possible."""
        self.make_maildir(self.victim / "alice", "alice")
        self.make_maildir(self.home, "mallory")
        with self.box as server:
            swap = ("import os,sys\nos.setgroups([]);os.setgid(int(sys.argv[1]));os.setuid(int(sys.argv[1]))\n"
                    "home,victim=sys.argv[2:]\nprint(flush=True)\n"
                    "while True:\n"
                    "  for name in ('new','tmp'):\n"
                    "    try:\n"
                    "      os.rename(f'{home}/{name}',f'{home}/{name}.own')\n"
                    "      os.symlink(f'{victim}/{name}',f'{home}/{name}')\n"
                    "      os.unlink(f'{home}/{name}')\n"
                    "      os.rename(f'{home}/{name}.own',f'{home}/{name}')\n"
                    "    except OSError: pass\n")
            with subprocess.Popen([sys.executable, "-c", swap, str(ACCOUNTS["mallory"]), str(self.home), str(self.victim / "alice")],
                                  stdout=subprocess.PIPE) as attacker:
                try:
                    attacker.stdout.readline()
                    with Client(server.port("mx")) as client:
                        for _ in range(40):
                            server.say("mallory", client=client)
                finally:
                    attacker.kill()
            for name in ("new", "tmp"):  # as the attacker's end left it
                if (self.home / name).is_symlink():
                    (self.home / name).unlink()
                own = self.home / f"{name}.own"
                if own.exists() and not (self.home / name).exists():
                    own.rename(self.home / name)
            # A worker may have made a folder where it saw none: what came into either is mallory's.
            count = lambda: sum(1 for place in self.home.glob("new*") for _ in place.iterdir())  # noqa: E731
            rig.wait_until(lambda: count() >= 40, 60, "all mail", describe=server.told)
            self.assertEqual(count(), 40)
        self.assertEqual(everything_below(self.victim), ["alice", "alice/cur", "alice/new", "alice/tmp"])


class Deaths(Case):
    """kill -9 under load: every acknowledged message is there once."""

    USERS = ("alice", "bob", "carol")

    def load(self, server, count):
        """Sends; the numbers of what was acknowledged for all three users."""
        acknowledged = []
        with Client(server.port("mx")) as client:
            for number in range(count):
                server.say(*self.USERS, text=b"Subject: number %d.\r\n\r\nx\r\n" % number, client=client)
                acknowledged.append(number)
        return acknowledged

    def check(self, style, victims, count=150):
        server = self.server(style)
        acknowledged, ended = [], threading.Event()

        def send():
            try:
                acknowledged.extend(self.load(server, count))
            finally:
                ended.set()

        with server:
            sender = threading.Thread(target=send)
            sender.start()
            killed = 0
            # While mail comes, and on until enough have been met.
            for _ in range(20_000):
                if ended.is_set() and killed >= 3:
                    break
                for name in victims:
                    pid = server.process_called(name)
                    if pid and (not ended.is_set() or killed < 3):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                            killed += 1
                if ended.is_set() and all(len(server.texts(user, style)) >= len(acknowledged) for user in self.USERS):
                    break
                ended.wait(0.3 if "posthorn-deliv" in victims else 0.05)
            sender.join(harness.START_SECONDS)
            self.assertFalse(sender.is_alive())
            self.assertEqual(len(acknowledged), count, server.told())
            self.assertGreater(killed, 0)
            for user in self.USERS:
                subjects = lambda: [line for text in server.texts(user, style) for line in text.split(b"\n") if line.startswith(b"Subject:")]  # noqa: E731
                rig.wait_until(lambda: len(subjects()) >= count, 90, f"{user}'s mail in {style}", describe=server.told)
                self.assertEqual(sorted(subjects()), sorted(b"Subject: number %d." % number for number in acknowledged))

    def test_workers_in_every_format(self):
        for style in ("maildir", "numbered", "mbox"):
            with self.subTest(style):
                self.check(style, ["posthorn-mail"])

    def test_the_deliver_process(self):
        for style in ("maildir", "mbox"):
            with self.subTest(style):
                self.check(style, ["posthorn-deliv"])

    def test_all_at_once(self):
        server = self.server()
        server.start()
        self.load(server, 30)
        server.kill()
        server.start()
        for user in self.USERS:
            server.wait_for_mail(user, 30, 60)
        server.stop()
        for user in self.USERS:
            self.assertEqual(len(server.names(user)), 30)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("this test needs root: nobody else may become another user")
    elif MARK not in os.environ:
        enter_namespace()
    else:
        unittest.main()
