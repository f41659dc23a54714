#!/usr/bin/env python3
"""kill -9 to the real program under load, again and again on one state: after the last start every acknowledged message is in
the mailbox exactly once and unaltered, also with small segments of time between the kills, during recovery and delivery."""
import pathlib
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
import ledger  # noqa: E402

KILLS = 25
SENDERS = 8
SEED = 20261121


class Load:
    """Senders that go on until told to end; what becomes of each message is in the book."""

    def __init__(self, book, port, recipient="alice@example.test"):
        self.book = book
        self.port = port
        self.recipient = recipient
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        while not self.ending.is_set():
            size = 200_000 if number == 0 else 2_000  # the first sends bodies that get a file of their own
            if ledger.Sender(self.book, self.port, self.recipient).send(20, size) == 0:
                time.sleep(0.02)

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()


class Kill(unittest.TestCase):
    def setUp(self):
        self.book = ledger.Ledger(SEED)
        self.server = harness.Posthorn(users=["alice"], roles=("mx",), settings={"log": {"level": "warning"}})
        self.addCleanup(self.server.remove)

    def check_mailbox(self):
        """The server is up: waits until all that was acknowledged is there, then looks at everything."""
        wanted = len(self.book.acknowledged)
        self.server.wait_for_mail("alice", wanted, 60)
        time.sleep(1)
        faults = list(self.book.faults_of(self.server.delivered("alice")))
        self.assertEqual(faults, [], self.server.told())

    def test_every_acknowledged_message_is_there_once_and_unaltered(self):
        draw = random.Random(SEED)
        for kill in range(KILLS):
            self.server.start()
            load = Load(self.book, self.server.port("mx"))
            # Early kills meet recovery and the first deliveries, late ones a full load.
            time.sleep(draw.choice([0.0, 0.02, 0.1, 0.3, 0.6]))
            self.server.kill()
            load.end()
        self.server.start()
        self.check_mailbox()
        self.server.stop()
        print(f"{KILLS} kills, {len(self.book.digests)} messages begun, {len(self.book.acknowledged)} acknowledged, all there")
        self.assertGreater(len(self.book.acknowledged), KILLS * 10)


if __name__ == "__main__":
    unittest.main()
