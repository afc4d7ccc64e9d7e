"""Totals of several gateways in the form of pypowerwall-server.

A total is whole or it is null. With a member missing, ``missing`` names it and ``partial`` has the
sums of the others, so that a part cannot pass for the whole. What a gateway does not have by nature
(no battery, no solar) adds nothing and is not missing. Gateways behind one meter of the grid have it once, and
their homes are what is left of it and of all that they produce. Units are those of ``gateway_object``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.core.model import Source
from proxy.core.sources import GRID_STATUS, METERS, SOE, SOLAR_POWERWALL, SYSTEM_STATUS, VITALS
from proxy.views import meters
from proxy.views.gateway_object import Member, app_scale, data, grid_word, status
from proxy.views.json_access import number, section

POWERS: Final[tuple[Source, ...]] = (METERS,)
CHARGE: Final[tuple[Source, ...]] = (SOE, SYSTEM_STATUS)
DEVICES: Final[tuple[Source, ...]] = (METERS, GRID_STATUS, VITALS, SOLAR_POWERWALL)

_FULL: Final = 100.0
# In the signs of the gateway, what the home uses is the sum of these.
_BALANCED: Final = ("site", "solar", "battery")


@dataclass(frozen=True, slots=True)
class Total:
    """One quantity of all members: the whole or None, the ids that lack it, the sum of the others."""

    whole: float | None
    missing: tuple[str, ...] = ()
    partial: float | None = None


def _sum(values: Mapping[str, float | None]) -> Total:
    """Add what each member that has the quantity reports; None where it is unknown."""
    known = [value for value in values.values() if value is not None]
    missing = tuple(id_ for id_, value in values.items() if value is None)
    part = float(sum(known)) if known else None
    return Total(None if missing else part, missing, part)


def _powers(members: Mapping[str, Member]) -> dict[str, Total]:
    """Add the powers, of members whose readings belong together."""
    times = {id_: member.observed_at.get(METERS) for id_, member in members.items()}
    newest = max((at for at in times.values() if at is not None), default=0.0)
    current = {
        id_: member
        for id_, member in members.items()
        if (at := times[id_]) is None or newest - at <= member.spread_s
    }
    values = {
        name: {
            id_: _power(id_, member, name) if id_ in current else None
            for id_, member in members.items()
            if not _lacks(id_, member, name)
        }
        for name in ("site", "battery", "load", "solar")
    }
    apart = {members[id_].grid for id_, load in values["load"].items() if load is None} - {""}
    # While one gateway behind a meter is missing, what the others leave of it is the load of no home.
    values["load"] = {
        id_: load for id_, load in values["load"].items() if load is None or members[id_].grid not in apart
    }
    return {name: _sum(each) for name, each in values.items()}


def _power(id_: str, member: Member, name: str) -> float | None:
    """Return a power of a member; behind the meter of several, its load is what it adds to theirs."""
    watts = meters.powers(member.documents, member.options)
    names = [name]
    if name == "load" and member.grid:
        names = [each for each in _BALANCED if not _lacks(id_, member, each)]
    parts: list[float | None] = [getattr(watts, each) for each in names]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _lacks(id_: str, member: Member, name: str) -> bool:
    """Say whether a gateway lacks a meter: it has no battery or solar, or its grid meter measures part of another's."""
    if name == "site":
        return member.grid not in {"", id_}
    if name == "battery" and member.is_inverter:
        return True
    return name in {"battery", "solar"} and member.has_data and not meters.heard(member.documents, name)


def _charge(members: Mapping[str, Member]) -> tuple[Total, Total]:
    """Return charge (percent of all packs together) and capacity (Wh) of the members with a battery."""
    owners = {
        id_: member
        for id_, member in members.items()
        if not member.is_inverter
        and (SOE in member.documents or SYSTEM_STATUS in member.documents or not member.has_data)
    }
    full = _sum({id_: _energy(member, "nominal_full_pack_energy") for id_, member in owners.items()})
    if len(owners) == 1:
        percents = {id_: meters.charge_percent(member.documents) for id_, member in owners.items()}
        return _sum(percents), full
    left = _sum({id_: _energy(member, "nominal_energy_remaining") for id_, member in owners.items()})
    missing = tuple(dict.fromkeys(left.missing + full.missing))
    is_whole = left.whole is not None and bool(full.whole)
    percent = _FULL * left.whole / full.whole if is_whole and left.whole is not None and full.whole else None
    return Total(percent, missing), full


