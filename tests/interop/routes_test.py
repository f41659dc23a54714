#!/usr/bin/env python3
"""Routes of the real program: smarthost with a password, TLS policies, a client certificate, LMTP to a port, to a socket and to
Dovecot, hand-over folders. What a policy forbids to send in the clear is not sent in the clear."""
import grp
import os
import pathlib
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness
import sink

sys.path.insert(0, str(harness.ROOT / "tools"))
import peers  # noqa: E402


def send(server, *recipients, text="Subject: away\r\n\r\nGood day\r\n", options=()):
    with smtplib.SMTP("127.0.0.1", server.port("relay"), timeout=30) as client:
        client.sendmail("alice@example.test", recipients, text, options)


def wait_for_letters(server, receiver, count):
    harness.wait_until(lambda: len(receiver.letters) >= count, 30, f"{count} letters", describe=server.told)
    return receiver.letters


def wait_for_word(server, word, count=1):
    harness.wait_until(lambda: server.told().count(word) >= count, 30, f"{count} times {word}", describe=server.told)


class Greylister(sink.Sink):
    """Lets those in who come back from the same address when the wait that it has named is over."""

    WAIT = 3

    def __init__(self, *words, **options):
        self.first, self.seen, self.own = {}, [], threading.local()
        super().__init__(*words, **options)

    def serve(self, connection):
        self.own.peer = connection.getpeername()[0]
        super().serve(connection)

    def answer_for(self, line):
        if line.upper().startswith("RCPT"):
            now = time.monotonic()
            self.seen.append((self.own.peer, now))
            if now - self.first.setdefault(self.own.peer, now) < self.WAIT:
                return f"450 4.2.0 Greylisted, come back in {self.WAIT} seconds"
        return super().answer_for(line)


