"""The wheel, built once and installed as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65534


@dataclass(frozen=True)
class Installation:
    """A virtual environment that holds the wheel and what it needs, and nothing else."""

    folder: Path
    user: int | None  # who runs it: nobody special, also when the tests run as root

    @property
    def command(self) -> str:
        return str(self.folder / "venv" / "bin" / "powerwall-proxy")

    @property
    def empty(self) -> Path:
        """A working folder in which nothing can be written."""
        return self.folder / "empty"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installation(wheel) -> Iterator[Installation]:
    user = NOBODY if os.geteuid() == 0 else None
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "empty").mkdir(mode=0o555)
        venv = folder / "venv"
        subprocess.run([_python(user), "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "--quiet", wheel], check=True)
        subprocess.run(["chmod", "-R", "a-w", venv], check=True)
        yield Installation(folder, user)
        subprocess.run(["chmod", "-R", "u+w", venv], check=True)


@pytest.fixture(scope="session")
def plain_python() -> str:
    """The Python that a machine comes with, which any user can run."""
    return _python(NOBODY if os.geteuid() == 0 else None)


def _python(user: int | None) -> str:
    """Find a Python that this user can run: that of the tests may live in root's home."""
    for python in (sys._base_executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        question = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
        try:
            subprocess.run([python, "-c", question], user=user, cwd="/", check=True, capture_output=True)
        except (OSError, TypeError, subprocess.CalledProcessError):
            continue
        return python
    pytest.fail("no Python 3.11 with venv that an unprivileged user can run: apt-get install python3-venv")
