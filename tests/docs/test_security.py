"""SECURITY.md names the test that holds each promise."""

import re
from pathlib import Path

from tests.docs.conftest import ROOT


def test_every_promise_has_a_test_that_exists():
    """One row, one test at least."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]

    assert len(rows) >= 14
    for row in rows:
        held_by = row.rstrip("| ").rpartition(" | ")[2]
        named = re.findall(r"`([\w/.]+)`", held_by)
        folder = Path(named[0]).parent
        assert all((ROOT / name).exists() or (ROOT / folder / name).exists() for name in named), row
