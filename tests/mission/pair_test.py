#!/usr/bin/env python3
"""Mission B, the submission server and the receiving server with an outgoing queue: one test for each of its sentences, on the
real program. Whatever needs ports of its own, such as 25 and 465, runs in networks made for it."""
import re
import signal
import socket
import subprocess
import threading
import unittest

import stage
from stage import Client, harness, namespaces, rig, wait_until

BASE = """
hostname = "mx.example.test"
domains = ["example.test"]
state = "FOLDER/state"
[mailbox]
root = "FOLDER/mail"
users = "FOLDER/users"
aliases = "FOLDER/aliases"
[process]
user = ""
"""
NETWORK = "10.77.0.1"


class Queue(unittest.TestCase):
    """Outgoing mail, with other servers found through DNS."""

    def setUp(self):
        self.world = stage.World(self)
        self.server = harness.Posthorn(settings=self.world.settings)
        self.addCleanup(self.server.remove)
        self.server.start()
        self.addCleanup(self.server.stop)

    def send(self, *recipients, text=b"Subject: away\r\n\r\nGood day\r\n"):
        with Client(self.server.port("relay")) as client:
            client.deliver(*recipients, text=text)

    def test_mail_refused_for_a_transient_cause_waits_in_a_queue_and_is_retried(self):
        for each in self.world.sinks:
            each.answers["RCPT"] = "450 4.2.0 greylisted, come again"
        self.send("bob@far.test")
        wait_until(lambda: "4.2.0" in self.server.told(), 20, "the refusal", describe=self.server.told)
        listed = subprocess.run([harness.program(), "queue", "list", "-c", self.server.config], capture_output=True, text=True, check=True)
        self.assertIn("bob@far.test", listed.stdout)
        for each in self.world.sinks:
            each.answers.clear()
        self.world.wait_for(1, "bob@far.test", told=self.server.told)

    def test_mx_servers_are_tried_in_order_of_preference_and_the_next_one_only_if_the_one_before_failed(self):
        self.world.sinks[0].answers["MAIL"] = "451 4.3.0 not now"
        self.send("bob@far.test")
        self.world.wait_for(2, "bob@far.test", told=self.server.told)
        self.assertGreater(self.world.sinks[0].sessions, 0, "the first one was asked before")

    def test_after_a_success_no_other_is_contacted(self):
        self.send("bob@far.test")
        self.world.wait_for(1, "bob@far.test", told=self.server.told)
        self.assertEqual(self.world.sinks[1].sessions, 0)

    def test_replies_of_several_lines_are_read_whole(self):
        """A dash in the fourth column means: more follows."""
        self.world.sinks[0].answers["220"] = "220-sink.test\r\n220-welcomes\r\n220 you"
        self.world.sinks[0].answers["RCPT TO:<bad"] = "550-5.1.1 The address\r\n550-5.1.1 that you gave\r\n550 5.1.1 is not here"
        with self.server.one_more("alice") as report, Client(self.server.port("relay")) as client:
            client.hello()
            client.ask("MAIL FROM:<alice@example.test>")
            client.ask("RCPT TO:<bad@far.test>")
            client.ask("RCPT TO:<good@far.test>")
            client.ask("DATA")
            client.ask(b"Subject: x\r\n\r\nx\r\n.\r\n")
        self.world.wait_for(1, "good@far.test", told=self.server.told)
        text = report()
        for part in (b"The address", b"that you gave", b"is not here"):
            self.assertIn(part, text)

    def test_contents_never_act_as_a_format_a_command_or_an_end_of_data_mark(self):
        """Dot-stuffing both ways: what comes out at the other server and in the mailbox is what went in."""
        lines = [b"%s%n%d%999999s", b"QUIT", b"MAIL FROM:<x@y>", b".", b"..", b".QUIT", b"From here", b"\\r\\n.\\r\\n", b"$(reboot)", b""]
        stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
        with self.server.one_more("alice") as arrived:
            self.send("bob@far.test", "alice@example.test", text=b"Subject: x\r\n\r\n" + stuffed)
        self.world.wait_for(1, "bob@far.test", told=self.server.told)
        body = b"\n".join(lines) + b"\n"
        self.assertTrue(arrived().endswith(b"Subject: x\n\n" + body), arrived())
        self.assertTrue(self.world.sinks[0].letters[0].text.endswith(b"Subject: x\r\n\r\n" + body.replace(b"\n", b"\r\n")))


