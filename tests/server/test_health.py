"""What /health tells the status page."""

from __future__ import annotations

import pytest

from tests.clock import pass_time, until

SECRET = "correct-horse-battery-staple"


async def health(proxy):
    return (await proxy.get("/health")).json()


def source(told, path):
    return next(it for it in told["sources"] if it["path"] == path)


async def test_a_source_tells_its_last_outcome_and_how_long_it_took(proxy, sim, clock):
    """A failed look at the gateway shows beside the reading that is still served."""
    await proxy.get("/soe")
    before = source(await health(proxy), "/api/system_status/soe")
    assert before["outcome"] == "ok"
    assert 0 <= before["exchange_seconds"] < 5

    sim.answers(path="/api/system_status/soe", status=503)
    await pass_time(clock, proxy, 6)
    await proxy.get("/soe")

    after = source(await health(proxy), "/api/system_status/soe")
    assert after["servable"]
    assert after["outcome"] == "source_unavailable"


async def test_logins_are_counted_by_the_hour(proxy, clock):
    """Those of more than an hour ago count in the total only."""
    await proxy.get("/soe")
    link = (await health(proxy))["gateways"][0]["links"][0]
    assert (link["logins_last_hour"], link["logins"]) == (1, 1)

    clock.advance(3601)
    link = (await health(proxy))["gateways"][0]["links"][0]
    assert (link["logins_last_hour"], link["logins"]) == (0, 1)


async def test_requests_are_counted_by_five_seconds(proxy, clock):
    """Sixty slots of five seconds; the one that is filling is not told yet."""
    await proxy.get("/soe")
    for _ in range(9):
        await proxy.get("/version")
    assert sum((await health(proxy))["traffic"]["requests_by_slot"]) == 0  # and brings what others counted
    clock.advance(5)

    traffic = (await health(proxy))["traffic"]

    assert len(traffic["requests_by_slot"]) == 60
    assert traffic["slot_seconds"] == 5
    assert sum(traffic["requests_by_slot"]) == 11
    assert traffic["requests_per_second"] == pytest.approx(traffic["requests_by_slot"][-1] / 5)
    assert 1 <= traffic["requests_per_second_5_minutes"] <= 11 / 5
    assert traffic["waiting"] == 0

    clock.advance(310)
    assert sum((await health(proxy))["traffic"]["requests_by_slot"]) == 0


async def test_a_page_that_listened_for_hours_is_no_slow_answer(proxy, clock):
    """A stream lasts as long as somebody looks; durations are those of answers."""
    await proxy.get("/version")
    async with proxy.client.get(proxy.url + "/events") as stream:
        await stream.content.readany()
        await pass_time(clock, proxy, 3600)
    clock.advance(16)  # the next heartbeat finds the reader gone
    await until(lambda: not proxy.context.streams)

    traffic = (await health(proxy))["traffic"]

    assert traffic["p95_seconds"] <= 1


async def test_commands_are_told_without_values_and_clients(start, sim):
    """Everybody may see that something was set; to what and from where is for holders of the secret."""
    proxy = await start(sim, control_secret=SECRET)
    for value in ("30", "35"):
        answer = await proxy.post("/control/reserve", data={"value": value, "token": SECRET})
        assert answer.status == 200

    writes = (await health(proxy))["writes"]

    assert [(it["settings"], it["outcome"]) for it in writes] == [(["reserve"], "ok")] * 2
    assert all(set(it) == {"seconds", "settings", "outcome"} for it in writes)
