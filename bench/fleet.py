"""Fifty gateways behind one proxy: what they cost, and that those that are away cost the others nothing.

Their simulators share the process of the load; each gateway has its live readings watched.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from operator import truediv
from typing import Any

import aiohttp

from bench import hot
from bench.goal import Goal, figure_of
from bench.machine import answer, wait_for
from bench.targets import Bench, Target
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway

GATEWAYS, AWAY, TTL_S = 50, 10, 5.0
# Two rounds of what an open page wants every twenty seconds, and neither begins nor ends with one.
_WATCHED_S = 40.0
_PAIRS = 5
# How long readings are fresh where only hits are measured.
_LONG_S = 300.0
_DEAD_NAME = "nowhere.invalid"
_PATHS = tuple(f"/gateways/g{number}/aggregates" for number in range(1, 5))
# Of one in the same form: wrk takes longer for requests that it makes one by one.
_OF_ONE = hot.Cell(_PATHS[0], 16, others=_PATHS[:1])
_IN_TURN = hot.Cell(_PATHS[0], 16, others=_PATHS[1:])


_PER_MINUTE = "requests per gateway and minute"
GOALS = (
    Goal("50 gateways: start", figure_of("fleet", "start_s"), 1.5, "s", per_machine=True),
    Goal(
        "50 gateways, live readings of all watched: CPU",
        figure_of("fleet", "calm", "cpu_percent"),
        25,
        "%",
        per_machine=True,
    ),
    Goal("the same: resident memory", figure_of("fleet", "calm", "resident_mb"), 141, "MB"),
    Goal("a hit with 50 gateways : with one", figure_of("fleet", "hit : with one"), 1.03),
    Goal("hits of 4 gateways in turn : of one", figure_of("fleet", "hits of four : of one"), 1.03),
    Goal(
        "50 gateways, 10 of which hang: slowest response of the others",
        figure_of("fleet", "with black holes", "slowest_ms"),
        100,
        "ms",
        per_machine=True,
    ),
    Goal(
        "the same: requests per gateway : on a calm day",
        lambda r: r["fleet"]["with black holes"][_PER_MINUTE] / r["fleet"]["calm"][_PER_MINUTE],
        1.1,
    ),
    Goal(
        "50 gateways, a name that never resolves: slowest response",
        figure_of("fleet", "with a dead name", "slowest_ms"),
        100,
        "ms",
        per_machine=True,
    ),
    Goal("50 gateways: end", figure_of("fleet", "end_s"), 2, "s"),
    Goal(
        "CPU of one scrape of /metrics, 50 gateways",
        figure_of("fleet", "metrics_ms"),
        150,
        "ms",
        per_machine=True,
    ),
)


@dataclass
class Readers:
    """An open page for every gateway that is there: clients of its live events."""

    tasks: Sequence[asyncio.Task[None]]

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def run(bench: Bench, rounds: int) -> dict[str, Any]:
    """Measure start, processor, memory, a hit beside one gateway's, /metrics, black holes, and the end."""
    async with AsyncExitStack() as stack:
        sims = [
            await stack.enter_async_context(SimulatedGateway("fw21_44", seed=number))
            for number in range(1, GATEWAYS + 1)
        ]
        one, many = _fleet(bench, sims[:1], "one gateway"), _fleet(bench, sims, "fifty gateways")
        stack.callback(one.process.stop)
        stack.callback(many.process.stop)
        figures = await _hits(bench, sims, rounds)
        started = time.perf_counter()
        many.process.start()
        await wait_for(many.port, "/soe")
        figures["start_s"] = round(time.perf_counter() - started, 3)
        figures["start_cpu_s"] = round(many.process.cpu_s, 2)
        await one.start()
        figures["one gateway"] = await _watched(one, sims[:1])
        figures["calm"] = await _watched(many, sims)
        for sim in sims[-AWAY:]:
            sim.faults.add(Fault(action="hang"))
        figures["with black holes"] = await _watched(many, sims, away=AWAY)
        for sim in sims[-AWAY:]:
            sim.faults.clear()
        # After those that count requests: a scraper's are fetched for it, too.
        await _all_read(many)
        figures["metrics_ms"] = await _scrape_ms(many)
        one.process.stop()
        for sim in sims[-AWAY:]:
            sim.faults.add(Fault(action="hang"))
        end_s = await _end_s(many)
        with_dead_name = _fleet(bench, sims[: GATEWAYS - AWAY], "a dead name", _DEAD_NAME)
        stack.callback(with_dead_name.process.stop)
        await with_dead_name.start()
        await asyncio.gather(*(answer(with_dead_name.port, "/gateways/dead/soe") for _ in range(3)))
        figures["with a dead name"] = await _watched(with_dead_name, sims[: GATEWAYS - AWAY])
        figures["end_s"] = max(end_s, await _end_s(with_dead_name))
    print("\nfleet:", figures, flush=True)
    return figures


async def _end_s(target: Target) -> float:
    """Stop a server; return the seconds until it has ended."""
    started = time.perf_counter()
    await asyncio.to_thread(target.process.stop)
    return round(time.perf_counter() - started, 3)


