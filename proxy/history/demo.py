"""The past of a simulated house: thirty days, in memory only, marked as simulated wherever they are shown.

A demo runs faster than the world, and so does the time of its history: it begins at the same hour of
today as the house, and passes as fast.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from proxy.core.clock import Clock
from proxy.history.days import bounds, day_of, start_of
from proxy.history.energies import DayBook, Reading
from proxy.history.folding import Row, row_of
from proxy.history.importing.past import Importer, PastSignal, scaled, with_flows
from proxy.history.incidents import Outage
from proxy.history.schema import HOUR, MINUTE
from proxy.history.settings import Past
from proxy.history.writing import Batch, put_rows, write
from proxy.sim.curves import Chance
from proxy.sim.plant import Plant
from proxy.sim.plant import Reading as House

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.history.recorder import Recorder

_DAYS: Final = 30
_STEP_S: Final = 300
_GAP_STEPS: Final = 6  # a demo reads less often, by its own time
_OUTAGE_DAYS_AGO: Final = 3
_OUTAGE_HOURS: Final = (20.0, 20.75)
_PACKS: Final = ("PW1", "PW2")
_COUNTERS: Final = {
    "solar_exported": "produced",
    "load_imported": "consumed",
    "battery_imported": "charged",
    "battery_exported": "discharged",
    "site_imported": "imported",
    "site_exported": "exported",
}


def demonstrate(settings: Settings, speed: float) -> Settings:
    """Give a demo its past."""
    return replace(settings, features=(*settings.features, Past(speed)))


async def simulate(recorder: Recorder, past: Past, is_closing: Callable[[], bool]) -> None:
    """Set the simulated time of a recorder and write the days before it; a stop does not wait for all of them."""
    clock, zone = recorder.clock, recorder.zone
    started, begin = clock.monotonic(), start_of(day_of(clock.wall(), zone), zone) + past.hour * HOUR.span_s
    recorder.clock = Clock(clock.monotonic, lambda: begin + (clock.monotonic() - started) * past.speed)
    recorder.interval_s = min(max(_STEP_S / past.speed, 1.0), recorder.interval_s)
    recorder.journal.longest_gap_s = _GAP_STEPS * _STEP_S
    recorder.is_simulated = True
    await recorder.archive.read(lambda db: write_past(db, zone, begin, is_closing))


def write_past(db: sqlite3.Connection, zone: tzinfo, now: float, is_closing: Callable[[], bool]) -> None:
    """Write the days before now, and today until now."""
    plant = Plant(chance=Chance(1, clouds=True, appliances=True, noise=True))
    plant.set_charge(60)
    today = day_of(now, zone)
    for ago in range(_DAYS, -1, -1):
        if is_closing():
            return
        day = today - timedelta(days=ago)
        first, after = bounds(day, zone)
        plant.hour, plant.seconds = 0.0, 0.0
        plant.outage_hours = _OUTAGE_HOURS if ago == _OUTAGE_DAYS_AGO else None
        rows, book, outage = [], DayBook(longest_gap_s=_STEP_S), None
        for at, house in _live(plant, first, min(after, int(now) + _STEP_S)):
            values = _values(house)
            rows.append(row_of(at, scaled(values)))
            counters = {name: getattr(house.counters, counter) for name, counter in _COUNTERS.items()}
            book.add(Reading(at, values, counters), zone)
            outage = _outage(outage, at, house)
        _write_day(db, rows, book, outage, zone)
    importer = Importer(db, zone)
    importer.add_signals(_signals(today, zone, now))
    importer.finish()


def _live(plant: Plant, begin: int, end: int) -> Iterator[tuple[int, House]]:
    for at in range(begin, end, _STEP_S):
        yield at, plant.read()
        plant.step(_STEP_S)


def _values(house: House) -> dict[str, float]:
    powers = {
        "solar_power": float(house.solar_w),
        "site_power": float(house.site_w),
        "battery_power": float(house.battery_w),
        "load_power": float(house.load_w),
    }
    is_up = house.grid_status == "SystemGridConnected"
    return {**with_flows(powers), "charge": house.percentage, "reserve": 24.0, "grid_up": float(is_up)}


def _outage(outage: Outage | None, at: int, house: House) -> Outage | None:
    if house.grid_status == "SystemGridConnected":
        return (
            outage if outage is None or outage.end else replace(outage, end=at, charge_end=house.percentage)
        )
    begun = outage or Outage("outage", at, at, charge_start=house.percentage, charge_min=100.0, load_max=0.0)
    return replace(
        begun,
        seen=at,
        charge_min=min(begun.charge_min or 0.0, house.percentage),
        load_max=max(begun.load_max or 0.0, house.load_w),
    )


def _write_day(
    db: sqlite3.Connection, rows: list[Row], book: DayBook, outage: Outage | None, zone: tzinfo
) -> None:
    with db:
        put_rows(db, MINUTE, rows, _STEP_S // MINUTE.span_s)
    write(db, Batch(days=dict(book.days), outages=[outage] if outage else []), zone)


def _signals(today: date, zone: tzinfo, now: float) -> Iterator[PastSignal]:
    """Make temperatures that follow the day, and packs that age a little."""
    first = start_of(today - timedelta(days=_DAYS), zone)
    for at in range(first, int(now), HOUR.span_s):
        days = (at - first) / 86_400
        for number, pack in enumerate(_PACKS):
            warmth = 22 + 4 * math.sin(2 * math.pi * (days - 0.35)) + number
            yield PastSignal(at, pack, "temperature", round(10 * warmth))
            yield PastSignal(at, pack, "energy_capacity", round(14_300 - 90 * number - 1.5 * days))
