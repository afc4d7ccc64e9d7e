"""Three real processes on one gateway, which end in every manner: readings go on, with one login in all."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

from tests.processes import LONGEST_WAIT_S
from tests.quiet import QUIET_ENVIRON
from tests.replicas.conftest import KEY, PASSWORD

AGE = re.compile(
    r'^powerwall_proxy_snapshot_age_seconds\{.*source="/api/meters/aggregates"\} (\S+)$', re.MULTILINE
)


class Process:
    """A proxy in a process of its own."""

    def __init__(self, folder: Path, host: str, redis_url: str) -> None:
        folder.mkdir()
        self.log = folder / "log"
        environ = {name: text for name, text in os.environ.items() if not name.startswith("PW_")}
        environ |= {
            "PW_HOST": host,
            "PW_PASSWORD": "password",
            "PW_PORT": "0",
            "PW_BIND_ADDRESS": "127.0.0.1",
            "PW_STATE_PATH": str(folder / "state"),
            "PW_REDIS_URL": redis_url,
            "PW_REDIS_PASSWORD": PASSWORD,
            "PW_REDIS_KEY": KEY,
            **QUIET_ENVIRON,
        }
        with self.log.open("wb") as output:
            command = [sys.executable, "-m", "proxy"]
            self._process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)

    async def listens(self) -> None:
        ends = time.monotonic() + LONGEST_WAIT_S
        while not (found := re.search(r"listening url=\"?(http://[^ \"]+)", self.log.read_text())):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < ends, self.log.read_text()
            await asyncio.sleep(0.02)
        self.url = found[1]

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> None:
        self.send(signal.SIGCONT)
        self._process.kill()
        self._process.wait()


async def standing(client: aiohttp.ClientSession, process: Process) -> str:
    async with client.get(f"{process.url}/health") as answer:
        return (await answer.json())["replica"]["state"]


async def holder_of(client, processes) -> Process | None:
    states = [await standing(client, each) for each in processes]
    return processes[states.index("holding")] if states.count("holding") == 1 else None


async def served_until_one_holds(client, processes, within_s: float) -> Process:
    """Read from all of them without a pause until one holds the lease; every answer is one, and none is old.

    A machine that is busy is late: what one look takes, which is next to nothing, is allowed several times.
    """
    began, late_s = time.monotonic(), 0.0
    while True:
        looked = time.monotonic()
        ages = [await age(client, each) for each in processes]
        holder = await holder_of(client, processes)
        late_s = max(late_s, time.monotonic() - looked)
        assert max(ages) <= 12 + 5 * late_s
        if holder:
            return holder
        assert time.monotonic() - began < within_s + 5 * late_s
        await asyncio.sleep(0.1)


async def age(client: aiohttp.ClientSession, process: Process) -> int:
    async with client.get(f"{process.url}/aggregates") as answer:
        assert answer.status == 200, await answer.text()
        return int(answer.headers["Age"])


async def read_since(client: aiohttp.ClientSession, process: Process) -> tuple[float, float]:
    """Return the time of a reading, by its age: not before, and not after."""
    began = time.monotonic()
    async with client.get(f"{process.url}/metrics") as answer:
        age_s = float(AGE.search(await answer.text())[1])
    return began - age_s, time.monotonic() - age_s


async def none_is_younger_than_at(client, holder: Process, others: list[Process]) -> None:
    """A reading is as old at each follower as at the one that fetched it, or older by the way to it."""
    for other in others:
        is_of_one_reading = False
        while not is_of_one_reading:
            before, there, after = [await read_since(client, each) for each in (holder, other, holder)]
            is_of_one_reading = after[0] <= before[1]
        assert there[0] <= before[1] + 0.001


async def test_readings_go_on_with_one_login_whatever_ends_the_one_that_fetches(sim, redis, tmp_path):
    processes = [Process(tmp_path / str(n), sim.address, redis.url) for n in range(3)]
    everything = tuple(processes)
    timeout = aiohttp.ClientTimeout(total=30)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as client:
            for each in processes:
                await each.listens()
            holder = await served_until_one_holds(client, processes, LONGEST_WAIT_S)
            await none_is_younger_than_at(client, holder, [each for each in processes if each is not holder])

            # Killed: the lease ends by itself.
            processes.remove(holder)
            holder.send(signal.SIGKILL)
            holder = await served_until_one_holds(client, processes, 8)

            # Suspended: another one goes on, and the one that wakes follows it.
            (other,) = (each for each in processes if each is not holder)
            holder.send(signal.SIGSTOP)
            assert await served_until_one_holds(client, [other], 8) is other
            holder.send(signal.SIGCONT)
            assert await served_until_one_holds(client, processes, 8) is other

            # Stopped in an orderly way: there is no pause.
            other.send(signal.SIGTERM)
            assert await served_until_one_holds(client, [holder], 2) is holder
    finally:
        for each in everything:
            each.end()

    assert sim.logins == 1
