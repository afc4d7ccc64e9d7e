"""What /health has for the status page."""

from __future__ import annotations

import pytest

from proxy.commands.simulated import settings_for
from proxy.server.routes import ROUTES
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, until

SECRET = "correct-horse-battery-staple"


async def health(proxy):
    return (await proxy.get("/health")).json()


def source(reported, path):
    return next(it for it in reported["sources"] if it["path"] == path)


async def test_a_source_reports_its_last_outcome_and_how_long_it_took(proxy, sim, clock):
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
    """Sixty slots of five seconds; the one that is filling is not reported yet."""
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
    """A stream lasts as long as a page is open; durations are those of responses."""
    await proxy.get("/version")
    async with proxy.client.get(proxy.url + "/events") as stream:
        await stream.content.readany()
        await pass_time(clock, proxy, 3600)
    clock.advance(16)  # the next heartbeat finds the reader gone
    await until(lambda: not proxy.context.streams)

    traffic = (await health(proxy))["traffic"]

    assert traffic["p95_seconds"] <= 1


async def test_commands_are_reported_without_values_and_clients(start, sim):
    """Every client may see that something was set; to what and from where is for holders of the secret."""
    proxy = await start(sim, control_secret=SECRET)
    for value in ("30", "35"):
        answer = await proxy.post("/control/reserve", data={"value": value, "token": SECRET})
        assert answer.status == 200

    writes = (await health(proxy))["writes"]

    assert [(it["settings"], it["outcome"]) for it in writes] == [(["reserve"], "ok")] * 2
    assert all(set(it) == {"seconds", "settings", "outcome"} for it in writes)


@pytest.mark.parametrize("persona", ["fw21_44", "fw25_10", "pw3", "solar_only"])
async def test_what_a_gateway_does_not_offer_is_no_error(start, clock, persona):
    """All routes of a healthy gateway: nothing failed, and each link names what it cannot report."""
    async with SimulatedGateway(persona, clock=clock.clock) as sim:
        proxy = await start(**settings_for(sim))
        for route in ROUTES:
            if not route.endpoint:
                await proxy.get(route.path)
        reported, stats = await health(proxy), (await proxy.get("/stats")).json()
        links = reported["gateways"][0]["links"]

        assert reported["status"] == "ok"
        assert reported["errors"] == []
        assert [link["cooldowns"] for link in links] == [{}] * len(links)
        assert "error" not in reported["traffic"]["results"]
        assert stats["gateway"]["refusals"] == 0
        assert reported["connection_health"]["total_failures"] == 0
        if persona == "pw3":
            assert "/api/operation" in links[0]["not_offered"]
            assert reported["traffic"]["results"]["not_offered"] > 0


@pytest.mark.parametrize(
    ("settings", "fault", "sentences"),
    [
        (
            {},
            Fault(action="refuse"),
            (
                "The gateway cannot be reached: ",
                "connection refused. Is PW_HOST the gateway's address",
                "Next attempt",
            ),
        ),
        (
            {"password": "mistyped"},
            None,
            ("The gateway refuses the login: PW_PASSWORD is wrong", "Check PW_PASSWORD (the customer"),
        ),
        ({}, Fault(status=429), ("limits the rate", "Does another program poll the gateway?", "Paused for")),
    ],
    ids=["unreachable", "refused", "limited"],
)
async def test_the_summary_names_the_cause_and_one_action(start, sim, settings, fault, sentences):
    """The words of the operator: what is wrong, what to do, when it is tried again."""
    if fault:
        sim.faults.add(fault)
    proxy = await start(sim, **settings)
    await proxy.get("/aggregates")

    message = (await health(proxy))["message"]

    for sentence in sentences:
        assert sentence in message
    assert message.endswith("; no readings to serve.")
    assert "rest" not in message
    assert "cooldown" not in message
