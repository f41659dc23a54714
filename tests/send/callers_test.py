#!/usr/bin/env python3
"""Software of Debian's that calls /usr/sbin/sendmail, as it is in its packages (unpacked beside, never installed): bsd-mailx, s-nail,
logwatch, cron. This program runs itself in a mount namespace, where the packages and our sendmail lie over /usr and /etc."""
import email
import email.policy
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "interop"), str(pathlib.Path(__file__).resolve().parents[2] / "tools")]
import harness  # noqa: E402
import peers  # noqa: E402
import receivers  # noqa: E402

PEERS = ("mailx", "s-nail", "logwatch", "cron")
INSIDE = "POSTHORN_CALLERS"
NAMES = ("usr/sbin/sendmail", "usr/bin/mailq", "usr/bin/newaliases")


def enter_namespace():
    """This program again, where mounting is seen by nobody else."""
    for name in PEERS:
        peers.root(name)
    os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


def lay_over(layer):
    """The packages, and `layer` above them."""
    roots = [layer, *(peers.root(name) for name in PEERS)]
    for part in ("usr", "etc"):
        folders = [str(root / part) for root in roots if (root / part).is_dir()]
        done = subprocess.run(["mount", "-t", "overlay", "-o", "lowerdir=" + ":".join([*folders, "/" + part]), "posthorn-callers", "/" + part],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest(f"here folders cannot be laid over /{part}: {done.stderr.strip()}")


class Callers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Posthorn(users=["alice", "bob", "root"])
        cls.addClassCleanup(cls.server.remove)
        layer = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-callers-", dir=cls.server.folder))
        for name in (*NAMES, "etc/posthorn/posthorn.toml"):
            (layer / name).parent.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            (layer / name).symlink_to(pathlib.Path(harness.program()).resolve())
        (layer / "etc/posthorn/posthorn.toml").write_text(cls.server.config.read_text())
        lay_over(layer)
        cls.server.start()
        cls.addClassCleanup(lambda: cls.server.process.poll() is None and cls.server.kill())

    def run_in(self, *words, text="", **environment):
        libraries = str(peers.root("mailx") / "usr/lib/x86_64-linux-gnu")
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=120, check=False,
                              env={"PATH": os.environ["PATH"], "HOME": str(self.server.folder), "LD_LIBRARY_PATH": libraries, **environment})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def arrived(self, user, subject, seconds=60):
        def found():
            mails = [email.message_from_bytes(each, policy=email.policy.default) for each in self.server.delivered(user)]
            return [mail for mail in mails if subject in (mail["Subject"] or "")]
        (mail,) = harness.wait_until(found, seconds, f"{subject} for {user}", describe=self.server.told)
        return mail

    def test_bsd_mailx(self):
        self.run_in("bsd-mailx", "-s", "By mailx", "-c", "bob@example.test", "-b", "root@example.test", "-a", "X-Mine: yes", "alice@example.test",
                    text="one\n.\ntwo\n")
        for user in ("alice", "bob", "root"):
            mail = self.arrived(user, "By mailx")
            self.assertEqual((mail["X-Mine"], mail["Bcc"], mail.get_content()), ("yes", None, "one\n.\ntwo\n"), user)

    def test_bsd_mailx_with_a_sender(self):
        self.run_in("bsd-mailx", "-s", "With a sender", "-r", "bob@example.test", "alice", text="x\n")
        self.assertEqual(self.arrived("alice", "With a sender")["Return-Path"], "<bob@example.test>")

    def test_s_nail(self):
        note = self.server.folder / "note.txt"
        note.write_text("attached\n")
        self.run_in("s-nail", "-n", "-s", "By s-nail", "-r", "bob@example.test", "-a", str(note), "alice@example.test", text="Gr\u00fc\u00dfe\n", LC_ALL="C.UTF-8")
        mail = self.arrived("alice", "By s-nail")
        text, attached = mail.iter_parts()
        self.assertEqual((text.get_content().strip(), attached.get_content().strip()), ("Gr\u00fc\u00dfe", "attached"))
        self.assertEqual(mail["Return-Path"], "<bob@example.test>")

    def test_logwatch(self):
        cache = self.server.folder / "logwatch"
        cache.mkdir()
        subprocess.run(["mount", "--bind", str(cache), "/var/cache"], check=True)
        (cache / "logwatch").mkdir()
        self.addCleanup(subprocess.run, ["umount", "--lazy", "/var/cache"], check=True)
        self.run_in("logwatch", "--output", "mail", "--mailto", "alice", "--service", "zz-disk_space", "--range", "all", "--detail", "high")
        mail = self.arrived("alice", "Logwatch for")
        self.assertIn("Logwatch", mail.get_content())

    def test_cron(self):
        """A real cron, with a job for its start."""
        spool = self.server.folder / "cron"
        (spool / "crontabs").mkdir(parents=True)
        (spool / "crontabs/root").write_text('MAILTO=alice\n@reboot echo "from the job"; echo .; echo end\n')
        (spool / "crontabs/root").chmod(0o600)
        pathlib.Path("/var/spool/cron").mkdir(exist_ok=True)
        for path, over in ((spool, "/var/spool/cron"), (self.server.folder, "/run")):
            subprocess.run(["mount", "--bind", str(path), over], check=True)
            self.addCleanup(subprocess.run, ["umount", "--lazy", over], check=True)
        cron = subprocess.Popen(["cron", "-f"])
        try:
            mail = self.arrived("alice", "Cron <", 120)
        finally:
            cron.terminate()
            cron.wait(30)
        self.assertEqual(mail.get_content(), "from the job\n.\nend\n")
        self.assertEqual(mail["To"], "alice")

    def test_mailq_and_newaliases_where_they_are_looked_for(self):
        self.assertIn("", self.run_in("mailq"))
        self.assertIn("aliases", self.run_in("newaliases"))


if __name__ == "__main__":
    receivers.as_root()
    if INSIDE not in os.environ:
        enter_namespace()
    unittest.main()
