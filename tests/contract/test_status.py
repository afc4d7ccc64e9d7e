"""Every output says the same of how things stand with a gateway."""

import pytest

from tests.metrics.reading import scrape

FAULTS = {
    "none": {},
    "too many requests": {"status": 429, "headers": {"Retry-After": "120"}},
    "one path fails": {"status": 500, "path": "/api/meters/aggregates"},
    "a path is not offered": {"status": 404, "path": "/api/system_status/soe"},
    "every path fails": {"status": 500},
}
PATHS = ("/aggregates", "/soe", "/api/system_status/grid_status")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_outputs_agree_about_a_gateway(sim, proxy, clock, fault):
    """State, failures in a row, the next attempt, the sentence, what is offered: on every page of numbers."""
    if fault:
        sim.answers(**fault)
    for _ in range(3):
        for path in PATHS:
            await proxy.get(path)
        clock.advance(0.5)
    link = (await proxy.get("/flow.json")).json()["link"]  # may request what changes slowly
    health, stats = [(await proxy.get(path)).json() for path in ("/health", "/stats")]
    series = await scrape(proxy)
    status = proxy.context.gateway.status()
    known = status.links[0]

    reported = health["gateways"][0]["links"][0]
    labels = ("gateway=default", f"driver={known.name}")
    wait = known.wait_s(status.at)
    is_up = known.state.value == "closed"
    assert [reported["state"], link["state"]] == [known.state.value] * 2
    assert series["powerwall_proxy_link_state", *labels, f"state={known.state.value}"] == 1
    assert stats["connection_health"]["is_degraded"] is not is_up
    assert [reported["retry_in_seconds"], link["retry_in"]] == [
        None if is_up else pytest.approx(wait, abs=0.1)
    ] * 2
    assert series["powerwall_proxy_cooldown_seconds", *labels] == pytest.approx(wait, abs=0.1)
    assert bool(stats["gateway"]["next_try_at"]) == (wait > 0)
    assert [reported["failures_in_row"], stats["connection_health"]["consecutive_failures"]] == [
        known.failures_in_row
    ] * 2
    assert series["powerwall_proxy_failures_in_row", *labels] == known.failures_in_row
    assert health["message"] == stats["message"] == status.reason
    assert health["status"] == ("ok" if status.is_healthy else "degraded")
    assert stats["offered"] == status.offered
    assert sum(stats["connection_health"][f"total_{kind}"] for kind in ("failures", "successes")) == sum(
        series.named("powerwall_proxy_exchanges_total").values()
    )


async def test_a_status_is_of_its_moment(sim, proxy, clock):
    """It does not change when the gateway does: what was handed on can be compared with what is now."""
    await proxy.get("/soe")
    before = proxy.context.gateway.status()
    exchanges, observed = dict(before.links[0].exchanges), before.links[0].seconds.count

    sim.answers(status=429)
    clock.advance(6)
    await proxy.get("/soe")
    now = proxy.context.gateway.status()

    assert before.links[0].is_up
    assert before.is_healthy
    assert before.links[0].exchanges == exchanges
    assert before.links[0].seconds.count == observed
    assert not now.links[0].is_up
    assert now.links[0].next_attempt > now.at
    assert "limits the rate" in now.reason
    assert now.links[0].seconds.count > observed
