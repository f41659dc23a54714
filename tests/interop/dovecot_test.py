#!/usr/bin/env python3
"""A real reader: Dovecot's IMAP server, unpacked beside, opens the Maildir that Posthorn fills and finds the same mail."""
import contextlib
import grp
import imaplib
import mailbox
import os
import pathlib
import pwd
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile
import unittest

import harness

sys.path.insert(0, str(harness.ROOT / "tools"))
import peers  # noqa: E402

BODIES = ["plain\n", ".dots\n..more\n", "grüße\n", "x" * 900 + "\n", "line\n" * 5000]


def message(number, body):
    return f"From: carol@other.test\nTo: alice@example.test\nSubject: number {number}\n\n{body}"


class Dovecot:
    """One IMAP server over a mail root; the user "alice", any password. Mail belongs to `account`."""

    def __init__(self, folder, mail_root, account, location="", more=""):
        """`location`: where mail is, as Dovecot writes it; `more`: further lines of its configuration."""
        self.root = peers.root("dovecot")
        self.folder = pathlib.Path(folder)
        (self.port,) = harness.free_ports(1)
        as_root = os.getuid() == 0  # then Dovecot insists that logins and mail are another account's business
        account = pwd.getpwnam(account)
        group = grp.getgrgid(account.pw_gid).gr_name
        (self.folder / "run").mkdir(parents=True)
        (self.folder / "home").mkdir()
        os.chown(self.folder / "home", account.pw_uid, account.pw_gid)
        (self.folder / "run/usr").symlink_to(self.root / "usr")  # paths made relative by tools/peers.py are met from here
        (self.folder / "dovecot.conf").write_text(f"""
protocols = imap
import_environment = TZ LD_LIBRARY_PATH
listen = 127.0.0.1
base_dir = {self.folder}/run
state_dir = {self.folder}/run
log_path = {self.folder}/log
libexec_dir = {self.root}/usr/lib/dovecot
mail_plugin_dir = {self.root}/usr/lib/dovecot/modules
default_internal_user = {account.pw_name}
default_internal_group = {group}
default_login_user = {'nobody' if as_root else account.pw_name}
first_valid_uid = 1
first_valid_gid = 1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
mail_location = {location or f"maildir:{mail_root}/%u:INDEX={self.folder}/home/index:CONTROL={self.folder}/home/control"}
{more}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={account.pw_uid} gid={account.pw_gid} home={self.folder}/home allow_all_users=yes
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  chroot =
}}
""")
        self.process = None

    def start(self):
        program = self.root / "usr/sbin/dovecot"
        self.process = subprocess.Popen(
            [program, "-F", "-c", self.folder / "dovecot.conf"], cwd=self.root, env=peers.environment(self.root), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        harness.wait_until(self.answers, 30, f"Dovecot on port {self.port}", describe=self.told)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Dovecot ended: {self.process.stderr.read().decode()}\n{self.told()}")
        try:
            self.client().logout()
        except (OSError, imaplib.IMAP4.error):
            return False
        return True

    def client(self):
        return imaplib.IMAP4("127.0.0.1", self.port, timeout=20)

    def login(self):
        client = self.client()
        client.login("alice", "any")
        return client

    def told(self):
        log = self.folder / "log"
        return log.read_text() if log.exists() else "(no log)"

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait(20)
        self.process.stderr.close()


QUOTA = 60 * 1024
WITH_QUOTA = f"""
mail_plugins = $mail_plugins quota
protocol imap {{
  mail_plugins = $mail_plugins imap_quota
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:bytes={QUOTA}
}}
"""


class Shared(unittest.TestCase):
    """Files that both write: the quota file of a Maildir and its folders; an mbox."""

    def start(self, mailbox, location, more=""):
        account = "daemon" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        settings = {"mailbox": mailbox, "queue": {"retry": ["1s"]}}
        self.server = harness.Posthorn(users=["alice"], account=account if os.getuid() == 0 else "", settings=settings)
        self.addCleanup(self.server.remove)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.home = self.server.mail / "alice"
        self.dovecot = Dovecot(self.server.folder / "dovecot", self.server.mail, account, location.format(root=self.server.mail), more)
        self.addCleanup(self.dovecot.stop)
        self.dovecot.start()

    def send(self, to="alice@example.test", octets=10_000, subject="hello"):
        text = f"Subject: {subject}\r\n\r\nFrom the start\r\n" + ("x" * 98 + "\r\n") * (octets // 100)
        with smtplib.SMTP("127.0.0.1", self.server.port("mx"), timeout=20) as client:
            client.sendmail("carol@other.test", [to], text)

    def agrees(self, imap):
        """Dovecot says the sum of what lies there, and the limit that we have."""
        told = imap.getquotaroot("INBOX")[1][1][0].decode()
        used, limit = re.search(r"STORAGE (\d+) (\d+)", told).groups()
        self.assertEqual(int(limit), QUOTA // 1024, told)
        return abs(int(used) * 1024 - self.sizes()) < 1024

    def lines(self):
        return (self.home / "maildirsize").read_text().splitlines()

    def sizes(self):
        return sum(path.stat().st_size for path in self.home.rglob("*/*Q*") if path.is_file() and path.parent.name in ("new", "cur"))

    def test_one_quota_file_is_kept_by_both(self):
        self.start({"quota": f"{QUOTA}B", "tag_folders": True}, "maildir:{root}/%u", WITH_QUOTA)
        imap = self.dovecot.login()
        self.addCleanup(imap.shutdown)
        for number in range(4):
            self.send(subject=f"number {number}")
        self.server.wait_for_mail("alice", 4)
        harness.wait_until(lambda: self.agrees(imap), 20, "the same sum", describe=lambda: self.lines())
        self.assertEqual(self.lines()[0], f"{QUOTA}S")

        # A folder that the user makes takes the mail that is for it, and counts.
        self.assertEqual(imap.create("Lists")[0], "OK")
        self.send("alice+lists@example.test")
        harness.wait_until(lambda: imap.select("Lists")[1] == [b"1"], 20, "mail in the folder", describe=self.server.told)
        harness.wait_until(lambda: self.agrees(imap), 20, "the same sum", describe=lambda: self.lines())

        # A large one does not fit, until Dovecot has removed one and noted it.
        self.send(octets=20_000, subject="late")
        harness.wait_until(lambda: "4.2.2" in self.server.told(), 20, "4.2.2", describe=self.server.told)
        imap.select("INBOX")
        imap.store("1", "+FLAGS", "\\Deleted")
        imap.expunge()
        harness.wait_until(lambda: imap.noop() and len(imap.search(None, "SUBJECT", "late")[1][0].split()) == 1, 20, "the mail that waited",
                           describe=lambda: (self.lines(), self.server.told()))
        harness.wait_until(lambda: self.agrees(imap), 20, "the same sum", describe=lambda: self.lines())

    def read(self):
        """The subjects in the mbox, as Python's own reader finds them."""
        if not (self.home / "mbox").exists():
            return []
        with contextlib.closing(mailbox.mbox(self.home / "mbox", create=False)) as found:
            return [each["subject"] for each in found]

    def test_an_mbox_is_read_and_rewritten_between_deliveries(self):
        self.start({"format": "mbox"}, "mbox:~/mail:INBOX={root}/%u/mbox", "mbox_read_locks = fcntl\nmbox_write_locks = dotlock fcntl")
        for number in range(3):
            self.send(subject=f"number {number}", octets=300)
        harness.wait_until(lambda: self.read() == ["number 0", "number 1", "number 2"], 20, "three mails", describe=self.server.told)
        imap = self.dovecot.login()
        self.addCleanup(imap.shutdown)
        self.assertEqual(imap.select("INBOX"), ("OK", [b"3"]))
        body = imap.fetch("2", "(BODY.PEEK[TEXT])")[1][0][1]
        self.assertTrue(body.replace(b">From", b"From").startswith(b"From the start\r\nxxx"), body[:80])
        imap.store("1", "+FLAGS", "\\Deleted")
        imap.expunge()
        for number in (3, 4):
            self.send(subject=f"number {number}", octets=300)
        harness.wait_until(lambda: imap.noop() and self.read()[-1:] == ["number 4"], 20, "the new ones", describe=self.server.told)
        self.assertEqual(self.read(), ["number 1", "number 2", "number 3", "number 4"])
        self.assertEqual([name for name in os.listdir(self.home) if name.endswith(".lock") or name.startswith(".adding")], [])


class HandOver(unittest.TestCase):
    """A route leads to Dovecot's LMTP server (RFC 2033), which delivers into mailboxes of its own."""

    def test_mail_is_handed_over_by_lmtp_and_waits_while_dovecot_is_away(self):
        account = "daemon" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-lmtp-"))
        self.addCleanup(shutil.rmtree, folder)
        folder.chmod(0o755)
        (folder / "theirs").mkdir()
        if os.getuid() == 0:
            shutil.chown(folder / "theirs", account)
        words = f"""
protocols = imap lmtp
auth_username_format = %Ln
service lmtp {{
  chroot =
  unix_listener {folder}/lmtp {{
    mode = 0666
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@dovecot.test
}}
"""
        dovecot = Dovecot(folder / "dovecot", folder / "theirs", account, f"maildir:{folder}/theirs/%n", words)
        self.addCleanup(dovecot.stop)
        server = harness.Posthorn(users=["carol"], account=account if os.getuid() == 0 else "", settings={
            "route": [{"domain": ["dovecot.test"], "to": f"lmtp:unix:{folder}/lmtp"}], "queue": {"retry": ["1s"]}})
        self.addCleanup(server.remove)
        server.start()
        self.addCleanup(server.stop)
        with smtplib.SMTP("127.0.0.1", server.port("relay"), timeout=20) as client:
            client.sendmail("carol@example.test", ["alice@dovecot.test", "bob@dovecot.test"], message(1, BODIES[1]).replace("\n", "\r\n"))
        harness.wait_until(lambda: "recipient.deferred" in server.told(), 30, "an attempt before Dovecot is there", describe=server.told)
        dovecot.start()
        for user in ("alice", "bob"):
            harness.wait_until(lambda: list((folder / "theirs" / user / "new").glob("*")), 60, f"mail for {user}",  # noqa: B023
                               describe=lambda: server.told() + dovecot.told())
        imap = dovecot.login()
        self.addCleanup(imap.shutdown)
        self.assertEqual(imap.select("INBOX"), ("OK", [b"1"]))
        text = imap.fetch("1", "(BODY.PEEK[])")[1][0][1].decode().replace("\r\n", "\n")
        self.assertEqual(text[text.index("From: carol@other.test"):], message(1, BODIES[1]))
        harness.wait_until(lambda: server.told().count("recipient.delivered") == 2, 20, "an outcome for each", describe=server.told)


class Reader(unittest.TestCase):
    def setUp(self):
        account = "daemon" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.server = harness.Posthorn(users=["alice"], account=account if os.getuid() == 0 else "")
        self.addCleanup(self.server.remove)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.dovecot = Dovecot(self.server.folder / "dovecot", self.server.mail, account)
        self.addCleanup(self.dovecot.stop)
        self.dovecot.start()

    def send_all(self):
        with smtplib.SMTP("127.0.0.1", self.server.port("mx"), timeout=20) as client:
            for number, body in enumerate(BODIES):
                text = message(number, body).replace("\n", "\r\n").encode()
                client.sendmail("carol@other.test", ["alice@example.test"], text, ["BODY=8BITMIME"])

    def test_what_was_sent_is_read(self):
        self.send_all()
        self.server.wait_for_mail("alice", len(BODIES))
        imap = self.dovecot.login()
        self.addCleanup(imap.shutdown)
        self.assertEqual(imap.select("INBOX"), ("OK", [str(len(BODIES)).encode()]))
        self.assertEqual(len(imap.search(None, "UNSEEN")[1][0].split()), len(BODIES))
        read = sorted(self.content(imap, number + 1) for number in range(len(BODIES)))
        self.assertEqual(read, sorted(message(number, body) for number, body in enumerate(BODIES)))

    def test_mail_arrives_while_the_reader_holds_the_mailbox(self):
        imap = self.dovecot.login()
        self.addCleanup(imap.shutdown)
        imap.select("INBOX")
        self.send_all()
        self.server.wait_for_mail("alice", len(BODIES))
        harness.wait_until(lambda: imap.noop() and len(imap.search(None, "ALL")[1][0].split()) == len(BODIES), 20, "new mail seen")
        imap.store("1", "+FLAGS", "\\Deleted")
        imap.expunge()
        self.assertEqual(len(imap.search(None, "ALL")[1][0].split()), len(BODIES) - 1)

    def content(self, imap, number):
        """The message as it was sent: without the three fields on top."""
        text = imap.fetch(str(number), "(BODY.PEEK[])")[1][0][1].decode().replace("\r\n", "\n")
        return text[text.index("From: carol@other.test") :]


if __name__ == "__main__":
    unittest.main()
