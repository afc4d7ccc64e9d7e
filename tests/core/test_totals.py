"""A total is whole, or absent with the reason; never a mean, never a part that looks whole."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.core.errors import NotInTotal, NoTotal, NotSupported, Unreachable
from proxy.core.sources import GRID_STATUS, METERS, OPERATION, SOE, SYSTEM_STATUS, VITALS
from proxy.core.totals import Part, combine, present, reads

NOW = 1000.0
AT = "2026-07-01T12:00:00+00:00"


def meter(watts=None, imported=None, exported=None, at=AT, **others):
    counters = {"energy_imported": imported, "energy_exported": exported}
    return {"last_communication_time": at, "instant_power": watts, **counters, **others}


def part(id_, value=None, *, age=0.0, ttl=5.0, error=None):
    return Part(id_, value, NOW - age, ttl, error=error)


def total(source, grid="", **values):
    return combine(source, present([part(id_, value) for id_, value in values.items()]), grid=grid)


def reason(call):
    with pytest.raises(NoTotal) as caught:
        call()
    return str(caught.value)


def test_powers_and_energies_are_added_and_what_belongs_to_one_place_is_absent():
    made = total(
        METERS,
        house={"site": meter(100, 5, 6, instant_reactive_power=7, frequency=50, instant_average_voltage=230)},
        garage={
            "site": meter(-40, 1, 2, at="2026-07-01T13:59:58+02:00", instant_reactive_power=1, i_a_current=3)
        },
    )

    assert made == {
        "site": {
            "last_communication_time": "2026-07-01T13:59:58+02:00",
            "instant_power": 60,
            "instant_reactive_power": 8,
            "energy_imported": 6,
            "energy_exported": 8,
        }
    }


def test_a_member_without_readings_leaves_no_total_and_is_named():
    """Rule (a)."""
    gone = part("garage", error=Unreachable("10.0.0.9 does not answer"))

    assert reason(lambda: present([part("house", {}), gone])) == "garage: 10.0.0.9 does not answer"


def test_a_value_that_one_member_does_not_know_is_not_known_of_all():
    made = total(METERS, house={"load": meter(100, 5, 6)}, garage={"load": meter(None, None, 1)})

    assert made["load"]["instant_power"] is None
    assert "energy_imported" not in made["load"]
    assert made["load"]["energy_exported"] == 7


def test_what_a_member_has_not_by_nature_counts_as_nothing():
    """Rule (b): an inverter has no battery, and a meter that was last heard of in year 1 is none."""
    silent = meter(0, 0, 0, at="0001-01-01T00:00:00Z")
    parts = [
        part("house", {"battery": meter(500), "solar": silent}),
        part("roof", {"solar": meter(900)}),
        part("shed", error=NotSupported("404")),
    ]

    made = combine(METERS, present(parts))

    assert (made["battery"]["instant_power"], made["solar"]["instant_power"]) == (500, 900)
    with pytest.raises(NotInTotal):
        present([part("roof", error=NotSupported("404"))])


def test_every_gateway_measures_the_home():
    assert total(METERS, house={"load": meter(10)}, garage={})["load"]["instant_power"] is None


def test_what_members_disagree_about_is_absent():
    """Rule (c)."""
    on, off = {"grid_status": "SystemGridConnected"}, {"grid_status": "SystemIslandedActive"}
    assert (
        reason(lambda: total(GRID_STATUS, house=on, garage=off))
        == "house is on the grid, garage is off the grid"
    )
    assert total(GRID_STATUS, house=on, garage=on) == on | {"grid_services_active": None}

    first = {"real_mode": "backup", "backup_reserve_percent": 20}
    assert total(OPERATION, house=first, garage=first | {"real_mode": "autonomous"}) == {
        "backup_reserve_percent": 20
    }
    assert "different modes" in reason(
        lambda: total(OPERATION, house=first, garage={"real_mode": "autonomous", "backup_reserve_percent": 5})
    )


def test_readings_that_are_too_far_apart_are_no_total():
    """Rule (d): 10 s, or two lifetimes where they live longer."""
    assert reason(lambda: present([part("house"), part("garage", age=22)])) == (
        "readings of garage are 22 s older than those of the others"
    )
    assert len(present([part("house"), part("garage", age=22, ttl=11)])) == 2


def test_charge_is_what_remains_of_what_there_is():
    def energy(remaining, full):
        return {"nominal_energy_remaining": remaining, "nominal_full_pack_energy": full}

    assert reads(SOE) == SYSTEM_STATUS
    assert total(SOE, house=energy(40_000, 40_000), garage=energy(0, 10_000)) == {"percentage": 80}
    assert reason(lambda: total(SOE, house=energy(1, 2), garage=energy(None, 2))) == (
        "garage does not report the energy of its batteries"
    )
    assert reason(lambda: total(SOE, house=energy(0, 0))) == "the batteries report no capacity"


def test_packs_and_devices_of_all_are_listed_gateway_by_gateway():
    made = total(SYSTEM_STATUS, house={"battery_blocks": [1, 2]}, garage={"battery_blocks": [3]})
    assert made == {"battery_blocks": [1, 2, 3]}
    assert total(SYSTEM_STATUS, house={"battery_blocks": [1]}, garage={"battery_blocks": None}) == {}
    assert total(VITALS, house={"a": {}}, garage={"b": {}}) == {"a": {}, "b": {}}


def test_behind_one_meter_the_home_is_what_is_left():
    """The meter of the house sees both; what the garage's meter counts is in it already."""
    made = total(
        METERS,
        grid="house",
        house={
            "site": meter(300, 100, 10),
            "load": meter(1),
            "solar": meter(900, 0, 50),
            "battery": meter(-200, 7, 3),
        },
        garage={
            "site": meter(50, 9, 9),
            "load": meter(2),
            "solar": meter(100, 0, 5),
            "battery": meter(0, 1, 1),
        },
    )

    assert made["site"]["instant_power"] == 300
    assert made["load"]["instant_power"] == 300 + 1000 - 200
    assert made["load"]["energy_imported"] == (100 - 10) + 55 + (4 - 8)
    assert "energy_exported" not in made["load"]
    assert (
        reason(lambda: total(METERS, grid="house", house={}, garage={}))
        == "house has no meter of the grid now"
    )


