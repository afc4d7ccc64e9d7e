"""Energies of days: from counters, else from powers; and days as they are in the site's time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from proxy.core.zones import zone_of
from proxy.history.days import bounds, days_between, next_month
from proxy.history.energies import DayBook, Reading, basis

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 6, 1, 12, tzinfo=BERLIN).timestamp()


def reading(at, *, counter=None, **powers):
    named = {f"{name}_power": watts for name, watts in powers.items()}
    return Reading(at, named, {} if counter is None else {"solar_exported": counter})


def book_of(*readings, zone=BERLIN):
    book = DayBook()
    for each in readings:
        book.add(each, zone)
    return book


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)]
)
def test_a_day_has_as_many_hours_as_its_clock(day, hours):
    first, after = bounds(day, BERLIN)

    assert after - first == hours * 3600
    assert list(days_between(first, after, BERLIN)) == [day]


def test_days_follow_each_other_without_a_gap_all_year_in_any_zone():
    """Also where clocks change at midnight (Beirut), by half an hour (Lord Howe), or a day was left out (Apia)."""
    for name in (
        "Europe/Berlin",
        "America/Los_Angeles",
        "Asia/Beirut",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
    ):
        zone, day = zone_of(name), date(2026, 1, 1)
        while day.year == 2026:
            assert bounds(day, zone)[1] == bounds(day + timedelta(days=1), zone)[0]
            day += timedelta(days=1)


def test_an_unknown_zone_is_utc():
    assert zone_of("Mars/Olympus") == zone_of("UTC")
    assert zone_of("../etc") == zone_of("UTC")


def test_the_month_after_december_is_january():
    assert next_month(date(2026, 12, 31)) == date(2027, 1, 1)
    assert next_month(date(2026, 1, 31)) == date(2026, 2, 1)


def test_what_the_counter_says_counts_however_long_the_pause():
    """Three hours without readings: the counter knows what the sun did; nothing of it is integrated, and it is no gap."""
    book = book_of(reading(NOON, counter=1000.0, solar=0), reading(NOON + 3 * 3600, counter=7000.0, solar=0))

    (day,) = book.days.values()
    assert day.total["solar"] == 6000
    assert basis(day.total, day.integrated) == "counters"
    assert day.gap_s == 0


def test_without_counters_powers_are_integrated_and_marked():
    """The straight line between 1 and 3 kW over a minute; what the battery takes is not what it gives."""
    book = book_of(reading(NOON, solar=1000, battery=-600), reading(NOON + 60, solar=3000, battery=600))

    (day,) = book.days.values()
    assert day.total["solar"] == pytest.approx(2000 / 60)
    assert day.total["battery_in"] == day.total["battery_out"] == pytest.approx(300 / 60 / 2)
    assert basis(day.total, day.integrated) == "power"


def test_nothing_is_integrated_over_a_long_pause():
    book = book_of(
        reading(NOON, solar=1000), reading(NOON + 301, solar=1000), reading(NOON + 361, solar=1000)
    )

    (day,) = book.days.values()
    assert day.total["solar"] == pytest.approx(1000 / 60)
    assert day.gap_s == 301


@pytest.mark.parametrize("counter", [0.0, 50.0, 10_000_000.0])
def test_a_counter_that_falls_or_leaps_is_another_meter(counter):
    """Then the power is integrated for once, and the day says that both had a part."""
    book = book_of(
        reading(NOON, counter=1000.0, solar=600),
        reading(NOON + 60, counter=1010.0, solar=600),
        reading(NOON + 120, counter=counter, solar=600),
    )

    (day,) = book.days.values()
    assert day.total["solar"] == pytest.approx(20)
    assert basis(day.total, day.integrated) == "both"


def test_midnight_shares_out_what_was_counted_across_it():
    midnight = datetime(2026, 6, 2, tzinfo=BERLIN).timestamp()
    book = book_of(reading(midnight - 3600, counter=0.0), reading(midnight + 10800, counter=4000.0))

    assert {day.isoformat(): totals.total["solar"] for day, totals in book.days.items()} == {
        "2026-06-01": 1000.0,
        "2026-06-02": 3000.0,
    }


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_of_changing_clocks_has_the_energy_of_its_hours(day, hours):
    """A house that uses 1 kW all the time uses 23 kWh on the day that loses an hour."""
    first, after = bounds(day, BERLIN)
    book = DayBook()
    for at in range(first, after + 1, 300):
        book.add(reading(at, load=1000), BERLIN)

    assert book.days[day].total["home"] == pytest.approx(hours * 1000)
    assert list(book.days) == [day]


def test_a_clock_that_is_set_back_begins_again():
    """A minute back is noise and passed over; a year back is another time, from which readings go on."""
    year = 365 * 86400
    book = book_of(
        reading(NOON, counter=0.0), reading(NOON - 60, counter=5.0), reading(NOON + 60, counter=10.0)
    )
    book.add(reading(NOON - year, counter=20.0), BERLIN)
    book.add(reading(NOON - year + 60, counter=30.0), BERLIN)

    assert book.days[date(2026, 6, 1)].total["solar"] == 10
    assert book.days[date(2025, 6, 1)].total["solar"] == 10


def test_a_day_that_is_over_is_not_begun_again():
    """What comes after midnight is added to the day before as long as the last reading was there."""
    midnight = datetime(2026, 6, 2, tzinfo=BERLIN).timestamp()
    book = book_of(reading(midnight - 120, counter=0.0), reading(midnight - 60, counter=100.0))
    book.close_days(BERLIN)
    book.add(reading(midnight + 60, counter=300.0), BERLIN)

    assert book.days[date(2026, 6, 1)].total["solar"] == 200
    book.close_days(BERLIN)
    assert list(book.days) == [date(2026, 6, 2)]
    assert datetime.fromtimestamp(midnight, UTC).day == 1
