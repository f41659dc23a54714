#!/usr/bin/env python3
"""What the program tells of itself: help, manual pages, completions; that what stands in packaging/ is as it tells it, that man
and the shells understand it, and that each option of --help is in all of them."""
import os
import pathlib
import pty
import re
import select
import subprocess
import tempfile
import time
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


class Zsh:
    PROMPT = "ready> "

    def __init__(self, completion):
        self.home = tempfile.TemporaryDirectory()
        home = pathlib.Path(self.home.name)
        (home / "_posthorn").write_text(completion)
        (home / "posthorn").symlink_to(pathlib.Path(PROGRAM).resolve())
        (home / ".zshrc").write_text(f"fpath=({home} $fpath)\nautoload -Uz compinit\ncompinit -u -d {home}/dump\nPS1='{self.PROMPT}'\n"
                                     "LISTMAX=0\nunsetopt zle_bracketed_paste prompt_cr prompt_sp\n")
        self.ours, theirs = pty.openpty()
        environment = {**os.environ, "ZDOTDIR": str(home), "HOME": str(home), "TERM": "dumb", "COLUMNS": "300", "LINES": "100",
                       "PATH": f"{home}:{os.environ['PATH']}"}
        self.process = subprocess.Popen(["zsh", "-d", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment,
                                        start_new_session=True)
        os.close(theirs)
        self.told = ""
        self.read_until(self.PROMPT)

    def read_until(self, words, seconds=60):
        deadline = time.monotonic() + seconds
        while words not in self.told:
            assert time.monotonic() < deadline, f"zsh does not say {words!r} within {seconds} s, but {self.told!r}"
            if select.select([self.ours], [], [], 0.2)[0]:
                self.told += os.read(self.ours, 65_536).decode(errors="replace").replace("\a", "")  # its bell

    def strike_tabulator_after(self, typed, wanted):
        """The line is thrown away afterwards."""
        self.told = ""
        os.write(self.ours, f"{typed}\t".encode())
        self.read_until(wanted)
        self.told = ""
        os.write(self.ours, b"\x15print -r -- line''over\r")
        self.read_until("lineover")
        self.read_until(self.PROMPT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        self.home.cleanup()


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

    def test_bash_loads_it(self):
        """As bash-completion does: from a file, into a shell that has nothing else."""
        with tempfile.NamedTemporaryFile("w", suffix=".bash") as file:
            file.write(ask("--completion", "bash"))
            file.flush()
            for shell in (["bash", "--norc", "--noprofile"], ["bash", "--norc", "--noprofile", "-u", "-e"]):
                self.assertIn("-F _posthorn", run(*shell, "-c", f"source {file.name}; complete -p posthorn"))

    def test_zsh_reads_it(self):
        run("zsh", "-n", "/dev/stdin", text=ask("--completion", "zsh"))

    def test_zsh_offers_it(self):
        """A shell on a pseudo terminal, that finds the file in its path of functions; the tabulator key is struck."""
        with Zsh(ask("--completion", "zsh")) as shell:
            for typed, wanted in [("posthorn se", "serve"), ("posthorn send --retr", "--retry-after"), ("posthorn queue rel", "release"),
                                  ("posthorn bench sink --gr", "--greylist"), ("posthorn send READ", "README.md"),
                                  ("posthorn probe --mo", "--monitor")]:
                shell.strike_tabulator_after(typed, wanted)

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
