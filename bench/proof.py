"""The proof that goes with every figure: in a trace of a server's system calls, each message's bytes were synced before the
250 that acknowledged it left."""
import pathlib
import re
import subprocess

CALLS = "write,pwrite64,pwritev,pwritev2,writev,fdatasync,fsync,sync_file_range,sendto,sendmsg,rename,io_uring_enter"
LINE = re.compile(r"^(?P<pid>\d+)\s+(?P<rest>.*)$")
CALL = re.compile(r"^(?P<name>\w+)\((?P<arguments>.*)$", re.S)
FILE = re.compile(r"^(?P<number>\d+)<(?P<path>[^>]*)>")
TOKEN = re.compile(r"Message-ID: <(\d+\.\d+)@load\.bench\.test>")


def calls_of(trace):
    """(when it began, when it ended, name, arguments) of each call, in order of beginning; times are line numbers."""
    open_calls, found = {}, []
    for number, line in enumerate(trace.splitlines()):
        match = LINE.match(line)
        if not match:
            continue
        pid, rest = match["pid"], match["rest"]
        if rest.startswith("<... "):
            if pid in open_calls:
                began, name, arguments = open_calls.pop(pid)
                found.append((began, number, name, arguments + rest))
            continue
        call = CALL.match(rest)
        if not call:
            continue
        if rest.endswith("<unfinished ...>"):
            open_calls[pid] = (number, call["name"], call["arguments"])
        else:
            found.append((number, number, call["name"], call["arguments"]))
    return sorted(found)


def path_of(arguments):
    match = FILE.match(arguments)
    return match["path"] if match else ""


def file_of(arguments):
    """A file as the trace can follow it: descriptor and last name (Postfix moves a queue file before it syncs it)."""
    match = FILE.match(arguments)
    return (match["number"], match["path"].rsplit("/", 1)[-1]) if match else ("", "")


def succeeded(arguments):
    return re.search(r"\)\s+= -\d", arguments) is None


class Trace:
    def __init__(self, text, folder):
        calls = calls_of(text)
        inside = str(folder)
        self.writes = [(end, file_of(rest), rest) for _, end, name, rest in calls if "write" in name and path_of(rest).startswith(inside)]
        self.syncs = [(begin, end, file_of(rest)) for begin, end, name, rest in calls if name in ("fsync", "fdatasync") and succeeded(rest)]
        sends = [(begin, path_of(rest), rest) for begin, _, name, rest in calls if name in ("sendto", "sendmsg", "write", "writev")]
        self.acknowledgements = [begin for begin, path, rest in sends if not path.startswith(inside) and acknowledges(rest)]

    def written(self):
        """Token of a message -> when and where its bytes were first written whole."""
        found = {}
        for end, file, rest in self.writes:
            for token in TOKEN.findall(rest):
                found.setdefault(token, (end, file))
        return found


def acknowledges(arguments):
    """A reply to the end of data: 250 that is none of the replies to EHLO, MAIL and RCPT."""
    text = arguments.split('"', 2)[1] if '"' in arguments else ""
    return text.startswith("250 2.0.0") or text.startswith("250 2.6.0")


def judge(trace_text, folder, sent):
    """(messages whose sync came before their 250, why not for the first that fails). One message after another was sent:
    the n-th acknowledgement answers the n-th message."""
    trace = Trace(trace_text, folder)
    written = trace.written()
    tokens = sorted(written, key=lambda token: written[token][0])
    if len(tokens) != sent:
        return 0, f"{len(tokens)} of {sent} messages were seen written"
    proved = 0
    for token in tokens:
        end, file = written[token]
        answered = next((begin for begin in trace.acknowledgements if begin > end), None)
        synced = [after for begin, after, where in trace.syncs if where == file and begin >= end]
        if answered is None or not synced or min(synced) > answered:
            return proved, f"message {token} in {file[1]} was acknowledged before a sync of it ended"
        proved += 1
    return proved, ""


def prove(server, load, sent=20):
    """Runs a server under strace and sends it messages one at a time."""
    output = pathlib.Path(str(server.folder) + ".strace")
    server.start(["strace", "-f", "-y", "-s", "6000", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(output)])
    try:
        subprocess.run([str(load), "--port", str(server.accept_port), "--sessions", "1", "--messages", str(sent), "--size", "600"],
                       check=True, capture_output=True)
    finally:
        folder = server.folder
        server.stop()
    text = output.read_text(errors="replace")
    output.unlink()
    return judge(text, folder, sent)
