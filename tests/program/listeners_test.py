#!/usr/bin/env python3
"""Where the server listens, shown on networks of its own: by address and by interface, loopback and network on one port,
IPv4 and IPv6, the defaults on port 25, and every option of `serve`."""
import re
import socket
import ssl
import unittest

import namespaces
import rig

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
V4, V6, V4_OTHER, V6_OTHER = "10.77.0.1", "fd77::1", "10.78.0.1", "fd78::1"


class Listeners(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = namespaces.Net()

    @classmethod
    def tearDownClass(cls):
        cls.net.remove()

    def program(self, listeners="", arguments=(), configuration=BASE, **options):
        prefix = ["ip", "netns", "exec", self.net.server, *options.pop("prefix", [])]
        return rig.Program(arguments, configuration + listeners, prefix=prefix, **options)

    def client(self, host, port, outside=True):
        with self.net.within(self.net.outside if outside else self.net.server):
            return rig.Client(port, host)

    def role(self, host, port, outside=True):
        """What the listener that answers there lets one do: found out by a remote recipient."""
        with self.client(host, port, outside) as client:
            client.hello()
            said = client.ask("MAIL FROM:<carol@other.test>")
            if said.startswith("530"):
                return "submission"
            said = client.ask("RCPT TO:<someone@elsewhere.test>")
            self.assertIn(said[:9], ("250 2.1.5", "550 5.7.1"), said)
            local = client.ask("RCPT TO:<alice@example.test>")
            self.assertEqual(local[:3], "250", local)
            return "relay" if said.startswith("250") else "mx"

    def assert_closed(self, host, port, outside=True):
        with self.assertRaises(OSError):
            self.client(host, port, outside)

    def test_without_a_listener_the_more_specific_socket_wins(self):
        with self.program() as server:
            line = server.ready_line()
            for part in ("mx 0.0.0.0:25", "mx [::]:25", "relay 127.0.0.1:25", "relay [::1]:25", "submission 0.0.0.0:465",
                         "submission [::]:587"):
                self.assertIn(part, line)
            for host in (V4, V6, V4_OTHER, V6_OTHER):
                self.assertEqual(self.role(host, 25), "mx", host)
                self.assertEqual(self.role(host, 25, outside=False), "mx", host)
            for host in ("127.0.0.1", "::1"):
                self.assertEqual(self.role(host, 25, outside=False), "relay", host)
            self.assertEqual(self.role("127.0.0.2", 25, outside=False), "mx")
            self.assertEqual(self.role(V4, 587), "submission")
            with self.client(V4, 587) as client:
                self.assertIn("STARTTLS", client.hello())
            self.assertIn("220 mx.example.test", self.greeting_in_tls(V6, 465))

    def greeting_in_tls(self, host, port):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = self.client(host, port)
        plain.socket = context.wrap_socket(plain.socket)
        with plain as client:
            return client.greeting

    def test_by_interface_only_what_comes_in_there_is_served(self):
        with self.program('[[listener]]\ninterface = "net0"\nport = 25\nrole = "mx"\ntls = "none"\n') as server:
            self.assertIn("on net0", server.ready_line())
            self.assertEqual(self.role(V4, 25), "mx")
            self.assertEqual(self.role(V6, 25), "mx")
            for host in (V4_OTHER, V6_OTHER):
                self.assert_closed(host, 25)
            self.assert_closed("127.0.0.1", 25, outside=False)

    def test_by_address_only_that_address_is_served(self):
        with self.program(f'[[listener]]\naddress = ["{V4_OTHER}:25", "[{V6}]:25"]\nrole = "relay"\ntls = "none"\n'):
            self.assertEqual(self.role(V4_OTHER, 25), "relay")
            self.assertEqual(self.role(V6, 25), "relay")
            for host in (V4, V6_OTHER):
                self.assert_closed(host, 25)

    def test_loopback_and_two_networks_on_one_port(self):
        """In whatever order they stand in the file."""
        listeners = [f'[[listener]]\n{where}\nrole = "{role}"\ntls = "none"\n' for where, role in (
            ('interface = "lo"\nport = 2525', "relay"), ('address = ["0.0.0.0:2525", "[::]:2525"]', "mx"),
            ('interface = "net0"\nport = 2525', "relay"), (f'address = ["{V4_OTHER}:2525"]', "relay"))]
        for order in (listeners, listeners[::-1], listeners[1:] + listeners[:1]):
            self.check_many_on_one_port("".join(order))

    def check_many_on_one_port(self, listeners):
        with self.program(listeners):
            self.assertEqual(self.role("127.0.0.1", 2525, outside=False), "relay")
            self.assertEqual(self.role("::1", 2525, outside=False), "relay")
            self.assertEqual(self.role(V4, 2525), "relay")
            self.assertEqual(self.role(V6, 2525), "relay")
            self.assertEqual(self.role(V4_OTHER, 2525), "relay")
            self.assertEqual(self.role(V6_OTHER, 2525), "mx")
            self.assertEqual(self.role(V4, 2525, outside=False), "relay", "to its own address a host speaks by loopback")

    def test_an_interface_that_is_not_there_refuses_the_start(self):
        server = self.program('[[listener]]\ninterface = "net9"\nport = 25\n').begin()
        self.assertNotEqual(server.status(), 0)
        self.assertIn("net9", server.told())

    def test_a_port_that_another_program_holds_refuses_the_start(self):
        with self.net.within(self.net.server):
            holder = socket.create_server((V4, 25))
        with holder:
            server = self.program(f'[[listener]]\naddress = ["{V4}:25"]\n').begin()
            self.assertEqual(server.status(), 75, server.told())
            self.assertIn(f"{V4}:25", server.told())

    def test_without_the_right_to_low_ports_loopback_on_high_ones(self):
        nobody = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--reuid=65534", "--regid=65534", "--clear-groups"]
        server = self.program(prefix=nobody)
        server.folder.chmod(0o777)
        with server:
            line = server.ready_line()
            for part in ("relay 127.0.0.1:2525", "relay [::1]:2525", "submission 127.0.0.1:2465", "submission [::1]:2587"):
                self.assertIn(part, line)
            self.assertEqual(self.role("127.0.0.1", 2525, outside=False), "relay")
            self.assert_closed(V4, 2525)

    # ---- the options of serve ----

    def test_option_port_listens_everywhere_as_mx_and_relays_for_loopback(self):
        with self.program(arguments=["-p", "2600"]):
            for host in (V4, V6_OTHER):
                self.assertEqual(self.role(host, 2600), "mx")
            for host in ("127.0.0.1", "::1"):
                self.assertEqual(self.role(host, 2600, outside=False), "relay")
            self.assert_closed(V4, 25)
            self.assert_closed("127.0.0.1", 25, outside=False)

    def test_option_loopback_listens_there_only_as_relay(self):
        with self.program(arguments=["-l"]):
            self.assertEqual(self.role("127.0.0.1", 25, outside=False), "relay")
            self.assertEqual(self.role("::1", 25, outside=False), "relay")
            self.assert_closed(V4, 25)

    def test_option_interface_with_port_replaces_the_listeners_of_the_file(self):
        with self.program(f'[[listener]]\naddress = ["{V4}:25"]\n', ["--interface", "net1", "--port", "2601"]):
            self.assertEqual(self.role(V4_OTHER, 2601), "mx")
            self.assertEqual(self.role(V6_OTHER, 2601), "mx")
            self.assert_closed(V4, 2601)
            self.assert_closed(V4, 25)

    def test_option_interface_loopback_is_a_relay(self):
        with self.program(arguments=["-i", "lo", "-p", "2602"]):
            self.assertEqual(self.role("127.0.0.1", 2602, outside=False), "relay")
            self.assert_closed(V4, 2602)

    def test_options_of_users_domains_mail_and_log(self):
        arguments = ["-l", "-p", "2603", "-s", "first.test", "-s", "second.test", "-R", "FOLDER/other", "-j", "FOLDER/log",
                     "-n", "debug", "-u", "FOLDER/more"]
        server = self.program(arguments=arguments)
        (server.folder / "more").write_text("dora\n")
        server.mail = server.folder / "other"
        with server:
            with self.client("127.0.0.1", 2603, outside=False) as client:
                client.hello()
                client.ask("MAIL FROM:<x@other.test>")
                self.assertEqual(client.ask("RCPT TO:<alice@first.test>")[:9], "550 5.1.1")
                client.deliver("dora@first.test", "dora@second.test")
            rig.wait_until(lambda: server.names("dora"), 20, "mail for dora", describe=server.told)
            log = server.folder / "log"
            rig.wait_until(lambda: re.search(r" info message\.accepted ", log.read_text()), 5, "the message in the log",
                           describe=log.read_text)
            self.assertNotIn("message.accepted", server.told())

    def test_option_log_level_and_debug(self):
        with self.program(arguments=["-l", "-p", "2604", "-n", "error"]) as server:
            with self.client("127.0.0.1", 2604, outside=False) as client:
                client.deliver()
            rig.wait_until(lambda: server.names("alice"), 20, "mail", describe=server.told)
            self.assertNotIn(" info ", server.told())
        with self.program(arguments=["-l", "-p", "2605", "-D"]) as server:
            with self.client("127.0.0.1", 2605, outside=False) as client:
                client.deliver()
            rig.wait_until(lambda: " info message.accepted" in server.told(), 5, "the log", describe=server.told)

    def test_options_that_make_no_sense_are_named(self):
        for arguments, word in ((["-p", "65536"], "port"), (["-p", "x"], "port"), (["-l", "-i", "net0"], "loopback"),
                                (["-n", "loud"], "log-level"), (["-s", "no domain"], "domain"), (["-i", ""], "interface")):
            with self.subTest(arguments):
                server = self.program(arguments=arguments).begin()
                self.addCleanup(server.kill)
                self.assertEqual(server.status(), 64, server.told())
                self.assertIn(word, server.told())


if __name__ == "__main__":
    namespaces.become_root_of_a_namespace()
    unittest.main()
