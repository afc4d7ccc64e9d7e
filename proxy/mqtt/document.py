"""What is published of a gateway at one moment: its document, and the values that stand alone.

Pure. What is unknown is null in the document and has no text of its own; a number is never made up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from proxy.mqtt.entities import COUNTERS, ENTITIES
from proxy.mqtt.entity import Entity
from proxy.mqtt.equipment import equipment

if TYPE_CHECKING:
    from proxy.mqtt.entity import Value
    from proxy.mqtt.facts import Facts

# The document of a gateway, which Home Assistant reads.
STATUS: Final = "status"
# Rows that exist although nothing is known.
_ALWAYS: Final = frozenset({"online", "last_reading"})
# The times in the meters document say that the gateway was read, not that anything changed.
_TIMES: Final = frozenset({"last_communication_time", "last_phase_voltage_communication_time"})
# Takes a counter's suffix and reading (Wh); returns what may be published of it.
Export = Callable[[str, float], float]


@dataclass(frozen=True, slots=True)
class Text:
    """A payload, and its ``mark``: another one makes it worth sending again."""

    payload: str
    mark: str


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
            row.topic: row.text(value) for row, value in known.items() if row.topic and value is not None
        }
        return Publication(
            facts.is_online,
            facts.is_fresh,
            Text(_json(document), _json({**document, "last_reading": None})),
            {
                **{topic: Text(text, text) for topic, text in texts.items()},
                **_documents(facts, document),
            },
        )


def _value(row: Entity, facts: Facts, export: Export) -> Value:
    value = row.read(facts)
    if row.suffix not in COUNTERS or not isinstance(value, int | float):
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


def _documents(facts: Facts, document: Mapping[str, Any]) -> dict[str, Text]:
    """Make the documents for those who do not read the one of the gateway."""
    if not facts.is_online:
        return {}
    found = {
        "name": Text(facts.state.name, facts.state.name) if facts.state.name else None,
        "aggregates": Text(_json(facts.aggregates), _json(_timeless(facts.aggregates))),
        "batteries": _same(document["batteries"]) if document["batteries"] else None,
        **{f"strings/{name}": _same(signals) for name, signals in facts.strings.items()},
        **{
            f"devices/{serial}": _same(signals)
            for serial, signals in document.get("devices", {}).items()
            if any(value is not None for value in signals.values())
        },
    }
    return {topic: text for topic, text in found.items() if text is not None}


def _same(value: Any) -> Text:
    written = _json(value)
    return Text(written, written)


def _timeless(aggregates: Any) -> Any:
    if not isinstance(aggregates, Mapping):
        return aggregates
    return {
        name: {key: value for key, value in meter.items() if key not in _TIMES}
        if isinstance(meter, Mapping)
        else meter
        for name, meter in aggregates.items()
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def topics_of(rows: Iterable[Entity]) -> frozenset[str]:
    """Return the topics of single values of these rows."""
    return frozenset(row.topic for row in rows if row.topic)
