#!/usr/bin/env python3
"""Load balancers and filters in front: the PROXY protocol in both versions, with STARTTLS and with TLS from the first byte in
the same segment, and XCLIENT; only from the networks that the configuration names, and the client's address counts then."""
import contextlib
import socket
import ssl
import struct
import unittest

import harness

CLIENT = "192.0.2.77"


def v1(client=CLIENT):
    return f"PROXY TCP4 {client} 198.51.100.1 56324 25\r\n".encode()


def v2(client="2001:db8::77"):
    block = socket.inet_pton(socket.AF_INET6, client) + socket.inet_pton(socket.AF_INET6, "2001:db8::1") + struct.pack("!HH", 4711, 25)
    block += b"\x04\x00\x03abc"  # a further field, to be skipped
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x21" + struct.pack("!H", len(block)) + block


class Wire:
    """A connection by hand."""

    def __init__(self, port, source=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0) if source else None)
        self.file = self.socket.makefile("rb")

    def send(self, octets):
        self.socket.sendall(octets)

    def reply(self):
        lines = []
        while True:
            line = self.file.readline()
            lines.append(line.decode(errors="replace").rstrip("\r\n"))
            if len(line) < 4 or line[3:4] != b"-":
                return lines

    def say(self, words):
        self.send(words.encode() + b"\r\n")
        return self.reply()

    def message(self, recipient="alice@example.test"):
        for words, code in [(f"MAIL FROM:<carol@other.test>", "250"), (f"RCPT TO:<{recipient}>", "250"), ("DATA", "354"), ("Subject: x\r\n\r\nbody\r\n.", "250")]:
            answer = self.say(words)
            assert answer[-1].startswith(code), answer

    def is_closed(self):
        with contextlib.suppress(ConnectionError):
            return self.file.read(1) == b""
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()


