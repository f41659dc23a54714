#!/usr/bin/env python3
"""kill -9 to the real program while it relays, again and again on one state: every acknowledged message reaches the sink,
unaltered. A message comes twice only where its connection was cut between the final dot and the recorded outcome, and the server
says so itself, by name: `recipient.outcome_unknown` where the connection was lost, `delivery.may_be_repeat` where a message of an
earlier start is sent whose fate that start could not record. Takes about half a minute."""
import collections
import pathlib
import random
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
import ledger  # noqa: E402
import sink  # noqa: E402
from kill_test import Load  # noqa: E402

KILLS = 12
CUTS = 3  # connections that the sink cuts after a final dot in the last round
SEED = 20261125
TO = "bob@far.test"
ID = re.compile(rb"\bid (\w{13})")


class RelayKill(unittest.TestCase):
    def setUp(self):
        (port,) = harness.free_ports(1)
        self.book = ledger.Ledger(SEED)
        self.sink = sink.Sink("127.0.2.1", port)
        self.addCleanup(self.sink.close)
        self.server = harness.Posthorn(roles=("relay",), settings={
            "route": [{"domain": ["*"], "to": f"127.0.2.1:{port}", "tls": "none"}],
            "queue": {"retry": ["200ms"], "warn": "0s"},
        })
        self.addCleanup(self.server.remove)

    def copies(self):
        """By mark: the ids under which the sink got the message."""
        found = collections.defaultdict(list)
        with self.sink.lock:
            texts = [letter.text for letter in self.sink.letters]
        for text in texts:
            found[ledger.MARK.search(text)[1].decode()].append(ID.search(text)[1].decode())
        return found

    def told_as_doubtful(self):
        """Ids of the messages that the server itself calls so."""
        log = self.server.errors.read_text(errors="replace")
        return set(re.findall(r"(?:recipient\.outcome_unknown|delivery\.may_be_repeat) message=(\w+)", log))

    def test_nothing_is_lost_and_each_double_is_told(self):
        draw = random.Random(SEED)
        for _ in range(KILLS):
            self.server.start()
            load = Load(self.book, self.server.port("relay"), TO)
            time.sleep(draw.choice([0.05, 0.2, 0.5, 1.0]))
            self.server.kill()
            load.end()
        self.server.start()
        acknowledged = self.book.acknowledged
        harness.wait_until(lambda: acknowledged <= self.copies().keys(), 60, "every acknowledged message at the sink", describe=self.server.told)
        with self.sink.lock:
            self.sink.cut_after_dot = CUTS
        ledger.Sender(self.book, self.server.port("relay"), TO).send(2 * CUTS, 2_000)
        harness.wait_until(lambda: acknowledged <= self.copies().keys() and self.sink.cut_after_dot == 0, 60, "the last ones", describe=self.server.told)
        time.sleep(2)  # what was cut is tried again after 400 ms and a quarter
        self.server.stop()
        copies, doubtful = self.copies(), self.told_as_doubtful()
        doubles = {mark: ids for mark, ids in copies.items() if len(ids) > 1}
        log = self.server.errors.read_text(errors="replace")
        unknown = log.count("recipient.outcome_unknown")
        print(f"{KILLS} kills, {len(acknowledged)} acknowledged, {len(doubles)} came twice, {unknown} outcomes unknown, {len(doubtful)} told as doubtful")
        self.assertEqual(unknown, CUTS)
        self.assertGreaterEqual(len(doubles), CUTS, "what was cut after the dot is sent again")
        for mark, ids in doubles.items():
            self.assertEqual(len(set(ids)), 1, f"{mark} was accepted twice")
            self.assertIn(ids[0], doubtful, f"{mark} came {len(ids)} times, and the server does not know of it")
        faults = [fault for fault in self.book.faults_of([letter.text for letter in self.sink.letters]) if " times" not in fault]
        self.assertEqual(faults, [])
        self.assertGreater(len(acknowledged), KILLS * 10)


if __name__ == "__main__":
    unittest.main()
