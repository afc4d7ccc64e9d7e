"""The README says what the product does, because the product's own tables wrote it."""

import re

import pytest

from proxy.__main__ import COMMANDS
from proxy.config.checks import warnings
from proxy.config.settings import SETTINGS, Settings
from tests.docs.conftest import ROOT, generator

README = (ROOT / "README.md").read_text("utf-8")


def test_the_generated_parts_are_up_to_date():
    """If this fails: make docs."""
    readme = generator("readme")

    assert readme.rendered(README) == README
    assert set(re.findall(r"<!-- (\w+):begin -->", README)) == set(readme.PARTS)


def test_settings_in_the_prose_exist():
    """Also in the compose file, the image and .env.example."""
    known = {row.env for row in SETTINGS} | {f"{row.env}_FILE" for row in SETTINGS if row.secret}
    for name in (
        "README.md",
        "CHANGELOG.md",
        "docker-compose.yml",
        "Dockerfile",
        ".env.example",
        "certs/README.md",
    ):
        named = set(re.findall(r"\bPW_[A-Z0-9_]*[A-Z0-9]\b", (ROOT / name).read_text("utf-8")))
        assert named - known == set(), name


def test_nobody_keeps_the_secret_of_the_examples_unwarned():
    """What stands here is known to everybody who reads it."""
    shown = set(re.findall(r"\bPW_CONTROL_SECRET=(\S+)", README))

    assert shown
    for secret in shown:
        assert any("stands in documentation" in hint for hint in warnings(Settings(control_secret=secret))), (
            secret
        )


def test_what_a_hang_up_changes_is_listed():
    told = README.partition("`SIGHUP`")[2].partition("## ")[0]

    named = set(re.findall(r"`([A-Z_]+)`", told)) - {"PW_CONFIG", "PW_TLS_CERT"}
    assert named == {row.env for row in SETTINGS if row.reloads}


def test_commands_in_the_prose_exist():
    known = {command.name for command in COMMANDS}
    named = set(re.findall(r"powerwall-proxy ([a-z]+)\b", README)) - {"proxy", "bash"}

    assert named <= known


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page):
    """Links inside the repository; others are not followed."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text("utf-8")):
        assert target.startswith("https://") or (ROOT / target).exists(), target
