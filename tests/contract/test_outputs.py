"""Every output says the same of a house: the same number everywhere, or nowhere.

/json and /pod are views of documents, because their form is the pypowerwall proxy's: they may also
show the 0 that a gateway lists for a part which the site lacks. Where others show a number, it is theirs.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings

from proxy.cache.source_cache import SourceCache
from proxy.core.clock import Clock
from proxy.core.freshness import Policy
from proxy.core.model import Document
from proxy.core.sources import GRID_STATUS, METERS, SYSTEM_STATUS
from proxy.gateways.site_model import SiteModel
from proxy.history.columns import COLUMNS
from proxy.metrics.exposition import Metrics
from proxy.metrics.proxy_samples import Running
from proxy.metrics.scraped_site import scraped_site
from proxy.mqtt.document import Catalogue
from proxy.mqtt.facts import Facts
from proxy.openc2.properties import PROPERTIES
from proxy.sim.server import SimulatedGateway
from proxy.views import batteries, meters, page
from proxy.views.options import Options
from proxy.views.quantities import QUANTITIES
from proxy.views.state import site_state
from tests.contract.houses import LATELY, NEVER, houses, options
from tests.contract.outputs import (
    of_health,
    of_history,
    of_json,
    of_metrics,
    of_mqtt,
    of_openc2,
    of_page,
    of_pod,
)
from tests.drivers.houses import FULL, POLYGLOT
from tests.metrics.reading import read, settled
from tests.openc2.conftest import KEY, Producer, response_of
from tests.views.strategies import documents as any_documents

STOPPED = Clock(lambda: 100.0, lambda: 1_760_000_000.0)
ROUNDED = 0.051  # the page and /health show tenths
ALL = {"action": "query", "target": {"properties": list(PROPERTIES)}}
slow = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def outputs(documents, options):
    """What each output says of these documents; those of the house first, those of the pypowerwall proxy second."""
    cache = SourceCache((), STOPPED, policy=Policy(5.0), deadline_s=1.0)
    for source, value in documents.items():
        cache.store.put(source, Document(value, b"", 100.0, 100.0), Policy(5.0))
    state = SiteModel(cache, lambda: options).current()
    traffic = SimpleNamespace(in_flight=0, requests=Counter(), seconds={}, bytes_sent=Counter())
    running = Running(gateways=(cache,), traffic=traffic, clock=STOPPED, started_at=0.0)
    metrics = Metrics(running, lambda g: scraped_site(g, state, STOPPED.wall()), lambda _, __, value: value)
    properties = {name: row.read(state, documents) for name, row in PROPERTIES.items()}
    published = Catalogue().publication(Facts(state, is_online=True), lambda _, reading: reading)
    ours = {
        "page": of_page(page.flow(state)),
        "metrics": of_metrics(read(metrics.scrape("")[0].decode())),
        "openc2": of_openc2(properties),
        "mqtt": of_mqtt(json.loads(published.status.payload)),
        "history": of_history(dict(minute(state))),
    }
    peers = {
        "/json": of_json(meters.json(documents, options)),
        "/pod": of_pod(batteries.pod(documents, options)),
    }
    return ours, peers


def minute(state):
    """What the history keeps of a minute with this one reading, in the units of the quantities."""
    for column in COLUMNS:
        kept = column.read(state)
        if kept is not None or column.quantity.read(state) is None:
            yield column.name, None if kept is None else kept / column.scale


def same(one, other):
    """Whether two outputs say the same: unknown is None, numbers differ by what is rounded."""
    if one is None or other is None or isinstance(one, str):
        return one == other
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=ROUNDED)


def disagreements(ours, peers):
    """Every pair of outputs that contradict each other, and about what."""
    for (one, says), (other, claims) in itertools.combinations(ours.items(), 2):
        for name in says.keys() & claims.keys():
            if not same(says[name], claims[name]):
                yield name, {one: says[name], other: claims[name]}
    for (one, says), (other, claims) in itertools.product(ours.items(), peers.items()):
        for name in says.keys() & claims.keys():
            theirs = claims[name]
            lists_more = says[name] is None and name.startswith("power ")
            if not same(says[name], theirs) and not lists_more:
                yield name, {one: says[name], other: theirs}


@slow
@given(houses, options)
def test_every_output_says_the_same_of_a_house_or_nothing(documents, options):
    assert not list(disagreements(*outputs(documents, options)))


@slow
@given(any_documents(), options)
def test_every_output_says_the_same_of_documents_of_any_shape_or_nothing(documents, options):
    assert not list(disagreements(*outputs(documents, options)))


@slow
@given(houses | any_documents(), options)
def test_a_quantity_comes_from_its_sources(documents, options):
    """What its sources alone make known is what all documents together make known, for all but parts that only the charge proves."""
    state = site_state(documents, options, {})
    for quantity in QUANTITIES:
        own = {source: value for source, value in documents.items() if source in quantity.sources}
        alone = quantity.read(site_state(own, options, {}))
        assert same(alone, quantity.read(state)) or quantity.name.startswith("battery_"), quantity.name


def section(power, *, stamp=LATELY, energy=5_000):
    return {
        "last_communication_time": stamp,
        "instant_power": power,
        "energy_imported": energy,
        "energy_exported": energy,
    }


HOUSE = {"site": section(500), "battery": section(300), "load": section(1000)}
NULLS = dict.fromkeys(section(0))
# Meters, state of the grid, and what every output says.
HOUSES = {
    "solar is not listed": (HOUSE, "SystemGridConnected", {"power solar": None, "unbalanced": -200, "flow s2h": 0, "flow g2h": 500}),
    "solar is idle": (
        {**HOUSE, "solar": section(0.4, energy=0)},
        "SystemGridConnected",
        {"power solar": None, "unbalanced": -200, "exported solar": None},
    ),
    "solar was never read": (
        {**HOUSE, "solar": section(700, stamp=NEVER)},
        "SystemGridConnected",
        {"power solar": None, "unbalanced": -200},
    ),
    "solar is unknown": (
        {**HOUSE, "solar": {"instant_power": None, "energy_exported": 5}},
        "SystemGridConnected",
        {"power solar": None, "unbalanced": 0, "flow s2h": 200},
    ),
    "load was never read": (
        {**HOUSE, "load": section(700, stamp=NEVER)},
        "SystemGridConnected",
        {"power load": None, "unbalanced": 0, "hours": None},
    ),
    "a generator runs": (
        {**HOUSE, "site": section(12), "generator": section(900)},
        "SystemIslandedActive",
        {"power generator": 900, "unbalanced": 200, "flow g2h": 0},
    ),
    "three phases": (
        {**HOUSE, "solar": section(200), "site": {**section(500), "i_a_current": 1, "i_b_current": 2, "i_c_current": 3}},
        "SystemGridConnected",
        {"unbalanced": 0, "flow s2h": 200},
    ),
    "everything is null": (
        dict.fromkeys(("site", "battery", "load", "solar"), NULLS),
        "SystemGridConnected",
        {"power site": None, "power load": None, "unbalanced": None, "flow g2h": None},
    ),
    "nothing is listed, off grid": ({}, "SystemIslandedActive", {"power load": None, "unbalanced": None}),
}  # fmt: skip
LISTED = {name: row for name, row in HOUSES.items() if row[0]}  # a gateway's empty document is no reading


@pytest.mark.parametrize(("listed", "grid", "expected"), HOUSES.values(), ids=HOUSES)
def test_known_houses_are_described_alike(listed, grid, expected):
    """And rightly."""
    documents = {
        METERS: listed,
        GRID_STATUS: {"grid_status": grid, "grid_services_active": False},
        SYSTEM_STATUS: {"nominal_energy_remaining": 7000, "nominal_full_pack_energy": 14_000},
    }
    ours, peers = outputs(documents, Options())

    assert not list(disagreements(ours, peers))
    for name, value in expected.items():
        saying = {output: says[name] for output, says in (ours | peers).items() if name in says}
        assert all(same(value, said) for output, said in saying.items() if output in ours), (name, saying)


@pytest.mark.parametrize(("listed", "grid", "expected"), LISTED.values(), ids=LISTED)
async def test_known_houses_are_described_alike_over_http(sim, start, listed, grid, expected):
    """By a proxy in front of a gateway that reports them; also by /health and the event stream."""
    sim.answers(body=listed, path=METERS)
    sim.answers(body={"grid_status": grid, "grid_services_active": False}, path=GRID_STATUS)
    proxy = await start(sim, metrics_refresh="all", openc2_key=KEY, openc2_insecure=True)
    ours, peers = await served(proxy)

    assert not list(disagreements(ours, peers))
    for name, value in expected.items():
        saying = {output: says[name] for output, says in ours.items() if name in says}
        assert all(same(value, said) for said in saying.values()), (name, saying)


@pytest.mark.parametrize(("how", "origin"), [("local", "gateway"), ("tedapi", "integrated")])
async def test_a_house_is_described_alike_however_it_is_read(clock, start, how, origin):
    """Over the owner's API and over TEDAPI, of a gateway with two packs and two inverters."""
    async with SimulatedGateway(persona=POLYGLOT, clock=clock.clock) as gateway:
        settings = FULL if how == "tedapi" else {}
        proxy = await start(gateway, metrics_refresh="all", openc2_key=KEY, openc2_insecure=True, **settings)
        ours, peers = await served(proxy)
        state = proxy.context.gateway.site.current()

    assert not list(disagreements(ours, peers))
    assert state.energy_origin == origin
    assert None not in {ours["page"][name] for name in ("power load", "charge", "unbalanced", "grid")}
    assert ours["page"]["packs"].keys() == {"PW1", "PW2"}


async def served(proxy):
    """What every output of a proxy says."""
    series = await settled(proxy)
    for path in ("/json", "/pod"):
        await proxy.get(path)
    properties = response_of(await Producer(proxy).send(ALL))["results"]["x-powerwall"]
    ours = {
        "page": of_page((await proxy.get("/flow.json")).json()),
        "events": of_page(await first_event(proxy)),
        "metrics": of_metrics(series),
        "openc2": of_openc2(properties),
        "/health": of_health((await proxy.get("/health")).json()["readings"]),
    }
    peers = {
        "/json": of_json((await proxy.get("/json")).json()),
        "/pod": of_pod((await proxy.get("/pod")).json()),
    }
    return ours, peers


async def first_event(proxy):
    """The first event of the stream, which is what is known now."""
    async with proxy.client.get(f"{proxy.url}/events") as stream:
        line = b""
        while not line.startswith(b"data: "):
            line = await stream.content.readline()
    return json.loads(line.removeprefix(b"data: "))
