#!/usr/bin/env python3
"""The processes of a running server, each killed or stopped in turn: it is started again, the sockets stay open meanwhile, and
what was acknowledged is there once. And what each process has: its account, its rights, no more descriptors than it needs."""
import contextlib
import os
import pathlib
import signal
import smtplib
import socket
import ssl
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
import ledger  # noqa: E402

ACCOUNT = "nobody"
LISTENERS = {"mx": "starttls", "submission": "implicit"}
KEPT_RIGHTS = 1 << 10 | 1 << 13 | 1 << 7 | 1 << 6 | 1 << 5 | 1 << 2  # bind, raw, setuid, setgid, kill, read


def status_of(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return line.split(":", 1)[1].split()
    raise AssertionError(f"no {field} in /proc/{pid}/status")


def children(pid):
    """Name -> process id."""
    found = {}
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError):
            if status_of(child, "State")[0] != "Z":
                found[pathlib.Path(f"/proc/{child}/comm").read_text().strip()] = int(child)
    return found


def tls_hello(port):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 20) as plain, context.wrap_socket(plain) as secure:
        secure.settimeout(20)
        return secure.recv(1000)


class Server(harness.Posthorn):
    def __init__(self, **more):
        super().__init__(users=["alice"], roles=tuple(LISTENERS), account=ACCOUNT if os.geteuid() == 0 else "", **more)
        for listener in self.settings["listener"]:
            listener["tls"] = LISTENERS[listener["role"]]
        self.config.write_text(harness.toml(self.settings))

    def child(self, role):
        """The process of that role, once it is there."""
        return harness.wait_until(lambda: children(self.pid()).get(f"posthorn-{role}"), 20, f"a process posthorn-{role}", describe=self.told)

    def next_child(self, role, before, seconds=20):
        def another():
            found = children(self.pid()).get(f"posthorn-{role}")
            return found if found != before else None

        return harness.wait_until(another, seconds, f"another posthorn-{role}", describe=self.told)


