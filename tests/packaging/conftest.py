"""A release, built once, and its wheel, installed as a user would."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parents[2]
NO_ONE = 65534


@dataclass(frozen=True)
class Installation:
    """A virtual environment that holds the wheel with the extra of the image, what it needs, and nothing else."""

    folder: Path
    user: int | None  # who runs it: an ordinary user, also when the tests run as root

    @property
    def command(self) -> str:
        return str(self.folder / "venv" / "bin" / "powerwall-proxy")

    @property
    def empty(self) -> Path:
        """A working folder in which nothing can be written."""
        return self.folder / "empty"


@pytest.fixture(scope="session")
def wheel(release) -> Path:
    [built] = release.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installation(wheel) -> Iterator[Installation]:
    user = NO_ONE if os.geteuid() == 0 else None
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "empty").mkdir(mode=0o555)
        venv = folder / "venv"
        subprocess.run([_python(user), "-m", "venv", "--without-pip", venv], check=True)
        pip = (sys.executable, "-m", "pip", "--python", venv / "bin" / "python")
        subprocess.run([*pip, "install", "--quiet", f"{wheel}[mqtt,redis]"], check=True)
        subprocess.run(["chmod", "-R", "a-w", venv], check=True)
        yield Installation(folder, user)
        subprocess.run(["chmod", "-R", "u+w", venv], check=True)


@pytest.fixture(scope="session")
def release(tmp_path_factory, worker_id) -> Path:
    """A release for this machine and the Python it comes with, built once for all processes of a test run."""
    base = tmp_path_factory.getbasetemp()
    place = (base if worker_id == "master" else base.parent) / "release"
    with (place.parent / "release.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            build_release(place)
    return place


def build_release(to: Path) -> None:
    """Build it whatever the changelog says."""
    subprocess.run(
        [
            *(sys.executable, ROOT / ".ci/release.py", "--trial", "--to", to),
            *("--python", python_version(), "--machine", platform.machine()),
        ],
        check=True,
        capture_output=True,
    )


def python_version() -> str:
    """3.N of the Python that this Debian comes with."""
    requested = subprocess.run(["/usr/bin/python3", "--version"], capture_output=True, text=True, check=True)
    return ".".join(requested.stdout.split()[1].split(".")[:2])


def _python(user: int | None) -> str:
    """Find a Python that this user can run: that of the tests may live in root's home."""
    for python in (sys._base_executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        question = "import venv, sys; sys.exit(sys.version_info < (3, 11))"
        try:
            subprocess.run([python, "-c", question], user=user, cwd="/", check=True, capture_output=True)
        except (OSError, TypeError, subprocess.CalledProcessError):
            continue
        return python
    pytest.fail("no Python 3.11 that an unprivileged user can run: apt-get install python3")
