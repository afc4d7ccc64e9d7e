"""Reading documents in which anything may be missing.

TEDAPI answers GraphQL: every object, list and number can be null. The lists
of the CAN bus have empty slots, and ``isMIA`` (missing in action) marks values
that are no longer received: they stay at zero and must not be believed.
Whatever is not known reads as None, never as zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from proxy.core import json_access as reading
from proxy.core.json_access import get_path, text

__all__ = [
    "Facts",
    "at",
    "get_path",
    "mean",
    "moment",
    "names",
    "number",
    "packages",
    "rows",
    "scaled",
    "section",
    "signals",
    "split_din",
    "text",
    "timestamp",
]

_NOTHING: Mapping[str, Any] = MappingProxyType({})

# Times, energies in watt-seconds: all that is reported stays far below.
_BEYOND = 1e15
# Above this a number of seconds since 1970 would lie in the year 5138: it is milliseconds.
_MILLISECONDS_FROM = 1e11


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one site; None or empty where it was not reported yet.

    ``units`` are the answers to the components query, by DIN of the unit,
    ``counters`` the energies (imported, exported) in watt-hours by meter, and
    ``seen_since`` is when this gateway answered first (seconds since 1970).
    """

    controller: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    firmware: Mapping[str, Any] = field(default_factory=dict)
    units: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    counters: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    seen_since: float | None = None

    @property
    def bus(self) -> Mapping[str, Any]:
        """The CAN bus: what the parts of a Powerwall 2 or Powerwall+ say."""
        return section(self.controller, "esCan", "bus")

    @property
    def alerts(self) -> list[Any]:
        """The active alerts of the whole system."""
        return names(get_path(self.controller, "control", "alerts", "active"))

    @property
    def components(self) -> list[Mapping[str, Any]]:
        """The components with their signals that the controller query lists."""
        return rows(self.controller, "components", "msa")


def section(document: Any, *path: str) -> Mapping[str, Any]:
    """Give the object at a path, empty when it is absent or missing in action."""
    found = get_path(document, *path)
    if not isinstance(found, Mapping) or found.get("isMIA") is True:
        return _NOTHING
    return found


def rows(document: Any, *path: str) -> list[Mapping[str, Any]]:
    """Give the list of objects at a path; a slot that holds none is an empty object, so positions stay."""
    found = get_path(document, *path)
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [row if isinstance(row, Mapping) else _NOTHING for row in found]


def names(value: Any) -> list[Any]:
    """Give a list of names, empty when there is none."""
    return list(value) if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """Give a number as it is (int or float), anything else as None, also what no house can measure."""
    known = reading.number(value)
    return known if known is not None and abs(known) < _BEYOND else None


def scaled(value: Any, factor: float) -> float | None:
    """Multiply a number that may be unknown."""
    known = number(value)
    return None if known is None else known * factor


def mean(values: Iterable[float | None]) -> float | None:
    """Average the values that are present; zero volts or hertz mean that nothing is measured."""
    present = [value for value in values if value]
    return sum(present) / len(present) if present else None


def packages(bus: Mapping[str, Any], kind: str) -> list[tuple[int, Mapping[str, Any]]]:
    """List the occupied slots of a kind of device on the bus, with their positions.

    PINV, POD and PVS have no serial number of their own: the position of
    their THC or PVAC is what connects them.
    """
    return [(slot, row) for slot, row in enumerate(rows(bus, kind)) if text(row.get("packageSerialNumber"))]


def at(bus: Mapping[str, Any], kind: str, slot: int) -> Mapping[str, Any]:
    """Give what stands in a slot of a kind of device, empty when the list is shorter."""
    found = rows(bus, kind)
    return found[slot] if slot < len(found) else _NOTHING


def signals(component: Mapping[str, Any]) -> dict[str, Any]:
    """Give the known signals of a component by name: the text if there is one, else the flag, else the number.

    Names that were requested and do not exist on a component come back without a value.
    """
    values = {}
    for signal in rows(component, "signals"):
        for value in (signal.get("textValue"), signal.get("boolValue"), signal.get("value")):
            if value is not None and value != "":
                values[str(signal.get("name"))] = value
                break
    return values


def split_din(din: Any) -> tuple[str | None, str | None]:
    """Split ``part--serial``; (None, None) for anything else."""
    if not isinstance(din, str) or "--" not in din:
        return None, None
    part, _, serial = din.partition("--")
    return part, serial


def moment(value: Any) -> float | None:
    """Turn a time stamp (ISO 8601, or seconds or milliseconds) into seconds since 1970."""
    known = number(value)
    if known is not None:
        return known / 1000 if known > _MILLISECONDS_FROM else known
    parsed = timestamp(value)
    return None if parsed is None else parsed.timestamp()


def timestamp(value: Any) -> datetime | None:
    """Parse ``2024-01-24T12:00:00.123456789-07:00`` and ``2024-01-24 12:00:00 +0000``; None without a zone."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.replace(" +", "+").replace(" -", "-"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else None
