"""Energies are those of the cloud's history: marked as such, never falling, null where there are none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.sources import METERS
from proxy.drivers.cloud.history import Totals, energies, query, zone_of
from proxy.drivers.energy import EnergyMeter
from proxy.sim.faults import Fault
from proxy.state.store import StateStore

WATT_HOURS = st.floats(min_value=0, max_value=1e7)


@pytest.fixture
def house(cloud):
    """A house that lives at its own pace, with constant powers."""
    cloud.house.gateway.speed = 1
    cloud.house.pin(solar=3000, battery=-1000, load=1200)
    return cloud.house


def values(told) -> dict[str, tuple[float | None, float | None]]:
    meters = told[METERS].value
    return {name: (meter["energy_imported"], meter["energy_exported"]) for name, meter in meters.items()}


def no_history(cloud) -> None:
    cloud.trouble("not-found", path=f"/api/1/energy_sites/{cloud.site.site_id}/calendar_history")


async def test_counters_are_the_lifetimes_sums(connect, cloud, house):
    """And the answer is marked: they are not the gateway's own counters."""
    told = await connect(history=True).fetch("live_status")

    counters = house.plant.counters
    shown = values(told)
    assert shown["solar"][1] == pytest.approx(counters.produced, rel=1e-3)
    assert shown["site"] == (
        pytest.approx(counters.imported, rel=1e-3),
        pytest.approx(counters.exported, rel=1e-3),
    )
    assert shown["battery"][1] == pytest.approx(counters.discharged, rel=1e-3)
    assert told[METERS].notes == {"Energy-Counters": "cloud"}


async def test_counters_grow_with_the_day(connect, cloud, house, clock):
    """An hour at 3 kW is 3 kWh more, with a request each quarter of an hour."""
    driver = connect(history=True)
    before = values(await driver.fetch("live_status"))

    for _ in range(61):
        clock.advance(61)
        told = await driver.fetch("live_status")

    grown = values(told)["solar"][1] - before["solar"][1]
    assert grown == pytest.approx(3000, rel=0.3)
    assert cloud.requests_for("calendar_history") == 2 + 4


async def test_a_new_day_begins_at_the_sites_midnight(connect, cloud, house, clock):
    """The lifetime is fetched once a day, and the counters do not fall."""
    driver = connect(history=True)
    before = values(await driver.fetch("live_status"))

    for _ in range(25):
        clock.advance(3600)
        told = await driver.fetch("live_status")

    periods = [record.query for record in cloud.requests if record.path.endswith("calendar_history")]
    assert sum("period=lifetime" in query for query in periods) == 2
    assert values(told)["solar"][1] > before["solar"][1] + 60_000


async def test_counters_do_not_fall_across_a_restart(connect, house):
    """The cloud corrected its history downwards meanwhile."""
    first = connect(history=True)
    before = values(await first.fetch("live_status"))
    house.plant.counters = replace(house.plant.counters, produced=1_000_000.0, imported=700_000.0)

    after = values(await connect(history=True).fetch("live_status"))

    assert after["solar"] == before["solar"]
    assert after["site"][0] == before["site"][0]


async def test_two_processes_on_one_folder_keep_the_higher_counters(connect, house, clock):
    """The cloud corrects its history, and the one that read less writes last: the next process reports no less."""
    first, second = connect(history=True), connect(history=True)
    await second.fetch("live_status")
    counted = house.plant.counters
    house.plant.counters = replace(counted, imported=counted.imported + 50_000)
    clock.advance(61)
    reported = values(await first.fetch("live_status"))
    house.plant.counters = counted
    clock.advance(86400)  # a new day, whose lifetime is fetched
    await second.fetch("live_status")

    after = values(await connect(history=True).fetch("live_status"))

    assert after["site"][0] >= reported["site"][0]


async def test_a_history_that_fails_leaves_energies_unknown_and_readings_whole(connect, cloud):
    no_history(cloud)

    told = await connect(history=True).fetch("live_status")

    assert set(values(told).values()) == {(None, None)}
    assert told[METERS].notes == {}


async def test_energies_that_were_kept_and_cannot_be_read_are_unknown(connect, cloud, house, tmp_path):
    """Those of the history could be lower than what was reported before; the file is left as it is."""
    kept = tmp_path / "state" / "cloud-energy.json"
    kept.parent.mkdir()
    kept.write_text("{damaged")

    told = await connect(history=True).fetch("live_status")

    assert set(values(told).values()) == {(None, None)}
    assert kept.read_text() == "{damaged"


async def test_without_history_powers_are_integrated_where_that_is_wanted(connect, cloud, clock, tmp_path):
    cloud.house.pin(solar=6000)
    meter = EnergyMeter(StateStore(str(tmp_path / "energy")), clock.clock, "cloud")
    driver = connect(energy=meter)

    await driver.fetch("live_status")
    clock.advance(61)
    await driver.fetch("live_status")
    await meter.close()  # a sum is reported once a mark of at least it is on the disk
    clock.advance(61)
    told = await driver.fetch("live_status")

    assert values(told)["solar"][1] == pytest.approx(6000 * 61 / 3600, rel=0.01)
    assert told[METERS].notes == {"Energy-Counters": "integrated"}


