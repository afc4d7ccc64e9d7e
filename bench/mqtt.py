"""What a broker that is frozen costs HTTP: nothing. Three proxies in turn, two of them with brokers that are well."""

from __future__ import annotations

import asyncio
import json
import math
import statistics
from typing import Any

from bench import hot
from bench.goal import Goal, figure_of
from bench.machine import Process, answer, free_port, suspended, wait_for
from bench.targets import Bench, Target

FROZEN, WELL, ALIKE = "broker frozen", "broker well", "broker well, too"
_CELL = hot.CELLS[2]
# Until it is frozen for so long, a proxy still waits for the acknowledgement of a message.
_NOTICED_S = 15.0
# The p99 of a second differs by more than a few percent from second to second.
_TIMES = 6


GOALS = (
    Goal("a hit while the MQTT broker is frozen: p99 : while it is well", figure_of("mqtt", "p99"), 1.03),
    Goal("the same: resident memory", figure_of("mqtt", "memory"), 1.03),
)


async def run(bench: Bench, rounds: int) -> dict[str, Any]:
    """Return p99, CPU and memory of hits with a frozen broker, as ratios to those with one that is well.

    ``spread`` is the ratio of the two p99 that should be equal. A publisher that is connected keeps readings fresh
    by itself; a reader of the event stream does at all of them.
    """
    ports = {name: free_port() for name in (FROZEN, WELL, ALIKE)}
    brokers = {name: Process(["mosquitto", "-p", str(port)]) for name, port in ports.items()}
    targets = {
        name: bench.daemon(name, MQTT_HOST="127.0.0.1", MQTT_PORT=str(port)) for name, port in ports.items()
    }
    for each in (*brokers.values(), *(target.process for target in targets.values())):
        each.start()
    readers: list[asyncio.Task[None]] = []
    try:
        await asyncio.gather(*(_connected(target) for target in targets.values()))
        readers += [asyncio.create_task(_read_events(target)) for target in targets.values()]
        with suspended([brokers[FROZEN]]):
            await asyncio.sleep(_NOTICED_S)
            found = await hot.run([*targets.values()], _TIMES * rounds, (_CELL,), alone=True)
        figures = found[_CELL.name]
        memory = {name: target.process.resident_mb for name, target in targets.items()}
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        for each in (*(target.process for target in targets.values()), *brokers.values()):
            each.stop()
    p99, cpu = ([figures[name][f"{what}_ratio"] for name in (WELL, ALIKE)] for what in ("p99", "cpu"))
    ratios = {
        "p99": math.sqrt(math.prod(p99)),
        "spread": max(p99) / min(p99),
        "cpu": math.sqrt(math.prod(cpu)),
        "memory": memory[FROZEN] / statistics.fmean((memory[WELL], memory[ALIKE])),
    }
    print("\nbroker frozen : well", {name: round(value, 3) for name, value in ratios.items()}, flush=True)
    return ratios


async def _connected(target: Target) -> None:
    await wait_for(target.port, "/soe")
    async with asyncio.timeout(30):
        while True:
            whole = await answer(target.port, "/api/mqtt/status")
            if json.loads(whole.partition(b"\r\n\r\n")[2])["connected"]:
                return
            await asyncio.sleep(0.1)


async def _read_events(target: Target) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        async for _ in reader:
            pass
    finally:
        writer.close()
