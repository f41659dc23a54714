#!/usr/bin/env python3
"""Mission D's acceptance test with Thunderbird itself: it is given an address and a password, finds the server by its own probing,
and sends from there, over 465 and 587, to addresses of all kinds; mail from outside comes, too; Dovecot shows what is there.

Runs itself in namespaces of its own: the ports are the real ones, and the names of the servers stand in /etc/hosts."""
import imaplib
import os
import pathlib
import smtplib
import subprocess
import sys
import tempfile
import unittest

import stage
from stage import harness, namespaces, wait_until

sys.path[:0] = [str(harness.ROOT / "tests/interop"), str(harness.ROOT / "tools")]
import peers  # noqa: E402
from dovecot_test import Dovecot  # noqa: E402
from thunderbird import Thunderbird  # noqa: E402

INSIDE = "POSTHORN_THUNDERBIRD"
PASSWORD = "opensesame"
# Where the names of the servers lead. What listens on each is in start_posthorn.
HOSTS = {"127.0.0.1": "smtp.example.test imap.example.test", "127.0.0.2": "smtp.second.test", "127.0.0.3": "smtp.third.test"}
STARTTLS, TLS = 2, 3  # nsMsgSocketType
# Thunderbird's own account set-up: the probing of a domain, then the account made of what it found.
SET_UP = """
  const { GuessConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/GuessConfig.sys.mjs");
  const { AccountConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/AccountConfig.sys.mjs");
  const { CreateInBackend } = ChromeUtils.importESModule("resource:///modules/accountcreation/CreateInBackend.sys.mjs");
  const config = new AccountConfig();
  config.incoming.username = config.outgoing.username = "%EMAILLOCALPART%";
  await GuessConfig.guessConfig("example.test", () => {}, config, "both", new AbortController().signal);
  AccountConfig.replaceVariables(config, "Alice", "alice@example.test", given);
  config.rememberPassword = true;
  const account = await CreateInBackend.createAccountInBackend(config);
  account.incomingServer.doBiff = false;
  return {
    incoming: [config.incoming.type, config.incoming.hostname, config.incoming.port, config.incoming.socketType],
    outgoing: [config.outgoing.hostname, config.outgoing.port, config.outgoing.socketType, config.outgoing.username],
  };
"""
# The probing alone: what it takes of the outgoing servers that a domain has.
GUESS = """
  const { GuessConfig } = ChromeUtils.importESModule("resource:///modules/accountcreation/GuessConfig.sys.mjs");
  const { outgoing } = await GuessConfig.guessConfig(given, () => {}, null, "outgoing", new AbortController().signal);
  return [outgoing.hostname, outgoing.port, outgoing.socketType];
"""
SEND = """
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const account = MailServices.accounts.defaultAccount;
  const identity = account.defaultIdentity;
  const server = MailServices.outgoingServer.getServerByIdentity(identity).QueryInterface(Ci.nsISmtpServer);
  if (given.port) {
    server.port = given.port;
    MailServices.outgoingServer.getServerByIdentity(identity).socketType = given.socket;
  }
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  fields.from = "Alice <alice@example.test>";
  fields.to = given.to;
  fields.cc = given.cc;
  fields.bcc = given.bcc;
  fields.subject = given.subject;
  const send = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
  await new Promise((resolve, reject) => {
    const listener = {
      QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener", "nsIMsgCopyServiceListener"]),
      onStartSending() {}, onSendProgress() {}, onProgress() {}, onStatus() {}, onGetDraftFolderURI() {}, onSendNotPerformed() {},
      onTransportSecurityError() {}, onStartCopy() {}, setMessageKey() {}, getMessageId() { return null; },
      onStopSending(id, status, text) { if (!Components.isSuccessCode(status)) reject(new Error(`${status} ${text}`)); },
      onStopCopy(status) { Components.isSuccessCode(status) ? resolve() : reject(new Error(`copy to Sent: ${status}`)); },
    };
    send.createAndSendMessage(null, identity, account.key, fields, false, false, Ci.nsIMsgCompDeliverMode.Now, null, "text/plain", given.text,
                              null, null, listener, null, null, Ci.nsIMsgCompType.New).catch(reject);
  });
"""
# What its own view of the mailbox holds.
READ = """
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const inbox = MailServices.accounts.defaultAccount.incomingServer.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
  await new Promise(resolve => inbox.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, {
    QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]), OnStartRunningUrl() {}, OnStopRunningUrl: resolve }));
  return [...inbox.messages].map(each => each.mime2DecodedSubject);
"""


def enter_namespaces():
    """This program again, where it may mount and bind any port, and nobody else sees it."""
    rights = ["--map-root-user"] if os.geteuid() != 0 else []
    command = ["unshare", "--mount", "--net", *rights, "--propagation", "private", sys.executable, *sys.argv]
    os.execvpe(command[0], command, {**os.environ, INSIDE: "mapped" if rights else "root"})


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)


