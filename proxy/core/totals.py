"""The total of several gateways: whole, or not at all.

A member that lacks a value leaves the total without it: a partial sum would look like a whole one. A
member that has no such thing by nature (no battery, no meter of solar inverters) counts as nothing.
What cannot be added is absent, never averaged. Powers are watts, energies watt-hours, charge is percent
of the whole pack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from proxy.core.errors import GatewayError, NotInTotal, NoTotal
from proxy.core.json_access import get_path, number, text
from proxy.core.model import Source
from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    OPERATION,
    PROBLEMS,
    SITE_NAME,
    SOE,
    SYSTEM_STATUS,
    VITALS,
)

# Readings of members may be this far apart (seconds), or two of their lifetimes if those are longer.
_APART_S: Final = 10.0
# What every gateway has: one that says that it has not cannot be read now.
OF_ALL: Final = frozenset({METERS})
# What only a gateway with a battery has.
OF_BATTERIES: Final = frozenset({SOE, SYSTEM_STATUS, OPERATION})

_ADDED: Final = ("instant_power", "instant_reactive_power", "energy_exported", "energy_imported")
# Every gateway has these two meters; others it may not have.
_ALWAYS: Final = frozenset({"site", "load"})
_BATTERY_SUMS: Final = (
    "nominal_full_pack_energy",
    "nominal_energy_remaining",
    "max_charge_power",
    "max_discharge_power",
)
_SPOKEN: Final = {
    "SystemGridConnected": "on the grid",
    "SystemIslandedActive": "off the grid",
    "SystemTransitionToGrid": "returning to the grid",
}
_NEVER: Final = "0001-"


@dataclass(frozen=True, slots=True)
class Part:
    """What one member reports of a source: a document's value, or why there is none.

    ``observed_at`` is monotonic seconds, ``ttl`` the lifetime of the reading. An error that is
    no failure says that the member has no such thing by nature.
    """

    id: str
    value: Any = None
    observed_at: float = 0.0
    ttl: float = 0.0
    notes: Mapping[str, str] = field(default_factory=dict)
    error: GatewayError | None = None


_Values: TypeAlias = Mapping[str, Any]
_Rule: TypeAlias = Callable[[_Values], Any]


def reads(source: Source) -> Source:
    """Return the source that members are read for: a charge is that of the energies, not of the percentages."""
    return SYSTEM_STATUS if source == SOE else source


def spread_s(ttl: float = 0.0) -> float:
    """Say how much older than another member's (seconds) a reading of this lifetime may be in a total."""
    return max(2 * ttl, _APART_S)


def present(parts: Iterable[Part]) -> list[Part]:
    """Return the parts that count. Raises NoTotal if one is missing or too old beside another, NotInTotal without any."""
    counting = [part for part in parts if part.error is None or part.error.is_failure]
    for part in counting:
        if part.error is not None:
            raise NoTotal(f"{part.id}: {part.error}")
    if not counting:
        raise NotInTotal("no member of this site has it")
    newest = max(part.observed_at for part in counting)
    for part in counting:
        behind = newest - part.observed_at
        if behind > spread_s(part.ttl):
            raise NoTotal(f"readings of {part.id} are {behind:.0f} s older than those of the others")
    return counting


def combine(source: Source, parts: Sequence[Part], *, grid: str = "") -> Any:
    """Return the value of a total's document.

    ``grid`` is the member whose site meter sees the whole house; without one the meters are added.
    Raises NoTotal or NotInTotal.
    """
    values = {part.id: part.value for part in parts}
    if source == METERS and grid:
        return _behind_one_meter(values, grid)
    return _RULES[source](values)


def _meters(values: _Values) -> dict[str, Any]:
    """Add the meters. Voltages, currents and frequencies are absent: they belong to one place."""
    names = dict.fromkeys(name for value in values.values() if isinstance(value, Mapping) for name in value)
    made = {name: _meter(name, values) for name in names}
    return {name: meter for name, meter in made.items() if meter is not None}


def _meter(name: str, values: _Values) -> dict[str, Any] | None:
    sections = {id_: get_path(value, name) for id_, value in values.items()}
    there = {id_: found for id_, found in sections.items() if _is_heard(found)}
    if not there:
        return None
    lacking = name in _ALWAYS and len(there) < len(values)
    meter: dict[str, Any] = {"last_communication_time": _oldest(there.values())}
    for key in _ADDED:
        found = [number(section.get(key)) for section in there.values()]
        meter[key] = None if lacking else _sum(found)
    return {key: value for key, value in meter.items() if value is not None or key == "instant_power"}


def _is_heard(meter: Any) -> bool:
    """Say whether a meter exists: one that was last read in year 1 is only listed."""
    return isinstance(meter, Mapping) and not str(meter.get("last_communication_time", "")).startswith(_NEVER)


