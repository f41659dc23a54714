#!/usr/bin/env python3
"""Mission D, the very light personal mail server: one test for each of its sentences, on the real program."""
import base64
import concurrent.futures
import contextlib
import imaplib
import os
import pathlib
import pwd
import re
import ssl
import subprocess
import sys
import unittest

import stage
from stage import Client, harness, namespaces, rig, wait_until

sys.path.insert(0, str(harness.ROOT / "tests/interop"))
from dovecot_test import Dovecot  # noqa: E402

NUMBERED = {"mailbox": {"format": "numbered"}}


class Mailboxes(unittest.TestCase):
    """Numbered files."""

    def setUp(self):
        self.server = harness.Posthorn(users=["alice", "bob"], settings=NUMBERED)
        self.addCleanup(self.server.remove)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.home = self.server.mail / "alice"

    def numbers(self):
        found = (re.fullmatch(r"(\d+)\.txt", name) for name in os.listdir(self.home)) if self.home.is_dir() else ()
        return sorted(int(match[1]) for match in found if match)

    def send(self, count=1, text=b"Subject: hello\r\n\r\nhello\r\n"):
        with Client(self.server.port("mx")) as client:
            for _ in range(count):
                client.deliver("alice@example.test", text=text)

    def wait_for(self, *numbers):
        wait_until(lambda: self.numbers() == list(numbers), 60, f"mails {numbers}", describe=lambda: f"{self.numbers()}\n{self.server.told()}")

    def test_each_message_is_a_file_whose_name_is_its_order_of_arrival(self):
        for number in range(1, 4):
            self.send(text=f"Subject: number {number}\r\n\r\nx\r\n".encode())
            self.wait_for(*range(1, number + 1))
        for number in range(1, 4):
            self.assertIn(f"Subject: number {number}\n", (self.home / f"{number}.txt").read_text())

    def test_a_status_file_beside_it_holds_its_state_as_an_imap_server_would_start_from(self):
        self.send()
        self.wait_for(1)
        lines = (self.home / "1.status").read_text().splitlines()
        self.assertEqual(lines[:2], ["recent", "unseen"])
        told = re.search(r"message\.accepted .*message=(\S+)", self.server.told())
        self.assertEqual(lines[2], f"id {told[1]}", "the id that the log knows it by")
        self.assertTrue(lines[3].startswith("name "), lines)

    def test_messages_that_arrive_at_the_same_moment_are_ordered_under_a_lock_and_never_collide(self):
        with concurrent.futures.ThreadPoolExecutor(8) as flows:
            for done in [flows.submit(self.send, 5) for _ in range(8)]:
                done.result()
        self.wait_for(*range(1, 41))
        names = {(self.home / f"{number}.status").read_text() for number in range(1, 41)}
        self.assertEqual(len(names), 40, "each is another message")

    def test_the_lock_is_that_of_lockf(self):
        """Whoever holds it by lockf(3) keeps deliveries out; they come when it is free."""
        self.send()
        self.wait_for(1)
        script = f"import fcntl, sys; f = open('{self.home}/.lock', 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
        with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            self.assertEqual(holder.stdout.readline(), "held\n")
            self.send()
            with Client(self.server.port("mx")) as client:
                client.deliver("bob@example.test")
            wait_until(lambda: (self.server.mail / "bob/1.txt").exists(), 20, "bob's mail is not held up", describe=self.server.told)
            self.assertEqual(self.numbers(), [1])
            holder.communicate("")
        self.wait_for(1, 2)

    def test_a_number_given_is_never_given_again(self):
        self.send(2)
        self.wait_for(1, 2)
        for name in ("2.txt", "2.status", "1.txt", "1.status"):
            (self.home / name).unlink()
        self.send()
        self.wait_for(3)


