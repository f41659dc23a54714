"""What a sender knows of its messages, and whether a mailbox agrees: every acknowledged message exactly once and unaltered,
no message twice, none in part."""
import collections
import hashlib
import random
import re
import socket
import threading

MARK = re.compile(rb"^X-Ledger: (\S+)\r?$", re.M)


def unix_lines(text):
    return text.replace(b"\r\n", b"\n")


class Ledger:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.digests = {}  # mark -> SHA-256 of the text as sent
        self.acknowledged = set()
        self.replies = collections.Counter()

    def compose(self, size):
        """The next message: its mark, and its text with CRLF ends and random lines."""
        with self.lock:
            mark = f"m{len(self.digests)}"
            lines = [f"X-Ledger: {mark}".encode(), b"Subject: ledger", b""]
            while size > 0:
                lines.append(b"." * self.random.randrange(3) + self.random.randbytes(30).hex().encode())
                size -= len(lines[-1]) + 2
            text = b"\r\n".join(lines) + b"\r\n"
            self.digests[mark] = hashlib.sha256(unix_lines(text)).hexdigest()
            return mark, text

    def acknowledge(self, mark):
        with self.lock:
            self.acknowledged.add(mark)

    def note_reply(self, reply):
        with self.lock:
            self.replies[reply[:3].decode(errors="replace") or "lost"] += 1

    def faults_of(self, delivered):
        """What is wrong with a mailbox, in words."""
        copies = collections.Counter()
        for text in map(unix_lines, delivered):
            found = MARK.search(text)
            if not found or found[1].decode() not in self.digests:
                yield f"a message nobody sent: {text[:80]!r}"
                continue
            mark = found[1].decode()
            copies[mark] += 1
            if hashlib.sha256(text[found.start() :]).hexdigest() != self.digests[mark]:
                yield f"{mark} was altered"
        for mark, count in copies.items():
            if count > 1:
                yield f"{mark} is there {count} times"
        for mark in sorted(self.acknowledged - copies.keys()):
            yield f"{mark} was acknowledged and is not there"


class Sender:
    """One SMTP client on a plain socket; a lost connection is an answer like any other."""

    def __init__(self, ledger, port, recipient="alice@example.test"):
        self.ledger = ledger
        self.port = port
        self.recipient = recipient

    def send(self, count, size):
        """Sends `count` messages on one connection; how many were acknowledged. Ends at the first reply that is no 2yz."""
        done = 0
        try:
            with socket.create_connection(("127.0.0.1", self.port), 10) as connection, connection.makefile("rb") as replies:
                connection.settimeout(20)
                self.expect(replies, b"220")
                self.ask(connection, replies, b"EHLO sender.test", b"250")
                while done < count:
                    self.send_one(connection, replies, size)
                    done += 1
                self.ask(connection, replies, b"QUIT", b"221")
        except OSError:
            self.ledger.note_reply(b"")
        except Refused:
            pass
        return done

    def send_one(self, connection, replies, size):
        mark, text = self.ledger.compose(size)
        self.ask(connection, replies, b"MAIL FROM:<sender@sender.test>", b"250")
        self.ask(connection, replies, f"RCPT TO:<{self.recipient}>".encode(), b"250")
        self.ask(connection, replies, b"DATA", b"354")
        stuffed = text.replace(b"\r\n.", b"\r\n..")
        self.ask(connection, replies, stuffed + b".", b"250")
        self.ledger.acknowledge(mark)

    def ask(self, connection, replies, line, wanted):
        connection.sendall(line + b"\r\n")
        self.expect(replies, wanted)

    def expect(self, replies, wanted):
        line = b"xxx-"
        while line[3:4] == b"-":
            line = replies.readline(1000)
            if not line.endswith(b"\r\n"):
                raise ConnectionResetError("no whole reply")
        self.ledger.note_reply(line)
        if not line.startswith(wanted):
            raise Refused(line)


class Refused(Exception):
    """A reply other than the one that lets the session go on."""
