#!/usr/bin/env python3
"""What takes a minute by its nature, all at once: a sender below the least data rate, and a spool that is taken away."""
import concurrent.futures
import socket
import time
import unittest

import rig
from rig import Client, harness


def send_slowly(server):
    """A hundred octets a second where 500 are asked for, each line in time: what was said, and after how long. A quick
    client beside it is served."""
    with Client(server.port("mx")) as slow, Client(server.port("mx")) as quick:
        for client in (slow, quick):
            client.data()
        slow.socket.settimeout(1)
        began = time.monotonic()
        said = b""
        while not said and time.monotonic() - began < 90:
            slow.send(b"x" * 98 + b"\r\n")
            quick.send((b"y" * 98 + b"\r\n") * 10)
            try:
                said = slow.socket.recv(100)
            except socket.timeout:
                pass
        return said, time.monotonic() - began, quick.ask(b".\r\n")


def replace_spool(server):
    """FAULTS F12: an empty folder where the spool was. What is answered once that is found out, and after it is back."""
    away = server.state / "spool.away"
    spool = server.state / "spool"
    with Client(server.port("mx")) as client:
        client.deliver()
    server.wait_for_mail("alice", 1)
    spool.rename(away)
    spool.mkdir(mode=0o700)

    def answer():
        with Client(server.port("mx")) as client:
            client.hello()
            return client.ask("MAIL FROM:<carol@other.test>")
    refused = rig.wait_until(lambda: answer().startswith("4") and answer(), 90, "the loss is found out", step=1,
                             describe=server.told)
    spool.rmdir()
    away.rename(spool)
    return refused


class Minute(unittest.TestCase):
    def test_what_takes_a_minute(self):
        limits = {"data_rate": "500B", "command_timeout": "30s"}
        with harness.Posthorn(settings={"limits": limits}) as slow, harness.Posthorn() as bereft:
            with concurrent.futures.ThreadPoolExecutor() as pool:
                rate, spool = pool.submit(send_slowly, slow), pool.submit(replace_spool, bereft)
            said, seconds, quick = rate.result()
            with self.subTest("the data rate"):
                self.assertTrue(said.startswith(b"421 4.4.2"), said)
                self.assertGreater(seconds, 55)
                self.assertEqual(quick[:3], "250")
            with self.subTest("the spool"):
                self.assertEqual(spool.result()[:9], "451 4.3.0")
                self.assertIn("spool.is_gone", bereft.told())


if __name__ == "__main__":
    unittest.main()
