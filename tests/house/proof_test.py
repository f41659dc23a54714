#!/usr/bin/env python3
"""bench/proof.py believes a trace only where a sync of the message ended before its 250."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import proof  # noqa: E402

WRITE = '7 pwritev(5</state/segment-1>, [{iov_base="Message-ID: <1.0@load.bench.test>\\r\\n", iov_len=9}], 1, 0) = 9'
SYNC = "7 fdatasync(5</state/segment-1>) = 0"
REPLY = '8 sendto(9<socket:[1]>, "250 2.0.0 kept\\r\\n", 16, MSG_NOSIGNAL, NULL, 0) = 16'


class Judge(unittest.TestCase):
    def judge(self, *lines):
        return proof.judge("\n".join(lines), "/state", 1)[0]

    def test_written_synced_acknowledged_is_proved(self):
        self.assertEqual(self.judge(WRITE, SYNC, REPLY), 1)

    def test_a_sync_that_another_thread_interrupts_counts_from_its_end(self):
        began, ended = "7 fdatasync(5</state/segment-1> <unfinished ...>", "7 <... fdatasync resumed>) = 0"
        self.assertEqual(self.judge(WRITE, began, ended, REPLY), 1)
        self.assertEqual(self.judge(WRITE, began, REPLY, ended), 0)

    def test_acknowledged_before_the_sync_is_not_proved(self):
        self.assertEqual(self.judge(WRITE, REPLY, SYNC), 0)

    def test_synced_before_it_was_written_is_not_proved(self):
        self.assertEqual(self.judge(SYNC, WRITE, REPLY), 0)

    def test_a_sync_of_another_file_proves_nothing(self):
        self.assertEqual(self.judge(WRITE, SYNC.replace("segment-1", "segment-2"), REPLY), 0)

    def test_a_sync_that_failed_proves_nothing(self):
        self.assertEqual(self.judge(WRITE, SYNC.replace("= 0", "= -1 EIO (Input/output error)"), REPLY), 0)

    def test_a_message_that_was_not_written_is_not_proved(self):
        self.assertEqual(self.judge(SYNC, REPLY), 0)


if __name__ == "__main__":
    unittest.main()
