"""A gateway that is down is tried rarely: each trial is one request."""

from proxy.sim.faults import Fault
from tests.clock import pass_time


async def test_a_gateway_that_resets_connections_is_tried_six_times_a_minute(sim, proxy, clock):
    """A request whose connection broke is repeated once, but not when the one before it broke, too."""
    await proxy.get("/aggregates")
    await proxy.get("/soe")
    sim.faults.add(Fault(action="reset"))
    for _ in range(120):
        await pass_time(clock, proxy, 0.5)
        await proxy.get("/aggregates")
        await proxy.get("/soe")
    before = len(sim.requests)
    for _ in range(120):
        await pass_time(clock, proxy, 0.5)
        await proxy.get("/aggregates")
        await proxy.get("/soe")

    assert 3 <= len(sim.requests) - before <= 6


async def test_an_old_connection_that_broke_costs_no_client_an_answer(sim, proxy, clock):
    await proxy.get("/soe")
    sim.faults.add(Fault(action="close", times=1))
    clock.advance(6)

    answer = await proxy.get("/soe")

    assert (answer.status, answer.headers["Age"]) == (200, "0")