class Processes(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.remove)
        self.addCleanup(lambda: self.server.process.poll() is None and self.server.kill())
        self.book = ledger.Ledger(3)

    def send(self, count=1):
        return ledger.Sender(self.book, self.server.port("mx")).send(count, 500)

    def check_mail(self):
        self.server.wait_for_mail("alice", len(self.book.acknowledged))
        self.assertEqual(list(self.book.faults_of(self.server.delivered("alice"))), [], self.server.told())

    def kill(self, role, number=signal.SIGKILL):
        before = self.server.child(role)
        os.kill(before, number)
        return before

    def test_the_engine_dies_and_comes_again(self):
        self.assertEqual(self.send(3), 3)
        for _ in range(3):
            before = self.kill("engine")
            # The socket is open: this connection waits for the next engine.
            harness.wait_until(lambda: self.send() == 1, 20, "mail is taken again", describe=self.server.told)
            self.assertNotEqual(self.server.child("engine"), before)
        self.assertEqual(self.send(3), 3)
        self.check_mail()
        self.assertIn(b"220", tls_hello(self.server.port("submission")))
        self.server.stop()
        self.assertIn("engine.ended", self.server.told())

    def test_the_keys_process_dies_and_comes_again(self):
        self.assertIn(b"220", tls_hello(self.server.port("submission")))
        for _ in range(2):
            before = self.kill("keys")
            # At once: a handshake waits for the next keys process.
            self.assertIn(b"220", tls_hello(self.server.port("submission")))
            self.server.next_child("keys", before)
        self.assertEqual(self.send(), 1)
        self.check_mail()
        self.server.stop()

    def test_the_log_process_dies_and_comes_again(self):
        before = self.kill("log")
        self.server.next_child("log", before)
        self.assertEqual(self.send(), 1)
        self.check_mail()
        harness.wait_until(lambda: "log.ended" in self.server.told(), 10, "a line about it", describe=self.server.told)
        self.server.stop()

    def test_what_hangs_is_killed(self):
        before = {role: self.kill(role, signal.SIGSTOP) for role in ("keys", "engine")}
        for role, pid in before.items():
            self.server.next_child(role, pid, 80)  # the watchdog waits a minute
        harness.wait_until(lambda: self.send() == 1, 20, "mail is taken again", describe=self.server.told)
        self.check_mail()
        self.assertIn(b"220", tls_hello(self.server.port("submission")))
        self.server.stop()
        for role in before:
            self.assertIn(f"{role}.stuck", self.server.told())

    def test_nobody_outlives_the_parent(self):
        pids = [self.server.child(role) for role in ("engine", "keys", "log")]
        os.kill(self.server.pid(), signal.SIGKILL)
        self.server.process.wait()
        # A server that starts at once waits for the lock of the one that is just going.
        self.server.start()
        for pid in pids:
            harness.wait_until(lambda pid=pid: not pathlib.Path(f"/proc/{pid}").exists() or status_of(pid, "State")[0] == "Z", 5, f"the end of {pid}")
        self.assertEqual(self.send(), 1)
        self.check_mail()
        self.server.stop()

    def test_a_signal_to_all_ends_all_in_order(self):
        """As a terminal or a service manager sends it."""
        self.assertEqual(self.send(), 1)
        os.killpg(self.server.process.pid, signal.SIGTERM)
        self.assertEqual(self.server.process.wait(harness.END_SECONDS), 0, self.server.told())
        self.server.start()  # the mail may still have waited
        self.check_mail()
        self.server.stop()

    def test_what_each_process_may(self):
        if os.geteuid() != 0:
            self.assertEqual(status_of(self.server.pid(), "CapEff"), ["0" * 16])
            return
        mine = int(status_of(self.server.pid(), "CapEff")[0], 16)
        self.assertEqual(mine & ~KEPT_RIGHTS, 0, "the parent keeps what it needs")
        self.assertEqual(int(status_of(self.server.pid(), "CapBnd")[0], 16) & ~KEPT_RIGHTS, 0)
        for role in ("engine", "keys", "log"):
            pid = self.server.child(role)
            with self.subTest(role):
                self.assertNotIn("0", status_of(pid, "Uid"))
                self.assertEqual(status_of(pid, "CapEff"), ["0" * 16])
                self.assertEqual(status_of(pid, "CapPrm"), ["0" * 16])
                self.assertEqual(status_of(pid, "NoNewPrivs"), ["1"])

    def test_the_key_is_nowhere_but_in_its_process(self):
        """The octets of the private key are not in the engine's memory, though it shakes hands with it."""
        if os.geteuid() != 0:
            return
        import subprocess

        pem = subprocess.run(["openssl", "pkey", "-in", str(self.server.state / "tls.pem"), "-text", "-noout"], capture_output=True, text=True, check=True).stdout
        secret = bytes.fromhex("".join(pem.split("priv:")[1].split("pub:")[0].split()).replace(":", ""))
        self.assertIn(b"220", tls_hello(self.server.port("submission")))
        for pid in (self.server.child("engine"), self.server.pid(), self.server.child("log")):
            self.assertFalse(found_in_memory(pid, secret), f"process {pid} has the key")
            self.assertFalse(found_in_memory(pid, secret[::-1]), f"process {pid} has the key")
        keys = self.server.child("keys")
        self.assertTrue(found_in_memory(keys, secret) or found_in_memory(keys, secret[::-1]), "the search finds what is there")

    def log_in(self, password="sesame"):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP_SSL("127.0.0.1", self.server.port("submission"), timeout=40, context=context) as client:
            try:
                return client.login("alice", password)[0]
            except smtplib.SMTPAuthenticationError as refused:
                return refused.smtp_code

    def set_password(self, password):
        done = harness.subprocess.run([str(harness.program()), "user", "passwd", "alice", "-c", str(self.server.config)],
                                      input=password.encode() + b"\n", capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_what_is_kept_of_passwords_is_with_the_keys(self):
        """The next login finds a new password, also after a crash; the engine has neither the verifier nor the right to read it."""
        self.set_password("sesame")
        (self.server.folder / "users").chmod(0o600)  # root's, where this test is
        self.assertEqual(self.log_in(), 235, self.server.told())
        self.kill("keys")
        self.assertEqual(self.log_in(), 235, self.server.told())
        self.set_password("another")
        self.assertEqual(self.log_in(), 535)
        self.assertEqual(self.log_in("another"), 235)
        if os.geteuid() == 0:
            verifier = (self.server.folder / "users").read_text().split(",")[2].split(":")[0].split("$")[0].encode()
            self.assertGreater(len(verifier), 20)
            self.assertFalse(found_in_memory(self.server.child("engine"), verifier), "the engine has a verifier")
            self.assertTrue(found_in_memory(self.server.child("keys"), verifier), "the search finds what is there")
        self.server.stop()

    def test_a_new_user_is_known_at_once(self):
        for name in ("bob", "carol"):
            done = harness.subprocess.run([str(harness.program()), "user", "add", name, "-c", str(self.server.config)], stdin=harness.subprocess.DEVNULL, capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            with smtplib.SMTP("127.0.0.1", self.server.port("mx"), timeout=20) as client:
                try:
                    client.sendmail("a@other.test", [f"{name}@example.test"], b"Subject: x\r\n\r\nx\r\n")
                except smtplib.SMTPRecipientsRefused as refused:
                    self.fail(f"{refused}\n{self.server.told()}")
            self.server.wait_for_mail(name, 1)
        self.server.stop()

    def test_the_state_is_not_shared(self):
        """A second server on the same state ends with 75, whatever the state of the first one's processes."""
        self.kill("engine", signal.SIGSTOP)
        second = harness.subprocess.run([str(harness.program()), "serve", "-c", str(self.server.config)], capture_output=True, timeout=30)
        self.assertEqual(second.returncode, 75, second.stderr)
        self.assertIn(b"is in use by a running server", second.stderr)

    def test_parts_are_not_run_by_hand(self):
        for part in ("serve-engine", "serve-keys"):
            run = harness.subprocess.run([str(harness.program()), part], capture_output=True, timeout=30, stdin=harness.subprocess.DEVNULL)
            self.assertEqual(run.returncode, 64, run.stderr)
            self.assertIn(b"posthorn serve", run.stderr)


def found_in_memory(pid, secret):
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights = line.split()[:2]
            if rights[:2] != "rw":
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            with contextlib.suppress(OSError, ValueError):
                memory.seek(start)
                if secret in memory.read(min(end - start, 1 << 28)):
                    return True
    return False


if __name__ == "__main__":
    unittest.main()
