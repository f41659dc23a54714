"""A real name server (Debian's nsd) on a loopback port of its own with zones made for a test: signed, unsigned, tampered with,
or broken, so that it answers SERVFAIL. The root is among them; its key is the trust anchor of this little tree.

  with NameServer({"far.test.": "@ MX 10 mx\\nmx A 127.0.2.1"}, signed=["far.test."]) as names:
      settings = {"dns": names.settings()}
"""
import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile

import harness

ROOT_RECORDS = ""


class NameServer:
    """`zones`: name with its final dot -> records in the format of master files, relative to the name; SOA and NS are added.
    `signed`: those with DNSSEC (the root is signed if any is). `tampered`: {name: (text in the signed file, what it becomes)}.
    `broken`: names that are answered SERVFAIL."""

    def __init__(self, zones, signed=(), tampered=None, broken=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-names-"))
        self.tampered = tampered or {}
        self.signed = set(signed) | set(self.tampered)
        if self.signed:
            self.signed.add(".")
        self.broken = broken
        self.zones = dict(zones)
        self.zones.setdefault(".", ROOT_RECORDS)
        self.process = None
        self.port = 0

    def file_of(self, name):
        return self.folder / ("root" if name == "." else name.rstrip("."))

    def write(self):
        extra = {name: "" for name in self.zones}
        for name in sorted(self.zones, key=lambda each: -each.rstrip(".").count(".") - (each != ".")):
            self.write_zone(name, extra[name])
            digests = self.sign(name) if name in self.signed else ""
            if name != ".":
                extra["."] += f"{name} NS ns.lab.\n{digests}"

    def write_zone(self, name, extra):
        self.file_of(name).write_text(
            f"$ORIGIN {name}\n$TTL 60\n{name} SOA ns.lab. admin.lab. 1 3600 600 86400 60\n{name} NS ns.lab.\n{self.zones[name]}\n{extra}\n"
        )

    def sign(self, name):
        """The records for the parent."""
        keys, digests = [], ""
        for kind in (["-k"], []):
            made = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", *kind, name], cwd=self.folder, check=True, capture_output=True, text=True)
            keys.append(made.stdout.split()[0])
            if kind:
                digests = (self.folder / f"{keys[0]}.ds").read_text()
        signed = self.file_of(name).with_name(self.file_of(name).name + ".signed")
        subprocess.run(["ldns-signzone", "-n", "-e", "20370101000000", "-f", signed, self.file_of(name), *keys],
                       cwd=self.folder, check=True, capture_output=True)
        if name in self.tampered:
            find, replace = self.tampered[name]
            text = signed.read_text()
            assert find in text, f"{find} is not in {signed}"
            signed.write_text(text.replace(find, replace))
        signed.replace(self.file_of(name))
        if name == ".":
            (self.folder / "anchor").write_text(digests)
        return digests

    def settings(self):
        """For [dns]."""
        anchor = {"trust_anchor": str(self.folder / "anchor")} if self.signed else {}
        return {"servers": [f"127.0.0.1:{self.port}"], **anchor}

    def start(self):
        self.write()
        (self.port,) = harness.free_ports(1)
        zones = "".join(f'zone:\n name: "{name}"\n zonefile: "{self.file_of(name)}"\n' for name in [*self.zones, *self.broken])
        (self.folder / "nsd.conf").write_text(
            f'server:\n ip-address: 127.0.0.1@{self.port}\n zonesdir: "{self.folder}"\n username: ""\n chroot: ""\n'
            f' pidfile: "{self.folder}/pid"\n zonelistfile: "{self.folder}/zones"\n xfrdfile: "{self.folder}/xfrd"\n'
            f' xfrdir: "{self.folder}"\n logfile: "{self.folder}/log"\n server-count: 1\n'
            f"remote-control:\n control-enable: no\n{zones}"
        )
        self.process = subprocess.Popen(["nsd", "-d", "-c", self.folder / "nsd.conf"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness.wait_until(self.answers, 20, "nsd", describe=lambda: (self.folder / "log").read_text())
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"nsd ended (package nsd):\n{(self.folder / 'log').read_text()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
