"""States of the daemon, how it gets there, and what the status page says then."""

from __future__ import annotations


async def fresh(house):
    await house.context.gateway.cache.get(["/api/meters/aggregates", "/api/system_status/soe"])


async def in_cooldown(house):
    await fresh(house)
    house.sim.answers(status=429, headers={"Retry-After": "600"})
    await house.pass_time(6)
    await house.context.gateway.cache.get(["/api/meters/aggregates"])


async def lost(house):
    for path in ("/api/meters/*", "/api/system_status*"):
        house.sim.answers(path=path, status=500)
    await house.context.gateway.cache.get(["/api/meters/aggregates", "/api/system_status/soe"])


STATES = {
    fresh: ("Readings are", "good"),
    in_cooldown: ("The gateway limits requests", "fair"),
    lost: ("No readings: /api/meters/aggregates", "bad"),
}
