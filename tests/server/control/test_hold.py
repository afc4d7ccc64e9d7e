"""Keeping the present charge, and the reserves that firmware takes (evcc, pypowerwall-server)."""

from __future__ import annotations

import pytest

from proxy.core.sources import SOE
from proxy.sim.server import SimulatedGateway
from tests.drivers.houses import knows
from tests.server.control.conftest import BEARER, SECRET

HOLD, RESERVE = "/control/reserve_hold", "/control/reserve"


def charge(sim, app_percent: float) -> None:
    sim.answers(body=f'{{"percentage": {app_percent * 0.95 + 5}}}', path=SOE)


@pytest.fixture
async def modern(start, clock, key):
    """A Powerwall 3 over v1r: firmware 25.42, which takes a reserve of 0 to 80 % or of 100 %."""
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        knows(sim, key)
        yield sim, await start(sim, **key.settings(control_secret=SECRET))


async def test_hold_sets_the_reserve_to_the_charge(proxy, sim):
    """Rounded down, on the app's scale, as evcc sends it: an empty object with the secret as a bearer."""
    charge(sim, 43.9)

    answer = await proxy.post(HOLD, json={}, headers=BEARER)

    assert (answer.status, answer.json()["reserve"]) == (200, 43.0)
    assert sim.gateway.site.reserve == pytest.approx(43 * 0.95 + 5)
    assert answer.json().keys() == {"set_backup_reserve_percent", "reserve", "set_operation", "mode"}


async def test_a_form_holds_as_well(proxy, sim):
    charge(sim, 30)

    assert (await proxy.post(HOLD, data={"token": SECRET})).json()["reserve"] == 30.0


@pytest.mark.parametrize("body", [{"value": 1}, {"value": "", "mode": "backup"}])
async def test_hold_takes_nothing_else(proxy, sim, body):
    answer = await proxy.post(HOLD, json=body, headers=BEARER)

    assert (answer.status, answer.json()["detail"]) == (400, "reserve_hold requires an empty JSON object")
    assert sim.writes == []


async def test_hold_needs_the_secret(proxy, sim):
    assert (await proxy.post(HOLD, json={})).status == 401
    assert (await proxy.post(HOLD, json={}, headers={"Authorization": "Bearer wrong"})).status == 401
    assert (await proxy.get(HOLD)).status == 405
    assert sim.writes == []


async def test_no_charge_of_earlier_is_held(proxy, sim, clock):
    """A reading of minutes ago would give energy away, or buy it."""
    await proxy.get("/soe")
    sim.answers(status=503, path=SOE)
    clock.advance(12)
    assert (await proxy.get("/soe")).status == 200

    answer = await proxy.post(HOLD, json={}, headers=BEARER)

    assert (answer.status, answer.json()["error"]) == (503, "Battery state of charge unavailable")
    assert sim.writes == []


async def test_hold_above_80_percent_keeps_80_and_says_so(modern):
    """Firmware since 25.18 has no such reserve: 80 % keeps more than nothing."""
    sim, proxy = modern
    sim.plant.set_charge(87.5 * 0.95 + 5)

    answer = (await proxy.post(HOLD, json={}, headers=BEARER)).json()

    assert answer == {**answer, "reserve": 80.0, "asked": 87}
    assert sim.gateway.site.reserve == 81.0


@pytest.mark.parametrize("percent", [81, 90.5, 99])
async def test_a_reserve_that_firmware_drops_is_refused_with_what_it_takes(modern, percent):
    sim, proxy = modern
    before = sim.gateway.site.reserve

    answer = await proxy.post(RESERVE, json={"value": percent}, headers=BEARER)

    assert answer.status == 400
    assert answer.json()["outcome"] == "value_refused"
    assert "0 to 80 % or of 100 %" in answer.json()["detail"]
    assert sim.gateway.site.reserve == before


