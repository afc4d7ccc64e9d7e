"""What a broker that is frozen costs HTTP: nothing. Two proxies in turn, one with a broker that is well."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

from bench import hot
from bench.machine import Process, answer, free_port, wait_for
from bench.targets import Bench, Target

WELL, FROZEN = "broker well", "broker frozen"
_CELL = hot.CELLS[2]
# Until it is frozen for so long, a proxy still waits for the acknowledgement of a message.
_NOTICED_S = 15.0


async def run(bench: Bench, rounds: int) -> dict[str, Any]:
    """Return p99 and memory of hits with a frozen broker, as ratios to those with one that is well."""
    ports = {name: free_port() for name in (WELL, FROZEN)}
    brokers = {name: Process(["mosquitto", "-p", str(port)]) for name, port in ports.items()}
    targets = {
        name: bench.daemon(name, MQTT_HOST="127.0.0.1", MQTT_PORT=str(port)) for name, port in ports.items()
    }
    for each in (*brokers.values(), *(target.process for target in targets.values())):
        each.start()
    broker = brokers[FROZEN].pids[0]
    try:
        await asyncio.gather(*(_connected(target) for target in targets.values()))
        os.kill(broker, signal.SIGSTOP)
        await asyncio.sleep(_NOTICED_S)
        frozen, well = targets[FROZEN], targets[WELL]
        figures = (await hot.run([frozen, well], rounds, (_CELL,)))[_CELL.name]
        memory = frozen.process.resident_mb / well.process.resident_mb
    finally:
        os.kill(broker, signal.SIGCONT)
        for each in (*(target.process for target in targets.values()), *brokers.values()):
            each.stop()
    ratios = {"p99": figures[WELL]["p99_ratio"], "cpu": figures[WELL]["cpu_ratio"], "memory": memory}
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