def _energy(member: Member, name: str) -> float | None:
    return number(section(member.documents.get(SYSTEM_STATUS)).get(name))


def _with_gaps(document: dict[str, Any], totals: Mapping[str, Total]) -> dict[str, Any]:
    """Add which members are missing, and the sums of those that are there, where a total is not whole."""
    missing = tuple(dict.fromkeys(id_ for total in totals.values() for id_ in total.missing))
    if not missing:
        return document
    partial = {name: total.partial for name, total in totals.items() if total.partial is not None}
    return {**document, "missing": list(missing), "partial": partial}


def _timestamp(members: Mapping[str, Member], *sources: Source) -> float | None:
    times = (
        at for member in members.values() for source in sources if (at := member.observed_at.get(source))
    )
    return min(times, default=None)


def _online(members: Mapping[str, Member]) -> int:
    return sum(member.is_online for member in members.values())


def aggregate(members: Mapping[str, Member]) -> dict[str, Any]:
    """Return the totals of all gateways with the object of each."""
    powers, (charge, capacity) = _powers(members), _charge(members)
    totals = {
        "total_battery_percent_raw": charge,
        "total_battery_percent": Total(app_scale(charge.whole), charge.missing, app_scale(charge.partial)),
        "total_battery_capacity": capacity,
        "total_site_power": powers["site"],
        "total_battery_power": powers["battery"],
        "total_load_power": powers["load"],
        "total_solar_power": powers["solar"],
        "total_grid_power": powers["site"],
    }
    states = {grid_word(member.documents) for member in members.values()}
    document = {
        **{name: total.whole for name, total in totals.items()},
        "grid_status": states.pop() if len(states) == 1 else None,
        "num_gateways": len(members),
        "num_online": _online(members),
        "num_degraded": sum(member.has_data and not member.is_online for member in members.values()),
        "gateways": {id_: status(member) for id_, member in members.items() if member.has_data},
        "timestamp": _timestamp(members, METERS),
    }
    return _with_gaps(document, totals)


def power(members: Mapping[str, Member]) -> dict[str, Any]:
    """Return the sums of the powers; site and grid are the same."""
    powers = _powers(members)
    totals = {name: powers[name] for name in ("site", "battery", "load", "solar")} | {"grid": powers["site"]}
    document = {name: total.whole for name, total in totals.items()}
    return _with_gaps({**document, "timestamp": _timestamp(members, METERS)}, totals)


def soe(members: Mapping[str, Member]) -> dict[str, Any]:
    """Return the charge of all packs together, by energy."""
    charge, _ = _charge(members)
    document = {
        "percentage": app_scale(charge.whole),
        "raw_percentage": charge.whole,
        "num_gateways": _online(members),
        "timestamp": _timestamp(members, SOE),
    }
    return _with_gaps(document, {"raw_percentage": charge})


def battery(members: Mapping[str, Member]) -> dict[str, Any]:
    """Return capacity, charge and power of all packs together."""
    powers, (charge, capacity) = _powers(members), _charge(members)
    totals = {"total_capacity": capacity, "battery_percent_raw": charge, "battery_power": powers["battery"]}
    document = {
        "total_capacity": capacity.whole,
        "battery_percent": app_scale(charge.whole),
        "battery_percent_raw": charge.whole,
        "battery_power": powers["battery"].whole,
        "num_gateways": len(members),
        "num_online": _online(members),
        "timestamp": _timestamp(members, METERS, SOE),
    }
    return _with_gaps(document, totals)


def _part(member: Member, part: str) -> Any:
    """Return a part of what a gateway reports; nothing where it has none by nature, None where it is unknown."""
    found = data(member)[part]
    if found is None and VITALS not in member.documents:
        return [] if part == "alerts" else {}
    return found


def each(part: str) -> Callable[[Mapping[str, Member]], dict[str, Any]]:
    """Make the view id -> strings, alerts or vitals of those gateways that report them."""

    def view(members: Mapping[str, Member]) -> dict[str, Any]:
        return {id_: _part(member, part) for id_, member in members.items() if member.has_data}

    return view
