"""What replicas cost: hits nothing, also beside a Redis that is frozen; a miss at a follower one message each way."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bench import hot
from bench.goal import Goal, figure_of
from bench.machine import Process, answer, free_port, wait_for
from bench.targets import Bench, Target
from proxy.replicas.sealing import new_key

WELL, FROZEN = "Redis well", "Redis frozen"
HOLDER, FOLLOWER = "replica that fetches", "replica that follows"
_CELL = hot.CELLS[2]
# The p99 of a second differs by more than a few percent from second to second.
_TIMES = 4
_MISSES, _AGES = 50, 30
# What the proxies of the misses keep a reading for, and how long no request is sent to them after one.
_KEPT_S, _PAUSE_S = 0.0, 0.05
_AGE = re.compile(
    rb'^powerwall_proxy_snapshot_age_seconds\{.*source="/api/meters/aggregates"\} (\S+)$', re.MULTILINE
)


GOALS = (
    Goal("a hit while Redis is frozen: p50 : while it is well", figure_of("replicas", "p50"), 1.05),
    Goal("the same: p99", figure_of("replicas", "p99"), 1.05),
    Goal(
        "a miss at a replica that follows beyond one at the replica that fetches",
        figure_of("replicas", "miss_ms"),
        20,
        "ms",
    ),
    Goal(
        "a reading at a replica that follows: by how much it is older there",
        figure_of("replicas", "older_ms"),
        50,
        "ms",
    ),
)


async def run(bench: Bench, rounds: int) -> dict[str, Any]:
    """Return p50, p99 and CPU of hits with a frozen Redis, as ratios to those with one that is well.

    And how much longer (ms) a miss takes at a replica that follows, and by how much (ms) a reading is older there.
    """
    figures = {**await _frozen(bench, rounds), **await _shared(bench)}
    print("\nreplicas", {name: round(value, 3) for name, value in figures.items()}, flush=True)
    return figures


async def _frozen(bench: Bench, rounds: int) -> dict[str, float]:
    """Load two proxies in turn, one with a Redis that is well."""
    ports = {name: free_port() for name in (WELL, FROZEN)}
    servers = {name: _redis(port) for name, port in ports.items()}
    targets = {
        name: bench.daemon(name, PW_REDIS_URL=f"redis://127.0.0.1:{port}", PW_REDIS_KEY=new_key())
        for name, port in ports.items()
    }
    for each in (*servers.values(), *(target.process for target in targets.values())):
        each.start()
    redis = servers[FROZEN].pids[0]
    frozen, well = targets[FROZEN], targets[WELL]
    try:
        await asyncio.gather(
            *(_is(target, lambda seen: seen["redis"] == "ok") for target in targets.values())
        )
        os.kill(redis, signal.SIGSTOP)
        await _is(frozen, lambda seen: seen["state"] == "alone")
        figures = (await hot.run([frozen, well], _TIMES * rounds, (_CELL,), alone=True))[_CELL.name][WELL]
    finally:
        os.kill(redis, signal.SIGCONT)
        for each in (*(target.process for target in targets.values()), *servers.values()):
            each.stop()
    return {name: figures[f"{name}_ratio"] for name in ("p50", "p99", "cpu")}


async def _shared(bench: Bench) -> dict[str, float]:
    """Request the same of two replicas that share a Redis."""
    port, key = free_port(), new_key()
    redis, own = _redis(port), {"PW_REDIS_URL": f"redis://127.0.0.1:{port}", "PW_REDIS_KEY": key}
    short = {"PW_CACHE_EXPIRE": f"{_KEPT_S:g}", "PW_CACHE_TTL": f"{_KEPT_S:g}"}
    redis.start()
    try:
        misses = {name: bench.daemon(f"{name}, misses", **own, **short) for name in (HOLDER, FOLLOWER)}
        holder, follower = await _started(misses)
        miss_ms = [await _miss_ms(follower) - await _miss_ms(holder) for _ in range(_MISSES)]
        _stop(misses)
        ages = {name: bench.daemon(f"{name}, ages", **own) for name in (HOLDER, FOLLOWER)}
        holder, follower = await _started(ages)
        older_ms = [await _older_ms(holder, follower) for _ in range(_AGES)]
        _stop(ages)
    finally:
        redis.stop()
    return {
        "miss_ms": statistics.median(miss_ms),
        "slowest_miss_ms": max(miss_ms),
        "older_ms": statistics.median(older_ms),
        "youngest_ms": min(older_ms),
    }


async def _started(targets: dict[str, Target]) -> tuple[Target, Target]:
    """Start the one that fetches, then the one that follows."""
    for name, state in ((HOLDER, "holding"), (FOLLOWER, "following")):
        targets[name].process.start()
        await _is(targets[name], partial(_has_state, state))
    return targets[HOLDER], targets[FOLLOWER]


def _has_state(state: str, seen: dict[str, Any]) -> bool:
    return bool(seen["state"] == state)


def _stop(targets: dict[str, Target]) -> None:
    for each in targets.values():
        each.process.stop()


async def _miss_ms(target: Target) -> float:
    """Return how long (ms) a request takes for which the gateway is read."""
    while True:
        await asyncio.sleep(_PAUSE_S)
        started = time.perf_counter()
        got = await answer(target.port, "/soe")
        took_s = time.perf_counter() - started
        if b"fwd=miss" in got:
            return took_s * 1000


async def _older_ms(holder: Target, follower: Target) -> float:
    """Return by how much (ms) a reading is older at a follower, at most: what a scrape takes is included."""
    while True:
        await wait_for(holder.port, "/aggregates")
        await wait_for(follower.port, "/aggregates")
        first, other, last = [await _read_at(each) for each in (holder, follower, holder)]
        # All three know the same reading: the next one would be seconds younger.
        if max(first) - min(first) < 1 and max(abs(first[0] - each[0]) for each in (other, last)) < 1:
            return (first[1] - other[0]) * 1000


async def _read_at(target: Target) -> tuple[float, float]:
    """Return since when a reading is known by its age: not before, and not after (monotonic seconds)."""
    started = time.perf_counter()
    found = _AGE.search((await answer(target.port, "/metrics")).replace(b"\r", b""))
    assert found
    return started - float(found[1]), time.perf_counter() - float(found[1])


def _redis(port: int) -> Process:
    return Process(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""])


async def _is(target: Target, held: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until a proxy reports something of Redis."""
    await wait_for(target.port, "/soe")
    async with asyncio.timeout(30):
        while True:
            whole = await answer(target.port, "/health")
            if held(json.loads(whole.partition(b"\r\n\r\n")[2])["replica"]):
                return
            await asyncio.sleep(0.1)
