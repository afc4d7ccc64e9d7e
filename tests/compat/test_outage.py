"""The gateway is gone: every route says so, or says what the peer said if the owner wants that."""

from __future__ import annotations

import pytest

from proxy.server.routes import ROUTES

OTHER_WAYS = ("TEDAPI", "Cloud API", "FleetAPI")  # not configured here
DATA = [
    route
    for route in ROUTES
    if (route.sources or route.offered) and not route.endpoint and route.group not in OTHER_WAYS
]
NULLS = '"nominal_full_pack_energy": null, "nominal_energy_remaining": null, "time_remaining_hours": null'

# See docs/protocol.md, "Its answers without a gateway".
PEER = {
    "/aggregates": "null",
    "/soe": "null",
    "/vitals": "null",
    "/api/status": "null",
    "/csv": "0.00,0.00,0.00,0.00,0.00\n",
    "/csv?headers": "Grid,Home,Solar,Battery,BatteryLevel\n0.00,0.00,0.00,0.00,0.00\n",
    "/csv/v2": "0.00,0.00,0.00,0.00,0.00,0,0\n",
    "/json": '{"grid": 0, "home": 0, "solar": 0, "battery": 0, "soe": 0, "grid_status": 0, "reserve": 0, '
    '"time_remaining_hours": 0, "full_pack_energy": 0, "energy_remaining": 0, "strings": {}}',
    "/strings": "{}",
    "/temps": "{}",
    "/temps/pw": "{}",
    "/alerts/pw": "{}",
    "/alerts": "[]",
    "/freq": '{"grid_status": null}',
    "/pod": "{" + NULLS + ', "backup_reserve_percent": null}',
    "/version": '{"version": "SolarOnly", "vint": 0}',
    "/pw/power": '{"site": 0.0, "solar": 0.0, "battery": 0.0, "load": 0.0}',
    "/pw/level": '{"level": null}',
    "/pw/get_reserve": '{"reserve": null}',
    "/pw/get_mode": '{"mode": null}',
    "/pw/get_time_remaining": '{"time_remaining": null}',
    "/pw/din": '{"din": null}',
    "/pw/site": "null",
    "/pw/alerts": '{"alerts": []}',
    "/pw/grid_status": "{}",
    "/pw/is_connected": '{"is_connected": false}',
}


# After this the gateway is tried again, whatever went before.
COOLDOWNS_S = 3600.0


@pytest.fixture
async def lost(sim, start):
    """A gateway that answers nothing but 503, and a proxy that never saw it well."""
    sim.answers(status=503)
    return lambda **settings: start(sim, **settings)


async def test_what_cannot_be_known_is_an_error(lost, clock, subtests):
    """No zero, no null, no "SolarOnly" with status 200."""
    proxy = await lost()

    for route in DATA:
        with subtests.test(path=route.path):
            answer = await proxy.get(route.for_gateway("default"))

            assert answer.status in {502, 503, 504}
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) >= 1
            assert not {"error", "code"} & answer.json().keys()
        clock.advance(COOLDOWNS_S)


async def test_owners_may_have_the_peers_answers_back(lost, clock, subtests):
    """PW_LEGACY_ERRORS=yes: 200 with the nulls and zeros that old scripts were written for."""
    proxy = await lost(legacy_errors=True)

    for path, text in PEER.items():
        with subtests.test(path=path):
            answer = await proxy.get(path)

            assert (answer.status, answer.text) == (200, text)
        clock.advance(COOLDOWNS_S)


async def test_whether_there_is_a_connection_is_always_known(lost):
    answer = await (await lost()).get("/pw/is_connected")

    assert (answer.status, answer.json()) == (200, {"is_connected": False})


async def test_devices_that_cannot_be_read_are_not_devices_that_do_not_exist(sim, proxy):
    """An empty answer would erase them from a dashboard; what does without them is served."""
    sim.answers(status=503, path="/api/devices/vitals")

    assert (await proxy.get("/strings")).status == 503
    assert (await proxy.get("/temps")).status == 503
    assert (await proxy.get("/json")).status == 200


async def test_firmware_without_vitals_has_empty_answers(sim, proxy):
    """404 from the gateway: absent by nature, so 200 and nothing, but for what the inverter still reports."""
    sim.answers(status=404, path="/api/devices/vitals")

    assert (await proxy.get("/vitals")).json() == {}
    assert (await proxy.get("/temps/pw")).json() == {}
    assert (await proxy.get("/pod")).json()["PW1_POD_nom_full_pack_energy"] > 0
    assert (await proxy.get("/api/devices/vitals")).status == 404
    assert sim.requests_for("/api/devices/vitals") == 1
    assert sim.requests_for("/api/solar_powerwall") == 0

    await proxy.get("/strings")
    await proxy.get("/alerts/pw")
    assert sim.requests_for("/api/solar_powerwall") == 1
