"""The wheels that an installation without pip needs: the program's own, and the locked ones of others.

Each target is a Python and a machine. Wheels of others are downloaded as ``deploy/requirements.lock`` pins them, by
version and hash; nothing is compiled.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "deploy" / "requirements.lock"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
# Of glibc 2.28 and older; Debian 12 has 2.36.
_PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
_EARLIEST = 315_532_800  # 1980-01-01: no archive can hold an earlier date


@dataclass(frozen=True, slots=True)
class Target:
    """A Python on a machine, such as 3.11 on x86_64, under Linux with glibc."""

    python: str
    machine: str

    @property
    def abi(self) -> str:
        """Name the interface of its compiled modules: cp311."""
        return f"cp{self.python.replace('.', '')}"

    @property
    def name(self) -> str:
        """Name it as deploy/zipapp/__main__.py does: cp311-linux-glibc-x86_64."""
        return f"{self.abi}-linux-glibc-{self.machine}"


def targets_of(pythons: Iterable[str] = PYTHONS, machines: Iterable[str] = MACHINES) -> list[Target]:
    """Return every pair."""
    return [Target(python, machine) for machine in machines for python in pythons]


def date_of_sources() -> int:
    """Return what every file in a release is dated: $SOURCE_DATE_EPOCH, or the time of the last commit."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    answer = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return int(answer.stdout) if answer.returncode == 0 else _EARLIEST


def own(folder: Path, kind: str = "wheel") -> Path:
    """Build the program's wheel or sdist; the same sources give the same bytes."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)],
        cwd=ROOT,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(date_of_sources())},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    [built] = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def locked() -> Iterator[str]:
    """Yield the lines of the lock without their markers.

    pip would evaluate those for the Python that runs it. All that they leave out is harmless where it is not used.
    """
    for requirement in re.split(r"\n(?=\S)", LOCK.read_text("utf-8")):
        if "==" in requirement:
            pinned, _, hashes = requirement.partition("\\\n")
            yield f"{pinned.partition(';')[0].strip()} \\\n{hashes}"


@dataclass(frozen=True, slots=True)
class Payload:
    """The program's own wheel, and those of others for each target, sorted by name."""

    own: Path
    wheels: Mapping[Target, list[Path]]


@contextmanager
def payload(targets: Iterable[Target]) -> Iterator[Payload]:
    """Build and download everything; it is there for the time of the block."""
    with TemporaryDirectory() as place:
        mine = own(Path(place, "own"))
        yield Payload(mine, {target: _fetch(target, Path(place, target.name)) for target in targets})


def _fetch(target: Target, folder: Path) -> list[Path]:
    platforms = [f"--platform={platform}_{target.machine}" for platform in _PLATFORMS]
    with TemporaryDirectory() as place:
        lock = Path(place, "lock.txt")
        lock.write_text("\n".join(locked()), "utf-8")
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
                *("--only-binary=:all:", "--implementation=cp", f"--python-version={target.python}"),
                *(f"--abi={target.abi}", "--abi=abi3", "--abi=none", *platforms),
                *("--dest", str(folder), "--requirement", str(lock)),
            ],
            check=True,
        )
    return sorted(folder.glob("*.whl"))
