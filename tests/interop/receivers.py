"""Other people's receiving servers, unpacked beside (tools/peers.py) and run with folders and ports of their own: Postfix, Exim,
OpenSMTPD, and Postfix with postgrey before it. Nothing is installed. They need accounts and compiled-in paths that this machine
may not have: Exim and OpenSMTPD get them in a mount namespace of their own, which only root may make.

Each takes mail for its domain on its address: anyone but "bad" (refused for good) and "later" (refused for the moment), with STARTTLS
by a self-signed certificate. `texts()` are the messages it has delivered."""
import contextlib
import os
import pathlib
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import harness
import sink

sys.path.insert(0, str(harness.ROOT / "tools"))
import peers  # noqa: E402


def as_root():
    """Begins the test again with root's rights, if it has not got them."""
    if os.geteuid() != 0:
        os.execvp("sudo", ["sudo", "-nE", sys.executable, *sys.argv])


class Receiver:
    name = ""
    accounts = ()

    def __init__(self, domain, address, port, next_hop=""):
        """`next_hop`: "address:port" to which it sends what it has to say to others."""
        self.domain, self.address, self.port, self.next_hop = domain, address, port, next_hop
        self.root = peers.root(self.name)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"posthorn-{self.name}-"))
        self.folder.chmod(0o755)
        self.mail = self.folder / "mail"
        self.mail.mkdir()
        self.pem, self.fingerprint = sink.certificate(self.folder, f"mx.{domain}")
        self.process = None

    def start(self):
        self.prepare()
        with open(self.folder / "out", "ab") as out:
            self.process = subprocess.Popen(self.command(), env=peers.environment(self.root), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            start_new_session=True)
        harness.wait_until(self.greets, 40, f"{self.name} at {self.address}:{self.port}", describe=self.told)
        return self

    def greets(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended:\n{self.told()}")
        with contextlib.suppress(OSError), socket.create_connection((self.address, self.port), 1) as connection:
            connection.settimeout(5)
            return connection.recv(100).startswith(b"220")
        return False

    def told(self):
        return "\n".join(f"--- {path}\n{path.read_text(errors='replace')[-4000:]}" for path in sorted(self.folder.rglob("*log")) + [self.folder / "out"]
                         if path.is_file())

    def texts(self):
        return [path.read_bytes().replace(b"\r\n", b"\n") for path in self.mail.rglob("new/*") if path.is_file()]

    def wait_for_texts(self, claim, count, seconds=40):
        """The delivered messages that the claim holds for, once there are so many."""
        def wanted():
            found = [text for text in self.texts() if claim(text)]
            return found if len(found) >= count else None
        return harness.wait_until(wanted, seconds, f"{count} messages at {self.name}", describe=self.told)

    def stop(self):
        if self.process is not None:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(5)
                    break
        self.stop_rest()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop_rest(self):
        """Processes that left the group are found by the folder in their command line."""
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError, ProcessLookupError):
                if entry.name.isdigit() and str(self.folder).encode() in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def in_namespace(self, mounts, command):
        """Shell words that run the command with this machine's accounts and more, and with the mounts."""
        for name, line in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/usr/sbin/nologin\n"), ("group", "{0}:x:{1}:\n")):
            text = pathlib.Path(f"/etc/{name}").read_text()
            text += "".join(line.format(account, 60981 + number) for number, account in enumerate(self.accounts))
            (self.folder / name).write_text(text)
        script = " && ".join([
            f"mount --bind {self.folder}/passwd /etc/passwd", f"mount --bind {self.folder}/group /etc/group", *mounts,
            "exec " + shlex.join(map(str, command)),
        ])
        return ["unshare", "-m", "sh", "-c", script]

    def give(self, path, account):
        os.chown(path, 60981 + self.accounts.index(account), 60981 + self.accounts.index(account))


