#!/usr/bin/env python3
"""A real reader: Dovecot's IMAP server, unpacked beside, opens the Maildir that Posthorn fills and finds the same mail."""
import grp
import imaplib
import os
import pathlib
import pwd
import shutil
import smtplib
import subprocess
import sys
import unittest

import harness

sys.path.insert(0, str(harness.ROOT / "tools"))
import peers  # noqa: E402

BODIES = ["plain\n", ".dots\n..more\n", "grüße\n", "x" * 900 + "\n", "line\n" * 5000]


def message(number, body):
    return f"From: carol@other.test\nTo: alice@example.test\nSubject: number {number}\n\n{body}"


class Dovecot:
    """One IMAP server over a mail root; the user "alice", any password. Mail belongs to `account`."""

    def __init__(self, folder, mail_root, account):
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
mail_location = maildir:{mail_root}/%u:INDEX={self.folder}/home/index:CONTROL={self.folder}/home/control
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={account.pw_uid} gid={account.pw_gid} home={self.folder}/home
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
