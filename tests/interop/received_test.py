#!/usr/bin/env python3
"""What Received says of the way a message came in, for each way there is: RFC 3848 and RFC 6531 §4.3 on the running program."""
import pathlib
import re
import smtplib
import subprocess
import tempfile
import unittest

import harness

ROLES = ("mx", "implicit", "clear", "starttls", "submissions")
PASSWORD = "opensesame"


class Received(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Posthorn(users=["alice", "bob"], roles=ROLES)
        for listener, role in zip(cls.server.settings["listener"], ROLES):
            listener["role"] = "mx" if role in ("mx", "implicit") else "submission"
            listener["tls"] = {"implicit": "implicit", "submissions": "implicit", "clear": "none"}.get(role, "starttls")
            if role == "clear":
                listener["xclient_from"] = ["127.0.0.1"]
        cls.server.config.write_text(harness.toml(cls.server.settings))
        subprocess.run([str(harness.program()), "user", "passwd", "alice", "-c", str(cls.server.config)], input=PASSWORD.encode() + b"\n",
                       check=True)
        cls.server.start()
        cls.addClassCleanup(cls.server.remove)
        cls.addClassCleanup(cls.server.stop)

    def client(self, role):
        if role in ("implicit", "submissions"):
            return smtplib.SMTP_SSL("127.0.0.1", self.server.port(role), timeout=30, context=harness.any_certificate())
        return smtplib.SMTP("127.0.0.1", self.server.port(role), timeout=30)

    def with_of(self, client, *options, hello="ehlo"):
        """The keyword and what stands behind it, of one message sent that way."""
        with self.server.one_more("bob") as arrived:
            self.assertEqual(getattr(client, hello)("client.test")[0] // 100, 2)
            for words in (" ".join(["MAIL FROM:<alice@example.test>", *options]), "RCPT TO:<bob@example.test>"):
                self.assertEqual(client.docmd(words)[0], 250, words)
            self.assertEqual(client.data(b"From: alice@example.test\r\nSubject: x\r\n\r\nx\r\n")[0], 250)
        head = re.sub(r"\n[ \t]+", " ", arrived().decode().partition("\n\n")[0])
        fields = re.findall(r"(?m)^Received: from .* by mx\.example\.test with (\S+) (?:\((.*?)\) )?id ", head)
        self.assertEqual(len(fields), 1, head)
        return fields[0]

    def test_in_the_clear(self):
        with self.client("mx") as client:
            self.assertEqual(self.with_of(client, hello="helo"), ("SMTP", ""))
            self.assertEqual(self.with_of(client), ("ESMTP", ""))
            self.assertEqual(self.with_of(client, "SMTPUTF8"), ("UTF8SMTP", ""))

    def test_by_starttls_and_from_the_first_byte(self):
        for role in ("mx", "implicit"):
            with self.subTest(role), self.client(role) as client:
                if role == "mx":
                    client.starttls(context=harness.any_certificate())
                keyword, tls = self.with_of(client)
                self.assertEqual(keyword, "ESMTPS")
                self.assertRegex(tls, r"^TLSv1\.3 TLS_\w+$")
                self.assertEqual(self.with_of(client, "SMTPUTF8")[0], "UTF8SMTPS")

    def test_by_a_user_who_authenticated(self):
        for role in ("starttls", "submissions"):
            with self.subTest(role), self.client(role) as client:
                if role == "starttls":
                    client.starttls(context=harness.any_certificate())
                client.login("alice", PASSWORD)
                keyword, tls = self.with_of(client)
                self.assertEqual(keyword, "ESMTPSA")
                self.assertRegex(tls, r"^TLSv1\.3 TLS_\w+$")
                self.assertEqual(self.with_of(client, "SMTPUTF8")[0], "UTF8SMTPSA")

    def test_by_a_user_in_the_clear(self):
        """Where tls = "none": by SCRAM, as msmtp does it, and as XCLIENT tells."""
        with tempfile.TemporaryDirectory() as folder, self.server.one_more("bob") as arrived:
            secret = pathlib.Path(folder) / "secret"
            secret.write_text(PASSWORD + "\n")
            subprocess.run(["msmtp", "--host=127.0.0.1", f"--port={self.server.port('clear')}", "--auth=scram-sha-256", "--user=alice",
                            f"--passwordeval=cat {secret}", "--from=alice@example.test", "--timeout=30", "--tls=off", "bob@example.test"],
                           input=b"From: alice@example.test\nSubject: x\n\nx\n", timeout=60, check=True)
        self.assertRegex(arrived(), rb"\swith ESMTPA\s+id ")
        with self.client("clear") as client:
            client.ehlo("proxy.test")
            self.assertEqual(client.docmd("XCLIENT ADDR=192.0.2.77 LOGIN=alice")[0], 220)
            self.assertEqual(self.with_of(client), ("ESMTPA", ""))


if __name__ == "__main__":
    unittest.main()
