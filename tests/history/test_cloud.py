"""The energy history of a site in Tesla's cloud: imported day by day, never over what was recorded."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from proxy.core.zones import zone_of
from proxy.drivers.cloud.factory import CloudOptions, make
from proxy.history import reading
from proxy.history.database import Database
from proxy.history.days import day_of, start_of
from proxy.history.energies import DayTotals
from proxy.history.folding import row_of
from proxy.history.importing.cloud import Cloud
from proxy.history.importing.past import SourceError
from proxy.history.writing import Batch, write
from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from proxy.state.store import StateStore
from tests.cloud.conftest import TOKEN

# The site's; the tests' clock begins on 9 October 2025, the site was installed 400 days before.
ZONE = zone_of("America/Los_Angeles")


@pytest.fixture
async def cloud(clock):
    async with SimulatedCloud(clock=clock.clock, tls=False) as cloud:
        cloud.house.gateway.speed = 0
        cloud.sign_in.give_static(TOKEN)
        yield cloud


def history_of(cloud) -> str:
    return f"/api/1/energy_sites/{cloud.site.site_id}/calendar_history"


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "state" / "history.db")
    yield database
    database.close()


@pytest.fixture
def importing(cloud, clock, database, tmp_path):
    """Import; every call is another process."""

    async def sleep(seconds):
        clock.advance(seconds)

    async def importing(since, at=cloud, **options):
        known = {
            "url": at.url,
            "token": TOKEN,
            "site_id": at.site.site_id,
            "history": False,
            "timeout_s": 5.0,
        }
        memory = StateStore(str(tmp_path / "state"))
        driver = make(CloudOptions("static", **known | options), memory, clock.clock)
        progress = []
        try:
            reader = Cloud(driver, database, clock.clock, zone_of("UTC"), sleep=sleep)
            done = await reader.read(since, lambda *at: progress.append(at))
        finally:
            await driver.close()
        return done, progress

    return importing


def yesterday(clock) -> date:
    return day_of(clock.clock.wall(), ZONE) - timedelta(days=1)


def days_of(database) -> list[DayTotals]:
    return database.use(lambda db: [*reading.days(db, date(2000, 1, 1), date(2100, 1, 1))])


def rows_of(database, table="minute"):
    return database.use(lambda db: db.execute(f"SELECT * FROM {table} ORDER BY at").fetchall())


async def test_a_day_has_the_energies_of_the_cloud(importing, cloud, clock, database):
    """With the flows that make them up, in rows of five minutes and all that is folded from them."""
    clock.advance(86400)
    day = yesterday(clock)

    done, _ = await importing(day)

    used = cloud.site.history.between(start_of(day, ZONE), start_of(day + timedelta(days=1), ZONE))
    [totals] = days_of(database)
    assert (done.days, done.rows, done.ended) == (1, 288, "")
    assert totals.total["solar"] == pytest.approx(used.produced)
    assert totals.total["home"] == pytest.approx(used.consumed)
    assert totals.total["grid_in"] == pytest.approx(used.imported)
    assert totals.flows["flow_s2h"] + totals.flows["flow_b2h"] + totals.flows["flow_g2h"] == pytest.approx(
        used.consumed
    )
    assert (totals.integrated, totals.gap_s) == ({}, 0.0)
    assert {"generator", "flow_n2h"}.isdisjoint({*totals.total, *totals.flows})
    [mean] = database.use(lambda db: db.execute("SELECT solar_power FROM day").fetchall())[0]
    assert mean == pytest.approx(used.produced / 24, abs=1)
    assert len(rows_of(database, "hour")) == 24


async def test_the_latest_day_comes_first_and_the_bar_fills(importing, cloud, clock, database):
    day = yesterday(clock)

    done, progress = await importing(day - timedelta(days=3))

    assert [each.day for each in days_of(database)] == [day - timedelta(days=back) for back in (3, 2, 1, 0)]
    assert progress == [((1 + back) / 4, start_of(day - timedelta(days=back), ZONE)) for back in range(4)]
    assert done.days == 4
    assert cloud.requests_for("calendar_history") == 4


async def test_without_a_first_day_it_goes_back_to_the_installation(importing, cloud, clock, database):
    """In the middle of its first day; the rest of that day is a gap."""
    cloud.site.history.installed_at = clock.clock.wall() - 3 * 86400
    installed = day_of(cloud.site.history.installed_at, ZONE)

    await importing(None)

    found = days_of(database)
    assert [each.day for each in found] == [installed + timedelta(days=day) for day in range(3)]
    assert [each.gap_s > 0 for each in found] == [True, False, False]


async def test_a_day_on_which_clocks_change_has_its_own_length(importing, cloud, clock, database):
    clock.advance(26 * 86400)  # 3 November, after the day of 25 hours

    done, _ = await importing(date(2025, 11, 1))

    assert done.rows == 288 + 300
    assert [each.gap_s for each in days_of(database)] == [0.0, 0.0]


async def test_an_import_that_ended_early_goes_on_where_it_ended(importing, cloud, clock, database):
    """The cloud failed after two days: those that are there are not requested again."""
    day = yesterday(clock) - timedelta(days=4)
    await importing(day + timedelta(days=3))
    cloud.faults.add(Fault(history_of(cloud), status=503))
    first, _ = await importing(day)
    cloud.heal()
    clock.advance(600)
    before = cloud.requests_for("calendar_history")

    second, _ = await importing(day)
    third, _ = await importing(day)

    assert (first.days, "503" in first.ended) == (0, True)
    assert (second.days, second.ended) == (3, "")
    assert third.days == 0
    assert cloud.requests_for("calendar_history") - before == 3


async def test_half_of_what_the_budget_leaves_for_today_is_used(importing, cloud, clock, database):
    """The other half is for readings. On the next day the same command goes on."""
    clock.advance(25 * 86400)  # 2 November, when the month has all its requests
    day = yesterday(clock) - timedelta(days=40)

    first, _ = await importing(day, budget=200)
    clock.advance(86400)
    second, _ = await importing(day, budget=200)

    assert 3 <= first.days <= 5
    assert "budget" in first.ended
    assert 3 <= second.days <= 5
    assert len(days_of(database)) == first.days + second.days


async def test_a_limit_that_passes_soon_is_waited_for(importing, cloud, clock, database):
    cloud.faults.add(Fault(history_of(cloud), status=429, headers={"Retry-After": "30"}, times=1))

    done, _ = await importing(yesterday(clock) - timedelta(days=1))

    assert (done.days, done.ended) == (2, "")


async def test_a_limit_of_hours_ends_the_import(importing, cloud, clock, database):
    cloud.faults.add(Fault(history_of(cloud), status=429, headers={"Retry-After": "7200"}))

    done, _ = await importing(yesterday(clock))

    assert (done.days, "429" in done.ended) == (0, True)


async def test_a_recorded_day_is_neither_requested_nor_changed(importing, cloud, clock, database):
    day = yesterday(clock)
    begin = start_of(day, ZONE)
    rows = [row_of(begin + 60 * minute, {"solar_power": 4000}) for minute in range(60)]
    recorded = DayTotals(day, {"solar": 4000.0}, {"solar": 4000.0}, gap_s=82800.0)
    database.use(lambda db: write(db, Batch(rows=rows, days={day: recorded}), ZONE))
    before = rows_of(database), rows_of(database, "quarter")

    done, _ = await importing(day - timedelta(days=1))

    assert done.days == 1
    assert days_of(database)[1].total == {"solar": 4000.0}
    minutes, quarters = rows_of(database), rows_of(database, "quarter")
    assert (minutes[-60:], quarters[-4:]) == before


async def test_days_that_the_cloud_has_nothing_of_are_requested_once(importing, cloud, clock, database):
    """Before the installation, or while the gateway was offline: they stay gaps."""
    cloud.faults.add(
        Fault(history_of(cloud), status=200, body={"response": {"period": "day", "time_series": []}})
    )

    for _ in range(2):
        done, _ = await importing(yesterday(clock) - timedelta(days=1))

    assert (done.days, days_of(database), rows_of(database)) == (0, [], [])
    assert cloud.requests_for("calendar_history") == 2


async def test_entries_of_another_day_are_left_out(importing, cloud, clock, database):
    """Some servers answer with today whatever is requested."""
    entry = {"timestamp": "2025-10-09T10:00:00-07:00", "solar_energy_exported": 500}
    cloud.faults.add(
        Fault(history_of(cloud), status=200, body={"response": {"time_series": [entry, None, {}]}})
    )

    done, _ = await importing(date(2025, 10, 1))

    assert (done.days, days_of(database)) == (0, [])


async def test_a_site_without_battery_has_none_in_its_past(clock, importing, database):
    async with SimulatedCloud(
        SimulatedGateway("solar_only", clock=clock.clock), clock=clock.clock, tls=False
    ) as cloud:
        cloud.house.gateway.speed = 0
        cloud.sign_in.give_static(TOKEN)
        await importing(yesterday(clock), cloud)

    [totals] = days_of(database)
    assert {"battery_in", "battery_out", "flow_s2b", "flow_b2h"}.isdisjoint({*totals.total, *totals.flows})
    assert "solar" in totals.total


async def test_a_site_whose_installation_is_unknown_needs_a_first_day(importing, cloud):
    site = cloud.house.gateway.site
    cloud.house.gateway.site = replace(site, timezone="")
    cloud.faults.add(
        Fault(
            history_of(cloud).replace("calendar_history", "site_info"),
            status=200,
            body={"response": {"id": "1--2"}},
        )
    )

    with pytest.raises(SourceError, match="--from"):
        await importing(None)


async def test_the_command_reads_yesterday(cloud, tmp_path):
    """As an operator runs it: what is read counts for the month."""
    day = datetime.now(ZONE).date() - timedelta(days=2)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PW_")},
        "PW_STATE_PATH": str(tmp_path / "state"),
        "PW_CLOUD_MODE": "static",
        "PW_CLOUD_URL": cloud.url,
        "PW_CLOUD_TOKEN": TOKEN,
    }
    command = (sys.executable, "-m", "proxy", "history", "import", "--cloud", "--from", day.isoformat())
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()

    assert process.returncode == 0, err
    assert b"days were added" in out
    assert (tmp_path / "state" / "cloud-requests.json").exists()
