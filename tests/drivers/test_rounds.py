"""How often a Powerwall 3 is read: it suffers from many requests, so a few must do."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from tesla_protocol.energy_device import graphql_api_pb2, transport_pb2

from proxy.drivers.tedapi import messages
from proxy.sim.server import SimulatedGateway
from tests.clients import telegraf
from tests.clock import pass_time, until
from tests.drivers.houses import FULL, HYBRID

ROUNDS = 24
STEP_S = 0.5
QUERIES = {messages.signed_query(name).text: name for name in ("status", "controller", "components")}
# What pages, Home Assistant and curious people request beside telegraf.
OTHERS = (
    "/flow.json",
    "/api/system_status",
    "/api/system_status/soe",
    "/api/meters/aggregates",
    "/api/operation",
    "/tedapi/config",
    "/tedapi/status",
    "/tedapi/components",
    "/tedapi/controller",
    "/json",
)


@pytest.fixture
async def site(clock):
    """Make a Powerwall 3 with so many units, each of which reports the time of its report (as a temperature)."""
    sims = []

    async def make(units: int) -> SimulatedGateway:
        sim = SimulatedGateway("pw3", clock=clock.clock, followers=units - 1)
        sim.tedapi.edit = lambda kind, document: dated(document, clock) if kind == "components" else document
        sims.append(sim)
        await sim.start()
        return sim

    yield make
    for sim in sims:
        await sim.stop()


def dated(document, clock):
    for signal in document["components"]["pch"][0]["signals"]:
        if signal["name"] == "PCH_AmbientTemp":
            signal["value"] = clock.clock.monotonic()
    return document


def observed_at(vitals):
    return [device["PCH_AmbientTemp"] for key, device in vitals.items() if key.startswith("TEPINV--")]


def question(record):
    """Name what a request is for, and of which unit."""
    if record.method == "GET" or record.path.startswith("/api/"):
        return (record.path,)
    outer = transport_pb2.AuthEnvelope.FromString(record.body)
    envelope = transport_pb2.MessageEnvelope.FromString(outer.payload)
    kind = envelope.WhichOneof("payload")
    if kind == "graphql":
        query = graphql_api_pb2.SignedGraphQLQuery.FromString(envelope.graphql.query_request.query)
        kind = QUERIES[query.query.decode()]
    return kind, envelope.recipient.din


async def rounds(proxy, sim, clock, pace_s, send_request):
    """Poll every ``pace_s`` seconds, with time passing in small steps; give the requests of each round."""
    await send_request()
    await until(lambda: not proxy.context.gateway.cache.is_fetching)
    seen = len(sim.requests)
    found = []
    for _ in range(ROUNDS):
        for _ in range(round(pace_s / STEP_S)):
            await pass_time(clock, proxy, STEP_S)
        await send_request()
        await until(lambda: not proxy.context.gateway.cache.is_fetching)
        found.append([question(record) for record in sim.requests[seen:]])
        seen = len(sim.requests)
    return found


@pytest.mark.parametrize("way", [FULL, HYBRID])
@pytest.mark.parametrize("pace_s", [5, 10])
@pytest.mark.parametrize("units", [1, 2, 3, 4])
async def test_a_telegraf_round_costs_at_most_three_requests(site, start, clock, units, pace_s, way):
    """The controller and two units, or one and what changes slowly; so every unit has its turn soon."""
    sim = await site(units)
    proxy = await start(sim, **way)

    everything = await rounds(proxy, sim, clock, pace_s, lambda: telegraf.gather(proxy))

    # Beside the login TEDAPI is a way of its own, with these requests for itself.
    found = [[what for what in requested if not what[0].startswith("/api/")] for requested in everything]
    assert {len(requested) for requested in found} <= {2, 3}
    assert any(("filestore", sim.din) in requested for requested in found)
    for din in sim.gateway.units:
        turns = [turn for turn, requested in enumerate(found) if ("components", din) in requested]
        assert max(b - a for a, b in pairwise([-1, *turns, ROUNDS])) <= units // 2 + 1


@pytest.mark.parametrize("pace_s", [5, 10])
@pytest.mark.parametrize("silent", [1, 3])
async def test_units_that_are_tried_in_vain_cost_no_more(site, start, clock, silent, pace_s):
    """They are tried now and then, also in a round with the configuration, and found again."""
    sim = await site(4)
    proxy = await start(sim, **FULL)
    followers = sim.gateway.units[1:]
    for din in followers[:silent]:
        sim.answers(status=500, path=f"/tedapi/device/{din}/v1")

    found = await rounds(proxy, sim, clock, pace_s, lambda: telegraf.gather(proxy))

    assert max(len(requested) for requested in found) == 3
    for din in followers:
        assert sum(("components", din) in requested for requested in found) > 1


@pytest.mark.parametrize("pace_s", [5, 10])
@pytest.mark.parametrize("units", [1, 3, 4])
async def test_age_is_that_of_the_oldest_unit(site, start, clock, units, pace_s):
    sim = await site(units)
    proxy = await start(sim, **FULL)
    ages = set()

    async def send_request():
        await telegraf.gather(proxy)
        await until(lambda: not proxy.context.gateway.cache.is_fetching)
        answer = await proxy.get("/vitals")
        oldest = clock.clock.monotonic() - min(observed_at(answer.json()))
        assert oldest - 1.1 <= int(answer.headers["Age"]) <= oldest
        assert int((await proxy.get("/aggregates")).headers["Age"]) < 5
        assert int((await proxy.get("/soe")).headers["Age"]) < 5
        ages.add(int(answer.headers["Age"]))

    await rounds(proxy, sim, clock, pace_s, send_request)

    assert max(ages) < 5 if units == 1 else max(ages) >= pace_s


@pytest.mark.parametrize("way", [FULL, HYBRID])
async def test_no_question_is_put_twice_within_cache_expire(site, start, clock, way):
    """Whatever the clients: telegraf, pages, Home Assistant and people with a browser, each at another pace."""
    sim = await site(3)
    proxy = await start(sim, **way)

    async def every_client():
        await telegraf.gather(proxy)
        for path in OTHERS:
            assert (await proxy.get(path)).status == 200
            await pass_time(clock, proxy, 0.3)

    await rounds(proxy, sim, clock, 1.5, every_client)

    requested = {}
    for record in sim.requests:
        requested.setdefault(question(record), []).append(record.time)
    assert (
        sum(not what[0].startswith("/api/") for what in requested) == 8
    )  # DIN, three units and four documents
    assert all(later - earlier > 4.9 for times in requested.values() for earlier, later in pairwise(times))


async def test_after_a_long_pause_everything_is_requested_at_once(site, start, clock):
    """Nothing that is older than PW_CACHE_TTL stands in for an answer."""
    sim = await site(4)
    proxy = await start(sim, **FULL)
    await proxy.get("/vitals")

    await pass_time(clock, proxy, 600)
    answer = await proxy.get("/vitals")

    assert answer.headers["Age"] == "0"
    assert clock.clock.monotonic() - min(observed_at(answer.json())) < 2


async def test_a_unit_that_fell_silent_is_served_from_memory_for_half_a_minute_and_no_longer(
    site, start, clock
):
    """A reply that a weak Wi-Fi loses takes no readings away; ``Age`` says how old they are."""
    sim = await site(3)
    proxy = await start(sim, **FULL)
    await proxy.get("/vitals")
    second = sim.gateway.units[1]

    sim.answers(status=500, path=f"/tedapi/device/{second}/v1")
    reported = []
    for _ in range(9):
        await pass_time(clock, proxy, 5)
        answer = await proxy.get("/vitals")
        oldest_s = clock.clock.monotonic() - min(observed_at(answer.json()))
        assert abs(int(answer.headers["Age"]) - oldest_s) <= 1
        assert oldest_s <= 30
        reported.append(f"TEPINV--{second}" in answer.json())

    assert reported[:4] == [True] * 4
    assert reported[-3:] == [False] * 3


async def test_what_the_others_report_keeps_its_names_while_a_unit_is_silent(site, start, clock):
    """The strings and fans of the third are not taken for those of the second."""
    sim = await site(3)
    proxy = await start(sim, **FULL)
    routes = ("/strings", "/fans/pw", "/temps/pw")
    before = [(await proxy.get(route)).json() for route in routes]
    second = sim.gateway.units[1]

    async def inverters():
        return re.findall(
            r'powerwall_inverter_power_watts{.*inverter="(\d)"}', (await proxy.get("/metrics")).text
        )

    assert await inverters() == ["1", "2", "3"]

    sim.answers(status=500, path=f"/tedapi/device/{second}/v1")
    for _ in range(8):
        await pass_time(clock, proxy, 5)
        strings, fans, temps = [(await proxy.get(route)).json() for route in routes]

    assert strings.keys() == {name for name in before[0] if not name.endswith("1")}
    assert fans.keys() == {name for name in before[1] if name[:4] not in {"FAN3", "FAN4"}}
    assert temps.keys() == before[2].keys() - {"PW2_temp"}
    assert await inverters() == ["1", "3"]
