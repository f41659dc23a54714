#!/usr/bin/env python3
"""What SIGHUP makes of a file that has changed: every setting counts, or is named as needing a restart and all stays as it
was. A listener is known by where it listens, not by its place in the file."""
import datetime
import json
import pathlib
import shutil
import signal
import subprocess
import unittest

import rig
from rig import Client, harness

MX, RELAY = "127.0.0.2", "127.0.0.1"


def listener(role, host, port, **more):
    return {"address": [f"{host}:{port}"], "role": role, "tls": "none", **more}


class Server(unittest.TestCase):
    """One server with `self.settings`, whose log is a file."""

    def begin(self, **settings):
        folder = pathlib.Path(harness.tempfile.mkdtemp(prefix="posthorn-test-"))
        self.addCleanup(shutil.rmtree, folder, True)
        self.log = folder / "log"
        self.server = harness.Posthorn(users=["alice", "bob"], settings={"log": {"file": str(self.log)}, **settings})
        self.addCleanup(self.server.remove)
        self.server.start()
        self.addCleanup(self.end)

    def end(self):
        if self.server.process.poll() is None:
            self.server.stop()

    def lines(self, words):
        return [each for each in self.log.read_text().splitlines() if words in each] if self.log.exists() else []

    def reload(self, expected, **settings):
        """With these settings in place of the old ones; waits for what is expected in the log."""
        before = len(self.lines(expected))
        self.server.settings.update(settings)
        self.server.config.write_text(harness.toml(self.server.settings))
        self.server.signal(signal.SIGHUP)
        rig.wait_until(lambda: len(self.lines(expected)) > before, 30, expected,
                       describe=lambda: self.log.read_text() if self.log.exists() else self.server.told())


class Listeners(Server):
    def setUp(self):
        self.mx, self.relay, self.other = harness.free_ports(3)
        self.begin(listener=[listener("mx", MX, self.mx), listener("relay", RELAY, self.relay)])

    def role(self, host, port):
        """What the listener lets one do: found out by a recipient elsewhere."""
        with Client(port, host) as client:
            client.hello()
            client.ask("MAIL FROM:<carol@other.test>")
            said = client.ask("RCPT TO:<someone@elsewhere.test>")
            self.assertIn(said[:9], ("250 2.1.5", "550 5.7.1"), said)
            return "relay" if said.startswith("250") else "mx"

    def assert_unchanged(self):
        self.assertEqual(self.role(MX, self.mx), "mx")
        self.assertEqual(self.role(RELAY, self.relay), "relay")

    def assert_refused(self, *words, **settings):
        self.reload("configuration.needs_restart", **settings)
        for word in words:
            rig.wait_until(lambda: self.lines(word), 10, word, describe=self.log.read_text)
        self.assert_unchanged()

    def test_blocks_in_another_order_change_nothing(self):
        self.assert_unchanged()
        self.reload("configuration.reloaded", listener=self.server.settings["listener"][::-1])
        self.assert_unchanged()
        self.reload("configuration.reloaded", listener=self.server.settings["listener"][::-1])
        self.assert_unchanged()

    def test_in_another_order_each_has_its_own_log_and_its_own_settings(self):
        log = self.log.with_name("relay.log")
        self.reload("configuration.reloaded", listener=[
            listener("relay", RELAY, self.relay, log=str(log)),
            listener("mx", MX, self.mx, refuse_from=["127.0.0.1"])])
        with Client(self.mx, MX) as client:
            self.assertEqual(client.greeting[:3], "554")
        self.assertEqual(self.role(RELAY, self.relay), "relay")
        with Client(self.relay, RELAY) as client:
            client.deliver()
        rig.wait_until(lambda: log.exists() and "message.accepted" in log.read_text(), 10, "the message in its log",
                       describe=self.log.read_text)
        self.assertFalse(self.lines("message.accepted"))

    def test_an_engine_that_is_started_again_keeps_to_it(self):
        self.reload("configuration.reloaded", listener=self.server.settings["listener"][::-1])
        engine = rig.engine_of(self.server.pid())
        starts = len(self.lines("server.starting"))
        rig.os.kill(engine, signal.SIGKILL)
        rig.wait_until(lambda: len(self.lines("server.starting")) > starts, 30, "another engine", describe=self.log.read_text)
        self.assert_unchanged()
        self.reload("configuration.reloaded", listener=self.server.settings["listener"][::-1])
        self.assert_unchanged()

    def test_a_role_changes_where_the_file_says_so(self):
        self.reload("configuration.reloaded", listener=[listener("relay", MX, self.mx), listener("mx", RELAY, self.relay)])
        self.assertEqual(self.role(MX, self.mx), "relay")
        self.assertEqual(self.role(RELAY, self.relay), "mx")

    def test_other_endpoints_need_a_restart_and_are_named_with_their_line(self):
        mx, relay = self.server.settings["listener"]
        moved = listener("relay", MX, self.other)
        with self.subTest("another port and another role"):
            self.assert_refused(f"relay {MX}:{self.other} has no socket", f"{self.server.config}:", f"mx {MX}:{self.mx}",
                                listener=[moved, relay])
            line = next(number for number, text in enumerate(self.server.config.read_text().splitlines(), 1)
                        if text == "[[listener]]")
            self.assertTrue(self.lines(f"{self.server.config}:{line}: listener relay {MX}:{self.other}"), self.log.read_text())
        with self.subTest("one more"):
            self.assert_refused(f"relay {MX}:{self.other} has no socket", listener=[moved, mx, relay])
        with self.subTest("one less"):
            self.assert_refused(f"mx {MX}:{self.mx} is served", listener=[relay])
        with self.subTest("all as before"):
            self.reload("configuration.reloaded", listener=[mx, relay])
            self.assert_unchanged()


