"""Three replicas with all their clients are one client to the gateway, as one proxy with these clients would be."""

from __future__ import annotations

import asyncio
from collections import Counter

from proxy.sim.server import SimulatedGateway

SIMULATED_S = 60
_STEP_S = 0.5
ROUTES = (
    *("/aggregates", "/soe", "/api/system_status/grid_status", "/strings", "/vitals", "/api/system_status"),
    *("/freq", "/api/operation", "/pod", "/temps", "/api/powerwalls", "/api/status", "/csv", "/alerts"),
)
CLIENTS = 16


def _due(client: int, step: int) -> bool:
    """Whether a client sends a request now: each has a pace of its own, a second to seven."""
    return (step + client) % (2 + client % 7 * 2) == 0


async def _requests(proxies, step: int) -> list:
    """Send what the clients of each proxy send now."""
    return await asyncio.gather(
        *(
            proxies[client % len(proxies)].get(ROUTES[client % len(ROUTES)])
            for client in range(3 * CLIENTS)
            if _due(client, step)
        )
    )


def _counted(house) -> Counter[str]:
    return Counter(record.path for record in house.requests)


async def test_three_replicas_with_sixteen_clients_each_send_the_gateway_what_one_proxy_would(
    replica, start, clock, sim, redis
):
    async with SimulatedGateway(persona="fw21_44", clock=clock.clock) as other:
        several, one = [await replica(sim) for _ in range(3)], await start(other)
        for step in range(round(SIMULATED_S / _STEP_S)):
            answers = await asyncio.gather(_requests(several, step), _requests([one], step))
            assert {answer.status for each in answers for answer in each} == {200}
            for _ in range(
                2
            ):  # a request to the replica that fetches, what it has got, and what follows from that
                await redis.settled()
            clock.advance(_STEP_S)

        together, alone = _counted(sim), _counted(other)
        assert abs(together.total() - alone.total()) <= 0.02 * alone.total(), (together, alone)
        assert sim.logins == other.logins == 1
        assert sim.max_connections <= other.max_connections
