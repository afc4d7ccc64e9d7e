"""A month's requests that last the month.

A provider that counts requests (Tesla's Fleet API bills each, and cuts an account off at its limit
until the first of the next month) is read less often the faster its requests are used up: intervals
are stretched so that what is left lasts to the end of the month. A part is held back for commands.
Restarts and retries cannot spend the month in an hour either: a day may use half as much again as
its share of what is left.

Pure functions of wall-clock seconds; months and days are those of UTC. A clock that is behind the
month of the last request (a board without a battery, before it knows the time) gives nothing back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from proxy.core.json_access import number

DAY_S = 86400.0
# How much of its share of the month a single day may use.
_DAY_SHARE = 1.5
# Of the month's requests so many are held back for commands, at most this number.
_HELD_BACK = 0.05
_MOST_HELD_BACK = 100

# List prices of the Fleet API: 500 data requests or 1,000 commands for a dollar.
_USD_PER_READ = 1 / 500
_USD_PER_COMMAND = 1 / 1000


@dataclass(frozen=True, slots=True)
class Spending:
    """Requests sent since a month (``2026-11``) and a day (``2026-11-29``) began."""

    day: str = ""
    reads: int = 0
    commands: int = 0
    reads_today: int = 0

    @property
    def month(self) -> str:
        """The month of the day."""
        return self.day[:7]

    def at(self, now: float) -> Spending:
        """Begin a new day or month if one has begun; a day that is over does not come back."""
        day = _day(now)
        if day <= self.day:
            return self
        if day[:7] == self.month:
            return replace(self, day=day, reads_today=0)
        return Spending(day)

    def plus(self, *, reads: int = 0, commands: int = 0) -> Spending:
        """Count requests."""
        return Spending(self.day, self.reads + reads, self.commands + commands, self.reads_today + reads)

    def without(self, *, reads: int = 0, commands: int = 0) -> Spending:
        """Uncount requests that were not sent."""
        counts = (self.reads - reads, self.commands - commands, self.reads_today - reads)
        return Spending(self.day, *(max(count, 0) for count in counts))

    def cost_usd(self) -> float:
        """Say what these requests cost at the list prices of the Fleet API, before any discount."""
        return self.reads * _USD_PER_READ + self.commands * _USD_PER_COMMAND

    def document(self) -> dict[str, Any]:
        """Write the counts down."""
        return {
            "day": self.day,
            "reads": self.reads,
            "commands": self.commands,
            "reads_today": self.reads_today,
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Spending:
        """Read counts that were written down; what is damaged counts as nothing."""
        day = document.get("day")
        try:
            begun = _midnight(day if isinstance(day, str) else "")
        except ValueError:
            return cls()
        counts = [
            max(int(number(document.get(name)) or 0), 0) for name in ("reads", "commands", "reads_today")
        ]
        return cls(f"{begun:%Y-%m-%d}", *counts)


@dataclass(frozen=True, slots=True)
class Budget:
    """The rule: at most ``monthly`` requests in a calendar month; None is no limit.

    ``attended``: the operator waits for these requests. They may be the last of the month, whatever the day's share is.
    """

    monthly: int | None = None
    attended: bool = False

    @property
    def held_back(self) -> int:
        """How many of the month's requests only commands may use."""
        return min(math.ceil((self.monthly or 0) * _HELD_BACK), _MOST_HELD_BACK)

    def admits(self, spending: Spending, now: float, *, command: bool = False) -> bool:
        """Say whether one more request may be sent."""
        if self.monthly is None:
            return True
        spent = spending.at(now)
        if command or self.attended:
            return spent.reads + spent.commands < self.monthly
        return (self.left_today(spent, now) or 0) > 0

    def stretch(self, spending: Spending, now: float, planned_per_s: float) -> float:
        """Say by how much intervals must be longer than planned so that the requests last; 1 is as planned.

        ``planned_per_s`` is the sum of the requests that the planned intervals make in a second.
        Infinite when nothing is left: ``wait_s`` then says until when.
        """
        if self.monthly is None or self.attended or planned_per_s <= 0:
            return 1.0
        spent = spending.at(now)
        month_s, day_s = _left_s(spent, now)
        permitted = min(self._left(spent) / month_s, self._left_today(spent) / day_s)
        return max(planned_per_s / permitted, 1.0) if permitted > 0 else math.inf

    def wait_s(self, spending: Spending, now: float) -> float:
        """Seconds until a read is admitted again: 0, until midnight, or until the end of the month."""
        if self.admits(spending, now):
            return 0.0
        spent = spending.at(now)
        month_s, day_s = _left_s(spent, now)
        return day_s if self._left(spent) > 0 else month_s

    def planned(self, now: float) -> Spending:
        """Say what would be spent by now at an even pace."""
        today = Spending(_day(now))
        month_s, _ = _left_s(today, now)
        begun = _midnight(today.day).replace(day=1)
        share = 1 - month_s / (_next_month(begun) - begun).total_seconds()
        return today.plus(reads=math.ceil(((self.monthly or 0) - self.held_back) * share))

    def left(self, spending: Spending, now: float) -> int | None:
        """Count the requests that reads may still use this month; None without a limit."""
        return None if self.monthly is None else self._left(spending.at(now))

    def left_today(self, spending: Spending, now: float) -> int | None:
        """Count the requests that reads may still use until midnight; None without a limit."""
        if self.monthly is None:
            return None
        spent = spending.at(now)
        return min(self._left(spent), self._left_today(spent))

    def _left(self, spent: Spending) -> int:
        over = max(spent.commands - self.held_back, 0)
        return max((self.monthly or 0) - self.held_back - spent.reads - over, 0)

    def _left_today(self, spent: Spending) -> int:
        at_midnight = self._left(replace(spent, reads=spent.reads - spent.reads_today))
        start = _midnight(spent.day)
        days = max((_next_month(start) - start).days, 1)
        share = math.ceil(at_midnight / days * _DAY_SHARE)
        return max(min(share, at_midnight) - spent.reads_today, 0)


def _day(now: float) -> str:
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"


@lru_cache(maxsize=8)
def _midnight(day: str) -> datetime:
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)


def _next_month(moment: datetime) -> datetime:
    return (moment.replace(day=1) + timedelta(days=32)).replace(day=1)


def _left_s(spent: Spending, now: float) -> tuple[float, float]:
    """Seconds left of the month and of the day of a spending; whole ones while the clock is behind it."""
    start = _midnight(spent.day)
    passed = max(now - start.timestamp(), 0.0)
    month_s = (_next_month(start) - start).total_seconds()
    return max(month_s - passed, 1.0), max(DAY_S - passed, 1.0)