class Queue(Server):
    def listed(self):
        done = subprocess.run([harness.program(), "queue", "list", "--json", "-c", str(self.server.config)], capture_output=True,
                              check=True, timeout=60)
        return json.loads(done.stdout)

    def send_from_bob(self, port, recipient):
        with Client(port, RELAY) as client:
            client.hello()
            for words in ("MAIL FROM:<bob@example.test>", f"RCPT TO:<{recipient}>", "DATA", "Subject: hello\r\n\r\nhello\r\n."):
                self.assertIn(client.ask(words)[:1], "23", words)

    def test_a_queue_is_paused_and_goes_on(self):
        (port,) = harness.free_ports(1)
        self.begin(listener=[listener("mx", MX, port)], queue={"paused": True})
        for round_number in (1, 2):
            with Client(port, MX) as client:
                client.deliver("alice@example.test")
            self.assertEqual(len(self.listed()), 1)
            self.assertEqual(len(self.server.names("alice")), round_number - 1)
            self.reload("configuration.reloaded", queue={"paused": False})
            rig.wait_until(lambda: len(self.server.names("alice")) == round_number, 20, "mail", describe=self.server.told)
            self.reload("configuration.reloaded", queue={"paused": True})

    def test_other_waits_hold_from_the_next_attempt_on(self):
        port, nobody = harness.free_ports(2)
        self.begin(listener=[listener("relay", RELAY, port)], queue={"retry": ["200ms"]},
                   remote={"smarthost": f"127.0.0.1:{nobody}"})
        with Client(port, RELAY) as client:
            client.deliver("bob@elsewhere.test")
        attempts = lambda: self.listed()[0]["recipients"][0]["attempts"]  # noqa: E731
        rig.wait_until(lambda: attempts() >= 2, 30, "attempts", describe=self.log.read_text)
        self.reload("configuration.reloaded", queue={"retry": ["1h"], "expire": "1d"})

        def waits_an_hour():
            recipient = self.listed()[0]["recipients"][0]
            due = datetime.datetime.fromisoformat(recipient["next_attempt"].replace("Z", "+00:00"))
            return due > datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=30)

        rig.wait_until(waits_an_hour, 30, "an hour's wait", describe=self.log.read_text)


    def test_a_warning_is_due_by_the_new_setting(self):
        port, nobody = harness.free_ports(2)
        self.begin(listener=[listener("relay", RELAY, port)], queue={"retry": ["1h"], "warn": "0s"},
                   remote={"smarthost": f"127.0.0.1:{nobody}"})
        self.send_from_bob(port, "first@elsewhere.test")
        rig.wait_until(lambda: self.listed()[0]["recipients"][0]["attempts"] == 1, 30, "an attempt", describe=self.log.read_text)
        self.reload("configuration.reloaded", queue={"retry": ["200ms"], "warn": "1s"})
        self.send_from_bob(port, "second@elsewhere.test")
        (letter,) = self.server.wait_for_mail("bob", 1)
        self.assertIn(b"second@elsewhere.test", letter)
        self.assertIn(b"Action: delayed", letter)


