"""Days and months of a time zone, in Unix time. A day has 23 or 25 hours when the clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

_ONE_DAY: Final = timedelta(days=1)
_A_MONTH_AT_MOST: Final = timedelta(days=31)


def day_of(at: float, zone: tzinfo) -> date:
    """Return the local day of a time."""
    return datetime.fromtimestamp(at, zone).date()


def start_of(day: date, zone: tzinfo) -> int:
    """Return when a local day begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def bounds(day: date, zone: tzinfo) -> tuple[int, int]:
    """Return when a local day begins and when the next one does."""
    return start_of(day, zone), start_of(day + _ONE_DAY, zone)


def days_between(begin: float, end: float, zone: tzinfo) -> Iterator[date]:
    """List the local days that have a part in the time from ``begin`` to ``end``."""
    day = day_of(begin, zone)
    while start_of(day, zone) < end:
        yield day
        day += _ONE_DAY


def month_of(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """Return the first day of the month after a day's."""
    return month_of(month_of(day) + _A_MONTH_AT_MOST)


def iso(at: float, zone: tzinfo) -> str:
    """Write a time as ISO 8601 with its offset: two of the hour that comes twice differ."""
    return datetime.fromtimestamp(at, zone).isoformat(timespec="seconds")