class Proxies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        roles = ("proxied", "tls", "strict", "xclient", "submission")
        cls.server = harness.Posthorn(users=["alice"], roles=roles)
        ports = cls.server.ports
        cls.server.settings["listener"] = [
            {"address": [f"127.0.0.1:{ports['proxied']}"], "role": "mx", "tls": "starttls", "proxy_from": ["127.0.0.0/29"]},
            {"address": [f"127.0.0.1:{ports['tls']}"], "role": "mx", "tls": "implicit", "proxy_from": ["127.0.0.0/29"]},
            {"address": [f"127.0.0.1:{ports['strict']}"], "role": "mx", "tls": "none", "proxy_from": ["10.0.0.0/8"]},
            {"address": [f"127.0.0.1:{ports['xclient']}"], "role": "mx", "tls": "none", "xclient_from": ["127.0.0.1", "192.0.2.9"]},
            {"address": [f"127.0.0.1:{ports['submission']}"], "role": "submission", "tls": "none", "xclient_from": ["127.0.0.1"]},
        ]
        cls.server.settings["limits"] = {"connections_per_address": 3, "handshake_timeout": "2s"}
        cls.server.config.write_text(harness.toml(cls.server.settings))
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def wire(self, role, source=None):
        return Wire(self.server.port(role), source)

    def test_both_versions_name_the_client(self):
        for header, literal in [(v1(), f"[{CLIENT}]"), (v2(), "[IPv6:2001:db8::77]")]:
            with self.server.one_more("alice") as arrived, self.wire("proxied") as wire:
                wire.send(header)
                self.assertTrue(wire.reply()[0].startswith("220"))
                wire.say("EHLO client.test")
                wire.message()
            self.assertIn(f"({literal})".encode(), arrived())

    def test_a_header_in_pieces(self):
        with self.wire("proxied") as wire:
            for octet in v1():
                wire.send(bytes([octet]))
            self.assertTrue(wire.reply()[0].startswith("220"))

    def test_the_proxy_speaks_for_itself(self):
        for header in (b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"):
            with self.wire("proxied") as wire:
                wire.send(header)
                self.assertTrue(wire.reply()[0].startswith("220"))

    def test_tls_in_the_same_segment(self):
        """The ClientHello lies behind the header, in one write."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname="mx.example.test")
        with self.wire("tls") as wire:
            header = v1()
            text = b""
            while not text.startswith(b"220"):
                try:
                    text += session.read() if session.version() and session.cipher() else (session.do_handshake() or b"")
                except ssl.SSLWantReadError:
                    wire.send(header + outgoing.read())
                    header = b""
                    incoming.write(wire.socket.recv(65536))

    def test_without_a_header_there_is_no_session(self):
        for octets in (b"EHLO client.test\r\n", b"PROXY TCP4 nonsense\r\n", b"\x16\x03\x01\x00\x05hello"):
            with self.wire("proxied") as wire:
                wire.send(octets)
                self.assertTrue(wire.is_closed())
        with self.wire("proxied") as wire:  # silence
            self.assertTrue(wire.is_closed())
        harness.wait_until(lambda: "proxy.no_header" in self.server.told(), 10, "a line in the log")

    def test_from_elsewhere_it_is_no_header(self):
        with self.wire("strict") as wire:
            self.assertTrue(wire.reply()[0].startswith("220"))
            self.assertTrue(wire.say(v1().decode().strip())[0].startswith("500"))
        with self.wire("proxied", source="127.0.0.99") as wire:  # not in proxy_from: an ordinary client
            self.assertTrue(wire.reply()[0].startswith("220"))

    def test_the_client_counts_by_its_own_address(self):
        with contextlib.ExitStack() as stack:
            def one(client):
                wire = stack.enter_context(self.wire("proxied"))
                wire.send(v1(client))
                return wire.reply()[0]
            for _ in range(3):
                self.assertTrue(one("192.0.2.50").startswith("220"))
            self.assertTrue(one("192.0.2.50").startswith("421"))
            for number in range(60, 66):  # the proxy itself is not counted
                self.assertTrue(one(f"192.0.2.{number}").startswith("220"))

    def test_xclient(self):
        with self.server.one_more("alice") as arrived, self.wire("xclient") as wire:
            wire.reply()
            self.assertIn("250-XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT", wire.say("EHLO filter.test"))
            self.assertTrue(wire.say(f"XCLIENT NAME=client.example ADDR={CLIENT} HELO=hello.example")[0].startswith("220"))
            self.assertNotIn("XCLIENT", "".join(wire.say("EHLO filter.test")))
            wire.message()
            # Once it speaks for another it may name nobody more: the octets may be that other's.
            self.assertTrue(wire.say("XCLIENT ADDR=192.0.2.1")[0].startswith("500"))
        self.assertIn(b"from hello.example (client.example [192.0.2.77])", b" ".join(arrived().split()))

    def test_xclient_is_not_for_everybody(self):
        for role, source in (("proxied", "127.0.0.99"), ("xclient", "127.0.0.9")):
            with self.wire(role, source) as wire:
                wire.reply()
                self.assertNotIn("XCLIENT", "".join(wire.say("EHLO client.test")))
                self.assertTrue(wire.say("XCLIENT ADDR=192.0.2.1")[0].startswith("500"))

    def test_a_login_that_xclient_tells_is_believed(self):
        with self.wire("submission") as wire:
            wire.reply()
            wire.say("EHLO proxy.test")
            self.assertTrue(wire.say("MAIL FROM:<alice@example.test>")[0].startswith("530"))
            self.assertTrue(wire.say(f"XCLIENT ADDR={CLIENT} LOGIN=alice")[0].startswith("220"))
            wire.say("EHLO proxy.test")
            self.assertTrue(wire.say("MAIL FROM:<bob@example.test>")[0].startswith("553"))
            self.assertTrue(wire.say("MAIL FROM:<alice@example.test>")[0].startswith("250"))


if __name__ == "__main__":
    unittest.main()
