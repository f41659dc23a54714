"""Networks made for a test: a namespace for the server, one for the world outside, and veth pairs between them. Needs root's
rights over network namespaces; whoever is not root gets them in a user namespace of his own (become_root_of_a_namespace)."""
import contextlib
import ctypes
import os
import subprocess
import sys

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def become_root_of_a_namespace():
    """At the start of a test program: runs it again inside, where it may make networks."""
    if os.geteuid() == 0:
        return
    inside = "mount -t tmpfs none /run && exec python3 \"$@\""
    os.execvp("unshare", ["unshare", "-Urnm", "sh", "-c", inside, "sh", *sys.argv])


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Net:
    """The server's side has net0 (10.77.0.1, fd77::1) and net1 (10.78.0.1, fd78::1); the outside has .2 and ::2 on each."""

    def __init__(self):
        self.server, self.outside = (f"posthorn-{os.getpid()}-{name}" for name in ("server", "outside"))
        for name in (self.server, self.outside):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        for number in (0, 1):
            self.join(number)

    def join(self, number):
        near, far = f"net{number}", f"out{number}"
        ip("-n", self.server, "link", "add", near, "type", "veth", "peer", "name", far, "netns", self.outside)
        for namespace, link, last in ((self.server, near, 1), (self.outside, far, 2)):
            ip("-n", namespace, "addr", "add", f"10.7{7 + number}.0.{last}/24", "dev", link)
            ip("-n", namespace, "addr", "add", f"fd7{7 + number}::{last}/64", "dev", link, "nodad")
            ip("-n", namespace, "link", "set", link, "up")

    def remove(self):
        for name in (self.server, self.outside):
            ip("netns", "del", name)

    @contextlib.contextmanager
    def within(self, name):
        """Sockets made in this block are of that namespace, and stay so."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{name}", os.O_RDONLY)
        try:
            enter(there)
            yield
        finally:
            enter(own)
            os.close(own)
            os.close(there)


def enter(descriptor):
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
