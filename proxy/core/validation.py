"""What a document of the local API must look like before it may replace a snapshot.

A login page with status 200, a truncated or contradictory document must never
be served as a reading. Only what the product computes with is demanded;
firmware adds and drops the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from proxy.core.errors import BadAnswer

_METERS = ("site", "battery", "load", "solar")
Check = Callable[[Any], str | None]
# No quantity of a house comes near, in any unit.
_BOUND = 1e30


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) else "is not an object"


def _anything(_: Any) -> str | None:
    return None


def _list(value: Any) -> str | None:
    # The gateway is written in Go, where an empty list may come out as null.
    return None if value is None or isinstance(value, list) else "is not a list"


def _aggregates(value: Any) -> str | None:
    """Sections of meters; a meter that is there has a power, which may be null."""
    if not isinstance(value, dict) or not any(name in value for name in _METERS):
        return "has no meter"
    for name in _METERS:
        section = value.get(name)
        if section is None:
            continue
        if not isinstance(section, dict):
            return f"has a {name} that is not an object"
        power = section.get("instant_power")
        if power is not None and not _number(power):
            return f"has a {name}.instant_power that is not a number"
    return None


def _keyed(key: str, fits: Callable[[Any], bool], kind: str) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "is not an object"
        if key not in value:
            return f"has no {key}"
        return None if fits(value[key]) else f"has a {key} that is not {kind}"

    return check


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _percentage(value: Any) -> bool:
    # -5 and 105: gateways overshoot a little while they calibrate.
    return value is None or (_number(value) and -5 <= value <= 105)  # noqa: PLR2004 - limits of this one check


# By the path of the document in the local API.
CHECKS: Mapping[str, Check] = {
    "/api/meters/aggregates": _aggregates,
    "/api/system_status/soe": _keyed("percentage", _percentage, "a percentage"),
    "/api/system_status/grid_status": _keyed("grid_status", _text, "a text"),
    "/api/status": _keyed("version", _text, "a text"),
    "/api/system_status/grid_faults": _list,
    "/api/meters": _list,
    "/api/generators/disconnect_types": _list,
    "/api/meters/battery": _list,
    "/api/meters/load": _list,
    "/api/meters/site": _list,
    "/api/meters/solar": _list,
    "/api/networks": _list,
    "/api/site_info/grid_codes": _anything,
    "/api/system/networks": _list,
    "/api/solars": _list,
    "/api/solars/brands": _list,
}


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _bounded(kind: type[int | float]) -> Callable[[str], int | float]:
    """Make a reader of numbers that refuses what sums and products could turn into infinity."""

    def read(text: str) -> int | float:
        value = kind(text)
        if not -_BOUND < value < _BOUND:
            raise ValueError(f"{text[:20]} is out of range")
        return value

    return read


_whole, _fraction = _bounded(int), _bounded(float)


def parse(name: str, body: bytes) -> Any:
    """Decode a JSON document of the local API and check its shape.

    Raises BadAnswer for anything that is not strict JSON of the shape that documents of this name have.
    """
    try:
        value = json.loads(
            body.decode("utf-8"), parse_constant=_not_json, parse_float=_fraction, parse_int=_whole
        )
        if b"\\u" in body:  # half a surrogate pair passes as an escape, and no page could be written with it
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as exc:
        raise BadAnswer(f"{name} is not JSON") from exc
    problem = CHECKS.get(name, _object)(value)
    if problem:
        raise BadAnswer(f"{name} {problem}")
    return value
