"""telegraf's http input as Powerwall-Dashboard configures it (docs/protocol.md, "Client programs"): eight URLs at once, JSON only."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

MEASUREMENTS = {
    "/aggregates": "http",
    "/soe": "http",
    "/strings": "http",
    "/temps/pw": "http",
    "/freq": "http",
    "/pod": "http",
    "/fans/pw": "http",
    "/alerts/pw": "alerts",
}


@dataclass
class Round:
    """What one round stores: values by measurement and field, from each URL; and what it logs."""

    points: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def fields(self, measurement: str = "http") -> dict[str, float]:
        """All fields of a measurement: URLs share it, a later value overwrites an earlier one."""
        return {
            name: value
            for reported in self.points.get(measurement, {}).values()
            for name, value in reported.items()
        }

    def clashes(self) -> dict[str, set[float]]:
        """Fields that two URLs report differently: the dashboard would average them."""
        reported: dict[str, set[float]] = {}
        for fields in self.points.get("http", {}).values():
            for name, value in fields.items():
                reported.setdefault(name, set()).add(value)
        return {name: values for name, values in reported.items() if len(values) > 1}


async def gather(proxy) -> Round:
    """Request all URLs at once, as telegraf does every five seconds."""
    reported = Round()
    answers = await asyncio.gather(*(proxy.get(path) for path in MEASUREMENTS))
    for (path, measurement), answer in zip(MEASUREMENTS.items(), answers, strict=True):
        if answer.status != 200:
            reported.errors[path] = f"received status code {answer.status}"
            continue
        document = json.loads(answer.text, parse_constant=_refuse)
        if document is None or document == {}:
            continue  # no point, no error
        if not isinstance(document, dict | list):
            reported.errors[path] = "must be an object or an array of objects"
            continue
        reported.points.setdefault(measurement, {})[path] = dict(_flatten(document))
    return reported


def _flatten(value, name=""):
    """Join names with underscores; keep numbers, drop strings, booleans and null."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _flatten(entry, f"{name}_{key}" if name else key)
    elif isinstance(value, list):
        for position, entry in enumerate(value):
            yield from _flatten(entry, f"{name}_{position}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


def _refuse(constant):
    raise ValueError(f"invalid character in {constant}")
