#!/usr/bin/env python3
"""`posthorn probe --mx DOMAIN`: every mail host of a domain that a real name server knows, each with its verdict."""
import json
import pathlib
import sys
import time
import unittest

from scripted import SILENCE, Server, User

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
import harness  # noqa: E402
import name_server  # noqa: E402

HOSTS = "mx1 A 127.0.5.1\nmx2 A 127.0.5.2\nmx3 A 127.0.5.3\ndead A 127.0.5.9\n"
ZONES = {
    "good.test.": HOSTS + "@ MX 20 mx2\n@ MX 10 mx1\n",
    "mixed.test.": HOSTS + "@ MX 10 mx1\n@ MX 20 mx3\n@ MX 30 dead\n@ MX 40 lost\n",
    "later.test.": HOSTS + "@ MX 10 mx1\n@ MX 20 later\nlater A 127.0.5.4\n",
    "silent.test.": HOSTS + "@ MX 10 silent\nsilent A 127.0.5.5\n",
    "implicit.test.": "@ A 127.0.5.1\n",
    "null.test.": "@ MX 0 .\n",
    "many.test.": "".join(f"m{n} A 127.0.5.9\n@ MX {n} m{n}\n" for n in range(60)),
}
SCRIPTS = {1: {}, 2: {}, 3: {"RCPT": "550 5.1.1 nobody"}, 4: {"RCPT": "450 4.2.0 later"}, 5: {"MAIL": SILENCE}}


class ProbeMx(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        (cls.port,) = harness.free_ports(1)
        cls.names = name_server.NameServer(ZONES, broken=["broken.test."]).start()
        cls.addClassCleanup(cls.names.stop)
        cls.servers = {}
        for number, script in SCRIPTS.items():
            cls.servers[number] = Server(script, address=f"127.0.5.{number}", port=cls.port).__enter__()
            cls.addClassCleanup(cls.servers[number].__exit__)
        cls.user = User()
        cls.addClassCleanup(cls.user.remove)
        pathlib.Path(cls.user.environment["POSTHORN_CONFIG"]).write_text(harness.toml({"dns": cls.names.settings()}))

    def probe(self, domain, *words):
        return self.user.run("probe", "--mx", domain, *words, "--port", self.port, "--timeout", "6s")

    def found(self, domain, *words):
        status, told = self.probe(domain, *words, "--json")
        return status, [(each["host"], each["ok"], each["failed_at"]) for each in json.loads(told)]

    def test_all_hosts_in_their_order(self):
        status, told = self.probe("good.test", "a@b.test", "c@good.test", "the text")
        self.assertEqual(status, 0, told)
        self.assertLess(told.index("mx1.good.test (MX 10)"), told.index("mx2.good.test (MX 20)"))
        self.assertEqual(told.count("SMTP SERVER STATUS : OK"), 3, "one for each, one for all")
        self.assertTrue(told.endswith("SMTP SERVER STATUS : OK\n"))
        self.assertIn("MAIL FROM:<a@b.test>", self.servers[2].commands)
        self.assertTrue(self.servers[2].texts[-1].endswith(b"the text\r\n"))

    def test_the_worst_counts(self):
        status, hosts = self.found("mixed.test", "--no-send")
        self.assertEqual(hosts, [("mx1.mixed.test", True, None), ("mx3.mixed.test", False, "RCPT"),
                                 ("dead.mixed.test", False, "connection"), ("lost.mixed.test", False, "connection")])
        self.assertEqual(status, 69)
        status, told = self.probe("mixed.test", "--no-send")
        self.assertEqual((status, told.splitlines()[-1]), (69, "SMTP SERVER STATUS : FAIL"))
        self.assertEqual(self.found("later.test", "--no-send")[0], 75)

    def test_every_wait_is_limited(self):
        began = time.monotonic()
        status, hosts = self.found("silent.test")
        self.assertEqual((status, hosts), (69, [("silent.silent.test", False, "MAIL")]))
        self.assertLess(time.monotonic() - began, 40, "the server would be silent for longer")

    def test_domains_without_hosts(self):
        self.assertEqual(self.found("implicit.test", "--no-send"), (0, [("implicit.test", True, None)]))
        for domain in ("null.test", "nowhere.test", "broken.test"):
            status, hosts = self.found(domain)
            self.assertEqual((status, [host[1:] for host in hosts]), (68, [(False, "connection")]), domain)
        self.assertEqual(self.probe("a b")[0], 65)

    def test_no_more_hosts_than_a_mail_server_would_try(self):
        self.assertEqual(len(self.found("many.test")[1]), 20)

    def test_monitor(self):
        status, told = self.probe("good.test", "--no-send", "--monitor", "--warning", "50s", "--critical", "1m")
        self.assertEqual((status, told.count("\n")), (0, 1), told)
        self.assertRegex(told, r"^SMTP OK - mx1\.good\.test: .*, mx2\.good\.test: .* \| 'mx1.good.test_time'=")
        self.assertEqual(self.probe("mixed.test", "--no-send", "--monitor")[0], 2)
        self.assertEqual(self.probe("null.test", "--monitor")[0], 3)
        self.assertEqual(self.user.run("probe", "--mx", "x.test", "-c", "/none", "--monitor")[0], 3)


if __name__ == "__main__":
    unittest.main()
