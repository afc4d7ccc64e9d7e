"""Every route on every gateway, from firmware 1.15 to a Powerwall 3: an answer, or that there is none."""

from __future__ import annotations

import json

import pytest

from proxy.core.sources import OPERATION, SOE, STATUS
from proxy.server.routes import ROUTES
from proxy.sim.personas import PERSONAS
from proxy.sim.server import SimulatedGateway
from tests.drivers.houses import FULL, HYBRID, knows

DATA = [route for route in ROUTES if not route.endpoint]
# What even a Powerwall 3 or a site without battery reports is enough for these.
ALWAYS = ("/aggregates", "/csv", "/csv/v2", "/json", "/freq", "/pod", "/strings", "/temps/pw", "/alerts/pw")

OTHER_WAYS = [
    (name, way)
    for name, persona in PERSONAS.items()
    for way, spoken in (("full", persona.tedapi), ("hybrid", persona.tedapi), ("v1r", persona.v1r))
    if spoken
]


def parsed(answer):
    if answer.headers["Content-Type"].startswith("application/json"):
        return json.loads(answer.text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    return answer.content


@pytest.mark.parametrize("persona", PERSONAS)
async def test_every_route_answers_on_every_gateway(persona, start, clock, subtests):
    async with SimulatedGateway(persona, clock=clock.clock) as sim:
        proxy = await start(host=sim.url, password=sim.password)

        is_full = sim.persona.full_rest and sim.persona.packs
        reported = (*ALWAYS, "/soe", "/version", SOE) if is_full else ALWAYS

        for route in DATA:
            with subtests.test(path=route.path):
                answer = await proxy.get(route.for_gateway("default"))

                assert answer.status in {200, 404}
                assert answer.status == 200 or route.path not in reported
                assert answer.status == 404 or parsed(answer) != b""
        assert sim.logins <= 1
        assert sim.writes == []


@pytest.mark.parametrize(("persona", "way"), OTHER_WAYS)
async def test_every_route_answers_over_every_other_way(persona, way, start, clock, key):
    """Also where a site has no battery: what it has is served, and that it has none is no fault."""
    async with SimulatedGateway(persona, clock=clock.clock) as sim:
        knows(sim, key)
        proxy = await start(
            sim, **(key.settings() if way == "v1r" else {"full": FULL, "hybrid": HYBRID}[way])
        )

        answers = {route.path: await proxy.get(route.for_gateway("default")) for route in DATA}

    assert {answer.status for answer in answers.values()} <= {200, 404}
    assert [path for path in ALWAYS if answers[path].status != 200] == []
    assert all(parsed(answer) != b"" for answer in answers.values())


async def test_a_gateway_whose_battery_a_login_would_stop_is_never_logged_in_to(start, clock):
    """Firmware 1.15 stops the battery at every login; what it reports only after one is unavailable."""
    async with SimulatedGateway("fw1_15", clock=clock.clock) as sim:
        proxy = await start(host=sim.url, password=sim.password)

        assert (await proxy.get("/api/operation")).status == 404
        assert (await proxy.get("/csv/v2")).text.endswith(",1,\n")
        assert sim.logins == 0
        assert sim.plant.running


async def test_a_large_site_is_shown_in_full(start, clock):
    """Ten inverters, ten packs, three phases."""
    async with SimulatedGateway("fw21_44", clock=clock.clock, packs=10, inverters=10, phases=3) as sim:
        proxy = await start(sim)

        strings = (await proxy.get("/strings")).json()
        temps = (await proxy.get("/temps/pw")).json()
        freq = (await proxy.get("/freq")).json()

    assert {"A", "D", "A1", "D9"} <= strings.keys()
    assert [f"PW{number}_temp" for number in range(1, 11)] == list(temps)
    assert freq["PW10_PINV_Fout"] is not None


async def test_packs_keep_their_numbers_across_a_restart(start, clock):
    """The order in which a gateway first listed its packs is kept in the state folder."""
    async with SimulatedGateway("fw21_44", clock=clock.clock, packs=3) as sim:
        before = (await (await start(sim)).get("/pod")).json()
        blocks = json.loads(json.dumps((await (await start(sim)).get("/api/system_status")).json()))
        blocks["battery_blocks"].reverse()
        sim.answers(body=json.dumps(blocks), path="/api/system_status")

        after = (await (await start(sim)).get("/pod")).json()

    names = [f"PW{number}_PackageSerialNumber" for number in (1, 2, 3)]
    assert [after[name] for name in names] == [before[name] for name in names]
    assert len({after[name] for name in names}) == 3


async def test_a_gateway_that_reports_less_is_shown_with_less(start, clock):
    """A Powerwall 3 by its local API has no mode and no status; what it has is served."""
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        proxy = await start(sim)

        assert (await proxy.get(OPERATION)).status == 404
        assert (await proxy.get(STATUS)).status == 404
        assert (await proxy.get("/csv/v2")).text.endswith(",1,\n")
        assert (await proxy.get("/json")).json()["reserve"] is None
