"""Energies of a day in Wh: what the gateway's counters say, and integrated power where there are none.

Pure. Between two readings a counter's difference is counted however long the pause was; without
counters, powers that are at most ``longest_gap_s`` apart are joined by a straight line, and nothing is
counted over a longer pause. What was counted and what was integrated are kept apart, so that a
day can say how it came about. How the sources fed the house is known from powers only.

What lies on both sides of midnight is shared out by time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Any, Final

from proxy.history.days import bounds, day_of, days_between
from proxy.history.numbers import kept
from proxy.views.quantities import BY_NAME, EDGES
from proxy.views.state import SiteState

LONGEST_GAP_S: Final = 300.0
_BY_PROXY: Final = "integrated"
_HOUR_S: Final = 3600.0
# More than a house can take or give: such a step of a counter is a new meter, not energy.
_MOST_W: Final = 250_000.0


@dataclass(frozen=True, slots=True)
class Energy:
    """One energy of a day: the counter that has it, and the part of a power that makes it (1 above zero, -1 below)."""

    name: str
    counter: str
    power: str
    sign: int


ENERGIES: Final[tuple[Energy, ...]] = (
    Energy("solar", "solar_exported", "solar_power", 1),
    Energy("home", "load_imported", "load_power", 1),
    Energy("battery_in", "battery_imported", "battery_power", -1),
    Energy("battery_out", "battery_exported", "battery_power", 1),
    Energy("grid_in", "site_imported", "site_power", 1),
    Energy("grid_out", "site_exported", "site_power", -1),
    Energy("generator", "generator_exported", "generator_power", 1),
)
NAMES: Final = tuple(energy.name for energy in ENERGIES)
FLOWS: Final = tuple(f"flow_{edge}" for edge in EDGES)


@dataclass(frozen=True, slots=True)
class Reading:
    """Powers (W) and counters (Wh) at a time (Unix s), by the names of their quantities; only what is known."""

    at: float
    powers: Mapping[str, float]
    counters: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """Write it down for the next start, when only the counters go on."""
        return {"at": self.at, "counters": dict(self.counters)}

    @classmethod
    def of_json(cls, written: Mapping[str, Any]) -> Reading:
        """Read what was written."""
        return cls(float(written["at"]), {}, {key: float(wh) for key, wh in written["counters"].items()})


def reading_of(at: float, state: SiteState) -> Reading:
    """Extract from a state what energies are computed from, without counters that this proxy integrates."""
    has_counters = state.energy_origin != _BY_PROXY
    powers = {name: value for name in (*_POWERS, *FLOWS) if (value := _number(name, state)) is not None}
    counters = {
        energy.counter: value
        for energy in ENERGIES
        if has_counters and (value := _number(energy.counter, state)) is not None
    }
    return Reading(at, powers, counters)


_POWERS: Final = tuple(dict.fromkeys(energy.power for energy in ENERGIES))


def _number(name: str, state: SiteState) -> float | None:
    value = kept(BY_NAME[name].read(state))
    return None if value is None else float(value)


@dataclass(slots=True)
class DayTotals:
    """One day so far, in Wh by name. ``integrated`` is the part of ``total`` that no counter said.

    ``gap_s``: how long nothing was read, and no counter bridged it.
    """

    day: date
    total: dict[str, float] = field(default_factory=dict)
    integrated: dict[str, float] = field(default_factory=dict)
    flows: dict[str, float] = field(default_factory=dict)
    gap_s: float = 0.0

    def copy(self) -> DayTotals:
        """Return it as it is at this moment."""
        return DayTotals(self.day, dict(self.total), dict(self.integrated), dict(self.flows), self.gap_s)

    def count(self, name: str, wh: float, *, is_integrated: bool) -> None:
        """Add energy."""
        self.total[name] = self.total.get(name, 0.0) + wh
        if is_integrated:
            self.integrated[name] = self.integrated.get(name, 0.0) + wh


@dataclass(slots=True)
class DayBook:
    """Adds readings up, day by day. ``last`` is the reading before, of this run or of the one before.

    Nothing is added to ``closed`` and the days before it: their energies are known from elsewhere.
    """

    last: Reading | None = None
    longest_gap_s: float = LONGEST_GAP_S
    days: dict[date, DayTotals] = field(default_factory=dict)
    closed: date = date.min

    def add(self, now: Reading, zone: tzinfo) -> None:
        """Add a reading and the events since the last one; older readings are ignored."""
        before = self.last
        if before is None:
            self.last = now
            return
        span = now.at - before.at
        if span <= 0:
            self.last = now if span < -self.longest_gap_s else before  # the clock was set back: begin again
            return
        self.last = now
        counted = dict(_counted(before, now))
        integrates = span <= self.longest_gap_s
        powers = dict(_integrated(before, now)) if integrates else {}
        for day, share in _shares(before.at, now.at, zone):
            if day <= self.closed:
                continue
            totals = self.days.setdefault(day, DayTotals(day))
            for name in NAMES:
                wh = counted.get(name, powers.get(name))
                if wh is not None:
                    totals.count(name, wh * share, is_integrated=name not in counted)
            for flow in FLOWS:
                if flow in powers:
                    totals.flows[flow] = totals.flows.get(flow, 0.0) + powers[flow] * share
            totals.gap_s += 0.0 if integrates or counted else span * share

    def snapshot(self) -> dict[date, DayTotals]:
        """Return the days that the last reading has a part in, or has changed, as they are at this moment.

        The thread of the archives calls this, too: a day may begin meanwhile.
        """
        return {day: totals.copy() for day, totals in [*self.days.items()]}

    def close_until(self, day: date) -> None:
        """Add nothing more to a day and those before it."""
        self.closed = max(self.closed, day)
        self.days = {each: totals for each, totals in self.days.items() if each > day}

    def close_days(self, zone: tzinfo) -> None:
        """Forget the days before that of the last reading: they are complete."""
        if self.last is not None:
            day = day_of(self.last.at, zone)
            self.days = {each: totals for each, totals in self.days.items() if each >= day}


def _counted(before: Reading, now: Reading) -> Iterator[tuple[str, float]]:
    """Give what counters went up by; one that fell, or leapt, is another meter and says nothing here."""
    most = (now.at - before.at) / _HOUR_S * _MOST_W
    for energy in ENERGIES:
        if energy.counter in before.counters and energy.counter in now.counters:
            wh = now.counters[energy.counter] - before.counters[energy.counter]
            if 0 <= wh <= most:
                yield energy.name, wh


def _integrated(before: Reading, now: Reading) -> Iterator[tuple[str, float]]:
    hours = (now.at - before.at) / _HOUR_S
    for energy in ENERGIES:
        if energy.power in before.powers and energy.power in now.powers:
            yield (
                energy.name,
                _area(
                    before.powers[energy.power] * energy.sign, now.powers[energy.power] * energy.sign, hours
                ),
            )
    for flow in FLOWS:
        if flow in before.powers and flow in now.powers:
            yield flow, _area(before.powers[flow], now.powers[flow], hours)


def _area(first: float, last: float, hours: float) -> float:
    """Give the area above zero of the straight line between two powers."""
    if first * last >= 0:
        return max((first + last) / 2 * hours, 0.0)
    positive = max(first, last)
    return positive / 2 * hours * positive / (abs(first) + abs(last))


def _shares(begin: float, end: float, zone: tzinfo) -> Iterator[tuple[date, float]]:
    """Share out a span of time over its local days."""
    for day in days_between(begin, end, zone):
        first, after = bounds(day, zone)
        share = (min(end, after) - max(begin, first)) / (end - begin)
        if share > 0:
            yield day, share


def basis(total: Mapping[str, float], integrated: Mapping[str, float]) -> str:
    """Say what a day's energies come from: ``counters``, ``power``, or ``both``."""
    if not any(integrated.values()):
        return "counters"
    return "power" if all(integrated.get(name, 0.0) >= wh for name, wh in total.items()) else "both"
