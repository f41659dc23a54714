"""Thunderbird itself (Debian's package, unpacked beside), without a screen, told what to do over Marionette: length-prefixed JSON on
a port of loopback. Scripts run with its own rights and use the modules that its windows use.

  with Thunderbird(folder, authority) as program:
      program.run("return Services.appinfo.version")
"""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys

import harness

sys.path.insert(0, str(harness.ROOT / "tools"))
import peers  # noqa: E402

PATIENCE = 180  # seconds for a start on a busy machine, and for a script
PREFERENCES = {
    "marionette.port": 0,
    "network.manage-offline-status": False,
    "mailnews.auto_config.guess.timeout": 60,
    "network.dns.disableIPv6": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "extensions.update.enabled": False,
    "mail.shell.checkDefaultClient": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page.override_url": "",
    "mail.rights.version": 1,
}


class Thunderbird:
    """`authority`: the PEM file of an authority that it shall trust, besides its own."""

    def __init__(self, folder, authority=None):
        self.root = peers.root("thunderbird")
        self.folder = pathlib.Path(folder)
        self.profile = self.folder / "profile"
        self.profile.mkdir(parents=True)
        lines = [f'user_pref("{name}", {json.dumps(value)});\n' for name, value in PREFERENCES.items()]
        (self.profile / "user.js").write_text("".join(lines))
        (self.folder / "fonts.conf").write_text(
            f"<fontconfig><dir>{self.root}/usr/lib/thunderbird/fonts</dir><cachedir>{self.folder}/fonts</cachedir></fontconfig>\n")
        self.output = self.folder / "output"
        self.authority = authority
        self.connection = None
        self.commands = 0

    def start(self):
        environment = {**peers.environment(self.root), "HOME": str(self.folder), "MOZ_HEADLESS": "1", "MOZ_CRASHREPORTER_DISABLE": "1",
                       "FONTCONFIG_FILE": str(self.folder / "fonts.conf"), "MOZ_DISABLE_CONTENT_SANDBOX": "1"}
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [self.root / "usr/lib/thunderbird/thunderbird-bin", "--headless", "--marionette", "--remote-allow-system-access", "--no-remote",
                 "--profile", self.profile], env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True)
        port = harness.wait_until(self.port, PATIENCE, "Thunderbird's port", step=0.1, describe=self.told)
        self.connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.file = self.connection.makefile("rb")
        self.hear()
        self.command("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": False}}})
        self.command("Marionette:SetContext", {"value": "chrome"})
        self.command("WebDriver:SetTimeouts", {"script": PATIENCE * 1000})
        if self.authority:
            lines = [line for line in pathlib.Path(self.authority).read_text().splitlines() if "-----" not in line]
            self.run('Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(given, "C,C,C");', "".join(lines))
        return self

    def told(self):
        lines = self.output.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if line and "gtk_" not in line)[-3000:]  # it misses a screen

    def port(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Thunderbird ended with {self.process.returncode}:\n{self.told()}")
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((self.profile / "MarionetteActivePort").read_text())
        return None

    def hear(self):
        length = b""
        while not length.endswith(b":"):
            octet = self.file.read(1)
            if not octet:
                raise AssertionError(f"Thunderbird hung up\n{self.told()}")
            length += octet
        return json.loads(self.file.read(int(length[:-1])))

    def command(self, name, parameters):
        self.commands += 1
        text = json.dumps([0, self.commands, name, parameters]).encode()
        self.connection.sendall(str(len(text)).encode() + b":" + text)
        _, _, fault, result = self.hear()
        if fault:
            raise AssertionError(f"Thunderbird, {name}: {fault.get('message')}\n{fault.get('stacktrace', '')}")
        return result

    def run(self, script, given=None):
        """What the body of an asynchronous function returns; it finds `given` as a variable."""
        wrapped = ("const [given, done] = arguments; (async () => {" + script +
                   "})().then(value => done({value}), fault => done({fault: `${fault} ${fault.stack || ''}`}));")
        result = self.command("WebDriver:ExecuteAsyncScript", {"script": wrapped, "args": [given], "sandbox": "system", "newSandbox": True})
        answer = result["value"]
        if "fault" in answer:
            raise AssertionError(f"in Thunderbird: {answer['fault']}")
        return answer.get("value")

    def stop(self):
        """It and its children are gone, whatever it was at."""
        if self.connection:
            self.file.close()
            self.connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait(30)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()