def _behind_one_meter(values: _Values, grid: str) -> dict[str, Any]:
    """Take the grid from one member's meter; what is left of it and of all that produces is the home's.

    In the signs of the gateway, home = grid + solar + battery; the counters follow the same balance.
    """
    made = _meters(values)
    site = get_path(values.get(grid), "site")
    if not _is_heard(site):
        raise NoTotal(f"{grid} has no meter of the grid now")
    made["site"] = {key: site.get(key) for key in ("last_communication_time", *_ADDED) if key in site}
    load: dict[str, Any] = {"last_communication_time": _oldest(section for section in made.values())}
    sources = [made[name] for name in ("site", "solar", "battery") if name in made]
    load["instant_power"] = _sum([number(section.get("instant_power")) for section in sources])
    used = [_net(made["site"], "energy_imported", "energy_exported")]
    used += [_net(section, "energy_exported", "energy_imported") for section in sources[1:]]
    if (energy := _sum(used)) is not None:
        load["energy_imported"] = energy
    return {**made, "load": load}


def _net(section: Mapping[str, Any], plus: str, minus: str) -> float | None:
    gain, loss = number(section.get(plus)), number(section.get(minus))
    return None if gain is None or loss is None else gain - loss


def _sum(values: Sequence[float | None]) -> float | None:
    """Add values; None if there is none, or one of them is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _oldest(sections: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the oldest time of these, None if one of them is none."""
    stamps = [text(section.get("last_communication_time")) for section in sections]
    try:
        return min(
            (stamp for stamp in stamps if stamp),
            key=datetime.fromisoformat,
            default=None,
        )
    except (ValueError, TypeError):  # no time, or one without a zone
        return None


def _charge(values: _Values) -> dict[str, Any]:
    """Return what remains of all batteries in percent of what they hold: never a mean of percentages."""
    energies = _energies(values)
    for id_, (full, remaining) in energies.items():
        if full is None or remaining is None:
            raise NoTotal(f"{id_} does not report the energy of its batteries")
    full = sum(full or 0.0 for full, _ in energies.values())
    if full <= 0:
        raise NoTotal("the batteries report no capacity")
    return {"percentage": 100 * sum(remaining or 0.0 for _, remaining in energies.values()) / full}


def _energies(values: _Values) -> dict[str, tuple[float | None, float | None]]:
    full, remaining = _BATTERY_SUMS[:2]
    return {
        id_: (number(get_path(value, full)), number(get_path(value, remaining)))
        for id_, value in values.items()
    }


def _grid_status(values: _Values) -> dict[str, Any]:
    states = {id_: text(get_path(value, "grid_status")) for id_, value in values.items()}
    for id_, state in states.items():
        if state is None:
            raise NoTotal(f"{id_} does not report its grid")
    if len(set(states.values())) > 1:
        raise NoTotal(
            ", ".join(f"{id_} is {_SPOKEN.get(state or '', state)}" for id_, state in states.items())
        )
    services = [get_path(value, "grid_services_active") for value in values.values()]
    agreed = {"grid_services_active": services[0]} if _all_equal(services) else {}
    return {"grid_status": next(iter(states.values())), **agreed}


def _system_status(values: _Values) -> dict[str, Any]:
    """Add energies and limits of the batteries, and list the packs of all, gateway by gateway."""
    sums = {key: _sum([number(get_path(value, key)) for value in values.values()]) for key in _BATTERY_SUMS}
    lists = [get_path(value, "battery_blocks") for value in values.values()]
    blocks = [block for each in lists if isinstance(each, list) for block in each]
    whole = {"battery_blocks": blocks} if all(isinstance(each, list) for each in lists) else {}
    return {**{key: value for key, value in sums.items() if value is not None}, **whole}


def _operation(values: _Values) -> dict[str, Any]:
    """Return mode and reserve if all members agree."""
    agreed = {}
    for key in ("real_mode", "backup_reserve_percent"):
        found = [get_path(value, key) for value in values.values()]
        if found[0] is not None and _all_equal(found):
            agreed[key] = found[0]
    if not agreed:
        raise NoTotal("the members have different modes and reserves")
    return agreed


def _all_equal(values: Sequence[Any]) -> bool:
    return all(value == values[0] for value in values)


def _problems(values: _Values) -> dict[str, Any]:
    lists = [get_path(value, "problems") for value in values.values()]
    return {"problems": [problem for each in lists if isinstance(each, list) for problem in each]}


def _vitals(values: _Values) -> dict[str, Any]:
    """Merge the devices of all; their names contain serial numbers."""
    return {
        din: signals
        for value in values.values()
        if isinstance(value, Mapping)
        for din, signals in value.items()
    }


_RULES: Final[Mapping[Source, _Rule]] = {
    METERS: _meters,
    SOE: _charge,
    GRID_STATUS: _grid_status,
    SYSTEM_STATUS: _system_status,
    OPERATION: _operation,
    PROBLEMS: _problems,
    VITALS: _vitals,
}
# What a total has; its name is that of the settings.
SOURCES: Final[tuple[Source, ...]] = (*_RULES, SITE_NAME)