async def _hits(bench: Bench, sims: Sequence[SimulatedGateway], rounds: int) -> dict[str, Any]:
    """Compare what a hit costs with fifty gateways, and one of four gateways in turn, with what it costs with one.

    No gateway is read meanwhile: what that costs is measured by itself. Two processes of the same program differ by
    some percent all their life, by where their memory is, so that several pairs are measured.
    """
    ratios: list[tuple[float, float]] = []
    for _ in range(_PAIRS):
        many, one = (
            _fleet(bench, sims[:count], f"hits with {count}", PW_HISTORY="no", PW_CACHE_EXPIRE=f"{_LONG_S:g}")
            for count in (GATEWAYS, 1)
        )
        try:
            for target in (many, one):
                await target.start()
                await _all_read(target)
            hit, hit_of_one, in_turn, of_one = await _costs(
                [(many, hot.CELLS[0]), (one, hot.CELLS[0]), (many, _IN_TURN), (many, _OF_ONE)], rounds
            )
        finally:
            for target in (many, one):
                target.process.stop()
        ratios += zip(map(truediv, hit, hit_of_one), map(truediv, in_turn, of_one), strict=True)
    of_fifty, of_four = zip(*ratios, strict=True)
    return {
        "hit : with one": statistics.median(of_fifty),
        "hits of four : of one": statistics.median(of_four),
    }


async def _costs(kinds: Sequence[tuple[Target, hot.Cell]], rounds: int) -> list[list[float]]:
    """Return the CPU microseconds of a hit of each kind, a figure a round; a round has them in an order of its own."""
    found: list[list[float]] = [[] for _ in kinds]
    for _ in range(rounds):
        for at in random.sample(range(len(kinds)), len(kinds)):
            found[at].append((await hot.quiet_slice_of(*kinds[at]))["cpu_us"])
    return found


async def _all_read(target: Target) -> None:
    """Wait until every gateway has been read, which the proxy does by itself after its start, or a fault."""
    async with asyncio.timeout(_LONG_S):
        while True:
            body = (await answer(target.port, "/gateways")).partition(b"\r\n\r\n")[2]
            if {"none", "cooldown"}.isdisjoint(each["state"] for each in json.loads(body)["gateways"]):
                return
            await asyncio.sleep(0.5)


def _fleet(bench: Bench, sims: Sequence[SimulatedGateway], name: str, *others: str, **env: str) -> Target:
    listed = [
        {"id": f"g{number}", "host": sim.address, "password": sim.password}
        for number, sim in enumerate(sims, 1)
    ]
    listed += [{"id": "dead", "host": host, "password": "x"} for host in others]
    return bench.daemon(
        name, PW_HOST="", PW_GATEWAYS=json.dumps(listed), **{"PW_CACHE_EXPIRE": f"{TTL_S:g}", **env}
    )


async def _watched(target: Target, sims: Sequence[SimulatedGateway], *, away: int = 0) -> dict[str, float]:
    """Hold a stream of live events of every gateway for a while; the last ``away`` of them do not answer."""
    there = sims[: len(sims) - away]
    readers = Readers([asyncio.create_task(_read(target.port, n)) for n in range(1, len(sims) + 1)])
    try:
        await asyncio.sleep(TTL_S + 6.0)  # all have started, and are read once
        before = sum(len(sim.requests) for sim in there)
        cpu_s, started = target.process.cpu_s, time.monotonic()
        waits: list[float] = []
        while time.monotonic() < started + _WATCHED_S:
            sent = time.monotonic()
            got = await answer(target.port, f"/gateways/g{len(waits) % len(there) + 1}/aggregates")
            waits.append(time.monotonic() - sent if b" 200 " in got[:20] else float("inf"))
            await asyncio.sleep(0.1)
        seconds = time.monotonic() - started
        return {
            "cpu_percent": round(100 * (target.process.cpu_s - cpu_s) / seconds, 1),
            "resident_mb": round(target.process.resident_mb, 1),
            "slowest_ms": round(1e3 * max(waits), 1),
            "requests per gateway and minute": round(
                60 * (sum(len(sim.requests) for sim in there) - before) / seconds / len(there), 1
            ),
        }
    finally:
        await readers.close()


async def _read(port: int, number: int) -> None:
    url = f"http://127.0.0.1:{port}/gateways/g{number}/events"
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as stream:
        async for _ in stream.content.iter_any():
            pass


async def _scrape_ms(target: Target, times: int = 20) -> float:
    """Milliseconds of CPU that one scrape of /metrics costs, without what reading the gateways costs meanwhile."""
    await answer(target.port, "/metrics")
    at_rest = await _cpu_of(target, asyncio.sleep(TTL_S * 2))
    before, started = target.process.cpu_s, time.monotonic()
    for _ in range(times):
        await answer(target.port, "/metrics")
    spent = target.process.cpu_s - before - at_rest * (time.monotonic() - started)
    return round(1e3 * spent / times, 1)


async def _cpu_of(target: Target, meanwhile: Awaitable[None]) -> float:
    """Return which part of a core a server uses meanwhile."""
    before, started = target.process.cpu_s, time.monotonic()
    await meanwhile
    return (target.process.cpu_s - before) / (time.monotonic() - started)
