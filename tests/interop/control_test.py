#!/usr/bin/env python3
"""The operator's commands and the control socket of the real program: what waits, what is asked, restarts, wrong peers, garbage."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import smtplib
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest

import harness

TOKEN = "a token of enough characters"


class Refusing:
    """A server on loopback that answers RCPT with 450 until told otherwise, and counts what it takes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.reply = b"450 4.2.0 try again later\r\n"
        self.taken = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 sink.test\r\n")
            in_data = False
            for line in lines:
                if in_data:
                    if line == b".\r\n":
                        in_data, self.taken = False, self.taken + 1
                        connection.sendall(b"250 2.0.0 taken\r\n")
                    continue
                word = line[:4].upper()
                in_data = word == b"DATA"
                reply = {b"RCPT": self.reply, b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n")
                connection.sendall(reply)
                if word == b"QUIT":
                    return

    def close(self):
        self.listener.close()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(self.path))


class Control(unittest.TestCase):
    def setUp(self):
        self.sink = Refusing()
        self.http = harness.free_ports(1)[0]
        self.server = harness.Posthorn(users=["alice"], settings={
            "remote": {"smarthost": f"127.0.0.1:{self.sink.port}", "tls": "none"},
            "queue": {"retry": ["1h"]},
            "admin": {"http": f"127.0.0.1:{self.http}", "token_file": "TOKEN"},
        })
        token = self.server.folder / "token"
        token.write_text(TOKEN + "\n")
        token.chmod(0o600)
        self.server.config.write_text(self.server.config.read_text().replace('"TOKEN"', f'"{token}"'))
        self.server.start()
        self.socket = self.server.state / "admin.sock"

    def tearDown(self):
        self.server.stop()
        self.sink.close()
        self.server.remove()

    def run_command(self, *words, **options):
        return subprocess.run([str(harness.program()), *words], capture_output=True, text=True, timeout=60, check=False, **options)

    def queue(self, *words, status=0):
        done = self.run_command("queue", *words, "-c", str(self.server.config))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def list(self):
        return json.loads(self.queue("list", "--json"))

    def send(self, count=1):
        with smtplib.SMTP("127.0.0.1", self.server.port("relay"), timeout=20) as client:
            for number in range(count):
                client.sendmail("alice@example.test", [f"bob{number}@remote.test"], b"Subject: s\r\n\r\nsecret words\r\n")

    def wait_for_attempts(self, count):
        def tried():
            return sum(message["recipients"][0]["attempts"] for message in self.list()) >= count
        harness.wait_until(tried, 20, "attempts", step=0.1, describe=self.server.told)

    def request(self, method, target, body=None, fields=None, connection=None):
        with contextlib.closing(connection or http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)) as link:
            with contextlib.suppress(BrokenPipeError):  # the answer may be there before all of the question was sent
                link.request(method, target, body=body, headers=fields or {})
            answer = link.getresponse()
            return answer.status, answer.read().decode(), answer.headers

    def test_a_life_of_operations(self):
        self.send(3)
        self.wait_for_attempts(3)
        messages = self.list()
        self.assertEqual(set(messages[0]), {"id", "sender", "size", "arrived", "recipients"})
        recipient = messages[0]["recipients"][0]
        self.assertLessEqual({"address", "status", "attempts", "next_attempt", "last_reply", "destination"}, set(recipient))
        self.assertEqual(recipient["status"], "queued")
        self.assertEqual(recipient["last_reply"], "450 4.2.0 try again later")
        self.assertRegex(recipient["next_attempt"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        first, second, third = (message["id"] for message in messages)

        self.assertIn("450 4.2.0 try again later", self.queue("list"))
        shown = json.loads(self.queue("show", first, "--json"))
        self.assertEqual([event["event"] for event in shown["history"]], ["accepted", "deferred"])
        self.assertIn(">>> MAIL FROM:<alice@example.test>", json.dumps(shown["dialogues"]).replace('\\"', '"'))
        self.assertNotIn("secret words", json.dumps(shown))

        self.assertEqual([message["id"] for message in json.loads(self.queue("list", "--json", third, first, third))], [first, third])
        self.assertRegex(self.queue("list", second), rf"\A{second} [^\n]*\n    queued bob1@remote.test[^\n]*\n[^\n]*\n1 message for 1 recipient\n\Z")
        self.assertEqual(self.queue("list", first, "--recipient", "bob2@remote.test"), "nothing waits\n")
        self.assertEqual(self.queue("list", "0000000000009"), "nothing waits\n")
        self.queue("list", "nonsense", status=64)
        self.queue("list", "--all", first, status=64)

        self.queue("hold", first)
        self.queue("remove", second)
        self.server.kill()  # what was answered is on the disk
        self.server.start()
        harness.wait_until(lambda: len(self.list()) == 2, 20, "the queue after the restart", describe=self.server.told)
        self.assertEqual([m["recipients"][0]["status"] for m in self.list()], ["held", "queued"])
        events = [event["event"] for event in json.loads(self.queue("show", first, "--json"))["history"]]
        self.assertEqual(events[:2], ["accepted", "deferred"])

        self.queue("expire", "--recipient", self.list()[1]["recipients"][0]["address"])
        report = self.server.wait_for_mail("alice", 1)[0]
        self.assertIn(b"Action: failed", report)
        self.sink.reply = b"250 ok\r\n"
        self.queue("release", "--all")
        harness.wait_until(lambda: not self.list(), 20, "an empty queue", describe=self.server.told)
        self.assertEqual(self.sink.taken, 1)
        told = self.run_command("explain", first, "-c", str(self.server.config))
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertIn("delivered", told.stdout)
        self.assertIn("nothing waits", self.queue("list"))
        self.assertEqual(self.queue("list", first), "nothing waits\n")
        self.queue("hold", third, status=66)
        self.queue("show", "0000000000009", status=66)
        self.queue("remove", status=64)
        self.queue("remove", "--all", first, status=64)

    def test_each_filter_means_what_it_says(self):
        with smtplib.SMTP("127.0.0.1", self.server.port("relay"), timeout=20) as client:
            for sender in ("alice@example.test", "carl@example.test", ""):
                for recipient in ("bob@far.test", "dora@far.test", "bob@other.test"):
                    client.sendmail(sender, [recipient], b"Subject: s\r\n\r\nx\r\n")
        self.wait_for_attempts(9)
        rows = [(("--sender", "alice@example.test"), 3), (("--sender", "@example.test"), 6), (("--sender", "<>"), 3),
                (("--recipient", "bob@far.test"), 3), (("--recipient", "@far.test"), 6), (("--domain", "other.test"), 3),
                (("--sender", "carl@example.test", "--domain", "far.test"), 2), (("--status", "queued"), 9), (("--status", "held"), 0),
                (("--sender", "nobody@example.test"), 0)]
        for words, count in rows:
            with self.subTest(words):
                self.assertEqual(len(json.loads(self.queue("list", "--json", *words))), count)
        self.assertEqual(json.loads(self.queue("hold", "--json", "--recipient", "dora@far.test"))["recipients"], 3)
        self.assertEqual({message["recipients"][0]["address"] for message in json.loads(self.queue("list", "--json", "--status", "held"))}, {"dora@far.test"})
        self.assertEqual(json.loads(self.queue("release", "--json", "--all"))["recipients"], 3)
        self.assertEqual(json.loads(self.queue("remove", "--json", "--sender", "@example.test", "--domain", "other.test"))["recipients"], 2)
        self.assertEqual(len(self.list()), 7)

    def test_a_stopped_server(self):
        self.server.stop()
        done = self.run_command("queue", "list", "-c", str(self.server.config))
        self.assertEqual(done.returncode, 69)
        self.assertIn("is it running?", done.stderr)
        told = self.run_command("explain", "alice@example.test", "-c", str(self.server.config), "--json")
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertEqual(json.loads(told.stdout)["result"], "local")
        self.assertTrue(self.socket.exists())
        self.server.start()  # over the dead server's socket
        self.assertEqual(self.list(), [])

    def test_a_link_is_not_followed(self):
        self.server.stop()
        target = self.server.folder / "target"
        self.socket.unlink()
        self.socket.symlink_to(target)
        done = self.run_command("serve", "-c", str(self.server.config))
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("symbolic link", done.stderr)
        self.assertFalse(target.exists())
        self.socket.unlink()
        self.server.start()

    def test_a_live_socket_is_not_taken(self):
        second = self.server.folder / "second.toml"
        text = self.server.config.read_text().replace(str(self.server.state), str(self.server.folder / "state2"))
        for port in [*self.server.ports.values(), self.http]:
            text = text.replace(f":{port}", f":{harness.free_ports(1)[0]}")
        second.write_text(text.replace("[admin]", f'[admin]\nsocket = "{self.socket}"'))
        done = self.run_command("serve", "-c", str(second))
        self.assertEqual(done.returncode, 75, done.stderr)
        self.assertEqual(self.list(), [])

    def heard_by_nobody(self):
        """What the account nobody hears at the socket; the name of the error where it may not even connect."""
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
                status, body, _ = self.request("GET", "/api/queue", connection=UnixConnection(self.socket))
                os.write(writing, f"{status} {body}".encode())
            except OSError as error:
                os.write(writing, type(error).__name__.encode())
            finally:
                os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading) as told:
            return told.read()

    def test_the_socket_is_private(self):
        mode = stat.S_IMODE(os.lstat(self.socket).st_mode)
        self.assertEqual(mode, 0o600)
        if os.getuid() != 0:
            return
        self.server.folder.chmod(0o755)
        self.server.state.chmod(0o755)
        self.assertEqual(self.heard_by_nobody(), "PermissionError")
        self.socket.chmod(0o666)  # and where somebody has opened it, the peer is looked at
        told = self.heard_by_nobody()
        self.assertTrue(told.startswith("403 "), told)
        self.assertIn("own account", told)

    def test_http_shows_and_does_not_change(self):
        self.send()
        self.wait_for_attempts(1)
        status, page, headers = self.request("GET", "/")
        self.assertEqual(status, 200)
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertNotRegex(page, r"https?://")
        self.assertEqual(self.request("GET", "/healthz")[0], 200)
        metrics = self.request("GET", "/metrics")[1]
        self.assertIn("posthorn_recipients_waiting{status=\"queued\"} 1", metrics)
        values = {name: float(value) for name, value in re.findall(r"^(posthorn_\S+) (\S+)$", metrics, re.M)}
        self.assertEqual(values["posthorn_recipients_accepted_total"] + values["posthorn_recipients_recovered_total"],
                         values["posthorn_recipients_delivered_total"] + values["posthorn_recipients_bounced_total"]
                         + values["posthorn_recipients_removed_total"] + 1)
        self.assertEqual(len(json.loads(self.request("GET", "/api/queue")[1])), 1)
        all_of_it = json.dumps({"all": True})
        self.assertEqual(self.request("POST", "/api/queue/remove", all_of_it)[0], 401)
        self.assertEqual(self.request("POST", "/api/queue/remove", all_of_it, {"Authorization": "Bearer wrong"})[0], 401)
        self.assertEqual(self.request("GET", "/api/queue", None, {"Host": "rebound.example"})[0], 421)
        self.assertEqual(len(self.list()), 1)
        self.assertEqual(self.request("POST", "/api/queue/remove", all_of_it, {"Authorization": f"Bearer {TOKEN}"})[0], 200)
        self.assertEqual(self.list(), [])

    def test_what_an_earlier_start_may_have_sent_is_counted(self):
        def metric(name):
            return float(re.search(rf"^{name} (\S+)$", self.request("GET", "/metrics")[1], re.M)[1])
        self.send()
        self.wait_for_attempts(1)
        self.assertEqual(metric("posthorn_attempts_may_repeat_total"), 0)
        self.server.stop()
        self.server.start()
        harness.wait_until(lambda: metric("posthorn_queue_recovered") == 1, 20, "recovery", describe=self.server.told)
        self.queue("retry", "--all")
        self.wait_for_attempts(2)
        self.assertEqual(metric("posthorn_attempts_may_repeat_total"), 1)

    def test_http_refuses_what_it_does_not_know(self):
        self.send()
        self.wait_for_attempts(1)
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)) as link:
            for target in ("/healthz", "/metrics", "/api/queue", "/api/explain?address=alice@example.test", "/"):
                link.request("HEAD", target)  # on one connection: what follows a body would be read as the next answer
                answer = link.getresponse()
                self.assertEqual((answer.status, answer.read()), (200, b""), target)
            link.request("HEAD", "/nowhere")
            answer = link.getresponse()
            self.assertEqual((answer.status, answer.read()), (404, b""))
        for method, target, status, allow in (("DELETE", "/api/queue", 405, "GET, HEAD"), ("POST", "/healthz", 405, "GET, HEAD"),
                                              ("GET", "/api/queue/hold", 405, "POST"), ("POST", "/api/queue/frob", 404, None)):
            got, _, headers = self.request(method, target)
            self.assertEqual((got, headers["Allow"]), (status, allow), (method, target))
        for target in ("/api/queue?bogus=1", "/api/queue?limit=1&bogus=1", "/api/explain?bogus=1", "/api/destinations?bogus=1"):
            status, told, _ = self.request("GET", target)
            self.assertEqual(status, 400, target)
            self.assertIn("bogus", told)
        self.assertEqual(len(json.loads(self.request("GET", "/api/queue?limit=1&domain=remote.test")[1])), 1)
        self.assertEqual(self.request("GET", "/healthz?against=caches")[0], 200)
        named = json.dumps({"ids": [self.list()[0]["id"], "no-id"]})
        status, told, _ = self.request("POST", "/api/queue/hold", named, {"Authorization": f"Bearer {TOKEN}"})
        self.assertEqual(status, 400)
        self.assertIn("no-id", told)

    def garbage(self, family, place):
        """Each of these ends its own connection, and nothing else."""
        def speak(octets, wait=2):
            with socket.socket(family) as link:
                link.settimeout(wait)
                link.connect(place)
                with contextlib.suppress(OSError):
                    link.sendall(octets)
                    link.shutdown(socket.SHUT_WR)
                    heard = b""
                    while piece := link.recv(65536):
                        heard += piece
                    return heard
                return b""

        self.assertIn(b" 400 ", speak(b"\x00\xff\x16\x03\x01\r\n\r\n"))
        self.assertIn(b" 400 ", speak(b"EHLO there\r\n\r\n"))
        speak(b"GET /" + b"a" * 1_000_000)
        speak(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000)
        self.assertIn(b" 413 ", speak(b"POST /api/queue/hold HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n"))
        self.assertIn(b" 501 ", speak(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
        self.assertIn(b" 404 ", speak(b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        self.assertEqual(speak(b""), b"")
        self.assertEqual(speak(b"GET / HT"), b"")

    def test_garbage(self):
        self.garbage(socket.AF_UNIX, str(self.socket))
        self.garbage(socket.AF_INET, ("127.0.0.1", self.http))
        idle = [socket.create_connection(("127.0.0.1", self.http)) for _ in range(300)]
        slow = [socket.socket(socket.AF_UNIX) for _ in range(20)]
        for each in slow:
            each.connect(str(self.socket))
            each.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
        began = time.monotonic()
        self.assertEqual(self.list(), [])
        self.assertEqual(self.request("GET", "/healthz", connection=UnixConnection(self.socket))[0], 200)
        self.assertLess(time.monotonic() - began, 5)
        slow[0].settimeout(15)
        self.assertEqual(slow[0].recv(100), b"")  # too slow: ended within its time
        for each in idle + slow:
            each.close()
        harness.wait_until(lambda: self.health_by_http() == 200, 10, "a free place", describe=self.server.told)

    def health_by_http(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.request("GET", "/healthz")[0]
        return 0

    def test_who_asks_at_once_after_a_start_is_told_all_of_the_queue(self):
        self.send()
        self.wait_for_attempts(1)
        for act, count in ((lambda: len(self.list()), 1), (lambda: json.loads(self.queue("hold", "--json", "--all"))["messages"], 1)):
            self.server.stop()
            self.server.start()
            self.assertEqual(act(), count)

    def test_a_reload_keeps_it(self):
        self.send()
        self.wait_for_attempts(1)
        self.queue("hold", "--all")
        (self.server.folder / "token").write_text("another token of enough characters\n")
        self.server.signal(1)
        body, fields = json.dumps({"all": True}), {"Authorization": "Bearer another token of enough characters"}
        harness.wait_until(lambda: self.request("POST", "/api/queue/retry", body, fields)[0] == 200, 10, "the new token")
        self.assertEqual(self.list()[0]["recipients"][0]["status"], "held")


class Interrupted:
    """Stands in for the server at a control socket: answers each request with the beginning of a list, and hangs up."""

    def __init__(self, folder, text):
        self.place = folder / "admin.sock"
        self.text = text
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.place))
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(20)
                asked = b""
                while b"\r\n\r\n" not in asked and (octets := connection.recv(65536)):
                    asked += octets
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(self.text), self.text))


class BrokenList(unittest.TestCase):
    def run_list(self, text, **options):
        with tempfile.TemporaryDirectory() as folder:
            server = Interrupted(pathlib.Path(folder), text)
            words = [str(harness.program()), "queue", "list", "--socket", str(server.place)]
            try:
                return subprocess.run(words, timeout=60, check=False, stderr=subprocess.PIPE, text=True, **options)
            finally:
                server.listener.close()

    def test_what_came_before_the_server_went_is_shown(self):
        whole = json.dumps({"id": "A1", "sender": "a\x1b[2J@b.test", "size": 7, "arrived": "2026-11-29T10:00:00Z", "recipients": []})
        done = self.run_list(f"[\n{whole},\n{whole[:20]}".encode(), stdout=subprocess.PIPE)
        self.assertEqual(done.stdout, "A1  2026-11-29T10:00:00Z          7  a\\x1b[2J@b.test\n")
        self.assertIn("the server broke off its answer", done.stderr)
        self.assertEqual(done.returncode, 75)

    def test_a_reader_that_has_seen_enough(self):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = self.run_list(b"[\n" + b'{"id":"A1","recipients":[]},\n' * 10_000, stdout=writing)
        finally:
            os.close(writing)
        self.assertEqual(done.returncode, -signal.SIGPIPE, done.stderr)


if __name__ == "__main__":
    unittest.main()