class Routes(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-routes-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.port,) = harness.free_ports(1)
        self.pem, self.fingerprint = sink.certificate(self.folder, "smart.test")

    def sink(self, **options):
        made = sink.Sink("127.0.2.1", self.port, **options)
        self.addCleanup(made.close)
        return made

    def server(self, settings):
        made = harness.Posthorn(settings={"queue": {"retry": ["300ms", "1h"]}, **settings})
        self.addCleanup(made.remove)
        return made

    def hop(self):
        return f"127.0.2.1:{self.port}"

    def test_a_smarthost_gets_the_password_inside_tls_only(self):
        (self.folder / "password").write_text("correct horse\n")
        (self.folder / "password").chmod(0o644)
        receiver = self.sink(tls=sink.server_context(self.pem), login=("me", "correct horse"))
        settings = {"remote": {"smarthost": self.hop(), "tls": "verify", "fingerprints": [self.fingerprint], "user": "me",
                               "password_file": str(self.folder / "password")}}
        with self.server(settings) as server:
            send(server, "bob@far.test", "carl@other.test")
            (letter,) = wait_for_letters(server, receiver, 1)
            self.assertEqual((letter.encrypted, letter.user), (True, "me"))
            self.assertEqual(letter.recipients, ["bob@far.test", "carl@other.test"])
            self.assertIn("may be read by everybody", server.told())
            self.assertNotIn("correct horse", server.told())
            # A changed password counts from the reload on.
            (self.folder / "password").write_text("another\n")
            receiver.login = ("me", "another")
            server.signal(signal.SIGHUP)
            wait_for_word(server, "configuration.reloaded")
            send(server, "bob@far.test")
            wait_for_letters(server, receiver, 2)

    def test_a_password_file_that_is_not_there_refuses_the_start_and_not_a_reload(self):
        settings = {"remote": {"smarthost": self.hop(), "tls": "require", "user": "me", "password_file": str(self.folder / "password")}}
        with self.assertRaisesRegex(AssertionError, "(?s)ended with 78.*remote.password_file"):
            self.server(settings).start()
        (self.folder / "password").write_text("secret\n")
        with self.server(settings) as server:
            (self.folder / "password").unlink()
            server.signal(signal.SIGHUP)
            wait_for_word(server, "configuration.refused")

    def test_a_certificate_that_is_not_the_one_gets_nothing(self):
        receiver = self.sink(tls=sink.server_context(self.pem))
        with self.server({"route": [{"domain": ["far.test"], "to": self.hop(), "tls": "verify", "fingerprints": ["00" * 32]}]}) as server:
            send(server, "bob@far.test")
            wait_for_word(server, "recipient.deferred", 2)
            self.assertEqual(receiver.letters, [])
            self.assertFalse([line for line in receiver.commands if line.startswith("MAIL")])

    def test_a_self_signed_certificate_does_not_prove_a_name(self):
        receiver = self.sink(tls=sink.server_context(self.pem))
        with self.server({"route": [{"domain": ["far.test"], "to": self.hop(), "tls": "verify"}]}) as server:
            send(server, "bob@far.test")
            wait_for_word(server, "recipient.deferred", 2)
            self.assertEqual(receiver.letters, [])

    def test_where_tls_is_required_nothing_is_sent_in_the_clear(self):
        receiver = self.sink()
        with self.server({"route": [{"domain": ["far.test"], "to": self.hop(), "tls": "require"}]}) as server:
            send(server, "bob@far.test")
            wait_for_word(server, "recipient.deferred", 2)
            self.assertIn("does not offer STARTTLS", server.told())
            self.assertFalse([line for line in receiver.commands if line.startswith("MAIL")])

    def test_a_handshake_that_fails_sends_in_the_clear_where_the_policy_is_may_and_nowhere_else(self):
        class Broken:
            def wrap_socket(self, connection, **_):
                connection.recv(100)
                connection.sendall(b"no TLS here\r\n")
                raise OSError

        receiver = self.sink(tls=Broken())
        routes = [{"domain": ["far.test"], "to": self.hop(), "tls": "may"}, {"domain": ["strict.test"], "to": self.hop(), "tls": "require"}]
        with self.server({"route": routes}) as server:
            send(server, "bob@far.test")
            (letter,) = wait_for_letters(server, receiver, 1)
            self.assertFalse(letter.encrypted)
            sessions = receiver.sessions
            wait_for_word(server, "tls.given_up")
            harness.wait_until(lambda: "QUIT" in receiver.commands, 10, "QUIT after the connection was idle")
            send(server, "carl@far.test")
            wait_for_letters(server, receiver, 2)
            self.assertEqual(receiver.sessions, sessions + 1, "the failure is remembered: no second handshake")
            send(server, "dora@strict.test")
            wait_for_word(server, "recipient.deferred", 2)
            self.assertEqual(len(receiver.letters), 2)

    def test_shows_a_client_certificate(self):
        mine, _ = sink.certificate(self.folder, "mine.test")
        receiver = self.sink(tls=sink.server_context(self.pem, trusts=mine))
        with self.server({"remote": {"smarthost": self.hop(), "tls": "require", "certificate": str(mine)}}) as server:
            send(server, "bob@far.test")
            wait_for_letters(server, receiver, 1)
            self.assertTrue(receiver.client_certificates[0])

    def test_lmtp_has_an_outcome_for_each_recipient(self):
        path = self.folder / "lmtp.sock"
        over_socket = sink.Sink("", path, lmtp=True)
        self.addCleanup(over_socket.close)
        over_port = self.sink(lmtp=True)
        routes = [{"domain": ["unix.test"], "to": f"lmtp:unix:{path}"}, {"domain": ["port.test"], "to": f"lmtp:{self.hop()}"}]
        with self.server({"route": routes}) as server:
            for receiver, domain in ((over_socket, "unix.test"), (over_port, "port.test")):
                receiver.answers[f"end full@{domain}"] = "452 4.2.2 mailbox full"
                receiver.answers[f"end gone@{domain}"] = "550 5.1.1 gone"
                with server.one_more("alice") as arrived:
                    send(server, *[f"{user}@{domain}" for user in ("bob", "full", "gone")])
                self.assertIn(f"Final-Recipient: rfc822; gone@{domain}".encode(), arrived())
                self.assertNotIn(f"Final-Recipient: rfc822; bob@{domain}".encode(), arrived())
                self.assertTrue(receiver.commands[0].startswith("LHLO "))
                harness.wait_until(lambda end=receiver, to=domain: [letter.recipients for letter in end.letters][1:] == [[f"full@{to}"]], 30,
                                   "another attempt for who was full alone", describe=server.told)

    def test_the_wait_that_a_greylister_names_is_obeyed_from_the_same_address(self):
        """Of the many addresses that this machine has; also when the server is started anew in between."""
        for interface in ("127.0.0.9", ""):
            with self.subTest(interface):
                receiver = Greylister("127.0.2.1", self.port)
                self.addCleanup(receiver.close)
                with self.server({"remote": {"smarthost": self.hop(), "interface": interface}, "queue": {"retry": ["1h"]}}) as server:
                    send(server, "bob@far.test")
                    wait_for_word(server, "recipient.deferred")
                    server.stop()
                    server.start()
                    wait_for_letters(server, receiver, 1)
                receiver.close()
                (first, began), (second, ended) = receiver.seen
                self.assertEqual((first, second), (interface or first,) * 2)
                self.assertGreaterEqual(ended - began, Greylister.WAIT)

    def test_a_smarthost_by_a_name_of_the_hosts_file(self):
        receiver = sink.Sink("127.0.0.1", self.port)
        self.addCleanup(receiver.close)
        with self.server({"remote": {"smarthost": f"localhost:{self.port}"}, "dns": {"servers": []}}) as server:
            send(server, "bob@far.test")
            (letter,) = wait_for_letters(server, receiver, 1)
            self.assertEqual(letter.recipients, ["bob@far.test"])

    def test_hand_over_folders_get_letters_and_nothing_is_sent(self):
        receiver = self.sink()
        with self.server({"remote": {"smarthost": self.hop()}, "mailbox": {"other_servers": "files"}}) as server:
            send(server, "bob@far.test", "carl@far.test", "dora@other.test", "alice@example.test")
            server.wait_for_mail("alice", 1)
            folder = server.mail / ".OTHER_SERVERS"
            letters = lambda domain: [path for path in (folder / domain).glob("*") if path.is_file()]  # noqa: E731
            harness.wait_until(lambda: letters("far.test") and letters("other.test"), 20, "letters", describe=server.told)
            (letter,) = letters("far.test")
            text = letter.read_text()
            self.assertTrue(text.startswith("Return-Path: <alice@example.test>\nX-Envelope-To: bob@far.test\nX-Envelope-To: carl@far.test\nReceived:"), text)
            self.assertTrue(text.endswith("Subject: away\n\nGood day\n"), text)
            self.assertTrue((folder / "far.test/error").is_dir())
            self.assertEqual(receiver.sessions, 0)