class People(unittest.TestCase):
    def setUp(self):
        self.world = stage.World(self)
        self.server = harness.Posthorn(users=["alice", "bob"], domains=["example.test", "example.net"], settings=self.world.settings)
        self.addCleanup(self.server.remove)
        self.server.start()
        self.addCleanup(self.server.stop)

    def test_a_recipient_who_is_not_on_the_list_is_refused_with_the_right_code_and_nothing_crashes(self):
        with Client(self.server.port("mx")) as client:
            client.hello()
            client.ask("MAIL FROM:<carol@other.test>")
            for name in ("nobody", "ALICE2", "x" * 64, "..", "a/b", '"a b"', '".."', '"../bob"', "-rf", "alice%bob", "grüße"):
                said = client.ask(f"RCPT TO:<{name}@example.test>")
                self.assertIn(said[:9], ("550 5.1.1", "553 5.6.7", "501 5.1.3"), (name, said))
            client.deliver("alice@example.test")
        self.server.wait_for_mail("alice", 1)
        self.assertEqual(self.server.process.poll(), None)
        self.assertEqual([path.name for path in self.server.mail.iterdir()], ["alice"], "no other folder was made")

    def test_several_recipients_in_several_domains_local_and_remote_mixed(self):
        with Client(self.server.port("relay")) as client:
            client.deliver("alice@example.test", "bob@far.test", "bob@example.net", "carl@other.test", "dora@far.test")
        self.server.wait_for_mail("alice", 1)
        self.server.wait_for_mail("bob", 1)
        self.world.wait_for(1, "bob@far.test", "dora@far.test", told=self.server.told)
        self.world.wait_for(2, "carl@other.test", told=self.server.told)
        self.assertEqual(len(self.world.sinks[0].letters), 1, "one transaction for one domain")

    def test_mx_lookup_goes_through_the_resolver(self):
        with Client(self.server.port("relay")) as client:
            client.deliver("bob@nowhere.test", "bob@far.test", text=b"Subject: x\r\n\r\nx\r\n")
        self.world.wait_for(1, "bob@far.test", told=self.server.told)

    def test_commands_ehlo_mail_rcpt_data_quit_and_exit(self):
        for goodbye in ("QUIT", "EXIT"):
            with self.server.one_more("alice"), Client(self.server.port("mx")) as client:
                client.deliver("alice@example.test")
                self.assertTrue(client.ask(goodbye).startswith("221"), goodbye)
                self.assertEqual(client.rest(), "")

    def test_any_command_that_is_not_implemented_has_the_code_for_it(self):
        with Client(self.server.port("mx")) as client:
            client.hello()
            for command in ("EXPN list", "TURN", "SEND FROM:<a@b.test>", "SOML FROM:<a@b.test>", "SAML FROM:<a@b.test>", "ETRN x"):
                self.assertTrue(client.ask(command).startswith("502 5.5.1"), command)
            self.assertTrue(client.ask("DANCE").startswith("500 5.5.2"))
            client.deliver("alice@example.test")


