#!/usr/bin/env python3
"""The Debian package: built of the program under test, unpacked, looked into. Nothing is installed."""
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("POSTHORN") or str(ROOT / "build/posthorn")


def run(*words, **options):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=240, **options).stdout


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        run(str(ROOT / "tools/package.sh"), str(cls.folder), env={**os.environ, "POSTHORN": os.path.abspath(PROGRAM), "COMPRESSION": "none"})
        (cls.package,) = cls.folder.glob("posthorn_*.deb")
        cls.root = cls.folder / "root"
        run("dpkg-deb", "-x", str(cls.package), str(cls.root))

    def field(self, name):
        return run("dpkg-deb", "-f", str(self.package), name).strip()

    def test_it_is_a_mail_transport_agent(self):
        self.assertEqual(self.field("Package"), "posthorn")
        for name in ("Provides", "Conflicts", "Replaces"):
            self.assertEqual(self.field(name), "mail-transport-agent", name)
        self.assertIn("libc6", self.field("Depends"))

    def test_the_names_that_other_software_calls(self):
        for path in ("usr/sbin/sendmail", "usr/lib/sendmail", "usr/bin/mailq", "usr/bin/newaliases"):
            self.assertEqual((self.root / path).resolve(), (self.root / "usr/bin/posthorn").resolve(), path)
            self.assertIn("sage", run(str(self.root / path), "--help"))
        self.assertEqual(stat.S_IMODE((self.root / "usr/bin/posthorn").stat().st_mode), 0o755, "no set-id bit")

    def test_what_belongs_to_it(self):
        for path in ("lib/systemd/system/posthorn.service", "usr/lib/sysusers.d/posthorn.conf", "usr/lib/tmpfiles.d/posthorn.conf",
                     "etc/posthorn/posthorn.toml", "usr/share/man/man1/posthorn.1", "usr/share/man/man1/posthorn-send.1",
                     "usr/share/man/man1/sendmail.1", "usr/share/man/man1/mailq.1", "usr/share/man/man1/newaliases.1",
                     "usr/share/man/man5/posthorn.toml.5", "usr/share/bash-completion/completions/posthorn",
                     "usr/share/zsh/vendor-completions/_posthorn", "usr/share/fish/vendor_completions.d/posthorn.fish",
                     "usr/share/doc/posthorn/copyright"):
            self.assertTrue((self.root / path).is_file(), path)
        drop = [line.split() for line in (self.root / "usr/lib/tmpfiles.d/posthorn.conf").read_text().splitlines() if "drop" in line]
        self.assertIn(["d", "/var/lib/posthorn/drop", "3777", "posthorn", "posthorn"], drop)

    def test_its_scripts_and_files(self):
        control = self.folder / "control"
        run("dpkg-deb", "-e", str(self.package), str(control))
        run("sh", "-n", str(control / "postinst"))
        self.assertEqual((control / "conffiles").read_text(), "/etc/posthorn/posthorn.toml\n")
        owners = {line.split()[1] for line in run("dpkg-deb", "-c", str(self.package)).splitlines()}
        self.assertEqual(owners, {"root/root"})


if __name__ == "__main__":
    unittest.main()