class Postfix(Receiver):
    name = "postfix"
    greylister = ""  # "address:port" of a policy service

    def prepare(self):
        owner = pwd.getpwnam("daemon")
        for name in ("etc", "queue", "data"):
            (self.folder / name).mkdir()
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "pid", "private", "public",
                     "saved", "trace"):
            folder = self.folder / "queue" / name
            folder.mkdir(mode=0o755 if name in ("pid", "public") else 0o700)
            if name != "pid":
                os.chown(folder, owner.pw_uid, -1)
        for folder in (self.folder / "data", self.mail):
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        access = f"inline:{{ {{ bad@{self.domain} = 550 5.1.1 nobody here }}, {{ later@{self.domain} = 450 4.2.0 come back later }} }}"
        restrictions = [f"check_recipient_access {access}"] + ([f"check_policy_service inet:{self.greylister}"] if self.greylister else [])
        (self.folder / "etc/main.cf").write_text("\n".join([
            "compatibility_level = 3.6", f"queue_directory = {self.folder}/queue", f"data_directory = {self.folder}/data",
            f"daemon_directory = {self.root}/usr/lib/postfix/sbin", f"command_directory = {self.root}/usr/sbin",
            f"shlib_directory = {self.root}/usr/lib/postfix", f"meta_directory = {self.root}/etc/postfix",
            "import_environment = MAIL_CONFIG LD_LIBRARY_PATH", "mail_owner = daemon", "setgid_group = mail",
            f"myhostname = mx.{self.domain}", "mydestination =", "alias_maps =", "inet_interfaces = 127.0.0.1", "inet_protocols = ipv4",
            "mynetworks =", "smtpd_peername_lookup = no", "biff = no", f"virtual_mailbox_domains = {self.domain}",
            f"virtual_mailbox_base = {self.mail}", f"virtual_mailbox_maps = inline:{{ {{ @{self.domain} = all/ }} }}",
            f"virtual_uid_maps = static:{owner.pw_uid}", f"virtual_gid_maps = static:{owner.pw_gid}", "virtual_minimum_uid = 1",
            f"smtpd_recipient_restrictions = {', '.join(restrictions)}", "smtpd_relay_restrictions = reject_unauth_destination",
            f"smtpd_tls_chain_files = {self.pem}", "smtpd_tls_security_level = may", "smtpd_tls_received_header = yes", "message_size_limit = 0",
            "virtual_mailbox_limit = 0", "smtp_dns_support_level = disabled", "smtp_host_lookup = native",
            f"relayhost = {self.relay()}", f"maillog_file = {self.folder}/mail.log", f"maillog_file_prefixes = {self.folder}", "",
        ]))
        (self.folder / "etc/master.cf").write_text("\n".join([
            f"{self.address}:{self.port} inet n - n - - smtpd", "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup",
            "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce", "defer unix - - n - 0 bounce",
            "trace unix - - n - 0 bounce", "flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap", "smtp unix - - n - - smtp",
            "relay unix - - n - - smtp", "showq unix n - n - - showq", "error unix - - n - - error", "retry unix - - n - - error",
            "virtual unix - n n - - virtual", "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache", "tlsmgr unix - - n 1000? 1 tlsmgr",
            "postlog unix-dgram n - n - 1 postlogd", "",
        ]))

    def relay(self):
        address, _, port = self.next_hop.partition(":")
        return f"[{address}]:{port}" if port else ""

    def command(self):
        return ["env", f"MAIL_CONFIG={self.folder}/etc", str(self.root / "usr/lib/postfix/sbin/master"), "-c", f"{self.folder}/etc", "-d"]