@pytest.mark.parametrize("percent", [0, 80, 100])
async def test_a_reserve_that_firmware_takes_is_set(modern, percent):
    _, proxy = modern

    answer = await proxy.post(RESERVE, json={"value": percent}, headers=BEARER)

    assert (answer.status, answer.json()["reserve"]) == (200, pytest.approx(percent))


async def test_older_firmware_takes_every_reserve(proxy, sim):
    assert (await proxy.post(RESERVE, json={"value": 85}, headers=BEARER)).json()["reserve"] == pytest.approx(
        85
    )


async def test_the_secret_may_stand_bare(proxy):
    """As programs of pypowerwall-server send it; other schemes are no token."""
    bare = await proxy.post(RESERVE, json={"value": 25}, headers={"Authorization": SECRET})
    basic = await proxy.post(RESERVE, json={"value": 25}, headers={"Authorization": f"Basic {SECRET}"})

    assert (bare.status, basic.status) == (200, 401)
    assert basic.json()["detail"] == basic.json()["unauthorized"]


async def test_a_secret_of_several_words_may_stand_bare(start, sim):
    headers = {"Authorization": "the storm at the house"}
    proxy = await start(sim, control_secret=headers["Authorization"])

    assert (await proxy.post(RESERVE, json={"value": 25}, headers=headers)).status == 200


async def test_json_is_known_by_its_beginning(proxy):
    """curl -d '{"value": 34}' without a type, and types like application/merge-patch+json."""
    headers = {**BEARER, "Content-Type": "application/merge-patch+json"}
    named = await proxy.post(RESERVE, data='{"value": 34}', headers=headers)
    unnamed = await proxy.post(
        RESERVE, data=b'{"value": 35}', headers=BEARER, skip_auto_headers=["Content-Type"]
    )

    assert (named.json()["reserve"], unnamed.json()["reserve"]) == (34.0, 35.0)


async def test_what_control_can_do_needs_no_secret(proxy, start, sim):
    off = await start(sim, state_path="")

    assert (await proxy.get("/control/status")).json() == {"enabled": True, "battery_dispatch": False}
    assert (await off.get("/control/status")).json() == {"enabled": False, "battery_dispatch": False}


@pytest.fixture
async def island(start, sim):
    return await start(sim, control_secret=SECRET, control_islanding=True)


async def test_leaving_the_grid_is_confirmed(island, sim):
    """off_grid alone is a slip; true, which is ours, is meant."""
    unconfirmed = await island.post("/control/islanding", json={"value": "off_grid"}, headers=BEARER)
    confirmed = await island.post(
        "/control/islanding", json={"value": "off_grid", "confirm": True}, headers=BEARER
    )

    assert (unconfirmed.status, unconfirmed.json()["detail"]) == (400, "Off-grid requires 'confirm': true")
    assert confirmed.status == 200
    assert len([record for record in sim.writes if "islanding" in record.path]) == 1


async def test_islanding_commands_keep_a_distance(island, sim, clock):
    """PW_ISLANDING_COOLDOWN: contactors are no light switches."""
    headers = BEARER
    await island.post("/control/islanding", json={"value": True}, headers=headers)
    at_once = await island.post("/control/islanding", json={"value": "on_grid"}, headers=headers)
    clock.advance(31)
    later = await island.post("/control/islanding", json={"value": "on_grid"}, headers=headers)

    assert (at_once.status, at_once.headers["Retry-After"]) == (429, "30")
    assert later.status == 200
    assert len([record for record in sim.writes if "islanding" in record.path]) == 2


async def test_counters_are_reset_with_the_secret(proxy):
    """As pypowerwall-server wants it: POST with the secret; a wrong one is refused."""
    done = await proxy.post("/health/reset", headers=BEARER)

    assert (done.status, done.json()["status"]) == (200, "ok")
    assert (await proxy.post("/health/reset", headers={"Authorization": "Bearer wrong"})).status == 401
