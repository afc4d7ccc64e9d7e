"""Of several processes that serve one gateway, one records it."""

from __future__ import annotations

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
