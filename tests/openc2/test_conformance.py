"""docs/openc2.md describes what the product and its tests do."""

from __future__ import annotations

import re
from pathlib import Path

from proxy.openc2.properties import PROPERTIES
from proxy.openc2.writes import TARGETS

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "openc2.md").read_text("utf-8")


def test_the_tests_that_it_names_exist():
    named = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE))

    assert len(named) > 20
    for file, test in named:
        assert f"def {test}(" in (HERE / file).read_text("utf-8"), f"{file}::{test}"


def test_every_property_is_listed_with_its_type():
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \| .+ \|$", PAGE, re.MULTILINE)

    assert dict(listed) == {name: row.kind for name, row in PROPERTIES.items()}


def test_every_target_is_listed():
    assert set(re.findall(r"\| `set` \| `([\w:-]+)`", PAGE)) == set(TARGETS)
