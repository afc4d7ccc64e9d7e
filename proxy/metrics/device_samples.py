"""The metrics of devices: battery packs, strings, inverters, phases of the grid, alerts.

Packs and strings are named as in /pod and /strings; other devices are numbered, because
their own names hold serial numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from proxy.core.sources import VITALS
from proxy.metrics.facts import Facts
from proxy.metrics.families import Samples
from proxy.metrics.site_samples import joules, one
from proxy.views import batteries, devices, strings
from proxy.views.json_access import flag, number, section, text

_ALERT: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_MOST_ALERTS: Final = 100
_CHARGED: Final = {"charged": "energy_charged", "discharged": "energy_discharged"}
_SIDES: Final = {"main": "Main", "load": "Load"}
_LINES: Final = ("L1", "L2", "L3")


def packs_about(facts: Facts) -> Samples:
    """Read part number and version of every pack, and its serial number if that may be shown."""
    for pack in facts.packs:
        told = [text(pack.block.get(key)) or "" for key in ("PackagePartNumber", "version")]
        serial = (text(pack.block.get("PackageSerialNumber")) or "",) if facts.serials else ()
        if any(told):
            yield (f"PW{pack.number}", *told, *serial), 1


def pack(key: str) -> Callable[[Facts], Samples]:
    """Read one number of every pack, as /pod tells it."""
    return lambda facts: ((block, number(told.get(key))) for block, told in facts.pods)


def pack_energy(key: str) -> Callable[[Facts], Samples]:
    """Read one energy of every pack."""
    return lambda facts: ((block, joules(number(told.get(key)))) for block, told in facts.pods)


def pack_flag(key: str) -> Callable[[Facts], Samples]:
    """Read one yes or no of every pack."""
    return lambda facts: (((f"PW{p.number}",), flag(p.block.get(key))) for p in facts.packs)


def packs_cycled(facts: Facts) -> Samples:
    """Read the energies that went into and out of every pack."""
    for (block,), told in facts.pods:
        for direction, key in _CHARGED.items():
            yield (block, direction), joules(number(told.get(key)))


def packs_state(facts: Facts) -> Samples:
    """Read the state of every pack's inverter."""
    for (block,), told in facts.pods:
        state = text(told.get("pinv_state"))
        yield (block, state or ""), 1 if state else None


def packs_disabled(facts: Facts) -> Samples:
    """Count why packs are disabled."""
    for each in facts.packs:
        reasons = each.block.get("disabled_reasons")
        yield (f"PW{each.number}",), len(reasons) if isinstance(reasons, list) else None


def temperatures(facts: Facts) -> Samples:
    """Read the temperature of every pack, as /temps/pw tells it."""
    told = batteries.temp_numbers(facts.documents, facts.options) if facts.packs else {}
    return (((key.removesuffix("_temp"),), number(value)) for key, value in told.items())


def fan_speeds(facts: Facts) -> Samples:
    """Read the fans, as /fans/pw tells them; nobody tells which pack a fan cools, so it has its own name."""
    for key, value in devices.fan_numbers(facts.documents, facts.options).items():
        fan, _, kind = key.partition("_")
        if kind in {"actual", "target"}:
            yield (fan, kind), number(value)


def string(key: str) -> Callable[[Facts], Samples]:
    """Read one number of every string, as /strings tells it."""
    return lambda facts: (((name,), number(told.get(key))) for name, told in facts.strings.items())


def strings_connected(facts: Facts) -> Samples:
    """Say which strings are connected."""
    return (((name,), flag(told.get("Connected"))) for name, told in facts.strings.items())


def inverter(key: str) -> Callable[[Facts], Samples]:
    """Read one signal of every solar inverter."""

    def read(facts: Facts) -> Samples:
        inverters = strings.inverters(facts.documents, facts.options)
        return (((str(n),), number(told.get(key))) for n, told in enumerate(inverters, start=1))

    return read


def phase(signal: str) -> Callable[[Facts], Samples]:
    """Read one signal of every line on both sides of the switch; 0 is a phase that is not there.

    ``signal`` is a name of the vitals with {line} and {side} in it.
    """

    def read(facts: Facts) -> Samples:
        told = _switch(facts)
        for line in _LINES:
            for side, suffix in _SIDES.items():
                yield (line, side), number(told.get(signal.format(line=line, side=suffix))) or None

    return read


def chargers(facts: Facts) -> Samples:
    """Read the power of every vehicle charger that a driver reports."""
    return (((str(n),), value) for n, value in enumerate(facts.powers.ev, start=1))


def alert_count(facts: Facts) -> Samples:
    """Count all active alerts."""
    return one(None if facts.alerts is None else len(facts.alerts))


def alerts_active(facts: Facts) -> Samples:
    """Name active alerts: well-formed names only, and not more than a table can bear."""
    named = [name for name in facts.alerts or () if _ALERT.fullmatch(name)]
    return (((name,), 1) for name in named[:_MOST_ALERTS])


def _switch(facts: Facts) -> dict[str, Any]:
    """Return the signals of whatever separates the house from the grid."""
    if VITALS not in facts.documents:
        return {}
    found: dict[str, Any] = {}
    for _, signals in devices.devices(facts.documents, "TESYNC", "TEMSA"):
        found |= {key: value for key, value in section(signals).items() if value is not None}
    return found
