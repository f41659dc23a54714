#!/usr/bin/env python3
"""Writes tests/program/golden/spool-VERSION.tar.xz: the state folder of this release's program with mail that waits. Run once for
each release (docs/spool_format.md); what it wrote is never written anew."""
import subprocess
import sys
import tarfile

import spool_test
from rig import Client, harness


def main():
    version = subprocess.run([harness.program(), "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    target = spool_test.GOLDEN / f"spool-{version}.tar.xz"
    if target.exists():
        sys.exit(f"{target} is there already")
    server = harness.Posthorn(settings={"queue": {"paused": True}, **spool_test.SETTINGS})
    with server:
        with Client(server.port("mx")) as client:
            for text in spool_test.GOLDEN_TEXTS:
                client.deliver(text=text)
        server.stop()
        target.parent.mkdir(exist_ok=True)
        with tarfile.open(target, "w:xz") as packed:
            packed.add(server.state, "state")
    print(target)


if __name__ == "__main__":
    main()
