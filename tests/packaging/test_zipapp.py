"""The single file: it runs with a Python and nothing else, or says in one sentence why it cannot."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest
from packaging.requirements import Requirement

from proxy import __version__
from tests.packaging.conftest import python_version

ROOT = Path(__file__).parents[2]
PYTHON = "/usr/bin/python3"  # without anything installed by the tests
EX_UNAVAILABLE = 69


@pytest.fixture
def pyz(release) -> Path:
    return release / "powerwall-proxy.pyz"


@pytest.fixture
def run(tmp_path):
    """Run a file with a Python that has no packages, in a home of its own."""
    (tmp_path / "tmp").mkdir()

    def run(file: Path, *words: str, **environ: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [PYTHON, "-I", file, *words],
            env={"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), **environ},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def edited(pyz: Path, to: Path, targets: dict) -> Path:
    """Copy an archive with another table of targets."""
    with zipfile.ZipFile(pyz) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            new.writestr(name, json.dumps(targets) if name == "targets.json" else old.read(name))
    return to


def test_it_serves_with_a_python_that_has_no_packages(pyz, tmp_path):
    """The page, a reading and the health check; then it ends like any other."""
    with subprocess.Popen(
        [PYTHON, "-I", pyz, "serve", "--demo", "--port", "0"],
        env={"HOME": str(tmp_path), "PW_BIND_ADDRESS": "127.0.0.1"},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        lines = (re.search(r"listening url=(\S+)", line) for line in process.stderr)
        url = next(match[1] for match in lines if match)

        for path in ("/", "/soe"):
            with urlopen(url + path, timeout=120) as answer:
                assert answer.status == 200

        process.terminate()
        rest = process.stderr.read()
    assert (process.returncode, "Traceback" in rest) == (0, False)


def test_it_is_unpacked_once(pyz, run, tmp_path):
    """A second start finds the modules in the cache, which is its owner's alone."""
    assert run(pyz, "--version").stdout == f"powerwall-proxy {__version__}\n"
    cache = tmp_path / "home" / ".cache" / "powerwall-proxy"
    [made] = cache.iterdir()
    (made / "sign").touch()

    assert run(pyz, "--version").returncode == 0

    assert [folder.name for folder in cache.iterdir()] == [made.name]
    assert (made / "sign").exists()
    assert cache.stat().st_mode & 0o777 == 0o700


def test_without_a_cache_it_runs_and_leaves_nothing_behind(pyz, run, tmp_path):
    """A home that cannot be made: the modules last as long as the process."""
    (tmp_path / "home").touch()

    assert run(pyz, "--version").stdout == f"powerwall-proxy {__version__}\n"

    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_cache_that_others_can_write_is_not_run_from(pyz, run, tmp_path):
    open_to_all = tmp_path / "cache" / "powerwall-proxy"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o777)

    assert run(pyz, "--version", XDG_CACHE_HOME=str(tmp_path / "cache")).returncode == 0

    assert list(open_to_all.iterdir()) == []


def test_a_python_without_modules_in_it_is_named_beside_those_that_have_them(pyz, run, tmp_path):
    file = edited(pyz, tmp_path / "other.pyz", {"cp399-linux-glibc-riscv64": {}})

    refused = run(file, "--version")

    assert refused.returncode == EX_UNAVAILABLE
    assert refused.stderr.startswith("powerwall-proxy: this file has no compiled modules for ")
    assert f"cp{python_version().replace('.', '')}-linux-glibc-" in refused.stderr
    assert "only for cp399-linux-glibc-riscv64. Install the program with pipx instead.\n" in refused.stderr


def test_an_older_python_can_read_the_first_file():
    """So that it ends with a sentence about its age, and not with a syntax error."""
    starter = (ROOT / "deploy/zipapp/__main__.py").read_text("utf-8")

    assert ast.parse(starter, feature_version=(3, 6))


def test_the_locked_versions_are_those_that_the_program_accepts():
    """Those of MQTT too, as in the image. ``make lock`` chooses again."""
    locked = dict(
        re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "deploy/requirements.lock").read_text(), re.MULTILINE)
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    for requirement in map(Requirement, project["dependencies"] + project["optional-dependencies"]["mqtt"]):
        assert requirement.specifier.contains(locked[requirement.name]), requirement
