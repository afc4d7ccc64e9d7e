"""What a Redis that is frozen costs hits: nothing. Two proxies in turn, one with a Redis that is well."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from typing import Any

from bench import hot
from bench.machine import Process, answer, free_port, wait_for
from bench.targets import Bench, Target
from proxy.replicas.sealing import new_key

WELL, FROZEN = "Redis well", "Redis frozen"
_CELL = hot.CELLS[2]


async def run(bench: Bench, rounds: int) -> dict[str, Any]:
    """Return p50, p99 and CPU of hits with a frozen Redis, as ratios to those with one that is well."""
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
        figures = (await hot.run([frozen, well], rounds, (_CELL,)))[_CELL.name][WELL]
    finally:
        os.kill(redis, signal.SIGCONT)
        for each in (*(target.process for target in targets.values()), *servers.values()):
            each.stop()
    ratios = {name: figures[f"{name}_ratio"] for name in ("p50", "p99", "cpu")}
    print("\nRedis frozen : well", {name: round(value, 3) for name, value in ratios.items()}, flush=True)
    return ratios


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
