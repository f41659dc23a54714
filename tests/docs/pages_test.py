#!/usr/bin/env python3
"""Every command of the tutorial, the how-to pages and docs/mission.md works as it stands there: the blocks marked `sh` of a page
are run one after another by one shell, in namespaces of their own, where /etc, /srv, /root and /var/spool/mail are the page's and
ports are free. For whoever is not root all accounts of the pages are one."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
PROGRAM = pathlib.Path(os.environ.get("POSTHORN") or ROOT / "build/posthorn")
SECONDS = 240

# Before the page. What is mounted is gone with the namespace.
PREPARE = """
set -eu
mount --make-rprivate /
ip link set lo up
ip link add eth0 type veth peer name peer0
ip addr add 192.0.2.1/24 dev eth0
ip link set eth0 up
ip link set peer0 up
mkdir "$WORK/etc"
cp -r /etc/. "$WORK/etc" 2> /dev/null || test -e "$WORK/etc/passwd"
mount --bind "$WORK/etc" /etc
for name in posthorn alice bob; do
  number=$((ROOTS == 1 ? 3000 + ${#name} : 0))
  grep -q "^$name:" /etc/passwd || echo "$name:x:$number:$number:::/usr/sbin/nologin" >> /etc/passwd
  grep -q "^$name:" /etc/group || echo "$name:x:$number:" >> /etc/group
done
: > /etc/aliases
rm -rf /etc/posthorn
mkdir /etc/posthorn
for place in /var/lib /var/spool /srv /root; do mount -t tmpfs -o mode=755 none "$place"; done
mkdir -p /var/lib/posthorn /var/spool/mail
"""
# The state that the tutorial leaves, for pages that begin there.
BEGUN = """
printf 'hostname = "mail.example.org"\\ndomains  = ["example.org"]\\n' > /etc/posthorn/posthorn.toml
printf 'alice\\nbob\\n' > /etc/posthorn/users
"""


def blocks(page):
    return BLOCK.findall((ROOT / "docs" / page).read_text())


class Pages(unittest.TestCase):
    def run_page(self, page, prepared=""):
        work = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-page-"))
        self.addCleanup(shutil.rmtree, work, ignore_errors=True)
        work.chmod(0o755)
        (work / "bin").mkdir()
        # Copied, since the account that the server becomes may not reach where it was built.
        shutil.copy(PROGRAM, work / "bin/posthorn")
        for name in ("newaliases", "mailq"):
            (work / "bin" / name).symlink_to("posthorn")
        script = PREPARE + prepared + "cd /root\nset -o pipefail\n" + "".join(self.announced(block) for block in blocks(page))
        (work / "page.sh").write_text(script)
        is_root = os.geteuid() == 0
        environment = {**os.environ, "WORK": str(work), "ROOTS": str(int(is_root)), "PATH": f"{work}/bin:{os.environ['PATH']}", "HOME": "/root"}
        command = ["unshare", *([] if is_root else ["--user", "--map-root-user"]), "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", str(work / "page.sh")]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
                              start_new_session=True) as shell:
            try:
                said, _ = shell.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                shell.kill()
                said = f"{shell.communicate()[0]}\nnot ended after {SECONDS} s"
        self.assertEqual(shell.returncode, 0, said[-6000:])

    @staticmethod
    def announced(block):
        """A block that fails is the last one that is shown."""
        return "cat <<'SHOWN'\n>>>\n" + block + "SHOWN\n" + block

    def test_tutorial(self):
        self.run_page("tutorial.md")

    def test_mission(self):
        self.run_page("mission.md")

    def test_how_to_tls(self):
        self.run_page("howto/tls.md", BEGUN)

    def test_how_to_users(self):
        self.run_page("howto/users.md", BEGUN)

    def test_how_to_provider(self):
        self.run_page("howto/provider.md", BEGUN)

    def test_how_to_from_postfix(self):
        self.run_page("howto/from_postfix.md", BEGUN)

    def test_no_page_is_forgotten(self):
        pages = {f"howto/{page.name}" for page in (ROOT / "docs/howto").glob("*.md")}
        self.assertEqual(pages, {"howto/tls.md", "howto/users.md", "howto/provider.md", "howto/from_postfix.md"})


if __name__ == "__main__":
    unittest.main()
