"""Every link inside the repository leads to a file or a heading; links to other sites are not followed."""

import re
import subprocess
from functools import cache

import pytest

from tests.docs.conftest import ROOT

# Code is not read for links: `[0](x)` in a program is none.
_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(
    r"\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)|(?:href|src)=\"([^\"]+)\"|^\[[^\]]+\]: (\S+)", re.MULTILINE
)
_ELSEWHERE = ("https://", "http://", "mailto:")


def documents():
    """The documents that git knows, or would know if they were added; all of them where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [name for name in listed.stdout.split() if (ROOT / name).exists()]
    hidden = {".venv", ".bench-peer", "node_modules"}
    found = (page.relative_to(ROOT) for page in ROOT.rglob("*.md"))
    return sorted(str(page) for page in found if not hidden & set(page.parts))


@cache
def anchors(text):
    """The anchors of a document's headings, as GitHub makes them, and those written out."""
    text = _CODE.sub(lambda code: "" if code[1] else code[0].strip("`"), text)
    found, seen = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text)), {}
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        repeats = seen[slug] = seen.get(slug, -1) + 1
        found.add(f"{slug}-{repeats}" if repeats else slug)
    return found


def links(text):
    return [next(filter(None, groups)) for groups in _LINK.findall(_CODE.sub("", text))]


@pytest.mark.parametrize("name", documents())
def test_links_lead_somewhere(name):
    page = ROOT / name
    for link in links(page.read_text("utf-8")):
        if link.startswith(_ELSEWHERE):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


def test_the_readme_leads_to_every_document():
    """Directly: a page that is not listed there is not found."""
    listed = {link.partition("#")[0] for link in links((ROOT / "README.md").read_text("utf-8"))}

    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= listed


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("## Which Powerwall, which password", "which-powerwall-which-password"),
        ("# `PW_HOST` and TLS", "pw_host-and-tls"),
        ("### A 429: back off", "a-429-back-off"),
        ("## See [the routes](docs/routes.md)", "see-the-routes"),
    ],
)
def test_anchors_are_those_of_the_forge(heading, anchor):
    assert anchors(heading) == {anchor}


def code():
    return [page for folder in ("proxy", "tests", "bench", ".ci") for page in (ROOT / folder).rglob("*.py")]


def test_comments_cite_documents_that_are_here():
    """A document that only its author has explains nothing. What stands in quotes is a path of the program."""
    for page in code():
        for line in page.read_text("utf-8").splitlines():
            for cited in re.findall(r"(?<![\"'\w./-])[\w./-]+\.md\b", line):
                assert (ROOT / cited).exists() or (page.parent / cited).exists(), f"{page}: {cited}"


def test_comments_cite_headings_that_are_there():
    """As in: docs/protocol.md, "Address and TLS"."""
    cited = [
        (page, *found)
        for page in code()
        for found in re.findall(
            r"(docs/\w+\.md), \\?\"([^\"\\]+)", re.sub(r"\s*\n\s*(# )?", " ", page.read_text("utf-8"))
        )
    ]

    assert cited
    for page, document, heading in cited:
        headings = re.findall(r"^#+ (.+)$", (ROOT / document).read_text("utf-8"), re.MULTILINE)
        assert heading in headings, f"{page}: {document}, {heading}"
