"""What a house gave and took in any interval of its past: the source of ``calendar_history``.

The energies of a simulated house are only known at the moments at which they were sampled;
between two samples they grow evenly, before the first one since the installation.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from proxy.sim.plant import Counters

FIVE_MINUTES = timedelta(minutes=5)
_KEEP = 4000


@dataclass(slots=True)
class History:
    """Samples of the counters by wall-clock seconds, oldest first."""

    installed_at: float
    _times: list[float] = field(default_factory=list)
    _samples: list[Counters] = field(default_factory=list)

    def sample(self, now: float, counters: Counters) -> None:
        """Note the counters of this moment."""
        if not self._times or now > self._times[-1]:
            self._times.append(now)
            self._samples.append(counters)
        if len(self._times) > _KEEP:
            del self._times[1::2], self._samples[1::2]

    def between(self, start: float, end: float) -> Counters:
        """Give the energies (Wh) of an interval."""
        first, last = asdict(self._at(start)), asdict(self._at(end))
        return Counters(**{name: last[name] - first[name] for name in first})

    def _at(self, moment: float) -> Counters:
        if moment >= self._times[-1]:
            return self._samples[-1]
        place = bisect_right(self._times, moment)
        if place:
            start, before = self._times[place - 1], self._samples[place - 1]
        else:
            start, before = self.installed_at, Counters(*(0.0,) * 7)
        end, after = self._times[place], self._samples[place]
        share = max(moment - start, 0.0) / (end - start)
        known, later = asdict(before), asdict(after)
        return Counters(**{name: known[name] + (later[name] - known[name]) * share for name in known})


def intervals(period: str, end: datetime, installed: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut a period that ends at the end of a day into intervals as the cloud does; the zone is the site's.

    Five minutes in a day, days in a week and a month, months in a year, years in a lifetime.
    """
    midnight = end.replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case "day":
            start, step = midnight, FIVE_MINUTES
        case "week":
            start, step = midnight - timedelta(days=6), timedelta(days=1)
        case "month":
            start, step = midnight.replace(day=1), timedelta(days=1)
        case "year":
            yield from _calendar(
                [midnight.replace(month=month, day=1) for month in range(1, end.month + 1)], end
            )
            return
        case _:
            first = installed.year
            yield from _calendar(
                [midnight.replace(year=year, month=1, day=1) for year in range(first, end.year + 1)], end
            )
            return
    while start < end:
        # Five minutes are those of a clock that is never changed; days are the calendar's.
        after = (
            (start.astimezone(UTC) + step).astimezone(end.tzinfo) if step is FIVE_MINUTES else start + step
        )
        yield start, after
        start = after


def _calendar(starts: list[datetime], end: datetime) -> Iterator[tuple[datetime, datetime]]:
    yield from zip(starts, [*starts[1:], end], strict=True)


def energy_entry(start: datetime, used: Counters) -> dict[str, Any]:
    """Split the energies of an interval by where they came from and went to; sums are those of the meters.

    The sun serves the grid first, then the battery, then the house; what the battery took beyond
    that came from the grid, and what the grid got beyond the sun's came from the battery.
    """
    sold_solar = min(used.exported, used.produced)
    sold_battery = used.exported - sold_solar
    stored_solar = min(used.charged, used.produced - sold_solar)
    stored_grid = used.charged - stored_solar
    home_solar = used.produced - sold_solar - stored_solar
    home_battery = max(used.discharged - sold_battery, 0.0)
    return {
        "timestamp": start.isoformat(),
        "solar_energy_exported": used.produced,
        "generator_energy_exported": used.generated,
        "grid_energy_imported": used.imported,
        "grid_services_energy_imported": 0,
        "grid_services_energy_exported": 0,
        "grid_energy_exported_from_solar": sold_solar,
        "grid_energy_exported_from_generator": 0,
        "grid_energy_exported_from_battery": sold_battery,
        "battery_energy_exported": used.discharged,
        "battery_energy_imported_from_grid": stored_grid,
        "battery_energy_imported_from_solar": stored_solar,
        "battery_energy_imported_from_generator": 0,
        "consumer_energy_imported_from_grid": used.consumed - home_solar - home_battery,
        "consumer_energy_imported_from_solar": home_solar,
        "consumer_energy_imported_from_battery": home_battery,
        "consumer_energy_imported_from_generator": 0,
    }
