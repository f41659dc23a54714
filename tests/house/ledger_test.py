#!/usr/bin/env python3
"""The ledger of the crash tests sees a lost, a doubled, an altered, a cut and an invented message."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "crash_program"))
import ledger  # noqa: E402

TRACE = b"Return-Path: <a@b>\nReceived: by c\n"


class Book(unittest.TestCase):
    def setUp(self):
        self.book = ledger.Ledger(1)
        self.texts = [TRACE + self.book.compose(300)[1] for _ in range(3)]
        self.book.acknowledge("m0")
        self.book.acknowledge("m1")

    def faults(self, *delivered):
        return list(self.book.faults_of(delivered))

    def test_all_there_is_no_fault_with_or_without_the_unacknowledged(self):
        self.assertEqual(self.faults(*self.texts), [])
        self.assertEqual(self.faults(*self.texts[:2]), [])

    def test_line_ends_may_differ(self):
        self.assertEqual(self.faults(*(ledger.unix_lines(text) for text in self.texts)), [])

    def test_a_lost_one(self):
        self.assertEqual(self.faults(self.texts[0]), ["m1 was acknowledged and is not there"])

    def test_a_doubled_one(self):
        self.assertEqual(self.faults(*self.texts, self.texts[2]), ["m2 is there 2 times"])

    def test_an_altered_one(self):
        altered = self.texts[1].replace(b"Subject: ledger", b"Subject: Ledger")
        self.assertEqual(self.faults(self.texts[0], altered), ["m1 was altered"])

    def test_half_a_one(self):
        self.assertEqual(self.faults(*self.texts[:2], self.texts[2][:-40]), ["m2 was altered"])

    def test_an_invented_one(self):
        self.assertEqual(len(self.faults(*self.texts, b"Subject: x\n\n")), 1)


if __name__ == "__main__":
    unittest.main()
