"""A receiving server for tests, one thread for each connection: it records what it takes, copy by copy, and some of its
answers can be set. It speaks STARTTLS and AUTH PLAIN where it is told to.

  with Sink("127.0.2.1", port) as sink:
      sink.answers["RCPT TO:<bad"] = "550 5.1.1 nobody"
"""
import base64
import contextlib
import dataclasses
import socket
import ssl
import threading


@dataclasses.dataclass
class Letter:
    sender: str
    recipients: list
    text: bytes
    encrypted: bool
    user: str


class Sink:
    def __init__(self, address, port, keywords=("PIPELINING", "8BITMIME", "SIZE 100000000"), tls=None, login=None, lmtp=False):
        self.keywords, self.tls, self.login, self.lmtp = keywords, tls, login, lmtp
        self.answers = {}  # beginning of a command, "220" or "." -> reply; None: the connection is cut
        self.cut_after_dot = 0  # so many letters are kept, and the connection is cut instead of the answer
        self.letters, self.commands, self.sessions = [], [], 0
        self.client_certificates = []
        self.lock = threading.Lock()
        self.ends = False
        if isinstance(port, int):
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((address, port))
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(str(port))
        self.socket.listen(200)
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while not self.ends:
            with contextlib.suppress(OSError):
                connection, _ = self.socket.accept()
                with self.lock:
                    self.sessions += 1
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError, ConnectionError):
            Session(self, connection).run()
        connection.close()

    def answer_for(self, line):
        for beginning, reply in self.answers.items():
            if line.upper().startswith(beginning.upper()):
                return reply
        return ""

    def recipients(self):
        """Of all letters, in order."""
        with self.lock:
            return [recipient for letter in self.letters for recipient in letter.recipients]

    def close(self):
        self.ends = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Cut(OSError):
    pass


class Session:
    def __init__(self, sink, connection):
        self.sink = sink
        self.connection = connection
        self.stream = connection.makefile("rb")
        self.sender, self.recipients = "", []
        self.encrypted, self.user = False, ""
        self.refuses_sender = False

    def say(self, text):
        self.connection.sendall(text.encode() + b"\r\n")

    def run(self):
        greeting = self.sink.answers.get("220", "220 sink.test ESMTP")
        if greeting is None:
            raise Cut
        self.say(greeting)
        while True:
            line = self.stream.readline()
            if not line:
                return
            line = line.decode(errors="surrogateescape").rstrip("\r\n")
            with self.sink.lock:
                self.sink.commands.append(line)
            reply = self.sink.answer_for(line)
            if reply is None:
                raise Cut
            if reply:
                self.refuses_sender = line.upper().startswith("MAIL")
                self.say(reply)
            elif self.obey(line):
                return

    def obey(self, line):
        verb = line.split(" ")[0].upper()
        if verb in ("EHLO", "LHLO"):
            self.say_hello()
        elif verb == "STARTTLS" and self.sink.tls:
            self.say("220 2.0.0 go on")
            self.start_tls()
        elif verb == "AUTH" and self.sink.login:
            self.authenticate(line)
        elif verb in ("RCPT", "DATA") and self.refuses_sender:
            self.say("503 5.5.1 no sender")
        elif verb == "MAIL":
            self.refuses_sender = False
            self.sender, self.recipients = line[5:], []
            self.say("250 2.1.0 ok")
        elif verb == "RCPT":
            self.recipients.append(line[9:].split(">")[0])
            self.say("250 2.1.5 ok")
        elif verb == "DATA":
            self.take_data()
        else:
            self.say("221 2.0.0 bye" if verb == "QUIT" else "250 2.0.0 ok")
        return verb == "QUIT"

    def say_hello(self):
        words = ["sink.test", *self.sink.keywords]
        if self.sink.tls and not self.encrypted:
            words.append("STARTTLS")
        if self.sink.login:
            words.append("AUTH PLAIN")
        for word in words[:-1]:
            self.say(f"250-{word}")
        self.say(f"250 {words[-1]}")

    def start_tls(self):
        self.connection = self.sink.tls.wrap_socket(self.connection, server_side=True)
        self.stream = self.connection.makefile("rb")
        self.encrypted = True
        with self.sink.lock:
            self.sink.client_certificates.append(self.connection.getpeercert(binary_form=True))

    def authenticate(self, line):
        _, name, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
        if (name, password) == self.sink.login:
            self.user = name
            self.say("235 2.7.0 welcome")
        else:
            self.say("535 5.7.8 no")

    def take_data(self):
        if not self.recipients:
            return self.say("554 5.5.1 no valid recipients")
        self.say("354 go on")
        text = b""
        while True:
            line = self.stream.readline()
            if not line:
                raise Cut
            if line == b".\r\n":
                break
            text += line[1:] if line.startswith(b".") else line
        return self.end_of_data(text)

    def end_of_data(self, text):
        with self.sink.lock:
            set_reply = self.sink.answers.get(".", "")
            if not set_reply:
                self.sink.letters.append(Letter(self.sender, self.recipients, text, self.encrypted, self.user))
            cuts = self.sink.cut_after_dot > 0
            self.sink.cut_after_dot -= cuts
        if cuts or set_reply is None:
            raise Cut
        for recipient in self.recipients if self.sink.lmtp else self.recipients[:1]:
            refused = self.sink.lmtp and self.sink.answers.get(f"end {recipient}")
            self.say(refused or set_reply or "250 2.0.0 taken")
        return None


def certificate(folder, name, days=3):
    """Makes a self-signed certificate for the name: its PEM file with the key, and its SHA-256."""
    import hashlib
    import subprocess

    key, shown = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", shown,
                    "-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    both = folder / f"{name}.pem"
    both.write_text(key.read_text() + shown.read_text())
    return both, hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown.read_text())).hexdigest()


def server_context(pem, trusts=None):
    """`trusts`: a client certificate is asked for, and this one is good."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if trusts:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(trusts)
    return context
