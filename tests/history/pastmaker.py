"""A past that is written straight into a history: a day of a house with sun, battery and an outage."""

from __future__ import annotations

from proxy.history.columns import COLUMNS
from proxy.history.database import Database
from proxy.history.days import bounds, day_of
from proxy.history.energies import DayBook, Reading
from proxy.history.folding import row_of
from proxy.history.importing.past import with_flows
from proxy.history.incidents import Outage
from proxy.history.signals import Signal
from proxy.history.writing import Batch, write


def powers(hour: float) -> dict[str, float]:
    """1 kW at home; 4 kW of sun from 8 to 16; what is over charges until noon, then is sold; the battery until 4, then the grid."""
    solar = 4000.0 if 8 <= hour < 16 else 0.0
    battery = -3000.0 if 8 <= hour < 12 else 1000.0 if hour < 4 or hour >= 16 else 0.0
    return {
        "solar_power": solar,
        "load_power": 1000.0,
        "battery_power": battery,
        "site_power": 1000.0 - solar - battery,
        "charge": 40.0,
        "reserve": 20.0,
    }


def make_days(path, days, zone, *, until: float, gap=()) -> None:
    """Write whole days into the file, up to a time; between the hours of ``gap`` nothing was read."""
    database = Database(path)
    for day in days:
        first, after = bounds(day, zone)
        rows, book = [], DayBook()
        for at in range(first, min(after, int(until)), 60):
            hour = (at - first) / 3600
            if gap and gap[0] <= hour < gap[1]:
                continue
            values = with_flows(powers(hour))
            scaled = {
                part: round(values[column.name] * column.scale)
                for column in COLUMNS
                if column.name in values
                for part in column.parts
            }
            rows.append(row_of(at, scaled))
            book.add(Reading(at, values, {}), zone)
        batch = Batch(rows=rows, days={each: totals for each, totals in book.days.items() if each == day})
        if gap:
            start = first + gap[1] * 3600
            batch.outages.append(
                Outage("outage", start, start + 1800, start + 1800, 45.0, 41.0, 40.0, 1000.0)
            )
        database.use(lambda db, batch=batch: write(db, batch, zone))
    assert all(day_of(bounds(day, zone)[0], zone) == day for day in days)
    database.close()


def make_devices(path, zone, *, at) -> None:
    """Write ten minutes of two strings and two packs: what each reported at a time, and five minutes later."""
    signals = [
        (at + 300 * turn, signal)
        for turn in range(2)
        for signal in (
            Signal("A", "string_power", 1500 + turn),
            Signal("B", "string_power", 2500 + turn),
            Signal("PW1", "temperature", 251 + turn),
            Signal("PW1", "energy_capacity", 14_300),
            Signal("PW2", "energy_capacity", 13_900),
        )
    ]
    database = Database(path)
    database.use(lambda db: write(db, Batch(signals=signals), zone))
    database.close()
