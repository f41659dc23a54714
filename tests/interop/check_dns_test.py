#!/usr/bin/env python3
"""`posthorn check --dns`: a real name server with good, bad, signed, forged and failing zones; what is said of each, and the status."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness
import name_server

KEY = "A" * 392
GOOD = f"""@ MX 10 mx
mx A 192.0.2.1
mx AAAA 2001:db8::1
@ TXT "v=spf1 mx include:_spf.good.test -all"
_spf TXT "v=spf1 ip4:192.0.2.0/24 -all"
s1._domainkey TXT "v=DKIM1; k=rsa; p={KEY[:200]}" "{KEY[200:]}"
_dmarc TXT "v=DMARC1; p=reject; rua=mailto:d@good.test"
_mta-sts TXT "v=STSv1; id=1"
mta-sts A 192.0.2.2
_25._tcp.mx TLSA 3 1 1 {"00" * 32}
"""
BAD = """@ MX 10 alias
@ MX 20 nothing
@ MX 30 192.0.2.7.
alias CNAME real
real A 127.0.0.1
@ TXT "v=spf1 +all"
@ TXT "v=spf1 -all"
_dmarc TXT "v=DMARC1; p=maybe"
_mta-sts TXT "v=STSv1; id=no-no"
"""
REVERSE_V6 = "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa."
ZONES = {
    "good.test.": GOOD,
    "bad.test.": BAD,
    "null.test.": "@ MX 0 .\n",
    "chain.test.": '@ MX 10 mx\nmx A 192.0.2.9\n@ TXT "v=spf1 include:bad.test -all"\n',
    "forged.test.": "@ MX 10 mx\nmx A 192.0.2.8\n",
    "2.0.192.in-addr.arpa.": "1 PTR mx.good.test.\n9 PTR elsewhere.good.test.\n",
    REVERSE_V6: "@ PTR mx.good.test.\n",
}


class CheckDns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.names = name_server.NameServer(ZONES, signed=["good.test."], tampered={"forged.test.": ("192.0.2.8", "192.0.2.66")},
                                           broken=["broken.test."]).start()
        cls.addClassCleanup(cls.names.stop)
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-check-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        (cls.folder / "posthorn.toml").write_text(harness.toml({"dns": cls.names.settings()}))

    def run_check(self, domain, *more):
        return subprocess.run([harness.program(), "check", "--dns", domain, "-c", self.folder / "posthorn.toml", *more],
                              capture_output=True, text=True, timeout=120)

    def look(self, domain, status, *more):
        """Subject -> the findings about it."""
        done = self.run_check(domain, "--json", *more)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual((result["domain"], result["ok"]), (domain, status == 0))
        by_subject = {}
        for finding in result["findings"]:
            by_subject.setdefault(finding["subject"], []).append(finding)
        return by_subject

    def grades(self, findings):
        return [finding["grade"] for finding in findings]

    def test_a_domain_in_order(self):
        found = self.look("good.test", 0, "--selector", "s1")
        for subject in ("MX", "A", "AAAA", "PTR", "SPF", "DKIM", "DMARC", "TLSA"):
            self.assertEqual(set(self.grades(found[subject])), {"good"}, found[subject])
        self.assertEqual(self.grades(found["MTA-STS"]), ["good", "note"])
        self.assertEqual(found["MX"][0]["text"], "10 mx.good.test")

    def test_each_fault_is_named(self):
        found = self.look("bad.test", 65)
        self.assertIn("CNAME", " ".join(each["text"] for each in found["MX"]))
        self.assertIn(("192.0.2.7", "fault"), [(each["name"], each["grade"]) for each in found["MX"]])
        self.assertIn("no mail gets there", " ".join(each["text"] for each in found["A"]))
        self.assertIn("no host elsewhere can reach", " ".join(each["text"] for each in found["A"]))
        for subject in ("SPF", "DMARC", "MTA-STS"):
            self.assertIn("fault", self.grades(found[subject]), found[subject])
        self.assertEqual(self.grades(found["DKIM"]), ["warning"])

    def test_faults_of_what_is_included_count(self):
        found = self.look("chain.test", 65)
        self.assertEqual([(each["name"], each["grade"]) for each in found["SPF"]],
                         [("chain.test", "good"), ("bad.test", "fault")])
        self.assertIn("does not lead back", found["PTR"][0]["text"])

    def test_who_takes_no_mail_is_no_fault(self):
        self.assertEqual(self.grades(self.look("null.test", 0)["MX"]), ["note"])

    def test_who_is_not_there_is_a_fault(self):
        self.assertIn("no such domain", self.look("nowhere.test", 65)["MX"][0]["text"])

    def test_no_answer_is_told_from_no_record(self):
        self.assertEqual(self.grades(self.look("broken.test", 75)["MX"]), ["unknown"])

    def test_a_forged_answer_is_none(self):
        self.assertIn("DNSSEC", self.look("forged.test", 75)["A"][0]["text"])

    def test_for_people_one_line_each(self):
        done = self.run_check("good.test")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(all(line.split()[0] in ("good", "note", "warning") for line in done.stdout.splitlines()), done.stdout)
        self.assertEqual(self.run_check("not a domain").returncode, 65)
        self.assertEqual(self.run_check("[192.0.2.1]").returncode, 65)


if __name__ == "__main__":
    unittest.main()