class MailProgram(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="posthorn-thunderbird-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.folder.chmod(0o755)
        cls.make_network()
        cls.make_certificates()
        cls.world = stage.World(cls, "addClassCleanup")
        cls.start_posthorn()
        cls.start_dovecot()
        cls.program = Thunderbird(cls.folder / "thunderbird", cls.folder / "authority.pem")
        cls.enterClassContext(cls.program)

    @classmethod
    def make_network(cls):
        for words in ("set lo up", "add net0 type veth peer name net1", "set net0 up", "set net1 up"):
            namespaces.ip("link", *words.split())
        namespaces.ip("addr", "add", "10.77.0.1/24", "dev", "net0")  # where there is loopback only, no name has an IPv4 address
        hosts = cls.folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {names}\n" for address, names in HOSTS.items()))
        hosts.chmod(0o644)
        subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", "-l", "/etc/hosts"], check=True)

    @classmethod
    def make_certificates(cls):
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
        openssl("req", "-x509", *key, "-subj", "/CN=Authority of a test", "-out", str(cls.folder / "authority.pem"), "-keyout",
                str(cls.folder / "authority.key"))
        openssl("req", "-x509", *key, "-subj", "/CN=example.test", "-CA", str(cls.folder / "authority.pem"), "-CAkey",
                str(cls.folder / "authority.key"), "-addext", "basicConstraints=critical,CA:FALSE", "-addext",
                "subjectAltName=" + ",".join(f"DNS:{name}" for name in " ".join(HOSTS.values()).split()), "-out", str(cls.folder / "tls.pem"), "-keyout",
                str(cls.folder / "tls.key"))

    @classmethod
    def start_posthorn(cls):
        account = "daemon" if os.environ[INSIDE] == "root" else ""
        cls.server = harness.Posthorn(users=["alice", "bob"], account=account, settings={
            **cls.world.settings, "tls": {"certificate": str(cls.folder / "tls.pem"), "key": str(cls.folder / "tls.key")},
            "listener": [{"address": ["127.0.0.1:25", "127.0.0.3:25"], "role": "mx", "tls": "starttls"},
                         {"address": ["127.0.0.1:465"], "role": "submission", "tls": "implicit"},
                         {"address": ["127.0.0.1:587", "127.0.0.2:587"], "role": "submission", "tls": "starttls"}]})
        cls.addClassCleanup(cls.server.remove)
        subprocess.run([str(harness.program()), "user", "passwd", "alice", "-c", str(cls.server.config)], input=PASSWORD.encode() + b"\n",
                       check=True)
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)

    @classmethod
    def start_dovecot(cls):
        account = "daemon" if os.environ[INSIDE] == "root" else "root"
        cls.dovecot = Dovecot(cls.folder / "dovecot", cls.server.mail, account, f"maildir:{cls.server.mail}/%n")
        settings = cls.folder / "dovecot/dovecot.conf"
        text = settings.read_text().replace(f"port = {cls.dovecot.port}", "port = 143").replace(
            "ssl = no", f"ssl = yes\nssl_cert = <{cls.folder}/tls.pem\nssl_key = <{cls.folder}/tls.key")
        settings.write_text(text)
        cls.dovecot.port = 143
        cls.addClassCleanup(cls.dovecot.stop)
        cls.dovecot.start()

    def told(self):
        return f"{self.server.told()}\n--- Dovecot\n{self.dovecot.told()}\n--- Thunderbird\n{self.program.told()}"

    def subjects(self, user):
        """As Dovecot shows them."""
        with imaplib.IMAP4("127.0.0.1", 143, timeout=30) as imap:
            imap.login(user, "any")
            imap.select("INBOX")
            found = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
            return sorted(part[1].decode().strip().removeprefix("Subject: ") for part in found if isinstance(part, tuple))

    def send(self, subject, **more):
        self.program.run(SEND, {"to": "Bob <bob@example.test>, Bob@far.test", "cc": "bob+lists@example.test, carl@other.test",
                                "bcc": "alice@example.test", "subject": subject, "text": ".a dot\nGrüße\n", **more})

    def test_it_finds_the_server_by_itself_sends_to_addresses_of_all_kinds_and_is_written_to(self):
        with harness.more_told(self.told):
            found = self.program.run(SET_UP, PASSWORD)
            self.assertEqual(found["outgoing"][:3], ["smtp.example.test", 465, TLS], found)
            self.assertEqual(found["incoming"], ["imap", "imap.example.test", 143, STARTTLS], found)
            self.send("over 465")
            self.send("over 587", port=587, socket=STARTTLS)
            self.check_what_came()

    def test_its_probing_prefers_465_then_587_then_starttls_on_25(self):
        with harness.more_told(self.told):
            for domain, port, socket in (("example.test", 465, TLS), ("second.test", 587, STARTTLS), ("third.test", 25, STARTTLS)):
                self.assertEqual(self.program.run(GUESS, domain), [f"smtp.{domain}", port, socket])

    def check_what_came(self):
        self.server.wait_for_mail("alice", 2, 60)
        self.server.wait_for_mail("bob", 4, 60)
        self.world.wait_for(1, "Bob@far.test", told=self.told)
        self.world.wait_for(2, "carl@other.test", told=self.told)
        self.assertEqual(self.subjects("bob"), ["over 465", "over 465", "over 587", "over 587"])
        for text in self.server.delivered("bob"):
            self.assertIn(b"with ESMTPSA", text)
            self.assertNotIn(b"\nBcc:", text)
            self.assertTrue(text.replace(b"\r\n", b"\n").endswith(".a dot\nGrüße\n".encode()) or b"quoted-printable" in text, text)

        # From outside.
        with smtplib.SMTP("127.0.0.1", 25, timeout=30) as client:
            client.sendmail("carol@other.test", ["alice@example.test"], "From: carol@other.test\nSubject: from outside\n\nhello\n")
        self.server.wait_for_mail("alice", 3, 60)
        wait_until(lambda: sorted(self.program.run(READ)) == ["from outside", "over 465", "over 587"], 60, "three mails in its view", step=0.5,
                   describe=self.told)


if __name__ == "__main__":
    if INSIDE not in os.environ:
        for name in ("thunderbird", "dovecot"):  # inside there is no network to fetch them
            peers.root(name)
        enter_namespaces()
    unittest.main()
