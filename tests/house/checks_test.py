#!/usr/bin/env python3
"""The checks of tools/ can fail: each planted fault is found, and a clean tree passes."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
import check_layers  # noqa: E402

CMAKE = """
posthorn_layer(base     LIBRARIES fmt::fmt)
posthorn_layer(mail     LAYERS base LIBRARIES x)
posthorn_layer(world    LAYERS base)
posthorn_layer(system   LAYERS base world LIBRARIES y)
"""
TABLE = "| folder | what |\n| --- | --- |\n| `base/` | a |\n| `mail/` | b |\n| `world/` | c |\n| `system/` | d |\n"

# What is planted, where, and a word of the complaint.
FAULTS = [
    ("an include that points up", "src/mail/a.cpp", '#include "world/clock.hpp"\n', "points up"),
    ("a socket header in a machine", "src/mail/a.cpp", "#include <sys/socket.h>\n", "reaches the world"),
    ("a lock in a machine", "src/mail/a.cpp", "#include <mutex>\n", "reaches the world"),
    ("the calendar", "src/world/a.cpp", "auto now = std::chrono::system_clock::now();\n", "clock"),
    ("the time call", "src/world/a.cpp", "auto now = time(nullptr);\n", "clock"),
    ("chance", "src/mail/a.cpp", "int drawn = rand();\n", "chance"),
    ("a thread", "src/world/a.cpp", "std::thread worker;\n", "thread"),
    ("a file", "src/mail/a.cpp", 'auto* file = fopen("x", "r");\n', "file"),
    ("a name lookup", "src/world/a.cpp", "getaddrinfo(a, b, c, d);\n", "name lookup"),
    ("unbounded copying", "src/system/a.cpp", "strcpy(a, b);\n", "unbounded text"),
    ("unbounded printing", "src/system/a.cpp", "std::sprintf(a, b);\n", "unbounded text"),
    ("an unchecked number", "src/system/a.cpp", "int n = atoi(text);\n", "unchecked number"),
    ("a shell", "src/system/a.cpp", 'system("ls");\n', "shell"),
    ("a pipe to a shell", "src/system/a.cpp", 'popen("ls", "r");\n', "shell"),
    ("a raw new", "src/system/a.cpp", "auto* thing = new Thing;\n", "raw new"),
    ("a raw delete", "src/system/a.cpp", "delete thing;\n", "raw new"),
    ("a cast of bytes", "src/system/a.cpp", "auto* p = reinterpret_cast<char*>(q);\n", "reinterpret_cast"),
    ("a regular expression", "src/system/a.cpp", "std::regex pattern;\n", "regex"),
    ("an exception", "src/base/a.cpp", "throw Fault{};\n", "exception"),
    ("a macro", "src/base/a.cpp", "#define TWICE(x) ((x) * 2)\n", "macro"),
    ("a header without a guard", "src/base/a.hpp", "// What it is.\nint one();\n", "pragma once"),
    ("a header without an opening", "src/base/a.hpp", "#pragma once\n", "does not open"),
    ("an own header that is not the first", "src/base/b.cpp", '#include <string>\n#include "base/b.hpp"\n', "own header first"),
    ("a second type of a name", "src/base/a.hpp", "// A header.\n#pragma once\nclass Known final {};\n", "defines Known"),
    ("a folder that is no layer", "src/extra/a.cpp", "\n", "no layer"),
    ("an include without its folder", "src/base/a.cpp", '#include "b.hpp"\n', "not written from src/"),
    ("an exception nobody needs", "tools/layer_exceptions.tsv", "regex\tsrc/base/a.cpp\twhy\n", "any more"),
    ("an exception without a reason", "tools/layer_exceptions.tsv", "regex\tsrc/base/a.cpp\n", "three fields"),
]

CLEAN = """// A header.
#pragma once
#include "base/b.hpp"
#include <string>
// new, delete, throw, rand() and system_clock in a comment are no fault
struct Clean {
  Clean(const Clean&) = delete;
  const char* text = "atoi(x); throw new fopen(";
  long count = 1'000'000;
};
"""


class Tree:
    """A tree as small as the checks allow."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        for layer in ("base", "mail", "world", "system"):
            (self.root / "src" / layer).mkdir(parents=True)
        self.write("CMakeLists.txt", CMAKE)
        self.write("docs/architecture.md", TABLE)
        self.write("src/base/b.hpp", "// A header.\n#pragma once\nstruct Known {};\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, tool, *options):
        done = subprocess.run(
            [sys.executable, TOOLS / tool, "--root", self.root, *options], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr


class Layers(unittest.TestCase):
    def test_a_clean_tree_passes(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(folder)
            tree.write("src/mail/clean.hpp", CLEAN)
            self.assertEqual(tree.run("check_layers.py"), (0, "layers: 0 faults in 4 folders\n"))

    def test_each_fault_is_found(self):
        for what, name, text, complaint in FAULTS:
            with self.subTest(what), tempfile.TemporaryDirectory() as folder:
                tree = Tree(folder)
                tree.write(name, text)
                self.assertIn(complaint, "\n".join(check_layers.House(tree.root).check()))

    def test_an_exception_with_a_reason_is_obeyed(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(folder)
            tree.write("src/system/a.cpp", "auto* p = reinterpret_cast<char*>(q);\n")
            tree.write("tools/layer_exceptions.tsv", "reinterpret_cast\tsrc/system/a.cpp\tthe kernel's interface\n")
            self.assertEqual(tree.run("check_layers.py")[0], 0)

    def test_a_table_in_another_order_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(folder)
            tree.write("docs/architecture.md", TABLE.replace("`mail/`", "`post/`"))
            self.assertEqual(tree.run("check_layers.py")[0], 1)


class RfcStatus(unittest.TestCase):
    def check(self, source):
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(folder)
            tree.write("src/mail/a.cpp", source)
            status, _ = tree.run("check_rfc_status.py", "--update")
            self.assertEqual(status, 0)
            return [line.split("\t") for line in (tree.root / "docs/rfc_status.tsv").read_text().splitlines()[1:]]

    def test_a_comment_makes_a_row(self):
        rows = self.check("// RFC 5321 §4.5.3.1.5: replies are short\n")
        self.assertEqual(rows, [["5321", "4.5.3.1.5", "implemented", "src/mail/a.cpp", "replies are short"]])

    def test_deviations_and_parts_are_told(self):
        rows = self.check("// Deviation: RFC 5321 §2.3.8: bare LF is refused\n// RFC 3461 §4.1 (partly): no more\n")
        self.assertEqual([row[2] for row in rows], ["partly", "deviation"])

    def test_several_sections_make_several_rows(self):
        rows = self.check("int x;  ///< (RFC 5321 §4.1.2, §4.1.3 and RFC 6531 §3.3)\n")
        self.assertEqual([row[:2] for row in rows], [["5321", "4.1.2"], ["5321", "4.1.3"], ["6531", "3.3"]])

    def test_a_comment_without_its_row_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(folder)
            tree.run("check_rfc_status.py", "--update")
            tree.write("src/mail/a.cpp", "// RFC 5321 §4.1: new\n")
            status, output = tree.run("check_rfc_status.py")
            self.assertEqual(status, 1)
            self.assertIn("without its row", output)

    def test_a_row_without_its_comment_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(folder)
            tree.write("src/mail/a.cpp", "// RFC 5321 §4.1: new\n")
            tree.run("check_rfc_status.py", "--update")
            tree.write("src/mail/a.cpp", "\n")
            status, output = tree.run("check_rfc_status.py")
            self.assertEqual(status, 1)
            self.assertIn("without its comment", output)


class SpoolFormat(unittest.TestCase):
    """The document of the spool and its types: a member in one of them only is found."""

    def check(self, change):
        source = TOOLS.parent
        with tempfile.TemporaryDirectory() as folder:
            tree = Tree(folder)
            tree.write("Makefile", "")
            tree.write("CMakePresets.json", "")
            for header in (source / "src/store").glob("*.hpp"):
                tree.write(f"src/store/{header.name}", change(header.read_text()))
            tree.write("docs/spool_format.md", (source / "docs/spool_format.md").read_text())
            return tree.run("check_docs.py")[1]

    def test_a_record_type_that_is_not_documented_is_found(self):
        told = self.check(lambda text: text.replace("  pause = 3,", "  pause = 3,\n  other = 4,"))
        self.assertIn("RecordType::other is only in the code", told)
        self.assertNotIn("is only", self.check(lambda text: text))

    def test_a_field_that_went_is_found(self):
        told = self.check(lambda text: text.replace("  std::uint32_t batch_octets = 0;", ""))
        self.assertIn("RecordHeader::batch_octets is only in the document", told)


if __name__ == "__main__":
    unittest.main()
