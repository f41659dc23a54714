#!/usr/bin/env python3
"""Users who log in by PAM on the running program, over 587's kind of listener and 465's: a stack of the test's own (pam_exec),
and pam_unix over a shadow file of the test's own. PAM runs in the process posthorn-auth and nowhere else.

Runs itself in a mount namespace of its own, where other files stand in /etc/pam.d, /etc/passwd and /etc/shadow."""
import base64
import os
import pathlib
import smtplib
import subprocess
import sys
import tempfile
import unittest

import harness

INSIDE = "POSTHORN_PAM"
PASSWORDS = {"alice": "of the script, ä", "erna": "of the shadow file"}
STACKS = {
    # pam_exec alone would report a system error when its program says no.
    "posthorn-script": "auth [success=1 default=ignore] pam_exec.so quiet expose_authtok FOLDER/asked\nauth requisite pam_deny.so\n"
                       "auth required pam_permit.so\naccount required pam_permit.so\n",
    "posthorn-unix": "auth required pam_unix.so\naccount required pam_unix.so\n",
    "posthorn-broken": "auth required pam_that_is_not_there.so\naccount required pam_permit.so\n",
}
# What pam_exec runs: who asks, the user and where the client is, then whether it is alice's password.
SCRIPT = """#!/bin/sh
echo "$(cat /proc/$PPID/comm) $PAM_USER $PAM_RHOST $PAM_SERVICE" >> FOLDER/journal
password=$(tr -d '\\000')
test "$PAM_USER" = alice && test "$password" = 'PASSWORD'
"""


def enter_namespace():
    """This program again, where mounting is allowed and nobody else sees it."""
    rights = ["--map-root-user"] if os.geteuid() != 0 else []
    command = ["unshare", "--mount", *rights, "--propagation", "private", sys.executable, *sys.argv]
    os.execvpe(command[0], command, os.environ)


def over(path, text, mode=0o644):
    """Another file stands there from now on, in this namespace."""
    place = pathlib.Path(FOLDER.name) / path.strip("/").replace("/", "-")
    place.write_text(text)
    place.chmod(mode)
    subprocess.run(["mount", "--bind", place, path], check=True)


def crypted(password):
    return subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True, check=True).stdout.strip()


FOLDER = tempfile.TemporaryDirectory(prefix="posthorn-pam-")


