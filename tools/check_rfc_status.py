#!/usr/bin/env python3
"""Keeps docs/rfc_status.tsv true: one row for each "RFC n §s" comment in src/ (tests apart), made from the comment itself.

  // RFC 5321 §4.5.3.1.5: replies are at most 512 octets      status implemented, the rest of the line is the note
  // RFC 5321 §4.1.1.11 (partly): …                           status partly
  // Deviation: RFC 5321 §2.3.8: …                            status deviation

A comment may name several sections: "RFC 5321 §4.1.2, §4.1.3 and RFC 6531 §3.3". The file is sorted, so that it merges.

usage: check_rfc_status.py            ends with 1 and says what differs when the file is not what the comments say
       check_rfc_status.py --update   writes it
"""
import argparse
import pathlib
import re
import sys

HEADER = "# RFC\tsection\tstatus\tfile\tnote  (made by tools/check_rfc_status.py --update; do not edit)\n"
COMMENT = re.compile(r"//[/!]?<?\s?(.*)$")
SECTION = r"[0-9A-Z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?"
MENTION = re.compile(rf"RFC\s?(\d{{3,5}})((?:,? (?:and |or )?§\s?{SECTION})+)")
NOTE_LENGTH = 140


def comment_of(line):
    """The text of a // comment on this line, or None. (No string of ours holds a // before a comment.)"""
    found = COMMENT.search(line)
    return found.group(1) if found else None


def note_of(comment, match):
    after = re.sub(r"^\s*(\(partly\))?[\s:;,.)\]]*", "", comment[match.end() :]).strip()
    before = comment[: match.start()].strip(" (;,:")
    note = after if len(after) > 2 else before
    note = " ".join(note.replace("\t", " ").split())
    return note if len(note) <= NOTE_LENGTH else note[: NOTE_LENGTH - 1].rstrip() + "…"


def status_of(comment, match):
    if re.search(r"\bDeviation\b", comment[: match.start()]):
        return "deviation"
    return "partly" if comment[match.end() :].lstrip().startswith("(partly)") else "implemented"


def rows_of(path, name):
    """(rfc, section, status, file, note) for each section named in a comment of the file."""
    for line in path.read_text().splitlines():
        comment = comment_of(line)
        for match in MENTION.finditer(comment or ""):
            for section in re.findall(rf"§\s?({SECTION})", match.group(2)):
                yield (match.group(1), section, status_of(comment, match), name, note_of(comment, match))


def sort_key(row):
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in row[1].split(".")]
    return (int(row[0]), parts, row[3])


def rows_of_tree(root):
    """All rows, one per RFC, section and file; of several comments the weightiest status counts."""
    weight = {"deviation": 2, "partly": 1, "implemented": 0}
    found = {}
    for path in sorted((root / "src").rglob("*.[ch]pp")):
        if path.name.endswith("_test.cpp"):
            continue
        for row in rows_of(path, str(path.relative_to(root))):
            key = (row[0], row[1], row[3])
            if key not in found or weight[row[2]] > weight[found[key][2]]:
                found[key] = row
    return sorted(found.values(), key=sort_key)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    table = arguments.root / "docs/rfc_status.tsv"
    wanted = [HEADER] + ["\t".join(row) + "\n" for row in rows_of_tree(arguments.root)]
    if arguments.update:
        table.write_text("".join(wanted))
    there = table.read_text().splitlines(keepends=True) if table.exists() else []
    for line in sorted(set(wanted) - set(there)):
        print("a comment without its row:", line.rstrip())
    for line in sorted(set(there) - set(wanted)):
        print("a row without its comment:", line.rstrip())
    if wanted != there:
        print("docs/rfc_status.tsv is not what the comments say: run tools/check_rfc_status.py --update")
        return 1
    print(f"rfc_status: {len(wanted) - 1} rows, {len({line.split(chr(9))[0] for line in wanted[1:]})} RFCs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
