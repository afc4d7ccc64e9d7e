"""What is published of a gateway at one moment: its document, and the values that stand alone.

Pure. What is unknown is null in the document and has no text of its own; a number is never made up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from proxy.mqtt.entities import ENTITIES
from proxy.mqtt.entity import COUNTED, STEPS, Entity
from proxy.mqtt.equipment import equipment

if TYPE_CHECKING:
    from proxy.mqtt.entity import Value
    from proxy.mqtt.facts import Facts

# The document of a gateway, which Home Assistant reads.
STATUS: Final = "status"
# Rows that exist although nothing is known.
_ALWAYS: Final = frozenset({"online", "last_reading"})
# Times in the meters document end so: they say that the gateway was read, not that anything changed.
_TIME: Final = "_time"
# Takes a counter's suffix and reading (Wh); returns what may be published of it.
Export = Callable[[str, float], float]


# The unit of a number in a document of meters or strings, by a word of its key.
_UNITS: Final = {"power": "W", "energy": "Wh", "voltage": "V", "v": "V", "current": "A", "frequency": "Hz"}
_SCALARS: Final = (bool, str, float, int, type(None))
# A value, and the change from which it is worth sending again.
Part = tuple["Value", float]


@dataclass(frozen=True, slots=True)
class Text:
    """A payload, and the ``parts`` that it was made of."""

    payload: str
    parts: tuple[Part, ...]

    def moved_from(self, earlier: Text) -> bool:
        """Say whether this is worth a message when ``earlier`` was sent last."""
        return self.payload != earlier.payload and (
            len(self.parts) != len(earlier.parts)
            or any(
                _moved(value, before, step)
                for (value, step), (before, _) in zip(self.parts, earlier.parts, strict=True)
            )
        )


@dataclass(frozen=True, slots=True)
class Publication:
    """What is known, by topic below that of the gateway. ``values`` has no topic of what is unknown."""

    is_online: bool
    is_fresh: bool
    status: Text
    values: Mapping[str, Text]


@dataclass(slots=True)
class Catalogue:
    """The rows of one gateway. Equipment that was seen once has its rows until the process ends.

    ``existing`` are the rows of which a value was ever known: these are announced.
    """

    rows: dict[str, Entity] = field(default_factory=lambda: {row.suffix: row for row in ENTITIES})
    existing: dict[str, Entity] = field(
        default_factory=lambda: {row.suffix: row for row in ENTITIES if row.suffix in _ALWAYS}
    )

    def publication(self, facts: Facts, export: Export) -> Publication:
        """Make the publication of these facts, and note what exists."""
        for row in equipment(facts):
            self.rows.setdefault(row.suffix, row)
        known = {row: _value(row, facts, export) for row in self.rows.values()}
        self.existing.update((row.suffix, row) for row, value in known.items() if value is not None)
        document = _document(known, facts)
        texts = {
            row.topic: Text(row.text(value), ((value, row.step),))
            for row, value in known.items()
            if row.topic and value is not None
        }
        return Publication(
            facts.is_online,
            facts.is_fresh,
            Text(_json(document), _parts_of_status(known, document)),
            {**texts, **_documents(facts, document, known)},
        )


def _value(row: Entity, facts: Facts, export: Export) -> Value:
    value = row.read(facts)
    if row.state_class != COUNTED or not isinstance(value, int | float):
        return value
    return export(row.suffix, value)


def _document(known: Mapping[Entity, Value], facts: Facts) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": facts.state.name,
        "alert_names": None if facts.state.alerts is None else list(facts.state.alerts),
        "batteries": [
            {
                "index": pack.number,
                "capacity": pack.energy_capacity,
                "charge": pack.energy_remaining,
                "serial": pack.serial,
            }
            for pack in facts.state.packs
        ],
    }
    for row, value in known.items():
        *folders, key = row.path
        section = document
        for folder in folders:
            section = section.setdefault(folder, {})
        is_signal = row.path[0] == "devices" and isinstance(value, float)
        section[key] = round(value, row.decimals) if is_signal else value  # type: ignore[arg-type]
    return document


def _documents(facts: Facts, document: Mapping[str, Any], known: Mapping[Entity, Value]) -> dict[str, Text]:
    """Make the documents for those who do not read the one of the gateway."""
    if not facts.is_online:
        return {}

    def below(*path: str) -> tuple[Part, ...]:
        return tuple((value, row.step) for row, value in known.items() if row.path[: len(path)] == path)

    found = {
        "name": Text(facts.state.name, ((facts.state.name, 0.0),)) if facts.state.name else None,
        "aggregates": _read(facts.aggregates),
        "batteries": Text(_json(document["batteries"]), below("packs")) if document["batteries"] else None,
        **{f"strings/{name}": _read(signals) for name, signals in facts.strings.items()},
        **{
            f"devices/{serial}": Text(_json(signals), below("devices", serial))
            for serial, signals in document.get("devices", {}).items()
            if any(value is not None for value in signals.values())
        },
        **{
            f"meters/remote/{din}/ct{number}": Text(
                _json(signals), below("meters", "remote", din, f"ct{number}")
            )
            for din, transformers in facts.remote_meters.items()
            for number, signals in transformers.items()
            if any(value is not None for value in signals.values())
        },
    }
    return {topic: text for topic, text in found.items() if text is not None}


def _parts_of_status(known: Mapping[Entity, Value], document: Mapping[str, Any]) -> tuple[Part, ...]:
    """List what makes the document of the gateway worth sending: all but the time of the reading."""
    others = _json(
        [document["name"], document["alert_names"], [each["serial"] for each in document["batteries"]]]
    )
    return (
        (others, 0.0),
        *((value, row.step) for row, value in known.items() if row.suffix != "last_reading"),
    )


def _read(value: Any) -> Text:
    """Write a document of meters or strings; its numbers count by the units that their keys name."""
    return Text(_json(value), tuple(_leaves(value, "")))


def _leaves(value: Any, key: str) -> Iterator[Part]:
    if isinstance(value, dict):
        for name, below in value.items():
            if not name.endswith(_TIME):
                yield from _leaves(below, name)
    elif isinstance(value, _SCALARS):
        yield value, _step_of(key)
    else:
        yield _json(value), 0.0


@lru_cache(256)
def _step_of(key: str) -> float:
    """Return the change from which a number is worth sending again, by the unit that its key names."""
    return next((STEPS[_UNITS[word]] for word in key.lower().split("_") if word in _UNITS), 0.0)


def _moved(value: Value, before: Value, step: float) -> bool:
    if isinstance(value, int | float) and isinstance(before, int | float):
        return abs(value - before) >= step if step else value != before
    return value != before


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def topics_of(rows: Iterable[Entity]) -> frozenset[str]:
    """Return the topics of single values of these rows."""
    return frozenset(row.topic for row in rows if row.topic)
