#!/usr/bin/env python3
"""The limits of the running program: connections, times, and descriptors."""
import ssl
import time
import unittest

import rig
from rig import Client, harness


def server(**limits):
    return harness.Posthorn(users=["alice"], settings={"limits": limits})


class Limits(unittest.TestCase):
    # ---- connections ----

    def test_more_connections_than_allowed_hear_421_and_the_others_go_on(self):
        with server(connections=5) as posthorn:
            port = posthorn.port("mx")
            clients = [Client(port) for _ in range(5)]
            for client in clients:
                self.assertEqual(client.hear()[:3], "220")
            for _ in range(3):
                self.assertEqual(Client(port).rest()[:4], "421 ")  # a greeting has no enhanced code (RFC 2034 §4)
            clients[0].deliver()
            self.assertEqual(clients[1].ask("QUIT")[:3], "221")
            clients[1].socket.close()
            rig.wait_until(lambda: Client(port).hear()[:3] == "220", 5, "a free place is given again")
            for client in clients:
                client.socket.close()

    def test_more_connections_from_one_address_hear_421_and_other_addresses_are_served(self):
        with server(connections_per_address=3) as posthorn:
            port = posthorn.port("mx")
            clients = [Client(port, source="127.0.0.9") for _ in range(3)]
            for client in clients:
                self.assertEqual(client.hear()[:3], "220")
            self.assertEqual(Client(port, source="127.0.0.9").rest()[:4], "421 ")
            with Client(port, source="127.0.0.10") as other:
                other.deliver()
            for client in clients:
                client.socket.close()

    # ---- times ----

    def test_a_handshake_that_does_not_end_is_given_up(self):
        posthorn = harness.Posthorn(roles=("mx",))
        posthorn.settings["listener"][0]["tls"] = "implicit"
        posthorn.settings["limits"] = {"handshake_timeout": "1s"}
        posthorn.config.write_text(harness.toml(posthorn.settings))
        with posthorn:
            for words in (b"", b"\x16\x03\x01\x02\x00\x01", b"EHLO plain.text\r\n"):
                with self.subTest(words):
                    client = Client(posthorn.port("mx"))
                    client.send(words)
                    began = time.monotonic()
                    while client.read_more():
                        pass
                    self.assertLess(time.monotonic() - began, 5)
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            good = Client(posthorn.port("mx"))
            good.socket = context.wrap_socket(good.socket)
            self.assertEqual(good.hear()[:3], "220")
            good.socket.close()

    # ---- descriptors ----

    def limited(self, descriptors, **limits):
        posthorn = server(**limits)
        posthorn.wrapper = ["prlimit", f"--nofile={descriptors}:{descriptors}"]
        posthorn.pid = lambda: posthorn.process.pid  # prlimit becomes the program
        return posthorn

    def test_a_low_limit_of_descriptors_lowers_the_connections_with_a_warning(self):
        with self.limited(256) as posthorn:
            self.assertIn("the limit of open files allows", posthorn.told())
            clients, greetings = [], []
            for _ in range(250):
                clients.append(Client(posthorn.port("mx"), source=f"127.0.1.{len(clients) % 200 + 1}"))
                greetings.append(clients[-1].hear()[:3])
            self.assertEqual(set(greetings), {"220", "421"})
            self.assertEqual(greetings, sorted(greetings), "whoever came first is served")
            clients[0].deliver()
            posthorn.wait_for_mail("alice", 1)
            for client in clients:
                client.socket.close()


if __name__ == "__main__":
    unittest.main()
