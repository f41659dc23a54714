"""A systemd of its own for a test: Debian's, as the first process of new namespaces, over this machine's programs, with its own
/etc, /var, /run, /dev, network and control groups. What is done in it stays in it. Needs root, overlayfs and cgroup v2.

  with World() as world: world.run("systemctl", "start", "posthorn")

The program under test is installed in it as `make install` does. Run as a program, inside the namespaces, this file makes the
root and becomes systemd."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/interop")]
import harness  # noqa: E402
import namespaces  # noqa: E402
import peers  # noqa: E402

NAMESPACES = ("mount", "pid", "net", "uts", "ipc", "cgroup")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# Of systemd's own units only these: nothing that would touch the machine around it.
UNITS = ("basic.target", "sysinit.target", "shutdown.target", "sockets.target", "timers.target", "paths.target", "slices.target",
         "local-fs.target", "swap.target", "network.target", "network-online.target", "nss-lookup.target", "multi-user.target",
         "umount.target", "final.target", "systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket")
WANTED = ("systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket")
UNIT_FOLDER = "/etc/systemd/units"
CANNOT = 77


class Impossible(Exception):
    """No such world can be made here; why."""


def own_control_group():
    """The folder of this process in the tree of cgroup v2."""
    mounts = [line.split() for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    trees = [fields[1] for fields in mounts if fields[2] == "cgroup2"]
    groups = [line[3:] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")]
    if not trees or not groups:
        raise Impossible("there is no cgroup v2")
    return pathlib.Path(trees[0] + groups[0])


class World:
    def __enter__(self):
        if os.geteuid() != 0:
            raise Impossible("only root can start a systemd of its own")
        self.group = own_control_group() / f"posthorn-test-{os.getpid()}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-systemd-"))
        self.told = self.folder / "told"
        try:
            self.group.mkdir()
        except OSError as fault:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise Impossible(f"no control group can be made: {fault}") from fault
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def begin(self):
        peer = peers.root("systemd")
        inner = [sys.executable, __file__, str(self.folder), str(peer)]
        unshare = ["unshare", *(f"--{name}" for name in NAMESPACES), "--fork", "--kill-child", *inner]
        join = f'echo $$ > "{self.group}/cgroup.procs" && exec "$@"'
        with open(self.told, "wb") as told:
            self.process = subprocess.Popen(["sh", "-c", join, "sh", *unshare], stdin=subprocess.DEVNULL, stdout=told, stderr=told)
        harness.wait_until(self.is_up, 60, "systemd", describe=self.told.read_text)

    def is_up(self):
        if self.process.poll() is not None:
            if self.process.returncode == CANNOT or not (self.folder / "made").exists():
                raise Impossible(self.told.read_text().strip())
            raise AssertionError(f"systemd ended with {self.process.returncode}: {self.told.read_text()}")
        if not (self.folder / "made").exists():
            return False
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def __exit__(self, *_):
        process = getattr(self, "process", None)
        if process is not None:
            process.kill()  # and by --kill-child its first process, and by that all of them
            process.wait()
        with contextlib.suppress(AssertionError):
            harness.wait_until(self.is_removed, 20, "the control groups are empty")
        shutil.rmtree(self.folder, ignore_errors=True)

    def is_removed(self):
        with contextlib.suppress(OSError):
            for group in sorted(self.group.rglob("*/"), reverse=True):
                group.rmdir()
            self.group.rmdir()
        return not self.group.exists()

    def first(self):
        """systemd's number outside."""
        return int(pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def path(self, inside):
        return pathlib.Path(f"/proc/{self.first()}/root{inside}")

    def processes(self, unit):
        """Name -> number outside, of the unit's processes."""
        found = {}
        with contextlib.suppress(FileNotFoundError):  # the group, or a process that ended meanwhile
            for number in (self.group / "system.slice" / unit / "cgroup.procs").read_text().split():
                found[pathlib.Path(f"/proc/{number}/comm").read_text().strip()] = int(number)
        return found

    def run(self, *command, check=True, **options):
        enter = ["nsenter", f"--target={self.first()}", *(f"--{name}" for name in NAMESPACES), "--wd=/"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin", "LANG=C", f"SYSTEMD_UNIT_PATH={UNIT_FOLDER}"]
        done = subprocess.run([*enter, *clean, *map(str, command)], capture_output=True, text=True, timeout=60, check=False, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}\n{self.journal()}")
        return done

    def journal(self):
        return self.run("journalctl", "--no-pager", "--output=short", "--lines=30", check=False).stdout

    @contextlib.contextmanager
    def network(self):
        """Sockets made in this block are of its network."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self.first()}/ns/net", os.O_RDONLY)
        try:
            namespaces.enter(there)
            yield
        finally:
            namespaces.enter(own)
            os.close(own)
            os.close(there)


def mount(kind, place, *options, source="none"):
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", kind, *(("-o", ",".join(options)) if options else ()), source, place], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Impossible(f"mount {kind} on {place}: {done.stderr.strip()}")


def overlay(place, beside, *lower):
    upper, work = (beside / part / place.name for part in ("upper", "work"))
    for folder in (upper, work):
        folder.mkdir(parents=True)
    below = ":".join(str(each) for each in lower if each.is_dir())
    mount("overlay", place, f"lowerdir={below}", f"upperdir={upper}", f"workdir={work}")


def make_devices(folder):
    mount("tmpfs", folder, "mode=755")
    for name in DEVICES:
        (folder / name).touch()
        subprocess.run(["mount", "--bind", f"/dev/{name}", folder / name], check=True)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"), ("ptmx", "pts/ptmx")):
        (folder / name).symlink_to(target)
    mount("tmpfs", folder / "shm", "mode=1777")
    mount("devpts", folder / "pts", "newinstance", "ptmxmode=0666")


def make_root(root, peer):
    mount("tmpfs", root, "mode=755", "size=1g")
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    usr, beside = root / "usr", root / "overlays"
    overlay(usr, beside, pathlib.Path("/usr"))
    for name in ("bin", "sbin", "lib"):
        overlay(usr / name, beside, peer / name, peer / "usr" / name, pathlib.Path("/usr") / name)
    overlay(root / "etc", beside, peer / "etc", pathlib.Path("/etc"))
    for name, mode in (("root", 0o700), ("home", 0o755), ("tmp", 0o1777), ("var/tmp", 0o1777), ("var/lib", 0o755), ("var/log", 0o755), ("var/spool", 0o755)):
        (root / name).mkdir(parents=True)
        (root / name).chmod(mode)
    # As Debian's base-files leave them.
    (root / "var/mail").mkdir()
    shutil.chown(root / "var/mail", 0, "mail")
    (root / "var/mail").chmod(0o2775)
    (root / "var/spool/mail").symlink_to("../mail")
    (root / "var/run").symlink_to("../run")
    mount("proc", root / "proc")
    subprocess.run(["mount", "--bind", root / "proc/sys", root / "proc/sys"], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", root / "proc/sys"], check=True)
    mount("sysfs", root / "sys", "ro")
    mount("cgroup2", root / "sys/fs/cgroup")
    mount("tmpfs", root / "run", "mode=755")
    make_devices(root / "dev")
    for place in (root / "etc/posthorn", root / "etc/systemd"):
        shutil.rmtree(place, ignore_errors=True)
    subprocess.run([ROOT / "tools/install.sh", root, "/usr"], env={**os.environ, "POSTHORN": str(harness.program())}, check=True)
    make_units(root, peer)


def make_units(root, peer):
    units = root / UNIT_FOLDER[1:]
    wants = units / "sysinit.target.wants"
    wants.mkdir(parents=True)
    for name in UNITS:
        shutil.copy(peer / "lib/systemd/system" / name, units / name)
    for name in WANTED:
        (wants / name).symlink_to(units / name)
    for unit in (root / "lib/systemd/system").glob("posthorn*"):
        (units / unit.name).symlink_to(f"/lib/systemd/system/{unit.name}")
    (root / "etc/systemd/journald.conf").write_text("[Journal]\nReadKMsg=no\nAudit=no\nStorage=volatile\nForwardToSyslog=no\n")
    (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")


def become_systemd(folder, peer):
    root = folder / "root"
    try:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        make_root(root, peer)
    except (Impossible, OSError, subprocess.CalledProcessError) as fault:
        print(fault, flush=True)
        sys.exit(CANNOT)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    (folder / "made").touch()
    os.chdir(root)
    pathlib.Path("before").mkdir()
    subprocess.run(["pivot_root", ".", "before"], check=True)
    os.chdir("/")
    subprocess.run(["umount", "--lazy", "/before"], check=True)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    environment = {"PATH": "/usr/sbin:/usr/bin", "LANG": "C", "container": "posthorn-test", "SYSTEMD_UNIT_PATH": UNIT_FOLDER,
                   "SYSTEMD_GENERATOR_PATH": "/nowhere", "SYSTEMD_ENVIRONMENT_GENERATOR_PATH": "/nowhere"}
    program = "/lib/systemd/systemd"
    os.execve(program, [program, "--unit=basic.target", "--log-target=journal-or-kmsg", "--log-level=notice", "--show-status=0"], environment)


if __name__ == "__main__":
    become_systemd(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