class Receiving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Posthorn(users=["alice", "bob"]).start()
        cls.addClassCleanup(cls.server.remove)
        cls.addClassCleanup(cls.server.stop)

    def test_only_mail_for_local_users_is_stored_and_nothing_is_relayed_for_strangers(self):
        with Client(self.server.port("mx")) as client:
            client.hello()
            client.ask("MAIL FROM:<carol@other.test>")
            self.assertTrue(client.ask("RCPT TO:<someone@elsewhere.test>").startswith("550 5.7.1"))
            self.assertTrue(client.ask("RCPT TO:<nobody@example.test>").startswith("550 5.1.1"))
            self.assertTrue(client.ask("RCPT TO:<bob@example.test>").startswith("250"))
            self.assertTrue(client.ask("DATA").startswith("354"))
            self.assertTrue(client.ask(b"Subject: x\r\n\r\nx\r\n.\r\n").startswith("250"))
        self.server.wait_for_mail("bob", 1)
        self.assertEqual(sorted(path.name for path in self.server.mail.iterdir() if path.name != "alice"), ["bob"])

    def test_delivery_writes_into_tmp_and_moves_to_new_by_rename(self):
        with self.server.one_more("alice"), Client(self.server.port("mx")) as client:
            client.deliver()
        home = self.server.mail / "alice"
        watch = stage.FolderWatch(home / "tmp", home / "new")
        self.addCleanup(watch.close)
        with self.server.one_more("alice"), Client(self.server.port("mx")) as client:
            client.deliver()
        events = watch.events()
        self.assertEqual([(what, folder) for what, folder, _, _ in events], [("create", "tmp"), ("from", "tmp"), ("to", "new")], events)
        self.assertEqual(len({name for _, _, name, _ in events}), 1, "one name all the way")
        self.assertEqual(events[1][3], events[2][3], "one rename")

    def test_file_names_are_unique_by_second_process_and_a_counter_shared_by_every_flow_of_execution(self):
        before = len(self.server.names("bob"))

        def send():
            with Client(self.server.port("mx")) as client:
                for _ in range(5):
                    client.deliver("bob@example.test")

        flows = [threading.Thread(target=send) for _ in range(8)]
        for flow in flows:
            flow.start()
        for flow in flows:
            flow.join()
        self.server.wait_for_mail("bob", before + 40, 60)
        parts = [re.fullmatch(r"(\d+)\.M(\d+)P(\d+)Q(\d+)\.mx\.example\.test", name) for name in self.server.names("bob")]
        self.assertTrue(all(parts), self.server.names("bob"))
        self.assertEqual(len({part[3] for part in parts}), 1, "one process")
        self.assertEqual(len({part[4] for part in parts}), len(parts), "no number of the counter twice")

    def test_the_success_code_of_each_step_is_the_right_one(self):
        with Client(self.server.port("mx")) as client:
            self.assertTrue(client.greeting.startswith("220 mx.example.test"), client.greeting)
            for command, code in (("HELO client.other.test", "250"), ("EHLO client.other.test", "250"), ("MAIL FROM:<a@other.test>", "250"),
                                  ("RCPT TO:<alice@example.test>", "250"), ("DATA", "354")):
                self.assertTrue(client.ask(command).startswith(code), command)
            self.assertTrue(client.ask(b"Subject: x\r\n\r\nx\r\n.\r\n").startswith("250"))
            self.assertTrue(client.ask("QUIT").startswith("221"))
            self.assertEqual(client.rest(), "")

    def test_spoken_to_by_hand_as_with_nc(self):
        """All at once, as somebody pastes it into nc: PIPELINING."""
        words = ("EHLO me\r\nMAIL FROM:<carol@other.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n"
                 "Subject: by hand\r\n\r\nhello\r\n.\r\nQUIT\r\n")
        with self.server.one_more("alice") as arrived, socket.create_connection(("127.0.0.1", self.server.port("mx")), 20) as connection:
            connection.sendall(words.encode())
            said = b""
            while more := connection.recv(65536):
                said += more
        codes = [line[:3] for line in said.decode().splitlines() if line[3:4] == " "]
        self.assertEqual(codes, ["220", "250", "250", "250", "354", "250", "221"], said)
        self.assertIn(b"\nSubject: by hand\n\nhello\n", arrived())