WATTS = st.none() | st.floats(-20_000, 20_000)
METER = st.builds(meter, WATTS, st.none() | st.floats(0, 1e8), st.none() | st.floats(0, 1e8))
DOCUMENT = st.fixed_dictionaries({"site": METER, "load": METER}, optional={"solar": METER, "battery": METER})


@settings(max_examples=50)
@given(st.lists(DOCUMENT, min_size=1, max_size=4))
def test_every_number_of_a_total_is_the_sum_of_all_members_that_have_the_meter(documents):
    made = total(METERS, **{f"g{number}": document for number, document in enumerate(documents)})

    for name in ("site", "load", "solar", "battery"):
        meters = [document[name] for document in documents if name in document]
        assert (name in made) == bool(meters)
        for key in ("instant_power", "energy_imported", "energy_exported") if meters else ():
            values = [each[key] for each in meters]
            expected = None if None in values else pytest.approx(sum(values))
            assert made[name].get(key) == expected


ENERGY = st.floats(1, 100_000).flatmap(lambda full: st.tuples(st.floats(0, full), st.just(full)))


@settings(max_examples=50)
@given(st.lists(ENERGY, min_size=1, max_size=4))
def test_a_total_charge_is_between_the_least_and_the_greatest_of_its_members(energies):
    values = {
        f"g{number}": {"nominal_energy_remaining": remaining, "nominal_full_pack_energy": full}
        for number, (remaining, full) in enumerate(energies)
    }
    percent = [100 * remaining / full for remaining, full in energies]

    assert min(percent) - 1e-6 <= total(SOE, **values)["percentage"] <= max(percent) + 1e-6
