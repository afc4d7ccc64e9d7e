"""evcc's template tesla-powerwall-pypowerwall-server, as the requests it sends and what it takes out.

A Go program: anything but 200 is an error and leaves the last value, null and a missing key are 0.
"""

from __future__ import annotations

import json

import pytest

from proxy.core.sources import SOE
from proxy.sim.server import SimulatedGateway
from tests.drivers.houses import FULL, knows

SECRET = "the secret of this house"
HEADERS = {
    "User-Agent": "evcc/0.300",
    "Content-Type": "application/json",
    "Authorization": f"Bearer {SECRET}",
}


@pytest.fixture(params=["local", "full", "v1r"])
async def house(request, start, clock, key):
    """The three ways of reading a gateway that have a battery to control."""
    async with SimulatedGateway("fw21_44" if request.param == "local" else "pw3", clock=clock.clock) as sim:
        knows(sim, key)
        way = {"local": {}, "full": FULL, "v1r": key.settings()}[request.param]
        yield request.param, sim, await start(sim, control_secret=SECRET, **way)


async def read(proxy, path):
    answer = await proxy.get(path, headers={"User-Agent": "evcc/0.300"})
    assert answer.status == 200
    return answer.json()


async def post(proxy, path, value):
    return await proxy.post(path, data=json.dumps(value) + "\n", headers=HEADERS)


async def test_meters_have_powers_and_counters(house):
    _, _, proxy = house

    for _ in range(2):
        meters = await read(proxy, "/api/meters/aggregates")
        for name in ("site", "solar", "battery", "load"):
            assert isinstance(meters[name]["instant_power"], int | float)
        assert isinstance(meters["solar"]["energy_exported"], int | float)
        assert isinstance(meters["load"]["energy_imported"], int | float)


async def test_the_battery_has_charge_capacity_limit_and_reserve(house):
    """All on the app's scale: a raw 24 would be believed as 24 %."""
    _, sim, proxy = house

    charge = (await read(proxy, SOE))["percentage"]
    system = await read(proxy, "/api/system_status")
    reserve = (await read(proxy, "/api/operation"))["backup_reserve_percent"]

    assert charge == pytest.approx(max((await read(proxy, "/soe"))["percentage"] - 5, 0) / 0.95)
    assert system["nominal_full_pack_energy"] > 0
    assert system["max_apparent_power"] > 0
    assert reserve == pytest.approx((sim.gateway.site.reserve - 5) / 0.95)


async def test_modes_change_the_reserve(house):
    """Normal is the least charge, hold the present one, charge the highest: each once, at a change."""
    way, _, proxy = house
    if way == "full":
        assert (await post(proxy, "/control/reserve", {"value": 20})).status == 404
        return
    charge = int((await read(proxy, SOE))["percentage"] + 1e-6)
    for path, value, held in (
        ("/control/reserve", {"value": 0}, 0),
        ("/control/reserve_hold", {}, min(charge, 80)),
        ("/control/reserve", {"value": 80}, 80),
        ("/control/reserve", {"value": 100}, 100),
        ("/control/reserve", {"value": 20}, 20),
    ):
        assert (await post(proxy, path, value)).status == 200
        assert (await read(proxy, "/api/operation"))["backup_reserve_percent"] == pytest.approx(
            held, abs=0.01
        )


async def test_an_outage_is_an_error_and_never_a_zero(house, clock):
    """null would be 0 %: evcc would take the battery for empty."""
    _, sim, proxy = house
    await read(proxy, SOE)
    sim.answers(status=503)
    clock.advance(60)

    for path in ("/api/meters/aggregates", SOE, "/api/system_status", "/api/operation"):
        assert (await proxy.get(path)).status >= 500
    assert (await post(proxy, "/control/reserve_hold", {})).status >= 400


async def test_a_wrong_secret_changes_nothing(house):
    _, sim, proxy = house
    before = sim.gateway.site.reserve
    headers = HEADERS | {"Authorization": "Bearer wrong"}

    answer = await proxy.post("/control/reserve", data='{"value": 50}\n', headers=headers)

    assert answer.status == 401
    assert sim.gateway.site.reserve == before
