"""Of several processes that serve one gateway, one records it."""

from __future__ import annotations

import asyncio

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.server.context import CONTEXT
from tests.clock import settled
from tests.conftest import client_of
from tests.history.conftest import history

METERS = "/api/meters/aggregates"


async def test_a_process_without_the_duty_records_and_requests_nothing(recording, sim, live):
    proxy = await recording(sim)
    duty = proxy.context.gateway.duty
    await live(5)
    before = (await history(proxy))["at"]
    duty.set(on=False)
    requests = sim.requests_for(METERS)

    await live(30)
    meanwhile = (await history(proxy))["at"]
    requested = sim.requests_for(METERS)
    duty.set(on=True)
    await live(5)
    after = (await history(proxy))["at"]

    assert requested == requests
    assert len(meanwhile) - len(before) <= 1  # the minute that was open
    assert len(after) > len(meanwhile)


async def test_a_duty_that_changes_after_the_end_sets_nothing_off(sim, clock, tmp_path):
    """The feature that shares gateways ends after the history, which has closed its file by then."""
    own = {"history": True, "bind_address": "127.0.0.1", "port": 0, "state_path": str(tmp_path / "state")}
    app = build_app(settings_of(host=sim.address, password="password", **own), clock.clock)
    async with listening(app, app[CONTEXT].settings) as (_, port), client_of(app, port) as proxy:
        await proxy.get("/aggregates")
        await settled()
    before = asyncio.all_tasks()

    for is_on in (False, True):
        app[CONTEXT].gateway.duty.set(on=is_on)

    assert asyncio.all_tasks() == before
