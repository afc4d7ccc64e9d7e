"""A Debian machine that a test may change: what is written in it goes with it.

It is the machine that the tests run on, seen through a layer (overlayfs) in a mount namespace of its own, so it needs
root. No service manager runs in it. What is written in one can be the ground of others, as an installation is.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ENTER = """
set -e
mount -t tmpfs -o mode=0755 tests "$1"
mkdir "$1/written" "$1/work" "$1/machine"
mount -t overlay -o "lowerdir=$2,upperdir=$1/written,workdir=$1/work" tests "$1/machine"
mount --rbind /proc "$1/machine/proc"
mount --rbind /dev "$1/machine/dev"
mount -t tmpfs tests "$1/machine/run"
mount -t tmpfs tests "$1/machine/tmp"
printf '#!/bin/sh\\nexit 101\\n' >"$1/machine/usr/sbin/policy-rc.d"
chmod +x "$1/machine/usr/sbin/policy-rc.d"
echo ready
read -r next
[ "$next" = keep ] || exit 0
umount --recursive "$1/machine"
echo kept
read -r _
"""


@dataclass(frozen=True)
class Layer:
    """What was written in a machine that has ended; it lasts as long as that machine's block."""

    written: Path
    namespace: int


class Machine:
    """Runs commands in the layer."""

    def __init__(self, place: Path, keeper: subprocess.Popen[str]) -> None:
        self._place = place
        self._keeper = keeper
        self._enter = ["nsenter", f"--target={keeper.pid}", "--mount", "chroot", str(place / "machine")]

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

    def keep(self) -> Layer:
        """End this machine; return what was written in it, for others to begin with."""
        self._keeper.stdin.write("keep\n")
        self._keeper.stdin.flush()
        assert self._keeper.stdout.readline() == "kept\n"
        return Layer(self._place / "written", self._keeper.pid)

    def rights(self, path: str) -> str:
        """Owner, group and mode."""
        return self.run("stat", "--format=%U %G %a", path).strip()

    def has(self, path: str) -> bool:
        return self.run("sh", "-c", f"test -e {path} -o -L {path} && echo yes || echo no").strip() == "yes"


ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@contextmanager
def debian(place: Path, ground: Layer | None = None) -> Iterator[Machine]:
    """Provide a machine for the time of the block; the last process in the namespace takes it along."""
    place.mkdir()
    enter = ["nsenter", f"--target={ground.namespace}", "--mount"] if ground else []
    lower = f"{ground.written}:/" if ground else "/"
    with subprocess.Popen(
        [*enter, "unshare", "--mount", "sh", "-c", _ENTER, "sh", place, lower],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as keeper:
        assert keeper.stdout.readline() == "ready\n"
        yield Machine(place, keeper)
        keeper.communicate("\n")
