#!/usr/bin/env python3
"""Passwords that others check: a real Dovecot's auth socket, and PAM by a service file of the test's own. The users file
stands beside them, asked first."""
import grp
import os
import pathlib
import pwd
import smtplib
import subprocess
import sys
import tempfile
import unittest

import harness

sys.path.insert(0, str(harness.ROOT / "tools"))
import peers  # noqa: E402


class Dovecot:
    """Its auth server alone, over a passwd-file of one user: dora, password "of dovecot"."""

    def __init__(self, folder):
        self.root = peers.root("dovecot")
        self.folder = pathlib.Path(folder)
        account = pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam("nobody")
        group = grp.getgrgid(account.pw_gid).gr_name
        (self.folder / "run").mkdir(parents=True)
        (self.folder / "run/usr").symlink_to(self.root / "usr")
        (self.folder / "passwd").write_text("dora:{PLAIN}of dovecot:1000:1000::/nonexistent::\n")
        (self.folder / "passwd").chmod(0o644)
        self.socket = self.folder / "run/auth-client"
        (self.folder / "dovecot.conf").write_text(f"""
protocols =
import_environment = TZ LD_LIBRARY_PATH
base_dir = {self.folder}/run
state_dir = {self.folder}/run
log_path = {self.folder}/log
libexec_dir = {self.root}/usr/lib/dovecot
mail_plugin_dir = {self.root}/usr/lib/dovecot/modules
default_internal_user = {account.pw_name}
default_internal_group = {group}
default_login_user = nobody
ssl = no
auth_mechanisms = plain
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {self.folder}/passwd
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
}}
""")

    def start(self):
        self.process = subprocess.Popen(
            [self.root / "usr/sbin/dovecot", "-F", "-c", self.folder / "dovecot.conf"], cwd=self.root,
            env=peers.environment(self.root), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        harness.wait_until(self.is_there, 30, "Dovecot's auth socket", describe=self.told)

    def is_there(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Dovecot ended: {self.process.stderr.read().decode()}\n{self.told()}")
        return self.socket.exists()

    def told(self):
        log = self.folder / "log"
        return log.read_text()[-3000:] if log.exists() else ""

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stderr.close()


class Sources(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="posthorn-sources-")
        os.chmod(cls.folder.name, 0o755)
        cls.dovecot = Dovecot(pathlib.Path(cls.folder.name) / "dovecot")
        cls.dovecot.start()
        cls.server = harness.Posthorn(users=["alice", "dora"], roles=("mx", "submission"))
        cls.server.settings["listener"][1]["tls"] = "implicit"
        cls.server.settings["auth"] = {"sources": ["users", f"dovecot:{cls.dovecot.socket}"], "longest_delay": "0s"}
        cls.server.config.write_text(harness.toml(cls.server.settings))
        done = subprocess.run([str(harness.program()), "user", "passwd", "alice", "-c", str(cls.server.config)], input=b"of the file\n",
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        told = cls.server.errors.read_bytes()
        assert b"of dovecot" not in told and b"of the file" not in told, "a password stands in the log"
        cls.server.remove()
        cls.dovecot.stop()
        cls.folder.cleanup()

    def code(self, user, password):
        with smtplib.SMTP_SSL("127.0.0.1", self.server.port("submission"), timeout=30, context=harness.any_certificate()) as client:
            try:
                return client.login(user, password)[0]
            except smtplib.SMTPAuthenticationError as refused:
                return refused.smtp_code

    def test_each_source_knows_its_own(self):
        self.assertEqual(self.code("alice", "of the file"), 235)
        self.assertEqual(self.code("dora", "of dovecot"), 235)
        self.assertEqual(self.code("dora", "of the file"), 535)
        self.assertEqual(self.code("alice", "of dovecot"), 535)
        self.assertEqual(self.code("nobody", "of dovecot"), 535)

    def test_a_user_of_dovecot_sends_as_itself(self):
        with smtplib.SMTP_SSL("127.0.0.1", self.server.port("submission"), timeout=30, context=harness.any_certificate()) as client:
            client.login("dora", "of dovecot")
            with self.server.one_more("alice"):
                client.sendmail("dora@example.test", ["alice@example.test"], "From: dora@example.test\n\nhello\n")
            self.assertEqual(client.docmd("MAIL FROM:<alice@example.test>")[0], 553)


class WithoutDovecot(unittest.TestCase):
    def test_a_source_that_is_away_is_trouble_and_no_failure(self):
        server = harness.Posthorn(users=["alice"], roles=("submission",))
        server.settings["listener"][0]["tls"] = "implicit"
        server.settings["auth"] = {"sources": ["users", "dovecot:/nonexistent/auth-client"]}
        server.config.write_text(harness.toml(server.settings))
        with server, smtplib.SMTP_SSL("127.0.0.1", server.port("submission"), timeout=30, context=harness.any_certificate()) as client:
            with self.assertRaises(smtplib.SMTPAuthenticationError) as refused:
                client.login("alice", "whatever")
            self.assertEqual(refused.exception.smtp_code, 454)
            self.assertIn("/nonexistent/auth-client", server.told())


if __name__ == "__main__":
    unittest.main()
