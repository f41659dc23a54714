#!/usr/bin/env python3
"""Checks the one rule of docs/architecture.md: includes point down the layers, and what touches the world stays in system/.

The layers come from CMakeLists.txt (posthorn_layer ... LAYERS ...) and must agree with the table in docs/architecture.md.
Then each source of src/ is read without its comments and strings:
  - it includes only its own folder and the folders its layer names (tests also sim/ and tests/support/);
  - headers and calls that reach the world (sockets, clocks, threads, files, chance) stand in system/ only;
  - calls that no file may use stand nowhere;
  - a folder, which is a namespace, defines a type by a name once: two of a name link into one program that mixes them.
An exception is a line in tools/layer_exceptions.tsv: rule, file, reason.

usage: check_layers.py [--root FOLDER]     ends with 1 and one line per fault, or with 0
"""
import argparse
import pathlib
import re
import sys

# Folders above the world line: plain machines, without even a lock.
MACHINES = {"base", "mail", "smtp", "mailauth", "rules"}
# The only folders that may reach the world. cli/ joins them and may read the environment and the terminal.
WORLDLY = {"system"}
JOINING = {"cli"}

WORLD_HEADERS = re.compile(
    r"sys/|net/|netinet/|arpa/|linux/|asm/|boost/asio|boost/beast|openssl/|systemd/|"
    r"(unbound|unistd|fcntl|netdb|poll|pthread|dirent|signal|time|termios|pwd|grp|syslog|seccomp|crypt|argon2|gsasl)\.h$|"
    r"(thread|fstream|filesystem|random|csignal|ctime|future|iostream|stop_token)$"
)
LOCK_HEADERS = re.compile(r"(mutex|shared_mutex|condition_variable|semaphore|latch|barrier|atomic)$")

WORLD_CALLS = {
    "clock": r"\b(system_clock|steady_clock|high_resolution_clock|file_clock|utc_clock)\b|\b(gettimeofday|clock_gettime|time)\s*\(\s*(nullptr|NULL|0|&)",
    "chance": r"\b(random_device|mt19937(_64)?|default_random_engine)\b|\b(s?rand|random|getrandom|arc4random)\s*\(\s*\)",
    "thread": r"\bstd::(thread|jthread|async)\b|\bpthread_create\b",
    "file": r"\b(fopen|freopen|tmpfile|mkstemp|opendir)\s*\(|\bstd::(i|o)?fstream\b|\bstd::filesystem\b",
    "name lookup": r"\b(getaddrinfo|getnameinfo|gethostby\w+)\s*\(",
    "environment": r"\b(secure_)?getenv\s*\(|\bsetenv\s*\(",
}
NEVER = {
    "unbounded text": r"\b(strcpy|strcat|sprintf|vsprintf|gets|strncpy|strncat|strtok|stpcpy)\s*\(",
    "unchecked number": r"\b(ato[ilf]|atoll|strto(l|ll|ul|ull|d|f|ld)|sscanf|scanf|sto(i|l|ll|ul|ull|f|d))\s*\(",
    "shell": r"(?<![\w.>])(::|std::)?(system|popen|wordexp)\s*\(|\bexec[lv]p?e?\s*\(\s*\"/bin/sh",
    "raw new": r"\bnew\b(?!\s*\()\s*[\w:(<]|\bdelete\b(?!\s*;)\s*(\[\s*\])?\s*[\w(*]|\b(malloc|calloc|realloc|free)\s*\(",
    "reinterpret_cast": r"\breinterpret_cast\b",
    "regex": r"\bstd::(basic_)?regex\b",
    "exception": r"\bthrow\b(?!\s*\(\s*\))",
    "jump": r"\b(goto|setjmp|longjmp|alloca)\b",
    "macro": r"^\s*#\s*define\b",
}
SOURCE = re.compile(r"\.(cpp|hpp)$")


def strip_comments_and_strings(text):
    """The text with comments and literals blanked, lines kept."""
    token = re.compile(
        r'R"(?P<tag>[^()\\ ]{0,16})\((?:.*?)\)(?P=tag)"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
        re.S,
    )

    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        return '"' + re.sub(r"[^\n]", " ", found[1:-1]) + '"'

    return token.sub(blank, text)