class Others(Server):
    def test_what_needs_a_restart_is_named_and_keeps_everything(self):
        self.begin()
        text = self.server.config.read_text()
        for change, words in (({"limits": {"threads": 3}}, "limits.threads"), ({"spool": {"reserve": "1MiB"}}, "spool.reserve"),
                              ({"dns": {"servers": ["127.0.0.1:9"]}}, "dns.servers"),
                              ({"auth": {"sources": ["pam"]}}, "auth.sources"),
                              ({"tls": {"minimum": "1.3"}}, "tls.minimum")):
            with self.subTest(words):
                settings = {**self.server.settings, **change, "domains": ["new.test"]}
                self.server.config.write_text(harness.toml(settings))
                self.server.signal(signal.SIGHUP)
                rig.wait_until(lambda: self.lines(words), 20, words, describe=self.log.read_text)
                self.assertIn("configuration.needs_restart", self.lines(words)[0])
        with Client(self.server.port("mx")) as client:
            client.deliver("alice@example.test")
        self.assertFalse(self.lines("configuration.reloaded"))
        self.server.config.write_text(text)

    def test_what_letters_and_reports_say_of_us_counts(self):
        self.begin(hostname="old.example.test")
        self.reload("configuration.reloaded", hostname="new.example.test")
        with Client(self.server.port("mx")) as client:
            self.assertIn("new.example.test", client.greeting)
        done = subprocess.run([harness.program(), "sendmail", "-i", "-f", "alice@example.test", "bob@example.test",
                               "nobody@example.test"], input=b"Subject: hello\n\nhello\n", timeout=60, capture_output=True,
                              env={**rig.os.environ, "POSTHORN_CONFIG": str(self.server.config)})
        self.assertEqual(done.returncode, 0, done.stderr)
        for letter in self.server.wait_for_mail("alice", 1) + self.server.wait_for_mail("bob", 1):
            self.assertIn(b"by new.example.test", letter)
            self.assertNotIn(b"old.example.test", letter)

    def test_how_long_history_is_kept_counts(self):
        self.begin(queue={"history": "0s"})
        self.reload("configuration.reloaded", queue={"history": "1d"})
        with Client(self.server.port("mx")) as client:
            reply = client.deliver("alice@example.test")
        self.server.wait_for_mail("alice", 1)
        message = reply.split()[-1]
        shown = lambda: subprocess.run([harness.program(), "explain", message, "-c", str(self.server.config)],  # noqa: E731
                                       capture_output=True, text=True, timeout=60)
        rig.wait_until(lambda: "delivered" in shown().stdout, 20, "its history", describe=lambda: shown().stderr)

    def test_more_connections_than_files_may_be_open_are_not_promised(self):
        self.begin()
        self.reload("configuration.reloaded", limits={"connections": 1_000_000})
        self.assertTrue(self.lines("server.warning"), self.log.read_text())
        self.assertIn("connections, not 1000000", self.lines("server.warning")[-1])


if __name__ == "__main__":
    unittest.main()
