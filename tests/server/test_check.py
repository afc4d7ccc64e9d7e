"""The check that the status page runs: the steps of doctor, by a proxy that is reading the gateway."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from proxy.core.advice import Cause
from proxy.sim.faults import Fault
from tests.clock import pass_time

PATH = "/status/check"
WORDS = Path(__file__).parents[2] / "web" / "status-words.json"


def steps(answer) -> list[dict]:
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_it_names_each_step_and_costs_three_requests(proxy, sim):
    """The session of the proxy is used: no login, and nothing of the kind of doctor's own."""
    await proxy.get("/soe")
    before = len(sim.requests)

    answer = await proxy.post(PATH)

    assert answer.headers["Content-Type"] == "application/x-ndjson"
    *found, verdict = steps(answer)
    assert [step["step"] for step in found] == [
        *("address", "port", "TLS"),
        *("local: login", "local: powers", "local: charge", "local: firmware"),
    ]
    assert all(step["ok"] for step in found)
    assert verdict == {"healthy": True, "cause": None, "advice": ""}
    assert len(sim.requests) == before + 3
    assert sim.logins == 1


def test_every_verdict_can_be_read_in_every_language():
    """What is wrong, and what to do."""
    for words in json.loads(WORDS.read_text(encoding="utf-8")).values():
        assert {f"{part}_{cause.value}" for cause in Cause for part in ("cause", "do")} <= words.keys()


async def test_a_step_is_sent_when_it_is_known(proxy, sim):
    """The page shows the first steps while the gateway still lets the last ones wait."""
    await proxy.get("/soe")
    sim.faults.add(Fault(action="hang", path="/api/meters/*"))

    async with proxy.client.post(proxy.url + PATH) as answer:
        first = [json.loads(await answer.content.readline())["step"] for _ in range(3)]

    assert first == ["address", "port", "TLS"]


async def test_during_a_pause_it_names_the_cause_and_sends_nothing(proxy, sim, clock):
    """A gateway that limits requests gets none for a check, and the pause is not prolonged."""
    await proxy.get("/aggregates")
    sim.answers(status=429, headers={"Retry-After": "600"})
    await pass_time(clock, proxy, 6)
    await proxy.get("/aggregates")
    before = len(sim.requests)

    *found, verdict = steps(await proxy.post(PATH))

    assert verdict["cause"] == "rate limit"
    assert "pause of 6" in found[-1]["detail"] or "pause of 5" in found[-1]["detail"]
    assert len(sim.requests) == before


async def test_the_cause_of_a_refused_password_is_named_without_another_login(start, sim):
    proxy = await start(sim, password="mistyped")
    await proxy.get("/soe")
    logins = sim.logins

    *_, verdict = steps(await proxy.post(PATH))

    assert verdict["cause"] == "login"
    assert "PW_PASSWORD" in verdict["advice"]
    assert sim.logins == logins


async def test_one_runs_at_a_time_and_the_next_one_a_little_later(proxy, sim, clock):
    """However often it is clicked, and on however many screens: the gateway is examined every ten seconds at most."""
    await proxy.get("/soe")
    sim.faults.add(Fault(action="hang", path="/api/meters/*"))
    first = asyncio.ensure_future(proxy.post(PATH))
    await asyncio.sleep(0)
    while not any("aggregates" in record.path for record in sim.requests):
        await asyncio.sleep(0)

    second = await proxy.post(PATH)
    assert (second.status, second.headers["Retry-After"]) == (429, "1")
    await pass_time(clock, proxy, 10)
    assert (await first).status == 200
    sim.faults.clear()

    third = await proxy.post(PATH)
    assert (third.status, third.headers["Retry-After"]) == (429, "10")
    await pass_time(clock, proxy, 10)
    assert (await proxy.post(PATH)).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.example"}, 421),
    ],
)
async def test_a_page_of_another_origin_cannot_begin_one(proxy, sim, headers, status):
    """Neither a form of any web page nor a name that was pointed at this machine."""
    answer = await proxy.post(PATH, headers=headers)

    assert answer.status == status
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert sim.requests == []


async def test_an_address_alone_begins_none(proxy, sim):
    """A picture or a link of any page makes a browser send a GET."""
    assert (await proxy.get(PATH)).status == 405
    assert sim.requests == []


async def test_a_page_that_is_left_ends_it(proxy, sim, clock):
    """What it would have shown costs the gateway no further request."""
    await proxy.get("/version")
    sim.faults.add(Fault(action="hang", path="/api/meters/*"))
    async with proxy.client.post(proxy.url + PATH) as answer:
        for _ in range(3):
            await answer.content.readline()
        answer.close()

    for _ in range(10):
        await pass_time(clock, proxy, 3)

    assert sim.requests_for("/api/meters/aggregates") == 1
    assert sim.requests_for("/api/system_status/soe") == 0
