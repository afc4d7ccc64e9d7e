"""A release: everything in it, from one version, the same for every build, and written down."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys

import pytest

from proxy import __version__
from tests.packaging.conftest import ROOT, build_release

EX_USAGE = 64


def test_a_release_has_every_form_of_the_program_and_its_checksums(release):
    sums = dict(line.split("  ")[::-1] for line in (release / "SHA256SUMS").read_text().splitlines())

    assert {re.sub(r"_(amd64|arm64)\.deb", ".deb", name) for name in sums} == {
        f"powerwall-proxy-{__version__}.cdx.json",
        f"powerwall-proxy_{__version__}.deb",
        f"powerwall_proxy-{__version__}-py3-none-any.whl",
        f"powerwall_proxy-{__version__}.tar.gz",
        "powerwall-proxy.pyz",
    }
    for name, digest in sums.items():
        assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest, name


def test_two_builds_are_equal(release, tmp_path):
    build_release(tmp_path / "again")

    assert (tmp_path / "again/SHA256SUMS").read_text() == (release / "SHA256SUMS").read_text()


def test_the_bill_of_materials_names_every_locked_wheel_with_its_hash(release):
    """Every hash in it is one that the lock allows."""
    bill = json.loads((release / f"powerwall-proxy-{__version__}.cdx.json").read_text("utf-8"))
    lock = (ROOT / "deploy/requirements.lock").read_text("utf-8")

    about = bill["metadata"]["component"]
    assert (about["name"], about["version"]) == ("powerwall-proxy", __version__)
    assert {(part["name"], part["version"]) for part in bill["components"]} == {
        *re.findall(r"^([\w-]+)==([\w.]+)", lock, re.MULTILINE)
    }
    for part in bill["components"]:
        assert all(f"sha256:{entry['content']}" in lock for entry in part["hashes"]), part["name"]
    [own] = [entry for entry in bill["dependencies"] if entry["ref"] == about["bom-ref"]]
    assert any(name.startswith("aiohttp@") for name in own["dependsOn"])


@pytest.fixture
def check(tmp_path):
    """Check a changelog, as every release does before it builds."""

    def check(changelog: str, *words: str) -> subprocess.CompletedProcess:
        file = tmp_path / "CHANGELOG.md"
        file.write_text(changelog, "utf-8")
        return subprocess.run(
            [sys.executable, ROOT / ".ci/release.py", "--check", "--changelog", file, *words],
            capture_output=True,
            text=True,
            check=False,
        )

    return check


GOOD = f"# Changelog\n\n## Unreleased\n\n## {__version__} - 2026-12-01\n\n- What is new.\n\n## 0.9.0 - 2026-01-01\n\n- Old.\n"


def test_a_version_with_an_entry_can_be_released(check):
    assert check(GOOD).returncode == 0
    assert check(GOOD, "--tag", f"v{__version__}").returncode == 0


@pytest.mark.parametrize(
    ("changelog", "words", "problem"),
    [
        (GOOD.replace(__version__, "99.0.0"), (), f'no heading "## {__version__} - YEAR-MONTH-DAY"'),
        (GOOD.replace("2026-12-01", "soon"), (), f'no heading "## {__version__} - YEAR-MONTH-DAY"'),
        (GOOD.replace("- What is new.", ""), (), f"says nothing under {__version__}"),
        (GOOD, ("--tag", "v99.0.0"), f"the tag is v99.0.0, but proxy/__init__.py says {__version__}"),
    ],
    ids=["no entry", "no date", "empty entry", "another tag"],
)
def test_a_release_without_its_entry_or_of_another_tag_is_refused(check, changelog, words, problem):
    refused = check(changelog, *words)

    assert refused.returncode == EX_USAGE
    assert problem in refused.stderr


@pytest.mark.parametrize("name", ["docker-compose.yml", "docs/install.md"])
def test_documents_and_compose_file_name_the_image_of_this_version(name):
    named = re.findall(r"powerwall-proxy:(\d[\w.]*)", (ROOT / name).read_text("utf-8"))

    assert {*named} == {__version__}
