"""The past of several gateways together: whole, or absent; what remains of what there is, never a mean of percentages."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.history.columns import BY_NAME
from proxy.history.energies import NAMES, DayTotals
from proxy.history.reading import Series
from proxy.history.totals import Part, days, needed, series

STEPS = range(0, 600, 60)
ADDED = ("load_power", "solar_power", "battery_power", "site_power", "load_imported")
COLUMNS = tuple(BY_NAME[name] for name in (*ADDED, "charge", "reserve", "grid_up"))
DAY = date(2026, 3, 1)


def part(rows, **others):
    """A part whose rows are by time, each by the name of its quantity."""
    at = sorted(rows)
    names = [name for column in needed(COLUMNS, "") for name in column.parts]
    return Part(Series(60, at, {name: [rows[time].get(name) for time in at] for name in names}), **others)


def total(grid="", **members):
    made = series({id_: part(rows) for id_, rows in members.items()}, COLUMNS, grid)
    return {
        time: {name: values[number] for name, values in made.values.items()}
        for number, time in enumerate(made.at)
    }


WATTS = st.integers(-9000, 9000)
FULL = st.integers(1, 90_000)
ROW = st.fixed_dictionaries(
    {"load_power": WATTS, "site_power": WATTS, "battery_power": WATTS, "energy_capacity": FULL},
    optional={"solar_power": WATTS, "load_imported": FULL},
).flatmap(
    lambda row: st.floats(0, 100).map(
        lambda charge: {**row, "charge": charge, "energy_remaining": row["energy_capacity"] * charge / 100}
    )
)
ROWS = st.dictionaries(st.sampled_from(STEPS), ROW, min_size=1, max_size=6)


@settings(max_examples=60)
@given(st.lists(ROWS, min_size=2, max_size=3))
def test_a_step_has_the_sum_of_all_members_or_nothing(members):
    made = total(**{f"g{number}": rows for number, rows in enumerate(members)})

    assert made.keys() == set.intersection(*map(set, members))
    for time, row in made.items():
        for name in ADDED:
            having = [rows for rows in members if any(name in each for each in rows.values())]
            if name != "solar_power":  # every gateway has the others
                having = members
            values = [rows[time].get(name) for rows in having]
            assert row[name] == (None if None in values or not values else sum(values)), name


@settings(max_examples=60)
@given(st.lists(ROWS, min_size=2, max_size=3))
def test_a_charge_lies_between_those_of_the_members(members):
    for time, row in total(**{f"g{number}": rows for number, rows in enumerate(members)}).items():
        charges = [rows[time]["charge"] for rows in members]
        assert min(charges) - 1e-6 <= row["charge"] <= max(charges) + 1e-6


def test_a_large_battery_counts_for_more_than_a_small_one():
    house = {
        "load_power": 1,
        "battery_power": 0,
        "charge": 100,
        "energy_remaining": 40,
        "energy_capacity": 40,
    }
    garage = house | {"charge": 0, "energy_remaining": 0, "energy_capacity": 10}

    assert total(house={0: house}, garage={0: garage})[0]["charge"] == 80
    assert total(house={0: house}, garage={0: garage | {"energy_capacity": None}})[0]["charge"] is None


def test_what_a_member_has_not_by_nature_counts_as_nothing():
    house = {"load_power": 1000, "solar_power": 3000, "battery_power": 0, "charge": 40.0, "reserve": 20}
    roof = {"load_power": 500, "site_power": 1}

    row = total(house={0: house}, roof={0: roof})[0]

    assert (row["load_power"], row["solar_power"], row["charge"], row["reserve"]) == (1500, 3000, 40.0, 20)
    assert row["site_power"] is None


def test_what_members_disagree_about_is_absent():
    on = {"load_power": 1, "battery_power": 0, "grid_up": 1.0, "reserve": 20}

    assert total(house={0: on}, garage={0: on})[0]["grid_up"] == 1.0
    row = total(house={0: on}, garage={0: on | {"grid_up": 0.0, "reserve": 5}})[0]
    assert (row["grid_up"], row["reserve"]) == (None, None)


def test_behind_one_meter_the_home_is_what_is_left():
    house = {"site_power": 300, "solar_power": 900, "battery_power": -200, "load_power": 1000}
    garage = {"site_power": 50, "solar_power": 100, "battery_power": 0, "load_power": 150}

    row = total("house", house={0: house}, garage={0: garage})[0]

    assert (row["site_power"], row["load_power"]) == (300, 300 + 1000 - 200)


def of_day(day=DAY, gap_s=0.0, integrated=(), **energies):
    return DayTotals(day, dict(energies), {name: energies[name] for name in integrated}, {}, gap_s)


def test_a_day_has_the_energies_of_all_members_and_their_gaps():
    whole = dict.fromkeys(NAMES, 10.0)
    (day,) = days(
        {
            "house": [of_day(**whole, gap_s=60)],
            "garage": [of_day(home=5.0, grid_in=5.0, grid_out=0.0, gap_s=30, integrated=["home"])],
        }
    )

    assert (day.total["home"], day.total["solar"], day.gap_s) == (15.0, 10.0, 90)
    assert day.integrated == {"home": 5.0}


def test_a_day_of_which_a_member_has_nothing_is_all_gap():
    found = days(
        {"house": [of_day(home=1.0), of_day(date(2026, 3, 2), home=2.0)], "garage": [of_day(home=3.0)]}
    )

    assert [(day.total, day.gap_s) for day in found] == [({"home": 4.0}, 0.0), ({}, 86_400.0)]


def test_a_day_behind_one_meter_has_what_is_left():
    energies = {"grid_in": 100.0, "grid_out": 10.0, "solar": 50.0, "battery_in": 8.0, "battery_out": 4.0}
    garage = {
        "grid_in": 9.0,
        "grid_out": 9.0,
        "solar": 5.0,
        "battery_in": 0.0,
        "battery_out": 0.0,
        "home": 1.0,
    }

    (day,) = days({"house": [of_day(**energies, home=7.0)], "garage": [of_day(**garage)]}, "house")

    assert day.total["grid_in"] == 100
    assert day.total["home"] == pytest.approx(100 - 10 + 55 + 4 - 8)
    (lacking,) = days({"house": [of_day(**energies)], "garage": [of_day(grid_in=1.0, solar=None)]}, "house")
    assert "home" not in lacking.total