class Dovecot(unittest.TestCase):
    """Dovecot's LMTP server, unpacked beside."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-lmtp-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        self.root = peers.root("dovecot")
        self.account = pwd.getpwnam("mail" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name)
        group = grp.getgrgid(self.account.pw_gid).gr_name
        for name in ("run", "home"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, self.account.pw_uid, self.account.pw_gid)
        (self.folder / "run/usr").symlink_to(self.root / "usr")
        (self.folder / "people").write_text(f"bob@far.test:::::{self.folder}/home::\ncarl@far.test:::::{self.folder}/home::\n")
        login = "nobody" if os.getuid() == 0 else self.account.pw_name
        (self.folder / "dovecot.conf").write_text(f"""
protocols = lmtp
import_environment = TZ LD_LIBRARY_PATH
base_dir = {self.folder}/run
state_dir = {self.folder}/run
log_path = {self.folder}/log
libexec_dir = {self.root}/usr/lib/dovecot
mail_plugin_dir = {self.root}/usr/lib/dovecot/modules
default_internal_user = {self.account.pw_name}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
first_valid_gid = 1
ssl = no
mail_location = maildir:{self.folder}/home/%u
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = passwd-file
  args = {self.folder}/people
  override_fields = uid={self.account.pw_uid} gid={self.account.pw_gid} home={self.folder}/home
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service lmtp {{
  unix_listener {self.folder}/lmtp.sock {{
    mode = 0666
  }}
}}
""")
        self.process = subprocess.Popen([self.root / "usr/sbin/dovecot", "-F", "-c", self.folder / "dovecot.conf"], cwd=self.root,
                                        env=peers.environment(self.root), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.addCleanup(self.process.wait, 20)
        self.addCleanup(self.process.terminate)
        harness.wait_until(self.answers, 30, "Dovecot's LMTP", describe=self.told)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Dovecot ended\n{self.told()}")
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.folder / "lmtp.sock")) == 0

    def told(self):
        log = self.folder / "log"
        return log.read_text() if log.exists() else "(no log)"

    def test_delivers_there_by_lmtp(self):
        route = {"domain": ["far.test"], "to": f"lmtp:unix:{self.folder}/lmtp.sock"}
        with harness.Posthorn(settings={"route": [route], "queue": {"retry": ["1h"]}}) as server:
            with harness.more_told(self.told), server.one_more("alice") as arrived:
                send(server, "bob@far.test", "nobody@far.test", "carl@far.test", text="Subject: hello\r\n\r\n.dots\r\n..\r\n")
            self.assertIn(b"Final-Recipient: rfc822; nobody@far.test", arrived())
            self.assertEqual(arrived().count(b"Final-Recipient"), 1)
            for user in ("bob", "carl"):
                new = self.folder / f"home/{user}@far.test/new"
                harness.wait_until(lambda at=new: at.is_dir() and list(at.iterdir()), 20, f"mail for {user}", describe=self.told)
                (mail,) = new.iterdir()
                self.assertTrue(mail.read_bytes().endswith(b"\n\n.dots\n..\n"))


if __name__ == "__main__":
    unittest.main()
