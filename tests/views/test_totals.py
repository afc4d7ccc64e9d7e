"""Totals of several gateways: whole, or null with what is missing; never a mean of percentages."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from proxy.core.errors import NoTotal
from proxy.core.sources import GRID_STATUS, METERS, SOE, SYSTEM_STATUS
from proxy.core.totals import Part, combine, present
from proxy.views import totals
from proxy.views.gateway_object import Member, status
from proxy.views.options import Options

NOW = 1_760_000_000.0


def member(
    site=100, battery=200, load=600, solar=300, percent=50.0, left=5000, full=10_000, at=NOW, **others
):
    """A gateway that reports everything; None makes a value unknown."""
    powers = {"site": site, "battery": battery, "load": load, "solar": solar}
    documents = {
        METERS: {name: {"instant_power": power} for name, power in powers.items()},
        SOE: {"percentage": percent},
        SYSTEM_STATUS: {"nominal_energy_remaining": left, "nominal_full_pack_energy": full},
        GRID_STATUS: {"grid_status": "SystemGridConnected"},
    }
    facts = {"documents": documents, "observed_at": dict.fromkeys(documents, at), "is_online": True, **others}
    return Member(**{"configured": {"id": "x"}, "options": Options(), **facts})


def away(**others):
    """A gateway of which nothing is known."""
    documents = dict.fromkeys((METERS, SOE, SYSTEM_STATUS, GRID_STATUS))
    return member(documents=documents, observed_at={}, is_online=False, error="It is away.", **others)


def test_powers_are_sums():
    assert totals.power({"a": member(), "b": member(site=-50, solar=700)}) == {
        "site": 50.0,
        "battery": 400.0,
        "load": 1200.0,
        "solar": 1000.0,
        "grid": 50.0,
        "timestamp": NOW,
    }


def test_a_missing_member_leaves_no_total_but_a_part_that_says_so():
    """A sum of those that are there would look like a house that uses less."""
    total = totals.aggregate({"house": member(), "garage": away()})

    assert total["total_load_power"] is None
    assert total["missing"] == ["garage"]
    assert total["partial"]["total_load_power"] == 600.0
    assert (total["num_gateways"], total["num_online"], total["num_degraded"]) == (2, 1, 0)
    assert list(total["gateways"]) == ["house"]


def test_one_unknown_value_leaves_the_other_totals_whole():
    total = totals.power({"a": member(), "b": member(solar=None)})

    assert (total["solar"], total["load"]) == (None, 1200.0)
    assert (total["missing"], total["partial"]["solar"]) == (["b"], 300.0)


def test_charge_is_by_energy():
    """24 % of a small battery and 75 % of a large one are not half of both."""
    house = {
        "a": member(percent=24, left=2_400, full=10_000),
        "b": member(percent=75, left=30_000, full=40_000),
    }

    assert totals.soe(house)["raw_percentage"] == pytest.approx(64.8)
    assert totals.battery(house)["total_capacity"] == 50_000.0


def test_one_gateway_has_the_charge_that_it_reports():
    """Energies are of another moment, and follow another rule than the charge."""
    assert totals.soe({"a": member(percent=23.975388)})["raw_percentage"] == 23.975388


def test_what_a_gateway_does_not_have_is_not_missing():
    """A solar inverter without battery adds to the sun and leaves the charge as it is."""
    inverter = member()
    for source in (SOE, SYSTEM_STATUS):
        del inverter.documents[source]
    del inverter.documents[METERS]["battery"]

    total = totals.aggregate({"house": member(percent=40), "inverter": inverter})

    assert (total["total_battery_percent_raw"], total["total_battery_power"]) == (40.0, 200.0)
    assert total["total_solar_power"] == 600.0
    assert "missing" not in total


def test_an_inverter_has_no_battery_even_while_it_is_away():
    """Its owner says so: the charge of the others is whole."""
    inverter = away(configured={"id": "roof", "type": "inverter"})

    total = totals.aggregate({"house": member(percent=40), "roof": inverter})

    assert (total["total_battery_percent_raw"], total["total_battery_power"]) == (40.0, 200.0)
    assert (total["total_solar_power"], total["missing"]) == (None, ["roof"])


BEHIND = {
    "house": {"site": 500, "solar": 3000, "battery": -1000, "load": 2500},
    "garage": {"site": 100, "solar": 400, "battery": 50, "load": 300},
}


def test_behind_one_meter_the_grid_is_counted_once_and_the_home_is_what_is_left():
    """The cabin is elsewhere: what it has is added."""
    property_ = {id_: member(**watts, grid="house") for id_, watts in BEHIND.items()}

    total = totals.power({**property_, "cabin": member(site=7, solar=0, battery=0, load=7)})

    assert (total["grid"], total["solar"], total["battery"]) == (507.0, 3400.0, -950.0)
    assert total["load"] == 500 + 3000 - 1000 + 400 + 50 + 7
    assert "missing" not in total


@pytest.mark.parametrize("gone", ["house", "garage"])
def test_what_is_left_of_a_meter_is_no_part_of_a_total(gone):
    """Without one of those behind the meter, no part of their home is known."""
    property_ = {id_: member(**watts, grid="house") for id_, watts in BEHIND.items()}
    property_[gone] = away(grid="house")

    total = totals.power({**property_, "cabin": member(site=7, solar=0, battery=0, load=7)})

    assert (total["load"], total["missing"], total["partial"]["load"]) == (None, [gone], 7.0)
    assert total["grid"] == (None if gone == "house" else 507.0)


def test_readings_of_different_times_are_no_total():
    """A member that is shown from before an outage does not belong to what others report now."""
    total = totals.power({"a": member(), "b": member(at=NOW - 11)})

    assert (total["load"], total["missing"]) == (None, ["b"])


def test_the_grid_is_what_all_report():
    island = member()
    island.documents[GRID_STATUS] = {"grid_status": "SystemIslandedActive"}

    assert totals.aggregate({"a": member(), "b": member()})["grid_status"] == "UP"
    assert totals.aggregate({"a": member(), "b": island})["grid_status"] is None


def test_an_object_shows_nothing_while_its_powers_are_unknown():
    shown = status(away(last_success=NOW - 60))

    assert (shown["data"], shown["online"], shown["last_updated"]) == (None, False, NOW - 60)
    assert shown["error"] == shown["gateway"]["last_error"] == "It is away."


watts = st.floats(-20_000, 20_000) | st.none()
energies = st.tuples(st.floats(0, 1), st.floats(1, 100_000)) | st.none()


@st.composite
def members(draw, **others):
    """Houses of up to four; ``others`` are strategies of what else they report."""
    found = {}
    for id_ in draw(st.lists(st.sampled_from("abcd"), unique=True, min_size=1)):
        energy = draw(energies)
        left, full = (None, None) if energy is None else (energy[0] * energy[1], energy[1])
        percent = None if energy is None else energy[0] * 100
        found[id_] = member(
            load=draw(watts),
            left=left,
            full=full,
            percent=percent,
            **{name: draw(values) for name, values in others.items()},
        )
    return found


@given(members())
def test_a_total_is_of_all_members_or_absent(house):
    loads = [each.documents[METERS]["load"]["instant_power"] for each in house.values()]

    total = totals.power(house)

    if None in loads:
        assert total["load"] is None
        assert total["missing"] == [id_ for id_, load in zip(house, loads, strict=True) if load is None]
    else:
        assert total["load"] == pytest.approx(sum(loads))
        assert "missing" not in total


@given(members(solar=watts, at=st.sampled_from([NOW, NOW - 9, NOW - 11])))
def test_both_forms_of_a_total_agree(house):
    """As the meters of a site, which programs read like a gateway's, and here: the same number, or none."""
    parts = [Part(id_, each.documents[METERS], each.observed_at[METERS]) for id_, each in house.items()]
    try:
        meters = combine(METERS, present(parts))
    except NoTotal:
        meters = {}

    total = totals.power(house)

    for name in ("site", "battery", "load", "solar"):
        assert total[name] == pytest.approx(meters.get(name, {}).get("instant_power"))


@given(members())
def test_charge_lies_between_the_least_and_the_greatest(house):
    percents = [each.documents[SOE]["percentage"] for each in house.values()]

    total = totals.soe(house)["raw_percentage"]

    assert (total is None) == (None in percents)
    if total is not None:
        assert min(percents) - 1e-6 <= total <= max(percents) + 1e-6
