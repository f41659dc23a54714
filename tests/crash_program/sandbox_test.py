#!/usr/bin/env python3
"""What the engine and the keys process may ask of the kernel, tried from inside the running processes of the real program: what
no part of them ever has a reason to try ends them by SIGSYS, other calls and files beyond their own are refused, and the server
goes on. The table is that of docs/architecture.md."""
import errno
import os
import pathlib
import platform
import re
import signal
import smtplib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
from forced_call import AT_FDCWD, Ended, Traced  # noqa: E402
from processes_test import Server, children, status_of  # noqa: E402

DEADLY = {
    "execve": (0, 0, 0),
    "ptrace": (0, 0, 0, 0),
    "fork": (),
    "setuid": (0,),
    "io_uring_setup": (1, 0),
}
WRITE = os.O_WRONLY | os.O_CREAT


def is_possible():
    return os.geteuid() == 0 and platform.machine() == "x86_64" and not pathlib.Path("/proc/sys/kernel/yama/ptrace_scope").exists()


class Sandbox(unittest.TestCase):
    def setUp(self):
        self.server = self.make_server().start()
        self.addCleanup(self.server.remove)
        self.addCleanup(lambda: self.server.process.poll() is None and self.server.kill())

    def make_server(self):
        return Server(settings={"process": {"sandbox": "required"}})

    def test_the_kernel_says_that_they_are_locked_in(self):
        rows = {"engine": ["2"], "keys": ["2"]}
        for role, filtered in rows.items():
            with self.subTest(role):
                self.assertEqual(status_of(self.server.child(role), "Seccomp"), filtered)
        for role in ("engine", "keys", "log"):
            with self.subTest(role):
                self.assertEqual(status_of(self.server.child(role), "NoNewPrivs"), ["1"])
                self.assertNotIn("0", status_of(self.server.child(role), "Uid"), "no part of it is root")
        # Every thread, also those that were started afterwards.
        engine = self.server.child("engine")
        for task in pathlib.Path(f"/proc/{engine}/task").iterdir():
            self.assertRegex((task / "status").read_text(), r"Seccomp:\t2\n")

    def test_a_forbidden_call_ends_the_process_and_the_server_goes_on(self):
        for role in ("engine", "keys"):
            for name, arguments in DEADLY.items():
                with self.subTest(role=role, call=name):
                    before = self.server.child(role)
                    harness.wait_until(lambda pid=before: status_of(pid, "Seccomp") == ["2"], 20, "it is locked in", describe=self.server.told)
                    with self.assertRaises(Ended) as ended, Traced(before) as process:
                        process.call(name, *arguments)
                    self.assertEqual(ended.exception.signal, signal.SIGSYS)
                    self.server.next_child(role, before, 40)
                    self.wait_for_service()
        told = self.server.told()
        self.assertRegex(told, rf"engine\.ended.*signal {signal.SIGSYS.value}")
        self.assertRegex(told, rf"keys\.ended.*signal {signal.SIGSYS.value}")
        self.server.stop()

    def wait_for_service(self):
        harness.wait_until(self.is_serving, 40, "mail is taken again", describe=self.server.told)

    def is_serving(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.server.port("mx"), timeout=10) as client:
                client.sendmail("a@other.test", ["alice@example.test"], b"Subject: x\r\n\r\nx\r\n")
            return True
        except (OSError, smtplib.SMTPException):
            return False

    def test_the_keys_process_opens_nothing(self):
        with Traced(self.server.child("keys")) as process:
            self.assertEqual(process.call("getpid"), process.pid, "the test can make calls")
            self.assertEqual(process.call("openat", AT_FDCWD, process.text("/etc/passwd"), os.O_RDONLY), -errno.EPERM)
            self.assertEqual(process.call("socket", 2, 1, 0), -errno.EPERM)
            self.assertEqual(process.call("connect", 3, 0, 0), -errno.EPERM)
            self.assertEqual(process.call("kill", self.server.pid(), signal.SIGTERM), -errno.EPERM)
        self.wait_for_service()
        self.server.stop()


class EngineThatStayedRoot(unittest.TestCase):
    """Landlock alone: the account would be allowed everything."""

    def setUp(self):
        self.server = harness.Posthorn(users=["alice"], roles=("mx",), settings={"process": {"sandbox": "required"}}).start()
        self.addCleanup(self.server.remove)
        self.addCleanup(lambda: self.server.process.poll() is None and self.server.kill())
        self.engine = harness.wait_until(lambda: children(self.server.pid()).get("posthorn-engine"), 20, "the engine")

    def test_files_beyond_its_own(self):
        outside = self.server.folder.parent / f"{self.server.folder.name}-outside"
        self.addCleanup(outside.unlink, missing_ok=True)
        with Traced(self.engine) as process:
            opened = process.call("openat", AT_FDCWD, process.text("/etc/shadow"), os.O_RDONLY)
            self.assertEqual(opened, -errno.EACCES)
            for path in (str(outside), str(self.server.config), "/etc/posthorn-was-here"):
                self.assertEqual(process.call("openat", AT_FDCWD, process.text(path), WRITE, 0o600), -errno.EACCES, path)
            self.assertEqual(process.call("mkdirat", AT_FDCWD, process.text("/etc/posthorn-was-here"), 0o700), -errno.EACCES)
            own = process.call("openat", AT_FDCWD, process.text(str(self.server.state / "own")), WRITE, 0o600)
            self.assertGreater(own, 0, "what is its own it may write")
            process.call("close", own)
        self.server.stop()

    def test_ports_beyond_those_of_mail(self):
        def address(port):
            return struct.pack(">HH4s8s", 0x0200, port, bytes([127, 0, 0, 1]), bytes(8))

        closed = harness.free_ports(1)[0]
        with Traced(self.engine) as process:
            for port, wanted in ((closed, -errno.EACCES), (22, -errno.EACCES), (25, -errno.ECONNREFUSED)):
                made = process.call("socket", 2, 1, 0)
                self.assertGreater(made, 0)
                found = process.call("connect", made, process.octets(address(port)), 16)
                self.assertIn(found, (wanted, 0) if port == 25 else (wanted,), port)
                process.call("close", made)
        self.server.stop()


if __name__ == "__main__":
    if is_possible():
        unittest.main()
    print("nothing was tried: this wants root, x86-64, and a kernel that lets root trace")
