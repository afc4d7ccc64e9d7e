"""The past of several gateways together: whole, or absent, never a part that looks whole. Pure.

A step in which one of them has no reading has no total, and a quantity that one does not know has none either. What
a gateway has not by nature (no battery, no solar power: nothing of it in the whole span) counts as nothing. A
charge is what remains of what there is, never a mean of percentages. ``grid`` is the member whose meter sees
the whole property, "" if the meters of all are added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from proxy.history.columns import BY_NAME, Column
from proxy.history.energies import FLOWS, NAMES, DayTotals
from proxy.history.reading import Series

Value: TypeAlias = float | None
Values: TypeAlias = Sequence[Value]

_DAY_S: Final = 86_400.0
_FULL: Final = 100.0
# What only a gateway with a battery has; whether it has one shows in its power.
_OF_BATTERIES: Final = frozenset({"charge", "reserve", "energy_remaining", "energy_capacity"})
_AGREED: Final = frozenset({"reserve", "grid_up"})
# Meters that a gateway may lack.
_OPTIONAL: Final = ("battery", "solar", "generator")
# In the signs of the gateway, what the home used is the sum of these; so it is with counters.
_SOURCES: Final = ("site_power", "solar_power", "battery_power")
_BALANCE: Final[Mapping[str, int]] = {
    "grid_in": 1,
    "grid_out": -1,
    "solar": 1,
    "battery_out": 1,
    "battery_in": -1,
}


@dataclass(frozen=True, slots=True)
class Part:
    """The series of one gateway, in steps that are those of all, and whether it may have a battery."""

    series: Series
    has_battery: bool = True


def needed(columns: Iterable[Column], grid: str) -> tuple[Column, ...]:
    """Return what has to be read of every member for the totals of these columns."""
    names = [column.name for column in columns]
    names += ["load_power", "battery_power"]
    names += [*_OF_BATTERIES] if "charge" in names else []
    names += [*_SOURCES] if grid else []
    return tuple(BY_NAME[name] for name in dict.fromkeys(names))


# -- series ----------------------------------------------------------------------------------------


def series(parts: Mapping[str, Part], columns: Sequence[Column], grid: str = "") -> Series:
    """Add series up, step by step. Of several members neither the least nor the most of a step is known."""
    step_s = max((part.series.step_s for part in parts.values()), default=0)
    if not columns:
        return Series(step_s, (), {})
    if len(parts) == 1:
        return next(iter(parts.values())).series
    common = set.intersection(*(set(part.series.at) for part in parts.values())) if parts else set()
    at = sorted(common)
    table = _Table(
        len(at),
        {id_: _aligned(part.series, at) for id_, part in parts.items()},
        {id_: _known(part) for id_, part in parts.items()},
        grid,
    )
    values: dict[str, Values] = {}
    for column in columns:
        values[column.name] = table.column(column.name)
        values |= dict.fromkeys(column.parts[1:], [None] * len(at))
    return Series(step_s, at, values)


def of_all(parts: Mapping[str, Part], columns: Sequence[Column], grids: Mapping[str, str]) -> Series:
    """Add the series of gateways up; ``grids`` are by gateway, and those behind one meter of the grid have it once."""
    whole = {id_: part for id_, part in parts.items() if not grids[id_]}
    for grid in dict.fromkeys(grids[id_] for id_ in parts if grids[id_]):
        behind = {id_: part for id_, part in parts.items() if grids[id_] == grid}
        whole[grid] = Part(series(behind, needed(columns, grid), grid))
    return series(whole, columns)


def _aligned(found: Series, at: Sequence[int]) -> dict[str, Values]:
    """Return the rows of these times."""
    row = {moment: number for number, moment in enumerate(found.at)}
    chosen = [row[moment] for moment in at]
    return {name: [values[number] for number in chosen] for name, values in found.values.items()}


def _known(part: Part) -> frozenset[str]:
    """Name what a gateway has: what it reported at all in the span."""
    lacking = set() if part.has_battery else {"battery_power"}
    values = part.series.values.items()
    return frozenset(name for name, found in values if any(value is not None for value in found)) - lacking


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows that all members have: their number, the values of each member, and what each has at all."""

    length: int
    rows: Mapping[str, Mapping[str, Values]]
    known: Mapping[str, frozenset[str]]
    grid: str

    def column(self, name: str) -> Values:
        """Make the total of one quantity."""
        if name == "charge":
            return self._charge()
        meter = name.partition("_")[0]
        if self.grid and meter == "site":
            return self.rows[self.grid][name]
        if self.grid and name == "load_power":
            there = [part for part in _SOURCES if any(part in known for known in self.known.values())]
            return self._each(_sum, [self.column(part) for part in there])
        if self.grid and meter in {"load", "flow"}:
            return [None] * self.length
        return self._each(_agreed if name in _AGREED else _sum, [each[name] for each in self._having(name)])

    def _having(self, name: str) -> list[Mapping[str, Values]]:
        """Return the members that have a quantity by nature."""
        shown = "battery_power" if name in _OF_BATTERIES else name
        is_optional = shown.partition("_")[0] in _OPTIONAL
        return [each for id_, each in self.rows.items() if not is_optional or shown in self.known[id_]]

    def _charge(self) -> Values:
        """Return what remains in percent of what there is; that of the only battery as it was reported."""
        owners = self._having("charge")
        if len(owners) == 1:
            return owners[0]["charge"]
        left = self._each(_sum, [owner["energy_remaining"] for owner in owners])
        full = self._each(_sum, [owner["energy_capacity"] for owner in owners])
        return [
            _FULL * part / whole if part is not None and whole else None
            for part, whole in zip(left, full, strict=True)
        ]

    def _each(self, rule: Callable[[Values], Value], columns: Sequence[Values]) -> Values:
        return [rule(row) for row in zip(*columns, strict=True)] if columns else [None] * self.length


