"""Powerwall 3: what its units and their battery packs say.

A site has one leader and perhaps followers; each answers the components query
for itself and for the expansion packs that hang on it. The query names only
the packs' high-voltage part (hvp); position connects it with the energies (bms).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxy.drivers.tedapi.data import (
    Facts,
    at,
    get_path,
    number,
    packages,
    rows,
    scaled,
    section,
    signals,
    split_din,
    text,
)

KIND = "Powerwall3"
STRINGS = "ABCDEF"

_GROUPS = ("pws", "pch", "bms", "hvp", "baggr")
_PACK_SIGNALS = ("HVP_PackTempMax", "HVP_PackTempMin", "HVP_ShuntTemperature")

# A pack that says it has less than this is one that was never there.
_GHOST_WH = 500.0
_GHOST_SHARE = 0.05
_GHOST_TOLERANCE = 0.10


@dataclass(frozen=True, slots=True)
class Pack:
    """One battery: the unit's own or an expansion pack. Energies in watt-hours, temperatures in °C."""

    din: str | None
    unit: str
    is_expansion: bool
    remaining_wh: float | None
    full_wh: float | None
    alerts: tuple[str, ...] = ()
    temperatures: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """One Powerwall 3 with the signals of its power stage (PCH)."""

    din: str
    signals: Mapping[str, Any]
    alerts: tuple[str, ...]

    def number(self, name: str) -> float | None:
        """Give a signal that is a number."""
        return number(self.signals.get(name))


def blocks(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List the Powerwall 3 units that a configuration names."""
    return [
        block
        for block in rows(config, "battery_blocks")
        if KIND in str(block.get("type", "")) and split_din(block.get("vin")) != (None, None)
    ]


def units(facts: Facts) -> list[Unit]:
    """List the units that answered, in the order of the configuration."""
    found = []
    for block in blocks(facts.config):
        components = section(facts.units.get(block["vin"]), "components")
        if components:
            reported: dict[str, Any] = {}
            for stage in rows(components, "pch"):
                reported |= signals(stage)
            found.append(Unit(block["vin"], reported, _alerts(components)))
    return found


def are_named(facts: Facts) -> bool:
    """Say whether it is known which batteries there are: from the configuration, or those of a bus without it."""
    return bool(facts.config or packages(facts.bus, "THC"))


def are_known(facts: Facts) -> bool:
    """Say whether anything is known of the devices: without an answer of any unit a Powerwall 3 is no empty site."""
    return are_named(facts) and (not blocks(facts.config) or bool(units(facts)))


def packs(facts: Facts) -> list[Pack]:
    """List every battery of the site: each unit, then its expansions; without ghosts."""
    found = [
        pack
        for block in blocks(facts.config)
        for pack in _packs_of(block, section(facts.units.get(block["vin"]), "components"))
    ]
    real = [pack for pack in found if not _looks_like_ghost(pack)]
    total = number(get_path(facts.controller, "control", "systemStatus", "nominalFullPackEnergyWh"))
    counted = sum(pack.full_wh or 0.0 for pack in real)
    if len(real) < len(found) and total and abs(total - counted) < _GHOST_TOLERANCE * total:
        found = real
    return _named(found, facts.config)


def _packs_of(block: Mapping[str, Any], components: Mapping[str, Any]) -> list[Pack]:
    """Read the packs of one unit. Position 0 is the unit itself; no answer, no packs."""
    if not components:
        return []
    expansions = {
        split_din(row.get("din"))[1]: row["din"]
        for row in rows(block, "battery_expansions")
        if split_din(row.get("din"))[1]
    }
    alerts = _alerts(components)
    found = []
    for slot in range(max(1, len(rows(components, "bms")))):
        energies = signals(at(components, "bms", slot))
        high_voltage = at(components, "hvp", slot)
        reported = signals(high_voltage)
        pack = Pack(
            din=expansions.get(text(high_voltage.get("serialNumber"))) if slot else block["vin"],
            unit=block["vin"],
            is_expansion=slot > 0,
            remaining_wh=_watt_hours(energies.get("BMS_nominalEnergyRemaining")),
            full_wh=_watt_hours(energies.get("BMS_nominalFullPackEnergy")),
            alerts=alerts,
            temperatures=tuple(
                (name, value) for name in _PACK_SIGNALS if (value := number(reported.get(name))) is not None
            ),
        )
        # An expansion that the configuration does not know and that holds nothing is an empty slot.
        if pack.din or pack.full_wh:
            found.append(pack)
    return found


def _looks_like_ghost(pack: Pack) -> bool:
    """Recognise a pack with capacity but no name and next to no charge: seen on sites that never had it."""
    if pack.din or not pack.full_wh or pack.remaining_wh is None:
        return False
    return pack.remaining_wh < _GHOST_WH or pack.remaining_wh < _GHOST_SHARE * pack.full_wh


def _named(found: list[Pack], config: Mapping[str, Any]) -> list[Pack]:
    """Name nameless packs after the expansions of their unit that no pack claims; drop the rest.

    There is nothing to call a pack that neither the gateway nor the configuration names.
    """
    taken = {pack.din for pack in found}
    free = {
        block["vin"]: [
            din
            for row in rows(block, "battery_expansions")
            if (din := text(row.get("din"))) and din not in taken
        ]
        for block in blocks(config)
    }
    result = []
    for pack in found:
        named = pack
        if not pack.din and free[pack.unit]:
            named = replace(pack, din=free[pack.unit].pop(0))
        if named.din:
            result.append(named)
    return result


def _watt_hours(kilowatt_hours: Any) -> float | None:
    known = scaled(kilowatt_hours, 1000)
    return None if known is None else round(known)


def _alerts(components: Mapping[str, Any]) -> tuple[str, ...]:
    """Collect the active alerts of all parts, each once, in their order."""
    found = (
        alert.get("name")
        for group in _GROUPS
        for component in rows(components, group)
        for alert in rows(component, "activeAlerts")
    )
    return tuple(dict.fromkeys(name for name in found if isinstance(name, str)))