class Exim(Receiver):
    name = "exim"
    accounts = ("Debian-exim",)

    def prepare(self):
        (self.folder / "spool").mkdir()
        for path in (self.folder, self.folder / "spool", self.mail, self.pem):
            self.give(path, "Debian-exim")
        program = self.root / "usr/sbin/exim4"
        away = self.next_hop.replace(":", "::")
        (self.folder / "exim.conf").write_text(f"""
primary_hostname = mx.{self.domain}
exim_path = {program}
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = {self.folder}/spool
log_file_path = {self.folder}/%slog
pid_file_path = {self.folder}/pid
daemon_smtp_ports = {self.port}
local_interfaces = {self.address}
tls_advertise_hosts = *
tls_certificate = {self.pem}
chunking_advertise_hosts = *
dsn_advertise_hosts = *
host_lookup =
rfc1413_query_timeout = 0s
message_size_limit = 0
keep_environment = LD_LIBRARY_PATH
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = acl_rcpt
begin acl
acl_rcpt:
  deny local_parts = bad
       message = nobody here
  defer local_parts = later
       message = come back later
  accept
begin routers
here:
  driver = accept
  domains = {self.domain}
  transport = maildir
away:
  driver = manualroute
  route_list = * {away}
  self = send
  transport = smtp
begin transports
maildir:
  driver = appendfile
  directory = {self.mail}/all
  maildir_format
  user = Debian-exim
smtp:
  driver = smtp
""")

    def command(self):
        return self.in_namespace([], [self.root / "usr/sbin/exim4", "-C", self.folder / "exim.conf", "-bdf", "-q1m"])


class OpenSmtpd(Receiver):
    name = "opensmtpd"
    accounts = ("opensmtpd", "opensmtpq")

    def prepare(self):
        shutil.chown(self.mail, "mail", "mail")
        self.pem.chmod(0o600)
        people = ", ".join(f'"{user}@{self.domain}" = "mail"' for user in ("ok", "two"))
        (self.folder / "smtpd.conf").write_text(f"""
pki "mx.{self.domain}" cert "{self.pem}"
pki "mx.{self.domain}" key "{self.pem}"
table laters {{ "later@{self.domain}" }}
table people {{ {people} }}
filter "laters" phase rcpt-to match rcpt-to <laters> reject "451 4.2.0 come back later"
smtp max-message-size 200M
listen on {self.address} port {self.port} tls pki "mx.{self.domain}" hostname "mx.{self.domain}" filter "laters"
action "in" maildir "{self.mail}/all" virtual <people>
match from any for domain "{self.domain}" action "in"
""")

    def command(self):
        helpers = self.root / "usr/libexec/opensmtpd"
        queue = "/var/spool/smtpd"
        mounts = [
            "mount -t tmpfs none /var/spool", f"mkdir -m 711 {queue}",
            f"mkdir -m 700 {queue}/purge {queue}/temporary {queue}/incoming {queue}/queue {queue}/corrupt",
            f"chown opensmtpq {queue}/purge {queue}/temporary {queue}/incoming {queue}/queue {queue}/corrupt",
            f"mkdir -m 770 {queue}/offline", f"chgrp opensmtpq {queue}/offline",
            "mount -t tmpfs none /var/lib", "mkdir -p -m 755 /var/lib/opensmtpd/empty", "mount -t tmpfs none /var/run",
            "mount -t tmpfs none /usr/libexec", "mkdir /usr/libexec/opensmtpd", f"mount --bind {helpers} /usr/libexec/opensmtpd",
        ]
        return self.in_namespace(mounts, [self.root / "usr/sbin/smtpd", "-d", "-f", self.folder / "smtpd.conf"])


class Postgrey:
    """A greylisting policy service for Postfix: a first attempt waits `delay` seconds."""

    def __init__(self, delay, text):
        self.root = peers.root("postgrey")
        self.delay, self.text = delay, text
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="posthorn-postgrey-"))
        (self.port,) = harness.free_ports(1)
        self.process = None

    def __enter__(self):
        folders = [path for pattern in ("usr/share/perl5", "usr/lib/*/perl5/*") for path in self.root.glob(pattern)]
        command = ["perl", "-T", *[f"-I{folder}" for folder in folders], str(self.root / "usr/sbin/postgrey"), f"--inet=127.0.0.1:{self.port}",
                   f"--delay={self.delay}", f"--dbdir={self.folder}", "--user=root", "--group=root", f"--greylist-text={self.text}",
                   "--whitelist-clients=/dev/null", "--whitelist-recipients=/dev/null"]
        with open(self.folder / "out", "wb") as out:
            self.process = subprocess.Popen(command, env=peers.environment(self.root), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        harness.wait_until(self.answers, 30, "postgrey", describe=lambda: (self.folder / "out").read_text())
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"postgrey ended:\n{(self.folder / 'out').read_text()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