class Networks(unittest.TestCase):
    """Ports 25 and 465 on a real interface and on loopback, in a network of the test's own."""

    @classmethod
    def setUpClass(cls):
        cls.net = namespaces.Net()
        cls.addClassCleanup(cls.net.remove)

    def program(self, listeners="", arguments=(), configuration=BASE, **options):
        return rig.Program(arguments, configuration + listeners, prefix=["ip", "netns", "exec", self.net.server], **options)

    def client(self, host, port, outside):
        with self.net.within(self.net.outside if outside else self.net.server):
            return Client(port, host)

    def check_roles(self, network, loopback):
        """Port 25: from outside only local mailboxes, from here anywhere. `network` and `loopback` are the servers' folders."""
        with self.client(NETWORK, 25, outside=True) as client:
            client.hello()
            client.ask("MAIL FROM:<carol@other.test>")
            self.assertTrue(client.ask("RCPT TO:<someone@elsewhere.test>").startswith("550 5.7.1"))
            client.deliver("alice@example.test")
        with self.client("127.0.0.1", 25, outside=False) as client:
            client.begin("someone@elsewhere.test", sender="alice@example.test")
            client.ask("RSET")
            client.deliver("alice@example.test")
        wanted = 2 if network is loopback else 1
        for server in (network, loopback):
            wait_until(lambda each=server: len(each.names("alice")) == wanted, 20, "mail for alice", describe=server.told)

    def test_plain_on_25_upgrade_on_25_and_tls_from_the_first_byte_on_465(self):
        with self.program() as server:
            with self.client(NETWORK, 25, outside=True) as client:
                client.deliver()
            with self.client(NETWORK, 25, outside=True) as client:
                self.assertIn("STARTTLS", client.hello())
                self.assertTrue(client.ask("STARTTLS").startswith("220"))
                client.socket = harness.any_certificate().wrap_socket(client.socket)
                self.assertNotIn("STARTTLS", client.hello())
                client.deliver()
            plain = self.client(NETWORK, 465, outside=True)
            plain.socket = harness.any_certificate().wrap_socket(plain.socket)
            with plain as client:
                self.assertTrue(client.greeting.startswith("220 mx.example.test"))
                self.assertIn("AUTH", client.hello())
                self.assertTrue(client.ask("MAIL FROM:<alice@example.test>").startswith("530 5.7.0"))
            wait_until(lambda: len(server.names("alice")) == 2, 20, "both", describe=server.told)

    def test_both_roles_on_one_machine_as_one_process_with_two_listeners(self):
        listeners = '[[listener]]\ninterface = "net0"\nport = 25\nrole = "mx"\n[[listener]]\ninterface = "lo"\nport = 25\nrole = "relay"\n'
        with self.program(listeners) as server:
            self.check_roles(server, server)

    def test_as_one_process_each_listener_has_its_own_journal_level_and_options(self):
        listeners = ('[[listener]]\ninterface = "net0"\nport = 25\nrole = "mx"\ntls = "none"\nlog = "FOLDER/network"\n'
                     '[[listener]]\ninterface = "lo"\nport = 25\nrole = "relay"\nlog = "FOLDER/loopback"\nlog_level = "debug"\n')
        with self.program(listeners) as server:
            network, loopback = server.folder / "network", server.folder / "loopback"

            def deliver():
                for host, outside in ((NETWORK, True), ("127.0.0.1", False)):
                    with self.client(host, 25, outside) as client:
                        self.assertEqual("STARTTLS" in client.hello(), not outside)
                        client.deliver()

            def wait_for(journal, words):
                wait_until(lambda: journal.exists() and words in journal.read_text(), 20, f"{words} in {journal}", describe=server.told)
            deliver()
            for journal in (network, loopback):
                wait_for(journal, " info message.accepted ")
            wait_for(loopback, " debug session.reply ")
            self.assertNotIn(" debug ", network.read_text())
            wait_until(lambda: server.told().count(" recipient.delivered ") == 2, 20, "the rest in the server's log", describe=server.told)
            self.assertNotIn("message.accepted", server.told())

            # SIGHUP opens them by their names again, and what the file says now counts.
            network.rename(server.folder / "network.1")
            server.config.write_text(server.config.read_text().replace('log_level = "debug"', 'log_level = "error"'))
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "configuration.reloaded" in server.told(), 20, "the reload", describe=server.told)
            deliver()
            wait_for(network, " info message.accepted ")
            wait_until(lambda: server.told().count(" recipient.delivered ") == 4, 20, "all delivered", describe=server.told)
            self.assertEqual(loopback.read_text().count(" message.accepted "), 1, "only errors now")

    def test_both_roles_on_one_machine_as_two_processes_each_with_its_own_options(self):
        """-i and -l; a journal file, a journal level, a mail folder and a users map for each."""
        options = ["-R", "FOLDER/mail", "-u", "FOLDER/users", "-j", "FOLDER/journal", "-s", "example.test", "-p", "25"]
        network = self.program(arguments=["-i", "net0", "-n", "error", *options])
        loopback = self.program(arguments=["-l", "-n", "debug", *options], users=("alice", "dora"))
        with network, loopback:
            self.assertIn("mx", network.ready_line())
            self.assertIn("relay", loopback.ready_line())
            self.check_roles(network, loopback)
            with self.client(NETWORK, 25, outside=True) as client:
                client.hello()
                client.ask("MAIL FROM:<carol@other.test>")
                self.assertTrue(client.ask("RCPT TO:<dora@example.test>").startswith("550 5.1.1"), "each has its own users")
            with self.client("127.0.0.1", 25, outside=False) as client:
                client.deliver("dora@example.test")
            journals = [(server.folder / "journal").read_text() for server in (network, loopback)]
            self.assertNotIn(" info ", journals[0], "only errors")
            self.assertIn(" info message.accepted", journals[1])

    def test_each_option_alone(self):
        """Interface, port, journal file, journal level, mail folder, users map, loopback only."""
        cases = ((["-i", "net1"], "10.78.0.1", 25), (["-i", "net0", "-p", "2600"], NETWORK, 2600), (["-p", "2601"], NETWORK, 2601))
        for arguments, host, port in cases:
            with self.subTest(arguments), self.program(arguments=arguments), self.client(host, port, outside=True) as client:
                self.assertTrue(client.greeting.startswith("220"))
        with self.program(arguments=["-l"]), self.assertRaises(OSError):
            self.client(NETWORK, 25, outside=True)
        arguments = ["-l", "-j", "FOLDER/journal", "-n", "info", "-R", "FOLDER/letters", "-u", "FOLDER/people"]
        server = self.program(arguments=arguments)
        (server.folder / "people").write_text("erna\n")
        server.mail = server.folder / "letters"
        with server, self.client("127.0.0.1", 25, outside=False) as client:
            client.deliver("erna@example.test")
            wait_until(lambda: server.names("erna"), 20, "mail for erna", describe=server.told)
            self.assertIn("message.accepted", (server.folder / "journal").read_text())


if __name__ == "__main__":
    namespaces.become_root_of_a_namespace()
    unittest.main()