def setUpModule():
    folder = pathlib.Path(FOLDER.name)
    folder.chmod(0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M,mode=0755", "tmpfs", "/etc/pam.d"], check=True)
    for name, stack in STACKS.items():
        pathlib.Path("/etc/pam.d", name).write_text(stack.replace("FOLDER", str(folder)))
    script = folder / "asked"
    script.write_text(SCRIPT.replace("FOLDER", str(folder)).replace("PASSWORD", PASSWORDS["alice"]))
    script.chmod(0o755)
    journal = folder / "journal"
    journal.touch()
    journal.chmod(0o666)
    accounts = pathlib.Path("/etc/passwd").read_text()
    over("/etc/passwd", accounts + "erna:x:0:0::/nonexistent:/bin/sh\nolga:x:0:0::/nonexistent:/bin/sh\n")
    hashed = crypted(PASSWORDS["erna"])
    over("/etc/shadow", f"erna:{hashed}:19000:0:99999:7:::\nolga:{hashed}:19000:0:99999:7::19001:\n", 0o600)


def tearDownModule():
    for place in ("/etc/shadow", "/etc/passwd", "/etc/pam.d"):
        subprocess.run(["umount", place], check=False)
    FOLDER.cleanup()


class Pam(unittest.TestCase):
    def serve(self, *sources, account=""):
        server = harness.Posthorn(users=["alice", "erna", "olga"], roles=("starttls", "implicit"), account=account)
        for listener in server.settings["listener"]:
            listener["role"] = "submission"
        server.settings["listener"][0]["tls"] = "starttls"
        server.settings["listener"][1]["tls"] = "implicit"
        server.settings["auth"] = {"sources": list(sources), "longest_delay": "0s", "failures": 100}
        server.config.write_text(harness.toml(server.settings))
        server.start()
        self.addCleanup(self.end, server)
        return server

    def end(self, server):
        server.stop()
        told = server.errors.read_text(errors="replace")
        for secret in PASSWORDS.values():
            for form in (secret, base64.b64encode(secret.encode()).decode().rstrip("=")):
                self.assertNotIn(form, told, "a password stands in the log")
        server.remove()

    def client(self, server, port="starttls"):
        if port == "implicit":
            return smtplib.SMTP_SSL("127.0.0.1", server.port(port), timeout=30, context=harness.any_certificate())
        client = smtplib.SMTP("127.0.0.1", server.port(port), timeout=30)
        client.starttls(context=harness.any_certificate())
        return client

    @staticmethod
    def plain(client, user, password):
        return client.docmd("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())[0]

    def code(self, server, user, password, port="starttls", mechanism="PLAIN"):
        with self.client(server, port) as client:
            client.ehlo()
            if mechanism == "PLAIN":
                return self.plain(client, user, password)
            for words in ("AUTH LOGIN", user, password):
                said = client.docmd(words if words == "AUTH LOGIN" else base64.b64encode(words.encode()).decode())[0]
            return said

    def test_a_stack_of_ones_own_lets_its_user_in_and_nobody_else(self):
        """As root the server becomes another account, and so does what asks PAM."""
        server = self.serve("pam:posthorn-script", account="daemon" if os.environ[INSIDE] == "root" else "")
        for port in ("starttls", "implicit"):
            for mechanism in ("PLAIN", "LOGIN"):
                with self.subTest(port=port, mechanism=mechanism):
                    self.assertEqual(self.code(server, "alice", PASSWORDS["alice"], port, mechanism), 235)
                    self.assertEqual(self.code(server, "alice", "wrong", port, mechanism), 535)
        self.assertEqual(self.code(server, "alice@example.test", PASSWORDS["alice"]), 235)
        self.assertEqual(self.code(server, "erna", PASSWORDS["alice"]), 535)
        self.assertEqual(self.code(server, "nobody", PASSWORDS["alice"]), 535)
        journal = pathlib.Path(FOLDER.name, "journal").read_text().splitlines()
        self.assertIn("posthorn-auth alice 127.0.0.1 posthorn-script", journal)
        self.assertEqual({line.split()[0] for line in journal}, {"posthorn-auth"}, "PAM runs in a process of its own")

    def test_who_is_in_sends_as_itself_only(self):
        server = self.serve("users", "pam:posthorn-script")
        with server.one_more("erna") as arrived, self.client(server) as client:
            client.ehlo()
            self.assertEqual(self.plain(client, "alice", PASSWORDS["alice"]), 235)
            client.sendmail("alice@example.test", ["erna@example.test"], "From: alice@example.test\nSubject: by PAM\n\nhello\n")
            self.assertEqual(client.docmd("MAIL FROM:<erna@example.test>")[0], 553)
        self.assertIn(b"with ESMTPSA", arrived())
        self.assertIn(b"Subject: by PAM", arrived())

    def test_system_passwords(self):
        server = self.serve("pam:posthorn-unix")
        self.assertEqual(self.code(server, "erna", PASSWORDS["erna"]), 235)
        self.assertEqual(self.code(server, "erna", "wrong"), 535)
        self.assertEqual(self.code(server, "olga", PASSWORDS["erna"]), 535, "the account has expired")
        self.assertEqual(self.code(server, "alice", PASSWORDS["alice"]), 535, "no system user")

    def test_a_stack_that_cannot_run_is_trouble_and_no_failure(self):
        server = self.serve("pam:posthorn-broken")
        self.assertEqual(self.code(server, "alice", PASSWORDS["alice"]), 454)
        harness.wait_until(lambda: "posthorn-broken" in server.told(), 20, "the reason in the log", describe=server.told)


if __name__ == "__main__":
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "root" if os.geteuid() == 0 else "mapped"
        enter_namespace()
    unittest.main()
