#!/usr/bin/env python3
"""The unit as systemd itself runs it: started, reloaded, its processes killed, restarted, stopped. Under each of its directives
the processes must still lock themselves in, become their accounts, and write where they must."""
import json
import os
import signal
import smtplib
import sys
import time
import unittest

import rig
from rig import harness
from systemd_world import Impossible, World

UNIT = "posthorn.service"
STOP_SECONDS = 20  # TimeoutStopSec
PATIENCE = 60
CONFIGURATION = """
hostname = "mx.example.test"
domains = [DOMAINS]
[process]
sandbox = "required"
[mailbox]
root = "/var/spool/mail"
users = "/etc/posthorn/users"
"""
ACCOUNTS = {"posthorn": "root", "posthorn-engine": "posthorn", "posthorn-keys": "posthorn-keys", "posthorn-log": "posthorn-log"}


class Started(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        world = World()
        try:
            cls.world = world.__enter__()
        except Impossible as why:
            raise unittest.SkipTest(f"no systemd of its own here: {why}") from why
        cls.addClassCleanup(world.__exit__)
        # What the package's installation does.
        cls.world.run("systemd-sysusers", "/usr/lib/sysusers.d/posthorn.conf")
        cls.world.path("/etc/posthorn/users").write_text("alice\n")
        cls.configure("example.test")

    @classmethod
    def configure(cls, *domains):
        names = ", ".join(f'"{domain}"' for domain in domains)
        cls.world.path("/etc/posthorn/posthorn.toml").write_text(CONFIGURATION.replace("DOMAINS", names))

    def setUp(self):
        self.world.run("systemctl", "reset-failed")  # and with it the count of starts in a short time
        self.world.run("systemctl", "start", UNIT)

    def facts(self):
        wanted = ("ActiveState", "MainPID", "NRestarts", "Result", "ExecMainCode", "ExecMainStatus")
        told = self.world.run("systemctl", "show", UNIT, f"--property={','.join(wanted)}").stdout
        return dict(line.split("=", 1) for line in told.splitlines())

    def wait_for(self, claim, what):
        return harness.wait_until(claim, PATIENCE, what, step=0.1, describe=self.world.journal)

    def mails(self):
        folder = self.world.path("/var/spool/mail/alice/new")
        return sorted(os.listdir(folder)) if folder.is_dir() else []

    def deliver(self, domain="example.test"):
        """By port 25, inside TLS, until it lies in the user's folder."""
        before = len(self.mails())
        with self.world.network(), smtplib.SMTP("127.0.0.1", 25, timeout=PATIENCE) as client:
            client.starttls(context=harness.any_certificate())
            client.sendmail("carol@other.test", [f"alice@{domain}"], "Subject: hello\n\n" + "hello\n" * 20_000)
        self.wait_for(lambda: len(self.mails()) > before, "mail")

    def waiting(self):
        return [message["id"] for message in json.loads(self.world.run("posthorn", "queue", "list", "--json").stdout or "[]")]

    def test_its_processes_are_locked_in_and_have_their_accounts(self):
        accounts = {line.split(":")[0]: line.split(":")[2] for line in self.world.path("/etc/passwd").read_text().splitlines()}
        processes = self.world.processes(UNIT)
        self.assertEqual(set(processes), set(ACCOUNTS))
        first = rig.status_of(processes["posthorn"])
        for name, account in ACCOUNTS.items():
            with self.subTest(name):
                status = rig.status_of(processes[name])
                self.assertEqual(set(status["Uid"].split()), {accounts[account]})
                self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
                if name in ("posthorn-engine", "posthorn-keys"):
                    self.assertGreater(int(status["Seccomp_filters"]), int(first["Seccomp_filters"]), "one of its own above the unit's")
                    self.assertEqual(int(status["CapEff"], 16), 0)
        self.assertEqual(self.facts()["ActiveState"], "active")

    def test_it_complains_of_nothing(self):
        since = f"@{time.time():.6f}"
        self.world.run("systemctl", "restart", UNIT)
        told = self.world.run("journalctl", "--no-pager", f"--unit={UNIT}", f"--since={since}").stdout
        self.assertEqual([line for line in told.splitlines() if "warning" in line or " error " in line], [])

    def test_it_answers_and_delivers(self):
        with self.world.network():
            with smtplib.SMTP_SSL("127.0.0.1", 465, timeout=PATIENCE, context=harness.any_certificate()) as client:
                self.assertEqual(client.noop()[0], 250)
            with smtplib.SMTP("127.0.0.1", 587, timeout=PATIENCE) as client:
                self.assertEqual(client.starttls(context=harness.any_certificate())[0], 220)
        self.deliver()

    def test_reload_reads_the_configuration_again(self):
        before = self.facts()["MainPID"]
        self.configure("example.test", "second.test")
        self.world.run("systemctl", "reload", UNIT)

        def is_known():
            with self.world.network(), smtplib.SMTP("127.0.0.1", 25, timeout=PATIENCE) as client:
                client.ehlo()
                client.mail("carol@other.test")
                return client.rcpt("alice@second.test")[0] == 250
        self.wait_for(is_known, "the new domain")
        self.deliver("second.test")
        facts = self.facts()
        self.assertEqual((facts["ActiveState"], facts["MainPID"]), ("active", before))

    def test_a_killed_engine_comes_back(self):
        killed = self.world.processes(UNIT)["posthorn-engine"]
        os.kill(killed, signal.SIGKILL)
        self.wait_for(lambda: self.world.processes(UNIT).get("posthorn-engine", killed) != killed, "another engine")
        self.wait_for(self.greets, "a greeting")
        self.deliver()
        self.assertEqual((self.facts()["ActiveState"], self.facts()["NRestarts"]), ("active", "0"))

    def greets(self):
        try:
            with self.world.network(), smtplib.SMTP("127.0.0.1", 25, timeout=PATIENCE):
                return True
        except (OSError, smtplib.SMTPException):
            return False

    def test_a_killed_first_process_is_started_again(self):
        killed = self.world.processes(UNIT)["posthorn"]
        os.kill(killed, signal.SIGKILL)
        self.wait_for(lambda: self.facts()["NRestarts"] != "0" and self.facts()["ActiveState"] == "active", "another start")
        self.deliver()

    def test_mail_that_waits_and_mail_handed_in_outlive_a_restart(self):
        self.world.run("sendmail", "-f", "root@example.test", "friend@far.test", input="Subject: far\n\nfar\n")
        kept = self.wait_for(self.waiting, "a mail that waits")
        self.world.run("systemctl", "restart", UNIT)
        self.wait_for(lambda: self.waiting() == kept, "the mail that waited before the restart")
        self.deliver()
        # While it is down.
        self.world.run("systemctl", "stop", UNIT)
        before = len(self.mails())
        self.world.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "sendmail", "alice@example.test",
                       input="Subject: meanwhile\n\nmeanwhile\n")
        self.world.run("systemctl", "start", UNIT)
        self.wait_for(lambda: len(self.mails()) > before, "what was handed in meanwhile")
        self.assertIn(b"nobody@", self.world.path("/var/spool/mail/alice/new").joinpath(self.mails()[-1]).read_bytes())
        self.wait_for(lambda: self.waiting() == kept, "the mail that waited before the stop")

    def test_stop_ends_it_in_order(self):
        began = time.monotonic()
        self.world.run("systemctl", "stop", UNIT)
        self.assertLess(time.monotonic() - began, STOP_SECONDS)
        facts = self.facts()
        self.assertEqual((facts["ActiveState"], facts["Result"], facts["ExecMainStatus"]), ("inactive", "success", "0"), self.world.journal())
        self.assertEqual(self.world.processes(UNIT), {})


if __name__ == "__main__":
    outcome = unittest.main(exit=False).result
    for _, why in outcome.skipped:
        print("skipped:", why)
    sys.exit(0 if outcome.wasSuccessful() and not outcome.skipped else 77 if outcome.wasSuccessful() else 1)
