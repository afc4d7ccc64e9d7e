"""Behind Tesla's cloud a day that is over is taken from its energy history, for one request."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from proxy.core.zones import zone_of
from proxy.history.days import day_of, start_of
from tests.clock import pass_time, settled
from tests.cloud.conftest import TOKEN, at, named

ZONE = zone_of("America/Los_Angeles")
HOUR = 3600


@pytest.fixture
def recording(start, tmp_path):
    """Start a proxy of a site in the cloud that keeps a history; several go on in the same folder."""

    async def recording(cloud, **settings):
        known = {
            "cloud_mode": "static",
            "cloud_url": cloud.url,
            "cloud_token": TOKEN,
            "history": True,
            "state_path": str(tmp_path / "state"),
        }
        proxy = await start(**known | settings)
        await settled()
        return proxy

    return recording


def kept(tmp_path, statement):
    with closing(sqlite3.connect(tmp_path / "state" / "history.db")) as db:
        return db.execute(statement).fetchall()


async def until_hour(clock, proxy, hour: float) -> None:
    """Let time pass until an hour after the coming midnight of the site."""
    now = clock.clock.wall()
    midnight = start_of(day_of(now, ZONE) + timedelta(days=1), ZONE)
    await pass_time(clock, proxy, midnight + hour * HOUR - now)
    for _ in range(3):
        await pass_time(clock, proxy, 61)


async def test_the_day_has_the_energies_of_the_cloud(recording, cloud, clock, tmp_path):
    """However little was read of it; where nothing was recorded, it has the powers of the cloud."""
    cloud.house.gateway.speed = 1
    proxy = await recording(cloud)
    await proxy.get("/aggregates")
    day = day_of(clock.clock.wall(), ZONE)
    await until_hour(clock, proxy, 1.5)
    await proxy.get("/aggregates")
    await until_hour(clock, proxy, -10)

    used = cloud.site.history.between(start_of(day, ZONE), start_of(day + timedelta(days=1), ZONE))
    [solar, home, gap] = kept(tmp_path, f"SELECT solar, home, gap_s FROM energy WHERE day = '{day}'")[0]
    assert (solar, home, gap) == (pytest.approx(used.produced), pytest.approx(used.consumed), 0)
    rows = kept(tmp_path, f"SELECT count(*) FROM minute WHERE at < {start_of(day + timedelta(days=1), ZONE)}")
    assert rows[0][0] >= 288


async def test_it_costs_one_request_a_day(recording, cloud, clock):
    """Also without clients; the next process goes on where this one ended."""
    proxy = await recording(cloud)
    await proxy.get("/aggregates")
    before = named(cloud).count("calendar_history")
    for _ in range(2):
        await until_hour(clock, proxy, 2)
    proxy = await recording(cloud)
    for _ in range(3):
        await pass_time(clock, proxy, 61)

    assert named(cloud).count("calendar_history") - before == 2


async def test_a_day_that_cannot_be_taken_is_tried_again_some_hours_later(recording, cloud, clock, tmp_path):
    proxy = await recording(cloud)
    await proxy.get("/aggregates")
    cloud.trouble("unavailable", path=f"/api/1/energy_sites/{cloud.site.site_id}/calendar_history")
    before = named(cloud).count("calendar_history")
    await until_hour(clock, proxy, 3)
    failed = named(cloud).count("calendar_history") - before
    cloud.heal()
    await pass_time(clock, proxy, 7 * HOUR)
    for _ in range(3):
        await pass_time(clock, proxy, 61)

    assert failed == 1
    assert named(cloud).count("calendar_history") - before == 2


async def test_nothing_is_taken_where_energies_are_not_wanted(recording, cloud, clock):
    proxy = await recording(cloud, integrate_energy=False)
    await proxy.get("/aggregates")
    await until_hour(clock, proxy, 3)

    assert "calendar_history" not in named(cloud)


async def test_behind_a_gateway_the_day_is_the_gateways(recording, both, house, clock):
    proxy = await recording(both, **at(house))
    await proxy.get("/aggregates")
    await until_hour(clock, proxy, 3)

    assert both.api_requests == 0
