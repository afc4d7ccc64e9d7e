"""TEDAPI documents of two recorded sites, and a way to change one place in them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from proxy.drivers.tedapi.data import Facts
from tests.shared import SHARED


def recorded(name: str) -> dict[str, Any]:
    """Everything that the gateway ``pw2`` or ``pw3`` of the corpus held."""
    return json.loads((SHARED / "compat" / f"gateway-{name}.json").read_text())


def facts(name: str, changes: Mapping[str, Any] | None = None, **more: Any) -> Facts:
    """The facts of a recorded site; ``changes`` maps dotted places (list indices are numbers) to values."""
    site = copy.deepcopy(recorded(name))
    for place, value in (changes or {}).items():
        *path, last = (int(key) if key.isdigit() else key for key in place.split("."))
        target = site
        for key in path:
            target = target[key]
        target[last] = value
    firmware = {"version": site["fw"], "git_hash": "9b2c1f3d00"}
    return Facts(site["controller"], site["config"], firmware, site["components"], **more)
