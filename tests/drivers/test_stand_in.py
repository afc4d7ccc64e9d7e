"""Two connections to one gateway, of which the first hangs: the other answers in time."""

from __future__ import annotations

import asyncio

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, settled
from tests.drivers.houses import HYBRID, knows

PATHS = ["/aggregates", "/soe", "/api/system_status/grid_status", "/freq", "/csv/v2", "/api/operation"]


async def take_time(clock, task, seconds):
    """Let time pass in small steps until a task has ended; return how much that took."""
    for tick in range(int(seconds * 10)):
        if task.done():
            return tick / 10
        clock.advance(0.1)
        await settled()
    return seconds


@pytest.fixture(params=["hybrid", "v1r"])
async def half_hung(request, clock, key, start):
    """A house whose local API, or whose wired TEDAPI, hangs; the other connection is well."""
    async with (
        SimulatedGateway("pw3" if request.param == "v1r" else "fw23_44", clock=clock.clock) as wired,
        SimulatedGateway("pw3", clock=clock.clock) as wifi,
    ):
        knows(wired, key)
        if request.param == "v1r":
            wired.faults.add(Fault(path="/tedapi/*", action="hang"))
            yield await start(wired, **key.settings(wifi_host=wifi.address))
        else:
            wired.faults.add(Fault(path="/api/*", action="hang"))
            yield await start(wired, **HYBRID)


async def test_a_cold_start_is_answered_by_the_connection_that_works(half_hung, clock):
    for path in PATHS:
        task = asyncio.create_task(half_hung.get(path))
        took = await take_time(clock, task, 6)

        assert (path, (await task).status) == (path, 200)
        assert took <= 4


async def test_clients_that_come_at_once_are_all_answered(half_hung, clock):
    tasks = [asyncio.create_task(half_hung.get(path), name=path) for path in PATHS * 4]
    took = await take_time(clock, asyncio.gather(*tasks), 6)

    assert {task.get_name(): task.result().status for task in tasks} == dict.fromkeys(PATHS, 200)
    assert took <= 4


async def test_it_goes_on_being_answered_while_the_first_connection_hangs(half_hung, clock):
    answers = []
    for _ in range(60):
        task = asyncio.create_task(half_hung.get("/aggregates"))
        await take_time(clock, task, 6)
        answers.append(await task)
        await pass_time(clock, half_hung, 1)

    assert {answer.status for answer in answers} == {200}
    assert all(int(answer.headers["Age"]) <= 30 for answer in answers)
