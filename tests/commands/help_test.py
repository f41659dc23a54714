#!/usr/bin/env python3
"""What the program tells of itself: help, manual pages, completions; that what stands in packaging/ is as it tells it, that man
and the shells understand it, and that each option of --help is in all of them."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("POSTHORN") or str(ROOT / "build/posthorn")


def run(*words, status=0, text=None, **options):
    done = subprocess.run(words, capture_output=True, text=True, input=text, timeout=60, check=False, **options)
    assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def ask(*words):
    return run(PROGRAM, "help", *words)


COMMANDS = re.findall(r"^ {2}([a-z]+)\b", ask(), re.M)


class Help(unittest.TestCase):
    def test_every_command_has_help(self):
        for name in COMMANDS:
            if name == "help":
                continue
            self.assertEqual(run(PROGRAM, name, "--help"), ask(name), name)
        self.assertIn("there is no such command", run(PROGRAM, "help", "nonsense", status=64))

    def test_pages_are_as_the_program_tells(self):
        run(str(ROOT / "tools/make_pages.py"), "--check", PROGRAM, str(ROOT / "packaging"))


class Manual(unittest.TestCase):
    def page(self, name):
        return ask("--man", name) if name else ask("--man")

    def test_every_option_is_in_the_page(self):
        for name in COMMANDS:
            page = self.page(name).replace("\\-", "-").replace("\\&", "")
            for option in re.findall(r"(?<=[ ,])--[a-z][a-z-]+", run(PROGRAM, name, "--help") if name != "help" else ""):
                if option not in ("--help", "--version"):
                    self.assertIn(option, page, name)

    def test_mandoc_finds_no_fault(self):
        for name in ["", "settings", *COMMANDS]:
            run("mandoc", "-Tlint", "-Wwarning", text=self.page(name))

    def test_man_shows_it(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ["", "settings", "send", "sendmail"]:
                path = pathlib.Path(folder) / f"page-{name}.1"
                path.write_text(self.page(name))
                shown = run("man", "--warnings", "-l", str(path), env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
                self.assertNotRegex(shown, r"(?m)^(<standard input>|troff|.*warning):")
                self.assertIn("NAME", shown)


class Completions(unittest.TestCase):
    def complete(self, *words):
        """What bash offers for the last of these words."""
        script = ask("--completion", "bash") + (
            f'COMP_WORDS=(posthorn {" ".join(repr(word) for word in words)}); COMP_CWORD={len(words)}; _posthorn; '
            'printf "%s\\n" "${COMPREPLY[@]}"')
        return run("bash", "-c", script, cwd=ROOT).split()

    def test_bash(self):
        for words, wanted, unwanted in [
            (["se"], {"send", "sendmail", "serve"}, {"probe"}),
            (["send", "--re"], {"--retry-after", "--resume"}, {"--reload"}),
            (["probe", "--m"], {"--monitor", "--mx"}, set()),
            (["queue", ""], {"list", "hold", "release"}, {"serve"}),
            (["queue", "list", "--st"], {"--status"}, set()),
            (["bench", "sink", "--gr"], {"--greylist"}, set()),
            (["send", "--attach", "READ"], {"README.md"}, set()),
            (["send", "READ"], {"README.md"}, set()),
            (["send", "--expire", ""], set(), {"--list"}),
        ]:
            got = set(self.complete(*words))
            self.assertTrue(wanted <= got and not unwanted & got, f"{words}: {got}")
        self.assertEqual(set(COMMANDS) - set(self.complete("")), set())

    def test_zsh_reads_it(self):
        run("zsh", "-n", "/dev/stdin", text=ask("--completion", "zsh"))

    def test_fish_offers_it(self):
        script = ask("--completion", "fish")
        run("fish", "--no-execute", text=script)
        with tempfile.TemporaryDirectory() as home:
            told = run("fish", "--no-config", text=script + "\ncomplete -C 'posthorn se'\ncomplete -C 'posthorn send --retr'\n",
                       env={**os.environ, "HOME": home})
        for word in ("serve", "send", "sendmail", "--retry-after"):
            self.assertIn(word, told)

    def test_another_shell(self):
        run(PROGRAM, "help", "--completion", "tcsh", status=64)


if __name__ == "__main__":
    unittest.main()
