"""The documents describe the product, because the product's own tables wrote them."""

import re

from proxy.__main__ import commands
from proxy.config.checks import warnings
from proxy.config.settings import SETTINGS, settings_of
from tests.docs.conftest import ROOT, generator

PROSE = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text("utf-8") for page in PROSE)
OTHERS = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docker-compose.yml",
    "Dockerfile",
    ".env.example",
    "certs/README.md",
)


def test_the_generated_parts_are_up_to_date():
    """If this fails: make docs."""
    tables = generator("tables")

    for page in tables.documents():
        text = page.read_text("utf-8")
        assert tables.rendered(text) == text, page.name


def test_every_table_stands_in_one_document():
    parts = re.findall(r"<!-- (\w+):begin -->", TEXT)

    assert sorted(parts) == sorted(generator("tables").PARTS)


def test_settings_in_the_prose_exist():
    """Also in the compose file, the image and .env.example."""
    known = {row.env for row in SETTINGS} | {f"{row.env}_FILE" for row in SETTINGS if row.secret}
    for page in [*PROSE, *(ROOT / name for name in OTHERS)]:
        named = set(re.findall(r"\bPW_[A-Z0-9_]*[A-Z0-9]\b", page.read_text("utf-8")))
        assert named - known == set(), page.name


def test_the_secret_of_the_examples_is_warned_about():
    """Every reader of the documents knows it."""
    shown = set(re.findall(r"\bPW_CONTROL_SECRET=(\S+)", TEXT))

    assert shown
    for secret in shown:
        assert any(
            "an example from documentation" in hint for hint in warnings(settings_of(control_secret=secret))
        ), secret


def test_what_a_hang_up_changes_is_listed():
    listed = (ROOT / "docs" / "settings.md").read_text("utf-8").partition("`SIGHUP`")[2].partition("## ")[0]

    named = set(re.findall(r"`([A-Z_]+)`", listed)) - {"PW_CONFIG", "PW_TLS_CERT"}
    assert named == {row.env for row in SETTINGS if row.reloads}


def test_commands_in_the_prose_exist():
    known = {command.name for command in commands()}
    named = set(re.findall(r"\bpowerwall-proxy ([a-z]+(?:-[a-z]+)*)\b", TEXT)) - {"proxy", "bash"}

    assert named <= known
