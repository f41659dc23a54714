#!/usr/bin/env python3
"""The life of the running program: ready, reloaded, told to stop under load, started twice, started where it may not, the disk
of its log full."""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import time
import unittest

import rig
from rig import Client, harness

HALF = b"Subject: under way\r\n\r\nfirst half\r\n"


class Start(unittest.TestCase):
    def program(self, configuration="", **options):
        ports = harness.free_ports(1)
        basic = (f'hostname = "mx.example.test"\ndomains = ["example.test"]\nstate = "FOLDER/state"\n'
                 f'[[listener]]\naddress = ["127.0.0.1:{ports[0]}"]\nrole = "mx"\n'
                 f'[mailbox]\nroot = "FOLDER/mail"\nusers = "FOLDER/users"\naliases = "FOLDER/aliases"\n'
                 f'[process]\nuser = ""\n')
        program = rig.Program(configuration=basic + configuration, **options)
        program.port = ports[0]
        self.addCleanup(shutil.rmtree, program.folder, True)
        return program

    def assert_refused(self, program, status, *words):
        self.assertEqual(program.begin().status(), status, program.told())
        # A program built with sanitizers says of itself that it goes without a sandbox.
        lines = [line for line in program.told().splitlines() if "the sandbox is not complete" not in line]
        for word in words:
            self.assertIn(word, program.told())
        self.assertLessEqual(len(lines), 2, "one clear line")
        self.assertNotIn("posthorn ready", program.told())

    def test_the_service_manager_is_told(self):
        program = self.program()
        address = str(program.folder / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(address)
            manager.settimeout(rig.PATIENCE)
            program.environment["NOTIFY_SOCKET"] = address
            told = []

            def hear(word):
                while not any(word in each for each in told[-1:]):
                    told.append(manager.recv(4096).decode())
                return told[-1]
            with program:
                self.assertIn(f"127.0.0.1:{program.port}", hear("READY=1"))
                Client(program.port).__enter__().socket.close()
                program.process.send_signal(signal.SIGHUP)
                self.assertRegex(hear("RELOADING=1"), r"MONOTONIC_USEC=\d+")
                hear("READY=1")
            hear("STOPPING=1")

    def test_a_second_server_on_the_same_state_is_refused_before_it_binds(self):
        with self.program() as first:
            second = rig.Program(configuration=first.config.read_text(), folder=first.folder / "second")
            # The same port: had it been bound first, the port would be what the refusal is about.
            self.addCleanup(shutil.rmtree, second.folder, True)
            self.assert_refused(second, 75, str(first.state), "in use by a running server")
            with Client(first.port) as client:
                client.deliver()
            rig.wait_until(lambda: first.names("alice"), 20, "mail", describe=first.told)

    def test_a_start_waits_for_what_a_killed_server_has_left_running(self):
        """Its processes end in a moment: on a loaded machine a long one. Played by us, who hold the lock in their place."""
        program = self.program()
        program.state.mkdir()
        gone = subprocess.Popen(["true"])
        gone.wait()
        with open(program.state / "lock", "w+") as lock:
            lock.write(f"{gone.pid}\n")
            lock.flush()
            fcntl.lockf(lock, fcntl.LOCK_EX)
            program.begin()
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.process.wait(4)  # longer than it waits for a server that is there
            self.assertIsNone(program.process.poll(), program.told())
            fcntl.lockf(lock, fcntl.LOCK_UN)
        program.ready_line()
        self.assertEqual((program.state / "lock").read_text(), f"{program.process.pid}\n")
        self.assertEqual(program.stop(), 0, program.told())

    def test_a_log_file_that_is_a_link_is_refused(self):
        program = self.program('[log]\nfile = "FOLDER/log"\n')
        (program.folder / "log").symlink_to(program.folder / "elsewhere")
        self.assert_refused(program, 77, str(program.folder / "log"), "link")
        self.assertFalse((program.folder / "elsewhere").exists())

    def test_files_that_may_not_be_read_are_refused(self):
        """As an account that owns the folder and may not read the file."""
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
        for name in ("posthorn.toml", "users"):
            with self.subTest(name):
                program = self.program(prefix=other)
                program.folder.chmod(0o777)
                (program.folder / name).chmod(0)
                self.assert_refused(program, 77, str(program.folder / name))
        with self.subTest("the state"):
            program = self.program(prefix=other)
            program.state.mkdir(mode=0o700)
            program.folder.chmod(0o755)
            self.assert_refused(program, 77, str(program.state))
        with self.subTest("the key"):
            program = self.program('[tls]\ncertificate = "FOLDER/tls.pem"\n', prefix=other)
            program.folder.chmod(0o777)
            make_certificate(program.folder / "tls.pem", 0o600)
            self.assert_refused(program, 77, str(program.folder / "tls.pem"))

    def test_secrets_that_others_may_read_are_warned_about(self):
        program = self.program('[tls]\ncertificate = "FOLDER/tls.pem"\n')
        make_certificate(program.folder / "tls.pem", 0o644)
        (program.folder / "users").write_text("alice:{SHA512-CRYPT}$6$x$y\n")
        (program.folder / "users").chmod(0o644)
        program.state.mkdir(mode=0o755)
        with program:
            for path in ("tls.pem", "users", "state"):
                rig.wait_until(lambda: any(" warning " in line and str(program.folder / path) in line
                                           for line in program.told().splitlines()), 5, path, describe=program.told)

    def test_a_bad_configuration_names_file_line_and_column(self):
        program = self.program('[limits]\nconnections = "many"\nfrobnicate = 1\n')
        self.assertEqual(program.begin().status(), 78)
        for place in ("connections", "frobnicate"):
            self.assertRegex(program.told(), rf"posthorn\.toml:\d+:\d+: .*{place}")


def make_certificate(path, mode):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    path, "-out", str(path) + ".crt", "-days", "30", "-subj", "/CN=mx.example.test"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(path, "ab") as both:
        both.write(pathlib.Path(str(path) + ".crt").read_bytes())
    path.chmod(mode)


class Reload(unittest.TestCase):
    def setUp(self):
        folder = harness.tempfile.mkdtemp(prefix="posthorn-test-")
        self.addCleanup(shutil.rmtree, folder, True)
        self.log = pathlib.Path(folder) / "log"
        self.server = harness.Posthorn(users=["alice"], settings={"log": {"file": str(self.log)}}).start()
        self.addCleanup(self.server.remove)

    def tearDown(self):
        if self.server.process.poll() is None:
            self.server.stop()

    def logged(self, words, count=1):
        rig.wait_until(lambda: self.log.exists() and self.log.read_text().count(words) >= count, 10, words,
                       describe=lambda: self.log.read_text() if self.log.exists() else "no log file")

    def reload(self, **settings):
        self.server.settings.update(settings)
        self.server.config.write_text(harness.toml(self.server.settings))
        self.server.signal(signal.SIGHUP)

    def test_sessions_live_through_it_and_new_ones_follow_the_new_file(self):
        with Client(self.server.port("mx")) as old:
            old.data()
            old.send(HALF)
            self.reload(domains=["new.test"], limits={"message_size": "2MiB"})
            self.logged("configuration.reloaded")
            with Client(self.server.port("mx")) as new:
                self.assertIn("SIZE 2097152", new.hello())
                new.ask("MAIL FROM:<a@other.test>")
                self.assertEqual(new.ask("RCPT TO:<alice@example.test>")[:9], "550 5.7.1")
                self.assertEqual(new.ask("RCPT TO:<alice@new.test>")[:3], "250")
            said = old.ask(b"second half\r\n.\r\n")
            self.assertIn(said[:3], ("250", "451"), said)
            self.assertEqual(old.ask("NOOP")[:3], "250")

    def test_a_bad_file_changes_nothing_and_is_named_in_the_log(self):
        with Client(self.server.port("mx")) as old:
            text = self.server.config.read_text()
            self.server.config.write_text(text + "\n[limits]\nrecipients = \"none\"\n")
            line = len(self.server.config.read_text().splitlines())
            self.server.signal(signal.SIGHUP)
            self.logged(f"{self.server.config}:{line}:")
            self.logged("configuration.refused")
            self.assertNotIn("configuration.reloaded", self.log.read_text())
            old.deliver()
        with Client(self.server.port("mx")) as new:
            new.deliver()
        self.server.wait_for_mail("alice", 2)

    def test_the_log_file_is_opened_again(self):
        self.logged("server.starting")
        moved = self.log.with_name("log.1")
        self.log.rename(moved)
        self.server.signal(signal.SIGHUP)
        self.logged("configuration.reloaded")
        with Client(self.server.port("mx")) as client:
            client.deliver()
        self.logged("message.accepted")
        self.assertNotIn("message.accepted", moved.read_text())
        self.assertEqual(stat.S_IMODE(self.log.stat().st_mode) & 0o007, 0)


class Stop(unittest.TestCase):
    def test_under_load(self):
        """421 to who waits, data under way ends, a new connection hears 421, the process ends with 0 in time."""
        server = harness.Posthorn(users=["alice"]).start()
        self.addCleanup(server.remove)
        port = server.port("mx")
        idle, unfinished, working = (Client(port).__enter__() for _ in range(3))
        idle.hello()
        unfinished.begin()
        working.data()
        working.send(HALF)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        self.assertEqual(idle.rest()[:9], "421 4.3.2")
        self.assertEqual(unfinished.rest()[:9], "421 4.3.2")
        self.assertEqual(Client(port).rest()[:4], "421 ")
        time.sleep(1)
        said = working.ask(b"second half\r\n.\r\n")
        self.assertEqual(said[:3], "250", said)
        self.assertEqual(working.rest()[:9], "421 4.3.2")
        self.assertEqual(server.process.wait(10), 0)
        self.assertLess(time.monotonic() - began, 10)
        self.assertIn("server.stopping", server.told())
        with server:
            server.wait_for_mail("alice", 1)

    def test_signals_that_mean_nothing_end_nothing(self):
        with harness.Posthorn(users=["alice"]) as server:
            for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
                server.signal(number)
            with Client(server.port("mx")) as client:
                client.deliver()
            server.wait_for_mail("alice", 1)

    def test_data_that_does_not_end_is_cut_after_eight_seconds(self):
        with contextlib.ExitStack() as stack:
            server = harness.Posthorn(users=["alice"]).start()
            self.addCleanup(server.remove)
            stalled = stack.enter_context(Client(server.port("mx")))
            stalled.data()
            stalled.send(HALF)
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            said = stalled.rest()
            self.assertEqual(said[:9], "421 4.3.2")
            self.assertGreater(time.monotonic() - began, 7)
            self.assertEqual(server.process.wait(10), 0)
            self.assertLess(time.monotonic() - began, 10)
            with server:
                with Client(server.port("mx")) as client:
                    client.deliver()
                self.assertEqual(len(server.wait_for_mail("alice", 1)), 1)


class Log(unittest.TestCase):
    def test_mail_goes_on_while_the_disk_of_the_log_is_full(self):
        folder = pathlib.Path(harness.tempfile.mkdtemp(prefix="posthorn-test-"))
        self.addCleanup(shutil.rmtree, folder, True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "none", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)
        with harness.Posthorn(users=["alice"], settings={"limits": {"errors": 1000000}, "log": {"file": str(folder / "log")}}) as server:
            with Client(server.port("mx")) as client:
                client.be_refused(1000)
                client.deliver()
            server.wait_for_mail("alice", 1)
            os.truncate(folder / "log", 0)
            with Client(server.port("mx")) as client:
                client.deliver()
            rig.wait_until(lambda: "log.lost" in (folder / "log").read_text(), 20, "the lost lines are counted")

    def test_lines_of_json_are_json_whatever_comes_in(self):
        with harness.Posthorn(users=["alice"], settings={"log": {"format": "json", "level": "debug"}}) as server:
            for words in (b"EHLO \x1b[31mred\x07\r\n", b"EHLO a\"b\\c\r\n", "EHLO grüße\r\n".encode(), b"EHLO \xff\xfe\r\n",
                          b"MAIL FROM:<\"a\\\"b\"@other.test>\r\n", b"FROBNICATE \x9b\r\n", b"\x00\r\n"):
                with Client(server.port("mx")) as client:
                    client.send(words + b"MAIL FROM:<\"q\\\"uote\"@other.test>\r\nRCPT TO:<\"a\\\\b\\\"c\"@elsewhere.test>\r\nQUIT\r\n")
                    client.rest()
            with Client(server.port("mx")) as client:
                client.send(b"EHLO x\r\n")
                client.hear()
                client.ask(b"MAIL FROM:<\"q\\\"\\\\uote\"@other.test> SMTPUTF8\r\n")
                client.ask("RCPT TO:<\"日本\\\"\u2028x\"@elsewhere.test>\r\n".encode())
                client.ask("RSET")
                client.deliver()
            server.wait_for_mail("alice", 1)
            rig.wait_until(lambda: "message.accepted" in server.told(), 10, "the log", describe=server.told)
            lines = [line for line in server.errors.read_bytes().splitlines() if not line.startswith(b"posthorn ready")]
            self.assertGreater(len(lines), 3)
            for line in lines:
                text = line.decode()
                self.assertFalse(any(ord(each) < 32 or 127 <= ord(each) < 160 or each == "\u2028" for each in text), line)
                entry = json.loads(text)
                self.assertLessEqual({"time", "level", "event", "session", "message"}, entry.keys())
                self.assertRegex(entry["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")


if __name__ == "__main__":
    unittest.main()