class Sockets(unittest.TestCase):
    """IPv4 and IPv6 on 25, on a real interface and on loopback."""

    @classmethod
    def setUpClass(cls):
        cls.net = namespaces.Net()
        cls.addClassCleanup(cls.net.remove)

    def server(self, arguments):
        configuration = 'hostname = "mx.example.test"\nstate = "FOLDER/state"\n[process]\nuser = ""\n[mailbox]\naliases = ""\nusers = "FOLDER/users"\n'
        configuration += 'root = "FOLDER/mail"\nformat = "numbered"\n'
        return rig.Program(arguments, configuration, prefix=["ip", "netns", "exec", self.net.server])

    def client(self, host, outside):
        with self.net.within(self.net.outside if outside else self.net.server):
            return Client(25, host)

    def test_loopback_clients_may_send_anywhere_network_clients_to_local_mailboxes_by_ipv4_and_ipv6(self):
        with self.server(["-s", "example.test"]) as server:
            for host, outside in (("127.0.0.1", False), ("::1", False), ("10.77.0.1", True), ("fd77::1", True)):
                with self.client(host, outside) as client:
                    client.hello()
                    client.ask("MAIL FROM:<alice@example.test>")
                    said = client.ask("RCPT TO:<someone@elsewhere.test>")
                    self.assertTrue(said.startswith("550 5.7.1" if outside else "250"), (host, said))
                    client.ask("RSET")
                    client.deliver("alice@example.test")
            wait_until(lambda: (server.mail / "alice/4.txt").exists(), 20, "four mails", describe=server.told)

    def test_one_that_is_slow_on_one_socket_does_not_hold_up_the_other(self):
        with self.server(["-s", "example.test"]), self.client("10.77.0.1", True) as slow:
            slow.data("alice@example.test")
            slow.send(b"Subject: slow\r\n\r\nhalf a li")
            with self.client("127.0.0.1", False) as quick:
                quick.deliver("alice@example.test")
            slow.send(b"ne\r\n.\r\n")
            self.assertTrue(slow.hear().startswith("250"))

    def test_the_storage_folder_and_the_domains_are_options_short_and_long(self):
        for options in (["-R", "FOLDER/other", "-s", "first.test", "-s", "second.test"],
                        ["--mail-root", "FOLDER/other", "--domain", "first.test", "--domain", "second.test"]):
            server = self.server(options)
            with server, self.client("127.0.0.1", False) as client:
                client.deliver("alice@first.test", "alice@second.test")
                wait_until(lambda: (server.folder / "other/alice/2.txt").exists(), 20, "both", describe=server.told)

    def test_the_default_folder_is_var_spool_mail(self):
        told = subprocess.run([harness.program(), "help", "settings", "--toml"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(told, r'(?m)^#? ?root *= "/var/spool/mail"')

    def test_every_thread_of_control_ends_cleanly(self):
        with self.server(["-s", "example.test"]) as server, self.client("127.0.0.1", False) as client:
            client.hello()
            family = rig.family_of(server.process.pid)
            self.assertEqual(server.stop(), 0)
            self.assertTrue(client.hear().startswith("421"))
            for each in family:
                self.assertFalse(pathlib.Path(f"/proc/{each}").exists() and rig.status_of(each)["State"][0] != "Z", each)
            self.assertNotRegex(server.told(), "Sanitizer:|terminate")


CLIENTS = {
    # What each says, as far as the server can tell them apart; {auth} is the user's name and password.
    "thunderbird": ["EHLO [192.168.1.20]", "AUTH PLAIN {plain}", "MAIL FROM:<alice@example.test> BODY=8BITMIME SIZE=372"],
    "apple_mail": ["EHLO smtpclient.apple", "AUTH PLAIN {plain}", "MAIL FROM:<alice@example.test>"],
    "outlook": ["EHLO DESKTOP-4QF9T2K", "AUTH LOGIN", "{user}", "{password}", "MAIL FROM: <alice@example.test>"],
    "k9": ["EHLO [127.0.0.1]", "AUTH PLAIN {plain}", "MAIL FROM:<alice@example.test> BODY=8BITMIME"],
}


class Acceptance(unittest.TestCase):
    """A mail client set up with this server as its outgoing one sends to addresses of all kinds; a stranger sends from outside; a
    real IMAP server shows what lies there."""

    def setUp(self):
        account = "daemon" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.world = stage.World(self)
        ports = harness.free_ports(2)
        self.ports = {"tls": ports[0], "starttls": ports[1]}
        submission = [{"address": [f"127.0.0.1:{self.ports['tls']}"], "role": "submission", "tls": "implicit"},
                      {"address": [f"127.0.0.1:{self.ports['starttls']}"], "role": "submission", "tls": "starttls"}]
        self.server = harness.Posthorn(users=["alice", "bob"], account=account if os.getuid() == 0 else "",
                                       settings={**self.world.settings, "listener": submission})
        (mx,) = harness.free_ports(1)
        self.server.ports["mx"] = mx
        self.server.settings["listener"] = [*submission, {"address": [f"127.0.0.1:{mx}"], "role": "mx", "tls": "none"}]
        self.server.config.write_text(harness.toml(self.server.settings))
        subprocess.run([harness.program(), "user", "passwd", "-c", self.server.config, "alice"], input="opensesame\n", text=True, check=True,
                       capture_output=True)
        self.addCleanup(self.server.remove)
        self.server.start()
        self.addCleanup(self.server.stop)
        self.dovecot = Dovecot(self.server.folder / "dovecot", self.server.mail, account)
        self.addCleanup(self.dovecot.stop)
        self.dovecot.start()

    def connect(self, name):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = Client(self.ports["starttls" if name in ("thunderbird", "outlook") else "tls"])
        if name in ("thunderbird", "outlook"):
            client.hear()
            client.ask("EHLO [192.168.1.20]")
            client.ask("STARTTLS")
            client.socket = context.wrap_socket(client.socket)
        else:
            client.socket = context.wrap_socket(client.socket)
            client.hear()
        self.addCleanup(client.socket.close)
        return client

    def send(self, name, recipients):
        client = self.connect(name)
        words = {"plain": base64.b64encode(b"\0alice\0opensesame").decode(), "user": base64.b64encode(b"alice").decode(),
                 "password": base64.b64encode(b"opensesame").decode()}
        for line in CLIENTS[name]:
            said = client.ask(line.format(**words))
            self.assertRegex(said.splitlines()[-1], "^(250|334|235)", (line, said))
        for recipient in recipients:
            said = client.ask(f"RCPT TO:<{recipient}>")
            self.assertTrue(said.startswith("250"), (recipient, said))
        self.assertTrue(client.ask("DATA").startswith("354"))
        text = (f"From: Alice <alice@example.test>\r\nTo: {', '.join(recipients)}\r\nSubject: from {name}\r\nMIME-Version: 1.0\r\n"
                "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngrüße\r\n.\r\n")
        self.assertTrue(client.ask(text.encode()).startswith("250"))
        self.assertTrue(client.ask("QUIT").startswith("221"))

    def subjects(self, user):
        imap = imaplib.IMAP4("127.0.0.1", self.dovecot.port, timeout=20)
        with contextlib.closing(imap):
            imap.login(user, "any")
            imap.select("INBOX")
            found = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
            return sorted(part[1].decode().strip() for part in found if isinstance(part, tuple))

    def test_mail_clients_send_to_addresses_of_all_kinds_and_dovecot_shows_what_came(self):
        for name in CLIENTS:
            with self.subTest(name):
                self.send(name, ["bob@example.test", "Bob+tag@EXAMPLE.test", "bob@far.test", "carl@other.test", '"a b"@far.test'])
        self.server.wait_for_mail("bob", 2 * len(CLIENTS))
        self.world.wait_for(1, "bob@far.test", '"a b"@far.test', told=self.server.told)
        self.world.wait_for(2, "carl@other.test", told=self.server.told)
        self.assertEqual(self.subjects("bob"), sorted(2 * [f"Subject: from {name}" for name in CLIENTS]))

    def test_mail_from_outside_is_found_on_disk_and_by_dovecot(self):
        with Client(self.server.port("mx")) as client:
            client.deliver("alice@example.test", "bob@example.test", text=b"From: c@other.test\r\nSubject: from outside\r\n\r\nhello\r\n")
        for user in ("alice", "bob"):
            (text,) = self.server.wait_for_mail(user, 1)
            self.assertTrue(text.startswith(b"Return-Path: <carol@other.test>\nDelivered-To: "), text)
            self.assertEqual(self.subjects(user), ["Subject: from outside"])


if __name__ == "__main__":
    namespaces.become_root_of_a_namespace()
    unittest.main()
