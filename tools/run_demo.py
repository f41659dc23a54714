#!/usr/bin/env python3
"""make run: a complete server on loopback high ports, a real mail through it, and the mail in alice's mailbox.

Everything lies under ./var: configuration, spool, mailboxes. The server stays up until Ctrl-C, or, with --once, ends after
the mail was shown.
"""
import argparse
import contextlib
import datetime
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
DOMAIN = "example.test"
CONFIGURATION = """# Made by make run. Edit it and run build/posthorn serve -c var/posthorn.toml, or remove it to have it made anew.
hostname = "posthorn.example.test"
domains  = ["{domain}"]
state    = "{var}/state"

[[listener]]                        # as the Internet sees a mail server: mail for our domains only
address = ["127.0.0.1:{mx}"]
role    = "mx"
tls     = "none"

[[listener]]                        # for programs on this machine: mail to anywhere
address = ["127.0.0.1:{relay}"]
role    = "relay"
tls     = "none"

[mailbox]
root    = "{var}/mail"
users   = "{var}/users"
aliases = "{var}/aliases"

[process]
user = ""                           # stay the account that ran make
"""
MAIL = """From: You <you@elsewhere.test>
To: Alice <alice@{domain}>
Subject: It works
Date: {date}
Message-ID: <{id}@elsewhere.test>

Hello Alice,

this mail came in over SMTP, was synced to the spool before the server said
"250", and was then moved into your Maildir.

.A line that starts with a dot arrives as it was sent.
"""


def port_near(wanted):
    """That port of loopback, or a free one when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", wanted))
            return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prepare():
    """The configuration and the files it names; the ports of the two listeners."""
    (VAR / "mail").mkdir(parents=True, exist_ok=True)
    (VAR / "state").mkdir(exist_ok=True)
    ports = {"mx": port_near(2525), "relay": port_near(2526)}
    (VAR / "posthorn.toml").write_text(CONFIGURATION.format(var=VAR, domain=DOMAIN, **ports))
    for name, content in {"users": "alice\n", "aliases": "postmaster: alice\n"}.items():
        if not (VAR / name).exists():
            (VAR / name).write_text(content)
    return ports


def start():
    """The server, once it has said that it is ready; its diagnostics pass through to the terminal."""
    server = subprocess.Popen(
        [ROOT / "build/posthorn", "serve", "-c", VAR / "posthorn.toml"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )
    for line in server.stderr:
        print("   ", line, end="", flush=True)
        if line.startswith("posthorn ready"):
            return server
    sys.exit(server.wait() or 1)


class Dialogue:
    """SMTP by hand, so that it can be watched."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.replies = self.socket.makefile("r", newline="\r\n")
        self.listen("220")

    def say(self, line, wanted):
        print(f"    >>> {line}")
        self.socket.sendall(line.encode() + b"\r\n")
        self.listen(wanted)

    def listen(self, wanted):
        line = "---- "
        while line[3:4] != " ":
            line = self.replies.readline()
            print(f"    <<< {line.rstrip()}", flush=True)
            if not line.startswith(wanted):
                sys.exit(f"expected {wanted}")

    def send_content(self, text):
        lines = ["." + line if line.startswith(".") else line for line in text.splitlines()]
        print(f"    >>> (the mail, {len(lines)} lines)")
        self.socket.sendall("".join(line + "\r\n" for line in lines).encode())
        self.say(".", "250")


def send_mail(port):
    now = datetime.datetime.now(datetime.timezone.utc)
    text = MAIL.format(domain=DOMAIN, date=now.strftime("%a, %d %b %Y %H:%M:%S +0000"), id=f"{time.time_ns()}.demo")
    dialogue = Dialogue(port)
    dialogue.say("EHLO you.elsewhere.test", "250")
    dialogue.say("MAIL FROM:<you@elsewhere.test>", "250")
    dialogue.say(f"RCPT TO:<alice@{DOMAIN}>", "250")
    dialogue.say("DATA", "354")
    dialogue.send_content(text)
    dialogue.say("QUIT", "221")


def wait_for_new_file(folder, before):
    for _ in range(500):
        new = [name for name in os.listdir(folder) if name not in before] if folder.is_dir() else []
        if new:
            return folder / new[0]
        time.sleep(0.02)
    sys.exit(f"the mail did not arrive in {folder} within 10 s")


def end(server):
    server.send_signal(signal.SIGTERM)
    status = server.wait(15)
    print(f"the server has ended with status {status}")
    return 1 if status else 0


def stay_up(server, ports):
    print(f"""
The server is up; try it, for example from another terminal:
    swaks --server 127.0.0.1:{ports['mx']} --from you@elsewhere.test --to alice@{DOMAIN}
    swaks --server 127.0.0.1:{ports['mx']} --from you@elsewhere.test --to nobody@{DOMAIN}      (refused)
    build/posthorn help
Its configuration is var/posthorn.toml, its mailboxes are in var/mail. Ctrl-C ends it.""", flush=True)
    try:
        for line in server.stderr:
            print("   ", line, end="", flush=True)
    except KeyboardInterrupt:
        print()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", action="store_true", help="end after the mail was shown")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ports = prepare()
    new = VAR / "mail/alice/new"
    before = set(os.listdir(new)) if new.is_dir() else set()
    print("Starting build/posthorn serve -c var/posthorn.toml")
    server = start()
    try:
        print(f"\nSending a mail to alice@{DOMAIN}, as any stranger could:")
        send_mail(ports["mx"])
        mail = wait_for_new_file(new, before)
        print(f"\nIn alice's mailbox, {mail.relative_to(ROOT)}:\n")
        print("".join("    " + line + "\n" for line in mail.read_text().splitlines()), flush=True)
        if not arguments.once:
            stay_up(server, ports)
    except BaseException:
        end(server)
        raise
    return end(server)


if __name__ == "__main__":
    sys.exit(main())