class House:
    def __init__(self, root):
        self.root = root
        self.faults = []
        self.used_exceptions = set()
        self.types = {}  # (folder, name) -> where it is defined
        self.layers = self.read_layers()
        self.exceptions = self.read_exceptions()

    def fault(self, where, what):
        self.faults.append(f"{where}: {what}")

    def read_layers(self):
        """Folder -> the folders it may include, in the order of CMakeLists.txt."""
        text = re.sub(r"#[^\n]*", "", (self.root / "CMakeLists.txt").read_text())
        layers = {}
        for call in re.findall(r"posthorn_layer\(\s*([^)]*)\)", text):
            name, *words = call.split()
            below = []
            if "LAYERS" in words:
                rest = words[words.index("LAYERS") + 1 :]
                below = rest[: rest.index("LIBRARIES")] if "LIBRARIES" in rest else rest
            for folder in below:
                if folder not in layers:
                    self.fault("CMakeLists.txt", f"layer {name} names {folder}, which does not stand above it")
            layers[name] = set(below)
        return layers

    def read_exceptions(self):
        """(rule, file) pairs."""
        found = set()
        path = self.root / "tools/layer_exceptions.tsv"
        for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.split("\t")
            if len(fields) != 3 or not fields[2].strip():
                self.fault(f"tools/layer_exceptions.tsv:{number}", "not three fields: rule, file, reason")
            else:
                found.add((fields[0], fields[1]))
        return found

    def excepted(self, rule, path):
        if (rule, path) not in self.exceptions:
            return False
        self.used_exceptions.add((rule, path))
        return True

    def check_table(self):
        """docs/architecture.md lists the layers that CMake builds, in its order."""
        path = self.root / "docs/architecture.md"
        listed = re.findall(r"^\| `(\w+)/` \|", path.read_text(), re.M)
        if listed != list(self.layers):
            self.fault("docs/architecture.md", f"its table says {' '.join(listed)}; CMakeLists.txt says {' '.join(self.layers)}")

    def check_folders(self):
        for folder in sorted(p.name for p in (self.root / "src").iterdir() if p.is_dir()):
            if folder not in self.layers:
                self.fault(f"src/{folder}", "is no layer of CMakeLists.txt")

    def check_file(self, path):
        name = str(path.relative_to(self.root))
        parts = path.relative_to(self.root / "src").parts
        folder = parts[0] if len(parts) > 1 else "cli"
        text = path.read_text()
        code = strip_comments_and_strings(text)
        is_test = path.name.endswith("_test.cpp")
        if path.suffix == ".hpp" and "#pragma once" not in code:
            self.fault(name, "has no #pragma once")
        if path.suffix == ".hpp" and not text.startswith("//"):
            self.fault(name, "does not open with what it is (a // comment)")
        own = path.with_suffix(".hpp")
        if path.suffix == ".cpp" and own.exists() and self.first_include(text) != str(own.relative_to(self.root / "src")):
            self.fault(name, "does not include its own header first, which shows that the header compiles alone")
        if path.suffix == ".hpp":
            self.check_types(folder, name, code)
        for number, line in enumerate(text.splitlines(), 1):
            self.check_include(folder, is_test, f"{name}:{number}", name, line)
        for number, line in enumerate(code.splitlines(), 1):
            self.check_calls(folder, is_test, f"{name}:{number}", name, line)

    def check_types(self, folder, name, code):
        """Types at the left margin of headers: those of the folder's own namespace."""
        for match in re.finditer(r"^(?:class|struct|enum class)\s+(\w+)(?:\s+final)?(?:\s*:[^:;{][^;{]*)?\s*\{", code, re.M):
            where = self.types.setdefault((folder, match[1]), name)
            if where != name:
                self.fault(name, f"defines {match[1]}, as {where} does")

    @staticmethod
    def first_include(text):
        found = re.search(r'^#\s*include\s+[<"]([^>"]+)[>"]', text, re.M)
        return found[1] if found else None

    def check_include(self, folder, is_test, where, name, line):
        found = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not found:
            return
        quote, header = found.groups()
        if quote == '"':
            self.check_own_include(folder, is_test, where, header)
            return
        if folder in WORLDLY | JOINING:
            return
        reaches = WORLD_HEADERS.match(header) or (folder in MACHINES and LOCK_HEADERS.match(header))
        if reaches and not self.excepted("header", name):
            self.fault(where, f"<{header}> reaches the world; only system/ may (through world/ for the others)")

    def check_own_include(self, folder, is_test, where, header):
        target = header.split("/")[0]
        allowed = self.layers.get(folder, set()) | {folder}
        if is_test:
            allowed |= {"sim", "world", "support", "base"}
        if "/" not in header:
            self.fault(where, f'"{header}" is not written from src/: "{folder}/{header}"')
        elif target not in allowed:
            self.fault(where, f'"{header}" points up: {folder}/ may include {", ".join(sorted(allowed))}')

    def check_calls(self, folder, is_test, where, name, line):
        rules = dict(NEVER)
        if folder not in WORLDLY:
            rules.update(WORLD_CALLS)
        if folder in JOINING:
            rules.pop("environment")
        if is_test:
            rules.pop("reinterpret_cast")
        for rule, pattern in rules.items():
            if re.search(pattern, line) and not self.excepted(rule, name):
                self.fault(where, f"{rule}: {line.strip()}")

    def check_exceptions_are_used(self):
        for rule, path in sorted(self.exceptions - self.used_exceptions):
            self.fault("tools/layer_exceptions.tsv", f"nothing in {path} needs the exception from '{rule}' any more")

    def check(self):
        self.check_table()
        self.check_folders()
        for path in sorted((self.root / "src").rglob("*")):
            if SOURCE.search(path.name):
                self.check_file(path)
        self.check_exceptions_are_used()
        return self.faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    house = House(parser.parse_args().root.resolve())
    faults = house.check()
    for fault in faults:
        print(fault)
    print(f"layers: {len(faults)} faults in {len(house.layers)} folders")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
