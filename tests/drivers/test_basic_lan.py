"""A Powerwall 3 with the customer's password alone: named, explained, and never filled up with invented values."""

from __future__ import annotations

import pytest

from proxy.sim.server import SimulatedGateway
from tests.drivers.houses import knows

SERVED = {"/api/meters/aggregates", "/api/system_status/soe", "/api/system_status/grid_status"}


@pytest.fixture
async def lan(clock):
    async with SimulatedGateway("pw3_lan", clock=clock.clock) as sim:
        yield sim


async def test_three_paths_are_served_and_no_others(lan, start):
    """Powers with real counters, charge, grid; 404 for what the firmware does not show to this login."""
    proxy = await start(lan)

    for path in SERVED:
        assert (await proxy.get(path)).status == 200
    for path in ("/api/status", "/api/operation", "/api/system_status", "/api/powerwalls", "/version"):
        assert (await proxy.get(path)).status == 404
    meters = (await proxy.get("/api/meters/aggregates")).json()
    assert meters["solar"]["energy_exported"] > 0
    assert "Energy-Counters" not in (await proxy.get("/aggregates")).headers


async def test_the_mode_has_a_name_and_says_what_would_give_more(lan, start):
    """/health and /status, and the object of pypowerwall-server."""
    proxy = await start(lan)
    await proxy.get("/status")
    await proxy.get("/aggregates")

    health = (await proxy.get("/health")).json()
    shown = (await proxy.get("/api/gateways/default")).json()

    notice = health["gateways"][0]["notice"]
    assert notice.startswith("Basic LAN")
    assert "PW_GW_PWD" in notice
    assert "PW_RSA_KEY_PATH" in notice
    assert health["status"] == "ok"
    assert (shown["gateway"]["basic_lan"], shown["data"]["connection_mode"]) == (True, "Basic LAN")
    assert shown["data"]["reserve"] is None


async def test_no_other_gateway_has_the_notice(proxy):
    await proxy.get("/status")

    assert (await proxy.get("/health")).json()["gateways"][0]["notice"] == ""
    assert (await proxy.get("/api/gateways/default")).json()["gateway"]["basic_lan"] is False


METERS = "/api/meters/aggregates"


@pytest.fixture
async def wired(clock, key):
    """A Powerwall 3 whose owner registered a key."""
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        knows(sim, key)
        yield sim


async def test_beside_v1r_the_customers_password_gives_real_counters(wired, start, key):
    """The lifetime energies of the local API, and all else that v1r reads; the mark of integrated ones is gone."""
    signed = await start(wired, **key.settings())
    both = await start(wired, **key.settings(password="password"))

    integrated = await signed.get("/aggregates")
    real = await both.get("/aggregates")

    assert integrated.headers["Energy-Counters"] == "integrated"
    assert "Energy-Counters" not in real.headers
    assert real.json()["solar"]["energy_exported"] > 1000 * integrated.json()["solar"]["energy_exported"]
    assert (await both.get("/api/operation")).status == 200
    assert (await both.get("/vitals")).json()


async def test_while_the_local_meters_are_away_powers_go_on_without_counters(wired, start, key):
    """No integrated sum takes the place of a real one: it would be a fall, and then a jump."""
    proxy = await start(wired, **key.settings(password="password"))
    wired.answers(status=503, path=METERS)

    meters = (await proxy.get("/aggregates")).json()

    assert meters["load"]["instant_power"] is not None
    assert meters["load"]["energy_imported"] is None


async def test_control_goes_over_the_link_that_may_write(wired, start, key):
    proxy = await start(wired, **key.settings(password="password", control_secret="the house's secret"))

    answer = await proxy.post("/control/reserve", data={"value": "30", "token": "the house's secret"})

    assert answer.status == 200
    assert [record.path for record in wired.writes if record.path.startswith("/api/")] == []


async def test_a_wrong_password_is_shown_to_the_gateway_once(wired, start, key):
    """Two links, one account: what one was refused the other does not try."""
    proxy = await start(wired, **key.settings(password="wrong"))

    await proxy.get("/aggregates")
    await proxy.get("/api/operation")

    assert len([record for record in wired.requests if record.path.startswith("/api/login")]) == 1


async def test_real_counters_begin_new_series(wired, start, key):
    """What a house ever used is no leap in the series that this proxy integrated."""
    signed = await start(wired, **key.settings())
    both = await start(wired, **key.settings(password="password"))
    await signed.get("/aggregates")
    await both.get("/aggregates")
    solar = 'powerwall_energy_joules_total{direction="exported",gateway="default",meter="solar"'

    integrated, real = (await signed.get("/metrics")).text, (await both.get("/metrics")).text

    assert f'{solar},origin="integrated"}}' in integrated
    assert f"{solar}}}" not in integrated
    assert f"{solar}}}" in real
    assert "origin=" not in real
