#!/usr/bin/env python3
"""Where mail goes by DNS: a real name server with zones made for the test leads the MX lookup of the real program to sinks on
loopback addresses. What cannot go anywhere comes back to its sender with the status that says why, or waits."""
import smtplib
import unittest

import harness
import name_server
import sink

HOSTS = "mx1 A 127.0.2.1\nmx2 A 127.0.2.2\nmx3 A 127.0.2.3\ndead A 127.0.2.9\n"
ZONES = {
    "far.test.": HOSTS + "@ MX 10 mx1\n@ MX 20 mx2\n",
    "late.test.": HOSTS + "@ MX 10 dead\n@ MX 20 mx2\n",
    "equal.test.": HOSTS + "@ MX 10 mx1\n@ MX 10 mx2\n@ MX 20 mx3\n",
    "implicit.test.": "@ A 127.0.2.3\n",
    "alias.test.": "www CNAME mx1.far.test.\n@ MX 10 www\nname CNAME far.test.\n",
    "null.test.": "@ MX 0 .\n",
    "here.test.": "@ MX 10 mx.example.test.\n",
    "backup.test.": "@ MX 10 mx3.far.test.\n@ MX 20 mx.example.test.\n@ MX 30 mx2.far.test.\n",
    "literal.test.": "@ MX 10 127.0.2.1.\n",
    "empty.test.": "@ TXT nothing\n",
    "lost.test.": "@ MX 10 mx.nowhere.test.\n",
    "loop.test.": "@ MX 10 one\none CNAME two\ntwo CNAME one\nround CNAME about\nabout CNAME round\n",
    "secure.test.": HOSTS + "@ MX 10 mx1\n",
    "forged.test.": HOSTS + "@ MX 10 mx1\n",
}
# Domain, status of the report that comes back.
RETURNED = [
    ("nowhere.test", "5.1.2"),
    ("null.test", "5.1.10"),
    ("here.test", "5.4.6"),
    ("literal.test", "5.4.4"),
    ("empty.test", "5.1.2"),
    ("lost.test", "5.4.4"),
]


class Mx(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        (port,) = harness.free_ports(1)
        cls.names = name_server.NameServer(ZONES, signed=["secure.test."], tampered={"forged.test.": ("127.0.2.1", "127.0.2.2")},
                                           broken=["broken.test."]).start()
        cls.addClassCleanup(cls.names.stop)
        cls.sinks = [sink.Sink(f"127.0.2.{number}", port) for number in (1, 2, 3)]
        for each in cls.sinks:
            cls.addClassCleanup(each.close)
        cls.server = harness.Posthorn(settings={
            "dns": cls.names.settings(),
            "remote": {"port": port, "allow_loopback": True, "connect_timeout": "5s"},
            "queue": {"retry": ["1s", "1h"]},
        }).start()
        cls.addClassCleanup(cls.server.remove)
        cls.addClassCleanup(cls.server.kill)

    def setUp(self):
        for each in self.sinks:
            each.letters.clear()
            each.answers.clear()

    def send(self, *recipients, sender="alice@example.test"):
        with smtplib.SMTP("127.0.0.1", self.server.port("relay"), timeout=30) as client:
            client.sendmail(sender, recipients, "Subject: away\r\n\r\nGood day\r\n")

    def wait_for(self, number, *recipients):
        """Sink `number` gets exactly these, the others nothing of them."""
        taken = self.sinks[number - 1]
        harness.wait_until(lambda: set(recipients) <= set(taken.recipients()), 30, f"mail at sink {number}", describe=self.server.told)
        everything = [recipient for each in self.sinks for recipient in each.recipients()]
        for recipient in recipients:
            self.assertEqual(everything.count(recipient), 1, recipient)

    def test_goes_to_the_most_preferred_host(self):
        self.send("bob@far.test")
        self.wait_for(1, "bob@far.test")

    def test_goes_past_a_dead_host(self):
        self.send("bob@late.test")
        self.wait_for(2, "bob@late.test")

    def test_goes_past_a_host_that_refuses_for_now(self):
        self.sinks[0].answers["MAIL"] = "451 4.3.0 not now"
        self.send("carl@far.test")
        self.wait_for(2, "carl@far.test")

    def test_tries_no_other_host_after_a_refusal_for_good(self):
        self.sinks[0].answers["RCPT"] = "550 5.1.1 nobody"
        with self.server.one_more("alice") as arrived:
            self.send("nobody@far.test")
        self.assertIn(b"Status: 5.1.1", arrived())
        self.assertEqual(self.sinks[1].recipients(), [])

    def test_uses_hosts_of_one_preference_alike_and_no_other(self):
        for number in range(30):
            self.send(f"user{number}@equal.test")
        harness.wait_until(lambda: len(self.sinks[0].letters) + len(self.sinks[1].letters) == 30, 30, "30 letters", describe=self.server.told)
        self.assertEqual(self.sinks[2].recipients(), [])

    def test_goes_to_the_domain_itself_where_there_is_no_mx(self):
        self.send("bob@implicit.test")
        self.wait_for(3, "bob@implicit.test")

    def test_follows_aliases_in_dns(self):
        self.send("bob@alias.test", "bob@name.alias.test")
        self.wait_for(1, "bob@alias.test", "bob@name.alias.test")

    def test_a_backup_host_sends_to_those_before_it_only(self):
        self.send("bob@backup.test")
        self.wait_for(3, "bob@backup.test")

    def test_a_signed_zone_is_served(self):
        self.send("bob@secure.test")
        self.wait_for(1, "bob@secure.test")

    def test_recipients_of_one_domain_travel_in_one_transaction(self):
        self.send("one@far.test", "two@far.test", "three@far.test", "alice@example.test")
        self.wait_for(1, "one@far.test", "two@far.test", "three@far.test")
        self.assertEqual(len(self.sinks[0].letters), 1)

    def test_what_can_go_nowhere_comes_back_with_the_reason(self):
        for domain, status in RETURNED:
            with self.subTest(domain), self.server.one_more("alice") as arrived:
                self.send(f"bob@{domain}")
            self.assertIn(f"Status: {status}\n".encode(), arrived(), domain)

    def test_what_dns_cannot_tell_now_waits(self):
        before = len(self.server.names("alice"))
        for domain in ("broken.test", "forged.test", "loop.test", "round.loop.test"):
            self.send(f"bob@{domain}")
            harness.wait_until(lambda to=f"bob@{domain}": self.deferrals(to) >= 2, 30, f"two attempts for {domain}", describe=self.server.told)
        self.assertEqual(len(self.server.names("alice")), before, "nothing comes back")
        self.assertNotIn("bob@forged.test", [recipient for each in self.sinks for recipient in each.recipients()])

    def deferrals(self, recipient):
        return sum(f"to={recipient} " in line and "4.4.3" in line for line in self.server.told().splitlines() if "recipient.deferred" in line)


if __name__ == "__main__":
    unittest.main()
