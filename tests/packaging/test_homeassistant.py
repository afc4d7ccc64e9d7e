"""The files of the add-on for Home Assistant. How it starts is in test_installed.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from proxy import __version__
from proxy.config.settings import SETTINGS
from tests.packaging.conftest import ROOT

ADDON = ROOT / "deploy/homeassistant/powerwall-proxy"
TOOLS = Path(sys.executable).parent
CONFIG = yaml.safe_load((ADDON / "config.yaml").read_text("utf-8"))


def test_the_repository_of_the_add_on_is_described():
    repository = yaml.safe_load((ADDON.parent / "repository.yaml").read_text("utf-8"))
    assert repository.keys() == {"name", "url", "maintainer"}


def test_the_generated_files_are_up_to_date():
    """``make docs`` writes them from the table of settings."""
    sys.path.append(str(ROOT / ".ci"))
    try:
        import addon
    finally:
        sys.path.remove(str(ROOT / ".ci"))

    for name, text in addon.files().items():
        assert (ADDON / name).read_text("utf-8") == text, name


def test_every_field_is_a_setting_of_this_version_and_has_a_name():
    settings = {row.key: row for row in SETTINGS}
    english = yaml.safe_load((ADDON / "translations/en.yaml").read_text("utf-8"))["configuration"]

    assert CONFIG["version"] == __version__
    assert CONFIG["schema"].keys() <= settings.keys()
    assert english.keys() == CONFIG["schema"].keys()
    for key, form in CONFIG["schema"].items():
        assert (form.rstrip("?") == "password") == settings[key].secret, key


@pytest.mark.parametrize("language", sorted(path.stem for path in (ADDON / "translations").glob("*.yaml")))
def test_every_translation_names_the_fields_that_are_shown_at_once(language):
    """Fields that it does not name appear in English."""
    translation = yaml.safe_load((ADDON / f"translations/{language}.yaml").read_text("utf-8"))

    assert CONFIG["options"].keys() <= translation["configuration"].keys() <= CONFIG["schema"].keys()
    assert translation["network"].keys() == CONFIG["ports"].keys()
    for field in translation["configuration"].values():
        assert field["name"]
        assert field["description"]


def test_machines_without_modules_are_refused_and_the_reason_is_given():
    """The store offers the add-on to those of ``arch`` only; each has an image of this version."""
    build = yaml.safe_load((ADDON / "build.yaml").read_text("utf-8"))
    reason = (ADDON / "DOCS.md").read_text("utf-8").partition("## Which machines")[2]

    assert CONFIG["arch"] == ["aarch64", "amd64"]
    assert build["build_from"].keys() == {*CONFIG["arch"]}
    assert all(image.endswith(f":{__version__}") for image in build["build_from"].values())
    for machine in ("armv7", "armhf", "i386"):
        assert machine in reason


def test_the_dockerfile_is_lint_free():
    linted = subprocess.run(
        [TOOLS / "hadolint", ADDON / "Dockerfile"], capture_output=True, text=True, check=False
    )

    assert (linted.returncode, linted.stdout) == (0, "")
