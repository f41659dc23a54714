#!/usr/bin/env python3
"""The systemd unit, by systemd's own tools (unpacked beside): it says what they understand, it is as closed as it can be, and its
filter of system calls lets through every call that the program makes."""
import os
import pathlib
import re
import smtplib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/interop")]
import harness  # noqa: E402
import peers  # noqa: E402

UNIT = ROOT / "packaging/posthorn.service"
MOST_EXPOSED = 28  # tenths: what systemd-analyze counts from 0 (closed) to 100
# What a mail server started as root cannot do without; everything else is to be closed.
OPEN = {
    "SystemCallFilter=~@resources", "SystemCallFilter=~@privileged", "RootDirectory=/RootImage=", "User=/DynamicUser=",
    "CapabilityBoundingSet=~CAP_KILL", "CapabilityBoundingSet=~CAP_(DAC_*|FOWNER|IPC_OWNER)", "CapabilityBoundingSet=~CAP_IPC_LOCK",
    "CapabilityBoundingSet=~CAP_(CHOWN|FSETID|SETFCAP)", "CapabilityBoundingSet=~CAP_SET(UID|GID|PCAP)",
    "CapabilityBoundingSet=~CAP_NET_(BIND_SERVICE|BROADCAST|RAW)", "RestrictAddressFamilies=~AF_NETLINK",
    "RestrictAddressFamilies=~AF_UNIX", "RestrictAddressFamilies=~AF_(INET|INET6)", "ProtectHome=", "ProcSubset=", "PrivateNetwork=",
    "PrivateUsers=", "DeviceAllow=", "IPAddressDeny=",
}


class Unit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.systemd = peers.root("systemd")
        cls.folder = tempfile.TemporaryDirectory(prefix="posthorn-unit-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.unit = pathlib.Path(cls.folder.name) / "posthorn.service"
        cls.unit.write_text(UNIT.read_text().replace("/usr/bin/posthorn", str(harness.program().resolve())))

    def analyze(self, *words):
        environment = {**peers.environment(self.systemd), "SYSTEMD_UNIT_PATH": f"{self.folder.name}:{self.systemd}/lib/systemd/system",
                       "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "", "COLUMNS": "300"}
        program = self.systemd / "usr/bin/systemd-analyze"
        return subprocess.run([program, *words], env=environment, capture_output=True, text=True, timeout=120, check=False)

    def test_systemd_understands_every_line(self):
        done = self.analyze("verify", "--man=no", "--recursive-errors=no", str(self.unit))
        ours = [line for line in (done.stdout + done.stderr).splitlines() if "posthorn" in line]
        self.assertEqual((done.returncode, ours), (0, []), done.stderr)

    def test_it_is_closed_but_for_what_it_needs(self):
        done = self.analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(self.unit))
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr)
        self.assertEqual(done.stderr, "")
        found = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("✗")}
        self.assertEqual(found - OPEN, set(), done.stdout)

    def calls_of(self, name, known):
        """The calls of a group, and of the groups in it."""
        if not name.startswith("@"):
            return {name}
        if name not in known:
            done = self.analyze("syscall-filter", "--no-pager", name)
            self.assertEqual(done.returncode, 0, done.stderr)
            known[name] = [line.strip() for line in done.stdout.splitlines()[1:] if line.strip() and "#" not in line]
        return set().union(*(self.calls_of(each, known) for each in known[name]))

    def allowed(self):
        known, calls = {}, set()
        for line in re.findall(r"(?m)^SystemCallFilter=(.*)", self.unit.read_text()):
            names = set().union(*(self.calls_of(name, known) for name in line.lstrip("~").split()))
            calls = calls - names if line.startswith("~") else calls | names
        return calls

    def test_its_filter_lets_every_call_through_that_the_program_makes(self):
        trace = pathlib.Path(self.folder.name) / "trace"
        server = harness.Posthorn(users=["alice"], account="daemon" if os.geteuid() == 0 else "",
                                  wrapper=["strace", "-f", "-qq", "-e", "signal=none", "-s", "0", "-o", str(trace)])
        with server:
            with server.one_more("alice"), smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=60) as client:
                client.sendmail("carol@other.test", ["alice@example.test"], "Subject: hello\n\n" + "hello\n" * 20000)
        made = set(re.findall(r"(?m)^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>)", trace.read_text(errors="replace")))
        self.assertLessEqual({"execve", "sendmsg", "seccomp"}, made, "the trace is whole")
        self.assertEqual(made - self.allowed(), set())


if __name__ == "__main__":
    unittest.main()
