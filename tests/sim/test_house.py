"""The house obeys physics, whatever happens to it."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sim.curves import Chance, RecordedDay
from proxy.sim.dispatch import MODES, Battery
from proxy.sim.island import CONNECTED, FAULTED, ISLANDED, READY, REJOINING, WAITING
from proxy.sim.plant import Plant
from proxy.sim.presets import PRESETS, arrange

DAY_S = 86400
WEEK_S = 7 * DAY_S


def lived(plant: Plant, seconds: float, dt: float = 10.0) -> Plant:
    for _ in range(int(seconds / dt)):
        plant.step(dt)
    return plant


def gained(plant: Plant) -> dict[str, float]:
    fresh = Plant().counters
    return {
        name: (getattr(plant.counters, name) - getattr(fresh, name)) / 1000 for name in type(fresh).__slots__
    }


def test_a_clear_day_in_self_consumption():
    """The sun covers the day and fills the pack; the evening empties it to the reserve or sunrise."""
    plant = lived(Plant(hour=0.0), DAY_S)

    energy = gained(plant)

    assert energy["produced"] == pytest.approx(43.40, abs=0.01)
    assert energy["consumed"] == pytest.approx(21.71, abs=0.01)
    assert energy["imported"] == pytest.approx(1.07, abs=0.01)
    assert energy["exported"] == pytest.approx(22.33, abs=0.01)
    assert energy["charged"] == pytest.approx(11.20, abs=0.01)
    assert energy["discharged"] == pytest.approx(10.77, abs=0.01)
    assert plant.battery.energy_wh == pytest.approx(6299, abs=1)


def test_a_clear_day_in_backup():
    """Backup charges from all of the sun and never discharges on grid."""
    energy = gained(lived(Plant(hour=0.0, mode="backup"), DAY_S))

    assert energy["imported"] == pytest.approx(14.34, abs=0.01)
    assert energy["exported"] == pytest.approx(28.67, abs=0.01)
    assert energy["charged"] == pytest.approx(7.37, abs=0.01)
    assert energy["discharged"] == 0


@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.parametrize("seed", range(1, 21))
def test_a_week_never_breaks_the_balance(mode, seed):
    """Readings balance to the watt, counters grow, the pack stays within its limits, on and off grid."""
    plant = Plant(
        mode=mode, chance=Chance(seed, clouds=True, appliances=True, noise=True), grid_charging=seed % 2 == 0
    )
    plant.outage_hours = (19.0, 21.0) if seed % 3 == 0 else None
    energy_before = _counter_balance(plant)
    counters = astuple(plant.counters)

    for _ in range(WEEK_S // 900):
        lived(plant, 900, 60)
        reading = plant.read()

        assert reading.site_w + reading.battery_w + reading.solar_w + reading.generator_w == reading.load_w
        assert abs(reading.battery_w) <= plant.battery.discharge_w
        assert 0 <= reading.energy_wh <= reading.full_wh
        assert reading.load_w >= 0
        if reading.grid_status != CONNECTED:
            assert reading.site_w == 0
        elif reading.battery_w > 0:
            assert reading.percentage >= plant.reserve - 0.01
        assert all(now >= then for now, then in zip(astuple(plant.counters), counters, strict=True))
        counters = astuple(plant.counters)

    assert _counter_balance(plant) == pytest.approx(energy_before, abs=1)


def _counter_balance(plant: Plant) -> float:
    c = plant.counters
    return c.imported - c.exported + c.discharged - c.charged + c.produced + c.generated - c.consumed


watts = st.integers(-20_000, 20_000)


@given(solar=st.integers(-10, 30_000), battery=watts, load=st.integers(0, 30_000), islanded=st.booleans())
def test_pinned_meters_are_shown_as_they_are_and_the_site_balances(solar, battery, load, islanded):
    """A test that says three meters gets the fourth from the balance."""
    plant = Plant()
    if islanded:
        plant.contactor.lose_grid(0.0, at_once=True)
    plant.pin({"solar": solar, "battery": battery, "load": load})

    reading = plant.read()

    assert (reading.solar_w, reading.battery_w, reading.load_w) == (solar, battery, load)
    assert reading.site_w == load - solar - battery


@given(solar=watts, site=watts, battery=watts, load=watts, generator=watts)
def test_pinned_meters_need_not_balance(solar, site, battery, load, generator):
    """Real meters are not read in the same instant; disagreement can be scripted."""
    plant = Plant()
    meters = {"solar": solar, "site": site, "battery": battery, "load": load, "generator": generator}

    plant.pin(meters)

    reading = plant.read()
    assert meters == {
        "solar": reading.solar_w,
        "site": reading.site_w,
        "battery": reading.battery_w,
        "load": reading.load_w,
        "generator": reading.generator_w,
    }


def test_pins_of_sun_site_and_battery_give_the_load():
    """The load follows when it is the only meter that is not held."""
    plant = Plant()

    plant.pin({"solar": 6500, "site": -2100, "battery": -3500})

    assert plant.read().load_w == 900


def test_a_lost_grid_is_noticed_at_once_and_the_island_stands_after_three_seconds():
    """Grid loss, island, return, transition of 20 s, connected."""
    plant = Plant()

    plant.contactor.lose_grid(plant.seconds)
    at_once = plant.read()
    plant.advance(3)
    after_three = plant.read()
    plant.contactor.return_grid(plant.seconds)
    returning = plant.read()
    plant.advance(20)
    back = plant.read()

    assert [r.grid_status for r in (at_once, after_three, returning, back)] == [
        READY,
        ISLANDED,
        REJOINING,
        CONNECTED,
    ]
    assert after_three.alerts == ("UnscheduledIslandContactorOpen",)
    assert back.alerts == ("SystemConnectedToGrid",)


def test_a_full_pack_off_grid_sheds_solar_by_frequency():
    """What neither house nor pack takes is curtailed; the frequency rises above nominal."""
    plant = Plant()
    plant.pin({"load": 500})
    plant.set_charge(100)

    plant.contactor.lose_grid(0.0, at_once=True)

    reading = plant.read()
    assert reading.solar_w < 1000
    assert 61 < reading.frequency_hz <= 62


@pytest.mark.parametrize(("charge", "load", "fault"), [(5, 900, FAULTED), (60, 9000, WAITING)])
def test_a_house_that_the_battery_cannot_carry_goes_dark(charge, load, fault):
    """An empty pack or an overload off grid: no load, no solar, and a fault as the grid status."""
    plant = Plant(hour=0.0)
    plant.pin({"load": load})
    plant.set_charge(charge)
    plant.contactor.lose_grid(0.0, at_once=True)

    plant.step(1)

    plant.pin({"load": None})
    reading = plant.read()
    assert (reading.grid_status, reading.load_w, reading.solar_w, reading.site_w) == (fault, 0, 0, 0)


def test_a_generator_carries_an_island():
    """Off grid a generator covers what the sun does not."""
    plant = Plant(hour=0.0, generator_w=3000.0)
    plant.pin({"load": 1200})

    plant.contactor.lose_grid(0.0, at_once=True)

    reading = plant.read()
    assert reading.generator_w == 3000
    assert reading.battery_w == -1800


def test_a_pack_below_the_reserve_is_not_drawn_upon():
    """On grid the reserve is not used, and refilled slowly from the sun only."""
    plant = Plant(battery=Battery(energy_wh=1000.0))

    at_noon = plant.read()
    plant.hour = 22.0
    at_night = plant.read()

    assert at_noon.battery_w == -1700
    assert at_night.battery_w == 0


def test_export_can_be_forbidden():
    """With the export rule "never" surplus sun is not used."""
    plant = Plant(export=False)
    plant.set_charge(100)

    assert plant.read().site_w >= 0


def test_the_same_seed_lives_the_same_life():
    """Chance is reproducible."""

    def life() -> Plant:
        return lived(Plant(chance=Chance(7, clouds=True, appliances=True, noise=True)), DAY_S, 60)

    assert life().read() == life().read()


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_are_situations_that_balance(name):
    """Every named situation is one that a house can be in."""
    plant = Plant()

    arrange(plant, name)

    reading = plant.read()
    assert reading.site_w + reading.battery_w + reading.solar_w == reading.load_w
    assert (reading.grid_status == ISLANDED) == name.endswith("outage")
    assert name.endswith("outage") <= (reading.site_w == 0)


def test_a_recorded_day_is_played_back(tmp_path):
    """Sun and load follow a CSV, interpolated between its rows."""
    table = tmp_path / "day.csv"
    table.write_text("time,solar,load\n00:00,0,400\n12:00,3000,800\n24:00:00,0,400\n")

    plant = Plant(chance=RecordedDay.load(table), hour=6.0)

    reading = plant.read()
    assert (reading.solar_w, reading.load_w) == (1500, 600)
    assert lived(plant, DAY_S).read().solar_w == 1500


@pytest.mark.parametrize(
    "text", ["", "time,solar\n", "time,solar,load\n1:00,x,1\n", "time,solar,load\n2:00,1,1\n1:00,1,1\n"]
)
def test_a_table_that_is_no_day_is_named(tmp_path, text):
    """The error says which file and what it needs."""
    table = tmp_path / "day.csv"
    table.write_text(text)

    with pytest.raises(ValueError, match=r"day\.csv needs"):
        RecordedDay.load(table)