def _sum(row: Values) -> Value:
    known = [value for value in row if value is not None]
    return sum(known) if known and len(known) == len(row) else None


def _agreed(row: Values) -> Value:
    return row[0] if all(value == row[0] for value in row) else None


# -- days ------------------------------------------------------------------------------------------


def days(members: Mapping[str, Sequence[DayTotals]], grid: str = "") -> Iterator[DayTotals]:
    """Add the energies of days up; a day of which one member has nothing has no energies, and is all gap."""
    by_day = {id_: {totals.day: totals for totals in known} for id_, known in members.items()}
    having = {name: _having(name, members) for name in NAMES}
    for each in sorted({each for totals in by_day.values() for each in totals}):
        yield _day(each, {id_: totals.get(each) for id_, totals in by_day.items()}, having, grid)


def _having(name: str, members: Mapping[str, Sequence[DayTotals]]) -> set[str]:
    """Name the members that have an energy by nature."""
    if name.partition("_")[0] not in _OPTIONAL:
        return set(members)
    return {id_ for id_, known in members.items() if any(name in totals.total for totals in known)}


def _day(
    at: date, members: Mapping[str, DayTotals | None], having: Mapping[str, set[str]], grid: str
) -> DayTotals:
    known = {id_: totals for id_, totals in members.items() if totals is not None}
    if len(known) < len(members):
        return DayTotals(at, gap_s=_DAY_S)
    made = DayTotals(at, gap_s=min(sum(totals.gap_s for totals in known.values()), _DAY_S))
    for name in NAMES:
        counting = [known[grid]] if grid and name.startswith("grid") else [known[id_] for id_ in having[name]]
        _put(
            made,
            name,
            [totals.total.get(name) for totals in counting],
            [totals.integrated.get(name) for totals in counting],
        )
    if grid:
        _balance(made, [name for name in _BALANCE if having[name]])
        return made
    for flow in FLOWS:
        if (wh := _sum([totals.flows.get(flow) for totals in known.values()])) is not None:
            made.flows[flow] = wh
    return made


def _put(made: DayTotals, name: str, total: Values, integrated: Values) -> None:
    if (wh := _sum(total)) is not None:
        made.total[name] = wh
        if part := sum(value or 0.0 for value in integrated):
            made.integrated[name] = part


def _balance(made: DayTotals, names: Sequence[str]) -> None:
    """Replace the energy of the home by what is left of the grid and of all that produces."""
    made.total.pop("home", None)
    made.integrated.pop("home", None)
    if not made.total.keys() >= set(names):
        return
    home = made.total["home"] = max(sum(_BALANCE[name] * made.total[name] for name in names), 0.0)
    if part := sum(made.integrated.get(name, 0.0) for name in names):
        made.integrated["home"] = min(part, home)
