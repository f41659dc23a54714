#!/usr/bin/env python3
"""docs/settings.md and packaging/posthorn.toml.example are what the program prints; every example configuration is good.

usage: pages_test.py PROGRAM, from the root of the repository. make docs writes the pages anew.
"""
import pathlib
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop(1)
PAGES = {"docs/settings.md": "--markdown", "packaging/posthorn.toml.example": "--toml"}
EXAMPLES = ["packaging/posthorn.toml.example", "packaging/posthorn.toml"]


def run(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False, timeout=60)


class Pages(unittest.TestCase):
    def test_are_what_the_program_says(self):
        for page, option in PAGES.items():
            with self.subTest(page):
                told = run("help", "settings", option)
                self.assertEqual(told.returncode, 0, told.stderr)
                self.assertEqual(pathlib.Path(page).read_text(), told.stdout, f"{page} is old: make docs")

    def test_examples_are_good(self):
        for example in EXAMPLES:
            with self.subTest(example):
                checked = run("check", "-c", example, "--json")
                self.assertNotIn('"column"', checked.stdout, "no fault in the text of the file")
                self.assertIn(checked.returncode, (0, 78), checked.stderr)


if __name__ == "__main__":
    unittest.main()
