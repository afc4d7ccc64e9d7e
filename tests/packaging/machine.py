"""A Debian machine that a test may change: what is written in it goes with it.

It is the machine that the tests run on, seen through a layer (overlayfs) in a mount namespace of its own, so it needs
root. No service manager runs in it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ENTER = """
set -e
mount -t tmpfs -o mode=0755 tests "$1"
mkdir "$1/written" "$1/work" "$1/machine"
mount -t overlay -o "lowerdir=/,upperdir=$1/written,workdir=$1/work" tests "$1/machine"
mount --rbind /proc "$1/machine/proc"
mount --rbind /dev "$1/machine/dev"
mount -t tmpfs tests "$1/machine/run"
mount -t tmpfs tests "$1/machine/tmp"
printf '#!/bin/sh\\nexit 101\\n' >"$1/machine/usr/sbin/policy-rc.d"
chmod +x "$1/machine/usr/sbin/policy-rc.d"
echo ready
read -r _
"""


class Machine:
    """Runs commands in the layer."""

    def __init__(self, root: Path, namespace: int) -> None:
        self._enter = ["nsenter", f"--target={namespace}", "--mount", "chroot", str(root)]

    def run(self, *words: str, fails: bool = False, given: bytes | None = None) -> str:
        """Run a command as root; return its output, which holds its complaints too."""
        done = subprocess.run(
            self.command(*words),
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL if given is None else None,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        shown = done.stdout.decode()
        assert (done.returncode != 0) == fails, shown
        return shown

    def command(self, *words: str) -> list[str]:
        return [*self._enter, *words]

    def write(self, path: str, content: bytes) -> None:
        """Write a file; one that is there keeps its owner and rights."""
        self.run("dd", f"of={path}", "status=none", given=content)

    def install(self, package: Path) -> str:
        self.write("/tmp/package.deb", package.read_bytes())
        return self.run("dpkg", "--install", "/tmp/package.deb")

    def rights(self, path: str) -> str:
        """Owner, group and mode."""
        return self.run("stat", "--format=%U %G %a", path).strip()

    def has(self, path: str) -> bool:
        return self.run("sh", "-c", f"test -e {path} -o -L {path} && echo yes || echo no").strip() == "yes"


ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@contextmanager
def debian(place: Path) -> Iterator[Machine]:
    """Provide a machine for the time of the block; the last process in the namespace takes it along."""
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", _ENTER, "sh", str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as keeper:
        assert keeper.stdout.readline() == "ready\n"
        yield Machine(place / "machine", keeper.pid)
        keeper.communicate("\n")
