"""Random schedules of requests, faults and time: what comes from the cloud is as old as its ``Age`` says or younger.

The house changes every second, and its charge and the time of its powers date what is answered.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from random import Random

import pytest

from tests.clock import settled

TROUBLES = (
    None,
    "unavailable",
    "broken",
    "slow",
    "silent",
    "html",
    "offline",
    "rate-limit",
    "token-expired",
    "refused",
)
# How old each may be (s): three intervals, of the powers or of the settings, which have the reserve.
LIMITS_S = {"/soe": 180, "/aggregates": 180, "/csv/v2": 3 * 3600, "/json": 3 * 3600}
PATHS = tuple(LIMITS_S)
# Age is in whole seconds, and a test does not know to a fraction of a second when something was read.
SLACK_S = 1.6
STEP_S = 0.5
PERCENT_PER_S = 0.05
PHASES = 14


class Watch:
    """A house whose charge says how many seconds have passed, and a client that compares it with every Age."""

    def __init__(self, cloud, proxy, clock) -> None:
        self.cloud, self.proxy, self.clock = cloud, proxy, clock
        self.began = clock.clock.monotonic()
        self.oldest = 0
        self.change()

    def change(self) -> None:
        passed = self.clock.clock.monotonic() - self.began
        self.cloud.house.plant.set_charge(5 + passed * PERCENT_PER_S)

    async def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            self.change()
            await settled()

    async def read(self, paths) -> None:
        requests = [asyncio.create_task(self.check(path)) for path in paths]
        while not all(request.done() for request in requests):
            await self.wait(STEP_S)
        for request in requests:
            request.result()

    async def check(self, path: str) -> None:
        answer = await self.proxy.get(path)
        if answer.status != 200:
            assert answer.status in {502, 503, 504}, answer.text
            return
        age = int(answer.headers["Age"])
        assert age < LIMITS_S[path], f"{path} is {age} s old"
        older_s = self.true_age(path, answer) - age
        assert older_s < SLACK_S, f"{path} is {older_s:.1f} s older than its Age of {age} s"
        if path in {"/soe", "/aggregates"}:
            self.oldest = max(self.oldest, age)

    def true_age(self, path: str, answer) -> float:
        if path == "/aggregates":
            stamp = answer.json()["site"]["last_communication_time"]
            return self.clock.clock.wall() - datetime.fromisoformat(stamp).timestamp()
        match path:
            case "/csv/v2":
                percent = float(answer.text.split(",")[4])
            case "/json":
                percent = answer.json()["soe"]
            case _:
                percent = answer.json()["percentage"]
        return self.clock.clock.monotonic() - self.began - (percent - 5) / PERCENT_PER_S


@pytest.mark.parametrize("seed", range(3))
async def test_no_reading_is_older_than_it_says_nor_than_the_limit(connect, cloud, clock, seed):
    chance = Random(seed)
    watch = Watch(cloud, await connect(cloud, "owner"), clock)
    await watch.read(PATHS)

    for _ in range(PHASES):
        cloud.heal()
        if trouble := chance.choice(TROUBLES):
            cloud.trouble(trouble)
        for _ in range(chance.randrange(1, 6)):
            await watch.wait(chance.choice([1, 7, 31, 61]))
            await watch.read(chance.sample(PATHS, chance.randrange(1, len(PATHS))))

    assert watch.oldest > 60, "nothing stale was ever served"
