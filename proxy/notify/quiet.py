"""Quiet hours in the time zone of a site. A day has 23 or 25 hours when the clocks change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

_FORM: Final = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Quiet:
    """From ``begin`` to ``end`` of local time, over midnight if ``begin`` is the later one."""

    begin: time
    end: time

    def until(self, at: float, zone: tzinfo) -> float:
        """Return when a message of this Unix time may be sent: at once, or at the end of the quiet hours that it is in."""
        today = datetime.fromtimestamp(at, zone).date()
        for day in (today - timedelta(days=1), today):
            begin = min(_moments(day, self.begin, zone))
            over_midnight = self.begin > self.end
            end = max(_moments(day + timedelta(days=over_midnight), self.end, zone))
            if begin <= at < end:
                return end
        return at

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


def parse(text: str) -> Quiet | None:
    """Read ``22:00-07:00``; nothing: no quiet hours. Raises ValueError."""
    if not text.strip():
        return None
    found = _FORM.fullmatch(text.strip())
    try:
        hours = [int(part) for part in found.groups()] if found else []
        quiet = Quiet(time(hours[0], hours[1]), time(hours[2], hours[3]))
    except (IndexError, ValueError):
        quiet = None
    if quiet is None or quiet.begin == quiet.end:
        raise ValueError("two times of day, such as 22:00-07:00")
    return quiet


def _moments(day: date, at: time, zone: tzinfo) -> tuple[float, float]:
    """Return the Unix times of a local time, which differ if the clock shows it twice or skips it."""
    local = datetime.combine(day, at, zone)
    return local.timestamp(), local.replace(fold=1).timestamp()
