#!/usr/bin/env python3
"""The optimised program where something is scarce: descriptors that run out (the sanitizers use some of their own), memory
for thousands of sessions that wait, a log that nobody reads."""
import os
import resource
import signal
import time
import unittest

import rig
from rig import Client, harness

SESSIONS = 2000
LARGEST = 4096  # octets for a session that has said EHLO and waits (PERFORMANCE.md)


class Scarcity(unittest.TestCase):
    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * SESSIONS + 200), hard))
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            client.socket.close()

    def hold(self, port, count):
        clients = [Client(port) for _ in range(count)]
        self.clients += clients
        for client in clients:
            client.hear()
            client.send(b"EHLO client.other.test\r\n")
        for client in clients:
            client.hear()

    def test_sessions_that_wait_cost_little(self):
        limits = {"connections_per_address": 3 * SESSIONS, "threads": 2}
        with harness.Posthorn(users=["alice"], settings={"limits": limits}) as server:
            engine = rig.engine_of(server.pid())
            self.hold(server.port("mx"), 200)  # what a process needs for the first sessions at all is not counted
            before = rig.resident_octets(engine)
            self.hold(server.port("mx"), SESSIONS)
            each = (rig.resident_octets(engine) - before) / SESSIONS
            print(f"{each:.0f} octets for each of {SESSIONS} idle sessions")
            self.assertLessEqual(each, LARGEST)
            self.clients[SESSIONS // 2].deliver()
            server.wait_for_mail("alice", 1)

    def test_running_out_of_descriptors_is_survived_without_spinning(self):
        """The limit is taken away under a running server, below what it counts on."""
        with harness.Posthorn(users=["alice"]) as posthorn:
            engine = rig.engine_of(posthorn.pid())
            room = rig.descriptors_of(engine) + 8
            _, most = resource.prlimit(engine, resource.RLIMIT_NOFILE)
            resource.prlimit(engine, resource.RLIMIT_NOFILE, (room, most))
            clients = [Client(posthorn.port("mx"), source=f"127.0.2.{number + 1}") for number in range(60)]
            time.sleep(0.5)
            began = rig.processor_seconds(engine)
            time.sleep(2)
            self.assertLess(rig.processor_seconds(engine) - began, 0.5, "it spins")
            self.assertIn("listener.paused", posthorn.told())
            for client in clients:
                client.socket.close()
            resource.prlimit(engine, resource.RLIMIT_NOFILE, (room + 100, most))
            with Client(posthorn.port("mx")) as client:
                client.deliver()
            posthorn.wait_for_mail("alice", 1)

    def test_mail_goes_on_while_the_log_process_stands_still(self):
        limits = {"errors": 1000000, "recipients": 100000}
        with harness.Posthorn(users=["alice"], settings={"limits": limits, "log": {"level": "debug"}}) as server:
            log = rig.log_process_of(server.pid())
            os.kill(log, signal.SIGSTOP)
            with Client(server.port("mx")) as client:
                client.be_refused(14000)  # more than the queue holds
                client.deliver()
            server.wait_for_mail("alice", 1)
            os.kill(log, signal.SIGCONT)
            rig.wait_until(lambda: "log.dropped lines=" in server.errors.read_text(), 20, "the lost lines are counted",
                           describe=server.told)


if __name__ == "__main__":
    unittest.main()