async def integrated(connect, clock, tmp_path, **options):
    """Start a process that can count either way."""
    meter = EnergyMeter(StateStore(str(tmp_path / "energy")), clock.clock, "cloud")
    return connect(history=True, energy=meter, **options)


async def test_a_site_without_a_history_is_integrated(connect, cloud, clock, tmp_path):
    """Some providers offer none. It is requested once; energies are null until it is known that there is none."""
    cloud.house.pin(solar=6000)
    no_history(cloud)
    driver = await integrated(connect, clock, tmp_path)

    first = await driver.fetch("live_status")
    for _ in range(20):
        clock.advance(61)
        told = await driver.fetch("live_status")

    assert set(values(first).values()) == {(None, None)}
    assert 0 < values(told)["solar"][1] <= 6000 * 20 * 61 / 3600
    assert told[METERS].notes == {"Energy-Counters": "integrated"}
    assert cloud.requests_for("calendar_history") == 1


async def test_what_was_not_read_is_not_integrated(connect, cloud, clock, tmp_path):
    """A pause of ten minutes counts nothing: what happened in it is not known."""
    cloud.house.pin(solar=6000)
    no_history(cloud)
    driver = await integrated(connect, clock, tmp_path)
    for _ in range(3):
        await driver.fetch("live_status")
        clock.advance(61)
    await driver.close()
    driver = await integrated(connect, clock, tmp_path)

    for _ in range(3):
        clock.advance(601)
        told = await driver.fetch("live_status")

    assert values(told)["solar"][1] == pytest.approx(6000 * 61 / 3600, rel=0.01)


async def test_a_site_whose_time_zone_is_unknown_is_integrated(connect, cloud, clock, tmp_path):
    """Its days would begin at some hour."""
    cloud.house.gateway.site = replace(cloud.house.gateway.site, timezone="")
    driver = await integrated(connect, clock, tmp_path)

    for _ in range(6):
        clock.advance(61)
        told = await driver.fetch("live_status")

    assert told[METERS].notes == {"Energy-Counters": "integrated"}
    assert cloud.requests_for("calendar_history") == 0


async def test_a_site_whose_history_was_read_is_never_integrated(connect, cloud, house, clock, tmp_path):
    """Its counters are those of years; what is integrated begins at zero."""
    await (await integrated(connect, clock, tmp_path)).fetch("live_status")
    no_history(cloud)
    driver = await integrated(connect, clock, tmp_path)

    for _ in range(3):
        told = await driver.fetch("live_status")
        clock.advance(61)

    assert set(values(told).values()) == {(None, None)}


async def test_a_history_that_fails_for_a_moment_is_not_missing(connect, cloud, house, clock, tmp_path):
    cloud.faults.add(Fault(f"/api/1/energy_sites/{cloud.site.site_id}/calendar_history", status=503))
    driver = await integrated(connect, clock, tmp_path)
    await driver.fetch("live_status")
    cloud.heal()
    clock.advance(901)

    told = await driver.fetch("live_status")

    assert told[METERS].notes == {"Energy-Counters": "cloud"}


@given(st.lists(st.tuples(WATT_HOURS, WATT_HOURS, st.booleans()), min_size=1, max_size=20))
def test_a_counter_never_falls_whatever_the_history_says(answers):
    """Corrections downwards wait until they are overtaken, new days and restarts included."""
    totals, last = Totals(), 0.0
    for lifetime, today, restart in answers:
        if restart:
            totals = Totals.of(totals.document())
        if totals.day:
            totals = totals.with_today({"solar": (0.0, today)})
        else:
            totals = totals.with_lifetime("2026-11-29", {"solar": (0.0, lifetime)}, {"solar": (0.0, today)})
        assert totals.counters["solar"][1] >= last
        last = totals.counters["solar"][1]


def test_a_meter_that_no_entry_mentions_is_unknown():
    """A house without solar has no solar energy, not 0 Wh."""
    found = energies([{"grid_energy_imported": 12, "consumer_energy_imported_from_grid": 12}, {}, None, 7])

    assert found == {"site": (12.0, 0.0), "load": (12.0, 0.0)}


def test_the_day_ends_a_second_before_midnight():
    """Midnight itself is refused."""
    zone = zone_of({"installation_time_zone": "Europe/Berlin"})

    requested = query("day", 1_760_000_000.0, zone)

    assert requested["start_date"] == "2025-10-09T00:00:00+02:00"
    assert requested["end_date"] == "2025-10-09T23:59:59+02:00"


@pytest.mark.parametrize("name", ["", None, "Mars/Olympus", "../../etc/passwd"])
def test_a_zone_that_is_none_is_unknown(name):
    assert zone_of({"installation_time_zone": name}) is None
