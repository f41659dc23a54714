#!/usr/bin/env python3
"""Other people's mail software for tests and measurements, unpacked beside, never installed: nothing of it runs by itself,
and a mail server of this machine stays what it is.

  peers.root("postfix")    the folder that holds usr/sbin/postfix and the rest, fetched and unpacked if it is not there yet
  peers.environment(root)  the environment its programs need to find their libraries

Packages are kept in $XDG_CACHE_HOME/posthorn/packages (a fresh clone needs no network then), unpacked in build/peers.

usage: peers.py [NAME...]      fetches and unpacks these, or all
"""
import fcntl
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNPACKED = ROOT / "build/peers"
PACKAGES = {
    "postfix": ["postfix"],
    "dovecot": ["dovecot-core", "dovecot-imapd", "dovecot-lmtpd"],
    "exim": ["exim4-daemon-light", "exim4-base"],
    "opensmtpd": ["opensmtpd"],
    "postgrey": ["postgrey"],
    "fail2ban": ["fail2ban"],
    "systemd": ["systemd"],
    "thunderbird": ["thunderbird"],  # 80 MB, and 8 MB of libraries
    # Who calls sendmail (tests/send/callers_test.py).
    "mailx": ["bsd-mailx"],
    "s-nail": ["s-nail"],
    "logwatch": ["logwatch"],
    "cron": ["cron"],
}
# Paths compiled into programs that no setting changes: made relative, for programs that are started in the peer's folder.
DOVECOT = "usr/lib/dovecot/"
RELATIVE = {
    "dovecot": {
        "usr/bin/doveconf": ["usr/sbin/dovecot", DOVECOT + "libdovecot.so.0.0.0"],
        "usr/lib/dovecot/modules": [DOVECOT + "libdovecot.so.0.0.0", DOVECOT + "libdovecot-login.so.0.0.0"],
    }
}


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "posthorn/packages"


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def is_installed(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True, check=False)
    return done.stdout == "installed"


def libraries_of(package):
    """The libraries a package needs that are not installed here, and theirs."""
    found, open_packages = [], [package]
    while open_packages:
        for line in run("apt-cache", "depends", "--no-recommends", "--no-suggests", open_packages.pop()).splitlines():
            kind, _, name = line.strip().partition(": ")
            if kind in ("Depends", "PreDepends") and name.startswith("lib") and name not in found and not is_installed(name):
                found.append(name)
                open_packages.append(name)
    return found


def refresh_package_lists():
    as_root = [] if os.geteuid() == 0 else ["sudo", "--"]
    run(*as_root, "apt-get", "-q", "update")


def download(packages, folder):
    sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    run("apt-get", *sandbox, "-q", "download", *packages, cwd=folder)


def fetch(name):
    """The .deb files of a peer, from the cache or the archive."""
    folder = cache() / name
    done = folder / "complete"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            wanted = [part for package in PACKAGES[name] for part in [package, *libraries_of(package)]]
            download(wanted, folder)
        except subprocess.CalledProcessError:
            refresh_package_lists()
            wanted = [part for package in PACKAGES[name] for part in [package, *libraries_of(package)]]
            download(wanted, folder)
        done.touch()
    return sorted(folder.glob("*.deb"))


def make_relative(place, path, programs):
    """The same length, so that nothing else in the program moves."""
    for program in programs:
        file = place / program
        compiled = b"/" + path.encode() + b"\0"
        file.write_bytes(file.read_bytes().replace(compiled, path.encode() + b"\0\0"))


def unpack(name, place):
    place.mkdir(parents=True, exist_ok=True)
    for package in fetch(name):
        run("dpkg-deb", "-x", str(package), str(place))
    for path, programs in RELATIVE.get(name, {}).items():
        make_relative(place, path, programs)


def root(name):
    place = UNPACKED / name
    done = place / ".unpacked"
    UNPACKED.mkdir(parents=True, exist_ok=True)
    with open(UNPACKED / f".{name}.lock", "w") as lock:  # several tests may be the first
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            unpack(name, place)
            done.touch()
    return place


def environment(place):
    folders = sorted({str(library.parent) for library in place.rglob("*.so*")})
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}


if __name__ == "__main__":
    for peer in sys.argv[1:] or PACKAGES:
        print(peer, root(peer))
